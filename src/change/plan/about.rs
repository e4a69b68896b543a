//! What a wish is about, as a Book has it: a wish that waits may outlive it.

use super::wanted::{no_role, nobody, wanted};
use super::{Intent, Refusal};
use crate::book::Book;
use crate::model::{Name, RoleRef, printable};

/// What it was when the wish was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// All that somebody, or a role, is granted: whatever that is when the plan is made.
    Whole,
    /// A binding, which gives this role.
    Gives(RoleRef),
    /// A Secret of this UID.
    Secret(Option<Name>),
}

/// What an Intent is about.
///
/// # Errors
/// Where it is about nothing, or about what no list shows.
pub fn about(book: &Book, intent: &Intent) -> Result<About, Refusal> {
    let objects = &book.snapshot.objects;
    match intent {
        Intent::Narrow { identity, .. } | Intent::Split { identity, .. } => {
            book.find(identity).map(|_| About::Whole).ok_or_else(|| nobody(book, identity))
        }
        Intent::NarrowRole { role_kind, namespace, name, .. } => {
            let namespace = namespace.clone().unwrap_or_else(|| "".into());
            let key = (*role_kind, namespace, name.clone());
            let role = objects.roles.get(&key);
            role.map(|_| About::Whole).ok_or_else(|| no_role(book, &key))
        }
        Intent::Account { .. } | Intent::Mapping { .. } => {
            wanted(book, std::slice::from_ref(intent))?;
            Ok(About::Whole)
        }
        Intent::Identity { .. } | Intent::Grant { .. } => {
            wanted(book, std::slice::from_ref(intent))?;
            let binding = intent.binding().and_then(|(key, _)| objects.bindings.get(&key));
            Ok(binding.map_or(About::Whole, |binding| About::Gives(binding.role_ref.clone())))
        }
        Intent::TokenSecret { namespace, name } | Intent::Quarantine { namespace, name } => {
            wanted(book, std::slice::from_ref(intent))?;
            let secret = objects.secrets.get(&(namespace.clone(), name.clone()));
            Ok(About::Secret(secret.and_then(|secret| secret.meta.uid.clone())))
        }
    }
}

/// What became of what a wish was about; None where it is what it was.
pub fn moved(intent: &Intent, was: &About, is: &About) -> Option<String> {
    match (was, is) {
        _ if was == is => None,
        (About::Gives(was), About::Gives(is)) => Some(format!(
            "{intent} gave {} {} when it was staged, and gives {} {} now",
            was.kind,
            printable(&was.name),
            is.kind,
            printable(&is.name)
        )),
        _ => Some(format!("{intent}: the object was made anew since it was staged")),
    }
}
