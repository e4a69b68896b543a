mod controllers;
mod kept;
mod network;
mod node;
mod volumes;
use serde_json::{Value, json};

use super::*;
use crate::book::world::World;
use crate::model::{Health, Identity, ListState, Object, ObjectBody, Pod};

fn pod(name: &str, labels: &Value, spec: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": name,
        "labels": labels}, "spec": spec, "status": {"phase": "Running"}})
}

fn read(value: &Value) -> Pod {
    match Object::read("v1", "Pod", value) {
        Ok(Some(Object::Pod(pod))) => pod,
        other => panic!("{other:?}"),
    }
}

/// Reasons by level, of the newest rules.
fn fails(spec: &Value) -> Vec<String> {
    at(spec, standards::NEWEST)
}

fn at(spec: &Value, minor: u32) -> Vec<String> {
    let pod = read(&pod("p", &json!({}), spec));
    let subject = standards::Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
    let found = standards::violations(subject, minor);
    found.iter().map(|one| format!("{}: {}", one.level.as_str(), one.reason)).collect()
}

/// A container that meets the restricted level.
fn hardened() -> Value {
    json!({"name": "c", "securityContext": {"allowPrivilegeEscalation": false,
        "runAsNonRoot": true, "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"}}})
}

#[test]
fn a_hardened_pod_meets_restricted_and_a_plain_one_baseline() {
    assert_eq!(fails(&json!({"containers": [hardened()]})), Vec::<String>::new());
    assert_eq!(
        fails(&json!({"containers": [{"name": "c"}]})),
        [
            "restricted: allowPrivilegeEscalation != false",
            "restricted: unrestricted capabilities",
            "restricted: runAsNonRoot != true",
            "restricted: seccompProfile",
        ]
    );
}

#[test]
fn every_check_of_baseline_fails_where_it_has_to() {
    let with = |context: Value| {
        let mut container = hardened();
        let own = container["securityContext"].as_object_mut().unwrap();
        own.extend(context.as_object().unwrap().clone());
        let found = fails(&json!({"containers": [container]}));
        found.into_iter().filter(|one| one.starts_with("baseline")).collect::<Vec<_>>()
    };
    for (context, reason) in [
        (json!({"privileged": true}), "privileged"),
        (
            json!({"capabilities": {"drop": ["ALL"], "add": ["NET_RAW"]}}),
            "non-default capabilities",
        ),
        (json!({"procMount": "Unmasked"}), "procMount"),
        (json!({"seccompProfile": {"type": "Unconfined"}}), "seccompProfile"),
        (json!({"appArmorProfile": {"type": "Unconfined"}}), "forbidden AppArmor profile"),
        (json!({"seLinuxOptions": {"type": "spc_t"}}), "seLinuxOptions"),
        (json!({"seLinuxOptions": {"user": "u"}}), "seLinuxOptions"),
        (json!({"windowsOptions": {"hostProcess": true}}), "hostProcess"),
    ] {
        assert_eq!(with(context.clone()), [format!("baseline: {reason}")], "{context}");
    }
    for fine in [
        json!({"privileged": false}),
        json!({"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}}),
        json!({"procMount": "Default"}),
        json!({"seLinuxOptions": {"type": "container_t"}}),
        json!({"appArmorProfile": {"type": "Localhost", "localhostProfile": "x"}}),
    ] {
        assert_eq!(with(fine.clone()), Vec::<String>::new(), "{fine}");
    }
    let pod = |more: Value| {
        let mut spec = json!({"containers": [hardened()]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        fails(&spec)
    };
    for (more, reasons) in [
        (json!({"hostNetwork": true}), &["baseline: host namespaces"][..]),
        (json!({"hostPID": true, "hostIPC": true}), &["baseline: host namespaces"]),
        (
            json!({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}),
            &["baseline: hostPath volumes", "restricted: restricted volume types"],
        ),
        (
            json!({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]}),
            &["restricted: restricted volume types"],
        ),
        (json!({"volumes": [{"name": "v", "emptyDir": {}}, {"secret": {"secretName": "s"}}]}), &[]),
        (
            json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}),
            &["baseline: forbidden sysctls"],
        ),
        (
            json!({"initContainers": [{"name": "i", "ports": [{"hostPort": 80}],
                "securityContext": hardened()["securityContext"]}]}),
            &["baseline: hostPort"],
        ),
        (
            json!({"ephemeralContainers": [{"name": "e",
                "securityContext": hardened()["securityContext"],
                "livenessProbe": {"httpGet": {"host": "192.0.2.1", "port": 80}}}]}),
            &["baseline: probe or lifecycle host"],
        ),
        (json!({"securityContext": {"runAsUser": 0}}), &["restricted: runAsUser=0"]),
        (
            json!({"securityContext": {"runAsNonRoot": false}}),
            &["restricted: runAsNonRoot != true"],
        ),
    ] {
        assert_eq!(pod(more.clone()), reasons, "{more}");
    }
}

#[test]
fn the_rules_are_those_of_the_servers_version() {
    let sysctl = json!({"containers": [hardened()],
        "securityContext": {"sysctls": [{"name": "net.ipv4.tcp_rmem", "value": "1"}]}});
    assert_eq!(at(&sysctl, 31), ["baseline: forbidden sysctls"]);
    assert_eq!(at(&sysctl, 32), Vec::<String>::new());
    let mut own_users = json!({"containers": [hardened()], "hostUsers": false});
    own_users["containers"][0]["securityContext"]["runAsNonRoot"] = json!(false);
    own_users["containers"][0]["securityContext"]["procMount"] = json!("Unmasked");
    assert_eq!(at(&own_users, 34), ["baseline: procMount", "restricted: runAsNonRoot != true"]);
    assert_eq!(at(&own_users, 35), ["restricted: procMount"]);
    let probe = json!({"containers": [{"name": "c",
        "securityContext": hardened()["securityContext"],
        "lifecycle": {"preStop": {"tcpSocket": {"host": "192.0.2.1", "port": 1}}}}]});
    assert_eq!(at(&probe, 33), Vec::<String>::new());
    assert_eq!(at(&probe, 34), ["baseline: probe or lifecycle host"]);
}

fn x() -> Identity {
    Identity::service_account("a", "x")
}

fn world() -> World {
    World::new().namespace("a").account("a", "x")
}

fn all(world: &World) -> Vec<Workload> {
    of(&world.book(), &x())
}

fn mounted() -> Value {
    json!({"serviceAccountName": "x",
        "volumes": [{"name": "t", "projected": {"sources": [{"serviceAccountToken":
            {"path": "token", "expirationSeconds": 3607}}]}}],
        "containers": [{"name": "c", "volumeMounts": [{"name": "t", "mountPath": "/x"}]}]})
}

fn deployment(spec: &Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "a", "name": "web", "uid": "d"},
        "spec": {"template": {"metadata": {"labels": {"app": "web"}}, "spec": spec}}})
}

