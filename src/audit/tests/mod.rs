//! Whole logs, and what they must come to: every expected value is worked out by hand.

mod any_order;
mod carriers;
mod forwarded;
mod growing;
mod line;
mod meaning;
mod newest_of;
mod numbered;
mod paced;
mod reference;
mod several;
mod stored;
mod summary;
mod translated;

use std::io::Cursor;

use chrono::{TimeZone, Utc};

use super::*;
use line::Line;

fn options() -> Options {
    Options::new(Utc.with_ymd_and_hms(2026, 6, 1, 0, 0, 0).unwrap())
}

fn input(name: &str, bytes: impl Into<Vec<u8>>) -> Input {
    Input { name: name.into(), bytes: Box::new(Cursor::new(bytes.into())) }
}

fn activity(lines: &[Line]) -> Activity {
    let text: String = lines.iter().map(Line::text).collect();
    read_inputs(vec![input("log", text)], &options(), &()).unwrap()
}
