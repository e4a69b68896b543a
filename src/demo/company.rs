//! Who and what there is: namespaces, people, teams, accounts and bindings. All invented.

/// The company's namespaces, with their age in days.
pub(super) const NAMESPACES: &[(&str, i64)] = &[
    ("argocd", 910),
    ("catalog", 880),
    ("checkout", 880),
    ("ci", 905),
    ("data", 610),
    ("ingress", 912),
    ("legacy", 915),
    ("ml", 240),
    ("monitoring", 911),
    ("payments", 870),
    ("search", 702),
    ("shop", 880),
];

/// Helm releases, by the name that their objects share, with their namespaces.
pub(super) const RELEASES: &[(&str, &str)] = &[
    ("argocd-application-controller", "argocd"),
    ("argocd-server", "argocd"),
    ("cert-manager", "ingress"),
    ("external-dns", "ingress"),
    ("ingress-nginx", "ingress"),
    ("kube-state-metrics", "monitoring"),
    ("prometheus", "monitoring"),
];

/// Namespaces whose objects Argo CD applies, from an Application of the same name.
pub(super) const APPLICATIONS: &[&str] = &["catalog", "checkout", "search", "shop"];

/// What every cluster has.
pub(super) const SYSTEM_NAMESPACES: &[&str] =
    &["default", "kube-node-lease", "kube-public", "kube-system"];

/// Age of the cluster in days.
pub(super) const CLUSTER_AGE: i64 = 917;

/// One who signs in at the identity provider.
pub(super) struct Person {
    /// Before the `@`.
    pub(super) handle: &'static str,
    /// Her groups there, blank between.
    pub(super) groups: &'static str,
    /// On how many of a hundred working days she uses the cluster.
    pub(super) days: u64,
    /// Her first day in the log, in days before now.
    pub(super) from: i64,
    /// Her last.
    pub(super) until: i64,
}

const fn person(handle: &'static str, groups: &'static str, days: u64) -> Person {
    Person { handle, groups, days, from: 91, until: 0 }
}

/// Everybody who appears in the log under an address at the company.
pub(super) const PEOPLE: &[Person] = &[
    person("mira", "platform", 72),
    person("tobin", "platform", 64),
    person("annika", "platform", 48),
    person("ravi", "platform sre", 55),
    person("leila", "sre", 82),
    person("ondrej", "sre", 66),
    person("sanne", "sre", 58),
    person("pia", "shop-devs", 61),
    person("marek", "shop-devs", 44),
    person("yusuf", "shop-devs catalog-devs", 52),
    person("clara", "shop-devs", 23),
    person("nils", "checkout-devs", 57),
    person("amara", "checkout-devs", 39),
    person("ines", "payments-devs", 63),
    person("kofi", "payments-devs", 46),
    person("hanne", "payments-devs checkout-devs", 34),
    person("erik", "catalog-devs", 41),
    person("sofia", "catalog-devs", 36),
    person("dario", "search-devs", 49),
    person("aziz", "data-eng", 54),
    person("greta", "data-eng", 33),
    person("pavel", "data-eng", 28),
    // New this quarter.
    Person { handle: "noor", groups: "ml-research", days: 70, from: 26, until: 0 },
    person("simon", "ml-research", 31),
    person("tess", "support", 68),
    person("rolf", "support", 42),
    // Left the company: nothing since, and still namespace admin.
    Person { handle: "henrik", groups: "payments-devs", days: 100, from: 91, until: 83 },
];

/// A service account of the company: namespace, name, age in days, pods that run as it.
pub(super) const ACCOUNTS: &[(&str, &str, i64, usize)] = &[
    ("argocd", "argocd-application-controller", 910, 1),
    ("argocd", "argocd-server", 910, 2),
    ("catalog", "indexer", 512, 2),
    ("checkout", "checkout-api", 866, 3),
    ("ci", "deployer", 903, 0),
    ("ci", "runner", 903, 4),
    ("data", "airflow", 602, 2),
    ("data", "quarter-close", 598, 0),
    ("data", "warehouse-sync", 606, 1),
    ("ingress", "cert-manager", 840, 1),
    ("ingress", "external-dns", 838, 1),
    ("ingress", "ingress-nginx", 912, 3),
    ("legacy", "batch-import", 915, 0),
    ("ml", "notebook", 231, 1),
    ("ml", "trainer", 229, 0),
    ("monitoring", "kube-state-metrics", 911, 1),
    ("monitoring", "prometheus", 911, 2),
    ("payments", "ledger", 861, 3),
    ("payments", "payouts", 861, 1),
    ("search", "search-api", 700, 3),
    ("shop", "storefront", 877, 4),
];

/// A binding: namespace (`""` for cluster-wide), name, role, subjects, age in days.
pub(super) struct Bind {
    /// `""` for a `ClusterRoleBinding`.
    pub(super) namespace: &'static str,
    /// Its name.
    pub(super) name: &'static str,
    /// `ClusterRole/NAME` or `Role/NAME`.
    pub(super) role: &'static str,
    /// `user:NAME group:NAME sa:NAMESPACE/NAME`, blank between.
    pub(super) subjects: &'static str,
    /// Days.
    pub(super) age: i64,
}

const fn bind(
    namespace: &'static str,
    name: &'static str,
    role: &'static str,
    subjects: &'static str,
    age: i64,
) -> Bind {
    Bind { namespace, name, role, subjects, age }
}

