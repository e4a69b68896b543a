//! What takes a run back: its steps in inverse order, each with what our own write left as its
//! precondition.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::edit::{precondition, rights, text, without_server_fields};
use super::{
    Action, Inverse, Plan, Precondition, Reason, Reversibility, Step, StillWorks, Target,
    Verification, account,
};
use crate::model::{Identity, Name};

/// Whose token a Secret holds, and that account's UID: annotations.
const ACCOUNT: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

/// A step that was made, and the object as the server stored it; None where it took it away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The step's id.
    pub step: u32,
    /// What our write left.
    pub left: Option<Value>,
}

/// The Plan that takes back what was made of another. `run` is its number in the journal; what is said
/// of steps that are left out goes with it. A token is no object: it ends with the Secret that it is
/// bound to. A certificate is none either, and does not end.
pub fn undo(
    plan: &Plan,
    (run, made): (u64, &[Made]),
    left_out: Vec<String>,
    by: Option<Name>,
    now: DateTime<Utc>,
) -> Plan {
    let step_of = |made: &Made| plan.steps.iter().find(|step| step.id == made.step);
    let is_credential =
        |made: &&Made| step_of(made).is_some_and(|step| step.target.is_credential());
    let (credentials, made): (Vec<&Made>, Vec<&Made>) = made.iter().partition(is_credential);
    let mut left_out = left_out;
    let mut still_works = Vec::new();
    for (step, left) in
        credentials.into_iter().filter_map(|made| step_of(made).zip(made.left.as_ref()))
    {
        let text = |field: &str| left[field].as_str();
        let Some(file) = text("kubeconfig") else { continue };
        if &*step.target.kind == "Certificate" {
            let user = Identity::user(step.target.name.clone());
            still_works.push(StillWorks {
                what: format!("the certificate in {file}, which cannot be revoked: it is {user}"),
                until: format!(
                    "until {}, with what {user} is granted otherwise: delete the file",
                    text("expires").unwrap_or("it ends")
                ),
            });
        } else {
            left_out.push(format!(
                "{file}, which the run wrote, authenticates nobody afterwards: delete it"
            ));
        }
    }
    // What was deleted and made again is as it was, but for what does not come back.
    let acts = |made: &&Made| step_of(made).map(|step| (step.action, &step.target));
    let all: Vec<(Action, &Target)> = made.iter().filter_map(acts).collect();
    let is_back = |target: &Target| {
        [Action::Delete, Action::Create].iter().all(|action| all.contains(&(*action, target)))
    };
    let renewed: BTreeSet<&Target> =
        all.iter().map(|(_, target)| *target).filter(|target| is_back(target)).collect();
    for target in &renewed {
        left_out.push(format!(
            "{target} was deleted and made again: it reads as before, and its UID and the tokens that \
             carried it do not come back"
        ));
    }
    let mut steps: Vec<Step> = made
        .into_iter()
        .filter(|made| step_of(made).is_none_or(|step| !renewed.contains(&step.target)))
        .rev()
        .filter_map(|made| {
            let step = step_of(made)?;
            if step.reversibility == Reversibility::Irreversible {
                left_out.push(format!(
                    "step {} of run {run}, {} {}, cannot be taken back: {}",
                    step.id,
                    step.action.as_str(),
                    step.target,
                    step.loses.join("; ")
                ));
                return None;
            }
            let mut back = inverse(step, made.left.as_ref(), run)?;
            if let Some(account) = account_of(&back.target, back.after.as_ref())
                && all.contains(&(Action::Delete, &account))
            {
                without_uid(&mut back);
            }
            Some(back)
        })
        .collect();
    for (id, step) in (1..).zip(&mut steps) {
        step.id = id;
    }
    let mut header = plan.metadata.clone();
    header.made_at = now;
    header.made_by = by;
    let objects = plan.steps.iter().filter(|step| !step.target.is_credential());
    let whole = steps.len() == objects.count();
    Plan {
        api_version: plan.api_version.clone(),
        kind: plan.kind.clone(),
        metadata: header,
        intents: plan.intents.clone(),
        // Where only a part was made, what that part changed is not known one by one.
        verification: Verification {
            denied: if whole { plan.verification.again.clone() } else { Vec::new() },
            allowed: plan.verification.allowed.clone(),
            again: if whole { plan.verification.denied.clone() } else { Vec::new() },
            still_denied: plan.verification.still_denied.clone(),
            unnamed: if whole { plan.verification.named.clone() } else { Vec::new() },
            named: if whole { plan.verification.unnamed.clone() } else { Vec::new() },
        },
        steps,
        manual: Vec::new(),
        still_works,
        warnings: left_out,
        rests_on: Vec::new(),
        parted: Vec::new(),
        later: Vec::new(),
        lock_out: None,
        undoes: Some(run),
        gives_back: None,
        leaves: Vec::new(),
    }
    .sealed()
}

