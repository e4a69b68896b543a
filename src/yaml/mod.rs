//! YAML of files, of saved objects and of `aws-auth` as `sigs.k8s.io/yaml` reads it, by go-yaml v2, which is YAML 1.1:
//! merge keys, anchors, `!!binary`, and plain words that are no text, such as `yes` and `1_000`. As
//! a tree, so that one broken element does not take the others with it.

use std::collections::BTreeMap;

use serde_json::Value;

mod compose;
mod resolve;
#[cfg(test)]
mod tests;

use compose::{Document, Item};
use resolve::{Scalar, resolve};

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    /// As it reads.
    Number(String),
    Text(String),
    List(Vec<Node>),
    /// Sorted by key; of a key given twice the last one counts, and a merge counts as given where it
    /// stands.
    Map(BTreeMap<String, Node>),
}

/// Why there is no tree of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoYaml {
    /// The line, where that is known, counted from one.
    pub(super) line: Option<usize>,
    /// Whether whom it is for takes none of it either; else what they take of it is not known.
    pub(super) refused: bool,
}

/// Whose eyes a text is read with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum For {
    /// Who makes JSON of it first, and takes none of what cannot be that.
    Json,
    /// The same of objects, of which all is read.
    Objects,
    /// Who reads it without that step.
    Typed,
    /// Whoever finds the file: what nobody takes is in it all the same.
    #[default]
    Finder,
}

impl For {
    fn makes_json(self) -> bool {
        matches!(self, Self::Json | Self::Objects)
    }
}

/// Keys of kubeconfigs whose values are secret and tell nothing: they never become values.
const SECRET: [&str; 8] = [
    "client-key-data",
    "password",
    "refresh-token",
    "client-secret",
    "access-token",
    "args",
    "env",
    "certificate-authority-data",
];

/// So deep values are read; nothing that is asked for lies as deep.
const DEEPEST: usize = 48;

/// So many merges in merges are followed.
const MERGES: usize = 200;

impl Node {
    /// Reads the first document of a text, as kubectl and the authenticator of EKS do. Beside the
    /// tree: whether readers of YAML are at odds over the text, so that theirs may be another.
    pub(super) fn read(text: &str, by: For) -> Result<(Self, bool), NoYaml> {
        let other = compose::by_libyaml(text);
        let document = match Document::read(text) {
            Ok(document) => document,
            // go-yaml is libyaml in Go.
            Err(line) => {
                return Err(match other {
                    Err(line) => NoYaml { line, refused: true },
                    Ok(()) => NoYaml { line: Some(line), refused: false },
                });
            }
        };
        let Some(root) = document.root else { return Ok((Self::Null, other.is_err())) };
        if document.other_version && by != For::Finder {
            return Err(NoYaml { line: Some(1), refused: true });
        }
        let left = text.len().saturating_mul(4).saturating_add(1 << 22);
        let mut reading = Reading { items: &document.items, by, left, ..Reading::default() };
        Ok((reading.value(root, 0)?, other.is_err()))
    }

    /// As JSON.
    pub(super) fn json(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(is) => is.into(),
            Self::Number(text) => resolve::number(&text),
            Self::Text(text) => text.into(),
            Self::List(list) => list.into_iter().map(Self::json).collect(),
            Self::Map(map) => map.into_iter().map(|(key, value)| (key, value.json())).collect(),
        }
    }

    /// A field of a map; nothing where it is null.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Map(map) => map.get(key).filter(|value| **value != Self::Null),
            _ => None,
        }
    }

    /// The text that it is.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Whether a text has what readers of YAML read otherwise than go-yaml does: merges, and tags that say
/// what a value is. Most have none of it, and what prints objects writes none.
pub(super) fn is_read_otherwise(text: &str) -> bool {
    let text = text.as_bytes();
    let after = |at: usize| text.get(at..).unwrap_or_default();
    let merges = memchr::memmem::find_iter(text, b"<<").any(|at| {
        let rest = after(at + 2).trim_ascii_start();
        // A key, be it in quotes or set apart (`? <<`).
        matches!(rest.first(), Some(b':' | b'\'' | b'"'))
    });
    merges
        || memchr::memchr_iter(b'!', text).any(|at| {
            matches!(after(at + 1).first(), Some(b'!' | b'<'))
                // `! '<<'`
                || matches!(after(at + 1), [b' ', b'\'' | b'"' | b'<', ..])
        })
        || memchr::memmem::find(text, b"%TAG").is_some()
}

/// Makes a tree of a document as `decoder` of go-yaml v2 does (`decode.go`).
#[derive(Default)]
struct Reading<'d> {
    items: &'d [(Item, usize)],
    by: For,
    /// How much text may still be copied: aliases are followed, and a few lines must not grow into
    /// gigabytes.
    left: usize,
    /// Aliases that are being followed.
    followed: Vec<usize>,
    steps: u32,
    steps_in_aliases: u32,
}

