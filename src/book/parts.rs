//! The use of parts of what is held: one verb on one resource of a rule that names many.

use chrono::{DateTime, Utc};

use super::permissions::Row;
use super::tier::facts;
use super::{Book, GrantId, IdentityId, UseState};
use crate::model::PolicyRule;

/// The use of a part of a permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartUse {
    /// Whether it was used.
    pub state: UseState,
    /// Allowed requests of the identity that it covers.
    pub allowed: u64,
    /// The last of them, UTC.
    pub last_used: Option<DateTime<Utc>>,
}

impl Book {
    /// The use of parts of an identity's permissions, in their order. A part is a rule that is
    /// within a rule of the grant (None: of `system:masters`), and is judged as
    /// [`Book::permissions`] judges the whole: a request needs a part if the part covers it. Empty
    /// for an identity that is not there.
    pub fn uses_of_parts(
        &self,
        id: IdentityId,
        parts: &[(Option<GrantId>, &PolicyRule)],
    ) -> Vec<PartUse> {
        let Some(entry) = self.entry(id) else {
            return Vec::new();
        };
        let calls = self.calls_of(entry);
        let use_of = |&(via, rule): &(Option<GrantId>, &PolicyRule)| {
            let grant = via.and_then(|via| self.grant(via));
            let row = Row { grant, at: 0, rule, facts: facts(rule, &self.served, &self.recorded) };
            // A grant that is no longer there allows nothing.
            let calls = if via.is_some() && grant.is_none() { &[] } else { &calls[..] };
            let used = self.use_of(entry, row, calls);
            let state = self.state(entry, row, used.sure);
            PartUse { state, allowed: used.allowed, last_used: used.last }
        };
        parts.iter().map(use_of).collect()
    }
}
