//! Taking back a narrowing after others have worked on what it made.

use serde_json::{Value, json};

use super::{Desk, binding, cluster, may, user};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

fn items(cluster: &Cluster, ns: &str, kind: &str) -> Vec<Value> {
    let list = cluster.kubectl_ok(&["get", kind, "-n", ns, "-o", "json"]);
    let list: Value = serde_json::from_str(&list).expect("JSON");
    list["items"].as_array().expect("items").clone()
}

fn names(cluster: &Cluster, ns: &str, kind: &str) -> Vec<String> {
    let all = items(cluster, ns, kind);
    all.iter().map(|one| one["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
}

/// Kim holds edit in a namespace with lee, reads one Pod, and is narrowed to that. Gives the names of the
/// role and the binding that this made.
fn narrowed(cluster: &Cluster, desk: &Desk, ns: &str) -> (String, String) {
    let kim = format!("kim@{ns}.example");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}});
    let both = json!([user(&kim), user("lee@corp.example")]);
    let both = binding(Some(ns), "both", "edit", &both);
    cluster.load(&[namespace.to_string(), both.to_string()].join("\n"));
    let client = cluster.client_cert(&kim, &[]).kubeconfig;
    assert!(may(cluster, &client, &["get", "pod", "no-such", "-n", ns, "--ignore-not-found"]));
    let is_kims = |event: &Value| event["user"]["username"] == *kim;
    cluster.await_audit("kim's request", is_kims);
    let log = cluster.audit_log().display().to_string();
    let file = desk.folder.path().join(format!("{ns}.yaml")).display().to_string();
    let who = format!("user:{kim}");
    let words =
        ["narrow", &who, "--audit", &log, "--no-store", "--younger-than", "0", "--out", &file];
    desk.keybook(&words).ends_with(0);
    desk.keybook(&["apply", &file, "--yes", "tests"]).ends_with(0);
    let roles = names(cluster, ns, "roles");
    assert_eq!(roles.len(), 1, "{roles:?}");
    let bindings = names(cluster, ns, "rolebindings");
    let made: Vec<&String> = bindings.iter().filter(|name| *name != "both").collect();
    assert_eq!(made.len(), 1, "{bindings:?}");
    (roles[0].clone(), made[0].clone())
}

fn undo(desk: &Desk, run: &str) {
    desk.keybook(&["undo", run, "--yes", "tests"]).ends_with(0);
}

/// Whether kim is in the binding again that narrowing took them out of.
fn is_back(cluster: &Cluster, ns: &str) -> bool {
    let both = items(cluster, ns, "rolebindings")
        .into_iter()
        .find(|one| one["metadata"]["name"] == "both")
        .expect("it stays");
    let subjects = both["subjects"].as_array().expect("subjects");
    subjects.iter().any(|one| one["name"] == format!("kim@{ns}.example"))
}

