//! Who is in which group, and how that is known.

use std::collections::BTreeMap;

use super::ledger::Record;
use super::{Book, Entry, GroupSource, Membership};
use crate::credentials::Carried;
use crate::model::{Identity, Name, Policy, SubjectKind};
use crate::rbac::query::Asker;
use chrono::{DateTime, Utc};

impl Entry {
    /// It as one who asks: in the groups that the Book has it in and in no others. An account that is not
    /// there and acts by a certificate is in none of the groups of accounts.
    pub fn asker(&self) -> Asker {
        let groups = self.groups.iter().map(|group| group.name.clone());
        Asker::in_groups(self.identity.clone(), groups, self.groups_known)
    }
}

/// The groups of an identity, sorted by name, each with the strongest of its sources. `is_missing` is an
/// account that does not exist: no token of it is taken, and what acts as it by a certificate is in none
/// of the groups of accounts, unless the log shows it in them.
pub(crate) fn of(
    identity: &Identity,
    record: Option<&Record>,
    policy: &Policy,
    carried: &[Carried],
    is_missing: bool,
) -> Vec<Membership> {
    if identity.kind == SubjectKind::Group {
        return Vec::new();
    }
    let mut found: BTreeMap<Name, Membership> = BTreeMap::new();
    let mut add = |name: &Name, source: GroupSource, last_seen| {
        let have = found.entry(name.clone()).or_insert_with(|| Membership {
            name: name.clone(),
            source,
            last_seen: None,
        });
        have.source = have.source.min(source);
        have.last_seen = have.last_seen.max(last_seen);
    };
    let logged = record.map_or(&[][..], |record| &record.groups);
    let by_certificate = carried.iter().any(|one| one.source == GroupSource::Certificate);
    let as_user = is_missing && (by_certificate || !logged.is_empty());
    for name in identity.implicit_groups() {
        if !as_user || &*name == Identity::AUTHENTICATED {
            add(&name, GroupSource::Implicit, None);
        }
    }
    for (name, at) in logged {
        add(name, GroupSource::Log, Some(*at));
    }
    for name in given(identity, policy) {
        add(name, GroupSource::Given, None);
    }
    for one in carried {
        for name in &one.groups {
            add(name, one.source, None);
        }
    }
    found.into_values().collect()
}

/// Whether these are all the groups there are: the API server itself makes those of accounts and
/// of anonymous; those of a user are known only where a log carries them or somebody gave them. Those
/// of a credential are its own, and another of the same user may carry others.
pub(crate) fn are_known(identity: &Identity, record: Option<&Record>, policy: &Policy) -> bool {
    match identity.kind {
        SubjectKind::Group | SubjectKind::ServiceAccount => true,
        SubjectKind::User => {
            &*identity.name == Identity::ANONYMOUS
                || record.is_some_and(|record| !record.groups.is_empty())
                || !given(identity, policy).is_empty()
        }
    }
}

/// A membership that the log last showed long ago, and many requests since did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Uncarried {
    /// When a request last carried the group, UTC.
    pub(crate) last: DateTime<Utc>,
    /// Requests on the days after that one, none of which carried it.
    pub(crate) requests: u64,
}

/// So many requests without a group, on so many days, say that somebody may have left it.
const MANY: (u64, usize) = (10, 3);

impl Book {
    /// Where only the log says that somebody is in a group, and no request carried it for long.
    pub(crate) fn uncarried(&self, entry: &Entry, group: &str) -> Option<Uncarried> {
        let mut all = entry.groups.iter();
        let membership = all.find(|have| &*have.name == group)?;
        let last = membership.last_seen.filter(|_| membership.source == GroupSource::Log)?;
        // Of requests that came without any group in the log it is not known.
        self.coverage().filter(|coverage| coverage.knows_groups())?;
        let days = &entry.activity.as_ref()?.days;
        let after = || days.iter().filter(|(day, _)| **day > last.date_naive());
        let requests = after().map(|(_, day)| day.allowed + day.denied + day.undecided).sum();
        (requests >= MANY.0 && after().count() >= MANY.1).then_some(Uncarried { last, requests })
    }
}

impl Uncarried {
    /// As it goes on in the evidence: whether they are in the group today.
    pub(crate) fn words(self, group: &str) -> String {
        format!(
            "; no request carried group {group} since {}, and {} after that day did not: whether it is \
             in it today is not known",
            self.last.format("%Y-%m-%d"),
            self.requests
        )
    }
}

fn given<'p>(identity: &Identity, policy: &'p Policy) -> &'p [Name] {
    identity.user_name().and_then(|name| policy.groups.get(&name)).map_or(&[], Vec::as_slice)
}

/// Whether the API server alone decides who is in the group.
pub(crate) fn is_implicit(group: &str) -> bool {
    matches!(
        group,
        Identity::AUTHENTICATED | Identity::UNAUTHENTICATED | Identity::ALL_SERVICE_ACCOUNTS
    ) || group
        .strip_prefix(Identity::ALL_SERVICE_ACCOUNTS)
        .is_some_and(|rest| rest.starts_with(':'))
}
