//! `check`: access reviews in, the same with their answers out.

use serde_json::{Value, json};

use super::Home;

fn review(user: &str, verb: &str, resource: &str, ns: &str, expected: Option<bool>) -> Value {
    let mut review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": user, "resourceAttributes":
            {"verb": verb, "resource": resource, "namespace": ns}}});
    if let Some(expected) = expected {
        review["status"] = json!({"allowed": expected});
    }
    review
}

fn answers(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["status"]["allowed"].clone())
        .collect()
}

#[test]
fn each_form_is_answered_the_same() {
    let home = Home::new();
    let (objects, _) = home.world();
    let yes = review("jane@corp.example", "get", "pods", "pay", None);
    let no = review("jane@corp.example", "get", "pods", "shop", None);
    let yaml = |value: &Value| yaml_serde::to_string(value).expect("plain");
    for text in [
        format!("{yes}\n{no}\n"),
        format!("{yes:#}\n{no:#}\n"),
        json!([yes, no]).to_string(),
        json!({"apiVersion": "v1", "kind": "List", "items": [yes, no]}).to_string(),
        format!("{}---\n{}", yaml(&yes), yaml(&no)),
    ] {
        let run = home.run_with(&["check", "-", "--from", &objects], &text).ends_with(0);
        assert_eq!(answers(&run.out), [true, false], "{text}");
    }
    let file = home.put("reviews.json", format!("{yes}\n{no}\n"));
    let table = home.run(&["check", &file, "--from", &objects, "-o", "table"]).ends_with(0);
    insta::assert_snapshot!("check_table", table.out);
    let documents = home.run(&["check", &file, "--from", &objects, "-o", "yaml"]).ends_with(0);
    assert_eq!(documents.out.matches("---\n").count(), 1);
}

#[test]
fn an_answer_other_than_expected_is_exit_1() {
    let home = Home::new();
    let (objects, _) = home.world();
    let check =
        |review: &Value| home.run_with(&["check", "-", "--from", &objects], review.to_string());
    check(&review("jane@corp.example", "get", "pods", "pay", Some(true))).ends_with(0);
    check(&review("jane@corp.example", "get", "pods", "shop", Some(false))).ends_with(0);
    let run = check(&review("jane@corp.example", "get", "pods", "shop", Some(true))).ends_with(1);
    assert!(run.err.contains("1 of 1 reviews differ"), "{}", run.err);
    check(&review("jane@corp.example", "get", "pods", "pay", Some(false))).ends_with(1);
    // The groups are exactly those given.
    check(&review("jane@corp.example", "list", "pods", "shop", Some(false))).ends_with(0);
    // What the API server would refuse is refused.
    let refused = check(&json!({"apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview", "spec": {}}))
    .ends_with(1);
    assert!(refused.err.contains("1 of 1 reviews refused"), "{}", refused.err);
}

#[test]
fn input_that_holds_no_review_is_a_usage_error() {
    let home = Home::new();
    let (objects, _) = home.world();
    for text in ["", "nonsense", "{\n\"kind\": oops}"] {
        let run = home.run_with(&["check", "-", "--from", &objects], text).ends_with(2);
        assert_eq!(run.out, "");
    }
    home.run(&["check", "gone.json", "--from", &objects]).ends_with(2);
}

#[test]
fn a_no_on_lists_that_are_not_whole_is_incomplete_and_a_yes_is_not() {
    let home = Home::new();
    let cut = super::world::objects().into_iter().filter(|object| object["kind"] != "RoleBinding");
    let objects = home.put("cut.json", super::world::list(&cut.collect::<Vec<_>>()));
    let check =
        |review: Value| home.run_with(&["check", "-", "--from", &objects], review.to_string());
    check(review("root", "get", "pods", "pay", None)).ends_with(0);
    check(review("jane@corp.example", "get", "pods", "", None)).ends_with(0);
    let run = check(review("jane@corp.example", "get", "pods", "pay", None)).ends_with(4);
    assert!(run.err.contains("incomplete: rolebindings"), "{}", run.err);
    assert!(run.out.contains("evaluationError"), "{}", run.out);
}
