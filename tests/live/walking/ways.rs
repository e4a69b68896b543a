//! Ways of those whom nothing names, and what the API server itself rewrites.

use serde_json::json;

use super::case::{Case, reach};
use super::modelled::{answered, is_modelled, leads_nowhere, refused, rule, somebody};
use super::rights::{Right, account, bound, service_account};
use super::site::{Site, VAULT, WALKERS, request};
use super::walk::goal;
use crate::support::process::await_some;

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

fn core(verb: &'static str, resource: &'static str) -> Right {
    Right::new(verb, "", resource)
}

#[test]
fn a_container_that_is_added_sees_any_secret() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.with_pods();
    let name = "added-secret";
    let add = |verb| core(verb, "pods/ephemeralcontainers");
    Case::to_strong(name, &["add-container-secret"])
        .object(service_account(name, "weak"))
        .object(json!({"apiVersion": "v1", "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "kept", "namespace": name,
                "annotations": {"kubernetes.io/service-account.name": "strong"}}}))
        .pod("plain", "weak")
        .right(add("patch").named("plain"), 0)
        .near("another pod", 0, &[add("patch").named("other")])
        .near("elsewhere", 0, &[add("patch").elsewhere()])
        .near("reading it", 0, &[add("get")])
        .near("the pod itself", 0, &[core("patch", "pods").named("plain")])
        .run(site);
}

#[test]
fn an_account_that_is_made_holds_what_its_group_does() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let name = "group-made";
    let group = json!({"kind": "Group", "apiGroup": RBAC, "name": format!("system:serviceaccounts:{name}")});
    let mint = || core("create", "serviceaccounts/token").named("x");
    Case::to_role(name, &["mint-token"])
        .object(bound("group-made-all", None, ("ClusterRole", "cluster-admin"), &group))
        .stands_on("group-made-all", usize::MAX)
        .right(core("create", "serviceaccounts"), 0)
        .right(mint(), 1)
        .near("no making", 0, &[mint()])
        .near("no token", 1, &[core("create", "serviceaccounts")])
        .near("making elsewhere", 0, &[core("create", "serviceaccounts").elsewhere(), mint()])
        .run(site);
}

/// On a control plane of its own: everybody is anonymous there.
#[test]
fn whoever_leaves_its_credential_out_is_anonymous() {
    let Some(site) = Site::start() else { return };
    let nothing = [rule("get", "", "pods", &[])];
    somebody(&site, "anybody", None, &nothing);
    leads_nowhere(&site, "anybody");
    refused(&site, &site.nobody(), &goal(VAULT));
    for (name, kind) in [("system:anonymous", "User"), ("system:unauthenticated", "Group")] {
        let subject = json!({"kind": kind, "apiGroup": RBAC, "name": name});
        site.load(&[bound("anonymous", None, ("ClusterRole", "cluster-admin"), &subject)]);
        await_some("the goal", || {
            (site.send(&site.nobody(), &goal(VAULT)).status == 200).then_some(())
        });
        let row = reach(&site, "anybody");
        assert_eq!((&row["reaches"], &row["modelled"]), (&json!("cluster-admin"), &json!(true)));
        let path = row["paths"].as_array().and_then(|paths| paths.last()).expect("a path");
        assert_eq!(path["hops"][0]["step"], "anonymous", "{path:#}");
        assert_eq!(path["strongBy"][0]["binding"], "anonymous", "{path:#}");
        // Without it nobody is.
        site.delete(&format!("/apis/{RBAC}/v1/clusterrolebindings/anonymous"));
        await_some("it to be taken back", || {
            (site.send(&site.nobody(), &goal(VAULT)).status == 403).then_some(())
        });
        leads_nowhere(&site, "anybody");
    }
}

#[test]
fn an_admission_policy_rewrites_what_others_write() {
    let Some(site) = Site::shared() else { return };
    let on = |verb: &str, resource: &str| rule(verb, ADMISSION, resource, &[]);
    let (policies, bindings) = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings");
    let rules = [on("create", policies), on("create", bindings)];
    let walker = somebody(site, "policy", None, &rules);
    is_modelled(site, "policy", "admission-policy");
    let policy = json!({"apiVersion": format!("{ADMISSION}/v1"), "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "walk-policy"}, "spec": {"failurePolicy": "Ignore",
            "reinvocationPolicy": "Never",
            "matchConditions": [{"name": "one", "expression": "object.metadata.name == 'walk-ops'"}],
            "matchConstraints": {"resourceRules": [{"apiGroups": [RBAC], "apiVersions": ["v1"],
                "operations": ["CREATE"], "resources": ["clusterrolebindings"]}]},
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression":
                format!("[JSONPatch{{op: 'add', path: '/subjects/-', value: \
                    Object.subjects{{kind: 'ServiceAccount', name: 'policy', \
                    namespace: '{WALKERS}'}}}}]")}}]}});
    let binding = json!({"apiVersion": format!("{ADMISSION}/v1"),
        "kind": "MutatingAdmissionPolicyBinding", "metadata": {"name": "walk-policy"},
        "spec": {"policyName": "walk-policy"}});
    let uri = |resource: &str| format!("/apis/{ADMISSION}/v1/{resource}");
    for (name, rules, resource, object) in [
        ("policy-near-0", vec![on("create", policies)], bindings, &binding),
        ("policy-near-1", vec![on("create", bindings)], policies, &policy),
        ("policy-near-2", vec![on("get", policies), on("get", bindings)], policies, &policy),
    ] {
        let near = somebody(site, name, None, &rules);
        leads_nowhere(site, name);
        refused(site, &near, &request("POST", &uri(resource), Some(object)));
    }
    refused(site, &walker, &goal(VAULT));
    answered(site, &walker, &request("POST", &uri(policies), Some(&policy)));
    answered(site, &walker, &request("POST", &uri(bindings), Some(&binding)));
    // An administrator writes a binding for somebody else.
    let ops = bound("walk-ops", None, ("ClusterRole", "cluster-admin"), &account(VAULT, "ops"));
    let all = format!("/apis/{RBAC}/v1/clusterrolebindings");
    // The policy is in force a moment later.
    await_some("the policy to be in force", || {
        answered(site, &site.admin, &request("POST", &all, Some(&ops)));
        let subjects =
            site.get(&format!("{all}/walk-ops")).expect("the binding")["subjects"].clone();
        let there =
            subjects.as_array().is_some_and(|all| all.contains(&account(WALKERS, "policy")));
        if !there {
            site.delete(&format!("{all}/walk-ops"));
        }
        there.then_some(())
    });
    await_some("the goal", || (site.send(&walker, &goal(VAULT)).status == 200).then_some(()));
    for gone in [
        format!("{}/walk-policy", uri(bindings)),
        format!("{}/walk-policy", uri(policies)),
        format!("{all}/walk-ops"),
    ] {
        site.delete(&gone);
    }
}
