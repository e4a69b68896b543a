//! Rows of uses, within bounds: summed more coarsely where there are too many.

use hashbrown::HashMap;

use super::record::HOUR;
use super::tally::Counted;
use super::who::Answer;
use crate::model::Detail;

/// What tells rows apart, as numbers of tables; impersonation and credit from 1, 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RowKey {
    pub authenticated: u32,
    pub effective: u32,
    pub impersonation: u32,
    pub actor: u32,
    pub groups: u32,
    pub call: u32,
    pub credit: u32,
}

/// What a row adds up. Times in microseconds since 1970, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sum {
    /// By [`Answer`]: allowed, denied, undecided.
    pub counts: [u32; 3],
    pub first: i64,
    pub last: i64,
    /// [`i64::MIN`] where none was allowed.
    pub last_allowed: i64,
    /// Hours of the day, one bit each.
    pub hours: u32,
}

impl Sum {
    pub const EMPTY: Self =
        Self { counts: [0; 3], first: i64::MAX, last: i64::MIN, last_allowed: i64::MIN, hours: 0 };

    fn is_empty(&self) -> bool {
        self.counts == [0; 3]
    }

    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.last_allowed = self.last_allowed.max(other.last_allowed);
        self.hours |= other.hours;
    }

    fn take(&mut self, answer: Answer, sum: &Counted) {
        let slot = match answer {
            Answer::Allowed => 0,
            Answer::Denied => 1,
            Answer::Undecided | Answer::Nobody | Answer::Rejected => 2,
        };
        let Counted { first, last, hours, .. } = *sum;
        let mut one = Self { first, last, hours, ..Self::EMPTY };
        one.counts[slot] = u32::try_from(sum.count).unwrap_or(u32::MAX);
        if answer == Answer::Allowed {
            one.last_allowed = sum.last;
        }
        self.add(&one);
    }
}

/// One row: the number of its key, and the first day (since 1970) of its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub key: u32,
    pub day: i32,
    pub sum: Sum,
}

/// All rows.
#[derive(Debug)]
pub struct Rows {
    /// How many there may be.
    limit: usize,
    detail: Detail,
    numbers: HashMap<RowKey, u32, foldhash::fast::RandomState>,
    keys: Vec<RowKey>,
    /// Sums of the current time by number of key, and which of them are not empty.
    open: Vec<Sum>,
    touched: Vec<u32>,
    /// The first day of the current time.
    day: i32,
    closed: Vec<Row>,
}

/// Makes a key as coarse as a level of detail wants it.
pub trait Coarsen {
    fn coarsen(&mut self, detail: Detail, key: RowKey) -> RowKey;
}

impl Rows {
    pub fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            detail: Detail::Days,
            numbers: HashMap::default(),
            keys: Vec::new(),
            open: Vec::new(),
            touched: Vec::new(),
            day: i32::MIN,
            closed: Vec::new(),
        }
    }

    /// How finely rows tell requests apart so far. Numbers of keys are good until it changes.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// The number of a key, which is as coarse as [`Rows::detail`] says.
    pub fn number(&mut self, key: RowKey) -> u32 {
        *self.numbers.entry(key).or_insert_with(|| {
            let number = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
            self.keys.push(key);
            self.open.push(Sum::EMPTY);
            number
        })
    }

    /// Adds requests to the row of their time.
    pub fn add(&mut self, number: u32, answer: Answer, requests: &Counted) {
        let sum = &mut self.open[number as usize];
        if sum.is_empty() {
            self.touched.push(number);
        }
        sum.take(answer, requests);
    }

    /// Ends the current time where `at` is in another; call before numbers are asked for.
    pub fn turn_to(&mut self, at: i64, tables: &mut impl Coarsen) {
        let day = first_day(self.detail, at.div_euclid(24 * HOUR));
        if day != self.day {
            self.close();
            // As many again may be of days that came before.
            if self.closed.len() > self.limit + self.limit / 4 {
                self.fit(tables);
            }
            self.day = first_day(self.detail, at.div_euclid(24 * HOUR));
        }
    }

    fn close(&mut self) {
        for number in self.touched.drain(..) {
            let sum = std::mem::replace(&mut self.open[number as usize], Sum::EMPTY);
            self.closed.push(Row { key: number, day: self.day, sum });
        }
    }

    /// Sums no more finely than `detail`. Returns whether that is new; then numbers of keys are, too.
    pub fn at_least(&mut self, detail: Detail, tables: &mut impl Coarsen) -> bool {
        if detail <= self.detail {
            return false;
        }
        self.close();
        (self.detail, self.day) = (detail, i32::MIN);
        self.recode(tables);
        true
    }

    /// Adds up rows of one key and time, and sums more coarsely until they fit.
    fn fit(&mut self, tables: &mut impl Coarsen) {
        self.add_up();
        while self.closed.len() > self.limit
            && let Some(next) = coarser(self.detail)
        {
            self.detail = next;
            self.recode(tables);
            self.add_up();
        }
    }

    fn add_up(&mut self) {
        add_up(&mut self.closed);
    }

    fn recode(&mut self, tables: &mut impl Coarsen) {
        let mut numbers = Vec::with_capacity(self.keys.len());
        self.numbers.clear();
        self.open.clear();
        for key in std::mem::take(&mut self.keys) {
            let key = tables.coarsen(self.detail, key);
            numbers.push(self.number(key));
        }
        for row in &mut self.closed {
            row.key = numbers[row.key as usize];
            row.day = first_day(self.detail, i64::from(row.day));
        }
    }

    /// All keys, by number.
    pub fn keys(&self) -> &[RowKey] {
        &self.keys
    }

    /// Takes out all rows so far, added up. Their keys keep their numbers, unless there is no room for
    /// as many rows as these.
    pub fn cut(&mut self, tables: &mut impl Coarsen) -> Vec<Row> {
        self.close();
        self.day = i32::MIN;
        self.fit(tables);
        std::mem::take(&mut self.closed)
    }

    /// All rows, added up, with their keys by number.
    pub fn finish(&mut self, tables: &mut impl Coarsen) -> (Vec<RowKey>, Vec<Row>) {
        self.close();
        self.fit(tables);
        (std::mem::take(&mut self.keys), std::mem::take(&mut self.closed))
    }
}

