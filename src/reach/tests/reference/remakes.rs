//! What is deleted, so that its name is free.

use super::*;

/// More states than any world has that is worth the trying.
const STATES: usize = 4_000;

impl Simulation {
    /// All that can be done, whichever bindings are deleted for it, in whatever order.
    pub(in crate::reach::tests) fn run(self) -> Outcome {
        let mut outcome = Outcome::default();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut open = vec![self];
        while let Some(mut state) = open.pop() {
            let found = state.close();
            outcome.everything |= found.everything;
            outcome.accounts.extend(found.accounts);
            outcome.names.extend(found.names);
            if outcome.everything {
                break;
            }
            state.compare(&mut outcome);
            for next in state.remakes() {
                let bindings: Vec<_> =
                    next.objects.bindings.iter().map(|(key, of)| (key, &of.role_ref)).collect();
                if seen.insert(format!("{bindings:?} {:?}", next.contexts)) {
                    open.push(next);
                }
            }
            assert!(seen.len() < STATES, "too many states");
        }
        outcome
    }

    /// Whether a binding could be made under a name.
    pub(super) fn is_free(&self, key: &BindingKey) -> bool {
        !self.objects.bindings.contains_key(key) && !self.remade.contains(key)
    }

    /// By a request to delete it; or by saying that it belongs to what is not there, so that the
    /// garbage collector deletes it.
    fn can_delete(&self, who: &Context, on: (&str, &str, &str), ns: &str, name: &str) -> bool {
        self.may(who, "delete", on, ns, name)
            || self.may(who, "deletecollection", on, ns, "")
            || self.can_change(who, on, ns, name)
    }

    /// Whether somebody deletes what has that name, so that this one, who is still there then, makes
    /// it again. Of pods, their tokens end.
    pub(super) fn deletes_workload(
        &self,
        who: &Context,
        on: (&str, &str, &str),
        ns: &Name,
        name: &Name,
    ) -> bool {
        let pod = (ns.clone(), name.clone());
        let stays = |who: &Context| {
            let only = self.from_pods.get(&who.user);
            on.1 != "pods" || only.is_none_or(|pods| pods.iter().any(|from| *from != pod))
        };
        // Who deletes it is needed no more then.
        stays(who) && self.contexts.iter().any(|one| self.can_delete(one, on, ns, name))
    }

    /// The same of a role: while it is away it gives nothing.
    pub(super) fn deletes_role(
        &self,
        who: &Context,
        kind: RoleKind,
        ns: &Name,
        name: &Name,
    ) -> bool {
        let resource = if kind == RoleKind::Role { "roles" } else { "clusterroles" };
        let on = (RBAC, resource, "");
        let writes =
            |all: &Self| all.may(who, "create", on, ns, "") && all.may(who, "escalate", on, ns, "");
        if self.closed.contains(ns) || !writes(self) {
            return false;
        }
        let mut objects = self.objects.clone();
        objects.roles.remove(&(kind, ns.clone(), name.clone()));
        let rest = self.rest(objects);
        rest.contexts.contains(who)
            && writes(&rest)
            && self.contexts.iter().any(|one| self.can_delete(one, on, ns, name))
    }

    /// The same people with other objects: what somebody is impersonated by has to be there.
    fn rest(&self, objects: Objects) -> Self {
        let mut rest = self.clone();
        rest.contexts.retain(|who| who.by.is_none());
        rest.authorizer = Authorizer::new(&objects);
        rest.objects = objects;
        for who in rest.contexts.clone() {
            rest.impersonation(&who);
        }
        rest
    }

    /// What there is once a binding was deleted and made again, each way that there is.
    fn remakes(&self) -> Vec<Self> {
        let is_own = |name: &Name| name.starts_with(SELF);
        let theirs = self.objects.bindings.keys().filter(|(_, _, name)| !is_own(name));
        let all: BTreeSet<BindingKey> = theirs.chain(&self.remade).cloned().collect();
        all.into_iter().flat_map(|key| self.remakes_of(&key)).collect()
    }

    fn remakes_of(&self, key: &BindingKey) -> Vec<Self> {
        let (kind, ns, name) = key;
        let resource = if ns.is_empty() { "clusterrolebindings" } else { "rolebindings" };
        let on = (RBAC, resource, "");
        // Who makes them under any name need not delete one.
        let needs = |all: &Self, who: &Context| {
            all.can_make(who, on, ns, name) && !all.can_make(who, on, ns, NEW)
        };
        if !self.contexts.iter().any(|who| self.can_delete(who, on, ns, name))
            || !self.contexts.iter().any(|who| needs(self, who))
        {
            return Vec::new();
        }
        let mut objects = self.objects.clone();
        objects.bindings.remove(key);
        let mut rest = self.clone();
        let only: BTreeSet<Option<BindingKey>> = [Some(key.clone())].into();
        for (own, by) in &mut rest.sources {
            if *by == only {
                objects.bindings.remove(own);
            }
            by.remove(&Some(key.clone()));
        }
        let mut rest = rest.rest(objects);
        rest.remade.remove(key);
        let makers: Vec<&Context> = rest.contexts.iter().filter(|who| needs(&rest, who)).collect();
        if makers.is_empty() {
            return Vec::new();
        }
        let mut all = Vec::new();
        for role in rest.bindable(ns) {
            let own = format!("{SELF}-{}-{}", role.kind.to_lowercase(), role.name);
            let have = rest.objects.bindings.contains_key(&(*kind, ns.clone(), own.into()));
            if !have && makers.iter().any(|who| rest.may_bind(who, &role, ns)) {
                let mut next = rest.clone();
                next.bind_self(*kind, ns, &role, Some(key.clone()));
                all.push(next.closed(key));
            }
        }
        // Or to a role that is changed then.
        let mut tried = rest.clone();
        for who in rest.contexts.clone() {
            tried.roles(&who);
        }
        if !rest.has_everything(ns) && tried.has_everything(ns) {
            rest.bind_everything(ns);
            all.push(rest.closed(key));
        }
        all
    }

    fn closed(mut self, key: &BindingKey) -> Self {
        self.remade.insert(key.clone());
        self.authorizer = Authorizer::new(&self.objects);
        self
    }
}
