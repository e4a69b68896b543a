//! The numbers of an activity for those of tables that only grow.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};

use crate::audit::covered::utc;
use crate::audit::rows::{RowKey, Sum};
use crate::audit::tables::{Numbered, Tables};
use crate::model::{
    Activity, ActivityTables, ActorId, CallId, CreditId, GroupSetId, ImpersonationId, SeenId, Use,
};

/// What has no number yet.
const NONE: u32 = u32::MAX;

/// The numbers of the values of one table.
struct Known<T> {
    of: Vec<u32>,
    /// The number of the next value.
    next: u32,
    /// Values that have a number since they were taken.
    new: Vec<T>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { of: Vec::new(), next: 0, new: Vec::new() }
    }
}

impl<T: Clone> Known<T> {
    fn of<V: Hash + Eq>(shown: &[V], values: &[T], same: impl Fn(&T) -> &V) -> Self {
        let known: HashMap<&V, u32> = shown.iter().zip(0..).collect();
        let of = values.iter().map(|value| known.get(same(value)).copied().unwrap_or(NONE));
        Self { of: of.collect(), next: u32::try_from(shown.len()).unwrap_or(NONE), new: Vec::new() }
    }

    fn known(&self, number: u32) -> Option<u32> {
        self.of.get(number as usize).copied().filter(|id| *id != NONE)
    }

    fn get(&mut self, number: u32, table: &Numbered<T>) -> u32 {
        let at = number as usize;
        if self.of.len() <= at {
            self.of.resize(at + 1, NONE);
        }
        if self.of[at] == NONE {
            self.of[at] = self.next;
            self.next += 1;
            self.new.push(table.values[at].clone());
        }
        self.of[at]
    }
}

/// The numbers of all.
#[derive(Default)]
pub struct Numbers {
    identities: Known<crate::model::Identity>,
    actors: Known<crate::model::Actor>,
    calls: Known<crate::model::Call>,
    credits: Known<Arc<crate::model::CreditedGrant>>,
    groups: Known<crate::audit::who::Groups>,
    impersonations: Known<Arc<crate::model::Impersonation>>,
}

impl Numbers {
    /// Those that `activity` has.
    pub fn of(activity: &Activity, tables: &Tables) -> Self {
        let shown = activity.to_parts().tables;
        let calls: Vec<crate::model::Call> =
            shown.calls.iter().map(|call| (**call).clone()).collect();
        Self {
            identities: Known::of(&shown.identities, &tables.identities.values, |one| one),
            actors: Known::of(&shown.actors, &tables.actors.values, |one| one),
            calls: Known::of(&calls, &tables.calls.values, |one| one),
            credits: Known::of(&shown.credits, &tables.credits.values, |one| one),
            groups: Known::of(&shown.group_sets, &tables.groups.values, |one| one),
            impersonations: Known::of(
                &shown.impersonations,
                &tables.impersonations.values,
                |one| one,
            ),
        }
    }

    /// The number of an identity.
    pub fn identity(&mut self, number: u32, tables: &Tables) -> SeenId {
        SeenId(self.identities.get(number, &tables.identities))
    }

    /// The number of the identity with this id, if it has one.
    pub fn known(&self, id: u64, tables: &Tables) -> Option<SeenId> {
        self.identities.known(tables.identities.get(id)?).map(SeenId)
    }

    /// A row of a day since 1970.
    pub fn row(&mut self, key: &RowKey, day: i32, sum: &Sum, tables: &Tables) -> Use {
        let [allowed, denied, undecided] = sum.counts.map(u64::from);
        let credit = key.credit.checked_sub(1);
        let how = key.impersonation.checked_sub(1);
        Use {
            authenticated: self.identity(key.authenticated, tables),
            effective: self.identity(key.effective, tables),
            impersonation: how.map(|number| {
                ImpersonationId(self.impersonations.get(number, &tables.impersonations))
            }),
            actor: ActorId(self.actors.get(key.actor, &tables.actors)),
            groups: GroupSetId(self.groups.get(key.groups, &tables.groups)),
            call: CallId(self.calls.get(key.call, &tables.calls)),
            credit: credit.map(|number| CreditId(self.credits.get(number, &tables.credits))),
            day: NaiveDate::default() + TimeDelta::days(i64::from(day)),
            allowed,
            denied,
            undecided,
            first: utc(sum.first),
            last: utc(sum.last),
            last_allowed: (allowed > 0).then(|| utc(sum.last_allowed)),
            hours: sum.hours,
        }
    }

    /// The values that have a number since this was called last, in the order of their numbers.
    pub fn take_new(&mut self) -> ActivityTables {
        let calls = std::mem::take(&mut self.calls.new);
        ActivityTables {
            identities: std::mem::take(&mut self.identities.new),
            actors: std::mem::take(&mut self.actors.new),
            calls: calls.into_iter().map(Arc::new).collect(),
            credits: std::mem::take(&mut self.credits.new),
            group_sets: std::mem::take(&mut self.groups.new),
            impersonations: std::mem::take(&mut self.impersonations.new),
        }
    }
}
