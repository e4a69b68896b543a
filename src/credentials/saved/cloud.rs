//! What cloud providers' tools print of who may come in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::cloud::is_no_member;
use super::{eks, unreadable};
use crate::model::{Name, Outside, RoleMember};

/// Reads what `aws eks describe-access-entry`, `list-associated-access-policies`,
/// `list-access-entries` or `gcloud projects get-iam-policy --format=json` printed: one answer, or
/// several one after another. What is broken is named with its place, and the rest is read.
pub fn read(file: &str, bytes: &[u8], into: &mut Outside) {
    let Some(text) = super::text(bytes) else { return unreadable(into, file, "not text") };
    let mut number = 0;
    let (mut rest, mut line) = (&*text, 0);
    loop {
        let mut answers = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let error = loop {
            match answers.next() {
                None => break None,
                Some(Ok(answer)) => {
                    number += 1;
                    one(file, &format!("{file}, answer {number}"), &answer, into);
                }
                Some(Err(error)) => break Some(error),
            }
        };
        let Some(error) = error else { break };
        number += 1;
        let place = format!("{file}, line {}", line + error.line());
        let Some((lines, next)) = next_answer(rest, error.line()) else {
            let reason = if error.is_eof() {
                "the JSON ends too early; save the answer again"
            } else {
                "no JSON; save the answer with --output json, of gcloud with --format=json"
            };
            return unreadable(into, place, reason);
        };
        let from = line + lines + 1;
        unreadable(into, place, format!("no JSON; the rest is read from line {from} on"));
        (rest, line) = (next, line + lines);
    }
    if number == 0 {
        unreadable(into, file, "it is empty");
    }
}

/// Where an answer begins again after a line that is no JSON, and how many lines are before it: a
/// line that starts with a bracket, for the tools put in whatever lies in one.
fn next_answer(text: &str, after: usize) -> Option<(usize, &str)> {
    let mut at = 0;
    for (line, whole) in text.split_inclusive('\n').enumerate() {
        if line >= after && whole.starts_with(['{', '[']) {
            return Some((line, &text[at..]));
        }
        at += whole.len();
    }
    None
}

fn one(file: &str, place: &str, answer: &Value, into: &mut Outside) {
    if let Value::Array(all) = answer {
        for (index, one) in all.iter().enumerate() {
            self::one(file, &format!("{place}[{index}]"), one, into);
        }
        return;
    }
    let has = |field: &str| answer.get(field).is_some();
    if has("accessEntry") {
        eks::entry(place, answer, into);
    } else if has("associatedAccessPolicies") {
        eks::policies(place, answer, into);
    } else if has("accessEntries") {
        eks::list(place, answer, into);
    } else if has("bindings") || has("etag") {
        iam_policy(file, place, answer, into);
    } else {
        let reason = "neither an EKS access entry, nor its access policies, nor an IAM policy of \
                      Google Cloud";
        unreadable(into, place, reason);
    }
}

/// Whether a role may concern clusters: those of GKE and of its fleets, the basic ones, which hold
/// its permissions too, those that are known to lead to others, and custom ones, whose permissions are
/// not in the policy.
fn concerns_clusters(role: &str) -> bool {
    const BASIC: [&str; 6] = ["owner", "editor", "viewer", "admin", "writer", "reader"];
    match role.strip_prefix("roles/") {
        Some(name) => {
            name.starts_with("container.")
                || name.starts_with("gkehub.")
                || BASIC.contains(&name)
                || super::super::cloud::by_way(role).is_some()
        }
        None => true,
    }
}

/// `google.iam.v1.Policy`: without bindings it is that of nobody.
fn iam_policy(file: &str, place: &str, policy: &Value, into: &mut Outside) {
    let bindings = match policy.get("bindings") {
        None | Some(Value::Null) => &Vec::new(),
        Some(Value::Array(bindings)) => bindings,
        Some(_) => {
            unreadable(into, format!("{place}, bindings"), "no list");
            return;
        }
    };
    into.iam_policies = true;
    let mut others = BTreeSet::new();
    for (index, binding) in bindings.iter().enumerate() {
        let place = format!("{place}, bindings[{index}]");
        let Some(role) = binding.get("role").and_then(Value::as_str) else {
            unreadable(into, place, "without a role");
            continue;
        };
        if !concerns_clusters(role) {
            others.insert(role);
            continue;
        }
        let Some(members) = binding.get("members").and_then(Value::as_array) else {
            unreadable(into, place, "without a list of members");
            continue;
        };
        let condition = binding.get("condition").filter(|condition| !condition.is_null());
        let condition = condition.map(|condition| {
            let text = |field: &str| condition.get(field).and_then(Value::as_str);
            Name::from(text("title").or_else(|| text("expression")).unwrap_or("not named"))
        });
        for (at, member) in members.iter().enumerate() {
            let Some(member) = member.as_str().filter(|member| !member.is_empty()) else {
                unreadable(into, format!("{place}.members[{at}]"), "no text");
                continue;
            };
            if let Some(reason) = is_no_member(member) {
                unreadable(into, format!("{place}.members[{at}]"), reason);
                continue;
            }
            let one = RoleMember {
                file: file.into(),
                member: member.into(),
                role: role.into(),
                condition: condition.clone(),
            };
            // The same may stand in two bindings, and a policy may have been saved twice.
            if !into.role_members.contains(&one) {
                into.role_members.push(one);
            }
        }
    }
    if !others.is_empty() {
        let more = others.len().saturating_sub(NAMED);
        let named: Vec<&str> = others.into_iter().take(NAMED).collect();
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let text = format!(
            "not shown, as it is not known here what they lead to in clusters: {}{more}",
            named.join(", ")
        );
        into.remarks.push((file.into(), text));
    }
}

/// So many roles that are passed over are named.
const NAMED: usize = 12;
