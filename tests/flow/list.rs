//! The list: filters, chips, orders, marks.

use keybook::tui::effect::Effect;
use keybook::tui::state::Chip;

use super::support::invented;
use super::support::stage::Stage;

fn stage() -> Stage {
    Stage::new(&invented::whole(), (80, 24))
}

/// The names listed, in order.
fn names(stage: &Stage) -> Vec<String> {
    let rows = stage.state.list.rows.iter();
    rows.map(|who| stage.state.entry(*who).unwrap().1.identity.to_string()).collect()
}

fn current(stage: &Stage) -> String {
    let who = stage.state.list.current().unwrap();
    stage.state.entry(who).unwrap().1.identity.to_string()
}

#[test]
fn it_opens_with_the_worst_first() {
    let names = names(&stage());
    assert_eq!(names.len(), 11);
    // A cluster-admin that nobody has seen comes before those in use.
    assert_eq!(names[0], "user:gone@corp.example");
    assert_eq!(names[1], "user:jane@corp.example");
    assert_eq!(names.last().unwrap(), "sa:shop/default");
}

#[test]
fn a_filter_works_while_it_is_typed_and_esc_takes_it_back() {
    let mut stage = stage();
    stage.keys("/").type_text("jane");
    assert_eq!(names(&stage), ["user:jane@corp.example"]);
    stage.keys("esc");
    assert_eq!(names(&stage).len(), 11);
    stage.keys("/").type_text("corp.example !tier:cluster-admin").keys("enter");
    assert_eq!(names(&stage).len(), 2);
    // Esc on the list takes the filter off.
    stage.keys("esc");
    assert_eq!(names(&stage).len(), 11);
    assert!(stage.outside.is_empty());
}

#[test]
fn a_filter_that_is_none_yet_changes_nothing_and_cannot_be_taken() {
    let mut stage = stage();
    stage.keys("/").type_text("jane is");
    // So far a name that nobody has.
    assert!(names(&stage).is_empty());
    stage.keys("ctrl-w").type_text("tier:");
    assert_eq!(stage.state.list.filter.text(), "jane tier");
    stage.keys("enter");
    // Still typing.
    assert!(stage.text().contains("tier: expected"), "{}", stage.text());
    stage.type_text("cluster-admin").keys("enter");
    assert_eq!(names(&stage), ["user:jane@corp.example"]);
    assert_eq!(stage.state.list.filter.text(), "jane tier:cluster-admin");
}

#[test]
fn chips_are_filters() {
    let mut stage = stage();
    stage.keys("right");
    assert_eq!(stage.state.list.chip, Chip::Idle);
    let counts = stage.state.feeds[0].book.as_ref().expect("a book").counts();
    for (chip, count) in [
        (Chip::Idle, counts.idle),
        (Chip::Shared, counts.shared),
        (Chip::Admin, counts.admin),
        (Chip::Reach, counts.reach),
        (Chip::Dangling, counts.dangling),
        (Chip::Findings, counts.findings),
    ] {
        assert_eq!(stage.state.list.chip, chip);
        // What a chip counts is what it lists.
        assert_eq!(stage.state.list.rows.len(), count, "{chip:?}");
        stage.keys("l");
    }
    assert_eq!(stage.state.list.chip, Chip::All);
    stage.keys("h esc");
    assert_eq!(stage.state.list.chip, Chip::All);
}

#[test]
fn shifted_letters_sort_and_turn_round() {
    let mut stage = stage();
    stage.keys("shift-n");
    let by_name = names(&stage);
    // An account's name begins with its namespace.
    let shown: Vec<Vec<&str>> =
        by_name.iter().map(|name| name.split_once(':').unwrap().1.split('/').collect()).collect();
    assert!(shown.is_sorted(), "{shown:?}");
    stage.keys("shift-n");
    let mut turned = names(&stage);
    turned.reverse();
    assert_eq!(turned, by_name);
    stage.keys("shift-t");
    assert_eq!(names(&stage)[0], "sa:ci/deployer");
    stage.keys("shift-k");
    assert!(names(&stage)[0].starts_with("user:") && names(&stage)[10].starts_with("sa:"));
    stage.keys("shift-u");
    let parts: Vec<Option<(u32, u32)>> =
        stage.state.list.rows.iter().map(|who| stage.state.entry(*who).unwrap().1.used).collect();
    assert_eq!(parts[0].map(|(used, _)| used), Some(0));
}

