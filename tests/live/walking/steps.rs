//! What somebody asks of the API server to make each kind of step: written down from Kubernetes'
//! own documentation of what the permission is for, not from what keybook looks at.

use serde_json::{Value, json};

use super::pods;
use super::rights::{bound, everything, role};
use super::site::{Credential, request};
use super::walk::{How, Walk, watched};

pub const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

/// Makes a step: what is held then.
pub fn take(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    match hop["step"].as_str().expect("a step") {
        "impersonate" | "constrained-impersonate" => Ok(impersonate(walk, hop)),
        "bind" | "bind-own-role" | "hand-over" => bind(walk, hop),
        "escalate" => escalate(walk, hop),
        "bind-and-escalate" => bind_and_escalate(walk, hop),
        "mint-token" => mint(walk, hop),
        "read-token" => read(walk, hop),
        "make-token-secret" => make_secret(walk, hop),
        "certificate" => super::certificates::take(walk, hop),
        other => pods::take(walk, hop, other),
    }
}

/// A permission of a step, by what it is for.
pub fn needed(hop: &Value, is_it: impl Fn(&str, &str) -> bool) -> Option<&Value> {
    let all = hop["needed"].as_array().expect("what it takes");
    all.iter().find(|one| {
        is_it(one["verb"].as_str().expect("a verb"), one["resource"].as_str().expect("a resource"))
    })
}

/// The first name that a permission is bound to.
pub fn name_of(needed: &Value) -> Option<String> {
    needed["resourceNames"][0].as_str().map(str::to_owned)
}

/// The account that a step gains, with its namespace.
pub fn account_of(hop: &Value) -> (String, String) {
    let identity = &hop["gain"]["identity"];
    let text = |field: &str| identity[field].as_str().expect("an account").to_owned();
    (text("namespace"), text("name"))
}

