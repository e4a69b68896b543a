//! Rows as the model numbers them, the long way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Timelike as _;

use super::reference::{Answer, Full, Line, utc};
use crate::model::{
    ActivityParts, ActivityTables, Actor, ActorId, CallId, CreditId, GroupSetId, ImpersonationId,
    SeenId, Use,
};

/// Numbers for values, in their order.
struct Numbers<T>(BTreeMap<T, u32>);

impl<T: Ord + Clone> Numbers<T> {
    fn of(all: impl Iterator<Item = T>) -> Self {
        let all: BTreeSet<T> = all.collect();
        Self(all.into_iter().zip(0..).collect())
    }

    fn all(&self) -> Vec<T> {
        self.0.keys().cloned().collect()
    }
}

pub fn number(rows: &[(Full, &Line)]) -> ActivityParts {
    let keys = || rows.iter().map(|(key, _)| key);
    let actor = |key: &Full| {
        let [credential, agent, address] = key.2.clone();
        Actor { credential, agent, address }
    };
    let identities = Numbers::of(keys().flat_map(|key| [key.0.0.clone(), key.0.1.clone()]));
    let impersonations = Numbers::of(keys().filter_map(|key| key.1.clone()));
    let actors = Numbers::of(keys().map(actor));
    let groups = Numbers::of(keys().map(|key| key.3.clone()));
    let calls = Numbers::of(keys().map(|key| key.4.clone()));
    let credits = Numbers::of(keys().filter_map(|key| key.5.clone()));
    let mut uses: BTreeMap<Full, Use> = BTreeMap::new();
    for (key, line) in rows {
        let at = utc(line.at);
        let row = uses.entry(key.clone()).or_insert_with(|| Use {
            authenticated: SeenId(identities.0[&key.0.0]),
            effective: SeenId(identities.0[&key.0.1]),
            impersonation: key.1.as_ref().map(|how| ImpersonationId(impersonations.0[how])),
            actor: ActorId(actors.0[&actor(key)]),
            groups: GroupSetId(groups.0[&key.3]),
            call: CallId(calls.0[&key.4]),
            credit: key.5.as_ref().map(|credit| CreditId(credits.0[credit])),
            day: key.6,
            allowed: 0,
            denied: 0,
            undecided: 0,
            first: at,
            last: at,
            last_allowed: None,
            hours: 0,
        });
        row.hours |= 1 << at.hour();
        row.first = row.first.min(at);
        row.last = row.last.max(at);
        match line.answer {
            Answer::Allowed => {
                row.allowed += 1;
                row.last_allowed = row.last_allowed.max(Some(at));
            }
            Answer::Denied => row.denied += 1,
            Answer::Undecided | Answer::Nobody | Answer::Rejected => row.undecided += 1,
        }
    }
    let tables = ActivityTables {
        identities: identities.all(),
        actors: actors.all(),
        calls: calls.all().into_iter().map(Arc::new).collect(),
        credits: credits.all().into_iter().map(Arc::new).collect(),
        group_sets: groups.all(),
        impersonations: impersonations.all().into_iter().map(Arc::new).collect(),
    };
    ActivityParts { tables, uses: uses.into_values().collect(), ..ActivityParts::default() }
}

/// The texts of a list, as JSON has them.
pub(super) fn texts(list: &serde_json::Value) -> Vec<crate::model::Name> {
    let all = list.as_array().into_iter().flatten();
    all.filter_map(serde_json::Value::as_str).map(crate::model::Name::from).collect()
}
