//! Files that somebody saved: what they tell of credentials that no list of a cluster shows.
//!
//! Nothing of what is secret in them outlives reading, and no message quotes their text.

mod cloud;
mod eks;
mod kubeconfig;
mod token;

pub use cloud::read as read_iam;
pub use kubeconfig::read as read_kubeconfig;

use crate::model::{BrokenInput, Name, Outside};

/// Notes that a place could not be read.
fn unreadable(into: &mut Outside, place: impl Into<Name>, reason: impl Into<Name>) {
    into.unreadable.push(BrokenInput { place: place.into(), reason: reason.into() });
}

#[cfg(test)]
mod tests;
