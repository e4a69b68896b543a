//! Exec plugins: programs that fetch credentials. They get no terminal and limited time, and what
//! they complain of goes into the error.

use std::process::{Output, Stdio};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::kubeconfig::{ClusterEntry, Exec, Hidden};
use crate::cluster::Error;

/// Name of the extension whose data a plugin is handed.
const EXTENSION: &str = "client.authentication.k8s.io/exec";

/// How much of a plugin's complaint is kept, from its end, in characters.
const COMPLAINT: usize = 2_000;

/// More than this of what a plugin prints is not read, in bytes.
const PRINTED: u64 = 1 << 20;

/// What a plugin gave.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fetched {
    pub(super) token: Option<Hidden>,
    /// Certificate and key, PEM.
    pub(super) certificate: Option<(String, Hidden)>,
    /// When they are to be fetched anew; None for as long as they are accepted.
    pub(super) expires: Option<DateTime<Utc>>,
}

/// A plugin with everything that it is told.
#[derive(Clone, Debug)]
pub(super) struct Plugin {
    exec: Exec,
    user: String,
    info: String,
    limit: Duration,
}

impl Plugin {
    /// The plugin of a user, for a cluster.
    ///
    /// # Errors
    /// Where the CA that the plugin is to be told cannot be read.
    pub(super) fn new(
        exec: &Exec,
        user: &str,
        cluster: &ClusterEntry,
        limit: Duration,
    ) -> Result<Self, Error> {
        // kubectl lets a plugin talk to the terminal where there is one. A full-screen program
        // cannot share its terminal, so a plugin is always told that there is none.
        let mut spec = json!({ "interactive": false });
        if exec.provide_cluster_info {
            spec["cluster"] = cluster_info(cluster)?;
        }
        let info = json!({
            "kind": "ExecCredential",
            "apiVersion": exec.api_version,
            "spec": spec,
        });
        Ok(Self { exec: exec.clone(), user: user.to_owned(), info: info.to_string(), limit })
    }

    fn tried(&self) -> String {
        format!("run the exec plugin {:?} of user {:?}", self.exec.command, self.user)
    }

    /// Runs it.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] with what the plugin complained of, where it fails, hangs, or
    /// gives nothing that is of use.
    pub(super) async fn fetch(&self) -> Result<Fetched, Error> {
        let failed = |cause: String| Error::Unauthenticated { tried: self.tried(), cause };
        if self.exec.command.is_empty() {
            return Err(failed("the kubeconfig names no command".to_owned()));
        }
        let mut command = tokio::process::Command::new(&self.exec.command);
        command
            .args(&self.exec.args)
            .envs(self.exec.env.iter().map(|variable| (&variable.name, &variable.value)))
            .env("KUBERNETES_EXEC_INFO", &self.info)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let process = command.spawn().map_err(|error| {
            let hint = self.exec.install_hint.as_deref().unwrap_or_default();
            failed(format!("{error}\n{hint}").trim().to_owned())
        })?;
        let Ok(output) = tokio::time::timeout(self.limit, output(process)).await else {
            return Err(failed(format!(
                "it did not end within {:?}; it may be waiting for somebody to log in: run it, or \
                 `kubectl get --raw /version`, once in a terminal of its own",
                self.limit
            )));
        };
        let output = output.map_err(|error| failed(error.to_string()))?;
        if !output.status.success() {
            return Err(failed(complaint(&output)));
        }
        if output.stdout.len() as u64 > PRINTED {
            return Err(failed("what it printed is too long for an ExecCredential".to_owned()));
        }
        parse(&output.stdout).map_err(failed)
    }
}

/// Waits for its end. Of what it prints no more is kept than can be of use: one that floods takes
/// no memory.
async fn output(mut process: tokio::process::Child) -> std::io::Result<Output> {
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let (status, stdout, stderr) = tokio::join!(process.wait(), begin(stdout), begin(stderr));
    Ok(Output { status: status?, stdout: stdout?, stderr: stderr? })
}

/// A byte more than is of use, of what comes; the rest is read and dropped, so that it ends as it
/// would.
async fn begin(pipe: Option<impl AsyncRead + Unpin>) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        (&mut pipe).take(PRINTED + 1).read_to_end(&mut bytes).await?;
        tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    }
    Ok(bytes)
}

