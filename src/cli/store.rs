//! `store list`, `store prune`, `store path`: what is kept of logs.

use chrono::TimeDelta;
use serde::Serialize;

use super::answer;
use super::args::{Global, Output, StoreCommand};
use super::exit::{Code, Failure};
use super::ingest::size;
use super::kept;
use super::sources::{now, settings};
use crate::audit::Options;
use crate::model::counted;
use crate::report::{self, Cell, Column, Table};
use crate::store::{Home, Kept, Pruned, Sizes, Store};

/// How long the cache of logs that were named with `--audit` is kept since it was last used.
const CACHE_DAYS: i64 = 30;

pub(super) fn run(global: &Global, command: &StoreCommand) -> Result<Code, Failure> {
    let settings = settings(global)?;
    let home = kept::needed(global, &settings)?;
    match command {
        StoreCommand::List => list(global, &home),
        StoreCommand::Path { whose } => {
            let path = match whose {
                None => home.folder().to_owned(),
                Some(name) => home.path_of(&home.cluster(name).id),
            };
            answer::out(format!("{}\n", path.display()).as_bytes())?;
            Ok(Code::Done)
        }
        StoreCommand::Prune { keep, index, whose } => prune(&home, *keep, *index, whose.as_deref()),
    }
}

/// A store, as printed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    /// Null where it is the cache of logs named with `--audit`.
    cluster: Option<String>,
    id: Option<String>,
    from: Option<String>,
    to: Option<String>,
    sources: u64,
    requests: u64,
    rows: u64,
    rows_bytes: u64,
    indexed: u64,
    index_bytes: u64,
    file_bytes: u64,
    written: Option<String>,
    path: String,
    /// Why it cannot be read.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StoreList {
    api_version: &'static str,
    kind: &'static str,
    items: Vec<Item>,
}

fn item(of: Kept) -> Item {
    let (sizes, problem) = match of.sizes {
        Ok(sizes) => (sizes, None),
        Err(problem) => (Sizes::default(), Some(problem)),
    };
    Item {
        cluster: of.cluster.as_ref().map(|cluster| cluster.name.to_string()),
        id: of.cluster.map(|cluster| cluster.id.to_string()),
        from: sizes.hours.map(|(from, _)| report::exact(from)),
        to: sizes.hours.map(|(_, to)| report::exact(to)),
        sources: sizes.sources,
        requests: sizes.requests,
        rows: sizes.rows.0,
        rows_bytes: sizes.rows.1,
        indexed: sizes.index.0,
        index_bytes: sizes.index.1,
        file_bytes: sizes.file,
        written: sizes.written.map(report::exact),
        path: of.path.display().to_string(),
        problem,
    }
}

fn list(global: &Global, home: &Home) -> Result<Code, Failure> {
    let items: Vec<Item> = home.list().into_iter().map(item).collect();
    let problems: Vec<String> = items.iter().filter_map(|item| item.problem.clone()).collect();
    let none = items.is_empty();
    let all = StoreList { api_version: report::API_VERSION, kind: "StoreList", items };
    let failed =
        |error: serde_json::Error| Failure::unreachable(format!("writing the answer: {error}"));
    let text = match global.look.output {
        Some(Output::Json) => {
            let value = serde_json::to_value(&all).map_err(failed)?;
            report::to_pretty(&value)
                .map_err(|error| Failure::unreachable(format!("writing the answer: {error}")))?
        }
        Some(Output::Yaml) => report::yaml_document(&serde_json::to_value(&all).map_err(failed)?),
        Some(Output::Name) => {
            all.items.iter().flat_map(|item| [name(item), "\n"]).collect::<String>()
        }
        Some(Output::Csv) => {
            return Err(Failure::usage("store list is written as table, wide, name, json or yaml"));
        }
        form => table(&all.items).text(form == Some(Output::Wide), !global.look.no_headers),
    };
    answer::out(text.as_bytes())?;
    for problem in &problems {
        answer::say(problem);
    }
    if none {
        answer::say("nothing was taken in yet: keybook ingest audit.log");
    }
    Ok(if problems.is_empty() { Code::Done } else { Code::Unreachable })
}

fn name(of: &Item) -> &str {
    of.cluster.as_deref().unwrap_or("(logs named with --audit)")
}

fn table(items: &[Item]) -> Table {
    let mut table = Table::new(vec![
        Column::new("CLUSTER", "cluster"),
        Column::new("FROM", "from"),
        Column::new("TO", "to"),
        Column::new("REQUESTS", "requests"),
        Column::new("ROWS", "rows"),
        Column::new("SIZE", "rowsBytes"),
        Column::new("INDEXED", "indexed"),
        Column::new("SIZE", "indexBytes"),
        Column::new("FILE", "fileBytes"),
    ]);
    let day = |time: &Option<String>| {
        Cell::new(time.as_deref().map_or("-", |time| time.get(..10).unwrap_or(time)))
    };
    for item in items {
        table.push(vec![
            Cell::new(name(item)),
            day(&item.from),
            day(&item.to),
            Cell::new(item.requests.to_string()),
            Cell::new(item.rows.to_string()),
            Cell::new(size(item.rows_bytes)),
            Cell::new(item.indexed.to_string()),
            Cell::new(size(item.index_bytes)),
            Cell::new(size(item.file_bytes)),
        ]);
    }
    table
}

fn prune(
    home: &Home,
    keep: Option<u32>,
    index: Option<u32>,
    named: Option<&str>,
) -> Result<Code, Failure> {
    let options = Options::new(now()?);
    let wanted = named.map(|name| home.cluster(name).id);
    let mut any = false;
    for kept in home.list() {
        let Some(cluster) = kept.cluster else { continue };
        if wanted.as_ref().is_some_and(|wanted| *wanted != cluster.id) {
            continue;
        }
        any = true;
        let mut store = Store::open(&kept.path)?;
        let turn = store.turn_now()?;
        let before = store.sizes()?;
        let mut pruned = store.prune_index(index.unwrap_or(crate::store::INDEX_DAYS), &options)?;
        if let Some(days) = keep {
            let gone = store.prune(options.now - TimeDelta::days(days.into()), &options)?;
            pruned = Pruned { days: gone.days, ..pruned };
        }
        drop(turn);
        let after = store.sizes()?;
        answer::say(&format!(
            "{}: {} gone, the index of {} gone, {} given back",
            cluster.name,
            counted(pruned.days, "day"),
            counted(pruned.frozen, "day"),
            size(before.file.saturating_sub(after.file)),
        ));
    }
    if let (false, Some(name)) = (any, named) {
        return Err(crate::store::Error::Unknown { name: name.to_owned() }.into());
    }
    let caches = home.prune_sets(options.now - TimeDelta::days(CACHE_DAYS));
    if caches > 0 {
        answer::say(&format!("{} of logs named with --audit removed", counted(caches, "cache")));
    }
    Ok(Code::Done)
}
