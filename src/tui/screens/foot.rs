//! The last line: what can be pressed here, what there is to say, or what is being typed.

use ratatui::layout::{Position, Rect};

use crate::tui::action::{ActionId, Context};
use crate::tui::complete::{self, Candidate};
use crate::tui::layers::{Layer, Prompt, PromptKind};
use crate::tui::layout::Parts;
use crate::tui::state::{State, Tone};
use crate::tui::tabs::Tab;
use crate::tui::text::width;
use crate::tui::theme::Slot;
use crate::tui::update::is_offered;
use crate::tui::widgets::{Canvas, Line};
use crate::tui::wizard::Field;

/// How many candidates are shown above the line being typed.
const CANDIDATES: usize = 6;

pub(super) fn draw(state: &State, canvas: &mut Canvas<'_, '_>, parts: &Parts) -> Option<Position> {
    let area = parts.foot;
    if area.height == 0 {
        return None;
    }
    if let Some(Layer::Prompt(prompt)) = state.layers.last() {
        let found = complete::candidates(state, prompt);
        candidates(&found, prompt, canvas, area);
        return Some(typing(&found, prompt, canvas, area));
    }
    if let Some(notice) = &state.notice {
        let (sign, slot) = match notice.tone {
            Tone::Done => (" ✓ ", Slot::Good),
            Tone::Refused => (" ✗ ", Slot::Danger),
        };
        let line = Line::of(sign, slot).then(notice.text.clone(), Slot::Base);
        canvas.line(area.x, area.y, area.width, &line);
        return None;
    }
    hints(state, canvas, area);
    None
}

/// What can be pressed here, as far as it fits; help stays in sight, and so does a plan in the making.
fn hints(state: &State, canvas: &mut Canvas<'_, '_>, area: Rect) {
    let context = state.context();
    let room = usize::from(area.width).saturating_sub(1);
    let mut last = Line::new();
    if !state.staged.is_empty() {
        last.0.extend(hint(state, ActionId::Plan).0);
    }
    last.0.extend(hint(state, ActionId::Help).0);
    let back =
        (context != Context::List).then(|| Line::of(" esc", Slot::Key).then(" back ", Slot::Muted));
    let mut line = back.unwrap_or_default();
    // What only a wizard has comes first there.
    let chooses = |id: &ActionId| {
        let contexts = id.action().contexts;
        let all = contexts.iter().all(|of| matches!(of, Context::Narrowing | Context::Splitting));
        all && contexts.contains(&context)
    };
    let ids = ActionId::ALL.iter().filter(|id| chooses(id));
    for id in ids.chain(ActionId::ALL.iter().filter(|id| !chooses(id))) {
        let action = id.action();
        let here = action.contexts.contains(&context) && *id != ActionId::Plan;
        if !here || action.hint.is_none() || *id == ActionId::Help || !is_offered(state, *id) {
            continue;
        }
        let next = hint(state, *id);
        if line.width() + next.width() + last.width() > room {
            break;
        }
        line.0.extend(next.0);
    }
    line.0.extend(last.0);
    canvas.line(area.x, area.y, area.width, &line);
}

fn hint(state: &State, id: ActionId) -> Line<'static> {
    let key = state.keymap.keys(id).first().map_or_else(String::new, ToString::to_string);
    let mut word = id.action().hint.unwrap_or_default().to_owned();
    // In a text nothing is taken away; it goes to what is found.
    if id == ActionId::Filter
        && matches!(state.context(), Context::Text | Context::Plan | Context::Help)
    {
        "search".clone_into(&mut word);
    }
    if id == ActionId::NextTab && matches!(state.context(), Context::Narrowing | Context::Splitting)
    {
        "effect".clone_into(&mut word);
    }
    let on_reach = matches!(state.screen(), Some(Layer::Page(page)) if page.tab == Tab::Reach);
    if id == ActionId::Revoke && on_reach {
        "cut".clone_into(&mut word);
    }
    if id == ActionId::Plan && !state.staged.is_empty() {
        word = format!("{word} {}", state.staged.len());
    }
    Line::of(format!(" {key}"), Slot::Key).then(format!(" {word} "), Slot::Muted)
}

