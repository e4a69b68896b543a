//! What can be done once something was deleted.
//!
//! Deleting takes away as well as it gives, so that it is the one thing that is not done first and
//! always: whoever was found without it stays found. Where nothing else leads further, each object is
//! tried that could be deleted to make another under its name, with what is left then, and in what
//! comes of that each further one. Everything that can be had is had before something is deleted, so
//! that no way of having it matters but whether it is there still.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use foldhash::HashSet;

use super::ask::On;
use super::graph::{Graph, Node};
use super::left::left;
use super::moves::{Edge, Object, Part, To};
use super::rights::Right;
use super::search::{Ends, Found, Search, Terms};

/// So many times at most something is deleted in one search, one after the other or in place of each
/// other.
pub(crate) const MOST: usize = 64;

/// What is deleted for a while, and made again.
#[derive(Debug)]
pub(super) struct Away<'g, 'b> {
    object: Object,
    /// As what it is made again; None: as anything.
    to: Option<To>,
    /// Who holds what while it is there.
    pub(super) held_in: &'g Graph<'b>,
    /// Who is not there while it is away, and may hold it.
    pub(super) holders: Vec<u32>,
}

/// What would have to be deleted, and as what it is made again; None: as anything.
pub(super) type Later = (Object, Option<To>);

/// What could be deleted, for what.
#[derive(Clone, Debug)]
struct Open {
    object: Object,
    to: Option<To>,
    who: u32,
    used: Vec<Right>,
}

/// What can be done with some objects gone.
struct State<'b> {
    /// None: nothing is gone.
    graph: Option<Rc<Graph<'b>>>,
    order: Vec<u32>,
    nodes: HashSet<Node>,
    open: Vec<Open>,
}

/// All of them.
struct States<'g, 'b> {
    root: &'g Graph<'b>,
    terms: Terms<'g>,
    ends: Ends<'g>,
    found: Vec<Found>,
    left: HashSet<To>,
    pruned: bool,
    ended: bool,
    tried: usize,
    bounded: bool,
    /// What was gone, and who was found then.
    known: Vec<(BTreeSet<Object>, HashSet<Node>)>,
}

/// What a search comes to with all that can be deleted.
pub(super) struct Explored {
    pub(super) found: Vec<Found>,
    pub(super) left: HashSet<To>,
    pub(super) pruned: bool,
    pub(super) ended: bool,
    /// Whether more could have been deleted than was tried.
    pub(super) bounded: bool,
}

/// Goes on where a search came to its end.
pub(super) fn explore(search: Search<'_, '_>) -> Explored {
    let first = State {
        graph: None,
        order: search.order.clone(),
        nodes: search.seen.clone(),
        open: search.open(),
    };
    let mut states = States {
        root: search.graph,
        terms: search.terms,
        ends: search.ends,
        found: search.found,
        left: search.left,
        pruned: search.pruned,
        ended: search.ended,
        tried: 0,
        bounded: false,
        known: Vec::new(),
    };
    states.all(first);
    let States { found, left, pruned, ended, bounded, .. } = states;
    Explored { found, left, pruned, ended, bounded }
}

