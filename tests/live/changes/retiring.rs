//! A shared account that was split is retired in stages, as their days come: after the last of them its
//! own clients are refused, whatever they come with.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::faults::{Act, Faulty};
use super::killed::killed_at;
use super::splitting::{ACTORS, Driver, opened, strs, words, world};
use super::{Desk, accepted, binding, cluster, user, world as other_world};
use crate::activity::client::{Request, Server};
use crate::support::cluster::Cluster;
use crate::support::process::{await_some, run};
use crate::support::schemas::fits;

/// What `due` says in so many days, with the log and whatever else it is given.
fn due(desk: &Desk, more: &[&str], days: i64, code: i32) -> Value {
    due_by(desk, ("", more), days, code)
}

/// The same by a policy.
fn due_by(desk: &Desk, (policy, more): (&str, &[&str]), days: i64, code: i32) -> Value {
    let mut command = desk.command(&[&["due", "-o", "json"][..], more].concat());
    command.env("KEYBOOK_POLICY", policy);
    let then = chrono::Utc::now() + chrono::TimeDelta::days(days);
    command.env("KEYBOOK_NOW", then.to_rfc3339());
    let output = run(command, "");
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let said = serde_json::from_slice(&output.stdout).expect("JSON");
    fits("due-list.json", &said);
    said
}

/// Makes the first stage that is left, by the commands that `due` prints, copied as they are.
pub(super) fn make(desk: &Desk, more: &[&str], days: i64) {
    let stages = due(desk, more, days, 1);
    let stage = &stages["items"][0];
    assert_eq!((&stage["kind"], &stage["due"]), (&json!("stage"), &json!(true)));
    for (command, confirmed) in [("command", &[][..]), ("apply", &["--yes", "tests"])] {
        let words = stage[command].as_str().expect("a command").split(' ').skip(1);
        let words: Vec<&str> = words.chain(confirmed.iter().copied()).collect();
        let mut command = desk.command(&words);
        command.current_dir(desk.folder.path());
        let output = run(command, "");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{words:?}: {said}");
    }
}

/// The token that the controller puts into a Secret of the namespace team.
fn token_of(cluster: &Cluster, secret: &str) -> String {
    let text = await_some("a token", || {
        let args = ["get", "secret", secret, "-n", "team", "-o", "jsonpath={.data.token}"];
        Some(cluster.kubectl_ok(&args)).filter(|text| !text.is_empty())
    });
    String::from_utf8(STANDARD.decode(text).expect("base64")).expect("text")
}

fn an_exemption_is_due_when_its_last_day_has_ended(desk: &Desk, policy: &str) {
    let last = (chrono::Utc::now() + chrono::TimeDelta::days(3)).date_naive();
    let exemption = format!(
        "[[exemptions]]\nrule = \"idle\"\nidentity = \"user:break-glass\"\n\
         owner = \"platform\"\nreason = \"sealed\"\nexpires = {last}\n"
    );
    std::fs::write(policy, exemption).expect("a policy");
    let ends = due_by(desk, (policy, &[]), 3, 0);
    let ended = due_by(desk, (policy, &[]), 4, 1);
    let after = last.succ_opt().expect("a day");
    for (said, due) in [(ends, false), (ended, true)] {
        assert_eq!(
            said["items"],
            json!([{"kind": "exemption", "notBefore": format!("{after}T00:00:00Z"), "due": due,
                "rule": "idle", "identity": "user:break-glass", "owner": "platform",
                "reason": "sealed", "expires": last.to_string(), "from": format!("{policy}:1")}])
        );
    }
}

