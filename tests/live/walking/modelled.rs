//! Steps that no API server decides: keybook lists them, marked as a model with its reason. What of
//! them is up to the API server is asked of it all the same, to be answered to the one who may and
//! refused to those who nearly may.

use serde_json::{Value, json};

use super::case::reach;
use super::pods::{pod_spec, workload};
use super::rights::{account, bound, first_of, grant, service_account};
use super::site::{
    Credential, DEFINITIONS, ELSEWHERE, Site, WALKERS, content_type, namespace, request,
};
use crate::activity::client::Request;
use crate::support::process::await_some;

/// Somebody with these rules there, once that holds.
pub fn somebody(site: &Site, name: &str, namespace: Option<&str>, rules: &[Value]) -> Credential {
    let subject = account(WALKERS, name);
    let mut objects = vec![service_account(WALKERS, name)];
    objects.extend(grant(name, namespace, &json!(rules), &subject));
    site.load(&objects);
    for rule in rules {
        site.await_answer(&first_of(rule, &subject, namespace.unwrap_or_default()), true);
    }
    site.account(WALKERS, name)
}

pub fn rule(verb: &str, group: &str, resource: &str, names: &[&str]) -> Value {
    let mut rule = json!({"verbs": [verb], "apiGroups": [group], "resources": [resource]});
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    rule
}

/// keybook lists the one step to cluster-admin, by the grant, and says that it is a model.
pub fn is_modelled(site: &Site, name: &str, step: &str) {
    let row = reach(site, name);
    assert_eq!(row["reaches"], "cluster-admin", "{row:#}");
    assert_eq!(row["modelled"], true, "{row:#}");
    let path = row["paths"].as_array().and_then(|paths| paths.first()).expect("a path");
    assert_eq!(path["modelled"], true, "{path:#}");
    let hops = path["hops"].as_array().expect("steps");
    let steps: Vec<&str> = hops.iter().filter_map(|hop| hop["step"].as_str()).collect();
    assert_eq!(steps, [step], "{path:#}");
    assert!(hops[0]["modelled"].as_str().is_some_and(|why| !why.is_empty()), "{path:#}");
    assert_eq!(hops[0]["needed"][0]["via"]["binding"], name, "{path:#}");
    assert!(hops[0]["cut"].as_str().is_some_and(|cut| cut.contains(name)), "{path:#}");
}

pub fn leads_nowhere(site: &Site, name: &str) {
    let row = reach(site, name);
    let paths = row["paths"].as_array().expect("paths");
    assert!(paths.iter().all(|path| !path["adds"].is_null()), "{row:#}");
    assert_eq!(row["reaches"], row["tier"], "{row:#}");
}

fn tried(site: &Site, who: &Credential, request: &Request) -> (u16, String) {
    let answer = site.send(who, request);
    (answer.status, answer.body)
}

#[track_caller]
pub fn answered(site: &Site, who: &Credential, request: &Request) {
    let (code, body) = tried(site, who, request);
    assert!((200..300).contains(&code), "{code} {body}");
}

#[track_caller]
pub fn refused(site: &Site, who: &Credential, request: &Request) {
    let (code, body) = tried(site, who, request);
    assert_eq!(code, 403, "{body}");
}

fn patch(uri: &str, change: &Value) -> Request {
    let mut request = request("PATCH", uri, Some(change));
    content_type(&mut request, "application/merge-patch+json");
    request
}

/// A namespace in which a strong account's pod runs, whose token its node holds.
pub fn with_a_strong_pod(site: &Site, name: &str) {
    let strong = account(name, "strong");
    site.load(&[
        namespace(name),
        service_account(name, "strong"),
        bound(&format!("{name}-strong"), None, ("ClusterRole", "cluster-admin"), &strong),
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "busy", "namespace": name},
            "spec": pod_spec("strong")}),
    ]);
    site.run(name, "busy");
}

