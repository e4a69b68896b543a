//! What a step makes has to be what narrowing, splitting and making anew make, and nothing else: no label
//! by which another role takes it in, no annotation that means something to a cloud, nobody beside the
//! one whom it is for, no role but one that the plan shows.

use serde_json::Value;

use crate::change::plan::edit::{binding, without_server_fields};
use crate::change::plan::{Action, Intent, Plan, Step, Target};
use crate::model::Identity;

/// The fields of what is made, by kind, beside `apiVersion`, `kind` and `metadata`.
fn fields(kind: &str) -> &'static [&'static str] {
    match kind {
        "Role" | "ClusterRole" => &["rules"],
        "RoleBinding" | "ClusterRoleBinding" => &["roleRef", "subjects"],
        "ServiceAccount" => &["automountServiceAccountToken"],
        "Secret" => &["type"],
        _ => &[],
    }
}

/// Why a step makes something that keybook does not. What takes a run back makes again what there was,
/// which the journal knows.
///
/// # Errors
/// In words.
pub(super) fn check(plan: &Plan, step: &Step) -> Result<(), String> {
    let Some(made) = step.after.as_ref().filter(|_| step.action == Action::Create) else {
        return Ok(());
    };
    if plan.undoes.is_some() {
        return Ok(());
    }
    let gone = plan
        .steps
        .iter()
        .find(|other| other.action == Action::Delete && other.target == step.target);
    if let Some(gone) = gone {
        let was = gone.before.clone().map(without_server_fields);
        let same = was.as_ref() == Some(made);
        return if same { Ok(()) } else { Err("it is not made again as it was".to_owned()) };
    }
    let keys = |value: &Value| -> Vec<String> {
        value.as_object().map(|all| all.keys().cloned().collect()).unwrap_or_default()
    };
    let known = [&["apiVersion", "kind", "metadata"], fields(&step.target.kind)].concat();
    let metadata = &made["metadata"];
    let beyond = keys(made).into_iter().find(|key| !known.contains(&&**key));
    let beyond = beyond.or_else(|| {
        let all = keys(metadata);
        all.into_iter().find(|key| !["name", "namespace", "annotations"].contains(&&**key))
    });
    let beyond = beyond.or_else(|| {
        keys(&metadata["annotations"]).into_iter().find(|key| !key.starts_with("keybook/"))
    });
    if let Some(beyond) = beyond {
        return Err(format!("what it makes has {beyond}, which keybook makes nothing with"));
    }
    if step.target.is_secret() && made["type"] != "Opaque" {
        return Err("a Secret that is made holds nothing: it is Opaque".to_owned());
    }
    if step.target.is_binding() { given(plan, &step.target, made) } else { Ok(()) }
}

/// To whom a binding that is made gives what.
fn given(plan: &Plan, target: &Target, made: &Value) -> Result<(), String> {
    let Some(binding) = binding(target, made) else {
        return Err("the binding that it makes has not the form of one".to_owned());
    };
    let place = binding.meta.namespace.as_ref();
    let subjects: Vec<Option<Identity>> =
        binding.subjects.iter().map(|subject| subject.identity(place)).collect();
    let [Some(whom)] = &subjects[..] else {
        return Err("the binding that it makes names others than the one whom it is for".to_owned());
    };
    let narrowed = plan
        .intents
        .iter()
        .any(|intent| matches!(intent, Intent::Narrow { identity, .. } if identity == whom));
    let parts = plan.parted.iter().flat_map(|parted| &parted.who);
    let part = parts.into_iter().any(|who| who.to == *whom && who.makes.contains(target));
    if !narrowed && !part {
        return Err(format!("it gives {whom} something, whom the plan is not for"));
    }
    let role = Target {
        kind: binding.role_ref.kind.clone(),
        namespace: target.namespace.clone(),
        name: binding.role_ref.name.clone(),
    };
    let makes = |other: &Step| other.action == Action::Create && other.target == role;
    if plan.steps.iter().any(makes) {
        Ok(())
    } else {
        Err(format!("it gives {role}, which the plan does not make"))
    }
}
