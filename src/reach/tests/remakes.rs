//! What is deleted and made again under its name: worlds in which it leads to cluster-admin, and
//! twins that differ in one thing only and in which nothing does.

use super::twins::{APP, leads, never};
use super::*;

const ALL: &[&str] = &["*"];

fn on(verbs: &[&str], resource: &str, names: &[&str]) -> Value {
    named(rule(verbs, RBAC, &[resource]), names)
}

fn bind(role: &str) -> Value {
    on(&["bind"], "clusterroles", &[role])
}

/// The company with a binding that gives somebody else what leads nowhere.
fn with(ns: Option<&str>) -> World {
    company().cluster_role("look", &json!([rule(&["get"], "", &["pods"])])).bind(
        ns,
        "kept",
        "ClusterRole/look",
        "user:other",
    )
}

#[test]
fn a_binding_is_made_again_for_another_role() {
    let crb = "clusterrolebindings";
    let kept = |verbs: &[&str]| on(verbs, crb, &["kept"]);
    let one = [Step::Bind];
    leads(with(None), None, json!([kept(ALL), bind("cluster-admin")]), &one);
    let apply = ["create", "patch", "delete"];
    leads(with(None), None, json!([kept(&apply), bind("cluster-admin")]), &one);
    let put = ["create", "update", "delete"];
    leads(with(None), None, json!([kept(&put), bind("cluster-admin")]), &one);
    // Any of them may be deleted.
    let any = |verb| rule(&[verb], RBAC, &[crb]);
    let makes = || kept(&["create", "patch"]);
    leads(with(None), None, json!([makes(), any("delete"), bind("cluster-admin")]), &one);
    leads(with(None), None, json!([makes(), any("deletecollection"), bind("cluster-admin")]), &one);
    // Whoever changes it has the garbage collector delete it.
    leads(with(None), None, json!([makes(), bind("cluster-admin")]), &one);
    leads(with(None), None, json!([kept(&["create", "update"]), bind("cluster-admin")]), &one);
    never(with(None), None, json!([kept(&["create", "deletecollection"]), bind("cluster-admin")]));
    never(with(None), None, json!([kept(&["create", "delete"]), bind("cluster-admin")]));
    never(with(None), None, json!([kept(&["patch", "delete"]), bind("cluster-admin")]));
    never(with(None), None, json!([kept(ALL), bind("look")]));
    never(with(None), None, json!([kept(ALL)]));
    // In a namespace.
    let kept = |verbs: &[&str]| on(verbs, "rolebindings", &["kept"]);
    let inside = [Step::Bind, Step::Impersonate];
    leads(with(APP), APP, json!([kept(ALL), bind("cluster-admin")]), &inside);
    leads(with(APP), None, json!([kept(ALL), bind("cluster-admin")]), &inside);
    leads(with(APP), APP, json!([kept(&["create", "patch"]), bind("cluster-admin")]), &inside);
    never(with(APP), APP, json!([kept(&["create", "delete"]), bind("cluster-admin")]));
    never(with(APP), Some("quiet"), json!([kept(&["create", "patch"]), bind("look")]));
    // A role of its own, and one that is changed.
    let own = json!([kept(ALL), rule(&["create", "escalate", "bind"], RBAC, &["roles"])]);
    leads(with(APP), APP, own, &[Step::BindOwnRole, Step::Impersonate]);
    let mine = on(&["create", "patch", "escalate"], "roles", &["new"]);
    let steps = [Step::BindAndEscalate, Step::Impersonate];
    leads(with(APP), APP, json!([kept(ALL), mine.clone()]), &steps);
    leads(with(APP), APP, json!([kept(&["create", "patch"]), mine.clone()]), &steps);
    never(with(APP), APP, json!([kept(&["create", "delete"]), mine]));
}

