//! Who keeps an object, and what that means for a change to it: what an owner would undo is its
//! owner's to change, unless somebody insists; what it would undo at once is never done behind its
//! back.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Action, Manual, OwnerWarning, Patch, Target};
use crate::model::{Binding, Identity, Role, Snapshot};
use crate::owners::{self, Keeper, Owner, Soon, Undone};
use crate::rbac::bootstrap;

/// What is to become of a change to an owned object.
pub(super) enum Verdict {
    /// It is made, and these are told.
    Step(Vec<OwnerWarning>),
    /// It is the owner's to make.
    Leave(Manual),
}

/// What becomes of taking `gone` out of a binding.
pub(super) fn of_binding(
    (binding, snapshot, unsaid): (&Binding, &Snapshot, bool),
    gone: &BTreeSet<Identity>,
    (target, action, after): (&Target, Action, &Value),
    insist: bool,
) -> Verdict {
    let own = is_servers_own(binding, gone, snapshot.cluster.server_version.as_deref());
    let owners: Vec<Owner> = owners::of_binding(snapshot, binding)
        .into_iter()
        // The API server brings back its own subjects, and no others.
        .filter(|owner| owner.keeper != Keeper::ApiServer || own)
        // What its definition does not say any more, rbac-manager does not bring back.
        .filter(|owner| owner.keeper != Keeper::RbacManager || !unsaid)
        .collect();
    let patch = match action {
        Action::Delete => "null".to_owned(),
        _ => json!({ "subjects": after["subjects"] }).to_string(),
    };
    judge(&owners, target, what(action), patch, insist)
}

/// What becomes of other rules in a role.
pub(super) fn of_role(
    (role, version): (&Role, Option<&str>),
    (target, after): (&Target, &Value),
    insist: bool,
) -> Verdict {
    let owners: Vec<Owner> = owners::of_role(role, version)
        .into_iter()
        .filter(|owner| owner.keeper != Keeper::ApiServer)
        .collect();
    let patch = json!({ "rules": after["rules"] }).to_string();
    judge(&owners, target, what(Action::Replace), patch, insist)
}

/// What becomes of other `rbacBindings` in a definition.
pub(super) fn of_definition(
    owners: &[Owner],
    (target, after): (&Target, &Value),
    insist: bool,
) -> Verdict {
    let patch = json!({ "rbacBindings": after["rbacBindings"] }).to_string();
    of_edit(owners, target, patch, insist)
}

/// What becomes of an edit that this patch makes.
pub(super) fn of_edit(owners: &[Owner], target: &Target, patch: String, insist: bool) -> Verdict {
    judge(owners, target, what(Action::Replace), patch, insist)
}

/// What becomes of deleting a Secret or an account, or of a label put on it.
pub(super) fn of_kept(owners: &[Owner], target: &Target, action: Action, insist: bool) -> Verdict {
    let of: Of =
        if action == Action::Delete { |owner| owner.deletion } else { |owner| owner.label };
    judge(owners, target, of, "null".to_owned(), insist)
}

/// What an owner makes of a change.
type Of = fn(&Owner) -> Undone;

fn what(action: Action) -> Of {
    if action == Action::Delete { |owner| owner.deletion } else { |owner| owner.edit }
}

fn judge(owners: &[Owner], target: &Target, of: Of, merge: String, insist: bool) -> Verdict {
    let undoing: Vec<&Owner> =
        owners.iter().filter(|owner| of(owner).soon != Soon::Never).collect();
    let stops = undoing.iter().find(|owner| match of(owner).soon {
        Soon::AtOnce => true,
        Soon::NotKnown | Soon::Never => false,
        _ => owner.certain && !insist,
    });
    if let Some(owner) = stops {
        let insisting = if of(owner).soon == Soon::AtOnce {
            ""
        } else {
            "; with --despite-owners keybook changes it here as well"
        };
        return Verdict::Leave(Manual {
            what: format!("change {target} where {} has it from", owner.words()),
            why: format!(
                "a change here would be undone {} ({}){insisting}",
                of(owner).when,
                owner.evidence
            ),
            patch: Some(Patch { target: target.clone(), merge }),
        });
    }
    let warning = |owner: &&Owner| OwnerWarning {
        owner: owner.words(),
        evidence: owner.evidence.clone(),
        undone: of(owner).when.to_owned(),
    };
    Verdict::Step(undoing.iter().map(warning).collect())
}

/// Whether any of them is a subject that the API server itself binds so.
fn is_servers_own(binding: &Binding, gone: &BTreeSet<Identity>, version: Option<&str>) -> bool {
    let namespace = binding.meta.namespace.clone().unwrap_or_else(|| "".into());
    let key = (binding.kind, namespace, binding.meta.name.clone());
    let mut possible =
        bootstrap::possible(version).filter_map(|policy| policy.objects.bindings.get(&key));
    possible.any(|own| {
        let namespace = own.meta.namespace.as_ref();
        own.subjects
            .iter()
            .filter_map(|subject| subject.identity(namespace))
            .any(|identity| gone.contains(&identity))
    })
}
