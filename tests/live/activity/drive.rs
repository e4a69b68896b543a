//! Clients that drive the API server from several threads, and their own record of it.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use chrono::{DateTime, SubsecRound, Utc};
use keybook::model::{Call, Identity, Impersonation, Name};
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::ask::Ask;
use super::asks::Asks;
use super::client::{Answer, Open, Request, Server};
use super::people::{Holder, Who};
use super::posing::{Holds, Outcome, POSES, Pose};
use super::rights::Rights;

/// Everything that tells one row of uses from another, but for the day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub authenticated: Identity,
    pub effective: Identity,
    pub impersonation: Option<Impersonation>,
    pub credential: Option<Name>,
    pub agent: Option<Name>,
    pub address: Name,
    /// Of the effective one.
    pub groups: Vec<Name>,
    pub call: Call,
}

/// Allowed, denied or not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    Allowed,
    Denied,
    Undecided,
}

/// What a client noted of one request.
#[derive(Clone, Debug)]
pub struct Noted {
    pub row: Row,
    pub verdict: Verdict,
    /// Just before it was sent, cut to the microsecond as the server's times are.
    pub after: DateTime<Utc>,
    /// Just after the answer came.
    pub before: DateTime<Utc>,
    /// Groups of the one who authenticated.
    pub own_groups: Vec<String>,
    /// The rights that allow it.
    pub rights: BTreeSet<String>,
}

/// What a thread of clients noted.
#[derive(Default)]
pub struct Notes {
    pub all: Vec<Noted>,
    /// Requests that were answered 401.
    pub unauthenticated: u64,
    /// Watches that still run.
    pub open: Vec<Open>,
    /// Answers by code.
    pub codes: BTreeMap<u16, usize>,
}

pub const AGENTS: [Option<&str>; 6] = [
    Some("kubectl/v1.36.3 (linux/amd64) kubernetes/abc1234"),
    Some("Mozilla/5.0 (X11; Linux x86_64) \"quoted\""),
    Some("юля's script"),
    Some("terraform/1.9 <a&b>"),
    Some("curl/8.7.1"),
    None,
];

/// Drives with everybody's credentials from several threads.
pub fn drive(server: &Server, holders: &[Holder], rights: &Rights, each: usize) -> Notes {
    let mut notes = Notes::default();
    thread::scope(|scope| {
        let drivers: Vec<_> = (0..6)
            .map(|seed| {
                scope.spawn(move || {
                    let mut driver = Driver::new(server, holders, rights, seed);
                    for _ in 0..each {
                        driver.step();
                    }
                    driver.notes
                })
            })
            .collect();
        for driver in drivers {
            let more = driver.join().expect("a driver");
            notes.all.extend(more.all);
            notes.unauthenticated += more.unauthenticated;
            notes.open.extend(more.open);
            for (code, count) in more.codes {
                *notes.codes.entry(code).or_default() += count;
            }
        }
    });
    notes
}

/// One thread of clients.
pub struct Driver<'a> {
    server: &'a Server,
    holders: &'a [Holder],
    rights: &'a Rights,
    asks: Asks,
    audit_ids: usize,
    seed: u64,
    pub notes: Notes,
}

impl<'a> Driver<'a> {
    pub fn new(server: &'a Server, holders: &'a [Holder], rights: &'a Rights, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(0xac71 + seed);
        let asks = Asks::new(rng, format!("d{seed}"));
        Self { server, holders, rights, asks, audit_ids: 0, seed, notes: Notes::default() }
    }

    /// One request, drawn.
    pub fn step(&mut self) {
        let holder = self.holders.choose(&mut self.asks.rng).expect("somebody").clone();
        let ask = self.asks.draw_for(&holder.who, self.rights);
        if self.asks.rng.random_bool(0.04) {
            self.fail_to_authenticate(&ask);
            return;
        }
        let holds = holds(&holder.who, self.rights);
        let chance = if holds == Holds::Nothing { 0.05 } else { 0.7 };
        // A refusal without a body does not tell what was refused; and one who may do everything
        // gets whatever mode worked last, unless a mode always fits.
        let fits = |pose: &&Pose| {
            ask.method != "HEAD" && (holds != Holds::Everything || pose.is_constrained())
        };
        let pose = POSES.choose(&mut self.asks.rng).filter(fits);
        let pose = pose.filter(|_| self.asks.rng.random_bool(chance));
        self.ask(&holder, &ask, pose);
    }

