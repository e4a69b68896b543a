//! Machines on a person's account, and what is none.

use super::*;
use crate::book::Mend;

const CONTROLLER: &str = "argocd-application-controller/v3.1 (linux/amd64)";
const MAC: &str = "kubectl/v1.36.1 (darwin/arm64) kubernetes/abc1234";
const LINUX: &str = "kubectl/v1.36.1 (linux/amd64) kubernetes/abc1234";
const ANA: &str = "user:ana@corp.example";

fn by(world: &World) -> Vec<(String, Severity, String)> {
    let found = findings(world).into_iter().filter(|one| one.rule == "machines-on-person");
    found.map(|one| (one.identity.to_string(), one.severity, one.evidence)).collect()
}

/// Once in each of so many hours of a day, at this minute: minutes of the day.
fn hourly(hours: std::ops::Range<i64>, minute: i64) -> Vec<i64> {
    hours.map(|hour| hour * 60 + minute).collect()
}

/// Twenty writes by a program at a minute of a day, in a row of its own.
fn write(who: &str, agent: &str, day: i64, minute: i64) -> Row {
    let row = Row::new(who, &format!("patch pods@a/n{minute}"), day);
    // Rows are told in minutes after midday.
    row.with("JTI=1").agent(agent).from("192.0.2.7").minutes(minute - 720).times(20)
}

fn read(who: &str, agent: &str, day: i64) -> Row {
    Row::new(who, "get pods@a/x", day).with("JTI=2").agent(agent)
}

/// Somebody with a program at these minutes of each of so many days, on which they use kubectl too.
fn with_machine(who: &str, agent: &str, days: i64, minutes: &[i64], own: &str) -> World {
    let mut world = world().log(0, 40);
    for at in 0..days {
        for minute in minutes {
            world = world.row(write(who, agent, at, *minute));
        }
        if !own.is_empty() {
            world = world.row(read(who, own, at));
        }
    }
    world
}

#[test]
fn machines_on_a_persons_account_are_said_with_figures() {
    let around = hourly(0..24, 7);
    let all = with_machine(ANA, CONTROLLER, 5, &around, MAC);
    let [(who, severity, evidence)] = &by(&all)[..] else { panic!("{:?}", by(&all)) };
    assert_eq!((&**who, *severity), (ANA, Severity::Medium));
    // 24 times 20 on each of five days.
    assert_eq!(
        evidence,
        "2400 requests, 2400 of them writes, by what runs by itself \
         (\"argocd-application-controller/v3.1 (linux/amd64)\") from 192.0.2.7, on 5 days, 5 of them in \
         16 hours of the day and more, last on 2026-01-05; a person uses it too (\"kubectl/v1.36.1 \
         (darwin/arm64)\")"
    );
    // By the name alone, and by a person who is seen alone.
    let by_name = with_machine(ANA, CONTROLLER, 5, &around, "");
    assert!(by(&by_name)[0].2.ends_with("; its name is an address for mail"));
    assert_eq!(by(&with_machine("user:ana", CONTROLLER, 5, &around, MAC)).len(), 1);
    assert_eq!(by(&with_machine("user:ana", CONTROLLER, 5, &around, "")), []);
    // kubectl that begins by the clock.
    let cron = with_machine(ANA, LINUX, 5, &[185, 190], MAC);
    assert!(by(&cron)[0].2.contains("on 5 days, by the clock, last on"), "{:?}", by(&cron));
    // One that is open while somebody works, by itself and on a desktop; by day and night nobody is at that.
    for agent in [CONTROLLER, MAC] {
        assert_eq!(by(&with_machine(ANA, agent, 5, &hourly(9..19, 0), MAC)), [], "{agent}");
    }
    assert_eq!(by(&with_machine(ANA, MAC, 5, &around, MAC)).len(), 1);
}

#[test]
fn only_what_runs_by_itself_leaves_a_persons_account() {
    let world = with_machine(ANA, CONTROLLER, 5, &hourly(0..24, 7), MAC).namespace("a");
    let found = findings(&world);
    let one = found.iter().find(|one| one.rule == "machines-on-person").unwrap();
    let Some(Mend::Split { identity, off, into }) = &one.fix.write else { panic!("{one:?}") };
    assert_eq!(identity.to_string(), ANA);
    // Her own kubectl is at another address, and stays.
    assert_eq!(off, &[("argocd-application-controller".into(), "192.0.2.7".into())]);
    assert_eq!(into.as_deref(), Some("a"));
}

#[test]
fn a_working_day_across_midnight_is_no_machines() {
    // From 17:05 to 00:50 by UTC, with a script in Python, on five days.
    let mut world = world().log(0, 40);
    for day in 0..5 {
        for minute in hourly(17..24, 5) {
            world = world.row(write(ANA, "OpenAPI-Generator/31.0.0/python", day, minute));
        }
        for minute in [5, 50] {
            world = world.row(write(ANA, "OpenAPI-Generator/31.0.0/python", day + 1, minute));
        }
    }
    assert_eq!(by(&world), []);
    // By hand at seven and at eleven in the evening.
    let terraform = with_machine(ANA, "HashiCorp/1.0 Terraform/1.9", 5, &[420, 1380], "");
    assert_eq!(by(&terraform), []);
}

#[test]
fn a_program_that_is_built_anew_each_day_is_one() {
    let mut world = world().log(0, 40);
    for day in 0..5 {
        for minute in hourly(0..24, 7) {
            let agent = format!("deploy-bot/build-{day} (linux/amd64)");
            world = world.row(write(ANA, &agent, day, minute));
        }
    }
    assert!(by(&world)[0].2.contains("on 5 days, 5 of them in 16 hours"), "{:?}", by(&world));
}