#[test]
fn what_gives_the_rights_is_not_deleted_for_it() {
    // The rights are given by the binding that has the name.
    let crb = "clusterrolebindings";
    let itself = |verbs: &[&str]| on(verbs, crb, &["jane"]);
    never(company(), None, json!([itself(ALL), bind("cluster-admin")]));
    // Each of them has to be there still when it is used.
    let apart = |one: Value, other: Value| {
        company()
            .cluster_role("other", &json!([other]))
            .bind(None, "kept", "ClusterRole/other", "user:jane")
            .cluster_role("jane", &json!([one]))
            .bind(None, "jane", "ClusterRole/jane", "user:jane")
    };
    let kept = |verbs: &[&str]| on(verbs, crb, &["kept"]);
    assert_eq!(steps(&apart(kept(ALL), bind("cluster-admin"))), None);
    // What only lets it be deleted is not needed any more then.
    let makes = json!([kept(&["create", "patch"]), bind("cluster-admin")]);
    let own = |by: Value| {
        company()
            .cluster_role("other", &json!([by]))
            .bind(None, "kept", "ClusterRole/other", "user:jane")
            .cluster_role("jane", &makes)
            .bind(None, "jane", "ClusterRole/jane", "user:jane")
    };
    assert_eq!(steps(&own(kept(&["delete"]))), Some(vec![Step::Bind]));
    let any = rule(&["deletecollection"], RBAC, &[crb]);
    assert_eq!(steps(&own(any)), Some(vec![Step::Bind]));
    // So does she who makes it again.
    assert_eq!(steps(&own(on(&["delete"], crb, &["x"]))), Some(vec![Step::Bind]));
    // The same of a role.
    let role = || on(&["delete"], "roles", &["held"]);
    let held = |by: Value| {
        company().role("app", "held", &json!([by])).bind(APP, "held", "Role/held", "user:jane")
    };
    let again = || rule(&["create", "escalate"], RBAC, &["roles"]);
    let one = [Step::Escalate, Step::Impersonate];
    leads(held(role()), APP, json!([again()]), &one);
    never(held(on(&["delete"], "roles", &["x"])), APP, json!([again()]));
    never(held(again()), APP, json!([role()]));
    assert_eq!(steps(&apart(bind("cluster-admin"), kept(ALL))), None);
    // What was had before by it is there still: here the one who acts then.
    let mint = |name| named(rule(&["create"], "", &["serviceaccounts/token"]), &[name]);
    let by = || {
        company()
            .cluster_role("minter", &json!([mint("weak")]))
            .bind(APP, "kept", "ClusterRole/minter", "user:jane")
            .cluster_role(
                "all",
                &json!([on(ALL, "rolebindings", &["kept"]), bind("cluster-admin")]),
            )
            .bind(APP, "all", "ClusterRole/all", "sa:app/weak")
    };
    let found = steps(&by());
    assert_eq!(found, Some(vec![Step::MintToken, Step::Bind, Step::Impersonate]));
    // Who is impersonated by it is not.
    let act = named(rule(&["impersonate"], "", &["serviceaccounts"]), &["weak"]);
    let by = |act: &Value| by().cluster_role("minter", &json!([act]));
    assert_eq!(steps(&by(&act)), None);
}

#[test]
fn one_deletes_what_another_makes() {
    let mint = || named(rule(&["create"], "", &["serviceaccounts/token"]), &["weak"]);
    let makes = || rule(&["create", "escalate"], RBAC, &["clusterroles"]);
    let world = |by: Value| {
        company()
            .cluster_role("held", &json!([rule(&["get"], "", &["pods"])]))
            .bind(None, "held", "ClusterRole/held", "user:jane")
            .cluster_role("deletes", &json!([by]))
            .bind(None, "deletes", "ClusterRole/deletes", "sa:app/weak")
    };
    for by in [
        on(&["delete"], "clusterroles", &["held"]),
        on(&["patch"], "clusterroles", &["held"]),
        on(&["update"], "clusterroles", &["held"]),
        rule(&["deletecollection"], RBAC, &["clusterroles"]),
    ] {
        let steps = [Step::MintToken, Step::Escalate];
        leads(world(by.clone()), None, json!([makes(), mint()]), &steps);
        never(world(by.clone()), None, json!([makes()]));
        never(world(by), None, json!([mint()]));
    }
    for by in [
        on(&["delete", "patch"], "clusterroles", &["other"]),
        on(&["get", "deletecollection"], "clusterroles", &["held"]),
        on(&["delete", "patch"], "roles", &["held"]),
    ] {
        never(world(by), None, json!([makes(), mint()]));
    }
}

