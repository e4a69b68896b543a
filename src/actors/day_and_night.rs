//! What goes on by day and night, as nobody does by hand.
//!
//! Pipelines run what people run, on build agents with systems that people have on their desks, and in
//! sessions of a cloud role with any name. A person sleeps, and does by day what they do not do at
//! night: a pipeline's next run is as the one before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Timelike;

use super::agent::Tool;
use super::gather::{Raw, goes_in};
use super::holder::Holder;
use super::programs;
use crate::model::{Activity, ActorId, Call, Detail, Name, Target, Use};

/// There is something in every so many hours…
const PAUSE: i64 = 6;

/// …for so many hours on end: three nights. Half of the days on which there is anything are in such times:
/// who lets a loop run for a weekend works by hand on the others.
const LONG: i64 = 72;

/// Quarters of the day, of six hours each, UTC.
const QUARTERS: u32 = 4;

/// What is judged as one: whose, where, by what kind of program, on which system.
type Bench = (Option<Holder>, Option<Name>, Tool, Option<String>);

/// Of what people run, what nobody is at: credentials, agents and addresses together.
pub(super) fn find<'a>(
    activity: &Activity,
    raws: impl Iterator<Item = (ActorId, &'a Raw<'a>, Holder)>,
) -> BTreeSet<ActorId> {
    // Rows of weeks do not say on which days the hours were.
    if activity.detail() != Detail::Days {
        return BTreeSet::new();
    }
    let mut benches: BTreeMap<Bench, (Seen<'_>, Vec<ActorId>)> = BTreeMap::new();
    for (id, raw, holder) in raws {
        // A screen is a person's, and what pods do is nobody's without that.
        if raw.client.tool == Tool::Screen
            || !raw.client.is_attended()
            || matches!(holder, Holder::Workload(_))
        {
            continue;
        }
        let (seen, ids) = benches.entry(bench(raw, holder)).or_default();
        for row in raw.rows() {
            seen.add(activity.call(row.call), row);
        }
        ids.push(id);
    }
    let steady = benches.into_values().filter(|(seen, _)| seen.is_steady());
    steady.flat_map(|(_, ids)| ids).collect()
}

/// On a desktop's system, and with one credential, each place by itself: several people may be at
/// several. A session of a cloud role that is on none is one wherever it is, and of those that tools
/// name, each anew, all are.
fn bench(raw: &Raw<'_>, holder: Holder) -> Bench {
    let (tool, system) = (raw.client.tool, raw.client.system.clone());
    match holder {
        Holder::Session(name) if !raw.client.desktop => {
            let own = (!programs::are_named(&name)).then_some(Holder::Session(name));
            (own, None, tool, system)
        }
        holder => (Some(holder), raw.actor.address.clone(), tool, system),
    }
}

/// What is asked for: verb, group, resource and subresource.
type Kind<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What one was seen to do.
#[derive(Default)]
struct Seen<'a> {
    /// Hours since 1970, UTC, in which it asked for something.
    hours: BTreeSet<i64>,
    /// In which quarters of the day it asked for what, one bit each.
    kinds: BTreeMap<Kind<'a>, u32>,
    /// In which it changed something.
    writes: u32,
    /// Whether it went into a pod.
    went_in: bool,
}

impl<'a> Seen<'a> {
    fn add(&mut self, call: &'a Call, row: &Use) {
        let hours = row.hours | 1 << row.first.hour() | 1 << row.last.hour();
        let midnight = row.day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp() / 3600;
        let mut quarters = 0;
        for hour in (0..24).filter(|hour| hours >> hour & 1 == 1) {
            self.hours.insert(midnight + i64::from(hour));
            quarters |= 1 << (hour * QUARTERS / 24);
        }
        let kind = match &call.target {
            Target::Resource { group, resource, subresource, .. } => {
                (&*call.verb, &**group, &**resource, &**subresource)
            }
            // What is served, which clients ask for anew each time that they like.
            Target::Path(_) | Target::Paths | Target::Folded => ("", "", "", ""),
        };
        *self.kinds.entry(kind).or_default() |= quarters;
        if call.is_write() {
            self.writes |= quarters;
        }
        self.went_in |= goes_in(call);
    }

    /// Whether it sleeps never, and does by night what it does by day: at least half of the kinds of
    /// requests, and changes where it makes any.
    fn is_steady(&self) -> bool {
        let all = (1 << QUARTERS) - 1;
        !self.went_in
            && self.is_long()
            && (self.writes == 0 || self.writes == all)
            && (0..QUARTERS).all(|quarter| {
                let then = self.kinds.values().filter(|kind| **kind >> quarter & 1 == 1).count();
                then * 2 >= self.kinds.len()
            })
    }

    /// Whether half of its days at least are in times of so many hours on end in which there was something in
    /// every so many.
    fn is_long(&self) -> bool {
        let mut stretches: Vec<(i64, i64)> = Vec::new();
        for hour in &self.hours {
            match stretches.last_mut().filter(|stretch| hour - stretch.1 <= PAUSE) {
                Some(stretch) => stretch.1 = *hour,
                None => stretches.push((*hour, *hour)),
            }
        }
        stretches.retain(|(first, last)| last + 1 - first >= LONG);
        let day = |hour: &i64| hour.div_euclid(24);
        let is_in = |hour: &&i64| stretches.iter().any(|(from, to)| (from..=to).contains(hour));
        let all: BTreeSet<i64> = self.hours.iter().map(day).collect();
        let within: BTreeSet<i64> = self.hours.iter().filter(is_in).map(day).collect();
        !within.is_empty() && within.len() * 2 >= all.len()
    }
}
