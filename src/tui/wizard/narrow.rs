//! The choices of a narrowing.

use super::choice::{self, Field};
use crate::change::plan::{Choices, Intent};
use crate::model::{Identity, Name, RoleKind};
use crate::tui::state::FeedId;
use crate::tui::text::plural;
use crate::tui::words;

/// A role that could be narrowed in place of who holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleOf {
    /// Of which cluster.
    pub feed: FeedId,
    /// Which of the two kinds.
    pub kind: RoleKind,
    /// Its namespace; None for a `ClusterRole`.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
    /// How many bindings refer to it.
    pub grants: usize,
}

impl RoleOf {
    /// Whether a wish narrows it.
    pub fn is_of(&self, feed: FeedId, wish: &Intent) -> bool {
        let Intent::NarrowRole { role_kind, namespace, name, .. } = wish else { return false };
        feed == self.feed
            && *role_kind == self.kind
            && *namespace == self.namespace
            && *name == self.name
    }

    fn words(&self) -> String {
        let place = self.namespace.as_ref().map_or_else(String::new, |ns| format!("{ns}/"));
        format!("{} {place}{}", self.kind.as_str(), self.name)
    }
}

/// What is chosen.
#[derive(Clone, Debug)]
pub struct NarrowForm {
    /// Who is narrowed.
    pub whom: Vec<(FeedId, Identity)>,
    /// What could be narrowed in their place.
    pub role: Option<RoleOf>,
    /// Whether that is meant.
    pub as_role: bool,
    /// What the log cannot decide.
    pub choices: Choices,
}

impl NarrowForm {
    /// The clusters that it is about.
    pub(super) fn feeds(&self) -> impl Iterator<Item = FeedId> + '_ {
        self.whom.iter().map(|(feed, _)| *feed)
    }

    pub(super) fn whom_words(&self) -> String {
        match (&self.role, self.whom.as_slice()) {
            (Some(role), _) if self.as_role => role.words(),
            (_, [(_, one)]) => words::name(one),
            (_, many) => plural(many.len(), "identity"),
        }
    }

    pub(super) fn fields(&self) -> Vec<Field> {
        let what = self.role.as_ref().map(|_| Field::What);
        let all = [Field::Reads, Field::Names, Field::Namespaces, Field::Younger, Field::NotInLogs];
        what.into_iter().chain(all).collect()
    }

    pub(super) fn wishes(&self) -> Vec<(FeedId, Intent)> {
        let choices = || self.choices.clone();
        if let Some(role) = self.role.as_ref().filter(|_| self.as_role) {
            let RoleOf { feed, kind, namespace, name, .. } = role.clone();
            return vec![(
                feed,
                Intent::NarrowRole { role_kind: kind, namespace, name, choices: choices() },
            )];
        }
        let whom = self.whom.iter();
        whom.map(|(feed, identity)| {
            (*feed, Intent::Narrow { identity: identity.clone(), choices: choices() })
        })
        .collect()
    }

    pub(super) fn turn(&mut self, field: Field, by: isize) -> Result<(), String> {
        if field == Field::What {
            self.as_role = !self.as_role;
            return Ok(());
        }
        choice::turn(&mut self.choices, field, by)
    }

    pub(super) fn value(&self, field: Field) -> (String, String) {
        match (field, &self.role) {
            (Field::What, Some(role)) if self.as_role => {
                (role.words(), format!("for all: {}", plural(role.grants, "binding")))
            }
            (Field::What, _) => (self.whom_words(), "all that it is granted itself".to_owned()),
            (Field::Namespaces, Some(_)) if self.as_role => {
                ("–".to_owned(), "a role has no place of its own".to_owned())
            }
            _ => choice::value(&self.choices, field),
        }
    }
}
