//! Who made a request, and as whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::clip::{clip, name};
use super::names::Names;
use crate::model::{BoundTo, Identity, Impersonation, Name, SubjectKind};

/// `user` and `impersonatedUser` as the log has them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct UserInfo {
    username: Option<String>,
    uid: Option<String>,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Option<Vec<String>>>>,
}

/// One side of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The user name as the log has it; empty where nobody authenticated.
    pub username: String,
    /// The identity behind it.
    pub identity: Identity,
    /// Groups, sorted, each once.
    pub groups: Arc<[Name]>,
    /// What was presented, if the log says it.
    pub credential: Option<Name>,
    /// Of an account's token: its own id (`JTI=…`), and the pod or node that it ends with.
    pub bound: Option<(Name, BoundTo)>,
    /// Uid, if any.
    uid: Option<Name>,
    /// Keys (lower-cased) and values, sorted.
    extra: Vec<(Name, Name)>,
}

const CREDENTIAL_ID: &str = "authentication.kubernetes.io/credential-id";
const POD_NAME: &str = "authentication.kubernetes.io/pod-name";
const POD_UID: &str = "authentication.kubernetes.io/pod-uid";
const NODE_NAME: &str = "authentication.kubernetes.io/node-name";
const NODE_UID: &str = "authentication.kubernetes.io/node-uid";

impl Person {
    /// Puts what the log has into the model's terms.
    pub fn new(info: UserInfo, names: &mut Names) -> Self {
        let username = info.username.unwrap_or_default();
        let groups = info.groups.unwrap_or_default();
        let groups = groups.iter().map(|group| names.name(group)).collect();
        let mut extra: Vec<(Name, Name)> = Vec::new();
        for (key, values) in info.extra.unwrap_or_default() {
            let key = names.name(&key.to_lowercase());
            extra.extend(values.unwrap_or_default().iter().map(|v| (key.clone(), name(v))));
        }
        extra.sort_unstable();
        extra.dedup();
        let identity = Identity::from_user_name(&clip(&username));
        let credential = credential(&identity, &extra);
        let bound = bound(&identity, &extra);
        let uid = info.uid.filter(|uid| !uid.is_empty()).map(|uid| name(&uid));
        Self { username, identity, groups: names.set(groups), credential, bound, uid, extra }
    }

    /// Somebody of whom nothing is known but the name.
    pub fn named(username: String, names: &mut Names) -> Self {
        Self::new(UserInfo { username: Some(username), ..UserInfo::default() }, names)
    }

    /// Uid, if any.
    pub fn uid(&self) -> Option<&str> {
        self.uid.as_deref()
    }
}

/// The token or certificate that was presented. A pod's tokens are renewed every hour: they count
/// as one, the pod's.
fn credential(identity: &Identity, extra: &[(Name, Name)]) -> Option<Name> {
    let value = |key: &str| extra.iter().find(|(k, _)| &**k == key).map(|(_, value)| value);
    let id = value(CREDENTIAL_ID);
    let bound = id.is_none_or(|id| id.starts_with("JTI="));
    match (&identity.namespace, value(POD_NAME), value(POD_UID)) {
        (Some(ns), Some(pod), _) if bound => Some(name(&format!("pod:{ns}/{pod}"))),
        (Some(_), None, Some(uid)) if bound => Some(name(&format!("pod-uid:{uid}"))),
        (_, None, None) if id.is_none() => session(extra).or_else(|| access_key(extra)),
        _ => id.cloned(),
    }
}

/// What a token says itself that it ends with: a pod names its node too
/// (`pkg/serviceaccount/claims.go`).
fn bound(identity: &Identity, extra: &[(Name, Name)]) -> Option<(Name, BoundTo)> {
    let value = |key: &str| extra.iter().find(|(k, _)| &**k == key).map(|(_, value)| value.clone());
    let id = value(CREDENTIAL_ID).filter(|id| id.starts_with("JTI="))?;
    identity.namespace.as_ref()?;
    let object = |kind: &str, name: Option<Name>, uid: Option<Name>| {
        (name.is_some() || uid.is_some()).then(|| BoundTo::Object { kind: kind.into(), name, uid })
    };
    let pod = object("Pod", value(POD_NAME), value(POD_UID));
    Some((id, pod.or_else(|| object("Node", value(NODE_NAME), value(NODE_UID)))?))
}

