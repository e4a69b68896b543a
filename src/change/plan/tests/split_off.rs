//! Who was split off a shared account leaves before it is retired.

use serde_json::{Value, json};

use super::{World, all, user};
use crate::change::plan::{Plan, StillWorks};

/// ci/shared with a token in a Secret; bo, and the account ana, were split off it.
fn world() -> World {
    let account = |name: &str, annotations: Value| {
        let mut account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name,
            "namespace": "ci", "uid": format!("uid-{name}"), "resourceVersion": "4"}});
        account["metadata"]["annotations"] = annotations;
        account
    };
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "key", "namespace": "ci", "uid": "s", "resourceVersion": "5",
            "annotations": {"kubernetes.io/service-account.name": "shared",
                "kubernetes.io/service-account.uid": "uid-shared"}}});
    let mut bound = super::binding(Some("ci"), "shared-bo", "edit", &json!([user("bo")]));
    bound["metadata"]["annotations"] = json!({"keybook/split-from": "sa:ci/shared"});
    let of = |name: &str| json!([{"kind": "ServiceAccount", "namespace": "ci", "name": name}]);
    World::default()
        .with(account("shared", json!(null)))
        .with(account("ana", json!({"keybook/split-from": "sa:ci/shared"})))
        .with(secret)
        .role("edit", &all())
        .bind(Some("ci"), "shared", "edit", &of("shared"))
        .bind(Some("ci"), "ana", "edit", &of("ana"))
        .with(bound)
}

fn of_shared(plan: &Plan) -> Vec<&StillWorks> {
    plan.still_works.iter().filter(|one| one.what.contains("sa:ci/shared")).collect()
}

#[test]
fn what_the_shared_account_may_is_told_with_what_would_have_its_tokens_refused() {
    for (wish, by) in [
        ("user:bo", "user:bo was split off it, by RoleBinding ci/shared-bo"),
        ("sa:ci/ana", "sa:ci/ana was split off it, by ServiceAccount ci/ana"),
    ] {
        let plan = world().plan(&[wish]).expect("a plan");
        let [told] = of_shared(&plan)[..] else { panic!("{:?}", plan.still_works) };
        let what =
            format!("what sa:ci/shared may: {by}, and may have its credentials (secret ci/key)");
        assert_eq!(told.what, what);
        assert_eq!(
            told.until,
            "until sa:ci/shared is retired; what would have them refused: keybook revoke \
             quarantine:sa:ci/shared"
        );
    }
    // What goes in the same plan needs no word.
    let plan = world().plan(&["user:bo", "account:ci/shared"]).expect("a plan");
    let told: Vec<_> =
        of_shared(&plan).into_iter().filter(|one| one.what.contains("split off")).collect();
    assert!(told.is_empty(), "{told:?}");
}
