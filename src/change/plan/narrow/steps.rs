//! From cuts to steps: a private role is edited where it is; of a shared one the subject gets a role
//! of its own, bound before it leaves the old binding.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::keys::role_words;
use super::{Cut, Cuts, How, strong};
use crate::change::plan::edit::{self, rights};
use crate::change::plan::make::Work;
use crate::change::plan::owner::{self, Verdict};
use crate::change::plan::wanted::{AllWanted, target_of};
use crate::change::plan::{
    Action, Inverse, Manual, Precondition, Reason, Refusal, Reversibility, Step, StillWorks, Target,
};
use crate::model::{Identity, Name, Object, PolicyRule, RoleKind, SubjectKind};
use crate::rbac::{BindingKey, RoleKey, labels};

const GROUP: &str = "rbac.authorization.k8s.io";
const VERSION: &str = "rbac.authorization.k8s.io/v1";

/// What a made role and binding were made of: an annotation.
const FROM: &str = "keybook/narrowed-from";

/// For whom: an annotation.
pub(in crate::change::plan) const FOR: &str = "keybook/for";

/// Bytes of one part of a made name, at most.
const PART: usize = 40;

/// A role as a step's target.
pub(in crate::change::plan) fn role_target((kind, namespace, name): &RoleKey) -> Target {
    let namespace = Some(namespace.clone()).filter(|namespace| !namespace.is_empty());
    Target { kind: kind.as_str().into(), namespace, name: name.clone() }
}

