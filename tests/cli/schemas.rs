//! What is printed as JSON against the schemas in docs/schemas.
//!
//! The check knows as much of JSON Schema as these schemas use, and refuses a schema that uses more.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::Home;

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path:?}: {error}"))
}

/// What is wrong with a value, with the place in it.
fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let rules: &Map<String, Value> = schema.as_object().expect("a schema is an object");
    for (rule, of) in rules {
        match rule.as_str() {
            "enum" if !of.as_array().expect("a list").contains(value) => {
                wrong.push(format!("{at}: {value} is not among {of}"));
            }
            "const" if of != value => wrong.push(format!("{at}: {value} is not {of}")),
            "$schema" | "title" | "description" | "$defs" | "enum" | "const" => {}
            "$ref" => {
                let (file, pointer) =
                    of.as_str().and_then(|to| to.split_once('#')).expect("FILE#/PATH");
                let all = self::schema(file);
                check(all.pointer(pointer).unwrap_or_else(|| panic!("{of}")), value, at, wrong);
            }
            "anyOf" => {
                let fits = of.as_array().expect("a list").iter().any(|one| {
                    let mut wrong = Vec::new();
                    check(one, value, at, &mut wrong);
                    wrong.is_empty()
                });
                if !fits {
                    wrong.push(format!("{at}: {value} is none of {of}"));
                }
            }
            "type" => {
                let kind = match value {
                    Value::Null => "null",
                    Value::Bool(_) => "boolean",
                    Value::Number(number) if number.is_f64() => "number",
                    Value::Number(_) => "integer",
                    Value::String(_) => "string",
                    Value::Array(_) => "array",
                    Value::Object(_) => "object",
                };
                let fits =
                    of == kind || of.as_array().is_some_and(|all| all.contains(&json!(kind)));
                if !fits {
                    wrong.push(format!("{at}: a {kind}, not {of}"));
                }
            }
            "minimum" => {
                if value.as_i64().is_some_and(|number| number < of.as_i64().expect("a number")) {
                    wrong.push(format!("{at}: {value} is less than {of}"));
                }
            }
            "format" => {
                assert_eq!(of, "date-time");
                if let Some(text) = value.as_str()
                    && (chrono::DateTime::parse_from_rfc3339(text).is_err() || !text.ends_with('Z'))
                {
                    wrong.push(format!("{at}: {value} is no UTC time"));
                }
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(of, item, &format!("{at}[{number}]"), wrong);
                }
            }
            "required" => {
                for name in of.as_array().expect("a list").iter().filter_map(Value::as_str) {
                    if value.is_object() && value.get(name).is_none() {
                        wrong.push(format!("{at}: without {name}"));
                    }
                }
            }
            "properties" => {
                for (name, property) in of.as_object().expect("an object") {
                    if let Some(value) = value.get(name) {
                        check(property, value, &format!("{at}.{name}"), wrong);
                    }
                }
            }
            "additionalProperties" => {
                let known = rules.get("properties").and_then(Value::as_object);
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.is_some_and(|known| known.contains_key(name)) {
                        continue;
                    }
                    if *of == json!(false) {
                        wrong.push(format!("{at}: {name} is not in the schema"));
                    } else {
                        check(of, value, &format!("{at}.{name}"), wrong);
                    }
                }
            }
            other => panic!("this check does not know {other}"),
        }
    }
}

#[track_caller]
pub(super) fn fits(name: &str, value: &Value) {
    let mut wrong = Vec::new();
    check(&schema(name), value, "", &mut wrong);
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}

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
