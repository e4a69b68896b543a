//! Of a split: who is seen behind the account, what each would get and lose, and what nobody gets.

use std::collections::BTreeMap;

use super::effect::{gap, said};
use super::{Field, Lines, Sight, SplitForm};
use crate::actors::{self, Actor, ActorUse, Holder};
use crate::change::plan::{Figure, Foreseen, Held, Part};
use crate::model::Name;
use crate::tui::text::{figure, fit, plural, wrap};
use crate::tui::theme::Slot;
use crate::tui::time::day;
use crate::tui::widgets::Line;
use crate::tui::words;

/// Uses of one that are listed.
const USES: usize = 8;

/// Names of one sort that are listed.
const LISTED: usize = 4;

/// Columns of what stands before a fact.
const NAME: usize = 6;

/// What is known of who is under the cursor, and what they get.
pub(super) fn lines(
    form: &SplitForm,
    field: Field,
    sight: Option<&Sight>,
    columns: usize,
    lines: &mut Lines,
) {
    match &form.behind {
        None => return lines.push(Line::of(words::LOADING, Slot::Muted)),
        Some(Err(why)) => return said("✗", why, Slot::Danger, columns, lines),
        Some(Ok(_)) => {}
    }
    if let Some(open) = form.open() {
        said("✗", &open, Slot::Danger, columns, lines);
    }
    let Field::Actor(at) = field else { return };
    let (Some(actor), Some(seat)) = (form.actor(at), form.seats.get(at)) else { return };
    gap(lines);
    let system = actor.system.as_ref().map_or_else(String::new, |system| format!(" on {system}"));
    let attended = match (actor.attended, actor.person, actor.by_the_clock) {
        (_, true, _) => "a person's screen",
        (true, ..) => "by hand, or a script",
        (false, _, true) => "by the clock",
        (false, ..) if actor.by_day_and_night => "by day and night",
        (false, ..) => "a program",
    };
    lines.push(Line::of(format!("{}: {attended}{system}", seat.name), Slot::Strong));
    seen(actor, columns, lines);
    let of = sight.and_then(Sight::first);
    let part = of.and_then(|of| of.parts.iter().find(|part| part.name == seat.name));
    if seat.left_out {
        let why =
            "is left out: what only they did nobody gets, unless somebody gets what is nobody's";
        said("−", why, Slot::Danger, columns, lines);
    } else if let (Some(of), Some(part)) = (of, part) {
        gets(form, of, part, columns, lines);
    }
    gap(lines);
    lines.push(Line::of("Did", Slot::Strong));
    for used in actor.uses.iter().take(USES) {
        said("·", &use_words(used), Slot::Base, columns, lines);
    }
    if actor.uses.len() > USES {
        let more = plural(actor.uses.len() - USES, "more thing");
        said("·", &format!("and {more}"), Slot::Muted, columns, lines);
    }
}

/// When, from where, with what.
fn seen(actor: &Actor, columns: usize, lines: &mut Lines) {
    let hours: Vec<u32> = (0..24).filter(|hour| actor.hours >> hour & 1 == 1).collect();
    let when = format!(
        "{}, {}, hours {} UTC, {} to {}",
        plural(actor.requests, "request"),
        plural(actor.days, "day"),
        actors::hours_text(&hours),
        day(actor.first),
        day(actor.last)
    );
    field("seen", &when, columns, lines);
    let holder = match &actor.holder {
        Holder::Credential(_) | Holder::NotSaid => None,
        other => Some(other.text()),
    };
    if let Some(holder) = holder {
        field("as", &holder, columns, lines);
    }
    for (name, all) in
        [("from", &actor.addresses), ("with", &actor.credentials), ("agent", &actor.agents)]
    {
        if !all.is_empty() {
            let room = columns.saturating_sub(NAME + 2).max(16);
            field(name, &fit(&listed(all), room), columns, lines);
        }
    }
}

fn use_words(used: &ActorUse) -> String {
    let mut text = words::call(&used.call);
    for (count, word) in
        [(used.allowed, "allowed"), (used.denied, "denied"), (used.undecided, "not known")]
    {
        if count > 0 {
            text = format!("{text}, {} {word}", figure(count));
        }
    }
    text
}