/// The line being typed, its end in sight; returns where the cursor stands.
fn typing(
    found: &[Candidate],
    prompt: &Prompt,
    canvas: &mut Canvas<'_, '_>,
    area: Rect,
) -> Position {
    let sign = match prompt.kind {
        PromptKind::Filter => "/".to_owned(),
        PromptKind::Command => ":".to_owned(),
        PromptKind::Confirm => format!("to apply it, type {}:", prompt.before),
        PromptKind::Save => "save the plan to:".to_owned(),
        PromptKind::Folder => Field::Folder.question().to_owned(),
        PromptKind::Choice(field) => field.question().to_owned(),
        PromptKind::Becomes(_) => "becomes user:NAME, cert:NAME or sa:NS/NAME:".to_owned(),
    };
    let most = area.width.saturating_mul(2) / 3;
    let mut x = canvas.put(area.x + 1, area.y, most, &sign, Slot::Key) + 1;
    let error = prompt.error.as_deref().unwrap_or_default();
    let kept =
        if error.is_empty() { 2 } else { (width(error) + 4).min(usize::from(area.width) / 2) };
    let room = usize::from(area.right().saturating_sub(x)).saturating_sub(kept).max(4);
    // What does not fit gives way at the front, where typing is long past.
    let mut text = prompt.text.as_str();
    while width(text) > room {
        let mut chars = text.chars();
        chars.next();
        text = chars.as_str();
    }
    let columns = u16::try_from(room).unwrap_or(u16::MAX);
    x = canvas.put(x, area.y, columns, text, Slot::Prompt);
    let cursor = Position { x: x.min(area.right().saturating_sub(1)), y: area.y };
    if error.is_empty() {
        if let Some(ghost) = complete::ghost_of(found, prompt) {
            canvas.put(x, area.y, area.right().saturating_sub(x), &ghost, Slot::Ghost);
        }
    } else {
        let line = Line::of(format!("{error} "), Slot::Danger);
        let left = area.right().saturating_sub(x + 2);
        let at = Rect { x: x + 2, width: left, ..area };
        canvas.line_right(at, area.y, &line);
    }
    cursor
}

/// What could be typed, above the line.
fn candidates(found: &[Candidate], prompt: &Prompt, canvas: &mut Canvas<'_, '_>, foot: Rect) {
    let only = matches!(found, [one] if prompt.text.ends_with(&one.word));
    if found.is_empty() || (only && found[0].args.is_empty() && found[0].help.is_empty()) {
        return;
    }
    let shown = found.len().min(CANDIDATES).min(usize::from(foot.y).saturating_sub(4));
    if shown == 0 {
        return;
    }
    let more = found.len() - shown;
    let label = |candidate: &Candidate| {
        if candidate.args.is_empty() {
            candidate.word.clone()
        } else {
            format!("{} {}", candidate.word, candidate.args)
        }
    };
    let wide = found.iter().take(shown).map(|have| width(&label(have))).max().unwrap_or(0);
    let help = found.iter().take(shown).map(|have| width(&have.help)).max().unwrap_or(0);
    let total = u16::try_from(wide + help + 8).unwrap_or(u16::MAX).min(foot.width).max(12);
    let high = u16::try_from(shown + 2).unwrap_or(u16::MAX);
    let title = if more > 0 { format!("{more} more") } else { String::new() };
    let area = Rect { x: foot.x, y: foot.y.saturating_sub(high), width: total, height: high };
    let inside = canvas.window(area, &title);
    for (y, candidate) in (inside.top()..inside.bottom()).zip(found) {
        canvas.put(inside.x, y, inside.width, &label(candidate), Slot::Base);
        let at = u16::try_from(wide + 3).unwrap_or(u16::MAX);
        let left = inside.width.saturating_sub(at);
        if left > 4 {
            canvas.put(inside.x + at, y, left, &candidate.help, Slot::Muted);
        }
    }
}
