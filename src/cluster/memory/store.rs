//! The objects, their versions and their past.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use hashbrown::HashMap;
use serde_json::Value;

use super::Fault;
use super::path::Target;
use crate::cluster::{Error, Extent, Page, Source};
use crate::model::{
    BindingKind, ClusterInfo, Discovery, ListKind, Name, Object, Objects, RoleKind,
};
use crate::rbac::Authorizer;

/// Lists that are being read page by page, at most; the oldest is forgotten first.
const HELD_LISTS: usize = 1_000;

/// Changes that are remembered, at most; the oldest is forgotten first.
const PAST: usize = 100_000;

/// What happened to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Happened {
    Added,
    Modified,
    Deleted,
}

/// One entry of the past.
#[derive(Clone, Debug)]
pub(super) struct Past {
    pub(super) version: u64,
    pub(super) happened: Happened,
    pub(super) object: Object,
}

/// A list of which some pages are still to be fetched.
#[derive(Debug)]
struct HeldList {
    version: u64,
    objects: Arc<Vec<Object>>,
    source: Source,
    extent: Extent,
}

/// (kind, namespace, name).
type RawKey = (Name, Name, Name);

#[derive(Debug)]
pub(super) struct Store {
    pub(super) info: ClusterInfo,
    pub(super) discovery: Discovery,
    pub(super) objects: Objects,
    /// Objects as they were written, unknown fields kept.
    raw: HashMap<RawKey, Value>,
    pub(super) authorizer: Authorizer,
    pub(super) faults: Vec<Fault>,
    pub(super) running: bool,
    /// Rises when all connections are lost.
    pub(super) epoch: u64,
    pub(super) version: u64,
    /// Nothing older than this is remembered.
    pub(super) floor: u64,
    pub(super) past: VecDeque<Past>,
    held: BTreeMap<u64, HeldList>,
    lists: u64,
    uids: u64,
}

impl Store {
    pub(super) fn new(info: ClusterInfo, discovery: Discovery) -> Self {
        Self {
            info,
            discovery,
            objects: Objects::default(),
            raw: HashMap::new(),
            authorizer: Authorizer::default(),
            faults: Vec::new(),
            running: true,
            epoch: 0,
            version: 1,
            floor: 1,
            past: VecDeque::new(),
            held: BTreeMap::new(),
            lists: 0,
            uids: 0,
        }
    }

    /// A UID that no object has yet.
    pub(super) fn fresh_uid(&mut self) -> Name {
        self.uids += 1;
        format!("00000000-0000-4000-8000-{:012x}", self.uids).into()
    }

    /// Stores an object under a new version; gives it as stored.
    pub(super) fn put(&mut self, mut object: Object, raw: Option<Value>) -> Object {
        self.version += 1;
        object.meta_mut().resource_version = Some(self.version.to_string().into());
        let key = raw_key(&object);
        match raw {
            Some(mut raw) => {
                raw["metadata"]["resourceVersion"] = Value::from(self.version.to_string());
                self.raw.insert(key, raw);
            }
            None => drop(self.raw.remove(&key)),
        }
        let was_there = self.objects.insert(object.clone());
        self.reindex(&object);
        let happened = if was_there { Happened::Modified } else { Happened::Added };
        self.remember(happened, object.clone());
        object
    }

    fn remember(&mut self, happened: Happened, object: Object) {
        self.past.push_back(Past { version: self.version, happened, object });
        if self.past.len() > PAST
            && let Some(oldest) = self.past.pop_front()
        {
            self.floor = oldest.version;
        }
    }

    /// Takes an object out; returns whether it was there.
    pub(super) fn take(&mut self, object: &Object) -> bool {
        if !self.objects.remove(object) {
            return false;
        }
        self.raw.remove(&raw_key(object));
        self.reindex(object);
        self.version += 1;
        let mut object = object.clone();
        object.meta_mut().resource_version = Some(self.version.to_string().into());
        self.remember(Happened::Deleted, object);
        true
    }

