//! How a text of a query is compared with a text of the cluster. Never by case.

use std::ops::Range;

use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern as Fuzzy};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use regex::{Regex, RegexBuilder};

/// A text to compare with.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    /// Part of the text.
    Part(String),
    /// The whole text, with `*` and `?` as wildcards.
    Whole(Regex),
    /// A regular expression, anywhere in the text.
    Regex(Regex),
    /// Letters in this order.
    Letters(String),
}

fn regex(source: &str) -> Result<Regex, String> {
    RegexBuilder::new(source).case_insensitive(true).size_limit(1 << 20).build().map_err(|error| {
        // The last line of the parser's message says what; the rest draws the place.
        let text = error.to_string();
        let last = text.lines().last().unwrap_or_default();
        format!("not a regular expression: {}", last.trim_start_matches("error: "))
    })
}

impl Pattern {
    /// A word: part of a name.
    pub(super) fn word(text: &str) -> Self {
        Self::Part(text.to_lowercase())
    }

    /// Letters in order.
    pub(super) fn letters(text: &str) -> Self {
        Self::Letters(text.to_lowercase())
    }

    /// A regular expression.
    pub(super) fn expression(source: &str) -> Result<Self, String> {
        regex(source).map(Self::Regex)
    }

    /// A value: the whole text with wildcards, or a regular expression after `~`.
    pub(super) fn value(text: &str) -> Result<Self, String> {
        if let Some(source) = text.strip_prefix('~') {
            return Self::expression(source);
        }
        let mut source = String::from("^(?s:");
        for c in text.chars() {
            match c {
                '*' => source.push_str(".*"),
                '?' => source.push('.'),
                c => source.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        source.push_str(")$");
        regex(&source).map(Self::Whole)
    }

    /// Whether it fits a text.
    pub(super) fn fits(&self, text: &str) -> bool {
        match self {
            Self::Part(part) => contains(text, part),
            Self::Whole(regex) | Self::Regex(regex) => regex.is_match(text),
            Self::Letters(letters) => fuzzy(letters, text).is_some(),
        }
    }

    /// Where in a text it is found.
    pub(super) fn positions(&self, text: &str) -> Vec<Range<usize>> {
        match self {
            Self::Part(part) => find(text, part).into_iter().collect(),
            Self::Whole(regex) | Self::Regex(regex) => {
                regex.find(text).map(|found| found.range()).into_iter().collect()
            }
            Self::Letters(letters) => fuzzy(letters, text).unwrap_or_default(),
        }
    }
}

fn contains(text: &str, part: &str) -> bool {
    find(text, part).is_some()
}

/// Where `part` (lower case) is in `text`. Names are nearly always ASCII, and compared in place.
fn find(text: &str, part: &str) -> Option<Range<usize>> {
    if part.is_empty() {
        return Some(0..0);
    }
    if text.is_ascii() && part.is_ascii() {
        let at = text
            .as_bytes()
            .windows(part.len())
            .position(|window| window.eq_ignore_ascii_case(part.as_bytes()))?;
        return Some(at..at + part.len());
    }
    // Lower case may be longer or shorter; the place is looked for among the starts of characters.
    text.char_indices().find_map(|(at, _)| {
        let mut want = part.chars();
        let mut end = at;
        for c in text[at..].chars() {
            if want.as_str().is_empty() {
                break;
            }
            for lower in c.to_lowercase() {
                if want.next() != Some(lower) {
                    return None;
                }
            }
            end += c.len_utf8();
        }
        want.as_str().is_empty().then_some(at..end)
    })
}

/// Where the letters are in a text, one range a letter, or None.
fn fuzzy(letters: &str, text: &str) -> Option<Vec<Range<usize>>> {
    let pattern = Fuzzy::new(letters, CaseMatching::Ignore, Normalization::Never, AtomKind::Fuzzy);
    let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
    let mut buffer = Vec::new();
    let mut at = Vec::new();
    pattern.indices(Utf32Str::new(text, &mut buffer), &mut matcher, &mut at)?;
    at.sort_unstable();
    at.dedup();
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    let range = |index: &u32| {
        let (start, c) = *chars.get(*index as usize)?;
        Some(start..start + c.len_utf8())
    };
    Some(at.iter().filter_map(range).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_found_whatever_its_case() {
        let word = Pattern::word("Jane");
        assert!(word.fits("JANE@corp.example") && word.fits("x-jane") && !word.fits("jan"));
        assert_eq!(word.positions("x-JANE"), vec![2..6]);
        assert_eq!(Pattern::word("ö").positions("jÖrg"), vec![1..3]);
        // The lower case of this letter is two letters.
        assert!(Pattern::word("i\u{307}x").fits("\u{130}X"));
        assert!(Pattern::word("").fits(""));
    }

    #[test]
    fn a_value_is_the_whole_text() {
        let fits = |value: &str, text: &str| Pattern::value(value).unwrap().fits(text);
        assert!(fits("pay", "pay") && fits("pay", "PAY") && !fits("pay", "payments"));
        assert!(fits("pay*", "payments") && fits("p?y", "pay") && !fits("p?y", "paay"));
        assert!(fits("a.b", "a.b") && !fits("a.b", "axb"));
        assert!(fits("~^pay|ops$", "devops") && !fits("~^ops$", "devops"));
    }

    #[test]
    fn a_broken_expression_says_why() {
        let error = Pattern::expression("a(").unwrap_err();
        assert!(error.contains("unclosed group"), "{error}");
    }

    #[test]
    fn letters_are_found_in_their_order() {
        let letters = Pattern::letters("dpl");
        assert!(letters.fits("ci/deployer") && !letters.fits("ci/lpd"));
        assert_eq!(letters.positions("depl"), [0..1, 2..3, 3..4]);
    }
}
