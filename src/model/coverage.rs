//! The time that the logs really cover.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{Name, counted};

/// A stretch without a single event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Gap {
    /// The last event before it, UTC.
    pub from: DateTime<Utc>,
    /// The first event after it, UTC.
    pub to: DateTime<Utc>,
}

/// Where in a source something was met.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The source as the person named it, or the file found below it.
    pub source: Name,
    /// Line, counted from 1.
    pub line: u64,
}

/// Lines that could not be read, of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// How many.
    pub count: u64,
    /// The first of them, in the order of the sources.
    pub first: Place,
}

impl Unreadable {
    /// What was counted: lines, or whole files of which no line was read.
    pub fn counted(&self) -> &'static str {
        if self.first.line == 0 { "file" } else { "line" }
    }
}

impl fmt::Display for Place {
    /// `FILE:LINE`; `FILE` where it is the file as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.source),
            line => write!(f, "{}:{line}", self.source),
        }
    }
}

/// An API server, and what of the log is its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// As it is named where it was met.
    pub name: Name,
    /// The first of its events, UTC.
    pub from: DateTime<Utc>,
    /// The last of them, UTC.
    pub to: DateTime<Utc>,
    /// How many there are, further stages and copies included.
    pub events: u64,
    /// Whole hours (UTC) of which the log of other API servers is here, and its own is not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lacks: Vec<Gap>,
}

/// What a set of logs covers, and what it leaves out. All times UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Coverage {
    /// Time of the earliest request; None where no event was read.
    pub from: Option<DateTime<Utc>>,
    /// Time of the latest request: idle is measured to here, never to the wall clock.
    pub to: Option<DateTime<Utc>>,
    /// Distinct requests.
    pub events: u64,
    /// Lines that were read as events, stages and repeats included.
    pub lines: u64,
    /// Lines that repeated a request already counted (further stages and copies).
    pub repeats: u64,
    /// Requests that came when the index of their hour was no longer kept, so that it is not known
    /// whether they were counted before: they moved dates, and counted nothing.
    #[serde(default)]
    pub late: u64,
    /// Stretches without any event, longer than the tolerance, oldest first; at most
    /// [`Coverage::MAX_GAPS`], the longest ones kept.
    pub gaps: Vec<Gap>,
    /// Gaps beyond those in `gaps`.
    pub gaps_left_out: u64,
    /// Requests answered 401, which belong to nobody.
    pub unauthenticated: u64,
    /// Requests of identities that were too many to keep: the ones seen longest ago.
    pub identities_left_out: u64,
    /// Requests of which only `RequestReceived` was seen: never a use or a denial.
    pub received_only: u64,
    /// Whether get or list of anybody was seen; a get that runs something in a pod, and watches,
    /// are logged also where reads are not.
    pub reads_logged: bool,
    /// The time of the first such read.
    pub reads_from: Option<DateTime<Utc>>,
    /// The time of the last such read.
    pub reads_to: Option<DateTime<Utc>>,
    /// Whether any event carried the authorizer's decision.
    pub decisions_logged: bool,
    /// Whether any event carried groups.
    pub groups_logged: bool,
    /// Events of somebody that carried none: everybody who authenticates has some.
    pub without_groups: u64,
    /// Events that were cut on their way, and of which only the beginning was read.
    pub cut: u64,
    /// Sources, files mostly, that could not be read, or not to their end: what is in them is not known.
    pub broken: u64,
    /// Levels met, with the number of lines.
    pub levels: BTreeMap<Name, u64>,
    /// Lines that could not be read, by reason.
    pub unreadable: BTreeMap<Name, Unreadable>,
    /// What carriers hold beside audit events, by what it is.
    pub passed: BTreeMap<Name, Unreadable>,
    /// What events came in, with their number; one event may have come in several. What came as
    /// the API server writes it is in none.
    pub carriers: BTreeMap<Name, u64>,
    /// Clusters that carriers name, with the number of events.
    pub clusters: BTreeMap<Name, u64>,
    /// API servers, by the leases that they renew, each in its own log.
    pub api_servers: Vec<Server>,
    /// Servers, log streams, pods or nodes that carriers name.
    pub streams: Vec<Server>,
    /// Stretches of [`Coverage::GAP`] in which a controller manager or scheduler renewed its lease.
    pub led: u64,
    /// Stretches in which one asked for the lease and none renewed it: whoever holds it does so at
    /// an API server whose log is not here.
    pub unled: u64,
    /// The sources read, as named or as found below a folder, sorted.
    pub sources: Vec<Name>,
    /// What came from activity summaries, which queries make elsewhere; None where nothing did.
    pub summaries: Option<Summaries>,
}

