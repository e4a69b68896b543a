//! keybook's own snapshot folder: a `List` of objects per list, and a manifest with what
//! kubectl's output lacks: which cluster, when, how whole each list is, what the server serves.
//!
//! No Secret's data is in it: a snapshot has no place for any.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Error;
use super::reason;
use crate::model::{
    BrokenInput, ClusterInfo, Discovery, Health, ListKind, ListState, Name, Object, Passed,
    Snapshot,
};

/// The file that makes a folder a snapshot.
pub const MANIFEST: &str = "keybook-snapshot.json";

/// The version of the folder's form.
const API_VERSION: &str = "keybook/v1";

/// Where objects go that are of no list.
const OTHERS: &str = "others.json";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    api_version: String,
    kind: String,
    cluster: ClusterInfo,
    taken_at: Option<DateTime<Utc>>,
    lists: BTreeMap<Name, ListState>,
    #[serde(default)]
    passed: Passed,
    #[serde(default)]
    broken: Vec<BrokenInput>,
    #[serde(default)]
    repeated: u64,
    files: Vec<SavedFile>,
    discovery: Discovery,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SavedFile {
    name: String,
    #[serde(default)]
    list: Option<Name>,
    items: u64,
    sha256: String,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The folder.
    pub dir: PathBuf,
    /// Files in it, the manifest included.
    pub files: u64,
    /// Objects in them.
    pub objects: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// Whether a path is a snapshot folder.
pub fn is_snapshot(path: &Path) -> bool {
    path.join(MANIFEST).is_file()
}

/// The file of a list.
fn file_name(list: ListKind) -> &'static str {
    match list {
        ListKind::TokenSecrets => "token-secrets.json",
        ListKind::BootstrapTokens => "bootstrap-tokens.json",
        ListKind::ClusterRoles => "clusterroles.json",
        ListKind::Roles => "roles.json",
        ListKind::ClusterRoleBindings => "clusterrolebindings.json",
        ListKind::RoleBindings => "rolebindings.json",
        ListKind::Namespaces => "namespaces.json",
        ListKind::ServiceAccounts => "serviceaccounts.json",
        ListKind::CertificateSigningRequests => "certificatesigningrequests.json",
        ListKind::ConfigMaps => "configmaps.json",
        ListKind::RbacDefinitions => "rbacdefinitions.json",
        ListKind::Pods => "pods.json",
        ListKind::Workloads => "workloads.json",
        ListKind::NetworkPolicies => "networkpolicies.json",
        ListKind::FlowSchemas => "flowschemas.json",
        ListKind::PriorityLevels => "prioritylevelconfigurations.json",
        ListKind::OAuthTokens => "oauthaccesstokens.json",
        ListKind::Discovery => "discovery.json",
    }
}

fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Writes a snapshot to a folder of its own: made beside it, then put in its place, so that there
/// is never half a snapshot. Files are for the owner only (mode 0600). A snapshot that is there is
/// replaced; anything else is left alone.
///
/// # Errors
/// [`Error::Occupied`] where there is something else, [`Error::Io`] as the system says.
pub fn write(snapshot: &Snapshot, dir: &Path) -> Result<Written, Error> {
    let occupied = replaceable(dir)?;
    let parent = match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(parent).map_err(|cause| Error::io("making the folder", parent, cause))?;
    let fresh = private_dir(".keybook-", parent)?;
    let mut written = Written { dir: dir.to_owned(), files: 0, objects: 0, bytes: 0 };
    let mut put = |name: &str, bytes: &[u8]| {
        written.files += 1;
        written.bytes += bytes.len() as u64;
        let path = fresh.path().join(name);
        private_file(&path, bytes).map_err(|cause| Error::io("writing", &path, cause))
    };

    let mut by_file: BTreeMap<(Option<ListKind>, &str), Vec<Value>> = BTreeMap::new();
    for object in snapshot.objects.all() {
        let list = object.list();
        by_file.entry((list, list.map_or(OTHERS, file_name))).or_default().push(object.to_json());
    }
    let mut files = Vec::new();
    let mut objects = 0;
    for ((list, name), items) in by_file {
        let count = items.len() as u64;
        objects += count;
        let list_of = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        let bytes = list_of.to_string().into_bytes();
        put(name, &bytes)?;
        files.push(SavedFile {
            name: name.to_owned(),
            list: list.map(|list| list.as_str().into()),
            items: count,
            sha256: digest(&bytes),
        });
    }
    let manifest = Manifest {
        api_version: API_VERSION.to_owned(),
        kind: "Snapshot".to_owned(),
        cluster: snapshot.cluster.clone(),
        taken_at: snapshot.taken_at,
        lists: snapshot
            .lists
            .iter()
            .map(|(list, state)| (list.as_str().into(), state.clone()))
            .collect(),
        passed: snapshot.passed.clone(),
        broken: snapshot.broken.clone(),
        repeated: snapshot.repeated,
        files,
        discovery: (*snapshot.discovery).clone(),
    };
    let bytes = serde_json::to_vec_pretty(&manifest).map_err(|cause| {
        Error::io("writing", &dir.join(MANIFEST), std::io::Error::other(cause.to_string()))
    })?;
    put(MANIFEST, &bytes)?;
    written.objects = objects;
    swap(fresh, dir, occupied)?;
    Ok(written)
}

