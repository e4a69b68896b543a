//! Everybody's uses, with the indexes that joining needs, and how one version grows into the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::shared::{PerId, Table};
use super::{
    ActivityTables, Actor, ActorId, Call, CallId, Coverage, CreditId, CreditedGrant, GroupSetId,
    Identity, Impersonation, ImpersonationId, Issuances, Issued, Minted, Name, Rate, SeenId, Use,
};

/// How finely rows tell requests apart. Finest first. A log that has more distinct rows than can
/// be held is summed more coarsely as a whole, never cut: sums, first and last stay exact.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Detail {
    /// A row is of one day (UTC).
    #[default]
    Days,
    /// A row is of one week, from Monday (UTC); its `day` is that Monday.
    Weeks,
    /// A row is of all covered time; its `day` is 1970-01-01.
    Whole,
    /// Also: no names and no paths.
    NoNames,
    /// Also: no agents and no addresses.
    NoActors,
    /// Also: no calls, credits and groups: who, and how often.
    NoCalls,
}

/// The plain form: what is stored, and what tests write by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityParts {
    /// What rows point into.
    pub tables: ActivityTables,
    /// Rows, in any order, one for each key.
    pub uses: Vec<Use>,
    /// When each identity's *authenticated* groups were last seen: identity → (group, UTC).
    /// Groups that an impersonator chose are not here.
    pub groups_seen: BTreeMap<SeenId, BTreeMap<Name, DateTime<Utc>>>,
    /// Tokens that were made for accounts, each with what is known of it, sorted; the newest of each
    /// account and of each who had them made.
    pub issued: Vec<(Arc<Issued>, Minted)>,
    /// How many requests have a value that clients control which was counted but not kept, by
    /// authenticated identity and kind (`agents`, `addresses`, `credentials`, `names`, `paths`,
    /// `calls`, `credits`, `groups`, `impersonations`).
    pub truncated: BTreeMap<SeenId, BTreeMap<Name, u64>>,
    /// How fast each authenticated identity asked; none where the log does not say when which
    /// request came.
    pub rates: BTreeMap<SeenId, Rate>,
    /// How finely the rows tell requests apart.
    pub detail: Detail,
    /// What the log covers.
    pub coverage: Coverage,
}

/// What further lines add to an [`Activity`]. Small whatever the size of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityDelta {
    /// Entries to add at the end of each table.
    pub tables: ActivityTables,
    /// Rows as they are now, in place of the rows with the same key, if any; a row of no requests
    /// takes its key away.
    pub uses: Vec<Use>,
    /// Newer times of authenticated groups.
    pub groups_seen: Vec<(SeenId, Name, DateTime<Utc>)>,
    /// Tokens that were made, or of which more is known, and the account where the log shows it.
    pub issued: Vec<(Option<SeenId>, Arc<Issued>, Minted)>,
    /// Counts as they are now, in place of the former ones.
    pub truncated: Vec<(SeenId, BTreeMap<Name, u64>)>,
    /// How fast identities asked, in place of what was known.
    pub rates: Vec<(SeenId, Rate)>,
    /// What the log covers now.
    pub coverage: Coverage,
}

type GroupTimes = Arc<[(Name, DateTime<Utc>)]>;

/// The uses of everybody, with what the log covers.
///
/// A clone shares all but the newest entries; [`Activity::advance`] shares likewise. Equality is
/// that of the contents.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    identities: Table<Identity>,
    actors: Table<Actor>,
    calls: Table<Arc<Call>>,
    credits: Table<Arc<CreditedGrant>>,
    group_sets: Table<Arc<[Name]>>,
    impersonations: Table<Arc<Impersonation>>,
    /// Ids of the identities of the first version, sorted by identity.
    by_name: Arc<[SeenId]>,
    /// Identities that came later.
    late: BTreeMap<Identity, SeenId>,
    /// Rows by authenticated identity, each sorted.
    rows: PerId<Arc<[Use]>>,
    /// Who impersonated each effective identity.
    impersonators: Arc<BTreeMap<SeenId, Vec<SeenId>>>,
    groups: PerId<GroupTimes>,
    issued: Issuances,
    truncated: Arc<BTreeMap<SeenId, BTreeMap<Name, u64>>>,
    rates: Arc<BTreeMap<SeenId, Rate>>,
    detail: Detail,
    coverage: Coverage,
}

