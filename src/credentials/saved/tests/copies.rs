//! What is a copy of what, and what of a file is this cluster's.

use super::*;

fn file(users: &[(&str, Value)], servers: &[&str]) -> Outside {
    let clusters: Vec<Value> = servers
        .iter()
        .enumerate()
        .map(|(at, server)| json!({"name": format!("c{at}"), "cluster": {"server": server}}))
        .collect();
    let contexts: Vec<Value> = users
        .iter()
        .enumerate()
        .map(|(at, (user, _))| {
            json!({"name": format!("ctx-{user}"),
                "context": {"cluster": format!("c{}", at.min(servers.len().max(1) - 1)), "user": user}})
        })
        .collect();
    let users: Vec<Value> =
        users.iter().map(|(name, user)| json!({"name": name, "user": user})).collect();
    kubeconfig(&json!({"clusters": clusters, "contexts": contexts, "users": users}).to_string())
}

fn token(claims: &Value) -> Value {
    json!({"token": jwt(claims)})
}

/// Ids with the contexts that a copy is in.
fn told(world: &World) -> Vec<(String, String, String)> {
    let mut found: Vec<(String, String, String)> = all(world)
        .into_iter()
        .map(|one| {
            let copies: Vec<&str> = one
                .notes
                .iter()
                .filter_map(|note| note.strip_prefix("a copy is in laptop, "))
                .collect();
            (one.identity.to_string(), one.standing.as_str().to_owned(), copies.join(" + "))
        })
        .collect();
    found.sort();
    found
}

fn row(who: &str, state: &str, copies: &str) -> (String, String, String) {
    (who.to_owned(), state.to_owned(), copies.to_owned())
}

#[test]
fn tokens_without_an_id_are_each_their_own() {
    let of = |user: &str, until: i64| {
        token(&json!({"iss": "https://dex", "sub": user, "email": format!("{user}@corp.example"),
            "exp": day(until).timestamp()}))
    };
    let outside = file(&[("ann", of("ann", 3000)), ("bob", of("bob", 3))], &[]);
    assert_eq!(
        told(&with(World::new(), outside)),
        [
            row("user:https://dex#ann", "not known", "context ctx-ann"),
            row("user:https://dex#bob", "expired", "context ctx-bob"),
        ]
    );
    // Accounts' tokens as they were before 1.30.
    let of = |account: &str| {
        token(&json!({"iss": "k", "sub": format!("system:serviceaccount:a:{account}"),
            "exp": day(3000).timestamp(), "kubernetes.io": {"namespace": "a",
            "serviceaccount": {"name": account, "uid": "u"}}}))
    };
    let outside = file(&[("one", of("x")), ("same", of("x")), ("two", of("y"))], &[]);
    assert_eq!(
        told(&with(World::new().account("a", "x").account("a", "y"), outside)),
        [
            row("sa:a/x", "not known", "context ctx-one + context ctx-same"),
            row("sa:a/y", "not known", "context ctx-two"),
        ]
    );
}

#[test]
fn two_tokens_of_one_pod_are_two() {
    let of = |id: &str, until: i64| {
        token(&json!({"iss": "k", "sub": "system:serviceaccount:a:x", "jti": id,
            "exp": day(until).timestamp(), "kubernetes.io": {"namespace": "a",
            "serviceaccount": {"name": "x", "uid": "u"}, "pod": {"name": "p", "uid": "pu"}}}))
    };
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "a", "name": "p", "uid": "pu", "creationTimestamp": day(0)}});
    let outside = file(&[("hour", of("1", 3)), ("year", of("2", 3000))], &[]);
    let world = with(World::new().account("a", "x"), outside).object(&pod).log(0, 10);
    let world = world.row(Row::new("sa:a/x", "get pods@a/p", 5).with("pod:a/p"));
    let found = all(&world);
    let of = |id: &str| found.iter().find(|one| &*one.id == id).unwrap();
    assert_eq!(found.len(), 3, "{found:#?}");
    assert_eq!(of("JTI=1").standing, Standing::Expired);
    assert_eq!(of("JTI=2").expires, Expires::At(day(3000)));
    assert_eq!(of("JTI=2").last_use, LastUse::NotKnown("its use is told as its pod's"));
    assert_eq!(of("pod a/p").standing, Standing::Good);
}

