//! From Intents to steps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::account::Ending;
use super::edit::{binding, precondition, rights, role, stored, without_subjects};
use super::finalizers::held_back;
use super::left::Left;
use super::narrow::{self, Cuts};
use super::owner::{self, Verdict};
use super::split::{self, Parts};
use super::unseen_secret;
use super::wanted::{AllWanted, Refusal, Wanted, names, objects_of, revoked, wanted};
use super::{
    API_VERSION, Action, ClusterRef, CoverageRef, Followed, Header, Intent, Inverse, KIND, Later,
    Manual, Parted, Plan, Reason, Reversibility, Step, StillWorks, Target, lock_out, rests,
};
use crate::book::{Book, LogState};
use crate::model::{
    Binding, Call, Identity, ListKind, Name, Object, Objects, SubjectKind, counted,
};
use crate::rbac::{Authorizer, BindingKey};

/// Who makes the change, as the API server authenticated them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// User name.
    pub user: Name,
    /// Groups, the implicit ones among them.
    pub groups: Vec<Name>,
    /// What they come with.
    pub presents: Presents,
}

/// What somebody authenticates with, as far as the API server says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Presents {
    /// Whose credential it is, where it is not that of the user: they act as another.
    pub behind: Option<Name>,
    /// Whether it is a token that was made on request (`JTI=…`), and so is in no Secret.
    pub issued: bool,
    /// Whether it ends with a pod, and so with no Secret.
    pub of_pod: bool,
}

/// What a Plan is made of.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// What there is.
    pub book: &'a Book,
    /// What is wanted.
    pub intents: &'a [Intent],
    /// The image of every one of [`targets`], read after the Book; of a Secret its metadata.
    pub fresh: &'a BTreeMap<Target, Value>,
    /// Who makes the change; None where that is not known.
    pub operator: Option<&'a Operator>,
    /// Whether to change here, too, what an owner would undo later.
    pub despite_owners: bool,
    /// The time, UTC.
    pub now: DateTime<Utc>,
}

/// Makes the Plan.
///
/// # Errors
/// Where an Intent is about nothing, or an image does not fit the Book.
pub fn make(input: &Input<'_>) -> Result<Plan, Refusal> {
    let all = wanted(input.book, input.intents)?;
    let cuts = narrow::cuts(input.book, input.intents, &revoked(&all))?;
    Ok(worked(input, all, &cuts)?.plan)
}

/// A Plan with what it comes to.
pub(super) struct Worked {
    pub(super) plan: Plan,
    pub(super) before: Objects,
    pub(super) after: Objects,
    pub(super) parts: Vec<Parts>,
}

/// Makes the Plan of what is wanted and cut.
///
/// # Errors
/// As [`make`].
pub(super) fn worked(
    input: &Input<'_>,
    mut all: AllWanted,
    cuts: &Cuts,
) -> Result<Worked, Refusal> {
    let parts = split::parts(input.book, input.intents)?;
    let mut work = Work::new(input, &all, cuts)?;
    work.revoked = revoked(&all);
    work.cuts(cuts, &mut all)?;
    work.split(&parts)?;
    work.without_secrets();
    // What its definition takes out of a binding is known before the binding is looked at.
    for (target, wanted) in all.iter().filter(|(target, _)| target.is_definition()) {
        let image = work.image(target)?;
        work.definition(target, &image, wanted)?;
    }
    for (target, wanted) in all.iter().filter(|(target, _)| !target.is_definition()) {
        let image = work.image(target)?;
        if target.is_aws_auth() {
            work.mapping(target, &image, wanted)?;
        } else if let Some(unseen) =
            unseen_secret::of(input.book, target).filter(|_| target.is_secret())
        {
            work.unseen_secret(target, &image, (&unseen, wanted));
        } else if target.is_secret() {
            work.secret(target, &image, wanted);
        } else if target.is_account() {
            work.account_ends(target, &image, wanted)?;
        } else {
            work.binding(target, &image, wanted)?;
        }
    }
    let (plan, before, after) = work.plan(&all)?;
    Ok(Worked { plan, before, after, parts })
}

