//! Queries that make an activity summary elsewhere: one text an engine, with places for what a
//! person says.

pub(super) mod logsql;

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};

/// Where a log may lie that is not a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Engine {
    /// Amazon Athena over an S3 export of EKS's log group.
    Athena,
    /// Azure Monitor's Log Analytics: the tables AKSAudit and AKSAuditAdmin.
    Azure,
    /// Google `BigQuery` over a sink of GKE's log.
    BigQuery,
    /// ClickHouse, over a table or files.
    ClickHouse,
    /// CloudWatch Logs Insights over EKS's log group.
    CloudWatch,
    /// DuckDB over files.
    DuckDb,
    /// Elasticsearch, by ES|QL.
    Elasticsearch,
    /// Grafana Loki, by LogQL.
    Loki,
    /// VictoriaLogs, by LogsQL.
    VictoriaLogs,
}

/// What a query is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Over {
    /// The table, index, log group, selector or file pattern; None is the engine's usual one.
    pub table: Option<String>,
    /// The column or field that holds an event, or that is before an event's fields.
    pub column: Option<String>,
    /// Requests from here on; None is as far back as the engine's query goes by itself.
    pub from: Option<DateTime<Utc>>,
    /// Requests before this; None is everything.
    pub to: Option<DateTime<Utc>>,
}

impl Engine {
    /// All, in the order of their words.
    pub const ALL: [Self; 9] = [
        Self::Athena,
        Self::Azure,
        Self::BigQuery,
        Self::ClickHouse,
        Self::CloudWatch,
        Self::DuckDb,
        Self::Elasticsearch,
        Self::Loki,
        Self::VictoriaLogs,
    ];

    /// Its word on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Athena => "athena",
            Self::Azure => "azure",
            Self::BigQuery => "bigquery",
            Self::ClickHouse => "clickhouse",
            Self::CloudWatch => "cloudwatch",
            Self::DuckDb => "duckdb",
            Self::Elasticsearch => "elasticsearch",
            Self::Loki => "loki",
            Self::VictoriaLogs => "vlogs",
        }
    }

    fn text(self) -> Cow<'static, str> {
        let text = match self {
            Self::Athena => include_str!("text/athena.sql"),
            Self::Azure => include_str!("text/azure.kql"),
            Self::BigQuery => include_str!("text/bigquery.sql"),
            Self::ClickHouse => include_str!("text/clickhouse.sql"),
            Self::CloudWatch => include_str!("text/cloudwatch.txt"),
            Self::DuckDb => include_str!("text/duckdb.sql"),
            Self::Elasticsearch => include_str!("text/elasticsearch.esql"),
            Self::Loki => include_str!("text/loki.logql"),
            Self::VictoriaLogs => return logsql::whole().into(),
        };
        text.into()
    }

    /// The usual table and column.
    fn usual(self) -> (&'static str, &'static str) {
        match self {
            Self::Athena => ("eks_audit", "line"),
            Self::Azure => ("AKSAudit", ""),
            Self::BigQuery => ("PROJECT.DATASET", ""),
            Self::ClickHouse => ("audit", "message"),
            Self::CloudWatch => ("/aws/eks/CLUSTER/cluster", ""),
            Self::DuckDb => ("audit*.log*", ""),
            Self::Elasticsearch => ("logs-kubernetes.audit_logs-*", "kubernetes.audit."),
            Self::Loki => ("{job=\"kube-audit\"}", ""),
            Self::VictoriaLogs => ("*", ""),
        }
    }

    /// Whether `--column` means something to it.
    pub fn has_column(self) -> bool {
        !self.usual().1.is_empty()
    }

    /// How far back its query goes where nothing is said, in days; None is all the way. Engines
    /// that answer with few rows, or by the bytes they read, are asked for less.
    fn usual_days(self) -> Option<i64> {
        match self {
            Self::ClickHouse | Self::DuckDb => None,
            Self::CloudWatch | Self::Loki => Some(1),
            _ => Some(90),
        }
    }
}

/// The query, ready to be run. `now` is where the usual time ends, UTC.
pub fn query(engine: Engine, over: &Over, now: DateTime<Utc>) -> String {
    let (table, column) = engine.usual();
    let quoted = |text: &str| match engine {
        // Inside quotes.
        Engine::DuckDb => text.replace('\'', "''"),
        _ => text.to_owned(),
    };
    let table = quoted(over.table.as_deref().unwrap_or(table));
    let column = over.column.as_deref().unwrap_or(column);
    let to = over.to.or(engine.usual_days().map(|_| now));
    let days = engine.usual_days().map(chrono::TimeDelta::days);
    let from = over.from.or(days.map(|days| over.to.unwrap_or(now) - days));
    // LogsQL compares text, in which a fraction of a second stands before the zone.
    let zone = if engine == Engine::VictoriaLogs { "" } else { "Z" };
    let time = |time: DateTime<Utc>| {
        let text = time.to_rfc3339_opts(SecondsFormat::Secs, true);
        format!("{}{zone}", text.trim_end_matches('Z'))
    };
    engine
        .text()
        .replace("@TABLE@", &table)
        .replace("@COLUMN@", column)
        .replace("@RANGE@", &from.zip(to).map_or_else(String::new, |(from, to)| range(to - from)))
        .replace("@FROM@", &from.map_or_else(|| "2015-01-01T00:00:00Z".to_owned(), time))
        .replace("@TO@", &to.map_or_else(|| "2100-01-01T00:00:00Z".to_owned(), time))
}

