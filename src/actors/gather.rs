//! From rows to actors: what goes together.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Timelike, Utc};
use foldhash::HashMap;

use super::agent::{Client, Tool};
use super::clock::is_by_the_clock;
use super::day_and_night;
use super::holder::{self, Holder, Span};
use super::looped::looped;
use super::seats::seats;
use super::{Actor, ActorUse, Rest};
use crate::model::{
    self, Activity, ActorId, Call, CallId, Identity, Name, SeenId, SubjectKind, Target, Use,
};

/// What is behind an account.
pub(super) struct Gathered {
    pub(super) actors: Vec<Actor>,
    pub(super) rest: Rest,
    pub(super) for_others: u64,
}

/// What the log has of one credential, agent and address together.
pub(super) struct Raw<'a> {
    pub(super) actor: &'a model::Actor,
    pub(super) client: Client,
    rows: Vec<&'a Use>,
    /// Whether it goes on by day and night, so that nobody is at it.
    by_day_and_night: bool,
    pub(super) by_hand: Vec<DateTime<Utc>>,
    by_itself: Vec<DateTime<Utc>>,
    sessions: Vec<DateTime<Utc>>,
}

impl<'a> Raw<'a> {
    fn new(actor: &'a model::Actor) -> Self {
        let client = Client::of(actor.agent.as_deref().unwrap_or_default());
        let [by_hand, by_itself, sessions] = [(); 3].map(|()| Vec::new());
        Self {
            actor,
            client,
            rows: Vec::new(),
            by_day_and_night: false,
            by_hand,
            by_itself,
            sessions,
        }
    }

    /// What of it was by hand, once all of its rows are there.
    fn tell(&mut self, activity: &Activity) {
        for (row, is_loop) in self.rows.iter().zip(looped(activity, &self.rows)) {
            let call = activity.call(row.call);
            let session = reaches_into_a_pod(call);
            let by_hand = match self.client.tool {
                Tool::Command => &*call.verb != "watch" && !is_loop,
                // A screen asks by itself; what it changes and where it goes in is its user's doing.
                Tool::Screen => call.is_write() || session,
                Tool::Program => self.client.desktop && call.is_write(),
            };
            if by_hand {
                self.by_hand.extend([row.first, row.last]);
            } else if self.client.is_program() && &*call.verb != "watch" {
                self.by_itself.extend([row.first, row.last]);
            }
            if session && self.client.is_attended() {
                self.sessions.extend([row.first, row.last]);
            }
        }
    }

    /// Nobody is at it: what was taken to be by hand is not.
    fn is_nobodys(&mut self) {
        self.by_day_and_night = true;
        self.by_itself.append(&mut self.by_hand);
        self.sessions.clear();
    }

    /// Whether a person may be at it.
    fn is_attended(&self) -> bool {
        self.client.is_attended() && !self.by_day_and_night
    }

    /// Whether only a person can be.
    fn is_persons(&self) -> bool {
        (self.client.desktop || self.client.tool == Tool::Screen) && !self.by_day_and_night
    }

    pub(super) fn rows(&self) -> impl Iterator<Item = &'a Use> {
        self.rows.iter().copied()
    }

    /// First and last request.
    pub(super) fn span(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let first = self.rows.iter().map(|row| row.first).min()?;
        Some((first, self.rows.iter().map(|row| row.last).max()?))
    }
}

fn reaches_into_a_pod(call: &Call) -> bool {
    matches!(&call.target, Target::Resource { group, resource, subresource, .. }
        if group.is_empty() && &**resource == "pods"
            && matches!(&**subresource, "exec" | "attach" | "portforward" | "log"))
}

/// Where only a person goes: into a pod, or to a port of one.
pub(super) fn goes_in(call: &Call) -> bool {
    reaches_into_a_pod(call)
        && !matches!(&call.target, Target::Resource { subresource, .. } if &**subresource == "log")
}

/// Of what people run, what goes on by day and night as nobody does.
pub(super) fn by_day_and_night(
    activity: &Activity,
    identity: &Identity,
    seen: SeenId,
) -> BTreeSet<ActorId> {
    let mut raws: BTreeMap<ActorId, Raw<'_>> = BTreeMap::new();
    for row in activity.by_authenticated(seen) {
        if row.effective == row.authenticated {
            let new = || Raw::new(activity.actor(row.actor));
            raws.entry(row.actor).or_insert_with(new).rows.push(row);
        }
    }
    let holders = Holders::new(activity, identity, raws.values());
    day_and_night::find(activity, raws.iter().map(|(id, raw)| (*id, raw, holders.of(raw))))
}

