//! What nodes may, who may pass for one, and pods that have their node.

use super::twins::{APP, leads, never, pod};
use super::*;

const AUTH: &str = "authentication.k8s.io";

/// The company with a pod of the strong account on node-1.
fn busy() -> World {
    company().object(&pod("app", "busy", "strong", "Running"))
}

#[test]
fn who_passes_for_a_node_has_the_tokens_of_its_pods() {
    let act = |resource, names: &[&str]| named(rule(&["impersonate"], "", &[resource]), names);
    let node = || act("users", &["system:node:node-1"]);
    let nodes = || act("groups", &["system:nodes"]);
    let by = [Step::ImpersonateNode];
    leads(busy(), None, json!([node(), nodes()]), &by);
    // Any group: the masters' as well, which takes no model.
    let any = || rule(&["impersonate"], "", &["groups"]);
    leads(busy(), None, json!([node(), any()]), &[Step::Impersonate]);
    never(busy(), None, json!([node()]));
    never(busy(), None, json!([nodes()]));
    never(busy(), None, json!([node(), act("groups", &["system:node"])]));
    never(busy(), None, json!([act("users", &["system:node:node-2"]), nodes()]));
    never(busy(), None, json!([act("users", &["node-1"]), nodes()]));
    never(company(), None, json!([node(), nodes()]));
    never(
        company().object(&pod("app", "busy", "strong", "Succeeded")),
        None,
        json!([node(), nodes()]),
    );
    // Users and groups are in no namespace.
    never(busy(), APP, json!([node(), nodes()]));
}

#[test]
fn constrained_impersonation_of_nodes_takes_a_verb_for_the_node_and_one_for_the_token() {
    let be = |names: &[&str]| named(rule(&["impersonate:arbitrary-node"], AUTH, &["nodes"]), names);
    let on = |mode: &str| {
        rule(&[&*format!("impersonate-on:{mode}:create")], "", &["serviceaccounts/token"])
    };
    let any = || on("arbitrary-node");
    let by = [Step::ImpersonateNode];
    leads(busy(), None, json!([be(&["node-1"]), any()]), &by);
    leads(busy(), None, json!([be(&["node-1"]), named(any(), &["strong"])]), &by);
    never(busy(), None, json!([be(&["node-2"]), any()]));
    never(busy(), None, json!([be(&["node-1"]), named(any(), &["weak"])]));
    never(busy(), None, json!([be(&["node-1"]), on("user-info")]));
    never(busy(), None, json!([be(&["node-1"])]));
    never(busy(), None, json!([any()]));
    let mut old = busy();
    old.snapshot.cluster.server_version = Some("v1.34.4".into());
    never(old, None, json!([be(&["node-1"]), any()]));
}

/// What lets an account pass for the node of its token.
fn passes() -> Value {
    json!([
        rule(&["impersonate:associated-node"], AUTH, &["nodes"]),
        rule(&["impersonate-on:associated-node:create"], "", &["serviceaccounts/token"]),
    ])
}

/// A strong pod on node-1, and in a namespace of its own, which lets pods have nothing of their node, an
/// account without pods that holds those rules.
fn agents(rules: &Value) -> World {
    busy()
        .object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "agents",
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
        .account("agents", "agent")
        .account("agents", "other")
        .cluster_role("agent", rules)
        .bind(None, "agent", "ClusterRole/agent", "sa:agents/agent")
}

const AGENTS: Option<&str> = Some("agents");

