//! Who may import what.

use super::scan::{Named, module_of, named};
use super::{files, read};

/// Rooms, and the rooms that each may import beside itself: the flow, which goes one way. Rooms
/// that stand beside the Book share its rows, so `book` and `findings` know each other.
const FLOW: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("yaml", &[]),
    ("rbac", &["model"]),
    ("audit", &["model"]),
    ("store", &["model", "audit"]),
    ("cluster", &["model", "yaml", "rbac"]),
    ("owners", &["model", "rbac"]),
    ("actors", &["model"]),
    ("book", &["model", "rbac", "credentials", "findings"]),
    ("credentials", &["model", "yaml", "book", "owners"]),
    ("workloads", &["model", "rbac", "book"]),
    ("reach", &["model", "rbac", "book", "workloads"]),
    ("findings", &["model", "rbac", "actors", "book", "credentials", "reach"]),
    ("query", &["model", "rbac", "book", "findings"]),
    ("change", &["model", "rbac", "store", "cluster", "owners", "actors", "credentials", "book"]),
    ("config", &["model", "audit", "yaml"]),
    ("feed", &["model", "rbac", "audit", "store", "cluster", "book", "config"]),
    ("demo", &["model", "rbac", "audit", "cluster"]),
    (
        "report",
        &[
            "model",
            "rbac",
            "audit",
            "cluster",
            "owners",
            "actors",
            "credentials",
            "book",
            "reach",
            "workloads",
            "findings",
            "query",
            "change",
            "feed",
        ],
    ),
    (
        "cli",
        &[
            "model",
            "rbac",
            "audit",
            "store",
            "cluster",
            "credentials",
            "book",
            "reach",
            "workloads",
            "findings",
            "query",
            "change",
            "config",
            "feed",
            "demo",
            "report",
        ],
    ),
    (
        "tui",
        &[
            "model",
            "rbac",
            "audit",
            "cluster",
            "owners",
            "actors",
            "credentials",
            "book",
            "reach",
            "workloads",
            "workloads",
            "findings",
            "query",
            "change",
            "config",
            "feed",
            "report",
        ],
    ),
];

/// Rooms that take time and input as values: no runtime, no terminal, no file, no network, no
/// environment, no clock.
const PURE: &[&str] = &[
    "model",
    "yaml",
    "rbac",
    "owners",
    "actors",
    "credentials",
    "book",
    "reach",
    "workloads",
    "findings",
    "query",
];

/// What a pure room must not name.
const IMPURE: &[&str] = &[
    "kube",
    "k8s_openapi",
    "ratatui",
    "crossterm",
    "tokio",
    "tokio_util",
    "futures",
    "tempfile",
    "directories",
    "glob",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "std::thread",
    "std::io::stdin",
    "std::io::stdout",
    "std::io::stderr",
    "std::io::Stdin",
    "std::io::Stdout",
    "std::io::Stderr",
    "std::os",
    "print!",
    "println!",
    "eprint!",
    "eprintln!",
];

/// What reaches over a network.
const NETWORK: &[&str] = &[
    "hyper",
    "hyper_util",
    "hyper_rustls",
    "rustls",
    "rustls_native_certs",
    "reqwest",
    "http",
    "tokio",
    "std::net",
];

/// Readings of a clock, by the last two parts of a path.
const CLOCKS: &[&str] =
    &["Utc::now", "Local::now", "SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"];

