//! The forms in which one looks like several, and several look like one.

use super::forms::{HELM, K9S, LINUX, MAC, OFFICE, OLDER, PIPELINE, WINDOWS, desk, long, thirds};
use super::plan::{By, Plan, Truth, Way};

const ARM: &str = "kubectl/v1.35.4 (linux/arm64) kubernetes/0f17c7b";
const TERRAFORM: &str = "HashiCorp/1.0 Terraform/1.12.2";
const ARGO: &str = "argocd-application-controller/v3.1.0 (linux/amd64) kubernetes/$Format";
const PYTHON: &str = "python-requests/2.32.4";

const HEADLAMP: &str = "Headlamp 0.36.0 (linux/amd64)";
const POWERSHELL: &str =
    "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.20348";
const BUILDS: [&str; 3] = [
    "deploy-bot/build-101 (linux/amd64)",
    "deploy-bot/build-102 (linux/amd64)",
    "deploy-bot/build-103 (linux/amd64)",
];

const ANA: &str = "ana@corp.example";

/// Those of one.
pub fn of_one(plan: &mut Plan) {
    in_turns(plan);
    by_the_clock(plan);
    pipelines(plan);
    sessions_of_one(plan);
    machines_of_one(plan);
}

/// One person with two machines at hand, or with two terminals.
fn in_turns(plan: &mut Plan) {
    let user = (Truth::One, false);
    let own = (By::Certificate(0), By::Certificate(1));
    for (mine, theirs, by) in [
        (MAC, LINUX, (By::Certificate(0), By::Certificate(0))),
        (MAC, LINUX, own),
        (MAC, WINDOWS, own),
        (LINUX, OLDER, own),
        (MAC, LINUX, (By::Static, By::Static)),
        (MAC, WINDOWS, (By::Session(ANA), By::Session(ANA))),
    ] {
        plan.account("two machines in turns", user, |doing| {
            let desks = [desk("one", by.0, mine, 60), desk("one", by.1, theirs, 68)];
            doing.turns(desks, (540, 620));
            doing.turns(desks, (2000, 2060));
        });
    }
    plan.account("two machines for a moment", user, |doing| {
        let desks = [desk("one", own.0, MAC, 60), desk("one", own.1, LINUX, 68)];
        doing.turns(desks, (540, 552));
    });
    plan.account("own tokens on two machines", (Truth::One, true), |doing| {
        let by = |number| By::Token("ana", number);
        doing.turns([desk("ana", by(0), MAC, 60), desk("ana", by(1), LINUX, 68)], (540, 620));
    });
    plan.account("own account on two machines", (Truth::One, true), |doing| {
        doing.annotated = true;
        let desks = [desk("ana", By::Secret, MAC, 60), desk("ana", By::Another(0), WINDOWS, 68)];
        doing.turns(desks, (540, 620));
    });
    plan.account("own tokens of two programs", (Truth::One, true), |doing| {
        let by = |number| By::Token("ana", number);
        doing.on(0..2, desk("ana", by(0), MAC, 61), Way::Hand, thirds(9, 2));
        doing.on(0..2, desk("ana", by(1), HELM, 61), Way::Hand, thirds(9, 2));
        doing.on(0..2, desk("ana", by(2), K9S, 61), Way::Screen, thirds(9, 2));
    });
    for agent in [MAC, LINUX] {
        plan.account("a renewed certificate in a second terminal", user, |doing| {
            let [old, new] = own_pair(agent);
            doing.on(0..2, old, Way::Hand, thirds(9, 3));
            doing.turns([old, new], (2880 + 540, 2880 + 580));
            doing.on(3..5, new, Way::Hand, thirds(9, 3));
        });
    }
    plan.account("a screen left open", user, |doing| {
        for hour in 0..48 {
            let screen = desk("one", By::Certificate(0), K9S, 60);
            doing.at(screen, Way::Screen, (hour * 60, hour * 60 + 2));
        }
    });
}

fn own_pair(agent: &'static str) -> [super::plan::Desk; 2] {
    [0, 1].map(|number| desk("one", By::Certificate(number), agent, 60))
}