#[test]
fn an_account_that_was_split_is_retired_stage_by_stage() {
    let Some(cluster) = cluster() else { return };
    let lines: Vec<String> = world().iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
    let driver = Driver::new(&cluster);
    // Three people with tokens that are bound to nothing, and a pipeline with a Secret's.
    let tokens: Vec<String> = ACTORS.iter().map(|actor| driver.token(actor)).collect();
    for (actor, token) in ACTORS.iter().zip(&tokens) {
        driver.does(actor, token);
    }
    driver.await_logged(ACTORS.iter().map(|actor| actor.does.len()).sum());
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let with_log: &[&str] = &["--audit", &log];
    let file = |name: &str| desk.folder.path().join(name).display().to_string();
    let plan = file("plan.yaml");
    let mut all = words(&log, &plan);
    all.extend(["--retire-after", "7"].map(str::to_owned));
    let planned = desk.keybook(&strs(&all)).ends_with(0);
    let told = "tell everybody who uses sa:team/ops";
    assert!(planned.text().contains(told), "{}", planned.out);
    desk.keybook(&["due"]).ends_with(0).says("nothing is left");
    an_exemption_is_due_when_its_last_day_has_ended(&desk, &file("policy.toml"));
    let out = file("hand-over");
    desk.keybook(&["apply", &plan, "--out", &out, "--yes", "tests"]).ends_with(0);
    // Who may not read the UID of kube-system has another journal: that nothing is due is not known.
    for words in [["due"], ["journal"], ["verify"]] {
        let other = desk.keybook(&[&words[..], &["--as", "nobody@corp.example"]].concat());
        let other = other.ends_with(4).says("the UID of the namespace kube-system");
        other.says("another journal has runs against this API server").says("(1)");
    }
    // Whose journal has nothing of it sees by the cluster that there may be stages.
    let elsewhere = Desk::new(cluster.kubeconfig());
    let split = "sa:team/ops was split, by no run of the journal of this machine, and is there yet";
    elsewhere.keybook(&["due"]).ends_with(4).says(split);
    elsewhere.keybook(&["verify"]).ends_with(0).says("a split of sa:team/ops");
    // A Secret that is made after the plan, and somebody who goes on as before.
    let (ana, ci) = (&ACTORS[0], &ACTORS[3]);
    cluster.load(
        &json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "since", "namespace": "team",
                "annotations": {"kubernetes.io/service-account.name": "ops"}}})
        .to_string(),
    );
    let since = token_of(&cluster, "since");
    assert!(!matches!(driver.send(&since, ci, ci.does[0]), 401 | 403));
    driver.does(ana, &tokens[0]);
    let stages = await_some("who goes on to be in the log", || {
        let stages = due(&desk, with_log, 0, 0);
        let used = stages["items"][0]["remains"]["usedSince"].to_string();
        used.contains("127.0.1.11").then_some(stages)
    });
    let stages = stages["items"].as_array().expect("items");
    assert_eq!(stages.len(), 2);
    // Of the first stage and the last: what still authenticates, and as what.
    for stage in stages {
        let all = stage["remains"]["credentials"].as_array().expect("credentials");
        for secret in ["secret team/ops-token", "secret team/since"] {
            let found = all.iter().find(|one| one["id"] == secret).expect(secret);
            assert_eq!(found["authenticates"], json!(true));
            assert_eq!(found["until"], json!("for ever"));
        }
        assert!(all.iter().any(|one| one["kind"] == "issued token"), "{all:?}");
    }
    assert_eq!(due(&desk, with_log, 6, 0)["items"].as_array().map(Vec::len), Some(2));

    make(&desk, with_log, 8);
    // What Secrets hold is refused, and who has a token made for the account still comes in.
    for token in [&tokens[3], &since] {
        await_some("the token to be refused", || {
            (driver.send(token, ci, ci.does[0]) == 401).then_some(())
        });
    }
    assert!(!matches!(driver.send(&tokens[0], ana, ana.does[0]), 401 | 403));
    let stages = due(&desk, with_log, 8, 0);
    assert_eq!(stages["items"].as_array().map(Vec::len), Some(1));
    let left = stages["items"][0]["remains"]["credentials"].as_array().expect("credentials");
    let secrets: Vec<&Value> = left.iter().filter(|one| one["kind"] == "token Secret").collect();
    assert!(secrets.iter().all(|one| one["authenticates"] == json!(false)), "{secrets:?}");
    make(&desk, with_log, 15);
    for (actor, token) in ACTORS.iter().zip(&tokens).chain([(ci, &since)]) {
        for done in actor.does {
            await_some("the retired account to be refused", || {
                (driver.send(token, actor, *done) == 401).then_some(())
            });
        }
    }
    for left in ["sa/ops", "secret/ops-token", "secret/since", "rolebinding/ops"] {
        assert!(!cluster.kubectl(&["get", left, "-n", "team"]).status.success(), "{left}");
    }
    for item in due(&desk, with_log, 99, 0)["items"].as_array().expect("items") {
        // Who was told 403 while API servers still remembered the token is no credential.
        assert_eq!(
            (&item["kind"], &item["remains"]["credentials"]),
            (&json!("retired"), &json!([]))
        );
    }
    elsewhere.keybook(&["due"]).ends_with(0).says("nothing is left");
    // Those who were split off go on.
    for actor in &ACTORS {
        let (_, _, token) = opened(Path::new(&format!("{out}/{}.kubeconfig", actor.name)));
        for done in actor.does {
            let status = driver.send(&token, actor, *done);
            assert!(!matches!(status, 401 | 403), "{} {done:?}: {status}", actor.name);
        }
    }
}

