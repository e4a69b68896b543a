//! `reach`: paths as steps, and which grants to cut.

use serde_json::{Value, json};

use super::Home;
use super::world::{account, binding, cluster_role, list, role, user};

/// jane may make tokens for pay/batch, which may make tokens for pay/root, which is cluster-admin.
/// kim may do the same for pay/root at once.
fn home() -> (Home, String) {
    let home = Home::new();
    let mint = |name: &str| {
        json!([{"apiGroups": [""], "resources": ["serviceaccounts/token"],
            "resourceNames": [name], "verbs": ["create"]}])
    };
    let object = |kind: &str, ns: Option<&str>, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": ns}});
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let objects = [
        object("Namespace", None, "pay"),
        object("ServiceAccount", Some("pay"), "batch"),
        object("ServiceAccount", Some("pay"), "root"),
        cluster_role("cluster-admin", &everything),
        role("pay", "batch-minter", &mint("batch")),
        role("pay", "root-minter", &mint("root")),
        binding(Some("pay"), "jane", ("Role", "batch-minter"), &json!([user("jane")])),
        binding(Some("pay"), "kim", ("Role", "root-minter"), &json!([user("kim")])),
        binding(
            Some("pay"),
            "batch",
            ("Role", "root-minter"),
            &json!([account(Some("pay"), "batch")]),
        ),
        binding(
            None,
            "root",
            ("ClusterRole", "cluster-admin"),
            &json!([account(Some("pay"), "root")]),
        ),
    ];
    let path = home.put("objects.json", list(&objects));
    (home, path)
}

