//! Changes on a real API server, made by the real binary: what is revoked is refused, what is undone
//! is as it was, and whatever ends a run in the middle loses nothing.

mod alone;
mod attacked;
mod beside_audit2rbac;
mod certified;
mod ending;
mod faults;
mod given_back;
mod killed;
mod many;
mod mapped;
mod narrowing;
mod owned;
mod retiring;
mod revoking;
mod split_troubled;
mod splitting;
mod taken_back;
mod troubled;
mod undone;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cluster::{Cluster, Options};
use crate::support::process::run;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn cluster() -> Option<Cluster> {
    Cluster::start(&Options::default())
}

struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ran {
    #[track_caller]
    fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, words: &str) -> Self {
        assert!(self.err.contains(words), "{words:?} is not in:\n{}", self.err);
        self
    }

    /// What it printed, whatever its lines.
    fn text(&self) -> String {
        self.out.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.err))
    }
}

/// A person with a kubeconfig and a folder of their own.
struct Desk {
    folder: TempDir,
    kubeconfig: PathBuf,
}

impl Desk {
    fn new(kubeconfig: PathBuf) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), kubeconfig }
    }

    /// The same person by another way to the cluster.
    fn by(&mut self, kubeconfig: &str) -> PathBuf {
        let path = self.folder.path().join("other.kubeconfig");
        std::fs::write(&path, kubeconfig).expect("write a kubeconfig");
        std::mem::replace(&mut self.kubeconfig, path)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_keybook"));
        command
            .arg("--kubeconfig")
            .arg(&self.kubeconfig)
            .args(words)
            .env_remove("KUBECONFIG")
            .env("KEYBOOK_CONFIG", "")
            .env("XDG_DATA_HOME", self.folder.path().join("data"))
            .env("HOME", self.folder.path());
        command
    }

    fn keybook(&self, words: &[&str]) -> Ran {
        let output = run(self.command(words), "");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Plans to a file and gives its path.
    fn plan(&self, what: &[&str]) -> String {
        let number = std::fs::read_dir(self.folder.path()).expect("its files").count();
        let path = self.folder.path().join(format!("plan-{number}.yaml")).display().to_string();
        let words = [&["revoke", "--out", &path][..], what].concat();
        self.keybook(&words).ends_with(0);
        path
    }

    /// A keybook that is killed once it has got far enough.
    fn start(&self, words: &[&str]) -> Child {
        let mut command = self.command(words);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().expect("start keybook")
    }
}

fn user(name: &str) -> Value {
    json!({"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": name})
}

fn binding(ns: Option<&str>, name: &str, role: &str, subjects: &Value) -> Value {
    let mut object = json!({
        "apiVersion": RBAC,
        "kind": if ns.is_some() { "RoleBinding" } else { "ClusterRoleBinding" },
        "metadata": {"name": name, "labels": {"team": "ops"},
            "annotations": {"example.org/why": "yes", "example.org/number": "0777"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": subjects,
    });
    if let Some(ns) = ns {
        object["metadata"]["namespace"] = json!(ns);
    }
    object
}

/// A namespace in which kim and lee hold things, and kim something alone; and a token Secret.
fn world(cluster: &Cluster, ns: &str) -> World {
    let (kim, lee) = (format!("kim-{ns}@corp.example"), format!("lee-{ns}@corp.example"));
    let objects = [
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ns}}),
        binding(
            None,
            &format!("{ns}-nodes"),
            "system:node-problem-detector",
            &json!([user(&lee), user(&kim)]),
        ),
        binding(Some(ns), "both", "view", &json!([user(&kim), user(&lee)])),
        binding(Some(ns), "lone", "edit", &json!([user(&kim)])),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bot", "namespace": ns}}),
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "bot-token", "namespace": ns, "labels": {"team": "ops"},
                "annotations": {"kubernetes.io/service-account.name": "bot"}}}),
    ];
    let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
    cluster.load(&lines.join("\n"));
    let world = World { ns: ns.to_owned(), kim, lee };
    world.await_token(cluster);
    world
}

struct World {
    ns: String,
    kim: String,
    lee: String,
}

impl World {
    /// What a run over everything revokes: four objects.
    fn all(&self) -> [String; 2] {
        [format!("user:{}", self.kim), format!("secret:{}/bot-token", self.ns)]
    }

    /// The token that the controller puts into the Secret.
    fn await_token(&self, cluster: &Cluster) -> String {
        crate::support::process::await_some("a token", || {
            let args =
                ["get", "secret", "bot-token", "-n", &self.ns, "-o", "jsonpath={.data.token}"];
            let output = cluster.kubectl(&args);
            let text = String::from_utf8(output.stdout).expect("text");
            Some(text).filter(|text| !text.is_empty())
        })
    }

    /// The three bindings and the Secret's metadata, but for what the server sets.
    fn state(&self, cluster: &Cluster) -> Vec<Option<Value>> {
        let nodes = format!("{}-nodes", self.ns);
        let places: [&[&str]; 4] = [
            &["clusterrolebinding", &nodes],
            &["rolebinding", "both", "-n", &self.ns],
            &["rolebinding", "lone", "-n", &self.ns],
            &["secret", "bot-token", "-n", &self.ns],
        ];
        places
            .into_iter()
            .map(|place| {
                let output = cluster.kubectl(&[&["get", "-o", "json"], place].concat());
                let mut object: Value = serde_json::from_slice(&output.stdout).ok()?;
                let meta = object["metadata"].as_object_mut().expect("metadata");
                for field in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
                    meta.remove(field);
                }
                object.as_object_mut().expect("an object").remove("data");
                Some(object)
            })
            .collect()
    }

    /// What [`Self::state`] is once everything is revoked.
    fn revoked(&self, before: &[Option<Value>]) -> Vec<Option<Value>> {
        let without_kim = |at: usize| {
            let mut object = before[at].clone().expect("it was there");
            object["subjects"] = json!([user(&self.lee)]);
            Some(object)
        };
        vec![without_kim(0), without_kim(1), None, None]
    }
}

/// Whether a client of the cluster's own is let through.
fn may(cluster: &Cluster, kubeconfig: &Path, args: &[&str]) -> bool {
    let flag = format!("--kubeconfig={}", kubeconfig.display());
    let output = cluster.kubectl(&[args, &[&flag]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success()
            || said.contains("Forbidden")
            || said.contains("Unauthorized")
            || said.contains("must be logged in"),
        "{said}"
    );
    output.status.success()
}

/// Whether the API server takes a token, as a Secret has it, for somebody's.
fn accepted(cluster: &Cluster, token: &str) -> bool {
    use base64::Engine as _;
    let token = base64::engine::general_purpose::STANDARD.decode(token).expect("base64");
    let config = json!({
        "clusters": [{"name": "tests", "cluster": {
            "server": cluster.server(), "certificate-authority": cluster.ca_file()}}],
        "users": [{"name": "bot", "user": {"token": String::from_utf8(token).expect("text")}}],
        "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "bot"}}],
        "current-context": "tests",
    });
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(file.path(), config.to_string()).expect("write");
    may(cluster, file.path(), &["auth", "whoami"])
}
