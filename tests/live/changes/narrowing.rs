//! Narrowing on a real API server, to what real clients did: everything that they did stays allowed,
//! nobody gains anything, and where nothing is left to judgement what is left is what they did.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;
use serde_json::{Value, json};

use super::beside_audit2rbac::{self, Beside};
use super::{Desk, cluster};
use crate::activity::client::{Request, Server};
use crate::answers::stored;
use crate::full;
use crate::reviews::folder;
use crate::support::cluster::{Cluster, oracle, program};
use crate::support::process::await_some;
use crate::support::reviews::{review, specs};
use crate::support::world::{For, World, world};

/// Nothing is left to judgement.
const STRICT: [&str; 9] = [
    "--single-verbs",
    "--names",
    "1000",
    "--namespaces",
    "1000",
    "--younger-than",
    "0",
    "--not-in-logs",
    "drop",
];

/// What a person would use, but that the grants are minutes old.
const USUAL: [&str; 2] = ["--younger-than", "0"];

/// Somebody with a certificate of their own.
pub(super) struct Client {
    pub(super) name: String,
    groups: Vec<String>,
    tls: Arc<ClientConfig>,
}

pub(super) fn lines(specs: &[Value]) -> String {
    specs.iter().map(review).collect::<Vec<_>>().join("\n") + "\n"
}

pub(super) fn allowed(answers: &[Value]) -> Vec<bool> {
    answers.iter().map(|answer| answer["status"]["allowed"] == true).collect()
}

fn is_plain(text: &str) -> bool {
    text.chars().all(|one| one.is_ascii_alphanumeric() || "-._".contains(one))
}

/// The request that the API server reads as a spec's attributes; None where no client can send it.
/// Nothing is changed by it.
fn request(spec: &Value) -> Option<Request> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(attributes) = spec.get("nonResourceAttributes") {
        let (verb, path) = (text(&attributes["verb"]), text(&attributes["path"]));
        let plain = path.starts_with("/logs") && path.split('/').all(is_plain);
        return (verb == "get" && plain).then(|| Request {
            method: "GET",
            uri: path,
            ..Request::default()
        });
    }
    let attributes = &spec["resourceAttributes"];
    let field = |name: &str| text(&attributes[name]);
    let (verb, group, resource) = (field("verb"), field("group"), field("resource"));
    let (subresource, namespace, name) = (field("subresource"), field("namespace"), field("name"));
    let whole =
        [&group, &resource, &subresource, &namespace, &name].into_iter().all(|part| is_plain(part));
    // These stream, or are answered by somebody else.
    let apart = ["exec", "attach", "portforward", "proxy", "log"].contains(&&*subresource);
    if !whole || apart || resource.is_empty() || (!subresource.is_empty() && name.is_empty()) {
        return None;
    }
    let named = !name.is_empty();
    let (method, query) = match (&*verb, named) {
        ("get", true) => ("GET", ""),
        ("list", false) => ("GET", "limit=1"),
        ("watch", false) => ("GET", "watch=true&timeoutSeconds=1"),
        ("create", of) if of != subresource.is_empty() => ("POST", "dryRun=All"),
        ("update", true) => ("PUT", "dryRun=All"),
        ("patch", true) => ("PATCH", "dryRun=All"),
        ("delete", true) => ("DELETE", "dryRun=All"),
        ("deletecollection", false) => ("DELETE", "dryRun=All&labelSelector=no%3Dsuch"),
        _ => return None,
    };
    // A namespace is authorised inside itself.
    if &*resource == "namespaces" && (named || !namespace.is_empty()) {
        return None;
    }
    let mut path =
        if group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{group}/v1") };
    if !namespace.is_empty() {
        path.extend(["/namespaces/", &namespace]);
    }
    for part in [&resource, &name, &subresource].into_iter().filter(|part| !part.is_empty()) {
        path.extend(["/", part]);
    }
    let body = if matches!(method, "POST" | "PUT" | "PATCH") { "{}" } else { "" };
    let kind = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    Some(Request {
        method,
        uri: format!("{path}?{query}"),
        headers: vec![("Content-Type".to_owned(), kind.to_owned())],
        body: body.to_owned(),
        from: 7,
        ..Request::default()
    })
}

