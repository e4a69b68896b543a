//! The newest of everything, the long way.

use std::collections::{BTreeMap, BTreeSet};

use super::super::newest::Bounds;

/// The kept values of each group.
pub struct Newest<G, T>(pub BTreeSet<(G, T)>);

impl<G: Ord + Clone, T: Ord + Clone> Newest<G, T> {
    pub fn of(
        offers: impl Iterator<Item = (G, T, i64)>,
        bounds: Bounds,
    ) -> (Self, BTreeMap<(G, T), i64>) {
        let mut last: BTreeMap<(G, T), i64> = BTreeMap::new();
        for (group, value, at) in offers {
            let slot = last.entry((group, value)).or_insert(at);
            *slot = at.max(*slot);
        }
        let mut groups: BTreeMap<G, Vec<(i64, T)>> = BTreeMap::new();
        for ((group, value), at) in &last {
            groups.entry(group.clone()).or_default().push((*at, value.clone()));
        }
        let mut kept: Vec<(i64, T, G)> = Vec::new();
        for (group, mut values) in groups {
            values.sort_by(|a, b| b.cmp(a));
            values.truncate(bounds.each);
            kept.extend(values.into_iter().map(|(at, value)| (at, value, group.clone())));
        }
        kept.sort_by(|a, b| b.cmp(a));
        if kept.len() > bounds.all {
            let cut = (kept[bounds.all].0, kept[bounds.all].1.clone());
            kept.truncate(bounds.all);
            kept.retain(|(at, value, _)| (*at, value) > (cut.0, &cut.1));
        }
        (Self(kept.into_iter().map(|(_, value, group)| (group, value)).collect()), last)
    }

    pub fn has(&self, group: G, value: T) -> bool {
        self.0.contains(&(group, value))
    }
}
