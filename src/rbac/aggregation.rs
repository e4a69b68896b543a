//! Aggregated `ClusterRoles`: where their rules come from, and what the controller would make of them
//! (`pkg/controller/clusterroleaggregation`).
//!
//! The authorizer reads the stored rules only. Everything here explains them and never replaces
//! them: in a partial export the sources may be missing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::fast::RandomState as Seed;
use hashbrown::HashMap;

use super::labels::{selected, selects};
use crate::model::{Name, Objects, PolicyRule, Role, RoleKind};

/// The `ClusterRoles` that feed an aggregated role, in the controller's order: by selector, then by
/// name. A role that two selectors select comes twice. None where the role is not aggregated, or a
/// selector is not a valid one, at which the controller gives up.
pub fn sources<'o>(role: &Role, objects: &'o Objects) -> Option<Vec<&'o Arc<Role>>> {
    let aggregation = role.aggregation.as_ref().filter(|_| role.kind == RoleKind::ClusterRole)?;
    let mut sources = Vec::new();
    for selector in &aggregation.cluster_role_selectors {
        for ((kind, _, name), source) in &objects.roles {
            if *kind == RoleKind::ClusterRole
                && selects(selector, &source.meta.labels)?
                && *name != role.meta.name
            {
                sources.push(source);
            }
        }
    }
    Some(sources)
}

/// The fewest labels by which a `ClusterRole` becomes one that feeds an aggregated role, whatever
/// other labels it has: those that stand against it are taken away. None where the role is not
/// aggregated, its controller gives up, or no labels do.
pub fn fed_by(role: &Role) -> Option<BTreeMap<Name, Name>> {
    let aggregation = role.aggregation.as_ref().filter(|_| is_written(role))?;
    aggregation.cluster_role_selectors.iter().find_map(selected)
}

/// Whether the controller writes the rules of a role, and puts them back where somebody changes them.
pub fn is_written(role: &Role) -> bool {
    let is_valid = |selector| selects(selector, &BTreeMap::new()).is_some();
    role.kind == RoleKind::ClusterRole
        && role
            .aggregation
            .as_ref()
            .is_some_and(|aggregation| aggregation.cluster_role_selectors.iter().all(is_valid))
}

/// The rules that the controller would write into an aggregated role if it ran now. None where it
/// would leave the role alone.
pub fn would_be(role: &Role, objects: &Objects) -> Option<Vec<PolicyRule>> {
    let mut rules: Vec<PolicyRule> = Vec::new();
    for rule in sources(role, objects)?.into_iter().flat_map(|source| &source.rules) {
        if !rules.contains(rule) {
            rules.push(rule.clone());
        }
    }
    Some(rules)
}

/// How an aggregated role would change if the controller ran now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Rules that it has and would lose: no source holds them.
    pub lost: Vec<PolicyRule>,
    /// Rules that it lacks and would gain.
    pub gained: Vec<PolicyRule>,
}

impl Drift {
    /// Whether nothing would change but, at most, the order of rules.
    pub fn is_empty(&self) -> bool {
        self.lost.is_empty() && self.gained.is_empty()
    }
}

/// How a role would change; None where the controller would leave it alone.
pub fn drift(role: &Role, objects: &Objects) -> Option<Drift> {
    let rules = would_be(role, objects)?;
    let without = |all: &[PolicyRule], known: &[PolicyRule]| -> Vec<PolicyRule> {
        all.iter().filter(|rule| !known.contains(rule)).cloned().collect()
    };
    Some(Drift { lost: without(&role.rules, &rules), gained: without(&rules, &role.rules) })
}

/// For each rule of each aggregated role, the roles that it comes from.
#[derive(Clone, Debug, Default)]
pub struct Provenance {
    /// By the aggregated role's name.
    roles: HashMap<Name, Vec<Vec<Name>>, Seed>,
}

impl Provenance {
    /// Looks through all aggregated roles of a cluster.
    pub fn new(objects: &Objects) -> Self {
        let mut roles = HashMap::default();
        for role in objects.roles.values() {
            if let Some(sources) = sources(role, objects) {
                roles.insert(role.meta.name.clone(), origins(role, &sources));
            }
        }
        Self { roles }
    }

    /// The `ClusterRoles` that a rule of an aggregated role comes from, sorted. None where the role is
    /// not aggregated; empty where no source holds the rule, as after an edit by hand or in a
    /// partial export.
    pub fn of(&self, role: &Role, index: usize) -> Option<&[Name]> {
        if role.kind != RoleKind::ClusterRole {
            return None;
        }
        Some(self.roles.get(&role.meta.name)?.get(index).map_or(&[], Vec::as_slice))
    }

