//! The change that would mend a finding.
//!
//! It is never more than the finding is about: of a grant, that grant; of a token, that token. What
//! is granted to a group is not one member's to be taken from all.

use super::Subject;
use crate::book::{Fix, Grant, GrantKey, Mend};
use crate::model::{Identity, shell_word};

/// What mends what a rule says of somebody, by one of its grants or without one.
pub(super) fn of(subject: &Subject<'_>, rule: &str, grant: Option<&Grant>) -> Fix {
    let identity = &subject.entry.identity;
    if let Some(grant) = grant {
        return of_grant(identity, rule, &grant.key);
    }
    match rule {
        "unused-permissions" => Fix::write(
            Mend::Narrow(identity.clone()),
            "cut down what it is granted to what the log shows in use",
        ),
        "shared-account" => Fix::write(
            Mend::Split(identity.clone()),
            "give each of those who are behind it an identity of their own",
        ),
        "people-on-machine" => {
            Fix::write(Mend::Split(identity.clone()), "give the people an identity of their own")
        }
        "machines-on-person" => {
            Fix::write(Mend::Split(identity.clone()), "give the machines an account of their own")
        }
        "idle" | "acted-after-leaving" => all_of_it(subject),
        "cluster-admin" => Fix::elsewhere(format!(
            "take it out of {} where its credential comes from; a certificate that names the group \
             is good until it ends",
            Identity::SYSTEM_MASTERS
        )),
        "denied" => Fix::elsewhere(
            "see what was refused: grant what is needed, or have whoever asks stop asking",
        ),
        "floods" => Fix::elsewhere(
            "find by its credentials and agents what asks so often, and have it watch in place of \
             asking again; until then a FlowSchema for it with a priority level of few shares holds \
             it back",
        ),
        _ => Fix::elsewhere("no change of keybook's mends it: see its evidence"),
    }
}

/// What mends what a rule says of one grant.
pub(super) fn of_grant(identity: &Identity, rule: &str, key: &GrantKey) -> Fix {
    if key.subject != *identity {
        return Fix::elsewhere(format!(
            "take it out of group {} where the group's members are kept; the grant is everybody's \
             who is in the group, and a finding of the group",
            key.subject.name
        ));
    }
    let how = match rule {
        "reach" => format!(
            "take away the grant with which it begins; keybook reach {} says whether \
             another way is left",
            shell_word(identity.to_string())
        ),
        "cluster-admin" | "wildcard" | "all-secrets" | "escalation-verbs" => {
            "take the grant away, once what is needed of it is granted by a smaller role".to_owned()
        }
        "everybody" => {
            "take the grant away, once those who need it have it by their own name".to_owned()
        }
        "default-account" => {
            "take the grant away, once the pods that need it have an account of their own"
                .to_owned()
        }
        "redundant-grant" => "take the grant away: the other one stays".to_owned(),
        _ => "take the grant away".to_owned(),
    };
    Fix::write(Mend::Revoke(key.clone()), how)
}

/// Everything that somebody holds by being named goes; what it holds by a group is its group's.
fn all_of_it(subject: &Subject<'_>) -> Fix {
    let identity = &subject.entry.identity;
    let mut groups: Vec<&str> = Vec::new();
    let (mut named, mut built_in) = (false, false);
    for grant in subject.grants() {
        if grant.key.subject == *identity {
            named = true;
            built_in |= grant.bootstrap;
        } else if !subject.book.is_implicit(&grant.key.subject.name) {
            groups.push(&grant.key.subject.name);
        }
    }
    let masters = subject.entry.groups.iter().map(|group| &*group.name);
    groups.extend(masters.filter(|group| *group == Identity::SYSTEM_MASTERS));
    groups.sort_unstable();
    groups.dedup();
    let out = match groups.as_slice() {
        [] => None,
        [one] => Some(format!("take it out of group {one} where the group's members are kept")),
        many => {
            let many = many.join(", ");
            Some(format!("take it out of the groups {many} where their members are kept"))
        }
    };
    match (named && !built_in, out) {
        (true, None) => {
            Fix::write(Mend::RevokeAll(identity.clone()), "take away all that is bound to it")
        }
        (true, Some(out)) => Fix::write(
            Mend::RevokeAll(identity.clone()),
            format!("take away all that is bound to it, and {out}"),
        ),
        (false, Some(out)) => Fix::elsewhere(out),
        (false, None) if subject.book.beside(identity).next().is_some() => beside(),
        (false, None) => {
            Fix::elsewhere("take away, one by one, the grants that the API server did not install")
        }
    }
}

/// Of what the cloud gives somebody past RBAC.
pub(super) fn beside() -> Fix {
    Fix::elsewhere(
        "take it away where the cloud gives it: in the access entry or the policy that it is from",
    )
}

/// The same of somebody who may be at work where no log shows it.
pub(super) fn ask_first(subject: &Subject<'_>) -> Fix {
    let identity = shell_word(subject.entry.identity.to_string());
    Fix::elsewhere(format!(
        "find out first whether it is in use, as said; then keybook revoke {identity}, or what is \
         not needed by keybook narrow {identity}"
    ))
}
