//! A Plan for a person: every write with what it takes away and puts in, what it does not reach, and
//! what it loses.

use std::fmt::Write as _;
use std::io::{ErrorKind, Write as _};
use std::path::Path;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::folded::Named;
use super::{exact, to_pretty, yaml_document};
use crate::change::plan::{Check, Intent, Manual, Plan, Reversibility, Right, Step, Verification};
use crate::model::{counted, printable};

/// Checks that are named one by one, at most.
const NAMED: usize = 10;

/// Of which cluster it is, by whom, on what it rests and what is wanted.
pub(super) fn head(plan: &Plan, text: &mut String) {
    let cluster = &plan.metadata.cluster;
    let made_by = plan.metadata.made_by.as_deref().unwrap_or("somebody");
    line(
        text,
        0,
        &format!(
            "Plan for {} ({}), made by {made_by} at {}",
            cluster.name,
            cluster.id,
            exact(plan.metadata.made_at)
        ),
    );
    let log = match &plan.metadata.coverage {
        Some(of) => match (of.from, of.to) {
            (Some(from), Some(to)) => {
                format!("log from {} to {}, {}", exact(from), exact(to), counted(of.gaps, "gap"))
            }
            _ => "a log without events".to_owned(),
        },
        None => "made without a log: what is in use is not known".to_owned(),
    };
    line(text, 0, &log);
    if let Some(run) = plan.undoes {
        line(text, 0, &format!("undoes run {run}"));
    }
    if plan.intents.len() <= NAMED {
        for intent in &plan.intents {
            line(text, 0, &format!("wanted: {}", intent.words()));
        }
        return;
    }
    // All of them, and not a line each.
    let mut of_verb: Vec<(String, Vec<String>)> = Vec::new();
    for words in plan.intents.iter().map(Intent::words) {
        let (verb, what) = words.split_once(' ').unwrap_or(("", &words));
        match of_verb.iter_mut().find(|(known, _)| known == verb) {
            Some((_, all)) => all.push(what.to_owned()),
            None => of_verb.push((verb.to_owned(), vec![what.to_owned()])),
        }
    }
    for (verb, all) in of_verb {
        line(text, 0, &format!("wanted: {verb} {} ({})", all.join(", "), all.len()));
    }
}

/// How much of it there is: what is to be done elsewhere and what works on stand at the end.
fn sum(plan: &Plan, text: &mut String) {
    let mut parts = Vec::new();
    for kind in [Reversibility::Reversible, Reversibility::WithLoss, Reversibility::Irreversible] {
        let many = plan.steps.iter().filter(|step| step.reversibility == kind).count();
        if many > 0 {
            parts.push(format!("{} ({})", counted(many as u64, "step"), kind.as_str()));
        }
    }
    let things = |many: usize| counted(many as u64, "thing");
    if !plan.manual.is_empty() {
        parts.push(format!("{} to be done elsewhere", things(plan.manual.len())));
    }
    if !plan.later.is_empty() {
        parts.push(format!("{} to be done later", things(plan.later.len())));
    }
    if !plan.still_works.is_empty() {
        let many = plan.still_works.len();
        let work = if many == 1 { "works" } else { "work" };
        parts.push(format!("{} that {work} afterwards all the same", things(many)));
    }
    if !plan.warnings.is_empty() {
        parts.push(counted(plan.warnings.len() as u64, "warning"));
    }
    if !parts.is_empty() {
        line(text, 0, &format!("in all: {}", parts.join(", ")));
    }
}

