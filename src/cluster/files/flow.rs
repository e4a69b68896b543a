//! How deep brackets and braces of YAML lie in each other, found without parsing it.

/// A document in which they lie deeper is not given to the parser.
pub(super) const DEEPEST: usize = 500;

/// Where brackets and braces first lie more than [`DEEPEST`] deep. Those in quotes, comments, plain
/// text and block scalars do not count.
pub(super) fn too_deep(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        if depth == 0 {
            // Outside of brackets lines say what they are by where they begin.
            let end = line_end(bytes, at);
            let indent = indent(&bytes[at..end]);
            if begins_block_scalar(&bytes[at..end]) {
                at = behind_block(bytes, end, indent);
                continue;
            }
        }
        let mut may_begin = true;
        // To the end of the line, or of the brackets that begin on it.
        loop {
            let byte = bytes.get(at)?;
            at += 1;
            match byte {
                b'\n' if depth == 0 => break,
                b'\n' => may_begin = true,
                b'"' if may_begin => (at, may_begin) = (behind_double(bytes, at), false),
                b'\'' if may_begin => (at, may_begin) = (behind_single(bytes, at), false),
                b'[' | b'{' if may_begin || depth > 0 => {
                    depth += 1;
                    may_begin = true;
                    if depth > DEEPEST {
                        return Some(at - 1);
                    }
                }
                b']' | b'}' if depth > 0 => (depth, may_begin) = (depth - 1, false),
                b'#' if is_space(bytes, at.checked_sub(2)) => at = line_end(bytes, at),
                b',' => may_begin = depth > 0,
                // Behind a quoted key a value may follow at once.
                b':' => may_begin = depth > 0 || is_space(bytes, Some(at)),
                b'-' | b'?' => may_begin = may_begin && is_space(bytes, Some(at)),
                b' ' | b'\t' | b'\r' => {}
                // An anchor or a tag stands before what it is of.
                b'&' | b'!' if may_begin => {
                    while bytes.get(at).is_some_and(|byte| !b" \t\r\n,[]{}".contains(byte)) {
                        at += 1;
                    }
                }
                _ => may_begin = false,
            }
        }
    }
    None
}

/// Whether there is white space at that place, or the text begins or ends there.
fn is_space(bytes: &[u8], at: Option<usize>) -> bool {
    at.and_then(|at| bytes.get(at)).is_none_or(|byte| b" \t\r\n".contains(byte))
}

fn line_end(bytes: &[u8], at: usize) -> usize {
    memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |more| at + more)
}

/// The column of what a block scalar on this line is of: a key, or the mark of a list's item.
fn indent(line: &[u8]) -> usize {
    let (mut at, mut mark) = (0, None);
    while let Some(byte) = line.get(at) {
        if matches!(byte, b'-' | b'?') && is_space(line, Some(at + 1)) {
            mark = Some(at);
        } else if *byte != b' ' {
            break;
        }
        at += 1;
    }
    match line.get(at) {
        Some(b'|' | b'>' | b'&' | b'!') => mark.unwrap_or(at),
        _ => at,
    }
}

/// Whether a line ends with what begins a block scalar: `|` or `>`, alone or with how it is meant.
fn begins_block_scalar(line: &[u8]) -> bool {
    let line = memchr::memmem::find(line, b" #").map_or(line, |comment| &line[..comment]);
    let line = line.trim_ascii();
    let last = line.rsplit(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
    let [b'|' | b'>', how @ ..] = last else { return false };
    how.iter().all(|byte| matches!(byte, b'+' | b'-' | b'0'..=b'9'))
}

/// Behind the lines that are further in than `indent`, and empty ones.
fn behind_block(bytes: &[u8], mut end: usize, indent: usize) -> usize {
    loop {
        let begin = end + 1;
        if begin >= bytes.len() {
            return bytes.len();
        }
        let next = line_end(bytes, begin);
        let line = &bytes[begin..next];
        let spaces = line.iter().take_while(|byte| **byte == b' ').count();
        if spaces <= indent && !line.trim_ascii().is_empty() {
            return begin;
        }
        end = next;
    }
}

/// Behind the end of a text in double quotes.
fn behind_double(bytes: &[u8], mut at: usize) -> usize {
    while let Some(more) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += more + 1;
        if bytes[at - 1] == b'"' {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

/// Behind the end of a text in single quotes: two of them stand for one.
fn behind_single(bytes: &[u8], mut at: usize) -> usize {
    while let Some(more) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\'', rest)) {
        at += more + 1;
        if bytes.get(at) != Some(&b'\'') {
            return at;
        }
        at += 1;
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: usize = 2 * DEEPEST;

    #[test]
    fn what_lies_deep_is_found() {
        for (before, each) in [
            ("a: ", "["),
            ("", "["),
            ("- ", "{a: "),
            ("a: \"x\"\nb: ", "[1, "),
            ("a: 'it''s'\nb: ", "[\n  "),
            ("it's: ", "[x,"),
            ("a: |\n  \"\nb: ", "["),
            ("- a: >-\n    '\n  b: ", "{\"a\":"),
            ("a: &x !!seq ", "[&y "),
            ("a: ", "[ # ]]]]\n "),
            ("a: ", "[\"]\", "),
        ] {
            let text = format!("{before}{}", each.repeat(MANY));
            assert!(too_deep(&text).is_some_and(|at| at >= before.len()), "{before}{each}");
            let deep = DEEPEST - 1;
            let shallow = format!("{before}{}", each.repeat(deep));
            assert_eq!(too_deep(&shallow), None, "{before}{each}");
        }
        assert_eq!(too_deep(&format!("a: {}", "[".repeat(MANY))), Some(3 + DEEPEST));
    }

    #[test]
    fn what_only_looks_so_is_not() {
        for text in [
            "a: [x, y]\n",
            "a: {b: [c]}\n",
            "- \"[[[\"\n",
            "- '[[[''[['\n",
            "- a: x[0] [[ {{\n  b: it's [ \"[\n",
            "- # [[[[ \" '\n  a: b # ' [[\n",
            "- |\n  [[[\n\n  \"[[ '\n",
            "- a: |-\n    case x) [[\n   \n    {{ \" if\n  b: c\n",
            "- >2+\n  [[[\n",
            "- a: [\"[[\", '{{', x, # [[[\n  ]\n",
            "- http://x?y=[[,[\n",
            "a-[: -[\n",
        ] {
            assert_eq!(too_deep(&text.repeat(MANY)), None, "{text}");
        }
        assert_eq!(too_deep(""), None);
        assert_eq!(too_deep("a: \"["), None);
        assert_eq!(too_deep("a: '["), None);
        assert_eq!(too_deep("a: |"), None);
    }
}
