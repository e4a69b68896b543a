//! What is foreseen is the Plan as it is made of fresh images, whatever is wished.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::narrow::{WHO, random};
use super::{World, binding, user};
use crate::book::tests::world::{Row, World as Logged, call};
use crate::change::plan::{
    Choices, Foreseen, Intent, Named, NotInLogs, Plan, Refusal, Splitting, foresee,
};
use crate::model::Identity;

/// Without what a fresh image has and the Book has not, and what is counted over both.
fn plain(plan: &Plan) -> Value {
    let mut value = plan.value();
    value["metadata"]["digest"] = Value::Null;
    for step in value["steps"].as_array_mut().expect("steps") {
        for image in ["before", "after"] {
            if let Some(meta) = step[image]["metadata"].as_object_mut() {
                meta.remove("futureField");
            }
        }
    }
    value
}

fn narrow(who: &str, choices: &Choices) -> Intent {
    Intent::to_narrow(who, choices.clone()).expect("an intent")
}

/// A random world with random requests that were allowed.
fn world(seed: u64) -> World {
    let mut world = random(seed);
    super::narrow::logged(&mut world, seed);
    world
}

fn choices(seed: u64) -> Choices {
    let pick = |of: u64, many: u64| seed / of % many;
    Choices {
        families: pick(1, 2) == 0,
        names: u32::try_from(pick(2, 3)).expect("few"),
        namespaces: u32::try_from(pick(6, 3)).expect("few"),
        younger_than: 0,
        not_in_logs: NotInLogs::ALL[usize::try_from(pick(3, 3)).expect("few")],
    }
}

fn seen(world: &World, wishes: &[Intent], beside: &[Intent]) -> Result<Foreseen, Refusal> {
    foresee(&world.book(), wishes, beside)
}

#[test]
fn it_is_the_plan_that_is_made_of_fresh_images() {
    let mut steps = 0;
    for seed in 0..36 {
        let world = world(seed);
        let choices = choices(seed);
        let wishes: Vec<Intent> = WHO[..3].iter().map(|who| narrow(who, &choices)).collect();
        let roles = ["clusterrole:r0", "clusterrole:r1"].map(|role| narrow(role, &choices));
        for wishes in [&wishes[..], &wishes[..1], &roles[..1], &roles[1..]] {
            match (world.plan_of(wishes), seen(&world, wishes, &[])) {
                (Ok(plan), Ok(foreseen)) => {
                    assert_eq!(plain(&foreseen.plan), plain(&plan), "seed {seed}");
                    assert_eq!((&*foreseen.of, foreseen.left_out.len()), (wishes, 0));
                    steps += plan.steps.len();
                }
                (Err(refused), Err(foreseen)) => assert_eq!(refused, foreseen, "seed {seed}"),
                // Several of which one cannot be had: the rest is foreseen by itself.
                (Err(_), Ok(foreseen)) if wishes.len() > 1 => {
                    assert!(!foreseen.left_out.is_empty(), "seed {seed}");
                    let plan = world.plan_of(&foreseen.of).expect("what bears it");
                    assert_eq!(plain(&foreseen.plan), plain(&plan), "seed {seed}");
                }
                (made, _) => panic!("seed {seed}: {made:?}"),
            }
        }
    }
    assert!(steps > 100, "{steps} steps");
}

