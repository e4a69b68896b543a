//! What somebody may do that another may not: single rights, compared as the API server compares them
//! before it lets a role be given away (`rbac::escalation`). A tier says how strong somebody is; two
//! who are as strong may still do different things, in different places.
//!
//! What every client may do anyway (discovery, health, the issuer's keys, questions about oneself) is
//! no news, nor is what no request asks for where it holds ([`super::asking`]).

use std::cell::RefCell;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::{HashMap, HashMapExt};

use super::asking::{self, behind_create, narrowed};
use super::graph::{Graph, Holding, Node};
use super::within::Left;
use super::world::{Where, World};
use crate::book::{Book, GrantId, Tier};
use crate::model::{Name, PolicyRule};
use crate::rbac::escalation::{broken_down, covers};

const RBAC_GROUP: &str = "rbac.authorization.k8s.io";

/// A right with how strong it is where it holds.
pub(super) type Single = (Tier, PolicyRule);

/// The single rights of a role, the strongest first.
#[derive(Debug, Default)]
struct Parts {
    all: Vec<Single>,
    /// To make objects under a name, which takes the right to write them under it besides: those of
    /// which the role does not have that.
    creates: Vec<Single>,
    /// Whether some are about namespaces of some names, so that it matters in which they hold.
    of_namespaces: bool,
}

/// By role: cluster-wide and in a namespace.
type OfRole = [OnceLock<Parts>; 2];

/// What was compared: the roles that are held, the one that is wanted, whether cluster-wide, whether
/// for requests in somebody's name, and, where that matters, the namespace.
type Compared = (Arc<[u32]>, u32, bool, bool, Option<Where>);

/// The single rights of roles, and what was compared before.
#[derive(Debug)]
pub(crate) struct Singles {
    of: Vec<OfRole>,
    /// Of everything.
    all: OfRole,
    known: RwLock<HashMap<Compared, Outcome>>,
}

/// How strong the strongest right is that is missing; None: none is.
type Outcome = Option<Tier>;

impl Singles {
    pub(super) fn new(world: &World) -> Self {
        Self {
            of: world.roles.iter().map(|_| OfRole::default()).collect(),
            all: OfRole::default(),
            known: RwLock::new(HashMap::new()),
        }
    }

    /// What came of comparing the same before; else what comes of it now.
    fn compare(&self, compared: Compared, strongest: impl FnOnce() -> Outcome) -> Outcome {
        let known =
            self.known.read().unwrap_or_else(PoisonError::into_inner).get(&compared).copied();
        known.unwrap_or_else(|| {
            let adds = strongest();
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            known.insert(compared, adds);
            adds
        })
    }
}

/// How much somebody's rights add to another's: from little to much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Adds {
    /// Whether it is worth something: more than reading, and more than writing something else where
    /// one may write already.
    pub worth: bool,
    /// How strong the strongest of them is.
    pub tier: Tier,
}

/// Rights that one lacks, of one place and by the same grants.
#[derive(Clone, Debug)]
pub(super) struct Lacks {
    pub(super) at: Where,
    pub(super) by: Vec<GrantId>,
    /// The strongest first.
    pub(super) rights: Vec<Single>,
    pub(super) adds: Adds,
}

/// What somebody may do itself, to compare others with.
#[derive(Debug)]
pub(super) struct Own<'g, 'b> {
    graph: &'g Graph<'b>,
    holdings: Vec<Holding>,
    /// By place: the roles that hold there, and how strong they are.
    places: RefCell<HashMap<Where, Place>>,
    seen: RefCell<HashMap<Wanted, Option<Adds>>>,
}

/// The roles that hold in a place, and how strong they are there.
type Place = (Arc<[u32]>, Tier);

/// A role and where it is held, and whether for requests in somebody's name.
type Wanted = (Option<u32>, Where, bool);

impl<'g, 'b> Own<'g, 'b> {
    /// `without`: as if those grants were not there.
    pub(super) fn new(graph: &'g Graph<'b>, node: &Node, without: &[u32]) -> Self {
        Self {
            graph,
            holdings: graph.holdings(node, without),
            places: RefCell::default(),
            seen: RefCell::default(),
        }
    }

    /// How much somebody else's rights add; None where they add nothing.
    pub(super) fn adds(&self, node: &Node, without: &[u32]) -> Option<Adds> {
        match node {
            Node::Everything => Some(Adds { worth: true, tier: Tier::ClusterAdmin }),
            Node::Constrained(..) => self.lacks(node, without).iter().map(|lacks| lacks.adds).max(),
            _ => {
                let posing = matches!(node, Node::Posing(_));
                let holdings = self.graph.holdings(node, without);
                let of_roles = holdings.iter().filter_map(|one| self.by_holding(one, posing)).max();
                of_roles.max(self.creates(node, &holdings).iter().map(|lacks| lacks.adds).max())
            }
        }
    }