#[test]
fn pods_that_have_their_node_are_a_model() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    with_a_strong_pod(site, "host");
    // One namespace lets pods be privileged, since nothing is said of it; another does not.
    let mut free = namespace("host-free");
    free["metadata"]["labels"] = json!({});
    site.load(&[free, namespace("host-held")]);
    let on_host = |ns: &str, what: &str| {
        let mut spec = pod_spec("default");
        match what {
            "privileged" => {
                spec["containers"][0]["securityContext"] = json!({"privileged": true});
            }
            _ => spec["volumes"] = json!([{"name": "root", "hostPath": {"path": "/"}}]),
        }
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": "walk", "namespace": ns}});
        request("POST", &format!("/api/v1/namespaces/{ns}/pods?dryRun=All"), Some(&pod))
    };
    let create = [rule("create", "", "pods", &[])];
    let walker = somebody(site, "host-pod", Some("host-free"), &create);
    is_modelled(site, "host-pod", "host");
    let near = somebody(site, "host-pod-near", Some("host-held"), &create);
    leads_nowhere(site, "host-pod-near");
    for what in ["privileged", "hostPath"] {
        // The account of a new namespace is there a moment later.
        await_some("the pod to be taken", || {
            (tried(site, &walker, &on_host("host-free", what)).0 == 201).then_some(())
        });
        refused(site, &near, &on_host("host-held", what));
    }

    // Who may label the namespace besides takes the level away.
    let label = rule("patch", "", "namespaces", &["host-label"]);
    site.load(&[namespace("host-label")]);
    let rules = [create[0].clone(), label];
    let walker = somebody(site, "host-labels", Some("host-label"), &rules);
    is_modelled(site, "host-labels", "label-and-host");
    let uri = "/api/v1/namespaces/host-label";
    let none = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": null}}});
    answered(site, &walker, &patch(&format!("{uri}?dryRun=All"), &none));
    refused(site, &walker, &on_host("host-label", "privileged"));
    answered(site, &walker, &patch(uri, &none));
    await_some("the pod to be taken", || {
        (tried(site, &walker, &on_host("host-label", "privileged")).0 == 201).then_some(())
    });
    let other = [create[0].clone(), rule("patch", "", "namespaces", &["other"])];
    let near = somebody(site, "host-labels-near", Some("host-held"), &other);
    leads_nowhere(site, "host-labels-near");
    refused(site, &near, &patch("/api/v1/namespaces/host-held?dryRun=All", &none));

    // Its subresources take labels as well; `finalize` by a PUT only.
    let finalize = |ns: &str| {
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns,
            "labels": {"pod-security.kubernetes.io/enforce": "privileged"}},
            "spec": {"finalizers": ["kubernetes"]}});
        request("PUT", &format!("/api/v1/namespaces/{ns}/finalize"), Some(&object))
    };
    let status = |ns: &str| patch(&format!("/api/v1/namespaces/{ns}/status"), &none);
    let ways = [
        ("host-status", rule("patch", "", "namespaces/status", &[]), status("host-status")),
        (
            "host-finalize",
            rule("update", "", "namespaces/finalize", &[]),
            finalize("host-finalize"),
        ),
    ];
    for (name, label, change) in ways {
        site.load(&[namespace(name)]);
        let walker = somebody(site, name, Some(name), &[create[0].clone(), label]);
        is_modelled(site, name, "label-and-host");
        refused(site, &walker, &on_host(name, "privileged"));
        answered(site, &walker, &change);
        await_some("the pod to be taken", || {
            (tried(site, &walker, &on_host(name, "privileged")).0 == 201).then_some(())
        });
    }
    let patches = rule("patch", "", "namespaces/finalize", &[]);
    somebody(site, "host-finalize-near", Some("host-held"), &[create[0].clone(), patches]);
    leads_nowhere(site, "host-finalize-near");
    site.delete("/api/v1/namespaces/host/pods/busy");
}

