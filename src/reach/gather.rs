//! Takes a snapshot apart into what a search asks for.

use std::collections::BTreeSet;
use std::sync::Arc;

use foldhash::{HashMap, HashMapExt};
use rayon::prelude::*;

use super::ask::{Mode, On, Verb, caps};
use super::rights::Classes;
use super::steps::impersonate::is_constrained;
use super::within;
use super::world::{Bound, Level, RoleFacts, Where, World};
use crate::book::{Book, Entry, GrantId};
use crate::model::{
    Binding, BindingKind, Identity, ListKind, Meta, Name, PolicyRule, RoleKind, ServiceAccount,
    SubjectKind,
};
use crate::rbac::RoleKey;
use crate::rbac::aggregation::{fed_by, is_written};
use crate::workloads::{enforced, standards};

/// No name: names of objects are not empty.
const UNMADE: &str = "";

impl World {
    pub(crate) fn new(book: &Book) -> Self {
        let mut world = Self::empty(book);
        world.add_namespaces(book);
        world.add_identities(book);
        world.add_roles(book);
        world.add_unmade();
        world.add_pods(book);
        world.add_next(book);
        world.add_strangers(book);
        world
    }

    fn empty(book: &Book) -> Self {
        let cluster = &book.snapshot.cluster;
        let objects = &book.snapshot.objects;
        let served = &book.snapshot.discovery.resources;
        let aws_auth = ("kube-system".into(), "aws-auth".into());
        let definitions = objects.others.keys().filter(|(kind, ..)| &**kind == "RBACDefinition");
        let definitions: Vec<Name> = definitions.map(|(_, _, name)| name.clone()).collect();
        Self {
            identities: book.entries().map(|entry| entry.id.0 + 1).max().unwrap_or_default(),
            namespaces: Vec::new(),
            numbers: HashMap::new(),
            accounts: Vec::new(),
            known: Vec::new(),
            missing: Vec::new(),
            going: Vec::new(),
            users: Vec::new(),
            groups: Vec::new(),
            names: Vec::new(),
            user_numbers: HashMap::new(),
            group_numbers: HashMap::new(),
            tokens: Vec::new(),
            token_secrets: Vec::new(),
            fixed_secrets: Vec::new(),
            other_secrets: Vec::new(),
            pods: Vec::new(),
            nodes: Vec::new(),
            placed: Vec::new(),
            mounts: Vec::new(),
            holds_keys: Vec::new(),
            hides_keys: false,
            on_node: Vec::new(),
            runs_on_node: Vec::new(),
            seen_on_node: Vec::new(),
            secrets_on_node: Vec::new(),
            switched: Vec::new(),
            next: Vec::new(),
            own_nodes: false,
            nodes_of: HashMap::new(),
            addable: Vec::new(),
            closed: Vec::new(),
            welcomes: Vec::new(),
            anonymous: None,
            workloads: Vec::new(),
            pod_names: Vec::new(),
            levels: Vec::new(),
            roles: Vec::new(),
            role_numbers: HashMap::new(),
            roles_in: Vec::new(),
            cluster_roles: Vec::new(),
            unmade_cluster_role: u32::MAX,
            unmade_in: Vec::new(),
            bindings_in: Vec::new(),
            cluster_bindings: Vec::new(),
            signs_clients: !cluster.is_eks(),
            minor: cluster.minor(),
            policies: has_policies(book) == Some(true),
            rbac_manager: served.iter().any(|resource| &*resource.name == "rbacdefinitions")
                || !definitions.is_empty(),
            definitions,
            aws_auth: objects.config_maps.contains_key(&aws_auth)
                || !book.snapshot.covers(&[ListKind::ConfigMaps], Some("kube-system")),
            aws: objects.config_maps.contains_key(&aws_auth) || cluster.is_eks(),
        }
    }

