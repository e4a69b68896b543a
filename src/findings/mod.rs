//! Something wrong, with its evidence: one file a rule.
//!
//! | rule | says |
//! |---|---|
//! | `dangling-role` | a binding refers to a role that does not exist |
//! | `dangling-account` | a binding grants to a service account that does not exist |
//! | `dangling-namespace` | a grant in, or to an account of, a namespace that does not exist |
//! | `idle` | access is held and was not used in the policy's idle time |
//! | `unused-grant` | nothing needed a grant, of somebody who is about |
//! | `unused-permissions` | without rules that nothing needed somebody would be less dangerous |
//! | `cluster-admin` | everything in the cluster is allowed |
//! | `wildcard` | every resource is granted, those that come later too |
//! | `all-secrets` | the Secrets of all namespaces can be read |
//! | `escalation-verbs` | `bind`, `escalate` or `impersonate` is granted |
//! | `everybody` | a grant to everybody who reaches the API server, or to all accounts |
//! | `default-account` | a grant to the account of pods that name none |
//! | `redundant-grant` | another grant of the same identity allows all of it |
//! | `lasting-token` | a Secret holds a token of an account that is about, without an end |
//! | `floods` | more requests come than is reasonable |
//! | `long-credential` | a certificate or a token is good for longer than the policy has it |
//! | `unused-credential` | a credential that the API server takes was not used in the idle time |
//! | `denied` | requests are refused again and again |
//! | `people-on-machine` | people use a service account |
//! | `machines-on-person` | machines use a person's account |
//! | `shared-account` | more than one person is seen behind an account |
//! | `acted-after-leaving` | somebody acts of whom the policy says that they left |
//! | `reach` | somebody can become more than it is |
//! | `not-by-token` | somebody acts as a service account, and not by a token of it |
//!
//! Findings of absence wait for whole lists and for a log. Exactly what the API server itself
//! installs is exempt, by content and version; what was added to it is not. What the policy exempts
//! is kept apart until the exemption runs out.

mod broad;
mod cluster_admin;
mod dangling_account;
mod dangling_namespace;
mod dangling_role;
mod default_account;
mod denied;
mod doubt;
mod escalation;
mod everybody;
mod fix;
pub mod floods;
mod idle;
mod lasting_token;
mod left;
mod long_credential;
mod machines;
mod not_by_token;
mod not_judged;
mod people;
pub mod reach;
mod redundant_grant;
mod shared;
mod split_off;
#[cfg(test)]
mod tests;
mod unused_credential;
mod unused_grant;
mod unused_permissions;

pub use crate::actors::PERSON;
pub use not_judged::{NotJudged, not_judged};

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::book::{
    Book, Entry, Existence, Finding, Grant, HeldRule, HintSource, Severity, Sure, Tier, UseState,
};
use crate::credentials::{self, Credential, believed_from};
use crate::model::{BindingKind, Coverage, Giving, PolicyRule, Scope, SubjectKind};
use crate::rbac::effective::Inert;
use crate::rbac::matching::name_matches;

/// Every rule that there is, as an exemption names it.
pub const RULES: [&str; 24] = [
    "acted-after-leaving",
    "all-secrets",
    "cluster-admin",
    "dangling-account",
    "dangling-namespace",
    "dangling-role",
    "default-account",
    "denied",
    "escalation-verbs",
    "everybody",
    "floods",
    "idle",
    "lasting-token",
    "long-credential",
    "machines-on-person",
    "not-by-token",
    "people-on-machine",
    "reach",
    "redundant-grant",
    "shared-account",
    "unused-credential",
    "unused-grant",
    "unused-permissions",
    "wildcard",
];

/// One identity under judgement.
struct Subject<'a> {
    book: &'a Book,
    entry: &'a Entry,
    /// When it was last seen; for a group, when a request last carried it. UTC.
    seen: Option<DateTime<Utc>>,
    /// The log, where it is whole and as long as the policy's idle time.
    log: Option<Log<'a>>,
    /// Its rules with the state of their use; none without such a log.
    rules: Vec<HeldRule<'a>>,
    /// Its credentials that may be out for long, as the inventory has them.
    credentials: Vec<Credential>,
}

