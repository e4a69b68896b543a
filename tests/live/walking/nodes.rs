//! What nodes may, and who may pass for one; and pods that have their node.

use serde_json::{Value, json};

use super::case::{reach, reach_of};
use super::modelled::{is_modelled, leads_nowhere, refused, rule, somebody, with_a_strong_pod};
use super::pods::pod_spec;
use super::rights::{account, bound, service_account};
use super::site::{
    Credential, EMPTY_NODE, NODE, Site, VAULT, content_type, namespace, parsed, request,
};
use super::walk::goal;
use crate::activity::client::Request;

const AUTHENTICATION: &str = "authentication.k8s.io";

/// A token for the account of the namespace's pod `busy`, as the node that it is bound to asks for it.
fn token_of(site: &Site, ns: &str) -> Request {
    let pod = site.get(&format!("/api/v1/namespaces/{ns}/pods/busy")).expect("the pod");
    let asked = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {"boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": "busy",
            "uid": pod["metadata"]["uid"]}}});
    request("POST", &format!("/api/v1/namespaces/{ns}/serviceaccounts/strong/token"), Some(&asked))
}

fn posed(who: &Credential, node: &str, groups: &[&str]) -> Credential {
    let user = ("Impersonate-User".to_owned(), format!("system:node:{node}"));
    let groups = groups.iter().map(|group| ("Impersonate-Group".to_owned(), (*group).to_owned()));
    who.with(std::iter::once(user).chain(groups))
}

/// The token that comes back reads what only an administrator can.
fn becomes_admin(site: &Site, who: &Credential, ns: &str) {
    let answer = site.send(who, &token_of(site, ns));
    assert_eq!(answer.status, 201, "{}", answer.body);
    let answer = parsed(&answer.body);
    let token = site.bearer(answer["status"]["token"].as_str().expect("a token"));
    let treasure = site.send(&token, &goal(VAULT));
    assert_eq!(treasure.status, 200, "{}", treasure.body);
}

