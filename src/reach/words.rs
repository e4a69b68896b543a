//! Paths in words.

use std::borrow::Cow;

use super::acts::key;
use super::{Act, Acts, Count, Gain, Hop, Kept, Path, Reached};
use crate::model::{Identity, counted};

/// So many ways to those who add something are told step by step.
const TOLD: usize = 3;

impl Hop {
    /// `has a token made for sa:kube-system/admin`.
    pub fn words(&self) -> String {
        let first = self.deletes.as_ref().map(|deleted| format!("{}, and then ", deleted.words()));
        let first = first.unwrap_or_default();
        let made =
            self.makes.as_ref().map(|made| format!("makes {made}, which is not there, and "));
        let made = made.unwrap_or_default();
        let masters = Identity::group(Identity::SYSTEM_MASTERS);
        // Of a node with the cluster's keys that is what there is.
        let does = match &self.gain {
            Gain::Identity(who) if *who == masters => {
                self.step.words().replace("the tokens", "the keys").into()
            }
            _ => Cow::Borrowed(self.step.words()),
        };
        let does = format!("{first}{made}{does} {}", self.gain);
        if let Some(name) = &self.poses_as {
            return format!("{does}, as {name}");
        }
        let Some(labels) = &self.labels else { return does };
        let labels: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        match labels.as_slice() {
            [] => does,
            [_] => format!("{does}, by the label {}", labels.join(", ")),
            _ => format!("{does}, by the labels {}", labels.join(", ")),
        }
    }

    /// Who does it: `sa:ci/bot`, or `sa:ci/bot, with Role edit in pay,` where it takes both.
    pub fn who(&self) -> String {
        let mut from = self.from.iter().map(ToString::to_string);
        let first = from.next().unwrap_or_default();
        let more: Vec<String> = from.collect();
        if more.is_empty() { first } else { format!("{first}, with {},", more.join(" and ")) }
    }
}

impl Path {
    /// How many of its steps are a model only, in words that go behind how many steps there are; None
    /// where none is.
    pub fn modelled_words(&self) -> Option<String> {
        let modelled = self.hops.iter().filter(|hop| hop.modelled().is_some()).count();
        match (modelled, self.hops.len()) {
            (0, _) => None,
            (1, 1) => Some("a model only".to_owned()),
            (1, _) => Some("one of them a model only".to_owned()),
            (all, of) if all == of => Some("all of them models only".to_owned()),
            (many, _) => Some(format!("{many} of them models only")),
        }
    }
}

impl Count {
    /// `can act as 5 others, 2 of whom may do what it may not`.
    pub fn words(&self) -> String {
        if self.everybody {
            return "can act as everybody".to_owned();
        }
        let others = match (self.others, self.adding) {
            (0, _) => "can act as nobody else".to_owned(),
            (1, 0) => "can act as 1 other, who may do nothing that it may not".to_owned(),
            (1, _) => "can act as 1 other, who may do what it may not".to_owned(),
            (all, 0) => format!("can act as {all} others, who may do nothing that it may not"),
            (all, adding) if all == adding => {
                format!("can act as {all} others, each of whom may do what it may not")
            }
            (all, adding) => {
                format!("can act as {all} others, {adding} of whom may do what it may not")
            }
        };
        match (self.roles, self.roles_adding) {
            (0, _) => others,
            (1, 0) => format!("{others}, and get 1 role, which adds nothing"),
            (1, _) => format!("{others}, and get 1 role, which adds to what it may do"),
            (all, 0) => format!("{others}, and get {all} roles, which add nothing"),
            (all, 1) => {
                format!("{others}, and get {all} roles, 1 of which adds to what it may do")
            }
            (all, adding) => {
                format!("{others}, and get {all} roles, {adding} of which add to what it may do")
            }
        }
    }
}

impl Kept {
    /// What is left of a way without the grant: `becomes read`, and whom one can still act as.
    pub fn words(&self, way: &Path) -> String {
        let (cuts, tier) = (self.cuts(way), self.tier.as_str());
        let way = match (&way.adds, way.end()) {
            (Some(_), Some(end)) if cuts => format!("gains nothing by {end}"),
            (Some(_), Some(end)) => format!("still gains by {end}"),
            _ if cuts => format!("becomes {tier}"),
            _ => format!("still becomes {tier}"),
        };
        let more = !self.count.everybody && !self.closes();
        if more { format!("{way}; still {}", self.count.words()) } else { way }
    }
}

impl Act {
    /// `sa:n/backup (reads secrets) in 2 steps by way of sa:n/x, a model: get,list secrets in n`.
    pub fn words(&self) -> String {
        let Some((last, before)) = self.path.hops.split_last() else { return String::new() };
        let steps = counted(self.path.hops.len(), "step");
        let by: Vec<String> = before.iter().map(|hop| hop.gain.to_string()).collect();
        let by =
            if by.is_empty() { String::new() } else { format!(" by way of {}", by.join(", ")) };
        let model = if self.path.is_modelled() { ", a model only" } else { "" };
        let adds = self.path.adds.as_ref();
        let adds = adds.map_or_else(String::new, |added| format!(": {}", added.words()));
        let (gain, tier) = (&last.gain, self.path.tier.as_str());
        format!("{gain} ({tier}) in {steps}{by}{model}{adds}")
    }
}

impl Acts {
    /// The ways that are told step by step: to the higher tiers, the highest first, then to those who
    /// add most to what one may do.
    pub fn told<'a>(&'a self, reached: &'a Reached) -> Vec<&'a Path> {
        let mut told: Vec<&Path> = reached.paths.iter().rev().collect();
        let is_told = |path: &Path| {
            let ends = reached.paths.iter().filter_map(Path::end).cloned().map(key);
            path.end().is_some_and(|end| ends.into_iter().any(|have| have == key(end.clone())))
        };
        let adding = self.adding().map(|act| &act.path).filter(|path| !is_told(path));
        told.extend(adding.take(TOLD));
        told
    }
}

impl Path {
    /// `cluster-admin in 2 steps`, `what sa:n/backup may do in 1 step`.
    pub fn head(&self) -> String {
        let steps = counted(self.hops.len(), "step");
        let model = self.modelled_words().map_or_else(String::new, |words| format!(", {words}"));
        let steps = steps + &model;
        match (&self.adds, self.end()) {
            (Some(_), Some(Gain::Identity(_) | Gain::Name { .. })) => {
                let end = self.end().map(ToString::to_string).unwrap_or_default();
                format!("What {end} may do in {steps}")
            }
            (Some(_), Some(end)) => format!("{end} in {steps}"),
            _ => format!("{} in {steps}", self.tier.as_str()),
        }
    }
}
