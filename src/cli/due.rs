//! `due`: what is to be done later, and whether its day has come: stages of what was applied, and
//! exemptions that end.

use chrono::{DateTime, NaiveTime, Utc};
use serde_json::{Value, json};

use super::args::{Global, Output};
use super::exit::{Code, Failure};
use super::sources::{now, settings};
use super::{answer, journal};
use crate::change::plan::Intent;
use crate::change::run::Stage;
use crate::config::Setting;
use crate::model::{Exemption, printable};
use crate::report::{self, exact};

/// Something with a day.
enum Due<'a> {
    Stage(Stage<'a>),
    /// An exemption, and whether it no longer holds.
    Exemption(&'a Setting<Exemption>, bool),
}

pub(super) fn run(global: &Global) -> Result<Code, Failure> {
    let ((history, code), settings, now) = (journal::history(global)?, settings(global)?, now()?);
    let exemptions = settings.exemptions.iter();
    let exemptions = exemptions.map(|one| Due::Exemption(one, !one.value.holds(now)));
    let mut all: Vec<Due<'_>> =
        history.stages(now).into_iter().map(Due::Stage).chain(exemptions).collect();
    // Those of one time stay in their order.
    all.sort_by_key(Due::not_before);
    let document = json!({
        "apiVersion": report::API_VERSION, "kind": "DueList", "metadata": {},
        "items": all.iter().map(Due::item).collect::<Vec<_>>(),
    });
    let text = match global.look.output.unwrap_or(Output::Table) {
        Output::Json => journal::pretty(&document)?,
        Output::Yaml => report::yaml_document(&document),
        Output::Name => {
            let due = all.iter().filter(|one| one.is_due()).flat_map(Due::left);
            journal::lines(due.map(|intent| printable(&intent.to_string()).into_owned()))
        }
        Output::Csv => {
            return Err(Failure::usage("what is due is no table of rows: use -o json or yaml"));
        }
        Output::Table | Output::Wide => all.iter().map(Due::line).collect(),
    };
    answer::out(text.as_bytes())?;
    if all.is_empty() {
        let known = if code == Code::Done { "" } else { ", as far as that is known" };
        answer::say(&format!("nothing is left to do later{known}"));
    }
    Ok(code.max(if all.iter().any(Due::is_due) { Code::No } else { Code::Done }))
}

impl Due<'_> {
    /// When it is to be done, UTC; of an exemption the end of its last day.
    fn not_before(&self) -> DateTime<Utc> {
        match self {
            Self::Stage(stage) => stage.later.not_before,
            Self::Exemption(one, _) => {
                let last = one.value.expires;
                last.succ_opt().unwrap_or(last).and_time(NaiveTime::MIN).and_utc()
            }
        }
    }

    fn is_due(&self) -> bool {
        match self {
            Self::Stage(stage) => stage.due,
            Self::Exemption(_, ended) => *ended,
        }
    }

    /// What keybook can plan of it.
    fn left(&self) -> impl Iterator<Item = &Intent> {
        let left = match self {
            Self::Stage(stage) => stage.left.as_slice(),
            Self::Exemption(..) => &[],
        };
        left.iter().copied()
    }

    fn item(&self) -> Value {
        let not_before = self.not_before();
        match self {
            Self::Stage(stage) => json!({
                "kind": "stage", "run": stage.run, "notBefore": not_before, "due": stage.due,
                "what": stage.later.what,
                "left": stage.left.iter().map(|one| one.words()).collect::<Vec<_>>(),
                "command": command(&stage.left),
            }),
            Self::Exemption(Setting { value: one, origin }, ended) => json!({
                "kind": "exemption", "notBefore": not_before, "due": ended,
                "rule": one.rule, "identity": one.identity, "owner": one.owner,
                "reason": one.reason, "expires": one.expires, "from": origin.to_string(),
            }),
        }
    }

    fn line(&self) -> String {
        let when = exact(self.not_before());
        let due = if self.is_due() { "due since" } else { "not before" };
        match self {
            Self::Stage(stage) => {
                let what = printable(&stage.later.what);
                let command = command(&stage.left);
                let command = printable(&command);
                format!("{due} {when}  run {}  {what}\n    {command}\n", stage.run)
            }
            Self::Exemption(Setting { value: one, origin }, _) => {
                let from = origin.to_string();
                let words = [&*one.rule, &one.identity, &one.owner, &one.reason, &from];
                let [rule, identity, owner, reason, from] = words.map(printable);
                format!(
                    "{due} {when}  the exemption from {rule} of {identity} ends: {reason} ({owner})\n    \
                     look at it again, then take it out of {from} or give it a later day\n"
                )
            }
        }
    }
}

/// What makes the plan, as a shell takes it.
fn command(left: &[&Intent]) -> String {
    let words: Vec<String> = left.iter().map(|intent| intent.shell_word()).collect();
    format!("keybook revoke {} --out retire.yaml", words.join(" "))
}