#[test]
fn a_user_that_was_split_holds_nothing_afterwards_and_its_certificate_is_told_until_it_ends() {
    let Some(cluster) = cluster() else { return };
    let mut objects = world();
    objects.push(binding(Some("team"), "shared", "edit", &json!([user("shared")])));
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
    let certificate = cluster.client_cert("shared", &[]);
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let tls = server.tls(Some((&certificate.cert, &certificate.key)));
    let send = |from: u8, agent: &str, uri: &str| {
        let headers = vec![("User-Agent".to_owned(), agent.to_owned())];
        let request =
            Request { method: "GET", uri: uri.to_owned(), headers, from, ..Request::default() };
        server.send(&tls, &request).expect("an answer").status
    };
    let did = [
        (11, "kubectl/v1.36.1 (darwin/arm64) kubernetes/b1d5cc9", "/api/v1/namespaces/team/pods"),
        (40, "pipeline/4.1 (linux/amd64)", "/api/v1/namespaces/team/configmaps"),
    ];
    for (from, agent, uri) in did {
        assert_eq!(send(from, agent, uri), 200);
    }
    await_some("both in the log", || {
        let lines = cluster.audit_events();
        let own = |line: &&Value| {
            line["stage"] == "ResponseComplete" && line["user"]["username"] == "shared"
        };
        (lines.iter().filter(own).count() == 2).then_some(())
    });
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let inspected = certificate.kubeconfig.display().to_string();
    let more: &[&str] = &["--audit", &log, "--inspect", &inspected];
    let file = |name: &str| desk.folder.path().join(name).display().to_string();
    let (plan, out) = (file("plan.yaml"), file("hand-over"));
    let words = [
        &["split", "user:shared", "--out", &plan, "--into", "keys", "--retire-after", "7"][..],
        &["--actor", "ana=127.0.1.11"],
        more,
    ]
    .concat();
    // The pipeline is nobody's: that it is cut off has to be said.
    let refused = desk.keybook(&words).ends_with(5).says("--retire-unattributed");
    refused.says("1 request of user:shared").says("127.0.1.40");
    let words = [&words[..], &["--retire-unattributed"]].concat();
    let planned = desk.keybook(&words).ends_with(0);
    // Its end is a certificate's, by itself.
    let pem = std::fs::read(&certificate.cert).expect("a certificate");
    let der = pem::parse(&pem).expect("PEM");
    let (_, read) = x509_parser::parse_x509_certificate(der.contents()).expect("a certificate");
    let ends = chrono::DateTime::from_timestamp(read.validity().not_after.timestamp(), 0);
    let ends = ends.expect("a time");
    assert!(planned.text().contains("no write to the cluster ends it"), "{}", planned.out);
    let day = ends.format("until %Y-%m-%d").to_string();
    assert!(planned.text().contains(&day), "{day}: {}", planned.out);
    desk.keybook(&["apply", &plan, "--out", &out, "--yes", "tests"]).ends_with(0);
    let is_told = |said: &Value| {
        let credentials = said["items"][0]["remains"]["credentials"].as_array().expect("some");
        assert_eq!(credentials.len(), 1, "{said}");
        assert_eq!(credentials[0]["kind"], json!("client certificate"));
        assert_eq!(credentials[0]["authenticates"], json!(true));
        assert_eq!(
            credentials[0]["ends"],
            json!(ends.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        );
    };
    is_told(&due(&desk, more, 6, 0));
    make(&desk, more, 8);
    for (from, agent, uri) in did {
        await_some("the retired user to be refused", || {
            (send(from, agent, uri) == 403).then_some(())
        });
    }
    // It is somebody, who holds nothing, until the certificate ends.
    let said = await_some("who still tries to be in the log", || {
        let said = due(&desk, more, 0, 0);
        let used = said["items"][0]["remains"]["usedSince"].to_string();
        (used.contains("127.0.1.11") && used.contains("127.0.1.40")).then_some(said)
    });
    assert_eq!(
        (&said["items"][0]["kind"], &said["items"][0]["due"]),
        (&json!("retired"), &json!(false))
    );
    assert_eq!(
        said["items"][0]["notBefore"],
        said["items"][0]["remains"]["credentials"][0]["ends"]
    );
    is_told(&said);
}

#[test]
fn an_account_that_is_made_anew_keeps_what_it_holds_and_none_of_its_tokens() {
    let Some(cluster) = cluster() else { return };
    let world = other_world(&cluster, "anew");
    let bot = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "anew"}]);
    cluster.load(&binding(Some("anew"), "bot", "view", &bot).to_string());
    let encoded = |token: &str| STANDARD.encode(token.trim());
    let free = || encoded(&cluster.kubectl_ok(&["create", "token", "bot", "-n", "anew"]));
    let (in_secret, on_request) = (world.await_token(&cluster), free());
    for token in [&in_secret, &on_request] {
        assert!(accepted(&cluster, token));
    }
    // What names the account as its owner the garbage collector deletes with it.
    let of = |field: &str| {
        let path = format!("jsonpath={{.metadata.{field}}}");
        cluster.kubectl_ok(&["get", "sa", "bot", "-n", "anew", "-o", &path])
    };
    let owner =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "name": "bot", "uid": of("uid")});
    let state = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "state", "namespace": "anew", "ownerReferences": [owner]}});
    cluster.load(&state.to_string());
    let desk = Desk::new(cluster.kubeconfig());
    let plan = desk.plan(&["renew:anew/bot"]);
    let said = desk.keybook(&["apply", &plan]).ends_with(0).says("nothing was written");
    let owns =
        "ServiceAccount anew/bot is the owner of ConfigMap anew/state: the garbage collector";
    assert!(said.err.contains(owns), "{}", said.err);
    assert!(said.out.contains("the cluster deletes the Secrets"), "{}", said.out);
    desk.keybook(&["apply", &plan, "--yes", "tests"]).ends_with(0).says("run 1 is done");
    for token in [&in_secret, &on_request] {
        await_some("the token to be refused", || (!accepted(&cluster, token)).then_some(()));
    }
    await_some("its Secret to be gone", || {
        let secret = cluster.kubectl(&["get", "secret", "bot-token", "-n", "anew"]);
        (!secret.status.success()).then_some(())
    });
    await_some("what it owned to be gone", || {
        let state = cluster.kubectl(&["get", "configmap", "state", "-n", "anew"]);
        (!state.status.success()).then_some(())
    });
    // What it is granted it holds as before.
    let who = "--as=system:serviceaccount:anew:bot";
    let may = cluster.kubectl_ok(&["auth", "can-i", "list", "pods", "-n", "anew", who]);
    assert_eq!(may.trim(), "yes");
    assert!(accepted(&cluster, &free()));
    desk.keybook(&["verify", "1"]).ends_with(0);
    desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(5).says("do not come back");
}

