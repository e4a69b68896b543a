//! Whom somebody can act as: everybody to whom its steps lead, by the shortest way that there is, and
//! what each of them may do that it may not itself. A tier alone does not tell: two who are as strong
//! may do different things, in different places.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use foldhash::{HashMap, HashMapExt};

use super::adds::{Adds, Lacks, Own, Single};
use super::gain::{Gain, Reaches};
use super::gained::{gain, reaches};
use super::graph::{Graph, Node};
use super::path::{Path, path};
use super::search::{Closure, Terms};
use super::{Looked, Reach, Reached};
use crate::book::{Entry, GrantId, Tier};
#[cfg(test)]
use crate::model::Identity;
use crate::model::{PolicyRule, SubjectKind, or_quotes};

/// So many rights are told by name.
const TOLD: usize = 4;

/// What one may do that another may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    /// How much that is.
    pub adds: Adds,
    /// The strongest of the rights, in words.
    pub rights: Vec<String>,
    /// How many there are besides.
    pub more: usize,
}

impl Added {
    /// `get,list secrets cluster-wide, 3 more`.
    pub fn words(&self) -> String {
        let more = (self.more > 0).then(|| format!("{} more", self.more));
        let all: Vec<String> = self.rights.iter().cloned().chain(more).collect();
        all.join("; ")
    }
}

/// One of those as whom somebody can act, or a role that it can get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// The way there, with what is added by it.
    pub path: Path,
    /// Whether it is somebody else; else a role, or the same identity in further groups.
    pub is_other: bool,
}

/// How many can be acted as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Whether everything can be done, and everybody be acted as.
    pub everybody: bool,
    /// Somebody else, users and accounts.
    pub others: usize,
    /// Of those, who may do what the one who acts may not itself.
    pub adding: usize,
    /// Roles, and groups, that it gets besides.
    pub roles: usize,
    /// Of those, what adds to what it may do.
    pub roles_adding: usize,
}

impl Count {
    /// Whether nothing of it adds to what the one who acts may do itself.
    pub fn adds_nothing(&self) -> bool {
        !self.everybody && self.adding == 0 && self.roles_adding == 0
    }
}

/// Whom somebody can act as.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acts {
    /// How many.
    pub count: Count,
    /// Whether everybody only by a step that is a model.
    pub modelled: bool,
    /// Each by the shortest way that adds most; what adds most comes first. Where everything can be
    /// done without a model, none: it is everybody.
    pub all: Vec<Act>,
}

impl Acts {
    /// Those who may do what the one who acts may not.
    pub fn adding(&self) -> impl Iterator<Item = &Act> {
        self.all.iter().filter(|act| act.path.adds.is_some())
    }
}

/// What is left without one grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The grant.
    pub grant: GrantId,
    /// How strong one can still become.
    pub tier: Tier,
    /// Whom one can still act as.
    pub count: Count,
    /// Who of those adds to what one may do then.
    adders: BTreeSet<Gain>,
    /// Whether more could have been deleted than was tried: nothing is said to be closed then.
    bounded: bool,
}

impl Kept {
    /// Whether no way leads any more where the path does: to its tier, or to the one whom it leads to,
    /// with something to add.
    pub fn cuts(&self, path: &Path) -> bool {
        if self.count.everybody || self.bounded {
            return false;
        }
        match (&path.adds, path.end()) {
            (Some(_), Some(end)) => !self.adders.contains(&key(end.clone())),
            _ => self.tier < path.tier,
        }
    }

    /// Whether one cannot become more any more than one is.
    pub fn closes(&self) -> bool {
        !self.bounded && self.count.adds_nothing()
    }
}

/// The best that is known of one of those found.
#[derive(Clone, Copy, Debug)]
struct Seen<'c> {
    closure: &'c Closure,
    place: usize,
    modelled: bool,
    adds: Option<Adds>,
}

impl Seen<'_> {
    /// What adds most, without models, by the fewest steps, with a credential of its own.
    fn rank(&self) -> impl Ord + use<> {
        let found = self.closure.found.get(self.place);
        let of_its_own = found.is_some_and(|found| matches!(found.node, Node::Identity(_)));
        let tier = found.map(|found| found.tier).unwrap_or_default();
        let steps = found.map(|found| found.steps).unwrap_or_default();
        (self.adds, tier, !self.modelled, Reverse(steps), of_its_own, Reverse(self.place))
    }
}

/// Everybody found, under one name each.
#[derive(Debug)]
struct Census<'c> {
    all: HashMap<Gain, Seen<'c>>,
    count: Count,
    modelled: bool,
}

