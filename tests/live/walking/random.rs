//! Random worlds on the real control plane: every path that keybook lists in them is walked, and the
//! API server refuses no step of it.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::case::reach_of;
use super::certificates::BOSS;
use super::rights::{account, asker, bound, first_of, role, service_account};
use super::site::{Credential, EMPTY_NODE, NODE, Site, VAULT, namespace, parsed, request};
use super::walk::{Walk, goal};
use crate::full;
use crate::support::process::await_some;

const RBAC: &str = "rbac.authorization.k8s.io";
const AUTH: &str = "authentication.k8s.io";
const CERTS: &str = "certificates.k8s.io";

/// An API group, resources of it, verbs that go with them, and names that are worth giving.
type Dish =
    (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const MENU: &[Dish] = &[
    ("", &["serviceaccounts/token"], &["create", "get"], &["x", "y"]),
    ("", &["serviceaccounts"], &["impersonate", "create"], &["x", "z"]),
    ("", &["users"], &["impersonate"], &[BOSS, "u2"]),
    ("", &["groups"], &["impersonate"], &["g1", "g2"]),
    (AUTH, &["users"], &["impersonate:user-info"], &[BOSS, "u2"]),
    (AUTH, &["serviceaccounts"], &["impersonate:serviceaccount"], &["x", "z"]),
    (AUTH, &["groups"], &["impersonate:user-info"], &["g1"]),
    (
        "",
        &["secrets", "serviceaccounts/token"],
        &[
            "impersonate-on:user-info:create",
            "impersonate-on:serviceaccount:create",
            "impersonate-on:user-info:get",
            "impersonate-on:serviceaccount:get",
        ],
        &[],
    ),
    ("", &["secrets"], &["get", "list", "create", "patch"], &["t", "mine"]),
    ("", &["pods"], &["create", "patch", "get", "delete"], &["p"]),
    ("", &["pods/exec"], &["create", "get"], &["p", "q"]),
    ("", &["pods/*", "*/*", "pods/ephemeralcontainers"], &["patch", "create"], &["p"]),
    ("apps", &["deployments"], &["create", "update", "patch"], &["web"]),
    ("", &["nodes/proxy"], &["get", "create", "update"], &[NODE, EMPTY_NODE]),
    (RBAC, &["clusterrolebindings"], &["create", "update", "patch"], &["mine", "b0"]),
    (RBAC, &["rolebindings"], &["create", "update", "patch"], &["mine", "b1"]),
    (RBAC, &["clusterrolebindings"], &["*", "delete", "deletecollection"], &["b0", "b8", "b9"]),
    (RBAC, &["rolebindings"], &["*", "delete", "deletecollection"], &["b1", "b3", "b10"]),
    (RBAC, &["clusterroles"], &["bind", "escalate", "create", "patch"], &["c0", "c1", "mine"]),
    (
        RBAC,
        &["roles"],
        &["bind", "escalate", "create", "patch", "update", "delete"],
        &["r0", "mine"],
    ),
    (CERTS, &["certificatesigningrequests"], &["create", "patch"], &["mine"]),
    (CERTS, &["certificatesigningrequests/approval"], &["update", "patch"], &["mine"]),
    (
        CERTS,
        &["signers"],
        &["approve"],
        &["kubernetes.io/kube-apiserver-client", "kubernetes.io/*", "other.io/x"],
    ),
];

/// Rules that lead somewhere together only: API group, resource, verbs.
type Course = &'static [(&'static str, &'static str, &'static [&'static str])];

const COURSES: &[Course] = &[
    &[
        (CERTS, "certificatesigningrequests", &["create"]),
        (CERTS, "certificatesigningrequests/approval", &["update"]),
        (CERTS, "signers", &["approve"]),
    ],
    &[
        (RBAC, "clusterroles", &["create", "bind"]),
        (RBAC, "clusterroles", &["escalate"]),
        (RBAC, "rolebindings", &["create"]),
    ],
    &[
        (RBAC, "roles", &["create", "bind"]),
        (RBAC, "roles", &["escalate"]),
        (RBAC, "rolebindings", &["create"]),
    ],
    &[
        (AUTH, "serviceaccounts", &["impersonate:serviceaccount"]),
        ("", "serviceaccounts/token", &["create", "impersonate-on:serviceaccount:create"]),
    ],
    &[("", "secrets", &["create", "patch"]), ("", "secrets", &["list"])],
];

/// A course, sometimes with a dish missing.
fn random_course(rng: &mut ChaCha8Rng) -> Value {
    let mut rules: Vec<Value> = COURSES
        .choose(rng)
        .expect("a course")
        .iter()
        .map(|(group, resource, verbs)| {
            json!({"verbs": verbs, "apiGroups": [group], "resources": [resource]})
        })
        .collect();
    if rng.random_bool(0.25) {
        rules.swap_remove(rng.random_range(0..rules.len()));
    }
    Value::Array(rules)
}

fn some_of<'a>(from: &[&'a str], most: usize, rng: &mut ChaCha8Rng) -> Vec<&'a str> {
    let count = rng.random_range(1..=most.min(from.len()));
    from.sample(rng, count).copied().collect()
}

