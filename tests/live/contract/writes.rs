//! Writes, and who may make them.

use super::*;

pub(super) async fn creation(subject: &Subject) {
    let object = binding("creation", "view", &["bob@corp.example"]);
    let at = bindings("contract");
    let tried = subject.writer.create(&at, &object, DryRun::Yes).await.expect("a dry run");
    assert_eq!(text(&tried, "/metadata/name"), "creation");
    let path = format!("{at}/creation");
    assert_eq!(kind(&subject.cluster.get(&path).await), "not found");

    let stored = made(&subject.writer, &at, &object).await;
    for field in ["uid", "resourceVersion", "creationTimestamp"] {
        assert!(!text(&stored, &format!("/metadata/{field}")).is_empty(), "{field}: {stored}");
    }
    assert_eq!(text(&stored, "/metadata/namespace"), "contract");
    let read = subject.cluster.get(&path).await.expect("get");
    for pointer in
        ["/metadata/uid", "/metadata/resourceVersion", "/kind", "/apiVersion", "/roleRef/name"]
    {
        assert_eq!(text(&read, pointer), text(&stored, pointer), "{pointer}");
    }
    assert_eq!(read["metadata"]["annotations"], object["metadata"]["annotations"]);
    assert_eq!(read["subjects"], object["subjects"]);
    for dry in [DryRun::Yes, DryRun::No] {
        assert_eq!(kind(&subject.writer.create(&at, &object, dry).await), "conflict");
    }
    let mut elsewhere = object.clone();
    elsewhere["metadata"]["namespace"] = json!("other");
    assert_eq!(kind(&subject.writer.create(&at, &elsewhere, DryRun::No).await), "invalid");
    let nameless = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {}});
    let refused = subject.writer.create("/api/v1/namespaces", &nameless, DryRun::No).await;
    assert_eq!(kind(&refused), "invalid");
    for path in ["/api/v1/nothings", "/apis/example.org/v1/things"] {
        assert_eq!(kind(&subject.cluster.get(path).await), "not found", "{path}");
    }
}

pub(super) async fn replacement(subject: &Subject) {
    let at = bindings("contract");
    let path = format!("{at}/replacement");
    let first = made(&subject.writer, &at, &binding("replacement", "view", &["a@x.example"])).await;
    let mut next = first.clone();
    next["subjects"][0]["name"] = json!("b@x.example");
    let tried = subject.writer.replace(&path, &next, DryRun::Yes).await.expect("a dry run");
    assert_eq!(text(&tried, "/subjects/0/name"), "b@x.example");
    let unchanged = subject.cluster.get(&path).await.expect("get");
    assert_eq!(text(&unchanged, "/subjects/0/name"), "a@x.example");

    let stored = subject.writer.replace(&path, &next, DryRun::No).await.expect("replace");
    assert_eq!(text(&stored, "/metadata/uid"), text(&first, "/metadata/uid"));
    assert_eq!(
        text(&stored, "/metadata/creationTimestamp"),
        text(&first, "/metadata/creationTimestamp")
    );
    assert_ne!(
        text(&stored, "/metadata/resourceVersion"),
        text(&first, "/metadata/resourceVersion")
    );
    // The version that was read is not the newest any more.
    for dry in [DryRun::Yes, DryRun::No] {
        assert_eq!(kind(&subject.writer.replace(&path, &next, dry).await), "conflict");
    }
    let mut recreated = stored.clone();
    recreated["metadata"]["uid"] = json!("11111111-2222-4333-8444-555555555555");
    assert_eq!(kind(&subject.writer.replace(&path, &recreated, DryRun::No).await), "conflict");
    let mut other_role = stored.clone();
    other_role["roleRef"]["name"] = json!("edit");
    assert_eq!(kind(&subject.writer.replace(&path, &other_role, DryRun::No).await), "invalid");
    let mut other_name = stored.clone();
    other_name["metadata"]["name"] = json!("renamed");
    assert_eq!(kind(&subject.writer.replace(&path, &other_name, DryRun::No).await), "invalid");
    // Without preconditions the last to write wins.
    let unconditional = binding("replacement", "view", &["c@x.example"]);
    let won = subject.writer.replace(&path, &unconditional, DryRun::No).await.expect("replace");
    assert_eq!(text(&won, "/subjects/0/name"), "c@x.example");
}

