//! Steps by way of bindings and roles.

use serde_json::{Value, json};

use super::rights::{bound, everything, role};
use super::site::{Credential, VAULT};
use super::steps::{lets, needed};
use super::walk::{How, Refused, Walk};

pub const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

pub fn take(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, Refused> {
    let mut gained = None;
    for place in places(walk, hop) {
        let place = place.as_deref();
        gained = Some(match hop["step"].as_str() {
            Some("escalate" | "escalate-aggregated") => escalate(walk, hop, place)?,
            Some("aggregate") => super::aggregated::feed(walk, hop, place)?,
            Some("bind-and-escalate") => bind_and_escalate(walk, hop, place)?,
            _ => bind(walk, hop, place)?,
        });
    }
    Ok(gained.expect("a place"))
}

/// Where a step gives something: cluster-wide, in a namespace, or in those of all that the walk is
/// after.
fn places(walk: &Walk<'_>, hop: &Value) -> Vec<Option<String>> {
    let at = &hop["gain"]["at"];
    match at["namespace"].as_str() {
        Some(namespace) => vec![Some(namespace.to_owned())],
        None if at["namespaced"] == true => {
            let mut all = walk.namespaces();
            all.insert(VAULT.to_owned());
            all.into_iter().map(Some).collect()
        }
        None => vec![None],
    }
}

/// A binding for oneself, or for all who were taken over.
fn bind(walk: &mut Walk<'_>, hop: &Value, namespace: Option<&str>) -> Result<Credential, Refused> {
    let who = walk.from(hop, 0);
    let own = hop["step"] == "bind-own-role";
    if own {
        let write = needed(hop, |verb, resource| verb == "create" && resource.ends_with("roles"));
        let on = write.expect("making roles")["resource"].as_str().expect("a resource");
        let at = namespace.filter(|_| on == "roles");
        let name = format!("{}-{}", walk.name, walk.asked());
        let object = role(&name, at, &everything());
        walk.create(&who, &collection(on, at), &object)?;
        let kind = if on == "roles" { "Role" } else { "ClusterRole" };
        return bind_to(walk, hop, namespace, &who, (kind, &name), Some(&everything()));
    }
    let gained = &hop["gain"]["role"];
    let kind = gained["kind"].as_str().expect("a kind");
    let (kind, on) =
        if kind == "Role" { ("Role", "roles") } else { ("ClusterRole", "clusterroles") };
    let all = collection(on, namespace.filter(|_| on == "roles"));
    let names = match gained["name"].as_str() {
        Some(name) => vec![name.to_owned()],
        None if kind == "ClusterRole" => vec!["cluster-admin".to_owned()],
        None => {
            let name = |role: &Value| role["metadata"]["name"].as_str().map(str::to_owned);
            let roles = walk.site.list(&all);
            let limited = needed(hop, |verb, on| verb == "create" && on.ends_with("bindings"))
                .is_some_and(|create| !create["resourceNames"].is_null());
            // Where a name is free for one, it is the one that gives what is needed of it.
            let wanted = walk.wanted_of(hop);
            let one = roles.iter().find(|role| wanted.iter().all(|right| allows(role, right)));
            match one.filter(|_| limited && !wanted.is_empty()) {
                Some(one) => name(one).into_iter().collect(),
                None => roles.iter().filter_map(name).collect(),
            }
        }
    };
    for name in names {
        let rules = walk.site.get(&format!("{all}/{name}")).expect("the role")["rules"].clone();
        bind_to(walk, hop, namespace, &who, (kind, &name), Some(&rules))?;
    }
    Ok(walk.own())
}

/// Whether a rule of a role allows what a step takes.
fn allows(role: &Value, right: &Value) -> bool {
    let has = |rule: &Value, field: &str, wanted: &str| {
        let all = rule[field].as_array().into_iter().flatten();
        all.filter_map(Value::as_str).any(|have| have == "*" || have == wanted)
    };
    let text = |field: &str| right[field].as_str().unwrap_or_default();
    let named = |rule: &Value| match (rule["resourceNames"].as_array(), &right["resourceNames"]) {
        (None, _) => true,
        (Some(have), Value::Array(wanted)) => wanted.iter().all(|name| have.contains(name)),
        (Some(_), _) => false,
    };
    role["rules"].as_array().into_iter().flatten().any(|rule| {
        has(rule, "verbs", text("verb"))
            && has(rule, "apiGroups", text("apiGroup"))
            && has(rule, "resources", text("resource"))
            && named(rule)
    })
}

fn bindings_on(namespace: Option<&str>) -> &'static str {
    if namespace.is_some() { "rolebindings" } else { "clusterrolebindings" }
}

