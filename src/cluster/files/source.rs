//! From a named source to bytes: files, directories, gzip, standard input, text encodings.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::gather::{Gather, Hurts, Place};
use super::{Error, Source, json, yaml};
use crate::model::Name;

/// Most bytes of one input: far above any cluster.
const MOST: u64 = 4 << 30;

/// How gzip may inflate. Objects are some ten to hundred times smaller compressed; a file of a few
/// megabytes can be made to inflate to gigabytes.
struct Inflation {
    /// So many bytes in any case.
    always: u64,
    /// Above that, so many times what was read.
    times: u64,
    /// And no more than this.
    most: u64,
}

const INFLATION: Inflation = Inflation { always: 128 << 20, times: 200, most: 1 << 30 };

/// File name endings that are looked at in a directory, as kubectl does, and their gzip forms.
const ENDINGS: [&str; 5] = [".json", ".yaml", ".yml", ".ndjson", ".jsonl"];

/// Reads one source into `gather`.
pub(super) fn read(
    source: &Source,
    stdin: &mut dyn Read,
    gather: &mut Gather,
) -> Result<(), Error> {
    match source {
        Source::Stdin => {
            let name: Name = "stdin".into();
            let bytes = bytes(stdin, &name, gather)
                .map_err(|cause| Error::Io { tried: "reading standard input".to_owned(), cause })?;
            content(&name, &bytes, gather, true)
        }
        Source::Path(path) => {
            let meta = fs::metadata(path).map_err(|cause| match cause.kind() {
                io::ErrorKind::NotFound => Error::Missing(path.clone()),
                _ => Error::io("reading", path, cause),
            })?;
            if meta.is_dir() { directory(path, gather) } else { file(path, gather, true) }
        }
    }
}

/// Reads one file. A file that was named must hold something; one found in a directory that
/// cannot be read is named, and the others are read.
fn file(path: &Path, gather: &mut Gather, named: bool) -> Result<(), Error> {
    let name: Name = path.display().to_string().into();
    let read = fs::File::open(path).and_then(|file| bytes(file, &name, gather));
    match read {
        Ok(bytes) => content(&name, &bytes, gather, named),
        Err(cause) if named => Err(Error::io("reading", path, cause)),
        Err(cause) => {
            gather.broken(&Place::of(&name), Hurts::All, &cause.to_string());
            Ok(())
        }
    }
}

/// Reads every file below a directory whose name says that it may hold objects, in the order of
/// their paths.
fn directory(path: &Path, gather: &mut Gather) -> Result<(), Error> {
    let mut files = Vec::new();
    let mut others = 0;
    let mut seen = BTreeSet::new();
    walk(path, &mut seen, &mut files, &mut others)
        .map_err(|cause| Error::io("reading the directory", path, cause))?;
    if files.is_empty() {
        return Err(Error::EmptyDirectory { path: path.to_owned(), others });
    }
    files.sort();
    for one in &files {
        file(one, gather, false)?;
    }
    Ok(())
}

/// Collects files; a directory is entered once, by its real path, so that links cannot loop.
fn walk(
    path: &Path,
    seen: &mut BTreeSet<PathBuf>,
    files: &mut Vec<PathBuf>,
    others: &mut u64,
) -> io::Result<()> {
    if !seen.insert(path.canonicalize()?) {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        // A dangling link has no metadata; it is no file that could be read.
        let Ok(meta) = fs::metadata(&path) else {
            *others += 1;
            continue;
        };
        if meta.is_dir() {
            walk(&path, seen, files, others)?;
        } else if meta.is_file() && holds_objects(&name) {
            files.push(path);
        } else {
            *others += 1;
        }
    }
    Ok(())
}

fn holds_objects(name: &str) -> bool {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

/// All bytes of an input, inflated where it starts as gzip does. A gzip stream that breaks off
/// gives what could be inflated, and is named.
fn bytes(mut input: impl Read, name: &Name, gather: &mut Gather) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.by_ref().take(2).read_to_end(&mut head)?;
    let zipped = head == [0x1f, 0x8b];
    let whole = io::Cursor::new(head).chain(input);
    let mut bytes = Vec::new();
    let read = if zipped {
        INFLATION.read(whole, &mut bytes)
    } else {
        whole.take(MOST + 1).read_to_end(&mut bytes).map(|_| ())
    };
    match read {
        Ok(()) if bytes.len() as u64 > MOST => {
            Err(io::Error::other("more than 4 GiB of text; give the lists in several files"))
        }
        Ok(()) => Ok(bytes),
        Err(cause) if is_refused(&cause) => Err(cause),
        Err(cause) if zipped => {
            let reason = if cause.kind() == io::ErrorKind::UnexpectedEof {
                "the gzip stream breaks off".to_owned()
            } else {
                format!("the gzip stream is damaged: {cause}")
            };
            gather.broken(&Place::of(name), Hurts::All, &reason);
            Ok(bytes)
        }
        Err(cause) => Err(cause),
    }
}

