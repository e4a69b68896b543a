//! Clusters that share logs, and people whom another server let in.

use serde_json::json;

use super::*;
use crate::model::Identity;

/// A controller's request, at a minute of the morning.
fn controller(uid: &str, minute: u32) -> Line {
    let name = "system:serviceaccount:kube-system:namespace-controller";
    Line::new(&format!("{uid}-{minute}"), "list", "/api/v1/namespaces")
        .at(&format!("2026-05-04T09:{minute:02}:00.000000Z"))
        .set("user", json!({"username": name, "uid": uid, "groups": ["system:serviceaccounts"]}))
}

fn log(uid: &str, minutes: std::ops::RangeInclusive<u32>) -> String {
    minutes.map(|minute| controller(uid, minute).text()).collect()
}

#[test]
fn plain_logs_of_two_clusters_are_told_apart() {
    let inputs = || {
        vec![
            input("a/1.log", log("uid-a", 0..=20)),
            input("b.log", log("uid-b", 5..=59)),
            input("a/2.log", log("uid-a", 21..=40)),
            input("quiet.log", Line::new("x", "get", "/api/v1/nodes/n").text()),
        ]
    };
    let error = read_inputs(inputs(), &options(), &()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the audit logs are of 2 clusters: the service account kube-system/namespace-controller \
         has as many uids at the same time, one in a/1.log, a/2.log; one in b.log; name the logs \
         of one, or --audit-cluster with any name to read them as if they were of one"
    );
    let chosen = Options { cluster: Some("any".into()), ..options() };
    assert_eq!(read_inputs(inputs(), &chosen, &()).unwrap().coverage().events, 41 + 55 + 1);
    // One that was made anew is one cluster's.
    let anew = vec![input("a.log", log("uid-a", 0..=20) + &log("uid-b", 21..=59))];
    assert_eq!(read_inputs(anew, &options(), &()).unwrap().coverage().events, 60);
}

#[test]
fn a_store_takes_in_one_cluster() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.log", "b.log"].map(|name| folder.path().join(name));
    std::fs::write(&paths[0], log("uid-a", 0..=40)).unwrap();
    std::fs::write(&paths[1], log("uid-b", 5..=59)).unwrap();
    let mut store = crate::store::Store::open(&folder.path().join("store.sqlite")).unwrap();
    let turn = store.turn().unwrap();
    let [one, other] = paths.map(SourceSpec::Path);
    store.ingest(&[one], &options(), &(), &turn).unwrap();
    let error = store.ingest(&[other], &options(), &(), &turn).unwrap_err();
    assert!(error.to_string().contains("are of 2 clusters"), "{error}");
    assert_eq!(store.activity(&options()).unwrap().unwrap().coverage().events, 41);
}

/// As OpenShift's oauth-server writes a login.
fn login(id: &str, user: &str, decision: &str) -> Line {
    Line::new(id, "post", "/login/corp?then=%2Foauth%2Fauthorize")
        .user("system:anonymous", &["system:unauthenticated"])
        .code(302)
        .set(
            "annotations",
            json!({"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": "",
                "authentication.openshift.io/decision": decision,
                "authentication.openshift.io/username": user}),
        )
}

#[test]
fn who_logged_in_was_there_and_used_no_right() {
    let lines = [
        login("a", "dev@corp.example", "allow"),
        login("a", "dev@corp.example", "allow").received(),
        login("b", "root", "deny"),
        login("c", "root", "error"),
        login("d", "", "allow"),
        // What anybody else's line says of logins is of no account.
        login("e", "root", "allow").user("eve", &["devs"]),
    ];
    let activity = activity(&lines);
    let counts = |who: Identity| -> (u64, u64) {
        let rows = activity.uses().filter(|row| *activity.identity(row.authenticated) == who);
        rows.fold((0, 0), |sum, row| (sum.0 + row.allowed, sum.1 + row.undecided))
    };
    assert_eq!(counts(Identity::user("dev@corp.example")), (0, 1));
    assert_eq!(counts(Identity::user("system:anonymous")), (3, 0));
    assert_eq!(counts(Identity::user("eve")), (1, 0));
    assert_eq!(counts(Identity::user("root")), (0, 0));
}