impl Work<'_> {
    /// The steps of everything that is narrowed. Who leaves a binding is added to `all`.
    ///
    /// # Errors
    /// Where an image does not fit the Book, or a subject is wanted otherwise as well.
    pub(in crate::change::plan) fn cuts(
        &mut self,
        cuts: &Cuts,
        all: &mut AllWanted,
    ) -> Result<(), Refusal> {
        for cut in &cuts.all {
            match &cut.how {
                How::Edit { rules, held } => self.edit(cut, rules, held)?,
                How::Fork { binding, subject, here, namespaces } => {
                    let to = Fork { cut, binding, subject, here, namespaces };
                    self.fork(&to, all)?;
                }
            }
        }
        self.warnings.extend(cuts.said.iter().cloned());
        let book = self.input.book;
        self.warnings.extend(cuts.all.iter().flat_map(|cut| strong::stays(book, cut)));
        self.needs.extend(cuts.needs.iter().cloned());
        Ok(())
    }

    fn edit(
        &mut self,
        cut: &Cut,
        rules: &[PolicyRule],
        held: &[(Identity, BindingKey)],
    ) -> Result<(), Refusal> {
        let target = role_target(&cut.role);
        let image = self.image(&target)?;
        let moved = || Refusal::Moved(target.clone());
        let role = edit::role(&target, &image).ok_or_else(moved)?;
        let mut after = image.clone();
        after["rules"] = json!(rules);
        let place = (&target, &after);
        let owners = match owner::of_role((&role, self.version), place, self.input.despite_owners) {
            Verdict::Step(owners) => owners,
            Verdict::Leave(manual) => {
                self.left.still_works.insert(StillWorks {
                    what: format!("what {} allows and nobody uses", role_words(&cut.role)),
                    until: format!("until the owner of it is changed: {}", manual.what),
                });
                self.left.manual.insert(manual);
                return Ok(());
            }
        };
        let changed = edit::role(&target, &after).ok_or_else(moved)?;
        self.after.insert(Object::Role(changed));
        self.taken.extend(held.iter().cloned());
        let lines = cut.kept.iter().chain(&cut.dropped).cloned();
        let reason = Reason {
            why: format!("leaves in {} what is in use", role_words(&cut.role)),
            evidence: std::iter::once(cut.intent.words()).chain(lines).collect(),
        };
        self.steps.push(edit::in_place(&target, &image, after, reason, owners));
        Ok(())
    }

    fn fork(&mut self, to: &Fork<'_>, all: &mut AllWanted) -> Result<(), Refusal> {
        let (kind, namespace, name) = to.binding;
        let target = target_of(*kind, namespace, name);
        let image = self.image(&target)?;
        let moved = || Refusal::Moved(target.clone());
        let binding = edit::binding(&target, &image).ok_or_else(moved)?;
        let wanted = all.entry(target.clone()).or_default();
        if wanted.gone.contains(to.subject) {
            return Err(Refusal::Twice(to.subject.to_string()));
        }
        let mut gone = wanted.gone.clone();
        gone.insert(to.subject.clone());
        let (changed, _, any_left) =
            edit::without_subjects(&binding, &image, |identity| gone.contains(identity));
        let action = if any_left { Action::Replace } else { Action::Delete };
        let place = (&target, action, &changed);
        let insist = self.input.despite_owners;
        let verdict =
            owner::of_binding((&binding, &self.input.book.snapshot, false), &gone, place, insist);
        if let Verdict::Leave(manual) = verdict {
            // Nothing is taken away here, and nothing put in its place.
            self.left_to_owner(to, &target, &manual);
            if wanted.by.is_empty() {
                all.remove(&target);
            }
            return Ok(());
        }
        wanted.gone.insert(to.subject.clone());
        wanted.by.insert(to.cut.intent.clone());
        let mut made = Vec::new();
        if !to.here.is_empty() {
            made.push(self.give(to, namespace, to.here)?);
        }
        for (namespace, rules) in to.namespaces {
            made.push(self.give(to, namespace, rules)?);
        }
        let wanted = all.entry(target).or_default();
        wanted.instead.extend(made);
        wanted.evidence.extend(to.cut.kept.iter().chain(&to.cut.dropped).cloned());
        Ok(())
    }

    /// What whoever keeps the binding would have to put in place of it.
    fn left_to_owner(&mut self, to: &Fork<'_>, target: &Target, manual: &Manual) {
        let mut rules: Vec<String> = Vec::new();
        if !to.here.is_empty() {
            rules.push(json!(to.here).to_string());
        }
        for (namespace, of) in to.namespaces {
            rules.push(format!("in namespace {namespace}: {}", json!(of)));
        }
        let instead = if rules.is_empty() {
            "nothing of it was needed".to_owned()
        } else {
            format!("a role with these rules, bound first: {}", rules.join("; "))
        };
        self.left.manual.insert(Manual {
            what: format!(
                "{}; give {} in place of {}: {instead}",
                manual.what,
                to.subject,
                role_words(&to.cut.role)
            ),
            why: manual.why.clone(),
            patch: None,
        });
        self.left.still_works.insert(StillWorks {
            what: format!("all that {} has by {target}, used or not", to.subject),
            until: "until its owner is changed".to_owned(),
        });
    }

    /// A role with these rules, and a binding of it; cluster-wide without a namespace. Gives its
    /// name.
    fn give(
        &mut self,
        to: &Fork<'_>,
        namespace: &Name,
        rules: &[PolicyRule],
    ) -> Result<String, Refusal> {
        let wide = namespace.is_empty();
        let (role_kind, binding_kind) =
            if wide { ("ClusterRole", "ClusterRoleBinding") } else { ("Role", "RoleBinding") };
        if wide {
            self.feeds_nobody(&role_words(&to.cut.role))?;
        }
        let (kind, of, binding) = to.binding;
        let whole = format!("{} {of}/{binding} {} {namespace}", kind.as_str(), to.subject);
        let base = format!("{}-{}", part(&to.cut.role.2), part(&to.subject.name));
        let name = self.free_name((&base, &whole), namespace);
        let mut metadata = json!({
            "name": name,
            "annotations": {FROM: role_words(&to.cut.role), FOR: to.subject.to_string()},
        });
        if !wide {
            metadata["namespace"] = json!(namespace);
        }
        let role = json!({
            "apiVersion": VERSION, "kind": role_kind, "metadata": metadata, "rules": rules,
        });
        let binding = json!({
            "apiVersion": VERSION, "kind": binding_kind, "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": role_kind, "name": name},
            "subjects": [subject(to.subject)],
        });
        let place = Some(namespace.clone()).filter(|namespace| !namespace.is_empty());
        let at = |kind: &str| Target {
            kind: kind.into(),
            namespace: place.clone(),
            name: name.clone().into(),
        };
        let words = at(role_kind).to_string();
        let why = [
            format!("holds what {} uses of {}", to.subject, role_words(&to.cut.role)),
            format!("gives it to {}", to.subject),
        ];
        for ((kind, image), why) in
            [(role_kind, role), (binding_kind, binding)].into_iter().zip(why)
        {
            let target = at(kind);
            let moved = || Refusal::Moved(target.clone());
            if kind == role_kind {
                let role = edit::role(&target, &image).ok_or_else(moved)?;
                self.after.insert(Object::Role(role));
            } else {
                let binding = edit::binding(&target, &image).ok_or_else(moved)?;
                self.after.insert(Object::Binding(binding));
            }
            self.steps.push(creation(target.clone(), image, why, to.cut.intent.words()));
            self.created.insert(target);
        }
        Ok(words)
    }

    /// A role without labels must not become part of an aggregated one, whose holders would gain it.
    pub(in crate::change::plan) fn feeds_nobody(&self, of: &str) -> Result<(), Refusal> {
        let none = BTreeMap::new();
        let taking = self.after.roles.values().find(|role| {
            role.aggregation.as_ref().is_some_and(|aggregation| {
                aggregation
                    .cluster_role_selectors
                    .iter()
                    .any(|selector| labels::selects(selector, &none) != Some(false))
            })
        });
        match taking {
            None => Ok(()),
            Some(role) => {
                Err(Refusal::Feeds { role: of.to_owned(), aggregated: role.meta.name.clone() })
            }
        }
    }

    /// A name that says what it is for, the same whenever the same is planned, and not taken.
    pub(in crate::change::plan) fn free_name(
        &self,
        (base, whole): (&str, &str),
        namespace: &Name,
    ) -> String {
        let sum = format!("{:x}", Sha256::digest(whole.as_bytes()));
        let taken = |name: &str| {
            let name = Name::from(name);
            let of = |kind| (kind, namespace.clone(), name.clone());
            let wide = namespace.is_empty();
            let role = if wide { RoleKind::ClusterRole } else { RoleKind::Role };
            // A binding that leads nowhere would lead there, and give it to whoever it names.
            let awaited = self.after.bindings.values().any(|binding| {
                let at = binding.meta.namespace.clone().unwrap_or_else(|| "".into());
                binding.role_ref.name == name && (wide || at == *namespace)
            });
            awaited
                || self.after.roles.contains_key(&of(role))
                || self.after.bindings.keys().any(|(_, at, have)| at == namespace && *have == name)
        };
        let mut name = format!("{base}-{}", sum.get(..6).unwrap_or_default());
        let mut more = 1;
        while taken(&name) {
            more += 1;
            name = format!("{base}-{}-{more}", sum.get(..6).unwrap_or_default());
        }
        name
    }
}

