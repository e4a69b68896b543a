//! A real Kubernetes control plane (`tests/cluster/`) under a test's control.
//!
//! A cluster lives as long as the value that stands for it, and no longer than the test process: the
//! control plane stops when its stdin ends, however the process ended. Its folder goes with it.

#![allow(clippy::expect_used, clippy::panic)] // A test has nobody to hand an error to.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ChildStdin, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;
use std::sync::{Mutex, OnceLock};

use serde_json::Value;

use super::process::{PATIENCE, await_some, lines_of, run, stdout};

/// How a cluster differs from an ordinary one.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// The name of cluster and context in kubeconfigs, where it is not to be `tests`.
    pub name: Option<String>,
    /// etcd and the API server only: no default `ServiceAccount`s, no aggregation, no tokens.
    pub without_controllers: bool,
    /// Also the controllers that make Pods of Deployments, Jobs and the like.
    pub workloads: bool,
    /// Write down every question to the authorizers; see [`Cluster::authorizer_questions`].
    pub record_authorizer: bool,
    /// What there is besides.
    pub beside: &'static [Beside],
    /// `Node,RBAC` instead of `RBAC`.
    pub authorization_mode: Option<String>,
    /// Static tokens: `token,user,uid,"group,group"` a line. Without it, those of
    /// [`Cluster::token`].
    pub tokens: Option<String>,
    /// An audit policy, where everything at level Metadata is not what is wanted.
    pub audit_policy: Option<String>,
    /// Further flags of `cluster up`.
    pub args: Vec<String>,
}

/// What a control plane does without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// As much of a kubelet as the API server needs to reach into pods; see
    /// [`Cluster::kubelet_port`].
    Kubelet,
    /// An aggregated API server with an audit log of its own; see [`Cluster::extension_log`].
    ExtensionServer,
}

/// The program that is the control plane and its tools, or `None` where the tests against it are
/// skipped, which is said.
///
/// # Panics
/// Where it has not been built, unless skipping was asked for: a test that silently tests nothing
/// is worse than one that fails.
pub fn program() -> Option<PathBuf> {
    if std::env::var_os("KEYBOOK_WITHOUT_CLUSTER").is_some_and(|value| value == "1") {
        eprintln!("skipped: KEYBOOK_WITHOUT_CLUSTER is 1");
        return None;
    }
    let Some(program) = std::env::var_os("KEYBOOK_CLUSTER_BIN") else {
        panic!(
            "KEYBOOK_CLUSTER_BIN is not set. Run tests/run, or set it to what \
             `tests/run --cluster-binary` prints, or set KEYBOOK_WITHOUT_CLUSTER=1 to skip this"
        );
    };
    Some(program.into())
}

/// A running control plane.
#[derive(Debug)]
pub struct Cluster {
    program: PathBuf,
    folder: PathBuf,
    supervisor: Mutex<Supervisor>,
    issued: AtomicUsize,
}

/// The process that keeps a control plane up, and the conversation with it.
#[derive(Debug)]
struct Supervisor {
    process: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    ready: Value,
}

/// A certificate of the cluster's CA, its key, and a kubeconfig that holds both.
#[derive(Debug, Clone)]
pub struct ClientCert {
    /// The certificate, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
    /// A kubeconfig by which to be its user.
    pub kubeconfig: PathBuf,
}