/// What of the activity came from summaries, and what they leave open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summaries {
    /// Requests counted from them.
    pub requests: u64,
    /// Rows that came again, in the same summary or another, and were counted once.
    pub repeated_rows: u64,
    /// Whether summaries cover time that another one or a log covers too: requests there may be
    /// counted more than once, dates are right all the same.
    pub overlapping: bool,
    /// Whether gaps are known: where not, [`Coverage::gaps`] is empty.
    pub gaps_known: bool,
    /// What they say they lack, as documented in docs/formats/summary.md, sorted.
    pub lacks: Vec<Name>,
}

/// What has no place in some carriers.
const IMPERSONATION: &str = "in whose name a request was made";
const CREDENTIALS: &str = "which token or certificate was presented";

/// What carriers and the platforms that write them leave out whatever the audit policy.
const LOSSES: [(&str, &[&str]); 7] = [
    (
        "EKS CloudWatch",
        &[
            "watches of kube-proxy",
            "gets of nodes by kubelets",
            "leader election",
            "gets of namespaces by API servers",
            "metrics read by autoscaling",
            "health, version and discovery paths",
            "events",
        ],
    ),
    ("EKS Insights fields", &["what was not selected"]),
    ("OCSF", &["fractions of a millisecond"]),
    (
        "GKE Cloud Logging",
        &[
            "groups",
            CREDENTIALS,
            IMPERSONATION,
            "whether a patch or an update created",
            "requests that the platform's policy leaves out",
        ],
    ),
    ("AKSAudit table", &[IMPERSONATION]),
    ("legacy text", &["decisions and their reasons", CREDENTIALS, "all addresses but the first"]),
    ("OpenShift", &["reads of some resources, by its profiles"]),
];

impl Coverage {
    /// A stretch this long without any event is a gap: a running control plane renews leases
    /// every few seconds.
    pub const GAP: chrono::TimeDelta = chrono::TimeDelta::minutes(10);
    /// How many gaps are kept.
    pub const MAX_GAPS: usize = 64;

    /// So long a log without the API servers' leases may hold no request, and lack none.
    pub const QUIET: TimeDelta = TimeDelta::days(3);

    /// Whether reads are logged from `since` (or from the first day of the log, if that is later) to
    /// the last day of the log.
    pub fn reads_cover(&self, since: DateTime<Utc>) -> bool {
        let day = chrono::TimeDelta::days(1);
        let begins = |reads| reads <= since || self.from.is_some_and(|from| reads <= from + day);
        let lasts = |reads| self.to.is_none_or(|to| reads >= to - day);
        self.reads_logged && self.reads_from.is_none_or(begins) && self.reads_to.is_none_or(lasts)
    }

    /// Whether the log of an API server is missing: for more than one in twenty stretches those who
    /// held the leases were served by one that is not in the log.
    pub fn lacks_server(&self) -> bool {
        self.unled > (self.led + self.unled) / 20 + 2
    }

    /// API servers of whose log hours after `since` are not here though those of others are. What they
    /// served then was not seen. None where a cloud keeps the log, and makes and ends API servers as it
    /// likes.
    pub fn lacking(&self, since: DateTime<Utc>) -> impl Iterator<Item = &Server> {
        let hosted =
            |carrier: &Name| ["EKS", "GKE", "AKS"].iter().any(|one| carrier.starts_with(one));
        let is_hosted = self.carriers.keys().any(hosted);
        let lacks = move |server: &&Server| server.lacks.iter().any(|gap| gap.to > since);
        self.api_servers.iter().filter(move |_| !is_hosted).filter(lacks)
    }

    /// Whether what somebody did since then is known to be missing: of an API server, or of days of one,
    /// or in a file that cannot be read to its end.
    pub fn lacks_part(&self, since: DateTime<Utc>) -> bool {
        self.lacks_server() || self.broken > 0 || self.lacking(since).next().is_some()
    }

