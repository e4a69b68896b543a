//! `check`: what the authorizer answers to access reviews, as given.

use std::path::Path;

use serde_json::Value;

use super::answer;
use super::args::{Global, Output};
use super::exit::{Code, Failure};
use super::reviews::{self, Reviews};
use super::sources::{Needs, one_standard_input, open};
use super::text;
use crate::model::ListKind;
use crate::rbac::review::{Answer, Answers, Outcome, Reviewer};
use crate::report::{self, CheckRow, Metadata, Report};

/// Most bytes of reviews: some millions of them.
const MOST: u64 = 2 << 30;

pub(super) fn run(global: &Global, file: &Path) -> Result<Code, Failure> {
    one_standard_input(global, text::is_stdin(file))?;
    let given = text::read(file, MOST)?;
    let reviews = reviews::split(&text::name(file), &given)?;
    let session = open(global, Needs { lists: &ListKind::RBAC, log: false, findings: false })?;
    let [book] = session.books.as_slice() else {
        return Err(Failure::usage("check asks one cluster: name one --context"));
    };
    let reviewer = Reviewer::new(book.authorizer(), &book.snapshot);
    let answered = match &reviews {
        Reviews::Lines(text) => reviewer.answer_lines(text),
        Reviews::Each(each) => {
            let each: Vec<&[u8]> = each.iter().map(|text| text.as_bytes()).collect();
            reviewer.answer_each(&each)
        }
    };
    let all = || answered.iter().flat_map(|part| part.answers.iter());
    let incomplete = all().any(|answer| answer.incomplete);
    let missing =
        if incomplete { answer::missing(&session, &ListKind::RBAC, None) } else { Vec::new() };
    let metadata = answer::metadata(&session, missing);
    give(global, metadata.clone(), &answered)?;
    answer::about(&session, &metadata);

    let total = all().count();
    let differing = all().filter(|answer| answer.differs()).count();
    let refused = all().filter(|answer| answer.outcome == Outcome::Refused).count();
    if refused > 0 {
        answer::say(&format!("{refused} of {total} reviews refused, as the API server would"));
    }
    if differing > 0 {
        answer::say(&format!(
            "{differing} of {total} reviews differ from the .status.allowed that they came with"
        ));
    }
    let authorizers = book.authorizers();
    if !authorizers.is_empty() && all().any(|answer| answer.outcome == Outcome::Denied) {
        let others = authorizers.join(", ");
        answer::say(&format!("no by RBAC, not known otherwise: {others} may allow it"));
    }
    let wrong = differing + refused > 0;
    Ok(answer::code(&session, &metadata).max(if wrong { Code::No } else { Code::Done }))
}

/// Writes the answers: the reviews themselves as JSON (one a line) or YAML, else a row each.
fn give(global: &Global, metadata: Metadata, answered: &[Answers]) -> Result<(), Failure> {
    let form = global.look.output.unwrap_or(Output::Json);
    if form == Output::Json {
        for part in answered {
            answer::out(&report::escape_json(&part.text))?;
        }
        return Ok(());
    }
    let mut values: Vec<(&Answer, Value)> = Vec::new();
    for part in answered {
        for answer in &part.answers {
            let text = part.text.get(answer.at.clone()).unwrap_or_default();
            let value = serde_json::from_slice(text).unwrap_or_default();
            values.push((answer, value));
        }
    }
    if form == Output::Yaml {
        let documents: Vec<String> =
            values.iter().map(|(_, value)| report::yaml_document(value)).collect();
        return answer::out(documents.join("---\n").as_bytes());
    }
    let rows = values.iter().map(|(answer, value)| CheckRow::new(answer, value)).collect();
    let mut bytes = Vec::new();
    report::write(&Report::new(metadata, rows), form.into(), !global.look.no_headers, &mut bytes)
        .map_err(|cause| Failure::unreachable(format!("writing the answers: {cause}")))?;
    answer::out(&bytes)
}
