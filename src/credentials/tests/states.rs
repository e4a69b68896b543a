//! What the API server takes and what it refuses.

use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};

use super::*;

fn standing(world: &World, id: &str) -> Standing {
    let found = all(world);
    let own = found.iter().find(|one| &*one.id == id);
    own.unwrap_or_else(|| panic!("{id}: {found:#?}")).standing.clone()
}

fn refused(why: &str) -> Standing {
    Standing::Refused(why.to_owned())
}

fn pod(made: DateTime<Utc>, more: &Value) -> Value {
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a",
        "name": "web-0", "uid": "p", "creationTimestamp": made}, "status": {"phase": "Running"}});
    let metadata = pod["metadata"].as_object_mut().unwrap();
    metadata.extend(more.as_object().unwrap().clone());
    pod
}

/// An account that was made on that day, which its pod's token was used for on day 5.
fn used(made: i64, pod: Option<Value>) -> World {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "a", "name": "x", "uid": "u", "creationTimestamp": day(made)}});
    let world = World::new().object(&account).log(0, 10);
    let world = world.row(Row::new("sa:a/x", "get pods@a/p", 5).with("pod:a/web-0"));
    pod.map_or(world.clone(), |pod| world.object(&pod))
}

#[test]
fn a_pods_token_is_that_of_the_pod_that_is_there() {
    let of = |world: &World| standing(world, "pod a/web-0");
    assert_eq!(of(&used(0, Some(pod(day(4), &json!({}))))), Standing::Good);
    // A StatefulSet has made another pod of the name since.
    let another = refused("its pod is gone; another has its name");
    assert_eq!(of(&used(0, Some(pod(day(6), &json!({}))))), another);
    assert_eq!(of(&used(0, None)), refused("its pod is gone"));
    let earlier = refused("it was made for an earlier account of the same name");
    assert_eq!(of(&used(6, Some(pod(day(4), &json!({}))))), earlier);
    // For ten seconds or eleven more the API server takes what it remembers of the pod before.
    let seconds = |seconds: i64| day(5) - chrono::TimeDelta::seconds(seconds);
    assert_eq!(of(&used(0, Some(pod(seconds(10), &json!({}))))).as_str(), "not known");
    assert_eq!(of(&used(0, Some(pod(seconds(11), &json!({}))))), Standing::Good);
    // It is taken for a minute more: the Book is of day 364.
    let going =
        |at: DateTime<Utc>| of(&used(0, Some(pod(day(4), &json!({"deletionTimestamp": at})))));
    assert_eq!(going(day(364)), Standing::Good);
    assert_eq!(going(day(364) - chrono::TimeDelta::seconds(59)), Standing::Good);
    assert_eq!(
        going(day(364) - chrono::TimeDelta::seconds(60)),
        refused("its pod is being deleted")
    );
    let mut over = pod(day(4), &json!({}));
    over["status"]["phase"] = json!("Succeeded");
    assert!(matches!(of(&used(0, Some(over))), Standing::NotKnown(why) if why.contains("ended")));
}

#[test]
fn several_pods_of_a_set_are_live_where_one_is() {
    let owner = json!({"ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet",
        "name": "web", "uid": "s", "controller": true}]});
    let mut second = pod(day(1), &owner);
    second["metadata"]["name"] = json!("web-1");
    let world = used(0, Some(pod(day(6), &owner))).object(&second);
    let world = world.row(Row::new("sa:a/x", "get pods@a/p", 3).with("pod:a/web-1"));
    let found = all(&world);
    let told: Vec<(&str, &str)> =
        found.iter().map(|one| (&*one.id, one.standing.as_str())).collect();
    assert_eq!(told, [("pod a/web-1", "live"), ("pod a/web-0", "refused")]);
}