/// The same script on two hosts.
fn by_the_clock(plan: &mut Plan) {
    let user = (Truth::One, false);
    let certificates = (By::Certificate(0), By::Certificate(1));
    plan.account("cron on two hosts", user, |doing| {
        for (by, from) in [(certificates.0, 46), (certificates.1, 47)] {
            doing.cron(desk("cron", by, LINUX, from), (0..72).map(|hour| hour * 60));
        }
    });
    plan.account("cron on two hosts", user, |doing| {
        for (by, agent, from) in [(certificates.0, LINUX, 46), (certificates.1, OLDER, 47)] {
            doing.cron(desk("cron", by, agent, from), (0..6).map(|day| day * 1440 + 185));
        }
    });
    plan.account("cron on two hosts", (Truth::One, true), |doing| {
        for (by, agent, from) in [(By::Secret, LINUX, 46), (By::Another(0), OLDER, 47)] {
            doing.cron(desk("cron", by, agent, from), (0..72).map(|hour| hour * 60 + 30));
        }
    });
}

/// Tokens that a program has made, one for each job.
fn pipelines(plan: &mut Plan) {
    let one = (Truth::One, true);
    let job: fn(usize) -> By = By::Job;
    let robot: fn(usize) -> By = By::Robot;
    for (by, builds) in [(job, [LINUX, LINUX]), (job, [LINUX, OLDER]), (robot, [LINUX, LINUX])] {
        plan.account("a token for each job", one, |doing| {
            for round in 0..4 {
                let start = 600 + 25 * i64::try_from(round).unwrap_or(0);
                for (runner, agent) in builds.into_iter().enumerate() {
                    let from = if runner == 0 { 42 } else { 43 };
                    let desk = desk("runner", by(round * 2 + runner), agent, from);
                    doing.at(desk, Way::Hand, (start, start + 22));
                }
            }
        });
    }
    for program in [PIPELINE, TERRAFORM] {
        plan.account("a token of each on duty in programs", one, |doing| {
            doing.on(
                0..2,
                desk("job", By::Token("ana", 0), program, 42),
                Way::Script,
                thirds(3, 2),
            );
            doing.on(2..4, desk("job", By::Token("bo", 0), program, 43), Way::Script, thirds(3, 2));
        });
    }
    plan.account("access keys in turn", (Truth::One, false), |doing| {
        let desk = |id| desk("one", By::Key(id), MAC, 60);
        doing.on(0..2, desk("AKIAIOSFODNN7EXAMPLE"), Way::Hand, thirds(9, 2));
        doing.on(2..4, desk("AKIAI44QH8DHBEXAMPLE"), Way::Hand, thirds(9, 2));
    });
}

/// Sessions of a cloud role that are not several people's.
fn sessions_of_one(plan: &mut Plan) {
    let user = (Truth::One, false);
    for (agent, names, way) in [
        (PYTHON, ["deploy-api", "cleanup-jobs"], Way::Script),
        (TERRAFORM, ["jenkins", "terraform-cloud"], Way::Script),
        (LINUX, ["jenkins", "gitlab-runner-7"], Way::Hand),
    ] {
        plan.account("sessions of programs", user, |doing| {
            for (name, from) in names.into_iter().zip([42, 43]) {
                doing.on(0..3, desk("job", By::Session(name), agent, from), way, thirds(3, 1));
            }
        });
    }
    // Jobs at the same time, on runners of their own, which take on one role.
    for (names, builds) in [
        (["build-17", "build-18"], [LINUX, LINUX]),
        (["build-17", "build-18"], [LINUX, OLDER]),
        (["gha-deploy-9041-1", "gha-deploy-9042-1"], [LINUX, ARM]),
        (["GitHubActions", "GitHubActions"], [LINUX, OLDER]),
        (["i-0abc0000000000001", "i-0abc0000000000002"], [HELM, LINUX]),
        (["gitlab-runner-7", "jenkins"], [LINUX, OLDER]),
    ] {
        plan.account("pipelines in parallel in one role", user, |doing| {
            for ((name, agent), from) in names.into_iter().zip(builds).zip([42, 43]) {
                let runner = desk("runner", By::Session(name), agent, from);
                doing.on(0..3, runner, Way::Hand, thirds(9, 3));
            }
        });
    }
    for other in ["ANA@corp.example", "ana"] {
        plan.account("sessions of one name", user, |doing| {
            doing.on(0..1, desk("ana", By::Session(ANA), MAC, 60), Way::Hand, thirds(9, 2));
            doing.on(1..2, desk("ana", By::Session(other), MAC, 60), Way::Hand, thirds(9, 2));
        });
    }
}