/// The session of a cloud role: EKS's authenticator gives many people one user name, and each a
/// session (`aws-iam-authenticator/pkg/token`). A front proxy lower-cases its keys, as here.
fn session(extra: &[(Name, Name)]) -> Option<Name> {
    let value = |key: &str| extra.iter().find(|(k, _)| &**k == key).map(|(_, value)| value);
    let role = |arn: &'_ Name| {
        let (_, session) = arn.split_once(":assumed-role/")?.1.split_once('/')?;
        Some(session.to_owned())
    };
    let named = value("sessionname").map(ToString::to_string);
    let session = named.or_else(|| role(value("arn")?)).filter(|name| !name.is_empty())?;
    Some(name(&format!("session:{session}")))
}

/// The access key of a user of AWS, who has no session: it lasts, and one user may have two. Keys of
/// sessions (`ASIA…`) come and go with them. It is a key's id, not its secret.
fn access_key(extra: &[(Name, Name)]) -> Option<Name> {
    let id = extra.iter().find(|(key, _)| &**key == "accesskeyid").map(|(_, value)| value)?;
    id.starts_with("AKIA").then(|| name(&format!("key:{id}")))
}

/// A token from a Secret: `legacy:NAMESPACE/ACCOUNT` of the annotation
/// `authentication.k8s.io/legacy-token`, and the name of the Secret behind it where the API server
/// notes that too (`pkg/serviceaccount/legacy.go`; it lies in the account's namespace).
pub fn legacy_credential(annotation: &str, secret: &str) -> Name {
    let identity = Identity::from_user_name(&clip(annotation));
    match identity.namespace {
        Some(ns) if secret.is_empty() => name(&format!("legacy:{ns}/{}", identity.name)),
        Some(ns) => name(&format!("legacy:{ns}/{}/{secret}", identity.name)),
        None => name(&format!("legacy:{}", identity.name)),
    }
}

impl Person {
    /// What impersonating this person took. Groups that the server adds by itself
    /// (`pkg/endpoints/filters/impersonation`) were not asked for and are left out; a client that
    /// asked for exactly those is not told apart.
    pub fn impersonation(&self, constraint: Option<&str>) -> Impersonation {
        let added = self.groups_added();
        Impersonation {
            groups: self.groups.iter().filter(|group| !added.contains(group)).cloned().collect(),
            uid: self.uid.clone(),
            extra: self.extra.clone(),
            constraint: constraint.filter(|text| !text.is_empty()).map(name),
        }
    }

    /// The server adds an account's groups all together, and only where none were asked for.
    fn groups_added(&self) -> Vec<Name> {
        let implicit = self.identity.implicit_groups();
        let account = self.identity.kind == SubjectKind::ServiceAccount;
        if account && !implicit.iter().all(|group| self.groups.contains(group)) {
            return vec![Identity::AUTHENTICATED.into()];
        }
        implicit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(json: &str) -> Person {
        Person::new(serde_json::from_str(json).unwrap(), &mut Names::default())
    }

    fn names(all: &[&str]) -> Vec<Name> {
        all.iter().map(|name| Name::from(*name)).collect()
    }

    #[test]
    fn a_user_with_a_certificate() {
        let ana = person(
            r#"{"username":"ana@corp.example","uid":"u-9","groups":["system:authenticated","devs","devs"],
            "extra":{"Authentication.Kubernetes.IO/Credential-Id":["X509SHA256=ab"]}}"#,
        );
        assert_eq!(ana.identity, Identity::user("ana@corp.example"));
        assert_eq!(*ana.groups, names(&["devs", "system:authenticated"]));
        assert_eq!(ana.credential.as_deref(), Some("X509SHA256=ab"));
    }

