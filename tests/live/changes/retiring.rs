//! A shared account that was split is retired in stages, as their days come.

use std::path::Path;

use serde_json::{Value, json};

use super::splitting::{ACTORS, Driver, opened, world};
use super::{Desk, cluster};
use crate::support::process::{await_some, run};
use crate::support::schemas::fits;

/// What `due` says in so many days.
fn due(desk: &Desk, days: i64, code: i32) -> Value {
    due_by(desk, "", days, code)
}

/// The same by a policy.
fn due_by(desk: &Desk, policy: &str, days: i64, code: i32) -> Value {
    let mut command = desk.command(&["due", "-o", "json"]);
    command.env("KEYBOOK_POLICY", policy);
    let then = chrono::Utc::now() + chrono::TimeDelta::days(days);
    command.env("KEYBOOK_NOW", then.to_rfc3339());
    let output = run(command, "");
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let said = serde_json::from_slice(&output.stdout).expect("JSON");
    fits("due-list.json", &said);
    said
}

#[test]
fn an_account_that_was_split_is_retired_stage_by_stage() {
    let Some(cluster) = cluster() else { return };
    let lines: Vec<String> = world().iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
    let driver = Driver::new(&cluster);
    let (ana, ci) = (&ACTORS[0], &ACTORS[3]);
    let tokens = [driver.token(ana), driver.token(ci)];
    for (actor, token) in [ana, ci].into_iter().zip(&tokens) {
        driver.does(actor, token);
    }
    driver.await_logged(4);
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let file = |name: &str| desk.folder.path().join(name).display().to_string();
    let plan = file("plan.yaml");
    let words = [
        "split",
        "sa:team/ops",
        "--audit",
        &log,
        "--no-store",
        "--out",
        &plan,
        "--into",
        "keys",
        "--actor",
        "ana=127.0.1.11",
        "--actor",
        "ci=127.0.1.40",
        "--retire-after",
        "7",
    ];
    desk.keybook(&words).ends_with(0);
    desk.keybook(&["due"]).ends_with(0).says("nothing is left");
    // An exemption has a last day, and is due when that has ended.
    let policy = file("policy.toml");
    let last = (chrono::Utc::now() + chrono::TimeDelta::days(3)).date_naive();
    let exemption = format!(
        "[[exemptions]]\nrule = \"idle\"\nidentity = \"user:break-glass\"\n\
         owner = \"platform\"\nreason = \"sealed\"\nexpires = {last}\n"
    );
    std::fs::write(&policy, exemption).expect("a policy");
    let ends = due_by(&desk, &policy, 3, 0);
    let ended = due_by(&desk, &policy, 4, 1);
    let after = last.succ_opt().expect("a day");
    for (said, due) in [(ends, false), (ended, true)] {
        assert_eq!(
            said["items"],
            json!([{"kind": "exemption", "notBefore": format!("{after}T00:00:00Z"), "due": due,
                "rule": "idle", "identity": "user:break-glass", "owner": "platform",
                "reason": "sealed", "expires": last.to_string(), "from": format!("{policy}:1")}])
        );
    }
    let out = file("hand-over");
    desk.keybook(&["apply", &plan, "--out", &out, "--yes", "tests"]).ends_with(0);
    // Who may not read the UID of kube-system has another journal: that nothing is due is not known.
    for words in [["due"], ["journal"], ["verify"]] {
        let other = desk.keybook(&[&words[..], &["--as", "nobody@corp.example"]].concat());
        let other = other.ends_with(4).says("the UID of the namespace kube-system");
        other.says("another journal has runs against this API server").says("(1)");
    }
    let stages = due(&desk, 6, 0);
    assert_eq!(stages["items"].as_array().map(Vec::len), Some(2));

    let make = |days: i64, at: &str| {
        let stages = due(&desk, days, 1);
        let stage = &stages["items"][0];
        assert_eq!((&stage["kind"], &stage["due"]), (&json!("stage"), &json!(true)));
        let command = stage["command"].as_str().expect("a command");
        let words: Vec<&str> =
            command.split(' ').skip(1).filter(|word| *word != "retire.yaml").collect();
        let plan = file(at);
        desk.keybook(&[&words[..], &[&plan]].concat()).ends_with(0);
        desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    };
    make(8, "first.yaml");
    // The pipeline's token is refused, and who has one made for the account still comes in.
    await_some("the token to be refused", || {
        (driver.send(&tokens[1], ci, ci.does[0]) == 401).then_some(())
    });
    assert!(!matches!(driver.send(&tokens[0], ana, ana.does[0]), 401 | 403));
    assert_eq!(due(&desk, 8, 0)["items"].as_array().map(Vec::len), Some(1));
    make(15, "second.yaml");
    assert_eq!(driver.send(&tokens[0], ana, ana.does[0]), 403);
    assert_eq!(due(&desk, 99, 0)["items"], json!([]));
    // Those who were split off go on.
    for actor in [ana, ci] {
        let (_, _, token) = opened(Path::new(&format!("{out}/{}.kubeconfig", actor.name)));
        for done in actor.does {
            let status = driver.send(&token, actor, *done);
            assert!(!matches!(status, 401 | 403), "{} {done:?}: {status}", actor.name);
        }
    }
}
