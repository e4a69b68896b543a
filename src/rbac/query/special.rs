//! Resources that discovery does not list and that the API server, its admission plugins or the
//! kubelet nevertheless ask the authorizer about.
//!
//! Sources, by path in the Kubernetes tree: `apiserver/pkg/endpoints/filters/impersonation`,
//! `pkg/registry/rbac/escalation_check.go`, `pkg/certauthorization`, `pkg/registry/resource/utils.go`,
//! `pkg/kubelet/server/auth.go`, `plugin/pkg/admission/gc`, `pkg/controller/certificates/approver`.

use super::target::Scoping;

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// Verbs that are asked; one that ends in `:` stands for every verb with that beginning. Empty:
    /// any verb.
    pub verbs: &'static [&'static str],
    /// API group.
    pub group: &'static str,
    /// Plural resource.
    pub resource: &'static str,
    /// Subresource; `""` for none, `*` for any.
    pub subresource: &'static str,
    /// Whether the question carries a namespace.
    pub scoping: Scoping,
    /// Who asks, in words.
    pub asked_by: &'static str,
}

const IMPERSONATION: &str = "asked when a request impersonates";
const SIGNERS: &str = "asked when a certificate request is approved or signed";
const ROLES: &str = "asked when roles and bindings are written";
const KUBELET: &str = "asked by kubelets about their own API";
const POD_POLICY: &str = "asked by admission when a pod is made";
const DEVICES: &str = "asked when a resource claim's status is written";
const IDENTITY_GROUP: &str = "authentication.k8s.io";
const RBAC_GROUP: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";

const fn special(
    verbs: &'static [&'static str],
    group: &'static str,
    resource: &'static str,
    scoping: Scoping,
    asked_by: &'static str,
) -> Special {
    Special { verbs, group, resource, subresource: "", scoping, asked_by }
}

const fn kubelet(subresource: &'static str) -> Special {
    let scoping = Scoping::Cluster;
    Special { verbs: &[], group: "", resource: "nodes", subresource, scoping, asked_by: KUBELET }
}

const WHO: &[&str] = &["impersonate"];
const WHO_CONSTRAINED: &[&str] = &["impersonate:user-info"];
const WHO_ACCOUNT: &[&str] = &["impersonate:serviceaccount"];
const WHO_NODE: &[&str] = &["impersonate:arbitrary-node", "impersonate:associated-node"];
const SIGN: &[&str] = &["approve", "sign", "attest"];

/// All of them.
pub const SPECIAL: &[Special] = &[
    special(WHO, "", "users", Scoping::Cluster, IMPERSONATION),
    special(WHO, "", "groups", Scoping::Cluster, IMPERSONATION),
    special(WHO, "", "serviceaccounts", Scoping::Namespaced, IMPERSONATION),
    special(WHO, IDENTITY_GROUP, "uids", Scoping::Cluster, IMPERSONATION),
    special(WHO, IDENTITY_GROUP, "userextras", Scoping::Cluster, IMPERSONATION),
    Special {
        subresource: "*",
        ..special(WHO, IDENTITY_GROUP, "userextras", Scoping::Cluster, IMPERSONATION)
    },
    special(WHO_CONSTRAINED, IDENTITY_GROUP, "users", Scoping::Cluster, IMPERSONATION),
    special(WHO_CONSTRAINED, IDENTITY_GROUP, "groups", Scoping::Cluster, IMPERSONATION),
    special(WHO_CONSTRAINED, IDENTITY_GROUP, "uids", Scoping::Cluster, IMPERSONATION),
    special(WHO_CONSTRAINED, IDENTITY_GROUP, "userextras", Scoping::Cluster, IMPERSONATION),
    Special {
        subresource: "*",
        ..special(WHO_CONSTRAINED, IDENTITY_GROUP, "userextras", Scoping::Cluster, IMPERSONATION)
    },
    special(WHO_ACCOUNT, IDENTITY_GROUP, "serviceaccounts", Scoping::Namespaced, IMPERSONATION),
    special(WHO_NODE, IDENTITY_GROUP, "nodes", Scoping::Cluster, IMPERSONATION),
    special(&["bind"], RBAC_GROUP, "clusterroles", Scoping::Either, ROLES),
    special(&["bind"], RBAC_GROUP, "roles", Scoping::Namespaced, ROLES),
    special(&["escalate"], RBAC_GROUP, "clusterroles", Scoping::Cluster, ROLES),
    special(&["escalate"], RBAC_GROUP, "roles", Scoping::Namespaced, ROLES),
    special(SIGN, CERTIFICATES, "signers", Scoping::Cluster, SIGNERS),
    Special {
        subresource: "selfnodeclient",
        ..special(
            &["create"],
            CERTIFICATES,
            "certificatesigningrequests",
            Scoping::Cluster,
            SIGNERS,
        )
    },
    Special {
        subresource: "nodeclient",
        ..special(
            &["create"],
            CERTIFICATES,
            "certificatesigningrequests",
            Scoping::Cluster,
            SIGNERS,
        )
    },
    special(&["use"], "policy", "podsecuritypolicies", Scoping::Either, POD_POLICY),
    special(
        &["use"],
        "security.openshift.io",
        "securitycontextconstraints",
        Scoping::Either,
        POD_POLICY,
    ),
    Special {
        subresource: "binding",
        ..special(
            &["update", "patch"],
            "resource.k8s.io",
            "resourceclaims",
            Scoping::Cluster,
            DEVICES,
        )
    },
    Special {
        subresource: "driver",
        ..special(
            &["associated-node:", "arbitrary-node:"],
            "resource.k8s.io",
            "resourceclaims",
            Scoping::Namespaced,
            DEVICES,
        )
    },
    kubelet("checkpoint"),
    kubelet("configz"),
    kubelet("healthz"),
    kubelet("log"),
    kubelet("metrics"),
    kubelet("pods"),
    kubelet("proxy"),
    kubelet("stats"),
    kubelet("statusz"),
];

/// Who asks about `update` on the `finalizers` of any resource.
pub const FINALIZERS: &str =
    "asked by the admission plugin OwnerReferencesPermissionEnforcement where it is on";

impl Special {
    /// Whether a question with this verb can be about it; `*` asks for every verb.
    pub fn takes(&self, verb: &str) -> bool {
        self.verbs.is_empty()
            || verb == "*"
            || self
                .verbs
                .iter()
                .any(|have| *have == verb || (have.ends_with(':') && verb.starts_with(have)))
    }

    /// The entry for a question; the group counts where it is given.
    pub fn find(
        verb: &str,
        group: Option<&str>,
        resource: &str,
        subresource: &str,
    ) -> Option<&'static Self> {
        SPECIAL.iter().find(|special| {
            special.resource == resource
                && group.is_none_or(|group| group == special.group)
                && special.takes(verb)
                && match special.subresource {
                    "*" => !subresource.is_empty(),
                    own => own == subresource,
                }
        })
    }
}

/// Whether a verb is one that HTTP requests produce.
pub fn is_request_verb(verb: &str) -> bool {
    matches!(
        verb,
        "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection"
    )
}

/// Whether a verb is one that something in Kubernetes asks about, HTTP or not.
pub fn is_known_verb(verb: &str) -> bool {
    verb == "*"
        || is_request_verb(verb)
        || verb.starts_with("impersonate-on:")
        || verb == "unsafe-delete-ignore-read-errors"
        || verb == "request-serviceaccounts-token-audience"
        || SPECIAL.iter().any(|special| !special.verbs.is_empty() && special.takes(verb))
}
