//! Accounts whose tokens end together: quarantined, deleted, made anew.

use serde_json::{Value, json};

use super::{World, all, binding, user};
use crate::change::plan::{
    Action, Made, Operator, Plan, Presents, Refusal, Reversibility, remains, undo,
};
use crate::model::ListKind;

fn account(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name,
        "namespace": "ci", "uid": format!("uid-{name}"), "resourceVersion": "4"},
        "automountServiceAccountToken": false})
}

fn token(name: &str, account: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "namespace": "ci", "uid": name, "resourceVersion": "5",
            "annotations": {"kubernetes.io/service-account.name": account}}})
}

fn pod(name: &str, account: &str, phase: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "ci"},
        "spec": {"serviceAccountName": account}, "status": {"phase": phase}})
}

fn world() -> World {
    World::default()
        .with(account("bot"))
        .with(account("other"))
        .with(token("one", "bot"))
        .with(token("of-another", "other"))
        .with(pod("runs", "bot", "Running"))
        .with(pod("ended", "bot", "Succeeded"))
        .with(pod("of-another", "other", "Running"))
}

/// What is done to what, in order.
fn steps(plan: &Plan) -> Vec<(Action, String)> {
    plan.steps.iter().map(|step| (step.action, step.target.to_string())).collect()
}

fn said(plan: &Plan, words: &str) -> bool {
    plan.warnings.iter().any(|line| line.contains(words))
}

#[test]
fn every_secret_that_holds_a_token_of_the_account_by_then_is_meant() {
    let wish: &[&str] = &["quarantine:sa:ci/bot"];
    let plan = world().plan(wish).expect("a plan");
    assert_eq!(steps(&plan), [(Action::Replace, "Secret ci/one".to_owned())]);
    // One that was made since is not missed.
    let plan = world().with(token("since", "bot")).plan(wish).expect("a plan");
    let both = ["Secret ci/one", "Secret ci/since"];
    assert_eq!(steps(&plan), both.map(|one| (Action::Replace, one.to_owned())));
    let none = World::default().with(account("bot")).plan(wish).expect("a plan");
    assert_eq!((steps(&none), said(&none, "no Secret holds a token of sa:ci/bot")), (vec![], true));
    // What is not seen would be left.
    let unseen = World { forbidden: vec![ListKind::TokenSecrets], ..world() };
    for wish in ["quarantine:sa:ci/bot", "account:ci/bot"] {
        assert!(matches!(unseen.plan(&[wish]), Err(Refusal::NotKnown { .. })), "{wish}");
    }
    for wish in ["quarantine:sa:ci/gone", "account:ci/gone", "renew:ci/gone"] {
        assert!(matches!(world().plan(&[wish]), Err(Refusal::NotThere(_))), "{wish}");
    }
}

#[test]
fn an_account_is_deleted_after_its_secrets_and_what_stays_is_said() {
    let subject = json!([{"kind": "ServiceAccount", "name": "bot", "namespace": "ci"}]);
    let bound = world().role("edit", &all()).with(binding(Some("ci"), "b", "edit", &subject));
    let plan = bound.plan(&["account:ci/bot"]).expect("a plan");
    let deleted = ["Secret ci/one", "ServiceAccount ci/bot"];
    assert_eq!(steps(&plan), deleted.map(|one| (Action::Delete, one.to_owned())));
    let step = &plan.steps[1];
    // Controllers write to it, and its Secrets are taken out of it.
    assert_eq!(step.precondition.uid.as_deref(), Some("uid-bot"));
    assert_eq!(step.precondition.resource_version, None);
    assert_eq!(step.reversibility, Reversibility::WithLoss);
    assert!(said(&plan, "1 pod in namespace ci runs as sa:ci/bot (runs)"), "{:?}", plan.warnings);
    assert!(said(&plan, "bindings still name sa:ci/bot"), "{:?}", plan.warnings);
    assert!(!plan.still_works.iter().any(|one| one.what.contains("secret ci/one still")));
    let whole = bound.plan(&["sa:ci/bot", "account:ci/bot"]).expect("a plan");
    assert_eq!(steps(&whole)[0], (Action::Delete, "RoleBinding ci/b".to_owned()));
    assert!(!said(&whole, "bindings still name"), "{:?}", whole.warnings);
    assert_eq!(Plan::read(whole.value()).as_ref(), Ok(&whole));
}

