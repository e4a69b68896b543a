use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::tests::certificate;
use super::super::{Credential, Expires, Kind, LastUse, Standing, inventory, not_seen};
use super::*;
use crate::book::world::{Row, World, day};
use crate::model::{Health, HeldKind, Identity, ListKind, ListState};

fn iam(text: &str) -> Outside {
    let mut outside = Outside::default();
    read_iam("saved.json", text.as_bytes(), &mut outside);
    outside
}

fn kubeconfig(text: &str) -> Outside {
    let mut outside = Outside::default();
    let load = |path: &str| Err(format!("reading {path}: not there"));
    read_kubeconfig("laptop", text.as_bytes(), &load, &mut outside);
    outside
}

fn with(mut world: World, outside: Outside) -> World {
    world.policy.outside = outside.into();
    world
}

fn all(world: &World) -> Vec<Credential> {
    inventory(&world.book()).credentials
}

fn broken(outside: &Outside) -> Vec<String> {
    outside.unreadable.iter().map(|one| format!("{}: {}", one.place, one.reason)).collect()
}

const ROLE: &str = "arn:aws:iam::111122223333:role/teams/Dev";

fn described() -> Value {
    json!({"accessEntry": {"clusterName": "prod", "principalArn": ROLE,
        "kubernetesGroups": ["devs"], "createdAt": "2025-03-23T15:24:18.759000-05:00",
        "username": "dev-user", "type": "STANDARD", "tags": {}}})
}

fn associated() -> Value {
    let arn = |name: &str| format!("arn:aws:eks::aws:cluster-access-policy/{name}");
    json!({"clusterName": "prod", "principalArn": ROLE, "associatedAccessPolicies": [
        {"policyArn": arn("AmazonEKSAdminPolicy"), "associatedAt": 1_700_000_000.5,
            "accessScope": {"type": "namespace", "namespaces": ["dev-*", "shop"]}},
        {"policyArn": arn("AmazonEKSViewPolicy"),
            "accessScope": {"type": "cluster", "namespaces": []}}]})
}

#[test]
fn an_access_entry_is_told_with_its_policies() {
    let text = format!("{}\n{}", described(), associated());
    let world =
        with(World::new(), iam(&text)).log(0, 10).row(Row::new("user:dev-user", "get pods@a/p", 4));
    let found = all(&world);
    assert_eq!(found.len(), 1, "{found:#?}");
    let entry = &found[0];
    assert_eq!((entry.kind, &entry.identity), (Kind::CloudMapping, &Identity::user("dev-user")));
    assert_eq!(&*entry.id, format!("EKS access entry {ROLE}"));
    assert_eq!(entry.issued, Some("2025-03-23T20:24:18.759Z".parse().unwrap()));
    assert_eq!(entry.groups, [Name::from("devs")]);
    assert!(matches!(entry.last_use, LastUse::Log { at, .. } if at == day(4)));
    assert_eq!(
        entry.notes,
        [
            "AmazonEKSAdminPolicy in the namespaces dev-*, shop: beside RBAC, so that no binding \
             shows it",
            "AmazonEKSViewPolicy in the whole cluster: beside RBAC, so that no binding shows it",
        ]
    );
    assert!(entry.revoke.contains("--cluster-name prod --principal-arn"), "{}", entry.revoke);
}

#[test]
fn an_access_entry_counts_before_aws_auth() {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"namespace": "kube-system", "name": "aws-auth"},
        "data": {"mapRoles": "- rolearn: arn:aws:iam::111122223333:role/Dev\n  username: old\n\
            - rolearn: arn:aws:iam::111122223333:role/Ops\n  username: ops\n"}});
    let found = all(&with(World::new(), iam(&described().to_string())).object(&map));
    let standing = |user: &str| {
        let of = found.iter().find(|found| found.identity == Identity::user(user));
        of.map(|found| found.standing.clone()).unwrap()
    };
    assert_eq!(standing("dev-user"), Standing::Good);
    assert_eq!(standing("ops").as_str(), "not known");
    assert!(matches!(standing("old"), Standing::Refused(_)));
}