pub(super) async fn merging(subject: &Subject) {
    let at = bindings("contract");
    let path = format!("{at}/merging");
    let first = made(&subject.writer, &at, &binding("merging", "view", &["a@x.example"])).await;
    let merge = json!({"metadata": {
        "uid": first["metadata"]["uid"], "resourceVersion": first["metadata"]["resourceVersion"],
        "labels": {"new": "yes"}, "annotations": {"example.org/why": null},
    }});
    let tried = subject.writer.patch(&path, &merge, DryRun::Yes).await.expect("a dry run");
    assert_eq!(text(&tried, "/metadata/labels/new"), "yes");
    assert!(subject.cluster.get(&path).await.expect("get")["metadata"]["labels"].is_null());
    let stored = subject.writer.patch(&path, &merge, DryRun::No).await.expect("patch");
    assert_eq!(text(&stored, "/metadata/labels/new"), "yes");
    assert!(stored["metadata"]["annotations"].get("example.org/why").is_none(), "{stored}");
    assert_eq!(stored["subjects"], first["subjects"]);
    // The version that was read is not the newest any more.
    let late = subject.writer.patch(&path, &merge, DryRun::No).await;
    assert_eq!(kind(&late), "conflict");
    let another = json!({"metadata": {"uid": "11111111-2222-4333-8444-555555555555"}});
    // A UID is a field that nobody changes.
    assert_eq!(kind(&subject.writer.patch(&path, &another, DryRun::No).await), "invalid");
    let any = json!({"metadata": {"labels": {"new": null}}});
    subject.writer.patch(&path, &any, DryRun::No).await.expect("without preconditions");
    let gone = format!("{at}/no-such");
    assert_eq!(kind(&subject.writer.patch(&gone, &any, DryRun::No).await), "not found");
    assert_eq!(kind(&subject.ada_writer.patch(&path, &any, DryRun::No).await), "forbidden");
}

pub(super) async fn deletion(subject: &Subject) {
    let at = bindings("contract");
    let path = format!("{at}/deletion");
    let stored = made(&subject.writer, &at, &binding("deletion", "view", &[])).await;
    let this = Preconditions {
        uid: Some(text(&stored, "/metadata/uid").into()),
        resource_version: Some(text(&stored, "/metadata/resourceVersion").into()),
    };
    let another = Preconditions {
        uid: Some("11111111-2222-4333-8444-555555555555".into()),
        ..Preconditions::default()
    };
    let older = Preconditions { resource_version: Some("1".into()), ..this.clone() };
    for wrong in [another, older] {
        let refused = subject.writer.delete(&path, &wrong, DryRun::No).await;
        assert_eq!(kind(&refused), "conflict", "{refused:?}");
    }
    subject.writer.delete(&path, &this, DryRun::Yes).await.expect("a dry run");
    subject.cluster.get(&path).await.expect("it is still there");
    subject.writer.delete(&path, &this, DryRun::No).await.expect("delete");
    assert_eq!(kind(&subject.cluster.get(&path).await), "not found");
    let gone = subject.writer.delete(&path, &Preconditions::default(), DryRun::No).await;
    assert_eq!(kind(&gone), "not found");
}

pub(super) async fn reviews(subject: &Subject) {
    let reader = role(
        "contract-reader",
        &json!([
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"]}
        ]),
    );
    made(&subject.writer, &format!("{RBAC}/clusterroles"), &reader).await;
    let grant = binding("reviews", "contract-reader", &["carl@corp.example"]);
    made(&subject.writer, &bindings("contract"), &grant).await;
    let ask = |user: &str, verb: &str, namespace: &str| {
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {"user": user, "resourceAttributes":
                {"verb": verb, "resource": "configmaps", "namespace": namespace}},
        });
        let cluster = subject.cluster.clone();
        async move { cluster.review(&review).await.expect("an answer")["status"].clone() }
    };
    let yes = granted(async || {
        let status = ask("carl@corp.example", "get", "contract").await;
        let not_yet = || Error::NotFound { tried: status.to_string() };
        if status["allowed"] == json!(true) { Ok(status) } else { Err(not_yet()) }
    })
    .await;
    assert_eq!(
        (yes["allowed"].as_bool(), text(&yes, "/reason")),
        (
            Some(true),
            "RBAC: allowed by RoleBinding \"reviews/contract\" of ClusterRole \
             \"contract-reader\" to User \"carl@corp.example\""
        )
    );
    for (user, verb, namespace) in [
        ("carl@corp.example", "delete", "contract"),
        ("carl@corp.example", "get", "other"),
        ("eve@corp.example", "get", "contract"),
    ] {
        assert_eq!(ask(user, verb, namespace).await["allowed"], json!(false), "{user} {verb}");
    }
    let own = json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": {"verb": "list", "resource": "secrets"}}});
    let (all, ada) = (subject.cluster.review(&own).await, subject.ada.review(&own).await);
    assert_eq!(all.expect("an answer")["status"]["allowed"], json!(true));
    // Whoever is logged in may ask about themselves, by the server's own policy.
    if let Ok(ada) = ada {
        assert_eq!(ada["status"]["allowed"], json!(false));
    }
    let nobody = json!({"kind": "SubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
        "spec": {"resourceAttributes": {"verb": "list"}}});
    assert_eq!(kind(&subject.cluster.review(&nobody).await), "invalid");
}

