//! Nobody gains by a split: names that something grants already are not taken, and who else can be one
//! of the new identities is said first.

use std::sync::Arc;

use serde_json::{Value, json};

use super::narrow::strict;
use super::split::{ops, row, split, splitting};
use super::{World, user};
use crate::book::tests::world::{Row, World as Logged, call};
use crate::change::plan::{Named, Plan, Splitting, Target, holds_no_more};
use crate::model::{Identity, Issued, Minted};

const DID: [(usize, &str); 2] = [(0, "list pods@a"), (2, "delete pods@a/x")];

fn world() -> World {
    ops(&[("wide", user("ops"))], &DID)
}

fn named(name: &str, is: &str) -> Named {
    Named { name: name.into(), is: is.into() }
}

/// Ana alone; the pipeline belongs to nobody.
fn ana() -> Splitting {
    Splitting { actors: vec![named("ana", "203.0.113.1")], to: [].into(), ..splitting(strict()) }
}

fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
}

fn refused(world: &World, how: Splitting) -> String {
    split(world, "user:ops", how).expect_err("a refusal").to_string()
}

fn warnings(plan: &Plan, words: &str) -> Vec<String> {
    plan.warnings.iter().filter(|line| line.contains(words)).cloned().collect()
}

#[test]
fn a_name_that_something_grants_to_is_not_taken() {
    for (role, ns) in [("cluster-admin", None), ("gone", Some("a")), ("wide", Some("a"))] {
        let bound = world().bind(ns, "old", role, &json!([account("keys", "ana")]));
        let kind = if ns.is_none() { "ClusterRoleBinding old" } else { "RoleBinding a/old" };
        let words = format!("sa:keys/ana is not there, but {kind} (ClusterRole {role}) names it");
        let said = refused(&bound, ana());
        assert!(said.contains(&words), "{said}");
    }
    // As a user it is the same account.
    let as_user = json!([{"apiGroup": "rbac.authorization.k8s.io", "kind": "User",
        "name": "system:serviceaccount:keys:ana"}]);
    let said = refused(&world().bind(None, "old", "wide", &as_user), ana());
    assert!(said.contains("ClusterRoleBinding old (ClusterRole wide) names it"), "{said}");
    let definition = json!({
        "apiVersion": "rbacmanager.reactiveops.io/v1beta1", "kind": "RBACDefinition",
        "metadata": {"name": "teams"},
        "rbacBindings": [{"name": "devs", "subjects": [account("keys", "ana")],
            "clusterRoleBindings": [{"clusterRole": "wide"}]}],
    });
    let said = refused(&world().with(definition), ana());
    assert!(said.contains("RBACDefinition teams names it"), "{said}");
    // Another's name is free, and so is that of another namespace.
    let other = json!([account("keys", "bo"), account("a", "ana")]);
    let free = world().bind(None, "old", "wide", &other);
    assert!(split(&free, "user:ops", ana()).is_ok());
}

#[test]
fn a_certificate_of_who_is_known_takes_a_word() {
    let known = world()
        .bind(Some("a"), "small", "wide", &json!([user("ana")]))
        .role("top", &json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]))
        .bind(None, "big", "top", &json!([user("ana")]));
    let certified = Splitting { certificates: ["ana".into()].into(), ..ana() };
    let said = refused(&known, certified.clone());
    for words in
        ["by ClusterRoleBinding big (ClusterRole top) and 1 more", "say so with --to ana=user:ana"]
    {
        assert!(said.contains(words), "{said}");
    }
    let to = [("ana".into(), Identity::user("ana"))].into();
    let plan = split(&known, "user:ops", Splitting { to, ..certified }).expect("a plan");
    let said = warnings(&plan, "be sure that ana is that user");
    assert_eq!(said.len(), 1, "{:?}", plan.warnings);
    assert!(said[0].contains("ClusterRoleBinding big (ClusterRole top) and 1 more"), "{said:?}");
}

