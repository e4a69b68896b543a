//! Lines that say what stays and what goes, and why.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::beside::CLAIMS;
use super::rules::{Narrowed, Why, World, has_resource, rule_covers};
use crate::model::{Call, Name, PolicyRule, Scope, Target, counted, or_quotes};
use crate::rbac::matching::{group_matches, verb_matches};

/// Verbs in the order in which people write them.
const ORDER: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

/// Names that are written out, at most.
const NAMED: usize = 6;

/// Rules of a grant that stays whole that are told one by one.
const TOLD: usize = 3;

/// Of what no log shows, at most: it is what a person has to think about.
const HIDDEN: usize = 24;

/// What shows that something is needed, summed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// The best reason.
    pub(super) why: Why,
    requests: u64,
    last: Option<DateTime<Utc>>,
}

impl Default for Line {
    fn default() -> Self {
        Self { why: Why::NotObservable, requests: 0, last: None }
    }
}

impl Line {
    pub(super) fn new(why: Why, requests: u64, last: Option<DateTime<Utc>>) -> Self {
        Self { why, requests, last }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.why = self.why.min(other.why);
        self.requests += other.requests;
        self.last = self.last.max(other.last);
    }
}

/// Verbs as people write them.
pub(super) fn in_order(verbs: BTreeSet<Name>) -> Vec<Name> {
    let mut verbs: Vec<Name> = verbs.into_iter().collect();
    let place = |verb: &Name| ORDER.iter().position(|have| *have == &**verb).unwrap_or(ORDER.len());
    verbs.sort_by_cached_key(|verb| (place(verb), verb.clone()));
    verbs
}

/// That a role or a grant stays as it is, since nothing of it goes: of what was not seen in use, why.
pub(super) fn whole(words: &str, narrowed: &Narrowed) -> String {
    if narrowed.unseen.is_empty() {
        return format!("{words}: all of it was needed; it stays as it is");
    }
    let told = narrowed.unseen.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; ");
    let more = match narrowed.unseen.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!(
        "{words}: nothing of it goes, though not all of it was seen in use; it stays as it is. It {told}{more}"
    )
}

/// `keeps get, list of pods in namespace a: 340 requests, the last on 2026-03-01`.
pub(super) fn kept(rule: &PolicyRule, place: Option<&Name>, line: Line) -> String {
    let placed = place.map_or_else(String::new, |namespace| format!(" in namespace {namespace}"));
    let last = line
        .last
        .map_or_else(String::new, |last| format!(", the last on {}", last.format("%Y-%m-%d")));
    let why = match line.why {
        Why::Used => format!("{} needed it{last}", counted(line.requests, "request")),
        Why::Beside if rule.api_groups.iter().any(|group| **group == *CLAIMS) => format!(
            "{} that wrote the status of claims took it beside, as it was held{last}",
            counted(line.requests, "request")
        ),
        Why::Beside => format!(
            "{} that wrote roles, bindings or certificates took it, or the rights that they gave{last}",
            counted(line.requests, "request")
        ),
        Why::Open => {
            format!(
                "the log leaves open whether {} needed it{last}",
                counted(line.requests, "request")
            )
        }
        Why::Parameters => {
            "admission policies that were written may name parameters that it takes to read"
                .to_owned()
        }
        Why::Together => "goes with what was used".to_owned(),
        Why::ReadsNotLogged => "the log leaves reads out, so that it may be in use".to_owned(),
        Why::NotLogged => {
            "nothing in the log is about it, whoever's: it may leave such requests out".to_owned()
        }
        Why::NotObservable => "no log can show whether it is used".to_owned(),
    };
    format!("keeps {}{placed}: {why}", what(rule))
}

/// `get, list of pods, pods/log named x`.
fn what(rule: &PolicyRule) -> String {
    let verbs = list(&rule.verbs);
    if !rule.non_resource_urls.is_empty() {
        return format!("{verbs} of {}", list(&rule.non_resource_urls));
    }
    let resources: Vec<Name> = rule
        .api_groups
        .iter()
        .flat_map(|group| rule.resources.iter().map(move |resource| dotted(group, resource)))
        .collect();
    let named = if rule.resource_names.is_empty() {
        String::new()
    } else {
        format!(" named {}", list(&rule.resource_names))
    };
    format!("{verbs} of {}{named}", list(&resources))
}

