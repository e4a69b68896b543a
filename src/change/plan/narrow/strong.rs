//! What stays after narrowing by which somebody gives rights, or becomes others: it is told by itself,
//! since a small rule of that sort is worth more than it looks.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::grants::{Cut, How};
use super::keys::role_words;
use super::unseen::{CERTIFICATES, RBAC};
use crate::book::{Book, Entry, Tier};
use crate::model::{Name, PolicyRule, SubjectKind};
use crate::rbac::matching::{group_matches, verb_matches};

use super::rules::has_resource;

/// A verb, where it counts, and what that means.
type Strong = (&'static str, &'static str, &'static [&'static str], &'static str);

/// Rules, and where they hold; None for cluster-wide.
type Placed<'a> = (Option<&'a Name>, &'a [PolicyRule]);

const STRONG: [Strong; 7] = [
    (
        "bind",
        RBAC,
        &["clusterroles", "roles"],
        "whoever holds it gives anybody, itself too, what these roles give",
    ),
    (
        "escalate",
        RBAC,
        &["clusterroles", "roles"],
        "whoever holds it gives anybody who holds such a role every right",
    ),
    (
        "impersonate",
        "",
        &["users", "groups", "serviceaccounts"],
        "whoever holds it does what these may",
    ),
    (
        "create",
        "",
        &[TOKENS],
        "whoever holds it has tokens made for these accounts, and does what they may",
    ),
    ("approve", CERTIFICATES, &["signers"], "whoever holds it has certificates signed for others"),
    ("sign", CERTIFICATES, &["signers"], "whoever holds it signs certificates of others"),
    ("attest", CERTIFICATES, &["signers"], "whoever holds it says whom clients are to trust"),
];

const TOKENS: &str = "serviceaccounts/token";

/// A line for each such right that a cut leaves.
pub(super) fn stays(book: &Book, cut: &Cut) -> Vec<String> {
    let mut lines = Vec::new();
    let (who, places): (String, Vec<Placed<'_>>) = match &cut.how {
        How::Edit { rules, .. } => {
            let place = Some(&cut.role.1).filter(|place| !place.is_empty());
            (format!("whoever holds {}", role_words(&cut.role)), vec![(place, rules)])
        }
        How::Fork { binding, subject, here, namespaces } => {
            let place = Some(&binding.1).filter(|place| !place.is_empty());
            let more = namespaces.iter().map(|(place, rules)| (Some(place), &**rules));
            (subject.to_string(), std::iter::once((place, &**here)).chain(more).collect())
        }
    };
    for (verb, group, resources, means) in STRONG {
        for (at, rules) in &places {
            let at = *at;
            let mut held: BTreeSet<&str> = BTreeSet::new();
            let mut named = true;
            let mut objects: BTreeSet<&Name> = BTreeSet::new();
            for resource in resources {
                for rule in *rules {
                    if verb_matches(rule, verb)
                        && group_matches(rule, group)
                        && has_resource(rule, resource)
                    {
                        held.insert(resource);
                        named &= !rule.resource_names.is_empty();
                        objects.extend(&rule.resource_names);
                    }
                }
            }
            if held.is_empty() {
                continue;
            }
            let held: Vec<&str> = held.into_iter().collect();
            let place = match at {
                Some(place) => format!("in namespace {place}"),
                None if matches!(cut.how, How::Edit { .. }) => "wherever it is bound".to_owned(),
                None => "in the whole cluster".to_owned(),
            };
            let strongest = (held == [TOKENS])
                .then(|| strongest(book, at, named.then_some(&objects)))
                .flatten()
                .unwrap_or_default();
            let named = if named { " of some names" } else { "" };
            lines.push(format!(
                "{who} keeps {verb} of {}{named} {place}: {means}{strongest}",
                held.join(", ")
            ));
        }
    }
    lines
}

/// Of the accounts of a place the strongest, with how strong it is.
fn strongest(book: &Book, at: Option<&Name>, names: Option<&BTreeSet<&Name>>) -> Option<String> {
    let accounts = book.entries().filter(|entry| {
        let identity = &entry.identity;
        identity.kind == SubjectKind::ServiceAccount
            && at.is_none_or(|at| identity.namespace.as_ref() == Some(at))
            && names.is_none_or(|names| names.contains(&identity.name))
    });
    // Of equals the first in order.
    let by = |entry: &&Arc<Entry>| (Reverse(entry.tier), entry.identity.clone());
    let found = accounts.min_by_key(by).filter(|entry| entry.tier > Tier::DiscoveryOnly)?;
    Some(format!(". The strongest is {} ({})", found.identity, found.tier.as_str()))
}
