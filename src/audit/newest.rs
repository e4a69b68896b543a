//! The newest values of each group, within bounds: what is kept of what clients choose.

use hashbrown::hash_map::Entry;

use super::hashing::{ById, mix};

/// Keeps, of values that come in any order and any number of times, the ones seen last: so many of
/// a group, so many in all. Which ones are kept depends on nothing but the values and their latest
/// times: between values of one time the greater is kept, and where one value of one time in
/// several groups is too much for the bound on all, it is kept in none.
///
/// That it does not depend on the order rests on this: once the last sighting of a value that is
/// kept in the end is noted, there are never more newer values than the bounds allow.
#[derive(Clone, Debug)]
pub struct Newest<T> {
    bounds: Bounds,
    seen: ById<Seen<T>>,
    /// At how many values the next trimming is due.
    due: usize,
    /// What is not above this is too old, whatever else comes.
    floor: Option<(i64, T)>,
    /// Whether values came since the last trimming.
    fresh: bool,
    /// Groups of which some were dropped.
    cut: ById<()>,
    /// Whether some were dropped, or may be back that were, since this was asked last.
    unsteady: bool,
}

/// How much is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Of one group.
    pub each: usize,
    /// In all.
    pub all: usize,
}

#[derive(Clone, Debug)]
struct Seen<T> {
    group: u64,
    /// Microseconds since 1970, UTC.
    last: i64,
    payload: T,
}