    fn add_namespaces(&mut self, book: &Book) {
        let objects = &book.snapshot.objects;
        let mut all: BTreeSet<Name> = objects.namespaces.keys().cloned().collect();
        all.extend(objects.service_accounts.keys().map(|(ns, _)| ns.clone()));
        all.extend(objects.roles.keys().map(|(_, ns, _)| ns.clone()));
        all.extend(objects.bindings.keys().map(|(_, ns, _)| ns.clone()));
        all.extend(objects.pods.keys().map(|(ns, _)| ns.clone()));
        all.extend(book.entries().filter_map(|entry| entry.identity.namespace.clone()));
        all.remove("");
        self.namespaces = all.into_iter().collect();
        self.numbers = (0u32..).zip(&self.namespaces).map(|(at, ns)| (ns.clone(), at)).collect();
        let count = self.namespaces.len();
        self.accounts = vec![Vec::new(); count];
        self.known = vec![Vec::new(); count];
        self.missing = vec![Vec::new(); count];
        self.going = vec![Vec::new(); count];
        self.tokens = vec![Vec::new(); count];
        self.token_secrets = vec![Vec::new(); count];
        self.fixed_secrets = vec![Vec::new(); count];
        self.other_secrets = vec![Vec::new(); count];
        self.switched = vec![Vec::new(); count];
        self.next = vec![Vec::new(); count];
        self.pods = vec![Vec::new(); count];
        self.placed = vec![Vec::new(); count];
        self.mounts = vec![Vec::new(); count];
        self.addable = vec![Vec::new(); count];
        self.workloads = vec![Vec::new(); count];
        self.pod_names = vec![Vec::new(); count];
        self.roles_in = vec![Vec::new(); count];
        self.bindings_in = vec![Vec::new(); count];
        let going = |ns: &Name| {
            objects.namespaces.get(ns).is_some_and(|ns| ns.meta.deletion_timestamp.is_some())
        };
        self.closed = self.namespaces.iter().map(going).collect();
        self.levels = self
            .namespaces
            .iter()
            .map(|ns| match enforced(book, ns) {
                // Nothing is said of what is not known.
                None => Level::NotKnown,
                Some(of) if of.level > standards::Level::Privileged => Level::Held,
                Some(_) => Level::Free,
            })
            .collect();
    }

    fn add_identities(&mut self, book: &Book) {
        let objects = &book.snapshot.objects;
        self.names = vec!["".into(); self.identities as usize];
        for entry in book.entries() {
            let identity = &entry.identity;
            if let Some(place) = self.names.get_mut(entry.id.0 as usize) {
                *place = identity.name.clone();
            }
            match (identity.kind, &identity.namespace) {
                (SubjectKind::User, _) => {
                    self.users.push(entry.id.0);
                    self.user_numbers.insert(identity.name.clone(), entry.id.0);
                }
                (SubjectKind::Group, _) => {
                    self.groups.push(entry.id.0);
                    self.group_numbers.insert(identity.name.clone(), entry.id.0);
                }
                (SubjectKind::ServiceAccount, Some(ns)) => {
                    let Some(at) = self.number(ns) else { continue };
                    let key = (ns.clone(), identity.name.clone());
                    push(&mut self.known, at, entry.id.0);
                    if let Some(account) = objects.service_accounts.get(&key) {
                        let lists =
                            if is_going(account) { &mut self.going } else { &mut self.accounts };
                        push(lists, at, entry.id.0);
                    } else if objects.namespaces.contains_key(ns)
                        && self.is_open(at)
                        && is_bound(book, entry)
                        && book.snapshot.lacks_account(ns, &identity.name)
                    {
                        push(&mut self.missing, at, entry.id.0);
                    }
                }
                _ => {}
            }
        }
        for ((ns, name), secret) in &objects.secrets {
            if let Some(at) = self.number(ns)
                && ListKind::of_secret(&secret.type_) == Some(ListKind::TokenSecrets)
                && secret.meta.deletion_timestamp.is_none()
            {
                let lists = if secret.immutable {
                    &mut self.fixed_secrets
                } else {
                    &mut self.token_secrets
                };
                push(lists, at, name.clone());
            }
            let account = secret.meta.annotations.get("kubernetes.io/service-account.name");
            if let (Some(at), Some(account)) = (self.number(ns), account)
                && ListKind::of_secret(&secret.type_) == Some(ListKind::TokenSecrets)
                && is_live(
                    (&secret.meta, book.snapshot.cluster.refuses_invalidated()),
                    objects
                        .service_accounts
                        .get(&(ns.clone(), account.clone()))
                        .map(|account| &account.meta),
                )
                && let Some(id) = Self::account(book, ns, account)
            {
                push(&mut self.tokens, at, (name.clone(), id));
            }
        }
    }

