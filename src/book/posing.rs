//! Whose requests an audit policy leaves out of the log though others are known to make them in
//! somebody's name: what decides is who authenticated
//! (`k8s.io/apiserver/pkg/audit/policy/checker.go`), and what a proxy that is left out does in the name
//! of others is in no line, of none of them.

use std::collections::BTreeSet;

use super::tier::impersonates;
use crate::model::{
    AuditPolicy, AuditRule, BindingKind, Identity, Name, Objects, PolicyRule, RoleKind, SubjectKind,
};

/// As whom somebody may act: all, or these.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Whom {
    These(BTreeSet<Name>),
    All,
}

impl Whom {
    fn has(&self, name: &Name) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(name),
        }
    }

    fn add(&mut self, rule: &PolicyRule) {
        match self {
            Self::All => {}
            Self::These(_) if rule.resource_names.is_empty() => *self = Self::All,
            Self::These(names) => names.extend(rule.resource_names.iter().cloned()),
        }
    }
}

/// As whom those may act whom one audit rule names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Posed {
    users: Whom,
    groups: Whom,
    /// By namespace; None: in all.
    accounts: Vec<(Option<Name>, Whom)>,
}

/// For each rule of an audit policy, as whom those may act that it names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Posing(Vec<Option<Posed>>);

impl Posing {
    /// By roles and bindings.
    pub(super) fn new(policy: &AuditPolicy, objects: &Objects) -> Self {
        let rules = policy.rules.as_deref().unwrap_or_default();
        let names = |rule: &AuditRule| rule.users.is_some() || rule.user_groups.is_some();
        if !rules.iter().any(names) {
            return Self::default();
        }
        let mut all: Vec<Option<Posed>> = vec![None; rules.len()];
        for binding in objects.bindings.values() {
            let place = binding
                .meta
                .namespace
                .as_ref()
                .filter(|_| binding.kind == BindingKind::RoleBinding);
            let (kind, space) = match (&*binding.role_ref.kind, place) {
                ("Role", Some(place)) => (RoleKind::Role, place.clone()),
                _ => (RoleKind::ClusterRole, Name::from("")),
            };
            let Some(role) = objects.roles.get(&(kind, space, binding.role_ref.name.clone()))
            else {
                continue;
            };
            let gives: Vec<&PolicyRule> =
                role.rules.iter().filter(|rule| impersonates(rule)).collect();
            if gives.is_empty() {
                continue;
            }
            let subjects = binding.subjects.iter();
            for who in subjects.filter_map(|one| one.identity(binding.meta.namespace.as_ref())) {
                for (_, one) in rules.iter().zip(&mut all).filter(|(rule, _)| is_of(rule, &who)) {
                    let whom = one.get_or_insert_with(|| Posed {
                        users: Whom::These(BTreeSet::new()),
                        groups: Whom::These(BTreeSet::new()),
                        accounts: Vec::new(),
                    });
                    for rule in &gives {
                        whom.add(rule, place);
                    }
                }
            }
        }
        Self(all)
    }

    /// Whether whom the rule of that place names may act as somebody else.
    pub(super) fn may(&self, rule: usize, as_whom: &Identity) -> bool {
        let Some(Some(posed)) = self.0.get(rule) else { return false };
        let name = &as_whom.name;
        match as_whom.kind {
            SubjectKind::User => posed.users.has(name),
            SubjectKind::Group => posed.groups.has(name),
            SubjectKind::ServiceAccount => posed.accounts.iter().any(|(place, whom)| {
                (place.is_none() || *place == as_whom.namespace) && whom.has(name)
            }),
        }
    }
}

impl Posed {
    fn add(&mut self, rule: &PolicyRule, place: Option<&Name>) {
        let about = |resource: &str| {
            rule.resources.iter().any(|have| matches!(&**have, "*") || &**have == resource)
        };
        // Users and groups are in no namespace: a RoleBinding gives nothing there.
        if place.is_none() && about("users") {
            self.users.add(rule);
        }
        if place.is_none() && about("groups") {
            self.groups.add(rule);
        }
        if about("serviceaccounts") {
            let mut whom = Whom::These(BTreeSet::new());
            whom.add(rule);
            self.accounts.push((place.cloned(), whom));
        }
    }
}

/// Whether an audit rule names somebody, as far as that shows without a log: accounts' groups are known.
fn is_of(rule: &AuditRule, who: &Identity) -> bool {
    let users = rule.users.as_deref().unwrap_or_default();
    let groups = rule.user_groups.as_deref().unwrap_or_default();
    if users.is_empty() && groups.is_empty() {
        return false;
    }
    let in_groups = match (who.kind, &who.namespace) {
        (SubjectKind::Group, _) => groups.contains(&who.name),
        (_, Some(place)) => groups.iter().any(|group| is_accounts(group, place)),
        (_, None) => false,
    };
    let named = match who.kind {
        // Of its members only accounts are known.
        SubjectKind::Group => users.iter().any(|user| {
            let place = Identity::from_user_name(user).namespace;
            place.is_some_and(|place| is_accounts(&who.name, &place))
        }),
        _ => who.user_name().is_some_and(|name| users.contains(&name)),
    };
    (users.is_empty() || named) && (groups.is_empty() || in_groups)
}

/// Whether a group has the accounts of a namespace.
fn is_accounts(group: &str, place: &Name) -> bool {
    group == "system:serviceaccounts"
        || group.strip_prefix("system:serviceaccounts:") == Some(&**place)
}