#[test]
fn who_can_be_the_new_account_is_said_first() {
    let one = |verb: &str, group: &str, resource: &str| json!([{"verbs": [verb], "apiGroups": [group], "resources": [resource]}]);
    let world = world()
        .role("mint", &one("create", "", "serviceaccounts/token"))
        .role("act", &one("impersonate", "", "serviceaccounts"))
        .role("run", &one("patch", "apps", "deployments"))
        .role("read", &one("get", "", "secrets"))
        .role("fill", &one("create", "", "secrets"))
        .role("pod", &one("update", "", "pods"))
        .bind(Some("keys"), "r", "run", &json!([user("runner")]))
        .bind(Some("keys"), "m", "mint", &json!([user("minter")]))
        .bind(None, "i", "act", &json!([user("actor"), user("holder")]))
        .bind(None, "h", "wide", &json!([user("holder")]))
        .bind(Some("keys"), "s", "read", &json!([user("reader"), user("filler")]))
        .bind(Some("keys"), "f", "fill", &json!([user("filler")]))
        .bind(Some("keys"), "p", "pod", &json!([user("changer")]))
        .bind(Some("a"), "elsewhere", "mint", &json!([user("afar")]));
    let plan = split(&world, "user:ops", ana()).expect("a plan");
    // The pipeline's request is nobody's, and that is before all.
    assert!(
        plan.warnings[0].starts_with("1 request belongs to none of them"),
        "{:?}",
        plan.warnings
    );
    assert_eq!(
        plan.warnings[1],
        "others can be who is made here, and gain what that gets and they do not hold: user:minter (has \
         tokens made of sa:keys/ana, by RoleBinding keys/m (ClusterRole mint)); user:actor (impersonates \
         sa:keys/ana, by ClusterRoleBinding i (ClusterRole act)); user:runner (has pods run as \
         sa:keys/ana, or gets into them, by RoleBinding keys/r (ClusterRole run)); user:filler (has a \
         Secret filled with a token of sa:keys/ana, by RoleBinding keys/f (ClusterRole fill)). Choose a \
         namespace where nobody else may do that (--into), or users (--to)"
    );
    let alone = split(&super::split_gain::world(), "user:ops", ana()).expect("a plan");
    assert_eq!(warnings(&alone, "others can be"), Vec::<String>::new());
}

#[test]
fn whose_requests_are_meant_is_said() {
    let plan = split(&world(), "user:ops", ana()).expect("a plan");
    let nobody = |plan: &Plan| plan.parted[0].nobody.clone();
    assert!(!nobody(&plan).is_empty(), "{:?}", plan.parted);
    for one in nobody(&plan) {
        assert!(one.because.contains("no request of ana needed it"), "{one:?}");
    }
    let all = Splitting {
        actors: vec![named("ana", "203.0.113.1"), named("ci", "X509SHA256=c3")],
        ..ana()
    };
    let plan = split(&world(), "user:ops", all).expect("a plan");
    let all = nobody(&plan);
    assert!(all.iter().any(|one| one.because.contains("no request needed it")), "{all:?}");
    let retired = Splitting { retire_after: Some(7), retire_unattributed: true, ..ana() };
    let plan = split(&world(), "user:ops", retired).expect("a plan");
    let words = "user:ops is to be retired in 7 days all the same, as was said (--retire-unattributed): whoever \
         made them is refused then";
    assert!(plan.warnings[0].ends_with(words), "{:?}", plan.warnings);
}

#[test]
fn who_is_taken_for_another_is_refused_or_told() {
    let named = |one: &str, other: &str| Splitting {
        actors: vec![named(one, "203.0.113.1"), named(other, "X509SHA256=c3")],
        to: [].into(),
        ..ana()
    };
    let refused = split(&world(), "user:ops", named("ana-b", "anab")).expect_err("alike");
    assert!(
        refused.to_string().contains("ana-b and anab are two, and hardly told apart"),
        "{refused}"
    );
    let to = |of: [&str; 2]| {
        let become_ = |(name, user): (&str, &str)| (name.into(), Identity::user(user));
        let to = [("ana", of[0]), ("ci", of[1])].map(become_).into();
        split(&world(), "user:ops", Splitting { to, ..named("ana", "ci") })
    };
    let refused = to(["josé@corp.example", "Jose@corp.example"]).expect_err("alike");
    assert!(refused.to_string().contains("hardly told apart"), "{refused}");
    // One who is known, and one who is called nearly so.
    let plan = to(["Ops.", "ci@corp.example"]).expect("a plan");
    let told = warnings(&plan, "user:ops is known, and this one is not");
    assert_eq!(told.len(), 1, "{:?}", plan.warnings);
    let unknown = warnings(&plan, "nothing is known of user:ci@corp.example");
    assert_eq!(unknown.len(), 1, "{:?}", plan.warnings);
}

