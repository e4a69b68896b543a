//! Handing over an answer: data to standard output, what has to be said beside it to standard
//! error.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;

use super::args::Global;
use super::exit::{Code, Failure};
use super::sources::Session;
use crate::book::Book;
use crate::model::{Health, Identity, ListKind, Name, Unreadable, counted, printable};
use crate::rbac::query;
use crate::report::{self, Format, Metadata, Missing, Report, Tabular};

/// Broken inputs that are named; the rest is counted here and listed in JSON.
const NAMED: usize = 5;

/// Says something on standard error, what cannot be seen written out: on one line, so that no name
/// that somebody chose can pass for a line of keybook's own.
pub fn say(text: &str) {
    // Where nobody can be told, nobody is.
    let _ = writeln!(io::stderr().lock(), "{}", printable(text));
}

/// Says why a command ends without an answer, if need be on several lines.
pub fn say_error(text: &str) {
    format!("keybook: {text}").lines().for_each(say);
}

/// Writes to standard output. A reader that has gone is no error: it had enough.
pub fn out(text: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        Err(cause) if cause.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::unreachable(format!("writing to standard output: {cause}")))
        }
        _ => Ok(()),
    }
}

/// The form that was asked for.
pub fn format(global: &Global) -> Format {
    global.look.output.map_or_else(Format::default, Format::from)
}

/// What `lists` lack in every cluster of a session, for a namespace (None: everywhere).
pub fn missing(session: &Session, lists: &[ListKind], namespace: Option<&Name>) -> Vec<Missing> {
    session
        .books
        .iter()
        .flat_map(|book| {
            query::missing(&book.snapshot, lists, namespace)
                .into_iter()
                .map(|missing| of_list(&book.snapshot.cluster.id, missing))
        })
        .collect()
}

/// What is missing for an answer that stands on `needed` and shows more from `read`: of those, what
/// was asked for and refused, since the answer would say more with it.
pub fn unread(session: &Session, needed: &[ListKind], read: &[ListKind]) -> Vec<Missing> {
    let more: Vec<ListKind> = read.iter().copied().filter(|list| !needed.contains(list)).collect();
    let of_book = |book: &Arc<Book>| {
        let mut found = query::missing(&book.snapshot, needed, None);
        found.extend(query::refused(&book.snapshot, &more));
        let id = book.snapshot.cluster.id.clone();
        found.into_iter().map(move |missing| of_list(&id, missing)).collect::<Vec<_>>()
    };
    session.books.iter().flat_map(of_book).collect()
}

/// That nobody of that name is known, as far as the lists tell that say who there is.
pub fn nobody(identity: &Identity, missing: &[Missing]) -> String {
    let identity = identity.to_string();
    let identity = printable(&identity);
    if missing.is_empty() {
        return format!(
            "{identity} is named by no binding, no service account and no log that was read"
        );
    }
    format!("{identity} is named by nothing that was read; the lists that would tell are not whole")
}

/// A missing list of one cluster.
pub fn of_list(cluster: &Name, of: query::Missing) -> Missing {
    Missing {
        cluster: cluster.clone(),
        list: of.list.as_str(),
        namespace: of.namespace,
        health: of.state.health.as_str(),
        reason: of.state.reason,
    }
}

/// What an answer stands on. To the lists that it lacks come clusters that could not be reached
/// and a log that covers too little.
pub fn metadata(session: &Session, mut missing: Vec<Missing>) -> Metadata {
    let of_cluster = |name: &Name, list, health: Health, reason: String| Missing {
        cluster: name.clone(),
        list,
        namespace: None,
        health: health.as_str(),
        reason: Some(reason.into()),
    };
    for (name, failure) in &session.failed {
        missing.push(of_cluster(name, "cluster", Health::Failed, failure.message.clone()));
    }
    if let Some(days) = session.settings.require_coverage.value.filter(|_| session.reads_log) {
        for book in &session.books {
            let covered = book.coverage().map(crate::model::Coverage::days);
            let (health, reason) = match covered {
                Some(have) if have >= i64::from(days) => continue,
                Some(have) => (
                    Health::Partial,
                    format!("covers {} of the {days} required", counted(have, "day")),
                ),
                None => (
                    Health::NotGiven,
                    format!("{} required; name a log with --audit", counted(days, "day")),
                ),
            };
            missing.push(of_cluster(&book.snapshot.cluster.id, "audit log", health, reason));
        }
    }
    missing.dedup();
    Metadata::of(&session.books, missing)
}

