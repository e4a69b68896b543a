//! `due`: what is to be done later, and whether its day has come.

use serde_json::{Value, json};

use super::args::{Global, Output};
use super::exit::{Code, Failure};
use super::sources::now;
use super::{answer, journal};
use crate::change::plan::Intent;
use crate::change::run::Stage;
use crate::model::printable;
use crate::report::{self, exact};

pub(super) fn run(global: &Global) -> Result<Code, Failure> {
    let history = journal::history(global)?;
    let stages = history.stages(now()?);
    let document = json!({
        "apiVersion": report::API_VERSION, "kind": "DueList", "metadata": {},
        "items": stages.iter().map(item).collect::<Vec<_>>(),
    });
    let text = match global.look.output.unwrap_or(Output::Table) {
        Output::Json => journal::pretty(&document)?,
        Output::Yaml => report::yaml_document(&document),
        Output::Name => {
            let due = stages.iter().filter(|stage| stage.due).flat_map(|stage| &stage.left);
            journal::lines(due.map(|intent| printable(&intent.to_string()).into_owned()))
        }
        Output::Csv => {
            return Err(Failure::usage("what is due is no table of rows: use -o json or yaml"));
        }
        Output::Table | Output::Wide => stages.iter().map(line).collect(),
    };
    answer::out(text.as_bytes())?;
    if stages.is_empty() {
        answer::say("nothing is left to do later");
    }
    Ok(if stages.iter().any(|stage| stage.due) { Code::No } else { Code::Done })
}

fn item(stage: &Stage<'_>) -> Value {
    json!({
        "run": stage.run, "notBefore": stage.later.not_before, "due": stage.due,
        "what": stage.later.what, "left": stage.left.iter().map(|one| one.words()).collect::<Vec<_>>(),
        "command": command(&stage.left),
    })
}

fn line(stage: &Stage<'_>) -> String {
    let when = exact(stage.later.not_before);
    let due = if stage.due { "due since" } else { "not before" };
    let what = printable(&stage.later.what).into_owned();
    let command = printable(&command(&stage.left)).into_owned();
    format!("{due} {when}  run {}  {what}\n    {command}\n", stage.run)
}

/// What makes the plan, as a shell takes it.
fn command(left: &[&Intent]) -> String {
    let words: Vec<String> = left.iter().map(|intent| intent.shell_word()).collect();
    format!("keybook revoke {} --out retire.yaml", words.join(" "))
}
