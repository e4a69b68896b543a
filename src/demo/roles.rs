//! The roles that the company made.

/// A rule: verbs, API groups, resources (or paths), names; commas between, `""` core.
pub(super) struct Rule(
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
    pub(super) &'static str,
);

const fn all(group: &'static str) -> Rule {
    Rule("*", group, "*", "")
}

const READ: &str = "get,list,watch";
const WRITE: &str = "create,delete,get,list,patch,update,watch";
const RBAC: &str = "rbac.authorization.k8s.io";

/// Cluster roles, with their age in days.
pub(super) const CLUSTER_ROLES: &[(&str, i64, &[Rule])] = &[
    (
        "access-auditor",
        433,
        &[
            Rule(READ, RBAC, "clusterroles,clusterrolebindings,roles,rolebindings", ""),
            Rule(READ, "", "namespaces,serviceaccounts", ""),
            Rule(READ, "certificates.k8s.io", "certificatesigningrequests", ""),
        ],
    ),
    ("argocd-application-controller", 910, &[Rule("*", "*", "*", ""), Rule("*", "", "/*", "")]),
    ("ci-deployer", 903, CI_DEPLOYER),
    (
        "cert-manager",
        840,
        &[
            Rule(WRITE, "cert-manager.io", "certificates,certificaterequests,issuers", ""),
            Rule("update,patch", "cert-manager.io", "certificates/status,issuers/status", ""),
            Rule(READ, "cert-manager.io", "clusterissuers", ""),
            Rule(WRITE, "acme.cert-manager.io", "challenges,orders", ""),
            Rule(WRITE, "", "secrets", ""),
            Rule("create,patch", "", "events", ""),
            Rule(READ, "networking.k8s.io", "ingresses", ""),
        ],
    ),
    (
        "external-dns",
        838,
        &[
            Rule(READ, "", "services,pods,nodes", ""),
            Rule(READ, "discovery.k8s.io", "endpointslices", ""),
            Rule(READ, "networking.k8s.io", "ingresses", ""),
        ],
    ),
    (
        "ingress-nginx",
        912,
        &[
            Rule(READ, "", "configmaps,endpoints,nodes,pods,secrets,namespaces,services", ""),
            Rule(READ, "networking.k8s.io", "ingresses,ingressclasses", ""),
            Rule("update", "networking.k8s.io", "ingresses/status", ""),
            Rule(READ, "discovery.k8s.io", "endpointslices", ""),
            Rule("create,patch", "", "events", ""),
        ],
    ),
    (
        "kube-state-metrics",
        911,
        &[
            Rule("list,watch", "", "configmaps,secrets,nodes,pods,services,serviceaccounts", ""),
            Rule("list,watch", "apps", "statefulsets,daemonsets,deployments,replicasets", ""),
            Rule("list,watch", "batch", "cronjobs,jobs", ""),
            Rule("list,watch", "autoscaling", "horizontalpodautoscalers", ""),
            Rule("list,watch", "networking.k8s.io", "networkpolicies,ingresses", ""),
            Rule("list,watch", "policy", "poddisruptionbudgets", ""),
        ],
    ),
    (
        "pod-log-reader",
        19,
        &[Rule("get,list", "", "pods,pods/log", ""), Rule("get", "", "namespaces", "")],
    ),
    (
        "prometheus",
        911,
        &[
            Rule(READ, "", "nodes,services,endpoints,pods", ""),
            Rule("get", "", "nodes/metrics", ""),
            Rule("get", "", "configmaps", ""),
            Rule(READ, "discovery.k8s.io", "endpointslices", ""),
            Rule(READ, "networking.k8s.io", "ingresses", ""),
            Rule("get", "", "/metrics,/metrics/slis", ""),
        ],
    ),
    (
        "sre-oncall",
        780,
        &[
            Rule(READ, "", "pods,pods/log,services,endpoints,events,namespaces,configmaps", ""),
            Rule("delete", "", "pods", ""),
            Rule("create", "", "pods/eviction,pods/exec,pods/portforward", ""),
            Rule("get", "", "pods/exec,pods/portforward", ""),
            Rule("get,list,watch,patch,update", "", "nodes", ""),
            Rule(READ, "apps", "deployments,statefulsets,daemonsets,replicasets", ""),
            Rule("get,patch,update", "apps", "deployments/scale,statefulsets/scale", ""),
            Rule("patch", "apps", "deployments,statefulsets,daemonsets", ""),
            Rule(READ, "batch", "jobs,cronjobs", ""),
            Rule("delete", "batch", "jobs", ""),
            Rule(READ, "metrics.k8s.io", "pods,nodes", ""),
        ],
    ),
    (
        "support-impersonator",
        367,
        &[
            Rule("impersonate", "", "users", ""),
            Rule("impersonate", "", "groups", "shop-devs,checkout-devs,catalog-devs"),
            Rule(READ, "", "namespaces", ""),
        ],
    ),
];