#[test]
fn what_belongs_together_is_one_row() {
    let owned = |kind: &str, name: &str, uid: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true}]);
    let plain = json!({"serviceAccountName": "x", "containers": [{"name": "c"}]});
    let mut set = deployment(&plain);
    set["kind"] = json!("ReplicaSet");
    set["metadata"] = json!({"namespace": "a", "name": "web-1", "uid": "r",
        "ownerReferences": owned("Deployment", "web", "d")});
    let of_set = |name: &str, phase: &str| {
        let mut made = pod(name, &json!({"app": "web"}), &mounted());
        made["metadata"]["ownerReferences"] = owned("ReplicaSet", "web-1", "r");
        made["status"]["phase"] = json!(phase);
        made
    };
    let world = world()
        .object(&deployment(&plain))
        .object(&set)
        .object(&of_set("web-1-a", "Running"))
        .object(&of_set("web-1-b", "Pending"))
        .object(&of_set("web-1-c", "Failed"))
        .object(&pod("alone", &json!({}), &mounted()))
        .object(&pod("other", &json!({}), &json!({"serviceAccountName": "y"})))
        .object(&pod("default", &json!({}), &json!({})));
    let rows: Vec<(String, u64)> =
        all(&world).iter().map(|row| (format!("{} {}", row.kind, row.name), row.pods)).collect();
    assert_eq!(rows, [("Deployment web".to_owned(), 2), ("Pod alone".to_owned(), 1)]);
    // A pod that names no account is the default one's.
    let default = of(&world.book(), &Identity::service_account("a", "default"));
    assert_eq!(default.len(), 1);
    assert_eq!(&*default[0].name, "default");
    assert_eq!(of(&world.book(), &Identity::user("x")), []);
}

