//! Whether a write was made, told from the object itself.

use serde_json::Value;

use super::read::image;
use super::words::who_wrote;
use crate::change::plan::{Action, Step, stored, without_server_fields};
use crate::cluster::{self, Cluster};

/// How an object stands to a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// As the step leaves it.
    Made(Option<Value>),
    /// As the step expects it.
    Unmade(Option<Value>),
    /// Neither: somebody else was there. In words.
    Moved(String),
}

/// Looks at the object of a step.
///
/// # Errors
/// Where the cluster does not answer.
pub(super) async fn look(cluster: &dyn Cluster, step: &Step) -> Result<Found, cluster::Error> {
    let now = match image(cluster, &step.target).await {
        Ok(image) => Some(image),
        Err(cluster::Error::NotFound { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok(judge(step, now))
}

fn judge(step: &Step, now: Option<Value>) -> Found {
    let target = &step.target;
    let Some(now) = now else {
        return match step.action {
            Action::Create => Found::Unmade(None),
            Action::Delete => Found::Made(None),
            Action::Replace => Found::Moved(format!("{target} is gone: somebody deleted it")),
        };
    };
    let is = |field: &str, want: Option<&str>| now["metadata"][field].as_str() == want;
    let by = who_wrote(&now);
    let as_wanted = step.after.as_ref().is_some_and(|after| same(&now, after));
    let now = stored(now.clone());
    let only = &step.precondition;
    if step.action == Action::Create {
        return if as_wanted {
            Found::Made(Some(now))
        } else {
            Found::Moved(format!("{target} is there again, and reads otherwise{by}"))
        };
    }
    if !is("uid", only.uid.as_deref()) {
        return Found::Moved(format!("{target} was deleted and made again{by}"));
    }
    let version = only.resource_version.as_deref();
    let as_before = step.before.as_ref().is_some_and(|before| same(&now, before));
    if version.is_some() && is("resourceVersion", version) {
        return Found::Unmade(Some(now));
    }
    if as_wanted {
        return Found::Made(Some(now));
    }
    // Where its version does not count, because others write to it all the time, what it says does.
    if version.is_none() && (as_before || step.action == Action::Delete) {
        return Found::Unmade(Some(now));
    }
    Found::Moved(format!("{target} was changed since the plan was made{by}"))
}

/// Equal but for what the server sets.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    without_server_fields(one.clone()) == without_server_fields(other.clone())
}