#[test]
fn tokens_of_accounts_that_are_gone_are_refused() {
    let row = |id: &str| Row::new("sa:a/x", "get pods@a/p", 5).with(id);
    let there = |made: i64| {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": "a", "name": "x", "creationTimestamp": day(made)}});
        World::new().object(&account).log(0, 10).row(row("JTI=1"))
    };
    let unseen = "until when it is good, and what it ends with, is not seen";
    assert_eq!(standing(&there(4), "JTI=1"), Standing::NotKnown(unseen));
    let again = refused("it was made for an earlier account of the same name");
    assert_eq!(standing(&there(6), "JTI=1"), again);
    let gone = World::new().log(0, 10).row(row("JTI=1"));
    assert_eq!(standing(&gone, "JTI=1"), refused("its account does not exist"));
    let mut blind = gone;
    let forbidden = ListState::because(Health::Forbidden, "403");
    blind.snapshot.lists.insert(ListKind::ServiceAccounts, forbidden);
    assert_eq!(standing(&blind, "JTI=1").as_str(), "not known");
}

#[test]
fn a_token_secret_holds_a_token_only_once_it_says_for_whom() {
    let mut empty = secret("a", "t", "x", &json!({}));
    let annotations = empty["metadata"]["annotations"].as_object_mut().unwrap();
    annotations.remove("kubernetes.io/service-account.uid");
    let world = World::new().object(&account("a", "x", &[])).object(&empty);
    let none = "nothing says that a token was put into it";
    assert_eq!(only(&world).standing, Standing::NotKnown(none));
    // A token of the old kind ends at once with its account.
    let mut going = account("a", "x", &[]);
    going["metadata"]["deletionTimestamp"] = json!(day(364));
    let world = World::new().object(&going).object(&secret("a", "t", "x", &json!({})));
    assert_eq!(only(&world).standing, refused("its account is being deleted"));
}

#[test]
fn what_openshifts_controller_made_is_not_made_by_hand() {
    let by = json!({"annotations": {"kubernetes.io/service-account.name": "x",
        "kubernetes.io/service-account.uid": "uid-x",
        "kubernetes.io/created-by": "openshift.io/create-dockercfg-secrets"}});
    let found = only(&world(&by));
    assert_eq!(found.made, Some(Made::Automatically));
    assert!(found.notes[0].starts_with("OpenShift's controller made it"), "{:?}", found.notes);
}

#[test]
fn a_bootstrap_token_is_live_only_where_the_api_server_takes_some() {
    let token = |name: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"namespace": "kube-system", "name": format!("bootstrap-token-{name}")}})
    };
    let unread = Standing::NotKnown("its data was not read (--read-bootstrap)");
    for (name, is) in [
        ("abcdef", unread),
        ("toolong7", refused("what its name says is no id that a token can have")),
        ("ABCDEF", refused("what its name says is no id that a token can have")),
    ] {
        assert_eq!(only(&World::new().object(&token(name))).standing, is, "{name}");
    }
    let meta = Meta {
        name: "bootstrap-token-abcdef".into(),
        namespace: Some("kube-system".into()),
        ..Meta::default()
    };
    let data = BootstrapToken { authenticates: true, ..BootstrapToken::default() };
    let mut world = World::new();
    let type_ = "bootstrap.kubernetes.io/token".into();
    let bootstrap = Some(Arc::new(data));
    world.snapshot.objects.insert(Object::Secret(Secret {
        meta,
        type_,
        immutable: false,
        bootstrap,
    }));
    assert_eq!(only(&world).standing.as_str(), "not known");
    let used = world.log(0, 10).row(Row::new("user:system:bootstrap:abcdef", "get pods@a/p", 2));
    assert_eq!(only(&used).standing, Standing::Good);
}

#[test]
fn a_certificate_is_live_where_a_trusted_signer_made_it_or_the_log_shows_it() {
    let (pem, der) = certificate("ana", &[], 3000);
    let of = |signer: &str| World::new().object(&csr("c", signer, &pem));
    assert_eq!(only(&of(CLIENT)).standing, Standing::Good);
    for signer in ["example.org/signer", "kubernetes.io/legacy-unknown"] {
        assert_eq!(only(&of(signer)).standing.as_str(), "not known", "{signer}");
    }
    let fingerprint = format!("X509SHA256={:x}", Sha256::digest(&der));
    let row = Row::new("user:ana", "get pods@a/p", 3).with(&fingerprint);
    assert_eq!(only(&of("example.org/signer").log(0, 10).row(row)).standing, Standing::Good);
}

