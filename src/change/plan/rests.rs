//! What a Plan rests on beside the objects that it writes: who holds a role that is edited where it is,
//! what somebody is granted whose grants it takes, which tokens and certificates they have. It is kept in
//! the Plan, so that one which was made elsewhere, or long ago, is looked at again before it is applied.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::account::{self, Ending};
use super::check::Check;
use super::lock_out::applied;
use super::wanted::names;
use super::{Action, Intent, Plan, Step, Target};
use crate::book::Book;
use crate::credentials;
use crate::model::{
    Binding, CertificateSigningRequest, Identity, ListKind, Name, Objects, RoleKind, Snapshot,
    SubjectKind,
};
use crate::rbac::{Authorizer, aggregation};

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
    /// The requests by which a user, or whoever is in a group, was given a certificate, and until when
    /// it is good. Others are made all the time: they are told, and do not stop a Plan.
    Certificates,
    /// What the groups in the certificates of a user give.
    CertificateGrants,
    /// By which bindings a group is granted something, in which somebody is who loses all: by the log, the
    /// configuration or a cloud's mapping, which are not looked at again.
    GroupGrants,
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
    let made = made_by(steps);
    // A role that comes back under its name is the same to whoever holds it.
    for step in steps.iter().filter(|step| step.target.is_role() && step.action != Action::Create) {
        rests(Ground::Holders, step.target.to_string(), held(&step.target, objects, &made));
    }
    for intent in intents {
        match intent {
            Intent::Identity { identity } => {
                rests(Ground::Grants, identity.to_string(), grants(identity, objects, &made));
                if identity.kind != SubjectKind::ServiceAccount {
                    let certificates = certificates(identity, objects);
                    rests(Ground::Certificates, identity.to_string(), certificates);
                }
                if identity.kind == SubjectKind::User {
                    let given = by_certificates(identity, objects, &made);
                    rests(Ground::CertificateGrants, identity.to_string(), given);
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

/// As [`of`], and what the groups are granted in which those are, by all that a Book knows, who are to lose
/// all.
pub(super) fn all(book: &Book, intents: &[Intent], steps: &[Step], objects: &Objects) -> Vec<Rest> {
    let mut all: BTreeSet<Rest> = of(intents, steps, objects).into_iter().collect();
    let made = made_by(steps);
    for intent in intents {
        let Intent::Identity { identity } = intent else { continue };
        // What is in certificates that objects show is looked at with them.
        let shown = own_requests(identity, objects).flat_map(|(_, _, groups)| groups);
        let shown: BTreeSet<Name> = shown.chain(identity.implicit_groups()).collect();
        let groups = book.find(identity).into_iter().flat_map(|entry| &entry.groups);
        for group in groups.filter(|group| !shown.contains(&group.name)) {
            let group = Identity::group(group.name.clone());
            let are = grants(&group, objects, &made).into_iter().collect();
            all.insert(Rest { what: Ground::GroupGrants, of: group.to_string(), are });
        }
    }
    all.into_iter().collect()
}

fn held(role: &Target, objects: &Objects, made: &BTreeSet<&Target>) -> BTreeSet<String> {
    holders(role, objects, made).into_iter().map(|holder| holder.to_string()).collect()
}

/// Who holds a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Holder {
    /// Who.
    pub(super) identity: Identity,
    /// By which binding.
    pub(super) by: Target,
    /// The aggregated role that it gives, where it does not give the role itself.
    pub(super) within: Option<Name>,
}

/// `user:eve by RoleBinding m/theirs`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {}", self.identity, self.by)?;
        self.within.as_ref().map_or(Ok(()), |role| write!(f, " of ClusterRole {role}"))
    }
}

/// Who holds a role by bindings that are not among those that are made, or an aggregated role that takes
/// its rules in.
pub(super) fn holders(
    role: &Target,
    objects: &Objects,
    made: &BTreeSet<&Target>,
) -> BTreeSet<Holder> {
    let mut all = BTreeSet::new();
    let within = taken_in_by(role, objects);
    for ((kind, namespace, name), binding) in &objects.bindings {
        let of = &binding.role_ref;
        let itself = *of.kind == *role.kind
            && of.name == role.name
            && role.namespace.as_ref().is_none_or(|place| place == namespace);
        let within = within.get(&of.name).filter(|_| &*of.kind == "ClusterRole" && !itself);
        let by = super::wanted::target_of(*kind, namespace, name);
        if !(itself || within.is_some()) || made.contains(&by) {
            continue;
        }
        all.extend(identities(binding).map(|identity| Holder {
            identity,
            by: by.clone(),
            within: within.cloned(),
        }));
    }
    all
}

fn identities(binding: &Binding) -> impl Iterator<Item = Identity> {
    let place = binding.meta.namespace.as_ref();
    binding.subjects.iter().filter_map(move |subject| subject.identity(place))
}

/// The aggregated roles that take a role's rules in, by way of others too.
fn taken_in_by(role: &Target, objects: &Objects) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    if &*role.kind != "ClusterRole" {
        return found;
    }
    let mut last = usize::MAX;
    while found.len() != last {
        last = found.len();
        let taken = |name: &Name| *name == role.name || found.contains(name);
        let all = objects
            .roles
            .iter()
            .filter(|((kind, _, name), _)| *kind == RoleKind::ClusterRole && !taken(name));
        let more: Vec<Name> = all
            .filter(|(_, one)| {
                let sources = aggregation::sources(one, objects).unwrap_or_default();
                sources.iter().any(|source| taken(&source.meta.name))
            })
            .map(|((_, _, name), _)| name.clone())
            .collect();
        found.extend(more);
    }
    found
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

/// The requests by which somebody was given a certificate, with the groups in it.
fn own_requests<'a>(
    identity: &'a Identity,
    objects: &'a Objects,
) -> impl Iterator<Item = (&'a Name, &'a CertificateSigningRequest, Vec<Name>)> {
    objects.csrs.iter().filter_map(|(name, csr)| {
        let (user, groups) = credentials::bearer(csr)?;
        let is_own = match identity.kind {
            SubjectKind::Group => groups.contains(&identity.name),
            _ => user == *identity,
        };
        is_own.then_some((name, &**csr, groups))
    })
}