/// Every binding that the company made.
pub(super) const BINDINGS: &[Bind] = &[
    // Admins by group: whoever is put into it at the identity provider is one.
    bind("", "platform-admins", "ClusterRole/cluster-admin", "group:platform", 914),
    // "Just for the migration", four hundred days ago, and never seen since the log begins.
    bind("", "gwen-migration", "ClusterRole/cluster-admin", "user:gwen@corp.example", 404),
    bind("", "sre-oncall", "ClusterRole/sre-oncall", "group:sre", 780),
    // A group's name, bound as a user.
    bind("", "sre-view", "ClusterRole/view", "user:sre", 611),
    bind("", "ops-shared", "ClusterRole/edit", "user:ops-shared", 899),
    bind("", "auditors", "ClusterRole/access-auditor", "group:auditors", 433),
    bind("", "support-impersonation", "ClusterRole/support-impersonator", "group:support", 367),
    // Meant for one afternoon, given to everybody who can sign in.
    bind("", "tmp-debug-logs", "ClusterRole/pod-log-reader", "group:system:authenticated", 19),
    bind("", "ci-deployer", "ClusterRole/ci-deployer", "sa:ci/deployer", 903),
    bind(
        "",
        "argocd-application-controller",
        "ClusterRole/argocd-application-controller",
        "sa:argocd/argocd-application-controller",
        910,
    ),
    bind("", "prometheus", "ClusterRole/prometheus", "sa:monitoring/prometheus", 911),
    bind(
        "",
        "kube-state-metrics",
        "ClusterRole/kube-state-metrics",
        "sa:monitoring/kube-state-metrics",
        911,
    ),
    bind("", "ingress-nginx", "ClusterRole/ingress-nginx", "sa:ingress/ingress-nginx", 912),
    bind("", "cert-manager", "ClusterRole/cert-manager", "sa:ingress/cert-manager", 840),
    bind("", "external-dns", "ClusterRole/external-dns", "sa:ingress/external-dns", 838),
    // The backup tool was removed; role, account and namespace are gone, the binding is not.
    bind("", "velero", "ClusterRole/velero", "sa:velero/velero", 655),
    bind("argocd", "argocd-server", "Role/argocd-server", "sa:argocd/argocd-server", 910),
    bind("catalog", "catalog-devs", "ClusterRole/edit", "group:catalog-devs", 702),
    bind("catalog", "indexer", "Role/indexer", "sa:catalog/indexer", 512),
    bind("checkout", "checkout-devs", "ClusterRole/edit", "group:checkout-devs", 866),
    bind("checkout", "checkout-api", "Role/checkout-api", "sa:checkout/checkout-api", 866),
    bind("checkout", "henrik", "ClusterRole/edit", "user:henrik@corp.example", 588),
    bind("ci", "runner", "Role/runner", "sa:ci/runner", 903),
    bind("data", "data-eng", "ClusterRole/edit", "group:data-eng", 606),
    bind("data", "data-eng-secrets", "Role/warehouse-secrets", "group:data-eng", 604),
    bind("data", "airflow", "Role/airflow", "sa:data/airflow", 602),
    bind("data", "quarter-close", "Role/quarter-close", "sa:data/quarter-close", 598),
    bind("data", "warehouse-sync", "Role/warehouse-sync", "sa:data/warehouse-sync", 606),
    // From a namespace that no longer exists.
    bind("data", "staging-sync", "Role/warehouse-sync", "sa:staging/sync", 498),
    bind("ingress", "ingress-nginx", "Role/ingress-nginx", "sa:ingress/ingress-nginx", 912),
    bind("ingress", "cert-manager", "Role/cert-manager-leader", "sa:ingress/cert-manager", 840),
    bind("legacy", "batch-import", "ClusterRole/edit", "sa:legacy/batch-import", 915),
    // The account was deleted; whoever may create accounts here inherits the right.
    bind("legacy", "old-exporter", "ClusterRole/view", "sa:legacy/old-exporter", 780),
    bind("legacy", "contractors", "ClusterRole/view", "group:contractors", 540),
    bind("ml", "ml-research", "ClusterRole/edit", "group:ml-research", 229),
    bind("ml", "notebook", "ClusterRole/edit", "sa:ml/notebook", 229),
    bind("ml", "trainer", "Role/trainer", "sa:ml/trainer", 229),
    bind("ml", "zoe", "ClusterRole/edit", "user:zoe@corp.example", 133),
    bind("monitoring", "sre", "ClusterRole/admin", "group:sre", 780),
    bind("payments", "payments-devs", "ClusterRole/edit", "group:payments-devs", 861),
    bind("payments", "henrik-admin", "ClusterRole/admin", "user:henrik@corp.example", 733),
    bind("payments", "ledger", "Role/ledger", "sa:payments/ledger", 861),
    bind("payments", "payouts", "Role/payouts", "sa:payments/payouts", 861),
    bind("search", "search-devs", "ClusterRole/edit", "group:search-devs", 700),
    bind("search", "search-api", "Role/search-api", "sa:search/search-api", 700),
    // The role was deleted: nothing today, and everything again if somebody recreates it.
    bind("search", "crawler", "Role/crawler", "user:dario@corp.example", 320),
    bind("shop", "shop-devs", "ClusterRole/edit", "group:shop-devs", 877),
    bind("shop", "release-bot", "Role/release-bot", "sa:ci/runner", 466),
    bind("shop", "henrik-view", "ClusterRole/view", "user:henrik@corp.example", 700),
    bind("shop", "storefront", "Role/storefront", "sa:shop/storefront", 877),
];
