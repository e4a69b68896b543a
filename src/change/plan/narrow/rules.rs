//! Rules cut down to what was needed, and why each is kept or taken away. Nothing comes out that the
//! rules did not allow before.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::Choices;
use super::compact::{Compact, path_rules};
use super::unseen::Unseen;
use super::words::{self, Line};
use crate::model::{Call, Name, PolicyRule, Scope, Target};
use crate::rbac::Action;
use crate::rbac::matching::{
    group_matches, one_path_matches, one_resource_matches, rule_allows, verb_matches,
};

/// Paths below one pattern that are named one by one, at most.
const PATHS: usize = 12;

/// What reads: kept together, since clients go from one to the other.
const READS: [&str; 3] = ["get", "list", "watch"];

/// An authorization that has to stay.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    /// What the authorizer was asked.
    pub(super) call: &'a Call,
    /// Whether it surely was, and allowed it; else the log leaves that open.
    pub(super) sure: bool,
    /// Whether requests for something else took it, or rights that stand for it.
    pub(super) beside: bool,
    /// Requests.
    pub(super) requests: u64,
    /// The last of them, UTC.
    pub(super) last: Option<DateTime<Utc>>,
}

/// What the rules are read against.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'a> {
    /// What a person decided.
    pub(super) choices: &'a Choices,
    /// What no log shows.
    pub(super) unseen: Unseen<'a>,
    /// Namespaces that a `RoleBinding` can be made in.
    pub(super) namespaces: &'a BTreeSet<Name>,
    /// How long the log covers, in words: `30 days`.
    pub(super) covered: &'a str,
    /// What requests needed and other grants allow too, with these in words.
    pub(super) elsewhere: &'a [(Need<'a>, String)],
    /// Whether roles or bindings were written that any of the rights may have been needed for.
    pub(super) gave: bool,
    /// Whether something was written that any reading may have been needed for.
    pub(super) parameters: bool,
    /// Of whom requests are meant, where not everybody's are: `of ana, bo `.
    pub(super) whose: &'a str,
}

/// What became of a grant's rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Narrowed {
    /// Where the grant holds.
    pub(super) here: Vec<PolicyRule>,
    /// Of a cluster-wide grant: what is needed in single namespaces only.
    pub(super) namespaces: BTreeMap<Name, Vec<PolicyRule>>,
    /// A line for each rule that stays.
    pub(super) kept: Vec<String>,
    /// Those of them for what no request is known to have needed.
    pub(super) unseen: Vec<String>,
    /// A line for each part that goes. Empty where everything is needed.
    pub(super) dropped: Vec<String>,
}

impl Narrowed {
    fn keep(&mut self, line: String, why: Why) {
        if why > Why::Beside && why != Why::Together {
            self.unseen.push(line.clone());
        }
        self.kept.push(line);
    }
}

/// Why something stays. The best reason first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Why {
    /// Requests needed it.
    Used,
    /// Requests that wrote something took it beside, as it was held.
    Beside,
    /// Requests may have needed it.
    Open,
    /// What was written may name parameters that it takes to read.
    Parameters,
    /// What goes with it was used.
    Together,
    /// Reads are not in the log.
    ReadsNotLogged,
    /// The log seems to leave requests for it out.
    NotLogged,
    /// No log shows it.
    NotObservable,
}

/// Where something is needed, and what shows it.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// With any name, or none.
    any: bool,
    names: BTreeSet<Name>,
    /// Where it is kept by itself, the names of the rule that has it.
    fixed: BTreeSet<Name>,
    line: Line,
}

/// By group and resource as a rule would write them; by verb; by namespace, None for where the grant
/// holds.
type Kept = BTreeMap<(Name, Name), BTreeMap<Name, BTreeMap<Option<Name>, Seen>>>;

