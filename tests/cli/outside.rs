//! `--iam` and `--inspect`: what files tell of credentials that no list of a cluster shows.

use serde_json::json;

use super::Home;
use crate::support::schemas::fits;

fn entry() -> String {
    json!({"accessEntry": {"clusterName": "prod", "username": "jane@corp.example",
        "principalArn": "arn:aws:iam::111122223333:role/Dev", "kubernetesGroups": ["ops"],
        "createdAt": "2025-03-23T15:24:18-05:00", "type": "STANDARD"}})
    .to_string()
}

#[test]
fn files_beside_the_cluster_are_told_with_it() {
    let home = Home::new();
    let (objects, _) = home.world();
    let good = home.put("entry.json", entry());
    let bad = home.put("broken.json", "{\"accessEntry\": {}}\n[");
    let config = home.put(
        "laptop",
        json!({"contexts": [{"name": "k", "context": {"user": "u", "cluster": "c"}}],
            "users": [{"name": "u", "user": {"token": "hunter2", "exec": {"command": "x"}}}]})
        .to_string(),
    );
    let words =
        ["credentials", "--from", &objects, "--iam", &good, "--iam", &bad, "--inspect", &config];
    let run = home.run(&[&words[..], &["-o", "json"]].concat()).ends_with(4);
    let json = run.json();
    fits("credential-list.json", &json);
    let ids: Vec<&str> =
        json["items"].as_array().unwrap().iter().filter_map(|one| one["id"].as_str()).collect();
    assert!(ids.contains(&"EKS access entry arn:aws:iam::111122223333:role/Dev"), "{ids:?}");
    assert!(ids.contains(&"secret pay/web-token"), "{ids:?}");
    assert_eq!(
        json["unreadable"],
        json!([
            {"place": format!("{bad}, answer 1, accessEntry"), "reason": "without a principalArn"},
            {"place": format!("{bad}, line 2"),
                "reason": "the JSON ends too early; save the answer again"},
        ])
    );
    assert_eq!(json["remarks"].as_array().map(Vec::len), Some(2));
    assert!(!json["notSeen"].as_array().unwrap().is_empty());
    let text = home.run(&words).ends_with(4);
    assert!(text.err.contains(&format!("not readable: {bad}, line 2: ")), "{}", text.err);
    assert!(!text.err.contains("EKS access entries and their policies"), "{}", text.err);
    assert!(!format!("{run:?}{text:?}").contains("hunter2"));

    // One identity's page has them too.
    let show = home.run(&[
        "show",
        "user:jane@corp.example",
        "--from",
        &objects,
        "--iam",
        &good,
        "-o",
        "json",
    ]);
    fits("identity.json", &show.json());
    assert!(show.out.contains("EKS access entry"), "{}", show.out);
}

#[test]
fn a_file_that_is_not_there_is_said_at_once() {
    let home = Home::new();
    let (objects, _) = home.world();
    for flag in ["--iam", "--inspect"] {
        let run = home.run(&["credentials", "--from", &objects, flag, "gone"]).ends_with(2);
        assert!(run.err.contains(&format!("{flag}: reading gone: ")), "{}", run.err);
    }
}

