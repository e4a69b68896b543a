//! A plan from its making to its undoing, and every way in which one is refused.

use serde_json::json;

use super::{Desk, accepted, binding, cluster, may, user, world};
use crate::support::cluster::{Cluster, Options};
use crate::support::process::await_some;

#[test]
fn what_is_revoked_is_refused_and_what_is_undone_is_as_it_was() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "whole");
    let kim = cluster.client_cert(&world.kim, &[]).kubeconfig;
    let lee = cluster.client_cert(&world.lee, &[]).kubeconfig;
    let deletes = ["delete", "configmap", "-n", "whole", "no-such", "--ignore-not-found"];
    let reads = ["get", "pods", "-n", "whole"];
    let nodes = ["get", "node", "no-such", "--ignore-not-found"];
    for args in [&deletes[..], &reads, &nodes] {
        assert!(may(&cluster, &kim, args), "{args:?}");
    }
    let token = world.await_token(&cluster);
    assert!(accepted(&cluster, &token));
    let before = world.state(&cluster);
    let desk = Desk::new(cluster.kubeconfig());
    let all = world.all();

    // The plan is data, and kubectl reads it.
    let plan = desk.plan(&[&all[0], &all[1]]);
    let text = std::fs::read_to_string(&plan).expect("a plan");
    assert!(text.starts_with("apiVersion: keybook/v1\n"), "{text}");
    let shown = desk.keybook(&["revoke", &all[0], &all[1], "-o", "json"]).ends_with(0).json();
    assert_eq!(shown["kind"], "Plan");
    let steps = shown["steps"].as_array().expect("steps");
    let words: Vec<String> = steps
        .iter()
        .map(|step| format!("{} {}", step["action"], step["target"]["name"]).replace('"', ""))
        .collect();
    assert_eq!(words, ["replace whole-nodes", "replace both", "delete lone", "delete bot-token"]);
    let decoded = "eyJ";
    assert!(!text.contains(&token) && !text.contains(decoded), "no token is in a plan");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&plan).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    // Applying it without a word tries it and writes nothing.
    let tried = desk.keybook(&["apply", &plan]).ends_with(0).says("nothing was written");
    assert!(
        tried.out.contains("- name: \"kim-whole@corp.example\"") || tried.out.contains("kim-whole")
    );
    assert_eq!(world.state(&cluster), before);
    desk.keybook(&["apply", &plan, "--yes", "prod"]).ends_with(5).says("is not the context");
    assert_eq!(world.state(&cluster), before);

    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");
    assert_eq!(world.state(&cluster), world.revoked(&before));
    for args in [&deletes[..], &reads, &nodes] {
        assert!(!may(&cluster, &kim, args), "{args:?}");
    }
    // The API server believes for ten seconds what it has just checked.
    await_some("the token to be refused", || (!accepted(&cluster, &token)).then_some(()));
    assert!(may(&cluster, &lee, &reads) && may(&cluster, &lee, &nodes), "nobody else notices");
    desk.keybook(&["verify"]).ends_with(0);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(5).says("run 1 applied this plan");

    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    for args in [&deletes[..], &reads, &nodes] {
        assert!(may(&cluster, &kim, args), "{args:?}");
    }
    // The API server of these tests signs with ECDSA: what is back is another token.
    let again = world.await_token(&cluster);
    assert_ne!(again, token);
    await_some("the new token to be accepted", || accepted(&cluster, &again).then_some(()));
    assert!(!accepted(&cluster, &token), "the old one stays refused");
    assert_eq!(world.state(&cluster), before);
    let journal = desk.keybook(&["journal"]).ends_with(0);
    assert!(journal.out.contains("undone by run 2"), "{}", journal.out);
    let journal = std::fs::read_dir(desk.folder.path().join("data/keybook/journal"));
    let file = journal.expect("a folder").next().expect("a journal").expect("a file").path();
    let text = std::fs::read_to_string(&file).expect("text");
    assert!(!text.contains(&token) && !text.contains(decoded), "no token is in the journal");

    // A journal that was changed is nothing to go by.
    let edited = text.replacen("kim-whole@corp.example", "lee-whole@corp.example", 1);
    std::fs::write(&file, edited).expect("write");
    for words in [&["journal"][..], &["undo", "2"], &["verify"], &["apply", &plan]] {
        desk.keybook(words).ends_with(5).says("was changed after it was written");
    }
}

