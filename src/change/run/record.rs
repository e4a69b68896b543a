//! What the journal holds of a run.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Differs;
use crate::change::plan::Plan;
use crate::model::Name;

/// How it is known that a write was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum How {
    /// The API server answered so.
    Answered,
    /// The answer was lost; the object is as the write leaves it.
    Found,
}

/// One entry of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Record {
    /// A Plan is about to be applied. It holds the images of everything that will be written.
    Began {
        /// The run's number, from 1.
        run: u64,
        /// What is applied.
        plan: Box<Plan>,
        /// By whom.
        by: Option<Name>,
        /// The folder that kubeconfigs are written to, where it makes any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        out: Option<String>,
    },
    /// A run that was cut off or stopped goes on.
    Resumed {
        /// The run.
        run: u64,
        /// By whom.
        by: Option<Name>,
    },
    /// A write is about to be sent.
    Writing {
        /// The run.
        run: u64,
        /// The step's id. How the object reads is the image before of the plan: the write carries its
        /// UID and version as preconditions.
        step: u32,
    },
    /// A write was made.
    Written {
        /// The run.
        run: u64,
        /// The step's id.
        step: u32,
        /// How that is known.
        how: How,
        /// The object as it is now, of a Secret its metadata; None where it is gone.
        left: Option<Value>,
    },
    /// The run stopped: nothing more is written by it until it is resumed or undone.
    Stopped {
        /// The run.
        run: u64,
        /// At which step; None between steps.
        step: Option<u32>,
        /// What happened, and how the object stands.
        why: String,
        /// Whether it is known that the step was not made.
        unmade: bool,
    },
    /// All steps were made, and looked at again.
    Ended {
        /// The run.
        run: u64,
        /// What is not as it should be.
        differs: Vec<Differs>,
    },
}

impl Record {
    /// The run that it is of.
    pub fn run(&self) -> u64 {
        match self {
            Self::Began { run, .. }
            | Self::Resumed { run, .. }
            | Self::Writing { run, .. }
            | Self::Written { run, .. }
            | Self::Stopped { run, .. }
            | Self::Ended { run, .. } => *run,
        }
    }
}
