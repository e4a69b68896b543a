//! What the API server refuses to answer, in its words
//! (`pkg/apis/authorization/validation/validation.go`).

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::selector;
use super::wire::{WireResource, WireReview, WireSelector, WireSpec};
use crate::rbac::labels;

/// Which of the two kinds of review that name a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReviewKind {
    Cluster,
    Local,
}

impl ReviewKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Cluster => "SubjectAccessReview",
            Self::Local => "LocalSubjectAccessReview",
        }
    }
}

/// One thing that is wrong.
struct Problem {
    field: String,
    reason: &'static str,
    message: String,
}

/// The API version of reviews.
pub(super) const API_VERSION: &str = "authorization.k8s.io/v1";

/// A `Status` for a text that is no review, status 400.
pub(super) fn bad_request(message: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "BadRequest", "code": 400,
    })
}

/// Which kind of review it is; else why it is none.
pub(super) fn kind(review: &WireReview<'_>) -> Result<ReviewKind, Value> {
    let kind = match &*review.kind {
        "" | "SubjectAccessReview" => ReviewKind::Cluster,
        "LocalSubjectAccessReview" => ReviewKind::Local,
        "SelfSubjectAccessReview" => {
            return Err(bad_request(
                "a SelfSubjectAccessReview is about whoever sends it: ask with a \
                 SubjectAccessReview and spec.user",
            ));
        }
        other => {
            return Err(bad_request(&format!(
                "{other} in version {:?} cannot be handled as a SubjectAccessReview",
                review.api_version
            )));
        }
    };
    if review.api_version.is_empty() || review.api_version == API_VERSION {
        return Ok(kind);
    }
    Err(bad_request(&format!(
        "{} in version {:?} is not known: the version is {API_VERSION}",
        kind.as_str(),
        review.api_version
    )))
}

/// What is wrong with a review of the right form; None where it is answered.
pub(super) fn invalid(
    kind: ReviewKind,
    review: &WireReview<'_>,
    spec: &WireSpec<'_>,
) -> Option<Value> {
    let metadata = match review.metadata.map(|raw| raw.get().trim()) {
        None | Some("{}" | "null") => Map::new(),
        Some(text) => match serde_json::from_str(text) {
            Ok(Value::Object(metadata)) => metadata,
            _ => return Some(bad_request("metadata is not an object")),
        },
    };
    if kind == ReviewKind::Cluster && metadata.is_empty() && is_plain(spec) {
        return None;
    }
    let mut problems = Vec::new();
    of_spec(spec, &mut problems);
    of_metadata(kind, &metadata, &mut problems);
    if kind == ReviewKind::Local {
        of_local(&metadata, spec, &mut problems);
    }
    (!problems.is_empty()).then(|| refusal(kind, &problems))
}

/// The common case, in which nothing can be wrong.
fn is_plain(spec: &WireSpec<'_>) -> bool {
    let who = !spec.user.is_empty() || !spec.groups.is_empty();
    who && match (&spec.resource, &spec.path) {
        (Some(resource), None) => {
            resource.field_selector.is_none() && resource.label_selector.is_none()
        }
        (None, Some(_)) => true,
        _ => false,
    }
}

fn refusal(kind: ReviewKind, problems: &[Problem]) -> Value {
    let whole: Vec<String> =
        problems.iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect();
    let list = match whole.as_slice() {
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    };
    let causes: Vec<Value> = problems
        .iter()
        .map(|problem| {
            json!({"reason": problem.reason, "message": problem.message, "field": problem.field})
        })
        .collect();
    let kind = kind.as_str();
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": format!("{kind}.authorization.k8s.io \"\" is invalid: {list}"),
        "reason": "Invalid",
        "details": {"group": "authorization.k8s.io", "kind": kind, "causes": causes},
        "code": 422,
    })
}

impl Problem {
    fn invalid(field: impl Into<String>, value: &Value, detail: &str) -> Self {
        let message = format!("Invalid value: {value}: {detail}");
        Self { field: field.into(), reason: "FieldValueInvalid", message }
    }

    fn required(field: impl Into<String>, detail: &str) -> Self {
        let colon = if detail.is_empty() { "" } else { ": " };
        let message = format!("Required value{colon}{detail}");
        Self { field: field.into(), reason: "FieldValueRequired", message }
    }

    fn forbidden(field: impl Into<String>, detail: &str) -> Self {
        let message = format!("Forbidden: {detail}");
        Self { field: field.into(), reason: "FieldValueForbidden", message }
    }
}

