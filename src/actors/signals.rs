//! What speaks for more than one person, and how much.
//!
//! | sign | weight |
//! |---|---|
//! | tokens that several people had made, in use by each | 60; 10 where one took the other's place |
//! | sessions of a cloud role with several people's names | 60 |
//! | several certificates or tokens in use at once | 50 |
//! | pods, and a person | 50; 25 where it may be a script |
//! | several systems or builds of kubectl at once | 35; 30 for a user, 20 for an account where none is a desktop |
//! | several addresses at once | 20 |
//! | into pods from several at once | 5 |
//! | by hand around the clock | 4 |
//! | a name that says so | 4 |
//!
//! Weak ones alone, or one of a machine's that moves about, do not come to [`super::SHARED`].

use std::collections::BTreeSet;

use super::at_once::together;
use super::holder::{Holder, is_persons_session, kind};
use super::{Actor, Together};
use crate::model::{Identity, Name, SubjectKind};

/// What a signal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// Several people had tokens made.
    Minters,
    /// Several people's sessions of a cloud role.
    Sessions,
    /// Several credentials at once.
    Credentials,
    /// Pods, and a person.
    PodsAndPeople,
    /// Several systems or builds at once.
    Machines,
    /// Several addresses at once.
    Addresses,
    /// Into pods from several at once.
    IntoPods,
    /// By hand around the clock.
    Hours,
    /// A name that says so.
    Name,
}

impl Sign {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Minters => "minters",
            Self::Sessions => "sessions",
            Self::Credentials => "credentials",
            Self::PodsAndPeople => "podsAndPeople",
            Self::Machines => "machines",
            Self::Addresses => "addresses",
            Self::IntoPods => "intoPods",
            Self::Hours => "hours",
            Self::Name => "name",
        }
    }
}

/// Something that speaks for more than one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// What it is about.
    pub sign: Sign,
    /// How much it says; see [`super::SHARED`].
    pub weight: u32,
    /// With its figures, for a person.
    pub evidence: String,
}

/// What is known of the account beside its actors.
pub(super) struct About<'a> {
    pub(super) identity: &'a Identity,
    /// A person's name is on it: then it is no machine's account that people use.
    pub(super) annotated: bool,
}

impl About<'_> {
    fn is_user(&self) -> bool {
        self.identity.kind == SubjectKind::User
    }
}

/// Of so many actors, the busiest by hand, every two are compared.
const COMPARED: usize = 24;

/// So many are named.
const NAMED: usize = 3;

/// More hours of the day than one person works.
const LONG: u32 = 16;

/// Parts of names of accounts that are made to be shared.
const NAMES: [&str; 9] =
    ["admin", "shared", "team", "ops", "support", "root", "common", "everyone", "masterclient"];

pub(super) fn signals(actors: &[Actor], about: &About<'_>) -> Vec<Signal> {
    let mut found = Vec::new();
    let mut attended: Vec<&Actor> =
        actors.iter().filter(|actor| actor.attended && !actor.by_hand.is_empty()).collect();
    attended.sort_by_key(|actor| std::cmp::Reverse(actor.by_hand.len()));
    attended.truncate(COMPARED);
    minters(actors, &mut found);
    sessions(actors, &mut found);
    pods_and_people(actors, about, &mut found);
    at_once(&attended, about, &mut found);
    hours(actors, &mut found);
    if actors.iter().any(|actor| actor.attended) {
        name(about, &mut found);
    }
    found.sort_by_key(|signal| (std::cmp::Reverse(signal.weight), signal.sign));
    found
}

