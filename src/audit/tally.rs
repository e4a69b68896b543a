//! From requests to rows: what was not kept is folded, the rest is numbered.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::hashing::{id, mix};
use super::kept::{Kept, names_of, places_of};
use super::merge::Request;
use super::rates::{self, Rates};
use super::record::{HOUR, Summed};
use super::request::{Standing, join};
use super::rows::{Coarsen, Row, RowKey, Rows, add_up};
use super::tables::{COARSE, Tables};
use super::who::{Answer, Dims};
use crate::model::{Actor, Call, Detail, Rate, Target};

/// Kinds of values that are counted but not kept, as bits and as words.
pub const KINDS: [&str; 9] = [
    "credentials",
    "agents",
    "addresses",
    "calls",
    "names",
    "paths",
    "credits",
    "groups",
    "impersonations",
];

const CALLS: u16 = 1 << 3;
const NAMES: u16 = 1 << 4;
const PATHS: u16 = 1 << 5;
const CREDITS: u16 = 1 << 6;
const GROUPS: u16 = 1 << 7;
const IMPERSONATIONS: u16 = 1 << 8;

/// Requests of one combination and name that were added up before; times in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    pub count: u64,
    pub first: i64,
    pub last: i64,
    /// Hours of the day in which they came, one bit each.
    pub hours: u32,
}

impl Counted {
    pub const NOTHING: Self = Self { count: 0, first: i64::MAX, last: i64::MIN, hours: 0 };

    pub fn once(at: i64) -> Self {
        Self { count: 1, first: at, last: at, hours: hour_of(at) }
    }

    /// Some of which no more is known than when the first and the last came.
    pub fn between(count: u64, first: i64, last: i64) -> Self {
        Self { count, first, last, hours: hour_of(first) | hour_of(last) }
    }

    pub fn add(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.hours |= other.hours;
    }
}

/// The hour of the day of a time in microseconds, as a bit.
pub fn hour_of(at: i64) -> u32 {
    1 << (at.rem_euclid(24 * HOUR) / HOUR)
}

/// Requests being added up.
pub struct Tally<'k> {
    kept: &'k Kept,
    state: State,
}

/// What was added up so far.
pub struct State {
    pub tables: Tables,
    rows: Rows,
    /// By number of the combination.
    combos: Vec<Option<Folded>>,
    /// Where requests met lately went.
    lately: Vec<Lately>,
    counts: Counts,
    truncated: BTreeMap<u32, [u64; KINDS.len()]>,
    rates: Rates,
}

/// Requests that are in no row, or not as others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub unauthenticated: u64,
    pub received_only: u64,
    pub left_out: u64,
}

/// Requests added up.
#[derive(Debug)]
pub struct Sums {
    pub tables: Tables,
    pub detail: Detail,
    /// By number.
    pub keys: Vec<RowKey>,
    pub rows: Vec<Row>,
    pub counts: Counts,
    /// By number of the authenticated identity and by kind.
    pub truncated: BTreeMap<u32, [u64; KINDS.len()]>,
    /// By id of the authenticated identity, sorted.
    pub rates: Vec<(u64, Rate)>,
}

/// A combination, without what was not kept.
#[derive(Clone, Debug)]
enum Folded {
    /// An identity of it was not kept.
    LeftOut,
    Kept {
        /// But for the call.
        key: RowKey,
        /// None where the place was not kept.
        place: Option<Arc<Call>>,
        /// Which kinds were not kept.
        cut: u16,
    },
}

#[derive(Clone, Copy)]
struct Lately {
    combo: u32,
    name: u64,
    key: u32,
    authenticated: u32,
    cut: u16,
}

const NOTHING: Lately = Lately { combo: u32::MAX, name: 0, key: 0, authenticated: 0, cut: 0 };
const LATELY: usize = 1 << 14;

impl State {
    /// `limit` is of rows.
    pub fn new(limit: usize) -> Self {
        Self {
            tables: Tables::new(),
            rows: Rows::new(limit),
            combos: Vec::new(),
            lately: vec![NOTHING; LATELY],
            counts: Counts::default(),
            truncated: BTreeMap::new(),
            rates: Rates::default(),
        }
    }

    /// Holds nothing, and is good for nothing.
    fn nothing() -> Self {
        Self {
            tables: Tables::new(),
            rows: Rows::new(1),
            combos: Vec::new(),
            lately: Vec::new(),
            counts: Counts::default(),
            truncated: BTreeMap::new(),
            rates: Rates::default(),
        }
    }

