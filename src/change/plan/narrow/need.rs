//! What somebody's requests needed.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::rules::{Need, allows};
use crate::book::{Authorization, Book, Grant, UseSummary};
use crate::change::plan::nowhere;
use crate::model::{Call, Role, Target, counted};

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

/// Takes out what was asked for by a name that is a wildcard in a rule; gives that in words.
pub(super) fn without_wild(needs: &mut Vec<OwnNeed>, who: &str) -> Option<String> {
    let mut requests = 0;
    needs.retain(|need| {
        let is_wild = !need.is_beside() && nowhere::is_wild(&need.call);
        requests += if is_wild { need.requests() } else { 0 };
        !is_wild
    });
    (requests > 0).then(|| nowhere::wild_words(who, requests))
}

/// That something stays cluster-wide for namespaces that are not there.
pub(super) fn of_missing(book: &Book, needs: &[&OwnNeed], by: &str) -> Option<String> {
    let missing = |need: &&&OwnNeed| nowhere::missing(&need.call, &book.snapshot).is_some();
    let lost: Vec<&&OwnNeed> = needs.iter().filter(missing).collect();
    let requests: u64 = lost.iter().map(|need| need.requests()).sum();
    let names = lost.iter().filter_map(|need| nowhere::missing(&need.call, &book.snapshot));
    (!lost.is_empty()).then(|| {
        format!(
            "{by}: {} in namespaces that are not there ({}), so that what they needed stays in the whole \
             cluster: nothing tells whether these were ever there, or are a slip in a name",
            counted(requests, "request"),
            nowhere::some(names)
        )
    })
}
