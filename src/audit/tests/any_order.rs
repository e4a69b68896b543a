//! Whatever the order, the files, the compression, the repetition, the threads, the bounds: the same
//! activity, and that of the long way.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::json;

use super::super::kept::Limits;
use super::super::newest;
use super::*;
use crate::model::ActivityParts;

/// A request as a few numbers, so that many requests share most of what they say.
#[derive(Clone, Debug)]
pub struct Seed {
    id: u8,
    user: u8,
    what: u8,
    agent: u8,
    address: u8,
    credential: u8,
    acting_as: u8,
    outcome: u8,
    minutes: u16,
    stages: u8,
    name: u8,
}

pub fn seed() -> impl Strategy<Value = Seed> {
    let who = (any::<u8>(), 0..6u8, 0..14u8, 0..9u8, 0..9u8, 0..9u8);
    let how = (0..12u8, 0..9u8, 0..40_000u16, 1..16u8, 0..12u8);
    (who, how).prop_map(|((id, user, what, agent, address, credential), how)| {
        let (acting_as, outcome, minutes, stages, name) = how;
        Seed {
            id,
            user,
            what,
            agent,
            address,
            credential,
            acting_as,
            outcome,
            minutes,
            stages,
            name,
        }
    })
}

/// The lines of one request.
pub fn lines(seed: &Seed) -> Vec<Line> {
    let Seed { id, user, what, agent, address, credential, name, .. } = seed;
    let (verb, uri) = match what {
        0 => ("get", format!("/api/v1/namespaces/shop/pods/p{name}")),
        1 => ("list", format!("/api/v1/namespaces/n{name}/secrets?limit=5&x={id}")),
        2 => ("watch", format!("/api/v1/pods?fieldSelector=metadata.name%3Dp{name}&watch=true")),
        3 => ("create", "/api/v1/namespaces/shop/pods".to_owned()),
        4 => ("patch", format!("/apis/apps/v1/namespaces/shop/deployments/d{name}")),
        5 => ("get", format!("/healthz/{name}?verbose")),
        6 => ("get", format!("/api/v1/namespaces/shop/pods/p{name}/exec?command=sh")),
        7 => ("deletecollection", "/api/v1/namespaces/shop/configmaps".to_owned()),
        12 | 13 => ("create", format!("/api/v1/namespaces/ci/serviceaccounts/s{}/token", name % 3)),
        _ => ("update", format!("/api/v1/namespaces/n{}/configmaps/c{}", what % 2, name % 3)),
    };
    // The server's own lines of one request agree in everything but what a stage cannot know yet.
    let request = super::super::hashing::order(&format!("{seed:?}"));
    let second = 1_777_852_800 + i64::from(seed.minutes) * 60;
    let micro = i64::try_from(request % 60_000_000).unwrap();
    let time = DateTime::from_timestamp_micros(second * 1_000_000 + micro).unwrap();
    let mut line = Line::new(&format!("{request:x}"), verb, &uri)
        .at(&time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
        .set("userAgent", json!(format!("agent/{agent}")))
        .set("sourceIPs", json!(["203.0.113.1", format!("198.51.100.{address}")]));
    line = match user {
        0 => line.user("system:serviceaccount:ci:s1", &["system:serviceaccounts"]),
        _ => line.user(&format!("user-{user}"), &["devs", &format!("g{}", seed.credential % 3)]),
    };
    let extra = "authentication.kubernetes.io/credential-id";
    let mut extras = json!({ extra: [format!("JTI={credential}")] });
    if credential % 2 == 1 {
        let node = json!([format!("n{credential}")]);
        extras["authentication.kubernetes.io/node-name"] = node;
    }
    line = line.set("user|extra", extras);
    if seed.acting_as < 4 {
        let name = format!("user-{}", seed.acting_as);
        line =
            line.set("impersonatedUser", json!({"username": name, "groups": [format!("h{name}")]}));
    }
    line = match seed.outcome {
        0 => line.forbidden(),
        1 => line.without("annotations").code(429),
        2 => line.without("annotations").code(401).set("user", json!({})).without("impersonatedUser"),
        3 => line.code(201),
        4 => line.code(101),
        5 => line.without("annotations").set("responseStatus", json!({"code": 403, "message":
            "users \"bob\" is forbidden: User \"x\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"})),
        _ => line.set("annotations|authorization.k8s.io/reason", json!(format!(
            "RBAC: allowed by ClusterRoleBinding \"b{}\" of ClusterRole \"r\" to Group \"devs\"", seed.outcome))),
    };
    if matches!(seed.what, 12 | 13) && seed.outcome > 5 {
        let key = "annotations|authentication.kubernetes.io/issued-credential-id";
        line = line.set(key, json!(format!("JTI={}", id % 11))).set(
            "requestObject",
            json!({"spec": {"expirationSeconds": 600 + 20_000 * u32::from(id % 11)}}),
        );
    }
    let stages = seed.stages;
    let mut all = Vec::new();
    let mut add = |bit: u8, line: Line| {
        if stages & bit != 0 {
            all.push(line);
        }
    };
    add(1, line.clone().received());
    add(2, line.clone().stage("ResponseStarted"));
    add(4, line.clone().stage("ResponseComplete"));
    add(8, line.stage("Panic"));
    all
}

fn tight() -> Limits {
    let few = |each, all| newest::Bounds { each, all };
    Limits {
        identities: 6,
        groups_seen: few(2, 9),
        group_sets: few(2, 8),
        impersonations: few(1, 3),
        credentials: few(4, 10),
        actors: few(3, 11),
        places: few(4, 30),
        names: few(2, 20),
        credits: few(2, 6),
        issued: few(2, 7),
        lasting: few(2, 5),
        by_nodes: few(1, 5),
        bound: few(2, 5),
    }
}

pub fn bounds(tight_limits: bool, rows: usize, small: bool) -> Bounds {
    let mut bounds = Bounds { rows, ..Bounds::default() };
    if tight_limits {
        bounds.limits = tight();
    }
    if small {
        bounds.lexicon = 4000;
        bounds.held_back = 5;
        bounds.in_memory = 17;
        bounds.block = 700;
    }
    bounds
}

/// Spreads lines over three files, one of them compressed.
fn spread(texts: &[String], picks: &[u8]) -> Vec<Input> {
    let mut files = [String::new(), String::new(), String::new()];
    for (text, pick) in texts.iter().zip(picks.iter().cycle()) {
        files[usize::from(pick % 3)].push_str(text);
    }
    let [a, b, c] = files;
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(c.as_bytes()).unwrap();
    vec![input("a", a), input("b", b), input("c", zip.finish().unwrap())]
}

fn read_with(inputs: Vec<Input>, bounds: Bounds, threads: usize) -> Activity {
    let threads = NonZeroUsize::new(threads);
    read_inputs(inputs, &Options { threads, bounds, ..options() }, &()).unwrap()
}

/// Equal, or the first part that is not.
pub fn same(found: &ActivityParts, expected: &ActivityParts) -> Result<(), TestCaseError> {
    prop_assert_eq!(&found.coverage, &expected.coverage);
    prop_assert_eq!(found.detail, expected.detail);
    let (one, other) = (&found.tables, &expected.tables);
    prop_assert_eq!(&one.identities, &other.identities);
    prop_assert_eq!(&one.actors, &other.actors);
    prop_assert_eq!(&one.calls, &other.calls);
    prop_assert_eq!(&one.credits, &other.credits);
    prop_assert_eq!(&one.group_sets, &other.group_sets);
    prop_assert_eq!(&one.impersonations, &other.impersonations);
    prop_assert_eq!(&found.truncated, &expected.truncated);
    prop_assert_eq!(&found.groups_seen, &expected.groups_seen);
    prop_assert_eq!(&found.issued, &expected.issued);
    prop_assert_eq!(&found.rates, &expected.rates);
    prop_assert_eq!(found.uses.len(), expected.uses.len());
    for (one, other) in found.uses.iter().zip(&expected.uses) {
        prop_assert_eq!(one, other);
    }
    prop_assert_eq!(found, expected);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_same_activity(
        seeds in prop::collection::vec(seed(), 1..60),
        order in prop::collection::vec(any::<u32>(), 1..50),
        picks in prop::collection::vec(any::<u8>(), 1..30),
        tight_limits: bool,
        rows in prop_oneof![Just(100_000usize), 1..60usize],
    ) {
        let straight: Vec<String> = seeds.iter().flat_map(lines).map(|line| line.text()).collect();
        let sources = vec!["a".into(), "b".into(), "c".into()];
        let limits = bounds(tight_limits, rows, false).limits;
        // Repeated, shuffled, spread.
        let mut texts: Vec<String> =
            straight.iter().enumerate().flat_map(|(at, text)| {
                let times = usize::from(picks[at % picks.len()]) % 3 + 1;
                std::iter::repeat_n(text.clone(), times)
            }).collect();
        let expected = reference::activity(&texts, sources, &limits, rows);
        let mut turn = 0;
        texts.sort_by_cached_key(|_| {
            turn += 1;
            (order[turn % order.len()].wrapping_mul(u32::try_from(turn).unwrap()), turn)
        });
        for (small, threads) in [(false, 1), (true, 1), (true, 3)] {
            let bounds = bounds(tight_limits, rows, small);
            let found = read_with(spread(&texts, &picks), bounds, threads);
            same(&found.to_parts(), &expected.to_parts())?;
            texts.reverse();
        }
    }
}
