//! Whom one can act as, and what that adds to what one may do, whatever the tiers say.

use std::slice;

use super::*;

const COORDINATION: &str = "coordination.k8s.io";

fn mint() -> Value {
    rule(&["create"], "", &["serviceaccounts/token"])
}

/// Namespaces `n` and `prod`; in `n` accounts `att`, which may have tokens made there, `backup` and
/// `idle`.
fn team() -> World {
    let mut world = World::new();
    world.snapshot.discovery = crate::rbac::query::builtin_discovery();
    for ns in ["n", "prod"] {
        world = world.object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata":
            {"name": ns, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}));
    }
    for name in ["att", "backup", "idle"] {
        world = world.account("n", name);
    }
    world.role("n", "mint", &json!([mint()])).bind(Some("n"), "mint", "Role/mint", "sa:n/att")
}

#[expect(clippy::needless_pass_by_value)] // So that cases read as they are.
/// That account also holds these rules; cluster-wide, where no namespace is given.
fn also(world: World, who: &str, ns: Option<&str>, rules: Value) -> World {
    let name = format!("{}-{}", who, ns.unwrap_or("all"));
    let whom = format!("sa:n/{who}");
    if let Some(ns) = ns {
        let role = format!("Role/{name}");
        world.role(ns, &name, &rules).bind(Some(ns), &name, &role, &whom)
    } else {
        let role = format!("ClusterRole/{name}");
        world.cluster_role(&name, &rules).bind(None, &name, &role, &whom)
    }
}

fn whole(world: &World, who: &str) -> (Reached, Acts) {
    let book = world.book();
    let identity: Identity = who.parse().unwrap();
    Reach::new(&book).whole(book.find(&identity).unwrap())
}

fn att(world: &World) -> (Reached, Acts) {
    whole(world, "sa:n/att")
}

/// Whom it can act as, with what that adds.
fn all(acts: &Acts) -> Vec<(String, Option<String>)> {
    let of = |act: &Act| {
        let end = act.path.end().unwrap().to_string();
        (end, act.path.adds.as_ref().map(Added::words))
    };
    acts.all.iter().map(of).collect()
}

fn count(others: usize, adding: usize) -> Count {
    Count { others, adding, ..Count::default() }
}

fn pair(who: &str, adds: Option<&str>) -> (String, Option<String>) {
    (who.to_owned(), adds.map(str::to_owned))
}

fn secrets() -> Value {
    json!([rule(&["get", "list"], "", &["secrets"])])
}

#[test]
fn a_harmless_right_cluster_wide_hides_nobody() {
    let world = also(team(), "backup", None, secrets());
    let (plain, _) = att(&world);
    assert_eq!((plain.own, plain.tier), (Tier::NamespaceWrite, Tier::ReadsSecrets));
    assert_eq!((plain.becomes(), plain.beside), (Some(Tier::ReadsSecrets), None));
    // Stronger by its tier than who reads every Secret, and nothing of the kind.
    let world = also(world, "att", None, json!([rule(&["create"], COORDINATION, &["leases"])]));
    let (found, acts) = att(&world);
    assert_eq!((found.own, found.tier), (Tier::ClusterWrite, Tier::ClusterWrite));
    assert!(!found.is_higher() && found.is_more() && found.paths.is_empty());
    assert_eq!(found.becomes(), Some(Tier::ReadsSecrets));
    let way = found.way().unwrap();
    assert_eq!(way.end(), Some(&Gain::Identity(Identity::service_account("n", "backup"))));
    assert_eq!(way.hops.iter().map(|hop| hop.step).collect::<Vec<_>>(), [Step::MintToken]);
    assert_eq!(acts.count, count(2, 1));
    let adds = "get,list secrets cluster-wide";
    assert_eq!(all(&acts), [pair("sa:n/backup", Some(adds)), pair("sa:n/idle", None)]);
    // Either grant closes it.
    let book = world.book();
    let reach = Reach::new(&book);
    let entry = book.find(&Identity::service_account("n", "att")).unwrap();
    let name = |id: GrantId| book.grant(id).unwrap().key.binding.to_string();
    let kept = reach.cuts_of(entry, [way]);
    let left: Vec<_> =
        kept.iter().map(|kept| (name(kept.grant), kept.cuts(way), kept.closes())).collect();
    assert_eq!(left, [("mint".to_owned(), true, true), ("backup-all".to_owned(), true, true)]);
    assert_eq!(kept[0].count, count(0, 0));
    assert_eq!(kept[1].count, count(2, 0));
    let cut = "take sa:n/att out of RoleBinding n/mint";
    assert_eq!(way.hops[0].cut(way, &kept), cut);
}

