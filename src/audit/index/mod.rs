//! What a store keeps of readings, so that a further reading adds up with them as if all had been
//! read at once.
//!
//! - **Hours**: of each hour all requests, by fingerprint, each as the line that knows most of it
//!   says. With them a repeated line is known again, and a later stage replaces an earlier one.
//! - **Days**: what the requests of a day come to. They follow from the hours, and outlive them.
//! - **Kept**: the values behind the ids in both, as many as are kept when logs are read at once.
//! - **Summed**: the rows of activity summaries, each once.
//! - **Covered**: what was read of each source.
//! - **Whole**: what all days come to, as long as nothing is added to them.
//!
//! All of it is bytes here; where they lie is the store's business. Ids and fingerprints are made
//! under a [`Seed`], which is kept with them.

mod bytes;
mod days;
mod hours;
mod ids;
mod keeping;
mod summed;
mod summing;
mod whole;

use std::collections::BTreeMap;
use std::io;

use super::lexicon::Lexicon;
use super::runs::Runs;
use super::{Error, Input, Options, Progress, Traced, merge, trace};
use crate::model::Name;

pub use super::covered::Covered;
pub use super::forwarded::Once;
pub use super::hashing::{Seed, check};
pub use super::kept::Kept;
pub use super::merge::{Found, Request, Requests};
pub use super::record::{HOUR, Key, Record, Summed};
pub use bytes::Damaged;
pub use days::{Day, day_of, pack, unpack};
pub use hours::{Chunk, Read};
pub use keeping::write_kept;
pub use summed::{read_summed, write_summed};
pub use summing::Summing;
pub use whole::{read_whole, write_whole};

/// What one reading found.
#[derive(Debug)]
pub struct Taken {
    lexicon: Lexicon,
    runs: Runs,
    covered: BTreeMap<u32, Covered>,
    kept: Kept,
}

/// Reads opened logs, and sums nothing up.
///
/// # Errors
/// As [`super::read_inputs`].
pub fn take(
    inputs: Vec<Input>,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Taken, Error> {
    let Traced { mut lexicon, runs, covered, .. } = trace(inputs, options, progress)?;
    let kept = lexicon.settle();
    Ok(Taken { lexicon, runs, covered, kept })
}

impl Taken {
    /// What was read of the input of this number, counted from 0.
    pub fn covered(&mut self, input: u32) -> Covered {
        self.covered.remove(&input).unwrap_or_default()
    }

    /// What is kept of the values of this reading and, once, of `former` ones.
    pub fn kept(&mut self, former: Option<Kept>) -> Kept {
        let mut kept =
            std::mem::replace(&mut self.kept, Kept::new(&super::kept::Limits::default()));
        if let Some(former) = former {
            kept.absorb(former);
        }
        kept
    }

    /// All requests, in the order of their hours and fingerprints.
    ///
    /// # Errors
    /// Where traces on disk cannot be read back.
    pub fn requests(&self) -> io::Result<Requests<'_>> {
        Requests::new(&self.runs, &self.lexicon)
    }

    /// Calls `each` for every row of summaries, each once, in the order of their hours, with the
    /// numbers of the inputs in which it came again. That of its own is the first of its place.
    ///
    /// # Errors
    /// As [`Taken::requests`].
    pub fn summed(&self, each: impl FnMut(&Summed, &[u32])) -> io::Result<()> {
        merge::summed(&self.runs, each)
    }
}

/// Refuses sources of several clusters, unless one was chosen.
///
/// # Errors
/// [`Error::Clusters`].
pub fn one_cluster(covered: &[(Name, Covered)], options: &Options) -> Result<(), Error> {
    super::one_cluster(covered.iter().map(|(name, covered)| (name, covered)), options)
}

impl Options {
    /// What [`write_kept`] wrote; None where the bytes are not that.
    pub fn read_kept(&self, packed: &[u8]) -> Option<Kept> {
        keeping::read_kept(packed, &self.bounds.limits)
    }

    /// An empty day.
    pub fn day<'k>(&self, kept: &'k Kept) -> Day<'k> {
        Day::new(kept, self.bounds.rows)
    }

    /// An empty sum.
    pub fn summing<'k>(&self, kept: &'k Kept) -> Summing<'k> {
        Summing::new(kept, self.bounds.rows)
    }
}