    fn reindex(&mut self, object: &Object) {
        let meta = object.meta();
        let namespace = meta.namespace.clone().unwrap_or_else(|| "".into());
        match object {
            Object::Role(role) => {
                let key = (role.kind, namespace, meta.name.clone());
                self.authorizer.rerole(&key, &self.objects);
            }
            Object::Binding(binding) => {
                let key = (binding.kind, namespace, meta.name.clone());
                self.authorizer.rebind(&key, &self.objects);
            }
            _ => {}
        }
    }

    /// Forgets the past.
    pub(super) fn forget(&mut self) {
        self.past.clear();
        self.held.clear();
        self.floor = self.version;
    }

    /// Where a watch from this version begins.
    pub(super) fn since(&self, version: &str, tried: &str) -> Result<u64, Error> {
        let from = version.parse::<u64>().map_err(|_| Error::Invalid {
            tried: tried.to_owned(),
            cause: format!("{version:?} is no resourceVersion"),
        })?;
        if from < self.floor {
            return Err(too_old(tried));
        }
        Ok(from)
    }

    /// One page, all pages of a list from the same moment.
    pub(super) fn page(
        &mut self,
        source: &Source,
        extent: &Extent,
        limit: u32,
        next: Option<&str>,
        tried: &str,
    ) -> Result<Page, Error> {
        let limit = if limit == 0 { usize::MAX } else { limit as usize };
        let (list, from) = match next {
            None => {
                self.lists += 1;
                let objects = Arc::new(self.select(source, extent));
                let held = HeldList {
                    version: self.version,
                    objects,
                    source: *source,
                    extent: extent.clone(),
                };
                self.held.insert(self.lists, held);
                if self.held.len() > HELD_LISTS {
                    self.held.pop_first();
                }
                (self.lists, 0)
            }
            Some(token) => {
                let (list, from) = token.split_once(':').ok_or_else(|| too_old(tried))?;
                let number = |text: &str| text.parse::<u64>().map_err(|_| too_old(tried));
                (number(list)?, usize::try_from(number(from)?).unwrap_or(usize::MAX))
            }
        };
        let held = self
            .held
            .get(&list)
            .filter(|held| held.source == *source && held.extent == *extent)
            .ok_or_else(|| too_old(tried))?;
        let objects: Vec<Object> = held.objects.iter().skip(from).take(limit).cloned().collect();
        let end = from + objects.len();
        let next = (end < held.objects.len()).then(|| format!("{list}:{end}"));
        let version = held.version.to_string().into();
        if next.is_none() {
            self.held.remove(&list);
        }
        Ok(Page { objects, unreadable: Vec::new(), version, next })
    }

    /// What a source holds in an extent, in order of namespace and name.
    fn select(&self, source: &Source, extent: &Extent) -> Vec<Object> {
        let objects = &self.objects;
        let all: Vec<Object> = match source.list {
            ListKind::ClusterRoles | ListKind::Roles => {
                objects.roles.values().map(|role| Object::Role((**role).clone())).collect()
            }
            ListKind::ClusterRoleBindings | ListKind::RoleBindings => objects
                .bindings
                .values()
                .map(|binding| Object::Binding((**binding).clone()))
                .collect(),
            ListKind::Namespaces => {
                objects.namespaces.values().map(|ns| Object::Namespace((**ns).clone())).collect()
            }
            ListKind::ServiceAccounts => objects
                .service_accounts
                .values()
                .map(|account| Object::ServiceAccount((**account).clone()))
                .collect(),
            ListKind::TokenSecrets | ListKind::BootstrapTokens => {
                objects.secrets.values().map(|secret| Object::Secret((**secret).clone())).collect()
            }
            ListKind::CertificateSigningRequests => objects
                .csrs
                .values()
                .map(|csr| Object::CertificateSigningRequest((**csr).clone()))
                .collect(),
            ListKind::ConfigMaps => {
                objects.config_maps.values().map(|map| Object::ConfigMap((**map).clone())).collect()
            }
            ListKind::Pods => {
                objects.pods.values().map(|pod| Object::Pod((**pod).clone())).collect()
            }
            ListKind::RbacDefinitions
            | ListKind::Workloads
            | ListKind::NetworkPolicies
            | ListKind::FlowSchemas
            | ListKind::PriorityLevels
            | ListKind::OAuthTokens => {
                objects.others.values().map(|other| Object::Other((**other).clone())).collect()
            }
            ListKind::Discovery => Vec::new(),
        };
        all.into_iter().filter(|object| belongs(object, source, extent)).collect()
    }

