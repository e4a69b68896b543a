//! What the requests of a day come to, as bytes: rows by everything that is kept of requests, in
//! ids. What is too much to keep is folded as it is when logs are read at once, but already here.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};

use chrono::DateTime;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use foldhash::fast::RandomState;

use super::bytes::{self, Bytes, Damaged};
use super::ids::{Ids, Numbered, read_dims, write_dims};
use crate::audit::kept::{Kept, names_of, places_of};
use crate::audit::merge::Request;
use crate::audit::rates::Rates;
use crate::audit::record::HOUR;
use crate::audit::request::Standing;
use crate::audit::tables::{COARSE, FOLDED};
use crate::audit::tally::{Counted, hour_of};
use crate::audit::who::{Answer, Dims};
use crate::model::{Detail, Peak, Rate};

/// The requests of a day, being added up.
#[derive(Debug)]
pub struct Day<'k> {
    kept: &'k Kept,
    /// How many rows there may be.
    limit: usize,
    detail: Detail,
    /// Combinations as folded, and their numbers.
    dims: Vec<Dims>,
    numbers: HashMap<Dims, u32, RandomState>,
    /// Combinations met lately, and what they are folded to.
    lately: HashMap<Dims, Option<u32>, RandomState>,
    rows: HashMap<Row, Counted, RandomState>,
    pub counts: Counts,
    rates: Rates,
}

/// Requests that are in no row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Answered 401.
    pub unauthenticated: u64,
    /// Of identities that were not kept.
    pub left_out: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Row {
    dims: u32,
    day: i32,
    name: u64,
}

/// In the first byte: rows of more than one hour say in which.
const WITH_HOURS: u8 = 0x80;

/// How many combinations are remembered before they are folded.
const LATELY: usize = 1 << 15;

