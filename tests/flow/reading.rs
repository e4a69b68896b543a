//! While the log is being read: what is counted is not said to be all.

use std::sync::Arc;

use keybook::book::{Book, Inputs, LogState};
use keybook::model::{Health, ListKind, ListState, Policy, Snapshot};

use super::support::invented;
use super::support::stage::Stage;

/// A cluster of which every list is whole and empty, and a log in this state.
fn nothing(log: LogState) -> Arc<Book> {
    let mut snapshot = Snapshot::default();
    for kind in ListKind::ALL {
        snapshot.lists.insert(kind, ListState::new(Health::Complete));
    }
    let policy = Arc::new(Policy::default());
    let now = invented::now();
    Arc::new(Book::build(Inputs { snapshot: snapshot.into(), activity: None, log, policy, now }))
}

fn shown(book: &Arc<Book>, command: &str) -> String {
    let mut stage = Stage::new(book, (120, 30));
    stage.command(command);
    stage.text()
}

#[test]
fn nothing_so_far_is_not_nothing() {
    let reading = nothing(LogState::Reading { bytes: 43, of: Some(100) });
    for (command, name) in [("findings", "Findings"), ("credentials", "Credentials")] {
        let text = shown(&reading, command);
        assert!(text.contains(&format!("{name} 0…")), "{text}");
        assert!(text.contains("   not all: the log is still being read"), "{text}");
        assert!(text.contains("Nothing so far: the log is still being read."), "{text}");
        assert!(!text.contains("Nothing is wrong") && !text.contains("is known."), "{text}");
        // Without a log there is nothing to wait for.
        let text = shown(&nothing(LogState::None), command);
        assert!(text.contains(&format!("{name} 0")), "{text}");
        assert!(!text.contains("still being read"), "{text}");
    }
}

#[test]
fn what_is_there_so_far_is_not_all() {
    for command in ["findings", "credentials"] {
        let text = shown(&invented::incomplete(), command);
        assert!(text.contains("not all: the log is still being read"), "{text}");
        let text = shown(&invented::whole(), command);
        assert!(!text.contains("not all:"), "{text}");
    }
    // Bindings no log tells of.
    let text = shown(&invented::incomplete(), "grants");
    assert!(!text.contains("not all:"), "{text}");
}
