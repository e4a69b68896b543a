//! What requests the log proves to be logged, by what anybody at all was seen asking for.
//!
//! An audit policy may leave requests out by what they ask for, and no line says so. What nobody
//! uses looks the same as what nobody's use is logged of, so only this counts as logged:
//!
//! * **reads of a kind**: where somebody's are in the log. The garbage collector watches every kind
//!   that can be deleted, listed and watched, but for events
//!   (`pkg/controller/garbagecollector/garbagecollector.go`, `GetDeletableResources`), so in a log
//!   with reads each of them is read by somebody.
//! * **reads of what nothing reads all the time** (subresources, kinds that cannot be watched, all
//!   that a star stands for): where several of the kinds that every cluster reads are read.
//! * **writes**: where several of the kinds that every cluster writes are written. That nobody
//!   writes a kind is usual, but for pods.
//! * What policies leave out for being so much counts by itself only.
//!
//! All of this rests on what the control plane does all the time. Where nothing of its own is in the
//! log (somebody keeps people's requests only), or the log is shorter than a day, it is taken to show what
//! it shows any of: reads, where something else is read than what policies log that log no other
//! reads; but in a longer log in which nobody reads pods no kind that is read everywhere, of which it
//! has nobody's.
//!
//! Where the configuration names the audit policy, it decides instead.

use chrono::{DateTime, TimeDelta, Utc};
use hashbrown::{Equivalent, HashMap, HashSet};

use super::ledger::Exercised;
use super::served::Served;
use crate::model::{
    Coverage, Identity, Name, PolicyRule, Shown, SubjectKind, Target, is_often_left_out,
};
use crate::rbac::answers::READS;

/// Kinds that the control plane or people read all the time. Secrets, configuration and RBAC are
/// not among them: policies that log no other reads log those.
const READ_BY_ALL: [(&str, &str); 12] = [
    ("", "namespaces"),
    ("", "nodes"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "pods"),
    ("", "serviceaccounts"),
    ("", "services"),
    ("apps", "daemonsets"),
    ("apps", "deployments"),
    ("apps", "replicasets"),
    ("apps", "statefulsets"),
    ("batch", "jobs"),
];

/// Kinds that the control plane, nodes or people write all the time.
const WRITTEN_BY_ALL: [(&str, &str); 20] = [
    ("", "configmaps"),
    ("", "endpoints"),
    ("", "events"),
    ("", "nodes/status"),
    ("", "pods"),
    ("", "pods/binding"),
    ("", "pods/status"),
    ("", "serviceaccounts/token"),
    ("", "services"),
    ("apps", "deployments"),
    ("apps", "deployments/status"),
    ("apps", "replicasets"),
    ("apps", "replicasets/status"),
    ("apps", "statefulsets"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("batch", "jobs"),
    ("coordination.k8s.io", "leases"),
    ("discovery.k8s.io", "endpointslices"),
    ("events.k8s.io", "events"),
];

/// In a log as long as that everything that the control plane does all the time is there many times
/// over: its watches are begun anew every five to ten minutes (`client-go/tools/cache/reflector.go`).
const PROVES: TimeDelta = TimeDelta::days(1);

/// Such a part of the time may pass, at either end, without a request for what is taken for logged all the
/// time.
const EDGE: i32 = 10;

/// Whether policies log reads of a kind that log no other reads.
fn is_read_alone(kind: &Kind) -> bool {
    matches!(
        (&*kind.group, &*kind.resource),
        ("", "secrets" | "configmaps") | ("rbac.authorization.k8s.io", _)
    )
}

/// So many of the kinds that every cluster reads, or writes, are enough.
const ENOUGH: usize = 3;

/// The API group whose last kinds went with Kubernetes 1.22, and which the default roles still name.
const GONE: &str = "extensions";

/// A kind as rules write it: `pods`, `pods/log`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind {
    pub(crate) group: Name,
    pub(crate) resource: Name,
    pub(crate) subresource: Name,
}

#[derive(Hash)]
struct KindRef<'a> {
    group: &'a str,
    resource: &'a str,
    subresource: &'a str,
}

impl<'a> KindRef<'a> {
    fn of(group: &'a str, resource: &'a str) -> Self {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Self { group, resource, subresource }
    }
}

impl Equivalent<Kind> for KindRef<'_> {
    fn equivalent(&self, kind: &Kind) -> bool {
        *self.group == *kind.group
            && *self.resource == *kind.resource
            && *self.subresource == *kind.subresource
    }
}

/// The first and the last request, UTC.
type Span = (DateTime<Utc>, DateTime<Utc>);

