//! What is to happen: accounts, desks, and who sits there when. The truth is here, and nowhere else.

use std::collections::BTreeMap;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// By what somebody authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum By {
    /// The user's certificate of this number, by a CSR.
    Certificate(usize),
    /// A token that this person had made for the account at this desk, of this number.
    Token(&'static str, usize),
    /// One that this person had made at a desk of their own, of this number, and gave away.
    Handed(&'static str, usize),
    /// One that a program had made, which is the account `vault`, of this number.
    Job(usize),
    /// The same, by a program that is the user `robot`.
    Robot(usize),
    /// The token of a pod of this name, of this number.
    Pod(&'static str, usize),
    /// The token of the account's Secret.
    Secret,
    /// The token of another Secret of it, of this number.
    Another(usize),
    /// The user's static token.
    Static,
    /// The same, in the session of this name, as EKS has it.
    Session(&'static str),
    /// The same, by this access key of a user of the cloud's.
    Key(&'static str),
}

/// A place at which somebody works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desk {
    /// Who really does: a person's name, or that of a machine.
    pub who: &'static str,
    pub by: By,
    pub agent: &'static str,
    /// The last part of the address.
    pub from: u8,
}

/// What is done, at a second of the plan.
#[derive(Clone, Debug)]
pub struct Act {
    pub at: i64,
    pub desk: Desk,
    pub method: &'static str,
    pub path: String,
}

/// What must be said of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// Of one, and it may not be called shared.
    One,
    /// Of several, and it must be called shared.
    Several,
    /// Of several, in a way that the log cannot tell: docs/actors.md says so.
    Untold,
}

/// An account with all that happens to it.
#[expect(clippy::struct_excessive_bools)] // Each is another way to be driven.
pub struct Account {
    pub name: String,
    pub form: &'static str,
    pub truth: Truth,
    /// Whether it is a service account; else a user.
    pub machine: bool,
    /// Whether a person's name is on it.
    pub annotated: bool,
    /// Whether it is a person's, and a machine uses it: that must be said, and of no other.
    pub machines: bool,
    /// Whether nobody is ever at it, and nothing may be said of people on it.
    pub nobody: bool,
    pub acts: Vec<Act>,
}

const PATHS: [(&str, &str); 24] = [
    ("GET", "pods"),
    ("GET", "pods/web-0"),
    ("GET", "pods/web-0/log"),
    ("GET", "configmaps/settings"),
    ("PATCH", "configmaps/settings"),
    ("GET", "events"),
    ("GET", "services"),
    ("DELETE", "pods/gone"),
    ("GET", "secrets"),
    ("PATCH", "configmaps/flags"),
    ("GET", "endpoints/web"),
    ("GET", "persistentvolumeclaims"),
    ("GET", "pods/web-1"),
    ("GET", "pods/web-1/log"),
    ("GET", "pods/web-2"),
    ("GET", "pods/web-2/log"),
    ("GET", "configmaps/flags"),
    ("GET", "configmaps"),
    ("GET", "services/web"),
    ("GET", "endpoints"),
    ("DELETE", "pods/stuck"),
    ("PATCH", "configmaps/limits"),
    ("GET", "serviceaccounts"),
    ("GET", "replicationcontrollers"),
];

/// How a desk is used.
#[derive(Clone, Copy)]
pub enum Way {
    /// By hand: something every two to five minutes.
    Hand,
    /// A screen that asks for the same by itself, every minute.
    Screen,
    /// A script: the same three things, every five minutes.
    Script,
}

/// Accounts under construction.
#[derive(Default)]
pub struct Plan {
    pub accounts: Vec<Account>,
    forms: BTreeMap<&'static str, usize>,
}

impl Plan {
    /// The next account of a form; what happens to it differs from one to the next.
    pub fn account(
        &mut self,
        form: &'static str,
        (truth, machine): (Truth, bool),
        happen: impl FnOnce(&mut Doing),
    ) {
        let number = self.forms.entry(form).or_default();
        *number += 1;
        let name = format!("{}-{number}", form.replace(' ', "-"));
        let seed = self.accounts.len() as u64;
        let random = ChaCha8Rng::seed_from_u64(seed);
        let mut doing =
            Doing { acts: Vec::new(), random, annotated: false, machines: false, nobody: false };
        happen(&mut doing);
        let Doing { mut acts, annotated, machines, nobody, .. } = doing;
        acts.sort_by_key(|act| act.at);
        let account = Account { name, form, truth, machine, annotated, machines, nobody, acts };
        self.accounts.push(account);
    }
}

/// What happens to one account.
pub struct Doing {
    acts: Vec<Act>,
    random: ChaCha8Rng,
    pub annotated: bool,
    pub machines: bool,
    pub nobody: bool,
}

impl Doing {
    fn act(&mut self, at: i64, desk: Desk, (method, rest): (&'static str, &str)) {
        let path = format!("/api/v1/namespaces/share/{rest}");
        self.acts.push(Act { at, desk, method, path });
    }

    fn by_hand(&mut self) -> (&'static str, &'static str) {
        *PATHS.choose(&mut self.random).expect("there are some")
    }

    /// Somebody, or something, is at a desk from a minute to another.
    pub fn at(&mut self, desk: Desk, way: Way, (from, until): (i64, i64)) {
        let mut at = from + self.random.random_range(0..2);
        let mut turn = 0;
        while at < until {
            let what = match way {
                Way::Hand => self.by_hand(),
                Way::Screen => PATHS[0],
                Way::Script => PATHS[[0, 4, 9][turn % 3]],
            };
            // People are at it at any second; what goes by the clock is when it strikes, or soon.
            let second = match way {
                Way::Hand => self.random.random_range(0..60),
                Way::Screen | Way::Script => self.random.random_range(0..3),
            };
            self.act(at * 60 + second, desk, what);
            at += match way {
                Way::Hand => self.random.random_range(2..=5),
                Way::Screen => 1,
                Way::Script => 5,
            };
            turn += 1;
        }
    }

    /// One person with two desks, who goes from one to the other: a few things at one, a pause in
    /// which they take up the other, a few things there.
    pub fn turns(&mut self, desks: [Desk; 2], (from, until): (i64, i64)) {
        let mut at = from * 60;
        for desk in desks.into_iter().cycle() {
            for _ in 0..self.random.random_range(1..=4) {
                let what = self.by_hand();
                self.act(at, desk, what);
                at += self.random.random_range(10..=90);
            }
            at += self.random.random_range(10..=60);
            if at >= until * 60 {
                break;
            }
        }
    }

    /// The same by the clock, at each of these minutes of the plan: a script of a quarter of an hour.
    pub fn cron(&mut self, desk: Desk, at: impl IntoIterator<Item = i64>) {
        for start in at {
            for (turn, minute) in (0..15).step_by(3).enumerate() {
                let second = self.random.random_range(1..4);
                self.act((start + minute) * 60 + second, desk, PATHS[turn]);
            }
        }
    }

    /// A pipeline's job at each of these minutes of the plan: what people do as well, in the same order
    /// each time.
    pub fn jobs(&mut self, desk: Desk, at: impl IntoIterator<Item = i64>) {
        for start in at {
            for (minute, turn) in (0..16).step_by(2).zip([0, 4, 1, 3, 9, 2, 7, 16]) {
                let second = self.random.random_range(0..60);
                self.act((start + minute) * 60 + second, desk, PATHS[turn]);
            }
        }
    }

    /// The same few lists every two seconds, from a minute to another: `watch -n2`.
    pub fn watch(&mut self, desk: Desk, (from, until): (i64, i64)) {
        for (turn, at) in (from * 60..until * 60).step_by(2).enumerate() {
            self.act(at, desk, PATHS[[0, 6, 11][turn % 3]]);
        }
    }

    /// The same on several days.
    pub fn on(&mut self, days: std::ops::Range<i64>, desk: Desk, way: Way, hours: (i64, i64)) {
        for day in days {
            let start = day * 1440;
            self.at(desk, way, (start + hours.0, start + hours.1));
        }
    }
}
