//! A log of ten days from that of one: the same lines on other days, so that they are other requests.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::{Input, audit, options, said};

/// How many days.
pub const TIMES: u64 = 10;

/// The day of the log, and what a day is replaced in.
const DAY: &[u8] = b"2026-05-0";

/// A file whose days are others.
struct Shifted {
    file: File,
    /// Two digits.
    day: [u8; 2],
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    ended: bool,
}

impl Shifted {
    fn fill(&mut self) -> io::Result<()> {
        // The end of what was read may be the beginning of a day.
        let kept = self.filled - self.at;
        self.buffer.copy_within(self.at..self.filled, 0);
        (self.at, self.filled) = (0, kept);
        while self.filled < self.buffer.len() && !self.ended {
            match self.file.read(&mut self.buffer[self.filled..])? {
                0 => self.ended = true,
                more => self.filled += more,
            }
        }
        let mut from = 0;
        while let Some(more) = memchr::memmem::find(&self.buffer[from..self.filled], DAY) {
            let digits = from + more + DAY.len() - 1;
            if digits + 2 > self.filled {
                break;
            }
            self.buffer[digits..digits + 2].copy_from_slice(&self.day);
            from = digits + 2;
        }
        Ok(())
    }
}

impl Read for Shifted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let tail = |this: &Self| if this.ended { 0 } else { DAY.len() };
        if self.filled - self.at <= tail(self) {
            self.fill()?;
        }
        let ready = (self.filled - self.at).saturating_sub(tail(self));
        let count = ready.min(into.len());
        into[..count].copy_from_slice(&self.buffer[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

/// Reads ten days.
pub fn read(path: &Path, threads: usize) -> String {
    let inputs = (1..=TIMES).map(|day| {
        let digits = format!("{:02}", day + 9);
        let shifted = Shifted {
            file: File::open(path).expect("the log"),
            day: [digits.as_bytes()[0], digits.as_bytes()[1]],
            buffer: vec![0; 1 << 20],
            at: 0,
            filled: 0,
            ended: false,
        };
        Input { name: format!("day {day}").into(), bytes: Box::new(shifted) }
    });
    let read = audit::read_inputs(inputs.collect(), &options(threads), &());
    let activity = read.expect("it can be read");
    assert!(activity.coverage().unreadable.is_empty(), "{:?}", activity.coverage());
    assert_eq!(activity.coverage().repeats % TIMES, 0);
    said(&activity)
}
