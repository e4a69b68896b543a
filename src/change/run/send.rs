//! Sending the write of a step, once.

use serde_json::Value;

use super::read::{collection_of, path_of, secret_image};
use crate::change::plan::{Action, Step, stored, without_server_fields};
use crate::cluster::{self, DryRun, Preconditions, Writer};

/// Whether a request that failed so may have been carried out all the same.
pub(super) fn may_have_been_made(error: &cluster::Error) -> bool {
    match error {
        cluster::Error::Busy { status, .. } => *status != 429,
        cluster::Error::Unreachable { .. }
        | cluster::Error::TooLong { .. }
        | cluster::Error::Failed { .. } => true,
        _ => false,
    }
}

/// Sends the write of a step, once; gives the object as it was left, None where it is gone.
pub(super) async fn send(
    writer: &dyn Writer,
    step: &Step,
    dry: DryRun,
) -> Result<Option<Value>, cluster::Error> {
    let nothing = Value::Null;
    let after = step.after.as_ref().unwrap_or(&nothing);
    let left = match step.action {
        Action::Create => writer.create(&collection_of(&step.target), after, dry).await?,
        Action::Replace if step.target.is_secret() => {
            writer.patch(&path_of(&step.target), &label_patch(step), dry).await?
        }
        Action::Replace => writer.replace(&path_of(&step.target), after, dry).await?,
        Action::Delete => {
            let only = Preconditions {
                uid: step.precondition.uid.clone(),
                resource_version: step.precondition.resource_version.clone(),
            };
            writer.delete(&path_of(&step.target), &only, dry).await?;
            return Ok(None);
        }
    };
    Ok(Some(stored(if step.target.is_secret() { secret_image(&left) } else { left })))
}

/// The labels of a Secret as they will be, with what it must be for that.
fn label_patch(step: &Step) -> Value {
    let labels = |image: Option<&Value>| {
        let image = image.cloned().map(without_server_fields).unwrap_or_default();
        match &image["metadata"]["labels"] {
            Value::Object(labels) => labels.clone(),
            _ => serde_json::Map::new(),
        }
    };
    let (before, mut changed) = (labels(step.before.as_ref()), labels(step.after.as_ref()));
    for (label, value) in before {
        match changed.get(&label) {
            Some(after) if *after == value => drop(changed.remove(&label)),
            Some(_) => {}
            None => drop(changed.insert(label, Value::Null)),
        }
    }
    let mut metadata = serde_json::json!({ "labels": changed });
    for (field, value) in
        [("uid", &step.precondition.uid), ("resourceVersion", &step.precondition.resource_version)]
    {
        if let Some(value) = value {
            metadata[field] = Value::from(&**value);
        }
    }
    serde_json::json!({ "metadata": metadata })
}