    /// The object at a path.
    pub(super) fn object(&self, target: &Target) -> Option<Object> {
        let name: Name = target.name.as_deref()?.into();
        let namespace: Name = target.namespace.as_deref().unwrap_or("").into();
        let key = (namespace.clone(), name.clone());
        let objects = &self.objects;
        match target.kind {
            "Role" => of_role(objects, RoleKind::Role, key),
            "ClusterRole" => of_role(objects, RoleKind::ClusterRole, key),
            "RoleBinding" => of_binding(objects, BindingKind::RoleBinding, key),
            "ClusterRoleBinding" => of_binding(objects, BindingKind::ClusterRoleBinding, key),
            "Namespace" => {
                objects.namespaces.get(&name).map(|it| Object::Namespace((**it).clone()))
            }
            "ServiceAccount" => {
                objects.service_accounts.get(&key).map(|it| Object::ServiceAccount((**it).clone()))
            }
            "Secret" => objects.secrets.get(&key).map(|it| Object::Secret((**it).clone())),
            "Pod" => objects.pods.get(&key).map(|it| Object::Pod((**it).clone())),
            "CertificateSigningRequest" => {
                objects.csrs.get(&name).map(|it| Object::CertificateSigningRequest((**it).clone()))
            }
            "ConfigMap" => {
                objects.config_maps.get(&key).map(|it| Object::ConfigMap((**it).clone()))
            }
            kind => objects
                .others
                .get(&(kind.into(), namespace, name))
                .map(|it| Object::Other((**it).clone())),
        }
    }

    /// The object at a path as it was written.
    pub(super) fn raw(&self, target: &Target) -> Option<Value> {
        let object = self.object(target)?;
        Some(self.raw.get(&raw_key(&object)).cloned().unwrap_or_else(|| object.to_json()))
    }
}

fn of_role(objects: &Objects, kind: RoleKind, (namespace, name): (Name, Name)) -> Option<Object> {
    let role = objects.roles.get(&(kind, namespace, name))?;
    Some(Object::Role((**role).clone()))
}

fn of_binding(
    objects: &Objects,
    kind: BindingKind,
    (namespace, name): (Name, Name),
) -> Option<Object> {
    let binding = objects.bindings.get(&(kind, namespace, name))?;
    Some(Object::Binding((**binding).clone()))
}

fn raw_key(object: &Object) -> RawKey {
    let meta = object.meta();
    let namespace = meta.namespace.clone().unwrap_or_else(|| "".into());
    (object.kind().into(), namespace, meta.name.clone())
}

/// Whether a source in an extent selects an object.
pub(super) fn belongs(object: &Object, source: &Source, extent: &Extent) -> bool {
    let meta = object.meta();
    let namespace = source.only_in.or(extent.namespace().map(|name| &**name));
    object.kind() == source.kind
        && (!source.namespaced
            || namespace.is_none_or(|want| meta.namespace.as_deref() == Some(want)))
        && match (source.selector, object) {
            (None, _) => true,
            (Some(("type", type_)), Object::Secret(secret)) => &*secret.type_ == type_,
            (Some(("metadata.name", name)), _) => &*meta.name == name,
            _ => false,
        }
}

/// A version or continue token from before the past that is remembered.
pub(super) fn too_old(tried: &str) -> Error {
    Error::Gone {
        tried: tried.to_owned(),
        cause: "The provided version or continue token is too old; begin anew without it"
            .to_owned(),
    }
}