fn listed(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn push(found: &mut Vec<Signal>, sign: Sign, weight: u32, evidence: String) {
    found.push(Signal { sign, weight, evidence });
}

/// Tokens of one account that several people had made, each used by hand.
fn minters(actors: &[Actor], found: &mut Vec<Signal>) {
    let minted: Vec<(&Actor, &Identity)> = actors
        .iter()
        .filter(|actor| actor.attended)
        .filter_map(|actor| match &actor.holder {
            Holder::MintedBy(by) => Some((actor, by)),
            _ => None,
        })
        .collect();
    if minted.len() < 2 {
        return;
    }
    // One who hands the token on that the other had made before to the same machine renews it.
    let renewed = |a: &Actor, b: &Actor| {
        let (early, late) = if a.last <= b.last { (a, b) } else { (b, a) };
        early.last <= late.first
            && early.system == late.system
            && early.addresses.iter().any(|address| late.addresses.contains(address))
    };
    let apart = minted
        .iter()
        .enumerate()
        .any(|(at, (one, _))| minted.iter().skip(at + 1).any(|(other, _)| !renewed(one, other)));
    let who: Vec<String> = minted
        .iter()
        .map(|(actor, by)| format!("{by} ({} used)", actor.credentials.len()))
        .collect();
    let evidence = format!("tokens of it were made by {}", listed(&who));
    let (weight, how) = if apart { (60, "") } else { (10, ", one after the other for one place") };
    push(found, Sign::Minters, weight, format!("{evidence}{how}"));
}

/// A cloud role that several people take on.
fn sessions(actors: &[Actor], found: &mut Vec<Signal>) {
    let people: BTreeSet<&Name> = actors
        .iter()
        .filter_map(|actor| match &actor.holder {
            Holder::Session(name) if is_persons_session(name) => Some(name),
            _ => None,
        })
        .collect();
    if people.len() > 1 {
        let names: Vec<String> = people.iter().map(|name| (*name).to_string()).collect();
        let evidence = format!("{} sessions of a cloud role: {}", people.len(), listed(&names));
        push(found, Sign::Sessions, 60, evidence);
    }
}

/// An account of pods that somebody uses from outside as well.
fn pods_and_people(actors: &[Actor], about: &About<'_>, found: &mut Vec<Signal>) {
    let pods: Vec<&Actor> =
        actors.iter().filter(|actor| matches!(actor.holder, Holder::Workload(_))).collect();
    let outside: Vec<&Actor> = actors.iter().filter(|actor| actor.attended).collect();
    if pods.is_empty() || outside.is_empty() || about.annotated {
        return;
    }
    let person =
        outside.iter().any(|actor| actor.person || matches!(actor.holder, Holder::MintedBy(_)));
    let of = |actors: &[&Actor]| actors.iter().map(|actor| actor.requests).sum::<u64>();
    let holders: Vec<String> = pods.iter().map(|actor| actor.holder.text()).collect();
    let evidence = format!(
        "{} use it ({} requests), and {} from outside of pods ({} requests)",
        listed(&holders),
        of(&pods),
        if person { "a person" } else { "commands are run" },
        of(&outside)
    );
    push(found, Sign::PodsAndPeople, if person { 50 } else { 25 }, evidence);
}

/// The best pair of each kind, and how many there are.
#[derive(Default)]
struct Pairs {
    weight: u32,
    best: Together,
    words: String,
}

impl Pairs {
    fn add(&mut self, weight: u32, both: Together, words: impl FnOnce() -> String) {
        if (weight, both.occasions, both.minutes)
            > (self.weight, self.best.occasions, self.best.minutes)
        {
            (self.weight, self.best, self.words) = (weight, both, words());
        }
    }

    fn push(self, found: &mut Vec<Signal>, sign: Sign) {
        if self.weight == 0 {
            return;
        }
        let Together { occasions, minutes, last } = self.best;
        let times = if occasions == 1 { "once".to_owned() } else { format!("{occasions} times") };
        let last = last
            .map_or_else(String::new, |at| format!(", last on {}", at.format("%Y-%m-%d %H:%M")));
        let evidence = format!("{} at once, {times}, {minutes} minutes in all{last}", self.words);
        push(found, sign, self.weight, evidence);
    }
}

/// What two had in use at the same time.
fn at_once(attended: &[&Actor], about: &About<'_>, found: &mut Vec<Signal>) {
    let [mut credentials, mut machines, mut addresses, mut pods] =
        [(); 4].map(|()| Pairs::default());
    for (at, one) in attended.iter().enumerate() {
        for other in attended.iter().skip(at + 1) {
            if one.first > other.last || other.first > one.last {
                continue;
            }
            let both = together(&one.by_hand, &other.by_hand);
            if !both.any() {
                continue;
            }
            if let Some(words) = other_credentials(one, other, about) {
                credentials.add(50, both, || words);
            }
            if let Some((desktop, words)) = other_machines(one, other) {
                let weight = match (desktop, about.is_user()) {
                    (true, _) => 35,
                    (false, true) => 30,
                    (false, false) => 20,
                };
                machines.add(weight, both, || words);
            }
            if let ([mine, ..], [theirs, ..]) = (&*one.addresses, &*other.addresses)
                && !one.addresses.iter().any(|address| other.addresses.contains(address))
            {
                addresses.add(20, both, || format!("addresses {mine} and {theirs}"));
            }
            let inside = together(&one.sessions, &other.sessions);
            if inside.any() {
                let words = "logs and shells of pods from two";
                pods.add(5, inside, || words.to_owned());
            }
        }
    }
    credentials.push(found, Sign::Credentials);
    machines.push(found, Sign::Machines);
    addresses.push(found, Sign::Addresses);
    pods.push(found, Sign::IntoPods);
}

/// Where each has a lasting credential of its own. A user's provider gives one person as many tokens
/// as programs ask for.
fn other_credentials(one: &Actor, other: &Actor, about: &About<'_>) -> Option<String> {
    let lasting = |actor: &Actor| match &actor.holder {
        Holder::Credential(id) if kind(id) == "X509SHA256=" || !about.is_user() => Some(id.clone()),
        _ => None,
    };
    let (mine, theirs) = (lasting(one)?, lasting(other)?);
    (mine != theirs).then(|| format!("credentials {} and {}", short(&mine), short(&theirs)))
}

/// Enough of an id to find it by.
fn short(id: &str) -> String {
    let cut = id.char_indices().nth(24).map_or(id.len(), |(at, _)| at);
    if cut < id.len() { format!("{}…", &id[..cut]) } else { id.to_owned() }
}

/// Where each is on another system, or has another build of kubectl; with whether a desktop is one.
fn other_machines(one: &Actor, other: &Actor) -> Option<(bool, String)> {
    let systems = one.system.as_ref().zip(other.system.as_ref());
    let differ = systems.is_some_and(|(mine, theirs)| mine != theirs);
    let builds = !one.builds.is_empty()
        && !other.builds.is_empty()
        && !one.builds.iter().any(|build| other.builds.contains(build));
    let name = |actor: &Actor| {
        let build = actor.builds.first().map(|build| format!("kubectl {build} "));
        let system = actor.system.as_deref().unwrap_or("an unnamed system");
        format!("{}on {system}", build.unwrap_or_default())
    };
    (differ || builds)
        .then(|| (one.person || other.person, format!("{} and {}", name(one), name(other))))
}

/// By hand in more hours of the day than one person works.
fn hours(actors: &[Actor], found: &mut Vec<Signal>) {
    let hours = actors
        .iter()
        .filter(|actor| actor.attended)
        .fold(0, |all: u32, actor| all | actor.hours)
        .count_ones();
    if hours >= LONG {
        push(found, Sign::Hours, 4, format!("by hand in {hours} hours of the day"));
    }
}

fn name(about: &About<'_>, found: &mut Vec<Signal>) {
    let lower = about.identity.name.to_ascii_lowercase();
    let parts = || lower.split(|c: char| !c.is_ascii_alphanumeric());
    if let Some(part) = parts().find(|part| NAMES.contains(part)) {
        push(found, Sign::Name, 4, format!("its name says {part}"));
    }
}
