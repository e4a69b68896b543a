//! Accounts of one person and of several, row by row.

mod machines;
mod minted;
mod sessions;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};

use super::*;
use crate::model::{
    self, ActivityParts, ActivityTables, ActorId, Call, CallId, GroupSetId, Implied, Issued, Meta,
    Minted, SeenId, ServiceAccount, Target, Use,
};

const MAC: &str = "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9";
const LINUX: &str = "kubectl/v1.35.4 (linux/amd64) kubernetes/0f17c7b";
const OTHER_LINUX: &str = "kubectl/v1.34.2 (linux/amd64) kubernetes/9ab2f21";
const K9S: &str = "k9s/v0.50.16 (darwin/arm64) kubernetes/$Format";
const OPERATOR: &str = "operator/v2 (linux/amd64) kubernetes/$Format";
const OFFICE: &str = "198.51.100.7";
const HOME: &str = "203.0.113.21";

/// A log of one account: credential, agent, address, verb and resource, minute.
struct Log {
    identity: Identity,
    parts: ActivityParts,
    snapshot: Snapshot,
}

fn at(minute: i64) -> DateTime<Utc> {
    "2026-05-04T08:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::minutes(minute)
}

impl Log {
    fn new(identity: &str) -> Self {
        let identity: Identity = identity.parse().unwrap();
        let tables = ActivityTables {
            identities: vec![identity.clone()],
            group_sets: vec![Arc::from([])],
            ..ActivityTables::default()
        };
        let parts = ActivityParts { tables, ..ActivityParts::default() };
        Self { identity, parts, snapshot: Snapshot::default() }
    }

    fn row(mut self, who: (&str, &str, &str), what: &str, minute: i64) -> Self {
        let name = |text: &str| (!text.is_empty()).then(|| Name::from(text));
        let actor =
            model::Actor { credential: name(who.0), agent: name(who.1), address: name(who.2) };
        let (verb, resource) = what.split_once(' ').unwrap();
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let call = Arc::new(Call {
            verb: verb.into(),
            target: Target::Resource {
                group: "".into(),
                resource: resource.into(),
                subresource: subresource.into(),
                namespace: Some("shop".into()),
                name: Some(format!("n{minute}").into()),
                names_folded: false,
            },
            implied: Implied::Nothing,
        });
        let tables = &mut self.parts.tables;
        let place = tables.actors.iter().position(|have| *have == actor).unwrap_or_else(|| {
            tables.actors.push(actor);
            tables.actors.len() - 1
        });
        tables.calls.push(call);
        self.parts.uses.push(Use {
            authenticated: SeenId(0),
            effective: SeenId(0),
            impersonation: None,
            actor: ActorId(u32::try_from(place).unwrap()),
            groups: GroupSetId(0),
            call: CallId(u32::try_from(tables.calls.len() - 1).unwrap()),
            credit: None,
            day: at(minute).date_naive(),
            allowed: 2,
            denied: 0,
            undecided: 0,
            first: at(minute),
            last: at(minute),
            last_allowed: Some(at(minute)),
            hours: 1 << at(minute).hour(),
        });
        self
    }

    /// Something by hand every four minutes.
    fn work(self, who: (&str, &str, &str), minutes: std::ops::Range<i64>) -> Self {
        let start = minutes.start;
        minutes.step_by(4).fold(self, |log, minute| {
            log.row(who, if (minute - start) % 8 == 0 { "get pods" } else { "patch pods" }, minute)
        })
    }

    /// Something by hand every five minutes: of one who does not look at a clock, or at others.
    fn also(self, who: (&str, &str, &str), minutes: std::ops::Range<i64>) -> Self {
        let start = minutes.start;
        minutes.step_by(5).fold(self, |log, minute| {
            log.row(who, if (minute - start) % 10 == 0 { "get pods" } else { "patch pods" }, minute)
        })
    }

    fn minted(mut self, credential: &str, by: &str) -> Self {
        let (account, by) = (self.identity.clone(), by.parse().unwrap());
        let issued = Issued { account, credential: credential.into(), by, as_who: None };
        self.parts.issued.push((Arc::new(issued), Minted::new(at(0))));
        self
    }

