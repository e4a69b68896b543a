//! Plans on the demo's cluster: their forms, and what commands that change refuse.

use serde_json::Value;

use super::Home;
use crate::support::schemas::fits;

/// Somebody with a grant of her own, an account that Helm keeps, a token Secret.
const WHAT: [&str; 2] = ["user:gwen@corp.example", "sa:argocd/argocd-application-controller"];

#[test]
fn a_plan_has_the_form_of_its_schema_and_reads_the_same_in_yaml() {
    let home = Home::new();
    let words = [&["revoke", "--demo"][..], &WHAT].concat();
    let json = home.run(&[&words[..], &["-o", "json"]].concat()).ends_with(0).json();
    fits("plan.json", &json);
    let yaml = home.run(&[&words[..], &["-o", "yaml"]].concat()).ends_with(0).out;
    let read: Value = yaml_serde::from_str(&yaml).expect("YAML");
    assert_eq!(read, json);
    for (end, form) in
        [("yaml", &yaml), ("json", &home.run(&[&words[..], &["-o", "json"]].concat()).out)]
    {
        let path = home.path().join(format!("plan.{end}"));
        let out = path.display().to_string();
        home.run(&[&words[..], &["--out", &out]].concat()).ends_with(0);
        assert_eq!(&std::fs::read_to_string(&path).expect("a plan"), form, "{end}");
        // It may have been reviewed since.
        let again = home.run(&["revoke", "user:gwen@corp.example", "--demo", "--out", &out]);
        assert!(again.ends_with(2).err.contains("there is a file of that name"), "{end}");
        assert_eq!(&std::fs::read_to_string(&path).expect("a plan"), form, "{end}");
    }
    let names = home.run(&[&words[..], &["-o", "name"]].concat()).ends_with(0).out;
    assert_eq!(names, "ClusterRoleBinding gwen-migration\n");
    let insisting = [&words[..], &["--despite-owners", "-o", "json"]].concat();
    let insisting = home.run(&insisting).ends_with(0).json();
    fits("plan.json", &insisting);
    assert!(insisting["steps"].as_array().expect("steps").len() > 1, "{insisting}");
}

#[test]
fn a_plan_for_a_person_says_what_is_written_and_what_is_not() {
    let home = Home::new();
    let run = home.run(&[&["revoke", "--demo"][..], &WHAT].concat()).ends_with(0);
    insta::assert_snapshot!("revoke", run.out);
}

#[test]
fn narrowing_says_what_needed_what_stays_and_that_nothing_needed_what_goes() {
    let home = Home::new();
    for what in ["sa:ci/deployer", "clusterrole:ci-deployer"] {
        let json = home.run(&["narrow", what, "--demo", "-o", "json"]).ends_with(0).json();
        fits("plan.json", &json);
    }
    let run = home.run(&["narrow", "clusterrole:ci-deployer", "--demo"]).ends_with(0);
    insta::assert_snapshot!("narrow", run.out);
    for (words, code) in [
        (&["narrow", "user:nobody@corp.example", "--demo"][..], 1),
        (&["narrow", "clusterrole:no-such", "--demo"], 1),
        (&["narrow", "clusterrole:view", "--demo"], 5),
        // Of one object there is one wish.
        (&["narrow", "clusterrole:ci-deployer", "sa:ci/deployer", "--demo"], 2),
    ] {
        let run = home.run(words).ends_with(code);
        assert!(run.err.starts_with("keybook: "), "{}", run.err);
    }
}