fn within(path: &str, stem: &str) -> bool {
    path.strip_prefix(stem).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// What is wrong with one path in one file; None where nothing is.
fn judge(file: &str, path: &str) -> Option<String> {
    let module = module_of(file);
    let room = module.get(1).map_or("", String::as_str);
    let external = |crates: &[&str]| crates.iter().any(|name| within(path, name));
    if external(&["kube", "k8s_openapi"]) && !file.starts_with("src/cluster/kube") {
        return Some("only cluster/kube imports kube and k8s_openapi".to_owned());
    }
    if external(&["ratatui", "crossterm"]) && room != "tui" {
        return Some("only tui imports ratatui and crossterm".to_owned());
    }
    if external(&["rusqlite"]) && room != "store" {
        return Some("only store imports rusqlite".to_owned());
    }
    if room == "audit" && external(NETWORK) && !file.starts_with("src/audit/source/") {
        return Some("of audit only source reaches over a network".to_owned());
    }
    let plans = file.starts_with("src/change/plan/");
    if plans
        && ["crate::cluster", "crate::store", "crate::change::run"]
            .iter()
            .any(|of| within(path, of))
    {
        return Some("change/plan is pure: it reads and writes nothing".to_owned());
    }
    if PURE.contains(&room) || plans {
        if external(IMPURE) {
            return Some(format!("{room} is pure"));
        }
        if CLOCKS.iter().any(|clock| path.ends_with(clock)) {
            return Some(format!("{room} takes time as a value"));
        }
    }
    let target = path.strip_prefix("crate::")?.split("::").next()?;
    if room.is_empty() || target == room {
        return None;
    }
    let known = FLOW.iter().any(|(name, _)| *name == target);
    let allowed = FLOW.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, may)| may);
    (known && !allowed.contains(&target)).then(|| format!("{room} must not know {target}"))
}

/// Whether a file is a test module's: its own or below it. [`tests_are_only_tests`] sees to it that
/// such a module is never built into the program.
fn is_test_module(file: &str) -> bool {
    file.split('/').any(|part| part == "tests" || part == "tests.rs")
}

#[test]
fn tests_are_only_tests() {
    for file in files("src", &[".rs"]) {
        let source = read(&file);
        // Rooms downstream build their worlds with what a room's own tests do.
        let behind = ["#[cfg(test)]\nmod tests;", "#[cfg(test)]\npub(crate) mod tests;"]
            .map(|guarded| source.matches(guarded).count())
            .iter()
            .sum();
        assert_eq!(source.matches("mod tests;").count(), behind, "{file}");
    }
}

fn complaints(file: &str, source: &str) -> Vec<String> {
    named(file, source)
        .into_iter()
        .filter_map(|Named { path, line }| {
            judge(file, &path).map(|wrong| format!("{file}:{line}: {path}: {wrong}"))
        })
        .collect()
}

#[test]
fn the_flow_goes_one_way() {
    let program = files("src", &[".rs"]).into_iter().filter(|file| !is_test_module(file));
    let wrong: Vec<String> = program.flat_map(|file| complaints(&file, &read(&file))).collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_room_has_its_place_in_the_flow() {
    let lib = read("src/lib.rs");
    for line in lib.lines() {
        if let Some(room) = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';')) {
            assert!(FLOW.iter().any(|(name, _)| *name == room), "{room} is not in FLOW");
        }
    }
}

#[test]
fn the_flow_has_no_circle_but_book_findings_and_credentials() {
    for (at, (room, may)) in FLOW.iter().enumerate() {
        for target in *may {
            let place = FLOW.iter().position(|(name, _)| name == target);
            let place = place.unwrap_or_else(|| panic!("{target} is no room"));
            let of_book = *room == "book" && ["findings", "credentials"].contains(target);
            assert!(place < at || of_book, "{room} → {target}");
        }
    }
}

