//! The RBAC authorizer: the same answer as the API server's, for any asker, with every grant
//! that gives it.

use std::sync::Arc;

use foldhash::fast::RandomState as Seed;
use hashbrown::{HashMap, HashSet};
use imbl::{OrdSet, Vector};

use super::matching::{Action, rule_allows};
use crate::model::{
    Binding, BindingKind, Identity, Name, Objects, PolicyRule, Role, RoleKind, Scope, SharedHash,
};

/// A request as the authorizer sees it (`authorizer.Attributes`). Groups are exactly the ones
/// given: the authorizer adds none of its own.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// User name; a service account's is `system:serviceaccount:NS:NAME`.
    pub user: &'a str,
    /// Groups.
    pub groups: &'a [&'a str],
    /// Verb.
    pub verb: &'a str,
    /// On what.
    pub action: Action<'a>,
}

/// One subject of one binding, joined to its role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The binding.
    pub binding: Arc<Binding>,
    /// Which of its subjects.
    pub subject: u32,
    /// The subject, folded to an identity.
    pub identity: Identity,
    /// Where it holds.
    pub scope: Scope,
    /// The role; None where it does not exist, which grants nothing.
    pub role: Option<Arc<Role>>,
}

impl Held {
    /// Whether it allows the verb on the action, and by which rule of its role.
    pub fn allows(&self, verb: &str, action: &Action<'_>) -> Option<usize> {
        let in_scope = match (&self.scope, action) {
            (Scope::Cluster, _) => true,
            // A request without a namespace never looks at RoleBindings.
            (Scope::Namespace(_), Action::Path(_)) => false,
            (Scope::Namespace(ns), Action::Resource { namespace, .. }) => {
                !namespace.is_empty() && &**ns == *namespace
            }
        };
        if !in_scope {
            return None;
        }
        self.rules().iter().position(|rule| rule_allows(rule, verb, action))
    }

    /// The rules that it gives.
    pub fn rules(&self) -> &[PolicyRule] {
        self.role.as_ref().map_or(&[], |role| &role.rules)
    }
}

/// Why a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The group `system:masters` is allowed everything ahead of RBAC.
    Masters,
    /// The first grant that allows it, in the authorizer's order of binding kinds, and the rule.
    Allowed {
        /// Slot of the grant.
        grant: u32,
        /// Index of the rule in its role.
        rule: usize,
    },
    /// No grant allows it. The authorizer says "no opinion".
    Denied,
}

impl Decision {
    /// Whether the request is allowed.
    pub fn allowed(self) -> bool {
        !matches!(self, Self::Denied)
    }
}

/// The grants of one subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct OfSubject {
    cluster: Vec<u32>,
    namespaces: HashMap<Name, Vec<u32>, Seed>,
}

type BySubject = SharedHash<Name, Arc<OfSubject>>;

/// A binding's key: kind, namespace (`""` for cluster-wide), name.
pub type BindingKey = (BindingKind, Name, Name);

/// A role's key: kind, namespace (`""` for cluster-wide), name.
pub type RoleKey = (RoleKind, Name, Name);

/// All grants of a cluster, indexed by subject and scope. Slots are dense and never reused, so
/// that they may serve as ids while the cluster changes. A copy shares everything with its
/// original until one of them changes.
#[derive(Clone, Debug, Default)]
pub struct Authorizer {
    held: Vector<Option<Arc<Held>>>,
    users: BySubject,
    groups: BySubject,
    of_binding: SharedHash<BindingKey, Arc<[u32]>>,
    of_role: SharedHash<RoleKey, OrdSet<u32>>,
}

impl Authorizer {
    /// Indexes all bindings of a snapshot.
    pub fn new(objects: &Objects) -> Self {
        let mut authorizer = Self::default();
        for (key, binding) in &objects.bindings {
            authorizer.add(key, binding, objects);
        }
        authorizer
    }

    /// Takes over one binding as it now stands in `objects` (changed, new or gone). Slots of
    /// subjects that stay keep their number. Returns the slots that changed, old and new.
    pub fn rebind(&mut self, key: &BindingKey, objects: &Objects) -> Vec<u32> {
        let old = self.of_binding.remove(key).map(|slots| slots.to_vec()).unwrap_or_default();
        let mut before: HashMap<Identity, u32, Seed> = HashMap::default();
        for &slot in &old {
            if let Some(held) = self.take(slot) {
                before.insert(held.identity.clone(), slot);
            }
        }
        let mut touched = old;
        if let Some(binding) = objects.bindings.get(key) {
            let mut slots = Vec::new();
            for held in Self::expand(binding, objects) {
                // What was there before is among those touched.
                let slot = before.remove(&held.identity).unwrap_or_else(|| {
                    let slot = self.fresh();
                    touched.push(slot);
                    slot
                });
                self.put(slot, held);
                slots.push(slot);
            }
            self.of_binding.insert(key.clone(), slots.into());
        }
        touched
    }

