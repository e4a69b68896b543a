//! A split by somebody who lacks a right, and one whose request for a token is refused, throttled,
//! failed or lost on the way.

use serde_json::{Value, json};

use super::faults::{Act, Faulty};
use super::splitting::{ACTORS, Driver, state, strs, words, world};
use super::{Desk, RBAC, binding, cluster, user};
use crate::support::cluster::Cluster;

/// Where the account's use is in the log; and a plan that splits ana off.
fn planned(cluster: &Cluster, desk: &Desk) -> String {
    let log = cluster.audit_log().display().to_string();
    let plan = desk.folder.path().join("plan.yaml");
    let _ = std::fs::remove_file(&plan);
    let plan = plan.display().to_string();
    let mut all = words(&log, &plan);
    // Of four actors the first.
    all.truncate(all.len() - 7);
    desk.keybook(&strs(&all)).ends_with(0);
    plan
}

fn driven() -> Option<Cluster> {
    let cluster = cluster()?;
    let lines: Vec<String> = world().iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
    Driver::new(&cluster).drive(&ACTORS[..1]);
    Some(cluster)
}

#[test]
fn what_a_split_takes_is_asked_for_before_anything_is_made() {
    let Some(cluster) = driven() else { return };
    let rule = |verbs: &[&str], group: &str, resources: &[&str]| json!({"verbs": verbs, "apiGroups": [group], "resources": resources});
    let rbac = "rbac.authorization.k8s.io";
    let roles = ["clusterroles", "roles", "clusterrolebindings", "rolebindings"];
    let reads = rule(&["get", "list", "watch"], "*", &["*"]);
    let paths = json!({"verbs": ["get"], "nonResourceURLs": ["*"]});
    let write = rule(&["create", "delete"], rbac, &roles);
    let objects = rule(&["create", "delete"], "", &["serviceaccounts", "secrets"]);
    let token = rule(&["create"], "", &["serviceaccounts/token"]);
    let reviews = rule(&["create"], "authorization.k8s.io", &["*"]);
    let escalate = rule(&["escalate", "bind"], rbac, &roles);
    let has = |more: &[&Value]| {
        let all = [&[&reads, &paths, &reviews, &write], more].concat();
        let made = json!({"apiVersion": RBAC, "kind": "ClusterRole",
            "metadata": {"name": "operate"}, "rules": all});
        cluster.kubectl_with(&["apply", "-f", "-"], &made.to_string())
    };
    has(&[]);
    cluster
        .load(&binding(None, "operate", "operate", &json!([user("op@corp.example")])).to_string());
    let desk = Desk::new(cluster.client_cert("op@corp.example", &[]).kubeconfig);
    let plan = planned(&cluster, &desk);
    let out = desk.folder.path().join("out").display().to_string();
    let before = state(&cluster);
    let missing = |more: &[&Value], words: &str| {
        assert!(has(more).status.success());
        crate::support::process::await_some("the authorizer to catch up", || {
            let ran = desk.keybook(&["apply", &plan, "--out", &out, "--yes", "tests"]);
            (ran.code == Some(5) && ran.err.contains(words)).then_some(())
        });
        let mut now = state(&cluster);
        now.remove(&operate());
        let mut then = before.clone();
        then.remove(&operate());
        assert_eq!(now, then, "{words}");
        assert!(!std::path::Path::new(&out).exists());
    };
    missing(&[], "you may not create serviceaccounts in namespace keys");
    missing(&[&objects], "you may not create serviceaccounts/token \"ana\" in namespace keys");
    missing(&[&objects, &token], "It takes the right to escalate roles.rbac.authorization.k8s.io");
    assert!(has(&[&objects, &token, &escalate]).status.success());
    crate::support::process::await_some("the right to escalate", || {
        let can = ["auth", "can-i", "escalate", "roles.rbac.authorization.k8s.io", "-n", "team"];
        let as_op = [&["--as", "op@corp.example"], &can[..]].concat();
        cluster.kubectl(&as_op).status.success().then_some(())
    });
    desk.keybook(&["apply", &plan, "--out", &out, "--yes", "tests"]).ends_with(0);
}

/// How [`state`] calls the operator's own role.
fn operate() -> String {
    "\"ClusterRole\" null \"operate\"".to_owned()
}

#[test]
fn whatever_happens_to_a_request_for_a_token_a_kubeconfig_is_written_once_or_not_at_all() {
    let Some(cluster) = driven() else { return };
    let faulty = Faulty::start(&cluster);
    let mut desk = Desk::new(cluster.kubeconfig());
    desk.by(&faulty.kubeconfig());
    let before = state(&cluster);
    // How often a token is asked for, and whether the run comes to its end by itself.
    let cases: [(&[Act], usize, bool); 7] = [
        (&[Act::Answer(429, Some(1))], 2, true),
        (&[Act::Answer(500, None), Act::ResetBefore], 3, true),
        // It was made, and nobody has it.
        (&[Act::ResetAfter], 2, true),
        (&[Act::Answer(403, None)], 1, false),
        (&[Act::Answer(409, None)], 1, false),
        // An answer that is none.
        (&[Act::Answer(200, None)], 1, false),
        (&[Act::ResetAfter; 5], 5, false),
    ];
    for (at, (trouble, asked, ends)) in cases.into_iter().enumerate() {
        let run = (2 * at + 1).to_string();
        let plan = planned(&cluster, &desk);
        let out = desk.folder.path().join(format!("out-{at}"));
        let files = || {
            let all = std::fs::read_dir(&out).expect("a folder").flatten();
            all.map(|entry| entry.file_name()).collect::<Vec<_>>()
        };
        // An account, its Secret, a role and a binding come first.
        faulty.next(&[&[Act::Pass; 4], trouble].concat());
        let to = out.display().to_string();
        let ran = desk.keybook(&["apply", &plan, "--out", &to, "--yes", "faulty"]);
        let writes = faulty.writes();
        let tokens = writes.iter().filter(|line| line.ends_with("/serviceaccounts/ana/token"));
        assert_eq!(tokens.count(), asked, "{trouble:?}: {writes:?}\n{}", ran.err);
        faulty.next(&[]);
        if ends {
            ran.ends_with(0);
        } else {
            ran.ends_with(5).says("stopped at step 5");
            assert!(files().is_empty(), "{trouble:?}");
            desk.keybook(&["apply", "--finish", &run, "--yes", "faulty"]).ends_with(0);
        }
        assert_eq!(files(), ["ana.kubeconfig"], "{trouble:?}");
        desk.keybook(&["undo", &run, "--yes", "faulty"]).ends_with(0);
        assert_eq!(state(&cluster), before, "{trouble:?}");
    }
}
