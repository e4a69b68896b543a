//! Key scripts through the real update: what a person does, and what comes of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

#[path = "../support/mod.rs"]
mod support;

mod answers;
mod becoming;
mod changing;
mod documents;
mod large;
mod list;
mod misread;
mod places;
mod query;
mod reading;
mod robust;
mod secrets;
mod typing;
mod waiting;
mod whole;
mod wizards;
