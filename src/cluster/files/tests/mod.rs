mod reading;
mod saved;

use std::io;

use super::{Error, Source, read_with};
use crate::model::{Health, ListKind, Snapshot};

/// Reads one text as standard input.
fn read_text(text: impl AsRef<[u8]>) -> Snapshot {
    match read_with(&[Source::Stdin], &mut text.as_ref()) {
        Ok(snapshot) => snapshot,
        Err(error) => panic!("{error}"),
    }
}

fn read_path(path: &std::path::Path) -> Result<Snapshot, Error> {
    read_with(&[Source::Path(path.to_owned())], &mut io::empty())
}

fn health(snapshot: &Snapshot, list: ListKind) -> Health {
    snapshot.list(list).health
}

fn names(snapshot: &Snapshot) -> Vec<String> {
    snapshot.objects.all().map(|object| object.meta().name.to_string()).collect()
}

/// Place and reason of everything broken, in one text.
fn broken(snapshot: &Snapshot) -> Vec<String> {
    snapshot.broken.iter().map(|one| format!("{}: {}", one.place, one.reason)).collect()
}
