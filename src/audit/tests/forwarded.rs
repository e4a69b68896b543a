//! Requests that an extension server logged as well.

use serde_json::json;

use super::*;
use crate::model::Identity;
use crate::store::Store;

const URI: &str = "/apis/shop.example.com/v1/namespaces/shop/orders/o1";

fn line(id: &str, time: &str, addresses: &[&str]) -> Line {
    Line::new(id, "get", URI).at(time).set("sourceIPs", json!(addresses))
}

const FIRST: &str = "2026-05-04T09:10:11.000000Z";

/// At the API server, and three milliseconds later at the extension server.
fn pair() -> [Line; 2] {
    [
        line("a1", FIRST, &["198.51.100.7"]),
        line("a1", "2026-05-04T09:10:11.003000Z", &["198.51.100.7", "10.0.0.1"]),
    ]
}

/// Who authenticated, from where, when first, how often.
fn rows(activity: &Activity) -> Vec<(String, String, String, u64)> {
    let mut rows: Vec<_> = activity
        .uses()
        .map(|row| {
            let address = activity.actor(row.actor).address.as_deref().unwrap_or_default();
            let who = activity.identity(row.authenticated).name.to_string();
            (who, address.to_owned(), row.first.format("%T%.6f").to_string(), row.requests())
        })
        .collect();
    rows.sort();
    rows
}

fn row(who: &str, address: &str, first: &str, requests: u64) -> (String, String, String, u64) {
    (who.to_owned(), address.to_owned(), first.to_owned(), requests)
}

#[test]
fn a_request_that_was_passed_on_counts_once_as_the_first_server_saw_it() {
    let [first, second] = pair();
    let once = [row("ana", "198.51.100.7", "09:10:11.000000", 1)];
    for lines in [[first.clone(), second.clone()], [second.clone(), first.clone()]] {
        let activity = activity(&lines);
        assert_eq!(rows(&activity), once);
        assert_eq!((activity.coverage().events, activity.coverage().repeats), (1, 1));
    }
    // Alone it counts as what it is.
    let alone = activity(&[second]);
    assert_eq!(rows(&alone), [row("ana", "10.0.0.1", "09:10:11.003000", 1)]);
}

#[test]
fn stages_of_both_servers_are_one_request() {
    let [first, second] = pair();
    let lines = [first.clone().received(), first, second.clone().received(), second];
    let activity = activity(&lines);
    assert_eq!(rows(&activity), [row("ana", "198.51.100.7", "09:10:11.000000", 1)]);
    assert_eq!((activity.coverage().events, activity.coverage().repeats), (1, 3));
}

#[test]
fn whoever_was_impersonated_did_not_authenticate() {
    let [first, second] = pair();
    let other = json!({"username": "bea", "groups": ["ops"]});
    let first = first.set("impersonatedUser", other);
    let second = second.user("bea", &["ops"]);
    let both = activity(&[first, second.clone()]);
    assert_eq!(rows(&both), [row("ana", "198.51.100.7", "09:10:11.000000", 1)]);
    // An impersonator chooses the groups: the second server's line is no proof of them.
    let alone = activity(&[second]);
    for activity in [&both, &alone] {
        let bea = Identity::user("bea");
        let seen = (0..).map(crate::model::SeenId).take(2);
        let seen = seen
            .filter(|id| activity.to_parts().tables.identities.get(id.0 as usize) == Some(&bea));
        assert!(seen.into_iter().all(|id| activity.groups_seen(id).is_empty()));
    }
}

#[test]
fn what_cannot_have_been_passed_on_is_counted_each_time() {
    let own = pair().map(|line| line.set("requestURI", json!("/api/v1/namespaces/shop/pods/p")));
    assert_eq!(rows(&activity(&own)).len(), 2);
    let [first, second] = pair();
    let others = [
        second.clone().set("requestURI", json!(URI.replace("o1", "o2"))),
        second.clone().set("verb", json!("update")),
        second.clone().set("userAgent", json!("another")),
        second.clone().set("auditID", json!("a2")),
        second.clone().user("bea", &["devs"]),
        second.clone().set("sourceIPs", json!(["198.51.100.8", "10.0.0.1"])),
        second.clone().at("2026-05-04T09:10:31.000001Z"),
        second.clone().at("2026-05-04T09:10:08.999999Z"),
        // The same client, the same id, another time.
        first.clone().at("2026-05-04T09:10:12.000001Z"),
    ];
    for other in others {
        let activity = activity(&[first.clone(), other.clone()]);
        assert_eq!(activity.coverage().events, 2, "{}", other.text());
    }
}