/// Cuts rules that hold in a scope down to these needs.
pub(super) fn narrow(
    rules: &[PolicyRule],
    scope: &Scope,
    needs: &[Need<'_>],
    world: &World<'_>,
) -> Narrowed {
    let mut work = Work { rules, scope, world, kept: Kept::new(), paths: BTreeMap::new() };
    for need in needs {
        work.need(need);
    }
    if world.choices.families {
        work.reads_together();
    }
    if scope == &Scope::Cluster {
        work.widen();
    }
    work.not_in_the_log();
    if world.unseen.keeps_behind_star() {
        work.behind_stars();
        if world.parameters {
            work.parameters();
        }
    }
    work.finish()
}

/// Whether rules that hold in a scope allow what a call needs, or may.
pub(super) fn allows(rules: &[PolicyRule], scope: &Scope, call: &Call) -> bool {
    rules.iter().any(|rule| rule_covers(rule, scope, call))
}

/// Whether a rule that holds in a scope allows what a call needs, or may.
pub(super) fn rule_covers(rule: &PolicyRule, scope: &Scope, call: &Call) -> bool {
    match &call.target {
        Target::Resource { group, resource, subresource, namespace, name, names_folded } => {
            let placed = match scope {
                Scope::Cluster => true,
                Scope::Namespace(ns) => namespace.as_ref() == Some(ns),
            };
            let action = Action::Resource {
                group,
                resource,
                subresource,
                namespace: namespace.as_deref().unwrap_or_default(),
                name: name.as_deref().unwrap_or_default(),
            };
            placed
                && (rule_allows(rule, &call.verb, &action)
                    || (*names_folded
                        && verb_matches(rule, &call.verb)
                        && group_matches(rule, group)
                        && rule
                            .resources
                            .iter()
                            .any(|have| one_resource_matches(have, resource, subresource))))
        }
        Target::Path(path) => {
            scope == &Scope::Cluster && rule_allows(rule, &call.verb, &Action::Path(path))
        }
        Target::Paths => {
            scope == &Scope::Cluster
                && !rule.non_resource_urls.is_empty()
                && verb_matches(rule, &call.verb)
        }
        Target::Folded => false,
    }
}

struct Work<'a> {
    rules: &'a [PolicyRule],
    scope: &'a Scope,
    world: &'a World<'a>,
    kept: Kept,
    /// By path, or pattern, and verb.
    paths: BTreeMap<Name, BTreeMap<Name, Line>>,
}

