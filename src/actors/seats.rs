//! Where whoever has a credential, or a name, sits: one who moves is one, two at once are two.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::at_once::together;
use super::gather::{Raw, sorted};
use super::holder::Holder;
use crate::model::Name;

/// What belongs together without a doubt.
struct Seat<'r, 'a> {
    raws: Vec<&'r Raw<'a>>,
    by_hand: Vec<DateTime<Utc>>,
}

impl<'r, 'a> Seat<'r, 'a> {
    fn new(raws: Vec<&'r Raw<'a>>) -> Self {
        let by_hand = sorted(raws.iter().flat_map(|raw| raw.by_hand.iter().copied()));
        Self { raws, by_hand }
    }

    fn first(&self) -> Option<DateTime<Utc>> {
        self.raws.iter().filter_map(|raw| raw.span()).map(|(first, _)| first).min()
    }

    fn all<'s, T: Ord + 's>(&'s self, of: impl Fn(&'s Raw<'a>) -> Option<T>) -> BTreeSet<T> {
        self.raws.iter().filter_map(|raw| of(raw)).collect()
    }

    fn systems(&self) -> BTreeSet<&str> {
        self.all(|raw| raw.client.system.as_deref())
    }

    fn addresses(&self) -> BTreeSet<&Name> {
        self.all(|raw| raw.actor.address.as_ref())
    }

    fn is_on_a_desk(&self) -> bool {
        self.raws.iter().any(|raw| raw.client.desktop)
    }

    /// Whether it is a person's place that is not the other one: another system or another build of
    /// kubectl, or another address and a desktop. Equal machines without one are those of a pipeline,
    /// as far as anybody can tell.
    fn is_elsewhere(&self, other: &Self) -> bool {
        fn apart<T: Ord>(mine: &BTreeSet<T>, theirs: &BTreeSet<T>) -> bool {
            !mine.is_empty() && !theirs.is_empty() && mine.is_disjoint(theirs)
        }
        let build = |seat: &'_ Self| -> BTreeSet<String> {
            seat.raws.iter().filter_map(|raw| raw.client.build.clone()).collect()
        };
        apart(&self.systems(), &other.systems())
            || apart(&build(self), &build(other))
            || (self.is_on_a_desk() || other.is_on_a_desk())
                && apart(&self.addresses(), &other.addresses())
    }

    /// How much speaks for their being one.
    fn likeness(&self, other: &Self) -> u32 {
        2 * u32::from(!self.addresses().is_disjoint(&other.addresses()))
            + u32::from(self.systems() == other.systems())
    }

    fn take(&mut self, other: Self) {
        self.raws.extend(other.raws);
        self.by_hand = sorted(self.by_hand.iter().copied().chain(other.by_hand));
    }
}

/// Those of a holder, by where they sit.
///
/// A credential on one system is one machine that moves from address to address; where two addresses
/// were at it together, they are two. Of one who has tokens made, and of a session's name, it is one
/// holder wherever that is, until two tokens, or two places, of people were at it together.
pub(super) fn seats<'r, 'a>(holder: &Holder, raws: &[&'r Raw<'a>]) -> Vec<Vec<&'r Raw<'a>>> {
    let by_address = |raw: &Raw<'a>| (raw.actor.address.clone(), None);
    let by_credential = |raw: &Raw<'a>| (raw.actor.credential.clone(), None);
    let by_place = |raw: &Raw<'a>| (raw.actor.address.clone(), raw.client.system.clone());
    let units = match holder {
        Holder::Workload(_) => return vec![raws.to_vec()],
        Holder::Credential(_) | Holder::NotSaid => split(raws, by_address),
        Holder::MintedBy(_) => split(raws, by_credential),
        Holder::Session(_) => split(raws, by_place),
    };
    let of_one = matches!(holder, Holder::Credential(_) | Holder::NotSaid);
    let mut seats: Vec<Seat<'r, 'a>> = Vec::new();
    for unit in units {
        let apart = |seat: &Seat<'_, '_>| {
            (of_one || seat.is_elsewhere(&unit)) && together(&seat.by_hand, &unit.by_hand).any()
        };
        let fit = seats.iter().enumerate().filter(|(_, seat)| !apart(seat));
        // Of those that it may be of the first that is most like it.
        let best = fit.map(|(at, seat)| (seat.likeness(&unit), std::cmp::Reverse(at))).max();
        match best.and_then(|(_, std::cmp::Reverse(at))| seats.get_mut(at)) {
            Some(seat) => seat.take(unit),
            None => seats.push(unit),
        }
    }
    seats.into_iter().map(|seat| seat.raws).collect()
}

/// A credential or an address, and a system.
type Key = (Option<Name>, Option<String>);

/// By what they have in common, the first seen first.
fn split<'r, 'a>(raws: &[&'r Raw<'a>], key: impl Fn(&Raw<'a>) -> Key) -> Vec<Seat<'r, 'a>> {
    let mut units: BTreeMap<Key, Vec<&'r Raw<'a>>> = BTreeMap::new();
    for raw in raws {
        units.entry(key(raw)).or_default().push(raw);
    }
    let mut units: Vec<Seat<'r, 'a>> = units.into_values().map(Seat::new).collect();
    units.sort_by_key(Seat::first);
    units
}
