//! Comparing answers, and counting what decided them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use foldhash::{HashMap, HashMapExt};
use keybook::model::{
    BindingKind, Health, Identity, ListKind, ListState, Object, Snapshot, SubjectKind,
};
use keybook::rbac::matching::rule_allows;
use keybook::rbac::review::Reviewer;
use keybook::rbac::{Action, Attributes, Authorizer, Credit, Held};
use serde_json::Value;

use crate::support::forms::RuleForm;
use crate::support::reviews::review;

/// The RBAC objects in a folder of lists, or of objects one a line, and nothing else.
pub fn snapshot(folder: &Path) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for object in stored(folder) {
        let kind = object["kind"].as_str().unwrap_or_default();
        let version = object["apiVersion"].as_str().unwrap_or_default();
        if let Some(object) = Object::read(version, kind, &object).expect("readable") {
            snapshot.objects.insert(object);
        }
    }
    for list in ListKind::RBAC.into_iter().chain([ListKind::ServiceAccounts]) {
        snapshot.lists.insert(list, ListState::new(Health::Complete));
    }
    snapshot
}

/// The same, as values.
pub fn stored(folder: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let text = std::fs::read_to_string(entry.expect("an entry").path()).expect("a file");
        for value in serde_json::Deserializer::from_str(&text).into_iter::<Value>() {
            let mut value = value.expect("JSON");
            match value["items"].as_array_mut() {
                Some(items) => all.append(items),
                None => all.push(value),
            }
        }
    }
    all
}

/// What decided how often.
#[derive(Debug, Default)]
pub struct Tally {
    pub reviews: usize,
    pub allowed: usize,
    /// Allowed by rules of exactly one form.
    pub rules: BTreeMap<RuleForm, usize>,
    /// Allowed by grants of exactly one form, of several kinds of form.
    pub grants: BTreeMap<&'static str, usize>,
}

/// The forms of grants that have to decide.
pub const GRANT_FORMS: [&str; 9] = [
    "ClusterRoleBinding",
    "RoleBinding to ClusterRole",
    "RoleBinding to Role",
    "to a user",
    "to a user that spells an account",
    "to a group",
    "to an account",
    "to an account without namespace",
    "of an aggregated role",
];

fn forms_of(held: &Held) -> Vec<&'static str> {
    let role = held.role.as_ref().expect("a role");
    let subject = &held.binding.subjects[held.subject as usize];
    let mut forms = vec![match (held.binding.kind, &*held.binding.role_ref.kind) {
        (BindingKind::ClusterRoleBinding, _) => GRANT_FORMS[0],
        (_, "ClusterRole") => GRANT_FORMS[1],
        _ => GRANT_FORMS[2],
    }];
    forms.push(match (&*subject.kind, held.identity.kind) {
        ("User", SubjectKind::ServiceAccount) => GRANT_FORMS[4],
        ("User", _) => GRANT_FORMS[3],
        ("Group", _) => GRANT_FORMS[5],
        _ if subject.namespace.is_none() => GRANT_FORMS[7],
        _ => GRANT_FORMS[6],
    });
    if role.aggregation.is_some() {
        forms.push(GRANT_FORMS[8]);
    }
    forms
}

/// The asker and the request of a spec.
pub struct Asked<'s> {
    pub user: &'s str,
    pub groups: Vec<&'s str>,
    pub verb: &'s str,
    pub action: Action<'s>,
}

impl<'s> Asked<'s> {
    pub fn of(spec: &'s Value) -> Self {
        let text = |value: &'s Value| value.as_str().unwrap_or_default();
        let resource = &spec["resourceAttributes"];
        let path = &spec["nonResourceAttributes"];
        let groups = spec["groups"].as_array().into_iter().flatten();
        Self {
            user: text(&spec["user"]),
            groups: groups.map(text).collect(),
            verb: if resource.is_object() { text(&resource["verb"]) } else { text(&path["verb"]) },
            action: if resource.is_object() {
                Action::Resource {
                    group: text(&resource["group"]),
                    resource: text(&resource["resource"]),
                    subresource: text(&resource["subresource"]),
                    namespace: text(&resource["namespace"]),
                    name: text(&resource["name"]),
                }
            } else {
                Action::Path(text(&path["path"]))
            },
        }
    }

    pub fn attributes(&self) -> Attributes<'_> {
        Attributes { user: self.user, groups: &self.groups, verb: self.verb, action: self.action }
    }
}

/// The errors in the reason of a denial; their order is the server's to choose.
fn errors(reason: &str) -> BTreeSet<&str> {
    let reason = reason.strip_prefix("RBAC: ").unwrap_or(reason);
    let list = reason.strip_prefix('[').and_then(|list| list.strip_suffix(']'));
    list.unwrap_or(reason).split(", ").collect()
}

