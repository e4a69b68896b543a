//! Requests that came to nothing give nothing: for names that are wildcards in a rule, and in namespaces
//! that are not there.

use serde_json::{Value, json};

use super::split::{space, split};
use super::{World, all, user};
use crate::book::tests::world::{Row, World as Logged};
use crate::change::plan::{Choices, Intent, Named, Plan, Splitting};

fn choices() -> Choices {
    Choices { families: false, younger_than: 0, ..Choices::default() }
}

/// ann may do everything, and did these.
fn everything(did: &[&str]) -> World {
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for what in did {
        Row::new("user:ann", what, 80).from("203.0.113.1").put(&mut parts);
    }
    let rules = json!([all()[0], {"verbs": ["*"], "nonResourceURLs": ["*"]}]);
    let world = World::default().with(space("a")).with(space("keys")).role("all", &rules);
    World { log: Some(parts), ..world.bind(None, "b", "all", &json!([user("ann")])) }
}

fn narrowed(world: &World) -> Plan {
    world.plan_of(&[Intent::to_narrow("user:ann", choices()).expect("an intent")]).expect("a plan")
}

fn parted(world: &World) -> Plan {
    let ana = Named { name: "ana".into(), is: "203.0.113.1".into() };
    let how = Splitting {
        actors: vec![ana],
        into: Some("keys".into()),
        choices: choices(),
        ..Splitting::default()
    };
    split(world, "user:ann", how).expect("a plan")
}

/// The rules of every role that is made or edited, by its namespace.
fn rules(plan: &Plan) -> Vec<(String, Value)> {
    let roles = plan.steps.iter().filter(|step| step.target.is_role());
    let place = |step: &crate::change::plan::Step| {
        step.target.namespace.as_deref().unwrap_or("cluster").to_owned()
    };
    roles.filter_map(|step| Some((place(step), step.after.as_ref()?["rules"].clone()))).collect()
}

#[test]
fn what_is_called_as_a_wildcard_gives_no_wildcard() {
    let did = [
        "get pods@a/x",
        "get *:*@a/x",
        "create *:*",
        "delete apps:*@a",
        "get :*/scale@a/x",
        "get /*",
        "get /logs/*",
    ];
    let world = everything(&did);
    let get = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let said = "6 requests for what is called * or by a path that ends with it stay out";
    for plan in [narrowed(&world), parted(&world)] {
        assert_eq!(rules(&plan), [("a".to_owned(), get.clone())]);
        assert!(plan.warnings.iter().any(|one| one.contains(said)), "{:?}", plan.warnings);
    }
}

#[test]
fn a_namespace_that_is_not_there_gives_nobody_the_whole_cluster() {
    let world = everything(&["get pods@a/x", "list secrets@prdo", "list secrets@zz"]);
    let get = json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]);
    let plan = parted(&world);
    assert_eq!(rules(&plan), [("a".to_owned(), get)]);
    let said = "sa:keys/ana gets nothing for 2 requests in namespaces that are not there (prdo, zz): a rule \
                for them would hold in the whole cluster";
    assert!(plan.warnings.iter().any(|one| one == said), "{:?}", plan.warnings);
    // Of who is narrowed it stays, and is said.
    let plan = narrowed(&world);
    let list = json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["secrets"]}]);
    assert!(rules(&plan).contains(&("cluster".to_owned(), list)), "{:?}", rules(&plan));
    let said = "2 requests in namespaces that are not there (prdo, zz), so that what they needed stays in the \
                whole cluster";
    assert!(plan.warnings.iter().any(|one| one.contains(said)), "{:?}", plan.warnings);
    // To make one is not to be in it.
    let plan = parted(&everything(&["create namespaces@new/new"]));
    assert_eq!(rules(&plan).len(), 1, "{:?}", plan.warnings);
}
