//! The change that would mend a finding.
//!
//! It is never more than the finding is about: of a grant, that grant; of a token, that token. What
//! is granted to a group is not one member's to be taken from all.

use chrono::{DateTime, Utc};

use super::{Subject, split_off};
use crate::book::{Fix, Grant, GrantKey, GroupSource, HintSource, Mend};
use crate::credentials::{Bound, Credential, Expires, Kind, missed};
use crate::model::{Identity, shell_word};

/// What mends what a rule says of somebody, by one of its grants or without one.
pub(super) fn of(subject: &Subject<'_>, rule: &str, grant: Option<&Grant>) -> Fix {
    let identity = &subject.entry.identity;
    if let Some(grant) = grant {
        let group = &grant.key.subject;
        if group != identity {
            return Fix::elsewhere(format!(
                "{}; the grant is everybody's who is in the group, and a finding of the group",
                leave(subject, &group.name)
            ));
        }
        return of_grant(identity, rule, &grant.key);
    }
    match rule {
        "unused-permissions" => Fix::write(
            Mend::Narrow(identity.clone()),
            "cut down what it is granted to what the log shows in use",
        ),
        "shared-account" => {
            split_off::all(subject, "give each of those who are behind it an identity of their own")
        }
        "idle" | "acted-after-leaving" | "not-by-token" => all_of_it(subject),
        "cluster-admin" => Fix::elsewhere(leave(subject, Identity::SYSTEM_MASTERS)),
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
    let ways: Vec<String> = groups.iter().map(|group| leave(subject, group)).collect();
    let out = (!ways.is_empty()).then(|| ways.join("; "));
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

/// How somebody gets out of a group: whoever puts it in knows, and what a certificate says stays so.
fn leave(subject: &Subject<'_>, group: &str) -> String {
    let entry = subject.entry;
    let certificates = subject.credentials.iter().filter(|one| {
        one.kind == Kind::Certificate && one.groups.iter().any(|name| **name == *group)
    });
    let ends: Vec<Option<DateTime<Utc>>> = certificates
        .map(|one| match one.expires {
            Expires::At(at) => Some(at),
            _ => None,
        })
        .collect();
    if !ends.is_empty() {
        let until =
            ends.into_iter().collect::<Option<Vec<_>>>().and_then(|all| all.into_iter().max());
        let until =
            until.map_or_else(String::new, |at| format!(", until {}", at.format("%Y-%m-%d")));
        return format!(
            "no list of members has it in group {group}: its certificate names the group and is good \
             until it ends{until}; have no other made with the group, and change the API server's \
             client CA if it cannot wait"
        );
    }
    let source = entry.groups.iter().find(|have| *have.name == *group).map(|have| have.source);
    match source {
        Some(GroupSource::Certificate) => format!(
            "have no certificate made for it that names group {group}: one that does is good until it \
             ends"
        ),
        Some(GroupSource::BootstrapToken) => {
            format!("the Secret of its bootstrap token puts it in group {group}: delete it")
        }
        Some(GroupSource::CloudMapping) => format!(
            "take group {group} out of what maps it to a user here (aws-auth, or its access entry)"
        ),
        _ if group == Identity::SYSTEM_MASTERS => format!(
            "take it out of {group} where its credential comes from; a certificate that names the group \
             is good until it ends"
        ),
        _ => format!("take it out of group {group} where the group's members are kept"),
    }
}

/// Why one that is ended would be missed, before what is to be done with it.
pub(super) fn is_missed(subject: &Subject<'_>, one: &Credential) -> String {
    missed(subject.book, one).map_or_else(String::new, |why| format!("it {why}; "))
}

/// What ends one credential that no Secret holds, and what else that would take away.
pub(super) fn end_of(subject: &Subject<'_>, one: &Credential) -> String {
    let until = match one.expires {
        Expires::At(at) => format!("on {}", at.format("%Y-%m-%d")),
        _ => "by itself".to_owned(),
    };
    let others = others_in_use(subject, one);
    let also = |what: &str| match &others {
        Some(words) => format!(", and {what}: {words}"),
        None => String::new(),
    };
    let in_masters = one.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS);
    match (one.kind, &one.bound) {
        (Kind::Certificate, _) if in_masters => format!(
            "destroy its key where it is kept, and wait until it ends {until}. A certificate cannot be \
             revoked, and no binding limits system:masters: if that is too late, change the API \
             server's client CA"
        ),
        (Kind::Certificate, _) => format!(
            "destroy its key where it is kept, and wait until it ends {until}: a certificate cannot be \
             revoked. Taking away the grants of its user and groups ends what it may do at once{}",
            also("what else the user does")
        ),
        (Kind::IssuedToken, Some(Bound::Nothing | Bound::NotKnown(_)) | None) => format!(
            "destroy it where it is kept, and wait until it ends {until}. Deleting the account and \
             making it again ends it at once{}",
            also("all other tokens of the account with it")
        ),
        _ => one.revoke.to_string(),
    }
}

/// What else of somebody's would end with what is not one credential's alone, in words.
fn others_in_use(subject: &Subject<'_>, one: &Credential) -> Option<String> {
    let book = subject.book;
    let pod = subject.entry.hints.iter().find(|hint| hint.source == HintSource::RunningPod);
    let other = subject.credentials.iter().filter(|other| other.id != one.id).find_map(|other| {
        let words = other.last_use.words().filter(|_| other.last_use.is_current(book))?;
        Some(format!("{} is in use ({words})", named(other)))
    });
    let pod = pod.map(|pod| format!("{} runs as it and has to be restarted then", pod.object));
    let seen = subject.seen.map(|at| format!("it was last seen on {}", at.format("%Y-%m-%d")));
    other.into_iter().chain(pod).reduce(|all, more| format!("{all}, and {more}")).or(seen)
}

/// What a credential is called in a sentence: the id of one that an object holds says what it is.
pub(super) fn named(one: &Credential) -> String {
    match one.kind {
        Kind::TokenSecret | Kind::PodToken | Kind::BootstrapToken => one.id.to_string(),
        Kind::LegacyToken if one.id.starts_with("secret ") => one.id.to_string(),
        kind => format!("{} {}", kind.as_str(), one.id),
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
    let again = subject.book.policy.again.all();
    Fix::elsewhere(format!(
        "find out first whether it is in use, as said; then keybook revoke {identity}{again}, or what \
         is not needed by keybook narrow {identity}{again}"
    ))
}
