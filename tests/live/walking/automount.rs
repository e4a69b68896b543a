//! Tokens of accounts that are mounted nowhere, since the account says so: it is changed, a pod is made
//! anew, and somebody gets into that one.

use serde_json::{Value, json};

use super::case::Case;
use super::pods::{by, collection, command, ran, text};
use super::rights::Right;
use super::site::{Credential, Site, content_type, parsed, request};
use super::steps::{account_of, lets, needed};
use super::streams::To;
use super::walk::{How, Refused, Walk};
use crate::support::process::await_some;

fn pods_in(site: &Site, namespace: &str) -> Vec<Value> {
    let all = site.list(&format!("/api/v1/namespaces/{namespace}/pods"));
    all.into_iter().filter(|pod| pod["metadata"]["deletionTimestamp"].is_null()).collect()
}

fn has_token(pod: &Value) -> bool {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    let mut names = volumes.filter_map(|volume| volume["name"].as_str());
    names.any(|name| name.starts_with("kube-api-access-"))
}

/// Waits until admission, which follows what is stored, mounts the token into a new pod or does not.
fn await_admission(site: &Site, namespace: &str, mounts: bool) {
    let uri = format!("/api/v1/namespaces/{namespace}/pods?dryRun=All");
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": super::pods::pod_spec("strong"),
        "metadata": {"name": "would-be", "namespace": namespace}});
    await_some("admission to know of the account", || {
        let answer = site.send(&site.admin, &request("POST", &uri, Some(&pod)));
        let knows = answer.status == 201 && has_token(&parsed(&answer.body)) == mounts;
        knows.then_some(())
    });
}

/// Waits until all pods of a namespace are without the token, and run.
pub fn runs_without(site: &Site, namespace: &str) {
    await_admission(site, namespace, false);
    let pods = await_some("pods without the token", || {
        let pods = pods_in(site, namespace);
        for pod in pods.iter().filter(|pod| has_token(pod)) {
            let name = text(&pod["metadata"]["name"]);
            site.delete(&format!("/api/v1/namespaces/{namespace}/pods/{name}"));
        }
        (!pods.is_empty() && !pods.iter().any(has_token)).then_some(pods)
    });
    for pod in pods.iter().filter(|pod| pod["status"]["phase"] != "Running") {
        site.run(namespace, &text(&pod["metadata"]["name"]));
    }
}

/// Takes a controller away, with its pods.
pub fn end(site: &Site, namespace: &str, resource: &str, name: &str) {
    site.delete(&format!("{}/{name}", collection(resource, namespace)));
    await_some("its pods to be gone", || {
        let pods = pods_in(site, namespace);
        for pod in &pods {
            let name = text(&pod["metadata"]["name"]);
            site.delete(&format!("/api/v1/namespaces/{namespace}/pods/{name}"));
        }
        pods.is_empty().then_some(())
    });
}

pub fn take(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let (namespace, account) = account_of(hop);
    let change = needed(hop, |_, on| on == "serviceaccounts").expect("changing the account");
    let there = walk.pods_are_made_anew(&namespace);
    let uri = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}");
    let mounts = json!({"automountServiceAccountToken": true});
    let mut whole = walk.site.get(&uri).expect("the account");
    whole["automountServiceAccountToken"] = json!(true);
    let how = if change["verb"] == "update" { How::Put(&whole) } else { How::Merge(&mounts) };
    walk.change(&walk.holder(hop, change), &uri, how)?;
    await_admission(walk.site, &namespace, true);
    make_anew(walk, hop, &namespace)?;
    let new = await_some("the pod that is made anew", || {
        let pods = pods_in(walk.site, &namespace);
        let is_new = |pod: &&Value| {
            let name = text(&pod["metadata"]["name"]);
            has_token(pod) && (!there.contains(&name) || name.ends_with("-0"))
        };
        pods.iter().find(is_new).map(|pod| text(&pod["metadata"]["name"]))
    });
    walk.site.run(&namespace, &new);
    let enter = needed(hop, |_, on| on == "pods/exec").expect("getting in");
    assert!(lets(enter, &new) || enter["resourceNames"].is_array(), "{enter}");
    let uri = format!(
        "/api/v1/namespaces/{namespace}/pods/{new}/exec?{}container=main&stdout=true",
        command()
    );
    let said = walk.connect(&walk.holder(hop, enter), To::ApiServer, by(enter), &uri)?;
    assert!(said.contains(&ran(&namespace, &new)), "{said:?}");
    Ok(walk.site.token_in(&namespace, &new, "main"))
}

