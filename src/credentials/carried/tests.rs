use serde_json::{Value, json};

use super::super::tests::{certificate, csr};
use super::super::{inventory, read_iam};
use crate::book::world::{Row, World, day};
use crate::book::{Access, Book, GroupSource, Tier};
use crate::model::{BootstrapToken, Meta, Name, Object, Outside, Secret};

const CLIENT: &str = "kubernetes.io/kube-apiserver-client";

/// Everything, by a role, to group ops; and the reading of pods to group devs.
fn world() -> World {
    World::new()
        .namespace("a")
        .cluster_role("all", &json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]))
        .cluster_role(
            "pods",
            &json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
        )
        .bind(None, "ops", "ClusterRole/all", "group:ops")
        .bind(None, "devs", "ClusterRole/pods", "group:devs")
}

fn aws_auth(roles: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"mapRoles": roles},
        "metadata": {"namespace": "kube-system", "name": "aws-auth"}})
}

fn given(mut world: World, iam: &[Value]) -> World {
    let mut outside = Outside::default();
    for one in iam {
        read_iam("saved.json", one.to_string().as_bytes(), &mut outside);
    }
    world.policy.outside = outside.into();
    world
}

fn groups(book: &Book, who: &str) -> Vec<(String, GroupSource)> {
    let groups = book.who(who).groups.iter();
    groups.map(|group| (group.name.to_string(), group.source)).collect()
}

fn rules(book: &Book, who: &str) -> Vec<(&'static str, String)> {
    let findings = book.who(who).findings.iter();
    findings.map(|finding| (finding.rule, finding.evidence.clone())).collect()
}

fn is_there(book: &Book, who: &str) -> bool {
    book.find(&who.parse().expect("an identity")).is_some()
}

const IMPLICIT: (&str, GroupSource) = ("system:authenticated", GroupSource::Implicit);

fn both(group: &str, source: GroupSource) -> Vec<(String, GroupSource)> {
    vec![(group.to_owned(), source), (IMPLICIT.0.to_owned(), IMPLICIT.1)]
}

#[test]
fn a_certificate_alone_makes_an_identity_with_what_its_groups_hold() {
    let (pem, _) = certificate("unused-admin@corp.example", &["ops"], 365);
    let book = world().object(&csr("unused", CLIENT, &pem)).book();
    let who = "user:unused-admin@corp.example";
    assert_eq!(groups(&book, who), both("ops", GroupSource::Certificate));
    assert_eq!(book.who(who).tier, Tier::ClusterAdmin);
    // Another certificate of the same name may carry others.
    assert!(!book.who(who).groups_known);
    let said = "ClusterRoleBinding ops grants ClusterRole all, which allows everything on everything \
                by way of group ops";
    assert_eq!(rules(&book, who), [("cluster-admin", said.to_owned())]);
    let members: Vec<String> = book
        .who("group:ops")
        .members
        .iter()
        .filter_map(|id| book.entry(*id))
        .map(|entry| entry.identity.to_string())
        .collect();
    assert_eq!(members, [who]);

    let (old, _) = certificate("old@corp.example", &["ops"], 1);
    assert!(!is_there(&world().object(&csr("old", CLIENT, &old)).book(), "user:old@corp.example"));
    let (pem, _) = certificate("proxy.mesh", &["ops"], 3000);
    let book = world().object(&csr("mesh", "mesh.example/workloads", &pem)).book();
    assert!(!is_there(&book, "user:proxy.mesh"), "for another server than the API server");
}

#[test]
fn what_a_group_did_is_not_what_those_did_who_could_have_come_in_it() {
    let (pem, _) = certificate("ana", &["ops"], 3000);
    let (other, _) = certificate("bob", &["ops"], 3000);
    let book = world()
        .object(&csr("ana", CLIENT, &pem))
        .object(&csr("bob", CLIENT, &other))
        .log(0, 100)
        .row(Row::new("user:ana", "get pods@a/p", 99).groups(&["devs"]).times(7))
        .row(Row::new("user:bob", "get pods@a/p", 99).groups(&["ops"]).times(5))
        .book();
    assert_eq!(book.who("group:ops").activity.as_ref().map(|of| of.requests), Some(5));
    assert_eq!(book.who("group:ops").members.len(), 2);
    assert_eq!(book.who("user:ana").tier, Tier::ClusterAdmin);
    let source = |who| groups(&book, who).into_iter().find(|(name, _)| name == "ops");
    assert_eq!(source("user:ana"), Some(("ops".to_owned(), GroupSource::Certificate)));
    assert_eq!(source("user:bob"), Some(("ops".to_owned(), GroupSource::Log)));
}

