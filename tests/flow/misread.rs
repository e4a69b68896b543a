//! What a tired person could misread and act on wrongly: what is not known said as no, one name
//! taken for another, a screen that does not say where it is.

use keybook::audit;
use keybook::book::{Book, Changes, Inputs, LogChange, LogState};
use keybook::model::{Health, ListKind, ListState, Object, Policy, RoleKind, Snapshot};
use keybook::tui::effect::{Effect, Msg};
use keybook::tui::state::FeedId;
use serde_json::{Value, json};
use std::sync::Arc;

use super::support::invented::{LogPart, book_of, now, snapshot, whole};
use super::support::stage::Stage;

const SMALL: (u16, u16) = (80, 24);

/// The invented cluster with some lists not whole.
fn lacking(lists: &[(ListKind, Health)]) -> Snapshot {
    let mut snapshot = snapshot();
    for (kind, health) in lists {
        snapshot.lists.insert(*kind, ListState::because(*health, "no answer within 30s"));
    }
    snapshot
}

/// The same without the roles of one list.
fn without_roles(list: ListKind, kind: RoleKind) -> Arc<Book> {
    let mut snapshot = lacking(&[(list, Health::Forbidden)]);
    let keys: Vec<_> = snapshot.objects.roles.keys().filter(|key| key.0 == kind).cloned().collect();
    for key in keys {
        snapshot.objects.roles.remove(&key);
    }
    book_of(snapshot, &LogPart::Whole)
}

/// The row of a list that has some text in it.
fn row(stage: &Stage, with: &str) -> String {
    let text = stage.text();
    let found = text.lines().find(|line| line.contains(with));
    found.unwrap_or_else(|| panic!("no {with:?} on\n{text}")).to_owned()
}

#[test]
fn a_role_whose_list_is_missing_is_not_said_to_be_gone() {
    let mut stage = Stage::new(&without_roles(ListKind::Roles, RoleKind::Role), SMALL);
    // Its only grant is of a Role.
    assert!(row(&stage, "sa:pay/batch").contains("not known"), "{}", stage.text());
    stage.command("show user:zoe@corp.example").keys("tab");
    let text = stage.text();
    assert!(text.contains("role unknown") && !text.contains("no such role"), "{text}");
    assert!(!text.contains("grants nothing"), "{text}");
    stage.keys("d");
    let text = stage.text();
    assert!(text.contains("what it grants is not known"), "{text}");
    // Where the list is whole, the role is gone, and that is said.
    let mut stage = Stage::new(&whole(), SMALL);
    stage.command("show user:zoe@corp.example").keys("tab");
    assert!(stage.text().contains("no such role"), "{}", stage.text());
}

#[test]
fn holding_nothing_is_only_said_where_every_list_is_whole() {
    let book = without_roles(ListKind::ClusterRoles, RoleKind::ClusterRole);
    let mut stage = Stage::new(&book, SMALL);
    assert!(row(&stage, "sa:shop/removed").contains("not known"), "{}", stage.text());
    stage.command("show sa:shop/removed");
    let text = stage.text();
    assert!(text.contains("Nothing that is known"), "{text}");
    assert!(!text.contains("Holds nothing"), "{text}");
}

#[test]
fn bindings_that_are_missing_make_every_tier_a_lower_bound() {
    let snapshot = lacking(&[(ListKind::ClusterRoleBindings, Health::Forbidden)]);
    let book = book_of(snapshot, &LogPart::Whole);
    let stage = Stage::new(&book, SMALL);
    assert!(row(&stage, "sa:ci/deployer").contains("≥"), "{}", stage.text());
    // More than everything there is not.
    assert!(row(&stage, "gone@corp.example").contains(" cluster-admin"), "{}", stage.text());
    assert!(!row(&stage, "gone@corp.example").contains('≥'), "{}", stage.text());
    let bar = row(&stage, "Identities");
    assert!(bar.contains("Identities ≥11") && bar.contains("admin ≥"), "{bar}");
}

#[test]
fn nothing_known_is_no_zero() {
    for (health, count, said) in [
        (Health::Loading, "admin …", "waiting for https://test-eu.corp.example:6443"),
        (Health::Failed, "admin ?", "no answer within 30s"),
    ] {
        let kinds: Vec<_> = ListKind::ALL.into_iter().map(|kind| (kind, health)).collect();
        let mut snapshot = lacking(&kinds);
        snapshot.objects = keybook::model::Objects::default();
        let stage = Stage::new(&book_of(snapshot, &LogPart::None), SMALL);
        let text = stage.text();
        assert!(text.contains(count), "{text}");
        assert!(text.contains(said), "{text}");
        assert!(!text.contains("Identities 0"), "{text}");
    }
}

