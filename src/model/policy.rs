//! Settings that decide verdicts. A value, passed in and printed with every result.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use super::{Again, AuditPolicy, Name, Outside, PodSecurity};

/// Groups that somebody gave for users by hand: the source `given`.
pub type GroupMap = BTreeMap<Name, Vec<Name>>;

/// Thresholds and maps. Pure code takes it as a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Policy {
    /// An identity is idle when it was not seen in this many days before the end of coverage.
    pub idle_days: u32,
    /// Refused requests are a finding from so many on.
    pub denied_requests: u32,
    /// …where they came on at least so many days.
    pub denied_days: u32,
    /// Requests are a flood from so many in one minute on.
    pub flood_minute: u32,
    /// …or from so many in one hour on.
    pub flood_hour: u32,
    /// Machines on a person's account are a finding from so many requests on.
    pub machine_requests: u32,
    /// …where they are at it on at least so many days.
    pub machine_days: u32,
    /// …for at least so many hours between the first and the last request of a day.
    pub machine_hours: u32,
    /// A credential that is good for longer than this many days, or has no end and is older, is
    /// worse than another.
    pub credential_days: u32,
    /// Groups given for users: `--groups USER=G,G` or a map file.
    pub groups: GroupMap,
    /// Findings that somebody answers for.
    pub exemptions: Vec<Exemption>,
    /// Who is said to have left, as `user:NAME` or `sa:NAMESPACE/NAME` (`*` stands for any number of
    /// characters), with the last day on which they may be seen, UTC.
    pub left: BTreeMap<Name, NaiveDate>,
    /// What to call groups whose names are ids, as those of Entra are.
    pub group_names: BTreeMap<Name, Name>,
    /// What the API servers' own configuration says of Pod Security; not printed where nobody told.
    #[serde(skip_serializing_if = "PodSecurity::is_unsaid")]
    pub pod_security: PodSecurity,
    /// What files tell of credentials that no list of the cluster shows. No threshold, so that it is
    /// not printed as one.
    #[serde(skip)]
    pub outside: Arc<Outside>,
    /// By which options a command means the same cluster and log. No threshold either.
    #[serde(skip)]
    pub again: Again,
    /// The API servers' audit policy, where a file was named: it decides what the log would show.
    #[serde(skip)]
    pub audit: Option<Arc<AuditPolicy>>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            idle_days: 90,
            denied_requests: 100,
            denied_days: 3,
            flood_minute: 3_000,
            flood_hour: 36_000,
            machine_requests: 100,
            machine_days: 3,
            machine_hours: 16,
            credential_days: 365,
            groups: GroupMap::new(),
            exemptions: Vec::new(),
            left: BTreeMap::new(),
            group_names: BTreeMap::new(),
            pod_security: PodSecurity::default(),
            outside: Arc::default(),
            again: Again::default(),
            audit: None,
        }
    }
}

impl Policy {
    /// The last day (UTC) on which somebody (as written in `identity`) may be seen, if they are said
    /// to have left; of several the first.
    pub fn last_day(&self, identity: &str) -> Option<NaiveDate> {
        let all = self.left.iter().filter(|(who, _)| fits(who, identity));
        all.map(|(_, day)| *day).min()
    }
}

/// A finding that is known and accepted until a day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exemption {
    /// The rule.
    pub rule: Name,
    /// Whom it is about, as `user:NAME`, `group:NAME` or `sa:NAMESPACE/NAME`; `*` stands for any
    /// number of characters.
    pub identity: Name,
    /// Who answers for it.
    pub owner: Name,
    /// Why.
    pub reason: Name,
    /// The last day on which it holds, UTC.
    pub expires: NaiveDate,
}

impl Exemption {
    /// Whether it is about a finding of this rule about this identity (as written in `identity`).
    pub fn is_about(&self, rule: &str, identity: &str) -> bool {
        &*self.rule == rule && fits(&self.identity, identity)
    }

    /// Whether it is about this identity (as written in `identity`), by whatever rule.
    pub fn is_for(&self, identity: &str) -> bool {
        fits(&self.identity, identity)
    }

    /// Whether it still holds.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        now.date_naive() <= self.expires
    }
}

/// Whether a text fits a pattern in which `*` stands for any number of characters.
pub fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_who_left_the_first_last_day_counts() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let left = [("user:*@partner.example", "2026-05-31"), ("user:yann@*", "2026-03-01")];
        let left = left.map(|(who, last)| (Name::from(who), day(last))).into();
        let policy = Policy { left, ..Policy::default() };
        assert_eq!(policy.last_day("user:yann@partner.example"), Some(day("2026-03-01")));
        assert_eq!(policy.last_day("user:cleo@partner.example"), Some(day("2026-05-31")));
        assert_eq!(policy.last_day("user:ana@corp.example"), None);
    }

    #[test]
    fn a_star_stands_for_anything() {
        for (pattern, text, yes) in [
            ("sa:velero/velero", "sa:velero/velero", true),
            ("sa:velero/velero", "sa:velero/velero2", false),
            ("sa:velero/*", "sa:velero/velero", true),
            ("sa:velero/*", "sa:velero-2/x", false),
            ("*", "user:a", true),
            ("user:*@corp.example", "user:ana@corp.example", true),
            ("user:*@corp.example", "user:ana@corp.example.evil", false),
            ("sa:*/deploy*r", "sa:a/deployer", true),
            ("sa:*/deploy*r", "sa:a/deploy", false),
            ("a*a", "a", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(fits(pattern, text), yes, "{pattern} {text}");
        }
    }
}
