//! Names that run out: paths that make more objects than names are free, and twins that do not.

use super::twins::APP;
use super::*;

fn applies(resource: &str, names: &[&str]) -> Value {
    named(rule(&["create", "patch"], RBAC, &[resource]), names)
}

fn bind(role: &str) -> Value {
    named(rule(&["bind"], RBAC, &["clusterroles"]), &[role])
}

/// The company with a `ClusterRole` next, whose holder may bind cluster-admin.
fn chained() -> World {
    company().cluster_role("next", &json!([bind("cluster-admin")]))
}

/// What user jane comes to by two bindings: how strong, whether by a model only, whether each step is.
fn comes(world: World, ns: Option<&str>, rules: &Value) -> (Tier, bool, Vec<bool>) {
    let world = jane(world, ns, rules);
    agrees(&world);
    let reached = reached(&world, "user:jane");
    let hops = reached.highest().map(|path| path.hops.as_slice()).unwrap_or_default();
    let models = hops.iter().map(|hop| hop.modelled().is_some()).collect();
    (reached.tier, reached.modelled, models)
}

#[test]
fn a_second_binding_needs_a_second_name() {
    let crb = "clusterrolebindings";
    let top = Tier::ClusterAdmin;
    let under =
        |names: &[&str]| comes(chained(), None, &json!([applies(crb, names), bind("next")]));
    assert_eq!(under(&["one", "two"]), (top, false, vec![false, false]));
    assert_eq!(under(&["one"]), (top, true, vec![false, true]));
    // One of the two is taken.
    assert_eq!(under(&["one", "strong-app"]), (top, true, vec![false, true]));
    // Under any name there is no end of them.
    let any = json!([rule(&["create"], RBAC, &[crb]), bind("next")]);
    assert_eq!(comes(chained(), None, &any), (top, false, vec![false, false]));
}

#[test]
fn of_all_roles_one_is_bound_under_one_name() {
    // Who may make tokens and who may make Secrets and read them: each by a Role of quiet.
    let comes = |names: &[&str], roles: &[(&str, Value)]| {
        let world = roles
            .iter()
            .fold(company(), |world, (name, rule)| world.role("quiet", name, &json!([rule])));
        let bind = rule(&["bind"], RBAC, &["roles"]);
        comes(world, Some("quiet"), &json!([applies("rolebindings", names), bind]))
    };
    let secrets = |verb| rule(&[verb], "", &["secrets"]);
    let [makes, reads] = [("makes", secrets("create")), ("reads", secrets("list"))];
    let top = Tier::ClusterAdmin;
    let both = [("both", rule(&["create", "list"], "", &["secrets"]))];
    assert_eq!(comes(&["one"], &both), (top, false, vec![false, false]));
    let each = [makes, reads];
    assert_eq!(comes(&["one"], &each), (top, true, vec![true, false]));
    assert_eq!(comes(&["one", "two"], &each), (top, false, vec![false, false]));
}

#[test]
fn a_second_pod_needs_a_second_name() {
    // One account makes Secrets in quiet, the other reads them: together they have any token there.
    let comes = |names: &[&str]| {
        let pods = named(rule(&["create", "patch"], "", &["pods"]), names);
        let secrets = |verb| json!([rule(&[verb], "", &["secrets"])]);
        let world = company()
            .object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lone",
                "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
            .account("lone", "makes")
            .account("lone", "reads")
            .role("quiet", "makes", &secrets("create"))
            .role("quiet", "reads", &secrets("list"))
            .bind(Some("quiet"), "makes", "Role/makes", "sa:lone/makes")
            .bind(Some("quiet"), "reads", "Role/reads", "sa:lone/reads");
        comes(world, Some("lone"), &json!([pods]))
    };
    assert_eq!(comes(&["p", "q"]), (Tier::ClusterAdmin, false, vec![false, false, false]));
    assert_eq!(comes(&["p"]), (Tier::ClusterAdmin, true, vec![false, true, false]));
}

#[test]
fn what_is_sure_stays_where_names_run_out_higher_up() {
    // By the first binding the namespace's Secrets are read; by the second everything is done there.
    let reads = rule(&["get", "list"], "", &["secrets"]);
    let world = company().cluster_role("next", &json!([reads, bind("cluster-admin")]));
    let world = jane(world, APP, &json!([applies("rolebindings", &["one"]), bind("next")]));
    agrees(&world);
    let found = reached(&world, "user:jane");
    assert_eq!((found.tier, found.modelled), (Tier::ClusterAdmin, true));
    let exact = found.exact.expect("what is sure");
    assert_eq!((exact.tier, exact.modelled), (Tier::ReadsSecrets, false));
    assert_eq!(exact.paths.last().map(|path| path.hops.len()), Some(1));
}