impl Tally {
    /// Holds keybook's answers against others.
    pub fn compare(&mut self, snapshot: &Snapshot, specs: &[Value], answers: &[Value]) {
        assert_eq!(specs.len(), answers.len());
        let authorizer = Authorizer::new(&snapshot.objects);
        let lines: Vec<String> = specs.iter().map(review).collect();
        let text = lines.join("\n");
        let own = Reviewer::new(&authorizer, snapshot).answer_lines(text.as_bytes());
        let own = own.iter().flat_map(|part| {
            part.answers.iter().map(|answer| {
                serde_json::from_slice::<Value>(&part.text[answer.at.clone()]).expect("JSON")
            })
        });
        let mut forms = HashMap::new();
        let mut count = 0;
        for ((spec, theirs), own) in specs.iter().zip(answers).zip(own) {
            count += 1;
            let (theirs, own) = (&theirs["status"], &own["status"]);
            assert_eq!(theirs["allowed"], own["allowed"], "{spec}\n{theirs}\n{own}");
            let theirs_why = theirs["reason"].as_str().unwrap_or_default();
            let own_why = own["reason"].as_str().unwrap_or_default();
            if theirs["allowed"] == true {
                self.allowed += 1;
                self.credit(&authorizer, spec, (theirs_why, own_why), &mut forms);
            } else {
                assert_eq!(errors(theirs_why), errors(own_why), "{spec}");
            }
            assert_eq!(theirs["evaluationError"], own["evaluationError"], "{spec}");
        }
        assert_eq!(count, specs.len());
        self.reviews += count;
    }

    /// The binding that the other names is among those that keybook finds, and so is the one that
    /// keybook names; then counts what decided.
    fn credit(
        &mut self,
        authorizer: &Authorizer,
        spec: &Value,
        (theirs, own): (&str, &str),
        forms: &mut HashMap<(u32, usize), RuleForm>,
    ) {
        let asked = Asked::of(spec);
        let attributes = asked.attributes();
        let found = authorizer.allowing(&attributes);
        if asked.groups.contains(&Identity::SYSTEM_MASTERS) {
            assert_eq!((theirs, own), ("", ""), "{spec}");
            return;
        }
        let named: Vec<String> =
            found.iter().map(|(grant, _)| authorizer.reason(&attributes, *grant)).collect();
        assert!(named.iter().any(|reason| reason == theirs), "{spec}\n{theirs}\n{named:#?}");
        assert!(named.iter().any(|reason| reason == own), "{spec}\n{own}\n{named:#?}");
        let credit = Credit::parse(theirs).unwrap_or_else(|| panic!("{theirs}"));
        let credited = |grant: u32| {
            let held = authorizer.held(grant).expect("a grant");
            held.binding.kind == credit.kind
                && held.binding.meta.namespace == credit.namespace
                && held.binding.meta.name == credit.name
                && held.identity == credit.subject
        };
        assert!(found.iter().any(|(grant, _)| credited(*grant)), "{spec}\n{credit:?}");

        let mut rules = BTreeSet::new();
        let mut grants: Option<BTreeSet<&str>> = None;
        for (grant, _) in found {
            let held = authorizer.held(grant).expect("a grant");
            for (at, rule) in held.rules().iter().enumerate() {
                if rule_allows(rule, asked.verb, &asked.action) {
                    let form = || RuleForm::of(&serde_json::to_value(rule).expect("JSON"));
                    rules.insert(*forms.entry((grant, at)).or_insert_with(form));
                }
            }
            let of_grant: BTreeSet<&str> = forms_of(held).into_iter().collect();
            grants = Some(match grants {
                None => of_grant,
                Some(have) => have.intersection(&of_grant).copied().collect(),
            });
        }
        if let [only] = rules.into_iter().collect::<Vec<_>>().as_slice() {
            *self.rules.entry(*only).or_default() += 1;
        }
        for form in grants.into_iter().flatten() {
            let form = GRANT_FORMS.into_iter().find(|have| *have == form).expect("a form");
            *self.grants.entry(form).or_default() += 1;
        }
    }

    /// Says the figures, and that they suffice: 40 % allowed, each form decisive so many times.
    pub fn suffices(&self, what: &str, each: usize) {
        println!(
            "{what}: {} reviews, {} allowed ({} %), 0 differences; decisive rule forms {:?}; \
             decisive grant forms {:?}",
            self.reviews,
            self.allowed,
            100 * self.allowed / self.reviews,
            self.rules,
            self.grants
        );
        assert!(10 * self.allowed >= 4 * self.reviews, "{self:?}");
        for form in RuleForm::ALL {
            assert!(self.rules.get(&form).is_some_and(|many| *many >= each), "{form:?}: {self:?}");
        }
        for form in GRANT_FORMS {
            assert!(self.grants.get(form).is_some_and(|many| *many >= each), "{form}: {self:?}");
        }
    }
}
