//! Reach: what 2,000 identities of the large world can become, and which grants to cut.
//!
//! `cargo bench --bench reach`. One run each, the world's Book given; of one identity the middle of
//! some.

#![allow(clippy::expect_used, clippy::cast_precision_loss)] // A bench has nobody to hand an error to.

mod world;

use std::sync::Arc;
use std::time::{Duration, Instant};

use keybook::book::{Book, Entry, Inputs, LogState, Tier};
use keybook::model::{Object, Policy, Snapshot};
use keybook::rbac::bootstrap;
use keybook::reach::{Reach, Reached};

/// So many are asked about.
const ASKED: usize = 2_000;
const RUNS: u32 = 5;

fn main() {
    println!("reach: {} threads", rayon::current_num_threads());
    measure("large world", world::snapshot(&world::LARGE));
    // With what every API server installs, whose controllers lead everywhere.
    let mut real = world::snapshot(&world::LARGE);
    let policy = bootstrap::policy("v1.36.3").expect("built in").policy;
    for role in policy.objects.roles.values() {
        real.objects.insert(Object::Role((**role).clone()));
    }
    for binding in policy.objects.bindings.values() {
        real.objects.insert(Object::Binding((**binding).clone()));
    }
    measure("with the server's own policy", real);
}

fn measure(name: &str, snapshot: Snapshot) {
    let book = Book::build(Inputs {
        snapshot: Arc::new(snapshot),
        activity: None,
        log: LogState::None,
        policy: Arc::new(Policy::default()),
        now: world::now(),
    });
    let all = book.entries().count();
    let some: Vec<_> = book.entries().step_by((all / ASKED).max(1)).take(ASKED).cloned().collect();
    let some: Vec<&Entry> = some.iter().map(|entry| &**entry).collect();
    let (time, reached) = timed(|| Reach::new(&book).many(&some));
    let higher = reached.iter().filter(|one| one.is_higher()).count();
    let admin = |one: &&Reached| one.is_higher() && one.tier == Tier::ClusterAdmin;
    println!(
        "reach: {name}: {} of {all} identities in {:.0} ms (one run); {higher} can become more, {} \
         cluster-admin",
        some.len(),
        ms(time),
        reached.iter().filter(admin).count()
    );
    let reach = Reach::new(&book);
    let (time, everybody) = timed(|| reach.all());
    println!("reach: {name}: all {all} in {:.0} ms (one run)", ms(time));
    let (time, cuts) = timed(|| reach.cuts(&everybody));
    println!("reach: {name}: {} grants to cut in {:.0} ms (one run)", cuts.len(), ms(time));
    let one = some.get(some.len() / 2).expect("somebody");
    let time = middle(|| drop(Reach::new(&book).of(one)));
    println!("reach: {name}: one identity, from the Book on, in {:.1} ms", ms(time));
    println!("reach: {name}: {} MB resident at most so far", resident() / 1_000);
}

fn timed<T>(run: impl FnOnce() -> T) -> (Duration, T) {
    let begun = Instant::now();
    let made = run();
    (begun.elapsed(), made)
}

fn middle(mut run: impl FnMut()) -> Duration {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| timed(&mut run).0).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

/// What the process had resident at most, in kB; 0 where that is not told.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.and_then(|rest| rest.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