/// Headers that go with every request; none is sent yet.
fn impersonate(walk: &Walk<'_>, hop: &Value) -> Credential {
    let who = walk.from(hop, 0);
    let gain = &hop["gain"];
    // Where no grant names the user, any will do that the permission lets be one.
    let anybody = needed(hop, |_, resource| resource == "users").and_then(name_of);
    let user = match gain["identity"]["kind"].as_str() {
        Some("ServiceAccount") => {
            let (namespace, name) = account_of(hop);
            format!("system:serviceaccount:{namespace}:{name}")
        }
        Some("User") => gain["identity"]["name"].as_str().expect("a name").to_owned(),
        _ => anybody.unwrap_or_else(|| somebody(hop)),
    };
    let mut headers = vec![("Impersonate-User".to_owned(), user)];
    let mut groups: Vec<&str> =
        gain["groups"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if gain["identity"]["kind"] == "Group" {
        groups.extend(gain["identity"]["name"].as_str());
    }
    headers
        .extend(groups.into_iter().map(|group| ("Impersonate-Group".to_owned(), group.to_owned())));
    who.with(headers)
}

/// A user's name that the permission takes in: of accounts, one that need not exist.
fn somebody(hop: &Value) -> String {
    match needed(hop, |_, resource| resource == "serviceaccounts") {
        Some(right) => {
            let namespace = right["at"]["namespace"].as_str().unwrap_or("default");
            format!("system:serviceaccount:{namespace}:somebody")
        }
        None => "somebody@walk.example".to_owned(),
    }
}

/// A binding for oneself, or for all who were taken over.
fn bind(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let who = walk.from(hop, 0);
    let own = hop["step"] == "bind-own-role";
    let namespace = hop["gain"]["at"]["namespace"].as_str();
    if own {
        let write = needed(hop, |verb, resource| verb == "create" && resource.ends_with("roles"));
        let on = write.expect("making roles")["resource"].as_str().expect("a resource");
        let namespace = namespace.filter(|_| on == "roles");
        let name = walk.name.clone();
        let object = role(&name, namespace, &everything());
        walk.create(&who, &collection(on, namespace), &object)?;
        let kind = if on == "roles" { "Role" } else { "ClusterRole" };
        return bind_to(walk, hop, &who, (kind, &name), Some(&everything()));
    }
    let gained = &hop["gain"]["role"];
    let kind = gained["kind"].as_str().expect("a kind");
    let (kind, on) =
        if kind == "Role" { ("Role", "roles") } else { ("ClusterRole", "clusterroles") };
    let name = gained["name"].as_str().unwrap_or("cluster-admin");
    let uri = format!("{}/{name}", collection(on, namespace.filter(|_| on == "roles")));
    let rules = walk.site.get(&uri).expect("the role")["rules"].clone();
    bind_to(walk, hop, &who, (kind, name), Some(&rules))
}

fn bind_to(
    walk: &mut Walk<'_>,
    hop: &Value,
    who: &Credential,
    role: (&str, &str),
    rules: Option<&Value>,
) -> Result<Credential, super::walk::Refused> {
    let namespace = hop["gain"]["at"]["namespace"].as_str();
    let on = if namespace.is_some() { "rolebindings" } else { "clusterrolebindings" };
    let collection = collection(on, namespace);
    let create = needed(hop, |verb, resource| verb == "create" && resource == on);
    let change = needed(hop, |verb, resource| verb != "create" && resource == on);
    let subjects =
        if hop["step"] == "hand-over" { walk.everybody() } else { vec![walk.subject(hop, 0)] };
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
            let object = binding(&walk.name);
            walk.create(who, &collection, &object)?;
        }
        (Some(create), Some(change)) => {
            let object = binding(&name_of(create).expect("a name"));
            let uri =
                format!("{collection}/{}", object["metadata"]["name"].as_str().expect("a name"));
            let how =
                if change["verb"] == "patch" { How::Apply(&object) } else { How::Put(&object) };
            walk.change(who, &uri, how)?;
        }
        (_, Some(change)) => {
            let there = walk.site.list(&collection);
            let fits = |one: &&Value| {
                let name = name_of(change).is_none_or(|name| one["metadata"]["name"] == name);
                name && one["roleRef"]["kind"] == role.0 && one["roleRef"]["name"] == role.1
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
    Ok(who.clone())
}

/// A role that one of those who make the step is bound to is made to allow everything.
fn escalate(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let is_role = |resource: &str| resource == "roles" || resource == "clusterroles";
    let write = needed(hop, |verb, resource| verb != "escalate" && is_role(resource));
    let write = write.expect("writing roles");
    let who = walk.holder(hop, write);
    let on = write["resource"].as_str().expect("a resource");
    let kind = if on == "roles" { "Role" } else { "ClusterRole" };
    let namespace = hop["gain"]["at"]["namespace"].as_str();
    let bindings = if namespace.is_some() { "rolebindings" } else { "clusterrolebindings" };
    let there = walk.site.list(&collection(bindings, namespace));
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
    let all = walk.all(hop);
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
            walk.change(&who, &uri, How::Merge(&json!({"rules": everything()})))?;
        }
    }
    walk.gives(lacking);
    Ok(holder.clone())
}

/// A role is emptied, or made so, bound, and changed to allow everything.
fn bind_and_escalate(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let is_role = |resource: &str| resource == "roles" || resource == "clusterroles";
    let write = needed(hop, |verb, on| matches!(verb, "patch" | "update") && is_role(on));
    let write = write.expect("changing roles");
    let on = write["resource"].as_str().expect("a resource");
    let kind = if on == "roles" { "Role" } else { "ClusterRole" };
    let namespace = hop["gain"]["at"]["namespace"].as_str();
    let at = namespace.filter(|_| on == "roles");
    let who = walk.holder(hop, write);
    let name = name_of(write).unwrap_or_else(|| walk.name.clone());
    let uri = format!("{}/{name}", collection(on, at));
    let write = |walk: &mut Walk<'_>, rules: &Value| {
        let (object, merge) = (role(&name, at, rules), json!({"rules": rules}));
        let how = if write["verb"] == "patch" { How::Merge(&merge) } else { How::Put(&object) };
        walk.change(&who, &uri, how)
    };
    let nothing = json!([]);
    match needed(hop, |verb, on| verb == "create" && is_role(on)) {
        None => write(walk, &nothing)?,
        Some(create) => {
            let maker = walk.holder(hop, create);
            walk.create(&maker, &collection(on, at), &role(&name, at, &nothing))?
        }
    };
    let subject = walk.subject(hop, 0);
    let lacking = walk.lacks(&subject, &everything(), namespace.unwrap_or_default());
    let binding = needed(hop, |_, resource| resource.ends_with("bindings")).expect("binding");
    let binder = walk.holder(hop, binding);
    bind_to(walk, hop, &binder, (kind, &name), None)?;
    write(walk, &everything())?;
    walk.gives(lacking);
    Ok(walk.from(hop, 0))
}

