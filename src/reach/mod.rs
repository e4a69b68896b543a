//! Reach: what an identity can turn itself into, and by which steps.
//!
//! The closure of the rights that it holds under everything that the API server would let it do
//! with them: a token made for an account gives the account's rights, and so on. A step is there
//! only where the API server, its admission or the kubelet would allow every request that it takes,
//! by RBAC: exact in verbs, names and namespaces, and by the server's version. What RBAC does not
//! decide (what a privileged pod does on its node) is a model, and marked so; a path that needs no
//! model goes before one that does, and one whose requests are each made with what one of those taken
//! over holds before one that adds roles that were given on the way.
//!
//! An identity may be one of groups that are not known, and other authorizers may allow more: the
//! answer is at least this.

mod acts;
mod adds;
mod ask;
mod asked;
mod asking;
mod beside;
mod bounds;
mod cut;
mod deleted;
mod gain;
mod gained;
mod gather;
mod gone;
mod graph;
mod hand;
mod join;
mod left;
mod lend;
mod many;
mod members;
mod missing;
mod moves;
mod next;
mod own_cut;
mod parts;
mod path;
mod placed;
mod rebind;
mod remake;
mod rights;
mod scarce;
mod search;
mod states;
mod step;
mod steps;
mod stranger;
mod switched;
#[cfg(test)]
mod tests;
mod verb;
mod within;
mod words;
mod world;

pub use self::acts::{Act, Acts, Added, Count, Kept};
pub use self::adds::Adds;
pub use self::asked::with_node;
pub use self::beside::not_followed_by;
pub use self::cut::{Cut, Lost, Ways};
pub use self::deleted::Deleted;
pub use self::gain::{Gain, Reaches};
pub use self::own_cut::{MOST_CUT, OwnCut};
pub use self::path::{Held, Hop, Needed, Path};
pub use self::step::{Seen, Shown, Step, Trace};

/// Said of whom more can be deleted on the way than is tried ([`states::MOST`]).
pub const BOUNDED: &str = "it may become more: of what it can delete, to make another under the name, \
                           64 deletions were tried, one after the other and in place of each other, \
                           and there are more";

use std::sync::OnceLock;

use self::graph::{Graph, Node};
use self::search::{Closure, Ends, Terms, search};
use crate::book::{Book, Entry, GrantId, IdentityId, Tier};
use crate::model::ListKind;

/// Lists that the answer reads.
pub const LISTS: &[ListKind] = &[
    ListKind::ClusterRoles,
    ListKind::Roles,
    ListKind::ClusterRoleBindings,
    ListKind::RoleBindings,
    ListKind::Namespaces,
    ListKind::ServiceAccounts,
    ListKind::TokenSecrets,
    ListKind::Pods,
    ListKind::Workloads,
    ListKind::ConfigMaps,
    ListKind::RbacDefinitions,
];

/// Ways that are not followed.
const NOT_FOLLOWED: &[&str] = &[
    "controllers that act on objects of their own kinds (Argo CD, Flux, operators), but for \
     rbac-manager",
    "roles that one makes of what it holds, without `escalate`, for another that it took over",
    "accounts that bindings name in namespaces that are not there, made by somebody",
    "pods that do not run yet, but for the next ones of CronJobs and the tokens in them, and labels of \
     namespaces that an RBACDefinition selects",
    "whether the one name under which a Secret for a token would have to be made is taken by a Secret of another \
     type: it is taken to be free, but where a pod that runs needs that Secret",
    "tokens and keys in Secrets of other types, in images and in logs",
    "API services, validating and conversion webhooks that one writes, persistent volumes with a path \
     of the host",
    "folders of a node but for those of a table (docs/reach.md): what writing to others gives; processes \
     of the node of a pod that sees them (hostPID) and is not root",
    "whether a token Secret is immutable, and so is not made another account's, where Secrets were listed \
     as metadata",
    "whether an admission policy or webhook refuses a step: it is taken that none does",
    "bootstrap tokens and the certificates that kubelets ask for",
    "cloud identities of accounts and nodes, and what an identity provider lets somebody do",
];

/// Said where the server's version is not known.
const BY_VERSION: &str = "what depends on the API server's version, which is not known here: `get` of \
                          pods/exec and pods/attach (enough before 1.35, and a model here), constrained \
                          impersonation and mutating admission policies (from 1.36 on, and not followed)";

/// Said where nobody told of the API server's own configuration.
const LEVELS: &str = "which Pod Security level the API server's own configuration gives namespaces that say \
                      none (Talos: baseline), and what it exempts: the setting pod_security tells it";

/// Said where somebody did.
const EXEMPT: &str = "users and runtime classes that the API server's own configuration exempts from Pod \
                      Security levels";

/// Said where no pod of the API server is seen to run.
const KEYS: &str = "the cluster's own keys on its control plane's nodes, which are known by pods of \
                    kube-apiserver: none is seen to run (it may be a process of the node, as in k0s and \
                    MicroK8s)";

/// Ways that are not followed, to be said with every answer.
pub fn not_followed(book: &Book) -> Vec<&'static str> {
    let by_version = book.snapshot.cluster.minor().is_none().then_some(BY_VERSION);
    let all = by_version.into_iter().chain(NOT_FOLLOWED.iter().copied());
    let mut pods = book.snapshot.objects.pods.iter();
    let is_known = book.snapshot.cluster.is_eks()
        || placed::has_k3s(book)
        || pods.any(|((ns, _), pod)| placed::is_api_server(ns, pod));
    let keys = (!is_known).then_some(KEYS);
    let levels = if book.policy.pod_security.is_unsaid() { LEVELS } else { EXEMPT };
    all.chain(keys).chain([levels]).chain(beside::all()).collect()
}

