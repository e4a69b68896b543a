//! Paths in words.

use super::{Hop, Path};

impl Hop {
    /// `has a token made for sa:kube-system/admin`.
    pub fn words(&self) -> String {
        let first = self.deletes.as_ref().map(|deleted| format!("deletes {deleted}, and then "));
        let first = first.unwrap_or_default();
        let made =
            self.makes.as_ref().map(|made| format!("makes {made}, which is not there, and "));
        let made = made.unwrap_or_default();
        let does = format!("{first}{made}{} {}", self.step.words(), self.gain);
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
        let modelled = self.hops.iter().filter(|hop| hop.step.modelled().is_some()).count();
        match (modelled, self.hops.len()) {
            (0, _) => None,
            (1, 1) => Some("a model only".to_owned()),
            (1, _) => Some("one of them a model only".to_owned()),
            (all, of) if all == of => Some("all of them models only".to_owned()),
            (many, _) => Some(format!("{many} of them models only")),
        }
    }
}
