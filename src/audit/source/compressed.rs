//! What a source is compressed with, told by its first bytes whatever it is called.

use std::io::{self, BufReader, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use lzma_rust2::XzReader;

/// A source, decompressed while it is read.
pub struct Opened<'a> {
    pub bytes: Box<dyn Read + Send + 'a>,
    kind: Kind,
}

/// What a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Plain,
    Gzip,
    Zstd,
    Xz,
}

/// What the first bytes of a stream say of the rest.
enum Magic {
    Compressed(Kind),
    /// UTF-8's byte order mark, three bytes to be passed over.
    Mark,
    /// UTF-16's, two bytes; whether the less significant byte comes first.
    Wide(bool),
    Refused(&'static str),
}

const MAGIC: [(&[u8], Magic); 8] = [
    (&[0x1f, 0x8b], Magic::Compressed(Kind::Gzip)),
    (&[0x28, 0xb5, 0x2f, 0xfd], Magic::Compressed(Kind::Zstd)),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Magic::Compressed(Kind::Xz)),
    (&[0xef, 0xbb, 0xbf], Magic::Mark),
    (b"BZh", Magic::Refused("compressed with bzip2: decompress it first")),
    (b"PK\x03\x04", Magic::Refused("a zip file: unpack it first")),
    (&[0xff, 0xfe], Magic::Wide(true)),
    (&[0xfe, 0xff], Magic::Wide(false)),
];

/// How often a stream may be compressed again: Firehose compresses what CloudWatch has compressed.
const LAYERS: usize = 3;

/// How much memory an xz stream may ask for, in KiB: twice what the highest preset does.
const XZ_MEMORY: u32 = 128 << 10;

/// Looks at the first bytes, and decompresses as they say.
///
/// # Errors
/// With the reason to be counted, where the stream cannot be read at all.
pub fn open<'a>(bytes: impl Read + Send + 'a) -> Result<Opened<'a>, &'static str> {
    let mut opened = Opened { bytes: Box::new(bytes), kind: Kind::Plain };
    for _ in 0..LAYERS {
        let mut head = Vec::new();
        let read = opened.bytes.by_ref().take(6).read_to_end(&mut head);
        if let Err(error) = read
            && head.is_empty()
        {
            return Err(opened.reason(&error));
        }
        let magic = MAGIC.iter().find(|(magic, _)| head.starts_with(magic));
        let kind = match magic {
            _ if is_skippable(&head) => Kind::Zstd,
            Some((_, Magic::Compressed(kind))) => *kind,
            Some((_, Magic::Refused(reason))) => return Err(reason),
            Some((_, Magic::Mark)) => {
                opened.bytes = Box::new(Cursor::new(head.split_off(3)).chain(opened.bytes));
                return Ok(opened);
            }
            Some((_, Magic::Wide(little))) => {
                let bytes = Cursor::new(head.split_off(2)).chain(opened.bytes);
                opened.bytes = Box::new(Narrowed::new(bytes, *little));
                return Ok(opened);
            }
            None => {
                opened.bytes = Box::new(Cursor::new(head).chain(opened.bytes));
                return Ok(opened);
            }
        };
        let whole = Cursor::new(head).chain(opened.bytes);
        opened = Opened { bytes: decompressed(kind, whole)?, kind };
    }
    Ok(opened)
}

/// Whether a stream that begins with `first` is not what its bytes are.
pub fn is_compressed(first: &[u8]) -> bool {
    let magic = MAGIC.iter().find(|(magic, _)| first.starts_with(magic));
    is_skippable(first) || matches!(magic, Some((_, Magic::Compressed(_) | Magic::Wide(_))))
}

/// Why a stream cannot be read on, for those who did not open it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(pub &'static str);

/// Whether a zstd frame begins that holds no data, as parallel compressors write them.
fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

