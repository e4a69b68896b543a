//! What a fresh API server serves, for use where the server's own discovery was not given.

use std::sync::{Arc, LazyLock};

use crate::model::Discovery;

/// The version of the server that the table was read from.
pub const BUILTIN_VERSION: &str = "v1.36.3";

/// Read from a fresh API server by `KEYBOOK_UPDATE=1 cargo test --test live builtin_table`, which
/// without the variable proves that the two are equal.
const TABLE: &str = include_str!("builtin-v1.36.json");

static BUILTIN: LazyLock<Arc<Discovery>> = LazyLock::new(|| {
    // The table is part of the program and read by a test: an empty one is only what the type
    // asks for.
    let mut discovery: Discovery = serde_json::from_str(TABLE).unwrap_or_default();
    discovery.builtin = true;
    Arc::new(discovery)
});

/// The built-in table.
pub fn builtin_discovery() -> Arc<Discovery> {
    BUILTIN.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_whole_and_sorted() {
        let discovery = builtin_discovery();
        assert!(discovery.builtin);
        assert!(discovery.resources.len() > 100, "{}", discovery.resources.len());
        let keys: Vec<_> = discovery.resources.iter().map(|r| (&r.group, &r.name)).collect();
        assert!(keys.is_sorted());
        let secrets = discovery
            .resources
            .iter()
            .find(|r| r.group.is_empty() && &*r.name == "secrets")
            .expect("secrets");
        assert!(secrets.namespaced);
    }
}
