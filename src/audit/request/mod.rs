//! What one line says, in the words of the model: who, as whom, what, and what came of it.

mod asked;
mod called;
mod clip;
mod credit;
mod method;
mod names;
mod person;
mod pieces;
mod quoted;
mod refusal;
mod stage;
mod time;
mod token;
mod verdict;

pub use asked::{ObjectRef, decode_path, split_uri};
pub use called::{Called, Requested, join, split};
pub use clip::clip;
pub use method::verb_of;
pub use names::Names;
pub use person::Person;
pub use pieces::{
    Decision, Misshapen, Status, addresses, agent, constraint, created, notes, person, status, text,
};
pub use quoted::quoted;
pub use stage::{Stage, Standing};
pub use time::micros;
pub use token::token_asked;
pub use verdict::{Outcome, Verdict};
