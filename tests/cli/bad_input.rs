//! Input that is missing, broken or nonsense: a clear message and the right exit code.

use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;

use super::Home;
use super::world;

/// A loopback port on which nobody listens.
fn closed_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

fn kubeconfig(port: u16) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\nclusters:\n- name: test\n  cluster:\n    \
         server: http://127.0.0.1:{port}\ncontexts:\n- name: test\n  context: {{cluster: test, user: test}}\n\
         users:\n- name: test\n  user: {{token: invented}}\n"
    )
}

#[test]
fn a_kubeconfig_that_is_missing_empty_or_for_nobody() {
    let home = Home::new();
    let missing = home.run(&["who", "--kubeconfig", "gone"]).ends_with(3);
    assert!(missing.err.contains("gone"), "{}", missing.err);
    let empty = home.put("empty", "");
    home.run(&["who", "--kubeconfig", &empty]).ends_with(3);
    home.run(&["who"]).ends_with(3);
    let broken = home.put("broken", "{[");
    home.run(&["who", "--kubeconfig", &broken]).ends_with(3);
    let config = home.put("config", kubeconfig(closed_port()));
    let nobody =
        home.run(&["who", "--kubeconfig", &config, "--request-timeout", "5s"]).ends_with(3);
    assert!(nobody.err.contains("127.0.0.1"), "{}", nobody.err);
    assert_eq!(nobody.out, "");
    let context = home.run(&["who", "--kubeconfig", &config, "--context", "other"]).ends_with(3);
    assert!(context.err.contains("other"), "{}", context.err);
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let config = home.put("config", kubeconfig(listener.local_addr().expect("bound").port()));
    let run =
        home.run(&["who", "--kubeconfig", &config, "--request-timeout", "200ms"]).ends_with(3);
    assert!(run.err.contains("127.0.0.1"), "{}", run.err);
}

#[test]
fn saved_objects_that_are_not_there_or_broken() {
    let home = Home::new();
    let gone = home.run(&["who", "--from", "gone.json"]).ends_with(2);
    assert!(gone.err.contains("gone.json: no such file"), "{}", gone.err);
    std::fs::create_dir(home.path().join("nothing")).expect("made");
    let empty = home.run(&["who", "--from", "nothing"]).ends_with(2);
    assert!(empty.err.contains("no .json, .yaml or .yml file"), "{}", empty.err);
    home.put("empty.json", "");
    home.run(&["who", "--from", "empty.json"]).ends_with(2);

    // What could be read is shown, and that it is not all is said and is the exit code.
    let whole = world::list(&world::objects());
    home.put("cut.json", &whole[..whole.len() - 300]);
    let cut = home.run(&["who", "--from", "cut.json"]).ends_with(4);
    assert!(cut.out.contains("user:root"), "{}", cut.out);
    assert!(cut.err.contains("unreadable: cut.json: line "), "{}", cut.err);
    assert!(cut.err.contains("incomplete: clusterroles: failed"), "{}", cut.err);

    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(whole.as_bytes()).expect("in memory");
    let zipped = zip.finish().expect("in memory");
    home.put("whole.json.gz", &zipped);
    home.run(&["who", "--from", "whole.json.gz"]).ends_with(0);
    home.put("cut.json.gz", &zipped[..zipped.len() / 2]);
    let cut = home.run(&["who", "--from", "cut.json.gz"]).ends_with(4);
    assert!(cut.err.contains("the gzip stream breaks off"), "{}", cut.err);

    // Another file of the same kind is not touched by it, and a folder reads them all.
    let folder = home.run(&["who", "--from", home.path().to_str().expect("text"), "-o", "json"]);
    assert_eq!(folder.code, 4, "{folder:?}");
    assert!(folder.json()["items"].as_array().is_some_and(|items| items.len() > 5));
}

#[test]
fn a_secret_in_broken_input_is_not_quoted() {
    let home = Home::new();
    let text = r#"{"apiVersion": "v1", "kind": "Secret", "metadata": "hunter2",
        "data": {"k": "hunter2", oops "hunter2"}}"#;
    for input in [text.to_owned(), text.replace("oops", ""), "data: hunter2: hunter2\n".to_owned()]
    {
        let run = home.run_with(&["who", "--from", "-", "-o", "json"], &input);
        assert!(!run.err.contains("hunter2") && !run.out.contains("hunter2"), "{run:?}");
        assert_eq!(run.code, 4, "{run:?}");
    }
}