#[test]
fn a_token_is_bound_to_a_node_of_ones_choice() {
    let mint = |name: &str| named(rule(&["create"], "", &["serviceaccounts/token"]), &[name]);
    let run = || rule(&["create"], "", &["pods"]);
    let with = || agents(&passes());
    let by = |first| [first, Step::ImpersonateChosenNode];
    leads(with(), AGENTS, json!([mint("agent")]), &by(Step::MintToken));
    leads(with(), AGENTS, json!([run()]), &by(Step::RunPod));
    leads(with(), AGENTS, json!([rule(&["create"], "apps", &["daemonsets"])]), &by(Step::RunPod));
    leads(with(), None, json!([mint("agent")]), &by(Step::MintToken));
    // Under a name that another pod has.
    let again = || json!([named(rule(&["create", "patch"], "", &["pods"]), &["p"])]);
    let taken = || with().object(&pod("agents", "p", "other", "Running"));
    leads(taken(), AGENTS, again(), &by(Step::RunPod));
    never(taken(), AGENTS, json!([named(run(), &["p"])]));
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "agents", "name": "web"},
        "spec": {"template": {"spec": {"serviceAccountName": "other"}}}});
    let change = || json!([rule(&["patch"], "apps", &["deployments"])]);
    leads(with().object(&deployment), AGENTS, change(), &by(Step::ChangeWorkload));
    agrees(&jane(with(), AGENTS, &json!([mint("agent")])));
    agrees(&jane(with(), AGENTS, &json!([run()])));

    never(with(), AGENTS, json!([mint("other")]));
    never(with(), Some("quiet"), json!([mint("agent"), mint("weak")]));
    never(agents(&json!([passes()[0]])), AGENTS, json!([mint("agent")]));
    never(agents(&json!([passes()[1]])), AGENTS, json!([mint("agent")]));
    // Which node it is is not asked, but the one name that stands for it.
    let of = |name: &str| json!([named(passes()[0].clone(), &[name]), passes()[1]]);
    leads(agents(&of("*")), AGENTS, json!([mint("agent")]), &by(Step::MintToken));
    never(agents(&of("node-1")), AGENTS, json!([mint("agent")]));
    let mut old = with();
    old.snapshot.cluster.server_version = Some("v1.35.4".into());
    never(old, AGENTS, json!([mint("agent")]));
    // A token that is read from a Secret is bound to no node, and one in a pod to the pod's.
    let secret = super::secrets::token_secret("agents", "t", "agent");
    never(with().object(&secret), AGENTS, json!([rule(&["get"], "", &["secrets"])]));
    let mut elsewhere = pod("agents", "p", "agent", "Running");
    elsewhere["spec"]["nodeName"] = json!("node-2");
    let exec = || json!([rule(&["create"], "", &["pods/exec"])]);
    never(with().object(&elsewhere), AGENTS, exec());
    leads(
        with().object(&elsewhere),
        AGENTS,
        json!([mint("agent"), exec()[0]]),
        &by(Step::MintToken),
    );
    // The account has its own token made.
    let own = with().role("agents", "own", &json!([mint("agent")]));
    let own = own.bind(AGENTS, "own", "Role/own", "sa:agents/agent");
    let reached = reached(&own, "sa:agents/agent");
    let steps: Vec<Step> = reached.highest().unwrap().hops.iter().map(|hop| hop.step).collect();
    assert_eq!((steps, reached.modelled), (vec![Step::ImpersonateChosenNode], true));
}

#[test]
fn who_passes_for_a_chosen_node_reads_what_its_pods_name() {
    let read =
        || json!([passes()[0], rule(&["impersonate-on:associated-node:get"], "", &["secrets"]),]);
    let mint = || json!([named(rule(&["create"], "", &["serviceaccounts/token"]), &["agent"])]);
    let mut names = pod("quiet", "names", "weak", "Running");
    names["spec"]["containers"][0]["env"] = json!([{"name": "T", "valueFrom":
        {"secretKeyRef": {"name": "t", "key": "token", "optional": true}}}]);
    let by = [Step::MintToken, Step::ImpersonateChosenNode];
    let secret = super::secrets::token_secret("quiet", "t", "strong");
    let there = agents(&read()).object(&secret).object(&names);
    leads(there, AGENTS, mint(), &by);
    never(agents(&read()).object(&secret), AGENTS, mint());
    // One that is not there yet is made by another.
    let makes = agents(&read()).object(&names).role(
        "quiet",
        "makes",
        &json!([rule(&["create"], "", &["secrets"])]),
    );
    let makes = makes.bind(Some("quiet"), "makes", "Role/makes", "user:jane");
    let makes = jane(makes, AGENTS, &mint());
    assert_eq!(steps(&makes).as_deref(), Some(&[Step::MintToken, Step::NodeSecret][..]));
    agrees(&makes);
}

/// A role that is given on the way is held by whoever was taken over.
#[test]
fn a_role_that_is_given_lets_a_token_pass_for_its_node() {
    let bind = || {
        json!([
            rule(&["create"], RBAC, &["clusterrolebindings"]),
            named(rule(&["bind"], RBAC, &["clusterroles"]), &["agent"]),
            named(rule(&["create"], "", &["serviceaccounts/token"]), &["other"]),
        ])
    };
    leads(agents(&passes()), None, bind(), &[Step::Bind, Step::ImpersonateChosenNode]);
    never(agents(&json!([passes()[0]])), None, bind());
}

