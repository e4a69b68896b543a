//! Access entries of EKS, as the `aws` tool prints them.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::unreadable;
use crate::model::{AccessEntry, AccessPolicy, Name, Outside};

/// `describe-access-entry`.
pub(super) fn entry(place: &str, answer: &Value, into: &mut Outside) {
    let entry = &answer["accessEntry"];
    let place = format!("{place}, accessEntry");
    let Some(principal) = text(entry, "principalArn") else {
        return unreadable(into, place, "without a principalArn");
    };
    let groups = names(&format!("{place}.kubernetesGroups"), &entry["kubernetesGroups"], into);
    let username = text(entry, "username");
    if username.is_none() {
        unreadable(into, place, "without a username");
    }
    let known = of(into, text(entry, "clusterName"), principal);
    known.username = username;
    known.groups = groups;
    known.type_ = text(entry, "type");
    known.created = time(&entry["createdAt"]);
    known.changed = known.changed.max(time(&entry["modifiedAt"]));
}

/// `list-associated-access-policies`.
pub(super) fn policies(place: &str, answer: &Value, into: &mut Outside) {
    let Some(principal) = text(answer, "principalArn") else {
        return unreadable(into, place, "without a principalArn");
    };
    let Some(all) = answer["associatedAccessPolicies"].as_array() else {
        return unreadable(into, format!("{place}, associatedAccessPolicies"), "no list");
    };
    let (mut found, mut changed) = (Vec::new(), None);
    for (index, one) in all.iter().enumerate() {
        let place = format!("{place}, associatedAccessPolicies[{index}]");
        let Some(arn) = text(one, "policyArn") else {
            unreadable(into, place, "without a policyArn");
            continue;
        };
        let scope = &one["accessScope"];
        let namespaces = match text(scope, "type").as_deref() {
            Some("cluster") => None,
            Some("namespace") => {
                Some(names(&format!("{place}.accessScope.namespaces"), &scope["namespaces"], into))
            }
            _ => {
                unreadable(into, format!("{place}.accessScope.type"), "not cluster or namespace");
                continue;
            }
        };
        changed = changed.max(time(&one["associatedAt"])).max(time(&one["modifiedAt"]));
        found.push(AccessPolicy { arn, namespaces });
    }
    one_page(place, answer, into);
    let known = of(into, text(answer, "clusterName"), principal);
    known.changed = known.changed.max(changed);
    // The same answer may have been saved twice.
    let policies = known.policies.get_or_insert_default();
    for policy in found {
        if !policies.contains(&policy) {
            policies.push(policy);
        }
    }
}

/// `list-access-entries`: principals, and nothing else of them.
pub(super) fn list(place: &str, answer: &Value, into: &mut Outside) {
    let principals = names(&format!("{place}, accessEntries"), &answer["accessEntries"], into);
    one_page(place, answer, into);
    for principal in principals {
        of(into, None, principal);
    }
}

/// `aws` prints all pages as one unless it is told not to.
fn one_page(place: &str, answer: &Value, into: &mut Outside) {
    if text(answer, "nextToken").is_some() {
        unreadable(
            into,
            format!("{place}, nextToken"),
            "one page of several: the rest is not known",
        );
    }
}

/// The entry of a principal. A list of principals does not say of which cluster they are, so that
/// one without a cluster is the same as one with.
fn of(into: &mut Outside, cluster: Option<Name>, principal: Name) -> &mut AccessEntry {
    let all = &mut into.access_entries;
    let known = all.iter().position(|entry| {
        entry.principal == principal
            && (entry.cluster == cluster || entry.cluster.is_none() || cluster.is_none())
    });
    let at = known.unwrap_or_else(|| {
        all.push(AccessEntry { principal, ..AccessEntry::default() });
        all.len() - 1
    });
    let entry = &mut all[at];
    if cluster.is_some() {
        entry.cluster = cluster;
    }
    entry
}

fn text(of: &Value, field: &str) -> Option<Name> {
    of.get(field).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Name::from)
}

/// Those of a list that are names; what is none is named. Nothing is an empty list.
fn names(place: &str, of: &Value, into: &mut Outside) -> Vec<Name> {
    let all = match of {
        Value::Null => &Vec::new(),
        Value::Array(all) => all,
        _ => {
            unreadable(into, place, "no list of names");
            return Vec::new();
        }
    };
    let mut found = Vec::new();
    for (at, one) in all.iter().enumerate() {
        match one.as_str() {
            Some(name) => found.push(name.into()),
            None => unreadable(into, format!("{place}[{at}]"), "no text"),
        }
    }
    found
}

/// Text in RFC 3339, or seconds since 1970 as the first version of the tool prints them.
fn time(of: &Value) -> Option<DateTime<Utc>> {
    match of {
        Value::String(text) => Some(DateTime::parse_from_rfc3339(text).ok()?.to_utc()),
        // Parts of a second do not matter here.
        #[allow(clippy::cast_possible_truncation)]
        Value::Number(seconds) => DateTime::from_timestamp(seconds.as_f64()? as i64, 0),
        _ => None,
    }
}