#[test]
fn who_is_as_strong_elsewhere_adds_to_it() {
    let admin = || json!([rule(&["*"], "", &["*"])]);
    let world = also(also(team(), "att", Some("n"), admin()), "backup", Some("prod"), admin());
    let (found, acts) = att(&world);
    assert_eq!((found.own, found.tier), (Tier::ReadsSecrets, Tier::ReadsSecrets));
    assert_eq!(found.becomes(), Some(Tier::ReadsSecrets));
    assert_eq!(all(&acts)[0], pair("sa:n/backup", Some("* * in prod")));
    // Of one Secret by name, all Secrets.
    let one = json!([named(rule(&["get"], "", &["secrets"]), &["mine"])]);
    let world = also(also(team(), "att", None, one), "backup", None, secrets());
    let (found, acts) = att(&world);
    assert_eq!((found.own, found.tier), (Tier::ReadsSecrets, Tier::ReadsSecrets));
    assert_eq!(acts.count, count(2, 1));
    assert!(found.is_more());
}

#[test]
fn accounts_within_ones_own_rights_add_nothing() {
    let own = json!([rule(&["*"], "", &["*"]), rule(&["get"], "apps", &["deployments"])]);
    let less = json!([
        rule(&["get", "list"], "", &["secrets", "pods/log"]),
        named(rule(&["get"], "apps", &["deployments"]), &["web"]),
    ]);
    let world = also(also(team(), "att", Some("n"), own.clone()), "backup", Some("n"), less);
    let (found, acts) = att(&world);
    assert!(!found.is_more() && found.beside.is_none());
    assert_eq!(acts.count, count(2, 0));
    assert!(acts.count.adds_nothing());
    assert_eq!(all(&acts), [pair("sa:n/backup", None), pair("sa:n/idle", None)]);
    // What every client may do is no news, nor is what no request asks for there.
    let nothing = json!([
        {"verbs": ["get"], "nonResourceURLs": ["/openid/v1/jwks", "/healthz"]},
        rule(&["get"], "certificates.k8s.io", &["clustertrustbundles"]),
        rule(&["create"], "authentication.k8s.io", &["selfsubjectreviews"]),
    ]);
    let world = also(also(team(), "att", Some("n"), own), "backup", None, nothing);
    let nodes = json!([rule(&["get"], "", &["nodes", "pods/*", "users"])]);
    let world = also(world, "backup", Some("prod"), nodes);
    assert_eq!(att(&world).1.count, count(2, 0));
}

#[test]
fn what_is_read_more_is_listed_and_is_no_news() {
    let own = json!([rule(&["create"], "", &["configmaps"])]);
    let reads = json!([rule(&["get"], "", &["nodes"])]);
    let world = also(also(team(), "att", Some("n"), own.clone()), "backup", None, reads);
    let (found, acts) = att(&world);
    assert!(!found.is_more() && found.beside.is_some());
    assert_eq!(acts.count, count(2, 1));
    // Other things are written where one may write already; elsewhere that is news.
    let writes = || json!([rule(&["create"], "", &["services"])]);
    let here = also(also(team(), "att", Some("n"), own.clone()), "backup", Some("n"), writes());
    let (found, acts) = att(&here);
    assert_eq!((found.is_more(), acts.count), (false, count(2, 1)));
    let there = also(also(team(), "att", Some("n"), own), "backup", Some("prod"), writes());
    let (found, acts) = att(&there);
    assert_eq!((found.is_more(), acts.count), (true, count(2, 1)));
    assert_eq!(found.becomes(), Some(Tier::NamespaceWrite));
}

