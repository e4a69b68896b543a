//! Permissions, compact: one row a resource, a column a verb.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::text::plural;
use crate::book::{Book, GrantId, IdentityId, UseState};
use crate::model::{Name, PolicyRule, Scope};

/// The verbs that have a column, with its head.
pub const VERBS: [(&str, &str); 8] = [
    ("get", "get"),
    ("list", "lst"),
    ("watch", "wat"),
    ("create", "cre"),
    ("update", "upd"),
    ("patch", "pat"),
    ("delete", "del"),
    ("deletecollection", "dco"),
];

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Object {
    /// A resource; a `*` group is every group.
    Resource {
        /// As in the rule, `pods/exec` for a subresource.
        resource: Name,
        /// API group, `""` for core.
        group: Name,
    },
    /// A path.
    Path(Name),
    /// All that a rule names, which is too much to have a row each.
    Many {
        /// Resources, or paths where there are no groups.
        objects: Vec<Name>,
        /// API groups.
        groups: Vec<Name>,
    },
}

impl Object {
    /// What it is called in a row.
    pub fn label(&self) -> String {
        match self {
            Self::Path(path) if &**path == "*" => "every path".to_owned(),
            Self::Resource { resource, group } if &**resource == "*" && &**group == "*" => {
                "every resource".to_owned()
            }
            other => other.words(),
        }
    }

    /// As people write it: `deployments.apps/scale`, `secrets`, `/metrics`.
    pub fn words(&self) -> String {
        match self {
            Self::Path(path) => path.to_string(),
            Self::Many { objects, groups } if groups.is_empty() => plural(objects.len(), "path"),
            Self::Many { objects, groups } => {
                let (objects, groups) = (objects.len(), groups.len());
                format!("{} of {}", plural(objects, "resource"), plural(groups, "group"))
            }
            Self::Resource { resource, group } if group.is_empty() => resource.to_string(),
            Self::Resource { resource, group } if &**resource == "*" && &**group == "*" => {
                "*".to_owned()
            }
            Self::Resource { resource, group } => match resource.split_once('/') {
                Some((plural, sub)) => format!("{plural}.{group}/{sub}"),
                None => format!("{resource}.{group}"),
            },
        }
    }
}

/// The state of one verb of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// Whether it was used.
    pub state: UseState,
    /// Allowed requests.
    pub allowed: u64,
    /// The last of them, UTC.
    pub last_used: Option<DateTime<Utc>>,
}

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is about.
    pub object: Object,
    /// Only these objects, where the rule names them.
    pub names: Vec<Name>,
    /// Where it holds: rows that are alike in all else are one.
    pub scopes: Vec<Scope>,
    /// By verb, in the order of [`VERBS`]; None where it is not held.
    pub cells: [Option<Cell>; 8],
    /// Verbs without a column; `*` is every verb.
    pub others: Vec<(Name, Cell)>,
    /// Grants that give it; empty for `system:masters`.
    pub via: Vec<GrantId>,
}

impl Row {
    /// The last use of any verb, UTC.
    pub fn last_used(&self) -> Option<DateTime<Utc>> {
        self.all().filter_map(|cell| cell.last_used).max()
    }

    /// Allowed requests of all verbs.
    pub fn allowed(&self) -> u64 {
        // What `*` allowed is in the columns too.
        let every = self.others.iter().find(|(verb, _)| &**verb == "*");
        let whole = every.map(|(_, cell)| cell.allowed);
        whole.unwrap_or_else(|| self.all().map(|cell| cell.allowed).sum())
    }

    /// The verbs held, those with a column first.
    pub fn verbs(&self) -> Vec<Name> {
        let own = VERBS.iter().zip(&self.cells).filter(|(_, cell)| cell.is_some());
        let own = own.map(|((verb, _), _)| Name::from(*verb));
        own.chain(self.others.iter().map(|(verb, _)| verb.clone())).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().flatten().chain(self.others.iter().map(|(_, cell)| cell))
    }
}

/// Which of two states of one verb, by two grants, is shown: what was used was used.
fn stronger(a: UseState, b: UseState) -> UseState {
    let rank = |state: UseState| match state {
        UseState::Used => 4,
        UseState::NotCovered => 3,
        UseState::Unused => 2,
        UseState::NotObservable => 1,
        UseState::NoLog => 0,
    };
    if rank(a) >= rank(b) { a } else { b }
}