/// Whether there is something to replace at `dir`, and that it may be.
fn replaceable(dir: &Path) -> Result<bool, Error> {
    let occupied = |cause: &str| Error::Occupied { path: dir.to_owned(), cause: cause.to_owned() };
    let meta = match fs::symlink_metadata(dir) {
        Ok(meta) => meta,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(Error::io("looking at", dir, cause)),
    };
    if !meta.is_dir() {
        return Err(occupied("is there already and is no folder"));
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(|cause| Error::io("reading the folder", dir, cause))? {
        let entry = entry.map_err(|cause| Error::io("reading the folder", dir, cause))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    if names.is_empty() {
        return Ok(true);
    }
    if !is_snapshot(dir) {
        return Err(occupied("is there already and holds no snapshot"));
    }
    let manifest = manifest(dir)?;
    let ours =
        |name: &String| *name == MANIFEST || manifest.files.iter().any(|file| file.name == *name);
    if let Some(other) = names.iter().find(|name| !ours(name)) {
        return Err(occupied(&format!("holds {other:?} beside a snapshot")));
    }
    Ok(true)
}

/// Puts a finished folder in its place; what was there goes only once the new one is in.
fn swap(fresh: tempfile::TempDir, dir: &Path, occupied: bool) -> Result<(), Error> {
    let putting = |cause| Error::io("putting the snapshot in place at", dir, cause);
    if !occupied {
        fs::rename(fresh.path(), dir).map_err(putting)?;
        // It has moved: there is nothing left to clean up.
        let _ = fresh.keep();
        return Ok(());
    }
    let parent = fresh.path().parent().unwrap_or(Path::new("."));
    let aside = private_dir(".keybook-old-", parent)?;
    let old = aside.path().join("old");
    fs::rename(dir, &old).map_err(putting)?;
    if let Err(cause) = fs::rename(fresh.path(), dir) {
        fs::rename(&old, dir).map_err(putting)?;
        return Err(putting(cause));
    }
    let _ = fresh.keep();
    Ok(())
}

/// A folder that only the owner may enter, gone again unless it is kept.
fn private_dir(prefix: &str, parent: &Path) -> Result<tempfile::TempDir, Error> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o700));
    }
    builder.tempdir_in(parent).map_err(|cause| Error::io("making a folder in", parent, cause))
}

fn private_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn manifest(dir: &Path) -> Result<Manifest, Error> {
    let path = dir.join(MANIFEST);
    let bytes = fs::read(&path).map_err(|cause| Error::io("reading", &path, cause))?;
    let bad = |cause: String| Error::BadSnapshot { path: path.clone(), cause };
    let manifest: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
        bad(format!(
            "line {}: {}: take the snapshot again",
            error.line(),
            reason::safe(&error.to_string())
        ))
    })?;
    if manifest.api_version != API_VERSION || manifest.kind != "Snapshot" {
        return Err(bad(format!(
            "not apiVersion {API_VERSION}, kind Snapshot: written by another version; \
             take the snapshot again"
        )));
    }
    Ok(manifest)
}

/// Reads a snapshot back as it was. A file that is missing, damaged or changed since is named, and
/// its list is no longer whole.
pub(super) fn read(dir: &Path) -> Result<Snapshot, Error> {
    let manifest = manifest(dir)?;
    let mut snapshot = Snapshot {
        cluster: manifest.cluster,
        taken_at: manifest.taken_at,
        lists: BTreeMap::new(),
        discovery: manifest.discovery.into(),
        passed: manifest.passed,
        broken: manifest.broken,
        repeated: manifest.repeated,
        ..Snapshot::default()
    };
    for (name, state) in manifest.lists {
        match ListKind::from_name(&name) {
            Some(list) => {
                snapshot.lists.insert(list, state);
            }
            None => snapshot.broken.push(BrokenInput {
                place: dir.join(MANIFEST).display().to_string().into(),
                reason: "a list of a kind that this version does not know".into(),
            }),
        }
    }
    for file in &manifest.files {
        if let Err(reason) = objects(dir, file, &mut snapshot) {
            let place: Name = dir.join(&file.name).display().to_string().into();
            if let Some(list) = file.list.as_deref().and_then(ListKind::from_name) {
                let count = snapshot.list(list).count;
                let state = ListState {
                    count,
                    ..ListState::because(Health::Failed, format!("{place}: {reason}"))
                };
                snapshot.lists.insert(list, state);
            }
            snapshot.broken.push(BrokenInput { place, reason: reason.into() });
        }
    }
    Ok(snapshot)
}

/// Takes over the objects of one file of a snapshot.
fn objects(dir: &Path, file: &SavedFile, snapshot: &mut Snapshot) -> Result<(), String> {
    #[derive(Deserialize)]
    struct List {
        items: Vec<Value>,
    }
    if file.name.contains(['/', '\\']) || file.name.starts_with('.') {
        return Err("not a file of this folder".to_owned());
    }
    let bytes = fs::read(dir.join(&file.name)).map_err(|cause| cause.to_string())?;
    let list: List = serde_json::from_slice(&bytes)
        .map_err(|error| format!("line {}: {}", error.line(), reason::safe(&error.to_string())))?;
    let mut unreadable = 0;
    for item in &list.items {
        let text = |name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default();
        match Object::read(text("apiVersion"), text("kind"), item) {
            Ok(Some(object)) => {
                snapshot.objects.insert(object);
            }
            _ => unreadable += 1,
        }
    }
    if unreadable > 0 {
        return Err(format!("{unreadable} of {} items are not as they were saved", file.items));
    }
    if digest(&bytes) != file.sha256 {
        return Err("changed after it was saved".to_owned());
    }
    Ok(())
}
