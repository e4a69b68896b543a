use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{Datelike as _, Timelike as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::book::world::{Row, World, day};
use crate::model::{BootstrapToken, Health, Issued, ListState, Meta, Minted, Object};

mod attempts;
mod in_hand;
mod kept;
mod lacks;
mod once;
mod over;

fn secret(ns: &str, name: &str, account: &str, metadata: &Value) -> Value {
    let mut all = json!({
        "namespace": ns, "name": name, "creationTimestamp": day(-400),
        "annotations": {"kubernetes.io/service-account.name": account,
            "kubernetes.io/service-account.uid": format!("uid-{account}")},
    });
    all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": all,
        "type": "kubernetes.io/service-account-token"})
}

fn account(ns: &str, name: &str, secrets: &[&str]) -> Value {
    let secrets: Vec<Value> = secrets.iter().map(|name| json!({"name": name})).collect();
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "secrets": secrets,
        "metadata": {"namespace": ns, "name": name, "uid": format!("uid-{name}")}})
}

fn tracking(since: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"since": since}, "metadata": {
        "namespace": "kube-system",
        "name": "kube-apiserver-legacy-service-account-token-tracking"}})
}

fn all(world: &World) -> Vec<Credential> {
    inventory(&world.book()).credentials
}

fn only(world: &World) -> Credential {
    let mut found = all(world);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

/// Account a/x with one token Secret.
fn world(metadata: &Value) -> World {
    World::new()
        .namespace("a")
        .object(&account("a", "x", &[]))
        .object(&secret("a", "t", "x", metadata))
}

#[test]
fn a_token_secret_is_told_whole() {
    let found = only(&world(&json!({})));
    assert_eq!(found.identity, Identity::service_account("a", "x"));
    assert_eq!((found.kind, &*found.id), (Kind::TokenSecret, "secret a/t"));
    assert_eq!(found.issued, Some(day(-400)));
    assert_eq!(found.expires, Expires::Never);
    assert_eq!(found.standing, Standing::Good);
    assert_eq!(found.made, Some(Made::ByHand));
    assert!(matches!(found.last_use, LastUse::NotKnown(_)), "{:?}", found.last_use);
    let automatic =
        World::new().object(&account("a", "x", &["t"])).object(&secret("a", "t", "x", &json!({})));
    assert_eq!(only(&automatic).made, Some(Made::Automatically));
}

#[test]
fn the_label_is_a_day_and_after_invalidation_maybe_an_attempt() {
    let labelled = |labels: Value| only(&world(&json!({"labels": labels})));
    let used = labelled(json!({"kubernetes.io/legacy-token-last-used": "2025-11-03"}));
    let third = NaiveDate::from_ymd_opt(2025, 11, 3).unwrap();
    assert_eq!(used.last_use, LastUse::Label { day: third, attempt: false });
    let refused = labelled(json!({"kubernetes.io/legacy-token-last-used": "2025-11-03",
        "kubernetes.io/legacy-token-invalid-since": "2025-10-01"}));
    assert_eq!(refused.last_use, LastUse::Label { day: third, attempt: true });
    assert_eq!(refused.standing, Standing::Refused("invalidated since 2025-10-01".into()));
    let nonsense = labelled(json!({"kubernetes.io/legacy-token-last-used": "yesterday"}));
    assert!(matches!(nonsense.last_use, LastUse::NotKnown(_)));
    assert!(nonsense.notes.iter().any(|note| note.contains("no date")), "{:?}", nonsense.notes);
}

#[test]
fn tracking_says_since_when_a_token_was_not_used() {
    let not_since = |since: &str| only(&world(&json!({})).object(&tracking(since))).last_use;
    let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
    assert_eq!(not_since("2025-06-01"), LastUse::NotSince(at("2025-06-01T00:00:00Z")));
    // Not longer than it exists: it was made on day -400.
    assert_eq!(not_since("2020-01-01"), LastUse::NotSince(day(-400)));
    assert!(matches!(not_since("soon"), LastUse::NotKnown(_)));
}

#[test]
fn what_the_server_refuses_is_not_live() {
    let gone = World::new().object(&secret("a", "t", "x", &json!({})));
    assert_eq!(only(&gone).standing, Standing::Refused("its account does not exist".into()));
    let mut blind = gone;
    let forbidden = ListState::because(Health::Forbidden, "403");
    blind.snapshot.lists.insert(ListKind::ServiceAccounts, forbidden);
    assert_eq!(only(&blind).standing, Standing::NotKnown("ServiceAccounts were not read whole"));
    assert_eq!(only(&blind).made, None);
    let again = world(&json!({"annotations": {"kubernetes.io/service-account.name": "x",
        "kubernetes.io/service-account.uid": "another"}}));
    let words = "it was made for an earlier account of the same name";
    assert_eq!(only(&again).standing, Standing::Refused(words.into()));
    let going = world(&json!({"deletionTimestamp": day(1)}));
    assert_eq!(only(&going).standing, Standing::Refused("the Secret is being deleted".into()));
}

#[test]
fn an_owner_would_bring_the_token_back() {
    let kept = world(&json!({"annotations": {
        "kubernetes.io/service-account.name": "x", "kubernetes.io/service-account.uid": "uid-x",
        "argocd.argoproj.io/tracking-id": "shop:/Secret:a/t"}}));
    let notes = only(&kept).notes;
    assert!(notes.iter().any(|note| note.starts_with("Argo CD shop brings")), "{notes:?}");
}

#[test]
fn the_log_is_joined_to_the_one_secret_it_can_mean() {
    let row = || Row::new("sa:a/x", "get pods@a/p", 5).with("legacy:a/x").from("192.0.2.9");
    let one = world(&json!({})).log(0, 10).row(row());
    let last_use = only(&one).last_use;
    let LastUse::Log { at, requests, addresses, .. } = last_use else { panic!("{last_use:?}") };
    assert_eq!((at, requests), (day(5), 1));
    assert_eq!(addresses, [Name::from("192.0.2.9")]);

    let two = one.object(&secret(
        "a",
        "u",
        "x",
        &json!({"labels":
        {"kubernetes.io/legacy-token-last-used": "2026-01-02"}}),
    ));
    let (found, other): (Vec<_>, Vec<_>) =
        all(&two).into_iter().partition(|one| one.kind == Kind::TokenSecret);
    assert_eq!((found.len(), other.len()), (2, 1), "{found:#?}");
    // It is one of the two, and told as neither's.
    assert_eq!((&*other[0].id, other[0].standing.as_str()), ("legacy:a/x", "not known"));
    assert!(matches!(other[0].last_use, LastUse::Log { requests: 1, .. }));
    for credential in &found {
        assert!(!matches!(credential.last_use, LastUse::Log { .. }), "{credential:?}");
        let told = credential.notes.iter().any(|note| note.contains("2026-01-06, not which one"));
        assert!(told, "{credential:?}");
    }
}

#[test]
fn what_only_the_log_shows_is_told_apart() {
    let log = World::new()
        .object(&account("a", "x", &[]))
        .log(0, 10)
        .row(Row::new("user:ana", "get pods@a/p", 1).with("X509SHA256=ab"))
        .row(Row::new("user:ana", "get pods@a/p", 2).with("JTI=1"))
        .row(Row::new("user:ana", "get pods@a/p", 8).with("JTI=4").times(2))
        .row(Row::new("user:ana", "get pods@a/p", 3).with("JTI=3"))
        .row(Row::new("sa:a/x", "get pods@a/p", 3).with("JTI=2"))
        .row(Row::new("sa:a/x", "get pods@a/p", 4).with("pod:a/p-0"))
        .row(Row::new("sa:a/x", "get pods@a/p", 6).with("pod:a/p-0"))
        .row(Row::new("sa:a/x", "get pods@a/p", 5).with("legacy:a/x"));
    let mut told: Vec<(String, Kind, String, Option<u64>)> = all(&log)
        .into_iter()
        .map(|found| {
            let requests = match found.last_use {
                LastUse::Log { requests, .. } => Some(requests),
                _ => None,
            };
            (found.identity.to_string(), found.kind, found.id.to_string(), requests)
        })
        .collect();
    told.sort();
    let row = |who: &str, kind, id: &str, requests| (who.into(), kind, id.into(), Some(requests));
    assert_eq!(
        told,
        [
            row("sa:a/x", Kind::IssuedToken, "JTI=2", 1),
            row("sa:a/x", Kind::PodToken, "pod a/p-0", 2),
            row("sa:a/x", Kind::LegacyToken, "legacy:a/x", 1),
            row("user:ana", Kind::Certificate, "X509SHA256=ab", 1),
            row("user:ana", Kind::ProviderToken, "3 tokens seen, the last JTI=4", 4),
        ]
    );
    let standing = |world: &World, kind| {
        all(world).into_iter().find(|found| found.kind == kind).unwrap().standing
    };
    // The lists of pods and Secrets are whole, and neither is in them.
    assert_eq!(standing(&log, Kind::PodToken), Standing::Refused("its pod is gone".into()));
    let gone = Standing::Refused("no token Secret of the account is left".into());
    assert_eq!(standing(&log, Kind::LegacyToken), gone);
    assert_eq!(standing(&log, Kind::IssuedToken).as_str(), "not known");
    let mut blind = log;
    for list in [ListKind::Pods, ListKind::TokenSecrets] {
        blind.snapshot.lists.insert(list, ListState::because(Health::Forbidden, "403"));
    }
    assert_eq!(standing(&blind, Kind::PodToken).as_str(), "not known");
    assert_eq!(standing(&blind, Kind::LegacyToken).as_str(), "not known");
}

/// A certificate signed by itself, good for so many days of 2026, and its DER.
pub(crate) fn certificate(common_name: &str, groups: &[&str], days: i64) -> (String, Vec<u8>) {
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for group in groups {
        params.distinguished_name.push(rcgen::DnType::OrganizationName, *group);
    }
    params.distinguished_name.push(rcgen::DnType::CommonName, common_name);
    let date = |at: DateTime<Utc>| {
        rcgen::date_time_ymd(
            at.year(),
            u8::try_from(at.month()).unwrap(),
            u8::try_from(at.day()).unwrap(),
        )
    };
    params.not_before = date(day(0));
    params.not_after = date(day(days));
    let key = rcgen::KeyPair::generate().unwrap();
    let made = params.self_signed(&key).unwrap();
    (STANDARD.encode(made.pem()), made.der().to_vec())
}

pub(crate) fn csr(name: &str, signer: &str, certificate: &str) -> Value {
    json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
        "metadata": {"name": name}, "status": {"certificate": certificate},
        "spec": {"username": "root", "signerName": signer}})
}

