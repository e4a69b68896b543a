//! What is read over and over, faster and longer than anybody does by hand:
//! `watch -n2 kubectl get pods`.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use crate::model::{Activity, Call, Target, Use};

/// So many seconds a loop goes on at least…
const LONG: i64 = 300;

/// …and asks for something in so many again, on average.
const EACH: u64 = 5;

/// One that asks for several things in turn, so many seconds: what somebody looks at all the time
/// asks for many things at once as well (`kubectl get all`), but nobody does it for so long.
const LONG_IN_TURN: i64 = 1200;

/// …and for each of them in so many again.
const EACH_IN_TURN: u64 = 120;

/// Of rows of one credential, agent and address: which of them are a loop's.
pub(super) fn looped(activity: &Activity, rows: &[&Use]) -> Vec<bool> {
    let mut found = vec![false; rows.len()];
    let mut days: BTreeMap<NaiveDate, Vec<usize>> = BTreeMap::new();
    for ((at, row), is_loop) in rows.iter().enumerate().zip(&mut found) {
        if !is_reading_one_thing(activity.call(row.call)) {
            continue;
        }
        *is_loop = is_over_and_over(row.requests(), (row.first, row.last), (LONG, EACH));
        if is_over_and_over(row.requests(), (row.first, row.last), (LONG_IN_TURN, EACH_IN_TURN)) {
            days.entry(row.day).or_default().push(at);
        }
    }
    for all in days.into_values() {
        let rows = || all.iter().filter_map(|at| rows.get(*at));
        let first = rows().map(|row| row.first).min();
        let last = rows().map(|row| row.last).max();
        let requests = rows().map(|row| row.requests()).sum();
        let span = first.zip(last);
        if span.is_some_and(|span| is_over_and_over(requests, span, (LONG_IN_TURN, EACH))) {
            for at in &all {
                if let Some(is_loop) = found.get_mut(*at) {
                    *is_loop = true;
                }
            }
        }
    }
    found
}

fn is_over_and_over(
    requests: u64,
    (first, last): (DateTime<Utc>, DateTime<Utc>),
    (long, each): (i64, u64),
) -> bool {
    let seconds = (last - first).num_seconds();
    seconds >= long && requests.saturating_mul(each) >= seconds.unsigned_abs()
}

fn is_reading_one_thing(call: &Call) -> bool {
    let one_thing = match &call.target {
        Target::Resource { names_folded, .. } => !names_folded,
        Target::Path(_) => true,
        Target::Paths | Target::Folded => false,
    };
    one_thing && matches!(&*call.verb, "get" | "list")
}