impl<T: Ord + Clone> Newest<T> {
    /// How many values there may be above the last trimming's before the next.
    const SLACK: usize = 14_000;

    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            seen: ById::default(),
            due: Self::SLACK,
            floor: None,
            fresh: false,
            cut: ById::default(),
            unsteady: false,
        }
    }

    /// Notes that `value` (an id) of `group` (an id) was seen at `last`.
    pub fn offer(&mut self, group: u64, value: u64, last: i64, payload: impl FnOnce() -> T) {
        match self.seen.entry(mix(&[group, value])) {
            Entry::Occupied(mut seen) => {
                let seen = seen.get_mut();
                seen.last = seen.last.max(last);
            }
            Entry::Vacant(slot) => {
                slot.insert(Seen { group, last, payload: payload() });
                self.came(group);
                if self.seen.len() > self.due {
                    self.trim();
                    self.due = self.seen.len() + Self::SLACK;
                }
            }
        }
    }

    fn came(&mut self, group: u64) {
        self.fresh = true;
        self.unsteady |= self.floor.is_some() || self.cut.contains_key(&group);
    }

    /// Whether all that was kept when this was asked last still is, and nothing is kept that was
    /// not then though it had been seen. To be asked after [`Newest::trim`].
    pub fn was_steady(&mut self) -> bool {
        !std::mem::take(&mut self.unsteady)
    }

    /// Drops all but what is kept.
    pub fn trim(&mut self) {
        if !std::mem::take(&mut self.fresh) {
            return;
        }
        let cuts = self.cuts();
        let above = |seen: &Seen<T>, cut: &(i64, T)| (seen.last, &seen.payload) > (cut.0, &cut.1);
        let floor = self.floor_after(&cuts);
        self.floor = self.floor.take().max(floor);
        let floor = &self.floor;
        let keep = |seen: &Seen<T>| {
            floor.as_ref().is_none_or(|floor| above(seen, floor))
                && cuts.get(&seen.group).is_none_or(|cut| above(seen, cut))
        };
        let kept = self.seen.values().filter(|seen| keep(seen)).count();
        if kept < self.seen.len() {
            self.unsteady = true;
            let dropped = self.seen.values().filter(|seen| !keep(seen)).map(|seen| seen.group);
            self.cut.extend(dropped.map(|group| (group, ())));
            // A table from which much was taken grows on the next occasion; a new one does not.
            let old = std::mem::take(&mut self.seen);
            self.seen.reserve(kept + Self::SLACK);
            self.seen.extend(old.into_iter().filter(|(_, seen)| keep(seen)));
        }
    }

    /// Of each group that is too large the newest value that is not kept.
    fn cuts(&self) -> ById<(i64, T)> {
        let each = self.bounds.each;
        let mut order: Vec<(u64, i64, &T)> =
            self.seen.values().map(|seen| (seen.group, seen.last, &seen.payload)).collect();
        order.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| (b.1, b.2).cmp(&(a.1, a.2))));
        order
            .chunk_by(|a, b| a.0 == b.0)
            .filter_map(|group| group.get(each))
            .map(|(group, last, payload)| (*group, (*last, (*payload).clone())))
            .collect()
    }

    /// The newest value that is too much for the bound on all, once the groups are cut.
    fn floor_after(&self, cuts: &ById<(i64, T)>) -> Option<(i64, T)> {
        let all = self.bounds.all;
        if self.seen.len() <= all {
            return None;
        }
        let kept = self.seen.values().filter(|seen| {
            let cut = cuts.get(&seen.group);
            cut.is_none_or(|cut| (seen.last, &seen.payload) > (cut.0, &cut.1))
        });
        let mut kept: Vec<(i64, &T)> = kept.map(|seen| (seen.last, &seen.payload)).collect();
        if kept.len() <= all {
            return None;
        }
        let (_, first_out, _) = kept.select_nth_unstable_by(all, |a, b| b.cmp(a));
        Some((first_out.0, first_out.1.clone()))
    }

    /// The kept value, if it is one; to be asked after [`Newest::trim`].
    pub fn get(&self, group: u64, value: u64) -> Option<&T> {
        self.seen.get(&mix(&[group, value])).map(|seen| &seen.payload)
    }

    /// Takes what another of the same bounds has: afterwards it is as if everything that was offered
    /// to either had been offered to one.
    pub fn absorb(&mut self, other: Self) {
        self.fresh |= other.fresh || self.floor != other.floor;
        self.unsteady |= other.unsteady;
        self.cut.extend(other.cut);
        self.floor = self.floor.take().max(other.floor);
        for (id, Seen { group, last, payload }) in other.seen {
            self.restore(id, group, last, payload);
        }
    }

    /// What stands for each value and its group, its group, its last time, and itself.
    pub fn entries(&self) -> impl Iterator<Item = (u64, u64, i64, &T)> {
        self.seen.iter().map(|(id, seen)| (*id, seen.group, seen.last, &seen.payload))
    }

    /// Takes one of [`Newest::entries`].
    pub fn restore(&mut self, id: u64, group: u64, last: i64, payload: T) {
        match self.seen.entry(id) {
            Entry::Occupied(mut seen) => {
                let seen = seen.get_mut();
                seen.last = seen.last.max(last);
            }
            Entry::Vacant(slot) => {
                slot.insert(Seen { group, last, payload });
                self.came(group);
                if self.seen.len() > self.due {
                    self.trim();
                    self.due = self.seen.len() + Self::SLACK;
                }
            }
        }
    }

    /// What is not above this is too old.
    pub fn floor(&self) -> Option<(i64, &T)> {
        self.floor.as_ref().map(|(last, payload)| (*last, payload))
    }

    /// Takes a [`Newest::floor`].
    pub fn raise(&mut self, last: i64, payload: T) {
        self.floor = self.floor.take().max(Some((last, payload)));
        self.fresh = true;
    }

    /// What is kept: (group, last time in microseconds, payload), in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, i64, &T)> {
        self.seen.values().map(|seen| (seen.group, seen.last, &seen.payload))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kept(bounds: Bounds, offers: &[(u64, u8, i64)], trim_often: bool) -> Vec<(u64, u8, i64)> {
        let mut newest = Newest::new(bounds);
        for (at, (group, value, last)) in offers.iter().enumerate() {
            newest.offer(*group, u64::from(*value), *last, || *value);
            if trim_often && at % 3 == 0 {
                newest.trim();
            }
        }
        newest.trim();
        let mut all: Vec<(u64, u8, i64)> =
            newest.iter().map(|(group, last, value)| (group, *value, last)).collect();
        all.sort_unstable();
        all
    }

    #[test]
    fn the_newest_of_each_group_and_of_all_are_kept() {
        let offers = [(1, 1, 10), (1, 2, 20), (1, 3, 30), (2, 4, 5), (2, 5, 6), (1, 1, 25)];
        let bounds = |each, all| Bounds { each, all };
        assert_eq!(
            kept(bounds(2, 9), &offers, true),
            [(1, 1, 25), (1, 3, 30), (2, 4, 5), (2, 5, 6)]
        );
        assert_eq!(kept(bounds(2, 3), &offers, true), [(1, 1, 25), (1, 3, 30), (2, 5, 6)]);
        assert_eq!(kept(bounds(1, 9), &offers, true), [(1, 3, 30), (2, 5, 6)]);
        let tied = [(1, 7, 10), (2, 7, 10), (3, 8, 10)];
        assert_eq!(kept(bounds(9, 2), &tied, false), [(3, 8, 10)]);
        assert_eq!(kept(bounds(0, 9), &tied, false), []);
    }

    proptest! {
        #[test]
        fn whatever_the_order_and_however_often_it_is_trimmed(
            mut offers in prop::collection::vec((0..4u64, 0..12u8, 0..20i64), 0..60),
            each in 0..6usize,
            all in 0..12usize,
        ) {
            let bounds = Bounds { each, all };
            let expected = kept(bounds, &offers, false);
            prop_assert_eq!(&kept(bounds, &offers, true), &expected);
            offers.reverse();
            prop_assert_eq!(&kept(bounds, &offers, true), &expected);
        }
    }
}
