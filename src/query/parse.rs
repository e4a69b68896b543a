//! From text to terms.

use chrono::TimeDelta;

use super::QueryError;
use super::can::Right;
use super::pattern::Pattern;
use super::term::{State, Term, Than};
use crate::book::{Severity, Tier};
use crate::model::{SubjectKind, read_back};

/// The keys of the grammar with what may follow, for completion and help.
pub const KEYS: &[(&str, &str)] = &[
    ("kind", "user, group or sa"),
    ("user", "name of a user"),
    ("sa", "NAMESPACE/NAME"),
    ("name", "name, * and ? are wildcards"),
    ("group", "name of a group: its members and itself"),
    ("ns", "namespace: its accounts, and who holds a grant there"),
    ("scope", "cluster or namespace"),
    ("role", "name of a role"),
    ("can", "VERB/RESOURCE[.GROUP][/SUB][@NAMESPACE]"),
    (
        "tier",
        "none, discovery-only, read, namespace-write, namespace-admin, reads-secrets, cluster-write, cluster-admin",
    ),
    ("finding", "name of a rule, or any"),
    ("severity", "info, low, medium, high, critical; >= before it"),
    ("seen", "<7d, >30d, never or denied"),
    ("used", "0, >5 or <10%"),
    ("agent", "user agent"),
    ("address", "address"),
    ("cluster", "name of a cluster"),
    ("is", "idle, dangling, shared, admin or system"),
];

const TIERS: [Tier; 8] = [
    Tier::None,
    Tier::DiscoveryOnly,
    Tier::Read,
    Tier::NamespaceWrite,
    Tier::NamespaceAdmin,
    Tier::ReadsSecrets,
    Tier::ClusterWrite,
    Tier::ClusterAdmin,
];

const SEVERITIES: [Severity; 5] =
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// A term's text, cut up.
struct Raw {
    /// Where it starts, in characters from 1.
    at: usize,
    negated: bool,
    /// The text before the colon, where it is not quoted.
    key: Option<String>,
    /// The rest, quotes taken off.
    value: String,
    /// Where that starts.
    value_at: usize,
    /// Whether all of the value was quoted: then it is a plain word.
    quoted: bool,
}

/// Reads all terms.
pub(super) fn terms(text: &str) -> Result<Vec<(bool, Term)>, QueryError> {
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    let mut terms = Vec::new();
    loop {
        while chars.get(at).is_some_and(|c| c.is_whitespace()) {
            at += 1;
        }
        if at >= chars.len() {
            return Ok(terms);
        }
        let (raw, next) = cut(&chars, at)?;
        at = next;
        terms.push((raw.negated, term(&raw)?));
    }
}

/// Cuts one term off at `at`; returns it and where the next may start.
fn cut(chars: &[char], mut at: usize) -> Result<(Raw, usize), QueryError> {
    let start = at;
    let negated = matches!(chars.get(at), Some('!' | '-')) && {
        at += 1;
        true
    };
    let mut raw = Raw {
        at: start + 1,
        negated,
        key: None,
        value: String::new(),
        value_at: at + 1,
        quoted: false,
    };
    let mut plain = false;
    while let Some(&c) = chars.get(at).filter(|c| !c.is_whitespace()) {
        match c {
            '"' => {
                let open = at;
                at += 1;
                loop {
                    match chars.get(at) {
                        Some('"') => break,
                        Some('\\') if matches!(chars.get(at + 1), Some('"' | '\\')) => {
                            raw.value.push(chars[at + 1]);
                            at += 2;
                        }
                        Some(&c) => {
                            raw.value.push(c);
                            at += 1;
                        }
                        None => return Err(error(open + 1, "this quote is never closed")),
                    }
                }
                raw.quoted = true;
            }
            ':' if raw.key.is_none() && !raw.quoted && is_key(&raw.value) => {
                raw.key = Some(std::mem::take(&mut raw.value).to_lowercase());
                raw.value_at = at + 2;
                plain = false;
            }
            c => {
                raw.value.push(c);
                plain = true;
            }
        }
        at += 1;
    }
    raw.quoted &= !plain;
    if raw.value.is_empty() && !raw.quoted {
        let expected = match &raw.key {
            Some(key) => expected(key),
            None => "expected a word or key:value after the negation".to_owned(),
        };
        return Err(error(raw.value_at, expected));
    }
    Ok((raw, at))
}

/// Whether a text before a colon is a key. Names have colons too (`system:masters`): what is no
/// key, and no slip of one, is part of a word.
fn is_key(text: &str) -> bool {
    KEYS.iter().any(|(key, _)| key.eq_ignore_ascii_case(text))
}

fn error(at: usize, expected: impl Into<String>) -> QueryError {
    QueryError { at, expected: expected.into() }
}

fn expected(key: &str) -> String {
    let what = KEYS.iter().find(|(have, _)| *have == key).map_or("a value", |(_, what)| what);
    format!("{key}: expected {what}")
}

