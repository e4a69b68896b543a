//! Before anything is written: is everything still as the Plan expects it, may the operator do every
//! step, would the server take it, and could it be taken back.

use serde_json::{Value, json};

use super::look::{Found, look};
use super::read::collection_of;
use super::runner::send;
use crate::change::plan::{Action, Plan, Right, Step, without_server_fields};
use crate::cluster::{self, Cluster, DryRun, Writer};

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// Why it may not be applied. Empty where it may.
    pub problems: Vec<String>,
    /// What has to be known all the same.
    pub notes: Vec<String>,
}

/// Looks and asks; writes nothing. Steps that `skip` names are made already.
///
/// # Errors
/// Where the cluster does not answer.
pub async fn preflight(
    cluster: &dyn Cluster,
    writer: &dyn Writer,
    plan: &Plan,
    skip: &[u32],
) -> Result<Preflight, cluster::Error> {
    let mut found = Preflight::default();
    for step in plan.steps.iter().filter(|step| !skip.contains(&step.id)) {
        one(cluster, writer, step, &mut found).await?;
    }
    Ok(found)
}

async fn one(
    cluster: &dyn Cluster,
    writer: &dyn Writer,
    step: &Step,
    found: &mut Preflight,
) -> Result<(), cluster::Error> {
    let title = format!("step {}: {} {}", step.id, step.action.as_str(), step.target);
    match look(cluster, step).await? {
        Found::Unmade(_) => {}
        Found::Made(_) => {
            let words = format!(
                "{title}: that is how it is already, though not by this plan; make the plan again"
            );
            found.problems.push(words);
            return Ok(());
        }
        Found::Moved(how) => {
            found.problems.push(format!("{title}: {how}; make the plan again"));
            return Ok(());
        }
    }
    let missing = missing(cluster, &step.rights, false).await?;
    if !missing.is_empty() {
        found.problems.push(format!("{title}: you may not {}", missing.join(", nor ")));
        return Ok(());
    }
    match send(writer, step, DryRun::Yes).await {
        Ok(_) => {}
        Err(cluster::Error::Forbidden { cause, .. }) => {
            let bind = self::missing(cluster, &step.rights, true).await?;
            let needs = if bind.is_empty() {
                String::new()
            } else {
                format!(" It takes the right to {}, or every right of the role.", bind.join(", "))
            };
            found.problems.push(format!("{title}: the API server refuses it: {cause}.{needs}"));
        }
        Err(cluster::Error::NotFound { tried }) if step.action != Action::Delete => {
            let bind = self::missing(cluster, &step.rights, true).await?;
            found.problems.push(format!(
                "{title}: {tried}: its role does not exist, which only who may {} may bind",
                bind.join(", ")
            ));
        }
        Err(error @ (cluster::Error::Conflict { .. } | cluster::Error::Invalid { .. })) => {
            found.problems.push(format!("{title}: {error}"));
        }
        Err(error) => return Err(error),
    }
    inverse(cluster, writer, step, &title, found).await
}

/// Whether the operator could take the step back. Deleting takes less right than making again.
async fn inverse(
    cluster: &dyn Cluster,
    writer: &dyn Writer,
    step: &Step,
    title: &str,
    found: &mut Preflight,
) -> Result<(), cluster::Error> {
    let lacks = missing(cluster, &step.inverse.rights, false).await?;
    if !lacks.is_empty() {
        found.notes.push(format!(
            "{title}: you could not take it back: you may not {}. Somebody else would have to",
            lacks.join(", nor ")
        ));
        return Ok(());
    }
    let Some(before) = step.before.as_ref().filter(|_| step.inverse.action == Action::Create)
    else {
        return Ok(());
    };
    if step.target.is_secret() {
        return Ok(());
    }
    // The server asks whether one may give the role before it looks whether the name is taken.
    let again = without_server_fields(before.clone());
    match writer.create(&collection_of(&step.target), &again, DryRun::Yes).await {
        Ok(_) | Err(cluster::Error::Conflict { .. }) => Ok(()),
        Err(cluster::Error::Forbidden { .. } | cluster::Error::NotFound { .. }) => {
            let bind = missing(cluster, &step.inverse.rights, true).await?;
            found.notes.push(format!(
                "{title}: you could not take it back: that takes the right to {}, or every right of \
                 the role. Somebody else would have to",
                bind.join(", ")
            ));
            Ok(())
        }
        Err(error) => Err(error),
    }
}

/// The rights among these that the operator does not have, in words.
async fn missing(
    cluster: &dyn Cluster,
    rights: &[Right],
    or_held: bool,
) -> Result<Vec<String>, cluster::Error> {
    let mut missing = Vec::new();
    for right in rights.iter().filter(|right| right.or_held == or_held) {
        let answer = cluster.review(&review(right)).await?;
        if answer["status"]["allowed"] != Value::Bool(true) {
            missing.push(right.to_string());
        }
    }
    Ok(missing)
}

fn review(right: &Right) -> Value {
    json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": right.verb, "group": right.group, "resource": right.resource,
            "namespace": right.namespace, "name": right.name,
        }},
    })
}
