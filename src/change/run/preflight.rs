//! Before anything is written: is everything still as the Plan expects it, may the operator do every
//! step, would the server take it, and could it be taken back.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::look::{Found, judge, there};
use super::read::{Images, collection_of};
use super::send::send;
use crate::change::plan::{Action, Plan, Reversibility, Right, Step, without_server_fields};
use crate::cluster::{self, Cluster, DryRun, Writer};

/// Steps that are asked about at once, at most.
pub(super) const AT_ONCE: usize = 8;

/// A name that no rule gives: who may do something to an object so called may to every one.
const ANY: &str = "named-by-no-rule.keybook";

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
    let steps = plan.steps.iter().filter(|step| !skip.contains(&step.id));
    let images = Images::of(cluster, steps.clone().map(|step| &step.target)).await;
    let rights = Rights { cluster, images, plan, wide: Mutex::default() };
    let rights = &rights;
    let asked = steps.map(|step| async move {
        let mut found = Preflight::default();
        one(rights, writer, step, &mut found).await.map(|()| found)
    });
    let mut asked = stream::iter(asked).buffered(AT_ONCE);
    let mut all = Preflight::default();
    while let Some(found) = asked.next().await {
        let found = found?;
        all.problems.extend(found.problems);
        all.notes.extend(found.notes);
    }
    Ok(all)
}

async fn one(
    rights: &Rights<'_>,
    writer: &dyn Writer,
    step: &Step,
    found: &mut Preflight,
) -> Result<(), cluster::Error> {
    let title = format!("step {}: {} {}", step.id, step.action.as_str(), step.target);
    if step.target.is_credential() {
        // The API server would make one whatever is said of a trial: only the rights are asked for.
        let missing = rights.missing(&step.rights, false).await?;
        if !missing.is_empty() {
            found.problems.push(format!("{title}: you may not {}", missing.join(", nor ")));
        }
        return Ok(());
    }
    if rights.comes_again(step) {
        // What is there now is what goes before it.
        let missing = rights.missing(&step.rights, false).await?;
        if !missing.is_empty() {
            found.problems.push(format!("{title}: you may not {}", missing.join(", nor ")));
        }
        return Ok(());
    }
    match judge(step, there(rights.images.image(&step.target).await)?) {
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
    let missing = rights.missing(&step.rights, false).await?;
    if !missing.is_empty() {
        found.problems.push(format!("{title}: you may not {}", missing.join(", nor ")));
        return Ok(());
    }
    match send(writer, step, DryRun::Yes).await {
        Ok(_) => {}
        Err(cluster::Error::Forbidden { cause, .. }) => {
            let bind = rights.missing(&step.rights, true).await?;
            let needs = if bind.is_empty() {
                String::new()
            } else {
                format!(" It takes the right to {}, or every right of the role.", bind.join(", "))
            };
            found.problems.push(format!("{title}: the API server refuses it: {cause}.{needs}"));
        }
        Err(cluster::Error::NotFound { .. }) if let Some(making) = rights.making_role(step) => {
            // It will be there by then. Who could make it without being allowed to escalate holds
            // all of it, and may give it.
            let bind = rights.missing(&step.rights, true).await?;
            if !bind.is_empty() && rights.missing(&making.rights, true).await?.is_empty() {
                found.notes.push(format!(
                    "{title}: you may not {}; whether you hold every right of the role, which does as \
                     well, shows once it is there. If not, the run stops before anything is taken away",
                    bind.join(", ")
                ));
            }
        }
        Err(cluster::Error::NotFound { tried })
            if step.action == Action::Create && !step.target.is_binding() =>
        {
            found.problems.push(format!("{title}: {tried}: the namespace does not exist"));
        }
        Err(cluster::Error::NotFound { tried }) if step.action != Action::Delete => {
            let bind = rights.missing(&step.rights, true).await?;
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
    inverse(rights, writer, step, &title, found).await
}

/// Whether the operator could take the step back. Deleting takes less right than making again.
async fn inverse(
    rights: &Rights<'_>,
    writer: &dyn Writer,
    step: &Step,
    title: &str,
    found: &mut Preflight,
) -> Result<(), cluster::Error> {
    if step.reversibility == Reversibility::Irreversible {
        return Ok(());
    }
    let lacks = rights.missing(&step.inverse.rights, false).await?;
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
            let bind = rights.missing(&step.inverse.rights, true).await?;
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

/// What the operator may do, asked once for all objects of a kind in a place where that is allowed.
struct Rights<'a> {
    cluster: &'a dyn Cluster,
    images: Images<'a>,
    plan: &'a Plan,
    wide: Mutex<BTreeMap<Right, bool>>,
}

impl Rights<'_> {
    /// Whether the same plan deletes what the step makes.
    fn comes_again(&self, step: &Step) -> bool {
        let gone = |other: &Step| other.action == Action::Delete && other.target == step.target;
        step.action == Action::Create && self.plan.steps.iter().any(gone)
    }

    /// The step that makes the role which a step's binding gives, where the same plan does.
    fn making_role(&self, step: &Step) -> Option<&Step> {
        let role = step.after.as_ref()?.get("roleRef")?;
        self.plan.steps.iter().find(|made| {
            made.action == Action::Create
                && role["kind"] == *made.target.kind
                && role["name"] == *made.target.name
                && (made.target.namespace.is_none()
                    || made.target.namespace == step.target.namespace)
        })
    }

    /// Those among these that the operator does not have, in words.
    async fn missing(
        &self,
        rights: &[Right],
        or_held: bool,
    ) -> Result<Vec<String>, cluster::Error> {
        let mut missing = Vec::new();
        for right in rights.iter().filter(|right| right.or_held == or_held) {
            if !self.has(right).await? {
                missing.push(right.to_string());
            }
        }
        Ok(missing)
    }

    async fn has(&self, right: &Right) -> Result<bool, cluster::Error> {
        // Asked without a name, a rule with the empty one among its names would say yes; a creation
        // carries none.
        let name = if &*right.verb == "create" && !right.resource.contains('/') { "" } else { ANY };
        let any = Right { name: name.into(), ..right.clone() };
        let mut wide = self.wide.lock().await;
        let of_all = if let Some(known) = wide.get(&any) {
            *known
        } else {
            let answer = self.ask(&any).await?;
            wide.insert(any, answer);
            answer
        };
        drop(wide);
        Ok(of_all || (!right.name.is_empty() && self.ask(right).await?))
    }

    async fn ask(&self, right: &Right) -> Result<bool, cluster::Error> {
        let answer = self.cluster.review(&review(right)).await?;
        Ok(answer["status"]["allowed"] == Value::Bool(true))
    }
}

fn review(right: &Right) -> Value {
    let (resource, subresource) = right.resource.split_once('/').unwrap_or((&right.resource, ""));
    json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "verb": right.verb, "group": right.group, "resource": resource,
            "subresource": subresource, "namespace": right.namespace, "name": right.name,
        }},
    })
}
