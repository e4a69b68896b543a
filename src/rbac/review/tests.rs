use serde_json::{Value, json};

use super::*;
use crate::model::{Health, ListState, Object};

fn snapshot(objects: &[Value]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for object in objects {
        let kind = object["kind"].as_str().expect("a kind");
        let read = Object::read("rbac.authorization.k8s.io/v1", kind, object);
        snapshot.objects.insert(read.expect("readable").expect("known"));
    }
    for list in ListKind::RBAC {
        snapshot.lists.insert(list, ListState::new(Health::Complete));
    }
    snapshot
}

fn world() -> Snapshot {
    snapshot(&[
        json!({"kind": "ClusterRole", "metadata": {"name": "reader"}, "rules": [
            {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]},
            {"verbs": ["get"], "nonResourceURLs": ["/healthz"]}]}),
        json!({"kind": "ClusterRoleBinding", "metadata": {"name": "readers"},
            "roleRef": {"kind": "ClusterRole", "name": "reader"},
            "subjects": [{"kind": "Group", "name": "dev"}, {"kind": "User", "name": "jane"}]}),
        json!({"kind": "RoleBinding", "metadata": {"name": "gone", "namespace": "a"},
            "roleRef": {"kind": "Role", "name": "lost"},
            "subjects": [{"kind": "ServiceAccount", "name": "bot"}]}),
        json!({"kind": "ClusterRoleBinding", "metadata": {"name": "gone"},
            "roleRef": {"kind": "ClusterRole", "name": "lost"},
            "subjects": [{"kind": "User", "name": "system:serviceaccount:a:bot"}]}),
    ])
}

fn answer(snapshot: &Snapshot, review: &str) -> (Answer, Value) {
    let authorizer = Authorizer::new(&snapshot.objects);
    let mut out = Vec::new();
    let answer = Reviewer::new(&authorizer, snapshot).answer(review.as_bytes(), &mut out);
    assert_eq!(answer.at, 0..out.len());
    (answer, serde_json::from_slice(&out).expect("JSON"))
}

fn status(review: &Value) -> Value {
    answer(&world(), &review.to_string()).1["status"].clone()
}

#[test]
fn names_the_first_subject_of_the_binding_that_applies() {
    let review = json!({"spec": {"user": "jane", "groups": ["dev"],
        "resourceAttributes": {"verb": "get", "resource": "pods"}}});
    assert_eq!(
        status(&review),
        json!({"allowed": true, "reason":
            r#"RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to Group "dev""#})
    );
    let review = json!({"spec": {"user": "jane",
        "nonResourceAttributes": {"verb": "get", "path": "/healthz"}}});
    assert_eq!(
        status(&review),
        json!({"allowed": true, "reason":
            r#"RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to User "jane""#})
    );
}

#[test]
fn nothing_is_added_to_what_a_review_says() {
    let review = json!({"spec": {"user": "someone",
        "resourceAttributes": {"verb": "get", "resource": "pods"}}});
    assert_eq!(status(&review), json!({"allowed": false}));
    let review = json!({"spec": {"groups": ["system:masters"],
        "resourceAttributes": {"verb": "escape", "resource": "anything"}}});
    assert_eq!(status(&review), json!({"allowed": true}));
}

#[test]
fn a_denial_names_roles_that_do_not_exist() {
    let review = |namespace: &str| {
        json!({"spec": {"user": "system:serviceaccount:a:bot",
            "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": namespace}}})
    };
    assert_eq!(
        status(&review("a")),
        json!({"allowed": false, "reason":
            "RBAC: [clusterrole.rbac.authorization.k8s.io \"lost\" not found, \
             role.rbac.authorization.k8s.io \"lost\" not found]"})
    );
    assert_eq!(
        status(&review("b")),
        json!({"allowed": false, "reason":
            "RBAC: clusterrole.rbac.authorization.k8s.io \"lost\" not found"})
    );
}

#[test]
fn keeps_the_spec_as_given_and_on_one_line() {
    let text = "{\n \"spec\": {\"user\":\n \"a\\nb\", \"extra\": {\"k\": [\"v\"]}, \"unknown\": 1,\n \
                \"resourceAttributes\": {\"verb\": \"get\"}},\n \"status\": {\"allowed\": true}}";
    let snapshot = world();
    let authorizer = Authorizer::new(&snapshot.objects);
    let mut out = Vec::new();
    let answer = Reviewer::new(&authorizer, &snapshot).answer(text.as_bytes(), &mut out);
    assert!(!out.contains(&b'\n'));
    let written: Value = serde_json::from_slice(&out).expect("JSON");
    let given: Value = serde_json::from_str(text).expect("JSON");
    assert_eq!(written["spec"], given["spec"]);
    assert_eq!((answer.expected, answer.differs()), (Some(true), true));
}

#[test]
fn a_repeated_field_is_laid_over_and_null_is_nothing() {
    let text = r#"{"spec": {"user": "jane", "user": null, "groups": null,
        "resourceAttributes": {"verb": "get"}, "resourceAttributes": {"resource": "pods"},
        "nonResourceAttributes": {"verb": "x"}, "nonResourceAttributes": null}}"#;
    assert_eq!(answer(&world(), text).0.outcome, Outcome::Allowed);
}

#[test]
fn what_the_server_refuses_is_refused_in_its_words() {
    for (review, code, message) in [
        (
            json!({"spec": {"user": "u"}}),
            422,
            "SubjectAccessReview.authorization.k8s.io \"\" is invalid: spec.resourceAttributes: \
             Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must \
             be specified",
        ),
        (
            json!({"spec": {"resourceAttributes": {}, "nonResourceAttributes": {"path": "/x"}}}),
            422,
            "SubjectAccessReview.authorization.k8s.io \"\" is invalid: \
             [spec.nonResourceAttributes: Invalid value: {\"Path\":\"/x\",\"Verb\":\"\"}: cannot be \
             specified in combination with resourceAttributes, spec.user: Invalid value: \"\": at \
             least one of user or group must be specified]",
        ),
        (
            json!({"metadata": {"name": "x"}, "spec": {"user": "u", "resourceAttributes": {}}}),
            422,
            "SubjectAccessReview.authorization.k8s.io \"\" is invalid: metadata: Invalid value: \
             {\"name\":\"x\"}: must be empty",
        ),
        (
            json!({"kind": "SelfSubjectAccessReview", "spec": {}}),
            400,
            "a SelfSubjectAccessReview is about whoever sends it: ask with a SubjectAccessReview \
             and spec.user",
        ),
    ] {
        let (answer, status) = answer(&world(), &review.to_string());
        assert_eq!(answer.outcome, Outcome::Refused);
        assert_eq!(status["code"], code);
        assert_eq!(status["message"], message);
    }
    for text in ["", "[]", "{", "{\"spec\": []}", "{\"spec\": {\"user\": 3}}", "null x"] {
        let (answer, status) = answer(&world(), text);
        assert_eq!((answer.outcome, &status["code"]), (Outcome::Refused, &json!(400)), "{text}");
    }
}

#[test]
fn a_local_review_is_bound_to_its_namespace() {
    let review = |namespace: &str| {
        json!({"kind": "LocalSubjectAccessReview", "metadata": {"namespace": "a"},
            "spec": {"user": "jane",
                "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": namespace}}})
        .to_string()
    };
    let (same, text) = answer(&world(), &review("a"));
    assert_eq!((same.outcome, &text["metadata"]["namespace"]), (Outcome::Allowed, &json!("a")));
    assert_eq!(answer(&world(), &review("b")).0.outcome, Outcome::Refused);
}