#[test]
fn an_access_entry_of_another_cluster_is_not_this_ones() {
    let mut world = with(World::new(), iam(&described().to_string()));
    for (context, count) in [
        ("arn:aws:eks:eu-west-1:111122223333:cluster/prod", 1),
        ("arn:aws:eks:eu-west-1:111122223333:cluster/test", 0),
        ("somewhere", 1),
    ] {
        world.snapshot.cluster.context = context.into();
        assert_eq!(all(&world).len(), count, "{context}");
    }
}

#[test]
fn members_of_roles_are_told_apart() {
    let policy = json!({"etag": "x", "version": 3, "bindings": [
        {"role": "roles/container.admin", "members": ["user:ana@corp.example",
            "group:ops@corp.example", "deleted:user:eva@corp.example?uid=123"]},
        {"role": "roles/viewer", "members": ["serviceAccount:ci@p.iam.gserviceaccount.com"],
            "condition": {"title": "until May", "expression": "request.time < timestamp(\"x\")"}},
        {"role": "projects/p/roles/mine", "members": ["domain:corp.example"]},
        {"role": "roles/storage.admin", "members": ["user:bob@corp.example"]}]});
    let outside = iam(&policy.to_string());
    assert!(broken(&outside).is_empty());
    assert_eq!(outside.remarks.len(), 1);
    let world = with(World::new(), outside).log(0, 10).row(Row::new(
        "user:ana@corp.example",
        "get pods@a/p",
        4,
    ));
    let found = all(&world);
    let of = |name: Identity| {
        let found = found.iter().find(|found| found.identity == name);
        found.unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!(found.len(), 5, "{found:#?}");
    assert!(found.iter().all(|found| found.kind == Kind::CloudRole));
    let ana = of(Identity::user("ana@corp.example"));
    assert!(matches!(ana.last_use, LastUse::Log { at, .. } if at == day(4)));
    assert!(ana.notes[0].starts_with("everything in every cluster"), "{:?}", ana.notes);
    assert!(matches!(of(Identity::group("ops@corp.example")).last_use, LastUse::NotKnown(_)));
    let gone = of(Identity::user("eva@corp.example"));
    assert!(matches!(gone.standing, Standing::Refused(_)));
    let ci = of(Identity::user("ci@p.iam.gserviceaccount.com"));
    assert!(matches!(ci.expires, Expires::NotKnown(_)));
    assert!(ci.notes.iter().any(|note| note.contains("until May")), "{:?}", ci.notes);
    assert!(of(Identity::user("*@corp.example")).notes[0].contains("custom role"));
}

#[test]
fn members_that_are_none_are_named_with_their_place_and_the_rest_stands() {
    let members = [
        "weird",
        "user:",
        "serviceAccount: ",
        "usr:ana@corp.example",
        "deleted:user:?uid=1",
        "deleted:weird:x?uid=1",
        "user:ana@corp.example",
        "deleted:serviceAccount:ci@p.iam.gserviceaccount.com?uid=123",
        "deleted:group:ops@corp.example?uid=9",
        "principal://iam.googleapis.com/p/subject/x",
        "allUsers",
        "allUsers",
    ];
    let policy = json!({"bindings": [{"role": "roles/container.viewer", "members": members}]});
    let outside = iam(&policy.to_string());
    let of =
        |at: usize, why: &str| format!("saved.json, answer 1, bindings[0].members[{at}]: {why}");
    let (kind, name) = ("no kind of member that is known", "a member without a name");
    assert_eq!(
        broken(&outside),
        [of(0, kind), of(1, name), of(2, name), of(3, kind), of(4, name), of(5, kind)]
    );
    let found = all(&with(World::new(), outside));
    let mut told: Vec<(String, &str)> =
        found.iter().map(|one| (one.identity.to_string(), one.standing.as_str())).collect();
    told.sort();
    assert_eq!(
        told,
        [
            ("group:ops@corp.example".to_owned(), "refused"),
            ("user:allUsers".to_owned(), "live"),
            ("user:ana@corp.example".to_owned(), "live"),
            ("user:ci@p.iam.gserviceaccount.com".to_owned(), "refused"),
            ("user:principal://iam.googleapis.com/p/subject/x".to_owned(), "live"),
        ]
    );
}

#[test]
fn what_is_broken_is_named_and_the_rest_stands() {
    let text =
        format!("{}\n{{\"accessEntry\": {{\"username\": \"x\"}}}}\n{{\"what\": 1}}", described());
    let outside = iam(&text);
    assert_eq!(outside.access_entries.len(), 1);
    assert_eq!(
        broken(&outside),
        [
            "saved.json, answer 2, accessEntry: without a principalArn",
            "saved.json, answer 3: neither an EKS access entry, nor its access policies, nor an IAM \
             policy of Google Cloud",
        ]
    );
    let outside = iam(&format!("{}\n{{\"accessEntry\": ", described()));
    assert_eq!(outside.access_entries.len(), 1);
    assert_eq!(
        broken(&outside),
        ["saved.json, line 2: the JSON ends too early; save the answer again"]
    );
    assert!(broken(&iam("bindings:\n- role: x\n"))[0].starts_with("saved.json, line 1: no JSON"));
    assert_eq!(broken(&iam("")), ["saved.json: it is empty"]);
    let policy = json!({"bindings": [{"members": ["user:a"]},
        {"role": "roles/owner", "members": ["user:b", 7]}, {"role": "roles/owner"}]});
    let outside = iam(&policy.to_string());
    assert_eq!(outside.role_members.len(), 1);
    assert_eq!(
        broken(&outside),
        [
            "saved.json, answer 1, bindings[0]: without a role",
            "saved.json, answer 1, bindings[1].members[1]: no text",
            "saved.json, answer 1, bindings[2]: without a list of members",
        ]
    );
    let mut page = associated();
    page["nextToken"] = json!("abc");
    page["associatedAccessPolicies"][0]["accessScope"]["type"] = json!("galaxy");
    let outside = iam(&page.to_string());
    assert_eq!(outside.access_entries[0].policies.as_ref().map(Vec::len), Some(1));
    assert_eq!(broken(&outside).len(), 2);
    let found = inventory(&with(World::new(), outside).book());
    assert_eq!((found.credentials.len(), found.unreadable.len()), (1, 2));
}

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.c2VjcmV0LXNpZ25hdHVyZQ", part(&json!({"alg": "RS256"})), part(claims))
}

