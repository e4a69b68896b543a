//! Every authorization that the requests of the log needed of somebody's rights.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::calls::{self, Sure};
use super::{Book, IdentityId};
use crate::model::{Call, Implied, Target};

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

impl Book {
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
