//! Small worlds, written as the objects and log rows that make them.

mod advance;
mod growth;
mod joins;
mod random;
mod uses;
pub(crate) mod world;