/// A Plan in the making.
pub(super) struct Work<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) version: Option<&'a str>,
    /// With the fresh images in it.
    pub(super) before: Objects,
    pub(super) after: Objects,
    pub(super) steps: Vec<Step>,
    pub(super) left: Left,
    pub(super) warnings: Vec<String>,
    /// What is taken away: from whom, by which binding.
    pub(super) taken: Vec<(Identity, BindingKey)>,
    pub(super) deleted: BTreeSet<Target>,
    /// Whose credentials it ends, and not all that they are: what else authenticates as them works on.
    pub(super) ended: BTreeSet<Identity>,
    /// What has a step of its own, and is said by no definition any more.
    pub(super) defined: BTreeSet<(BindingKey, Identity)>,
    /// Who is mapped by no entry of the cloud's any more, and has a name of their own.
    pub(super) mapped: BTreeSet<Identity>,
    /// What rbac-manager makes anew.
    pub(super) follows: BTreeSet<Followed>,
    /// What narrowing and splitting make.
    pub(super) created: BTreeSet<Target>,
    /// What wishes take from whom, beside narrowing.
    revoked: narrow::Revoked,
    /// What the log shows in use and must stay allowed, by whom.
    pub(super) needs: Vec<(Identity, Arc<Call>)>,
    /// What must hold for those whom splitting makes.
    pub(super) promises: Vec<split::Promise>,
    /// What is split, in sum.
    pub(super) parted: Vec<Parted>,
    /// What is to be done later.
    pub(super) later: Vec<Later>,
}

impl<'a> Work<'a> {
    fn new(input: &'a Input<'a>, all: &AllWanted, cuts: &Cuts) -> Result<Self, Refusal> {
        let snapshot = &input.book.snapshot;
        let mut before = snapshot.objects.clone();
        let targets = objects_of(all, cuts);
        for target in targets.iter().filter(|target| target.is_binding()) {
            let image = input.fresh.get(target).ok_or_else(|| Refusal::Moved(target.clone()))?;
            let fresh = binding(target, image).ok_or_else(|| Refusal::Moved(target.clone()))?;
            before.insert(Object::Binding(fresh));
        }
        for cut in &cuts.all {
            let target = narrow::role_target(&cut.role);
            let moved = || Refusal::Moved(target.clone());
            let image = input.fresh.get(&target).ok_or_else(moved)?;
            let fresh = role(&target, image).filter(|role| role.rules == cut.old);
            before.insert(Object::Role(fresh.ok_or_else(moved)?));
        }
        Ok(Self {
            input,
            version: snapshot.cluster.server_version.as_deref(),
            after: before.clone(),
            before,
            steps: Vec::new(),
            left: Left::default(),
            warnings: Vec::new(),
            taken: Vec::new(),
            deleted: BTreeSet::new(),
            ended: BTreeSet::new(),
            defined: BTreeSet::new(),
            mapped: BTreeSet::new(),
            follows: BTreeSet::new(),
            created: BTreeSet::new(),
            revoked: narrow::Revoked::new(),
            needs: Vec::new(),
            promises: Vec::new(),
            parted: Vec::new(),
            later: Vec::new(),
        })
    }

    pub(super) fn image(&self, target: &Target) -> Result<Value, Refusal> {
        let image = self.input.fresh.get(target).cloned();
        Ok(stored(image.ok_or_else(|| Refusal::Moved(target.clone()))?))
    }

    fn binding(&mut self, target: &Target, image: &Value, wanted: &Wanted) -> Result<(), Refusal> {
        let moved = || Refusal::Moved(target.clone());
        let binding = binding(target, image).ok_or_else(moved)?;
        let (changed, went, any_left) =
            without_subjects(&binding, image, |identity| wanted.gone.contains(identity));
        if went == 0 {
            return Err(moved());
        }
        let action = if any_left { Action::Replace } else { Action::Delete };
        let place = (target, action, &changed);
        let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
        let key = (binding.kind, namespace, target.name.clone());
        let unsaid = |identity: &Identity| self.defined.contains(&(key.clone(), identity.clone()));
        let owners = match owner::of_binding(
            (&binding, &self.input.book.snapshot, wanted.gone.iter().all(unsaid)),
            &wanted.gone,
            place,
            self.input.despite_owners,
        ) {
            Verdict::Step(owners) => owners,
            Verdict::Leave(manual) => {
                for identity in &wanted.gone {
                    self.left.still_works.insert(StillWorks {
                        what: format!("what {identity} has by {target}"),
                        until: format!("until the owner of it is changed: {}", manual.what),
                    });
                }
                self.left.manual.insert(manual);
                return Ok(());
            }
        };
        let gone: Vec<&Identity> =
            wanted.gone.iter().filter(|identity| names(&binding, identity)).collect();
        self.taken.extend(gone.iter().map(|identity| ((*identity).clone(), key.clone())));
        let reason = self.reason(&binding, &gone, wanted, any_left);
        let after = if any_left {
            let binding = super::edit::binding(target, &changed).ok_or_else(moved)?;
            self.after.insert(Object::Binding(binding));
            Some(changed)
        } else {
            self.after.bindings.remove(&key);
            None
        };
        let back = if any_left { Action::Replace } else { Action::Create };
        self.steps.push(Step {
            id: 0,
            action,
            target: target.clone(),
            precondition: precondition(image),
            reasons: vec![reason],
            reversibility: Reversibility::Reversible,
            loses: Vec::new(),
            rights: rights(action, target, after.as_ref().or(Some(image))),
            inverse: Inverse { action: back, rights: rights(back, target, Some(image)) },
            owners,
            before: Some(image.clone()),
            after,
        });
        Ok(())
    }