impl Activity {
    /// All rows, by authenticated identity, then in the order of [`Use`].
    pub fn uses(&self) -> impl Iterator<Item = &Use> {
        (0..self.identities.len()).flat_map(|at| self.rows.get(at).into_iter().flat_map(|r| &**r))
    }

    /// The rows of what `id` authenticated, sorted: its counts, times, actors.
    pub fn by_authenticated(&self, id: SeenId) -> &[Use] {
        self.rows.get(id.index()).map_or(&[], |rows| rows)
    }

    /// The rows in which the rights of `id` were used, by itself or by those who impersonated it.
    pub fn by_effective(&self, id: SeenId) -> impl Iterator<Item = &Use> {
        let own = self.by_authenticated(id).iter();
        own.chain(self.impersonators(id).iter().flat_map(|by| self.by_authenticated(*by)))
            .filter(move |row| row.effective == id)
    }

    /// Who impersonated `id`, sorted.
    pub fn impersonators(&self, id: SeenId) -> &[SeenId] {
        self.impersonators.get(&id).map_or(&[], |all| all)
    }

    /// Whether and as what the log shows `identity`.
    pub fn seen(&self, identity: &Identity) -> Option<SeenId> {
        if let Some(id) = self.late.get(identity) {
            return Some(*id);
        }
        let at = self.by_name.binary_search_by(|id| self.identities[id.index()].cmp(identity));
        at.ok().map(|at| self.by_name[at])
    }

    /// Every identity that the log shows, authenticated or impersonated, with its id.
    pub fn identities(&self) -> impl Iterator<Item = (SeenId, &Identity)> {
        (0u32..).map(SeenId).zip(self.identities.iter())
    }

    /// Who that is.
    ///
    /// # Panics
    /// As all look-ups here, where the id is of another Activity.
    pub fn identity(&self, id: SeenId) -> &Identity {
        &self.identities[id.index()]
    }

    /// What that is.
    pub fn actor(&self, id: ActorId) -> &Actor {
        &self.actors[id.index()]
    }

    /// What that is.
    pub fn call(&self, id: CallId) -> &Arc<Call> {
        &self.calls[id.index()]
    }

    /// Every call, with its id.
    pub fn calls(&self) -> impl Iterator<Item = (CallId, &Arc<Call>)> {
        (0u32..).map(CallId).zip(self.calls.iter())
    }

    /// What that is.
    pub fn credit(&self, id: CreditId) -> &Arc<CreditedGrant> {
        &self.credits[id.index()]
    }

    /// What that is, sorted.
    pub fn group_set(&self, id: GroupSetId) -> &Arc<[Name]> {
        &self.group_sets[id.index()]
    }

    /// What that is.
    pub fn impersonation(&self, id: ImpersonationId) -> &Arc<Impersonation> {
        &self.impersonations[id.index()]
    }

    /// The groups that `id` authenticated with, each with the time it was last seen (UTC), sorted
    /// by name.
    pub fn groups_seen(&self, id: SeenId) -> &[(Name, DateTime<Utc>)] {
        self.groups.get(id.index()).map_or(&[], |groups| groups)
    }

    /// The tokens that were made for accounts.
    pub fn issued(&self) -> &Issuances {
        &self.issued
    }

    /// How many requests that `id` authenticated have a value which was counted but not kept, by
    /// kind, as in [`ActivityParts::truncated`].
    pub fn truncated(&self, id: SeenId) -> Option<&BTreeMap<Name, u64>> {
        self.truncated.get(&id)
    }

    /// How fast `id` asked, where that is known.
    pub fn rate(&self, id: SeenId) -> Option<&Rate> {
        self.rates.get(&id)
    }

