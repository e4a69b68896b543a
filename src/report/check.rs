//! An answered access review as a row.

use serde::Serialize;
use serde_json::Value;

use super::{Cell, Column, Metadata, Tabular};
use crate::rbac::review::{Answer, Outcome};

/// An answered access review.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct CheckRow {
    review: Value,
    #[serde(skip)]
    outcome: &'static str,
    #[serde(skip)]
    expected: &'static str,
}

impl CheckRow {
    /// The row of an answer, with the review that it fills out.
    pub fn new(answer: &Answer, review: &Value) -> Self {
        Self {
            review: review.clone(),
            outcome: match answer.outcome {
                Outcome::Allowed => "yes",
                Outcome::Denied if answer.incomplete => "no, as far as known",
                Outcome::Denied => "no",
                Outcome::Refused => "refused",
            },
            expected: match answer.expected {
                Some(true) => "yes",
                Some(false) => "no",
                None => "",
            },
        }
    }

    fn text(&self, pointer: &str) -> String {
        self.review.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    fn resource(&self) -> String {
        let path = self.text("/spec/nonResourceAttributes/path");
        if !path.is_empty() {
            return path;
        }
        let part = |name: &str| self.text(&format!("/spec/resourceAttributes/{name}"));
        let (mut text, group, subresource) = (part("resource"), part("group"), part("subresource"));
        if !group.is_empty() {
            text = format!("{text}.{group}");
        }
        if !subresource.is_empty() {
            text = format!("{text}/{subresource}");
        }
        text
    }
}

impl Tabular for CheckRow {
    const KIND: &'static str = "SubjectAccessReviewList";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("ALLOWED", "allowed"),
            Column::new("EXPECTED", "expected"),
            Column::new("USER", "user"),
            Column::new("GROUPS", "groups").wide(),
            Column::new("VERB", "verb"),
            Column::new("RESOURCE", "resource"),
            Column::new("NAMESPACE", "namespace"),
            Column::new("NAME", "name"),
            Column::new("REASON", "reason").wide(),
        ]
    }

    fn lines(&self, _: &Metadata) -> Vec<Vec<Cell>> {
        let groups = self.review.pointer("/spec/groups").and_then(Value::as_array);
        let groups: Vec<&str> = groups.into_iter().flatten().filter_map(Value::as_str).collect();
        let verb = match self.text("/spec/resourceAttributes/verb") {
            verb if verb.is_empty() => self.text("/spec/nonResourceAttributes/verb"),
            verb => verb,
        };
        let reason = match self.text("/status/reason") {
            // A refusal is a Status object with a message.
            reason if reason.is_empty() => self.text("/message"),
            reason => reason,
        };
        vec![vec![
            Cell::new(self.outcome),
            Cell::new(self.expected),
            Cell::new(self.text("/spec/user")),
            Cell::new(groups.join(",")),
            Cell::new(verb),
            Cell::new(self.resource()),
            Cell::new(self.text("/spec/resourceAttributes/namespace")),
            Cell::new(self.text("/spec/resourceAttributes/name")),
            Cell::new(reason),
        ]]
    }

    fn name(&self) -> String {
        self.outcome.to_owned()
    }
}
