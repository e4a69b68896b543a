//! The Book: building it, and advancing it at 100,000 identities, each with a log behind it.
//!
//! `cargo bench --bench book`. Figures are the middle of some runs; memory is what the process
//! grew by while building, and its peak.

#![allow(clippy::expect_used, clippy::cast_precision_loss)] // A bench has nobody to hand an error to.

mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use keybook::book::{Book, Changes, Inputs, LogChange, LogState};
use keybook::model::{
    Activity, ActivityDelta, ActivityParts, ActivityTables, Actor, ActorId, Binding, Call, CallId,
    Coverage, GroupSetId, Identity, Implied, Object, Policy, SeenId, Snapshot, Target, Use,
};
use keybook::rbac::{bootstrap, query::builtin_discovery};

const RUNS: u32 = 31;

fn main() {
    println!("book: {} threads", rayon::current_num_threads());
    build_large();
    crowd();
}

fn inputs(snapshot: Snapshot, activity: Option<Activity>) -> Inputs {
    Inputs {
        snapshot: Arc::new(snapshot),
        log: if activity.is_some() { LogState::Ready } else { LogState::None },
        activity: activity.map(Arc::new),
        policy: Arc::new(Policy::default()),
        now: world::now(),
    }
}

/// 1,000 namespaces, 16,700 objects.
fn build_large() {
    let inputs = inputs(world::snapshot(&world::LARGE), None);
    let before = resident();
    let (time, book) = timed(|| Book::build(inputs.clone()));
    println!(
        "book: large world built in {:.0} ms (first run), {} MB on top of {} MB of objects, peak {} MB",
        ms(time),
        (resident().0 - before.0) / 1024,
        before.0 / 1024,
        resident().1 / 1024,
    );
    let middle = middle(9, || drop(Book::build(inputs.clone())));
    println!(
        "book: large world: {} identities, {} grants, {:.0} ms",
        book.counts().identities,
        book.grants().count(),
        ms(middle)
    );
}

/// 100,000 identities with a log, and what one change costs.
fn crowd() {
    let mut snapshot = world::snapshot(&world::CROWD);
    install(&mut snapshot);
    let (time, bare) = timed(|| Book::build(inputs(snapshot.clone(), None)));
    println!("book: crowd: {} identities, {:.0} ms", bare.counts().identities, ms(time));
    let activity = log(&bare);
    let rows = activity.uses().count();
    drop(bare);
    let inputs = inputs(snapshot.clone(), Some(activity));
    let (time, book) = timed(|| Book::build(inputs.clone()));
    println!(
        "book: crowd with a log of {rows} rows: {:.0} ms, {} findings, peak {} MB",
        ms(time),
        book.findings().len(),
        resident().1 / 1024
    );
    println!("book: one binding changed: {:.2} ms", ms(binding_changed(&book, &snapshot)));
    println!(
        "book: one binding of many subjects changed: {:.2} ms",
        ms(many_changed(&book, &snapshot))
    );
    println!("book: one log event added: {:.2} ms", ms(event_added(&book)));
    let (time, _) = timed(|| book.entries().filter(|entry| entry.held > 3).count());
    println!("book: all entries looked at: {:.2} ms", ms(time));
}

/// The API server's own policy, by which everybody holds something.
fn install(snapshot: &mut Snapshot) {
    let own = bootstrap::policies().last().expect("a policy is built in");
    let objects = &own.objects;
    let roles = objects.roles.values().map(|role| Object::Role(role.as_ref().clone()));
    let bindings =
        objects.bindings.values().map(|binding| Object::Binding(binding.as_ref().clone()));
    for object in roles.chain(bindings) {
        snapshot.objects.insert(object);
    }
    snapshot.discovery = builtin_discovery();
}

fn changes(book: &Book, snapshot: Snapshot, activity: LogChange) -> Changes {
    Changes {
        snapshot: Arc::new(snapshot),
        activity,
        log: book.log.clone(),
        policy: book.policy.clone(),
        now: book.now,
    }
}

/// One subject more in a binding of few, the snapshot's own change included.
fn binding_changed(book: &Book, snapshot: &Snapshot) -> Duration {
    let few = snapshot.objects.bindings.values().find(|one| one.subjects.len() == 2);
    let mut binding = Binding::clone(few.expect("a binding"));
    let mut subject = binding.subjects[0].clone();
    subject.kind = "User".into();
    subject.namespace = None;
    subject.name = "user-00007@corp.example".into();
    binding.subjects.push(subject);
    one_object(book, snapshot, &Object::Binding(binding))
}

