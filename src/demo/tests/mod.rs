//! What the demo promises.

mod lines;
mod stories;

use chrono::{DateTime, Utc};

/// The moment at which the tests look: a Wednesday afternoon.
fn clock() -> DateTime<Utc> {
    "2026-05-06T14:20:00Z".parse().unwrap()
}
