//! What there is to be taken over: accounts, tokens, pods, nodes, roles and bindings, in a form that
//! is quick to ask.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use super::ask::{Cap, Names, On};
use super::moves::To;
use super::rights::Classes;
use super::stranger::Stranger;
use super::switched::Switched;
use crate::book::Tier;
use crate::model::{Binding, Identity, Name, PolicyRule, RoleKind, Scope, SecretSight};
use crate::rbac::RoleKey;

/// Where a right holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Where {
    /// Cluster-wide.
    Cluster,
    /// In every namespace, but not for what has none.
    Each,
    /// In one namespace, by its number.
    In(u32),
}

impl Where {
    /// Where both hold.
    pub(crate) fn meet(self, other: Self) -> Option<Self> {
        // From wide to narrow.
        let (wide, narrow) = (self.min(other), self.max(other));
        (wide == narrow || !matches!(wide, Self::In(_))).then_some(narrow)
    }

    /// The namespaces of it, for what has one.
    pub(crate) fn inside(self) -> Self {
        if self == Self::Cluster { Self::Each } else { self }
    }
}

/// A role, or what a binding refers to in its place.
#[derive(Clone, Debug)]
pub(crate) struct RoleFacts {
    pub(crate) key: RoleKey,
    pub(crate) exists: bool,
    pub(crate) caps: Vec<Cap>,
    /// The questions to which it says yes.
    pub(crate) asks: u128,
    /// What of it could make a step together with others.
    pub(crate) classes: Classes,
    /// The labels by which a `ClusterRole` becomes part of it; None where it is not aggregated.
    pub(crate) fed_by: Option<Arc<BTreeMap<Name, Name>>>,
    /// Whether its controller puts its rules back.
    pub(crate) aggregated: bool,
    /// Whether it lets requests be made in the name of users, and of accounts.
    pub(crate) lets: [bool; 2],
    /// Whether it allows everything.
    pub(crate) full: bool,
    /// How strong it is cluster-wide and in a namespace.
    pub(crate) tiers: (Tier, Tier),
}

/// A binding that is there.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(crate) name: Name,
    pub(crate) at: Where,
    /// The number of its role.
    pub(crate) role: u32,
}

/// A pod that runs, with an account's token that its spec names.
#[expect(clippy::struct_excessive_bools)] // Each is a fact of the pod that no other implies.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    pub(crate) name: Name,
    /// The account whose token it is.
    pub(crate) account: u32,
    /// Whether a container that runs sees it.
    pub(crate) command: bool,
    /// Whether one does whose image can be changed, and that starts anew then.
    pub(crate) image: bool,
    /// Whether it is the pod's own, and ends with the pod; else it is in a Secret.
    pub(crate) own: bool,
    /// Whether the pod breaks its namespace's Pod Security level, so that no image of it is changed and
    /// no container added.
    pub(crate) held: bool,
    /// Whether the pod is on its way out, so that no container of it is started any more.
    pub(crate) going: bool,
}

/// How one gets at the tokens in a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Door {
    /// In a container that runs.
    Command,
    /// By another image of a container.
    Image,
    /// By a container that is added.
    Container,
}

impl Running {
    pub(crate) fn opens(&self, door: Door) -> bool {
        self.has(door) && (door == Door::Command || !self.held)
    }

    /// The same whatever the Pod Security level says.
    pub(crate) fn has(&self, door: Door) -> bool {
        match door {
            Door::Command => self.command,
            Door::Image => self.image,
            // Whatever is in Secrets it sees besides.
            Door::Container => self.own && !self.going,
        }
    }
}

/// Where a pod runs, and whether it has its node.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) name: Name,
    /// The number of the node.
    pub(crate) node: u32,
    pub(crate) has_node: bool,
    /// Whether what is changed of it changes nothing: it only shows one that a file on the node says, or
    /// is on its way out.
    pub(crate) mirror: bool,
}

/// A Secret that a pod that runs refers to.
#[derive(Clone, Debug)]
pub(crate) struct Mount {
    pub(crate) pod: Name,
    /// The number of its node.
    pub(crate) node: u32,
    pub(crate) secret: Name,
    /// What there would be of a token in it.
    pub(crate) sight: SecretSight,
    /// Whether the pod breaks its namespace's Pod Security level.
    pub(crate) held: bool,
}

