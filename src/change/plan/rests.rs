//! What a Plan rests on beside the objects that it writes: who holds a role that is edited where it is,
//! what somebody is granted whose grants it takes, which tokens and certificates they have. It is kept in
//! the Plan, so that one which was made elsewhere, or long ago, is looked at again before it is applied.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::account::{self, Ending};
use super::in_use::refused;
use super::wanted::names;
use super::{Action, Intent, Plan, Step, Target};
use crate::book::Book;
use crate::credentials;
use crate::model::{Identity, ListKind, Objects, Snapshot, SubjectKind};
use crate::rbac::Authorizer;

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Whose token it holds.
const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// What is named of what is new, at most.
const NAMED: usize = 5;

/// A Plan, or the log that it rests on, is old after so many days.
const OLD: i64 = 1;

/// What of something there was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ground {
    /// Who holds a role.
    Holders,
    /// By which bindings somebody is granted something.
    Grants,
    /// The Secrets that hold a token of an account.
    Tokens,
    /// The requests by which a user, or whoever is in a group, was given a certificate.
    Certificates,
}

/// Something that a Plan rests on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rest {
    /// What there was.
    pub what: Ground,
    /// Of a role, an identity.
    pub of: String,
    /// All that there was, when the Plan was made.
    pub are: Vec<String>,
}

/// What a Plan of these wishes and steps rests on, by these objects. What it rests on goes by the wishes
/// and steps alone; the objects say what there is.
pub(super) fn of(intents: &[Intent], steps: &[Step], objects: &Objects) -> Vec<Rest> {
    let mut all: BTreeSet<Rest> = BTreeSet::new();
    let mut rests = |what: Ground, of: String, are: BTreeSet<String>| {
        all.insert(Rest { what, of, are: are.into_iter().collect() });
    };
    let made: BTreeSet<&Target> = steps
        .iter()
        .filter(|step| step.action == Action::Create)
        .map(|step| &step.target)
        .collect();
    // A role that comes back under its name is the same to whoever holds it.
    for step in steps.iter().filter(|step| step.target.is_role() && step.action != Action::Create) {
        rests(Ground::Holders, step.target.to_string(), holders(&step.target, objects, &made));
    }
    for intent in intents {
        match intent {
            Intent::Identity { identity } => {
                rests(Ground::Grants, identity.to_string(), grants(identity, objects, &made));
                if identity.kind != SubjectKind::ServiceAccount {
                    let certificates = certificates(identity, objects);
                    rests(Ground::Certificates, identity.to_string(), certificates);
                }
            }
            Intent::Narrow { identity, .. } | Intent::Split { identity, .. } => {
                rests(Ground::Grants, identity.to_string(), grants(identity, objects, &made));
            }
            Intent::Account { identity, how: Ending::Quarantine | Ending::Delete } => {
                rests(Ground::Tokens, identity.to_string(), tokens(identity, objects));
            }
            Intent::Account { how: Ending::Renew, .. }
            | Intent::Grant { .. }
            | Intent::Mapping { .. }
            | Intent::NarrowRole { .. }
            | Intent::TokenSecret { .. }
            | Intent::Quarantine { .. } => {}
        }
    }
    all.into_iter().collect()
}

fn holders(role: &Target, objects: &Objects, made: &BTreeSet<&Target>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for ((kind, namespace, name), binding) in &objects.bindings {
        let refers = *binding.role_ref.kind == *role.kind
            && binding.role_ref.name == role.name
            && role.namespace.as_ref().is_none_or(|place| place == namespace);
        if !refers {
            continue;
        }
        let target = super::wanted::target_of(*kind, namespace, name);
        if made.contains(&target) {
            continue;
        }
        let place = binding.meta.namespace.as_ref();
        for identity in binding.subjects.iter().filter_map(|subject| subject.identity(place)) {
            all.insert(format!("{identity} by {target}"));
        }
    }
    all
}

fn grants(identity: &Identity, objects: &Objects, made: &BTreeSet<&Target>) -> BTreeSet<String> {
    let all = objects.bindings.iter().filter(|(_, binding)| names(binding, identity));
    all.map(|((kind, namespace, name), binding)| {
        (super::wanted::target_of(*kind, namespace, name), &binding.role_ref)
    })
    .filter(|(target, _)| !made.contains(target))
    .map(|(target, role)| format!("{target} ({} {})", role.kind, role.name))
    .collect()
}

fn tokens(identity: &Identity, objects: &Objects) -> BTreeSet<String> {
    let Ok((namespace, account)) = account::place(identity) else { return BTreeSet::new() };
    let own = objects.secrets.iter().filter(|((place, _), secret)| {
        place == namespace
            && &*secret.type_ == TOKEN
            && secret.meta.annotations.get(ACCOUNT) == Some(account)
    });
    own.map(|((namespace, name), _)| format!("Secret {namespace}/{name}")).collect()
}

