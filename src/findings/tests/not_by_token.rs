//! Who acts as a service account by something else than a token of it.

use super::{findings, rules, world};
use crate::book::world::{Row, World, day};
use crate::book::{Finding, GroupSource, Mend, Severity};
use crate::credentials::tests::{certificate, csr};
use crate::model::ListKind;
use crate::rbac::query::{Question, Resolver, can};

const CLIENT: &str = "kubernetes.io/kube-apiserver-client";

/// sa:a/ghost may create pods in a, and is not there.
fn haunted() -> World {
    world().bind(Some("a"), "x", "ClusterRole/edit", "sa:a/ghost")
}

fn of(world: &World) -> Vec<Finding> {
    findings(world).into_iter().filter(|one| one.rule == "not-by-token").collect()
}

fn groups(world: &World) -> Vec<(String, GroupSource)> {
    let book = world.book();
    let all = book.who("sa:a/ghost").groups.iter();
    all.map(|group| (group.name.to_string(), group.source)).collect()
}

#[test]
fn a_certificate_acts_as_an_account_that_does_not_exist() {
    let used = haunted().log(0, 10).row(
        Row::new("sa:a/ghost", "create pods@a", 4)
            .with("X509SHA256=0a")
            .groups(&["system:authenticated"])
            .times(3),
    );
    let found = of(&used);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].evidence,
        "a client certificate authenticates as ServiceAccount a/ghost, which does not exist, with 3 \
         requests by the log, the last on 2026-01-05: X509SHA256=0a; that gives what is bound to the \
         account by its name and to the groups in the certificate, and not to those of service accounts"
    );
    assert_eq!(found[0].severity, Severity::Medium);
    assert!(matches!(&found[0].fix.write, Some(Mend::RevokeAll(who)) if *who == found[0].identity));
    assert!(rules(&used).iter().any(|(_, rule)| *rule == "dangling-account"));
    // What the log shows is all that it is in.
    assert_eq!(groups(&used), [("system:authenticated".to_owned(), GroupSource::Implicit)]);
    // So is what it may do: nothing by the groups of accounts.
    let may = |world: &World| {
        let world =
            world.clone().bind(Some("a"), "y", "ClusterRole/view", "group:system:serviceaccounts");
        let book = world.book();
        let (snapshot, who) = (&book.snapshot, book.who("sa:a/ghost"));
        let target = Resolver::of(snapshot).resolve("get", "pods").unwrap();
        let question =
            Question { verb: "get".into(), target, namespace: Some("a".into()), name: None };
        let asker = who.asker();
        (asker.groups.len(), can(book.authorizer(), snapshot, &asker, &question).allowed())
    };
    assert_eq!(may(&used), (1, false));
    assert_eq!(may(&used.clone().account("a", "ghost")), (3, true));
    // By a token it was there when it acted.
    let token = haunted().log(0, 10).row(Row::new("sa:a/ghost", "create pods@a", 4).with("JTI=1"));
    assert_eq!(of(&token), []);
    assert_eq!(groups(&token).len(), 3);
    assert_eq!(groups(&haunted()).len(), 3);
}

#[test]
fn a_certificate_that_was_not_used_is_told_by_its_request() {
    let (pem, _) = certificate("system:serviceaccount:a:ghost", &["devs"], 3000);
    let world = haunted().object(&csr("one", CLIENT, &pem));
    let found = of(&world);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].evidence.contains(", with no request in a log so far: X509SHA256="));
    let expected = [
        ("devs".to_owned(), GroupSource::Certificate),
        ("system:authenticated".to_owned(), GroupSource::Implicit),
    ];
    assert_eq!(groups(&world), expected);
    let book = world.book();
    let of_it = crate::credentials::of(&book, &found[0].identity);
    assert!(of_it[0].notes.iter().any(|note| note.starts_with("it names a service account")));
    // The account being there changes nothing of that, and what it is granted is its own.
    let there = world.account("a", "ghost");
    let found = of(&there);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(!found[0].evidence.contains("does not exist"), "{found:?}");
    assert_eq!((found[0].fix.kind(), found[0].severity), ("elsewhere", Severity::Medium));
    let until = day(3000).format("%Y-%m-%d").to_string();
    assert!(found[0].fix.how.contains(&until), "{}", found[0].fix.how);
    assert_eq!(groups(&there).len(), 4);
    // One that has run out gives nothing.
    let (old, _) = certificate("system:serviceaccount:a:ghost", &[], 1);
    assert_eq!(of(&haunted().object(&csr("old", CLIENT, &old))), []);
}

#[test]
fn who_impersonates_an_account_needs_none() {
    let as_it = |world: World| {
        world
            .log(0, 10)
            .row(Row::new("user:cleo", "create pods@a", 5).acting_as("sa:a/ghost", None).times(2))
    };
    let found = of(&as_it(haunted()));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        found[0].evidence,
        "user:cleo acted as ServiceAccount a/ghost, which does not exist, by impersonation: 2 requests, \
         the last on 2026-01-06; whether the account was there then objects do not say, and \
         impersonation does not ask"
    );
    assert_eq!(of(&as_it(haunted().account("a", "ghost"))), []);
    let blind = super::without(as_it(haunted()), ListKind::ServiceAccounts);
    let blind = super::without(blind, ListKind::Namespaces);
    assert_eq!(of(&blind), []);
}

#[test]
fn of_an_account_with_more_credentials_than_are_kept_it_is_not_known() {
    let lacks = |cut: bool| {
        let mut world = world()
            .account("a", "ci")
            .log(0, 10)
            .row(Row::new("sa:a/ci", "create pods@a", 4).with("JTI=1"));
        let seen = world.activity.as_ref().unwrap().tables.identities.iter();
        let place = seen.clone().position(|one| one.to_string() == "sa:a/ci").unwrap();
        let counts = std::collections::BTreeMap::from([("credentials".into(), 300)]);
        if cut {
            let id = crate::model::SeenId(u32::try_from(place).unwrap());
            world.activity.as_mut().unwrap().truncated = [(id, counts)].into();
        }
        let all = crate::findings::not_judged(&world.book());
        let one = all.into_iter().find(|one| one.lacks == "all credentials in the audit log");
        one.map(|one| one.words())
    };
    let words = "without all credentials in the audit log (sa:a/ci had more than are kept): \
                 not-by-token, shared-account";
    assert_eq!((lacks(true).as_deref(), lacks(false)), (Some(words), None));
}
