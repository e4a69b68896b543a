//! What is wanted, without images: it is read against each Book anew.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::account;
use super::{Choices, Ending, Splitting};
use crate::credentials::MapField;
use crate::model::{BindingKind, Identity, Name, RoleKind, read_as_is, read_back, shell_word};
use crate::rbac::BindingKey;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "intent", rename_all = "camelCase")]
pub enum Intent {
    /// Take one subject out of one binding.
    #[serde(rename = "revokeGrant", rename_all = "camelCase")]
    Grant {
        /// Which of the two kinds.
        binding_kind: BindingKind,
        /// The binding's namespace; None for a `ClusterRoleBinding`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<Name>,
        /// The binding's name.
        binding: Name,
        /// Whom it no longer names.
        subject: Identity,
    },
    /// Take an identity out of every binding that names it.
    #[serde(rename = "revokeIdentity")]
    Identity {
        /// Whom.
        identity: Identity,
    },
    /// Have the API server refuse a `ServiceAccount`'s token without deleting its Secret.
    Quarantine {
        /// The Secret's namespace.
        namespace: Name,
        /// Its name.
        name: Name,
    },
    /// Delete the Secret that holds a `ServiceAccount`'s token.
    #[serde(rename = "deleteTokenSecret")]
    TokenSecret {
        /// Its namespace.
        namespace: Name,
        /// Its name.
        name: Name,
    },
    /// Take an entry out of the `ConfigMap` by which EKS maps cloud identities, or a group out of it.
    #[serde(rename = "revokeMapping")]
    Mapping {
        /// Of which list.
        field: MapField,
        /// For whom of the cloud it is: the ARN, or as `keybook credentials` calls it.
        principal: Name,
        /// The group; None for the whole entry.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        group: Option<Name>,
    },
    /// End the tokens of a `ServiceAccount`, whichever there are by then.
    Account {
        /// Whose.
        identity: Identity,
        /// How.
        how: Ending,
    },
    /// Cut what an identity is granted down to what the log shows in use.
    Narrow {
        /// Whom.
        identity: Identity,
        /// What the log cannot decide.
        choices: Choices,
    },
    /// Cut a role down to what the log shows in use, for all who hold it.
    #[serde(rename_all = "camelCase")]
    NarrowRole {
        /// Which of the two kinds.
        role_kind: RoleKind,
        /// The role's namespace; None for a `ClusterRole`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        namespace: Option<Name>,
        /// Its name.
        name: Name,
        /// What the log cannot decide.
        choices: Choices,
    },
    /// Give those who are seen behind an account an identity each.
    Split {
        /// The account.
        identity: Identity,
        /// How.
        how: Box<Splitting>,
    },
}

/// Why words are no Intent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} does not say what to revoke: write an identity (user:NAME, group:NAME, \
     sa:NAMESPACE/NAME) for all that is bound to it, crb:NAME=IDENTITY or \
     rb:NAMESPACE/NAME=IDENTITY for one grant, quarantine:NAMESPACE/NAME to have the token of a Secret \
     refused, secret:NAMESPACE/NAME to delete it; quarantine:sa:NAMESPACE/NAME for every Secret with a \
     token of a ServiceAccount, account:NAMESPACE/NAME to delete that with them, renew:NAMESPACE/NAME to \
     delete it and make it again, which ends all its tokens; aws-auth:mapRoles/ARN (or mapUsers, \
     mapAccounts) for an entry of EKS' aws-auth, with =group:NAME behind it for a group of that entry"
)]
pub struct IntentParseError {
    text: String,
}