/// The whole Plan.
pub fn plan_text(plan: &Plan) -> String {
    let mut text = String::new();
    head(plan, &mut text);
    sum(plan, &mut text);
    let named = Named::of(plan);
    for warning in named.fold(plan.warnings.iter().map(|one| vec![one.clone()]).collect()) {
        line(&mut text, 0, &format!("warning: {}", warning.concat()));
    }
    for nobody in plan.parted.iter().flat_map(|parted| &parted.nobody) {
        line(&mut text, 0, &nobody.words(usize::MAX));
    }
    if let Some(given) = &plan.gives_back {
        line(&mut text, 0, &format!("GIVES BACK: {}", given.what));
    }
    if let Some(lock_out) = &plan.lock_out {
        line(&mut text, 0, &format!("LOCKS OUT: {}", lock_out.what));
    }
    if plan.steps.is_empty() {
        line(&mut text, 0, "nothing is written to the cluster");
    }
    for step in &plan.steps {
        one_step(step, &named, &mut text);
    }
    checks("must be refused afterwards", &plan.verification.denied, &mut text);
    checks("must still be allowed afterwards", &plan.verification.allowed, &mut text);
    let given = if plan.undoes.is_some() {
        "must be allowed again afterwards"
    } else {
        "must be allowed afterwards, and is not now"
    };
    checks(given, &plan.verification.again, &mut text);
    let as_before = &plan.verification.still_denied;
    checks("must be refused afterwards as it is now", as_before, &mut text);
    follow(&plan.verification, &mut text);
    if !plan.manual.is_empty() {
        line(&mut text, 0, "\nto be done elsewhere:");
    }
    for manual in named.fold(plan.manual.iter().map(by_hand).collect()) {
        for (depth, words) in [1, 2, 2].into_iter().zip(manual) {
            let dash = if depth == 1 { "- " } else { "" };
            line(&mut text, depth, &format!("{dash}{words}"));
        }
    }
    if !plan.later.is_empty() {
        line(&mut text, 0, "\nto be done later (keybook due lists it):");
    }
    for later in &plan.later {
        line(&mut text, 1, &format!("- not before {}: {}", exact(later.not_before), later.what));
        let intents: Vec<String> = later.intents.iter().map(Intent::words).collect();
        line(&mut text, 2, &intents.join(", "));
        for works in &later.still_works {
            line(&mut text, 2, &format!("works on then: {}, {}", works.what, works.until));
        }
    }
    if !plan.still_works.is_empty() {
        line(&mut text, 0, "\nwhat works afterwards all the same:");
    }
    let works = plan.still_works.iter().map(|one| vec![one.what.clone(), one.until.clone()]);
    for works in named.fold(works.collect()) {
        for (depth, words) in [1, 2].into_iter().zip(works) {
            let dash = if depth == 1 { "- " } else { "" };
            line(&mut text, depth, &format!("{dash}{words}"));
        }
    }
    text
}

/// What is to be done, why, and the patch.
fn by_hand(manual: &Manual) -> Vec<String> {
    let patch = manual.patch.as_ref().map(|patch| {
        let what = if patch.merge == "null" { "it has to go" } else { &patch.merge };
        format!("{}: {what}", patch.target)
    });
    [manual.what.clone(), manual.why.clone()].into_iter().chain(patch).collect()
}

/// What is to be known of applying it, what says the same of many once.
pub fn plan_notes(plan: &Plan, notes: &[String]) -> Vec<String> {
    let each = notes.iter().map(|note| vec![note.clone()]).collect();
    Named::of(plan).fold(each).concat()
}

/// Writes the Plan as data to a file that only its owner can read, since images are as private as the
/// cluster is: YAML, or JSON where the name ends in .json. A file that is there stays: it may be a plan
/// that somebody reviewed.
///
/// # Errors
/// Where it cannot be written, or is there already.
pub fn save_plan(plan: &Plan, path: &Path) -> std::io::Result<()> {
    let value = plan.value();
    let json = path.extension().is_some_and(|extension| extension == "json");
    let text = if json { to_pretty(&value)? } else { yaml_document(&value) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|failed| match failed.error.kind() {
        ErrorKind::AlreadyExists => {
            let said = "there is a file of that name; name another, or move it away";
            std::io::Error::new(ErrorKind::AlreadyExists, said)
        }
        _ => failed.error,
    })?;
    Ok(())
}

/// One step.
pub fn step_text(step: &Step, text: &mut String) {
    one_step(step, &Named::default(), text);
}

fn one_step(step: &Step, named: &Named, text: &mut String) {
    let title = format!(
        "\n{}. {} {} ({})",
        step.id,
        step.action.as_str(),
        step.target,
        step.reversibility.as_str()
    );
    line(text, 0, &title);
    let reasons = step.reasons.iter().map(|reason| {
        let evidence = reason.evidence.iter().cloned();
        [reason.why.clone()].into_iter().chain(evidence).collect()
    });
    for words in named.fold(reasons.collect()) {
        let each = words.into_iter().map(|one| vec![one]).collect();
        named.fold(each).iter().flatten().for_each(|one| line(text, 2, one));
    }
    for owner in &step.owners {
        let words = format!("{} undoes it {} ({})", owner.owner, owner.undone, owner.evidence);
        line(text, 2, &words);
    }
    for loses in &step.loses {
        line(text, 2, &format!("lost for good: {loses}"));
    }
    line(text, 2, &format!("takes: {}", rights(&step.rights)));
    line(text, 2, &format!("taking it back takes: {}", rights(&step.inverse.rights)));
    text.push_str(&image_diff(step.before.as_ref(), step.after.as_ref()));
}