fn term(raw: &Raw) -> Result<Term, QueryError> {
    let Some(key) = &raw.key else {
        return word(raw);
    };
    let value = raw.value.as_str();
    let wrong = || error(raw.value_at, expected(key));
    let pattern = || Pattern::value(value).map_err(|what| error(raw.value_at, what));
    let lower = value.to_lowercase();
    Ok(match key.as_str() {
        "kind" => Term::Kind(match lower.as_str() {
            "user" | "users" | "u" => SubjectKind::User,
            "group" | "groups" | "g" => SubjectKind::Group,
            "sa" | "s" | "serviceaccount" | "serviceaccounts" => SubjectKind::ServiceAccount,
            _ => return Err(wrong()),
        }),
        "user" => Term::Named(SubjectKind::User, pattern()?),
        "sa" => Term::Named(SubjectKind::ServiceAccount, pattern()?),
        "name" => Term::Name(pattern()?),
        "group" => Term::Group(pattern()?),
        "ns" => Term::Namespace(pattern()?),
        "scope" => Term::ClusterScope(match lower.as_str() {
            "cluster" => true,
            "namespace" => false,
            _ => return Err(wrong()),
        }),
        "role" => Term::Role(pattern()?),
        "can" => Term::Can(Right::parse(value).map_err(|what| error(raw.value_at, what))?),
        "tier" => {
            let (at_least, name) = at_least(&lower);
            let tier = TIERS.into_iter().find(|tier| fold(tier.as_str()) == fold(name));
            Term::Tier { at_least, tier: tier.ok_or_else(wrong)? }
        }
        "finding" if lower == "any" || lower == "*" => Term::AnyFinding,
        "finding" => Term::Finding(pattern()?),
        "severity" => {
            let (at_least, name) = at_least(&lower);
            let severity = SEVERITIES.into_iter().find(|severity| severity.as_str() == name);
            Term::Severity { at_least, severity: severity.ok_or_else(wrong)? }
        }
        "seen" => seen(&lower).ok_or_else(wrong)?,
        "used" => used(&lower).ok_or_else(wrong)?,
        "agent" => Term::Agent(pattern()?),
        "address" => Term::Address(pattern()?),
        "cluster" => Term::Cluster(pattern()?),
        _ => Term::Is(state(&lower).ok_or_else(wrong)?),
    })
}

fn word(raw: &Raw) -> Result<Term, QueryError> {
    let text = raw.value.as_str();
    if raw.quoted {
        return Ok(Term::Word(Pattern::word(text)));
    }
    if let Some(source) = text.strip_prefix('~') {
        let pattern = Pattern::expression(source);
        return pattern.map(Term::Word).map_err(|what| error(raw.value_at + 1, what));
    }
    if let Some(letters) = text.strip_prefix('%') {
        return Ok(Term::Word(Pattern::letters(letters)));
    }
    if is_state(text)
        && let Some(state) = state(text)
    {
        return Ok(Term::Is(state));
    }
    if let Some(key) = text.split_once(':').and_then(|(before, _)| near(before)) {
        let what = format!("no such key; {key}: is one (put the word in quotes to look for it)");
        return Err(error(raw.at + usize::from(raw.negated), what));
    }
    // As a name is shown.
    Ok(Term::Word(Pattern::word(&read_back(text))))
}

/// Whether a bare word stands for a state.
pub(super) fn is_state(text: &str) -> bool {
    matches!(text, "idle" | "dangling" | "shared")
}

/// A key that a text is a slip of: one letter more, less or other, or two letters swapped.
fn near(text: &str) -> Option<&'static str> {
    let text: Vec<char> = text.to_lowercase().chars().collect();
    KEYS.iter().map(|(key, _)| *key).find(|key| {
        let key: Vec<char> = key.chars().collect();
        key.len() > 2 && slip(&key, &text)
    })
}

fn slip(a: &[char], b: &[char]) -> bool {
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    match (a, b) {
        ([a1, a2, a @ ..], [b1, b2, b @ ..]) if a1 == b2 && a2 == b1 && a == b => true,
        ([_, a @ ..], [_, b @ ..]) if a == b => true,
        ([_, rest @ ..], b) if rest == b => true,
        (a, [_, rest @ ..]) => rest == a,
        _ => false,
    }
}

fn state(text: &str) -> Option<State> {
    Some(match text {
        "idle" => State::Idle,
        "dangling" => State::Dangling,
        "shared" => State::Shared,
        "admin" => State::Admin,
        "system" => State::System,
        _ => return None,
    })
}

fn at_least(text: &str) -> (bool, &str) {
    text.strip_prefix(">=").map_or((false, text), |rest| (true, rest))
}

