//! What was read, what was not, and why.

use super::header;
use crate::book::{Book, LogState};
use crate::findings;
use crate::model::{Coverage, Health, ListKind};
use crate::report::BootstrapPolicy;
use crate::tui::state::State;
use crate::tui::text::{figure, plural, wrap};
use crate::tui::theme::Slot;
use crate::tui::time::{ago, days, moment, span};
use crate::tui::widgets::Line;
use crate::tui::words;

/// All of it, cluster by cluster.
pub fn lines(state: &State) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for feed in state.listed() {
        let Some(book) = &feed.book else {
            lines.push(heading(format!("{} · connecting …", feed.title())));
            continue;
        };
        cluster(&mut lines, state, book);
        lists(&mut lines, book, state.size.0.into());
        not_judged(&mut lines, book, state.size.0.into());
        log(&mut lines, book);
        inputs(&mut lines, book);
        lines.push(Line::new());
    }
    let width = usize::from(state.size.0).saturating_sub(8);
    lines.extend(super::credentials::unseen_lines(state, width));
    lines
}

fn heading(text: impl Into<String>) -> Line<'static> {
    Line::of(text.into(), Slot::Brand)
}

fn field(label: &str, text: impl Into<String>) -> Line<'static> {
    Line::of(format!("  {label:<20}"), Slot::Muted).then(text.into(), Slot::Base)
}

fn cluster(lines: &mut Vec<Line<'static>>, state: &State, book: &Book) {
    let info = &book.snapshot.cluster;
    lines.push(heading(format!("cluster {}", info.name)));
    let shown = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    lines.push(field("server", shown(&info.server)));
    lines.push(field("context", shown(&info.context)));
    lines.push(field("id", shown(&info.id)));
    lines.push(field("version", shown(info.server_version.as_deref().unwrap_or_default())));
    if let Some(words) =
        BootstrapPolicy::of(book).and_then(|policy| policy.words(info.server_version.as_deref()))
    {
        lines.push(Line::of("  own policy          ", Slot::Muted).then(words, Slot::Warn));
    }
    let who = match (&info.impersonator, &info.operator) {
        (Some(real), Some(operator)) => format!("{real} as {operator}"),
        (_, Some(operator)) => operator.to_string(),
        (_, None) => "not known".to_owned(),
    };
    lines.push(field("seen as", who));
    let taken = book.snapshot.taken_at.map_or_else(
        || "not known".to_owned(),
        |time| format!("{} UTC ({})", moment(time), ago(time, state.now)),
    );
    lines.push(field("as of", taken));
    let authorizers = book.authorizers();
    if !authorizers.is_empty() {
        let text = format!(
            "beside RBAC: {}; \"no\" is by RBAC, not known otherwise",
            authorizers.join(", ")
        );
        lines.push(Line::of("  authorizers         ", Slot::Muted).then(text, Slot::Warn));
    }
    lines.push(Line::new());
}

fn lists(lines: &mut Vec<Line<'static>>, book: &Book, width: usize) {
    let sum = header::Lists::of([book]);
    let count = |health| {
        ListKind::ALL.iter().filter(|kind| book.snapshot.list(**kind).health == health).count()
    };
    let mut head = format!("lists {} of {} whole", sum.whole, sum.of);
    for (how_many, words) in [
        (count(Health::Unverifiable), "as files have them, which do not say that they are"),
        (count(Health::NotGiven), "more not given"),
    ] {
        if how_many > 0 {
            head = format!("{head} · {how_many} {words}");
        }
    }
    lines.extend(wrap(&head, width).into_iter().map(heading));
    for kind in ListKind::ALL {
        let state = book.snapshot.list(kind);
        let (sign, slot) = words::health(state.health);
        let mut line = Line::of(format!("  {sign} "), slot);
        line.push(format!("{:<34}", kind.as_str()), Slot::Base);
        line.push(format!("{:<14}", state.health.as_str()), slot);
        if state.count > 0 {
            line.push(format!("{:>8}", figure(state.count)), Slot::Base);
        }
        if state.health == Health::Partial {
            line.push(format!("  only {}", state.namespaces.join(" ")), Slot::Warn);
        }
        lines.push(line);
        // Why is worth reading to its end.
        for reason in state.reason.iter().flat_map(|reason| wrap(reason, width.saturating_sub(8))) {
            lines.push(Line::of(format!("      {reason}"), Slot::Muted));
        }
    }
    if book.snapshot.discovery.builtin {
        let text = "  what is served is a fresh server's: this one's own list was not given";
        lines.push(Line::of(text, Slot::Unknown));
    }
    for (group, reason) in &book.snapshot.discovery.failed_groups {
        lines.push(Line::of(format!("  ! {group}: {reason}"), Slot::Warn));
    }
    lines.push(Line::new());
}

