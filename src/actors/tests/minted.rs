//! Tokens that somebody had made for an account: whose they are, and who uses them.

use super::*;

#[test]
fn tokens_that_several_people_had_made() {
    let log = |second: (&str, &str, &str), start: i64| {
        Log::new("sa:ci/deployer")
            .minted("JTI=1", "user:ana@corp.example")
            .minted("JTI=2", "user:bo@corp.example")
            .minted("JTI=3", "system:serviceaccount:ci:issuer")
            .work(("JTI=1", LINUX, OFFICE), 0..60)
            .work(second, start..start + 60)
    };
    // Each from a place of their own, though never at the same time.
    let apart = log(("JTI=2", LINUX, HOME), 900);
    assert_eq!(apart.signs(), [("minters", 60)]);
    assert_eq!(
        apart.behind().signals[0].evidence,
        "tokens of it were made by user:ana@corp.example (1 used), user:bo@corp.example (1 used)"
    );
    // One took the other's place on the same machine: the token of a machine was renewed.
    let renewed = log(("JTI=2", LINUX, OFFICE), 900);
    assert_eq!(renewed.signs(), [("minters", 10)]);
    // What a machine had made tells of nobody.
    assert_eq!(log(("JTI=3", LINUX, OFFICE), 900).signs(), []);
    // What was made and not used does not either.
    assert_eq!(log(("JTI=1", LINUX, OFFICE), 900).signs(), []);
}

#[test]
fn who_asked_by_hand_and_got_none_made_no_token_by_hand() {
    let (ana, bo) = ("user:ana@corp.example", "user:bo@corp.example");
    // Both have theirs made by a program alone.
    let log = || {
        Log::new("sa:ci/deployer")
            .minted("JTI=1", ana)
            .minted("JTI=2", bo)
            .asked(ana, "Terraform/1.12", Implied::Nothing)
            .asked(bo, "Terraform/1.12", Implied::Nothing)
            .work(("JTI=1", LINUX, OFFICE), 0..60)
            .work(("JTI=2", LINUX, HOME), 900..960)
    };
    assert_eq!(log().signs(), []);
    let failed = log().asked(ana, LINUX, Implied::NoToken).asked(bo, LINUX, Implied::NoToken);
    assert_eq!(failed.signs(), []);
    let made = log().asked(ana, LINUX, Implied::Nothing).asked(bo, LINUX, Implied::Nothing);
    assert_eq!(made.signs(), [("minters", 60)]);
}

#[test]
fn tokens_that_are_renewed_are_one_persons() {
    let log = (0..20).fold(Log::new("sa:ci/jenny"), |log, hour| {
        let token = format!("JTI={hour}");
        log.minted(&token, "user:jenny").work((&token, MAC, HOME), hour * 60..hour * 60 + 62)
    });
    let behind = log.behind();
    assert_eq!(behind.signals.len(), 1, "only that it goes on around the clock");
    assert_eq!((behind.actors.len(), behind.actors[0].credentials.len()), (1, 20));
    assert_eq!(behind.actors[0].holder, Holder::MintedBy(Identity::user("jenny")));
    assert!(!behind.is_shared());
}

#[test]
fn tokens_that_one_gave_to_several_are_told_apart_by_where_they_are() {
    const WINDOWS: &str = "kubectl/v1.34.0 (windows/amd64) kubernetes/x";
    let log = |by: &str| Log::new("sa:ci/deployer").minted("JTI=1", by).minted("JTI=2", by);
    let (mac, windows) = (("JTI=1", MAC, HOME), ("JTI=2", WINDOWS, OFFICE));
    for by in ["user:platform@corp.example", "sa:vault/vault"] {
        let two = log(by).work(mac, 0..60).also(windows, 2..62);
        assert_eq!(two.signs(), [("credentials", 50), ("machines", 35), ("addresses", 20)], "{by}");
        let behind = two.behind();
        assert!(
            behind.signals[0].evidence.starts_with(&format!("tokens that {by} had made for it"))
        );
        let actors = behind.actors.iter().map(|actor| (&*actor.credentials, &actor.holder));
        let holder = Holder::MintedBy(by.parse().unwrap());
        let (one, other) = (["JTI=1".into()], ["JTI=2".into()]);
        assert_eq!(actors.collect::<Vec<_>>(), [(&one[..], &holder), (&other[..], &holder)]);
    }
    // Who had them made was never seen at either place.
    let given = in_turns(log("user:platform@corp.example"), mac, windows);
    assert_eq!(given.signs(), [("credentials", 40), ("machines", 10), ("addresses", 10)]);
    // Never at once: one who moved, as far as the log tells.
    let moved = log("user:platform@corp.example").work(mac, 0..60).work(windows, 900..960);
    assert_eq!((moved.signs(), moved.behind().actors.len()), (vec![], 1));
}