    /// Somebody asks for a token of the account.
    fn asked(mut self, by: &str, agent: &str, implied: Implied) -> Self {
        self = self.row(("X509SHA256=9", agent, OFFICE), "create serviceaccounts/token", 0);
        let row = self.parts.uses.last_mut().unwrap();
        let call = &mut self.parts.tables.calls[row.call.index()];
        *call = Arc::new(Call { implied, ..(**call).clone() });
        let people = &mut self.parts.tables.identities;
        let by: Identity = by.parse().unwrap();
        let place = people.iter().position(|have| *have == by).unwrap_or_else(|| {
            people.push(by);
            people.len() - 1
        });
        row.authenticated = SeenId(u32::try_from(place).unwrap());
        row.effective = row.authenticated;
        self
    }

    fn annotated(mut self) -> Self {
        let (namespace, name) = (self.identity.namespace.clone().unwrap(), &self.identity.name);
        let annotations = [(Name::from(PERSON), Name::from("ana"))].into();
        let account = ServiceAccount {
            meta: Meta {
                namespace: Some(namespace.clone()),
                name: name.clone(),
                annotations,
                ..Meta::default()
            },
            ..ServiceAccount::default()
        };
        self.snapshot.objects.service_accounts.insert((namespace, name.clone()), account.into());
        self
    }

    fn behind(&self) -> Behind {
        of(&self.parts.clone().into(), &self.snapshot, &self.identity).expect("it was seen")
    }

    fn signs(&self) -> Vec<(&'static str, u32)> {
        self.behind().signals.iter().map(|one| (one.sign.as_str(), one.weight)).collect()
    }
}

/// A role that pipelines take, with a session a job: of more than are kept the rest is nobody's.
#[test]
fn what_is_left_of_more_credentials_than_are_kept_is_no_actor() {
    let mut log = Log::new("user:deployer")
        .work(("session:AWSCodeBuild-1", LINUX, OFFICE), 60..90)
        .work(("", LINUX, OFFICE), 0..30)
        .also(("", OTHER_LINUX, HOME), 2..32);
    let before = log.behind();
    assert!(before.actors.len() > 1 && before.rest.requests == 0, "what the log does not name");
    assert_ne!(before.signals, []);
    log.parts.truncated = [(SeenId(0), [("credentials".into(), 9)].into())].into();
    let behind = log.behind();
    assert_eq!((behind.actors.len(), behind.rest.requests), (1, 28));
    assert_eq!(behind.signals, []);
}

#[test]
fn two_with_a_certificate_each_are_seen_at_once_even_behind_one_address() {
    let both = Log::new("user:ops")
        .work(("X509SHA256=1", LINUX, OFFICE), 0..60)
        .also(("X509SHA256=2", LINUX, OFFICE), 2..62);
    // The name says it too.
    assert_eq!(both.signs(), [("credentials", 50), ("name", 4)]);
    let behind = both.behind();
    assert!(behind.is_shared());
    assert_eq!(
        behind.signals[0].evidence,
        "credentials X509SHA256=1 and X509SHA256=2 at once, once, 54 minutes in all, last on \
         2026-05-04 08:56"
    );
    assert_eq!(behind.actors.len(), 2);
    let actor =
        behind.actors.iter().find(|actor| &*actor.credentials[0] == "X509SHA256=1").unwrap();
    assert_eq!((actor.requests, actor.days, actor.uses.len()), (30, 1, 15));
    assert_eq!((actor.first, actor.last, actor.hours), (at(0), at(56), 1 << 8));
    assert_eq!(actor.system.as_deref(), Some("linux/amd64"));
}

#[test]
fn one_certificate_on_two_desks_at_once() {
    let both = Log::new("user:jenny")
        .work(("X509SHA256=1", MAC, HOME), 0..60)
        .also(("X509SHA256=1", LINUX, OFFICE), 2..62);
    assert_eq!(both.signs(), [("machines", 35), ("addresses", 20)]);
    // From one address it may be one person with a machine within a machine.
    let one = Log::new("user:jenny")
        .work(("X509SHA256=1", MAC, HOME), 0..60)
        .also(("X509SHA256=1", LINUX, HOME), 2..62);
    assert_eq!(one.signs(), [("machines", 35)]);
    assert!(!one.behind().is_shared());
}

#[test]
fn one_who_changes_desks_is_one() {
    // In the morning at home, then at the office, at night at home; twice the same day again.
    let mut log = Log::new("user:jenny");
    for day in 0..5 {
        let start = day * 1440;
        log = log
            .work(("X509SHA256=1", MAC, HOME), start..start + 60)
            .work(("X509SHA256=2", LINUX, OFFICE), start + 63..start + 400)
            .work(("X509SHA256=1", MAC, HOME), start + 405..start + 460);
    }
    assert_eq!(log.signs(), []);
    assert_eq!(log.behind().actors.len(), 2, "each machine is told by itself");
}