/// Rules of findings that rest on what is lacking.
fn not_judged(lines: &mut Vec<Line<'static>>, book: &Book, width: usize) {
    let all = findings::not_judged(book);
    if all.is_empty() {
        return;
    }
    lines.push(heading("rules of findings not judged, or not of everybody"));
    for text in all.iter().flat_map(|one| wrap(&one.words(), width.saturating_sub(4))) {
        lines.push(Line::of(format!("  {text}"), Slot::Unknown));
    }
    lines.push(Line::new());
}

fn log(lines: &mut Vec<Line<'static>>, book: &Book) {
    let mut head = heading("audit log  ");
    head.0.extend(header::log(book).0);
    lines.push(head);
    if let LogState::Failed(why) = &book.log {
        lines.push(Line::of(format!("  {why}"), Slot::Danger));
    }
    let Some(coverage) = book.coverage() else {
        if book.log == LogState::None {
            lines.push(Line::of(
                "  none was given: --audit FILE shows who did what; without it only signs, \
                 marked ~",
                Slot::Muted,
            ));
            lines.push(Line::of("  docs/logs has how to get one, by platform", Slot::Muted));
        }
        lines.push(Line::new());
        return;
    };
    if let (Some(from), Some(to)) = (coverage.from, coverage.to) {
        let (covered, span) = (coverage.days(), coverage.span_days());
        let of = if covered < span { format!("{covered} of ") } else { String::new() };
        let text = format!("{} to {} UTC, {of}{}", moment(from), moment(to), days(span));
        lines.push(field("covers", text));
    }
    let events = format!(
        "{} in {}, {}",
        plural(coverage.events, "request"),
        plural(coverage.lines, "line"),
        plural(coverage.repeats, "repeat")
    );
    lines.push(field("events", events));
    if coverage.late > 0 {
        let late = format!("{}, not counted; dates are right", plural(coverage.late, "request"));
        lines.push(field("late", late));
    }
    lines.push(field("unauthenticated", figure(coverage.unauthenticated)));
    for (on, what, means) in [
        (
            coverage.reads_logged && book.logs_reads(),
            "reads",
            "unused reads are not known to be unused",
        ),
        (coverage.decisions_logged, "decisions", "allowed and denied are told by the answer only"),
        (coverage.groups_logged, "groups", "members of groups are not known"),
    ] {
        let line = if on {
            field(&format!("{what} logged"), "yes")
        } else {
            Line::of(format!("  {:<20}", format!("{what} logged")), Slot::Muted)
                .then(format!("no: {means}"), Slot::Warn)
        };
        lines.push(line);
    }
    for gap in &coverage.gaps {
        let text = format!(
            "  gap {} to {} UTC, {}",
            moment(gap.from),
            moment(gap.to),
            span((gap.to - gap.from).num_seconds())
        );
        lines.push(Line::of(text, Slot::Warn));
    }
    if coverage.gaps_left_out > 0 {
        let text = format!("  and {}", plural(coverage.gaps_left_out, "shorter gap"));
        lines.push(Line::of(text, Slot::Warn));
    }
    for (reason, unreadable) in &coverage.unreadable {
        let text = format!(
            "  {} unreadable: {reason}; the first is {}",
            plural(unreadable.count, unreadable.counted()),
            unreadable.first
        );
        lines.push(Line::of(text, Slot::Danger));
    }
    origin(lines, coverage);
    if let Some(summaries) = &coverage.summaries {
        lines.push(field("from summaries", plural(summaries.requests, "request")));
        let mut warn = |text: String| lines.push(Line::of(format!("  {text}"), Slot::Warn));
        if !summaries.lacks.is_empty() {
            warn(format!("summaries lack {}", summaries.lacks.join(", ")));
        }
        if !summaries.gaps_known {
            warn("gaps are not known: a summary does not say when there were no lines".to_owned());
        }
        if summaries.overlapping {
            warn("summaries or logs overlap: requests may be counted twice".to_owned());
        }
    }
    for source in &coverage.sources {
        lines.push(field("source", source.to_string()));
    }
    lines.push(field("idle after", format!("{} unseen", plural(book.policy.idle_days, "day"))));
    lines.push(Line::new());
}

