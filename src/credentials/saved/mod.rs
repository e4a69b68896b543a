//! Files that somebody saved: what they tell of credentials that no list of a cluster shows.
//!
//! Nothing of what is secret in them outlives reading, and no message quotes their text.

mod cloud;
mod eks;
mod kubeconfig;
mod token;

use std::borrow::Cow;

pub use cloud::read as read_iam;
pub use kubeconfig::read as read_kubeconfig;

use crate::model::{BrokenInput, Name, Outside};

/// Notes that a place could not be read.
fn unreadable(into: &mut Outside, place: impl Into<Name>, reason: impl Into<Name>) {
    into.unreadable.push(BrokenInput { place: place.into(), reason: reason.into() });
}

/// Text in UTF-8, or in UTF-16 as some shells write when output is redirected; None for what is
/// none.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = rest.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok().map(Cow::Owned)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(Cow::Borrowed),
        _ => std::str::from_utf8(bytes).ok().map(Cow::Borrowed),
    }
}

#[cfg(test)]
mod tests;
