//! What somebody has in hand that authenticates others.

use serde_json::json;

use super::*;
use crate::model::{Asked, BoundTo, Implied};

/// sa:a/x and sa:a/y since day 0, a log of ten days.
fn log() -> World {
    let world = World::new().object(&account("a", "x", &[])).object(&account("a", "y", &[]));
    world.log(0, 10)
}

type Token = (Arc<Issued>, Minted);

/// A token of sa:a/x, made on day 1, good until some day.
fn made(credential: &str, by: &str, as_who: Option<&str>, until: Option<i64>) -> Token {
    let account = Identity::service_account("a", "x");
    let (by, as_who) = (by.parse().unwrap(), as_who.map(|who| who.parse().unwrap()));
    let asked = until.map(|until| Asked {
        bound: BoundTo::Nothing,
        seconds: None,
        until: Some(day(until)),
        audiences: vec![],
    });
    let issued = Issued { account, credential: credential.into(), by, as_who };
    (Arc::new(issued), Minted { asked, ..Minted::new(day(1)) })
}

fn with(mut world: World, issued: &[Token]) -> World {
    world.activity.as_mut().unwrap().issued = issued.to_vec();
    world
}

/// What it is, and until when.
fn told(world: &World, who: &str) -> Vec<(String, String)> {
    let all = hand(&world.book(), &who.parse().unwrap()).known;
    all.iter().map(|one| (one.what(), one.until())).collect()
}

fn whats(world: &World, who: &str) -> Vec<String> {
    told(world, who).into_iter().map(|(what, _)| what).collect()
}

const LIVE: &str = "2034-03-20 12:00 UTC";

#[test]
fn tokens_that_somebody_had_made_are_in_their_hands_until_they_end() {
    // The Book's now is day 364.
    let world = with(
        log(),
        &[
            made("JTI=live", "user:ana", None, Some(3000)),
            made("JTI=over", "user:ana", None, Some(2)),
            made("JTI=bo", "user:bo", None, Some(3000)),
        ],
    );
    let one = |by: &str, id: &str| {
        let what = format!("a token of sa:a/x that user:{by} had made (JTI={id})");
        vec![(what, format!("good until {LIVE}"))]
    };
    assert_eq!(told(&world, "user:ana"), one("ana", "live"));
    assert_eq!(told(&world, "user:bo"), one("bo", "bo"));
    assert_eq!(told(&world, "user:cy"), []);
    assert_eq!(told(&world, "sa:a/x"), []);
    // One that ends by the day of which nothing tells may be good; both end alike, and are one.
    let more = [made("JTI=1", "user:ana", None, None), made("JTI=2", "user:ana", None, None)];
    let unknown = told(&with(log(), &more), "user:ana");
    assert_eq!(unknown.len(), 1, "{unknown:?}");
    assert!(unknown[0].0.starts_with("2 tokens of sa:a/x that user:ana had made"), "{unknown:?}");
    assert!(unknown[0].1.starts_with("perhaps good, until when is not known:"), "{unknown:?}");
    // Of an account that was made anew since there is none.
    let renewed = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "a", "name": "x", "creationTimestamp": day(5)}});
    let renewed = World::new().object(&renewed).log(0, 10);
    let renewed = with(renewed, &[made("JTI=live", "user:ana", None, Some(3000))]);
    assert_eq!(told(&renewed, "user:ana"), []);
}

#[test]
fn what_an_account_had_made_in_somebodys_name_is_in_both_hands() {
    let token = made("JTI=1", "sa:p/proxy", Some("user:ana"), Some(3000));
    let world = with(log(), &[token]);
    let of = |who: &str| vec![format!("a token of sa:a/x that {who} had made (JTI=1)")];
    assert_eq!(whats(&world, "user:ana"), of("user:ana"));
    assert_eq!(whats(&world, "sa:p/proxy"), of("sa:p/proxy"));
    // A user who acts as another does it themselves.
    let world = with(log(), &[made("JTI=1", "user:bo", Some("user:ana"), Some(3000))]);
    assert_eq!(whats(&world, "user:bo"), of("user:bo"));
    assert_eq!(whats(&world, "user:ana"), Vec::<String>::new());
    // Kubelets have them made for pods.
    let world = with(log(), &[made("JTI=1", "user:system:node:n", None, Some(3000))]);
    assert_eq!(whats(&world, "user:system:node:n"), Vec::<String>::new());
}

#[test]
fn tokens_of_which_the_log_has_no_id_are_counted_beside_those_that_it_has() {
    let ask = |account: &str, day: i64| {
        Row::new("user:ana", &format!("create serviceaccounts/token@a/{account}"), day)
    };
    let world = log().row(ask("x", 1).times(3)).row(ask("y", 4).denied());
    let world = with(world, &[made("JTI=1", "user:ana", None, Some(3000))]);
    assert_eq!(
        whats(&world, "user:ana"),
        [
            "2 tokens of sa:a/x that user:ana asked for, whose ids the log has not",
            "a token of sa:a/x that user:ana had made (JTI=1)",
        ]
    );
    // By one who acts as ana, and is a user, nothing came to ana.
    let other = Row::new("user:bo", "create serviceaccounts/token@a/y", 1);
    let world = log().row(other.acting_as("user:ana", None));
    assert_eq!(whats(&world, "user:ana"), Vec::<String>::new());
    assert_eq!(
        whats(&world, "user:bo"),
        ["a token of sa:a/y that user:bo asked for, whose ids the log has not"]
    );
}

