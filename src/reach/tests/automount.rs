//! An account's token that is in none of its pods, because the account says so.

use super::twins::{APP, leads, never};
use super::*;

/// A pod that a controller makes, as the strong account and without its token.
fn made(name: &str, controller: (&str, &str, &str)) -> Value {
    let (version, kind, owner) = controller;
    let mut spec = mounted("strong");
    spec["volumes"] = json!([]);
    spec["containers"][0]["volumeMounts"] = json!([]);
    json!({"apiVersion": "v1", "kind": "Pod", "spec": spec, "status": {"phase": "Running"},
        "metadata": {"namespace": "app", "name": name, "ownerReferences": [{"apiVersion": version,
            "kind": kind, "name": owner, "uid": "1", "controller": true}]}})
}

const REPLICAS: (&str, &str, &str) = ("apps/v1", "ReplicaSet", "web-1");

fn web() -> Value {
    made("web-1-abcde", REPLICAS)
}

fn account(automount: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": automount,
        "metadata": {"namespace": "app", "name": "strong"}})
}

/// The company whose strong account has no token mounted.
fn off(pod: &Value) -> World {
    company().object(&account(&json!(false))).object(pod)
}

fn on(verb: &str, resource: &str) -> Value {
    rule(&[verb], "", &[resource])
}

fn switch() -> Value {
    named(on("patch", "serviceaccounts"), &["strong"])
}

fn delete() -> Value {
    on("delete", "pods")
}

fn exec() -> Value {
    on("create", "pods/exec")
}

const BY: [Step; 1] = [Step::Automount];

#[test]
fn an_accounts_token_is_mounted_into_pods_that_are_made_anew() {
    for verb in ["patch", "update"] {
        let any = on(verb, "serviceaccounts");
        leads(off(&web()), APP, json!([any, delete(), exec()]), &BY);
        leads(off(&web()), APP, json!([named(any.clone(), &["strong"]), delete(), exec()]), &BY);
        never(off(&web()), APP, json!([named(any, &["weak"]), delete(), exec()]));
    }
    leads(off(&web()), None, json!([switch(), delete(), exec()]), &BY);
    never(off(&web()), Some("quiet"), json!([switch(), delete(), exec()]));
    never(off(&web()), APP, json!([delete(), exec()]));
    never(off(&web()), APP, json!([switch(), exec()]));
    never(off(&web()), APP, json!([switch(), delete()]));
    never(off(&web()), APP, json!([on("create", "serviceaccounts"), delete(), exec()]));
    // By whatever the pod goes, and one gets in.
    let one = |rule: Value| named(rule, &["web-1-abcde"]);
    let clears = [one(delete()), on("deletecollection", "pods"), one(on("patch", "pods"))];
    for clear in clears {
        leads(off(&web()), APP, json!([switch(), clear, exec()]), &BY);
    }
    never(off(&web()), APP, json!([switch(), named(delete(), &["other"]), exec()]));
    let add = || on("patch", "pods/ephemeralcontainers");
    leads(off(&web()), APP, json!([switch(), delete(), add()]), &BY);
    leads(off(&web()), APP, json!([switch(), on("patch", "pods")]), &BY);
    // Nobody knows the name of the new pod.
    for enter in [exec(), add(), on("patch", "pods")] {
        never(off(&web()), APP, json!([switch(), one(delete()), one(enter)]));
    }
    never(off(&web()), APP, json!([switch(), delete(), on("get", "pods/exec")]));
    agrees(&jane(off(&web()), APP, &json!([switch(), delete(), exec()])));
}

#[test]
fn those_that_are_made_beside_have_it_too() {
    let deployment = |kind: &str| {
        json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "app",
            "name": "web-1", "ownerReferences": [{"apiVersion": "apps/v1", "kind": kind,
                "name": "web", "uid": "2", "controller": true}]}})
    };
    let scale = |what: &str, name: &str| {
        named(rule(&["patch"], "apps", &[&format!("{what}/scale")]), &[name])
    };
    let with = || off(&web()).object(&deployment("Deployment"));
    leads(with(), APP, json!([switch(), scale("deployments", "web"), exec()]), &BY);
    never(with(), APP, json!([switch(), scale("deployments", "web")]));
    never(with(), APP, json!([scale("deployments", "web"), exec()]));
    never(with(), APP, json!([switch(), scale("deployments", "other"), exec()]));
    // Its Deployment undoes that.
    never(with(), APP, json!([switch(), scale("replicasets", "web-1"), exec()]));
    let rollout = off(&web()).object(&deployment("Rollout"));
    never(rollout, APP, json!([switch(), scale("replicasets", "web-1"), exec()]));
    let alone = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {"namespace": "app", "name": "web-1"}});
    let alone = off(&web()).object(&alone);
    leads(alone, APP, json!([switch(), scale("replicasets", "web-1"), exec()]), &BY);
    agrees(&jane(with(), APP, &json!([switch(), scale("deployments", "web"), exec()])));
}

