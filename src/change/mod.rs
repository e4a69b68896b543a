//! Changes: what is wanted becomes a Plan, a Plan is applied step by step, and what was applied is
//! in the journal, from which it is finished or undone.
//!
//! [`plan`] is pure: from a Book, fresh images of the objects and Intents to a Plan. [`run`] is the
//! only part that writes to a cluster.

mod desk;
pub mod plan;
pub mod run;

pub use desk::{Applied, Desk, Planned};
