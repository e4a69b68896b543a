//! The steps from somebody to what it can become, with what gives each, what would cut it, and
//! whether a log would show it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::acts::{Added, Kept};
use super::deleted::Deleted;
use super::gain::{Gain, Reaches};
use super::gained::{gain, makes, poses_as, reaches};
use super::graph::{Graph, Holding};
use super::rights::{Right, Within};
use super::scarce;
use super::search::{Closure, Found, Link};
use super::step::{Seen, Shown, Step, Trace};
use super::steps::kubelet;
use crate::book::{Grant, GrantId, GrantKey, Tier};
use crate::model::{BindingKind, Identity, Name, RoleKind, RoleRef, or_quotes};

/// A permission that a step takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Needed {
    /// The verb.
    pub verb: &'static str,
    /// API group.
    pub api_group: &'static str,
    /// `pods/exec`, `rolebindings`.
    pub resource: String,
    /// On which objects only; None: on every one.
    pub names: Option<Vec<Name>>,
    /// Where it is held.
    pub at: Reaches,
    /// The grant that gives it; None where a step before did, or `system:masters`.
    pub grant: Option<GrantKey>,
    /// The role of the grant.
    pub role: Option<RoleRef>,
    /// Of an aggregated role the `ClusterRoles` that bring the rule, and are not aggregated themselves;
    /// none where one of them is the API server's own, which brings it back.
    pub sources: Vec<Name>,
    /// Its number within the feed.
    pub id: Option<GrantId>,
}

impl Needed {
    /// `create serviceaccounts/token in pay`, `patch pods batch-0 in pay`.
    pub fn words(&self) -> String {
        let names = match &self.names {
            None => String::new(),
            Some(names) => {
                let names: Vec<&str> = names.iter().map(|name| or_quotes(name)).collect();
                format!(" {}", names.join(","))
            }
        };
        let group =
            if self.api_group.is_empty() { String::new() } else { format!(".{}", self.api_group) };
        let (resource, sub) = match self.resource.split_once('/') {
            Some((resource, sub)) => (resource, format!("/{sub}")),
            None => (&*self.resource, String::new()),
        };
        format!("{} {resource}{group}{sub}{names} {}", self.verb, self.at)
    }

    /// `RoleBinding pay/batch to sa:pay/deployer (Role pay/minter)`, of an aggregated role with `, from
    /// crd-view`.
    pub fn by(&self) -> String {
        let (Some(grant), Some(role)) = (&self.grant, &self.role) else {
            return "by the step before".to_owned();
        };
        by(grant, role, &self.sources)
    }

    /// What else takes the right away, of everybody who has it by the aggregated role.
    fn source_words(&self) -> Option<String> {
        let role = self.role.as_ref().filter(|_| !self.sources.is_empty())?;
        let names = self.sources.join(" and ");
        Some(format!(
            "{} {} has the rule from {names}: without the rule there, or the label that aggregates it, \
             nobody has it by {}",
            role.kind, role.name, role.name
        ))
    }
}

/// What would keep those out who leave their credential out.
const ANONYMOUS: &str = "start the API server with --anonymous-auth=false, or take back what is \
                         granted to system:anonymous and system:unauthenticated";

/// What keeps a node's own right from being taken back.
const BY_BEING_A_NODE: &str = "no grant gives it: a node may that by being one, while it is joined";

fn by(grant: &GrantKey, role: &RoleRef, sources: &[Name]) -> String {
    let place = |ns: &Option<Name>, name: &Name| match ns {
        Some(ns) => format!("{ns}/{name}"),
        None => name.to_string(),
    };
    let ns = if &*role.kind == "Role" { grant.namespace.clone() } else { None };
    let from =
        if sources.is_empty() { String::new() } else { format!(", from {}", sources.join(", ")) };
    format!(
        "{} {} to {} ({} {}{from})",
        grant.binding_kind,
        place(&grant.namespace, &grant.binding),
        grant.subject,
        role.kind,
        place(&ns, &role.name)
    )
}

/// A role that one of those who make a step has to hold: the one that is changed, or what allows
/// what is handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The role, as the binding refers to it.
    pub role: RoleRef,
    /// Where it is held.
    pub at: Reaches,
    /// The grant that gives it.
    pub grant: GrantKey,
    /// Its number within the feed.
    pub id: GrantId,
}

