//! kapp, Rancher, k3s and EKS, by objects as they write them.

use super::*;

#[test]
fn kapp_is_believed_of_the_object_that_it_names() {
    let of = |identity: &str| {
        said(&role_binding(&json!({
            "labels": {"kapp.k14s.io/app": "1645205001589335916",
                "kapp.k14s.io/association": "v1.0da7ffcb7e9cabbcf464eb8289d3e170"},
            "annotations": {"kapp.k14s.io/identity": identity},
        })))
    };
    let own = "v1;pay/rbac.authorization.k8s.io/RoleBinding/batch;rbac.authorization.k8s.io/v1";
    let app = "kapp app 1645205001589335916";
    assert_eq!(of(own), [(app.into(), Soon::NextSync, Soon::NextSync)]);
    // A copy of what it made, and what it does not write.
    for other in [
        "v1;pay/rbac.authorization.k8s.io/RoleBinding/other;rbac.authorization.k8s.io/v1",
        "v1;pay/rbac.authorization.k8s.io/RoleBinding/batch",
        "v2;pay/rbac.authorization.k8s.io/RoleBinding/batch;rbac.authorization.k8s.io/v1",
        "",
    ] {
        assert_eq!(of(other), [], "{other}");
    }
    // Of the core group, and what has no namespace.
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": {
        "namespace": "pay", "name": "token", "labels": {"kapp.k14s.io/app": "1"},
        "annotations": {"kapp.k14s.io/identity": "v1;pay//Secret/token;v1"}}});
    assert_eq!(said(&secret), [("kapp app 1".into(), Soon::NextSync, Soon::NextSync)]);
    // It takes off what is not its own.
    assert_eq!(owners(&secret)[0].label.soon, Soon::NextSync);
    let role = cluster_role(&json!({"name": "batch", "labels": {"kapp.k14s.io/app": "1"},
        "annotations": {"kapp.k14s.io/identity":
            "v1;/rbac.authorization.k8s.io/ClusterRole/batch;rbac.authorization.k8s.io/v1"}}));
    assert_eq!(said(&role).len(), 1);
}

#[test]
fn rancher_is_told_by_what_it_makes_an_object_of() {
    let next = Soon::NextSync;
    let binding = role_binding(&json!({"labels": {
        "authz.cluster.cattle.io/rtb-owner-updated": "p-lsznf_prtb-pz7zw",
        "cattle.io/creator": "norman"}}));
    assert_eq!(said(&binding), [("Rancher p-lsznf/prtb-pz7zw".into(), next, next)]);
    let role = cluster_role(&json!({"name": "project-member",
        "annotations": {"authz.cluster.cattle.io/clusterrole-owner": "project-member"}}));
    assert_eq!(said(&role), [("Rancher project-member".into(), next, next)]);
    // That Rancher made it once does not bring it back.
    let creator = role_binding(&json!({"labels": {"cattle.io/creator": "norman"}}));
    assert_eq!(said(&creator), []);
}

#[test]
fn what_is_applied_for_an_object_is_told_with_its_owner() {
    let of = |gvk: &str, namespace: &str| {
        said(&role_binding(&json!({
            "labels": {"objectset.rio.cattle.io/hash": "bce283298811743a0386ab510f2f67ef74240c57"},
            "annotations": {
                "objectset.rio.cattle.io/id": "",
                "objectset.rio.cattle.io/owner-gvk": gvk,
                "objectset.rio.cattle.io/owner-name": "local-storage",
                "objectset.rio.cattle.io/owner-namespace": namespace,
            },
        })))
    };
    let start = Soon::ServerStart;
    assert_eq!(
        of("k3s.cattle.io/v1, Kind=Addon", "kube-system"),
        [("k3s Addon kube-system/local-storage".into(), start, start)]
    );
    let next = Soon::NextSync;
    assert_eq!(
        of("fleet.cattle.io/v1alpha1, Kind=ClusterRegistration", ""),
        [("Rancher ClusterRegistration local-storage".into(), next, next)]
    );
    assert_eq!(of("nonsense", "kube-system"), []);
}

#[test]
fn an_add_on_of_eks_is_told_by_who_wrote_it() {
    let role = |managed: Value| {
        cluster_role(&json!({"name": "vpc-resource-mutating",
            "labels": {"eks.amazonaws.com/component": "coredns"}, "managedFields": managed}))
    };
    let eks = json!([{"manager": "eks", "operation": "Apply",
        "apiVersion": "rbac.authorization.k8s.io/v1", "time": "2026-03-01T00:00:00Z",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:rules": {}}}]);
    let update = Soon::NextUpgrade;
    assert_eq!(said(&role(eks)), [("EKS add-on".into(), update, update)]);
    // What was there before add-ons has the label as well.
    assert_eq!(said(&role(json!([]))), []);
}
