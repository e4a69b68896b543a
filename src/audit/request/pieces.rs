//! The parts of a line, each read by itself from its JSON text, so that parts that repeat from line
//! to line need be read only once.

use std::borrow::Cow;

use serde::Deserialize;

use super::clip::name;
use super::credit::credit;
use super::names::Names;
use super::person::{Person, UserInfo, legacy_credential};
use crate::model::{CreditedGrant, Name};

/// A part that is not what an audit event has there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Misshapen;

type Part<T> = Result<T, Misshapen>;

fn read<'a, T: Deserialize<'a>>(json: &'a str) -> Part<T> {
    serde_json::from_str(json).map_err(|_| Misshapen)
}

/// A JSON string, or null.
pub fn text(json: &str) -> Part<Cow<'_, str>> {
    match json.strip_prefix('"').and_then(|inside| inside.strip_suffix('"')) {
        Some(plain) if memchr::memchr(b'\\', plain.as_bytes()).is_none() => {
            Ok(Cow::Borrowed(plain))
        }
        _ => Ok(read::<Option<String>>(json)?.unwrap_or_default().into()),
    }
}

/// `user` or `impersonatedUser`.
pub fn person(json: &str, names: &mut Names) -> Part<Person> {
    Ok(Person::new(read::<Option<UserInfo>>(json)?.unwrap_or_default(), names))
}

/// The last of `sourceIPs`: the ones before it are what the client says. With it the one before,
/// where there is one.
pub fn addresses(json: &str) -> Part<[Option<Name>; 2]> {
    let all = read::<Option<Vec<Cow<'_, str>>>>(json)?.unwrap_or_default();
    let mut from_last = all.iter().rev().map(|address| name(address));
    let some = |address: Option<Name>| address.filter(|address| !address.is_empty());
    Ok([some(from_last.next()), some(from_last.next())])
}

/// `userAgent`.
pub fn agent(json: &str) -> Part<Option<Name>> {
    let text = text(json)?;
    Ok((!text.is_empty()).then(|| name(&text)))
}

/// `responseStatus`, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Status {
    /// HTTP's; 0 for none.
    #[serde(deserialize_with = "or_default")]
    pub code: u16,
    /// Empty for none.
    #[serde(deserialize_with = "or_default")]
    pub message: String,
}

fn or_default<'a, T: Deserialize<'a> + Default, D: serde::Deserializer<'a>>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// `responseStatus`.
pub fn status(json: &str) -> Part<Status> {
    Ok(read::<Option<Status>>(json)?.unwrap_or_default())
}

/// What the authorizer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Decision {
    Allow,
    Forbid,
}

impl Decision {
    /// The server's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Forbid => "forbid",
        }
    }
}

/// `annotations`, as far as they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// `authorization.k8s.io/decision`.
    pub decision: Option<Decision>,
    /// `authorization.k8s.io/reason`, of an allowed request.
    pub credit: Option<CreditedGrant>,
    /// `authentication.k8s.io/legacy-token`, as a credential.
    pub legacy: Option<Name>,
    /// `authentication.openshift.io/username`: whom OpenShift's oauth-server let in.
    pub login: Option<String>,
    /// `authentication.kubernetes.io/issued-credential-id`: the token that was made.
    pub issued: Option<Name>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Annotations<'a> {
    #[serde(borrow, rename = "authorization.k8s.io/decision")]
    decision: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "authorization.k8s.io/reason")]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "authentication.k8s.io/legacy-token")]
    legacy: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "authentication.openshift.io/username")]
    login: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "authentication.openshift.io/decision")]
    login_decision: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "authentication.kubernetes.io/issued-credential-id")]
    issued: Option<Cow<'a, str>>,
}

/// `annotations`.
pub fn notes(json: &str) -> Part<Notes> {
    let all = read::<Option<Annotations<'_>>>(json)?.unwrap_or_default();
    let decision = match all.decision.as_deref() {
        Some("allow") => Some(Decision::Allow),
        Some("forbid") => Some(Decision::Forbid),
        _ => None,
    };
    let reason = all.reason.filter(|_| decision == Some(Decision::Allow));
    Ok(Notes {
        decision,
        credit: reason.and_then(|reason| credit(&reason)),
        legacy: all.legacy.filter(|note| !note.is_empty()).map(|note| legacy_credential(&note)),
        // Of whom it did not let in nothing is known but what somebody typed.
        login: all
            .login
            .filter(|name| !name.is_empty() && all.login_decision.as_deref() == Some("allow"))
            .map(Cow::into_owned),
        issued: all.issued.filter(|id| id.starts_with("JTI=")).map(|id| name(&id)),
    })
}

/// `authenticationMetadata.impersonationConstraint`.
pub fn constraint(json: &str) -> Part<Option<String>> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Metadata {
        impersonation_constraint: Option<String>,
    }
    Ok(read::<Option<Metadata>>(json)?.unwrap_or_default().impersonation_constraint)
}

/// `metadata.creationTimestamp`, which old versions wrote.
pub fn created(json: &str) -> Part<Option<String>> {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Metadata {
        creation_timestamp: Option<String>,
    }
    Ok(read::<Option<Metadata>>(json)?.unwrap_or_default().creation_timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_address_counts() {
        assert_eq!(
            addresses(r#"["192.0.2.1","203.0.113.9","198.51.100.7"]"#),
            Ok([Some("198.51.100.7".into()), Some("203.0.113.9".into())])
        );
        assert_eq!(addresses(r#"["192.0.2.1"]"#), Ok([Some("192.0.2.1".into()), None]));
        assert_eq!(addresses("[]"), Ok([None, None]));
        assert_eq!(addresses("null"), Ok([None, None]));
        assert_eq!(addresses(r#""198.51.100.7""#), Err(Misshapen));
    }

    #[test]
    fn annotations_are_read_for_what_they_say_of_the_request() {
        let all = notes(
            r#"{"authorization.k8s.io/decision":"allow",
            "authorization.k8s.io/reason":"RBAC: allowed by ClusterRoleBinding \"b\" of ClusterRole \"r\" to Group \"g\"",
            "authentication.k8s.io/legacy-token":"system:serviceaccount:pay:batch","other":"x"}"#,
        )
        .unwrap();
        assert_eq!(all.decision, Some(Decision::Allow));
        assert!(matches!(all.credit, Some(CreditedGrant::Rbac { .. })));
        assert_eq!(all.legacy.as_deref(), Some("legacy:pay/batch"));
        let forbidden =
            r#"{"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":"no"}"#;
        let expected = Notes { decision: Some(Decision::Forbid), ..Notes::default() };
        assert_eq!(notes(forbidden), Ok(expected));
        assert_eq!(notes("null"), Ok(Notes::default()));
        assert_eq!(notes("[]").unwrap(), Notes::default());
        assert_eq!(notes("7"), Err(Misshapen));
    }

    #[test]
    fn strings_are_unescaped() {
        assert_eq!(text(r#""a\u0026b""#).as_deref(), Ok("a&b"));
        assert_eq!(text(r#""plain""#).as_deref(), Ok("plain"));
        assert_eq!(text("null").as_deref(), Ok(""));
        assert_eq!(text("7"), Err(Misshapen));
    }

    #[test]
    fn a_status_may_be_anything_or_nothing() {
        let refused = status(r#"{"metadata":{},"status":"Failure","message":"no","code":403}"#);
        assert_eq!(refused, Ok(Status { code: 403, message: "no".into() }));
        assert_eq!(status("null"), Ok(Status::default()));
        assert_eq!(status(r#"{"code":null}"#), Ok(Status::default()));
    }
}
