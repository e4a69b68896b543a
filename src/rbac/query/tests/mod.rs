use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::model::{
    ApiResource, Discovery, Health, Identity, ListKind, ListState, Name, Object, Scope, Snapshot,
};
use crate::rbac::Authorizer;

mod unknown;

fn resource(group: &str, name: &str, namespaced: bool, short: &[&str]) -> ApiResource {
    let singular = name.trim_end_matches('s');
    let mut kind = singular.to_owned();
    kind[..1].make_ascii_uppercase();
    ApiResource {
        group: group.into(),
        name: name.into(),
        singular: singular.into(),
        short_names: short.iter().map(|name| Name::from(*name)).collect(),
        kind: kind.into(),
        namespaced,
        verbs: ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"]
            .map(Name::from)
            .into(),
    }
}

/// The built-in table and some custom resources, as a server's own.
fn discovery() -> Discovery {
    let mut discovery = Discovery::clone(&builtin_discovery());
    discovery.builtin = false;
    discovery.resources.extend([
        resource("a.example.org", "widgets", true, &["wd"]),
        resource("b.example.org", "widgets", true, &[]),
        resource("metrics.k8s.io", "pods", true, &[]),
        resource("c.example.org", "cms", true, &[]),
        resource("c.example.org", "globals", false, &["po"]),
    ]);
    discovery
}

fn resolve(verb: &str, text: &str) -> Result<String, ResolveError> {
    let resolver = Resolver::new(Arc::new(discovery()));
    resolver.resolve(verb, text).map(|target| target.to_string())
}

