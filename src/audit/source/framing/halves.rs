//! Requests that API servers before 1.8 wrote as two lines of text, one when it came and one when
//! it was answered, with one id.

use std::collections::VecDeque;

use hashbrown::HashMap;
use memchr::memmem;

use super::Out;

/// How many requests wait for their answer's line, and how much of them, in bytes.
const WAITING: usize = 1 << 16;
const LARGEST: usize = 8 << 20;

const MARK: &[u8] = b" AUDIT: id=\"";

/// Joins the two lines of a request.
#[derive(Default)]
pub struct Halves {
    waiting: HashMap<Vec<u8>, First>,
    /// In the order in which they came, with the line on which each began.
    order: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
}

/// The line of a request that came.
struct First {
    text: Vec<u8>,
    began: u64,
}

/// Which of the two a line is, with the id.
enum Half<'a> {
    First(&'a [u8]),
    Second(&'a [u8]),
}

impl Halves {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Takes a line that is one of two; returns whether it was. What is whole goes out.
    pub fn line(&mut self, line: &[u8], out: &mut Out) -> bool {
        match half(line) {
            None => false,
            Some(Half::First(id)) => {
                self.first(id, line, out);
                true
            }
            Some(Half::Second(id)) => {
                let Some(first) = self.waiting.remove(id) else { return false };
                self.bytes -= first.text.len();
                let behind = memmem::find(line, b" response=").unwrap_or(line.len());
                out.record(&[&first.text, line[behind..].trim_ascii_end()], first.began);
                true
            }
        }
    }

    fn first(&mut self, id: &[u8], line: &[u8], out: &mut Out) {
        let first = First { text: line.trim_ascii_end().to_vec(), began: out.came };
        self.bytes += first.text.len();
        self.order.push_back((first.began, id.to_vec()));
        if let Some(before) = self.waiting.insert(id.to_vec(), first) {
            self.release(&before, out);
        }
        while self.order.len() > WAITING || self.bytes > LARGEST {
            self.oldest(out);
        }
    }

    /// The request that waits longest goes out without its answer.
    fn oldest(&mut self, out: &mut Out) {
        let Some((began, id)) = self.order.pop_front() else { return };
        // The id may have come again since, or have been answered.
        if self.waiting.get(&id).is_some_and(|first| first.began == began)
            && let Some(first) = self.waiting.remove(&id)
        {
            self.release(&first, out);
        }
    }

    fn release(&mut self, first: &First, out: &mut Out) {
        self.bytes -= first.text.len();
        out.record(&[&first.text], first.began);
    }

    /// All that waits goes out without its answer.
    pub fn finish(&mut self, out: &mut Out) {
        while !self.order.is_empty() {
            self.oldest(out);
        }
    }
}

/// Newer servers write the stage, and all of a request on one line.
fn half(line: &[u8]) -> Option<Half<'_>> {
    line.first().filter(|byte| byte.is_ascii_digit())?;
    let at = memmem::find(line, MARK)? + MARK.len();
    let end = at + memchr::memchr(b'"', &line[at..])?;
    let (id, rest) = (&line[at..end], line[end + 1..].trim_ascii());
    if rest.starts_with(b"response=") {
        return Some(Half::Second(id));
    }
    let whole = rest.starts_with(b"stage=") || memmem::find(rest, b" response=").is_some();
    (!whole).then_some(Half::First(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(lines: &[String]) -> Vec<String> {
        let (mut halves, mut out) = (Halves::default(), Out::default());
        for line in lines {
            if !halves.line(line.as_bytes(), &mut out) {
                out.record(&[line.as_bytes()], out.came);
            }
            out.came += 1;
        }
        halves.finish(&mut out);
        assert!(halves.is_empty() && halves.bytes == 0);
        let text = String::from_utf8(out.text).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    fn first(id: usize) -> String {
        format!(r#"2016-09-07T13:03:57.4Z AUDIT: id="{id}" ip="::1" method="GET" uri="/api""#)
    }

    fn second(id: usize) -> String {
        format!(r#"2016-09-07T13:03:57.5Z AUDIT: id="{id}" response="200""#)
    }

    #[test]
    fn halves_meet_and_the_rest_goes_out_as_it_is() {
        let joined = |id| format!("{} response=\"200\"", first(id));
        let newer = r#"2026-05-04T09:10:11Z AUDIT: id="9" stage="ResponseComplete" response="200""#;
        let lines = [first(1), newer.into(), first(2), second(2), second(1), second(3), first(4)];
        assert_eq!(through(&lines), [newer.to_owned(), joined(2), joined(1), second(3), first(4)]);
        // An id that comes again before its answer is two requests.
        assert_eq!(through(&[first(1), first(1), second(1)]), [first(1), joined(1)]);
    }

    #[test]
    fn not_too_many_wait() {
        let lines: Vec<String> = (0..WAITING + 10).map(first).collect();
        assert_eq!(through(&lines).len(), lines.len());
        let long: Vec<String> =
            (0..100).map(|id| format!("{}{}", first(id), "x".repeat(1 << 18))).collect();
        assert_eq!(through(&long).len(), 100);
    }
}
