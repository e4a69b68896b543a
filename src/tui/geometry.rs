//! How the screen of a state is cut up, and how many rows it has.

use super::layers::Layer;
use super::layout::{Below, Parts, Shape, parts};
use super::screens;
use super::state::State;
use super::tabs::Tab;
use super::whole::Sort;
use super::wizard::panes;

/// The parts of the topmost screen.
pub fn of(state: &State) -> Parts {
    let (width, height) = state.size;
    let warning = screens::header::warning(state).is_some();
    let shape = match state.screen() {
        None => Shape { warning, bar: 1, heads: true, below: Below::Preview },
        Some(Layer::Page(page)) => Shape {
            warning,
            bar: 3,
            heads: !page.tab.is_text(),
            below: match page.tab {
                tab if tab.is_text() => Below::Nothing,
                Tab::Findings => Below::Detail(of_finding(height)),
                _ => Below::Detail(3),
            },
        },
        Some(Layer::Reverse(_)) => Shape { warning, bar: 2, heads: true, below: Below::Detail(4) },
        Some(Layer::Whole(view)) => {
            let long = matches!(view.sort, Sort::Findings | Sort::Cuts);
            let lines = if long { of_finding(height) } else { 3 };
            Shape { warning, bar: 1, heads: true, below: Below::Detail(lines) }
        }
        Some(_) => Shape { warning, bar: 2, heads: false, below: Below::Nothing },
    };
    parts(width, height, shape)
}

/// The lines for a finding's evidence and what mends it.
fn of_finding(height: u16) -> u16 {
    match height {
        ..20 => 4,
        20..30 => 6,
        _ => 8,
    }
}

/// How many rows the topmost layer has, and how many of them are shown at once.
pub fn rows_and_height(state: &State) -> (usize, usize) {
    if let Some(Layer::Picker(picker)) = state.layers.last() {
        return (picker.options.len(), screens::picker::height(state, picker));
    }
    let parts = of(state);
    let rows = match state.screen() {
        None => state.list.rows.len(),
        Some(Layer::Page(page)) => match state.entry(page.who) {
            None => 0,
            Some((book, entry)) => match page.tab {
                Tab::Permissions => page.data.as_ref().map_or(0, |data| data.matrix.len()),
                Tab::Grants => entry.grants.len(),
                Tab::Findings => entry.findings.len(),
                Tab::Groups => screens::groups::count(entry),
                Tab::Credentials => page.data.as_ref().map_or(0, |data| data.credentials.len()),
                Tab::Reach => {
                    let width = parts.body.width.into();
                    screens::reach::lines(book, entry, page.reach.as_deref(), width).len()
                }
                Tab::Workloads => {
                    let width = parts.body.width.into();
                    screens::workloads::lines(entry, page.data.as_deref(), width).len()
                }
                Tab::Activity => {
                    let data = page.data.as_deref();
                    let width = parts.body.width.into();
                    screens::activity::lines(book, entry, data, state.now, width).len()
                }
            },
        },
        Some(Layer::Reverse(view)) => view.rows.len(),
        Some(Layer::Whole(view)) => view.len(),
        Some(Layer::Health(_)) => screens::health::lines(state).len(),
        Some(Layer::Text(text)) => text.lines.len(),
        Some(Layer::Wizard(view)) => {
            let choices = view.form.fields().len();
            let panes = panes(parts.body, choices);
            return if view.on_effect {
                (view.lines.len(), panes.effect.height.into())
            } else {
                (choices, panes.form.height.into())
            };
        }
        Some(Layer::Help(help)) => screens::help::lines(state, help, parts.body.width).len(),
        Some(Layer::Picker(_) | Layer::Prompt(_)) => 0,
    };
    (rows, parts.body.height.into())
}
