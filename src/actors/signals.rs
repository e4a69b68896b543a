//! What speaks for more than one person, and how much.
//!
//! | sign | weight |
//! |---|---|
//! | tokens that several people had made, in use by each | 60; 50 in different programs at once; 10 where one took the other's place |
//! | sessions of a cloud role with several people's names, by hand | 60; 25 where they may be scripts' |
//! | several credentials in use at once | 50; 25 where they may be scripts' |
//! | pods, or a machine by day and night, and a person | 50; 25 where it may be a script |
//! | several systems or builds of kubectl at once | 35; 30 for a user, 20 for an account where none is a desktop |
//! | several addresses at once | 20 |
//! | one token of a user's at two places at once, by a person and by a program | 50 |
//! | into pods from several at once | 5 |
//! | by hand around the clock | 4 |
//! | a name that says so | 4 |
//!
//! Where one person may have gone from one to the other, a system or an address is 10, a certificate 15,
//! and a Secret, a token or an access key that was made for somebody 40.
//!
//! Weak ones alone, or one person's with two machines, do not come to [`super::SHARED`].

use std::collections::BTreeSet;

use chrono::{DateTime, Timelike, Utc};

use super::at_once::{Together, together};
use super::holder::{Holder, kind};
use super::{Actor, copied, minters, programs, sessions};
use crate::model::{Activity, Identity, SubjectKind, counted};

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
    /// The whole log: what is known of who has tokens made.
    pub(super) activity: &'a Activity,
}

impl About<'_> {
    pub(super) fn is_user(&self) -> bool {
        self.identity.kind == SubjectKind::User
    }

    /// Whether it may be one person's own, who has a credential for each of two machines.
    pub(super) fn is_own(&self) -> bool {
        self.is_user() && !self.identity.name.starts_with("system:") || self.annotated
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
    hours(&attended, &mut found);
    attended.truncate(COMPARED);
    minters::find(actors, about, &mut found);
    sessions::find(actors, &mut found);
    pods_and_people(actors, about, &mut found);
    at_once(&attended, about, &mut found);
    copied::find(actors, about, &mut found);
    if actors.iter().any(|actor| actor.attended) {
        name(about, &mut found);
    }
    found.sort_by_key(|signal| (std::cmp::Reverse(signal.weight), signal.sign));
    found
}

/// The first of them, and how many more there are.
pub(super) fn listed(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{named} and {more} more") } else { named }
}

fn push(found: &mut Vec<Signal>, sign: Sign, weight: u32, evidence: String) {
    found.push(Signal { sign, weight, evidence });
}

/// An account of pods, or of a machine that is at it by day and night, that somebody uses as well.
fn pods_and_people(actors: &[Actor], about: &About<'_>, found: &mut Vec<Signal>) {
    let is_pods = |actor: &&Actor| matches!(actor.holder, Holder::Workload(_));
    // A user may be a person's own, machines of theirs are a finding of its own.
    let is_machines =
        |actor: &&Actor| actor.by_day_and_night && !actor.attended && !about.is_user();
    let machines: Vec<&Actor> =
        actors.iter().filter(|actor| is_pods(actor) || is_machines(actor)).collect();
    let people: Vec<&Actor> = actors.iter().filter(|actor| actor.attended).collect();
    if machines.is_empty() || people.is_empty() || about.annotated {
        return;
    }
    let person =
        people.iter().any(|actor| actor.person || matches!(actor.holder, Holder::MintedBy(_)));
    let of = |actors: &[&Actor]| {
        counted(actors.iter().map(|actor| actor.requests).sum::<u64>(), "request")
    };
    let holders: Vec<String> = machines
        .iter()
        .map(|actor| {
            if actor.by_day_and_night {
                format!("what runs by day and night ({})", actor.holder.text())
            } else {
                actor.holder.text()
            }
        })
        .collect();
    let evidence = format!(
        "{} use it ({}), and {}{} ({})",
        listed(&holders),
        of(&machines),
        if person { "a person" } else { "commands are run" },
        if machines.iter().any(is_pods) { " from outside of pods" } else { " beside that" },
        of(&people)
    );
    push(found, Sign::PodsAndPeople, if person { 50 } else { 25 }, evidence);
}

/// The best pair of each kind, and how many there are.
#[derive(Default)]
pub(super) struct Pairs {
    weight: u32,
    best: Together,
    words: String,
}

impl Pairs {
    pub(super) fn add(&mut self, weight: u32, both: Together, words: impl FnOnce() -> String) {
        if (weight, both.occasions, both.minutes())
            > (self.weight, self.best.occasions, self.best.minutes())
        {
            (self.weight, self.best, self.words) = (weight, both, words());
        }
    }

    pub(super) fn push(self, in_turns: bool, found: &mut Vec<Signal>, sign: Sign) {
        if self.weight == 0 {
            return;
        }
        let Together { occasions, last, .. } = self.best;
        let times = if occasions == 1 { "once".to_owned() } else { format!("{occasions} times") };
        let last = last
            .map_or_else(String::new, |at| format!(", last on {}", at.format("%Y-%m-%d %H:%M")));
        let near = if in_turns {
            let seconds = self.best.nearest();
            format!(", never within {seconds} seconds, as one who goes from one to the other")
        } else {
            String::new()
        };
        let minutes = self.best.minutes();
        let evidence = format!(
            "{} at once, {times}, {} in all{last}{near}",
            self.words,
            counted(minutes, "minute")
        );
        push(found, sign, self.weight, evidence);
    }
}