/// A length of time as LogQL writes it.
fn range(length: chrono::TimeDelta) -> String {
    let seconds = length.num_seconds();
    match () {
        () if seconds % 86_400 == 0 => format!("{}d", seconds / 86_400),
        () if seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        () => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;

    use super::super::summary::COLUMNS;
    use super::*;

    fn now() -> DateTime<Utc> {
        Utc.with_ymd_and_hms(2026, 5, 4, 9, 0, 0).unwrap()
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for engine in Engine::ALL {
            let text = query(engine, &Over::default(), now());
            assert!(!text.contains('@') || !text.contains("@T"), "{}", engine.word());
            for place in ["@TABLE@", "@COLUMN@", "@FROM@", "@TO@", "@RANGE@"] {
                assert!(!text.contains(place), "{} {place}", engine.word());
            }
            assert!(text.contains("keybook_summary"), "{}", engine.word());
        }
    }

    #[test]
    fn columns_are_the_documented_ones() {
        let documented = include_str!("../../../docs/formats/summary.md");
        for column in COLUMNS {
            assert!(documented.contains(&format!("`{column}`")), "{column}");
        }
        for engine in [Engine::DuckDb, Engine::ClickHouse, Engine::Athena, Engine::BigQuery] {
            let text = query(engine, &Over::default(), now());
            for column in COLUMNS.iter().filter(|column| **column != "lacks") {
                assert!(text.contains(column), "{} {column}", engine.word());
            }
        }
    }

    #[test]
    fn every_query_is_over_the_time_that_was_asked_for() {
        let hours = |hours| now() + chrono::TimeDelta::hours(hours);
        for engine in Engine::ALL {
            let asked = |from, to| {
                query(engine, &Over { from: Some(from), to: Some(to), ..Over::default() }, now())
            };
            let [one, shorter, earlier] =
                [(hours(-50), now()), (hours(-3), now()), (hours(-50), hours(-3))]
                    .map(|(from, to)| asked(from, to));
            assert!(one != shorter && one != earlier && shorter != earlier, "{}", engine.word());
        }
        let loki = |from, to| {
            let over = Over { from, to, ..Over::default() };
            query(Engine::Loki, &over, now())
        };
        assert!(loki(None, None).contains("    [1d])"));
        assert!(loki(Some(hours(-96)), None).contains("    [4d])"));
        assert!(loki(Some(hours(-5)), Some(hours(-2))).contains("    [3h])"));
        let odd = now() + chrono::TimeDelta::seconds(61);
        let text = loki(Some(now()), Some(odd));
        assert!(
            text.contains("    [61s])") && text.contains("time=2026-05-04T09:01:01Z"),
            "{text}"
        );
    }

    /// What is not in the documentation of Logs Insights' language: conditions outside of filters,
    /// and anything but fields behind `by`.
    #[test]
    fn insights_is_asked_by_what_it_documents() {
        let text = query(Engine::CloudWatch, &Over::default(), now());
        let text: String =
            text.lines().filter(|line| !line.starts_with('#')).flat_map(|l| [l, "\n"]).collect();
        assert!(!text.contains("if(") && !text.contains("case("), "{text}");
        let commands: Vec<&str> = text.split("\n| ").map(str::trim).collect();
        let stats: Vec<_> =
            commands.iter().filter_map(|command| command.strip_prefix("stats")).collect();
        assert_eq!(stats.len(), 2, "as many as may be");
        for stats in stats {
            let (_, by) = stats.split_once("\n  by ").unwrap();
            for field in by.split(',') {
                let field = field.trim();
                assert!(field.chars().all(|c| c.is_alphanumeric() || c == '_'), "{field}");
            }
        }
    }

    /// Words of Kusto's own that may be names of columns only in brackets.
    #[test]
    fn columns_of_kusto_that_are_words_of_its_own_are_in_brackets() {
        let text = query(Engine::Azure, &Over::default(), now());
        for word in ["kind", "namespace"] {
            let bare = format!(" {word} =");
            assert!(!text.contains(&bare), "{word}");
            assert!(text.contains(&format!("['{word}']")), "{word}");
        }
    }

    #[test]
    fn what_a_person_says_is_where_it_belongs() {
        let over = Over {
            table: Some("it's/*.log".into()),
            from: Some(now()),
            to: Some(now() + chrono::TimeDelta::hours(1)),
            ..Over::default()
        };
        let text = query(Engine::DuckDb, &over, now());
        assert!(text.contains("'it''s/*.log', format"), "{text}");
        assert!(text.contains("asked_at >= '2026-05-04T09:00:00Z'"), "{text}");
        assert!(text.contains("asked_at < '2026-05-04T10:00:00Z'"), "{text}");
        let usual = query(Engine::Athena, &Over::default(), now());
        assert!(usual.contains("2026-02-03T09:00:00Z"), "{usual}");
    }
}