/// A log that is long enough to say that something was not used.
#[derive(Clone, Copy)]
struct Log<'a> {
    coverage: &'a Coverage,
    /// Its first event, UTC.
    from: DateTime<Utc>,
    /// The policy's idle time before its last one, UTC.
    since: DateTime<Utc>,
}

/// What is said of one identity.
pub(crate) struct Judged {
    /// What is wrong, worst first.
    pub(crate) findings: Vec<Finding>,
    /// What would be, but for the policy's exemptions; worst first.
    pub(crate) exempt: Vec<Finding>,
    /// When one of these is the idle time before the end of the log, the verdict may change. UTC.
    pub(crate) instants: Vec<DateTime<Utc>>,
    /// When the verdict changes by the time alone, UTC.
    pub(crate) turns: Vec<DateTime<Utc>>,
}

/// Judges one identity. `seen` is when it was last seen; for a group, when a request last carried
/// it (UTC). `rows` is what the log shows of each of its rules.
pub(crate) fn of(book: &Book, entry: &Entry, seen: Option<DateTime<Utc>>, rows: &[Sure]) -> Judged {
    let log = Log::of(book);
    let rules = log.map(|_| book.judged(entry, rows)).unwrap_or_default();
    let credentials = match entry.identity.kind {
        SubjectKind::Group => Vec::new(),
        _ => credentials::lasting(book, entry),
    };
    let subject = Subject { book, entry, seen, log, rules, credentials };
    let mut found = Vec::new();
    cluster_admin::find(&subject, &mut found);
    broad::find(&subject, &mut found);
    escalation::find(&subject, &mut found);
    everybody::find(&subject, &mut found);
    default_account::find(&subject, &mut found);
    dangling_role::find(&subject, &mut found);
    dangling_account::find(&subject, &mut found);
    dangling_namespace::find(&subject, &mut found);
    not_by_token::find(&subject, &mut found);
    redundant_grant::find(&subject, &mut found);
    lasting_token::find(&subject, &mut found);
    long_credential::find(&subject, &mut found);
    denied::find(&subject, &mut found);
    floods::find(&subject, &mut found);
    people::find(&subject, &mut found);
    machines::find(&subject, &mut found);
    shared::find(&subject, &mut found);
    left::find(&subject, &mut found);
    idle::find(&subject, &mut found);
    // What is idle as a whole is not said piece by piece.
    unused_grant::find(&subject, &mut found);
    unused_permissions::find(&subject, &mut found);
    unused_credential::find(&subject, &mut found);
    found.sort_by(|a, b| {
        b.severity
            .cmp(&a.severity)
            .then_with(|| a.rule.cmp(b.rule))
            .then_with(|| a.grant.cmp(&b.grant))
    });
    let (exempt, findings) = found.into_iter().partition(|finding| is_exempt(book, finding));
    let instants = idle::instants(&subject).chain(subject.young());
    let instants = instants.chain(unused_credential::instants(&subject)).collect();
    let turns = long_credential::turns(&subject).chain(unused_credential::turns(&subject));
    let believed = subject.credentials.iter().filter_map(|one| believed_from(book, one));
    let turns = turns.chain(believed).chain(left::turns(&subject)).collect();
    Judged { findings, exempt, instants, turns }
}

/// Whether the policy exempts a finding today.
pub fn is_exempt(book: &Book, finding: &Finding) -> bool {
    let all = &book.policy.exemptions;
    !all.is_empty() && {
        let identity = finding.identity.to_string();
        all.iter().any(|one| one.holds(book.now) && one.is_about(finding.rule, &identity))
    }
}

impl<'a> Log<'a> {
    fn of(book: &'a Book) -> Option<Self> {
        let coverage = book.coverage().filter(|_| book.log.is_whole())?;
        let (from, to) = (coverage.from?, coverage.to?);
        let days = i64::from(book.policy.idle_days);
        let since = to.checked_sub_signed(TimeDelta::days(days))?;
        coverage.covers_since(since).then_some(Self { coverage, from, since })
    }

    /// Whether the grant was there all that time, as far as is known.
    fn judges(&self, grant: &Grant) -> bool {
        grant.made().is_none_or(|made| made <= self.since)
    }

