//! What works on in the hands of whoever is revoked.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{World, all, user};
use crate::book::tests::world::{Row, World as Logged, day};
use crate::change::plan::{Plan, StillWorks};
use crate::model::{Asked, BoundTo, Identity, Issued, Minted};

/// ana had a token made for ci/bot, which is good for years, and read the Secret ci/of-other; both are
/// accounts of their own.
fn world() -> World {
    let account = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name,
            "namespace": "ci", "uid": format!("uid-{name}"), "resourceVersion": "4"}})
    };
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "of-other", "namespace": "ci", "uid": "s", "resourceVersion": "5",
            "annotations": {"kubernetes.io/service-account.name": "other",
                "kubernetes.io/service-account.uid": "uid-other"}}});
    let ana: Value = json!([user("ana"), user("bo")]);
    let mut parts = Logged::new().log(0, 88).activity.expect("a log");
    Row::new("user:ana", "get secrets@ci/of-other", 80).put(&mut parts);
    let asked =
        Asked { bound: BoundTo::Nothing, seconds: None, until: Some(day(3000)), audiences: vec![] };
    let issued = Issued {
        account: Identity::service_account("ci", "bot"),
        credential: "JTI=1".into(),
        by: Identity::user("ana"),
        as_who: None,
    };
    let minted = Minted { asked: Some(asked), ..Minted::new(day(70)) };
    parts.issued = vec![(Arc::new(issued), minted)];
    let world = World::default().with(account("bot")).with(account("other")).with(secret);
    let world = world.role("edit", &all()).bind(Some("ci"), "lead", "edit", &ana);
    World { log: Some(parts), ..world }
}

fn of_others(plan: &Plan) -> Vec<&StillWorks> {
    let of_others = |one: &&StillWorks| one.what.contains("it authenticates as sa:ci/");
    plan.still_works.iter().filter(of_others).collect()
}

#[test]
fn what_somebody_has_in_hand_of_others_works_after_a_revoke_and_what_ends_it_is_said() {
    for wish in ["user:ana", "rb:ci/lead=user:ana"] {
        let plan = world().plan(&[wish]).expect("a plan");
        let [token, secret] = of_others(&plan)[..] else { panic!("{:?}", plan.still_works) };
        assert_eq!(
            token.what,
            "a token of sa:ci/bot that user:ana had made (JTI=1): it authenticates as sa:ci/bot"
        );
        assert!(token.until.starts_with("good until 2034-03-20 12:00 UTC; "), "{}", token.until);
        assert!(token.until.ends_with("(keybook revoke renew:ci/bot)"), "{}", token.until);
        assert_eq!(
            secret.what,
            "the token of sa:ci/other in secret ci/of-other, which user:ana read and may have copied: \
             it authenticates as sa:ci/other"
        );
        assert!(secret.until.starts_with("good without an end; "), "{}", secret.until);
        assert!(secret.until.contains("(keybook revoke "), "{}", secret.until);
        assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
    }
    // bo has nothing in hand.
    let plan = world().plan(&["user:bo"]).expect("a plan");
    assert_eq!(of_others(&plan), Vec::<&StillWorks>::new());
}

#[test]
fn what_the_same_plan_ends_does_not_work_on() {
    let left = |wishes: &[&str]| {
        let plan = world().plan(wishes).expect("a plan");
        of_others(&plan).iter().map(|one| one.what.clone()).collect::<Vec<_>>()
    };
    let renewed = left(&["user:ana", "renew:ci/bot"]);
    assert_eq!(renewed.len(), 1, "{renewed:?}");
    assert!(renewed[0].contains("secret ci/of-other"), "{renewed:?}");
    assert_eq!(left(&["user:ana", "account:ci/bot", "account:ci/other"]), Vec::<String>::new());
}

