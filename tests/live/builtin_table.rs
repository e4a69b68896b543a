//! The built-in table of resources is what a fresh API server serves.

use std::collections::BTreeMap;

use keybook::model::{ApiResource, Discovery};
use keybook::rbac::query::{BUILTIN_VERSION, builtin_discovery};
use serde_json::{Value, json};

use crate::support::cluster::{Cluster, Options};

/// Everything that a server lists, all versions of a group folded.
fn listed(cluster: &Cluster) -> Vec<ApiResource> {
    let get = |path: &str| -> Value {
        serde_json::from_str(&cluster.kubectl_ok(&["get", "--raw", path])).expect("JSON")
    };
    let mut places = vec![(String::new(), "/api/v1".to_owned())];
    for group in get("/apis")["groups"].as_array().expect("groups") {
        for version in group["versions"].as_array().expect("versions") {
            let text = |value: &Value| value.as_str().expect("text").to_owned();
            places
                .push((text(&group["name"]), format!("/apis/{}", text(&version["groupVersion"]))));
        }
    }
    let mut found: BTreeMap<(String, String), ApiResource> = BTreeMap::new();
    for (group, place) in places {
        for listed in get(&place)["resources"].as_array().expect("resources") {
            let resource: ApiResource = serde_json::from_value(json!({
                "group": group,
                "name": listed["name"],
                "singular": listed["singularName"],
                "shortNames": listed.get("shortNames").unwrap_or(&json!([])),
                "kind": listed["kind"],
                "namespaced": listed["namespaced"],
                "verbs": listed["verbs"],
            }))
            .expect("a resource");
            let key = (group.clone(), resource.name.to_string());
            let verbs = resource.verbs.clone();
            let all = &mut found.entry(key).or_insert(resource).verbs;
            all.extend(verbs);
            all.sort();
            all.dedup();
        }
    }
    found.into_values().collect()
}

fn text(resources: &[ApiResource]) -> String {
    let line = |resource| serde_json::to_string(resource).expect("JSON");
    let lines: Vec<String> = resources.iter().map(line).collect();
    format!("{{\"resources\":[\n{}\n]}}\n", lines.join(",\n"))
}

#[test]
fn builtin_table_is_what_a_fresh_server_serves() {
    let Some(cluster) =
        Cluster::start(&Options { without_controllers: true, ..Options::default() })
    else {
        return;
    };
    let listed = listed(&cluster);
    if std::env::var_os("KEYBOOK_UPDATE").is_some_and(|value| value == "1") {
        let place = "/src/rbac/query/builtin-v1.36.json";
        std::fs::write(format!("{}{place}", env!("CARGO_MANIFEST_DIR")), text(&listed))
            .expect("write the table");
    }
    let built_in: &Discovery = &builtin_discovery();
    assert_eq!(cluster.ready()["version"], BUILTIN_VERSION);
    assert_eq!(built_in.resources, listed, "run this test with KEYBOOK_UPDATE=1 to write it anew");
}
