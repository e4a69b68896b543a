//! A line's trace: small, of one size, sorted by hour and request.

use std::cmp::Ordering;

use super::hashing::mix;
use super::who::{ANSWERS, Dims};

/// What tells one request from another: the hour in which it came, 40 bits of a hash of the id
/// under which it was logged, and 64 of a hash of everything that names it. In the order of keys all
/// requests of an hour lie together, and among them all of one id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    high: u64,
    low: u64,
}

/// An hour, in microseconds.
pub const HOUR: i64 = 3_600_000_000;

impl Key {
    /// The key of a request received at `received` (microseconds since 1970); a request of which
    /// that is not known is in hour 0.
    pub fn new((high, low): (u64, u64), received: Option<i64>) -> Self {
        let hour = received.map_or(0, |at| at.div_euclid(HOUR));
        let hour = u64::try_from(hour).unwrap_or(0) << 40;
        Self { high: hour | (high >> 24), low }
    }

    /// The hour, and what stands for the id.
    pub fn hour_and_id(self) -> u64 {
        self.high
    }

    /// What tells it from others of its hour: 40 bits, and 64.
    pub fn within_hour(self) -> (u64, u64) {
        (self.high & ((1 << 40) - 1), self.low)
    }

    /// The key of that in the hour that begins at `hour` (microseconds).
    pub fn in_hour(hour: i64, (high, low): (u64, u64)) -> Self {
        let hour = u64::try_from(hour / HOUR).unwrap_or(0) << 40;
        Self { high: hour | high & ((1 << 40) - 1), low }
    }

    /// The beginning of its hour, in microseconds.
    pub fn hour(self) -> i64 {
        i64::try_from(self.high >> 40).unwrap_or(0) * HOUR
    }
}

/// What a line leaves behind.
pub trait Record: Copy + PartialEq + Send {
    /// On disk.
    const SIZE: usize;

    fn key(&self) -> Key;
    fn standing(&self) -> u8;
    /// Of one request the trace that knows most comes first, and equal ones lie together.
    fn compare(&self, other: &Self) -> Ordering;
    fn encode(&self, out: &mut Vec<u8>);
    /// From exactly `SIZE` bytes.
    fn decode(bytes: &[u8]) -> Self;
}

/// The usual trace: what the line says beside key, time and name is held once for all lines that
/// say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compact {
    key: Key,
    /// Name or path.
    pub name: u64,
    /// Microseconds after the full hour.
    offset: u32,
    /// Standing above, number of the combination below.
    combo: u32,
}

/// How many combinations a [`Compact`] can number.
pub const MOST_COMBOS: usize = 1 << 27;

impl Compact {
    /// `combo` is below [`MOST_COMBOS`]; None where the time is not in the key's hour.
    pub fn new(key: Key, at: i64, name: u64, combo: u32, standing: u8) -> Option<Self> {
        let offset = u32::try_from(at - key.hour()).ok().filter(|o| i64::from(*o) < HOUR)?;
        Some(Self { key, name, offset, combo: u32::from(standing) << 27 | combo })
    }

    pub fn combo(&self) -> u32 {
        self.combo & ((1 << 27) - 1)
    }

    /// Microseconds since 1970, UTC.
    pub fn at(&self) -> i64 {
        self.key.hour() + i64::from(self.offset)
    }
}

impl Record for Compact {
    const SIZE: usize = 32;

    fn key(&self) -> Key {
        self.key
    }

    fn standing(&self) -> u8 {
        u8::try_from(self.combo >> 27).unwrap_or(0)
    }

    fn compare(&self, other: &Self) -> Ordering {
        let rest = |trace: &Self| (!trace.combo, trace.name, trace.offset);
        self.key.cmp(&other.key).then_with(|| rest(self).cmp(&rest(other)))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.key.high.to_le_bytes());
        out.extend_from_slice(&self.key.low.to_le_bytes());
        out.extend_from_slice(&self.name.to_le_bytes());
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.combo.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        let rest = (word(bytes, 3) >> 32, word(bytes, 3) & u64::from(u32::MAX));
        Self {
            key: Key { high: word(bytes, 0), low: word(bytes, 1) },
            name: word(bytes, 2),
            offset: u32::try_from(rest.1).unwrap_or(0),
            combo: u32::try_from(rest.0).unwrap_or(0),
        }
    }
}

fn word(bytes: &[u8], at: usize) -> u64 {
    let eight = bytes.get(at * 8..).and_then(<[u8]>::first_chunk);
    eight.map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// The trace of a line whose combination is one too many to hold, or whose time is not in its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inline {
    key: Key,
    /// Name or path.
    pub name: u64,
    /// Microseconds since 1970, UTC.
    pub at: i64,
    pub dims: Dims,
    /// See [`super::hashing::order`].
    pub order: u64,
}

impl Inline {
    pub fn new(key: Key, at: i64, name: u64, dims: Dims, order: u64) -> Self {
        Self { key, name, at, dims: Dims { who: 0, ..dims }, order }
    }
}

/// What a row of an activity summary leaves behind: many equal requests. Rows that say the same of
/// the same time have one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summed {
    key: Key,
    /// Name or path.
    pub name: u64,
    /// Microseconds since 1970, UTC; both on one day.
    pub first: i64,
    pub last: i64,
    pub requests: u64,
    pub dims: Dims,
    /// The number of the combination that `dims` are, if it has one.
    pub combo: Option<u32>,
    /// Which source, and where in it.
    pub place: (u32, u32, u32),
}

/// How many requests of which time a row of a summary stands for.
#[derive(Clone, Copy, Debug)]
pub struct Many {
    /// What stands for all that the row says.
    pub fingerprint: (u64, u64),
    pub requests: u64,
    /// Microseconds since 1970, UTC.
    pub first: i64,
    pub last: i64,
    /// Which source, and where in it.
    pub place: (u32, u32, u32),
}

