//! What everybody can become, in the list: worked out beside it, never taken for more than it is.

use std::sync::Arc;

use chrono::TimeDelta;
use keybook::book::Book;
use keybook::model::{BindingKind, Object, Snapshot};
use keybook::tui::effect::Msg;
use keybook::tui::state::FeedId;
use serde_json::{Value, json};

use super::support::invented::{self, LogPart};
use super::support::stage::Stage;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// The invented cluster where kim, who reads Pods, may also make tokens for an account of
/// cluster-admin, in a namespace where nobody else may do anything.
fn snapshot() -> Snapshot {
    let mut snapshot = invented::snapshot();
    let one_rule = |group: &str, resource: &str, name: Option<&str>, verb: &str| {
        json!([{"apiGroups": [group], "resources": [resource], "verbs": [verb],
            "resourceNames": name.into_iter().collect::<Vec<_>>()}])
    };
    let role = |name: &str, rules: Value| {
        json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": name, "namespace": "vault"},
            "rules": rules})
    };
    let binding = |name: &str, role: &str| {
        json!({"apiVersion": RBAC, "kind": "RoleBinding", "metadata": {"name": name, "namespace": "vault"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
            "subjects": [{"kind": "User", "name": "kim@corp.example"}]})
    };
    for object in [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vault"}}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"name": "root", "namespace": "vault"}}),
        json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": "root"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "root", "namespace": "vault"}]}),
        role("minter", one_rule("", "serviceaccounts/token", Some("root"), "create")),
        role("pod-reader", one_rule("", "pods", None, "get")),
        binding("kim-mints", "minter"),
        binding("kim-reads", "pod-reader"),
    ] {
        let text = |name: &str| object[name].as_str().expect("text").to_owned();
        let read = Object::read(&text("apiVersion"), &text("kind"), &object);
        snapshot.objects.insert(read.expect("an object").expect("a known kind"));
    }
    snapshot
}

fn book(snapshot: &Snapshot) -> Arc<Book> {
    invented::book_of(snapshot.clone(), &LogPart::Whole)
}

