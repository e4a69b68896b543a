//! Why a request is allowed or not, in the words of the API server
//! (`pkg/registry/rbac/validation/rule.go`, `plugin/pkg/auth/authorizer/rbac/rbac.go`).

use std::fmt::Write as _;

use super::authorizer::{Attributes, Authorizer};
use crate::model::{Binding, BindingKind, BindingSubject, Identity, Name};

/// What every reason begins with.
const PREFIX: &str = "RBAC: ";

/// Appends `text` in double quotes with Go's escapes (`%q`). What is printable follows this
/// compiler's Unicode version, which may be newer than the server's.
pub fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            ' '..='~' => out.push(c),
            '\x07' => out.push_str("\\a"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x0b' => out.push_str("\\v"),
            // Writing to a String cannot fail.
            '\0'..='\x1f' | '\x7f' => drop(write!(out, "\\x{:02x}", u32::from(c))),
            _ if is_printable(c) => out.push(c),
            '\u{80}'..='\u{ffff}' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            _ => drop(write!(out, "\\U{:08x}", u32::from(c))),
        }
    }
    out.push('"');
}

/// Letters, marks, numbers, punctuation and symbols. The standard library escapes everything else
/// after the first character of a text.
fn is_printable(c: char) -> bool {
    let mut buffer = [0u8; 5];
    buffer[0] = b'a';
    let end = 1 + c.encode_utf8(&mut buffer[1..]).len();
    std::str::from_utf8(&buffer[..end]).is_ok_and(|text| text.escape_debug().nth(1) == Some(c))
}

/// Whether a subject of a binding applies to an asker (`appliesToUser`).
fn applies(
    subject: &BindingSubject,
    namespace: Option<&Name>,
    user: &str,
    groups: &[&str],
) -> bool {
    match &*subject.kind {
        "User" => &*subject.name == user,
        "Group" => groups.contains(&&*subject.name),
        "ServiceAccount" => {
            let Some(ns) = subject.namespace.as_ref().or(namespace) else {
                return false;
            };
            user.strip_prefix("system:serviceaccount:")
                .and_then(|rest| rest.strip_prefix(&**ns))
                .and_then(|rest| rest.strip_prefix(':'))
                == Some(&*subject.name)
        }
        _ => false,
    }
}

fn describe(out: &mut String, binding: &Binding, subject: &BindingSubject) {
    out.push_str(binding.kind.as_str());
    out.push(' ');
    let own = binding.meta.namespace.as_ref();
    match binding.kind {
        BindingKind::ClusterRoleBinding => quote(out, &binding.meta.name),
        BindingKind::RoleBinding => {
            let ns = own.map_or("", |ns| &**ns);
            quote(out, &format!("{}/{ns}", binding.meta.name));
        }
    }
    out.push_str(" of ");
    out.push_str(&binding.role_ref.kind);
    out.push(' ');
    quote(out, &binding.role_ref.name);
    out.push_str(" to ");
    out.push_str(&subject.kind);
    out.push(' ');
    if &*subject.kind == "ServiceAccount" {
        let ns = subject.namespace.as_ref().or(own).map_or("", |ns| &**ns);
        quote(out, &format!("{}/{ns}", subject.name));
    } else {
        quote(out, &subject.name);
    }
}

impl Authorizer {
    /// The API server's words for a request that this grant allows. It names the first subject
    /// of the binding that applies to the asker, which need not be the grant's own. Empty for a
    /// grant that is gone.
    pub fn reason(&self, attributes: &Attributes<'_>, grant: u32) -> String {
        let Some(held) = self.held(grant) else {
            return String::new();
        };
        let binding = &held.binding;
        let namespace = binding.meta.namespace.as_ref();
        let own = held.subject as usize;
        let subject = binding
            .subjects
            .iter()
            .take(own)
            .find(|subject| applies(subject, namespace, attributes.user, attributes.groups))
            .or_else(|| binding.subjects.get(own));
        let mut out = String::from(PREFIX);
        out.push_str("allowed by ");
        if let Some(subject) = subject {
            describe(&mut out, binding, subject);
        }
        out
    }

    /// The API server's words for a request that is not allowed, where bindings of the asker
    /// refer to roles that do not exist: it names the roles. Empty where there are none.
    /// `dangling` are the grants that [`Authorizer::decide_noting`] noted.
    pub fn denial(&self, dangling: &[u32]) -> String {
        let mut bindings: Vec<&Binding> =
            dangling.iter().filter_map(|slot| Some(&*self.held(*slot)?.binding)).collect();
        bindings.sort_by_key(|binding| (binding.kind, &binding.meta.namespace, &binding.meta.name));
        let mut errors: Vec<String> = Vec::new();
        for binding in bindings {
            let mut error = String::new();
            let (kind, name) = (&*binding.role_ref.kind, &binding.role_ref.name);
            if matches!(kind, "Role" | "ClusterRole") {
                error.push_str(&kind.to_lowercase());
                error.push_str(".rbac.authorization.k8s.io ");
                quote(&mut error, name);
                error.push_str(" not found");
            } else {
                error.push_str("unsupported role reference kind: ");
                quote(&mut error, kind);
            }
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        match errors.as_slice() {
            [] => String::new(),
            [one] => format!("{PREFIX}{one}"),
            many => format!("{PREFIX}[{}]", many.join(", ")),
        }
    }
}

/// What a reason names: the binding, and the subject of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credit {
    /// Kind of the binding.
    pub kind: BindingKind,
    /// Its namespace; None for a `ClusterRoleBinding`.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
    /// Kind and name of the role, as stored.
    pub role: (Name, Name),
    /// The subject.
    pub subject: Identity,
}

