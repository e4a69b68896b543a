//! How fast somebody asked, by the log.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The most requests in a stretch of time of one length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Peak {
    /// How many.
    pub requests: u64,
    /// When that minute or hour began, UTC; the first of several alike.
    pub at: DateTime<Utc>,
}

impl Peak {
    /// The greater one, the earlier of two alike.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let worth = |peak: &Self| (peak.requests, std::cmp::Reverse(peak.at));
        if worth(&self) < worth(&other) { other } else { self }
    }
}

/// How fast an identity asked, as whoever authenticated. Minutes and hours are those of the clock: in
/// sixty seconds that lie across two minutes there may have been up to twice as many requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// How many requests were counted here: those of which the log says one by one when they were
    /// received. Those of summaries are not.
    pub counted: u64,
    /// The busiest minute.
    pub minute: Peak,
    /// The busiest hour.
    pub hour: Peak,
    /// Requests that were answered 429 before anybody judged whether they are allowed: there were
    /// too many.
    pub rejected: u64,
    /// The last of these, UTC.
    pub last_rejected: Option<DateTime<Utc>>,
}

impl Rate {
    /// What both come to, each being of other hours.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            counted: self.counted.saturating_add(other.counted),
            minute: self.minute.or(other.minute),
            hour: self.hour.or(other.hour),
            rejected: self.rejected.saturating_add(other.rejected),
            last_rejected: self.last_rejected.max(other.last_rejected),
        }
    }
}