#[test]
fn a_screen_left_open_is_not_somebody_at_it() {
    let log = (0..60).fold(Log::new("user:jenny"), |log, minute| {
        log.row(("X509SHA256=1", K9S, HOME), "list pods", minute)
    });
    let log = log.work(("X509SHA256=1", LINUX, OFFICE), 2..62);
    assert_eq!(log.signs(), []);
}

#[test]
fn addresses_that_change_under_one_machine_are_one_machine() {
    // Every other request leaves by another address.
    let log = Log::new("user:jenny")
        .work(("X509SHA256=1", MAC, HOME), 0..60)
        .also(("X509SHA256=1", MAC, "203.0.113.22"), 2..62);
    assert_eq!(log.signs(), [("addresses", 20)]);
    assert!(!log.behind().is_shared());
}

#[test]
fn pods_of_one_account_are_one_and_a_person_beside_them_is_another() {
    let mut log = Log::new("sa:shop/cart");
    for (pod, address) in [("x2x4z", "10.0.0.1"), ("b2x4z", "10.0.0.2"), ("c2x4z", "10.0.0.3")] {
        let credential = format!("pod:shop/cart-7d9f8b6c5d-{pod}");
        log = log.work((&credential, OPERATOR, address), 0..60);
        log = log.work((&credential, LINUX, address), 0..60);
    }
    let behind = log.behind();
    assert_eq!((behind.actors.len(), behind.signals.len()), (1, 0));
    assert_eq!(behind.actors[0].holder, Holder::Workload("shop/cart".into()));
    assert_eq!((behind.actors[0].addresses.len(), behind.actors[0].attended), (3, false));
    let log = log.work(("JTI=1", MAC, HOME), 500..520);
    assert_eq!(log.signs(), [("podsAndPeople", 50)]);
    assert_eq!(
        log.behind().signals[0].evidence,
        "pods of shop/cart use it (180 requests), and a person from outside of pods (10 requests)"
    );
    // A person's own, which a tool of theirs in the cluster uses as well.
    assert_eq!(log.annotated().signs(), []);
}

#[test]
fn builds_of_kubectl_tell_machines_of_one_system_apart() {
    let log = |identity: &str, credential: &str| {
        Log::new(identity)
            .work((credential, LINUX, HOME), 0..60)
            .also((credential, OTHER_LINUX, OFFICE), 2..62)
    };
    // Without a credential's id, as of static tokens.
    assert_eq!(log("user:jenny", "").signs(), [("machines", 30), ("addresses", 20)]);
    assert!(log("user:jenny", "").behind().is_shared());
    // Runners of pipelines have as many builds, and are no people.
    let runners = log("sa:ci/runner", "legacy:ci/runner");
    assert_eq!(runners.signs(), [("machines", 20), ("addresses", 20)]);
    assert!(!runners.behind().is_shared());
}

/// One person with two machines or terminals, four minutes at each.
fn in_turns(log: Log, mine: (&str, &str, &str), theirs: (&str, &str, &str)) -> Log {
    log.work(mine, 0..60).work(theirs, 2..62)
}

#[test]
fn one_who_goes_from_one_machine_to_the_other_is_not_called_several() {
    let log = || Log::new("user:jenny@corp.example");
    let (mac, linux) = (("X509SHA256=1", MAC, HOME), ("X509SHA256=2", LINUX, OFFICE));
    let both = in_turns(log(), mac, linux);
    assert_eq!(both.signs(), [("credentials", 15), ("machines", 10), ("addresses", 10)]);
    assert!(!both.behind().is_shared());
    assert_eq!(
        both.behind().signals[1].evidence,
        "kubectl v1.36.1 on darwin/arm64 and kubectl v1.35.4 on linux/amd64 at once, once, 54 minutes \
         in all, last on 2026-05-04 08:56, never within 120 seconds, as one who goes from one to the \
         other"
    );
    // A provider's tokens, and a renewed certificate in a second terminal.
    let tokens = in_turns(log(), ("JTI=1", MAC, HOME), ("JTI=2", LINUX, OFFICE));
    assert_eq!(tokens.signs(), [("machines", 10), ("addresses", 10)]);
    let renewed = in_turns(log(), mac, ("X509SHA256=2", MAC, HOME));
    assert_eq!(renewed.signs(), [("credentials", 15)]);
}

