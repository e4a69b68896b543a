//! What is left of somebody's roles where it is impersonated within rules: each request needs a rule
//! of the one who is impersonated and one of who impersonates, the same request under the verb
//! `impersonate-on:MODE:VERB` (KEP-5284,
//! `apiserver/pkg/endpoints/filters/impersonation/constrained_impersonation.go`).

use super::ask::Mode;
use super::graph::{Graph, Holding, Node};
use super::world::{Where, everything};
use crate::book::{Book, GrantId, Tier};
use crate::model::{Name, PolicyRule};

/// What two roles come to together, and by which of both sides.
#[derive(Clone, Debug)]
pub(super) struct Left {
    /// The requests that both allow.
    pub(super) rules: Vec<PolicyRule>,
    pub(super) at: Where,
    /// Of the one who is impersonated.
    pub(super) held: Holding,
    /// Of who impersonates.
    pub(super) lets: Holding,
}

impl Left {
    /// The grants of both sides; none for a role that a step gave.
    pub(super) fn grants(&self) -> Vec<GrantId> {
        [self.held.grant, self.lets.grant].into_iter().flatten().map(GrantId).collect()
    }

    /// How strong it is.
    pub(super) fn tier(&self, book: &Book) -> Tier {
        let tier = |rule: &PolicyRule| book.tier_of_rule(rule, self.at == Where::Cluster);
        self.rules.iter().map(tier).max().unwrap_or_default()
    }
}

impl Graph<'_> {
    /// What is left of each role of a node that is impersonated, but for some grants.
    pub(super) fn left_within(&self, node: &Node, without: &[u32]) -> Vec<Left> {
        let Node::Constrained(_, mode, by) = node else { return Vec::new() };
        let lets: Vec<(Holding, Vec<PolicyRule>)> = self
            .holdings_by(by, without)
            .into_iter()
            .map(|holding| (holding, self.let_by(&holding, *mode)))
            .filter(|(_, rules)| !rules.is_empty())
            .collect();
        let mut left = Vec::new();
        for held in self.holdings(node, without) {
            let rules = self.held_by(&held);
            for (by, lets) in &lets {
                let Some(at) = held.at.meet(by.at) else { continue };
                let both = rules.iter().flat_map(|rule| lets.iter().map(|lets| meet(rule, lets)));
                let rules: Vec<PolicyRule> = both.flatten().collect();
                if !rules.is_empty() {
                    left.push(Left { rules, at, held, lets: *by });
                }
            }
        }
        left
    }

    pub(super) fn held_by(&self, holding: &Holding) -> Vec<PolicyRule> {
        match holding.role {
            None => vec![everything()],
            Some(role) => self.rules_of(role).unwrap_or_default().to_vec(),
        }
    }

    /// What a role lets be done in the name of others, under the verbs of the requests themselves.
    fn let_by(&self, holding: &Holding, mode: Mode) -> Vec<PolicyRule> {
        self.held_by(holding)
            .into_iter()
            .filter_map(|mut rule| {
                let verbs = std::mem::take(&mut rule.verbs);
                rule.verbs = verbs.iter().filter_map(|verb| let_verb(verb, mode)).collect();
                (!rule.verbs.is_empty()).then_some(rule)
            })
            .collect()
    }
}

/// Whether rules let anything be done in the name of users, and of accounts.
pub(super) fn lets(rules: &[PolicyRule]) -> [bool; 2] {
    [Mode::OnUser, Mode::OnAccount].map(|mode| {
        let mut verbs = rules.iter().flat_map(|rule| &rule.verbs);
        verbs.any(|verb| let_verb(verb, mode).is_some())
    })
}

/// The verb of the requests that a verb of a rule lets be made in somebody's name. A star is every verb
/// only where it is all of one.
fn let_verb(verb: &Name, mode: Mode) -> Option<Name> {
    match &**verb {
        "*" => Some(verb.clone()),
        other => other.strip_prefix(mode.prefix()).filter(|rest| *rest != "*").map(Name::from),
    }
}

/// The requests that both rules allow; None where there are none. What is impersonated impersonates
/// nobody.
fn meet(rule: &PolicyRule, lets: &PolicyRule) -> Option<PolicyRule> {
    let mut verbs = common(&rule.verbs, &lets.verbs, same_or_star);
    verbs.retain(|verb| !verb.starts_with("impersonate"));
    let (resource_names, named_apart) =
        match (rule.resource_names.is_empty(), lets.resource_names.is_empty()) {
            (true, _) => (lets.resource_names.clone(), false),
            (_, true) => (rule.resource_names.clone(), false),
            _ => {
                let names = common(&rule.resource_names, &lets.resource_names, |a, b| a == b);
                let apart = names.is_empty();
                (names, apart)
            }
        };
    let mut both = PolicyRule {
        verbs,
        api_groups: common(&rule.api_groups, &lets.api_groups, same_or_star),
        resources: common(&rule.resources, &lets.resources, is_within),
        resource_names,
        non_resource_urls: common(&rule.non_resource_urls, &lets.non_resource_urls, path_is_within),
    };
    if named_apart || both.api_groups.is_empty() || both.resources.is_empty() {
        both.api_groups.clear();
        both.resources.clear();
        both.resource_names.clear();
    }
    let asks = !both.resources.is_empty() || !both.non_resource_urls.is_empty();
    (asks && !both.verbs.is_empty()).then_some(both)
}

