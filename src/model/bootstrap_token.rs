//! What a bootstrap token's Secret says of itself, without the token.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::object::null_default;
use super::{Meta, Name, Secret};

/// What of a bootstrap token's data is no secret: until when, for what, in which groups.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootstrapToken {
    /// `expiration`, UTC; None where it has none, so that it never ends.
    pub expires: Option<DateTime<Utc>>,
    /// Whether `expiration` is no time: the API server takes it for expired.
    pub bad_expiration: bool,
    /// `usage-bootstrap-authentication`: whether it authenticates.
    pub authenticates: bool,
    /// `auth-extra-groups`, as they stand there.
    pub extra_groups: Vec<Name>,
}

/// A Secret with what may be read of a bootstrap token's data. `token-id` and `token-secret` have no
/// field: the parser skips them.
#[derive(Deserialize)]
pub(super) struct WireBootstrapToken {
    pub(super) metadata: Meta,
    #[serde(rename = "type", default, deserialize_with = "null_default")]
    type_: Name,
    #[serde(default, deserialize_with = "null_default")]
    data: Data,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Data {
    expiration: Value,
    usage_bootstrap_authentication: Value,
    auth_extra_groups: Value,
}

/// A value of `data`, in base64.
#[derive(Default)]
struct Value(String);

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        let bytes = STANDARD.decode(text).map_err(|_| serde::de::Error::custom("not base64"))?;
        Ok(Self(String::from_utf8_lossy(&bytes).into_owned()))
    }
}

impl From<WireBootstrapToken> for Secret {
    fn from(wire: WireBootstrapToken) -> Self {
        let Data { expiration, usage_bootstrap_authentication, auth_extra_groups } = wire.data;
        let expires = DateTime::parse_from_rfc3339(&expiration.0).ok();
        let groups = auth_extra_groups.0.split(',').filter(|group| !group.is_empty());
        let token = BootstrapToken {
            expires: expires.map(|at| at.to_utc()),
            bad_expiration: expires.is_none() && !expiration.0.is_empty(),
            authenticates: usage_bootstrap_authentication.0 == "true",
            extra_groups: groups.map(Name::from).collect(),
        };
        Self { meta: wire.metadata, type_: wire.type_, bootstrap: Some(token.into()) }
    }
}

impl BootstrapToken {
    /// The groups that it carries; None where one of them is none that a bootstrap token may carry,
    /// so that the API server refuses it
    /// (`staging/src/k8s.io/cluster-bootstrap/util/secrets`, `GetGroups`).
    pub fn groups(&self) -> Option<Vec<Name>> {
        let mut groups: Vec<Name> = vec!["system:bootstrappers".into()];
        for group in &self.extra_groups {
            // `\Asystem:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]\z`
            let rest = group.strip_prefix("system:bootstrappers:")?;
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            let fits = rest.len() <= 256
                && rest.bytes().all(|byte| plain(byte) || b":-".contains(&byte))
                && rest.bytes().next_back().is_some_and(plain);
            if !fits {
                return None;
            }
            groups.push(group.clone());
        }
        groups.sort();
        groups.dedup();
        Some(groups)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::Object;

    fn read(data: &[(&str, &str)]) -> Secret {
        let data: serde_json::Map<String, serde_json::Value> = data
            .iter()
            .map(|(key, value)| ((*key).to_owned(), STANDARD.encode(value).into()))
            .collect();
        let secret = json!({"metadata": {"name": "bootstrap-token-abcdef",
            "namespace": "kube-system"}, "type": "bootstrap.kubernetes.io/token", "data": data});
        match Object::read_bootstrap_token(&secret) {
            Ok(Object::Secret(secret)) => secret,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_token_is_dropped_and_the_rest_is_read() {
        let secret = read(&[
            ("token-id", "abcdef"),
            ("token-secret", "0123456789abcdef"),
            ("expiration", "2026-03-10T03:22:11+02:00"),
            ("usage-bootstrap-authentication", "true"),
            ("auth-extra-groups", "system:bootstrappers:workers,system:bootstrappers:a:b"),
        ]);
        assert!(!format!("{secret:?}").contains("0123456789"), "{secret:?}");
        let token = secret.bootstrap.unwrap();
        assert_eq!(token.expires, Some("2026-03-10T01:22:11Z".parse().unwrap()));
        assert!(token.authenticates && !token.bad_expiration);
        let groups =
            ["system:bootstrappers", "system:bootstrappers:a:b", "system:bootstrappers:workers"];
        assert_eq!(token.groups().unwrap(), groups.map(Name::from));
    }

    #[test]
    fn what_the_server_would_refuse_is_told_apart() {
        let token = |data: &[(&str, &str)]| read(data).bootstrap.unwrap();
        let empty = token(&[]);
        assert!(!empty.authenticates && empty.expires.is_none() && !empty.bad_expiration);
        assert_eq!(empty.groups().unwrap(), ["system:bootstrappers".into()]);
        assert!(token(&[("expiration", "soon")]).bad_expiration);
        assert!(!token(&[("usage-bootstrap-authentication", "True")]).authenticates);
        for bad in [
            "system:masters",
            "system:bootstrappers:",
            "system:bootstrappers:A",
            "system:bootstrappers:a-",
        ] {
            assert_eq!(token(&[("auth-extra-groups", bad)]).groups(), None, "{bad}");
        }
    }
}
