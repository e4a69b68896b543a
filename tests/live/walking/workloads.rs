//! Steps by pods: made, changed and reached into.

use super::case::Case;
use super::pods::workload;
use super::rights::Right;
use super::site::{EMPTY_NODE, NODE, Site};

fn on(verb: &'static str, resource: &'static str) -> Right {
    Right::new(verb, "", resource)
}

/// What makes pods, with its API group.
const MAKERS: [(&str, &str, &str, &str); 7] = [
    ("run-deployment", "change-deployment", "apps", "deployments"),
    ("run-stateful-set", "change-stateful-set", "apps", "statefulsets"),
    ("run-daemon-set", "change-daemon-set", "apps", "daemonsets"),
    ("run-replica-set", "change-replica-set", "apps", "replicasets"),
    ("run-controller", "change-controller", "", "replicationcontrollers"),
    ("run-job", "", "batch", "jobs"),
    ("run-cron-job", "change-cron-job", "batch", "cronjobs"),
];

#[test]
fn pods_run_as_any_account_of_their_namespace() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    Case::to_strong("run-pod", &["run-pod"])
        .right(on("create", "pods"), 0)
        .near("elsewhere", 0, &[on("create", "pods").elsewhere()])
        .near("other verbs", 0, &[on("get", "pods"), on("list", "pods"), on("delete", "pods")])
        .near("subresources", 0, &[on("create", "pods/binding"), on("create", "pods/eviction")])
        .near("another API group", 0, &[Right::new("create", "apps", "pods")])
        .near(
            "a name only, which a plain create does not carry",
            0,
            &[on("create", "pods").named("mine")],
        )
        .run(site);
    Case::to_strong("apply-pod", &["run-pod"])
        .right(on("create", "pods").named("mine"), 0)
        .right(on("patch", "pods").named("mine"), 0)
        .run(site);
}

#[test]
fn workloads_are_made_and_changed_to_run_pods_as_another_account() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    std::thread::scope(|scope| {
        // A CronJob's pod comes with the next minute.
        for (at, (made, changed, group, resource)) in MAKERS.into_iter().enumerate() {
            scope.spawn(move || make(site, made, group, resource));
            // Either verb is enough.
            let verb = if at % 2 == 0 { "patch" } else { "update" };
            if !changed.is_empty() {
                scope.spawn(move || change(site, changed, verb, group, resource));
            }
        }
    });
}

fn make(site: &Site, name: &'static str, group: &'static str, resource: &'static str) {
    Case::to_strong(name, &["run-pod"])
        .right(Right::new("create", group, resource), 0)
        .near("elsewhere", 0, &[Right::new("create", group, resource).elsewhere()])
        .run(site);
}

fn change(
    site: &Site,
    name: &'static str,
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
) {
    let other = if resource == "statefulsets" { "daemonsets" } else { "statefulsets" };
    let right = |resource| Right::new(verb, group, resource);
    let part = |of: &str| right(format!("{resource}/{of}").leak());
    Case::to_strong(name, &["change-workload"])
        .object(workload(resource, name, "web", "default", true))
        .right(right(resource).named("web"), 0)
        .near("another name", 0, &[right(resource).named("x")])
        .near("another kind", 0, &[Right::new(verb, "apps", other).named("web")])
        .near("its status and scale", 0, &[part("status"), part("scale")])
        .near("looking", 0, &[Right::new("get", group, resource)])
        .run(site);
}

#[test]
fn pods_that_run_are_changed() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    for (name, verb) in [("change-pod", "patch"), ("change-pod-by-put", "update")] {
        Case::to_strong(name, &["change-pod"])
            .pod("busy", "strong")
            .pod("weak", "default")
            .right(on(verb, "pods").named("busy"), 0)
            .near("another pod", 0, &[on(verb, "pods").named("weak")])
            .near("elsewhere", 0, &[on(verb, "pods").elsewhere()])
            .near("its status", 0, &[on(verb, "pods/status")])
            .near("a star for subresources, which is none", 0, &[on(verb, "pods/*")])
            .run(site);
    }
    for (name, verb) in [("add-container", "patch"), ("add-container-by-put", "update")] {
        Case::to_strong(name, &["add-container"])
            .pod("busy", "strong")
            .pod("weak", "default")
            .right(on(verb, "pods/ephemeralcontainers").named("busy"), 0)
            .near("another pod", 0, &[on(verb, "pods/ephemeralcontainers").named("weak")])
            .near("create", 0, &[on("create", "pods/ephemeralcontainers")])
            .near("a star for subresources, which is none", 0, &[on(verb, "pods/*")])
            .run(site);
    }
}

#[test]
fn commands_are_run_in_pods() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    Case::to_strong("exec", &["exec"])
        .pod("busy", "strong")
        .pod("weak", "default")
        .right(on("create", "pods/exec").named("busy"), 0)
        .near("another pod", 0, &[on("create", "pods/exec").named("weak")])
        .near("elsewhere", 0, &[on("create", "pods/exec").elsewhere()])
        .near("get alone, by a POST", 0, &[on("get", "pods/exec")])
        .near("a star for subresources, which is none", 0, &[on("create", "pods/*")])
        .near("pods", 0, &[on("get", "pods"), on("list", "pods")])
        .near(
            "other connections",
            0,
            &[on("create", "pods/portforward"), on("create", "pods/proxy"), on("get", "pods/log")],
        )
        .run(site);
}

#[test]
fn commands_are_run_by_way_of_the_kubelet() {
    let Some(site) = Site::shared() else { return };
    // The node has pods of all worlds.
    let _pods = site.without_pods();
    for (name, verb) in [("kubelet", "get"), ("kubelet-by-post", "create")] {
        let on = |verb| Right::new(verb, "", "nodes/proxy").everywhere();
        Case::to_strong(name, &["kubelet"])
            .pod("busy", "strong")
            .right(on(verb).named(NODE), 0)
            .near("another node", 0, &[on(verb).named(EMPTY_NODE)])
            .near("other verbs", 0, &[on("update"), on("patch"), on("delete")])
            .near("nodes", 0, &[Right::new(verb, "", "nodes").everywhere()])
            .near("in a namespace", 0, &[Right::new(verb, "", "nodes/proxy")])
            .near(
                "a star for subresources, which is none",
                0,
                &[Right::new(verb, "", "nodes/*").everywhere()],
            )
            .run(site);
    }
}
