//! What of a newer version of an activity is not in an older one.

use std::collections::HashMap;
use std::hash::Hash;

use super::{
    Activity, ActivityDelta, ActivityTables, ActorId, CallId, CreditId, GroupSetId,
    ImpersonationId, SeenId, Use,
};

/// The numbers that the older version has for the values of the newer; what is new is numbered
/// behind.
struct Numbers<T> {
    of: Vec<u32>,
    new: Vec<T>,
}

impl<T: Hash + Eq + Clone> Numbers<T> {
    fn new<'a>(old: impl Iterator<Item = &'a T>, new: impl Iterator<Item = &'a T>) -> Self
    where
        T: 'a,
    {
        let known: HashMap<&T, u32> = old.zip(0..).collect();
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        let mut numbers = Self { of: Vec::new(), new: Vec::new() };
        for value in new {
            let number = known.get(value).copied().unwrap_or_else(|| {
                numbers.new.push(value.clone());
                next.saturating_add(u32::try_from(numbers.new.len() - 1).unwrap_or(u32::MAX))
            });
            numbers.of.push(number);
        }
        numbers
    }

    fn get(&self, new: usize) -> u32 {
        self.of.get(new).copied().unwrap_or(u32::MAX)
    }
}

struct All {
    identities: Numbers<super::Identity>,
    actors: Numbers<super::Actor>,
    calls: Numbers<std::sync::Arc<super::Call>>,
    credits: Numbers<std::sync::Arc<super::CreditedGrant>>,
    group_sets: Numbers<std::sync::Arc<[super::Name]>>,
    impersonations: Numbers<std::sync::Arc<super::Impersonation>>,
}

impl All {
    fn row(&self, row: &Use) -> Use {
        Use {
            authenticated: SeenId(self.identities.get(row.authenticated.index())),
            effective: SeenId(self.identities.get(row.effective.index())),
            impersonation: row
                .impersonation
                .map(|id| ImpersonationId(self.impersonations.get(id.index()))),
            actor: ActorId(self.actors.get(row.actor.index())),
            groups: GroupSetId(self.group_sets.get(row.groups.index())),
            call: CallId(self.calls.get(row.call.index())),
            credit: row.credit.map(|id| CreditId(self.credits.get(id.index()))),
            ..*row
        }
    }
}

