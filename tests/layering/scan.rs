//! Paths named in a Rust file, without a parser: comments, literals and test modules are cut out,
//! `use` trees are expanded, and imported names are put back in full.

use std::collections::BTreeMap;

/// A path as the file means it, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// `crate::model::Name`, `std::fs::read`, `tokio::spawn`, `println!`.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    /// `::`
    Path,
    Mark(char),
}

/// The source with everything that is not code blanked out; line breaks stay.
pub fn code_only(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len());
    let mut at = 0;
    while at < chars.len() {
        let end = skip(&chars, at);
        if end > at {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        } else {
            out.push(chars[at]);
            at += 1;
        }
    }
    out
}

/// Where the comment or literal that starts at `at` ends; `at` itself where none does.
fn skip(chars: &[char], at: usize) -> usize {
    let is = |offset: usize, c: char| chars.get(at + offset) == Some(&c);
    let word_before = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    if is(0, '/') && is(1, '/') {
        return (at..chars.len()).find(|&i| chars[i] == '\n').unwrap_or(chars.len());
    }
    if is(0, '/') && is(1, '*') {
        return block_comment(chars, at);
    }
    if !word_before {
        let raw = match (chars[at], chars.get(at + 1)) {
            ('r', Some('"' | '#')) => Some(at + 1),
            ('b' | 'c', Some('r')) if matches!(chars.get(at + 2), Some('"' | '#')) => Some(at + 2),
            _ => None,
        };
        if let Some(end) = raw.and_then(|from| raw_string(chars, from)) {
            return end;
        }
    }
    if is(0, '"') {
        return quoted(chars, at, '"');
    }
    // A quote opens a character only where it closes again; otherwise it is a lifetime.
    if is(0, '\'') && (is(1, '\\') || is(2, '\'')) {
        return quoted(chars, at, '\'');
    }
    at
}

fn block_comment(chars: &[char], from: usize) -> usize {
    let mut depth = 0;
    let mut at = from;
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => {
                depth += 1;
                at += 2;
            }
            ('*', '/') => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from..].iter().take_while(|&&c| c == '#').count();
    if chars.get(from + hashes) != Some(&'"') {
        return None;
    }
    let mut at = from + hashes + 1;
    while at < chars.len() {
        if chars[at] == '"'
            && chars[at + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
        {
            return Some(at + 1 + hashes);
        }
        at += 1;
    }
    Some(chars.len())
}

fn quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut at = from + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            c if c == quote => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn tokens(code: &str) -> Vec<(Token, usize)> {
    let mut found = Vec::new();
    let mut line = 1;
    let mut rest = code.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\n' => line += 1,
            c if c.is_whitespace() => {}
            c if c.is_alphanumeric() || c == '_' => {
                let mut word = String::from(c);
                while let Some(&next) = rest.peek() {
                    if next.is_alphanumeric() || next == '_' {
                        word.push(next);
                        rest.next();
                    } else {
                        break;
                    }
                }
                found.push((Token::Word(word), line));
            }
            ':' if rest.peek() == Some(&':') => {
                rest.next();
                found.push((Token::Path, line));
            }
            c => found.push((Token::Mark(c), line)),
        }
    }
    found
}

/// Tokens without items under `#[cfg(test)]`.
fn without_tests(tokens: &[(Token, usize)]) -> Vec<(Token, usize)> {
    let marker = ["#", "[", "cfg", "(", "test", ")", "]"];
    let text = |token: &Token| match token {
        Token::Word(word) => word.clone(),
        Token::Path => "::".to_owned(),
        Token::Mark(c) => c.to_string(),
    };
    let mut kept = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let here = tokens[at..].iter().take(marker.len()).map(|(token, _)| text(token));
        if here.eq(marker.iter().map(|&part| part.to_owned())) {
            at = item_end(tokens, at + marker.len());
        } else {
            kept.push(tokens[at].clone());
            at += 1;
        }
    }
    kept
}

