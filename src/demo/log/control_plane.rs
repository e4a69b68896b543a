//! The control plane's own requests.

use super::machines::{Beat, beat};

const CONTROLLERS: &str = "kube-controller-manager/v1.36.3 (linux/amd64) kubernetes/d2e1a0b";

/// What always has something to do.
pub(super) const SYSTEM: &[Beat] = &[
    beat(
        "",
        "system:kube-controller-manager",
        0,
        CONTROLLERS,
        10,
        &["update leases.coordination.k8s.io kube-system/kube-controller-manager"],
    ),
    beat(
        "",
        "system:kube-scheduler",
        0,
        "kube-scheduler/v1.36.3 (linux/amd64) kubernetes/d2e1a0b",
        8,
        &[
            "update leases.coordination.k8s.io kube-system/kube-scheduler",
            "create pods/binding data/task",
            "watch pods -",
        ],
    ),
    beat(
        "",
        "system:kube-proxy",
        0,
        "kube-proxy/v1.36.3 (linux/amd64) kubernetes/d2e1a0b",
        3,
        &["watch services -", "watch endpointslices.discovery.k8s.io -"],
    ),
    beat(
        "kube-system",
        "deployment-controller",
        0,
        CONTROLLERS,
        5,
        &["update deployments.apps/status shop/storefront", "create replicasets.apps shop/web"],
    ),
    beat(
        "kube-system",
        "replicaset-controller",
        0,
        CONTROLLERS,
        5,
        &["create pods shop/storefront", "update replicasets.apps/status shop/storefront"],
    ),
    beat(
        "kube-system",
        "job-controller",
        0,
        CONTROLLERS,
        4,
        &["create pods data/task", "update jobs.batch/status data/backfill"],
    ),
    beat(
        "kube-system",
        "endpointslice-controller",
        0,
        CONTROLLERS,
        4,
        &["update endpointslices.discovery.k8s.io shop/storefront"],
    ),
    beat("kube-system", "generic-garbage-collector", 0, CONTROLLERS, 4, &["delete pods data/task"]),
    beat(
        "kube-system",
        "kube-dns",
        0,
        "CoreDNS/1.13.1 (linux/amd64)",
        3,
        &["watch services -", "watch endpoints -"],
    ),
];

/// A controller that seldom has something to do.
const fn quiet(account: &'static str, asks: &'static [&'static str]) -> Beat {
    beat("kube-system", account, 0, CONTROLLERS, 1, asks)
}

/// Those that seldom have something to do. The others have nothing to do here, and are not seen.
pub(super) const QUIET: &[Beat] = &[
    quiet("attachdetach-controller", &["patch nodes/status -/node-b1"]),
    quiet(
        "certificate-controller",
        &["update certificatesigningrequests.certificates.k8s.io/status -/ops-shared-renewal"],
    ),
    quiet(
        "clusterrole-aggregation-controller",
        &["patch clusterroles.rbac.authorization.k8s.io -/admin"],
    ),
    quiet("cronjob-controller", &["update cronjobs.batch/status data/nightly-features"]),
    quiet("daemon-set-controller", &["update daemonsets.apps/status kube-system/kube-proxy"]),
    quiet("disruption-controller", &["update poddisruptionbudgets.policy/status payments/ledger"]),
    quiet("endpoint-controller", &["update endpoints shop/storefront"]),
    quiet(
        "endpointslicemirroring-controller",
        &["update endpointslices.discovery.k8s.io legacy/batch"],
    ),
    quiet("expand-controller", &["update persistentvolumeclaims/status ml/datasets"]),
    quiet(
        "horizontal-pod-autoscaler",
        &["update horizontalpodautoscalers.autoscaling/status shop/storefront"],
    ),
    quiet("namespace-controller", &["list namespaces -"]),
    quiet("node-controller", &["patch nodes/status -/node-b1"]),
    quiet("persistent-volume-binder", &["update persistentvolumeclaims/status ml/datasets"]),
    quiet("pod-garbage-collector", &["delete pods data/task"]),
    quiet("pv-protection-controller", &["update persistentvolumes -/pv-datasets"]),
    quiet("pvc-protection-controller", &["update persistentvolumeclaims ml/datasets"]),
    quiet("resourcequota-controller", &["update resourcequotas/status ml/gpu"]),
    quiet("root-ca-cert-publisher", &["create configmaps ml/kube-root-ca.crt"]),
    quiet("service-account-controller", &["create serviceaccounts ml/default"]),
    quiet("statefulset-controller", &["update statefulsets.apps/status monitoring/prometheus"]),
    quiet("ttl-after-finished-controller", &["delete jobs.batch shop/migrate"]),
    quiet("ttl-controller", &["patch nodes -/node-b1"]),
];
