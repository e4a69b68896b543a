//! Where stores are: one a cluster, and one for each set of logs that was named.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::database::{make_folder, seed_of, text_of};
use super::{Error, Store};
use crate::audit::SourceSpec;
use crate::audit::index::Seed;
use crate::model::Name;

/// The folder that holds all stores of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
}

/// Whose store it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The UID of its kube-system namespace, else what [`crate::model::ClusterInfo::id`] says, else
    /// what a person called it.
    pub id: Name,
    /// Its short name.
    pub name: Name,
}

/// A store, as listed.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Where it is.
    pub path: PathBuf,
    /// Whose it is; None where it is of a set of logs.
    pub cluster: Option<Cluster>,
    /// What is in it, or why that cannot be told.
    pub sizes: Result<Sizes, String>,
}

/// How much is in a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sizes {
    /// Sources taken in.
    pub sources: u64,
    /// The first and the last hour (UTC) of requests.
    pub hours: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Distinct requests.
    pub requests: u64,
    /// Sums: rows, and their bytes.
    pub rows: (u64, u64),
    /// The index: requests known one by one, and their bytes.
    pub index: (u64, u64),
    /// The file, in bytes.
    pub file: u64,
    /// When something was last taken in, UTC.
    pub written: Option<DateTime<Utc>>,
}

/// How many stores of sets of logs are kept: the ones used last.
const MOST_SETS: usize = 32;

impl Home {
    /// The stores below `folder`, which need not be there.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether anything was taken in for any cluster.
    pub fn has_any(&self) -> bool {
        self.folder.join("clusters").is_dir()
    }

    /// Where the store of a cluster is, or would be.
    pub fn path_of(&self, id: &str) -> PathBuf {
        self.folder.join("clusters").join(format!("{}.db", file_name(id)))
    }

    fn path_of_set(&self, specs: &[SourceSpec]) -> PathBuf {
        let mut words: Vec<Vec<u8>> = specs.iter().map(word_of).collect();
        words.sort();
        words.dedup();
        let mut hash = Sha256::new();
        for word in words {
            hash.update((word.len() as u64).to_le_bytes());
            hash.update(word);
        }
        let name = format!("{:x}", hash.finalize());
        self.folder.join("logs").join(format!("{}.db", &name[..32]))
    }

