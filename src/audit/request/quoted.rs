//! Text in the double quotes of Go's `%q`, inside messages of the server.

/// What follows `prefix`, if the text begins with it.
pub fn after(text: &mut &str, prefix: &str) -> Option<()> {
    *text = text.strip_prefix(prefix)?;
    Some(())
}

/// Takes one quoted string off the front of `text` (`strconv.Quote`).
pub fn quoted(text: &mut &str) -> Option<String> {
    let mut rest = text.strip_prefix('"')?.chars();
    let mut out = Vec::new();
    loop {
        match rest.next()? {
            '"' => break,
            '\\' => escaped(&mut rest, &mut out)?,
            plain => push(&mut out, plain),
        }
    }
    *text = rest.as_str();
    Some(
        String::from_utf8(out)
            .unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()),
    )
}

fn push(out: &mut Vec<u8>, next: char) {
    out.extend_from_slice(next.encode_utf8(&mut [0; 4]).as_bytes());
}

fn escaped(rest: &mut std::str::Chars<'_>, out: &mut Vec<u8>) -> Option<()> {
    let plain = match rest.next()? {
        'a' => '\x07',
        'b' => '\x08',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        same @ ('\\' | '"' | '\'') => same,
        'x' => {
            out.push(u8::try_from(hex(rest, 2)?).ok()?);
            return Some(());
        }
        'u' => char::from_u32(hex(rest, 4)?)?,
        'U' => char::from_u32(hex(rest, 8)?)?,
        _ => return None,
    };
    push(out, plain);
    Some(())
}

fn hex(rest: &mut std::str::Chars<'_>, digits: usize) -> Option<u32> {
    (0..digits).try_fold(0u32, |value, _| Some((value << 4) | rest.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_quotes_comes_back() {
        // The left sides are what `fmt.Printf("%q")` prints for the right sides.
        let cases = [
            (r#""plain" rest"#, "plain", " rest"),
            (r#""a\"b\\c""#, "a\"b\\c", ""),
            (r#""tab\there\nnew""#, "tab\there\nnew", ""),
            (r#""\a\b\f\r\v""#, "\x07\x08\x0c\r\x0b", ""),
            (r#""b\u00adr""#, "b\u{ad}r", ""),
            (r#""\x7f""#, "\x7f", ""),
            (r#""\U000e0001""#, "\u{e0001}", ""),
            (r#""müller日本""#, "müller日本", ""),
            (r#""""#, "", ""),
        ];
        for (text, value, left) in cases {
            let mut rest = text;
            assert_eq!(quoted(&mut rest).as_deref(), Some(value), "{text}");
            assert_eq!(rest, left);
        }
        for text in ["", "x", "\"open", "\"bad\\q\"", "\"\\u12\"", "\"\\"] {
            assert_eq!(quoted(&mut { text }), None, "{text}");
        }
    }
}