/// Hands over an answer, says beside it what has to be said, and returns what it amounts to.
pub fn give<T: Tabular>(
    global: &Global,
    session: &Session,
    report: &Report<T>,
) -> Result<Code, Failure> {
    let mut bytes = Vec::new();
    report::write(report, format(global), !global.look.no_headers, &mut bytes)
        .map_err(|cause| Failure::unreachable(format!("writing the answer: {cause}")))?;
    out(&bytes)?;
    about(session, &report.metadata);
    Ok(code(session, &report.metadata))
}

/// What the wholeness of an answer amounts to.
pub fn code(session: &Session, metadata: &Metadata) -> Code {
    if !session.failed.is_empty() {
        Code::Unreachable
    } else if metadata.complete {
        Code::Done
    } else {
        Code::Incomplete
    }
}

/// What was not read whole of what an answer that found little reads; None where all was.
pub fn not_read(metadata: &Metadata) -> Option<String> {
    let mut lists: Vec<&str> = metadata.missing.iter().map(|one| one.list).collect();
    lists.sort_unstable();
    lists.dedup();
    match lists.as_slice() {
        [] => None,
        [one] => Some(format!("there may be more: {one} were not read whole")),
        many => {
            let (count, names) = (many.len(), many.join(", "));
            Some(format!("there may be more: {count} lists were not read whole: {names}"))
        }
    }
}

/// Says what an answer stands on, as far as that is not as it should be.
pub fn about(session: &Session, metadata: &Metadata) {
    for warning in &session.settings.warnings {
        say(&format!("warning: {warning}"));
    }
    let several = metadata.clusters.len() + session.failed.len() > 1;
    let at = |cluster: &str| {
        if several { format!("{}: ", metadata.cluster_name(cluster)) } else { String::new() }
    };
    for cluster in &metadata.clusters {
        let at = at(&cluster.id);
        for broken in cluster.broken.iter().take(NAMED) {
            say(&format!("{at}unreadable: {}: {}", broken.place, broken.reason));
        }
        let more = cluster.broken.len().saturating_sub(NAMED);
        if more > 0 {
            say(&format!("{at}unreadable: {more} more (-o json names them)"));
        }
        if !cluster.passed.is_empty() {
            let kinds: Vec<String> =
                cluster.passed.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            say(&format!("{at}passed over: {}", kinds.join(", ")));
            if cluster.passed.keys().any(|kind| kind.starts_with("audit.k8s.io/")) {
                say(&format!("{at}audit events are read with --audit, not with --from"));
            }
        }
        if cluster.repeated > 0 {
            say(&format!(
                "{at}given more than once: {}; the newest counts",
                counted(cluster.repeated, "object")
            ));
        }
        let unproven: Vec<&str> = cluster
            .lists
            .iter()
            .filter(|list| list.health == Health::Unverifiable.as_str())
            .map(|list| list.list)
            .collect();
        if !unproven.is_empty() {
            say(&format!(
                "{at}read from files, which do not say whether they are whole: {}",
                unproven.join(", ")
            ));
        }
    }
    about_log(metadata);
    for missing in &metadata.missing {
        let at = at(&missing.cluster);
        let place = missing.namespace.as_ref().map_or_else(String::new, |ns| format!(" in {ns}"));
        let reason = missing.reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
        say(&format!("{at}incomplete: {}{place}: {}{reason}", missing.list, missing.health));
    }
}

/// Says where the API server's own grants are told by another version's policy.
pub fn about_policy(metadata: &Metadata) {
    for cluster in &metadata.clusters {
        let policy = cluster.bootstrap_policy.as_ref();
        if let Some(words) = policy.and_then(|one| one.words(cluster.server_version.as_deref())) {
            say(&format!("warning: {}: {words}", cluster.name));
        }
    }
}

