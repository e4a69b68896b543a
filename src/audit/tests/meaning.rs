//! What lines mean.

use serde_json::json;

use super::*;
use crate::model::{Asked, BoundTo, Call, Identity, Implied, Peak, Rate, SeenId, Target, Use};

fn seen(activity: &Activity, name: &str) -> SeenId {
    activity.seen(&Identity::from_user_name(name)).unwrap_or_else(|| panic!("{name} is not there"))
}

fn of(activity: &Activity, name: &str) -> Vec<Use> {
    activity.by_authenticated(seen(activity, name)).to_vec()
}

fn counts(row: &Use) -> [u64; 3] {
    [row.allowed, row.denied, row.undecided]
}

fn resource(call: &Call) -> (String, Option<String>, Option<String>) {
    let Target::Resource { resource, subresource, namespace, name, .. } = &call.target else {
        panic!("{call:?} is no resource call")
    };
    let text = |name: &Option<Name>| name.as_deref().map(str::to_owned);
    (format!("{resource}/{subresource}"), text(namespace), text(name))
}

#[test]
fn one_request_is_one_whatever_its_stages_and_copies() {
    let done = Line::new("1", "get", "/api/v1/namespaces/shop/pods/p");
    let lines =
        [done.clone(), done.clone().received(), done.clone(), done.stage("ResponseStarted")];
    for turn in 0..lines.len() {
        let mut lines = lines.clone();
        lines.rotate_left(turn);
        let activity = activity(&lines);
        let rows = of(&activity, "ana");
        assert_eq!(rows.iter().map(counts).collect::<Vec<_>>(), [[1, 0, 0]]);
        let coverage = activity.coverage();
        assert_eq!((coverage.events, coverage.lines, coverage.repeats), (1, 4, 3));
        assert_eq!((coverage.received_only, coverage.unauthenticated), (0, 0));
    }
}

#[test]
fn an_open_watch_counts_and_a_received_request_is_undecided() {
    let watch = Line::new("1", "watch", "/api/v1/pods?watch=true").stage("ResponseStarted");
    let received = Line::new("2", "list", "/api/v1/pods").received();
    let activity = activity(&[watch, received]);
    let rows = of(&activity, "ana");
    assert_eq!(rows.iter().map(|row| row.allowed).sum::<u64>(), 1);
    assert_eq!(rows.iter().map(|row| row.undecided).sum::<u64>(), 1);
    assert_eq!(activity.coverage().received_only, 1);
}

#[test]
fn a_bad_token_is_nobody() {
    let bad = Line::new("1", "get", "/api/v1/pods").stage("ResponseStarted").code(401);
    let activity = activity(&[bad.set("user", json!({})).without("annotations")]);
    assert_eq!(activity.uses().count(), 0);
    assert_eq!(activity.coverage().unauthenticated, 1);
    assert_eq!(activity.coverage().events, 1);
}

#[test]
fn impersonation_is_kept_on_both_sides() {
    let line = Line::new("1", "list", "/api/v1/namespaces/shop/secrets").set(
        "impersonatedUser",
        json!({"username": "bob", "groups": ["ops", "system:authenticated"]}),
    );
    let activity = activity(&[line]);
    let row = of(&activity, "ana")[0];
    assert_eq!(row.effective, seen(&activity, "bob"));
    let how = activity.impersonation(row.impersonation.unwrap());
    assert_eq!(how.groups, ["ops".into()]);
    assert_eq!(**activity.group_set(row.groups), ["ops".into(), "system:authenticated".into()]);
    assert!(of(&activity, "bob").is_empty());
    let groups = activity.groups_seen(seen(&activity, "ana"));
    assert_eq!(
        groups.iter().map(|(name, _)| &**name).collect::<Vec<_>>(),
        ["devs", "system:authenticated"]
    );
    assert!(activity.groups_seen(seen(&activity, "bob")).is_empty());
}