#[test]
fn the_cursor_stays_on_whom_it_was() {
    let mut stage = stage();
    stage.keys("j j");
    let who = current(&stage);
    stage.keys("shift-n");
    assert_eq!(current(&stage), who);
    stage.send(keybook::tui::effect::Msg::Book(
        keybook::tui::state::FeedId(0),
        invented::without_log(),
    ));
    assert_eq!(current(&stage), who);
}

#[test]
fn marks_are_set_ranged_copied_and_taken_off() {
    let mut stage = stage();
    stage.keys("space j ctrl-space");
    assert_eq!(stage.state.list.marks.len(), 3);
    stage.keys("c");
    let Some(Effect::Copy(text)) = stage.outside.last() else {
        panic!("nothing was copied");
    };
    assert_eq!(text.lines().count(), 3);
    assert!(text.starts_with("user:gone@corp.example\nuser:jane@corp.example\n"));
    stage.keys("ctrl-\\");
    assert!(stage.state.list.marks.is_empty());
    stage.keys("ctrl-\\");
    assert!(stage.text().contains("nothing is marked"));
    stage.keys("g space esc");
    assert!(stage.state.list.marks.is_empty());
}

#[test]
fn digits_are_namespaces() {
    let mut stage = stage();
    // pay and shop hold the grants; which is first is told by help.
    let first = stage.state.list.recent[0].clone();
    stage.keys("1");
    assert_eq!(stage.state.list.namespace.as_ref(), Some(&first));
    assert!(stage.text().contains(&format!("in {first}")));
    stage.keys("0");
    assert_eq!(stage.state.list.namespace, None);
    stage.keys("9");
    assert!(stage.text().contains("no namespace 9 yet"));
    stage.command("ns shop");
    let mut listed = names(&stage);
    listed.sort();
    assert_eq!(
        listed,
        ["sa:ci/deployer", "sa:shop/default", "sa:shop/removed", "user:zoe@corp.example"]
    );
    assert!(stage.state.list.recent.iter().any(|ns| &**ns == "shop"));
}

#[test]
fn views_are_commands() {
    let mut stage = stage();
    for (command, count) in [("users", 5), ("groups", 2), ("sa", 4), ("all", 11)] {
        stage.command(command);
        assert_eq!(names(&stage).len(), count, "{command}");
    }
    stage.command("who tier:>=reads-secrets");
    assert_eq!(names(&stage).len(), 5);
}

#[test]
fn a_cluster_of_a_fleet_is_listed_alone_and_effects_name_theirs() {
    let mut other = invented::snapshot();
    other.cluster.name = "test-us".into();
    let books = [invented::whole(), invented::book_of(other, &invented::LogPart::None)];
    let mut stage = Stage::of(&books, (120, 30));
    assert_eq!(stage.state.list.rows.len(), 22);
    stage.keys("ctrl-r");
    let reloaded: Vec<u16> = stage
        .outside
        .iter()
        .filter_map(|effect| match effect {
            Effect::Reload(feed) => Some(feed.0),
            _ => None,
        })
        .collect();
    assert_eq!(reloaded, [0, 1]);
    stage.outside.clear();
    stage.command("ctx test-us").keys("ctrl-r");
    assert_eq!(stage.state.list.rows.len(), 11);
    assert!(matches!(stage.outside[..], [Effect::Reload(feed)] if feed.0 == 1));
    stage.command("cluster nowhere");
    assert!(stage.text().contains("there are test-eu, test-us"), "{}", stage.text());
}

#[test]
fn what_is_copied_does_nothing_by_itself_when_it_is_pasted() {
    let mut stage = Stage::new(&invented::whole(), (100, 30));
    stage.command("who eve").keys("g c");
    let copied = stage.outside.iter().rev().find_map(|effect| match effect {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    let copied = copied.expect("something was copied");
    assert_eq!(copied, "user:eve\\u{202e}nimda\\u{7}\\u{1b}[31m");
    // And is found as it was copied.
    stage.command("who eve\\u{202e}nimda");
    assert!(stage.text().contains("Identities 1 of"), "{}", stage.text());
}