#[test]
fn a_deleted_token_whose_manifest_is_applied_again_is_told_before_and_seen_after() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "again");
    let desk = Desk::new(cluster.kubeconfig());
    let what = "secret:again/bot-token";
    let plan = desk.plan(&[what]);
    let said = desk.keybook(&["revoke", what]).ends_with(0).out;
    assert!(said.contains("byte-identical token"), "{said}");
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    desk.keybook(&["verify", "1"]).ends_with(0);
    cluster.load(
        &json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "bot-token", "namespace": "again",
                "annotations": {"kubernetes.io/service-account.name": "bot"}}})
        .to_string(),
    );
    world.await_token(&cluster);
    desk.keybook(&["verify", "1"]).ends_with(1).says("Secret again/bot-token: it is there again");
}

#[test]
fn a_quarantined_token_is_refused_and_the_very_same_works_again() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "quarantine");
    let desk = Desk::new(cluster.kubeconfig());
    let token = world.await_token(&cluster);
    assert!(accepted(&cluster, &token));
    // What applied it noted all of it, the token too.
    let note = format!("applier.corp.example/last={token}");
    cluster.kubectl_ok(&["annotate", "secret", "bot-token", "-n", "quarantine", &note]);
    let plan = desk.plan(&["quarantine:quarantine/bot-token"]);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0);
    await_some("the token to be refused", || (!accepted(&cluster, &token)).then_some(()));
    // Whoever tries it is noted by the API server, which changes the Secret: it is undone all the same.
    cluster.kubectl_ok(&[
        "label",
        "secret",
        "bot-token",
        "-n",
        "quarantine",
        "--overwrite",
        "kubernetes.io/legacy-token-last-used=2026-01-01",
    ]);
    desk.keybook(&["verify"]).ends_with(0);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(world.await_token(&cluster), token);
    let journal = std::fs::read_dir(desk.folder.path().join("data/keybook/journal"));
    let journal = journal.expect("a folder").next().expect("a journal").expect("a file").path();
    for file in [plan, journal.display().to_string()] {
        let text = std::fs::read_to_string(&file).expect("a file");
        assert!(text.contains("bot-token") && !text.contains(&token), "{file}");
    }
    let path = "jsonpath={.metadata.annotations.applier\\.corp\\.example/last}";
    let noted = ["get", "secret", "bot-token", "-n", "quarantine", "-o", path];
    assert_eq!(cluster.kubectl_ok(&noted), token, "the change is to its label alone");
    await_some("the token to be accepted again", || accepted(&cluster, &token).then_some(()));
}

#[test]
fn a_plan_that_does_not_fit_is_refused_with_the_reason() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "fit");
    let desk = Desk::new(cluster.kubeconfig());
    let all = world.all();
    let plan = desk.plan(&[&all[0]]);
    let before = world.state(&cluster);
    let text = std::fs::read_to_string(&plan).expect("a plan");
    let apply = |text: &str| {
        let path = desk.folder.path().join("given.yaml");
        std::fs::write(&path, text).expect("write");
        desk.keybook(&["apply", &path.display().to_string(), "--yes", "tests"])
    };

    apply(&text.replace(&world.lee, "eve@corp.example"))
        .ends_with(5)
        .says("was changed after it was made");
    apply("apiVersion: v1\nkind: List\n").ends_with(5).says("it is v1 List");
    apply("- nothing").ends_with(5).says("is no Plan");
    desk.keybook(&["apply", "no-such-file", "--yes", "tests"]).ends_with(2);
    desk.keybook(&["apply", &plan, "--readonly", "--yes", "tests"]).ends_with(5).says("--readonly");
    desk.keybook(&["undo", "7", "--yes", "tests"]).ends_with(5).says("no run 7");
    desk.keybook(&["revoke", "user:nobody@corp.example"]).ends_with(1).says("nothing is known of");
    desk.keybook(&["revoke", "crb:no-such=user:a"]).ends_with(1).says("is not there");
    desk.keybook(&["revoke", "kim"]).ends_with(2).says("does not say what to revoke");
    assert_eq!(world.state(&cluster), before);

    // Somebody else was faster.
    cluster.kubectl_ok(&["label", "rolebinding", "both", "-n", "fit", "seen=yes"]);
    apply(&text).ends_with(5).says("RoleBinding fit/both was changed since the plan was made");
    cluster.kubectl_ok(&["delete", "rolebinding", "lone", "-n", "fit"]);
    apply(&text).ends_with(5).says("RoleBinding fit/lone: that is how it is already");
    let both = cluster.kubectl_ok(&[
        "get",
        "rolebinding",
        "both",
        "-n",
        "fit",
        "-o",
        "jsonpath={.subjects[*].name}",
    ]);
    assert!(both.contains(&world.kim), "nothing was written: {both}");

    // Another cluster, of the same names.
    let options = Options { without_controllers: true, ..Options::default() };
    let Some(other) = Cluster::start(&options) else { return };
    let elsewhere = Desk::new(other.kubeconfig());
    elsewhere
        .keybook(&["apply", &plan, "--yes", "tests"])
        .ends_with(5)
        .says("the plan is for the cluster");
}

