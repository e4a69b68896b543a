//! Looking again: is every object as it was left, and does the API server answer as it should.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::look::{on_its_way_out, settled, there};
use super::preflight::AT_ONCE;
use super::read::{Images, image};
use super::words::who_wrote;
use crate::change::plan::{
    Action, Check, Ending, Followed, Intent, Made, Plan, Step, Target, meanwhile,
};
use crate::cluster::{self, Cluster};
use crate::model::Identity;

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Differs {
    /// What was looked at.
    pub what: String,
    /// How it is.
    pub how: String,
    /// False where that could not be asked.
    pub known: bool,
}

/// So many times the patience is had where rbac-manager has to follow first.
const FOLLOWING: u32 = 3;

/// How often access is asked about again, while it is not as it should be.
const AGAIN: Duration = Duration::from_millis(100);

/// Looks at everything that was made, and asks what the Plan says. A change of RBAC takes a moment
/// until the authorizer knows it: up to `patience`, an answer that is not the right one is asked for
/// again. Where rbac-manager has to follow an edit of its definition, up to [`FOLLOWING`] times that.
///
/// # Errors
/// Where the cluster does not answer.
pub async fn verify(
    cluster: &dyn Cluster,
    plan: &Plan,
    made: &[Made],
    patience: Duration,
) -> Result<Vec<Differs>, cluster::Error> {
    let steps: BTreeMap<u32, &Step> = plan.steps.iter().map(|step| (step.id, step)).collect();
    let target = |made: &Made| steps.get(&made.step).map(|step| &step.target);
    // What was deleted and made again is looked at as it was made.
    let lasts: BTreeMap<Option<&Target>, usize> =
        made.iter().enumerate().map(|(at, one)| (target(one), at)).collect();
    let last = made.iter().enumerate().filter(|(at, one)| lasts.get(&target(one)) == Some(at));
    // What rbac-manager was about to make of the definition before, it takes away once it has read it
    // again.
    let follows = plan.steps.iter().any(|step| step.target.is_definition());
    let patience = if follows { patience * FOLLOWING } else { patience };
    let until = tokio::time::Instant::now() + patience;
    let last: Vec<(&Step, &Made)> = last
        .filter_map(|(_, made)| steps.get(&made.step).map(|step| (*step, made)))
        // A token is no object; the Secret that it is bound to is one.
        .filter(|(step, _)| !step.target.is_credential())
        .collect();
    let images = Images::of(cluster, last.iter().map(|(step, _)| &step.target)).await;
    let images = &images;
    let looked = last.into_iter().map(|(step, made)| async move {
        let now = there(images.image(&step.target).await)?;
        in_time(cluster, plan, (step, made, now), until).await
    });
    let mut looked = stream::iter(looked).buffered(AT_ONCE);
    let mut differs = Vec::new();
    while let Some(found) = looked.next().await {
        differs.extend(found?);
    }
    let of = &plan.verification;
    let all =
        [(&of.denied, false), (&of.still_denied, false), (&of.allowed, true), (&of.again, true)];
    let all = all.into_iter().flat_map(|(checks, want)| checks.iter().map(move |one| (one, want)));
    let asked =
        all.map(|(check, want)| async move { (check, access(cluster, check, want, until).await) });
    let mut asked = stream::iter(asked).buffered(AT_ONCE);
    while let Some((check, answer)) = asked.next().await {
        match answer {
            Ok(None) => {}
            Ok(Some(how)) => differs.push(Differs { what: check.words(), how, known: true }),
            Err(cluster::Error::Forbidden { .. }) => {
                differs.push(Differs {
                    what: "access reviews".to_owned(),
                    how: "not asked: you may not create subjectaccessreviews".to_owned(),
                    known: false,
                });
                return Ok(differs);
            }
            Err(error) => return Err(error),
        }
    }
    drop(asked);
    let all =
        of.unnamed.iter().map(|one| (one, false)).chain(of.named.iter().map(|one| (one, true)));
    let looked = all.map(|(one, want)| followed(cluster, one, want, until));
    let mut looked = stream::iter(looked).buffered(AT_ONCE);
    while let Some(found) = looked.next().await {
        differs.extend(found?);
    }
    Ok(differs)
}

