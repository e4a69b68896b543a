//! The values that rows refer to, by number.

use std::sync::Arc;

use super::hashing::{ById, id};
use super::request::join;
use super::rows::{Coarsen, RowKey};
use super::who::Groups;
use crate::model::{Actor, Call, CreditedGrant, Detail, Identity, Impersonation, Implied, Target};

/// Values with numbers.
#[derive(Clone, Debug)]
pub struct Numbered<T> {
    numbers: ById<u32>,
    pub values: Vec<T>,
}

impl<T> Numbered<T> {
    /// The number of an id.
    pub fn get(&self, id: u64) -> Option<u32> {
        self.numbers.get(&id).copied()
    }

    pub fn new() -> Self {
        Self { numbers: ById::default(), values: Vec::new() }
    }

    pub fn number(&mut self, id: u64, value: impl FnOnce() -> T) -> u32 {
        *self.numbers.entry(id).or_insert_with(|| {
            self.values.push(value());
            u32::try_from(self.values.len() - 1).unwrap_or(u32::MAX)
        })
    }
}

/// The values that rows refer to, in the order in which they were met.
#[derive(Clone, Debug)]
pub struct Tables {
    pub identities: Numbered<Identity>,
    pub actors: Numbered<Actor>,
    pub calls: Numbered<Call>,
    pub credits: Numbered<Arc<CreditedGrant>>,
    pub groups: Numbered<Groups>,
    pub impersonations: Numbered<Arc<Impersonation>>,
}

/// The id of what was not kept, and of the call that stands for all calls; no value has it but by
/// chance of 1 in 2^63.
pub const FOLDED: u64 = u64::MAX;

/// The id of what was kept, but not by rows that had become too many. It is not counted as cut.
pub const COARSE: u64 = u64::MAX - 1;

impl Tables {
    pub fn new() -> Self {
        Self {
            identities: Numbered::new(),
            actors: Numbered::new(),
            calls: Numbered::new(),
            credits: Numbered::new(),
            groups: Numbered::new(),
            impersonations: Numbered::new(),
        }
    }

    pub fn folded_call(&mut self) -> u32 {
        let call = || Call { verb: "".into(), target: Target::Folded, implied: Implied::Nothing };
        self.calls.number(FOLDED, call)
    }

    pub fn actor(&mut self, actor: Actor) -> u32 {
        self.actors.number(id(&actor), || actor)
    }

    /// A set that was not kept reads as the empty one, and is one row with it.
    pub fn no_groups(&mut self) -> u32 {
        let none = Groups::from([]);
        self.groups.number(id(&none), || none)
    }

    fn without_name(&mut self, call: u32) -> u32 {
        let have = &self.calls.values[call as usize];
        let named = match &have.target {
            Target::Resource { name, names_folded, .. } => name.is_some() && !names_folded,
            Target::Path(_) => true,
            Target::Paths | Target::Folded => false,
        };
        if !named {
            return call;
        }
        let folded = join(have, None, true);
        self.calls.number(id(&folded), || folded)
    }
}

impl Coarsen for Tables {
    fn coarsen(&mut self, detail: Detail, key: RowKey) -> RowKey {
        let mut key = key;
        if detail >= Detail::NoNames {
            key.call = self.without_name(key.call);
        }
        if detail >= Detail::NoActors {
            let credential = self.actors.values[key.actor as usize].credential.clone();
            key.actor = self.actor(Actor { credential, agent: None, address: None });
        }
        if detail >= Detail::NoCalls {
            key.call = self.folded_call();
            key.groups = self.no_groups();
            key.actor = self.actor(Actor { credential: None, agent: None, address: None });
            (key.impersonation, key.credit) = (0, 0);
        }
        key
    }
}
