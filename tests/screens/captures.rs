//! The captures in docs/screens: the demo as it opens, at two sizes. They are held true here;
//! `KEYBOOK_UPDATE=1 cargo test --test screens captures` writes them anew.

use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use keybook::audit;
use keybook::book::{Book, Inputs, LogState};
use keybook::cluster::loader::{LoadOptions, load};
use keybook::cluster::memory::MemoryCluster;
use keybook::demo;

use super::support::stage::Stage;

pub fn demo_book() -> Arc<Book> {
    let now: DateTime<Utc> = "2026-05-06T14:20:00Z".parse().unwrap();
    let cluster = MemoryCluster::new(demo::cluster(), demo::objects(now));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut snapshot = runtime.block_on(load(&cluster, &LoadOptions::default())).unwrap();
    snapshot.taken_at = Some(now);
    let input = audit::Input { name: demo::LOG_NAME.into(), bytes: Box::new(demo::log_lines(now)) };
    let activity = audit::read_inputs(vec![input], &audit::Options::new(now), &()).unwrap();
    Arc::new(Book::build(Inputs {
        snapshot: Arc::new(snapshot),
        activity: Some(Arc::new(activity)),
        log: LogState::Ready,
        policy: Arc::new(demo::policy()),
        now,
    }))
}

#[test]
fn captures_are_true() {
    let book = demo_book();
    let update = std::env::var_os("KEYBOOK_UPDATE").is_some();
    let dir = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/screens");
    let mut outdated = Vec::new();
    for size in [(80, 24), (200, 50)] {
        for (name, command, keys) in [
            ("list", "", ""),
            ("identity", "show sa:ci/runner", ""),
            ("activity", "show user:henrik@corp.example", "tab tab"),
            ("who-can", "who-can get secrets", ""),
            ("reach", "show sa:ci/runner", "tab tab tab tab"),
            ("workloads", "show sa:ci/runner", "tab tab tab tab tab"),
            ("findings", "findings", ""),
            ("credentials", "credentials", ""),
            ("grants", "grants", ""),
            ("cuts", "reach", ""),
            ("narrow", "show sa:ci/runner", "n"),
            ("split", "show user:ops-shared", "s j j j j l g"),
            ("help", "help", ""),
        ] {
            let mut stage = Stage::new(&book, size);
            if !command.is_empty() {
                stage.command(command);
            }
            stage.keys(keys);
            let path = dir.join(format!("{name}-{}x{}.txt", size.0, size.1));
            let text = stage.text();
            if update {
                std::fs::create_dir_all(&dir).unwrap();
                std::fs::write(&path, &text).unwrap();
            } else if std::fs::read_to_string(&path).ok().as_deref() != Some(&text) {
                outdated.push(path.file_name().unwrap().to_string_lossy().into_owned());
            }
        }
    }
    assert!(
        outdated.is_empty(),
        "docs/screens is not as it is drawn: {outdated:?}; KEYBOOK_UPDATE=1 writes it anew"
    );
}