#[test]
fn certificates_that_somebody_asked_for_are_told_though_the_request_is_gone() {
    let told = |calls: &[(&'static str, &'static str, i64)], there: bool| {
        let mut world = world();
        let mut parts = world.log.take().expect("a log");
        for (who, call, on) in calls {
            Row::new(who, call, *on).put(&mut parts);
        }
        world.log = Some(parts);
        if there {
            world = world.with(json!({"apiVersion": "certificates.k8s.io/v1",
                "kind": "CertificateSigningRequest",
                "metadata": {"name": "boss", "uid": "c", "resourceVersion": "9"},
                "spec": {"username": "ana", "signerName": "kubernetes.io/kube-apiserver-client"}}));
        }
        let plan = world.plan(&["user:ana"]).expect("a plan");
        let all = plan.still_works.into_iter().map(|one| one.what);
        all.filter(|what| what.contains("certificate")).collect::<Vec<_>>()
    };
    let asked = ("user:ana", "create certificates.k8s.io:certificatesigningrequests", 70);
    let said = "a certificate that user:ana asked for on 2026-03-12, of which the request is gone: \
                whether it was signed, and whom it names, is not known";
    assert_eq!(told(&[asked], false), [said]);
    assert_eq!(told(&[asked], true), Vec::<String>::new());
    assert_eq!(told(&[("user:bo", asked.1, 70)], false), Vec::<String>::new());
    let (again, said) = (
        ("user:ana", asked.1, 71),
        "2 certificates that user:ana asked for, the last on 2026-03-13, of which the requests are gone: \
         whether they were signed, and whom they name, is not known",
    );
    assert_eq!(told(&[asked, again], false), [said]);
}

/// ci/bot has two Secrets with tokens of its own, and had one made by one of them, besides.
fn leaked() -> World {
    let secret = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": name, "namespace": "ci", "uid": name, "resourceVersion": "5",
                "annotations": {"kubernetes.io/service-account.name": "bot",
                    "kubernetes.io/service-account.uid": "uid-bot"}}})
    };
    let mut world = world();
    let tied = |id: &str, bound: BoundTo| {
        let asked = Asked { bound, seconds: None, until: Some(day(3000)), audiences: vec![] };
        let issued = Issued {
            account: Identity::service_account("ci", "bot"),
            credential: id.into(),
            by: Identity::service_account("ci", "bot"),
            as_who: None,
        };
        (Arc::new(issued), Minted { asked: Some(asked), ..Minted::new(day(71)) })
    };
    let bound = BoundTo::Object {
        kind: "Secret".into(),
        name: Some("tie".into()),
        uid: Some("uid-tie".into()),
    };
    let log = world.log.as_mut().expect("a log");
    log.issued.extend([tied("JTI=2", BoundTo::Nothing), tied("JTI=3", bound)]);
    Row::new("sa:ci/bot", "get pods@ci/p", 85).with("JTI=3").put(log);
    let tie = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "tie", "namespace": "ci", "uid": "uid-tie", "resourceVersion": "6"}});
    world.with(secret("leaked")).with(secret("spare")).with(tie)
}

#[test]
fn what_else_authenticates_as_whose_token_is_ended_is_said() {
    let is_id = |word: &str| word.starts_with("JTI=") || word.starts_with("ci/");
    let works = |wish: &str| {
        let plan = leaked().plan(&[wish]).expect("a plan");
        let of_bot =
            plan.still_works.iter().filter(|one| one.what.ends_with("authenticates as sa:ci/bot"));
        let ids: Vec<&str> =
            of_bot.filter_map(|one| one.what.split_whitespace().find(|word| is_id(word))).collect();
        (ids.join(" "), plan.still_works.iter().any(|one| one.what.contains("sa:ci/bot has open")))
    };
    let tokens = "JTI=1 JTI=2 JTI=3";
    assert_eq!(works("quarantine:ci/leaked"), (format!("{tokens} ci/spare"), true));
    assert_eq!(works("secret:ci/leaked"), (format!("{tokens} ci/spare"), true));
    assert_eq!(works("quarantine:sa:ci/bot"), (tokens.to_owned(), true));
    // What is bound to a Secret ends with it.
    assert_eq!(works("secret:ci/tie"), ("JTI=1 JTI=2 ci/leaked ci/spare".to_owned(), true));
    assert_eq!(works("renew:ci/bot").0, "");
}