/// A gzip stream inflates to more than any that holds objects.
#[derive(Debug, thiserror::Error)]
#[error(
    "the gzip stream inflates to more than {bytes} bytes, {times} times its size; if it is what it \
     should be, decompress it first, into several files"
)]
struct Inflated {
    bytes: usize,
    times: u64,
}

/// Whether reading ended because a gzip stream inflates too far.
fn is_refused(error: &io::Error) -> bool {
    matches!(error.get_ref(), Some(cause) if cause.is::<Inflated>())
}

impl Inflation {
    /// Inflates to the end.
    fn read(&self, zipped: impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
        const STEP: u64 = 1 << 20;
        let mut inflating = MultiGzDecoder::new(Counted { zipped, count: 0 });
        loop {
            let more = inflating.by_ref().take(STEP).read_to_end(bytes)?;
            if more == 0 {
                return Ok(());
            }
            let (inflated, read) = (bytes.len() as u64, inflating.get_ref().count.max(1));
            if inflated > self.most || inflated > self.always && inflated / read > self.times {
                let refused = Inflated { bytes: bytes.len(), times: inflated / read };
                *bytes = Vec::new();
                return Err(io::Error::other(refused));
            }
        }
    }
}

/// Counts what is read.
struct Counted<R> {
    zipped: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.zipped.read(buffer)?;
        self.count += read as u64;
        Ok(read)
    }
}

/// Reads the objects of one input, JSON or YAML by its first character.
fn content(name: &Name, bytes: &[u8], gather: &mut Gather, named: bool) -> Result<(), Error> {
    let place = Place::of(name);
    let text = match text(bytes) {
        Text::Whole(text) => text,
        Text::Damaged(text, at) => {
            let line = 1 + memchr::memchr_iter(b'\n', &bytes[..at]).count() as u64;
            gather.broken(&place.at_line(line), Hurts::All, "bytes that are not UTF-8 text");
            text
        }
        Text::Binary => {
            gather.broken(&place, Hurts::All, "not text");
            return Ok(());
        }
    };
    let text = text.trim_start_matches('\u{feff}');
    match text.trim_start().chars().next() {
        None if named && gather.nothing_broken_in(name) => {
            return Err(Error::Empty(name.to_string()));
        }
        None => gather.broken(&place, Hurts::All, "empty"),
        Some('{' | '[') => json::read(&place, text, gather),
        Some(_) => yaml::read(&place, text, gather),
    }
    Ok(())
}

/// What bytes are as text.
enum Text<'a> {
    Whole(Cow<'a, str>),
    /// With replacement characters; the first bad byte is at this offset.
    Damaged(Cow<'a, str>, usize),
    Binary,
}

/// UTF-8, or UTF-16 as some shells write when output is redirected.
fn text(bytes: &[u8]) -> Text<'_> {
    let wide = match bytes {
        [0xff, 0xfe, rest @ ..] => Some((rest, false)),
        [0xfe, 0xff, rest @ ..] => Some((rest, true)),
        _ => None,
    };
    if let Some((rest, big)) = wide {
        let units: Vec<u16> = rest
            .chunks_exact(2)
            .map(|pair| {
                let pair = [pair[0], pair[1]];
                if big { u16::from_be_bytes(pair) } else { u16::from_le_bytes(pair) }
            })
            .collect();
        return String::from_utf16(&units)
            .map_or(Text::Binary, |text| Text::Whole(Cow::Owned(text)));
    }
    if memchr::memchr(0, &bytes[..bytes.len().min(1024)]).is_some() {
        return Text::Binary;
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Text::Whole(Cow::Borrowed(text)),
        Err(error) => Text::Damaged(String::from_utf8_lossy(bytes), error.valid_up_to()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn inflated(bytes: &[u8], inflation: &Inflation) -> Result<usize, String> {
        let mut zip = GzEncoder::new(Vec::new(), Compression::best());
        zip.write_all(bytes).unwrap();
        let zipped = zip.finish().unwrap();
        let mut into = Vec::new();
        let read = inflation.read(&zipped[..], &mut into);
        read.map(|()| into.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn gzip_inflates_within_bounds() {
        let zeros = vec![0; 5 << 20];
        // Does not become shorter.
        let mut state = 1_u32;
        let noise: Vec<u8> = (0..3 << 20)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .collect();
        let small = Inflation { always: 4 << 20, times: 200, most: 6 << 20 };
        assert_eq!(inflated(&zeros[..4 << 20], &small), Ok(4 << 20));
        let error = inflated(&zeros, &small).unwrap_err();
        assert!(
            error.starts_with("the gzip stream inflates to more than 5242880 bytes"),
            "{error}"
        );
        assert!(error.contains("decompress it first"), "{error}");
        // Dense text may be long, up to a bound.
        let dense = [&noise[..], &zeros[..2 << 20]].concat();
        assert_eq!(inflated(&dense, &small), Ok(5 << 20));
        let error = inflated(&[&dense[..], &noise[..]].concat(), &small).unwrap_err();
        assert!(error.contains("inflates to more than 7340032 bytes, 1 times"), "{error}");
        assert_eq!(inflated(&zeros, &INFLATION), Ok(5 << 20));
    }
}
