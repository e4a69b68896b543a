//! No secret of the cluster is on a screen.

use keybook::model::Object;

use super::support::stage::Stage;
use super::support::{canary, invented};

#[test]
fn no_screen_shows_a_secret() {
    let mut snapshot = invented::snapshot();
    for value in canary::objects() {
        let (version, kind) = (value["apiVersion"].as_str(), value["kind"].as_str());
        let object = Object::read(version.unwrap_or_default(), kind.unwrap_or_default(), &value);
        snapshot.objects.insert(object.expect("read").expect("a kind that is read"));
    }
    let book = invented::book_of(snapshot, &invented::LogPart::Whole);
    let mut stage = Stage::new(&book, (400, 200));
    let mut seen = String::new();
    let mut look = |stage: &Stage| seen.push_str(&stage.text());
    for command in ["show sa:inv/robot", "credentials", "findings", "grants", "who"] {
        stage.command(command);
        for _ in 0..9 {
            for keys in ["y", "esc", "d", "esc", "tab"] {
                stage.keys(keys);
                look(&stage);
            }
        }
        stage.command("who").keys("esc");
    }
    stage.command("credentials").keys("/").type_text("robot-token").keys("enter r p");
    look(&stage);
    assert!(seen.contains("robot-token") && seen.contains("kind: ClusterRoleBinding"), "{seen}");
    assert_eq!(canary::found(&seen), [""; 0], "{seen}");
}
