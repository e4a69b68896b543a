//! What runs by day and night, and what loops: nobody's doing by hand.

use super::*;

const WINDOWS: &str = "kubectl/v1.36.1 (windows/amd64) kubernetes/b1d5cc9";

/// Jobs of a quarter of an hour, one every three hours, on so many days; a second one beside each begins
/// two minutes later.
fn jobs(log: Log, who: (&str, &str, &str), days: i64, second: bool) -> Log {
    (0..days * 8).fold(log, |log, job| {
        // Each begins some minutes later than the one before, as no clock has it.
        let start = job * 180 + job * 7 % 31;
        if second { log.also(who, start + 2..start + 18) } else { log.work(who, start..start + 16) }
    })
}

fn agents(days: i64) -> Log {
    let log = Log::new("sa:ci/agents");
    let log = jobs(log, ("legacy:ci/agents", LINUX, OFFICE), days, false);
    jobs(log, ("legacy:ci/agents", WINDOWS, HOME), days, true)
}

#[test]
fn build_agents_by_day_and_night_are_no_people_on_whatever_system() {
    let behind = agents(4).behind();
    assert_eq!(behind.signals, []);
    assert!(behind.actors.iter().all(|one| one.by_day_and_night && !one.attended && !one.person));
    // Two nights may be somebody's.
    assert!(agents(2).behind().is_shared());
    // Where somebody goes into a pod somebody is.
    let inside = agents(4).row(("legacy:ci/agents", WINDOWS, HOME), "create pods/exec", 700);
    assert!(inside.behind().actors.iter().any(|one| one.person));
    // Its jobs read pods' logs.
    let logs = (0..8).fold(agents(4), |log, job| {
        log.row(("legacy:ci/agents", WINDOWS, HOME), "get pods/log", job * 180)
    });
    assert_eq!(logs.signs(), []);
    // A person at another desk, with the same token.
    let person = agents(4).also(("legacy:ci/agents", MAC, "192.0.2.9"), 500..540);
    assert_eq!(person.signs(), [("podsAndPeople", 50)]);
    assert!(person.behind().signals[0].evidence.starts_with(
        "what runs by day and night (legacy:ci/agents), what runs by day and night \
         (legacy:ci/agents) use it (512 requests), and a person beside that (16 requests)"
    ));
}

#[test]
fn who_works_by_day_beside_a_loop_at_night_is_a_person() {
    // At one desk: a loop by day and night, and by day what people do.
    let log = (0..96).fold(Log::new("user:ana@corp.example"), |log, hour| {
        log.row(("X509SHA256=1", MAC, HOME), "list pods", hour * 60)
    });
    let alone = log.behind();
    assert!(alone.actors[0].by_day_and_night && !alone.actors[0].person);
    let by_day = |log: Log, what: &str| {
        (0..4).fold(log, |log, day| log.row(("X509SHA256=1", MAC, HOME), what, day * 1440 + 90))
    };
    // It changes nothing at night.
    assert!(by_day(log, "patch pods").behind().actors[0].person);
    let reads = ["get services", "list events"].into_iter().fold(
        (0..96).fold(Log::new("user:ana@corp.example"), |log, hour| {
            log.row(("X509SHA256=1", MAC, HOME), "list pods", hour * 60)
        }),
        by_day,
    );
    // Most of what it asks for it asks for by day alone.
    assert!(reads.behind().actors[0].person);
}

#[test]
fn a_loop_of_three_nights_makes_no_machine_of_a_desk() {
    // Two people with one token, two sittings a day for three weeks, and on each desk a loop once.
    let desks = [(MAC, HOME), (WINDOWS, OFFICE)];
    let by_hand = |log: Log| {
        (0..21).fold(log, |log, day| {
            desks.into_iter().fold(log, |log, (agent, from)| {
                let who = ("legacy:ci/ops", agent, from);
                let at = day * 1440;
                log.also(who, at + 540..at + 560).also(who, at + 840..at + 855)
            })
        })
    };
    let shared = by_hand(Log::new("sa:ci/ops"));
    assert!(shared.behind().is_shared());
    let looped = (0..80).fold(by_hand(Log::new("sa:ci/ops")), |log, hour| {
        desks.into_iter().fold(log, |log, (agent, from)| {
            let who = ("legacy:ci/ops", agent, from);
            ["list pods", "patch deployments"]
                .into_iter()
                .fold(log, |log, what| log.row(who, what, 22 * 1440 + hour * 60))
        })
    });
    let behind = looped.behind();
    assert!(behind.is_shared(), "{:?}", behind.signals);
    assert!(behind.actors.iter().all(|one| one.person && !one.by_day_and_night));
}

#[test]
fn who_sleeps_is_a_person() {
    // From eight in the morning to two at night, each day of a week.
    let log = (0..7 * 18).fold(Log::new("user:ana@corp.example"), |log, hour| {
        let at = (hour / 18 * 24 + hour % 18) * 60;
        log.row(("X509SHA256=1", MAC, HOME), "patch pods", at)
    });
    assert!(log.behind().actors[0].person);
    // Three at one desk around the world have a desk each.
    let world = (0..4 * 24).fold(Log::new("user:ops"), |log, hour| {
        let from = ["192.0.2.1", "192.0.2.2", "192.0.2.3"][usize::try_from(hour % 24 / 8).unwrap()];
        log.row(("X509SHA256=1", MAC, from), "patch pods", hour * 60)
    });
    assert!(world.behind().actors.iter().any(|one| one.person));
}

#[test]
fn sessions_by_day_and_night_are_nobodys_whatever_they_are_called() {
    let two = |names: [&str; 2], days: i64| {
        let [one, other] = names.map(|name| format!("session:{name}"));
        let log = jobs(Log::new("user:deployer"), (&one, LINUX, OFFICE), days, false);
        jobs(log, (&other, OTHER_LINUX, HOME), days, true).behind()
    };
    for names in [["scale-down", "rotate-certs"], ["shop-deploy", "pay-deploy"]] {
        let behind = two(names, 4);
        assert_eq!(behind.signals, [], "{names:?}");
        assert!(two(names, 1).is_shared(), "{names:?}");
    }
    // One for each job, which a tool names by the time.
    let log = (0..32).fold(Log::new("user:deployer"), |log, job| {
        let [one, other] = [0, 1].map(|which| format!("session:17000000000{job:02}000{which}"));
        let start = job * 180 + job * 7 % 31;
        log.work((&one, LINUX, OFFICE), start..start + 16)
            .also((&other, OTHER_LINUX, HOME), start + 2..start + 18)
    });
    assert_eq!(log.signs(), []);
}

#[test]
fn what_asks_for_several_things_in_turn_for_long_is_no_hand() {
    let with = |long: i64, each: u64| {
        let mut log = Log::new("user:ana@corp.example").also(("JTI=1", MAC, HOME), 0..50);
        for start in 1..13 {
            log = log.row(("JTI=2", LINUX, OFFICE), "list pods", start);
            let row = log.parts.uses.last_mut().unwrap();
            row.allowed = u64::try_from(long * 60).unwrap() / each;
            row.last = at(start + long);
        }
        log.behind()
    };
    // Twelve things, each once in 40 seconds, for 40 minutes: one in four seconds.
    assert!(!with(40, 40).is_shared(), "{:?}", with(40, 40).signals);
    // For a quarter of an hour, or each once in three minutes, somebody may.
    assert!(with(14, 40).is_shared());
    assert!(with(40, 180).is_shared());
}
