//! What somebody's requests needed.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::rules::{Need, allows};
use crate::book::{Authorization, Grant, UseSummary};
use crate::model::{Call, Role, Target};

/// A need that owns its call.
pub(super) struct OwnNeed {
    /// What the authorizer was asked.
    pub(super) call: Arc<Call>,
    sure: bool,
    beside: bool,
    requests: u64,
    last: Option<DateTime<Utc>>,
}

impl OwnNeed {
    pub(super) fn of(needed: Authorization) -> Self {
        let Authorization { call, sure, allowed, last } = needed;
        Self { call, sure, beside: false, requests: allowed, last }
    }

    pub(super) fn open(used: &UseSummary) -> Self {
        Self {
            call: used.call.clone(),
            sure: used.allowed > 0,
            beside: false,
            requests: used.allowed + used.undecided,
            last: Some(used.last_seen),
        }
    }

    /// What requests took beside their own authorization, for names that the log does not say.
    pub(super) fn beside(call: Call, requests: u64, last: DateTime<Utc>) -> Self {
        Self { call: Arc::new(call), sure: false, beside: true, requests, last: Some(last) }
    }

    /// Requests that needed it.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Whether requests had another way to pass without it.
    pub(super) fn is_beside(&self) -> bool {
        self.beside
    }

    /// Whether it stands for objects whose names are no longer known.
    pub(super) fn is_folded(&self) -> bool {
        matches!(self.call.target, Target::Resource { names_folded: true, .. } | Target::Paths)
    }

    pub(super) fn is_allowed(&self, role: &Role, grant: &Grant) -> bool {
        allows(&role.rules, &grant.scope, &self.call)
    }

    pub(super) fn as_need(&self) -> Need<'_> {
        Need {
            call: &self.call,
            sure: self.sure,
            beside: self.beside,
            requests: self.requests,
            last: self.last,
        }
    }
}
