//! What an inventory cannot show.

use crate::book::Book;
use crate::model::ListKind;

/// What neither lists, nor the log, nor the files that were given show of this Book's cluster. Said
/// with every inventory.
pub fn not_seen(book: &Book) -> Vec<&'static str> {
    let outside = &book.policy.outside;
    let mut secrets = book.snapshot.objects.secrets.values();
    let bootstrap_data = secrets
        .any(|secret| &*secret.type_ == super::bootstrap::TYPE && secret.bootstrap.is_none());
    let given = [
        (
            true,
            "certificates that were issued more than an hour ago and not used in the log: the \
             cluster keeps no record of them, nor a way to revoke one",
        ),
        (
            book.coverage().is_some(),
            "tokens made by request (TokenRequest) before the log begins, in its gaps, or without \
             an id in it, and not used in it: they are stored nowhere",
        ),
        (
            book.coverage().is_none(),
            "tokens made by request (TokenRequest): they are stored nowhere, and there is no log",
        ),
        (
            book.coverage().is_some(),
            "tokens that kubelets had made (system:node:… in system:nodes, or in a log without \
             groups) and that were not used, where the log does not say what they are bound to: \
             NodeRestriction lets a kubelet have those of its own pods only",
        ),
        (
            book.coverage().is_some(),
            "which credential it was, where the log has no id of it (static tokens, tokens without \
             a jti, tokens of clouds, certificates before Kubernetes 1.32): one row an identity",
        ),
        (
            true,
            "the API server's static token file, its loopback and its front proxy's certificates",
        ),
        (
            true,
            "what an identity provider still renews: refresh tokens, sessions, group membership",
        ),
        (
            outside.access_entries.is_empty(),
            "EKS access entries and their policies, which allow beside RBAC: save them with aws and \
             give them with --iam",
        ),
        (
            true,
            "who created an EKS cluster whose access is by aws-auth alone: an administrator \
             in no list",
        ),
        (
            !book.snapshot.covers(&[ListKind::OAuthTokens], None),
            "access tokens of OpenShift's own login, where there is one: oauthaccesstokens was not \
             read whole",
        ),
        (
            bootstrap_data,
            "until when bootstrap tokens are good, for what and in which groups: Secret data, read \
             with --read-bootstrap only",
        ),
        (
            !outside.iam_policies,
            "GKE's IAM policy, which allows beside RBAC: save it with gcloud and give it with --iam",
        ),
        (true, "IAM policies of folders and organizations above a GKE project"),
        (true, "Azure role assignments, and AKS's local administrator certificate"),
        (
            outside.held.is_empty(),
            "copies of kubeconfig files: --inspect FILE tells what one of them holds",
        ),
        (!outside.held.is_empty(), "copies of kubeconfig files beside those that were inspected"),
        (true, "SSH keys of nodes, and keys of the cluster's CA and token signer"),
    ];
    given.into_iter().filter(|(unseen, _)| *unseen).map(|(_, what)| what).collect()
}