/// Users with grants of their own, by how many requests of the specs are theirs, each with two groups
/// of the world.
fn clients(cluster: &Cluster, server: &Server, world: &World, specs: &[Value]) -> Vec<Client> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for spec in specs.iter().filter(|spec| request(spec).is_some()) {
        *counts.entry(spec["user"].as_str().unwrap_or_default()).or_default() += 1;
    }
    let prefix = format!("{}user-", world.prefix);
    let mut users: Vec<(usize, &str)> = counts
        .into_iter()
        .filter(|(user, _)| user.starts_with(&prefix))
        .map(|(user, count)| (count, user))
        .collect();
    users.sort_unstable();
    let group = |at: usize| format!("{}group-{}", world.prefix, at % 10);
    users
        .into_iter()
        .rev()
        .take(6)
        .enumerate()
        .map(|(at, (_, user))| {
            let groups = vec![group(at), group(at + 3)];
            let named: Vec<&str> = groups.iter().map(|group| &**group).collect();
            let cert = cluster.client_cert(user, &named);
            let tls = server.tls(Some((&cert.cert, &cert.key)));
            Client { name: user.to_owned(), groups, tls }
        })
        .collect()
}

/// The same question as the API server would be asked for this client.
pub(super) fn as_client(client: &Client, spec: &Value) -> Value {
    let mut spec = spec.clone();
    let mut groups = client.groups.clone();
    groups.push("system:authenticated".to_owned());
    spec["user"] = json!(client.name);
    spec["groups"] = json!(groups);
    if let Some(attributes) = spec.get_mut("resourceAttributes") {
        attributes["version"] = json!("v1");
    }
    spec
}

/// Sends what the specs of each client ask, and gives those that were let through and those that were
/// refused.
fn drive(server: &Server, clients: &[Client], specs: &[Value]) -> (Vec<Value>, Vec<Value>) {
    let (mut through, mut refused) = (Vec::new(), Vec::new());
    for client in clients {
        let own = specs.iter().filter(|spec| spec["user"] == *client.name);
        for spec in own {
            let Some(request) = request(spec) else { continue };
            let answer = server.send(&client.tls, &request).expect("an answer");
            let to = if matches!(answer.status, 401 | 403) { &mut refused } else { &mut through };
            to.push(as_client(client, spec));
        }
    }
    (through, refused)
}

/// Whether an observed request, kept as narrowly as rules can, lets another through.
pub(super) fn lets_through(need: &Value, probe: &Value) -> bool {
    let path = |spec: &Value| spec["nonResourceAttributes"].clone();
    if !path(need).is_null() || !path(probe).is_null() {
        return path(need) == path(probe);
    }
    let (need, probe) = (&need["resourceAttributes"], &probe["resourceAttributes"]);
    let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
    let same = |field: &str| text(need, field) == text(probe, field);
    let open = |field: &str| text(need, field).is_empty() || same(field);
    ["verb", "group", "resource", "subresource"].into_iter().all(same)
        && ["namespace", "name"].into_iter().all(open)
}

/// Whether an observed write takes the right that another request asks about: the API server asks for it
/// beside (`policybased/storage.go`, `plugin/pkg/admission/certificates`).
fn takes(need: &Value, probe: &Value) -> bool {
    let (need, probe) = (&need["resourceAttributes"], &probe["resourceAttributes"]);
    let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
    let writes = ["create", "update", "patch"].contains(&&*text(need, "verb"));
    let (written, sub) = (text(need, "resource"), text(need, "subresource"));
    let resource = text(probe, "resource");
    let beside = match &*text(probe, "verb") {
        "bind" if resource == "clusterroles" => written.ends_with("rolebindings"),
        "bind" => resource == "roles" && written == "rolebindings",
        "escalate" => written == resource,
        "approve" => written == "certificatesigningrequests" && sub == "approval",
        "sign" => written == "certificatesigningrequests" && sub == "status",
        "attest" => written == "clustertrustbundles",
        _ => false,
    };
    let place = text(need, "namespace");
    let same = text(need, "group") == text(probe, "group");
    writes && beside && same && (place.is_empty() || place == text(probe, "namespace"))
}

