//! What Intents are about: the objects, and what is wanted of each.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{self, Ending};
use super::{Intent, Target, definition, mapping, narrow, unseen_secret};
use crate::book::Book;
use crate::model::{Binding, BindingKind, Identity, ListKind, Name, RoleKind};
use crate::rbac::query::missing;
use crate::rbac::{BindingKey, RoleKey};

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Why there is no Plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such thing.
    #[error("{0} is not there")]
    NotThere(String),
    /// It may be there: lists that would tell are not whole.
    #[error(
        "{what}: not known here, because lists that would tell are not whole ({}). Plan as somebody who \
         may list them; keybook info says why they are not",
        lists.join(", ")
    )]
    NotKnown {
        /// What was looked for.
        what: String,
        /// The lists that would tell, and how each stands.
        lists: Vec<String>,
    },
    /// Nobody of that name.
    #[error(
        "nothing is known of {0}: no binding names it, no account is called so, no log shows it \
         (names are compared letter by letter)"
    )]
    Nobody(Identity),
    /// The binding does not name the subject.
    #[error("{target} does not name {subject}: nothing is granted there that could be revoked")]
    NotNamed {
        /// The binding.
        target: Target,
        /// Whom it should name.
        subject: Identity,
    },
    /// It is something else.
    #[error(
        "{0} holds no ServiceAccount's token: only Secrets of type {TOKEN} are quarantined, and besides \
         these bootstrap tokens in kube-system, and Secrets to which the log shows tokens bound, deleted"
    )]
    NoToken(Target),
    /// There is more in it than what is to end with it.
    #[error(
        "{target} {holds}: what is to end is {ends}, and with the Secret that would be lost too, which \
         keybook neither reads nor can put back. Nothing is deleted. If nobody needs what is in it: \
         kubectl delete secret -n {} {}",
        target.namespace.as_deref().unwrap_or_default(), target.name
    )]
    HoldsMore {
        /// The Secret.
        target: Target,
        /// What it holds, or may.
        holds: String,
        /// What is to end.
        ends: String,
    },
    /// What the log shows does not bear it.
    #[error("{0}: nothing is narrowed")]
    Log(String),
    /// A role that others make.
    #[error("{role} is not edited: it is {why}. Narrow an identity that holds it instead")]
    NotEdited {
        /// The role.
        role: String,
        /// Why not.
        why: &'static str,
    },
    /// What is made would be given to others.
    #[error(
        "{role}: a ClusterRole made of it would become part of the aggregated ClusterRole {aggregated}, \
         which selects roles without labels, and be given to all who hold that: nothing is narrowed"
    )]
    Feeds {
        /// The role.
        role: String,
        /// The aggregated one.
        aggregated: Name,
    },
    /// Two Intents would do different things to it.
    #[error("{0} is meant by two of the wishes; make a plan for each, one after the other")]
    Twice(String),
    /// A mistake of keybook's, found before it did harm.
    #[error(
        "the plan would refuse what the log shows in use ({0}); nothing is planned. This is a mistake \
         of keybook: please report it"
    )]
    Breaks(String),
    /// What the log shows does not bear it.
    #[error("{0}: nothing is split")]
    NotSplit(String),
    /// Somebody is named wrongly.
    #[error("{0}")]
    Naming(String),
    /// It was there a moment ago.
    #[error("{0} changed while the plan was made; make it again")]
    Moved(Target),
}

/// What one object's Intents come to.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    /// Whom a binding no longer names.
    pub(super) gone: BTreeSet<Identity>,
    /// Of a definition, the bindings that are to follow, and whom they no longer name.
    pub(super) follow: BTreeSet<(BindingKey, Identity)>,
    /// Of a definition, whom none of its entries is to name any more.
    pub(super) everywhere: BTreeSet<Identity>,
    /// By which Intents.
    pub(super) by: BTreeSet<Intent>,
    /// What those who go get in place of it, in words.
    pub(super) instead: Vec<String>,
    /// What shows that it is enough.
    pub(super) evidence: Vec<String>,
}

/// The same of all objects.
pub(super) type AllWanted = BTreeMap<Target, Wanted>;

pub(super) fn target_of(kind: BindingKind, namespace: &Name, name: &Name) -> Target {
    let namespace = Some(namespace.clone()).filter(|namespace| !namespace.is_empty());
    Target { kind: kind.as_str().into(), namespace, name: name.clone() }
}