type Key = (Object, Vec<Name>, Scope);

#[derive(Default)]
struct Gathered {
    verbs: BTreeMap<Name, Cell>,
    via: Vec<GrantId>,
}

/// A rule of so many cells and names, or fewer, is always cut up.
const SMALL: usize = 1_000;

/// One of more than so many never is.
const LARGE: usize = 20_000;

/// Those between are, until so many cells and names have come together: a few small objects of
/// somebody's can name billions of them.
const ALL: usize = 200_000;

/// Verbs of a rule that are told one by one, at most.
const MANY_VERBS: usize = 64;

/// Cells of a rule, and the names that stand beside each.
fn size(rule: &PolicyRule) -> usize {
    let resources = rule.api_groups.len().saturating_mul(rule.resources.len());
    let verbs = rule.verbs.len().saturating_add(rule.resource_names.len());
    resources.saturating_add(rule.non_resource_urls.len()).saturating_mul(verbs)
}

/// The rows of an identity: the wildcards first, then resources, then paths.
pub fn rows(book: &Book, id: IdentityId) -> Vec<Row> {
    let mut asked: Vec<(Key, Name, Option<GrantId>, PolicyRule)> = Vec::new();
    let mut room = ALL;
    for permission in book.permissions(id) {
        let rule = &permission.rule;
        let size = size(rule);
        let whole = rule.verbs.len() > MANY_VERBS
            || size > LARGE
            || (size > SMALL && room.checked_sub(size).is_none());
        if size > SMALL && !whole {
            room -= size;
        }
        let cut = if whole { together(rule) } else { narrow(rule) };
        for (object, part) in cut {
            for (verb, verbs) in verbs(rule) {
                let key = (object.clone(), rule.resource_names.clone(), permission.scope.clone());
                let part = PolicyRule { verbs, ..part.clone() };
                asked.push((key, verb, permission.via, part));
            }
        }
    }
    let parts: Vec<(Option<GrantId>, &PolicyRule)> =
        asked.iter().map(|(_, _, via, rule)| (*via, rule)).collect();
    let states = book.uses_of_parts(id, &parts);
    let mut gathered: BTreeMap<Key, Gathered> = BTreeMap::new();
    for ((key, verb, via, _), use_) in asked.into_iter().zip(states) {
        let row = gathered.entry(key).or_default();
        let cell = Cell { state: use_.state, allowed: use_.allowed, last_used: use_.last_used };
        row.verbs
            .entry(verb)
            .and_modify(|have| {
                have.state = stronger(have.state, cell.state);
                // Two grants that cover a request cover the same request.
                have.allowed = have.allowed.max(cell.allowed);
                have.last_used = have.last_used.max(cell.last_used);
            })
            .or_insert(cell);
        if let Some(via) = via
            && !row.via.contains(&via)
        {
            row.via.push(via);
        }
    }
    fold(gathered)
}

/// The verbs of a rule, as they are called; `*` stands beside each verb that has a column. What is
/// beyond [`MANY_VERBS`] is told as one.
fn verbs(rule: &PolicyRule) -> Vec<(Name, Vec<Name>)> {
    let mut verbs = rule.verbs.clone();
    if verbs.iter().any(|verb| &**verb == "*") {
        verbs.extend(VERBS.iter().map(|(verb, _)| Name::from(*verb)));
    }
    verbs.sort();
    verbs.dedup();
    // Those with a column first, so that they keep it.
    verbs.sort_by_key(|verb| VERBS.iter().all(|(have, _)| *have != &**verb));
    let rest = verbs.split_off(verbs.len().min(MANY_VERBS));
    let mut told: Vec<(Name, Vec<Name>)> =
        verbs.into_iter().map(|verb| (verb.clone(), vec![verb])).collect();
    if !rest.is_empty() {
        told.push((format!("and {} more", rest.len()).into(), rest));
    }
    told
}