#[test]
fn making_an_account_anew_that_is_killed_at_any_write_is_finished_or_undone() {
    let Some(cluster) = cluster() else { return };
    let faulty = Faulty::start(&cluster);
    other_world(&cluster, "killed");
    let mut desk = Desk::new(cluster.kubeconfig());
    desk.by(&faulty.kubeconfig());
    let uid = || {
        cluster.kubectl_ok(&["get", "sa", "bot", "-n", "killed", "-o", "jsonpath={.metadata.uid}"])
    };
    let done = |words: &[&str]| desk.keybook(&[words, &["--yes", "faulty"]].concat());
    let mut run = 0;
    for write in 0..2 {
        for act in [Act::HoldBefore, Act::HoldAfter] {
            for finish in [true, false] {
                let (before, plan) = (uid(), desk.plan(&["renew:killed/bot"]));
                run += 1;
                killed_at(&faulty, &desk, (write, act), &["apply", &plan, "--yes", "faulty"]);
                let number = run.to_string();
                let gone = write == 1 || act == Act::HoldAfter;
                if finish {
                    done(&["apply", "--finish", &number]).ends_with(0);
                    assert_ne!(uid(), before);
                    desk.keybook(&["verify", &number]).ends_with(0);
                    continue;
                }
                let undone = done(&["undo", &number]);
                assert_eq!(uid() == before, !gone, "{write} {act:?}: {}", undone.err);
                if write == 1 && act == Act::HoldAfter {
                    // It was made again, and nothing is left to take back.
                    undone.ends_with(5).says("do not come back");
                    done(&["apply", "--finish", &number]).ends_with(0);
                } else {
                    undone.ends_with(0);
                    run += 1;
                }
            }
        }
    }
}

