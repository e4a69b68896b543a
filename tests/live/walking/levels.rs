//! Pods that run and break their namespace's Pod Security level: what the API server lets be changed.

use serde_json::{Value, json};

use super::case::reach;
use super::modelled::{answered, leads_nowhere, refused, rule, somebody};
use super::pods::pod_spec;
use super::rights::{account, bound, service_account};
use super::site::{Credential, Site, VAULT, content_type, namespace, request};
use super::walk::goal;
use crate::activity::client::Request;
use crate::support::process::await_some;

const NS: &str = "levels";

fn merge(uri: &str, media: &str, change: &Value) -> Request {
    let mut request = request("PATCH", uri, Some(change));
    content_type(&mut request, media);
    request
}

fn pod(name: &str, account: &str, breaks: bool) -> Value {
    let mut spec = pod_spec(account);
    if breaks {
        // A port of the node gives nothing of it.
        spec["containers"][0]["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
    }
    json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
        "metadata": {"name": name, "namespace": NS}})
}

/// Another image, or a container beside the others.
fn changes(pod: &str) -> [(&'static str, &'static str, Request); 2] {
    let uri = format!("/api/v1/namespaces/{NS}/pods/{pod}");
    let strategic = "application/strategic-merge-patch+json";
    let image =
        json!({"spec": {"containers": [{"name": "main", "image": "registry.example/x:1"}]}});
    let added = json!({"spec": {"ephemeralContainers": [
        {"name": "look", "image": "registry.example/x:1"}]}});
    let add = format!("{uri}/ephemeralcontainers?dryRun=All");
    [
        ("pods", "change-pod", merge(&format!("{uri}?dryRun=All"), strategic, &image)),
        ("pods/ephemeralcontainers", "add-container", merge(&add, strategic, &added)),
    ]
}

/// keybook lists this one step to cluster-admin, and that nothing of it is a model.
fn is_listed(site: &Site, name: &str, step: &str) {
    let row = reach(site, name);
    assert_eq!((&row["reaches"], &row["modelled"]), (&json!("cluster-admin"), &json!(false)));
    let hops = row["paths"][0]["hops"].as_array().expect("steps");
    let steps: Vec<&str> = hops.iter().filter_map(|hop| hop["step"].as_str()).collect();
    assert_eq!(steps, [step], "{row:#}");
}

fn reads_all(site: &Site, token: &Credential) {
    let answer = site.send(token, &goal(VAULT));
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_pod_that_breaks_its_level_stays_as_it_is() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    let strong = account(NS, "strong");
    let mut free = namespace(NS);
    free["metadata"]["labels"] = json!({});
    site.load(&[
        free,
        service_account(NS, "strong"),
        bound("levels-strong", None, ("ClusterRole", "cluster-admin"), &strong),
    ]);
    site.load(&[pod("breaks", "strong", true), pod("plain", "strong", false)]);
    for name in ["breaks", "plain"] {
        site.run(NS, name);
    }
    // Pods that are there stay when a level comes.
    let labels = |level: Value| json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": level}}});
    let own = format!("/api/v1/namespaces/{NS}");
    let label = |level| merge(&own, "application/merge-patch+json", &labels(level));
    answered(site, &site.admin, &label(json!("baseline")));

    for (at, (resource, step, _)) in changes("plain").into_iter().enumerate() {
        let into = |pod: &str| rule("patch", "", resource, &[pod]);
        let near = format!("levels-near-{at}");
        let near_one = somebody(site, &near, Some(NS), &[into("breaks")]);
        let change = changes("breaks")[at].2.clone();
        await_some("the level to hold", || {
            (site.send(&near_one, &change).status == 403).then_some(())
        });
        leads_nowhere(site, &near);

        let plain = format!("levels-{at}");
        let walker = somebody(site, &plain, Some(NS), &[into("plain")]);
        is_listed(site, &plain, step);
        answered(site, &walker, &changes("plain")[at].2);
    }

    // Who takes the level away besides.
    let rules = [rule("patch", "", "pods", &["breaks"]), rule("patch", "", "namespaces", &[NS])];
    let walker = somebody(site, "levels-label", Some(NS), &rules);
    is_listed(site, "levels-label", "label-and-change");
    let [(_, _, change), _] = changes("breaks");
    refused(site, &walker, &change);
    answered(site, &walker, &label(Value::Null));
    await_some("the change to be taken", || {
        (site.send(&walker, &change).status == 200).then_some(())
    });
    reads_all(site, &site.token_in(NS, "breaks", "main"));
    for name in ["breaks", "plain"] {
        site.delete(&format!("{own}/pods/{name}"));
    }
}
