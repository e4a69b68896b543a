//! What is printed as JSON has the form of the schemas in docs/schemas.

use serde_json::json;

use super::Home;
use crate::support::schemas::{check, fits, schema};

#[test]
fn the_check_finds_what_is_wrong() {
    let home = Home::new();
    let (objects, log) = home.world();
    let good = home.run(&["who", "--from", &objects, "--audit", &log, "-o", "json"]).json();
    fits("identity-list.json", &good);
    for (pointer, bad) in [
        ("/kind", json!("Other")),
        ("/items/0/tier", json!("king")),
        ("/items/0/grants", json!(-1)),
        ("/items/0/identity", json!({"kind": "User", "name": "x"})),
        ("/metadata/asOf", json!("yesterday")),
        ("/metadata/clusters/0", json!({})),
        ("/metadata/coverage", json!({"more": 1})),
    ] {
        let mut value = good.clone();
        *value.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer}")) = bad;
        let mut wrong = Vec::new();
        check(&schema("identity-list.json"), &value, "", &mut wrong);
        assert!(!wrong.is_empty(), "{pointer}");
    }
}

#[test]
fn every_answer_has_the_form_of_its_schema() {
    let home = Home::new();
    let (objects, log) = home.world();
    let dir = home.path().join("saved").display().to_string();
    home.run(&["snapshot", "--out", &dir, "--demo"]).ends_with(0);
    let sources: [&[&str]; 3] =
        [&["--from", &objects, "--audit", &log], &["--from", &objects], &["--from", &dir]];
    for source in sources {
        let answer = |words: &[&str]| {
            let mut all = words.to_vec();
            all.extend(source);
            all.extend(["-o", "json"]);
            home.run(&all).json()
        };
        fits("identity-list.json", &answer(&["who"]));
        fits("finding-list.json", &answer(&["findings"]));
        fits("credential-list.json", &answer(&["credentials"]));
        fits("identity-list.json", &answer(&["who", "--reach"]));
        fits("cut-list.json", &answer(&["reach"]));
        fits("access.json", &answer(&["can", "g:system:masters", "get", "secrets"]));
        fits("access.json", &answer(&["can", "u:nobody", "get", "/healthz"]));
        fits("holder-list.json", &answer(&["who-can", "get", "secrets"]));
        fits("holder-list.json", &answer(&["who-can", "list", "pods", "-n", "pay"]));
    }
    for who in ["user:jane@corp.example", "sa:pay/batch", "user:zoe@corp.example", "group:ops"] {
        let run = home.run(&["show", who, "--from", &objects, "--audit", &log, "-o", "json"]);
        fits("identity.json", &run.json());
        let run = home.run(&["reach", who, "--from", &objects, "-o", "json"]);
        fits("reach.json", &run.json());
    }
    fits("identity-list.json", &home.run(&["who", "--demo", "-o", "json"]).json());
    fits("cut-list.json", &home.run(&["reach", "--demo", "-o", "json"]).json());
    for who in ["sa:velero/velero", "sa:ci/deployer", "user:rolf@corp.example", "sa:ci/runner"] {
        let run = home.run(&["reach", who, "--demo", "-o", "json"]);
        fits("reach.json", &run.json());
    }
    let run = home.run(&["credentials", "--demo", "-o", "json"]);
    fits("credential-list.json", &run.json());
    let run = home.run(&["show", "sa:ci/deployer", "--demo", "-o", "json"]);
    fits("identity.json", &run.json());
    fits("info.json", &home.run(&["info", "-o", "json"]).json());
    let manifest = std::fs::read(format!("{dir}/keybook-snapshot.json")).expect("there");
    fits("snapshot.json", &serde_json::from_slice(&manifest).expect("JSON"));
}