#[test]
fn servers_may_be_on_one_machine_behind_others_and_at_odds_about_the_time() {
    let at = |time: &str, addresses: &[&str]| line("a1", time, addresses);
    let pairs = [
        // A client beside the API server.
        [at(FIRST, &["10.0.0.1"]), at("2026-05-04T09:10:11.000900Z", &["10.0.0.1"])],
        // The same, in the name of another.
        [
            at(FIRST, &["192.0.2.9", "10.0.0.1"]),
            at("2026-05-04T09:10:11.5Z", &["192.0.2.9", "10.0.0.1"]),
        ],
        // Behind what already says who comes.
        [
            at(FIRST, &["192.0.2.9", "198.51.100.7"]),
            at("2026-05-04T09:10:11.5Z", &["192.0.2.9", "198.51.100.7", "10.0.0.1"]),
        ],
        // The second clock is behind.
        [at(FIRST, &["198.51.100.7"]), at("2026-05-04T09:10:09.5Z", &["198.51.100.7", "10.0.0.1"])],
        // Another hour.
        [
            at("2026-05-04T09:59:59.999Z", &["198.51.100.7"]),
            at("2026-05-04T10:00:00.001Z", &["198.51.100.7", "10.0.0.1"]),
        ],
    ];
    for [first, second] in pairs {
        let found = activity(&[second.clone(), first.clone()]);
        assert_eq!(
            rows(&found),
            rows(&activity(std::slice::from_ref(&first))),
            "{}",
            second.text()
        );
    }
}

#[test]
fn no_claim_of_a_client_makes_a_request_vanish() {
    // Each says that it comes from the other.
    let circle = [
        line("a1", FIRST, &["10.0.0.2", "10.0.0.1"]),
        line("a1", "2026-05-04T09:10:11.1Z", &["10.0.0.1", "10.0.0.2"]),
    ];
    assert_eq!(activity(&circle).coverage().events, 1);
    // One id for everything.
    let many: Vec<Line> = (0..600)
        .map(|at| {
            line("a1", &format!("2026-05-04T09:{:02}:{:02}Z", at / 20, at % 20 * 3), &["10.0.0.1"])
        })
        .collect();
    assert_eq!(activity(&many).coverage().events, 600);
}

#[test]
fn paths_below_a_group_may_be_passed_on_too() {
    let lines = pair().map(|line| line.set("requestURI", json!("/apis/shop.example.com/v1?x=1")));
    assert_eq!(activity(&lines).coverage().events, 1);
    let lines = pair().map(|line| line.set("requestURI", json!("/apis/apps/v1")));
    assert_eq!(activity(&lines).coverage().events, 2);
}

#[test]
fn a_store_says_the_same_whichever_log_comes_first() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = pair();
    let late = [
        line("a2", "2026-05-04T09:59:59.999Z", &["198.51.100.7"]),
        line("a2", "2026-05-04T10:00:00.001Z", &["198.51.100.7", "10.0.0.1"]),
    ];
    let logs = [[&first, &late[0]], [&second, &late[1]]];
    let paths = ["first.log", "second.log"].map(|name| folder.path().join(name));
    for (path, lines) in paths.iter().zip(logs) {
        std::fs::write(path, lines.map(Line::text).concat()).unwrap();
    }
    let options = options();
    for (number, order) in [[0, 1], [1, 0]].into_iter().enumerate() {
        let mut store = Store::open(&folder.path().join(format!("{number}.sqlite"))).unwrap();
        let mut added = 0;
        for at in order {
            let turn = store.turn().unwrap();
            let spec = SourceSpec::Path(paths[at].clone());
            added += store.ingest(&[spec], &options, &(), &turn).unwrap().requests;
        }
        let activity = store.activity(&options).unwrap().unwrap();
        assert_eq!(
            rows(&activity),
            [row("ana", "198.51.100.7", "09:10:11.000000", 2)],
            "{order:?}"
        );
        let coverage = activity.coverage();
        assert_eq!((coverage.events, coverage.repeats, coverage.lines), (2, 2, 4));
        assert!(added >= 2);
    }
}
