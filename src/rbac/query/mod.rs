//! What a person means by a question about access: [`can`] and [`who_can`].
//!
//! Unlike the authorizer itself, which knows strings only, these resolve words by discovery
//! ([`Resolver`]), count implicit groups ([`Asker`]), mind whether requests carry a namespace or a
//! name ([`Question`]), and say what they do not know ([`Note`], [`Missing`]).

mod asker;
mod builtin;
mod can;
mod completeness;
mod note;
mod resolver;
mod special;
mod target;
mod ways;
mod who_can;

pub use asker::{Asker, Roster};
pub use builtin::{BUILTIN_VERSION, builtin_discovery};
pub use can::{AllowedIn, Can, can, extents};
pub use completeness::{Missing, missing, refused};
pub use note::Note;
pub use resolver::{ResolveError, Resolver};
pub use special::{Special, is_known_verb, is_request_verb};
pub use target::{Naming, Question, ResourceTarget, Scoping, Served, Target};
pub use ways::{Condition, Via, Way};
pub use who_can::{Holder, WhoCan, who_can};

#[cfg(test)]
mod tests;
