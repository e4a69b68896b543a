//! A hundred thousand identities: what takes long is done beside the screen.

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use keybook::book::Book;
use keybook::model::{Object, Snapshot};
use keybook::tui::effect::{Effect, Msg};
use keybook::tui::job::Job;
use keybook::tui::state::FeedId;
use serde_json::json;

use super::support::invented;
use super::support::stage::Stage;

/// The invented cluster with so many more users, in bindings of a hundred each.
fn crowd(count: usize) -> Arc<Book> {
    let mut snapshot: Snapshot = invented::snapshot();
    for at in 0..count / 100 {
        let subjects: Vec<_> = (0..100)
            .map(|n| json!({"kind": "User", "name": format!("u{:06}@corp.example", at * 100 + n)}))
            .collect();
        let binding = json!({"metadata": {"name": format!("crowd-{at}"), "namespace": "pay"},
            "roleRef": {"kind": "ClusterRole", "name": "viewer"}, "subjects": subjects});
        let read = Object::read("rbac.authorization.k8s.io/v1", "RoleBinding", &binding);
        snapshot.objects.insert(read.unwrap().unwrap());
    }
    invented::book_of(snapshot, &invented::LogPart::None)
}

fn large() -> Arc<Book> {
    static BOOK: OnceLock<Arc<Book>> = OnceLock::new();
    BOOK.get_or_init(|| crowd(20_000)).clone()
}

#[test]
fn old_rows_stay_until_new_ones_come_and_the_newest_wins() {
    let mut stage = Stage::new(&large(), (80, 24));
    assert_eq!(stage.state.list.rows.len(), 20_011);
    stage.hold = true;
    stage.keys("/").type_text("u01");
    // Three letters, three pieces of work, nothing done yet.
    let rows: Vec<Effect> = std::mem::take(&mut stage.held)
        .into_iter()
        .filter(|effect| matches!(effect, Effect::Run(Job::Rows(_))))
        .collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(stage.state.list.rows.len(), 20_011);
    assert!(stage.text().contains('…'), "{}", stage.text());
    // They are done in the wrong order: the newest is taken, older ones are dropped.
    stage.hold = false;
    let mut counts = Vec::new();
    for effect in rows.into_iter().rev() {
        if let Effect::Run(job) = effect {
            stage.send(Msg::Done(Box::new(job.run())));
            counts.push(stage.state.list.rows.len());
        }
    }
    assert_eq!(counts, [10_000, 10_000, 10_000]);
}

#[test]
fn few_rows_are_found_on_the_spot() {
    let mut stage = Stage::new(&invented::whole(), (80, 24));
    stage.hold = true;
    stage.keys("/").type_text("jane");
    assert_eq!(stage.state.list.rows.len(), 1);
    assert!(stage.held.iter().all(|effect| matches!(effect, Effect::Run(Job::Page { .. }))));
}

#[test]
fn only_what_is_shown_is_drawn() {
    // Drawing does not grow with the list: the slowest of many frames at twenty thousand stays
    // within a few times that at eleven. (The bench has the figures.)
    let slowest = |book: &Arc<Book>| {
        let mut stage = Stage::new(book, (80, 24));
        let mut slowest = 0;
        for _ in 0..20 {
            stage.keys("ctrl-f");
            let begin = Instant::now();
            std::hint::black_box(stage.buffer());
            slowest = slowest.max(begin.elapsed().as_micros());
        }
        slowest
    };
    let (few, many) = (slowest(&invented::without_log()), slowest(&large()));
    assert!(many < 20 * few.max(1_000), "{few} µs and {many} µs");
}

#[test]
fn the_cursor_keeps_its_place_over_a_newer_book() {
    let mut stage = Stage::new(&large(), (80, 24));
    stage.keys("shift-n shift-g k k");
    let who = stage.state.list.current().unwrap();
    stage.send(Msg::Book(FeedId(0), large()));
    assert_eq!(stage.state.list.current(), Some(who));
}
