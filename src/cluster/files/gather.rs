//! Objects from any number of inputs, put together into one snapshot with honest list health.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserializer;

use super::reason;
use crate::model::{
    BrokenInput, ClusterInfo, Health, ListKind, ListState, Meta, Name, Object, Objects, Passed,
    Snapshot,
};
use crate::rbac::query::{BUILTIN_VERSION, builtin_discovery};

/// Broken inputs that are named one by one; the rest is counted.
const NAMED: usize = 200;

/// Where in the inputs something stands. All numbers count from 1.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The input, as named by the person, or the file found below it.
    pub(super) source: Name,
    /// Document within the input; None where there is one only.
    pub(super) document: Option<usize>,
    /// Item within a list.
    pub(super) item: Option<usize>,
    /// Line within the input.
    pub(super) line: Option<u64>,
}

impl Place {
    pub(super) fn of(source: &Name) -> Self {
        Self { source: source.clone(), ..Self::default() }
    }

    pub(super) fn at_line(&self, line: u64) -> Self {
        Self { line: Some(line), ..self.clone() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        let mut between = ": ";
        let mut part = |f: &mut fmt::Formatter<'_>, word: &str, number: u64| {
            let written = write!(f, "{between}{word} {number}");
            between = ", ";
            written
        };
        if let Some(document) = self.document {
            part(f, "document", document as u64)?;
        }
        if let Some(item) = self.item {
            part(f, "item", item as u64)?;
        }
        match self.line {
            Some(line) => part(f, "line", line),
            None => Ok(()),
        }
    }
}

/// Which lists a broken part may have fed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hurts {
    /// Any: what it held is not known.
    All,
    /// The list of its kind.
    One(ListKind),
    /// None: it was read far enough to know that it held no object of any list.
    Nothing,
}

/// One item, read on its own.
pub(super) enum Item {
    /// An object that a snapshot keeps.
    Object(Box<Object>),
    /// Of a kind that a snapshot has no place for, or of no list: `apiVersion/kind`.
    Passed {
        /// `apiVersion/kind`.
        what: Name,
        /// The lists that it proves to be among what was saved.
        found: Vec<ListKind>,
    },
    /// Not to be read.
    Broken(Hurts, String),
}

/// The list of a kind, as far as the kind alone tells: Secrets go by their type.
fn list_of_kind(api_version: &str, kind: &str) -> Option<ListKind> {
    if !Object::is_known(api_version, kind) {
        return None;
    }
    Some(match kind {
        "ClusterRole" => ListKind::ClusterRoles,
        "Role" => ListKind::Roles,
        "ClusterRoleBinding" => ListKind::ClusterRoleBindings,
        "RoleBinding" => ListKind::RoleBindings,
        "Namespace" => ListKind::Namespaces,
        "ServiceAccount" => ListKind::ServiceAccounts,
        "Secret" => ListKind::TokenSecrets,
        "Pod" => ListKind::Pods,
        "ConfigMap" => ListKind::ConfigMaps,
        "CertificateSigningRequest" => ListKind::CertificateSigningRequests,
        other => return ListKind::of_other(other),
    })
}

/// What a broken list of this kind may have fed.
pub(super) fn hurts(api_version: Option<&str>, kind: Option<&str>) -> Hurts {
    match (api_version, kind) {
        (Some(api_version), Some(kind)) => {
            list_of_kind(api_version, kind).map_or(Hurts::Nothing, Hurts::One)
        }
        _ => Hurts::All,
    }
}

/// Reads one object. Whatever the outcome says, it says without any of the object's data.
pub(super) fn item<'de, D: Deserializer<'de>>(
    api_version: Option<&str>,
    kind: Option<&str>,
    source: D,
) -> Item
where
    D::Error: fmt::Display,
{
    let (Some(api_version), Some(kind)) = (api_version, kind) else {
        let missing = if kind.is_none() { "kind" } else { "apiVersion" };
        return Item::Broken(Hurts::All, format!("an object without {missing}"));
    };
    let what: Name = format!("{api_version}/{kind}").into();
    let list = list_of_kind(api_version, kind);
    match Object::read(api_version, kind, source) {
        Ok(None) => Item::Passed { what, found: Vec::new() },
        Ok(Some(object)) => match (object.list(), in_order(object)) {
            (_, Err(wrong)) => {
                Item::Broken(list.map_or(Hurts::Nothing, Hurts::One), format!("{kind} {wrong}"))
            }
            (Some(_), Ok(object)) | (None, Ok(object @ Object::Other(_))) => {
                Item::Object(Box::new(object))
            }
            (None, Ok(object)) => Item::Passed { what, found: beside(&object) },
        },
        Err(error) => Item::Broken(
            list.map_or(Hurts::Nothing, Hurts::One),
            format!("{kind}: {}", reason::safe(&error.to_string())),
        ),
    }
}

/// The lists that an object which belongs to none shows to be saved all the same: who saved an
/// opaque Secret saved Secrets of every type.
fn beside(object: &Object) -> Vec<ListKind> {
    match object {
        Object::Secret(_) => vec![ListKind::TokenSecrets, ListKind::BootstrapTokens],
        Object::ConfigMap(_) => vec![ListKind::ConfigMaps],
        _ => Vec::new(),
    }
}

