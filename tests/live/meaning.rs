//! `show`, `can` and `who-can` against the authorizer, asked for every identity.

use std::fs;

use keybook::model::{Identity, Name, Snapshot};
use keybook::rbac::Authorizer;
use keybook::rbac::aggregation::Provenance;
use keybook::rbac::effective::rows;
use keybook::rbac::query::{
    Asker, Naming, Question, Resolver, ResourceTarget, Roster, Scoping, Target, Way,
    builtin_discovery, can, who_can,
};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::answers::{Asked, snapshot};
use crate::full;
use crate::reviews::{folder, save};
use crate::support::cluster::{oracle, program};
use crate::support::forms::{NAMES, PATHS, RESOURCES, SPECIAL, SUBRESOURCES, VERBS};
use crate::support::reviews::{review, specs};
use crate::support::world::{For, World, world};

fn lines(specs: &[Value]) -> String {
    specs.iter().map(review).collect::<Vec<_>>().join("\n") + "\n"
}

#[test]
fn a_request_is_allowed_exactly_where_a_listed_permission_covers_it() {
    let Some(program) = program() else { return };
    let (worlds, each) = if full() { (10, 20_000) } else { (3, 5_000) };
    let (mut reviews, mut allowed) = (0, 0);
    for seed in 0..worlds {
        let purpose = if seed % 2 == 0 { For::Files } else { For::Server };
        let world = world(2_000 + seed, purpose);
        let folder = folder(&format!("rows-{seed}"));
        save(&world, &folder);
        let snapshot = snapshot(&folder);
        let authorizer = Authorizer::new(&snapshot.objects);
        let provenance = Provenance::new(&snapshot.objects);
        let specs = specs(&world, &world.objects, seed, each);
        for (spec, answer) in specs.iter().zip(oracle(&program, &folder, &lines(&specs))) {
            let request = Asked::of(spec);
            // Exactly the groups of the review: nothing is added.
            let asker = Asker {
                identity: Identity::from_user_name(request.user),
                groups: request.groups.iter().map(|group| Name::from(*group)).collect(),
                groups_known: true,
            };
            let rows = rows(&authorizer, &asker, &provenance);
            let covering: Vec<_> =
                rows.iter().filter(|row| row.covers(request.verb, &request.action)).collect();
            assert_eq!(!covering.is_empty(), answer["status"]["allowed"] == true, "{spec}");
            // What is said to give nothing allows no request that could be made.
            let servable = !spec.to_string().contains('*');
            assert!(!servable || covering.iter().all(|row| row.inert.is_none()), "{spec}");
            reviews += 1;
            allowed += usize::from(!covering.is_empty());
        }
        fs::remove_dir_all(folder).expect("remove the folder");
    }
    println!("show: {reviews} reviews, {allowed} covered, 0 differences");
}

/// A question and, for each place where it may be asked, the request that stands for it.
struct Posed {
    question: Question,
    requests: Vec<(Option<Name>, Value)>,
}

/// What the API server asks for a request that somebody makes. A create that carries a name is a
/// plain one, which the server sees without it, or comes with a patch or update of that object. What
/// is listed or watched by its name comes with all that is, too, and a role that is made by a plain
/// create is asked about without its name.
fn checks(request: &Value) -> Vec<Value> {
    let with = |key: &str, value: &str| {
        let mut other = request.clone();
        other["resourceAttributes"][key] = value.into();
        other
    };
    let asked = &request["resourceAttributes"];
    let bare = asked["subresource"].as_str().is_none_or(str::is_empty);
    if asked["verb"] == "create" && bare && asked["name"].is_string() {
        return vec![
            request.clone(),
            with("name", ""),
            with("verb", "patch"),
            with("verb", "update"),
        ];
    }
    if let Some("list" | "watch" | "escalate") = asked["verb"].as_str()
        && bare
        && asked["name"].is_string()
        // Inside a Namespace it is that one which is watched.
        && asked["resource"] != "namespaces"
    {
        return vec![request.clone(), with("name", "")];
    }
    vec![request.clone()]
}

