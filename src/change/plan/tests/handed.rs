//! Plans that were edited so that they give something to somebody else: what they make is no more than
//! keybook makes.

use serde_json::{Value, json};

use super::narrow::strict;
use super::split::{ops, split, splitting};
use super::user;
use crate::change::plan::{Action, Named, Plan, Splitting};
use crate::model::Identity;

#[test]
fn what_a_plan_makes_is_for_whom_it_says_and_nothing_else() {
    let world = ops(&[("wide", user("ops"))], &[(0, "list pods@a"), (2, "delete pods@a/x")]);
    let how = Splitting {
        actors: vec![
            Named { name: "ana".into(), is: "203.0.113.1".into() },
            Named { name: "ci".into(), is: "X509SHA256=c3".into() },
        ],
        to: [("ana".into(), Identity::user("ana@corp.example"))].into(),
        ..splitting(strict())
    };
    let plan = split(&world, "user:ops", how).expect("a plan");
    assert_eq!(Plan::read(plan.value()).as_ref(), Ok(&plan));
    let made = |kind: &str| {
        let is = |step: &crate::change::plan::Step| {
            step.action == Action::Create && &*step.target.kind == kind
        };
        plan.steps.iter().position(is).expect(kind)
    };
    let (binding, role) = (made("RoleBinding"), made("Role"));
    let (account, secret) = (made("ServiceAccount"), made("Secret"));
    let own = plan.steps[binding].after.as_ref().expect("an image")["subjects"][0].clone();
    let eve = user("eve");
    let others = "names others than the one";
    let cases: [(usize, &str, Value, &str); 11] = [
        (binding, "/subjects", json!([own, eve]), others),
        (binding, "/subjects", json!([eve]), "gives user:eve something, whom the plan is not for"),
        (binding, "/subjects", json!([user("ops")]), "whom the plan is not for"),
        (binding, "/subjects", json!([]), others),
        (binding, "/roleRef/name", json!("cluster-admin"), "which the plan does not make"),
        (binding, "/roleRef/kind", json!("ClusterRole"), "which the plan does not make"),
        (
            role,
            "/metadata/labels",
            json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"}),
            "has labels",
        ),
        (role, "/aggregationRule", json!({"clusterRoleSelectors": [{}]}), "has aggregationRule"),
        (
            account,
            "/metadata/annotations/eks.amazonaws.com~1role-arn",
            json!("arn:aws:iam::1:role/admin"),
            "has eks.amazonaws.com/role-arn",
        ),
        (secret, "/type", json!("kubernetes.io/service-account-token"), "holds nothing"),
        (
            secret,
            "/metadata/annotations/kubernetes.io~1service-account.name",
            json!("admin"),
            "has kubernetes.io/service-account.name",
        ),
    ];
    for (at, pointer, value, words) in cases {
        let mut edited = plan.value();
        let after = &mut edited["steps"][at]["after"];
        let (parent, field) = pointer.rsplit_once('/').expect("a pointer");
        let parent = after.pointer_mut(parent).expect("there");
        parent[field.replace("~1", "/")] = value;
        let sealed = serde_json::from_value::<Plan>(edited).expect("its form").sealed();
        let refused = Plan::read(sealed.value()).expect_err(words).to_string();
        assert!(refused.contains(words), "{pointer}: {refused}");
    }
    // A reason that lies is not what is read of a binding.
    let mut lies = plan.clone();
    lies.steps[binding].reasons[0].why = "gives it to nobody".to_owned();
    let text = crate::report::plan_read(&lies.sealed());
    assert!(!text.contains("gives it to nobody") && text.contains("gives it to "), "{text}");
}
