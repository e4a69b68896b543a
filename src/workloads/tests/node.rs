//! What of a pod is its node's, which part of a Secret is in it, and rules for ports.

use super::*;

fn has(spec: &Value) -> bool {
    has_node(&serde_json::from_value(spec.clone()).unwrap())
}

#[test]
fn capabilities_that_lead_out_of_a_container_have_the_node() {
    let with = |add: &[&str], more: Value| {
        let mut spec = json!({"containers": [{"name": "c",
            "securityContext": {"capabilities": {"add": add}}}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        has(&spec)
    };
    let none = || json!({});
    for one in ["ALL", "all", "SYS_ADMIN", "CAP_SYS_ADMIN", "SYS_MODULE", "DAC_READ_SEARCH"] {
        assert!(with(&["NET_RAW", one], none()), "{one}");
        // In a user namespace it is good for that only.
        assert!(!with(&[one], json!({"hostUsers": false})), "{one}");
    }
    for one in ["NET_ADMIN", "NET_RAW", "SYS_PTRACE", "SYS_TIME", "DAC_OVERRIDE"] {
        assert!(!with(&[one], none()), "{one}");
    }
    let nobody = || json!({"hostPID": true, "securityContext": {"runAsUser": 65534}});
    assert!(with(&["SYS_PTRACE"], nobody()));
    assert!(!with(&[], nobody()));
}

#[test]
fn a_process_of_a_windows_node_has_it() {
    let options = |host: bool| json!({"windowsOptions": {"hostProcess": host}});
    let pod = |own: Value, of_pod: Value| json!({"securityContext": of_pod, "containers": [{"name": "c", "securityContext": own}]});
    let is = |own: Value, of_pod: Value| has(&pod(own, of_pod));
    assert!(is(options(true), json!({})));
    assert!(is(json!({}), options(true)));
    assert!(!is(json!({}), json!({})));
    // The container's own word counts.
    assert!(!is(options(false), options(true)));
    let shown = |of_pod: Value| {
        let mut spec = pod(json!({}), of_pod);
        spec["serviceAccountName"] = json!("x");
        spec["hostNetwork"] = json!(true);
        all(&world().object(&super::pod("p", &json!({}), &spec)))[0].host_namespaces.clone()
    };
    assert_eq!(shown(options(true)), ["process", "network"]);
    assert_eq!(shown(options(false)), ["network"]);
}

#[test]
fn part_of_a_folder_is_what_a_container_has() {
    let path = |path: &str, mount: Value| {
        let mut one = json!({"name": "v", "mountPath": "/v"});
        one.as_object_mut().unwrap().extend(mount.as_object().unwrap().clone());
        has(&json!({"volumes": [{"name": "v", "hostPath": {"path": path}}],
            "containers": [{"name": "c", "volumeMounts": [one]}]}))
    };
    let part = |sub: &str| json!({"subPath": sub});
    assert!(path("/", json!({})));
    assert!(!path("/", part("var/log/app")));
    assert!(path("/", part("var/lib/kubelet/pods")));
    assert!(path("/var", part("lib")));
    assert!(!path("/var", part("log")));
    // Variables may make it any.
    assert!(path("/", json!({"subPathExpr": "$(PART)"})));
    // The kubelet's plugins hold no token.
    assert!(path("/var/lib/kubelet", json!({})));
    assert!(!path("/var/lib/kubelet/plugins/csi.example", json!({})));
    assert!(!path("/var/lib/kubelet", part("plugins/csi.example")));
    assert!(path("/var/lib/kubelet/plugins.d", json!({})));
}

#[test]
fn a_token_secret_of_which_the_token_is_not_mounted_is_no_token() {
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token", "metadata": {"namespace": "a", "name": "t",
            "annotations": {"kubernetes.io/service-account.name": "x"}}});
    let row = |account: &str, container: Value, volumes: Value| {
        let spec = json!({"serviceAccountName": account, "automountServiceAccountToken": false,
            "volumes": volumes, "containers": [container]});
        let world = world().account("a", "y").object(&secret);
        let found = of(
            &world.object(&pod("p", &json!({}), &spec)).book(),
            &Identity::service_account("a", "x"),
        );
        found.first().map(|row| (row.token, row.secrets.len()))
    };
    let env = |key: &str| {
        json!({"name": "c", "env": [{"name": "T", "valueFrom":
            {"secretKeyRef": {"name": "t", "key": key}}}]})
    };
    let none = || json!([]);
    assert_eq!(row("x", env("token"), none()), Some((TokenMount::Yes, 1)));
    assert_eq!(row("x", env("namespace"), none()), Some((TokenMount::No, 1)));
    // Another's pod carries it, or does not.
    assert_eq!(row("y", env("token"), none()).map(|row| row.0), Some(TokenMount::Yes));
    assert_eq!(row("y", env("ca.crt"), none()), None);
    let volume = json!([{"name": "v", "secret": {"secretName": "t",
        "items": [{"key": "ca.crt", "path": "ca.crt"}]}}]);
    let mount = json!({"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/v"}]});
    assert_eq!(row("x", mount, volume).map(|row| row.0), Some(TokenMount::No));
}

#[test]
fn rules_for_all_ports_isolate_nothing() {
    let state = |rules: &Value| {
        let policy = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"namespace": "a", "name": "n"},
            "spec": {"podSelector": {}, "ingress": rules}});
        let world = world().object(&pod("p", &json!({}), &mounted())).object(&policy);
        all(&world)[0].isolation.ingress
    };
    let port = |protocol: &str, first: u32, last: u32| json!({"protocol": protocol, "port": first, "endPort": last});
    let (isolated, open) = (IsolationState::Isolated, IsolationState::AllAllowed);
    let each = |first, last| ["TCP", "UDP", "SCTP"].map(|protocol| port(protocol, first, last));
    assert_eq!(state(&json!([{"ports": each(1, 65_535)}])), open);
    assert_eq!(state(&json!([{"ports": each(2, 65_535)}])), isolated);
    assert_eq!(state(&json!([{"ports": each(1, 65_534)}])), isolated);
    assert_eq!(
        state(&json!([{"ports": [port("TCP", 1, 65_535), port("UDP", 1, 65_535)]}])),
        isolated
    );
    // Parts add up, over rules as well.
    assert_eq!(state(&json!([{"ports": each(1, 100)}, {"ports": each(90, 65_535)}])), open);
    assert_eq!(state(&json!([{"ports": each(1, 100)}, {"ports": each(102, 65_535)}])), isolated);
    // Without a port all of a protocol's; without a protocol TCP's.
    let whole = json!([{"ports": [{}, {"protocol": "UDP"}, {"protocol": "SCTP"}]}]);
    assert_eq!(state(&whole), open);
    assert_eq!(state(&json!([{"ports": [{}, {"protocol": "UDP"}]}])), isolated);
    // A name is some container's port.
    let named = json!([{"ports": [{"port": "http"}, {"protocol": "UDP"}, {"protocol": "SCTP"}]}]);
    assert_eq!(state(&named), isolated);
    // For somebody only, it is not for all.
    let some = json!([{"ports": each(1, 65_535), "from": [{"podSelector": {}}]}]);
    assert_eq!(state(&some), isolated);
    let blocks = json!([{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]);
    assert_eq!(state(&json!([{"ports": each(1, 65_535), "from": blocks}])), open);
}