/// A cluster in which everybody of some names may look.
fn named(names: &[&str]) -> Arc<Book> {
    let mut snapshot = snapshot();
    let subjects: Vec<Value> = names
        .iter()
        .map(|name| json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": name}))
        .collect();
    let binding = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "look-alikes"}, "subjects": subjects,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "viewer"}});
    let version = "rbac.authorization.k8s.io/v1";
    let object = Object::read(version, "ClusterRoleBinding", &binding).unwrap().unwrap();
    snapshot.objects.insert(object);
    book_of(snapshot, &LogPart::None)
}

#[test]
fn a_name_is_not_taken_for_another() {
    let names = [
        "sa:ci/deployer",
        "group:pay-team",
        "jane@corp.example ",
        "j\u{430}ne@corp.example",
        "jane\u{a0}@corp.example",
    ];
    let mut stage = Stage::new(&named(&names), (120, 40));
    stage.command("who-can list pods -n kube-system");
    let text = stage.text();
    for shown in [
        " user:sa:ci/deployer ",
        " user:group:pay-team ",
        " jane@corp.example ",
        " jane@corp.example\\u{20} ",
        " j\\u{430}ne@corp.example ",
        " jane\\u{a0}@corp.example ",
    ] {
        assert!(text.contains(shown), "{shown:?} is not on\n{text}");
    }
}

/// A group's grant that one member used five minutes ago; another is in the group by a given map.
fn credited_by_a_group() -> Arc<Book> {
    let time = "2026-05-06T14:15:00.000000Z";
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": "a",
        "stage": "ResponseComplete", "requestURI": "/api/v1/namespaces/pay/pods", "verb": "list",
        "user": {"username": "busy@corp.example", "groups": ["pay-team", "system:authenticated"]},
        "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl/v1.36.0",
        "objectRef": {"resource": "pods", "apiVersion": "v1", "namespace": "pay"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": time, "stageTimestamp": time,
        "annotations": {"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason":
            "RBAC: allowed by RoleBinding \"team/pay\" of ClusterRole \"viewer\" to Group \"pay-team\""},
    });
    let bytes = Box::new(std::io::Cursor::new(format!("{event}\n").into_bytes()));
    let input = audit::Input { name: "audit.log".into(), bytes };
    let activity = audit::read_inputs(vec![input], &audit::Options::new(now()), &()).unwrap();
    let mut policy = Policy::default();
    policy.groups.insert("idle@corp.example".into(), vec!["pay-team".into()]);
    Arc::new(Book::build(Inputs {
        snapshot: snapshot().into(),
        activity: Some(Arc::new(activity)),
        log: LogState::Ready,
        policy: policy.into(),
        now: now(),
    }))
}

#[test]
fn what_others_of_a_group_did_is_not_said_of_one() {
    // The group's grant was credited; who the page is of may never have used it.
    let mut stage = Stage::new(&credited_by_a_group(), (120, 24));
    stage.command("show user:idle@corp.example").keys("tab");
    let row = row(&stage, "team");
    assert!(row.contains("5m any"), "{row}");
    stage.command("show group:pay-team").keys("tab");
    let text = stage.text();
    assert!(text.contains("5m") && !text.contains("5m any"), "{text}");
}

#[test]
fn nobody_is_idle_without_a_log() {
    for (log, said) in
        [(LogPart::None, "idle –"), (LogPart::Reading, "idle …"), (LogPart::Whole, "idle 2")]
    {
        let stage = Stage::new(&book_of(snapshot(), &log), SMALL);
        assert!(row(&stage, "Identities").contains(said), "{}", stage.text());
    }
}

#[test]
fn never_is_only_said_by_a_log() {
    let mut stage = Stage::new(&book_of(snapshot(), &LogPart::None), SMALL);
    stage.command("show sa:ci/deployer").keys("tab d");
    let text = stage.text();
    assert!(text.contains("Last credited no log"), "{text}");
    assert!(!text.contains("never") && !text.contains("Requests"), "{text}");
    let mut stage = Stage::new(&book_of(snapshot(), &LogPart::Reading), SMALL);
    stage.command("show sa:ci/deployer").keys("tab");
    assert!(row(&stage, "ci ").contains('…'), "{}", stage.text());
    stage.keys("esc d");
    assert!(stage.text().contains("Last seen     …"), "{}", stage.text());
}

