//! `snapshot`: save what the other commands need.

use std::path::Path;

use super::answer;
use super::args::Global;
use super::exit::{Code, Failure};
use super::sources::{Needs, open};
use crate::cluster::files;
use crate::model::{Health, ListKind, counted};

pub(super) fn run(global: &Global, dir: &Path) -> Result<Code, Failure> {
    if global.cluster.all_contexts || global.cluster.context.len() > 1 {
        return Err(Failure::usage("a snapshot is of one cluster: name one --context"));
    }
    let session = open(global, Needs { lists: &ListKind::ALL, log: false, findings: false })?;
    let Some(book) = session.books.first() else {
        return Err(Failure::unreachable("there is no cluster to save"));
    };
    let written = files::write(&book.snapshot, dir)?;
    let lists: Vec<ListKind> = ListKind::ALL
        .into_iter()
        .filter(|list| book.snapshot.list(*list).health != Health::NotGiven)
        .collect();
    let metadata = answer::metadata(&session, answer::missing(&session, &lists, None));
    answer::about(&session, &metadata);
    answer::say(&format!(
        "saved {} in {} ({} kB) to {}; read them with --from",
        counted(written.objects, "object"),
        counted(written.files, "file"),
        written.bytes.div_ceil(1000),
        written.dir.display()
    ));
    Ok(answer::code(&session, &metadata))
}