#[test]
fn who_may_not_is_told_before_anything_is_written() {
    let Some(cluster) = cluster() else { return };
    let world = world(&cluster, "rights");
    let before = world.state(&cluster);
    let rbac = "rbac.authorization.k8s.io";
    let role = |name: &str, verbs: &[&str], resources: &[&str]| {
        json!({"apiVersion": super::RBAC, "kind": "ClusterRole", "metadata": {"name": name},
            "rules": [{"verbs": verbs, "apiGroups": [rbac, ""], "resources": resources}]})
    };
    let all = [
        "roles",
        "clusterroles",
        "rolebindings",
        "clusterrolebindings",
        "serviceaccounts",
        "namespaces",
        "secrets",
        "configmaps",
        "pods",
    ];
    let lines = [
        role("watcher", &["get", "list", "watch"], &all),
        role("remover", &["delete"], &["rolebindings"]),
        binding(None, "watcher", "watcher", &json!([user("op@corp.example")])),
        binding(Some("rights"), "remover", "remover", &json!([user("op@corp.example")])),
    ]
    .map(|object| object.to_string());
    cluster.load(&lines.join("\n"));
    let desk = Desk::new(cluster.client_cert("op@corp.example", &[]).kubeconfig);
    let context = desk.keybook(&["info"]).ends_with(0);
    drop(context);
    let apply = |what: &[&str]| {
        let plan = desk.plan(what);
        desk.keybook(&["apply", &plan])
    };
    let user_kim = format!("user:{}", world.kim);
    let both = format!("rb:rights/both={user_kim}");
    apply(&[&both]).ends_with(5).says(
        "you may not update rolebindings.rbac.authorization.k8s.io \"both\" in namespace rights",
    );
    // Deleting takes no more than the right to delete; putting it back does, and that is said.
    let lone = format!("rb:rights/lone={user_kim}");
    apply(&[&lone]).ends_with(0).says("you could not take it back");
    assert_eq!(world.state(&cluster), before);
}

#[test]
fn nobody_is_locked_out_by_a_slip() {
    let Some(cluster) = cluster() else { return };
    cluster.load(
        &binding(None, "root", "cluster-admin", &json!([user("root@corp.example")])).to_string(),
    );
    let root = cluster.client_cert("root@corp.example", &[]).kubeconfig;
    let desk = Desk::new(root);
    let out = desk.folder.path().join("plan.yaml").display().to_string();
    let refused = desk.keybook(&["revoke", "user:root@corp.example", "--out", &out]).ends_with(5);
    let sentence = refused.err.rsplit("--force \"").next().expect("a sentence");
    let sentence = sentence.trim_end().trim_end_matches('"').to_owned();
    assert!(sentence.starts_with("lock myself out of "), "{}", refused.err);
    assert!(!std::path::Path::new(&out).exists());
    let words = ["revoke", "user:root@corp.example", "--out", &out, "--force", &sentence];
    desk.keybook(&words).ends_with(0);
    // Who applies it has to say it too.
    desk.keybook(&["apply", &out]).ends_with(5).says(&sentence);
    desk.keybook(&["apply", &out, "--force", &sentence]).ends_with(0).says("nothing was written");
    // The certificate of system:masters is no way in by RBAC, and the last of all others goes.
    let admin = Desk::new(cluster.kubeconfig());
    let refused = admin.keybook(&["revoke", "user:root@corp.example"]);
    refused.ends_with(5).says("lock everybody out of");
}

