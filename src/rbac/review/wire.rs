//! The text of an access review, read the way the API server reads it: names by case, unknown
//! fields passed over, `null` as nothing, a repeated field laid over the first. Texts are borrowed
//! from the input wherever they need no unescaping.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A text, borrowed where possible.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read<'a>(PhantomData<&'a ()>);
        impl<'de: 'a, 'a> Visitor<'de> for Read<'a> {
            type Value = Text<'a>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
            fn visit_string<E: Error>(self, text: String) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text)))
            }
        }
        deserializer.deserialize_str(Read(PhantomData))
    }
}

/// An object whose fields are laid over what is there.
trait Lay<'de> {
    /// Takes one field; false where the name is not known and the value still unread.
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error>;
}

/// Lays a text over a value of type `T`; `null` changes nothing.
struct Over<'m, T>(&'m mut T);

impl<'de, T: Lay<'de>> DeserializeSeed<'de> for Over<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Lay<'de>> Visitor<'de> for Over<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Text<'de>>()? {
            if !self.0.field(&name.0, &mut map)? {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Lays a text over a value that may be absent; `null` makes it absent.
struct OverOption<'m, T>(&'m mut Option<T>);

impl<'de, T: Lay<'de> + Default> DeserializeSeed<'de> for OverOption<'_, T> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, T: Lay<'de> + Default> Visitor<'de> for OverOption<'_, T> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or null")
    }
    fn visit_none<E: Error>(self) -> Result<(), E> {
        *self.0 = None;
        Ok(())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.visit_none()
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        Over(self.0.get_or_insert_default()).deserialize(deserializer)
    }
}

/// Reads a text over one that is there.
fn text<'de, A: MapAccess<'de>>(into: &mut Cow<'de, str>, map: &mut A) -> Result<bool, A::Error> {
    if let Some(text) = map.next_value::<Option<Text<'de>>>()? {
        *into = text.0;
    }
    Ok(true)
}

/// Reads a list of texts; `null` is the empty list, a `null` in it the empty text.
fn texts<'de, A: MapAccess<'de>>(
    into: &mut Vec<Cow<'de, str>>,
    map: &mut A,
) -> Result<bool, A::Error> {
    let list = map.next_value::<Option<Vec<Option<Text<'de>>>>>()?;
    *into = list.unwrap_or_default().into_iter().map(|text| text.unwrap_or_default().0).collect();
    Ok(true)
}

/// The whole review.
#[derive(Debug, Default)]
pub(super) struct WireReview<'a> {
    pub(super) api_version: Cow<'a, str>,
    pub(super) kind: Cow<'a, str>,
    pub(super) metadata: Option<&'a RawValue>,
    pub(super) spec: Option<&'a RawValue>,
    pub(super) status: WireStatus,
}

impl<'de> Lay<'de> for WireReview<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "apiVersion" => text(&mut self.api_version, map),
            "kind" => text(&mut self.kind, map),
            "metadata" => {
                self.metadata = map.next_value()?;
                Ok(true)
            }
            "spec" => {
                // Written out again as it stands, so that it cannot be laid over another.
                if self.spec.is_some() {
                    return Err(A::Error::custom("spec is given twice"));
                }
                self.spec = map.next_value()?;
                Ok(true)
            }
            "status" => map.next_value_seed(Over(&mut self.status)).map(|()| true),
            _ => Ok(false),
        }
    }
}

/// An answer that the review came with.
#[derive(Debug, Default)]
pub(super) struct WireStatus {
    pub(super) allowed: Option<bool>,
}

impl<'de> Lay<'de> for WireStatus {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        let known = name == "allowed";
        if known {
            self.allowed = map.next_value::<Option<bool>>()?.or(self.allowed);
        }
        Ok(known)
    }
}

/// `spec`.
#[derive(Debug, Default)]
pub(super) struct WireSpec<'a> {
    pub(super) resource: Option<WireResource<'a>>,
    pub(super) path: Option<WirePath<'a>>,
    pub(super) user: Cow<'a, str>,
    pub(super) groups: Vec<Cow<'a, str>>,
    uid: Cow<'a, str>,
}

