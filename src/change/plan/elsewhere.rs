//! What keybook made in a cluster by runs that a journal does not have: a journal is one machine's.
//!
//! Roles, bindings and accounts that a split or a narrowing makes say so in annotations, which tells whose
//! they are wherever one looks from. They are text of the cluster: whoever writes such objects may write
//! them.

use std::collections::BTreeMap;

use super::narrow::FOR;
use super::split::FROM;
use super::{Target, account};
use crate::model::{Identity, Meta, Objects, counted};

/// What is there of runs that a journal does not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Accounts and users that were split, and how many objects say so.
    pub split: BTreeMap<Identity, usize>,
    /// For whom was narrowed, and how many objects say so.
    pub narrowed: BTreeMap<Identity, usize>,
}

impl Elsewhere {
    /// What of it no run of a journal made.
    pub fn of(objects: &Objects, is_ours: &dyn Fn(&Target) -> bool) -> Self {
        let mut all = Self::default();
        for role in objects.roles.values() {
            all.add(role.kind.as_str(), &role.meta, is_ours);
        }
        for binding in objects.bindings.values() {
            all.add(binding.kind.as_str(), &binding.meta, is_ours);
        }
        for account in objects.service_accounts.values() {
            all.add("ServiceAccount", &account.meta, is_ours);
        }
        all
    }

    fn add(&mut self, kind: &str, meta: &Meta, is_ours: &dyn Fn(&Target) -> bool) {
        let says = |key: &str| meta.annotations.get(key)?.parse::<Identity>().ok();
        let (map, whose) = match (says(FROM), says(FOR)) {
            (Some(whose), _) => (&mut self.split, whose),
            (None, Some(whose)) => (&mut self.narrowed, whose),
            (None, None) => return,
        };
        let (namespace, name) = (meta.namespace.clone(), meta.name.clone());
        if !is_ours(&Target { kind: kind.into(), namespace, name }) {
            *map.entry(whose).or_default() += 1;
        }
    }

    /// Those who were split and that are there yet: stages may be left for them. `objects`: with accounts
    /// and bindings.
    pub fn not_retired(&self, objects: &Objects) -> Vec<&Identity> {
        self.split.keys().filter(|who| is_there(objects, who)).collect()
    }

    /// `keybook made 7 objects here by runs that the journal of this machine does not have: …`; None where
    /// there are none.
    pub fn words(&self) -> Option<String> {
        let all: usize = self.split.values().chain(self.narrowed.values()).sum();
        let one = |what: &str, (who, count): (&Identity, &usize)| format!("{what} {who} ({count})");
        let split = self.split.iter().map(|made| one("a split of", made));
        let narrowed = self.narrowed.iter().map(|made| one("a narrowing for", made));
        let told: Vec<String> = split.chain(narrowed).collect();
        (all > 0).then(|| {
            format!(
                "{} of this cluster say that keybook made them, by runs that the journal of this machine \
                 does not have: {}",
                counted(all, "object"),
                super::rests::some(&told)
            )
        })
    }
}

/// Whether an account is there, or a user holds anything by a binding.
pub(super) fn is_there(objects: &Objects, who: &Identity) -> bool {
    match account::place(who) {
        Ok((namespace, name)) => {
            objects.service_accounts.contains_key(&(namespace.clone(), name.clone()))
        }
        Err(_) => objects.bindings.values().any(|one| super::wanted::names(one, who)),
    }
}