/// Of each pair the narrower word, where one lies within the other; each once.
fn common(one: &[Name], other: &[Name], within: impl Fn(&str, &str) -> bool) -> Vec<Name> {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| (a, b)));
    let narrower = pairs.filter_map(|(a, b)| match (within(a, b), within(b, a)) {
        (true, _) => Some(a.clone()),
        (_, true) => Some(b.clone()),
        _ => None,
    });
    let mut all: Vec<Name> = narrower.collect();
    all.sort();
    all.dedup();
    all
}

fn same_or_star(word: &str, wide: &str) -> bool {
    word == wide || wide == "*"
}

/// Whether a resource, as rules write it, is one of those of another; `*/scale` is a subresource of
/// whatever has one.
fn is_within(resource: &str, wide: &str) -> bool {
    same_or_star(resource, wide)
        || wide.strip_prefix("*/").is_some_and(|sub| {
            resource.split_once('/').is_some_and(|(_, subresource)| subresource == sub)
        })
}

/// Whether a path, which may end in `*`, is one of those of another.
fn path_is_within(path: &str, wide: &str) -> bool {
    path == wide || wide.strip_suffix('*').is_some_and(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], names: &[&str]) -> PolicyRule {
        let list = |texts: &[&str]| texts.iter().map(|text| Name::from(*text)).collect();
        PolicyRule {
            verbs: list(verbs),
            api_groups: list(groups),
            resources: list(resources),
            resource_names: list(names),
            ..PolicyRule::default()
        }
    }

    #[test]
    fn rules_meet_in_what_both_allow() {
        let all = rule(&["*"], &["*"], &["*"], &[]);
        let reads = rule(&["get", "list"], &[""], &["secrets", "pods"], &[]);
        assert_eq!(
            meet(&all, &reads),
            Some(rule(&["get", "list"], &[""], &["pods", "secrets"], &[]))
        );
        let one = rule(&["get", "delete"], &["", "apps"], &["secrets"], &["a", "b"]);
        assert_eq!(meet(&one, &reads), Some(rule(&["get"], &[""], &["secrets"], &["a", "b"])));
        let other = rule(&["get"], &[""], &["secrets"], &["b", "c"]);
        assert_eq!(meet(&one, &other), Some(rule(&["get"], &[""], &["secrets"], &["b"])));
        // The name of requests that carry none is one among others.
        let nameless = rule(&["create"], &[""], &["pods"], &["", "a"]);
        let create = rule(&["create"], &["*"], &["*"], &[""]);
        assert_eq!(meet(&nameless, &create), Some(rule(&["create"], &[""], &["pods"], &[""])));
        let scale = rule(&["*"], &["*"], &["*/scale"], &[]);
        let named = rule(&["get"], &["apps"], &["deployments/scale", "deployments"], &[]);
        assert_eq!(
            meet(&scale, &named),
            Some(rule(&["get"], &["apps"], &["deployments/scale"], &[]))
        );
    }

    #[test]
    fn rules_that_share_no_request_leave_nothing() {
        let reads = rule(&["get"], &[""], &["secrets"], &["a"]);
        for other in [
            rule(&["list"], &[""], &["secrets"], &[]),
            rule(&["get"], &["apps"], &["secrets"], &[]),
            rule(&["get"], &[""], &["pods"], &[]),
            rule(&["get"], &[""], &["secrets"], &["b"]),
        ] {
            assert_eq!(meet(&reads, &other), None, "{other:?}");
            assert_eq!(meet(&other, &reads), None, "{other:?}");
        }
        // Nobody is impersonated by who is impersonated.
        let poses = rule(&["impersonate"], &[""], &["users"], &[]);
        assert_eq!(meet(&poses, &rule(&["*"], &["*"], &["*"], &[])), None);
    }

    #[test]
    fn paths_meet_in_the_narrower() {
        let path = |path: &str| PolicyRule {
            verbs: vec!["get".into()],
            non_resource_urls: vec![path.into()],
            ..PolicyRule::default()
        };
        assert_eq!(meet(&path("/metrics*"), &path("/metrics/slis")), Some(path("/metrics/slis")));
        assert_eq!(meet(&path("*"), &path("/logs/*")), Some(path("/logs/*")));
        assert_eq!(meet(&path("/logs/*"), &path("/metrics")), None);
    }
}