    /// `of API server apiserver-x the log lacks 12 days since 2026-01-02`; None where nothing is lacking.
    pub fn lacking_in_words(&self, since: DateTime<Utc>) -> Option<String> {
        let hours = |server: &Server| -> i64 {
            let of = server.lacks.iter().filter(|gap| gap.to > since);
            of.map(|gap| (gap.to - gap.from.max(since)).num_hours().max(1)).sum()
        };
        let mut all: Vec<(i64, &Server)> =
            self.lacking(since).map(|server| (hours(server), server)).collect();
        all.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let (most, server) = all.first()?;
        let more = match all.len() {
            1 => String::new(),
            all => format!(", and of {}", counted(all as u64 - 1, "other")),
        };
        let hours = u64::try_from(*most).unwrap_or_default();
        let time = if hours < 48 { counted(hours, "hour") } else { counted(hours / 24, "day") };
        let since = since.format("%Y-%m-%d");
        Some(format!("of API server {} the log lacks {time} since {since}{more}", server.name))
    }

    /// Lines that could not be read, of which what they show is not known; whole files left out.
    pub fn unread_lines(&self) -> u64 {
        let all: u64 = self.unreadable.values().map(|one| one.count).sum();
        all.saturating_sub(self.broken)
    }

    /// `24 lines of the log could not be read (cut off, the first at audit.log:313)`, a line for each
    /// reason; and how many were read in part.
    pub fn unread_in_words(&self) -> Vec<String> {
        let unread = self.unreadable.iter().map(|(reason, one)| {
            let what = counted(one.count, one.counted());
            format!("{what} of the log could not be read ({reason}, the first at {})", one.first)
        });
        let cut = (self.cut > 0).then(|| {
            format!("{} of the log were cut on the way, read in part", counted(self.cut, "event"))
        });
        unread.chain(cut).collect()
    }

    /// How many API servers are in the log, as far as it shows.
    pub fn servers(&self) -> usize {
        self.api_servers.len().max(self.streams.len())
    }

    /// Whether some events carried groups and all that somebody sent did.
    pub fn knows_groups(&self) -> bool {
        self.groups_logged && self.without_groups == 0
    }

    /// What the ways by which the log came leave out, by way: pairs of the carrier and of what is
    /// not there.
    pub fn losses(&self) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
        let of = |carrier: &'static str, lost: &'static [&'static str]| {
            lost.iter().map(move |what| (carrier, *what))
        };
        let met = LOSSES.iter().filter(|(carrier, _)| self.carriers.contains_key(*carrier));
        met.flat_map(move |(carrier, lost)| of(carrier, lost))
    }

    /// The carriers in which it does not show that somebody acted in another's name.
    pub fn hides_impersonation(&self) -> Option<&'static str> {
        self.losses().find(|(_, what)| *what == IMPERSONATION).map(|(carrier, _)| carrier)
    }

    /// The covered time in whole days, what is missing taken out; 0 without events.
    pub fn days(&self) -> i64 {
        self.covered().num_days()
    }

    /// The time from the first request to the last, in whole days, gaps included; 0 without events.
    pub fn span_days(&self) -> i64 {
        self.span().num_days()
    }

    /// How much of the time the log covers, what is missing taken out.
    pub fn covered(&self) -> TimeDelta {
        (self.span() - self.in_gaps(None)).max(TimeDelta::zero())
    }

    /// The time in gaps in which lines are missing, all together.
    pub fn missing(&self) -> TimeDelta {
        self.span() - self.covered()
    }

    /// Whether the log covers the time from then to its end. What was not seen in it may have been done
    /// in a gap: where more than a tenth of that time is in gaps, it does not.
    pub fn covers_since(&self, since: DateTime<Utc>) -> bool {
        let (Some(from), Some(to)) = (self.from, self.to) else { return false };
        from <= since && self.in_gaps(Some(since)) * 10 <= to - since
    }

    fn span(&self) -> TimeDelta {
        let (Some(from), Some(to)) = (self.from, self.to) else { return TimeDelta::zero() };
        to - from
    }

    /// The time in gaps since then that the log lacks. Of gaps that are not kept, each is at most as
    /// long as the shortest that is.
    fn in_gaps(&self, since: Option<DateTime<Utc>>) -> TimeDelta {
        let lacks = |gap: &&Gap| self.is_lacking(gap.to - gap.from);
        let shortest = self.gaps.iter().map(|gap| gap.to - gap.from).min();
        let many = i32::try_from(self.gaps_left_out).unwrap_or(i32::MAX);
        let left_out = shortest.filter(|shortest| self.is_lacking(*shortest));
        let left_out = left_out.and_then(|one| one.checked_mul(many)).unwrap_or_default();
        let of = |gap: &Gap| gap.to - since.map_or(gap.from, |since| gap.from.max(since));
        let kept = self.gaps.iter().filter(lacks).map(of);
        kept.filter(|time| *time > TimeDelta::zero()).fold(left_out, |sum, time| sum + time)
    }

    /// Whether a silence shows that lines are missing: where the leases that API servers renew every
    /// few seconds are logged, it does; where the audit policy leaves them out, a weekend may be quiet.
    fn is_lacking(&self, silence: TimeDelta) -> bool {
        !self.api_servers.is_empty() || silence > Self::QUIET
    }
}

