//! How every part of every list stands, and the one place from which changes are reported, so that
//! objects and health are told in the order in which they became true.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Utc;
use tokio::sync::mpsc;

use super::held::Held;
use crate::cluster::{Error, Event, Extent, Page, Source};
use crate::model::{
    Change, ClusterInfo, ConfigMap, Discovery, Health, ListKind, ListState, Meta, Name, Object,
    ObjectBody, OtherObject, Snapshot,
};
use crate::rbac::query::builtin_discovery;

/// Where changes go.
#[derive(Debug)]
pub(super) enum Out {
    /// Into a snapshot.
    Snapshot(Box<Snapshot>),
    /// To whoever follows.
    Channel(mpsc::Sender<Change>),
}

/// How one part of a list stands: a source in an extent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Loading,
    Whole,
    /// Whole once; its watch broke.
    Outdated(Name),
    Forbidden(Name),
    Failed(Name),
}

impl Standing {
    /// What an error makes of a part that was never read. A resource that is not served has no
    /// objects, and that is all there is to know about it.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::NotFound { .. } => Self::Whole,
            Error::Forbidden { .. } => Self::Forbidden(error.to_string().into()),
            _ => Self::Failed(error.to_string().into()),
        }
    }

    fn reason(&self) -> Option<&Name> {
        match self {
            Self::Loading | Self::Whole => None,
            Self::Outdated(reason) | Self::Forbidden(reason) | Self::Failed(reason) => Some(reason),
        }
    }
}

/// Namespace (`""` for none) and name.
type Key = (Name, Name);

#[derive(Debug)]
struct Part {
    standing: Standing,
    /// Whether it was ever whole: a later error makes it outdated, no more.
    known: bool,
    count: u64,
    /// Which objects, where a list has several sources: one read afresh must not take away what
    /// the others hold.
    keys: Option<BTreeSet<Key>>,
    unreadable: BTreeMap<Name, Name>,
}

impl Part {
    fn new(source: &Source) -> Self {
        Self {
            standing: Standing::Loading,
            known: false,
            count: 0,
            keys: (Source::of(source.list).len() > 1).then(BTreeSet::new),
            unreadable: BTreeMap::new(),
        }
    }
}

fn key(object: &Object) -> Key {
    let meta = object.meta();
    (meta.namespace.clone().unwrap_or_else(|| "".into()), meta.name.clone())
}

/// An object of which only the key is known, to say that it is gone.
fn husk(source: &Source, (namespace, name): Key) -> Object {
    let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
    let meta = Meta { name, namespace, ..Meta::default() };
    if source.kind == "ConfigMap" {
        return Object::ConfigMap(ConfigMap { meta, ..ConfigMap::default() });
    }
    Object::Other(OtherObject {
        api_version: source.api_version().into(),
        kind: source.kind.into(),
        meta,
        service_account: None,
        body: ObjectBody::None,
    })
}

/// How everything stands.
#[derive(Debug)]
pub(super) struct Board {
    sources: BTreeMap<Source, BTreeMap<Extent, Part>>,
    told: BTreeMap<ListKind, ListState>,
    discovery: Option<Arc<Discovery>>,
    held: Held,
    out: Out,
}

impl Board {
    pub(super) fn new(out: Out, held: Held) -> Self {
        Self { sources: BTreeMap::new(), told: BTreeMap::new(), discovery: None, held, out }
    }

    pub(super) fn into_snapshot(self) -> Snapshot {
        match self.out {
            Out::Snapshot(snapshot) => *snapshot,
            Out::Channel(_) => Snapshot::default(),
        }
    }

    async fn tell(&mut self, change: Change) {
        match &mut self.out {
            Out::Snapshot(snapshot) => snapshot.apply(change),
            // Nobody listens any more; the task that runs this is about to be dropped.
            Out::Channel(sender) => drop(sender.send(change).await),
        }
    }

    async fn tell_rows(&mut self, list: ListKind, change: Change) {
        if let Some(change) = self.held.take(list, change) {
            self.tell(change).await;
        }
    }

