//! Parts of steps, by kind and place: what makes a step with what, and what says more than what was there
//! before.

use std::collections::BTreeMap;

use super::ask::{Names, On};
use super::moves::{Part, Sees};
use super::rights::Right;
use super::world::{Door, Where};

/// A part with the place of who brings it.
pub(super) type Brought = (u32, Part);

/// A kind of part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Rewrite(On),
    Make(On),
    Bind,
    MakeSecret,
    ReadSecret,
    Request,
    Approve,
    Run,
    RunAnywhere,
    MakeNamespace,
    Held,
    Label,
    Clear(On),
    Taken(On),
    MakeAccount,
    Become,
    Policy,
    PolicyBinding,
    Mint,
    OwnNode,
    Switch,
    Scale(On),
    Anew,
    Enter(Door),
}

/// Parts, by kind and place: only what is in one place can come together.
pub(super) type Parts = BTreeMap<(Kind, Where), Vec<Brought>>;

/// The rights of one who brings a part, for a step that another makes.
pub(super) fn given_by(used: &[Right], by: u32, acts: u32) -> Vec<Right> {
    let from = |right: &Right| {
        let from = if right.from == u32::MAX && by != acts { by } else { right.from };
        Right { from, ..right.clone() }
    };
    used.iter().map(from).collect()
}

impl Kind {
    /// What it makes a step with.
    pub(super) fn counterparts(self) -> Vec<Self> {
        match self {
            Self::Rewrite(_) | Self::Make(_) | Self::Bind => Vec::new(),
            Self::MakeSecret => vec![Self::ReadSecret],
            Self::ReadSecret => vec![Self::MakeSecret],
            Self::Request => vec![Self::Approve],
            Self::Approve => vec![Self::Request],
            Self::Run => vec![Self::Label, Self::OwnNode],
            Self::Held => vec![Self::Label],
            Self::Label => vec![Self::Run, Self::Held],
            Self::RunAnywhere => vec![Self::MakeNamespace],
            Self::MakeNamespace => vec![Self::RunAnywhere],
            Self::Clear(On::Pods) => vec![Self::Taken(On::Pods), Self::Switch],
            Self::Clear(on) => vec![Self::Taken(on)],
            Self::Taken(on) => vec![Self::Clear(on)],
            Self::MakeAccount => vec![Self::Become],
            Self::Become => vec![Self::MakeAccount],
            Self::Policy => vec![Self::PolicyBinding],
            Self::PolicyBinding => vec![Self::Policy],
            Self::Mint => vec![Self::OwnNode],
            Self::OwnNode => vec![Self::Mint, Self::Run],
            Self::Switch => {
                let scale = On::SCALES.into_iter().map(Self::Scale);
                scale.chain([Self::Clear(On::Pods)]).collect()
            }
            Self::Scale(_) => vec![Self::Switch],
            Self::Anew => [Door::Command, Door::Image, Door::Container].map(Self::Enter).into(),
            Self::Enter(_) => vec![Self::Anew],
        }
    }
}

pub(super) fn place(part: &Part) -> (Kind, Where) {
    match part {
        Part::Rewrite { on, at, .. } => (Kind::Rewrite(*on), *at),
        Part::Make { on, at, .. } => (Kind::Make(*on), *at),
        Part::Bind { at, .. } => (Kind::Bind, *at),
        Part::MakeSecret { at, .. } => (Kind::MakeSecret, *at),
        Part::ReadSecret { at, .. } => (Kind::ReadSecret, *at),
        Part::Request { .. } => (Kind::Request, Where::Cluster),
        Part::Approve { .. } => (Kind::Approve, Where::Cluster),
        Part::Run { at, .. } => (Kind::Run, *at),
        Part::RunAnywhere { .. } => (Kind::RunAnywhere, Where::Cluster),
        Part::MakeNamespace { .. } => (Kind::MakeNamespace, Where::Cluster),
        Part::Held { at, .. } => (Kind::Held, *at),
        Part::Label { at, .. } => (Kind::Label, *at),
        Part::Clear { on, at, .. } => (Kind::Clear(*on), *at),
        Part::Taken { on, at, .. } => (Kind::Taken(*on), *at),
        Part::MakeAccount { at, .. } => (Kind::MakeAccount, *at),
        Part::Become { at, .. } => (Kind::Become, *at),
        Part::Policy { .. } => (Kind::Policy, Where::Cluster),
        Part::PolicyBinding { .. } => (Kind::PolicyBinding, Where::Cluster),
        Part::Mint { at, .. } => (Kind::Mint, *at),
        Part::OwnNode { at, .. } => (Kind::OwnNode, *at),
        Part::Switch { at, .. } => (Kind::Switch, *at),
        Part::Scale { on, at, .. } => (Kind::Scale(*on), *at),
        Part::Anew { at, .. } => (Kind::Anew, *at),
        Part::Enter { at, door, .. } => (Kind::Enter(*door), *at),
    }
}

fn names(part: &Part) -> (&Names, bool) {
    match part {
        Part::Rewrite { names, missing, .. } | Part::Bind { names, missing, .. } => {
            (names, *missing)
        }
        Part::Held { names, adds, .. } => (names, *adds),
        Part::Anew { names, keeps_name, .. } => (names, *keeps_name),
        Part::MakeSecret { names, .. }
        | Part::ReadSecret { names, .. }
        | Part::Make { names, .. }
        | Part::Request { names, .. }
        | Part::Approve { names, .. }
        | Part::Label { names, .. }
        | Part::MakeAccount { names, .. }
        | Part::Become { names, .. }
        | Part::Mint { names, .. }
        | Part::OwnNode { names, .. }
        | Part::Switch { names, .. }
        | Part::Scale { names, .. }
        | Part::Enter { names, .. }
        | Part::Clear { names, .. } => (names, false),
        Part::Run { deletes, .. } => (&None, deletes.is_some()),
        Part::PolicyBinding { there, .. } => (&None, *there),
        Part::Policy { .. }
        | Part::Taken { .. }
        | Part::RunAnywhere { .. }
        | Part::MakeNamespace { .. } => (&None, false),
    }
}

/// Whether a part says more than those before it.
pub(super) fn is_new(parts: &Parts, part: &Part) -> bool {
    let (kind, at) = place(part);
    let (wanted, missing) = names(part);
    let places = if at == Where::Cluster { [at, at] } else { [Where::Each, at] };
    let said = places.into_iter().filter_map(|at| parts.get(&(kind, at))).flatten();
    let alike = sees(part);
    !said
        .filter(|(_, have)| sees(have) == alike)
        .map(|(_, have)| names(have))
        .any(|(have, other)| missing == other && (have.is_none() || have == wanted))
}

fn sees(part: &Part) -> Option<&Sees> {
    match part {
        Part::ReadSecret { by, .. } => Some(by),
        _ => None,
    }
}
