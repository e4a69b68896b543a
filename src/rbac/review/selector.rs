//! Whether the selectors of a review can be read. RBAC does not look at them; the API server says
//! in its answer when it could not (`pkg/registry/authorization/util/helpers.go`,
//! `k8s.io/apimachinery/pkg/labels`, `pkg/fields`).

use std::borrow::Cow;

use crate::rbac::labels::{is_key, is_value};

/// How much of a selector was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All.
    Read,
    /// Some requirements.
    Partly,
    /// Nothing.
    Unread,
}

impl Outcome {
    fn of(good: usize, all: usize) -> Self {
        match good {
            _ if good == all => Self::Read,
            0 => Self::Unread,
            _ => Self::Partly,
        }
    }
}

/// Operator and values of a requirement.
type Requirement<'s> = (&'s str, &'s [Cow<'s, str>]);

/// A field selector, as text or as requirements that are valid in form.
pub(super) fn read_fields(raw: &str, requirements: &[Requirement<'_>]) -> Outcome {
    if requirements.is_empty() {
        return Outcome::of(usize::from(is_field_selector(raw)), 1);
    }
    let good = requirements
        .iter()
        .filter(|(operator, values)| matches!(*operator, "In" | "NotIn") && values.len() == 1);
    Outcome::of(good.count(), requirements.len())
}

/// A label selector, as text or as requirements that are valid in form.
pub(super) fn read_labels(raw: &str, requirements: &[Requirement<'_>]) -> Outcome {
    if requirements.is_empty() {
        return Outcome::of(usize::from(is_label_selector(raw)), 1);
    }
    let good = requirements
        .iter()
        .filter(|(operator, _)| matches!(*operator, "In" | "NotIn" | "Exists" | "DoesNotExist"));
    Outcome::of(good.count(), requirements.len())
}

/// `a=b,c!=d`: terms between commas, each with an operator; backslash escapes `\`, `,` and `=` in
/// values. An empty term is passed over.
fn is_field_selector(text: &str) -> bool {
    let mut escaped = false;
    let terms = text.split(|c| {
        let splits = c == ',' && !escaped;
        escaped = c == '\\' && !escaped;
        splits
    });
    terms.filter(|term| !term.is_empty()).all(|term| {
        let Some(at) = term.find('=') else {
            return false;
        };
        let after = term.get(at + 1..).unwrap_or_default();
        let before = term.get(..at).unwrap_or_default();
        // `!=` ends with the sign that was found; `==` begins with it.
        let value =
            if before.ends_with('!') { after } else { after.strip_prefix('=').unwrap_or(after) };
        is_field_value(value)
    })
}

fn is_field_value(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' if !matches!(chars.next(), Some('\\' | ',' | '=')) => return false,
            ',' | '=' => return false,
            _ => {}
        }
    }
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'t> {
    Word(&'t str),
    Symbol(&'t str),
    End,
}

/// Cuts a label selector into tokens.
struct Lexer<'t> {
    rest: &'t str,
}

const SPACES: [char; 4] = [' ', '\t', '\r', '\n'];
const SYMBOLS: [char; 7] = ['=', '!', '(', ')', ',', '>', '<'];

impl<'t> Lexer<'t> {
    fn next(&mut self) -> Token<'t> {
        self.rest = self.rest.trim_start_matches(SPACES);
        // Go's lexer takes a zero byte for the end.
        self.rest = self.rest.split('\0').next().unwrap_or_default();
        let Some(first) = self.rest.chars().next() else {
            return Token::End;
        };
        if SYMBOLS.contains(&first) {
            let long = ["==", "!="].into_iter().find(|long| self.rest.starts_with(long));
            let (symbol, rest) = self.rest.split_at(long.map_or(1, str::len));
            self.rest = rest;
            return Token::Symbol(symbol);
        }
        let ends = |c: char| SPACES.contains(&c) || SYMBOLS.contains(&c);
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Token::Word(word)
    }

    fn peek(&self) -> Token<'t> {
        Lexer { rest: self.rest }.next()
    }
}

