//! Whether what is wanted is so already, by the objects of now.

use super::account::{self, Ending};
use super::wanted::names;
use super::{Intent, unseen_secret};
use crate::book::Book;
use crate::credentials::{self, Kind};
use crate::model::{Identity, ListKind, Name, Secret, Snapshot};

/// Any value has the API server refuse the token (`pkg/serviceaccount/legacy.go`).
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";

/// Whether nothing is left that an Intent would take away; None where no list tells, or where nothing
/// can: an account that was made anew looks like one that was not.
pub fn is_done(book: &Book, intent: &Intent) -> Option<bool> {
    let objects = &book.snapshot.objects;
    let gone = |there: bool, list: ListKind, namespace: Option<&Name>| {
        if there { Some(false) } else { whole(book, list, namespace).then_some(true) }
    };
    let minds = book.snapshot.cluster.refuses_invalidated();
    let refused = |secret: &Secret| {
        minds && secret.meta.labels.get(INVALID_SINCE).is_some_and(|at| !at.is_empty())
    };
    match intent {
        // What maps somebody of the cloud to it goes too.
        Intent::Identity { identity } if is_mapped(book, identity) => Some(false),
        Intent::Identity { identity } => by_bindings(book, identity),
        Intent::Grant { subject, .. } => {
            let (key, _) = intent.binding()?;
            let there = objects.bindings.get(&key).is_some_and(|binding| names(binding, subject));
            let cluster_wide = key.1.is_empty();
            let list =
                if cluster_wide { ListKind::ClusterRoleBindings } else { ListKind::RoleBindings };
            gone(there, list, Some(&key.1).filter(|_| !cluster_wide))
        }
        Intent::TokenSecret { namespace, name } => {
            let there = objects.secrets.contains_key(&(namespace.clone(), name.clone()));
            let target = super::Target {
                kind: "Secret".into(),
                namespace: Some(namespace.clone()),
                name: name.clone(),
            };
            // Of one that is no token's no list tells whether it is there.
            if !there && unseen_secret::of(book, &target).is_some() {
                return None;
            }
            gone(there, ListKind::TokenSecrets, Some(namespace))
        }
        Intent::Quarantine { namespace, name } => {
            let secret = objects.secrets.get(&(namespace.clone(), name.clone()));
            let good = secret.is_some_and(|secret| !refused(secret));
            gone(good, ListKind::TokenSecrets, Some(namespace))
        }
        Intent::Account { identity, how } => {
            let (namespace, name) = account::place(identity).ok()?;
            let mut secrets = account::secrets(book, namespace, name)
                .filter_map(|target| objects.secrets.get(&(namespace.clone(), target.name)));
            match how {
                Ending::Renew => None,
                Ending::Quarantine => {
                    let good = secrets.any(|secret| !refused(secret));
                    gone(good, ListKind::TokenSecrets, Some(namespace))
                }
                Ending::Delete => {
                    let key = (namespace.clone(), name.clone());
                    let there = objects.service_accounts.contains_key(&key);
                    gone(there, ListKind::ServiceAccounts, Some(namespace))
                }
            }
        }
        Intent::Mapping { .. }
        | Intent::Narrow { .. }
        | Intent::NarrowRole { .. }
        | Intent::Split { .. } => None,
    }
}

/// How far an account is retired, by lists of accounts and of token Secrets; None where it is not, as far
/// as these show, and for whom there is no object.
pub fn retired_by_now(now: &Snapshot, identity: &Identity) -> Option<String> {
    let (namespace, name) = account::place(identity).ok()?;
    let there = now.objects.service_accounts.contains_key(&(namespace.clone(), name.clone()));
    if !there && now.covers(&[ListKind::ServiceAccounts], Some(&**namespace)) {
        return Some("is not there any more".to_owned());
    }
    let own = now.objects.secrets.iter().filter(|((place, _), secret)| {
        place == namespace && secret.meta.annotations.get(account::ACCOUNT) == Some(name)
    });
    let refused = own.filter(|(_, secret)| {
        secret.meta.labels.get(INVALID_SINCE).is_some_and(|at| !at.is_empty())
    });
    let names: Vec<String> = refused.map(|((place, name), _)| format!("{place}/{name}")).collect();
    (!names.is_empty()).then(|| {
        format!("has tokens that are refused by a label (Secret {})", super::rests::some(&names))
    })
}

/// Whether an entry of EKS' `aws-auth` makes this user, or gives this group.
fn is_mapped(book: &Book, identity: &Identity) -> bool {
    let mut all = credentials::of(book, identity).into_iter();
    all.any(|one| one.kind == Kind::CloudMapping && one.id.starts_with("aws-auth "))
}

fn by_bindings(book: &Book, identity: &Identity) -> Option<bool> {
    let mut bindings = book.snapshot.objects.bindings.values();
    if bindings.any(|binding| names(binding, identity)) {
        return Some(false);
    }
    let lists = [ListKind::ClusterRoleBindings, ListKind::RoleBindings];
    lists.into_iter().all(|list| whole(book, list, None)).then_some(true)
}

fn whole(book: &Book, list: ListKind, namespace: Option<&Name>) -> bool {
    book.snapshot.covers(&[list], namespace.map(|name| &**name))
}