    async fn tell_state(&mut self, list: ListKind, state: ListState) {
        let (rows, state) = self.held.state(list, state);
        if let Some(rows) = rows {
            self.tell(rows).await;
        }
        if self.told.get(&list) != Some(&state) {
            self.told.insert(list, state.clone());
            self.tell(Change::List(list, state)).await;
        }
    }

    async fn retell(&mut self, list: ListKind) {
        let state = self.state(list);
        self.tell_state(list, state).await;
    }

    fn part(&mut self, source: &Source, extent: &Extent) -> &mut Part {
        self.sources
            .entry(*source)
            .or_default()
            .entry(extent.clone())
            .or_insert_with(|| Part::new(source))
    }

    /// Everything known so far is true now.
    pub(super) async fn now(&mut self) {
        self.tell(Change::TakenAt(Utc::now())).await;
    }

    pub(super) async fn cluster(&mut self, info: ClusterInfo) {
        self.tell(Change::Cluster(info)).await;
    }

    /// Until the server has said what it serves, and where it does not say it, the built-in table
    /// stands in.
    pub(super) async fn discovery_begins(&mut self) {
        if self.discovery.is_none() {
            self.tell(Change::Discovery(builtin_discovery())).await;
        }
        self.tell_state(ListKind::Discovery, ListState::new(Health::Loading)).await;
    }

    /// Takes over what discovery came to; gives the error back.
    pub(super) async fn discovery(&mut self, found: Result<Discovery, Error>) -> Option<Error> {
        let discovery = match found {
            Ok(discovery) => discovery,
            Err(error) => {
                let health = match (&error, &self.discovery) {
                    (_, Some(_)) => Health::Outdated,
                    (Error::Forbidden { .. }, None) => Health::Forbidden,
                    (_, None) => Health::Failed,
                };
                let count = self.discovery.as_ref().map_or(0, |known| known.resources.len() as u64);
                let state = ListState { count, ..ListState::because(health, error.to_string()) };
                self.tell_state(ListKind::Discovery, state).await;
                return Some(error);
            }
        };
        let mut state = ListState::new(Health::Complete);
        if !discovery.failed_groups.is_empty() {
            let groups: Vec<String> = discovery
                .failed_groups
                .iter()
                .map(|(group, why)| {
                    format!("{}: {why}", if group.is_empty() { "core" } else { group })
                })
                .collect();
            state = ListState::because(Health::Partial, groups.join("; "));
        }
        state.count = discovery.resources.len() as u64;
        let discovery = Arc::new(discovery);
        let is_news = self.discovery.as_ref() != Some(&discovery);
        if is_news {
            self.discovery = Some(discovery.clone());
            self.tell(Change::Discovery(discovery)).await;
        }
        self.tell_state(ListKind::Discovery, state).await;
        if is_news {
            for list in ListKind::ALL {
                if list != ListKind::Discovery && self.told.contains_key(&list) {
                    self.retell(list).await;
                }
            }
        }
        None
    }

    /// A part is on its way.
    pub(super) async fn begin(&mut self, source: &Source, extent: &Extent) {
        self.part(source, extent).standing = Standing::Loading;
        self.retell(source.list).await;
    }

    /// A source that was refused everywhere is read namespace by namespace. What is known of them
    /// stays; of others it goes.
    pub(super) async fn split(&mut self, source: &Source, extents: &[Extent], refused: Standing) {
        let parts = self.sources.entry(*source).or_default();
        let stays = |extent: &Extent| *extent == Extent::All || extents.contains(extent);
        let gone: Vec<Extent> = parts.keys().filter(|extent| !stays(extent)).cloned().collect();
        // All at once, so that the list does not look settled in between.
        for extent in extents {
            parts.entry(extent.clone()).or_insert_with(|| Part::new(source));
        }
        for extent in gone {
            self.replace(source, &extent, Page::default()).await;
            self.sources.entry(*source).or_default().remove(&extent);
        }
        self.settle(source, &Extent::All, refused).await;
    }

    /// What was read namespace by namespace is read everywhere.
    fn join(&mut self, source: &Source) {
        let parts = self.sources.entry(*source).or_default();
        let mut held: BTreeSet<Key> = BTreeSet::new();
        parts.retain(|extent, part| {
            if *extent != Extent::All {
                held.extend(part.keys.take().unwrap_or_default());
            }
            *extent == Extent::All
        });
        if let Some(keys) = &mut self.part(source, &Extent::All).keys {
            keys.extend(held);
        }
    }