    /// That who has a grant, or what it gives, was written within that time, so that it need not have
    /// been there all of it, as it goes on in the evidence. None where that is not so, or not told.
    fn doubts(&self, grant: &Grant) -> Option<String> {
        let (what, at) = grant.changed().filter(|(_, at)| *at > self.since)?;
        let day = at.format("%Y-%m-%d");
        Some(match what {
            Giving::Subjects => format!(
                "; whom {} names was last written on {day}: whether it had this before is not known",
                binding(grant)
            ),
            Giving::Rules => format!(
                "; what {} gives was last written on {day}: whether it had this before is not known",
                role(grant)
            ),
        })
    }
}

impl<'a> Subject<'a> {
    /// Whether it holds anything by which a credential of its would matter today.
    fn holds_something(&self) -> bool {
        self.entry.tier > Tier::DiscoveryOnly
    }

    /// All grants that hold for it.
    fn grants(&self) -> impl Iterator<Item = &'a Arc<Grant>> + use<'a> {
        let (book, entry) = (self.book, self.entry);
        entry.grants.iter().filter_map(move |id| book.grant(*id))
    }

    /// Those that name it itself, and that the API server did not install.
    fn own(&self) -> impl Iterator<Item = &'a Arc<Grant>> + use<'a> {
        let identity = &self.entry.identity;
        self.grants().filter(move |grant| grant.key.subject == *identity && !grant.bootstrap)
    }

    /// The rules of a grant, with the state of their use.
    fn rules_of(&self, grant: &Grant) -> impl Iterator<Item = &HeldRule<'a>> {
        let id = grant.id;
        self.rules.iter().filter(move |held| held.grant.is_some_and(|have| have.id == id))
    }

    /// The rules of grants that are old enough to be judged, as far as a log can show them and they
    /// are more than everybody has.
    fn judged_rules(&self, log: &Log<'_>) -> Vec<&HeldRule<'a>> {
        let old = |held: &&HeldRule<'a>| {
            held.grant.is_none_or(|grant| !grant.bootstrap && log.judges(grant))
                && held.tier > Some(Tier::DiscoveryOnly)
                && held.state != UseState::NotObservable
        };
        self.rules.iter().filter(old).collect()
    }

    /// The log, where it may say of parts of what somebody holds that they were not used: not of
    /// who is idle as a whole or gone, nor of everybody.
    fn use_is_told(&self, found: &[Finding]) -> Option<Log<'a>> {
        let identity = &self.entry.identity;
        let everybody =
            identity.kind == SubjectKind::Group && self.book.is_implicit(&identity.name);
        let idle = found.iter().any(|finding| finding.rule == "idle");
        let gone = self.entry.existence == Existence::Missing;
        let log = self.log.filter(|log| !everybody && !idle && !gone && !self.is_new(log))?;
        // Where the cluster shows a use that the log does not have, it has not all of them.
        let seen = self.entry.activity.as_ref().and_then(|activity| activity.last_seen);
        let missing = self.entry.hints.iter().any(|hint| {
            hint.source != HintSource::RunningPod
                && hint.at >= log.from
                && seen.is_none_or(|seen| hint.at > seen)
        });
        (!missing).then_some(log)
    }

    /// When its grants, and itself, were made or last changed that are too young to be judged.
    fn young(&self) -> impl Iterator<Item = DateTime<Utc>> + use<'a> {
        let log = self.log;
        self.grants()
            .filter(|grant| !grant.bootstrap)
            .flat_map(|grant| [grant.made(), grant.changed().map(|(_, at)| at)])
            .flatten()
            .chain(self.made())
            .filter(move |created| log.is_some_and(|log| *created > log.since))
    }

    /// When the object of an account was made, UTC.
    fn made(&self) -> Option<DateTime<Utc>> {
        let identity = &self.entry.identity;
        let key = (identity.namespace.clone()?, identity.name.clone());
        let account = self.book.snapshot.objects.service_accounts.get(&key)?;
        account.meta.creation_timestamp
    }

    /// Whether it is an account that was made within the idle time, and had no time to be used.
    fn is_new(&self, log: &Log<'_>) -> bool {
        self.made().is_some_and(|made| made > log.since)
    }

    fn finding(
        &self,
        (rule, chip): (&'static str, &'static str),
        severity: Severity,
        grant: Option<&Grant>,
        mut evidence: String,
    ) -> Finding {
        let entry = self.entry;
        let group = grant.map(|grant| &grant.key.subject).filter(|have| **have != entry.identity);
        let left = group
            .and_then(|group| Some(self.book.uncarried(entry, &group.name)?.words(&group.name)));
        let severity = if left.is_some() { one_less(severity) } else { severity };
        evidence.extend(left);
        Finding {
            rule,
            chip,
            severity,
            identity: self.entry.identity.clone(),
            grant: grant.map(|grant| grant.key.clone()),
            evidence,
            rests_on_coverage: false,
            fix: fix::of(self, rule, grant),
        }
    }
}