pub(super) fn gather(
    activity: &Activity,
    (identity, seen): (&Identity, SeenId),
    apart: &BTreeSet<Name>,
) -> Option<Gathered> {
    let mut raws: BTreeMap<ActorId, Raw<'_>> = BTreeMap::new();
    let (mut rest, mut for_others) = (Rest::default(), 0);
    let mut nobodys: Vec<&Use> = Vec::new();
    // Of more credentials than are kept the log named each: what is left of their requests is no one
    // thing that the log does not name.
    let cut = activity.truncated(seen).is_some_and(|cut| cut.contains_key("credentials"));
    for row in activity.by_authenticated(seen) {
        let actor = activity.actor(row.actor);
        if row.effective != row.authenticated {
            for_others += row.requests();
        } else if actor.credential.is_none()
            && (cut || (actor.agent.is_none() && actor.address.is_none()))
        {
            rest.requests += row.requests();
            rest.first = Some(rest.first.map_or(row.first, |first| first.min(row.first)));
            rest.last = rest.last.max(Some(row.last));
            nobodys.push(row);
        } else {
            raws.entry(row.actor).or_insert_with(|| Raw::new(actor)).rows.push(row);
        }
    }
    if raws.is_empty() && rest.requests == 0 {
        return None;
    }
    rest.uses = uses(activity, nobodys.into_iter());
    let holders = Holders::new(activity, identity, raws.values());
    for raw in raws.values_mut() {
        raw.tell(activity);
    }
    let of_each = raws.iter().map(|(id, raw)| (*id, raw, holders.of(raw)));
    for id in day_and_night::find(activity, of_each) {
        raws.get_mut(&id).into_iter().for_each(Raw::is_nobodys);
    }
    let mut groups: BTreeMap<(Holder, Option<String>), Vec<&Raw<'_>>> = BTreeMap::new();
    for raw in raws.values() {
        let known_apart = raw.actor.credential.as_ref().filter(|id| apart.contains(*id));
        let holder = match known_apart {
            Some(id) => Holder::Credential(id.clone()),
            None => holders.of(raw),
        };
        let device = match &holder {
            _ if known_apart.is_some() => None,
            Holder::Credential(_) | Holder::NotSaid => raw.client.system.clone(),
            // These stand for somebody, whatever they sit at.
            Holder::Workload(_) | Holder::MintedBy(_) | Holder::Session(_) => None,
        };
        groups.entry((holder, device)).or_default().push(raw);
    }
    let mut actors = Vec::new();
    for ((holder, _), raws) in groups {
        for seat in seats(&holder, &raws) {
            actors.extend(actor(activity, holder.clone(), &seat));
        }
    }
    actors.sort_by(|a, b| {
        b.requests.cmp(&a.requests).then_with(|| {
            (&a.holder, &a.system, &a.addresses).cmp(&(&b.holder, &b.system, &b.addresses))
        })
    });
    Some(Gathered { actors, rest, for_others })
}

/// To whom each credential was given.
struct Holders {
    minted: HashMap<Name, Identity>,
    chains: BTreeMap<Name, Name>,
    /// Names of sessions in small letters, with the one that stands for all that are alike but for
    /// that.
    sessions: BTreeMap<String, Name>,
}

impl Holders {
    fn new<'r, 'a: 'r>(
        activity: &Activity,
        identity: &Identity,
        raws: impl Iterator<Item = &'r Raw<'a>> + Clone,
    ) -> Self {
        let mut minted = HashMap::default();
        if identity.kind == SubjectKind::ServiceAccount {
            for (issued, _) in activity.issued().of(identity) {
                let maker = issued.maker();
                if holder::is_told(maker) {
                    minted.insert(issued.credential.clone(), maker.clone());
                }
            }
        }
        let mut spans: BTreeMap<&Name, Span<'_>> = BTreeMap::new();
        for raw in raws.clone() {
            let (Some(credential), Some((first, last))) = (&raw.actor.credential, raw.span())
            else {
                continue;
            };
            if holder::kind(credential).is_empty() || minted.contains_key(credential) {
                continue;
            }
            let span = spans.entry(credential).or_insert_with(|| Span {
                credential: credential.clone(),
                kind: holder::kind(credential),
                systems: BTreeSet::new(),
                addresses: BTreeSet::new(),
                agents: BTreeSet::new(),
                first,
                last,
            });
            span.systems.extend(raw.client.system.as_deref());
            span.addresses.extend(raw.actor.address.as_deref());
            span.agents.extend(raw.actor.agent.as_deref());
            (span.first, span.last) = (span.first.min(first), span.last.max(last));
        }
        let chains = holder::chains(spans.into_values().collect());
        let mut sessions: BTreeMap<String, Name> = BTreeMap::new();
        for name in raws.filter_map(session) {
            let one = sessions.entry(name.to_lowercase()).or_insert_with(|| name.into());
            *one = one.clone().max(name.into());
        }
        Self { minted, chains, sessions }
    }

    fn of(&self, raw: &Raw<'_>) -> Holder {
        let Some(id) = &raw.actor.credential else { return Holder::NotSaid };
        if let Some(pod) = id.strip_prefix("pod:") {
            return Holder::Workload(match pod.split_once('/') {
                Some((namespace, pod)) => format!("{namespace}/{}", holder::workload(pod)).into(),
                None => pod.into(),
            });
        }
        if id.starts_with("pod-uid:") {
            return Holder::Workload("pods whose names are not in the log".into());
        }
        if let Some(name) = session(raw) {
            let one = self.sessions.get(&name.to_lowercase()).cloned();
            return Holder::Session(one.unwrap_or_else(|| name.into()));
        }
        if let Some(by) = self.minted.get(id) {
            return Holder::MintedBy(by.clone());
        }
        Holder::Credential(self.chains.get(id).unwrap_or(id).clone())
    }
}