#[test]
fn typing_into_a_container_is_a_model() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    with_a_strong_pod(site, "attach");
    let attach = |verb| [rule(verb, "", "pods/attach", &["busy"])];
    let walker = somebody(site, "attach-pod", Some("attach"), &attach("create"));
    is_modelled(site, "attach-pod", "attach");
    let uri = "/api/v1/namespaces/attach/pods/busy/attach?container=main&stdout=true";
    let connect = |who: &Credential| {
        super::streams::connect(
            site,
            who,
            super::streams::To::ApiServer,
            super::streams::By::Spdy,
            uri,
        )
    };
    let said = connect(&walker).expect("the connection");
    assert!(said.contains("attached to attach/busy main"), "{said:?}");
    let near = somebody(site, "attach-pod-near", Some("attach"), &attach("get"));
    leads_nowhere(site, "attach-pod-near");
    assert_eq!(connect(&near), None);
    site.delete("/api/v1/namespaces/attach/pods/busy");
}

#[test]
fn the_next_pod_of_a_cron_job_is_a_model() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    let strong = account("next", "strong");
    let mut cron_job = workload("cronjobs", "next", "nightly", "strong", false);
    // Long after the test.
    cron_job["spec"]["schedule"] = json!("0 0 29 2 *");
    site.load(&[
        namespace("next"),
        service_account("next", "strong"),
        bound("next-strong", None, ("ClusterRole", "cluster-admin"), &strong),
        cron_job,
    ]);
    let exec = |verb, names: &[&str]| [rule(verb, "", "pods/exec", names)];
    let walker = somebody(site, "next-pod", Some("next"), &exec("create", &[]));
    is_modelled(site, "next-pod", "next-pod");
    let nears = [
        somebody(site, "next-pod-near-0", Some("next"), &exec("create", &["nightly"])),
        somebody(site, "next-pod-near-1", Some("next"), &exec("get", &[])),
        somebody(site, "next-pod-near-2", Some(ELSEWHERE), &exec("create", &[])),
    ];
    (0..nears.len()).for_each(|near| leads_nowhere(site, &format!("next-pod-near-{near}")));
    // What it makes at its time is a Job of its template.
    site.load(&[workload("jobs", "next", "nightly-29", "strong", false)]);
    let pod = await_some("the Job's pod", || {
        let pods = site.list("/api/v1/namespaces/next/pods");
        pods.first().and_then(|pod| pod["metadata"]["name"].as_str().map(str::to_owned))
    });
    site.run("next", &pod);
    let uri = format!(
        "/api/v1/namespaces/next/pods/{pod}/exec?{}container=main&stdout=true",
        super::pods::command()
    );
    let connect = |who: &Credential| {
        let (to, by) = (super::streams::To::ApiServer, super::streams::By::Spdy);
        super::streams::connect(site, who, to, by, &uri)
    };
    let said = connect(&walker).expect("the connection");
    assert!(said.contains(&super::pods::ran("next", &pod)), "{said:?}");
    for near in &nears {
        assert_eq!(connect(near), None);
    }
    let strong = site.token_in("next", &pod, "main");
    answered(site, &strong, &request("GET", "/api/v1/secrets", None));
    site.delete("/apis/batch/v1/namespaces/next/jobs/nightly-29");
}

