//! Activity against what the driving clients themselves noted, over a log that a real API server
//! wrote.

mod ask;
mod asks;
pub mod client;
mod drive;
mod expected;
mod kubelet;
mod people;
mod pieces;
mod posing;
mod questions;
mod replay;
mod rights;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Utc;
use keybook::audit::{self, Options, SourceSpec};
use keybook::book::{Book, Inputs, LogState};
use keybook::model::{Activity, CreditedGrant, Identity, Name, Policy};
use serde_json::Value;

use self::client::Server;
use self::drive::{Notes, Row, drive};

use crate::answers::snapshot;
use crate::full;
use crate::reviews::folder;
use crate::support::cluster::{self, Beside, Cluster};

/// All stages of everything; what is in `ConfigMap`s as well, so that lines are long.
const AUDIT_POLICY: &str = r#"apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- level: None
  users: ["keybook-tests-supervisor"]
- level: RequestResponse
  resources: [{group: "", resources: ["configmaps"]}]
- level: Metadata
"#;

/// A cluster of this test's own, with everybody in it.
fn start(record_authorizer: bool) -> Option<(Cluster, Server, rights::Rights)> {
    start_with(AUDIT_POLICY, record_authorizer)
}

fn start_with(policy: &str, record_authorizer: bool) -> Option<(Cluster, Server, rights::Rights)> {
    let cluster = Cluster::start(&cluster::Options {
        tokens: Some(people::token_file()),
        audit_policy: Some(policy.to_owned()),
        record_authorizer,
        beside: if record_authorizer { &[Beside::Kubelet] } else { &[] },
        ..cluster::Options::default()
    })?;
    let rights = rights::rights();
    let objects: Vec<String> =
        people::objects().iter().chain(&rights.objects()).map(Value::to_string).collect();
    let report = cluster.load(&objects.join("\n"));
    assert_eq!(report["failed"], 0, "{report}");
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    Some((cluster, server, rights))
}

/// The log so far, in whole lines.
fn log(cluster: &Cluster) -> Vec<u8> {
    let mut log = std::fs::read(cluster.audit_log()).expect("the log");
    let end = log.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    log.truncate(end);
    log
}

fn read(sources: &[SourceSpec]) -> Activity {
    audit::read(sources, &Options::new(Utc::now()), &()).expect("an activity")
}

#[test]
fn activity_is_what_the_clients_noted() {
    let Some((cluster, server, rights)) = start(false) else { return };
    let holders = people::holders(&cluster, &server);
    let each = if full() { 4_000 } else { 270 };
    let notes = drive(&server, &holders, &rights, each);
    let log = log(&cluster);
    let folder = folder("activity");
    let whole = folder.join("audit.log");
    std::fs::write(&whole, &log).expect("write the log");
    let activity = Arc::new(read(&[SourceSpec::Path(whole)]));
    compare(&notes, &activity);
    compare_others(&notes, &activity, &log);
    compare_credits(&notes, &activity);
    pieces::compare(&folder, &log, &activity);
    let rbac = folder.join("rbac");
    cluster.save_rbac(&rbac);
    let book = Book::build(Inputs {
        snapshot: Arc::new(snapshot(&rbac)),
        activity: Some(activity.clone()),
        log: LogState::Ready,
        policy: Arc::new(Policy::default()),
        now: Utc::now(),
    });
    let driving = expected::compare_sums(&notes, &book);
    println!(
        "activity: {} requests by {driving} identities with {} credentials, {} rows, {} answered \
         401, {} watches open, {} lines; answers {:?}; 0 differences",
        notes.all.len(),
        holders.len(),
        expected::rows(&notes).len(),
        notes.unauthenticated,
        notes.open.len(),
        activity.coverage().lines,
        notes.codes
    );
    std::fs::remove_dir_all(folder).expect("remove the folder");
}

