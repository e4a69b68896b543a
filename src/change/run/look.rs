//! Whether a write was made, told from the object itself.

use serde_json::Value;

use super::read::image;
use super::words::who_wrote;
use crate::change::plan::{Action, Step, stored, without_server_fields};
use crate::cluster::{self, Cluster};

/// Written by the token controller into the Secret of an account's token.
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

/// Places that are named where two objects differ, at most.
const PLACES: usize = 4;

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
    there(image(cluster, &step.target).await).map(|now| judge(step, now))
}

/// The image of an object, None where there is none.
pub(super) fn there(
    answer: Result<Value, cluster::Error>,
) -> Result<Option<Value>, cluster::Error> {
    match answer {
        Ok(image) => Ok(Some(image)),
        Err(cluster::Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn judge(step: &Step, now: Option<Value>) -> Found {
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
        return if let Some(held) = on_its_way_out(&now) {
            Found::Moved(format!("{target} is still there: {held}"))
        } else if as_wanted {
            Found::Made(Some(now))
        } else {
            Found::Moved(format!("{target} is there again, and reads otherwise{by}"))
        };
    }
    if !is("uid", only.uid.as_deref()) {
        return Found::Moved(format!("{target} was deleted and made again{by}"));
    }
    if let Some(held) = on_its_way_out(&now) {
        return match step.action {
            // A deletion is taken once; what it waits for is not keybook's.
            Action::Delete => Found::Made(None),
            _ => Found::Moved(format!("{target} cannot be changed any more: {held}")),
        };
    }
    let version = only.resource_version.as_deref();
    if version.is_some() && is("resourceVersion", version) {
        // Of one version there is one text. A plan that has another was not made from this object: what
        // it shows, and what undoing it would put back, is not what was there.
        return match &step.before {
            Some(before) if *before == now => Found::Unmade(Some(now)),
            before => Found::Moved(format!(
                "{target} never read as the plan says it did before ({}): the plan was edited",
                differing(before.as_ref().unwrap_or(&Value::Null), &now)
            )),
        };
    }
    if as_wanted {
        return Found::Made(Some(now));
    }
    // Where its version does not count, because others write to it all the time, what it says does.
    let before = step.before.as_ref().filter(|_| version.is_none());
    if before.is_some_and(|before| settled(step, before) == settled(step, &now)) {
        return Found::Unmade(Some(now));
    }
    Found::Moved(format!("{target} was changed since the plan was made{by}"))
}

/// Equal but for what the server sets.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    without_server_fields(one.clone()) == without_server_fields(other.clone())
}

/// An object without what controllers write to it by themselves: the Secrets of an account, and in a
/// Secret with a token the UID of its account.
pub(super) fn settled(step: &Step, object: &Value) -> Value {
    let mut object = without_server_fields(object.clone());
    if step.target.is_account()
        && let Some(all) = object.as_object_mut()
    {
        all.remove("secrets");
        all.remove("imagePullSecrets");
    }
    if step.target.is_secret()
        && let Some(Value::Object(all)) = object.pointer_mut("/metadata/annotations")
    {
        all.remove(ACCOUNT_UID);
    }
    object
}

/// That an object waits for its deletion, and for whom; None where it does not.
pub(super) fn on_its_way_out(object: &Value) -> Option<String> {
    let meta = &object["metadata"];
    let since = meta["deletionTimestamp"].as_str()?;
    let finalizers: Vec<&str> =
        meta["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let held = if finalizers.is_empty() {
        "goes within moments".to_owned()
    } else {
        format!(
            "goes as soon as whoever set its finalizers ({}) has taken them off",
            finalizers.join(", ")
        )
    };
    Some(format!("it is being deleted since {since}, and {held}"))
}

/// Where two objects differ: the first few places, never what is there.
fn differing(one: &Value, other: &Value) -> String {
    let mut places = Vec::new();
    compare("", one, other, &mut places);
    places.sort();
    if places.is_empty() {
        return "it differs in a field that says nothing".to_owned();
    }
    let more = places.len().saturating_sub(PLACES);
    places.truncate(PLACES);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("it differs in {}{rest}", places.join(", "))
}

fn compare(place: &str, one: &Value, other: &Value, into: &mut Vec<String>) {
    let under =
        |key: &str| if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") };
    match (one, other) {
        _ if one == other => {}
        (Value::Object(one), Value::Object(other)) => {
            let keys: std::collections::BTreeSet<&String> =
                one.keys().chain(other.keys()).collect();
            for key in keys {
                let of = |all: &serde_json::Map<String, Value>| all.get(key).cloned();
                let (one, other) = (of(one).unwrap_or_default(), of(other).unwrap_or_default());
                compare(&under(key), &one, &other, into);
            }
        }
        _ => into.push(if place.is_empty() { "all of it".to_owned() } else { place.to_owned() }),
    }
}