impl Reading<'_> {
    fn refused(&self, at: usize) -> NoYaml {
        NoYaml { line: self.items.get(at).map(|(_, line)| *line), refused: true }
    }

    /// What keybook does not follow, and others may.
    fn not_followed(&self, at: usize) -> NoYaml {
        NoYaml { refused: false, ..self.refused(at) }
    }

    /// Counts a step, and refuses what go-yaml refuses of documents that are mostly aliases
    /// (`allowedAliasRatio`).
    fn step(&mut self, at: usize) -> Result<(), NoYaml> {
        self.steps += 1;
        self.steps_in_aliases += u32::from(!self.followed.is_empty());
        let (low, high) = (400_000.0, 4_000_000.0);
        let all = f64::from(self.steps);
        let allowed = 0.99 - 0.89 * ((all - low) / (high - low)).clamp(0.0, 1.0);
        let is_much = self.steps_in_aliases > 100 && self.steps > 1000;
        if is_much && f64::from(self.steps_in_aliases) / all > allowed {
            return Err(self.refused(at));
        }
        Ok(())
    }

    fn text(&mut self, at: usize, text: &str) -> Result<String, NoYaml> {
        self.left = self.left.checked_sub(text.len() + 1).ok_or_else(|| self.not_followed(at))?;
        Ok(text.to_owned())
    }

    fn value(&mut self, at: usize, depth: usize) -> Result<Node, NoYaml> {
        self.step(at)?;
        let items = self.items;
        Ok(match &items[at].0 {
            Item::Alias(target) => {
                let target = *target;
                self.follow(at, |reading| reading.value(target, depth + 1))?
            }
            Item::Scalar { .. } => match self.scalar(at)? {
                Scalar::Null => Node::Null,
                Scalar::Bool(is) => Node::Bool(is),
                Scalar::Infinite if self.by.makes_json() => return Err(self.refused(at)),
                Scalar::Number | Scalar::Long | Scalar::Infinite => Node::Number(self.raw(at)?),
                Scalar::Text(text) => Node::Text(self.text(at, &text)?),
            },
            Item::List(_) | Item::Map(_) if depth > DEEPEST => Node::Null,
            Item::List(list) => {
                let all = list.iter().map(|one| self.value(*one, depth + 1));
                Node::List(all.collect::<Result<_, _>>()?)
            }
            Item::Map(_) => {
                let mut map = BTreeMap::new();
                self.fill(at, depth, 0, &mut map)?;
                Node::Map(map)
            }
        })
    }

    fn follow<T>(
        &mut self,
        at: usize,
        of: impl FnOnce(&mut Self) -> Result<T, NoYaml>,
    ) -> Result<T, NoYaml> {
        if self.followed.contains(&at) {
            return Err(self.refused(at));
        }
        self.followed.push(at);
        let found = of(self);
        self.followed.pop();
        found
    }

    fn scalar(&self, at: usize) -> Result<Scalar, NoYaml> {
        let Item::Scalar { value, plain, tag } = &self.items[at].0 else { return Ok(Scalar::Null) };
        match resolve(tag.as_deref(), value, *plain) {
            Some(scalar) => Ok(scalar),
            None if self.by == For::Finder => Ok(Scalar::Text(value.clone())),
            None => Err(self.refused(at)),
        }
    }

    /// As it reads.
    fn raw(&mut self, at: usize) -> Result<String, NoYaml> {
        match &self.items[at].0 {
            Item::Scalar { value, .. } => self.text(at, value),
            _ => Ok(String::new()),
        }
    }

    /// Puts the pairs of a map into another, one after another: of a key given twice the last one
    /// counts, be it by a merge.
    fn fill(
        &mut self,
        at: usize,
        depth: usize,
        merges: usize,
        into: &mut BTreeMap<String, Node>,
    ) -> Result<(), NoYaml> {
        let items = self.items;
        let Item::Map(pairs) = &items[at].0 else { return Ok(()) };
        for (key, value) in pairs {
            if items[*key].0.is_merge() {
                self.merge(*value, depth, merges + 1, into)?;
                continue;
            }
            let key = self.key(*key)?;
            if self.by != For::Objects && SECRET.contains(&&*key) {
                continue;
            }
            let value = self.value(*value, depth + 1)?;
            into.insert(key, value);
        }
        Ok(())
    }

    /// A key as text.
    fn key(&mut self, at: usize) -> Result<String, NoYaml> {
        self.step(at)?;
        let items = self.items;
        Ok(match &items[at].0 {
            Item::Alias(target) => {
                let target = *target;
                self.follow(at, |reading| reading.key(target))?
            }
            Item::Scalar { .. } => match self.scalar(at)? {
                Scalar::Text(text) => self.text(at, &text)?,
                Scalar::Bool(is) => is.to_string(),
                Scalar::Null | Scalar::Long if self.by.makes_json() => return Err(self.refused(at)),
                Scalar::Null => String::new(),
                Scalar::Number | Scalar::Long | Scalar::Infinite => self.raw(at)?,
            },
            Item::List(_) | Item::Map(_) if self.by != For::Finder => return Err(self.refused(at)),
            Item::List(_) | Item::Map(_) => String::new(),
        })
    }

    /// Puts the pairs of the maps behind `<<` into a map.
    fn merge(
        &mut self,
        at: usize,
        depth: usize,
        merges: usize,
        into: &mut BTreeMap<String, Node>,
    ) -> Result<(), NoYaml> {
        if merges > MERGES {
            return Err(self.not_followed(at));
        }
        let items = self.items;
        match &items[at].0 {
            Item::Map(_) => {
                self.step(at)?;
                self.fill(at, depth, merges, into)
            }
            Item::Alias(target) if matches!(items[*target].0, Item::Map(_)) => {
                let target = *target;
                self.step(at)?;
                self.follow(at, |reading| {
                    reading.step(target)?;
                    reading.fill(target, depth, merges, into)
                })
            }
            // What comes first counts before what comes later.
            Item::List(list) => {
                for one in list.iter().rev() {
                    if matches!(items[*one].0, Item::List(_)) {
                        self.no_map(*one)?;
                    } else {
                        self.merge(*one, depth, merges, into)?;
                    }
                }
                Ok(())
            }
            Item::Alias(_) | Item::Scalar { .. } => self.no_map(at),
        }
    }

    /// What `<<` takes nothing of.
    fn no_map(&self, at: usize) -> Result<(), NoYaml> {
        if self.by == For::Finder { Ok(()) } else { Err(self.refused(at)) }
    }
}