#[test]
fn a_token_for_the_api_server_by_its_name_is_its_own() {
    let with = |audience: &str| {
        let mut spec = mounted();
        spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] =
            json!(audience);
        all(&world().object(&pod("p", &json!({}), &spec)))[0].token
    };
    for own in [
        "https://kubernetes.default.svc",
        "https://kubernetes.default.svc.cluster.local",
        "kubernetes.default.svc",
        "k3s",
        "https://container.googleapis.com/v1/projects/p/locations/l/clusters/c",
    ] {
        assert_eq!(with(own), TokenMount::Yes, "{own}");
    }
    for other in ["vault", "sts.amazonaws.com", "https://kubernetes.default.svcs", "https://k3s"] {
        assert_eq!(with(other), TokenMount::OtherAudience, "{other}");
    }
}

#[test]
fn where_each_container_has_its_own_at_the_tokens_path_admission_mounts_none() {
    let path = "/var/run/secrets/kubernetes.io/serviceaccount";
    let token = |paths: &[&str]| {
        let one =
            |path: &&str| json!({"name": "c", "volumeMounts": [{"name": "e", "mountPath": path}]});
        let containers: Vec<Value> = paths.iter().map(one).collect();
        let spec = json!({"serviceAccountName": "x", "containers": containers,
            "volumes": [{"name": "e", "emptyDir": {}}]});
        all(&world().object(&deployment(&spec)))[0].token
    };
    assert_eq!(token(&[path]), TokenMount::No);
    assert_eq!(token(&[path, "/tmp"]), TokenMount::Yes);
    assert_eq!(token(&["/var/run/secrets"]), TokenMount::Yes);
}

#[test]
fn what_carries_another_accounts_token_is_told_with_both() {
    let held = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token", "metadata": {"namespace": "a",
            "name": "x-token", "annotations": {"kubernetes.io/service-account.name": "x"}}});
    let spec = json!({"serviceAccountName": "y",
        "volumes": [{"name": "t", "secret": {"secretName": "x-token"}}],
        "containers": [{"name": "c", "volumeMounts": [{"name": "t", "mountPath": "/x"}]}]});
    let world = world().account("a", "y").object(&pod("p", &json!({}), &spec)).object(&held);
    let world = world.object(&deployment(&spec));
    let carried = all(&world);
    let told = |row: &Workload| (row.name.to_string(), row.runs_as.clone(), row.token);
    let as_y = Some(Name::from("y"));
    assert_eq!(
        carried.iter().map(told).collect::<Vec<_>>(),
        [
            ("web".to_owned(), as_y.clone(), TokenMount::Yes),
            ("p".to_owned(), as_y, TokenMount::Yes),
        ]
    );
    let own = of(&world.book(), &Identity::service_account("a", "y"));
    let told = |row: &Workload| (row.name.to_string(), row.runs_as.clone(), row.tokens_of.clone());
    let x = vec![Name::from("x")];
    assert_eq!(
        own.iter().map(told).collect::<Vec<_>>(),
        [("web".to_owned(), None, x.clone()), ("p".to_owned(), None, x)]
    );
}

#[test]
fn whether_the_token_is_in_it_is_the_pods_word_before_the_accounts() {
    let token = |automount: Value, spec: Value| {
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": "a", "name": "x"},
            "automountServiceAccountToken": automount});
        let world = World::new().object(&account).object(&deployment(&spec));
        all(&world)[0].token
    };
    let spec = |automount: Value| {
        json!({"serviceAccountName": "x", "automountServiceAccountToken": automount,
            "containers": [{"name": "c"}]})
    };
    assert_eq!(token(json!(null), spec(json!(null))), TokenMount::Yes);
    assert_eq!(token(json!(false), spec(json!(null))), TokenMount::No);
    assert_eq!(token(json!(false), spec(json!(true))), TokenMount::Yes);
    assert_eq!(token(json!(true), spec(json!(false))), TokenMount::No);
    // What the spec brings itself counts all the same.
    let mut own = mounted();
    own["automountServiceAccountToken"] = json!(false);
    assert_eq!(token(json!(false), own.clone()), TokenMount::Yes);
    own["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] =
        json!("vault");
    assert_eq!(token(json!(false), own.clone()), TokenMount::OtherAudience);
    own["containers"][0]["volumeMounts"] = json!([]);
    assert_eq!(token(json!(false), own), TokenMount::No);
    // A pod has what admission gave it when it was made.
    let bare = json!({"serviceAccountName": "x", "containers": [{"name": "c"}]});
    assert_eq!(all(&world().object(&pod("p", &json!({}), &bare)))[0].token, TokenMount::No);
    assert_eq!(all(&world().object(&pod("p", &json!({}), &mounted())))[0].token, TokenMount::Yes);
    let secret = json!({"serviceAccountName": "x",
        "volumes": [{"name": "t", "secret": {"secretName": "x-token"}}],
        "containers": [{"name": "c", "volumeMounts": [{"name": "t", "mountPath": "/x"}]}]});
    let held = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token", "metadata": {"namespace": "a",
            "name": "x-token", "annotations": {"kubernetes.io/service-account.name": "x"}}});
    let world = world().object(&pod("p", &json!({}), &secret));
    assert_eq!(all(&world)[0].token, TokenMount::No);
    assert_eq!(all(&world.object(&held))[0].token, TokenMount::Yes);
    let mut blind = World::new().object(&deployment(&spec(json!(null))));
    let forbidden = ListState::because(Health::Forbidden, "403");
    blind.snapshot.lists.insert(ListKind::ServiceAccounts, forbidden);
    assert_eq!(all(&blind)[0].token, TokenMount::NotKnown);
}

