//! The rights that one set of grants comes to, as answers to the questions that steps ask.

use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;

use foldhash::{HashSet, HashSetExt};

use super::ask::{Cap, Mode, Names, On, Verb, both, has, is_empty};
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
    /// What lets it be used in somebody's name, where that is constrained.
    pub(crate) within: Option<Arc<Within>>,
}

/// A right of who impersonates, for what is done in the name of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Within {
    pub(crate) mode: Mode,
    pub(crate) at: Where,
    pub(crate) names: Names,
    /// Slot of the grant; None for a role that a step before gave.
    pub(crate) grant: Option<u32>,
}

impl Cap {
    /// Whether it is a yes to making something, not to connecting to what is there.
    fn makes(&self) -> bool {
        matches!(self.verb, Verb::Create | Verb::CreateOnNode | Verb::CreateOnOwnNode)
            && !matches!(self.on, On::Exec | On::Attach | On::Kubelet)
    }

    /// What it could make a step with.
    pub(crate) fn classes(&self) -> Classes {
        Classes::of_question(self.on, self.verb, self.names.is_some())
    }
}

/// A yes, whatever gives it.
pub(crate) type Said = (On, Verb, Where, Names);

impl Right {
    pub(crate) fn says(&self) -> Said {
        (self.on, self.verb, self.at, self.names.clone())
    }

    /// Whether it is one to make an object under its name: the request is an apply or a PUT, and only
    /// that is asked about in somebody's name (`apiserver/pkg/endpoints/handlers/patch.go`,
    /// `withAuthorization`).
    fn is_behind_a_write(&self) -> bool {
        let (.., subresource) = self.on.target();
        self.verb == Verb::Create && self.names.is_some() && subresource.is_empty()
    }
}

/// Rights, in order of questions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rights {
    list: Vec<Right>,
    /// Where everything is allowed.
    full: Vec<Where>,
}

impl Rights {
    /// Takes over what a role says yes to, as far as it holds in that place.
    pub(crate) fn add(&mut self, caps: &[Cap], at: Where, grant: Option<u32>, world: &World) {
        for cap in caps {
            let names = match at {
                Where::Cluster => cap.names.clone(),
                _ if !cap.on.is_namespaced(cap.verb) => continue,
                // A namespace is authorised inside itself.
                Where::In(ns) if On::LABELS.contains(&cap.on) => {
                    let Some(name) = world.namespace(ns).filter(|name| has(&cap.names, name))
                    else {
                        continue;
                    };
                    Some([name.clone()].into())
                }
                _ => cap.names.clone(),
            };
            if matches!(at, Where::In(ns) if cap.makes() && !world.is_open(ns)) {
                continue;
            }
            let Cap { on, verb, rule, .. } = *cap;
            self.list.push(Right {
                on,
                verb,
                at,
                names,
                grant,
                rule,
                from: u32::MAX,
                within: None,
            });
        }
    }

    /// Takes note that everything is allowed there.
    pub(crate) fn add_everything(&mut self, at: Where) {
        self.full.push(at);
    }

    /// Whether everything is allowed in all of a place: no role could add to it there.
    pub(crate) fn is_full(&self, at: Where) -> bool {
        self.full.iter().any(|full| full.meet(at) == Some(at))
    }

    /// To be called once all are added.
    pub(crate) fn sort(&mut self) {
        self.list.sort_by(|a, b| {
            (a.on, a.verb, a.at, a.grant, a.rule, a.from)
                .cmp(&(b.on, b.verb, b.at, b.grant, b.rule, b.from))
        });
        // One of those that say the same is enough, the first: pairs of rights are what costs.
        let mut said: HashSet<Said> = HashSet::with_capacity(self.list.len());
        self.list.retain(|right| said.insert(right.says()));
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

    /// Without those that only somebody who authenticated can use: impersonation is not passed on.
    pub(crate) fn without_impersonation(mut self) -> Self {
        self.list.retain(|right| !right.verb.is_impersonation());
        self
    }

    /// Those that `filter` lets through as well: what constrained impersonation leaves of the
    /// rights of somebody. Verbs that no request carries are not asked for there.
    pub(crate) fn within(&self, filter: &Self, mode: Mode) -> Self {
        let mut list = Vec::new();
        for right in &self.list {
            if matches!(right.verb, Verb::Bind | Verb::Escalate | Verb::Approve)
                || right.is_behind_a_write()
            {
                list.push(right.clone());
                continue;
            }
            if right.verb == Verb::Create && matches!(right.on, On::Exec | On::Attach) {
                list.push(Right { verb: Verb::CreateBehind, ..right.clone() });
            }
            for other in filter.of(right.on, right.verb) {
                let names = both(&right.names, &other.names);
                let Some(at) = right.at.meet(other.at).filter(|_| !is_empty(&names)) else {
                    continue;
                };
                let within =
                    Within { mode, at: other.at, names: other.names.clone(), grant: other.grant };
                list.push(Right { at, names, within: Some(Arc::new(within)), ..right.clone() });
            }
        }
        let mut rights = Self { list, full: Vec::new() };
        rights.sort();
        rights
    }

    /// What of it could make a step together with others.
    pub(crate) fn joins(&self) -> Joins {
        let mut joins = Joins::default();
        let mut hasher = foldhash::quality::FixedState::default().build_hasher();
        self.full.hash(&mut hasher);
        let mut whose = false;
        for right in &self.list {
            let classes = Classes::of(right);
            if classes.is_empty() {
                continue;
            }
            // Constrained impersonation leads to what depends on who impersonates.
            whose |= matches!(right.verb, Verb::UserInfo | Verb::ServiceAccount);
            right.says().hash(&mut hasher);
            match joins.places.iter_mut().find(|(at, _)| *at == right.at) {
                Some((_, have)) => *have = have.and(classes),
                None => joins.places.push((right.at, classes)),
            }
            joins.rights.list.push(right.clone());
        }
        joins.rights.full.clone_from(&self.full);
        joins.key = (!whose).then(|| hasher.finish());
        joins
    }

    /// Those that hold somewhere in a place, with others added.
    pub(crate) fn within_reach<'r>(
        &self,
        place: Where,
        more: impl Iterator<Item = &'r Right>,
    ) -> Self {
        let own = self.list.iter().filter(|right| right.at.meet(place).is_some());
        let mut list: Vec<Right> = own.cloned().collect();
        list.extend(more.cloned());
        let mut rights = Self { list, full: self.full.clone() };
        rights.sort();
        rights
    }
}