/// Why a plugin failed, in its own words as far as it has any.
fn complaint(output: &Output) -> String {
    let words = String::from_utf8_lossy(&output.stderr);
    let words = words.trim();
    let skipped = words.chars().count().saturating_sub(COMPLAINT);
    let kept: String = words.chars().skip(skipped).collect();
    if kept.is_empty() { output.status.to_string() } else { format!("{}: {kept}", output.status) }
}

#[derive(Deserialize)]
struct Credential {
    #[serde(default)]
    kind: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Status {
    token: Option<Hidden>,
    client_certificate_data: Option<String>,
    client_key_data: Option<Hidden>,
    expiration_timestamp: Option<DateTime<Utc>>,
}

/// Reads an `ExecCredential`, JSON or YAML. Complaints quote nothing of it.
fn parse(stdout: &[u8]) -> Result<Fetched, String> {
    let text =
        std::str::from_utf8(stdout).map_err(|_| "what it printed is not UTF-8".to_owned())?;
    let credential: Credential = yaml_serde::from_str(text).map_err(|error| {
        let place =
            error.location().map_or_else(String::new, |at| format!(" at line {}", at.line()));
        format!("what it printed is not an ExecCredential{place}")
    })?;
    if credential.kind != "ExecCredential" {
        return Err("what it printed is not an ExecCredential".to_owned());
    }
    let status = credential.status.ok_or("its ExecCredential has no status")?;
    let token = status.token.filter(|token| !token.reveal().is_empty());
    let certificate = match (status.client_certificate_data, status.client_key_data) {
        (Some(certificate), Some(key)) => Some((certificate, key)),
        (None, None) => None,
        _ => return Err("it gave a certificate or a key without the other".to_owned()),
    };
    if token.is_none() && certificate.is_none() {
        return Err("it gave neither a token nor a certificate".to_owned());
    }
    Ok(Fetched { token, certificate, expires: status.expiration_timestamp })
}

/// `spec.cluster` of what a plugin is told.
fn cluster_info(cluster: &ClusterEntry) -> Result<Value, Error> {
    let mut info = json!({ "server": cluster.server });
    if let Some(name) = &cluster.tls_server_name {
        info["tls-server-name"] = json!(name);
    }
    if cluster.insecure_skip_tls_verify {
        info["insecure-skip-tls-verify"] = json!(true);
    }
    if let Some(proxy) = &cluster.proxy_url {
        info["proxy-url"] = json!(proxy);
    }
    if cluster.disable_compression {
        info["disable-compression"] = json!(true);
    }
    if let Some(ca) = super::pki::authority(cluster)? {
        info["certificate-authority-data"] = json!(STANDARD.encode(ca));
    }
    if let Some(extension) = cluster.extensions.iter().find(|have| have.name == EXTENSION) {
        info["config"] = extension.extension.clone();
    }
    Ok(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(script: &str, limit: Duration) -> Plugin {
        let exec = Exec {
            api_version: "client.authentication.k8s.io/v1".to_owned(),
            command: "sh".to_owned(),
            args: vec!["-c".to_owned(), script.to_owned()],
            ..Exec::default()
        };
        Plugin::new(&exec, "ops", &ClusterEntry::default(), limit).expect("a plugin")
    }

    async fn cause(plugin: &Plugin) -> String {
        match plugin.fetch().await {
            Err(Error::Unauthenticated { tried, cause }) => {
                assert!(tried.contains("of user \"ops\""), "{tried}");
                cause
            }
            other => panic!("{other:?}"),
        }
    }

    const PATIENCE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn a_token_is_taken_from_json_and_yaml() {
        for text in [
            r#"{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1",
                "status":{"token":"t","expirationTimestamp":"2030-01-01T00:00:00Z"}}"#,
            "kind: ExecCredential\nstatus:\n  token: t\n  expirationTimestamp: 2030-01-01T00:00:00Z\n",
        ] {
            let fetched = plugin(&format!("cat <<'E'\n{text}\nE"), PATIENCE).fetch().await;
            let fetched = fetched.expect("credentials");
            assert_eq!(fetched.token.as_ref().map(Hidden::reveal), Some("t"));
            assert_eq!(fetched.expires.map(|at| at.timestamp()), Some(1_893_456_000));
        }
    }

    #[tokio::test]
    async fn it_is_told_that_there_is_no_terminal() {
        let script = r#"
            if read -r line; then echo "stdin is open" >&2; exit 1; fi
            case "$KUBERNETES_EXEC_INFO" in *'"interactive":false'*) ;; *) exit 1;; esac
            echo '{"kind":"ExecCredential","status":{"token":"t"}}'"#;
        plugin(script, PATIENCE).fetch().await.expect("credentials");
    }

    #[tokio::test]
    async fn what_it_complains_of_is_the_error() {
        let said =
            cause(&plugin("echo 'session expired: log in again' >&2; exit 7", PATIENCE)).await;
        assert!(said.contains("session expired: log in again") && said.contains('7'), "{said}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_given_up() {
        let said = cause(&plugin("sleep 1000", Duration::from_millis(50))).await;
        assert!(said.contains("did not end within 50ms"), "{said}");
    }

    #[tokio::test]
    async fn one_that_floods_takes_no_memory() {
        let flood = "i=0; while [ $i -lt 40 ]; do head -c 1048576 /dev/zero | tr '\\0' x";
        let long = plugin(&format!("{flood}; i=$((i+1)); done"), PATIENCE);
        assert_eq!(cause(&long).await, "what it printed is too long for an ExecCredential");
        let loud = format!(
            "({flood} >&2; i=$((i+1)); done); echo '{{\"kind\":\"ExecCredential\",\"status\":{{\"token\":\"t\"}}}}'"
        );
        assert!(plugin(&loud, PATIENCE).fetch().await.is_ok());
        // It is given up like one that hangs, and not kept.
        let endless = plugin("exec cat /dev/zero", Duration::from_millis(300));
        assert!(cause(&endless).await.contains("did not end"));
        let read = begin(Some(tokio::io::repeat(b'x').take(9 * PRINTED))).await.expect("read");
        assert_eq!(read.len() as u64, PRINTED + 1);
    }

    #[tokio::test]
    async fn nothing_of_use_is_said_without_quoting_it() {
        for (text, want) in [
            ("hunter2", "not an ExecCredential"),
            (r#"{"kind":"Secret","status":{"token":"hunter2"}}"#, "not an ExecCredential"),
            (
                r#"{"kind":"ExecCredential","status":{"token":["hunter2"]}}"#,
                "not an ExecCredential",
            ),
            (r#"{"kind":"ExecCredential"}"#, "no status"),
            (r#"{"kind":"ExecCredential","status":{}}"#, "neither a token nor a certificate"),
            (
                r#"{"kind":"ExecCredential","status":{"clientKeyData":"hunter2"}}"#,
                "without the other",
            ),
        ] {
            let said = cause(&plugin(&format!("cat <<'E'\n{text}\nE"), PATIENCE)).await;
            assert!(said.contains(want) && !said.contains("hunter2"), "{said}");
        }
    }

    #[tokio::test]
    async fn a_missing_program_comes_with_the_hint_how_to_get_it() {
        let exec = Exec {
            command: "no-such-program-anywhere".to_owned(),
            install_hint: Some("get it from your platform team".to_owned()),
            ..Exec::default()
        };
        let plugin = Plugin::new(&exec, "ops", &ClusterEntry::default(), PATIENCE).expect("one");
        let said = cause(&plugin).await;
        assert!(said.contains("get it from your platform team"), "{said}");
    }

    #[test]
    fn the_cluster_is_told_where_the_kubeconfig_says_so() {
        let mut cluster = ClusterEntry {
            server: Some("https://api.example.org".to_owned()),
            certificate_authority_data: Some(STANDARD.encode("pem")),
            ..ClusterEntry::default()
        };
        cluster.extensions.push(super::super::kubeconfig::Extension {
            name: EXTENSION.to_owned(),
            extension: json!({"audience": "a"}),
        });
        let exec = Exec { provide_cluster_info: true, ..Exec::default() };
        let plugin = Plugin::new(&exec, "ops", &cluster, PATIENCE).expect("a plugin");
        let info: Value = serde_json::from_str(&plugin.info).expect("JSON");
        assert_eq!(
            info["spec"]["cluster"],
            json!({
                "server": "https://api.example.org",
                "certificate-authority-data": STANDARD.encode("pem"),
                "config": {"audience": "a"},
            })
        );
    }
}