impl Credit {
    /// Reads the reason of an allowed request, as it stands in reviews and in the log; None where
    /// it is not RBAC's.
    pub fn parse(reason: &str) -> Option<Self> {
        let rest = reason.strip_prefix("RBAC: allowed by ")?;
        let (kind, rest) = match rest.strip_prefix("ClusterRoleBinding ") {
            Some(rest) => (BindingKind::ClusterRoleBinding, rest),
            None => (BindingKind::RoleBinding, rest.strip_prefix("RoleBinding ")?),
        };
        let (binding, rest) = unquote(rest)?;
        let (role_kind, rest) = rest.strip_prefix(" of ")?.split_once(' ')?;
        let (role, rest) = unquote(rest)?;
        let (subject_kind, rest) = rest.strip_prefix(" to ")?.split_once(' ')?;
        let (subject, rest) = unquote(rest)?;
        if !rest.is_empty() {
            return None;
        }
        let (name, namespace) = match kind {
            BindingKind::ClusterRoleBinding => (binding.as_str(), None),
            BindingKind::RoleBinding => {
                let (name, ns) = binding.rsplit_once('/')?;
                (name, Some(ns.into()))
            }
        };
        let subject = match subject_kind {
            "User" => Identity::from_user_name(&subject),
            "Group" => Identity::group(subject),
            "ServiceAccount" => {
                let (name, ns) = subject.rsplit_once('/')?;
                Identity::service_account(ns, name)
            }
            _ => return None,
        };
        Some(Self {
            kind,
            namespace,
            name: name.into(),
            role: (role_kind.into(), role.into()),
            subject,
        })
    }
}

/// Reads a text in Go's double quotes; returns it with what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?.char_indices();
    let mut out = String::new();
    let after = |at: usize| text.get(at + 2..).unwrap_or_default();
    while let Some((at, c)) = rest.next() {
        match c {
            '"' => return Some((out, after(at))),
            '\\' => {
                let (_, escaped) = rest.next()?;
                let digits = match escaped {
                    'x' => 2,
                    'u' => 4,
                    'U' => 8,
                    _ => 0,
                };
                out.push(match escaped {
                    'a' => '\x07',
                    'b' => '\x08',
                    'f' => '\x0c',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    'v' => '\x0b',
                    '"' | '\\' => escaped,
                    'x' | 'u' | 'U' => {
                        let mut code = 0;
                        for _ in 0..digits {
                            code = code * 16 + rest.next()?.1.to_digit(16)?;
                        }
                        char::from_u32(code)?
                    }
                    _ => return None,
                });
            }
            c => out.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = String::new();
        quote(&mut out, text);
        out
    }

    /// Expected values are what Go's `strconv.Quote` prints.
    #[test]
    fn quotes_as_go_does() {
        for (text, expected) in [
            ("", r#""""#),
            ("plain name", r#""plain name""#),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("\x07\x08\x0c\n\r\t\x0b", r#""\a\b\f\n\r\t\v""#),
            ("\0\x1b\x7f", r#""\x00\x1b\x7f""#),
            ("é日本🎉", r#""é日本🎉""#),
            ("a\u{301}", "\"a\u{301}\""),
            ("\u{301}", "\"\u{301}\""),
            ("\u{80}\u{a0}\u{ad}", r#""\u0080\u00a0\u00ad""#),
            ("\u{200b}\u{202e}\u{2028}", r#""\u200b\u202e\u2028""#),
            ("\u{feff}\u{e000}", r#""\ufeff\ue000""#),
            ("\u{e0001}\u{10ffff}", r#""\U000e0001\U0010ffff""#),
        ] {
            assert_eq!(quoted(text), expected, "{text:?}");
            assert_eq!(unquote(&quoted(text)), Some((text.to_owned(), "")));
        }
    }

    #[test]
    fn reasons_are_read_back() {
        let credit = Credit::parse(
            r#"RBAC: allowed by RoleBinding "view-a/b/pay" of ClusterRole "view" to ServiceAccount "batch/pay""#,
        )
        .expect("a reason");
        assert_eq!(credit.namespace.as_deref(), Some("pay"));
        assert_eq!(&*credit.name, "view-a/b");
        assert_eq!(credit.subject, Identity::service_account("pay", "batch"));
        for text in [
            "",
            "webhook said so",
            "RBAC: allowed by",
            r#"RBAC: clusterrole.rbac.authorization.k8s.io "x" not found"#,
            r#"RBAC: allowed by RoleBinding "x" of Role "r" to User "u""#,
            r#"RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "r" to User "u" and more"#,
            r#"RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "r" to User "u"#,
            r#"RBAC: allowed by ClusterRoleBinding "x" of ClusterRole "r" to Robot "u""#,
        ] {
            assert_eq!(Credit::parse(text), None, "{text}");
        }
    }
}