#[test]
fn who_passes_for_a_node_has_the_tokens_of_its_pods() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    with_a_strong_pod(site, "nodal");
    let node = |name: &str| format!("system:node:{name}");
    let users = |name: &str| rule("impersonate", "", "users", &[&node(name)]);
    let groups = |name: &str| rule("impersonate", "", "groups", &[name]);
    let nodes = &["system:nodes"];

    let walker = somebody(site, "nodal-legacy", None, &[users(NODE), groups("system:nodes")]);
    is_modelled(site, "nodal-legacy", "impersonate-node");
    becomes_admin(site, &posed(&walker, NODE, nodes), "nodal");
    for (name, rules, node, groups) in [
        ("nodal-near-0", vec![users(EMPTY_NODE), groups("system:nodes")], EMPTY_NODE, &nodes[..]),
        ("nodal-near-1", vec![users(NODE)], NODE, &[]),
        ("nodal-near-2", vec![users(NODE), groups("others")], NODE, &["others"]),
    ] {
        let near = somebody(site, name, None, &rules);
        leads_nowhere(site, name);
        refused(site, &posed(&near, node, groups), &token_of(site, "nodal"));
    }

    // Constrained impersonation adds the group by itself (KEP-5284).
    let be = |names: &[&str]| rule("impersonate:arbitrary-node", AUTHENTICATION, "nodes", names);
    let on = |mode: &str, names: &[&str]| {
        let verb = format!("impersonate-on:{mode}:create");
        rule(&verb, "", "serviceaccounts/token", names)
    };
    let any = |names: &[&str]| on("arbitrary-node", names);
    let walker = somebody(site, "nodal-constrained", None, &[be(&[NODE]), any(&["strong"])]);
    is_modelled(site, "nodal-constrained", "impersonate-node");
    becomes_admin(site, &posed(&walker, NODE, &[]), "nodal");
    for (name, rules) in [
        ("nodal-near-3", vec![be(&[EMPTY_NODE]), any(&[])]),
        ("nodal-near-4", vec![be(&[NODE]), any(&["default"])]),
        ("nodal-near-5", vec![be(&[NODE]), on("user-info", &[])]),
        ("nodal-near-6", vec![be(&[NODE])]),
        ("nodal-near-7", vec![any(&[])]),
    ] {
        let near = somebody(site, name, None, &rules);
        leads_nowhere(site, name);
        refused(site, &posed(&near, NODE, &[]), &token_of(site, "nodal"));
    }

    // By what its pods name: a Secret with the token.
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "kept", "namespace": "nodal",
            "annotations": {"kubernetes.io/service-account.name": "strong"}}});
    let mut names = pod_spec("default");
    names["containers"][0]["env"] = json!([{"name": "T", "valueFrom":
        {"secretKeyRef": {"name": "kept", "key": "token", "optional": true}}}]);
    site.load(&[
        secret,
        json!({"apiVersion": "v1", "kind": "Pod", "spec": names,
        "metadata": {"name": "names", "namespace": "nodal"}}),
    ]);
    site.run("nodal", "names");
    let read = |names: &[&str]| rule("impersonate-on:arbitrary-node:get", "", "secrets", names);
    let get = request("GET", "/api/v1/namespaces/nodal/secrets/kept", None);
    let walker = somebody(site, "nodal-reads", None, &[be(&[NODE]), read(&["kept"])]);
    is_modelled(site, "nodal-reads", "impersonate-node");
    super::modelled::answered(site, &posed(&walker, NODE, &[]), &get);
    for (name, rules, node) in [
        ("nodal-near-8", vec![be(&[NODE]), read(&["other"])], NODE),
        ("nodal-near-9", vec![be(&[EMPTY_NODE]), read(&[])], EMPTY_NODE),
    ] {
        let near = somebody(site, name, None, &rules);
        leads_nowhere(site, name);
        refused(site, &posed(&near, node, &[]), &get);
    }

    site.delete("/api/v1/namespaces/nodal/pods/names");

    // The node itself can be asked about though nothing speaks of it but its pods.
    let row = reach_of(site, &format!("user:{}", node(NODE)));
    assert_eq!((&row["reaches"], &row["modelled"]), (&json!("cluster-admin"), &json!(true)));

    // And as soon as anything speaks of it.
    let user = |name: &str| json!({"kind": "User", "name": node(name), "apiGroup": "rbac.authorization.k8s.io"});
    let binding = |name: &str| {
        bound(&format!("nodal-{name}"), None, ("ClusterRole", "system:discovery"), &user(name))
    };
    site.load(&[binding(NODE), binding(EMPTY_NODE)]);
    let row = reach_of(site, &format!("user:{}", node(NODE)));
    assert_eq!((&row["reaches"], &row["modelled"]), (&json!("cluster-admin"), &json!(true)));
    let row = reach_of(site, &format!("user:{}", node(EMPTY_NODE)));
    assert_eq!(row["paths"], json!([]), "{row:#}");
    for name in [NODE, EMPTY_NODE] {
        site.delete(&format!(
            "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/nodal-{name}"
        ));
    }
    site.delete("/api/v1/namespaces/nodal/pods/busy");
}

