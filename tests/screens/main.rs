//! Screens as they are drawn, with their styles, at several sizes. Each is held against what it
//! was; after a change that was meant, `INSTA_UPDATE=always cargo test --test screens` takes the
//! new ones over.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

#[path = "../support/mod.rs"]
mod support;

mod captures;
mod looks;
mod mending;

use std::sync::Arc;

use keybook::book::Book;
use support::stage::Stage;
use support::{invented, shared};

/// A narrow terminal, a wide one, the smallest that is drawn on, and one that is not.
const SIZES: [(u16, u16); 4] = [(80, 24), (200, 50), (40, 10), (8, 2)];

/// Holds a screen, after some keys, against what it was, at one size.
fn golden(name: &str, book: &Arc<Book>, size: (u16, u16), act: impl Fn(&mut Stage)) {
    let mut stage = Stage::new(book, size);
    act(&mut stage);
    insta::assert_snapshot!(format!("{name}-{}x{}", size.0, size.1), stage.styled());
}

/// The same, at every size.
fn goldens(name: &str, book: &Arc<Book>, act: impl Fn(&mut Stage)) {
    for size in SIZES {
        golden(name, book, size, &act);
    }
}

const SMALL: (u16, u16) = (80, 24);

#[test]
fn the_list() {
    goldens("list", &invented::whole(), |_| {});
}

#[test]
fn the_list_marked_filtered_and_sorted() {
    golden("list-marked", &invented::whole(), SMALL, |stage| {
        stage.keys("space space shift-n /").type_text("corp kind:user").keys("enter j");
    });
    golden("list-chip", &invented::whole(), SMALL, |stage| {
        stage.keys("l l l");
    });
    golden("list-nobody", &invented::whole(), SMALL, |stage| {
        stage.keys("/").type_text("nosuchname").keys("enter");
    });
}

#[test]
fn the_list_while_things_are_missing() {
    goldens("incomplete", &invented::incomplete(), |_| {});
    golden("without-log", &invented::without_log(), SMALL, |_| {});
}

#[test]
fn previews() {
    let tabs = ["grants", "activity", "credentials", "reach", "workloads", "findings", "groups"];
    for (tab, name) in (1..).zip(tabs) {
        golden(&format!("preview-{name}"), &invented::whole(), SMALL, |stage| {
            stage.keys("/").type_text("jane").keys("enter").keys(&"tab ".repeat(tab));
        });
    }
}

#[test]
fn an_identitys_page() {
    let on = |name: &'static str, tab: usize| {
        move |stage: &mut Stage| {
            stage.command(&format!("show {name}")).keys(&"tab ".repeat(tab));
        }
    };
    let book = invented::whole();
    goldens("page-permissions", &book, on("sa:ci/deployer", 0));
    golden("page-grants", &book, SMALL, on("user:jane@corp.example", 1));
    goldens("page-activity", &book, on("user:jane@corp.example", 2));
    golden("page-findings", &book, SMALL, on("user:gone@corp.example", 6));
    golden("page-groups", &book, SMALL, on("user:jane@corp.example", 7));
    golden("page-members", &book, SMALL, on("group:platform", 7));
    goldens("page-credentials", &book, on("sa:ci/deployer", 3));
    goldens("page-reach", &book, on("sa:ci/deployer", 4));
    golden("page-workloads", &book, SMALL, on("sa:ci/deployer", 5));
    golden("page-signs", &invented::without_log(), SMALL, on("sa:pay/batch", 2));
    golden("page-no-log", &invented::without_log(), SMALL, on("sa:ci/deployer", 0));
}

#[test]
fn who_can() {
    goldens("reverse", &invented::whole(), |stage| {
        stage.command("who-can get secrets -n pay");
    });
    golden("reverse-incomplete", &invented::incomplete(), SMALL, |stage| {
        stage.command("who-can get secrets");
    });
    golden("picker", &invented::whole(), SMALL, |stage| {
        stage.command("show sa:ci/deployer").keys("w");
    });
}

