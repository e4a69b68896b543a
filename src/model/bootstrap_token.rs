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
    /// Why no token can be the one of this Secret, where none can: the token itself is dropped.
    pub matches_none: Option<&'static str>,
    /// `auth-extra-groups`, as they stand there.
    pub extra_groups: Vec<Name>,
}

/// Whether a text is a bootstrap token's id (`staging/src/k8s.io/cluster-bootstrap/token/api`,
/// `BootstrapTokenIDPattern`): one that is not authenticates nobody.
pub fn is_bootstrap_id(text: &str) -> bool {
    plain(text, 6)
}

fn plain(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

/// `time.Parse(time.RFC3339, …)` of Go takes no space and no small letter for the `T`, and no 60th
/// second.
fn time(text: &str) -> Option<DateTime<Utc>> {
    let strict = text.get(10..11) == Some("T") && text.get(17..19) != Some("60");
    let strict = strict && !text.contains('z');
    DateTime::parse_from_rfc3339(text).ok().filter(|_| strict).map(|at| at.to_utc())
}

/// A Secret with what may be read of a bootstrap token's data. Of `token-secret` it is looked at
/// whether it is of the form of one; then it is dropped.
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
    token_id: Value,
    token_secret: Value,
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
        let Data {
            token_id,
            token_secret,
            expiration,
            usage_bootstrap_authentication,
            auth_extra_groups,
        } = wire.data;
        let expires = time(&expiration.0);
        // An empty group between commas is one that no token may carry.
        let groups =
            Some(auth_extra_groups.0.split(',')).filter(|_| !auth_extra_groups.0.is_empty());
        let id = wire.metadata.name.strip_prefix("bootstrap-token-");
        let token = BootstrapToken {
            expires,
            bad_expiration: expires.is_none() && !expiration.0.is_empty(),
            authenticates: usage_bootstrap_authentication.0 == "true",
            matches_none: if id != Some(&*token_id.0) {
                Some("its token-id is not the one in its name")
            } else if plain(&token_secret.0, 16) {
                None
            } else {
                Some("its token-secret is none that a token can have")
            },
            extra_groups: groups.into_iter().flatten().map(Name::from).collect(),
        };
        let (meta, type_) = (wire.metadata, wire.type_);
        Self { meta, type_, immutable: false, bootstrap: Some(token.into()) }
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
            // An empty one between or after commas is one, too.
            "system:bootstrappers:a,",
            "system:bootstrappers:a,,system:bootstrappers:b",
        ] {
            assert_eq!(token(&[("auth-extra-groups", bad)]).groups(), None, "{bad}");
        }
        // Go's time takes no such text, which other readers of RFC 3339 do.
        for bad in ["2026-03-10 01:22:11Z", "2026-03-10T01:22:11z", "2026-03-10T01:22:60Z"] {
            assert!(token(&[("expiration", bad)]).bad_expiration, "{bad}");
        }
        let id = ("token-id", "abcdef");
        let secret = ("token-secret", "0123456789abcdef");
        assert_eq!(token(&[id, secret]).matches_none, None);
        for bad in [&[secret][..], &[("token-id", "abcdeg"), secret]] {
            let why = Some("its token-id is not the one in its name");
            assert_eq!(token(bad).matches_none, why, "{bad:?}");
        }
        for bad in ["", "0123456789ABCDEF", "0123456789abcde"] {
            let why = Some("its token-secret is none that a token can have");
            assert_eq!(token(&[id, ("token-secret", bad)]).matches_none, why, "{bad}");
        }
    }
}