/// `RoleBinding pay/batch` or `ClusterRoleBinding ops`.
fn binding(grant: &Grant) -> String {
    match (grant.key.binding_kind, &grant.key.namespace) {
        (BindingKind::RoleBinding, Some(ns)) => format!("RoleBinding {ns}/{}", grant.key.binding),
        (kind, _) => format!("{kind} {}", grant.key.binding),
    }
}

/// `ClusterRole edit` or `Role pay/batch`.
fn role(grant: &Grant) -> String {
    match (&*grant.role_ref.kind, &grant.key.namespace) {
        ("Role", Some(ns)) => format!("Role {ns}/{}", grant.role_ref.name),
        (kind, _) => format!("{kind} {}", grant.role_ref.name),
    }
}

/// How bad it is that somebody holds this much who should not.
fn severity_of(tier: Tier) -> Severity {
    match tier {
        Tier::ClusterAdmin | Tier::ClusterWrite | Tier::ReadsSecrets => Severity::High,
        Tier::NamespaceAdmin | Tier::NamespaceWrite => Severity::Medium,
        Tier::Read => Severity::Low,
        Tier::DiscoveryOnly | Tier::None => Severity::Info,
    }
}

/// Whether a rule of a grant gives anything where it holds.
fn conveys(grant: &Grant, rule: &PolicyRule) -> bool {
    Inert::of(rule, &grant.scope).is_none()
}

/// The next lower severity.
fn one_less(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium => Severity::Low,
        Severity::Low | Severity::Info => Severity::Info,
    }
}

/// Every resource of which groups.
fn every_resource(groups: &[crate::model::Name]) -> String {
    if groups.iter().any(|group| &**group == "*") {
        return "every resource".to_owned();
    }
    let mut names: Vec<&str> = groups
        .iter()
        .map(|group| if group.is_empty() { "the core group" } else { &**group })
        .collect();
    names.dedup();
    match &names[..] {
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("every resource of {first}, {second}, {third} and {} more", rest.len())
        }
        _ => format!("every resource of {}", names.join(", ")),
    }
}

/// `get, list secrets in pay`, `every verb on every resource in the cluster`.
fn rights(rule: &PolicyRule, scope: &Scope) -> String {
    let words = |list: &[crate::model::Name], all: &str| match list {
        // Of names a star is none.
        list if all != "*" && list.iter().any(|one| &**one == "*") => all.to_owned(),
        [first, second, third, rest @ ..] if !rest.is_empty() => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        list => list.join(", "),
    };
    let verbs = words(&rule.verbs, "every verb");
    let what = if rule.resources.is_empty() {
        words(&rule.non_resource_urls, "every path")
    } else {
        // What matters most comes first, as long lists are cut.
        let mut resources = rule.resources.clone();
        resources.sort_by_key(|resource| &**resource != "secrets");
        words(&resources, &every_resource(&rule.api_groups))
    };
    let nameless = !rule.resource_names.is_empty() && name_matches(rule, "");
    let names: Vec<_> =
        rule.resource_names.iter().filter(|name| !name.is_empty()).cloned().collect();
    let of = match (nameless, names.len()) {
        (false, 0) => "",
        (false, _) => &format!(" named {}", words(&names, "*")),
        (true, 0) => ", by requests that carry no name (resourceNames \"\"),",
        (true, _) => ", by requests that carry no name (resourceNames \"\") or some names,",
    };
    let place = match scope {
        _ if rule.resources.is_empty() => String::new(),
        Scope::Cluster => " in the whole cluster".to_owned(),
        Scope::Namespace(namespace) => format!(" in {namespace}"),
    };
    format!("{verbs} on {what}{of}{place}")
}
