//! Blocks of addresses, as far as several of them are all that there are.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether blocks such as `0.0.0.0/1` hold every address of both versions of IP together: whichever a
/// pod has, and whoever it speaks with.
pub(super) fn are_all<'a>(blocks: impl Iterator<Item = &'a str>) -> bool {
    let (mut four, mut six) = (Vec::new(), Vec::new());
    for (first, last, of_four) in blocks.filter_map(range) {
        if of_four { &mut four } else { &mut six }.push((first, last));
    }
    holds_all(four, u32::MAX.into()) && holds_all(six, u128::MAX)
}

/// First and last address of a block, and whether they are of IPv4.
fn range(block: &str) -> Option<(u128, u128, bool)> {
    let (address, length) = block.split_once('/')?;
    let length: u32 = length.parse().ok()?;
    let (at, bits, of_four): (u128, u32, bool) = match address.parse::<IpAddr>().ok()? {
        IpAddr::V4(at) => (u128::from(Ipv4Addr::to_bits(at)), 32, true),
        IpAddr::V6(at) => (Ipv6Addr::to_bits(at), 128, false),
    };
    let inside = match bits.checked_sub(length)? {
        0 => 0,
        hosts => u128::MAX >> (128 - hosts),
    };
    Some((at & !inside, at | inside, of_four))
}

/// Whether ranges leave nothing out between nought and the last address.
fn holds_all(mut ranges: Vec<(u128, u128)>, last: u128) -> bool {
    ranges.sort_unstable();
    let mut next = 0;
    for (from, to) in ranges {
        if from > next {
            return false;
        }
        if to >= last {
            return true;
        }
        next = next.max(to + 1);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::are_all;

    #[test]
    fn blocks_are_all_addresses_only_where_nothing_is_left_out() {
        let all = |blocks: &[&str]| are_all(blocks.iter().copied());
        assert!(all(&["0.0.0.0/0", "::/0"]));
        assert!(all(&["128.0.0.0/1", "8000::/1", "0.0.0.0/1", "::/1"]));
        assert!(all(&["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2", "10.0.0.0/8", "::/0"]));
        // A block is named by any address in it.
        assert!(all(&["10.1.2.3/0", "fe80::1/0"]));
        for some in [
            &["0.0.0.0/0"][..],
            &["::/0"],
            &["0.0.0.0/1", "::/0"],
            &["0.0.0.0/1", "128.0.0.0/2", "::/0"],
            &["0.0.0.0/0", "::/1"],
            &["0.0.0.0/33", "::/0"],
            &["0.0.0.0", "::/0"],
            &["nonsense/0", "::/0"],
            &[],
        ] {
            assert!(!all(some), "{some:?}");
        }
    }
}