#[test]
fn findings_and_health() {
    goldens("findings", &invented::whole(), |stage| {
        stage.keys("f");
    });
    goldens("credentials", &invented::whole(), |stage| {
        stage.command("credentials");
    });
    golden("describe-credential", &invented::whole(), SMALL, |stage| {
        stage.command("credentials").keys("d");
    });
    goldens("grants", &invented::whole(), |stage| {
        stage.command("grants");
    });
    golden("grants-searched", &invented::whole(), SMALL, |stage| {
        stage.command("grants").keys("/").type_text("sa: pay").keys("enter");
    });
    golden("health", &invented::whole(), (80, 50), |stage| {
        stage.keys("i");
    });
    golden("health-incomplete", &invented::incomplete(), SMALL, |stage| {
        stage.keys("i");
    });
}

#[test]
fn texts() {
    golden("yaml", &invented::whole(), SMALL, |stage| {
        stage.command("show sa:pay/batch").keys("y /").type_text("secret").keys("enter n");
    });
    golden("describe", &invented::whole(), SMALL, |stage| {
        stage.keys("/").type_text("jane").keys("enter d");
    });
    golden("describe-grant", &invented::whole(), SMALL, |stage| {
        stage.command("show sa:ci/deployer").keys("tab enter");
    });
    golden("can", &invented::whole(), SMALL, |stage| {
        stage.command("can sa:ci/deployer get secrets");
    });
}

#[test]
fn help_and_typing() {
    goldens("help", &invented::whole(), |stage| {
        stage.keys("?");
    });
    golden("help-searched", &invented::whole(), SMALL, |stage| {
        stage.keys("? /").type_text("sort").keys("enter");
    });
    golden("typing-command", &invented::whole(), SMALL, |stage| {
        stage.keys(":").type_text("who");
    });
    golden("typing-filter", &invented::whole(), SMALL, |stage| {
        stage.keys("/").type_text("ti");
    });
    golden("typing-wrong", &invented::whole(), SMALL, |stage| {
        stage.keys("/").type_text("corp tier:god");
    });
    golden("refused", &invented::whole(), SMALL, |stage| {
        stage.command("fndings");
    });
}

#[test]
fn wizards() {
    goldens("narrow", &invented::whole(), |stage| {
        stage.command("show sa:ci/deployer").keys("n l j l");
    });
    golden("narrow-role", &invented::whole(), SMALL, |stage| {
        stage.command("grants").keys("/").type_text("deployer pay").keys("enter n l");
    });
    golden("narrow-no-log", &invented::without_log(), SMALL, |stage| {
        stage.command("show sa:ci/deployer").keys("n");
    });
    golden("narrow-plan", &invented::whole(), SMALL, |stage| {
        stage.command("show sa:ci/deployer").keys("n v");
    });
    // A name that would drive the terminal.
    golden("narrow-hostile", &invented::whole(), SMALL, |stage| {
        stage.command("who eve").keys("n");
    });
    let split = |stage: &mut Stage| {
        stage.command("show user:ops").keys("s j j j e").type_text("people").keys("enter g");
    };
    goldens("split", &shared::book(), split);
    golden("split-open", &shared::book(), SMALL, |stage| {
        stage.command("show user:ops").keys("s j space");
    });
    golden("split-choices", &shared::book(), SMALL, |stage| {
        split(stage);
        stage.keys("shift-g k k k k k l l l l tab j");
    });
    golden("split-typing", &shared::book(), SMALL, |stage| {
        split(stage);
        stage.keys("b ctrl-u").type_text("user:j");
    });
}

#[test]
fn a_fleet() {
    let mut other = invented::snapshot();
    other.cluster.name = "test-us".into();
    let books = [invented::whole(), invented::book_of(other, &invented::LogPart::None)];
    let mut stage = Stage::of(&books, SMALL);
    insta::assert_snapshot!("fleet-80x24", stage.styled());
    stage.command("cluster test-us");
    insta::assert_snapshot!("fleet-one-80x24", stage.styled());
}

#[test]
fn names_cannot_drive_the_terminal() {
    let mut stage = Stage::new(&invented::whole(), (200, 50));
    for keys in ["", "enter", "tab", "tab", "tab", "tab", "y", "esc d", "esc f"] {
        stage.keys(keys);
        let shown = stage.text();
        assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{202e}']), "after {keys}");
    }
    let listed = Stage::new(&invented::whole(), (200, 50)).text();
    assert!(listed.contains("eve\\u{202e}nimda\\u{7}\\u{1b}[31m"), "{listed}");
}
