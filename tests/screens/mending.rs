//! On each finding of the demo: which key mends it, what that stages, and that no other key does
//! anything. What is expected is worked out from what the finding says.

use keybook::book::{Book, Finding};
use keybook::tui::layers::Layer;
use keybook::tui::state::State;
use keybook::tui::whole::Rows;

use super::captures::demo_book;
use super::support::stage::Stage;

fn found(state: &State) -> Vec<Finding> {
    match state.layers.last() {
        Some(Layer::Whole(view)) => match &view.rows {
            Some(Rows::Findings(rows)) => rows.iter().map(|row| row.finding.clone()).collect(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

/// Takes what is staged away.
fn staged(stage: &mut Stage) -> Vec<String> {
    std::mem::take(&mut stage.state.staged).keys().map(|(_, wish)| wish.words()).collect()
}

/// The key, what it says, and what it stages.
fn expected(book: &Book, finding: &Finding) -> (Option<&'static str>, &'static str, Vec<String>) {
    let identity = &finding.identity;
    let own = |wish: String| (Some("r"), "r revoke", vec![wish]);
    let elsewhere = (None, "elsewhere", Vec::new());
    if let Some(key) = &finding.grant {
        // His group leads as far as what names him.
        let by_group = finding.rule == "reach" && &*identity.name == "henrik@corp.example";
        if key.subject != *identity || by_group {
            return elsewhere;
        }
        let (mends, cell, mut wishes) = own(match &key.namespace {
            Some(ns) => format!("revoke rb:{ns}/{}={identity}", key.binding),
            None => format!("revoke crb:{}={identity}", key.binding),
        });
        // In the demo two roles of one group let it into pods that run as cluster-admin.
        if finding.rule == "reach" && &*identity.name == "sre" {
            wishes.push(format!("revoke rb:monitoring/sre={identity}"));
        }
        return (mends, cell, wishes);
    }
    match finding.rule {
        "unused-permissions" => (Some("n"), "n narrow", vec![format!("narrow {identity}")]),
        "shared-account" => (Some("s"), "s split", Vec::new()),
        "unused-credential" if !finding.evidence.starts_with("secret ") => elsewhere,
        "lasting-token" | "unused-credential" => {
            let place = finding.evidence.split([' ', ',']).nth(1).expect("secret NAMESPACE/NAME");
            own(format!("revoke quarantine:{place}"))
        }
        "idle" => {
            let named = book.grants().any(|grant| grant.key.subject == *identity);
            let in_doubt = finding.evidence.contains("need not be unused");
            if named && !in_doubt { own(format!("revoke {identity}")) } else { elsewhere }
        }
        "cluster-admin" | "long-credential" => elsewhere,
        rule => panic!("{rule}: {finding:?}"),
    }
}

#[test]
fn the_key_that_a_finding_names_stages_its_fix_and_no_other_key_stages_anything() {
    let book = demo_book();
    let mut stage = Stage::new(&book, (200, 50));
    stage.keys("f");
    let all = found(&stage.state);
    assert!(all.len() > 50, "{}", all.len());
    for finding in &all {
        let (mends, cell, wish) = expected(&book, finding);
        let shown = stage.text();
        let row = shown.lines().find(|line| line.starts_with('▌')).expect("a row");
        assert!(row.contains(cell), "{cell}: {row}");
        for key in ["r", "n", "s"] {
            stage.keys(key);
            let chooses = mends == Some(key) && key != "r";
            if chooses {
                // What is chosen by default is what mends it; of a split nothing is, yet.
                let verb = if key == "n" { "Narrow" } else { "Split" };
                assert!(stage.text().contains(&format!(" {verb} ")), "{}", stage.text());
                stage.keys("enter");
            }
            let said = stage.state.notice.clone().expect("it says what it did").text;
            let wishes = staged(&mut stage);
            if chooses && key == "s" {
                assert!(said.contains("whom they become is open"), "{said}");
                stage.keys("esc");
            }
            if mends == Some(key) {
                assert_eq!(wishes, wish, "{finding:?}");
                continue;
            }
            assert_eq!(wishes, Vec::<String>::new(), "{key} on {finding:?}");
            let why = format!("would not mend {}", finding.rule);
            assert!(said.contains(&why), "{key} on {finding:?}: {said}");
            assert!(mends.is_none_or(|key| said.contains(&format!(": {key} does"))), "{said}");
        }
        stage.keys("j");
    }
}

#[test]
fn what_is_staged_is_marked_in_each_list_that_shows_it() {
    let book = demo_book();
    let mut stage = Stage::new(&book, (120, 30));
    stage.command("findings").keys("/").type_text("lasting-token ci/deployer").keys("enter r");
    // On the row under the cursor.
    let marked = |stage: &Stage, holds: &str| {
        let shown = stage.text();
        let row = shown.lines().find(|line| line.starts_with('▌')).expect("a row");
        assert!(row.contains(holds), "{shown}");
        row.chars().nth(1) == Some('~')
    };
    assert!(marked(&stage, "lasting-token"));
    stage.command("credentials").keys("/").type_text("ci/deployer-token").keys("enter");
    assert!(marked(&stage, "ci/deployer"), "{}", stage.text());
    stage.command("findings").keys("/").type_text("dangling-role ci/runner").keys("enter r");
    assert!(marked(&stage, "dangling-role"));
    stage.command("grants").keys("/").type_text("ci/runner release-bot").keys("enter");
    assert!(marked(&stage, "release-bot"), "{}", stage.text());
    stage.keys("/ ctrl-u enter g");
    assert!(!marked(&stage, "▌"), "{}", stage.text());
}

#[test]
fn r_on_the_way_to_more_stages_the_grant_that_closes_it() {
    let book = demo_book();
    let mut stage = Stage::new(&book, (200, 50));
    stage.command("show sa:ci/runner").keys("tab tab tab tab");
    assert!(stage.text().contains("r cut"), "{}", stage.text());
    stage.keys("r");
    // Its other grant, that of sa:ci/deployer, leaves another way.
    assert_eq!(staged(&mut stage), ["revoke rb:ci/runner=sa:ci/runner"]);
    // Of what cannot become more there is nothing to cut, least of all all that it holds.
    stage.command("show sa:checkout/checkout-api").keys("tab tab tab tab r");
    assert!(stage.text().contains("there is no way to cut"), "{}", stage.text());
    assert_eq!(staged(&mut stage), Vec::<String>::new());
}