/// `x in (a,b),y,!z,w=v,n>1`.
fn is_label_selector(text: &str) -> bool {
    let mut lexer = Lexer { rest: text };
    if lexer.peek() == Token::End {
        return true;
    }
    loop {
        if !requirement(&mut lexer) {
            return false;
        }
        match lexer.next() {
            Token::End => return true,
            Token::Symbol(",") => {}
            _ => return false,
        }
    }
}

fn requirement(lexer: &mut Lexer<'_>) -> bool {
    let mut token = lexer.next();
    let negated = token == Token::Symbol("!");
    if negated {
        token = lexer.next();
    }
    let Token::Word(key) = token else {
        return false;
    };
    if !is_key(key) {
        return false;
    }
    if matches!(lexer.peek(), Token::End | Token::Symbol(",")) {
        return true;
    }
    // An operator after `!key` makes the operator count, as in Go.
    match lexer.next() {
        Token::Word("in" | "notin") => values(lexer),
        Token::Symbol("=" | "==" | "!=") => exact(lexer).is_some_and(is_value),
        Token::Symbol(">" | "<") => {
            exact(lexer).is_some_and(|value| is_value(value) && value.parse::<i64>().is_ok())
        }
        _ => false,
    }
}

fn exact<'t>(lexer: &mut Lexer<'t>) -> Option<&'t str> {
    if matches!(lexer.peek(), Token::End | Token::Symbol(",")) {
        return Some("");
    }
    match lexer.next() {
        Token::Word(word) => Some(word),
        _ => None,
    }
}

/// `(a,b)`; values may be empty.
fn values(lexer: &mut Lexer<'_>) -> bool {
    if lexer.next() != Token::Symbol("(") {
        return false;
    }
    loop {
        match lexer.next() {
            Token::Symbol(")") => return true,
            Token::Symbol(",") => {}
            Token::Word(word) => {
                if !is_value(word) || !matches!(lexer.peek(), Token::Symbol("," | ")")) {
                    return false;
                }
            }
            Token::Symbol(_) | Token::End => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_selectors() {
        for good in ["", "a=b", "a==b", "a!=b", "a=b,c!=d", "a=", "=", "a=b,", ",", r"a=b\,c\=d\\"]
        {
            assert!(is_field_selector(good), "{good}");
        }
        for bad in ["a", "a=b,c", "a=b=c", r"a=\x", r"a=b\"] {
            assert!(!is_field_selector(bad), "{bad}");
        }
    }

    #[test]
    fn label_selectors() {
        for good in [
            "",
            " ",
            "a",
            "!a",
            "a=b",
            "a==b",
            "a!=b",
            "a=",
            "a in (b)",
            "a in (b,,c)",
            "a in ()",
            "a notin (in)",
            "in in (in)",
            "example.org/a=b,c",
            "a>1",
            "a < 22",
            "x in (,)",
        ] {
            assert!(is_label_selector(good), "{good}");
        }
        for bad in [
            ",",
            "a,",
            "a=b,,c",
            "!",
            "!!a",
            "a b",
            "a in b",
            "a in (b",
            "a in (b c)",
            "a=b c",
            "=b",
            "a>x",
            "a=(b)",
            "-a",
            "a=-",
            "a in (b))",
            "a/b/c",
        ] {
            assert!(!is_label_selector(bad), "{bad}");
        }
    }

    #[test]
    fn requirements_that_are_unknown_are_told() {
        let one: &[Cow<'_, str>] = &["a".into()];
        let two: &[Cow<'_, str>] = &["a".into(), "b".into()];
        assert_eq!(read_fields("", &[("In", one)]), Outcome::Read);
        assert_eq!(read_fields("", &[("In", one), ("In", two)]), Outcome::Partly);
        assert_eq!(read_fields("", &[("Exists", &[])]), Outcome::Unread);
        assert_eq!(read_labels("", &[("Exists", &[]), ("Gt", one)]), Outcome::Partly);
        assert_eq!(read_labels("", &[("In", two)]), Outcome::Read);
    }
}
