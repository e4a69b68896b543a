//! Identities, grants and answers in words: the `d` of the terminal, and `:can`.

use chrono::{DateTime, Utc};

use super::asked::Asked;
use super::job::Frame;
use super::text::{figure, plural, wrap};
use super::theme::Slot;
use super::time::{ago, moment};
use super::widgets::Line;
use super::words;
use crate::book::{Book, Entry, Existence, Finding, Grant, GrantId, IdentityId, RoleState};
use crate::change::plan::{Intent, command_of};
use crate::model::{Identity, SubjectKind, distinct};
use crate::owners::{self, OfGrant, Owner};
use crate::query::{Seen, asker};
use crate::rbac::query::{self, Asker, Via, Way};

type Lines = Vec<Line<'static>>;

/// `Label:      text`.
fn field(label: &str, text: impl Into<String>) -> Line<'static> {
    Line::of(format!("{label:<14}"), Slot::Muted).then(text.into(), Slot::Base)
}

fn heading(lines: &mut Lines, text: impl Into<String>) {
    lines.push(Line::new());
    lines.push(Line::of(text.into(), Slot::Strong));
}

fn when(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    format!("{} UTC ({})", moment(time), ago_phrase(time, now))
}

/// `2h ago`, `now`, `in 5m`.
fn ago_phrase(time: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let word = ago(time, now);
    if word == "now" || word.starts_with("in ") { word } else { format!("{word} ago") }
}

/// An identity in words.
pub fn identity(book: &Book, id: IdentityId, frame: Frame) -> Lines {
    let Frame { now, width } = frame;
    let Some(entry) = book.entry(id) else {
        return vec![Line::of("no longer there", Slot::Warn)];
    };
    let mut lines = vec![
        field("Name", words::full(&entry.identity)),
        field("Cluster", book.snapshot.cluster.name.to_string()),
        field("Access", words::access(book, entry).text()),
        field("Exists", existence(entry.existence)),
    ];
    activity(&mut lines, book, entry, now);
    if entry.identity.kind == SubjectKind::Group {
        members(&mut lines, book, entry);
    } else {
        groups(&mut lines, entry, now);
    }
    heading(&mut lines, plural(entry.grants.len(), "grant"));
    for grant in entry.grants.iter().filter_map(|id| book.grant(*id)) {
        lines.push(Line::plain(format!("  {}", grant_line(grant))));
    }
    heading(&mut lines, plural(entry.findings.len(), "finding"));
    for finding in &entry.findings {
        let sign = words::severity_sign(finding.severity);
        let slot = words::severity_slot(finding.severity);
        lines.push(Line::of(
            format!("  {sign} {} {}", finding.severity.as_str(), finding.rule),
            slot,
        ));
        let evidence = wrap(&finding.evidence, width.saturating_sub(6));
        lines.extend(evidence.into_iter().map(|text| Line::plain(format!("    {text}"))));
        let fix = wrap(&fix(book, finding), width.saturating_sub(6));
        let fix = fix.into_iter().map(|text| Line::of(format!("    {text}"), Slot::Muted));
        lines.extend(fix);
    }
    lines
}

/// What mends a finding, in a sentence.
fn fix(book: &Book, finding: &Finding) -> String {
    let fix = &finding.fix;
    match &fix.write {
        Some(mend) => {
            let (command, again) = (command_of(&Intent::to_mend(mend)), book.policy.again.all());
            format!("To mend it: {command}{again}: {}", fix.how)
        }
        None => format!("To mend it: {}", fix.how),
    }
}

fn existence(existence: Existence) -> &'static str {
    match existence {
        Existence::Exists => "yes",
        Existence::Missing => "no: there is no such service account, its grants dangle",
        Existence::NotKnown => "not known: the list of service accounts is not whole",
        Existence::NoObject => "users and groups are no objects",
    }
}

