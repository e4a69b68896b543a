//! Which annotations are kept of objects that hold secret data.
//!
//! What applies objects notes in an annotation what it applied, the whole object with its data
//! (`kubectl.kubernetes.io/last-applied-configuration`, `kapp.k14s.io/original`,
//! `objectset.rio.cattle.io/applied`, which is packed), and OpenShift writes tokens into annotations
//! of Secrets (`openshift.io/token-secret.value`). Which tools do so cannot be listed. Of a Secret, and
//! of whatever has Secret data or plain passwords in its spec, only annotations are kept that are
//! read: whoever reads another adds it here.

use super::{Name, Object};

/// Notes of what was applied, which repeat the object that they are on.
const COPIES: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "kapp.k14s.io/original",
    "kapp.k14s.io/original-diff",
    "kapp.k14s.io/original-diff-full",
    "objectset.rio.cattle.io/applied",
];

/// Annotations that are read, of any kind of object.
const READ: [&str; 26] = [
    "apf.kubernetes.io/autoupdate-spec",
    "argocd.argoproj.io/sync-options",
    "argocd.argoproj.io/tracking-id",
    "authz.cluster.cattle.io/clusterrole-owner",
    "azure.workload.identity/client-id",
    "eks.amazonaws.com/role-arn",
    "helm.sh/hook",
    "helm.sh/hook-delete-policy",
    "iam.gke.io/gcp-service-account",
    "kapp.k14s.io/identity",
    "kubernetes.io/config.mirror",
    "kubernetes.io/created-by",
    "kubernetes.io/enforce-mountable-secrets",
    "kubernetes.io/service-account.name",
    "kubernetes.io/service-account.uid",
    "kustomize.toolkit.fluxcd.io/reconcile",
    "kustomize.toolkit.fluxcd.io/ssa",
    "meta.helm.sh/release-name",
    "meta.helm.sh/release-namespace",
    "objectset.rio.cattle.io/owner-gvk",
    "objectset.rio.cattle.io/owner-name",
    "objectset.rio.cattle.io/owner-namespace",
    "openshift.io/internal-registry-auth-token.binding",
    "openshift.io/internal-registry-auth-token.service-account",
    "rbac.authorization.kubernetes.io/autoupdate",
    "release.openshift.io/create-only",
];

/// What those begin with whose rest differs.
const READ_BELOW: [&str; 3] = [
    "container.apparmor.security.beta.kubernetes.io/",
    "include.release.openshift.io/",
    "keybook/",
];

/// Whether an annotation repeats the object that it is on.
pub fn is_copy(key: &str) -> bool {
    COPIES.contains(&key)
}

/// Whether an annotation may be kept of an object that has something secret in it.
pub fn is_kept_of_secrets(key: &str) -> bool {
    READ.contains(&key) || READ_BELOW.iter().any(|start| key.starts_with(start))
}

impl Object {
    /// Without annotations that may repeat what is secret in the object. RBAC's objects, namespaces
    /// and accounts have nothing secret, and keep theirs.
    pub(super) fn without_copies(mut self) -> Self {
        match &self {
            Self::Role(_) | Self::Binding(_) | Self::Namespace(_) | Self::ServiceAccount(_) => {}
            Self::Secret(_)
            | Self::Pod(_)
            | Self::CertificateSigningRequest(_)
            | Self::ConfigMap(_)
            | Self::Other(_) => {
                let kept = |key: &Name, _: &mut Name| is_kept_of_secrets(key);
                self.meta_mut().annotations.retain(kept);
            }
        }
        self
    }
}
