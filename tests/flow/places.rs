//! Going somewhere, and coming back.

use keybook::tui::effect::{Effect, Msg};
use keybook::tui::places::Place;
use keybook::tui::state::State;
use keybook::tui::whole::Sort;

use super::support::invented;
use super::support::stage::Stage;

fn stage() -> Stage {
    Stage::new(&invented::whole(), (80, 24))
}

fn here(state: &State) -> &'static str {
    match state.places.here() {
        Place::List => "list",
        Place::Page(_) => "page",
        Place::Reverse(..) => "reverse",
        Place::Whole(Sort::Findings) => "findings",
        Place::Whole(Sort::Credentials) => "credentials",
        Place::Whole(Sort::Grants) => "grants",
        Place::Whole(Sort::Cuts) => "cuts",
        Place::Health => "health",
    }
}

#[test]
fn esc_and_q_go_back_to_where_one_came_from() {
    let mut stage = stage();
    stage.command("show sa:ci/deployer").keys("w enter");
    assert_eq!(here(&stage.state), "reverse");
    stage.keys("enter");
    assert_eq!(here(&stage.state), "page");
    stage.keys("y");
    assert!(stage.text().contains("apiVersion: rbac.authorization.k8s.io/v1"));
    stage.keys("q esc");
    assert_eq!(here(&stage.state), "reverse");
    stage.keys("q");
    assert_eq!(here(&stage.state), "page");
    stage.keys("esc esc esc q");
    assert_eq!(here(&stage.state), "list");
    // Going back never ends the program.
    assert!(stage.outside.is_empty());
}

#[test]
fn brackets_walk_through_the_places_visited() {
    let mut stage = stage();
    stage.keys("enter esc f i");
    assert_eq!(here(&stage.state), "health");
    stage.keys("[");
    assert_eq!(here(&stage.state), "findings");
    stage.keys("[ [");
    assert_eq!(here(&stage.state), "page");
    stage.keys("]");
    assert_eq!(here(&stage.state), "list");
    stage.keys("] ]");
    assert_eq!(here(&stage.state), "health");
    stage.keys("]");
    assert!(stage.text().contains("there is no place after this"));
    stage.keys("-");
    assert_eq!(here(&stage.state), "findings");
    stage.keys("-");
    assert_eq!(here(&stage.state), "health");
}

#[test]
fn tabs_go_round_in_the_preview_and_on_the_page() {
    let mut stage = stage();
    stage.keys("tab");
    assert!(stage.text().contains("BINDING"), "{}", stage.text());
    // The page opens on the tab of the preview.
    stage.keys("enter");
    assert!(stage.text().contains("BINDING"));
    stage.keys("shift-tab shift-tab");
    assert!(stage.text().contains("KNOWN FROM"));
    stage.keys("right");
    assert!(stage.text().contains("RESOURCE"));
}

#[test]
fn a_page_survives_that_its_identity_goes() {
    let mut stage = stage();
    stage.command("show sa:shop/default");
    let mut snapshot = invented::snapshot();
    snapshot.objects.clear(keybook::model::ListKind::ServiceAccounts, None);
    let book = invented::book_of(snapshot, &invented::LogPart::None);
    // Ids of another Book are other ids; this one is not there at all.
    for layer in &mut stage.state.layers {
        if let keybook::tui::layers::Layer::Page(page) = layer {
            page.who.id = keybook::book::IdentityId(9_999);
        }
    }
    stage.send(Msg::Book(keybook::tui::state::FeedId(0), book));
    assert!(stage.text().contains("no longer there"), "{}", stage.text());
    stage.keys("j k enter d y c w tab tab tab tab esc");
    assert_eq!(here(&stage.state), "list");
}

#[test]
fn quitting_and_suspending_work_everywhere_at_once() {
    for keys in ["", "enter", ":", "/", "?", "f", "i", "enter w"] {
        let mut stage = stage();
        // Also while work is out that never comes back.
        stage.hold = true;
        stage.keys(keys).keys("ctrl-z ctrl-c");
        assert!(
            matches!(stage.outside[..], [Effect::Suspend, Effect::Quit]),
            "after {keys:?}: {:?}",
            stage.outside
        );
    }
    let mut stage = stage();
    stage.command("quit");
    assert!(matches!(stage.outside[..], [Effect::Quit]));
}

#[test]
fn the_cursor_of_every_tab_is_its_own() {
    let mut stage = stage();
    stage.command("show sa:ci/deployer").keys("j j tab j shift-tab");
    assert!(stage.text().contains("▌ deployments.apps "), "{}", stage.text());
}