/// Lines that must be refused, and where.
const VIOLATIONS: &[(&str, &str)] = &[
    ("src/model/x.rs", "use kube::Client;"),
    ("src/rbac/x.rs", "use k8s_openapi::api::rbac::v1::ClusterRole;"),
    ("src/cluster/memory/mod.rs", "use kube::Api;"),
    ("src/cluster/loader.rs", "fn f(c: ::kube::Client) {}"),
    ("src/report/table.rs", "use ratatui::text::Line;"),
    ("src/audit/index/mod.rs", "use rusqlite::Connection;"),
    ("src/store/read.rs", "use crate::book::Book;"),
    ("src/audit/index/mod.rs", "use crate::store::Store;"),
    ("src/cli/who.rs", "use crossterm::terminal;"),
    ("src/main.rs", "fn main() { crossterm::terminal::size(); }"),
    ("src/book/x.rs", "async fn f() { tokio::time::sleep(d).await }"),
    ("src/book/x.rs", "use std::{collections::BTreeMap, fs};"),
    ("src/query/x.rs", "use std::io::{self}; fn f() { io::stdin(); }"),
    ("src/query/x.rs", "fn f() { std::net::TcpStream::connect(a); }"),
    ("src/findings/x.rs", "use std::process::Command;"),
    ("src/findings/x.rs", "fn f() { std::env::var(\"X\"); }"),
    ("src/findings/x.rs", "fn f() { println!(\"x\"); }"),
    ("src/book/x.rs", "use chrono::Utc;\nfn f() { Utc::now(); }"),
    ("src/book/x.rs", "use chrono as c;\nfn f() { c::Utc::now(); }"),
    ("src/rbac/x.rs", "fn f() { std::time::SystemTime::now(); }"),
    ("src/report/json.rs", "use crate::tui::theme::Theme;"),
    ("src/cli/mod.rs", "fn f() { crate::tui::run(o); }"),
    ("src/tui/mod.rs", "use crate::cli::Args;"),
    ("src/model/x.rs", "use crate::rbac::Authorizer;"),
    ("src/rbac/x.rs", "use super::super::book::Entry;"),
    ("src/rbac/deep/x.rs", "use super::super::super::book::Entry;"),
    ("src/cluster/mod.rs", "use crate::{model::Name, feed::Feed};"),
    ("src/audit/mod.rs", "use crate::cluster::Cluster;"),
    ("src/book/mod.rs", "use crate::query::Query;"),
    ("src/feed/mod.rs", "use crate::report::Row;"),
    ("src/change/plan/make.rs", "use crate::cluster::Cluster;"),
    ("src/change/plan/make.rs", "use crate::store::Journal;"),
    ("src/change/plan/make.rs", "use super::super::run::Runner;"),
    ("src/change/plan/make.rs", "use tokio::time;"),
    ("src/change/plan/make.rs", "fn f() { chrono::Utc::now(); }"),
    ("src/change/run/mod.rs", "use crate::report::Row;"),
    ("src/cluster/mod.rs", "use crate::change::plan::Plan;"),
];

/// Lines that must pass.
const FINE: &[(&str, &str)] = &[
    ("src/cluster/kube/mod.rs", "use kube::Client; use k8s_openapi::api::core::v1::Secret;"),
    ("src/cluster/mod.rs", "pub mod kube; pub use self::kube::connect; fn f() { kube::go() }"),
    ("src/cli/connect.rs", "use crate::cluster::kube; fn f() { kube::connect(o); }"),
    ("src/tui/terminal.rs", "use crossterm::event::EventStream; use ratatui::Frame;"),
    ("src/main.rs", "fn main() { keybook::tui::run(keybook::cli::parse()); }"),
    ("src/book/x.rs", "use crate::{findings, model::Name}; use std::sync::Arc;"),
    ("src/model/x.rs", "// use kube::Client;\n#[cfg(test)] mod tests { use std::fs; }"),
    ("src/model/x.rs", "fn f() -> &'static str { \"std::fs::read and tokio::spawn\" }"),
    ("src/rbac/x.rs", "fn f(now: DateTime<Utc>) { std::mem::take(x); }"),
    ("src/change/run/mod.rs", "use crate::cluster::Writer; use tokio::time;"),
    ("src/change/plan/make.rs", "use crate::book::Book; use super::Plan;"),
];

#[test]
fn a_line_against_the_rules_is_refused() {
    for (file, source) in VIOLATIONS {
        assert!(!complaints(file, source).is_empty(), "{file}: {source}");
    }
    for (file, source) in FINE {
        assert_eq!(complaints(file, source), Vec::<String>::new(), "{file}: {source}");
    }
}