    /// How finely the rows tell requests apart.
    pub fn detail(&self) -> Detail {
        self.detail
    }

    /// What the log covers.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    /// This version and what further lines added.
    #[must_use]
    pub fn advance(&self, delta: &ActivityDelta) -> Self {
        let mut next = self.clone();
        next.coverage = delta.coverage.clone();
        next.extend_tables(&delta.tables);
        let mut changed: BTreeMap<SeenId, Vec<Use>> = BTreeMap::new();
        for row in &delta.uses {
            changed.entry(row.authenticated).or_default().push(*row);
        }
        for (id, rows) in changed {
            next.note_impersonations(&rows);
            let merged = merge(next.by_authenticated(id), rows);
            next.rows.set(id.index(), merged);
        }
        for (id, group, at) in &delta.groups_seen {
            next.note_group(*id, group, *at);
        }
        next.issued
            .extend(delta.issued.iter().map(|(_, one, minted)| (one.clone(), minted.clone())));
        if !delta.truncated.is_empty() {
            let truncated = Arc::make_mut(&mut next.truncated);
            truncated.extend(delta.truncated.iter().cloned());
        }
        if !delta.rates.is_empty() {
            Arc::make_mut(&mut next.rates).extend(delta.rates.iter().copied());
        }
        next
    }

    fn extend_tables(&mut self, tails: &ActivityTables) {
        for identity in &tails.identities {
            let id = SeenId(u32::try_from(self.identities.len()).unwrap_or(u32::MAX));
            self.late.insert(identity.clone(), id);
            self.identities.extend([identity.clone()]);
        }
        self.actors.extend(tails.actors.iter().cloned());
        self.calls.extend(tails.calls.iter().cloned());
        self.credits.extend(tails.credits.iter().cloned());
        self.group_sets.extend(tails.group_sets.iter().cloned());
        self.impersonations.extend(tails.impersonations.iter().cloned());
    }

    fn note_impersonations(&mut self, rows: &[Use]) {
        for row in rows.iter().filter(|row| row.authenticated != row.effective) {
            if let Err(at) = self.impersonators(row.effective).binary_search(&row.authenticated) {
                let all = Arc::make_mut(&mut self.impersonators);
                all.entry(row.effective).or_default().insert(at, row.authenticated);
            }
        }
    }

    fn note_group(&mut self, id: SeenId, group: &Name, at: DateTime<Utc>) {
        let mut groups = self.groups_seen(id).to_vec();
        match groups.binary_search_by(|(name, _)| name.cmp(group)) {
            Ok(found) => groups[found].1 = groups[found].1.max(at),
            Err(place) => groups.insert(place, (group.clone(), at)),
        }
        self.groups.set(id.index(), groups.into());
    }

    pub(super) fn tables(&self) -> ActivityTables {
        ActivityTables {
            identities: self.identities.iter().cloned().collect(),
            actors: self.actors.iter().cloned().collect(),
            calls: self.calls.iter().cloned().collect(),
            credits: self.credits.iter().cloned().collect(),
            group_sets: self.group_sets.iter().cloned().collect(),
            impersonations: self.impersonations.iter().cloned().collect(),
        }
    }

    /// The plain form, rows sorted.
    pub fn to_parts(&self) -> ActivityParts {
        let groups = (0u32..).map(SeenId).take(self.identities.len());
        ActivityParts {
            tables: self.tables(),
            uses: self.uses().copied().collect(),
            groups_seen: groups
                .map(|id| (id, self.groups_seen(id).iter().cloned().collect::<BTreeMap<_, _>>()))
                .filter(|(_, groups)| !groups.is_empty())
                .collect(),
            issued: self.issued.iter().map(|(one, minted)| (one.clone(), minted.clone())).collect(),
            truncated: (*self.truncated).clone(),
            rates: (*self.rates).clone(),
            detail: self.detail,
            coverage: self.coverage.clone(),
        }
    }
}

