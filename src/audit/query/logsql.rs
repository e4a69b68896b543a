//! VictoriaLogs' queries, of the parts that the printed one and its use as a source share.

const HEAD: &str = include_str!("text/vlogs.logsql");
const LINES: &str = include_str!("text/vlogs-lines.logsql");
const REQUESTS: &str = include_str!("text/vlogs-requests.logsql");
const SUM: &str = include_str!("text/vlogs-sum.logsql");
const STRETCHES: &str = include_str!("text/vlogs-stretches.logsql");
/// Before `until`: everything.
const EVER: (&str, &str) = ("0000", "9999");

/// The whole summary, with places for what a person says.
pub(super) fn whole() -> String {
    format!(
        "{HEAD}_time:>=@FROM@Z @TABLE@\n{LINES}{REQUESTS}{SUM}| union (\n_time:>=@FROM@Z \
         @TABLE@\n{LINES}{STRETCHES})\n"
    )
}

fn lines(query: &str, from: &str, to: &str) -> String {
    format!("{query}\n{LINES}").replace("@FROM@", from).replace("@TO@", to)
}

/// The requests received in `[from, to)`, as rows of a summary.
pub fn requests(query: &str, from: &str, to: &str) -> String {
    format!("{}{REQUESTS}{SUM}", lines(query, from, to))
}

/// The lines of requests received in `[from, to)`, as rows of a summary.
pub fn stretches(query: &str, from: &str, to: &str) -> String {
    format!("{}{STRETCHES}", lines(query, from, to))
}

/// The first and the last `_time` of anything.
pub fn extent(query: &str) -> String {
    format!("{query}\n| stats min(_time) as first, max(_time) as last")
}

/// How many lines each hour of `_time` has of requests of each hour in which they were received, and
/// when the first and the last of these were.
pub fn hours(query: &str) -> String {
    format!(
        "{}| extract_regexp \"^(?P<asked_hour>.{{13}})\" from asked_at | stats by (_time:1h, \
         asked_hour) count() as lines, min(asked_at) as first, max(asked_at) as last",
        lines(query, EVER.0, EVER.1)
    )
}
