//! Inputs on which tools that people use answered wrongly, as their public bug reports tell, and
//! more of the same kinds. Tests are named by the report. And what fuzzing begins with.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

mod bindings;
mod changes;
#[path = "../../fuzz/entry.rs"]
mod entry;
mod fuzzed;
mod groups;
mod resources;
mod rules;
mod words;
