//! Whether a Plan leaves nobody, or who applies it, without a way back in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Followed;
use super::edit::object;
use super::make::Operator;
use super::mapping;
use super::{Plan, Right, Risk, Step};
use crate::credentials::{Mapping, mappings};
use crate::model::{Identity, Name, Object, Objects, PolicyRule, Scope, SubjectKind};
use crate::rbac::{Action, Attributes, Authorizer};

mod credential;

/// All verbs on everything, cluster-wide.
fn is_all(rule: &PolicyRule) -> bool {
    let star = |list: &[Name]| list.iter().any(|name| &**name == "*");
    star(&rule.verbs)
        && star(&rule.api_groups)
        && star(&rule.resources)
        && rule.resource_names.is_empty()
}

/// Who is given everything by RBAC. `system:masters` is left out: it is allowed everything ahead of
/// RBAC, which no plan changes and which helps only who has a certificate of it.
fn admins(authorizer: &Authorizer) -> BTreeSet<&Identity> {
    let all = authorizer
        .all()
        .filter(|(_, held)| held.scope == Scope::Cluster && held.rules().iter().any(is_all));
    all.map(|(_, held)| &held.identity)
        .filter(|identity| {
            identity.kind != SubjectKind::Group || &*identity.name != Identity::SYSTEM_MASTERS
        })
        .collect()
}

/// Somebody who can log in as a person: a pod's account is no way back in for anybody.
fn people<'a>(admins: &BTreeSet<&'a Identity>) -> Vec<&'a Identity> {
    admins.iter().copied().filter(|one| one.kind != SubjectKind::ServiceAccount).collect()
}

/// Whom these steps lock out, if anybody.
pub(super) fn find(
    before: &Authorizer,
    after: &Authorizer,
    steps: &[Step],
    operator: Option<&Operator>,
    cluster: &str,
) -> Option<Risk> {
    let (had, have) = (admins(before), admins(after));
    if let Some(lock_out) = of_mappings((&had, &have), steps, operator, cluster) {
        return Some(lock_out);
    }
    // No group helps who has no credential any more.
    if let Some(operator) = operator
        && let Some(what) = credential::ended(steps, operator)
    {
        return Some(Risk { what, sentence: format!("lock myself out of {cluster}") });
    }
    if let Some(operator) = operator
        && !operator.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS)
        && let Some(what) = of_operator((before, &had), (after, &have), steps, operator)
    {
        return Some(Risk { what, sentence: format!("lock myself out of {cluster}") });
    }
    let (had, have) = (people(&had), people(&have));
    if have.is_empty() && !had.is_empty() {
        let names: Vec<String> = had.iter().take(5).map(ToString::to_string).collect();
        return Some(Risk {
            what: format!(
                "nobody is left who may do everything by RBAC but accounts of pods, if any; it was {}. \
                 Only a certificate of system:masters would be a way back in",
                names.join(", ")
            ),
            sentence: format!("lock everybody out of {cluster}"),
        });
    }
    None
}

/// The same of a Plan that is about to be applied, perhaps by somebody else, to the objects as they
/// are now.
pub fn locks_out(plan: &Plan, now: &Objects, operator: Option<&Operator>) -> Option<Risk> {
    let after = applied(plan, now);
    let (before, after) = (Authorizer::new(now), Authorizer::new(&after));
    find(&before, &after, &plan.steps, operator, &plan.metadata.cluster.name)
}

/// Objects as a Plan leaves them.
pub(super) fn applied(plan: &Plan, now: &Objects) -> Objects {
    let mut after = now.clone();
    for step in plan.steps.iter().filter(|step| !step.target.is_secret()) {
        let image = |image: Option<&Value>| object(&step.target, image?);
        if let Some(gone) = image(step.before.as_ref()) {
            after.remove(&gone);
        }
        if let Some(there) = image(step.after.as_ref()) {
            after.insert(there);
        }
    }
    for followed in &plan.verification.unnamed {
        follow(&mut after, followed);
    }
    after
}

/// What rbac-manager will take out of a binding.
fn follow(objects: &mut Objects, followed: &Followed) {
    let Some(binding) = followed.key().and_then(|key| objects.bindings.get(&key).cloned()) else {
        return;
    };
    let mut binding = (*binding).clone();
    let namespace = binding.meta.namespace.clone();
    let stays = |one: Option<Identity>| one.as_ref() != Some(&followed.subject);
    binding.subjects.retain(|subject| stays(subject.identity(namespace.as_ref())));
    objects.insert(Object::Binding(binding));
}

