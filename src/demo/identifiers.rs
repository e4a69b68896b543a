//! Identifiers that look like a cluster's and come from names.

use std::fmt::Write as _;

use super::random::{Random, hash};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Writes the hexadecimal digits of `value`, `count` of them, most significant first.
pub(super) fn hex(out: &mut Vec<u8>, value: u64, count: u32) {
    for place in (0..count).rev() {
        let digit = (value >> (place * 4)) & 0xf;
        out.push(HEX.get(usize::try_from(digit).unwrap_or(0)).copied().unwrap_or(b'0'));
    }
}

/// Writes a random (version 4) UUID's form of 128 bits.
pub(super) fn uuid(out: &mut Vec<u8>, high: u64, low: u64) {
    hex(out, high >> 32, 8);
    out.push(b'-');
    hex(out, (high >> 16) & 0xffff, 4);
    out.push(b'-');
    hex(out, 0x4000 | (high & 0xfff), 4);
    out.push(b'-');
    hex(out, 0x8000 | ((low >> 48) & 0x3fff), 4);
    out.push(b'-');
    hex(out, low & 0xffff_ffff_ffff, 12);
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// An object's UID.
pub(super) fn uid(kind: &str, namespace: &str, name: &str) -> String {
    token(&format!("{kind}/{namespace}/{name}"))
}

/// A UUID that belongs to a text: a token's `jti`, a user's `sub`.
pub(super) fn token(of: &str) -> String {
    let mut random = Random::of(of);
    let mut out = Vec::with_capacity(36);
    uuid(&mut out, random.next(), random.next());
    text(out)
}

/// The SHA-256 of a certificate, as `credential-id` carries it.
pub(super) fn fingerprint(of: &str) -> String {
    let mut random = Random::of(of);
    let mut out = Vec::with_capacity(64);
    for _ in 0..4 {
        hex(&mut out, random.next(), 16);
    }
    text(out)
}

/// The ending of a generated name: letters and digits that Kubernetes uses (no vowels).
pub(super) fn suffix(of: &str, length: usize) -> String {
    let letters = b"bcdfghjklmnpqrstvwxz2456789";
    let mut random = Random::new(hash(of));
    let mut out = String::with_capacity(length);
    for _ in 0..length {
        let letter = random.pick(letters).copied().unwrap_or(b'x');
        // Writing to a String never fails.
        let _ = write!(out, "{}", char::from(letter));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_have_the_right_form_and_repeat() {
        let one = uid("Role", "shop", "x");
        assert_eq!(one, uid("Role", "shop", "x"));
        assert_ne!(one, uid("Role", "shop", "y"));
        let parts: Vec<&str> = one.split('-').collect();
        assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(parts[2].starts_with('4') && parts[3].starts_with(['8', '9', 'a', 'b']));
        assert_eq!(fingerprint("x").len(), 64);
        assert_eq!(suffix("x", 5).len(), 5);
    }
}