#[test]
fn a_no_on_lists_that_are_not_whole_says_so() {
    let mut snapshot = world();
    let mut partial = ListState::new(Health::Partial);
    partial.namespaces = vec!["a".into()];
    snapshot.lists.insert(ListKind::RoleBindings, partial);
    let review = |user: &str, namespace: &str| {
        json!({"spec": {"user": user,
            "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": namespace}}})
        .to_string()
    };
    for (user, namespace, incomplete) in
        [("jane", "b", false), ("x", "a", false), ("x", "", false), ("x", "b", true)]
    {
        let (answer, text) = answer(&snapshot, &review(user, namespace));
        assert_eq!(answer.incomplete, incomplete, "{user} {namespace}");
        assert_eq!(text["status"]["evaluationError"].is_string(), incomplete);
    }
}

#[test]
fn many_are_answered_in_order() {
    let snapshot = world();
    let authorizer = Authorizer::new(&snapshot.objects);
    let reviewer = Reviewer::new(&authorizer, &snapshot);
    let lines: Vec<String> = (0..5_000)
        .map(|at| {
            let verb = if at % 3 == 0 { "get" } else { "list" };
            json!({"spec": {"user": "jane", "uid": at.to_string(),
                "resourceAttributes": {"verb": verb, "resource": "pods"}}})
            .to_string()
        })
        .collect();
    let each: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let text = lines.join("\n\n");
    for answers in [reviewer.answer_lines(text.as_bytes()), reviewer.answer_each(&each)] {
        assert!(answers.len() > 1);
        let mut at = 0;
        for part in &answers {
            for answer in &part.answers {
                let value: Value =
                    serde_json::from_slice(&part.text[answer.at.clone()]).expect("JSON");
                assert_eq!(value["spec"]["uid"], at.to_string());
                assert_eq!(answer.outcome == Outcome::Allowed, at % 3 == 0);
                at += 1;
            }
        }
        assert_eq!(at, 5_000);
    }
}

proptest::proptest! {
    /// Whatever the input, there is one answer, on one line, in JSON.
    #[test]
    fn broken_text_is_refused_and_never_more(
        edits in proptest::collection::vec((proptest::prelude::any::<proptest::sample::Index>(),
            proptest::prelude::any::<u8>(), 0..3u8), 0..6),
    ) {
        let mut text = br#"{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview",
            "metadata":{"name":""},"spec":{"user":"jane\u00e9","groups":["dev",null],"extra":{"a":["b"]},
            "resourceAttributes":{"verb":"get","resource":"pods","labelSelector":{"rawSelector":"a in (b)"},
            "fieldSelector":{"requirements":[{"key":"k","operator":"In","values":["v"]}]}}},
            "status":{"allowed":true}}"#.to_vec();
        for (place, byte, what) in edits {
            let at = place.index(text.len());
            match what {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => drop(text.remove(at)),
            }
        }
        let snapshot = world();
        let authorizer = Authorizer::new(&snapshot.objects);
        let mut out = b"before".to_vec();
        let answer = Reviewer::new(&authorizer, &snapshot).answer(&text, &mut out);
        let line = &out[answer.at.clone()];
        proptest::prop_assert_eq!((answer.at.start, answer.at.end), (6, out.len()));
        proptest::prop_assert!(!line.contains(&b'\n'));
        let value: Value = serde_json::from_slice(line).expect("JSON");
        let refused = answer.outcome == Outcome::Refused;
        proptest::prop_assert_eq!(value["kind"] == "Status", refused);
    }
}