/// Whom it locks out that entries of `aws-auth`, or groups of them, go: nodes, who makes the change, all
/// who may do everything. What else lets them in (access entries of EKS, who made the cluster) is not
/// seen from the cluster.
fn of_mappings(
    (had, have): (&BTreeSet<&Identity>, &BTreeSet<&Identity>),
    steps: &[Step],
    operator: Option<&Operator>,
    cluster: &str,
) -> Option<Risk> {
    const UNSEEN: &str = "An access entry of EKS, or having made the cluster, may still let them in; that \
                          is not seen from here";
    let step = steps.iter().find(|step| step.target.is_aws_auth())?;
    let of = |image: Option<&Value>| {
        image.and_then(mapping::read).map(|map| mappings(&map.data)).unwrap_or_default()
    };
    let (before, after) = (of(step.before.as_ref()), of(step.after.as_ref()));
    let lost: Vec<&Mapping> = before
        .iter()
        .filter(|one| {
            let stays = |other: &Mapping| {
                other.field == one.field
                    && other.principal == one.principal
                    && other.identity == one.identity
                    && one.groups.iter().all(|group| other.groups.contains(group))
            };
            !after.iter().any(stays)
        })
        .collect();
    let is_operators = |one: &&&Mapping| {
        operator.is_some_and(|operator| {
            one.identity.user_name().as_ref() == Some(&operator.user) || one.makes(&operator.user)
        })
    };
    if let Some(own) = lost.iter().find(is_operators) {
        let who = operator.map_or("", |operator| &*operator.user);
        return Some(Risk {
            what: format!(
                "{who}, who makes this change, comes in by the entry of aws-auth for {}, which it takes \
                 out or cuts. {UNSEEN}",
                own.principal
            ),
            sentence: format!("lock myself out of {cluster}"),
        });
    }
    if let Some(nodes) = lost.iter().find(|one| one.is_of_nodes()) {
        return Some(Risk {
            what: format!(
                "nodes come in by the entry of aws-auth for {}: without it the API server refuses their \
                 kubelets, the nodes are told to be not ready after a minute, and their pods are moved \
                 away. {UNSEEN}",
                nodes.principal
            ),
            sentence: format!("cut nodes off from {cluster}"),
        });
    }
    let leads = |one: &&Mapping, admins: &BTreeSet<&Identity>| {
        let all = |group: &Name| {
            &**group == Identity::SYSTEM_MASTERS || admins.contains(&Identity::group(group.clone()))
        };
        admins.contains(&one.identity) || one.groups.iter().any(all)
    };
    let led: Vec<&Mapping> = before.iter().filter(|one| leads(one, had)).collect();
    if led.is_empty() || lost.is_empty() || after.iter().any(|one| leads(&one, have)) {
        return None;
    }
    let names: Vec<&str> = led.iter().take(5).map(|one| &*one.principal).collect();
    Some(Risk {
        what: format!(
            "no entry of aws-auth is left that leads to who may do everything; it was {}. {UNSEEN}",
            names.join(", ")
        ),
        sentence: format!("lock everybody out of {cluster}"),
    })
}

fn of_operator(
    (before, had): (&Authorizer, &BTreeSet<&Identity>),
    (after, have): (&Authorizer, &BTreeSet<&Identity>),
    steps: &[Step],
    operator: &Operator,
) -> Option<String> {
    let is = |identity: &&Identity| match identity.kind {
        SubjectKind::Group => operator.groups.contains(&identity.name),
        _ => identity.user_name().as_ref() == Some(&operator.user),
    };
    let who = &operator.user;
    if had.iter().any(is) && !have.iter().any(is) {
        return Some(format!(
            "{who}, who makes this change, may do everything now and not afterwards"
        ));
    }
    let may = |authorizer: &Authorizer, right: &Right| {
        let groups: Vec<&str> = operator.groups.iter().map(|group| &**group).collect();
        let (resource, subresource) =
            right.resource.split_once('/').unwrap_or((&right.resource, ""));
        let action = Action::Resource {
            group: &right.group,
            resource,
            subresource,
            namespace: &right.namespace,
            name: &right.name,
        };
        let attributes =
            Attributes { user: &operator.user, groups: &groups, verb: &right.verb, action };
        authorizer.decide(&attributes).allowed()
    };
    let rights = steps.iter().flat_map(|step| &step.inverse.rights);
    let lost = rights.filter(|right| !right.or_held && may(before, right) && !may(after, right));
    let lost: BTreeSet<String> = lost.map(ToString::to_string).collect();
    let first = lost.iter().next()?;
    Some(format!(
        "{who}, who makes this change, could not take it back: the right to {first} goes with it"
    ))
}
