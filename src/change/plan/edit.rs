//! Images: what an object reads before and after.

use serde_json::Value;

use super::{
    Action, Inverse, OwnerWarning, Precondition, Reason, Reversibility, Right, Step, Target,
};
use crate::model::{Binding, Identity, Name, Object, Role};

/// What the API server sets by itself, and what therefore does not come back with an image.
const SERVER_FIELDS: [&str; 8] = [
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
];

/// Set by the API server whenever the token in a Secret is used, or tried.
const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";

/// An object as it is kept in a Plan and compared: everything but `managedFields`.
pub fn stored(mut object: Value) -> Value {
    if let Some(Value::Object(meta)) = object.get_mut("metadata") {
        meta.remove("managedFields");
    }
    object
}

/// An object as it can be made again, and as two are compared that are to be the same.
pub fn without_server_fields(mut object: Value) -> Value {
    if let Some(Value::Object(meta)) = object.get_mut("metadata") {
        for field in SERVER_FIELDS {
            meta.remove(field);
        }
        if let Some(Value::Object(labels)) = meta.get_mut("labels") {
            labels.remove(LAST_USED);
            if labels.is_empty() {
                meta.remove("labels");
            }
        }
    }
    object
}

/// The text at a pointer, where there is one.
pub(super) fn text(object: &Value, pointer: &str) -> Option<Name> {
    object.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Name::from)
}

/// The object must be the one of this image, unchanged.
pub(super) fn precondition(image: &Value) -> Precondition {
    Precondition {
        uid: text(image, "/metadata/uid"),
        resource_version: text(image, "/metadata/resourceVersion"),
    }
}

/// The step that edits an object where it is: all of it can be taken back. What is lost all the same is
/// for its caller to say.
pub(super) fn in_place(
    target: &Target,
    image: &Value,
    after: Value,
    reason: Reason,
    owners: Vec<OwnerWarning>,
) -> Step {
    let action = Action::Replace;
    Step {
        id: 0,
        action,
        target: target.clone(),
        precondition: precondition(image),
        before: Some(image.clone()),
        reasons: vec![reason],
        reversibility: Reversibility::Reversible,
        loses: Vec::new(),
        rights: rights(action, target, Some(&after)),
        inverse: Inverse { action, rights: rights(action, target, Some(image)) },
        owners,
        after: Some(after),
    }
}

/// An object, as an image has it; None where it has not that form.
pub(super) fn object(target: &Target, image: &Value) -> Option<Object> {
    Object::read(target.api_version(), &target.kind, image).ok().flatten()
}

/// A binding, as an image has it; None where it has not that form.
pub(super) fn binding(target: &Target, image: &Value) -> Option<Binding> {
    match object(target, image) {
        Some(Object::Binding(binding)) => Some(binding),
        _ => None,
    }
}

/// A role, as an image has it; None where it has not that form.
pub(super) fn role(target: &Target, image: &Value) -> Option<Role> {
    match object(target, image) {
        Some(Object::Role(role)) => Some(role),
        _ => None,
    }
}

/// A binding without some of its subjects, everything else as it was; how many went, and whether
/// any is left.
pub(super) fn without_subjects(
    binding: &Binding,
    image: &Value,
    gone: impl Fn(&Identity) -> bool,
) -> (Value, usize, bool) {
    let namespace = binding.meta.namespace.as_ref();
    let stays: Vec<bool> = binding
        .subjects
        .iter()
        .map(|subject| subject.identity(namespace).is_none_or(|identity| !gone(&identity)))
        .collect();
    let mut after = image.clone();
    if let Some(Value::Array(subjects)) = after.get_mut("subjects") {
        let mut at = 0;
        subjects.retain(|_| {
            at += 1;
            stays.get(at - 1).copied().unwrap_or(true)
        });
    }
    let went = stays.iter().filter(|stays| !**stays).count();
    (after, went, stays.contains(&true))
}

/// What the API server asks of whoever writes an object so.
pub(super) fn rights(action: Action, target: &Target, image: Option<&Value>) -> Vec<Right> {
    let (group, resource) = target.resource();
    let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
    let verb = match action {
        Action::Create => "create",
        // Of a Secret only labels are written: its data is never read, and so cannot be sent back.
        Action::Replace if target.is_secret() => "patch",
        Action::Replace => "update",
        Action::Delete => "delete",
    };
    let mut rights = vec![Right {
        verb: verb.into(),
        group: group.into(),
        resource: resource.into(),
        namespace: namespace.clone(),
        // A creation is asked about without a name.
        name: if action == Action::Create { "".into() } else { target.name.clone() },
        or_held: false,
    }];
    if target.is_role() {
        // Who writes a role gives what it gives, to whoever holds it.
        if action != Action::Delete {
            rights.push(Right {
                verb: "escalate".into(),
                group: group.into(),
                resource: resource.into(),
                namespace,
                name: if action == Action::Create { "".into() } else { target.name.clone() },
                or_held: true,
            });
        }
        return rights;
    }
    // Who writes a binding gives what it gives (`policybased/storage.go`); who deletes one does not.
    if let Some(image) = image.filter(|_| action != Action::Delete && target.is_binding()) {
        let kind = text(image, "/roleRef/kind");
        let resource = if kind.as_deref() == Some("Role") { "roles" } else { "clusterroles" };
        rights.push(Right {
            verb: "bind".into(),
            group: "rbac.authorization.k8s.io".into(),
            resource: resource.into(),
            namespace,
            name: text(image, "/roleRef/name").unwrap_or_else(|| "".into()),
            or_held: true,
        });
    }
    rights
}
