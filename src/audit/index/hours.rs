//! The requests of an hour, in the order of their keys, as bytes: about twenty of them a request.

use std::collections::HashMap;
use std::vec;

use foldhash::fast::RandomState;

use super::bytes::{self, Bytes, Damaged};
use super::ids::{Ids, Numbered, read_dims, write_dims};
use crate::audit::merge::{Found, Request, is_timed};
use crate::audit::record::Key;
use crate::audit::who::Dims;

/// Requests of an hour, being written down. Must be given in the order of their keys.
#[derive(Debug, Default)]
pub struct Chunk {
    ids: Ids,
    combos: HashMap<(Dims, u64), u64, RandomState>,
    combo_bytes: Vec<u8>,
    request_bytes: Vec<u8>,
    count: usize,
    last: u64,
}

impl Chunk {
    /// How many requests one may have, and how many combinations.
    const MOST: (usize, usize) = (1 << 18, 1 << 15);

    pub fn is_full(&self) -> bool {
        self.count >= Self::MOST.0 || self.combos.len() >= Self::MOST.1
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn push(&mut self, found: &Found) {
        let Request { at, name, dims, .. } = found.request;
        let dims = Dims { who: 0, ..dims };
        let next = self.combos.len() as u64;
        let number = *self.combos.entry((dims, found.order)).or_insert_with(|| {
            write_dims(&dims, &mut self.ids, &mut self.combo_bytes);
            bytes::whole(&mut self.combo_bytes, found.order);
            next
        });
        let (high, low) = found.key.within_hour();
        let out = &mut self.request_bytes;
        bytes::number(out, high - self.last);
        self.last = high;
        bytes::whole(out, low);
        bytes::number(out, number);
        bytes::number(out, self.ids.number(name));
        bytes::signed(out, at - found.key.hour());
        self.count += 1;
    }

    /// All of it; the next one is begun.
    pub fn finish(&mut self) -> Vec<u8> {
        let all = std::mem::take(self);
        let mut out = Vec::with_capacity(all.combo_bytes.len() + all.request_bytes.len() + 64);
        all.ids.write(&mut out);
        bytes::number(&mut out, all.combos.len() as u64);
        out.extend(all.combo_bytes);
        bytes::number(&mut out, all.count as u64);
        out.extend(all.request_bytes);
        out
    }
}

/// Requests that were written down.
#[derive(Debug)]
pub struct Read {
    bytes: vec::IntoIter<u8>,
    ids: Numbered,
    combos: Vec<(Dims, u64)>,
    hour: i64,
    left: u64,
    last: u64,
}

impl Read {
    /// The requests of `hour` (microseconds).
    pub fn new(all: Vec<u8>, hour: i64) -> Result<Self, Damaged> {
        Self::open(all, hour).ok_or(Damaged)
    }

    fn open(all: Vec<u8>, hour: i64) -> Option<Self> {
        let mut from = Bytes(&all);
        let ids = Numbered::read(&mut from)?;
        let mut combos = Vec::new();
        for _ in 0..from.length()? {
            combos.push((read_dims(&mut from, &ids)?, from.whole()?));
        }
        let left = from.number()?;
        let at = all.len() - from.0.len();
        let mut bytes = all.into_iter();
        if at > 0 {
            bytes.nth(at - 1);
        }
        Some(Self { bytes, ids, combos, hour, left, last: 0 })
    }

    /// Takes the next, if there is one.
    pub fn take(&mut self) -> Result<Option<Found>, Damaged> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.one().map(Some).ok_or(Damaged)
    }

    fn one(&mut self) -> Option<Found> {
        let rest = self.bytes.as_slice();
        let mut from = Bytes(rest);
        let high = self.last.checked_add(from.number()?)?;
        self.last = high;
        let key = Key::in_hour(self.hour, (high, from.whole()?));
        let (dims, order) = *self.combos.get(usize::try_from(from.number()?).ok()?)?;
        let name = self.ids.next(&mut from)?;
        let at = self.hour.checked_add(from.signed()?)?;
        let used = rest.len() - from.0.len();
        self.bytes.nth(used - 1);
        Some(Found {
            key,
            order,
            request: Request { at, name, dims, combo: None, timed: is_timed(key, at) },
        })
    }
}