impl Cluster {
    /// Starts a control plane and waits until it is ready: about three seconds. `None` where the
    /// tests against it are skipped.
    pub fn start(options: &Options) -> Option<Self> {
        let program = program()?;
        let folder = new_folder();
        fs::create_dir_all(&folder).expect("make the cluster's folder");
        let mut command = Command::new(&program);
        command.arg("up").arg("--remove-dir").arg("--dir").arg(&folder);
        if let Some(name) = &options.name {
            command.args(["--name", name]);
        }
        if options.without_controllers {
            command.arg("--without-controller-manager");
        }
        if options.workloads {
            command.arg("--workloads");
        }
        if options.record_authorizer {
            command.arg("--record-authorizer");
        }
        command.args(options.beside.iter().map(|part| match part {
            Beside::Kubelet => "--kubelet",
            Beside::ExtensionServer => "--extension-server",
        }));
        if let Some(mode) = &options.authorization_mode {
            command.args(["--authorization-mode", mode]);
        }
        for (flag, file, content) in [
            ("--token-auth-file", "given-tokens.csv", &options.tokens),
            ("--audit-policy", "given-audit-policy.yaml", &options.audit_policy),
        ] {
            if let Some(content) = content {
                let path = folder.join(file);
                fs::write(&path, content).expect("write a file of the cluster's");
                command.arg(flag).arg(path);
            }
        }
        command.args(&options.args).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("KEYBOOK_CLUSTER_BIN={}: {error}", program.display()));
        let stdin = process.stdin.take();
        let lines = lines_of(process.stdout.take().expect("stdout is a pipe"));
        let mut supervisor = Supervisor { process, stdin, lines, ready: Value::Null };
        supervisor.ready = supervisor.answer("ready");
        Some(Self {
            program,
            folder,
            supervisor: Mutex::new(supervisor),
            issued: AtomicUsize::new(0),
        })
    }

    /// The one cluster that the tests of this binary share, started by the first to ask. They must
    /// not get in each other's way: each has namespaces and names of its own, and none restarts it.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Cluster>> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(&Options::default())).as_ref()
    }

    /// What the control plane said of itself when it was last ready.
    pub fn ready(&self) -> Value {
        self.lock().ready.clone()
    }

    fn field(&self, name: &str) -> String {
        let ready = self.ready();
        ready[name].as_str().unwrap_or_else(|| panic!("no {name} in {ready}")).to_owned()
    }

    /// The API server's URL, the same for as long as the cluster lives.
    pub fn server(&self) -> String {
        self.field("server")
    }

    /// A kubeconfig of an administrator by certificate, in `system:masters`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// The file of the CA that signs servers and clients.
    pub fn ca_file(&self) -> PathBuf {
        self.field("caFile").into()
    }

    /// The cluster's folder, for files that are to go with it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The audit log, everything that was asked of the API server but for what the control plane
    /// itself asks while it starts.
    pub fn audit_log(&self) -> PathBuf {
        self.field("auditLog").into()
    }

    /// Where the kubelet listens, with [`Beside::Kubelet`]: a Node has to say so.
    pub fn kubelet_port(&self) -> u16 {
        let port = self.ready()["kubeletPort"].as_u64().and_then(|port| u16::try_from(port).ok());
        port.expect("a kubelet")
    }

    /// The audit log of the aggregated API server, with [`Beside::ExtensionServer`]: it serves
    /// `flunders` in namespaces and `fischers` outside of them, both of `wardle.example.com/v1beta1`.
    pub fn extension_log(&self) -> PathBuf {
        self.field("extensionLog").into()
    }

    /// The process ids by name: `supervisor`, `etcd`, `kube-apiserver`, `kube-controller-manager`.
    pub fn pids(&self) -> Vec<(String, u32)> {
        let ready = self.ready();
        let pids = ready["pids"].as_object().expect("pids");
        pids.iter()
            .map(|(name, pid)| {
                let pid = pid.as_u64().and_then(|pid| u32::try_from(pid).ok());
                (name.clone(), pid.expect("a process id"))
            })
            .collect()
    }

    /// Kills the API server and starts it again at the same URL.
    pub fn restart_apiserver(&self) {
        self.lock().obey("restart-apiserver");
    }

    /// Kills the API server, until [`Self::start_apiserver`].
    pub fn stop_apiserver(&self) {
        self.lock().say("stop-apiserver").answer("stopped");
    }

    /// Starts the API server after [`Self::stop_apiserver`].
    pub fn start_apiserver(&self) {
        self.lock().obey("start-apiserver");
    }

    /// Makes the cluster forget its past: every resourceVersion and continue token handed out
    /// before is answered with 410. The API server is restarted by it.
    pub fn compact(&self) {
        self.lock().obey("compact");
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Supervisor> {
        self.supervisor.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs a tool of the control plane's program, such as `kubectl`, with its home in the
    /// cluster's folder.
    fn tool<S: AsRef<OsStr>>(&self, args: &[S], input: &str) -> Output {
        let mut command = self.command();
        command.args(args);
        run(command, input)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .env("HOME", &self.folder)
            .env("KUBECACHEDIR", self.folder.join("kubectl-cache"))
            .env("KUBERC", "off")
            .env_remove("KUBECONFIG");
        command
    }

    /// kubectl as the administrator, or as whom `--as` or `--kubeconfig=` among the arguments says.
    pub fn kubectl(&self, args: &[&str]) -> Output {
        self.kubectl_with(args, "")
    }

    /// The same, reading the input given: for `-f -`.
    pub fn kubectl_with(&self, args: &[&str], input: &str) -> Output {
        let kubeconfig = self.kubeconfig();
        let mut all = vec![OsStr::new("kubectl")];
        if !args.iter().any(|arg| arg.starts_with("--kubeconfig=")) {
            all.extend([OsStr::new("--kubeconfig"), kubeconfig.as_os_str()]);
        }
        all.extend(args.iter().map(OsStr::new));
        self.tool(&all, input)
    }

    /// What kubectl prints with these variables set.
    ///
    /// # Panics
    /// Where kubectl fails.
    pub fn kubectl_where(&self, args: &[&str], variables: &[(&str, &str)]) -> String {
        let mut command = self.command();
        command.arg("kubectl").args(args).envs(variables.iter().copied());
        stdout(run(command, ""), &format!("kubectl {}", args.join(" ")))
    }

    /// What kubectl prints.
    ///
    /// # Panics
    /// Where kubectl fails.
    pub fn kubectl_ok(&self, args: &[&str]) -> String {
        stdout(self.kubectl(args), &format!("kubectl {}", args.join(" ")))
    }

    /// A client certificate of a user in groups, good for a year.
    pub fn client_cert(&self, user: &str, groups: &[&str]) -> ClientCert {
        self.issue(user, groups, &[])
    }

    /// A client certificate that expired yesterday.
    pub fn expired_cert(&self, user: &str, groups: &[&str]) -> ClientCert {
        self.issue(user, groups, &["--expired"])
    }

    fn issue(&self, user: &str, groups: &[&str], flags: &[&str]) -> ClientCert {
        let number = self.issued.fetch_add(1, Ordering::Relaxed);
        let prefix = self.folder.join(format!("client-{number}"));
        let mut args = vec![OsStr::new("cert"), OsStr::new("--dir"), self.folder.as_os_str()];
        args.extend(["--cn", user].map(OsStr::new));
        for group in groups {
            args.extend(["--org", *group].map(OsStr::new));
        }
        args.extend([OsStr::new("--out"), prefix.as_os_str()]);
        args.extend(flags.iter().map(OsStr::new));
        stdout(self.tool(&args, ""), "cluster cert");
        let file = |extension| prefix.with_extension(extension);
        ClientCert { cert: file("crt"), key: file("key"), kubeconfig: file("kubeconfig") }
    }

    /// A kubeconfig of one of the static users: `token-ada` (ada@corp.example in platform and
    /// engineering), `token-bob` (bob@corp.example in engineering), `token-cleo`
    /// (cleo@partner.example), `token-ci` (ci-runner in automation) and `token-root`
    /// (root@corp.example in system:masters).
    pub fn token(&self, token: &str) -> PathBuf {
        let path = self.folder.join(format!("{token}.kubeconfig"));
        let config = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": {
                "server": self.server(),
                "certificate-authority": self.ca_file(),
            }}],
            "users": [{"name": token, "user": {"token": token}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": token}}],
            "current-context": "tests",
        });
        fs::write(&path, config.to_string()).expect("write a kubeconfig");
        path
    }

    /// Creates objects (JSON, one after another or in Lists) as fast as the API server takes them.
    ///
    /// # Panics
    /// Where one is refused. One that exists is left as it is.
    pub fn load(&self, objects: &str) -> Value {
        let kubeconfig = self.kubeconfig();
        let args = [OsStr::new("load"), OsStr::new("--kubeconfig"), kubeconfig.as_os_str()];
        let report = stdout(self.tool(&args, objects), "cluster load");
        serde_json::from_str(&report).expect("load prints JSON")
    }

    /// Has the API server answer `SubjectAccessReview`s, one JSON value a line. An answer is the
    /// review with its status, or the `Status` with which the server refuses it.
    pub fn sar(&self, reviews: &str) -> Vec<Value> {
        let kubeconfig = self.kubeconfig();
        let args = [OsStr::new("sar"), OsStr::new("--kubeconfig"), kubeconfig.as_os_str()];
        json_lines(&stdout(self.tool(&args, reviews), "cluster sar"))
    }

    /// Saves all RBAC objects to a folder, as kubectl prints them.
    pub fn save_rbac(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("make a folder");
        for resource in ["clusterroles", "clusterrolebindings", "roles", "rolebindings"] {
            let list = self.kubectl_ok(&["get", resource, "--all-namespaces", "-o", "json"]);
            fs::write(folder.join(resource).with_extension("json"), list).expect("save a list");
        }
    }

    /// The lines of the audit log so far.
    pub fn audit_events(&self) -> Vec<Value> {
        complete_lines(&self.audit_log())
    }

    /// What the authorizers were asked so far, with [`Options::record_authorizer`].
    pub fn authorizer_questions(&self) -> Vec<Value> {
        complete_lines(Path::new(&self.field("authorizerLog")))
    }

    /// The first line of the audit log that is wanted, once there is one. The API server writes a
    /// line before a response ends, yet a client may have what it needs sooner.
    pub fn await_audit(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        await_some(what, || self.audit_events().into_iter().find(&wanted))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let supervisor =
            self.supervisor.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        supervisor.stdin = None;
        let _ = supervisor.process.wait();
        // Gone already, unless the supervisor was killed.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Supervisor {
    fn say(&mut self, command: &str) -> &mut Self {
        let stdin = self.stdin.as_mut().expect("the supervisor's stdin is open");
        writeln!(stdin, "{command}").expect("the supervisor listens");
        self
    }

    fn obey(&mut self, command: &str) {
        self.ready = self.say(command).answer("ready");
    }

    /// The next line, which has to be of this event.
    fn answer(&mut self, event: &str) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| {
            // Nobody will stop a cluster that could not be handed out.
            self.stdin = None;
            panic!("the control plane did not say {event}: {error}; {:?}", self.process.try_wait())
        });
        let answer: Value = serde_json::from_str(&line).expect("the control plane answers in JSON");
        assert_eq!(answer["event"], event, "{line}");
        answer
    }
}

/// Answers `SubjectAccessReview`s, one JSON value a line, by the API server's RBAC authorizer over
/// objects saved to a file or a folder. Answers are of the form of [`Cluster::sar`]; needs no
/// cluster.
pub fn oracle(program: &Path, objects: &Path, reviews: &str) -> Vec<Value> {
    let mut command = Command::new(program);
    command.arg("oracle").arg("--objects").arg(objects);
    json_lines(&stdout(run(command, reviews), "cluster oracle"))
}

/// The RBAC objects that an API server installs by itself, as a List.
pub fn bootstrap_policy(program: &Path) -> Value {
    let mut command = Command::new(program);
    command.arg("bootstrap-policy");
    let list = stdout(run(command, ""), "cluster bootstrap-policy");
    serde_json::from_str(&list).expect("bootstrap-policy prints JSON")
}

/// A new name under the build's folder for temporary files of tests.
fn new_folder() -> PathBuf {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cluster-{}-{number}", process::id()))
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
}

/// The lines of a file that is being written, without one that is not whole yet.
fn complete_lines(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let end = text.rfind('\n').map_or(0, |last| last + 1);
    json_lines(&text[..end])
}
