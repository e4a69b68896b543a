//! Pods that break their namespace's Pod Security level stay as they are.

use super::twins::{APP, leads, never, pod};
use super::*;
use crate::book::Severity;
use crate::model::{BindingKind, PodSecurity, PodSecurityLevel as Level};

/// A pod of the strong account with a port of its node, which gives nothing of the node.
fn with_port(ns: &str) -> Value {
    let mut pod = pod(ns, "p", "strong", "Running");
    pod["spec"]["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
    pod
}

/// A namespace `held` with these labels, a strong account and that pod.
fn held(labels: &Value, pod: &Value) -> World {
    company()
        .object(&json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": "held", "labels": labels}}))
        .account("held", "strong")
        .bind(None, "strong-held", "ClusterRole/cluster-admin", "sa:held/strong")
        .object(pod)
}

fn enforce(level: &str) -> Value {
    json!({"pod-security.kubernetes.io/enforce": level})
}

const HELD: Option<&str> = Some("held");

fn ways() -> [(Value, Step); 2] {
    [
        (rule(&["patch"], "", &["pods"]), Step::ChangePod),
        (rule(&["update"], "", &["pods/ephemeralcontainers"]), Step::AddContainer),
    ]
}

#[test]
fn no_image_is_changed_and_no_container_added_where_the_pod_breaks_the_level() {
    let breaks = with_port("held");
    let plain = pod("held", "p", "strong", "Running");
    for (way, step) in ways() {
        let way = || json!([way.clone()]);
        for level in ["baseline", "restricted", "a word"] {
            never(held(&enforce(level), &breaks), HELD, way());
            leads(held(&enforce(level), &plain), HELD, way(), &[step]);
        }
        leads(held(&enforce("privileged"), &breaks), HELD, way(), &[step]);
        leads(held(&json!({}), &breaks), HELD, way(), &[step]);
        let audited = json!({"pod-security.kubernetes.io/audit": "restricted"});
        leads(held(&audited, &breaks), HELD, way(), &[step]);
        // Baseline lets more pass.
        let mut root = plain.clone();
        root["spec"]["securityContext"] = json!({});
        leads(held(&enforce("baseline"), &root), HELD, way(), &[step]);
        never(held(&enforce("restricted"), &root), HELD, way());
    }
    // What runs in it is reached all the same.
    let exec = json!([rule(&["create"], "", &["pods/exec"])]);
    leads(held(&enforce("restricted"), &breaks), HELD, exec, &[Step::Exec]);
    // Nor does such a pod take a container that sees Secrets.
    let secret = super::secrets::token_secret("held", "t", "strong");
    let mut weak = with_port("held");
    weak["spec"]["serviceAccountName"] = json!("weak");
    let world = |level| held(&enforce(level), &weak).account("held", "weak").object(&secret);
    let add = || json!([rule(&["patch"], "", &["pods/ephemeralcontainers"])]);
    leads(world("privileged"), HELD, add(), &[Step::AddedSecret]);
    never(world("baseline"), HELD, add());
}

#[test]
fn a_level_is_of_the_version_that_its_label_says() {
    // Hosts of probes count since 1.34.
    let mut probed = pod("held", "p", "strong", "Running");
    probed["spec"]["containers"][0]["livenessProbe"] =
        json!({"tcpSocket": {"host": "h", "port": 1}});
    // Capabilities count since 1.22.
    let mut capable = pod("held", "p", "strong", "Running");
    let context = &mut capable["spec"]["containers"][0]["securityContext"];
    context.as_object_mut().unwrap().remove("capabilities");
    let patch = || json!([rule(&["patch"], "", &["pods"])]);
    let labels = |version: &str| {
        let mut labels = enforce("restricted");
        labels["pod-security.kubernetes.io/enforce-version"] = json!(version);
        labels
    };
    let change = [Step::ChangePod];
    for (pod, since) in [(&probed, 34), (&capable, 22)] {
        let of = |minor: u32| held(&labels(&format!("v1.{minor}")), pod);
        leads(of(since - 1), HELD, patch(), &change);
        never(of(since), HELD, patch());
        for newest in ["latest", "v1.99", "of our own"] {
            never(held(&labels(newest), pod), HELD, patch());
        }
    }
    // A server applies no rules that it does not know.
    let mut old = held(&labels("latest"), &probed);
    old.snapshot.cluster.server_version = Some("v1.33.0".into());
    leads(old, HELD, patch(), &change);
}

#[test]
fn a_pod_is_changed_once_the_level_is_away() {
    let world = || held(&enforce("restricted"), &with_port("held"));
    let label = || rule(&["patch"], "", &["namespaces"]);
    for (way, step) in ways() {
        let by = [Step::LabelAndChange];
        leads(world(), HELD, json!([label(), way.clone()]), &by);
        leads(world(), None, json!([named(label(), &["held"]), way.clone()]), &by);
        never(world(), None, json!([named(label(), &["app"]), way.clone()]));
        never(world(), HELD, json!([way.clone()]));
        never(world(), HELD, json!([label()]));
        never(world(), HELD, json!([label(), named(way.clone(), &["other"])]));
        // Where nothing holds it, nothing has to be taken away.
        let plain = held(&enforce("restricted"), &pod("held", "p", "strong", "Running"));
        leads(plain, HELD, json!([label(), way]), &[step]);
    }
    never(world(), APP, json!([label(), rule(&["patch"], "", &["pods"])]));
}

/// What the API servers' own configuration says, as somebody told it.
fn told(mut world: World, default: Option<Level>, exempt: &[&str]) -> World {
    let exempt = exempt.iter().map(|name| (*name).into()).collect();
    world.policy.pod_security = PodSecurity { default, exempt };
    world
}

#[test]
fn a_namespace_without_a_label_has_the_level_that_is_told() {
    let unlabelled = |pod: &Value| held(&json!({}), pod);
    let breaks = with_port("held");
    let patch = || json!([rule(&["patch"], "", &["pods"])]);
    let change = [Step::ChangePod];
    leads(told(unlabelled(&breaks), None, &[]), HELD, patch(), &change);
    leads(told(unlabelled(&breaks), Some(Level::Privileged), &[]), HELD, patch(), &change);
    for level in [Level::Baseline, Level::Restricted] {
        never(told(unlabelled(&breaks), Some(level), &[]), HELD, patch());
        leads(told(unlabelled(&breaks), Some(level), &["held"]), HELD, patch(), &change);
        // A label goes before it, and an exemption before both.
        let free = held(&enforce("privileged"), &breaks);
        leads(told(free, Some(level), &[]), HELD, patch(), &change);
        let strict = held(&enforce("restricted"), &breaks);
        never(told(strict.clone(), Some(level), &["other"]), HELD, patch());
        leads(told(strict, Some(level), &["held"]), HELD, patch(), &change);
    }
    // Who writes the label lets pods be anything there all the same.
    let both = json!([rule(&["patch"], "", &["pods", "namespaces"])]);
    let world = told(unlabelled(&breaks), Some(Level::Baseline), &[]);
    leads(world, HELD, both, &[Step::LabelAndChange]);
}

#[test]
fn pods_have_their_node_where_what_is_told_lets_them() {
    let run = || json!([rule(&["create"], "", &["pods"])]);
    let world = || {
        let mut there = pod("kube-system", "kube-apiserver-a", "default", "Running");
        there["metadata"]["labels"] = json!({"component": "kube-apiserver"});
        company().namespace("kube-system").object(&there).namespace("free").account("free", "weak")
    };
    let free = Some("free");
    leads(told(world(), None, &[]), free, run(), &[Step::Host]);
    never(told(world(), Some(Level::Baseline), &[]), free, run());
    never(told(world(), Some(Level::Baseline), &["app"]), free, run());
    leads(told(world(), Some(Level::Baseline), &["free"]), free, run(), &[Step::Host]);
    // A new namespace is made with a label that lets them.
    let make = json!([rule(&["create"], "", &["namespaces", "pods"])]);
    let anywhere = |exempt: &[&str]| {
        let mut world = told(world(), Some(Level::Baseline), exempt);
        for name in ["strong-app", "strong-quiet"] {
            let key = (BindingKind::ClusterRoleBinding, "".into(), name.into());
            world.snapshot.objects.bindings.remove(&key);
        }
        world
    };
    leads(anywhere(&[]), None, make, &[Step::NewNamespaceAndHost]);
}

#[test]
fn what_is_not_known_of_levels_is_said_until_somebody_tells() {
    let said = |world: &World| -> Vec<&str> {
        let book = world.book();
        let all = not_followed(&book).into_iter();
        all.filter(|text| text.contains("configuration")).collect()
    };
    let [unsaid] = said(&company())[..] else { panic!() };
    assert!(unsaid.contains("Talos: baseline") && unsaid.contains("the setting pod_security"));
    let [rest] = said(&told(company(), Some(Level::Baseline), &[]))[..] else { panic!() };
    assert!(rest.starts_with("users and runtime classes"), "{rest}");
}

/// A way that is a model and leads higher hides none that is sure.
#[test]
fn a_namespace_that_lets_more_lowers_no_finding() {
    let found = |level: &str| {
        let mut there = pod("kube-system", "kube-apiserver-a", "default", "Running");
        there["metadata"]["labels"] = json!({"component": "kube-apiserver"});
        let look = json!([rule(&["get", "list"], "", &["secrets"])]);
        let world = World::new()
            .namespace("kube-system")
            .object(&there)
            .object(&json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": "held", "labels": enforce(level)}}))
            .account("held", "op")
            .cluster_role("look", &look)
            .bind(None, "op", "ClusterRole/look", "sa:held/op");
        let world = jane(world, HELD, &json!([rule(&["create"], "", &["pods"])]));
        let book = world.book();
        let reach = Reach::new(&book);
        let found = crate::findings::reach::all(&reach, &reach.all());
        found.into_iter().find(|one| one.identity == Identity::user("jane")).unwrap()
    };
    let (held, free) = (found("restricted"), found("privileged"));
    assert_eq!((held.severity, free.severity), (Severity::High, Severity::High));
    assert!(held.evidence.contains("it can become reads secrets in 1 step: "), "{}", held.evidence);
    assert!(free.evidence.starts_with(&held.evidence), "{}", free.evidence);
    let more = "; it may become cluster-admin too, in 1 step, a model only";
    assert!(free.evidence.ends_with(more), "{}", free.evidence);
}
