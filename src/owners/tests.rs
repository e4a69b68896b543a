use serde_json::{Value, json};

use super::*;
use crate::model::Object;

fn object(value: &Value) -> Object {
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    Object::read(&text("apiVersion"), &text("kind"), value).unwrap().unwrap()
}

fn owners(value: &Value) -> Vec<Owner> {
    let version = Some("v1.36.3");
    match object(value) {
        Object::Role(role) => of_role(&role, version),
        Object::Binding(binding) => of_binding(&binding, version),
        Object::ServiceAccount(account) => of_account(&account),
        Object::Secret(secret) => of_secret(&secret),
        other => panic!("{other:?}"),
    }
}

/// Who, how soon an edit is undone, and how soon a deletion.
fn said(value: &Value) -> Vec<(String, Soon, Soon)> {
    owners(value)
        .into_iter()
        .map(|owner| (owner.words(), owner.edit.soon, owner.deletion.soon))
        .collect()
}

fn role_binding(metadata: &Value) -> Value {
    let mut all = json!({"namespace": "pay", "name": "batch"});
    all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": all,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "batch"},
        "subjects": [],
    })
}

fn cluster_role(metadata: &Value) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": metadata, "rules": []})
}

#[test]
fn what_nobody_marked_nobody_keeps() {
    assert_eq!(said(&role_binding(&json!({}))), []);
    assert_eq!(said(&role_binding(&json!({"labels": {"app": "batch"}}))), []);
}

#[test]
fn helm_says_its_release() {
    let metadata = json!({
        "labels": {"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/instance": "payroll",
            "helm.sh/chart": "payroll-1.2.3"},
        "annotations": {"meta.helm.sh/release-name": "payroll",
            "meta.helm.sh/release-namespace": "pay"},
    });
    let upgrade = Soon::NextUpgrade;
    let helm = ("Helm pay/payroll".into(), upgrade, upgrade);
    assert_eq!(said(&role_binding(&metadata)), std::slice::from_ref(&helm));
    // A chart of a Flux HelmRelease carries both; Helm is the means.
    let mut flux = metadata;
    flux["labels"]["helm.toolkit.fluxcd.io/name"] = json!("payroll");
    flux["labels"]["helm.toolkit.fluxcd.io/namespace"] = json!("flux-system");
    assert_eq!(
        said(&role_binding(&flux)),
        [("Flux HelmRelease flux-system/payroll".into(), upgrade, upgrade), helm]
    );
}

#[test]
fn a_chart_that_something_rendered_may_be_argo_cds() {
    let next = Soon::NextSync;
    let labels = json!({"labels": {"app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/instance": "shop"}});
    assert_eq!(said(&role_binding(&labels)), [("maybe Argo CD shop".into(), next, next)]);
    let alone = json!({"labels": {"app.kubernetes.io/instance": "shop"}});
    assert_eq!(said(&role_binding(&alone)), []);
}

#[test]
fn argo_cd_is_believed_of_the_object_that_it_names() {
    let tracking = |id: &str| {
        role_binding(&json!({"annotations":
        {"argocd.argoproj.io/tracking-id": id}}))
    };
    let of = |application: &str| {
        vec![(format!("Argo CD {application}"), Soon::NextSync, Soon::NextSync)]
    };
    let own = "shop:rbac.authorization.k8s.io/RoleBinding:pay/batch";
    assert_eq!(said(&tracking(own)), of("shop"));
    let elsewhere = "team-a_shop:rbac.authorization.k8s.io/RoleBinding:pay/batch";
    assert_eq!(said(&tracking(elsewhere)), of("team-a/shop"));
    // Copied from another object, annotations and all: Argo CD does not take it for its own.
    for other in [
        "shop:rbac.authorization.k8s.io/RoleBinding:pay/other",
        "shop:rbac.authorization.k8s.io/RoleBinding:shop/batch",
        "shop:rbac.authorization.k8s.io/Role:pay/batch",
        "shop:apps/RoleBinding:pay/batch",
        "nonsense",
    ] {
        assert_eq!(said(&tracking(other)), [], "{other}");
    }
    // What has no namespace is under that of the application's destination.
    let role = cluster_role(&json!({"name": "reader", "annotations": {
        "argocd.argoproj.io/tracking-id": "shop:rbac.authorization.k8s.io/ClusterRole:pay/reader"}}));
    assert_eq!(said(&role), of("shop"));
}

#[test]
fn flux_leaves_alone_what_it_is_told_to() {
    let applied = |more: Value| {
        let mut metadata = json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps",
            "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}});
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said(&role_binding(&metadata))
    };
    let flux = |edit| vec![("Flux Kustomization flux-system/apps".into(), edit, Soon::NextSync)];
    assert_eq!(applied(json!({})), flux(Soon::NextSync));
    let annotated = |key: &str, value: &str| {
        let key = format!("kustomize.toolkit.fluxcd.io/{key}");
        applied(json!({"annotations": {key: value}}))
    };
    assert_eq!(annotated("reconcile", "disabled"), flux(Soon::Never));
    assert_eq!(annotated("reconcile", "enabled"), flux(Soon::NextSync));
    assert_eq!(annotated("ssa", "IfNotPresent"), flux(Soon::Never));
    assert_eq!(annotated("ssa", "Merge"), flux(Soon::NextSync));
}

