//! What somebody can become: paths as steps, what each takes, and what would cut it.

use crate::book::{Book, Entry, Tier};
use crate::model::{distinct, shell_word};
use crate::reach::{Act, Acts, BOUNDED, Count, Hop, Kept, Path, not_followed_by};
use crate::report::{NO_CUT, undoing};
use crate::tui::credential::in_hand_lines;
use crate::tui::job::ReachData;
use crate::tui::text::{figure, plural, wrap};
use crate::tui::theme::Slot;
use crate::tui::widgets::Line;
use crate::tui::words;

type Lines = Vec<Line<'static>>;

/// So many of a sort are named.
const NAMED: usize = 200;

/// All of it.
pub fn lines(book: &Book, entry: &Entry, data: Option<&ReachData>, width: usize) -> Lines {
    let Some(data) = data.filter(|data| data.who.id == entry.id) else {
        return vec![Line::of(words::LOADING, Slot::Muted)];
    };
    let width = width.saturating_sub(2);
    let reached = &data.reached;
    let mut lines = head(data, width);
    if reached.own == Tier::ClusterAdmin {
        return lines;
    }
    lines.extend(in_hand_lines(&data.in_hand, width));
    let told = data.acts.told(reached);
    for path in &told {
        lines.push(Line::new());
        steps(&mut lines, book, path, &data.cuts, width);
    }
    if let Some(first) = told.first() {
        let of_first = first.stands_on();
        lines.push(Line::new());
        lines.push(Line::of("Without one grant", Slot::Strong));
        for kept in data.cuts.iter().filter(|kept| of_first.contains(&kept.grant)) {
            without(&mut lines, book, kept, first, width);
        }
        if !data.in_hand.is_empty() {
            field(&mut lines, "  ", NO_CUT, Slot::Warn, width);
        }
    }
    closure(&mut lines, (book, entry), &data.acts, width);
    lines.push(Line::new());
    if !entry.groups_known {
        let text = "Its groups are not known: it may become more by what they are granted.";
        lines.extend(wrap(text, width).into_iter().map(|text| Line::of(text, Slot::Unknown)));
    }
    if data.reached.bounded {
        lines.extend(wrap(BOUNDED, width).into_iter().map(|text| Line::of(text, Slot::Unknown)));
    }
    for missing in &data.missing {
        let text = format!("It may become more: {missing}");
        lines.push(Line::of(text, Slot::Unknown));
    }
    lines.push(Line::of("Not followed:", Slot::Muted));
    for what in not_followed_by(book, entry) {
        let texts = wrap(what, width.saturating_sub(2));
        lines.extend(texts.into_iter().map(|text| Line::of(format!("  {text}"), Slot::Muted)));
    }
    lines
}

fn head(data: &ReachData, width: usize) -> Lines {
    let (reached, count) = (&data.reached, data.acts.count);
    let tier = |tier: Tier| Line::of(tier.as_str(), words::tier_slot(tier));
    if reached.own == Tier::ClusterAdmin {
        return vec![Line::of("It is cluster-admin already.", Slot::Danger)];
    }
    // What is missing is told below.
    let bound = if data.missing.is_empty() { "" } else { ", as far as was read" };
    let by = if data.in_hand.is_empty() { "" } else { ", by what it is granted" };
    let mut lines = match reached.highest() {
        Some(path) => {
            let line = joined(tier(reached.own).then(" → ", Slot::Muted), tier(reached.tier));
            let line = line.then(format!(" in {}", plural(path.hops.len(), "step")), Slot::Base);
            vec![match path.modelled_words() {
                None => line,
                Some(words) => line.then(format!(", {words}"), Slot::Unknown),
            }]
        }
        None if count.adds_nothing() => {
            let line = Line::of("It cannot become more than it is: ", Slot::Base);
            vec![joined(line, tier(reached.own)).then(format!("{by}{bound}."), Slot::Base)]
        }
        None => {
            let line = Line::of("It reaches no higher tier than ", Slot::Base);
            vec![joined(line, tier(reached.own)).then(format!("{by}{bound}."), Slot::Base)]
        }
    };
    if !count.everybody && count != Count::default() {
        let slot = if count.adds_nothing() { Slot::Base } else { Slot::Warn };
        let words = wrap(&format!("It {}.", count.words()), width);
        lines.extend(words.into_iter().map(|text| Line::of(text, slot)));
    }
    lines
}