#[test]
fn a_pod_passes_for_its_own_node_only() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    with_a_strong_pod(site, "nodal-own");
    let own = |mode: &str| rule(&format!("impersonate{mode}"), AUTHENTICATION, "nodes", &[]);
    let rules = json!([
        own(":associated-node"),
        rule("impersonate-on:associated-node:create", "", "serviceaccounts/token", &[])
    ]);
    site.load(&[super::rights::role("nodal-agent", None, &rules)]);
    for name in ["agent", "idle"] {
        let who = account("nodal-own", name);
        let binding = format!("nodal-{name}");
        site.load(&[
            service_account("nodal-own", name),
            bound(&binding, None, ("ClusterRole", "nodal-agent"), &who),
        ]);
        site.await_answer(&super::rights::first_of(&rules[0], &who, ""), true);
    }
    site.load(&[json!({"apiVersion": "v1", "kind": "Pod", "spec": pod_spec("agent"),
        "metadata": {"name": "agent", "namespace": "nodal-own"}})]);
    site.run("nodal-own", "agent");
    let row = reach_of(site, "sa:nodal-own/agent");
    assert_eq!((&row["reaches"], &row["modelled"]), (&json!("cluster-admin"), &json!(true)));
    let path = row["paths"].as_array().and_then(|paths| paths.last()).expect("a path");
    assert_eq!(path["hops"][0]["step"], "impersonate-own-node", "{path:#}");
    let agent = site.token_in("nodal-own", "agent", "main");
    becomes_admin(site, &posed(&agent, NODE, &[]), "nodal-own");
    refused(site, &posed(&agent, EMPTY_NODE, &[]), &token_of(site, "nodal-own"));
    // One without a pod has no node.
    let row = reach_of(site, "sa:nodal-own/idle");
    assert_eq!(row["paths"], json!([]), "{row:#}");
    let idle = site.account("nodal-own", "idle");
    refused(site, &posed(&idle, NODE, &[]), &token_of(site, "nodal-own"));
    for name in ["busy", "agent"] {
        site.delete(&format!("/api/v1/namespaces/nodal-own/pods/{name}"));
    }
}

/// What lets an account of this namespace pass for the node of its token, without a pod of its own.
fn with_an_agent(site: &Site, ns: &str) {
    let rules = json!([
        rule("impersonate:associated-node", AUTHENTICATION, "nodes", &[]),
        rule("impersonate-on:associated-node:create", "", "serviceaccounts/token", &[])
    ]);
    let who = account(ns, "agent");
    site.load(&[namespace(ns), service_account(ns, "agent"), service_account(ns, "other")]);
    site.load(&super::rights::grant(&format!("{ns}-agent"), None, &rules, &who));
    site.await_answer(&super::rights::first_of(&rules[0], &who, ""), true);
}

/// keybook lists these steps to cluster-admin, as a model, with the grant of the first as a cut.
fn chosen(site: &Site, name: &str, first: &str) {
    let row = reach(site, name);
    assert_eq!((&row["reaches"], &row["modelled"]), (&json!("cluster-admin"), &json!(true)));
    let path = row["paths"].as_array().and_then(|paths| paths.first()).expect("a path");
    let hops = path["hops"].as_array().expect("steps");
    let steps: Vec<&str> = hops.iter().filter_map(|hop| hop["step"].as_str()).collect();
    assert_eq!(steps, [first, "impersonate-chosen-node"], "{path:#}");
    for hop in hops {
        assert!(hop["cut"].as_str().is_some_and(|cut| cut.contains(name)), "{hop:#}");
    }
}

#[test]
fn a_token_is_bound_to_a_node_by_its_name() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    with_a_strong_pod(site, "nodal-bound");
    let ns = "nodal-mint";
    with_an_agent(site, ns);
    let mint = |name: &str| [rule("create", "", "serviceaccounts/token", &[name])];
    let walker = somebody(site, ns, Some(ns), &mint("agent"));
    chosen(site, ns, "mint-token");
    let uri = format!("/api/v1/namespaces/{ns}/serviceaccounts/agent/token");
    // The name alone is enough.
    let bound = json!({"spec": {"boundObjectRef":
        {"apiVersion": "v1", "kind": "Node", "name": NODE}}});
    let minted = |body: &Value| {
        let answer = site.send(&walker, &request("POST", &uri, Some(body)));
        assert_eq!(answer.status, 201, "{}", answer.body);
        site.bearer(parsed(&answer.body)["status"]["token"].as_str().expect("a token"))
    };
    becomes_admin(site, &posed(&minted(&bound), NODE, &[]), "nodal-bound");
    // One that is bound to nothing passes for none.
    refused(site, &posed(&minted(&json!({})), NODE, &[]), &token_of(site, "nodal-bound"));
    let near = somebody(site, "nodal-mint-near", Some(ns), &mint("other"));
    leads_nowhere(site, "nodal-mint-near");
    refused(site, &near, &request("POST", &uri, Some(&bound)));
    site.delete("/api/v1/namespaces/nodal-bound/pods/busy");
}

