//! Who is marked, and who of them is listed: known without looking at every row, since each frame says it.

use std::collections::BTreeSet;

use super::state::Who;

/// Those that are marked.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    all: BTreeSet<Who>,
    listed: BTreeSet<Who>,
}

impl Marks {
    /// How many are marked, those who are gone among them.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody is.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether somebody is.
    pub fn contains(&self, who: Who) -> bool {
        self.all.contains(&who)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = Who> {
        self.all.iter().copied()
    }

    /// Those who are listed.
    pub fn listed(&self) -> impl Iterator<Item = Who> {
        self.listed.iter().copied()
    }

    /// Marks somebody who is listed, or takes the mark off.
    pub(super) fn toggle(&mut self, who: Who) {
        if self.all.remove(&who) {
            self.listed.remove(&who);
        } else {
            self.extend([who]);
        }
    }

    /// Marks some who are listed.
    pub(super) fn extend(&mut self, listed: impl IntoIterator<Item = Who>) {
        for who in listed {
            self.all.insert(who);
            self.listed.insert(who);
        }
    }

    /// Takes all marks off.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        self.listed.clear();
    }

    /// Other rows are listed than before.
    pub(super) fn relist(&mut self, rows: &[Who]) {
        if !self.all.is_empty() {
            self.listed = rows.iter().copied().filter(|who| self.all.contains(who)).collect();
        }
    }
}
