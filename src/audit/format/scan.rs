//! Finding where JSON values end, without reading them.

/// Why a value cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The bytes end inside it.
    CutOff,
    /// It is no JSON.
    Malformed,
}

/// The place of the quote that ends the string whose first byte is at `at`.
pub fn string_end(json: &[u8], mut at: usize) -> Result<usize, Broken> {
    loop {
        at = next_special(json, at)?;
        match json[at] {
            b'"' => return Ok(at),
            b'\\' => at += 2,
            _ => return Err(Broken::Malformed),
        }
    }
}

/// The next quote, backslash or control character.
fn next_special(json: &[u8], mut at: usize) -> Result<usize, Broken> {
    while let Some(eight) = json.get(at..).and_then(<[u8]>::first_chunk) {
        let found = specials(u64::from_le_bytes(*eight));
        if found != 0 {
            return Ok(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = json.get(at..).ok_or(Broken::CutOff)?;
    let found = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
    found.map(|more| at + more).ok_or(Broken::CutOff)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// The high bit of the first byte, of eight, that is a quote, a backslash or a control character;
/// bits above it may be wrong.
fn specials(eight: u64) -> u64 {
    let is = |byte: u8| {
        let differing = eight ^ (ONES * u64::from(byte));
        differing.wrapping_sub(ONES) & !differing
    };
    let control = eight.wrapping_sub(ONES * 0x20) & !eight;
    (is(b'"') | is(b'\\') | control) & HIGHS
}

/// The place behind the value that begins at `at`.
pub fn value_end(json: &[u8], at: usize) -> Result<usize, Broken> {
    match json.get(at).ok_or(Broken::CutOff)? {
        b'"' => Ok(string_end(json, at + 1)? + 1),
        b'{' | b'[' => nested_end(json, at + 1),
        b'-' | b'0'..=b'9' | b't' | b'f' | b'n' => {
            let rest = &json[at..];
            let word =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
            let more = rest.iter().position(|byte| !word(byte));
            more.map(|more| at + more).ok_or(Broken::CutOff)
        }
        _ => Err(Broken::Malformed),
    }
}

fn nested_end(json: &[u8], mut at: usize) -> Result<usize, Broken> {
    let mut depth = 1u32;
    loop {
        match json.get(at).ok_or(Broken::CutOff)? {
            b'"' => at = string_end(json, at + 1)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            0 => return Err(Broken::Malformed),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Ok(at);
        }
    }
}

/// The place of the first byte from `at` on that is no white space.
pub fn skip_space(json: &[u8], mut at: usize) -> usize {
    while matches!(json.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_end_where_they_end() {
        for (json, end) in [
            (r#""abc","#, 5),
            (r#""a\"b\\","#, 8),
            (r#""a string of more than eight bytes \" and on" "#, 45),
            (r#"{"a":{"b":"}"},"c":[1,2]},"#, 25),
            ("[[],[]]]", 7),
            ("-1.5e3}", 6),
            ("null ,", 4),
            ("\"日本日本日本\",", 20),
        ] {
            assert_eq!(value_end(json.as_bytes(), 0), Ok(end), "{json}");
        }
        for json in
            [r#""abc"#, r#""abc\"#, r#"{"a":1"#, "[", "12", "", r#""long enough to see eight"#]
        {
            assert_eq!(value_end(json.as_bytes(), 0), Err(Broken::CutOff), "{json}");
        }
        for json in ["x", "}", "\"a\nb\"", "\"a\0bcdefghijk\"", "{\0}"] {
            assert_eq!(value_end(json.as_bytes(), 0), Err(Broken::Malformed), "{json}");
        }
    }

    #[test]
    fn every_special_byte_is_found_at_every_place() {
        for special in (0..0x20).chain([b'"', b'\\']) {
            for place in 0..20 {
                let mut text = vec![0xc3u8; 20];
                text[place] = special;
                assert_eq!(next_special(&text, 0), Ok(place), "{special:#x}");
            }
        }
        let plain: Vec<u8> = (0x20..=0xff).filter(|b| !matches!(b, b'"' | b'\\')).collect();
        assert_eq!(next_special(&plain, 0), Err(Broken::CutOff));
    }
}