/// `deployments.apps/scale`.
fn dotted(group: &Name, resource: &Name) -> Name {
    if group.is_empty() {
        // By itself it would read as everything there is.
        let star = &**resource == "*";
        return if star { "* (core)".into() } else { resource.clone() };
    }
    match resource.split_once('/') {
        Some((resource, sub)) => format!("{resource}.{group}/{sub}").into(),
        None => format!("{resource}.{group}").into(),
    }
}

fn list(names: &[Name]) -> String {
    let more = names.len().saturating_sub(NAMED);
    let shown: Vec<&str> = names.iter().take(NAMED).map(|name| or_quotes(name)).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

/// How much of something stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fate {
    Gone,
    /// Within what a star stands for, single things stay.
    But,
    /// Only in these namespaces.
    Outside(Vec<Name>),
    /// Only of these names.
    OtherNames(Vec<Name>),
}

impl Fate {
    /// Whether what goes would have allowed a call of this place and name.
    fn has(&self, call: &Call) -> bool {
        let Target::Resource { namespace, name, .. } = &call.target else { return true };
        match self {
            Self::Gone | Self::But => true,
            Self::Outside(places) => namespace.as_ref().is_none_or(|place| !places.contains(place)),
            Self::OtherNames(names) => name.as_ref().is_none_or(|name| !names.contains(name)),
        }
    }
}

/// A line for each part of the rules that goes.
pub(super) fn dropped(
    rules: &[PolicyRule],
    scope: &Scope,
    narrowed: &Narrowed,
    world: &World<'_>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for rule in rules {
        let mut fates: BTreeMap<(Vec<Name>, Fate, String), Vec<Name>> = BTreeMap::new();
        for group in &rule.api_groups {
            for resource in &rule.resources {
                let mut verbs: BTreeMap<Fate, BTreeSet<Name>> = BTreeMap::new();
                for verb in &rule.verbs {
                    if let Some(fate) = fate(rule, (verb, group, resource), narrowed) {
                        verbs.entry(fate).or_default().insert(verb.clone());
                    }
                }
                for (fate, verbs) in verbs {
                    let part = PolicyRule {
                        verbs: in_order(verbs),
                        api_groups: vec![group.clone()],
                        resources: vec![resource.clone()],
                        non_resource_urls: Vec::new(),
                        ..rule.clone()
                    };
                    let because = because(&part, (scope, Some(&fate)), world);
                    let key = (part.verbs, fate, because);
                    fates.entry(key).or_default().push(dotted(group, resource));
                }
            }
        }
        for ((verbs, fate, because), resources) in fates {
            let of = format!("{} of {}", list(&verbs), list(&resources));
            lines.push(match fate {
                Fate::Gone => format!("takes away {of}: {because}"),
                Fate::But => format!("takes away {of} but for what is kept: {because}"),
                Fate::Outside(namespaces) => {
                    format!("takes away {of} outside {}: {because}", list(&namespaces))
                }
                Fate::OtherNames(names) => {
                    format!("takes away {of} of other names than {}: {because}", list(&names))
                }
            });
        }
        lines.extend(hidden_dropped(rule, narrowed, world));
        lines.extend(paths_dropped(rule, scope, narrowed, world));
    }
    let mut seen = BTreeSet::new();
    lines.retain(|line| seen.insert(line.clone()));
    lines
}

/// Why what goes of a rule, the part of it that goes, is not needed of it.
fn because(part: &PolicyRule, (scope, fate): (&Scope, Option<&Fate>), world: &World<'_>) -> String {
    let others: BTreeSet<&str> = world
        .elsewhere
        .iter()
        .filter(|(need, _)| {
            rule_covers(part, scope, need.call) && fate.is_none_or(|fate| fate.has(need.call))
        })
        .map(|(_, by)| by.as_str())
        .collect();
    if others.is_empty() {
        return if world.gave {
            format!(
                "no request asked for it in {}; roles or bindings that were written may have given it",
                world.covered
            )
        } else {
            format!("no request {}needed it in {}", world.whose, world.covered)
        };
    }
    let others: Vec<Name> = others.into_iter().map(Name::from).collect();
    format!("what requests needed of it in {}, {} allows too", world.covered, list(&others))
}