#[test]
fn groups_are_called_by_the_names_that_the_policy_gives() {
    let home = Home::new();
    let id = "0f9a6a43-6d5c-4c51-9d38-2f3e7c1f0001";
    let binding = super::world::binding(
        None,
        "platform",
        ("ClusterRole", "view"),
        &json!([super::world::group(id)]),
    );
    let admins = super::world::binding(
        None,
        "admins",
        ("ClusterRole", "all"),
        &json!([super::world::group(id)]),
    );
    let all = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": {"name": "all"},
        "rules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]});
    let objects = home.put("objects.json", super::world::list(&[binding, admins, all]));
    let policy = home.put("policy.toml", format!("[group_names]\n\"{id}\" = \"platform team\"\n"));
    let words = ["who", "--from", &objects, "--policy", &policy];
    let table = home.run(&words);
    assert!(table.out.contains(&format!("group:{id} (platform team)")), "{}", table.out);
    let json = home.run(&[&words[..], &["-o", "json"]].concat()).json();
    fits("identity-list.json", &json);
    let items = json["items"].as_array().unwrap();
    let group = items.iter().find(|item| item["identity"]["name"] == id).expect("listed");
    assert_eq!(group["knownAs"], "platform team");
    assert_eq!(json["metadata"]["policy"]["groupNames"], json!({id: "platform team"}));
    let called = format!("group:{id} (platform team)");
    let show = home.run(&["show", &format!("group:{id}"), "--from", &objects, "--policy", &policy]);
    assert!(show.out.contains(&called), "{}", show.out);
    let words = ["findings", "--from", &objects, "--policy", &policy];
    let table = home.run(&words);
    assert!(table.out.contains(&called), "{}", table.out);
    let json = home.run(&[&words[..], &["-o", "json"]].concat()).json();
    fits("finding-list.json", &json);
    let of_group = |item: &&serde_json::Value| item["identity"]["name"] == id;
    let found = json["items"].as_array().unwrap().iter().find(of_group).expect("cluster-admin");
    assert_eq!(
        (&found["rule"], &found["knownAs"]),
        (&json!("cluster-admin"), &json!("platform team"))
    );
    let wrong = home.put("wrong.toml", format!("[group_names]\n\"{id}\" = 7\n"));
    let run = home.run(&["who", "--from", &objects, "--policy", &wrong]).ends_with(2);
    assert!(run.err.contains("wrong.toml:2"), "{}", run.err);
}

#[test]
fn show_lists_what_the_policy_exempts() {
    let home = Home::new();
    let who = "sa:ci/deployer";
    let run = |words: &[&str]| {
        let mut all = words.to_vec();
        all.push("--demo");
        home.run(&all)
    };
    let before = run(&["show", who, "-o", "json"]).json();
    let item = &before["items"][0];
    assert_eq!(item["exempt"], json!([]));
    let found = item["findings"].as_array().expect("findings");
    let rule = found.first().expect("one at least")["rule"].as_str().expect("a rule");
    let of_rule = found.iter().filter(|one| one["rule"] == rule).count();
    let policy = home.put(
        "policy.toml",
        format!(
            "[[exemptions]]\nrule = {rule:?}\nidentity = {who:?}\nowner = \"ops@corp.example\"\n\
             reason = \"agreed\"\nexpires = 2099-12-31\n"
        ),
    );
    let json = run(&["show", who, "-o", "json", "--policy", &policy]).json();
    fits("identity.json", &json);
    let item = &json["items"][0];
    let exempt = item["exempt"].as_array().expect("a list");
    assert_eq!(exempt.len(), of_rule);
    assert!(exempt.iter().all(|one| one["rule"] == rule), "{exempt:?}");
    let by = json!({"owner": "ops@corp.example", "reason": "agreed", "expires": "2099-12-31"});
    assert_eq!(exempt[0]["exemption"], by);
    assert_eq!(item["findings"].as_array().map(Vec::len), Some(found.len() - of_rule));
    let table = run(&["show", who, "--policy", &policy]);
    let title = format!("\nExempt by the policy ({of_rule})\n");
    assert!(table.out.contains(&title), "{table:#?}");
    assert!(table.out.contains("until 2099-12-31, ops@corp.example: agreed"), "{table:#?}");
    assert!(!table.err.contains("exempt"), "{table:#?}");
    // One line an identity has no place for it.
    let csv = run(&["show", who, "-o", "csv", "--policy", &policy]);
    assert!(csv.err.contains(&format!(" {rule}: ")), "{csv:#?}");
    assert!(csv.err.contains("ops@corp.example answers for it (agreed)"), "{csv:#?}");
}
