//! What cloud providers' tools print of who may come in.

use serde_json::Value;

use super::{eks, unreadable};
use crate::model::{Name, Outside, RoleMember};

/// Reads what `aws eks describe-access-entry`, `list-associated-access-policies`,
/// `list-access-entries` or `gcloud projects get-iam-policy --format=json` printed: one answer, or
/// several one after another. What is broken is named with its place, and the rest is read.
pub fn read(file: &str, text: &[u8], into: &mut Outside) {
    let mut answers = serde_json::Deserializer::from_slice(text).into_iter::<Value>();
    let mut number = 0;
    loop {
        match answers.next() {
            None => break,
            Some(Ok(answer)) => {
                number += 1;
                one(file, &format!("{file}, answer {number}"), &answer, into);
            }
            Some(Err(error)) => {
                let place = format!("{file}, line {}", error.line());
                let reason = if error.is_eof() {
                    "the JSON ends too early; save the answer again"
                } else {
                    "no JSON; save the answer with --output json, of gcloud with --format=json"
                };
                unreadable(into, place, reason);
                return;
            }
        }
    }
    if number == 0 {
        unreadable(into, file, "it is empty");
    }
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

/// Whether a role may concern clusters: those of GKE, the basic ones, which hold its permissions
/// too, and custom ones, whose permissions are not in the policy.
fn concerns_clusters(role: &str) -> bool {
    const BASIC: [&str; 6] = ["owner", "editor", "viewer", "admin", "writer", "reader"];
    match role.strip_prefix("roles/") {
        Some(role) => role.starts_with("container.") || BASIC.contains(&role),
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
    let mut others = 0;
    for (index, binding) in bindings.iter().enumerate() {
        let place = format!("{place}, bindings[{index}]");
        let Some(role) = binding.get("role").and_then(Value::as_str) else {
            unreadable(into, place, "without a role");
            continue;
        };
        if !concerns_clusters(role) {
            others += 1;
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
            into.role_members.push(RoleMember {
                file: file.into(),
                member: member.into(),
                role: role.into(),
                condition: condition.clone(),
            });
        }
    }
    if others > 0 {
        let text = format!("{others} bindings of roles that do not concern clusters, passed over");
        into.remarks.push((file.into(), text));
    }
}