#[test]
fn what_others_changed_since_is_theirs_and_whom_an_undo_takes_from_is_told() {
    let Some(cluster) = cluster() else { return };
    let desk = Desk::new(cluster.kubeconfig());

    // Somebody gave the new role to lee as well: it stays, and lee keeps it.
    let (role, _) = narrowed(&cluster, &desk, "given");
    let mut given = binding(Some("given"), "lees", &role, &json!([user("lee@corp.example")]));
    given["roleRef"]["kind"] = json!("Role");
    cluster.load(&given.to_string());
    let told = format!(
        "Role given/{role}, which the run made, is left as it is: RoleBinding given/lees binds \
         user:lee@corp.example to it"
    );
    let said = desk.keybook(&["undo", "1"]).ends_with(0);
    assert!(said.text().contains(&told), "{}", said.out);
    let data = desk.keybook(&["undo", "1", "-o", "json"]).ends_with(0);
    let data: Value = serde_json::from_str(&data.out).expect("JSON and nothing else");
    crate::support::schemas::fits("plan.json", &data);
    assert_eq!((&data["kind"], &data["undoes"]), (&json!("Plan"), &json!(1)));
    desk.keybook(&["undo", "1", "-o", "csv"]).ends_with(2);
    assert!(!is_back(&cluster, "given"), "nothing was written without a word");
    undo(&desk, "1");
    assert!(is_back(&cluster, "given"));
    assert_eq!(names(&cluster, "given", "roles"), [role]);
    assert_eq!(names(&cluster, "given", "rolebindings"), ["both", "lees"]);

    // Or put somebody into the new binding: that is theirs, with the role that it gives.
    let (role, made) = narrowed(&cluster, &desk, "joined");
    let more = json!([{"op": "add", "path": "/subjects/-", "value": user("dev@corp.example")}]);
    let more = more.to_string();
    let words = ["patch", "rolebinding", &made, "-n", "joined", "--type=json", "-p", &more];
    cluster.kubectl_ok(&words);
    let said = desk.keybook(&["undo", "3", "--yes", "tests"]).ends_with(0);
    let left = format!("RoleBinding joined/{made} binds");
    assert!(said.text().contains(&left), "{}", said.out);
    assert!(is_back(&cluster, "joined"));
    assert_eq!(names(&cluster, "joined", "roles"), [role]);
    assert_eq!(names(&cluster, "joined", "rolebindings"), ["both".to_owned(), made]);

    // Somebody changed the new role: it stays as they left it, and all else is taken back.
    let (role, _) = narrowed(&cluster, &desk, "changed");
    let more = json!([{"op": "add", "path": "/rules/-",
        "value": {"verbs": ["list"], "apiGroups": [""], "resources": ["services"]}}]);
    let patched = cluster.kubectl(&[
        "patch",
        "role",
        &role,
        "-n",
        "changed",
        "--type=json",
        "-p",
        &more.to_string(),
    ]);
    assert!(patched.status.success(), "{}", String::from_utf8_lossy(&patched.stderr));
    let theirs = items(&cluster, "changed", "roles");
    let said = desk.keybook(&["undo", "5", "--yes", "tests"]).ends_with(0);
    let left =
        format!("Role changed/{role}, which the run made, was changed since: it is left as it is");
    assert!(said.text().contains(&left), "{}", said.out);
    assert!(is_back(&cluster, "changed"));
    assert_eq!(items(&cluster, "changed", "roles"), theirs);
    assert_eq!(names(&cluster, "changed", "rolebindings"), ["both"]);

    // Somebody deleted the new binding, as whoever offboards kim by hand, or from another machine, does:
    // kim gets nothing back unsaid.
    let (_, made) = narrowed(&cluster, &desk, "gone");
    cluster.kubectl_ok(&["delete", "rolebinding", &made, "-n", "gone"]);
    let sentence = "give back what was taken from user:kim@gone.example";
    let said = desk.keybook(&["undo", "7", "--yes", "tests"]).ends_with(5).says(sentence);
    let why = format!("RoleBinding gone/{made}, which the run made for them, is gone");
    assert!(said.err.contains(&why), "{}", said.err);
    assert!(!is_back(&cluster, "gone"));
    let said = desk.keybook(&["undo", "7", "--yes", "tests", "--force", sentence]).ends_with(0);
    let left = format!("RoleBinding gone/{made}, which the run made, is gone");
    assert!(said.text().contains(&left), "{}", said.out);
    assert!(is_back(&cluster, "gone"));
    assert_eq!(names(&cluster, "gone", "roles"), [""; 0]);

    // Somebody changed the old binding: nothing is taken back over it.
    let (role, made) = narrowed(&cluster, &desk, "moved");
    cluster.kubectl_ok(&[
        "label",
        "rolebinding",
        "both",
        "-n",
        "moved",
        "team=other",
        "--overwrite",
    ]);
    let said = desk.keybook(&["undo", "9", "--yes", "tests"]).ends_with(5);
    assert!(said.err.contains("RoleBinding moved/both was changed since"), "{}", said.err);
    assert_eq!(names(&cluster, "moved", "roles"), [role]);
    assert_eq!(names(&cluster, "moved", "rolebindings"), ["both".to_owned(), made]);
    assert!(said.err.contains("Nothing else of run 9 is left"), "{}", said.err);
    // Kim has nothing but what the run made: that stays too.
    desk.keybook(&["undo", "9", "--leave-changed", "--yes", "tests"])
        .ends_with(5)
        .says("whoever has something by it would lose that without RoleBinding moved/both");
    assert_eq!(names(&cluster, "moved", "rolebindings").len(), 2);
}