#[test]
fn whom_eks_maps_is_there_and_a_template_is_nobody() {
    let book = world()
        .object(&aws_auth(
            "- {rolearn: 'arn:aws:iam::111122223333:role/admin', username: ops-admin, \
               groups: ['system:masters']}\n\
             - {rolearn: 'arn:aws:iam::111122223333:role/dev', username: dev, groups: [devs]}\n\
             - {rolearn: 'arn:aws:iam::111122223333:role/node', \
               username: 'system:node:{{EC2PrivateDNSName}}', groups: ['system:nodes']}\n",
        ))
        .book();
    assert_eq!(groups(&book, "user:dev"), both("devs", GroupSource::CloudMapping));
    assert_eq!(book.who("user:dev").tier, Tier::Read);
    assert_eq!(book.who("user:ops-admin").tier, Tier::ClusterAdmin);
    let said = "is in group system:masters by a mapping of the cloud's, which the API server allows \
                everything ahead of RBAC: no binding takes that away";
    assert_eq!(rules(&book, "user:ops-admin"), [("cluster-admin", said.to_owned())]);
    assert!(book.entries().all(|entry| !entry.identity.name.contains("{{")));
    // Riskiest first: by what they give, not by what is known of them.
    let order: Vec<String> =
        inventory(&book).credentials.iter().map(|one| one.identity.to_string()).collect();
    assert_eq!(&order[..2], ["user:ops-admin", "user:dev"]);

    let template = world().object(&aws_auth(
        "- {rolearn: 'arn:aws:iam::111122223333:role/sess', username: 'ops:{{SessionName}}', \
           groups: ['system:masters']}\n",
    ));
    let book = template.book();
    let found = rules(&book, "group:system:masters");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].1.starts_with("aws-auth mapRoles arn:aws:iam::111122223333:role/sess puts"));
    assert!(book.entries().all(|entry| !entry.identity.name.contains("{{")));
}

fn access_entry(role: &str, username: &str, policy: Option<(&str, Value)>) -> Vec<Value> {
    let principal = format!("arn:aws:iam::111122223333:role/{role}");
    let mut all = vec![json!({"accessEntry": {"clusterName": "prod", "principalArn": principal,
        "kubernetesGroups": ["devs"], "username": username, "type": "STANDARD"}})];
    all.extend(policy.map(|(name, scope)| {
        let arn = format!("arn:aws:eks::aws:cluster-access-policy/{name}");
        json!({"clusterName": "prod", "principalArn": principal, "associatedAccessPolicies": [
            {"policyArn": arn, "accessScope": scope}]})
    }));
    all
}

#[test]
fn access_policies_count_beside_rbac() {
    let everywhere = json!({"type": "cluster", "namespaces": []});
    let some = json!({"type": "namespace", "namespaces": ["a", "b-*"]});
    for (policy, scope, tier) in [
        ("AmazonEKSClusterAdminPolicy", &everywhere, Tier::ClusterAdmin),
        ("AmazonEKSClusterAdminPolicy", &some, Tier::NamespaceAdmin),
        ("AmazonEKSAdminPolicy", &everywhere, Tier::ClusterWrite),
        ("AmazonEKSEditPolicy", &some, Tier::ReadsSecrets),
        ("AmazonEKSViewPolicy", &some, Tier::Read),
        ("AmazonEKSNoSuchPolicy", &everywhere, Tier::Read),
    ] {
        let iam = access_entry("dev", "dev", Some((policy, scope.clone())));
        let book = given(world(), &iam).book();
        assert_eq!(book.who("user:dev").tier, tier, "{policy}");
        assert_eq!(groups(&book, "user:dev"), both("devs", GroupSource::CloudMapping));
    }
    let iam = access_entry(
        "admin",
        "arn:aws:sts::111122223333:assumed-role/admin/{{SessionName}}",
        Some(("AmazonEKSClusterAdminPolicy", everywhere)),
    );
    let book = given(world(), &iam).book();
    let who = "user:arn:aws:iam::111122223333:role/admin";
    let said = "EKS access entry arn:aws:iam::111122223333:role/admin gives \
                AmazonEKSClusterAdminPolicy in the whole cluster, beside RBAC: no binding shows it";
    assert_eq!(rules(&book, who), [("cluster-admin", said.to_owned())]);
    // The groups are of whoever comes by it, under a name of their own.
    assert_eq!(groups(&book, who), [(IMPLICIT.0.to_owned(), IMPLICIT.1)]);
    let nothing = access_entry("admin", "x:{{SessionName}}", None);
    let book = given(world(), &nothing).book();
    assert!(!is_there(&book, who));
}