    /// The same, followed to those that are not aggregated themselves, as `admin` has what `edit` has.
    pub fn origin(&self, role: &Role, index: usize, objects: &Objects) -> BTreeSet<Name> {
        let mut found = BTreeSet::new();
        let Some(wanted) = role.rules.get(index) else { return found };
        let mut open: Vec<Name> = self.of(role, index).unwrap_or_default().to_vec();
        let mut seen: BTreeSet<Name> = BTreeSet::from([role.meta.name.clone()]);
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            let source = objects.role(RoleKind::ClusterRole, "", &name);
            let at = source.and_then(|source| source.rules.iter().position(|have| have == wanted));
            match source.zip(at).and_then(|(source, at)| self.of(source, at)) {
                Some(above) if !above.is_empty() => open.extend(above.iter().cloned()),
                _ => {
                    found.insert(name);
                }
            }
        }
        found
    }
}

fn origins(role: &Role, sources: &[&Arc<Role>]) -> Vec<Vec<Name>> {
    role.rules
        .iter()
        .map(|rule| {
            let mut names: Vec<Name> = sources
                .iter()
                .filter(|source| source.rules.contains(rule))
                .map(|source| source.meta.name.clone())
                .collect();
            names.sort();
            names.dedup();
            names
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::Object;

    fn objects(roles: &[Value]) -> Objects {
        let mut objects = Objects::default();
        for role in roles {
            let read = Object::read("rbac.authorization.k8s.io/v1", "ClusterRole", role);
            objects.insert(read.expect("readable").expect("known"));
        }
        objects
    }

    fn rule(verb: &str) -> Value {
        json!({"verbs": [verb], "apiGroups": [""], "resources": ["pods"]})
    }

    fn source(name: &str, to: &str, verbs: &[&str]) -> Value {
        json!({"metadata": {"name": name, "labels": {"to": to}},
            "rules": verbs.iter().map(|verb| rule(verb)).collect::<Vec<_>>()})
    }

    fn role<'o>(objects: &'o Objects, name: &str) -> &'o Arc<Role> {
        objects.role(RoleKind::ClusterRole, "", name).expect("there")
    }

    fn verbs(rules: &[PolicyRule]) -> Vec<&str> {
        rules.iter().map(|rule| &*rule.verbs[0]).collect()
    }

    #[test]
    fn the_controllers_order_is_by_selector_then_name_without_repeats() {
        let objects = objects(&[
            json!({"metadata": {"name": "all", "labels": {"to": "x"}},
                "aggregationRule": {"clusterRoleSelectors": [
                    {"matchLabels": {"to": "y"}}, {"matchLabels": {"to": "x"}}]},
                "rules": [rule("get"), rule("old")]}),
            source("b", "x", &["get", "list"]),
            source("a", "x", &["list", "watch"]),
            source("c", "y", &["get"]),
            source("d", "z", &["delete"]),
        ]);
        let all = role(&objects, "all");
        let rules = would_be(all, &objects).expect("aggregated");
        assert_eq!(verbs(&rules), ["get", "list", "watch"]);
        let drift = drift(all, &objects).expect("aggregated");
        assert_eq!(
            (verbs(&drift.lost), verbs(&drift.gained)),
            (vec!["old"], vec!["list", "watch"])
        );
        let provenance = Provenance::new(&objects);
        let from: Vec<_> = (0..2).map(|at| provenance.of(all, at).expect("aggregated")).collect();
        assert_eq!(from, [&["b".into(), "c".into()][..], &[]]);
        assert_eq!(provenance.of(role(&objects, "a"), 0), None);
    }

    #[test]
    fn an_aggregate_feeds_another_by_its_stored_rules() {
        let objects = objects(&[
            json!({"metadata": {"name": "edit", "labels": {"to": "admin"}},
                "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "edit"}}]},
                "rules": [rule("stored")]}),
            json!({"metadata": {"name": "admin"},
                "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to": "admin"}}]},
                "rules": []}),
            source("a", "edit", &["get"]),
        ]);
        let rules = would_be(role(&objects, "admin"), &objects).expect("aggregated");
        assert_eq!(verbs(&rules), ["stored"]);
    }

    #[test]
    fn an_invalid_selector_leaves_the_role_alone() {
        let objects = objects(&[
            json!({"metadata": {"name": "all"},
                "aggregationRule": {"clusterRoleSelectors": [
                    {"matchLabels": {"to": "x"}},
                    {"matchExpressions": [{"key": "to", "operator": "In"}]}]},
                "rules": [rule("get")]}),
            source("a", "x", &["list"]),
        ]);
        assert_eq!(would_be(role(&objects, "all"), &objects), None);
        assert_eq!(drift(role(&objects, "a"), &objects), None);
    }
}
