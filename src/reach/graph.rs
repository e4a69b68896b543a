//! Who holds what on the way: identities, impersonated requests, roles that a step gave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use super::adds::Singles;
use super::ask::{Cap, Mode, caps};
use super::moves::{self, Moves, Object, Pose, RoleSet};
use super::rights::{Right, Rights};
use super::steps::node::PREFIX as NODE_USER;
use super::stranger::Stranger;
use super::world::{Where, World, everything};
use crate::book::{Book, Entry, GrantId, IdentityId, Tier};
use crate::model::{Identity, Name, PolicyRule, SubjectKind};

/// Whose rights are used.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// An identity with a credential of its own.
    Identity(u32),
    /// Whom nothing names, with one of its own.
    Stranger(Stranger),
    /// An impersonator's request.
    Posing(Pose),
    /// The same, within the rules of who impersonates.
    Constrained(Pose, Mode, Box<By>),
    /// Whoever was given a role.
    Given(RoleSet, Where),
    /// Any user in any groups but `system:masters`.
    Anyone,
    /// `system:masters`.
    Everything,
}

/// Within whose rules somebody is impersonated.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct By {
    /// Who impersonates.
    pub(crate) node: Node,
    /// Roles that steps gave it besides, as far as their rules are used.
    pub(crate) given: Arc<[(RoleSet, Where)]>,
}

impl By {
    /// Nothing but its own.
    pub(crate) fn alone(node: Node) -> Self {
        Self { node, given: Arc::default() }
    }
}

/// One role as it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    /// Slot of the grant; None for a role that a step gave.
    pub(crate) grant: Option<u32>,
    /// Number of the role; None for everything.
    pub(crate) role: Option<u32>,
    pub(crate) at: Where,
}

/// Everything that is the same for every search.
#[derive(Debug)]
pub(crate) struct Graph<'b> {
    pub(crate) book: &'b Book,
    pub(crate) world: Arc<World>,
    all: Arc<[Cap]>,
    /// By slot.
    pub(super) held: Vec<Option<Holding>>,
    /// By number of the identity: grants that name it itself, and all that hold for it.
    own: Arc<[Vec<u32>]>,
    pub(super) shared: Arc<Shared>,
    pub(super) gone: Gone,
    pub(super) singles: Arc<Singles>,
}

/// What was deleted.
#[derive(Clone, Debug, Default)]
pub(super) struct Gone {
    pub(super) objects: BTreeSet<Object>,
    /// The grants that those gave.
    pub(super) slots: BTreeSet<u32>,
}

/// Where those lead of whom that is the same for every search.
#[derive(Debug, Default)]
pub(super) struct Shared {
    identities: Vec<OnceLock<Moves>>,
    posing: Vec<OnceLock<Moves>>,
    /// By namespace.
    strangers: Vec<OnceLock<Moves>>,
    anyone: OnceLock<Moves>,
    /// Of what is given in every namespace, which leads to thousands: everything, every role.
    everywhere: [OnceLock<Moves>; 2],
}

impl Shared {
    pub(super) fn new(world: &World) -> Self {
        let each = |count: usize| (0..count).map(|_| OnceLock::new()).collect();
        let all = world.identities as usize;
        let (identities, posing) = (each(all), each(all));
        Self { identities, posing, strangers: each(world.namespaces.len()), ..Self::default() }
    }
}

