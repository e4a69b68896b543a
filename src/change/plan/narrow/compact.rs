//! Rules with as few rows as say the same.

use std::collections::{BTreeMap, BTreeSet};

use super::rules::Why;
use super::words::{self, Line};
use crate::model::{Name, PolicyRule};

/// Group, resource and names.
type Row = (Name, Name, BTreeSet<Name>);

/// Group, verbs, names and the reason: what resources of one rule have in common.
type Shared = (Name, Vec<Name>, BTreeSet<Name>, Why);

/// Rules with as few rows as say the same.
#[derive(Default)]
pub(super) struct Compact {
    /// By group, resource and names: verbs, each with its reason.
    rows: BTreeMap<Row, BTreeMap<Name, Line>>,
}

impl Compact {
    pub(super) fn add(
        &mut self,
        (group, resource): &(Name, Name),
        verb: &Name,
        names: Option<BTreeSet<Name>>,
        line: Line,
    ) {
        let key = (group.clone(), resource.clone(), names.unwrap_or_default());
        self.rows.entry(key).or_default().entry(verb.clone()).or_default().add(line);
    }

    /// The rules.
    pub(super) fn rules(&self) -> Vec<PolicyRule> {
        let rows = self.rows.iter().map(|(row, verbs)| {
            let mut line = Line::default();
            for of_verb in verbs.values() {
                line.add(*of_verb);
            }
            (row, verbs.keys().cloned().collect(), line)
        });
        shared(rows).into_iter().map(|(rule, _)| rule).collect()
    }

    /// Why each part of them stays: what was asked for is not told of verbs that were not, but for those
    /// that go with it.
    pub(super) fn reasons(&self) -> Vec<(PolicyRule, Line)> {
        let mut rows: Vec<(&Row, BTreeSet<Name>, Line)> = Vec::new();
        for (row, verbs) in &self.rows {
            let is_used = verbs.values().any(|line| line.why == Why::Used);
            let mut by_reason: BTreeMap<Why, (BTreeSet<Name>, Line)> = BTreeMap::new();
            for (verb, line) in verbs {
                let with = if line.why == Why::Together && is_used { Why::Used } else { line.why };
                let (verbs, all) = by_reason.entry(with).or_default();
                verbs.insert(verb.clone());
                all.add(*line);
            }
            rows.extend(by_reason.into_values().map(|(verbs, line)| (row, verbs, line)));
        }
        shared(rows.into_iter())
    }
}

/// Resources of one group with the same verbs, names and reason share a row.
fn shared<'r>(
    rows: impl Iterator<Item = (&'r Row, BTreeSet<Name>, Line)>,
) -> Vec<(PolicyRule, Line)> {
    let mut all: BTreeMap<Shared, (Vec<Name>, Line)> = BTreeMap::new();
    for ((group, resource, names), verbs, line) in rows {
        let key = (group.clone(), words::in_order(verbs), names.clone(), line.why);
        let (resources, have) = all.entry(key).or_default();
        resources.push(resource.clone());
        have.add(line);
    }
    all.into_iter()
        .map(|((group, verbs, names, _), (resources, line))| {
            let rule = PolicyRule {
                verbs,
                api_groups: vec![group],
                resources,
                resource_names: names.into_iter().collect(),
                non_resource_urls: Vec::new(),
            };
            (rule, line)
        })
        .collect()
}

/// Rules of paths, by verb and by why they stay: what was asked for is not told of what was not.
pub(super) fn path_rules(paths: &BTreeMap<Name, BTreeMap<Name, Line>>) -> Vec<(PolicyRule, Line)> {
    let mut rows: BTreeMap<(Vec<Name>, Why), (Vec<Name>, Line)> = BTreeMap::new();
    for (path, verbs) in paths {
        let mut line = Line::default();
        for of_verb in verbs.values() {
            line.add(*of_verb);
        }
        let key = (words::in_order(verbs.keys().cloned().collect()), line.why);
        let (have, all) = rows.entry(key).or_default();
        have.push(path.clone());
        all.add(line);
    }
    rows.into_iter()
        .map(|((verbs, _), (paths, line))| {
            (PolicyRule { verbs, non_resource_urls: paths, ..PolicyRule::default() }, line)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_not_told_of_verbs_that_were_not() {
        let mut compact = Compact::default();
        for (verb, why, requests) in [
            ("get", Why::Together, 0),
            ("list", Why::Used, 12),
            ("watch", Why::Together, 0),
            ("create", Why::NotLogged, 0),
            ("delete", Why::NotLogged, 0),
        ] {
            let key = (Name::from(""), Name::from("pods"));
            compact.add(&key, &verb.into(), None, Line::new(why, requests, None));
        }
        let of = |rule: &PolicyRule| rule.verbs.join(",");
        let rules: Vec<String> = compact.rules().iter().map(of).collect();
        assert_eq!(rules, ["get,list,watch,create,delete"]);
        let reasons: Vec<(String, Why)> =
            compact.reasons().iter().map(|(rule, line)| (of(rule), line.why)).collect();
        let [read, write] = ["get,list,watch".to_owned(), "create,delete".to_owned()];
        assert_eq!(reasons, [(write, Why::NotLogged), (read, Why::Used)]);
    }

    #[test]
    fn paths_that_were_asked_for_are_not_told_with_what_was_not() {
        let paths = [
            ("/metrics", Line::new(Why::Used, 1, None)),
            ("/healthz", Line::new(Why::Used, 2, None)),
            ("/custom", Line::new(Why::NotObservable, 0, None)),
        ];
        let paths = paths
            .into_iter()
            .map(|(path, line)| (path.into(), BTreeMap::from([("get".into(), line)])))
            .collect();
        let rules = path_rules(&paths);
        let rules: Vec<(&[Name], Why)> =
            rules.iter().map(|(rule, line)| (&*rule.non_resource_urls, line.why)).collect();
        let used: [Name; 2] = ["/healthz".into(), "/metrics".into()];
        let unseen: [Name; 1] = ["/custom".into()];
        assert_eq!(rules, [(&used[..], Why::Used), (&unseen[..], Why::NotObservable)]);
    }
}