#[test]
fn a_second_secret_or_access_key_is_made_for_somebody() {
    let secrets = |log| in_turns(log, ("legacy:ci/x/1", MAC, HOME), ("legacy:ci/x/2", MAC, OFFICE));
    let two = secrets(Log::new("sa:ci/x"));
    assert_eq!(two.signs(), [("credentials", 40), ("addresses", 10)]);
    assert!(two.behind().is_shared());
    assert_eq!(two.behind().actors.len(), 2);
    // One person's own has one for each machine.
    let own = secrets(Log::new("sa:ci/x")).annotated();
    assert_eq!(own.signs(), [("credentials", 15), ("addresses", 10)]);
    let keys = in_turns(Log::new("user:deploy"), ("key:A", MAC, HOME), ("key:B", MAC, OFFICE));
    assert_eq!(keys.signs(), [("credentials", 40), ("addresses", 10)]);
    // Runners in parallel have equal machines and no desktop.
    let runners = Log::new("sa:ci/x")
        .work(("legacy:ci/x/1", LINUX, HOME), 0..60)
        .also(("legacy:ci/x/2", LINUX, OFFICE), 2..62);
    assert_eq!(runners.signs(), [("credentials", 25), ("addresses", 20)]);
}

#[test]
fn people_use_tokens_in_programs_too() {
    let log = |other: &'static str, start: i64| {
        Log::new("sa:ci/deployer")
            .minted("JTI=1", "user:ana@corp.example")
            .minted("JTI=2", "user:bo@corp.example")
            .work(("JTI=1", "Terraform/1.12", HOME), 0..60)
            .work(("JTI=2", other, OFFICE), start..start + 60)
    };
    assert_eq!(log("python-requests/2.32", 2).signs(), [("minters", 50)]);
    // A pipeline's token, made by whoever is on duty.
    assert_eq!(log("Terraform/1.12", 2).signs(), []);
    assert_eq!(log("python-requests/2.32", 900).signs(), []);
}

#[test]
fn what_runs_by_the_clock_is_not_by_hand() {
    let log = (0..30).fold(Log::new("user:backup"), |log, hour| {
        let at = hour * 60;
        log.work(("X509SHA256=1", LINUX, HOME), at..at + 20)
            .also(("X509SHA256=2", OTHER_LINUX, OFFICE), at..at + 20)
    });
    let behind = log.behind();
    assert_eq!(behind.signals, []);
    assert!(behind.actors.iter().all(|actor| actor.by_the_clock && !actor.attended));
}

#[test]
fn what_a_screen_asks_by_itself_makes_no_hours() {
    let log = (0..24).fold(Log::new("user:jenny"), |log, hour| {
        log.row(("X509SHA256=1", K9S, HOME), "list pods", hour * 60)
    });
    assert_eq!(log.signs(), []);
    // What is done by it does.
    let log = (0..24).fold(Log::new("user:jenny"), |log, hour| {
        log.row(("X509SHA256=1", K9S, HOME), "delete pods", hour * 60 + hour * hour % 53)
    });
    assert_eq!(log.signs(), [("hours", 4)]);
}

#[test]
fn hours_are_told_as_stretches() {
    assert_eq!(hours_text(&[0, 8, 9, 10, 14, 22, 23]), "0 8-10 14 22-23");
    assert_eq!(hours_text(&[]), "");
}

#[test]
fn what_belongs_to_nobody_is_shown() {
    let log = Log::new("user:jenny")
        .row(("", "", ""), "get pods", 3)
        .row(("", "", ""), "get pods", 9)
        .work(("X509SHA256=1", MAC, HOME), 0..8);
    let behind = log.behind();
    let rest = &behind.rest;
    assert_eq!((rest.requests, rest.first, rest.last), (4, Some(at(3)), Some(at(9))));
    assert_eq!(rest.uses.iter().map(|used| used.allowed + used.denied).sum::<u64>(), 4);
    assert_eq!(behind.actors.len(), 1);
    let nobody = Log::new("user:system:anonymous").row(("", LINUX, HOME), "get pods", 3);
    assert_eq!(of(&nobody.parts.into(), &nobody.snapshot, &nobody.identity), None);
}

