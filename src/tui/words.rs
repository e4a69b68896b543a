//! What the facts of a Book are called on screens, and what they look like. Nothing is told by a
//! look alone: every one of them has its own word or sign too.

use chrono::{DateTime, Utc};

use super::screens::header::{Lists, Needed};
use super::theme::Slot;
use super::time::{ago, day, days};
use super::widgets::Line;
use crate::book::{
    Book, Entry, Grant, GrantKey, GroupSource, HintSource, LogState, RoleState, Severity, Tier,
    UseState,
};
use crate::model::{Call, Health, Identity, Name, Scope, SubjectKind, Target, distinct, or_quotes};
use crate::query::Seen;

/// What is shown for what is still on its way.
pub const LOADING: &str = "…";

/// What stands before what is no log's word.
pub const SIGN: &str = "~";

/// `RoleBinding pay/devs`, `ClusterRoleBinding admins`.
pub fn binding(key: &GrantKey) -> String {
    match &key.namespace {
        Some(namespace) => format!("{} {namespace}/{}", key.binding_kind, key.binding),
        None => format!("{} {}", key.binding_kind, key.binding),
    }
}

/// What stands behind the access of who can become more than that.
const HIGHER: &str = "→";

/// An identity with its kind, as it is written everywhere but in the list: `jane@corp.example`,
/// `sa:ci/deployer`, `group:dev`. A user who is called like another kind's identity, as in
/// `user:group:dev`, is told from it.
pub fn name(identity: &Identity) -> String {
    let kinds = [SubjectKind::User, SubjectKind::Group, SubjectKind::ServiceAccount];
    let reads_as_another = kinds.into_iter().any(|kind| identity.name.starts_with(prefix(kind)));
    match identity.kind {
        SubjectKind::User if !reads_as_another => distinct(&identity.name).into_owned(),
        _ => full(identity),
    }
}

/// A name behind what the policy calls a group whose name is an id.
pub fn with_alias(book: &Book, identity: &Identity, name: String) -> String {
    let known = book.policy.group_names.get(&identity.name);
    match known.filter(|_| identity.kind == SubjectKind::Group) {
        Some(known) => format!("{} {name}", distinct(known)),
        None => name,
    }
}

/// An identity with its kind, whatever it is: `user:jane@corp.example`.
pub fn full(identity: &Identity) -> String {
    let name = distinct(&identity.name);
    match &identity.namespace {
        Some(ns) => format!("{}{}/{name}", prefix(identity.kind), distinct(ns)),
        None => format!("{}{name}", prefix(identity.kind)),
    }
}

fn prefix(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::User => "user:",
        SubjectKind::Group => "group:",
        SubjectKind::ServiceAccount => "sa:",
    }
}

/// The same where a column tells the kind: `ci/deployer`, `dev`.
pub fn bare_name(identity: &Identity) -> String {
    let name = distinct(&identity.name);
    match &identity.namespace {
        Some(ns) => format!("{}/{name}", distinct(ns)),
        None => name.into_owned(),
    }
}

/// A kind in a column.
pub fn kind(kind: SubjectKind) -> &'static str {
    match kind {
        SubjectKind::User => "user",
        SubjectKind::Group => "group",
        SubjectKind::ServiceAccount => "sa",
    }
}

/// What a tier looks like.
pub fn tier_slot(tier: Tier) -> Slot {
    match tier {
        Tier::ClusterAdmin => Slot::Danger,
        Tier::ClusterWrite | Tier::ReadsSecrets => Slot::Warn,
        Tier::NamespaceAdmin | Tier::NamespaceWrite => Slot::Base,
        Tier::Read | Tier::DiscoveryOnly | Tier::None => Slot::Muted,
    }
}

/// How strong somebody is, as far as the lists tell; `…` while they are on their way; `→` behind it
/// where they can become more.
pub fn access(book: &Book, entry: &Entry) -> Line<'static> {
    let mut line = held(book, entry);
    if let Some(sign) = higher(entry) {
        line.push(" ", Slot::Base);
        line.0.extend(sign.0);
    }
    line
}

/// The sign of who can become more than they are.
pub fn higher(entry: &Entry) -> Option<Line<'static>> {
    let higher = entry.becomes?;
    let slot = if higher.modelled { Slot::Unknown } else { tier_slot(higher.tier) };
    Some(Line::of(HIGHER, slot))
}