fn of_spec(spec: &WireSpec<'_>, problems: &mut Vec<Problem>) {
    match (&spec.resource, &spec.path) {
        (Some(_), Some(path)) => problems.push(Problem::invalid(
            "spec.nonResourceAttributes",
            &json!({"Path": path.path, "Verb": path.verb}),
            "cannot be specified in combination with resourceAttributes",
        )),
        (None, None) => problems.push(Problem::invalid(
            "spec.resourceAttributes",
            &Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
    if spec.user.is_empty() && spec.groups.is_empty() {
        problems.push(Problem::invalid(
            "spec.user",
            &json!(""),
            "at least one of user or group must be specified",
        ));
    }
    if let Some(resource) = &spec.resource {
        of_selectors(resource, problems);
    }
}

fn of_selectors(resource: &WireResource<'_>, problems: &mut Vec<Problem>) {
    let both = [
        ("fieldSelector", &resource.field_selector, false),
        ("labelSelector", &resource.label_selector, true),
    ];
    for (name, selector, of_labels) in both {
        if let Some(selector) = selector {
            of_selector(&format!("spec.resourceAttributes.{name}"), selector, of_labels, problems);
        }
    }
}

fn of_selector(
    place: &str,
    selector: &WireSelector<'_>,
    of_labels: bool,
    problems: &mut Vec<Problem>,
) {
    if !selector.raw.is_empty() && !selector.requirements.is_empty() {
        problems.push(Problem::invalid(
            format!("{place}.rawSelector"),
            &json!(selector.raw),
            "may not specified at the same time as requirements",
        ));
    }
    if selector.raw.is_empty() && selector.requirements.is_empty() {
        problems.push(Problem::required(
            format!("{place}.requirements"),
            &format!("when {place} is specified, requirements or rawSelector is required"),
        ));
    }
    for (at, requirement) in selector.requirements.iter().enumerate() {
        let place = format!("{place}.requirements[{at}]");
        if !of_labels && requirement.key.is_empty() {
            problems.push(Problem::required(format!("{place}.key"), "must be specified"));
        }
        match &*requirement.operator {
            "In" | "NotIn" if requirement.values.is_empty() => problems.push(Problem::required(
                format!("{place}.values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            )),
            "Exists" | "DoesNotExist" if !requirement.values.is_empty() => {
                problems.push(Problem::forbidden(
                    format!("{place}.values"),
                    "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
                ));
            }
            _ => {}
        }
        if !of_labels {
            continue;
        }
        if !labels::is_key(&requirement.key) {
            let detail = "not a valid label key";
            let key = &json!(requirement.key);
            problems.push(Problem::invalid(format!("{place}.key"), key, detail));
        }
        for (at, value) in requirement.values.iter().enumerate() {
            if !labels::is_value(value) {
                let place = format!("{place}.values[{at}]");
                let detail = "not a valid label value";
                problems.push(Problem::invalid(place, &json!(value), detail));
            }
        }
    }
}

/// The fields of `ObjectMeta` that have to be empty. The API server clears the namespace of what has
/// none before it looks, and leaves managed fields aside.
const METADATA: [&str; 13] = [
    "name",
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
];

fn of_metadata(kind: ReviewKind, metadata: &Map<String, Value>, problems: &mut Vec<Problem>) {
    let is_set = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Number(number) => number.as_i64() != Some(0),
        Value::Bool(_) => true,
    };
    let mut set = Map::new();
    for name in METADATA {
        if let Some(value) = metadata.get(name).filter(|value| is_set(value)) {
            set.insert(name.to_owned(), value.clone());
        }
    }
    if !set.is_empty() {
        let detail = match kind {
            ReviewKind::Cluster => "must be empty",
            ReviewKind::Local => "must be empty except for namespace",
        };
        problems.push(Problem::invalid("metadata", &Value::Object(set), detail));
    }
}

fn of_local(metadata: &Map<String, Value>, spec: &WireSpec<'_>, problems: &mut Vec<Problem>) {
    let own = metadata.get("namespace").and_then(Value::as_str).unwrap_or_default();
    if own.is_empty() {
        problems.push(Problem::required("metadata.namespace", ""));
    }
    if let Some(resource) = spec.resource.as_ref().filter(|resource| resource.namespace != own) {
        problems.push(Problem::invalid(
            "spec.resourceAttributes.namespace",
            &json!(resource.namespace),
            "must match metadata.namespace",
        ));
    }
    if let Some(path) = &spec.path {
        problems.push(Problem::invalid(
            "spec.nonResourceAttributes",
            &json!({"Path": path.path, "Verb": path.verb}),
            "disallowed on this kind of request",
        ));
    }
}

/// What the API server says of selectors that it could not read: RBAC answers without them.
pub(super) fn evaluation_error(resource: &WireResource<'_>) -> Option<String> {
    let mut errors = Vec::new();
    let mut say = |name: &str, outcome: selector::Outcome| match outcome {
        selector::Outcome::Read => {}
        selector::Outcome::Partly => errors
            .push(format!("spec.resourceAttributes.{name} partially ignored due to parse error")),
        selector::Outcome::Unread => {
            errors.push(format!("spec.resourceAttributes.{name} ignored due to parse error"));
        }
    };
    if let Some(selector) = &resource.field_selector {
        say("fieldSelector", selector::read_fields(&selector.raw, &fields(selector)));
    }
    if let Some(selector) = &resource.label_selector {
        say("labelSelector", selector::read_labels(&selector.raw, &fields(selector)));
    }
    (!errors.is_empty()).then(|| errors.join("; "))
}

fn fields<'s>(selector: &'s WireSelector<'_>) -> Vec<(&'s str, &'s [Cow<'s, str>])> {
    selector
        .requirements
        .iter()
        .map(|requirement| (&*requirement.operator, requirement.values.as_slice()))
        .collect()
}