#[test]
fn a_path_is_told_step_by_step() {
    let (home, objects) = home();
    let run = home.run(&["reach", "user:jane", "--from", &objects]);
    insta::assert_snapshot!("reach_jane", run.out);
    // Pods and workloads are not in the file, and could hold another way.
    run.ends_with(4);
    let strong = home.run(&["reach", "sa:pay/root", "--from", &objects]);
    assert_eq!(strong.out, "sa:pay/root is cluster-admin already\n");
    let who = home.run(&["who", "--reach", "--from", &objects, "-o", "json"]).json();
    let of = |name: &str| {
        let items = who["items"].as_array().expect("items").iter();
        let item = items.clone().find(|item| item["identity"]["name"] == name);
        item.expect("listed")["reach"].clone()
    };
    let jane = json!({"tier": "cluster-admin", "adds": null, "modelled": false, "steps": 2});
    assert_eq!(of("jane"), jane);
    let at_once = json!({"tier": "cluster-admin", "adds": null, "modelled": false, "steps": 1});
    assert_eq!(of("kim"), at_once);
    let already = json!({"tier": "cluster-admin", "adds": null, "modelled": false, "steps": 0});
    assert_eq!(of("root"), already);
    let reach = |items: &Value| {
        let items = items["items"].as_array().expect("items").iter();
        let has = |item: &&Value| {
            let mut findings = item["findings"].as_array().expect("findings").iter();
            findings.any(|finding| finding["rule"] == "reach")
        };
        let names = items.filter(has).map(|item| item["identity"]["name"].to_string());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    };
    assert_eq!(reach(&who), ["\"batch\"", "\"jane\"", "\"kim\""]);
    // Asked for by the filter.
    let asked = home.run(&["who", "finding:reach", "--from", &objects, "-o", "json"]).json();
    assert_eq!(asked["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(reach(&asked), reach(&who));
    let shown = home.run(&["show", "user:jane", "--from", &objects, "-o", "json"]).json();
    assert_eq!(reach(&shown), ["\"jane\""]);
    let plain = home.run(&["who", "--from", &objects, "-o", "json"]).json();
    assert_eq!(plain["items"][0]["reach"], Value::Null);
}

#[test]
fn the_grant_that_most_ways_go_through_comes_first() {
    let (home, objects) = home();
    let run = home.run(&["reach", "--from", &objects, "-o", "json"]);
    let cuts: Vec<(String, u64, u64)> = run.json()["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|item| {
            let binding = item["grant"]["binding"].as_str().expect("a name").to_owned();
            let admins = item["clusterAdmin"].as_u64().expect("a number");
            (binding, admins, item["loses"].as_array().expect("a list").len() as u64)
        })
        .collect();
    let expected = [("root", 3), ("batch", 2), ("jane", 1), ("kim", 1)];
    let expected: Vec<(String, u64, u64)> =
        expected.iter().map(|(name, n)| ((*name).to_owned(), *n, *n)).collect();
    assert_eq!(cuts, expected);
}

#[test]
fn becoming_more_is_a_finding_that_can_fail() {
    let (home, objects) = home();
    let found = home.run(&["findings", "--from", &objects, "-o", "json"]).json();
    let reach: Vec<&Value> = found["items"]
        .as_array()
        .expect("items")
        .iter()
        .filter(|item| item["rule"] == "reach")
        .collect();
    let who: Vec<&str> =
        reach.iter().filter_map(|item| item["identity"]["name"].as_str()).collect();
    assert_eq!(who, ["jane", "kim", "batch"]);
    assert!(reach.iter().all(|item| item["severity"] == "high"));
    home.run(&["findings", "--from", &objects, "--fail-on", "high"]).ends_with(1);
    // 4 goes before 1: pods are not in the file.
    home.run(&["reach", "user:jane", "--from", &objects, "--fail-on", "high"]).ends_with(4);
    home.run(&["reach", "user:rolf@corp.example", "--demo", "--fail-on", "high"]).ends_with(1);
    home.run(&["reach", "user:rolf@corp.example", "--demo", "--fail-on", "critical"]).ends_with(0);
    home.run(&["reach", "user:nobody", "--from", &objects]).ends_with(4);
}

/// Namespace n with sa:n/att, which may have tokens made there and create leases everywhere, and
/// sa:n/backup, which may do that.
fn hidden(home: &Home, backup: (Option<&str>, &Value)) -> String {
    let object = |kind: &str, ns: Option<&str>, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": ns}});
    let one = |group: &str, resource: &str| json!([{"apiGroups": [group], "resources": [resource], "verbs": ["create"]}]);
    let account = |name| json!([account(Some("n"), name)]);
    let (place, rules) = backup;
    let objects = [
        object("Namespace", None, "n"),
        object("ServiceAccount", Some("n"), "att"),
        object("ServiceAccount", Some("n"), "backup"),
        object("ServiceAccount", Some("n"), "idle"),
        role("n", "mint", &one("", "serviceaccounts/token")),
        binding(Some("n"), "mint", ("Role", "mint"), &account("att")),
        cluster_role("leases", &one("coordination.k8s.io", "leases")),
        binding(None, "leases", ("ClusterRole", "leases"), &account("att")),
        cluster_role("backup", rules),
        binding(place, "backup", ("ClusterRole", "backup"), &account("backup")),
    ];
    home.put("hidden.json", list(&objects))
}

#[test]
fn who_is_not_stronger_and_may_do_more_is_told() {
    let home = Home::new();
    let secrets = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]);
    let objects = hidden(&home, (None, &secrets));
    let text = home.run(&["reach", "sa:n/att", "--from", &objects]).ends_with(4);
    insta::assert_snapshot!("reach_beside", text.out);
    let answer = home.run(&["reach", "sa:n/att", "--from", &objects, "-o", "json"]).json();
    crate::support::schemas::fits("reach.json", &answer);
    let item = &answer["items"][0];
    let counts = ["others", "adding", "roles", "rolesAdding"].map(|key| item[key].as_u64());
    assert_eq!(counts, [Some(2), Some(1), Some(0), Some(0)]);
    assert_eq!(
        (&item["tier"], &item["reaches"]),
        (&json!("cluster write"), &json!("cluster write"))
    );
    let rights = json!(["get,list secrets cluster-wide"]);
    let adds = json!({"tier": "reads secrets", "worth": true, "rights": rights, "more": 0});
    assert_eq!(item["paths"][0]["adds"], adds);
    let closure = item["closure"].as_array().expect("a list");
    let named: Vec<&str> = closure.iter().filter_map(|act| act["gain"]["words"].as_str()).collect();
    assert_eq!(named, ["sa:n/backup", "sa:n/idle"]);
    assert_eq!((&closure[0]["adds"], &closure[1]["adds"]), (&adds, &Value::Null));
    // In the list, among the findings, and among what is to be cut.
    let who = home.run(&["who", "--reach", "--from", &objects, "-o", "json"]).json();
    let att = who["items"].as_array().expect("items").iter();
    let att = att.clone().find(|item| item["identity"]["name"] == "att").expect("listed");
    let reach = json!({"tier": "cluster write", "adds": "reads secrets", "modelled": false,
        "steps": 1});
    assert_eq!(att["reach"], reach);
    let found = home.run(&["findings", "--from", &objects, "-o", "json"]).json();
    let mut found = found["items"].as_array().expect("items").iter();
    let finding = found.find(|item| item["rule"] == "reach").expect("a finding");
    assert_eq!(
        (&finding["severity"], &finding["identity"]["name"]),
        (&json!("high"), &json!("att"))
    );
    assert!(found.all(|item| item["rule"] != "reach"));
    let cuts = home.run(&["reach", "--from", &objects, "-o", "json"]).json();
    crate::support::schemas::fits("cut-list.json", &cuts);
    let cuts = cuts["items"].as_array().expect("items").iter();
    let cuts: Vec<(&Value, &Value, &Value)> = cuts
        .map(|cut| (&cut["grant"]["binding"], &cut["closed"], &cut["loses"][0]["adds"]))
        .collect();
    let reads = json!("reads secrets");
    let (one, backup, mint) = (json!(1), json!("backup"), json!("mint"));
    assert_eq!(cuts, [(&backup, &one, &reads), (&mint, &one, &reads)]);
}