fn token_secret(name: &str, account: &str, made: i64) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"namespace": "a", "name": name, "creationTimestamp": day(made),
            "annotations": {"kubernetes.io/service-account.name": account,
                "kubernetes.io/service-account.uid": format!("uid-{account}")}}})
}

#[test]
fn tokens_in_secrets_that_somebody_read_may_have_been_copied() {
    let world = log()
        .object(&token_secret("t", "x", 0))
        .object(&token_secret("u", "y", 5))
        .row(Row::new("user:ana", "get secrets@a/t", 3))
        .row(Row::new("user:ana", "get secrets@a/u", 4))
        .row(Row::new("user:bo", "create secrets@a/u", 6))
        .row(Row::new("user:cy", "list secrets@a", 7))
        .row(Row::new("user:dee", "watch secrets", 3))
        .row(Row::new("user:eve", "get secrets@a/t", 3).denied())
        .row(Row::new("user:fay", "update secrets@a/t", 3))
        .row(Row::new("user:gil", "list secrets@b", 3))
        .row(Row::new("sa:a/x", "get secrets@a/t", 3));
    let t = |by: &str, how: &str| {
        vec![format!("the token of sa:a/x in secret a/t, which user:{by} {how}")]
    };
    // That of a/u was made later: by an RSA key it is the one that was there before.
    let earlier = "the token of sa:a/y in secret a/u, which is the one that user:ana read there before it \
                   was made anew, and may have copied, where the signing key is an RSA key";
    let mut read = t("ana", "read and may have copied");
    read.push(earlier.to_owned());
    let mut found = whats(&world, "user:ana");
    found.sort();
    read.sort();
    assert_eq!(found, read);
    assert_eq!(
        whats(&world, "user:bo"),
        ["the token of sa:a/y in secret a/u, which user:bo made and may have read"]
    );
    assert_eq!(whats(&world, "user:dee"), t("dee", "listed and may have copied"));
    let both = whats(&world, "user:cy");
    assert_eq!(both.len(), 1, "{both:?}");
    assert!(both[0].starts_with("the tokens in 2 Secrets that user:cy listed"), "{both:?}");
    for nobody in ["user:eve", "user:fay", "user:gil", "sa:a/x"] {
        assert_eq!(whats(&world, nobody), Vec::<String>::new(), "{nobody}");
    }
    assert_eq!(told(&world, "user:ana")[0].1, "good without an end");
}

/// The line of a `create` has the name only as the body had it, which no authorizer saw: it is not kept.
#[test]
fn a_secret_that_somebody_made_is_told_by_the_time() {
    // Rows are of midday, and so are objects.
    let world = |minutes: i64| {
        let world = log().object(&token_secret("t", "x", 6)).object(&token_secret("u", "y", 5));
        world.row(Row::new("user:bo", "create secrets@a", 6).minutes(minutes))
    };
    let row = whats(&world(0), "user:bo");
    assert_eq!(row, ["the token of sa:a/x in secret a/t, which user:bo made and may have read"]);
    assert_eq!(whats(&world(1), "user:bo"), [] as [&str; 0]);
}

#[test]
fn a_token_of_an_account_that_was_made_anew_is_another() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "a", "name": "z", "creationTimestamp": day(5)}});
    let world = log().object(&account).object(&token_secret("t", "z", 6));
    let world = world.row(Row::new("user:ana", "get secrets@a/t", 3));
    assert_eq!(whats(&world, "user:ana"), [] as [&str; 0]);
}

#[test]
fn lists_by_selectors_that_no_token_fits_show_none() {
    let world = log().object(&token_secret("t", "x", 0));
    let list = |row: Row| whats(&world.clone().row(row), "user:ana").len();
    assert_eq!(list(Row::new("user:ana", "list secrets@a", 3)), 1);
    assert_eq!(list(Row::new("user:ana", "list secrets@a", 3).implied(Implied::NoToken)), 0);
}

#[test]
fn certificates_that_somebody_had_signed_for_others_are_in_their_hands() {
    let (pem, der) = certificate("ana", &[], 3000);
    // Asked for by root.
    let world = World::new().object(&csr("c", CLIENT, &pem)).object(&csr("again", CLIENT, &pem));
    let id = format!("X509SHA256={:x}", Sha256::digest(&der));
    let what = format!("a certificate of user:ana that user:root had signed ({id})");
    assert_eq!(whats(&world, "user:root"), [what]);
    assert_eq!(whats(&world, "user:ana"), Vec::<String>::new());
    let (own, _) = certificate("root", &[], 3000);
    assert_eq!(
        whats(&World::new().object(&csr("c", CLIENT, &own)), "user:root"),
        Vec::<String>::new()
    );
}

#[test]
fn the_strongest_in_hand_comes_first_and_of_a_group_its_members_count() {
    let rule = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let groups = ["system:authenticated", "team"];
    let world = log()
        .cluster_role("all", &rule)
        .bind(None, "admins", "ClusterRole/all", "sa:a/y")
        .bind(None, "team", "ClusterRole/all", "group:team")
        .object(&token_secret("t", "x", 0))
        .object(&token_secret("u", "y", 0))
        .row(Row::new("user:ana", "get secrets@a/t", 3).groups(&groups))
        .row(Row::new("user:ana", "get secrets@a/u", 4).groups(&groups));
    let both = ["sa:a/y in secret a/u", "sa:a/x in secret a/t"];
    let both =
        both.map(|one| format!("the token of {one}, which user:ana read and may have copied"));
    assert_eq!(whats(&world, "user:ana"), both);
    assert_eq!(whats(&world, "group:team"), both);
    let all = all_in_hand(&world.book());
    assert_eq!(all.iter().map(InHand::what).collect::<Vec<_>>(), both);
}