#[test]
fn who_had_tokens_of_the_account_made_can_be_it_until_it_is_gone() {
    let minted = json!([{"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"],
        "resourceNames": ["bot"]}]);
    let bot = json!({"kind": "ServiceAccount", "name": "bot", "namespace": "a"});
    let mut world = super::split::ops(&[("mints", bot)], &[]).role("mints", &minted);
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    row("sa:a/bot", 0, call("create serviceaccounts/token@a/bot"), 9).put(&mut parts);
    world.log = Some(parts);
    let how = Splitting { actors: vec![named("ana", "203.0.113.1")], to: [].into(), ..ana() };
    let plan = split(&world, "sa:a/bot", how).expect("a plan");
    let told = warnings(&plan, "had tokens of sa:a/bot made");
    assert_eq!(told.len(), 1, "{:?}", plan.warnings);
    let renews = "takes create of serviceaccounts/token named ana in namespace keys";
    assert!(told[0].contains(renews), "{told:?}");
}

#[test]
fn who_gets_what_makes_them_the_account_is_told() {
    let did = |what: &str, rules: &Value| {
        let bot = json!({"kind": "ServiceAccount", "name": "bot", "namespace": "a"});
        let mut world = super::split::ops(&[("does", bot)], &[]).role("does", rules).with(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "bot-token", "namespace": "a", "uid": "bot-token",
                "annotations": {"kubernetes.io/service-account.name": "bot"}},
        }));
        let mut parts = Logged::new().log(0, 90).activity.expect("a log");
        row("sa:a/bot", 0, call(what), 9).put(&mut parts);
        world.log = Some(parts);
        let how = Splitting { actors: vec![named("ana", "203.0.113.1")], to: [].into(), ..ana() };
        let plan = split(&world, "sa:a/bot", how).expect("a plan");
        warnings(&plan, "by what it gets: as long as that goes")
    };
    let rule = |verb: &str, group: &str, resource: &str, names: &[&str]| {
        json!([{"verbs": [verb],
        "apiGroups": [group], "resources": [resource], "resourceNames": names}])
    };
    let told = |how: &str| {
        vec![format!(
            "sa:keys/ana {how}, by what it gets: as long as that goes, ana can do all that sa:a/bot may"
        )]
    };
    let reads = told("reads the token of sa:a/bot in Secret a/bot-token");
    assert_eq!(did("list secrets@a", &rule("list", "", "secrets", &[])), reads);
    assert_eq!(did("get secrets@a/bot-token", &rule("get", "", "secrets", &["bot-token"])), reads);
    assert_eq!(did("patch secrets@a/bot-token", &rule("patch", "", "secrets", &[])), reads);
    let other = rule("get", "", "secrets", &["other"]);
    assert_eq!(did("get secrets@a/other", &other), Vec::<String>::new());
    let runs = told("has pods run as sa:a/bot, or gets into them");
    assert_eq!(
        did("create apps:deployments@a/x", &rule("create", "apps", "deployments", &[])),
        runs
    );
    let reads = rule("get", "apps", "deployments", &[]);
    assert_eq!(did("get apps:deployments@a/x", &reads), Vec::<String>::new());
}

