//! Permissions as held, and the state of their use.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use chrono::{DateTime, TimeDelta, Utc};

use super::calls::{self, Sure};
use super::grants::{group_of, is_cluster};
use super::groups;
use super::ledger::{Exercised, Tally};
use super::node::is_masters;
use super::tier::RuleFacts;
use super::{Book, Entry, Grant, IdentityId, Permission, Tier, UseState, UseSummary};
use crate::model::{
    Call, GroupSetId, Identity, Name, PolicyRule, Scope, Shown, SubjectKind, Target,
};

/// What `system:masters` may do, as a rule would say it.
static EVERYTHING: LazyLock<PolicyRule> = LazyLock::new(|| {
    let star = || vec![Name::from("*")];
    PolicyRule {
        verbs: star(),
        api_groups: star(),
        resources: star(),
        resource_names: Vec::new(),
        non_resource_urls: star(),
    }
});

/// The same without paths.
static ALL_KINDS: LazyLock<PolicyRule> =
    LazyLock::new(|| PolicyRule { non_resource_urls: Vec::new(), ..EVERYTHING.clone() });

static MASTERS: LazyLock<Name> = LazyLock::new(|| Identity::SYSTEM_MASTERS.into());

/// One rule of an entry.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    /// None for `system:masters`.
    pub(super) grant: Option<&'a Arc<Grant>>,
    /// Which rule of the grant's role.
    pub(super) at: usize,
    /// The rule, or a part of it.
    pub(super) rule: &'a PolicyRule,
    pub(super) facts: RuleFacts,
}

/// One rule that an identity holds, judged.
pub(crate) struct HeldRule<'a> {
    /// By way of which grant; None for `system:masters`, which needs none.
    pub(crate) grant: Option<&'a Arc<Grant>>,
    /// The rule.
    pub(crate) rule: &'a PolicyRule,
    /// How strong it is where it holds; None where it conveys nothing there.
    pub(crate) tier: Option<Tier>,
    /// Whether the log shows it in use.
    pub(crate) state: UseState,
    /// Whether the log would show all of it.
    pub(crate) shown: Shown,
}

/// What a row allowed, as far as the log shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RowUse {
    pub(super) sure: Sure,
    pub(super) allowed: u64,
    pub(super) last: Option<DateTime<Utc>>,
}

impl Row<'_> {
    pub(super) fn scope(&self) -> &Scope {
        self.grant.map_or(&Scope::Cluster, |grant| &grant.scope)
    }

    /// The group by way of which it holds; None for what the identity itself was granted.
    fn group(&self) -> Option<&Name> {
        self.grant.map_or(Some(&MASTERS), |grant| group_of(grant))
    }
}

impl Book {
    /// The rules that an identity holds, in the order of its grants; `system:masters` first.
    /// Rules that convey nothing in their scope (paths by way of a `RoleBinding`, `pods/*`) are
    /// left out.
    pub fn permissions(&self, id: IdentityId) -> Vec<Permission> {
        let Some(entry) = self.entry(id) else {
            return Vec::new();
        };
        let calls = self.calls_of(entry);
        let mut found = Vec::new();
        self.each_row(entry, |row| {
            let used = self.use_of(entry, row, &calls);
            found.push(Permission {
                rule: row.rule.clone(),
                scope: row.scope().clone(),
                via: row.grant.map(|grant| grant.id),
                aggregated_from: self.sources_of(row),
                use_state: self.state(entry, row, used.sure),
                allowed: used.allowed,
                last_used: used.last,
            });
        });
        found
    }

    /// What a row of the entry allowed.
    pub(super) fn use_of(&self, entry: &Entry, row: Row<'_>, calls: &[&Exercised]) -> RowUse {
        let mut used = RowUse::default();
        for call in calls.iter().filter(|call| call.tally.allowed + call.tally.undecided > 0) {
            let mut covers = self.covers(entry, row, call);
            if call.tally.allowed == 0 {
                // Whether it was allowed is not known, so neither is that it was not.
                covers = covers.min(Sure::Maybe);
            }
            used.sure = used.sure.max(covers);
            if covers == Sure::Yes {
                used.allowed += call.tally.allowed;
                used.last = used.last.max(call.tally.last_allowed);
            }
        }
        used
    }

    /// The roles that an aggregated role's selectors bring the rule from.
    fn sources_of(&self, row: Row<'_>) -> Vec<Name> {
        let Some(role) = row.grant.and_then(|grant| grant.role.as_ref()) else {
            return Vec::new();
        };
        let found = self.provenance().of(role, row.at);
        found.map(<[Name]>::to_vec).unwrap_or_default()
    }

