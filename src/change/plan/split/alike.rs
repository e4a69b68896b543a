//! Names that people take for one another: by case, accents, or the signs between their parts. The API
//! server compares names letter by letter.

use crate::actors::Behind;
use crate::book::Book;
use crate::change::plan::Refusal;
use crate::model::{Identity, Name, SubjectKind, counted};

use super::who::{Part, is_called, words};
use super::{Splitting, seats};

/// What is left of a name where case, accents and signs are not looked at.
fn bare(name: &str) -> String {
    let plain = name.chars().map(nucleo_matcher::chars::normalize);
    plain.flat_map(char::to_lowercase).filter(|one| one.is_alphanumeric()).collect()
}

/// Whether two that are not the same look so.
fn look_alike(one: &str, other: &str) -> bool {
    one != other && bare(one) == bare(other)
}

/// Refuses parts that nobody could tell apart by what they are called, or by whom they become.
///
/// # Errors
/// With both.
pub(super) fn told_apart(all: &[Part]) -> Result<(), Refusal> {
    let alike = |one: &str, other: &str, of: &str| {
        Err(Refusal::Naming(format!(
            "{one} and {other} are two, and hardly told apart: case, accents and the signs between parts \
             are all that their names differ in. If they are one person, call both the same; if not, {of}"
        )))
    };
    for (at, one) in all.iter().enumerate() {
        for other in &all[at + 1..] {
            if look_alike(&one.name, &other.name) {
                return alike(&one.name, &other.name, "call one of them otherwise (--actor)");
            }
            let (to, others) = (one.to.to_string(), other.to.to_string());
            if one.to.kind == other.to.kind && look_alike(&to, &others) {
                return alike(&to, &others, "have one of them become another (--to)");
            }
        }
    }
    Ok(())
}

/// What has to be known of the users that somebody becomes: that nobody of that name is known, and
/// who is called nearly so.
pub(super) fn users(book: &Book, all: &[Part], certified: impl Fn(&Name) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for part in all.iter().filter(|part| part.to.kind == SubjectKind::User) {
        let to = &part.to;
        let name = to.to_string();
        let others: Vec<String> = book
            .entries()
            .map(|entry| &entry.identity)
            .filter(|other: &&Identity| other.kind == SubjectKind::User)
            .map(ToString::to_string)
            .filter(|other| look_alike(&name, other))
            .collect();
        let known = book.find(to).is_some();
        if !others.is_empty() {
            let is = if known { "is known too" } else { "is known, and this one is not" };
            lines.push(format!(
                "{} becomes {name}, and {} {is}: names are compared letter by letter, so make sure that \
                 the right one is meant",
                part.name,
                others.join(", ")
            ));
        } else if !known && !certified(&part.name) {
            lines.push(format!(
                "nothing is known of {name}, whom {} becomes: no binding names it and no log shows it. \
                 What it gets is nobody's unless that is, letter by letter, what the API server calls \
                 them (kubectl auth whoami)",
                part.name
            ));
        }
    }
    lines
}

/// Who got nearly the same name because nobody gave another: which is whom.
pub(super) fn by_default(behind: &Behind) -> Vec<String> {
    let names = seats::names(behind);
    let called: Vec<Option<String>> =
        behind.actors.iter().map(|actor| seats::called(&actor.holder)).collect();
    let mut lines = Vec::new();
    for (at, one) in called.iter().enumerate() {
        let same: Vec<usize> =
            (0..called.len()).filter(|other| one.is_some() && called[*other] == *one).collect();
        if same.len() > 1 && same.first() == Some(&at) {
            let who = same.iter().filter_map(|at| names.get(*at).zip(behind.actors.get(*at)));
            let who: Vec<String> =
                who.map(|(name, actor)| format!("{name} is {}", words(actor))).collect();
            lines.push(format!(
                "these come out with nearly the same name, so call them otherwise (--actor), or the same \
                 where they are one: {}",
                who.join("; ")
            ));
        }
    }
    lines
}

/// Who is said by what several who are seen have in common, an address that they share: what all of them
/// did is one's then.
pub(super) fn of_several(behind: &Behind, how: &Splitting) -> Vec<String> {
    let told = how.actors.iter().filter_map(|named| {
        let of = behind.actors.iter().enumerate().filter(|(at, one)| is_called(one, *at, &named.is));
        let who: Vec<String> = of.map(|(_, actor)| words(actor)).collect();
        let all = counted(who.len() as u64, "actor");
        (who.len() > 1).then(|| {
            format!(
                "{} is said by {}, which is what {all} have that are told apart, and gets what all of them \
                 did: {}",
                named.name,
                named.is,
                who.join("; ")
            )
        })
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_people_take_for_one_another() {
        for (one, other) in [
            ("user:ana@corp.example", "user:Ana@corp.example"),
            ("user:josé", "user:jose"),
            ("ana-b", "anab"),
            ("user:ana.b@corp.example", "user:ana-b@corp.example"),
            ("user:ZOË", "user:zoe"),
        ] {
            assert!(look_alike(one, other), "{one} {other}");
            assert!(!look_alike(one, one));
        }
        for (one, other) in [("ana", "anna"), ("actor-1", "actor-11"), ("user:a1", "user:a2")] {
            assert!(!look_alike(one, other), "{one} {other}");
        }
    }
}