#[test]
fn the_uids_in_a_token_decide() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "a", "name": "x", "uid": "now"}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token", "metadata": {"namespace": "a", "name": "t",
            "uid": "s", "annotations": {"kubernetes.io/service-account.name": "x",
                "kubernetes.io/service-account.uid": "now"}}});
    let pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"namespace": "a", "name": "p", "uid": "pod-now"}});
    let of = |bound: &Value, uid: &str| {
        let mut claims = json!({"namespace": "a", "serviceaccount": {"name": "x", "uid": uid}});
        claims.as_object_mut().unwrap().extend(bound.as_object().unwrap().clone());
        let claims = json!({"iss": "k", "sub": "system:serviceaccount:a:x", "jti": "1",
            "exp": day(3000).timestamp(), "kubernetes.io": claims});
        let world = with(World::new(), file(&[("u", token(&claims))], &[]));
        let found = all(&world.object(&account).object(&secret).object(&pod));
        found.into_iter().find(|one| &*one.id == "JTI=1").unwrap().standing
    };
    let free = json!({});
    assert_eq!(of(&free, "now").as_str(), "not known");
    let earlier = "it was made for an earlier account of the same name";
    assert_eq!(of(&free, "then"), Standing::Refused(earlier.into()));
    let pod = |uid: &str| json!({"pod": {"name": "p", "uid": uid}});
    assert_eq!(of(&pod("pod-now"), "now").as_str(), "not known");
    let another = "its pod is gone; another has its name";
    assert_eq!(of(&pod("pod-then"), "now"), Standing::Refused(another.into()));
    let secret = |uid: &str| json!({"secret": {"name": "t", "uid": uid}});
    assert_eq!(of(&secret("s"), "now").as_str(), "not known");
    let another = "its Secret is gone; another has its name";
    assert_eq!(of(&secret("r"), "now"), Standing::Refused(another.into()));
}

#[test]
fn the_token_of_an_earlier_account_is_no_copy_of_the_secrets() {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "a", "name": "x", "uid": "now"}});
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token", "metadata": {"namespace": "a", "name": "t",
            "annotations": {"kubernetes.io/service-account.name": "x",
                "kubernetes.io/service-account.uid": "now"}}});
    let of = |uid: &str| {
        token(&json!({"iss": "kubernetes/serviceaccount", "sub": "system:serviceaccount:a:x",
            "kubernetes.io/serviceaccount/namespace": "a",
            "kubernetes.io/serviceaccount/secret.name": "t",
            "kubernetes.io/serviceaccount/service-account.uid": uid}))
    };
    let outside = file(&[("new", of("now")), ("old", of("then"))], &[]);
    let world = with(World::new(), outside).object(&account).object(&secret);
    assert_eq!(
        told(&world),
        [row("sa:a/x", "live", "context ctx-new"), row("sa:a/x", "refused", "context ctx-old")]
    );
}

#[test]
fn what_the_log_shows_of_a_copy_was_taken() {
    let claims = json!({"iss": "k", "sub": "system:serviceaccount:a:x", "jti": "1",
        "exp": day(3000).timestamp(), "kubernetes.io": {"namespace": "a",
        "serviceaccount": {"name": "x", "uid": "u"}}});
    let forged = json!({"iss": "other", "sub": "system:serviceaccount:a:x", "jti": "1",
        "exp": day(3001).timestamp()});
    let outside = file(&[("good", token(&claims)), ("odd", token(&forged))], &[]);
    let world = with(World::new().account("a", "x"), outside)
        .log(0, 10)
        .row(Row::new("sa:a/x", "get pods@a/p", 5).with("JTI=1"));
    assert_eq!(
        told(&world),
        [row("sa:a/x", "live", "context ctx-good"), row("sa:a/x", "not known", "context ctx-odd"),]
    );
    let odd = all(&world).into_iter().find(|one| one.standing.as_str() == "not known").unwrap();
    assert!(odd.notes.iter().any(|note| note.contains("made up")), "{:?}", odd.notes);
    assert!(matches!(odd.last_use, LastUse::NotKnown(_)));
}