impl<'k> Day<'k> {
    pub fn new(kept: &'k Kept, limit: usize) -> Self {
        Self {
            kept,
            limit: limit.max(1),
            detail: Detail::Days,
            dims: Vec::new(),
            numbers: HashMap::default(),
            lately: HashMap::default(),
            rows: HashMap::default(),
            counts: Counts::default(),
            rates: Rates::default(),
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.counts == Counts::default()
    }

    /// Adds a request.
    pub fn take(&mut self, request: &Request) {
        self.rates.take(self.kept, request);
        if request.dims.answer == Answer::Nobody {
            self.counts.unauthenticated += 1;
            return;
        }
        match self.row(&request.dims, request.name, day_of(request.at)) {
            Some(row) => self.add(row, &Counted::once(request.at)),
            None => self.counts.left_out += 1,
        }
    }

    /// Takes a request that may have been added before: where its row is there it moves dates only.
    /// Returns whether it is counted.
    pub fn take_late(&mut self, request: &Request) -> bool {
        let dims = &request.dims;
        if dims.answer == Answer::Nobody || Standing(dims.standing).received_only() {
            return false;
        }
        let Some(row) = self.row(dims, request.name, day_of(request.at)) else { return false };
        let mut one = Counted::once(request.at);
        let known = self.rows.contains_key(&row);
        one.count = u64::from(!known);
        self.add(row, &one);
        !known
    }

    /// Adds what [`Day::finish`] returned.
    pub fn take_rows(&mut self, packed: &[u8]) -> Result<(), Damaged> {
        let mut all = Read::new(packed)?;
        self.at_least(all.detail);
        self.counts.unauthenticated += all.counts.unauthenticated;
        self.counts.left_out += all.counts.left_out;
        while let Some((dims, name, sum)) = all.take()? {
            let dims = all.dims[dims];
            match self.row(&dims, name, day_of(sum.first)) {
                Some(row) => self.add(row, &sum),
                None => self.counts.left_out += sum.count,
            }
        }
        for (id, rate) in all.rates()? {
            self.rates.add(id, rate);
        }
        Ok(())
    }

    fn add(&mut self, row: Row, sum: &Counted) {
        self.rows.entry(row).or_insert(Counted::NOTHING).add(sum);
        while self.rows.len() > self.limit
            && let Some(next) = coarser(self.detail)
        {
            self.at_least(next);
        }
    }

    /// The row of a request, None where an identity of it is not kept.
    fn row(&mut self, dims: &Dims, name: u64, day: i32) -> Option<Row> {
        let dims = Dims { who: 0, ..*dims };
        let number = if let Some(known) = self.lately.get(&dims) {
            *known
        } else {
            if self.lately.len() >= LATELY {
                self.lately.clear();
            }
            let folded = fold(self.kept, &dims);
            let folded = folded.map(|folded| self.number(coarse(self.detail, folded)));
            self.lately.insert(dims, folded);
            folded
        };
        let number = number?;
        let name = match name {
            0 | COARSE => name,
            _ if matches!(self.dims[number as usize].place, FOLDED | COARSE) => 0,
            _ if self.kept.names.get(names_of(&dims), name).is_none() => FOLDED,
            _ => name,
        };
        Some(Row { dims: number, day, name: coarse_name(self.detail, name) })
    }

    fn number(&mut self, dims: Dims) -> u32 {
        *self.numbers.entry(dims).or_insert_with(|| {
            self.dims.push(dims);
            u32::try_from(self.dims.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// Tells requests apart no more finely than this.
    fn at_least(&mut self, detail: Detail) {
        if detail <= self.detail {
            return;
        }
        self.detail = detail;
        self.lately.clear();
        self.numbers.clear();
        let before = std::mem::take(&mut self.dims);
        let numbers: Vec<u32> =
            before.into_iter().map(|dims| self.number(coarse(detail, dims))).collect();
        for (row, sum) in std::mem::take(&mut self.rows) {
            let mut name = coarse_name(detail, row.name);
            if detail >= Detail::NoCalls {
                name = 0;
            }
            let row = Row { dims: numbers[row.dims as usize], day: row.day, name };
            self.rows.entry(row).or_insert(Counted::NOTHING).add(&sum);
        }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// All rows as bytes, those before `from` (a day since 1970) left out. Returns with them how
    /// many requests were left out.
    pub fn finish(mut self, from: i32) -> (Vec<u8>, u64) {
        let mut rows: Vec<(Row, Counted)> = self.rows.into_iter().collect();
        let dropped = rows.iter().filter(|(row, _)| row.day < from).map(|(_, sum)| sum.count).sum();
        rows.retain(|(row, _)| row.day >= from);
        rows.sort_unstable_by_key(|(row, _)| *row);
        let (mut ids, mut dims_bytes, mut row_bytes) = (Ids::default(), Vec::new(), Vec::new());
        for dims in &self.dims {
            write_dims(dims, &mut ids, &mut dims_bytes);
        }
        let (mut dims, mut first) = (0, 0);
        for (row, sum) in &rows {
            bytes::number(&mut row_bytes, u64::from(row.dims - dims));
            dims = row.dims;
            bytes::number(&mut row_bytes, ids.number(row.name));
            bytes::number(&mut row_bytes, sum.count);
            bytes::signed(&mut row_bytes, sum.first - first);
            first = sum.first;
            bytes::signed(&mut row_bytes, sum.last - sum.first);
            if hour_of(sum.first) != hour_of(sum.last) {
                bytes::number(&mut row_bytes, u64::from(sum.hours));
            }
        }
        let mut rates = self.rates.cut();
        rates.retain(|(_, rate)| day_of(rate.hour.at.timestamp_micros()) >= from);
        bytes::number(&mut row_bytes, rates.len() as u64);
        for (id, rate) in &rates {
            bytes::number(&mut row_bytes, ids.number(*id));
            write_rate(rate, &mut row_bytes);
        }
        let mut out = vec![self.detail as u8 | WITH_HOURS];
        bytes::number(&mut out, self.counts.unauthenticated);
        bytes::number(&mut out, self.counts.left_out);
        ids.write(&mut out);
        bytes::number(&mut out, self.dims.len() as u64);
        out.extend(dims_bytes);
        bytes::number(&mut out, rows.len() as u64);
        out.extend(row_bytes);
        (pack(&out), dropped)
    }
}

/// Rows that were written down.
#[derive(Debug)]
pub struct Read {
    pub detail: Detail,
    /// Whether rows say in which hours requests came; days that were written before that was kept do
    /// not.
    with_hours: bool,
    pub counts: Counts,
    pub dims: Vec<Dims>,
    ids: Numbered,
    bytes: Vec<u8>,
    at: usize,
    left: u64,
    number: usize,
    first: i64,
}

pub const DETAILS: [Detail; 6] = [
    Detail::Days,
    Detail::Weeks,
    Detail::Whole,
    Detail::NoNames,
    Detail::NoActors,
    Detail::NoCalls,
];

impl Read {
    pub fn new(packed: &[u8]) -> Result<Self, Damaged> {
        Self::open(packed).ok_or(Damaged)
    }

    fn open(packed: &[u8]) -> Option<Self> {
        let bytes = unpack(packed)?;
        let mut from = Bytes(&bytes);
        let first = from.byte()?;
        let with_hours = first & WITH_HOURS != 0;
        let detail = *DETAILS.get(usize::from(first & !WITH_HOURS))?;
        let counts = Counts { unauthenticated: from.number()?, left_out: from.number()? };
        let ids = Numbered::read(&mut from)?;
        let mut dims = Vec::new();
        for _ in 0..from.length()? {
            dims.push(read_dims(&mut from, &ids)?);
        }
        let left = from.number()?;
        let at = bytes.len() - from.0.len();
        Some(Self { detail, with_hours, counts, dims, ids, bytes, at, left, number: 0, first: 0 })
    }

    /// Takes the next row, if there is one: number of its combination, name, sum.
    pub fn take(&mut self) -> Result<Option<(usize, u64, Counted)>, Damaged> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.one().map(Some).ok_or(Damaged)
    }

    /// How fast identities asked, by id: behind the last row. Of days that were written before that
    /// was counted it is not known.
    pub fn rates(&self) -> Result<Vec<(u64, Rate)>, Damaged> {
        let mut from = Bytes(self.bytes.get(self.at..).unwrap_or_default());
        if self.left > 0 || from.0.is_empty() {
            return Ok(Vec::new());
        }
        let mut read = || {
            let rates = (0..from.length()?)
                .map(|_| Some((self.ids.next(&mut from)?, read_rate(&mut from)?)));
            rates.collect::<Option<Vec<_>>>()
        };
        read().ok_or(Damaged)
    }

    fn one(&mut self) -> Option<(usize, u64, Counted)> {
        let mut from = Bytes(&self.bytes[self.at..]);
        self.number = self.number.checked_add(usize::try_from(from.number()?).ok()?)?;
        let name = self.ids.next(&mut from)?;
        let count = from.number()?;
        let first = self.first.checked_add(from.signed()?)?;
        let last = first.checked_add(from.signed()?)?;
        let mut sum = Counted::between(count, first, last);
        if self.with_hours && hour_of(first) != hour_of(last) {
            sum.hours |= u32::try_from(from.number()?).ok()?;
        }
        self.first = first;
        self.at = self.bytes.len() - from.0.len();
        (self.number < self.dims.len()).then_some(())?;
        Some((self.number, name, sum))
    }
}

/// Appends how fast an identity asked.
pub fn write_rate(rate: &Rate, out: &mut Vec<u8>) {
    bytes::number(out, rate.counted);
    for peak in [&rate.minute, &rate.hour] {
        bytes::number(out, peak.requests);
        bytes::signed(out, peak.at.timestamp());
    }
    bytes::number(out, rate.rejected);
    if let Some(last) = rate.last_rejected {
        bytes::signed(out, last.timestamp_micros());
    }
}

/// What [`write_rate`] appended.
pub fn read_rate(from: &mut Bytes<'_>) -> Option<Rate> {
    let counted = from.number()?;
    let mut peak = || {
        let requests = from.number()?;
        Some(Peak { requests, at: DateTime::from_timestamp(from.signed()?, 0)? })
    };
    let (minute, hour) = (peak()?, peak()?);
    let rejected = from.number()?;
    let last_rejected = match rejected {
        0 => None,
        _ => Some(DateTime::from_timestamp_micros(from.signed()?)?),
    };
    Some(Rate { counted, minute, hour, rejected, last_rejected })
}

/// The combination without what is not kept; None where an identity is not.
fn fold(kept: &Kept, dims: &Dims) -> Option<Dims> {
    kept.identity(dims.authenticated)?;
    kept.identity(dims.effective)?;
    let own = dims.authenticated;
    let unless = |kept: bool, id: u64| if kept || id == 0 { id } else { FOLDED };
    let received = Standing(dims.standing).received_only();
    let groups = match dims.groups {
        COARSE => COARSE,
        groups if kept.group_sets.get(dims.effective, groups).is_some() => groups,
        _ => FOLDED,
    };
    let place = match dims.place {
        COARSE => COARSE,
        place if kept.places.get(places_of(dims), place).is_some() => place,
        _ => FOLDED,
    };
    Some(Dims {
        who: 0,
        groups,
        impersonation: unless(
            kept.impersonations.get(dims.pair, dims.impersonation).is_some(),
            dims.impersonation,
        ),
        credential: unless(kept.credential(own, dims.credential).is_some(), dims.credential),
        agent: unless(kept.agents.get(own, dims.agent).is_some(), dims.agent),
        address: unless(kept.addresses.get(own, dims.address).is_some(), dims.address),
        via: 0,
        place,
        credit: unless(kept.credits.get(dims.effective, dims.credit).is_some(), dims.credit),
        standing: if received { 0 } else { 16 },
        ..*dims
    })
}

fn coarser(detail: Detail) -> Option<Detail> {
    Some(match detail {
        Detail::Days | Detail::Weeks | Detail::Whole => Detail::NoNames,
        Detail::NoNames => Detail::NoActors,
        Detail::NoActors => Detail::NoCalls,
        Detail::NoCalls => return None,
    })
}

fn coarse(detail: Detail, dims: Dims) -> Dims {
    let mut dims = dims;
    if detail >= Detail::NoActors {
        (dims.agent, dims.address) = (0, 0);
    }
    if detail >= Detail::NoCalls {
        (dims.place, dims.groups) = (COARSE, COARSE);
        (dims.credential, dims.credit, dims.impersonation) = (0, 0, 0);
    }
    dims
}

fn coarse_name(detail: Detail, name: u64) -> u64 {
    if detail >= Detail::NoNames && name != 0 && name != FOLDED { COARSE } else { name }
}

/// The day of a time in microseconds.
pub fn day_of(at: i64) -> i32 {
    i32::try_from(at.div_euclid(24 * HOUR)).unwrap_or(0)
}

/// Compresses.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = DeflateEncoder::new(Vec::new(), Compression::fast());
    // Into memory nothing fails.
    let _ = out.write_all(bytes);
    out.finish().unwrap_or_default()
}

/// Decompresses what [`pack`] compressed.
pub fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
