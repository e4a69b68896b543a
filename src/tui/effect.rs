//! What comes in and what goes out of [`super::update`]: both are data.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::job::{Done, Job};
use super::key::Key;
use super::state::{FeedId, Notice};
use crate::book::Book;
use crate::change::plan::Intent;
use crate::change::{Applied, Planned};

/// What happened.
#[derive(Clone, Debug)]
pub enum Msg {
    /// A key was pressed.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size, in columns and lines.
    Resize(u16, u16),
    /// The terminal got or lost the focus.
    Focus(bool),
    /// A feed has a newer Book.
    Book(FeedId, Arc<Book>),
    /// Work is done.
    Done(Box<Done>),
    /// A plan is made, or why there is none.
    Planned {
        /// The number of the plan.
        tag: u64,
        /// It.
        result: Result<Arc<Planned>, String>,
    },
    /// A step of a plan is made.
    Applying {
        /// The number of the plan.
        tag: u64,
        /// What there is to say.
        line: String,
    },
    /// A plan was applied, or why not.
    Applied {
        /// The number of the plan.
        tag: u64,
        /// How it came out.
        result: Result<Applied, String>,
    },
    /// Whether a run of the journal was cut off, and which.
    CutOff {
        /// Of which cluster.
        feed: FeedId,
        /// It, or why the journal cannot be read.
        found: Result<Option<u64>, String>,
    },
    /// Time has passed: what the clock says, UTC.
    Tick(DateTime<Utc>),
    /// Something to say.
    Notice(Notice),
}

/// What is to be done outside. Everything that touches a cluster names it.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Work beside the screen; answers with [`Msg::Done`].
    Run(Job),
    /// Read a cluster and its log again.
    Reload(FeedId),
    /// Put a text into the terminal's clipboard.
    Copy(String),
    /// Save what is known of a cluster; answers with [`Msg::Notice`].
    Save {
        /// Which.
        feed: FeedId,
        /// What is known of it.
        book: Arc<Book>,
        /// Where to.
        dir: PathBuf,
    },
    /// Make a plan, and try it without writing; answers with [`Msg::Planned`].
    Plan {
        /// Of which cluster.
        feed: FeedId,
        /// The number of the plan.
        tag: u64,
        /// What is known of it.
        book: Arc<Book>,
        /// What is wanted.
        intents: Vec<Intent>,
    },
    /// Make the plan that takes a run back, and try it; answers with [`Msg::Planned`].
    Undo {
        /// Of which cluster.
        feed: FeedId,
        /// The number of the plan.
        tag: u64,
        /// The run's number in the journal.
        run: u64,
    },
    /// Look at what is left of a run, and try it; answers with [`Msg::Planned`].
    Finish {
        /// Of which cluster.
        feed: FeedId,
        /// The number of the plan.
        tag: u64,
        /// The run's number in the journal.
        run: u64,
    },
    /// Read the journal; answers with [`Msg::Done`] and a text.
    Journal {
        /// Of which cluster.
        feed: FeedId,
        /// The number of the text.
        tag: u64,
    },
    /// Look whether a run was cut off; answers with [`Msg::CutOff`].
    CutOff {
        /// Of which cluster.
        feed: FeedId,
    },
    /// Apply a plan that was confirmed; answers with [`Msg::Applying`] and [`Msg::Applied`].
    Apply {
        /// To which cluster.
        feed: FeedId,
        /// The number of the plan.
        tag: u64,
        /// What is known of the cluster by now; None where nothing is.
        book: Option<Arc<Book>>,
        /// It.
        planned: Arc<Planned>,
        /// Where kubeconfigs are written to; None where it makes none.
        folder: Option<PathBuf>,
    },
    /// Have what is being applied stop after the step at hand.
    Stop,
    /// Save a plan; answers with [`Msg::Notice`].
    SavePlan {
        /// It.
        planned: Arc<Planned>,
        /// Where to: YAML, or JSON where it ends in .json.
        path: PathBuf,
        /// The options by which a command means its cluster, a space before each.
        again: String,
    },
    /// Give the shell back for a while.
    Suspend,
    /// End.
    Quit,
}