/// Kim was in three bindings; somebody changed one since.
#[test]
fn a_run_is_taken_back_but_for_what_somebody_changed_since() {
    let Some(cluster) = cluster() else { return };
    let desk = Desk::new(cluster.kubeconfig());
    let (ns, kim) = ("parts", "kim@parts.example");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}});
    let mut all = vec![namespace.to_string()];
    for (name, role) in [("first", "view"), ("second", "edit"), ("third", "admin")] {
        all.push(
            binding(Some(ns), name, role, &json!([user(kim), user("lee@corp.example")]))
                .to_string(),
        );
    }
    cluster.load(&all.join("\n"));
    let plan = desk.plan(&[&format!("user:{kim}")]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    let named = || -> Vec<String> {
        let all = items(&cluster, ns, "rolebindings").into_iter();
        let has = all.filter(|one| one["subjects"].to_string().contains(kim));
        has.map(|one| one["metadata"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(named(), [""; 0]);
    let label = |team: &str| {
        cluster.kubectl_ok(&["label", "--overwrite", "rolebinding", "second", "-n", ns, team]);
    };
    label("team=other");
    desk.keybook(&["undo", "1", "--yes", "tests"])
        .ends_with(5)
        .says("RoleBinding parts/second was changed since")
        .says("take back the other 2 of 3 steps: keybook undo 1 --leave-changed");
    assert_eq!(named(), [""; 0]);
    let part = ["undo", "1", "--leave-changed", "--yes", "tests"];
    let said = desk.keybook(&part).ends_with(0).says("run 2 is done; 1 step is left of run 1");
    assert!(said.text().contains("RoleBinding parts/second is left as it is"), "{}", said.out);
    assert_eq!(named(), ["first", "third"]);
    desk.keybook(&["verify"]).ends_with(0).says("1 object that somebody had changed");
    let journal = desk.keybook(&["journal"]).ends_with(0);
    assert!(journal.out.contains("undone by run 2 but for 1 of its steps"), "{}", journal.out);
    // As the run left it, that is taken back as well.
    label("team=ops");
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(named(), ["first", "second", "third"]);
    desk.keybook(&["verify"]).ends_with(0);
    desk.keybook(&["undo", "1"]).ends_with(5).says("run 1 was undone by run 3");
}

#[test]
fn what_a_later_run_takes_is_no_alarm_of_an_earlier_one_and_what_somebody_gives_is() {
    let Some(cluster) = cluster() else { return };
    let desk = Desk::new(cluster.kubeconfig());
    // The first run says that kim still reads what they read.
    let (_, made) = narrowed(&cluster, &desk, "later");
    desk.keybook(&["verify", "1"]).ends_with(0);
    let kim = cluster.client_cert("kim@later.example", &[]).kubeconfig;
    let reads = ["get", "pod", "no-such", "-n", "later", "--ignore-not-found"];
    assert!(may(&cluster, &kim, &reads));
    let plan = desk.plan(&["user:kim@later.example"]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    assert!(!may(&cluster, &kim, &reads));
    desk.keybook(&["verify"]).ends_with(0);
    desk.keybook(&["verify", "1"]).ends_with(0).says("since later runs, which were meant to");
    // By hand, and by no run.
    let mut again = binding(Some("later"), "again", "view", &json!([user("kim@later.example")]));
    again["metadata"]["name"] = json!(made);
    cluster.load(&again.to_string());
    await_some("kim to be let in", || may(&cluster, &kim, &reads).then_some(()));
    desk.keybook(&["verify"]).ends_with(1).says("it is there again");
}