#[test]
fn commands_round_the_clock_are_a_machines_at_whatever_minute() {
    let odd: Vec<i64> = (0..24).map(|hour| hour * 60 + hour * 37 % 60).collect();
    assert_eq!(by(&with_machine(ANA, "Helm/3.19.0", 5, &odd, "")).len(), 1);
    // What somebody types at one place does not hide what cron does at another.
    let mut both = with_machine(ANA, LINUX, 5, &[185, 190], "");
    for day in 0..5 {
        for minute in [541 + day * 7, 655 + day * 11, 803 + day * 3] {
            both = both.row(write(ANA, LINUX, day, minute).from("192.0.2.99"));
        }
    }
    let [(.., evidence)] = &by(&both)[..] else { panic!("{:?}", by(&both)) };
    assert!(
        evidence.starts_with("200 requests") && evidence.contains("from 192.0.2.7, on"),
        "{evidence}"
    );
}

#[test]
fn who_looks_once_a_day_at_about_the_same_time_is_no_clock() {
    let at = |seconds: i64| {
        let mut world = world().log(0, 40);
        for day in 0..5 {
            world = world.row(write(ANA, LINUX, day, 540));
            let row = &mut world.activity.as_mut().unwrap().uses[usize::try_from(day).unwrap()];
            row.first += chrono::TimeDelta::seconds(day * seconds);
            row.last = row.first;
        }
        by(&world).len()
    };
    assert_eq!(at(0), 1);
    assert_eq!(at(2), 1);
    // Within 80 seconds of nine.
    assert_eq!(at(20), 0);
}

#[test]
fn whose_account_it_is_a_machine_may_use() {
    let around = hourly(0..24, 7);
    for who in ["user:cleo@project.iam.gserviceaccount.com", "user:system:kube-scheduler", "sa:a/x"]
    {
        let world = with_machine(who, CONTROLLER, 5, &around, MAC).account("a", "x");
        assert_eq!(by(&world), [], "{who}");
    }
    // A word of the name says that it is a machine's, as long as no person is seen at it.
    for who in ["user:ci-bot@corp.example", "user:job@corp.example", "user:kubernetes-admin"] {
        assert_eq!(by(&with_machine(who, CONTROLLER, 5, &around, "")), [], "{who}");
        assert_eq!(by(&with_machine(who, CONTROLLER, 5, &around, MAC)).len(), 1, "{who}");
    }
}

#[test]
fn thresholds_of_machines_are_settings() {
    let count = |days: i64, set: fn(&mut crate::model::Policy)| {
        let mut world = with_machine(ANA, CONTROLLER, days, &hourly(0..15, 0), "");
        set(&mut world.policy);
        by(&world).len()
    };
    // 15 hours, 300 requests a day.
    assert_eq!(count(5, |_| {}), 0);
    assert_eq!(count(5, |policy| policy.machine_hours = 15), 1);
    assert_eq!(count(2, |policy| policy.machine_hours = 15), 0);
    let on_two_days = |policy: &mut crate::model::Policy| {
        (policy.machine_hours, policy.machine_days, policy.machine_requests) = (15, 2, 601);
    };
    assert_eq!(count(2, on_two_days), 0, "600 requests");
    let fewer = |policy: &mut crate::model::Policy| {
        (policy.machine_hours, policy.machine_days, policy.machine_requests) = (15, 2, 600);
    };
    assert_eq!(count(2, fewer), 1);
}

#[test]
fn a_program_that_only_reads_where_the_person_is_was_left_open() {
    const IDE: &str = "fabric8-kubernetes-client/6.13.4";
    const OCTANT: &str = "octant/v0.25 (darwin/arm64) kubernetes/abc1234";
    let with = |agent: &str, what: &str, from: &str, credential: &str| {
        let mut world = world().log(0, 40);
        for day in 0..5 {
            for hour in 0..24 {
                let at = |row: Row| row.minutes(hour * 60 - 713).times(20);
                let row = Row::new(ANA, &format!("{what}@a/x"), day).with(credential).agent(agent);
                world = world.row(at(row.from(from)));
            }
            let own = Row::new(ANA, "get pods@a/x", day).with("X509SHA256=1").agent(MAC);
            world = world.row(own.from("198.51.100.7"));
        }
        by(&world).len()
    };
    for agent in [IDE, OCTANT] {
        assert_eq!(with(agent, "list pods", "198.51.100.7", "X509SHA256=1"), 0, "{agent}");
        // One that changes something, one elsewhere, and one with a certificate of its own.
        assert_eq!(with(agent, "patch pods", "198.51.100.7", "X509SHA256=1"), 1, "{agent}");
        assert_eq!(with(agent, "list pods", "192.0.2.7", "X509SHA256=1"), 1, "{agent}");
        assert_eq!(with(agent, "list pods", "198.51.100.7", "X509SHA256=2"), 1, "{agent}");
    }
}

#[test]
fn build_agents_with_a_persons_account_are_machines() {
    const WINDOWS: &str = "kubectl/v1.36.1 (windows/amd64) kubernetes/abc1234";
    // Every three hours, at another minute each time.
    let around: Vec<i64> = (0..8).map(|job| job * 180 + job * 7 % 31).collect();
    let found = by(&with_machine(ANA, WINDOWS, 5, &around, ""));
    let [(.., evidence)] = &found[..] else { panic!("{found:?}") };
    assert!(
        evidence
            .starts_with("800 requests, 800 of them writes, by what runs by itself (\"kubectl/")
            && evidence.contains("on 5 days, by day and night, last on 2026-01-05"),
        "{evidence}"
    );
    // By day alone it is somebody's desk.
    assert_eq!(by(&with_machine(ANA, WINDOWS, 5, &around[3..6], "")), []);
}
