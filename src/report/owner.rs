//! Who keeps an object, and what becomes of a change to it.

use serde::Serialize;

use super::undoing;
use crate::book::{Book, GrantId};
use crate::model::Name;
use crate::owners::{OfGrant, Owner, Soon, Undone};

/// Whether and when a kind of change is undone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UndoneRow {
    /// `at once`, `within minutes`, `at its next sync`, `at its next upgrade`,
    /// `at an API server's next start`, `not known` or `never`.
    pub soon: &'static str,
    /// The same in a sentence, with what it depends on.
    pub when: &'static str,
}

impl From<Undone> for UndoneRow {
    fn from(of: Undone) -> Self {
        Self { soon: of.soon.as_str(), when: of.when }
    }
}

/// One who keeps an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OwnerRow {
    /// Which object: `binding`, `role`, `account` or `secret`.
    pub object: &'static str,
    /// Who: `Helm`, `Argo CD`, `API server`, …
    pub keeper: &'static str,
    /// Its release, application, definition or object; empty where there is but one.
    pub name: Name,
    /// What on the object says so.
    pub evidence: Name,
    /// False where the same mark may come from something else.
    pub certain: bool,
    /// What becomes of an edit.
    pub edit: UndoneRow,
    /// What becomes of a deletion.
    pub deletion: UndoneRow,
    /// What becomes of a label that is put on and is not the owner's.
    pub label: UndoneRow,
    /// What the owner's own object says of it: of an `RBACDefinition` the entry, and the namespaces
    /// that it selects now.
    pub detail: Option<Name>,
    /// For a person.
    #[serde(skip)]
    pub words: String,
}

/// The rows of an object's owners.
pub(super) fn rows(object: &'static str, of: &[Owner]) -> Vec<OwnerRow> {
    let row = |owner: &Owner| OwnerRow {
        object,
        keeper: owner.keeper.as_str(),
        name: owner.name.clone(),
        evidence: owner.evidence.clone(),
        certain: owner.certain,
        edit: owner.edit.into(),
        deletion: owner.deletion.into(),
        label: owner.label.into(),
        detail: owner.detail.clone(),
        words: owner.words_and_when(),
    };
    of.iter().map(row).collect()
}

/// The same of a grant's two objects, the binding's first.
pub(super) fn of_grant(of: &OfGrant) -> Vec<OwnerRow> {
    let mut all = rows("binding", &of.binding);
    all.extend(rows("role", &of.role));
    all
}

/// Those who would put the subject of a grant back, were it taken out of its binding.
pub(super) fn of_cut(book: &Book, grant: GrantId) -> Vec<OwnerRow> {
    let grant = book.grant(grant);
    grant.map_or_else(Vec::new, |grant| rows("binding", &undoing::of_cut(&book.snapshot, grant)))
}

/// Who of them undoes an edit, and how soon; None where nobody does.
pub(super) fn undoing(of: &[OwnerRow]) -> Option<String> {
    let undo = of.iter().filter(|owner| owner.edit.soon != Soon::Never.as_str());
    let words: Vec<&str> = undo.map(|owner| &*owner.words).collect();
    (!words.is_empty()).then(|| words.join(", "))
}
