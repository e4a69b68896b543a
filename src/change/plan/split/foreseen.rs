//! What a split comes to for each of those who get an identity.

use super::Parts;
use crate::book::Book;
use crate::change::plan::{Part, check};

impl Parts {
    /// A line of everybody.
    pub(in crate::change::plan) fn foreseen(&self, book: &Book) -> Vec<Part> {
        let groups = book.find(&self.account).into_iter().flat_map(|entry| &entry.groups);
        let groups: Vec<_> = groups.map(|group| group.name.clone()).collect();
        let all = self.all.iter().zip(&self.shares.all);
        all.map(|(part, share)| {
            let own = part.to.implicit_groups();
            let lost = share.lost.iter().map(|call| {
                let what = check::of_call(&check::asker(&part.to, []), call);
                what.map_or_else(|| "something".to_owned(), |check| check.what())
            });
            Part {
                name: part.name.clone(),
                to: part.to.clone(),
                machine: part.machine,
                workload: part.workload.clone(),
                gets: share.kept.clone(),
                lost: lost.collect(),
                not_in: groups.iter().filter(|group| !own.contains(group)).cloned().collect(),
            }
        })
        .collect()
    }
}