/// Whether an object has the name and namespace that the API server would have given it.
fn in_order(mut object: Object) -> Result<Object, &'static str> {
    let namespaced = match &object {
        Object::Role(role) => role.kind == crate::model::RoleKind::Role,
        Object::Binding(binding) => binding.kind == crate::model::BindingKind::RoleBinding,
        Object::Namespace(_) | Object::CertificateSigningRequest(_) => false,
        // Of the other kinds, workloads and NetworkPolicies are namespaced.
        Object::Other(other) => {
            matches!(
                ListKind::of_other(&other.kind),
                Some(ListKind::Workloads | ListKind::NetworkPolicies)
            )
        }
        _ => true,
    };
    let meta = object.meta_mut();
    if meta.name.is_empty() {
        return Err("without metadata.name");
    }
    if !namespaced {
        // The API server knows no namespace on these; a manifest may carry one all the same.
        meta.namespace = None;
    } else if meta.namespace.is_none() {
        return Err("without metadata.namespace: not as a cluster stores it");
    }
    Ok(object)
}

/// What is being put together.
#[derive(Debug, Default)]
pub(super) struct Gather {
    objects: Objects,
    found: BTreeSet<ListKind>,
    passed: Passed,
    broken: Vec<BrokenInput>,
    unnamed: u64,
    hurt: BTreeMap<ListKind, Name>,
    hurt_all: Option<Name>,
    repeated: u64,
}

impl Gather {
    /// Takes over one item.
    pub(super) fn add(&mut self, place: &Place, item: Item) {
        match item {
            Item::Object(object) => self.object(place, *object),
            Item::Passed { what, found } => {
                self.found.extend(found);
                *self.passed.entry(what).or_default() += 1;
            }
            Item::Broken(hurts, reason) => self.broken(place, hurts, &reason),
        }
    }

    /// An empty typed list was given: there is nothing of its kind, as far as files can tell.
    pub(super) fn empty_list(&mut self, api_version: &str, item_kind: &str) {
        self.found.extend(list_of_kind(api_version, item_kind));
        if item_kind == "Secret" {
            self.found.insert(ListKind::BootstrapTokens);
        }
    }

    /// Names something that could not be read.
    pub(super) fn broken(&mut self, place: &Place, hurts: Hurts, reason: &str) {
        let said: Name = format!("{place}: {reason}").into();
        match hurts {
            Hurts::All => {
                self.hurt_all.get_or_insert(said);
            }
            Hurts::One(list) => {
                self.found.insert(list);
                self.hurt.entry(list).or_insert(said);
            }
            Hurts::Nothing => {}
        }
        if self.broken.len() < NAMED {
            self.broken
                .push(BrokenInput { place: place.to_string().into(), reason: reason.into() });
        } else {
            self.unnamed += 1;
        }
    }

    /// Whether nothing of this input was named as broken so far.
    pub(super) fn nothing_broken_in(&self, source: &Name) -> bool {
        !self.broken.iter().any(|broken| broken.place == *source)
    }

    fn object(&mut self, place: &Place, object: Object) {
        if let Some(list) = object.list() {
            self.found.insert(list);
        }
        let Some(have) = self.objects.like(&object) else {
            self.objects.insert(object);
            return;
        };
        self.repeated += 1;
        if have == object {
            return;
        }
        match newer(object.meta(), have.meta()) {
            Some(true) => {
                self.objects.insert(object);
            }
            Some(false) => {}
            None => {
                let hurts = object.list().map_or(Hurts::Nothing, Hurts::One);
                let what = have.kind().to_owned();
                self.objects.insert(object);
                self.broken(
                    place,
                    hurts,
                    &format!(
                        "{what} given twice with different content and no resourceVersion to tell \
                         which is newer; the one given last is kept"
                    ),
                );
            }
        }
    }

    /// How a list stands.
    fn state(&self, kind: ListKind) -> ListState {
        let found = self.found.contains(&kind);
        match (self.hurt.get(&kind), &self.hurt_all) {
            (Some(reason), _) => ListState::because(Health::Failed, reason.clone()),
            (None, Some(reason)) if found => ListState::because(Health::Failed, reason.clone()),
            _ if found => ListState::because(
                Health::Unverifiable,
                "read from files, which do not say whether they are whole",
            ),
            _ => ListState::because(Health::NotGiven, "not among the files given"),
        }
    }

    /// The snapshot of all that was added.
    pub(super) fn finish(mut self, title: &str) -> Snapshot {
        if self.unnamed > 0 {
            self.broken.push(BrokenInput {
                place: "all inputs".into(),
                reason: format!("{} more that are not named here", self.unnamed).into(),
            });
        }
        let counts = self.objects.counts();
        let mut lists = BTreeMap::new();
        for kind in ListKind::ALL {
            let mut state = if kind == ListKind::Discovery {
                ListState::because(
                    Health::NotGiven,
                    format!("files do not say what the server serves; as {BUILTIN_VERSION} does"),
                )
            } else {
                self.state(kind)
            };
            state.count = counts.get(&kind).copied().unwrap_or_default();
            lists.insert(kind, state);
        }
        let id = self
            .objects
            .namespaces
            .get("kube-system")
            .and_then(|ns| ns.meta.uid.clone())
            .unwrap_or_else(|| super::UNNAMED.into());
        Snapshot {
            cluster: ClusterInfo { id, name: title.into(), ..ClusterInfo::default() },
            lists,
            discovery: builtin_discovery(),
            objects: self.objects,
            passed: self.passed,
            broken: self.broken,
            repeated: self.repeated,
            ..Snapshot::default()
        }
    }
}

/// Whether `one` is newer than `other`; None where that cannot be told. Versions of one server
/// grow (they are compared as numbers; what is no number cannot be compared).
fn newer(one: &Meta, other: &Meta) -> Option<bool> {
    let number = |meta: &Meta| meta.resource_version.as_ref()?.parse::<u64>().ok();
    match (number(one)?, number(other)?) {
        (one, other) if one == other => None,
        (one, other) => Some(one > other),
    }
}
