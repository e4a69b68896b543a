//! By which grants, in which scopes and on which names a question is answered with yes.

use std::collections::BTreeMap;

use super::target::{Naming, Question, ResourceTarget, Scoping, Served, Target};
use crate::model::{Identity, Name, PolicyRule, Scope};
use crate::rbac::Held;
use crate::rbac::matching::{
    group_matches, name_matches, path_matches, resource_matches, verb_matches,
};

/// What gives a right.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// Membership of `system:masters`, ahead of RBAC.
    Masters,
    /// A grant.
    Grant {
        /// Slot of the grant.
        grant: u32,
        /// The rules of its role that take part, by index.
        rules: Vec<usize>,
        /// The subject of the grant: the asker, or one of its groups.
        subject: Identity,
    },
}

/// What a right that is bound to names depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// Only lists and watches that select `metadata.name`.
    NameSelector,
    /// Only creates by server-side apply or PUT, which carry a name; a plain create carries none.
    Apply,
    /// Only watches of one Namespace by their own path, which are authorised inside it.
    WatchPath,
    /// Only requests that carry no name: rules compare names as text, so that the empty one among
    /// `resourceNames` is that of a request without one (`ResourceNameMatches`).
    NoSelector,
    /// The same of a create: a plain one, since server-side apply and PUT carry a name.
    PlainCreate,
    /// The same of `escalate`, which is asked about under the name of the request behind it: only
    /// for roles that a plain create makes.
    NewRole,
}

impl Condition {
    /// In words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NameSelector => "only with a field selector on metadata.name",
            Self::Apply => "only by server-side apply or PUT: a plain create carries no name",
            Self::WatchPath => "only by the path /api/v1/watch/namespaces/NAME",
            Self::NoSelector => "only without a field selector on metadata.name",
            Self::PlainCreate => "only by a plain create: server-side apply and PUT carry a name",
            Self::NewRole => "only for roles that a plain create makes",
        }
    }
}

/// One way in which a question is answered with yes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Way {
    /// Where.
    pub scope: Scope,
    /// On which objects only, sorted; None: on every one.
    pub names: Option<Vec<Name>>,
    /// What it depends on besides.
    pub condition: Option<Condition>,
    /// By what.
    pub via: Via,
}

/// A question made ready: where its requests are authorised and how they are named.
#[derive(Clone, Debug)]
pub(super) struct Inquiry<'q> {
    question: &'q Question,
    verb: &'q str,
    reach: Places,
    naming: Naming,
    /// Names of which any will do; empty: no name is asked for.
    wanted: Vec<Name>,
}

/// Which grants a request can meet, by scope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Places {
    /// Nobody can make such a request.
    Nowhere,
    /// Requests carry no namespace: only cluster-wide grants.
    Cluster,
    /// Requests in one namespace.
    Namespace(Name),
    /// Requests in any namespace: what is granted anywhere.
    Anywhere,
    /// Requests for one Namespace object, authorised inside it: what is granted anywhere, each for
    /// the object of that name.
    OwnNamespace,
}

impl<'q> Inquiry<'q> {
    pub(super) fn new(question: &'q Question) -> Self {
        let (reach, subresource) = match &question.target {
            Target::Path(_) => (Places::Cluster, ""),
            Target::Resource(target) => (places(question, target), &*target.subresource),
        };
        let naming = Naming::of(&question.verb, subresource);
        let mut wanted = Vec::new();
        if naming != Naming::Never
            && let Target::Resource(target) = &question.target
        {
            wanted.extend(question.name.clone());
            if let Some(name) = question.name.as_ref().filter(|_| target.is_signers()) {
                // The API server asks for the whole domain too (pkg/certauthorization).
                let domain = name.split('/').next().unwrap_or_default();
                wanted.push(format!("{domain}/*").into());
            }
            if let (Places::Namespace(ns), true) = (&reach, target.is_namespaces()) {
                wanted = vec![ns.clone()];
            }
        }
        Self { question, verb: &question.verb, reach, naming, wanted }
    }

    /// What a create that carries a name needs besides: one of these, by server-side apply or PUT.
    pub(super) fn beside(&self) -> Option<[Self; 2]> {
        let writes = |verb| Self { verb, naming: Naming::Always, ..self.clone() };
        (self.naming == Naming::Apply).then(|| [writes("patch"), writes("update")])
    }

    pub(super) fn target(&self) -> &Target {
        &self.question.target
    }

    pub(super) fn places(&self) -> &Places {
        &self.reach
    }

    /// The ways that a grant gives: one, or where its rules name objects and the empty name too, one
    /// by requests that carry a name and one by those that carry none.
    pub(super) fn ways(&self, slot: u32, held: &Held) -> Vec<Way> {
        let own = match (&held.scope, &self.reach) {
            (_, Places::Nowhere) | (Scope::Namespace(_), Places::Cluster) => return Vec::new(),
            (Scope::Namespace(have), Places::Namespace(asked)) if have != asked => {
                return Vec::new();
            }
            (Scope::Namespace(have), Places::OwnNamespace) => Some(have),
            _ => None,
        };
        let mut rules = Vec::new();
        let mut found = Names::default();
        for (at, rule) in held.rules().iter().enumerate() {
            if !self.covers(rule) {
                continue;
            }
            let names = self.names(rule, own);
            if names != Names::default() {
                found.add(names);
                rules.push(at);
            }
        }
        let inside = self.is_inside(&held.scope);
        let way = |(names, condition): (Option<Vec<Name>>, _)| {
            // One Namespace object is all that a grant inside it is about.
            let names = names.or_else(|| own.map(|ns| vec![ns.clone()]));
            let via =
                Via::Grant { grant: slot, rules: rules.clone(), subject: held.identity.clone() };
            Way { scope: held.scope.clone(), names, condition, via }
        };
        self.summed(found, inside).into_iter().map(way).collect()
    }