    /// Adds to it by way of a tally.
    pub fn with<T>(&mut self, kept: &Kept, add: impl FnOnce(&mut Tally<'_>) -> T) -> T {
        let mut tally = Tally { kept, state: std::mem::replace(self, Self::nothing()) };
        let added = add(&mut tally);
        *self = tally.state;
        added
    }

    /// The keys that rows have, by number.
    pub fn keys(&self) -> &[RowKey] {
        self.rows.keys()
    }

    /// How finely rows tell requests apart.
    pub fn detail(&self) -> Detail {
        self.rows.detail()
    }
}

/// Requests of some time, added up: rows by number of their key and by day, each once.
#[derive(Clone, Debug, Default)]
pub struct Cut {
    pub rows: Vec<Row>,
    pub counts: Counts,
    pub truncated: Truncated,
    /// By id of the authenticated identity, sorted.
    pub rates: Vec<(u64, Rate)>,
}

/// How many requests have a value that was counted and not kept, by number of the authenticated
/// identity and by kind.
pub type Truncated = BTreeMap<u32, [u64; KINDS.len()]>;

impl Cut {
    /// Takes another one, too. Rows are to be sorted again.
    pub fn add(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.counts.unauthenticated += other.counts.unauthenticated;
        self.counts.received_only += other.counts.received_only;
        self.counts.left_out += other.counts.left_out;
        for (who, counts) in other.truncated {
            let known = self.truncated.entry(who).or_default();
            for (count, more) in known.iter_mut().zip(counts) {
                *count += more;
            }
        }
        let rates = std::mem::take(&mut self.rates);
        self.rates = rates::add_up(rates.into_iter().chain(other.rates));
    }

    /// Has each key and day once, in their order.
    pub fn sort(&mut self) {
        add_up(&mut self.rows);
    }
}

impl<'k> Tally<'k> {
    /// `limit` is of rows.
    pub fn new(kept: &'k Kept, limit: usize) -> Self {
        Self { kept, state: State::new(limit) }
    }

    /// Takes out what was added up since this was called last.
    pub fn cut(&mut self) -> Cut {
        let State { tables, rows, counts, truncated, rates, .. } = &mut self.state;
        Cut {
            rates: rates.cut(),
            rows: rows.cut(tables),
            counts: std::mem::take(counts),
            truncated: std::mem::take(truncated),
        }
    }

    /// All requests, added up.
    pub fn finish(self) -> Sums {
        let State { mut tables, mut rows, counts, truncated, mut rates, .. } = self.state;
        let (keys, all) = rows.finish(&mut tables);
        let (detail, rates) = (rows.detail(), rates.cut());
        Sums { tables, detail, keys, rows: all, counts, truncated, rates }
    }

    /// Takes one request.
    pub fn take(&mut self, request: &Request) {
        self.state.rates.take(self.kept, request);
        self.take_all(request, &Counted::once(request.at));
    }

    /// Takes a row of a summary.
    pub fn take_summed(&mut self, row: &Summed) {
        let Summed { name, first, last, requests, dims, combo, .. } = *row;
        let sum = Counted::between(requests, first, last);
        self.take_all(&Request { at: last, name, dims, combo, timed: false }, &sum);
    }

    /// Takes how fast identities, by id, asked in other hours.
    pub fn add_rates(&mut self, rates: Vec<(u64, Rate)>) {
        for (id, rate) in rates {
            self.state.rates.add(id, rate);
        }
    }

    /// From here on combinations are numbered anew.
    pub fn renumber(&mut self) {
        self.state.combos.clear();
        self.state.lately.fill(NOTHING);
    }

    /// Counts requests that are in no row.
    pub fn count(&mut self, unauthenticated: u64, left_out: u64) {
        self.state.counts.unauthenticated += unauthenticated;
        self.state.counts.left_out += left_out;
    }

    /// Tells requests apart no more finely than this.
    pub fn at_least(&mut self, detail: Detail) {
        if self.state.rows.at_least(detail, &mut self.state.tables) {
            self.state.lately.fill(NOTHING);
        }
    }

    /// Takes requests of one combination, name and day.
    pub fn take_all(&mut self, request: &Request, sum: &Counted) {
        let answer = request.dims.answer;
        if answer == Answer::Nobody {
            self.state.counts.unauthenticated += sum.count;
            return;
        }
        if Standing(request.dims.standing).received_only() {
            self.state.counts.received_only += sum.count;
        }
        let before = self.state.rows.detail();
        self.state.rows.turn_to(request.at, &mut self.state.tables);
        if self.state.rows.detail() != before {
            self.state.lately.fill(NOTHING);
        }
        let Some(went) = self.place(request) else {
            self.state.counts.left_out += sum.count;
            return;
        };
        self.state.rows.add(went.key, answer, sum);
        if went.cut != 0 {
            let counts = self.state.truncated.entry(went.authenticated).or_default();
            for (kind, count) in counts.iter_mut().enumerate() {
                *count += u64::from(went.cut >> kind & 1) * sum.count;
            }
        }
    }