/// A rule that is not cut up, its verbs left as they are: resources and paths apart.
fn together(rule: &PolicyRule) -> Vec<(Object, PolicyRule)> {
    let mut cut = Vec::new();
    if !rule.resources.is_empty() && !rule.api_groups.is_empty() {
        let part = PolicyRule {
            api_groups: rule.api_groups.clone(),
            resources: rule.resources.clone(),
            resource_names: rule.resource_names.clone(),
            ..PolicyRule::default()
        };
        let object =
            Object::Many { objects: rule.resources.clone(), groups: rule.api_groups.clone() };
        cut.push((object, part));
    }
    if !rule.non_resource_urls.is_empty() {
        let paths = rule.non_resource_urls.clone();
        let part = PolicyRule { non_resource_urls: paths.clone(), ..PolicyRule::default() };
        cut.push((Object::Many { objects: paths, groups: Vec::new() }, part));
    }
    cut
}

/// A rule cut up into one rule an object, its verbs left as they are.
fn narrow(rule: &PolicyRule) -> Vec<(Object, PolicyRule)> {
    let mut cut = Vec::new();
    for group in &rule.api_groups {
        for resource in &rule.resources {
            let object = Object::Resource { resource: resource.clone(), group: group.clone() };
            let narrow = PolicyRule {
                api_groups: vec![group.clone()],
                resources: vec![resource.clone()],
                resource_names: rule.resource_names.clone(),
                ..PolicyRule::default()
            };
            cut.push((object, narrow));
        }
    }
    for path in &rule.non_resource_urls {
        let narrow = PolicyRule { non_resource_urls: vec![path.clone()], ..PolicyRule::default() };
        cut.push((Object::Path(path.clone()), narrow));
    }
    cut
}

/// Makes rows of what was gathered; rows that differ only in scope and grant become one.
fn fold(gathered: BTreeMap<Key, Gathered>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for ((object, names, scope), found) in gathered {
        let cells = VERBS.map(|(verb, _)| found.verbs.get(verb).copied());
        let others: Vec<(Name, Cell)> = found
            .verbs
            .into_iter()
            .filter(|(verb, _)| VERBS.iter().all(|(have, _)| *have != &**verb))
            .collect();
        let row = Row { object, names, scopes: vec![scope], cells, others, via: found.via };
        // What is of one object and its names stands together.
        let mut alike = rows
            .iter_mut()
            .rev()
            .take_while(|have| have.object == row.object && have.names == row.names);
        let alike = alike.find(|have| same_states(have, &row));
        match alike {
            Some(have) => merge(have, row),
            None => rows.push(row),
        }
    }
    rows.sort_by_cached_key(|row| {
        (weight(&row.object), row.object.clone(), row.scopes.clone(), row.names.clone())
    });
    rows
}

/// What is worth reading first: everything, then what leads to more, then the ordinary, then what
/// everybody may ask about themselves, then paths.
fn weight(object: &Object) -> u8 {
    let (resource, group) = match object {
        Object::Resource { resource, group } => (resource, group),
        Object::Many { groups, .. } if !groups.is_empty() => return 1,
        _ => return 4,
    };
    match (&**resource, &**group) {
        (resource, _) if resource.starts_with('*') => 0,
        (
            "secrets"
            | "serviceaccounts/token"
            | "pods/exec"
            | "pods/attach"
            | "nodes/proxy"
            | "users"
            | "groups"
            | "serviceaccounts",
            "",
        )
        | (_, "rbac.authorization.k8s.io" | "certificates.k8s.io") => 1,
        (resource, "authorization.k8s.io" | "authentication.k8s.io")
            if resource.starts_with("self") =>
        {
            3
        }
        _ => 2,
    }
}

fn same_states(a: &Row, b: &Row) -> bool {
    let states = |row: &Row| row.cells.map(|cell| cell.map(|cell| cell.state));
    let others = |row: &Row| -> Vec<(Name, UseState)> {
        row.others.iter().map(|(verb, cell)| (verb.clone(), cell.state)).collect()
    };
    states(a) == states(b) && others(a) == others(b)
}

