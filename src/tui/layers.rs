//! What can lie over the list: screens, and windows over screens.

use std::sync::Arc;

use super::action::Context;
use super::asked::{Answer, Asked};
use super::job::{PageData, ReachData, TextOf};
use super::state::{FeedId, Who};
use super::tabs::Tab;
use super::whole::{self, Whole};
use super::widgets::{Line, Scroll};
use super::wizard::{Field, Form, Wizard};
use crate::change::Planned;
use crate::change::plan::Intent;
use crate::model::{Identity, Name};

/// An identity's page.
#[derive(Clone, Debug)]
pub struct PageView {
    /// Whose.
    pub who: Who,
    /// Who that is, also when it is gone.
    pub identity: Identity,
    /// The tab.
    pub tab: Tab,
    /// Where the cursor is, by tab.
    pub scrolls: [Scroll; Tab::ALL.len()],
    /// What takes long to work out.
    pub data: Option<Arc<PageData>>,
    /// What it can become, once that was asked for.
    pub reach: Option<Arc<ReachData>>,
}

impl PageView {
    /// The page of somebody.
    pub fn new(who: Who, identity: Identity, tab: Tab, data: Option<Arc<PageData>>) -> Self {
        Self { who, identity, tab, scrolls: Default::default(), data, reach: None }
    }

    /// Where the cursor is in the tab shown.
    pub fn scroll(&self) -> Scroll {
        self.scrolls[self.tab as usize]
    }
}

/// Who can do something.
#[derive(Clone, Debug)]
pub struct ReverseView {
    /// Of which cluster.
    pub feed: FeedId,
    /// What.
    pub asked: Asked,
    /// The answer, or why there is none; None while it is worked out.
    pub answer: Option<Result<Arc<Answer>, String>>,
    /// Words that a row must hold.
    pub filter: String,
    /// Rows shown, by their place in the answer.
    pub rows: Vec<usize>,
    /// Sorted by last seen instead of by name.
    pub by_time: bool,
    /// Where the cursor is.
    pub scroll: Scroll,
    /// The number of the newest answer asked for.
    pub tag: u64,
}

/// A text to read.
#[derive(Clone, Debug, Default)]
pub struct TextView {
    /// What it is.
    pub title: String,
    /// Its lines.
    pub lines: Arc<[Line<'static>]>,
    /// Whether it is YAML, whose keys are shown apart.
    pub yaml: bool,
    /// The first line shown.
    pub scroll: Scroll,
    /// The first column shown.
    pub column: usize,
    /// What is looked for.
    pub search: String,
    /// The line of the place found.
    pub found: Option<usize>,
    /// The number of the text asked for; it is empty until that comes.
    pub tag: u64,
    /// Which text of which cluster it is, and of which of its Books; None for one that never changes.
    pub asked: Option<(FeedId, TextOf, u64)>,
    /// The plan that it shows.
    pub plan: Option<PlanPart>,
}

/// A plan on the screen.
#[derive(Clone, Debug)]
pub struct PlanPart {
    /// Of which cluster.
    pub feed: FeedId,
    /// How far it is.
    pub stage: PlanStage,
    /// What became of wishes while they waited, a line each.
    pub moved: Vec<String>,
}

/// How far a plan is.
#[derive(Clone, Debug)]
pub enum PlanStage {
    /// It is being made.
    Making,
    /// It is made, and was tried.
    Ready(Arc<Planned>),
    /// There is none.
    Failed,
    /// It is being applied.
    Applying,
    /// It was.
    Applied,
}

/// Help.
#[derive(Clone, Debug, Default)]
pub struct HelpView {
    /// The context that help was asked for in.
    pub context: Option<Context>,
    /// Words that an action must hold.
    pub filter: String,
    /// The first line shown.
    pub scroll: Scroll,
}

/// What a choice is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Who else can do this, with the verb chosen.
    Verb {
        /// Of which cluster.
        feed: FeedId,
        /// What, with any verb.
        asked: Asked,
        /// The verbs.
        verbs: Vec<Name>,
    },
    /// Which grant goes.
    Cut {
        /// Of which cluster.
        feed: FeedId,
        /// What is staged, by the place in what can be chosen.
        wishes: Vec<Intent>,
    },
}

/// A choice in a window.
#[derive(Clone, Debug)]
pub struct Picker {
    /// The question.
    pub title: String,
    /// What can be chosen.
    pub options: Vec<String>,
    /// What it is for.
    pub choice: Choice,
    /// Where the cursor is.
    pub scroll: Scroll,
}

/// What a line is typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// A filter or a search, live.
    Filter,
    /// A command.
    Command,
    /// The name of the context that a plan is applied to.
    Confirm,
    /// Where a plan is saved.
    Save,
    /// The value of a wizard's choice.
    Choice(Field),
    /// Whom one of those behind an account becomes, by the place.
    Becomes(usize),
    /// Where a plan's kubeconfigs are written to.
    Folder,
}

/// A line being typed.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// What for.
    pub kind: PromptKind,
    /// What is typed.
    pub text: String,
    /// What it was before, for leaving it; what has to be typed, for a confirmation.
    pub before: String,
    /// What is wrong with it.
    pub error: Option<String>,
    /// Which of what was typed before is shown, counted from the newest, 1 the newest.
    pub earlier: usize,
    /// What was typed before `earlier` was looked at.
    pub draft: String,
}

/// What can lie over the list.
#[derive(Clone, Debug)]
pub enum Layer {
    /// An identity's page.
    Page(Box<PageView>),
    /// Who can do something.
    Reverse(Box<ReverseView>),
    /// Everything of one sort.
    Whole(Box<Whole>),
    /// How the lists and the log stand.
    Health(Scroll),
    /// A text to read.
    Text(Box<TextView>),
    /// Choices, with what comes of them.
    Wizard(Box<Wizard>),
    /// Help.
    Help(HelpView),
    /// A choice.
    Picker(Picker),
    /// A line being typed.
    Prompt(Prompt),
}

impl Layer {
    /// What keys are pressed in.
    pub fn context(&self) -> Context {
        match self {
            Self::Page(_) => Context::Page,
            Self::Reverse(_) => Context::Reverse,
            Self::Whole(view) => match view.sort {
                whole::Sort::Findings => Context::Findings,
                whole::Sort::Credentials => Context::Credentials,
                whole::Sort::Grants => Context::Grants,
                whole::Sort::Cuts => Context::Cuts,
            },
            Self::Health(_) => Context::Health,
            Self::Text(view) if view.plan.is_some() => Context::Plan,
            Self::Text(_) => Context::Text,
            Self::Wizard(view) => match view.form {
                Form::Narrow(_) => Context::Narrowing,
                Form::Split(_) => Context::Splitting,
            },
            Self::Help(_) => Context::Help,
            Self::Picker(_) => Context::Picker,
            Self::Prompt(_) => Context::Prompt,
        }
    }

    /// Whether it leaves the screen below to be seen.
    pub fn is_window(&self) -> bool {
        matches!(self, Self::Picker(_) | Self::Prompt(_))
    }

    /// The feed that it is about, where it is about one.
    pub fn feed(&self) -> Option<FeedId> {
        match self {
            Self::Page(page) => Some(page.who.feed),
            Self::Reverse(view) => Some(view.feed),
            Self::Wizard(view) => view.form.feed(),
            _ => None,
        }
    }
}
