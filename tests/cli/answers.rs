//! What each command prints of the small world. The goldens were worked out by hand.

use serde_json::{Value, json};

use super::Home;
use super::world;

#[test]
fn who_as_a_table() {
    let home = Home::new();
    let (objects, log) = home.world();
    let run = home.run(&["who", "--from", &objects, "--audit", &log]).ends_with(0);
    insta::assert_snapshot!("who_table", run.out);
    insta::assert_snapshot!("who_stderr", run.err);
    let wide = home.run(&["who", "--from", &objects, "--audit", &log, "-o", "wide"]).ends_with(0);
    insta::assert_snapshot!("who_wide", wide.out);
    let bare = home.run(&["who", "--from", &objects, "--audit", &log, "--no-headers"]).ends_with(0);
    assert_eq!(bare.out.lines().count() + 1, run.out.lines().count());
}

#[test]
fn who_for_programs() {
    let home = Home::new();
    let (objects, log) = home.world();
    let run = |form: &str| {
        home.run(&["who", "--from", &objects, "--audit", &log, "-o", form]).ends_with(0).out
    };
    insta::assert_snapshot!("who_csv", run("csv"));
    insta::assert_snapshot!("who_name", run("name"));
    let place = home.path().display().to_string();
    let json = run("json");
    insta::assert_snapshot!("who_json", json.replace(&place, "DIR"));
    let from_json: Value = serde_json::from_str(&json).expect("JSON");
    let from_yaml: Value = yaml_serde::from_str(&run("yaml")).expect("YAML");
    assert_eq!(from_json, from_yaml);
}

#[test]
fn without_a_log_signs_of_life_keep_their_source() {
    let home = Home::new();
    let (objects, _) = home.world();
    let run = home.run(&["who", "--from", &objects]).ends_with(0);
    insta::assert_snapshot!("who_no_log", run.out);
    assert!(run.err.contains("no audit log"), "{}", run.err);
    let json = home.run(&["who", "--from", &objects, "-o", "json"]).ends_with(0).json();
    assert_eq!(json["metadata"]["coverage"], Value::Null);
    let web = json["items"]
        .as_array()
        .expect("items")
        .iter()
        .find(|item| item["identity"]["name"] == "web");
    let web = web.expect("listed");
    assert_eq!(web["activity"], Value::Null);
    assert_eq!(web["hints"][0]["source"], "legacyTokenLastUsed");
}