#[test]
fn the_log_says_whose_a_providers_token_is_and_names_are_a_guess() {
    let claims = json!({"iss": "https://idp", "sub": "1", "jti": "9",
        "email": "ana@corp.example", "exp": day(3000).timestamp()});
    let known = || World::new().bind(None, "b", "ClusterRole/view", "user:ana@corp.example");
    let outside = || file(&[("u", token(&claims))], &[]);
    let guessed = only(&with(known(), outside()));
    assert_eq!(guessed.identity, Identity::user("ana@corp.example"));
    assert!(guessed.notes[1].starts_with("taken for user:ana@corp.example, the first"));
    let seen = with(known(), outside())
        .log(0, 10)
        .row(Row::new("user:oidc:1", "get pods@a/p", 5).with("JTI=9"));
    let seen = only(&seen);
    assert_eq!(seen.identity, Identity::user("oidc:1"));
    assert_eq!(seen.notes.len(), 2, "{:?}", seen.notes);
    assert!(matches!(seen.last_use, LastUse::Log { requests: 1, .. }));
}

#[test]
fn what_is_left_out_is_said_and_what_is_known_here_is_not_left_out() {
    let claims = json!({"iss": "k", "sub": "system:serviceaccount:a:x", "jti": "1",
        "exp": day(3000).timestamp(), "kubernetes.io": {"namespace": "a",
        "serviceaccount": {"name": "x", "uid": "u"}}});
    let provider = json!({"iss": "https://idp", "sub": "1", "exp": day(3000).timestamp()});
    let users = [("known", token(&claims)), ("not", token(&provider))];
    let outside = file(&users, &["https://localhost:6443", "https://other.example:6443"]);
    let mut world = with(World::new(), outside);
    world.snapshot.cluster.server = "https://127.0.0.1:6443".into();
    // The account is another one here.
    let found = inventory(&world.clone().account("a", "x").book());
    assert_eq!(found.credentials, []);
    let said = "2 credentials for https://localhost:6443, https://other.example:6443 left out: \
                this cluster was asked at https://127.0.0.1:6443, and nothing tells that it is the \
                same";
    assert_eq!(found.remarks, [("laptop".into(), said.to_owned())]);
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "a", "name": "x", "uid": "u"}});
    let world = world.object(&account);
    let copies = "context ctx-known, under another URL of this cluster";
    assert_eq!(told(&world), [row("sa:a/x", "not known", copies)]);
    assert_eq!(inventory(&world.book()).remarks.len(), 1);
}

#[test]
fn one_broken_element_takes_no_other_with_it() {
    let text = "users:\n- name: [hunter2]\n  user: {token: [hunter2]}\n- hunter2\n\
                - name: odd\n  user: hunter2\n- name: ok\n  user: {token: abcdef.0123456789abcdef}\n\
                contexts:\n- {context: {user: ok}}\n- 7\n";
    let outside = kubeconfig(text);
    assert_eq!(
        broken(&outside),
        [
            "laptop, contexts[1]: no map",
            "laptop, users[1]: no map",
            "laptop, users[0], name: no text",
            "laptop, users[0], token: no text",
            "laptop, user odd, user: no map",
        ]
    );
    assert_eq!(outside.held.len(), 1);
    assert_eq!(outside.held[0].contexts.len(), 1);
    assert!(!format!("{outside:?}").contains("hunter2"));
}

#[test]
fn files_of_other_encodings_are_read() {
    let wide = |text: &str| {
        let units = [0xfeffu16].into_iter().chain(text.encode_utf16());
        units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>()
    };
    let marked = |text: &str| format!("\u{feff}{text}").into_bytes();
    let entry = described().to_string();
    for bytes in [wide(&entry), marked(&entry)] {
        let mut outside = Outside::default();
        read_iam("saved.json", &bytes, &mut outside);
        assert_eq!((broken(&outside).len(), outside.access_entries.len()), (0, 1));
    }
    let config = "users: [{name: u, user: {token: abcdef.0123456789abcdef}}]";
    for bytes in [wide(config), marked(config)] {
        let mut outside = Outside::default();
        read_kubeconfig("laptop", &bytes, &|_| Err(String::new()), &mut outside);
        assert_eq!((broken(&outside).len(), outside.held.len()), (0, 1));
    }
}

