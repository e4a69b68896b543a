//! Who would undo a cut is told with it.

use super::*;
use crate::book::world::World;
use crate::model::Identity;
use crate::reach::Reach;
use crate::report::cut::CutRow;
use crate::report::reach::ReachRow;

fn rules(verb: &str, group: &str, resource: &str) -> Value {
    json!([{"verbs": [verb], "apiGroups": [group], "resources": [resource]}])
}

fn bound(metadata: &Value) -> World {
    let world = World::new().namespace("n").account("n", "x").account("n", "strong");
    let world = world.cluster_role("cluster-admin", &rules("*", "*", "*"));
    let world = world.bind(None, "strong", "ClusterRole/cluster-admin", "sa:n/strong");
    let world = world.cluster_role("w", &rules("create", "", "serviceaccounts/token"));
    let mut all = json!({"name": "w"});
    all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
    world.object(
        &json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": all,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "w"},
        "subjects": [{"kind": "ServiceAccount", "namespace": "n", "name": "x"}]}),
    )
}

/// What would cut the first step, the row of the cut, and the text.
fn told(metadata: &Value) -> (Value, Value, String) {
    let book = bound(metadata).book();
    let entry = book.find(&Identity::service_account("n", "x")).unwrap();
    let reach = Reach::new(&book);
    let row = ReachRow::new(&reach, entry);
    let value = serde_json::to_value(&row).unwrap();
    let text = ReachRow::text(&Report::new(Metadata::default(), vec![row]), false, true).unwrap();
    let cuts = reach.cuts(&reach.all());
    let rows: Vec<CutRow> = cuts.iter().filter_map(|cut| CutRow::new(&book, cut)).collect();
    let cut = rows.iter().find(|row| &*row.role == "w").unwrap();
    (value, serde_json::to_value(cut).unwrap(), text)
}

#[test]
fn a_cut_says_who_would_undo_it() {
    let helm = json!({"annotations": {"meta.helm.sh/release-name": "team",
        "meta.helm.sh/release-namespace": "ops"}});
    let (row, cut, text) = told(&helm);
    let words =
        "take sa:n/x out of ClusterRoleBinding w; kept by Helm ops/team (at its next upgrade)";
    let hop = &row["paths"][0]["hops"][0];
    assert_eq!(hop["cut"], json!(words));
    assert!(text.contains(&format!("     cut    {words}\n")), "{text}");
    let without = text.split("Without one grant").nth(1).unwrap();
    assert!(without.contains("; kept by Helm ops/team (at its next upgrade)\n"), "{text}");
    for kept_by in [&hop["keptBy"], &row["cuts"][0]["keptBy"], &cut["keptBy"]] {
        assert_eq!(kept_by[0]["keeper"], json!("Helm"));
        assert_eq!(kept_by[0]["name"], json!("ops/team"));
        assert_eq!(kept_by[0]["object"], json!("binding"));
        assert_eq!(kept_by[0]["edit"]["soon"], json!("at its next upgrade"));
        assert_eq!(kept_by.as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_cut_that_stays_says_nothing_more() {
    for nobody in [
        json!({}),
        // An owner that is no controller has it deleted, and no more.
        json!({"ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "d",
            "uid": "u"}]}),
    ] {
        let (row, _, text) = told(&nobody);
        let words = "take sa:n/x out of ClusterRoleBinding w";
        assert_eq!(row["paths"][0]["hops"][0]["cut"], json!(words));
        assert!(!text.contains("kept by"), "{text}");
    }
}