impl<'de> Lay<'de> for WireSpec<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "resourceAttributes" => {
                map.next_value_seed(OverOption(&mut self.resource)).map(|()| true)
            }
            "nonResourceAttributes" => {
                map.next_value_seed(OverOption(&mut self.path)).map(|()| true)
            }
            "user" => text(&mut self.user, map),
            "groups" => texts(&mut self.groups, map),
            "uid" => text(&mut self.uid, map),
            "extra" => {
                // Not looked at by RBAC; it has to have its form all the same.
                type Extra<'a> = BTreeMap<Text<'a>, Option<Vec<Option<Text<'a>>>>>;
                map.next_value::<Option<Extra<'de>>>().map(|_| true)
            }
            _ => Ok(false),
        }
    }
}

/// `spec.resourceAttributes`.
#[derive(Debug, Default)]
pub(super) struct WireResource<'a> {
    pub(super) namespace: Cow<'a, str>,
    pub(super) verb: Cow<'a, str>,
    pub(super) group: Cow<'a, str>,
    version: Cow<'a, str>,
    pub(super) resource: Cow<'a, str>,
    pub(super) subresource: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) field_selector: Option<WireSelector<'a>>,
    pub(super) label_selector: Option<WireSelector<'a>>,
}

impl<'de> Lay<'de> for WireResource<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "namespace" => text(&mut self.namespace, map),
            "verb" => text(&mut self.verb, map),
            "group" => text(&mut self.group, map),
            "version" => text(&mut self.version, map),
            "resource" => text(&mut self.resource, map),
            "subresource" => text(&mut self.subresource, map),
            "name" => text(&mut self.name, map),
            "fieldSelector" => {
                map.next_value_seed(OverOption(&mut self.field_selector)).map(|()| true)
            }
            "labelSelector" => {
                map.next_value_seed(OverOption(&mut self.label_selector)).map(|()| true)
            }
            _ => Ok(false),
        }
    }
}

/// `spec.nonResourceAttributes`.
#[derive(Debug, Default)]
pub(super) struct WirePath<'a> {
    pub(super) path: Cow<'a, str>,
    pub(super) verb: Cow<'a, str>,
}

impl<'de> Lay<'de> for WirePath<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "path" => text(&mut self.path, map),
            "verb" => text(&mut self.verb, map),
            _ => Ok(false),
        }
    }
}

/// A field or label selector. RBAC ignores them; the API server refuses malformed ones.
#[derive(Debug, Default)]
pub(super) struct WireSelector<'a> {
    pub(super) raw: Cow<'a, str>,
    pub(super) requirements: Vec<WireRequirement<'a>>,
}

impl<'de> Lay<'de> for WireSelector<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "rawSelector" => text(&mut self.raw, map),
            "requirements" => {
                let list = map.next_value::<Option<Vec<WireRequirement<'de>>>>()?;
                self.requirements = list.unwrap_or_default();
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

/// One requirement of a selector.
#[derive(Debug, Default)]
pub(super) struct WireRequirement<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) operator: Cow<'a, str>,
    pub(super) values: Vec<Cow<'a, str>>,
}

impl<'de> Lay<'de> for WireRequirement<'de> {
    fn field<A: MapAccess<'de>>(&mut self, name: &str, map: &mut A) -> Result<bool, A::Error> {
        match name {
            "key" => text(&mut self.key, map),
            "operator" => text(&mut self.operator, map),
            "values" => texts(&mut self.values, map),
            _ => Ok(false),
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for WireRequirement<'a>
where
    Self: Lay<'de>,
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut requirement = Self::default();
        Over(&mut requirement).deserialize(deserializer)?;
        Ok(requirement)
    }
}

/// Reads a whole text over the default value.
fn read<'de, T: Lay<'de> + Default>(text: &'de [u8]) -> Result<T, serde_json::Error> {
    let mut value = T::default();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Over(&mut value).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

impl<'a> WireReview<'a> {
    pub(super) fn read(text: &'a [u8]) -> Result<Self, serde_json::Error> {
        read(text)
    }

    pub(super) fn read_spec(&self) -> Result<WireSpec<'a>, serde_json::Error> {
        self.spec.map_or_else(|| Ok(WireSpec::default()), |spec| read(spec.get().as_bytes()))
    }
}
