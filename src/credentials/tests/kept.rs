//! Token Secrets that somebody keeps.

use serde_json::json;

use super::{only, world};

#[test]
fn a_kept_secret_says_whether_its_label_stays_and_whether_it_comes_back() {
    let helm = json!({"annotations": {"kubernetes.io/service-account.name": "x",
        "kubernetes.io/service-account.uid": "uid-x", "meta.helm.sh/release-name": "shop"}});
    let found = only(&world(&helm));
    assert_eq!(
        found.notes,
        [
            "Helm shop keeps the Secret; the label put on it: it stays, unless an upgrade or \
             rollback is forced",
            "Helm shop brings a Secret of this name back at its release's next upgrade or rollback. \
             Where tokens are signed with RSA, that holds the same token",
        ]
    );
    assert_eq!(found.owners.len(), 1);
}

#[test]
fn an_owner_without_control_keeps_nothing_and_a_mere_name_may() {
    let reference = |controller: bool| {
        json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "d",
            "uid": "u", "controller": controller}]})
    };
    let found = only(&world(&reference(false)));
    assert_eq!(found.notes, ["owner ConfigMap d keeps the Secret; the label put on it: it stays"]);
    let found = only(&world(&reference(true)));
    assert_eq!(
        found.notes[1],
        "whether owner ConfigMap d brings a Secret of this name back is not known: what works on its \
         owner may make it again. Where tokens are signed with RSA, that holds the same token"
    );
    let named = json!({"labels": {"app.kubernetes.io/managed-by": "pulumi"}});
    let found = only(&world(&named));
    assert_eq!(
        found.notes[1],
        "whether maybe managed-by label pulumi brings a Secret of this name back is not known: the \
         label says no more than a name. Where tokens are signed with RSA, that holds the same token"
    );
}
