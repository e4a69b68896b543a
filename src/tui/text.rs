//! Text in columns: as wide as the terminal draws it, cut between graphemes, made safe to show.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::model::{noun, printable};

/// What stands for text that was cut off.
pub const ELLIPSIS: &str = "…";

/// How many columns a text takes, once it is made safe to show.
pub fn width(text: &str) -> usize {
    printable(text).width()
}

/// The text made safe to show and at most `columns` wide; what is cut off is marked by `…`.
pub fn fit(text: &str, columns: usize) -> Cow<'_, str> {
    let shown = printable(text);
    if shown.width() <= columns {
        return shown;
    }
    if columns == 0 {
        return Cow::Borrowed("");
    }
    let mut cut = String::new();
    for grapheme in shown.graphemes(true) {
        if together(&cut, grapheme) + 1 > columns {
            break;
        }
        cut.push_str(grapheme);
    }
    cut.push_str(ELLIPSIS);
    Cow::Owned(cut)
}

/// How many columns two texts take, one behind the other: in some scripts not the sum of both.
fn together(one: &str, other: &str) -> usize {
    if one.is_ascii() || other.is_ascii() {
        return one.width() + other.width();
    }
    [one, other].concat().width()
}

/// The text in lines of at most `columns`, broken at spaces where there are any.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in printable(text).split(' ').filter(|word| !word.is_empty()) {
        // Nothing joins over a space.
        let space = usize::from(!line.is_empty());
        if line.width() + space + word.width() <= columns {
            line.push_str(if space == 1 { " " } else { "" });
            line.push_str(word);
            continue;
        }
        if !line.is_empty() {
            lines.push(std::mem::take(&mut line));
        }
        // A word longer than a line is broken where it ends.
        for piece in pieces(word, columns) {
            if together(&line, piece) > columns && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(piece);
        }
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The graphemes of a word; one that is wider than `columns` (marks of some scripts take columns of
/// their own) in its characters.
fn pieces(word: &str, columns: usize) -> impl Iterator<Item = &str> {
    word.graphemes(true).flat_map(move |grapheme| {
        let whole = grapheme.width() <= columns;
        let characters = grapheme.char_indices().map(|(at, c)| &grapheme[at..at + c.len_utf8()]);
        let characters = characters.filter(move |_| !whole);
        whole.then_some(grapheme).into_iter().chain(characters)
    })
}

/// A figure with its thousands set apart: `12,345`.
pub fn figure(count: u64) -> String {
    let digits = count.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A figure in at most five columns: `9,999`, `12k`, `3.4M`.
pub fn short_figure(count: u64) -> String {
    const UNITS: [(u64, &str); 4] =
        [(1_000_000_000_000, "T"), (1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")];
    if count < 10_000 {
        return figure(count);
    }
    for (unit, name) in UNITS {
        if count >= unit {
            let (whole, tenth) = (count / unit, count % unit * 10 / unit);
            return if whole < 10 {
                format!("{whole}.{tenth}{name}")
            } else {
                format!("{whole}{name}")
            };
        }
    }
    count.to_string()
}

/// `1 grant`, `2 grants`.
pub fn plural(count: impl TryInto<u64>, one: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{} {}", figure(count), noun(count, one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_too_wide_is_cut_and_marked() {
        assert_eq!(fit("deployer", 8), "deployer");
        assert_eq!(fit("deployers", 8), "deploye…");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 1), "…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit("a\u{202e}b", 40), "a\\u{202e}b");
    }

    #[test]
    fn long_text_is_wrapped_at_spaces() {
        assert_eq!(wrap("the grant was never used", 10), ["the grant", "was never", "used"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("", 3), [""]);
        // One grapheme, and wider than the line.
        for line in wrap("🌀𑤷\u{b01}", 2) {
            assert!(line.width() <= 2, "{line:?}");
        }
    }

    #[test]
    fn figures_are_short_and_legible() {
        assert_eq!(figure(1_234_567), "1,234,567");
        assert_eq!(figure(0), "0");
        for (count, shown) in
            [(9_999, "9,999"), (12_345, "12k"), (1_050_000, "1.0M"), (999_999_999, "999M")]
        {
            assert_eq!(short_figure(count), shown);
        }
        assert_eq!(plural(1, "identity"), "1 identity");
        assert_eq!(plural(1_200, "identity"), "1,200 identities");
        assert_eq!(plural(2, "day"), "2 days");
    }

    proptest! {
        #[test]
        fn nothing_is_wider_than_asked(text in any::<String>(), columns in 0usize..60) {
            prop_assert!(fit(&text, columns).width() <= columns);
        }

        #[test]
        fn wrapped_lines_are_no_wider(text in any::<String>(), columns in 2usize..60) {
            for line in wrap(&text, columns) {
                prop_assert!(line.width() <= columns, "{line:?}");
            }
        }
    }
}
