//! Whether rules of policies together let everything through.

use std::collections::{BTreeMap, BTreeSet};

use super::addresses::{Block, Families, Family, Span, joined};
use crate::model::{NamedByRule, NetworkRule};

/// Protocols of which policies know ports.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
/// Of each the last port; there is none before 1.
const LAST: u64 = 65_535;

/// Ports by number that a rule names: of which of [`PROTOCOLS`], the first and the last. None is all.
type Ports = Option<BTreeSet<(usize, u64, u64)>>;

/// Whether everybody is let through everywhere: whether for each address, of the versions of IP that
/// there are, rules name every port of every protocol. None where that depends on which versions
/// there are, which is not known.
pub(super) fn are_all(rules: &[NetworkRule<'_>], families: Families) -> Option<bool> {
    let all = |family: Family| are_all_of(rules, family);
    match families {
        Families::These { four, six } => {
            Some((!four || all(Family::Four)) && (!six || all(Family::Six)))
        }
        Families::NotKnown => match (all(Family::Four), all(Family::Six)) {
            (true, true) => Some(true),
            (false, false) => Some(false),
            _ => None,
        },
    }
}

fn are_all_of(rules: &[NetworkRule<'_>], family: Family) -> bool {
    let mut by_ports: BTreeMap<Ports, Vec<Span>> = BTreeMap::new();
    for rule in rules {
        let spans = by_ports.entry(ports(rule.ports)).or_default();
        match rule.peers {
            NamedByRule::All => spans.push((0, family.last())),
            peers @ NamedByRule::These(_) => {
                let blocks = peers.blocks().filter_map(|(cidr, out)| Block::read(cidr, &out));
                spans.extend(blocks.filter(|of| of.family == family).flat_map(|of| of.spans));
            }
        }
    }
    let by_ports: Vec<(Ports, Vec<Span>)> =
        by_ports.into_iter().map(|(ports, spans)| (ports, joined(spans))).collect();
    // Between two places where a span begins or has ended, what is let through is the same.
    let spans = || by_ports.iter().flat_map(|(_, spans)| spans);
    let begin = spans().map(|(first, _)| *first);
    let ended = spans().filter_map(|(_, last)| last.checked_add(1));
    let places: BTreeSet<u128> = begin.chain(ended).chain([0]).collect();
    places.into_iter().filter(|at| *at <= family.last()).all(|at| {
        let has = |spans: &[Span]| {
            let upto = spans.partition_point(|(first, _)| *first <= at);
            upto.checked_sub(1).and_then(|of| spans.get(of)).is_some_and(|(_, last)| at <= *last)
        };
        let there = by_ports.iter().filter(|(_, spans)| has(spans));
        holds_all_ports(&there.map(|(ports, _)| ports).collect::<Vec<_>>())
    })
}

fn ports(named: NamedByRule<'_>) -> Ports {
    if matches!(named, NamedByRule::All) {
        return None;
    }
    let numbers = named.numbers().filter_map(|(of, first, last)| {
        Some((PROTOCOLS.iter().position(|protocol| *protocol == of)?, first, last))
    });
    Some(numbers.collect())
}

fn holds_all_ports(named: &[&Ports]) -> bool {
    named.iter().any(|ports| ports.is_none())
        || (0..PROTOCOLS.len()).all(|protocol| {
            let all = named.iter().filter_map(|ports| ports.as_ref()).flatten();
            let mut ranges: Vec<(u64, u64)> = all
                .filter(|(of, ..)| *of == protocol)
                .map(|(_, first, last)| (*first, *last))
                .collect();
            ranges.sort_unstable();
            let upto = ranges.into_iter().fold(0, |upto, (first, last)| {
                if first <= upto + 1 { upto.max(last.min(LAST)) } else { upto }
            });
            upto == LAST
        })
}