/// What everybody of a Book can become.
#[derive(Debug)]
pub struct Reach<'b> {
    graph: Graph<'b>,
    /// The same without what everybody is granted; None where that is nothing.
    otherwise: OnceLock<Option<Box<Self>>>,
}

/// What an identity can become.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reached {
    /// Who.
    pub id: IdentityId,
    /// How strong it is by itself.
    pub own: Tier,
    /// How strong it can become, itself at least.
    pub tier: Tier,
    /// Whether that needs a step that is a model only.
    pub modelled: bool,
    /// The shortest path to each tier above its own that takes fewer steps than any higher one;
    /// the highest last. Empty where nothing leads higher.
    pub paths: Vec<Path>,
    /// Where nothing leads higher, the path to the one who adds most to what it may do itself: none
    /// where nobody adds anything, as far as everybody was looked at.
    pub beside: Option<Path>,
    /// Whether more can be deleted on the way than was tried: it may become more yet.
    pub bounded: bool,
    /// What it comes to without models, where that is higher than it is and models lead higher still.
    pub exact: Option<Box<Self>>,
}

/// What a search for one came to.
#[derive(Debug)]
pub(crate) struct Looked {
    /// Without models.
    exact: Closure,
    /// With them, where that leads further.
    modelled: Option<Closure>,
}

impl Looked {
    /// Whether more could have been deleted than was tried.
    fn is_bounded(&self) -> bool {
        let top = self.exact.ended || self.modelled.as_ref().is_some_and(|closure| closure.ended);
        !top && self.modelled.iter().chain([&self.exact]).any(|closure| closure.bounded)
    }

    /// How strong it can become, itself at least.
    fn tier(&self) -> Tier {
        let all = self.modelled.iter().chain([&self.exact]).flat_map(|closure| &closure.found);
        all.map(|found| found.tier).max().unwrap_or_default()
    }
}

impl Reached {
    /// Whether it can become more than it is.
    pub fn is_higher(&self) -> bool {
        self.tier > self.own
    }

    /// The path to the highest tier.
    pub fn highest(&self) -> Option<&Path> {
        self.paths.last()
    }
}

impl<'b> Reach<'b> {
    /// Takes in a Book.
    pub fn new(book: &'b Book) -> Self {
        Self::of_graph(Graph::new(book))
    }

    fn of_graph(graph: Graph<'b>) -> Self {
        Self { graph, otherwise: OnceLock::new() }
    }

    /// The same without what somebody granted to everybody, to all who authenticated or to all accounts;
    /// None where that is nothing.
    pub fn without_everybodys(&self) -> Option<&Self> {
        let less = || self.graph.without_everybodys().map(|graph| Box::new(Self::of_graph(graph)));
        self.otherwise.get_or_init(less).as_deref()
    }

    /// The Book.
    pub fn book(&self) -> &'b Book {
        self.graph.book
    }

    /// What one identity can become.
    pub fn of(&self, entry: &Entry) -> Reached {
        self.found(entry, Terms::default())
    }

    /// What everybody can become, in order of ids.
    pub fn all(&self) -> Vec<Reached> {
        let entries: Vec<&Entry> = self.graph.book.entries().map(|entry| &**entry).collect();
        self.many(&entries)
    }

    /// The same, what the API server itself installed left out of its own grants: None where it
    /// cannot become more than it is by what was added.
    pub fn by_what_was_added(&self, entry: &Entry, reached: &Reached) -> Option<Reached> {
        let way = reached.way()?;
        let installed = |id: GrantId| {
            entry.grants.contains(&id) && self.graph.book.grant(id).is_some_and(|of| of.bootstrap)
        };
        // What nodes may is the API server's own doing as well.
        let is_node = way.hops.first().is_some_and(|hop| hop.step == Step::NodeToken);
        if !is_node && !way.grants().into_iter().any(installed) {
            return Some(reached.clone());
        }
        if entry.grants.iter().all(|id| installed(*id)) {
            return None;
        }
        let terms = Terms { added_only: true, ..Terms::default() };
        Some(self.found(entry, terms)).filter(Reached::is_more)
    }

    fn start(entry: &Entry) -> Node {
        Node::Identity(entry.id.0)
    }

    /// Without models where that leads to the top, else with them too.
    fn look(&self, entry: &Entry, terms: Terms<'_>) -> Looked {
        let start = [Self::start(entry)];
        let exact = search(&self.graph, &start, terms, Ends::default());
        let goes_on = !exact.ended && exact.left_out;
        let modelled = goes_on.then(|| {
            let terms = Terms { modelled: true, ..terms };
            search(&self.graph, &start, terms, Ends::default())
        });
        Looked { exact, modelled }
    }

    fn found(&self, entry: &Entry, terms: Terms<'_>) -> Reached {
        if entry.tier == Tier::ClusterAdmin {
            return Reached::nothing(entry);
        }
        self.reached(entry, &self.look(entry, terms), terms)
    }

    fn reached(&self, entry: &Entry, looked: &Looked, terms: Terms<'_>) -> Reached {
        if entry.tier == Tier::ClusterAdmin {
            return Reached::nothing(entry);
        }
        let exact = self.all_of(entry, &looked.exact, terms);
        let reached = match &looked.modelled {
            Some(modelled) => exact.or_modelled(self.all_of(entry, modelled, terms)),
            None => exact,
        };
        Reached { bounded: looked.is_bounded(), ..reached }
    }
}
