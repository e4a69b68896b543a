//! `due`: what is to be done later, and whether its day has come: stages of what was applied, what
//! remains of an account that was retired, what who was revoked has in hand of others, and exemptions
//! that end.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, NaiveTime, Utc};
use serde_json::{Value, json};

use super::args::{Global, Output};
use super::exit::{Code, Failure};
use super::identity::ROWS;
use super::sources::{Needs, now, open, settings};
use super::{again, answer, journal};
use crate::book::Book;
use crate::change::plan::{Ending, Intent, Remaining, Remains, is_done, remains, what_ends};
use crate::change::run::{History, Run, Stage};
use crate::config::Setting;
use crate::credentials::{Expires, InHand, hand};
use crate::model::{Again, Exemption, Identity, printable};
use crate::report::{self, exact};

/// Something with a day.
enum Due<'a> {
    Stage(Stage<'a>, Option<Remains>),
    /// What remains of the account of a run, all of whose stages are done.
    Retired(&'a Run, Identity, Remains),
    /// What somebody whom a run revoked has in hand that authenticates others.
    InHand(&'a Run, Identity, Vec<InHand>),
    /// An exemption, and whether it no longer holds.
    Exemption(&'a Setting<Exemption>, bool),
}

pub(super) fn run(global: &Global) -> Result<Code, Failure> {
    let ((history, code), settings, now) = (journal::history(global)?, settings(global)?, now()?);
    let exemptions = settings.exemptions.iter();
    let exemptions = exemptions.map(|one| Due::Exemption(one, !one.value.holds(now)));
    let mut all: Vec<Due<'_>> = staged(global, &history, now)?;
    all.extend(exemptions);
    // Those of one time stay in their order.
    all.sort_by_key(Due::not_before);
    let options = again::of(global);
    let document = json!({
        "apiVersion": report::API_VERSION, "kind": "DueList", "metadata": {},
        "items": all.iter().map(|one| one.item(&options)).collect::<Vec<_>>(),
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
        Output::Table | Output::Wide => all.iter().map(|one| one.line(&options)).collect(),
    };
    answer::out(text.as_bytes())?;
    // What was begun is to be ended before all else.
    let open = history.open();
    if let Some(open) = open {
        answer::say(&journal::cut_off(open, &options.cluster));
    }
    if all.is_empty() && open.is_none() {
        let known = if code == Code::Done { "" } else { ", as far as that is known" };
        answer::say(&format!("nothing is left to do later, by the journal of this machine{known}"));
    }
    let is_due = open.is_some() || all.iter().any(Due::is_due);
    Ok(code.max(if is_due { Code::No } else { Code::Done }))
}

/// Whom a run splits, where it has stages.
fn account(run: &Run) -> Option<&Identity> {
    let split = run.plan.intents.iter().find(|intent| matches!(intent, Intent::Split { .. }));
    split.filter(|_| !run.plan.later.is_empty())?.identity()
}

/// The stages that are left, and what remains of accounts that have none left, by the cluster and the
/// log as they are now.
fn staged<'a>(
    global: &Global,
    history: &'a History,
    now: DateTime<Utc>,
) -> Result<Vec<Due<'a>>, Failure> {
    let runs: BTreeMap<u64, &Run> =
        history.runs.values().filter(|run| run.stands()).map(|run| (run.id, run)).collect();
    let again = again::of(global).cluster;
    let unfinished = |run: &&&Run| !run.is_done() && !run.was_undone();
    for run in runs.values().filter(|run| !run.plan.later.is_empty()).filter(unfinished) {
        answer::say(&format!(
            "run {}, which has stages, is {}: keybook apply --finish {0}{again}, or keybook undo {0}{again}",
            run.id,
            run.words()
        ));
    }
    let revoked = revoked(&runs);
    if revoked.is_empty() && !runs.values().any(|run| !run.plan.later.is_empty()) {
        return Ok(Vec::new());
    }
    let session = open(global, Needs { lists: ROWS, log: true, findings: false })?;
    let book: Option<Arc<Book>> = session.books.first().cloned();
    let look = |run: &Run, since| {
        let identity = account(run)?;
        Some((identity.clone(), remains(book.as_deref()?, identity, since)))
    };
    // What the world says goes before what runs were made for: what somebody did by hand is done too,
    // and what an owner put back, or was left to one, is not.
    let done = |intent: &Intent| is_done(book.as_deref()?, intent);
    let stages = history.stages(now, &done);
    let open: Vec<u64> = stages.iter().map(|stage| stage.run).collect();
    let mut all: Vec<Due<'a>> = stages
        .into_iter()
        .map(|stage| {
            let seen = runs.get(&stage.run).and_then(|run| look(run, run.at));
            Due::Stage(stage, seen.map(|(_, remains)| remains))
        })
        .collect();
    let logged = book.as_deref().filter(|book| book.activity.is_some() && book.log.is_whole());
    if logged.is_none() && !revoked.is_empty() {
        answer::say(
            "no log was read: what those who were revoked have in hand of others is not known (--audit, or \
             keybook ingest)",
        );
    }
    for (who, run) in revoked {
        let held = book.as_deref().map(|book| hand(book, who).known).unwrap_or_default();
        if !held.is_empty() {
            all.push(Due::InHand(run, who.clone(), held));
        }
    }
    for run in runs.values().filter(|run| !open.contains(&run.id)) {
        let seen = look(run, retired_at(&runs, run));
        let Some((identity, mut remains)) = seen else { continue };
        // Without its lists only the runs say so.
        let stages = run.plan.later.iter().flat_map(|later| &later.intents);
        let unknown: Vec<String> =
            stages.filter(|intent| done(intent).is_none()).map(Intent::words).collect();
        let sure = unknown.is_empty();
        remains.unknown.extend(
            unknown
                .iter()
                .map(|words| format!("whether this is done, by what there is now: {words}")),
        );
        if !remains.is_empty() || !sure {
            all.push(Due::Retired(run, identity, remains));
        }
    }
    Ok(all)
}

/// Who was revoked, and by which run that stands, the last of them.
fn revoked<'a>(runs: &BTreeMap<u64, &'a Run>) -> BTreeMap<&'a Identity, &'a Run> {
    let mut all = BTreeMap::new();
    for run in runs.values() {
        all.extend(run.plan.intents.iter().filter_map(|intent| match intent {
            Intent::Identity { identity }
            | Intent::Account { identity, how: Ending::Delete | Ending::Renew } => {
                Some((identity, *run))
            }
            _ => None,
        }));
    }
    all
}

/// The last time at which something of it is known to end by itself, UTC.
fn ends(held: &[InHand]) -> Option<DateTime<Utc>> {
    let end = |one: &InHand| match one.credential.expires {
        Expires::At(at) => Some(at),
        Expires::Never | Expires::NotKnown(_) => None,
    };
    held.iter().filter_map(end).max()
}

/// When the last stage of a run was made, UTC; where nobody made it, when it was to be.
fn retired_at(runs: &BTreeMap<u64, &Run>, run: &Run) -> DateTime<Utc> {
    let Some(last) = run.plan.later.last() else { return run.at };
    let did = |other: &&&Run| {
        other.id > run.id && last.intents.iter().any(|wish| other.plan.intents.contains(wish))
    };
    runs.values().filter(did).map(|other| other.at).max().unwrap_or_else(|| run.stage_from(last))
}

impl Due<'_> {
    /// When it is to be done, UTC; of an exemption the end of its last day, of what remains of an
    /// account when the last of it is known to end.
    fn not_before(&self) -> DateTime<Utc> {
        match self {
            Self::Stage(stage, _) => stage.not_before,
            Self::Retired(_, _, remains) => remains.ends().unwrap_or(DateTime::<Utc>::MAX_UTC),
            Self::InHand(_, _, held) => ends(held).unwrap_or(DateTime::<Utc>::MAX_UTC),
            Self::Exemption(one, _) => {
                let last = one.value.expires;
                last.succ_opt().unwrap_or(last).and_time(NaiveTime::MIN).and_utc()
            }
        }
    }

    fn is_due(&self) -> bool {
        match self {
            Self::Stage(stage, _) => stage.due,
            Self::Retired(..) | Self::InHand(..) => false,
            Self::Exemption(_, ended) => *ended,
        }
    }

    /// What keybook can plan of it.
    fn left(&self) -> impl Iterator<Item = &Intent> {
        let left = match self {
            Self::Stage(stage, _) => stage.left.as_slice(),
            Self::Retired(..) | Self::InHand(..) | Self::Exemption(..) => &[],
        };
        left.iter().copied()
    }

    fn item(&self, options: &Again) -> Value {
        let not_before = self.not_before();
        match self {
            Self::Stage(stage, seen) => {
                let [plan, apply] = commands(stage, options);
                json!({
                    "kind": "stage", "run": stage.run, "notBefore": not_before, "due": stage.due,
                    "what": stage.later.what,
                    "left": stage.left.iter().map(|one| one.words()).collect::<Vec<_>>(),
                    "tried": stage.tried.map(|(run, wrote)| json!({"run": run, "wrote": wrote})),
                    "command": plan, "apply": apply,
                    "remains": seen.as_ref().map(document),
                })
            }
            Self::Retired(run, identity, remains) => json!({
                "kind": "retired", "run": run.id, "identity": identity.to_string(),
                "notBefore": remains.ends(), "due": false, "remains": document(remains),
            }),
            Self::InHand(run, identity, held) => json!({
                "kind": "inHand", "run": run.id, "identity": identity.to_string(),
                "notBefore": ends(held), "due": false,
                "inHand": held.iter().map(|one| json!({
                    "what": one.what(), "how": one.how.as_str(),
                    "authenticates": one.credential.identity.to_string(),
                    "until": one.until(), "revoke": what_ends(&one.credential),
                })).collect::<Vec<_>>(),
            }),
            Self::Exemption(Setting { value: one, origin }, ended) => json!({
                "kind": "exemption", "notBefore": not_before, "due": ended,
                "rule": one.rule, "identity": one.identity, "owner": one.owner,
                "reason": one.reason, "expires": one.expires, "from": origin.to_string(),
            }),
        }
    }

    fn line(&self, options: &Again) -> String {
        let when = exact(self.not_before());
        let due = if self.is_due() { "due since" } else { "not before" };
        match self {
            Self::Stage(stage, seen) => {
                let what = printable(&stage.later.what);
                let mut text = format!("{due} {when}  run {}  {what}\n", stage.run);
                if let Some(tried) = tried(stage) {
                    let _ = writeln!(text, "    {tried}");
                }
                for command in commands(stage, options) {
                    let _ = writeln!(text, "    {}", printable(&command));
                }
                text.push_str(&seen.as_ref().map_or_else(String::new, lines));
                text
            }
            Self::Retired(run, identity, remains) => {
                let identity = identity.to_string();
                let until = until(remains.ends());
                format!(
                    "{until}  run {}  {} is retired, and this is left of it\n{}",
                    run.id,
                    printable(&identity),
                    lines(remains)
                )
            }
            Self::InHand(run, identity, held) => {
                let mut text = format!(
                    "{}  run {}  {}, from whom it took, has this of others in hand\n",
                    until(ends(held)),
                    run.id,
                    printable(&identity.to_string())
                );
                for one in held {
                    let line = format!(
                        "{}: {}; what would revoke it: {}",
                        one.what(),
                        one.until(),
                        what_ends(&one.credential)
                    );
                    let _ = writeln!(text, "    {}", printable(&line));
                }
                text
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

fn until(ends: Option<DateTime<Utc>>) -> String {
    ends.map_or_else(|| "no end known".to_owned(), |at| format!("ends {}", exact(at)))
}

/// What came of the last run that was made for a stage.
fn tried(stage: &Stage<'_>) -> Option<String> {
    let (run, wrote) = stage.tried?;
    Some(if wrote {
        format!("run {run} did some of it, and this is left, or there again")
    } else {
        format!(
            "run {run} was made for it and wrote nothing: keybook journal {run} says who has to do it"
        )
    })
}

/// What remains, a line each.
fn lines(remains: &Remains) -> String {
    let mut lines: Vec<String> = remains.credentials.iter().map(credential).collect();
    lines.extend(remains.users.iter().map(|who| format!("used since: {who}")));
    if lines.is_empty() {
        lines.push("nothing is known to authenticate as it, and nobody was seen since".to_owned());
    }
    lines.extend(remains.unknown.iter().map(|why| format!("not known: {why}")));
    let mut text = String::new();
    for line in &lines {
        let _ = writeln!(text, "    {}", printable(line));
    }
    text
}

fn credential(one: &Remaining) -> String {
    let (kind, id, until) = (one.kind, &one.credential, &one.until);
    let used = one.use_.as_deref().map_or_else(String::new, |words| format!("; {words}"));
    if let Some(why) = one.unsure {
        let ends = &one.revoke;
        format!(
            "whether it authenticates is not known: {kind} {id}, {why}; {until}{used}; what ends it: {ends}"
        )
    } else if one.taken {
        format!("still authenticates: {kind} {id}, {until}{used}; what ends it: {}", one.revoke)
    } else if one.perhaps_before {
        format!("refused, and tried on that day, perhaps before it was: {kind} {id}{used}")
    } else {
        format!("refused, and still tried: {kind} {id}{used}")
    }
}

fn document(remains: &Remains) -> Value {
    let credential = |one: &Remaining| {
        json!({
            "id": one.credential, "kind": one.kind, "authenticates": one.unsure.is_none().then_some(one.taken), "ends": one.ends,
            "until": one.until, "use": one.use_, "revoke": one.revoke,
        })
    };
    json!({
        "credentials": remains.credentials.iter().map(credential).collect::<Vec<_>>(),
        "usedSince": remains.users, "notKnown": remains.unknown,
    })
}

/// What makes the plan, and what applies it, as a shell takes them. Each stage has a file of its own,
/// since no plan is written over.
fn commands(stage: &Stage<'_>, options: &Again) -> [String; 2] {
    let words: Vec<String> = stage.left.iter().map(|intent| intent.shell_word()).collect();
    let file = format!("retire-{}-{}.yaml", stage.run, stage.not_before.format("%Y%m%d"));
    [
        format!(
            "keybook revoke {}{}{} --out {file}",
            words.join(" "),
            options.cluster,
            options.log
        ),
        format!("keybook apply {file}{}", options.cluster),
    ]
}
