//! The step that has a token made, and written to where its holder finds it.

use super::handover::{self, Wanted};
use super::runner::Outcome;
use super::{How, Record, RunError, Runner};
use crate::change::plan::{Plan, Step};
use crate::model::Name;

/// What is true of a token that was made and not written.
const LOST: &str = "a token may have been made that nobody has: it is bound to the Secret as the next \
                    one will be, and ends with it";

impl Runner<'_> {
    /// Has the token of a step made. What an earlier process wrote whole is left; otherwise another is
    /// made. The first ends with its Secret.
    pub(super) async fn token(
        &mut self,
        run: u64,
        plan: &Plan,
        step: &Step,
    ) -> Result<Outcome, RunError> {
        let stopped = |why: String| Ok(Outcome::Stopped { why, unmade: true });
        let Some(out) = self.out else {
            return stopped(
                "where the kubeconfig goes is not said: name a folder with --out".into(),
            );
        };
        handover::folder(out)?;
        match handover::found(plan, (run, step), out) {
            Ok(Some(left)) => return Ok(Outcome::Made(How::Found, Some(left))),
            Ok(None) => {}
            Err(how) => return stopped(how),
        }
        self.flush()?;
        let made = self.find(run)?.made();
        let Some(ask) = Wanted::of(step).and_then(|wanted| wanted.ask(plan, &made)) else {
            return stopped("its account and Secret were not made by this run".to_owned());
        };
        let address = match self.writer.address() {
            Ok(address) => address,
            Err(error) => return stopped(error.to_string()),
        };
        self.note(Record::Writing { run, step: step.id })?;
        let mut attempt = 1;
        let token = loop {
            match self.writer.request_token(&ask).await {
                Ok(token) => break token,
                Err(error) if error.is_transient() && attempt < self.pace.attempts => {
                    self.wait(step, &error, attempt).await;
                    attempt += 1;
                }
                Err(error) if super::runner::may_have_been_made(&error) => {
                    return stopped(format!("{error}; {LOST}"));
                }
                Err(error) => return stopped(error.to_string()),
            }
        };
        match handover::write(plan, (run, step), out, (&address, &token, &ask)) {
            Ok(left) => Ok(Outcome::Made(How::Answered, Some(left))),
            Err(error) => stopped(format!("{error}; {LOST}")),
        }
    }

    /// What is known of a token step that may have been sent, written down.
    pub(super) fn settle_token(&mut self, run: u64, step: u32) -> Result<(), RunError> {
        let found = self.find(run)?;
        let Some(of) = found.plan.steps.iter().find(|of| of.id == step) else { return Ok(()) };
        let out = found.out.as_deref().map(std::path::Path::new);
        let left = out.and_then(|out| handover::found(&found.plan, (run, of), out).ok().flatten());
        self.note(match left {
            Some(left) => Record::Written { run, step, how: How::Found, left: Some(left) },
            None => Record::Stopped { run, step: Some(step), why: LOST.to_owned(), unmade: true },
        })
    }

    /// The folder for kubeconfigs, as the journal keeps it; None where none are made.
    ///
    /// # Errors
    /// Where it is needed and not said.
    pub(super) fn folder_of(&self, plan: &Plan) -> Result<Option<String>, RunError> {
        if !handover::makes_tokens(plan) {
            return Ok(None);
        }
        let out = self.out.ok_or_else(|| {
            RunError::Refused(
                "the plan makes kubeconfigs: name the folder that they are written to with --out"
                    .to_owned(),
            )
        })?;
        Ok(Some(out.display().to_string()))
    }
}

/// The UID of an object, by which one that was made is known again.
pub(super) fn uid(image: &serde_json::Value) -> Option<Name> {
    image["metadata"]["uid"].as_str().map(Name::from)
}