/// `old` with the rows of `new` in place of those with the same key, without empty ones.
fn merge(old: &[Use], mut new: Vec<Use>) -> Arc<[Use]> {
    new.sort_unstable();
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let mut olds = old.iter().copied().peekable();
    for row in new {
        while let Some(before) = olds.next_if(|before| before.key() < row.key()) {
            merged.push(before);
        }
        olds.next_if(|same| same.key() == row.key());
        if row.requests() > 0 {
            merged.push(row);
        }
    }
    merged.extend(olds);
    merged.into()
}

impl From<ActivityParts> for Activity {
    fn from(mut parts: ActivityParts) -> Self {
        let seen = std::mem::take(&mut parts.groups_seen);
        let times = |(id, groups): (_, BTreeMap<Name, DateTime<Utc>>)| {
            groups.into_iter().map(move |(group, at)| (id, group, at))
        };
        Self::with_groups(parts, seen.into_iter().flat_map(times).collect())
    }
}

impl Activity {
    /// From the plain form, with other times of authenticated groups than those in it, each once,
    /// in any order: a list of them takes a tenth of the memory.
    pub fn with_groups(parts: ActivityParts, mut seen: Vec<(SeenId, Name, DateTime<Utc>)>) -> Self {
        let ActivityParts { tables, mut uses, issued, truncated, rates, detail, coverage, .. } =
            parts;
        uses.sort_unstable();
        let count = tables.identities.len();
        let mut by_name: Vec<SeenId> = (0u32..).map(SeenId).take(count).collect();
        by_name.sort_by(|a, b| tables.identities[a.index()].cmp(&tables.identities[b.index()]));
        let mut rows = vec![Arc::default(); count];
        let mut impersonators: BTreeMap<SeenId, Vec<SeenId>> = BTreeMap::new();
        for own in uses.chunk_by(|a, b| a.authenticated == b.authenticated) {
            let id = own[0].authenticated;
            if let Some(slot) = rows.get_mut(id.index()) {
                *slot = Arc::from(own);
            }
            for row in own.iter().filter(|row| row.effective != id) {
                let by = impersonators.entry(row.effective).or_default();
                if by.last() != Some(&id) {
                    by.push(id);
                }
            }
        }
        let mut groups = vec![GroupTimes::default(); count];
        seen.sort_unstable();
        for own in seen.chunk_by(|a, b| a.0 == b.0) {
            if let Some(slot) = groups.get_mut(own[0].0.index()) {
                *slot = own.iter().map(|(_, group, at)| (group.clone(), *at)).collect();
            }
        }
        Self {
            identities: tables.identities.into(),
            actors: tables.actors.into(),
            calls: tables.calls.into(),
            credits: tables.credits.into(),
            group_sets: tables.group_sets.into(),
            impersonations: tables.impersonations.into(),
            by_name: by_name.into(),
            late: BTreeMap::new(),
            rows: rows.into(),
            impersonators: Arc::new(impersonators),
            groups: groups.into(),
            issued: issued.into_iter().collect(),
            truncated: Arc::new(truncated),
            rates: Arc::new(rates),
            detail,
            coverage,
        }
    }
}

impl PartialEq for Activity {
    fn eq(&self, other: &Self) -> bool {
        self.to_parts() == other.to_parts()
    }
}