#[test]
fn an_account_made_anew_is_deleted_first_and_what_pods_lose_is_said() {
    let plan = world().plan(&["renew:ci/bot"]).expect("a plan");
    let account = "ServiceAccount ci/bot".to_owned();
    let both = [(Action::Delete, account.clone()), (Action::Create, account)];
    assert_eq!(steps(&plan), both);
    let again = plan.steps[1].after.as_ref().expect("an image");
    assert_eq!(again["automountServiceAccountToken"], json!(false));
    assert_eq!(again["metadata"], json!({"name": "bot", "namespace": "ci"}));
    assert!(said(&plan, "until their kubelet has asked for another token"), "{:?}", plan.warnings);
    assert!(said(&plan, "the cluster deletes the Secrets"), "{:?}", plan.warnings);
    assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
    let both = world().plan(&["renew:ci/bot", "account:ci/bot"]);
    assert!(matches!(both, Err(Refusal::Twice(_))), "{both:?}");
    // Made whole there is nothing to take back; cut off in between, the account is made again.
    let left = |step: u32, left: Option<Value>| Made { step, left };
    let made = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": "bot", "namespace": "ci", "uid": "new", "resourceVersion": "9"}});
    let undone = |made: &[Made]| undo(&plan, (1, made), Vec::new(), None, super::now());
    let whole = undone(&[left(1, None), left(2, Some(made))]);
    assert_eq!(whole.steps, []);
    assert!(said(&whole, "do not come back"), "{:?}", whole.warnings);
    let half = undone(&[left(1, None)]);
    assert_eq!(steps(&half), [(Action::Create, "ServiceAccount ci/bot".to_owned())]);
}

#[test]
fn that_one_that_comes_back_has_another_uid_is_said_once() {
    let said = |name: &str, annotations: Value| {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {
            "name": name, "namespace": "kube-system", "uid": "u", "resourceVersion": "4",
            "annotations": annotations}});
        let world = World { despite_owners: true, ..World::default() }.with(account);
        let plan = world.plan(&[&format!("account:kube-system/{name}")]).expect("a plan");
        plan.steps[0].owners[0].undone.clone()
    };
    let own = said("generic-garbage-collector", json!({}));
    assert_eq!(
        own,
        "when its controller next makes a request, for most within seconds, with another UID: tokens \
         of the old one do not come back"
    );
    let helms = said("agent", json!({"meta.helm.sh/release-name": "agent"}));
    assert_eq!(
        helms,
        "at its release's next upgrade or rollback, with another UID and without its tokens"
    );
}

#[test]
fn who_makes_the_change_does_not_delete_themselves() {
    let operator = |user: &str| Some(Operator { user: user.into(), ..Operator::default() });
    let by = |user: &str, wish: &str| {
        let world = World { operator: operator(user), ..world() };
        world.plan(&[wish]).expect("a plan").lock_out
    };
    for wish in ["account:ci/bot", "renew:ci/bot"] {
        let own = by("system:serviceaccount:ci:bot", wish).expect("a lock-out");
        assert!(own.what.contains("is the account that it deletes"), "{}", own.what);
        assert_eq!(by("system:serviceaccount:ci:other", wish), None, "{wish}");
    }
}