/// Whether somebody to whom the authorizer answers so can make the request.
fn practicable(answers: &[Value]) -> bool {
    let yes: Vec<bool> = answers.iter().map(|answer| answer["status"]["allowed"] == true).collect();
    match yes[..] {
        [named, plain, patch, update] => plain || named && (patch || update),
        [named, plain] => plain || named,
        _ => yes[0],
    }
}

fn pose(world: &World, resolver: &Resolver, rng: &mut ChaCha8Rng) -> Posed {
    let (verb, text) = match rng.random_range(0..10) {
        0 => (*VERBS.choose(rng).unwrap(), (*PATHS.choose(rng).unwrap()).to_owned()),
        1 => {
            let (verb, group, resource) = *SPECIAL.choose(rng).unwrap();
            let (plural, sub) = resource.split_once('/').unwrap_or((resource, ""));
            let dot = if group.is_empty() { "" } else { "." };
            let slash = if sub.is_empty() { "" } else { "/" };
            (verb, format!("{plural}{dot}{group}{slash}{sub}"))
        }
        _ => {
            let (group, resources) = *RESOURCES.choose(rng).unwrap();
            let resource = *resources.choose(rng).unwrap();
            let dot = if group.is_empty() { "" } else { "." };
            let sub = if rng.random_bool(0.25) {
                format!("/{}", SUBRESOURCES.choose(rng).unwrap())
            } else {
                String::new()
            };
            (*VERBS.choose(rng).unwrap(), format!("{resource}{dot}{group}{sub}"))
        }
    };
    let target = resolver.resolve(verb, &text).unwrap();
    let namespace: Option<Name> =
        rng.random_bool(0.5).then(|| world.namespaces.choose(rng).unwrap().as_str().into());
    let mut name: Option<Name> = rng.random_bool(0.4).then(|| (*NAMES.choose(rng).unwrap()).into());
    name = name.filter(|name| !name.is_empty());
    if let Target::Resource(target) = &target {
        if target.is_namespaces() {
            name = None;
        }
        if target.is_signers() {
            // Asked twice, for the name and for its domain.
            name = name.filter(|name| !name.contains('/'));
        }
    }
    let question = Question { verb: verb.into(), target, namespace, name };
    let requests = requests(world, &question);
    Posed { question, requests }
}

/// The requests that a question stands for, by the namespace that they carry.
fn requests(world: &World, question: &Question) -> Vec<(Option<Name>, Value)> {
    let verb = &question.verb;
    let target = match &question.target {
        Target::Path(path) => {
            return vec![(None, json!({"nonResourceAttributes": {"verb": verb, "path": path}}))];
        }
        Target::Resource(target) => target,
    };
    let request = |namespace: Option<&Name>, name: Option<&Name>| {
        let attributes = json!({"verb": verb, "group": target.group, "resource": target.resource,
            "subresource": target.subresource, "namespace": namespace, "name": name});
        (namespace.cloned(), json!({"resourceAttributes": attributes}))
    };
    // What is asked of every object, where each request carries a name, holds for one that no rule
    // names.
    let any = Name::from("named-by-no-rule");
    let name = match (Naming::of(verb, &target.subresource), &question.name) {
        (Naming::Never, _) => None,
        (Naming::Always, None) => Some(&any),
        (_, name) => name.as_ref(),
    };
    let all: Vec<Name> = match &question.namespace {
        Some(namespace) => vec![namespace.clone()],
        None => world.namespaces.iter().map(|ns| ns.as_str().into()).collect(),
    };
    if is_one_namespace(target, verb) {
        return all.iter().map(|namespace| request(Some(namespace), Some(namespace))).collect();
    }
    match (target.scoping, &question.namespace) {
        (Scoping::Cluster, _) => vec![request(None, name)],
        (_, Some(namespace)) => vec![request(Some(namespace), name)],
        (_, None) => [None]
            .into_iter()
            .chain(all.iter().map(Some))
            .map(|namespace| request(namespace, name))
            .collect(),
    }
}