fn decompressed<'a>(
    kind: Kind,
    bytes: impl Read + Send + 'a,
) -> Result<Box<dyn Read + Send + 'a>, &'static str> {
    let buffered = BufReader::with_capacity(1 << 17, bytes);
    Ok(match kind {
        Kind::Plain => Box::new(buffered),
        Kind::Gzip => Box::new(MultiGzDecoder::new(buffered)),
        Kind::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(buffered);
            Box::new(decoder.map_err(|_| "zstd that is broken")?)
        }
        Kind::Xz => Box::new(XzReader::new_mem_limit(buffered, true, XZ_MEMORY)),
    })
}

/// UTF-16 text, as PowerShell writes it, as UTF-8.
struct Narrowed<R> {
    bytes: BufReader<R>,
    little: bool,
    /// The first byte of a unit.
    byte: Option<u8>,
    /// The first half of a pair.
    half: Option<u16>,
    /// What a character left over of the last buffer.
    rest: Vec<u8>,
}

impl<R: Read> Narrowed<R> {
    fn new(bytes: R, little: bool) -> Self {
        let bytes = BufReader::with_capacity(1 << 16, bytes);
        Self { bytes, little, byte: None, half: None, rest: Vec::new() }
    }

    /// The next unit; None at the end, where half a unit is no more than that.
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut next = [0; 1];
        loop {
            if self.bytes.read(&mut next)? == 0 {
                return Ok(None);
            }
            match self.byte.take() {
                None => self.byte = Some(next[0]),
                Some(first) if self.little => {
                    return Ok(Some(u16::from_le_bytes([first, next[0]])));
                }
                Some(first) => return Ok(Some(u16::from_be_bytes([first, next[0]]))),
            }
        }
    }
}

impl<R: Read> Read for Narrowed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.len() < buffer.len() {
            let unit = match self.unit() {
                Ok(Some(unit)) => unit,
                Err(error) if self.rest.is_empty() => return Err(error),
                // An error comes again once what came before it is taken.
                Ok(None) | Err(_) => break,
            };
            let units = self.half.take().into_iter().chain([unit]);
            for character in char::decode_utf16(units) {
                match character {
                    Ok(character) => {
                        self.rest.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                    }
                    Err(lone) if (0xd800..0xdc00).contains(&lone.unpaired_surrogate()) => {
                        self.half = Some(lone.unpaired_surrogate());
                    }
                    Err(_) => self.rest.extend_from_slice("\u{fffd}".as_bytes()),
                }
            }
        }
        let length = self.rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.rest[..length]);
        self.rest.drain(..length);
        Ok(length)
    }
}

