//! Tokens for joining nodes. Their expiry, groups and uses are Secret data, which is not read.

use super::seen::Uses;
use super::{Credential, Expires, Inventory, Kind, Only, Standing, Within, secrets};
use crate::book::Book;
use crate::model::Identity;

const TYPE: &str = "bootstrap.kubernetes.io/token";

pub(super) fn all(book: &Book, only: Only<'_>, uses: &mut Uses, found: &mut Inventory) {
    // Only such a name in kube-system is looked at
    // (`plugin/pkg/auth/authenticator/token/bootstrap`).
    let system = Within::One("kube-system".into());
    for ((ns, name), secret) in secrets(book, &system) {
        let Some(id) = name.strip_prefix("bootstrap-token-") else { continue };
        if &*secret.type_ != TYPE {
            continue;
        }
        let identity = Identity::user(format!("system:bootstrap:{id}"));
        if !only.wants(&identity) {
            continue;
        }
        found.credentials.push(Credential {
            kind: Kind::BootstrapToken,
            id: format!("secret {ns}/{name}").into(),
            made: None,
            issued: secret.meta.creation_timestamp,
            expires: Expires::NotKnown("not read: it is Secret data"),
            standing: Standing::Good,
            // Such a token carries no id of its own, but its user is its alone.
            last_use: uses.take_user(&identity),
            groups: Vec::new(),
            revoke: "delete the Secret; it cannot be brought back without its bytes".into(),
            notes: Vec::new(),
            identity,
        });
    }
}
