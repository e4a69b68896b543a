//! Ninety days of the API server's audit log.
//!
//! Who does what when is in [`people`], [`machines`] and [`stories`]; they fill a [`Script`] of
//! requests. Each is put to the authorizer as the bindings stood at that time, so that the log
//! and the objects tell the same story, and is written as the API server writes it.

mod ask;
mod client;
mod control_plane;
mod eras;
mod line;
mod machines;
mod people;
mod reader;
mod script;
mod stories;

use chrono::{DateTime, Utc};

use crate::model::Objects;
use reader::Reader;

/// Ninety days of lines between two times, in the order of their writing.
pub(super) fn reader(objects: &Objects, start: DateTime<Utc>, end: DateTime<Utc>) -> Reader {
    let mut script = script::Script::new(start, end);
    machines::play(&mut script);
    people::play(&mut script);
    stories::play(&mut script, objects);
    Reader::new(script, objects)
}