fn mint(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let (namespace, name) = account_of(hop);
    let uri = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let made = walk.ask(&walk.from(hop, 0), &request("POST", &uri, Some(&json!({}))))?;
    Ok(walk.site.bearer(made["status"]["token"].as_str().expect("a token")))
}

fn read(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let (namespace, account) = account_of(hop);
    let right = needed(hop, |_, resource| resource == "secrets").expect("reading Secrets");
    let name = name_of(right).unwrap_or_else(|| {
        let all = walk.site.list(&format!("/api/v1/namespaces/{namespace}/secrets"));
        let held = all.iter().find(|secret| is_of(secret, &account)).expect("a token Secret");
        held["metadata"]["name"].as_str().expect("a name").to_owned()
    });
    let who = walk.from(hop, 0);
    read_secret(walk, &who, right, &namespace, &name).map(|token| walk.site.bearer(&token))
}

fn is_of(secret: &Value, account: &str) -> bool {
    secret["metadata"]["annotations"]["kubernetes.io/service-account.name"] == account
}

/// Reads the token of a Secret as that right lets it, once it is there.
fn read_secret(
    walk: &mut Walk<'_>,
    who: &Credential,
    right: &Value,
    namespace: &str,
    name: &str,
) -> Result<String, super::walk::Refused> {
    use base64::Engine as _;
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    // A rule with names lets lists be asked for that one object only.
    let only = if right["resourceNames"].is_null() {
        String::new()
    } else {
        format!("fieldSelector=metadata.name%3D{name}&")
    };
    let verb = right["verb"].as_str().expect("a verb");
    let uri = match verb {
        "get" => format!("{secrets}/{name}"),
        "list" => format!("{secrets}?{only}"),
        _ => format!("{secrets}?{only}watch=true&resourceVersion=0&timeoutSeconds=1"),
    };
    // The token controller fills in a Secret that was made just now.
    walk.site.get(&format!("{secrets}/{name}")).inspect(|_| {
        crate::support::process::await_some("the token", || {
            let there = walk.site.get(&format!("{secrets}/{name}"))?;
            there["data"]["token"].is_string().then_some(())
        });
    });
    let said = walk.ask(who, &request("GET", &uri, None))?;
    let found = match (verb, said) {
        ("get", secret) => vec![secret],
        ("list", list) => list["items"].as_array().cloned().unwrap_or_default(),
        (_, Value::String(events)) => watched(&events),
        (_, event) => vec![event["object"].clone()],
    };
    let is_it = |secret: &&Value| secret["metadata"]["name"] == name;
    let secret = found.iter().rfind(is_it).expect("the Secret");
    let token = secret["data"]["token"].as_str().expect("a token");
    let token = base64::engine::general_purpose::STANDARD.decode(token).expect("base64");
    Ok(String::from_utf8(token).expect("text"))
}

fn make_secret(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let (namespace, account) = account_of(hop);
    let create = needed(hop, |verb, _| verb == "create").expect("making Secrets");
    let read = needed(hop, |verb, _| matches!(verb, "get" | "list" | "watch")).expect("reading");
    let name = name_of(read).or_else(|| name_of(create)).unwrap_or_else(|| walk.name.clone());
    let object = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": account}}});
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let who = walk.from(hop, 0);
    if create["resourceNames"].is_null() {
        walk.create(&who, &secrets, &object)?;
    } else {
        walk.change(&who, &format!("{secrets}/{name}"), How::Apply(&object))?;
    }
    read_secret(walk, &who, read, &namespace, &name).map(|token| walk.site.bearer(&token))
}

/// Where the objects of a kind of RBAC's are.
pub fn collection(resource: &str, namespace: Option<&str>) -> String {
    match namespace {
        Some(namespace) => format!("{RBAC}/namespaces/{namespace}/{resource}"),
        None => format!("{RBAC}/{resource}"),
    }
}
