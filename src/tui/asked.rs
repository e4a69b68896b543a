//! A question about a right, typed or asked of a row, and its answer.

use std::fmt;

use super::state::Who;
use crate::book::Book;
use crate::model::{Identity, Name};
use crate::rbac::query::{Question, Resolver, Way};

/// A question about a right, as it was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The verb.
    pub verb: Name,
    /// `RESOURCE[.GROUP][/SUB]` or a path.
    pub words: String,
    /// One object only.
    pub name: Option<Name>,
    /// One namespace only.
    pub namespace: Option<Name>,
}

impl Asked {
    /// Reads `VERB RESOURCE [NAME] [-n NAMESPACE]`.
    ///
    /// # Errors
    /// Says what was expected.
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        let expected = || "expected VERB RESOURCE[.GROUP][/SUB] [NAME] [-n NAMESPACE]".to_owned();
        let mut asked = Self::default();
        let mut plain = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "-n" | "--namespace" => {
                    asked.namespace = Some((*words.next().ok_or_else(expected)?).into());
                }
                flag if flag.starts_with('-') => return Err(format!("{flag}: {}", expected())),
                word => plain.push(word),
            }
        }
        match plain.as_slice() {
            [verb, resource] => {
                (asked.verb, asked.words) = ((*verb).into(), (*resource).to_owned());
            }
            [verb, resource, name] => {
                (asked.verb, asked.words) = ((*verb).into(), (*resource).to_owned());
                asked.name = Some((*name).into());
            }
            _ => return Err(expected()),
        }
        Ok(asked)
    }

    /// The question, its words resolved by what the cluster serves.
    ///
    /// # Errors
    /// Where the words are ambiguous.
    pub fn question(&self, book: &Book) -> Result<Question, String> {
        let snapshot = &book.snapshot;
        let resolver = Resolver::of(snapshot);
        let target =
            resolver.resolve(&self.verb, &self.words).map_err(|error| error.to_string())?;
        Ok(Question {
            verb: self.verb.clone(),
            target,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        })
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.words)?;
        if let Some(name) = &self.name {
            write!(f, " {name}")?;
        }
        match &self.namespace {
            Some(ns) => write!(f, " in {ns}"),
            None => Ok(()),
        }
    }
}

/// Somebody who can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HolderRow {
    /// Who; None where the Book does not list it.
    pub who: Option<Who>,
    /// Who that is.
    pub identity: Identity,
    /// Every way.
    pub ways: Vec<Way>,
}

/// Who can do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What was asked, in its resolved words.
    pub title: String,
    /// Those who can, by identity.
    pub holders: Vec<HolderRow>,
    /// How many may be able by groups that are not known.
    pub undecided: usize,
    /// What has to be said beside it.
    pub notes: Vec<String>,
    /// Lists that the answer reads and that are not whole.
    pub missing: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_and_written() {
        let asked = Asked::parse(&["get", "secrets", "-n", "pay"]).unwrap();
        assert_eq!(asked.to_string(), "get secrets in pay");
        let asked = Asked::parse(&["-n", "pay", "delete", "pods/eviction", "x"]).unwrap();
        assert_eq!(
            (&*asked.verb, &*asked.words, asked.name.as_deref()),
            ("delete", "pods/eviction", Some("x"))
        );
        for words in [
            &["get"][..],
            &[],
            &["get", "x", "y", "z"],
            &["get", "x", "-n"],
            &["get", "x", "--as", "y"],
        ] {
            assert!(Asked::parse(words).is_err(), "{words:?}");
        }
    }
}
