//! What writes would have somebody hold that they do not hold by the objects as they are. Narrowing and
//! splitting cut what is given out of what is held when the plan is made; what was taken away since must
//! not come back by it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::edit::object;
use super::later_runs::back;
use super::lock_out::applied;
use super::{Action, Intent, Plan, Ran, Step, Target};
use crate::model::{
    Binding, BindingKind, Identity, Name, Object, Objects, PolicyRule, Role, RoleKind, Scope,
    SubjectKind,
};
use crate::rbac::escalation::{broken_down, covers, is_covered};
use crate::rbac::{Authorizer, BindingKey, RoleKey, aggregation, bootstrap};

/// Rights that are named one by one, at most.
const NAMED: usize = 5;

/// What somebody would hold, and does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gain {
    pub(super) who: Identity,
    pub(super) scope: Scope,
    /// A single right each.
    pub(super) rights: Vec<PolicyRule>,
}

/// What steps write to of what decides about access.
#[derive(Debug, Default)]
struct Touched {
    bindings: BTreeSet<BindingKey>,
    roles: BTreeSet<RoleKey>,
}

impl Touched {
    fn of<'s>(steps: impl Iterator<Item = &'s Step>) -> Self {
        let mut touched = Self::default();
        for Target { kind, namespace, name } in steps.map(|step| &step.target) {
            let place = (namespace.clone().unwrap_or_else(|| "".into()), name.clone());
            let (place, name) = place;
            let binding = |kind| (kind, place.clone(), name.clone());
            let role = |kind| (kind, place.clone(), name.clone());
            match &**kind {
                "ClusterRoleBinding" => {
                    touched.bindings.insert(binding(BindingKind::ClusterRoleBinding));
                }
                "RoleBinding" => drop(touched.bindings.insert(binding(BindingKind::RoleBinding))),
                "ClusterRole" => drop(touched.roles.insert(role(RoleKind::ClusterRole))),
                "Role" => drop(touched.roles.insert(role(RoleKind::Role))),
                _ => {}
            }
        }
        touched
    }

    /// Has the controller fill aggregated roles from what is written.
    fn aggregate(&mut self, before: &Objects, after: &mut Objects) {
        if !self.roles.iter().any(|(kind, ..)| *kind == RoleKind::ClusterRole) {
            return;
        }
        let mut filled: Vec<Role> = Vec::new();
        for (key, role) in after.roles.iter().filter(|(_, role)| aggregation::is_written(role)) {
            let was = before.roles.get(key).and_then(|role| aggregation::would_be(role, before));
            let is = aggregation::would_be(role, after);
            if let Some(rules) = is.filter(|is| was.as_ref() != Some(is)) {
                filled.push(Role { rules, ..Role::clone(role) });
                self.roles.insert(key.clone());
            }
        }
        for role in filled {
            after.insert(Object::Role(role));
        }
    }
}

/// What steps would have anybody hold: by objects as these steps leave them, and not by those before.
/// What whoever `sources` gives with somebody holds, they may be given.
pub(super) fn between<'s>(
    before: &Objects,
    mut after: Objects,
    steps: impl Iterator<Item = &'s Step>,
    sources: &dyn Fn(&Identity) -> Vec<Identity>,
) -> Vec<Gain> {
    let mut touched = Touched::of(steps);
    if touched.bindings.is_empty() && touched.roles.is_empty() {
        return Vec::new();
    }
    touched.aggregate(before, &mut after);
    let (had, have) = (Authorizer::new(before), Authorizer::new(&after));
    let mut given: BTreeMap<&Identity, Vec<(&Scope, &Arc<Role>)>> = BTreeMap::new();
    for (_, held) in have.all() {
        let Some(role) = &held.role else { continue };
        let binding = &held.binding;
        let place = |place: &Option<Name>| place.clone().unwrap_or_else(|| "".into());
        let by = (binding.kind, place(&binding.meta.namespace), binding.meta.name.clone());
        let of = (role.kind, place(&role.meta.namespace), role.meta.name.clone());
        if touched.bindings.contains(&by) || touched.roles.contains(&of) {
            given.entry(&held.identity).or_default().push((&held.scope, role));
        }
    }
    let mut gains: Vec<Gain> = Vec::new();
    for (who, given) in given {
        let all = with_groups(std::iter::once(who.clone()).chain(sources(who)));
        if all.iter().any(is_masters) {
            continue;
        }
        let held: Vec<_> =
            all.iter().flat_map(|one| had.direct(one)).filter_map(|slot| had.held(slot)).collect();
        for (scope, role) in given {
            let here: Vec<&PolicyRule> = held
                .iter()
                .filter(|held| held.scope == Scope::Cluster || held.scope == *scope)
                .flat_map(|held| held.rules())
                .collect();
            let wanted = in_scope(&role.rules, scope);
            if is_covered(&here, &wanted) {
                continue;
            }
            let new = wanted.iter().flat_map(broken_down);
            let new = new.filter(|right| !here.iter().any(|rule| covers(rule, right)));
            let at = gains.iter().position(|gain| gain.who == *who && gain.scope == *scope);
            let at = at.unwrap_or_else(|| {
                let (who, scope) = (who.clone(), scope.clone());
                gains.push(Gain { who, scope, rights: Vec::new() });
                gains.len() - 1
            });
            let rights = &mut gains[at].rights;
            for right in new {
                if !rights.contains(&right) {
                    rights.push(right);
                }
            }
        }
    }
    gains
}

