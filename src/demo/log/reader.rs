//! A script as lines, made while they are read: a log is never whole in memory.

use std::io::{self, Read};
use std::vec::IntoIter;

use foldhash::fast::RandomState as Seed;
use hashbrown::HashMap;

use super::eras::Eras;
use super::line::{Line, Stage, Template, Times};
use super::script::{Event, Script};
use crate::model::Objects;

/// Lines are made in pieces of about this many bytes.
const PIECE: usize = 128 << 10;

/// The log of a script.
pub(in crate::demo) struct Reader {
    script: Script,
    eras: Eras,
    lines: IntoIter<(Event, Line)>,
    /// One for each kind of request (a request without its time) in each era.
    templates: HashMap<(Event, usize), Template, Seed>,
    times: Times,
    made: Vec<u8>,
    taken: usize,
}

impl Reader {
    /// Over the objects that the authorizer reads.
    pub(super) fn new(script: Script, objects: &Objects) -> Self {
        Self {
            eras: Eras::new(objects, script.start),
            lines: script.in_order().into_iter(),
            script,
            templates: HashMap::default(),
            times: Times::default(),
            made: Vec::with_capacity(PIECE + 4_096),
            taken: 0,
        }
    }

    fn make(&mut self) {
        self.made.clear();
        self.taken = 0;
        while self.made.len() < PIECE {
            let Some((event, line)) = self.lines.next() else {
                return;
            };
            self.write(&event, line);
        }
    }

    fn write(&mut self, event: &Event, line: Line) {
        let script = &self.script;
        let (Some(client), Some(ask)) = (script.client_of(event), script.ask_of(event)) else {
            return;
        };
        let era = self.eras.at(event.at());
        let template = self.templates.entry((event.kind(), era)).or_insert_with(|| {
            Template::new(client, ask, script.acting(event), self.eras.authorizer(era))
        });
        // A refused request is over at once: it has one line, which ends it.
        let refused = ask.stays_open() && !template.stays_open;
        if refused && line.stage == Stage::ResponseComplete {
            return;
        }
        let stage = match refused {
            true => Stage::ResponseComplete,
            // A refused credential has its line when the answer starts, and no other.
            false if client.user.is_empty() => Stage::ResponseStarted,
            false => line.stage,
        };
        let line = Line { stage, ..line };
        let token = client.token_number(event.at());
        template.write(&mut self.made, &mut self.times, &line, token);
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.made.len() {
            self.make();
        }
        let rest = self.made.get(self.taken..).unwrap_or_default();
        let count = rest.len().min(out.len());
        out[..count].copy_from_slice(&rest[..count]);
        self.taken += count;
        Ok(count)
    }
}
