//! Secrets that somebody makes or changes, read where pods refer to them.

use super::secrets::token_secret;
use super::twins::{APP, leads, never, pod};
use super::*;

/// A pod of the weak account with that volume, mounted so.
fn with_volume(source: &Value, mount: &Value) -> Value {
    let mut pod = pod("app", "p", "weak", "Running");
    let spec = &mut pod["spec"];
    let volumes = spec["volumes"].as_array_mut().unwrap();
    let mut volume = source.clone();
    volume["name"] = json!("late");
    volumes.push(volume);
    let mut at = json!({"name": "late", "mountPath": "/late"});
    if let Some(more) = mount.as_object() {
        at.as_object_mut().unwrap().extend(more.clone());
        spec["containers"][0]["volumeMounts"].as_array_mut().unwrap().push(at);
    }
    pod
}

fn secret(optional: bool) -> Value {
    json!({"secret": {"secretName": "late", "optional": optional}})
}

fn by_env(optional: bool) -> Value {
    let mut pod = pod("app", "p", "weak", "Running");
    pod["spec"]["containers"][0]["env"] = json!([{"name": "T", "valueFrom":
        {"secretKeyRef": {"name": "late", "key": "token", "optional": optional}}}]);
    pod
}

fn into(resource: &str) -> Value {
    rule(&["create"], "", &[resource])
}

const MADE: [Step; 1] = [Step::MakeTokenSecret];

#[test]
fn a_secret_that_is_made_is_read_in_a_container_that_refers_to_it() {
    let world = |pod: &Value| company().object(pod);
    let rules = || json!([into("secrets"), into("pods/exec")]);
    let whole = json!({});
    let late = with_volume(&secret(true), &whole);
    leads(world(&late), APP, rules(), &MADE);
    leads(world(&late), APP, json!([into("secrets"), named(into("pods/exec"), &["p"])]), &MADE);
    let projected =
        json!({"projected": {"sources": [{"secret": {"name": "late", "optional": true}}]}});
    leads(world(&with_volume(&projected, &whole)), APP, rules(), &MADE);
    never(world(&late), APP, json!([into("secrets"), named(into("pods/exec"), &["q"])]));
    never(world(&late), APP, json!([into("pods/exec")]));
    never(world(&late), APP, json!([into("secrets")]));
    never(world(&late), Some("quiet"), rules());
    let other = named(rule(&["create"], "", &["secrets"]), &["late"]);
    // A plain create carries no name.
    never(world(&late), APP, json!([other, into("pods/exec")]));
    // What a pod that runs cannot do without is there already, whatever it is.
    never(world(&with_volume(&secret(false), &whole)), APP, rules());
    // Of the token there has to be something, and as it is then.
    let part = json!({"subPath": "token"});
    never(world(&with_volume(&secret(true), &part)), APP, rules());
    let mut items = secret(true);
    items["secret"]["items"] = json!([{"key": "ca.crt", "path": "token"}]);
    never(world(&with_volume(&items, &whole)), APP, rules());
    items["secret"]["items"] = json!([{"key": "token", "path": "t"}]);
    leads(world(&with_volume(&items, &whole)), APP, rules(), &MADE);
    let mut unseen = with_volume(&secret(true), &whole);
    unseen["spec"]["containers"][0]["volumeMounts"] = json!([]);
    never(world(&unseen), APP, rules());
    never(world(&by_env(true)), APP, rules());
    let mut done = late.clone();
    done["status"]["phase"] = json!("Succeeded");
    never(world(&done), APP, rules());
    // A name that a token Secret has.
    never(world(&late).object(&token_secret("app", "late", "weak")), APP, rules());
}

#[test]
fn it_is_read_in_a_container_that_starts_anew_or_by_way_of_the_kubelet() {
    let world = |pod: &Value| company().object(pod);
    let image = || json!([into("secrets"), rule(&["patch"], "", &["pods"])]);
    leads(world(&by_env(true)), APP, image(), &MADE);
    never(world(&by_env(false)), APP, image());
    let part = with_volume(&secret(true), &json!({"subPath": "token"}));
    leads(world(&part), APP, image(), &MADE);
    // Not where the pod breaks its level, and so stays as it is.
    let mut breaks = by_env(true);
    breaks["spec"]["containers"][0]["ports"] = json!([{"hostPort": 8080}]);
    never(world(&breaks), APP, image());
    let late = with_volume(&secret(true), &json!({}));
    let proxy =
        |node: &str| json!([into("secrets"), named(rule(&["get"], "", &["nodes/proxy"]), &[node])]);
    leads(world(&late), None, proxy("node-1"), &MADE);
    never(world(&late), None, proxy("node-2"));
    never(world(&by_env(true)), None, proxy("node-1"));
}

#[test]
fn a_token_secret_that_is_made_anothers_is_read_where_it_is_mounted() {
    let world = |optional| {
        let pod = with_volume(&secret(optional), &json!({}));
        company().object(&pod).object(&token_secret("app", "late", "weak"))
    };
    // A PUT is answered with what was sent.
    let update = |name: &str| named(rule(&["update"], "", &["secrets"]), &[name]);
    let by = [Step::ChangeTokenSecret];
    for optional in [true, false] {
        leads(world(optional), APP, json!([update("late"), into("pods/exec")]), &by);
        never(world(optional), APP, json!([update("other"), into("pods/exec")]));
        never(world(optional), APP, json!([update("late"), rule(&["get"], "", &["pods/exec"])]));
    }
    let unmounted = company()
        .object(&pod("app", "p", "weak", "Running"))
        .object(&token_secret("app", "late", "weak"));
    never(unmounted, APP, json!([update("late"), into("pods/exec")]));
}

#[test]
fn a_node_reads_what_its_pods_refer_to() {
    const AUTH: &str = "authentication.k8s.io";
    let late = || company().object(&with_volume(&secret(true), &Value::Null));
    let be = |node: &str| named(rule(&["impersonate:arbitrary-node"], AUTH, &["nodes"]), &[node]);
    let read =
        |name: &str| named(rule(&["impersonate-on:arbitrary-node:get"], "", &["secrets"]), &[name]);
    let by = [Step::NodeSecret];
    leads(late(), None, json!([into("secrets"), be("node-1"), read("late")]), &by);
    never(late(), None, json!([into("secrets"), be("node-2"), read("late")]));
    never(late(), None, json!([into("secrets"), be("node-1"), read("other")]));
    never(late(), None, json!([be("node-1"), read("late")]));
    never(company(), None, json!([into("secrets"), be("node-1"), read("late")]));
}
