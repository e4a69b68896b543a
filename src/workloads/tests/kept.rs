//! What is kept of objects comes back as it went, and nothing secret is kept.

use super::*;

#[test]
fn specs_come_back_from_a_snapshot_as_they_went() {
    let mut spec = mounted();
    spec["volumes"].as_array_mut().unwrap().extend([
        json!({"name": "h", "hostPath": {"path": "/var", "type": "Directory"}}),
        json!({"name": "s", "secret": {"secretName": "db", "defaultMode": 420}}),
        json!({"name": "e", "emptyDir": {}}),
    ]);
    spec["containers"][0]["env"] = json!([{"name": "P", "value": "hunter2"},
            {"name": "K", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}]);
    spec["containers"][0]["readinessProbe"] = json!({"tcpSocket": {"host": "h", "port": 1}});
    spec["containers"][0]["securityContext"] = json!({"privileged": true, "procMount": "Default"});
    spec["nodeName"] = json!("n");
    spec["containers"][0]["volumeMounts"][0]["readOnly"] = json!(true);
    spec["ephemeralContainers"] = json!([{"name": "ended"}, {"name": "runs"}]);
    let mut whole = pod("p", &json!({}), &spec);
    whole["status"]["ephemeralContainerStatuses"] = json!([
        {"name": "ended", "state": {"terminated": {"exitCode": 1}}},
        {"name": "runs", "state": {"running": {}}}]);
    let read_once = Object::read("v1", "Pod", &whole).unwrap().unwrap();
    let written = read_once.to_json();
    assert!(!written.to_string().contains("hunter2"));
    assert_eq!(Object::read("v1", "Pod", &written).unwrap().unwrap(), read_once);
    let Object::Pod(kept) = &read_once else { panic!("a pod") };
    let ended: Vec<bool> = kept.spec.ephemeral_containers.iter().map(|one| one.ended).collect();
    assert_eq!(ended, [true, false]);
    for value in [
        deployment(&spec),
        policy(
            "n",
            &json!({"podSelector": {"matchLabels": {"a": "b"}},
            "policyTypes": ["Egress"], "egress": [{"to": [{"podSelector": {}}]}]}),
        ),
    ] {
        let (version, kind) = (value["apiVersion"].as_str(), value["kind"].as_str());
        let read =
            |value: &Value| Object::read(version.unwrap(), kind.unwrap(), value).unwrap().unwrap();
        assert_eq!(read(&read(&value).to_json()), read(&value));
    }
}

#[test]
fn the_name_of_an_old_access_token_never_leaves_reading() {
    let read = |name: &str| {
        let value = json!({"metadata": {"name": name}, "userName": "ana", "clientName": "console",
            "expiresIn": 86400, "refreshToken": "hunter2"});
        let object = Object::read("oauth.openshift.io/v1", "OAuthAccessToken", &value);
        object.unwrap().unwrap()
    };
    let hashed = read("sha256~abc");
    assert_eq!(&*hashed.meta().name, "sha256~abc");
    let old = read("hunter2hunter2");
    assert!(!format!("{old:?}").contains("hunter2"), "{old:?}");
    assert!(
        matches!(&old, Object::Other(other) if matches!(other.body, ObjectBody::OAuthToken(_)))
    );
    // Read again from a snapshot it is the same.
    let again = Object::read("oauth.openshift.io/v1", "OAuthAccessToken", &old.to_json());
    assert_eq!(again.unwrap().unwrap(), old);
}