#[test]
fn nobody_ends_what_they_come_with_unseen() {
    let by = |user: &str, presents: Presents, wish: &str| {
        let operator = Operator { user: user.into(), presents, ..Operator::default() };
        let world = World { operator: Some(operator), ..world() };
        world.plan(&[wish]).expect("a plan").lock_out
    };
    let bot = "system:serviceaccount:ci:bot";
    let issued = || Presents { issued: true, ..Presents::default() };
    let wishes = ["quarantine:ci/one", "quarantine:sa:ci/bot", "secret:ci/one", "account:ci/bot"];
    for wish in wishes {
        let own = by(bot, Presents::default(), wish).expect(wish);
        assert_eq!(own.sentence, "lock myself out of prod-eu");
        assert_eq!(by("system:serviceaccount:ci:other", Presents::default(), wish), None, "{wish}");
        // Whoever acts as another comes with their own.
        let behind = Presents { behind: Some(bot.into()), ..Presents::default() };
        assert!(by("ann", behind, wish).is_some(), "{wish}");
    }
    // A token that was made on request is in no Secret.
    for wish in &wishes[..3] {
        assert_eq!(by(bot, issued(), wish), None, "{wish}");
    }
    assert!(by(bot, issued(), "account:ci/bot").is_some());
    // The Secret that a split's token is bound to, and a bootstrap token.
    let mut split = account("ana");
    split["metadata"]["annotations"] = json!({"keybook/split-from": "sa:ci/shared"});
    let key = json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "ana-key", "namespace": "ci", "uid": "k", "resourceVersion": "6"}});
    let starts = json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": "bootstrap-token-abcdef", "namespace": "kube-system", "uid": "b",
            "resourceVersion": "7"}});
    let mut world = world().with(split).with(starts);
    world.raw.push(key);
    let mut by = |user: &str, presents: Presents, wish: &str| {
        world.operator = Some(Operator { user: user.into(), presents, ..Operator::default() });
        world.plan(&[wish]).expect("a plan").lock_out
    };
    let ana = "system:serviceaccount:ci:ana";
    assert!(by(ana, issued(), "secret:ci/ana-key").is_some());
    let pod = Presents { of_pod: true, ..issued() };
    assert_eq!(by(ana, pod, "secret:ci/ana-key"), None);
    assert_eq!(by(bot, issued(), "secret:ci/ana-key"), None);
    let start = "secret:kube-system/bootstrap-token-abcdef";
    assert!(by("system:bootstrap:abcdef", Presents::default(), start).is_some());
    assert_eq!(by("system:bootstrap:ghijkl", Presents::default(), start), None);
}

