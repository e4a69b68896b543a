//! Text from clusters and logs, made safe to show.
//!
//! User names come from certificates, tokens and headers, so whoever asks chooses them: a control
//! character could drive the terminal, a bidirectional or invisible one make one name look like
//! another.

use std::borrow::Cow;

/// Whether a character may not reach a screen as it is.
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Invisible, and letters that look like nothing.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}'
            | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
            // Bidirectional marks, embeddings, overrides and isolates.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{206f}'
            // Line and paragraph separators; spaces that are none to the eye stay.
            | '\u{2028}' | '\u{2029}')
}

/// A name, or `""` for the empty one, which `resourceNames` may hold.
pub fn or_quotes(name: &str) -> &str {
    if name.is_empty() { "\"\"" } else { name }
}

/// What somebody else wrote, set off from words of keybook's own: in quotes, those within it escaped.
pub fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// A user agent in quotes, without the commit that clients put behind it.
pub fn quoted_agent(agent: &str) -> String {
    quoted(agent.split_once(") ").map_or(agent, |(head, _)| &agent[..=head.len()]))
}

/// A text as one word of a shell's command line.
pub fn shell_word(text: String) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "-_.,:/@=+".contains(one);
    let is_word = !text.is_empty() && text.chars().all(plain);
    if is_word { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// The text with every control, invisible and bidirectional character written out, as
/// `\u{202e}`. Line breaks and tabs are control characters too: a name has one line.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) || !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_hidden(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// A name as it is shown where people tell names apart by eye: what makes one look like another is
/// written out too. That is every space but a single one within, every accent that is a character of
/// its own, every sign that looks like one of ASCII, and in a word of ASCII letters those of scripts
/// whose letters look the same. An empty name is `""`.
pub fn distinct(name: &str) -> Cow<'_, str> {
    if name.is_empty() {
        return Cow::Borrowed("\"\"");
    }
    let plain = |byte: u8| (0x21..0x7f).contains(&byte) && byte != b'\\';
    if name.bytes().all(plain) {
        return Cow::Borrowed(name);
    }
    let chars: Vec<char> = name.chars().collect();
    let mut shown = String::with_capacity(name.len() + 8);
    let mut word_end = 0;
    let mut mixed = false;
    for (at, &c) in chars.iter().enumerate() {
        if at >= word_end {
            let word = chars[at..].iter().take_while(|c| c.is_alphanumeric());
            word_end = at + word.clone().count().max(1);
            mixed = word.clone().any(char::is_ascii_alphabetic);
        }
        let next = chars.get(at + 1);
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let written_out = match c {
            // Else a name could spell what is written out of another.
            '\\' => next == Some(&'u') && chars.get(at + 2) == Some(&'{'),
            ' ' => [before, next].iter().any(|beside| matches!(beside, None | Some(' '))),
            c => is_hidden(c) || is_sign_alike(c) || (mixed && is_letter_alike(c)),
        };
        if written_out {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    if shown == name { Cow::Borrowed(name) } else { Cow::Owned(shown) }
}

/// A name as [`distinct`] and [`printable`] write it, back to what it is: `\u{202e}` is the character.
pub fn read_back(shown: &str) -> Cow<'_, str> {
    let mut rest = shown;
    let mut name = String::new();
    while let Some(at) = rest.find("\\u{") {
        let (before, from) = rest.split_at(at);
        name.push_str(before);
        let written = from[3..].split_once('}').and_then(|(digits, after)| {
            let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32)?;
            Some((c, after))
        });
        let (c, after) = written.unwrap_or(('\\', &from[1..]));
        name.push(c);
        rest = after;
    }
    if name.is_empty() && rest.len() == shown.len() {
        return Cow::Borrowed(shown);
    }
    name.push_str(rest);
    Cow::Owned(name)
}

/// A text that [`read_back`] gives back as it is: one that spells what is written out of another is
/// written out itself.
pub fn read_as_is(text: &str) -> Cow<'_, str> {
    if text.contains("\\u{") { text.replace("\\u{", "\\u{5c}u{").into() } else { text.into() }
}