#[test]
fn jobs_with_a_token_each_are_a_pipeline() {
    let jobs = |build: &'static str| {
        (0..4).fold(Log::new("sa:ci/deployer"), |log, job| {
            let start = job * 40;
            let [one, other] = ["a", "b"].map(|runner| format!("JTI={job}{runner}"));
            let log = log.minted(&one, "sa:vault/vault").minted(&other, "sa:vault/vault");
            log.work((&one, LINUX, HOME), start..start + 36)
                .also((&other, build, OFFICE), start + 1..start + 37)
        })
    };
    let equal = jobs(LINUX).behind();
    assert_eq!((equal.actors.len(), equal.signals), (1, vec![]));
    // Runners of several builds are two places; whose tokens they have says nothing.
    assert_eq!(jobs(OTHER_LINUX).signs(), [("machines", 20), ("addresses", 20)]);
}

#[test]
fn tokens_that_a_proxy_had_made_are_of_those_in_whose_name_it_did() {
    let by = |by: &str, whose: [&str; 2]| {
        let mut log = Log::new("sa:ci/deployer");
        for (credential, who) in ["JTI=1", "JTI=2"].into_iter().zip(whose) {
            let account = log.identity.clone();
            let (by, as_who) = (by.parse().unwrap(), Some(who.parse().unwrap()));
            let issued = Issued { account, credential: credential.into(), by, as_who };
            log.parts.issued.push((Arc::new(issued), Minted::new(at(0))));
        }
        log.work(("JTI=1", MAC, HOME), 0..60).work(("JTI=2", MAC, OFFICE), 900..960).signs()
    };
    let proxy = "sa:teleport/proxy";
    assert_eq!(by(proxy, ["user:eve", "user:fay"]), [("minters", 60)]);
    assert_eq!(by(proxy, ["user:eve", "user:eve"]), []);
    // An administrator who tries something in others' names does it themselves.
    assert_eq!(by("user:cleo", ["user:eve", "user:fay"]), []);
}

#[test]
fn tokens_of_one_that_are_said_to_be_of_several_are_told_apart() {
    let (mac, windows) = (("JTI=1", MAC, HOME), ("JTI=2", MAC, OFFICE));
    let log = Log::new("sa:ci/deployer")
        .minted("JTI=1", "user:platform@corp.example")
        .minted("JTI=2", "user:platform@corp.example")
        .minted("JTI=3", "user:platform@corp.example")
        .work(mac, 0..60)
        .work(windows, 900..960)
        .work(("JTI=3", MAC, HOME), 1500..1560);
    let activity = log.parts.clone().into();
    let apart = |credentials: &[&str]| {
        let apart = credentials.iter().map(|one| Name::from(*one)).collect();
        let behind = told_apart(&activity, &log.snapshot, &log.identity, &apart).unwrap();
        let credentials = behind.actors.iter().map(|actor| actor.credentials.len());
        let mut credentials: Vec<usize> = credentials.collect();
        credentials.sort_unstable();
        credentials
    };
    assert_eq!(apart(&[]), [3]);
    assert_eq!(apart(&["JTI=1", "JTI=2"]), [1, 1, 1]);
}
