//! What no log shows of a rule's use, and whether it stays for all that.

use super::rules::{Why, has_resource};
use super::{Choices, NotInLogs};
use crate::book::{Book, Logged};
use crate::model::{Name, OFTEN_LEFT_OUT, PolicyRule, is_often_left_out};
use crate::rbac::matching::{group_matches, verb_matches};

pub(super) const RBAC: &str = "rbac.authorization.k8s.io";
pub(super) const CERTIFICATES: &str = "certificates.k8s.io";

/// Verbs that the API server asks about beside a request, and that no line of a log is for.
const SPECIAL: [(&str, &str, &str); 8] = [
    ("bind", RBAC, "clusterroles"),
    ("bind", RBAC, "roles"),
    ("escalate", RBAC, "clusterroles"),
    ("escalate", RBAC, "roles"),
    ("approve", CERTIFICATES, "signers"),
    ("attest", CERTIFICATES, "signers"),
    ("sign", CERTIFICATES, "signers"),
    ("use", "security.openshift.io", "securitycontextconstraints"),
];

/// What a kubelet asks the API server about by itself, when somebody talks to it
/// (`pkg/kubelet/server/auth.go`): the log has the kubelet's question, without what it was about.
const KUBELET: [(&str, &str); 6] = [
    ("get", "nodes/log"),
    ("get", "nodes/metrics"),
    ("create", "nodes/proxy"),
    ("get", "nodes/proxy"),
    ("get", "nodes/spec"),
    ("get", "nodes/stats"),
];

const READS: [&str; 3] = ["get", "list", "watch"];

/// What is known of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unseen<'a> {
    /// What the server serves.
    pub(super) book: &'a Book,
    /// What a person decided.
    pub(super) choices: &'a Choices,
    /// Whether reads are in the log, all the time.
    pub(super) reads_logged: bool,
    /// What anybody's requests are about.
    pub(super) logged: &'a Logged,
}

/// A verb on a resource of a group.
pub(super) type Hidden = (Name, Name, Name);

impl Unseen<'_> {
    /// Verbs of a rule that a log may not show, with what the reason would be.
    pub(super) fn verbs_of(&self, rule: &PolicyRule) -> Vec<(Name, Why)> {
        let mut found = Vec::new();
        for verb in &rule.verbs {
            found.push((verb.clone(), Why::NotObservable));
            if self.reads_logged {
                continue;
            }
            match &**verb {
                "*" => found.extend(
                    ["get", "list", "watch"].map(|read| (Name::from(read), Why::ReadsNotLogged)),
                ),
                "get" | "list" | "watch" => found.push((verb.clone(), Why::ReadsNotLogged)),
                _ => {}
            }
        }
        found
    }

    /// Why a verb on a resource, as a rule writes them, stays without being seen in use; None where it
    /// does not.
    pub(super) fn keeps(
        &self,
        verb: &Name,
        group: &Name,
        resource: &Name,
        why: Why,
    ) -> Option<Why> {
        if why == Why::ReadsNotLogged {
            return Some(why);
        }
        let rule = PolicyRule {
            verbs: vec![verb.clone()],
            api_groups: vec![group.clone()],
            resources: vec![resource.clone()],
            ..PolicyRule::default()
        };
        if self.choices.not_in_logs == NotInLogs::Drop {
            return None;
        }
        if !self.book.is_observable(&rule) {
            return Some(Why::NotObservable);
        }
        let stars = [verb, group, resource].into_iter().any(|text| text.starts_with('*'));
        (!stars && self.is_left_out(verb, group, resource)).then_some(Why::NotLogged)
    }

    /// Whether the log seems to leave requests of a kind out.
    fn is_left_out(&self, verb: &str, group: &Name, resource: &Name) -> bool {
        let kind = (group.clone(), resource.clone());
        if READS.contains(&verb) && !resource.contains('/') {
            return !self.logged.reads.contains(&kind) || self.book.may_hide(verb, group, resource);
        }
        let often = is_often_left_out(group, resource);
        (often && !self.logged.any.contains(&kind)) || self.book.may_hide(verb, group, resource)
    }

    /// Whether a path stays without being seen in use.
    pub(super) fn path(&self, path: &Name, why: Why) -> bool {
        let rule = PolicyRule {
            verbs: vec!["get".into()],
            non_resource_urls: vec![path.clone()],
            ..PolicyRule::default()
        };
        why == Why::ReadsNotLogged
            || match self.choices.not_in_logs {
                NotInLogs::Drop => false,
                NotInLogs::Keep => !self.book.is_observable(&rule),
                // What is below it may be an operator's or a kubelet's to ask about.
                NotInLogs::KeepAll => path.ends_with('*') || !self.book.is_observable(&rule),
            }
    }

    /// What stars in a rule allow that this log does not show.
    pub(super) fn behind_star(&self, rule: &PolicyRule) -> Vec<Hidden> {
        let star = |list: &[Name]| list.iter().any(|have| &**have == "*");
        let mut found: Vec<Hidden> = Vec::new();
        let mut push = |verb: &str, group: &str, resource: &str| {
            let all = verb_matches(rule, verb)
                && group_matches(rule, group)
                && has_resource(rule, resource);
            if all {
                found.push((verb.into(), group.into(), resource.into()));
            }
        };
        if star(&rule.verbs) {
            for (verb, group, resource) in SPECIAL {
                push(verb, group, resource);
            }
        }
        if star(&rule.resources) {
            for (verb, resource) in KUBELET {
                push(verb, "", resource);
            }
            for group in &rule.api_groups {
                push("update", group, "*/finalizers");
            }
        }
        if star(&rule.verbs) || star(&rule.resources) || star(&rule.api_groups) {
            for (group, resource) in OFTEN_LEFT_OUT {
                for verb in ["create", "update", "patch", "delete"] {
                    if self.is_left_out(verb, &group.into(), &resource.into()) {
                        push(verb, group, resource);
                    }
                }
            }
            for kind in &self.book.snapshot.discovery.resources {
                let listed = kind.verbs.iter().any(|verb| &**verb == "list");
                for verb in READS.iter().filter(|_| listed && self.reads_logged) {
                    if self.is_left_out(verb, &kind.group, &kind.name) {
                        push(verb, &kind.group, &kind.name);
                    }
                }
            }
        }
        found
    }

    /// Whether that stays.
    pub(super) fn keeps_behind_star(&self) -> bool {
        self.choices.not_in_logs == NotInLogs::KeepAll
    }
}