const CLIENT: &str = "kubernetes.io/kube-apiserver-client";

#[test]
fn a_certificate_is_read_and_found_in_the_log() {
    let (pem, der) = certificate("ana", &["ops"], 3000);
    let fingerprint = format!("X509SHA256={:x}", Sha256::digest(&der));
    let world = World::new()
        .object(&csr("ana-2026", CLIENT, &pem))
        .log(0, 10)
        .row(Row::new("user:ana", "get pods@a/p", 3).with(&fingerprint));
    let found = only(&world);
    assert_eq!(found.identity, Identity::user("ana"));
    assert_eq!((found.kind, &*found.id), (Kind::Certificate, fingerprint.as_str()));
    assert_eq!(found.groups, [Name::from("ops")]);
    let midnight = |at: DateTime<Utc>| at.with_hour(0).unwrap();
    assert_eq!(found.issued, Some(midnight(day(0))));
    assert_eq!(found.expires, Expires::At(midnight(day(3000))));
    assert!(matches!(found.last_use, LastUse::Log { at, .. } if at == day(3)));
    assert!(found.revoke.starts_with("take away the grants of its user and groups"));
    assert!(found.notes[0].contains("csr ana-2026, asked for by root"), "{:?}", found.notes);
}

#[test]
fn what_a_certificate_says_decides() {
    let (masters, _) = certificate("root", &["system:masters"], 3000);
    let found = only(&World::new().object(&csr("c", CLIENT, &masters)));
    assert!(found.revoke.contains("no binding limits system:masters"), "{}", found.revoke);
    let (old, _) = certificate("ana", &[], 1);
    let expired = World::new().object(&csr("c", CLIENT, &old));
    assert_eq!(only(&expired).standing, Standing::Expired);
    let (pem, _) = certificate("ana", &[], 3000);
    let serving = csr("c", "kubernetes.io/kubelet-serving", &pem);
    assert_eq!(all(&World::new().object(&serving)), []);
    let foreign = only(&World::new().object(&csr("c", "example.org/signer", &pem)));
    assert!(foreign.notes.iter().any(|note| note.contains("example.org/signer")));
}

