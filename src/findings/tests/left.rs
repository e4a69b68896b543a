//! Who left, and has tokens of others in hand.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::*;
use crate::model::{Asked, BoundTo, Identity, Issued, Minted, Name};

fn by(world: &World) -> Vec<(Severity, String)> {
    let found = findings(world).into_iter().filter(|one| one.rule == "acted-after-leaving");
    found.map(|one| (one.severity, one.evidence)).collect()
}

/// A token of sa:a/x that somebody had made on day 10, good until a time.
fn token(id: &str, by: &str, until: Option<&str>, audiences: &[&str]) -> (Arc<Issued>, Minted) {
    let issued = Issued {
        account: Identity::service_account("a", "x"),
        credential: id.into(),
        by: by.parse().expect("an identity"),
        as_who: None,
    };
    let mut minted = Minted::new(day(10));
    minted.asked = until.map(|until| Asked {
        bound: BoundTo::Nothing,
        seconds: None,
        until: Some(until.parse().expect("a time")),
        audiences: audiences.iter().map(|one| Name::from(*one)).collect(),
    });
    (Arc::new(issued), minted)
}

/// A log in which the account was used by JTI=used after the third of February, day 33, on which Ada left.
fn with(issued: Vec<(Arc<Issued>, Minted)>) -> World {
    let mut world = world()
        .account("a", "x")
        .log(0, 60)
        .row(Row::new("user:ada", "get pods@a/x", 20))
        .row(Row::new("sa:a/x", "get pods@a/x", 40).with("JTI=used").times(3));
    world.activity.as_mut().unwrap().issued = issued;
    world.policy.left = [("user:ada".into(), "2026-02-03".parse().expect("a day"))].into();
    world
}

#[test]
fn a_good_token_of_another_in_the_hand_of_who_left_is_said() {
    // The Book's now is day 364, the last of December.
    let live = "2027-03-01T00:00:00Z";
    let one = token("JTI=1", "user:ada", Some(live), &[]);
    let said = "its last day was 2026-02-03, by the policy; a token of sa:a/x that it had made (JTI=1), \
                not seen used after it, is good until 2027-03-01 00:00 UTC";
    assert_eq!(by(&with(vec![one.clone()])), [(Severity::Medium, said.to_owned())]);
    let two = token("JTI=2", "user:ada", Some("2027-04-01T00:00:00Z"), &[]);
    let found = by(&with(vec![one.clone(), two]));
    assert!(
        found[0].1.ends_with(
            "; 2 tokens of sa:a/x that it had made, not seen used after it, are good, the last \
             (JTI=2) until 2027-04-01 00:00 UTC"
        ),
        "{found:?}"
    );
    // Beside one that was used.
    let found = by(&with(vec![one.clone(), token("JTI=used", "user:ada", None, &[])]));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, Severity::High);
    assert!(
        found[0].1.contains("a token of sa:a/x that it had made had 3 requests after it")
            && found[0]
                .1
                .ends_with("(JTI=1), not seen used after it, is good until 2027-03-01 00:00 UTC"),
        "{found:?}"
    );
    // What ran out, what may have, what is for somebody else, and what is another's.
    for (who, until, audiences) in [
        ("user:ada", Some("2026-12-30T00:00:00Z"), vec![]),
        ("user:ada", None, vec![]),
        ("user:ada", Some(live), vec!["vault"]),
        ("user:bo", Some(live), vec![]),
    ] {
        assert_eq!(by(&with(vec![token("JTI=1", who, until, &audiences)])), [], "{who} {until:?}");
    }
    // The account was made anew since, or is gone: what was made for it is refused.
    let renewed = |created: DateTime<Utc>| {
        let mut world = with(vec![one.clone()]);
        let accounts = &mut world.snapshot.objects.service_accounts;
        let key = (Name::from("a"), Name::from("x"));
        let mut account = (**accounts.get(&key).unwrap()).clone();
        account.meta.creation_timestamp = Some(created);
        accounts.insert(key, account.into());
        by(&world).len()
    };
    assert_eq!((renewed(day(5)), renewed(day(11))), (1, 0));
}
