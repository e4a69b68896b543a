//! Log files that an API server serves: `apiserver:` and a path below its `/logs/`.
//!
//! What is served is a folder as Go's `net/http` shows it: a page of links for a folder, files with
//! ranges (`pkg/routes/logs.go`). How the server is reached is somebody else's business.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::audit::request::decode_path;

/// What stands before the path.
const SCHEME: &str = "apiserver:";

/// How much is asked for at once, in bytes: an API server ends what takes longer than a minute.
const PART: u64 = 4 << 20;

/// How much is asked for at a new place, from where perhaps little is wanted.
const FIRST: u64 = 16 << 10;

/// How much of what was read is asked for again with what follows it, to see that it is the same
/// file still.
const SEAM: usize = 64;

/// How deep folders are looked into, and how many files there may be.
const DEPTH: usize = 6;
const MOST: usize = 10_000;

/// A server whose log files can be read. A call waits for its answer.
pub trait Served: Send + Sync + fmt::Debug {
    /// What is at a path below `/logs/`: a folder's page, or at most `most` bytes of a file from
    /// `from` on.
    ///
    /// # Errors
    /// In words for people: what was tried, on what, what to do next.
    fn get(&self, path: &str, from: u64, most: u64) -> Result<Part, String>;
}

/// Some of what is served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The bytes asked for, fewer at the end; of a server that knows no parts the whole.
    pub bytes: Vec<u8>,
    /// Where they begin.
    pub from: u64,
    /// How long the whole is.
    pub total: u64,
    /// When it was last changed, in the server's words; empty where it does not say.
    pub changed: String,
    /// Whether it is a page, as folders are.
    pub is_page: bool,
}

/// The path that an address names, without what leads and trails; None where it is no such address.
pub fn path_of(text: &str) -> Option<String> {
    let path = text.strip_prefix(SCHEME)?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let path = path.trim_matches('/');
    Some(path.strip_prefix("logs/").unwrap_or(if path == "logs" { "" } else { path }).to_owned())
}

/// As a person may write it.
pub fn shown(path: &str) -> String {
    format!("{SCHEME}{path}")
}

/// A file that is served.
#[derive(Clone, Debug)]
pub struct ServedFile {
    server: Arc<dyn Served>,
    path: String,
    size: u64,
    changed: String,
}

impl ServedFile {
    /// How it is named.
    pub fn name(&self) -> String {
        shown(&self.path)
    }

    /// How large it was when it was found, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Changes where the file does.
    pub fn stat(&self) -> String {
        format!("{} {}", self.size, self.changed)
    }

    /// From its beginning.
    pub fn open(&self) -> Reading {
        Reading { file: self.clone(), at: 0, part: Vec::new(), part_at: 0, next: FIRST }
    }
}