#[test]
fn a_broken_certificate_is_named_and_the_rest_stands() {
    let (pem, _) = certificate("ana", &[], 3000);
    for (text, reason) in [
        ("%%%", "not base64"),
        (&*STANDARD.encode("no pem here"), "no certificate in it"),
        (
            &*STANDARD.encode("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "not X.509",
        ),
    ] {
        let world =
            World::new().object(&csr("good", CLIENT, &pem)).object(&csr("bad", CLIENT, text));
        let found = inventory(&world.book());
        assert_eq!(found.credentials.len(), 1);
        let place = "CertificateSigningRequest bad, status.certificate";
        assert_eq!(found.unreadable, [(place.into(), reason.to_owned())]);
    }
}

#[test]
fn a_bootstrap_token_is_known_by_its_name_only() {
    let token = |ns: &str, name: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"namespace": ns, "name": name, "creationTimestamp": day(-3)}})
    };
    let world = World::new()
        .object(&token("kube-system", "bootstrap-token-abc123"))
        .object(&token("kube-system", "other"))
        .object(&token("a", "bootstrap-token-abc123"))
        .log(0, 10)
        .row(Row::new("user:system:bootstrap:abc123", "get pods@a/p", 2));
    let found = only(&world);
    assert_eq!(found.kind, Kind::BootstrapToken);
    assert_eq!(found.identity, Identity::user("system:bootstrap:abc123"));
    assert!(matches!(found.expires, Expires::NotKnown(_)));
    assert!(matches!(found.last_use, LastUse::Log { at, .. } if at == day(2)));
}