#[test]
fn a_node_is_as_strong_as_its_pods() {
    let view = json!([rule(&["get"], "", &["pods"])]);
    let world = || {
        let world = busy().cluster_role("view", &view);
        let world = world.bind(None, "one", "ClusterRole/view", "user:system:node:node-1");
        world.bind(None, "two", "ClusterRole/view", "user:system:node:node-2")
    };
    let of = |who: &str| {
        let reached = reached(&world(), who);
        let steps: Vec<Step> =
            reached.highest().iter().flat_map(|path| &path.hops).map(|hop| hop.step).collect();
        (reached.tier, reached.modelled, steps)
    };
    assert_eq!(of("user:system:node:node-1"), (Tier::ClusterAdmin, true, vec![Step::NodeToken]));
    assert_eq!(of("user:system:node:node-2"), (Tier::Read, false, vec![]));
    // That is what nodes are, and nothing that somebody added.
    let book = world().book();
    let reach = Reach::new(&book);
    let entry = book.find(&"user:system:node:node-1".parse().unwrap()).unwrap();
    assert_eq!(reach.by_what_was_added(entry, &reach.of(entry)), None);
}

/// A pod of the weak account, without its token.
fn agent(ns: &str, name: &str, privileged: bool) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": ns, "name": name},
        "spec": {"serviceAccountName": "weak", "nodeName": "node-1", "containers": [
            {"name": "main", "securityContext": {"privileged": privileged}}]},
        "status": {"phase": "Running"}})
}

#[test]
fn a_pod_that_has_its_node_is_reached_into() {
    let world = |privileged| {
        let world = company().object(&pod("quiet", "busy", "strong", "Running"));
        world.object(&agent("app", "agent", privileged))
    };
    let by = [Step::HostPod];
    let into = |verb: &str, resource: &str| named(rule(&[verb], "", &[resource]), &["agent"]);
    let loose = |privileged| {
        let world = company().object(&pod("quiet", "busy", "strong", "Running"));
        world.namespace("loose").object(&agent("loose", "agent", privileged))
    };
    leads(world(true), APP, json!([into("create", "pods/exec")]), &by);
    for rules in [into("create", "pods/exec"), into("patch", "pods"), into("update", "pods")] {
        leads(loose(true), Some("loose"), json!([rules]), &by);
        never(loose(false), Some("loose"), json!([rules]));
        never(world(false), APP, json!([rules]));
    }
    never(world(true), APP, json!([into("get", "pods/exec")]));
    never(world(true), APP, json!([named(rule(&["create"], "", &["pods/exec"]), &["other"])]));
    // A container that is added may have the node where the namespace lets it.
    let add = || json!([into("patch", "pods/ephemeralcontainers")]);
    never(world(true), APP, add());
    let free = || {
        let world = company().object(&pod("quiet", "busy", "strong", "Running"));
        world.namespace("free").object(&agent("free", "agent", false))
    };
    leads(free(), Some("free"), add(), &by);
    never(free(), Some("free"), json!([into("create", "pods/exec")]));
}

