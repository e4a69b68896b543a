use std::fs;

use super::super::target::{Target, short_name};
use super::super::{ConnectOptions, Variables};
use super::*;

const FIRST: &str = r"
apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: prod
  cluster: {server: 'https://prod.example.org', certificate-authority: pki/ca.crt}
contexts:
- name: prod
  context: {cluster: prod, user: ops, namespace: shop}
- name: blank
  context:
- name: empty
users:
- name: ops
  user:
    client-certificate: /abs/ops.crt
    client-key: ops.key
    exec: null
";

const SECOND: &str = r"
current-context: test
clusters:
- name: prod
  cluster: {server: 'https://elsewhere.example.org'}
- name: test
  cluster: {server: 'https://test.example.org:6443'}
contexts:
- name: test
  context: {cluster: test, user: robot}
users:
- name: robot
  user:
    tokenFile: robot.token
    exec: {command: ./bin/login, args: null, env: [{name: A, value: b}]}
- name: other
  user:
    exec: {command: login}
";

/// A folder with kubeconfigs, and options that look at nothing else.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// `KUBECONFIG` lists these files.
    fn options(&self, listed: &[&str]) -> ConnectOptions {
        let paths = listed
            .iter()
            .map(|name| if name.is_empty() { PathBuf::new() } else { self.path(name) });
        let listed = std::env::join_paths(paths).expect("no odd paths");
        let variables = Variables::default().with("HOME", self.0.path()).with("KUBECONFIG", listed);
        ConnectOptions { variables, ..ConnectOptions::default() }
    }
}