impl FromStr for Intent {
    type Err = IntentParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || IntentParseError { text: text.to_owned() };
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        let placed = |text: &str| -> Option<(Name, Name)> {
            let (namespace, name) = text.split_once('/')?;
            let whole = !namespace.is_empty() && !name.is_empty();
            whole.then(|| (namespace.into(), name.into()))
        };
        match kind {
            "crb" | "clusterrolebinding" => {
                let (binding, subject) = grant(rest).ok_or_else(wrong)?;
                let binding_kind = BindingKind::ClusterRoleBinding;
                Ok(Self::Grant { binding_kind, namespace: None, binding: binding.into(), subject })
            }
            "rb" | "rolebinding" => {
                let (binding, subject) = grant(rest).ok_or_else(wrong)?;
                let (namespace, binding) = placed(binding).ok_or_else(wrong)?;
                let binding_kind = BindingKind::RoleBinding;
                Ok(Self::Grant { binding_kind, namespace: Some(namespace), binding, subject })
            }
            "secret" => {
                let (namespace, name) = placed(rest).ok_or_else(wrong)?;
                Ok(Self::TokenSecret { namespace, name })
            }
            "quarantine" if let Some(identity) = account::named(rest) => {
                Ok(Self::Account { identity, how: Ending::Quarantine })
            }
            "aws-auth" => {
                let (field, rest) = rest.split_once('/').ok_or_else(wrong)?;
                let field = field.parse().map_err(|()| wrong())?;
                let (principal, group) = match rest.split_once("=group:") {
                    Some((principal, group)) => (principal, Some(group)),
                    None => (rest, None),
                };
                // Whole accounts are given no groups.
                let fits =
                    group.is_none_or(|group| !group.is_empty() && field != MapField::MapAccounts);
                if principal.is_empty() || !fits {
                    return Err(wrong());
                }
                Ok(Self::Mapping {
                    field,
                    principal: principal.into(),
                    group: group.map(Name::from),
                })
            }
            "account" | "renew" => {
                let (namespace, name) = placed(rest).ok_or_else(wrong)?;
                let identity = Identity::service_account(namespace, name);
                let how = if kind == "renew" { Ending::Renew } else { Ending::Delete };
                Ok(Self::Account { identity, how })
            }
            "quarantine" => {
                let (namespace, name) = placed(rest).ok_or_else(wrong)?;
                Ok(Self::Quarantine { namespace, name })
            }
            _ => Ok(Self::Identity { identity: text.parse().map_err(|_| wrong())? }),
        }
    }
}

/// A binding's name may hold `=`, so that the first one behind which an identity stands counts.
fn grant(text: &str) -> Option<(&str, Identity)> {
    text.match_indices('=').find_map(|(at, _)| {
        let (binding, subject) = (&text[..at], &text[at + 1..]);
        Some((binding, subject.parse().ok()?)).filter(|_| !binding.is_empty())
    })
}

/// What is revoked as [`Intent::from_str`] reads it back; what is narrowed as
/// [`Intent::to_narrow`] does.
impl fmt::Display for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant { namespace: Some(namespace), binding, subject, .. } => {
                write!(f, "rb:{namespace}/{binding}={subject}")
            }
            Self::Grant { namespace: None, binding, subject, .. } => {
                write!(f, "crb:{binding}={subject}")
            }
            Self::Identity { identity }
            | Self::Narrow { identity, .. }
            | Self::Split { identity, .. } => identity.fmt(f),
            Self::Quarantine { namespace, name } => write!(f, "quarantine:{namespace}/{name}"),
            Self::TokenSecret { namespace, name } => write!(f, "secret:{namespace}/{name}"),
            Self::Account { identity, how: Ending::Quarantine } => {
                write!(f, "quarantine:{identity}")
            }
            Self::Account { identity, how } => {
                let namespace = identity.namespace.as_deref().unwrap_or_default();
                write!(f, "{}:{namespace}/{}", how.as_str(), identity.name)
            }
            Self::Mapping { field, principal, group } => {
                write!(f, "aws-auth:{field}/{principal}")?;
                group.as_ref().map_or(Ok(()), |group| write!(f, "=group:{group}"))
            }
            Self::NarrowRole { namespace: Some(namespace), name, .. } => {
                write!(f, "role:{namespace}/{name}")
            }
            Self::NarrowRole { namespace: None, name, .. } => write!(f, "clusterrole:{name}"),
        }
    }
}

