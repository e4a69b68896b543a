//! What an identity can become, and whom it can act as.

use serde::Serialize;

use super::finding::GrantPart;
use super::identity::Names;
use super::in_hand::{AskedPart, InHandPart, NO_CUT};
use super::owner::{self, OwnerRow};
use super::path::{AddedPart, GainPart, PathPart};
use super::{Cell, Column, Metadata, Report, Tabular};
use crate::book::{Book, Entry, Tier};
use crate::credentials;
use crate::model::{Identity, Name, printable};
use crate::reach::{Act, Count, Hop, Kept, Path, Reach, Reached};

/// So many of those as whom one can act are named in a text: who adds something, and who does not.
const NAMED: [usize; 2] = [20, 10];

/// What an identity can become, as a part of its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReachPart {
    /// How strong, itself at least.
    pub tier: &'static str,
    /// How strong is what somebody adds as whom it can act, where it comes no higher than it is; None
    /// where it comes higher, or nobody adds anything that is worth it.
    pub adds: Option<&'static str>,
    /// Whether that needs a step that is a model only.
    pub modelled: bool,
    /// By how many steps.
    pub steps: usize,
}

impl From<&Reached> for ReachPart {
    fn from(of: &Reached) -> Self {
        Self {
            tier: of.tier.as_str(),
            adds: of.becomes().filter(|_| !of.is_higher()).map(Tier::as_str),
            modelled: of.way().is_some_and(Path::is_modelled),
            steps: of.way().map_or(0, |path| path.hops.len()),
        }
    }
}

impl ReachPart {
    /// ` → cluster-admin`; nothing where it can become no more than it is.
    pub(super) fn arrow(&self) -> String {
        let to = self.adds.map_or_else(|| self.tier.to_owned(), |adds| format!("{adds} as others"));
        match (self.steps, self.modelled) {
            (0, _) => String::new(),
            (_, false) => format!(" → {to}"),
            (_, true) => format!(" → {to} (modelled)"),
        }
    }
}

/// What is left without a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CutPart {
    /// The grant.
    pub grant: GrantPart,
    /// How strong one can still become without it.
    pub leaves: &'static str,
    /// Whom one can act as then.
    #[serde(flatten)]
    pub acts_as: CountPart,
    /// Whether the first of the paths is cut: no other way leads there.
    pub cuts: bool,
    /// Whether one cannot become more any more than one is.
    pub closes: bool,
    /// Who keeps the binding, and would put the subject back: the soonest first.
    pub kept_by: Vec<OwnerRow>,
    #[serde(skip)]
    words: String,
}

/// How many can be acted as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CountPart {
    /// Whether everything can be done, and everybody be acted as.
    pub everybody: bool,
    /// Users and accounts, but for itself.
    pub others: usize,
    /// Of those, who may do what it may not.
    pub adding: usize,
    /// Roles, and groups, that it gets besides.
    pub roles: usize,
    /// Of those, what adds to what it may do.
    pub roles_adding: usize,
}

impl From<Count> for CountPart {
    fn from(of: Count) -> Self {
        let Count { everybody, others, adding, roles, roles_adding } = of;
        Self { everybody, others, adding, roles, roles_adding }
    }
}

/// One step on the way to somebody, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShortPart {
    /// The kind of step.
    pub step: &'static str,
    /// Who makes it, and what is done.
    pub words: String,
}

/// One of those as whom it can act, or a role that it can get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActPart {
    /// Who, or what.
    pub gain: GainPart,
    /// How strong that is by itself.
    pub tier: &'static str,
    /// What it may do that the one who acts may not; None: nothing.
    pub adds: Option<AddedPart>,
    /// Whether a step of the way is a model only.
    pub modelled: bool,
    /// The way there.
    pub path: Vec<ShortPart>,
    #[serde(skip)]
    words: String,
}

impl ActPart {
    fn new(of: &Act) -> Option<Self> {
        let short = |hop: &Hop| ShortPart {
            step: hop.step.as_str(),
            words: format!("{} {}", hop.who(), hop.words()),
        };
        Some(Self {
            gain: GainPart::from(of.path.end()?),
            tier: of.path.tier.as_str(),
            adds: of.path.adds.as_ref().map(AddedPart::from),
            modelled: of.path.is_modelled(),
            path: of.path.hops.iter().map(short).collect(),
            words: of.words(),
        })
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
    /// Whether more can be deleted on the way than was tried, so that it may become more; told where it
    /// is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub bounded: bool,
    /// How many can be acted as.
    #[serde(flatten)]
    pub acts_as: CountPart,
    /// The shortest path to each higher tier, the highest first, then to some who add most to what
    /// it may do itself.
    pub paths: Vec<PathPart>,
    /// The grants of the first path, each with what is left without it.
    pub cuts: Vec<CutPart>,
    /// Credentials of others that it has in hand, or may have, the strongest first: no cut of a grant ends
    /// them. Told where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_hand: Vec<InHandPart>,
    /// Certificates that it asked for, and of which it is not known whom they name; told where there are
    /// any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates_asked: Vec<AskedPart>,
    /// Each as whom it can act and each role that it can get, what adds most first; where everything
    /// can be done without a model, none: it is everybody.
    pub closure: Vec<ActPart>,
    #[serde(skip)]
    who: Identity,
    #[serde(skip)]
    count: Count,
}

impl ReachRow {
    /// The row of an identity, of what was found of it.
    pub fn new(reach: &Reach<'_>, entry: &Entry) -> Self {
        let book = reach.book();
        let hand = credentials::hand(book, &entry.identity);
        let (reached, acts) = reach.whole(entry);
        let told = acts.told(&reached);
        let kept = reach.cuts_of(entry, told.iter().copied());
        let first = told.first().copied();
        let stands_on = first.map(Path::stands_on).unwrap_or_default();
        let of_first = kept.iter().filter(|kept| stands_on.contains(&kept.grant));
        Self {
            cluster: book.snapshot.cluster.id.clone(),
            identity: Names::from(&entry.identity),
            groups_known: entry.groups_known,
            tier: reached.own.as_str(),
            reaches: reached.tier.as_str(),
            modelled: reached.modelled,
            bounded: reached.bounded,
            acts_as: CountPart::from(acts.count),
            paths: told.iter().map(|path| PathPart::new(book, path, &kept)).collect(),
            cuts: of_first.filter_map(|kept| CutPart::new(book, kept, first?)).collect(),
            in_hand: InHandPart::with_reach(reach, &hand),
            certificates_asked: AskedPart::all(&hand),
            closure: acts.all.iter().filter_map(ActPart::new).collect(),
            who: entry.identity.clone(),
            count: acts.count,
        }
    }