#[test]
fn calls_are_as_the_authorizer_saw_them() {
    let body =
        json!({"resource": "pods", "namespace": "shop", "name": "from-body", "apiVersion": "v1"});
    let cases = [
        (
            Line::new("1", "create", "/api/v1/namespaces/shop/pods").set("objectRef", body),
            ("pods/", Some("shop"), None),
            Implied::Nothing,
        ),
        (
            Line::new("1", "create", "/api/v1/namespaces/shop/pods/p/exec").code(101),
            ("pods/exec", Some("shop"), Some("p")),
            Implied::Nothing,
        ),
        (
            Line::new("1", "get", "/api/v1/namespaces/shop/pods/p/exec?command=sh").code(101),
            ("pods/exec", Some("shop"), Some("p")),
            Implied::UpgradedGet,
        ),
        (
            Line::new("1", "get", "/api/v1/namespaces/shop/pods/p/exec?command=sh").code(404),
            ("pods/exec", Some("shop"), Some("p")),
            Implied::AttemptedGet,
        ),
        (
            Line::new("1", "get", "/api/v1/namespaces/shop/pods/p/exec?command=sh").code(403),
            ("pods/exec", Some("shop"), Some("p")),
            Implied::Nothing,
        ),
        (
            Line::new("1", "patch", "/api/v1/namespaces/shop/pods/p").code(201),
            ("pods/", Some("shop"), Some("p")),
            Implied::CreateBehindWrite,
        ),
        (
            Line::new("1", "patch", "/api/v1/namespaces/shop/pods/p"),
            ("pods/", Some("shop"), Some("p")),
            Implied::Nothing,
        ),
        (
            Line::new("1", "watch", "/api/v1/pods?fieldSelector=metadata.name%3Dp&watch=1"),
            ("pods/", None, Some("p")),
            Implied::Nothing,
        ),
        (
            Line::new("1", "get", "/api/v1/namespaces/shop"),
            ("namespaces/", Some("shop"), Some("shop")),
            Implied::Nothing,
        ),
    ];
    for (line, (what, namespace, name), implied) in cases {
        let activity = activity(std::slice::from_ref(&line));
        let call = activity.call(of(&activity, "ana")[0].call);
        assert_eq!(
            resource(call),
            (what.into(), namespace.map(Into::into), name.map(Into::into)),
            "{}",
            line.text()
        );
        assert_eq!(call.implied, implied, "{}", line.text());
    }
    let activity = activity(&[Line::new("1", "get", "/healthz?verbose")]);
    assert_eq!(activity.call(of(&activity, "ana")[0].call).target, Target::Path("/healthz".into()));
}

#[test]
fn denied_is_apart_from_allowed_and_each_has_its_times() {
    let list = Line::new("1", "list", "/api/v1/secrets").user("eve", &["system:authenticated"]);
    let lines = [
        list.clone().at("2026-05-04T09:00:00Z"),
        list.clone().at("2026-05-04T11:00:00Z").forbidden(),
        list.at("2026-05-04T08:00:00Z").forbidden(),
    ];
    let activity = activity(&lines);
    let rows = of(&activity, "eve");
    let hour = |hour| Utc.with_ymd_and_hms(2026, 5, 4, hour, 0, 0).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(counts(&rows[0]), [1, 2, 0]);
    assert_eq!((rows[0].first, rows[0].last), (hour(8), hour(11)));
    assert_eq!(rows[0].last_allowed, Some(hour(9)));
}

#[test]
fn who_had_a_token_made_for_whom() {
    let key = "annotations|authentication.kubernetes.io/issued-credential-id";
    let token = |id: &str, uri: &str, jti: &str| Line::new(id, "create", uri).set(key, json!(jti));
    let uri = "/api/v1/namespaces/ci/serviceaccounts/deployer/token";
    let admin = json!({"username": "bo", "groups": []});
    let log = activity(&[
        token("1", uri, "JTI=a"),
        // In another's name: whose credential was presented counts.
        token("2", &format!("{uri}?x=1"), "JTI=b").set("impersonatedUser", admin),
        // By a kubelet, for its pods.
        token("3", uri, "JTI=c").user("system:node:n1", &["system:nodes"]),
        // Not of an account, or no token's id.
        token("4", "/api/v1/namespaces/ci/pods", "JTI=d"),
        token("5", uri, "X509SHA256=e"),
        Line::new("6", "create", uri),
    ]);
    let account = Identity::service_account("ci", "deployer");
    let made = log
        .issued()
        .of(&account)
        .map(|(one, of)| (one.credential.to_string(), one.by.to_string(), of.at.to_rfc3339()));
    let expected = ["JTI=a", "JTI=b"]
        .map(|id| (id.to_owned(), "user:ana".to_owned(), "2026-05-04T09:10:11+00:00".to_owned()));
    assert_eq!(made.collect::<Vec<_>>(), expected);
    assert_eq!(log.issued().iter().count(), 2);
}