fn cause(result: Result<Target, Error>) -> String {
    match result {
        Err(Error::Config { tried, cause }) => format!("{tried}: {cause}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_file_to_say_something_wins_and_missing_ones_are_passed_over() {
    let folder = Folder::new(&[("a/one", FIRST), ("b/two", SECOND), ("nothing", "")]);
    let mut options = folder.options(&["missing", "a/one", "", "nothing", "b/two", "a/one"]);
    let target = Target::find(&options).expect("a target");
    assert_eq!(
        (target.context.as_str(), target.server.as_str()),
        ("prod", "https://prod.example.org")
    );
    assert_eq!(target.namespace.as_deref(), Some("shop"));
    // Relative paths are those of the file that names them.
    let ca = folder.path("a/pki/ca.crt").to_string_lossy().into_owned();
    assert_eq!(target.cluster.certificate_authority, Some(ca));
    assert_eq!(target.user.client_certificate.as_deref(), Some("/abs/ops.crt"));
    let key = folder.path("a/ops.key").to_string_lossy().into_owned();
    assert_eq!(target.user.client_key, Some(key));
    options.context = Some("test".to_owned());
    let target = Target::find(&options).expect("a target");
    assert_eq!(target.server, "https://test.example.org:6443");
    let file = folder.path("b/robot.token").to_string_lossy().into_owned();
    assert_eq!(target.user.token_file, Some(file));
    let exec = target.user.exec.expect("a plugin");
    assert_eq!(Path::new(&exec.command), folder.path("b/./bin/login"));
    // A bare command is looked for in PATH.
    options.user = Some("other".to_owned());
    let target = Target::find(&options).expect("a target");
    assert_eq!(target.user.exec.map(|exec| exec.command).as_deref(), Some("login"));
}

#[test]
fn flags_win_over_the_context() {
    let folder = Folder::new(&[("one", FIRST), ("two", SECOND)]);
    let mut options = folder.options(&["one", "two"]);
    options.cluster = Some("test".to_owned());
    options.user = Some("robot".to_owned());
    options.as_user = Some("ada@corp.example".to_owned());
    options.as_groups = vec!["dev".to_owned()];
    let target = Target::find(&options).expect("a target");
    assert_eq!(target.server, "https://test.example.org:6443");
    assert_eq!((target.context.as_str(), target.user_name.as_str()), ("prod", "robot"));
    assert_eq!(target.user.as_user.as_deref(), Some("ada@corp.example"));
    assert_eq!(target.user.as_groups, ["dev"]);
}

#[test]
fn what_is_missing_is_said_with_what_there_is() {
    let folder = Folder::new(&[("one", FIRST), ("two", SECOND)]);
    let of = |change: fn(&mut ConnectOptions)| {
        let mut options = folder.options(&["one", "two"]);
        change(&mut options);
        cause(Target::find(&options))
    };
    let said = of(|options| options.context = Some("nowhere".to_owned()));
    assert!(
        said.contains(
            "context \"nowhere\" does not exist; the contexts are prod, blank, empty, test"
        ),
        "{said}"
    );
    for name in ["blank", "empty"] {
        let mut options = folder.options(&["one"]);
        options.context = Some(name.to_owned());
        let said = cause(Target::find(&options));
        assert!(said.contains("names no cluster; name one with --cluster"), "{said}");
    }
    let said = of(|options| options.cluster = Some("nowhere".to_owned()));
    assert!(
        said.contains("cluster \"nowhere\" does not exist; the clusters are prod, test"),
        "{said}"
    );
    let said = of(|options| options.user = Some("nobody".to_owned()));
    assert!(
        said.contains("user \"nobody\" does not exist; the users are ops, robot, other"),
        "{said}"
    );
    let said = of(|options| options.as_groups = vec!["dev".to_owned()]);
    assert!(said.contains("name one with --as"), "{said}");
}

#[test]
fn a_given_file_must_be_there_and_the_usual_ones_need_not() {
    let folder = Folder::new(&[(".kube/config", SECOND)]);
    let mut options = folder.options(&["missing"]);
    let said = cause(Target::find(&options));
    assert!(said.contains("missing") && said.contains("--kubeconfig or KUBECONFIG"), "{said}");
    options.variables = Variables::default().with("HOME", folder.0.path());
    assert_eq!(Target::find(&options).expect("a target").context, "test");
    options.kubeconfig = Some(folder.path("missing"));
    let said = cause(Target::find(&options));
    assert!(said.ends_with("missing: there is no such file"), "{said}");
    options.kubeconfig = Some(folder.0.path().to_owned());
    assert!(cause(Target::find(&options)).contains("directory"));
}

#[test]
fn what_is_no_kubeconfig_is_named_with_its_place() {
    let folder = Folder::new(&[
        ("list", "- a\n- b\n"),
        ("broken", "clusters:\n- name: [\n"),
        ("comment", "# nothing here\n"),
        ("scalar", "hello"),
    ]);
    for name in ["list", "broken", "scalar"] {
        let said = cause(Target::find(&folder.options(&[name])));
        assert!(said.contains(name) && said.contains("not a kubeconfig"), "{said}");
    }
    fs::write(folder.path("binary"), [0xC3, 0x28, 0x00]).expect("a file");
    let said = cause(Target::find(&folder.options(&["binary"])));
    assert!(said.contains("not UTF-8"), "{said}");
    let said = cause(Target::find(&folder.options(&["comment"])));
    assert!(said.contains("says where a cluster is"), "{said}");
}

#[test]
fn files_of_other_encodings_are_read() {
    let folder = Folder::new(&[]);
    let mut wide = vec![0xFF, 0xFE];
    wide.extend(SECOND.encode_utf16().flat_map(u16::to_le_bytes));
    fs::write(folder.path("wide"), wide).expect("a file");
    let mut marked = vec![0xEF, 0xBB, 0xBF];
    marked.extend(SECOND.as_bytes());
    fs::write(folder.path("marked"), marked).expect("a file");
    for name in ["wide", "marked"] {
        assert_eq!(Target::find(&folder.options(&[name])).expect("a target").context, "test");
    }
}

#[test]
fn a_user_that_is_not_there_is_nobody_and_said_later() {
    let text = FIRST.replace("- name: ops", "- name: somebody");
    let folder = Folder::new(&[("one", &text)]);
    let target = Target::find(&folder.options(&["one"])).expect("a target");
    assert_eq!(target.user, UserEntry::default());
    assert_eq!(
        target.note.as_deref(),
        Some("user \"ops\" of context \"prod\" is not in the kubeconfig")
    );
}

#[test]
fn in_a_pod_its_account_is_used_unless_a_kubeconfig_says_otherwise() {
    let folder = Folder::new(&[
        ("account/token", "t"),
        ("account/ca.crt", "c"),
        ("account/namespace", "robots\n"),
        ("one", FIRST),
    ]);
    let mut options = folder.options(&[]);
    options.pod_account = folder.path("account");
    let variables = Variables::default()
        .with("KUBERNETES_SERVICE_HOST", "fd00::1")
        .with("KUBERNETES_SERVICE_PORT", "443");
    options.variables = variables.clone();
    let target = Target::find(&options).expect("a target");
    assert_eq!((target.context.as_str(), target.server.as_str()), ("", "https://[fd00::1]:443"));
    assert_eq!(target.namespace.as_deref(), Some("robots"));
    assert_eq!(target.changing_ca, Some(folder.path("account/ca.crt")));
    options.variables = variables.with("KUBECONFIG", folder.path("one"));
    assert_eq!(Target::find(&options).expect("a target").context, "prod");
}

#[test]
fn secrets_are_not_shown() {
    let text = r"{token: hunter1, password: hunter2, client-key-data: hunter3,
        auth-provider: {name: oidc, config: {refresh-token: hunter4}},
        exec: {command: c, env: [{name: TOKEN, value: hunter5}]}}";
    let user: UserEntry = yaml_serde::from_str(text).expect("a user");
    assert_eq!(user.token.as_ref().map(Hidden::reveal), Some("hunter1"));
    assert!(!format!("{user:?}").contains("hunter"), "{user:?}");
    for text in
        ["users: [{name: a, user: hunter1}]", "users: [{name: a, user: {exec: \"hunter2\"}}]"]
    {
        let said = parse(text).expect_err("no kubeconfig");
        assert!(!said.contains("hunter") && said.contains("line 1"), "{said}");
    }
}

#[test]
fn clusters_are_called_by_the_last_part_of_their_contexts_name() {
    for (context, name) in [
        ("prod", "prod"),
        ("arn:aws:eks:eu-west-1:000000000000:cluster/prod", "prod"),
        ("ops@prod", "prod"),
        ("gke_project_europe-west1_prod", "prod"),
        ("team_a", "team_a"),
        ("odd/", "odd/"),
        ("", "in-cluster"),
    ] {
        assert_eq!(short_name(context), name, "{context}");
    }
}

#[test]
fn merges_and_tags_are_what_kubectl_has_them_for() {
    let text = "\
clusters:
- &c {name: one, cluster: &server {server: !!binary aHR0cHM6Ly9vbmUuZXhhbXBsZS5vcmc=}}
- {name: two, cluster: {<<: *server, tls-server-name: two}}
users:
- {name: ops, user: &ops {token: abc, exec: {command: x, args: [--now], env: []}}}
- {name: more, user: {<<: *ops}}
";
    let read = parse(text).expect("a kubeconfig");
    let servers: Vec<_> = read.clusters.iter().map(|one| one.cluster.server.as_deref()).collect();
    assert_eq!(servers, [Some("https://one.example.org"); 2]);
    let more = &read.users[1].user;
    assert_eq!(more.token.as_ref().map(Hidden::reveal), Some("abc"));
    assert!(more.exec.is_some());
    // kubectl takes no merge of what is no map.
    let why = parse("users:\n- name: a\n  user: {<<: secret-token}\n").unwrap_err();
    assert!(why.starts_with("line 3: ") && !why.contains("secret-token"), "{why}");
}
