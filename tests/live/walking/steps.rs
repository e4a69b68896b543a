//! What somebody asks of the API server to make each kind of step: written down from Kubernetes'
//! own documentation of what the permission is for, not from what keybook looks at.

use serde_json::{Value, json};

use super::pods;
use super::site::{Credential, request};
use super::walk::{How, Walk, watched};

/// Makes a step: what is held then.
pub fn take(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    match hop["step"].as_str().expect("a step") {
        "impersonate" | "constrained-impersonate" => impersonate(walk, hop),
        "bind"
        | "bind-own-role"
        | "hand-over"
        | "escalate"
        | "bind-and-escalate"
        | "escalate-aggregated"
        | "aggregate" => super::binding::take(walk, hop),
        "mint-token" => mint(walk, hop),
        "read-token" => read(walk, hop),
        "make-token-secret" => make_secret(walk, hop),
        "change-token-secret" => change_secret(walk, hop),
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
    name_by_all(&[needed])
}

/// The first name that all these permissions let through; None where any name will do.
pub fn name_by_all(all: &[&Value]) -> Option<String> {
    let first = all.iter().find_map(|one| one["resourceNames"].as_array())?;
    let mut names = first.iter().filter_map(Value::as_str);
    names.find(|name| all.iter().all(|one| lets(one, name))).map(str::to_owned)
}

/// Whether a permission is for an object of this name.
pub fn lets(needed: &Value, name: &str) -> bool {
    needed["resourceNames"].as_array().is_none_or(|names| names.contains(&json!(name)))
}

/// The account that a step gains, with its namespace.
pub fn account_of(hop: &Value) -> (String, String) {
    let identity = &hop["gain"]["identity"];
    let text = |field: &str| identity[field].as_str().expect("an account").to_owned();
    (text("namespace"), text("name"))
}

/// Headers that go with every request; none is sent yet.
fn impersonate(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let all = hop["from"].as_array().expect("who");
    let mut who = walk.from(hop, 0);
    if let [_, _, ..] = all[..] {
        // Every ClusterRole is cluster-admin, too.
        let gives_all = |from: &Value| {
            let role = &from["role"];
            let every = from["kind"] == "role" && role["name"].is_null();
            from["kind"] == "everything" || every && role["kind"] == "ClusterRole"
        };
        let at = all.iter().position(gives_all);
        if let Some(at) = at.filter(|_| walk.shares) {
            let namespace = all[at]["at"]["namespace"].as_str();
            super::binding::share(walk, &walk.from(hop, at), namespace)?;
        }
        // One of them sends the request.
        let somebody = all.iter().position(|from| from["kind"] == "identity");
        who = walk.from(hop, somebody.unwrap_or_default());
    }
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
    Ok(who.with(headers))
}

/// A user's name that the permission takes in: of accounts, one that need not exist.
fn somebody(hop: &Value) -> String {
    match needed(hop, |_, resource| resource == "serviceaccounts") {
        Some(right) => {
            let namespace = right["at"]["namespace"].as_str().unwrap_or("default");
            let name = name_of(right).unwrap_or_else(|| "somebody".to_owned());
            format!("system:serviceaccount:{namespace}:{name}")
        }
        None => "somebody@walk.example".to_owned(),
    }
}

/// The account that a step gains, where it is not there.
pub fn make_account(walk: &mut Walk<'_>, hop: &Value) -> Result<(), super::walk::Refused> {
    let Some(made) = hop["makes"]["name"].as_str() else { return Ok(()) };
    let namespace = hop["makes"]["namespace"].as_str().expect("a namespace");
    let is_it = |verb: &str, resource: &str| verb == "create" && resource == "serviceaccounts";
    let create = needed(hop, is_it).expect("making accounts");
    let who = walk.holder(hop, create);
    let object = super::rights::service_account(namespace, made);
    let all = format!("/api/v1/namespaces/{namespace}/serviceaccounts");
    if create["resourceNames"].is_null() {
        walk.create(&who, &all, &object)?;
    } else {
        walk.change(&who, &format!("{all}/{made}"), How::Apply(&object))?;
    }
    Ok(())
}

fn mint(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let (namespace, name) = account_of(hop);
    make_account(walk, hop)?;
    let right = needed(hop, |_, resource| resource == "serviceaccounts/token").expect("minting");
    let uri = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
    let made = walk.ask(&walk.holder(hop, right), &request("POST", &uri, Some(&json!({}))))?;
    Ok(walk.site.bearer(made["status"]["token"].as_str().expect("a token")))
}

fn read(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let (namespace, account) = account_of(hop);
    let right = needed(hop, |_, resource| resource == "secrets").expect("reading Secrets");
    let all = walk.site.list(&format!("/api/v1/namespaces/{namespace}/secrets"));
    let of_account = all.iter().filter(|secret| is_of(secret, &account));
    let name = |secret: &Value| secret["metadata"]["name"].as_str().expect("a name").to_owned();
    let name = of_account.map(name).find(|name| lets(right, name)).expect("a token Secret");
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
    let dry = "dryRun=All&propagationPolicy=Foreground";
    let sent = match verb {
        "get" => request("GET", &format!("{secrets}/{name}"), None),
        "list" => request("GET", &format!("{secrets}?{only}"), None),
        // A patch of nothing, and what deletes nothing.
        "patch" => {
            let mut sent = request("PATCH", &format!("{secrets}/{name}"), Some(&json!({})));
            super::site::content_type(&mut sent, "application/merge-patch+json");
            sent
        }
        "delete" => request("DELETE", &format!("{secrets}/{name}?{dry}"), None),
        "deletecollection" => request("DELETE", &format!("{secrets}?{dry}"), None),
        _ => {
            let watch = "watch=true&resourceVersion=0&timeoutSeconds=1";
            request("GET", &format!("{secrets}?{only}{watch}"), None)
        }
    };
    // The token controller fills in a Secret that was made just now.
    walk.site.get(&format!("{secrets}/{name}")).inspect(|_| {
        crate::support::process::await_some("the token", || {
            let there = walk.site.get(&format!("{secrets}/{name}"))?;
            there["data"]["token"].is_string().then_some(())
        });
    });
    let said = walk.ask(who, &sent)?;
    let found = match (verb, said) {
        ("get" | "patch" | "delete", secret) => vec![secret],
        ("list" | "deletecollection", list) => {
            list["items"].as_array().cloned().unwrap_or_default()
        }
        (_, Value::String(events)) => watched(&events),
        (_, event) => vec![event["object"].clone()],
    };
    let is_it = |secret: &&Value| secret["metadata"]["name"] == name;
    let secret = found.iter().rfind(is_it).expect("the Secret");
    let token = secret["data"]["token"].as_str().expect("a token");
    let token = base64::engine::general_purpose::STANDARD.decode(token).expect("base64");
    Ok(String::from_utf8(token).expect("text"))
}

/// Without data and with the account's name: the controller fills it in for that one.
fn change_secret(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let (namespace, account) = account_of(hop);
    make_account(walk, hop)?;
    let change = needed(hop, |verb, on| matches!(verb, "patch" | "update") && on == "secrets");
    let change = change.expect("changing");
    let read = reading(hop);
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let there = walk.site.list(&secrets);
    let name = |secret: &Value| secret["metadata"]["name"].as_str().expect("a name").to_owned();
    let tokens =
        there.iter().filter(|secret| secret["type"] == "kubernetes.io/service-account-token");
    let mut names = tokens.map(name).filter(|name| lets(change, name));
    let name = names.find(|name| is_pods(read) || lets(read, name)).expect("a token Secret");
    let uri = format!("{secrets}/{name}");
    let writer = walk.holder(hop, change);
    let annotations = json!({"kubernetes.io/service-account.name": account,
        "kubernetes.io/service-account.uid": null});
    if change["verb"] == "patch" {
        let merge = json!({"metadata": {"annotations": annotations}, "data": null});
        walk.change(&writer, &uri, How::Merge(&merge))?;
    } else {
        let put = json!({"apiVersion": "v1", "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {"name": name, "namespace": namespace,
                "annotations": {"kubernetes.io/service-account.name": account}}});
        walk.change(&writer, &uri, How::Put(&put))?;
    }
    let reader = walk.holder(hop, read);
    token_of(walk, hop, &reader, &namespace, &name)
}