pub(super) async fn escalation(subject: &Subject) {
    let roles = format!("{RBAC}/clusterroles");
    let at = bindings("contract");
    // Ada may write roles and bindings, and read ConfigMaps, in one namespace.
    let manager = role(
        "contract-manager",
        &json!([
            {"verbs": ["create", "update"], "apiGroups": ["rbac.authorization.k8s.io"],
             "resources": ["roles", "rolebindings"]},
            {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["configmaps"]},
        ]),
    );
    made(&subject.writer, &roles, &manager).await;
    made(&subject.writer, &at, &binding("manager", "contract-manager", &[ADA])).await;
    let powerful = role(
        "contract-powerful",
        &json!([
            {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
        ]),
    );
    made(&subject.writer, &roles, &powerful).await;

    let ada = &subject.ada_writer;
    let held = binding("held", "contract-reader", &["bob@corp.example"]);
    // She holds that herself.
    granted(async || ada.create(&at, &held, DryRun::No).await).await;
    let given = binding("given", "contract-powerful", &["bob@corp.example"]);
    let refused = ada.create(&at, &given, DryRun::No).await;
    let words = "attempting to grant RBAC permissions not currently held";
    assert!(
        matches!(&refused, Err(Error::Forbidden { cause, .. }) if cause.contains(words)),
        "{refused:?}"
    );
    assert_eq!(kind(&ada.create(&bindings("other"), &held, DryRun::No).await), "forbidden");
    // Whether she may give it is asked before whether the name is taken.
    let taken = binding("held", "contract-powerful", &["bob@corp.example"]);
    for dry in [DryRun::Yes, DryRun::No] {
        assert_eq!(kind(&ada.create(&at, &taken, dry).await), "forbidden");
        assert_eq!(kind(&ada.create(&at, &held, dry).await), "conflict");
    }
    let missing = binding("missing", "no-such-role", &["bob@corp.example"]);
    assert_eq!(kind(&ada.create(&at, &missing, DryRun::No).await), "not found");

    let role_at = format!("{RBAC}/namespaces/contract/roles");
    let mut own = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "own"},
        "rules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["configmaps"]}]});
    let stored = ada.create(&role_at, &own, DryRun::No).await.expect("she holds that herself");
    own["metadata"] = stored["metadata"].clone();
    own["rules"][0]["verbs"] = json!(["get", "delete"]);
    let path = format!("{role_at}/own");
    assert_eq!(kind(&ada.replace(&path, &own, DryRun::No).await), "forbidden");
    own["rules"][0]["verbs"] = json!(["list"]);
    ada.replace(&path, &own, DryRun::No).await.expect("she holds that herself");

    // The verbs bind and escalate are the right to give away what one does not hold.
    let special = role(
        "contract-special",
        &json!([
            {"verbs": ["bind"], "apiGroups": ["rbac.authorization.k8s.io"],
             "resources": ["clusterroles"], "resourceNames": ["contract-powerful"]},
            {"verbs": ["escalate"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles"]},
        ]),
    );
    made(&subject.writer, &roles, &special).await;
    made(&subject.writer, &at, &binding("special", "contract-special", &[ADA])).await;
    granted(async || ada.create(&at, &given, DryRun::No).await).await;
    own["metadata"].as_object_mut().expect("metadata").remove("resourceVersion");
    own["rules"][0]["verbs"] = json!(["*"]);
    ada.replace(&path, &own, DryRun::No).await.expect("escalate");
}

pub(super) async fn tokens(subject: &Subject) {
    let at = "/api/v1/namespaces/contract";
    let account = json!({"kind": "ServiceAccount", "metadata": {"name": "keyed"}});
    let account = made(&subject.writer, &format!("{at}/serviceaccounts"), &account).await;
    let secret = json!({"kind": "Secret", "type": "Opaque", "metadata": {"name": "keyed-key"}});
    let secret = made(&subject.writer, &format!("{at}/secrets"), &secret).await;
    let ask = TokenAsk {
        namespace: "contract".into(),
        account: "keyed".into(),
        account_uid: Some(text(&account, "/metadata/uid").into()),
        secret: "keyed-key".into(),
        secret_uid: text(&secret, "/metadata/uid").into(),
        seconds: 3600,
    };
    let before = Utc::now();
    let token = subject.writer.request_token(&ask).await.expect("a token");
    let good_for = (token.expires - before).num_seconds();
    assert!((3590..=3660).contains(&good_for), "{good_for}");
    assert!(!token.reveal().is_empty() && !format!("{token:?}").contains(token.reveal()));
    let other: Name = "11111111-2222-4333-8444-555555555555".into();
    let elsewhere = TokenAsk { secret_uid: other.clone(), ..ask.clone() };
    assert_eq!(kind(&subject.writer.request_token(&elsewhere).await), "conflict");
    let recreated = TokenAsk { account_uid: Some(other), ..ask.clone() };
    assert_eq!(kind(&subject.writer.request_token(&recreated).await), "conflict");
    for gone in [
        TokenAsk { account: "no-such".into(), ..ask.clone() },
        TokenAsk { secret: "no-such".into(), ..ask },
    ] {
        assert_eq!(kind(&subject.writer.request_token(&gone).await), "not found");
    }
}
