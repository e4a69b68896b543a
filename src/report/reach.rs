//! What an identity can become, and which grants to cut.

use std::collections::BTreeMap;

use serde::Serialize;

use super::detail::Via;
use super::finding::GrantPart;
use super::identity::Names;
use super::{Cell, Column, Metadata, Report, Tabular};
use crate::book::{Book, Entry, GrantId, Tier};
use crate::model::{Identity, Name, RoleKind, printable};
use crate::reach::{Deleted, Gain, Held, Hop, Needed, Path, Reach, Reached, Reaches};

/// What an identity can become, as a part of its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachPart {
    /// How strong, itself at least.
    pub tier: &'static str,
    /// Whether that needs a step that is a model only.
    pub modelled: bool,
    /// By how many steps.
    pub steps: usize,
}

impl From<&Reached> for ReachPart {
    fn from(of: &Reached) -> Self {
        Self {
            tier: of.tier.as_str(),
            modelled: of.modelled,
            steps: of.highest().map_or(0, |path| path.hops.len()),
        }
    }
}

impl ReachPart {
    /// ` → cluster-admin`; nothing where that is no higher.
    pub(super) fn arrow(&self) -> String {
        match (self.steps, self.modelled) {
            (0, _) => String::new(),
            (_, false) => format!(" → {}", self.tier),
            (_, true) => format!(" → {} (modelled)", self.tier),
        }
    }
}

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
            via: of.id.and_then(|id| book.grant(id)).map(|grant| Via::of(grant)),
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
}

impl From<&Deleted> for DeletedPart {
    fn from(of: &Deleted) -> Self {
        let (resource, namespace) = (of.resource.clone(), of.namespace.clone());
        Self { api_group: of.api_group, resource, namespace, name: of.name.clone() }
    }
}

/// Whether a log would show a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenPart {
    /// `yes`, `partly` or `no`.
    pub how: &'static str,
    /// What it shows, and what it does not.
    pub what: &'static str,
}

/// A grant whose end cuts a path, or does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CutPart {
    /// The grant.
    pub grant: GrantPart,
    /// How strong one can still become without it.
    pub leaves: &'static str,
    /// Whether that is less: no other way leads as high.
    pub closes: bool,
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
    /// What would cut it.
    pub cut: String,
    #[serde(skip)]
    who: String,
    #[serde(skip)]
    takes: Vec<(String, String)>,
    #[serde(skip)]
    holds: Vec<(String, String)>,
}

impl HopPart {
    fn new(book: &Book, of: &Hop, tier: Tier, leaves: &[(GrantId, Tier)]) -> Self {
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
            modelled: of.step.modelled(),
            seen: SeenPart { how: seen.how.as_str(), what: seen.what },
            held: of.held.iter().map(held).collect(),
            deletes: of.deletes.as_ref().map(DeletedPart::from),
            makes: of.makes.as_ref().map(Names::from),
            labels: of.labels.as_deref().cloned(),
            cut: of.cut(tier, leaves),
            who: of.who(),
            holds: of.held.iter().map(|held| (held.words(), held.by())).collect(),
            takes: of.needed.iter().map(|needed| (needed.words(), needed.by())).collect(),
        }
    }

    fn who_text(&self) -> String {
        let from: Vec<&str> = self.from.iter().map(|gain| &*gain.words).collect();
        from.join(" and ")
    }
}

/// The way to a tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PathPart {
    /// How strong it makes one.
    pub tier: &'static str,
    /// Whether a step of it is a model only.
    pub modelled: bool,
    /// The steps.
    pub hops: Vec<HopPart>,
    /// What makes the last one gained this strong.
    pub strong_by: Vec<Via>,
}

impl PathPart {
    fn new(book: &Book, of: &Path, leaves: &[(GrantId, Tier)]) -> Self {
        let via = |id: &GrantId| book.grant(*id).map(|grant| Via::of(grant));
        Self {
            tier: of.tier.as_str(),
            modelled: of.is_modelled(),
            hops: of.hops.iter().map(|hop| HopPart::new(book, hop, of.tier, leaves)).collect(),
            strong_by: of.strong_by.iter().filter_map(via).collect(),
        }
    }
}

/// What an identity can become.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachRow {
    /// Id of the cluster.
    pub cluster: Name,
    /// Who.
    pub identity: Names,
    /// Whether its groups are all known; else it may become more.
    pub groups_known: bool,
    /// How strong it is by itself.
    pub tier: &'static str,
    /// How strong it can become.
    pub reaches: &'static str,
    /// Whether that needs a step that is a model only.
    pub modelled: bool,
    /// How many others it can act as, until one may do everything.
    pub others: usize,
    /// The shortest path to each higher tier, the highest last.
    pub paths: Vec<PathPart>,
    /// The grants of the last path, each with what is left without it.
    pub cuts: Vec<CutPart>,
    #[serde(skip)]
    who: Identity,
}