    /// Whether the question is for Namespaces and the grant holds inside one.
    fn is_inside(&self, scope: &Scope) -> bool {
        matches!(scope, Scope::Namespace(_))
            && matches!(&self.question.target, Target::Resource(target) if target.is_namespaces())
    }

    /// Whether a rule covers the question, names set aside.
    fn covers(&self, rule: &PolicyRule) -> bool {
        verb_matches(rule, self.verb)
            && match &self.question.target {
                Target::Path(path) => path_matches(rule, path),
                Target::Resource(target) => {
                    group_matches(rule, &target.group)
                        && resource_matches(rule, &target.resource, &target.subresource)
                }
            }
    }

    /// Which names of a rule that covers the question answer it.
    fn names(&self, rule: &PolicyRule, own: Option<&Name>) -> Names {
        // The authorizer does not look at names where a path is asked for.
        if rule.resource_names.is_empty() || matches!(self.question.target, Target::Path(_)) {
            return Names { every: true, ..Names::default() };
        }
        let fits = |name: &&Name| {
            !name.is_empty()
                && self.naming != Naming::Never
                && (self.wanted.is_empty() || self.wanted.contains(name))
                && own.is_none_or(|own| own == *name)
        };
        Names {
            every: false,
            none: self.has_nameless(own) && name_matches(rule, ""),
            some: rule.resource_names.iter().filter(fits).cloned().collect(),
        }
    }

    /// Whether some of its requests carry no name; inside one Namespace they carry its own.
    fn has_nameless(&self, own: Option<&Name>) -> bool {
        let inside = own.is_some()
            || self.naming == Naming::Selector
                && matches!(&self.reach, Places::Namespace(_))
                && matches!(&self.question.target, Target::Resource(target) if target.is_namespaces());
        self.naming != Naming::Always && !inside
    }

    /// On which objects, and what that depends on.
    fn summed(&self, found: Names, inside: bool) -> Vec<(Option<Vec<Name>>, Option<Condition>)> {
        let Names { every, none, mut some } = found;
        some.sort();
        some.dedup();
        let (named, bare) = match self.naming {
            Naming::Selector if inside => (Some(Condition::WatchPath), None),
            Naming::Selector => (Some(Condition::NameSelector), Some(Condition::NoSelector)),
            Naming::Apply => (Some(Condition::Apply), Some(Condition::PlainCreate)),
            Naming::Escalate => (None, Some(Condition::NewRole)),
            Naming::Always | Naming::Never => (None, None),
        };
        if every {
            return vec![(None, named.filter(|_| inside && self.naming == Naming::Selector))];
        }
        if none && !some.is_empty() && !self.wanted.is_empty() {
            // With the name that is asked for and without one: every request for that object.
            return vec![(Some(some), None)];
        }
        let by_name = (!some.is_empty()).then_some((Some(some), named));
        none.then_some((None, bare)).into_iter().chain(by_name).collect()
    }
}

/// What rules give of the names asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    /// Whatever name a request carries, and requests without one.
    every: bool,
    /// Requests without a name.
    none: bool,
    /// Requests with one of these.
    some: Vec<Name>,
}

impl Names {
    fn add(&mut self, other: Self) {
        self.every |= other.every;
        self.none |= other.none;
        self.some.extend(other.some);
    }
}

/// Of what is allowed, what somebody can do: a create that carries a name needs `beside`, the right
/// to patch or update that object, too.
pub(super) fn practicable(ways: Vec<Way>, beside: &[Way]) -> Vec<Way> {
    let mut found = Vec::new();
    for way in ways {
        let Some(names) = way.names.as_ref().filter(|_| way.condition == Some(Condition::Apply))
        else {
            found.push(way);
            continue;
        };
        // Within the scope of either.
        let mut inside: BTreeMap<&Scope, Vec<Name>> = BTreeMap::new();
        for other in beside {
            let scope = match (&way.scope, &other.scope) {
                (Scope::Cluster, scope) | (scope, Scope::Cluster) => scope,
                (one, other) if one == other => one,
                _ => continue,
            };
            let fits = |name: &&Name| other.names.as_ref().is_none_or(|some| some.contains(name));
            inside.entry(scope).or_default().extend(names.iter().filter(fits).cloned());
        }
        let everywhere = inside.get(&Scope::Cluster).cloned().unwrap_or_default();
        for (scope, mut names) in inside {
            names.retain(|name| *scope == Scope::Cluster || !everywhere.contains(name));
            names.sort();
            names.dedup();
            if !names.is_empty() {
                found.push(Way { scope: scope.clone(), names: Some(names), ..way.clone() });
            }
        }
    }
    found.sort();
    found
}

fn places(question: &Question, target: &ResourceTarget) -> Places {
    if matches!(target.served, Served::No(_)) {
        return Places::Nowhere;
    }
    if target.is_one_namespace(&question.verb) {
        return match question.name.as_ref().or(question.namespace.as_ref()) {
            Some(ns) => Places::Namespace(ns.clone()),
            None => Places::OwnNamespace,
        };
    }
    match (target.scoping, &question.namespace) {
        (Scoping::Cluster, _) => Places::Cluster,
        (_, Some(ns)) => Places::Namespace(ns.clone()),
        (_, None) => Places::Anywhere,
    }
}
