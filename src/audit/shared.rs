//! What all readers share, and what each holds back so that they seldom wait for each other.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hashing::{ById, id, mix};
use super::kept::{Limits, names_of};
use super::lexicon::Lexicon;
use super::reader::Parts;
use super::record::{Compact, Inline, Key, Many, Summed};
use super::request::Names;
use super::runs::Runs;
use super::who::Dims;
use crate::model::{Asked, BoundTo, Issued, Name};

/// How much is held in memory.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    pub limits: Limits,
    /// Of combinations, in bytes, about.
    pub lexicon: usize,
    /// Of traces that a reader holds back.
    pub held_back: usize,
    /// Of traces in memory, before they go to disk.
    pub in_memory: usize,
    /// Of rows.
    pub rows: usize,
    /// How much of a source is read at a time, in bytes.
    pub block: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            lexicon: 20 << 20,
            held_back: 1 << 16,
            in_memory: 3 << 18,
            rows: 400_000,
            block: 1 << 18,
        }
    }
}

/// What all readers share.
pub struct Shared {
    lexicon: Mutex<Lexicon>,
    runs: Mutex<Runs>,
    held_back: usize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(bounds: &Bounds, folder: Option<&Path>) -> Self {
        Self {
            lexicon: Mutex::new(Lexicon::new(bounds.lexicon, &bounds.limits)),
            runs: Mutex::new(Runs::new(bounds.in_memory, folder)),
            held_back: bounds.held_back,
        }
    }

    /// All that was read.
    pub fn into_parts(self) -> (Lexicon, Runs) {
        let runs = self.runs.into_inner().unwrap_or_else(PoisonError::into_inner);
        let lexicon = self.lexicon.into_inner().unwrap_or_else(PoisonError::into_inner);
        (lexicon, runs)
    }

    /// All that was read so far, while nobody reads on.
    pub fn parts(&mut self) -> (&mut Lexicon, &mut Runs) {
        let lexicon = self.lexicon.get_mut().unwrap_or_else(PoisonError::into_inner);
        (lexicon, self.runs.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether traces could not be written to disk.
    pub fn failed(&self) -> bool {
        lock(&self.runs).failed()
    }
}

/// The traces of one reader.
pub struct Traces<'s> {
    shared: &'s Shared,
    /// Combinations met lately: their numbers, and when they were met last.
    combos: ById<(u32, i64)>,
    /// Names met lately, by themselves and their group.
    names: ById<Named>,
    compact: Vec<Compact>,
    inline: Vec<Inline>,
    summed: Vec<Summed>,
}

/// A name met lately.
struct Named {
    group: u64,
    id: u64,
    last: i64,
    name: Name,
}

/// How many combinations and names a reader holds back.
const LATELY: usize = 1 << 14;

impl<'s> Traces<'s> {
    pub fn new(shared: &'s Shared) -> Self {
        Self {
            shared,
            combos: ById::default(),
            names: ById::default(),
            compact: Vec::new(),
            inline: Vec::new(),
            summed: Vec::new(),
        }
    }

    /// Takes one line's trace; `at` in microseconds.
    pub fn take(&mut self, key: Key, at: i64, dims: &Dims, parts: &Parts<'_>, names: &mut Names) {
        let name = self.part_name(dims, parts, at);
        let number = self.number(dims, parts, at, names);
        let compact = number.map(|number| Compact::new(key, at, name, number, dims.standing));
        if let Ok(Some(compact)) = compact {
            self.compact.push(compact);
        } else {
            let order = number.err().unwrap_or_else(|| parts.order(&parts.values(names)));
            self.inline.push(Inline::new(key, at, name, *dims, order));
        }
        self.hand_over_if_many();
    }

    /// Takes a row of a summary.
    pub fn take_many(&mut self, many: &Many, dims: &Dims, parts: &Parts<'_>, names: &mut Names) {
        let name = self.part_name(dims, parts, many.last);
        let number = self.number(dims, parts, many.last, names);
        self.summed.push(Summed::new(many, name, number.ok(), *dims));
        self.hand_over_if_many();
    }

    /// Takes a token that was made, at `at` (microseconds), for a kubelet or not: there are few.
    pub fn take_issued(&mut self, issued: Issued, asked: Option<Asked>, at: i64, is_node: bool) {
        lock(&self.shared.lexicon).kept().offer_issued(issued, asked, at, is_node);
    }

    /// Takes what a token of an account (both by id) said that it ends with, about then
    /// (microseconds).
    pub fn take_bound(&mut self, (account, token): (u64, u64), to: &BoundTo, about: i64) {
        let mut lexicon = lock(&self.shared.lexicon);
        lexicon.kept().bound.offer(account, token, about, || Arc::new(to.clone()));
    }

    fn part_name(&mut self, dims: &Dims, parts: &Parts<'_>, at: i64) -> u64 {
        match parts.name() {
            "" => 0,
            name => self.name(dims, name, at),
        }
    }

    fn hand_over_if_many(&mut self) {
        let held = self.compact.len() + (self.inline.len() + self.summed.len()) * 4;
        if held >= self.shared.held_back {
            self.hand_over();
        }
    }

    /// The combination's number, or its order where there is no room for it.
    fn number(
        &mut self,
        dims: &Dims,
        parts: &Parts<'_>,
        at: i64,
        names: &mut Names,
    ) -> Result<u32, u64> {
        let id = dims.id();
        if let Some((number, last)) = self.combos.get_mut(&id) {
            *last = at.max(*last);
            return Ok(*number);
        }
        if self.combos.len() >= LATELY {
            self.forget_combos();
        }
        let values = parts.values(names);
        let order = parts.order(&values);
        let number = lock(&self.shared.lexicon).number(dims, id, at, order, values);
        let number = number.ok_or(order)?;
        self.combos.insert(id, (number, at));
        Ok(number)
    }

    fn forget_combos(&mut self) {
        let mut lexicon = lock(&self.shared.lexicon);
        for (_, (number, last)) in self.combos.drain() {
            lexicon.touch(number, last);
        }
    }

    fn name(&mut self, dims: &Dims, name: &str, at: i64) -> u64 {
        let (group, id) = (names_of(dims), id(name));
        let both = mix(&[group, id]);
        if let Some(named) = self.names.get_mut(&both) {
            named.last = at.max(named.last);
            return id;
        }
        if self.names.len() >= LATELY {
            self.offer_names();
        }
        self.names.insert(both, Named { group, id, last: at, name: name.into() });
        id
    }

    fn offer_names(&mut self) {
        let mut lexicon = lock(&self.shared.lexicon);
        for (_, Named { group, id, last, name }) in self.names.drain() {
            lexicon.kept().names.offer(group, id, last, || name);
        }
    }

    fn hand_over(&mut self) {
        let compact = std::mem::take(&mut self.compact);
        let (inline, summed) = (std::mem::take(&mut self.inline), std::mem::take(&mut self.summed));
        Runs::take(&self.shared.runs, (compact, inline, summed));
    }

    /// Hands over what is left.
    pub fn finish(mut self) {
        self.hand_over();
        self.offer_names();
        self.forget_combos();
    }
}