/// The bindings there.
pub fn bindings_at(walk: &Walk<'_>, namespace: Option<&str>) -> Vec<Value> {
    walk.site.list(&collection(bindings_on(namespace), namespace))
}

fn bind_to(
    walk: &mut Walk<'_>,
    hop: &Value,
    namespace: Option<&str>,
    who: &Credential,
    role: (&str, &str),
    rules: Option<&Value>,
) -> Result<Credential, Refused> {
    let on = bindings_on(namespace);
    let collection = collection(on, namespace);
    walk.delete(hop, &collection)?;
    let create = needed(hop, |verb, resource| verb == "create" && resource == on);
    let changes = |verb: &str| matches!(verb, "patch" | "update");
    let change = needed(hop, |verb, resource| changes(verb) && resource == on);
    // Everybody who was taken over can be named in a binding, those too who are posed as only.
    let subjects = walk.everybody();
    let binding = |name: &str| {
        let mut binding = bound(name, namespace, role, &Value::Null);
        binding["subjects"] = json!(subjects);
        binding
    };
    let at = namespace.unwrap_or_default();
    let lacks = |one| rules.and_then(|rules| walk.lacks(one, rules, at));
    let lacking: Vec<_> = subjects.iter().map(lacks).collect();
    match (create, change) {
        (Some(create), None) if create["resourceNames"].is_null() => {
            let object = binding(&format!("{}-{}", walk.name, walk.asked()));
            walk.create(who, &collection, &object)?;
        }
        (Some(create), Some(change)) => {
            let there = bindings_at(walk, namespace);
            let called = |name: &str| there.iter().find(|one| one["metadata"]["name"] == name);
            let is_same =
                |one: &Value| one["roleRef"]["kind"] == role.0 && one["roleRef"]["name"] == role.1;
            let names = create["resourceNames"].as_array().expect("names");
            let names = names.iter().filter_map(Value::as_str).filter(|name| lets(change, name));
            let deleted = hop["deletes"]["name"].as_str();
            let names = names.filter(|name| deleted.is_none_or(|deleted| deleted == *name));
            // A name that is free may be wanted again.
            let mut names: Vec<&str> = names.collect();
            names.sort_by_key(|name| called(name).is_none());
            let fits = |name: &&str| called(name).is_none_or(is_same);
            let name = names.into_iter().find(fits).expect("a name");
            let mut object = binding(name);
            if let Some(there) = called(name) {
                let all = object["subjects"].as_array_mut().expect("subjects");
                all.extend(there["subjects"].as_array().cloned().unwrap_or_default());
            }
            let uri = format!("{collection}/{name}");
            let how =
                if change["verb"] == "patch" { How::Apply(&object) } else { How::Put(&object) };
            walk.change(who, &uri, how)?;
        }
        (_, Some(change)) => {
            let there = bindings_at(walk, namespace);
            let fits = |one: &&Value| {
                lets(change, one["metadata"]["name"].as_str().expect("a name"))
                    && one["roleRef"]["kind"] == role.0
                    && one["roleRef"]["name"] == role.1
            };
            let mut object = there.iter().find(fits).expect("a binding to the role").clone();
            let name = object["metadata"]["name"].as_str().expect("a name").to_owned();
            let all = object["subjects"].as_array_mut().expect("subjects");
            all.extend(subjects.clone());
            let merge = json!({"subjects": all});
            object["apiVersion"] = json!("rbac.authorization.k8s.io/v1");
            object["kind"] = bound("", namespace, role, &Value::Null)["kind"].clone();
            let how =
                if change["verb"] == "patch" { How::Merge(&merge) } else { How::Put(&object) };
            walk.change(who, &format!("{collection}/{name}"), how)?;
        }
        other => panic!("nothing to bind with: {other:?}"),
    }
    for one in lacking {
        walk.gives(one);
    }
    Ok(walk.own())
}