#[test]
fn everybody_is_counted_where_everything_can_be_done() {
    let all = json!([rule(&["*"], "*", &["*"])]);
    let world = also(team(), "backup", None, all).account("prod", "app");
    let (found, acts) = att(&world);
    assert_eq!(found.tier, Tier::ClusterAdmin);
    // backup, idle and prod/app; all but those who may do nothing add something.
    let expected = Count { everybody: true, ..count(3, 1) };
    assert_eq!((acts.count, acts.all.len()), (expected, 0));
    assert!(!acts.count.adds_nothing());
    // By a model it is everybody too, and the others are told.
    let mut open = also(team(), "att", Some("n"), json!([rule(&["create"], "", &["pods"])]));
    open = open.namespace("n");
    let (_, acts) = att(&open);
    assert_eq!(acts.count.others, 2);
}

#[test]
fn roles_that_one_can_get_are_told_apart_from_others() {
    let bind = json!([
        rule(&["create"], RBAC, &["rolebindings"]),
        named(rule(&["bind"], RBAC, &["clusterroles"]), &["reader"]),
    ]);
    let world = also(team(), "att", Some("prod"), bind).cluster_role("reader", &secrets());
    let (found, acts) = att(&world);
    assert_eq!(found.tier, Tier::ReadsSecrets);
    assert_eq!(acts.count, Count { roles: 1, roles_adding: 1, ..count(2, 0) });
    let role = pair("ClusterRole reader in prod", Some("get,list secrets in prod"));
    assert_eq!(all(&acts)[0], role);
}

#[test]
fn whom_one_impersonates_does_not_impersonate_for_one() {
    let pose = |name: &str| json!([named(rule(&["impersonate"], "", &["users"]), &[name])]);
    let world = also(team(), "att", None, pose("amy"))
        .cluster_role("amy", &json!([rule(&["impersonate"], "", &["users"])]))
        .bind(None, "amy", "ClusterRole/amy", "user:amy")
        .cluster_role("ben", &secrets())
        .bind(None, "ben", "ClusterRole/ben", "user:ben");
    let (found, acts) = att(&world);
    assert!(!found.is_more());
    assert_eq!(acts.count, count(3, 0));
    // As an account with a token of its own it would.
    let world = also(world, "backup", None, pose("ben"));
    let (_, acts) = att(&world);
    assert_eq!(acts.count, count(4, 2));
    let named: Vec<String> = all(&acts).into_iter().map(|(who, _)| who).collect();
    // To impersonate is to write, as it may itself already; to read Secrets is worth more than that.
    assert_eq!(named, ["user:ben", "sa:n/backup", "user:amy", "sa:n/idle"]);
    assert_eq!(acts.all[0].path.hops.len(), 2);
}

#[test]
fn one_and_the_same_is_counted_once() {
    // A token of it, and its name.
    let pose = json!([named(rule(&["impersonate"], "", &["serviceaccounts"]), &["backup"])]);
    let world = also(also(team(), "att", Some("n"), pose), "backup", None, secrets());
    let (_, acts) = att(&world);
    assert_eq!(acts.count, count(2, 1));
    assert_eq!(acts.all[0].path.hops[0].step, Step::MintToken);
}

/// What the account `backup` adds to `att`, with these rules of both in a namespace.
fn added_by(ns: &str, own: &Value, rules: &[Value]) -> Option<String> {
    let mut world = also(team(), "att", Some(ns), own.clone());
    for (at, rules) in rules.iter().enumerate() {
        let name = format!("backup-{at}");
        let role = format!("Role/{name}");
        world = world.role(ns, &name, rules).bind(Some(ns), &name, &role, "sa:n/backup");
    }
    let (_, acts) = att(&world);
    let all = all(&acts);
    all.into_iter().find(|(who, _)| who == "sa:n/backup").and_then(|(_, adds)| adds)
}

