//! Secrets whose deletion ends a credential and that nobody can put back: what is in them is never
//! read. Bootstrap tokens, and Secrets that tokens of an account are bound to.

use serde_json::Value;

use super::edit::{precondition, rights};
use super::make::Work;
use super::split::FROM;
use super::wanted::{Refusal, Wanted};
use super::{Action, Intent, Inverse, Reason, Reversibility, Step, StillWorks, Target};
use crate::book::Book;
use crate::model::{BoundTo, Identity, Name, Secret, counted};

/// The type of a Secret that holds a bootstrap token
/// (`plugin/pkg/auth/authenticator/token/bootstrap`).
const BOOTSTRAP: &str = "bootstrap.kubernetes.io/token";

/// What is known of such a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Unseen {
    /// It holds the bootstrap token of that id.
    Bootstrap(Name),
    /// Tokens of these accounts end with it, by the log: so many of each.
    Bound(Vec<(Identity, usize)>),
    /// The token that a split made for this account.
    Split(Identity),
}

/// What a Secret's deletion ends, where that is no token in it.
pub(super) fn of(book: &Book, target: &Target) -> Option<Unseen> {
    let namespace = target.namespace.clone()?;
    let key = (namespace.clone(), target.name.clone());
    let secret: Option<&Secret> = book.snapshot.objects.secrets.get(&key).map(|one| &**one);
    if let Some(secret) = secret {
        let id = target.name.strip_prefix("bootstrap-token-").filter(|id| !id.is_empty());
        let is_it = &*secret.type_ == BOOTSTRAP && &*namespace == "kube-system";
        return id.filter(|_| is_it).map(|id| Unseen::Bootstrap(id.into()));
    }
    // As a split makes it: the account says so, and the Secret is called after it.
    let account = target.name.strip_suffix("-key").map(Name::from);
    let made = account.filter(|name| {
        let account =
            book.snapshot.objects.service_accounts.get(&(namespace.clone(), name.clone()));
        account.is_some_and(|account| account.meta.annotations.contains_key(FROM))
    });
    if let Some(name) = made {
        return Some(Unseen::Split(Identity::service_account(namespace, name)));
    }
    let mut all: Vec<(Identity, usize)> = Vec::new();
    for entry in book.entries() {
        let of_it = entry.identity.namespace.as_ref() == Some(&namespace);
        let Some(log) = book.activity.as_deref().filter(|_| of_it) else { continue };
        let bound = |minted: &crate::model::Minted| {
            minted.asked.as_ref().is_some_and(|asked| {
                matches!(&asked.bound, BoundTo::Object { kind, name, .. }
                    if &**kind == "Secret" && name.as_ref() == Some(&target.name))
            })
        };
        let count = log.issued().of(&entry.identity).filter(|(_, minted)| bound(minted)).count();
        if count > 0 {
            all.push((entry.identity.clone(), count));
        }
    }
    (!all.is_empty()).then_some(Unseen::Bound(all))
}

/// Whether a Secret holds more than what is to end with it, by its type and how many entries it has.
///
/// # Errors
/// Where it does.
pub fn holds_no_more(
    book: &Book,
    target: &Target,
    (type_, entries): (&Name, Option<u64>),
) -> Result<(), Refusal> {
    let is_opaque = &**type_ == "Opaque";
    let ends = match of(book, target) {
        // As a split makes it, it is empty.
        Some(Unseen::Split(_)) if is_opaque && entries.unwrap_or(0) == 0 => return Ok(()),
        Some(Unseen::Split(identity)) => format!("a token of {identity} that is not in it"),
        Some(Unseen::Bound(_)) if !is_opaque => "tokens that are bound to it".to_owned(),
        _ => return Ok(()),
    };
    let entries =
        entries.map_or_else(String::new, |all| format!(" and holds {}", counted(all, "entry")));
    let holds = format!("is of type {type_}{entries}");
    Err(Refusal::HoldsMore { target: target.clone(), holds, ends })
}

impl Work<'_> {
    /// The step for one of them.
    pub(super) fn unseen_secret(
        &mut self,
        target: &Target,
        image: &Value,
        (unseen, wanted): (&Unseen, &Wanted),
    ) {
        let key = (target.namespace.clone().unwrap_or_else(|| "".into()), target.name.clone());
        let ends = format!("what ends with {target}");
        let Some(owners) = self.undone_by(target, Action::Delete, ends) else { return };
        self.deleted.insert(target.clone());
        self.after.secrets.remove(&key);
        let whose: Vec<Identity> = match unseen {
            Unseen::Bootstrap(id) => vec![Identity::user(format!("system:bootstrap:{id}"))],
            Unseen::Split(identity) => vec![identity.clone()],
            Unseen::Bound(all) => all.iter().map(|(identity, _)| identity.clone()).collect(),
        };
        let used: Vec<String> =
            whose.iter().flat_map(|one| self.ends_in_use(target, one)).collect();
        let (why, loses) = match unseen {
            Unseen::Bootstrap(id) => {
                self.ends_soon(target);
                self.left.still_works.insert(StillWorks {
                    what: format!(
                        "certificates that were signed for whoever presented the bootstrap token {id}"
                    ),
                    until: "until they run out: they are credentials of their own".to_owned(),
                });
                (
                    format!("ends the bootstrap token {id}: system:bootstrap:{id} is refused"),
                    "the token: its other half is in the Secret alone, and is never read",
                )
            }
            Unseen::Split(identity) => {
                self.ended.insert(identity.clone());
                self.ends_soon(target);
                // A name alone does not say that a split made it.
                if image.pointer("/metadata/annotations").and_then(|all| all.get(FROM)).is_none() {
                    self.warnings.push(format!(
                        "{target}: it does not say that a split made it, though it is called as one \
                         made it"
                    ));
                }
                (
                    format!("ends the token of {identity} that was made when an account was split"),
                    "the token: a Secret made anew under its name has another UID, and keeps no token \
                     alive",
                )
            }
            Unseen::Bound(all) => {
                let of: Vec<String> =
                    all.iter().map(|(identity, count)| format!("{count} of {identity}")).collect();
                self.ended.extend(all.iter().map(|(identity, _)| identity.clone()));
                self.ends_soon(target);
                self.warnings
                    .push(format!("{target}: what else is in it is not known, and goes with it"));
                (
                    format!("ends the tokens that the log shows bound to it: {}", of.join(", ")),
                    "what is in the Secret, which is never read; a Secret made anew under its name has \
                     another UID, and keeps no token alive",
                )
            }
        };
        self.steps.push(Step {
            id: 0,
            action: Action::Delete,
            target: target.clone(),
            precondition: precondition(image),
            before: Some(image.clone()),
            after: None,
            reasons: vec![Reason {
                why,
                evidence: wanted.by.iter().map(Intent::words).chain(used).collect(),
            }],
            reversibility: Reversibility::Irreversible,
            loses: vec![loses.to_owned()],
            rights: rights(Action::Delete, target, None),
            inverse: Inverse { action: Action::Create, rights: Vec::new() },
            owners,
        });
    }

    fn ends_soon(&mut self, target: &Target) {
        self.left.still_works.insert(StillWorks {
            what: format!("the tokens that end with {target}, for up to ten seconds"),
            until: "until the API servers no longer remember that they took them".to_owned(),
        });
    }
}