#[test]
fn a_providers_token_at_two_places_at_once_was_copied() {
    let with = |token: &str, from: &str| {
        Log::new("user:jenny")
            .work(("JTI=1", MAC, HOME), 0..60)
            .work((token, "curl/8.17.0", from), 0..60)
            .behind()
    };
    let copied = with("JTI=1", "185.0.2.9");
    assert!(copied.is_shared());
    assert_eq!(
        copied.signals[0].evidence,
        format!(
            "token JTI=1 by a person from {HOME} and by \"curl/8.17.0\" from 185.0.2.9 at once, once, \
             56 minutes in all, last on 2026-05-04 08:56"
        )
    );
    // A program on her own machine, and one elsewhere with a token of its own.
    assert_eq!(with("JTI=1", HOME).weight, 0);
    assert_eq!(with("JTI=2", "185.0.2.9").weight, 0);
    // Her machine has an address of each family.
    assert!(!with("JTI=1", "2001:db8::7").is_shared());
}

#[test]
fn two_logins_at_two_desks_at_once_are_two() {
    let both = |agent: &str, other: &str, from: &str| {
        let log = Log::new("user:ana@corp.example")
            .work(("JTI=1", MAC, HOME), 0..50)
            .work(("JTI=3", MAC, HOME), 52..100)
            .also(("JTI=2", agent, from), 2..52);
        log.also((other, agent, from), 57..100).behind()
    };
    let two = both(MAC, "JTI=4", OFFICE);
    assert!(two.is_shared(), "{:?}", two.signals);
    assert_eq!(two.signals[0].sign, Sign::Credentials);
    // Two programs of one machine, which has an address of each family, or one.
    assert!(!both(MAC, "JTI=4", "2001:db8::7").is_shared());
    assert!(!both(MAC, "JTI=4", HOME).is_shared());
    // A program beside her, elsewhere.
    assert!(!both("pipeline/4.1 (linux/amd64)", "JTI=4", OFFICE).is_shared());
}

#[test]
fn of_two_logins_that_are_renewed_at_once_each_stays_where_it_is() {
    // The other one's token ends last each time, a minute after.
    let mut log = Log::new("user:ana@corp.example");
    for (day, mine, theirs) in [(0, "JTI=p1", "JTI=q1"), (1, "JTI=p2", "JTI=q2")] {
        let start = day * 24 * 60;
        log = log
            .work((mine, MAC, HOME), start..start + 90)
            .also((theirs, MAC, OFFICE), start + 1..start + 101);
    }
    let behind = log.behind();
    let mut seen: Vec<_> = behind
        .actors
        .iter()
        .map(|actor| (actor.addresses.clone(), actor.credentials.clone()))
        .collect();
    seen.sort();
    let names = |all: &[&str]| all.iter().map(|one| Name::from(*one)).collect::<Vec<_>>();
    assert_eq!(
        seen,
        [
            (names(&[OFFICE]), names(&["JTI=q2", "JTI=q1"])),
            (names(&[HOME]), names(&["JTI=p2", "JTI=p1"])),
        ]
    );
    assert!(behind.is_shared(), "{:?}", behind.signals);
}

#[test]
fn a_token_for_each_job_on_a_runner_of_its_own_is_a_pipelines() {
    const ARM: &str = "kubectl/v1.36.1 (linux/arm64) kubernetes/b1d5cc9";
    let jobs = |from: fn(i64) -> String| {
        (0..8).fold(Log::new("user:repo:shop"), |log, job| {
            let (one, other) = (format!("JTI=a{job}"), format!("JTI=b{job}"));
            let start = job * 200;
            log.work((&one, LINUX, &from(job)), start..start + 40)
                .also((&other, ARM, &from(job + 20)), start..start + 40)
        })
    };
    let runners = jobs(|job| format!("192.0.2.{job}")).behind();
    assert!(!runners.is_shared(), "{:?}", runners.signals);
    // Two people, each at a place of their own, look the same but for that.
    let people = jobs(|job| format!("192.0.2.{}", job / 20)).behind();
    assert!(people.is_shared(), "{:?}", people.signals);
}

#[test]
fn what_asks_for_the_same_every_two_seconds_is_no_hand() {
    let with = |requests: u64| {
        let mut log = Log::new("user:ana@corp.example")
            .also(("X509SHA256=1", MAC, HOME), 0..50)
            .row(("X509SHA256=1", LINUX, OFFICE), "list pods", 1);
        let row = log.parts.uses.last_mut().unwrap();
        (row.allowed, row.last) = (requests, at(46));
        log.behind()
    };
    assert!(!with(1350).is_shared(), "{:?}", with(1350).signals);
    assert!(with(20).is_shared(), "{:?}", with(20).signals);
}