fn rights(rights: &[Right]) -> String {
    let words = rights.iter().map(|right| {
        let or = if right.or_held { " (or every right of the role)" } else { "" };
        format!("{right}{or}")
    });
    words.collect::<Vec<_>>().join(", ")
}

/// What rbac-manager has to make of it.
pub(super) fn follow(asked: &Verification, text: &mut String) {
    for (title, all) in [
        ("rbac-manager must take out afterwards", &asked.unnamed),
        ("rbac-manager must put in again afterwards", &asked.named),
    ] {
        if !all.is_empty() {
            line(text, 0, &format!("\n{title}:"));
        }
        for one in all.iter().take(NAMED) {
            line(text, 1, &format!("- {}", one.words()));
        }
        let more = all.len().saturating_sub(NAMED);
        if more > 0 {
            line(text, 1, &format!("- and {more} more (-o yaml has them)"));
        }
    }
}

pub(super) fn checks(title: &str, checks: &[Check], text: &mut String) {
    if checks.is_empty() {
        return;
    }
    line(text, 0, &format!("\n{title}:"));
    for check in checks.iter().take(NAMED) {
        line(text, 1, &format!("- {}", check.words()));
    }
    let more = checks.len().saturating_sub(NAMED);
    if more > 0 {
        line(text, 1, &format!("- and {more} more (-o yaml has them)"));
    }
}

/// What is taken from an image and put in, as lines of YAML with a little around.
fn image_diff(before: Option<&Value>, after: Option<&Value>) -> String {
    let (mut before, mut after) = (before.cloned(), after.cloned());
    let mut texts = Vec::new();
    if let (Some(before), Some(after)) = (&mut before, &mut after) {
        long_texts(before, after, "", &mut texts);
    }
    let yaml = |image: Option<&Value>| image.map(yaml_document).unwrap_or_default();
    let mut text = line_diff(&yaml(before.as_ref()), &yaml(after.as_ref()));
    for (path, before, after) in &texts {
        let _ = writeln!(text, "       lines of {}:", printable(path));
        text.push_str(&line_diff(before, after));
    }
    text
}

/// Takes texts of several lines that differ out of two images: YAML has each on one line, in which nobody
/// sees what changes.
fn long_texts(
    before: &mut Value,
    after: &mut Value,
    path: &str,
    found: &mut Vec<(String, String, String)>,
) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (key, before) in before {
                if let Some(after) = after.get_mut(key) {
                    let dot = if path.is_empty() { "" } else { "." };
                    long_texts(before, after, &format!("{path}{dot}{key}"), found);
                }
            }
        }
        (Value::String(before), Value::String(after))
            if before != after && (before.contains('\n') || after.contains('\n')) =>
        {
            let shown = "(its lines are below)";
            let whole = (std::mem::replace(before, shown.to_owned()), after.clone());
            shown.clone_into(after);
            found.push((path.to_owned(), whole.0, whole.1));
        }
        _ => {}
    }
}

/// What is taken from a text and put in, with a little around.
fn line_diff(before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut text = String::new();
    for (at, group) in diff.grouped_ops(2).iter().enumerate() {
        if at > 0 {
            text.push_str("     …\n");
        }
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let shown = printable(change.value().trim_end_matches('\n')).into_owned();
            let _ = writeln!(text, "     {sign} {shown}");
        }
    }
    text
}

/// A line, made safe to show; one that begins with a line break has an empty one before it.
pub(super) fn line(text: &mut String, depth: usize, words: &str) {
    let words = match words.strip_prefix('\n') {
        Some(rest) => {
            text.push('\n');
            rest
        }
        None => words,
    };
    let _ = writeln!(text, "{}{}", "  ".repeat(depth), printable(words));
}
