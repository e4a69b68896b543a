//! Tables and rows as bytes.

use std::collections::HashMap;

use chrono::NaiveDate;
use foldhash::fast::RandomState;

use super::{BINDINGS, DAY, IMPLIED, ROLES, SUBJECTS, micros, place};
use crate::audit::index::bytes;
use crate::model::{
    ActivityTables, Actor, Asked, BoundTo, Call, CreditedGrant, Identity, Minted, Name, Target, Use,
};

/// What was written so far.
#[derive(Default)]
pub struct Writer {
    pub out: Vec<u8>,
    pub texts: Vec<Name>,
    numbers: HashMap<Name, u64, RandomState>,
}

impl Writer {
    pub fn number(&mut self, number: usize) {
        bytes::number(&mut self.out, number as u64);
    }

    pub fn id(&mut self, id: u32) {
        bytes::number(&mut self.out, id.into());
    }

    pub fn some(&mut self, id: Option<u32>) {
        bytes::number(&mut self.out, id.map_or(0, |id| u64::from(id) + 1));
    }

    pub fn text(&mut self, name: &Name) -> u64 {
        if let Some(known) = self.numbers.get(name) {
            return *known;
        }
        let number = self.texts.len() as u64;
        self.texts.push(name.clone());
        self.numbers.insert(name.clone(), number);
        number
    }

    pub fn name(&mut self, name: &Name) {
        let number = self.text(name);
        bytes::number(&mut self.out, number);
    }

    pub fn some_name(&mut self, name: Option<&Name>) {
        let number = name.map_or(0, |name| self.text(name) + 1);
        bytes::number(&mut self.out, number);
    }

    pub fn names(&mut self, names: &[Name]) {
        self.number(names.len());
        for name in names {
            self.name(name);
        }
    }

    pub fn tables(&mut self, tables: &ActivityTables) -> Option<()> {
        self.number(tables.identities.len());
        for identity in &tables.identities {
            self.identity(identity)?;
        }
        self.number(tables.actors.len());
        for Actor { credential, agent, address } in &tables.actors {
            for part in [credential, agent, address] {
                self.some_name(part.as_ref());
            }
        }
        self.number(tables.calls.len());
        for call in &tables.calls {
            self.call(call)?;
        }
        self.number(tables.credits.len());
        for credit in &tables.credits {
            self.credit(credit)?;
        }
        self.number(tables.group_sets.len());
        for groups in &tables.group_sets {
            self.names(groups);
        }
        self.number(tables.impersonations.len());
        for how in &tables.impersonations {
            self.names(&how.groups);
            self.some_name(how.uid.as_ref());
            self.number(how.extra.len());
            for (key, value) in &how.extra {
                self.name(key);
                self.name(value);
            }
            self.some_name(how.constraint.as_ref());
        }
        Some(())
    }

    /// What is known of a token.
    pub fn minted(&mut self, minted: &Minted) -> Option<()> {
        bytes::signed(&mut self.out, micros(minted.at)?);
        match &minted.asked {
            None => self.out.push(0),
            Some(Asked { bound, seconds, until, audiences }) => {
                self.out.push(1);
                self.bound(bound);
                bytes::number(
                    &mut self.out,
                    seconds.map_or(0, |seconds| seconds.saturating_add(1)),
                );
                match until {
                    None => self.out.push(0),
                    Some(until) => {
                        self.out.push(1);
                        bytes::signed(&mut self.out, micros(*until)?);
                    }
                }
                self.names(audiences);
            }
        }
        match &minted.used_by {
            None => self.out.push(0),
            Some(bound) => {
                self.out.push(1);
                self.bound(bound);
            }
        }
        Some(())
    }

    fn bound(&mut self, bound: &BoundTo) {
        match bound {
            BoundTo::Nothing => self.out.push(0),
            BoundTo::Object { kind, name, uid } => {
                self.out.push(1);
                self.name(kind);
                self.some_name(name.as_ref());
                self.some_name(uid.as_ref());
            }
        }
    }

    pub fn identity(&mut self, identity: &Identity) -> Option<()> {
        self.out.push(place(&SUBJECTS, &identity.kind)?);
        self.some_name(identity.namespace.as_ref());
        self.name(&identity.name);
        Some(())
    }

    pub fn call(&mut self, call: &Call) -> Option<()> {
        self.name(&call.verb);
        self.out.push(place(&IMPLIED, &call.implied)?);
        match &call.target {
            Target::Folded => self.out.push(0),
            Target::Paths => self.out.push(1),
            Target::Path(path) => {
                self.out.push(2);
                self.name(path);
            }
            Target::Resource { group, resource, subresource, namespace, name, names_folded } => {
                self.out.push(3 + u8::from(*names_folded));
                for part in [group, resource, subresource] {
                    self.name(part);
                }
                self.some_name(namespace.as_ref());
                self.some_name(name.as_ref());
            }
        }
        Some(())
    }

    pub fn credit(&mut self, credit: &CreditedGrant) -> Option<()> {
        match credit {
            CreditedGrant::Other(words) => {
                self.out.push(0);
                self.name(words);
            }
            CreditedGrant::Rbac { binding_kind, namespace, binding, role_kind, role, subject } => {
                self.out.push(1);
                self.out.push(place(&BINDINGS, binding_kind)?);
                self.some_name(namespace.as_ref());
                self.name(binding);
                self.out.push(place(&ROLES, role_kind)?);
                self.name(role);
                self.identity(subject)?;
            }
        }
        Some(())
    }

    /// `before` is who the row before is of; rows come in the order of that.
    pub fn row(&mut self, row: &Use, before: u32) -> Option<()> {
        self.id(row.authenticated.0.checked_sub(before)?);
        let other = (row.effective != row.authenticated).then_some(row.effective.0);
        self.some(other);
        self.some(row.impersonation.map(|id| id.0));
        for id in [row.actor.0, row.groups.0, row.call.0] {
            self.id(id);
        }
        self.some(row.credit.map(|id| id.0));
        let day = (row.day - NaiveDate::default()).num_days();
        let (first, last) = (micros(row.first)?, micros(row.last)?);
        let out = &mut self.out;
        bytes::signed(out, day);
        for count in [row.allowed, row.denied, row.undecided] {
            bytes::number(out, count);
        }
        bytes::signed(out, first - day * DAY);
        bytes::signed(out, last - first);
        match row.last_allowed {
            None => out.push(0),
            Some(at) if at == row.last => out.push(1),
            Some(at) => {
                out.push(2);
                bytes::signed(out, last - micros(at)?);
            }
        }
        bytes::number(out, u64::from(row.hours));
        Some(())
    }
}