#[test]
fn rbac_manager_makes_its_own_again_at_once() {
    let reference = json!([{"apiVersion": "rbacmanager.reactiveops.io/v1beta1",
        "kind": "RBACDefinition", "name": "developers", "uid": "u", "controller": true}]);
    let made = json!({"labels": {"rbac-manager": "reactiveops"}, "ownerReferences": reference});
    let words = "rbac-manager developers".to_owned();
    let expected = [(words.clone(), Soon::AtOnce, Soon::AtOnce)];
    assert_eq!(said(&role_binding(&made)), expected);
    let hidden = role_binding(&json!({"ownerReferences": reference}));
    assert_eq!(said(&hidden), [(words, Soon::Never, Soon::NextSync)]);
    // A definition of the same kind in another group is somebody else's.
    let other = json!([{"apiVersion": "example.org/v1", "kind": "RBACDefinition", "name": "d",
        "uid": "u", "controller": true}]);
    let expected = [("owner RBACDefinition d".into(), Soon::NotKnown, Soon::NotKnown)];
    assert_eq!(said(&role_binding(&json!({"ownerReferences": other}))), expected);
}

#[test]
fn operators_addons_and_releases_are_told() {
    let olm = json!({"labels": {"olm.owner": "etcdoperator.v0.9.4", "olm.owner.namespace": "ops",
        "olm.owner.kind": "ClusterServiceVersion"}});
    let next = Soon::NextSync;
    assert_eq!(said(&role_binding(&olm)), [("OLM ops/etcdoperator.v0.9.4".into(), next, next)]);

    let addon = |mode: &str| {
        let labels = json!({"labels": {"addonmanager.kubernetes.io/mode": mode}});
        said(&role_binding(&labels))
    };
    let words = "addon manager".to_owned();
    let minutes = Soon::Minutes;
    assert_eq!(addon("Reconcile"), [(words.clone(), minutes, minutes)]);
    assert_eq!(addon("EnsureExists"), [(words.clone(), Soon::Never, minutes)]);
    assert_eq!(addon("ignore"), []);
    let old = json!({"labels": {"kubernetes.io/cluster-service": "true"}});
    assert_eq!(said(&role_binding(&old)), [(format!("maybe {words}"), minutes, minutes)]);

    let release = |more: Value| {
        let mut annotations = json!({"include.release.openshift.io/self-managed-high-availability":
            "true"});
        annotations.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said(&role_binding(&json!({"annotations": annotations})))
    };
    let words = "cluster version operator".to_owned();
    assert_eq!(release(json!({})), [(words.clone(), minutes, minutes)]);
    let once = release(json!({"release.openshift.io/create-only": "true"}));
    assert_eq!(once, [(words, Soon::Never, minutes)]);

    let unknown = json!({"labels": {"app.kubernetes.io/managed-by": "pulumi"}});
    let not_known = Soon::NotKnown;
    let expected = [("maybe managed-by label pulumi".into(), not_known, not_known)];
    assert_eq!(said(&role_binding(&unknown)), expected);
}

#[test]
fn the_servers_own_policy_comes_back_when_it_starts() {
    let server = |edit| ("API server".to_owned(), edit, Soon::ServerStart);
    let role = cluster_role(&json!({"name": "system:basic-user"}));
    assert_eq!(said(&role), [server(Soon::ServerStart)]);
    let out = cluster_role(&json!({"name": "system:basic-user",
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}));
    assert_eq!(said(&out), [server(Soon::Never)]);
    // By name and kind, whatever labels somebody put on a role of theirs.
    let own = cluster_role(&json!({"name": "system:mine",
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}));
    assert_eq!(said(&own), []);
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": "system:discovery"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": "system:discovery"},
    });
    assert_eq!(said(&binding), [server(Soon::ServerStart)]);

    let mut edit = cluster_role(&json!({"name": "edit"}));
    edit["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]});
    let aggregation = ("aggregation".to_owned(), Soon::AtOnce, Soon::Never);
    assert_eq!(said(&edit), [aggregation, server(Soon::ServerStart)]);
}

#[test]
fn accounts_and_secrets_are_kept_too() {
    let account = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "pay", "name": name}})
    };
    let default = ("controller manager".into(), Soon::Never, Soon::AtOnce);
    assert_eq!(said(&account("default")), [default]);
    assert_eq!(said(&account("batch")), []);
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {
        "namespace": "pay", "name": "token",
        "annotations": {"argocd.argoproj.io/tracking-id": "shop:/Secret:pay/token"}}});
    assert_eq!(said(&secret), [("Argo CD shop".into(), Soon::NextSync, Soon::NextSync)]);
}
