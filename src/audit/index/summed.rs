//! Rows of activity summaries as bytes. Each is told from others by what it says, counts included,
//! so that it is counted once; unlike requests, of which there are many more, all stay known.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::bytes::{self, Bytes, Damaged};
use super::days::{pack, unpack};
use super::ids::{Ids, Numbered, read_dims, write_dims};
use crate::audit::record::{Key, Record as _, Summed};
use crate::audit::tally::Counted;
use crate::audit::who::Dims;

/// A row that was written down.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub key: Key,
    pub dims: Dims,
    /// Name or path.
    pub name: u64,
    pub sum: Counted,
}

/// The rows, in any order.
pub fn write_summed(rows: &[Summed]) -> Vec<u8> {
    let (mut ids, mut dims_bytes, mut row_bytes) = (Ids::default(), Vec::new(), Vec::new());
    let mut numbers: HashMap<Dims, u64, RandomState> = HashMap::default();
    let mut before = 0;
    for row in rows {
        let next = numbers.len() as u64;
        let dims = Dims { who: 0, ..row.dims };
        let number = *numbers.entry(dims).or_insert_with(|| {
            write_dims(&dims, &mut ids, &mut dims_bytes);
            next
        });
        let key = row.key();
        let (high, low) = key.within_hour();
        let out = &mut row_bytes;
        bytes::signed(out, key.hour());
        bytes::number(out, high);
        bytes::whole(out, low);
        bytes::number(out, number);
        bytes::number(out, ids.number(row.name));
        bytes::number(out, row.requests);
        bytes::signed(out, row.first - before);
        bytes::signed(out, row.last - row.first);
        before = row.first;
    }
    let mut out = Vec::new();
    ids.write(&mut out);
    bytes::number(&mut out, numbers.len() as u64);
    out.extend(dims_bytes);
    bytes::number(&mut out, rows.len() as u64);
    out.extend(row_bytes);
    pack(&out)
}

/// What [`write_summed`] wrote.
///
/// # Errors
/// Where the bytes are not that.
pub fn read_summed(packed: &[u8]) -> Result<Vec<Row>, Damaged> {
    read(packed).ok_or(Damaged)
}

fn read(packed: &[u8]) -> Option<Vec<Row>> {
    let all = unpack(packed)?;
    let mut from = Bytes(&all);
    let ids = Numbered::read(&mut from)?;
    let mut combos = Vec::new();
    for _ in 0..from.length()? {
        combos.push(read_dims(&mut from, &ids)?);
    }
    let count = from.length()?;
    let mut rows = Vec::with_capacity(count);
    let mut before: i64 = 0;
    for _ in 0..count {
        let hour = from.signed()?;
        let key = Key::in_hour(hour, (from.number()?, from.whole()?));
        let dims = *combos.get(usize::try_from(from.number()?).ok()?)?;
        let name = ids.next(&mut from)?;
        let count = from.number()?;
        let first = before.checked_add(from.signed()?)?;
        let last = first.checked_add(from.signed()?)?;
        rows.push(Row { key, dims, name, sum: Counted::between(count, first, last) });
        before = first;
    }
    from.0.is_empty().then_some(rows)
}
