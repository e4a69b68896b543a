//! What ends the token that a Secret holds: a label, by which the API server refuses it and which can
//! be taken off again; or the Secret's deletion.

use serde_json::Value;

use super::account::Ending;
use super::edit::{precondition, rights, text};
use super::left;
use super::make::Work;
use super::owner::{self, Verdict};
use super::wanted::Wanted;
use super::{
    Action, Intent, Inverse, Manual, OwnerWarning, Reason, Reversibility, Step, StillWorks, Target,
};
use crate::model::Identity;
use crate::owners;

/// Any value has the API server refuse the token (`pkg/serviceaccount/legacy.go`); a date also keeps
/// its cleaner from writing another.
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

/// Whether the API server refuses the token in a Secret for its label.
pub fn is_quarantined(secret: &Value) -> bool {
    text(secret, "/metadata/labels/kubernetes.io~1legacy-token-invalid-since").is_some()
}

/// What is lost of a Secret whose account is deleted with it.
const TOKEN_OF_GONE: &str = "the token: it carries the UID of the account, which goes with it; a Secret \
                             made again, for an account made again, holds another";

impl Work<'_> {
    /// The step for one token Secret. Where both are wanted, it is deleted.
    pub(super) fn secret(&mut self, target: &Target, image: &Value, wanted: &Wanted) {
        let quarantined = |intent: &Intent| match intent {
            Intent::Quarantine { .. } => true,
            Intent::Account { how, .. } => *how == Ending::Quarantine,
            _ => false,
        };
        let delete = !wanted.by.iter().all(quarantined);
        let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
        let key = (namespace, target.name.clone());
        let action = if delete { Action::Delete } else { Action::Replace };
        let holds = format!("the token in {target}");
        let Some(owners) = self.undone_by(target, action, holds) else { return };
        let account = text(image, "/metadata/annotations/kubernetes.io~1service-account.name");
        if !delete && !self.input.book.snapshot.cluster.refuses_invalidated() {
            self.not_quarantined(target);
            return;
        }
        if let Some(account) = &account {
            self.ended.insert(Identity::service_account(key.0.clone(), account.clone()));
        }
        let account = account.unwrap_or_else(|| "?".into());
        self.deleted.insert(target.clone());
        let step = if delete {
            self.after.secrets.remove(&key);
            let ends = |intent: &Intent| {
                matches!(intent, Intent::Account { how: Ending::Delete | Ending::Renew, .. })
            };
            let mut step = deletion(target, image);
            if wanted.by.iter().any(ends) {
                // The token carries a UID that nothing brings back.
                step.loses.pop();
                step.loses.push(TOKEN_OF_GONE.to_owned());
            } else {
                self.still_works_of_secret(target, &account, &owners);
            }
            step
        } else {
            let Some(step) = quarantine(target, image, self.input.now.date_naive()) else {
                self.warnings.push(format!(
                    "{target}: its token is refused already: it has the label {INVALID_SINCE}"
                ));
                return;
            };
            self.left.still_works.insert(StillWorks {
                what: format!("the token in {target}, for up to ten seconds"),
                until:
                    "until the API servers no longer remember that they took it. Who still tries \
                        shows in the Secret's label legacy-token-last-used, by the day"
                        .to_owned(),
            });
            step
        };
        let what = if delete { "ends" } else { "has the API server refuse" };
        let why = format!("{what} the token of ServiceAccount {}/{account} that it holds", key.0);
        let used = self.token_in_use(target, &account);
        let evidence = wanted.by.iter().map(Intent::words).chain(used).collect();
        self.steps.push(Step { reasons: vec![Reason { why, evidence }], owners, ..step });
    }

    /// That an API server which does not mind the label goes on taking the token.
    fn not_quarantined(&mut self, target: &Target) {
        let version = self.input.book.snapshot.cluster.server_version.as_deref().unwrap_or("older");
        let delete = left::secret_id(target).replacen("secret ", "secret:", 1);
        self.left.manual.insert(Manual {
            what: format!("delete {target}, once nobody needs its token: keybook revoke {delete}"),
            why: format!(
                "a label ({INVALID_SINCE}) has a token refused from 1.29 on only, and the API server is \
                 {version}: its token cannot be quarantined"
            ),
            patch: None,
        });
        self.left.still_works.insert(StillWorks {
            what: format!("the token in {target}"),
            until: "until the Secret or its account is deleted".to_owned(),
        });
    }

    /// Who would undo a write to a Secret; None where it is theirs to make, which is said, with what
    /// works on for as long.
    pub(super) fn undone_by(
        &mut self,
        target: &Target,
        action: Action,
        works: String,
    ) -> Option<Vec<OwnerWarning>> {
        let key = (target.namespace.clone().unwrap_or_else(|| "".into()), target.name.clone());
        let found = self.input.book.snapshot.objects.secrets.get(&key);
        let owners = found.map(|secret| owners::of_secret(secret)).unwrap_or_default();
        self.left_or_made(owner::of_kept(&owners, target, action, self.input.despite_owners), works)
    }

    /// The warnings of what is made; None of what is left to an owner, which is said.
    pub(super) fn left_or_made(
        &mut self,
        verdict: Verdict,
        works: String,
    ) -> Option<Vec<OwnerWarning>> {
        match verdict {
            Verdict::Step(owners) => Some(owners),
            Verdict::Leave(manual) => {
                let until = format!("until the owner of it is changed: {}", manual.what);
                self.left.still_works.insert(StillWorks { what: works, until });
                self.left.manual.insert(manual);
                None
            }
        }
    }

    fn still_works_of_secret(&mut self, target: &Target, account: &str, owners: &[OwnerWarning]) {
        let who = owners.first().map_or_else(
            || "by whom is not known: nothing on it says that somebody keeps it".to_owned(),
            |owner| format!("{} does so {}", owner.owner, owner.undone),
        );
        self.left.still_works.insert(StillWorks {
            what: format!(
                "every copy of the token, again, as soon as a Secret {} is made for {account}: with \
                 RSA keys (kubeadm's default) it holds the byte-identical token",
                left::secret_id(target).trim_start_matches("secret "),
            ),
            until: format!(
                "{who}. To be rid of it for good, delete the ServiceAccount and make it again (its \
                 UID is in the token), or change the API server's signing key"
            ),
        });
    }
}