/// Who writes a role: whom a grant names that gives one of the two rights for it, as both are asked of
/// the one who does.
pub fn writer(walk: &Walk<'_>, hop: &Value, write: &Value) -> Credential {
    let escalate = needed(hop, |verb, _| verb == "escalate");
    let granted = |one: &&Value| !one["via"].is_null();
    let by = std::iter::once(write).chain(escalate).find(granted);
    walk.holder(hop, by.unwrap_or(write))
}

/// A role that one of those who make the step is bound to is made to allow everything.
fn escalate(
    walk: &mut Walk<'_>,
    hop: &Value,
    namespace: Option<&str>,
) -> Result<Credential, Refused> {
    let is_role = |resource: &str| resource == "roles" || resource == "clusterroles";
    let writes = |verb: &str| matches!(verb, "create" | "patch" | "update");
    let write = needed(hop, |verb, resource| writes(verb) && is_role(resource));
    let write = write.expect("writing roles");
    let who = writer(walk, hop, write);
    let on = write["resource"].as_str().expect("a resource");
    walk.delete(hop, &collection(on, namespace.filter(|_| on == "roles")))?;
    let kind = if on == "roles" { "Role" } else { "ClusterRole" };
    let there = bindings_at(walk, namespace);
    let names = write["resourceNames"].as_array();
    let made = needed(hop, |verb, _| verb == "create").is_some();
    let at = namespace.filter(|_| on == "roles");
    let is_there = |name: &Value| {
        let name = name.as_str().expect("a name");
        walk.site.get(&format!("{}/{name}", collection(on, at))).is_some()
    };
    let held = |subject: &Value| {
        let found = there.iter().find(|binding| {
            let subjects = binding["subjects"].as_array().cloned().unwrap_or_default();
            subjects.contains(subject)
                && binding["roleRef"]["kind"] == kind
                && names.is_none_or(|names| names.contains(&binding["roleRef"]["name"]))
                && is_there(&binding["roleRef"]["name"]) != made
        });
        found.map(|binding| binding["roleRef"]["name"].clone())
    };
    let mut all = walk.all(hop);
    if walk.shares {
        all.push((walk.own(), walk.own_subject()));
    }
    let found = all.iter().find_map(|(holder, subject)| Some((holder, subject, held(subject)?)));
    // Who was taken out of the binding changes the role all the same.
    let via = &hop["held"][0]["via"];
    let (holder, subject, name) = match &found {
        Some((holder, subject, name)) => (*holder, Some(*subject), name.clone()),
        None => (&all[0].0, None, via["role"].clone()),
    };
    let at_all = namespace.unwrap_or_default();
    let lacking = subject.and_then(|subject| walk.lacks(subject, &everything(), at_all));
    let name = name.as_str().expect("a name");
    let object = role(name, at, &everything());
    let uri = format!("{}/{name}", collection(on, at));
    match (needed(hop, |verb, _| verb == "create"), write["verb"].as_str()) {
        (Some(create), _) if create["resourceNames"].is_null() => {
            walk.create(&who, &collection(on, at), &object)?;
        }
        (Some(_), _) if needed(hop, |verb, _| verb == "patch").is_some() => {
            walk.change(&who, &uri, How::Apply(&object))?;
        }
        (Some(_), _) | (None, Some("update")) => {
            walk.change(&who, &uri, How::Put(&object))?;
        }
        (None, _) => {
            // The controller would put the rules of an aggregated one back.
            let merge = json!({"rules": everything(), "aggregationRule": null});
            walk.change(&who, &uri, How::Merge(&merge))?;
        }
    }
    walk.gives(lacking);
    if !walk.shares || walk.everybody().len() < 2 {
        return Ok(holder.clone());
    }
    share(walk, &holder.clone(), namespace)?;
    Ok(walk.own())
}

