//! Which journal is a cluster's. It goes by the UID of the namespace kube-system; who may not read
//! that tells clusters apart by their CA, and so has a journal of their own for the same cluster.

use std::path::{Path, PathBuf};

use super::exit::Code;
use crate::change::run::History;
use crate::model::{ClusterInfo, printable};
use crate::store::Journal;

/// What may have been applied besides what the journal of a cluster says.
pub(super) struct Besides {
    /// The UID is not known, so that nobody knows of which other journals it is the cluster.
    unidentified: bool,
    /// Other journals with runs against the same API server, and how many of these were cut off.
    others: Vec<(PathBuf, usize, usize)>,
}

impl Besides {
    /// Of the cluster whose journal is at that path.
    pub(super) fn of(path: &Path, info: &ClusterInfo) -> Self {
        let unidentified = !is_uid(&info.id);
        let mut others: Vec<_> = siblings(path)
            .into_iter()
            .filter_map(|other| {
                let entries = Journal::entries_at(&other).ok()?;
                let history = History::read(&entries).ok()?;
                let mut runs: Vec<_> = history.runs.values().collect();
                // Two UIDs are two clusters, one after the other at the same address.
                runs.retain(|run| {
                    let cluster = &run.plan.metadata.cluster;
                    cluster.server == info.server && (unidentified || !is_uid(&cluster.id))
                });
                let open = runs.iter().filter(|run| run.is_open()).count();
                (!runs.is_empty()).then_some((other, runs.len(), open))
            })
            .collect();
        others.sort();
        Self { unidentified, others }
    }

    /// How an answer ends that says what is in the journal and no more.
    pub(super) fn code(&self) -> Code {
        if self.words().is_empty() { Code::Done } else { Code::Incomplete }
    }

    /// What has to be said beside such an answer; nothing where the journal is all that there is.
    pub(super) fn words(&self) -> Vec<String> {
        let unidentified = self.unidentified.then(|| {
            "incomplete: the UID of the namespace kube-system, by which a cluster is told from \
             others, could not be read: what was applied by somebody who may read it, or from \
             another machine, is in another journal; ask for the right to get that namespace"
                .to_owned()
        });
        let others = self.others.iter().map(|(path, runs, open)| {
            let cut = if *open > 0 { format!(", {open} of them cut off") } else { String::new() };
            format!(
                "incomplete: another journal has runs against this API server, made while its \
                 cluster was told by other means: {} ({runs}{cut})",
                printable(&path.display().to_string())
            )
        });
        unidentified.into_iter().chain(others).collect()
    }
}

/// Whether it is the UID of a namespace; what stands in for one has its kind before a colon.
fn is_uid(id: &str) -> bool {
    !id.starts_with("ca:") && !id.starts_with("server:")
}

/// The other journals in the same folder.
fn siblings(path: &Path) -> Vec<PathBuf> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    paths.filter(|other| other != path && other.extension() == path.extension()).collect()
}
