//! What a write is asked about beside its own authorization, and no line of a log is for: whoever
//! writes a role or a binding has to hold `escalate` or `bind`, or every right that it gives
//! (`pkg/registry/rbac/*/policybased/storage.go`); whoever approves a certificate `approve` for its
//! signer (`plugin/pkg/admission/certificates`).

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::need::OwnNeed;
use super::rules::has_resource;
use super::unseen::{CERTIFICATES, RBAC};
use crate::model::{Call, Identity, Implied, Name, PolicyRule, Scope, Target};
use crate::rbac::matching::{group_matches, verb_matches};

/// Verb and resource.
type Asked = (&'static str, &'static str);

/// A kind that is written, its group and resource with the subresource, and what that takes, of the
/// same group.
type Takes = (&'static str, &'static str, &'static [Asked]);

const TAKES: [Takes; 7] = [
    (RBAC, "clusterrolebindings", &[("bind", "clusterroles")]),
    (RBAC, "rolebindings", &[("bind", "clusterroles"), ("bind", "roles")]),
    (RBAC, "clusterroles", &[("escalate", "clusterroles")]),
    (RBAC, "roles", &[("escalate", "roles")]),
    (CERTIFICATES, "certificatesigningrequests/approval", &[("approve", "signers")]),
    (CERTIFICATES, "certificatesigningrequests/status", &[("sign", "signers")]),
    (CERTIFICATES, "clustertrustbundles", &[("attest", "signers")]),
];

/// What was written and takes more than its own right: group and resource, where, how often.
pub(super) type Written = BTreeMap<(&'static str, &'static str, Option<Name>), u64>;

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
pub(super) fn needs<'c>(
    calls: impl Iterator<Item = (&'c Arc<Call>, u64, DateTime<Utc>)>,
) -> (Vec<OwnNeed>, Written) {
    type Key = (&'static str, Asked, Option<Name>);
    let mut needs: BTreeMap<Key, (u64, DateTime<Utc>)> = BTreeMap::new();
    let mut written = Written::new();
    for (call, allowed, last) in calls {
        let Some((group, what, asked)) = takes(call) else { continue };
        let Target::Resource { namespace, .. } = &call.target else { continue };
        *written.entry((group, what, namespace.clone())).or_default() += allowed;
        for one in asked {
            let key = (group, *one, namespace.clone());
            let have = needs.entry(key).or_insert((0, last));
            *have = (have.0 + allowed, have.1.max(last));
        }
    }
    let needs =
        needs.into_iter().map(|((group, (verb, resource), namespace), (requests, last))| {
            let call = Call {
                verb: verb.into(),
                target: Target::Resource {
                    group: group.into(),
                    resource: resource.into(),
                    subresource: "".into(),
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
pub(super) fn by_the_rights(
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
        if asked.iter().all(|(verb, resource)| is_held(group, verb, resource, place.as_ref())) {
            continue;
        }
        open.entry((group, what)).or_insert((0, asked)).0 += requests;
    }
    for ((group, what), (requests, asked)) in open {
        let count =
            if requests == 1 { "1 request".to_owned() } else { format!("{requests} requests") };
        let verb = asked.first().map_or("", |(verb, _)| verb);
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