fn random_rule(rng: &mut ChaCha8Rng) -> Value {
    let (group, resources, verbs, names) = *MENU.choose(rng).expect("a dish");
    let mut verbs = some_of(verbs, 3, rng);
    if rng.random_bool(0.04) {
        verbs = vec!["*"];
    }
    let mut rule =
        json!({"verbs": verbs, "apiGroups": [group], "resources": some_of(resources, 2, rng)});
    if !names.is_empty() && rng.random_bool(0.4) {
        let mut names = some_of(names, 2, rng);
        if rng.random_bool(0.2) {
            // Requests that carry no name, whatever they are about.
            names.insert(0, "");
        }
        rule["resourceNames"] = json!(names);
    }
    rule
}

/// A world with namespaces, roles and bindings of names of its own, and the accounts of it that
/// start walks.
struct World {
    objects: Vec<Value>,
    walkers: Vec<(String, &'static str)>,
}

impl World {
    fn random(seed: u64) -> Self {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let spaces = [format!("w{seed}a"), format!("w{seed}b")];
        let [a, b] = &spaces;
        let walkers = vec![(a.clone(), "x"), (a.clone(), "y"), (b.clone(), "x"), (b.clone(), "z")];
        let mut objects: Vec<Value> = spaces.iter().map(|name| namespace(name)).collect();
        objects.extend(walkers.iter().map(|(ns, name)| service_account(ns, name)));
        let named = |kind: &str, name: &str| json!({"kind": kind, "apiGroup": RBAC, "name": name});
        let mut subjects: Vec<Value> = walkers.iter().map(|(ns, name)| account(ns, name)).collect();
        subjects.extend([BOSS, "u2"].map(|name| named("User", name)));
        subjects.extend(["g1", "g2"].map(|name| named("Group", name)));
        if rng.random_bool(0.7) {
            let who = subjects.choose(rng).expect("somebody");
            objects.push(bound("admin", None, ("ClusterRole", "cluster-admin"), who));
        }
        for at in 0..4 {
            // The last is missing: a binding to it gives nothing until somebody makes it.
            let mut rules =
                || (0..rng.random_range(1..=3)).map(|_| random_rule(rng)).collect::<Value>();
            let (cluster, own) = (rules(), [rules(), rules()]);
            if at == 3 {
                continue;
            }
            objects.push(role(&format!("c{at}"), None, &cluster));
            for (ns, rules) in spaces.iter().zip(&own) {
                objects.push(role(&format!("r{at}"), Some(ns), rules));
            }
        }
        for at in 0..rng.random_range(12..20) {
            // Each who walks has two grants at least.
            let who = subjects.get(at / 2).filter(|_| at < 2 * walkers.len());
            let who = who.or_else(|| subjects.choose(rng)).expect("somebody").clone();
            let ns = *[None, Some(a), Some(b), Some(a)].choose(rng).expect("a place");
            let role = rng.random_range(0..4);
            let (kind, role) = if ns.is_some() && rng.random_bool(0.6) {
                ("Role", format!("r{role}"))
            } else {
                ("ClusterRole", format!("c{role}"))
            };
            objects.push(bound(&format!("b{at}"), ns.map(String::as_str), (kind, &role), &who));
        }
        if rng.random_bool(0.6) {
            objects.push(role("course", None, &random_course(rng)));
            let (ns, name) = walkers.choose(rng).expect("somebody");
            let place = *[None, Some(a), Some(b)].choose(rng).expect("a place");
            let place = place.map(String::as_str);
            objects.push(bound("course", place, ("ClusterRole", "course"), &account(ns, name)));
        }
        for (ns, account) in [(a, "y"), (b, "z")] {
            if rng.random_bool(0.5) {
                objects.push(json!({"apiVersion": "v1", "kind": "Secret",
                    "type": "kubernetes.io/service-account-token",
                    "metadata": {"namespace": ns, "name": "t",
                        "annotations": {"kubernetes.io/service-account.name": account}}}));
            }
            if rng.random_bool(0.5) {
                objects.push(json!({"apiVersion": "v1", "kind": "Pod",
                    "metadata": {"namespace": ns, "name": "p"},
                    "spec": super::pods::pod_spec(account)}));
            }
        }
        if rng.random_bool(0.5) {
            objects.push(super::pods::workload("deployments", a, "web", "y", true));
        }
        Self { objects, walkers }
    }

