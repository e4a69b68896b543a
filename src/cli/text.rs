//! Texts that a command is given by name: a file, or `-` for standard input.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use super::exit::Failure;

/// What to call it in messages.
pub(super) fn name(path: &Path) -> String {
    if is_stdin(path) { "standard input".to_owned() } else { path.display().to_string() }
}

pub(super) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads it whole. What never ends, such as a device or a pipe that nobody closes, is given up once
/// more than `most` bytes are there.
///
/// # Errors
/// Where it is not there, is too long or is no UTF-8: a mistake in the call. Where it cannot be read:
/// unreachable.
pub(super) fn read(path: &Path, most: u64) -> Result<String, Failure> {
    let read = if is_stdin(path) {
        whole(io::stdin().lock(), most)
    } else {
        File::open(path).and_then(|file| whole(file, most))
    };
    read.map_err(|cause| {
        let message = format!("reading {}: {cause}", name(path));
        let usual = [ErrorKind::NotFound, ErrorKind::InvalidData, ErrorKind::FileTooLarge];
        if usual.contains(&cause.kind()) {
            Failure::usage(message)
        } else {
            Failure::unreachable(message)
        }
    })
}

fn whole(input: impl Read, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    input.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let words = format!("more than {} MiB; give it in parts", most >> 20);
        return Err(io::Error::new(ErrorKind::FileTooLarge, words));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        io::Error::new(ErrorKind::InvalidData, format!("no UTF-8 text, at byte {at}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_never_ends_is_given_up() {
        let failed = read(Path::new("/dev/zero"), 1 << 20).expect_err("it never ends");
        assert_eq!(failed.to_string(), "reading /dev/zero: more than 1 MiB; give it in parts");
        assert_eq!(whole(&b"four"[..], 4).expect("four bytes"), "four");
        assert!(whole(&b"fives"[..], 4).is_err());
    }

    #[test]
    fn what_is_no_text_is_said_with_its_place() {
        let error = whole(&b"ab\xff"[..], 9).expect_err("no UTF-8");
        assert_eq!(error.to_string(), "no UTF-8 text, at byte 2");
    }
}
