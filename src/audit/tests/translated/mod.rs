//! One log in every carrier that has a shape of its own: the activity of the bare log, or what is
//! left of it without what the carrier loses.

mod writers;

use std::io::{BufRead, BufReader};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::demo;
use crate::model::{ActivityParts, Coverage};
use writers::{Kept, Writer};

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 5, 20, 12, 0, 0).unwrap()
}

/// Some of the demo's log, and what is rare in it.
static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let lines = BufReader::new(demo::log_lines(now())).lines();
    let some = lines.take(60_000).step_by(80).map(|line| line.unwrap());
    let mut events: Vec<Value> = some.map(|line| serde_json::from_str(&line).unwrap()).collect();
    events.extend(rare());
    events
});

fn rare() -> Vec<Value> {
    let object = |resource: &str, rest: Value| {
        let mut object = json!({"resource": resource, "apiVersion": "v1"});
        object.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        object
    };
    let pod = json!({"namespace": "shop", "name": "p"});
    let exec = json!({"namespace": "shop", "name": "p", "subresource": "exec"});
    let rbac = json!({"name": "r", "apiGroup": "rbac.authorization.k8s.io"});
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let lines = [
        ("patch", "/api/v1/namespaces/shop/pods/p", 201, object("pods", pod.clone())),
        ("patch", "/api/v1/namespaces/shop/pods/p", 409, object("pods", pod.clone())),
        ("get", "/api/v1/namespaces/shop/pods/p", 404, object("pods", pod.clone())),
        ("create", "/api/v1/namespaces/shop/pods", 201, object("pods", pod)),
        (
            "get",
            "/api/v1/namespaces/shop/pods/p/exec?command=sh",
            101,
            object("pods", exec.clone()),
        ),
        ("create", "/api/v1/namespaces/shop/pods/p/exec?command=sh", 101, object("pods", exec)),
        (
            "get",
            "/api/v1/namespaces/shop",
            200,
            object("namespaces", json!({"namespace": "shop", "name": "shop"})),
        ),
        ("create", "/api/v1/namespaces", 201, object("namespaces", json!({"name": "shop"}))),
        ("list", "/api/v1/namespaces?limit=500", 200, object("namespaces", json!({}))),
        ("update", roles, 200, object("clusterroles", rbac.clone())),
        (
            "deletecollection",
            roles,
            200,
            object("clusterroles", json!({"apiGroup": "rbac.authorization.k8s.io"})),
        ),
        (
            "list",
            "/api/v1/pods?fieldSelector=metadata.name%3Dp",
            200,
            object("pods", json!({"name": "p"})),
        ),
    ];
    let mut all: Vec<Value> = lines
        .into_iter()
        .enumerate()
        .map(|(at, (verb, uri, code, object))| {
            let uri = if verb == "update" { format!("{uri}/r") } else { uri.to_owned() };
            let line =
                Line::new(&format!("rare-{at}"), verb, &uri).code(code).set("objectRef", object);
            serde_json::from_str(&line.text()).unwrap()
        })
        .collect();
    let nobody = Line::new("nobody", "get", "/version").code(401).set("user", json!({}));
    all.push(serde_json::from_str(&nobody.without("annotations").text()).unwrap());
    let refused = Line::new("refused", "get", "/metrics").forbidden();
    all.push(serde_json::from_str(&refused.text()).unwrap());
    all
}

const ALL: [(&str, Writer, Kept); 16] = [
    ("GKE", writers::gke, writers::kept_gke),
    ("GKE, YAML", writers::gke_yaml, writers::kept_gke),
    ("GKE, list", writers::gke_list, writers::kept_gke),
    ("GKE, BigQuery", writers::gke_bigquery, writers::kept_gke),
    ("AKS, storage", writers::aks_storage, writers::whole),
    ("AKS, object", writers::aks_object, writers::whole),
    ("AKS, Event Hub", writers::aks_event_hub, writers::whole),
    ("AKS, AzureDiagnostics", writers::aks_diagnostics, writers::whole),
    ("AKSAudit", writers::aks_table, writers::kept_aks_table),
    ("AKSAudit, CSV", writers::aks_table_csv, writers::kept_aks_table),
    ("OCSF", writers::ocsf, writers::kept_ocsf),
    ("Insights", writers::insights, writers::kept_insights),
    ("legacy text", writers::legacy, writers::kept_legacy),
    ("legacy text, two lines", writers::legacy_halves, writers::kept_halves),
    ("ViaQ", writers::viaq, writers::whole),
    ("bare", Value::to_string, writers::whole),
];