#[test]
fn what_a_bootstrap_token_is_good_for_is_told_where_it_was_read() {
    let told = |token: Option<BootstrapToken>| {
        let meta = Meta {
            name: "bootstrap-token-abcdef".into(),
            namespace: Some("kube-system".into()),
            ..Meta::default()
        };
        let type_ = "bootstrap.kubernetes.io/token".into();
        // Another such token in the log: the API server takes them.
        let mut world = World::new().log(0, 10).row(Row::new(
            "user:system:bootstrap:zzzzzz",
            "get pods@a/p",
            2,
        ));
        let bootstrap = token.map(Arc::new);
        world.snapshot.objects.insert(Object::Secret(Secret {
            meta,
            type_,
            immutable: false,
            bootstrap,
        }));
        let book = world.book();
        let said = not_seen(&book).iter().any(|what| what.contains("--read-bootstrap"));
        let found = inventory(&book).credentials.into_iter();
        let own = |one: &Credential| &*one.id == "secret kube-system/bootstrap-token-abcdef";
        (found.filter(own).last().unwrap(), said)
    };
    let (blind, said) = told(None);
    assert!(matches!(blind.expires, Expires::NotKnown(_)) && said);
    assert_eq!(blind.standing.as_str(), "not known");
    let good = BootstrapToken {
        expires: Some(day(3000)),
        authenticates: true,
        extra_groups: vec!["system:bootstrappers:workers".into()],
        ..BootstrapToken::default()
    };
    let (live, said) = told(Some(good.clone()));
    assert_eq!((&live.expires, &live.standing), (&Expires::At(day(3000)), &Standing::Good));
    let groups = ["system:bootstrappers", "system:bootstrappers:workers"].map(Name::from);
    assert_eq!((live.groups, said), (groups.to_vec(), false));
    let standing = |token: BootstrapToken| told(Some(token)).0.standing;
    let over = BootstrapToken { expires: Some(day(-1)), ..good.clone() };
    assert_eq!(standing(over), Standing::Expired);
    for refused in [
        BootstrapToken { authenticates: false, ..good.clone() },
        BootstrapToken { bad_expiration: true, expires: None, ..good.clone() },
        BootstrapToken { matches_none: Some("why"), ..good.clone() },
        BootstrapToken { extra_groups: vec!["system:masters".into()], ..good.clone() },
    ] {
        assert!(matches!(standing(refused.clone()), Standing::Refused(_)), "{refused:?}");
    }
    let lasting = BootstrapToken { expires: None, ..good };
    assert_eq!(told(Some(lasting)).0.expires, Expires::Never);
}