impl<'b> States<'_, 'b> {
    fn all(&mut self, first: State<'b>) {
        let mut next = VecDeque::from([first]);
        while let Some(state) = next.pop_front() {
            for more in self.from(state) {
                next.push_back(more);
            }
            if self.ended || self.bounded {
                return;
            }
        }
    }

    /// Those that come of one.
    fn from(&mut self, mut state: State<'b>) -> Vec<State<'b>> {
        let mut more = Vec::new();
        let mut at = 0;
        while let Some(open) = state.open.get(at).cloned() {
            at += 1;
            if self.tried == MOST {
                self.bounded = true;
                return more;
            }
            self.tried += 1;
            let given = state.graph.clone();
            let graph = given.as_deref().unwrap_or(self.root);
            let less = Rc::new(graph.less(&open.object));
            let order = left(graph, &self.found, &state.order, &open.object);
            let holders = state.order.iter().copied().filter(|at| order.binary_search(at).is_err());
            let away = Away {
                object: open.object.clone(),
                to: open.to.clone(),
                held_in: if open.to.is_some() { &less } else { graph },
                holders: if open.to.is_some() { Vec::new() } else { holders.collect() },
            };
            let (ran, made) = self.run(&less, &order, Some(away), Some(&open));
            if self.ended {
                return more;
            }
            if made.is_empty() {
                continue;
            }
            if open.to.is_some() {
                if self.is_news(&less, &ran.nodes) {
                    self.known.push((less.gone.objects.clone(), ran.nodes.clone()));
                    more.push(State { graph: Some(less), ..ran });
                }
                continue;
            }
            // It is there again, and more with it.
            let order = [state.order.as_slice(), &made].concat();
            let (ran, _) = self.run(graph, &order, None, None);
            state = State { graph: given.clone(), ..ran };
            at = 0;
            if self.ended {
                return more;
            }
        }
        let gone = state.graph.as_deref().unwrap_or(self.root).gone.objects.clone();
        self.known.push((gone, state.nodes));
        more
    }

    /// Whether nobody else is found where no more is gone.
    fn is_news(&self, graph: &Graph<'_>, nodes: &HashSet<Node>) -> bool {
        let gone = &graph.gone.objects;
        !self.known.iter().any(|(less, all)| less.is_subset(gone) && nodes.is_subset(all))
    }

    /// Searches on from those who are there; also who was found by what was made again.
    fn run(
        &mut self,
        graph: &Graph<'b>,
        order: &[u32],
        away: Option<Away<'_, 'b>>,
        open: Option<&Open>,
    ) -> (State<'b>, Vec<u32>) {
        let mut search = Search::new(graph, self.terms, self.ends);
        search.root = self.root;
        search.found = std::mem::take(&mut self.found);
        search.left = std::mem::take(&mut self.left);
        search.away = away;
        search.begin(order);
        if let Some(Open { object, who, used, .. }) = open {
            let (on, at, names) = (object.on, object.at, Some([object.name.clone()].into()));
            search.bring(*who, &Part::Clear { on, at, names, used: used.clone() });
        }
        search.run();
        let object = open.map(|open| &open.object);
        let is_made = |at: &u32| {
            let by = search.found.get(*at as usize).and_then(|found| found.by.as_ref());
            *at >= search.begun && by.is_some_and(|by| by.deletes.as_ref() == object)
        };
        let made = match object {
            Some(_) => search.order.iter().copied().filter(is_made).collect(),
            None => Vec::new(),
        };
        let open = search.open();
        self.found = search.found;
        self.left = search.left;
        self.pruned |= search.pruned;
        self.ended |= search.ended;
        let state = State { graph: None, order: search.order, nodes: search.seen, open };
        (state, made)
    }
}

impl Search<'_, '_> {
    /// Whether what a step makes has its name free now.
    pub(super) fn is_away(&self, edge: &Edge) -> bool {
        let Some(object) = &edge.deletes else { return true };
        self.away.as_ref().is_some_and(|away| {
            away.object == *object && away.to.as_ref().is_none_or(|to| *to == edge.to)
        })
    }

    /// Takes note of what could be deleted for a step.
    pub(super) fn put_off(&mut self, edge: &Edge) {
        let Some(object) = &edge.deletes else { return };
        if !self.is_news(&edge.to) {
            return;
        }
        // Bindings are of one role each. Roles and pods are there again as more than they were.
        let one = matches!(object.on, On::RoleBindings | On::ClusterRoleBindings);
        let key = (object.clone(), one.then(|| edge.to.clone()));
        match self.later.iter_mut().find(|(have, _)| *have == key) {
            Some((_, all)) if all.contains(&edge.to) => {}
            Some((_, all)) => all.push(edge.to.clone()),
            None => self.later.push((key, vec![edge.to.clone()])),
        }
    }

    /// What can be deleted to come further.
    fn open(&self) -> Vec<Open> {
        let later = self.later.iter().filter(|(_, all)| all.iter().any(|to| self.is_news(to)));
        let by = |((object, to), _): &(Later, Vec<To>)| {
            let Object { on, at, name } = object;
            let all = self.cleared(*on, *at, std::slice::from_ref(name));
            let one = all.into_iter().find(|by| self.is_there(by.who, &by.used))?;
            Some(Open { object: object.clone(), to: to.clone(), who: one.who, used: one.used })
        };
        later.filter_map(by).collect()
    }

    /// Whether somebody is there still who may do something, and holds it.
    pub(super) fn is_there(&self, who: u32, used: &[Right]) -> bool {
        let gone = &self.graph.gone.slots;
        let is_gone = |right: &Right| right.grant.is_some_and(|slot| gone.contains(&slot));
        (who >= self.begun || self.began.contains(&who)) && !used.iter().any(is_gone)
    }
}