/// Four years of "it failed in the pipeline, add it".
const CI_DEPLOYER: &[Rule] = &[
    all(""),
    all("apps"),
    all("batch"),
    all("autoscaling"),
    all("networking.k8s.io"),
    all("policy"),
    all("cert-manager.io"),
    all("acme.cert-manager.io"),
    all("monitoring.coreos.com"),
    all("argoproj.io"),
    all("external-secrets.io"),
    all("gateway.networking.k8s.io"),
    all("keda.sh"),
    all("kafka.strimzi.io"),
    all("postgresql.cnpg.io"),
    all("snapshot.storage.k8s.io"),
    all("velero.io"),
    all("traefik.io"),
    all("bitnami.com"),
    all("extensions"),
    Rule(WRITE, RBAC, "roles,rolebindings", ""),
    Rule("bind,escalate", RBAC, "clusterroles,roles", ""),
    Rule(READ, RBAC, "clusterroles,clusterrolebindings", ""),
    Rule(READ, "apiextensions.k8s.io", "customresourcedefinitions", ""),
    Rule(READ, "storage.k8s.io", "storageclasses", ""),
    Rule(WRITE, "coordination.k8s.io", "leases", ""),
    Rule(READ, "metrics.k8s.io", "pods,nodes", ""),
    Rule(READ, "events.k8s.io", "events", ""),
    Rule("create", "authentication.k8s.io", "tokenreviews", ""),
    Rule("create", "authorization.k8s.io", "subjectaccessreviews", ""),
    Rule(READ, "admissionregistration.k8s.io", "validatingwebhookconfigurations", ""),
    Rule(READ, "scheduling.k8s.io", "priorityclasses", ""),
];

/// Roles: namespace, name, age in days, rules.
pub(super) const ROLES: &[(&str, &str, i64, &[Rule])] = &[
    (
        "argocd",
        "argocd-server",
        910,
        &[
            Rule(READ, "", "secrets,configmaps", ""),
            Rule(WRITE, "argoproj.io", "applications,appprojects", ""),
            Rule("create,list", "", "events", ""),
        ],
    ),
    ("catalog", "indexer", 512, &[Rule(READ, "", "configmaps,endpoints", "")]),
    (
        "checkout",
        "checkout-api",
        866,
        &[Rule("get", "", "configmaps", "checkout-flags"), Rule("get", "", "secrets", "psp-key")],
    ),
    (
        "ci",
        "runner",
        903,
        &[
            Rule("create,delete,get,list,watch", "", "pods", ""),
            Rule("create,get", "", "pods/exec,pods/attach", ""),
            Rule("get", "", "pods/log", ""),
            Rule("create,delete,get", "", "secrets", ""),
        ],
    ),
    (
        "data",
        "airflow",
        602,
        &[
            Rule("create,delete,get,list,patch,watch", "", "pods", ""),
            Rule("get", "", "pods/log", ""),
            Rule("create,get", "", "pods/exec", ""),
            Rule("list", "", "events", ""),
        ],
    ),
    (
        "data",
        "quarter-close",
        598,
        &[
            Rule("create,get,list,watch,delete", "batch", "jobs", ""),
            Rule("get", "", "configmaps", "fiscal-calendar"),
            Rule("get", "", "secrets", "ledger-export"),
        ],
    ),
    (
        "data",
        "warehouse-sync",
        606,
        &[Rule(READ, "", "configmaps", ""), Rule("get", "", "secrets", "warehouse-dsn")],
    ),
    ("data", "warehouse-secrets", 604, &[Rule(READ, "", "secrets", "")]),
    (
        "ingress",
        "ingress-nginx",
        912,
        &[
            Rule("get,update", "coordination.k8s.io", "leases", "ingress-nginx-leader"),
            Rule("create", "coordination.k8s.io", "leases", ""),
        ],
    ),
    (
        "ingress",
        "cert-manager-leader",
        840,
        &[
            Rule("get,patch,update", "coordination.k8s.io", "leases", "cert-manager-controller"),
            Rule("create", "coordination.k8s.io", "leases", ""),
        ],
    ),
    (
        "ml",
        "trainer",
        229,
        &[
            Rule("create,delete,get,list,watch", "batch", "jobs", ""),
            Rule(READ, "", "pods,pods/log", ""),
            Rule(WRITE, "", "persistentvolumeclaims", ""),
        ],
    ),
    (
        "payments",
        "ledger",
        861,
        &[
            Rule("get,update", "coordination.k8s.io", "leases", "ledger-leader"),
            Rule(READ, "", "configmaps", ""),
        ],
    ),
    (
        "payments",
        "payouts",
        861,
        &[Rule("get", "", "secrets", ""), Rule("get,list,watch", "", "configmaps", "")],
    ),
    ("search", "search-api", 700, &[Rule(READ, "", "endpoints,services", "")]),
    (
        "shop",
        "storefront",
        877,
        &[Rule(READ, "", "configmaps", ""), Rule("get", "", "secrets", "storefront-session")],
    ),
];
