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

/// What stands on a line of its own only where a name has broken out of the line that it is on.
const PLANTED: &str = "PLANTED";

/// What a name must never bring to a terminal.
fn is_driving(c: char) -> bool {
    (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Objects and a log in which every name that somebody chooses begins a line of its own.
fn hostile(home: &Home) -> (String, String) {
    let name = |name: &str| format!("{name}\n{PLANTED}\r\u{1b}[2J\u{202e}\n{PLANTED}");
    let rule = |verbs: &[&str], group: &str, resource: &str| {
        json!({"apiGroups": [group], "resources": [name(resource), resource], "verbs": verbs,
            "resourceNames": []})
    };
    let (eve, bot, ns) = (name("eve"), name("bot"), name("shop"));
    let object = |kind: &str, ns: Option<&str>, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": ns}});
    let mut secret = object("Secret", Some(&ns), &name("token"));
    secret["type"] = json!("kubernetes.io/service-account-token");
    secret["metadata"]["annotations"] = json!({"kubernetes.io/service-account.name": bot});
    secret["data"] = json!({"token": ""});
    let mut pod = object("Pod", Some(&ns), &name("pod"));
    pod["spec"] = json!({"serviceAccountName": bot, "nodeName": name("node"), "containers": [
        {"name": name("c"), "image": name("image"), "securityContext": {"privileged": true}}]});
    pod["status"] = json!({"phase": "Running"});
    let mints = [rule(&["create"], "", "serviceaccounts/token"), rule(&["get"], "", "secrets")];
    let objects = vec![
        object("Namespace", None, &ns),
        object("ServiceAccount", Some(&ns), &bot),
        secret,
        pod,
        world::cluster_role("cluster-admin", &json!([rule(&["*"], "*", "*")])),
        world::cluster_role(
            &name("all"),
            &json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]),
        ),
        world::role(&ns, &name("minter"), &json!(mints)),
        world::binding(
            Some(&ns),
            &name("minters"),
            ("Role", &name("minter")),
            &json!([world::user(&eve), world::group(&name("devs"))]),
        ),
        world::binding(
            Some(&ns),
            &name("lost"),
            ("Role", &name("gone")),
            &json!([world::user(&eve)]),
        ),
        world::binding(
            None,
            &name("root"),
            ("ClusterRole", &name("all")),
            &json!([world::account(Some(&ns), &bot)]),
        ),
    ];
    let mut lines = String::new();
    for (id, day) in (1..).zip(["2025-12-21", "2026-03-30"]) {
        let groups = name("devs");
        let mut event = world::event(
            id,
            &format!("{day}T11:00:00.000000Z"),
            (&eve, &[&groups, "system:authenticated"]),
            ("get", &ns, "secrets"),
            true,
        );
        event["userAgent"] = json!(name("agent"));
        event["objectRef"]["name"] = json!(name("object"));
        event["user"]["extra"] =
            json!({"authentication.kubernetes.io/credential-id": [name("jti")]});
        lines.extend([event.to_string(), "\n".to_owned()]);
    }
    (home.put("hostile.json", world::list(&objects)), home.put("hostile.log", lines))
}

#[test]
fn no_name_begins_a_line_of_its_own_or_drives_a_terminal() {
    let home = Home::new();
    let (objects, log) = hostile(&home);
    let from = ["--from", &*objects, "--audit", &*log, "--no-store"];
    let all = |words: &[&str]| {
        let words: Vec<&str> = words.iter().chain(&from).copied().collect();
        home.run(&words)
    };
    let names: Vec<String> =
        all(&["who", "-o", "name"]).out.lines().map(ToOwned::to_owned).collect();
    let called = |start: &str| {
        let found = names.iter().find(|name| name.starts_with(start));
        found.unwrap_or_else(|| panic!("{start} in {names:?}")).as_str()
    };
    let (eve, bot, devs) = (called("user:eve"), called("sa:shop"), called("group:devs"));
    assert!(eve.contains("\\u{a}"), "{eve}");
    let ns = "shop\nPLANTED";
    let commands: &[&[&str]] = &[
        &["who"],
        &["who", "--reach", "-o", "wide"],
        &["who", "-n", ns],
        &["who", "finding:reach"],
        &["show", eve],
        &["show", eve, "-o", "wide"],
        &["show", bot, "-o", "wide"],
        &["show", devs, "-o", "wide"],
        &["show", "user:nobody\nPLANTED"],
        &["can", eve, "get", "secrets"],
        &["can", eve, "get", "no\nPLANTED"],
        &["can", "user:nobody\nPLANTED", "get", "secrets", "-o", "wide"],
        &["who-can", "create", "serviceaccounts/token"],
        &["who-can", "get", "secrets", "-o", "wide"],
        &["who-can", "get", "no\nPLANTED", "x\nPLANTED"],
        &["findings"],
        &["findings", "-o", "wide"],
        &["findings", "-o", "name"],
        &["findings", "-n", ns],
        &["credentials"],
        &["credentials", "-o", "wide"],
        &["credentials", bot, "-o", "name"],
        &["reach"],
        &["reach", "-o", "wide"],
        &["reach", eve],
        &["reach", eve, "-o", "wide"],
        &["reach", devs, "-n", ns],
        &["reach", "user:nobody\nPLANTED"],
        &["revoke", eve],
        &["revoke", bot],
        &["revoke", "crb:x\nPLANTED=user:y"],
        &["revoke", "quarantine:shop/x\nPLANTED"],
        &["narrow", eve],
        &["narrow", devs],
        &["narrow", "clusterrole:x\nPLANTED"],
        &["split", eve],
        &["split", bot],
        &["info"],
        &["who", "no\nPLANTED"],
        &["who", "ns:\nPLANTED:"],
        &["due"],
        &["journal"],
    ];
    let mut wrong = Vec::new();
    for words in commands {
        let run = all(words);
        for text in [&run.out, &run.err] {
            let planted = text.lines().any(|line| line.trim_start().starts_with(PLANTED));
            if planted || text.chars().any(is_driving) {
                wrong.push(format!("{words:?}: {text:?}"));
            }
        }
        assert!(!run.out.is_empty() || !run.err.is_empty(), "{words:?}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The way to more is told, with every name in it.
    let reach = all(&["reach", eve]).out;
    assert!(reach.contains("→ cluster-admin"), "{reach}");
    assert!(reach.contains("Without one grant\n  RoleBinding shop\\u{a}"), "{reach}");
}
