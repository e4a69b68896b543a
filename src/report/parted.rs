//! A Plan that splits an account, for a person: first who is made, what each gets, what nobody gets,
//! what becomes of the account and what is to be done by hand; then every step, by whose it is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde_json::Value;
use unicode_width::UnicodeWidthStr as _;

use super::plan::{checks, follow, head, line, step_text};
use super::plan_text;
use crate::change::plan::{Action, By, Intent, Parted, Plan, Reversibility, Right, Step, Who};
use crate::model::{counted, printable};

/// As wide as a terminal is by default, columns.
const COLUMNS: usize = 80;

/// Rules of one that are named before the steps, at most.
const RULES: usize = 3;

/// Things of one grant that nobody gets, likewise.
const NOBODY: usize = 2;

/// A day, seconds.
const DAY: u64 = 24 * 60 * 60;

/// A Plan as it is best read: one that splits in sum and by whose each step is, any other whole.
pub fn plan_read(plan: &Plan) -> String {
    if plan.parted.is_empty() || plan.undoes.is_some() {
        return plan_text(plan);
    }
    let mut text = narrow_head(plan);
    for parted in &plan.parted {
        first(plan, parted, &mut text);
    }
    by_hand(plan, &mut text);
    if let Some(lock_out) = &plan.lock_out {
        wrapped(&format!("LOCKS OUT: {}", lock_out.what), 0, &mut text);
    }
    warned(plan, &mut text);
    for parted in &plan.parted {
        for who in &parted.who {
            steps_of(plan, who, &mut text);
        }
    }
    for step in &plan.steps {
        if !plan.parted.iter().flat_map(|of| &of.who).any(|who| is_theirs(who, step)) {
            step_text(step, &mut text);
        }
    }
    line(&mut text, 0, "\nto apply it you need the rights to");
    rights(plan.steps.iter().flat_map(|step| &step.rights), &mut text);
    line(&mut text, 0, "and to take it back, to");
    rights(plan.steps.iter().flat_map(|step| &step.inverse.rights), &mut text);
    let asked = &plan.verification;
    for (title, all) in [
        ("must be refused afterwards", &asked.denied),
        ("must still be allowed afterwards", &asked.allowed),
        ("must be allowed afterwards, and is not now", &asked.again),
        ("must be refused afterwards as it is now", &asked.still_denied),
    ] {
        let mut wide = String::new();
        checks(title, all, &mut wide);
        for line in wide.lines() {
            let inner = line.trim_start();
            wrapped(inner, (line.len() - inner.len()) / 2, &mut text);
        }
    }
    follow(asked, &mut text);
    works(plan, &mut text);
    line(&mut text, 0, "\n-o wide shows every object, -o yaml all of it as data");
    text
}

/// What a Plan comes to, for whoever has read it.
pub fn plan_summary(plan: &Plan) -> String {
    let mut text = narrow_head(plan);
    if plan.undoes.is_none() {
        for parted in &plan.parted {
            first(plan, parted, &mut text);
        }
    }
    let mut kinds: BTreeMap<(Action, &str), usize> = BTreeMap::new();
    for step in &plan.steps {
        *kinds.entry((step.action, &step.target.kind)).or_default() += 1;
    }
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|((action, kind), count)| format!("{} {count} {kind}", action.as_str()))
        .collect();
    let steps = if kinds.is_empty() { "nothing is written".to_owned() } else { kinds.join(", ") };
    wrapped(&format!("steps: {steps}"), 0, &mut text);
    let back = |step: &&Step| step.reversibility != Reversibility::Reversible;
    for step in plan.steps.iter().filter(back) {
        let between = if step.loses.is_empty() { "" } else { ": " };
        let words = format!("{}{between}{}", step.reversibility.as_str(), step.loses.join("; "));
        wrapped(&format!("{}. {} {}", step.id, step.target, words), 1, &mut text);
    }
    if let Some(given) = &plan.gives_back {
        line(&mut text, 0, &format!("GIVES BACK: {}", given.what));
    }
    if let Some(lock_out) = &plan.lock_out {
        line(&mut text, 0, &format!("LOCKS OUT: {}", lock_out.what));
    }
    by_hand(plan, &mut text);
    warned(plan, &mut text);
    works(plan, &mut text);
    text
}

