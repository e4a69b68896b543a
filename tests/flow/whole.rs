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
    // What narrows goes first, then the screen.
    stage.keys("esc");
    assert!(stage.text().contains("Grants 11"), "{}", stage.text());
    stage.keys("esc");
    assert!(stage.state.layers.is_empty());
    stage.keys("-");
    assert!(stage.text().contains("Grants 11"), "{}", stage.text());
}

#[test]
fn fields_narrow_and_those_that_a_screen_does_not_have_are_said() {
    let mut stage = stage();
    stage.command("findings");
    let count = |stage: &Stage| {
        let shown = stage.text();
        let head = shown.lines().find(|line| line.starts_with(" Findings ")).expect("a head");
        head.split_whitespace()
            .nth(1)
            .and_then(|count| count.parse::<usize>().ok())
            .expect("a count")
    };
    let all = count(&stage);
    stage.keys("/").type_text("severity:high").keys("enter");
    let high = count(&stage);
    stage.keys("/ ctrl-u").type_text("!severity:high").keys("enter");
    assert_eq!((high > 0, high + count(&stage)), (true, all));
    stage.keys("/ ctrl-u").type_text("finding:idle").keys("enter");
    assert!(stage.text().contains(" idle "), "{}", stage.text());
    stage.keys("/ ctrl-u").type_text("seen:never").keys("enter");
    // It stays to be mended.
    assert!(stage.text().contains("no seen: here; there are"), "{}", stage.text());
    stage.keys("esc");
    assert!(stage.text().contains("/ finding:idle"), "{}", stage.text());
}

#[test]
fn a_key_of_another_screen_says_where_it_is_for() {
    let mut stage = stage();
    for screen in ["findings", "credentials", "grants"] {
        stage.command(screen);
        for key in ["space", "shift-r", "shift-k", "0", "h", "l", "tab"] {
            stage.keys("j");
            stage.keys(key);
            let said = stage.state.notice.clone().expect("it says something").text;
            let start = format!("{key} does nothing on this screen ({screen}); it is for ");
            assert!(said.starts_with(&start), "{said}");
        }
    }
}
