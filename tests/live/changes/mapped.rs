//! `aws-auth` on a real API server: the lines that are meant go, every other byte stays, and undone it reads
//! as before.

use serde_json::{Value, json};

use super::faults::{Act, Faulty};
use super::killed::killed_at;
use super::{Desk, binding, cluster, user};
use crate::support::cluster::Cluster;
use crate::support::schemas::fits;

const ROLE: &str = "arn:aws:iam::111122223333:role";

/// As people leave it.
const ROLES: &str = "\
# Kept by the platform team.
- rolearn: arn:aws:iam::111122223333:role/nodes  # do not touch
  username: system:node:{{EC2PrivateDNSName}}
  groups:
  - system:bootstrappers
  - system:nodes

-   groups: &ops   # shared
      - \"ops\"
      - 'view'
    rolearn: \"arn:aws:iam::111122223333:role/Ana\"
    username: ana
    note: |
      - no entry

- {rolearn: 'arn:aws:iam::111122223333:role/Dev', username: dev, groups: [dev, \"view\"]}
- rolearn: arn:aws:iam::111122223333:role/Kim
  username: kim-mapped
  groups:
  - ops
  - view  # for now
# The end.
";

/// Without the lines from one to another, both counted from 1.
fn without(from: usize, to: usize) -> String {
    let lines = ROLES.split_inclusive('\n').enumerate();
    lines.filter(|(at, _)| !(from..=to).contains(&(at + 1))).map(|(_, line)| line).collect()
}

fn load(cluster: &Cluster) {
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "aws-auth", "namespace": "kube-system",
            "labels": {"team": "platform"}, "annotations": {"example.org/why": "yes"}},
        "data": {"mapRoles": ROLES, "mapUsers": "[]\n", "else": "kept\n"},
        "binaryData": {"bytes": "AAEC"}});
    let both = json!([user("kim-mapped"), user("ana")]);
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "mapped"}});
    let objects = [map, namespace, binding(Some("mapped"), "both", "view", &both)];
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
}

/// The map and the binding, without what the server sets.
fn states(cluster: &Cluster) -> Vec<Value> {
    let places: [&[&str]; 2] =
        [&["configmap", "aws-auth", "-n", "kube-system"], &["rolebinding", "both", "-n", "mapped"]];
    let one = |place: &[&str]| {
        let text = cluster.kubectl_ok(&[&["get", "-o", "json"], place].concat());
        let mut object: Value = serde_json::from_str(&text).expect("JSON");
        let meta = object["metadata"].as_object_mut().expect("metadata");
        for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
            meta.remove(field);
        }
        object
    };
    places.into_iter().map(one).collect()
}

fn roles(cluster: &Cluster) -> String {
    states(cluster)[0]["data"]["mapRoles"].as_str().expect("a text").to_owned()
}

#[test]
fn an_entry_of_aws_auth_goes_and_comes_back_to_the_byte() {
    let Some(cluster) = cluster() else { return };
    load(&cluster);
    let before = states(&cluster);
    let desk = Desk::new(cluster.kubeconfig());
    let told = desk.keybook(&["revoke", "user:kim-mapped", "-o", "json"]).ends_with(0).json();
    fits("plan.json", &told);
    let kinds: Vec<&Value> = told["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|step| &step["target"]["kind"])
        .collect();
    assert_eq!(kinds, ["ConfigMap", "RoleBinding"]);
    let shown = desk.keybook(&["revoke", "user:kim-mapped"]).ends_with(0);
    let line = "     - - rolearn: arn:aws:iam::111122223333:role/Kim\n";
    assert!(shown.out.contains(line), "{}", shown.out);
    let plan = desk.plan(&["user:kim-mapped"]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");
    let mut expected = before.clone();
    expected[0]["data"]["mapRoles"] = json!(without(17, 21));
    expected[1]["subjects"] = json!([user("ana")]);
    assert_eq!(states(&cluster), expected);
    desk.keybook(&["verify", "1"]).ends_with(0);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(states(&cluster), before);

    // A group of an entry, by its name, in every entry that has a list of its own.
    let plan = desk.plan(&[&format!("aws-auth:mapRoles/{ROLE}/Kim=group:view")]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 3 is done");
    assert_eq!(roles(&cluster), without(21, 21));
    // Somebody adds an entry: what was planned before is refused, and what was made is not undone over
    // it.
    let plan = desk.plan(&[&format!("aws-auth:mapRoles/{ROLE}/Dev")]);
    let added = json!({"data": {"mapUsers": "- userarn: arn:aws:iam::111122223333:user/x\n"}});
    cluster.kubectl_ok(&[
        "patch",
        "configmap",
        "aws-auth",
        "-n",
        "kube-system",
        "--type=merge",
        "-p",
        &added.to_string(),
    ]);
    let moved = "ConfigMap kube-system/aws-auth was changed since";
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5).says(moved);
    desk.keybook(&["undo", "3", "--yes", "tests"]).ends_with(5).says(moved);
    assert_eq!(roles(&cluster), without(21, 21));
    desk.keybook(&["verify", "3"]).ends_with(1).says("it reads otherwise");
}

#[test]
fn nodes_are_not_cut_off_without_a_sentence() {
    let Some(cluster) = cluster() else { return };
    load(&cluster);
    let desk = Desk::new(cluster.kubeconfig());
    let nodes = format!("aws-auth:mapRoles/{ROLE}/nodes");
    let refused = desk.keybook(&["revoke", &nodes]).ends_with(5);
    assert!(refused.err.contains("nodes come in by the entry"), "{}", refused.err);
    let sentence = "cut nodes off from tests";
    let plan = desk.plan(&[&nodes, "--force", sentence]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5).says(sentence);
    assert_eq!(roles(&cluster), ROLES);
    let yes = ["apply", &plan, "--yes", "tests", "--force", sentence];
    desk.keybook(&yes).ends_with(0);
    assert_eq!(roles(&cluster), without(2, 6));
}

#[test]
fn editing_aws_auth_that_is_killed_at_any_write_is_finished_or_undone_as_if_it_was_not() {
    let Some(cluster) = cluster() else { return };
    load(&cluster);
    let faulty = Faulty::start(&cluster);
    let mut desk = Desk::new(cluster.kubeconfig());
    desk.by(&faulty.kubeconfig());
    let done = |words: &[&str]| {
        desk.keybook(&[words, &["--yes", "faulty"]].concat()).ends_with(0);
    };
    let before = states(&cluster);
    let mut revoked = before.clone();
    revoked[0]["data"]["mapRoles"] = json!(without(17, 21));
    revoked[1]["subjects"] = json!([user("ana")]);
    let mut run = 0;
    for point in (0..2).flat_map(|write| [(write, Act::HoldBefore), (write, Act::HoldAfter)]) {
        for finish in [true, false] {
            let (of_run, of_undo) = ((run + 1).to_string(), (run + 2).to_string());
            run += 2;
            let plan = desk.plan(&["user:kim-mapped"]);
            killed_at(&faulty, &desk, point, &["apply", &plan, "--yes", "faulty"]);
            if finish {
                done(&["apply", "--finish", &of_run]);
                assert_eq!(states(&cluster), revoked, "{point:?}");
                killed_at(&faulty, &desk, point, &["undo", &of_run, "--yes", "faulty"]);
                done(&["apply", "--finish", &of_undo]);
            } else {
                done(&["undo", &of_run]);
            }
            assert_eq!(states(&cluster), before, "{point:?} finish {finish}");
        }
    }
}