/// How strong somebody is by what is granted.
pub fn held(book: &Book, entry: &Entry) -> Line<'static> {
    let access = book.access(entry);
    if !access.at_least {
        return Line::of(access.to_string(), tier_slot(access.tier));
    }
    match (access.tier, Lists::of([book]).needed) {
        (Tier::None, Needed::Awaited) => Line::of(LOADING, Slot::Muted),
        (Tier::None, _) => Line::of(access.to_string(), Slot::Unknown),
        (tier, _) => Line::of(access.to_string(), tier_slot(tier)),
    }
}

/// What there is to say of a grant's role where it is not there; None where it is.
pub fn role_missing(book: &Book, grant: &Grant) -> Option<(&'static str, Slot)> {
    match book.role_state(grant) {
        RoleState::Exists => None,
        RoleState::Missing => Some(("no such role", Slot::Danger)),
        RoleState::NotKnown => Some(("role unknown", Slot::Unknown)),
    }
}

/// What is said of a time that the log does not have: no more than what it covers.
pub fn not_in_log(book: &Book) -> String {
    book.coverage()
        .map_or_else(|| "no log".to_owned(), |coverage| format!("not in {}", days(coverage.days())))
}

/// When a grant was last credited, or why that is not known.
pub fn credited(book: &Book, grant: &Grant, now: DateTime<Utc>) -> Line<'static> {
    match (grant.last_credited, &book.log) {
        (Some(time), _) => Line::plain(ago(time, now)),
        (None, LogState::Reading { .. }) => Line::of(LOADING, Slot::Muted),
        (None, LogState::None) => Line::of("no log", Slot::Muted),
        (None, LogState::Ready | LogState::Following(_) | LogState::Failed(_)) => match book
            .coverage()
        {
            None => Line::of("no log", Slot::Muted),
            Some(coverage) if !coverage.decisions_logged => Line::of("not logged", Slot::Unknown),
            Some(_) if book.may_leave_no_credit(grant) => Line::of("not told", Slot::Unknown),
            Some(_) => Line::of(not_in_log(book), Slot::Warn),
        },
    }
}

/// When somebody was last seen.
pub fn seen(seen: Seen<'_>, now: DateTime<Utc>) -> Line<'static> {
    match seen {
        Seen::At(time) => Line::plain(ago(time, now)),
        Seen::DeniedOnly(_) => Line::of("denied only", Slot::Warn),
        Seen::InItsName(time) => Line::plain(format!("{} others", ago(time, now))),
        Seen::NotIn(whole) => Line::of(format!("not in {}", days(whole)), Slot::Warn),
        Seen::LeftOut | Seen::NotLogged => Line::of("not known", Slot::Unknown),
        Seen::Reading => Line::of(LOADING, Slot::Muted),
        Seen::Sign(hint) => {
            let what = match hint.source {
                HintSource::LegacyTokenLastUsed => format!("token {}", day(hint.at)),
                HintSource::RunningPod => "runs a pod".to_owned(),
                HintSource::CertificateRequest => format!("csr {}", ago(hint.at, now)),
            };
            Line::of(format!("{SIGN} {what}"), Slot::Unknown)
        }
        Seen::NoLog => Line::of("no log", Slot::Muted),
    }
}

/// Rule rows used of those held.
pub fn used(entry: &Entry, reading: bool) -> Line<'static> {
    match entry.used {
        Some((used, held)) => {
            let slot = if used == 0 && held > 0 { Slot::Warn } else { Slot::Base };
            Line::of(used.to_string(), slot).then(format!("/{held}"), Slot::Muted)
        }
        None if reading => Line::of(LOADING, Slot::Muted),
        None => Line::of(format!("–/{}", entry.held), Slot::Muted),
    }
}

/// The sign of a severity.
pub fn severity_sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "‼",
        Severity::High => "!",
        Severity::Medium => "•",
        Severity::Low => "◦",
        Severity::Info => "·",
    }
}

/// What a severity looks like.
pub fn severity_slot(severity: Severity) -> Slot {
    match severity {
        Severity::Critical => Slot::Critical,
        Severity::High => Slot::Danger,
        Severity::Medium => Slot::Warn,
        Severity::Low => Slot::Base,
        Severity::Info => Slot::Muted,
    }
}

