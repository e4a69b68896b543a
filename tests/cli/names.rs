//! Names that look alike, or cannot be shown: each is printed in a form of its own, and taken back in it.

use serde_json::json;

use super::{Home, world};

#[test]
fn every_name_is_printed_in_a_form_of_its_own_and_read_back() {
    let home = Home::new();
    let names = [
        "adm\u{202e}in",
        "adm\\u{202e}in",
        "adm\\in",
        "j\u{430}ne",
        "jane",
        "a\u{1b}[2Jb\nc",
        "o p",
    ];
    let mut objects = world::objects();
    objects.extend(names.iter().enumerate().map(|(at, name)| {
        let binding = format!("of-{at}");
        world::binding(
            Some("pay"),
            &binding,
            ("ClusterRole", "reader"),
            &json!([world::user(name)]),
        )
    }));
    let objects = home.put("names.json", world::list(&objects));
    let listed = home.run(&["who", "--from", &objects, "-o", "name"]).ends_with(0).out;
    let listed: Vec<&str> = listed.lines().collect();
    let unlike: std::collections::BTreeSet<&&str> = listed.iter().collect();
    assert_eq!(unlike.len(), listed.len(), "{listed:?}");
    for name in names {
        let shown: Vec<&&str> = listed
            .iter()
            .filter(|shown| {
                let run = home.run(&["show", shown, "--from", &objects, "-o", "json"]).ends_with(0);
                run.json()["items"][0]["identity"]["name"] == name
            })
            .collect();
        let [shown] = shown.as_slice() else { panic!("{name:?}: {shown:?} of {listed:?}") };
        home.run(&["can", shown, "get", "pods", "-n", "pay", "--from", &objects]).ends_with(0);
    }
}

#[test]
fn whom_nobody_knows_is_told_beside_a_no() {
    let home = Home::new();
    let (objects, _) = home.world();
    let run = home.run(&["can", "user:jnae@corp.example", "get", "pods", "--from", &objects]);
    let run = run.ends_with(1);
    assert!(run.err.contains("user:jnae@corp.example: named by no binding"), "{}", run.err);
    let run = home.run(&["can", "user:jane@corp.example", "delete", "pods", "--from", &objects]);
    assert!(!run.ends_with(1).err.contains("named by no binding"));
}