#[test]
fn after_what_is_no_json_the_next_answer_is_read() {
    let mut other = described();
    other["accessEntry"]["principalArn"] = json!("arn:aws:iam::111122223333:role/Ops");
    let text = format!("{}\noops: hunter2\nmore\n{}\n", described(), other);
    let outside = iam(&text);
    assert_eq!(outside.access_entries.len(), 2);
    let said = "saved.json, line 2: no JSON; the rest is read from line 4 on";
    assert_eq!(broken(&outside), [said]);
}

#[test]
fn entries_of_several_clusters_are_not_mixed() {
    let mut stage = described();
    stage["accessEntry"]["clusterName"] = json!("stage");
    stage["accessEntry"]["username"] = json!("other");
    let text = format!("{}\n{stage}\n{}\n{}", described(), associated(), associated());
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"namespace": "kube-system", "name": "aws-auth"},
        "data": {"mapRoles": "- rolearn: arn:aws:iam::111122223333:role/Dev\n  username: old\n"}});
    let mut world = with(World::new(), iam(&text)).object(&map);
    let found = all(&world);
    assert!(found.iter().all(|one| one.standing.as_str() == "not known"), "{found:#?}");
    let prod = found.iter().find(|one| one.identity == Identity::user("dev-user")).unwrap();
    // Two policies that were saved twice, and whose it is.
    assert_eq!(prod.notes.len(), 3, "{:?}", prod.notes);
    assert_eq!(prod.notes[2], "of the cluster prod");

    world.snapshot.cluster.context = "ana@prod.eu-west-1.eksctl.io".into();
    let found = inventory(&world.book());
    let states: Vec<(&str, &str)> =
        found.credentials.iter().map(|one| (&*one.identity.name, one.standing.as_str())).collect();
    assert_eq!(states, [("dev-user", "live"), ("old", "refused")]);
    let said = "1 access entries left out, of the cluster stage: by its context this one is prod";
    assert_eq!(found.remarks, [("--iam".into(), said.to_owned())]);
}

#[test]
fn members_are_told_by_what_they_stand_for() {
    let pool = "iam.googleapis.com/locations/global/workforcePools/staff";
    let members = [
        format!("principal://{pool}/subject/ana"),
        format!("principalSet://{pool}/group/ops"),
        format!("principalSet://{pool}/*"),
        "projectOwner:p".to_owned(),
    ];
    let policy = json!({"bindings": [{"role": "roles/container.viewer", "members": members},
        {"role": "roles/resourcemanager.projectIamAdmin", "members": ["user:eve@corp.example"]},
        {"role": "roles/storage.admin", "members": ["user:bob@corp.example"]}]});
    let outside = iam(&policy.to_string());
    let said =
        "not shown, as it is not known here what they lead to in clusters: roles/storage.admin";
    assert_eq!(outside.remarks, [("saved.json".into(), said.to_owned())]);
    let world = with(World::new(), outside).log(0, 10);
    let found = all(&world);
    let of = |name: &str| found.iter().find(|one| &*one.identity.name == name).unwrap();
    assert_eq!(of(&members[0]).last_use, LastUse::NotInLog(10));
    assert_eq!(of(&members[1]).identity, Identity::group(members[1].as_str()));
    assert!(of(&members[2]).notes.iter().any(|note| note.contains("that set of an identity pool")));
    let owner = "everybody who has the role owner of the project p";
    assert!(of("projectOwner:p").notes.iter().any(|note| note == owner));
    assert!(of("eve@corp.example").notes[0].starts_with("may give itself any role"));
}