    fn place(&mut self, request: &Request) -> Option<Lately> {
        let Some(combo) = request.combo else {
            let folded = self.fold(&request.dims);
            return self.row(&folded, request);
        };
        let hash = request.name ^ u64::from(combo).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = usize::try_from((hash ^ hash >> 32) % LATELY as u64).unwrap_or(0);
        let lately = self.state.lately[slot];
        if lately.combo == combo && lately.name == request.name {
            return Some(lately);
        }
        let at = combo as usize;
        if self.state.combos.len() <= at {
            self.state.combos.resize(at + 1, None);
        }
        let folded = match self.state.combos[at].take() {
            Some(folded) => folded,
            None => self.fold(&request.dims),
        };
        let went = self.row(&folded, request);
        self.state.combos[at] = Some(folded);
        if let Some(went) = went {
            self.state.lately[slot] = Lately { combo, ..went };
        }
        went
    }

    fn fold(&mut self, dims: &Dims) -> Folded {
        let kept = self.kept;
        let (Some(authenticated), Some(effective)) =
            (kept.identity(dims.authenticated), kept.identity(dims.effective))
        else {
            return Folded::LeftOut;
        };
        let mut cut = 0;
        let mut key = RowKey {
            authenticated: self
                .state
                .tables
                .identities
                .number(dims.authenticated, || authenticated.clone()),
            effective: self.state.tables.identities.number(dims.effective, || effective.clone()),
            impersonation: 0,
            actor: self.actor(dims, &mut cut),
            groups: 0,
            call: 0,
            credit: 0,
        };
        if let Some(groups) = kept.group_sets.get(dims.effective, dims.groups) {
            key.groups = self.state.tables.groups.number(dims.groups, || groups.clone());
        } else {
            cut |= if dims.groups == COARSE { 0 } else { GROUPS };
            key.groups = self.state.tables.no_groups();
        }
        if dims.impersonation != 0 {
            match kept.impersonations.get(dims.pair, dims.impersonation) {
                Some(how) => {
                    let table = &mut self.state.tables.impersonations;
                    key.impersonation = table.number(dims.impersonation, || how.clone()) + 1;
                }
                None => cut |= IMPERSONATIONS,
            }
        }
        if dims.credit != 0 {
            match kept.credits.get(dims.effective, dims.credit) {
                Some(credit) => {
                    key.credit =
                        self.state.tables.credits.number(dims.credit, || credit.clone()) + 1;
                }
                None => cut |= CREDITS,
            }
        }
        let place = kept.places.get(places_of(dims), dims.place).cloned();
        if place.is_none() && dims.place != COARSE {
            cut |= CALLS;
        }
        Folded::Kept { key, place, cut }
    }

    fn actor(&mut self, dims: &Dims, cut: &mut u16) -> u32 {
        let kept = self.kept;
        let own = dims.authenticated;
        let found = [
            (kept.credential(own, dims.credential), dims.credential),
            (kept.agents.get(own, dims.agent), dims.agent),
            (kept.addresses.get(own, dims.address), dims.address),
        ];
        for (kind, (value, id)) in found.iter().enumerate() {
            if *id != 0 && value.is_none() {
                *cut |= 1 << kind;
            }
        }
        let [credential, agent, address] = found.map(|(value, _)| value.cloned());
        self.state.tables.actor(Actor { credential, agent, address })
    }

    fn row(&mut self, folded: &Folded, request: &Request) -> Option<Lately> {
        let Folded::Kept { key, place, cut } = folded else { return None };
        let (mut key, mut cut) = (*key, *cut);
        key.call = match place {
            None => self.state.tables.folded_call(),
            Some(place) => self.call(place, request, &mut cut),
        };
        let key = self.state.tables.coarsen(self.state.rows.detail(), key);
        Some(Lately {
            combo: u32::MAX,
            name: request.name,
            key: self.state.rows.number(key),
            authenticated: key.authenticated,
            cut,
        })
    }

    fn call(&mut self, place: &Call, request: &Request, cut: &mut u16) -> u32 {
        let name = self.kept.names.get(names_of(&request.dims), request.name);
        let folded = request.name != 0 && name.is_none();
        if folded && request.name != COARSE {
            *cut |= if matches!(place.target, Target::Path(_)) { PATHS } else { NAMES };
        }
        if folded {
            // Under the same number as what coarser rows make of a name that was kept.
            let call = join(place, None, true);
            return self.state.tables.calls.number(id(&call), || call);
        }
        let known = mix(&[request.dims.place, request.name]);
        self.state.tables.calls.number(known, || join(place, name, false))
    }
}