impl Summed {
    pub fn new(many: &Many, name: u64, combo: Option<u32>, dims: Dims) -> Self {
        Self {
            key: Key::new(many.fingerprint, Some(many.first)),
            name,
            first: many.first,
            last: many.last,
            requests: many.requests,
            dims: Dims { who: 0, ..dims },
            combo,
            place: many.place,
        }
    }

    /// As the trace of its last request.
    fn inline(&self) -> Inline {
        Inline { key: self.key, name: self.name, at: self.last, dims: self.dims, order: 0 }
    }
}

impl Record for Summed {
    const SIZE: usize = Inline::SIZE + 4 * 8;

    fn key(&self) -> Key {
        self.key
    }

    fn standing(&self) -> u8 {
        0
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key).then_with(|| self.place.cmp(&other.place))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        self.inline().encode(out);
        let combo = self.combo.map_or(0, |combo| u64::from(combo) + 1);
        let (source, block, line) = self.place;
        let first = u64::from_le_bytes(self.first.to_le_bytes());
        let place = u64::from(source) << 32 | u64::from(block);
        for word in [first, self.requests, combo << 32 | u64::from(line), place] {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        let inline = Inline::decode(bytes);
        let w = |at| word(bytes, Inline::SIZE / 8 + at);
        let low = |word: u64| u32::try_from(word & u64::from(u32::MAX)).unwrap_or(0);
        Self {
            key: inline.key,
            name: inline.name,
            first: i64::from_le_bytes(w(0).to_le_bytes()),
            last: inline.at,
            requests: w(1),
            dims: inline.dims,
            combo: low(w(2) >> 32).checked_sub(1),
            place: (low(w(3) >> 32), low(w(3)), low(w(2))),
        }
    }
}

impl Record for Inline {
    const SIZE: usize = 128;

    fn key(&self) -> Key {
        self.key
    }

    fn standing(&self) -> u8 {
        self.dims.standing
    }

    fn compare(&self, other: &Self) -> Ordering {
        let rest = |trace: &Self| (!trace.dims.standing, trace.order, trace.name, trace.at);
        self.key.cmp(&other.key).then_with(|| rest(self).cmp(&rest(other)))
    }

    fn encode(&self, out: &mut Vec<u8>) {
        let dims = &self.dims;
        let who = [dims.authenticated, dims.effective, dims.groups, dims.impersonation];
        let actor = [dims.credential, dims.agent, dims.address];
        let last = u64::from(dims.standing) << 8 | dims.answer as u64;
        let at = u64::from_le_bytes(self.at.to_le_bytes());
        let head = [self.key.high, self.key.low, self.name, at, self.order];
        let rest = [dims.place, dims.credit, last, dims.via];
        for word in head.into_iter().chain(who).chain(actor).chain(rest) {
            out.extend_from_slice(&word.to_le_bytes());
        }
    }

    fn decode(bytes: &[u8]) -> Self {
        let w = |at| word(bytes, at);
        let answer = usize::try_from(w(14) & 0xff).unwrap_or(0);
        Self {
            key: Key { high: w(0), low: w(1) },
            name: w(2),
            at: i64::from_le_bytes(w(3).to_le_bytes()),
            order: w(4),
            dims: Dims {
                who: 0,
                pair: mix(&[w(5), w(6)]),
                authenticated: w(5),
                effective: w(6),
                groups: w(7),
                impersonation: w(8),
                credential: w(9),
                agent: w(10),
                address: w(11),
                via: w(15),
                place: w(12),
                credit: w(13),
                answer: ANSWERS[answer % ANSWERS.len()],
                standing: u8::try_from(w(14) >> 8 & 0xff).unwrap_or(0),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_from_disk_as_they_went() {
        let received = 1_777_885_811_123_456;
        let key = Key::new((0x0123_4567_89ab_cdef, 42), Some(received));
        assert_eq!(key.hour(), 1_777_885_200_000_000);
        let compact = Compact::new(key, received, 7, 0x07ff_fffe, 31).unwrap();
        assert_eq!(
            (compact.at(), compact.combo(), compact.standing()),
            (received, 0x07ff_fffe, 31)
        );
        let mut bytes = Vec::new();
        compact.encode(&mut bytes);
        assert_eq!(bytes.len(), Compact::SIZE);
        assert_eq!(Compact::decode(&bytes), compact);

        let dims = Dims {
            who: 0,
            pair: mix(&[1, 10]),
            authenticated: 1,
            effective: 10,
            groups: 11,
            impersonation: 12,
            credential: 2,
            agent: 3,
            address: 4,
            via: 8,
            place: 5,
            credit: 6,
            answer: ANSWERS[2],
            standing: 29,
        };
        let inline = Inline::new(Key::new((1, 2), None), -5, 9, dims, 77);
        bytes.clear();
        inline.encode(&mut bytes);
        assert_eq!(bytes.len(), Inline::SIZE);
        assert_eq!(Inline::decode(&bytes), inline);
        assert_eq!(inline.key().hour(), 0);
    }

    #[test]
    fn a_time_outside_its_hour_is_not_compact() {
        let key = Key::new((1, 2), None);
        assert_eq!(Compact::new(key, HOUR, 0, 0, 0), None);
        assert_eq!(Compact::new(key, -1, 0, 0, 0), None);
        assert!(Compact::new(key, HOUR - 1, 0, 0, 0).is_some());
    }

    #[test]
    fn keys_lie_in_the_order_of_their_hours() {
        let early = Key::new((u64::MAX, u64::MAX), Some(HOUR - 1));
        let late = Key::new((0, 0), Some(HOUR));
        assert!(early < late);
    }
}
