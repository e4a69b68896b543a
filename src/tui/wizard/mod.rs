//! Wizards: every choice of a narrowing or a split on one screen, with what comes of it below or
//! beside. What is chosen is an Intent at any time; what comes of it is worked out beside the screen.

mod aside;
mod choice;
mod effect;
mod narrow;
mod panes;
mod parts;
mod sight;
mod split;

use std::collections::BTreeSet;
use std::sync::Arc;

pub use choice::Field;
pub use narrow::{NarrowForm, RoleOf};
pub use panes::{Panes, panes};
pub use sight::{Ask, Sight, behind};
pub use split::{Seat, SplitForm};

use super::state::FeedId;
use super::widgets::{Line, Scroll};
use crate::book::Book;
use crate::change::plan::{Figure, Foreseen, Intent};

/// What is chosen.
#[derive(Clone, Debug)]
pub enum Form {
    /// How much stays of what somebody holds.
    Narrow(NarrowForm),
    /// Who behind an account becomes whom.
    Split(Box<SplitForm>),
}

/// A wizard on the screen.
#[derive(Clone, Debug)]
pub struct Wizard {
    /// What is chosen.
    pub form: Form,
    /// By feed, the options by which a command means its cluster and log.
    pub flags: Vec<String>,
    /// Where the cursor is among the choices.
    pub scroll: Scroll,
    /// Which part of what comes of it is shown.
    pub effect: Scroll,
    /// Whether the keys that move move that.
    pub on_effect: bool,
    /// Whether it is shown as the whole plan, with every object.
    pub as_plan: bool,
    /// The number of what was asked for last.
    pub tag: u64,
    /// The number of what was asked for first; 0 before that.
    pub since: u64,
    /// What came of choices, with the number under which it was asked for.
    pub sight: Option<(u64, Arc<Sight>)>,
    /// Whether it is staged once that is there.
    pub stage: bool,
    /// What comes of it, in words, for the room that there is.
    pub lines: Arc<[Line<'static>]>,
    /// The command that chooses the same, and what would be written, for the room that there is.
    pub aside: Arc<[Line<'static>]>,
    /// What these were put together of.
    pub laid: Option<Laid>,
}

type Lines = Vec<Line<'static>>;

/// What lines were put together of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Laid {
    sight: u64,
    tag: u64,
    width: (u16, u16),
    as_plan: bool,
    field: Option<Field>,
}

impl Wizard {
    /// A wizard of which nothing is worked out yet.
    pub fn new(form: Form, flags: Vec<String>) -> Self {
        Self {
            form,
            flags,
            scroll: Scroll::default(),
            effect: Scroll::default(),
            on_effect: false,
            as_plan: false,
            tag: 0,
            since: 0,
            sight: None,
            stage: false,
            lines: Arc::default(),
            aside: Arc::default(),
            laid: None,
        }
    }

    /// The commands that choose the same, of the same clusters and logs.
    pub fn commands(&self) -> Vec<String> {
        let command = |(feed, wish): (FeedId, Intent)| {
            let flags = self.flags.get(usize::from(feed.0)).map_or("", String::as_str);
            format!("{}{flags}", wish.command())
        };
        self.form.wishes().into_iter().map(command).collect()
    }

    /// The choice under the cursor.
    pub fn field(&self) -> Option<Field> {
        self.form.fields().get(self.scroll.cursor).copied()
    }

    /// Whether what is shown is of what is chosen.
    pub fn is_worked_out(&self) -> bool {
        self.sight.as_ref().is_some_and(|(tag, _)| *tag == self.tag)
    }

    /// Whether what is shown is of these choices, be it by an older Book.
    pub fn is_of_what_is_chosen(&self) -> bool {
        let chosen: BTreeSet<(FeedId, Intent)> = self.form.wishes().into_iter().collect();
        self.sight.as_ref().is_some_and(|(_, sight)| sight.asked == chosen)
    }

    /// Puts what comes of it in words, where that is not done for the room that there is.
    pub fn lay(&mut self, panes: &Panes) {
        let width = (panes.effect.width.saturating_sub(1), panes.aside.width.saturating_sub(2));
        let of = Laid {
            sight: self.sight.as_ref().map_or(0, |(tag, _)| *tag),
            tag: self.tag,
            width,
            as_plan: self.as_plan,
            field: self.field().filter(|_| matches!(self.form, Form::Split(_))),
        };
        if self.laid == Some(of) {
            return;
        }
        // Another actor is told from its beginning.
        if self.laid.is_some_and(|laid| laid.field != of.field) {
            self.effect = Scroll::default();
        }
        self.lines = effect::lines(self, usize::from(width.0)).into();
        let room = panes.aside.height > 0;
        self.aside =
            if room { aside::lines(self, usize::from(width.1)).into() } else { Arc::default() };
        self.laid = Some(of);
    }
}

/// What comes of it in one line of figures; None where nothing does.
pub fn summary(form: &Form, sight: &Sight) -> Option<String> {
    let all: Vec<&Foreseen> =
        sight.of.iter().filter_map(|seen| seen.foreseen.as_ref().ok()).collect();
    let first = all.first()?;
    Some(match form {
        Form::Split(_) => parts::summary(first),
        Form::Narrow(_) => {
            let figures: Vec<Figure> = all.iter().flat_map(|one| one.figures.clone()).collect();
            let (before, after) = effect::sum(&figures);
            effect::figure_words(&before, &after)
        }
    })
}

impl Form {
    /// The cluster that it is about, where it is about one.
    pub fn feed(&self) -> Option<FeedId> {
        match self {
            Self::Narrow(form) => form.feeds().next(),
            Self::Split(form) => Some(form.feed),
        }
    }

    /// What it is called.
    pub fn title(&self) -> String {
        match self {
            Self::Narrow(form) => format!("Narrow {}", form.whom_words()),
            Self::Split(form) => format!("Split {}", super::words::name(&form.account)),
        }
    }

    /// The choices, as they stand.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Self::Narrow(form) => form.fields(),
            Self::Split(form) => form.fields(),
        }
    }

    /// What is wanted with these choices. Nothing where they say nothing.
    pub fn wishes(&self) -> Vec<(FeedId, Intent)> {
        match self {
            Self::Narrow(form) => form.wishes(),
            Self::Split(form) => form.wish().map(|wish| (form.feed, wish)).into_iter().collect(),
        }
    }

    /// Another value for a choice, the one before or behind.
    ///
    /// # Errors
    /// Where it has no other, in words.
    pub fn turn(&mut self, field: Field, by: isize, book: Option<&Book>) -> Result<(), String> {
        match self {
            Self::Narrow(form) => form.turn(field, by),
            Self::Split(form) => form.turn(field, by, book),
        }
    }

    /// The value of a choice as it is typed; None where it is not.
    pub fn typed(&self, field: Field) -> Option<String> {
        match self {
            Self::Narrow(form) => choice::typed(&form.choices, field),
            Self::Split(form) => form.typed(field),
        }
    }

    /// Takes a value that was typed.
    ///
    /// # Errors
    /// Where it is none, in words.
    pub fn set(&mut self, field: Field, text: &str) -> Result<(), String> {
        match self {
            Self::Narrow(form) => choice::set(&mut form.choices, field, text),
            Self::Split(form) => form.set(field, text),
        }
    }

    /// The value of a choice, and what it means.
    pub fn value(&self, field: Field, sight: Option<&Sight>) -> (String, String) {
        match self {
            Self::Narrow(form) => form.value(field),
            Self::Split(form) => form.value(field, sight),
        }
    }
}