/// The account whose token a Secret holds that is made again.
pub(super) fn account_of(target: &Target, after: Option<&Value>) -> Option<Target> {
    let account = after?.pointer("/metadata/annotations")?.get(ACCOUNT)?.as_str()?;
    let namespace = target.namespace.as_ref().filter(|_| target.is_secret())?;
    Some(account::target(namespace, &account.into()))
}

/// A Secret with the UID of an account that was deleted would be deleted at once
/// (`pkg/controller/serviceaccount/tokens_controller.go`); without it, it is filled for the account that
/// there is.
fn without_uid(step: &mut Step) {
    if let Some(Value::Object(all)) =
        step.after.as_mut().and_then(|after| after.pointer_mut("/metadata/annotations"))
    {
        all.remove(ACCOUNT_UID);
    }
}

fn inverse(step: &Step, left: Option<&Value>, run: u64) -> Option<Step> {
    let action = step.inverse.action;
    let (precondition, after) = match action {
        Action::Create => {
            (Precondition::default(), Some(without_server_fields(step.before.clone()?)))
        }
        Action::Replace => {
            let (left, mut after) = (left?, step.before.clone()?);
            let mut only = precondition(left);
            if step.target.is_secret() {
                // Whoever tries the token has the API server write a label.
                only.resource_version = None;
                // Of a Secret that was put back, for an account that was.
                if let Some(uid) =
                    text(left, "/metadata/annotations/kubernetes.io~1service-account.uid")
                    && let Some(Value::Object(all)) = after.pointer_mut("/metadata/annotations")
                {
                    all.insert(ACCOUNT_UID.to_owned(), Value::from(&*uid));
                }
            }
            after["metadata"]["uid"] = Value::from(only.uid.as_deref());
            after["metadata"]["resourceVersion"] = Value::from(only.resource_version.as_deref());
            (only, Some(after))
        }
        Action::Delete => {
            let mut only = precondition(left?);
            if step.target.is_secret() || &*step.target.kind == "ServiceAccount" {
                // Controllers write the token into the one, and pull secrets into the other: they are
                // other versions then.
                only.resource_version = None;
            }
            (only, None)
        }
    };
    let before = if action == Action::Create { None } else { left.cloned() };
    let loses = match (action, step.target.is_secret(), step.target.is_account()) {
        (Action::Create, true, _) => vec!["the token that it holds by then".to_owned()],
        (Action::Delete, true, _) => {
            vec!["every token that it holds, or that is bound to it".to_owned()]
        }
        (Action::Delete, _, true) => {
            vec!["its UID, and with it every token that was made for it".to_owned()]
        }
        _ => Vec::new(),
    };
    let back = match action {
        Action::Create => Action::Delete,
        Action::Replace => Action::Replace,
        Action::Delete => Action::Create,
    };
    Some(Step {
        id: 0,
        action,
        target: step.target.clone(),
        precondition,
        rights: rights(action, &step.target, after.as_ref().or(before.as_ref())),
        inverse: Inverse {
            action: back,
            rights: rights(back, &step.target, before.as_ref().or(after.as_ref())),
        },
        before,
        after,
        reasons: vec![Reason {
            why: format!("undo step {} of run {run}", step.id),
            evidence: step.loses.clone(),
        }],
        reversibility: if loses.is_empty() {
            Reversibility::Reversible
        } else {
            Reversibility::WithLoss
        },
        loses,
        owners: step.owners.clone(),
    })
}