fn certificates(identity: &Identity, objects: &Objects) -> BTreeSet<String> {
    let own = own_requests(identity, objects).map(|(name, csr, _)| {
        let until = credentials::good_until(csr);
        let until = until.map_or_else(String::new, |until| {
            format!(", good until {} UTC", until.format("%Y-%m-%d %H:%M"))
        });
        format!("CertificateSigningRequest {name}{until}")
    });
    own.collect()
}

/// What the groups in somebody's certificates give.
fn by_certificates(
    identity: &Identity,
    objects: &Objects,
    made: &BTreeSet<&Target>,
) -> BTreeSet<String> {
    let groups: BTreeSet<Name> =
        own_requests(identity, objects).flat_map(|(_, _, groups)| groups).collect();
    let mut all = BTreeSet::new();
    for group in groups {
        if &*group == Identity::SYSTEM_MASTERS {
            all.insert(format!("everything, by group:{group}"));
        }
        let group = Identity::group(group);
        all.extend(
            grants(&group, objects, made).into_iter().map(|grant| format!("{group} by {grant}")),
        );
    }
    all
}

/// The lists by which it is looked at again.
pub fn rests_by(plan: &Plan) -> Vec<ListKind> {
    let has = |what: Ground| plan.rests_on.iter().any(|rest| rest.what == what);
    let mut lists = Vec::new();
    if has(Ground::Tokens) {
        lists.push(ListKind::TokenSecrets);
    }
    if has(Ground::Certificates) || has(Ground::CertificateGrants) {
        lists.push(ListKind::CertificateSigningRequests);
    }
    lists
}

/// What is otherwise than the Plan says that it was, so that it would not do what it says, in words; and
/// what has to be known all the same.
pub fn stale(plan: &Plan, now: &Snapshot) -> (Vec<String>, Vec<String>) {
    let (mut moved, mut notes) = (Vec::new(), Vec::new());
    if plan.undoes.is_some() {
        return (moved, notes);
    }
    let made = made_by(&plan.steps);
    let groups = plan.rests_on.iter().filter(|rest| rest.what == Ground::GroupGrants);
    let groups = groups.filter_map(|rest| {
        let group: Identity = rest.of.parse().ok()?;
        let are = grants(&group, &now.objects, &made).into_iter().collect();
        Some(Rest { are, ..rest.clone() })
    });
    for is in of(&plan.intents, &plan.steps, &now.objects).into_iter().chain(groups) {
        let was = plan.rests_on.iter().find(|was| was.what == is.what && was.of == is.of);
        let was: BTreeSet<&String> = was.iter().flat_map(|was| &was.are).collect();
        let new: Vec<&String> = is.are.iter().filter(|one| !was.contains(one)).collect();
        let of = &is.of;
        if !new.is_empty() {
            let (what, then) = match is.what {
                Ground::Holders => ("others hold it", "the step would change what they may do"),
                Ground::Grants => ("more is granted to it", "that would stay"),
                Ground::Tokens => ("it has other tokens", "they would stay good"),
                Ground::Certificates => (
                    "it has another certificate",
                    "it authenticates until then, whatever the plan says",
                ),
                Ground::CertificateGrants => {
                    ("more is granted by the groups in its certificates", "that would stay")
                }
                Ground::GroupGrants => {
                    ("more is granted to it", "who is in it, and is to lose all, would keep that")
                }
            };
            let (all, made) = (some(&new), plan.metadata.made_at.format("%Y-%m-%d %H:%M"));
            let words =
                format!("{of}: {what} since the plan was made on {made} UTC ({all}): {then}");
            let stops = is.what != Ground::Certificates;
            if stops { &mut moved } else { &mut notes }.push(words);
        }
        let lists = match is.what {
            // Where requests are not known, that is said once.
            Ground::Holders | Ground::Grants | Ground::CertificateGrants | Ground::GroupGrants => {
                continue;
            }
            Ground::Tokens => [ListKind::TokenSecrets],
            Ground::Certificates => [ListKind::CertificateSigningRequests],
        };
        if !now.covers(&lists, None) {
            notes.push(format!(
                "{of}: {} could not be listed: whether there are others since the plan was made is not \
                 known",
                lists[0].as_str()
            ));
        }
    }
    (moved, notes)
}