/// Makes one of rows of one key and time, and sorts them.
pub fn add_up(rows: &mut Vec<Row>) {
    rows.sort_unstable_by_key(|row| (row.key, row.day));
    rows.dedup_by(|row, kept| {
        let same = (row.key, row.day) == (kept.key, kept.day);
        if same {
            kept.sum.add(&row.sum);
        }
        same
    });
}

fn coarser(detail: Detail) -> Option<Detail> {
    Some(match detail {
        Detail::Days => Detail::Weeks,
        Detail::Weeks => Detail::Whole,
        Detail::Whole => Detail::NoNames,
        Detail::NoNames => Detail::NoActors,
        Detail::NoActors => Detail::NoCalls,
        Detail::NoCalls => return None,
    })
}

/// The first day of the time of `day`. 1970-01-01 was a Thursday.
fn first_day(detail: Detail, day: i64) -> i32 {
    let first = match detail {
        Detail::Days => day,
        Detail::Weeks => day - (day + 3).rem_euclid(7),
        _ => 0,
    };
    i32::try_from(first).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * HOUR;

    fn key(call: u32) -> RowKey {
        RowKey {
            authenticated: 0,
            effective: 0,
            impersonation: 0,
            actor: 0,
            groups: 0,
            call,
            credit: 0,
        }
    }

    /// Calls of one tens digit are one without names.
    struct Tens;

    impl Coarsen for Tens {
        fn coarsen(&mut self, detail: Detail, key: RowKey) -> RowKey {
            if detail >= Detail::NoNames { RowKey { call: key.call / 10 * 10, ..key } } else { key }
        }
    }

    fn rows(limit: usize, requests: &[(u32, i64)]) -> (Detail, Vec<(u32, i32, u32)>) {
        let mut rows = Rows::new(limit);
        for (call, at) in requests {
            rows.turn_to(*at, &mut Tens);
            let detail = rows.detail();
            let number = rows.number(Tens.coarsen(detail, key(*call)));
            rows.add(number, Answer::Allowed, &Counted::once(*at));
        }
        let (keys, all) = rows.finish(&mut Tens);
        let mut all: Vec<(u32, i32, u32)> = all
            .iter()
            .map(|row| (keys[row.key as usize].call, row.day, row.sum.counts[0]))
            .collect();
        all.sort_unstable();
        (rows.detail(), all)
    }

    #[test]
    fn rows_grow_coarser_only_as_far_as_they_must() {
        // 1970-01-05 (day 4) was a Monday: days 4 to 10 are one week.
        let requests = [(1, 4 * DAY), (1, 4 * DAY + 5), (2, 5 * DAY), (1, 10 * DAY), (1, 11 * DAY)];
        assert_eq!(
            rows(4, &requests),
            (Detail::Days, vec![(1, 4, 2), (1, 10, 1), (1, 11, 1), (2, 5, 1)])
        );
        assert_eq!(rows(3, &requests), (Detail::Weeks, vec![(1, 4, 3), (1, 11, 1), (2, 4, 1)]));
        assert_eq!(rows(2, &requests), (Detail::Whole, vec![(1, 0, 4), (2, 0, 1)]));
        assert_eq!(rows(1, &requests), (Detail::NoNames, vec![(0, 0, 5)]));
    }

    #[test]
    fn the_order_of_times_does_not_matter() {
        let mut requests: Vec<(u32, i64)> =
            (0..500).map(|n| (u32::try_from(n % 37).unwrap(), n * 7 % 60 * DAY)).collect();
        for limit in [1, 3, 40, 200, 1000] {
            let sorted = rows(limit, &requests);
            requests.reverse();
            assert_eq!(rows(limit, &requests), sorted);
            requests.sort_by_key(|(_, at)| *at);
            assert_eq!(rows(limit, &requests), sorted);
        }
    }

    #[test]
    fn times_of_a_row_are_its_own() {
        let mut rows = Rows::new(9);
        rows.turn_to(0, &mut Tens);
        let number = rows.number(key(0));
        for (at, answer) in [(5, Answer::Denied), (3, Answer::Allowed), (4, Answer::Undecided)] {
            rows.add(number, answer, &Counted::once(at));
        }
        let (_, all) = rows.finish(&mut Tens);
        assert_eq!(
            all[0].sum,
            Sum { counts: [1, 1, 1], first: 3, last: 5, last_allowed: 3, hours: 1 }
        );
    }
}
