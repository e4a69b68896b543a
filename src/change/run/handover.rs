//! Kubeconfigs with tokens or keys: the only secrets that are ever written. Each is made once, readable by
//! whoever applies alone, and never in the place of a file that is there.
//!
//! A file has its name only once all of it is on the disk, so that one that is there is whole. A
//! process that ends before leaves a token that nobody has, which is bound to its Secret as the next one
//! is and ends with it, or a certificate whose key nobody has. What it may have left of the file is taken away before the next one is
//! written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::Path;

use chrono::SecondsFormat;
use serde_json::{Value, json};
use tempfile::TempPath;

use super::RunError;
use super::kubeconfig::Kubeconfig;
use crate::change::plan::{Plan, Step};

/// Bytes of a kubeconfig's comment, at most.
const COMMENT: u64 = 4096;

/// The kubeconfig's name, of a step that makes one; None where it says none, or a way to another
/// folder.
fn file(step: &Step) -> Option<&str> {
    let after = step.after.as_ref().filter(|_| step.target.is_credential())?;
    after["kubeconfig"].as_str().filter(|name| {
        let plain = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
        !name.is_empty() && name.chars().all(plain) && !name.starts_with('.')
    })
}

/// Whether a plan makes kubeconfigs.
pub fn makes_kubeconfigs(plan: &Plan) -> bool {
    plan.steps.iter().any(|step| step.target.is_credential())
}

/// Looks whether every kubeconfig of a plan can be written to a folder; those of the steps that `skip`
/// names may be there. A folder that is not there is made then.
///
/// # Errors
/// Where the folder cannot be written to, or a file is there: in words.
pub fn is_free(plan: &Plan, out: &Path, skip: &[u32]) -> Result<(), String> {
    let wanted = plan.steps.iter().filter(|step| step.target.is_credential());
    for step in wanted.filter(|step| !skip.contains(&step.id)) {
        let malformed = || format!("step {}: no credential in a form that keybook knows", step.id);
        let path = out.join(file(step).ok_or_else(malformed)?);
        if path.symlink_metadata().is_ok() {
            return Err(format!(
                "{} is there already, and is not written over: move it away, or name another folder",
                path.display()
            ));
        }
    }
    match out.metadata() {
        Ok(meta) if !meta.is_dir() => Err(format!("{}: no folder", out.display())),
        // What cannot be written there shows now, and not when a token is made.
        Ok(_) => tempfile::tempfile_in(out)
            .map(drop)
            .map_err(|error| format!("{}: {error}", out.display())),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty());
            match parent.unwrap_or(Path::new(".")).metadata() {
                Ok(meta) if meta.is_dir() => Ok(()),
                _ => Err(format!("{}: the folder that it is in is not there", out.display())),
            }
        }
        Err(error) => Err(format!("{}: {error}", out.display())),
    }
}

fn failed(path: &Path, error: &io::Error) -> RunError {
    RunError::Refused(format!("write {}: {error}", path.display()))
}

/// The folder, made where it is not there, readable by whoever applies alone.
pub(super) fn folder(out: &Path) -> Result<(), RunError> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(out) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed(out, &error)),
        _ => Ok(()),
    }
}

/// A line by which a kubeconfig is known to be a step's of this run.
fn mark(plan: &Plan, (run, step): (u64, u32)) -> String {
    let cluster = &plan.metadata.cluster.id;
    format!("# keybook: cluster {cluster}, run {run}, step {step}, plan {}", plan.metadata.digest)
}

/// What is said of one that was written: never the token.
fn left(path: &Path, expires: &str, credential: Option<&str>) -> Value {
    json!({
        "kubeconfig": path.display().to_string(), "expires": expires, "credential": credential,
    })
}

