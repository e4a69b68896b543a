//! What an object says of who wrote it last.

use serde_json::Value;

/// `, last written by the client kubectl-edit at …`, as far as `managedFields` tell. They name a
/// client, not a user.
pub(super) fn who_wrote(object: &Value) -> String {
    let entries = object["metadata"]["managedFields"].as_array().into_iter().flatten();
    let last = entries
        .filter_map(|entry| Some((entry["time"].as_str()?, entry["manager"].as_str()?)))
        .max();
    last.map_or_else(String::new, |(time, manager)| {
        format!(", last written by the client {manager:?} at {time}")
    })
}