    /// A part stands otherwise. One that was whole and fails is outdated.
    pub(super) async fn settle(&mut self, source: &Source, extent: &Extent, standing: Standing) {
        let part = self.part(source, extent);
        part.standing = match standing {
            Standing::Forbidden(reason) | Standing::Failed(reason) if part.known => {
                Standing::Outdated(reason)
            }
            standing => standing,
        };
        part.known |= part.standing == Standing::Whole;
        self.retell(source.list).await;
    }

    /// Some rows of a part that is on its way.
    pub(super) async fn rows(&mut self, source: &Source, extent: &Extent, page: Page) {
        let part = self.part(source, extent);
        part.count += page.objects.len() as u64;
        part.unreadable.extend(page.unreadable);
        if let Some(keys) = &mut part.keys {
            keys.extend(page.objects.iter().map(key));
        }
        if !page.objects.is_empty() {
            self.tell_rows(source.list, Change::Applied(page.objects)).await;
        }
        self.retell(source.list).await;
    }

    /// All of a part, in place of what was known.
    pub(super) async fn replace(&mut self, source: &Source, extent: &Extent, whole: Page) {
        if *extent == Extent::All {
            self.join(source);
        }
        let part = self.part(source, extent);
        part.count = whole.objects.len() as u64;
        part.unreadable = whole.unreadable.into_iter().collect();
        let objects = whole.objects;
        if let Some(keys) = &mut part.keys {
            let present: BTreeSet<Key> = objects.iter().map(key).collect();
            let gone: Vec<Key> = keys.difference(&present).cloned().collect();
            *keys = present;
            for key in gone {
                self.tell_rows(source.list, Change::Deleted(husk(source, key))).await;
            }
            if !objects.is_empty() {
                self.tell_rows(source.list, Change::Applied(objects)).await;
            }
        } else {
            let namespace = extent.namespace().cloned();
            let list = source.list;
            self.tell_rows(list, Change::Replaced { list, namespace, objects }).await;
        }
        self.retell(source.list).await;
    }

    /// What a watch said of a part.
    pub(super) async fn event(&mut self, source: &Source, extent: &Extent, event: Event) {
        let part = self.part(source, extent);
        let change = match event {
            Event::Added(object) => {
                part.count += 1;
                if let Some(keys) = &mut part.keys {
                    keys.insert(key(&object));
                }
                Change::Applied(vec![object])
            }
            Event::Modified(object) => Change::Applied(vec![object]),
            Event::Deleted(object) => {
                part.count = part.count.saturating_sub(1);
                if let Some(keys) = &mut part.keys {
                    keys.remove(&key(&object));
                }
                Change::Deleted(object)
            }
            Event::Bookmark(_) => return self.now().await,
            Event::Unreadable(place, reason) => {
                part.unreadable.insert(place, reason);
                return self.retell(source.list).await;
            }
        };
        self.tell_rows(source.list, change).await;
        self.retell(source.list).await;
        self.now().await;
    }

    /// Whether the server is known not to serve a resource. It refuses somebody of few rights before
    /// it looks whether there is such a resource, so that a 403 alone does not tell.
    fn is_absent(&self, source: &Source) -> bool {
        self.discovery.as_ref().is_some_and(|discovery| {
            let mut failed = discovery.failed_groups.iter();
            let mut served = discovery.resources.iter();
            failed.all(|(group, _)| **group != *source.group)
                && !served.any(|one| *one.group == *source.group && *one.name == *source.resource)
        })
    }

