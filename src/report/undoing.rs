//! Who would put the subject of a grant back, were it taken out of its binding.

use crate::book::{Book, Grant};
use crate::model::Snapshot;
use crate::owners::{Keeper, Owner, Soon, of_binding};
use crate::reach::{Hop, Kept, Path};

/// Those who keep the binding of a grant, as far as that is about its subject: the API server brings
/// its own subjects back and no others.
pub fn of_cut(snapshot: &Snapshot, grant: &Grant) -> Vec<Owner> {
    let key = &grant.key;
    let namespace = key.namespace.clone().unwrap_or_else(|| "".into());
    let place = (key.binding_kind, namespace, key.binding.clone());
    let Some(binding) = snapshot.objects.bindings.get(&place) else { return Vec::new() };
    let mut owners = of_binding(snapshot, binding);
    owners.retain(|owner| owner.keeper != Keeper::ApiServer || grant.bootstrap);
    owners
}

/// `kept by Helm pay/payroll (at its next upgrade)`; None where nobody undoes an edit.
pub fn cut_words(owners: &[Owner]) -> Option<String> {
    let undo = owners.iter().filter(|owner| owner.edit.soon != Soon::Never);
    let words: Vec<String> = undo.map(Owner::words_and_when).collect();
    (!words.is_empty()).then(|| format!("kept by {}", words.join(", ")))
}

/// The grants that cut a step of a path, each alone, in the order in which [`Hop::cut`] names them.
pub fn cutting<'b>(
    book: &'b Book,
    hop: &Hop,
    path: &Path,
    kept: &[Kept],
) -> impl Iterator<Item = &'b Grant> {
    let closes = |id| kept.iter().any(|kept| kept.grant == id && kept.cuts(path));
    let ids: Vec<_> = hop.grants().into_iter().filter(|id| closes(*id)).collect();
    ids.into_iter().filter_map(|id| book.grant(id).map(|grant| &**grant))
}

/// What would cut a step, and who would undo that.
pub fn hop_cut_words(book: &Book, hop: &Hop, path: &Path, kept: &[Kept]) -> String {
    let words = hop.cut(path, kept);
    let grants: Vec<&Grant> = cutting(book, hop, path, kept).collect();
    let undone = grants.iter().filter_map(|grant| {
        let by = cut_words(&of_cut(&book.snapshot, grant))?;
        // Of several it is said which.
        Some(if grants.len() > 1 { format!("{} is {by}", grant.key.binding) } else { by })
    });
    std::iter::once(words).chain(undone).collect::<Vec<_>>().join("; ")
}