/// The first of them, and how many more there are.
pub(super) fn some<T: fmt::Display>(all: &[T]) -> String {
    let named: Vec<String> = all.iter().take(NAMED).map(ToString::to_string).collect();
    let more = all.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}

/// What has to be allowed after a Plan and would not be, by the objects as they are now, a line each: what
/// it counted on has gone since it was made.
pub fn falls_short(plan: &Plan, now: &Objects) -> Vec<String> {
    if plan.verification.allowed.is_empty() {
        return Vec::new();
    }
    let after = Authorizer::new(&applied(plan, now));
    let asked = plan.verification.allowed.iter();
    let lost: Vec<&Check> = asked.filter(|check| !check.decide(&after).allowed()).collect();
    let more = lost.len().saturating_sub(NAMED);
    let line = |check: &&Check| {
        format!(
            "{} would be refused afterwards: what allows it besides, by the plan, has gone or changed since",
            check.words()
        )
    };
    let rest = (more > 0).then(|| format!("and {more} more that would be refused"));
    lost.iter().take(NAMED).map(line).chain(rest).collect()
}

/// That a Plan, or the log that it rests on, is old: in words and days. Where it is `held` against the log
/// as it is now, that need not be said.
pub fn old(plan: &Plan, now: DateTime<Utc>, held: bool) -> Vec<String> {
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
        // They are counted from when it is applied.
        let stages = plan.later.iter().map(|later| later.not_before + plan.waited(now));
        let stages: Vec<String> = stages.map(|at| at.format("%Y-%m-%d").to_string()).collect();
        if !stages.is_empty() {
            said.push(format!(
                "its stages come so much later than it says: from {} on",
                stages.join(" and ")
            ));
        }
    }
    let by_log = plan.intents.iter().any(Intent::rests_on_log);
    let to = plan.metadata.coverage.as_ref().and_then(|coverage| coverage.to);
    if let Some(ago) = to.filter(|_| by_log).and_then(days) {
        let then = if held { "" } else { ". With --audit it is held against the log as it is now" };
        said.push(format!(
            "the log that it rests on ended on {ago}: what was used since is not in it{then}"
        ));
    }
    said
}

/// What a Plan that takes a run back rests on: who held each role whose rules it puts back when they
/// were taken, by the Plan that it undoes; where it takes rules away again, who holds it now.
pub(in crate::change) fn of_undo(steps: &[Step], undone: &Plan, now: &Objects) -> Vec<Rest> {
    let made = made_by(steps);
    let all = steps.iter().filter(|step| puts_back(step)).map(|step| {
        let of = step.target.to_string();
        let was = |rest: &&Rest| rest.what == Ground::Holders && rest.of == of;
        let are = if super::gain::widens(step, now) {
            undone.rests_on.iter().find(was).map(|rest| rest.are.clone()).unwrap_or_default()
        } else {
            held(&step.target, now, &made).into_iter().collect()
        };
        Rest { what: Ground::Holders, of, are }
    });
    let all: BTreeSet<Rest> = all.collect();
    all.into_iter().collect()
}

/// What steps make.
pub(super) fn made_by(steps: &[Step]) -> BTreeSet<&Target> {
    let made = steps.iter().filter(|step| step.action == Action::Create);
    made.map(|step| &step.target).collect()
}

/// Whether a step gives a role rules that it has not.
fn puts_back(step: &Step) -> bool {
    step.target.is_role() && step.after.is_some()
}

/// What a Plan that is read says that it rests on has to be what its wishes and steps rest on.
///
/// # Errors
/// In words.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    let key = |rest: &Rest| (rest.what, rest.of.clone());
    let said = plan.rests_on.iter().filter(|rest| rest.what != Ground::GroupGrants);
    let said: BTreeSet<(Ground, String)> = said.map(key).collect();
    let needed: BTreeSet<(Ground, String)> = if plan.undoes.is_some() {
        let roles = plan.steps.iter().filter(|step| puts_back(step));
        roles.map(|step| (Ground::Holders, step.target.to_string())).collect()
    } else {
        of(&plan.intents, &plan.steps, &Objects::default()).iter().map(key).collect()
    };
    match needed.symmetric_difference(&said).next() {
        None => Ok(()),
        Some((_, of)) => Err(format!("{of}: what the plan rests on does not go with its steps")),
    }
}
