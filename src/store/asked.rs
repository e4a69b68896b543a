//! Taking in what an engine adds up, and only what is new there.

use std::io::Cursor as Bytes;

use super::cursor::Cursor;
use super::days::Place;
use super::ingest::Ingested;
use super::sources::Source;
use super::summed::Stretch;
use super::{Error, Store};
use crate::audit::index::{self, Covered, pack};
use crate::audit::vlogs::{Asked, Engine, Known, Target};
use crate::audit::{self, Address, Input, Options, Progress};
use crate::model::Name;

/// How much of what engines answer is written down at once: bytes, and parts.
const BATCH: (usize, usize) = (32 << 20, 64);

const MICROS: i64 = 1_000_000;

/// What tells an engine's log from others, in place of a path.
fn key(target: &Target) -> Vec<u8> {
    let tenant = target.tenant.each_ref().map(|number| number.as_deref().unwrap_or("0"));
    format!("{} {}", target.shown, tenant.join(":")).into_bytes()
}

impl Store {
    /// Asks an engine for the requests of which it has lines that are not known yet.
    pub(super) fn ask(
        &mut self,
        address: &Address,
        options: &Options,
        progress: &dyn Progress,
        done: &mut Ingested,
    ) -> Result<(), Error> {
        let failed = |error| Error::from(audit::Error::from(audit::SourceError::from(error)));
        let target = address.target().map_err(failed)?;
        let key = key(&target);
        let known = self.sources()?.into_iter().find(|source| source.path == key);
        let mut source = known.unwrap_or_else(|| Source {
            id: 0,
            name: target.shown.clone(),
            path: key,
            stat: Vec::new(),
            // An engine is never empty, and never another one.
            cursor: Cursor { taken: 1, ..Cursor::default() },
            covered: Vec::new(),
        });
        if source.id == 0 {
            source.set_covered(&Covered::default());
        }
        let parts = match source.id {
            0 => Vec::new(),
            id => Stretch::parts(&self.database, id).map_err(|cause| self.failed(&cause))?,
        };
        let parts: Vec<Known> = parts
            .into_iter()
            .map(|(start, until, lines)| Known {
                start: start / MICROS,
                until: until / MICROS,
                lines,
            })
            .collect();
        let engine = Engine::new(&target).map_err(failed)?;
        let asked = engine.parts(&parts);
        if asked.is_empty() && source.id != 0 {
            done.known += 1;
            return Ok(());
        }
        done.read += 1;
        let mut batch = Vec::new();
        let mut bytes = 0;
        for asked in asked {
            let part = engine.part(&asked, progress).map_err(failed)?;
            bytes += part.rows.len();
            batch.push((asked, part.lines, part.rows));
            if bytes >= BATCH.0 || batch.len() >= BATCH.1 {
                bytes = 0;
                self.answered(&mut source, std::mem::take(&mut batch), options, progress, done)?;
            }
        }
        self.answered(&mut source, batch, options, progress, done)
    }

    /// Writes parts down.
    fn answered(
        &mut self,
        source: &mut Source,
        batch: Vec<(Asked, u64, Vec<u8>)>,
        options: &Options,
        progress: &dyn Progress,
        done: &mut Ingested,
    ) -> Result<(), Error> {
        let name = Name::from(&*source.name);
        let (mut inputs, mut stretches) = (Vec::new(), Vec::new());
        for (asked, lines, rows) in batch {
            inputs.push(Input { name: name.clone(), bytes: Box::new(Bytes::new(rows)) });
            stretches.push(Stretch {
                start: asked.start * MICROS,
                until: asked.until * MICROS,
                lines,
                ..Stretch::default()
            });
        }
        let mut taken = index::take(inputs, options, progress)?;
        let mut told = Ingested::default();
        for (number, stretch) in (0..).zip(&mut stretches) {
            let mut covered = taken.covered(number);
            told.tell(covered.clone(), None, source);
            covered.settle(0);
            stretch.covered = pack(&serde_json::to_vec(&covered).unwrap_or_default());
        }
        let place = |part| Place { source: 0, anew: true, part: Some(part) };
        let places: Vec<Place> = stretches.into_iter().map(place).collect();
        let (ids, added) =
            self.write_taken(taken, std::slice::from_ref(source), &places, options)?;
        source.id = ids.first().copied().unwrap_or(source.id);
        done.add(told, added);
        Ok(())
    }
}
