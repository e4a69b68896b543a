//! Plans at work: the only part of keybook that writes to a cluster.
//!
//! Every write is in the journal, on the disk, before it is sent. What became of it is recorded after
//! it; where that is not known, because the connection or the process ended, the object itself is
//! looked at, and only what certainly was not made is sent again. The first surprise stops the run.

mod beyond;
mod credential;
mod due;
mod handed;
mod handover;
mod history;
mod holds;
mod kubeconfig;
mod look;
mod owned;
mod preflight;
mod read;
mod record;
mod runner;
mod send;
mod undoing;
mod verify;
mod words;

#[cfg(test)]
mod tests;

pub use beyond::beyond;
pub use due::Stage;
pub use handed::handed;
pub use handover::{is_free, makes_kubeconfigs};
pub use history::{History, Run, Standing, StepState};
pub use holds::holds;
pub use look::Found;
pub use owned::owned;
pub use preflight::{Preflight, preflight};
pub use read::{Error, fresh, operator, path_of};
pub use record::{How, Record};
pub use runner::{Ended, Pace, Progress, RunError, Runner};
pub use undoing::Changed;
pub use verify::{Differs, verify};