#[test]
fn words_name_resources_as_in_kubectl() {
    for (text, expected) in [
        ("pods", "pods"),
        ("pod", "pods"),
        ("Pod", "pods"),
        ("PODS", "pods"),
        ("po", "pods"),
        ("cm", "configmaps"),
        ("cms", "cms.c.example.org"),
        ("deploy", "deployments.apps"),
        ("deployments.apps", "deployments.apps"),
        ("deployments.v1.apps", "deployments.apps"),
        ("deploy.app", "deployments.apps"),
        ("pods.metrics.k8s.io", "pods.metrics.k8s.io"),
        ("widgets.b.example.org", "widgets.b.example.org"),
        ("wd", "widgets.a.example.org"),
        ("events", "events"),
        ("events.", "events"),
        ("events.events.k8s.io", "events.events.k8s.io"),
        ("pods/exec", "pods/exec"),
        ("po/log", "pods/log"),
        ("deployment/scale", "deployments.apps/scale"),
        ("/healthz", "/healthz"),
        ("*", "*.*"),
        ("*.apps", "*.apps"),
        ("*/scale", "*.*/scale"),
    ] {
        assert_eq!(resolve("get", text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn two_resources_of_one_name_are_ambiguous_unless_one_is_core() {
    let Err(ResolveError::Ambiguous { candidates, .. }) = resolve("get", "widgets") else {
        panic!("ambiguous")
    };
    assert_eq!(candidates, ["widgets.a.example.org", "widgets.b.example.org"]);
    let resolver = Resolver::new(Arc::new(discovery()));
    let Ok(Target::Resource(target)) = resolver.resolve("get", "pods") else { panic!("pods") };
    assert_eq!(target.also, ["pods.metrics.k8s.io".into()]);
    for text in ["", "  ", "/sub", ".apps"] {
        let nothing = resolve("get", text);
        assert!(text == "/sub" || nothing == Err(ResolveError::Empty), "{text} {nothing:?}");
    }
}

fn served(verb: &str, text: &str) -> Served {
    let resolver = Resolver::new(Arc::new(discovery()));
    match resolver.resolve(verb, text) {
        Ok(Target::Resource(target)) => target.served,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_discovery_does_not_list_and_the_server_asks_about() {
    for (verb, text, expected) in [
        ("impersonate", "users", "users"),
        ("impersonate", "user", "users"),
        ("impersonate", "groups", "groups"),
        ("impersonate", "serviceaccounts", "serviceaccounts"),
        ("impersonate", "sa", "serviceaccounts"),
        ("impersonate", "uids", "uids.authentication.k8s.io"),
        ("impersonate", "userextras/scopes", "userextras.authentication.k8s.io/scopes"),
        ("impersonate:user-info", "users", "users.authentication.k8s.io"),
        ("impersonate:arbitrary-node", "nodes", "nodes.authentication.k8s.io"),
        ("approve", "signers", "signers.certificates.k8s.io"),
        ("sign", "signer", "signers.certificates.k8s.io"),
        ("bind", "clusterroles", "clusterroles.rbac.authorization.k8s.io"),
        ("escalate", "role", "roles.rbac.authorization.k8s.io"),
        ("use", "podsecuritypolicies", "podsecuritypolicies.policy"),
        ("get", "nodes/metrics", "nodes/metrics"),
        ("get", "no/stats", "nodes/stats"),
        ("update", "deployments/finalizers", "deployments.apps/finalizers"),
        ("create", "csr/nodeclient", "certificatesigningrequests.certificates.k8s.io/nodeclient"),
    ] {
        assert_eq!(resolve(verb, text).as_deref(), Ok(expected), "{verb} {text}");
        assert!(!matches!(served(verb, text), Served::No(_)), "{verb} {text}");
    }
    // Only for their own verbs.
    assert!(matches!(served("get", "users"), Served::No(_)));
    assert!(matches!(served("impersonate", "gizmos"), Served::No(_)));
    // A star asks for every verb, and nodes remain nodes.
    assert_eq!(resolve("*", "nodes").as_deref(), Ok("nodes"));
    assert_eq!(resolve("*", "users").as_deref(), Ok("users"));
}

fn snapshot(objects: &[Value]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for object in objects {
        let kind = object["kind"].as_str().expect("a kind");
        let read = Object::read("rbac.authorization.k8s.io/v1", kind, object);
        snapshot.objects.insert(read.expect("readable").expect("known"));
    }
    for list in ListKind::ALL {
        snapshot.lists.insert(list, ListState::new(Health::Complete));
    }
    snapshot
}

fn role(name: &str, rules: &Value) -> Value {
    json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules})
}

fn rule(verb: &str, group: &str, resource: &str, names: &[&str]) -> Value {
    json!({"verbs": [verb], "apiGroups": [group], "resources": [resource], "resourceNames": names})
}

fn bind(namespace: &str, role: &str, kind: &str, name: &str) -> Value {
    let binding = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    json!({"kind": binding, "metadata": {"name": format!("{role}-{name}"), "namespace": namespace},
        "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": [{"kind": kind, "name": name}]})
}

fn ask(snapshot: &Snapshot, asker: &Asker, verb: &str, text: &str, ns: &str, name: &str) -> Can {
    let target = Resolver::new(Arc::new(discovery())).resolve(verb, text).expect("resolves");
    let given = |text: &str| (!text.is_empty()).then(|| Name::from(text));
    let question = Question { verb: verb.into(), target, namespace: given(ns), name: given(name) };
    can(&Authorizer::new(&snapshot.objects), snapshot, asker, &question)
}

fn user(name: &str) -> Asker {
    Asker::new(Identity::user(name), [], true)
}

fn scopes(can: &Can) -> Vec<(Option<Name>, Option<Vec<Name>>)> {
    can.extents()
        .into_iter()
        .map(|extent| (extent.scope.namespace().cloned(), extent.names))
        .collect()
}

#[test]
fn one_namespace_is_authorised_inside_itself() {
    let world = snapshot(&[
        role(
            "r",
            &json!([
                rule("delete", "", "namespaces", &[]),
                rule("list", "", "namespaces", &[]),
                rule("watch", "", "namespaces", &[]),
                rule("create", "", "namespaces", &[])
            ]),
        ),
        bind("a", "r", "User", "u"),
        bind("", "r", "User", "all"),
        role("other", &json!([rule("delete", "", "namespaces", &["b"])])),
        bind("c", "other", "User", "u"),
        bind("", "other", "User", "wide"),
    ]);
    let u = user("u");
    assert!(ask(&world, &u, "delete", "namespaces", "", "a").allowed());
    assert!(ask(&world, &u, "delete", "ns", "a", "").allowed());
    assert!(!ask(&world, &u, "delete", "namespaces", "", "b").allowed());
    // Names another namespace than the one in which it would be asked.
    assert!(!ask(&world, &u, "delete", "namespaces", "", "c").allowed());
    let everywhere = ask(&world, &u, "delete", "namespaces", "", "");
    assert_eq!(scopes(&everywhere), [(Some("a".into()), Some(vec!["a".into()]))]);
    assert!(everywhere.notes.contains(&Note::OwnNamespace));
    for verb in ["list", "create", "deletecollection"] {
        assert!(!ask(&world, &u, verb, "namespaces", "a", "").allowed(), "{verb}");
        assert!(!ask(&world, &u, verb, "namespaces", "", "").allowed(), "{verb}");
    }
    // A watch is asked inside it only where it goes by the path of one Namespace.
    let watch = ask(&world, &u, "watch", "namespaces", "", "a");
    assert_eq!(scopes(&watch), [(Some("a".into()), None)]);
    assert_eq!(watch.ways[0].condition, Some(Condition::WatchPath));
    assert!(!ask(&world, &u, "watch", "namespaces", "", "b").allowed());
    let all = ask(&world, &user("all"), "watch", "namespaces", "", "");
    assert_eq!((scopes(&all), all.ways[0].condition), (vec![(None, None)], None));
    let wide = user("wide");
    assert!(ask(&world, &wide, "delete", "namespaces", "", "b").allowed());
    assert!(!ask(&world, &wide, "delete", "namespaces", "", "a").allowed());
}

#[test]
fn names_bind_by_how_a_request_comes_by_one() {
    let verbs = ["get", "list", "watch", "create", "update", "deletecollection"];
    let rules: Value = verbs.iter().map(|verb| rule(verb, "", "configmaps", &["x", "y"])).collect();
    let exec = json!([rule("create", "", "pods/exec", &["p"])]);
    let world = snapshot(&[
        role("named", &rules),
        bind("a", "named", "User", "u"),
        role("exec", &exec),
        bind("a", "exec", "User", "u"),
    ]);
    let u = user("u");
    let way = |verb: &str, text: &str, name: &str| {
        let can = ask(&world, &u, verb, text, "a", name);
        can.ways.first().map(|way| (way.names.clone(), way.condition))
    };
    let both = Some(vec![Name::from("x"), "y".into()]);
    assert_eq!(way("get", "cm", ""), Some((both.clone(), None)));
    assert_eq!(way("get", "cm", "x"), Some((Some(vec!["x".into()]), None)));
    assert_eq!(way("get", "cm", "z"), None);
    assert_eq!(way("list", "cm", ""), Some((both.clone(), Some(Condition::NameSelector))));
    assert_eq!(way("watch", "cm", "x").and_then(|way| way.1), Some(Condition::NameSelector));
    assert_eq!(way("create", "cm", ""), Some((both, Some(Condition::Apply))));
    assert_eq!(way("deletecollection", "cm", ""), None);
    assert_eq!(way("deletecollection", "cm", "x"), None);
    assert_eq!(way("create", "pods/exec", "p"), Some((Some(vec!["p".into()]), None)));
    assert_eq!(way("create", "pods/exec", "q"), None);
    let ignored = ask(&world, &u, "deletecollection", "cm", "a", "x");
    assert!(ignored.notes.contains(&Note::NoName { verb: "deletecollection".into() }));
}

#[test]
fn the_empty_name_is_that_of_requests_without_one() {
    // As the API server answers: a plain create, list, deletecollection and `escalate` behind a plain
    // create are asked about under no name, everything else under one.
    let bare = |verbs: &[&str], names: &[&str]| -> Value {
        verbs.iter().map(|verb| rule(verb, "", "configmaps", names)).collect()
    };
    let verbs = ["get", "list", "watch", "create", "update", "delete", "deletecollection"];
    let world = snapshot(&[
        role("bare", &bare(&verbs, &[""])),
        bind("a", "bare", "User", "u"),
        role("both", &bare(&verbs, &["", "x"])),
        bind("a", "both", "User", "v"),
        role(
            "roles",
            &json!([
                rule("escalate", "rbac.authorization.k8s.io", "roles", &[""]),
                rule("bind", "rbac.authorization.k8s.io", "clusterroles", &[""]),
                rule("create", "", "pods/exec", &[""]),
                rule("delete", "", "namespaces", &[""]),
                rule("create", "", "namespaces", &[""])
            ]),
        ),
        bind("", "roles", "User", "w"),
    ]);
    let ways = |who: &str, verb: &str, text: &str, name: &str| -> Vec<_> {
        let ways = ask(&world, &user(who), verb, text, "a", name).ways;
        ways.into_iter().map(|way| (way.names, way.condition)).collect()
    };
    let x = || Some(vec![Name::from("x")]);
    for name in ["", "x"] {
        assert_eq!(ways("u", "get", "cm", name), []);
        assert_eq!(ways("u", "update", "cm", name), []);
        assert_eq!(ways("u", "delete", "cm", name), []);
        assert_eq!(ways("u", "list", "cm", name), [(None, Some(Condition::NoSelector))]);
        assert_eq!(ways("u", "watch", "cm", name), [(None, Some(Condition::NoSelector))]);
        assert_eq!(ways("u", "create", "cm", name), [(None, Some(Condition::PlainCreate))]);
        assert_eq!(ways("u", "deletecollection", "cm", name), [(None, None)]);
        assert_eq!(ways("w", "bind", "clusterroles", name), []);
        assert_eq!(ways("w", "create", "pods/exec", name), []);
        assert_eq!(ways("w", "escalate", "roles", name), [(None, Some(Condition::NewRole))]);
        assert_eq!(ways("w", "delete", "namespaces", name), []);
    }
    let plain = Some(Condition::PlainCreate);
    let created = ask(&world, &user("w"), "create", "namespaces", "", "").ways;
    assert_eq!((&created[0].names, created[0].condition), (&None, plain));
    // With a name and without one.
    assert_eq!(ways("v", "get", "cm", ""), [(x(), None)]);
    assert_eq!(ways("v", "list", "cm", "x"), [(x(), None)]);
    assert_eq!(ways("v", "create", "cm", "x"), [(x(), None)]);
    assert_eq!(ways("v", "create", "cm", "y"), [(None, plain)]);
    // An apply of x needs patch or update of it too, which is there.
    assert_eq!(ways("v", "create", "cm", ""), [(None, plain), (x(), Some(Condition::Apply))]);
    let all = ask(&world, &user("v"), "list", "cm", "", "").extents();
    assert_eq!((&all[0].names, all[0].condition), (&None, Some(Condition::NoSelector)));
}

#[test]
fn creating_by_name_needs_the_right_to_patch_or_update_it_too() {
    let create = json!([rule("create", "", "configmaps", &["x", "y", "z"])]);
    let world = snapshot(&[
        role("create", &create),
        role("patch", &json!([rule("patch", "", "configmaps", &["x"])])),
        role("update", &json!([rule("update", "", "configmaps", &["y"])])),
        role("both", &json!([rule("patch", "", "configmaps", &[])])),
        // Of no use: a plain create carries no name.
        bind("a", "create", "User", "alone"),
        // One cluster-wide and by a group, one elsewhere.
        bind("a", "create", "User", "u"),
        bind("", "patch", "Group", "devs"),
        bind("a", "update", "User", "u"),
        bind("b", "both", "User", "u"),
        // The create cluster-wide, the rest where it is held.
        bind("", "create", "User", "wide"),
        bind("", "patch", "User", "wide"),
        bind("a", "both", "User", "wide"),
        bind("b", "update", "User", "wide"),
    ]);
    let names = |names: &[&str]| Some(names.iter().map(|name| Name::from(*name)).collect());
    let at = |ns: &str| Some(Name::from(ns));
    let alone = user("alone");
    assert_eq!(scopes(&ask(&world, &alone, "create", "cm", "", "")), []);
    assert!(!ask(&world, &alone, "create", "cm", "a", "x").allowed());
    let u = Asker::new(Identity::user("u"), ["devs".into()], true);
    assert_eq!(scopes(&ask(&world, &u, "create", "cm", "", "")), [(at("a"), names(&["x", "y"]))]);
    assert!(!ask(&world, &u, "create", "cm", "a", "z").allowed());
    let wide = user("wide");
    let found = ask(&world, &wide, "create", "cm", "", "");
    assert_eq!(
        scopes(&found),
        [(None, names(&["x"])), (at("a"), names(&["y", "z"])), (at("b"), names(&["y"]))]
    );
    let roster = Roster::new([alone, u, wide.clone()]);
    let target = Resolver::new(Arc::new(discovery())).resolve("create", "cm").expect("resolves");
    let question = Question { verb: "create".into(), target, namespace: None, name: None };
    let who = who_can(&Authorizer::new(&world.objects), &world, &roster, &question);
    let holders: Vec<_> = who.holders.iter().map(|one| one.asker.identity.to_string()).collect();
    assert_eq!(holders, ["user:u", "user:wide"]);
    assert_eq!(who.holders[1].ways, found.ways);
}

#[test]
fn a_rule_without_names_lifts_the_bounds_of_others() {
    let world = snapshot(&[
        role(
            "r",
            &json!([
                rule("get", "", "secrets", &["a"]),
                rule("get", "", "secrets", &[]),
                rule("get", "", "secrets", &["b"])
            ]),
        ),
        bind("", "r", "User", "u"),
        role(
            "named",
            &json!([rule("get", "", "secrets", &["a"]), rule("get", "", "secrets", &["b"])]),
        ),
        bind("", "named", "User", "v"),
    ]);
    assert_eq!(scopes(&ask(&world, &user("u"), "get", "secrets", "", "")), [(None, None)]);
    let both = vec![Name::from("a"), "b".into()];
    let v = ask(&world, &user("v"), "get", "secrets", "", "");
    assert_eq!(scopes(&v), [(None, Some(both))]);
    let Via::Grant { rules, .. } = &v.ways[0].via else { panic!("a grant") };
    assert_eq!(rules, &[0, 1]);
}

#[test]
fn signers_are_asked_for_by_domain_too() {
    let world = snapshot(&[
        role("r", &json!([rule("approve", "certificates.k8s.io", "signers", &["example.com/*"])])),
        bind("", "r", "User", "u"),
    ]);
    assert!(ask(&world, &user("u"), "approve", "signers", "", "example.com/client").allowed());
    assert!(!ask(&world, &user("u"), "approve", "signers", "", "example.org/client").allowed());
}

#[test]
fn binding_cluster_roles_in_a_namespace_counts_and_impersonating_users_there_does_not() {
    let world = snapshot(&[
        role(
            "r",
            &json!([
                rule("bind", "rbac.authorization.k8s.io", "clusterroles", &[]),
                rule("impersonate", "", "users", &[]),
                rule("impersonate", "", "serviceaccounts", &[])
            ]),
        ),
        bind("a", "r", "User", "u"),
    ]);
    let u = user("u");
    assert!(ask(&world, &u, "bind", "clusterroles", "a", "").allowed());
    assert!(ask(&world, &u, "impersonate", "sa", "a", "bot").allowed());
    assert!(!ask(&world, &u, "impersonate", "sa", "b", "bot").allowed());
    let users = ask(&world, &u, "impersonate", "users", "a", "jane");
    assert!(!users.allowed());
    assert!(users.notes.iter().any(|note| matches!(note, Note::NoNamespace { .. })));
}

#[test]
fn masters_may_do_everything_that_can_be_done() {
    let world = snapshot(&[]);
    let boss = Asker::new(Identity::user("boss"), ["system:masters".into()], true);
    for (verb, text) in [("get", "pods"), ("get", "/anything"), ("impersonate", "users")] {
        let can = ask(&world, &boss, verb, text, "", "");
        assert_eq!(
            can.ways,
            [Way { scope: Scope::Cluster, names: None, condition: None, via: Via::Masters }]
        );
    }
    assert!(!ask(&world, &boss, "get", "gizmos", "", "").allowed(), "what is not served is not");
}

#[test]
fn an_answer_is_incomplete_only_by_lists_that_it_reads() {
    let mut world = snapshot(&[]);
    let mut partial = ListState::new(Health::Partial);
    partial.namespaces = vec!["a".into()];
    world.lists.insert(ListKind::RoleBindings, partial);
    world.lists.insert(ListKind::Roles, ListState::because(Health::Forbidden, "403"));
    let missing = |text: &str, ns: &str| -> Vec<ListKind> {
        ask(&world, &user("u"), "get", text, ns, "").missing.iter().map(|one| one.list).collect()
    };
    assert_eq!(missing("nodes", ""), []);
    assert_eq!(missing("nodes", "a"), []);
    assert_eq!(missing("/healthz", ""), []);
    assert_eq!(missing("pods", "a"), [ListKind::Roles]);
    assert_eq!(missing("pods", "b"), [ListKind::Roles, ListKind::RoleBindings]);
    assert_eq!(missing("pods", ""), [ListKind::Roles, ListKind::RoleBindings]);
    assert_eq!(missing("gizmos", ""), [], "nobody can, whatever the lists say");
}

#[test]
fn who_can_reads_accounts_only_where_a_group_of_accounts_can() {
    let mut world = snapshot(&[
        role("r", &json!([rule("get", "", "pods", &[])])),
        bind("", "r", "Group", "system:serviceaccounts:a"),
        role("s", &json!([rule("get", "", "secrets", &[])])),
        bind("", "s", "Group", "ops"),
    ]);
    let mut partial = ListState::new(Health::Partial);
    partial.namespaces = vec!["a".into()];
    for (state, expected) in
        [(partial, vec![]), (ListState::new(Health::NotGiven), vec![ListKind::ServiceAccounts])]
    {
        world.lists.insert(ListKind::ServiceAccounts, state);
        let missing = |text: &str| -> Vec<ListKind> {
            let target = Resolver::new(builtin_discovery()).resolve("get", text).expect("resolves");
            let question = Question { verb: "get".into(), target, namespace: None, name: None };
            let roster = Roster::of(&world, &crate::model::GroupMap::new());
            let authorizer = Authorizer::new(&world.objects);
            let found = who_can(&authorizer, &world, &roster, &question);
            found.missing.iter().map(|one| one.list).collect()
        };
        assert_eq!(missing("pods"), expected);
        assert_eq!(missing("secrets"), []);
    }
}

#[test]
fn verbs_that_nothing_asks_about_or_offers_are_remarked() {
    let world = snapshot(&[]);
    let notes = |verb: &str, text: &str| ask(&world, &user("u"), verb, text, "", "").notes;
    assert!(notes("frobnicate", "pods").contains(&Note::UnknownVerb { verb: "frobnicate".into() }));
    assert!(matches!(notes("list", "deploy/scale")[..], [Note::VerbNotOffered { .. }]));
    assert!(matches!(notes("get", "pods")[..], [Note::Also(_)]));
    assert!(notes("escalate", "roles").is_empty());
    assert_eq!(
        ask(&world, &Asker::bare(Identity::user("u")), "get", "nodes", "", "").notes,
        [Note::GroupsUnknown]
    );
}