fn policy(name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
        "metadata": {"namespace": "a", "name": name}, "spec": spec})
}

#[test]
fn directions_are_isolated_apart_and_selectors_are_exact() {
    use IsolationState::{AllAllowed, HostNetwork, Isolated, NotKnown, Open};
    let isolation = |policies: &[Value], labels: Value, spec: Value| {
        let mut world = world().object(&pod("p", &labels, &spec));
        for (index, spec) in policies.iter().enumerate() {
            world = world.object(&policy(&format!("n{index}"), spec));
        }
        let isolation = all(&world).remove(0).isolation;
        (isolation.ingress, isolation.egress)
    };
    let on = |policies: &[Value]| isolation(policies, json!({"app": "web"}), mounted());
    assert_eq!(on(&[]), (Open, Open));
    assert_eq!(on(&[json!({"podSelector": {}})]), (Isolated, Open));
    assert_eq!(on(&[json!({"podSelector": {}, "egress": [{"to": [{}]}]})]), (Isolated, Isolated));
    let egress = json!({"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Egress"]});
    assert_eq!(on(std::slice::from_ref(&egress)), (Open, Isolated));
    assert_eq!(
        on(&[egress, json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]})]),
        (Open, AllAllowed)
    );
    assert_eq!(
        on(&[json!({"podSelector": {}, "ingress": [{"from": [], "ports": null}]})]),
        (AllAllowed, Open)
    );
    let ports = json!({"podSelector": {}, "ingress": [{"ports": [{"port": 80}]}]});
    assert_eq!(on(&[ports]), (Isolated, Open));
    for (expression, selected) in [
        (json!({"key": "app", "operator": "In", "values": ["db", "web"]}), true),
        (json!({"key": "app", "operator": "NotIn", "values": ["web"]}), false),
        (json!({"key": "tier", "operator": "NotIn", "values": ["web"]}), true),
        (json!({"key": "app", "operator": "Exists"}), true),
        (json!({"key": "app", "operator": "DoesNotExist"}), false),
    ] {
        let spec = json!({"podSelector": {"matchExpressions": [expression]}});
        let expected = if selected { Isolated } else { Open };
        assert_eq!(on(&[spec]), (expected, Open), "{expression}");
    }
    let bad = json!({"podSelector": {"matchExpressions": [{"key": "app", "operator": "Like"}]}});
    assert_eq!(on(&[bad]), (NotKnown, NotKnown));
    let mut host = mounted();
    host["hostNetwork"] = json!(true);
    let both = isolation(&[json!({"podSelector": {}})], json!({}), host);
    assert_eq!(both, (HostNetwork, HostNetwork));
    let mut blind = world().object(&pod("p", &json!({}), &mounted()));
    blind.snapshot.lists.insert(ListKind::NetworkPolicies, ListState::new(Health::NotGiven));
    assert_eq!(all(&blind)[0].isolation.ingress, NotKnown);
    assert_eq!(missing(&blind.book(), &x()), [ListKind::NetworkPolicies]);
}