/// A person's account, and what runs by itself with it.
fn machines_of_one(plan: &mut Plan) {
    let person = desk("ana", By::Certificate(0), MAC, 60);
    let server = |agent| desk("server", By::Certificate(1), agent, 48);
    for agent in [ARGO, PYTHON] {
        plan.account("own certificate on a server", (Truth::One, false), |doing| {
            doing.machines = true;
            doing.on(0..3, person, Way::Hand, thirds(9, 1));
            for hour in 0..72 {
                doing.at(server(agent), Way::Script, (hour * 60, hour * 60 + 6));
            }
        });
    }
    plan.account("own certificate in a timer", (Truth::One, false), |doing| {
        doing.machines = true;
        doing.on(0..3, person, Way::Hand, thirds(9, 1));
        doing.cron(server(LINUX), (0..72).map(|hour| hour * 60 + 20));
    });
    plan.account("own account on a server", (Truth::One, true), |doing| {
        (doing.annotated, doing.machines) = (true, true);
        for hour in 0..72 {
            let server = desk("server", By::Secret, ARGO, 48);
            doing.at(server, Way::Script, (hour * 60, hour * 60 + 6));
        }
    });
    for agent in [TERRAFORM, PYTHON] {
        plan.account("own certificate in own programs", (Truth::One, false), |doing| {
            doing.on(0..3, person, Way::Hand, thirds(9, 1));
            doing.on(0..3, desk("ana", By::Certificate(0), agent, 60), Way::Script, long(9, 17));
        });
    }
}

/// Those of several.
pub fn of_several(plan: &mut Plan) {
    accounts(plan);
    clouds(plan);
}

fn accounts(plan: &mut Plan) {
    let several = (Truth::Several, true);
    let both = |doing: &mut super::plan::Doing, by: [By; 2], agents: [&'static str; 2]| {
        for (who, by, agent, from) in [("ana", by[0], agents[0], 64), ("bo", by[1], agents[1], 65)]
        {
            doing.on(0..2, desk(who, by, agent, from), Way::Hand, thirds(9, 3));
        }
    };
    for agents in [[MAC, WINDOWS], [MAC, MAC], [LINUX, OLDER]] {
        plan.account("tokens handed out by one", several, |doing| {
            both(doing, [By::Handed("cleo", 0), By::Handed("cleo", 1)], agents);
        });
    }
    for agents in [[MAC, MAC], [MAC, LINUX], [WINDOWS, MAC], [LINUX, OLDER]] {
        plan.account("a secret each", several, |doing| {
            both(doing, [By::Secret, By::Another(0)], agents);
        });
    }
    for agents in [[MAC, WINDOWS], [MAC, MAC]] {
        plan.account("tokens of a vault for people", several, |doing| {
            both(doing, [By::Job(0), By::Job(1)], agents);
        });
    }
    for agents in [[TERRAFORM, PYTHON], [PYTHON, TERRAFORM]] {
        plan.account("tokens of two people in programs", several, |doing| {
            doing.on(
                0..2,
                desk("ana", By::Token("ana", 0), agents[0], 64),
                Way::Script,
                (540, 600),
            );
            doing.on(0..2, desk("bo", By::Token("bo", 0), agents[1], 65), Way::Script, (543, 603));
        });
    }
    plan.account("a token handed to one beside an own one", several, |doing| {
        // Who had it made keeps one.
        both(doing, [By::Token("ana", 0), By::Handed("ana", 1)], [MAC, LINUX]);
    });
}

