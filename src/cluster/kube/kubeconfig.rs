//! Kubeconfig files, read as kubectl reads them: several merged, the first to say something wins,
//! missing ones passed over, paths resolved against the folder of the file that names them.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::Variables;
use crate::cluster::Error;
use crate::yaml::{For, Node, is_read_otherwise};

/// Text that must not be shown.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub(super) struct Hidden(String);

impl Hidden {
    pub(super) fn new(text: String) -> Self {
        Self(text)
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// An empty text says as little as none.
fn filled<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

fn filled_hidden<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Hidden>, D::Error> {
    Ok(filled(deserializer)?.map(Hidden))
}

/// One file, or several merged.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct Kubeconfig {
    #[serde(deserialize_with = "filled")]
    pub(super) current_context: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) clusters: Vec<NamedCluster>,
    #[serde(deserialize_with = "or_default")]
    pub(super) users: Vec<NamedUser>,
    #[serde(deserialize_with = "or_default")]
    pub(super) contexts: Vec<NamedContext>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct NamedCluster {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) cluster: ClusterEntry,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct NamedUser {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) user: UserEntry,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct NamedContext {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) context: ContextEntry,
}

/// Where an API server is and how it proves to be the right one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct ClusterEntry {
    #[serde(deserialize_with = "filled")]
    pub(super) server: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) tls_server_name: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) insecure_skip_tls_verify: bool,
    #[serde(deserialize_with = "filled")]
    pub(super) certificate_authority: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) certificate_authority_data: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) proxy_url: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) disable_compression: bool,
    #[serde(deserialize_with = "or_default")]
    pub(super) extensions: Vec<Extension>,
}

/// `extensions[]`: data for others; exec plugins get theirs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Extension {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    pub(super) extension: Value,
}

/// As whom.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(super) struct UserEntry {
    #[serde(deserialize_with = "filled")]
    pub(super) client_certificate: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) client_certificate_data: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) client_key: Option<String>,
    #[serde(deserialize_with = "filled_hidden")]
    pub(super) client_key_data: Option<Hidden>,
    #[serde(deserialize_with = "filled_hidden")]
    pub(super) token: Option<Hidden>,
    #[serde(rename = "tokenFile", deserialize_with = "filled")]
    pub(super) token_file: Option<String>,
    #[serde(rename = "as", deserialize_with = "filled")]
    pub(super) as_user: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) as_uid: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) as_groups: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) as_user_extra: std::collections::BTreeMap<String, Vec<String>>,
    #[serde(deserialize_with = "filled")]
    pub(super) username: Option<String>,
    #[serde(deserialize_with = "filled_hidden")]
    pub(super) password: Option<Hidden>,
    pub(super) auth_provider: Option<AuthProvider>,
    pub(super) exec: Option<Exec>,
}

/// `auth-provider`: of the old ones kubectl still knows `oidc`.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct AuthProvider {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) config: std::collections::BTreeMap<String, String>,
}

impl fmt::Debug for AuthProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthProvider").field("name", &self.name).finish_non_exhaustive()
    }
}

/// `exec`: a program that fetches credentials.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Exec {
    #[serde(deserialize_with = "or_default")]
    pub(super) api_version: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) command: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) args: Vec<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) env: Vec<ExecVariable>,
    #[serde(deserialize_with = "filled")]
    pub(super) install_hint: Option<String>,
    #[serde(deserialize_with = "or_default")]
    pub(super) provide_cluster_info: bool,
}

/// One variable of a plugin's environment. The value may be a secret.
#[derive(Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct ExecVariable {
    #[serde(deserialize_with = "or_default")]
    pub(super) name: String,
    #[serde(deserialize_with = "or_default")]
    pub(super) value: String,
}

impl fmt::Debug for ExecVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ExecVariable").field(&self.name).finish()
    }
}

/// Which cluster, as whom, in which namespace.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct ContextEntry {
    #[serde(deserialize_with = "filled")]
    pub(super) cluster: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) user: Option<String>,
    #[serde(deserialize_with = "filled")]
    pub(super) namespace: Option<String>,
}

/// The files that are read, and whether one must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Files {
    /// `--kubeconfig`.
    Given(PathBuf),
    /// `KUBECONFIG`, else `~/.kube/config`.
    Usual(Vec<PathBuf>),
}

impl Files {
    /// Where to look.
    pub(super) fn find(given: Option<&Path>, variables: &Variables) -> Self {
        if let Some(path) = given {
            return Self::Given(path.to_owned());
        }
        if let Some(listed) = variables.get("KUBECONFIG") {
            let mut files: Vec<PathBuf> = Vec::new();
            for file in std::env::split_paths(listed) {
                if !file.as_os_str().is_empty() && !files.contains(&file) {
                    files.push(file);
                }
            }
            return Self::Usual(files);
        }
        let home = variables.get("HOME").or_else(|| variables.get("USERPROFILE"));
        Self::Usual(home.map(|home| Path::new(home).join(".kube/config")).into_iter().collect())
    }

    /// Reads and merges them. None where there is none of the usual ones.
    ///
    /// # Errors
    /// Where a file is there and cannot be read, or is no kubeconfig, or a given one is missing.
    pub(super) fn read(&self) -> Result<Option<Kubeconfig>, Error> {
        let files = match self {
            Self::Given(file) => return Ok(Some(read_file(file)?.ok_or_else(|| missing(file))?)),
            Self::Usual(files) => files,
        };
        let mut merged: Option<Kubeconfig> = None;
        for file in files {
            if let Some(next) = read_file(file)? {
                merged = Some(match merged {
                    None => next,
                    Some(first) => first.merge(next),
                });
            }
        }
        Ok(merged)
    }