    fn make(&self, site: &Site) {
        let (secrets, objects): (Vec<Value>, Vec<Value>) =
            self.objects.iter().cloned().partition(|object| object["kind"] == "Secret");
        site.load(&objects);
        site.load(&secrets);
        for secret in &secrets {
            await_some("the token", || {
                site.get(&uri(secret)).filter(|secret| secret["data"]["token"].is_string())
            });
        }
        for pod in self.objects.iter().filter(|object| object["kind"] == "Pod") {
            let text = |field: &str| pod["metadata"][field].as_str().expect("text");
            site.run(text("namespace"), text("name"));
        }
        for (_, question) in self.questions() {
            site.await_answer(&question, true);
        }
    }

    /// What each binding whose role is there lets its subject do.
    fn questions(&self) -> BTreeMap<String, super::site::Question> {
        let rules = |binding: &Value| {
            let wanted = &binding["roleRef"];
            let found = self.objects.iter().find(|object| {
                object["kind"] == wanted["kind"]
                    && object["metadata"]["name"] == wanted["name"]
                    && (wanted["kind"] == "ClusterRole"
                        || object["metadata"]["namespace"] == binding["metadata"]["namespace"])
            });
            found.map(|role| role["rules"][0].clone())
        };
        let bindings = self.objects.iter().filter(|object| object["roleRef"].is_object());
        let asked = bindings.filter_map(|binding| {
            let place = binding["metadata"]["namespace"].as_str().unwrap_or_default();
            let rule = rules(binding)?;
            Some((uri(binding), first_of(&rule, &binding["subjects"][0], place)))
        });
        asked.collect()
    }

