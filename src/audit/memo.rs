//! Remembers what was read from a JSON text: users, agents and annotations repeat from line to line.

use std::hash::BuildHasher;
use std::ops::Range;

use foldhash::fast::RandomState;

/// What was read from the texts met last: a fixed number of them.
#[derive(Debug)]
pub struct Memo<T> {
    /// Pairs of slots: a text lies in one of its pair, the one met later first.
    slots: Vec<(Option<Box<str>>, T)>,
    /// Slots by the part of a text that tells it from others.
    guesses: Vec<u32>,
    /// Where that part is.
    telling: Range<usize>,
    guessed: Guessed,
    hasher: RandomState,
}

/// The last guess: its place among the guesses, and the slot at which it was right.
#[derive(Clone, Copy, Debug, Default)]
struct Guessed {
    place: Option<usize>,
    slot: Option<usize>,
    /// Address and length of the text.
    text: (usize, usize),
}

fn address(text: &str) -> (usize, usize) {
    (text.as_ptr().addr(), text.len())
}

/// Longer texts are read each time.
const LONGEST: usize = 4096;

impl<T: Default> Memo<T> {
    /// Room for `pairs` times two texts; `pairs` is rounded up to a power of two. Most texts differ
    /// in the bytes of `telling`.
    pub fn new(pairs: usize, telling: Range<usize>) -> Self {
        let pairs = pairs.next_power_of_two();
        Self {
            slots: (0..pairs * 2).map(|_| (None, T::default())).collect(),
            guesses: vec![0; pairs * 2],
            telling,
            guessed: Guessed::default(),
            hasher: RandomState::default(),
        }
    }

    fn place(&self, bytes: &[u8]) -> usize {
        let mask = self.slots.len() as u64 - 1;
        usize::try_from(self.hasher.hash_one(bytes) & mask).unwrap_or(0)
    }

    fn guess_place(&self, rest: &str) -> usize {
        let to = self.telling.end.min(rest.len());
        self.place(rest.as_bytes().get(self.telling.start..to).unwrap_or_default())
    }

    /// The length of a remembered text at the beginning of `rest`, if it is quickly found: a JSON
    /// object, array or string ends by itself, so that is where the value ends. Whoever guesses at
    /// some texts must guess at all that are read from the same memory.
    pub fn guess(&mut self, rest: &str) -> Option<usize> {
        let place = self.guess_place(rest);
        let first = self.guesses[place] as usize;
        self.guessed = Guessed { place: Some(place), ..Guessed::default() };
        for slot in [first, first + 1] {
            if let Some(text) = &self.slots[slot].0
                && rest.starts_with(&**text)
                && text.starts_with(['{', '[', '"'])
            {
                self.guessed.slot = Some(slot);
                self.guessed.text = address(&rest[..text.len()]);
                return Some(text.len());
            }
        }
        None
    }

    /// What `read` makes of `text`, read or remembered.
    pub fn get<E>(&mut self, text: &str, read: impl FnOnce(&str) -> Result<T, E>) -> Result<&T, E> {
        let guessed = std::mem::take(&mut self.guessed);
        // The very bytes that were compared: since a text is guessed at each time before it is read,
        // they are unchanged.
        if let Some(slot) = guessed.slot
            && guessed.text == address(text)
        {
            return Ok(&self.slots[slot].1);
        }
        let is = |slot: &(Option<Box<str>>, T)| slot.0.as_deref() == Some(text);
        let first = self.place(text.as_bytes()) & !1;
        if !is(&self.slots[first]) {
            self.slots.swap(first, first + 1);
            if !is(&self.slots[first]) {
                let value = read(text)?;
                let kept = (text.len() <= LONGEST).then(|| text.into());
                self.slots[first] = (kept, value);
            }
        }
        if let Some(place) = guessed.place {
            self.guesses[place] = u32::try_from(first).unwrap_or(0);
        }
        Ok(&self.slots[first].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_always_that_of_the_text() {
        let mut memo = Memo::new(4, 1..3);
        let mut read = 0;
        for turn in 0..2000usize {
            let text = format!("{}", turn * turn % 37);
            let value = memo.get(&text, |text| {
                read += 1;
                text.parse::<usize>()
            });
            assert_eq!(value, Ok(&(turn * turn % 37)));
        }
        assert!(read < 2000, "{read}");
        assert!(memo.get("no number", str::parse::<usize>).is_err());

        let mut lengths = Memo::new(1, 0..9);
        for text in [&*"x".repeat(LONGEST + 1), "", &*"x".repeat(LONGEST + 2), "y", ""] {
            assert_eq!(lengths.get(text, |t| Ok::<_, ()>(t.len())), Ok(&text.len()));
        }
    }

    #[test]
    fn a_guess_is_right_or_none() {
        let mut memo = Memo::new(256, 0..8);
        let mut right = 0;
        for turn in 0..3000usize {
            let text = match turn % 5 {
                0 => format!("[{},{}]", turn % 3, turn % 7),
                1 => format!("\"{}\"", turn % 4),
                2 => "12".to_owned(),
                3 => "123".to_owned(),
                _ => format!("{{\"a\":{}}}", turn % 11),
            };
            let rest = format!("{text},\"more\":{}}}", turn % 2);
            if let Some(length) = memo.guess(&rest) {
                assert_eq!(&rest[..length], text);
                right += 1;
            }
            // A line may be given up between the guess and the reading.
            if turn % 13 != 0 {
                let text = &rest[..text.len()];
                assert_eq!(memo.get(text, |t| Ok::<_, ()>(t.to_owned())).unwrap(), text);
            }
        }
        assert!(right > 1000, "{right}");
    }
}