/// `TokenREST.Create`: 404 without such an account, 409 with another UID, 422 with a body that is not
/// valid, 403 from an admission plugin; 201 else. A log that has no codes does not tell.
#[test]
fn a_request_that_was_answered_with_an_error_made_no_token() {
    let uri = "/api/v1/namespaces/ci/serviceaccounts/deployer/token";
    let of_line = |line: Line| {
        let log = activity(&[line]);
        let row = of(&log, "ana")[0];
        (row.allowed, log.call(row.call).implied)
    };
    let asked = || Line::new("1", "create", uri);
    for code in [400, 403, 404, 409, 422, 429, 500, 503, 504] {
        assert_eq!(of_line(asked().code(code)), (1, Implied::NoToken), "{code}");
    }
    for code in [0, 200, 201] {
        assert_eq!(of_line(asked().code(code)), (1, Implied::Nothing), "{code}");
    }
    // The answer came too late: the token was made.
    let key = "annotations|authentication.kubernetes.io/issued-credential-id";
    let late = asked().code(504).set(key, json!("JTI=late"));
    assert_eq!(of_line(late), (1, Implied::Nothing));
    // What was refused used no right, and what asks for no token makes none.
    assert_eq!(of_line(asked().forbidden()), (0, Implied::Nothing));
    let other = "/api/v1/namespaces/ci/pods/web/eviction";
    assert_eq!(of_line(Line::new("1", "create", other).code(404)), (1, Implied::Nothing));
    let account = "/api/v1/namespaces/ci/serviceaccounts";
    assert_eq!(of_line(Line::new("1", "create", account).code(409)), (1, Implied::Nothing));
    let get = Line::new("1", "get", uri).code(405);
    assert_eq!(of_line(get), (1, Implied::Nothing));
}

#[test]
fn a_nodes_name_alone_hides_no_token() {
    let key = "annotations|authentication.kubernetes.io/issued-credential-id";
    let uri = "/api/v1/namespaces/ci/serviceaccounts/deployer/token";
    let token = |jti: &str, groups: &[&str]| {
        let line = Line::new(jti, "create", uri).set(key, json!(format!("JTI={jti}")));
        line.user("system:node:n1", groups)
    };
    let asked = |line: Line, to: &str| {
        let to = json!({"kind": to, "apiVersion": "v1", "name": "x", "uid": "u"});
        line.set(
            "requestObject",
            json!({"kind": "TokenRequest",
            "spec": {"expirationSeconds": 600, "boundObjectRef": to}}),
        )
    };
    let used = |jti: &str, pod: Option<&str>| {
        let word = |key: &str| format!("user|extra|authentication.kubernetes.io/{key}");
        let line = Line::new(&format!("u-{jti}"), "get", "/api/v1/namespaces/ci/pods")
            .user("system:serviceaccount:ci:deployer", &[])
            .set(&word("credential-id"), json!([format!("JTI={jti}")]));
        pod.map_or(line.clone(), |pod| line.set(&word("pod-name"), json!([pod])))
    };
    let nodes = ["system:authenticated", "system:nodes"];
    let log = activity(&[
        // Of somebody in another group, used or not.
        token("other", &["ops", "system:authenticated"]),
        // A kubelet's, of which the log does not say for what.
        token("unused", &nodes),
        token("pods", &nodes),
        used("pods", Some("web-0")),
        token("free", &nodes),
        used("free", None),
        // The same of a log without groups.
        token("bare", &[]),
        token("loose", &[]),
        used("loose", None),
        // And where it says it.
        asked(token("pod", &nodes), "Pod"),
        asked(token("secret", &nodes), "Secret"),
    ]);
    let found: Vec<&str> = log.issued().iter().map(|(one, _)| &*one.credential).collect();
    assert_eq!(found, ["JTI=free", "JTI=loose", "JTI=other", "JTI=secret"]);
    assert!(log.issued().iter().all(|(one, _)| one.by == Identity::user("system:node:n1")));
}

