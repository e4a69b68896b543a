//! Accounts of one and of several, over a log that a real API server wrote: who is called shared,
//! against what the drivers know.

mod day_and_night;
mod drive;
mod forms;
mod look_alikes;
mod plan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::TimeDelta;
use keybook::actors::{self, Behind};
use keybook::audit::{self, Options, SourceSpec};
use keybook::book::{Book, Inputs, LogState};
use keybook::model::{Identity, Policy};

use self::drive::Driver;
use self::plan::{Account, By, Plan, Truth};
use crate::answers::snapshot;
use crate::reviews::folder;
use crate::support::cluster::{self, Cluster};
use crate::support::process::await_some;

fn identity(account: &Account) -> Identity {
    if account.machine {
        Identity::service_account("share", account.name.as_str())
    } else {
        Identity::user(account.name.as_str())
    }
}

/// What the log came to.
fn book(cluster: &Cluster, driver: &Driver<'_>) -> Book {
    let folder = folder("sharing");
    let path = folder.join("audit.log");
    std::fs::write(&path, driver.log()).expect("write the log");
    let now = drive::start() + TimeDelta::days(30);
    let activity = audit::read(&[SourceSpec::Path(path)], &Options::new(now), &()).expect("a log");
    let rbac = folder.join("rbac");
    cluster.save_rbac(&rbac);
    let accounts = cluster.kubectl_ok(&["get", "serviceaccounts", "-A", "-o", "json"]);
    std::fs::write(rbac.join("serviceaccounts.json"), accounts).expect("save a list");
    let book = Book::build(Inputs {
        snapshot: Arc::new(snapshot(&rbac)),
        activity: Some(Arc::new(activity)),
        log: LogState::Ready,
        policy: Arc::new(Policy::default()),
        now,
    });
    std::fs::remove_dir_all(folder).expect("remove the folder");
    book
}

/// Whether the finding is there, and who is behind it.
fn judged(book: &Book, account: &Account) -> (bool, Behind) {
    let identity = identity(account);
    let entry = book.find(&identity).expect("it is listed");
    let has = |rule: &str| entry.findings.iter().any(|finding| finding.rule == rule);
    let shared = has("shared-account");
    assert_eq!(has("machines-on-person"), account.machines, "{}", account.name);
    assert!(!(account.annotated && has("people-on-machine")), "{}", account.name);
    // What pods serve, or run, is nobody's desk, and neither is a build agent.
    let pods = account.acts.iter().all(|act| matches!(act.desk.by, By::Pod(..)));
    assert!(!((pods || account.nobody) && has("people-on-machine")), "{}", account.name);
    let log = book.activity.as_deref().expect("a log");
    let behind = actors::of(log, &book.snapshot, &identity).expect("it was seen");
    assert_eq!(shared, behind.is_shared(), "{}", account.name);
    (shared, behind)
}

/// Actors that two people share by the plan: all of what one of their desks has is the actor's.
fn mixed(account: &Account, behind: &Behind) -> usize {
    let has = |actor: &actors::Actor, desk: &plan::Desk| {
        let address = format!("127.0.1.{}", desk.from);
        let person = match desk.by {
            By::Session(name) => actor.credentials.iter().any(|id| id.ends_with(name)),
            By::Token(by, _) => actor.holder == actors::Holder::MintedBy(Identity::user(by)),
            _ => true,
        };
        person
            && actor.agents.iter().any(|agent| **agent == *desk.agent)
            && actor.addresses.iter().any(|have| **have == *address)
    };
    let people = |actor: &actors::Actor| {
        let desks = account.acts.iter().map(|act| act.desk).filter(|desk| has(actor, desk));
        desks.map(|desk| desk.who).collect::<BTreeSet<_>>().len()
    };
    behind.actors.iter().filter(|actor| people(actor) > 1).count()
}

fn check(plan: &Plan, book: &Book) {
    let (mut alarms, mut misses, mut untold) = (Vec::new(), Vec::new(), Vec::new());
    let mut forms: BTreeMap<&str, (usize, BTreeSet<u32>)> = BTreeMap::new();
    let mut counts = [0; 3];
    for account in &plan.accounts {
        let (shared, behind) = judged(book, account);
        let requests: u64 = behind.actors.iter().map(|actor| actor.requests).sum();
        assert_eq!(requests, account.acts.len() as u64, "{}", account.name);
        let uses = behind.actors.iter().flat_map(|actor| &actor.uses);
        assert_eq!(uses.map(|one| one.allowed + one.denied).sum::<u64>(), requests);
        let form = forms.entry(account.form).or_default();
        form.0 += 1;
        form.1.insert(behind.weight);
        counts[account.truth as usize] += 1;
        match (account.truth, shared) {
            (Truth::One, true) => alarms.push((&account.name, behind.signals)),
            (Truth::Several, false) => misses.push((&account.name, behind.signals)),
            (Truth::Untold, false) => untold.push(account.form),
            (Truth::Several, true) if account.form != BEHIND_NAT => {
                assert_eq!(mixed(account, &behind), 0, "{}: {:?}", account.name, behind.actors);
            }
            _ => {}
        }
    }
    for (form, (accounts, weights)) in &forms {
        println!("shared accounts: {accounts} of {form}: weights {weights:?}");
    }
    let machines = plan.accounts.iter().filter(|account| account.machines).count();
    println!(
        "machines on a person's account: {machines} of {}, each said and no other",
        plan.accounts.len()
    );
    println!(
        "shared accounts: {} of one, {} false alarms; {} of several, {} missed; {} of several in \
         ways that the log cannot tell, {} missed",
        counts[0],
        alarms.len(),
        counts[1],
        misses.len(),
        counts[2],
        untold.len()
    );
    assert!(counts[0] >= 30 && counts[1] >= 30, "{counts:?}");
    assert!(alarms.is_empty(), "{alarms:#?}");
    assert!(misses.is_empty(), "{misses:#?}");
    // What cannot be told is missed, all of it: a sign that tells more would be written down.
    assert_eq!(untold.len(), counts[2], "{untold:?}");
}

/// Two certificates from one address with one agent: what tells them apart are the certificates,
/// which a plan numbers and a log does not.
const BEHIND_NAT: &str = "a certificate each behind a nat";

#[test]
fn accounts_of_several_are_told_from_those_of_one() {
    let plan = forms::plan();
    let options =
        cluster::Options { tokens: Some(drive::token_file(&plan)), ..cluster::Options::default() };
    let Some(cluster) = Cluster::start(&options) else { return };
    let objects: Vec<String> = drive::objects(&plan).iter().map(ToString::to_string).collect();
    let report = cluster.load(&objects.join("\n"));
    assert_eq!(report["failed"], 0, "{report}");
    let mut driver = Driver::new(&cluster);
    for account in &plan.accounts {
        driver.drive(account);
    }
    await_some("the whole log", || driver.is_logged().then_some(()));
    let book = book(&cluster, &driver);
    check(&plan, &book);
}
