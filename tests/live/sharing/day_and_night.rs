//! Build agents and services that are at it by day and night, loops and programs left open; and people
//! beside them.

use super::forms::{LINUX, MAC, OLDER, WINDOWS, desk, long, thirds};
use super::plan::{By, Desk, Plan, Truth, Way};

const IDE: &str = "fabric8-kubernetes-client/6.13.4";

/// Every three hours for four days, each some minutes later than the one before.
fn around(late: i64) -> impl Iterator<Item = i64> {
    (0..32).map(move |job| job * 180 + job * 7 % 31 + late)
}

/// Those of one.
pub fn of_one(plan: &mut Plan) {
    let agents: [&[Desk]; 3] = [
        &[desk("one", By::Secret, LINUX, 42), desk("two", By::Secret, WINDOWS, 43)],
        &[desk("one", By::Secret, WINDOWS, 42)],
        &[desk("one", By::Secret, MAC, 42)],
    ];
    for desks in agents {
        plan.account("build agents by day and night", (Truth::One, true), |doing| {
            doing.nobody = true;
            for (late, desk) in (0..).zip(desks) {
                doing.jobs(*desk, around(late));
            }
        });
    }
    let by = By::Certificate(0);
    plan.account("build agents by day and night", (Truth::One, false), |doing| {
        doing.jobs(desk("one", by, LINUX, 42), around(0));
        doing.jobs(desk("two", by, WINDOWS, 43), around(1));
    });
    for names in [["shop-deploy", "pay-deploy"], ["scale-down", "rotate-certs"]] {
        plan.account("services' sessions by day and night", (Truth::One, false), |doing| {
            for ((name, agent), late) in names.into_iter().zip([LINUX, OLDER]).zip(0..) {
                for (job, at) in around(late).enumerate() {
                    // Each on a runner of its own.
                    let from = [42, 43, 44][job % 3] + if late == 0 { 0 } else { 3 };
                    doing.jobs(desk("service", By::Session(name), agent, from), [at]);
                }
            }
        });
    }
    plan.account("a session for each job by day and night", (Truth::One, false), |doing| {
        for (agent, late) in [LINUX, OLDER].into_iter().zip(0..) {
            for (job, at) in around(late).enumerate() {
                let name: &'static str = format!("17000000000{job:02}00000{late}").leak();
                let from = if late == 0 { 42 } else { 43 };
                doing.jobs(desk("service", By::Session(name), agent, from), [at]);
            }
        }
    });
    plan.account("a loop beside a person by hand", (Truth::One, false), |doing| {
        let by = [By::Certificate(0), By::Certificate(0)];
        doing.on(0..1, desk("ana", by[0], MAC, 60), Way::Hand, (600, 650));
        doing.watch(desk("ana", by[1], LINUX, 68), (603, 648));
    });
    plan.account("a program left open", (Truth::One, false), |doing| {
        doing.on(0..3, desk("ana", By::Certificate(0), MAC, 60), Way::Hand, thirds(9, 2));
        for at in (0..72 * 60).step_by(20) {
            doing.at(desk("ana", By::Certificate(0), IDE, 60), Way::Screen, (at, at + 2));
        }
    });
}

/// Those of several.
pub fn of_several(plan: &mut Plan) {
    plan.account("a person beside build agents", (Truth::Several, true), |doing| {
        doing.jobs(desk("one", By::Secret, LINUX, 42), around(0));
        doing.on(1..3, desk("ana", By::Secret, MAC, 64), Way::Hand, thirds(9, 2));
    });
    plan.account("around the sun", (Truth::Several, true), |doing| {
        // Each works for nine hours, and hands over in the last of them.
        for (who, agent, from, begin) in
            [("ana", MAC, 64, 7), ("bo", WINDOWS, 65, 15), ("cleo", LINUX, 66, 23)]
        {
            let hours = long(begin, begin + 9);
            doing.on(0..4, desk(who, By::Secret, agent, from), Way::Hand, hours);
        }
    });
}