impl<'b> Graph<'b> {
    pub(crate) fn new(book: &'b Book) -> Self {
        let world = World::new(book);
        let count = world.identities as usize;
        let mut own = vec![Vec::new(); count];
        for entry in book.entries() {
            let is_own = |id: &&GrantId| {
                book.grant(**id).is_some_and(|grant| grant.key.subject == entry.identity)
            };
            if let Some(own) = own.get_mut(entry.id.0 as usize) {
                *own = entry.grants.iter().filter(is_own).map(|id| id.0).collect();
            }
        }
        let authorizer = book.authorizer();
        let held = (0..authorizer.slots())
            .map(|slot| {
                let held = authorizer.held(slot)?;
                let role = world.role_of(&held.binding)?;
                Some(Holding { grant: Some(slot), role: Some(role), at: world.at(&held.scope) })
            })
            .collect();
        Self {
            book,
            all: caps([&everything()], Mode::Own).into(),
            held,
            own: own.into(),
            shared: Arc::new(Shared::new(&world)),
            gone: Gone::default(),
            singles: Arc::new(Singles::new(&world)),
            world: Arc::new(world),
        }
    }

    /// The same once more, to be changed.
    pub(super) fn copy(&self) -> Self {
        Self {
            book: self.book,
            world: self.world.clone(),
            all: self.all.clone(),
            held: self.held.clone(),
            own: self.own.clone(),
            shared: self.shared.clone(),
            gone: self.gone.clone(),
            singles: self.singles.clone(),
        }
    }

    /// Whether nothing but these grants names somebody, of whom nothing else is known: it is nobody any
    /// more without.
    pub(super) fn is_only_named_by(&self, entry: &Entry, slots: &[u32]) -> bool {
        let objects = &self.book.snapshot.objects;
        let is_there = match &entry.identity.namespace {
            Some(ns) => {
                objects.service_accounts.contains_key(&(ns.clone(), entry.identity.name.clone()))
            }
            None => false,
        };
        let own = self.own(entry.id.0);
        let is_named = !own.is_empty() && own.iter().all(|slot| slots.contains(slot));
        !is_there && entry.activity.is_none() && is_named
    }

    fn own(&self, id: u32) -> &[u32] {
        self.own.get(id as usize).map_or(&[], Vec::as_slice)
    }

    /// The slots of the grants that hold for a node; none for a role that a step gave.
    pub(super) fn slots(&self, node: &Node) -> Vec<u32> {
        match node {
            Node::Identity(id) => {
                let entry = self.book.entry(IdentityId(*id));
                entry.map(|entry| entry.grants.iter().map(|id| id.0).collect()).unwrap_or_default()
            }
            Node::Posing(pose) | Node::Constrained(pose, ..) => {
                let who = pose.who.into_iter().chain(self.groups(pose));
                who.flat_map(|id| self.own(id).iter().copied()).collect()
            }
            Node::Stranger(who) => {
                let groups = self.world.groups_of(*who).into_iter();
                groups.flat_map(|id| self.own(id).iter().copied()).collect()
            }
            Node::Anyone => {
                let masters = Identity::group(Identity::SYSTEM_MASTERS);
                let all = self.book.authorizer().all();
                all.filter(|(_, held)| held.identity != masters).map(|(slot, _)| slot).collect()
            }
            Node::Given(..) | Node::Everything => Vec::new(),
        }
    }

