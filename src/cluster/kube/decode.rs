//! Lists, from the bytes of an answer to the model in one pass.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::cluster::{Page, Source};
use crate::model::{ListKind, Name, Object};

/// What an answer to a list came to.
#[derive(Debug)]
pub(super) enum Listed {
    /// A page.
    Page(Page),
    /// Whole objects, where only metadata was asked for. Nothing of them was kept.
    NotMetadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta<'a> {
    #[serde(borrow)]
    resource_version: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "continue")]
    next: Option<Cow<'a, str>>,
}

struct List<'a, T> {
    kind: Cow<'a, str>,
    meta: ListMeta<'a>,
    items: Vec<T>,
}

/// Reads a page. An item that has not the form of its kind is counted, not lost silently and no
/// reason to give up the others.
///
/// # Errors
/// Where the text is no list.
pub(super) fn page(bytes: &[u8], source: &Source) -> Result<Listed, serde_json::Error> {
    let version = source.api_version();
    let item = Item { source, api_version: &version };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = ListOf(item).deserialize(&mut reader).and_then(|list| {
        reader.end()?;
        Ok(list)
    });
    match read {
        Ok(list) => finish(list, source, Vec::new()),
        // One bad item fails the whole pass; a second one finds out which.
        Err(error) if error.is_data() => carefully(bytes, source, &version),
        Err(error) => Err(error),
    }
}

fn carefully(bytes: &[u8], source: &Source, version: &str) -> Result<Listed, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let raw = ListOf(Raw).deserialize(&mut reader)?;
    let mut unreadable = Vec::new();
    let mut items = Vec::new();
    for text in raw.items {
        let mut item = serde_json::Deserializer::from_str(text.get());
        match (Item { source, api_version: version }).deserialize(&mut item) {
            Ok(object) => items.push(object),
            Err(error) => unreadable.push((place(text), error_words(&error))),
        }
    }
    let list = List { kind: raw.kind, meta: raw.meta, items };
    finish(list, source, unreadable)
}

fn finish(
    list: List<'_, Object>,
    source: &Source,
    unreadable: Vec<(Name, Name)>,
) -> Result<Listed, serde_json::Error> {
    let whole = list.kind.strip_suffix("List") == Some(source.kind);
    if source.metadata_only && whole {
        return Ok(Listed::NotMetadata);
    }
    // Another kind's list, or a failure that says so in its body only, is no empty list of this one.
    let metadata = source.metadata_only && list.kind == "PartialObjectMetadataList";
    if !whole && !metadata {
        let kinds = format!("the answer is no {}List", source.kind);
        return Err(serde::de::Error::custom(kinds));
    }
    let next = list.meta.next.filter(|next| !next.is_empty()).map(Cow::into_owned);
    let version = list.meta.resource_version.as_deref().unwrap_or_default().into();
    Ok(Listed::Page(Page { objects: list.items, unreadable, version, next }))
}

/// Reads one object of a source.
///
/// # Errors
/// Where the text has not the form of its kind.
pub(super) fn object(text: &str, source: &Source) -> Result<Object, serde_json::Error> {
    let api_version = source.api_version();
    let mut reader = serde_json::Deserializer::from_str(text);
    Item { source, api_version: &api_version }.deserialize(&mut reader)
}

/// `namespace/name` of an item, as far as it can be made out.
pub(super) fn place(text: &RawValue) -> Name {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Named {
        metadata: Meta,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Meta {
        namespace: Option<serde_json::Value>,
        name: Option<serde_json::Value>,
    }
    let named: Named = serde_json::from_str(text.get()).unwrap_or_default();
    let part = |value: Option<serde_json::Value>| match value {
        Some(serde_json::Value::String(text)) => text,
        _ => "?".to_owned(),
    };
    match named.metadata.namespace {
        None => part(named.metadata.name).into(),
        namespace => format!("{}/{}", part(namespace), part(named.metadata.name)).into(),
    }
}

/// What the parser says, without the text that it quotes.
pub(super) fn error_words(error: &serde_json::Error) -> Name {
    let text = error.to_string();
    match (text.find('"'), text.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &text[..=first], &text[last..]).into()
        }
        _ => text.into(),
    }
}

#[derive(Clone, Copy)]
struct Item<'s> {
    source: &'s Source,
    api_version: &'s str,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = Object;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Object, D::Error> {
        let whole = self.source.list == ListKind::BootstrapTokens && !self.source.metadata_only;
        let read = if whole {
            Some(Object::read_bootstrap_token(deserializer)?)
        } else {
            Object::read(self.api_version, self.source.kind, deserializer)?
        };
        let mut object = read.ok_or_else(|| {
            serde::de::Error::custom(format_args!("{} is not read", self.source.kind))
        })?;
        // Metadata alone does not say of which type a Secret is; the selector does.
        if let (Object::Secret(secret), Some(("type", type_))) = (&mut object, self.source.selector)
        {
            secret.type_ = type_.into();
        }
        Ok(object)
    }
}

#[derive(Clone, Copy)]
struct Raw;

impl<'de> DeserializeSeed<'de> for Raw {
    type Value = &'de RawValue;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        <&RawValue>::deserialize(deserializer)
    }
}

