//! The steps to what an identity can become.

use std::collections::BTreeMap;

use serde::Serialize;

use super::detail::Via;
use super::identity::Names;
use super::owner::{self, OwnerRow};
use super::undoing;
use crate::book::{Book, GrantId};
use crate::model::{Name, RoleKind};
use crate::reach::{Added, Deleted, Gain, Held, Hop, Kept, Needed, Path, Reaches};

/// Where it holds: in a namespace, in each, or in the whole cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachesPart {
    /// The namespace; None: all of them, or the whole cluster.
    pub namespace: Option<Name>,
    /// Whether only in namespaces: all of them, where none is named.
    pub namespaced: bool,
}

impl From<&Reaches> for ReachesPart {
    fn from(of: &Reaches) -> Self {
        match of {
            Reaches::Cluster => Self { namespace: None, namespaced: false },
            Reaches::EveryNamespace => Self { namespace: None, namespaced: true },
            Reaches::Namespace(ns) => Self { namespace: Some(ns.clone()), namespaced: true },
        }
    }
}

/// A role that is gained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RolePart {
    /// Its kind.
    pub kind: RoleKind,
    /// Its name; None: every one there.
    pub name: Option<Name>,
}

/// What a step gains.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GainPart {
    /// `identity`, `impersonated`, `role`, `everything` or `anyone`.
    pub kind: &'static str,
    /// In words.
    pub words: String,
    /// Who, where it is somebody.
    pub identity: Option<Names>,
    /// Groups that are impersonated besides.
    pub groups: Vec<Name>,
    /// The role, where it is one.
    pub role: Option<RolePart>,
    /// Where, for a role and for everything.
    pub at: Option<ReachesPart>,
}

impl From<&Gain> for GainPart {
    fn from(of: &Gain) -> Self {
        let mut part = Self {
            kind: "anyone",
            words: of.to_string(),
            identity: None,
            groups: Vec::new(),
            role: None,
            at: None,
        };
        match of {
            Gain::Identity(identity) => {
                part.kind = "identity";
                part.identity = Some(Names::from(identity));
            }
            Gain::Name { identity, groups, .. } => {
                part.kind = "impersonated";
                part.identity = identity.as_ref().map(Names::from);
                part.groups.clone_from(groups);
            }
            Gain::Role { kind, name, at } => {
                part.kind = "role";
                part.role = Some(RolePart { kind: *kind, name: name.clone() });
                part.at = Some(ReachesPart::from(at));
            }
            Gain::Everything(at) => {
                part.kind = "everything";
                part.at = Some(ReachesPart::from(at));
            }
            Gain::Anyone => {}
        }
        part
    }
}

/// A permission that a step takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NeededPart {
    /// The verb.
    pub verb: &'static str,
    /// API group.
    pub api_group: &'static str,
    /// Resource, with its subresource.
    pub resource: String,
    /// Names; None: every one.
    pub resource_names: Option<Vec<Name>>,
    /// Where it is held.
    pub at: ReachesPart,
    /// By way of which grant; None where a step before gave it, or `system:masters`.
    pub via: Option<Via>,
}

impl NeededPart {
    fn new(book: &Book, of: &Needed) -> Self {
        Self {
            verb: of.verb,
            api_group: of.api_group,
            resource: of.resource.clone(),
            resource_names: of.names.clone(),
            at: ReachesPart::from(&of.at),
            via: of.id.and_then(|id| book.grant(id)).map(|grant| Via {
                aggregated_from: (!of.sources.is_empty()).then(|| of.sources.clone()),
                ..Via::of(grant)
            }),
        }
    }
}

/// A role that has to be held for a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HeldPart {
    /// Where it is held.
    pub at: ReachesPart,
    /// By way of which grant, with the role.
    pub via: Option<Via>,
}

/// An object that a step deletes, to make another under its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeletedPart {
    /// API group.
    pub api_group: &'static str,
    /// Resource.
    pub resource: String,
    /// Its namespace; None for what has none.
    pub namespace: Option<Name>,
    /// Its name.
    pub name: Name,
    /// By which verb.
    pub verb: &'static str,
    /// Whether the garbage collector does it, once the object names an owner that is not there.
    pub collected: bool,
}

impl From<&Deleted> for DeletedPart {
    fn from(of: &Deleted) -> Self {
        let (resource, namespace) = (of.resource.clone(), of.namespace.clone());
        let name = of.name.clone();
        let (verb, collected) = (of.verb, of.collected);
        Self { api_group: of.api_group, resource, namespace, name, verb, collected }
    }
}

/// Whether a log would show a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenPart {
    /// `yes`, `partly` or `no`.
    pub how: &'static str,
    /// What it shows, and what it does not.
    pub what: String,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HopPart {
    /// The kind of step.
    pub step: &'static str,
    /// What is done, in words.
    pub words: String,
    /// Who does it.
    pub from: Vec<GainPart>,
    /// What is gained.
    pub gain: GainPart,
    /// How strong that is by itself.
    pub tier: &'static str,
    /// What it takes.
    pub needed: Vec<NeededPart>,
    /// Roles that have to be held besides: the one that is changed, or what is handed over.
    pub held: Vec<HeldPart>,
    /// What is deleted first, since it has the name that is needed.
    pub deletes: Option<DeletedPart>,
    /// The account that is made first, since it is not there.
    pub makes: Option<Names>,
    /// The labels that make what is written part of a role that is held.
    pub labels: Option<BTreeMap<Name, Name>>,
    /// Why it is a model only; None where the API server's own checks decide.
    pub modelled: Option<&'static str>,
    /// Whether a log would show it.
    pub seen: SeenPart,
    /// What would cut it, and who would undo that.
    pub cut: String,
    /// Who keeps the bindings that `cut` names, and would put the subject back.
    pub kept_by: Vec<OwnerRow>,
    #[serde(skip)]
    pub(super) who: String,
    #[serde(skip)]
    pub(super) takes: Vec<(String, String)>,
    #[serde(skip)]
    pub(super) holds: Vec<(String, String)>,
}