    /// Opens the store of a cluster to take logs in.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open(&self, cluster: &Cluster) -> Result<Store, Error> {
        self.adopt_seed()?;
        let store = Store::open(&self.path_of(&cluster.id))?;
        store.note("cluster", &*cluster.id)?;
        store.note("name", &*cluster.name)?;
        Ok(store)
    }

    /// Opens the store of the logs named, a cache of them.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_set(&self, specs: &[SourceSpec]) -> Result<Store, Error> {
        self.adopt_seed()?;
        let path = self.path_of_set(specs);
        if !path.exists() {
            self.drop_old_sets();
        }
        Store::open(&path)
    }

    /// The store of a cluster to be read, by its id or by its name; None where nothing was taken in
    /// for it.
    ///
    /// # Errors
    /// As [`Store::open_to_read`].
    pub fn find(&self, id: &str, name: &str) -> Result<Option<Store>, Error> {
        self.read_seed();
        if let Some(store) = Store::open_to_read(&self.path_of(id))? {
            return Ok(Some(store));
        }
        if name.is_empty() || name == id {
            return Ok(None);
        }
        Store::open_to_read(&self.path_of(name))
    }

    /// The cluster that a person means by a name: one that is known, or a new one of that name.
    pub fn cluster(&self, name: &str) -> Cluster {
        let known = self.list().into_iter().filter_map(|kept| kept.cluster);
        let found =
            known.into_iter().find(|cluster| &*cluster.id == name || &*cluster.name == name);
        found.unwrap_or_else(|| Cluster { id: name.into(), name: name.into() })
    }

    /// All stores: those of clusters first, each sorted by path.
    pub fn list(&self) -> Vec<Kept> {
        self.read_seed();
        let mut all = Vec::new();
        for folder in ["clusters", "logs"] {
            let Ok(entries) = fs::read_dir(self.folder.join(folder)) else { continue };
            let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
            paths.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
            paths.sort();
            all.extend(paths.into_iter().map(|path| kept(path, folder == "clusters")));
        }
        all
    }

    /// Sets of logs that were used longest ago make room.
    fn drop_old_sets(&self) {
        let Ok(entries) = fs::read_dir(self.folder.join("logs")) else { return };
        let mut sets: Vec<(std::time::SystemTime, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "db"))
            .filter_map(|path| Some((fs::metadata(&path).ok()?.modified().ok()?, path)))
            .collect();
        sets.sort();
        let over = (sets.len() + 1).saturating_sub(MOST_SETS);
        for (_, path) in sets.into_iter().take(over) {
            remove_set(&path);
        }
    }

    /// Removes the stores of sets of logs that nobody used since `before`. Returns how many.
    pub fn prune_sets(&self, before: DateTime<Utc>) -> u64 {
        let mut removed = 0;
        for kept in self.list() {
            let old = kept.sizes.is_ok_and(|sizes| sizes.written.is_none_or(|at| at < before));
            if kept.cluster.is_none() && old {
                remove_set(&kept.path);
                removed += 1;
            }
        }
        removed
    }

    /// The secret under which all stores here make their fingerprints. Where there is none yet it is
    /// that of the stores that are there, else a new one; of several processes that make one at once
    /// all take over the first.
    fn adopt_seed(&self) -> Result<(), Error> {
        let path = self.folder.join("seed");
        let failed = |cause: std::io::Error| Error::io(&path, &cause);
        if !path.exists() {
            make_folder(&self.folder).map_err(failed)?;
            self.adopt_of_stores()?;
            let mut file = tempfile::NamedTempFile::new_in(&self.folder).map_err(failed)?;
            file.write_all(text_of(Seed::proposed()).as_bytes()).map_err(failed)?;
            file.as_file().sync_all().map_err(failed)?;
            if let Err(error) = file.persist_noclobber(&path)
                && !path.exists()
            {
                return Err(failed(error.error));
            }
        }
        let text = fs::read_to_string(&path).map_err(failed)?;
        match seed_of(&text) {
            Some(seed) if seed.adopt() => Ok(()),
            Some(_) => Err(Error::Seed { path }),
            None => Err(Error::Damaged { path, cause: "it is no seed".to_owned() }),
        }
    }

    /// Takes over the seed of a store that is there: opening it does.
    fn adopt_of_stores(&self) -> Result<(), Error> {
        let Ok(entries) = fs::read_dir(self.folder.join("clusters")) else { return Ok(()) };
        let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
        paths.sort();
        for path in paths {
            match Store::open_to_read(&path) {
                Ok(Some(_)) => return Ok(()),
                Err(error @ Error::Seed { .. }) => return Err(error),
                // What is wrong with it is told when it is asked for.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Takes over the seed that is there, unless this process has one already.
    fn read_seed(&self) {
        let text = fs::read_to_string(self.folder.join("seed")).unwrap_or_default();
        if let Some(seed) = seed_of(&text) {
            seed.adopt();
        }
    }
}

/// A set of logs is a cache: it can be read again.
fn remove_set(path: &Path) {
    let Ok(store) = Store::open_to_read(path) else { return };
    if let Some(store) = store
        && store.turn_now().is_err()
    {
        return;
    }
    for end in ["db", "db-wal", "db-shm", "lock"] {
        let _ = fs::remove_file(path.with_extension(end));
    }
}

fn kept(path: PathBuf, is_cluster: bool) -> Kept {
    let read = || -> Result<(Option<Cluster>, Sizes), Error> {
        let Some(store) = Store::open_to_read(&path)? else { return Ok((None, Sizes::default())) };
        let text = |key| store.meta::<String>(key);
        let cluster = match (text("cluster")?, text("name")?) {
            (Some(id), Some(name)) => Some(Cluster { id: id.into(), name: name.into() }),
            _ => None,
        };
        Ok((cluster, store.sizes()?))
    };
    let stem = path.file_stem().map_or_else(Name::default, |stem| stem.to_string_lossy().into());
    let by_file = || is_cluster.then(|| Cluster { id: stem.clone(), name: stem.clone() });
    match read() {
        Ok((cluster, sizes)) => Kept { cluster: cluster.or_else(by_file), sizes: Ok(sizes), path },
        Err(error) => Kept { cluster: by_file(), sizes: Err(error.to_string()), path },
    }
}

impl Store {
    /// How much is in it.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn sizes(&self) -> Result<Sizes, Error> {
        let number = |query: &str| -> Result<u64, Error> {
            Ok(u64::try_from(self.one(query)?).unwrap_or(0))
        };
        let time = |micros: u64| {
            DateTime::from_timestamp_micros(i64::try_from(micros).unwrap_or(0)).unwrap_or_default()
        };
        let first = number("SELECT coalesce(min(hour), 0) FROM hours WHERE hour > 0")?;
        let last = number("SELECT coalesce(max(hour), 0) FROM hours")?;
        let more = if self.has_whole()? && self.has_summed()? {
            (
                number("SELECT coalesce(sum(rows), 0) FROM summed")?,
                number(
                    "SELECT (SELECT coalesce(sum(length(bytes)), 0) FROM whole)
                    + (SELECT coalesce(sum(length(bytes) + length(covered)), 0) FROM summed)",
                )?,
                number("SELECT coalesce(sum(requests), 0) FROM summed")?,
            )
        } else {
            (0, 0, 0)
        };
        Ok(Sizes {
            sources: number("SELECT count(*) FROM sources")?,
            hours: (first > 0).then(|| (time(first), time(last))),
            requests: number("SELECT coalesce(sum(requests), 0) FROM hours")? + more.2,
            rows: (
                number("SELECT coalesce(sum(rows), 0) FROM days")? + more.0,
                number("SELECT coalesce(sum(length(bytes)), 0) FROM days")?
                    + number("SELECT coalesce(sum(length(value)), 0) FROM meta")?
                    + more.1,
            ),
            index: (
                number("SELECT coalesce(sum(requests), 0) FROM hours WHERE indexed = 1")?,
                number("SELECT coalesce(sum(length(bytes)), 0) FROM chunks")?,
            ),
            file: fs::metadata(&self.path).map_or(0, |meta| meta.len()),
            written: self.written()?,
        })
    }
}

/// What names a source whatever the folder in which it is named.
fn word_of(spec: &SourceSpec) -> Vec<u8> {
    match spec {
        SourceSpec::Stdin => b"-".to_vec(),
        SourceSpec::Engine(address) => address.shown().as_bytes().to_vec(),
        SourceSpec::ApiServer(path) => format!("apiserver:{path}").into_bytes(),
        SourceSpec::Path(path) => {
            let whole = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            whole.as_os_str().as_encoded_bytes().to_vec()
        }
    }
}

/// A name that every file system takes, and no two ids share.
pub(super) fn file_name(id: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !id.is_empty() && id.len() <= 64 && id.chars().all(is_plain) {
        return id.to_owned();
    }
    let plain: String = id.chars().map(|c| if is_plain(c) { c } else { '_' }).take(40).collect();
    let hash = format!("{:x}", Sha256::digest(id.as_bytes()));
    format!("{plain}.{}", &hash[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_has_a_file_name_of_its_own() {
        assert_eq!(file_name("0e9b3b5e-7c1f-4a57"), "0e9b3b5e-7c1f-4a57");
        let ids =
            ["", ".", "..", "a/b", "a_b", "a:b", "A", "a", "ca:0123", "server:https://x.example"];
        let names: std::collections::BTreeSet<String> = ids.map(file_name).into();
        assert_eq!(names.len(), ids.len());
        assert!(names.iter().all(|name| !name.contains(['/', ':'])), "{names:?}");
    }
}
