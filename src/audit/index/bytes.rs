//! Numbers and texts as bytes: small numbers take few.

/// Bytes that are not what was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

/// Appends a number: seven bits a byte, the lowest first.
pub fn number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0));
}

/// Appends a number that may be below zero.
pub fn signed(out: &mut Vec<u8>, value: i64) {
    number(out, u64::from_ne_bytes(((value << 1) ^ (value >> 63)).to_ne_bytes()));
}

/// Appends a number of any size: eight bytes.
pub fn whole(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Appends a text.
pub fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Takes from the beginning of bytes what the functions above appended. None where it is not
/// there: the bytes are not what was written.
#[derive(Clone, Copy, Debug)]
pub struct Bytes<'a>(pub &'a [u8]);

impl<'a> Bytes<'a> {
    pub fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub fn signed(&mut self) -> Option<i64> {
        let number = self.number()?;
        let half = i64::try_from(number >> 1).ok()?;
        Some(if number & 1 == 0 { half } else { -half - 1 })
    }

    pub fn whole(&mut self) -> Option<u64> {
        let (eight, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*eight))
    }

    pub fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    /// A count of things of which each takes at least one byte.
    pub fn length(&mut self) -> Option<usize> {
        let length = usize::try_from(self.number()?).ok()?;
        (length <= self.0.len()).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_appended_is_taken_back() {
        let numbers = [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX - 1, u64::MAX];
        let signed_ones = [0, -1, 1, 63, -64, 64, i64::MAX, i64::MIN, -1_777_885_811_123_456];
        let mut out = Vec::new();
        for one in numbers {
            number(&mut out, one);
            whole(&mut out, one);
        }
        for one in signed_ones {
            signed(&mut out, one);
        }
        text(&mut out, "");
        text(&mut out, "größer");
        let mut bytes = Bytes(&out);
        for one in numbers {
            assert_eq!((bytes.number(), bytes.whole()), (Some(one), Some(one)));
        }
        for one in signed_ones {
            assert_eq!(bytes.signed(), Some(one));
        }
        assert_eq!((bytes.text(), bytes.text(), bytes.text()), (Some(""), Some("größer"), None));
    }

    #[test]
    fn what_is_not_whole_is_not_taken() {
        for broken in [&[0x80][..], &[0xff; 11], &[5, b'a'], &[2, 0xc3, 0x28]] {
            assert_eq!(Bytes(broken).text(), None, "{broken:?}");
        }
        assert_eq!(Bytes(&[0; 7]).whole(), None);
    }
}