impl HopPart {
    fn new(book: &Book, of: &Hop, path: &Path, kept: &[Kept]) -> Self {
        let seen = of.seen();
        let held = |held: &Held| HeldPart {
            at: ReachesPart::from(&held.at),
            via: book.grant(held.id).map(|grant| Via::of(grant)),
        };
        Self {
            step: of.step.as_str(),
            words: of.words(),
            from: of.from.iter().map(GainPart::from).collect(),
            gain: GainPart::from(&of.gain),
            tier: of.tier.as_str(),
            needed: of.needed.iter().map(|needed| NeededPart::new(book, needed)).collect(),
            modelled: of.modelled(),
            seen: SeenPart { how: seen.how.as_str(), what: seen.what },
            held: of.held.iter().map(held).collect(),
            deletes: of.deletes.as_ref().map(DeletedPart::from),
            makes: of.makes.as_ref().map(Names::from),
            labels: of.labels.as_deref().cloned(),
            cut: undoing::hop_cut_words(book, of, path, kept),
            kept_by: undoing::cutting(book, of, path, kept)
                .flat_map(|grant| owner::of_cut(book, grant.id))
                .collect(),
            who: of.who(),
            holds: of.held.iter().map(|held| (held.words(), held.by())).collect(),
            takes: of.needed.iter().map(|needed| (needed.words(), needed.by())).collect(),
        }
    }

    pub(super) fn who_text(&self) -> String {
        let from: Vec<&str> = self.from.iter().map(|gain| &*gain.words).collect();
        from.join(" and ")
    }
}

/// What one may do that another may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddedPart {
    /// How strong the strongest of the rights is.
    pub tier: &'static str,
    /// Whether it is more than reading, and more than writing other things where one may write.
    pub worth: bool,
    /// The strongest rights, in words.
    pub rights: Vec<String>,
    /// How many there are besides.
    pub more: usize,
}

impl From<&Added> for AddedPart {
    fn from(of: &Added) -> Self {
        let (tier, worth) = (of.adds.tier.as_str(), of.adds.worth);
        Self { tier, worth, rights: of.rights.clone(), more: of.more }
    }
}

/// The way to a tier, or to somebody who may do more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathPart {
    /// How strong the one is to whom it leads.
    pub tier: &'static str,
    /// What that one may do that the one who starts may not, where the path is told for that; None:
    /// it is told for the tier.
    pub adds: Option<AddedPart>,
    /// Whether a step of it is a model only.
    pub modelled: bool,
    /// The steps.
    pub hops: Vec<HopPart>,
    /// What makes the last one gained this strong, or adds what it may do.
    pub strong_by: Vec<Via>,
    #[serde(skip)]
    head: String,
}

impl PathPart {
    pub(super) fn new(book: &Book, of: &Path, kept: &[Kept]) -> Self {
        let via = |id: &GrantId| book.grant(*id).map(|grant| Via::of(grant));
        Self {
            tier: of.tier.as_str(),
            adds: of.adds.as_ref().map(AddedPart::from),
            modelled: of.is_modelled(),
            hops: of.hops.iter().map(|hop| HopPart::new(book, hop, of, kept)).collect(),
            strong_by: of.strong_by.iter().filter_map(via).collect(),
            head: of.head(),
        }
    }

    /// Writes it step by step.
    pub(super) fn write(&self, lines: &mut Vec<String>) {
        lines.extend([String::new(), self.head.clone()]);
        for (number, hop) in (1..).zip(&self.hops) {
            lines.push(format!("  {number}. {} {}", hop.who, hop.words));
            for (takes, by) in &hop.takes {
                lines.extend([format!("     takes  {takes}"), format!("     by     {by}")]);
            }
            for (holds, by) in &hop.holds {
                lines.extend([format!("     holds  {holds}"), format!("     by     {by}")]);
            }
            lines.extend(hop.modelled.map(|why| format!("     model  {why}")));
            lines.push(format!("     log    {}: {}", hop.seen.how, hop.seen.what));
            lines.push(format!("     cut    {}", hop.cut));
        }
        let by = self.strong_by.iter().map(|via| {
            let (binding, role) = (via.binding_text(), via.role_text());
            format!("by {binding} ({role})")
        });
        match &self.adds {
            None => lines.extend(by.map(|by| format!("  {} {by}", self.tier))),
            Some(added) => {
                lines.extend(added.rights.iter().map(|right| format!("  adds {right}")));
                if added.more > 0 {
                    lines.push(format!("  adds {} more", added.more));
                }
                lines.extend(by.map(|by| format!("  {by}")));
            }
        }
    }
}
