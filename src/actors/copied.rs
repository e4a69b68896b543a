//! A user's token at two places at once: where a person is at it, and where a program is.
//!
//! Providers' tokens are good for an hour or so, and each program asks for its own: one that is used
//! elsewhere in the same minutes was copied.

use super::Actor;
use super::at_once::together;
use super::holder::{Holder, kind};
use super::signals::{About, Pairs, Sign, Signal};
use crate::model::{Name, quoted_agent};

/// That alone is enough: what is done by a copy is nobody's.
const COPIED: u32 = 50;

pub(super) fn find(actors: &[Actor], about: &About<'_>, found: &mut Vec<Signal>) {
    if !about.is_user() {
        return;
    }
    let mut pairs = Pairs::default();
    let by_itself = |actor: &&Actor| !actor.attended && !actor.by_itself.is_empty();
    for program in actors.iter().filter(by_itself) {
        for person in actors.iter().filter(|actor| actor.person) {
            let Some(token) = shared_token(person, program) else { continue };
            let both = together(&person.by_hand, &program.by_itself);
            // One machine may have an address of either family, and each program takes one of them.
            let of_one_family =
                |at: &Name| program.addresses.iter().any(|of| is_of_six(of) == is_of_six(at));
            let apart = !person.addresses.iter().any(|at| program.addresses.contains(at))
                && person.addresses.iter().any(of_one_family);
            if let ([mine, ..], [theirs, ..]) = (&*person.addresses, &*program.addresses)
                && apart
                && both.any()
                && !both.in_turns()
            {
                let by = program.agents.first().map(|agent| format!(" by {}", quoted_agent(agent)));
                let by = by.unwrap_or_default();
                pairs.add(COPIED, both, || {
                    format!("token {token} by a person from {mine} and{by} from {theirs}")
                });
            }
        }
    }
    pairs.push(false, found, Sign::Addresses);
}

/// A provider's token that both have.
fn shared_token<'a>(one: &'a Actor, other: &Actor) -> Option<&'a str> {
    let of_provider = |actor: &Actor| matches!(actor.holder, Holder::Credential(_));
    let mut all = one.credentials.iter().filter(|id| kind(id) == "JTI=");
    let both = all.find(|id| other.credentials.contains(id))?;
    (of_provider(one) && of_provider(other)).then_some(&**both)
}

/// Whether an address is one of IPv6.
pub(super) fn is_of_six(address: &str) -> bool {
    address.contains(':')
}
