//! From numbered rows to the model: everything in the order of its contents, so that the result
//! does not depend on what was met first.

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

use super::covered::utc;
use super::hashing::{ById, id};
use super::newest::Newest;
use super::rows::{Row, RowKey};
use super::tables::Tables;
use super::tally::{KINDS, Sums};
use crate::model::{
    Activity, ActivityParts, ActivityTables, ActorId, CallId, Coverage, CreditId, GroupSetId,
    ImpersonationId, Issued, Minted, Name, SeenId, Use,
};

/// New numbers for old ones: those of the sorted values that are used.
struct Order<T> {
    numbers: Vec<u32>,
    values: Vec<T>,
}

impl<T: Ord> Order<T> {
    fn new(values: Vec<T>, used: impl Iterator<Item = u32>) -> Self {
        let mut is_used = vec![false; values.len()];
        for number in used {
            if let Some(slot) = is_used.get_mut(number as usize) {
                *slot = true;
            }
        }
        let mut sorted: Vec<(T, usize)> = values
            .into_iter()
            .enumerate()
            .filter(|(at, _)| is_used[*at])
            .map(|(at, v)| (v, at))
            .collect();
        sorted.sort_unstable();
        let mut order = Self { numbers: vec![u32::MAX; is_used.len()], values: Vec::new() };
        for (value, at) in sorted {
            if order.values.last() != Some(&value) {
                order.values.push(value);
            }
            order.numbers[at] = u32::try_from(order.values.len() - 1).unwrap_or(u32::MAX);
        }
        order
    }

    fn get(&self, old: u32) -> u32 {
        self.numbers.get(old as usize).copied().unwrap_or(u32::MAX)
    }
}

/// What an activity has beside rows: groups that identities authenticated with, and tokens that were
/// made.
pub type Beside<'k> = (&'k Newest<Name>, Vec<(Arc<Issued>, Minted)>);

/// The model's form of what was added up. `coverage` lacks only what requests tell.
pub fn assemble(sums: Sums, (seen, issued): Beside<'_>, coverage: Coverage) -> Activity {
    let Sums { tables, detail, keys, rows, counts, truncated, rates } = sums;
    let mut met = vec![false; keys.len()];
    for row in &rows {
        met[row.key as usize] = true;
    }
    let live: Vec<&RowKey> =
        keys.iter().zip(&met).filter(|(_, met)| **met).map(|(k, _)| k).collect();
    let numbers = |of: fn(&RowKey) -> u32| live.iter().map(move |key| of(key));
    let Tables { identities, actors, calls, credits, groups, impersonations } = tables;
    let people = numbers(|key| key.authenticated).chain(numbers(|key| key.effective));
    let identities = Order::new(identities.values, people);
    let actors = Order::new(actors.values, numbers(|key| key.actor));
    let calls = Order::new(calls.values, numbers(|key| key.call));
    let groups = Order::new(groups.values, numbers(|key| key.groups));
    let from_1 = |of: fn(&RowKey) -> u32| numbers(of).filter_map(|number| number.checked_sub(1));
    let credits = Order::new(credits.values, from_1(|key| key.credit));
    let impersonations = Order::new(impersonations.values, from_1(|key| key.impersonation));
    let uses = rows.iter().map(|row| {
        let key = &keys[row.key as usize];
        let some = |number: u32| number.checked_sub(1);
        let (first, last) = (utc(row.sum.first), utc(row.sum.last));
        let [allowed, denied, undecided] = row.sum.counts.map(u64::from);
        Use {
            authenticated: SeenId(identities.get(key.authenticated)),
            effective: SeenId(identities.get(key.effective)),
            impersonation: some(key.impersonation).map(|n| ImpersonationId(impersonations.get(n))),
            actor: ActorId(actors.get(key.actor)),
            groups: GroupSetId(groups.get(key.groups)),
            call: CallId(calls.get(key.call)),
            credit: some(key.credit).map(|n| CreditId(credits.get(n))),
            day: day(row),
            allowed,
            denied,
            undecided,
            first,
            last,
            last_allowed: (allowed > 0).then(|| utc(row.sum.last_allowed)),
            hours: row.sum.hours,
        }
    });
    let uses = added_up(uses.collect());
    let truncated = truncated.iter().map(|(who, counts)| {
        let counts = KINDS.iter().zip(counts).filter(|(_, count)| **count > 0);
        let counts = counts.map(|(kind, count)| (Name::from(*kind), *count)).collect();
        (SeenId(identities.get(*who)), counts)
    });
    let numbers = (0u32..).map(SeenId);
    let by_id: ById<SeenId> = identities.values.iter().map(id).zip(numbers).collect();
    let times = groups_seen(seen, &by_id);
    let rates = rates.into_iter().filter_map(|(id, rate)| Some((*by_id.get(&id)?, rate)));
    let parts = ActivityParts {
        truncated: truncated.collect(),
        rates: rates.collect(),
        issued,
        tables: ActivityTables {
            identities: identities.values,
            actors: actors.values,
            calls: calls.values.into_iter().map(Arc::new).collect(),
            credits: credits.values,
            group_sets: groups.values,
            impersonations: impersonations.values,
        },
        uses,
        detail,
        coverage: Coverage {
            unauthenticated: counts.unauthenticated,
            received_only: counts.received_only,
            identities_left_out: counts.left_out,
            ..coverage
        },
        ..ActivityParts::default()
    };
    Activity::with_groups(parts, times)
}

/// Keys that were met as two may say the same.
fn added_up(mut uses: Vec<Use>) -> Vec<Use> {
    uses.sort_unstable();
    uses.dedup_by(|row, kept| {
        let same = row.same_key(kept);
        if same {
            kept.allowed += row.allowed;
            kept.denied += row.denied;
            kept.undecided += row.undecided;
            kept.first = kept.first.min(row.first);
            kept.last = kept.last.max(row.last);
            kept.last_allowed = kept.last_allowed.max(row.last_allowed);
            kept.hours |= row.hours;
        }
        same
    });
    uses
}

fn day(row: &Row) -> NaiveDate {
    NaiveDate::default() + TimeDelta::days(i64::from(row.day))
}

fn groups_seen(
    groups_seen: &Newest<Name>,
    by_id: &ById<SeenId>,
) -> Vec<(SeenId, Name, DateTime<Utc>)> {
    let known = groups_seen.iter().filter_map(|(identity, last, group)| {
        Some((*by_id.get(&identity)?, group.clone(), utc(last)))
    });
    known.collect()
}