/// Whether a space, an accent or a sign looks like one of ASCII, or changes the letter before it.
fn is_sign_alike(c: char) -> bool {
    (c.is_whitespace() && c != ' ')
        || matches!(c,
            '\u{300}'..='\u{36f}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
            | '\u{2b9}'..='\u{2df}' | '\u{589}' | '\u{5c3}' | '\u{2010}'..='\u{2015}'
            | '\u{2018}'..='\u{201f}' | '\u{2024}' | '\u{2032}' | '\u{2039}' | '\u{203a}'
            | '\u{2044}' | '\u{2053}' | '\u{2212}' | '\u{2215}' | '\u{2217}' | '\u{2223}'
            | '\u{2236}' | '\u{223c}' | '\u{29f8}' | '\u{a789}' | '\u{fe10}'..='\u{fe19}'
            | '\u{fe30}'..='\u{fe6b}' | '\u{ff00}'..='\u{ff5e}')
}

/// Whether a letter is of a script, or a style, that has letters like the Latin ones.
fn is_letter_alike(c: char) -> bool {
    matches!(c,
        '\u{250}'..='\u{2af}' | '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{52f}'
        | '\u{530}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}'
        | '\u{1d00}'..='\u{1dbf}' | '\u{1f00}'..='\u{1fff}' | '\u{2100}'..='\u{218f}'
        | '\u{2c80}'..='\u{2cff}' | '\u{2de0}'..='\u{2dff}' | '\u{a4d0}'..='\u{a4ff}'
        | '\u{a640}'..='\u{a69f}' | '\u{ab30}'..='\u{abbf}' | '\u{1d400}'..='\u{1d7ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_the_same_are_shown_apart() {
        for (name, shown) in [
            ("jane@corp.example", "jane@corp.example"),
            ("jane@corp.example ", "jane@corp.example\\u{20}"),
            (" jane", "\\u{20}jane"),
            ("jane doe", "jane doe"),
            ("jane  doe", "jane\\u{20}\\u{20}doe"),
            ("jane\u{a0}doe", "jane\\u{a0}doe"),
            // A Cyrillic letter among Latin ones; a word of its own script stays.
            ("j\u{430}ne@corp.example", "j\\u{430}ne@corp.example"),
            ("иван@corp.example", "иван@corp.example"),
            ("日本語-dev", "日本語-dev"),
            ("Jörg Müller", "Jörg Müller"),
            ("e\u{301}clair", "e\\u{301}clair"),
            ("ci\u{2010}deployer", "ci\\u{2010}deployer"),
            ("ci\u{2215}deployer", "ci\\u{2215}deployer"),
            ("CORP\\bob", "CORP\\bob"),
            ("a\\u{202e}", "a\\u{5c}u{202e}"),
            ("a\u{202e}", "a\\u{202e}"),
            ("", "\"\""),
        ] {
            assert_eq!(distinct(name), shown, "{name:?}");
            if !name.is_empty() {
                assert_eq!(read_back(shown), name);
            }
        }
    }

    #[test]
    fn what_cannot_be_seen_is_written_out() {
        assert_eq!(printable("a\u{1b}[31mb"), "a\\u{1b}[31mb");
        assert_eq!(printable("a\u{9b}31mb"), "a\\u{9b}31mb");
        assert_eq!(printable("admin\u{202e}x"), "admin\\u{202e}x");
        assert_eq!(printable("a\u{200b}b\nc\td\u{7f}"), "a\\u{200b}b\\u{a}c\\u{9}d\\u{7f}");
        assert_eq!(printable("\u{2066}x\u{2069}\u{e0041}"), "\\u{2066}x\\u{2069}\\u{e0041}");
    }

    #[test]
    fn ordinary_text_of_any_script_stays() {
        for text in ["jane@corp.example", "Jörg Müller", "日本語", "עברית", "a\\u{202e}", ""]
        {
            assert!(matches!(printable(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn what_is_no_character_written_out_stays() {
        for text in ["a\\b", "\\u{", "\\u{}", "\\u{110000}", "\\u{x}", "CORP\\u", "a\\u{202e"] {
            assert_eq!(read_back(text), text);
        }
        assert_eq!(read_back("\\u{5c}u{202e}\\u{41}"), "\\u{202e}A");
    }
}
