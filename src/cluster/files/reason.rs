//! Parser messages without any of the text that was parsed: it may be a Secret's data.

/// What kinds of value a serde message may name.
const SHAPES: [&str; 12] = [
    "string",
    "integer",
    "floating point",
    "boolean",
    "sequence",
    "map",
    "null",
    "unit value",
    "character",
    "byte array",
    "Option value",
    "enum",
];

/// Fields whose absence a message may name; they are keybook's own words.
const FIELDS: [&str; 6] = ["metadata", "roleRef", "type", "name", "kind", "apiVersion"];

/// Messages of the parsers about syntax; none of them quotes the input.
const SYNTAX: [&str; 26] = [
    "EOF while parsing",
    "expected `:`",
    "expected `,` or `]`",
    "expected `,` or `}`",
    "expected ident",
    "expected value",
    "expected `\"`",
    "invalid escape",
    "invalid number",
    "number out of range",
    "invalid unicode code point",
    "control character",
    "key must be a string",
    "lone leading surrogate in hex escape",
    "trailing comma",
    "trailing characters",
    "unexpected end of hex escape",
    "recursion limit exceeded",
    "repetition limit exceeded",
    "did not find expected",
    "mapping values are not allowed in this context",
    "found character that cannot start any token",
    "found unexpected end of stream",
    "could not find expected",
    "found a tab character",
    "block sequence entries are not allowed in this context",
];

/// The message cut to words that are certainly the parser's own.
pub(super) fn safe(message: &str) -> String {
    // "invalid type: string \"…\", expected a map": the shape before the quote, and what stands
    // after the last "expected", are not the input's.
    for kind in ["invalid type: ", "invalid value: ", "invalid length "] {
        let Some((_, rest)) = message.split_once(kind) else {
            continue;
        };
        let shape = SHAPES.iter().find(|shape| rest.starts_with(**shape));
        let expected = match (shape, rest.rsplit_once(", expected ")) {
            (Some(_), Some((_, tail))) => Some(without_position(tail)),
            _ => None,
        };
        return match (shape, expected.and_then(own_words)) {
            (Some(shape), Some(expected)) => format!("{shape} in place of {expected}"),
            (Some(shape), None) => format!("{shape} where another kind of value belongs"),
            (None, _) => "a value of the wrong kind".to_owned(),
        };
    }
    for (kind, words) in [("missing field `", "without"), ("duplicate field `", "with twice")] {
        if let Some((_, rest)) = message.split_once(kind)
            && let Some((field, _)) = rest.split_once('`')
            && let Some(field) = FIELDS.iter().find(|known| **known == field)
        {
            return format!("{words} {field}");
        }
    }
    if message.starts_with("duplicate field `") {
        return "the same field twice".to_owned();
    }
    SYNTAX
        .iter()
        .find(|words| message.contains(**words))
        .map_or_else(|| "not in the expected form".to_owned(), |words| (*words).to_owned())
}

/// `a map at line 3 column 4` without its position, which is said elsewhere.
fn without_position(text: &str) -> &str {
    text.split_once(" at line ").map_or(text, |(words, _)| words)
}

/// What is expected, where it is one of serde's plain words.
fn own_words(expected: &str) -> Option<&'static str> {
    [
        ("a string", "a string"),
        ("string", "a string"),
        ("a map", "a map"),
        ("a sequence", "a list"),
        ("a boolean", "true or false"),
        ("i64", "a number"),
        ("a formatted date and time string", "a date and time"),
        ("an RFC 3339 formatted date and time string", "a date and time"),
    ]
    .into_iter()
    .find(|(theirs, _)| expected == *theirs)
    .map(|(_, ours)| ours)
    .or_else(|| expected.starts_with("struct ").then_some("a map"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parsers_words_stay_and_the_texts_go() {
        assert_eq!(
            safe(
                "invalid type: string \"hunter2, expected a map\", expected a sequence at line 1 column 9"
            ),
            "string in place of a list"
        );
        assert_eq!(safe("invalid type: hunter2, expected a map"), "a value of the wrong kind");
        assert_eq!(safe("missing field `roleRef` at line 1 column 2"), "without roleRef");
        assert_eq!(safe("missing field `hunter2`"), "not in the expected form");
        assert_eq!(safe("EOF while parsing a string at line 1 column 2"), "EOF while parsing");
        assert_eq!(safe("data.hunter2: unknown variant `hunter2`"), "not in the expected form");
    }
}