impl Reach<'_> {
    /// What one identity can become, and whom it can act as.
    pub fn whole(&self, entry: &Entry) -> (Reached, Acts) {
        let terms = Terms::default();
        let looked = self.look(entry, terms);
        (self.reached(entry, &looked, terms), self.acts(entry, &looked, terms))
    }

    pub(super) fn acts(&self, entry: &Entry, looked: &Looked, terms: Terms<'_>) -> Acts {
        let own = Own::new(&self.graph, &Self::start(entry), terms.without);
        let Census { all, count, modelled } = self.census(entry, looked, &own, terms);
        let mut all: Vec<Act> = all
            .into_iter()
            .map(|(key, seen)| {
                let is_other = is_other(&key, entry);
                Act { path: self.way(&own, seen.closure, seen.place, terms), is_other }
            })
            .collect();
        let order = |act: &Act| {
            let adds = act.path.adds.as_ref().map(|added| added.adds);
            let end = act.path.end().cloned();
            let (tier, steps) = (act.path.tier, act.path.hops.len());
            (Reverse((adds, tier)), act.path.is_modelled(), steps, end)
        };
        all.sort_by_cached_key(order);
        Acts { count, modelled, all }
    }

    /// The way to one of those found, with what it adds.
    pub(super) fn way(
        &self,
        own: &Own<'_, '_>,
        of: &Closure,
        place: usize,
        terms: Terms<'_>,
    ) -> Path {
        let mut way = path(&self.graph, of, place);
        let Some(found) = of.found.get(place) else { return way };
        let lacks = own.lacks(&found.node, terms.without);
        let most = lacks.iter().map(|lacks| lacks.adds).max();
        if let Some(most) = most {
            let top = || lacks.iter().filter(|lacks| lacks.adds == most);
            way.strong_by = Vec::new();
            for id in top().flat_map(|lacks| &lacks.by) {
                if !way.strong_by.contains(id) {
                    way.strong_by.push(*id);
                }
            }
            let in_all = |id: &&GrantId| top().all(|lacks| lacks.by.contains(id));
            way.strong_only_by = way.strong_by.iter().filter(in_all).copied().collect();
            way.adds = Some(added(&self.graph, most, &lacks));
        }
        way
    }

    /// Everybody found, each under the name that the one who acts knows it by.
    fn census<'c>(
        &self,
        entry: &Entry,
        looked: &'c Looked,
        own: &Own<'_, '_>,
        terms: Terms<'_>,
    ) -> Census<'c> {
        let Looked { exact, modelled } = looked;
        let by_model = modelled.as_ref().is_some_and(|closure| closure.ended);
        if entry.tier == Tier::ClusterAdmin && terms.without.is_empty() {
            let others = self.people(entry, terms).count();
            let count = Count { everybody: true, others, ..Count::default() };
            return Census { all: HashMap::new(), count, modelled: false };
        }
        let mut all: HashMap<Gain, Seen<'c>> = HashMap::new();
        if !exact.ended {
            self.take_in(exact, own, terms, &mut all);
        }
        if let Some(closure) = modelled.as_ref().filter(|closure| !closure.ended) {
            self.take_in(closure, own, terms, &mut all);
        }
        // Of itself there is something to be said only where it gets more by further groups.
        let myself = Gain::Identity(entry.identity.clone());
        all.retain(|gain, seen| *gain != myself || seen.adds.is_some());
        let mut count = Count { everybody: exact.ended || by_model, ..Count::default() };
        // Whoever it is, in further groups, adds something: so does each who is known.
        let adding = all.iter().filter(|(_, seen)| seen.adds.is_some()).map(|(gain, _)| gain);
        let anybody: Vec<&Gain> = adding.filter(|gain| is_anybody(gain)).collect();
        for (gain, seen) in &all {
            let meant = || anybody.iter().any(|of| means(of, gain));
            let adds = usize::from(seen.adds.is_some() || meant());
            if is_other(gain, entry) {
                if self.is_gone(gain, seen, terms) {
                    continue;
                }
                count.others += 1;
                count.adding += adds;
            } else if *gain != Gain::Anyone {
                count.roles += 1;
                count.roles_adding += adds;
            }
        }
        if count.everybody || all.contains_key(&Gain::Anyone) {
            count.others = self.people(entry, terms).count();
            let grouped = all.contains_key(&Gain::Anyone);
            count.adding = self.everybody_adding(entry, own, grouped, terms);
        }
        Census { all, count, modelled: by_model && !exact.ended }
    }

    fn take_in<'c>(
        &self,
        closure: &'c Closure,
        own: &Own<'_, '_>,
        terms: Terms<'_>,
        all: &mut HashMap<Gain, Seen<'c>>,
    ) {
        let mut modelled: Vec<bool> = Vec::with_capacity(closure.found.len());
        for (place, found) in closure.found.iter().enumerate() {
            let is_modelled = found.by.as_ref().is_some_and(|by| {
                let before = |at: &u32| modelled.get(*at as usize) == Some(&true);
                by.step.modelled().is_some() || by.from.iter().any(before)
            });
            modelled.push(is_modelled);
            if place == 0 {
                continue;
            }
            let adds = own.adds(&found.node, terms.without);
            let seen = Seen { closure, place, modelled: is_modelled, adds };
            let have = all.entry(key(gain(&self.graph, found))).or_insert(seen);
            if seen.rank() > have.rank() {
                *have = seen;
            }
        }
    }

    /// Everybody else who authenticates, but for whom a grant that is not there alone names.
    fn people<'e>(&'e self, but: &'e Entry, terms: Terms<'e>) -> impl Iterator<Item = &'e Entry> {
        let entries = self.graph.book.entries().map(|entry| &**entry);
        entries.filter(move |entry| {
            entry.identity.kind != SubjectKind::Group
                && entry.id != but.id
                && !self.graph.is_only_named_by(entry, terms.without)
        })
    }

    /// Whether grants that are not there are all that names somebody.
    fn is_gone(&self, gain: &Gain, seen: &Seen<'_>, terms: Terms<'_>) -> bool {
        let Gain::Identity(identity) = gain else { return false };
        if terms.without.is_empty() {
            return false;
        }
        // One that is still to be made is somebody by what its groups hold.
        if let Some(Node::Stranger(who)) =
            seen.closure.found.get(seen.place).map(|found| &found.node)
        {
            return !self.graph.welcomes_without(*who, terms.without);
        }
        let entry = self.graph.book.find(identity);
        entry.is_some_and(|entry| self.graph.is_only_named_by(entry, terms.without))
    }

    /// How many of them may do what the one who acts may not; `grouped`: in all groups at once.
    fn everybody_adding(
        &self,
        but: &Entry,
        own: &Own<'_, '_>,
        grouped: bool,
        terms: Terms<'_>,
    ) -> usize {
        let of_group = |slot: Option<u32>| {
            let grant = slot.and_then(|slot| self.graph.book.grant(GrantId(slot)));
            grant.is_some_and(|grant| grant.key.subject.kind == SubjectKind::Group)
        };
        let by_groups =
            grouped
                && self.graph.holdings(&Node::Anyone, terms.without).iter().any(|holding| {
                    of_group(holding.grant) && own.by_holding(holding, false).is_some()
                });
        let adds = |entry: &&Entry| {
            by_groups
                || self.graph.tier(&Self::start(entry), terms.without) == Tier::ClusterAdmin
                || own.adds(&Self::start(entry), terms.without).is_some()
        };
        self.people(but, terms).filter(adds).count()
    }

    /// What is left of it without a grant.
    pub(super) fn kept(&self, entry: &Entry, terms: Terms<'_>, grant: GrantId) -> Kept {
        let terms = Terms { without: &[grant.0], modelled: false, ..terms };
        let looked = self.look(entry, terms);
        let own = Own::new(&self.graph, &Self::start(entry), terms.without);
        let Census { all, count, .. } = self.census(entry, &looked, &own, terms);
        let adders = all.into_iter().filter(|(_, seen)| seen.adds.is_some()).map(|(gain, _)| gain);
        let (tier, bounded) = (looked.tier(), looked.is_bounded());
        Kept { grant, tier, count, adders: adders.collect(), bounded }
    }

    /// The one of those found who adds most to what the one who starts may do, the nearest of them.
    pub(super) fn beside(&self, entry: &Entry, of: &Closure, terms: Terms<'_>) -> Option<Path> {
        let own = Own::new(&self.graph, &Self::start(entry), terms.without);
        let mut best: Option<(Adds, usize)> = None;
        for (place, found) in of.found.iter().enumerate().skip(1) {
            let Some(adds) = own.adds(&found.node, terms.without) else { continue };
            if best.is_none_or(|(have, _)| adds > have) {
                best = Some((adds, place));
            }
        }
        best.map(|(_, place)| self.way(&own, of, place, terms))
    }

    /// How much the one of those found adds who adds most.
    pub(super) fn most_added(&self, entry: &Entry, of: &Closure, terms: Terms<'_>) -> Option<Adds> {
        let own = Own::new(&self.graph, &Self::start(entry), terms.without);
        of.found.iter().skip(1).filter_map(|found| own.adds(&found.node, terms.without)).max()
    }
}