    /// Takes away what grants and what runs.
    fn unmake(&self, site: &Site) {
        for object in self.objects.iter().rev().filter(|object| object["kind"] != "Namespace") {
            let uri = uri(object);
            site.delete(&uri);
            await_some("it to be gone", || site.get(&uri).is_none().then_some(()));
        }
        for (_, question) in self.questions() {
            site.await_answer(&question, false);
        }
    }
}

/// Where an object is.
fn uri(object: &Value) -> String {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let version = text(&object["apiVersion"]);
    let root = if version == "v1" { "/api/v1".to_owned() } else { format!("/apis/{version}") };
    let plural = format!("{}s", text(&object["kind"]).to_lowercase());
    let name = text(&object["metadata"]["name"]);
    match object["metadata"]["namespace"].as_str() {
        Some(ns) => format!("{root}/namespaces/{ns}/{plural}/{name}"),
        None => format!("{root}/{plural}/{name}"),
    }
}

/// As whom a certificate is made, for what the path does with it: the user, and groups.
fn certified(path: &Value) -> (String, Vec<String>) {
    let hops = path["hops"].as_array().expect("steps");
    let by_anyone = |hop: &&Value| {
        hop["from"].as_array().expect("who").iter().any(|from| from["kind"] == "anyone")
    };
    let used = hops.iter().filter(by_anyone).flat_map(|hop| {
        let of = |field: &str| hop[field].as_array().cloned().unwrap_or_default();
        [of("needed"), of("held")].concat().into_iter().map(|one| one["via"]["subject"].clone())
    });
    let last = path["strongBy"].as_array().into_iter().flatten();
    let mut called = None;
    let mut groups = Vec::new();
    for subject in used.chain(last.map(|via| via["subject"].clone())) {
        match subject["kind"].as_str() {
            Some("Group") => groups.extend(subject["name"].as_str().map(str::to_owned)),
            Some(_) => called = called.or_else(|| Some(asker(&subject).0)),
            None => {}
        }
    }
    (called.unwrap_or_else(|| BOSS.to_owned()), groups)
}

/// Whom the API server takes somebody for.
fn name_of(site: &Site, who: &Credential) -> String {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let uri = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let answer = site.send(who, &request("POST", uri, Some(&review)));
    assert_eq!(answer.status, 201, "{}", answer.body);
    let name = &parsed(&answer.body)["status"]["userInfo"]["username"];
    name.as_str().expect("a name").to_owned()
}

/// What a walk's end is worth.
fn arrived(site: &Site, walk: &mut Walk<'_>, path: &Value, gained: &Credential, what: &str) {
    let last = path["hops"].as_array().and_then(|hops| hops.last()).expect("a step");
    if path["tier"] == "cluster-admin" {
        let treasure = walk.ask(gained, &goal(VAULT)).unwrap_or_else(|_| panic!("{what}: refused"));
        assert_eq!(treasure["data"]["of"], VAULT, "{what}");
    }
    let identity = &last["gain"]["identity"];
    if last["step"] != "constrained-impersonate"
        && matches!(identity["kind"].as_str(), Some("User" | "ServiceAccount"))
    {
        assert_eq!(name_of(site, gained), asker(identity).0, "{what}");
    }
}

/// Says which walk it was that came to nothing.
struct Told<'w>(&'w str);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// How many paths of each kind of step were walked.
fn walked(site: &Site, seed: u64, steps: &mut BTreeMap<String, usize>) -> usize {
    let world = World::random(seed);
    world.make(site);
    let mut paths = 0;
    for (at, (ns, name)) in world.walkers.iter().enumerate() {
        let row = reach_of(site, &format!("sa:{ns}/{name}"));
        for (tier, path) in row["paths"].as_array().expect("paths").iter().enumerate() {
            if path["modelled"] == true {
                continue;
            }
            let what = format!("world {seed}, sa:{ns}/{name}: {path:#}");
            let hops = path["hops"].as_array().expect("steps");
            let own = format!("{seed}-{at}-{tier}");
            let mut walk = Walk::of(site, &own, hops, site.account(ns, name), account(ns, name));
            let _told = Told(&what);
            walk.shares = true;
            walk.certified_as(certified(path));
            let gained = walk.steps().unwrap_or_else(|at| panic!("refused at {at}: {what}"));
            arrived(site, &mut walk, path, &gained, &what);
            walk.undo();
            paths += 1;
            for hop in hops {
                *steps.entry(hop["step"].as_str().expect("a step").to_owned()).or_default() += 1;
            }
        }
    }
    world.unmake(site);
    paths
}

#[test]
fn no_step_of_random_worlds_is_refused() {
    let Some(site) = Site::start() else { return };
    let mut steps = BTreeMap::new();
    let worlds = if full() { 200 } else { 6 };
    let paths: usize = (0..worlds).map(|seed| walked(&site, seed, &mut steps)).sum();
    println!("walked: {worlds} worlds, {paths} paths, steps {steps:?}");
    // The worlds are worth the walking.
    assert!(paths as u64 >= worlds, "{paths}");
}
