//! How much somebody holds, as figures that can be held against each other however rules are written:
//! verbs on what the server serves.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::model::{Discovery, Identity, Name, Objects, PolicyRule, Role, RoleKind};
use crate::rbac::matching::{group_matches, one_resource_matches};

/// What bindings give that name somebody, or what a role does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Bindings.
    pub grants: usize,
    /// Verbs on resources, and of paths, in the whole cluster.
    pub wide: usize,
    /// Verbs on resources in single namespaces, where they are not held in the whole cluster.
    pub placed: usize,
    /// Of both, those that are held for objects of some names only.
    pub named: usize,
}

/// Verb, group, resource; of a path, verb and path.
type Cell = (Name, Option<Name>, Name);

/// By cell, whether it is held for some names only.
type Cells = HashMap<Cell, bool>;

#[derive(Default)]
struct Gathered {
    grants: usize,
    wide: Cells,
    placed: BTreeMap<Name, Cells>,
}

impl Gathered {
    fn sum(&self) -> Held {
        let mut held = Held { grants: self.grants, wide: self.wide.len(), ..Held::default() };
        held.named += self.wide.values().filter(|named| **named).count();
        for cells in self.placed.values() {
            // What is held everywhere for some names may be held here for all.
            let beside = |(cell, named): &(&Cell, &bool)| match self.wide.get(*cell) {
                None => true,
                Some(wide) => *wide && !**named,
            };
            let beside: Vec<bool> = cells.iter().filter(beside).map(|(_, named)| *named).collect();
            held.placed += beside.len();
            held.named += beside.iter().filter(|named| **named).count();
        }
        held
    }
}

/// What each of these holds by bindings that name it.
pub(super) fn of_identities(
    objects: &Objects,
    discovery: &Discovery,
    who: &BTreeSet<Identity>,
) -> BTreeMap<Identity, Held> {
    let mut found: BTreeMap<Identity, Gathered> =
        who.iter().map(|identity| (identity.clone(), Gathered::default())).collect();
    for ((_, namespace, _), binding) in &objects.bindings {
        let place = binding.meta.namespace.as_ref();
        for identity in binding.subjects.iter().filter_map(|subject| subject.identity(place)) {
            let Some(gathered) = found.get_mut(&identity) else { continue };
            gathered.grants += 1;
            let kind = if &*binding.role_ref.kind == "Role" {
                RoleKind::Role
            } else {
                RoleKind::ClusterRole
            };
            let of = if kind == RoleKind::Role { namespace.clone() } else { "".into() };
            let role = objects.roles.get(&(kind, of, binding.role_ref.name.clone()));
            let Some(role) = role else { continue };
            match place {
                None => add(&mut gathered.wide, &role.rules, discovery, true),
                Some(place) => {
                    let cells = gathered.placed.entry(place.clone()).or_default();
                    add(cells, &role.rules, discovery, false);
                }
            }
        }
    }
    found.into_iter().map(|(identity, gathered)| (identity, gathered.sum())).collect()
}

/// What a role gives where it is bound, and by how many bindings.
pub(super) fn of_role(role: &Role, grants: usize, discovery: &Discovery) -> Held {
    let mut gathered = Gathered { grants, ..Gathered::default() };
    add(&mut gathered.wide, &role.rules, discovery, true);
    gathered.sum()
}

