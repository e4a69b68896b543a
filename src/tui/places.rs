//! Where one has been: `[`, `]` and `-`.

use super::asked::Asked;
use super::state::{FeedId, Who};
use super::whole;

/// A place that one can come back to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// The list.
    #[default]
    List,
    /// An identity's page.
    Page(Who),
    /// Who can do something.
    Reverse(FeedId, Asked),
    /// Everything of one sort.
    Whole(whole::Sort),
    /// Health.
    Health,
}

/// The places visited, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    visited: Vec<Place>,
    at: usize,
    last: Option<Place>,
}

impl Default for Places {
    fn default() -> Self {
        Self { visited: vec![Place::List], at: 0, last: None }
    }
}

impl Places {
    /// How many are kept.
    const KEPT: usize = 100;

    /// The place where one is.
    pub fn here(&self) -> Place {
        self.visited.get(self.at).cloned().unwrap_or_default()
    }

    /// Notes where one is now; nothing if one is still there.
    pub fn visit(&mut self, place: Place) {
        if self.here() == place {
            return;
        }
        self.last = Some(self.here());
        self.visited.truncate(self.at + 1);
        self.visited.push(place);
        if self.visited.len() > Self::KEPT {
            self.visited.remove(0);
        }
        self.at = self.visited.len() - 1;
    }

    /// Goes back or forth in the order of visits; None at the end.
    pub fn go(&mut self, by: isize) -> Option<Place> {
        let at = self.at.checked_add_signed(by).filter(|at| *at < self.visited.len())?;
        self.last = Some(self.here());
        self.at = at;
        Some(self.here())
    }

    /// The place left last.
    pub fn last(&self) -> Option<Place> {
        self.last.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::IdentityId;

    fn page(id: u32) -> Place {
        Place::Page(Who { feed: FeedId(0), id: IdentityId(id) })
    }

    #[test]
    fn one_goes_back_and_forth() {
        let mut places = Places::default();
        places.visit(page(1));
        places.visit(page(1));
        places.visit(Place::Whole(whole::Sort::Findings));
        assert_eq!(places.last(), Some(page(1)));
        assert_eq!(places.go(-1), Some(page(1)));
        assert_eq!(places.go(-1), Some(Place::List));
        assert_eq!(places.go(-1), None);
        assert_eq!(places.go(1), Some(page(1)));
        places.visit(Place::Health);
        assert_eq!(places.go(1), None);
        assert_eq!(places.last(), Some(page(1)));
    }

    #[test]
    fn memory_is_bounded() {
        let mut places = Places::default();
        for id in 0..1_000 {
            places.visit(page(id));
        }
        assert_eq!(places.visited.len(), Places::KEPT);
        assert_eq!(places.here(), page(999));
    }
}