#[test]
fn pods_that_come_and_go_push_out_no_other_credential() {
    let word = |key: &str| format!("user|extra|authentication.kubernetes.io/{key}");
    let used = |number: u32, jti: &str| {
        Line::new(&format!("{number}"), "get", "/api/v1/namespaces/ci/pods")
            .user("system:serviceaccount:ci:deployer", &[])
            .set(&word("credential-id"), json!([jti]))
            .at(&format!("2026-05-04T09:{:02}:{:02}Z", number / 60, number % 60))
    };
    let pods = (1..=292).map(|number| {
        used(number, &format!("JTI={number}"))
            .set(&word("pod-name"), json!([format!("web-{number}")]))
    });
    let log = activity(&std::iter::once(used(0, "JTI=by-hand")).chain(pods).collect::<Vec<_>>());
    let seen = log.seen(&Identity::service_account("ci", "deployer")).unwrap();
    let rows = log.by_authenticated(seen);
    let requests = |credential: Option<&str>| -> u64 {
        let of = rows.iter().filter(|row| log.actor(row.actor).credential.as_deref() == credential);
        of.map(crate::model::Use::requests).sum()
    };
    assert_eq!(requests(Some("JTI=by-hand")), 1);
    assert_eq!(requests(Some("pod:ci/web-292")), 1);
    assert_eq!(requests(Some("pod:ci/web-36")), 0);
    assert_eq!((requests(None), log.truncated(seen).unwrap()["credentials"]), (36, 36));
}

#[test]
fn the_token_that_is_good_for_longest_is_not_pushed_out() {
    let key = "annotations|authentication.kubernetes.io/issued-credential-id";
    let uri = "/api/v1/namespaces/ci/serviceaccounts/deployer/token";
    let token = |number: u32, seconds: u32| {
        let id = format!("{number:04}");
        let minute = format!("2026-05-04T{:02}:{:02}:00Z", number / 60, number % 60);
        let body = json!({"kind": "TokenRequest", "spec": {"expirationSeconds": seconds}});
        Line::new(&id, "create", uri)
            .set(key, json!(format!("JTI={id}")))
            .set("requestObject", body)
            .at(&minute)
    };
    let years = 10 * 365 * 86_400;
    let mut lines = vec![token(0, years)];
    lines.extend((1..300).map(|number| token(number, 3600)));
    let log = activity(&lines);
    let found: Vec<_> = log.issued().iter().map(|(one, of)| (&*one.credential, of)).collect();
    // The newest 256, and the one.
    assert_eq!(found.len(), 257);
    let (first, minted) = found[0];
    assert_eq!((first, found[1].0), ("JTI=0000", "JTI=0044"));
    assert_eq!(minted.asked.as_ref().unwrap().seconds, Some(u64::from(years)));
    assert_eq!(minted.at, "2026-05-04T00:00:00Z".parse::<chrono::DateTime<Utc>>().unwrap());
}