impl Held {
    /// `Role held in app`.
    pub fn words(&self) -> String {
        format!("{} {} {}", self.role.kind, self.role.name, self.at)
    }

    /// `RoleBinding app/held to sa:app/deployer (Role app/held)`.
    pub fn by(&self) -> String {
        by(&self.grant, &self.role, &[])
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// What is done.
    pub step: Step,
    /// Who does it, from what was gained before: one, or several together.
    pub from: Vec<Gain>,
    /// What is gained.
    pub gain: Gain,
    /// How strong that is by itself.
    pub tier: Tier,
    /// What it takes.
    pub needed: Vec<Needed>,
    /// Roles that have to be held besides, as far as no step before gave them.
    pub held: Vec<Held>,
    /// What is deleted first, since it has the name that is needed.
    pub deletes: Option<Deleted>,
    /// The account that is made first, since it is not there.
    pub makes: Option<Identity>,
    /// In whose name it is asked, where what is gained is a group.
    pub poses_as: Option<String>,
    /// The labels that make what it writes part of a role that it holds.
    pub labels: Option<Arc<BTreeMap<Name, Name>>>,
    /// Whether the steps before it take all the names under which it may make what it makes.
    pub runs_out: bool,
}

impl Hop {
    /// What it takes for granted, where it is a model only.
    pub fn modelled(&self) -> Option<&'static str> {
        self.step.modelled().or_else(|| self.runs_out.then_some(scarce::MODEL))
    }

    /// Whether the API server's log would show it, with what is deleted and made first.
    pub fn seen(&self) -> Trace {
        let is_posed = |from: &Gain| matches!(from, Gain::Name { .. });
        let is_proxied = |needed: &Needed| {
            let names = needed.names.as_ref();
            names.is_some_and(|names| names.iter().all(|name| name.contains(':')))
        };
        let Seen { how, what } = match self.step {
            Step::Kubelet if self.from.iter().all(is_posed) => kubelet::POSED,
            Step::Kubelet if self.needed.iter().any(is_proxied) => kubelet::PROXIED,
            step => step.seen(),
        };
        let deletes = self.deletes.as_ref().map(Deleted::seen);
        let makes = self.makes.as_ref().map(|made| format!("create of {made}"));
        let mut all: Vec<String> = deletes.into_iter().chain(makes).collect();
        all.push(what.to_owned());
        // What comes first is shown, whatever is of the rest.
        let how = if all.len() > 1 && how == Shown::No { Shown::Partly } else { how };
        Trace { how, what: all.join("; ") }
    }

    /// The grants that it uses, in order, each once.
    pub fn grants(&self) -> Vec<GrantId> {
        let needed = self.needed.iter().filter_map(|needed| needed.id);
        let mut all = Vec::new();
        for id in needed.chain(self.held.iter().map(|held| held.id)) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        all
    }

    /// What would cut it: each of its grants without which no way leads where the path does. `kept`:
    /// what is left without a grant, as [`super::Reach::cuts_of`] says it.
    pub fn cut(&self, path: &Path, kept: &[Kept]) -> String {
        let used = self.grants();
        if used.is_empty() {
            return match self.step {
                Step::Anonymous => ANONYMOUS.to_owned(),
                Step::NodeToken if path.hops.first() == Some(self) => BY_BEING_A_NODE.to_owned(),
                _ => "cut the step before".to_owned(),
            };
        }
        let key = |id: GrantId| {
            let needed = self.needed.iter().find(|needed| needed.id == Some(id));
            let held = || self.held.iter().find(|held| held.id == id).map(|held| &held.grant);
            needed.and_then(|needed| needed.grant.as_ref()).or_else(held)
        };
        let closes = |id: &GrantId| kept.iter().any(|kept| kept.grant == *id && kept.cuts(path));
        let ends: Vec<String> =
            used.into_iter().filter(closes).filter_map(key).map(take_out).collect();
        if ends.is_empty() {
            return "no one grant: there is another way".to_owned();
        }
        let more = self.needed.iter().filter(|needed| needed.id.is_some_and(|id| closes(&id)));
        let mut more: Vec<String> = more.filter_map(Needed::source_words).collect();
        more.dedup();
        std::iter::once(ends.join(", or ")).chain(more).collect::<Vec<_>>().join("; ")
    }
}