    #[test]
    fn tokens_of_a_pod_are_the_pod() {
        let token = |jti: &str, more: &str| {
            person(&format!(
                r#"{{"username":"system:serviceaccount:shop:cart","extra":{{
                "authentication.kubernetes.io/credential-id":["{jti}"]{more}}}}}"#
            ))
        };
        let pod = r#","authentication.kubernetes.io/pod-name":["cart-0"],
            "authentication.kubernetes.io/pod-uid":["77"]"#;
        assert_eq!(token("JTI=1", pod).credential.as_deref(), Some("pod:shop/cart-0"));
        assert_eq!(token("JTI=2", pod).credential.as_deref(), Some("pod:shop/cart-0"));
        assert_eq!(token("JTI=3", "").credential.as_deref(), Some("JTI=3"));
        let uid = r#","authentication.kubernetes.io/pod-uid":["77"]"#;
        assert_eq!(token("JTI=4", uid).credential.as_deref(), Some("pod-uid:77"));
        assert_eq!(token("X509SHA256=4", pod).credential.as_deref(), Some("X509SHA256=4"));
        assert_eq!(
            person(r#"{"username":"ana","extra":null,"groups":null}"#).credential.as_deref(),
            None
        );
    }

    #[test]
    fn a_session_of_a_cloud_role_is_a_credential() {
        let role = |extra: &str| {
            let json = format!(r#"{{"username":"admins","extra":{{{extra}}}}}"#);
            person(&json).credential.as_deref().map(str::to_owned)
        };
        let arn = r#""arn":["arn:aws:sts::111122223333:assumed-role/Admins/ana@corp.example"]"#;
        let session = Some("session:ana@corp.example".to_owned());
        assert_eq!(role(r#""sessionName":["ana@corp.example"]"#), session);
        assert_eq!(role(arn), session);
        assert_eq!(role(r#""sessionName":[""],"accessKeyId":["ASIA0"]"#), None);
        assert_eq!(role(r#""arn":["arn:aws:iam::111122223333:user/ana"]"#), None);
        let user = r#""sessionName":[""],"accessKeyId":["AKIA0"]"#;
        assert_eq!(role(user).as_deref(), Some("key:AKIA0"));
        assert_eq!(role(r#""sessionName":["a"],"accessKeyId":["AKIA0"]"#).unwrap(), "session:a");
        let both = r#""sessionName":["a"],"authentication.kubernetes.io/credential-id":["JTI=1"]"#;
        assert_eq!(role(both).as_deref(), Some("JTI=1"));
    }

    #[test]
    fn a_legacy_token_names_its_account() {
        assert_eq!(&*legacy_credential("system:serviceaccount:pay:batch", ""), "legacy:pay/batch");
        assert_eq!(
            &*legacy_credential("system:serviceaccount:pay:batch", "two"),
            "legacy:pay/batch/two"
        );
        assert_eq!(&*legacy_credential("odd", "two"), "legacy:odd");
    }

    #[test]
    fn what_the_server_adds_was_not_asked_for() {
        let bob = person(
            r#"{"username":"bob","uid":"7","groups":["ops","system:authenticated"],"extra":{"Scopes":["b","a"]}}"#,
        );
        assert_eq!(
            bob.impersonation(Some("impersonate:user-info")),
            Impersonation {
                groups: names(&["ops"]),
                uid: Some("7".into()),
                extra: vec![("scopes".into(), "a".into()), ("scopes".into(), "b".into())],
                constraint: Some("impersonate:user-info".into()),
            }
        );
        let bot = person(
            r#"{"username":"system:serviceaccount:ci:bot",
            "groups":["system:serviceaccounts","system:serviceaccounts:ci","system:authenticated"]}"#,
        );
        assert_eq!(bot.impersonation(None).groups, names(&[]));
        let chosen = person(
            r#"{"username":"system:serviceaccount:ci:bot","groups":["system:serviceaccounts","system:authenticated"]}"#,
        );
        assert_eq!(chosen.impersonation(Some("")).groups, names(&["system:serviceaccounts"]));
        assert_eq!(chosen.impersonation(Some("")).constraint, None);
    }
}