/// A time in words: `30 days`, `7 hours`, `5 minutes`.
pub fn duration(time: TimeDelta) -> String {
    match time.num_hours() {
        ..2 => counted(time.num_minutes(), "minute"),
        hours @ 2..48 => format!("{hours} hours"),
        hours => format!("{} days", hours / 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_minute_is_one() {
        for (minutes, words) in
            [(0, "0 minutes"), (1, "1 minute"), (119, "119 minutes"), (120, "2 hours")]
        {
            assert_eq!(duration(TimeDelta::minutes(minutes)), words);
        }
    }

    fn day(day: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::days(day)
    }

    fn server() -> Server {
        Server { name: "a".into(), from: day(0), to: day(100), events: 1, lacks: Vec::new() }
    }

    fn with(gaps: &[(i64, i64)], left_out: u64) -> Coverage {
        Coverage {
            from: Some(day(0)),
            to: Some(day(100)),
            gaps: gaps.iter().map(|(from, to)| Gap { from: day(*from), to: day(*to) }).collect(),
            gaps_left_out: left_out,
            api_servers: vec![server()],
            ..Coverage::default()
        }
    }

    #[test]
    fn time_in_gaps_is_not_covered() {
        for (gaps, left_out, days) in [
            (&[][..], 0, 100),
            (&[(10, 20)], 0, 90),
            (&[(1, 99)], 0, 2),
            (&[(10, 20), (30, 31)], 0, 89),
            // Each of those left out is at most a day.
            (&[(10, 20), (30, 31)], 5, 84),
            (&[(10, 20)], 1_000_000, 0),
        ] {
            let coverage = with(gaps, left_out);
            assert_eq!((coverage.days(), coverage.span_days()), (days, 100), "{gaps:?} {left_out}");
        }
        assert_eq!(Coverage::default().days(), 0);
        assert_eq!(duration(with(&[(1, 99)], 0).missing()), "98 days");
    }

    #[test]
    fn a_log_without_leases_may_be_quiet_for_a_weekend() {
        let quiet = |gaps| Coverage { api_servers: Vec::new(), ..with(gaps, 0) };
        assert_eq!(with(&[(10, 13)], 0).days(), 97);
        assert_eq!(quiet(&[(10, 13), (20, 22)]).days(), 100);
        assert_eq!(quiet(&[(10, 14), (20, 22)]).days(), 96);
    }

    #[test]
    fn the_time_since_is_covered_where_at_most_a_tenth_of_it_is_in_gaps() {
        for (gaps, since, covers) in [
            (&[][..], 0, true),
            (&[], -1, false),
            (&[(10, 20)], 0, true),
            (&[(10, 21)], 0, false),
            // Only what lies after it counts.
            (&[(10, 21)], 21, true),
            (&[(10, 21)], 15, true),
            (&[(60, 72)], 50, false),
            (&[(1, 99)], 99, true),
        ] {
            assert_eq!(with(gaps, 0).covers_since(day(since)), covers, "{gaps:?} {since}");
        }
        assert!(!Coverage::default().covers_since(day(0)));
    }
}
