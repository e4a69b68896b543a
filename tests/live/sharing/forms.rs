//! The forms in which accounts are used by one, and by several.

use super::plan::{By, Desk, Plan, Truth, Way};
use super::{day_and_night, look_alikes};

pub const MAC: &str = "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9";
pub const WINDOWS: &str = "kubectl.exe/v1.36.2 (windows/amd64) kubernetes/e4c1a77";
pub const LINUX: &str = "kubectl/v1.35.4 (linux/amd64) kubernetes/0f17c7b";
pub const OLDER: &str = "kubectl/v1.34.2 (linux/amd64) kubernetes/9ab2f21";
pub const K9S: &str = "k9s/v0.50.16 (darwin/arm64) kubernetes/$Format";
pub const HELM: &str = "Helm/3.19.0";
const OPERATOR: &str = "cart-operator/v2.3 (linux/amd64) kubernetes/$Format";
pub const PIPELINE: &str = "pipeline/4.1 (linux/amd64)";

/// Addresses: an office's NAT, homes, hosts, pods.
pub const OFFICE: u8 = 10;

pub fn desk(who: &'static str, by: By, agent: &'static str, from: u8) -> Desk {
    Desk { who, by, agent, from }
}

/// Minutes of a day, all of these hours.
pub const fn long(from: i64, until: i64) -> (i64, i64) {
    (from * 60, until * 60)
}

/// So many thirds of an hour from an hour on.
pub const fn thirds(from: i64, count: i64) -> (i64, i64) {
    (from * 60, from * 60 + count * 20)
}

/// All of them.
pub fn plan() -> Plan {
    let mut plan = Plan::default();
    machines(&mut plan);
    one_person(&mut plan);
    renewed(&mut plan);
    users(&mut plan);
    accounts(&mut plan);
    untold(&mut plan);
    look_alikes::of_one(&mut plan);
    look_alikes::of_several(&mut plan);
    look_alikes::untold(&mut plan);
    look_alikes::round_the_clock(&mut plan);
    day_and_night::of_one(&mut plan);
    day_and_night::of_several(&mut plan);
    plan
}

/// Pods, cron, pipelines.
fn machines(plan: &mut Plan) {
    let one = (Truth::One, true);
    for agent in [OPERATOR, LINUX] {
        plan.account("pods of one workload", one, |doing| {
            for (pod, from) in [
                ("cart-7d9f8b6c5d-x2x4z", 31),
                ("cart-7d9f8b6c5d-b2x4z", 32),
                ("cart-7d9f8b6c5d-c2x4z", 33),
            ] {
                // The tokens of pods are renewed.
                for token in 0..3 {
                    let desk = desk("cart", By::Pod(pod, token), agent, from);
                    let start = i64::try_from(token).unwrap_or(0) * 60;
                    doing.at(desk, Way::Script, (600 + start, 630 + start));
                }
            }
        });
    }
    for _ in 0..2 {
        plan.account("pods of two workloads", one, |doing| {
            for (who, pod, from) in [("web", "web-0", 34), ("feed", "feed-6b5f9d8c7c-k9x7v", 35)] {
                doing.at(desk(who, By::Pod(pod, 0), OPERATOR, from), Way::Script, (600, 700));
                doing.at(desk(who, By::Pod(pod, 0), LINUX, from), Way::Hand, (600, 700));
            }
        });
        plan.account("cron in pods", one, |doing| {
            let pods = ["close-29381760-8mt2v", "close-29383200-4hx9c", "close-29384640-zb7kd"];
            for (day, pod) in (0i64..).zip(pods) {
                let desk = desk("close", By::Pod(pod, 0), LINUX, 36);
                doing.on(day..day + 1, desk, Way::Script, thirds(2, 1));
            }
        });
        plan.account("cron on a host", one, |doing| {
            doing.on(0..3, desk("host", By::Secret, LINUX, 40), Way::Script, thirds(0, 4));
        });
        plan.account("cron of a user", (Truth::One, false), |doing| {
            doing.on(0..3, desk("host", By::Certificate(0), LINUX, 41), Way::Script, thirds(0, 4));
            doing.on(0..3, desk("host", By::Certificate(0), HELM, 41), Way::Script, thirds(1, 1));
        });
    }
    for _ in 0..3 {
        plan.account("pipelines in parallel", one, |doing| {
            for from in 42..45 {
                doing.on(0..2, desk("runner", By::Secret, LINUX, from), Way::Hand, thirds(9, 2));
            }
        });
    }
}