    /// How much roles add; None where they add nothing.
    pub(super) fn by_holding(&self, holding: &Holding, posing: bool) -> Option<Adds> {
        let key = (holding.role, holding.at, posing);
        if let Some(known) = self.seen.borrow().get(&key) {
            return *known;
        }
        let tier = self.compare(holding, posing);
        let adds = tier.map(|tier| self.weigh(tier, holding.at));
        self.seen.borrow_mut().insert(key, adds);
        adds
    }

    fn compare(&self, holding: &Holding, posing: bool) -> Outcome {
        let (roles, _) = self.place(holding.at);
        let strongest = || self.missing(holding, posing).next().map(|(tier, _)| *tier);
        let Some(role) = holding.role else { return strongest() };
        if roles.binary_search(&role).is_ok() {
            return None;
        }
        let names_them = |role: u32| {
            let held = Holding { grant: None, role: Some(role), at: holding.at };
            self.graph.parts_of(&held).of_namespaces
        };
        let mut both = roles.iter().copied().chain([role]);
        let place = both.any(names_them).then_some(holding.at);
        let compared = (roles, role, holding.at == Where::Cluster, posing, place);
        self.graph.singles.compare(compared, strongest)
    }

    /// The rights of a role that are not held, the strongest first.
    fn missing(&self, holding: &Holding, posing: bool) -> impl Iterator<Item = &'g Single> {
        let graph = self.graph;
        let held = self.rules(holding.at);
        let rights = graph.parts_of(holding).all.iter();
        let place = graph.world.name_of(holding.at);
        // What is impersonated impersonates nobody.
        let passes = move |verb: &Name| !posing || !is_impersonation(verb);
        rights.filter(move |(_, right)| right.verbs.iter().all(passes)).filter(move |(_, right)| {
            let right = narrowed(right, place);
            right.is_some_and(|right| !held.iter().any(|rule| covers(rule, &right)))
        })
    }

    /// Rights to make objects under names that are none by their roles alone: another role lets them
    /// be written. A role that was given adds to what the one who acts holds.
    fn creates(&self, node: &Node, holdings: &[Holding]) -> Vec<Lacks> {
        let given = matches!(node, Node::Given(..));
        let beside = holdings.iter().chain(self.holdings.iter().filter(|_| given));
        let mut all = Vec::new();
        for holding in holdings {
            for (tier, create) in &self.graph.parts_of(holding).creates {
                for other in beside.clone() {
                    let Some(at) = holding.at.meet(other.at) else { continue };
                    let writes = self.graph.held_by(other);
                    let is_asked = behind_create(create)
                        .any(|write| writes.iter().any(|rule| covers(rule, &write)));
                    if is_asked && !self.rules(at).iter().any(|rule| covers(rule, create)) {
                        let by = [holding.grant, other.grant].into_iter().flatten().map(GrantId);
                        let adds = self.weigh(*tier, at);
                        let rights = vec![(*tier, create.clone())];
                        all.push(Lacks { at, by: by.collect(), rights, adds });
                    }
                }
            }
        }
        all
    }

    /// The rules that hold in a place.
    fn rules(&self, at: Where) -> Vec<&'g PolicyRule> {
        let (roles, _) = self.place(at);
        roles.iter().filter_map(|role| self.graph.rules_of(*role)).flatten().collect()
    }

    fn place(&self, at: Where) -> Place {
        if let Some(known) = self.places.borrow().get(&at) {
            return known.clone();
        }
        let here = self.holdings.iter().filter(|holding| holding.at.meet(at) == Some(at));
        let here: Vec<&Holding> = here.collect();
        let mut roles: Vec<u32> = here.iter().filter_map(|holding| holding.role).collect();
        roles.sort_unstable();
        roles.dedup();
        let there = |holding: &&Holding| self.graph.tier_of(&Holding { at, ..**holding });
        let found: Place = (roles.into(), here.iter().map(there).max().unwrap_or_default());
        self.places.borrow_mut().insert(at, found.clone());
        found
    }

    fn weigh(&self, tier: Tier, at: Where) -> Adds {
        let (_, own) = self.place(at);
        let worth = match tier {
            Tier::NamespaceWrite | Tier::ClusterWrite => own < tier,
            _ => tier > Tier::NamespaceWrite,
        };
        Adds { worth, tier }
    }

    /// What of somebody else's rights is not held, with what gives it.
    pub(super) fn lacks(&self, node: &Node, without: &[u32]) -> Vec<Lacks> {
        let posing = matches!(node, Node::Posing(_));
        if let Node::Constrained(..) = node {
            let left = self.graph.left_within(node, without);
            return left.iter().filter_map(|left| self.lacks_within(left)).collect();
        }
        let holdings = self.graph.holdings(node, without);
        let mut all = self.creates(node, &holdings);
        for holding in holdings {
            let Some(adds) = self.by_holding(&holding, posing) else { continue };
            let rights = self.missing(&holding, posing).cloned().collect();
            let by = holding.grant.map(GrantId).into_iter().collect();
            all.push(Lacks { at: holding.at, by, rights, adds });
        }
        all
    }

    fn lacks_within(&self, left: &Left) -> Option<Lacks> {
        let held = self.rules(left.at);
        let place = self.graph.world.name_of(left.at);
        let mut rights = parts(self.graph.book, &left.rules, left.at).all;
        rights.retain(|(_, right)| {
            let right = narrowed(right, place);
            right.is_some_and(|right| !held.iter().any(|rule| covers(rule, &right)))
        });
        let adds = self.weigh(rights.first()?.0, left.at);
        Some(Lacks { at: left.at, by: left.grants(), rights, adds })
    }
}