/// Whose log it is, what it came in, and what that leaves out.
fn origin(lines: &mut Vec<Line<'static>>, coverage: &Coverage) {
    let warn = |text: String| Line::of(format!("  {text}"), Slot::Warn);
    if coverage.reads_logged
        && let (Some(from), Some(to)) = (coverage.reads_from, coverage.reads_to)
        && coverage.from.is_some_and(|start| !coverage.reads_cover(start))
    {
        lines.push(warn(format!("reads only from {} to {} UTC", moment(from), moment(to))));
    }
    if coverage.groups_logged && coverage.without_groups > 0 {
        let events = plural(coverage.without_groups, "event");
        lines.push(warn(format!("{events} without groups: members may be unknown")));
    }
    if coverage.lacks_server() {
        lines.push(warn("the log of an API server is missing: what it served is not here".into()));
    }
    if let Some(lacking) = coverage.from.and_then(|from| coverage.lacking_in_words(from)) {
        lines.push(warn(lacking));
    }
    if coverage.cut > 0 {
        let events = plural(coverage.cut, "event");
        let were = if coverage.cut == 1 { "was" } else { "were" };
        lines.push(warn(format!("{events} {were} cut on the way, read as far as possible")));
    }
    for (what, passed) in &coverage.passed {
        lines.push(field("passed over", format!("{}: {what}", plural(passed.count, "line"))));
    }
    for (carrier, events) in &coverage.carriers {
        lines.push(field("came as", format!("{carrier}, {}", plural(*events, "event"))));
    }
    for (carrier, what) in coverage.losses() {
        lines.push(field("not in it", format!("{what} ({carrier})")));
    }
    if coverage.clusters.len() > 1 {
        lines.push(warn("it is the log of more than one cluster".into()));
    }
    for (cluster, events) in &coverage.clusters {
        lines.push(field("cluster", format!("{cluster}, {}", plural(*events, "event"))));
    }
    for (label, servers) in
        [("API server", &coverage.api_servers), ("log stream", &coverage.streams)]
    {
        for server in servers.iter().take(SERVERS) {
            let (from, to) = (moment(server.from), moment(server.to));
            lines.push(field(label, format!("{}, {from} to {to} UTC", server.name)));
        }
        if servers.len() > SERVERS {
            lines.push(field(label, format!("and {} more", servers.len() - SERVERS)));
        }
    }
}

/// How many servers are named.
const SERVERS: usize = 12;

fn inputs(lines: &mut Vec<Line<'static>>, book: &Book) {
    let snapshot = &book.snapshot;
    if !snapshot.broken.is_empty() {
        lines.push(heading(format!("{} not read", plural(snapshot.broken.len(), "input"))));
        for broken in &snapshot.broken {
            lines.push(Line::of(format!("  {}: {}", broken.place, broken.reason), Slot::Danger));
        }
        lines.push(Line::new());
    }
    if !snapshot.passed.is_empty() {
        lines.push(heading("passed over, of kinds that keybook does not read"));
        for (kind, count) in &snapshot.passed {
            lines.push(field(kind, figure(*count)));
        }
        lines.push(Line::new());
    }
}
