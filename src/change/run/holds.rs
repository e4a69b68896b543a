//! What is in Secrets that a Plan deletes, as far as that can be asked: their types, and how many entries
//! they have. What a Plan says of that is its author's.

use super::read::path_of;
use crate::change::plan::{Action, Plan, Risk, Step};
use crate::cluster::{self, Cluster, SecretForm};
use crate::model::counted;

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// The type of a Secret that holds a bootstrap token.
const BOOTSTRAP: &str = "bootstrap.kubernetes.io/token";

/// How a Secret stands to its deletion.
#[derive(Debug, PartialEq, Eq)]
enum Holds {
    /// What a credential is, and nothing else.
    Enough,
    /// What nobody can put back, and a token may be bound to it all the same.
    More(String),
    /// What is no credential of the cluster.
    Other(String),
}

/// Looks at the Secrets that a Plan deletes, but for those of the steps that were sent already. Gives why
/// it may not be applied, and what is done only by who says so.
///
/// # Errors
/// As the cluster answers.
pub async fn holds(
    cluster: &dyn Cluster,
    plan: &Plan,
    sent: &[u32],
) -> Result<(Vec<String>, Option<Risk>), cluster::Error> {
    let deletes = |step: &&Step| {
        step.action == Action::Delete && step.target.is_secret() && !sent.contains(&step.id)
    };
    let (mut refused, mut more, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for step in plan.steps.iter().filter(deletes) {
        let form = match cluster.secret_form(&path_of(&step.target)).await {
            Ok(form) => form,
            // That it is gone is said of the step.
            Err(cluster::Error::NotFound { .. }) => continue,
            Err(error) => return Err(error),
        };
        match form.map_or(Holds::Enough, |form| judge(step, &form)) {
            Holds::Enough => {}
            Holds::More(what) => {
                more.push(what);
                names.push(step.target.to_string());
            }
            Holds::Other(what) => refused.push(format!("step {}: {what}", step.id)),
        }
    }
    let risk = (!more.is_empty()).then(|| Risk {
        what: more.join("; "),
        sentence: format!("delete what is in {}", names.join(", ")),
    });
    Ok((refused, risk))
}

fn judge(step: &Step, form: &SecretForm) -> Holds {
    let target = &step.target;
    let is_bootstrap = || {
        target.namespace.as_deref() == Some("kube-system")
            && target.name.starts_with("bootstrap-token-")
    };
    match (&*form.type_, form.entries) {
        (TOKEN, _) | ("Opaque", Some(0)) => Holds::Enough,
        (BOOTSTRAP, _) if is_bootstrap() => Holds::Enough,
        ("Opaque", entries) => {
            let entries = entries.map_or_else(
                || "may hold entries".to_owned(),
                |entries| format!("holds {}", counted(entries, "entry")),
            );
            Holds::More(format!(
                "{target} is no token's: it {entries}, which nobody can put back; that it ends a token \
                 the plan says, and the cluster does not"
            ))
        }
        (type_, _) => Holds::Other(format!(
            "{target} is of type {type_:?}, and no credential that keybook ends by deleting it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_credential_is_not_deleted_for_one() {
        let step = |place: &str, name: &str| -> Step {
            serde_json::from_value(json!({
                "id": 1, "action": "delete",
                "target": {"kind": "Secret", "namespace": place, "name": name},
                "precondition": {"uid": "u", "resourceVersion": "1"}, "before": {}, "after": null,
                "reasons": [], "reversibility": "irreversible", "loses": [], "rights": [],
                "inverse": {"action": "create", "rights": []}, "owners": [],
            }))
            .expect("a step")
        };
        let form = |type_: &str, entries| SecretForm { type_: type_.into(), entries };
        let at = |place, name, type_, entries| judge(&step(place, name), &form(type_, entries));
        let boot = "bootstrap-token-abc123";
        assert_eq!(at("n", "t", TOKEN, Some(3)), Holds::Enough);
        assert_eq!(at("n", "ana-key", "Opaque", Some(0)), Holds::Enough);
        assert_eq!(at("kube-system", boot, BOOTSTRAP, Some(5)), Holds::Enough);
        let more = |holds| matches!(holds, Holds::More(_));
        assert!(more(at("pay", "db", "Opaque", Some(1))) && more(at("pay", "db", "Opaque", None)));
        let other = |holds| matches!(holds, Holds::Other(_));
        assert!(other(at("pay", "tls", "kubernetes.io/tls", Some(2))));
        assert!(other(at("n", boot, BOOTSTRAP, Some(5))));
        assert!(other(at("kube-system", "x", BOOTSTRAP, Some(5))));
    }
}