    /// The objects with nothing done but what is revoked.
    pub(super) fn only_revoked(&self) -> Objects {
        let mut objects = self.before.clone();
        for (key, identity) in &self.revoked {
            let Some(binding) = objects.bindings.get(key) else { continue };
            let mut binding = (**binding).clone();
            let namespace = binding.meta.namespace.clone();
            binding
                .subjects
                .retain(|subject| subject.identity(namespace.as_ref()).as_ref() != Some(identity));
            objects.insert(Object::Binding(binding));
        }
        objects
    }

    fn reason(
        &self,
        binding: &Binding,
        gone: &[&Identity],
        wanted: &Wanted,
        any_left: bool,
    ) -> Reason {
        let who: Vec<String> = gone.iter().map(ToString::to_string).collect();
        let role = &binding.role_ref;
        let how = if any_left { "takes" } else { "it names nobody else: takes" };
        let book = self.input.book;
        let mut evidence: Vec<String> = wanted.by.iter().map(Intent::words).collect();
        for grant in book.grants() {
            let of_this = grant.key.binding_kind == binding.kind
                && grant.key.namespace == binding.meta.namespace
                && grant.key.binding == binding.meta.name;
            if of_this && gone.contains(&&grant.key.subject) {
                evidence.push(credited(book, grant));
            }
        }
        evidence.extend(wanted.evidence.iter().cloned());
        let instead = if wanted.instead.is_empty() {
            String::new()
        } else {
            format!(", with {} in place of it", wanted.instead.join(", "))
        };
        Reason {
            why: format!("{how} {} {} from {}{instead}", role.kind, role.name, who.join(", ")),
            evidence,
        }
    }

    fn plan(mut self, all: &AllWanted) -> Result<(Plan, Objects, Objects), Refusal> {
        let (before, after) = (Authorizer::new(&self.before), Authorizer::new(&self.after));
        let mut verification = self.verification(&before, &after)?;
        self.ask_for_parts((&before, &after), &mut verification)?;
        let book = self.input.book;
        // Who is narrowed keeps access, and is meant to.
        let revoked = all.values().filter(|wanted| !wanted.by.iter().all(Intent::narrows));
        let people: BTreeSet<&Identity> = revoked.flat_map(|wanted| &wanted.gone).collect();
        let wanted_whole = self.input.intents.iter().filter_map(|intent| match intent {
            Intent::Identity { identity } | Intent::Account { identity, how: Ending::Delete } => {
                Some(identity)
            }
            _ => None,
        });
        self.rights_in_use(&before, &after, &people);
        let whole: BTreeSet<&Identity> = people.into_iter().chain(wanted_whole).collect();
        for identity in self.ended.iter().filter(|identity| !whole.contains(identity)) {
            self.left.credentials(book, identity, &self.deleted);
            self.left.open(identity);
        }
        for identity in whole {
            self.left.of(book, identity, &after, &self.deleted);
        }
        for intent in self.input.intents {
            if let Intent::Account { identity, how: Ending::Renew } = intent {
                self.left.credentials(book, identity, &self.deleted);
            }
        }
        self.mapped_otherwise();
        self.in_hand(all);
        super::dependents::tell(&mut self.steps, &book.snapshot.objects);
        self.sort_steps();
        self.warnings.extend(self.steps.iter().filter_map(held_back));
        let name = &book.snapshot.cluster.name;
        let locked = lock_out::find(&before, &after, &self.steps, self.input.operator, name);
        let incomplete = incomplete(book);
        if !incomplete.is_empty() {
            self.warnings.push(
                "not all roles and bindings could be listed: there may be grants that this plan does \
                 not know, and whether it locks anybody out is not certain"
                    .to_owned(),
            );
        }
        if matches!(book.log, LogState::Reading { .. }) {
            self.warnings.push(
                "the log is still being read, and the plan says nothing of what is in use: make it again \
                 once the log is read"
                    .to_owned(),
            );
        }
        self.unread();
        let other_authorizers = book.authorizers();
        if !other_authorizers.is_empty() {
            self.warnings.push(format!(
                "another authorizer beside RBAC is at work ({}): what it allows stays allowed, and is \
                 not known here",
                other_authorizers.join(", ")
            ));
        }
        let Left { manual, still_works, .. } = self.left;
        let wishes: BTreeSet<Intent> = self.input.intents.iter().cloned().collect();
        let intents: Vec<Intent> = wishes.into_iter().collect();
        let rests_on = rests::all(book, &intents, &self.steps, &self.before);
        let plan = Plan {
            api_version: API_VERSION.into(),
            kind: KIND.into(),
            metadata: header(self.input, incomplete, other_authorizers),
            intents,
            steps: self.steps,
            verification,
            manual: manual.into_iter().collect::<Vec<Manual>>(),
            still_works: still_works.into_iter().collect(),
            warnings: self.warnings,
            rests_on,
            parted: self.parted,
            later: self.later,
            lock_out: locked,
            undoes: None,
            gives_back: None,
            leaves: Vec::new(),
        };
        Ok((plan.sealed(), self.before, self.after))
    }

