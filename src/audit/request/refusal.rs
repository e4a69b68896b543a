//! What a 403 without a decision says in its message.

use super::quoted::{after, quoted};
use crate::model::{Call, Implied, Target};

/// What a refused check was about, from the server's words
/// (`pkg/endpoints/handlers/responsewriters/errors.go`, `apimachinery/pkg/api/errors NewForbidden`):
/// `users "bob" is forbidden: User "ana" cannot impersonate resource "users" in API group "" at the
/// cluster scope`. None for other messages.
pub fn refused(message: &str) -> Option<Call> {
    const FORBIDDEN: &str = "forbidden: User ";
    let at = memchr::memmem::find(message.as_bytes(), FORBIDDEN.as_bytes())?;
    let mut rest = &message[at + FORBIDDEN.len()..];
    let rest = &mut rest;
    quoted(rest)?;
    after(rest, " cannot ")?;
    let (verb, words) = rest.split_once(' ')?;
    let mut words = words;
    let words = &mut words;
    let target = if after(words, "path ").is_some() {
        Target::Path(unsanitized(&quoted(words)?).into())
    } else {
        resource(words, &message[..at])?
    };
    Some(Call { verb: verb.into(), target, implied: Implied::Nothing })
}

/// Whether the check was made for an impersonation, not for the request itself: `impersonate`, and
/// from 1.35 `impersonate:MODE` and `impersonate-on:MODE:VERB`.
pub fn is_impersonation(call: &Call) -> bool {
    call.verb
        .strip_prefix("impersonate")
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(':') || rest.starts_with("-on:"))
}

fn resource(words: &mut &str, before: &str) -> Option<Target> {
    after(words, "resource ")?;
    let whole = unsanitized(&quoted(words)?);
    let (resource, subresource) = whole.split_once('/').unwrap_or((&whole, ""));
    after(words, " in API group ")?;
    let group = unsanitized(&quoted(words)?);
    let namespace = if after(words, " in the namespace ").is_some() {
        Some(unsanitized(&quoted(words)?).into())
    } else {
        after(words, " at the cluster scope")?;
        None
    };
    Some(Target::Resource {
        group: group.into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace,
        name: name(before).map(Into::into),
        names_folded: false,
    })
}

/// The name in `users "bob" is `.
fn name(before: &str) -> Option<String> {
    let mut quote = &before[before.find('"')?..];
    let name = quoted(&mut quote)?;
    (quote == " is " && !name.is_empty()).then_some(name)
}

/// The server writes `&`, `<` and `>` of its own words as HTML does.
fn unsanitized(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(verb: &str, parts: [&str; 3], namespace: Option<&str>, name: Option<&str>) -> Call {
        let [group, resource, subresource] = parts.map(Into::into);
        let target = Target::Resource {
            group,
            resource,
            subresource,
            namespace: namespace.map(Into::into),
            name: name.map(Into::into),
            names_folded: false,
        };
        Call { verb: verb.into(), target, implied: Implied::Nothing }
    }

    #[test]
    fn a_refused_impersonation_names_what_was_to_be_impersonated() {
        let cases = [
            (
                r#"users "bob" is forbidden: User "ana" cannot impersonate resource "users" in API group "" at the cluster scope"#,
                call("impersonate", ["", "users", ""], None, Some("bob")),
            ),
            (
                r#"serviceaccounts "bot" is forbidden: User "ana" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "ci": no"#,
                call("impersonate", ["", "serviceaccounts", ""], Some("ci"), Some("bot")),
            ),
            (
                r#"userextras.authentication.k8s.io "v" is forbidden: User "ana" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope"#,
                call(
                    "impersonate",
                    ["authentication.k8s.io", "userextras", "scopes"],
                    None,
                    Some("v"),
                ),
            ),
            (
                r#"users.authentication.k8s.io "b&c" is forbidden: User "a&lt;" cannot impersonate:user-info resource "users" in API group "authentication.k8s.io" at the cluster scope"#,
                call(
                    "impersonate:user-info",
                    ["authentication.k8s.io", "users", ""],
                    None,
                    Some("b&c"),
                ),
            ),
        ];
        for (message, expected) in cases {
            let found = refused(message);
            assert_eq!(found.as_ref(), Some(&expected), "{message}");
            assert!(is_impersonation(&expected));
        }
    }

    #[test]
    fn a_plain_refusal_is_told_from_an_impersonation() {
        let plain = refused(
            r#"pods is forbidden: User "ana" cannot list resource "pods" in API group "" in the namespace "shop""#,
        )
        .unwrap();
        assert_eq!(plain, call("list", ["", "pods", ""], Some("shop"), None));
        assert!(!is_impersonation(&plain));
        let path = refused(r#"forbidden: User "system:anonymous" cannot get path "/metrics""#);
        assert_eq!(path.unwrap().target, Target::Path("/metrics".into()));
        for message in [
            "",
            r#"pods "x" is forbidden: exceeded quota: q, requested: pods=1"#,
            r#"pods is forbidden: User "ana" cannot list"#,
            r#"pods is forbidden: User "ana" cannot list resource "pods" in API group """#,
        ] {
            assert_eq!(refused(message), None, "{message}");
        }
    }
}