/// The label put on; None where it is there.
fn quarantine(target: &Target, image: &Value, today: chrono::NaiveDate) -> Option<Step> {
    let label = format!("/metadata/labels/{}", INVALID_SINCE.replace('/', "~1"));
    if text(image, &label).is_some() {
        return None;
    }
    let mut after = image.clone();
    after["metadata"]["labels"][INVALID_SINCE] = Value::from(today.to_string());
    Some(Step {
        action: Action::Replace,
        after: Some(after),
        reversibility: Reversibility::Reversible,
        rights: rights(Action::Replace, target, None),
        inverse: Inverse { action: Action::Replace, rights: rights(Action::Replace, target, None) },
        ..deletion(target, image)
    })
    .map(|step| Step { loses: Vec::new(), ..step })
}

fn deletion(target: &Target, image: &Value) -> Step {
    Step {
        id: 0,
        action: Action::Delete,
        target: target.clone(),
        precondition: precondition(image),
        before: Some(image.clone()),
        after: None,
        reasons: Vec::new(),
        reversibility: Reversibility::WithLoss,
        loses: vec![
            "what the Secret holds beside the token, and annotations of other tools, which may repeat \
             it: keybook keeps nothing that is secret, and cannot put it back"
                .to_owned(),
            "the token, where the API server signs with ECDSA: one made again is another. Where it \
             signs with RSA, the same token comes back"
                .to_owned(),
        ],
        rights: rights(Action::Delete, target, None),
        inverse: Inverse {
            action: Action::Create,
            rights: rights(Action::Create, target, None),
        },
        owners: Vec::new(),
    }
}
