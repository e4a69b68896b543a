//! Texts that say the same of many: told once, with the first of those they are about. A Plan about three
//! hundred people says of each of them what works on, and whoever has to decide reads none of it.

use std::collections::{HashMap, HashSet};

use crate::change::plan::{Intent, Plan};

/// So many are told one by one, and of more so many are named.
const FEW: usize = 3;

/// Those a Plan is about, as its texts name them.
#[derive(Default)]
pub(super) struct Named(Vec<String>);

impl Named {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut names: Vec<String> =
            plan.intents.iter().filter_map(Intent::identity).map(ToString::to_string).collect();
        // One that begins another is looked for after it.
        names.sort_unstable_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
        names.dedup();
        Self(names)
    }

    /// The texts of each of some things, those that differ in one name only once: at the place of the
    /// first. What is the very same is told once, too. Things of one or more texts each.
    pub(super) fn fold(&self, mut things: Vec<Vec<String>>) -> Vec<Vec<String>> {
        let mut told = HashSet::new();
        things.retain(|texts| told.insert(texts.clone()));
        if things.len() <= FEW || self.0.len() <= FEW {
            return things;
        }
        let mut groups: Vec<Group<'_>> = Vec::new();
        let mut places = HashMap::new();
        for texts in things {
            let name =
                self.0.iter().find(|name| texts.iter().any(|text| find(text, name).is_some()));
            let Some(name) = name else {
                groups.push(Group { names: Vec::new(), all: vec![texts] });
                continue;
            };
            let key: Vec<String> = texts.iter().map(|text| with(text, name, "\0")).collect();
            let place = *places.entry(key).or_insert(groups.len());
            match groups.get_mut(place) {
                Some(group) => {
                    group.names.push(name);
                    group.all.push(texts);
                }
                None => groups.push(Group { names: vec![name], all: vec![texts] }),
            }
        }
        groups.into_iter().flat_map(Group::told).collect()
    }
}

/// What is the same but for a name.
struct Group<'n> {
    names: Vec<&'n String>,
    all: Vec<Vec<String>>,
}

impl Group<'_> {
    fn told(mut self) -> Vec<Vec<String>> {
        if self.names.len() <= FEW {
            return self.all;
        }
        let first: Vec<&str> = self.names.iter().take(FEW).map(|name| &***name).collect();
        let each = format!("each of {} and {} more", first.join(", "), self.names.len() - FEW);
        let (Some(name), false) = (self.names.first(), self.all.is_empty()) else {
            return self.all;
        };
        let texts = self.all.swap_remove(0);
        vec![texts.iter().map(|text| with(text, name, &each)).collect()]
    }
}

/// Where a text has a name, and not one that begins or ends with it.
fn find(text: &str, name: &str) -> Option<usize> {
    let is_part = |letter: char| letter.is_alphanumeric() || "-_@:/+".contains(letter);
    text.match_indices(name).map(|(at, _)| at).find(|at| {
        let (before, after) = (&text[..*at], &text[at + name.len()..]);
        // `user:jane: …` is about jane, and a sentence may end with her.
        let goes_on = if let Some(rest) = after.strip_prefix('.') {
            rest.starts_with(is_part)
        } else {
            !after.starts_with(": ") && after.starts_with(is_part)
        };
        !goes_on && !before.ends_with(is_part)
    })
}

/// A text with something else in each place of a name.
fn with(text: &str, name: &str, other: &str) -> String {
    let mut changed = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find(rest, name) {
        changed.push_str(&rest[..at]);
        changed.push_str(other);
        rest = &rest[at + name.len()..];
    }
    changed.push_str(rest);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Named {
        Named(names.iter().map(ToString::to_string).collect())
    }

    fn one(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn what_is_said_of_many_is_told_once() {
        let of = named(&["user:ana", "user:bo", "user:cleo", "user:dan", "user:eve"]);
        let all = ["ana", "bo", "cleo", "dan", "eve"];
        let open =
            |who: &str| vec![format!("user:{who} has it open"), format!("user:{who}: an hour")];
        let mut things: Vec<Vec<String>> = all.into_iter().map(open).collect();
        things.insert(1, one("pods are not cut"));
        things.push(one("user:ana is in the group ops"));
        let each = "each of user:ana, user:bo, user:cleo and 2 more";
        let told = of.fold(things);
        assert_eq!(
            told,
            [
                vec![format!("{each} has it open"), format!("{each}: an hour")],
                one("pods are not cut"),
                one("user:ana is in the group ops"),
            ]
        );
    }

    #[test]
    fn a_few_are_told_one_by_one() {
        let of = named(&["user:ana", "user:bo", "user:cleo", "user:dan"]);
        let three: Vec<_> = ["ana", "bo", "cleo"].map(|who| one(&format!("user:{who} x"))).into();
        let mut things = three.clone();
        things.push(one("user:dan y"));
        assert_eq!(of.fold(things.clone()), things);
        assert_eq!(of.fold(three.clone()), three);
        assert_eq!(of.fold(vec![one("no log"), one("no log")]), [one("no log")]);
    }

    #[test]
    fn a_name_that_begins_another_is_not_taken_for_it() {
        let of = named(&["user:ana@corp", "user:ana", "user:bo", "user:cleo", "user:dan"]);
        let things: Vec<_> = ["ana@corp", "bo@corp", "cleo-b", "dan.x", "ana/x"]
            .map(|who| one(&format!("user:{who} x")))
            .into();
        assert_eq!(of.fold(things.clone()), things);
        assert_eq!(find("user:ana.", "user:ana"), Some(0));
        assert_eq!(find("Xuser:ana user:ana, that", "user:ana"), Some(10));
    }
}
