//! Compressed files, which are read whole: nobody adds to them once they are.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek as _, SeekFrom};

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

fn open<'f>(file: &'f File, unpack: bool) -> io::Result<Box<dyn Read + Send + 'f>> {
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    let file = BufReader::with_capacity(1 << 17, file);
    if !unpack {
        return Ok(Box::new(file));
    }
    Ok(compressed::open(file).map_err(io::Error::other)?.bytes)
}

/// How what is compressed begins.
pub fn head(file: &File) -> Vec<u8> {
    let mut head = Vec::new();
    let read = open(file, true).and_then(|bytes| bytes.take(1024).read_to_end(&mut head));
    // What cannot be read is known as nothing; it is told when it is read.
    if read.is_err() {
        head.clear();
    }
    head
}

/// How long what is compressed is, in bytes; None where it cannot be read to its end.
pub fn length(file: &File) -> Option<u64> {
    open(file, true).and_then(|mut bytes| io::copy(&mut bytes, &mut io::sink())).ok()
}

/// Of the first `length` bytes; None where there are not as many, or they cannot be read.
pub fn prints(file: &File, length: u64, unpack: bool) -> Option<Prints> {
    Prints::of(&mut open(file, unpack).ok()?, length).ok().flatten()
}

/// What a compressed file holds behind what is known of it, unpacked when it is read.
pub struct Unpacked {
    file: Option<File>,
    skip: u64,
    bytes: Option<Box<dyn Read + Send>>,
}

impl Unpacked {
    pub fn behind(file: File, skip: u64) -> Self {
        Self { file: Some(file), skip, bytes: None }
    }
}

impl Read for Unpacked {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if let Some(mut file) = self.file.take() {
            file.seek(SeekFrom::Start(0))?;
            let file = BufReader::with_capacity(1 << 17, file);
            let mut bytes = compressed::open(file).map_err(io::Error::other)?.bytes;
            io::copy(&mut bytes.by_ref().take(self.skip), &mut io::sink())?;
            self.bytes = Some(bytes);
        }
        self.bytes.as_mut().map_or(Ok(0), |bytes| bytes.read(into))
    }
}