/// One user of one context.
fn holding(user: &Value) -> Outside {
    let config = json!({"apiVersion": "v1", "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "https://one.example:6443/"}}],
        "contexts": [{"name": "work", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": user}]});
    kubeconfig(&config.to_string())
}

fn only(world: &World) -> Credential {
    let mut found = all(world);
    assert_eq!(found.len(), 1, "{found:#?}");
    found.remove(0)
}

#[test]
fn a_certificate_in_a_kubeconfig_is_joined_to_the_log() {
    let (pem, der) = certificate("ana", &["devs"], 3000);
    let fingerprint = format!("X509SHA256={:x}", Sha256::digest(&der));
    let outside = holding(&json!({"client-certificate-data": pem, "client-key-data": "c2VjcmV0"}));
    assert!(broken(&outside).is_empty());
    let world = with(World::new(), outside)
        .log(0, 10)
        .row(Row::new("user:ana", "get pods@a/p", 6).with(&fingerprint));
    let found = only(&world);
    assert_eq!((found.kind, &found.identity), (Kind::Certificate, &Identity::user("ana")));
    assert_eq!(*found.id, fingerprint);
    assert_eq!(found.groups, [Name::from("devs")]);
    assert_eq!(found.standing.as_str(), "live");
    assert!(matches!(found.last_use, LastUse::Log { at, .. } if at == day(6)));
    assert_eq!(found.notes.last().map(String::as_str), Some("a copy is in laptop, context work"));
}

#[test]
fn tokens_say_whose_they_are_and_until_when() {
    let exp = day(3000).timestamp();
    let account = json!({"iss": "https://issuer.example", "sub": "system:serviceaccount:a:x",
        "jti": "7", "iat": day(1).timestamp(), "exp": exp,
        "kubernetes.io": {"namespace": "a", "serviceaccount": {"name": "x"},
            "secret": {"name": "tie"}}});
    let world = |claims: &Value| {
        with(World::new().account("a", "x"), holding(&json!({"token": jwt(claims)})))
            .log(0, 10)
            .row(Row::new("sa:a/x", "get pods@a/p", 5).with("JTI=7"))
    };
    let found = only(&world(&account));
    assert_eq!((found.kind, &*found.id), (Kind::IssuedToken, "JTI=7"));
    assert_eq!(found.identity, Identity::service_account("a", "x"));
    assert_eq!((found.issued, &found.expires), (Some(day(1)), &Expires::At(day(3000))));
    assert!(matches!(found.last_use, LastUse::Log { at, .. } if at == day(5)));
    assert_eq!(&*found.revoke, "delete the Secret a/tie, to which it is bound");

    let mut gone = account.clone();
    gone["sub"] = json!("system:serviceaccount:a:y");
    let found = all(&world(&gone));
    let found = found.iter().find(|found| &*found.identity.name == "y").unwrap();
    assert_eq!(found.standing, Standing::Refused("its account does not exist".into()));

    let mut over = account;
    over["exp"] = json!(day(-2).timestamp());
    assert_eq!(only(&world(&over)).standing, Standing::Expired);
}

#[test]
fn the_token_of_a_secret_is_a_copy_of_it() {
    let claims = json!({"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:a:x",
        "kubernetes.io/serviceaccount/namespace": "a",
        "kubernetes.io/serviceaccount/secret.name": "t"});
    let outside = || holding(&json!({"token": jwt(&claims)}));
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token", "metadata": {"namespace": "a", "name": "t",
            "annotations": {"kubernetes.io/service-account.name": "x",
                "kubernetes.io/service-account.uid": "u"}}});
    let there = only(&with(World::new().account("a", "x"), outside()).object(&secret));
    assert_eq!((&*there.id, &there.standing), ("secret a/t", &Standing::Good));
    assert_eq!(there.notes, ["a copy is in laptop, context work"]);
    let gone = only(&with(World::new().account("a", "x"), outside()));
    assert_eq!(gone.standing, Standing::Refused("its Secret is gone".into()));
    assert_eq!((gone.kind, gone.expires), (Kind::TokenSecret, Expires::Never));
    let mut blind = with(World::new().account("a", "x"), outside());
    let forbidden = ListState::because(Health::Forbidden, "403");
    blind.snapshot.lists.insert(ListKind::TokenSecrets, forbidden);
    assert_eq!(only(&blind).standing.as_str(), "not known");
}

#[test]
fn a_providers_token_is_of_whom_the_cluster_knows() {
    let claims = json!({"iss": "https://idp.example", "sub": "0042", "email": "ana@corp.example",
        "exp": day(20).timestamp(), "groups": ["devs"]});
    let outside = || {
        holding(&json!({"auth-provider": {"name": "oidc",
        "config": {"id-token": jwt(&claims), "refresh-token": "hunter2"}}}))
    };
    let nobody = only(&with(World::new(), outside()));
    assert_eq!(nobody.identity, Identity::user("https://idp.example#0042"));
    assert!(nobody.notes.iter().any(|note| note.contains("matter of its settings")));
    let known = World::new().bind(None, "b", "ClusterRole/view", "user:ana@corp.example");
    let ana = only(&with(known, outside()));
    assert_eq!(ana.identity, Identity::user("ana@corp.example"));
    assert_eq!((ana.kind, ana.expires), (Kind::ProviderToken, Expires::At(day(20))));
    assert!(!format!("{:?}", outside()).contains("hunter2"));
}

#[test]
fn tokens_without_claims_are_told_by_their_form_and_never_shown() {
    let outside = holding(&json!({"token": "abcdef.0123456789abcdef"}));
    assert!(!format!("{outside:?}").contains("0123456789abcdef"));
    let found = only(&with(World::new(), outside));
    assert_eq!(found.identity, Identity::user("system:bootstrap:abcdef"));
    assert_eq!(found.standing, Standing::Refused("its Secret is gone".into()));

    let outside = holding(&json!({"token": "sha256~hunter2"}));
    let hash = URL_SAFE_NO_PAD.encode(Sha256::digest("hunter2"));
    let HeldKind::OAuth(name) = &outside.held[0].what else { panic!("{outside:?}") };
    assert_eq!(**name, format!("sha256~{hash}"));
    let found = inventory(&with(World::new(), outside).book());
    assert_eq!((found.credentials.len(), found.remarks.len()), (0, 1));

    let outside = holding(&json!({"token": "hunter2", "username": "ana", "password": "hunter2",
        "exec": {"command": "/opt/bin/aws", "args": ["--key", "hunter2"],
            "env": [{"name": "K", "value": "hunter2"}]}}));
    assert!(outside.held.is_empty());
    assert_eq!(outside.remarks.len(), 3);
    let text = format!("{outside:?}");
    assert!(!text.contains("hunter2") && text.contains("program aws"), "{text}");
}

#[test]
fn a_broken_kubeconfig_is_named_without_its_text() {
    let outside = kubeconfig("users:\n- name: u\n  user: {token: [hunter2\n");
    assert_eq!(outside.unreadable.len(), 1);
    let said = &broken(&outside)[0];
    assert!(
        said.starts_with("laptop") && said.ends_with("no kubeconfig in YAML or JSON"),
        "{said}"
    );
    assert!(!said.contains("hunter2"), "{said}");

    let outside = holding(&json!({"client-certificate-data": "hunter2!", "tokenFile": "t"}));
    assert_eq!(
        broken(&outside),
        [
            "laptop, user u, client-certificate-data: not PEM in base64",
            "laptop, user u, tokenFile: reading t: not there",
        ]
    );
    let outside = holding(&json!({"client-certificate-data": STANDARD.encode("nothing")}));
    let found = inventory(&with(World::new(), outside).book());
    let (place, reason) = &found.unreadable[0];
    let words = (&**place, reason.as_str());
    assert_eq!(words, ("laptop, context work, client certificate", "no certificate in it"));
    let lost = kubeconfig("contexts: [{name: k, context: {user: gone}}]\nusers: [{name: u}]\n");
    assert_eq!(broken(&lost), ["laptop, context k: its user is not in the file"]);
}

#[test]
fn what_is_for_another_server_is_not_this_clusters() {
    let (pem, _) = certificate("ana", &[], 3000);
    let mut world = with(World::new(), holding(&json!({"client-certificate-data": pem})));
    for (server, count) in
        [("https://one.example:6443", 1), ("https://two.example:6443", 0), ("", 1)]
    {
        world.snapshot.cluster.server = server.into();
        assert_eq!(all(&world).len(), count, "{server}");
    }
}

#[test]
fn what_was_given_is_no_longer_said_to_be_unseen() {
    let said = |outside: Outside, word: &str| {
        let book = with(World::new(), outside).book();
        not_seen(&book).iter().any(|what| what.contains(word))
    };
    assert!(said(Outside::default(), "EKS access entries"));
    assert!(!said(iam(&described().to_string()), "EKS access entries"));
    assert!(said(Outside::default(), "GKE's IAM policy"));
    assert!(!said(iam("{\"bindings\": []}"), "GKE's IAM policy"));
    assert!(said(Outside::default(), "copies of kubeconfig"));
}

mod copies;
