//! The rights that one set of grants comes to, as answers to the questions that steps ask.

use super::ask::{Cap, Names, On, Verb, both, has, is_empty};
use super::world::{Where, World};

/// A yes to a question, and what gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Right {
    pub(crate) on: On,
    pub(crate) verb: Verb,
    pub(crate) at: Where,
    /// On which objects only; None: every one.
    pub(crate) names: Names,
    /// Slot of the grant; None for a role that a step before gave.
    pub(crate) grant: Option<u32>,
    /// Which rule of its role.
    pub(crate) rule: u32,
    /// What gave it, in the order in which a search found it; `u32::MAX`: the one who acts.
    pub(crate) from: u32,
}

/// Rights, in order of questions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    list: Vec<Right>,
}

impl Rights {
    /// Takes over what a role says yes to, as far as it holds in that place.
    pub(crate) fn add(&mut self, caps: &[Cap], at: Where, grant: Option<u32>, world: &World) {
        for cap in caps {
            let names = match at {
                Where::Cluster => cap.names.clone(),
                _ if !cap.on.is_namespaced(cap.verb) => continue,
                // A namespace is authorised inside itself.
                Where::In(ns) if cap.on == On::Namespaces => {
                    let Some(name) = world.namespace(ns).filter(|name| has(&cap.names, name))
                    else {
                        continue;
                    };
                    Some([name.clone()].into())
                }
                _ => cap.names.clone(),
            };
            let Cap { on, verb, rule, .. } = *cap;
            self.list.push(Right { on, verb, at, names, grant, rule, from: u32::MAX });
        }
    }

    /// To be called once all are added.
    pub(crate) fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            (a.on, a.verb, a.at, a.grant, a.rule, a.from)
                .cmp(&(b.on, b.verb, b.at, b.grant, b.rule, b.from))
        });
    }

    /// The yeses to one question.
    pub(crate) fn of(&self, on: On, verb: Verb) -> &[Right] {
        let from = self.list.partition_point(|right| (right.on, right.verb) < (on, verb));
        let to = self.list.partition_point(|right| (right.on, right.verb) <= (on, verb));
        self.list.get(from..to).unwrap_or_default()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Right> {
        self.list.iter()
    }

    pub(crate) fn extend(&mut self, more: impl IntoIterator<Item = Right>) {
        self.list.extend(more);
        self.sort();
    }

    /// Without those that only somebody who authenticated can use: impersonation is not passed on.
    pub(crate) fn without_impersonation(mut self) -> Self {
        self.list.retain(|right| {
            !matches!(right.verb, Verb::Impersonate | Verb::UserInfo | Verb::ServiceAccount)
        });
        self
    }

    /// Those that `filter` lets through as well: what constrained impersonation leaves of the
    /// rights of somebody. Verbs that no request carries are not asked for there.
    pub(crate) fn within(&self, filter: &Self) -> Self {
        let mut list = Vec::new();
        for right in &self.list {
            if matches!(right.verb, Verb::Bind | Verb::Escalate | Verb::Approve) {
                list.push(right.clone());
                continue;
            }
            for other in filter.of(right.on, right.verb) {
                let names = both(&right.names, &other.names);
                if let Some(at) = right.at.meet(other.at).filter(|_| !is_empty(&names)) {
                    list.push(Right { at, names, ..right.clone() });
                }
            }
        }
        let mut rights = Self { list };
        rights.sort();
        rights
    }

    /// Whether some of it could make a step together with rights from elsewhere: what one request
    /// needs in two places.
    pub(crate) fn may_join(&self) -> bool {
        self.list.iter().any(|right| may_join(right.on))
    }
}

/// Whether a step needs a right on it together with another in one request.
pub(crate) fn may_join(on: On) -> bool {
    matches!(
        on,
        On::ClusterRoles
            | On::Roles
            | On::ClusterRoleBindings
            | On::RoleBindings
            | On::Users
            | On::Groups
            | On::Accounts
            | On::InfoUsers
            | On::InfoGroups
            | On::InfoAccounts
            | On::Approval
            | On::Signers
    )
}

/// Objects that can be written, and by which rights.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) at: Where,
    pub(crate) names: Names,
    pub(crate) used: Vec<Right>,
}

/// Objects that can be made: under any name by a plain create, which carries none; under a name
/// that rules give by server-side apply or PUT, which are authorised as patch or update of it and as
/// create with the name.
pub(crate) fn makes(rights: &Rights, on: On) -> Vec<Write> {
    let mut found = Vec::new();
    for create in rights.of(on, Verb::Create) {
        if create.names.is_none() {
            let used = vec![create.clone()];
            found.push(Write { at: create.at, names: None, used });
            continue;
        }
        for other in [Verb::Update, Verb::Patch].into_iter().flat_map(|verb| rights.of(on, verb)) {
            let names = both(&create.names, &other.names);
            if let Some(at) = create.at.meet(other.at).filter(|_| !is_empty(&names)) {
                found.push(Write { at, names, used: vec![create.clone(), other.clone()] });
            }
        }
    }
    found
}

/// Objects that are there and can be changed.
pub(crate) fn changes(rights: &Rights, on: On) -> impl Iterator<Item = Write> + '_ {
    [Verb::Update, Verb::Patch]
        .into_iter()
        .flat_map(move |verb| rights.of(on, verb))
        .map(|right| Write { at: right.at, names: right.names.clone(), used: vec![right.clone()] })
}
