//! Tokens that were made for an account: by several people, or by one who gave them away.

use std::collections::BTreeSet;

use super::Actor;
use super::agent::Client;
use super::holder::{self, Holder};
use super::signals::{About, Sign, Signal, listed};
use crate::model::{Activity, Identity, Name, Use};

/// Where tokens of several people are each used by hand…
const CERTAIN: u32 = 60;

/// …where one took the other's place on the same machine…
const RENEWED: u32 = 10;

/// …and where programs use them, at the same time at different places.
const PROGRAMS: u32 = 50;

/// Tokens of one account that several people had made, each in use.
pub(super) fn find(actors: &[Actor], about: &About<'_>, found: &mut Vec<Signal>) {
    let minted: Vec<(&Actor, &Identity)> = actors
        .iter()
        .filter_map(|actor| match &actor.holder {
            Holder::MintedBy(by) if holder::is_person(by) => Some((actor, by)),
            _ => None,
        })
        .collect();
    let mut best = 0;
    let mut who: BTreeSet<&Identity> = BTreeSet::new();
    for (at, (one, by)) in minted.iter().enumerate() {
        for (other, others) in minted.iter().skip(at + 1).filter(|(_, others)| others != by) {
            let weight = weigh(one, other);
            if weight > 0 && [by, others].into_iter().all(|by| !is_programs(about.activity, by)) {
                best = weight.max(best);
                who.extend([*by, *others]);
            }
        }
    }
    if best == 0 {
        return;
    }
    let used = |by: &Identity| -> usize {
        let theirs = minted.iter().filter(|(_, other)| *other == by);
        theirs.flat_map(|(actor, _)| &actor.credentials).collect::<BTreeSet<_>>().len()
    };
    let who: Vec<String> = who.into_iter().map(|by| format!("{by} ({} used)", used(by))).collect();
    let how = match best {
        RENEWED => ", one after the other for one place",
        PROGRAMS => ", at the same time in different programs",
        _ => "",
    };
    let evidence = format!("tokens of it were made by {}{how}", listed(&who));
    found.push(Signal { sign: Sign::Minters, weight: best, evidence });
}

/// What it says that two people's tokens are in use.
fn weigh(one: &Actor, other: &Actor) -> u32 {
    let (early, late) = if one.last <= other.last { (one, other) } else { (other, one) };
    let in_turn = early.last <= late.first;
    let one_place = early.addresses.iter().any(|address| late.addresses.contains(address));
    if one.attended && other.attended {
        // One who hands the token on that the other had made before to the same machine renews it.
        let renewed = in_turn && one_place && early.system == late.system;
        return if renewed { RENEWED } else { CERTAIN };
    }
    // Whoever is on duty makes the token of a program anew; two programs at once are two.
    let programs = |actor: &Actor| -> BTreeSet<String> {
        actor.agents.iter().map(|agent| Client::program(agent).to_owned()).collect()
    };
    let (mine, theirs) = (programs(one), programs(other));
    let apart = !mine.is_empty() && !theirs.is_empty() && mine.is_disjoint(&theirs);
    if !in_turn && !one_place && apart { PROGRAMS } else { 0 }
}

/// What it says that one who has tokens made has two of them in use at once, at two places of people.
///
/// A program has one made for each job: there only what people use tells. A person may have one made
/// for each of their machines, and uses them in turns, at places where they are seen themselves.
pub(super) fn given(
    (one, other): (&Actor, &Actor),
    by: &Identity,
    in_turns: bool,
    about: &About<'_>,
) -> Option<(u32, String)> {
    let desk = one.person || other.person;
    let of_program = !holder::is_person(by) || is_programs(about.activity, by);
    let weight = match (desk, in_turns) {
        (false, _) if of_program => return None,
        (false, _) => 25,
        (true, false) => 50,
        (true, true) if about.is_own() || is_at_both(about.activity, by, one, other) => 15,
        (true, true) => 40,
    };
    Some((weight, format!("tokens that {by} had made for it")))
}

/// Whether somebody was seen, as themselves, wherever both of these are.
fn is_at_both(activity: &Activity, by: &Identity, one: &Actor, other: &Actor) -> bool {
    let places: BTreeSet<&Name> =
        rows(activity, by).filter_map(|row| activity.actor(row.actor).address.as_ref()).collect();
    [one, other].into_iter().all(|actor| actor.addresses.iter().any(|at| places.contains(at)))
}

/// Whether it is only programs by which somebody has tokens made, as far as that was kept.
fn is_programs(activity: &Activity, by: &Identity) -> bool {
    let mut agents = rows(activity, by)
        .filter(|row| activity.call(row.call).token_for().is_some())
        .filter_map(|row| activity.actor(row.actor).agent.as_deref())
        .peekable();
    agents.peek().is_some() && agents.all(|agent| Client::of(agent).is_program())
}

fn rows<'a>(activity: &'a Activity, by: &Identity) -> impl Iterator<Item = &'a Use> + use<'a> {
    activity.seen(by).into_iter().flat_map(|seen| activity.by_authenticated(seen))
}