    /// An account whose tokens the API server takes.
    pub(super) fn account(book: &Book, ns: &Name, name: &Name) -> Option<u32> {
        let accounts = &book.snapshot.objects.service_accounts;
        let account = accounts.get(&(ns.clone(), name.clone()));
        let exists = account.is_some_and(|account| !is_going(account));
        let identity = Identity::service_account(ns.clone(), name.clone());
        book.find(&identity).filter(|_| exists).map(|entry| entry.id.0)
    }

    fn add_roles(&mut self, book: &Book) {
        let objects = &book.snapshot.objects;
        let roles: Vec<_> = objects.roles.iter().collect();
        self.roles = roles
            .into_par_iter()
            .map(|(key, role)| (key, role, caps(&role.rules, Mode::Own)))
            .map(|(key, role, caps)| RoleFacts {
                key: key.clone(),
                exists: true,
                asks: caps.iter().fold(0, |all, cap| all | cap.on.bit(cap.verb)),
                fed_by: fed_by(role).map(Arc::new),
                aggregated: is_written(role),
                classes: caps.iter().fold(Classes::default(), |all, cap| all.and(cap.classes())),
                caps,
                lets: within::lets(&role.rules),
                full: role.rules.iter().any(is_everything),
                tiers: (book.tier_of_role(key, true), book.tier_of_role(key, false)),
            })
            .collect();
        let own_node = On::InfoNodes.bit(Verb::AssociatedNode);
        let is_own_node = |role: &RoleFacts| !role.full && role.asks & own_node != 0;
        self.own_nodes = is_constrained(self) && self.roles.iter().any(is_own_node);
        for (at, role) in (0u32..).zip(&self.roles) {
            self.role_numbers.insert(role.key.clone(), at);
            match (role.key.0, self.numbers.get(&role.key.1)) {
                (RoleKind::Role, Some(ns)) => push(&mut self.roles_in, *ns, at),
                _ => self.cluster_roles.push(at),
            }
        }
        for binding in objects.bindings.values() {
            let Some(key) = role_of(binding) else { continue };
            let role = self.role_number(key);
            let name = binding.meta.name.clone();
            match (binding.kind, self.at(&binding.scope())) {
                (BindingKind::ClusterRoleBinding, at) => {
                    self.cluster_bindings.push(Bound { name, at, role });
                }
                (BindingKind::RoleBinding, at @ Where::In(ns)) => {
                    push(&mut self.bindings_in, ns, Bound { name, at, role });
                }
                _ => {}
            }
        }
    }

    /// Roles that could be made, under a name that no object can have and so no rule gives.
    fn add_unmade(&mut self) {
        self.unmade_cluster_role =
            self.role_number((RoleKind::ClusterRole, "".into(), UNMADE.into()));
        // Roles that do not exist may be bound by name all the same, and made.
        let may_bind = |role: &RoleFacts| {
            let binds = role.caps.iter().filter(|cap| cap.verb == Verb::Bind);
            binds.filter_map(|cap| Some((cap.on, cap.names.clone()?))).collect::<Vec<_>>()
        };
        let named: BTreeSet<(On, Name)> = self
            .roles
            .iter()
            .flat_map(may_bind)
            .flat_map(|(on, names)| names.iter().map(|name| (on, name.clone())).collect::<Vec<_>>())
            .collect();
        let namespaces = self.namespaces.clone();
        for (on, name) in named {
            if on == On::ClusterRoles {
                self.role_number((RoleKind::ClusterRole, "".into(), name));
                continue;
            }
            for ns in &namespaces {
                self.role_number((RoleKind::Role, ns.clone(), name.clone()));
            }
        }
        self.unmade_in = namespaces
            .into_iter()
            .map(|ns| self.role_number((RoleKind::Role, ns, UNMADE.into())))
            .collect();
    }