#[test]
fn a_stage_of_which_nothing_was_written_is_not_done() {
    let Some(cluster) = cluster() else { return };
    let lines: Vec<String> = world().iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
    let driver = Driver::new(&cluster);
    for actor in &ACTORS {
        driver.does(actor, &driver.token(actor));
    }
    driver.await_logged(ACTORS.iter().map(|actor| actor.does.len()).sum());
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let plan = desk.folder.path().join("plan.yaml").display().to_string();
    let out = desk.folder.path().join("hand-over").display().to_string();
    let mut all = words(&log, &plan);
    all.extend(["--retire-after", "7"].map(str::to_owned));
    desk.keybook(&strs(&all)).ends_with(0);
    desk.keybook(&["apply", &plan, "--out", &out, "--yes", "tests"]).ends_with(0);
    // Helm has all of it, and would put it back.
    for (kind, name) in [("sa", "ops"), ("secret", "ops-token"), ("rolebinding", "ops")] {
        let own = [kind, name, "-n", "team", "--overwrite"];
        let by = "app.kubernetes.io/managed-by=Helm";
        cluster.kubectl_ok(&[&["label"], &own[..], &[by]].concat());
        let release = ["meta.helm.sh/release-name=ops", "meta.helm.sh/release-namespace=team"];
        cluster.kubectl_ok(&[&["annotate"], &own[..], &release].concat());
    }
    let stages = || due(&desk, &[], 99, 1)["items"].as_array().expect("items").clone();
    let before = stages();
    assert_eq!(before.len(), 2);
    let file = desk.folder.path().join("retire.yaml").display().to_string();
    let words = ["revoke", "account:team/ops", "--out", &file];
    let planned = desk.keybook(&words).ends_with(0);
    assert!(planned.text().contains("nothing is written"), "{}", planned.out);
    desk.keybook(&["apply", &file, "--yes", "tests"]).ends_with(5).says("the plan has no step");
    assert_eq!(stages().len(), 2);
    // Who deletes it by hand has done it, whoever's it is; its grants are left.
    cluster.kubectl_ok(&["delete", "sa", "ops", "-n", "team"]);
    let left = await_some("the account's Secrets to be gone", || {
        let left = stages();
        (left.len() == 1).then_some(left)
    });
    assert_eq!(left[0]["left"].as_array().map(Vec::len), Some(1), "{left:?}");
    assert!(left[0]["left"][0].as_str().expect("words").contains("sa:team/ops"), "{left:?}");
}
