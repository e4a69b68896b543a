//! Plans that are no longer, or never were, of the cluster that they are applied to: edited, made before
//! the world went on, or against the credential of whoever applies them.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use keybook::change::plan::Plan;

use super::{Desk, Ran, accepted, binding, cluster, may, user, world};
use crate::support::cluster::Cluster;
use crate::support::process::{await_some, run};

/// Plans to a file of JSON and gives its path.
fn planned(desk: &Desk, words: &[&str]) -> String {
    let number = std::fs::read_dir(desk.folder.path()).expect("its files").count();
    let path = desk.folder.path().join(format!("plan-{number}.json")).display().to_string();
    desk.keybook(&[words, &["--out", &path]].concat()).ends_with(0);
    path
}

/// The plan in a file, edited, with the sum that goes with it.
fn edited(desk: &Desk, plan: &str, edit: impl FnOnce(&mut Value)) -> String {
    let text = std::fs::read(plan).expect("a plan");
    let mut value: Value = serde_json::from_slice(&text).expect("JSON");
    edit(&mut value);
    let mut plan: Plan = serde_json::from_value(value).expect("its form");
    plan.metadata.digest = plan.digest();
    let path = desk.folder.path().join("edited.json");
    std::fs::write(&path, plan.value().to_string()).expect("written");
    path.display().to_string()
}

fn apply(desk: &Desk, plan: &str) -> Ran {
    desk.keybook(&["apply", plan, "--yes", "tests"])
}

#[test]
fn a_plan_whose_images_the_objects_never_had_is_not_applied() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "edited");
    let desk = Desk::new(cluster.kubeconfig());
    let before = world.state(&cluster);
    let plan = planned(&desk, &["revoke", &world.all()[0], &world.all()[1]]);
    let step = |value: &Value, kind: &str, name: &str| -> usize {
        let steps = value["steps"].as_array().expect("steps");
        let is = |step: &Value| step["target"]["kind"] == kind && step["target"]["name"] == name;
        steps.iter().position(is).expect("a step")
    };
    let add = |image: &mut Value| {
        image["subjects"].as_array_mut().expect("subjects").push(user("attacker"));
    };
    let never = "never read as the plan says it did before";
    let gives = "it would give what is not held any more: user:attacker: ";
    // In both images the diff that is shown is that of the honest plan.
    let both = edited(&desk, &plan, |value| {
        let at = step(value, "RoleBinding", "both");
        add(&mut value["steps"][at]["before"]);
        add(&mut value["steps"][at]["after"]);
    });
    apply(&desk, &both).ends_with(5).says(gives);
    // What undoing would put back.
    let one = edited(&desk, &plan, |value| {
        let at = step(value, "RoleBinding", "lone");
        add(&mut value["steps"][at]["before"]);
    });
    apply(&desk, &one).ends_with(5).says(never);
    let secret = edited(&desk, &plan, |value| {
        let at = step(value, "Secret", "bot-token");
        value["steps"][at]["before"]["metadata"]["labels"]["team"] = json!("other");
    });
    apply(&desk, &secret).ends_with(5).says(never);
    let name = edited(&desk, &plan, |value| {
        let at = step(value, "RoleBinding", "lone");
        value["steps"][at]["before"]["metadata"]["name"] = json!("harmless");
    });
    apply(&desk, &name).ends_with(5).says("is of another object");
    let undoes = edited(&desk, &plan, |value| value["undoes"] = json!(1));
    apply(&desk, &undoes).ends_with(5);
    assert_eq!(world.state(&cluster), before);
    // The honest plan is applied, and undone with every image as it was.
    apply(&desk, &plan).ends_with(0);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(world.state(&cluster)[..3], before[..3]);
}

/// A kubeconfig with a token.
fn with_token(cluster: &Cluster, token: &str) -> String {
    json!({
        "clusters": [{"name": "tests", "cluster": {
            "server": cluster.server(), "certificate-authority": cluster.ca_file()}}],
        "users": [{"name": "bot", "user": {"token": token}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "bot"}}],
        "current-context": "tests",
    })
    .to_string()
}