fn read(lines: &[String]) -> Activity {
    let options = Options::new(now() + TimeDelta::days(30));
    read_inputs(vec![input("log", lines.join("\n"))], &options, &()).unwrap()
}

/// Everything but what names the carrier.
fn comparable(activity: &Activity) -> ActivityParts {
    let mut parts = activity.to_parts();
    parts.coverage = Coverage {
        carriers: [].into(),
        clusters: [].into(),
        streams: Vec::new(),
        passed: [].into(),
        ..parts.coverage
    };
    parts
}

fn rows(parts: &ActivityParts) -> Vec<String> {
    let tables = &parts.tables;
    let row = |row: &crate::model::Use| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?}",
            tables.identities[row.authenticated.0 as usize],
            tables.identities[row.effective.0 as usize],
            tables.actors[row.actor.0 as usize],
            tables.calls[row.call.0 as usize],
            row.credit.map(|id| &tables.credits[id.0 as usize]),
            (row.allowed, row.denied, row.undecided, row.first, row.last),
        )
    };
    parts.uses.iter().map(row).collect()
}

#[test]
fn every_carrier_keeps_what_it_is_said_to_keep() {
    assert!(EVENTS.len() > 300);
    for (name, writer, kept) in ALL {
        let found = read(&EVENTS.iter().map(writer).collect::<Vec<_>>());
        let expected =
            read(&EVENTS.iter().map(|event| kept(event).to_string()).collect::<Vec<_>>());
        assert!(
            found.coverage().unreadable.is_empty(),
            "{name}: {:?}",
            found.coverage().unreadable
        );
        assert_eq!(found.coverage().lines, EVENTS.len() as u64, "{name}");
        let (found, expected) = (comparable(&found), comparable(&expected));
        let mut left = found.coverage.clone();
        left.gaps.clone_from(&expected.coverage.gaps);
        assert_eq!(
            left,
            Coverage { gaps: left.gaps.clone(), ..expected.coverage.clone() },
            "{name}"
        );
        for (found, expected) in rows(&found).iter().zip(&rows(&expected)) {
            assert_eq!(found, expected, "{name}");
        }
        assert!(found == expected, "{name}");
    }
}

/// Rows keyed by column as a file with a header.
fn table(rows: &[String]) -> Vec<u8> {
    let rows: Vec<serde_json::Map<String, Value>> =
        rows.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    let columns: std::collections::BTreeSet<&String> =
        rows.iter().flat_map(|row| row.keys()).collect();
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(&columns).unwrap();
    for row in &rows {
        let cells = columns.iter().map(|column| row.get(*column).and_then(Value::as_str));
        csv.write_record(cells.map(Option::unwrap_or_default)).unwrap();
    }
    csv.into_inner().unwrap()
}

#[test]
fn tables_that_portals_download_are_the_same() {
    let some = &EVENTS[EVENTS.len() - 120..];
    let all: [(&str, Writer, Kept); 3] = [
        ("AzureDiagnostics", writers::aks_diagnostics, writers::whole),
        ("AKSAudit", writers::aks_table_csv, writers::kept_aks_table),
        ("Insights", writers::insights, writers::kept_insights),
    ];
    for (name, writer, kept) in all {
        let expected = read(&some.iter().map(|event| kept(event).to_string()).collect::<Vec<_>>());
        let plain = table(&some.iter().map(writer).collect::<Vec<_>>());
        for bytes in [plain.clone(), [b"\xef\xbb\xbf", &*plain].concat()] {
            let options = Options::new(now() + TimeDelta::days(30));
            let found = read_inputs(vec![input("log", bytes)], &options, &()).unwrap();
            assert!(found.coverage().unreadable.is_empty(), "{name}: {:?}", found.coverage());
            assert_eq!(found.coverage().lines, 120, "{name}");
            assert_eq!(rows(&comparable(&found)), rows(&comparable(&expected)), "{name}");
        }
    }
}

