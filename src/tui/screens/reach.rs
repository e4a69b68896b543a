//! What somebody can become: paths as steps, what each takes, and what would cut it.

use crate::book::{Book, Entry, GrantId, Tier};
use crate::reach::{Hop, Path, not_followed};
use crate::tui::job::ReachData;
use crate::tui::text::{plural, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::Line;
use crate::tui::words;

type Lines = Vec<Line<'static>>;

/// All of it.
pub fn lines(book: &Book, entry: &Entry, data: Option<&ReachData>, width: usize) -> Lines {
    let Some(data) = data.filter(|data| data.who.id == entry.id) else {
        return vec![Line::of(words::LOADING, Slot::Muted)];
    };
    let width = width.saturating_sub(2);
    let reached = &data.reached;
    let mut lines = head(data);
    if reached.own == Tier::ClusterAdmin {
        return lines;
    }
    for path in reached.paths.iter().rev() {
        lines.push(Line::new());
        steps(&mut lines, book, path, &data.cuts, width);
    }
    let last = reached.highest().map(Path::stands_on).unwrap_or_default();
    if !last.is_empty() {
        lines.push(Line::new());
        lines.push(Line::of("Without one grant", Slot::Strong));
        let cuts = data.cuts.iter().filter(|(id, _)| last.contains(id));
        for cut in cuts {
            without(&mut lines, book, *cut, reached.tier, width);
        }
    }
    lines.push(Line::new());
    if !entry.groups_known {
        let text = "Its groups are not known: it may become more by what they are granted.";
        lines.extend(wrap(text, width).into_iter().map(|text| Line::of(text, Slot::Unknown)));
    }
    for missing in &data.missing {
        let text = format!("It may become more: {missing}");
        lines.push(Line::of(text, Slot::Unknown));
    }
    lines.push(Line::of("Not followed:", Slot::Muted));
    for what in not_followed(book) {
        let texts = wrap(what, width.saturating_sub(2));
        lines.extend(texts.into_iter().map(|text| Line::of(format!("  {text}"), Slot::Muted)));
    }
    lines
}

fn head(data: &ReachData) -> Lines {
    let reached = &data.reached;
    let tier = |tier: Tier| Line::of(tier.as_str(), words::tier_slot(tier));
    if reached.own == Tier::ClusterAdmin {
        return vec![Line::of("It is cluster-admin already.", Slot::Danger)];
    }
    let Some(path) = reached.highest() else {
        let line = Line::of("It cannot become more than it is: ", Slot::Base);
        // What is missing is told below.
        let bound = if data.missing.is_empty() { "." } else { ", as far as was read." };
        return vec![joined(line, tier(reached.own)).then(bound, Slot::Base)];
    };
    let line = joined(tier(reached.own).then(" → ", Slot::Muted), tier(reached.tier));
    let steps = plural(path.hops.len(), "step");
    let line = line.then(format!(" in {steps}"), Slot::Base);
    match path.modelled_words() {
        None => vec![line],
        Some(words) => vec![line.then(format!(", {words}"), Slot::Unknown)],
    }
}

fn joined(mut line: Line<'static>, more: Line<'static>) -> Line<'static> {
    line.0.extend(more.0);
    line
}

fn steps(lines: &mut Lines, book: &Book, path: &Path, leaves: &[(GrantId, Tier)], width: usize) {
    let mut head = Line::of(path.tier.as_str(), words::tier_slot(path.tier));
    head.push(format!(" in {}", plural(path.hops.len(), "step")), Slot::Strong);
    lines.push(head);
    for (number, hop) in (1..).zip(&path.hops) {
        step(lines, number, hop, width);
        field(lines, "     cut    ", &hop.cut(path.tier, leaves), Slot::Muted, width);
    }
    for grant in path.strong_by.iter().filter_map(|id| book.grant(*id)) {
        let by = format!("{} by {}", path.tier.as_str(), words::binding(&grant.key));
        field(lines, "     ", &format!("{by} ({})", grant.role_ref.name), Slot::Muted, width);
    }
}

fn step(lines: &mut Lines, number: usize, hop: &Hop, width: usize) {
    let did = format!("{} {}", hop.who(), hop.words());
    field(lines, &format!("  {number}. "), &did, Slot::Base, width);
    for needed in &hop.needed {
        field(lines, "     takes  ", &needed.words(), Slot::Muted, width);
        field(lines, "     by     ", &needed.by(), Slot::Muted, width);
    }
    for held in &hop.held {
        field(lines, "     holds  ", &held.words(), Slot::Muted, width);
        field(lines, "     by     ", &held.by(), Slot::Muted, width);
    }
    if let Some(why) = hop.step.modelled() {
        field(lines, "     model  ", why, Slot::Unknown, width);
    }
    let seen = hop.seen();
    let shown = format!("{}: {}", seen.how.as_str(), seen.what);
    field(lines, "     log    ", &shown, Slot::Muted, width);
}

/// A text behind a label, wrapped below itself.
fn field(lines: &mut Lines, label: &str, text: &str, slot: Slot, width: usize) {
    let indent = crate::tui::text::width(label);
    for (at, part) in wrap(text, width.saturating_sub(indent).max(10)).into_iter().enumerate() {
        let before = if at == 0 { label.to_owned() } else { " ".repeat(indent) };
        lines.push(Line::of(before, Slot::Muted).then(part, slot));
    }
}

fn without(
    lines: &mut Lines,
    book: &Book,
    (id, leaves): (GrantId, Tier),
    tier: Tier,
    width: usize,
) {
    let Some(grant) = book.grant(id) else { return };
    let closes = leaves < tier;
    let (word, slot) = if closes { ("becomes", Slot::Good) } else { ("still becomes", Slot::Warn) };
    let to = words::full(&grant.key.subject);
    let text = format!("{} to {to}: {word} {}", words::binding(&grant.key), leaves.as_str());
    field(lines, "  ", &text, slot, width);
}