#[test]
fn what_no_request_asks_for_adds_nothing() {
    let on = |verbs: &[&str], resource: &str, names: &[&str]| {
        let rule = rule(verbs, "", &[resource]);
        json!([if names.is_empty() { rule } else { named(rule, names) }])
    };
    let nothing = on(&["get"], "events", &[]);
    let adds = |rules: &[Value]| added_by("n", &nothing, rules);
    // Names where requests carry none, and none where they carry one.
    assert_eq!(adds(&[on(&["get", "update"], "configmaps", &[""])]), None);
    assert_eq!(adds(&[on(&["create"], "pods/exec", &[""])]), None);
    assert_eq!(adds(&[on(&["deletecollection"], "configmaps", &["a"])]), None);
    assert_eq!(adds(&[on(&["impersonate-on:user-info:*"], "configmaps", &[])]), None);
    assert_eq!(adds(&[on(&["create"], "configmaps/*", &[])]), None);
    let shown = adds(&[on(&["get", "list"], "configmaps", &["", "a"])]);
    assert_eq!(shown.as_deref(), Some("get,list configmaps a in n; list configmaps \"\" in n"));
    // What is made under a name takes the right to write it there.
    let (create, patch) =
        (on(&["create"], "configmaps", &["a"]), on(&["patch"], "configmaps", &["a"]));
    assert_eq!(adds(slice::from_ref(&create)), None);
    assert_eq!(
        adds(&[create.clone(), on(&["patch"], "configmaps", &["b"])]),
        Some("patch configmaps b in n".into())
    );
    assert_eq!(
        adds(&[create.clone(), on(&["update"], "configmaps", &["a"])]),
        Some("update configmaps a in n".into())
    );
    let both = "create,patch configmaps a in n";
    assert_eq!(adds(&[create.clone(), patch.clone()]).as_deref(), Some(both));
    assert_eq!(adds(&[on(&["create", "patch"], "configmaps", &["a"])]).as_deref(), Some(both));
    let had = added_by("n", &patch, slice::from_ref(&create));
    assert_eq!(had, None, "in its own name only");
    let had = added_by("n", &patch, &[create, patch.clone()]);
    assert_eq!(had.as_deref(), Some("create configmaps a in n"));
    let exec = adds(&[on(&["create"], "pods/exec", &["a"])]);
    assert_eq!(exec.as_deref(), Some("create pods/exec a in n"));
    // A namespace is asked about inside itself, and is the only one there.
    assert_eq!(adds(&[on(&["get", "delete"], "namespaces", &["prod"])]), None);
    let own = adds(&[on(&["get", "delete"], "namespaces", &["n"])]);
    assert_eq!(own.as_deref(), Some("delete,get namespaces n in n"));
    let elsewhere = added_by("prod", &nothing, &[on(&["delete"], "namespaces", &["prod"])]);
    assert_eq!(elsewhere.as_deref(), Some("delete namespaces prod in prod"));
    let same = added_by(
        "n",
        &on(&["delete"], "namespaces", &["n"]),
        &[on(&["delete"], "namespaces", &[])],
    );
    assert_eq!(same, None);
}

/// Who writes cluster-wide itself gains nothing worth telling by another who writes other things there:
/// networks' and load balancers' controllers are made so.
#[test]
fn other_things_to_write_are_worth_nothing_where_one_writes_already() {
    let leases = || json!([rule(&["create"], COORDINATION, &["leases"])]);
    let other = || json!([rule(&["create", "update"], "crd.example.org", &["blocks"])]);
    let worth = |world: &World| att(world).0.is_more();
    let with =
        |own: Option<&str>| also(also(team(), "backup", None, other()), "att", own, leases());
    assert!(!worth(&with(None)));
    // In a namespace only it is less.
    assert!(worth(&with(Some("n"))));
    // What reads Secrets is worth it all the same.
    assert!(worth(&also(with(None), "idle", None, secrets())));
}
