//! What a write is asked about beside its own authorization, and no line of a log is for: whoever
//! writes a role or a binding has to hold `escalate` or `bind`, or every right that it gives
//! (`pkg/registry/rbac/*/policybased/storage.go`); whoever approves a certificate `approve` for its
//! signer (`plugin/pkg/admission/certificates`); whoever writes the status of a resource claim
//! `resourceclaims/binding` and `resourceclaims/driver` (`pkg/registry/resource/utils.go`); whoever
//! writes an admission policy that has parameters may read these
//! (`pkg/registry/admissionregistration/*/authz.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::need::OwnNeed;
use super::rules::has_resource;
use super::unseen::{CERTIFICATES, RBAC};
use crate::book::{Book, Entry};
use crate::model::{Call, Identity, Implied, Name, PolicyRule, Scope, Target, counted};
use crate::rbac::matching::{group_matches, verb_matches};

const ADMISSION: &str = "admissionregistration.k8s.io";
pub(super) const CLAIMS: &str = "resource.k8s.io";

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Asked {
    /// The verb; one that is empty or ends with a colon is followed by that of the request.
    verb: &'static str,
    /// The resource with its subresource, of the group that is written to.
    resource: &'static str,
    /// Whether it is asked for the whole cluster, wherever the object is.
    everywhere: bool,
}

const fn asked(verb: &'static str, resource: &'static str) -> Asked {
    Asked { verb, resource, everywhere: false }
}

impl Asked {
    fn verb(self, of_request: &str) -> Name {
        let follows = self.verb.is_empty() || self.verb.ends_with(':');
        format!("{}{}", self.verb, if follows { of_request } else { "" }).into()
    }
}

/// A kind that is written, its group and resource with the subresource, and what that takes.
type Takes = (&'static str, &'static str, &'static [Asked]);

const TAKES: [Takes; 12] = [
    (RBAC, "clusterrolebindings", &[asked("bind", "clusterroles")]),
    (RBAC, "rolebindings", &[asked("bind", "clusterroles"), asked("bind", "roles")]),
    (RBAC, "clusterroles", &[asked("escalate", "clusterroles")]),
    (RBAC, "roles", &[asked("escalate", "roles")]),
    (CERTIFICATES, "certificatesigningrequests/approval", &[asked("approve", "signers")]),
    (CERTIFICATES, "certificatesigningrequests/status", &[asked("sign", "signers")]),
    (CERTIFICATES, "clustertrustbundles", &[asked("attest", "signers")]),
    (
        CLAIMS,
        "resourceclaims/status",
        &[
            Asked { verb: "", resource: "resourceclaims/binding", everywhere: true },
            asked("arbitrary-node:", "resourceclaims/driver"),
            asked("associated-node:", "resourceclaims/driver"),
        ],
    ),
    // These take reading of a kind that only the object names.
    (ADMISSION, "mutatingadmissionpolicies", &[]),
    (ADMISSION, "mutatingadmissionpolicybindings", &[]),
    (ADMISSION, "validatingadmissionpolicies", &[]),
    (ADMISSION, "validatingadmissionpolicybindings", &[]),
];

/// What was written and takes more than its own right: group and resource, where, how often.
type Written = BTreeMap<(&'static str, &'static str, Option<Name>), u64>;

/// What writes took beside, and what has to be said of it.
pub(super) struct Beside {
    pub(super) needs: Vec<OwnNeed>,
    /// Of what was given by the rights that it gave.
    pub(super) gave: Vec<String>,
    /// Of parameters.
    pub(super) parameters: Vec<String>,
}

/// What somebody's allowed calls took beside, who holds these rules.
pub(super) fn of<'c>(
    who: &Identity,
    allowed: impl Iterator<Item = (&'c Arc<Call>, u64, DateTime<Utc>)>,
    held: &[(&[PolicyRule], &Scope)],
) -> Beside {
    let (needs, written) = needs(allowed);
    let gave = by_the_rights(who, &written, held);
    Beside { needs, gave, parameters: by_parameters(who, &written) }
}

/// The rules that somebody holds, by itself and by its groups.
pub(super) fn held<'b>(book: &'b Book, entry: &Entry) -> Vec<(&'b [PolicyRule], &'b Scope)> {
    let grants = entry.grants.iter().filter_map(|id| book.grant(*id));
    grants.filter_map(|grant| Some((&*grant.role.as_ref()?.rules, &grant.scope))).collect()
}

fn takes(call: &Call) -> Option<Takes> {
    if !matches!(&*call.verb, "create" | "update" | "patch") {
        return None;
    }
    let Target::Resource { group, resource, subresource, .. } = &call.target else { return None };
    let is = |(of, what, _): &&Takes| {
        let (kind, sub) = what.split_once('/').unwrap_or((what, ""));
        **group == **of && **resource == *kind && **subresource == *sub
    };
    TAKES.iter().find(is).copied()
}