    /// What the rights of an identity were used for, as far as the log shows; for a group, what
    /// requests that carried it were for. Sorted by verb and target.
    pub fn uses(&self, id: IdentityId) -> Vec<UseSummary> {
        let Some(entry) = self.entry(id) else {
            return Vec::new();
        };
        let mut found: BTreeMap<(&Name, &Target), (Arc<Call>, Tally)> = BTreeMap::new();
        for exercised in self.calls_of(entry).into_iter().filter(|call| !call.is_behind()) {
            found
                .entry((&exercised.call.verb, &exercised.call.target))
                .and_modify(|(call, have)| {
                    have.add(&exercised.tally);
                    // What was needed beside it is not part of the summary.
                    if exercised.call.implied < call.implied {
                        *call = exercised.call.clone();
                    }
                })
                .or_insert_with(|| (exercised.call.clone(), exercised.tally));
        }
        let summary = |(call, tally): (Arc<Call>, Tally)| UseSummary {
            call,
            allowed: tally.allowed,
            denied: tally.denied,
            undecided: tally.undecided,
            first_seen: tally.first,
            last_seen: tally.last,
        };
        found.into_values().map(summary).collect()
    }

    /// Calls of which requests were refused for want of the entry's rights, with how many.
    pub(crate) fn refused<'b>(
        &'b self,
        entry: &Entry,
    ) -> impl Iterator<Item = (&'b Call, u64)> + use<'b> {
        let record = self.ledger.record(&entry.identity);
        record.into_iter().flat_map(|record| &record.calls).filter_map(|exercised| {
            let denied = exercised.tally.denied;
            (denied > 0).then_some((&*exercised.call, denied))
        })
    }

    /// Calls that the entry's rights were asked for.
    pub(super) fn calls_of(&self, entry: &Entry) -> Vec<&Exercised> {
        match entry.identity.kind {
            SubjectKind::Group => self.group_calls(entry),
            _ => self
                .ledger
                .record(&entry.identity)
                .map_or(Vec::new(), |record| record.calls.iter().chain(&record.needed).collect()),
        }
    }

    /// Calls whose requests carried the group, and those of its known members whose requests
    /// carried no groups at all.
    pub(super) fn group_calls(&self, group: &Entry) -> Vec<&Exercised> {
        let members = group.members.iter().filter_map(|id| self.entry(*id));
        let counts = |member: &Entry| super::node::acts_in(member, &group.identity);
        let members = members.map(|member| (&member.identity, counts(member)));
        // Groups that an impersonator chose make nobody a member, but the rights were used.
        let others = self.ledger.impersonated().filter(|other| {
            self.ids.get(*other).is_none_or(|id| group.members.binary_search(id).is_err())
        });
        members
            .chain(others.map(|other| (other, false)))
            .filter_map(|(who, is_member)| Some((self.ledger.record(who)?, is_member)))
            .flat_map(|(record, is_member)| {
                let calls = record.calls.iter().chain(&record.needed);
                calls.filter(move |call| self.counts_for(group, call, is_member))
            })
            .collect()
    }

    /// Whether a call is one of a group's: its request carried the group, or carried none and was
    /// a known member's.
    pub(super) fn counts_for(&self, group: &Entry, call: &Exercised, is_member: bool) -> bool {
        match call.groups {
            Some(set) => self.set_has(set, &group.identity.name),
            None => is_member,
        }
    }

    fn set_has(&self, set: GroupSetId, group: &str) -> bool {
        self.activity.as_deref().is_some_and(|activity| {
            activity.group_set(set).binary_search_by(|have| (**have).cmp(group)).is_ok()
        })
    }

    /// How sure it is that the log shows each of the entry's rows in use, by some further calls.
    /// A group's are only those that count for it.
    pub(super) fn judge(&self, entry: &Entry, rows: &mut Vec<Sure>, calls: &[&Exercised]) {
        rows.resize(entry.held as usize, Sure::No);
        if calls.is_empty() {
            return;
        }
        let mut at = 0;
        self.each_row(entry, |row| {
            if let Some(have) = rows.get_mut(at) {
                for call in calls {
                    if *have == Sure::Yes {
                        break;
                    }
                    *have = (*have).max(self.covers(entry, row, call));
                }
            }
            at += 1;
        });
    }

    /// How sure it is that a call of the entry's rights needed the row.
    fn covers(&self, entry: &Entry, row: Row<'_>, call: &Exercised) -> Sure {
        if !in_scope(row.scope(), &call.call.target) {
            return Sure::No;
        }
        // Everything is allowed, whatever it was for.
        let sure = if std::ptr::eq(row.rule, &raw const *EVERYTHING) {
            call.sure
        } else {
            calls::covers(row.rule, &call.call, self.server).min(call.sure)
        };
        let (Some(group), Some(set)) = (row.group(), call.groups) else {
            return sure;
        };
        let carried = sure == Sure::No
            || entry.identity.kind == SubjectKind::Group
            || self.set_has(set, group);
        if carried { sure } else { Sure::No }
    }

    fn each_row<'b>(&'b self, entry: &Entry, mut found: impl FnMut(Row<'b>)) {
        if is_masters(&entry.identity, &entry.groups) {
            let facts = RuleFacts {
                cluster: None,
                namespace: None,
                observable: true,
                reads: true,
                shown: self.recorded.shows(&ALL_KINDS, &self.served),
            };
            found(Row { grant: None, at: 0, rule: &EVERYTHING, facts });
        }
        for grant in entry.grants.iter().filter_map(|id| self.grant(*id)) {
            let (Some(role), Some(facts)) = (&grant.role, self.facts_of(grant)) else {
                continue;
            };
            let cluster = is_cluster(grant);
            for (at, (rule, facts)) in role.rules.iter().zip(&facts.rules).enumerate() {
                if facts.tier(cluster).is_some() {
                    found(Row { grant: Some(grant), at, rule, facts: *facts });
                }
            }
        }
    }

    /// Rule rows that an entry holds.
    pub(super) fn held(&self, entry: &Entry) -> u32 {
        let rows: u32 = entry
            .grants
            .iter()
            .filter_map(|id| self.grant(*id))
            .filter_map(|grant| Some(self.facts_of(grant)?.held(is_cluster(grant))))
            .sum();
        rows + u32::from(is_masters(&entry.identity, &entry.groups))
    }

    /// Whether a part of the log of the idle time is known to be missing.
    pub(crate) fn lacks_part(&self) -> bool {
        let idle = TimeDelta::days(i64::from(self.policy.idle_days));
        self.coverage().is_some_and(|coverage| {
            let since = coverage.to.and_then(|to| to.checked_sub_signed(idle));
            coverage.lacks_part(since.or(coverage.from).unwrap_or(self.now))
        })
    }

    /// Whether requests of the entry may be among those that the log's reader had no room for. Of
    /// an identity it keeps all or nothing; of a group's members, any may be missing.
    pub fn may_be_left_out(&self, entry: &Entry) -> bool {
        self.coverage().is_some_and(|coverage| coverage.identities_left_out > 0)
            && (entry.identity.kind == SubjectKind::Group
                || self.ledger.record(&entry.identity).is_none())
    }

    /// Every rule row of an entry with the state of its use, `rows` being what the log's allowed
    /// requests show of each. Requests of which the log does not say whether they were allowed may
    /// have needed any row.
    pub(crate) fn judged(&self, entry: &Entry, rows: &[Sure]) -> Vec<HeldRule<'_>> {
        let open = self.open_calls(entry);
        let mut found = Vec::with_capacity(entry.held as usize);
        self.each_row(entry, |row| {
            let mut sure = rows.get(found.len()).copied().unwrap_or_default();
            if open.iter().any(|call| self.covers(entry, row, call) != Sure::No) {
                sure = sure.max(Sure::Maybe);
            }
            found.push(HeldRule {
                grant: row.grant,
                rule: row.rule,
                tier: row.facts.tier(row.grant.is_none_or(|grant| is_cluster(grant))),
                state: self.state(entry, row, sure),
                shown: self.shows(entry, row),
            });
        });
        found
    }

    /// Calls of the entry's rights of which the log does not say whether they were allowed.
    fn open_calls(&self, entry: &Entry) -> Vec<&Exercised> {
        if entry.identity.kind != SubjectKind::Group {
            let record = self.ledger.record(&entry.identity);
            return record.iter().flat_map(|record| record.open()).collect();
        }
        let mut found = Vec::new();
        for who in self.ledger.undecided() {
            let is_member = self.acts_in(entry, who);
            let calls = self.ledger.record(who).into_iter().flat_map(|record| record.open());
            found.extend(calls.filter(|call| self.counts_for(entry, call, is_member)));
        }
        found
    }

    pub(super) fn state(&self, entry: &Entry, row: Row<'_>, sure: Sure) -> UseState {
        let Some(coverage) = self.coverage().filter(|_| self.log.is_whole()) else {
            return UseState::NoLog;
        };
        if sure == Sure::Yes {
            return UseState::Used;
        }
        if !row.facts.observable {
            return UseState::NotObservable;
        }
        let members_unseen = entry.identity.kind == SubjectKind::Group
            && !groups::is_implicit(&entry.identity.name)
            && !coverage.knows_groups();
        let left_out = sure == Sure::Maybe
            || members_unseen
            || self.may_be_left_out(entry)
            || coverage.from.is_none_or(|from| row.facts.reads && !coverage.reads_cover(from))
            || self.shows(entry, row) == Shown::No
            || self.leaves_out_part(entry, row)
            || self.lacks_part()
            || !(coverage.decisions_logged || self.ledger.any_allowed);
        if left_out { UseState::NotCovered } else { UseState::Unused }
    }
}

fn in_scope(scope: &Scope, target: &Target) -> bool {
    match (scope, target) {
        // What a folded row was for is not known.
        (Scope::Cluster, _) | (_, Target::Folded) => true,
        (Scope::Namespace(ns), Target::Resource { namespace, .. }) => {
            namespace.as_ref() == Some(ns)
        }
        (Scope::Namespace(_), Target::Path(_) | Target::Paths) => false,
    }
}