#[test]
fn what_a_token_was_asked_for_is_read_of_its_bodies_alone_and_the_token_is_not() {
    let key = "annotations|authentication.kubernetes.io/issued-credential-id";
    let uri = "/api/v1/namespaces/ci/serviceaccounts/deployer/token";
    let tie = json!({"kind": "Secret", "apiVersion": "v1", "name": "tie", "uid": "u-1"});
    let asked = json!({"kind": "TokenRequest", "spec": {"expirationSeconds": 600,
        "boundObjectRef": tie}, "status": {"token": "", "expirationTimestamp": null}});
    let given = json!({"kind": "TokenRequest", "spec": {"expirationSeconds": 900},
        "status": {"token": "head.the-token.tail",
            "expirationTimestamp": "2026-05-04T09:25:11Z"}});
    let token = |id: &str| {
        let line = Line::new(id, "create", uri).set(key, json!(format!("JTI={id}")));
        line.set("requestObject", asked.clone())
    };
    let use_of = |id: &str, jti: &str, extra: &[(&str, &str)]| {
        let word = |key: &str| format!("authentication.kubernetes.io/{key}");
        let line = Line::new(id, "get", "/api/v1/namespaces/ci/pods")
            .user("system:serviceaccount:ci:deployer", &[])
            .set(&format!("user|extra|{}", word("credential-id")), json!([jti]));
        extra.iter().fold(line, |line, (key, value)| {
            line.set(&format!("user|extra|{}", word(key)), json!([value]))
        })
    };
    let log = activity(&[
        token("a"),
        token("b").set("responseObject", given.clone()),
        token("c").without("requestObject"),
        token("d").without("requestObject"),
        token("e").without("requestObject"),
        // Bodies of anything else say nothing.
        Line::new("f", "create", "/api/v1/namespaces/ci/pods").set("responseObject", given),
        use_of("1", "JTI=c", &[("pod-name", "web-0"), ("pod-uid", "u-2"), ("node-name", "n")]),
        use_of("2", "JTI=d", &[("node-name", "n")]),
        use_of("3", "JTI=e", &[]),
    ]);
    let object = |kind: &str, name: &str, uid: Option<&str>| BoundTo::Object {
        kind: kind.into(),
        name: Some(name.into()),
        uid: uid.map(Into::into),
    };
    let found: Vec<_> = log.issued().iter().map(|(one, of)| (&*one.credential, of)).collect();
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["JTI=a", "JTI=b", "JTI=c", "JTI=d", "JTI=e"]);
    let asked = |at: usize| found[at].1.asked.clone();
    let bound = object("Secret", "tie", Some("u-1"));
    assert_eq!(asked(0), Some(Asked { bound, seconds: Some(600), until: None, audiences: vec![] }));
    let until = Some("2026-05-04T09:25:11Z".parse().unwrap());
    let given = Asked { bound: BoundTo::Nothing, seconds: Some(900), until, audiences: vec![] };
    assert_eq!(asked(1), Some(given));
    let used_by: Vec<_> = found.iter().map(|(_, of)| of.used_by.clone()).collect();
    assert_eq!((asked(2), asked(3), asked(4)), (None, None, None));
    let (pod, node) = (object("Pod", "web-0", Some("u-2")), object("Node", "n", None));
    assert_eq!(used_by, [None, None, Some(pod), Some(node), None]);
    assert!(!format!("{log:?}").contains("the-token"));
}

#[test]
fn the_busiest_minute_and_hour_and_what_was_too_much() {
    let uri = "/api/v1/namespaces/shop/pods";
    let at =
        |id: &str, time: &str| Line::new(id, "list", uri).at(&format!("2026-05-04T{time}.000000Z"));
    let rejected = |id: &str, time: &str| at(id, time).without("annotations").code(429);
    let log = activity(&[
        at("1", "09:10:00"),
        at("2", "09:10:59"),
        at("3", "09:11:00"),
        // In another hour as many in a minute, but more in all.
        at("4", "10:00:01"),
        rejected("5", "10:00:02"),
        rejected("6", "10:30:00"),
        at("7", "10:59:59"),
        // A line of a request that is there.
        at("7", "10:59:59").received(),
        // Allowed, and then too much for what it asked for.
        at("8", "10:40:00").code(429),
        at("9", "10:45:00").user("bo", &["devs"]),
    ]);
    let time = |text: &str| format!("2026-05-04T{text}Z").parse().unwrap();
    let peak = |requests, text: &str| Peak { requests, at: time(text) };
    let expected = Rate {
        counted: 8,
        minute: peak(2, "09:10:00"),
        hour: peak(5, "10:00:00"),
        rejected: 2,
        last_rejected: Some(time("10:30:00")),
    };
    assert_eq!(log.rate(seen(&log, "ana")), Some(&expected));
    assert_eq!(log.rate(seen(&log, "bo")).unwrap().minute, peak(1, "10:45:00"));
    let undecided: u64 = of(&log, "ana").iter().map(|row| row.undecided).sum();
    assert_eq!(undecided, 2, "nobody judged these");
}