    /// What can be taken back comes first, and what concerns who makes the change comes last of it.
    fn sort_steps(&mut self) {
        let operator = self.input.operator;
        let own = |step: &Step| {
            operator.is_some_and(|operator| {
                self.taken.iter().any(|(identity, key)| {
                    *key.2 == *step.target.name
                        && key.0.as_str() == &*step.target.kind
                        && match identity.kind {
                            SubjectKind::Group => operator.groups.contains(&identity.name),
                            _ => identity.user_name().as_ref() == Some(&operator.user),
                        }
                })
            })
        };
        // What is made anew goes first, and comes last.
        let gone: BTreeSet<Target> = self
            .steps
            .iter()
            .filter(|step| step.action == Action::Delete)
            .map(|step| step.target.clone())
            .collect();
        let key = |step: &Step| {
            let again = step.action == Action::Create && gone.contains(&step.target);
            let action = if again { Action::Delete } else { step.action };
            (step.reversibility, own(step), action, step.target.clone(), again)
        };
        self.steps.sort_by_cached_key(key);
        for (id, step) in (1..).zip(&mut self.steps) {
            step.id = id;
        }
    }
}

/// How often a grant was what allowed a request.
fn credited(book: &Book, grant: &crate::book::Grant) -> String {
    match (book.coverage(), grant.last_credited) {
        (None, _) if matches!(book.log, LogState::Reading { .. }) => {
            "the log is still being read: whether it is used is not known yet".to_owned()
        }
        (None, _) => "no log was read: whether it is used is not known".to_owned(),
        (Some(_), Some(at)) => format!(
            "{}: the API server credited it with {}, the last on {}",
            grant.key.subject,
            counted(grant.credited, "allowed request"),
            at.format("%Y-%m-%d")
        ),
        (Some(_), None) if book.may_leave_no_credit(grant) => format!(
            "{}: whether it is used the log does not say by its name: what it gives is asked about \
             beside other requests",
            grant.key.subject
        ),
        (Some(coverage), None) => format!(
            "{}: the API server credited it with no request in the {} of the log",
            grant.key.subject,
            counted(coverage.days(), "day")
        ),
    }
}

/// Lists without which grants may have been overlooked.
fn incomplete(book: &Book) -> Vec<String> {
    let lists = [
        ListKind::ClusterRoles,
        ListKind::Roles,
        ListKind::ClusterRoleBindings,
        ListKind::RoleBindings,
    ];
    let missing = lists.into_iter().filter(|list| !book.snapshot.covers(&[*list], None));
    missing.map(|list| list.as_str().to_owned()).collect()
}

fn header(input: &Input<'_>, incomplete: Vec<String>, other_authorizers: Vec<Name>) -> Header {
    let cluster = &input.book.snapshot.cluster;
    Header {
        made_at: input.now,
        made_by: input
            .operator
            .map(|operator| operator.user.clone())
            .or_else(|| cluster.operator.clone()),
        cluster: ClusterRef {
            id: cluster.id.clone(),
            name: cluster.name.clone(),
            server: cluster.server.clone(),
            server_version: cluster.server_version.clone(),
        },
        coverage: input.book.coverage().map(|coverage| CoverageRef {
            from: coverage.from,
            to: coverage.to,
            gaps: coverage.gaps.len() as u64 + coverage.gaps_left_out,
        }),
        incomplete,
        other_authorizers,
        digest: String::new(),
    }
}