/// Who gets what in place of a binding.
struct Fork<'a> {
    cut: &'a Cut,
    binding: &'a BindingKey,
    subject: &'a Identity,
    here: &'a [PolicyRule],
    namespaces: &'a BTreeMap<Name, Vec<PolicyRule>>,
}

pub(in crate::change::plan) fn creation(
    target: Target,
    image: Value,
    why: String,
    evidence: String,
) -> Step {
    Step {
        id: 0,
        action: Action::Create,
        precondition: Precondition::default(),
        before: None,
        reasons: vec![Reason { why, evidence: vec![evidence] }],
        reversibility: Reversibility::Reversible,
        loses: Vec::new(),
        rights: rights(Action::Create, &target, Some(&image)),
        inverse: Inverse {
            action: Action::Delete,
            rights: rights(Action::Delete, &target, Some(&image)),
        },
        owners: Vec::new(),
        after: Some(image),
        target,
    }
}

/// As a binding names somebody.
pub(in crate::change::plan) fn subject(identity: &Identity) -> Value {
    match identity.kind {
        SubjectKind::ServiceAccount => json!({
            "kind": "ServiceAccount", "name": identity.name, "namespace": identity.namespace,
        }),
        kind => json!({"apiGroup": GROUP, "kind": kind.as_str(), "name": identity.name}),
    }
}

/// Letters, digits, dots and dashes of a name, in small letters.
pub(in crate::change::plan) fn part(name: &str) -> String {
    let mut text: String = name
        .chars()
        .map(|one| one.to_ascii_lowercase())
        .map(|one| if one.is_ascii_alphanumeric() || one == '.' { one } else { '-' })
        .take(PART)
        .collect();
    while text.contains("--") {
        text = text.replace("--", "-");
    }
    text.trim_matches(['-', '.']).to_owned()
}