/// What two had in use at the same time.
fn at_once(attended: &[&Actor], about: &About<'_>, found: &mut Vec<Signal>) {
    let mut both_at_once: Vec<(&Actor, &Actor, Together)> = Vec::new();
    let on_runners = about.is_user() && are_on_runners(attended);
    for (at, one) in attended.iter().enumerate() {
        for other in attended.iter().skip(at + 1) {
            if one.first > other.last || other.first > one.last {
                continue;
            }
            let of_pipelines =
                |actor: &Actor| is_a_pipelines(actor) || on_runners && is_on_a_runner(actor);
            if of_pipelines(one) && of_pipelines(other) {
                continue;
            }
            let both = together(&one.by_hand, &other.by_hand);
            if both.any() {
                both_at_once.push((one, other, both));
            }
        }
    }
    // One person would have to have gone from any of them to any other.
    let all = both_at_once.iter().map(|(.., both)| *both).reduce(Together::and);
    let in_turns = all.is_some_and(|all| all.in_turns());
    let [mut credentials, mut machines, mut addresses, mut pods] =
        [(); 4].map(|()| Pairs::default());
    for (one, other, both) in both_at_once {
        if let Some((weight, words)) = other_credentials((one, other), in_turns, about) {
            credentials.add(weight, both, || words);
        }
        if let Some((desktop, words)) = other_machines(one, other) {
            let weight = match (desktop, about.is_user()) {
                _ if in_turns => 10,
                (true, _) => 35,
                (false, true) => 30,
                (false, false) => 20,
            };
            machines.add(weight, both, || words);
        }
        if let ([mine, ..], [theirs, ..]) = (&*one.addresses, &*other.addresses)
            && !one.addresses.iter().any(|address| other.addresses.contains(address))
        {
            let weight = if in_turns { 10 } else { 20 };
            addresses.add(weight, both, || format!("addresses {mine} and {theirs}"));
        }
        let inside = together(&one.sessions, &other.sessions);
        if inside.any() {
            pods.add(5, inside, || "logs and shells of pods from two".to_owned());
        }
    }
    credentials.push(in_turns, found, Sign::Credentials);
    machines.push(in_turns, found, Sign::Machines);
    addresses.push(in_turns, found, Sign::Addresses);
    pods.push(in_turns, found, Sign::IntoPods);
}

/// Whether it is a pipeline's session of a cloud role, on no desktop: as many run in parallel as there is
/// work, each on a runner with an address and a build of kubectl of its own.
fn is_a_pipelines(actor: &Actor) -> bool {
    !actor.person
        && matches!(&actor.holder, Holder::Session(name) if programs::are_only_named(name))
}

/// So many tokens tell runners from a person who moves.
const RUNNERS: usize = 6;

/// Whether it has tokens of a user's provider, on no desktop.
fn is_on_a_runner(actor: &Actor) -> bool {
    !actor.person && matches!(&actor.holder, Holder::Credential(id) if kind(id) == "JTI=")
}

/// Whether a user's tokens are a pipeline's: one a job, and each job on a runner with an address of its
/// own. A person's next tokens are used where the ones before were.
fn are_on_runners(actors: &[&Actor]) -> bool {
    let runners = || actors.iter().filter(|actor| is_on_a_runner(actor));
    let tokens: BTreeSet<_> = runners().flat_map(|actor| &actor.credentials).collect();
    let places: BTreeSet<_> = runners().flat_map(|actor| &actor.addresses).collect();
    tokens.len() >= RUNNERS && places.len() * 4 >= tokens.len() * 3
}

/// Where each has a credential of its own, with how much that says. A user's provider gives one person
/// as many tokens as programs ask for.
fn other_credentials(
    (one, other): (&Actor, &Actor),
    in_turns: bool,
    about: &About<'_>,
) -> Option<(u32, String)> {
    if let (Holder::MintedBy(by), Holder::MintedBy(others)) = (&one.holder, &other.holder) {
        // What several people had made is a sign of its own.
        return if by == others { minters::given((one, other), by, in_turns, about) } else { None };
    }
    // Programs of one machine share a login or have one each; two machines at once have two.
    let at_two_desks = one.person && other.person && is_elsewhere(one, other);
    let lasting = |actor: &Actor| match &actor.holder {
        Holder::Credential(id) if !about.is_user() || kind(id) != "JTI=" || at_two_desks => {
            (!kind(id).is_empty()).then(|| id.clone())
        }
        _ => None,
    };
    let (mine, theirs) = (lasting(one)?, lasting(other)?);
    if mine == theirs {
        return None;
    }
    let desktop = one.person || other.person;
    let scripts = !about.is_user() && !desktop && other_machines(one, other).is_none();
    // A person gets a certificate for each machine. A second Secret, or a second access key, is made for
    // somebody.
    let of_a_person = about.is_own() && kind(&mine) != "key:" && kind(&theirs) != "key:";
    let weight = match in_turns {
        _ if scripts => 25,
        false => 50,
        true if of_a_person => 15,
        true => 40,
    };
    Some((weight, format!("credentials {} and {}", short(&mine), short(&theirs))))
}

/// Whether both have addresses of one family, and none in common.
fn is_elsewhere(one: &Actor, other: &Actor) -> bool {
    let families = |actor: &Actor| -> BTreeSet<bool> {
        actor.addresses.iter().map(|at| copied::is_of_six(at)).collect()
    };
    !families(one).is_disjoint(&families(other))
        && !one.addresses.iter().any(|at| other.addresses.contains(at))
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
fn hours(attended: &[&Actor], found: &mut Vec<Signal>) {
    let moments = attended.iter().flat_map(|actor| &actor.by_hand);
    let bit = |at: &DateTime<Utc>| 1u32 << at.hour();
    let hours = moments.fold(0, |all, at| all | bit(at)).count_ones();
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