#[test]
fn a_file_of_many_contexts_is_read_in_one_go() {
    let many = 20_000;
    let contexts: Vec<Value> = (0..many)
        .map(|at| json!({"name": format!("k{at}"), "context": {"user": format!("u{}", at % 2)}}))
        .collect();
    let users: Vec<Value> = (0..2)
        .map(|at| json!({"name": format!("u{at}"), "user": {"token": "abcdef.0123456789abcdef"}}))
        .collect();
    let outside = kubeconfig(&json!({"contexts": contexts, "users": users}).to_string());
    assert_eq!(outside.held.len(), 2);
    let found = only(&with(World::new(), outside));
    assert_eq!(found.notes.len(), 2, "{:?}", found.notes);
    assert!(found.notes[0].ends_with(", k12, k14 and 9992 more"), "{}", found.notes[0]);
}

#[test]
fn roles_that_lead_further_are_shown_and_of_others_it_is_said_that_it_is_not_known() {
    let roles = [
        ("iam.serviceAccountAdmin", "may act as service accounts"),
        ("iam.infrastructureAdmin", "may bind any role in every cluster"),
        ("iam.mlEngineer", "reads Secrets in every cluster"),
        ("securitycenter.admin", "may act as service accounts"),
        ("notebooks.legacyAdmin", "may come onto machines"),
        ("iam.workloadIdentityUser", "may act as service accounts"),
        ("iam.serviceAccountUser", "may run what it likes as service accounts"),
        ("iam.roleAdmin", "may change custom roles"),
        ("compute.admin", "may come onto machines"),
    ];
    let bindings: Vec<Value> = roles
        .iter()
        .map(|(role, _)| json!({"role": format!("roles/{role}"), "members": [format!("user:{role}@x")]}))
        .collect();
    let world = with(World::new(), iam(&json!({"bindings": bindings}).to_string()));
    assert_eq!(world.policy.outside.remarks, []);
    let found = all(&world);
    for (role, gives) in roles {
        let one = found.iter().find(|one| *one.identity.name == format!("{role}@x"));
        let one = one.unwrap_or_else(|| panic!("{role}: {found:#?}"));
        assert!(one.notes[0].starts_with(gives), "{role}: {:?}", one.notes);
    }
}

#[test]
fn times_that_are_none_are_said() {
    let account = |exp: Value| {
        let claims = json!({"iss": "k", "sub": "system:serviceaccount:pay:app", "exp": exp});
        all(&with(World::new(), holding(&token(&claims)))).remove(0)
    };
    let never = account(json!("never"));
    assert_eq!(never.expires, Expires::NotKnown("its exp is no number"));
    assert_eq!(
        never.standing,
        Standing::Refused("its exp is no number: no such token is taken".to_owned())
    );
    assert_eq!(account(json!(-1_000_000_000_000_000_000_i64)).standing, Standing::Expired);
    assert_eq!(account(Value::Null).expires, Expires::Never);
    let provider = |exp: Value| {
        let claims = json!({"iss": "https://idp.example", "sub": "a", "exp": exp});
        all(&with(World::new(), holding(&token(&claims)))).remove(0)
    };
    assert_eq!(provider(json!(-1_000_000_000_000_000_000_i64)).standing, Standing::Expired);
    assert_eq!(provider(json!("never")).standing, Standing::NotKnown("its exp is no number"));
    let far = provider(json!(1e17));
    assert_eq!(far.expires, Expires::At("9999-12-31T23:59:59Z".parse().unwrap()));
}

#[test]
fn what_a_user_merges_it_holds() {
    let secret = jwt(&json!({"iss": "k", "sub": "system:serviceaccount:pay:app"}));
    let outside = kubeconfig(&format!(
        "users:\n- name: a\n  user: &x {{token: {secret}}}\n- name: b\n  user: {{<<: *x, username: q}}\n"
    ));
    let users: Vec<&str> = outside.held.iter().map(|held| &*held.user).collect();
    assert_eq!(users, ["a", "b"]);
    let binary =
        format!("users:\n- name: b\n  user: {{token: !!binary {}}}\n", STANDARD.encode(secret));
    assert_eq!(kubeconfig(&binary).held.len(), 1);
    // kubectl takes none of such a file, and what is in it is in it.
    let odd = "users:\n- name: b\n  user: {token: abcdef.0123456789abcdef, ~: x, y: .nan}\n";
    assert_eq!(kubeconfig(odd).held.len(), 1);
}
