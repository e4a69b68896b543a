//! Strings that clients choose are of any length; what is kept of them is not.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use crate::model::Name;

/// The longest string that is kept whole, in bytes. Names of objects have at most 253, user agents
/// at most 1,024 in the server's own form.
pub const LONGEST: usize = 512;

/// `text`, or where it is too long its beginning and a digest of the whole, so that two long
/// strings stay two.
pub fn clip(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let digest = Sha256::digest(text.as_bytes());
    let mut out = String::with_capacity(LONGEST);
    out.push_str(&text[..text.floor_char_boundary(LONGEST - 40)]);
    out.push('…');
    for byte in &digest[..16] {
        let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('?');
        out.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    Cow::Owned(out)
}

/// The shared form of `text`, clipped.
pub fn name(text: &str) -> Name {
    Name::from(&*clip(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_strings_are_cut_and_stay_apart() {
        let short = "x".repeat(LONGEST);
        assert_eq!(clip(&short), short);
        let (one, two) = ("ü".repeat(4000), "ü".repeat(4001));
        let (one, two) = (clip(&one), clip(&two));
        assert!(one.len() <= LONGEST && two.len() <= LONGEST);
        assert_ne!(one, two);
        assert_eq!(clip(&one), one);
        // The digits are `printf 'x%.0s' {1..600} | sha256sum | cut -c1-32`.
        let digest = "…5130b33e6b87fbf5316ed9049e98924e";
        assert!(clip(&"x".repeat(600)).ends_with(digest), "{}", clip(&"x".repeat(600)));
    }
}