/// One subject less in the binding of most.
fn many_changed(book: &Book, snapshot: &Snapshot) -> Duration {
    let most = snapshot.objects.bindings.values().max_by_key(|one| one.subjects.len());
    let mut binding = Binding::clone(most.expect("a binding"));
    binding.subjects.pop();
    one_object(book, snapshot, &Object::Binding(binding))
}

fn one_object(book: &Book, snapshot: &Snapshot, object: &Object) -> Duration {
    middle(RUNS, || {
        let mut next = snapshot.clone();
        next.objects.insert(object.clone());
        std::hint::black_box(book.advance(changes(book, next, LogChange::Same)));
    })
}

/// One more request of somebody who did the like before, the log's own change included.
fn event_added(book: &Book) -> Duration {
    let activity = book.activity.clone().expect("a log");
    let seen = SeenId(4711);
    let mut row = activity.by_authenticated(seen)[0];
    row.allowed += 1;
    row.last += TimeDelta::minutes(1);
    row.last_allowed = Some(row.last);
    let mut coverage = activity.coverage().clone();
    coverage.to = coverage.to.max(Some(row.last));
    let group = (seen, Identity::AUTHENTICATED.into(), row.last);
    let delta = ActivityDelta {
        uses: vec![row],
        groups_seen: vec![group],
        coverage,
        ..ActivityDelta::default()
    };
    middle(RUNS, || {
        let grown = Arc::new(activity.advance(&delta));
        let change = LogChange::Grown { activity: grown, touched: delta.touched() };
        std::hint::black_box(book.advance(changes(book, (*book.snapshot).clone(), change)));
    })
}

/// Ninety days in which everybody made a few requests.
fn log(book: &Book) -> Activity {
    const CALLS: [(&str, &str, &str); 6] = [
        ("get", "", "pods"),
        ("list", "", "pods"),
        ("create", "apps", "deployments"),
        ("get", "", "configmaps"),
        ("watch", "batch", "jobs"),
        ("patch", "apps", "deployments"),
    ];
    let start = world::now() - TimeDelta::days(90);
    let mut tables = ActivityTables {
        actors: vec![Actor {
            credential: None,
            agent: Some("kubectl/v1.36.3".into()),
            address: Some("198.51.100.7".into()),
        }],
        ..ActivityTables::default()
    };
    for (verb, group, resource) in CALLS {
        for namespace in 0..50 {
            let target = Target::Resource {
                group: group.into(),
                resource: resource.into(),
                subresource: "".into(),
                namespace: Some(format!("team-{namespace:04}").into()),
                name: None,
                names_folded: false,
            };
            let call = Call { verb: verb.into(), target, implied: Implied::Nothing };
            tables.calls.push(Arc::new(call));
        }
    }
    let mut parts = ActivityParts::default();
    for (number, entry) in (0u32..).zip(book.entries().filter(|one| one.members.is_empty())) {
        let seen = SeenId(number);
        let mut groups = entry.identity.implicit_groups();
        groups.push(format!("group-{:03}", number % 400).into());
        groups.sort();
        let set: Arc<[_]> = groups.clone().into();
        let known = tables.group_sets.iter().rev().take(2000).position(|have| *have == set);
        let group_set = if let Some(back) = known {
            tables.group_sets.len() - 1 - back
        } else {
            tables.group_sets.push(set);
            tables.group_sets.len() - 1
        };
        tables.identities.push(entry.identity.clone());
        for at in 0..5 {
            let when = start + TimeDelta::hours(i64::from((number * 7 + at * 311) % 2159));
            parts.uses.push(Use {
                authenticated: seen,
                effective: seen,
                impersonation: None,
                actor: ActorId(0),
                groups: GroupSetId(u32::try_from(group_set).expect("few")),
                call: CallId((number + at * 61) % 300),
                credit: None,
                day: when.date_naive(),
                allowed: 3,
                denied: 0,
                undecided: 0,
                first: when,
                last: when,
                last_allowed: Some(when),
                hours: 0,
            });
        }
        let seen_at = start + TimeDelta::hours(2000);
        parts.groups_seen.insert(seen, groups.into_iter().map(|name| (name, seen_at)).collect());
    }
    parts.tables = tables;
    parts.coverage = Coverage {
        from: Some(start),
        to: Some(world::now()),
        reads_logged: true,
        decisions_logged: true,
        groups_logged: true,
        ..Coverage::default()
    };
    parts.into()
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let made = run();
    (begun.elapsed(), made)
}

fn middle(runs: u32, mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..runs).map(|_| timed(&mut run).0).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Resident memory of this process now and at its peak, KiB; zeros where the system does not tell.
fn resident() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    };
    (field("VmRSS:"), field("VmHWM:"))
}