    fn request(&mut self, ask: &Ask) -> (Request, Option<&'static str>) {
        let rng = &mut self.asks.rng;
        let agent = *AGENTS.choose(rng).expect("one");
        let mut headers = ask.headers.clone();
        headers.extend(agent.map(|agent| ("User-Agent".to_owned(), agent.to_owned())));
        if rng.random_bool(0.1) {
            // Anybody may claim to come from anywhere.
            headers.push(("X-Forwarded-For".to_owned(), "203.0.113.9, 198.51.100.7".to_owned()));
        }
        if rng.random_bool(0.1) {
            // Anybody may choose the id under which a request is logged, one used before as well.
            self.audit_ids += usize::from(rng.random_bool(0.5));
            let id = format!("chosen-{}-{}", self.seed, self.audit_ids);
            headers.push(("Audit-ID".to_owned(), id));
        }
        let request = Request {
            method: ask.method,
            uri: ask.uri.clone(),
            headers,
            body: ask.body.clone(),
            from: rng.random_range(1..=7),
            streams: ask.streams,
        };
        (request, agent)
    }

    fn fail_to_authenticate(&mut self, ask: &Ask) {
        let (mut request, _) = self.request(ask);
        let token = *["wrong", "a.b.c", "token-ada2"].choose(&mut self.asks.rng).expect("one");
        request.headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        let tls = self.server.tls(None);
        let answer = self.server.send(&tls, &request).expect("an answer");
        assert_eq!(answer.status, 401, "{request:?}");
        self.notes.unauthenticated += 1;
    }

    /// One request of somebody's, as somebody else or not.
    pub fn ask(&mut self, holder: &Holder, ask: &Ask, pose: Option<&Pose>) -> u16 {
        let (mut request, agent) = self.request(ask);
        let token = holder.token.iter();
        request
            .headers
            .extend(token.map(|token| ("Authorization".to_owned(), format!("Bearer {token}"))));
        request.headers.extend(pose.iter().flat_map(|pose| pose.headers()));
        let after = Utc::now().trunc_subsecs(6);
        let answer = self.server.send(&holder.tls, &request).expect("an answer");
        let before = Utc::now();
        *self.notes.codes.entry(answer.status).or_default() += 1;
        let outcome = pose.map(|pose| pose.outcome(holds(&holder.who, self.rights), ask));
        let mut effective = holder.who.clone();
        let mut impersonation = None;
        let mut rights = BTreeSet::new();
        let (verdict, call) = match outcome {
            Some(Outcome::Malformed) => {
                assert_eq!(answer.status, 400, "{request:?} {}", answer.body);
                (Verdict::Undecided, ask.call(false, 0))
            }
            Some(Outcome::Refused(calls)) => {
                assert_eq!(answer.status, 403, "{request:?} {}", answer.body);
                (Verdict::Denied, told(&calls, &request, &answer))
            }
            other => {
                if let Some(Outcome::As(who, how)) = other {
                    effective = who;
                    impersonation = Some(how);
                }
                let allowed = self.rights.allow(&effective, &ask.needs);
                let about =
                    || format!("{} {effective:?} {request:?} {}", answer.status, answer.body);
                if allowed {
                    let held = self.rights.held(&effective, &ask.needs);
                    rights = held.iter().map(|right| (*right).to_owned()).collect();
                    // A create behind a patch or an update may be refused all the same.
                    assert!(answer.status != 403 || ask.behind.is_some(), "{}", about());
                } else {
                    assert_eq!(answer.status, 403, "{}", about());
                }
                let verdict = if allowed { Verdict::Allowed } else { Verdict::Denied };
                (verdict, ask.call(allowed, answer.status))
            }
        };
        let name = |text: &str| Name::from(text);
        self.notes.all.push(Noted {
            row: Row {
                authenticated: Identity::from_user_name(&holder.who.user),
                effective: Identity::from_user_name(&effective.user),
                impersonation,
                credential: holder.credential.as_deref().map(name),
                agent: agent.map(name),
                address: format!("127.0.1.{}", request.from).into(),
                groups: effective.groups.iter().map(|group| name(group)).collect(),
                call,
            },
            verdict,
            after,
            before,
            own_groups: holder.who.groups.clone(),
            rights,
        });
        // Every other watch goes on until the log has been read.
        let status = answer.status;
        if let Some(open) = answer.open.filter(|_| self.notes.all.len().is_multiple_of(2)) {
            self.notes.open.push(open);
        }
        status
    }
}

/// The one of the calls that the server said no to.
fn told(calls: &[Call], request: &Request, answer: &Answer) -> Call {
    // Without a body nobody could tell.
    assert_ne!(request.method, "HEAD", "{request:?}");
    let verb = answer.body.split(" cannot ").nth(1).and_then(|rest| rest.split(' ').next());
    let verb = verb.unwrap_or_else(|| panic!("{request:?} {}", answer.body));
    let found = calls.iter().find(|call| &*call.verb == verb).cloned();
    found.unwrap_or_else(|| panic!("{calls:?} {}", answer.body))
}

/// What somebody holds of the rights to act as others.
pub fn holds(who: &Who, rights: &Rights) -> Holds {
    let has = |right: &str| rights.held(who, &[right.to_owned()]).contains(&right);
    if who.is_master() || has("everything") {
        Holds::Everything
    } else if has("as-others") {
        Holds::Legacy
    } else if has("limited-as-others") {
        Holds::Limited
    } else {
        Holds::Nothing
    }
}