struct ListOf<S>(S);

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for ListOf<S> {
    type Value = List<'de, S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for ListOf<S> {
    type Value = List<'de, S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut list = List { kind: "".into(), meta: ListMeta::default(), items: Vec::new() };
        let mut any = false;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match &*key {
                "kind" => list.kind = map.next_value()?,
                "metadata" => list.meta = map.next_value()?,
                "items" => {
                    any = true;
                    list.items = map.next_value_seed(Items(self.0))?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if !any && (list.kind.is_empty() || !list.kind.ends_with("List")) {
            return Err(serde::de::Error::custom("no list of objects"));
        }
        Ok(list)
    }
}

struct Items<S>(S);

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Items<S> {
    type Value = Vec<S::Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Items<S> {
    type Value = Vec<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("items")
    }

    /// Go prints an empty list as null.
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut all = Vec::new();
        while let Some(item) = items.next_element_seed(self.0)? {
            all.push(item);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(list: ListKind, text: &str) -> Page {
        match page(text.as_bytes(), &Source::of(list)[0]) {
            Ok(Listed::Page(page)) => page,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_page_is_read_with_its_version_and_the_next() {
        let page = read(
            ListKind::Namespaces,
            r#"{"kind":"NamespaceList","apiVersion":"v1","metadata":{"resourceVersion":"7",
               "continue":"abc","remainingItemCount":2},"items":[{"metadata":{"name":"a"}}]}"#,
        );
        assert_eq!((&*page.version, page.next.as_deref()), ("7", Some("abc")));
        assert_eq!(&*page.objects[0].meta().name, "a");
        let empty = r#"{"kind":"NamespaceList","metadata":{"resourceVersion":"7"},"items":null}"#;
        assert_eq!(read(ListKind::Namespaces, empty).objects, []);
    }

    #[test]
    fn one_bad_item_does_not_hide_the_others() {
        let page = read(
            ListKind::RoleBindings,
            r#"{"kind":"RoleBindingList","metadata":{"resourceVersion":"7"},"items":[
               {"metadata":{"name":"a","namespace":"n"},"roleRef":{"kind":"Role","name":"r"}},
               {"metadata":{"name":"b","namespace":"n"},"roleRef":"admin"},
               {"metadata":{"name":["c"]},"roleRef":{"kind":"Role","name":"r"}}]}"#,
        );
        assert_eq!(page.objects.len(), 1);
        let places: Vec<&str> = page.unreadable.iter().map(|(place, _)| &**place).collect();
        assert_eq!(places, ["n/b", "?"]);
        assert!(!page.unreadable[0].1.contains("admin"), "{:?}", page.unreadable);
    }

    #[test]
    fn secrets_that_come_whole_are_refused_and_others_get_their_type() {
        let source = &Source::of(ListKind::TokenSecrets)[0];
        let whole = r#"{"kind":"SecretList","metadata":{},"items":[
            {"metadata":{"name":"s","namespace":"n"},"data":{"k":"aHVudGVyMg=="}}]}"#;
        assert!(matches!(page(whole.as_bytes(), source), Ok(Listed::NotMetadata)));
        let page = read(
            ListKind::TokenSecrets,
            r#"{"kind":"PartialObjectMetadataList","metadata":{},
                "items":[{"metadata":{"name":"s","namespace":"n"}}]}"#,
        );
        assert!(matches!(&page.objects[0],
            Object::Secret(secret) if &*secret.type_ == "kubernetes.io/service-account-token"));
    }

    #[test]
    fn bootstrap_tokens_are_read_whole_only_where_that_was_asked_for() {
        let asked = Source::of(ListKind::BootstrapTokens)[0];
        let whole = r#"{"kind":"SecretList","metadata":{},"items":[{"metadata":{
            "name":"bootstrap-token-abcdef","namespace":"kube-system"},
            "data":{"token-secret":"aHVudGVyMg==","usage-bootstrap-authentication":"dHJ1ZQ=="}}]}"#;
        assert!(matches!(page(whole.as_bytes(), &asked), Ok(Listed::NotMetadata)));
        let asked = Source { metadata_only: false, ..asked };
        let Ok(Listed::Page(page)) = page(whole.as_bytes(), &asked) else { panic!() };
        let Object::Secret(secret) = &page.objects[0] else { panic!("{page:?}") };
        assert_eq!(&*secret.type_, "bootstrap.kubernetes.io/token");
        assert!(secret.bootstrap.as_ref().is_some_and(|token| token.authenticates));
        assert!(!format!("{page:?}").contains("hunter2"));
        assert!(!format!("{page:?}").contains("aHVudGVyMg"));
    }

    #[test]
    fn what_is_no_list_is_an_error_of_its_own_kind() {
        let source = &Source::of(ListKind::Namespaces)[0];
        for (text, eof) in [
            ("", true),
            (r#"{"kind":"NamespaceList","items":[{"metadata""#, true),
            ("<!DOCTYPE html>", false),
            ("[]", false),
            ("{}", false),
            (r#"{"kind":"NamespaceList","items":[]}trailing"#, false),
            (r#"{"kind":"Status","status":"Failure","code":500,"items":null}"#, false),
            (r#"{"kind":"PodList","items":[]}"#, false),
            (r#"{"kind":"PartialObjectMetadataList","items":[]}"#, false),
            (r#"{"items":[]}"#, false),
        ] {
            let error = page(text.as_bytes(), source).expect_err(text);
            assert_eq!(error.is_eof(), eof, "{text}");
        }
    }
}