#[test]
fn the_account_that_the_cluster_makes_again_by_itself_is_not_made_again() {
    let mut default = account("default");
    default["metadata"]["annotations"] =
        json!({"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"});
    let plan = World::default().with(default).plan(&["renew:ci/default"]).expect("a plan");
    assert_eq!(steps(&plan), [(Action::Delete, "ServiceAccount ci/default".to_owned())]);
    assert_eq!(plan.steps[0].reversibility, Reversibility::Irreversible);
    assert!(said(&plan, "the cluster makes it again by itself"), "{:?}", plan.warnings);
    let patch = plan.manual.iter().find_map(|manual| manual.patch.as_ref()).expect("a patch");
    let merge: Value = serde_json::from_str(&patch.merge).expect("JSON");
    assert_eq!(
        merge,
        json!({"automountServiceAccountToken": false, "metadata": {"annotations":
            {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/x"}}})
    );
}

#[test]
fn a_secret_comes_back_for_the_account_that_comes_back() {
    let mut secret = token("one", "bot");
    secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] = json!("uid-bot");
    let world = World::default().with(account("bot")).with(secret);
    let plan = world.plan(&["account:ci/bot"]).expect("a plan");
    let loses = plan.steps[0].loses.join(" ");
    assert!(loses.contains("carries the UID of the account"), "{loses}");
    assert!(!plan.still_works.iter().any(|one| one.what.contains("byte-identical")));
    let made = [1, 2].map(|step| Made { step, left: None });
    let undone = undo(&plan, (1, &made), Vec::new(), None, super::now());
    let again = undone.steps.iter().find(|step| step.target.is_secret()).expect("a step");
    let after = again.after.as_ref().expect("an image");
    // With the old UID the cluster would delete it at once.
    assert_eq!(
        after["metadata"]["annotations"],
        json!({"kubernetes.io/service-account.name": "bot"})
    );
    // Of an account that stayed the UID is right.
    let plan = world.plan(&["secret:ci/one"]).expect("a plan");
    let undone = undo(&plan, (1, &made[..1]), Vec::new(), None, super::now());
    let after = undone.steps[0].after.as_ref().expect("an image");
    assert_eq!(
        after["metadata"]["annotations"]["kubernetes.io/service-account.uid"],
        json!("uid-bot")
    );
}

#[test]
fn what_finalizers_hold_is_told() {
    let mut held = account("bot");
    held["metadata"]["finalizers"] = json!(["example.org/hold"]);
    let plan = World::default().with(held).plan(&["account:ci/bot"]).expect("a plan");
    assert!(
        said(&plan, "ServiceAccount ci/bot is only marked for deletion"),
        "{:?}",
        plan.warnings
    );
    assert!(said(&plan, "(example.org/hold)"), "{:?}", plan.warnings);
    assert!(!said(&world().plan(&["account:ci/bot"]).expect("a plan"), "marked for deletion"));
}

#[test]
fn what_is_left_of_an_account_is_told_and_who_tries_what_is_refused() {
    let labelled = |name: &str, labels: Value| {
        let mut secret = token(name, "bot");
        secret["metadata"]["labels"] = labels;
        secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] = json!("uid-bot");
        secret
    };
    let used = "kubernetes.io/legacy-token-last-used";
    let invalid = "kubernetes.io/legacy-token-invalid-since";
    let world = World::default()
        .with(account("bot"))
        .with(labelled("good", json!({used: "2026-03-25"})))
        .with(labelled("tried", json!({invalid: "2026-03-20", used: "2026-03-25"})))
        .with(labelled("quiet", json!({invalid: "2026-03-20", used: "2026-03-01"})));
    let bot = "sa:ci/bot".parse().expect("an identity");
    let since = "2026-03-10T00:00:00Z".parse().expect("a time");
    let left = remains(&world.book(), &bot, since);
    let mut all: Vec<(String, bool, Option<String>)> = left
        .credentials
        .iter()
        .map(|one| (one.credential.to_string(), one.taken, one.use_.clone()))
        .collect();
    all.sort();
    let words = |text: &str| Some(format!("{text} 2026-03-25, by the Secret's label"));
    assert_eq!(
        all,
        [
            ("secret ci/good".to_owned(), true, words("last used on")),
            ("secret ci/tried".to_owned(), false, words("last tried on")),
        ]
    );
    assert!(left.unknown.iter().any(|line| line.starts_with("no log was read")), "{left:?}");
    assert!(left.credentials.iter().all(|one| one.unsure.is_none()), "{left:?}");
    // Where accounts are not seen, whether their tokens are taken is not known.
    let raw = world.raw.iter().filter(|raw| raw["kind"] != "ServiceAccount").cloned().collect();
    let alone = World { raw, forbidden: vec![ListKind::ServiceAccounts], ..World::default() };
    let unsure = remains(&alone.book(), &bot, since).credentials;
    let good = unsure.iter().find(|one| &*one.credential == "secret ci/good").expect("it is told");
    assert!(good.taken && good.unsure.is_some(), "{good:?}");
    let unseen = World { forbidden: vec![ListKind::TokenSecrets], ..world };
    let left = remains(&unseen.book(), &bot, since);
    assert!(left.unknown.len() > 1, "{left:?}");
}

#[test]
fn what_goes_with_an_account_or_a_binding_by_its_owner_is_said() {
    let owned = |name: &str, owners: &[&str]| {
        let owner = |uid: &&str| json!({"apiVersion": "v1", "kind": "ServiceAccount", "name": "x", "uid": uid});
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "rules": [],
            "metadata": {"name": name, "namespace": "ci", "uid": format!("uid-{name}"),
                "ownerReferences": owners.iter().map(owner).collect::<Vec<_>>()}})
    };
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "own",
        "namespace": "ci", "uid": "uid-own", "resourceVersion": "4"}});
    let world = World::default().with(account).role("edit", &super::all());
    let world = world.bind(Some("ci"), "b", "edit", &json!([user("ann")]));
    let told = |world: &World, wish: &str| {
        let plan = world.plan(&[wish]).expect("a plan");
        let step =
            plan.steps.iter().find(|step| step.action == Action::Delete).expect("a deletion");
        (step.reversibility, step.loses.last().cloned().unwrap_or_default())
    };
    let (_, last) = told(&world, "renew:ci/own");
    assert!(last.ends_with("of what is listed nothing does"), "{last}");
    assert_eq!(told(&world, "user:ann"), (Reversibility::Reversible, String::new()));
    let uid =
        world.raw.iter().find(|raw| raw["kind"] == "RoleBinding").expect("it")["metadata"]["uid"]
            .as_str()
            .expect("a UID")
            .to_owned();
    let world = world
        .with(owned("state", &["uid-own"]))
        .with(owned("shared", &["uid-own", "uid-other"]))
        .with(owned("of-b", &[&uid]));
    for wish in ["renew:ci/own", "account:ci/own"] {
        let (_, last) = told(&world, wish);
        let said = "Role ci/state, which names it as the owner and goes with it, and whatever else does so";
        assert_eq!(last, said, "{wish}");
    }
    let said = "Role ci/of-b, which names it as the owner and goes with it".to_owned();
    assert_eq!(told(&world, "user:ann"), (Reversibility::WithLoss, said));
}
