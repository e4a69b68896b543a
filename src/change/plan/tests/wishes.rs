//! A plan whose steps, or whose account of them, are not what it says that it wants.

use serde_json::{Value, json};

use super::split::{ops, split, splitting};
use super::{World, user};
use crate::change::plan::{Choices, Intent, Plan, Splitting};
use crate::model::Identity;

fn refused(plan: &Plan) -> String {
    Plan::read(plan.clone().sealed().value()).expect_err("nobody wants that").to_string()
}

fn secret(name: &str, account: Option<&str>) -> Value {
    let mut secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token", "metadata": {
            "name": name, "namespace": "ci", "uid": name, "resourceVersion": "5"}});
    if let Some(account) = account {
        secret["metadata"]["annotations"] = json!({"kubernetes.io/service-account.name": account});
    }
    secret
}

/// The step of one plan in another that wants something else.
#[test]
fn a_secret_or_an_account_that_nobody_asked_for_is_not_touched() {
    let account = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": name, "namespace": "ci", "uid": name, "resourceVersion": "4"}})
    };
    let world = World::default()
        .with(account("bot"))
        .with(account("other"))
        .with(secret("bot-token", Some("bot")))
        .with(secret("others", Some("other")));
    let plan = |wish: &str| world.plan(&[wish]).expect("a plan");
    let wishes = [
        "secret:ci/bot-token",
        "quarantine:ci/bot-token",
        "quarantine:sa:ci/bot",
        "account:ci/bot",
        "renew:ci/bot",
    ];
    for wish in wishes {
        let honest = plan(wish);
        assert_eq!(Plan::read(honest.value()).as_ref(), Ok(&honest), "{wish}");
        for other in ["secret:ci/others", "quarantine:ci/others", "account:ci/other"] {
            let mut edited = honest.clone();
            edited.steps = plan(other).steps;
            edited.rests_on.clone_from(&honest.rests_on);
            let why = refused(&edited);
            assert!(why.contains("nothing that is wanted is about it"), "{wish} {other}: {why}");
        }
    }
    // A Secret that says of no account that it holds its token.
    let mut edited = plan("account:ci/bot");
    let at = edited.steps.iter().position(|step| step.target.is_secret()).expect("its Secret");
    let image = edited.steps[at].before.as_mut().expect("an image");
    image["metadata"]["annotations"] = json!({});
    image["type"] = json!("Opaque");
    edited.steps[at].reversibility = crate::change::plan::Reversibility::Irreversible;
    assert!(
        refused(&edited).contains("nothing that is wanted is about it"),
        "{}",
        refused(&edited)
    );
}

#[test]
fn nothing_is_cut_from_what_a_group_or_another_account_holds() {
    let world = ops(&[("wide", user("ops"))], &[(0, "list pods@a"), (2, "delete pods@a/x")]);
    let how = Splitting { to: [].into(), ..splitting(Choices::default()) };
    let how = Splitting { actors: Vec::new(), ..how };
    let plan = split(&world, "user:ops", how.clone()).expect("a plan");
    let masters = Identity::group(Identity::SYSTEM_MASTERS);
    let mut edited = plan.clone();
    edited.intents.push(Intent::Split { identity: masters.clone(), how: Box::new(how) });
    let why = refused(&edited);
    assert!(why.contains("group:system:masters: a group is no account"), "{why}");
    let mut edited = plan;
    edited.parted[0].account = masters;
    let why = refused(&edited);
    assert!(why.contains("it is not split by what is wanted"), "{why}");
}