/// What is noted is independent of the policy: under the smallest one the log says the same.
#[test]
fn the_smallest_audit_policy_shows_all_that_the_clients_noted() {
    const POLICY: &str = include_str!("../../../docs/logs/audit-policy.yaml");
    const STATED: &str = include_str!("../../../docs/logs/kubeadm.md");
    let Some((cluster, server, rights)) = start_with(POLICY, false) else { return };
    let holders = people::holders(&cluster, &server);
    let notes = drive(&server, &holders, &rights, if full() { 4_000 } else { 270 });
    let log = log(&cluster);
    let folder = folder("smallest");
    let whole = folder.join("audit.log");
    std::fs::write(&whole, &log).expect("write the log");
    let activity = read(&[SourceSpec::Path(whole)]);
    compare(&notes, &activity);
    compare_others(&notes, &activity, &log);
    compare_credits(&notes, &activity);
    let coverage = activity.coverage();
    assert_eq!(coverage.levels.keys().map(|level| &**level).collect::<Vec<_>>(), ["Metadata"]);
    let bytes = log.len() as u64 / coverage.events;
    println!(
        "smallest audit policy: {} requests in {} lines, {bytes} bytes a request",
        coverage.events, coverage.lines
    );
    let stated = STATED.split("about ").nth(1).and_then(|rest| rest.split(' ').next());
    let stated: u64 = stated.and_then(|number| number.parse().ok()).expect("a figure");
    assert!(bytes.abs_diff(stated) * 4 < stated, "{bytes} bytes, docs/logs/kubeadm.md: {stated}");
    std::fs::remove_dir_all(folder).expect("remove the folder");
}

/// Every row of the drivers' is as they noted it, and there is no other.
fn compare(notes: &Notes, activity: &Activity) {
    let expected = expected::rows(notes);
    let found = expected::driven_rows(activity);
    let mut differences = Vec::new();
    let all: BTreeSet<&Row> = expected.keys().chain(found.keys()).collect();
    for row in all {
        match (expected.get(row), found.get(row)) {
            (Some(expected), Some(found)) if expected.is(found) => {}
            (expected, found) => {
                differences.push(format!("{row:?}\n  noted {expected:?}\n  found {found:?}"));
            }
        }
    }
    let shown: Vec<&String> = differences.iter().take(10).collect();
    assert!(differences.is_empty(), "{} differences: {shown:#?}", differences.len());
    assert_eq!(activity.coverage().unauthenticated, notes.unauthenticated);
    assert!(activity.coverage().unreadable.is_empty());
}

/// Everybody else has as many requests as the log has ids of theirs, and none of the drivers'.
fn compare_others(notes: &Notes, activity: &Activity, log: &[u8]) {
    let driving: BTreeSet<&Identity> = notes.all.iter().map(|n| &n.row.authenticated).collect();
    let mut others: BTreeMap<Identity, BTreeSet<String>> = BTreeMap::new();
    for line in log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let event: Value = serde_json::from_slice(line).expect("JSON");
        let user = event["user"]["username"].as_str().unwrap_or_default();
        let identity = Identity::from_user_name(user);
        if !user.is_empty() && !driving.contains(&identity) {
            let id = event["auditID"].as_str().expect("an id").to_owned();
            others.entry(identity).or_default().insert(id);
        }
    }
    let mut found: BTreeMap<Identity, usize> = BTreeMap::new();
    for row in activity.uses() {
        let who = activity.identity(row.authenticated);
        if driving.contains(who) {
            let address = activity.actor(row.actor).address.as_deref().unwrap_or_default();
            assert!(address.starts_with("127.0.1."), "{who:?} {row:?}");
        } else {
            *found.entry(who.clone()).or_default() += usize::try_from(row.requests()).unwrap();
        }
    }
    let others: BTreeMap<Identity, usize> =
        others.into_iter().map(|(who, ids)| (who, ids.len())).collect();
    assert_eq!(found, others);
}

/// The grant that the server named is one of those that allow it, of the effective one.
fn compare_credits(notes: &Notes, activity: &Activity) {
    let mut rights: BTreeMap<&Row, BTreeSet<&str>> = BTreeMap::new();
    for noted in &notes.all {
        let rights = rights.entry(&noted.row).or_default();
        rights.extend(noted.rights.iter().map(String::as_str));
    }
    let mut credited = 0;
    for row in activity.uses() {
        let key = expected::row(activity, row);
        let Some(rights) = rights.get(&key) else { continue };
        let master = key.groups.iter().any(|group| &**group == "system:masters");
        let credit = row.credit.map(|id| &**activity.credit(id));
        match credit {
            Some(CreditedGrant::Rbac { binding, role, subject, .. }) => {
                assert!(rights.contains(&**binding), "{key:?} {binding} {rights:?}");
                assert_eq!(binding, role);
                let of_group = |group: &Name| *subject == Identity::group(group.clone());
                let held = *subject == key.effective || key.groups.iter().any(of_group);
                assert!(held && !master && row.allowed > 0, "{key:?} {subject:?}");
                credited += row.allowed;
            }
            Some(CreditedGrant::Other(words)) => panic!("{key:?} {words}"),
            None => assert!(master || row.allowed == 0, "{key:?}"),
        }
    }
    println!("credits: {credited} requests by a grant that allows them");
}
