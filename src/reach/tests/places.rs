//! Namespaces that are on their way out, pods that only show what a file on a node says, and what of a
//! pod is to be had at all: worlds and twins.

use super::secrets::token_secret;
use super::twins::{APP, leads, never, pod};
use super::*;

/// The company whose namespace `app` is on its way out.
fn ending() -> World {
    company().object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "app",
        "deletionTimestamp": "2026-05-01T10:00:00Z",
        "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
}

#[test]
fn nothing_is_made_in_a_namespace_that_ends() {
    let mint = || rule(&["create"], "", &["serviceaccounts/token"]);
    let secrets = || rule(&["create", "get"], "", &["secrets"]);
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "app", "name": "web"}});
    let patch = || rule(&["patch"], "apps", &["deployments"]);
    let bind = || {
        json!([
            rule(&["create"], RBAC, &["rolebindings"]),
            rule(&["bind"], RBAC, &["clusterroles"])
        ])
    };
    for (rules, by) in [
        (json!([mint()]), Step::MintToken),
        (json!([rule(&["create"], "", &["pods"])]), Step::RunPod),
        (json!([rule(&["create"], "batch", &["jobs"])]), Step::RunPod),
        (json!([secrets()]), Step::MakeTokenSecret),
        (json!([patch()]), Step::ChangeWorkload),
    ] {
        leads(company().object(&deployment), APP, rules.clone(), &[by]);
        never(ending().object(&deployment), APP, rules);
    }
    leads(company(), APP, bind(), &[Step::Bind, Step::Impersonate]);
    never(ending(), APP, bind());
    // Cluster-wide, by a name that is there only.
    let only = || {
        let quiet = ("quiet", "strong");
        let mut world = ending();
        world.snapshot.objects.service_accounts.remove(&(quiet.0.into(), quiet.1.into()));
        world
    };
    for rules in [
        json!([named(mint(), &["strong"])]),
        json!([mint()]),
        json!([rule(&["create"], "", &["pods"])]),
    ] {
        never(only(), None, rules);
    }
    // What is there is still to be had, and changed.
    let there = || ending().object(&pod("app", "p", "strong", "Running"));
    leads(there(), APP, json!([rule(&["create"], "", &["pods/exec"])]), &[Step::Exec]);
    let add = json!([rule(&["patch"], "", &["pods/ephemeralcontainers"])]);
    leads(there(), APP, add, &[Step::AddContainer]);
    let token = ending().object(&token_secret("app", "t", "strong"));
    leads(token, APP, json!([rule(&["get"], "", &["secrets"])]), &[Step::ReadToken]);
    let act = rule(&["impersonate"], "", &["serviceaccounts"]);
    leads(ending(), APP, json!([act]), &[Step::Impersonate]);
}