/// What allowed calls took beside: of which name the log does not say.
fn needs<'c>(
    calls: impl Iterator<Item = (&'c Arc<Call>, u64, DateTime<Utc>)>,
) -> (Vec<OwnNeed>, Written) {
    type Key = (&'static str, Name, &'static str, Option<Name>);
    let mut needs: BTreeMap<Key, (u64, DateTime<Utc>)> = BTreeMap::new();
    let mut written = Written::new();
    for (call, allowed, last) in calls {
        let Some((group, what, asked)) = takes(call) else { continue };
        let Target::Resource { namespace, .. } = &call.target else { continue };
        *written.entry((group, what, namespace.clone())).or_default() += allowed;
        for one in asked {
            let place = namespace.clone().filter(|_| !one.everywhere);
            let key = (group, one.verb(&call.verb), one.resource, place);
            let have = needs.entry(key).or_insert((0, last));
            *have = (have.0 + allowed, have.1.max(last));
        }
    }
    let needs = needs.into_iter().map(|((group, verb, resource, namespace), (requests, last))| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let call = Call {
            verb,
            target: Target::Resource {
                group: group.into(),
                resource: resource.into(),
                subresource: subresource.into(),
                namespace,
                name: None,
                names_folded: true,
            },
            implied: Implied::Nothing,
        };
        OwnNeed::beside(call, requests, last)
    });
    (needs.collect(), written)
}

/// What was written by somebody without the right for it being held for every name: it passed by the
/// rights that it gave, or by names that the log does not say. A line for each group.
fn by_the_rights(
    who: &Identity,
    written: &Written,
    held: &[(&[PolicyRule], &Scope)],
) -> Vec<String> {
    let mut lines = Vec::new();
    let is_held = |group: &str, verb: &str, resource: &str, place: Option<&Name>| {
        let placed = |scope: &Scope| *scope == Scope::Cluster || scope.namespace() == place;
        let rules = held.iter().filter(|(_, scope)| placed(scope)).flat_map(|(rules, _)| *rules);
        rules.into_iter().any(|rule| {
            rule.resource_names.is_empty()
                && verb_matches(rule, verb)
                && group_matches(rule, group)
                && has_resource(rule, resource)
        })
    };
    let mut open: BTreeMap<(&str, &str), (u64, &[Asked])> = BTreeMap::new();
    for ((group, what, place), requests) in written {
        let asked = TAKES.iter().find(|(of, is, _)| of == group && is == what);
        let Some((.., asked)) = asked else { continue };
        // What passed without the right for a claim's parts was for others of them.
        let told = *group != CLAIMS;
        if !told || asked.iter().all(|one| is_held(group, one.verb, one.resource, place.as_ref())) {
            continue;
        }
        open.entry((group, what)).or_insert((0, asked)).0 += requests;
    }
    for ((group, what), (requests, asked)) in open {
        let count = counted(requests, "request");
        let verb = asked.first().map_or("", |one| one.verb);
        lines.push(if group == RBAC {
            format!(
                "{count} of {who} wrote {what}: that takes {verb}, which is not held for every name, or \
                 every right that was given. What of those rights is taken away can be given no more: \
                 such requests will be refused"
            )
        } else {
            format!(
                "{count} of {who} wrote {what}: that takes {verb} for the signer, which is not held for \
                 every name by RBAC; whether it stays is not known"
            )
        });
    }
    lines
}

/// What was written and may have parameters, of a kind that no line of a log says: whoever names them
/// may read them. A line for each kind that was written.
fn by_parameters(who: &Identity, written: &Written) -> Vec<String> {
    let mut found: BTreeMap<&str, u64> = BTreeMap::new();
    for ((_, what, _), requests) in written.iter().filter(|((group, ..), _)| *group == ADMISSION) {
        *found.entry(what).or_default() += requests;
    }
    let line = |(what, requests): (&str, u64)| {
        let count = counted(requests, "request");
        let takes = if what.ends_with("bindings") {
            "paramRef takes get, or list, of the objects that it names"
        } else {
            "paramKind takes get of all objects of that kind"
        };
        format!(
            "{count} of {who} wrote {what}: there, {takes}, and the log does not say of which kind. What \
             is taken away of get and list may have such requests refused"
        )
    };
    found.into_iter().map(line).collect()
}

/// What is said of parameters, with how a person keeps what they take.
pub(super) fn keepable(said: Vec<String>) -> impl Iterator<Item = String> {
    said.into_iter()
        .map(|line| format!("{line} (--not-in-logs keep-all keeps all that is held of it)"))
}
