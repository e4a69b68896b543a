//! A model of an API server, in memory: lists in pages at one moment, watches from a version on,
//! a past that can be forgotten (410), conflicts, the escalation check, and every fault that a
//! network and a server have, on demand. It stands behind the demo and behind tests.
//!
//! To an operator it answers as the API server would answer them, by RBAC; to nobody in particular
//! everything is allowed.

mod fault;
mod path;
mod permit;
mod review;
mod store;
mod watch;
mod write;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio::sync::watch as signal;

pub use fault::{Call, Fault, Trouble};

use self::path::Target;
use self::permit::Permits;
use self::store::Store;
use super::{
    Cluster, Error, Events, Extent, Page, REQUEST_TIMEOUT, SecretForm, Source, UserInfo,
    is_of_secrets, without_copies,
};
use crate::model::{ClusterInfo, Discovery, Name, Object, Objects};
use crate::rbac::query::builtin_discovery;

/// Who looks, as the API server authenticated them. Implicit groups are not added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// User name.
    pub user: Name,
    /// Groups.
    pub groups: Vec<Name>,
}

impl Operator {
    /// A user in groups, `system:authenticated` among them.
    pub fn new(user: &str, groups: &[&str]) -> Self {
        let groups = groups.iter().copied().chain([crate::model::Identity::AUTHENTICATED]);
        Self { user: user.into(), groups: groups.map(Name::from).collect() }
    }
}

/// A cluster in memory, as somebody sees it. Clones are the same cluster.
#[derive(Clone)]
pub struct MemoryCluster {
    shared: Arc<Shared>,
    operator: Option<Arc<Operator>>,
}

struct Shared {
    store: Mutex<Store>,
    /// Rises whenever a watch may have something to say.
    tick: signal::Sender<u64>,
}

impl fmt::Debug for MemoryCluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCluster").field("operator", &self.operator).finish_non_exhaustive()
    }
}

impl MemoryCluster {
    /// A cluster that holds these objects. What has no UID or creation time gets none until it is
    /// written.
    pub fn new(info: ClusterInfo, objects: impl IntoIterator<Item = Object>) -> Self {
        let mut store =
            Store::new(info, Discovery { builtin: false, ..(*builtin_discovery()).clone() });
        for object in objects {
            store.put(object, None);
        }
        store.forget();
        let tick = signal::Sender::new(0);
        let shared = Shared { store: Mutex::new(store), tick };
        Self { shared: Arc::new(shared), operator: None }
    }

    /// Serves this instead of the usual resources.
    pub fn serve(&self, discovery: Discovery) {
        self.lock().discovery = discovery;
    }

    /// The same cluster as this operator sees it and may change it.
    #[must_use]
    pub fn operated_by(&self, operator: Operator) -> Self {
        Self { shared: self.shared.clone(), operator: Some(Arc::new(operator)) }
    }

    /// Stores an object, whoever the operator is.
    pub fn put(&self, object: Object) {
        self.lock().put(object, None);
        self.wake();
    }

    /// Takes an object out, whoever the operator is; returns whether it was there.
    pub fn remove(&self, object: &Object) -> bool {
        let was_there = self.lock().take(object);
        self.wake();
        was_there
    }

    /// All objects as they stand.
    pub fn objects(&self) -> Objects {
        self.lock().objects.clone()
    }

    /// Has something go wrong from now on.
    pub fn inject(&self, fault: Fault) {
        self.lock().faults.push(fault);
    }

    /// Takes all faults back.
    pub fn heal(&self) {
        self.lock().faults.clear();
    }

    /// Forgets the past: older versions and continue tokens are answered with 410. Watches that
    /// are up to date go on.
    pub fn compact(&self) {
        self.lock().forget();
    }

    /// Breaks every watch as a lost connection does.
    pub fn disconnect(&self) {
        self.lock().epoch += 1;
        self.wake();
    }

    /// Stops serving: watches break and every call is refused until [`Self::start`].
    pub fn stop(&self) {
        self.lock().running = false;
        self.disconnect();
    }

    /// Serves again after [`Self::stop`].
    pub fn start(&self) {
        self.lock().running = true;
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.shared.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn permits<'a>(&'a self, store: &'a Store) -> Permits<'a> {
        Permits { store, operator: self.operator.as_deref() }
    }

    fn wake(&self) {
        self.shared.tick.send_modify(|tick| *tick += 1);
    }

    /// Lets a call through, or fails it as the faults have it.
    async fn enter(
        &self,
        call: Call,
        source: Option<&Source>,
        extent: Option<&Extent>,
        tried: &str,
    ) -> Result<(), Error> {
        let trouble = {
            let mut store = self.lock();
            if !store.running {
                return Err(fault::refused(tried));
            }
            fault::next(&mut store.faults, call, source, extent)
        };
        match trouble {
            None => Ok(()),
            Some(Trouble::Slow(pause)) if pause < REQUEST_TIMEOUT => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            Some(Trouble::Slow(_)) => {
                tokio::time::sleep(REQUEST_TIMEOUT).await;
                Err(fault::timed_out(tried, REQUEST_TIMEOUT))
            }
            Some(trouble) => Err(trouble.error(tried)),
        }
    }
}

#[async_trait]
impl Cluster for MemoryCluster {
    fn known(&self) -> ClusterInfo {
        let ClusterInfo { name, context, server, .. } = self.lock().info.clone();
        ClusterInfo { name, context, server, ..ClusterInfo::default() }
    }

