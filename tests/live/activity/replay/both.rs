//! The log of the API server and that of the extension server that it passed requests on to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use keybook::audit::SourceSpec;
use keybook::model::{Activity, Identity};
use serde_json::Value;

use super::World;
use crate::activity::drive::Row;
use crate::activity::{expected, read};

/// Requests of a row: allowed, denied, undecided, and when.
type Sums = (u64, u64, u64, String);

/// What everybody did who is no part of a control plane.
fn rows(activity: &Activity) -> BTreeMap<Row, Sums> {
    let of_people = activity.uses().filter(|stored| {
        let who = activity.identity(stored.authenticated);
        !who.name.starts_with("system:") && who.namespace.as_deref() != Some("kube-system")
    });
    let summed = of_people.map(|stored| {
        let times = format!("{:?} {:?} {:?}", stored.first, stored.last, stored.last_allowed);
        let sums = (stored.allowed, stored.denied, stored.undecided, times);
        (expected::row(activity, stored), sums)
    });
    summed.collect()
}

/// Lines that are whole, of those who are no part of a control plane.
fn whole(log: &Path) -> (String, Vec<Value>) {
    let text = fs::read_to_string(log).expect("a log");
    let text = text[..text.rfind('\n').map_or(0, |last| last + 1)].to_owned();
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let of_people = events.filter(|event| {
        !event["user"]["username"].as_str().unwrap_or_default().starts_with("system:")
    });
    let of_people = of_people.collect();
    (text, of_people)
}

/// Both together say what the first says; the second alone is proof that it said it again.
pub fn compare(world: &World, folder: &Path) {
    // From where the API server itself is.
    world.cluster.kubectl_ok(&["get", "flunders", "--all-namespaces"]);
    world.cluster.await_audit("kubectl's line", |event| {
        event["user"]["username"] == "kubernetes-admin"
            && event["objectRef"]["resource"] == "flunders"
            && event["stage"] == "ResponseComplete"
            && event["verb"] == "list"
    });
    // What the second says the first has said before, but for the ends of what goes on.
    let (second, again) = whole(&world.cluster.extension_log());
    let (first, events) = whole(&world.cluster.audit_log());
    let ids = |events: &[Value]| -> BTreeSet<String> {
        events.iter().map(|event| event["auditID"].to_string()).collect()
    };
    let both: BTreeSet<String> = ids(&events).intersection(&ids(&again)).cloned().collect();
    assert!(both.len() > 10 && both == ids(&again), "{both:?}");
    let own_machine = |event: &&Value| event["sourceIPs"] == serde_json::json!(["127.0.0.1"]);
    assert!(again.iter().any(|event| own_machine(&event)), "{again:?}");
    let paths = ["first.log", "second.log"].map(|name| folder.join(name));
    for (path, text) in paths.iter().zip([&first, &second]) {
        fs::write(path, text).expect("write a log");
    }
    let [first, second] = paths.map(SourceSpec::Path);
    let alone = read(std::slice::from_ref(&first));
    let expected = rows(&alone);
    let found = rows(&read(&[second.clone(), first]));
    let more: Vec<_> = found.iter().filter(|(row, sums)| expected.get(row) != Some(sums)).collect();
    assert!(found == expected, "{more:#?}");
    // It takes those who were impersonated for those who authenticated.
    let second = rows(&read(&[second]));
    let impersonated = |row: &&Row| row.authenticated.name.starts_with("other-");
    assert!(
        second.keys().any(|row| impersonated(&row))
            && !expected.keys().any(|row| impersonated(&row))
    );
    let admin = Identity::user("kubernetes-admin");
    assert!(second.keys().any(|row| row.authenticated == admin));
    println!("replay: {} requests in the logs of two servers, counted once", both.len());
}