/// Whether who makes a binding has followed; None where it has.
async fn followed(
    cluster: &dyn Cluster,
    one: &Followed,
    want: bool,
    until: tokio::time::Instant,
) -> Result<Option<Differs>, cluster::Error> {
    loop {
        let now = there(image(cluster, &one.binding).await)?;
        if one.is_named(now.as_ref()) == want {
            return Ok(None);
        }
        if tokio::time::Instant::now() >= until {
            let still = if want { "does not name" } else { "still names" };
            let how = format!(
                "it {still} {}: rbac-manager has not made it as its RBACDefinition says, if it runs{}",
                one.subject,
                now.as_ref().map(who_wrote).unwrap_or_default()
            );
            return Ok(Some(Differs { what: one.binding.to_string(), how, known: true }));
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// The same as [`one`], of the object as it is now; a binding beside a definition has until then to be so.
async fn in_time(
    cluster: &dyn Cluster,
    plan: &Plan,
    (step, made, mut now): (&Step, &Made, Option<Value>),
    until: tokio::time::Instant,
) -> Result<Option<Differs>, cluster::Error> {
    let waits =
        step.target.is_binding() && plan.steps.iter().any(|step| step.target.is_definition());
    loop {
        let found = one(plan, step, made, now.as_ref());
        if found.is_none() || !waits || tokio::time::Instant::now() >= until {
            return Ok(found);
        }
        tokio::time::sleep(AGAIN).await;
        now = there(image(cluster, &step.target).await)?;
    }
}

/// What is not as it was left, if anything.
fn one(plan: &Plan, step: &Step, made: &Made, now: Option<&Value>) -> Option<Differs> {
    let how = match (&made.left, now) {
        (None, None) => return None,
        (Some(left), Some(now)) if settled(step, left) == settled(step, now) => return None,
        // The cluster makes it again by itself, as another: that is what was wanted.
        (None, Some(now)) if renewed(plan, step, now) => return None,
        (None, Some(now)) if step.action == Action::Delete => {
            is_back(&step.target, step.precondition.uid.as_deref(), now)
        }
        (_, Some(now)) => format!("it reads otherwise{}", who_wrote(now)),
        (Some(_), None) => "it is gone".to_owned(),
    };
    Some(Differs { what: step.target.to_string(), how, known: true })
}

/// Whether it is an account that was to be made anew, and is another now.
fn renewed(plan: &Plan, step: &Step, now: &Value) -> bool {
    let Some(namespace) = step.target.namespace.clone().filter(|_| step.target.is_account()) else {
        return false;
    };
    let own = Identity::service_account(namespace, step.target.name.clone());
    let renew = Intent::Account { identity: own, how: Ending::Renew };
    plan.intents.contains(&renew)
        && now["metadata"]["uid"].as_str() != step.precondition.uid.as_deref()
}

fn is_back(target: &Target, uid: Option<&str>, now: &Value) -> String {
    let meta = &now["metadata"];
    if meta["uid"].as_str() == uid && !meta["deletionTimestamp"].is_null() {
        let held = on_its_way_out(now).unwrap_or_default();
        return format!("{held}: {}", meanwhile(target));
    }
    format!("it is there again{}", who_wrote(now))
}

/// Why an answer is not the one that is wanted; None where it is.
async fn access(
    cluster: &dyn Cluster,
    check: &Check,
    want: bool,
    until: tokio::time::Instant,
) -> Result<Option<String>, cluster::Error> {
    loop {
        let answer = cluster.review(&check.review()).await?;
        let status = &answer["status"];
        if (status["allowed"] == Value::Bool(true)) == want {
            return Ok(None);
        }
        if tokio::time::Instant::now() >= until {
            let reason = status["reason"].as_str().unwrap_or_default();
            let is = if want { "refused" } else { "allowed" };
            return Ok(Some(format!("{is} {reason}").trim_end().to_owned()));
        }
        tokio::time::sleep(AGAIN).await;
    }
}