    /// What was looked for, for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Given(file) => file.display().to_string(),
            Self::Usual(files) if files.is_empty() => "KUBECONFIG and ~/.kube/config".to_owned(),
            Self::Usual(files) => {
                files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
            }
        }
    }
}

fn missing(file: &Path) -> Error {
    Error::Config {
        tried: format!("read kubeconfig {}", file.display()),
        cause: "there is no such file".to_owned(),
    }
}

/// A file's content; None where there is no file.
fn read_file(file: &Path) -> Result<Option<Kubeconfig>, Error> {
    let broken = |cause: String| Error::Config {
        tried: format!("read kubeconfig {}", file.display()),
        cause,
    };
    let text = match std::fs::read(file) {
        Ok(bytes) => text_of(bytes).ok_or_else(|| broken("it is not UTF-8 text".to_owned()))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(broken(error.to_string())),
    };
    let mut config = parse(&text).map_err(|cause| broken(format!("not a kubeconfig: {cause}")))?;
    if let Some(folder) = std::path::absolute(file).ok().as_deref().and_then(Path::parent) {
        config.resolve_paths(folder);
    }
    Ok(Some(config))
}

/// UTF-8 with or without a mark, or UTF-16 with one, as editors on Windows write it.
fn text_of(bytes: Vec<u8>) -> Option<String> {
    let wide = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| read([pair[0], pair[1]])).collect();
        String::from_utf16(&units).ok()
    };
    match bytes.as_slice() {
        [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8(rest.to_vec()).ok(),
        _ => String::from_utf8(bytes).ok(),
    }
}

/// A text that holds nothing is a kubeconfig without anything; of several documents the first
/// counts, as it does to kubectl.
fn parse(text: &str) -> Result<Kubeconfig, String> {
    if is_read_otherwise(text) {
        let refused = |line: Option<usize>| {
            let line = line.map_or_else(String::new, |line| format!("line {line}: "));
            format!(
                "{line}merges or tags of YAML that kubectl's reader refuses, or that are not followed"
            )
        };
        let root = match Node::read(text, For::Objects) {
            Ok((root, false)) => root.json(),
            Ok((_, true)) => return Err(refused(None)),
            Err(why) => return Err(refused(why.line)),
        };
        return serde_json::from_value::<Option<Kubeconfig>>(root)
            .map(Option::unwrap_or_default)
            .map_err(|error| without_quotes(&error.to_string()));
    }
    let Some(document) = yaml_serde::Deserializer::from_str(text).next() else {
        return Ok(Kubeconfig::default());
    };
    Option::<Kubeconfig>::deserialize(document)
        .map(Option::unwrap_or_default)
        .map_err(|error| without_quotes(&error.to_string()))
}

/// What a parser says, without the text that it quotes: that may be a token.
fn without_quotes(message: &str) -> String {
    match (message.find('"'), message.rfind('"')) {
        (Some(first), Some(last)) if first < last => {
            format!("{}…{}", &message[..=first], &message[last..])
        }
        _ => message.to_owned(),
    }
}

impl Kubeconfig {
    /// The first to say something wins, entry by entry.
    fn merge(mut self, next: Self) -> Self {
        self.current_context = self.current_context.or(next.current_context);
        append(&mut self.clusters, next.clusters, |entry| &entry.name);
        append(&mut self.users, next.users, |entry| &entry.name);
        append(&mut self.contexts, next.contexts, |entry| &entry.name);
        self
    }

    /// Relative paths are those of the file's folder. A plugin's command is one only where it has
    /// a separator; otherwise it is looked for in `PATH`.
    fn resolve_paths(&mut self, folder: &Path) {
        let resolve = |path: &mut Option<String>| {
            if let Some(path) = path
                && Path::new(path).is_relative()
            {
                *path = folder.join(&*path).to_string_lossy().into_owned();
            }
        };
        for named in &mut self.clusters {
            resolve(&mut named.cluster.certificate_authority);
        }
        for NamedUser { user, .. } in &mut self.users {
            resolve(&mut user.client_certificate);
            resolve(&mut user.client_key);
            resolve(&mut user.token_file);
            if let Some(exec) = &mut user.exec
                && exec.command.contains(std::path::is_separator)
                && Path::new(&exec.command).is_relative()
            {
                exec.command = folder.join(&exec.command).to_string_lossy().into_owned();
            }
        }
    }

    pub(super) fn cluster(&self, name: &str) -> Option<&ClusterEntry> {
        self.clusters.iter().find(|named| named.name == name).map(|named| &named.cluster)
    }

    pub(super) fn user(&self, name: &str) -> Option<&UserEntry> {
        self.users.iter().find(|named| named.name == name).map(|named| &named.user)
    }

    pub(super) fn context(&self, name: &str) -> Option<&ContextEntry> {
        self.contexts.iter().find(|named| named.name == name).map(|named| &named.context)
    }
}

fn append<T>(to: &mut Vec<T>, next: Vec<T>, name: impl Fn(&T) -> &str) {
    for entry in next {
        if !to.iter().any(|have| name(have) == name(&entry)) {
            to.push(entry);
        }
    }
}

#[cfg(test)]
mod tests;
