//! Lists that grow at the end and are cheap to clone, so that one more log line need not copy
//! what a year of lines has built.

use std::collections::BTreeMap;
use std::ops::Index;
use std::sync::Arc;

/// How many entries may differ from the shared base before a new base is made.
const SLACK: usize = 1024;

/// A list that only grows. A clone shares everything but the last entries.
#[derive(Clone, Debug)]
pub(super) struct Table<T> {
    base: Arc<Vec<T>>,
    tail: Vec<T>,
}

impl<T: Clone> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.base.len() + self.tail.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.base.iter().chain(&self.tail)
    }

    pub(super) fn extend(&mut self, more: impl IntoIterator<Item = T>) {
        self.tail.extend(more);
        if self.tail.len() > SLACK {
            let mut whole = Vec::with_capacity(self.len());
            whole.extend_from_slice(&self.base);
            whole.append(&mut self.tail);
            self.base = Arc::new(whole);
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { base: Arc::default(), tail: Vec::new() }
    }
}

impl<T> From<Vec<T>> for Table<T> {
    fn from(all: Vec<T>) -> Self {
        Self { base: Arc::new(all), tail: Vec::new() }
    }
}

impl<T: Clone> Index<usize> for Table<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        if at < self.base.len() { &self.base[at] } else { &self.tail[at - self.base.len()] }
    }
}

/// A value for each number from 0, most of which stay as they are from one version to the next.
#[derive(Clone, Debug)]
pub(super) struct PerId<T> {
    base: Arc<Vec<T>>,
    changed: BTreeMap<usize, T>,
}

impl<T: Clone + Default> PerId<T> {
    pub(super) fn get(&self, at: usize) -> Option<&T> {
        self.changed.get(&at).or_else(|| self.base.get(at))
    }

    pub(super) fn set(&mut self, at: usize, value: T) {
        self.changed.insert(at, value);
        if self.changed.len() > SLACK {
            let mut whole = (*self.base).clone();
            for (at, value) in std::mem::take(&mut self.changed) {
                if at >= whole.len() {
                    whole.resize(at + 1, T::default());
                }
                whole[at] = value;
            }
            self.base = Arc::new(whole);
        }
    }
}

impl<T> Default for PerId<T> {
    fn default() -> Self {
        Self { base: Arc::default(), changed: BTreeMap::new() }
    }
}

impl<T> From<Vec<T>> for PerId<T> {
    fn from(all: Vec<T>) -> Self {
        Self { base: Arc::new(all), changed: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_order_over_many_extensions_and_clones_stay_as_they_were() {
        let mut table = Table::from(vec![0usize, 1, 2]);
        let before = table.clone();
        for next in 3..5000 {
            table.extend([next]);
        }
        assert_eq!(before.len(), 3);
        assert_eq!(table.len(), 5000);
        assert!((0..5000).all(|at| table[at] == at));
        assert!(table.iter().copied().eq(0..5000));
    }

    #[test]
    fn a_value_set_is_the_value_got_however_many_are_set() {
        let mut values = PerId::from(vec![7u32; 10]);
        for at in 0..4000usize {
            values.set(at, u32::try_from(at).unwrap() + 1);
        }
        values.set(3, 99);
        assert_eq!(values.get(0), Some(&1));
        assert_eq!(values.get(3), Some(&99));
        assert_eq!(values.get(3999), Some(&4000));
        assert_eq!(values.get(4000), None);
    }
}