/// What goes with a rule's stars and this log would not show.
fn hidden_dropped(rule: &PolicyRule, narrowed: &Narrowed, world: &World<'_>) -> Option<String> {
    let mut gone: BTreeMap<Name, BTreeSet<Name>> = BTreeMap::new();
    for (verb, group, resource) in world.unseen.behind_star(rule) {
        let kept = narrowed.here.iter().any(|kept| {
            verb_matches(kept, &verb)
                && group_matches(kept, &group)
                && has_resource(kept, &resource)
        });
        if !kept {
            gone.entry(dotted(&group, &resource)).or_default().insert(verb);
        }
    }
    if gone.is_empty() {
        return None;
    }
    let gone: Vec<Name> = gone
        .into_iter()
        .map(|(what, verbs)| {
            let verbs: Vec<String> = in_order(verbs).iter().map(ToString::to_string).collect();
            format!("{what} ({})", verbs.join(" ")).into()
        })
        .collect();
    let more = gone.len().saturating_sub(HIDDEN);
    let shown: Vec<&str> = gone.iter().take(HIDDEN).map(|name| &**name).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!(
        "takes away what its stars allow beside, {}{rest}: this log would not show that, so make sure \
         that nobody needs it (--not-in-logs keep-all keeps it)",
        shown.join(", ")
    ))
}

fn fate(
    rule: &PolicyRule,
    (verb, group, resource): (&Name, &Name, &Name),
    narrowed: &Narrowed,
) -> Option<Fate> {
    let has = |kept: &PolicyRule| {
        verb_matches(kept, verb) && group_matches(kept, group) && has_resource(kept, resource)
    };
    let here: Vec<&PolicyRule> = narrowed.here.iter().filter(|kept| has(kept)).collect();
    let all_names = here.iter().any(|kept| kept.resource_names.is_empty());
    let each = |name: &Name| here.iter().any(|kept| kept.resource_names.contains(name));
    if all_names || (!rule.resource_names.is_empty() && rule.resource_names.iter().all(each)) {
        return None;
    }
    let places: Vec<Name> = narrowed
        .namespaces
        .iter()
        .filter(|(_, rules)| rules.iter().any(has))
        .map(|(namespace, _)| namespace.clone())
        .collect();
    if !here.is_empty() {
        let names: BTreeSet<Name> =
            here.iter().flat_map(|kept| kept.resource_names.iter().cloned()).collect();
        return Some(Fate::OtherNames(names.into_iter().collect()));
    }
    if !places.is_empty() {
        return Some(Fate::Outside(places));
    }
    let star = |text: &Name| text.starts_with('*');
    let within = star(verb) || star(group) || star(resource);
    let every = narrowed.here.iter().chain(narrowed.namespaces.values().flatten());
    let some = within
        && every.into_iter().any(|kept| {
            kept.verbs.iter().any(|have| star(verb) || have == verb)
                && kept.api_groups.iter().any(|have| star(group) || have == group)
                && kept.resources.iter().any(|have| has_resource(rule, have))
        });
    Some(if some { Fate::But } else { Fate::Gone })
}

fn paths_dropped(
    rule: &PolicyRule,
    scope: &Scope,
    narrowed: &Narrowed,
    world: &World<'_>,
) -> Option<String> {
    // A path in a rule of a namespace gives nothing.
    if scope != &Scope::Cluster {
        return None;
    }
    let kept = |verb: &Name, path: &Name| {
        narrowed
            .here
            .iter()
            .any(|kept| verb_matches(kept, verb) && kept.non_resource_urls.contains(path))
    };
    let gone: Vec<Name> = rule
        .non_resource_urls
        .iter()
        .filter(|path| !rule.verbs.iter().all(|verb| kept(verb, path)))
        .cloned()
        .collect();
    if gone.is_empty() {
        return None;
    }
    let part = PolicyRule {
        verbs: rule.verbs.clone(),
        non_resource_urls: gone.clone(),
        ..PolicyRule::default()
    };
    let because = because(&part, (scope, None), world);
    let others = gone.iter().any(|path| path.ends_with('*'));
    let others = if others {
        ". Paths that kubelets and operators ask the API server about, such as /metrics, no log shows"
    } else {
        ""
    };
    Some(format!(
        "takes away {} of {} but for what is kept: {because}{others}",
        list(&rule.verbs),
        list(&gone)
    ))
}
