//! Blocks of addresses, and of which versions of IP a cluster's pods have any.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::Snapshot;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    Four,
    Six,
}

impl Family {
    /// Its last address.
    pub(super) fn last(self) -> u128 {
        match self {
            Self::Four => u32::MAX.into(),
            Self::Six => u128::MAX,
        }
    }
}

/// Of which versions pods have addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Families {
    /// Of these; every pod of a cluster has one of each.
    These { four: bool, six: bool },
    /// No pod says so.
    NotKnown,
}

impl Families {
    /// By the pods that have an address of the cluster's own; those with the node's network have the
    /// node's, which may have more.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let (mut four, mut six) = (false, false);
        for pod in snapshot.objects.pods.values().filter(|pod| !pod.spec.host_network) {
            four |= pod.ips.iter().any(IpAddr::is_ipv4);
            six |= pod.ips.iter().any(IpAddr::is_ipv6);
            if four && six {
                break;
            }
        }
        if four || six { Self::These { four, six } } else { Self::NotKnown }
    }
}

/// From the first to the last address.
pub(super) type Span = (u128, u128);

/// A block of addresses without what is taken out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) family: Family,
    /// Sorted, apart from each other.
    pub(super) spans: Vec<Span>,
}

impl Block {
    /// Of `10.0.0.0/8` and what is taken out of it; None where one of them cannot be read.
    pub(super) fn read(block: &str, out: &[&str]) -> Option<Self> {
        let (family, (first, last)) = range(block)?;
        let taken = out.iter().map(|of| range(of)).collect::<Option<Vec<_>>>()?;
        let of_family = taken.into_iter().filter(|(of, _)| *of == family).map(|(_, span)| span);
        let mut spans = Vec::new();
        let mut next = Some(first);
        for (from, to) in joined(of_family.collect()) {
            let Some(at) = next.filter(|at| *at <= last) else { break };
            if from > last {
                break;
            }
            if from > at {
                spans.push((at, from - 1));
            }
            next = to.checked_add(1).map(|after| after.max(at));
        }
        if let Some(at) = next.filter(|at| *at <= last) {
            spans.push((at, last));
        }
        Some(Self { family, spans })
    }
}

/// Version, first and last address of a block.
fn range(block: &str) -> Option<(Family, Span)> {
    let (address, length) = block.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (at, bits, family): (u128, u32, Family) = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(at) => (u128::from(Ipv4Addr::to_bits(at)), 32, Family::Four),
        IpAddr::V6(at) => (Ipv6Addr::to_bits(at), 128, Family::Six),
    };
    let inside = match bits.checked_sub(length)? {
        0 => 0,
        hosts => u128::MAX >> (128 - hosts),
    };
    Some((family, (at & !inside, at | inside)))
}

/// Spans that touch or overlap as one, sorted.
pub(super) fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut all: Vec<Span> = Vec::new();
    for (first, last) in spans {
        match all.last_mut() {
            Some((_, end)) if end.checked_add(1).is_none_or(|next| first <= next) => {
                *end = last.max(*end);
            }
            _ => all.push((first, last)),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_of_a_block_is_not_in_it() {
        let spans = |block: &str, out: &[&str]| Block::read(block, out).map(|of| of.spans);
        // 10.0.0.0/29 is 10.0.0.0 to 10.0.0.7; 10 << 24 is 167,772,160.
        let at = |last: u128| 167_772_160 + last;
        assert_eq!(spans("10.0.0.0/29", &[]), Some(vec![(at(0), at(7))]));
        // A block is named by any address in it.
        assert_eq!(spans("10.0.0.5/29", &[]), Some(vec![(at(0), at(7))]));
        assert_eq!(spans("10.0.0.0/29", &["10.0.0.0/31"]), Some(vec![(at(2), at(7))]));
        assert_eq!(spans("10.0.0.0/29", &["10.0.0.6/31"]), Some(vec![(at(0), at(5))]));
        assert_eq!(
            spans("10.0.0.0/29", &["10.0.0.4/32", "10.0.0.1/32", "10.0.0.4/31"]),
            Some(vec![(at(0), at(0)), (at(2), at(3)), (at(6), at(7))])
        );
        assert_eq!(spans("10.0.0.0/29", &["10.0.0.0/8"]), Some(vec![]));
        assert_eq!(spans("10.0.0.0/29", &["10.0.0.8/32", "9.0.0.0/8"]), Some(vec![(at(0), at(7))]));
        assert_eq!(spans("::/0", &["8000::/1"]), Some(vec![(0, u128::MAX >> 1)]));
        assert_eq!(spans("::/0", &["::/1"]), Some(vec![((u128::MAX >> 1) + 1, u128::MAX)]));
        assert_eq!(spans("::/0", &["::/0"]), Some(vec![]));
        for bad in ["0.0.0.0/33", "0.0.0.0", "nonsense/0", ""] {
            assert_eq!(spans(bad, &[]), None, "{bad}");
            assert_eq!(spans("0.0.0.0/0", &[bad]), None, "{bad}");
        }
    }

    #[test]
    fn spans_that_touch_are_one() {
        assert_eq!(joined(vec![(5, 6), (0, 1), (2, 3), (2, 2)]), [(0, 3), (5, 6)]);
        assert_eq!(joined(vec![(0, u128::MAX), (3, 4)]), [(0, u128::MAX)]);
    }
}
