//! How fast everybody asked, the long way.

use std::collections::BTreeMap;

use super::reference::{Answer, Line, utc};
use crate::model::{Identity, Peak, Rate, SeenId};

/// How fast each identity asked, of the requests of which it is known when they were received.
pub fn rates(all: &[&Line], who: impl Fn(&Identity) -> Option<SeenId>) -> BTreeMap<SeenId, Rate> {
    let mut of: BTreeMap<SeenId, Vec<&Line>> = BTreeMap::new();
    for line in all.iter().filter(|line| line.answer != Answer::Nobody && line.key.1.is_some()) {
        if let Some(id) = who(&line.authenticated.identity) {
            of.entry(id).or_default().push(line);
        }
    }
    let peak = |lines: &[&Line], micros: i64| {
        let mut counts: BTreeMap<i64, u64> = BTreeMap::new();
        for line in lines {
            *counts.entry(line.at.div_euclid(micros) * micros).or_default() += 1;
        }
        let most = *counts.values().max().unwrap();
        let (at, requests) = counts.into_iter().find(|(_, count)| *count == most).unwrap();
        Peak { requests, at: utc(at) }
    };
    let rate = |lines: Vec<&Line>| {
        let rejected = lines.iter().filter(|line| line.answer == Answer::Rejected);
        Rate {
            counted: lines.len() as u64,
            minute: peak(&lines, 60_000_000),
            hour: peak(&lines, 3_600_000_000),
            rejected: rejected.clone().count() as u64,
            last_rejected: rejected.map(|line| utc(line.at)).max(),
        }
    };
    of.into_iter().map(|(id, lines)| (id, rate(lines))).collect()
}