#[test]
fn what_others_write_is_rewritten_by_a_model() {
    let Some(site) = Site::shared() else { return };
    let group = "admissionregistration.k8s.io";
    let strong = account("webhook", "strong");
    site.load(&[
        namespace("webhook"),
        service_account("webhook", "strong"),
        bound("webhook-strong", None, ("ClusterRole", "cluster-admin"), &strong),
    ]);
    let object = json!({"apiVersion": format!("{group}/v1"), "kind": "MutatingWebhookConfiguration",
        "metadata": {"name": "walk"}, "webhooks": [{"name": "walk.walk.example",
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Ignore",
            "clientConfig": {"url": "https://192.0.2.1/walk"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                "resources": ["pods"]}]}]});
    let uri = format!("/apis/{group}/v1/mutatingwebhookconfigurations?dryRun=All");
    let make = request("POST", &uri, Some(&object));
    let on = |verb, resource| [rule(verb, group, resource, &[])];
    let create = on("create", "mutatingwebhookconfigurations");
    let walker = somebody(site, "webhook", None, &create);
    is_modelled(site, "webhook", "webhook");
    answered(site, &walker, &make);
    for (name, rules) in [
        ("webhook-near-0", on("create", "validatingwebhookconfigurations")),
        ("webhook-near-1", on("get", "mutatingwebhookconfigurations")),
    ] {
        let near = somebody(site, name, None, &rules);
        leads_nowhere(site, name);
        refused(site, &near, &make);
    }
    // Under a name only: a plain create carries none, an apply does, and a PUT makes none.
    let named = |verbs: &[&str]| {
        verbs
            .iter()
            .map(|verb| rule(verb, group, "mutatingwebhookconfigurations", &["walk"]))
            .collect::<Vec<Value>>()
    };
    let walker = somebody(site, "webhook-named", None, &named(&["create", "patch"]));
    is_modelled(site, "webhook-named", "webhook");
    refused(site, &walker, &make);
    let one = format!("/apis/{group}/v1/mutatingwebhookconfigurations/walk?dryRun=All");
    let mut apply = request("PATCH", &format!("{one}&fieldManager=walk&force=true"), Some(&object));
    content_type(&mut apply, "application/apply-patch+yaml");
    answered(site, &walker, &apply);
    let puts = somebody(site, "webhook-put", None, &named(&["create", "update"]));
    is_modelled(site, "webhook-put", "change-webhook");
    refused(site, &puts, &apply);
    let (code, body) = tried(site, &puts, &request("PUT", &one, Some(&object)));
    assert_eq!(code, 404, "{body}");
    // Of no use in a namespace, where there are none.
    let near = somebody(site, "webhook-near-2", Some(ELSEWHERE), &create);
    leads_nowhere(site, "webhook-near-2");
    refused(site, &near, &make);
}

#[test]
fn what_iam_and_rbac_manager_make_of_it_is_a_model() {
    let Some(site) = Site::shared() else { return };
    let change = patch(
        "/api/v1/namespaces/kube-system/configmaps/aws-auth?dryRun=All",
        &json!({"data": {"mapRoles": "[]", "mapUsers": "[]"}}),
    );
    let on = |name| [rule("patch", "", "configmaps", &[name])];
    let walker = somebody(site, "aws-auth", Some("kube-system"), &on("aws-auth"));
    is_modelled(site, "aws-auth", "aws-auth");
    answered(site, &walker, &change);
    for (name, namespace, rules) in [
        ("aws-auth-near-0", "kube-system", on("other")),
        ("aws-auth-near-1", ELSEWHERE, on("aws-auth")),
    ] {
        let near = somebody(site, name, Some(namespace), &rules);
        leads_nowhere(site, name);
        refused(site, &near, &change);
    }

    let definition = json!({"apiVersion": format!("{DEFINITIONS}/v1beta1"),
        "kind": "RBACDefinition", "metadata": {"name": "walk"}, "rbacBindings": []});
    let uri = format!("/apis/{DEFINITIONS}/v1beta1/rbacdefinitions?dryRun=All");
    let make = request("POST", &uri, Some(&definition));
    let create = |group| [rule("create", group, "rbacdefinitions", &[])];
    let walker = somebody(site, "definition", None, &create(DEFINITIONS));
    is_modelled(site, "definition", "rbac-definition");
    answered(site, &walker, &make);
    let near = somebody(site, "definition-near", None, &create("rbac.authorization.k8s.io"));
    leads_nowhere(site, "definition-near");
    refused(site, &near, &make);
}