impl Intent {
    /// What is to be narrowed, from words: an identity, `role:NAMESPACE/NAME` or `clusterrole:NAME`.
    ///
    /// # Errors
    /// Where they are none of these.
    pub fn to_narrow(text: &str, choices: Choices) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} does not say what to narrow: write an identity (user:NAME, group:NAME, \
                 sa:NAMESPACE/NAME) for what it is granted, role:NAMESPACE/NAME or clusterrole:NAME for \
                 a role as all have it who hold it"
            )
        };
        match text.split_once(':') {
            Some(("role", rest)) => {
                let (namespace, name) = rest.split_once('/').ok_or_else(wrong)?;
                if namespace.is_empty() || name.is_empty() {
                    return Err(wrong());
                }
                let namespace = Some(namespace.into());
                Ok(Self::NarrowRole {
                    role_kind: RoleKind::Role,
                    namespace,
                    name: name.into(),
                    choices,
                })
            }
            Some(("clusterrole", name)) if !name.is_empty() => Ok(Self::NarrowRole {
                role_kind: RoleKind::ClusterRole,
                namespace: None,
                name: name.into(),
                choices,
            }),
            _ => Ok(Self::Narrow { identity: text.parse().map_err(|_| wrong())?, choices }),
        }
    }

    /// Whose access it is about, where it is one identity's.
    pub fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Grant { subject: identity, .. }
            | Self::Identity { identity }
            | Self::Account { identity, .. }
            | Self::Narrow { identity, .. }
            | Self::Split { identity, .. } => Some(identity),
            Self::Quarantine { .. }
            | Self::TokenSecret { .. }
            | Self::Mapping { .. }
            | Self::NarrowRole { .. } => None,
        }
    }

    /// Whether it narrows.
    pub fn narrows(&self) -> bool {
        matches!(self, Self::Narrow { .. } | Self::NarrowRole { .. })
    }

    /// Whether what the log shows decides what comes of it.
    pub fn rests_on_log(&self) -> bool {
        self.narrows() || matches!(self, Self::Split { .. })
    }

    /// Whether two are the same wish, however the log's questions are answered: the later one takes the
    /// place of the earlier.
    pub fn is_about_the_same(&self, other: &Self) -> bool {
        let kind = |one: &Self| match one {
            Self::Narrow { .. } => 1,
            Self::NarrowRole { .. } => 2,
            Self::Split { .. } => 3,
            _ => 0,
        };
        match (kind(self), kind(other)) {
            (0, 0) => self == other,
            (one, two) => one == two && self.to_string() == other.to_string(),
        }
    }

    /// `revoke user:jane`, `narrow user:jane`, `split user:jane`.
    pub fn words(&self) -> String {
        let verb = match self {
            Self::Narrow { .. } | Self::NarrowRole { .. } => "narrow",
            Self::Split { .. } => "split",
            _ => "revoke",
        };
        format!("{verb} {self}")
    }

    /// It as one word of a shell's command line, as [`Intent::of_word`] reads it.
    pub fn shell_word(&self) -> String {
        let Self::Grant { namespace, binding, subject, .. } = self else {
            return shell_word(read_as_is(&self.to_string()).into_owned());
        };
        // Behind a `=` of the binding's own name an identity might seem to stand.
        let binding = read_as_is(binding).replace('=', "\\u{3d}");
        let place = namespace.as_ref().map_or_else(|| "crb:".to_owned(), |ns| format!("rb:{ns}/"));
        shell_word(format!("{place}{binding}={}", read_as_is(&subject.to_string())))
    }

    /// What is to be revoked, from a word of a command line, in which characters may be written out as
    /// [`crate::model::distinct`] does.
    ///
    /// # Errors
    /// Where it says nothing of the kind.
    pub fn of_word(text: &str) -> Result<Self, IntentParseError> {
        let mut intent: Self = match text.split_once(':') {
            Some(("crb" | "clusterrolebinding" | "rb" | "rolebinding", _)) => text.parse()?,
            _ => return read_back(text).parse(),
        };
        if let Self::Grant { namespace, binding, subject, .. } = &mut intent {
            let wrong = || IntentParseError { text: text.to_owned() };
            *subject = read_back(&subject.to_string()).parse().map_err(|_| wrong())?;
            *binding = (&*read_back(binding)).into();
            *namespace = namespace.take().map(|namespace| (&*read_back(&namespace)).into());
        }
        Ok(intent)
    }

    /// The binding that a grant's Intent is about.
    pub(super) fn binding(&self) -> Option<(BindingKey, &Identity)> {
        let Self::Grant { binding_kind, namespace, binding, subject } = self else { return None };
        let namespace = namespace.clone().unwrap_or_else(|| "".into());
        Some(((*binding_kind, namespace, binding.clone()), subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Mend;
    use crate::change::plan::command_of;

    #[test]
    fn a_split_of_some_names_them_and_runs_as_it_stands() {
        let split = |identity: &str, off: &[(&str, &str)], into: Option<&str>| {
            let off = off.iter().map(|(name, is)| ((*name).into(), (*is).into())).collect();
            let identity = identity.parse().expect("an identity");
            let split = Mend::Split { identity, off, into: into.map(Into::into) };
            command_of(&Intent::to_mend(&split))
        };
        assert_eq!(
            split("user:ana@corp.example", &[("argocd", "192.0.2.7")], Some("ops")),
            "keybook split user:ana@corp.example --actor argocd=192.0.2.7 --into ops"
        );
        assert_eq!(split("user:ana", &[], None), "keybook split user:ana --into NAMESPACE");
        assert_eq!(split("sa:ci/bot", &[], None), "keybook split sa:ci/bot");
        assert_eq!(
            split("sa:ci/bot", &[("person", "JTI=a b")], None),
            "keybook split sa:ci/bot --actor 'person=JTI=a b'"
        );
    }

    #[test]
    fn words_of_a_command_line_mean_one_thing_whatever_names_there_are() {
        let names =
            ["a", "a=user:b", "b=user:c", "=", "a=", "\\u{3d}", "\\u{41}dmin", "r", "crb:x"];
        let mut seen = std::collections::BTreeSet::new();
        for binding in names {
            for who in names {
                let grant = |namespace: Option<&str>| Intent::Grant {
                    binding_kind: match namespace {
                        None => BindingKind::ClusterRoleBinding,
                        Some(_) => BindingKind::RoleBinding,
                    },
                    namespace: namespace.map(Into::into),
                    binding: binding.into(),
                    subject: Identity::user(who),
                };
                let whole = Intent::Identity { identity: Identity::user(who) };
                for intent in [grant(None), grant(Some("r")), whole] {
                    let word = intent.shell_word();
                    let unquoted = word.trim_matches('\'');
                    assert_eq!(Intent::of_word(unquoted).as_ref(), Ok(&intent), "{word}");
                    seen.insert(word);
                }
            }
        }
        assert_eq!(seen.len(), names.len() * names.len() * 2 + names.len());
        let plain: Intent = "crb:a=b=user:c".parse().expect("a grant");
        assert_eq!(Intent::of_word("crb:a=b=user:c"), Ok(plain));
    }

    #[test]
    fn words_are_read_and_written_back() {
        for (text, same) in [
            ("user:jane@corp.example", "user:jane@corp.example"),
            ("u:jane", "user:jane"),
            ("group:a b", "group:a b"),
            ("system:serviceaccount:ci:bot", "sa:ci/bot"),
            ("crb:admins=user:jane", "crb:admins=user:jane"),
            ("clusterrolebinding:a=b:c=user:x=y", "crb:a=b:c=user:x=y"),
            ("rb:pay/ops=sa:ci/bot", "rb:pay/ops=sa:ci/bot"),
            ("rolebinding:pay/ops=g:dev", "rb:pay/ops=group:dev"),
            ("secret:pay/batch-token", "secret:pay/batch-token"),
            ("quarantine:pay/batch-token", "quarantine:pay/batch-token"),
            ("quarantine:sa:pay/batch", "quarantine:sa:pay/batch"),
            ("quarantine:system:serviceaccount:pay:batch", "quarantine:sa:pay/batch"),
            ("account:pay/batch", "account:pay/batch"),
            ("renew:pay/batch", "renew:pay/batch"),
            (
                "aws-auth:mapRoles/arn:aws:iam::111122223333:role/a=b",
                "aws-auth:mapRoles/arn:aws:iam::111122223333:role/a=b",
            ),
            (
                "aws-auth:mapUsers/arn:aws:iam::111122223333:user/t/ana=group:a:b=c",
                "aws-auth:mapUsers/arn:aws:iam::111122223333:user/t/ana=group:a:b=c",
            ),
            ("aws-auth:mapAccounts/444455556666", "aws-auth:mapAccounts/444455556666"),
            (
                "aws-auth:mapRoles/sso Admins of 111122223333",
                "aws-auth:mapRoles/sso Admins of 111122223333",
            ),
        ] {
            let intent: Intent = text.parse().expect(text);
            assert_eq!(intent.to_string(), same);
            assert_eq!(same.parse::<Intent>().as_ref(), Ok(&intent));
            let value = serde_json::to_value(&intent).expect("JSON");
            assert_eq!(serde_json::from_value::<Intent>(value).expect("read back"), intent);
        }
        for text in [
            "",
            "jane",
            "crb:x",
            "crb:=user:a",
            "rb:x=user:a",
            "secret:x",
            "role:x",
            "rb:/x=user:a",
            "account:x",
            "renew:/x",
            "quarantine:user:x",
            "aws-auth:x",
            "aws-auth:maproles/x",
            "aws-auth:mapRoles/",
            "aws-auth:mapRoles/x=group:",
            "aws-auth:mapAccounts/444455556666=group:a",
        ] {
            assert!(text.parse::<Intent>().is_err(), "{text}");
        }
    }
}