fn narrow_head(plan: &Plan) -> String {
    let (mut wide, mut text) = (String::new(), String::new());
    head(plan, &mut wide);
    // Who is split is said below.
    let said = |line: &&str| !(plan.undoes.is_none() && line.starts_with("wanted: split "));
    wide.lines().filter(said).for_each(|line| wrapped(line, 0, &mut text));
    text
}

/// Who is made and what each gets, what nobody gets, what becomes of the account.
fn first(plan: &Plan, parted: &Parted, text: &mut String) {
    line(text, 0, &format!("\n{} becomes", parted.account));
    for who in &parted.who {
        let kind = if who.machine { "a machine" } else { "a person" };
        let days = |seconds: u64| counted(seconds / DAY, "day");
        let by = match who.by {
            By::Own => "who comes in as before".to_owned(),
            By::Pods => "new, for its pods".to_owned(),
            By::Token(seconds) => {
                format!("new, {}.kubeconfig with a token for {}", who.name, days(seconds))
            }
            By::Certificate(seconds) => format!(
                "{}.kubeconfig with a certificate for {}, which cannot be revoked",
                who.name,
                days(seconds)
            ),
        };
        wrapped(&format!("{}, {kind}: {}, {by}", who.name, who.to), 1, text);
        let gets: Vec<&str> = who.gets.iter().map(|line| what(line)).collect();
        let gets = if gets.is_empty() {
            "nothing beside what every client gets".to_owned()
        } else {
            some(&gets, "more")
        };
        wrapped(&format!("gets {gets}"), 2, text);
    }
    for nobody in &parted.nobody {
        wrapped(&nobody.words(NOBODY), 1, text);
    }
    let account = &parted.account;
    if plan.later.is_empty() {
        wrapped(&format!("{account} itself stays as it is, with all that it holds"), 1, text);
    }
    for later in &plan.later {
        let day = later.not_before.format("%Y-%m-%d");
        wrapped(&format!("from {day} on (keybook due): {}", later.what), 1, text);
        for works in &later.still_works {
            wrapped(&format!("works on then: {}, {}", works.what, works.until), 2, text);
        }
    }
}

/// `get, list of pods`, of `gets get, list of pods: 3 requests needed it`.
fn what(line: &str) -> &str {
    let line = line.strip_prefix("gets ").unwrap_or(line);
    line.split_once(": ").map_or(line, |(what, _)| what)
}

fn some(all: &[&str], more: &str) -> String {
    let left = all.len().saturating_sub(RULES);
    let named = all.get(..all.len() - left).unwrap_or_default().join("; ");
    if left > 0 { format!("{named}; and {left} {more}") } else { named }
}

fn by_hand(plan: &Plan, text: &mut String) {
    if !plan.manual.is_empty() {
        line(text, 0, "\nto be done by hand:");
    }
    for manual in &plan.manual {
        wrapped(&format!("- {}", manual.what), 1, text);
        let by_parts = !plan.parted.is_empty() && manual.patch.is_none();
        if !by_parts || !manual.why.starts_with("they were seen") {
            wrapped(&manual.why, 2, text);
        }
        if let Some(patch) = &manual.patch {
            let what = if patch.merge == "null" { "it has to go" } else { &patch.merge };
            line(text, 2, &format!("{}: {what}", patch.target));
        }
    }
}

fn warned(plan: &Plan, text: &mut String) {
    if !plan.warnings.is_empty() {
        text.push('\n');
    }
    for warning in &plan.warnings {
        wrapped(&format!("warning: {warning}"), 0, text);
    }
}

fn works(plan: &Plan, text: &mut String) {
    if !plan.still_works.is_empty() {
        line(text, 0, "\nwhat works afterwards all the same:");
    }
    for works in &plan.still_works {
        wrapped(&format!("- {}", works.what), 1, text);
        wrapped(&works.until, 2, text);
    }
}

fn is_theirs(who: &Who, step: &Step) -> bool {
    who.makes.contains(&step.target)
}