fn listed(all: &[Name]) -> String {
    let shown: Vec<&str> = all.iter().take(LISTED).map(|name| &**name).collect();
    let more = all.len().saturating_sub(LISTED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

fn field(name: &str, text: &str, columns: usize, lines: &mut Lines) {
    for (at, part) in wrap(text, columns.saturating_sub(NAME + 2).max(16)).into_iter().enumerate() {
        let name = if at == 0 { name } else { "" };
        lines.push(Line::of(format!("  {name:<NAME$}"), Slot::Muted).then(part, Slot::Base));
    }
}

/// What one gets, and what they lose.
fn gets(form: &SplitForm, of: &Foreseen, part: &Part, columns: usize, lines: &mut Lines) {
    gap(lines);
    let kind = match (&part.workload, part.machine) {
        (Some(_), _) => "pods",
        (None, true) => "a machine",
        (None, false) => "a person",
    };
    let to = words::full(&part.to);
    lines.push(Line::of(format!("{} becomes {to}, {kind}", part.name), Slot::Strong));
    let same = form.seats.iter().filter(|seat| seat.name == part.name && !seat.left_out).count();
    if same > 1 {
        said("·", &format!("one of {same} who are one"), Slot::Muted, columns, lines);
    }
    for line in &part.gets {
        said("+", line.trim_start_matches("gets "), Slot::Good, columns, lines);
    }
    if part.gets.is_empty() {
        let line = "nothing beside what every client gets";
        said("+", line, Slot::Warn, columns, lines);
    }
    for line in &part.lost {
        let line = format!("{line}: nothing that the account holds allows it any more");
        said("−", &line, Slot::Danger, columns, lines);
    }
    for group in &part.not_in {
        said("−", &format!("not in the group {group}"), Slot::Danger, columns, lines);
    }
    let file = format!("{}.kubeconfig", part.name);
    let hands = |step: &crate::change::plan::Step| {
        let after = step.after.as_ref().filter(|_| step.target.is_credential());
        after.is_some_and(|after| after["kubeconfig"] == file)
    };
    if let Some(step) = of.plan.steps.iter().find(|step| hands(step)) {
        let folder = form.folder.trim_end_matches('/');
        let place = if folder.is_empty() { file } else { format!("{folder}/{file}") };
        let (what, slot) = match &*step.target.kind {
            "Certificate" => ("a certificate, which cannot be revoked", Slot::Warn),
            _ => ("a token of its own", Slot::Good),
        };
        said("+", &format!("{place}, with {what}"), slot, columns, lines);
    }
}

/// What is of nobody, and how much would be made.
pub(super) fn together(of: &Foreseen, columns: usize, lines: &mut Lines) {
    if of.unattributed > 0 {
        gap(lines);
        let count = plural(of.unattributed, "request");
        let head = format!("Of nobody who gets an identity: {count}");
        lines.push(Line::of(head, Slot::Strong));
        for who in &of.unattributed_who {
            said("·", who, Slot::Unknown, columns, lines);
        }
    }
    gap(lines);
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for step in &of.plan.steps {
        *kinds.entry(&step.target.kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| plural(count, kind)).collect();
    let text = format!("Made: {} (v shows them)", kinds.join(", "));
    lines.extend(wrap(&text, columns).into_iter().map(|part| Line::of(part, Slot::Base)));
}

/// Who becomes how many, and the most that one gets of what the account holds.
pub(super) fn summary(of: &Foreseen) -> String {
    let machines = of.parts.iter().filter(|part| part.machine).count();
    let people = plural(of.parts.len() - machines, "person");
    let machines = match machines {
        0 => String::new(),
        many => format!(", {}", plural(many, "machine")),
    };
    let is_new = |one: &&Figure| of.parts.iter().any(|part| part.to.to_string() == one.of);
    let (new, account): (Vec<&Figure>, Vec<&Figure>) = of.figures.iter().partition(is_new);
    let held = account.first().map_or_else(Held::default, |one| one.before);
    let most = |of: fn(&Held) -> usize| {
        figure(new.iter().map(|one| of(&one.after)).max().unwrap_or(0) as u64)
    };
    format!(
        "{people}{machines} · cluster-wide {} → ≤ {}, in namespaces {} → ≤ {}",
        figure(held.wide as u64),
        most(|held| held.wide),
        figure(held.placed as u64),
        most(|held| held.placed)
    )
}