/// Findings in one cell, each with the sign of its severity, as far as they fit, then how many
/// more. What the tier beside it says already comes last.
pub fn findings(entry: &Entry, columns: usize) -> Line<'static> {
    let mut line = Line::new();
    let mut chips: Vec<(&str, Severity)> = Vec::new();
    for finding in &entry.findings {
        if chips.iter().all(|(chip, _)| *chip != finding.chip) {
            chips.push((finding.chip, finding.severity));
        }
    }
    chips.sort_by_key(|(chip, _)| *chip == entry.tier.as_str());
    for (at, (chip, severity)) in chips.iter().enumerate() {
        let space = if at == 0 { "" } else { "  " };
        let left = chips.len() - at - 1;
        let rest = if left > 0 { format!(" +{left}").len() } else { 0 };
        let text = format!("{space}{} {chip}", severity_sign(*severity));
        if at > 0 && line.width() + super::text::width(&text) + rest > columns {
            line.push(format!(" +{}", left + 1), Slot::Muted);
            break;
        }
        line.push(text, severity_slot(*severity));
    }
    line
}

/// The sign of one verb's use.
pub fn use_sign(state: UseState) -> &'static str {
    match state {
        UseState::Used => "●",
        UseState::Unused => "○",
        UseState::NotObservable => "?",
        UseState::NotCovered => "~",
        UseState::NoLog => "+",
    }
}

/// What one verb's use looks like.
pub fn use_slot(state: UseState) -> Slot {
    match state {
        UseState::Used => Slot::Good,
        UseState::Unused => Slot::Warn,
        UseState::NotObservable | UseState::NotCovered => Slot::Unknown,
        UseState::NoLog => Slot::Base,
    }
}

/// The names of a rule.
pub fn names(names: &[Name]) -> String {
    names.iter().map(|name| or_quotes(name)).collect::<Vec<_>>().join(" ")
}

/// A scope in a column.
pub fn scope(scope: &Scope) -> String {
    scope.namespace().map_or_else(|| "cluster".to_owned(), ToString::to_string)
}

/// Several scopes in a column.
pub fn scopes(scopes: &[Scope]) -> String {
    match scopes {
        [] => String::new(),
        [one] => scope(one),
        [one, rest @ ..] => format!("{} +{}", scope(one), rest.len()),
    }
}

/// Where a membership is known from.
pub fn source(source: GroupSource) -> &'static str {
    match source {
        GroupSource::Implicit => "implicit",
        GroupSource::Log => "log",
        GroupSource::Certificate => "certificate",
        GroupSource::CloudMapping => "cloud mapping",
        GroupSource::BootstrapToken => "bootstrap token",
        GroupSource::Given => "given",
    }
}

/// What a list's health looks like, and its sign.
pub fn health(health: Health) -> (&'static str, Slot) {
    match health {
        Health::Complete => ("✓", Slot::Good),
        Health::Unverifiable => ("✓", Slot::Unknown),
        Health::Loading => (LOADING, Slot::Muted),
        Health::Partial | Health::Outdated => ("!", Slot::Warn),
        Health::Forbidden | Health::Failed => ("✗", Slot::Danger),
        Health::NotGiven => ("–", Slot::Muted),
    }
}

/// `get secrets pay/db`, `list pods in pay`, `get /metrics`.
pub fn call(call: &Call) -> String {
    let verb = &call.verb;
    match &call.target {
        Target::Path(path) => format!("{verb} {path}"),
        Target::Paths => format!("{verb} other paths"),
        Target::Folded => "others, too many to keep".to_owned(),
        Target::Resource { group, resource, subresource, namespace, name, names_folded } => {
            let mut text = format!("{verb} {resource}");
            if !group.is_empty() {
                text = format!("{text}.{group}");
            }
            if !subresource.is_empty() {
                text = format!("{text}/{subresource}");
            }
            match (namespace, name) {
                (Some(ns), Some(name)) => text = format!("{text} {ns}/{name}"),
                (Some(ns), None) => text = format!("{text} in {ns}"),
                (None, Some(name)) => text = format!("{text} {name}"),
                (None, None) => {}
            }
            if *names_folded { format!("{text}, other names") } else { text }
        }
    }
}