/// Whom a gain is counted as: an identity once, however its requests are made.
pub(super) fn key(gain: Gain) -> Gain {
    match gain {
        Gain::Name { identity: Some(identity), .. } => Gain::Identity(identity),
        Gain::Name { identity: None, accounts, .. } => {
            Gain::Name { identity: None, accounts, groups: Vec::new(), constrained: false }
        }
        other => other,
    }
}

fn is_anybody(gain: &Gain) -> bool {
    matches!(gain, Gain::Name { identity: None, .. })
}

/// Whether somebody is one of those whom a request may be made as without saying who it is.
fn means(anybody: &Gain, who: &Gain) -> bool {
    let (Gain::Name { identity: None, accounts, .. }, Gain::Identity(who)) = (anybody, who) else {
        return false;
    };
    match accounts {
        None => who.kind == SubjectKind::User,
        Some(Reaches::Namespace(ns)) => who.namespace.as_ref() == Some(ns),
        Some(_) => who.kind == SubjectKind::ServiceAccount,
    }
}

fn is_other(key: &Gain, entry: &Entry) -> bool {
    match key {
        Gain::Identity(identity) => *identity != entry.identity,
        Gain::Name { .. } => true,
        Gain::Role { .. } | Gain::Everything(_) | Gain::Anyone => false,
    }
}