fn load(cluster: &Cluster, world: &World) {
    let text: Vec<String> = world.objects.iter().map(Value::to_string).collect();
    let report = cluster.load(&text.join("\n"));
    assert_eq!(report["failed"], 0, "{report}");
}

fn saved(cluster: &Cluster, name: &str) -> std::path::PathBuf {
    let folder = folder(name);
    cluster.save_rbac(&folder);
    folder
}

/// Roles and bindings as they read, by where they are, without what the server sets.
fn state(folder: &Path) -> BTreeMap<String, Value> {
    stored(folder)
        .into_iter()
        .map(|mut object| {
            let meta = object["metadata"].as_object_mut().expect("metadata");
            let name =
                format!("{} {}", meta.get("namespace").unwrap_or(&Value::Null), meta["name"]);
            for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
                meta.remove(field);
            }
            (format!("{} {name}", object["kind"]), object)
        })
        .collect()
}

/// The worlds before and after, to be held against each other.
struct Judged<'a> {
    program: &'a Path,
    before: &'a Path,
    after: &'a Path,
    strict: bool,
    /// audit2rbac and the log, where it is held against it.
    other: Option<(&'a Path, &'a str)>,
}

impl Judged<'_> {
    fn answers(&self, specs: &[Value]) -> (Vec<bool>, Vec<bool>) {
        let ask = |folder| allowed(&oracle(self.program, folder, &lines(specs)));
        (ask(self.before), ask(self.after))
    }

    /// Over the cross product nobody gains, and nobody else loses. Gives how much those who were
    /// narrowed still have by grants of their own.
    fn compare(
        &self,
        clients: &[Client],
        specs: &[Value],
        (through, refused): (&[Value], &[Value]),
        beside: &mut Beside,
    ) -> usize {
        let narrowed: BTreeSet<&str> = clients.iter().map(|client| &*client.name).collect();
        let others: Vec<Value> = specs
            .iter()
            .filter(|spec| !narrowed.contains(spec["user"].as_str().unwrap_or_default()))
            .cloned()
            .collect();
        let (was, is) = self.answers(&others);
        assert_eq!(was, is, "others");
        let mut left = 0;
        for client in clients {
            let all: Vec<Value> = specs.iter().map(|spec| as_client(client, spec)).collect();
            let (was, is) = self.answers(&all);
            let mut nobody = all.clone();
            for spec in &mut nobody {
                spec["user"] = json!("nobody-in-particular");
            }
            let (by_groups, _) = self.answers(&nobody);
            let own: Vec<&Value> =
                through.iter().filter(|spec| spec["user"] == *client.name).collect();
            if let Some(other) = self.other {
                // What their groups give is as it was.
                let asked = (0..all.len()).filter(|at| !by_groups[*at]);
                let asked: Vec<(Value, bool)> = asked.map(|at| (all[at].clone(), is[at])).collect();
                let denied: Vec<&Value> =
                    refused.iter().filter(|spec| spec["user"] == *client.name).collect();
                beside.add(other, self.program, client, &asked, (&own, &denied));
            }
            for (at, spec) in all.iter().enumerate() {
                assert!(was[at] || !is[at], "gained {spec}");
                if is[at] && !by_groups[at] {
                    left += 1;
                    let shows = |need: &Value| lets_through(need, spec) || takes(need, spec);
                    let evidence = || own.iter().any(|need| shows(need));
                    assert!(!self.strict || evidence(), "nothing shows the use of {spec}");
                }
            }
        }
        left
    }
}