#[test]
fn who_takes_the_filters_of_the_terminal() {
    let home = Home::new();
    let (objects, log) = home.world();
    let names = |filter: &[&str]| {
        let mut words =
            vec!["who", "--from", &objects, "--audit", &log, "-o", "name", "--sort", "name"];
        words.extend(filter);
        home.run(&words).ends_with(0).out.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(names(&["jane"]), ["user:jane@corp.example"]);
    assert_eq!(names(&["kind:sa"]), ["sa:pay/batch", "sa:pay/web"]);
    assert_eq!(names(&["can:get/secrets@pay", "kind:sa"]), ["sa:pay/batch"]);
    // jane holds it by her group.
    assert_eq!(
        names(&["-n", "shop", "kind:user"]),
        ["user:jane@corp.example", "user:zoe@corp.example"]
    );
    assert_eq!(names(&["-n", "shop", "-n", "pay", "kind:sa"]), ["sa:pay/batch", "sa:pay/web"]);
    assert_eq!(names(&["-A", "-n", "shop", "kind:sa"]), ["sa:pay/batch", "sa:pay/web"]);
    let bad = home.run(&["who", "kind:robot", "--from", &objects]).ends_with(2);
    assert!(bad.err.contains("kind:robot"), "{}", bad.err);
}

#[test]
fn show_one_identity_whole() {
    let home = Home::new();
    let (objects, log) = home.world();
    let run = home.run(&["show", "user:jane@corp.example", "--from", &objects, "--audit", &log]);
    insta::assert_snapshot!("show_jane", run.ends_with(0).out);
    let json = home
        .run(&["show", "s:pay/batch", "--from", &objects, "--audit", &log, "-o", "json"])
        .ends_with(0)
        .json();
    let item = &json["items"][0];
    assert_eq!(
        item["permissions"],
        json!([{
        "verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": [],
        "nonResourceURLs": [], "scope": {"namespace": "pay"},
        "via": {"bindingKind": "RoleBinding", "binding": "vault", "bindingNamespace": "pay",
            "roleKind": "Role", "role": "vault", "aggregatedFrom": null,
            "subject": {"kind": "ServiceAccount", "name": "batch", "namespace": "pay"}},
        "use": {"state": "unused", "allowed": 0, "lastUsed": null}}])
    );
    assert_eq!(
        item["uses"],
        json!([{
        "verb": "list", "apiGroup": "", "resource": "secrets", "subresource": null,
        "namespace": "shop", "name": null, "folded": null, "nonResourceURL": null,
        "allowed": 0, "denied": 1, "undecided": 0,
        "firstSeen": "2026-03-30T11:00:00Z", "lastSeen": "2026-03-30T11:00:00Z"}])
    );
    // A dangling grant is shown although it gives nothing.
    let zoe = home.run(&["show", "u:zoe@corp.example", "--from", &objects]).ends_with(0);
    assert!(zoe.out.contains("Role gone (not there)"), "{}", zoe.out);
}

#[test]
fn a_stranger_is_not_found_and_a_bare_name_is_explained() {
    let home = Home::new();
    let (objects, _) = home.world();
    let run = home.run(&["show", "user:nobody@corp.example", "--from", &objects]).ends_with(1);
    assert_eq!(run.out, "");
    assert!(run.err.contains("is named by no binding"), "{}", run.err);
    let run = home.run(&["show", "jane", "--from", &objects]).ends_with(2);
    assert!(run.err.contains("did you mean user:jane@corp.example?"), "{}", run.err);
    let run = home.run(&["show", "pay/batch", "--from", &objects]).ends_with(2);
    assert!(run.err.contains("did you mean sa:pay/batch?"), "{}", run.err);
}

#[test]
fn can_says_yes_and_by_what() {
    let home = Home::new();
    let (objects, log) = home.world();
    let ask = |words: &[&str]| {
        let mut all = vec!["can", "--from", &objects, "--audit", &log];
        all.extend(words);
        home.run(&all)
    };
    let yes = ask(&["u:jane@corp.example", "get", "pods"]).ends_with(0);
    insta::assert_snapshot!("can_yes", yes.out);
    ask(&["u:jane@corp.example", "get", "pods", "-n", "pay"]).ends_with(0);
    // By the group that the log shows.
    ask(&["u:jane@corp.example", "list", "po", "-n", "shop"]).ends_with(0);
    let no = ask(&["u:jane@corp.example", "delete", "pods"]).ends_with(1);
    assert_eq!(no.out, "no\n");
    ask(&["u:jane@corp.example", "get", "pods", "-n", "other"]).ends_with(1);
    // Nobody need exist to be asked about.
    ask(&["u:stranger@corp.example", "get", "pods", "--groups", "stranger@corp.example=ops"])
        .ends_with(0);
    // A rule with names: what it depends on is said.
    let named = home.put(
        "named.json",
        world::list(&[
            world::cluster_role(
                "named",
                &json!([{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": ["x"],
                    "verbs": ["list", "create"]}]),
            ),
            world::binding(None, "named", ("ClusterRole", "named"), &json!([world::user("eve")])),
        ]),
    );
    let listing = ask(&["u:eve", "list", "cm", "--from", &named]).ends_with(0);
    assert!(listing.out.contains("only with a field selector on metadata.name"), "{}", listing.out);
    ask(&["u:eve", "create", "cm", "x", "--from", &named]).ends_with(1);
    ask(&["g:ops", "get", "pods"]).ends_with(0);
    ask(&["u:root", "get", "/healthz"]).ends_with(0);
    let json = ask(&["s:pay/batch", "get", "secrets", "-o", "json"]).ends_with(0).json();
    assert_eq!(json["kind"], "Access");
    assert_eq!(json["items"][0]["allowed"], true);
    assert_eq!(json["items"][0]["ways"][0]["scope"]["namespace"], "pay");
    assert_eq!(json["items"][0]["ways"][0]["via"]["binding"], "vault");
}

#[test]
fn a_no_is_one_by_rbac_where_the_log_shows_another_authorizer() {
    let home = Home::new();
    let (objects, log) = home.world();
    let mut by_iam = super::world::event(
        9,
        "2026-03-31T11:30:00.000000Z",
        ("jane@corp.example", &["system:authenticated"]),
        ("delete", "pay", "pods"),
        true,
    );
    by_iam["annotations"]["authorization.k8s.io/reason"] =
        "access granted by IAM permissions.".into();
    let also = home.put("iam.log", format!("{by_iam}\n"));
    let ask = |words: &[&str]| {
        let mut all = words.to_vec();
        all.extend(["--from", &objects, "--audit", &log, "--audit", &also]);
        home.run(&all)
    };
    let no = ask(&["can", "u:jane@corp.example", "delete", "pods"]).ends_with(1);
    assert_eq!(no.out, "no by RBAC\n");
    let said = "no by RBAC, not known otherwise: GKE IAM (seen in the log) may allow it";
    assert!(no.err.contains(said), "{}", no.err);
    let json = ask(&["can", "u:jane@corp.example", "delete", "pods", "-o", "json"]).json();
    assert_eq!(json["items"][0]["rbacOnly"], true);
    assert_eq!(
        json["metadata"]["clusters"][0]["authorizers"],
        json!(["GKE IAM (seen in the log)"])
    );
    let who = ask(&["who-can", "delete", "pods"]).ends_with(0);
    assert!(who.err.contains("not known otherwise: GKE IAM (seen in the log) may allow more"));
}

#[test]
fn who_can_lists_everybody_with_each_way() {
    let home = Home::new();
    let (objects, log) = home.world();
    let run =
        home.run(&["who-can", "get", "pods", "--from", &objects, "--audit", &log]).ends_with(0);
    insta::assert_snapshot!("who_can", run.out);
    let name = home
        .run(&["who-can", "get", "secrets", "-n", "pay", "--from", &objects, "-o", "name"])
        .ends_with(0);
    assert_eq!(name.out, "user:root\ngroup:system:masters\nsa:pay/batch\n");
    let nobody = home.run(&["who-can", "get", "pods/nonsense", "--from", &objects, "-o", "json"]);
    assert_eq!(nobody.json()["kind"], "HolderList");
}

#[test]
fn findings_and_the_severity_that_fails() {
    let home = Home::new();
    let (objects, log) = home.world();
    let run = |more: &[&str]| {
        let mut words = vec!["findings", "--from", &objects, "--audit", &log];
        words.extend(more);
        home.run(&words)
    };
    let all = run(&["-o", "json"]).ends_with(0).json();
    let severities: Vec<&str> = all["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["severity"].as_str())
        .collect();
    assert!(!severities.is_empty());
    let rules: Vec<&str> = all["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["rule"].as_str())
        .collect();
    assert!(rules.contains(&"dangling-role"), "{rules:?}");
    let order = ["critical", "high", "medium", "low", "info"];
    let places: Vec<usize> = severities
        .iter()
        .filter_map(|severity| order.iter().position(|one| one == severity))
        .collect();
    assert!(places.is_sorted(), "{severities:?}");
    let worst = places.iter().min().copied().expect("some");
    run(&["--fail-on", order[worst]]).ends_with(1);
    if worst > 0 {
        run(&["--fail-on", order[worst - 1]]).ends_with(0);
    }
    run(&["--fail-on", "info"]).ends_with(1);
}

#[test]
fn a_snapshot_gives_the_same_answers_as_what_it_was_made_of() {
    let home = Home::new();
    let (objects, log) = home.world();
    let dir = home.path().join("saved").display().to_string();
    let saved = home.run(&["snapshot", "--out", &dir, "--from", &objects]).ends_with(0);
    assert_eq!(saved.out, "");
    assert!(saved.err.contains("read them with --from"), "{}", saved.err);
    for words in [["who", "-o", "json"], ["who", "-o", "wide"], ["findings", "-o", "json"]] {
        let ask = |from: &str| {
            let mut all = words.to_vec();
            all.extend(["--from", from, "--audit", &log]);
            // Commands are for what was asked.
            home.run(&all).ends_with(0).out.replace(&format!("--from {from}"), "--from IT")
        };
        assert_eq!(ask(&dir), ask(&objects));
    }
    // Nothing of the Secret is in it.
    for entry in std::fs::read_dir(&dir).expect("there") {
        let text = std::fs::read_to_string(entry.expect("readable").path()).expect("text");
        assert!(!text.contains("bm90LWEtdG9rZW4"), "{text}");
    }
    let taken = home.put("mine/notes.txt", "mine");
    let dir = std::path::Path::new(&taken).parent().expect("has one").display().to_string();
    let refused = home.run(&["snapshot", "--out", &dir, "--from", &objects]).ends_with(2);
    assert!(refused.err.contains("nothing was written"), "{}", refused.err);
}

#[test]
fn the_demo_answers_too() {
    let home = Home::new();
    let run = home.run(&["who", "--demo", "-o", "name"]).ends_with(0);
    assert!(run.out.lines().count() > 100);
    home.run(&["who", "--demo", "--from", "x"]).ends_with(2);
}

#[test]
fn names_that_would_drive_a_terminal_or_a_spreadsheet_do_not() {
    let home = Home::new();
    let names = [
        "\u{1b}[31mred",
        "over\u{202e}ride",
        "line\nbreak",
        "=1+1",
        "yes",
        "0777",
        "1e3",
        "日本",
        "null",
    ];
    let long = "x".repeat(253);
    let subjects: Vec<Value> =
        names.iter().map(|name| world::user(name)).chain([world::user(&long)]).collect();
    let objects = home.put(
        "world.json",
        world::list(&[
            world::cluster_role(
                "r",
                &json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]),
            ),
            world::binding(None, "b", ("ClusterRole", "r"), &json!(subjects)),
        ]),
    );
    for form in ["table", "wide", "name", "csv", "json", "yaml"] {
        let run = home.run(&["who", "--from", &objects, "-o", form]);
        let raw = run.out.chars().find(|c| matches!(c, '\u{1b}' | '\u{202e}'));
        assert_eq!(raw, None, "{form}: {}", run.out);
        assert!(run.out.contains(&long), "{form}");
    }
    let json = home.run(&["who", "--from", &objects, "-o", "json"]).json();
    let yaml = home.run(&["who", "--from", &objects, "-o", "yaml"]).out;
    let yaml: Value = yaml_serde::from_str(&yaml).expect("YAML");
    assert_eq!(json, yaml);
    let read: Vec<&str> = json["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter_map(|item| item["identity"]["name"].as_str())
        .collect();
    assert!(names.iter().all(|name| read.contains(name)), "{read:?}");
    let csv = home.run(&["who", "--from", &objects, "-o", "csv"]).out;
    assert!(csv.contains("\nfiles,user:=1+1,") || csv.contains(",user:=1+1,"), "{csv}");
}

#[test]
fn no_name_passes_for_a_line_of_what_is_said_beside() {
    let home = Home::new();
    let line = "incomplete: nothing, all is well";
    let evil = format!("x\n{line}\u{2028}{line}\r{line}");
    let objects = home.put(
        "world.json",
        world::list(&[
            json!({"apiVersion": "v1", "kind": evil, "metadata": {"name": "o"}}),
            json!({"apiVersion": evil, "kind": "Role", "metadata": {"name": evil}, "rules": 1}),
            world::binding(None, "b", ("ClusterRole", "r"), &json!([world::user(&evil)])),
        ]),
    );
    let log = home.put(&format!("log\n{line}"), "broken");
    for words in [&["who"][..], &["show", "x"], &["findings"], &["can", "u:a", "get", "pods"]] {
        let mut all = words.to_vec();
        all.extend(["--from", &objects, "--audit", &log]);
        let run = home.run(&all);
        assert!(!run.err.lines().any(|said| said.starts_with(line)), "{words:?}: {}", run.err);
        assert!(!run.err.contains('\r'), "{}", run.err);
    }
}
