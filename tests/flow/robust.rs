//! Whatever is pressed, at whatever size, whatever comes in between: no panic, and a screen.

use keybook::tui::action::Context;
use keybook::tui::actions::all;
use keybook::tui::effect::Msg;
use keybook::tui::state::FeedId;
use proptest::prelude::*;

use super::support::invented;
use super::support::stage::Stage;

/// Every key that does something anywhere, and letters that do not.
fn keys() -> Vec<&'static str> {
    let mut keys: Vec<&str> = all().iter().flat_map(|action| action.keys).copied().collect();
    keys.extend(["a", "x", "\"", "~", "é", "(", "alt-x"]);
    // Those that leave are tested elsewhere.
    keys.retain(|key| !["ctrl-c", "ctrl-z"].contains(key));
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[derive(Clone, Debug)]
enum Step {
    Key(&'static str),
    Command(&'static str),
    Resize(u16, u16),
    Book(usize),
    Focus(bool),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => proptest::sample::select(keys()).prop_map(Step::Key),
        2 => proptest::sample::select(vec![
            "users", "sa", "findings", "health", "help", "who-can get secrets", "ns pay",
            "who idle", "show sa:ci/deployer", "can sa:ci/deployer get pods", "theme ember",
        ]).prop_map(Step::Command),
        2 => (0u16..220, 0u16..70).prop_map(|(width, height)| Step::Resize(width, height)),
        1 => (0usize..3).prop_map(Step::Book),
        1 => any::<bool>().prop_map(Step::Focus),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics(steps in proptest::collection::vec(step(), 1..60)) {
        let books = [invented::whole(), invented::without_log(), invented::incomplete()];
        let mut stage = Stage::new(&books[0], (80, 24));
        for step in steps {
            match step {
                Step::Key(key) => {
                    stage.keys(key);
                }
                Step::Command(text) => {
                    stage.command(text);
                }
                Step::Resize(width, height) => stage.send(Msg::Resize(width, height)),
                Step::Book(at) => stage.send(Msg::Book(FeedId(0), books[at].clone())),
                Step::Focus(on) => stage.send(Msg::Focus(on)),
            }
            let (width, height) = stage.state.size;
            let shown = stage.buffer();
            prop_assert_eq!((shown.area.width, shown.area.height), (width, height));
            let raw = shown.content.iter().any(|cell| cell.symbol().contains('\u{1b}'));
            prop_assert!(!raw, "an escape sequence on the screen");
            let _ = keybook::tui::wake::next(&stage.state);
        }
    }
}

#[test]
fn every_size_can_be_drawn() {
    let mut stage = Stage::new(&invented::whole(), (80, 24));
    for keys in
        ["", "enter", "tab", "tab", "tab", "tab", "w", "esc ?", "esc i", "f", "y", ":", "esc /"]
    {
        stage.keys(keys);
        for width in (0..100).step_by(7) {
            for height in 0..30 {
                stage.send(Msg::Resize(width, height));
                stage.buffer();
            }
        }
        stage.send(Msg::Resize(80, 24));
    }
}

#[test]
fn every_context_offers_a_way_back_and_help() {
    let keymap = keybook::tui::keymap::Keymap::new(keybook::tui::keymap::Preset::Keybook);
    for context in Context::ALL {
        let esc = keymap.resolve(context, "esc".parse().unwrap());
        assert!(esc.is_some() || context == Context::Anywhere, "{context:?}");
        let help = keymap.resolve(context, "?".parse().unwrap());
        assert!(help.is_some() || context == Context::Prompt, "{context:?}");
    }
}

#[test]
fn nothing_wakes_the_program_where_nothing_ages() {
    use keybook::tui::wake::next;
    let mut stage = Stage::new(&invented::whole(), (80, 24));
    // Somebody was seen minutes ago: once a minute.
    assert_eq!(next(&stage.state).map(|wait| wait.as_secs()), Some(60));
    stage.send(Msg::Focus(false));
    assert_eq!(next(&stage.state), None);
    stage.send(Msg::Focus(true));
    stage.keys("i");
    assert_eq!(next(&stage.state), None);
    stage.keys("esc /").type_text("gone").keys("enter");
    assert_eq!(next(&stage.state), None);
    let calm = Stage::new(&invented::without_log(), (80, 24));
    assert_eq!(next(&calm.state), None);
}
