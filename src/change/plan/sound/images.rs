//! What the images of a step have to be: of the object that its title names, and no more apart from each
//! other than keybook edits.

use serde_json::Value;

use crate::change::plan::edit::text;
use crate::change::plan::{Action, Plan, Precondition, Reversibility, Step};

/// The kinds of objects that are written: `apiVersion`, whether they are in a namespace, and what of
/// them is edited (none where they are only made and deleted).
const KINDS: [(&str, &str, bool, Option<&str>); 8] = [
    ("ClusterRoleBinding", "rbac.authorization.k8s.io/v1", false, Some("/subjects")),
    ("RoleBinding", "rbac.authorization.k8s.io/v1", true, Some("/subjects")),
    ("ClusterRole", "rbac.authorization.k8s.io/v1", false, Some("/rules")),
    ("Role", "rbac.authorization.k8s.io/v1", true, Some("/rules")),
    ("ServiceAccount", "v1", true, None),
    // Of `aws-auth` alone, and of it only what it maps.
    ("ConfigMap", "v1", true, Some("/data")),
    ("RBACDefinition", "rbacmanager.reactiveops.io/v1beta1", false, Some("/rbacBindings")),
    // The label that has the API server refuse the token in it.
    ("Secret", "v1", true, Some("/metadata/labels/kubernetes.io~1legacy-token-invalid-since")),
];

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Why a step's images are none that keybook makes.
///
/// # Errors
/// In words.
pub(super) fn check(plan: &Plan, step: &Step) -> Result<(), String> {
    let target = &step.target;
    let known = KINDS.iter().find(|(kind, ..)| **kind == *target.kind);
    let Some((_, version, in_namespace, edited)) = known else {
        return Err("keybook writes no objects of that kind".to_owned());
    };
    if target.namespace.as_ref().is_some_and(|name| !name.is_empty()) != *in_namespace {
        let word = if *in_namespace { "in a namespace" } else { "in no namespace" };
        return Err(format!("an object of that kind is {word}"));
    }
    for (which, image) in [("before", &step.before), ("after", &step.after)] {
        let Some(image) = image else { continue };
        let is = |pointer: &str, want: Option<&str>| text(image, pointer).as_deref() == want;
        let fits = is("/kind", Some(&target.kind))
            && is("/apiVersion", Some(version))
            && is("/metadata/name", Some(&target.name))
            && is("/metadata/namespace", target.namespace.as_deref());
        if !fits {
            return Err(format!("its image {which} is of another object"));
        }
    }
    form(plan, step, *edited)?;
    let back = match step.action {
        Action::Create => Action::Delete,
        Action::Replace => Action::Replace,
        Action::Delete => Action::Create,
    };
    if step.inverse.action != back {
        return Err(format!("what takes it back is no {}", step.inverse.action.as_str()));
    }
    let unseen = |image: &Value| image["type"].as_str() != Some(TOKEN);
    if target.is_secret()
        && step.action == Action::Delete
        && plan.undoes.is_none()
        && step.before.as_ref().is_some_and(unseen)
        && step.reversibility != Reversibility::Irreversible
    {
        return Err("nobody can put back what is in such a Secret".to_owned());
    }
    Ok(())
}

/// Whether a step has the images that what it does takes, with its preconditions.
fn form(plan: &Plan, step: &Step, edited: Option<&str>) -> Result<(), String> {
    let wrong = |why: &str| Err(why.to_owned());
    let only = &step.precondition;
    let of = |image: &Value| Precondition {
        uid: text(image, "/metadata/uid"),
        resource_version: text(image, "/metadata/resourceVersion"),
    };
    match (step.action, &step.before, &step.after) {
        (Action::Create, None, Some(after)) => {
            if *only != Precondition::default() || of(after) != Precondition::default() {
                return wrong("what is made anew has no UID and no version yet");
            }
            return Ok(());
        }
        (Action::Replace, Some(before), Some(after)) => {
            let Some(edited) = edited else { return wrong("such an object is not edited") };
            if of(after) != *only {
                return wrong("its image after has another UID or version than it is made with");
            }
            if without(before, edited) != without(after, edited) {
                return wrong("it changes more of the object than keybook edits");
            }
        }
        (Action::Delete, Some(_), None) => {}
        _ => return wrong("it has not the images that this takes"),
    }
    // Others write all the time to an account, and to a Secret that is to be as it was.
    let any_version = match step.action {
        Action::Delete if step.target.is_account() => true,
        _ => step.target.is_secret() && plan.undoes.is_some(),
    };
    let was = step.before.as_ref().map(of).unwrap_or_default();
    let versioned = only.resource_version.is_some();
    if only.uid.is_none()
        || was.uid != only.uid
        || !(versioned || any_version)
        || (versioned && was.resource_version != only.resource_version)
    {
        return wrong("it is not made with the UID and version of its image before");
    }
    Ok(())
}

/// An image without what is edited in it, and without the version and UID, which are looked at apart.
fn without(image: &Value, edited: &str) -> Value {
    let mut image = image.clone();
    if let Some((parent, field)) = edited.rsplit_once('/')
        && let Some(Value::Object(parent)) = image.pointer_mut(parent)
    {
        parent.remove(&field.replace("~1", "/"));
    }
    if let Some(Value::Object(meta)) = image.get_mut("metadata") {
        meta.remove("uid");
        meta.remove("resourceVersion");
        if matches!(meta.get("labels"), Some(Value::Object(labels)) if labels.is_empty()) {
            meta.remove("labels");
        }
    }
    image
}
