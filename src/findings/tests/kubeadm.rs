//! What kubeadm grants by itself is no false alarm, and what else is granted to anybody is said.

use super::*;

fn named(verbs: &[&str], resource: &str, name: &str) -> Value {
    json!([{"verbs": verbs, "apiGroups": [""], "resources": [resource], "resourceNames": [name]}])
}

/// `(whom, rule, severity)`.
fn all(world: &World) -> Vec<(String, &'static str, Severity)> {
    let mut all: Vec<_> = findings(world)
        .into_iter()
        .map(|one| (one.identity.to_string(), one.rule, one.severity))
        .collect();
    all.sort();
    all
}

const JOINING: &str = "group:system:bootstrappers:kubeadm:default-node-token";

/// As `kubeadm init` makes them (`cmd/kubeadm/app/phases`).
fn kubeadm() -> World {
    let csr = |sub: &str| {
        json!([{"verbs": ["create"], "apiGroups": ["certificates.k8s.io"],
            "resources": [format!("certificatesigningrequests{sub}")]}])
    };
    let info = "kubeadm:bootstrap-signer-clusterinfo";
    let mut world = world()
        .namespace("kube-public")
        .namespace("kube-system")
        .account("kube-system", "kube-proxy")
        .role("kube-public", info, &named(&["get"], "configmaps", "cluster-info"))
        .bind(Some("kube-public"), info, &format!("Role/{info}"), "user:system:anonymous")
        .cluster_role("kubeadm:get-nodes", &rule(&["get"], "", "nodes"))
        .bind(None, "kubeadm:get-nodes", "ClusterRole/kubeadm:get-nodes", JOINING)
        .cluster_role("bootstrapper", &csr(""))
        .bind(None, "kubeadm:kubelet-bootstrap", "ClusterRole/bootstrapper", JOINING)
        .cluster_role("nodeclient", &csr("/nodeclient"))
        .bind(None, "kubeadm:node-autoapprove-bootstrap", "ClusterRole/nodeclient", JOINING)
        .cluster_role("selfnodeclient", &csr("/selfnodeclient"))
        .bind(
            None,
            "kubeadm:node-autoapprove-certificate-rotation",
            "ClusterRole/selfnodeclient",
            "group:system:nodes",
        )
        .cluster_role("proxier", &rule(&["list", "watch"], "", "services"))
        .bind(None, "kubeadm:node-proxier", "ClusterRole/proxier", "sa:kube-system/kube-proxy")
        .bind(None, "kubeadm:cluster-admins", "ClusterRole/all", "group:kubeadm:cluster-admins");
    for (name, map) in [
        ("kubeadm:nodes-kubeadm-config", "kubeadm-config"),
        ("kubeadm:kubelet-config", "kubelet-config"),
    ] {
        let role = format!("Role/{name}");
        world = world.role("kube-system", name, &named(&["get"], "configmaps", map)).bind(
            Some("kube-system"),
            name,
            &role,
            JOINING,
        );
    }
    world
}

#[test]
fn what_kubeadm_makes_is_no_alarm() {
    let world = kubeadm();
    assert_eq!(
        all(&world),
        [
            ("group:kubeadm:cluster-admins".into(), "cluster-admin", Severity::High),
            ("user:system:anonymous".into(), "everybody", Severity::Info),
        ]
    );
    let found = findings(&world);
    let of = |rule: &str| found.iter().find(|one| one.rule == rule).unwrap();
    assert_eq!(
        of("everybody").evidence,
        "RoleBinding kube-public/kubeadm:bootstrap-signer-clusterinfo grants Role \
         kube-public/kubeadm:bootstrap-signer-clusterinfo (read) to anybody without credentials: get \
         on configmaps named cluster-info in kube-public; kubeadm makes it: `kubeadm join` with token \
         discovery reads where the cluster is"
    );
    assert!(of("everybody").fix.how.contains("`kubeadm join` with token discovery fails"));
    assert!(of("cluster-admin").evidence.ends_with("; kubeadm makes it for its admin.conf"));
}

#[test]
fn what_anybody_reads_is_as_bad_as_it_is() {
    let info = "kubeadm:bootstrap-signer-clusterinfo";
    let severity = |name: &str, role: &Value| {
        let world = world().namespace("kube-public").role("kube-public", name, role).bind(
            Some("kube-public"),
            name,
            &format!("Role/{name}"),
            "user:system:anonymous",
        );
        all(&world).into_iter().find(|(_, rule, _)| *rule == "everybody").unwrap().2
    };
    // One object by its name, and kubeadm's name with something else in it.
    assert_eq!(severity("x", &named(&["get"], "configmaps", "cluster-info")), Severity::Low);
    assert_eq!(severity(info, &named(&["get"], "configmaps", "other")), Severity::Low);
    // All of them, by a name of kubeadm's.
    assert_eq!(severity(info, &rule(&["get"], "", "configmaps")), Severity::High);
    assert!(severity("x", &named(&["get"], "secrets", "token")) >= Severity::High);
    assert!(severity("x", &rule(&["get", "list"], "", "secrets")) >= Severity::High);
    assert!(severity("x", &named(&["get", "update"], "configmaps", "a")) >= Severity::High);
}