/// Kinds of rights of which one request needs two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Classes(u128);

impl Classes {
    const SOMEBODY: u128 = 1;
    const GROUP: u128 = 1 << 1;
    const BINDING: u128 = 1 << 2;
    const BIND: u128 = 1 << 3;
    const ROLE: u128 = 1 << 4;
    const ESCALATE: u128 = 1 << 5;
    const APPROVAL: u128 = 1 << 6;
    const SIGNER: u128 = 1 << 7;
    /// From here on, creates under a name, by what they make; then what can be changed.
    const NAMED_CREATE: u32 = 16;
    const CHANGE: u32 = 64;
    const TARGETS: u128 = (1 << On::ALL.len()) - 1;

    pub(crate) fn of(right: &Right) -> Self {
        Self::of_question(right.on, right.verb, right.names.is_some())
    }

    fn of_question(on: On, verb: Verb, named: bool) -> Self {
        let by_target = match (on, verb) {
            (On::Users | On::InfoUsers, _) | (On::Accounts, Verb::Impersonate) => Self::SOMEBODY,
            (On::Groups | On::InfoGroups, _) => Self::GROUP,
            (On::ClusterRoleBindings | On::RoleBindings, _) => Self::BINDING,
            (_, Verb::Bind) => Self::BIND,
            (_, Verb::Escalate) => Self::ESCALATE,
            (On::ClusterRoles | On::Roles, _) => Self::ROLE,
            (On::Approval, _) => Self::APPROVAL,
            (On::Signers, _) => Self::SIGNER,
            _ => 0,
        };
        let target = on as u32;
        let by_verb = match verb {
            Verb::Create if named => 1 << (Self::NAMED_CREATE + target),
            Verb::Patch if !On::SCALES.contains(&on) => 1 << (Self::CHANGE + target),
            Verb::Update if on.is_made_by_put() => 1 << (Self::CHANGE + target),
            _ => 0,
        };
        Self(by_target | by_verb)
    }

    /// Whether a request could need one of each.
    pub(crate) fn meets(self, other: Self) -> bool {
        const PAIRS: [(u128, u128); 4] = [
            (Classes::SOMEBODY, Classes::GROUP),
            (Classes::BINDING, Classes::BIND),
            (Classes::ROLE, Classes::ESCALATE),
            (Classes::APPROVAL, Classes::SIGNER),
        ];
        let has = |all: Self, some: u128| all.0 & some != 0;
        let creates = |all: Self| all.0 >> Self::NAMED_CREATE & Self::TARGETS;
        let changes = |all: Self| all.0 >> Self::CHANGE & Self::TARGETS;
        creates(self) & changes(other) != 0
            || changes(self) & creates(other) != 0
            || PAIRS.iter().any(|(a, b)| {
                (has(self, *a) && has(other, *b)) || (has(self, *b) && has(other, *a))
            })
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether one request needs only one of them.
    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What of some rights could make a step together with others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Joins {
    /// Those of them alone that could.
    pub(crate) rights: Rights,
    /// By place.
    pub(crate) places: Vec<(Where, Classes)>,
    /// What says the same joins alike; None where it matters whose it is.
    pub(crate) key: Option<u64>,
}

impl Joins {
    /// What could come together with rights of a place.
    pub(crate) fn at(&self, place: Where) -> Classes {
        let there = self.places.iter().filter(|(at, _)| at.meet(place).is_some());
        there.fold(Classes::default(), |all, (_, classes)| all.and(*classes))
    }

    /// What could come together with rights of any place.
    pub(crate) fn all(&self) -> Classes {
        self.places.iter().fold(Classes::default(), |all, (_, classes)| all.and(*classes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// Objects that can be written, and by which rights.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) at: Where,
    pub(crate) names: Names,
    pub(crate) used: Vec<Right>,
}

/// Objects that can be made: under any name by a plain create, which carries none; under a name
/// that rules give by server-side apply, which is authorised as patch of it and as create with the
/// name (`apiserver/pkg/endpoints/handlers/patch.go`, `createAuthorizerAttributes`). A PUT is
/// authorised alike, as update and as create (`update.go` there), but makes objects of some kinds
/// only: [`On::is_made_by_put`].
pub(crate) fn makes(rights: &Rights, on: On) -> Vec<Write> {
    let mut found = Vec::new();
    for create in rights.of(on, Verb::Create) {
        if create.names.is_none() {
            let used = vec![create.clone()];
            found.push(Write { at: create.at, names: None, used });
            continue;
        }
        let puts = if on.is_made_by_put() { rights.of(on, Verb::Update) } else { &[] };
        for other in puts.iter().chain(rights.of(on, Verb::Patch)) {
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
