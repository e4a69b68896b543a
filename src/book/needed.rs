//! Every authorization that the requests of the log needed of somebody's rights.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::calls::{self, Sure};
use super::{Book, GrantKey, IdentityId};
use crate::model::{Call, Implied, Name, RoleKind, Target};
use crate::rbac::RoleKey;

/// An authorization that allowed requests needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// What the authorizer was asked; it implies nothing further.
    pub call: Arc<Call>,
    /// Whether it surely was; else the log leaves it open.
    pub sure: bool,
    /// Requests that needed it.
    pub allowed: u64,
    /// The last of them, UTC.
    pub last: Option<DateTime<Utc>>,
}

/// Kinds that somebody's requests of the log are about: group and resource, as rules write them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logged {
    /// That somebody read.
    pub(crate) reads: BTreeSet<(Name, Name)>,
    /// That somebody asked for in any way.
    pub(crate) any: BTreeSet<(Name, Name)>,
}

impl Book {
    /// What the log has requests about, whoever's. A kind that nobody ever reads is one that the log
    /// leaves out: the controllers of every cluster read them all.
    pub(crate) fn logged(&self) -> Logged {
        let mut logged = Logged::default();
        for record in self.ledger.identities().filter_map(|who| self.ledger.record(who)) {
            for exercised in &record.calls {
                let Target::Resource { group, resource, subresource, .. } = &exercised.call.target
                else {
                    continue;
                };
                let resource = if subresource.is_empty() {
                    resource.clone()
                } else {
                    format!("{resource}/{subresource}").into()
                };
                let kind = (group.clone(), resource);
                if matches!(&*exercised.call.verb, "get" | "list" | "watch") {
                    logged.reads.insert(kind.clone());
                }
                logged.any.insert(kind);
            }
        }
        logged
    }

    /// The grants of a role that the log names as what allowed a request, those too that are gone.
    pub(crate) fn credited_with(&self, (kind, namespace, name): &RoleKey) -> Vec<GrantKey> {
        let all = self.ledger.credited().filter(|((key, of, role), _)| {
            let placed = *kind == RoleKind::ClusterRole
                || key.namespace.as_deref().unwrap_or_default() == &**namespace;
            of == kind && role == name && placed
        });
        let mut keys: Vec<GrantKey> = all.map(|((key, _, _), _)| key.clone()).collect();
        keys.sort();
        keys
    }

    /// What requests for these calls needed, each with how many were allowed and the last (UTC).
    pub(crate) fn authorizations<'c>(
        &self,
        calls: impl Iterator<Item = (&'c Arc<Call>, u64, DateTime<Utc>)>,
    ) -> Vec<Authorization> {
        let mut found = Vec::new();
        for (call, allowed, last) in calls {
            if matches!(call.target, Target::Paths | Target::Folded) {
                continue;
            }
            for (verb, sure) in calls::verbs(call, self.server) {
                let target = call.target.clone();
                let call = Call { verb: verb.into(), target, implied: Implied::Nothing };
                found.push(Authorization {
                    call: Arc::new(call),
                    sure: sure == Sure::Yes,
                    allowed,
                    last: Some(last),
                });
            }
        }
        found
    }

    /// What the authorizer was asked about the identity and allowed, one for each call on a line of
    /// the log and for each that such a call needed besides: without these rights the requests
    /// would not have come as far as they did. The same authorization may be there more than once.
    /// What was folded away is left out, as is what the log cannot show.
    pub fn needed(&self, id: IdentityId) -> Vec<Authorization> {
        let Some(entry) = self.entry(id) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let calls = self.calls_of(entry).into_iter();
        for exercised in calls.filter(|exercised| exercised.tally.allowed > 0) {
            if matches!(exercised.call.target, Target::Paths | Target::Folded) {
                continue;
            }
            for (verb, sure) in calls::verbs(&exercised.call, self.server) {
                let target = exercised.call.target.clone();
                let call = Call { verb: verb.into(), target, implied: Implied::Nothing };
                found.push(Authorization {
                    call: Arc::new(call),
                    sure: sure.min(exercised.sure) == Sure::Yes,
                    allowed: exercised.tally.allowed,
                    last: exercised.tally.last_allowed,
                });
            }
        }
        found
    }
}