    async fn info(&self) -> Result<ClusterInfo, Error> {
        self.enter(Call::Info, None, None, "ask for the version").await?;
        let mut info = self.lock().info.clone();
        if let Some(operator) = &self.operator {
            info.operator = Some(operator.user.clone());
        }
        Ok(info)
    }

    async fn discovery(&self) -> Result<Discovery, Error> {
        self.enter(Call::Discovery, None, None, "discover what is served").await?;
        Ok(self.lock().discovery.clone())
    }

    async fn list(
        &self,
        source: &Source,
        extent: &Extent,
        limit: u32,
        next: Option<&str>,
    ) -> Result<Page, Error> {
        let tried = format!("list {}", source.describe(extent));
        self.enter(Call::List, Some(source), Some(extent), &tried).await?;
        let mut store = self.lock();
        self.permits(&store).may_read("list", source, extent, &tried)?;
        store.page(source, extent, limit, next, &tried)
    }

    async fn watch(
        &self,
        source: &Source,
        extent: &Extent,
        version: &str,
    ) -> Result<Events, Error> {
        let tried = format!("watch {}", source.describe(extent));
        self.enter(Call::Watch, Some(source), Some(extent), &tried).await?;
        let from = {
            let store = self.lock();
            self.permits(&store).may_read("watch", source, extent, &tried)?;
            store.since(version, &tried)?
        };
        Ok(watch::events(self.clone(), *source, extent.clone(), from, tried))
    }

    async fn get(&self, path: &str) -> Result<Value, Error> {
        let tried = format!("get {path}");
        if is_of_secrets(path) {
            let cause = "Secrets are never read whole".to_owned();
            return Err(Error::Failed { tried, cause, status: None });
        }
        self.enter(Call::Get, None, None, &tried).await?;
        let store = self.lock();
        let target = Target::of(path).ok_or_else(|| Error::NotFound { tried: tried.clone() })?;
        self.permits(&store).may("get", &target, &tried)?;
        store.raw(&target).ok_or(Error::NotFound { tried })
    }

    async fn metadata(&self, path: &str) -> Result<Value, Error> {
        let tried = format!("get the metadata of {path}");
        self.enter(Call::Get, None, None, &tried).await?;
        let store = self.lock();
        let target = Target::of(path).ok_or_else(|| Error::NotFound { tried: tried.clone() })?;
        self.permits(&store).may("get", &target, &tried)?;
        let object = store.object(&target).ok_or(Error::NotFound { tried })?;
        Ok(without_copies(json!({
            "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata",
            "metadata": object.to_json()["metadata"],
        })))
    }

    async fn sole_owners(&self, collection: &str) -> Result<Vec<(Name, Name)>, Error> {
        let tried = format!("list the metadata of {collection}");
        self.enter(Call::List, None, None, &tried).await?;
        let store = self.lock();
        let not_found = || Error::NotFound { tried: tried.clone() };
        let target = Target::of(collection).ok_or_else(not_found)?;
        self.permits(&store).may("list", &target, &tried)?;
        let mut found = Vec::new();
        store.objects.each_meta(|kind, meta| {
            if let ([owner], true) = (
                &meta.owner_references[..],
                kind == target.kind && meta.namespace.as_deref() == target.namespace.as_deref(),
            ) {
                found.push((meta.name.clone(), owner.uid.clone()));
            }
        });
        Ok(found)
    }

    async fn secret_form(&self, path: &str) -> Result<Option<SecretForm>, Error> {
        let tried = format!("get what type {path} is of");
        self.enter(Call::Get, None, None, &tried).await?;
        let store = self.lock();
        let target = Target::of(path).ok_or_else(|| Error::NotFound { tried: tried.clone() })?;
        self.permits(&store).may("get", &target, &tried)?;
        match store.object(&target) {
            Some(Object::Secret(secret)) => {
                Ok(Some(SecretForm { type_: secret.type_.clone(), entries: None }))
            }
            Some(_) => Ok(None),
            None => Err(Error::NotFound { tried }),
        }
    }

    async fn user(&self) -> Result<Option<UserInfo>, Error> {
        self.enter(Call::Info, None, None, "ask who this is").await?;
        Ok(self.operator.as_deref().map(|operator| UserInfo {
            user: operator.user.clone(),
            groups: operator.groups.clone(),
            ..UserInfo::default()
        }))
    }

    async fn review(&self, review: &Value) -> Result<Value, Error> {
        let tried = "review access";
        self.enter(Call::Review, None, None, tried).await?;
        self.lock().review(review, self.operator.as_deref(), tried)
    }
}
