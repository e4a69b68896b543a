//! What a Plan that is read has to be, whoever wrote it down: the sum in it tells an accident, and no
//! intention. What is asked of the operator's rights is worked out here and not taken from it.

use serde_json::Value;

use super::edit::{rights, without_server_fields};
use super::{Action, Plan, Right, Step};
use crate::credentials::MapField;
use crate::model::{CLIENT_SIGNER, Name, is_hidden};

mod images;
mod made;
mod wishes;

/// The least and the most that the API server takes for `expirationSeconds`, which is an int32.
const SECONDS: std::ops::RangeInclusive<u64> = 600..=2_147_483_647;

/// Why a step is none that keybook makes.
///
/// # Errors
/// In words, with the step.
pub(super) fn check(plan: &Plan) -> Result<(), String> {
    wishes::check(plan)?;
    for step in &plan.steps {
        one(plan, step).map_err(|why| format!("step {} ({}): {why}", step.id, step.target))?;
    }
    super::rests::check(plan)
}

fn one(plan: &Plan, step: &Step) -> Result<(), String> {
    if step.target.is_definition() || &*step.target.kind == "ConfigMap" {
        edits_only(step)?;
        if plan.undoes.is_none() && gives_more(step) {
            return Err("it gives somebody more than it says now".to_owned());
        }
    }
    wishes::wants(plan, step)?;
    let needed = match &*step.target.kind {
        "Token" => token(plan, step)?,
        "Certificate" => certificate(step)?,
        _ => images::check(plan, step).and_then(|()| made::check(plan, step)).map(|()| {
            rights(step.action, &step.target, step.after.as_ref().or(step.before.as_ref()))
        })?,
    };
    match needed.iter().find(|right| !step.rights.contains(right)) {
        Some(right) => Err(format!("it takes the right to {right}, which is not in it")),
        None => Ok(()),
    }
}

/// Of a definition and of `aws-auth` only what they say of whom is written, and nothing is made or
/// deleted.
fn edits_only(step: &Step) -> Result<(), String> {
    if step.action != Action::Replace {
        return Err("it is only ever edited".to_owned());
    }
    if !step.target.is_definition() && !step.target.is_aws_auth() {
        return Err("of ConfigMaps only kube-system/aws-auth is written".to_owned());
    }
    let rest = |image: Option<&Value>| {
        let mut rest = image.cloned().map(without_server_fields).unwrap_or_default();
        if let Some(Value::Object(data)) = rest.get_mut("data") {
            data.retain(|key, _| key.parse::<MapField>().is_err());
        }
        if let Value::Object(fields) = &mut rest
            && step.target.is_definition()
        {
            fields.remove("rbacBindings");
        }
        rest
    };
    if rest(step.before.as_ref()) == rest(step.after.as_ref()) {
        Ok(())
    } else {
        Err("it changes more than whom it is about".to_owned())
    }
}

/// Whether a definition or `aws-auth` would lead to somebody, or give something, that it does not now:
/// a plan only ever takes out of them.
fn gives_more(step: &Step) -> bool {
    if step.target.is_aws_auth() {
        return !super::against::mapped(step).is_empty();
    }
    let entries = |image: Option<&Value>| -> Vec<Value> {
        let all = image.and_then(|image| image["rbacBindings"].as_array());
        all.cloned().unwrap_or_default()
    };
    let subjects = |entry: &Value| entry["subjects"].as_array().cloned().unwrap_or_default();
    let rest = |entry: &Value| {
        let mut rest = entry.clone();
        if let Value::Object(fields) = &mut rest {
            fields.remove("subjects");
        }
        rest
    };
    let before = entries(step.before.as_ref());
    !entries(step.after.as_ref()).iter().all(|after| {
        before.iter().any(|before| {
            let had = subjects(before);
            rest(before) == rest(after) && subjects(after).iter().all(|one| had.contains(one))
        })
    })
}

/// What a certificate takes.
pub(super) fn rights_of_certificate() -> Vec<Right> {
    let right = |verb: &str, resource: &str, name: &str| Right {
        verb: verb.into(),
        group: "certificates.k8s.io".into(),
        resource: resource.into(),
        namespace: "".into(),
        name: name.into(),
        or_held: false,
    };
    vec![
        right("create", "certificatesigningrequests", ""),
        // The name is the server's.
        right("update", "certificatesigningrequests/approval", ""),
        right("get", "certificatesigningrequests", ""),
        right("approve", "signers", CLIENT_SIGNER),
    ]
}

/// What a token takes.
pub(super) fn rights_of_token(namespace: &Name, account: &Name) -> Vec<Right> {
    vec![Right {
        verb: "create".into(),
        group: "".into(),
        resource: "serviceaccounts/token".into(),
        namespace: namespace.clone(),
        name: account.clone(),
        or_held: false,
    }]
}

/// Why a name is none for a client certificate; None where it is one.
pub(super) fn is_no_subject(name: &str) -> Option<String> {
    // A name that begins so is a component's, an account's or a node's.
    if name.starts_with("system:") {
        return Some("names that begin with system: are the cluster's own".to_owned());
    }
    // The upper bound of a common name (RFC 5280, appendix A.1).
    let fits = (1..=64).contains(&name.chars().count()) && !name.chars().any(is_hidden);
    (!fits).then(|| "a certificate's name has 1 to 64 characters that can be seen".to_owned())
}

fn certificate(step: &Step) -> Result<Vec<Right>, String> {
    let text = |field: &str| step.after.as_ref().and_then(|after| after[field].as_str());
    if text("user") != Some(&step.target.name) {
        return Err("the certificate is of somebody else than it says".to_owned());
    }
    if let Some(why) = is_no_subject(&step.target.name) {
        return Err(why);
    }
    if text("signer") != Some(CLIENT_SIGNER) {
        return Err(format!("only {CLIENT_SIGNER} is asked to sign"));
    }
    lasts(step)?;
    Ok(rights_of_certificate())
}

fn token(plan: &Plan, step: &Step) -> Result<Vec<Right>, String> {
    let text = |pointer: &str| -> Option<Name> {
        step.after.as_ref()?.pointer(pointer)?.as_str().map(Name::from)
    };
    let (Some(namespace), Some(account), Some(secret)) =
        (text("/serviceAccount/namespace"), text("/serviceAccount/name"), text("/boundTo/name"))
    else {
        return Err(
            "it says of which account, or to which Secret it is bound, in no form that keybook \
                    knows"
                .to_owned(),
        );
    };
    let makes = |kind: &str, name: &Name| {
        plan.steps.iter().any(|made| {
            &*made.target.kind == kind
                && made.target.name == *name
                && made.target.namespace.as_ref() == Some(&namespace)
                && made.before.is_none()
        })
    };
    if !makes("ServiceAccount", &account) || !makes("Secret", &secret) {
        return Err("its account and its Secret are not both made by this plan".to_owned());
    }
    lasts(step)?;
    Ok(rights_of_token(&namespace, &account))
}

fn lasts(step: &Step) -> Result<(), String> {
    let seconds = step.after.as_ref().and_then(|after| after["expirationSeconds"].as_u64());
    match seconds {
        Some(seconds) if SECONDS.contains(&seconds) => Ok(()),
        _ => Err(format!(
            "expirationSeconds is {}: the API server takes {} to {}",
            step.after.as_ref().map_or(&Value::Null, |after| &after["expirationSeconds"]),
            SECONDS.start(),
            SECONDS.end()
        )),
    }
}
