//! What was read, added up so that an update costs what is new. Requests are added up by the hour in
//! which they were received, hours of days that are over by the day; where further lines come, only
//! their hours, or days, are added up again, and what differs is what changed.
//!
//! That holds as long as what is kept of what clients choose is kept, and rows need not be summed more
//! coarsely; where it does not, everything is added up anew.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::numbers::Numbers;
use crate::audit::assemble::{Beside, assemble};
use crate::audit::covered::utc;
use crate::audit::forwarded::Once;
use crate::audit::hashing::id;
use crate::audit::lexicon::Lexicon;
use crate::audit::merge::{Request, Requests};
use crate::audit::rates;
use crate::audit::record::HOUR;
use crate::audit::rows::{Row, Sum};
use crate::audit::runs::Runs;
use crate::audit::tally::{self, Counts, Cut, KINDS, State, Truncated};
use crate::model::{
    Activity, ActivityDelta, Coverage, Detail, Issuances, Issued, Minted, Name, Rate, SeenId,
};

/// Hours added up, and how they show.
pub struct Sums {
    state: State,
    /// By the first hour, in microseconds.
    units: BTreeMap<i64, Unit>,
    numbers: Numbers,
    total: Counts,
    /// By number of the identity.
    truncated: Truncated,
    events: u64,
}

/// Some hours.
#[derive(Default)]
struct Unit {
    /// Behind the last, in microseconds.
    until: i64,
    /// Sorted by key and day.
    cut: Cut,
    events: u64,
}

const DAY: i64 = 24 * HOUR;

impl Sums {
    /// Adds up everything; None where there are more than `limit` rows. What is kept must be settled.
    pub fn new(runs: &Runs, lexicon: &Lexicon, limit: usize) -> io::Result<Option<Self>> {
        let mut sums = Self {
            // There is a bound on all of them.
            state: State::new(usize::MAX / 2),
            units: BTreeMap::new(),
            numbers: Numbers::default(),
            total: Counts::default(),
            truncated: BTreeMap::new(),
            events: 0,
        };
        let (mut requests, mut once) = (Requests::new(runs, lexicon)?, Once::default());
        let mut rows = 0;
        while let Some(hour) = requests.hour() {
            let unit = sums.add_up(lexicon, &mut requests, &mut once, (hour, hour + HOUR))?;
            rows += unit.cut.rows.len();
            sums.take_in(hour, unit);
            rows -= sums.gather(hour);
            if rows > limit {
                return Ok(None);
            }
        }
        Ok(Some(sums))
    }

    /// Adds up the requests of some hours.
    fn add_up(
        &mut self,
        lexicon: &Lexicon,
        requests: &mut Requests<'_>,
        once: &mut Once,
        (from, until): (i64, i64),
    ) -> io::Result<Unit> {
        self.state.with(lexicon.settled_so_far(), |tally| {
            let mut events = 0;
            let mut each = |request: &Request| {
                tally.take(request);
                events += 1;
            };
            while requests.hour().is_some_and(|hour| (from..until).contains(&hour))
                && let Some(found) = requests.take()?
            {
                once.take(found, &mut each);
            }
            once.settle(&mut each);
            Ok(Unit { until, cut: tally.cut(), events })
        })
    }

    fn take_in(&mut self, from: i64, unit: Unit) {
        self.events += unit.events;
        let Counts { unauthenticated, received_only, left_out } = unit.cut.counts;
        self.total.unauthenticated += unauthenticated;
        self.total.received_only += received_only;
        self.total.left_out += left_out;
        for (who, counts) in &unit.cut.truncated {
            let total = self.truncated.entry(*who).or_default();
            for (count, more) in total.iter_mut().zip(counts) {
                *count += more;
            }
        }
        self.units.insert(from, unit);
    }

    fn take_out(&mut self, from: i64) -> Unit {
        let Some(unit) = self.units.remove(&from) else { return Unit::default() };
        self.events -= unit.events;
        let Counts { unauthenticated, received_only, left_out } = unit.cut.counts;
        self.total.unauthenticated -= unauthenticated;
        self.total.received_only -= received_only;
        self.total.left_out -= left_out;
        for (who, counts) in &unit.cut.truncated {
            if let Some(total) = self.truncated.get_mut(who) {
                for (count, less) in total.iter_mut().zip(counts) {
                    *count -= less;
                }
            }
        }
        unit
    }

    /// Makes days of hours that lie before the day before that of `hour`. Returns how many rows
    /// became others.
    fn gather(&mut self, hour: i64) -> usize {
        let end = hour.div_euclid(DAY) * DAY - DAY;
        let mut less = 0;
        while let Some(first) = self.first_hour_before(end) {
            let day = first.div_euclid(DAY) * DAY;
            let hours: Vec<i64> = self.units.range(day..day + DAY).map(|(from, _)| *from).collect();
            let mut whole = Unit { until: day + DAY, ..Unit::default() };
            for hour in hours {
                let unit = self.take_out(hour);
                less += unit.cut.rows.len();
                whole.events += unit.events;
                whole.cut.add(unit.cut);
            }
            whole.cut.sort();
            less -= whole.cut.rows.len();
            self.take_in(day, whole);
        }
        less
    }