#[test]
fn a_pod_is_run_on_a_node_to_pass_for_it() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    with_a_strong_pod(site, "nodal-busy");
    let ns = "nodal-run";
    with_an_agent(site, ns);
    let create = [rule("create", "", "pods", &[])];
    let walker = somebody(site, ns, Some(ns), &create);
    chosen(site, ns, "run-pod");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": pod_spec("agent"),
        "metadata": {"name": "chosen", "namespace": ns}});
    let uri = format!("/api/v1/namespaces/{ns}/pods");
    super::modelled::answered(site, &walker, &request("POST", &uri, Some(&pod)));
    site.run(ns, "chosen");
    let agent = site.token_in(ns, "chosen", "main");
    becomes_admin(site, &posed(&agent, NODE, &[]), "nodal-busy");
    site.delete(&format!("{uri}/chosen"));
    let near = somebody(site, "nodal-run-near", Some(super::site::ELSEWHERE), &create);
    leads_nowhere(site, "nodal-run-near");
    refused(site, &near, &request("POST", &uri, Some(&pod)));
    site.delete("/api/v1/namespaces/nodal-busy/pods/busy");
}

fn merge(uri: &str, media: &str, change: &Value) -> Request {
    let mut request = request("PATCH", uri, Some(change));
    content_type(&mut request, media);
    request
}

/// What gets into a pod that has its node has the tokens on it. That the API server lets it in is
/// asked; what is then to be had is a model.
#[test]
fn pods_that_have_their_node_already_are_reached_into() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    with_a_strong_pod(site, "hosted");
    let mut free = namespace("hosted-free");
    free["metadata"]["labels"] = json!({});
    let mut agent = pod_spec("weak");
    agent["containers"][0]["securityContext"] = json!({"privileged": true});
    agent["automountServiceAccountToken"] = json!(false);
    let mut plain = pod_spec("weak");
    plain["automountServiceAccountToken"] = json!(false);
    let pod = |name: &str, spec: &Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": name, "namespace": "hosted-free"}})
    };
    site.load(&[free, service_account("hosted-free", "weak")]);
    site.load(&[pod("agent", &agent), pod("plain", &plain)]);
    for name in ["agent", "plain"] {
        site.run("hosted-free", name);
    }
    let uri = "/api/v1/namespaces/hosted-free/pods";
    let image =
        json!({"spec": {"containers": [{"name": "main", "image": "registry.example/x:1"}]}});
    let added = json!({"spec": {"ephemeralContainers": [{"name": "look",
        "image": "registry.example/x:1", "securityContext": {"privileged": true}}]}});
    let strategic = "application/strategic-merge-patch+json";
    let change = |pod: &str| merge(&format!("{uri}/{pod}?dryRun=All"), strategic, &image);
    let add = |pod: &str| {
        merge(&format!("{uri}/{pod}/ephemeralcontainers?dryRun=All"), strategic, &added)
    };
    let into = |verb: &str, resource: &str, pod: &str| [rule(verb, "", resource, &[pod])];

    for (name, rules, request) in [
        ("hosted-image", into("patch", "pods", "agent"), change("agent")),
        ("hosted-added", into("patch", "pods/ephemeralcontainers", "plain"), add("plain")),
    ] {
        let walker = somebody(site, name, Some("hosted-free"), &rules);
        is_modelled(site, name, "host-pod");
        super::modelled::answered(site, &walker, &request);
    }
    let walker =
        somebody(site, "hosted-exec", Some("hosted-free"), &into("create", "pods/exec", "agent"));
    is_modelled(site, "hosted-exec", "host-pod");
    let uri = format!("{uri}/agent/exec?container=main&command=id&stdout=true");
    let (to, by) = (super::streams::To::ApiServer, super::streams::By::Spdy);
    super::streams::connect(site, &walker, to, by, &uri).expect("the connection");

    // A pod without its node, and a namespace that holds pods back.
    for (name, rules) in [
        ("hosted-near-0", into("create", "pods/exec", "plain")),
        ("hosted-near-1", into("patch", "pods", "plain")),
    ] {
        somebody(site, name, Some("hosted-free"), &rules);
        leads_nowhere(site, name);
    }
    site.load(&[namespace("hosted-held"), service_account("hosted-held", "weak")]);
    let held = json!({"apiVersion": "v1", "kind": "Pod", "spec": plain,
        "metadata": {"name": "plain", "namespace": "hosted-held"}});
    site.load(&[held]);
    site.run("hosted-held", "plain");
    let rules = into("patch", "pods/ephemeralcontainers", "plain");
    let near = somebody(site, "hosted-near-2", Some("hosted-held"), &rules);
    leads_nowhere(site, "hosted-near-2");
    let uri = "/api/v1/namespaces/hosted-held/pods/plain/ephemeralcontainers?dryRun=All";
    refused(site, &near, &merge(uri, strategic, &added));
    // Who takes the level away besides adds it all the same.
    let label = rule("patch", "", "namespaces", &[]);
    let rules = [rules[0].clone(), label];
    let walker = somebody(site, "hosted-label", Some("hosted-held"), &rules);
    is_modelled(site, "hosted-label", "label-and-host");
    refused(site, &walker, &merge(uri, strategic, &added));
    let none = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": null}}});
    let unlabel = merge("/api/v1/namespaces/hosted-held", "application/merge-patch+json", &none);
    super::modelled::answered(site, &walker, &unlabel);
    crate::support::process::await_some("the container to be taken", || {
        (site.send(&walker, &merge(uri, strategic, &added)).status == 200).then_some(())
    });
    for pod in [
        "hosted/pods/busy",
        "hosted-free/pods/agent",
        "hosted-free/pods/plain",
        "hosted-held/pods/plain",
    ] {
        site.delete(&format!("/api/v1/namespaces/{pod}"));
    }
}