fn activity(lines: &mut Lines, book: &Book, entry: &Entry, now: DateTime<Utc>) {
    let Some(activity) = &entry.activity else {
        let seen = match Seen::of(book, entry) {
            // The signs follow, each with its source.
            Seen::Sign(_) => "no log".to_owned(),
            seen => words::seen(seen, now).text(),
        };
        lines.push(field("Last seen", seen));
        for hint in &entry.hints {
            let text = format!(
                "{} {} {} ({})",
                words::SIGN,
                hint.object,
                moment(hint.at),
                hint.source.weakness()
            );
            lines.push(field("Sign", text));
        }
        return;
    };
    let last = |time: Option<DateTime<Utc>>| {
        time.map_or_else(|| words::not_in_log(book), |time| when(time, now))
    };
    let seen = match Seen::of(book, entry) {
        Seen::InItsName(time) => format!("{}, by others in its name", when(time, now)),
        _ => last(activity.last_seen),
    };
    lines.push(field("Last seen", seen));
    lines.push(field("Last allowed", last(activity.last_allowed)));
    lines.push(field("Last write", last(activity.last_write)));
    let counts = format!(
        "{} ({} allowed, {} denied, {} undecided)",
        figure(activity.requests),
        figure(activity.allowed),
        figure(activity.denied),
        figure(activity.undecided)
    );
    lines.push(field("Requests", counts));
}

fn groups(lines: &mut Lines, entry: &Entry, now: DateTime<Utc>) {
    let known = if entry.groups_known { "" } else { ", and others that are not known" };
    heading(lines, format!("{}{known}", plural(entry.groups.len(), "group")));
    for group in &entry.groups {
        let seen =
            group.last_seen.map_or_else(String::new, |time| format!(", {}", ago_phrase(time, now)));
        lines.push(
            Line::plain(format!("  {}", distinct(&group.name)))
                .then(format!("  {}{seen}", words::source(group.source)), Slot::Muted),
        );
    }
}

fn members(lines: &mut Lines, book: &Book, entry: &Entry) {
    heading(lines, format!("{} known", plural(entry.members.len(), "member")));
    for member in entry.members.iter().filter_map(|id| book.entry(*id)) {
        lines.push(Line::plain(format!("  {}", words::full(&member.identity))));
    }
}

/// `ClusterRoleBinding ops → ClusterRole admin, in the whole cluster`.
pub fn grant_line(grant: &Grant) -> String {
    let place = match grant.scope.namespace() {
        None => "in the whole cluster".to_owned(),
        Some(ns) => format!("in {ns}"),
    };
    format!(
        "{} {} → {} {}, {place}",
        grant.key.binding_kind, grant.key.binding, grant.role_ref.kind, grant.role_ref.name
    )
}

/// Who keeps the objects of a grant.
pub fn owners_of(book: &Book, grant: &Grant) -> OfGrant {
    let key = &grant.key;
    let binding = (key.binding_kind, key.namespace.as_ref(), &key.binding);
    owners::of_grant(&book.snapshot, binding, grant.role.as_deref())
}

/// Who keeps the binding and the role, and what becomes of a change: a line each.
pub fn kept_lines(book: &Book, grant: &Grant, indent: &str) -> Lines {
    let owners = owners_of(book, grant);
    let line = |object: &str, owner: &Owner| {
        let (edit, deletion) = (owner.edit, owner.deletion);
        let undone = if edit == deletion {
            format!("a change is undone {}", edit.when)
        } else {
            format!("an edit: {}; a deletion: {}", edit.when, deletion.when)
        };
        let detail = owner.detail.as_deref().map(|said| format!(" ({})", distinct(said)));
        Line::of(format!("{indent}{object} kept by "), Slot::Muted)
            .then(owner.words(), Slot::Base)
            .then(format!("{}: {undone}", detail.unwrap_or_default()), Slot::Muted)
    };
    let binding = owners.binding.iter().map(|owner| line("binding", owner));
    binding.chain(owners.role.iter().map(|owner| line("role", owner))).collect()
}