#[test]
fn roles_of_google_clouds_iam_count_where_they_hold_without_a_condition() {
    let iam = json!({"bindings": [
        {"role": "roles/container.admin", "members": ["user:ann@corp.example",
            "group:sre@corp.example", "domain:corp.example", "allAuthenticatedUsers", "deleted:user:bob@corp.example?uid=1"]},
        {"role": "roles/container.viewer", "members": ["user:vic@corp.example"]},
        {"role": "roles/container.admin", "members": ["user:tim@corp.example"],
            "condition": {"title": "till june", "expression": "true"}},
        {"role": "roles/storage.admin", "members": ["user:zoe@corp.example"]}]});
    let book = given(world(), &[iam])
        .log(0, 100)
        .row(Row::new("user:kim@corp.example", "get pods@a/p", 99).groups(&["sre@corp.example"]))
        .book();
    let access = |who: &str| book.access(book.who(who));
    let exactly = |tier| Access { tier, at_least: false };
    assert_eq!(access("user:ann@corp.example"), exactly(Tier::ClusterAdmin));
    assert_eq!(access("group:sre@corp.example"), exactly(Tier::ClusterAdmin));
    assert_eq!(access("user:vic@corp.example"), exactly(Tier::Read));
    assert_eq!(access("user:tim@corp.example"), Access { tier: Tier::None, at_least: true });
    // Whoever the log shows in the group has what the group has.
    assert_eq!(access("user:kim@corp.example"), exactly(Tier::ClusterAdmin));
    for who in ["user:bob@corp.example", "user:zoe@corp.example"] {
        assert!(!is_there(&book, who), "{who}");
    }
    // Everybody is told once, and nobody comes by that name who could be idle.
    let found = rules(&book, "user:allAuthenticatedUsers");
    assert_eq!(
        found,
        [(
            "everybody",
            "Google Cloud's IAM gives allAuthenticatedUsers roles/container.admin, beside RBAC: no \
             binding shows it (cluster-admin)"
                .to_owned()
        )]
    );
    let found = rules(&book, "user:*@corp.example");
    assert_eq!(found.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), ["cluster-admin"]);
    // Who never came is idle, by what IAM gives.
    let found = rules(&book, "user:ann@corp.example");
    assert!(found.iter().any(|(rule, _)| *rule == "idle"), "{found:?}");
}

#[test]
fn a_bootstrap_token_is_a_user_in_its_groups() {
    let token = BootstrapToken {
        authenticates: true,
        extra_groups: vec!["system:bootstrappers:a".into()],
        ..BootstrapToken::default()
    };
    let secret = |bootstrap: Option<BootstrapToken>| {
        let meta = Meta {
            name: "bootstrap-token-abcdef".into(),
            namespace: Some("kube-system".into()),
            ..Meta::default()
        };
        Object::Secret(Secret {
            meta,
            type_: "bootstrap.kubernetes.io/token".into(),
            immutable: false,
            bootstrap: bootstrap.map(Into::into),
        })
    };
    let mut world = world().bind(None, "join", "ClusterRole/pods", "group:system:bootstrappers:a");
    world.snapshot.objects.insert(secret(Some(token.clone())));
    let book = world.book();
    let who = "user:system:bootstrap:abcdef";
    assert_eq!(
        groups(&book, who),
        [
            (IMPLICIT.0.to_owned(), IMPLICIT.1),
            ("system:bootstrappers".to_owned(), GroupSource::BootstrapToken),
            ("system:bootstrappers:a".to_owned(), GroupSource::BootstrapToken),
        ]
    );
    assert_eq!(book.who(who).tier, Tier::Read);
    let lasting = "secret kube-system/bootstrap-token-abcdef holds a token for joining nodes that never \
                   expires";
    assert_eq!(rules(&book, who), [("lasting-token", lasting.to_owned())]);
    // Where its data was not read, nothing is said of its groups.
    world.snapshot.objects.insert(secret(None));
    let names: Vec<Name> =
        world.book().who(who).groups.iter().map(|group| group.name.clone()).collect();
    assert_eq!(names, [Name::from(IMPLICIT.0)]);
    assert_eq!(rules(&world.book(), who), []);
    let ends = BootstrapToken { expires: Some(day(3000)), ..token };
    world.snapshot.objects.insert(secret(Some(ends)));
    assert_eq!(rules(&world.book(), who), []);
}

/// A credential made within the idle time is no sign that nobody wants the access.
#[test]
fn who_was_given_a_credential_lately_is_not_idle() {
    let entry = |created: i64| {
        let mut iam = access_entry("dev", "dev", None);
        iam[0]["accessEntry"]["createdAt"] = json!(day(created).to_rfc3339());
        let mut world = given(world(), &iam).log(0, 100);
        world.policy.idle_days = 30;
        rules(&world.book(), "user:dev").iter().any(|(rule, _)| *rule == "idle")
    };
    assert!(entry(10));
    assert!(!entry(90));
}

/// What says so may have said less before.
#[test]
fn whom_a_mapping_gave_more_of_late_is_in_doubt() {
    let said = |modified: i64| {
        let mut iam = access_entry("dev", "dev", None);
        iam[0]["accessEntry"]["createdAt"] = json!(day(-300).to_rfc3339());
        iam[0]["accessEntry"]["modifiedAt"] = json!(day(modified).to_rfc3339());
        let mut world = given(world(), &iam).log(0, 100);
        world.policy.idle_days = 30;
        let found = rules(&world.book(), "user:dev").into_iter().find(|(rule, _)| *rule == "idle");
        found.expect("it is idle").1
    };
    let doubt =
        "; what maps it was last written on 2026-04-01: whether it had this before is not known";
    // Day 90 is the first of April.
    assert!(said(90).contains(doubt), "{}", said(90));
    assert!(!said(10).contains("what maps it"), "{}", said(10));
}
