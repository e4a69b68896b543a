//! Random access reviews of a world, most of them near its rules: each begins as what some grant
//! allows, in a form chosen evenly, and half are then bent a little.

#![allow(clippy::expect_used)] // A choice among no things is the test's own mistake.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::forms::{NAMES, PATHS, RESOURCES, RuleForm, SPECIAL, SUBRESOURCES, VERBS};
use super::world::World;

/// A subject of a binding with a rule of its role.
struct Aim<'w> {
    namespace: Option<&'w str>,
    subject: &'w Value,
    rule: &'w Value,
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn aims<'w>(world: &'w World, stored: &'w [Value]) -> BTreeMap<RuleForm, Vec<Aim<'w>>> {
    let mut roles: BTreeMap<(&str, &str, &str), &Value> = BTreeMap::new();
    for role in stored {
        let metadata = &role["metadata"];
        let key = (text(&role["kind"]), text(&metadata["namespace"]), text(&metadata["name"]));
        roles.insert(key, role);
    }
    let mut aims: BTreeMap<RuleForm, Vec<Aim<'w>>> = BTreeMap::new();
    for binding in &world.objects {
        let namespace = binding["metadata"]["namespace"].as_str();
        let role = &binding["roleRef"];
        let within = if role["kind"] == "Role" { namespace.unwrap_or_default() } else { "" };
        let Some(role) = roles.get(&(text(&role["kind"]), within, text(&role["name"]))) else {
            continue;
        };
        for subject in list(&binding["subjects"]) {
            for rule in list(&role["rules"]) {
                let aim = Aim { namespace, subject, rule };
                aims.entry(RuleForm::of(rule)).or_default().push(aim);
            }
        }
    }
    aims
}

/// The specs of reviews. `stored` are the roles with the rules that they have where the reviews are
/// answered: aggregation may have filled some.
pub fn specs(world: &World, stored: &[Value], seed: u64, many: usize) -> Vec<Value> {
    let aims = aims(world, stored);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    (0..many)
        .map(|_| {
            let form = *RuleForm::ALL.choose(&mut rng).expect("a form");
            // Paths hold by cluster-wide bindings only, so that fewer aims of theirs hit.
            let fitting = |aim: &&Aim<'_>| !form.is_path() || aim.namespace.is_none();
            let of_form: Vec<&Aim<'_>> =
                aims.get(&form).into_iter().flatten().filter(fitting).collect();
            let Some(aim) = of_form.choose(&mut rng) else {
                return json!({"user": "nobody", "nonResourceAttributes": {"path": "/"}});
            };
            let mut spec = hit(world, aim, &mut rng);
            if rng.random_bool(0.55) {
                for _ in 0..rng.random_range(1..=2) {
                    bend(world, &mut spec, &mut rng);
                }
            }
            spec
        })
        .collect()
}

/// What the aim allows.
fn hit(world: &World, aim: &Aim<'_>, rng: &mut ChaCha8Rng) -> Value {
    let mut spec = who(world, aim, rng);
    let mut one = |field: &str, any: &[&str]| -> String {
        let chosen = list(&aim.rule[field]).choose(rng).map(text).unwrap_or_default();
        match chosen {
            "*" if rng.random_bool(0.95) => (*any.choose(rng).expect("a choice")).to_owned(),
            _ => chosen.to_owned(),
        }
    };
    let verb = one("verbs", &VERBS);
    if !list(&aim.rule["nonResourceURLs"]).is_empty() {
        let mut path = one("nonResourceURLs", &PATHS);
        if let Some(prefix) = path.strip_suffix('*') {
            path = format!("{prefix}{}", ["", "a", "a/b", "*"].choose(rng).expect("one"));
        }
        spec["nonResourceAttributes"] = json!({"verb": verb, "path": path});
        return spec;
    }
    let groups: Vec<&str> = RESOURCES.iter().map(|(group, _)| *group).collect();
    let group = one("apiGroups", &groups);
    let resource = one("resources", &["pods", "widgets", "deployments/scale", "pods/exec"]);
    let (resource, subresource) = match resource.split_once('/') {
        // What a client splits, a review may also give in one piece.
        Some(_) if rng.random_bool(0.03) => (resource.as_str(), ""),
        Some(("*", subresource)) if subresource != "*" => {
            (*["pods", "deployments", "x"].choose(rng).expect("one"), subresource)
        }
        Some(both) => both,
        None => (resource.as_str(), ""),
    };
    let mut attributes = json!({"verb": verb, "resource": resource});
    let mut set = |field: &str, value: &str| {
        if !value.is_empty() {
            attributes[field] = json!(value);
        }
    };
    set("group", &group);
    set("subresource", subresource);
    let name = match list(&aim.rule["resourceNames"]).choose(rng) {
        Some(name) => text(name),
        None if rng.random_bool(0.3) => NAMES.choose(rng).expect("a name"),
        None => "",
    };
    set("name", name);
    let anywhere = world.namespaces.choose(rng).expect("a namespace");
    match aim.namespace {
        Some(namespace) => set("namespace", namespace),
        None if rng.random_bool(0.6) => set("namespace", anywhere),
        None => {}
    }
    set("version", ["", "v1", "*", "v7"].choose(rng).expect("one"));
    spec["resourceAttributes"] = attributes;
    spec
}