/// The rules that mean something there: a path is in no namespace.
fn in_scope(rules: &[PolicyRule], scope: &Scope) -> Vec<PolicyRule> {
    let mut rules = rules.to_vec();
    if *scope != Scope::Cluster {
        for rule in &mut rules {
            rule.non_resource_urls.clear();
        }
    }
    rules
}

fn is_masters(one: &Identity) -> bool {
    one.kind == SubjectKind::Group && &*one.name == Identity::SYSTEM_MASTERS
}

/// These, and the groups that the API server puts them in.
fn with_groups(all: impl Iterator<Item = Identity>) -> BTreeSet<Identity> {
    let mut whole = BTreeSet::new();
    for one in all {
        whole.extend(one.implicit_groups().into_iter().map(Identity::group));
        whole.insert(one);
    }
    whole
}

/// Of whose somebody may be given: of an account that is split, what it holds by itself and by its
/// groups.
fn sources(plan: &Plan, who: &Identity) -> Vec<Identity> {
    let same = |one: &Identity| {
        one == who || (who.user_name().is_some() && one.user_name() == who.user_name())
    };
    let is_split = |account: &Identity| {
        plan.intents
            .iter()
            .any(|intent| matches!(intent, Intent::Split { identity, .. } if identity == account))
    };
    let of = plan
        .parted
        .iter()
        .filter(|parted| is_split(&parted.account) && parted.who.iter().any(|one| same(&one.to)));
    of.flat_map(|parted| {
        // Of an account of pods the API server says in which groups it is.
        let fixed = parted.account.kind == SubjectKind::ServiceAccount;
        let groups = parted.groups.iter().filter(move |_| !fixed).cloned().map(Identity::group);
        std::iter::once(parted.account.clone()).chain(groups)
    })
    .collect()
}

/// What a Plan says of the groups of those who are split, on which what is given rests.
pub fn rests_on_groups(plan: &Plan) -> Vec<String> {
    let of = plan.parted.iter().filter(|parted| {
        !parted.groups.is_empty() && parted.account.kind != SubjectKind::ServiceAccount
    });
    of.map(|parted| {
        format!(
            "what it gives is cut from what the groups {} hold, too: that {} is in them is what the plan \
             says, and is not in the cluster",
            parted.groups.join(", "),
            parted.account
        )
    })
    .collect()
}

/// `user:jane: get secrets in namespace pay; list nodes; and 3 more`, a line for each who gains.
pub(super) fn words(gains: &[Gain]) -> Vec<String> {
    let mut by_who: BTreeMap<&Identity, Vec<String>> = BTreeMap::new();
    for gain in gains {
        let place = gain.scope.namespace().map(|place| format!(" in namespace {place}"));
        let place = place.unwrap_or_default();
        let lines = by_who.entry(&gain.who).or_default();
        lines.extend(gain.rights.iter().map(|right| format!("{}{place}", right_words(right))));
    }
    let line = |(who, lines): (&Identity, Vec<String>)| {
        let more = lines.len().saturating_sub(NAMED);
        let shown: Vec<&str> = lines.iter().take(NAMED).map(String::as_str).collect();
        let rest = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("{who}: {}{rest}", shown.join("; "))
    };
    by_who.into_iter().map(line).collect()
}

/// `get deployments.apps "web"` of a single right.
fn right_words(right: &PolicyRule) -> String {
    let first = |all: &[Name]| all.first().map(ToString::to_string).unwrap_or_default();
    let (verb, resource) = (first(&right.verbs), first(&right.resources));
    if resource.is_empty() {
        return format!("{verb} {}", first(&right.non_resource_urls));
    }
    let group = first(&right.api_groups);
    let dot = if group.is_empty() { "" } else { "." };
    let name = right.resource_names.first().map(|name| format!(" {name:?}")).unwrap_or_default();
    format!("{verb} {resource}{dot}{group}{name}")
}

/// What a Plan would have anybody hold that they do not hold now, and that nobody holds whom it is cut
/// from: in words, a line for each. Of steps that were sent already (`sent`) what they gave does not
/// count as held.
pub fn gains(plan: &Plan, now: &Objects, sent: &[u32]) -> Vec<String> {
    let mut before = now.clone();
    let is_sent = |step: &&Step| sent.contains(&step.id);
    back(&mut before, plan.steps.iter().filter(is_sent));
    let after = applied(plan, &before);
    // What is gone is not edited any more.
    let steps = plan
        .steps
        .iter()
        .filter(|step| step.action != Action::Replace || is_there(&before, &step.target).is_some());
    let all = between(&before, after, steps, &|who| sources(plan, who));
    let mut lines = words(&all);
    if plan.undoes.is_none() {
        lines.extend(named_already(plan, &before));
    }
    lines
}