/// People by themselves.
fn one_person(plan: &mut Plan) {
    let user = (Truth::One, false);
    for agent in [MAC, WINDOWS, LINUX, MAC, LINUX] {
        // Each of them comes from the same address as all the others.
        plan.account("behind a nat", user, |doing| {
            doing.on(0..2, desk("one", By::Certificate(0), agent, OFFICE), Way::Hand, thirds(9, 3));
        });
    }
    for agent in [MAC, LINUX, WINDOWS] {
        plan.account("address that changes", user, |doing| {
            for from in 50..54 {
                doing.on(
                    0..2,
                    desk("one", By::Certificate(0), agent, from),
                    Way::Hand,
                    thirds(9, 2),
                );
            }
        });
    }
    for certificates in [[0, 0], [0, 1], [0, 1]] {
        let home = desk("one", By::Certificate(certificates[0]), MAC, 60);
        let office = desk("one", By::Certificate(certificates[1]), LINUX, OFFICE);
        plan.account("two laptops day by day", user, |doing| {
            doing.on(0..2, home, Way::Hand, thirds(9, 3));
            doing.on(2..4, office, Way::Hand, thirds(9, 3));
            doing.on(4..5, home, Way::Hand, thirds(9, 3));
        });
        plan.account("two laptops a day", user, |doing| {
            // From one to the other within minutes, twice a day.
            doing.on(0..3, home, Way::Hand, (480, 500));
            doing.on(0..3, office, Way::Hand, (504, 540));
            doing.on(0..3, home, Way::Hand, (544, 560));
        });
        plan.account("two laptops and a screen", user, |doing| {
            let screen = desk("one", By::Certificate(certificates[0]), K9S, 60);
            doing.on(0..2, screen, Way::Screen, thirds(9, 2));
            doing.on(0..2, office, Way::Hand, thirds(9, 2));
        });
    }
    plan.account("own account", (Truth::One, true), |doing| {
        doing.annotated = true;
        doing.on(0..3, desk("ana", By::Token("ana", 0), MAC, 61), Way::Hand, thirds(9, 2));
        doing.on(0..3, desk("ana", By::Pod("tool-0", 0), OPERATOR, 37), Way::Script, thirds(9, 2));
    });
}

/// What takes the place of what it was.
fn renewed(plan: &mut Plan) {
    for agent in [MAC, LINUX, MAC, WINDOWS] {
        plan.account("tokens renewed", (Truth::One, true), |doing| {
            for token in 0..4 {
                let start = 540 + 30 * i64::try_from(token).unwrap_or(0);
                // Commands still run when the next one is made.
                let desk = desk("ana", By::Token("ana", token), agent, 62);
                doing.at(desk, Way::Hand, (start, start + 32));
            }
        });
    }
    for _ in 0..3 {
        plan.account("tokens renewed by who is on duty", (Truth::One, true), |doing| {
            let turns = [("ana", 0), ("bo", 0), ("ana", 1), ("bo", 1)];
            for (day, (by, token)) in (0i64..).zip(turns) {
                // For a pipeline on one host, which is no person.
                let desk = desk("pipeline", By::Token(by, token), PIPELINE, 45);
                doing.on(day..day + 1, desk, Way::Script, thirds(3, 2));
            }
        });
        plan.account("certificates renewed", (Truth::One, false), |doing| {
            for number in 0..3 {
                let day = i64::try_from(number).unwrap_or(0);
                let desk = desk("one", By::Certificate(number), MAC, 63);
                doing.on(day * 2..day * 2 + 2, desk, Way::Hand, thirds(9, 2));
            }
        });
    }
}

