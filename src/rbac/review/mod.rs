//! `check`: what the authorizer answers to `SubjectAccessReviews`, exactly as they are given.
//!
//! From JSON bytes to JSON bytes. Nothing is added to what a review says: no implicit groups, no
//! scope, no discovery. What the API server would refuse is refused here, in its words.

mod refusal;
mod selector;
mod wire;

use std::ops::Range;

use memchr::{memchr, memchr2};
use rayon::prelude::*;
use serde_json::Value;

use self::wire::{WireReview, WireSpec};
use super::authorizer::{Attributes, Authorizer, Decision};
use super::matching::Action;
use crate::model::{ListKind, ListState, Snapshot};

/// What became of one review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Allowed.
    Allowed,
    /// Not allowed: RBAC has no opinion.
    Denied,
    /// Not answered: the API server would refuse it. The text is the `Status` it would send.
    Refused,
}

/// The answer to one review.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What became of it.
    pub outcome: Outcome,
    /// What its own `.status.allowed` said, where it came with one.
    pub expected: Option<bool>,
    /// Whether a "no" rests on lists that are not whole.
    pub incomplete: bool,
    /// Where its text is in [`Answers::text`], without the line's end.
    pub at: Range<usize>,
}

impl Answer {
    /// Whether the review came with another answer than it got; one that is refused differs from
    /// any answer.
    pub fn differs(&self) -> bool {
        self.expected.is_some_and(|expected| match self.outcome {
            Outcome::Allowed => !expected,
            Outcome::Denied => expected,
            Outcome::Refused => true,
        })
    }
}

/// Answers in the order of their reviews.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// One line of JSON an answer.
    pub text: Vec<u8>,
    /// What they are.
    pub answers: Vec<Answer>,
}

/// Answers reviews.
#[derive(Clone, Debug)]
pub struct Reviewer<'a> {
    authorizer: &'a Authorizer,
    cluster_wide: bool,
    roles: ListState,
    bindings: ListState,
}

/// Input that one worker takes at a time, in bytes: some hundred reviews.
const PIECE: usize = 64 << 10;

impl<'a> Reviewer<'a> {
    /// A reviewer over a snapshot's grants.
    pub fn new(authorizer: &'a Authorizer, snapshot: &Snapshot) -> Self {
        Self {
            authorizer,
            cluster_wide: snapshot
                .covers(&[ListKind::ClusterRoles, ListKind::ClusterRoleBindings], None),
            roles: snapshot.list(ListKind::Roles),
            bindings: snapshot.list(ListKind::RoleBindings),
        }
    }

    /// Whether a "no" to a request in this namespace (`""`: in none) is certain.
    fn covers(&self, namespace: &str) -> bool {
        let within = |list: &ListState| namespace.is_empty() || list.covers(Some(namespace));
        self.cluster_wide && within(&self.roles) && within(&self.bindings)
    }

    /// Answers a text of one review a line, on all cores, in order. Empty lines are passed over.
    pub fn answer_lines(&self, text: &[u8]) -> Vec<Answers> {
        pieces(text).into_par_iter().map(|piece| self.answer_piece(piece)).collect()
    }

    /// Answers reviews one by one, on all cores, in order.
    pub fn answer_each(&self, reviews: &[&[u8]]) -> Vec<Answers> {
        let parts = reviews.par_chunks(128);
        parts.map(|reviews| self.answer_some(reviews.iter().copied())).collect()
    }

    fn answer_piece(&self, mut piece: &[u8]) -> Answers {
        let mut lines = Vec::with_capacity(piece.len() / 128);
        while !piece.is_empty() {
            let end = memchr(b'\n', piece).unwrap_or(piece.len());
            let (line, rest) = piece.split_at(end);
            piece = rest.get(1..).unwrap_or_default();
            if !line.trim_ascii().is_empty() {
                lines.push(line);
            }
        }
        self.answer_some(lines.into_iter())
    }

