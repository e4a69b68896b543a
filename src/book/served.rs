//! What the server serves, in a form that is quick to ask.

use foldhash::HashSet;

use crate::model::{Health, ListKind, Name, Snapshot};

/// Which resources and subresources are served, as far as discovery tells.
#[derive(Clone, Debug, Default)]
pub(crate) struct Served {
    names: foldhash::HashMap<(Name, Name), bool>,
    by_name: HashSet<Name>,
    subresources: HashSet<(Name, Name)>,
    /// Kinds of which it is known that nobody can watch them.
    unwatched: HashSet<(Name, Name)>,
    groups: HashSet<Name>,
    failed: HashSet<Name>,
    whole: bool,
}

impl Served {
    pub(crate) fn new(snapshot: &Snapshot) -> Self {
        let discovery = &snapshot.discovery;
        let asked = matches!(
            snapshot.list(ListKind::Discovery).health,
            Health::Complete | Health::Unverifiable | Health::Outdated
        );
        let mut served = Self {
            failed: discovery.failed_groups.iter().map(|(group, _)| group.clone()).collect(),
            whole: asked
                && !discovery.builtin
                && discovery.failed_groups.is_empty()
                && !discovery.resources.is_empty(),
            ..Self::default()
        };
        for resource in &discovery.resources {
            let key = (resource.group.clone(), resource.name.clone());
            let watched = ["list", "watch", "delete"].iter().all(|verb| {
                resource.verbs.is_empty() || resource.verbs.iter().any(|have| **have == **verb)
            });
            if !watched {
                served.unwatched.insert(key.clone());
            }
            served.names.insert(key, resource.namespaced);
            served.by_name.insert(resource.name.clone());
            served.groups.insert(resource.group.clone());
            if let Some((_, sub)) = resource.name.split_once('/') {
                served.subresources.insert((resource.group.clone(), sub.into()));
            }
        }
        served
    }

    /// Whether everything that the group serves is known.
    fn knows(&self, group: &str) -> bool {
        self.whole || (self.groups.contains(group) && !self.failed.contains(group))
    }

    /// Whether a request for one entry of a rule's `resources` in one of its `apiGroups` can
    /// reach a handler, and so appear in a log. What is not known to be absent counts as there.
    pub(crate) fn may_be_served(&self, group: &str, resource: &str) -> bool {
        if resource == "*" {
            return true;
        }
        if let Some(sub) = resource.strip_prefix("*/") {
            return self
                .some(group, |group| self.subresources.contains(&(group.clone(), sub.into())));
        }
        self.some(group, |group| self.names.contains_key(&(group.clone(), resource.into())))
    }

    /// The groups in which a resource is served, as far as is known; else any.
    pub(crate) fn groups_with(&self, resource: &str) -> Vec<Name> {
        let has = |group: &&Name| self.names.contains_key(&((*group).clone(), resource.into()));
        let found: Vec<Name> = self.groups.iter().filter(has).cloned().collect();
        if found.is_empty() { vec!["*".into()] } else { found }
    }

    /// Whether it is a kind that controllers watch wherever it is served; of what is not known, yes.
    pub(crate) fn can_be_watched(&self, group: &str, resource: &str) -> bool {
        !resource.contains('/') && !self.unwatched.contains(&(group.into(), resource.into()))
    }

    fn some(&self, group: &str, has: impl Fn(&Name) -> bool) -> bool {
        if group == "*" {
            return !self.whole || self.groups.iter().any(has);
        }
        !self.knows(group) || has(&group.into())
    }

    /// Whether requests for the resource (its parent, for a subresource) are known never to carry
    /// a namespace, so that a `RoleBinding` conveys nothing for it. `namespaces` is authorised
    /// inside itself.
    pub(crate) fn is_cluster_scoped(&self, group: &str, resource: &str) -> bool {
        let parent = resource.split_once('/').map_or(resource, |(parent, _)| parent);
        if parent == "*" || parent == "namespaces" || !self.by_name.contains(parent) {
            return false;
        }
        if group == "*" {
            return self.groups.iter().all(|group| {
                self.names.get(&(group.clone(), parent.into())).is_none_or(|namespaced| !namespaced)
            });
        }
        self.names.get(&(group.into(), parent.into())).is_some_and(|namespaced| !namespaced)
    }
}