    fn first_hour_before(&self, end: i64) -> Option<i64> {
        let mut before = self.units.range(..end).rev();
        before.find(|(from, unit)| unit.until - **from < DAY).map(|(from, _)| *from)
    }

    /// All of it, as reading it at once would show it.
    pub fn whole(&self, beside: Beside<'_>, coverage: Coverage) -> Activity {
        let sums = tally::Sums {
            tables: self.state.tables.clone(),
            detail: self.state.detail(),
            keys: self.state.keys().to_vec(),
            rows: self.units.values().flat_map(|unit| unit.cut.rows.iter().copied()).collect(),
            counts: self.total,
            truncated: self.truncated.clone(),
            rates: rates::add_up(
                self.units.values().flat_map(|unit| unit.cut.rates.iter().copied()),
            ),
        };
        let mut coverage = coverage;
        coverage.events = self.events;
        coverage.repeats = coverage.lines.saturating_sub(self.events);
        assemble(sums, beside, coverage)
    }

    /// How it all shows: numbered as `activity` is, which shows the same.
    pub fn number(&mut self, activity: &Activity) {
        self.numbers = Numbers::of(activity, &self.state.tables);
    }

    /// What the counts add to a coverage.
    pub fn cover(&self, mut coverage: Coverage) -> Coverage {
        coverage.events = self.events;
        coverage.repeats = coverage.lines.saturating_sub(self.events);
        coverage.unauthenticated = self.total.unauthenticated;
        coverage.received_only = self.total.received_only;
        coverage.identities_left_out = self.total.left_out;
        coverage
    }

    /// The hours to add up again for those of which there are new traces.
    fn due(&self, touched: &BTreeSet<i64>) -> BTreeMap<i64, i64> {
        let Some(newest) = touched.last().copied() else { return BTreeMap::new() };
        let last = self.units.keys().next_back().map_or(newest, |known| newest.max(*known));
        let hourly = last.div_euclid(DAY) * DAY - DAY;
        let mut due = BTreeMap::new();
        // What was passed on at the end of an hour may have come in the next.
        let next = |hour: &i64| hour + HOUR;
        let next = touched.iter().map(next).filter(|hour| {
            let known = self.units.range(..=hour).next_back();
            known.is_some_and(|(_, unit)| *hour < unit.until)
        });
        let all: BTreeSet<i64> = touched.iter().copied().chain(next).collect();
        for hour in &all {
            let known = self.units.range(..=hour).next_back();
            let (from, until) = match known.filter(|(_, unit)| *hour < unit.until) {
                Some((from, unit)) => (*from, unit.until),
                None if *hour >= hourly => (*hour, hour + HOUR),
                // An hour of a day of which nothing was known, or only other hours.
                None => {
                    let day = hour.div_euclid(DAY) * DAY;
                    (day, day + DAY)
                }
            };
            let known = due.entry(from).or_insert(until);
            *known = until.max(*known);
        }
        // Hours of a day that becomes one are part of it.
        let mut end = i64::MIN;
        due.retain(|from, until| {
            let is_new = *from >= end;
            end = end.max(*until);
            is_new
        });
        due
    }

    /// Adds up what is touched, and says what of that is new. None where rows had to become coarser,
    /// or are too many: then this is of no use any more.
    pub fn update(
        &mut self,
        (runs, lexicon): (&Runs, &Lexicon),
        touched: &BTreeSet<i64>,
        limit: usize,
    ) -> io::Result<Option<ActivityDelta>> {
        let mut changed: BTreeSet<(u32, i32)> = BTreeSet::new();
        let (mut people, mut paced) = (BTreeSet::new(), BTreeSet::new());
        for (from, until) in self.due(touched) {
            let mut old = self.take_out(from);
            // Hours of a day that becomes one.
            let inside: Vec<i64> = self.units.range(from..until).map(|(from, _)| *from).collect();
            for hour in inside {
                old.cut.add(self.take_out(hour).cut);
            }
            old.cut.sort();
            let mut requests = Requests::within(runs, lexicon, (from - HOUR, until))?;
            let mut once = Once::default();
            while requests.hour().is_some_and(|hour| hour < from)
                && let Some(found) = requests.take()?
            {
                once.take(found, |_| {});
            }
            once.settle(&mut |_| {});
            let unit = self.add_up(lexicon, &mut requests, &mut once, (from, until))?;
            differing(&old.cut.rows, &unit.cut.rows, &mut changed);
            let rates = [(&old, &unit), (&unit, &old)].map(|(one, other)| other_rates(one, other));
            paced.extend(rates.into_iter().flatten());
            people.extend(old.cut.truncated.keys().chain(unit.cut.truncated.keys()).copied());
            self.take_in(from, unit);
        }
        if let Some(last) = self.units.keys().next_back().copied() {
            self.gather(last);
        }
        let rows: usize = self.units.values().map(|unit| unit.cut.rows.len()).sum();
        if rows > limit || self.state.detail() != Detail::Days {
            return Ok(None);
        }
        let mut delta = ActivityDelta::default();
        for (key, day) in changed {
            let Some(parts) = self.state.keys().get(key as usize).copied() else { continue };
            let sum = self.sum(key, day);
            delta.uses.push(self.numbers.row(&parts, day, &sum, &self.state.tables));
        }
        for who in paced {
            let Some(id) = self.numbers.known(who, &self.state.tables) else { continue };
            delta.rates.extend(self.rate(who).map(|rate| (id, rate)));
        }
        for who in people {
            let total = self.truncated.get(&who).copied().unwrap_or_default();
            let counts = KINDS.iter().zip(total).filter(|(_, count)| *count > 0);
            let counts = counts.map(|(kind, count)| (Name::from(*kind), count)).collect();
            let id = self.numbers.identity(who, &self.state.tables);
            delta.truncated.push((id, counts));
        }
        delta.tables = self.numbers.take_new();
        Ok(Some(delta))
    }