#[test]
fn who_makes_a_pod_anew_says_under_which_name() {
    let by = |version, kind| made("p-0", (version, kind, "p"));
    let one = |rule: Value| named(rule, &["p-0"]);
    let rules = || json!([switch(), one(delete()), exec()]);
    let same = || json!([switch(), one(delete()), one(exec())]);
    for (version, kind, keeps) in [
        ("apps/v1", "StatefulSet", true),
        ("apps/v1", "DaemonSet", false),
        ("apps/v1", "ReplicaSet", false),
        ("v1", "ReplicationController", false),
    ] {
        leads(off(&by(version, kind)), APP, rules(), &BY);
        if keeps {
            leads(off(&by(version, kind)), APP, same(), &BY);
        } else {
            never(off(&by(version, kind)), APP, same());
        }
    }
    // A further one of a StatefulSet has another.
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"namespace": "app", "name": "p"}});
    let set = || off(&by("apps/v1", "StatefulSet")).object(&set);
    let scale = || rule(&["update"], "apps", &["statefulsets/scale"]);
    leads(set(), APP, json!([switch(), scale(), exec()]), &BY);
    never(set(), APP, json!([switch(), scale(), one(exec())]));
    // Nobody makes another, or it is not sure that somebody does.
    for (version, kind) in [
        ("batch/v1", "Job"),
        ("apps.example.org/v1", "StatefulSet"),
        ("example.org/v1", "Database"),
    ] {
        never(off(&by(version, kind)), APP, rules());
    }
    let mut alone = web();
    alone["metadata"]["ownerReferences"] = json!([]);
    never(off(&alone), APP, json!([switch(), delete(), exec()]));
}

#[test]
fn only_what_the_account_says_is_switched() {
    let rules = || json!([switch(), delete(), exec()]);
    // The pod's own word counts more.
    let mut own = web();
    own["spec"]["automountServiceAccountToken"] = json!(false);
    never(off(&own), APP, rules());
    // The account says nothing: the pods that are made anew are as those that are there.
    never(company().object(&web()), APP, rules());
    never(company().object(&account(&json!(true))).object(&web()), APP, rules());
    // Something of its own is where the token would be.
    let mut place = web();
    place["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "own", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]);
    never(off(&place), APP, rules());
    // A container that ends before another is in it: the volume is there for one that is added.
    let mut first = place.clone();
    first["spec"]["initContainers"] = json!([{"name": "first", "securityContext":
        place["spec"]["containers"][0]["securityContext"]}]);
    never(off(&first), APP, rules());
    let add = json!([switch(), delete(), on("patch", "pods/ephemeralcontainers")]);
    leads(off(&first), APP, add, &BY);
    // The namespace takes no such pod any more, or none at all.
    let mut held = web();
    held["spec"]["hostNetwork"] = json!(true);
    never(off(&held), APP, rules());
    let closing = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app",
        "deletionTimestamp": "2026-05-01T10:00:00Z"}});
    never(off(&web()).object(&closing), APP, rules());
    let mut ended = web();
    ended["status"]["phase"] = json!("Failed");
    never(off(&ended), APP, rules());
}

#[test]
fn each_of_several_does_a_part_of_it() {
    let mint = named(rule(&["create"], "", &["serviceaccounts/token"]), &["weak"]);
    let by = [Step::MintToken, Step::Automount];
    let all = [switch(), delete(), exec()];
    for at in 0..all.len() {
        let other = off(&web()).role("app", "other", &json!([all[at]]));
        let other = other.bind(APP, "other", "Role/other", "sa:app/weak");
        let mut own = all.to_vec();
        own[at] = mint.clone();
        leads(other, APP, json!(own), &by);
    }
    // Each of the grants cuts it.
    let mut world = off(&web());
    for (at, rule) in all.iter().enumerate() {
        let role = format!("g{at}");
        world = world.role("app", &role, &json!([rule]));
        world = world.bind(APP, &role, &format!("Role/{role}"), "user:jane");
    }
    let book = world.book();
    let reach = Reach::new(&book);
    let entry = book.find(&Identity::user("jane")).unwrap();
    let reached = reach.of(entry);
    let way = reached.highest().unwrap();
    let kept = reach.cuts_of(entry, &reached.paths);
    let mut cut: Vec<String> = kept
        .iter()
        .filter(|kept| kept.cuts(way) && kept.closes())
        .map(|kept| book.grant(kept.grant).unwrap().key.binding.to_string())
        .collect();
    cut.sort();
    assert_eq!(cut, ["g0", "g1", "g2", "strong-app"]);
    assert!(!reached.modelled);
}