#[test]
fn nobody_ends_the_credential_that_they_come_with_unless_forced() {
    use base64::Engine as _;
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "own");
    let bot = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "own"}]);
    cluster.load(&binding(None, "bot-admin", "cluster-admin", &bot).to_string());
    let encoded = world.await_token(&cluster);
    let bytes = base64::engine::general_purpose::STANDARD.decode(&encoded).expect("base64");
    let token = String::from_utf8(bytes).expect("text");
    let admin = Desk::new(cluster.kubeconfig());
    let mut robot = Desk::new(cluster.kubeconfig());
    robot.by(&with_token(&cluster, &token));
    let wishes = [
        "quarantine:own/bot-token",
        "quarantine:sa:own/bot",
        "secret:own/bot-token",
        "account:own/bot",
        "renew:own/bot",
    ];
    let force = "--force \"lock myself out of";
    for wish in wishes {
        robot.keybook(&["revoke", wish]).ends_with(5).says(force);
        // A plan of somebody else's is looked at by who applies it.
        let plan = planned(&admin, &["revoke", wish]);
        apply(&robot, &plan).ends_with(5).says(force);
        // Who acts as another comes with their own all the same.
        let acting = ["revoke", wish, "--as", "helper", "--as-group", "system:masters"];
        robot.keybook(&acting).ends_with(5).says(force);
    }
    assert!(accepted(&cluster, &encoded));
    // With a token that was made on request the Secret's is somebody else's.
    let issued = cluster.kubectl_ok(&["create", "token", "bot", "-n", "own"]);
    robot.by(&with_token(&cluster, issued.trim()));
    robot.keybook(&["revoke", "account:own/bot"]).ends_with(5).says(force);
    let plan = planned(&robot, &["revoke", "quarantine:sa:own/bot"]);
    apply(&robot, &plan).ends_with(0);
    await_some("the token to be refused", || (!accepted(&cluster, &encoded)).then_some(()));
    robot.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
}

#[test]
fn what_is_new_since_a_plan_was_made_stops_it() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "stale");
    let desk = Desk::new(cluster.kubeconfig());
    let who = format!("user:{}", world.kim);
    // Another grant of whoever is revoked.
    let plan = planned(&desk, &["revoke", &who]);
    let more = binding(None, "stale-more", "view", &json!([user(&world.kim)]));
    cluster.load(&more.to_string());
    apply(&desk, &plan).ends_with(5).says("more is granted to it").says("stale-more");
    let plan = planned(&desk, &["revoke", &who]);
    // Another token of an account.
    let tokens = planned(&desk, &["revoke", "quarantine:sa:stale/bot"]);
    cluster.load(
        &json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "second", "namespace": "stale",
                "annotations": {"kubernetes.io/service-account.name": "bot"}}})
        .to_string(),
    );
    apply(&desk, &tokens).ends_with(5).says("it has other tokens").says("Secret stale/second");
    apply(&desk, &plan).ends_with(0);
}

#[test]
fn a_narrowing_that_is_old_says_so_and_is_held_against_the_log_as_it_is() {
    let Some(cluster) = cluster() else { return };
    let kim = "kim@slow.example";
    let role = json!({"apiVersion": super::RBAC, "kind": "Role",
        "metadata": {"name": "ops", "namespace": "slow"},
        "rules": [{"apiGroups": [""], "resources": ["pods", "services", "configmaps"],
            "verbs": ["get"]}]});
    let mut own = binding(Some("slow"), "ops", "ops", &json!([user(kim)]));
    own["roleRef"]["kind"] = json!("Role");
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "slow"}});
    cluster.load(&[namespace, role, own].map(|one| one.to_string()).join("\n"));
    let client = cluster.client_cert(kim, &[]).kubeconfig;
    let gets = |what: &str| {
        let words = ["get", what, "no-such", "-n", "slow", "--ignore-not-found"];
        assert!(may(&cluster, &client, &words), "{what}");
        let is = |event: &Value| {
            event["user"]["username"] == kim && event["objectRef"]["resource"] == what
        };
        cluster.await_audit("kim's request", is);
    };
    gets("pods");
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let with_log = ["--audit", &log, "--no-store"];
    let who = format!("user:{kim}");
    let narrow = [&["narrow", &who, "--younger-than", "0"][..], &with_log].concat();
    let plan = planned(&desk, &narrow);
    // Three months later it says how old it is, and what it rests on.
    let mut command = desk.command(&["apply", &plan]);
    command.env("KEYBOOK_NOW", (Utc::now() + TimeDelta::days(92)).to_rfc3339());
    let output = run(command, "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("the plan was made on") && said.contains(", 92 days ago"), "{said}");
    assert!(said.contains("the log that it rests on ended on"), "{said}");
    // Somebody else holds the role that nobody else held.
    let mut theirs = binding(Some("slow"), "theirs", "ops", &json!([user("bob")]));
    theirs["roleRef"]["kind"] = json!("Role");
    cluster.load(&theirs.to_string());
    apply(&desk, &plan).ends_with(5).says("others hold it").says("user:bob by RoleBinding");
    cluster.kubectl_ok(&["delete", "rolebinding", "theirs", "-n", "slow"]);
    // A request that was allowed since, and would be refused.
    gets("services");
    let with_it = ["apply", &plan, "--yes", "tests", "--audit", &log];
    let refused = desk.keybook(&with_it).ends_with(5);
    assert!(refused.err.contains("get services"), "{}", refused.err);
    gets("services");
    // A plan of the log as it is now keeps it.
    let plan = planned(&desk, &narrow);
    desk.keybook(&["apply", &plan, "--yes", "tests", "--audit", &log]).ends_with(0);
    gets("services");
}

