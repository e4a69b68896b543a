//! Volumes that lead to what is not read, and pods that have no account.

use super::*;

fn volumes(of: &Value) -> Value {
    json!({"serviceAccountName": "x", "volumes": of, "containers": [{"name": "c"}]})
}

#[test]
fn what_volumes_lead_to_is_said_not_to_be_read() {
    let unread = |of: Value| {
        let row = all(&world().object(&pod("p", &json!({}), &volumes(&of)))).remove(0);
        let words = unread_words(&row.unread_volumes);
        (row.unread_volumes.iter().map(ToString::to_string).collect::<Vec<_>>(), words)
    };
    let claims = "its PersistentVolumes are not read";
    let drivers = "what its volumes' drivers mount is not read";
    let names = |of: &[&str]| of.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(
        unread(json!([{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}])),
        (names(&["persistentVolumeClaim"]), vec![claims])
    );
    assert_eq!(
        unread(json!([{"name": "v", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}}])),
        (names(&["ephemeral"]), vec![claims])
    );
    assert_eq!(
        unread(json!([{"name": "v", "csi": {"driver": "d"}}, {"name": "f", "flexVolume": {}},
            {"name": "p", "persistentVolumeClaim": {"claimName": "data"}}])),
        (names(&["csi", "flexVolume", "persistentVolumeClaim"]), vec![claims, drivers])
    );
    let none = json!([{"name": "e", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}},
        {"name": "h", "hostPath": {"path": "/var"}}, {"name": "n", "nfs": {"server": "s"}}]);
    assert_eq!(unread(none), (names(&[]), vec![]));
    // Of several sorts of pods all counts.
    let with = volumes(&json!([{"name": "v", "csi": {"driver": "d"}}]));
    let mut made = pod("web-1", &json!({}), &volumes(&json!([])));
    made["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "Deployment",
        "name": "web", "uid": "d", "controller": true}]);
    let rows = all(&world().object(&deployment(&with)).object(&made));
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].unread_volumes, ["csi".into()]);
}

#[test]
fn a_stateful_sets_claims_are_volumes_too() {
    let set = |kind: &str| {
        let spec = json!({"serviceAccountName": "x", "containers": [{"name": "c",
            "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]});
        let mut value = deployment(&spec);
        value["kind"] = json!(kind);
        all(&world().object(&value)).remove(0).unread_volumes
    };
    assert_eq!(set("StatefulSet"), ["persistentVolumeClaim".into()]);
    assert_eq!(set("Deployment"), Vec::<Name>::new());
}

#[test]
fn a_mirror_pod_is_no_accounts() {
    let mut mirror = pod("kube-apiserver-n1", &json!({}), &json!({"containers": [{"name": "c"}]}));
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "b5e1"});
    mirror["status"]["startTime"] = json!("2026-01-02T03:04:05Z");
    let mut ended = mirror.clone();
    ended["metadata"]["name"] = json!("old");
    ended["status"]["phase"] = json!("Failed");
    let mut plain = pod("p", &json!({}), &json!({"containers": [{"name": "c"}]}));
    plain["status"]["startTime"] = json!("2026-01-01T03:04:05Z");
    let world = World::new().namespace("a").account("a", "default").account("a", "x");
    let book = world.object(&mirror).object(&ended).object(&plain).book();
    let default = Identity::service_account("a", "default");
    let rows = of(&book, &default);
    assert_eq!(rows.iter().map(|row| &*row.name).collect::<Vec<_>>(), ["p"]);
    assert_eq!((mirrors(&book, &default), mirrors(&book, &x())), (1, 0));
    assert_eq!(
        mirror_words(1),
        "1 mirror pod of this namespace runs by a file on its node, as no account and without a token"
    );
    // Nor does it show that the account is used.
    let hints = &book.find(&default).unwrap().hints;
    assert_eq!(hints.iter().map(|of| &*of.object).collect::<Vec<_>>(), ["pod a/p"]);
}
