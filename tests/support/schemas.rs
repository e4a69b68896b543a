//! What is printed as JSON against the schemas in docs/schemas.
//!
//! The check knows as much of JSON Schema as these schemas use, and refuses a schema that uses more.
#![allow(clippy::expect_used, clippy::panic)] // Tests have nobody to hand errors to.

use std::path::Path;

use serde_json::{Map, Value, json};

/// A schema of docs/schemas.
pub fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What is wrong with a value, with the place in it.
pub fn check(schema: &Value, value: &Value, at: &str, wrong: &mut Vec<String>) {
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
                let is = |text: &str| match of.as_str() {
                    Some("date") => text.parse::<chrono::NaiveDate>().is_ok(),
                    Some("date-time") => {
                        chrono::DateTime::parse_from_rfc3339(text).is_ok() && text.ends_with('Z')
                    }
                    _ => panic!("no format that is known: {of}"),
                };
                if let Some(text) = value.as_str().filter(|text| !is(text)) {
                    wrong.push(format!("{at}: {text} is no UTC {of}"));
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

/// The value is of the schema's form.
#[track_caller]
pub fn fits(name: &str, value: &Value) {
    let mut wrong = Vec::new();
    check(&schema(name), value, "", &mut wrong);
    assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
}