/// A certificate that the API server gives a user in groups by a request of that name, with its key: a
/// kubeconfig, and until when it is good.
fn signed(
    cluster: &Cluster,
    desk: &Desk,
    name: &str,
    user: &str,
    groups: &[&str],
) -> (String, String) {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    let mut params = rcgen::CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    for group in groups {
        params.distinguished_name.push(rcgen::DnType::OrganizationName, *group);
    }
    params.distinguished_name.push(rcgen::DnType::CommonName, user);
    let key = rcgen::KeyPair::generate().expect("a key");
    let request = params.serialize_request(&key).expect("a request").pem().expect("PEM");
    cluster.load(
        &json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": name},
            "spec": {"request": STANDARD.encode(request), "usages": ["client auth"],
                "signerName": "kubernetes.io/kube-apiserver-client"}})
        .to_string(),
    );
    cluster.kubectl_ok(&["certificate", "approve", name]);
    let certificate = await_some("a certificate", || {
        let words = ["get", "csr", name, "-o", "jsonpath={.status.certificate}"];
        Some(cluster.kubectl_ok(&words)).filter(|text| !text.is_empty())
    });
    let der = pem::parse(STANDARD.decode(&certificate).expect("base64")).expect("PEM");
    let (_, read) = x509_parser::parse_x509_certificate(der.contents()).expect("a certificate");
    let ends = chrono::DateTime::from_timestamp(read.validity().not_after.timestamp(), 0);
    let config = json!({
        "clusters": [{"name": "tests", "cluster": {
            "server": cluster.server(), "certificate-authority": cluster.ca_file()}}],
        "users": [{"name": "own", "user": {"client-certificate-data": certificate,
            "client-key-data": STANDARD.encode(key.serialize_pem())}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "own"}}],
        "current-context": "tests",
    });
    let path = desk.folder.path().join(format!("{name}.kubeconfig")).display().to_string();
    std::fs::write(&path, config.to_string()).expect("written");
    (path, ends.expect("a time").format("%Y-%m-%d %H:%M UTC").to_string())
}

#[test]
fn a_certificate_that_is_made_again_does_not_stop_a_plan_and_is_said_with_its_end() {
    let Some(cluster) = cluster() else { return };
    let ann = "ann@certified.example";
    let group = |name: &str| json!([{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": name}]);
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "certified"}}),
        binding(Some("certified"), "ann", "view", &json!([user(ann)])),
        binding(Some("certified"), "readers", "view", &group("readers")),
    ];
    cluster.load(&objects.map(|one| one.to_string()).join("\n"));
    let desk = Desk::new(cluster.kubeconfig());
    let reads = ["get", "pods", "-n", "certified"];
    let (first, _) = signed(&cluster, &desk, "ann-1", ann, &["staff"]);
    assert!(may(&cluster, first.as_ref(), &reads));
    let who = format!("user:{ann}");
    let plan = planned(&desk, &["revoke", &who]);
    // Made again, of the same name and group.
    let (second, ends) = signed(&cluster, &desk, "ann-2", ann, &["staff"]);
    let told = "it has another certificate since the plan was made on";
    let until = format!("CertificateSigningRequest ann-2, good until {ends}");
    let said = apply(&desk, &plan).ends_with(0);
    said.says(told).says(&until).says("it authenticates until then");
    for client in [&first, &second] {
        await_some("ann to be refused", || (!may(&cluster, client.as_ref(), &reads)).then_some(()));
        assert!(
            may(&cluster, client.as_ref(), &["auth", "whoami"]),
            "it authenticates, as was said"
        );
    }
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    // With another group, which is given something, revoking would leave that.
    let plan = planned(&desk, &["revoke", &who]);
    let (third, _) = signed(&cluster, &desk, "ann-3", ann, &["readers"]);
    let by = "group:readers by RoleBinding certified/readers (ClusterRole view)";
    apply(&desk, &plan).ends_with(5).says("by the groups in its certificates").says(by);
    let plan = planned(&desk, &["revoke", &who]);
    apply(&desk, &plan).ends_with(0);
    await_some("ann to be refused", || (!may(&cluster, second.as_ref(), &reads)).then_some(()));
    assert!(
        may(&cluster, third.as_ref(), &reads),
        "what the group gives stays, which the new plan says"
    );
    let text = std::fs::read_to_string(&plan).expect("a plan");
    assert!(text.contains("what user:ann@certified.example has by the group readers"), "{text}");
}