/// When anybody's requests asked for what, by kind; one a class of verbs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    kinds: HashMap<Kind, [Option<Span>; 2]>,
    paths: bool,
    /// Whether the control plane is among those who asked.
    control_plane: bool,
}

/// Whether it is a part of the control plane, by the names that Kubernetes gives them.
fn is_control_plane(who: &Identity) -> bool {
    match (who.kind, who.namespace.as_deref()) {
        (SubjectKind::User, _) => {
            matches!(&*who.name, "system:kube-controller-manager" | "system:kube-scheduler")
        }
        // With `--use-service-account-credentials` each controller has an account of its own.
        (SubjectKind::ServiceAccount, Some("kube-system")) => {
            matches!(&*who.name, "generic-garbage-collector" | "namespace-controller")
        }
        _ => false,
    }
}

/// A class of verbs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// get, list, watch.
    Reads,
    /// create, update, patch, delete, deletecollection.
    Writes,
}

impl Class {
    const ALL: [Self; 2] = [Self::Reads, Self::Writes];

    /// The class of a verb of HTTP, None of any other.
    pub(crate) fn of(verb: &str) -> Option<Self> {
        match verb {
            "get" | "list" | "watch" => Some(Self::Reads),
            "create" | "update" | "patch" | "delete" | "deletecollection" => Some(Self::Writes),
            _ => None,
        }
    }

    /// Its verbs.
    pub(crate) fn verbs(self) -> &'static [&'static str] {
        match self {
            Self::Reads => &READS,
            Self::Writes => &["create", "update", "patch", "delete", "deletecollection"],
        }
    }

    /// Whether a rule has one of its verbs.
    fn is_in(self, rule: &PolicyRule) -> bool {
        rule.verbs.iter().any(|verb| &**verb == "*" || Self::of(verb) == Some(self))
    }
}

impl Asked {
    /// Notes that somebody asked for something.
    pub(crate) fn note_who(&mut self, who: &Identity) {
        self.control_plane |= is_control_plane(who);
    }

    /// Notes what somebody's request asked for, whatever came of it.
    pub(crate) fn note(&mut self, exercised: &Exercised) {
        let Target::Resource { group, resource, subresource, .. } = &exercised.call.target else {
            self.paths |= matches!(exercised.call.target, Target::Path(_) | Target::Paths);
            return;
        };
        let Some(class) = Class::of(&exercised.call.verb) else { return };
        let key = KindRef { group, resource, subresource };
        // Most are there: they are looked up without being copied.
        if !self.kinds.contains_key(&key) {
            let kind = Kind {
                group: group.clone(),
                resource: resource.clone(),
                subresource: subresource.clone(),
            };
            self.kinds.insert(kind, Default::default());
        }
        let Some(spans) = self.kinds.get_mut(&key) else { return };
        let (first, last) = (exercised.tally.first, exercised.tally.last);
        let Some(span) = spans.get_mut(class as usize) else { return };
        *span = Some(span.map_or((first, last), |have| (have.0.min(first), have.1.max(last))));
    }
}

/// What the log proves to be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recorded {
    kinds: [HashSet<Kind>; 2],
    /// Whether several of what every cluster asks for are among them.
    general: [bool; 2],
    /// Whether paths are.
    paths: bool,
    /// Whether nothing of the control plane is in the log, or too little, so that what is not there
    /// proves nothing.
    unproved: bool,
    /// Whether it is as long as [`PROVES`], and nobody reads pods in it. With or without the control plane's
    /// requests there is no cluster in which nobody does: reads of what is read much are left out.
    without_pods: bool,
}