fn added(graph: &Graph<'_>, adds: Adds, lacks: &[Lacks]) -> Added {
    let places: Vec<(Reaches, &Lacks)> =
        lacks.iter().map(|one| (reaches(graph, one.at), one)).collect();
    let mut rights: Vec<(&Single, &Reaches)> = Vec::new();
    for (at, one) in &places {
        rights.extend(one.rights.iter().map(|right| (right, at)));
    }
    rights.sort_by(|a, b| b.0.0.cmp(&a.0.0).then_with(|| a.cmp(b)));
    rights.dedup();
    // Verbs of the same objects are told together.
    let mut groups: Vec<(&PolicyRule, &Reaches, Vec<&str>)> = Vec::new();
    let mut known: HashMap<_, usize> = HashMap::new();
    for ((_, right), at) in rights {
        let PolicyRule { api_groups, resources, resource_names, non_resource_urls, .. } = right;
        let object = (api_groups, resources, resource_names, non_resource_urls, at);
        let place = *known.entry(object).or_insert(groups.len());
        if place == groups.len() {
            groups.push((right, at, Vec::new()));
        }
        let Some((.., verbs)) = groups.get_mut(place) else { continue };
        verbs.extend(right.verbs.iter().map(|verb| &**verb));
    }
    let told = groups.iter().take(TOLD).map(|(right, at, verbs)| {
        let mut verbs = verbs.clone();
        verbs.sort_unstable();
        verbs.dedup();
        format!("{} {}", verbs.join(","), object(right, at))
    });
    Added { adds, rights: told.collect(), more: groups.len().saturating_sub(TOLD) }
}

/// `pods/log batch-0 in pay`, `/metrics`.
fn object(right: &PolicyRule, at: &Reaches) -> String {
    if let Some(path) = right.non_resource_urls.first() {
        return path.to_string();
    }
    let resource = right.resources.first().map_or("", |resource| resource);
    let group = right.api_groups.first().map_or("", |group| group);
    let group = if group.is_empty() { String::new() } else { format!(".{group}") };
    let (resource, sub) = match resource.split_once('/') {
        Some((resource, sub)) => (resource, format!("/{sub}")),
        None => (resource, String::new()),
    };
    let name = right
        .resource_names
        .first()
        .map_or_else(String::new, |name| format!(" {}", or_quotes(name)));
    format!("{resource}{group}{sub}{name} {at}")
}

impl Reached {
    /// The way on which it becomes more: to the highest tier; where that is its own, to the one who
    /// adds most to what it may do, if that is worth anything.
    pub fn way(&self) -> Option<&Path> {
        let beside = self.beside.as_ref();
        self.highest().or_else(|| beside.filter(|path| path.is_worth()))
    }

    /// How strong it becomes on that way, and what is added there where its tier stays the same.
    pub fn becomes(&self) -> Option<Tier> {
        let path = self.way()?;
        Some(path.adds.as_ref().map_or(path.tier, |added| added.adds.tier))
    }

    /// Whether it can become more than it is.
    pub fn is_more(&self) -> bool {
        self.way().is_some()
    }
}

impl Path {
    /// Whether what it adds is worth something.
    pub fn is_worth(&self) -> bool {
        self.adds.as_ref().is_some_and(|added| added.adds.worth)
    }
}

/// Who it is, where it is somebody that is known.
#[cfg(test)]
pub(super) fn who(gain: &Gain) -> Option<Identity> {
    match key(gain.clone()) {
        Gain::Identity(identity) => Some(identity),
        _ => None,
    }
}
