//! YAML of files and of `aws-auth` as a tree, so that one broken element does not take the others
//! with it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Bool,
    /// As it reads.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// Sorted by key; of a key given twice the last one counts, as for kubectl.
    Map(BTreeMap<String, Node>),
}

/// Where a text is no YAML: the line, where that is known, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoYaml(pub(super) Option<usize>);

/// Keys of kubeconfigs whose values are secret and tell nothing: they never become values.
const SECRET: [&str; 8] = [
    "client-key-data",
    "password",
    "refresh-token",
    "client-secret",
    "access-token",
    "args",
    "env",
    "certificate-authority-data",
];

impl Node {
    /// Reads the first document of a text, as kubectl and the authenticator of EKS do.
    pub(super) fn read(text: &str) -> Result<Self, NoYaml> {
        let mut left = text.len().saturating_mul(4).saturating_add(1 << 16);
        let Some(document) = yaml_serde::Deserializer::from_str(text).next() else {
            return Ok(Self::Null);
        };
        Seed(&mut left)
            .deserialize(document)
            .map_err(|error| NoYaml(error.location().map(|at| at.line())))
    }

    /// A field of a map; nothing where it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(key).filter(|value| **value != Self::Null),
            _ => None,
        }
    }

    /// The text that it is.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads a value within a budget: aliases are followed, and a few lines of text must not grow into
/// gigabytes.
struct Seed<'b>(&'b mut usize);

impl Seed<'_> {
    fn spend<E: serde::de::Error>(&mut self, cost: usize) -> Result<(), E> {
        let left = self.0.checked_sub(cost + 1);
        *self.0 = left.ok_or_else(|| E::custom("aliases that grow beyond measure"))?;
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Node, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: serde::de::Error>(mut self) -> Result<Node, E> {
        self.spend(0)?;
        Ok(Node::Null)
    }

    fn visit_bool<E: serde::de::Error>(mut self, _: bool) -> Result<Node, E> {
        self.spend(0)?;
        Ok(Node::Bool)
    }

    fn visit_i64<E: serde::de::Error>(mut self, value: i64) -> Result<Node, E> {
        self.spend(0)?;
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u64<E: serde::de::Error>(mut self, value: u64) -> Result<Node, E> {
        self.spend(0)?;
        Ok(Node::Number(value.to_string()))
    }

    fn visit_i128<E: serde::de::Error>(mut self, value: i128) -> Result<Node, E> {
        self.spend(0)?;
        Ok(Node::Number(value.to_string()))
    }

    fn visit_u128<E: serde::de::Error>(mut self, value: u128) -> Result<Node, E> {
        self.spend(0)?;
        Ok(Node::Number(value.to_string()))
    }

    fn visit_f64<E: serde::de::Error>(mut self, value: f64) -> Result<Node, E> {
        self.spend(0)?;
        Ok(Node::Number(value.to_string()))
    }

    fn visit_str<E: serde::de::Error>(mut self, value: &str) -> Result<Node, E> {
        self.spend(value.len())?;
        Ok(Node::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Node, A::Error> {
        self.spend(0)?;
        let mut all = Vec::new();
        while let Some(one) = seq.next_element_seed(Seed(self.0))? {
            all.push(one);
        }
        Ok(Node::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Node, A::Error> {
        self.spend(0)?;
        let mut all = BTreeMap::new();
        while let Some(key) = map.next_key_seed(Seed(self.0))? {
            let key = match key {
                Node::Text(text) | Node::Number(text) => text,
                // Such a key is none of those that are read.
                Node::Null | Node::Bool | Node::List(_) | Node::Map(_) => String::new(),
            };
            if SECRET.contains(&&*key) {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let value = map.next_value_seed(Seed(self.0))?;
            all.insert(key, value);
        }
        Ok(Node::Map(all))
    }

    /// A value with a tag of its own is the value.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Node, A::Error> {
        let (_, inner) = data.variant::<IgnoredAny>()?;
        inner.newtype_variant_seed(self)
    }
}
