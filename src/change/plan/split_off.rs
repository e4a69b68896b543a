//! Whoever was split off a shared account or user may have its credentials, until it is retired: the roles,
//! bindings and accounts that the split made for them say whose they were.

use std::collections::BTreeMap;

use super::elsewhere::is_there;
use super::split::FROM;
use super::{Ending, Intent, StillWorks, Target, account};
use crate::book::Book;
use crate::credentials;
use crate::model::{Identity, Name, counted};

/// So many credentials are named.
const NAMED: usize = 3;

/// What works on of what somebody was split off. Nothing for what the plan takes away itself.
pub(super) fn of(book: &Book, who: &Identity, ends: &dyn Fn(&Target) -> bool) -> Vec<StillWorks> {
    let objects = &book.snapshot.objects;
    let mut from: BTreeMap<Identity, String> = BTreeMap::new();
    let mut said = |says: Option<&Name>, by: &Target| {
        let Some(shared) = says.and_then(|says| says.parse::<Identity>().ok()) else { return };
        from.entry(shared).or_insert_with(|| by.to_string());
    };
    for binding in objects.bindings.values().filter(|one| super::wanted::names(one, who)) {
        let (namespace, name) = (binding.meta.namespace.clone(), binding.meta.name.clone());
        let by = Target { kind: binding.kind.as_str().into(), namespace, name };
        said(binding.meta.annotations.get(FROM), &by);
    }
    if let Ok((namespace, name)) = account::place(who)
        && let Some(own) = objects.service_accounts.get(&(namespace.clone(), name.clone()))
    {
        said(own.meta.annotations.get(FROM), &account::target(namespace, name));
    }
    from.retain(|shared, _| shared != who && is_there(objects, shared));
    from.into_iter().filter_map(|(shared, by)| works(book, who, &shared, (&by, ends))).collect()
}

fn works(
    book: &Book,
    who: &Identity,
    shared: &Identity,
    (by, ends): (&str, &dyn Fn(&Target) -> bool),
) -> Option<StillWorks> {
    let mut all = credentials::of(book, shared);
    // What ends with a pod is in nobody's hand.
    all.retain(|one| one.standing.is_taken());
    let intent = match account::place(shared) {
        Ok((namespace, name)) => {
            if ends(&account::target(namespace, name)) {
                return None;
            }
            // A label on Secrets ends no token that was made on request.
            let in_secrets = all.iter().all(|one| one.kind == credentials::Kind::TokenSecret);
            let how = if in_secrets { Ending::Quarantine } else { Ending::Delete };
            Intent::Account { identity: shared.clone(), how }
        }
        Err(_) => Intent::Identity { identity: shared.clone() },
    };
    let ids: Vec<&str> = all.iter().take(NAMED).map(|one| &*one.id).collect();
    let ids = match (ids.is_empty(), all.len().saturating_sub(NAMED)) {
        (true, _) => "no credential of it is known".to_owned(),
        (false, 0) => ids.join(", "),
        (false, more) => format!("{} and {} more", ids.join(", "), counted(more, "other")),
    };
    Some(StillWorks {
        what: format!(
            "what {shared} may: {who} was split off it, by {by}, and may have its credentials ({ids})"
        ),
        until: format!(
            "until {shared} is retired; what would have them refused: {}",
            intent.command()
        ),
    })
}