/// What a namespace lets pods do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Anything, as its label or the server's configuration says.
    Free,
    /// Baseline or restricted.
    Held,
    /// It was not read.
    NotKnown,
}

impl Level {
    /// Whether pods may have their node, as far as is known.
    pub(crate) fn lets(self) -> bool {
        self == Self::Free
    }
}

/// The snapshot, by number.
#[expect(clippy::struct_excessive_bools)] // Each is a fact of the cluster that no other implies.
#[derive(Clone, Debug)]
pub(crate) struct World {
    /// One more than the highest number of an identity.
    pub(crate) identities: u32,
    pub(crate) namespaces: Vec<Name>,
    pub(super) numbers: HashMap<Name, u32>,
    /// By namespace: accounts that exist, and those that at least something names.
    pub(crate) accounts: Vec<Vec<u32>>,
    pub(crate) known: Vec<Vec<u32>>,
    /// Those that bindings name and that are not there, in namespaces that are.
    pub(crate) missing: Vec<Vec<u32>>,
    /// Accounts that are on their way out.
    pub(crate) going: Vec<Vec<u32>>,
    pub(crate) users: Vec<u32>,
    /// Groups that grants name.
    pub(crate) groups: Vec<u32>,
    /// By number of the identity.
    pub(super) names: Vec<Name>,
    pub(super) user_numbers: HashMap<Name, u32>,
    pub(super) group_numbers: HashMap<Name, u32>,
    /// By namespace: token Secrets that the API server takes, and their accounts.
    pub(crate) tokens: Vec<Vec<(Name, u32)>>,
    /// By namespace: token Secrets that are there and stay, and whose content can be changed, in order.
    pub(crate) token_secrets: Vec<Vec<Name>>,
    /// The same of those whose content never changes (`immutable`).
    pub(crate) fixed_secrets: Vec<Vec<Name>>,
    /// By namespace: Secrets without which pods that run would not, and that are of no token, in order.
    pub(crate) other_secrets: Vec<Vec<Name>>,
    pub(crate) pods: Vec<Vec<Running>>,
    pub(crate) nodes: Vec<Name>,
    /// By namespace: pods that run.
    pub(crate) placed: Vec<Vec<Placed>>,
    /// By namespace: Secrets that pods refer to that run, and that are not there for sure or hold a
    /// token.
    pub(crate) mounts: Vec<Vec<Mount>>,
    /// By node: whether a pod of kube-apiserver runs there, so that it holds the cluster's keys.
    pub(crate) holds_keys: Vec<bool>,
    /// Whether some node holds them, though no pod says which.
    pub(crate) hides_keys: bool,
    /// By namespace: pods that run and take another container.
    pub(crate) addable: Vec<Vec<Name>>,
    /// By namespace: whether it is on its way out, so that nothing is made in it.
    pub(crate) closed: Vec<bool>,
    /// By namespace: whether an account that is made there holds something by its groups.
    pub(crate) welcomes: Vec<bool>,
    /// Whoever leaves its credential out, where that gives something.
    pub(crate) anonymous: Option<To>,
    /// By node: accounts whose tokens its pods' specs name.
    pub(crate) on_node: Vec<Vec<u32>>,
    /// By node: those of them whose tokens a container sees that runs.
    pub(crate) seen_on_node: Vec<Vec<u32>>,
    /// By node: token Secrets that its pods' specs name, with their namespaces and accounts.
    pub(crate) secrets_on_node: Vec<Vec<(u32, Name, u32)>>,
    /// By namespace: pods without their account's token, which have it once the account says so and they
    /// are made anew.
    pub(crate) switched: Vec<Vec<Switched>>,
    /// By namespace: accounts whose tokens are in the pods that `CronJob`s make next.
    pub(crate) next: Vec<Vec<u32>>,
    /// Whether a role lets anybody pass for the node that its token is bound to.
    pub(crate) own_nodes: bool,
    /// By account: nodes on which pods run with its own token.
    pub(crate) nodes_of: HashMap<u32, Vec<u32>>,
    /// By node: accounts as which its pods run with a token of their own.
    pub(crate) runs_on_node: Vec<Vec<u32>>,
    /// By namespace: workloads that are there.
    pub(crate) workloads: Vec<Vec<(On, Name)>>,
    /// By namespace: names of pods, whether they run or not.
    pub(crate) pod_names: Vec<Vec<Name>>,
    pub(crate) levels: Vec<Level>,
    pub(crate) roles: Vec<RoleFacts>,
    pub(super) role_numbers: HashMap<RoleKey, u32>,
    /// By namespace, and cluster-wide last: numbers of roles that exist.
    pub(crate) roles_in: Vec<Vec<u32>>,
    pub(crate) cluster_roles: Vec<u32>,
    /// A `ClusterRole` that does not exist, under a name that no rule gives; by namespace, a Role.
    pub(crate) unmade_cluster_role: u32,
    pub(crate) unmade_in: Vec<u32>,
    pub(crate) bindings_in: Vec<Vec<Bound>>,
    pub(crate) cluster_bindings: Vec<Bound>,
    /// Whether a request for a client certificate that was approved is signed: not on EKS.
    pub(crate) signs_clients: bool,
    /// Minor version of the server.
    pub(crate) minor: Option<u32>,
    /// Whether it knows mutating admission policies.
    pub(crate) policies: bool,
    pub(crate) rbac_manager: bool,
    /// Names of `RBACDefinitions`.
    pub(crate) definitions: Vec<Name>,
    pub(crate) aws: bool,
    /// Whether the `ConfigMap` is there, or may be.
    pub(crate) aws_auth: bool,
}