impl ReachRow {
    /// The row of an identity.
    pub fn new(reach: &Reach<'_>, entry: &Entry) -> Self {
        let book = reach.book();
        let reached = reach.of(entry);
        let leaves = reach.cuts_of(&reached);
        let last = reached.highest().map(Path::stands_on).unwrap_or_default();
        let cut = |(id, leaves): &(GrantId, Tier)| {
            Some(CutPart {
                grant: GrantPart::from(&book.grant(*id)?.key),
                leaves: leaves.as_str(),
                closes: *leaves < reached.tier,
            })
        };
        Self {
            cluster: book.snapshot.cluster.id.clone(),
            identity: Names::from(&entry.identity),
            groups_known: entry.groups_known,
            tier: reached.own.as_str(),
            reaches: reached.tier.as_str(),
            modelled: reached.modelled,
            others: reached.others.unwrap_or_default(),
            paths: reached.paths.iter().map(|path| PathPart::new(book, path, &leaves)).collect(),
            cuts: leaves.iter().filter(|(id, _)| last.contains(id)).filter_map(cut).collect(),
            who: entry.identity.clone(),
        }
    }

    /// What it comes to. `whole`: whether everything that could say otherwise was read.
    fn head(&self, whole: bool) -> String {
        let who = &self.who;
        match self.paths.last() {
            None if self.tier == self.reaches && self.tier == "cluster-admin" => {
                format!("{who} is cluster-admin already")
            }
            None => {
                let bound = match (whole, self.groups_known) {
                    (true, true) => "",
                    (false, _) => ", as far as was read",
                    (true, false) => ", as far as its groups are known",
                };
                format!("{who} ({}) cannot become more than it is{bound}", self.tier)
            }
            Some(_) if whole || self.reaches == "cluster-admin" => {
                format!("{who} ({}) → {}", self.tier, self.reaches)
            }
            Some(_) => format!("{who} ({}) → {}, at least", self.tier, self.reaches),
        }
    }

    fn write(path: &PathPart, lines: &mut Vec<String>) {
        let steps = path.hops.len();
        let plural = if steps == 1 { "" } else { "s" };
        lines.extend([String::new(), format!("{} in {steps} step{plural}", path.tier)]);
        for (number, hop) in (1..).zip(&path.hops) {
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
        for via in &path.strong_by {
            let (binding, role) = (via.binding_text(), via.role_text());
            lines.push(format!("  {} by {binding} ({role})", path.tier));
        }
    }
}

impl Tabular for ReachRow {
    const KIND: &'static str = "Reach";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("CLUSTER", "cluster"),
            Column::new("IDENTITY", "identity"),
            Column::new("TO", "tier"),
            Column::new("STEP", "step").right(),
            Column::new("FROM", "from"),
            Column::new("KIND", "kind"),
            Column::new("GAINS", "gains"),
            Column::new("TAKES", "takes"),
            Column::new("BY", "by"),
            Column::new("LOG", "seen"),
            Column::new("MODELLED", "modelled"),
            Column::new("CUT", "cut"),
        ]
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        let mut lines = Vec::new();
        for path in &self.paths {
            for (number, hop) in (1..).zip(&path.hops) {
                let join = |of: Vec<&str>| of.join("; ");
                let holds: Vec<String> =
                    hop.holds.iter().map(|(holds, _)| format!("holds {holds}")).collect();
                let takes = hop.takes.iter().map(|(takes, _)| &**takes);
                let by = hop.takes.iter().chain(&hop.holds).map(|(_, by)| &**by);
                lines.push(vec![
                    Cell::new(&*about.cluster_name(&self.cluster)),
                    Cell::new(self.name()),
                    Cell::new(path.tier),
                    Cell::new(number.to_string()),
                    Cell::new(hop.who_text()),
                    Cell::new(hop.step),
                    Cell::new(hop.gain.words.clone()),
                    Cell::new(join(takes.chain(holds.iter().map(String::as_str)).collect())),
                    Cell::new(join(by.collect())),
                    Cell::new(hop.seen.how),
                    Cell::new(hop.modelled.unwrap_or_default()),
                    Cell::new(hop.cut.clone()),
                ]);
            }
        }
        lines
    }

    fn name(&self) -> String {
        self.who.to_string()
    }

    fn text(report: &Report<Self>, _wide: bool, _headers: bool) -> Option<String> {
        let about = &report.metadata;
        let mut lines = Vec::new();
        for item in &report.items {
            if about.clusters.len() > 1 {
                lines.push(about.cluster_name(&item.cluster).to_string());
            }
            let whole = !about.missing.iter().any(|missing| missing.cluster == item.cluster);
            lines.push(item.head(whole));
            for path in &item.paths {
                Self::write(path, &mut lines);
            }
            if !item.cuts.is_empty() {
                lines.extend([String::new(), "Without one grant".to_owned()]);
            }
            for cut in &item.cuts {
                let what = if cut.closes { "becomes" } else { "still becomes" };
                let (grant, subject) = (cut.grant.text(), cut.grant.subject.text());
                lines.push(format!("  {grant} to {subject}: {what} {}", cut.leaves));
            }
        }
        // A name with a line break stays on its line.
        Some(lines.iter().map(|line| printable(line).into_owned() + "\n").collect())
    }
}
