//! A pod's volumes: of which type, and which Secrets and tokens come with them.

use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Name;
use super::object::null_default;

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
    /// `secret`, with the Secret's name.
    Secret(Name),
    /// `projected`.
    Projected(Vec<Projection>),
    /// Another type, as Kubernetes spells it.
    Other(Name),
}

/// `projected.sources[]`, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Projection {
    /// `serviceAccountToken`: for which audience; None is the API server's own.
    Token(Option<Name>),
    /// `secret`, with its name.
    Secret(Name),
    /// Another.
    Other,
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
    sources: Vec<WireProjection>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct WireProjection {
    #[serde(skip_serializing_if = "Option::is_none")]
    service_account_token: Option<WireToken>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<super::Named>,
}

#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
struct WireToken {
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<Name>,
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
            "secret" => VolumeSource::Secret(self.secret_name),
            _ => VolumeSource::Projected(self.sources.into_iter().map(Projection::from).collect()),
        }
    }
}

impl From<WireProjection> for Projection {
    fn from(of: WireProjection) -> Self {
        match (of.service_account_token, of.secret) {
            (Some(token), _) => Self::Token(token.audience.filter(|audience| !audience.is_empty())),
            (None, Some(secret)) => Self::Secret(secret.name),
            (None, None) => Self::Other,
        }
    }
}

impl From<&Projection> for WireProjection {
    fn from(of: &Projection) -> Self {
        match of {
            Projection::Token(audience) => Self {
                service_account_token: Some(WireToken { audience: audience.clone() }),
                secret: None,
            },
            Projection::Secret(name) => Self {
                service_account_token: None,
                secret: Some(super::Named { name: name.clone() }),
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
                VolumeSource::Secret(name) => fields.secret_name = name.clone(),
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
