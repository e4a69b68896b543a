//! From Intents to a Plan. Pure: a Book says what there is, fresh images say what exactly is
//! written, and nothing is read or asked here.
//!
//! However many Intents touch an object, it is written once. What cannot be done by a write is never
//! dropped: it is a manual step, or among what still works.

mod about;
mod account;
mod afterwards;
mod against;
mod check;
mod command;
mod definition;
mod dependents;
mod document;
mod done;
mod edit;
mod elsewhere;
mod ends;
mod finalizers;
mod foreseen;
mod gain;
mod gains;
mod goes_with;
mod held;
mod in_hand;
mod in_use;
mod intent;
mod inverse;
mod later_runs;
mod left;
mod lock_out;
mod make;
mod mapping;
mod mend;
mod narrow;
mod nowhere;
mod owner;
mod parted;
mod remains;
mod rests;
mod risk;
mod secret;
mod since;
mod sound;
mod split;
mod split_off;
mod target;
#[cfg(test)]
mod tests;
mod uncovered;
mod unread;
mod unseen_secret;
mod wanted;

pub use about::{About, about, moved};
pub use account::Ending;
pub use against::{Earlier, against, lost_since};
pub use check::Check;
pub use command::{command_of, words_of};
pub use definition::Followed;
pub use document::{
    API_VERSION, Action, ClusterRef, CoverageRef, Header, Inverse, KIND, Later, Manual,
    NOT_A_DAY_SOONER, OwnerWarning, Patch, Plan, Precondition, ReadError, Reason, Reversibility,
    Right, Step, StillWorks, Verification,
};
pub use done::{is_done, retired_by_now};
pub use edit::{stored, without_server_fields};
pub use elsewhere::Elsewhere;
pub use finalizers::meanwhile;
pub use foreseen::{Figure, Foreseen, Part, foresee};
pub use gain::gives_others;
pub use gains::{gains, kept_beyond, rests_on_groups};
pub use goes_with::{LeftAlone, goes_with, subjects_of};
pub use held::Held;
pub use in_hand::{taken_with, what_ends};
pub use intent::{Intent, IntentParseError};
pub use inverse::{Made, undo};
pub use later_runs::{Ran, standing, taken_back};
pub use lock_out::locks_out;
pub use make::{Input, Operator, Presents, make};
pub use narrow::{Choices, NotInLogs};
pub use parted::{By, Nobody, Parted, Who};
pub use remains::{Remaining, Remains, remains};
pub(in crate::change) use rests::of_undo;
pub use rests::{Ground, Rest, falls_short, old, rests_by, stale};
pub use risk::{Risk, risks};
pub use secret::is_quarantined;
pub use since::{Since, since};
pub use split::{Named, Splitting, everybody};
pub use target::Target;
pub use unseen_secret::holds_no_more;
pub use wanted::{Refusal, targets};
