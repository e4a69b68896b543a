//! The printed queries, run by the engines that come as a library.

use std::path::{Path, PathBuf};
use std::process::Command;

use keybook::audit::query::{Engine, Over, query};
use tempfile::TempDir;

use crate::same::{assert_same, comparable, read};
use crate::{given, log};

const DUCKDB: &str = "
import duckdb, sys
sql = open(sys.argv[1]).read().replace('/dev/stdout', sys.argv[2])
duckdb.execute(sql)
";

const CLICKHOUSE: &str = "
import chdb, sys
sql = open(sys.argv[1]).read()
assert sql.rstrip().endswith('FORMAT JSONEachRow')
open(sys.argv[2], 'wb').write(chdb.query(sql.replace('FORMAT JSONEachRow', ''), 'JSONEachRow').bytes())
";

/// Athena itself is not at hand: what DuckDB makes of its query, over lines as CloudWatch Logs exports
/// them.
const ATHENA: &str = r#"
import duckdb, json, sqlglot, sys
sql = sqlglot.transpile(open(sys.argv[1]).read(), read='trino', write='duckdb')[0]
duckdb.execute("create table eks_audit (line varchar)")
lines = open(sys.argv[3], encoding='utf-8').read().split('\n')
with open(sys.argv[3] + '.ndjson', 'w') as exported:
    for line in lines:
        exported.write(json.dumps({'line': '2026-05-04T09:10:11.123Z ' + line}) + '\n')
duckdb.execute(f"insert into eks_audit select line from '{sys.argv[3]}.ndjson'")
duckdb.execute(f"copy ({sql}) to '{sys.argv[2]}' (format json)")
"#;

fn run(python: &Path, engine: Engine, log: &Path, folder: &Path) -> PathBuf {
    let place = log.to_str().expect("a path");
    let over = match engine {
        Engine::ClickHouse => Over {
            table: Some(format!("file('{place}', LineAsString)")),
            column: Some("line".into()),
            ..Over::default()
        },
        Engine::Athena => Over {
            from: Some(log::now() - chrono::TimeDelta::days(400)),
            to: Some(chrono::Utc::now().max(log::now())),
            ..Over::default()
        },
        _ => Over { table: Some(place.into()), ..Over::default() },
    };
    let program = match engine {
        Engine::ClickHouse => CLICKHOUSE,
        Engine::Athena => ATHENA,
        _ => DUCKDB,
    };
    let (text, summary) =
        (folder.join("query.sql"), folder.join(format!("{}.ndjson", engine.word())));
    std::fs::write(&text, query(engine, &over, log::now())).expect("the query");
    let output = Command::new(python)
        .arg("-c")
        .arg(program)
        .args([&text, &summary])
        .arg(log)
        .current_dir(folder)
        .output()
        .expect("python");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    summary
}

fn equal(python: &Path, lines: &[u8], what: &str) {
    let folder = TempDir::new().expect("a folder");
    let path = log::write(folder.path(), "audit.log", lines);
    let now = chrono::Utc::now().max(log::now());
    let by_file = read(&[&path], now);
    assert!(by_file.uses().count() > 20, "{what}");
    for engine in [Engine::DuckDb, Engine::ClickHouse, Engine::Athena] {
        let summary = run(python, engine, &path, folder.path());
        let what = format!("{what} by {}", engine.word());
        let by_engine = read(&[&summary], now);
        assert_same(&by_engine, &by_file, &what);
        let summaries = by_engine.coverage().summaries.as_ref().expect("summaries");
        assert_eq!(summaries.requests, by_file.coverage().events, "{what}");
        assert!(summaries.gaps_known && !summaries.overlapping, "{what}");
        // The same summary again counts once.
        let copy = folder.path().join("again.ndjson");
        std::fs::copy(&summary, &copy).expect("a copy");
        let twice = read(&[&summary, &copy], now);
        assert_eq!(comparable(&twice).uses, comparable(&by_engine).uses, "{what}");
        let summaries = twice.coverage().summaries.as_ref().expect("summaries");
        assert!(summaries.repeated_rows > 0 && !summaries.overlapping, "{what}");
        // Beside the log it was made of, dates stay and it is said.
        let both = read(&[&summary, &path], now);
        assert!(both.coverage().summaries.as_ref().is_some_and(|all| all.overlapping), "{what}");
        assert_eq!(both.coverage().to, by_file.coverage().to, "{what}");
    }
}

#[test]
fn duckdb_clickhouse_and_athena_say_what_reading_says() {
    let Some(python) = given("KEYBOOK_ENGINES_PYTHON") else { return };
    equal(&python, &log::pitfalls(), "pitfalls");
    equal(&python, &log::demo(3), "the demo");
    if let Some(real) = log::real() {
        equal(&python, &real, "a real log");
    }
}