fn about_log(metadata: &Metadata) {
    let Some(coverage) = &metadata.coverage else {
        return;
    };
    let (Some(from), Some(to)) = (coverage.from, coverage.to) else {
        say("the audit log holds no event that could be read");
        return say_unread(&coverage.unreadable, &coverage.passed);
    };
    let gaps = coverage.gaps.len() as u64 + coverage.gaps_left_out;
    let mut text = format!(
        "log: {} to {} ({}), {}",
        report::exact(from),
        report::exact(to),
        match (to - from).num_days() {
            span if span > coverage.days => {
                format!("{} of {}", coverage.days, counted(span.unsigned_abs(), "day"))
            }
            span => counted(span.unsigned_abs(), "day"),
        },
        counted(coverage.events, "request"),
    );
    if gaps > 0 {
        text = format!("{text}, {}", counted(gaps, "gap"));
    }
    if !coverage.reads_logged {
        text.push_str(match coverage.reads_from {
            Some(_) => ", reads of few kinds logged",
            None => ", reads not logged",
        });
    }
    if !coverage.decisions_logged {
        text.push_str(", decisions not logged");
    }
    if !coverage.groups_logged {
        text.push_str(", groups not logged");
    }
    say(&text);
    what_is_missing(coverage);
    if coverage.late > 0 {
        say(&format!(
            "log: {} came too late to be counted: dates are right, counts may be too low",
            counted(coverage.late, "request")
        ));
    }
    about_summaries(coverage);
    if coverage.identities_left_out > 0 {
        say(&format!(
            "log: {} left out: it names more identities than are kept, and those seen longest ago \
             may be shown without their activity",
            counted(coverage.identities_left_out, "request")
        ));
    }
    say_unread(&coverage.unreadable, &coverage.passed);
}

fn about_summaries(coverage: &report::Coverage) {
    let Some(summaries) = &coverage.summaries else { return };
    if !summaries.lacks.is_empty() {
        say(&format!("log: its summaries lack {}", summaries.lacks.join(", ")));
    }
    if !summaries.gaps_known {
        say("log: its summaries do not say when there were no lines: gaps are not known");
    }
    if summaries.overlapping {
        say("log: a summary covers time that another summary or a log covers too: requests there \
             may be counted twice, dates are right");
    }
}

/// Says what of all that happened cannot be in the log.
fn what_is_missing(coverage: &report::Coverage) {
    if coverage.servers.missing {
        say("log: the log of an API server is missing: name those of all control plane nodes");
    }
    if coverage.clusters.len() > 1 {
        let clusters: Vec<&str> = coverage.clusters.keys().take(NAMED).map(|c| &**c).collect();
        say(&format!("log: of more than one cluster: {}", clusters.join(", ")));
    }
    if coverage.groups_logged && coverage.without_groups > 0 {
        say(&format!("log: {} without groups", counted(coverage.without_groups, "event")));
    }
    for of in coverage.losses.chunk_by(|one, other| one.carrier == other.carrier) {
        let what: Vec<&str> = of.iter().map(|loss| loss.what).collect();
        say(&format!("log: not in {}: {}", of[0].carrier, what.join("; ")));
    }
    if coverage.cut > 0 {
        say(&format!(
            "log: {} cut on the way, read as far as possible",
            counted(coverage.cut, "event")
        ));
    }
}

/// Says what of a log could not be read, and what in it is no audit event.
pub fn say_unread(unreadable: &BTreeMap<Name, Unreadable>, passed: &BTreeMap<Name, Unreadable>) {
    for (reason, unreadable) in unreadable {
        say(&format!(
            "log: {} unreadable ({reason}), the first at {}",
            counted(unreadable.count, unreadable.counted()),
            unreadable.first
        ));
    }
    for (what, passed) in passed {
        say(&format!("log: passed over: {} ({what})", counted(passed.count, "line")));
    }
}