/// The row of kim.
fn kim(stage: &Stage) -> String {
    let text = stage.text();
    let row = text.lines().find(|line| line.contains("kim@corp.example"));
    row.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// What the chip says.
fn chip(stage: &Stage) -> String {
    let text = stage.text();
    let after = text.split(" reach ").nth(1).unwrap_or_else(|| panic!("{text}"));
    after.split_whitespace().next().expect("a word").to_owned()
}

fn found(stage: &mut Stage, filter: &str) -> String {
    stage.keys("/ ctrl-u").type_text(filter).keys("enter");
    stage.text()
}

#[test]
fn who_can_become_more_is_marked_counted_and_found_once_that_is_known() {
    let stage = Stage::new(&invented::whole(), (110, 30));
    let before: usize = chip(&stage).parse().expect("a count");

    let mut stage = Stage::new(&book(&snapshot()), (110, 30));
    assert_eq!(chip(&stage), (before + 1).to_string());
    let row = kim(&stage);
    assert!(row.contains("namespace write→"), "{row}");
    let listed = found(&mut stage, "finding:reach kim");
    assert!(listed.contains("kim@corp.example"), "{listed}");
    let others = found(&mut stage, "!finding:reach kim");
    assert!(others.contains("nobody matches"), "{others}");
    // On its own screens as on the list.
    let page = stage.command("show user:kim@corp.example").text();
    assert!(page.contains("→ · "), "{page}");
}

#[test]
fn what_is_being_worked_out_is_shown_as_not_known() {
    let mut stage = Stage::new(&invented::whole(), (110, 30));
    stage.hold = true;
    let count = chip(&stage);
    assert!(count.parse::<usize>().is_ok(), "{count}");
    // Other objects: what was worked out of the old ones stands, and is marked.
    stage.send(Msg::Book(FeedId(0), book(&snapshot())));
    assert_eq!(chip(&stage), format!("{count}…"));
    assert!(!kim(&stage).contains('→'), "{}", kim(&stage));
    // Not again at once, but soon.
    let soon = stage.state.now + TimeDelta::seconds(1);
    stage.send(Msg::Tick(soon));
    assert!(stage.held.is_empty(), "{:?}", stage.held);
    stage.send(Msg::Tick(soon + TimeDelta::seconds(2)));
    assert_eq!(stage.held.len(), 1);
    stage.release();
    let more: usize = count.parse().expect("a count");
    assert_eq!(chip(&stage), (more + 1).to_string());
    assert!(kim(&stage).contains('→'), "{}", kim(&stage));
    // And gone with the grant.
    let mut less = snapshot();
    less.objects.bindings.remove(&(BindingKind::RoleBinding, "vault".into(), "kim-mints".into()));
    stage.send(Msg::Tick(stage.state.now + TimeDelta::hours(1)));
    stage.send(Msg::Book(FeedId(0), book(&less)));
    assert_eq!(chip(&stage), count);
    assert!(!kim(&stage).contains('→'), "{}", kim(&stage));
}

#[test]
fn it_waits_for_the_log_which_says_who_is_in_which_group() {
    let reading = invented::book_of(snapshot(), &LogPart::Reading);
    let mut stage = Stage::new(&reading, (110, 30));
    assert_eq!(chip(&stage), "…");
    stage.send(Msg::Book(FeedId(0), book(&snapshot())));
    let all: usize = chip(&stage).parse().expect("a count");
    assert_eq!(stage.state.feeds[0].book.as_ref().expect("a book").counts().reach, all);
    // Of a Book that knows of other members it is another matter.
    let without = invented::book_of(snapshot(), &LogPart::None);
    stage.hold = true;
    stage.send(Msg::Book(FeedId(0), without));
    assert_eq!(chip(&stage), format!("{all}…"));
}

#[test]
fn of_several_grants_that_close_a_way_one_is_chosen_to_be_cut() {
    let mut stage = Stage::new(&book(&snapshot()), (110, 30));
    stage.command("show user:kim@corp.example").keys("tab tab tab tab");
    let staged = |stage: &Stage| -> Vec<String> {
        stage.state.staged.keys().map(|(_, wish)| wish.words()).collect()
    };
    stage.keys("r");
    let shown = stage.text();
    assert!(shown.contains("cut by taking away"), "{shown}");
    assert!(shown.contains("RoleBinding vault/kim-mints to user:kim@corp.example"), "{shown}");
    assert!(shown.contains("ClusterRoleBinding root to sa:vault/root"), "{shown}");
    stage.keys("esc");
    assert!(staged(&stage).is_empty());
    stage.keys("r enter");
    assert_eq!(staged(&stage), ["revoke rb:vault/kim-mints=user:kim@corp.example"]);
    stage.keys("r j enter");
    let both = ["revoke crb:root=sa:vault/root", "revoke rb:vault/kim-mints=user:kim@corp.example"];
    assert_eq!(staged(&stage), both);
}

#[test]
fn the_grants_to_cut_are_listed_with_who_loses_by_each() {
    let mut stage = Stage::new(&book(&snapshot()), (110, 30));
    stage.command("reach");
    let shown = stage.text();
    assert!(shown.contains("Grants to cut "), "{shown}");
    stage.keys("/").type_text("kim-mints").keys("enter");
    let shown = stage.text();
    assert!(shown.contains("Grants to cut 1"), "{shown}");
    assert!(shown.contains("RoleBinding vault/kim-mints"), "{shown}");
    assert!(shown.contains("kim@corp.example (cluster-admin → "), "{shown}");
    stage.keys("r");
    let staged: Vec<String> = stage.state.staged.keys().map(|(_, wish)| wish.words()).collect();
    assert_eq!(staged, ["revoke rb:vault/kim-mints=user:kim@corp.example"]);
    let shown = stage.text();
    let row = shown.lines().find(|line| line.starts_with('▌')).expect("a row");
    assert_eq!(row.chars().nth(1), Some('~'), "{row}");
    stage.keys("esc");
    assert!(!stage.text().contains("/ kim-mints"), "{}", stage.text());
    stage.command("reach user:kim@corp.example");
    assert!(stage.text().contains("→ cluster-admin in 1 step"), "{}", stage.text());
}

#[test]
fn there_is_no_cut_to_be_had_where_no_way_leads_anywhere() {
    let foot = |stage: &Stage| stage.text().lines().last().unwrap_or_default().to_owned();
    let mut stage = Stage::new(&book(&snapshot()), (80, 24));
    stage.command("reach user:kim@corp.example");
    assert!(foot(&stage).contains(" r cut "), "{}", stage.text());
    let mut plain = snapshot();
    let key = (BindingKind::RoleBinding, "vault".into(), "kim-mints".into());
    plain.objects.bindings.remove(&key);
    let mut stage = Stage::new(&book(&plain), (80, 24));
    stage.command("reach user:kim@corp.example");
    let shown = stage.text();
    assert!(shown.contains("It cannot become more than it is: "), "{shown}");
    assert!(!foot(&stage).contains(" cut "), "{shown}");
}

#[test]
fn every_tab_is_in_sight_whatever_is_in_them() {
    let mut stage = Stage::new(&book(&snapshot()), (80, 24));
    stage.command("show sa:vault/root");
    for _ in 0..8 {
        let shown = stage.text();
        let tabs = shown.lines().find(|line| line.contains("Permissions")).expect("tabs");
        for tab in ["Grants", "Activity", "Credentials", "Reach", "Workloads", "Findings", "Groups"]
        {
            assert!(tabs.contains(tab), "{tab}: {tabs}");
        }
        stage.keys("tab");
    }
}
