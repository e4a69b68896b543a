//! `query`: print what makes an activity summary elsewhere.

use chrono::{DateTime, NaiveDate, Utc};
use clap::{Args, ValueEnum};

use super::answer;
use super::exit::{Code, Failure};
use super::sources;
use crate::audit::query::{Engine, Over, query};

/// What the query is for, and over what.
#[derive(Clone, Debug, Args)]
pub struct QueryArgs {
    /// The engine
    #[arg(value_enum)]
    engine: Word,
    /// The table, index, log group, stream selector or file pattern, as the engine writes it
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// The column that holds an event's JSON (athena, clickhouse); what stands before an event's
    /// fields (elasticsearch)
    #[arg(long, value_name = "NAME")]
    column: Option<String>,
    /// Requests from this time on, UTC: 2026-05-04 or 2026-05-04T09:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<DateTime<Utc>>,
    /// Requests before this time, UTC
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<DateTime<Utc>>,
}

/// An engine's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Word {
    /// Amazon Athena over an S3 export of EKS's log group
    Athena,
    /// Azure Log Analytics: `AKSAudit`, `AKSAuditAdmin`
    Azure,
    /// Google `BigQuery` over a sink of GKE's log
    Bigquery,
    /// ClickHouse, over a table or files
    Clickhouse,
    /// CloudWatch Logs Insights over EKS's log group
    Cloudwatch,
    /// DuckDB over files
    Duckdb,
    /// Elasticsearch, by ES|QL
    Elasticsearch,
    /// Grafana Loki, by LogQL
    Loki,
    /// VictoriaLogs, by LogsQL; `--audit vlogs://…` asks it by itself
    Vlogs,
}

impl From<Word> for Engine {
    fn from(word: Word) -> Self {
        match word {
            Word::Athena => Self::Athena,
            Word::Azure => Self::Azure,
            Word::Bigquery => Self::BigQuery,
            Word::Clickhouse => Self::ClickHouse,
            Word::Cloudwatch => Self::CloudWatch,
            Word::Duckdb => Self::DuckDb,
            Word::Elasticsearch => Self::Elasticsearch,
            Word::Loki => Self::Loki,
            Word::Vlogs => Self::VictoriaLogs,
        }
    }
}

/// Prints the query.
pub(super) fn run(args: &QueryArgs) -> Result<Code, Failure> {
    let engine = Engine::from(args.engine);
    if args.column.is_some() && !engine.has_column() {
        return Err(Failure::usage(format!("--column means nothing to {}", engine.word())));
    }
    let now = sources::now()?;
    if args.since.is_some_and(|since| since >= args.until.unwrap_or(now)) {
        return Err(Failure::usage("--since must be before --until, which is now unless said"));
    }
    let over = Over {
        table: args.table.clone(),
        column: args.column.clone(),
        from: args.since,
        to: args.until,
    };
    answer::out(query(engine, &over, now).as_bytes())?;
    Ok(Code::Done)
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.with_timezone(&Utc));
    }
    let midnight = |day: NaiveDate| day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    text.parse()
        .ok()
        .and_then(midnight)
        .ok_or_else(|| "write it as 2026-05-04 or 2026-05-04T09:00:00Z".to_owned())
}