/// What these Intents want.
///
/// # Errors
/// Where an Intent is about nothing.
pub(super) fn wanted(book: &Book, intents: &[Intent]) -> Result<AllWanted, Refusal> {
    let objects = &book.snapshot.objects;
    let mut all = AllWanted::new();
    let mut want = |target: Target, gone: Option<&Identity>, intent: &Intent| {
        let wanted = all.entry(target).or_default();
        wanted.gone.extend(gone.cloned());
        wanted.by.insert(intent.clone());
    };
    let mut defined = definition::Wishes::default();
    for intent in intents {
        match intent {
            Intent::Narrow { .. } | Intent::NarrowRole { .. } | Intent::Split { .. } => {}
            Intent::Grant { subject, .. } => {
                let Some((key, _)) = intent.binding() else { continue };
                let target = target_of(key.0, &key.1, &key.2);
                let Some(binding) = objects.bindings.get(&key) else {
                    let list = match key.0 {
                        BindingKind::ClusterRoleBinding => ListKind::ClusterRoleBindings,
                        BindingKind::RoleBinding => ListKind::RoleBindings,
                    };
                    return Err(not_there(book, target.to_string(), (list, &key.1)));
                };
                if !names(binding, subject) {
                    return Err(Refusal::NotNamed { target, subject: subject.clone() });
                }
                if defined.take(book, (&key, &**binding), subject, intent) {
                    want(target, Some(subject), intent);
                }
            }
            Intent::Identity { identity } => {
                let mut found = false;
                for ((kind, namespace, name), binding) in &objects.bindings {
                    if names(binding, identity) {
                        found = true;
                        let key = (*kind, namespace.clone(), name.clone());
                        if defined.take(book, (&key, &**binding), identity, intent) {
                            want(target_of(*kind, namespace, name), Some(identity), intent);
                        }
                    }
                }
                found |= defined.take_everywhere(book, identity, intent);
                if mapping::maps(book, identity) {
                    found = true;
                    want(Target::aws_auth(), None, intent);
                }
                if !found && book.find(identity).is_none() {
                    return Err(nobody(book, identity));
                }
            }
            Intent::Mapping { field, principal, group } => {
                mapping::is_there(book, *field, principal, group.as_ref())?;
                want(Target::aws_auth(), None, intent);
            }
            Intent::Account { identity, how } => {
                for target in of_account(book, identity, *how)? {
                    want(target, None, intent);
                }
            }
            Intent::TokenSecret { namespace, name } | Intent::Quarantine { namespace, name } => {
                let target = Target {
                    kind: "Secret".into(),
                    namespace: Some(namespace.clone()),
                    name: name.clone(),
                };
                let deletes = matches!(intent, Intent::TokenSecret { .. });
                if deletes && unseen_secret::of(book, &target).is_some() {
                    want(target, None, intent);
                    continue;
                }
                match objects.secrets.get(&(namespace.clone(), name.clone())) {
                    Some(secret) if &*secret.type_ == TOKEN => want(target, None, intent),
                    Some(_) => return Err(Refusal::NoToken(target)),
                    None => {
                        let what = format!("{target}, of type {TOKEN},");
                        return Err(not_there(book, what, (ListKind::TokenSecrets, namespace)));
                    }
                }
            }
        }
    }
    for (target, (follow, everywhere, by)) in defined.all {
        let wanted = all.entry(target).or_default();
        wanted.gone.extend(follow.iter().map(|(_, identity)| identity.clone()));
        wanted.gone.extend(everywhere.iter().cloned());
        wanted.follow = follow;
        wanted.everywhere = everywhere;
        wanted.by.extend(by);
    }
    Ok(all)
}

/// What is written where the tokens of an account are to end.
fn of_account(book: &Book, identity: &Identity, how: Ending) -> Result<Vec<Target>, Refusal> {
    let (namespace, name) = account::place(identity)?;
    let target = account::target(namespace, name);
    let key = (namespace.clone(), name.clone());
    if !book.snapshot.objects.service_accounts.contains_key(&key) {
        let list = (ListKind::ServiceAccounts, namespace);
        return Err(not_there(book, target.to_string(), list));
    }
    let mut all = Vec::new();
    if how != Ending::Renew {
        // Those that are not seen would be left.
        let lists = not_whole(book, &[ListKind::TokenSecrets], Some(namespace));
        if !lists.is_empty() {
            let what = format!("the Secrets that hold a token of {identity}");
            return Err(Refusal::NotKnown { what, lists });
        }
        all.extend(account::secrets(book, namespace, name));
    }
    all.extend(Some(target).filter(|_| how != Ending::Quarantine));
    Ok(all)
}