/// The end of the item that starts at `at`: its closing brace, or a semicolon before any brace.
fn item_end(tokens: &[(Token, usize)], mut at: usize) -> usize {
    let mut depth = 0usize;
    while at < tokens.len() {
        match tokens[at].0 {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at + 1;
                }
            }
            Token::Mark(';') if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// The module that a file below `src/` is: `src/a/b/mod.rs` and `src/a/b.rs` are `crate::a::b`.
pub fn module_of(file: &str) -> Vec<String> {
    let inner = file.trim_start_matches("src/").trim_end_matches(".rs");
    let mut parts: Vec<String> = vec!["crate".to_owned()];
    parts.extend(inner.split('/').map(str::to_owned));
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

/// Every path that the file names, in full, test modules left out.
pub fn named(file: &str, source: &str) -> Vec<Named> {
    let tokens = without_tests(&tokens(&code_only(source)));
    let mut walk = Walk { module: module_of(file), ..Walk::default() };
    walk.run(&tokens);
    let Walk { uses, paths, local, module, .. } = walk;
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut found = Vec::new();
    for (alias, path, line) in uses {
        known.insert(alias, path.clone());
        found.push(Named { path, line });
    }
    for (path, line) in paths {
        let (first, rest) = path.split_once("::").map_or((&*path, None), |(a, b)| (a, Some(b)));
        let full = match (known.get(first), rest) {
            (Some(head), Some(rest)) => format!("{head}::{rest}"),
            (None, Some(rest)) if local.iter().any(|name| name == first) => {
                format!("{}::{first}::{rest}", module.join("::"))
            }
            _ => path,
        };
        found.push(Named { path: full, line });
    }
    found
}

#[derive(Default)]
struct Walk {
    module: Vec<String>,
    /// Alias, full path, line.
    uses: Vec<(String, String, usize)>,
    /// Paths and macro calls in code.
    paths: Vec<(String, usize)>,
    /// Modules that this file declares.
    local: Vec<String>,
}

impl Walk {
    fn run(&mut self, tokens: &[(Token, usize)]) {
        let mut at = 0;
        while at < tokens.len() {
            let (Token::Word(word), line) = &tokens[at] else {
                at += 1;
                continue;
            };
            let next = tokens.get(at + 1).map(|(token, _)| token);
            match (word.as_str(), next) {
                ("use", _) => at = self.tree(tokens, at + 1, &[]),
                ("mod", Some(Token::Word(name))) => {
                    self.local.push(name.clone());
                    at += 2;
                }
                (_, Some(Token::Mark('!')))
                    if tokens.get(at + 2).is_some_and(|(token, _)| {
                        matches!(token, Token::Mark('(' | '[' | '{'))
                    }) =>
                {
                    self.paths.push((format!("{word}!"), *line));
                    at += 2;
                }
                _ => at = self.inline(tokens, at),
            }
        }
    }

    /// A path in code: words joined by `::`.
    fn inline(&mut self, tokens: &[(Token, usize)], from: usize) -> usize {
        let line = tokens[from].1;
        let mut parts = Vec::new();
        let mut at = from;
        while let Some((Token::Word(word), _)) = tokens.get(at) {
            parts.push(word.clone());
            at += 1;
            let joined = tokens.get(at).map(|(token, _)| token) == Some(&Token::Path);
            if joined && matches!(tokens.get(at + 1), Some((Token::Word(_), _))) {
                at += 1;
            } else {
                break;
            }
        }
        if parts.len() > 1 {
            self.paths.push((self.absolute(&parts).join("::"), line));
        }
        at
    }

    /// One branch of a `use` tree below `stem`; returns the place behind it.
    fn tree(&mut self, tokens: &[(Token, usize)], from: usize, stem: &[String]) -> usize {
        let mut parts = stem.to_vec();
        let mut at = from;
        let mut alias = None;
        while let Some((token, line)) = tokens.get(at) {
            match token {
                Token::Word(word) if word == "as" => {
                    if let Some((Token::Word(name), _)) = tokens.get(at + 1) {
                        alias = Some(name.clone());
                    }
                    at += 2;
                    continue;
                }
                Token::Word(word) => parts.push(word.clone()),
                Token::Path => {}
                Token::Mark('*') => parts.push("*".to_owned()),
                Token::Mark('{') => return self.branches(tokens, at + 1, &parts),
                Token::Mark(_) => {
                    if parts.len() > stem.len() {
                        let mut full = self.absolute(&parts);
                        if full.last().is_some_and(|last| last == "self") {
                            full.pop();
                        }
                        let last = full.last().cloned().unwrap_or_default();
                        self.uses.push((alias.unwrap_or(last), full.join("::"), *line));
                    }
                    return at;
                }
            }
            at += 1;
        }
        at
    }

    fn branches(&mut self, tokens: &[(Token, usize)], from: usize, stem: &[String]) -> usize {
        let mut at = from;
        while let Some((token, _)) = tokens.get(at) {
            match token {
                Token::Mark('}') => return at + 1,
                Token::Mark(',') => at += 1,
                _ => at = self.tree(tokens, at, stem),
            }
        }
        at
    }

    /// `self::`, `super::` and `crate::` resolved against the file's module; anything else as it is.
    fn absolute(&self, parts: &[String]) -> Vec<String> {
        let mut base = self.module.clone();
        let mut rest = parts;
        let mut relative = false;
        while let Some(first) = rest.first() {
            match first.as_str() {
                "self" if rest.len() > 1 => {}
                "super" => {
                    base.pop();
                }
                _ => break,
            }
            relative = true;
            rest = &rest[1..];
        }
        if relative {
            base.extend(rest.iter().cloned());
            base
        } else if parts.first().is_some_and(|first| first == "keybook") {
            // The binary's view of the library.
            let mut full = vec!["crate".to_owned()];
            full.extend(parts[1..].iter().cloned());
            full
        } else {
            parts.to_vec()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(file: &str, source: &str) -> Vec<String> {
        named(file, source).into_iter().map(|named| named.path).collect()
    }

    #[test]
    fn trees_are_expanded_and_names_put_back_in_full() {
        let source = "use std::{fs, io::{self, Read as R}};\nuse chrono::Utc;\n\
                      fn f() { let _ = fs::read(\"x\"); Utc::now(); io::stdin(); }";
        assert_eq!(
            paths("src/model/x.rs", source),
            [
                "std::fs",
                "std::io",
                "std::io::Read",
                "chrono::Utc",
                "std::fs::read",
                "chrono::Utc::now",
                "std::io::stdin"
            ]
        );
    }

    #[test]
    fn relative_paths_become_absolute() {
        let source = "use super::super::rbac; use self::deep::X; mod kube; fn f() { kube::go() }";
        assert_eq!(
            paths("src/cluster/mod.rs", source),
            // Two steps up from `crate::cluster` leave the crate; what matters is that nothing
            // is mistaken for an external crate.
            ["rbac", "crate::cluster::deep::X", "crate::cluster::kube::go"]
        );
        assert_eq!(paths("src/a/b.rs", "use super::c::D;"), ["crate::a::c::D"]);
    }

    #[test]
    fn comments_literals_and_tests_are_no_code() {
        let source = "// use std::fs;\n/* tokio::spawn /* nested */ */\nfn f<'a>() { \
                      let _ = (\"kube::x\", r#\"std::net::\"#, 'x', '\\'', b\"ratatui::y\"); }\n\
                      #[cfg(test)]\nmod tests { use std::fs; fn g() {} }\nfn h() { a::b() }";
        assert_eq!(paths("src/model/x.rs", source), ["a::b"]);
    }

    #[test]
    fn lines_are_counted_and_macros_seen() {
        let found = named("src/model/x.rs", "fn f() {\n  println!(\"x\");\n  if a != (b) {}\n}");
        assert_eq!(found, [Named { path: "println!".to_owned(), line: 2 }]);
    }
}
