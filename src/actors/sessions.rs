//! Sessions of a cloud role: whose the names are.
//!
//! Whoever assumes a role names the session as they like, and programs do too. So a name alone says
//! little: that people are behind it, what they use says, or a name that is an address for mail. What a
//! program calls its session is nobody's name, on a desktop neither: there it is another each time.

use super::at_once::together;
use super::holder::Holder;
use super::signals::{Sign, Signal, listed};
use super::{Actor, programs};
use crate::model::{Name, quoted};

/// Where two names are several people's for sure…
const CERTAIN: u32 = 60;

/// …and where they may be those of scripts.
const PERHAPS: u32 = 25;

/// A cloud role that several people take on.
pub(super) fn find(actors: &[Actor], found: &mut Vec<Signal>) {
    let mut people: Vec<(&Name, bool)> = Vec::new();
    let mut seen: Vec<(&Name, &Actor)> = Vec::new();
    for actor in actors.iter().filter(|actor| actor.attended && !actor.by_hand.is_empty()) {
        let Holder::Session(name) = &actor.holder else { continue };
        if programs::are_named(name) {
            continue;
        }
        let certain = actor.person || name.contains('@');
        let is_one = |have: &Name| {
            is_same(have, name)
                || is_short_for(have, name)
                    && seen.iter().all(|(of, other)| *of != have || is_one_place(other, actor))
        };
        if let Some(one) = people.iter_mut().find(|(have, _)| is_one(have)) {
            seen.push((one.0, actor));
            one.1 |= certain;
        } else {
            seen.push((name, actor));
            people.push((name, certain));
        }
    }
    if people.len() < 2 {
        return;
    }
    people.sort_unstable();
    let names: Vec<String> = people.iter().map(|(name, _)| quoted(name)).collect();
    let certain = people.iter().filter(|(_, certain)| *certain).count() > 1;
    let by = if certain { "by people" } else { "by hand, or by scripts" };
    found.push(Signal {
        sign: Sign::Sessions,
        weight: if certain { CERTAIN } else { PERHAPS },
        evidence: format!("{} sessions of a cloud role {by}: {}", names.len(), listed(&names)),
    });
}

/// Whether both are one person's: letters may be large or small, and the name of an address for mail
/// may stand without its domain.
fn is_same(one: &str, other: &str) -> bool {
    let local = |name: &str| name.split('@').next().unwrap_or_default().to_lowercase();
    one.to_lowercase() == other.to_lowercase()
        || one.contains('@') != other.contains('@') && local(one) == local(other)
}

/// Whether one is how people write the other short: `alopez`, `lopeza` and `lopez` for
/// `ana.lopez@corp.example`.
fn is_short_for(one: &str, other: &str) -> bool {
    let local = |name: &str| name.split('@').next().unwrap_or_default().to_lowercase();
    let (one, other) = (local(one), local(other));
    let short = |whole: &str, short: &str| {
        let mut parts = whole.split(['.', '_', '-']);
        let (Some(first), Some(last), None) = (parts.next(), parts.next_back(), parts.next())
        else {
            return false;
        };
        let Some(initial) = first.chars().next().filter(|_| last.chars().count() > 1) else {
            return false;
        };
        [first.to_owned(), last.to_owned(), format!("{initial}{last}"), format!("{last}{initial}")]
            .into_iter()
            .chain([format!("{first}{last}"), format!("{last}{first}")])
            .any(|way| way == short)
    };
    short(&one, &other) || short(&other, &one)
}

/// Whether both sat at one machine as far as the log tells, and never at once.
fn is_one_place(one: &Actor, other: &Actor) -> bool {
    one.system == other.system
        && one.addresses.iter().any(|at| other.addresses.contains(at))
        && !together(&one.by_hand, &other.by_hand).any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_name_may_be_written_in_several_ways() {
        assert!(is_same("ana@corp.example", "ANA@corp.example"));
        assert!(is_same("Ana", "ana@corp.example"));
        assert!(!is_same("ana@corp.example", "ana@partner.example"));
        assert!(!is_same("ana", "bo"));
        for short in ["alopez", "lopeza", "Lopez", "ana", "analopez"] {
            assert!(is_short_for("ana.lopez@corp.example", short), "{short}");
            assert!(is_short_for(short, "ana.lopez@corp.example"), "{short}");
        }
        for other in ["blopez", "alop", "lopez.ana.m", "a", "", "ben.lopez@corp.example"] {
            assert!(!is_short_for("ana.lopez@corp.example", other), "{other}");
        }
    }
}
