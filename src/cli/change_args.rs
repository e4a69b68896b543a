//! The command line of what plans, makes and undoes changes.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// A command about changes.
#[derive(Clone, Debug, Subcommand)]
pub enum ChangeCommand {
    /// Plan how to take access back; nothing is written to the cluster
    ///
    /// The plan says what would be written, what has to be done elsewhere, what works afterwards all
    /// the same and until when, and what could not be taken back.
    Revoke {
        /// What: `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME` for all that is bound to it;
        /// `crb:NAME=IDENTITY` or `rb:NAMESPACE/NAME=IDENTITY` for one grant;
        /// `quarantine:NAMESPACE/NAME` to have the token of a Secret refused, `secret:NAMESPACE/NAME` to
        /// delete it
        #[arg(required = true, value_name = "WHAT")]
        what: Vec<String>,
        /// Write the plan to this file too, as YAML, or as JSON where it ends in .json
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Change here, too, what an owner (Helm, Argo CD, Flux, …) would undo later
        #[arg(long)]
        despite_owners: bool,
        /// Lock out all the same: the sentence that the refusal says
        #[arg(long, value_name = "SENTENCE")]
        force: Option<String>,
    },
    /// Apply a plan: shown and tried without writing first, then confirmed
    ///
    /// Every write is in the journal before it is sent, with the object as it was. A plan that is of
    /// another cluster, edited, or of objects that changed since is refused.
    Apply {
        /// The plan, YAML or JSON, or `-`
        #[arg(value_name = "PLAN", required_unless_present = "finish", conflicts_with = "finish")]
        plan: Option<PathBuf>,
        /// Go on with a run that was cut off or stopped: its number in `keybook journal`
        #[arg(long, value_name = "RUN")]
        finish: Option<u64>,
        /// How it is confirmed.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Put back what a run changed, in inverse order: shown, tried and confirmed as a plan is
    Undo {
        /// Its number in `keybook journal`
        #[arg(value_name = "RUN")]
        run: u64,
        /// How it is confirmed.
        #[command(flatten)]
        confirm: Confirm,
    },
    /// Look whether what was changed is still so, and ask the API server again
    Verify {
        /// A run's number in `keybook journal`; without it, every run that was not undone
        #[arg(value_name = "RUN")]
        run: Option<u64>,
    },
    /// List what was applied to the cluster, or show one run whole
    Journal {
        /// A run's number
        #[arg(value_name = "RUN")]
        run: Option<u64>,
        /// The head that was noted earlier: whether it is still in the journal
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
    },
}

/// How a change is confirmed.
#[derive(Clone, Debug, Default, Args)]
pub struct Confirm {
    /// Apply without asking: the name of the context, or of the cluster where there is none
    #[arg(long, value_name = "CONTEXT")]
    pub yes: Option<String>,
    /// Lock out all the same: the sentence that the refusal says
    #[arg(long, value_name = "SENTENCE")]
    pub force: Option<String>,
}