impl Graph<'_> {
    fn parts_of(&self, holding: &Holding) -> &Parts {
        static NONE: Parts = Parts { all: Vec::new(), creates: Vec::new(), of_namespaces: false };
        let of = match holding.role {
            None => Some(&self.singles.all),
            Some(role) => self.singles.of.get(role as usize),
        };
        let Some([cluster, namespace]) = of else { return &NONE };
        let known = if holding.at == Where::Cluster { cluster } else { namespace };
        known.get_or_init(|| parts(self.book, &self.held_by(holding), holding.at))
    }
}

/// Each right of rules that is one where they hold.
fn parts(book: &Book, rules: &[PolicyRule], at: Where) -> Parts {
    let tier = |right: &PolicyRule| match at {
        Where::Cluster => book.tier_of_rule(right, true),
        _ => in_a_namespace(right).unwrap_or_else(|| book.tier_of_rule(right, false)),
    };
    let rights = rules.iter().flat_map(broken_down).filter(asking::is_asked);
    let mut all: Vec<Single> = rights.map(|right| (tier(&right), right)).collect();
    all.retain(|(tier, _)| *tier > Tier::DiscoveryOnly);
    all.sort_by(|a, b| b.cmp(a));
    all.dedup();
    let alone = |create: &PolicyRule| {
        let mut writes = behind_create(create).peekable();
        writes.peek().is_some()
            && !writes.any(|write| rules.iter().any(|rule| covers(rule, &write)))
    };
    let (creates, all): (Vec<Single>, Vec<Single>) =
        all.into_iter().partition(|(_, right)| alone(right));
    let named = |right: &PolicyRule| !right.resource_names.is_empty();
    let mut of = all.iter().map(|(_, right)| right).filter(|right| named(right));
    let of_namespaces = of.any(asking::is_of_namespaces);
    Parts { all, creates, of_namespaces }
}

/// How strong a right is in a namespace where that is not to be told by its resource's scope: a
/// namespace is authorised inside itself, and to which `ClusterRole` a `RoleBinding` may refer is
/// asked in its namespace; whom one impersonates, but for accounts, and for which signer one
/// approves is asked cluster-wide only. None: by its resource's scope.
fn in_a_namespace(right: &PolicyRule) -> Option<Tier> {
    let group = right.api_groups.first().map(|group| &**group)?;
    let resource = right.resources.first().map(|resource| &**resource)?;
    let verb = right.verbs.first().map(|verb| &**verb)?;
    match (group, resource, verb) {
        ("", "namespaces" | "namespaces/status" | "namespaces/finalize", _) => Some(match verb {
            "get" => Tier::Read,
            "update" | "patch" | "delete" | "*" => Tier::NamespaceWrite,
            _ => Tier::None,
        }),
        (RBAC_GROUP, "clusterroles", "bind" | "*") => Some(Tier::NamespaceWrite),
        ("" | "authentication.k8s.io", "users" | "groups" | "uids", _)
        | ("certificates.k8s.io", "signers", _) => Some(Tier::None),
        _ if resource.starts_with("userextras/") => Some(Tier::None),
        _ => None,
    }
}

fn is_impersonation(verb: &Name) -> bool {
    verb.starts_with("impersonate")
}