impl World {
    pub(crate) fn user(&self, name: &str) -> Option<u32> {
        self.user_numbers.get(name).copied()
    }

    pub(crate) fn group(&self, name: &str) -> Option<u32> {
        self.group_numbers.get(name).copied()
    }

    /// Whether an account of one of the names is not there that bindings name.
    pub(crate) fn misses(&self, at: Where, names: &Names) -> bool {
        let is_it = |id: &u32| names.as_ref().is_none_or(|names| self.is_named(*id, names));
        self.within(at).any(|ns| of(&self.missing, ns).iter().any(is_it))
            || self.strangers(at).any(|who| match who {
                Stranger::Account(ns) => self.is_new_account(ns, names),
                Stranger::Anonymous => false,
            })
    }

    /// Whether something can be made in a namespace
    /// (`plugin/pkg/admission/namespace/lifecycle`).
    pub(crate) fn is_open(&self, ns: u32) -> bool {
        self.closed.get(ns as usize) != Some(&true)
    }

    /// The namespaces of a place in which something can be made.
    pub(crate) fn open_within(&self, at: Where) -> impl Iterator<Item = u32> + '_ {
        self.within(at).filter(|ns| self.is_open(*ns))
    }

    /// Whether pods of a place refer to Secrets that somebody could make or change.
    pub(crate) fn awaits_secrets(&self, at: Where) -> bool {
        self.within(at).any(|ns| !of(&self.mounts, ns).is_empty())
    }

    /// The namespaces of a place in which a container can be added to a pod.
    pub(crate) fn with_pods(&self, at: Where) -> Vec<Where> {
        let takes = |ns: &u32| !of(&self.addable, *ns).is_empty();
        self.within(at).filter(takes).map(Where::In).collect()
    }

    /// What a namespace lets pods do.
    pub(crate) fn level(&self, ns: u32) -> Level {
        self.levels.get(ns as usize).copied().unwrap_or(Level::NotKnown)
    }

    /// Whether something can be made in every namespace.
    pub(crate) fn is_all_open(&self) -> bool {
        !self.closed.contains(&true)
    }

    pub(crate) fn is_masters(&self, id: u32) -> bool {
        self.group(Identity::SYSTEM_MASTERS) == Some(id)
    }

    /// Whether a user's name is one of a node.
    pub(crate) fn is_node(&self, id: u32, prefix: &str) -> bool {
        self.names.get(id as usize).is_some_and(|name| name.starts_with(prefix))
    }

    /// Whether a node that holds the cluster's keys can be seen.
    pub(crate) fn sees_control_plane(&self) -> bool {
        self.hides_keys || self.holds_keys.contains(&true)
    }

    /// The number of a node on which pods run.
    pub(crate) fn node(&self, name: &str) -> Option<u32> {
        let at = self.nodes.binary_search_by(|node| (**node).cmp(name)).ok()?;
        u32::try_from(at).ok()
    }

    /// Whether the identity's name is among sorted ones.
    pub(crate) fn is_named(&self, id: u32, names: &[Name]) -> bool {
        self.names.get(id as usize).is_some_and(|name| names.binary_search(name).is_ok())
    }

    /// Accounts of a place for which something can be made, whose name is among sorted ones.
    pub(crate) fn named_accounts<'w>(
        &'w self,
        at: Where,
        names: &'w [Name],
    ) -> impl Iterator<Item = u32> + 'w {
        self.open_within(at)
            .flat_map(move |ns| of(&self.accounts, ns).iter().copied())
            .filter(move |id| self.is_named(*id, names))
    }

    /// The groups of every account of a namespace, as far as grants name them, sorted.
    pub(crate) fn account_groups(&self, ns: u32) -> Vec<u32> {
        let Some(ns) = self.namespace(ns) else { return Vec::new() };
        let account = Identity::service_account(ns.clone(), "-");
        let mut ids: Vec<u32> = account
            .implicit_groups()
            .iter()
            .filter(|group| &***group != Identity::AUTHENTICATED)
            .filter_map(|group| self.group(group))
            .collect();
        ids.sort_unstable();
        ids
    }

    pub(crate) fn number(&self, ns: &str) -> Option<u32> {
        self.numbers.get(ns).copied()
    }

    pub(crate) fn at(&self, scope: &Scope) -> Where {
        match scope {
            Scope::Cluster => Where::Cluster,
            Scope::Namespace(ns) => self.number(ns).map_or(Where::In(u32::MAX), Where::In),
        }
    }

    /// The number of a role that exists, or that a binding refers to.
    pub(crate) fn role(&self, kind: RoleKind, ns: &str, name: &str) -> Option<u32> {
        self.role_numbers.get(&(kind, ns.into(), name.into())).copied()
    }

    pub(crate) fn role_facts(&self, role: u32) -> Option<&RoleFacts> {
        self.roles.get(role as usize)
    }

    /// The number of the role that a binding refers to.
    pub(crate) fn role_of(&self, binding: &Binding) -> Option<u32> {
        self.role_numbers.get(&super::gather::role_of(binding)?).copied()
    }

    /// The name of a place that is one namespace.
    pub(crate) fn name_of(&self, at: Where) -> Option<&Name> {
        if let Where::In(ns) = at { self.namespace(ns) } else { None }
    }

    /// The name of a namespace.
    pub(crate) fn namespace(&self, at: u32) -> Option<&Name> {
        self.namespaces.get(at as usize)
    }

    /// Whether a pod, or what makes pods, has that name in a namespace.
    pub(crate) fn runs_by(&self, on: On, ns: u32, name: &str) -> bool {
        match on {
            On::Pods => of(&self.pod_names, ns).iter().any(|have| &**have == name),
            _ => of(&self.workloads, ns).iter().any(|(kind, have)| *kind == on && &**have == name),
        }
    }

    /// The numbers of the namespaces that a place is made of.
    pub(crate) fn within(&self, at: Where) -> Box<dyn Iterator<Item = u32> + '_> {
        match at {
            Where::In(ns) if (ns as usize) < self.namespaces.len() => Box::new(std::iter::once(ns)),
            Where::In(_) => Box::new(std::iter::empty()),
            Where::Cluster | Where::Each => {
                Box::new(0..u32::try_from(self.namespaces.len()).unwrap_or(u32::MAX))
            }
        }
    }
}

/// What a list of a namespace holds; nothing for one that is not there.
pub(crate) fn of<T>(lists: &[Vec<T>], at: u32) -> &[T] {
    lists.get(at as usize).map_or(&[], Vec::as_slice)
}

/// Everything, as one rule.
pub(crate) fn everything() -> PolicyRule {
    let star = || vec![Name::from("*")];
    PolicyRule { verbs: star(), api_groups: star(), resources: star(), ..PolicyRule::default() }
}

#[cfg(test)]
mod meeting {
    use super::Where::{self, Cluster, Each, In};

    #[test]
    fn places_meet_in_the_narrower() {
        let expected: [(Where, Where, Option<Where>); 7] = [
            (Cluster, Cluster, Some(Cluster)),
            (Cluster, Each, Some(Each)),
            (Cluster, In(3), Some(In(3))),
            (Each, Each, Some(Each)),
            (Each, In(3), Some(In(3))),
            (In(3), In(3), Some(In(3))),
            (In(3), In(4), None),
        ];
        for (one, other, meet) in expected {
            assert_eq!(one.meet(other), meet);
            assert_eq!(other.meet(one), meet);
        }
    }
}