fn merge(have: &mut Row, other: Row) {
    fn add(have: &mut Cell, more: Cell) {
        have.allowed += more.allowed;
        have.last_used = have.last_used.max(more.last_used);
    }
    have.scopes.extend(other.scopes);
    have.via.extend(other.via);
    have.via.sort();
    have.via.dedup();
    for (have, more) in have.cells.iter_mut().zip(other.cells) {
        if let (Some(have), Some(more)) = (have.as_mut(), more) {
            add(have, more);
        }
    }
    for ((_, have), (_, more)) in have.others.iter_mut().zip(other.others) {
        add(have, more);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::tests::world::Row as Logged;
    use crate::book::tests::world::World;

    #[test]
    fn objects_are_named_as_people_write_them() {
        let object = |resource: &str, group: &str| Object::Resource {
            resource: resource.into(),
            group: group.into(),
        };
        assert_eq!(object("secrets", "").words(), "secrets");
        assert_eq!(object("deployments/scale", "apps").words(), "deployments.apps/scale");
        assert_eq!(object("*", "*").words(), "*");
        assert_eq!(object("*", "apps").words(), "*.apps");
        assert_eq!(Object::Path("/metrics".into()).words(), "/metrics");
        assert_eq!(object("*", "*").label(), "every resource");
        assert_eq!(object("*", "apps").label(), "*.apps");
    }

    #[test]
    fn every_verb_stands_beside_its_star() {
        let rule = PolicyRule { verbs: vec!["*".into()], ..PolicyRule::default() };
        assert_eq!(verbs(&rule).len(), 9);
        let rule = PolicyRule { verbs: vec!["use".into(), "get".into()], ..PolicyRule::default() };
        let told: Vec<Name> = verbs(&rule).into_iter().map(|(verb, _)| verb).collect();
        assert_eq!(told, ["get".into(), "use".into()] as [Name; 2]);
    }

    #[test]
    fn what_a_star_allowed_is_counted_once() {
        let rule = serde_json::json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}]);
        let world = World::new()
            .cluster_role("all", &rule)
            .bind(None, "all", "ClusterRole/all", "user:mallory")
            .log(0, 10)
            .row(Logged::new("user:mallory", "get pods@a/p", 4).times(3))
            .row(Logged::new("user:mallory", "bless pods@a/p", 4).times(2));
        let book = world.book();
        let id = book.who("user:mallory").id;
        let rows = rows(&book, id);
        assert_eq!(rows.iter().map(super::Row::allowed).collect::<Vec<_>>(), [5]);
    }

    fn named(count: usize, of: &str) -> Vec<Name> {
        (0..count).map(|at| format!("{of}{at}").into()).collect()
    }

    fn rows_of(rules: &[PolicyRule]) -> Vec<Row> {
        let mut world = World::new();
        for (at, rule) in rules.iter().enumerate() {
            let rule = serde_json::to_value(rule).expect("JSON");
            let name = format!("r{at}");
            world = world.cluster_role(&name, &serde_json::json!([rule]));
            world = world.bind(None, &name, &format!("ClusterRole/{name}"), "user:mallory");
        }
        let book = world.book();
        let who = "user:mallory".parse().expect("an identity");
        let id = book.find(&who).expect("somebody").id;
        rows(&book, id)
    }

    #[test]
    fn a_rule_that_names_billions_is_one_row() {
        let rule = PolicyRule {
            verbs: [named(200, "v"), vec!["get".into()]].concat(),
            api_groups: named(500, "g"),
            resources: named(500, "r"),
            resource_names: named(1_000, "n"),
            ..PolicyRule::default()
        };
        let rows = rows_of(&[rule]);
        let [row] = rows.as_slice() else { panic!("{} rows", rows.len()) };
        assert_eq!(row.object.label(), "500 resources of 500 groups");
        assert_eq!(row.names.len(), 1_000);
        assert!(row.cells[0].is_some(), "a verb with a column keeps it");
        assert_eq!(row.others.len(), MANY_VERBS);
        assert!(row.others.iter().any(|(verb, _)| &**verb == "and 137 more"), "{:?}", row.others);
    }

    #[test]
    fn many_rules_of_some_size_are_cut_until_they_are_too_much_together() {
        let rules: Vec<PolicyRule> = (0..100)
            .map(|at| PolicyRule {
                verbs: named(1, "v"),
                api_groups: vec![format!("g{at}").into()],
                resources: named(15_000, "r"),
                ..PolicyRule::default()
            })
            .collect();
        let rows = rows_of(&rules);
        let many = rows.iter().filter(|row| matches!(row.object, Object::Many { .. })).count();
        assert_eq!(rows.len() - many, (ALL / 15_000) * 15_000);
        assert_eq!(many, 100 - ALL / 15_000);
    }
}