/// Somebody who may act in the name of an administrator, for reading Secrets only, reads Secrets.
#[test]
fn what_is_done_in_anothers_name_within_rules_counts_for_what_it_is() {
    let Some(site) = Site::shared() else { return };
    let ns = "within";
    let strong = account(ns, "strong");
    site.load(&[
        namespace(ns),
        service_account(ns, "strong"),
        bound("within-strong", None, ("ClusterRole", "cluster-admin"), &strong),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "within", "namespace": ns}}),
    ]);
    let be = rule("impersonate:serviceaccount", AUTHENTICATION, "serviceaccounts", &["strong"]);
    let read = |mode: &str| rule(&format!("impersonate-on:{mode}:get"), "", "secrets", &[]);
    let secret = request("GET", &format!("/api/v1/namespaces/{ns}/secrets/within"), None);
    let as_strong = |who: &Credential| {
        who.with([("Impersonate-User".to_owned(), format!("system:serviceaccount:{ns}:strong"))])
    };

    let walker = somebody(site, "within", Some(ns), &[be.clone(), read("serviceaccount")]);
    refused(site, &walker, &secret);
    super::modelled::answered(site, &as_strong(&walker), &secret);
    refused(site, &as_strong(&walker), &goal(VAULT));
    let row = reach(site, "within");
    assert_eq!((&row["reaches"], &row["modelled"]), (&json!("reads secrets"), &json!(false)));
    let path = row["paths"].as_array().and_then(|paths| paths.first()).expect("a path");
    let steps: Vec<&str> = path["hops"]
        .as_array()
        .expect("steps")
        .iter()
        .filter_map(|hop| hop["step"].as_str())
        .collect();
    assert_eq!(steps, ["constrained-impersonate"], "{path:#}");
    let by: Vec<&str> = path["strongBy"]
        .as_array()
        .expect("grants")
        .iter()
        .filter_map(|via| via["binding"].as_str())
        .collect();
    assert_eq!(by, ["within-strong", "within"], "{path:#}");

    let near = somebody(site, "within-near", Some(ns), &[be, read("user-info")]);
    leads_nowhere(site, "within-near");
    refused(site, &as_strong(&near), &secret);
    site.delete(&format!("/api/v1/namespaces/{ns}/secrets/within"));
}