#[test]
fn what_real_clients_did_stays_allowed_and_nobody_gains_anything() {
    let Some(cluster) = cluster() else { return };
    let program = program().expect("a cluster was started with it");
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let (worlds, many) = if full() { (20, 20_000) } else { (2, 8_000) };
    let (mut sent, mut steps, mut asked, mut left) = (0, 0, 0, 0);
    let (audit2rbac, mut besides) =
        (beside_audit2rbac::program(), (Beside::default(), Beside::default()));
    for seed in 1..=worlds {
        let strict = seed % 2 == 1;
        let world = world(500 + seed, For::Server);
        load(&cluster, &world);
        let before = await_some("aggregation to come to rest", || {
            let folder = saved(&cluster, &format!("narrow-{seed}-before"));
            let snapshot = crate::answers::snapshot(&folder);
            let rest = |role| {
                keybook::rbac::aggregation::drift(role, &snapshot.objects)
                    .is_none_or(|drift| drift.is_empty())
            };
            snapshot.objects.roles.values().all(|role| rest(role)).then_some(folder)
        });
        let specs = specs(&world, &stored(&before), seed, many);
        let clients = clients(&cluster, &server, &world, &specs);
        // What the first of them may do shows when the server has caught up with what was stored.
        await_some("the authorizer to catch up", || {
            let own: Vec<Value> = specs.iter().take(400).cloned().collect();
            let theirs = allowed(&cluster.sar(&lines(&own)));
            (theirs == allowed(&oracle(&program, &before, &lines(&own)))).then_some(())
        });
        let (through, refused) = drive(&server, &clients, &specs);
        assert!(through.len() > 30, "seed {seed}: {} requests came through", through.len());
        assert!(allowed(&cluster.sar(&lines(&through))).into_iter().all(|one| one), "seed {seed}");
        sent += through.len();

        let log = cluster.audit_log().display().to_string();
        let desk = Desk::new(cluster.kubeconfig());
        let plan = desk.folder.path().join("plan.json").display().to_string();
        let whom: Vec<String> =
            clients.iter().map(|client| format!("user:{}", client.name)).collect();
        let mut line = vec!["narrow", "--audit", &log, "--no-store", "--out", &plan, "-o", "json"];
        line.extend(if strict { &STRICT[..] } else { &USUAL });
        line.extend(whom.iter().map(|text| &**text));
        let made = desk.keybook(&line).ends_with(0).json();
        steps += made["steps"].as_array().map_or(0, Vec::len);
        desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");

        // Everything that was let through is let through again, by the API server itself.
        let again = allowed(&cluster.sar(&lines(&through)));
        let lost: Vec<&Value> =
            through.iter().zip(&again).filter(|(_, is)| !**is).map(|(spec, _)| spec).collect();
        assert!(lost.is_empty(), "seed {seed}: {lost:?}");
        for client in &clients {
            let own: Vec<Value> =
                through.iter().filter(|spec| spec["user"] == *client.name).cloned().collect();
            let first = own.first().and_then(request);
            if let Some(request) = first {
                let answer = server.send(&client.tls, &request).expect("an answer");
                assert!(!matches!(answer.status, 401 | 403), "seed {seed} {}", client.name);
            }
        }

        let after = saved(&cluster, &format!("narrow-{seed}-after"));
        let other = audit2rbac.as_deref().map(|other| (other, &*log));
        let judged = Judged { program: &program, before: &before, after: &after, strict, other };
        let beside = if strict { &mut besides.0 } else { &mut besides.1 };
        left += judged.compare(&clients, &specs, (&through, &refused), beside);
        asked += clients.len() * specs.len();

        desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
        let undone = saved(&cluster, &format!("narrow-{seed}-undone"));
        assert_eq!(state(&undone), state(&before), "seed {seed}");
        for folder in [before, after, undone] {
            std::fs::remove_dir_all(folder).expect("remove the folder");
        }
    }
    println!(
        "narrow: {worlds} worlds, {sent} requests let through before and after, {steps} steps, {asked} \
         questions of who was narrowed, {left} still allowed by grants of their own; 0 lost, 0 gained, \
         0 without evidence"
    );
    if audit2rbac.is_some() {
        println!("nothing left to judgement: {}\nas people would: {}", besides.0, besides.1);
    }
    assert!(steps > 20 && left > 20, "{steps} steps, {left} left");
}
