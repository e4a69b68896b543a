//! Whether an answer is whole: said beside it, in its JSON, and as the exit code; only by the lists
//! that it reads.

use serde_json::{Value, json};

use super::Home;
use super::world;

/// The world without its objects of one kind.
fn without(home: &Home, kind: &str) -> String {
    let objects: Vec<Value> =
        world::objects().into_iter().filter(|object| object["kind"] != kind).collect();
    home.put(&format!("without-{kind}.json"), world::list(&objects))
}

#[test]
fn who_and_show_read_all_of_rbac_and_the_accounts() {
    let home = Home::new();
    for kind in ["ClusterRole", "Role", "ClusterRoleBinding", "RoleBinding", "ServiceAccount"] {
        let objects = without(&home, kind);
        let run = home.run(&["who", "--from", &objects, "-o", "json"]).ends_with(4);
        let json = run.json();
        assert_eq!(json["metadata"]["complete"], false);
        let missing = &json["metadata"]["missing"][0];
        assert_eq!(missing["list"], format!("{}s", kind.to_lowercase()));
        assert_eq!(missing["health"], "not given");
        let said = format!("incomplete: {}s: not given", kind.to_lowercase());
        assert!(run.err.contains(&said), "{}", run.err);
    }
    // Secrets and Namespaces are no part of the answer.
    for kind in ["Secret", "Namespace"] {
        let objects = without(&home, kind);
        let json = home.run(&["who", "--from", &objects, "-o", "json"]).ends_with(0).json();
        assert_eq!(json["metadata"]["complete"], true);
        assert_eq!(json["metadata"]["missing"], json!([]));
    }
    // Findings about namespaces are.
    let objects = without(&home, "Namespace");
    home.run(&["findings", "--from", &objects]).ends_with(4);
}

#[test]
fn a_question_reads_what_could_change_its_answer() {
    let home = Home::new();
    let ask = |kind: &str, words: &[&str]| {
        let objects = without(&home, kind);
        let mut all = vec!["can", "--from", &objects];
        all.extend(words);
        home.run(&all).code
    };
    // A "no" is none where grants are not known.
    assert_eq!(ask("RoleBinding", &["u:jane@corp.example", "get", "pods", "-n", "pay"]), 4);
    let objects = without(&home, "RoleBinding");
    let no = ["can", "u:jane@corp.example", "get", "pods", "-n", "pay", "--from", &objects];
    assert_eq!(home.run(&no).out, "no, as far as known\n");
    // Nodes have no namespace: RoleBindings have no say.
    assert_eq!(ask("RoleBinding", &["u:jane@corp.example", "get", "nodes"]), 1);
    assert_eq!(ask("RoleBinding", &["u:jane@corp.example", "get", "/healthz"]), 1);
    // A yes in the one place asked about is a yes; where else it is allowed is another question.
    assert_eq!(ask("ClusterRoleBinding", &["u:jane@corp.example", "get", "pods", "-n", "pay"]), 0);
    assert_eq!(ask("ClusterRoleBinding", &["u:jane@corp.example", "get", "pods"]), 4);
    // Allowed everywhere is allowed everywhere.
    assert_eq!(ask("RoleBinding", &["u:root", "get", "pods"]), 0);
    // Accounts matter to who-can only where a group of them can.
    let objects = without(&home, "ServiceAccount");
    home.run(&["who-can", "get", "secrets", "--from", &objects]).ends_with(0);
    let mut with_group: Vec<Value> = world::objects();
    with_group.retain(|object| object["kind"] != "ServiceAccount");
    with_group.push(world::binding(
        None,
        "all",
        ("ClusterRole", "reader"),
        &json!([world::group("system:serviceaccounts")]),
    ));
    let objects = home.put("grouped.json", world::list(&with_group));
    home.run(&["who-can", "get", "pods", "--from", &objects]).ends_with(4);
}