    /// What a key has on a day in all hours: those of the day, and those of which it is not known.
    fn sum(&self, key: u32, day: i32) -> Sum {
        let start = i64::from(day) * DAY;
        let mut sum = Sum::EMPTY;
        let known = self.units.range(start..start + DAY);
        let unknown = self.units.range(0..DAY).filter(|_| day != 0);
        for (_, unit) in known.chain(unknown) {
            let rows = &unit.cut.rows;
            if let Ok(at) = rows.binary_search_by_key(&(key, day), |row| (row.key, row.day)) {
                sum.add(&rows[at].sum);
            }
        }
        sum
    }

    /// How fast an identity, by id, asked in all hours.
    fn rate(&self, who: u64) -> Option<Rate> {
        let of = |unit: &Unit| {
            let rates = &unit.cut.rates;
            let at = rates.binary_search_by_key(&who, |(id, _)| *id).ok()?;
            rates.get(at).map(|(_, rate)| *rate)
        };
        self.units.values().filter_map(of).reduce(Rate::and)
    }

    /// The tokens that were made, but for those of which nothing new is known.
    pub fn issued(
        &self,
        lexicon: &Lexicon,
        known: &Issuances,
    ) -> Vec<(Option<SeenId>, Arc<Issued>, Minted)> {
        let all = lexicon.settled_so_far().minted();
        let new = all.filter(|(one, minted)| known.get(one) != Some(minted));
        let new = new.map(|(one, minted)| {
            let account = self.numbers.known(id(&one.account), &self.state.tables);
            (account, one.clone(), minted)
        });
        let mut new: Vec<_> = new.collect();
        new.sort_unstable();
        new
    }

    /// The groups that those were seen with of whom there are new requests.
    pub fn groups(&self, lexicon: &Lexicon, combos: &[u32]) -> Vec<(SeenId, Name, DateTime<Utc>)> {
        let mut all = Vec::new();
        for combo in combos {
            let Some((who, last)) = lexicon.who(*combo) else { continue };
            let Some(id) = self.numbers.known(who.authenticated.id, &self.state.tables) else {
                continue;
            };
            all.extend(who.own_groups.value.iter().map(|group| (id, group.clone(), utc(last))));
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Whose rates in one unit, by id, are not those of another.
fn other_rates(one: &Unit, other: &Unit) -> Vec<u64> {
    let known = &other.cut.rates;
    let differs = |(id, rate): &&(u64, Rate)| {
        let at = known.binary_search_by_key(id, |(id, _)| *id);
        at.ok().and_then(|at| known.get(at)).map(|(_, rate)| rate) != Some(rate)
    };
    one.cut.rates.iter().filter(differs).map(|(id, _)| *id).collect()
}

/// Keys and days of which the rows are not the same; both are sorted.
fn differing(old: &[Row], new: &[Row], into: &mut BTreeSet<(u32, i32)>) {
    let at = |row: &Row| (row.key, row.day);
    let (mut olds, mut news) = (old.iter().peekable(), new.iter().peekable());
    loop {
        match (olds.peek(), news.peek()) {
            (Some(old), Some(new)) if at(old) == at(new) => {
                if old != new {
                    into.insert(at(new));
                }
                olds.next();
                news.next();
            }
            (Some(old), new) if new.is_none_or(|new| at(old) < at(new)) => {
                into.insert(at(old));
                olds.next();
            }
            (_, Some(new)) => {
                into.insert(at(new));
                news.next();
            }
            (_, None) => return,
        }
    }
}
