//! What runs of other machines made.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::World;
use crate::change::plan::{Elsewhere, Target};
use crate::model::Identity;

fn role(namespace: &str, name: &str, annotations: Value) -> Value {
    let mut role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"namespace": namespace, "name": name}, "rules": []});
    role["metadata"]["annotations"] = annotations;
    role
}

#[test]
fn what_other_machines_made_is_told_by_whom_it_is_of() {
    let account = |name: &str| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "ci", "name": name}})
    };
    let raw = vec![
        account("shared"),
        role("a", "one", json!({"keybook/split-from": "sa:ci/shared"})),
        role("a", "two", json!({"keybook/split-from": "sa:ci/shared"})),
        role("a", "gone", json!({"keybook/split-from": "sa:ci/gone"})),
        role("a", "less", json!({"keybook/narrowed-from": "Role x", "keybook/for": "user:ana"})),
        role("a", "other", json!({"keybook/for": "nobody in particular"})),
        role("a", "plain", json!({"team": "a"})),
    ];
    let now = World { raw, ..World::default() }.objects();
    let own = Target { kind: "Role".into(), namespace: Some("a".into()), name: "two".into() };
    let found = Elsewhere::of(&now, &|target| *target == own);
    let who = |text: &str| text.parse::<Identity>().expect("an identity");
    let split = [(who("sa:ci/shared"), 1), (who("sa:ci/gone"), 1)];
    let narrowed = BTreeMap::from([(who("user:ana"), 1)]);
    assert_eq!(found, Elsewhere { split: split.into_iter().collect(), narrowed });
    assert_eq!(found.not_retired(&now), [&who("sa:ci/shared")]);
    assert_eq!(
        found.words().as_deref(),
        Some(
            "3 objects of this cluster say that keybook made them, by runs that the journal of this \
             machine does not have: a split of sa:ci/gone (1), a split of sa:ci/shared (1), a narrowing \
             for user:ana (1)"
        )
    );
    assert_eq!(Elsewhere::of(&now, &|_| true).words(), None);
}