fn clouds(plan: &mut Plan) {
    let several = (Truth::Several, false);
    let keys = ["AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE"].map(By::Key);
    let numbers = ["e1000234", "e1000777"].map(By::Session);
    let same = [By::Session("ops"), By::Session("ops")];
    let among = [By::Session(ANA), By::Session("build-17")];
    for (form, by, agents) in [
        ("an access key each", keys, [MAC, MAC]),
        ("an access key each", keys, [MAC, LINUX]),
        ("one session on two desks", same, [MAC, WINDOWS]),
        ("one session on two desks", same, [MAC, LINUX]),
        ("sessions with staff numbers", numbers, [LINUX, OLDER]),
        ("a person among pipelines in one role", among, [MAC, LINUX]),
    ] {
        plan.account(form, several, |doing| {
            doing.on(0..2, desk("ana", by[0], agents[0], 64), Way::Hand, thirds(9, 3));
            doing.on(0..2, desk("bo", by[1], agents[1], 65), Way::Hand, thirds(9, 3));
        });
    }
    for (mine, theirs) in [((MAC, OFFICE), (MAC, OFFICE)), ((MAC, 64), (WINDOWS, 65))] {
        plan.account("sessions with staff numbers", several, |doing| {
            doing.on(0..1, desk("ana", numbers[0], mine.0, mine.1), Way::Hand, thirds(9, 1));
            doing.on(1..2, desk("bo", numbers[1], theirs.0, theirs.1), Way::Hand, thirds(9, 1));
        });
    }
}

/// What docs/actors.md says that nothing tells.
pub fn untold(plan: &mut Plan) {
    plan.account("tokens handed out by one on equal machines", (Truth::Untold, true), |doing| {
        for (who, number, from) in [("ana", 0, 64), ("bo", 1, 65)] {
            let desk = desk(who, By::Handed("cleo", number), LINUX, from);
            doing.on(0..1, desk, Way::Hand, thirds(9, 3));
        }
    });
    plan.account("two who take turns", (Truth::Untold, false), |doing| {
        let by = By::Certificate(0);
        doing.turns([desk("ana", by, MAC, 64), desk("bo", by, LINUX, 65)], (540, 620));
    });
}

/// What runs by itself with a person's account, and what only looks so; what pods serve.
pub fn round_the_clock(plan: &mut Plan) {
    let user = (Truth::One, false);
    let person = desk("ana", By::Certificate(0), MAC, 60);
    let server = |agent| desk("server", By::Certificate(1), agent, 48);
    plan.account("own certificate at odd minutes", user, |doing| {
        doing.machines = true;
        doing.on(0..3, person, Way::Hand, thirds(9, 1));
        for hour in 0..72 {
            let minute = hour * 60 + hour * 37 % 55;
            doing.at(server(HELM), Way::Script, (minute, minute + 6));
        }
    });
    plan.account("own certificate in what is built anew", user, |doing| {
        doing.machines = true;
        doing.on(0..3, person, Way::Hand, thirds(9, 1));
        for (day, agent) in (0..3).zip(BUILDS) {
            for hour in day * 24..day * 24 + 24 {
                doing.at(server(agent), Way::Script, (hour * 60, hour * 60 + 6));
            }
        }
    });
    plan.account("a working day across midnight", user, |doing| {
        for agent in [PYTHON, MAC] {
            for day in 0..3 {
                let start = day * 1440 + 17 * 60;
                doing.at(
                    desk("ana", By::Certificate(0), agent, 60),
                    Way::Script,
                    (start, start + 470),
                );
            }
        }
    });
    for (pod, agent) in [("screen-0", HEADLAMP), ("winjob-0", POWERSHELL)] {
        plan.account("a screen that pods serve", (Truth::One, true), |doing| {
            doing.on(0..3, desk("screen", By::Pod(pod, 0), agent, 38), Way::Script, long(8, 18));
        });
    }
}