impl Recorded {
    /// What was asked for from the beginning of the log's last `idle_days` to its end: what was only seen
    /// before or after some day may not be logged in the rest of the time.
    pub(crate) fn new(asked: &Asked, coverage: &Coverage, idle_days: u32) -> Self {
        let (Some(from), Some(to)) = (coverage.from, coverage.to) else { return Self::default() };
        let since = to.checked_sub_signed(TimeDelta::days(idle_days.into())).unwrap_or(from);
        let begin = from.max(since);
        let edge = (to - begin) / EDGE;
        let (early, late) = (begin + edge, to - edge);
        let kinds = Class::ALL.map(|class| {
            let all = asked.kinds.iter().filter(|(_, spans)| {
                let span = spans.get(class as usize).copied().flatten();
                span.is_some_and(|(first, last)| first <= early && last >= late)
            });
            all.map(|(kind, _)| kind.clone()).collect::<HashSet<Kind>>()
        });
        let is_long = to - from >= PROVES;
        let pods = asked.kinds.get(&KindRef::of("", "pods"));
        let without_pods =
            is_long && pods.is_none_or(|spans| spans[Class::Reads as usize].is_none());
        let unproved = !asked.control_plane || !is_long;
        let paths = asked.paths || unproved;
        let mut recorded = Self { kinds, general: [false; 2], paths, unproved, without_pods };
        if unproved {
            let read = |(kind, spans): (&Kind, &[Option<Span>; 2])| {
                !is_read_alone(kind) && spans[Class::Reads as usize].is_some()
            };
            recorded.general = [asked.kinds.iter().any(read), true];
            return recorded;
        }
        let of = |class, all: &[(&str, &str)]| {
            all.iter().filter(|(group, kind)| recorded.has(class, group, kind)).count() >= ENOUGH
        };
        recorded.general = [of(Class::Reads, &READ_BY_ALL), of(Class::Writes, &WRITTEN_BY_ALL)];
        recorded
    }

    /// Whether requests of that class are logged, as far as no kind is left out by itself.
    pub(crate) fn is_general(&self, class: Class) -> bool {
        self.general.get(class as usize).copied().unwrap_or_default()
    }

    fn has(&self, class: Class, group: &str, resource: &str) -> bool {
        let Some(kinds) = self.kinds.get(class as usize) else { return false };
        let key = KindRef::of(group, resource);
        if group == "*" {
            let mut same = kinds.iter();
            return same.any(|kind| {
                *key.resource == *kind.resource && *key.subresource == *kind.subresource
            });
        }
        kinds.contains(&key)
    }

    /// Whether the log would show all that a rule allows.
    pub(crate) fn shows(&self, rule: &PolicyRule, served: &Served) -> Shown {
        if !rule.non_resource_urls.is_empty() {
            return if self.paths { Shown::Yes } else { Shown::No };
        }
        whole(
            atoms(rule, served)
                .map(|(class, group, kind)| Some(self.atom(class, group, kind, served))),
        )
    }

    /// The kinds that a rule names, and of which the log may leave requests out.
    pub(crate) fn hidden<'r>(
        &'r self,
        rule: &'r PolicyRule,
        served: &'r Served,
    ) -> impl Iterator<Item = (Class, &'r Name)> {
        atoms(rule, served)
            .filter(|(class, group, kind)| self.atom(*class, group, kind, served) != Shown::Yes)
            .map(|(class, _, kind)| (class, kind))
    }

    fn atom(&self, class: Class, group: &str, kind: &str, served: &Served) -> Shown {
        let general = if self.is_general(class) { Shown::Yes } else { Shown::No };
        if kind.contains('*') {
            return general;
        }
        if self.has(class, group, kind) {
            return Shown::Yes;
        }
        if self.unproved {
            let everywhere =
                READ_BY_ALL.contains(&(group, kind)) || (group, kind) == ("", "configmaps");
            let missed = self.without_pods && class == Class::Reads && everywhere;
            return if missed { Shown::No } else { general };
        }
        if is_often_left_out(group, kind) {
            return Shown::Partly;
        }
        match class {
            Class::Reads if served.can_be_watched(group, kind) => Shown::No,
            Class::Writes if (group, kind) == ("", "pods") => Shown::No,
            _ => general,
        }
    }
}

/// What a rule names, as far as it may be served.
pub(crate) fn atoms<'r>(
    rule: &'r PolicyRule,
    served: &'r Served,
) -> impl Iterator<Item = (Class, &'r Name, &'r Name)> {
    let classes = Class::ALL.into_iter().filter(|class| class.is_in(rule));
    classes.flat_map(move |class| {
        let groups = rule.api_groups.iter().filter(|group| &***group != GONE);
        groups
            .flat_map(|group| rule.resources.iter().map(move |kind| (group, kind)))
            .filter(|(group, kind)| served.may_be_served(group, kind))
            .map(move |(group, kind)| (class, group, kind))
    })
}

/// What comes of all that a rule names. One kind that everybody leaves out does not hide the use of
/// the others.
pub(crate) fn whole(all: impl Iterator<Item = Option<Shown>>) -> Shown {
    let (mut yes, mut partly) = (false, false);
    for shown in all.flatten() {
        match shown {
            Shown::No => return Shown::No,
            Shown::Partly => partly = true,
            Shown::Yes => yes = true,
        }
    }
    match (yes, partly) {
        (false, true) => Shown::No,
        (true, true) => Shown::Partly,
        (_, false) => Shown::Yes,
    }
}