    fn answer_some<'r>(&self, reviews: impl Iterator<Item = &'r [u8]>) -> Answers {
        let mut answers = Answers::default();
        for review in reviews {
            let answer = self.answer(review, &mut answers.text);
            answers.text.push(b'\n');
            answers.answers.push(answer);
        }
        answers
    }

    /// Answers one review and appends the answer to `out`, on one line.
    pub fn answer(&self, review: &[u8], out: &mut Vec<u8>) -> Answer {
        let start = out.len();
        let mut answer = Answer {
            outcome: Outcome::Refused,
            expected: None,
            incomplete: false,
            at: start..start,
        };
        if let Err(refusal) = self.try_answer(review, &mut answer, out) {
            out.truncate(start);
            write_json(out, &refusal);
        }
        answer.at.end = out.len();
        answer
    }

    fn try_answer(
        &self,
        review: &[u8],
        answer: &mut Answer,
        out: &mut Vec<u8>,
    ) -> Result<(), Value> {
        let bad =
            |error: serde_json::Error| refusal::bad_request(&format!("not a review: {error}"));
        let review = WireReview::read(review).map_err(bad)?;
        answer.expected = review.status.allowed;
        let kind = refusal::kind(&review)?;
        let spec = review.read_spec().map_err(bad)?;
        if let Some(refusal) = refusal::invalid(kind, &review, &spec) {
            return Err(refusal);
        }
        out.extend_from_slice(b"{\"kind\":\"");
        out.extend_from_slice(kind.as_str().as_bytes());
        out.extend_from_slice(b"\",\"apiVersion\":\"");
        out.extend_from_slice(refusal::API_VERSION.as_bytes());
        out.extend_from_slice(b"\",\"metadata\":");
        let metadata = review.metadata.filter(|_| kind == refusal::ReviewKind::Local);
        write_raw(out, metadata.map_or("{}", |metadata| metadata.get()));
        out.extend_from_slice(b",\"spec\":");
        write_raw(out, review.spec.map_or("{}", |spec| spec.get()));
        out.extend_from_slice(b",\"status\":{\"allowed\":");
        self.decide(&spec, answer, out);
        Ok(())
    }

    /// Decides, and writes the rest of the answer.
    fn decide(&self, spec: &WireSpec<'_>, answer: &mut Answer, out: &mut Vec<u8>) {
        let groups: Vec<&str> = spec.groups.iter().map(|group| &**group).collect();
        let (verb, action) = asked(spec);
        let attributes = Attributes { user: &spec.user, groups: &groups, verb, action };
        let mut dangling = Vec::new();
        let decision = self.authorizer.decide_noting(&attributes, |slot| dangling.push(slot));
        let allowed = decision.allowed();
        answer.outcome = if allowed { Outcome::Allowed } else { Outcome::Denied };
        let namespace = match action {
            Action::Resource { namespace, .. } => namespace,
            Action::Path(_) => "",
        };
        answer.incomplete = !allowed && !self.covers(namespace);
        out.extend_from_slice(if allowed { b"true" } else { b"false" });
        let reason = match decision {
            Decision::Masters => String::new(),
            Decision::Allowed { grant, .. } => self.authorizer.reason(&attributes, grant),
            Decision::Denied => self.authorizer.denial(&dangling),
        };
        if !reason.is_empty() {
            out.extend_from_slice(b",\"reason\":");
            write_json(out, &reason);
        }
        let selectors = spec.resource.as_ref().and_then(refusal::evaluation_error);
        let error = match (selectors, answer.incomplete) {
            (None, false) => None,
            (error, false) => error,
            (error, true) => Some(match error {
                None => NOT_WHOLE.to_owned(),
                Some(error) => format!("{error}; {NOT_WHOLE}"),
            }),
        };
        if let Some(error) = error {
            out.extend_from_slice(b",\"evaluationError\":");
            write_json(out, &error);
        }
        out.extend_from_slice(b"}}");
    }
}

/// What an answer says that is no more than "not by what is known".
const NOT_WHOLE: &str = "keybook: roles and bindings are not all known, so this \"no\" is not sure";

/// Verb and action of a valid spec (`AuthorizationAttributesFrom`).
fn asked<'s>(spec: &'s WireSpec<'_>) -> (&'s str, Action<'s>) {
    match (&spec.resource, &spec.path) {
        (Some(resource), _) => (
            &resource.verb,
            Action::Resource {
                group: &resource.group,
                resource: &resource.resource,
                subresource: &resource.subresource,
                namespace: &resource.namespace,
                name: &resource.name,
            },
        ),
        (None, Some(path)) => (&path.verb, Action::Path(&path.path)),
        (None, None) => ("", Action::Path("")),
    }
}

/// Whole lines, about [`PIECE`] bytes each.
fn pieces(mut text: &[u8]) -> Vec<&[u8]> {
    let mut pieces = Vec::with_capacity(text.len() / PIECE + 1);
    while text.len() > PIECE {
        let (_, beyond) = text.split_at(PIECE);
        let Some(end) = memchr(b'\n', beyond) else {
            break;
        };
        let (piece, rest) = text.split_at(PIECE + end + 1);
        pieces.push(piece);
        text = rest;
    }
    if !text.is_empty() {
        pieces.push(text);
    }
    pieces
}

/// Writing to memory cannot fail.
fn write_json<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    drop(serde_json::to_writer(out, value));
}

/// JSON as it stands, on one line.
fn write_raw(out: &mut Vec<u8>, json: &str) {
    if memchr2(b'\n', b'\r', json.as_bytes()).is_none() {
        out.extend_from_slice(json.as_bytes());
        return;
    }
    // Line ends are white space here: inside strings they are escaped.
    out.extend(json.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
}

#[cfg(test)]
mod tests;