    /// The groups of an impersonated request.
    fn groups(&self, pose: &Pose) -> Vec<u32> {
        let entry = pose.who.and_then(|id| self.book.entry(IdentityId(id)));
        let anonymous = entry.is_some_and(|entry| {
            entry.identity.kind == SubjectKind::User && &*entry.identity.name == Identity::ANONYMOUS
        });
        let mut names = match entry {
            Some(entry) if pose.groups.is_empty() => entry.identity.implicit_groups(),
            _ if anonymous => vec![Identity::UNAUTHENTICATED.into()],
            _ => vec![Identity::AUTHENTICATED.into()],
        };
        names.dedup();
        let mut ids: Vec<u32> = names.iter().filter_map(|name| self.world.group(name)).collect();
        ids.extend(pose.groups.iter());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// The roles that a node holds, but for some grants.
    pub(crate) fn holdings(&self, node: &Node, without: &[u32]) -> Vec<Holding> {
        let given = |role, at| Holding { grant: None, role, at };
        match node {
            Node::Given(RoleSet::One(role), at) => vec![given(Some(*role), *at)],
            Node::Given(RoleSet::ClusterRoles, at) => {
                let roles =
                    self.world.cluster_roles.iter().chain([&self.world.unmade_cluster_role]);
                roles.map(|role| given(Some(*role), *at)).collect()
            }
            Node::Given(RoleSet::RolesIn(ns), at) => super::world::of(&self.world.roles_in, *ns)
                .iter()
                .chain(self.world.unmade_in.get(*ns as usize))
                .map(|role| given(Some(*role), *at))
                .collect(),
            Node::Given(RoleSet::Own, at) => vec![given(None, *at)],
            Node::Everything => vec![given(None, Where::Cluster)],
            _ => self
                .slots(node)
                .into_iter()
                .filter(|slot| !without.contains(slot))
                .filter_map(|slot| self.held.get(slot as usize).copied().flatten())
                .collect(),
        }
    }

    /// The roles of who impersonates, those that steps gave it last.
    pub(super) fn holdings_by(&self, by: &By, without: &[u32]) -> Vec<Holding> {
        let mut all = self.holdings(&by.node, without);
        let given = by.given.iter().map(|(set, at)| Node::Given(*set, *at));
        all.extend(given.flat_map(|node| self.holdings(&node, &[])));
        all
    }

    /// The rules of a role that exists.
    pub(crate) fn rules_of(&self, role: u32) -> Option<&[PolicyRule]> {
        let facts = self.world.role_facts(role)?;
        self.book.snapshot.objects.roles.get(&facts.key).map(|role| role.rules.as_slice())
    }

    fn caps(&self, holding: &Holding) -> &[Cap] {
        match holding.role {
            None => &self.all,
            Some(role) => self.world.role_facts(role).map_or(&[], |role| &role.caps),
        }
    }

    /// The rights of a node.
    pub(crate) fn rights(&self, node: &Node, without: &[u32]) -> Rights {
        self.rights_of(node, without, false)
    }

    /// The rights of a node, but for some grants and, where `added_only`, for what the API server
    /// itself installed.
    pub(crate) fn rights_of(&self, node: &Node, without: &[u32], added_only: bool) -> Rights {
        let rights = self.rights_by(&self.holdings(node, without), added_only);
        match node {
            Node::Posing(_) => rights.without_impersonation(),
            Node::Constrained(_, mode, by) => {
                let filter = self.on_behalf(by, *mode, without);
                rights.without_impersonation().within(&filter, *mode)
            }
            _ => rights,
        }
    }

    fn rights_by(&self, holdings: &[Holding], added_only: bool) -> Rights {
        let mut rights = Rights::default();
        for holding in holdings {
            let grant = holding.grant.and_then(|slot| self.book.grant(GrantId(slot)));
            if added_only && grant.is_some_and(|grant| grant.bootstrap) {
                continue;
            }
            if self.is_full(holding) {
                rights.add_everything(holding.at);
            }
            rights.add(self.caps(holding), holding.at, holding.grant, &self.world);
        }
        rights.sort();
        rights
    }

    /// What somebody may do in the name of others.
    fn on_behalf(&self, by: &By, mode: Mode, without: &[u32]) -> Rights {
        let mut rights = Rights::default();
        let objects = &self.book.snapshot.objects;
        for holding in self.holdings_by(by, without) {
            let found = match holding.role {
                None => caps([&everything()], mode),
                Some(role) => {
                    let key = self.world.role_facts(role).map(|role| &role.key);
                    let role = key.and_then(|key| objects.roles.get(key));
                    role.map(|role| caps(&role.rules, mode)).unwrap_or_default()
                }
            };
            rights.add(&found, holding.at, holding.grant, &self.world);
        }
        rights.sort();
        rights
    }

    /// How strong a node is by itself, but for some grants.
    pub(crate) fn tier(&self, node: &Node, without: &[u32]) -> Tier {
        let of = |holding: &Holding| self.tier_of(holding);
        match node {
            Node::Everything => Tier::ClusterAdmin,
            Node::Identity(id) => {
                let entry = self.book.entry(IdentityId(*id));
                let tier = entry.map(|entry| entry.tier).unwrap_or_default();
                let mut is_less = without.iter().chain(&self.gone.slots);
                match is_less.find(|slot| self.holds(node, **slot)) {
                    Some(_) => {
                        let masters = entry.is_some_and(|entry| self.book.is_master(entry));
                        let rest = self.holdings(node, without).iter().map(of).max();
                        if masters { tier } else { rest.unwrap_or_default() }
                    }
                    None => tier,
                }
            }
            Node::Stranger(_) | Node::Posing(_) | Node::Anyone | Node::Given(..) => {
                self.holdings(node, without).iter().map(of).max().unwrap_or_default()
            }
            Node::Constrained(..) => self
                .left_within(node, without)
                .iter()
                .map(|left| left.tier(self.book))
                .max()
                .unwrap_or_default(),
        }
    }

    fn is_full(&self, holding: &Holding) -> bool {
        let Some(role) = holding.role else { return true };
        self.world.role_facts(role).is_some_and(|role| role.full)
    }

    pub(super) fn tier_of(&self, holding: &Holding) -> Tier {
        let (cluster, namespace) = match holding.role {
            None => (Tier::ClusterAdmin, Tier::NamespaceAdmin),
            Some(role) => self.world.role_facts(role).map(|role| role.tiers).unwrap_or_default(),
        };
        if holding.at == Where::Cluster { cluster } else { namespace }
    }

    /// What makes a node this strong, each as the grants that it takes together; none where it is so
    /// by its name.
    pub(crate) fn strong_by(&self, node: &Node, tier: Tier) -> Vec<Vec<GrantId>> {
        if let Node::Identity(id) = node
            && self.book.entry(IdentityId(*id)).is_some_and(|entry| self.book.is_master(entry))
        {
            return Vec::new();
        }
        if let Node::Constrained(..) = node {
            let left = self.left_within(node, &[]).into_iter();
            let strong = left.filter(|left| left.tier(self.book) == tier);
            return strong.map(|left| left.grants()).collect();
        }
        self.holdings(node, &[])
            .iter()
            .filter(|holding| self.tier_of(holding) == tier)
            .filter_map(|holding| holding.grant.map(|slot| vec![GrantId(slot)]))
            .collect()
    }

    /// Whether a grant holds for a node.
    pub(crate) fn holds(&self, node: &Node, slot: u32) -> bool {
        match node {
            Node::Identity(id) => {
                let entry = self.book.entry(IdentityId(*id));
                entry.is_some_and(|entry| entry.grants.contains(&GrantId(slot)))
            }
            Node::Given(..) | Node::Everything => false,
            Node::Constrained(_, _, by) => {
                self.slots(node).contains(&slot) || self.holds(&by.node, slot)
            }
            _ => self.slots(node).contains(&slot),
        }
    }

    /// Where a node leads by itself, where that is the same for every search; not to be asked where
    /// something is gone.
    pub(crate) fn shared(&self, node: &Node) -> Option<&Moves> {
        let shared = &self.shared;
        let place = match node {
            Node::Identity(id) => shared.identities.get(*id as usize)?,
            Node::Posing(Pose { who: Some(id), groups }) if groups.is_empty() => {
                shared.posing.get(*id as usize)?
            }
            Node::Stranger(Stranger::Account(ns)) => shared.strangers.get(*ns as usize)?,
            Node::Anyone => &shared.anyone,
            Node::Given(RoleSet::Own, Where::Each) => shared.everywhere.first()?,
            Node::Given(RoleSet::ClusterRoles, Where::Each) => shared.everywhere.last()?,
            _ => return None,
        };
        Some(place.get_or_init(|| self.moves_of(node, &[], false)))
    }

    /// Where a node leads by itself; see [`Graph::rights_of`].
    pub(crate) fn moves_of(&self, node: &Node, without: &[u32], added_only: bool) -> Moves {
        match node {
            Node::Anyone => self.moves_of_anyone(without, added_only),
            Node::Identity(id) => {
                let rights = self.rights_of(node, without, added_only);
                let mut moves = moves::of(&rights, &self.world);
                if let Some(at) = self.node_of(*id).filter(|_| !added_only) {
                    moves.add(moves::of_nodes(Some(at)));
                }
                if self.world.nodes_of.contains_key(id) {
                    moves.add(moves::of_own_nodes(&rights, &self.world, *id));
                }
                if let Some((at, name)) = self.account_of(*id) {
                    let name = Some([name].into());
                    moves.add(moves::of_chosen_nodes(&rights, &self.world, at, name));
                }
                if self.world.anonymous.is_some() {
                    moves.add(moves::of_anybody(&self.world));
                }
                moves
            }
            _ => {
                let rights = self.rights_of(node, without, added_only);
                let mut moves = moves::of(&rights, &self.world);
                // Whoever was taken over has it.
                if self.world.own_nodes && matches!(node, Node::Given(..)) {
                    moves.add(moves::of_chosen_nodes(&rights, &self.world, Where::Each, None));
                }
                moves
            }
        }
    }

    /// The account that an identity is, where some may pass for the nodes that their tokens are bound to.
    fn account_of(&self, id: u32) -> Option<(Where, Name)> {
        let entry = self.book.entry(IdentityId(id)).filter(|_| self.world.own_nodes)?;
        let ns = entry.identity.namespace.as_ref()?;
        Some((Where::In(self.world.number(ns)?), entry.identity.name.clone()))
    }

    /// The node that an identity is, where pods run on it.
    fn node_of(&self, id: u32) -> Option<u32> {
        let entry = self.book.entry(IdentityId(id))?;
        let user = entry.identity.kind == SubjectKind::User;
        user.then(|| entry.identity.name.strip_prefix(NODE_USER))?
            .and_then(|name| self.world.node(name))
    }

    /// Of certificates for any name and groups: each is one user's, in all groups.
    fn moves_of_anyone(&self, without: &[u32], added_only: bool) -> Moves {
        let (mut all, mut groups) = (Vec::new(), Vec::new());
        let mut users: BTreeMap<u32, Vec<Holding>> = BTreeMap::new();
        for holding in self.holdings(&Node::Anyone, without) {
            match self.holder(holding.grant) {
                Some(user) => users.entry(user).or_default().push(holding),
                None => groups.push(holding),
            }
            all.push(holding);
        }
        let of = |holdings: &[Holding]| self.rights_by(holdings, added_only);
        let mut moves = moves::of(&of(&groups), &self.world);
        for own in users.into_values() {
            let rights = of(&own);
            let alone = rights.joins().is_empty();
            let rights = if alone { rights } else { of(&[groups.as_slice(), &own].concat()) };
            moves.add(moves::of(&rights, &self.world));
        }
        moves.add(moves::of_nodes(None));
        moves.joins = Arc::new(of(&all).joins());
        moves
    }

    /// Who holds a grant by its own name, not by a group.
    fn holder(&self, grant: Option<u32>) -> Option<u32> {
        let grant = self.book.grant(GrantId(grant?))?;
        let entry = self.book.find(&grant.key.subject)?;
        (entry.identity.kind != SubjectKind::Group).then_some(entry.id.0)
    }

    /// Whether one user can have all these rights at once, whatever groups it is in.
    pub(crate) fn is_one_user(&self, rights: &[Right]) -> bool {
        let mut holders = rights.iter().filter_map(|right| self.holder(right.grant));
        holders.next().is_none_or(|first| holders.all(|other| other == first))
    }
}
