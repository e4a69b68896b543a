use serde_json::{Value, json};

use super::*;
use crate::model::{Health, ListKind, ListState, Object, SharedMap};

fn object(value: &Value) -> Object {
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    Object::read(&text("apiVersion"), &text("kind"), value).unwrap().unwrap()
}

fn owners(value: &Value) -> Vec<Owner> {
    owners_in(&Snapshot::default(), value)
}

fn owners_in(snapshot: &Snapshot, value: &Value) -> Vec<Owner> {
    let version = Some("v1.36.3");
    let mut snapshot = snapshot.clone();
    snapshot.cluster.server_version = version.map(Into::into);
    match object(value) {
        Object::Role(role) => of_role(&role, version),
        Object::Binding(binding) => of_binding(&snapshot, &binding),
        Object::ServiceAccount(account) => of_account(&snapshot, &account),
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

/// `managedFields` as the API server prints them.
fn written_by(client: &str) -> Value {
    json!([{"manager": client, "operation": "Update", "apiVersion": "rbac.authorization.k8s.io/v1",
        "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:metadata": {"f:labels": {".": {}, "f:app.kubernetes.io/instance": {}}}}},
        {"manager": "kubectl-edit", "operation": "Update"}])
}

#[test]
fn what_argo_cd_tracks_by_label_is_told_by_who_wrote_it() {
    let next = Soon::NextSync;
    let labelled = |more: Value| {
        let mut metadata = json!({"labels": {"app.kubernetes.io/instance": "shop"}});
        metadata.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        said(&role_binding(&metadata))
    };
    for client in ["argocd-controller", "argocd-application-controller"] {
        let written = labelled(json!({"managedFields": written_by(client)}));
        assert_eq!(written, [("Argo CD shop".into(), next, next)]);
    }
    // An application that is not in Argo CD's own namespace.
    let elsewhere = role_binding(&json!({"labels": {"app.kubernetes.io/instance": "team-a_shop"},
        "managedFields": written_by("argocd-controller")}));
    assert_eq!(said(&elsewhere), [("Argo CD team-a/shop".into(), next, next)]);
    // kubectl prints no managedFields unless it is asked to.
    assert_eq!(labelled(json!({})), [("maybe Argo CD shop".into(), next, next)]);
    // Somebody else wrote it: `helm template | kubectl apply`.
    assert_eq!(labelled(json!({"managedFields": written_by("kubectl")})), []);
    // Helm's own, where the client is not known.
    let upgrade = Soon::NextUpgrade;
    let release = json!({"annotations": {"meta.helm.sh/release-name": "shop"}});
    assert_eq!(labelled(release), [("Helm shop".into(), upgrade, upgrade)]);
}

#[test]
fn a_chart_that_something_rendered_may_be_argo_cds() {
    let next = Soon::NextSync;
    let labels = json!({"labels": {"app.kubernetes.io/managed-by": "Helm",
        "app.kubernetes.io/instance": "shop"}});
    assert_eq!(said(&role_binding(&labels)), [("maybe Argo CD shop".into(), next, next)]);
    let other = json!({"labels": {"app.kubernetes.io/managed-by": "pulumi",
        "app.kubernetes.io/instance": "shop"}});
    let not_known = Soon::NotKnown;
    let label = ("maybe managed-by label pulumi".into(), not_known, not_known);
    assert_eq!(said(&role_binding(&other)), [("maybe Argo CD shop".into(), next, next), label]);
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
    // It goes by owner references when something happens to what has the label.
    let label = role_binding(&json!({"labels": {"rbac-manager": "reactiveops"}}));
    assert_eq!(said(&label), [("maybe rbac-manager".into(), Soon::Never, Soon::NextSync)]);
    // A definition of the same kind in another group is somebody else's.
    let other = json!([{"apiVersion": "example.org/v1", "kind": "RBACDefinition", "name": "d",
        "uid": "u", "controller": true}]);
    let expected = [("owner RBACDefinition d".into(), Soon::NotKnown, Soon::NotKnown)];
    assert_eq!(said(&role_binding(&json!({"ownerReferences": other}))), expected);
}

/// Namespaces with their labels, and a definition.
fn defined(namespaces: &[(&str, Value)], bindings: &Value) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (name, labels) in namespaces {
        snapshot.objects.insert(object(&json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": labels}})));
    }
    snapshot.objects.insert(object(&json!({"apiVersion": "rbacmanager.reactiveops.io/v1beta1",
        "kind": "RBACDefinition", "metadata": {"name": "developers"}, "rbacBindings": bindings})));
    for list in [ListKind::RbacDefinitions, ListKind::Namespaces] {
        snapshot.lists.insert(list, ListState::new(Health::Complete));
    }
    snapshot
}

/// A binding that rbac-manager made for the definition `developers`.
fn made(kind: &str, namespace: Option<&str>, name: &str) -> Value {
    let role = if name.contains("own") { "Role" } else { "ClusterRole" };
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": {"namespace": namespace, "name": name, "labels": {"rbac-manager": "reactiveops"},
            "ownerReferences": [{"apiVersion": "rbacmanager.reactiveops.io/v1beta1",
                "kind": "RBACDefinition", "name": "developers", "uid": "u", "controller": true,
                "blockOwnerDeletion": true}]},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": "edit"},
        "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "devs"}]})
}

#[test]
fn what_a_definition_selects_is_told_with_the_binding() {
    let subjects = json!([{"kind": "Group", "name": "devs"},
        {"kind": "ServiceAccount", "namespace": "app", "name": "robot"}]);
    let snapshot = defined(
        &[
            ("app", json!({"team": "dev", "tier": "one"})),
            ("shop", json!({"team": "dev"})),
            ("old", json!({"team": "dev", "gone": "yes"})),
            ("pay", json!({"team": "ops"})),
        ],
        &json!([{"name": "dev", "subjects": subjects,
        "clusterRoleBindings": [{"clusterRole": "view"}],
        "roleBindings": [
            {"clusterRole": "edit", "namespaceSelector": {"matchLabels": {"team": "dev"},
                "matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]}},
            {"role": "own", "namespace": "pay"},
            {"role": "own-too", "namespaceSelector": {"matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["one", "two"]}]}},
            {"clusterRole": "all", "namespace": "pay", "namespaceSelector": {"matchLabels": {}}},
        ]}]),
    );
    let told = |kind: &str, namespace: Option<&str>, name: &str| {
        let owners = owners_in(&snapshot, &made(kind, namespace, name));
        let [owner] = &owners[..] else { panic!("{owners:?}") };
        assert_eq!(owner.words(), "rbac-manager developers");
        (owner.detail.as_deref().unwrap().to_owned(), owner.edit.soon, owner.deletion.soon)
    };
    let kept = |detail: &str| (detail.to_owned(), Soon::AtOnce, Soon::AtOnce);
    let changes = "one that gets these labels is bound too, one that loses them no longer";
    let selected = format!(
        "its entry dev, in every namespace with labels team=dev,!gone: app, shop now; {changes}"
    );
    assert_eq!(told("RoleBinding", Some("app"), "developers-dev-edit"), kept(&selected));
    assert_eq!(told("RoleBinding", Some("shop"), "developers-dev-edit"), kept(&selected));
    let cluster = kept("its entry dev, in the whole cluster");
    assert_eq!(told("ClusterRoleBinding", None, "developers-dev-view"), cluster);
    let named = kept("its entry dev, in namespace pay");
    assert_eq!(told("RoleBinding", Some("pay"), "developers-dev-own-pay"), named);
    // With a Role and a selector the name ends in the namespace that nothing names.
    let role = format!(
        "its entry dev, in every namespace with labels tier in (one,two): app now; {changes}"
    );
    assert_eq!(told("RoleBinding", Some("app"), "developers-dev-own-too-"), kept(&role));
    // A selector without a label selects everything, and goes before the namespace.
    let all = format!(
        "its entry dev, in every namespace with whatever labels: app, old, pay, shop now; {changes}"
    );
    assert_eq!(told("RoleBinding", Some("old"), "developers-dev-all"), kept(&all));

    // Files of some namespaces do not say which others are selected.
    let mut some = snapshot.clone();
    some.lists.insert(ListKind::Namespaces, ListState::new(Health::Unverifiable));
    let owners = owners_in(&some, &made("RoleBinding", Some("app"), "developers-dev-edit"));
    let known = format!("app, shop now, of those that were read; {changes}");
    assert!(owners[0].detail.as_deref().unwrap().ends_with(&known), "{owners:?}");

    // What the definition does not say any more is deleted, and does not come back.
    let gone = |detail: &str| (detail.to_owned(), Soon::AtOnce, Soon::Never);
    let lost = gone("its entry dev is for namespaces with labels team=dev,!gone, and old is none");
    assert_eq!(told("RoleBinding", Some("old"), "developers-dev-edit"), lost);
    let other = gone("its entry dev is not for namespace app");
    assert_eq!(told("RoleBinding", Some("app"), "developers-dev-own-pay"), other);
    let none = gone("none of its entries has a binding of this name");
    assert_eq!(told("RoleBinding", Some("app"), "developers-dev-admin"), none);

    let account = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"namespace": "app",
            "name": name, "labels": {"rbac-manager": "reactiveops"},
            "ownerReferences": made("RoleBinding", None, "")["metadata"]["ownerReferences"]}})
    };
    let owners = owners_in(&snapshot, &account("robot"));
    assert_eq!(owners[0].detail.as_deref(), Some("a subject of its entry dev"));
    let owners = owners_in(&snapshot, &account("other"));
    assert_eq!(owners[0].detail.as_deref(), Some("it is a subject of none of its entries"));
    assert_eq!(owners[0].deletion.soon, Soon::Never);
}

#[test]
fn a_definition_that_is_gone_keeps_nothing_and_one_that_was_not_read_may() {
    let binding = made("RoleBinding", Some("app"), "developers-dev-edit");
    let mut snapshot = defined(&[("app", json!({}))], &json!([]));
    snapshot.objects.others = SharedMap::default();
    let owners = owners_in(&snapshot, &binding);
    assert_eq!((owners[0].edit.soon, owners[0].deletion.soon), (Soon::Never, Soon::Never));
    let forbidden = ListState::because(Health::Forbidden, "403");
    snapshot.lists.insert(ListKind::RbacDefinitions, forbidden);
    let owners = owners_in(&snapshot, &binding);
    assert_eq!((owners[0].edit.soon, owners[0].deletion.soon), (Soon::AtOnce, Soon::AtOnce));
    assert_eq!(owners[0].detail.as_deref(), Some("its RBACDefinition was not read"));
}

#[test]
fn an_owner_that_is_no_controller_brings_nothing_back() {
    let reference = |controller: bool| {
        role_binding(&json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap",
            "name": "d", "uid": "u", "controller": controller}]}))
    };
    let (never, not_known) = (Soon::Never, Soon::NotKnown);
    assert_eq!(said(&reference(false)), [("owner ConfigMap d".into(), never, never)]);
    assert_eq!(said(&reference(true)), [("owner ConfigMap d".into(), not_known, not_known)]);
    // It hides nobody who says to manage it.
    let both = role_binding(&json!({"labels": {"app.kubernetes.io/managed-by": "pulumi"},
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "d", "uid": "u"}]}));
    let label = ("maybe managed-by label pulumi".into(), not_known, not_known);
    assert_eq!(said(&both), [label, ("owner ConfigMap d".into(), never, never)]);
}

