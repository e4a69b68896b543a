//! The log as an API server serves it below `/logs/`.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::Receiver;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::reviews::folder;
use crate::support::cluster::{self, Cluster};
use crate::support::process::{PATIENCE, lines_of, run};

/// Serves a folder, and says what it was asked for.
struct Serving {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    kubeconfig: PathBuf,
}

impl Serving {
    fn start(cluster: &Cluster, served: &Path, folder: &Path) -> Option<Self> {
        let mut command = Command::new(cluster::program()?);
        command.arg("logs").arg("--kubeconfig").arg(cluster.kubeconfig());
        command.arg("--dir").arg(served).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("start the server of logs");
        let lines = lines_of(process.stdout.take().expect("stdout is a pipe"));
        let ready = lines.recv_timeout(PATIENCE).expect("where it listens");
        let ready: Value = serde_json::from_str(&ready).expect("JSON");
        let kubeconfig = folder.join("kubeconfig");
        let config = json!({"apiVersion": "v1", "kind": "Config",
            "clusters": [{"name": "tests", "cluster": {"server": ready["url"]}}],
            "users": [{"name": "one", "user": {}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "one"}}],
            "current-context": "tests"});
        fs::write(&kubeconfig, config.to_string()).expect("write a kubeconfig");
        let stdin = process.stdin.take();
        Some(Self { process, stdin, lines, kubeconfig })
    }

    /// The ranges of files asked for since this was asked last: path, from, to.
    fn asked(&self) -> Vec<(String, u64, u64)> {
        let parse = |line: String| {
            let asked: Value = serde_json::from_str(&line).expect("JSON");
            let range = asked["range"].as_str()?.strip_prefix("bytes=")?.to_owned();
            let (from, to) = range.split_once('-')?;
            let path = asked["path"].as_str()?.to_owned();
            Some((path, from.parse().ok()?, to.parse().ok()?))
        };
        self.lines.try_iter().filter_map(parse).collect()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.stdin = None;
        let _ = self.process.wait();
    }
}

/// What keybook prints, with a home of the test's own.
fn keybook(kubeconfig: &Path, home: &Path, words: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
    command
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(words)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("KEYBOOK_CONFIG", "")
        .env_remove("KUBECONFIG")
        .env_remove("KEYBOOK_NOW");
    let output = run(command, "");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

fn items(kubeconfig: &Path, home: &Path, words: &[&str]) -> Value {
    let all = [&["who", "-o", "json"], words].concat();
    let (_, out, err) = keybook(kubeconfig, home, &all);
    let answer: Value = serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {err}"));
    let coverage = &answer["metadata"]["coverage"];
    // Commands say by which options they mean the same log.
    let mut items = answer["items"].clone();
    for item in items.as_array_mut().into_iter().flatten() {
        for finding in item["findings"].as_array_mut().into_iter().flatten() {
            for text in ["command", "how"] {
                let said = finding["fix"][text].as_str().unwrap_or_default();
                let said: Vec<&str> = said.split(" --audit ").collect();
                if said.len() > 1 {
                    finding["fix"][text] = json!(said[0]);
                }
            }
        }
    }
    json!({"items": items, "events": coverage["events"], "from": coverage["from"],
        "to": coverage["to"], "unreadable": coverage["unreadable"]})
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(bytes).expect("into memory");
    out.finish().expect("into memory")
}

#[test]
fn a_server_that_serves_no_logs_or_not_to_everybody_is_told() {
    let Some(cluster) = Cluster::shared() else { return };
    let home = folder("served-refused");
    let (code, _, err) = keybook(&cluster.kubeconfig(), &home, &["who", "--audit", "apiserver:"]);
    assert!(code == 3 && err.contains("--enable-logs-handler"), "{code} {err}");
    let ada = cluster.token("token-ada");
    let (code, _, err) = keybook(&ada, &home, &["who", "--audit", "apiserver:audit.log"]);
    assert!(code == 3 && err.contains("cannot get path \"/logs/audit.log"), "{code} {err}");
    assert!(err.contains("nonResourceURLs /logs and /logs/*"), "{err}");
    let (code, _, err) = keybook(&ada, &home, &["--demo", "who", "--audit", "apiserver:"]);
    assert!(code == 2, "{err}");
    fs::remove_dir_all(home).expect("remove the folder");
}

#[test]
fn a_log_that_is_served_is_read_as_a_file_is_and_only_what_is_new_of_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let home = folder("served");
    let served = home.join("var-log");
    let logs = served.join("kubernetes/audit");
    fs::create_dir_all(&logs).expect("make a folder");
    // Long enough that its parts can be told, and not moving while it is read.
    for _ in 0..40 {
        cluster.kubectl_ok(&["get", "--raw", "/apis/rbac.authorization.k8s.io/v1/clusterroles"]);
    }
    let log = fs::read(cluster.audit_log()).expect("the log");
    let lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    let lines = &lines[..lines.len() - 1];
    let (old, rest) = lines.split_at(lines.len() / 4);
    let (now, later) = rest.split_at(rest.len() * 3 / 4);
    fs::write(logs.join("audit-2026-01-01T00-00-00.000.log.gz"), gzip(&old.concat()))
        .expect("write");
    fs::write(logs.join("audit.log"), now.concat()).expect("write");
    fs::write(served.join("syslog"), "something else\n").expect("write");
    let Some(serving) = Serving::start(cluster, &served, &home) else { return };
    let ask = |words: &[&str]| items(&serving.kubeconfig, &home, words);
    let path = logs.display().to_string();

    let from_files = ask(&["--no-store", "--audit", &path]);
    assert!(from_files["items"].as_array().is_some_and(|items| items.len() > 5), "{from_files}");
    assert_eq!(ask(&["--no-store", "--audit", "apiserver:"]), from_files);
    assert_eq!(ask(&["--audit", "apiserver:kubernetes/audit/"]), from_files);

    let take_in = || {
        let ingested =
            keybook(&serving.kubeconfig, &home, &["ingest", "--for", "tests", "apiserver:"]);
        assert_eq!(ingested.0, 0, "{}", ingested.2);
        ingested.2
    };
    assert!(take_in().contains("2 sources"));
    serving.asked();
    let size = fs::metadata(logs.join("audit.log")).expect("the log").len();
    let mut file = OpenOptions::new().append(true).open(logs.join("audit.log")).expect("open");
    file.write_all(&later.concat()).expect("write");
    let said = take_in();
    assert!(said.contains("1 source, 1 with nothing new"), "{said}");
    let asked = serving.asked();
    let again: u64 = asked
        .iter()
        .filter(|(path, from, _)| path.ends_with("audit.log") && *from < size)
        .map(|(_, from, to)| to.min(&size) - from)
        .sum();
    assert!(again < size / 2, "{again} of {size} bytes were asked for again: {asked:?}");
    // Rotated since: the same under another name, and nothing twice.
    fs::rename(logs.join("audit.log"), logs.join("audit-2026-02-02T00-00-00.000.log"))
        .expect("rename");
    fs::write(logs.join("audit.log"), lines[lines.len() - 1]).expect("write");
    take_in();
    let from_files = ask(&["--no-store", "--audit", &path]);
    let (code, out, err) = keybook(&serving.kubeconfig, &home, &["store", "list", "-o", "json"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("tests"), "{out}");
    let kept = home.join("data");
    assert!(kept.exists(), "the store is in the home given");
    // The context is called as the store is.
    assert_eq!(ask(&[]), from_files);
    drop(serving);
    fs::remove_dir_all(home).expect("remove the folder");
}
