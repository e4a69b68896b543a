//! What no log shows of a rule's use, and whether it stays for all that.

use super::rules::{Why, has_resource};
use super::{Choices, NotInLogs};
use crate::book::Book;
use crate::model::{Name, PolicyRule};
use crate::rbac::matching::{group_matches, verb_matches};

const RBAC: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";

/// Verbs that the API server asks about beside a request, and that no line of a log is for.
const SPECIAL: [(&str, &str, &str); 7] = [
    ("bind", RBAC, "clusterroles"),
    ("bind", RBAC, "roles"),
    ("escalate", RBAC, "clusterroles"),
    ("escalate", RBAC, "roles"),
    ("approve", CERTIFICATES, "signers"),
    ("attest", CERTIFICATES, "signers"),
    ("sign", CERTIFICATES, "signers"),
];

/// What a kubelet asks the API server about by itself, when somebody talks to it
/// (`pkg/kubelet/server/auth.go`): the log has the kubelet's question, without what it was about.
const KUBELET: [&str; 5] =
    ["nodes/log", "nodes/metrics", "nodes/proxy", "nodes/spec", "nodes/stats"];

/// What is known of the log.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unseen<'a> {
    /// What the server serves.
    pub(super) book: &'a Book,
    /// What a person decided.
    pub(super) choices: &'a Choices,
    /// Whether reads are in the log, all the time.
    pub(super) reads_logged: bool,
}

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

    /// Whether a verb on a resource, as a rule writes them, stays without being seen in use.
    pub(super) fn keeps(&self, verb: &Name, group: &Name, resource: &Name, why: Why) -> bool {
        let rule = PolicyRule {
            verbs: vec![verb.clone()],
            api_groups: vec![group.clone()],
            resources: vec![resource.clone()],
            ..PolicyRule::default()
        };
        why == Why::ReadsNotLogged || self.keeps_rule(&rule)
    }

    /// The same of a path.
    pub(super) fn path(&self, path: &Name, why: Why) -> bool {
        let rule = PolicyRule {
            verbs: vec!["get".into()],
            non_resource_urls: vec![path.clone()],
            ..PolicyRule::default()
        };
        why == Why::ReadsNotLogged || self.keeps_rule(&rule)
    }

    fn keeps_rule(&self, rule: &PolicyRule) -> bool {
        self.choices.not_in_logs != NotInLogs::Drop && !self.book.is_observable(rule)
    }

    /// What stars in a rule allow that no log shows: verb, group and resource.
    pub(super) fn behind_star(
        rule: &PolicyRule,
    ) -> Vec<(&'static str, &'static str, &'static str)> {
        let star = |list: &[Name]| list.iter().any(|have| &**have == "*");
        let verbs = SPECIAL.into_iter().filter(|_| star(&rule.verbs));
        let kubelets = KUBELET.into_iter().filter(|_| star(&rule.resources));
        verbs
            .chain(kubelets.map(|resource| ("get", "", resource)))
            .filter(|(verb, group, resource)| {
                verb_matches(rule, verb)
                    && group_matches(rule, group)
                    && has_resource(rule, resource)
            })
            .collect()
    }

    /// Whether that stays.
    pub(super) fn keeps_behind_star(&self) -> bool {
        self.choices.not_in_logs == NotInLogs::KeepAll
    }
}
