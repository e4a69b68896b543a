//! Roles that become part of an aggregated one, and what its controller puts back: worlds in which it
//! leads to cluster-admin, and twins in which nothing does.

use super::twins::{APP, leads, never};
use super::*;

fn aggregated(name: &str, selectors: &Value) -> Value {
    json!({"apiVersion": format!("{RBAC}/v1"), "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [rule(&["get"], "", &["pods"])],
        "aggregationRule": {"clusterRoleSelectors": selectors}})
}

fn by_label() -> Value {
    json!([{"matchLabels": {"example.org/to-all": "true"}}])
}

/// Jane holds an aggregated role, and there is another that nobody holds.
fn with(selectors: &Value, ns: Option<&str>) -> World {
    company()
        .object(&aggregated("all", selectors))
        .cluster_role("part", &json!([rule(&["get"], "", &["pods"])]))
        .bind(ns, "all", "ClusterRole/all", "user:jane")
}

fn on(verbs: &[&str], names: &[&str]) -> Value {
    let rule = rule(verbs, RBAC, &["clusterroles"]);
    if names.is_empty() { rule } else { named(rule, names) }
}

#[test]
fn a_role_becomes_part_of_one_that_is_held() {
    let one = [Step::Aggregate];
    for verb in ["update", "patch"] {
        leads(with(&by_label(), None), None, json!([on(&[verb, "escalate"], &["part"])]), &one);
    }
    leads(with(&by_label(), None), None, json!([on(&["create", "escalate"], &[])]), &one);
    let mine = || on(&["create", "patch", "escalate"], &["mine"]);
    leads(with(&by_label(), None), None, json!([mine()]), &one);
    let inside = [Step::Aggregate, Step::Impersonate];
    leads(with(&by_label(), APP), None, json!([on(&["create", "escalate"], &[])]), &inside);
    // A change of labels alone is checked as one of rules.
    never(with(&by_label(), None), None, json!([on(&["update", "patch"], &["part"])]));
    never(with(&by_label(), None), None, json!([on(&["create", "patch", "update"], &[])]));
    never(with(&by_label(), None), None, json!([on(&["create", "escalate"], &["mine"])]));
    never(with(&by_label(), None), None, json!([on(&["patch", "escalate"], &["mine"])]));
    never(with(&by_label(), None), APP, json!([on(&["patch", "escalate"], &["part"])]));
    // Who does not hold it gains nothing.
    let other = company()
        .object(&aggregated("all", &by_label()))
        .cluster_role("part", &json!([]))
        .bind(None, "all", "ClusterRole/all", "user:other");
    never(other, None, json!([on(&["patch", "escalate"], &["part"])]));
    let plain = company()
        .cluster_role("all", &json!([rule(&["get"], "", &["pods"])]))
        .cluster_role("part", &json!([]))
        .bind(None, "all", "ClusterRole/all", "user:jane");
    never(plain, None, json!([on(&["patch", "escalate"], &["part"])]));
}

#[test]
fn labels_are_those_that_are_selected() {
    let rules = || json!([on(&["patch", "escalate"], &["part"])]);
    let some = |selectors: &Value| steps(&jane(with(selectors, None), None, &rules()));
    let one = Some(vec![Step::Aggregate]);
    let expression = |operator: &str, values: &[&str]| json!([{"matchExpressions": [{"key": "k", "operator": operator, "values": values}]}]);
    assert_eq!(some(&expression("In", &["a"])), one);
    assert_eq!(some(&expression("Exists", &[])), one);
    assert_eq!(some(&expression("NotIn", &["a"])), one);
    // No labels do, or the controller gives up.
    assert_eq!(some(&json!([])), None);
    assert_eq!(some(&expression("Exactly", &["a"])), None);
    let invalid = json!([by_label()[0], {"matchLabels": {"": "x"}}]);
    assert_eq!(some(&invalid), None);
    let never = json!([{"matchLabels": {"k": "a"},
        "matchExpressions": [{"key": "k", "operator": "DoesNotExist"}]}]);
    assert_eq!(some(&never), None);
    let world = jane(with(&by_label(), None), None, &rules());
    let reached = reached(&world, "user:jane");
    let hop = &reached.highest().unwrap().hops[0];
    assert_eq!(
        hop.words(),
        "writes a ClusterRole that becomes part of a role that it holds, to give everything \
         cluster-wide, by the label example.org/to-all=true"
    );
    assert_eq!(hop.held[0].words(), "ClusterRole all cluster-wide");
}

#[test]
fn the_controller_puts_rules_back_while_it_is_aggregated() {
    let own = || on(&["patch", "escalate"], &["all"]);
    leads(with(&by_label(), None), None, json!([own()]), &[Step::EscalateAggregated]);
    never(with(&by_label(), None), None, json!([on(&["patch"], &["all"])]));
    // A selector that is not valid stops the controller.
    let invalid = json!([{"matchLabels": {"": "x"}}]);
    leads(with(&invalid, None), None, json!([own()]), &[Step::Escalate]);
    // A role that is aggregated itself can be part of another.
    let two =
        with(&by_label(), None).object(&aggregated("part", &json!([{"matchLabels": {"k": "a"}}])));
    leads(two, None, json!([on(&["patch", "escalate"], &["part"])]), &[Step::Aggregate]);
}
