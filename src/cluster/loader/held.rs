//! Rows that are held back until their list is whole, to take the place of all that was known of
//! it: so that reading a cluster again, over what is there, empties no screen and leaves nothing
//! behind that is gone.

use std::collections::BTreeMap;

use crate::model::{Change, Health, ListKind, ListState, Snapshot};

/// Rows by list, of the lists that are not whole yet.
#[derive(Debug, Default)]
pub(super) struct Held(BTreeMap<ListKind, Snapshot>);

impl Held {
    /// Holds back the rows of all lists.
    pub(super) fn all() -> Self {
        Self(ListKind::ALL.into_iter().map(|list| (list, Snapshot::default())).collect())
    }

    /// Whether none are held back.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes a change of a list's rows; gives it back where it need not be held.
    pub(super) fn take(&mut self, list: ListKind, change: Change) -> Option<Change> {
        match self.0.get_mut(&list) {
            Some(held) => {
                held.apply(change);
                None
            }
            None => Some(change),
        }
    }

    /// What is told of a list's state, and before it. A list that fails keeps the rows that were
    /// known, which are outdated.
    pub(super) fn state(
        &mut self,
        list: ListKind,
        state: ListState,
    ) -> (Option<Change>, ListState) {
        if !self.0.contains_key(&list) || state.health == Health::Loading {
            return (None, state);
        }
        if state.health == Health::Failed {
            return (None, ListState { health: Health::Outdated, ..state });
        }
        let held = self.0.remove(&list).unwrap_or_default();
        let replaced =
            Change::Replaced { list, namespace: None, objects: held.objects.all().collect() };
        (Some(replaced).filter(|_| list != ListKind::Discovery), state)
    }
}
