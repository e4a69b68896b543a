//! Which grant the server says allowed a request.

use super::quoted::{after, quoted};
use crate::model::{BindingKind, CreditedGrant, Identity, Name, RoleKind};

/// How much of another authorizer's words is kept, in characters.
const KEPT: usize = 200;

/// Reads `authorization.k8s.io/reason` of an allowed request. None for the empty reason, which
/// the server gives for `system:masters` and where the Node authorizer allows.
pub fn credit(reason: &str) -> Option<CreditedGrant> {
    if reason.is_empty() {
        return None;
    }
    Some(rbac(reason).unwrap_or_else(|| CreditedGrant::Other(other(reason))))
}

fn other(reason: &str) -> Name {
    let cut = reason.char_indices().nth(KEPT).map_or(reason.len(), |(at, _)| at);
    reason[..cut].into()
}

/// The wording of `pkg/registry/rbac/validation/rule.go` (the describers) to the letter: anything
/// else, even if it only begins alike, is another authorizer's.
fn rbac(reason: &str) -> Option<CreditedGrant> {
    let mut text = reason;
    let text = &mut text;
    after(text, "RBAC: allowed by ")?;
    let (binding_kind, binding, namespace) = binding(text)?;
    after(text, " of ")?;
    let role_kind = match word(text)? {
        "Role" => RoleKind::Role,
        "ClusterRole" => RoleKind::ClusterRole,
        _ => return None,
    };
    let role = quoted(text)?.into();
    after(text, " to ")?;
    let subject = subject(word(text)?, &quoted(text)?)?;
    text.is_empty().then_some(CreditedGrant::Rbac {
        binding_kind,
        namespace,
        binding,
        role_kind,
        role,
        subject,
    })
}

fn binding(text: &mut &str) -> Option<(BindingKind, Name, Option<Name>)> {
    match word(text)? {
        "ClusterRoleBinding" => Some((BindingKind::ClusterRoleBinding, quoted(text)?.into(), None)),
        "RoleBinding" => {
            let whole = quoted(text)?;
            let (name, namespace) = whole.rsplit_once('/')?;
            Some((BindingKind::RoleBinding, name.into(), Some(namespace.into())))
        }
        _ => None,
    }
}

fn subject(kind: &str, name: &str) -> Option<Identity> {
    match kind {
        "User" => Some(Identity::from_user_name(name)),
        "Group" => Some(Identity::group(name)),
        "ServiceAccount" => {
            let (name, namespace) = name.rsplit_once('/')?;
            Some(Identity::service_account(namespace, name))
        }
        _ => None,
    }
}

/// A word and the space behind it.
fn word<'a>(text: &mut &'a str) -> Option<&'a str> {
    let (word, rest) = text.split_once(' ')?;
    *text = rest;
    Some(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(binding: &str, role: &str, subject: Identity) -> CreditedGrant {
        CreditedGrant::Rbac {
            binding_kind: BindingKind::ClusterRoleBinding,
            namespace: None,
            binding: binding.into(),
            role_kind: RoleKind::ClusterRole,
            role: role.into(),
            subject,
        }
    }

    #[test]
    fn rbac_names_binding_role_and_subject() {
        assert_eq!(
            credit(r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to Group "g""#),
            Some(cluster("b", "r", Identity::group("g")))
        );
        assert_eq!(
            credit(r#"RBAC: allowed by RoleBinding "devs-view/shop" of Role "view" to User "ana""#),
            Some(CreditedGrant::Rbac {
                binding_kind: BindingKind::RoleBinding,
                namespace: Some("shop".into()),
                binding: "devs-view".into(),
                role_kind: RoleKind::Role,
                role: "view".into(),
                subject: Identity::user("ana"),
            })
        );
        assert_eq!(
            credit(
                r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to ServiceAccount "bot/ci""#
            ),
            Some(cluster("b", "r", Identity::service_account("ci", "bot")))
        );
    }

    #[test]
    fn a_user_subject_that_names_an_account_is_that_account() {
        assert_eq!(
            credit(
                r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "system:serviceaccount:ci:bot""#
            ),
            Some(cluster("b", "r", Identity::service_account("ci", "bot")))
        );
    }

    #[test]
    fn escapes_and_odd_names_come_back() {
        assert_eq!(
            credit(
                r#"RBAC: allowed by ClusterRoleBinding "a:b\" of \"c" of ClusterRole "system:x/y" to Group "DOM\\devs to ops""#
            ),
            Some(cluster("a:b\" of \"c", "system:x/y", Identity::group("DOM\\devs to ops")))
        );
    }

    #[test]
    fn other_authorizers_keep_their_words() {
        assert_eq!(credit(""), None);
        for words in [
            "access granted by IAM permissions.",
            r#"EKS Access Policy: allowed by ClusterRoleBinding "b" of ClusterRole "r" to User "u""#,
            r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to Group "g" and more"#,
            r#"RBAC: allowed by RoleBinding "no-namespace" of Role "r" to Group "g""#,
            r#"RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "r" to Robot "g""#,
            r#"RBAC: allowed by ClusterRoleBinding "b"#,
        ] {
            assert_eq!(credit(words), Some(CreditedGrant::Other(words.into())));
        }
        let long = "ü".repeat(300);
        assert_eq!(credit(&long), Some(CreditedGrant::Other("ü".repeat(200).into())));
    }
}
