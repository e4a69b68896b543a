//! The screens of everything, and from there to an identity.

use keybook::tui::layers::Layer;
use keybook::tui::state::State;
use keybook::tui::tabs::Tab;

use super::support::invented;
use super::support::stage::Stage;

fn stage() -> Stage {
    Stage::new(&invented::whole(), (80, 24))
}

fn page(state: &State) -> Option<(String, Tab, usize)> {
    match state.layers.last() {
        Some(Layer::Page(page)) => {
            Some((page.identity.to_string(), page.tab, page.scroll().cursor))
        }
        _ => None,
    }
}

#[test]
fn a_credential_leads_to_whose_it_is() {
    let mut stage = stage();
    stage.command("credentials").keys("j enter");
    assert_eq!(page(&stage.state), Some(("sa:pay/batch".to_owned(), Tab::Credentials, 0)));
    // On the page it is described.
    stage.keys("enter");
    assert!(stage.text().contains("Expires       never by itself"), "{}", stage.text());
    stage.keys("esc esc");
    // Three of them are what the log does not name; the first is an administrator's.
    assert!(stage.text().contains("Credentials 4"));
}

#[test]
fn a_grant_leads_to_who_holds_it() {
    let mut stage = stage();
    // The second grant of the account that has two, by name.
    stage.command("grants").keys("/").type_text("ci/deployer shop").keys("enter enter");
    let (who, tab, at) = page(&stage.state).expect("a page");
    assert_eq!((&*who, tab), ("sa:ci/deployer", Tab::Grants));
    let entry = stage.state.layers.last().and_then(|layer| match layer {
        Layer::Page(page) => stage.state.entry(page.who),
        _ => None,
    });
    let (book, entry) = entry.expect("an entry");
    let grant = book.grant(entry.grants[at]).expect("a grant");
    assert_eq!(grant.scope.namespace().map(|ns| &**ns), Some("shop"));
}

#[test]
fn words_narrow_and_esc_leaves() {
    let mut stage = stage();
    stage.command("grants");
    assert!(stage.text().contains("Grants 11"), "{}", stage.text());
    stage.keys("/").type_text("dangling").keys("enter");
    assert!(stage.text().contains("Grants 1 "), "{}", stage.text());
    assert!(stage.text().contains("never-made"), "{}", stage.text());
    stage.keys("/").type_text(" nothing").keys("enter");
    assert!(stage.text().contains("Nothing matches"), "{}", stage.text());
    stage.keys("esc");
    assert!(stage.state.layers.is_empty());
    stage.keys("-");
    assert!(stage.text().contains("Grants 11"), "{}", stage.text());
}