fn add(cells: &mut Cells, rules: &[PolicyRule], discovery: &Discovery, wide: bool) {
    for rule in rules {
        let named = !rule.resource_names.is_empty();
        let mut put = |verb: &Name, group: Option<&Name>, what: &Name| {
            let cell = (verb.clone(), group.cloned(), what.clone());
            let have = cells.entry(cell).or_insert(named);
            *have &= named;
        };
        let every = rule.verbs.iter().any(|verb| &**verb == "*");
        for served in &discovery.resources {
            let (resource, sub) = served.name.split_once('/').unwrap_or((&served.name, ""));
            let is_it = group_matches(rule, &served.group)
                && rule.resources.iter().any(|have| one_resource_matches(have, resource, sub));
            // Requests for a namespace carry it as theirs.
            let here = wide || served.namespaced || resource == "namespaces";
            if !is_it || !here {
                continue;
            }
            let all = served.verbs.iter().filter(|_| every);
            for verb in all.chain(rule.verbs.iter().filter(|verb| &***verb != "*")) {
                put(verb, Some(&served.group), &served.name);
            }
        }
        // What rules name and the server does not serve counts as they say it.
        for group in rule.api_groups.iter().filter(|group| &***group != "*") {
            for resource in rule.resources.iter().filter(|resource| !resource.contains('*')) {
                let served = discovery
                    .resources
                    .iter()
                    .any(|served| served.group == *group && served.name == *resource);
                if !served {
                    rule.verbs.iter().for_each(|verb| put(verb, Some(group), resource));
                }
            }
        }
        for path in rule.non_resource_urls.iter().filter(|_| wide) {
            rule.verbs.iter().for_each(|verb| put(verb, None, path));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{ApiResource, Object};

    fn served(group: &str, name: &str, namespaced: bool, verbs: &[&str]) -> ApiResource {
        ApiResource {
            group: group.into(),
            name: name.into(),
            singular: "".into(),
            short_names: Vec::new(),
            kind: "".into(),
            namespaced,
            verbs: verbs.iter().map(|verb| Name::from(*verb)).collect(),
        }
    }

    /// Two kinds in namespaces with three and one verbs, one of the cluster with two.
    fn discovery() -> Discovery {
        let resources = vec![
            served("", "nodes", false, &["get", "list"]),
            served("", "pods", true, &["get", "list", "delete"]),
            served("", "pods/exec", true, &["create"]),
        ];
        Discovery { resources, ..Discovery::default() }
    }

    fn objects(all: &[serde_json::Value]) -> Objects {
        let mut objects = Objects::default();
        for one in all {
            let kind = one["kind"].as_str().expect("a kind");
            let read = Object::read("rbac.authorization.k8s.io/v1", kind, one);
            objects.insert(read.expect("its form").expect("a kind that is read"));
        }
        objects
    }

    #[test]
    fn stars_count_as_what_they_allow_and_nothing_twice() {
        let bind = |name: &str, ns: Option<&str>, role: &str| {
            let kind = if ns.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
            json!({"kind": kind, "metadata": {"name": name, "namespace": ns},
                "roleRef": {"kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "User", "name": "ann"}]})
        };
        let role = |name: &str, rules: serde_json::Value| json!({"kind": "ClusterRole", "metadata": {"name": name}, "rules": rules});
        let all = role("all", json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]));
        let pods = role(
            "pods",
            json!([
                {"verbs": ["get", "use"], "apiGroups": [""], "resources": ["pods", "gone"]},
                {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"], "resourceNames": ["x"]},
                {"verbs": ["delete"], "apiGroups": [""], "resources": ["pods"],
                 "resourceNames": ["x"]},
                {"verbs": ["get"], "nonResourceURLs": ["/metrics"]},
            ]),
        );
        let ann = BTreeSet::from([Identity::user("ann")]);
        let held = |all: &[serde_json::Value]| {
            let objects = objects(all);
            of_identities(&objects, &discovery(), &ann)[&Identity::user("ann")]
        };
        let figures = |held: Held| (held.grants, held.wide, held.placed, held.named);
        let wide = [all.clone(), bind("a", None, "all")];
        assert_eq!(figures(held(&wide)), (1, 6, 0, 0));
        // Nodes are in no namespace.
        let placed = [all.clone(), bind("a", Some("x"), "all"), bind("b", Some("y"), "all")];
        assert_eq!(figures(held(&placed)), (2, 0, 8, 0));
        // get and use of pods and gone, delete of one pod, a path.
        let some = [pods.clone(), bind("a", None, "pods")];
        assert_eq!(figures(held(&some)), (1, 6, 0, 1));
        // In a namespace no path.
        let some = [pods.clone(), bind("a", Some("x"), "pods")];
        assert_eq!(figures(held(&some)), (1, 0, 5, 1));
        // What is held everywhere is not counted again; use of gone is in no discovery.
        let both = [all, pods, bind("a", None, "all"), bind("b", Some("x"), "pods")];
        assert_eq!(figures(held(&both)), (2, 6, 3, 0));
        assert_eq!(figures(held(&[])), (0, 0, 0, 0));
    }
}
