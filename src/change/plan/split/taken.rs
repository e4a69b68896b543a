//! Whether a name is free: whoever is made, or gets a certificate, under a name that something grants
//! already would have that too.

use std::collections::BTreeSet;

use crate::book::{Book, Entry, Grant};
use crate::change::plan::narrow::words_of;
use crate::change::plan::{Refusal, sound};
use crate::credentials::{self, Kind};
use crate::model::{DefinedBinding, Identity, Name, ObjectBody};

fn naming(why: impl Into<String>) -> Refusal {
    Refusal::Naming(why.into())
}

/// `ClusterRoleBinding admins (ClusterRole cluster-admin)`.
pub(super) fn grant_words(grant: &Grant) -> String {
    format!("{} ({} {})", words_of(grant), grant.role_ref.kind, grant.role_ref.name)
}

/// The strongest of what bindings grant to somebody by name, in words, and how many there are. A role
/// that is not there counts: it may come.
pub(super) fn granted(book: &Book, to: &Identity) -> Option<(String, usize)> {
    let mut own: Vec<&Grant> =
        book.grants().filter(|grant| grant.key.subject == *to).map(|grant| &**grant).collect();
    own.sort_by_key(|grant| (std::cmp::Reverse(book.tier_of(grant)), grant.key.clone()));
    own.first().map(|worst| (grant_words(worst), own.len()))
}

/// What besides bindings gives something to somebody by name: an `RBACDefinition`, whose controller
/// makes the bindings, or a cloud's mapping, by which others are that user.
fn named_elsewhere(book: &Book, to: &Identity) -> Option<String> {
    let names = |defined: &DefinedBinding| {
        defined.subjects.iter().any(|subject| subject.identity(None).as_ref() == Some(to))
    };
    let defined = book.snapshot.objects.others.values().find(
        |other| matches!(&other.body, ObjectBody::RbacDefinition(all) if all.iter().any(names)),
    );
    if let Some(other) = defined {
        return Some(format!("{} {} names it", other.kind, other.meta.name));
    }
    let all = credentials::of(book, to);
    let mapped = all.iter().find(|one| one.kind == Kind::CloudMapping)?;
    Some(format!("by the {} {} others are it", mapped.kind.as_str(), mapped.id))
}

/// Refuses an account that something names already: what that gives it would have from the start.
///
/// # Errors
/// With what names it.
pub(super) fn is_named(book: &Book, name: &Name, to: &Identity) -> Result<(), Refusal> {
    let by = match granted(book, to) {
        Some((worst, 1)) => format!("{worst} names it"),
        Some((worst, many)) => format!("{worst} and {} more name it", many - 1),
        None => match named_elsewhere(book, to) {
            Some(by) => by,
            None => return Ok(()),
        },
    };
    Err(naming(format!(
        "{to} is not there, but {by}: made for {name}, it would have that from the start. Name another \
         (--to {name}=sa:NAMESPACE/NAME), or take it out there first"
    )))
}

/// Refuses a certificate of a user that is known already and whom nobody named.
///
/// # Errors
/// With what the user is granted, or that it is known.
pub(super) fn is_nobody_yet(book: &Book, name: &Name, to: &Identity) -> Result<(), Refusal> {
    let known = match granted(book, to) {
        Some((worst, 1)) => format!("is granted something already, by {worst}"),
        Some((worst, many)) => {
            format!("is granted something already, by {worst} and {} more", many - 1)
        }
        None => match named_elsewhere(book, to) {
            Some(by) => format!("is known already: {by}"),
            None if book.find(to).is_some() => "is known already".to_owned(),
            None => return Ok(()),
        },
    };
    Err(naming(format!(
        "{to} {known}: whoever has a certificate of {to} is that user. If {name} is, say so with --to \
         {name}={to}; if not, name another user"
    )))
}

/// Whether a user can have a certificate signed that is theirs and nobody else's.
pub(super) fn may_be_certified(book: &Book, name: &Name, to: &Identity) -> Result<(), Refusal> {
    if book.snapshot.cluster.is_eks() {
        return Err(Refusal::NotSplit(format!(
            "{name}: EKS signs no client certificates: give {name} a user of the cloud (--to), or an \
             account (--into)"
        )));
    }
    if let Some(why) = sound::is_no_subject(&to.name) {
        return Err(naming(format!("{name} cannot become {to} by a certificate: {why}")));
    }
    Ok(())
}

/// An account gets what its namespace's accounts are granted together. That must not be more than
/// the shared one holds.
pub(super) fn would_gain(book: &Book, account: &Entry, to: &Identity) -> Result<(), Refusal> {
    let has: BTreeSet<&Name> = account.groups.iter().map(|group| &group.name).collect();
    if has.iter().any(|group| ***group == *Identity::SYSTEM_MASTERS) {
        return Ok(());
    }
    for group in to.implicit_groups().iter().filter(|group| !has.contains(group)) {
        let grants = book.find(&Identity::group(group.clone()));
        let grants = grants.into_iter().flat_map(|entry| &entry.grants);
        let grant = grants.filter_map(|id| book.grant(*id)).find(|grant| {
            !grant.bootstrap && grant.role.as_ref().is_some_and(|role| !role.rules.is_empty())
        });
        if let Some(grant) = grant {
            return Err(Refusal::NotSplit(format!(
                "{to} would be in the group {group}, and by {} {} get what {} does not hold by it: \
                 choose another namespace, or a user (--to)",
                grant.key.binding_kind.as_str(),
                grant.key.binding,
                account.identity
            )));
        }
    }
    Ok(())
}