/// The name of the session of a cloud role, where it is one.
fn session<'a>(raw: &Raw<'a>) -> Option<&'a str> {
    raw.actor.credential.as_deref()?.strip_prefix("session:")
}

/// In order, each once.
pub(super) fn sorted(of: impl Iterator<Item = DateTime<Utc>>) -> Vec<DateTime<Utc>> {
    let mut all: Vec<DateTime<Utc>> = of.collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Rows by what they are for, the latest first.
fn uses<'a>(activity: &Activity, rows: impl Iterator<Item = &'a Use>) -> Vec<ActorUse> {
    let mut uses: HashMap<CallId, ActorUse> = HashMap::default();
    for row in rows {
        let call = uses.entry(row.call).or_insert_with(|| ActorUse {
            call: activity.call(row.call).clone(),
            allowed: 0,
            denied: 0,
            undecided: 0,
            first: row.first,
            last: row.last,
        });
        call.allowed += row.allowed;
        call.denied += row.denied;
        call.undecided += row.undecided;
        call.first = call.first.min(row.first);
        call.last = call.last.max(row.last);
    }
    let mut uses: Vec<ActorUse> = uses.into_values().collect();
    uses.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.call.cmp(&b.call)));
    uses
}

fn actor(activity: &Activity, holder: Holder, raws: &[&Raw<'_>]) -> Option<Actor> {
    let lines = || raws.iter().flat_map(|raw| raw.rows.iter().copied());
    let pods = matches!(holder, Holder::Workload(_));
    let mut days: BTreeSet<NaiveDate> = BTreeSet::new();
    let (mut requests, mut hours) = (0, 0);
    for row in lines() {
        requests += row.requests();
        days.insert(row.day);
        // Rows that are older than their hours have none.
        hours |= row.hours | 1 << row.first.hour() | 1 << row.last.hour();
    }
    let uses = uses(activity, lines());
    let mut systems = raws.iter().filter_map(|raw| raw.client.system.as_deref());
    let builds: BTreeSet<String> = raws.iter().filter_map(|raw| raw.client.build.clone()).collect();
    let by_hand = sorted(raws.iter().flat_map(|raw| raw.by_hand.iter().copied()));
    let person = !pods && raws.iter().any(|raw| raw.is_persons());
    let by_the_clock = !person && is_by_the_clock(&by_hand);
    Some(Actor {
        system: systems.next().map(Name::from),
        attended: !pods && !by_the_clock && raws.iter().any(|raw| raw.is_attended()),
        by_the_clock,
        by_day_and_night: raws.iter().any(|raw| raw.by_day_and_night),
        person,
        credentials: newest(raws, |actor| actor.credential.as_ref()),
        agents: newest(raws, |actor| actor.agent.as_ref()),
        addresses: newest(raws, |actor| actor.address.as_ref()),
        requests,
        first: lines().map(|row| row.first).min()?,
        last: lines().map(|row| row.last).max()?,
        days: days.len(),
        hours,
        uses,
        by_hand,
        by_itself: sorted(raws.iter().flat_map(|raw| raw.by_itself.iter().copied())),
        sessions: sorted(raws.iter().flat_map(|raw| raw.sessions.iter().copied())),
        builds: builds.into_iter().collect(),
        holder,
    })
}

fn newest(raws: &[&Raw<'_>], of: fn(&model::Actor) -> Option<&Name>) -> Vec<Name> {
    let mut last: BTreeMap<&Name, DateTime<Utc>> = BTreeMap::new();
    for raw in raws {
        if let (Some(value), Some((_, at))) = (of(raw.actor), raw.span()) {
            let have = last.entry(value).or_insert(at);
            *have = at.max(*have);
        }
    }
    let mut all: Vec<(&Name, DateTime<Utc>)> = last.into_iter().collect();
    all.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
    all.into_iter().map(|(value, _)| value.clone()).collect()
}
