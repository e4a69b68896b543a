//! What rbac-manager keeps is changed in its `RBACDefinition`: the subject leaves the entries there, and
//! rbac-manager makes the bindings anew without it (`pkg/reconciler/reconciler.go`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::edit;
use super::make::Work;
use super::owner;
use super::wanted::{Refusal, Wanted, names, target_of};
use super::{Intent, Manual, Reason, Reversibility, Step, StillWorks, Target, account};
use crate::book::Book;
use crate::model::{
    Binding, BindingKind, BindingSubject, DefinedBinding, Identity, Name, Object, ObjectBody,
    OtherObject, SubjectKind,
};
use crate::owners;
use crate::rbac::BindingKey;

/// Bindings that are named one by one, at most.
const NAMED: usize = 5;

/// A binding that somebody else changes after a step, and whom it is to name or not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Followed {
    /// The binding.
    pub binding: Target,
    /// Whom it names, or does not.
    pub subject: Identity,
}

impl Followed {
    /// Whether an image of the binding names the subject. One that is not there names nobody.
    pub fn is_named(&self, image: Option<&Value>) -> bool {
        let binding = image.and_then(|image| edit::binding(&self.binding, image));
        binding.is_some_and(|binding| names(&binding, &self.subject))
    }

    /// `RoleBinding pay/ops-team-view: user:jane`.
    pub fn words(&self) -> String {
        format!("{}: {}", self.binding, self.subject)
    }

    /// The binding's key.
    pub(super) fn key(&self) -> Option<BindingKey> {
        let kind = match &*self.binding.kind {
            "ClusterRoleBinding" => BindingKind::ClusterRoleBinding,
            "RoleBinding" => BindingKind::RoleBinding,
            _ => return None,
        };
        let namespace = self.binding.namespace.clone().unwrap_or_else(|| "".into());
        Some((kind, namespace, self.binding.name.clone()))
    }
}

/// Which bindings are to follow, with whom they no longer name; whom no entry is to name; by what.
type Wish = (BTreeSet<(BindingKey, Identity)>, BTreeSet<Identity>, BTreeSet<Intent>);

/// What is wanted of definitions.
#[derive(Default)]
pub(super) struct Wishes {
    pub(super) all: BTreeMap<Target, Wish>,
}

impl Wishes {
    /// Takes note of a subject that is to leave a binding, where its definition names it. Whether the
    /// binding itself is written too: what rbac-manager does not find among its own, it leaves.
    pub(super) fn take(
        &mut self,
        book: &Book,
        (key, binding): (&BindingKey, &Binding),
        subject: &Identity,
        intent: &Intent,
    ) -> bool {
        let Some(defined) = owners::defined_by(&book.snapshot, binding, subject) else {
            return true;
        };
        if !defined.names {
            return true;
        }
        let (follow, _, by) = self.all.entry(Target::definition(defined.definition)).or_default();
        follow.insert((key.clone(), subject.clone()));
        by.insert(intent.clone());
        !defined.found
    }

    /// Takes note of a subject that no definition is to name any more; whether one does.
    pub(super) fn take_everywhere(
        &mut self,
        book: &Book,
        identity: &Identity,
        intent: &Intent,
    ) -> bool {
        let mut found = false;
        for other in book.snapshot.objects.others.values() {
            let ObjectBody::RbacDefinition(entries) = &other.body else { continue };
            if entries.iter().any(|entry| is_in(entry, identity)) {
                found = true;
                let target = Target::definition(&other.meta.name);
                let (_, everywhere, by) = self.all.entry(target).or_default();
                everywhere.insert(identity.clone());
                by.insert(intent.clone());
            }
        }
        found
    }
}

/// Whether an entry names somebody.
fn is_in(entry: &DefinedBinding, identity: &Identity) -> bool {
    entry.subjects.iter().any(|subject| is(subject, identity))
}

fn is(subject: &BindingSubject, identity: &Identity) -> bool {
    subject.identity(None).as_ref() == Some(identity)
}

/// A definition, as an image has it.
fn read(target: &Target, image: &Value) -> Option<OtherObject> {
    match edit::object(target, image)? {
        Object::Other(other) => Some(other),
        _ => None,
    }
}

/// The first of them, and how many more there are.
fn first(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", "))
}