#[test]
fn what_ends_with_a_secret_that_is_never_read_ends_and_does_not_come_back() {
    // What a token is bound to is in the body of the request for it.
    let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "rules": [
        {"level": "Request", "resources": [{"group": "", "resources": ["serviceaccounts/token"]}]},
        {"level": "Metadata"}]});
    let options = Options {
        audit_policy: Some(policy.to_string()),
        args: vec!["--apiserver-arg=--enable-bootstrap-token-auth=true".to_owned()],
        ..Options::default()
    };
    let Some(cluster) = Cluster::start(&options) else { return };
    let secret = |namespace: &str, name: &str, kind: &str, data: serde_json::Value| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": {"namespace": namespace, "name": name}, "stringData": data})
    };
    let space = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ends"}});
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "ends", "name": "bot"}});
    let bootstrap = secret(
        "kube-system",
        "bootstrap-token-rev123",
        "bootstrap.kubernetes.io/token",
        json!({"token-id": "rev123", "token-secret": "0123456789abcdef",
            "usage-bootstrap-authentication": "true"}),
    );
    let holds = secret("ends", "holds", "Opaque", json!({"other": "data"}));
    let lines = [space, account, bootstrap, holds].map(|one| one.to_string());
    cluster.load(&lines.join("\n"));
    // As a Secret has them.
    let encoded = |token: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(token.trim())
    };
    let boot = encoded("rev123.0123456789abcdef");
    await_some("the bootstrap token to be taken", || accepted(&cluster, &boot).then_some(()));
    let uid = cluster.kubectl_ok(&[
        "get",
        "secret",
        "holds",
        "-n",
        "ends",
        "-o",
        "jsonpath={.metadata.uid}",
    ]);
    let bound = cluster.kubectl_ok(&[
        "create",
        "token",
        "bot",
        "-n",
        "ends",
        "--bound-object-kind",
        "Secret",
        "--bound-object-name",
        "holds",
        "--bound-object-uid",
        uid.trim(),
    ]);
    let bound = encoded(&bound);
    let free = encoded(&cluster.kubectl_ok(&["create", "token", "bot", "-n", "ends"]));
    await_some("the tokens to be taken", || {
        (accepted(&cluster, &bound) && accepted(&cluster, &free)).then_some(())
    });
    let log = cluster.audit_log().display().to_string();
    let desk = Desk::new(cluster.kubeconfig());
    // Without the log nothing says that a token is bound to it.
    desk.keybook(&["revoke", "secret:ends/holds"]).ends_with(1);
    let plan = desk.folder.path().join("plan.yaml").display().to_string();
    let words = [
        "revoke",
        "secret:ends/holds",
        "secret:kube-system/bootstrap-token-rev123",
        "--audit",
        &log,
        "--no-store",
        "--out",
        &plan,
    ];
    let told = await_some("the log to say so", || {
        let told = desk.keybook(&words);
        (told.code == Some(0)).then_some(told)
    });
    assert!(told.out.contains("1 of sa:ends/bot"), "{}", told.out);
    assert!(told.out.contains("irreversible"), "{}", told.out);
    // What else is in it nobody can put back.
    let sentence = "delete what is in Secret ends/holds";
    let apply = ["apply", &plan, "--yes", "tests"];
    desk.keybook(&apply).ends_with(5).says("it holds 1 entry").says(sentence);
    assert!(accepted(&cluster, &bound) && accepted(&cluster, &boot));
    let forced = [&apply[..], &["--force", sentence]].concat();
    desk.keybook(&forced).ends_with(0).says("run 1 is done");
    for token in [&bound, &boot] {
        await_some("the token to be refused", || (!accepted(&cluster, token)).then_some(()));
    }
    assert!(accepted(&cluster, &free), "another token of the account is not touched");
    desk.keybook(&["verify", "1"]).ends_with(0);
    let undone = desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(5);
    undone.says("cannot be taken back");
}