fn is_one_namespace(target: &ResourceTarget, verb: &str) -> bool {
    target.is_namespaces()
        && (!target.subresource.is_empty()
            || ["get", "watch", "update", "patch", "delete"].contains(&verb))
}

/// Whether ways allow a request in a place: of any name where none is asked for and the request
/// names none, of the one asked for else.
fn allow(ways: &[Way], namespace: Option<&Name>, request: &Value) -> bool {
    let name = request["resourceAttributes"]["name"].as_str();
    ways.iter().any(|way| {
        let here = way.scope.namespace().is_none_or(|ns| Some(ns) == namespace);
        let named = match (&way.names, name) {
            (None, _) => true,
            (Some(names), Some(name)) => names.iter().any(|have| &**have == name),
            (Some(_), None) => false,
        };
        here && named
    })
}

fn check(world: &World, snapshot: &Snapshot, posed: &[Posed], ask: impl Fn(&str) -> Vec<Value>) {
    let authorizer = Authorizer::new(&snapshot.objects);
    let given = [
        (Name::from(world.users[0].as_str()), vec![Name::from(world.groups[0].as_str())]),
        (Name::from(world.users[1].as_str()), vec!["system:masters".into()]),
    ];
    let roster = Roster::of(snapshot, &given.into_iter().collect());
    let (mut asked, mut held) = (0, 0);
    for Posed { question, requests } in posed {
        let found = who_can(&authorizer, snapshot, &roster, question);
        let mut specs = Vec::new();
        for asker in roster.askers() {
            for (_, request) in requests {
                specs.extend(checks(request).into_iter().map(|mut spec| {
                    spec["user"] = json!(asker.identity.user_name());
                    spec["groups"] = json!(asker.groups);
                    spec
                }));
            }
        }
        // Every request of a question takes as many.
        let takes = requests.first().map_or(1, |(_, request)| checks(request).len());
        let answers = ask(&lines(&specs));
        let of_asker = answers.chunks(requests.len() * takes);
        for (asker, answers) in roster.askers().iter().zip(of_asker) {
            let holder = found.holders.iter().find(|holder| holder.asker == *asker);
            let ways = holder.map_or(&[][..], |holder| &holder.ways);
            assert_eq!(can(&authorizer, snapshot, asker, question).ways, ways, "{question:?}");
            held += usize::from(!ways.is_empty());
            for ((namespace, request), answers) in requests.iter().zip(answers.chunks(takes)) {
                asked += 1;
                let allowed = allow(ways, namespace.as_ref(), request);
                let theirs = practicable(answers);
                // What is not served is denied, whatever rules say.
                let served = !matches!(&question.target,
                    Target::Resource(target) if matches!(target.served, keybook::rbac::query::Served::No(_)));
                assert_eq!(allowed, theirs && served, "{} {question:?} {ways:?}", asker.identity);
            }
        }
    }
    println!("who-can: {} questions, {held} holders, {asked} reviews, 0 differences", posed.len());
}

#[test]
fn who_can_names_exactly_those_whom_the_authorizer_allows() {
    let Some(program) = program() else { return };
    let (worlds, questions) = if full() { (6, 300) } else { (2, 60) };
    for seed in 0..worlds {
        let world = world(3_000 + seed, if seed % 2 == 0 { For::Server } else { For::Files });
        let folder = folder(&format!("who-{seed}"));
        save(&world, &folder);
        let snapshot = snapshot(&folder);
        let resolver = Resolver::new(builtin_discovery()).with_objects(&snapshot.objects);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let posed: Vec<Posed> = (0..questions).map(|_| pose(&world, &resolver, &mut rng)).collect();
        check(&world, &snapshot, &posed, |reviews| oracle(&program, &folder, reviews));
        fs::remove_dir_all(folder).expect("remove the folder");
    }
}