#[test]
fn a_log_with_a_broken_line_in_the_middle() {
    let home = Home::new();
    let (objects, _) = home.world();
    let log = world::log();
    let mut lines: Vec<&str> = log.lines().collect();
    lines.insert(2, "{\"kind\":\"Event\",\"auditID\":\"");
    let log_lines = lines.len() - 1;
    let log = home.put("broken.log", lines.join("\n"));
    let run = home.run(&["who", "--from", &objects, "--audit", &log, "-o", "json"]).ends_with(0);
    let coverage = &run.json()["metadata"]["coverage"];
    assert_eq!(coverage["events"], log_lines);
    let unreadable = coverage["unreadable"].as_object().expect("some");
    assert_eq!(unreadable.len(), 1, "{unreadable:?}");
    let one = unreadable.values().next().expect("one");
    assert_eq!((&one["count"], &one["first"]["line"]), (&1.into(), &3.into()));
    assert!(run.err.contains("1 line unreadable"), "{}", run.err);
    assert!(run.err.contains("broken.log:3"), "{}", run.err);
    let gone = home.run(&["who", "--from", &objects, "--audit", "gone.log"]).ends_with(2);
    assert!(gone.err.contains("gone.log"), "{}", gone.err);
}

#[test]
fn no_terminal_at_all() {
    let home = Home::new();
    for words in [&[][..], &["demo"]] {
        let run = home.run(words).ends_with(2);
        assert!(run.err.contains("keybook who"), "{}", run.err);
        assert_eq!(run.out, "");
    }
    let run = home.run(&["-o", "json"]).ends_with(2);
    assert!(run.err.contains("keybook who -o json"), "{}", run.err);
}

#[test]
fn flags_and_words_that_make_no_sense() {
    let home = Home::new();
    let (objects, _) = home.world();
    for words in [
        &["who", "--frobnicate"][..],
        &["frobnicate"],
        &["who", "-o", "xml"],
        &["who", "--request-timeout", "soon"],
        &["who", "--groups", "jane"],
        &["who", "--as-group", "x"],
        &["who", "--from", "-", "--audit", "-"],
        &["check", "-", "--from", "-"],
        &["findings", "--fail-on", "dire"],
        &["can", "user:x", "get"],
        &["man", "nonsense"],
        &["who", "--require-coverage", "many"],
    ] {
        let run = home.run(words).ends_with(2);
        assert!(!run.err.is_empty() && run.out.is_empty(), "{words:?}: {run:?}");
    }
    for words in [
        &["who", "--context", "x"][..],
        &["can", "u:x", "get", "pods", "-n", "a", "-n", "b"],
        &["can", "u:x", "", "pods"],
        &["can", "u:x", "get", ""],
        &["can", "role:x", "get", "pods"],
    ] {
        let mut words = words.to_vec();
        words.extend(["--from", &objects]);
        let run = home.run(&words).ends_with(2);
        assert!(!run.err.is_empty() && run.out.is_empty(), "{words:?}: {run:?}");
    }
}

#[test]
fn a_resource_of_two_groups_is_ambiguous() {
    let home = Home::new();
    let crd = |group: &str| {
        serde_json::json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("widgets.{group}")}})
    };
    let mut objects = world::objects();
    objects.extend([crd("a.example.org"), crd("b.example.org")]);
    let objects = home.put("world.json", world::list(&objects));
    let run = home.run(&["can", "u:root", "get", "widgets", "--from", &objects]).ends_with(2);
    assert!(run.err.contains("widgets.a.example.org"), "{}", run.err);
    assert!(run.err.contains("widgets.b.example.org"), "{}", run.err);
    home.run(&["can", "u:root", "get", "widgets.a.example.org", "--from", &objects]).ends_with(0);
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    let home = Home::new();
    let mut child = home
        .command(&["who", "--demo", "-o", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{err}");
    assert!(!err.to_lowercase().contains("pipe") && !err.contains("panicked"), "{err}");
}

#[test]
fn a_time_that_is_none() {
    let home = Home::new();
    let (objects, _) = home.world();
    let output = home.command(&["who", "--from", &objects]).env("KEYBOOK_NOW", "soon").output();
    assert_eq!(output.expect("it runs").status.code(), Some(2));
}

#[test]
fn a_log_is_followed_only_where_somebody_looks() {
    let home = Home::new();
    for command in [&["who"][..], &["demo"], &["can", "user:ana", "get", "pods"], &["info"]] {
        let run = home.run(&[command, &["--follow", "--audit", "audit.log"]].concat()).ends_with(2);
        assert!(run.err.contains("--follow belongs to the terminal UI"), "{}", run.err);
    }
    let run = home.run(&["--follow"]).ends_with(2);
    assert!(run.err.contains("--follow needs a log"), "{}", run.err);
}