    /// What it comes to. `whole`: whether everything that could say otherwise was read.
    fn head(&self, whole: bool) -> String {
        let (who, own, count) = (&self.who, self.tier, self.count);
        if own == Tier::ClusterAdmin.as_str() {
            return format!("{who} is cluster-admin already");
        }
        let bound = match (whole, self.groups_known) {
            (true, true) => "",
            (false, _) => ", as far as was read",
            (true, false) => ", as far as its groups are known",
        };
        let by = if self.has_in_hand() { " by what it is granted" } else { "" };
        let is_nobody = count.others == 0 && count.roles == 0;
        if own == self.reaches {
            return match (count.adds_nothing(), is_nobody) {
                (true, true) => format!("{who} ({own}) cannot become more than it is{by}{bound}"),
                (true, false) => format!(
                    "{who} ({own}) cannot become more than it is{by}{bound}: it {}",
                    count.words()
                ),
                (false, _) => {
                    format!(
                        "{who} ({own}) reaches no higher tier{by}{bound}, but {}",
                        count.words()
                    )
                }
            };
        }
        let to = format!("{}{}", self.reaches, if self.modelled { " (modelled)" } else { "" });
        let least =
            if whole || self.reaches == Tier::ClusterAdmin.as_str() { "" } else { ", at least" };
        if count.everybody {
            return format!("{who} ({own}) → {to}{least}");
        }
        format!("{who} ({own}) → {to}{least}; it {}", count.words())
    }

    /// Whether it has anything in hand that authenticates others, or may.
    fn has_in_hand(&self) -> bool {
        !self.in_hand.is_empty() || !self.certificates_asked.is_empty()
    }

    /// What it has in hand that authenticates others, as far as there is room.
    fn write_in_hand(&self, lines: &mut Vec<String>) {
        let [most, _] = NAMED;
        if self.has_in_hand() {
            lines.extend([String::new(), "In hand: no cut of a grant ends it".to_owned()]);
        }
        lines.extend(self.certificates_asked.iter().map(|one| format!("  {}", one.words)));
        lines.extend(self.in_hand.iter().take(most).map(|one| format!("  {}", one.words)));
        if let Some(more) = self.in_hand.len().checked_sub(most).filter(|more| *more > 0) {
            lines.push(format!("  {more} more: -o json has all"));
        }
    }

    /// Whom it can act as, as far as there is room.
    fn write_closure(&self, lines: &mut Vec<String>) {
        let (adding, others): (Vec<&ActPart>, Vec<&ActPart>) =
            self.closure.iter().partition(|act| act.adds.is_some());
        let model = if self.count.everybody { ", without what is a model only" } else { "" };
        let heads = ["May do what it may not", "May do nothing that it may not"];
        for ((head, all), most) in heads.into_iter().zip([adding, others]).zip(NAMED) {
            if all.is_empty() {
                continue;
            }
            lines.extend([String::new(), format!("{head}{model}")]);
            lines.extend(all.iter().take(most).map(|act| format!("  {}", act.words)));
            if let Some(more) = all.len().checked_sub(most).filter(|more| *more > 0) {
                lines.push(format!("  {more} more: -o json has all"));
            }
        }
    }
}

impl CutPart {
    fn new(book: &Book, of: &Kept, first: &Path) -> Option<Self> {
        Some(Self {
            grant: GrantPart::from(&book.grant(of.grant)?.key),
            leaves: of.tier.as_str(),
            acts_as: CountPart::from(of.count),
            cuts: of.cuts(first),
            closes: of.closes(),
            kept_by: owner::of_cut(book, of.grant),
            words: of.words(first),
        })
    }
}

impl Tabular for ReachRow {
    const KIND: &'static str = "Reach";

    fn columns() -> Vec<Column> {
        vec![
            Column::new("CLUSTER", "cluster"),
            Column::new("IDENTITY", "identity").of_names(),
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
            item.write_in_hand(&mut lines);
            item.paths.iter().for_each(|path| path.write(&mut lines));
            item.write_closure(&mut lines);
            if !item.cuts.is_empty() {
                lines.extend([String::new(), "Without one grant".to_owned()]);
            }
            for cut in &item.cuts {
                let (grant, subject) = (cut.grant.text(), cut.grant.subject.text());
                let kept = owner::undoing(&cut.kept_by);
                let kept = kept.map_or_else(String::new, |by| format!("; kept by {by}"));
                lines.push(format!("  {grant} to {subject}: {}{kept}", cut.words));
            }
            if !item.cuts.is_empty() && item.has_in_hand() {
                lines.push(format!("  {NO_CUT}"));
            }
        }
        // A name with a line break stays on its line.
        Some(lines.iter().map(|line| printable(line).into_owned() + "\n").collect())
    }
}