#[test]
fn who_had_a_token_made_is_told_whether_it_was_used_or_not() {
    let mut world = World::new()
        .object(&account("a", "x", &[]))
        .object(&account("a", "y", &[]))
        .log(0, 10)
        .row(Row::new("sa:a/x", "get pods@a/p", 5).with("JTI=1"))
        .row(Row::new("sa:a/y", "get pods@a/p", 5).with("pod:a/p"));
    let made = |account: &str, credential: &str, at: i64| {
        let account = Identity::service_account("a", account);
        let (credential, by) = (credential.into(), Identity::user("ana"));
        (Arc::new(Issued { account, credential, by, as_who: None }), Minted::new(day(at)))
    };
    let issued = [
        made("x", "JTI=1", 2),
        made("x", "JTI=2", 3),
        made("y", "JTI=3", 4),
        made("y", "JTI=4", 6),
    ];
    world.activity.as_mut().unwrap().issued = issued.to_vec();
    let found = all(&world);
    let by_id = |id: &str| found.iter().find(|found| &*found.id == id).unwrap();
    assert_eq!(found.len(), 5, "{found:#?}");
    for (id, at) in [("JTI=1", 2), ("JTI=2", 3), ("JTI=3", 4), ("JTI=4", 6)] {
        let token = by_id(id);
        assert_eq!((token.kind, token.issued), (Kind::IssuedToken, Some(day(at))), "{id}");
        assert_eq!(token.notes, ["made by user:ana, by the log"]);
    }
    assert!(matches!(by_id("JTI=1").last_use, LastUse::Log { at, .. } if at == day(5)));
    assert_eq!(by_id("JTI=2").last_use, LastUse::NotInLog(10));
    // The log has uses by a pod's token after this one was made: it may be that.
    assert!(matches!(by_id("JTI=3").last_use, LastUse::NotKnown(_)));
    assert_eq!(by_id("JTI=4").last_use, LastUse::NotInLog(10));
    let own = of(&world.book(), &Identity::service_account("a", "y"));
    assert_eq!(own.len(), 3);
}

#[test]
fn access_tokens_of_openshift_are_told_with_their_end() {
    let token = |name: &str, made: DateTime<Utc>, seconds: i64| {
        json!({"apiVersion": "oauth.openshift.io/v1", "kind": "OAuthAccessToken",
            "metadata": {"name": name, "creationTimestamp": made}, "userName": "ana",
            "clientName": "openshift-browser-client", "expiresIn": seconds,
            "scopes": ["user:full"]})
    };
    let world = World::new()
        .object(&token("sha256~a", day(0), 3000 * 86400))
        .object(&token("sha256~b", day(-400), 86400))
        .object(&token("sha256~c", day(0), 0));
    let found = all(&world);
    let by_id = |id: &str| found.iter().find(|found| found.id.ends_with(id)).unwrap();
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|one| one.identity == Identity::user("ana")));
    let live = by_id("sha256~a");
    assert_eq!((live.kind, &live.expires), (Kind::OAuthToken, &Expires::At(day(3000))));
    assert_eq!(&*live.revoke, "oc delete oauthaccesstoken sha256~a");
    // Whether its user is still there is not looked at.
    assert_eq!(live.standing.as_str(), "not known");
    assert_eq!(by_id("sha256~b").standing, Standing::Expired);
    assert_eq!(by_id("sha256~c").expires, Expires::Never);
}

#[test]
fn one_identitys_are_those_of_all_that_are_its_own() {
    let (pem, _) = certificate("ana", &[], 3000);
    let world = world(&json!({}))
        .object(&account("b", "x", &[]))
        .object(&secret("b", "t", "x", &json!({})))
        .object(&csr("c", CLIENT, &pem))
        .log(0, 10)
        .row(Row::new("sa:a/x", "get pods@a/p", 1).with("JTI=1"))
        .row(Row::new("sa:b/x", "get pods@a/p", 1).with("JTI=2"))
        .row(Row::new("user:ana", "get pods@a/p", 1).with("X509SHA256=ab"));
    let book = world.book();
    let everybody = inventory(&book).credentials;
    assert_eq!(everybody.len(), 6, "{everybody:#?}");
    for who in ["sa:a/x", "sa:b/x", "user:ana", "user:nobody"] {
        let who: Identity = who.parse().unwrap();
        let own: Vec<Credential> =
            everybody.iter().filter(|found| found.identity == who).cloned().collect();
        assert_eq!(of(&book, &who), own, "{who}");
    }
}

#[test]
fn the_riskiest_comes_first() {
    let rule = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let world = world(&json!({}))
        .cluster_role("all", &rule)
        .object(&account("b", "admin", &[]))
        .object(&secret("b", "t", "admin", &json!({})))
        .object(&secret(
            "b",
            "dead",
            "admin",
            &json!({"labels":
            {"kubernetes.io/legacy-token-invalid-since": "2025-10-01"}}),
        ))
        .bind(None, "admins", "ClusterRole/all", "sa:b/admin");
    let order: Vec<String> = all(&world).into_iter().map(|found| found.id.to_string()).collect();
    assert_eq!(order, ["secret b/t", "secret a/t", "secret b/dead"]);
}

mod mapped;
mod states;