/// `take sa:pay/deployer out of RoleBinding pay/batch`.
fn take_out(grant: &GrantKey) -> String {
    let kind = match grant.binding_kind {
        BindingKind::RoleBinding => "RoleBinding",
        BindingKind::ClusterRoleBinding => "ClusterRoleBinding",
    };
    let ns = grant.namespace.as_ref().map_or_else(String::new, |ns| format!("{ns}/"));
    format!("take {} out of {kind} {ns}{}", grant.subject, grant.binding)
}

/// The way to a tier, or to somebody who may do more: the fewest steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    /// How strong the one is to whom it leads.
    pub tier: Tier,
    /// What that one may do that the one who starts may not, where the path is there for that and not
    /// for the tier.
    pub adds: Option<Added>,
    /// The steps, in order: each needs only what those before it gained.
    pub hops: Vec<Hop>,
    /// The grants that make the last one gained this strong, or that add what it may do; none where
    /// its own name does, or the role that was bound.
    pub strong_by: Vec<GrantId>,
    /// Those of them without which no other one does.
    pub strong_only_by: Vec<GrantId>,
}

impl Path {
    /// Whether one of its steps is a model only.
    pub fn is_modelled(&self) -> bool {
        self.hops.iter().any(|hop| hop.modelled().is_some())
    }

    /// Whether a search that leaves out what is a model only does not find it.
    pub(super) fn needs_models(&self) -> bool {
        self.hops.iter().any(|hop| hop.step.modelled().is_some())
    }

    /// What it leads to.
    pub fn end(&self) -> Option<&Gain> {
        self.hops.last().map(|hop| &hop.gain)
    }

    /// The grants that its steps use, in order, each once.
    pub fn grants(&self) -> Vec<GrantId> {
        let mut all = Vec::new();
        for id in self.hops.iter().flat_map(Hop::grants) {
            if !all.contains(&id) {
                all.push(id);
            }
        }
        all
    }

    /// The grants of which each may be what the path stands on.
    pub fn stands_on(&self) -> Vec<GrantId> {
        let mut all = self.grants();
        let more: Vec<GrantId> =
            self.strong_only_by.iter().copied().filter(|id| !all.contains(id)).collect();
        all.extend(more);
        all
    }
}

/// The places of those on the way; of each pair the second stands for the first.
fn steps_to(closure: &Closure, end: usize, instead: &[(usize, usize)]) -> Vec<usize> {
    let mut places = vec![end];
    let mut at = 0;
    while let Some(place) = places.get(at).copied() {
        if let Some(Link { from, .. }) =
            closure.found.get(place).and_then(|found| found.by.as_ref())
        {
            for before in from.iter().map(|before| *before as usize) {
                let other = instead.iter().find(|(one, _)| *one == before);
                let before = other.map_or(before, |(_, other)| *other);
                if !places.contains(&before) {
                    places.push(before);
                }
            }
        }
        at += 1;
    }
    places
}

/// The steps to one of those found.
pub(super) fn path(graph: &Graph<'_>, closure: &Closure, end: usize) -> Path {
    let mut places = steps_to(closure, end, &[]);
    // Who deletes something may be found once more without what is gone then: once is enough.
    let of = |place: &usize| closure.found.get(*place);
    let twice: Vec<(usize, usize)> = places
        .iter()
        .flat_map(|before| places.iter().map(move |after| (*before, *after)))
        .filter(|(before, after)| {
            before < after
                && of(before).zip(of(after)).is_some_and(|(one, other)| {
                    one.node == other.node
                        && !other.deleted
                        && one.by.is_some()
                        && !steps_to(closure, *after, &[]).contains(before)
                })
        })
        .collect();
    if !twice.is_empty() {
        places = steps_to(closure, end, &twice);
    }
    // What deletes something comes as late as it can: what was had before is there still.
    let deleted = |place: usize| closure.found.get(place).is_some_and(|found| found.deleted);
    places.sort_unstable_by_key(|place| (deleted(*place), *place));
    let found = |place: &usize| closure.found.get(*place);
    let steps: Vec<(usize, &Found)> =
        places.iter().filter_map(|place| Some((*place, found(place)?))).collect();
    let hops = steps.iter().zip(scarce::run_out(graph, &steps));
    let hops = hops.filter_map(|((_, found), runs_out)| hop(graph, closure, found, runs_out));
    let tier = found(&end).map(|found| found.tier).unwrap_or_default();
    let ways = found(&end).map(|found| graph.strong_by(&found.node, tier)).unwrap_or_default();
    let mut strong_by: Vec<GrantId> = Vec::new();
    for id in ways.iter().flatten() {
        if !strong_by.contains(id) {
            strong_by.push(*id);
        }
    }
    let in_all = |id: &&GrantId| ways.iter().all(|way| way.contains(id));
    let strong_only_by = strong_by.iter().filter(in_all).copied().collect();
    Path { tier, adds: None, hops: hops.collect(), strong_by, strong_only_by }
}