impl Work<'_> {
    fn need(&mut self, need: &Need<'_>) {
        if !allows(self.rules, self.scope, need.call) {
            return;
        }
        let why = match (need.beside, need.sure) {
            (true, _) => Why::Beside,
            (false, true) => Why::Used,
            (false, false) => Why::Open,
        };
        let line = Line::new(why, need.requests, need.last);
        let verb = need.call.verb.clone();
        match &need.call.target {
            Target::Resource { group, resource, subresource, namespace, name, names_folded } => {
                let place = match self.scope {
                    Scope::Cluster => namespace.clone(),
                    Scope::Namespace(_) => None,
                };
                let key = (group.clone(), full(resource, subresource));
                let names = self.names(&verb, &key);
                let seen = self.seen(key, verb, place);
                seen.line.add(line);
                match (name, names) {
                    (Some(name), _) if !names_folded => drop(seen.names.insert(name.clone())),
                    // A rule may name the request that has no name.
                    (None, Some(_)) if !names_folded => drop(seen.names.insert("".into())),
                    // Too many names to know each: all that the rules have.
                    (_, Some(all)) if *names_folded => seen.names.extend(all),
                    _ => seen.any = true,
                }
            }
            Target::Path(path) => self.path(path, verb, line),
            Target::Paths => {
                for rule in self.rules.iter().filter(|rule| verb_matches(rule, &verb)) {
                    for pattern in &rule.non_resource_urls {
                        let verbs = self.paths.entry(pattern.clone()).or_default();
                        verbs.entry(verb.clone()).or_default().add(line);
                    }
                }
            }
            Target::Folded => {}
        }
    }

    fn path(&mut self, path: &Name, verb: Name, line: Line) {
        self.paths.entry(path.clone()).or_default().entry(verb).or_default().add(line);
    }

    fn seen(&mut self, key: (Name, Name), verb: Name, place: Option<Name>) -> &mut Seen {
        self.kept.entry(key).or_default().entry(verb).or_default().entry(place).or_default()
    }

    /// The names that the rules limit a verb on a resource to; None where they do not.
    fn names(&self, verb: &str, (group, resource): &(Name, Name)) -> Option<BTreeSet<Name>> {
        let covering = self.rules.iter().filter(|rule| {
            verb_matches(rule, verb) && group_matches(rule, group) && has_resource(rule, resource)
        });
        let mut names = BTreeSet::new();
        for rule in covering {
            if rule.resource_names.is_empty() {
                return None;
            }
            names.extend(rule.resource_names.iter().cloned());
        }
        Some(names)
    }

    /// Where one of the reading verbs is needed, the others stay too, as far as they are held.
    fn reads_together(&mut self) {
        let mut more = Vec::new();
        for (key, verbs) in &self.kept {
            for (verb, places) in verbs.iter().filter(|(verb, _)| READS.contains(&&***verb)) {
                for other in READS.iter().filter(|other| **other != &**verb) {
                    for (place, seen) in places {
                        let other = Name::from(*other);
                        let (any, names) = match self.names(&other, key) {
                            None => (seen.any, seen.names.clone()),
                            Some(held) if seen.any => (false, held),
                            Some(held) => {
                                (false, seen.names.intersection(&held).cloned().collect())
                            }
                        };
                        if any || !names.is_empty() {
                            more.push((key.clone(), other, place.clone(), any, names));
                        }
                    }
                }
            }
        }
        for (key, verb, place, any, names) in more {
            let seen = self.seen(key, verb, place);
            seen.any |= any;
            seen.names.extend(names);
            seen.line.add(Line::new(Why::Together, 0, None));
        }
    }

    /// What is needed in too many namespaces, or in ones that are gone, stays cluster-wide.
    fn widen(&mut self) {
        let world = self.world;
        let most = world.choices.namespaces as usize;
        for verbs in self.kept.values_mut() {
            let used: BTreeSet<Name> =
                verbs.values().flat_map(|places| places.keys()).flatten().cloned().collect();
            let all = used.len() > most || !used.is_subset(world.namespaces);
            for places in verbs.values_mut() {
                if !all && !places.get(&None).is_some_and(|seen| seen.any) {
                    continue;
                }
                let mut wide = Seen::default();
                for seen in std::mem::take(places).into_values() {
                    wide.any |= seen.any;
                    wide.names.extend(seen.names);
                    wide.line.add(seen.line);
                }
                places.insert(None, wide);
            }
        }
    }

    /// What no log could show is kept as it is written.
    fn not_in_the_log(&mut self) {
        for rule in self.rules {
            for (verb, why) in self.world.unseen.verbs_of(rule) {
                for group in &rule.api_groups {
                    for resource in &rule.resources {
                        self.unseen(rule, (verb.clone(), group, resource), why);
                    }
                }
                for path in &rule.non_resource_urls {
                    if self.scope == &Scope::Cluster && self.world.unseen.path(path, why) {
                        self.path(path, verb.clone(), Line::new(why, 0, None));
                    }
                }
            }
        }
    }

    /// What a star among the verbs allows and no log shows, where a person wants it kept.
    fn behind_stars(&mut self) {
        for rule in self.rules {
            for (verb, group, resource) in self.world.unseen.behind_star(rule) {
                let seen = self.seen((group, resource), verb, None);
                seen.any |= rule.resource_names.is_empty();
                seen.fixed.extend(rule.resource_names.iter().cloned());
                seen.line.add(Line::new(Why::NotLogged, 0, None));
            }
        }
    }

    /// All reading that is held, where what was written may have taken any of it.
    fn parameters(&mut self) {
        for rule in self.rules {
            for read in ["get", "list"].into_iter().filter(|read| verb_matches(rule, read)) {
                for group in &rule.api_groups {
                    for resource in &rule.resources {
                        let key = (group.clone(), resource.clone());
                        let seen = self.seen(key, read.into(), None);
                        seen.any |= rule.resource_names.is_empty();
                        seen.fixed.extend(rule.resource_names.iter().cloned());
                        seen.line.add(Line::new(Why::Parameters, 0, None));
                    }
                }
            }
        }
    }

    fn unseen(
        &mut self,
        rule: &PolicyRule,
        (verb, group, resource): (Name, &Name, &Name),
        why: Why,
    ) {
        let Some(why) = self.world.unseen.keeps(&verb, group, resource, why) else { return };
        let seen = self.seen((group.clone(), resource.clone()), verb, None);
        if rule.resource_names.is_empty() {
            seen.any = true;
        }
        seen.fixed.extend(rule.resource_names.iter().cloned());
        seen.line.add(Line::new(why, 0, None));
    }

    /// The names that a verb stays limited to; None for no limit.
    fn limit(&self, verb: &str, key: &(Name, Name), seen: &Seen) -> Option<BTreeSet<Name>> {
        if seen.any {
            return None;
        }
        let named = || seen.names.union(&seen.fixed).cloned().collect::<BTreeSet<_>>();
        match self.names(verb, key) {
            // Held for these names only: those of them that were needed.
            Some(_) => Some(named()),
            None if seen.names.is_empty() => Some(named()),
            None => {
                let few = seen.names.len() <= self.world.choices.names as usize;
                few.then(named)
            }
        }
    }

    fn finish(mut self) -> Narrowed {
        self.generalise_paths();
        let mut places: BTreeMap<Option<Name>, Compact> = BTreeMap::new();
        for (key, verbs) in &self.kept {
            // What holds everywhere need not be said of single namespaces.
            for (verb, of_verb) in verbs {
                let wide = of_verb.get(&None).map(|wide| self.limit(verb, key, wide));
                let is_covered = |names: &Option<BTreeSet<Name>>| match (&wide, names) {
                    (Some(None), _) => true,
                    (Some(Some(wide)), Some(names)) => names.is_subset(wide),
                    _ => false,
                };
                let mut covered = Line::default();
                let mut of_places: Vec<(&Option<Name>, &Seen)> = of_verb.iter().collect();
                // What single namespaces show goes with what covers them.
                of_places.sort_by_key(|(place, _)| place.is_none());
                for (place, seen) in of_places {
                    let names = self.limit(verb, key, seen);
                    let mut line = seen.line;
                    if place.is_none() {
                        line.add(covered);
                    } else if is_covered(&names) {
                        covered.add(line);
                        continue;
                    }
                    places.entry(place.clone()).or_default().add(key, verb, names, line);
                }
            }
        }
        let mut narrowed = Narrowed::default();
        for (place, compact) in places {
            for (rule, line) in compact.reasons() {
                narrowed.keep(words::kept(&rule, place.as_ref(), line), line.why);
            }
            let rules = compact.rules();
            match place {
                None => narrowed.here = rules,
                Some(namespace) => drop(narrowed.namespaces.insert(namespace, rules)),
            }
        }
        for (rule, line) in path_rules(&self.paths) {
            narrowed.keep(words::kept(&rule, None, line), line.why);
            narrowed.here.push(rule);
        }
        narrowed.dropped = words::dropped(self.rules, self.scope, &narrowed, self.world);
        narrowed
    }

    /// Of many paths below one pattern, the pattern stays.
    fn generalise_paths(&mut self) {
        let patterns: BTreeSet<&Name> = self
            .rules
            .iter()
            .flat_map(|rule| &rule.non_resource_urls)
            .filter(|pattern| pattern.ends_with('*'))
            .collect();
        for pattern in patterns {
            let below: Vec<Name> = self
                .paths
                .keys()
                .filter(|path| *path != pattern && one_path_matches(pattern, path))
                .cloned()
                .collect();
            if below.len() <= PATHS && !self.paths.contains_key(pattern) {
                continue;
            }
            for path in below {
                let Some(verbs) = self.paths.remove(&path) else { continue };
                for (verb, line) in verbs {
                    let held = self.rules.iter().any(|rule| {
                        verb_matches(rule, &verb) && rule.non_resource_urls.contains(pattern)
                    });
                    let place = if held { pattern } else { &path };
                    let verbs = self.paths.entry(place.clone()).or_default();
                    verbs.entry(verb).or_default().add(line);
                }
            }
        }
    }
}

/// Whether a rule has a resource, both as rules write them.
pub(super) fn has_resource(rule: &PolicyRule, resource: &str) -> bool {
    let (parent, sub) = resource.split_once('/').unwrap_or((resource, ""));
    rule.resources.iter().any(|have| **have == *resource || one_resource_matches(have, parent, sub))
}

/// A resource as a rule writes it.
fn full(resource: &Name, subresource: &Name) -> Name {
    if subresource.is_empty() {
        resource.clone()
    } else {
        format!("{resource}/{subresource}").into()
    }
}
