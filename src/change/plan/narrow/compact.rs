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
    /// By group, resource and names: verbs.
    rows: BTreeMap<Row, (BTreeSet<Name>, Line)>,
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
        let (verbs, have) = self.rows.entry(key).or_default();
        verbs.insert(verb.clone());
        have.add(line);
    }

    pub(super) fn rules(self) -> Vec<(PolicyRule, Line)> {
        // Resources of one group with the same verbs and names share a row.
        let mut rows: BTreeMap<Shared, (Vec<Name>, Line)> = BTreeMap::new();
        for ((group, resource, names), (verbs, line)) in self.rows {
            let key = (group, words::in_order(verbs), names, line.why);
            let (resources, have) = rows.entry(key).or_default();
            resources.push(resource);
            have.add(line);
        }
        rows.into_iter()
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