/// One that an earlier process wrote for this step, whole. Of the file its comment is read.
///
/// # Errors
/// Where another file has its name, or it cannot be read.
pub(super) fn found(
    plan: &Plan,
    (run, step): (u64, &Step),
    out: &Path,
) -> Result<Option<Value>, String> {
    let Some(name) = file(step) else { return Ok(None) };
    let path = out.join(name);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("read {}: {error}", path.display())),
    };
    let mut bytes = Vec::new();
    let read = file.take(COMMENT).read_to_end(&mut bytes);
    read.map_err(|error| format!("read {}: {error}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes);
    let mut comment = text.lines().take_while(|line| line.starts_with('#'));
    if comment.next() != Some(&mark(plan, (run, step.id))) {
        return Err(format!("{} is there, and is not this run's: move it away", path.display()));
    }
    let mut expires = "";
    let mut credential = None;
    for line in comment {
        expires = line.strip_prefix("# expires: ").unwrap_or(expires);
        credential = line.strip_prefix("# credential: ").or(credential);
    }
    Ok(Some(left(&path, expires, credential)))
}

/// Writes a kubeconfig, and has it on the disk before it has its name.
///
/// # Errors
/// Where it cannot be written, or a file is there.
pub(super) fn write(
    plan: &Plan,
    (run, step): (u64, &Step),
    out: &Path,
    config: &Kubeconfig,
) -> Result<Value, RunError> {
    let malformed = || RunError::Refused(format!("step {}: no credential", step.id));
    let name = file(step).ok_or_else(malformed)?;
    let (path, partial) = (out.join(name), out.join(format!(".{name}.part")));
    let expires = config.expires.to_rfc3339_opts(SecondsFormat::Secs, true);
    let credential =
        config.credential.as_ref().map_or_else(String::new, |id| format!("# credential: {id}\n"));
    let text = format!(
        "{}\n# expires: {expires}\n{credential}{}{}\n",
        mark(plan, (run, step.id)),
        config.comment,
        config.reveal()
    );
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&partial, &error)),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    // Goes with this value, but for what is given its name.
    let there = TempPath::try_from_path(&partial).map_err(|error| failed(&partial, &error))?;
    let written = options.open(&partial).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let named = written.and_then(|()| there.persist_noclobber(&path).map_err(io::Error::from));
    named.map_err(|error| failed(&path, &error))?;
    File::open(out).and_then(|folder| folder.sync_all()).map_err(|error| failed(out, &error))?;
    Ok(left(&path, &expires, config.credential.as_deref()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{Address, IssuedToken, TokenAsk};

    /// A plan whose only step makes a token.
    fn plan() -> Plan {
        let step = json!({
            "id": 3, "action": "create",
            "target": {"kind": "Token", "namespace": "keys", "name": "ana"},
            "precondition": {"uid": null, "resourceVersion": null},
            "before": null,
            "after": {
                "serviceAccount": {"namespace": "keys", "name": "ana"},
                "boundTo": {"kind": "Secret", "name": "ana-key"},
                "expirationSeconds": 3600, "kubeconfig": "ana.kubeconfig",
            },
            "reasons": [], "reversibility": "reversible", "loses": [], "rights": [],
            "inverse": {"action": "delete", "rights": []}, "owners": [],
        });
        let plan = json!({
            "apiVersion": "keybook/v1", "kind": "Plan",
            "metadata": {
                "madeAt": "2026-03-31T12:00:00Z", "madeBy": null,
                "cluster": {"id": "1", "name": "prod-eu", "server": "", "serverVersion": null},
                "coverage": null, "incomplete": [], "otherAuthorizers": [], "digest": "sha256:1",
            },
            "intents": [], "steps": [step], "verification": {"denied": [], "allowed": []},
            "manual": [], "stillWorks": [], "warnings": [],
        });
        serde_json::from_value(plan).expect("a plan")
    }

    #[test]
    fn one_is_written_once_and_known_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path();
        let plan = plan();
        let step = &plan.steps[0];
        let expires = "2026-04-01T12:00:00Z";
        let token = IssuedToken::new("a.b.c".to_owned(), expires.parse().expect("a time"));
        let address = Address { server: "https://192.0.2.1".to_owned(), ..Address::default() };
        let ask = TokenAsk {
            namespace: "keys".into(),
            account: "ana".into(),
            account_uid: None,
            secret: "ana-key".into(),
            secret_uid: "7".into(),
            seconds: 3600,
        };
        let config = Kubeconfig::of_token(&plan, &address, &token, &ask);
        let put = |run| write(&plan, (run, step), out, &config);
        assert_eq!(found(&plan, (1, step), out), Ok(None));
        // What a process left that was killed while it wrote.
        let partial = out.join(".ana.kubeconfig.part");
        fs::write(&partial, "half of").expect("write");
        let said = put(1).expect("written");
        let path = out.join("ana.kubeconfig");
        assert_eq!(said, left(&path, expires, None));
        assert!(!partial.exists());
        #[cfg(unix)]
        {
            let mode = path.metadata().expect("a file").permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);
        }
        let text = fs::read_to_string(&path).expect("a text");
        assert!(text.contains("\"token\":\"a.b.c\"") && text.contains(expires), "{text}");
        assert_eq!(found(&plan, (1, step), out), Ok(Some(said)));
        // Another run's is not ours, and neither is written over.
        assert!(found(&plan, (2, step), out).is_err());
        assert!(put(2).is_err());
        assert_eq!(fs::read_to_string(&path).expect("a text"), text);
        assert!(!partial.exists());
        assert!(is_free(&plan, out, &[]).is_err());
        assert_eq!(is_free(&plan, out, &[3]), Ok(()));
    }

    #[test]
    fn a_folder_is_looked_at_before_anything_is_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = plan();
        let new = folder.path().join("new");
        assert_eq!(is_free(&plan, &new, &[]), Ok(()));
        assert!(!new.exists());
        assert!(is_free(&plan, &new.join("deeper"), &[]).is_err());
        let file = folder.path().join("file");
        fs::write(&file, "").expect("write");
        assert!(is_free(&plan, &file, &[]).is_err());
        // No way to another folder.
        let mut astray = plan.clone();
        astray.steps[0].after.as_mut().expect("a token")["kubeconfig"] = json!("../ana");
        assert!(is_free(&astray, folder.path(), &[]).is_err());
    }
}
