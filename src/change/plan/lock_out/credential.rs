//! Whether a Plan ends what whoever applies it comes with: the account, the token in a Secret, the
//! Secret that a token is bound to, or a bootstrap token.

use crate::change::plan::edit::text;
use crate::change::plan::{Action, Operator, Step, Target, is_quarantined};
use crate::model::{Identity, Name};

/// Whose token a Secret holds.
const ACCOUNT: &str = "/metadata/annotations/kubernetes.io~1service-account.name";

/// What ends of theirs, if anything.
pub(super) fn ended(steps: &[Step], operator: &Operator) -> Option<String> {
    let whose = operator.presents.behind.as_ref().unwrap_or(&operator.user);
    // As whom they act counts too: it may be gone, and then nobody can act as it any more.
    let account = |step: &Step| account(step, whose).or_else(|| account(step, &operator.user));
    let all = || steps.iter();
    all().find_map(account).or_else(|| all().find_map(|step| by(step, operator, whose)))
}

fn by(step: &Step, operator: &Operator, whose: &Name) -> Option<String> {
    let target = &step.target;
    if !target.is_secret() {
        return None;
    }
    let image = step.before.as_ref()?;
    let refused = step.action == Action::Delete
        || (!is_quarantined(image) && step.after.as_ref().is_some_and(is_quarantined));
    if !refused {
        return None;
    }
    let namespace = target.namespace.clone()?;
    let is_whose = |account: &str| {
        let account = Identity::service_account(namespace.clone(), Name::from(account));
        account.user_name().as_ref() == Some(whose)
    };
    let presents = &operator.presents;
    if let Some(account) = text(image, ACCOUNT) {
        let own = is_whose(&account) && !presents.issued;
        return own.then(|| {
            format!(
                "{whose}, who makes this change, may come with the token in {target}, which is refused \
                 afterwards: nothing could be done with it then, nor this be taken back. Come with \
                 another credential"
            )
        });
    }
    if bootstrap(target).is_some_and(|user| user == **whose) {
        return Some(format!(
            "{whose}, who makes this change, is the bootstrap token that it deletes: nothing could be \
             done with it afterwards"
        ));
    }
    let bound = presents.issued && !presents.of_pod;
    let own = bound && ends_with(step).iter().any(|account| is_whose(account));
    own.then(|| {
        format!(
            "{whose}, who makes this change, may come with a token that is bound to {target}, and ends \
             with it: nothing could be done with it afterwards. Come with another credential"
        )
    })
}

/// The same of an account itself.
fn account(step: &Step, whose: &Name) -> Option<String> {
    let of = &step.target;
    let namespace = of.namespace.clone().filter(|_| of.is_account())?;
    let user = Identity::service_account(namespace, of.name.clone()).user_name();
    (step.action == Action::Delete && user.as_ref() == Some(whose)).then(|| {
        format!(
            "{whose}, who makes this change, is the account that it deletes: nothing could be done \
             with its token afterwards"
        )
    })
}

/// As whom the bootstrap token in a Secret authenticates.
fn bootstrap(target: &Target) -> Option<String> {
    let id = target.name.strip_prefix("bootstrap-token-")?;
    let there = target.namespace.as_deref() == Some("kube-system");
    there.then(|| format!("system:bootstrap:{id}"))
}

/// Accounts of the Secret's namespace with tokens that end with it: as the step says, and as a split
/// calls its Secrets.
fn ends_with(step: &Step) -> Vec<Name> {
    let place = step.target.namespace.as_deref().unwrap_or_default();
    let prefix = format!("sa:{place}/");
    let words = step.reasons.iter().flat_map(|reason| reason.why.split([' ', ',']));
    let said = words.filter_map(|word| word.strip_prefix(&prefix)).map(Name::from);
    let named = step.target.name.strip_suffix("-key").map(Name::from);
    said.chain(named).collect()
}