/// A pod of a file on its node, with the node.
fn mirror(mut pod: Value, is: bool) -> Value {
    if is {
        pod["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "b5e1"});
    }
    pod
}

#[test]
fn no_token_of_an_account_that_ends_is_taken() {
    let account = |ends: bool| {
        let mut one = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": "app", "name": "strong"}});
        if ends {
            one["metadata"]["deletionTimestamp"] = json!("2026-05-01T10:00:00Z");
            one["metadata"]["finalizers"] = json!(["example.org/hold"]);
        }
        let world = company().object(&pod("app", "p", "strong", "Running"));
        world.object(&token_secret("app", "t", "strong")).object(&one)
    };
    for (verb, resource, by) in [
        ("create", "serviceaccounts/token", Step::MintToken),
        ("create", "pods", Step::RunPod),
        ("create", "pods/exec", Step::Exec),
        ("get", "secrets", Step::ReadToken),
    ] {
        leads(account(false), APP, json!([rule(&[verb], "", &[resource])]), &[by]);
        never(account(true), APP, json!([rule(&[verb], "", &[resource])]));
        let one = named(rule(&[verb], "", &[resource]), &["strong", "p", "t"]);
        never(account(true), APP, json!([one]));
    }
    // Its name is not free yet.
    let mint = rule(&["create"], "", &["serviceaccounts/token", "serviceaccounts"]);
    never(account(true), APP, json!([mint]));
    // In its name a request is made whether it is there or not.
    let act = rule(&["impersonate"], "", &["serviceaccounts"]);
    leads(account(true), APP, json!([act]), &[Step::Impersonate]);
}

#[test]
fn an_added_container_that_has_ended_runs_no_more() {
    let world = |state: Value| {
        let mut agent = pod("app", "agent", "weak", "Running");
        agent["spec"]["ephemeralContainers"] =
            json!([{"name": "look", "securityContext": {"privileged": true}}]);
        agent["status"]["ephemeralContainerStatuses"] = json!([{"name": "look", "state": state}]);
        let world = company().object(&pod("quiet", "busy", "strong", "Running"));
        world.object(&agent)
    };
    let exec = || json!([rule(&["create"], "", &["pods/exec"])]);
    leads(world(json!({"running": {}})), APP, exec(), &[Step::HostPod]);
    leads(world(json!({"waiting": {}})), APP, exec(), &[Step::HostPod]);
    never(world(json!({"terminated": {"exitCode": 0}})), APP, exec());
}

/// Until its grace is over, which its deletionTimestamp says, a pod's containers run.
#[test]
fn a_pod_on_its_way_out_is_there_until_its_grace_is_over() {
    let world = |until: &str| {
        let mut going = pod("app", "p", "strong", "Running");
        going["metadata"]["deletionTimestamp"] = json!(until);
        let mut world = company().object(&going);
        world.snapshot.taken_at = Some("2026-05-01T10:00:00Z".parse().unwrap());
        world
    };
    let exec = || json!([rule(&["create"], "", &["pods/exec"])]);
    leads(world("2026-05-01T10:40:00Z"), APP, exec(), &[Step::Exec]);
    leads(world("2026-05-01T09:59:30Z"), APP, exec(), &[Step::Exec]);
    never(world("2026-05-01T09:58:00Z"), APP, exec());
    // No container of it is started any more.
    for change in ["pods", "pods/ephemeralcontainers"] {
        never(world("2026-05-01T10:40:00Z"), APP, json!([rule(&["patch"], "", &[change])]));
    }
}

/// An account may be held to the Secrets that it lists: a container that is added names no other.
#[test]
fn pods_that_are_held_to_their_secrets_see_no_other() {
    let world = |held: &str, secrets: Value| {
        company()
            .object(&json!({"apiVersion": "v1", "kind": "ServiceAccount", "secrets": secrets,
                "metadata": {"namespace": "app", "name": "weak",
                    "annotations": {"kubernetes.io/enforce-mountable-secrets": held}}}))
            .object(&super::secrets::token_secret("app", "t", "strong"))
            .object(&pod("app", "p", "weak", "Running"))
    };
    let add = || json!([rule(&["patch"], "", &["pods/ephemeralcontainers"])]);
    let none = || json!([]);
    leads(world("false", none()), APP, add(), &[Step::AddedSecret]);
    leads(world("yes", none()), APP, add(), &[Step::AddedSecret]);
    never(world("true", none()), APP, add());
    never(world("1", json!([{"name": "other"}])), APP, add());
    leads(world("true", json!([{"name": "t"}])), APP, add(), &[Step::AddedSecret]);
}

#[test]
fn a_mirror_takes_no_change() {
    let mut agent = pod("free", "agent", "weak", "Running");
    agent["spec"]["containers"][0]["securityContext"] = json!({"privileged": true});
    let world = |is: bool| {
        let world = company().object(&pod("quiet", "busy", "strong", "Running"));
        world.namespace("free").object(&mirror(agent.clone(), is))
    };
    let image = || json!([rule(&["patch"], "", &["pods"])]);
    let there = Some("free");
    leads(world(false), there, image(), &[Step::HostPod]);
    never(world(true), there, image());
    for is in [false, true] {
        leads(world(is), there, json!([rule(&["create"], "", &["pods/exec"])]), &[Step::HostPod]);
    }
    // A container is added to none.
    let add = || json!([rule(&["patch"], "", &["pods/ephemeralcontainers"])]);
    let free = |is: bool| {
        let mut plain = pod("free", "p", "weak", "Running");
        plain["spec"]["containers"] = json!([{"name": "c"}]);
        let world = company().object(&pod("quiet", "busy", "strong", "Running"));
        world.namespace("free").object(&mirror(plain, is))
    };
    leads(free(false), Some("free"), add(), &[Step::HostPod]);
    never(free(true), Some("free"), add());
    let secret = |is: bool| {
        let world = company().object(&token_secret("app", "t", "strong"));
        world.object(&mirror(pod("app", "p", "weak", "Running"), is))
    };
    leads(secret(false), APP, add(), &[Step::AddedSecret]);
    never(secret(true), APP, add());
}

#[test]
fn init_containers_have_ended() {
    let with = |kind: &str, restart: Option<&str>| {
        let mut spec = mounted("strong");
        let container = spec["containers"][0].take();
        let other = json!({"name": "other", "securityContext": container["securityContext"]});
        spec["containers"] = json!([other]);
        spec[kind] = json!([container]);
        if kind == "containers" {
            spec["containers"] = json!([container, other]);
        }
        if let Some(restart) = restart {
            spec[kind][0]["restartPolicy"] = json!(restart);
        }
        let mut one = pod("app", "p", "strong", "Running");
        one["spec"] = spec;
        company().object(&one)
    };
    let exec = || json!([rule(&["create"], "", &["pods/exec"])]);
    let image = || json!([rule(&["patch"], "", &["pods"])]);
    let kubelet = || json!([rule(&["get"], "", &["nodes/proxy"])]);
    let sidecar = Some("Always");
    for (kind, restart) in [("containers", None), ("initContainers", sidecar)] {
        leads(with(kind, restart), APP, exec(), &[Step::Exec]);
        leads(with(kind, restart), APP, image(), &[Step::ChangePod]);
        leads(with(kind, restart), None, kubelet(), &[Step::Kubelet]);
    }
    never(with("initContainers", None), APP, exec());
    never(with("initContainers", None), APP, image());
    never(with("initContainers", None), None, kubelet());
    // One that was added goes on, and its image never changes.
    leads(with("ephemeralContainers", None), APP, exec(), &[Step::Exec]);
    never(with("ephemeralContainers", None), APP, image());
    // Its volume is there all the same, for one that is added.
    let add = json!([rule(&["patch"], "", &["pods/ephemeralcontainers"])]);
    leads(with("initContainers", None), APP, add, &[Step::AddContainer]);
}

#[test]
fn the_token_of_a_secret_is_one_of_its_keys() {
    let world = |volumes: Value, container: Value| {
        let mut weak = pod("app", "p", "weak", "Running");
        weak["spec"]["volumes"] = volumes;
        weak["spec"]["containers"] = json!([container]);
        company().object(&token_secret("app", "t", "strong")).object(&weak)
    };
    let exec = || json!([rule(&["create"], "", &["pods/exec"])]);
    let has = |volumes: Value, container: Value| {
        leads(world(volumes, container), APP, exec(), &[Step::Exec]);
    };
    let has_not = |volumes: Value, container: Value| never(world(volumes, container), APP, exec());
    let env = |key: &str| {
        json!({"name": "c", "env": [{"name": "T", "valueFrom":
            {"secretKeyRef": {"name": "t", "key": key}}}]})
    };
    has(json!([]), env("token"));
    has_not(json!([]), env("namespace"));
    has_not(json!([]), env("ca.crt"));
    let mount = |part: &str| json!({"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": part}]});
    let items = |key: &str, path: &str| json!([{"name": "v", "secret": {"secretName": "t", "items": [{"key": key, "path": path}]}}]);
    has(items("token", "a/b"), mount(""));
    has(items("token", "a/b"), mount("a"));
    has(items("token", "a/b"), mount("a/b"));
    has_not(items("token", "a/b"), mount("a/c"));
    has_not(items("token", "ab"), mount("a"));
    has_not(items("ca.crt", "token"), mount(""));
    let whole = || json!([{"name": "v", "secret": {"secretName": "t"}}]);
    has(whole(), mount(""));
    has(whole(), mount("token"));
    has_not(whole(), mount("ca.crt"));
    let by_variables = json!({"name": "c", "volumeMounts": [
        {"name": "v", "mountPath": "/v", "subPathExpr": "$(PART)"}]});
    has(whole(), by_variables);
    let projected = |key: &str| {
        json!([{"name": "v", "projected": {"sources": [
            {"secret": {"name": "t", "items": [{"key": key, "path": "x"}]}}]}}])
    };
    has(projected("token"), mount(""));
    has_not(projected("ca.crt"), mount(""));
    // The same of the pod's own.
    let own = |part: &str| {
        let mut strong = pod("app", "p", "strong", "Running");
        strong["spec"]["containers"][0]["volumeMounts"][0]["subPath"] = json!(part);
        company().object(&strong)
    };
    leads(own("token"), APP, exec(), &[Step::Exec]);
    never(own("ca.crt"), APP, exec());
}
