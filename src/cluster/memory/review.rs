//! Access reviews, answered by RBAC alone.

use serde_json::{Value, json};

use super::Operator;
use super::store::Store;
use crate::cluster::Error;
use crate::model::Snapshot;
use crate::rbac::review::{Outcome, Reviewer};

impl Store {
    /// Fills in the status of a `SubjectAccessReview`, or of a `SelfSubjectAccessReview` for the
    /// operator.
    pub(super) fn review(
        &self,
        review: &Value,
        operator: Option<&Operator>,
        tried: &str,
    ) -> Result<Value, Error> {
        let mut asked = review.clone();
        let own = review["kind"].as_str() == Some("SelfSubjectAccessReview");
        if let (true, None) = (own, operator) {
            let mut answered = review.clone();
            answered["status"] = json!({ "allowed": true });
            return Ok(answered);
        }
        if own {
            let operator = operator.cloned().unwrap_or_default();
            asked["kind"] = json!("SubjectAccessReview");
            asked["spec"]["user"] = json!(operator.user);
            asked["spec"]["groups"] = json!(operator.groups);
        }
        // What is not known of the lists only matters to whether a "no" is certain.
        let snapshot = Snapshot::default();
        let mut text = Vec::new();
        let answer = Reviewer::new(&self.authorizer, &snapshot)
            .answer(asked.to_string().as_bytes(), &mut text);
        let said: Value = serde_json::from_slice(&text).unwrap_or_default();
        if answer.outcome == Outcome::Refused {
            let cause = said["message"].as_str().unwrap_or_default().to_owned();
            return Err(Error::Invalid { tried: tried.to_owned(), cause });
        }
        let mut answered = review.clone();
        answered["status"] = said["status"].clone();
        Ok(answered)
    }
}