#[test]
fn who_only_acts_as_those_within_its_own_rights_becomes_no_more() {
    let home = Home::new();
    let same = json!([{"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"],
        "resourceNames": ["idle"]}]);
    let objects = hidden(&home, (Some("n"), &same));
    let text = home.run(&["reach", "sa:n/att", "--from", &objects]).ends_with(4);
    let head = "sa:n/att (cluster write) cannot become more than it is, as far as was read: it can \
                act as 2 others, who may do nothing that it may not";
    assert_eq!(text.out.lines().next(), Some(head));
    let found = home.run(&["findings", "--from", &objects, "-o", "json"]).json();
    let mut found = found["items"].as_array().expect("items").iter();
    assert!(found.all(|item| item["rule"] != "reach"));
}

#[test]
fn a_no_on_lists_that_are_not_whole_says_so_where_it_stands() {
    let (home, objects) = home();
    // lea holds nothing that leads anywhere; Pods and workloads are not in the file.
    let lea = binding(Some("pay"), "lea", ("Role", "none"), &json!([user("lea")]));
    let more = home.put("lea.json", list(&[lea, role("pay", "none", &json!([]))]));
    let run = home.run(&["reach", "user:lea", "--from", &objects, "--from", &more]).ends_with(4);
    assert_eq!(run.out, "user:lea (none) cannot become more than it is, as far as was read\n");
}

#[test]
fn a_namespace_narrows_every_list() {
    let (home, objects) = home();
    let shop = binding(Some("shop"), "mia", ("Role", "gone"), &json!([user("mia")]));
    let more = home.put("shop.json", list(&[shop]));
    let run = |words: &[&str]| {
        let mut words = words.to_vec();
        words.extend(["--from", &objects, "--from", &more]);
        home.run(&words)
    };
    let who = |words: &[&str]| -> Vec<String> {
        let all = run(words).json();
        let items = all["items"].as_array().expect("items").iter();
        let mut names: Vec<String> = items
            .map(|item| item["identity"]["name"].as_str().expect("a name").to_owned())
            .collect();
        names.sort();
        names.dedup();
        names
    };
    // cluster-admin is pay/root by a binding of the cluster: it is an account there all the same.
    assert_eq!(who(&["findings", "-n", "shop", "-o", "json"]), ["mia"]);
    assert_eq!(who(&["findings", "-n", "pay", "-o", "json"]), ["batch", "jane", "kim", "root"]);
    let both = who(&["findings", "-n", "pay", "-n", "shop", "-o", "json"]);
    assert_eq!(both, who(&["findings", "-o", "json"]));
    let none = run(&["findings", "-n", "nowhere"]);
    assert!(none.out.lines().count() <= 1, "{none:?}");
    assert!(none.err.contains("there is no namespace nowhere"), "{none:?}");
    let cuts = |words: &[&str]| run(words).json()["items"].as_array().expect("items").len();
    assert!(cuts(&["reach", "-n", "pay", "-o", "json"]) > 0);
    assert_eq!(cuts(&["reach", "-n", "shop", "-o", "json"]), 0);
    assert!(run(&["reach", "-n", "nowhere"]).err.contains("there is no namespace nowhere"));
    assert!(run(&["credentials", "-n", "nowhere"]).err.contains("there is no namespace nowhere"));
    // Of one identity it is no part that is asked for.
    let one = run(&["reach", "user:jane", "-n", "shop"]);
    assert!(one.err.contains("what somebody can become is of every namespace"), "{one:?}");
    assert!(one.out.starts_with("user:jane (namespace write) → cluster-admin"), "{one:?}");
}
