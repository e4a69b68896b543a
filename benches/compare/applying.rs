//! A plan of 2,000 steps on a real API server, beside one client that makes the same writes in order.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use keybook::cluster::DryRun;
use keybook::cluster::kube::{ConnectOptions, connect_writer};
use serde_json::{Value, json};

use super::live::{rate, there_is_none};
use super::support::cluster::{Cluster, Options};
use super::{Section, scratch};

const STEPS: usize = 2_000;
const NAMESPACE: &str = "crowd";
const GROUP: &str = "rbac.authorization.k8s.io";
const LEAVER: &str = "dan@corp.example";

/// The comparison; needs the control plane of the tests.
pub fn section() -> Section {
    let mut section = Section::new("A plan of 2,000 steps on a real API server");
    if let Some(why) = there_is_none() {
        section.skip("everything", why);
        return section;
    }
    let options = Options { name: Some("bench".to_owned()), ..Options::default() };
    let Some(cluster) = Cluster::start(&options) else {
        section.skip("everything", "KEYBOOK_WITHOUT_CLUSTER is 1");
        return section;
    };
    load(&cluster);
    let home = scratch();
    let keybook = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
        command.arg("--kubeconfig").arg(cluster.kubeconfig()).args(args);
        command.env("HOME", home.path()).env_remove("XDG_DATA_HOME").stdin(Stdio::null());
        command
    };
    let began = Instant::now();
    let plan = keybook(&["revoke", &format!("user:{LEAVER}"), "-o", "json"]).output();
    let plan = plan.expect("start keybook");
    assert!(plan.status.success(), "{}", String::from_utf8_lossy(&plan.stderr));
    section.add("(making the plan)", began.elapsed().as_secs_f64(), String::new(), None);
    let file = home.path().join("plan.json");
    std::fs::write(&file, plan.stdout).expect("write the plan");
    let [tried, made, looked] = apply(keybook(&["apply"]), &file);
    let alone = in_order(&cluster);
    let share = |seconds: f64| format!("{:.2} of its rate", alone / seconds);
    section.add("one client, the same writes in order", alone, rate(STEPS, alone), None);
    section.add("keybook apply: the writes", made, share(made), None);
    section.add("with all that goes before them", tried + made, share(tried + made), None);
    let whole = tried + made + looked;
    section.add("and with looking at everything again", whole, share(whole), None);
    section
}

/// Bindings that each name who leaves, and one other.
fn load(cluster: &Cluster) {
    let namespace =
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}});
    let user = |name: &str| json!({"apiGroup": GROUP, "kind": "User", "name": name});
    let mut lines = vec![namespace.to_string()];
    lines.extend((0..STEPS).map(|at| {
        json!({
            "apiVersion": format!("{GROUP}/v1"), "kind": "RoleBinding",
            "metadata": {"name": format!("b{at:04}"), "namespace": NAMESPACE},
            "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": "view"},
            "subjects": [user(&format!("other-{at}@corp.example")), user(LEAVER)],
        })
        .to_string()
    }));
    cluster.load(&lines.join("\n"));
}

/// Applies the plan; gives the seconds until the first write was made, from there to the last, and from
/// there to the end.
fn apply(mut command: Command, plan: &Path) -> [f64; 3] {
    command.arg(plan).args(["--yes", "bench"]);
    let began = Instant::now();
    let mut process =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start keybook");
    let mut made = Vec::with_capacity(STEPS);
    let mut rest = Vec::new();
    for line in BufReader::new(process.stderr.take().expect("a pipe")).lines() {
        let line = line.expect("text");
        if line.contains(": made") {
            made.push(began.elapsed().as_secs_f64());
        } else {
            rest.push(line);
        }
    }
    assert!(process.wait().expect("it ends").success(), "{rest:?}");
    let whole = began.elapsed().as_secs_f64();
    assert_eq!(made.len(), STEPS, "{rest:?}");
    let (first, last) = (made[0], made[STEPS - 1]);
    [first, last - first, whole - last]
}

/// The seconds that writes like the plan's take one client that does nothing else: no looking, no
/// journal, no question.
fn in_order(cluster: &Cluster) -> f64 {
    let list = cluster.kubectl_ok(&["get", "rolebindings", "-n", NAMESPACE, "-o", "json"]);
    let mut list: Value = serde_json::from_str(&list).expect("JSON");
    let items = list["items"].as_array_mut().expect("items");
    assert_eq!(items.len(), STEPS);
    let puts: Vec<(String, &Value)> = items
        .iter_mut()
        .map(|item| {
            item["subjects"].as_array_mut().expect("subjects").pop();
            let name = item["metadata"]["name"].as_str().expect("a name");
            (format!("/apis/{GROUP}/v1/namespaces/{NAMESPACE}/rolebindings/{name}"), &*item)
        })
        .collect();
    let options =
        ConnectOptions { kubeconfig: Some(cluster.kubeconfig()), ..ConnectOptions::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let writer = connect_writer(&options).await.expect("connect");
        let began = Instant::now();
        for (path, item) in puts {
            writer.replace(&path, item, DryRun::No).await.expect("replace");
        }
        began.elapsed().as_secs_f64()
    })
}
