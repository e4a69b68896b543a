//! Whether rules of policies together let everything through.

use super::addresses;
use crate::model::{NamedByRule, NetworkRule};

/// Protocols of which policies know ports.
const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
/// Of each the last port; there is none before 1.
const LAST: u64 = 65_535;

/// Whether everybody is let through everywhere: by rules for everybody whose ports together are all,
/// or by rules for every port whose addresses together are all.
pub(super) fn are_all(rules: &[NetworkRule<'_>]) -> bool {
    let everybody = rules.iter().filter(|rule| match rule.peers {
        NamedByRule::All => true,
        peers @ NamedByRule::These(_) => addresses::are_all(peers.blocks()),
    });
    let everywhere = rules.iter().filter(|rule| holds_all_ports(std::iter::once(rule.ports)));
    holds_all_ports(everybody.map(|rule| rule.ports))
        || addresses::are_all(everywhere.flat_map(|rule| rule.peers.blocks()))
}

fn holds_all_ports<'p>(named: impl Iterator<Item = NamedByRule<'p>>) -> bool {
    let all: Vec<NamedByRule<'p>> = named.collect();
    all.iter().any(|ports| matches!(ports, NamedByRule::All))
        || PROTOCOLS.iter().all(|protocol| {
            let mut ranges: Vec<(u64, u64)> = all
                .iter()
                .flat_map(|ports| ports.numbers())
                .filter(|(of, ..)| of == protocol)
                .map(|(_, first, last)| (first, last))
                .collect();
            ranges.sort_unstable();
            let upto = ranges.into_iter().fold(0, |upto, (first, last)| {
                if first <= upto + 1 { upto.max(last.min(LAST)) } else { upto }
            });
            upto == LAST
        })
}