/// The steps of one, each in a few lines; of a role its rules.
fn steps_of(plan: &Plan, who: &Who, text: &mut String) {
    line(text, 0, &format!("\n{}: {}", who.name, who.to));
    let wishes: Vec<String> = plan.intents.iter().map(Intent::words).collect();
    for step in plan.steps.iter().filter(|step| is_theirs(who, step)) {
        let back = match step.reversibility {
            Reversibility::Reversible => String::new(),
            other => format!(" ({})", other.as_str()),
        };
        let title = format!("{:>2}. {} {}{back}", step.id, step.action.as_str(), step.target);
        let why: Vec<&str> = step.reasons.iter().map(|reason| reason.why.as_str()).collect();
        if step.target.is_role() {
            line(text, 1, &title);
            let rules = step.after.as_ref().and_then(|after| after["rules"].as_array());
            for rule in rules.into_iter().flatten() {
                wrapped(&rule_words(rule), 3, text);
            }
        } else if let Some(subjects) = step.after.as_ref().filter(|_| step.target.is_binding()) {
            // Of what is made the object itself tells, whatever its reason says.
            let names = subjects["subjects"].as_array().into_iter().flatten();
            let names: Vec<String> = names.map(whom).collect();
            wrapped(&format!("{title}: gives it to {}", names.join(", ")), 1, text);
        } else {
            wrapped(&format!("{title}: {}", why.join("; ")), 1, text);
        }
        let evidence = step.reasons.iter().flat_map(|reason| &reason.evidence);
        for words in evidence.filter(|line| !wishes.contains(*line) && !step.target.is_binding()) {
            wrapped(words, 3, text);
        }
        for owner in &step.owners {
            let words = format!("{} undoes it {} ({})", owner.owner, owner.undone, owner.evidence);
            wrapped(&words, 3, text);
        }
        for loses in &step.loses {
            wrapped(&format!("lost for good: {loses}"), 3, text);
        }
    }
}

/// A subject of a binding: `sa:keys/ana`.
fn whom(subject: &Value) -> String {
    let text = |field: &str| subject[field].as_str().unwrap_or_default();
    match text("kind") {
        "ServiceAccount" => format!("sa:{}/{}", text("namespace"), text("name")),
        "Group" => format!("group:{}", text("name")),
        _ => format!("user:{}", text("name")),
    }
}

/// A rule in a line: `allows get, list of pods`.
fn rule_words(rule: &Value) -> String {
    let list = |field: &str| -> Vec<&str> {
        rule[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let verbs = list("verbs").join(", ");
    let paths = list("nonResourceURLs");
    if !paths.is_empty() {
        return format!("allows {verbs} of {}", paths.join(", "));
    }
    let (groups, resources, names) = (list("apiGroups"), list("resources"), list("resourceNames"));
    let of = groups.iter().flat_map(|group| {
        resources.iter().map(move |resource| match (*group, resource.split_once('/')) {
            ("", _) => (*resource).to_owned(),
            (group, Some((resource, sub))) => format!("{resource}.{group}/{sub}"),
            (group, None) => format!("{resource}.{group}"),
        })
    });
    let of: Vec<String> = of.collect();
    let only =
        if names.is_empty() { String::new() } else { format!(" named {}", names.join(", ")) };
    format!("allows {verbs} of {}{only}", of.join(", "))
}

/// Rights, each once, with the places in which it is needed.
fn rights<'a>(all: impl Iterator<Item = &'a Right>, text: &mut String) {
    let mut places: BTreeMap<(&str, &str, &str, bool), BTreeSet<&str>> = BTreeMap::new();
    for right in all {
        let key = (&*right.verb, &*right.resource, &*right.group, right.or_held);
        places.entry(key).or_default().insert(&right.namespace);
    }
    for ((verb, resource, group, or_held), places) in places {
        let dot = if group.is_empty() { "" } else { "." };
        let mut words = format!("{verb} {resource}{dot}{group}");
        let named: Vec<&str> = places.into_iter().filter(|place| !place.is_empty()).collect();
        if !named.is_empty() {
            let _ = write!(words, " in {}", named.join(", "));
        }
        if or_held {
            words.push_str(", or every right of the roles");
        }
        wrapped(&format!("- {words}"), 1, text);
    }
}

/// Words in lines of [`COLUMNS`] at most, where they have room to be parted; the second and what follows
/// further in.
fn wrapped(words: &str, depth: usize, text: &mut String) {
    let words = printable(words);
    let mut row = "  ".repeat(depth);
    let mut empty = true;
    for word in words.split(' ') {
        if !empty && row.width() + 1 + word.width() > COLUMNS {
            text.push_str(row.trim_end());
            text.push('\n');
            row = "  ".repeat(depth + 1);
            empty = true;
        }
        if !empty {
            row.push(' ');
        }
        row.push_str(word);
        empty = false;
    }
    text.push_str(row.trim_end());
    text.push('\n');
}
