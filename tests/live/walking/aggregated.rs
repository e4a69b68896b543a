//! Steps by way of aggregated `ClusterRoles`.

use serde_json::{Value, json};

use super::binding::{bindings_at, collection, share};
use super::case::Case;
use super::rights::{Right, account, bound, everything, role};
use super::site::{Credential, Site};
use super::steps::{lets, needed};
use super::walk::{How, Refused, Walk};

const RBAC: &str = "rbac.authorization.k8s.io";

/// A `ClusterRole` that allows everything is made part of one that somebody holds.
pub fn feed(
    walk: &mut Walk<'_>,
    hop: &Value,
    namespace: Option<&str>,
) -> Result<Credential, Refused> {
    let writes = |verb: &str| matches!(verb, "create" | "patch" | "update");
    let write =
        needed(hop, |verb, on| writes(verb) && on == "clusterroles").expect("writing roles");
    let create = needed(hop, |verb, _| verb == "create");
    let who = super::binding::writer(walk, hop, write);
    let held = &hop["held"][0]["via"];
    let fed = held["role"].as_str().expect("the role that is held").to_owned();
    let there = bindings_at(walk, namespace);
    let holds = |subject: &Value| {
        there.iter().any(|binding| {
            let subjects = binding["subjects"].as_array().cloned().unwrap_or_default();
            subjects.contains(subject) && binding["roleRef"]["name"] == *fed
        })
    };
    let all = walk.all(hop);
    let found = all.iter().find(|(_, subject)| holds(subject));
    let at_all = namespace.unwrap_or_default();
    let lacking = found.and_then(|(_, subject)| walk.lacks(subject, &everything(), at_all));
    let holder = found.unwrap_or(&all[0]).0.clone();
    let object = |name: &str| {
        let mut object = role(name, None, &everything());
        object["metadata"]["labels"] = hop["labels"].clone();
        object
    };
    let collection = collection("clusterroles", None);
    let there = walk.site.list(&collection);
    let is_there = |name: &str| there.iter().any(|role| role["metadata"]["name"] == name);
    match create {
        Some(create) if create["resourceNames"].is_null() => {
            let name = format!("{}-{}", walk.name, walk.asked());
            walk.create(&who, &collection, &object(&name))?;
        }
        Some(create) => {
            let change = needed(hop, |verb, _| matches!(verb, "patch" | "update")).expect("both");
            let names = create["resourceNames"].as_array().expect("names");
            let mut names = names.iter().filter_map(Value::as_str);
            let name = names.find(|name| lets(change, name) && !is_there(name)).expect("a name");
            let object = object(name);
            let how =
                if change["verb"] == "patch" { How::Apply(&object) } else { How::Put(&object) };
            walk.change(&who, &format!("{collection}/{name}"), how)?;
        }
        None => {
            let fits = |role: &&Value| {
                let name = role["metadata"]["name"].as_str().expect("a name");
                lets(write, name) && name != fed && name != "cluster-admin"
            };
            let role = there.iter().find(fits).expect("a role");
            let name = role["metadata"]["name"].as_str().expect("a name");
            let object = object(name);
            let mut merge = json!({"rules": everything(), "aggregationRule": null});
            merge["metadata"]["labels"] = hop["labels"].clone();
            let how = if write["verb"] == "patch" { How::Merge(&merge) } else { How::Put(&object) };
            walk.change(&who, &format!("{collection}/{name}"), how)?;
        }
    }
    walk.gives(lacking);
    if !walk.shares || walk.everybody().len() < 2 {
        return Ok(holder);
    }
    share(walk, &holder, namespace)?;
    Ok(walk.own())
}

fn on(verb: &'static str, name: &str) -> Right {
    Right::new(verb, RBAC, "clusterroles").named(name).everywhere()
}

fn any(verb: &'static str) -> Right {
    Right::new(verb, RBAC, "clusterroles").everywhere()
}

fn look() -> Value {
    json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}])
}

/// A role that selects others by a label of its own, and one that has it.
fn aggregated(case: Case, name: &str) -> Case {
    let label = format!("walk.example/{name}");
    let mut all = role(name, None, &json!([]));
    all["aggregationRule"] = json!({"clusterRoleSelectors": [{"matchLabels": {&*label: "yes"}}]});
    let mut source = role(&format!("{name}-source"), None, &look());
    source["metadata"]["labels"] = json!({label: "yes"});
    case.object(source).object(all)
}

#[test]
fn a_role_becomes_part_of_one_that_is_held() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    for (name, verb) in [("aggregate", "patch"), ("aggregate-by-put", "update")] {
        let part: &'static str = format!("{name}-part").leak();
        aggregated(Case::to_role(name, &["aggregate"]), name)
            .object(role(part, None, &look()))
            .all_bound(name, None)
            .right(on(verb, part), 0)
            .right(on("escalate", part), 0)
            .near("no escalate", 0, &[on(verb, part), on("bind", part)])
            .near("no change", 0, &[on("get", part), on("escalate", part)])
            .near("another role, that is not there", 0, &[on(verb, "x"), on("escalate", "x")])
            .run(site);
    }
    // One that is new, and in a namespace.
    let name = "aggregate-new";
    aggregated(Case::to_strong(name, &["aggregate", "impersonate"]), name)
        .object(bound("fed", Some(name), ("ClusterRole", name), &account("walkers", name)))
        .right(any("create"), 0)
        .right(any("escalate"), 0)
        .stands_on("fed", usize::MAX)
        .near("no escalate", 0, &[any("create")])
        .near("who does not hold it", 1, &[any("create"), any("escalate")])
        .run(site);
}

/// What somebody changes of an aggregated role its controller puts back, unless it is one no more.
#[test]
fn a_role_is_aggregated_no_more() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    for (name, verb) in [("deaggregate", "patch"), ("deaggregate-by-put", "update")] {
        aggregated(Case::to_role(name, &["escalate-aggregated"]), name)
            .all_bound(name, None)
            .right(on(verb, name), 0)
            .right(on("escalate", name), 0)
            .near("no escalate", 0, &[on(verb, name)])
            .near("another", 0, &[on(verb, name), on("escalate", "x")])
            .run(site);
    }
}