    /// A list's state: the worst of its sources'.
    fn state(&self, list: ListKind) -> ListState {
        let mut merged = ListState::new(Health::Complete);
        let mut reasons: Vec<String> = Vec::new();
        for source in Source::of(list) {
            let Some(parts) = self.sources.get(source) else {
                continue;
            };
            let mut state = of_source(parts);
            if state.health == Health::Forbidden && self.is_absent(source) {
                state = ListState { count: state.count, ..ListState::new(Health::Complete) };
            }
            merged.count += state.count;
            if state.health == Health::Partial && merged.health == Health::Partial {
                merged.namespaces.retain(|namespace| state.namespaces.contains(namespace));
            } else if state.health == Health::Partial {
                merged.namespaces.clone_from(&state.namespaces);
            }
            merged.health = worse(merged.health, state.health);
            if let Some(reason) = state.reason {
                let reason = reason.to_string();
                if !reasons.contains(&reason) {
                    reasons.push(reason);
                }
            }
        }
        if merged.health != Health::Partial {
            merged.namespaces.clear();
        }
        if merged.health != Health::Loading && !reasons.is_empty() {
            merged.reason = Some(reasons.join("; ").into());
        }
        merged
    }
}

/// The health that says less.
fn worse(one: Health, other: Health) -> Health {
    const ORDER: [Health; 6] = [
        Health::Loading,
        Health::Failed,
        Health::Forbidden,
        Health::Outdated,
        Health::Partial,
        Health::Complete,
    ];
    ORDER.into_iter().find(|health| *health == one || *health == other).unwrap_or(one)
}

/// The state of one source from its parts.
fn of_source(parts: &BTreeMap<Extent, Part>) -> ListState {
    let count = parts.values().map(|part| part.count).sum();
    let split: Vec<(&Name, &Part)> =
        parts.iter().filter_map(|(extent, part)| Some((extent.namespace()?, part))).collect();
    let mut state = if split.is_empty() {
        parts
            .get(&Extent::All)
            .map_or(ListState::new(Health::Loading), |part| of_part(&part.standing))
    } else {
        of_split(parts.get(&Extent::All), &split)
    };
    state.count = count;
    let unreadable: Vec<(&Name, &Name)> =
        parts.values().flat_map(|part| &part.unreadable).collect();
    if let (Some((place, why)), true) = (unreadable.first(), state.health != Health::Loading) {
        let words = format!("{} unreadable, among them {place}: {why}", unreadable.len());
        let earlier = state.reason.take().map_or_else(String::new, |reason| format!("{reason}; "));
        state.reason = Some(format!("{earlier}{words}").into());
        state.health = worse(state.health, Health::Failed);
    }
    state
}

fn of_part(standing: &Standing) -> ListState {
    let health = match standing {
        Standing::Loading => Health::Loading,
        Standing::Whole => Health::Complete,
        Standing::Outdated(_) => Health::Outdated,
        Standing::Forbidden(_) => Health::Forbidden,
        Standing::Failed(_) => Health::Failed,
    };
    ListState { reason: standing.reason().cloned(), ..ListState::new(health) }
}

/// The state of a source that was refused everywhere and read namespace by namespace.
fn of_split(everywhere: Option<&Part>, split: &[(&Name, &Part)]) -> ListState {
    if split.iter().any(|(_, part)| part.standing == Standing::Loading) {
        return ListState::new(Health::Loading);
    }
    let refused = everywhere.and_then(|part| part.standing.reason()).map_or("", |words| &**words);
    let whole: Vec<Name> = split
        .iter()
        .filter(|(_, part)| part.standing == Standing::Whole)
        .map(|(namespace, _)| (*namespace).clone())
        .collect();
    // A refusal says the same in each namespace; other troubles are worth their own words.
    let trouble = split.iter().find_map(|(_, part)| match &part.standing {
        Standing::Outdated(reason) | Standing::Failed(reason) => Some(reason),
        _ => None,
    });
    let mut reason = refused.to_owned();
    if let Some(trouble) = trouble {
        reason = format!("{reason}; {trouble}");
    }
    if whole.is_empty() {
        let was_known = split.iter().any(|(_, part)| part.known);
        let health = match trouble {
            Some(_) if was_known => Health::Outdated,
            Some(_) => Health::Failed,
            None => Health::Forbidden,
        };
        return ListState::because(health, reason);
    }
    let reason = format!("{reason}; listed in {} of {} namespaces known", whole.len(), split.len());
    ListState { namespaces: whole, ..ListState::because(Health::Partial, reason) }
}