#[test]
fn pods_and_jobs_are_made_again_as_another_account() {
    let pod = || {
        company().object(&json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"namespace": "app", "name": "p"}, "spec": mounted("weak"),
            "status": {"phase": "Running"}}))
    };
    let run = [Step::RunPod];
    let on = |verbs: &[&str], name: &str| named(rule(verbs, "", &["pods"]), &[name]);
    leads(pod(), APP, json!([on(ALL, "p")]), &run);
    leads(pod(), APP, json!([on(&["create", "patch", "delete"], "p")]), &run);
    // Whoever changes it has the garbage collector delete it.
    leads(pod(), APP, json!([on(&["create", "patch"], "p")]), &run);
    leads(pod(), APP, json!([on(&["create"], "p"), rule(&["patch"], "", &["pods"])]), &run);
    never(pod(), APP, json!([on(&["create", "delete", "update"], "p")]));
    never(pod(), APP, json!([on(&["create"], "p"), rule(&["deletecollection"], "", &["pods"])]));
    never(pod(), Some("quiet"), json!([on(&["patch", "delete"], "p")]));
    let job = || {
        company().object(&json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"namespace": "app", "name": "j"}}))
    };
    let on = |verbs: &[&str]| named(rule(verbs, "batch", &["jobs"]), &["j"]);
    leads(job(), APP, json!([on(ALL)]), &run);
    leads(job(), APP, json!([on(&["create", "update", "patch"])]), &run);
    never(job(), APP, json!([on(&["update", "patch", "delete"])]));
    never(job(), APP, json!([on(&["create", "update", "delete"])]));
    // The token of a pod ends with the pod.
    let by_exec = |more: &str| {
        let role = json!([on_pods(&["create", "patch", "delete"], "p")]);
        let exec = json!([named(rule(&["create"], "", &["pods/exec"]), &["p", more])]);
        let other = json!({"apiVersion": "v1", "kind": "Pod", "status": {"phase": "Running"},
            "metadata": {"namespace": "app", "name": "q"}, "spec": mounted("weak")});
        let world = pod().object(&other).role("app", "makes", &role);
        steps(&jane(world.bind(APP, "makes", "Role/makes", "sa:app/weak"), APP, &exec))
    };
    assert_eq!(by_exec("r"), None);
    assert_eq!(by_exec("q"), Some(vec![Step::Exec, Step::RunPod]));
}

fn on_pods(verbs: &[&str], name: &str) -> Value {
    named(rule(verbs, "", &["pods"]), &[name])
}

#[test]
fn a_role_that_is_there_is_made_again() {
    // Without a name, `escalate` is for roles that are new.
    let makes = || rule(&["create", "escalate"], RBAC, &["clusterroles"]);
    let held = || {
        company().cluster_role("held", &json!([rule(&["get"], "", &["pods"])])).bind(
            None,
            "held",
            "ClusterRole/held",
            "user:jane",
        )
    };
    let clear = |name| on(&["delete"], "clusterroles", &[name]);
    leads(held(), None, json!([makes(), clear("held")]), &[Step::Escalate]);
    never(held(), None, json!([makes()]));
    never(held(), None, json!([makes(), clear("other")]));
    // For new ones only: what it may change is away by the garbage collector.
    let new = || named(makes(), &[""]);
    for verb in ["patch", "update"] {
        let change = |name| on(&[verb], "clusterroles", &[name]);
        leads(held(), None, json!([new(), change("held")]), &[Step::Escalate]);
        never(held(), None, json!([new(), change("other")]));
    }
    never(held(), None, json!([new()]));
    never(held(), None, json!([makes(), on(&["deletecollection"], "clusterroles", &["held"])]));
    never(held(), None, json!([rule(&["create"], RBAC, &["clusterroles"]), clear("held")]));
    // While it is away it gives nothing.
    never(company(), None, json!([makes(), clear("jane")]));
}

#[test]
fn what_is_deleted_is_said() {
    let all = on(ALL, "clusterrolebindings", &["kept"]);
    let world = jane(with(None), None, &json!([all, bind("cluster-admin")]));
    let reached = reached(&world, "user:jane");
    let hop = &reached.highest().unwrap().hops[0];
    assert_eq!(
        hop.words(),
        "deletes clusterrolebindings kept, and then binds to itself ClusterRole cluster-admin \
         cluster-wide"
    );
    let needed: Vec<String> = hop.needed.iter().map(Needed::words).collect();
    let of = |verb| format!("{verb} clusterrolebindings.{RBAC} kept cluster-wide");
    let bind = format!("bind clusterroles.{RBAC} cluster-admin cluster-wide");
    assert_eq!(needed, [of("delete"), of("create"), of("update"), bind]);
}

#[test]
fn what_the_garbage_collector_deletes_is_said() {
    for verb in ["patch", "update"] {
        let makes = on(&["create", verb], "clusterrolebindings", &["kept"]);
        let world = jane(with(None), None, &json!([makes, bind("cluster-admin")]));
        let reached = reached(&world, "user:jane");
        let hop = &reached.highest().unwrap().hops[0];
        assert_eq!(
            hop.words(),
            "has the garbage collector delete clusterrolebindings kept, by an owner that is not \
             there, and then binds to itself ClusterRole cluster-admin cluster-wide"
        );
        let needed: Vec<String> = hop.needed.iter().map(Needed::words).collect();
        let of = |verb| format!("{verb} clusterrolebindings.{RBAC} kept cluster-wide");
        let bind = format!("bind clusterroles.{RBAC} cluster-admin cluster-wide");
        assert_eq!(needed, [of(verb), of("create"), bind]);
        assert_eq!(
            hop.seen().what,
            format!(
                "{verb} of clusterrolebindings kept, and its deletion by the garbage collector; \
                 create, update or patch of the binding"
            )
        );
    }
}