#[test]
fn each_keeps_or_leaves_a_label_that_is_not_its_own() {
    let label = |metadata: Value| {
        let owners = owners(&role_binding(&metadata));
        (owners[0].label.soon, owners[0].label.when)
    };
    let never = Soon::Never;
    let helm = json!({"annotations": {"meta.helm.sh/release-name": "a"}});
    assert_eq!(label(helm), (never, "it stays, unless an upgrade or rollback is forced"));
    let argo = json!({"labels": {"argocd.argoproj.io/instance": "a"}});
    let unless = "it stays, unless its Application is synced with Replace=true";
    assert_eq!(label(argo), (never, unless));
    let replaced = json!({"labels": {"argocd.argoproj.io/instance": "a"},
        "annotations": {"argocd.argoproj.io/sync-options": "Prune=false, Replace=true"}});
    assert_eq!(label(replaced).0, Soon::NextSync);
    let flux = json!({"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}});
    assert!(label(flux).1.starts_with("it stays if keybook puts it on"));
    let addon = json!({"labels": {"addonmanager.kubernetes.io/mode": "Reconcile"}});
    assert_eq!(label(addon), (never, "it stays"));
    let controller = json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap",
        "name": "d", "uid": "u", "controller": true}]});
    assert_eq!(label(controller).0, Soon::NotKnown);
    let other = json!({"labels": {"app.kubernetes.io/managed-by": "pulumi"}});
    assert_eq!(label(other).0, Soon::NotKnown);
}