fn certificates(identity: &Identity, objects: &Objects) -> BTreeSet<String> {
    let own = objects.csrs.iter().filter(|(_, csr)| {
        credentials::bearer(csr).is_some_and(|(user, groups)| match identity.kind {
            SubjectKind::Group => groups.contains(&identity.name),
            _ => user == *identity,
        })
    });
    own.map(|(name, _)| format!("CertificateSigningRequest {name}")).collect()
}

/// The lists by which it is looked at again.
pub fn rests_by(plan: &Plan) -> Vec<ListKind> {
    let has = |what: Ground| plan.rests_on.iter().any(|rest| rest.what == what);
    let mut lists = Vec::new();
    if has(Ground::Tokens) {
        lists.push(ListKind::TokenSecrets);
    }
    if has(Ground::Certificates) {
        lists.push(ListKind::CertificateSigningRequests);
    }
    lists
}

/// What is otherwise than the Plan says that it was, in words; and what is not known of that.
pub fn stale(plan: &Plan, now: &Snapshot) -> (Vec<String>, Vec<String>) {
    let (mut moved, mut unknown) = (Vec::new(), Vec::new());
    if plan.undoes.is_some() {
        return (moved, unknown);
    }
    for is in of(&plan.intents, &plan.steps, &now.objects) {
        let was = plan.rests_on.iter().find(|was| was.what == is.what && was.of == is.of);
        let was: BTreeSet<&String> = was.iter().flat_map(|was| &was.are).collect();
        let new: Vec<&String> = is.are.iter().filter(|one| !was.contains(one)).collect();
        let of = &is.of;
        if !new.is_empty() {
            let named: Vec<&str> = new.iter().take(NAMED).map(|one| one.as_str()).collect();
            let more = new.len().saturating_sub(NAMED);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            let (what, then) = match is.what {
                Ground::Holders => ("others hold it", "the step would change what they may do"),
                Ground::Grants => ("more is granted to it", "that would stay"),
                Ground::Tokens => ("it has other tokens", "they would stay good"),
                Ground::Certificates => ("it has other certificates", "they would stay good"),
            };
            let (all, made) = (named.join(", "), plan.metadata.made_at.format("%Y-%m-%d %H:%M"));
            moved.push(format!(
                "{of}: {what} since the plan was made on {made} UTC ({all}{rest}): {then}"
            ));
        }
        let lists = match is.what {
            Ground::Holders | Ground::Grants => continue,
            Ground::Tokens => [ListKind::TokenSecrets],
            Ground::Certificates => [ListKind::CertificateSigningRequests],
        };
        if !now.covers(&lists, None) {
            unknown.push(format!(
                "{of}: {} could not be listed: whether there are others since the plan was made is not \
                 known",
                lists[0].as_str()
            ));
        }
    }
    (moved, unknown)
}

/// That a Plan, or the log that it rests on, is old: in words and days.
pub fn old(plan: &Plan, now: DateTime<Utc>) -> Vec<String> {
    let mut said = Vec::new();
    if plan.undoes.is_some() {
        return said;
    }
    let days = |since: DateTime<Utc>| {
        let days = (now - since).num_days();
        let word = if days == 1 { "day" } else { "days" };
        (days >= OLD).then(|| format!("{}, {days} {word} ago", since.format("%Y-%m-%d")))
    };
    if let Some(ago) = days(plan.metadata.made_at) {
        said.push(format!("the plan was made on {ago}"));
    }
    let by_log = plan.intents.iter().any(Intent::rests_on_log);
    let to = plan.metadata.coverage.as_ref().and_then(|coverage| coverage.to);
    if let Some(ago) = to.filter(|_| by_log).and_then(days) {
        said.push(format!(
            "the log that it rests on ended on {ago}: what was used since is not in it. With --audit \
             what a plan narrows is looked at again in the log as it is now"
        ));
    }
    said
}

/// What a Plan that narrows would refuse of what was allowed after the log that it rests on had ended,
/// a line for each who did it.
pub fn refused_since(book: &Book, plan: &Plan) -> Vec<String> {
    if plan.undoes.is_some() || !plan.intents.iter().any(Intent::narrows) {
        return Vec::new();
    }
    let since = plan.metadata.coverage.as_ref().and_then(|coverage| coverage.to);
    let since = since.unwrap_or(plan.metadata.made_at);
    let before = &book.snapshot.objects;
    let after = super::lock_out::applied(plan, before);
    refused(book, (&Authorizer::new(before), &Authorizer::new(&after)), since)
}

/// What a Plan that is read says that it rests on has to be what its wishes and steps rest on.
///
/// # Errors
/// In words.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    let key = |rest: &Rest| (rest.what, rest.of.clone());
    let said: BTreeSet<(Ground, String)> = plan.rests_on.iter().map(key).collect();
    let needed: BTreeSet<(Ground, String)> = if plan.undoes.is_some() {
        BTreeSet::new()
    } else {
        of(&plan.intents, &plan.steps, &Objects::default()).iter().map(key).collect()
    };
    match needed.symmetric_difference(&said).next() {
        None => Ok(()),
        Some((_, of)) => Err(format!("{of}: what the plan rests on does not go with its steps")),
    }
}