    /// The role's number; a new one for a role that does not exist.
    fn role_number(&mut self, key: RoleKey) -> u32 {
        if let Some(at) = self.role_numbers.get(&key) {
            return *at;
        }
        let at = u32::try_from(self.roles.len()).unwrap_or(u32::MAX);
        self.role_numbers.insert(key.clone(), at);
        self.roles.push(RoleFacts {
            key,
            exists: false,
            caps: Vec::new(),
            asks: 0,
            classes: Classes::default(),
            fed_by: None,
            aggregated: false,
            lets: [false; 2],
            full: false,
            tiers: Default::default(),
        });
        at
    }
}

/// Whether an account is on its way out: a minute later no token of it is taken any more
/// (`pkg/serviceaccount/claims.go`, `Validate`), and one in a Secret at once (`legacy.go` there).
fn is_going(account: &ServiceAccount) -> bool {
    account.meta.deletion_timestamp.is_some()
}

/// Whether a binding names somebody, not only a group of its.
fn is_bound(book: &Book, entry: &Entry) -> bool {
    let own =
        |id: &GrantId| book.grant(*id).is_some_and(|grant| grant.key.subject == entry.identity);
    entry.grants.iter().any(own)
}

pub(super) fn push<T>(lists: &mut [Vec<T>], at: u32, value: T) {
    if let Some(list) = lists.get_mut(at as usize) {
        list.push(value);
    }
}

/// Whether the API server takes the token: the Secret is not on its way out nor invalidated, and
/// was made for the account that now has the name (`pkg/serviceaccount/legacy.go`). Whether it minds the
/// label depends on its version.
fn is_live((secret, minds): (&Meta, bool), account: Option<&Meta>) -> bool {
    let invalid = minds
        && secret
            .labels
            .get("kubernetes.io/legacy-token-invalid-since")
            .is_some_and(|since| !since.is_empty());
    let made_for = secret.annotations.get("kubernetes.io/service-account.uid");
    let same = match (made_for, account.and_then(|account| account.uid.as_ref())) {
        (Some(made_for), Some(uid)) => made_for == uid,
        _ => true,
    };
    secret.deletion_timestamp.is_none() && !invalid && same && account.is_some()
}

fn is_everything(rule: &PolicyRule) -> bool {
    let is_star = |list: &[Name]| list.iter().any(|have| &**have == "*");
    is_star(&rule.verbs)
        && is_star(&rule.api_groups)
        && is_star(&rule.resources)
        && rule.resource_names.is_empty()
}

/// The role that a binding refers to; None for a kind that the authorizer does not know.
pub(super) fn role_of(binding: &Binding) -> Option<RoleKey> {
    let name = binding.role_ref.name.clone();
    match (&*binding.role_ref.kind, binding.kind) {
        ("ClusterRole", _) => Some((RoleKind::ClusterRole, "".into(), name)),
        ("Role", BindingKind::RoleBinding) => {
            Some((RoleKind::Role, binding.meta.namespace.clone()?, name))
        }
        _ => None,
    }
}

/// The first version in which mutating admission policies are on.
const POLICIES_SINCE: u32 = 36;

/// Whether the API server knows `MutatingAdmissionPolicies`: by what it serves, else by its version;
/// None where neither is known.
pub(super) fn has_policies(book: &Book) -> Option<bool> {
    let all = book.snapshot.discovery.resources.iter();
    let mut served = all.filter(|one| &*one.group == "admissionregistration.k8s.io").peekable();
    if served.peek().is_some() {
        return Some(served.any(|one| &*one.name == "mutatingadmissionpolicies"));
    }
    book.snapshot.cluster.minor().map(|minor| minor >= POLICIES_SINCE)
}
