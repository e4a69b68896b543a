//! Sources shared by several readers: each reader has a source of its own as long as there are
//! enough, and then helps with those still open.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Input;
use super::blocks::{Blocks, Next};
use crate::audit::Progress;
use crate::model::Name;

/// Sources, and how far they have been read.
pub struct Queue<'p> {
    names: Vec<Name>,
    sources: Vec<Source<'p>>,
    /// The first that no reader has taken yet.
    untaken: AtomicUsize,
    progress: &'p dyn Progress,
}

struct Source<'p> {
    state: Mutex<State<'p>>,
    /// Whether there is no more, for now or for ever.
    ended: AtomicBool,
}

enum State<'p> {
    Closed(Box<dyn Read + Send>),
    Open(Blocks<'p>),
    Ended,
}

impl<'p> Queue<'p> {
    pub fn new(inputs: Vec<Input>, progress: &'p dyn Progress) -> Self {
        let (names, sources) = inputs
            .into_iter()
            .map(|Input { name, bytes }| {
                let state = Mutex::new(State::Closed(bytes));
                (name, Source { state, ended: AtomicBool::new(false) })
            })
            .unzip();
        Self { names, sources, untaken: AtomicUsize::new(0), progress }
    }

    /// What the sources are called, by number.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// Adds a source to those that [`Queue::again`] goes through. Returns its number.
    pub fn add(&mut self, input: Input) -> u32 {
        let Input { name, bytes } = input;
        let number = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        self.names.push(name);
        let state = Mutex::new(State::Closed(bytes));
        self.sources.push(Source { state, ended: AtomicBool::new(false) });
        number
    }

    /// Calls a source something else.
    pub fn rename(&mut self, source: u32, name: Name) {
        if let Some(known) = self.names.get_mut(source as usize) {
            *known = name;
        }
    }

    /// Reads no more of a source, nor what is held of it.
    pub fn forget(&mut self, source: u32) {
        if let Some(source) = self.sources.get_mut(source as usize) {
            source.state = Mutex::new(State::Ended);
            source.ended = AtomicBool::new(true);
        }
    }

    /// Goes again through all sources that have not ended for ever.
    pub fn again(&mut self) {
        self.untaken = AtomicUsize::new(0);
        for source in &mut self.sources {
            let state = source.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            source.ended = AtomicBool::new(matches!(state, State::Ended));
        }
    }

    /// The next lines of any source, with its number; None where all are read. `own` is where this
    /// reader remembers which source it is at.
    pub fn next(&self, own: &mut Option<usize>, buffer: &mut Vec<u8>) -> Option<(u32, Next)> {
        loop {
            let at = match *own {
                Some(at) => at,
                None => self.another()?,
            };
            *own = Some(at);
            match self.sources[at].next(buffer, self.progress) {
                Next::End | Next::Nothing => *own = None,
                next => return Some((u32::try_from(at).unwrap_or(u32::MAX), next)),
            }
        }
    }

    fn another(&self) -> Option<usize> {
        let next = self.untaken.fetch_add(1, Ordering::Relaxed);
        if next < self.sources.len() {
            return Some(next);
        }
        self.sources.iter().position(|source| !source.ended.load(Ordering::Acquire))
    }
}

impl<'p> Source<'p> {
    fn next(&self, buffer: &mut Vec<u8>, progress: &'p dyn Progress) -> Next {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let State::Closed(bytes) = &mut *state {
            let bytes = std::mem::replace(bytes, Box::new(io::empty()));
            *state = State::Open(Blocks::new(Counted { bytes, progress }));
        }
        let State::Open(blocks) = &mut *state else { return Next::End };
        let next = blocks.next(buffer);
        if next == Next::End {
            *state = State::Ended;
        }
        if matches!(next, Next::End | Next::Nothing) {
            self.ended.store(true, Ordering::Release);
        }
        next
    }
}

/// Tells how much was read.
struct Counted<'p> {
    bytes: Box<dyn Read + Send>,
    progress: &'p dyn Progress,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.progress.advanced(read as u64);
        Ok(read)
    }
}