/// A grant in words.
pub fn grant(book: &Book, id: GrantId, now: DateTime<Utc>) -> Lines {
    let Some(grant) = book.grant(id) else {
        return vec![Line::of("no longer there", Slot::Warn)];
    };
    let scope = grant.scope.namespace().map_or("the whole cluster", |ns| ns);
    let mut lines = vec![
        field("Binding", format!("{} {}", grant.key.binding_kind, grant.key.binding)),
        field("Subject", words::full(&grant.key.subject)),
        field("Role", format!("{} {}", grant.role_ref.kind, grant.role_ref.name)),
        field("Scope", scope.to_owned()),
        field("Made", grant.created.map_or_else(|| "not known".to_owned(), |at| when(at, now))),
    ];
    match grant.last_credited {
        Some(at) => lines.push(field("Last credited", when(at, now))),
        None => lines.push(field("Last credited", words::credited(book, grant, now).text())),
    }
    if book.coverage().is_some() {
        lines.push(field("Requests", figure(grant.credited)));
    }
    if let Some(uid) = &grant.uid {
        lines.push(field("UID", uid.to_string()));
    }
    if grant.bootstrap {
        lines.push(field("Origin", "exactly the API server's own policy"));
    }
    if let Some(other) = grant.shadowed_by.and_then(|other| book.grant(other)) {
        let text = format!(
            "{} {} allows all that this one does and may be credited instead",
            other.key.binding_kind, other.key.binding
        );
        lines.push(field("Shadowed", text));
    }
    lines.extend(kept_lines(book, grant, "              "));
    let Some(role) = &grant.role else {
        let said = match book.role_state(grant) {
            RoleState::NotKnown => "The list of its role is not whole: what it grants is not known",
            _ => "The role does not exist: it grants nothing",
        };
        heading(&mut lines, said);
        return lines;
    };
    heading(&mut lines, plural(role.rules.len(), "rule"));
    for rule in &role.rules {
        let join = |list: &[crate::model::Name]| list.join(" ");
        let what = if rule.non_resource_urls.is_empty() {
            let groups: Vec<&str> = rule
                .api_groups
                .iter()
                .map(|group| if group.is_empty() { "core" } else { &**group })
                .collect();
            format!("{}  ({})", join(&rule.resources), groups.join(" "))
        } else {
            join(&rule.non_resource_urls)
        };
        let mut line = Line::plain(format!("  {}", join(&rule.verbs)));
        line.push(format!("  {what}"), Slot::Strong);
        if !rule.resource_names.is_empty() {
            line.push(format!("  only {}", words::names(&rule.resource_names)), Slot::Warn);
        }
        lines.push(line);
    }
    lines
}

/// Whether somebody can do something, and by what.
fn can_lines(book: &Book, who: &Identity, asked: &Asked) -> Result<Lines, String> {
    let question = asked.question(book)?;
    let person = book.find(who).map_or_else(|| Asker::bare(who.clone()), |entry| asker(entry));
    let answer = query::can(book.authorizer(), &book.snapshot, &person, &question);
    let (word, slot) = match (answer.allowed(), answer.incomplete()) {
        (true, _) => ("yes", Slot::Good),
        (false, false) => ("no", Slot::Warn),
        (false, true) => ("not that is known: some lists are not whole", Slot::Warn),
    };
    let mut lines =
        vec![Line::plain(format!("{} · {asked}", words::name(who))), Line::of(word, slot)];
    if !answer.ways.is_empty() {
        heading(&mut lines, plural(answer.ways.len(), "way"));
        lines.extend(answer.ways.iter().map(|way| way_line(book, way, 2)));
    }
    if !answer.missing.is_empty() {
        heading(&mut lines, "Lists that are not whole");
        for missing in &answer.missing {
            let reason = missing.state.reason.as_deref().unwrap_or_default();
            let text = format!("  {}: {} {reason}", missing.list, missing.state.health.as_str());
            lines.push(Line::of(text, Slot::Warn));
        }
    }
    if !answer.notes.is_empty() {
        lines.push(Line::new());
        lines.extend(answer.notes.iter().map(|note| Line::of(note.to_string(), Slot::Muted)));
    }
    Ok(lines)
}

/// The same; what cannot be answered says why.
pub fn can(book: &Book, who: &Identity, asked: &Asked) -> Lines {
    can_lines(book, who, asked).unwrap_or_else(|error| vec![Line::of(error, Slot::Danger)])
}

/// One way in which something is allowed.
pub fn way_line(book: &Book, way: &Way, indent: usize) -> Line<'static> {
    let mut line = Line::plain(" ".repeat(indent));
    line.push(words::scope(&way.scope), Slot::Strong);
    if let Some(names) = &way.names {
        line.push(format!(" only {}", names.join(" ")), Slot::Warn);
    }
    line.push(format!("  {}", via(book, &way.via)), Slot::Base);
    if let Some(condition) = way.condition {
        line.push(format!("  {}", condition.as_str()), Slot::Muted);
    }
    line
}

/// By what something is allowed: the binding, the role, and the group where it is by one.
pub fn via(book: &Book, via: &Via) -> String {
    match via {
        Via::Masters => "member of system:masters".to_owned(),
        Via::Grant { grant, subject, .. } => match book.grant(GrantId(*grant)) {
            None => "a grant that is gone".to_owned(),
            Some(grant) => {
                let group = match subject.kind {
                    SubjectKind::Group => format!(" by {}", words::full(subject)),
                    _ => String::new(),
                };
                format!("{} → {}{group}", grant.key.binding, grant.role_ref.name)
            }
        },
    }
}