/// What those hold at once who are made: what bindings that are there already give an account of that
/// name, or all of its namespace.
fn named_already(plan: &Plan, before: &Objects) -> Vec<String> {
    let anew = |step: &&Step| {
        let gone = |other: &Step| other.action == Action::Delete && other.target == step.target;
        step.target.is_account() && step.action == Action::Create && !plan.steps.iter().any(gone)
    };
    let made: Vec<&Step> = plan.steps.iter().filter(anew).collect();
    if made.is_empty() {
        return Vec::new();
    }
    let had = Authorizer::new(before);
    let installed = bootstrap::choose(plan.metadata.cluster.server_version.as_deref(), before);
    let mut lines = Vec::new();
    for step in made {
        let Some(namespace) = step.target.namespace.clone() else { continue };
        let own = Identity::service_account(namespace, step.target.name.clone());
        let of = with_groups(sources(plan, &own).into_iter());
        if of.iter().any(is_masters) {
            continue;
        }
        let groups = own.implicit_groups().into_iter().map(Identity::group);
        let all = std::iter::once(own.clone()).chain(groups.filter(|group| !of.contains(group)));
        for one in all {
            for held in had.direct(&one).into_iter().filter_map(|slot| had.held(slot)) {
                let role = held.role.as_deref();
                let is_own = installed
                    .as_ref()
                    .is_some_and(|chosen| chosen.policy.is_grant(&held.binding, &one, role));
                if is_own || (one != own && held.rules().is_empty()) {
                    continue;
                }
                let (binding, role) = (&held.binding, &held.binding.role_ref);
                let place = binding.meta.namespace.as_ref();
                let place = place.map(|place| format!("{place}/")).unwrap_or_default();
                lines.push(format!(
                    "{own}, which is made: all that {} {place}{} ({} {}) gives {one}",
                    binding.kind.as_str(),
                    binding.meta.name,
                    role.kind,
                    role.name
                ));
            }
        }
    }
    lines
}

/// What those hold by what a run made, by the objects as they are, who would not without it: what that
/// was cut from was taken away before it was made, or since. `later` are the runs after it that were
/// not to take it back, the newest first. Nothing is said of a split whose account holds nothing any
/// more: it was retired.
pub fn kept_beyond(run: Ran<'_>, now: &Objects, later: &[Ran<'_>]) -> Vec<String> {
    let Ran { plan, made } = run;
    if plan.undoes.is_some() {
        return Vec::new();
    }
    let mut after = now.clone();
    for Ran { plan, made } in later {
        super::taken_back(&mut after, plan, made);
    }
    let mut before = after.clone();
    super::taken_back(&mut before, plan, made);
    // What somebody else did to an object since is not the run's.
    let as_made = |step: &&Step| {
        let image = step.after.as_ref().and_then(|image| object(&step.target, image));
        match (image, is_there(&after, &step.target)) {
            (Some(Object::Role(role)), Some(Object::Role(now))) => role.rules == now.rules,
            (Some(Object::Binding(made)), Some(Object::Binding(now))) => {
                made.subjects == now.subjects && made.role_ref == now.role_ref
            }
            _ => false,
        }
    };
    let steps = plan.steps.iter().filter(|step| made.iter().any(|made| made.step == step.id));
    let steps: Vec<&Step> = steps.filter(as_made).collect();
    let authorizer = Authorizer::new(&before);
    let of = |who: &Identity| sources(plan, who);
    let all = between(&before, after.clone(), steps.into_iter(), &of);
    let retired = |gain: &Gain| {
        let from = of(&gain.who);
        !from.is_empty() && !from.iter().any(|one| authorizer.is_subject(one))
    };
    words(&all.into_iter().filter(|gain| !retired(gain)).collect::<Vec<_>>())
}

/// A role or a binding as it is there.
fn is_there(objects: &Objects, target: &Target) -> Option<Object> {
    let place = target.namespace.clone().unwrap_or_else(|| "".into());
    let name = target.name.clone();
    let role = |kind| objects.roles.get(&(kind, place.clone(), name.clone()));
    let binding = |kind| objects.bindings.get(&(kind, place.clone(), name.clone()));
    match &*target.kind {
        "ClusterRole" => Some(Object::Role(Role::clone(role(RoleKind::ClusterRole)?))),
        "Role" => Some(Object::Role(Role::clone(role(RoleKind::Role)?))),
        "ClusterRoleBinding" => {
            Some(Object::Binding(Binding::clone(binding(BindingKind::ClusterRoleBinding)?)))
        }
        "RoleBinding" => Some(Object::Binding(Binding::clone(binding(BindingKind::RoleBinding)?))),
        _ => None,
    }
}