/// By the pod's deletion, or by one more.
fn make_anew(walk: &mut Walk<'_>, hop: &Value, namespace: &str) -> Result<(), Refused> {
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let by_deleting = |verb: &str, on: &str| verb.starts_with("delete") && on == "pods";
    let Some(delete) = needed(hop, by_deleting) else {
        let scale = needed(hop, |_, on| on.ends_with("/scale")).expect("scaling");
        let resource = text(&scale["resource"]).trim_end_matches("/scale").to_owned();
        let uri = format!("{}/web/scale", collection(&resource, namespace));
        let more = json!({"spec": {"replicas": 2}});
        return walk.change(&walk.holder(hop, scale), &uri, How::Merge(&more)).map(drop);
    };
    let name = pods_in(walk.site, namespace)
        .iter()
        .map(|pod| text(&pod["metadata"]["name"]))
        .find(|name| lets(delete, name))
        .expect("a pod");
    let uri = match delete["verb"].as_str() {
        Some("delete") => format!("{pods}/{name}?gracePeriodSeconds=0"),
        _ => format!("{pods}?fieldSelector=metadata.name%3D{name}&gracePeriodSeconds=0"),
    };
    walk.ask(&walk.holder(hop, delete), &request("DELETE", &uri, None)).map(drop)
}

fn on(verb: &'static str, resource: &'static str) -> Right {
    Right::new(verb, "", resource)
}

#[test]
fn an_accounts_token_is_mounted_into_pods_that_are_made_anew() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    let switch = |name: &str| on("patch", "serviceaccounts").named(name);
    let exec = || on("create", "pods/exec");
    Case::to_strong("switch", &["switch-automount"])
        .unmounted("deployments", "web")
        .right(switch("strong"), 0)
        .right(on("delete", "pods"), 1)
        .right(exec(), 2)
        .near("another account", 0, &[switch("default"), on("delete", "pods"), exec()])
        .near("nothing is made anew", 1, &[switch("strong"), exec()])
        .near("another pod", 1, &[switch("strong"), on("delete", "pods").named("web"), exec()])
        .near("nobody gets in", 2, &[switch("strong"), on("delete", "pods")])
        .near(
            "into a pod of another name",
            2,
            &[switch("strong"), on("delete", "pods"), exec().named("web")],
        )
        .near("elsewhere", 1, &[switch("strong"), on("delete", "pods").elsewhere(), exec()])
        .run(site);
    // The one in its place has the name that it had.
    let update = || on("update", "serviceaccounts").named("strong");
    Case::to_strong("switch-named", &["switch-automount"])
        .unmounted("statefulsets", "web")
        .right(update(), 0)
        .right(on("delete", "pods").named("web-0"), 1)
        .right(exec().named("web-0"), 2)
        .near(
            "into another",
            2,
            &[update(), on("delete", "pods").named("web-0"), exec().named("web-1")],
        )
        .run(site);
    let scale = |resource| Right::new("patch", "apps", resource);
    Case::to_strong("switch-scale", &["switch-automount"])
        .unmounted("deployments", "web")
        .right(switch("strong"), 0)
        .right(scale("deployments/scale").named("web"), 1)
        .right(exec(), 2)
        .near("another", 1, &[switch("strong"), scale("deployments/scale").named("x"), exec()])
        .near("what it is made by", 1, &[switch("strong"), scale("replicasets/scale"), exec()])
        .run(site);
}

/// The pod's own word counts more than the account's.
#[test]
fn a_pod_that_says_so_itself_has_no_token_whatever_its_account_says() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    let ns = "switch-own";
    let strong = super::rights::account(ns, "strong");
    let mut account = super::rights::service_account(ns, "strong");
    account["automountServiceAccountToken"] = json!(false);
    let mut web = super::pods::workload("deployments", ns, "web", "strong", false);
    web["spec"]["template"]["spec"]["automountServiceAccountToken"] = json!(false);
    site.load(&[
        super::site::namespace(ns),
        account,
        super::rights::bound("switch-own", None, ("ClusterRole", "cluster-admin"), &strong),
        web,
    ]);
    runs_without(site, ns);
    let rule = |verb, on| super::modelled::rule(verb, "", on, &[]);
    let rules =
        [rule("patch", "serviceaccounts"), rule("delete", "pods"), rule("create", "pods/exec")];
    let walker = super::modelled::somebody(site, "switch-own", Some(ns), &rules);
    super::modelled::leads_nowhere(site, "switch-own");
    let uri = format!("/api/v1/namespaces/{ns}/serviceaccounts/strong");
    let mounts = json!({"automountServiceAccountToken": true});
    let mut change = request("PATCH", &uri, Some(&mounts));
    content_type(&mut change, "application/merge-patch+json");
    super::modelled::answered(site, &walker, &change);
    await_admission(site, ns, true);
    let there: Vec<String> =
        pods_in(site, ns).iter().map(|p| text(&p["metadata"]["name"])).collect();
    for name in &there {
        let uri = format!("/api/v1/namespaces/{ns}/pods/{name}?gracePeriodSeconds=0");
        super::modelled::answered(site, &walker, &request("DELETE", &uri, None));
    }
    let new = await_some("the pod that is made anew", || {
        let pods = pods_in(site, ns);
        pods.into_iter().find(|pod| !there.contains(&text(&pod["metadata"]["name"])))
    });
    assert!(!has_token(&new), "{new:#}");
    end(site, ns, "deployments", "web");
}