/// An image without some subjects of some entries, and without entries that are left with nobody.
fn without(image: &Value, entries: &[DefinedBinding], out: &BTreeSet<(usize, Identity)>) -> Value {
    let mut after = image.clone();
    let Some(Value::Array(all)) = after.get_mut("rbacBindings") else { return after };
    let goes = |at: usize, subject: &BindingSubject| {
        out.iter().any(|(entry, identity)| *entry == at && is(subject, identity))
    };
    let mut at = 0;
    all.retain_mut(|raw| {
        let (entry, this) = (entries.get(at), at);
        at += 1;
        let Some(entry) = entry.filter(|_| out.iter().any(|(one, _)| *one == this)) else {
            return true;
        };
        let stays: Vec<bool> = entry.subjects.iter().map(|subject| !goes(this, subject)).collect();
        if let Some(Value::Array(subjects)) = raw.get_mut("subjects") {
            let mut of = 0;
            subjects.retain(|_| {
                of += 1;
                stays.get(of - 1).copied().unwrap_or(true)
            });
        }
        stays.contains(&true)
    });
    after
}

impl Work<'_> {
    /// The step for one definition.
    ///
    /// # Errors
    /// Where it does not name any more whom it named when it was listed.
    pub(super) fn definition(
        &mut self,
        target: &Target,
        image: &Value,
        wanted: &Wanted,
    ) -> Result<(), Refusal> {
        let moved = || Refusal::Moved(target.clone());
        let definition = read(target, image).ok_or_else(moved)?;
        let ObjectBody::RbacDefinition(entries) = &definition.body else { return Err(moved()) };
        let name = &target.name;
        let mut out: BTreeSet<(usize, Identity)> = BTreeSet::new();
        for identity in &wanted.everywhere {
            let all = entries.iter().enumerate().filter(|(_, entry)| is_in(entry, identity));
            out.extend(all.map(|(at, _)| (at, identity.clone())));
        }
        for (key, identity) in &wanted.follow {
            if wanted.everywhere.contains(identity) {
                continue;
            }
            let binding = self.before.bindings.get(key).cloned().ok_or_else(moved)?;
            let own = entries.iter().enumerate().filter(|(_, entry)| {
                owners::makes(name, entry, &binding) && is_in(entry, identity)
            });
            let own: Vec<usize> = own.map(|(at, _)| at).collect();
            if own.is_empty() {
                return Err(moved());
            }
            let others = self.others(name, entries, &own, identity, wanted);
            if others.is_empty() {
                out.extend(own.into_iter().map(|at| (at, identity.clone())));
            } else {
                self.of_more(target, &target_of(key.0, &key.1, &key.2), identity, &others);
            }
        }
        if out.is_empty() {
            return Ok(());
        }
        let after = without(image, entries, &out);
        let owners = owners::of_definition(&definition);
        let verdict = owner::of_definition(&owners, (target, &after), self.input.despite_owners);
        let whom: BTreeSet<&Identity> = out.iter().map(|(_, identity)| identity).collect();
        let who: Vec<String> = whom.iter().map(ToString::to_string).collect();
        let works = format!("what {} has by {target}", who.join(", "));
        let Some(owners) = self.left_or_made(verdict, works) else { return Ok(()) };
        let bindings = self.follow(name, entries, &out);
        let reason = reason(entries, &out, &bindings, wanted);
        let mut step = edit::in_place(target, image, after, reason, owners);
        self.accounts_go(name, entries, &out, &mut step);
        self.steps.push(step);
        Ok(())
    }

    /// The other bindings that the same entries make, and that nobody wants the subject out of.
    fn others(
        &self,
        definition: &Name,
        entries: &[DefinedBinding],
        own: &[usize],
        identity: &Identity,
        wanted: &Wanted,
    ) -> Vec<String> {
        let own: Vec<&DefinedBinding> = own.iter().filter_map(|at| entries.get(*at)).collect();
        let all = self.before.bindings.iter().filter(|(key, binding)| {
            names(binding, identity)
                && owners::is_made_by(&binding.meta, definition)
                && own.iter().any(|entry| owners::makes(definition, entry, binding))
                && !wanted.follow.contains(&((*key).clone(), identity.clone()))
        });
        all.map(|((kind, namespace, name), _)| target_of(*kind, namespace, name).to_string())
            .collect()
    }

    /// An entry that gives more than what is to be taken away.
    fn of_more(&mut self, target: &Target, of: &Target, who: &Identity, others: &[String]) {
        self.left.manual.insert(Manual {
            what: format!("give {of} an entry of its own in {target}, without {who}"),
            why: format!(
                "the subjects of an entry are those of all its bindings: without {who}, {} would not \
                 name it either. Where these are meant too, name them in the same plan",
                first(others)
            ),
            patch: None,
        });
        self.left.still_works.insert(StillWorks {
            what: format!("what {who} has by {of}"),
            until: format!("until {target} does not say it any more"),
        });
    }

    /// Takes the subjects out of what rbac-manager makes anew, as it will; gives these bindings.
    fn follow(
        &mut self,
        definition: &Name,
        entries: &[DefinedBinding],
        out: &BTreeSet<(usize, Identity)>,
    ) -> Vec<String> {
        let mut all = Vec::new();
        for (key, binding) in self.before.bindings.clone() {
            let own = out.iter().filter(|(at, identity)| {
                let entry = entries.get(*at);
                entry.is_some_and(|entry| owners::makes(definition, entry, &binding))
                    && names(&binding, identity)
            });
            let gone: BTreeSet<Identity> = own.map(|(_, identity)| identity.clone()).collect();
            if gone.is_empty() {
                continue;
            }
            let of = target_of(key.0, &key.1, &key.2);
            let whole: Vec<(BindingKey, Identity)> =
                gone.iter().map(|identity| (key.clone(), identity.clone())).collect();
            if !owners::is_made_by(&binding.meta, definition) {
                // It has a step of its own, that rbac-manager does not undo any more.
                self.defined.extend(whole);
                continue;
            }
            self.follows.extend(
                gone.iter()
                    .map(|subject| Followed { binding: of.clone(), subject: subject.clone() }),
            );
            self.taken.extend(gone.iter().map(|identity| (identity.clone(), key.clone())));
            let mut left = (*binding).clone();
            let namespace = left.meta.namespace.clone();
            left.subjects.retain(|subject| {
                subject.identity(namespace.as_ref()).is_none_or(|one| !gone.contains(&one))
            });
            if left.subjects.is_empty() {
                self.after.bindings.remove(&key);
            } else {
                self.after.insert(Object::Binding(left));
            }
            all.push(of.to_string());
        }
        all
    }

    /// An account that rbac-manager made goes with its last entry.
    fn accounts_go(
        &mut self,
        definition: &Name,
        entries: &[DefinedBinding],
        out: &BTreeSet<(usize, Identity)>,
        step: &mut Step,
    ) {
        let gone: BTreeSet<Identity> = out.iter().map(|(_, identity)| identity.clone()).collect();
        for identity in gone.iter().filter(|one| one.kind == SubjectKind::ServiceAccount) {
            let Ok((namespace, name)) = account::place(identity) else { continue };
            let accounts = &self.before.service_accounts;
            let made = accounts
                .get(&(namespace.clone(), name.clone()))
                .is_some_and(|account| owners::is_made_by(&account.meta, definition));
            let named = entries.iter().enumerate().any(|(at, entry)| {
                is_in(entry, identity) && !out.contains(&(at, identity.clone()))
            });
            if !made || named {
                continue;
            }
            self.warnings.push(format!(
                "rbac-manager made the account {identity} and deletes it once no entry names it: every \
                 token of it is refused then"
            ));
            self.pods_lose(identity, false);
            step.reversibility = Reversibility::WithLoss;
            step.loses.push(format!(
                "the UID of {identity}, and with it every token that was made for it: rbac-manager \
                 makes another of that name when it is named again"
            ));
        }
    }
}

fn reason(
    entries: &[DefinedBinding],
    out: &BTreeSet<(usize, Identity)>,
    bindings: &[String],
    wanted: &Wanted,
) -> Reason {
    let mut of: BTreeMap<&Name, BTreeSet<String>> = BTreeMap::new();
    for (at, identity) in out {
        if let Some(entry) = entries.get(*at) {
            of.entry(&entry.name).or_default().insert(identity.to_string());
        }
    }
    let takes = of.into_iter().map(|(entry, who)| {
        let who: Vec<String> = who.into_iter().collect();
        format!("{} out of its entry {entry}", who.join(", "))
    });
    let follows = if bindings.is_empty() {
        "no binding is made of that now".to_owned()
    } else {
        format!("rbac-manager makes anew, or deletes, {}", first(bindings))
    };
    Reason {
        why: format!("takes {}: {follows}", takes.collect::<Vec<_>>().join(", ")),
        evidence: wanted.by.iter().map(Intent::words).collect(),
    }
}