#[test]
fn a_certificate_of_nobody_is_no_credential_and_nothing_broken() {
    let (pem, _) = certificate("", &["system:masters"], 3000);
    let found = inventory(&World::new().object(&csr("c", CLIENT, &pem)).book());
    assert_eq!((found.credentials.len(), found.unreadable.len()), (0, 0));
    let (place, text) = &found.remarks[0];
    assert_eq!(&**place, "CertificateSigningRequest c, status.certificate");
    assert_eq!(text, "a certificate without a common name: it authenticates nobody");
}

#[test]
fn a_certificate_that_is_for_servers_or_not_good_yet_is_refused() {
    let make = |usage, from: i32| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, "ana");
        params.extended_key_usages = vec![usage];
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(2040, 1, 1);
        let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        only(&World::new().object(&csr("c", CLIENT, &STANDARD.encode(made.pem())))).standing
    };
    assert_eq!(make(ClientAuth, 2026), Standing::Good);
    assert_eq!(make(Any, 2026), Standing::Good);
    assert_eq!(make(ServerAuth, 2026), refused("it is not for authenticating clients"));
    assert_eq!(make(ClientAuth, 2027), refused("it is not good before 2027-01-01 00:00:00 UTC"));
}

#[test]
fn a_certificate_was_made_when_it_was_approved() {
    let (pem, _) = certificate("ana", &[], 3000);
    let mut request = csr("c", CLIENT, &pem);
    request["metadata"]["creationTimestamp"] = json!(day(1));
    assert_eq!(only(&World::new().object(&request)).issued, Some(day(1)));
    request["status"]["conditions"] = json!([{"type": "Approved", "lastUpdateTime": day(2)}]);
    assert_eq!(only(&World::new().object(&request)).issued, Some(day(2)));
}

#[test]
fn an_access_token_of_openshift_ends_unused_too() {
    let token = |fields: Value| {
        let mut token = json!({"apiVersion": "oauth.openshift.io/v1", "kind": "OAuthAccessToken",
            "metadata": {"name": "sha256~a", "creationTimestamp": day(360)}, "userName": "ana",
            "clientName": "c", "expiresIn": 30 * 86400});
        token.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        only(&World::new().object(&token))
    };
    let minutes = |minutes: i64| Expires::At(day(360) + chrono::TimeDelta::minutes(minutes));
    let unused = token(json!({"inactivityTimeoutSeconds": 300}));
    assert_eq!((unused.expires, unused.standing), (minutes(5), Standing::Expired));
    // Used on the last day, which has put its end off.
    let used = token(json!({"inactivityTimeoutSeconds": 5 * 86400}));
    assert_eq!((used.expires, used.standing.as_str()), (minutes(5 * 1440), "not known"));
    let over = token(json!({"expiresIn": 86400, "inactivityTimeoutSeconds": 5 * 86400}));
    assert_eq!((over.expires, over.standing), (minutes(1440), Standing::Expired));
    for lasting in [0, -5] {
        assert_eq!(token(json!({"expiresIn": lasting})).expires, Expires::Never, "{lasting}");
    }
    // As Go adds it up, it overflows to a second before it was made.
    let big = token(json!({"expiresIn": i64::MAX}));
    assert_eq!(big.expires, Expires::At(day(360) - chrono::TimeDelta::seconds(1)));
    let going = token(json!({"metadata": {"name": "sha256~a", "creationTimestamp": day(360),
        "deletionTimestamp": day(363)}}));
    assert_eq!(going.standing, refused("it is being deleted"));
}

#[test]
fn of_the_same_strength_what_is_certain_comes_first() {
    let rule = json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]);
    let world = world(&json!({}))
        .cluster_role("all", &rule)
        .bind(None, "admins", "ClusterRole/all", "user:root")
        .log(0, 10)
        .row(Row::new("user:root", "get pods@a/p", 3).with("X509SHA256=ab"));
    let order: Vec<String> = all(&world).into_iter().map(|found| found.id.to_string()).collect();
    // The administrator's certificate may have run out; it comes before what can do nothing.
    assert_eq!(order, ["X509SHA256=ab", "secret a/t"]);
}
