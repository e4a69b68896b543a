//! Somebody behind a shared account who gets a client certificate: its key is made by whoever applies,
//! the API server signs it, and what is true of it afterwards was said before.

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::ClientConfig;
use serde_json::Value;

use super::splitting::{ACTORS, Driven, Driver, state, strs, words, world, written};
use super::{Desk, cluster};
use crate::activity::client::{Request, Server};
use crate::support::process::await_some;

/// The certificate and the key of a kubeconfig, PEM, and its comment.
fn opened(path: &Path) -> (String, String, String) {
    let text = std::fs::read_to_string(path).expect("a kubeconfig");
    let comment: Vec<&str> = text.lines().filter(|line| line.starts_with('#')).collect();
    let config: Value = serde_json::from_str(text.lines().last().expect("a line")).expect("JSON");
    let user = &config["users"][0]["user"];
    let pem = |field: &str| {
        let encoded = user[field].as_str().expect("data");
        String::from_utf8(STANDARD.decode(encoded).expect("base64")).expect("PEM")
    };
    (pem("client-certificate-data"), pem("client-key-data"), comment.join("\n"))
}

fn send(server: &Server, tls: &Arc<ClientConfig>, (method, path): (&'static str, &str)) -> u16 {
    let merges = method == "PATCH";
    let request = Request {
        method,
        uri: path.to_owned(),
        headers: vec![("Content-Type".to_owned(), "application/merge-patch+json".to_owned())],
        body: if merges { "{}".to_owned() } else { String::new() },
        from: 13,
        ..Request::default()
    };
    server.send(tls, &request).expect("an answer").status
}

#[test]
fn a_certificate_is_its_holders_and_lasts_as_was_said() {
    let Some(cluster) = cluster() else { return };
    let Driven { desk, log, plan, .. } = Driven::by(&cluster, &ACTORS);
    let mut all = words(&log, &plan);
    let more = ["--certificate", "cy", "--to", "cy=user:cy@corp.example", "--token-days", "2"];
    all.extend(more.map(str::to_owned));
    let planned = desk.keybook(&strs(&all)).ends_with(0);
    assert!(planned.text().contains("a certificate cannot be revoked"), "{}", planned.out);
    let before = state(&cluster);
    let out = desk.folder.path().join("hand-over");
    let out_text = out.display().to_string();
    // Looking asks for nothing to be signed.
    let requests = || cluster.kubectl_ok(&["get", "csr", "-o", "name"]);
    let were = requests();
    desk.keybook(&["apply", &plan, "--out", &out_text]).ends_with(0).says("nothing was written");
    assert_eq!((requests(), out.exists()), (were, false));
    let applied =
        desk.keybook(&["apply", &plan, "--out", &out_text, "--yes", "tests"]).ends_with(0);

    let (pem, key, comment) = opened(&out.join("cy.kubeconfig"));
    let der = pem::parse(&pem).expect("PEM");
    let (_, certificate) =
        x509_parser::parse_x509_certificate(der.contents()).expect("a certificate");
    let subject = certificate.subject();
    let names: Vec<&str> = subject.iter_common_name().filter_map(|it| it.as_str().ok()).collect();
    assert_eq!((names, subject.iter_organization().count()), (vec!["cy@corp.example"], 0));
    // What was asked for is what was granted, and what is said.
    let ends = certificate.validity().not_after.timestamp();
    let lasts = chrono::DateTime::from_timestamp(ends, 0).expect("a time");
    let days = (lasts - chrono::Utc::now()).num_minutes();
    assert!((2 * 1440 - 10..=2 * 1440).contains(&days), "{days} minutes");
    let said = lasts.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    assert!(comment.contains(&format!("# expires: {said}")), "{comment}");
    assert!(applied.err.contains(&said), "{}", applied.err);
    // The key is said and kept nowhere.
    let secret = key.lines().nth(1).expect("a line of it");
    assert!(!written(&desk).contains(secret));
    for text in [&planned.out, &planned.err, &applied.out, &applied.err, &pem, &comment] {
        assert!(!text.contains(secret));
    }

    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let file = |name: &str, text: &str| {
        let path = desk.folder.path().join(name);
        std::fs::write(&path, text).expect("write");
        path
    };
    let (cert, key) = (file("cy.pem", &pem), file("cy.key", &key));
    let tls = server.tls(Some((&cert, &key)));
    for other in &ACTORS {
        for done in other.does {
            let status = send(&server, &tls, *done);
            assert_eq!(status == 403, other.name != "cy", "{done:?}: {status}");
            assert_ne!(status, 401);
        }
    }
    // Audit logs know it by the id that the comment has.
    let id = comment.lines().find_map(|line| line.strip_prefix("# credential: ")).expect("an id");
    await_some("the certificate in the log", || {
        let lines = cluster.audit_events();
        let is_own = |line: &&Value| {
            let ids = &line["user"]["extra"]["authentication.kubernetes.io/credential-id"];
            line["user"]["username"] == "cy@corp.example" && ids[0] == id
        };
        lines.iter().find(is_own).map(drop)
    });
    // kubectl reads it too.
    let config = format!("--kubeconfig={}", out.join("cy.kubeconfig").display());
    let path = "jsonpath={.status.userInfo.username}";
    let who = cluster.kubectl_ok(&[&config, "auth", "whoami", "-o", path]);
    assert_eq!(who, "cy@corp.example");
    desk.keybook(&["verify", "1"]).ends_with(0);

    // Taken back, it is still somebody, who holds nothing.
    let undone = desk.keybook(&["undo", "1", "--yes", "tests"]).ends_with(0);
    assert_eq!(state(&cluster), before);
    assert!(undone.text().contains("which cannot be revoked"), "{}", undone.out);
    assert!(undone.text().contains(&said), "{}", undone.out);
    for done in ACTORS[2].does {
        assert_eq!(send(&server, &tls, *done), 403, "{done:?}");
    }
}

#[test]
fn who_may_not_approve_is_told_before_anything_is_made() {
    let Some(cluster) = cluster() else { return };
    let mut lines: Vec<String> = world().iter().map(Value::to_string).collect();
    let operator = super::binding(
        None,
        "operator",
        "operator",
        &serde_json::json!([super::user("op@corp.example")]),
    );
    // All but the signer.
    let rules = serde_json::json!([
        {"verbs": ["*"], "apiGroups": [""], "resources": ["*"]},
        {"verbs": ["*"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["*"]},
        {"verbs": ["*"], "apiGroups": ["certificates.k8s.io"],
            "resources": ["certificatesigningrequests", "certificatesigningrequests/approval"]},
        {"verbs": ["*"], "apiGroups": ["authorization.k8s.io"], "resources": ["*"]},
    ]);
    let role = serde_json::json!({"apiVersion": super::RBAC, "kind": "ClusterRole",
        "metadata": {"name": "operator"}, "rules": rules});
    lines.extend([role.to_string(), operator.to_string()]);
    cluster.load(&lines.join("\n"));
    let driver = Driver::new(&cluster);
    driver.drive(&ACTORS);
    let desk = Desk::new(cluster.kubeconfig());
    let log = cluster.audit_log().display().to_string();
    let plan = desk.folder.path().join("plan.yaml").display().to_string();
    let mut all = words(&log, &plan);
    all.extend(["--certificate", "cy"].map(str::to_owned));
    desk.keybook(&strs(&all)).ends_with(0);
    let before = state(&cluster);
    let out = desk.folder.path().join("hand-over").display().to_string();
    let words = ["apply", &plan, "--out", &out, "--yes", "tests", "--as", "op@corp.example"];
    let refused = desk.keybook(&words).ends_with(5);
    refused.says("you may not approve signers.certificates.k8s.io");
    assert_eq!(state(&cluster), before);
    assert!(!Path::new(&out).exists());
}