impl ActivityDelta {
    /// Whose activity is not as it was: both sides of every changed row. Sorted.
    pub fn touched(&self) -> Vec<SeenId> {
        let rows = self.uses.iter().flat_map(|row| [row.authenticated, row.effective]);
        let groups = self.groups_seen.iter().map(|(id, ..)| *id);
        let cut = self.truncated.iter().map(|(id, _)| *id);
        let issued = self.issued.iter().filter_map(|(account, ..)| *account);
        let rates = self.rates.iter().map(|(id, _)| *id);
        let mut all: Vec<SeenId> =
            rows.chain(groups).chain(cut).chain(issued).chain(rates).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// What makes `newer` of `older`, but for the numbers of values; None where that is more than
    /// a delta can say: rows tell requests apart more coarsely, or somebody is no longer there.
    pub fn between(older: &Activity, newer: &Activity) -> Option<Self> {
        if older.detail() != newer.detail() {
            return None;
        }
        let (old, new) = (older.tables(), newer.tables());
        let numbers = All {
            identities: Numbers::new(old.identities.iter(), new.identities.iter()),
            actors: Numbers::new(old.actors.iter(), new.actors.iter()),
            calls: Numbers::new(old.calls.iter(), new.calls.iter()),
            credits: Numbers::new(old.credits.iter(), new.credits.iter()),
            group_sets: Numbers::new(old.group_sets.iter(), new.group_sets.iter()),
            impersonations: Numbers::new(old.impersonations.iter(), new.impersonations.iter()),
        };
        if older.issued().iter().any(|(issued, _)| newer.issued().get(issued).is_none()) {
            return None;
        }
        let mut delta = Self { coverage: newer.coverage().clone(), ..Self::default() };
        let mut still = vec![false; old.identities.len()];
        for (new_id, _) in newer.identities() {
            let id = SeenId(numbers.identities.get(new_id.index()));
            if let Some(slot) = still.get_mut(id.index()) {
                *slot = true;
            }
            let known = id.index() < old.identities.len();
            let before = if known { older.by_authenticated(id) } else { &[] };
            rows(before, newer.by_authenticated(new_id), &numbers, &mut delta.uses);
            let times = if known { older.groups_seen(id) } else { &[] };
            let now = newer.groups_seen(new_id);
            if times.iter().any(|(group, at)| !now.iter().any(|(g, t)| g == group && t >= at)) {
                return None;
            }
            let newer_times = now.iter().filter(|seen| !times.contains(seen));
            delta.groups_seen.extend(newer_times.map(|(group, at)| (id, group.clone(), *at)));
            match (known.then(|| older.rate(id)).flatten(), newer.rate(new_id)) {
                (Some(_), None) => return None,
                (was, Some(is)) if was != Some(is) => delta.rates.push((id, *is)),
                _ => {}
            }
            let cut = |activity: &Activity, id| activity.truncated(id).cloned();
            match (known.then(|| cut(older, id)).flatten(), cut(newer, new_id)) {
                (Some(_), None) => return None,
                (was, Some(is)) if was.as_ref() != Some(&is) => delta.truncated.push((id, is)),
                _ => {}
            }
        }
        let known =
            |(one, minted): &(&std::sync::Arc<_>, &_)| older.issued().get(one) == Some(*minted);
        delta.issued = newer
            .issued()
            .iter()
            .filter(|one| !known(one))
            .map(|(one, minted)| {
                let account = newer.seen(&one.account);
                let account = account.map(|id| SeenId(numbers.identities.get(id.index())));
                (account, one.clone(), minted.clone())
            })
            .collect();
        if still.contains(&false) {
            return None;
        }
        delta.tables = ActivityTables {
            identities: numbers.identities.new,
            actors: numbers.actors.new,
            calls: numbers.calls.new,
            credits: numbers.credits.new,
            group_sets: numbers.group_sets.new,
            impersonations: numbers.impersonations.new,
        };
        Some(delta)
    }
}

/// The rows of one identity that are not as they were; a row that is no longer there is one of no
/// requests.
fn rows(before: &[Use], now: &[Use], numbers: &All, changed: &mut Vec<Use>) {
    let mut now: Vec<Use> = now.iter().map(|row| numbers.row(row)).collect();
    now.sort_unstable();
    let (mut olds, mut news) = (before.iter().peekable(), now.iter().peekable());
    loop {
        match (olds.peek(), news.peek()) {
            (Some(old), Some(new)) if old.same_key(new) => {
                if old != new {
                    changed.push(**new);
                }
                olds.next();
                news.next();
            }
            (Some(old), new) if new.is_none_or(|new| old.key() < new.key()) => {
                changed.push(Use { allowed: 0, denied: 0, undecided: 0, ..**old });
                olds.next();
            }
            (_, Some(new)) => {
                changed.push(**new);
                news.next();
            }
            (_, None) => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use chrono::{DateTime, TimeDelta, TimeZone, Utc};
    use proptest::prelude::*;

    use super::*;
    use crate::model::{ActivityParts, Actor, Call, Coverage, Identity, Implied, Name, Target};

    fn at(minute: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 5, 4, 0, 0, 0).unwrap() + TimeDelta::minutes(minute.into())
    }

    /// Requests of (who, as whom, what, minute), added up and numbered in the order of `turn`.
    fn activity(requests: &[(u8, u8, u8, u8)], turn: bool) -> Activity {
        let mut names: Vec<u8> = requests.iter().flat_map(|r| [r.0, r.1]).collect();
        let mut calls: Vec<u8> = requests.iter().map(|r| r.2).collect();
        for list in [&mut names, &mut calls] {
            list.sort_unstable();
            list.dedup();
            if turn {
                list.reverse();
            }
        }
        let place = |list: &[u8], value| {
            u32::try_from(list.iter().position(|have| *have == value).unwrap()).unwrap()
        };
        let mut uses: BTreeMap<_, Use> = BTreeMap::new();
        let mut groups_seen: BTreeMap<SeenId, BTreeMap<Name, DateTime<Utc>>> = BTreeMap::new();
        for (who, whom, what, minute) in requests {
            let (authenticated, effective) =
                (SeenId(place(&names, *who)), SeenId(place(&names, *whom)));
            let time = at((*minute).into());
            let group = groups_seen.entry(authenticated).or_default();
            let seen = group.entry(format!("g{}", what % 3).into()).or_insert(time);
            *seen = time.max(*seen);
            let row = uses.entry((who, whom, what)).or_insert(Use {
                authenticated,
                effective,
                impersonation: None,
                actor: ActorId(0),
                groups: GroupSetId(0),
                call: CallId(place(&calls, *what)),
                credit: None,
                day: at(0).date_naive(),
                allowed: 0,
                denied: 0,
                undecided: 0,
                first: time,
                last: time,
                last_allowed: None,
                hours: 0,
            });
            row.allowed += 1;
            row.first = time.min(row.first);
            row.last = time.max(row.last);
            row.last_allowed = Some(row.last);
        }
        let call = |what: &u8| {
            let target = Target::Path(format!("/{what}").into());
            Arc::new(Call { verb: "get".into(), target, implied: Implied::Nothing })
        };
        let tables = ActivityTables {
            identities: names.iter().map(|n| Identity::user(format!("u{n}"))).collect(),
            actors: vec![Actor { credential: None, agent: None, address: None }],
            calls: calls.iter().map(call).collect(),
            group_sets: vec![Arc::from([])],
            ..ActivityTables::default()
        };
        let coverage = Coverage { lines: requests.len() as u64, ..Coverage::default() };
        let uses = uses.into_values().collect();
        ActivityParts { tables, uses, groups_seen, coverage, ..ActivityParts::default() }.into()
    }

    /// What it says, whatever the numbers.
    fn said(activity: &Activity) -> BTreeSet<String> {
        let rows = activity.uses().map(|row| {
            let who = |id| activity.identity(id);
            format!(
                "{:?} {:?} {:?} {:?}",
                who(row.authenticated),
                who(row.effective),
                activity.call(row.call),
                (row.allowed, row.first, row.last, row.last_allowed)
            )
        });
        let groups = activity
            .identities()
            .map(|(id, who)| format!("{who:?} {:?}", activity.groups_seen(id)));
        rows.chain(groups).chain([format!("{:?}", activity.coverage())]).collect()
    }

    type Request = (u8, u8, u8, u8);

    fn requests() -> impl Strategy<Value = Vec<Request>> {
        prop::collection::vec((0..5u8, 0..5u8, 0..6u8, 0..200u8), 0..30)
    }

    proptest! {
        #[test]
        fn a_delta_makes_the_newer_of_the_older(
            before in requests(), more in requests(), gone in any::<bool>()
        ) {
            let older = activity(&before, false);
            // A line that knows more takes the place of one that was counted.
            let kept = if gone { before.get(1..).unwrap_or_default() } else { &before };
            let newer = activity(&[kept, &*more].concat(), true);
            match ActivityDelta::between(&older, &newer) {
                Some(delta) => {
                    prop_assert_eq!(said(&older.advance(&delta)), said(&newer));
                    if before == kept && more.is_empty() {
                        prop_assert!(delta.uses.is_empty() && delta.groups_seen.is_empty());
                    }
                }
                None => prop_assert!(gone, "only what is gone is more than a delta says"),
            }
        }
    }
}