fn hop(graph: &Graph<'_>, closure: &Closure, found: &Found, runs_out: bool) -> Option<Hop> {
    let link = found.by.as_ref()?;
    let from = link.from.iter().filter_map(|place| closure.found.get(*place as usize));
    let mut needed: Vec<Needed> = Vec::new();
    for right in &link.used {
        let within = right.within.as_ref().map(|within| self::within(graph, right, within));
        for one in std::iter::once(self::needed(graph, right)).chain(within) {
            if !needed.contains(&one) {
                needed.push(one);
            }
        }
    }
    Some(Hop {
        step: link.step,
        from: from.map(|found| gain(graph, found)).collect(),
        gain: gain(graph, found),
        tier: found.tier,
        needed,
        held: link.held.iter().filter_map(|holding| held(graph, holding)).collect(),
        deletes: link.deletes.as_ref().map(|object| Deleted::new(graph, object, &link.used)),
        labels: labels(graph, link),
        makes: makes(graph, found),
        poses_as: poses_as(graph, found),
        runs_out,
    })
}

fn labels(graph: &Graph<'_>, link: &Link) -> Option<Arc<BTreeMap<Name, Name>>> {
    let role = link.held.first().filter(|_| link.step == Step::Aggregate)?.role?;
    graph.world.role_facts(role)?.fed_by.clone()
}

fn held(graph: &Graph<'_>, holding: &Holding) -> Option<Held> {
    let id = GrantId(holding.grant?);
    let grant = graph.book.grant(id)?;
    let at = reaches(graph, holding.at);
    Some(Held { role: grant.role_ref.clone(), at, grant: grant.key.clone(), id })
}

/// What lets a right be used in somebody's name.
fn within(graph: &Graph<'_>, right: &Right, within: &Within) -> Needed {
    let (at, names, grant) = (within.at, within.names.clone(), within.grant);
    let asked = needed(graph, &Right { at, names, grant, within: None, ..right.clone() });
    // Which rule of that role it is by is not known.
    Needed { verb: within.mode.verb(right.verb), sources: Vec::new(), ..asked }
}

fn needed(graph: &Graph<'_>, right: &Right) -> Needed {
    let id = right.grant.map(GrantId);
    let grant = id.and_then(|id| graph.book.grant(id));
    let (api_group, ..) = right.on.target();
    Needed {
        verb: right.verb.as_str(),
        api_group,
        resource: right.on.resource(),
        names: right.names.as_ref().map(|names| names.to_vec()),
        at: reaches(graph, right.at),
        grant: grant.map(|grant| grant.key.clone()),
        role: grant.map(|grant| grant.role_ref.clone()),
        sources: grant.map(|grant| sources(graph, grant, right)).unwrap_or_default(),
        id,
    }
}

fn sources(graph: &Graph<'_>, grant: &Grant, right: &Right) -> Vec<Name> {
    let Some(role) = &grant.role else { return Vec::new() };
    let objects = &graph.book.snapshot.objects;
    let found = graph.book.provenance().origin(role, right.rule as usize, objects);
    let is_servers = |name: &Name| {
        let role = objects.role(RoleKind::ClusterRole, "", name);
        let label = role.and_then(|role| role.meta.labels.get("kubernetes.io/bootstrapping"));
        label.is_some_and(|value| &**value == "rbac-defaults")
    };
    if found.iter().any(is_servers) { Vec::new() } else { found.into_iter().collect() }
}