#[test]
fn the_cluster_is_named_on_the_smallest_screen() {
    let stage = Stage::new(&whole(), (40, 10));
    let text = stage.text();
    let first = text.lines().next().unwrap();
    assert!(first.starts_with(" test-eu  lists 18/18 "), "{text}");
    // Below it, what is needed is said as far as there is room.
    for (size, said) in [((8, 2), "40x10"), ((5, 1), "40x10"), ((20, 5), "ctrl-c\nquits")] {
        let text = Stage::new(&whole(), size).text();
        assert!(text.contains(said), "{size:?}: {text}");
    }
}

#[test]
fn hints_say_what_the_key_does_here() {
    let mut stage = Stage::new(&whole(), (60, 24));
    stage.command("show sa:ci/deployer").keys("y");
    let text = stage.text();
    assert!(text.contains("/ search") && !text.contains("/ filter"), "{text}");
    // A line that goes on is seen to, and the key that shows the rest.
    assert!(text.contains("l → more"), "{text}");
    stage.keys(&"l ".repeat(200));
    assert!(stage.text().contains("← h more"), "{}", stage.text());
}

/// The invented cluster after a binding is gone.
fn after_a_revoke(of: &Arc<Book>) -> Arc<Book> {
    let mut snapshot = (*of.snapshot).clone();
    let keys: Vec<_> = snapshot.objects.bindings.keys().cloned().collect();
    for key in keys.into_iter().filter(|key| &*key.2 == "migration-2024") {
        snapshot.objects.bindings.remove(&key);
    }
    Arc::new(of.advance(Changes {
        snapshot: snapshot.into(),
        activity: LogChange::Same,
        log: of.log.clone(),
        policy: of.policy.clone(),
        now: of.now,
    }))
}

#[test]
fn a_text_is_of_now_not_of_when_it_was_opened() {
    let before = whole();
    let after = after_a_revoke(&before);
    let mut stage = Stage::new(&before, SMALL);
    stage.command("show user:gone@corp.example").keys("tab y");
    assert!(stage.text().contains("name: migration-2024"), "{}", stage.text());
    stage.send(Msg::Book(FeedId(0), after.clone()));
    let text = stage.text();
    assert!(text.contains("1 grant no longer there"), "{text}");
    assert!(!text.contains("name: migration-2024"), "{text}");
    // One that is opened over it and the same after a Book that changes nothing stay as they are.
    let tag = stage.state.tag;
    stage.send(Msg::Book(FeedId(0), after));
    assert!(stage.text().contains("1 grant no longer there"));
    assert!(stage.state.tag > tag);
}

#[test]
fn marks_that_are_not_in_sight_are_told_and_counted() {
    let before = whole();
    let mut stage = Stage::new(&before, (110, 24));
    // The first three, then a filter that leaves one of them.
    stage.keys("space space space /").type_text("jane").keys("enter");
    assert!(row(&stage, "Identities").contains("✓ 3 marks, 2 not listed"), "{}", stage.text());
    stage.keys("c");
    let Some(Effect::Copy(names)) = stage.outside.last() else {
        panic!("nothing was copied");
    };
    assert_eq!(names.lines().count(), 3, "{names}");
    assert!(names.starts_with("user:jane@corp.example\n"), "{names}");
    assert!(stage.text().contains("3 names (2 of them not listed)"), "{}", stage.text());
    // Where the filter leaves nobody, they are all there still.
    let copied = stage.outside.len();
    stage.keys("/").type_text("nosuchname").keys("enter c");
    assert_eq!(stage.outside.len(), copied + 1, "{}", stage.text());
    // Whoever is gone is not counted.
    let mut stage = Stage::new(&before, (110, 24));
    stage.keys("space space");
    stage.send(Msg::Book(FeedId(0), after_a_revoke(&before)));
    let bar = row(&stage, "Identities");
    assert!(bar.contains("✓ 1 mark") && !bar.contains("not listed"), "{bar}");
}

#[test]
fn a_log_of_minutes_covers_no_zero_days() {
    let mut stage = Stage::new(&credited_by_a_group(), SMALL);
    let text = stage.text();
    assert!(text.contains("log <1d") && text.contains("not in <1d"), "{text}");
    stage.command("show sa:ci/deployer").keys("tab tab");
    assert!(stage.text().contains("covers less than a day"), "{}", stage.text());
}
