//! Whether a Plan leaves nobody, or who applies it, without a way back in.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Action as Write;
use super::edit::object;
use super::make::Operator;
use super::{LockOut, Plan, Right, Step};
use crate::model::{Identity, Name, Objects, PolicyRule, Scope, SubjectKind};
use crate::rbac::{Action, Attributes, Authorizer};

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
) -> Option<LockOut> {
    let (had, have) = (admins(before), admins(after));
    if let Some(operator) = operator
        && !operator.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS)
        && let Some(what) = of_operator((before, &had), (after, &have), steps, operator)
    {
        return Some(LockOut { what, sentence: format!("lock myself out of {cluster}") });
    }
    let (had, have) = (people(&had), people(&have));
    if have.is_empty() && !had.is_empty() {
        let names: Vec<String> = had.iter().take(5).map(ToString::to_string).collect();
        return Some(LockOut {
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
pub fn locks_out(plan: &Plan, now: &Objects, operator: Option<&Operator>) -> Option<LockOut> {
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
    let (before, after) = (Authorizer::new(now), Authorizer::new(&after));
    find(&before, &after, &plan.steps, operator, &plan.metadata.cluster.name)
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
    let ends = |step: &&Step| {
        let of = &step.target;
        let account = of.namespace.clone().filter(|_| of.is_account());
        let account = account.map(|place| Identity::service_account(place, of.name.clone()));
        let user = account.as_ref().and_then(Identity::user_name);
        step.action == Write::Delete && user.as_ref() == Some(who)
    };
    if steps.iter().any(|step| ends(&step)) {
        return Some(format!(
            "{who}, who makes this change, is the account that it deletes: nothing could be done \
             with its token afterwards"
        ));
    }
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