    /// Takes over one role as it now stands in `objects`. Returns the slots that refer to it.
    pub fn rerole(&mut self, key: &RoleKey, objects: &Objects) -> Vec<u32> {
        let slots: Vec<u32> =
            self.of_role.get(key).map(|slots| slots.iter().copied().collect()).unwrap_or_default();
        let role = objects.roles.get(key);
        for &slot in &slots {
            if let Some(held) = self.held.get_mut(slot as usize).and_then(Option::as_mut) {
                Arc::make_mut(held).role = role.cloned();
            }
        }
        slots
    }

    fn add(&mut self, key: &BindingKey, binding: &Arc<Binding>, objects: &Objects) {
        let mut slots = Vec::new();
        for held in Self::expand(binding, objects) {
            let slot = self.fresh();
            self.put(slot, held);
            slots.push(slot);
        }
        self.of_binding.insert(key.clone(), slots.into());
    }

    /// The grants of one binding. Subjects that match nobody give none; a repeated subject one.
    fn expand(binding: &Arc<Binding>, objects: &Objects) -> Vec<Held> {
        let ns = binding.meta.namespace.as_ref();
        let role = Self::role_key(binding).and_then(|key| objects.roles.get(&key)).cloned();
        let mut held: Vec<Held> = Vec::new();
        let mut seen: HashSet<Identity, Seed> = HashSet::default();
        for (at, subject) in binding.subjects.iter().enumerate() {
            let Some(identity) = subject.identity(ns) else {
                continue;
            };
            if !seen.insert(identity.clone()) {
                continue;
            }
            held.push(Held {
                binding: binding.clone(),
                subject: u32::try_from(at).unwrap_or(u32::MAX),
                identity,
                scope: binding.scope(),
                role: role.clone(),
            });
        }
        held
    }

    /// The role that a binding refers to; None for a kind that the authorizer does not know, and
    /// for a Role where there is no namespace to look in.
    fn role_key(binding: &Binding) -> Option<RoleKey> {
        let name = binding.role_ref.name.clone();
        match (&*binding.role_ref.kind, binding.kind) {
            ("ClusterRole", _) => Some((RoleKind::ClusterRole, "".into(), name)),
            ("Role", BindingKind::RoleBinding) => {
                Some((RoleKind::Role, binding.meta.namespace.clone()?, name))
            }
            _ => None,
        }
    }

    fn fresh(&mut self) -> u32 {
        self.held.push_back(None);
        u32::try_from(self.held.len() - 1).unwrap_or(u32::MAX)
    }

    fn put(&mut self, slot: u32, held: Held) {
        if let Some(key) = Self::role_key(&held.binding) {
            self.of_role.entry(key).or_default().insert(slot);
        }
        let (map, name) = Self::place(&mut self.users, &mut self.groups, &held.identity);
        let of_subject = Arc::make_mut(map.entry(name).or_default());
        match &held.scope {
            Scope::Cluster => of_subject.cluster.push(slot),
            Scope::Namespace(ns) => {
                of_subject.namespaces.entry(ns.clone()).or_default().push(slot);
            }
        }
        if let Some(place) = self.held.get_mut(slot as usize) {
            *place = Some(Arc::new(held));
        }
    }

    fn take(&mut self, slot: u32) -> Option<Arc<Held>> {
        let held = self.held.get_mut(slot as usize)?.take()?;
        if let Some(key) = Self::role_key(&held.binding)
            && let Some(slots) = self.of_role.get_mut(&key)
        {
            slots.remove(&slot);
            if slots.is_empty() {
                self.of_role.remove(&key);
            }
        }
        let (map, name) = Self::place(&mut self.users, &mut self.groups, &held.identity);
        let mut empty = false;
        if let Some(of_subject) = map.get_mut(&name) {
            let of_subject = Arc::make_mut(of_subject);
            match &held.scope {
                Scope::Cluster => of_subject.cluster.retain(|have| *have != slot),
                Scope::Namespace(ns) => {
                    if let Some(slots) = of_subject.namespaces.get_mut(ns) {
                        slots.retain(|have| *have != slot);
                        if slots.is_empty() {
                            of_subject.namespaces.remove(ns);
                        }
                    }
                }
            }
            empty = of_subject.cluster.is_empty() && of_subject.namespaces.is_empty();
        }
        if empty {
            map.remove(&name);
        }
        Some(held)
    }

