//! The line being typed: completion, memory, editing.

use keybook::tui::effect::Msg;
use keybook::tui::layers::Layer;

use super::support::invented;
use super::support::stage::Stage;

fn stage() -> Stage {
    Stage::new(&invented::whole(), (100, 30))
}

fn typed(stage: &Stage) -> String {
    match stage.state.layers.last() {
        Some(Layer::Prompt(prompt)) => prompt.text.clone(),
        _ => panic!("nothing is typed"),
    }
}

#[test]
fn tab_takes_the_completion() {
    let mut stage = stage();
    stage.keys(":").type_text("find").keys("tab");
    assert_eq!(typed(&stage), "findings");
    stage.keys("enter");
    assert!(stage.text().contains("Findings 12"));
    stage.keys(":").type_text("theme pa").keys("tab");
    assert_eq!(typed(&stage), "theme paper");
    stage.keys("esc :").type_text("ns sh").keys("right enter");
    assert_eq!(stage.state.list.namespace.as_deref(), Some("shop"));
    stage.keys("0 :").type_text("show sa:ci/d").keys("tab enter");
    assert!(stage.text().contains("sa:ci/deployer  ServiceAccount"), "{}", stage.text());
}

#[test]
fn what_was_typed_comes_back() {
    let mut stage = stage();
    stage.command("users").command("groups").command("all");
    stage.keys(":").type_text("x").keys("up");
    assert_eq!(typed(&stage), "all");
    stage.keys("up up up up");
    assert_eq!(typed(&stage), "users");
    stage.keys("down");
    assert_eq!(typed(&stage), "groups");
    stage.keys("down down");
    assert_eq!(typed(&stage), "x");
}

#[test]
fn a_line_is_edited_at_its_end() {
    let mut stage = stage();
    stage.keys(":").type_text("who-can get secretsé").keys("backspace ctrl-w");
    assert_eq!(typed(&stage), "who-can get ");
    stage.keys("ctrl-w ctrl-w ctrl-w");
    assert_eq!(typed(&stage), "");
    stage.type_text("abc").keys("ctrl-u");
    assert_eq!(typed(&stage), "");
    stage.keys("backspace");
    assert!(stage.state.layers.is_empty());
}

#[test]
fn pasted_text_is_one_line() {
    let mut stage = stage();
    stage.send(Msg::Paste("nowhere to go".into()));
    assert!(stage.state.layers.is_empty());
    stage.keys("/");
    stage.send(Msg::Paste("jane\r\n\u{1b}[31mkind:user\n".into()));
    assert_eq!(typed(&stage), "jane [31mkind:user");
}

#[test]
fn keys_that_do_things_elsewhere_are_typed() {
    let mut stage = stage();
    stage.keys("/").type_text("q?:-[0 ").keys("enter");
    assert_eq!(stage.state.list.filter.text(), "q?:-[0");
}

#[test]
fn help_is_searched() {
    let mut stage = stage();
    stage.keys("? /").type_text("clipboard").keys("enter");
    let shown = stage.text();
    assert!(shown.contains("copy the name") && !shown.contains("sort by"), "{shown}");
    stage.keys("/ ctrl-u").type_text("zzzz");
    assert!(stage.text().contains("nothing matches"));
}
