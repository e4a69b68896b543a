//! Objects that stay after their deletion, until whoever set their finalizers has taken them off.

use serde_json::Value;

use super::{Action, Step, Target};

/// What an object gives while it waits for that.
pub fn meanwhile(target: &Target) -> &'static str {
    if target.is_binding() || target.is_role() {
        "what it gives stays until then"
    } else if target.is_account() {
        // `pkg/serviceaccount/claims.go`, `legacy.go`.
        "its tokens are refused all the same, within two minutes"
    } else {
        "the token in it, and those that are bound to it, are refused all the same, within two minutes"
    }
}

/// What has to be known of a step that deletes such an object.
pub(super) fn held_back(step: &Step) -> Option<String> {
    let finalizers = step.before.as_ref()?.pointer("/metadata/finalizers")?.as_array()?;
    if step.action != Action::Delete || finalizers.is_empty() {
        return None;
    }
    let names: Vec<&str> = finalizers.iter().filter_map(Value::as_str).collect();
    Some(format!(
        "{} is only marked for deletion: it goes when whoever set its finalizers ({}) has taken them off, \
         and cannot be put back before; {}",
        step.target,
        names.join(", "),
        meanwhile(&step.target)
    ))
}