fn joined(mut line: Line<'static>, more: Line<'static>) -> Line<'static> {
    line.0.extend(more.0);
    line
}

fn steps(lines: &mut Lines, book: &Book, path: &Path, kept: &[Kept], width: usize) {
    let steps = plural(path.hops.len(), "step");
    if path.adds.is_some() {
        let head = wrap(&path.head(), width);
        lines.extend(head.into_iter().map(|text| Line::of(text, Slot::Strong)));
    } else {
        let mut head = Line::of(path.tier.as_str(), words::tier_slot(path.tier));
        head.push(format!(" in {steps}"), Slot::Strong);
        if let Some(words) = path.modelled_words() {
            head.push(format!(", {words}"), Slot::Unknown);
        }
        lines.push(head);
    }
    for (number, hop) in (1..).zip(&path.hops) {
        step(lines, number, hop, width);
        field(
            lines,
            "     cut    ",
            &undoing::hop_cut_words(book, hop, path, kept),
            Slot::Muted,
            width,
        );
    }
    if let Some(added) = &path.adds {
        field(lines, "     adds   ", &added.words(), Slot::Warn, width);
    }
    for grant in path.strong_by.iter().filter_map(|id| book.grant(*id)) {
        let by = words::binding(&grant.key);
        let by = if path.adds.is_some() {
            format!("by {by}")
        } else {
            format!("{} by {by}", path.tier.as_str())
        };
        field(lines, "     ", &format!("{by} ({})", grant.role_ref.name), Slot::Muted, width);
    }
}

/// Whom it can act as, and which roles it can get.
fn closure(lines: &mut Lines, (book, entry): (&Book, &Entry), acts: &Acts, width: usize) {
    let (adding, others): (Vec<&Act>, Vec<&Act>) =
        acts.all.iter().partition(|act| act.path.adds.is_some());
    let model = if acts.count.everybody { ", without what is a model only" } else { "" };
    let heads = ["May do what it may not", "May do nothing that it may not"];
    for (head, all) in heads.into_iter().zip([adding, others]) {
        if all.is_empty() {
            continue;
        }
        lines.push(Line::new());
        let count = figure(all.len() as u64);
        lines.push(Line::of(format!("{head}{model}: {count}"), Slot::Strong));
        for act in all.iter().take(NAMED) {
            field(lines, "  ", &act.words(), Slot::Base, width);
        }
        if let Some(more) = all.len().checked_sub(NAMED).filter(|more| *more > 0) {
            let more = figure(more as u64);
            let (who, again) = (entry.identity.to_string(), book.policy.again.all());
            let has_all = format!(
                "{more} more: keybook reach {} -o json{again} has all",
                shell_word(distinct(&who).into_owned())
            );
            field(lines, "  ", &has_all, Slot::Muted, width);
        }
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
    if let Some(why) = hop.modelled() {
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

fn without(lines: &mut Lines, book: &Book, kept: &Kept, first: &Path, width: usize) {
    let Some(grant) = book.grant(kept.grant) else { return };
    let slot = if kept.cuts(first) { Slot::Good } else { Slot::Warn };
    let to = words::full(&grant.key.subject);
    let text = format!("{} to {to}: {}", words::binding(&grant.key), kept.words(first));
    let kept_by = undoing::cut_words(&undoing::of_cut(&book.snapshot, grant));
    let text = kept_by.map_or_else(|| text.clone(), |by| format!("{text}; {by}"));
    field(lines, "  ", &text, slot, width);
}