fn who(world: &World, aim: &Aim<'_>, rng: &mut ChaCha8Rng) -> Value {
    let name = text(&aim.subject["name"]);
    let mut groups: Vec<String> = Vec::new();
    let mut user = name.to_owned();
    match text(&aim.subject["kind"]) {
        "Group" => {
            groups.push(name.to_owned());
            user = format!("{}nobody-{}", world.prefix, rng.random_range(0..5));
            if rng.random_bool(0.2) {
                user.clone_from(world.users.choose(rng).expect("a user"));
            }
        }
        "ServiceAccount" => {
            let namespace = aim.subject["namespace"].as_str().or(aim.namespace).unwrap_or_default();
            user = format!("system:serviceaccount:{namespace}:{name}");
            if rng.random_bool(0.5) {
                groups.push("system:serviceaccounts".to_owned());
                groups.push(format!("system:serviceaccounts:{namespace}"));
            }
        }
        _ => {}
    }
    if rng.random_bool(0.1) {
        groups.push(world.groups.choose(rng).expect("a group").clone());
    }
    if rng.random_bool(0.3) {
        groups.push("system:authenticated".to_owned());
    }
    let mut spec = json!({"user": user});
    if !groups.is_empty() {
        spec["groups"] = json!(groups);
        if rng.random_bool(0.05) {
            spec["user"] = Value::Null;
        }
    }
    if rng.random_bool(0.05) {
        spec["uid"] = json!("1-2-3");
        spec["extra"] = json!({"scopes": ["a", "b"], "none": null});
    }
    spec
}

/// Changes one thing.
fn bend(world: &World, spec: &mut Value, rng: &mut ChaCha8Rng) {
    if rng.random_bool(0.3) {
        return bend_who(world, spec, rng);
    }
    if let Some(path) = spec["nonResourceAttributes"].as_object_mut() {
        let (field, value) = match rng.random_range(0..4) {
            0 => ("verb", (*VERBS.choose(rng).expect("a verb")).to_owned()),
            1 => ("path", (*PATHS.choose(rng).expect("a path")).to_owned()),
            2 => ("path", format!("{}/", path["path"].as_str().unwrap_or_default())),
            _ => ("path", path["path"].as_str().unwrap_or_default().to_uppercase()),
        };
        path.insert(field.to_owned(), json!(value));
        return;
    }
    let attributes = &mut spec["resourceAttributes"];
    let (group, resources) = RESOURCES.choose(rng).expect("a group");
    let special = SPECIAL.choose(rng).expect("a verb");
    let (field, value) = match rng.random_range(0..11) {
        0 => ("verb", *VERBS.choose(rng).expect("a verb")),
        1 => ("verb", special.0),
        2 => ("group", *group),
        3 => ("resource", *resources.choose(rng).expect("a resource")),
        4 => ("subresource", *SUBRESOURCES.choose(rng).expect("one")),
        5 => ("subresource", ""),
        6 => ("name", *NAMES.choose(rng).expect("a name")),
        7 => ("name", ""),
        8 => ("namespace", world.namespaces.choose(rng).expect("one").as_str()),
        9 => ("namespace", ""),
        _ => {
            let field = *["verb", "resource", "subresource", "name", "group", "namespace"]
                .choose(rng)
                .expect("a field");
            let turned = text(&attributes[field]).to_uppercase();
            attributes[field] = json!(turned);
            return;
        }
    };
    attributes[field] = json!(value);
}

fn bend_who(world: &World, spec: &mut Value, rng: &mut ChaCha8Rng) {
    match rng.random_range(0..5) {
        0 => spec["user"] = json!(world.users.choose(rng).expect("a user")),
        1 => spec["user"] = json!(text(&spec["user"]).to_uppercase()),
        2 => {
            let (namespace, name) = world.accounts.choose(rng).expect("an account");
            spec["user"] = json!(format!("system:serviceaccount:{namespace}:{name}"));
        }
        3 => spec["groups"] = json!([world.groups.choose(rng).expect("a group")]),
        _ if rng.random_bool(0.1) => spec["groups"] = json!(["x", "system:masters"]),
        _ => spec["groups"] = Value::Null,
    }
    // A review has to be about somebody.
    if text(&spec["user"]).is_empty() && list(&spec["groups"]).is_empty() {
        spec["user"] = json!("somebody");
    }
}

/// A spec as a whole review, one line.
pub fn review(spec: &Value) -> String {
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec})
        .to_string()
}