/// By what a Secret is read: what does nothing else, else what is answered with it, else a container
/// that is added to a pod.
fn reading(hop: &Value) -> &Value {
    let verbs = ["get", "list", "watch", "patch", "delete", "deletecollection"];
    let by = |wanted: &str| needed(hop, |verb, on| verb == wanted && on == "secrets");
    let pods = || needed(hop, |_, on| on == "pods/ephemeralcontainers" || on == "pods/exec");
    // A patch may be there for what it writes.
    let mut plain = verbs[..3].iter();
    plain
        .find_map(|verb| by(verb))
        .or_else(pods)
        .or_else(|| verbs.iter().find_map(|verb| by(verb)))
        .expect("reading")
}

fn is_pods(right: &Value) -> bool {
    right["resource"] == "pods/ephemeralcontainers" || is_exec(right)
}

fn is_exec(right: &Value) -> bool {
    right["resource"] == "pods/exec"
}

/// Reads the token of a Secret as the step lets it.
fn token_of(
    walk: &mut Walk<'_>,
    hop: &Value,
    who: &Credential,
    namespace: &str,
    name: &str,
) -> Result<Credential, super::walk::Refused> {
    let read = reading(hop);
    if is_pods(read) {
        let uri = format!("/api/v1/namespaces/{namespace}/secrets/{name}");
        // What is refused before is not there.
        walk.site.get(&uri).inspect(|_| {
            crate::support::process::await_some("the token", || {
                walk.site.get(&uri)?["data"]["token"].is_string().then_some(())
            });
        });
        if is_exec(read) {
            return pods::look_at(walk, who, read, (namespace, name));
        }
        return pods::take(walk, hop, "add-container-secret");
    }
    read_secret(walk, who, read, namespace, name).map(|token| walk.site.bearer(&token))
}

/// The name that all permissions of a step let through.
pub fn by_all(hop: &Value) -> Option<String> {
    let all = hop["needed"].as_array().expect("what it takes").iter();
    let is_it = |one: &&Value| one["resource"] != "serviceaccounts" && !is_pods(one);
    name_by_all(&all.filter(is_it).collect::<Vec<_>>())
}

fn make_secret(walk: &mut Walk<'_>, hop: &Value) -> Result<Credential, super::walk::Refused> {
    let (namespace, account) = account_of(hop);
    make_account(walk, hop)?;
    let create = needed(hop, |verb, _| verb == "create").expect("making Secrets");
    let read = reading(hop);
    let awaited = is_exec(read).then(|| pods::awaited_secret(walk, read, &namespace)).flatten();
    let name = awaited.or_else(|| by_all(hop)).unwrap_or_else(|| walk.name.clone());
    let object = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": account}}});
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let who = walk.holder(hop, create);
    if walk.site.get(&format!("{secrets}/{name}")).is_some() {
        return change_secret(walk, hop);
    }
    if create["resourceNames"].is_null() {
        walk.create(&who, &secrets, &object)?;
    } else {
        walk.change(&who, &format!("{secrets}/{name}"), How::Apply(&object))?;
    }
    let reader = if is_pods(read) { walk.holder(hop, read) } else { who };
    token_of(walk, hop, &reader, &namespace, &name)
}
