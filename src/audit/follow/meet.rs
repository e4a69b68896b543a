//! Files that were not there at the last look, and whether what they begin with was read already.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::files::{Files, Followed, Known, OPEN, QUIET, name_of};
use super::packed::{self, Packed, Unpacked};
use super::prints::Prints;
use super::tail::{Look, Shared, Tail};
use crate::audit::source::Input;
use crate::audit::source::queue::Queue;

/// Who read what a new file begins with.
enum Same {
    Nobody,
    /// A file that is there, and longer.
    There,
    /// A file that is there, perhaps: it has not been read yet itself.
    Later,
    /// One that is gone: its place among the former ones.
    Gone(usize),
}

impl Files {
    /// Whether something that has not changed since then may still change.
    fn waits(&self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        !self.last && now - since < QUIET
    }

    /// A file that was not there, or no longer holds what it held.
    pub fn meet(
        &mut self,
        path: PathBuf,
        look: Look,
        queue: &mut Queue<'static>,
        now: DateTime<Utc>,
    ) {
        let copy = self.copies.get(&look.id).is_some_and(|known| *known == look);
        // What it is cannot be told by less.
        if look.length < 6 && !self.last {
            self.empty.insert(name_of(&path));
            return;
        }
        if copy && !self.has_ended() {
            return;
        }
        let opened = File::open(&path).and_then(|file| Ok((Look::of(&file.metadata()?), file)));
        let file = match opened {
            Ok((opened, file)) if opened.id == look.id => file,
            // Another one is called so by now: the one that was found is elsewhere.
            Ok(_) => {
                self.left += 1;
                return;
            }
            Err(error) => {
                // Where it was moved, it will be found where it is.
                self.left += usize::from(error.kind() == ErrorKind::NotFound);
                return self.refuse(&path, error, queue);
            }
        };
        let mut head = vec![0; 1024];
        let read = file.read_at(&mut head, 0).unwrap_or(0);
        head.truncate(read);
        if packed::is_packed(&head) {
            return self.meet_packed(&path, file, look, queue, now);
        }
        let known =
            if self.begun { self.same(&head, look.length, &file, false) } else { Same::Nobody };
        let known = match known {
            Same::Nobody => None,
            Same::Later => {
                self.left += 1;
                return;
            }
            Same::There => {
                self.copies.insert(look.id, look);
                return;
            }
            Same::Gone(at) => self.take_over(at, &path, queue),
        };
        self.copies.remove(&look.id);
        let (lines, earlier) = known.unzip();
        let earlier = earlier.unwrap_or_default();
        let mut tail = Tail::new(path, file, look, lines);
        tail.allow(look);
        if self.tails.len() >= OPEN {
            tail.stay_open(false);
        }
        let tail = Shared::new(tail);
        let followed = Followed { source: None, earlier, tail, changed: now, lost: None };
        self.tails.insert(look.id, followed);
    }

    /// Who read what a file begins with; `length` is how much it holds, at least.
    fn same(&self, head: &[u8], length: u64, file: &File, unpack: bool) -> Same {
        let begins = |lines: &Prints| {
            lines.length > 0
                && lines.may_begin(head)
                && packed::prints(file, lines.length, unpack).as_ref() == Some(lines)
        };
        for (at, former) in self.former.iter().enumerate().rev() {
            if begins(&former.lines) {
                return Same::Gone(at);
            }
        }
        let there = self.tails.values().any(|followed| {
            let tail = followed.tail.lock();
            length <= tail.look.length && begins(&tail.lines)
        });
        let later = || {
            !self.all_read && self.tails.values().any(|followed| followed.tail.lock().may_be(head))
        };
        match there {
            true => Same::There,
            false if later() => Same::Later,
            false => Same::Nobody,
        }
    }

    /// What was read of a log that is gone is what another file begins with.
    fn take_over(
        &mut self,
        at: usize,
        path: &Path,
        queue: &mut Queue<'static>,
    ) -> Option<(Prints, Vec<u32>)> {
        let former = self.former.remove(at)?;
        let mut earlier = former.earlier;
        if let Some(source) = former.source {
            // What it held of a line without its end comes again.
            queue.forget(source);
            earlier.push(source);
        }
        for source in &earlier {
            queue.rename(*source, name_of(path));
        }
        Some((former.lines, earlier))
    }

    fn meet_packed(
        &mut self,
        path: &Path,
        mut file: File,
        look: Look,
        queue: &mut Queue<'static>,
        now: DateTime<Utc>,
    ) {
        let known = self.packed.get(&look.id).filter(|known| known.look == look);
        let since = known.map_or(now, |known| known.since);
        let length = match known.map(|known| &known.what) {
            Some(Packed::Read(sources)) => {
                for source in sources {
                    queue.rename(*source, name_of(path));
                }
                return;
            }
            Some(Packed::Copy) if !self.has_ended() => return,
            None if self.begun && !self.last => {
                self.packed.insert(look.id, Known { look, since, what: Packed::New });
                return;
            }
            Some(Packed::Unfinished) if self.waits(since, now) => return,
            _ if self.begun => packed::length(&file),
            _ => None,
        };
        let note = |files: &mut Self, what| {
            files.packed.insert(look.id, Known { look, since, what });
        };
        if self.begun && length.is_none() && self.waits(since, now) {
            return note(self, Packed::Unfinished);
        }
        let same = match length {
            Some(length) => self.same(&packed::head(&file), length, &file, true),
            None => Same::Nobody,
        };
        let mut sources = Vec::new();
        let bytes: Box<dyn Read + Send> = match same {
            // Its turn comes when the other one is gone.
            Same::Later => return note(self, Packed::New),
            Same::There => return note(self, Packed::Copy),
            Same::Gone(at) => {
                let (lines, earlier) = self.take_over(at, path, queue).unwrap_or_default();
                let known = lines.length;
                sources = earlier;
                Box::new(Unpacked::behind(file, known))
            }
            Same::Nobody => match file.rewind() {
                Ok(()) => Box::new(file),
                Err(error) => return self.refuse(path, error, queue),
            },
        };
        sources.push(queue.add(Input { name: name_of(path), bytes }));
        self.bytes += look.length;
        self.pending += look.length;
        note(self, Packed::Read(sources));
    }
}