#[test]
fn node_root_and_secrets_are_told() {
    let spec = json!({"serviceAccountName": "x", "hostPID": true,
        "securityContext": {"runAsUser": 1000},
        "volumes": [{"name": "h", "hostPath": {"path": "/var/run"}},
            {"name": "s", "secret": {"secretName": "db"}},
            {"name": "u", "secret": {"secretName": "mounted-nowhere"}},
            {"name": "j", "projected": {"sources": [{"secret": {"name": "tls"}},
                {"configMap": {"name": "no"}}]}}],
        "initContainers": [{"name": "i", "securityContext": {"privileged": true}}],
        "containers": [{"name": "c", "volumeMounts": [{"name": "s"}, {"name": "j"}],
            "securityContext": {"runAsUser": 0,
                "capabilities": {"add": ["SYS_ADMIN"]}},
            "env": [{"name": "A", "value": "hunter2"},
                {"name": "K", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}],
            "envFrom": [{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "no"}}]}]});
    let row = all(&world().object(&pod("p", &json!({}), &spec))).remove(0);
    assert_eq!(row.level, Some(Level::Privileged));
    assert_eq!((row.root, row.privileged), (Root::Yes, vec!["i".into()]));
    assert_eq!(row.host_namespaces, ["PID"]);
    assert_eq!(row.host_paths, [Name::from("/var/run")]);
    assert_eq!(row.capabilities, [Name::from("SYS_ADMIN")]);
    assert_eq!(row.secrets, ["all", "db", "key", "tls"].map(Name::from));
    let user = |container: Value, own: Value| {
        let spec = json!({"serviceAccountName": "x", "securityContext": own,
            "containers": [{"name": "c", "securityContext": container}]});
        all(&world().object(&pod("p", &json!({}), &spec)))[0].root
    };
    assert_eq!(user(json!(null), json!(null)), Root::ByImage);
    assert_eq!(user(json!(null), json!({"runAsUser": 7})), Root::No);
    assert_eq!(user(json!({"runAsNonRoot": true}), json!(null)), Root::No);
    assert_eq!(user(json!({"runAsUser": 7}), json!({"runAsUser": 0})), Root::No);
    assert_eq!(user(json!({"runAsUser": 0}), json!({"runAsUser": 7})), Root::Yes);
    // A spec that was cut to less, as older snapshots have it, is not judged.
    let cut = pod("p", &json!({}), &json!({"serviceAccountName": "x"}));
    assert_eq!(all(&world().object(&cut))[0].level, None);
}

#[test]
fn secrets_that_it_can_read_are_those_of_its_rules() {
    let rule = |verbs: &[&str], names: &[&str]| {
        json!([{"verbs": verbs, "apiGroups": [""], "resources": ["secrets"],
            "resourceNames": names}])
    };
    let world = world()
        .role("a", "one", &rule(&["get", "update"], &["db"]))
        .cluster_role("all", &rule(&["*"], &[]))
        .cluster_role("write", &rule(&["create", "update"], &[]))
        .cluster_role("clear", &rule(&["create", "delete", "deletecollection"], &[]))
        .cluster_role("clear-named", &rule(&["patch", "deletecollection"], &["k"]))
        .bind(Some("a"), "b1", "Role/one", "sa:a/x")
        .bind(Some("a"), "b2", "ClusterRole/write", "sa:a/x")
        .bind(Some("a"), "b4", "ClusterRole/clear", "sa:a/x")
        .bind(Some("a"), "b5", "ClusterRole/clear-named", "sa:a/x")
        .bind(None, "b3", "ClusterRole/all", "group:system:serviceaccounts:a");
    let book = world.book();
    let entry = book.find(&x()).unwrap();
    let found = readable(&book, entry);
    let whole =
        Readable { namespace: None, names: Vec::new(), verbs: vec!["get", "list", "watch"] };
    let one =
        Readable { namespace: Some("a".into()), names: vec!["db".into()], verbs: vec!["get"] };
    // What is answered with the Secret reads it as well.
    let answered = |names: &[&str], verbs: &[&'static str]| Readable {
        namespace: Some("a".into()),
        names: names.iter().map(|name| Name::from(*name)).collect(),
        verbs: verbs.to_vec(),
    };
    let all = answered(&[], &["delete", "deletecollection"]);
    assert_eq!(found, [whole, all, one, answered(&["k"], &["patch"])]);
    // Requests that carry no name, as a list of all of them and no get.
    let nameless = World::new()
        .account("a", "x")
        .role("a", "r", &rule(&["*"], &["", "db"]))
        .role("a", "nothing", &rule(&["get"], &[""]))
        .bind(Some("a"), "b1", "Role/r", "sa:a/x")
        .bind(Some("a"), "b2", "Role/nothing", "sa:a/x");
    let book = nameless.book();
    let read = |names: &[&str], verbs: &[&'static str]| Readable {
        namespace: Some("a".into()),
        names: names.iter().map(|name| Name::from(*name)).collect(),
        verbs: verbs.to_vec(),
    };
    assert_eq!(
        readable(&book, book.find(&x()).unwrap()),
        [read(&[], &["list", "watch"]), read(&["db"], &["get", "list", "watch"])]
    );
}