#[test]
fn olm_is_told_by_what_it_made_an_object_for() {
    let when = |labels: Value| {
        let owners = owners(&role_binding(&json!({ "labels": labels })));
        assert_eq!(owners.len(), 1);
        (owners[0].words(), owners[0].edit.when)
    };
    let of = |kind: Option<&str>| {
        when(json!({"olm.owner": "x", "olm.owner.namespace": "ops", "olm.owner.kind": kind,
            "olm.managed": "true"}))
    };
    let lacks = "when OLM next finds that its ClusterServiceVersion lacks the permission";
    assert_eq!(of(Some("ClusterServiceVersion")), ("OLM ops/x".into(), lacks));
    let group = "when OLM next goes through its OperatorGroup";
    assert_eq!(of(Some("OperatorGroup")), ("OLM ops/x".into(), group));
    let extension = role_binding(&json!({
        "labels": {"olm.operatorframework.io/owner-kind": "ClusterExtension",
            "olm.operatorframework.io/owner-name": "cd"},
        "ownerReferences": [{"apiVersion": "olm.operatorframework.io/v1", "kind": "ClusterExtension",
            "name": "cd", "uid": "u", "controller": true, "blockOwnerDeletion": true}]}));
    assert_eq!(said(&extension), [("OLM cd".into(), Soon::NextSync, Soon::NextSync)]);
    // What it made for a ClusterServiceVersion has a reference that says nothing else.
    let version = role_binding(&json!({
        "labels": {"olm.owner": "x", "olm.owner.namespace": "ops",
            "olm.owner.kind": "ClusterServiceVersion"},
        "ownerReferences": [{"apiVersion": "operators.coreos.com/v1alpha1",
            "kind": "ClusterServiceVersion", "name": "x", "uid": "u"}]}));
    assert_eq!(said(&version), [("OLM ops/x".into(), Soon::NextSync, Soon::NextSync)]);
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

mod accounts;
mod appliers;
mod hooks;