impl Eq for Activity {}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;
    use crate::model::{Implied, Target};

    fn at(hour: u32) -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 5, 4, hour, 0, 0).unwrap()
    }

    fn row(authenticated: u32, effective: u32, call: u32, allowed: u64, last: u32) -> Use {
        Use {
            authenticated: SeenId(authenticated),
            effective: SeenId(effective),
            impersonation: (authenticated != effective).then_some(ImpersonationId(0)),
            actor: ActorId(0),
            groups: GroupSetId(0),
            call: CallId(call),
            credit: None,
            day: at(0).date_naive(),
            allowed,
            denied: 0,
            undecided: 0,
            first: at(0),
            last: at(last),
            last_allowed: Some(at(last)),
            hours: 1,
        }
    }

    fn call(verb: &str) -> Arc<Call> {
        let target = Target::Path("/version".into());
        Arc::new(Call { verb: verb.into(), target, implied: Implied::Nothing })
    }

    fn whole(names: &[&str], uses: Vec<Use>) -> Activity {
        let tables = ActivityTables {
            identities: names.iter().map(|name| Identity::user(*name)).collect(),
            actors: vec![Actor { credential: None, agent: None, address: None }],
            calls: vec![call("get"), call("post")],
            group_sets: vec![Arc::from([])],
            ..ActivityTables::default()
        };
        ActivityParts { tables, uses, ..ActivityParts::default() }.into()
    }

    #[test]
    fn rows_are_found_from_both_sides() {
        let activity = whole(
            &["mia", "ana"],
            vec![row(1, 0, 0, 2, 3), row(0, 0, 0, 1, 1), row(1, 1, 1, 4, 2)],
        );
        assert_eq!(activity.seen(&Identity::user("ana")), Some(SeenId(1)));
        assert_eq!(activity.seen(&Identity::user("mia")), Some(SeenId(0)));
        assert_eq!(activity.seen(&Identity::group("ana")), None);
        assert_eq!(activity.by_authenticated(SeenId(1)), [row(1, 0, 0, 2, 3), row(1, 1, 1, 4, 2)]);
        let of_mia: Vec<Use> = activity.by_effective(SeenId(0)).copied().collect();
        assert_eq!(of_mia, [row(0, 0, 0, 1, 1), row(1, 0, 0, 2, 3)]);
        assert_eq!(activity.impersonators(SeenId(0)), [SeenId(1)]);
        assert_eq!(activity.uses().count(), 3);
    }

    #[test]
    fn a_delta_replaces_adds_and_takes_away() {
        let before = whole(&["ana"], vec![row(0, 0, 0, 1, 1), row(0, 0, 1, 1, 1)]);
        let (account, credential) = (Identity::user("bob"), "JTI=1".into());
        let token =
            Arc::new(Issued { account, credential, by: Identity::user("ana"), as_who: None });
        let delta = ActivityDelta {
            tables: ActivityTables {
                identities: vec![Identity::user("bob")],
                ..ActivityTables::default()
            },
            uses: vec![row(0, 0, 0, 2, 5), row(0, 0, 1, 0, 1), row(1, 0, 1, 1, 6)],
            groups_seen: vec![(SeenId(1), "devs".into(), at(6)), (SeenId(1), "devs".into(), at(5))],
            issued: vec![(Some(SeenId(1)), token.clone(), Minted::new(at(3)))],
            truncated: vec![(SeenId(0), BTreeMap::from([("agents".into(), 3)]))],
            rates: Vec::new(),
            coverage: Coverage { events: 4, ..Coverage::default() },
        };
        let after = before.advance(&delta);
        assert_eq!(before.uses().count(), 2, "the former version stays");
        assert_eq!(after.by_authenticated(SeenId(0)), [row(0, 0, 0, 2, 5)]);
        assert_eq!(after.by_authenticated(SeenId(1)), [row(1, 0, 1, 1, 6)]);
        assert_eq!(after.impersonators(SeenId(0)), [SeenId(1)]);
        assert_eq!(after.seen(&Identity::user("bob")), Some(SeenId(1)));
        assert_eq!(after.groups_seen(SeenId(1)), [("devs".into(), at(6))]);
        assert_eq!(after.issued().get(&token), Some(&Minted::new(at(3))));
        assert_eq!(before.issued().get(&token), None, "the former version stays");
        assert_eq!(after.truncated(SeenId(0)), Some(&BTreeMap::from([("agents".into(), 3)])));
        assert_eq!(after.coverage().events, 4);
        assert_eq!(delta.touched(), [SeenId(0), SeenId(1)]);
        assert_eq!(Activity::from(after.to_parts()), after);
    }
}