/// Users of several people.
fn users(plan: &mut Plan) {
    let several = (Truth::Several, false);
    for (mine, theirs) in [(MAC, LINUX), (WINDOWS, LINUX), (MAC, WINDOWS), (LINUX, OLDER)] {
        plan.account("a certificate each", several, |doing| {
            doing.on(0..1, desk("ana", By::Certificate(0), mine, 64), Way::Hand, long(9, 12));
            doing.on(0..1, desk("bo", By::Certificate(1), theirs, 65), Way::Hand, long(10, 13));
        });
        plan.account("a copied certificate", several, |doing| {
            doing.on(0..1, desk("ana", By::Certificate(0), mine, 64), Way::Hand, thirds(9, 3));
            doing.on(0..1, desk("bo", By::Certificate(0), theirs, 65), Way::Hand, thirds(9, 3));
        });
    }
    for agent in [MAC, LINUX, WINDOWS, LINUX] {
        plan.account("a certificate each behind a nat", several, |doing| {
            doing.on(0..1, desk("ana", By::Certificate(0), agent, OFFICE), Way::Hand, thirds(9, 3));
            doing.on(0..1, desk("bo", By::Certificate(1), agent, OFFICE), Way::Hand, thirds(9, 3));
        });
    }
    for _ in 0..2 {
        plan.account("three with a certificate each", several, |doing| {
            for (who, number, agent, from) in
                [("ana", 0, MAC, 64), ("bo", 1, LINUX, 65), ("cleo", 2, LINUX, OFFICE)]
            {
                let desk = desk(who, By::Certificate(number), agent, from);
                doing.on(0..1, desk, Way::Hand, thirds(9, 2));
            }
        });
    }
    for (mine, theirs) in [(MAC, LINUX), (MAC, WINDOWS), (LINUX, OLDER)] {
        plan.account("a static token", several, |doing| {
            doing.on(0..1, desk("ana", By::Static, mine, 64), Way::Hand, thirds(9, 3));
            doing.on(0..1, desk("bo", By::Static, theirs, 65), Way::Hand, thirds(9, 3));
        });
        plan.account("sessions of a cloud role", several, |doing| {
            let (ana, bo) = ("ana@corp.example", "bo@corp.example");
            doing.on(0..1, desk("ana", By::Session(ana), mine, 64), Way::Hand, thirds(9, 1));
            doing.on(1..2, desk("bo", By::Session(bo), mine, 65), Way::Hand, thirds(9, 1));
        });
    }
}

/// Service accounts of several people.
fn accounts(plan: &mut Plan) {
    let several = (Truth::Several, true);
    for (mine, theirs) in [(MAC, LINUX), (LINUX, LINUX), (MAC, MAC)] {
        plan.account("tokens of two people", several, |doing| {
            doing.on(0..1, desk("ana", By::Token("ana", 0), mine, 64), Way::Hand, thirds(9, 3));
            doing.on(0..1, desk("bo", By::Token("bo", 0), theirs, 65), Way::Hand, thirds(9, 3));
        });
        plan.account("tokens of two people in turn", several, |doing| {
            doing.on(0..1, desk("ana", By::Token("ana", 0), mine, 64), Way::Hand, thirds(9, 2));
            doing.on(2..3, desk("bo", By::Token("bo", 0), theirs, 65), Way::Hand, thirds(9, 2));
        });
    }
    for (mine, theirs) in [(MAC, WINDOWS), (MAC, LINUX), (WINDOWS, LINUX)] {
        plan.account("a copied secret on two desks", several, |doing| {
            doing.on(0..1, desk("ana", By::Secret, mine, 64), Way::Hand, thirds(9, 3));
            doing.on(0..1, desk("bo", By::Secret, theirs, 65), Way::Hand, thirds(9, 3));
        });
        plan.account("pods and a person", several, |doing| {
            let pods = By::Pod("cart-7d9f8b6c5d-x2x4z", 0);
            doing.on(0..2, desk("cart", pods, OPERATOR, 31), Way::Script, thirds(0, 3));
            doing.on(1..2, desk("ana", By::Secret, mine, 64), Way::Hand, thirds(9, 1));
        });
    }
    for _ in 0..2 {
        plan.account("pods and who had a token made", several, |doing| {
            doing.on(
                0..3,
                desk("web", By::Pod("web-0", 0), OPERATOR, 34),
                Way::Script,
                thirds(0, 3),
            );
            doing.on(1..2, desk("bo", By::Token("bo", 0), LINUX, 65), Way::Hand, thirds(9, 1));
        });
    }
}

/// What docs/actors.md says that nothing tells.
fn untold(plan: &mut Plan) {
    let user = (Truth::Untold, false);
    for (mine, theirs) in [(MAC, LINUX), (LINUX, LINUX)] {
        plan.account("in turn", user, |doing| {
            doing.on(0..1, desk("ana", By::Certificate(0), mine, 64), Way::Hand, thirds(9, 2));
            doing.on(2..3, desk("bo", By::Certificate(1), theirs, 65), Way::Hand, thirds(9, 2));
        });
        plan.account("a copied certificate on equal machines", user, |doing| {
            doing.on(0..1, desk("ana", By::Certificate(0), mine, 64), Way::Hand, thirds(9, 3));
            doing.on(0..1, desk("bo", By::Certificate(0), mine, 65), Way::Hand, thirds(9, 3));
        });
    }
    plan.account("a copied certificate behind a nat", user, |doing| {
        doing.on(0..1, desk("ana", By::Certificate(0), MAC, OFFICE), Way::Hand, thirds(9, 3));
        doing.on(0..1, desk("bo", By::Certificate(0), LINUX, OFFICE), Way::Hand, thirds(9, 3));
    });
}