/// A role is emptied, or made so, bound, and changed to allow everything.
fn bind_and_escalate(
    walk: &mut Walk<'_>,
    hop: &Value,
    namespace: Option<&str>,
) -> Result<Credential, Refused> {
    let is_role = |resource: &str| resource == "roles" || resource == "clusterroles";
    let write = needed(hop, |verb, on| matches!(verb, "patch" | "update") && is_role(on));
    let write = write.expect("changing roles");
    let on = write["resource"].as_str().expect("a resource");
    let kind = if on == "roles" { "Role" } else { "ClusterRole" };
    let at = namespace.filter(|_| on == "roles");
    let who = writer(walk, hop, write);
    let create = needed(hop, |verb, on| verb == "create" && is_role(on));
    let binding = needed(hop, |_, resource| resource.ends_with("bindings")).expect("binding");
    let makes_binding = needed(hop, |verb, on| verb == "create" && on.ends_with("bindings"));
    let name = if create.is_some() {
        let is_free = |name: &&Value| {
            let name = name.as_str().expect("a name");
            walk.site.get(&format!("{}/{name}", collection(on, at))).is_none()
        };
        let names = write["resourceNames"].as_array();
        names.map_or_else(
            || walk.name.clone(),
            |names| names.iter().find(is_free).and_then(Value::as_str).expect("a name").to_owned(),
        )
    } else {
        let there = walk.site.list(&collection(on, at));
        let mut there = there.iter().filter_map(|role| role["metadata"]["name"].as_str());
        let bound = bindings_at(walk, namespace);
        let is_bound = |name: &str| {
            bound.iter().any(|one| {
                one["roleRef"]["kind"] == kind
                    && one["roleRef"]["name"] == name
                    && lets(binding, one["metadata"]["name"].as_str().expect("a name"))
            })
        };
        let fits = |name: &&str| lets(write, name) && (makes_binding.is_some() || is_bound(name));
        there.find(fits).expect("a role").to_owned()
    };
    let uri = format!("{}/{name}", collection(on, at));
    let write = |walk: &mut Walk<'_>, rules: &Value| {
        let (object, merge) = (role(&name, at, rules), json!({"rules": rules}));
        let how = if write["verb"] == "patch" { How::Merge(&merge) } else { How::Put(&object) };
        walk.change(&who, &uri, how)
    };
    let nothing = json!([]);
    match create {
        None => write(walk, &nothing)?,
        Some(create) => {
            let maker = walk.holder(hop, create);
            walk.create(&maker, &collection(on, at), &role(&name, at, &nothing))?
        }
    };
    let at_all = namespace.unwrap_or_default();
    let lacking = walk.lacks(&walk.own_subject(), &everything(), at_all);
    let binder = walk.holder(hop, binding);
    bind_to(walk, hop, namespace, &binder, (kind, &name), None)?;
    write(walk, &everything())?;
    walk.gives(lacking);
    Ok(walk.own())
}

/// Who may do everything there lets all the others who were taken over do so too.
pub fn share(
    walk: &mut Walk<'_>,
    who: &Credential,
    namespace: Option<&str>,
) -> Result<(), Refused> {
    let name = format!("{}-{}", walk.name, walk.asked());
    let mut object = bound(&name, namespace, ("ClusterRole", "cluster-admin"), &Value::Null);
    let everybody = walk.everybody();
    object["subjects"] = json!(everybody);
    let at = namespace.unwrap_or_default();
    let lacking = everybody.iter().map(|one| walk.lacks(one, &everything(), at));
    let lacking: Vec<_> = lacking.collect();
    walk.create(who, &collection(bindings_on(namespace), namespace), &object)?;
    for one in lacking {
        walk.gives(one);
    }
    Ok(())
}

/// Where the objects of a kind of RBAC's are.
pub fn collection(resource: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("{RBAC}/namespaces/{namespace}/{resource}"),
        None => format!("{RBAC}/{resource}"),
    }
}