impl Opened<'_> {
    /// Why it cannot be read on.
    pub fn reason(&self, error: &io::Error) -> &'static str {
        if let Some(told) = error.get_ref().and_then(|inner| inner.downcast_ref::<Unreadable>()) {
            return told.0;
        }
        match (error.kind(), self.kind) {
            (ErrorKind::PermissionDenied, _) => "no permission to read it",
            (ErrorKind::NotFound, _) => "gone before it could be read",
            (ErrorKind::UnexpectedEof, Kind::Gzip) => "gzip that is cut off",
            (ErrorKind::UnexpectedEof, Kind::Zstd) => "zstd that is cut off",
            (ErrorKind::UnexpectedEof, Kind::Xz) => "xz that is cut off",
            (ErrorKind::OutOfMemory, Kind::Xz) => "xz that needs too much memory",
            (ErrorKind::InvalidInput | ErrorKind::InvalidData, Kind::Gzip) => "gzip that is broken",
            (_, Kind::Zstd) => "zstd that is broken",
            (_, Kind::Xz) => "xz that is broken",
            _ => "cannot be read",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use lzma_rust2::{XzOptions, XzWriter};

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn xz(bytes: &[u8]) -> Vec<u8> {
        let mut writer = XzWriter::new(Vec::new(), XzOptions::with_preset(1)).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    /// What could be read, and why no more.
    fn all(bytes: &[u8]) -> (Vec<u8>, Option<&'static str>) {
        let mut opened = match open(Cursor::new(bytes.to_vec())) {
            Ok(opened) => opened,
            Err(reason) => return (Vec::new(), Some(reason)),
        };
        let mut text = Vec::new();
        let mut buffer = [0; 1000];
        loop {
            match opened.bytes.read(&mut buffer) {
                Ok(0) => return (text, None),
                Ok(read) => text.extend_from_slice(&buffer[..read]),
                Err(error) => return (text, Some(opened.reason(&error))),
            }
        }
    }

    fn text() -> Vec<u8> {
        (0..9000).fold(String::new(), |all, number| all + &format!("line {number}\n")).into_bytes()
    }

    #[test]
    fn everything_is_what_its_first_bytes_say_in_any_number_of_parts_and_layers() {
        let text = text();
        let (one, two) = text.split_at(4321);
        for pack in [gzip, zstd, xz] {
            assert_eq!(all(&pack(&text)), (text.clone(), None));
            assert_eq!(all(&[pack(one), pack(two)].concat()), (text.clone(), None));
            assert_eq!(all(&gzip(&pack(&text))), (text.clone(), None));
        }
        let skipped = [&[0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7], &*zstd(&text)].concat();
        assert_eq!(all(&skipped), (text.clone(), None));
        assert_eq!(all(&[b"\xef\xbb\xbf", &*text].concat()), (text.clone(), None));
        assert_eq!(all(&text), (text.clone(), None));
        for short in [&b""[..], b"\n", b"{", b"\x1f", b"\xef\xbb"] {
            assert_eq!(all(short), (short.to_vec(), None));
        }
    }

    #[test]
    fn wide_text_is_read_as_what_it_says() {
        let text = "{\"a\":\"é日😀\"}\r\n".repeat(500);
        for little in [true, false] {
            let unit = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
            let mut bytes: Vec<u8> =
                [0xfeff].into_iter().chain(text.encode_utf16()).flat_map(unit).collect();
            assert_eq!(all(&bytes), (text.clone().into_bytes(), None));
            assert_eq!(all(&gzip(&bytes)), (text.clone().into_bytes(), None));
            bytes.push(0);
            assert_eq!(all(&bytes), (text.clone().into_bytes(), None));
        }
    }

    #[test]
    fn what_ends_early_keeps_what_came_before_and_says_so() {
        let text = text();
        for (pack, cut, broken) in [
            (gzip as fn(&[u8]) -> Vec<u8>, "gzip that is cut off", "gzip that is broken"),
            (zstd, "zstd that is cut off", "zstd that is broken"),
            (xz, "xz that is cut off", "xz that is broken"),
        ] {
            let whole = pack(&text);
            for less in [1, 9, whole.len() / 2, whole.len() - 8] {
                let (read, reason) = all(&whole[..whole.len() - less]);
                assert!(text.starts_with(&read), "{cut} {less}");
                assert_eq!(reason, Some(cut), "{less}");
            }
            // Compressors work by blocks: what a whole block held is there.
            let twice = [pack(&text), pack(&text)].concat();
            let (read, reason) = all(&twice[..twice.len() - 20]);
            assert!(read.len() >= text.len(), "{cut}: {}", read.len());
            assert_eq!(reason, Some(cut));
            let mut bad = whole.clone();
            let middle = whole.len() / 2;
            bad[middle..middle + 8].copy_from_slice(&[0x55; 8]);
            let (_, reason) = all(&bad);
            // zstd has no checksum unless it is asked for one.
            let unseen = reason.is_none() && cut.starts_with("zstd");
            assert!(reason == Some(broken) || reason == Some(cut) || unseen, "{reason:?}");
        }
        assert_eq!(all(b"BZh91AY&SY").1, Some("compressed with bzip2: decompress it first"));
    }
}