#[test]
fn an_api_server_whose_own_policy_is_not_known_is_measured_by_the_nearest_which_is_said() {
    let home = Home::new();
    let folder = format!("{}/saved", home.path().display());
    home.run(&["snapshot", "--demo", "--out", &folder]).ends_with(0);
    let manifest = format!("{folder}/keybook-snapshot.json");
    let text = std::fs::read_to_string(&manifest).expect("a manifest");
    let mut manifest_json: Value = serde_json::from_str(&text).expect("JSON");
    let mut of = |version: Value| {
        manifest_json["cluster"]["serverVersion"] = version;
        std::fs::write(&manifest, manifest_json.to_string()).expect("written");
        let run = home.run(&["findings", "--from", &folder, "-o", "json"]);
        let chosen = run.json()["metadata"]["clusters"][0]["bootstrapPolicy"].clone();
        (chosen, run.err.lines().find(|line| line.contains("by itself")).map(str::to_owned))
    };
    assert_eq!(of(json!("v1.36.9")), (json!({"version": "v1.36.3", "by": "version"}), None));
    assert_eq!(of(json!(null)), (json!({"version": "v1.36.3", "by": "content"}), None));
    let (chosen, said) = of(json!("v1.44.1"));
    assert_eq!(chosen, json!({"version": "v1.37.2", "by": "nearest"}));
    let said = said.expect("a warning");
    assert!(
        said.ends_with(
            "what the API server installs by itself is not known for its version, v1.44.1: that \
             of v1.37.2 is taken"
        ),
        "{said}"
    );
    let known = home.run(&["info", "-o", "json"]).json()["bootstrapPolicies"].clone();
    assert_eq!(known, json!(["v1.34.4", "v1.35.4", "v1.36.3", "v1.37.2"]));
}

#[test]
fn a_log_that_covers_too_little_is_incomplete() {
    let home = Home::new();
    let (objects, log) = home.world();
    let days = |days: &str| {
        home.run(&["who", "--from", &objects, "--audit", &log, "--require-coverage", days])
    };
    days("100").ends_with(0);
    let short = days("101").ends_with(4);
    assert!(
        short.err.contains("audit log: partial: covers 100 days of the 101 required"),
        "{}",
        short.err
    );
    let none = home.run(&["who", "--from", &objects, "--require-coverage", "1"]).ends_with(4);
    assert!(none.err.contains("name a log with --audit"), "{}", none.err);
    let variable = home
        .command(&["who", "--from", &objects])
        .env("KEYBOOK_REQUIRE_COVERAGE", "1")
        .output()
        .expect("it runs");
    assert_eq!(variable.status.code(), Some(4));
}

#[test]
fn incomplete_goes_before_no() {
    let home = Home::new();
    let objects = without(&home, "RoleBinding");
    home.run(&["findings", "--fail-on", "info", "--from", &objects]).ends_with(4);
    home.run(&["show", "u:nobody", "--from", &objects]).ends_with(4);
}

#[test]
fn a_namespace_that_is_not_there_is_said_where_all_are_known() {
    let home = Home::new();
    let (objects, _) = home.world();
    let said = |objects: &str| {
        let run = home.run(&["who", "-n", "nosuch", "-n", "pay", "--from", objects]);
        let other = home.run(&["who", "-n", "nosuch", "--from", objects]);
        assert!(!run.err.contains("nosuch"), "{}", run.err);
        other.err.contains("there is no namespace nosuch")
    };
    assert!(said(&objects));
    assert!(!said(&without(&home, "Namespace")));
}

#[test]
fn a_filter_asks_for_a_right_as_who_can_does() {
    let home = Home::new();
    let mut objects = world::objects();
    for group in ["x.example.org", "y.example.org"] {
        let rules = json!([{"verbs": ["get"], "apiGroups": [group], "resources": ["gizmos"]}]);
        objects.push(json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": group}, "rules": rules}));
    }
    let objects = home.put("gizmos.json", world::list(&objects));
    let both = |filter: &str, words: &[&str]| {
        let filtered = home.run(&["who", filter, "--from", &objects]);
        let asked = home.run(&[&["who-can"], words, &["--from", &objects]].concat());
        assert_eq!(filtered.code == 2, asked.code == 2, "{filter}");
        assert_eq!(filtered.code == 4, asked.code == 4, "{filter}");
        filtered
    };
    let ambiguous = both("can:get/gizmos", &["get", "gizmos"]).ends_with(2);
    let which = "say which of gizmos.x.example.org, gizmos.y.example.org";
    assert!(ambiguous.err.contains(which), "{}", ambiguous.err);
    both("can:get/gizmos.x.example.org", &["get", "gizmos.x.example.org"]).ends_with(0);
    let unresolved = both("can:get/gears", &["get", "gears"]).ends_with(4);
    assert!(unresolved.err.contains("which API group gears is of"), "{}", unresolved.err);
    both("can:get/pods", &["get", "pods"]).ends_with(0);
}
