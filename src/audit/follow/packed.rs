//! Compressed files, which are read whole: nobody adds to them once they are.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::prints::Prints;
use crate::audit::source::compressed;

/// What became of a compressed file.
pub enum Packed {
    /// It was met for the first time: what it was made of may be as new.
    New,
    /// It is not whole: somebody writes it.
    Unfinished,
    /// It holds what a file holds that is there.
    Copy,
    /// It was read, in the sources of these numbers.
    Read(Vec<u32>),
}

const MAGIC: [&[u8]; 3] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd], b"\xfd7zXZ\0"];

/// Whether a file that begins so is compressed.
pub fn is_packed(head: &[u8]) -> bool {
    MAGIC.iter().any(|magic| head.starts_with(magic))
}

fn open(path: &Path, unpack: bool) -> io::Result<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(1 << 17, File::open(path)?);
    if !unpack {
        return Ok(Box::new(file));
    }
    Ok(compressed::open(file).map_err(io::Error::other)?.bytes)
}

/// How what is compressed begins.
pub fn head(path: &Path) -> Vec<u8> {
    let mut head = Vec::new();
    let read = open(path, true).and_then(|bytes| bytes.take(1024).read_to_end(&mut head));
    // What cannot be read is known as nothing; it is told when it is read.
    if read.is_err() {
        head.clear();
    }
    head
}

/// How long what is compressed is, in bytes; None where it cannot be read to its end.
pub fn length(path: &Path) -> Option<u64> {
    open(path, true).and_then(|mut bytes| io::copy(&mut bytes, &mut io::sink())).ok()
}

/// Of the first `length` bytes; None where there are not as many, or they cannot be read.
pub fn prints(path: &Path, length: u64, unpack: bool) -> Option<Prints> {
    Prints::of(&mut open(path, unpack).ok()?, length).ok().flatten()
}

/// What a compressed file holds behind what is known of it, opened when it is read.
pub struct Unpacked {
    path: PathBuf,
    skip: u64,
    bytes: Option<Box<dyn Read + Send>>,
}

impl Unpacked {
    pub fn behind(path: PathBuf, skip: u64) -> Self {
        Self { path, skip, bytes: None }
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let bytes = match &mut self.bytes {
            Some(bytes) => bytes,
            closed => {
                let mut bytes = open(&self.path, true)?;
                io::copy(&mut bytes.by_ref().take(self.skip), &mut io::sink())?;
                closed.insert(bytes)
            }
        };
        bytes.read(into)
    }
}