/// Tiers are written with spaces on screens; in a query with hyphens, or with nothing.
fn fold(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

fn seen(text: &str) -> Option<Term> {
    match text {
        "never" => Some(Term::NeverSeen),
        "denied" => Some(Term::DeniedOnly),
        _ => match (text.strip_prefix('<'), text.strip_prefix('>')) {
            (Some(age), _) => Some(Term::SeenWithin(duration(age)?)),
            (_, Some(age)) => Some(Term::SeenBefore(duration(age)?)),
            _ => None,
        },
    }
}

/// `90m`, `12h`, `30d`, `4w`.
fn duration(text: &str) -> Option<TimeDelta> {
    let unit = text.chars().last()?;
    let count: i64 = text.strip_suffix(unit)?.parse().ok().filter(|count| *count > 0)?;
    match unit {
        'm' => TimeDelta::try_minutes(count),
        'h' => TimeDelta::try_hours(count),
        'd' => TimeDelta::try_days(count),
        'w' => TimeDelta::try_weeks(count),
        _ => None,
    }
}

fn used(text: &str) -> Option<Term> {
    let (than, figure) = match (text.strip_prefix('<'), text.strip_prefix('>')) {
        (Some(figure), _) => (Than::Less, figure),
        (_, Some(figure)) => (Than::More, figure),
        _ => (Than::Same, text),
    };
    match figure.strip_suffix('%') {
        Some(percent) => percent.parse().ok().map(|percent| Term::UsedPart(than, percent)),
        None => figure.parse().ok().map(|count| Term::Used(than, count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails(text: &str) -> (usize, String) {
        let error = terms(text).expect_err(text);
        (error.at, error.expected)
    }

    #[test]
    fn words_and_keys_are_told_apart() {
        let read = terms("jane kind:user !ns:pay -idle system:masters \"tier:x\"").unwrap();
        let shape: Vec<(bool, &str)> = read
            .iter()
            .map(|(no, term)| {
                let name = match term {
                    Term::Word(_) => "word",
                    Term::Kind(SubjectKind::User) => "user",
                    Term::Namespace(_) => "ns",
                    Term::Is(State::Idle) => "idle",
                    _ => "other",
                };
                (*no, name)
            })
            .collect();
        let want = [
            (false, "word"),
            (false, "user"),
            (true, "ns"),
            (true, "idle"),
            (false, "word"),
            (false, "word"),
        ];
        assert_eq!(shape, want);
    }

    #[test]
    fn an_error_names_the_position() {
        assert_eq!(fails("jane kind:robot").0, 11);
        assert_eq!(fails("tier:>=god").0, 6);
        assert_eq!(fails("  \"abc").0, 3);
        assert_eq!(fails("!").0, 2);
        assert_eq!(fails("kind:").0, 6);
        assert_eq!(fails("~a(").0, 2);
        assert_eq!(fails("é seen:7d").0, 8);
        assert!(fails("seen:<7y").1.contains("<7d"));
        assert!(fails("can:get").1.contains("VERB/RESOURCE"));
    }

    #[test]
    fn a_slip_of_a_key_is_no_word() {
        for text in ["knd:user", "tire:read", "findings:x", "!usde:0"] {
            assert!(fails(text).1.contains("no such key"), "{text}");
        }
        assert_eq!(fails("!usde:0").0, 2);
        for text in ["system:node:a", "oidc:jane", "https://x", "sy:x"] {
            assert!(terms(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn quotes_may_hold_spaces_and_quotes() {
        let read = terms(r#"finding:"a \"b\" c" x"#).unwrap();
        assert_eq!(read.len(), 2);
        assert!(matches!(&read[0].1, Term::Finding(rule) if rule.fits("a \"b\" c")));
    }

    #[test]
    fn figures_are_read() {
        let one = |text: &str| terms(text).unwrap().remove(0).1;
        assert!(matches!(one("used:0"), Term::Used(Than::Same, 0)));
        assert!(matches!(one("used:<10%"), Term::UsedPart(Than::Less, 10)));
        assert!(matches!(one("seen:<36h"), Term::SeenWithin(age) if age.num_hours() == 36));
        assert!(matches!(one("seen:>4w"), Term::SeenBefore(age) if age.num_days() == 28));
        let strong = one("tier:>=namespace-admin");
        assert!(matches!(strong, Term::Tier { at_least: true, tier: Tier::NamespaceAdmin }));
        assert!(matches!(one("tier:clusteradmin"), Term::Tier { tier: Tier::ClusterAdmin, .. }));
        for text in ["seen:<0d", "used:-1", "used:", "seen:<99999999999999999999d"] {
            assert!(terms(text).is_err(), "{text}");
        }
    }

    #[test]
    fn every_key_says_what_it_expects() {
        for (key, what) in KEYS {
            let (at, said) = fails(&format!("{key}:"));
            assert_eq!(at, key.len() + 2);
            assert_eq!(said, format!("{key}: expected {what}"));
        }
    }
}