    fn place<'m>(
        users: &'m mut BySubject,
        groups: &'m mut BySubject,
        identity: &Identity,
    ) -> (&'m mut BySubject, Name) {
        match identity.user_name() {
            Some(name) => (users, name),
            None => (groups, identity.name.clone()),
        }
    }

    /// A grant by its slot; None where it is gone.
    pub fn held(&self, slot: u32) -> Option<&Arc<Held>> {
        self.held.get(slot as usize)?.as_ref()
    }

    /// How many slots were ever given out.
    pub fn slots(&self) -> u32 {
        u32::try_from(self.held.len()).unwrap_or(u32::MAX)
    }

    /// All grants with their slots, in order of slots.
    pub fn all(&self) -> impl Iterator<Item = (u32, &Arc<Held>)> {
        (0u32..).zip(&self.held).filter_map(|(slot, held)| Some((slot, held.as_ref()?)))
    }

    /// Slots of the grants of one binding, in the order of its subjects.
    pub fn of_binding(&self, key: &BindingKey) -> &[u32] {
        self.of_binding.get(key).map_or(&[], |slots| &**slots)
    }

    /// Slots of the grants that name this identity itself as their subject, in order of slots.
    pub fn direct(&self, identity: &Identity) -> Vec<u32> {
        let of_subject = match identity.user_name() {
            Some(name) => self.users.get(&name),
            None => self.groups.get(&identity.name),
        };
        let Some(of_subject) = of_subject else {
            return Vec::new();
        };
        let mut slots = of_subject.cluster.clone();
        slots.extend(of_subject.namespaces.values().flatten());
        slots.sort_unstable();
        slots
    }

    /// Whether any grant names this identity itself as its subject.
    pub fn is_subject(&self, identity: &Identity) -> bool {
        match identity.user_name() {
            Some(name) => self.users.contains_key(&name),
            None => self.groups.contains_key(&identity.name),
        }
    }

    fn subjects<'s>(
        &'s self,
        user: &str,
        groups: &'s [&str],
    ) -> impl Iterator<Item = &'s OfSubject> {
        // An empty user name is no subject that an API server would store a binding for, and a
        // group-only review has none.
        self.users
            .get(user)
            .into_iter()
            .chain(groups.iter().filter_map(|group| self.groups.get(*group)))
            .map(|of_subject| &**of_subject)
    }

    /// The answer of the API server: `system:masters`, then cluster-wide bindings, then those of
    /// the request's namespace.
    pub fn decide(&self, attributes: &Attributes<'_>) -> Decision {
        self.decide_noting(attributes, |_| {})
    }

    /// The same, and calls `dangling` for each grant met on the way whose role does not exist: the
    /// API server names these roles where it denies.
    pub fn decide_noting(
        &self,
        attributes: &Attributes<'_>,
        dangling: impl FnMut(u32),
    ) -> Decision {
        if attributes.groups.contains(&Identity::SYSTEM_MASTERS) {
            return Decision::Masters;
        }
        let mut decision = Decision::Denied;
        self.walk(
            attributes,
            |grant, rule| {
                decision = Decision::Allowed { grant, rule };
                false
            },
            dangling,
        );
        decision
    }

    /// Every grant that allows the request, with the first of its rules that does; cluster-wide
    /// ones first. Empty for what only `system:masters` allows.
    pub fn allowing(&self, attributes: &Attributes<'_>) -> Vec<(u32, usize)> {
        let mut found = Vec::new();
        self.walk(
            attributes,
            |grant, rule| {
                found.push((grant, rule));
                true
            },
            |_| {},
        );
        found
    }

    /// Calls `found` for every grant that allows the request until it returns false, and `dangling`
    /// for every one met whose role does not exist.
    fn walk(
        &self,
        attributes: &Attributes<'_>,
        mut found: impl FnMut(u32, usize) -> bool,
        mut dangling: impl FnMut(u32),
    ) {
        let Attributes { user, groups, verb, ref action } = *attributes;
        let mut each = |slots: &[u32]| -> bool {
            for &slot in slots {
                let Some(held) = self.held(slot) else {
                    continue;
                };
                if held.role.is_none() {
                    dangling(slot);
                } else if let Some(rule) = held.allows(verb, action)
                    && !found(slot, rule)
                {
                    return false;
                }
            }
            true
        };
        for of_subject in self.subjects(user, groups) {
            if !each(&of_subject.cluster) {
                return;
            }
        }
        let Action::Resource { namespace, .. } = *action else {
            return;
        };
        if namespace.is_empty() {
            return;
        }
        for of_subject in self.subjects(user, groups) {
            if let Some(slots) = of_subject.namespaces.get(namespace)
                && !each(slots)
            {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
