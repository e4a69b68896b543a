//! Activity by way of engines against that of reading the log: the printed queries run in DuckDB and
//! ClickHouse, and VictoriaLogs is asked as a source. What is at hand is said by the environment,
//! which tests/run sets: `KEYBOOK_ENGINES_PYTHON`, a Python with the packages duckdb and chdb, and
//! `KEYBOOK_VLOGS_BIN`, a victoria-logs. Without one its tests say so and pass.
#![cfg(test)]

#[path = "../support/mod.rs"]
mod support;

mod log;
mod printed;
mod same;
mod vlogs;

/// What the environment names; where it names nothing, its tests say so and pass.
fn given(variable: &str) -> Option<std::path::PathBuf> {
    let found = std::env::var_os(variable).filter(|path| !path.is_empty());
    if found.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    found.map(Into::into)
}