#[test]
fn a_namespaces_label_is_changed_by_its_subresources_too() {
    let world = || company().object(&pod("quiet", "busy", "strong", "Running"));
    let run = || rule(&["create"], "", &["pods"]);
    let by = [Step::LabelAndHost];
    let empty = || {
        world().account("held", "weak").object(&json!({"apiVersion": "v1",
        "kind": "Namespace", "metadata": {"name": "held",
            "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}))
    };
    let held = Some("held");
    for (resource, verb) in [
        ("namespaces", "patch"),
        ("namespaces/status", "patch"),
        ("namespaces/status", "update"),
        ("namespaces/finalize", "update"),
    ] {
        let label = || rule(&[verb], "", &[resource]);
        leads(empty(), held, json!([run(), label()]), &by);
        leads(empty(), held, json!([run(), named(label(), &["held"])]), &by);
        never(empty(), held, json!([run(), named(label(), &["app"])]));
        never(empty(), held, json!([label()]));
    }
    // It takes a PUT only.
    never(empty(), held, json!([run(), rule(&["patch"], "", &["namespaces/finalize"])]));
    never(empty(), held, json!([run(), rule(&["patch"], "", &["namespaces/other"])]));
}

#[test]
fn what_a_level_holds_back_is_done_once_it_is_taken_away() {
    let held = |privileged| {
        let world = company().object(&pod("quiet", "busy", "strong", "Running"));
        world.object(&agent("app", "agent", privileged))
    };
    let label = || rule(&["patch"], "", &["namespaces"]);
    let on = |resource: &str, name: &str| named(rule(&["patch"], "", &[resource]), &[name]);
    let by = [Step::LabelAndHost];
    // A container that is added has the node.
    let add = || on("pods/ephemeralcontainers", "agent");
    leads(held(false), APP, json!([label(), add()]), &by);
    leads(held(false), APP, json!([rule(&["update"], "", &["namespaces/finalize"]), add()]), &by);
    never(held(false), APP, json!([add()]));
    never(held(false), APP, json!([label()]));
    never(held(false), APP, json!([label(), on("pods/ephemeralcontainers", "other")]));
    never(held(false), APP, json!([named(label(), &["quiet"]), add()]));
    // Another image, in a pod that has it, is looked at as a whole again.
    leads(held(true), APP, json!([label(), on("pods", "agent")]), &by);
    never(held(true), APP, json!([on("pods", "agent")]));
    never(held(false), APP, json!([label(), on("pods", "agent")]));
}

#[test]
fn a_new_namespace_holds_no_pods_back() {
    let world = || company().object(&pod("quiet", "busy", "strong", "Running"));
    let run = || named(rule(&["create", "patch"], "", &["pods"]), &["mine"]);
    let make = || rule(&["create"], "", &["namespaces"]);
    let by = [Step::NewNamespaceAndHost];
    let weak = || {
        let mut world = world();
        for ns in ["app", "quiet"] {
            world.snapshot.objects.service_accounts.remove(&(ns.into(), "strong".into()));
        }
        world
            .namespace("vault")
            .account("vault", "strong")
            .object(&json!({"apiVersion": "v1",
            "kind": "Namespace", "metadata": {"name": "vault", "deletionTimestamp":
                "2026-05-01T10:00:00Z"}}))
            .bind(None, "strong-vault", "ClusterRole/cluster-admin", "sa:vault/strong")
            .object(&pod("vault", "busy", "strong", "Running"))
    };
    leads(weak(), None, json!([run(), make()]), &by);
    leads(weak(), None, json!([rule(&["create"], "", &["pods", "namespaces"])]), &by);
    never(weak(), None, json!([rule(&["create"], "", &["pods"])]));
    never(weak(), None, json!([make()]));
    never(weak(), APP, json!([rule(&["create"], "", &["pods", "namespaces"])]));
    let named_new = || named(rule(&["create", "patch"], "", &["namespaces"]), &["new"]);
    leads(weak(), None, json!([rule(&["create"], "", &["pods"]), named_new()]), &by);
    let there = named(rule(&["create"], "", &["namespaces"]), &["new"]);
    never(weak(), None, json!([rule(&["create"], "", &["pods"]), there]));
}

#[test]
fn a_node_is_named_with_its_kubelets_port_by_way_of_the_api_server() {
    let by = |name: &str| json!([named(rule(&["get"], "", &["nodes/proxy"]), &[name])]);
    for name in
        ["node-1", "node-1:", "node-1:10250", "https:node-1:10250", ":node-1:", "http:node-1:"]
    {
        leads(busy(), None, by(name), &[Step::Kubelet]);
    }
    for name in ["node-2:10250", "node-1:80", "ftp:node-1:10250", "https:node-1", "a:https:node-1:"]
    {
        never(busy(), None, by(name));
    }
    let seen = |name: &str| {
        let reached = reached(&jane(busy(), None, &by(name)), "user:jane");
        reached.highest().unwrap().hops[0].seen().how
    };
    assert_eq!((seen("node-1"), seen("node-1:10250")), (Shown::No, Shown::Yes));
}

#[test]
fn the_clusters_keys_are_where_kube_apiserver_runs() {
    let mut keys = agent("kube-system", "kube-apiserver-node-1", false);
    keys["metadata"]["labels"] = json!({"component": "kube-apiserver"});
    let world = |privileged, keys: &Value| {
        let world = company().namespace("kube-system").object(&agent("app", "agent", privileged));
        world.object(keys)
    };
    let exec = || json!([rule(&["create"], "", &["pods/exec"])]);
    let kubelet = |node: &str| json!([named(rule(&["get"], "", &["nodes/proxy"]), &[node])]);
    let by = [Step::HostPod];
    leads(world(true, &keys), APP, exec(), &by);
    leads(world(true, &keys), None, kubelet("node-1"), &by);
    never(world(true, &keys), None, kubelet("node-2"));
    never(world(false, &keys), APP, exec());
    never(world(false, &keys), None, kubelet("node-1"));
    let mut elsewhere = keys.clone();
    elsewhere["spec"]["nodeName"] = json!("node-2");
    never(world(true, &elsewhere), APP, exec());
    never(world(true, &elsewhere), None, kubelet("node-1"));
    // As others than kubeadm have it.
    let mut kops = agent("kube-system", "kube-apiserver-node-1", false);
    kops["metadata"]["labels"] = json!({"k8s-app": "kube-apiserver"});
    leads(world(true, &kops), APP, exec(), &by);
    let mut openshift = agent("openshift-kube-apiserver", "kube-apiserver-node-1", false);
    openshift["spec"]["containers"][0]["name"] = json!("kube-apiserver");
    let with =
        || company().namespace("openshift-kube-apiserver").object(&agent("app", "agent", true));
    leads(with().object(&openshift), APP, exec(), &by);
    // One that somebody runs for another cluster.
    let mut other = agent("quiet", "kube-apiserver-0", false);
    other["metadata"]["labels"] = json!({"component": "kube-apiserver"});
    never(world(true, &other), APP, exec());
    // The same by name of another part.
    keys["metadata"]["labels"] = json!({"component": "kube-scheduler"});
    never(world(true, &keys), APP, exec());
}

#[test]
fn what_hangs_on_a_version_that_is_not_known_is_said() {
    let said = |version: Option<&str>| {
        let mut world = company();
        world.snapshot.cluster.server_version = version.map(Into::into);
        not_followed(&world.book()).contains(&BY_VERSION)
    };
    assert!(said(None));
    assert!(said(Some("of our own")));
    assert!(!said(Some("v1.34.4")));
}

#[test]
fn no_certificate_is_signed_on_eks() {
    const CERTS: &str = "certificates.k8s.io";
    let rules = json!([
        rule(&["create"], CERTS, &["certificatesigningrequests"]),
        rule(&["update"], CERTS, &["certificatesigningrequests/approval"]),
        rule(&["approve"], CERTS, &["signers"]),
    ]);
    let on = |version: &str| {
        let mut world = company().bind(None, "boss", "ClusterRole/cluster-admin", "user:boss");
        world.snapshot.cluster.server_version = Some(version.into());
        world
    };
    leads(on("v1.36.1"), None, rules.clone(), &[Step::Certificate]);
    never(on("v1.36.1-eks-1a2b3c4"), None, rules);
}

/// k3s has its API server in a process of the node.
#[test]
fn the_keys_are_on_a_node_of_k3s_though_no_pod_says_so() {
    let run = || json!([rule(&["create"], "", &["pods"])]);
    let free = |version: &str| {
        let mut world = company()
            .namespace("free")
            .account("free", "weak")
            .object(&agent("free", "agent", true))
            .object(&agent("free", "plain", false));
        world.snapshot.cluster.server_version = Some(version.into());
        world
    };
    let k3s = "v1.36.1+k3s1";
    leads(free(k3s), Some("free"), run(), &[Step::Host]);
    never(free("v1.36.1"), Some("free"), run());
    // Of the only node that there is it is known which.
    let exec = || json!([named(rule(&["create"], "", &["pods/exec"]), &["agent"])]);
    leads(free(k3s), Some("free"), exec(), &[Step::HostPod]);
    never(free("v1.36.1"), Some("free"), exec());
    let mut elsewhere = agent("free", "far", false);
    elsewhere["spec"]["nodeName"] = json!("node-2");
    never(free(k3s).object(&elsewhere), Some("free"), exec());
    leads(free(k3s).object(&elsewhere), Some("free"), run(), &[Step::Host]);
    // Elsewhere it is said that nothing tells.
    let says = |world: &World| not_followed(&world.book()).contains(&KEYS);
    assert!(says(&free("v1.36.1")) && says(&free("v1.36.1+k0s")));
    assert!(!says(&free(k3s)) && !says(&free("v1.36.1-eks-1a2b3c4")));
    let mut keys = agent("kube-system", "kube-apiserver-node-1", false);
    keys["metadata"]["labels"] = json!({"component": "kube-apiserver"});
    assert!(!says(&free("v1.36.1").namespace("kube-system").object(&keys)));
}
