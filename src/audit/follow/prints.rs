//! What a log is known by, however it is called: how it begins, how what was read of it ends, and a
//! sample of what is between.

use std::io::{self, Read};

/// How much of the beginning, and of what was read last, is remembered, in bytes.
const REMEMBERED: usize = 1024;
/// A sample is taken of every so many bytes.
const EVERY: u64 = 1 << 16;

/// Of bytes that were read from the beginning of a log, whatever the pieces in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prints {
    /// How many bytes.
    pub length: u64,
    pub head: Vec<u8>,
    /// The last bytes.
    pub recent: Vec<u8>,
    samples: u64,
}

impl Prints {
    /// Takes the bytes that follow.
    pub fn take(&mut self, bytes: &[u8]) {
        let room = REMEMBERED - self.head.len().min(REMEMBERED);
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let mut at = self.length.next_multiple_of(EVERY) - self.length;
        while let Some(byte) = usize::try_from(at).ok().and_then(|at| bytes.get(at)) {
            // FNV-1a.
            self.samples = (self.samples ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
            at += EVERY;
        }
        if bytes.len() >= REMEMBERED {
            self.recent.clear();
            self.recent.extend_from_slice(&bytes[bytes.len() - REMEMBERED..]);
        } else {
            let excess = (self.recent.len() + bytes.len()).saturating_sub(REMEMBERED);
            self.recent.drain(..excess);
            self.recent.extend_from_slice(bytes);
        }
        self.length += bytes.len() as u64;
    }

    /// Of the first `length` bytes; None where there are not as many.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub fn of(bytes: &mut dyn Read, length: u64) -> io::Result<Option<Self>> {
        let mut prints = Self::default();
        let mut buffer = vec![0; 1 << 16];
        while prints.length < length {
            let most = usize::try_from(length - prints.length).unwrap_or(usize::MAX);
            let most = most.min(buffer.len());
            match bytes.read(&mut buffer[..most]) {
                Ok(0) => return Ok(None),
                Ok(read) => prints.take(&buffer[..read]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(prints))
    }

    /// Whether bytes that begin so may be the same ones.
    pub fn may_begin(&self, head: &[u8]) -> bool {
        !self.head.is_empty() && head.starts_with(&self.head)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn they_do_not_depend_on_the_pieces(
            length in 0..200_000usize,
            pieces in prop::collection::vec(1..70_000usize, 1..5),
            changed in any::<prop::sample::Index>(),
        ) {
            let bytes: Vec<u8> = (0..251).cycle().take(length).collect();
            let whole = Prints::of(&mut &*bytes, length as u64).unwrap().unwrap();
            let mut prints = Prints::default();
            let mut rest = &*bytes;
            for size in pieces.iter().cycle() {
                if rest.is_empty() {
                    break;
                }
                let (piece, more) = rest.split_at(rest.len().min(*size));
                prints.take(piece);
                rest = more;
            }
            prop_assert_eq!(&prints, &whole);
            prop_assert_eq!(prints.length, length as u64);
            prop_assert_eq!(Prints::of(&mut &*bytes, length as u64 + 1).unwrap(), None);
            if length > 0 {
                // One byte at either end makes another log.
                let at = changed.index(length.min(1024));
                for at in [at, length - 1 - at] {
                    let mut other = bytes.clone();
                    other[at] ^= 1;
                    let other = Prints::of(&mut &*other, length as u64).unwrap().unwrap();
                    prop_assert_ne!(&other, &whole);
                }
            }
        }
    }
}
