//! Effective permissions: every rule that holds for somebody, with all of its provenance.

use std::sync::Arc;

use super::aggregation::Provenance;
use super::matching::{Action, rule_allows};
use super::{Authorizer, Held};
use crate::model::{Identity, Name, PolicyRule, Scope};
use crate::rbac::query::Asker;

/// Why a rule gives nothing at all where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Inert {
    /// No verbs.
    NoVerbs,
    /// Neither resources in groups nor paths.
    NoTarget,
    /// Paths, by way of a `RoleBinding`: requests for paths carry no namespace.
    PathInNamespace,
    /// Resources such as `pods/*` or `*/*`: the star is no wildcard there.
    Literal,
}

impl Inert {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoVerbs => "has no verbs",
            Self::NoTarget => "names nothing",
            Self::PathInNamespace => "nonResourceURLs do not hold by way of a RoleBinding",
            Self::Literal => "a star after a resource's name is no wildcard",
        }
    }

    /// Why a rule gives nothing in a scope; None where it gives something.
    pub fn of(rule: &PolicyRule, scope: &Scope) -> Option<Self> {
        let resources = !rule.api_groups.is_empty() && !rule.resources.is_empty();
        let paths = !rule.non_resource_urls.is_empty();
        if rule.verbs.is_empty() {
            Some(Self::NoVerbs)
        } else if !resources && !paths {
            Some(Self::NoTarget)
        } else if paths && (!resources || rule.resources.iter().all(is_literal)) {
            match scope {
                Scope::Cluster => None,
                Scope::Namespace(_) => Some(Self::PathInNamespace),
            }
        } else if rule.resources.iter().all(is_literal) {
            Some(Self::Literal)
        } else {
            None
        }
    }
}

/// Whether a star in the resource is only a letter: no request has a resource with a star.
fn is_literal(resource: &Name) -> bool {
    let rest = match resource.strip_prefix('*') {
        Some("") => return false,
        Some(rest) => rest.strip_prefix('/').unwrap_or("*"),
        None => resource,
    };
    rest.contains('*')
}

/// A rule as it holds for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Slot of the grant that gives it; None for `system:masters`, which needs none.
    pub grant: Option<u32>,
    /// The grant.
    pub held: Option<Arc<Held>>,
    /// The index of the rule in its role.
    pub index: usize,
    /// The rule, as stored.
    pub rule: PolicyRule,
    /// Where it holds.
    pub scope: Scope,
    /// For a rule of an aggregated role: the roles that its selectors bring it from, sorted; empty
    /// where none of them holds it. None for any other role.
    pub aggregated_from: Option<Vec<Name>>,
    /// Why it gives nothing, where it does not.
    pub inert: Option<Inert>,
}

impl Row {
    /// Whether the authorizer allows a request by this rule alone.
    pub fn covers(&self, verb: &str, action: &Action<'_>) -> bool {
        let in_scope = match (&self.scope, action) {
            (Scope::Cluster, _) => true,
            (Scope::Namespace(_), Action::Path(_)) => false,
            (Scope::Namespace(ns), Action::Resource { namespace, .. }) => {
                !namespace.is_empty() && &**ns == *namespace
            }
        };
        in_scope && rule_allows(&self.rule, verb, action)
    }
}

/// The rules of one grant; none where its role does not exist.
pub fn rows_of_grant(slot: u32, held: &Arc<Held>, provenance: &Provenance) -> Vec<Row> {
    let Some(role) = &held.role else {
        return Vec::new();
    };
    let row = |(index, rule): (usize, &PolicyRule)| Row {
        grant: Some(slot),
        held: Some(held.clone()),
        index,
        rule: rule.clone(),
        scope: held.scope.clone(),
        aggregated_from: provenance.of(role, index).map(<[Name]>::to_vec),
        inert: Inert::of(rule, &held.scope),
    };
    role.rules.iter().enumerate().map(row).collect()
}

/// All rules that hold for somebody: its own, then those of its groups, in the order of slots;
/// what `system:masters` may do first.
pub fn rows(authorizer: &Authorizer, asker: &Asker, provenance: &Provenance) -> Vec<Row> {
    let mut rows = Vec::new();
    if asker.is_master() {
        rows.extend(masters());
    }
    let own = asker.identity.user_name().map(|_| asker.identity.clone());
    let groups = asker.groups.iter().map(|group| Identity::group(group.clone()));
    for subject in own.into_iter().chain(groups) {
        for slot in authorizer.direct(&subject) {
            if let Some(held) = authorizer.held(slot) {
                rows.extend(rows_of_grant(slot, held, provenance));
            }
        }
    }
    rows
}

/// What `system:masters` may do, as rules would say it: all verbs on everything.
pub fn masters() -> [Row; 2] {
    let star = || vec![Name::from("*")];
    let row = |rule| Row {
        grant: None,
        held: None,
        index: 0,
        rule,
        scope: Scope::Cluster,
        aggregated_from: None,
        inert: None,
    };
    [
        row(PolicyRule {
            verbs: star(),
            api_groups: star(),
            resources: star(),
            ..PolicyRule::default()
        }),
        row(PolicyRule { verbs: star(), non_resource_urls: star(), ..PolicyRule::default() }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(verbs: &[&str], groups: &[&str], resources: &[&str], paths: &[&str]) -> PolicyRule {
        let names = |list: &[&str]| list.iter().map(|text| Name::from(*text)).collect();
        PolicyRule {
            verbs: names(verbs),
            api_groups: names(groups),
            resources: names(resources),
            resource_names: Vec::new(),
            non_resource_urls: names(paths),
        }
    }

    #[test]
    fn rules_that_give_nothing_say_why() {
        let cluster = Scope::Cluster;
        let inside = Scope::Namespace("a".into());
        for (rule, scope, expected) in [
            (rule(&[], &[""], &["pods"], &[]), &cluster, Some(Inert::NoVerbs)),
            (rule(&["get"], &[], &["pods"], &[]), &cluster, Some(Inert::NoTarget)),
            (rule(&["get"], &[""], &[], &[]), &cluster, Some(Inert::NoTarget)),
            (rule(&["get"], &[], &[], &["/x"]), &cluster, None),
            (rule(&["get"], &[], &[], &["/x"]), &inside, Some(Inert::PathInNamespace)),
            (rule(&["get"], &[""], &["pods"], &["/x"]), &inside, None),
            (rule(&["get"], &[""], &["pods/*"], &[]), &cluster, Some(Inert::Literal)),
            (rule(&["get"], &[""], &["*/*"], &[]), &cluster, Some(Inert::Literal)),
            (rule(&["get"], &[""], &["**"], &[]), &cluster, Some(Inert::Literal)),
            (rule(&["get"], &[""], &["pods/*", "pods"], &[]), &cluster, None),
            (rule(&["get"], &[""], &["*"], &[]), &cluster, None),
            (rule(&["get"], &[""], &["*/scale"], &[]), &cluster, None),
        ] {
            assert_eq!(Inert::of(&rule, scope), expected, "{rule:?} {scope:?}");
        }
    }
}