#[test]
fn what_is_staged_beside_counts_and_is_left_out_where_it_cannot_be_had() {
    let rules = json!([{"verbs": ["get", "delete"], "apiGroups": [""], "resources": ["pods"]}]);
    let mut world = World::default()
        .role("wide", &rules)
        .role("other", &rules)
        .with(binding(Some("a"), "x", "wide", &json!([user("ann")])))
        .with(binding(Some("a"), "y", "other", &json!([user("ann")])));
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    let mut row = Row::new("user:ann", "get /api", 80);
    row.call = call("get pods@a/x");
    row.put(&mut parts);
    world.log = Some(parts);
    let wish = narrow("user:ann", &Choices::default());
    let removes: Vec<String> = {
        let foreseen = seen(&world, std::slice::from_ref(&wish), &[]).expect("a plan");
        assert_eq!(foreseen.figures.len(), 1);
        let figure = &foreseen.figures[0];
        assert_eq!((&*figure.of, figure.before.grants, figure.after.grants), ("user:ann", 2, 1));
        foreseen.plan.steps.iter().map(|step| step.target.to_string()).collect()
    };
    // One of the two grants allows what was used, and the other goes; which is told by the plan.
    assert!(removes.iter().any(|target| target.contains("RoleBinding")), "{removes:?}");
    let revoke: Intent = "rb:a/x=user:ann".parse().expect("an intent");
    let foreseen = seen(&world, std::slice::from_ref(&wish), &[revoke]).expect("a plan");
    assert_eq!(foreseen.apart, None);
    // What the revoked one gave the other has to: it stays, with get alone.
    let figure = &foreseen.figures[0];
    assert_eq!((figure.before.grants, figure.after.grants), (2, 1));
    let nobody = narrow("user:nobody", &Choices::default());
    let both = [wish.clone(), nobody.clone()];
    let foreseen = seen(&world, &both, &[]).expect("a plan of one");
    assert_eq!(foreseen.of, std::slice::from_ref(&wish));
    assert!(matches!(&*foreseen.left_out, [(out, Refusal::Nobody(_))] if *out == nobody));
    // A wish beside that cannot be had keeps nothing from being shown.
    let foreseen =
        seen(&world, std::slice::from_ref(&wish), std::slice::from_ref(&nobody)).expect("a plan");
    assert!(matches!(foreseen.apart, Some(Refusal::Nobody(_))));
    assert_eq!(foreseen.of, [wish]);
    assert!(matches!(seen(&world, &[nobody], &[]), Err(Refusal::Nobody(_))));
    let silent = World { log: None, ..world };
    let refused = seen(&silent, &both, &[]).expect_err("no log");
    assert!(refused.to_string().contains("no audit log"), "{refused}");
}

#[test]
fn of_a_split_it_says_who_gets_what() {
    let account = "user:ann";
    let mut parts = Logged::new().log(0, 90).activity.expect("a log");
    for (at, (system, credential, address, what)) in [
        ("darwin/arm64", "X509SHA256=a1", "203.0.113.1", "get pods@a/x"),
        ("windows/amd64", "X509SHA256=b2", "203.0.113.2", "delete pods@a/x"),
        ("freebsd/amd64", "X509SHA256=c3", "203.0.113.3", "list pods@a/"),
    ]
    .into_iter()
    .enumerate()
    {
        let day = i64::try_from(at).expect("few") + 1;
        let agent = format!("kubectl/v1.36.1 ({system}) kubernetes/b1d5cc9");
        let mut row = Row::new(account, "get /api", day);
        row = row.with(credential).agent(&agent).from(address);
        row.call = call(what);
        row.put(&mut parts);
    }
    let rules = json!([{"verbs": ["*"], "apiGroups": [""], "resources": ["pods"]}]);
    let mut world = World::default()
        .role("wide", &rules)
        .with(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "keys"}}))
        .with(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "a"}}))
        .with(binding(Some("a"), "x", "wide", &json!([user("ann")])));
    world.log = Some(parts);
    let named = |name: &str, is: &str| Named { name: name.into(), is: is.into() };
    let how = Splitting {
        actors: vec![named("ana", "X509SHA256=a1"), named("bo", "203.0.113.2")],
        to: BTreeMap::from([("bo".into(), Identity::user("bo@corp.example"))]),
        into: Some("keys".into()),
        ..Splitting::default()
    };
    let wish = Intent::Split { identity: Identity::user("ann"), how: Box::new(how) };
    let wishes = std::slice::from_ref(&wish);
    let foreseen = seen(&world, wishes, &[]).expect("a plan");
    let plan = world.plan_of(wishes).expect("a plan");
    assert_eq!(plain(&foreseen.plan), plain(&plan));
    let told: Vec<(&str, String, usize, &str)> = foreseen
        .parts
        .iter()
        .map(|part| (&*part.name, part.to.to_string(), part.gets.len(), &*part.gets[0]))
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((told[0].0, &*told[0].1, told[0].2), ("ana", "sa:keys/ana", 1));
    assert!(told[0].3.starts_with("gets get, list, watch of pods"), "{told:?}");
    assert_eq!((told[1].0, &*told[1].1, told[1].2), ("bo", "user:bo@corp.example", 1));
    assert!(told[1].3.starts_with("gets delete of pods"), "{told:?}");
    // The third is named by nobody.
    assert_eq!((foreseen.unattributed, foreseen.unattributed_who.len()), (1, 1));
    let figures: Vec<(&str, usize, usize)> = foreseen
        .figures
        .iter()
        .map(|one| (&*one.of, one.before.grants, one.after.grants))
        .collect();
    assert_eq!(
        figures,
        [("user:ann", 1, 1), ("user:bo@corp.example", 0, 1), ("sa:keys/ana", 0, 1)]
    );
}