#[test]
fn carriers_are_named_and_what_they_lose_is_said() {
    let of = |writer: Writer| read(&EVENTS[..40].iter().map(writer).collect::<Vec<_>>());
    let gke = of(writers::gke);
    let coverage = gke.coverage();
    assert_eq!(coverage.carriers["GKE Cloud Logging"], 40);
    assert!(coverage.losses().any(|(_, what)| what == "groups"));
    assert_eq!(coverage.hides_impersonation(), Some("GKE Cloud Logging"));
    assert_eq!(
        &**coverage.clusters.keys().next().unwrap(),
        "projects/p/locations/europe-west1/clusters/shop"
    );
    assert!(!coverage.groups_logged && coverage.without_groups > 0 && !coverage.knows_groups());
    let aks = of(writers::aks_event_hub);
    assert_eq!(aks.coverage().passed.values().map(|passed| passed.count).sum::<u64>(), 40);
    assert_eq!(&*aks.coverage().streams[0].name, "kube-apiserver-7c9-x");
    let table = of(writers::aks_table);
    assert_eq!(table.coverage().hides_impersonation(), Some("AKSAudit table"));
    assert!(of(writers::viaq).coverage().carriers.contains_key("OpenShift"));
    assert!(of(Value::to_string).coverage().losses().next().is_none());
}

/// The keys before the bodies, in the server's order.
const HEAD: [&str; 13] = [
    "kind",
    "apiVersion",
    "level",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "impersonatedUser",
    "sourceIPs",
    "userAgent",
    "objectRef",
    "responseStatus",
];

/// Azure's storage cuts `properties.log` at 16 KiB: the head says who did what, not when, nor what
/// was decided but for the answer.
#[test]
fn what_azure_cuts_is_saved_as_far_as_its_head_goes() {
    let heads = EVENTS.iter().map(|event| {
        let members = HEAD.iter().filter_map(|key| Some(format!("\"{key}\":{}", event.get(key)?)));
        (members.collect::<Vec<_>>().join(","), &event["stageTimestamp"])
    });
    let heads: Vec<(String, &Value)> = heads.collect();
    let body = format!(r#","requestObject":{{"kind":"Pod","note":"{}"#, "x".repeat(20_000));
    let records = heads.iter().map(|(head, time)| {
        let log: String = format!("{{{head}{body}").chars().take(16 << 10).collect();
        json!({"category": "kube-audit", "properties": {"log": log}, "time": time}).to_string()
    });
    let found = read(&records.collect::<Vec<_>>());
    let whole = heads.iter().map(|(head, time)| format!("{{{head},\"stageTimestamp\":{time}}}"));
    let expected = read(&whole.collect::<Vec<_>>());
    assert_eq!(found.coverage().cut, EVENTS.len() as u64);
    let mut found = comparable(&found);
    found.coverage.cut = 0;
    assert!(found == comparable(&expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_mutation_makes_it_panic(
        carrier in 0..ALL.len(),
        first in 0usize..295,
        edits in prop::collection::vec((0usize..4000, any::<u8>(), 0u8..3), 1..12),
    ) {
        let (_, writer, _) = ALL[carrier];
        let mut bytes = EVENTS[first..first + 5].iter().map(writer).collect::<Vec<_>>().join("\n").into_bytes();
        for (at, byte, how) in edits {
            let at = at % bytes.len();
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => _ = bytes.remove(at),
            }
        }
        let options = Options::new(now() + TimeDelta::days(30));
        match read_inputs(vec![input("log", bytes)], &options, &()) {
            Ok(read) => prop_assert!(read.coverage().lines <= 20),
            // The name of a cluster was hit.
            Err(Error::Clusters { .. }) => {}
            Err(other) => prop_assert!(false, "{other}"),
        }
    }
}
