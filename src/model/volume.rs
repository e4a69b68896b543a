//! A pod's volumes: of which type, and which Secrets and tokens come with them.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Name;
use super::object::{empty_none, null_default};

/// `volumes[]`, cut.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// Its name.
    pub name: Name,
    /// What it is of; None where it says nothing.
    pub source: Option<VolumeSource>,
}

/// What a volume is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeSource {
    /// `hostPath`, with the path.
    HostPath(Name),
    /// `secret`.
    Secret(SecretFiles),
    /// `projected`.
    Projected(Vec<Projection>),
    /// Another type, as Kubernetes spells it.
    Other(Name),
}

/// `projected.sources[]`, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    /// `serviceAccountToken`.
    Token(TokenFile),
    /// `secret`.
    Secret(SecretFiles),
    /// Another.
    Other,
}

/// `serviceAccountToken`, cut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenFile {
    /// `audience`; None is the API server's own.
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    pub audience: Option<Name>,
    /// `path`: the file in the volume.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "str::is_empty")]
    pub path: Name,
}

/// Which of a Secret is in a volume.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretFiles {
    /// The Secret's name.
    pub name: Name,
    /// `items`: which keys, as which files; none is every key, as a file of its name.
    pub items: Vec<KeyFile>,
    /// `optional`: whether the pod runs where the Secret is not there.
    pub optional: bool,
}

/// A key that is a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyFile {
    /// `key`.
    #[serde(deserialize_with = "null_default")]
    pub key: Name,
    /// `path`.
    #[serde(deserialize_with = "null_default")]
    pub path: Name,
}

impl SecretFiles {
    /// All of a Secret.
    pub fn whole(name: impl Into<Name>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The files that a key is.
    pub fn files_of<'f>(&'f self, key: &'f str) -> impl Iterator<Item = &'f str> {
        let own = self.items.is_empty().then_some(key);
        let items = self.items.iter().filter(move |item| &*item.key == key);
        own.into_iter().chain(items.map(|item| &*item.path))
    }
}

impl Volume {
    /// The type of what it is of, as Kubernetes spells it; empty where it says nothing.
    pub fn type_name(&self) -> &str {
        self.source.as_ref().map_or("", VolumeSource::type_name)
    }
}

impl VolumeSource {
    /// The type, as Kubernetes spells it.
    pub fn type_name(&self) -> &str {
        match self {
            Self::HostPath(_) => "hostPath",
            Self::Secret(_) => "secret",
            Self::Projected(_) => "projected",
            Self::Other(name) => name,
        }
    }
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct Fields {
    #[serde(deserialize_with = "null_default", skip_serializing_if = "str::is_empty")]
    path: Name,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "str::is_empty")]
    secret_name: Name,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    items: Vec<KeyFile>,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    sources: Vec<WireProjection>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct WireProjection {
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_token: Option<TokenFile>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<WireSecret>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct WireSecret {
    #[serde(deserialize_with = "null_default")]
    name: Name,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    items: Vec<KeyFile>,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "std::ops::Not::not")]
    optional: bool,
}

impl<'de> Deserialize<'de> for Volume {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fill;

        impl<'de> Visitor<'de> for Fill {
            type Value = Volume;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a volume")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Volume, A::Error> {
                let mut volume = Volume::default();
                while let Some(key) = map.next_key::<Name>()? {
                    let source = match &*key {
                        "name" => {
                            volume.name = map.next_value::<Option<Name>>()?.unwrap_or_default();
                            continue;
                        }
                        "hostPath" | "secret" | "projected" => {
                            map.next_value::<Option<Fields>>()?.map(|of| of.source(&key))
                        }
                        _ => map
                            .next_value::<Option<IgnoredAny>>()?
                            .map(|_| VolumeSource::Other(key.clone())),
                    };
                    volume.source = source.or(volume.source);
                }
                Ok(volume)
            }
        }

        deserializer.deserialize_map(Fill)
    }
}

impl Fields {
    fn source(self, type_: &str) -> VolumeSource {
        match type_ {
            "hostPath" => VolumeSource::HostPath(self.path),
            "secret" => VolumeSource::Secret(SecretFiles {
                name: self.secret_name,
                items: self.items,
                optional: self.optional,
            }),
            _ => VolumeSource::Projected(self.sources.into_iter().map(Projection::from).collect()),
        }
    }
}

impl From<WireProjection> for Projection {
    fn from(of: WireProjection) -> Self {
        match (of.service_account_token, of.secret) {
            (Some(token), _) => Self::Token(token),
            (None, Some(WireSecret { name, items, optional })) => {
                Self::Secret(SecretFiles { name, items, optional })
            }
            (None, None) => Self::Other,
        }
    }
}

impl From<&Projection> for WireProjection {
    fn from(of: &Projection) -> Self {
        match of {
            Projection::Token(token) => {
                Self { service_account_token: Some(token.clone()), secret: None }
            }
            Projection::Secret(SecretFiles { name, items, optional }) => Self {
                service_account_token: None,
                secret: Some(WireSecret {
                    name: name.clone(),
                    items: items.clone(),
                    optional: *optional,
                }),
            },
            Projection::Other => Self::default(),
        }
    }
}

impl Serialize for Volume {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        if let Some(source) = &self.source {
            let mut fields = Fields::default();
            match source {
                VolumeSource::HostPath(path) => fields.path = path.clone(),
                VolumeSource::Secret(of) => {
                    fields.secret_name.clone_from(&of.name);
                    fields.items.clone_from(&of.items);
                    fields.optional = of.optional;
                }
                VolumeSource::Projected(sources) => {
                    fields.sources = sources.iter().map(WireProjection::from).collect();
                }
                VolumeSource::Other(_) => {}
            }
            map.serialize_entry(source.type_name(), &fields)?;
        }
        map.end()
    }
}