/// That an object is not there; or that the list of its kind could not be read whole.
pub(super) fn not_there(
    book: &Book,
    what: String,
    (list, namespace): (ListKind, &Name),
) -> Refusal {
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    match not_whole(book, &[list], namespace) {
        lists if lists.is_empty() => Refusal::NotThere(what),
        lists => Refusal::NotKnown { what, lists },
    }
}

/// The same of a role.
pub(super) fn no_role(book: &Book, key: &RoleKey) -> Refusal {
    let list = match key.0 {
        RoleKind::ClusterRole => ListKind::ClusterRoles,
        RoleKind::Role => ListKind::Roles,
    };
    not_there(book, narrow::role_words(key), (list, &key.1))
}

/// That there is nobody of that name; or that who is there could not be read whole.
pub(super) fn nobody(book: &Book, identity: &Identity) -> Refusal {
    const NAMED_IN: [ListKind; 3] =
        [ListKind::ClusterRoleBindings, ListKind::RoleBindings, ListKind::ServiceAccounts];
    match not_whole(book, &NAMED_IN, None) {
        lists if lists.is_empty() => Refusal::Nobody(identity.clone()),
        lists => Refusal::NotKnown { what: identity.to_string(), lists },
    }
}

/// Which lists of bindings to a role are not whole, and how each stands.
pub(super) fn unseen_holders(book: &Book, (kind, namespace, _): &RoleKey) -> Vec<String> {
    const BINDINGS: [ListKind; 2] = [ListKind::ClusterRoleBindings, ListKind::RoleBindings];
    match kind {
        RoleKind::ClusterRole => not_whole(book, &BINDINGS, None),
        RoleKind::Role => not_whole(book, &BINDINGS[1..], Some(namespace)),
    }
}

/// Which of `lists` are not whole, and how each stands.
fn not_whole(book: &Book, lists: &[ListKind], namespace: Option<&Name>) -> Vec<String> {
    let missing = missing(&book.snapshot, lists, namespace);
    missing.iter().map(ToString::to_string).collect()
}

/// From whom these take which binding.
pub(super) fn revoked(all: &AllWanted) -> narrow::Revoked {
    let mut revoked = narrow::Revoked::new();
    for (target, wanted) in all {
        revoked.extend(wanted.follow.iter().cloned());
        let kind = match &*target.kind {
            "ClusterRoleBinding" => BindingKind::ClusterRoleBinding,
            "RoleBinding" => BindingKind::RoleBinding,
            _ => continue,
        };
        let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
        let key = (kind, namespace, target.name.clone());
        revoked.extend(wanted.gone.iter().map(|identity| (key.clone(), identity.clone())));
    }
    revoked
}

/// Whether a binding names an identity.
pub(super) fn names(binding: &Binding, identity: &Identity) -> bool {
    let namespace = binding.meta.namespace.as_ref();
    binding.subjects.iter().any(|subject| subject.identity(namespace).as_ref() == Some(identity))
}

/// The objects that these Intents are about, of which fresh images are needed.
///
/// # Errors
/// Where an Intent is about nothing.
pub fn targets(book: &Book, intents: &[Intent]) -> Result<Vec<Target>, Refusal> {
    let all = wanted(book, intents)?;
    let cuts = narrow::cuts(book, intents, &revoked(&all))?;
    Ok(objects_of(&all, &cuts).into_iter().collect())
}

/// The objects that are written, beside those that are made.
pub(super) fn objects_of(all: &AllWanted, cuts: &narrow::Cuts) -> BTreeSet<Target> {
    let mut targets: BTreeSet<Target> = all.keys().cloned().collect();
    for cut in &cuts.all {
        targets.insert(narrow::role_target(&cut.role));
        if let narrow::How::Fork { binding, .. } = &cut.how {
            targets.insert(target_of(binding.0, &binding.1, &binding.2));
        }
    }
    targets
}