#[test]
fn tokens_that_one_had_made_for_two_are_given_to_them() {
    let bot = json!({"kind": "ServiceAccount", "name": "bot", "namespace": "a"});
    let rules = json!([{"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]},
        {"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]}]);
    let mut world = super::split::ops(&[("does", bot)], &[]).role("does", &rules);
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    let by = Identity::user("admin@corp.example");
    for (token, what, day) in [("JTI=1", "list pods@a", 9), ("JTI=2", "list configmaps@a", 20)] {
        Row::new("sa:a/bot", what, day)
            .with(token)
            .agent("kubectl/v1.36.1 (linux/amd64) kubernetes/b1d5cc9")
            .from("203.0.113.9")
            .put(&mut parts);
        let account = Identity::service_account("a", "bot");
        let issued = Issued { account, credential: token.into(), by: by.clone(), as_who: None };
        parts.issued.push((Arc::new(issued), Minted::new(parts.uses[0].first)));
    }
    world.log = Some(parts);
    let how = |actors| Splitting { actors, to: [].into(), ..ana() };
    let both = how(vec![named("ana", "JTI=1"), named("bo", "JTI=2")]);
    let plan = split(&world, "sa:a/bot", both).expect("a plan");
    let made = |who: &str, resource: &str| {
        plan.steps.iter().filter(|step| step.target.is_role()).any(|step| {
            let image = step.after.as_ref().expect("an image");
            image["metadata"]["name"].as_str().expect("a name").contains(who)
                && image["rules"].to_string().contains(resource)
        })
    };
    assert!(made("-ana", "pods") && made("-bo", "configmaps"));
    assert!(!made("-ana", "configmaps") && !made("-bo", "pods"));
    // Named by one of them, whoever had them made is one.
    let plan = split(&world, "sa:a/bot", how(vec![named("ana", "JTI=1")])).expect("a plan");
    assert!(plan.steps.iter().any(|step| {
        step.after.as_ref().is_some_and(|image| image["rules"].to_string().contains("configmaps"))
    }));
}

#[test]
fn what_a_retired_user_keeps_by_its_groups_is_told() {
    let team = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "team"});
    let mut world = world().bind(None, "t", "wide", &json!([team]));
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    let mut one = row("user:ops", 0, call("list pods@a"), 9);
    one = one.groups(&["team", "system:authenticated"]);
    one.put(&mut parts);
    world.log = Some(parts);
    let how = Splitting { retire_after: Some(7), ..ana() };
    let plan = split(&world, "user:ops", how).expect("a plan");
    let team = "what user:ops has by the group team: ClusterRoleBinding t (ClusterRole wide)";
    let stage = &plan.later[0];
    assert!(stage.still_works.iter().any(|one| one.what == team), "{:?}", stage.still_works);
    let leave = "take user:ops out of the group team";
    assert!(plan.manual.iter().any(|one| one.what == leave), "{:?}", plan.manual);
}

#[test]
fn a_log_that_is_short_or_old_is_said() {
    let mut world = world();
    let mut parts = Logged::new().log(0, 20).activity.expect("a log");
    row("user:ops", 0, call("list pods@a"), 9).put(&mut parts);
    world.log = Some(parts);
    let plan = split(&world, "user:ops", ana()).expect("a plan");
    for words in ["the log covers ", "the log ends on "] {
        assert_eq!(warnings(&plan, words).len(), 1, "{:?}", plan.warnings);
    }
}

#[test]
fn a_secret_that_is_only_called_as_a_splits_is_told() {
    let said = |annotations: Value| {
        let world = World::default()
            .with(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "pay"}}))
            .with(
                json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "payment",
                "namespace": "pay", "annotations": {"keybook/split-from": "user:ops"}}}),
            )
            .with(json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
                "metadata": {"name": "payment-key", "namespace": "pay", "uid": "1",
                    "annotations": annotations}}));
        let intent = "secret:pay/payment-key".parse().expect("an intent");
        let plan = world.plan_of(&[intent]).expect("a plan");
        warnings(&plan, "it does not say that a split made it").len()
    };
    assert_eq!(said(json!({})), 1);
    assert_eq!(said(json!({"keybook/split-from": "user:ops"})), 0);
}

#[test]
fn a_secret_that_holds_more_than_a_split_makes_is_not_deleted_for_its_token() {
    let world = World::default()
        .with(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "payment",
            "namespace": "pay", "annotations": {"keybook/split-from": "user:ops"}}}));
    let target =
        Target { kind: "Secret".into(), namespace: Some("pay".into()), name: "payment-key".into() };
    let book = world.book();
    let more = |type_: &str, entries: Option<u64>| {
        holds_no_more(&book, &target, (&type_.into(), entries)).map_err(|why| why.to_string())
    };
    assert_eq!(more("Opaque", Some(0)), Ok(()));
    assert_eq!(more("Opaque", None), Ok(()), "where that is not known it is said to go");
    for (type_, entries, words) in [
        ("kubernetes.io/tls", Some(2), "is of type kubernetes.io/tls and holds 2 entries"),
        ("Opaque", Some(1), "is of type Opaque and holds 1 entry"),
        ("example.org/own", None, "is of type example.org/own: what is to end"),
    ] {
        let refused = more(type_, entries).expect_err(words);
        assert!(refused.contains(words), "{refused}");
        assert!(refused.contains("kubectl delete secret -n pay payment-key"), "{refused}");
    }
}
