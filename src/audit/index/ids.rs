//! Ids in bytes: each once, and from then on by a small number.

use super::bytes::{self, Bytes};
use crate::audit::hashing::{ById, mix};
use crate::audit::tables::{COARSE, FOLDED};
use crate::audit::who::{ANSWERS, Dims};

/// Ids of one block, being numbered. 0, [`FOLDED`] and [`COARSE`] have the first numbers.
#[derive(Debug, Default)]
pub struct Ids {
    numbers: ById<u64>,
    all: Vec<u64>,
}

impl Ids {
    pub fn number(&mut self, id: u64) -> u64 {
        match id {
            0 => 0,
            FOLDED => 1,
            COARSE => 2,
            _ => *self.numbers.entry(id).or_insert_with(|| {
                self.all.push(id);
                self.all.len() as u64 + 2
            }),
        }
    }

    pub fn write(&self, out: &mut Vec<u8>) {
        bytes::number(out, self.all.len() as u64);
        for id in &self.all {
            bytes::whole(out, *id);
        }
    }
}

/// Ids of one block, by number.
#[derive(Debug)]
pub struct Numbered(Vec<u64>);

impl Numbered {
    pub fn read(from: &mut Bytes<'_>) -> Option<Self> {
        let count = from.length()?;
        let mut all = Vec::with_capacity(count.min(1 << 20) + 3);
        all.extend([0, FOLDED, COARSE]);
        for _ in 0..count {
            all.push(from.whole()?);
        }
        Some(Self(all))
    }

    /// The id whose number comes next.
    pub fn next(&self, from: &mut Bytes<'_>) -> Option<u64> {
        let number = usize::try_from(from.number()?).ok()?;
        self.0.get(number).copied()
    }
}

/// Appends everything of `dims` but what follows from the rest.
pub fn write_dims(dims: &Dims, ids: &mut Ids, out: &mut Vec<u8>) {
    for id in [
        dims.authenticated,
        dims.effective,
        dims.groups,
        dims.impersonation,
        dims.credential,
        dims.agent,
        dims.address,
        dims.via,
        dims.place,
        dims.credit,
    ] {
        bytes::number(out, ids.number(id));
    }
    out.extend([dims.answer as u8, dims.standing]);
}

/// What [`write_dims`] appended.
pub fn read_dims(from: &mut Bytes<'_>, ids: &Numbered) -> Option<Dims> {
    let (authenticated, effective) = (ids.next(from)?, ids.next(from)?);
    Some(Dims {
        who: 0,
        pair: mix(&[authenticated, effective]),
        authenticated,
        effective,
        groups: ids.next(from)?,
        impersonation: ids.next(from)?,
        credential: ids.next(from)?,
        agent: ids.next(from)?,
        address: ids.next(from)?,
        via: ids.next(from)?,
        place: ids.next(from)?,
        credit: ids.next(from)?,
        answer: *ANSWERS.get(usize::from(from.byte()?))?,
        standing: from.byte()?,
    })
}
