//! The combinations of who, with what, from where and what for that lines repeat, each held once.

use std::sync::Arc;

use hashbrown::hash_map::Entry;

use super::hashing::{ById, order};
use super::kept::{Kept, Limits};
use super::record::MOST_COMBOS;
use super::who::{Dims, Values, Who};
use crate::model::{Call, CreditedGrant, Name};

/// All combinations, as far as there is room, and what is kept of all that was seen.
#[derive(Debug)]
pub struct Lexicon {
    combos: Vec<Combo>,
    by_id: ById<u32>,
    whos: ById<Arc<Who>>,
    names: ById<Name>,
    places: ById<Arc<Call>>,
    credits: ById<Arc<CreditedGrant>>,
    /// Bytes that further combinations may take, about.
    room: usize,
    kept: Kept,
    /// Combinations seen since they were settled last, and which of all are.
    changed: Vec<u32>,
    is_changed: Vec<bool>,
    /// Whether there was no room for one.
    overflowed: bool,
}

/// A combination.
#[derive(Clone, Copy, Debug)]
pub struct Combo {
    pub dims: Dims,
    /// See [`Values::order`].
    pub order: u64,
    last: i64,
}

impl Values {
    /// What orders combinations alike in every process.
    pub fn order(&self, who: u64) -> u64 {
        let actor = [&self.credential, &self.agent, &self.address];
        order(&(who, actor, &self.place, &self.credit))
    }
}

impl Lexicon {
    pub fn new(room: usize, limits: &Limits) -> Self {
        Self {
            combos: Vec::new(),
            by_id: ById::default(),
            whos: ById::default(),
            names: ById::default(),
            places: ById::default(),
            credits: ById::default(),
            room,
            kept: Kept::new(limits),
            changed: Vec::new(),
            is_changed: Vec::new(),
            overflowed: false,
        }
    }

    /// The number of a combination (whose id is `id`) that was seen at `at`; None where there is no
    /// room for one more.
    pub fn number(
        &mut self,
        dims: &Dims,
        id: u64,
        at: i64,
        order: u64,
        values: Values,
    ) -> Option<u32> {
        let next = self.combos.len();
        match self.by_id.entry(id) {
            Entry::Occupied(found) => {
                let number = *found.get();
                self.touch(number, at);
                Some(number)
            }
            Entry::Vacant(slot) if self.room > 0 && next < MOST_COMBOS => {
                let number = u32::try_from(next).ok()?;
                slot.insert(number);
                self.combos.push(Combo { dims: *dims, order, last: at });
                self.is_changed.push(true);
                self.changed.push(number);
                self.hold(dims, values);
                Some(number)
            }
            Entry::Vacant(_) => {
                self.overflowed = true;
                self.kept.offer(dims, &values, at);
                None
            }
        }
    }

    /// Notes that a combination was seen at `at`.
    pub fn touch(&mut self, number: u32, at: i64) {
        if let Some(combo) = self.combos.get_mut(number as usize) {
            combo.last = combo.last.max(at);
            if let Some(changed @ false) = self.is_changed.get_mut(number as usize) {
                *changed = true;
                self.changed.push(number);
            }
        }
    }

    /// Whether there was no room for some combinations: then they are not told by number.
    pub fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// Has what is kept of all that was seen so far in [`Lexicon::settled_so_far`]. Returns the
    /// combinations that were seen since this was called last.
    pub fn settle_so_far(&mut self) -> Vec<u32> {
        let changed = std::mem::take(&mut self.changed);
        for number in &changed {
            if let Some(is_changed) = self.is_changed.get_mut(*number as usize) {
                *is_changed = false;
            }
            let Some(combo) = self.combos.get(*number as usize).copied() else { continue };
            if let Some(values) = self.values(&combo.dims) {
                self.kept.offer(&combo.dims, &values, combo.last);
            }
        }
        self.kept.trim();
        changed
    }

    /// What is kept, once it is settled.
    pub fn settled_so_far(&self) -> &Kept {
        &self.kept
    }

    /// Who a combination was by, with the groups it authenticated with.
    pub fn who(&self, number: u32) -> Option<(&Who, i64)> {
        let combo = self.combos.get(number as usize)?;
        Some((self.whos.get(&combo.dims.who)?, combo.last))
    }

    fn hold(&mut self, dims: &Dims, values: Values) {
        let mut used = size_of::<Combo>() + 16;
        for (id, name) in [
            (dims.credential, values.credential),
            (dims.agent, values.agent),
            (dims.address, values.address),
        ] {
            if let Some(name) = name
                && let Entry::Vacant(slot) = self.names.entry(id)
            {
                used += name.len() + 64;
                slot.insert(name);
            }
        }
        if let Entry::Vacant(slot) = self.whos.entry(dims.who) {
            used += 512 + values.who.own_groups.value.len() * 64;
            slot.insert(values.who);
        }
        if let Entry::Vacant(slot) = self.places.entry(dims.place) {
            used += 384;
            slot.insert(values.place);
        }
        if let Some(credit) = values.credit
            && let Entry::Vacant(slot) = self.credits.entry(dims.credit)
        {
            used += 384;
            slot.insert(credit);
        }
        self.room = self.room.saturating_sub(used);
    }

    /// What is kept, to offer names to.
    pub fn kept(&mut self) -> &mut Kept {
        &mut self.kept
    }

    /// A numbered combination.
    pub fn combo(&self, number: u32) -> Option<&Combo> {
        self.combos.get(number as usize)
    }

    fn values(&self, dims: &Dims) -> Option<Values> {
        let name = |id| self.names.get(&id).cloned();
        Some(Values {
            who: self.whos.get(&dims.who)?.clone(),
            credential: name(dims.credential),
            agent: name(dims.agent),
            address: name(dims.address),
            place: self.places.get(&dims.place)?.clone(),
            credit: self.credits.get(&dims.credit).cloned(),
        })
    }

    /// What is kept of all that was seen so far.
    pub fn settled(&self) -> Kept {
        let mut kept = self.kept.clone();
        for combo in &self.combos {
            if let Some(values) = self.values(&combo.dims) {
                kept.offer(&combo.dims, &values, combo.last);
            }
        }
        kept.trim();
        kept
    }

    /// What is kept, now that all is seen. Of the combinations only the numbers and ids stay.
    pub fn settle(&mut self) -> Kept {
        for at in 0..self.combos.len() {
            let combo = self.combos[at];
            if let Some(values) = self.values(&combo.dims) {
                self.kept.offer(&combo.dims, &values, combo.last);
            }
        }
        self.by_id = ById::default();
        self.whos = ById::default();
        self.names = ById::default();
        self.places = ById::default();
        self.credits = ById::default();
        let mut kept = std::mem::replace(&mut self.kept, Kept::new(&Limits::default()));
        kept.trim();
        kept
    }
}