/// All files at a path: the file itself, or every audit log below the folder. Where no path is
/// named, those that are called audit logs.
///
/// # Errors
/// Where nothing is there, or the server does not give it.
pub fn find(server: &Arc<dyn Served>, path: &str) -> Result<Vec<ServedFile>, String> {
    let mut found = Vec::new();
    let mut folders = vec![(path.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let named = depth == 0;
        // The name alone does not tell a folder from a file.
        let slash = if folder.is_empty() { "" } else { "/" };
        let listed = match server.get(&format!("{folder}{slash}"), 0, PART) {
            Ok(part) if part.is_page => links(&String::from_utf8_lossy(&part.bytes)),
            // A path that is a file, with a slash behind it.
            Ok(_) | Err(_) if named && !folder.is_empty() => {
                found.extend(file(server, &folder)?);
                continue;
            }
            Err(error) if named => return Err(error),
            // What is below may be closed to whoever serves it.
            Ok(_) | Err(_) => continue,
        };
        for entry in listed.iter().rev() {
            let below = format!("{folder}{slash}{}", entry.trim_end_matches('/'));
            let hidden = entry.starts_with('.');
            if entry.ends_with('/') && !hidden && depth < DEPTH && !is_of_others(&below) {
                folders.push((below, depth + 1));
            } else if !entry.ends_with('/') && !hidden && is_log(path, &below) {
                found.extend(file(server, &below)?);
            }
            if found.len() > MOST {
                return Err(format!("more than {MOST} files at {}: name a folder", shown(path)));
            }
        }
    }
    if found.is_empty() {
        return Err(format!(
            "no audit log at {}: name the path below /var/log of the API server's own machine or \
             container, such as {SCHEME}kubernetes/audit/",
            shown(path)
        ));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Whether a file is taken for an audit log: below a folder that was named all are.
fn is_log(named: &str, path: &str) -> bool {
    !named.is_empty() || path.rsplit('/').next().is_some_and(|name| name.contains("audit"))
}

/// Logs of containers, and those of the machine's own auditing, are no audit logs of an API server.
fn is_of_others(folder: &str) -> bool {
    matches!(folder, "audit" | "containers" | "journal" | "pods")
}

fn file(server: &Arc<dyn Served>, path: &str) -> Result<Option<ServedFile>, String> {
    let head = server.get(path, 0, 1)?;
    let (server, path) = (server.clone(), path.to_owned());
    let file = ServedFile { server, path, size: head.total, changed: head.changed };
    Ok((!head.is_page && file.size > 0).then_some(file))
}

/// What a folder's page links to, decoded.
fn links(page: &str) -> Vec<String> {
    let hrefs = page.split("<a href=\"").skip(1);
    hrefs
        .filter_map(|rest| rest.split('"').next())
        .map(|href| {
            let plain = href.replace("&amp;", "&").replace("&#34;", "\"").replace("&#39;", "'");
            let plain = plain.strip_prefix("./").unwrap_or(&plain).to_owned();
            decode_path(&plain).into_owned()
        })
        // Nothing leads out of the folder.
        .filter(|name| !name.trim_end_matches('/').contains('/') && !name.starts_with(".."))
        .collect()
}

/// A file that is being read, a part after the other.
#[derive(Debug)]
pub struct Reading {
    file: ServedFile,
    at: u64,
    part: Vec<u8>,
    /// Where the part begins.
    part_at: u64,
    /// How much to ask for next.
    next: u64,
}

impl Reading {
    fn rest(&self) -> &[u8] {
        let into = self.at.checked_sub(self.part_at).and_then(|into| usize::try_from(into).ok());
        into.and_then(|into| self.part.get(into..)).unwrap_or_default()
    }

    fn fetch(&mut self) -> io::Result<()> {
        let end = self.part_at + self.part.len() as u64;
        let goes_on = self.at == end && !self.part.is_empty();
        let seam = if goes_on { self.part.len().min(SEAM) } else { 0 };
        self.next = if goes_on { (self.next * 8).min(PART) } else { FIRST };
        let before = self.part[self.part.len() - seam..].to_vec();
        let from = self.at - seam as u64;
        let most = (self.file.size - from).min(self.next);
        let path = &self.file.path;
        let part = self.file.server.get(path, from, most).map_err(io::Error::other)?;
        let skipped = usize::try_from(from.saturating_sub(part.from)).unwrap_or(usize::MAX);
        let bytes = part.bytes.get(skipped..).unwrap_or_default();
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let bytes = &bytes[..bytes.len().min(most)];
        if part.from > from || part.total < self.file.size || !bytes.starts_with(&before) {
            return Err(io::Error::other(format!(
                "{} was rotated while it was read; read it again",
                shown(path)
            )));
        }
        if bytes.len() <= seam {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        (self.part, self.part_at) = (bytes.to_vec(), from);
        Ok(())
    }
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.file.size || buffer.is_empty() {
            return Ok(0);
        }
        if self.rest().is_empty() {
            self.fetch()?;
        }
        let rest = self.rest();
        let read = rest.len().min(buffer.len());
        buffer[..read].copy_from_slice(&rest[..read]);
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Reading {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.file.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = to.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests;
