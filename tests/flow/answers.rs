//! Looking closer: who else, yaml, describe, copy, commands.

use keybook::tui::effect::Effect;

use super::support::invented;
use super::support::stage::Stage;

fn stage() -> Stage {
    Stage::new(&invented::whole(), (100, 30))
}

#[test]
fn who_else_asks_for_the_verb_and_answers() {
    let mut stage = stage();
    stage.command("show sa:pay/batch").keys("w");
    // One verb, one namespace, two names: asked at once, for every name.
    let shown = stage.text();
    assert!(shown.contains("who can get secrets in pay"), "{shown}");
    for name in [
        "gone@corp.example",
        "jane@corp.example",
        "group:platform",
        "sa:ci/deployer",
        "sa:pay/batch",
    ] {
        assert!(shown.contains(name), "{name} in {shown}");
    }
    assert!(shown.contains("5 can"), "{shown}");
    stage.keys("esc esc").command("show sa:ci/deployer").keys("w j enter");
    assert!(stage.text().contains("who can list secrets"), "{}", stage.text());
}

#[test]
fn an_answer_is_filtered_and_sorted() {
    let mut stage = stage();
    stage.command("who-can get secrets -n pay").keys("/").type_text("sa:").keys("enter");
    let shown = stage.text();
    assert!(shown.contains("sa:pay/batch") && !shown.contains("gone@corp.example"));
    stage.keys("shift-t");
    let shown = stage.text();
    let first = shown.find("sa:ci/deployer").unwrap();
    assert!(first < shown.find("sa:pay/batch").unwrap(), "last seen first: {shown}");
}

#[test]
fn what_cannot_be_asked_says_why() {
    let mut stage = stage();
    for (command, said) in [
        ("who-can get", "expected VERB RESOURCE"),
        ("can jane get pods", "does not name an identity"),
        ("show user:nobody@x", "is not among the identities listed"),
        ("show", "expected one IDENTITY"),
        ("who tier:god", "position 6"),
        ("users now", "takes nothing behind it"),
        ("snapshot", "expected --out DIR"),
        ("check x", "run keybook check FILE in a shell"),
        ("demo", "run keybook demo in a shell"),
        ("cluster x", "there is only one cluster"),
        ("xyzzy", "no such command"),
        ("split", "split is the key s here, on a row; keybook split --help says how"),
        ("ingest", "ingest is for the shell; keybook ingest --help says how"),
        ("revoke", "revoke is the key r here, on a row"),
    ] {
        stage.command(command);
        assert!(stage.text().contains(said), "{command}: {}", stage.text());
        assert!(stage.outside.is_empty(), "{command}");
    }
}

#[test]
fn the_yaml_is_of_what_grants_it_and_reads_back_equal() {
    let mut stage = stage();
    stage.command("show sa:pay/batch").keys("y c");
    let Some(Effect::Copy(text)) = stage.outside.last() else {
        panic!("nothing was copied");
    };
    let documents: Vec<&str> = text.split("---\n").collect();
    assert_eq!(documents.len(), 2);
    let read = |text: &str| -> serde_json::Value { yaml_serde::from_str(text).unwrap() };
    let binding = read(documents[0]);
    assert_eq!(binding["kind"], "RoleBinding");
    assert_eq!(binding["metadata"]["name"], "batch");
    assert_eq!(binding["subjects"][0]["name"], "batch");
    let role = read(documents[1]);
    assert_eq!(role["rules"][0]["resourceNames"], serde_json::json!(["db", "mail"]));
}

#[test]
fn a_binding_to_nothing_says_so() {
    let mut stage = stage();
    stage.command("show user:zoe@corp.example").keys("tab y");
    assert!(stage.text().contains("# Role never-made: there is no such role"), "{}", stage.text());
}

#[test]
fn can_answers_by_what() {
    let mut stage = stage();
    stage.command("can user:jane@corp.example delete nodes");
    let shown = stage.text();
    assert!(
        shown.contains("yes") && shown.contains("ops → cluster-admin by group:platform"),
        "{shown}"
    );
    stage.keys("esc").command("can sa:pay/batch delete pods -n pay");
    assert!(stage.text().lines().any(|line| line.trim() == "no"), "{}", stage.text());
}

#[test]
fn what_is_under_the_cursor_is_copied() {
    let mut stage = stage();
    stage.keys("c");
    assert!(
        matches!(stage.outside.last(), Some(Effect::Copy(text)) if text == "user:gone@corp.example")
    );
    stage.command("show sa:ci/deployer").keys("c");
    assert!(matches!(stage.outside.last(), Some(Effect::Copy(text)) if text == "secrets"));
    assert!(stage.text().contains("copied secrets"));
}

#[test]
fn a_snapshot_is_saved_of_the_cluster_shown() {
    let mut stage = stage();
    stage.command("snapshot --out there");
    let Some(Effect::Save { feed, dir, .. }) = stage.outside.last() else {
        panic!("nothing was saved");
    };
    assert_eq!((feed.0, dir.to_str()), (0, Some("there")));
}

#[test]
fn findings_lead_to_whom_they_are_about() {
    let mut stage = stage();
    stage.keys("f /").type_text("dangling-role").keys("enter enter");
    let shown = stage.text();
    assert!(shown.contains("zoe@corp.example") && shown.contains("never-made"), "{shown}");
    stage.keys("y");
    assert!(stage.text().contains("name: ghost"), "{}", stage.text());
}

#[test]
fn texts_are_searched() {
    let mut stage = stage();
    stage.command("show sa:ci/deployer").keys("y /").type_text("SECRETS").keys("enter");
    let first = stage.state.layers.last().cloned();
    stage.keys("n n shift-n");
    let shown = stage.text();
    assert!(shown.lines().any(|line| line.starts_with('▌') && line.contains("secrets")), "{shown}");
    drop(first);
    stage.keys("/ ctrl-u").type_text("nowhere").keys("enter n");
    assert!(stage.text().contains("is not in this text"));
}

#[test]
fn a_filter_by_a_right_says_what_it_does_not_know() {
    let mut stage = stage();
    stage.keys("/").type_text("can:get/nosuch").keys("enter");
    let text = stage.text();
    // The invented cluster is read from files: what is served is not known.
    assert!(text.contains("! which API group nosuch is of is not known"), "{text}");
    stage.keys("/ ctrl-u").type_text("can:get/pods/gears kind:sa").keys("enter");
    let text = stage.text();
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("whether the server serves pods/gears is not known"), "{said}");
    stage.keys("/ ctrl-u").type_text("can:get/pods").keys("enter");
    assert!(!stage.text().contains("not known"), "{}", stage.text());
}