#[test]
fn splitting_says_who_gets_what_and_what_nobody_does() {
    let home = Home::new();
    let words = [
        "split",
        "user:ops-shared",
        "--demo",
        "--actor",
        "lee=203.0.113.21",
        "--actor",
        "kim=203.0.113.77",
        "--to",
        "lee=user:lee@corp.example",
        "--into",
        "ci",
    ];
    let json = home.run(&[&words[..], &["-o", "json"]].concat()).ends_with(0).json();
    fits("plan.json", &json);
    let run = home.run(&words).ends_with(0);
    insta::assert_snapshot!("split", run.out);
    // What has to be known first is in sight at 80 columns and 24 rows.
    let screen: Vec<&str> = run.out.lines().take(24).collect();
    let screen = screen.join(" ");
    let screen: String = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in [
        "kim, a person: sa:ci/kim, new, kim.kubeconfig with a token for 30 days",
        "lee, a person: user:lee@corp.example, who comes in as before",
        "gets get, list of pods; get, list of pods/log in namespace payments",
        "of ClusterRoleBinding ops-shared, nobody gets ",
        "user:ops-shared itself stays as it is",
        "to be done by hand: - hand kim.kubeconfig to kim",
        "- tell lee to log in as user:lee@corp.example",
    ] {
        assert!(screen.contains(words), "{words:?} is not in:\n{}", run.out);
    }
    for line in run.out.lines() {
        let words = line.trim_start().split(' ').count();
        assert!(line.chars().count() <= 80 || words == 1, "{line}");
    }
    // Every object is a word away.
    let wide = home.run(&[&words[..], &["-o", "wide"]].concat()).ends_with(0).out;
    assert!(wide.contains("     + kind: ClusterRoleBinding"), "{wide}");
    for (words, code) in [
        (&["split", "user:nobody@corp.example", "--demo", "--into", "ci"][..], 1),
        (&["split", "jane", "--demo"], 2),
        (&["split", "group:ops", "--demo", "--into", "ci"], 2),
        (&["split", "user:ops-shared", "--demo"], 2),
        (&["split", "user:ops-shared", "--demo", "--into", "no-such"], 2),
        (&["split", "user:ops-shared", "--demo", "--actor", "lee"], 2),
        (&["split", "user:ops-shared", "--demo", "--into", "ci", "--token-days", "0"], 2),
        (&["split", "user:ops-shared", "--demo", "--into", "ci", "--unattributed", "eve"], 2),
        (&["split", "user:ops-shared", "--demo", "--into", "ci", "--retire-unattributed"], 2),
    ] {
        let run = home.run(words).ends_with(code);
        assert!(!run.err.is_empty(), "{words:?}");
    }
}

#[test]
fn changes_are_of_one_live_cluster() {
    let home = Home::new();
    let (objects, _) = home.world();
    for words in [
        &["revoke", "user:a", "--from", &objects][..],
        &["revoke", "user:gwen@corp.example", "--demo", "-o", "csv"],
        &["revoke", "user:a", "--all-contexts"],
        &["revoke"],
        &["narrow"],
        &["narrow", "jane", "--demo"],
        &["narrow", "role:x", "--demo"],
        &["narrow", "user:gwen@corp.example", "--demo", "--not-in-logs", "never"],
        &["narrow", "user:a", "--from", &objects],
        &["apply"],
        &["apply", "plan.yaml", "--demo"],
        &["apply", "plan.yaml", "--finish", "1"],
        &["apply", "plan.yaml", "--from", &objects],
        &["apply", "no-such-plan.yaml"],
        &["undo", "one"],
        &["undo", "1", "--demo"],
        &["journal", "--demo"],
        &["verify", "--from", &objects],
    ] {
        let run = home.run(words).ends_with(2);
        assert!(!run.err.is_empty(), "{words:?}");
    }
}

#[test]
fn what_is_no_plan_is_said_before_a_cluster_is_asked() {
    let home = Home::new();
    for (text, code, words) in [
        ("", 2, "empty; give a Plan that keybook revoke, narrow or split wrote"),
        ("# nothing here\n", 5, "it is no Plan of keybook: no apiVersion keybook/v1, kind Plan"),
        ("[]", 5, "it is no Plan of keybook: no apiVersion keybook/v1, kind Plan"),
        ("{", 2, "neither JSON nor YAML"),
        ("apiVersion: v1\nkind: Pod\n", 5, "it is v1 Pod; this keybook reads keybook/v1 Plan"),
    ] {
        let path = home.put("plan.yaml", text);
        let run = home.run(&["apply", &path]).ends_with(code);
        assert!(run.err.contains(words), "{text:?}: {}", run.err);
    }
    let run = home.run(&["apply", "/dev/zero"]).ends_with(2);
    assert!(run.err.contains("more than 256 MiB"), "{}", run.err);
}
