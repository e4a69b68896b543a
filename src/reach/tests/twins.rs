//! For each kind of step a world in which it leads to cluster-admin, and a twin that differs in one
//! thing only and in which nothing does.

use super::*;

pub(super) fn pod(ns: &str, name: &str, account: &str, phase: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": ns, "name": name},
        "spec": mounted(account),
        "status": {"phase": phase}})
}

fn deployment(name: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"namespace": "app", "name": name},
        "spec": {"template": {"spec": {"serviceAccountName": "weak"}}}})
}

#[expect(clippy::needless_pass_by_value)] // So that cases read as they are.
/// Jane's rules lead to cluster-admin by these steps.
pub(super) fn leads(world: World, ns: Option<&str>, rules: Value, by: &[Step]) {
    let found = steps(&jane(world, ns, &rules));
    assert_eq!(found.as_deref(), Some(by), "{rules}");
}

#[expect(clippy::needless_pass_by_value)]
/// They lead nowhere near.
pub(super) fn never(world: World, ns: Option<&str>, rules: Value) {
    assert_eq!(steps(&jane(world, ns, &rules)), None, "{rules}");
}

pub(super) const APP: Option<&str> = Some("app");

#[test]
fn a_token_is_made_for_accounts_that_are_named_where_they_are() {
    let mint = || rule(&["create"], "", &["serviceaccounts/token"]);
    leads(company(), APP, json!([mint()]), &[Step::MintToken]);
    leads(company(), None, json!([named(mint(), &["strong"])]), &[Step::MintToken]);
    leads(company(), APP, json!([named(mint(), &["strong"])]), &[Step::MintToken]);
    never(company(), APP, json!([named(mint(), &["weak"])]));
    never(company(), APP, json!([rule(&["create"], "", &["serviceaccounts"])]));
    never(company(), APP, json!([rule(&["create"], "", &["serviceaccounts/*", "*/*"])]));
    never(
        company(),
        APP,
        json!([rule(&["get", "update", "patch"], "", &["serviceaccounts/token"])]),
    );
    never(company(), APP, json!([rule(&["create"], "apps", &["serviceaccounts/token"])]));
    // An account that is only bound is none for which a token could be made.
    let gone = || {
        World::new()
            .namespace("app")
            .cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])]))
            .bind(None, "gone", "ClusterRole/cluster-admin", "sa:app/gone")
    };
    never(gone(), APP, json!([mint()]));
    leads(
        gone(),
        APP,
        json!([rule(&["impersonate"], "", &["serviceaccounts"])]),
        &[Step::Impersonate],
    );
}

#[test]
fn pods_run_as_any_account_of_their_namespace() {
    let run = [Step::RunPod];
    leads(company(), APP, json!([rule(&["create"], "", &["pods"])]), &run);
    never(company(), APP, json!([rule(&["create"], "", &["pods/exec", "pods/*"])]));
    never(company(), APP, json!([rule(&["get", "list", "delete"], "", &["pods"])]));
    never(company(), APP, json!([named(rule(&["create"], "", &["pods"]), &["mine"])]));
    // By server-side apply under a name, where nothing has it; by PUT none is made.
    let mine = |verb, group, on| json!([named(rule(&["create", verb], group, &[on]), &["mine"])]);
    leads(company(), APP, mine("patch", "", "pods"), &run);
    never(company(), APP, mine("update", "", "pods"));
    let there = || company().object(&pod("app", "mine", "weak", "Succeeded"));
    // Where something has it, that is away by the garbage collector.
    leads(there(), APP, mine("patch", "", "pods"), &run);
    never(there(), APP, mine("delete", "", "pods"));
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"namespace": "app", "name": "mine"}});
    leads(company(), APP, mine("patch", "batch", "jobs"), &run);
    leads(company().object(&job), APP, mine("patch", "batch", "jobs"), &run);
    never(company().object(&job), APP, mine("delete", "batch", "jobs"));
    for (group, resource) in [
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("apps", "daemonsets"),
        ("apps", "replicasets"),
        ("", "replicationcontrollers"),
        ("batch", "jobs"),
        ("batch", "cronjobs"),
    ] {
        leads(company(), APP, json!([rule(&["create"], group, &[resource])]), &run);
        never(company(), APP, json!([rule(&["create"], "example.org", &[resource])]));
        never(company(), APP, json!([rule(&["get"], group, &[resource])]));
        never(company(), APP, mine("update", group, resource));
    }
    // In a namespace without a strong account there is nothing to run as.
    let quiet = company().namespace("empty").account("empty", "weak");
    never(quiet, Some("empty"), json!([rule(&["create"], "", &["configmaps"])]));
}

#[test]
fn workloads_that_are_there_can_be_changed() {
    let patch = || rule(&["patch"], "apps", &["deployments"]);
    let change = [Step::ChangeWorkload];
    leads(company().object(&deployment("web")), APP, json!([patch()]), &change);
    leads(company().object(&deployment("web")), APP, json!([named(patch(), &["web"])]), &change);
    never(company().object(&deployment("web")), APP, json!([named(patch(), &["other"])]));
    never(company(), APP, json!([patch()]));
    never(
        company().object(&deployment("web")),
        APP,
        json!([rule(&["patch"], "apps", &["deployments/scale", "deployments/status"])]),
    );
    // The template of a Job never changes.
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"namespace": "app", "name": "once"}});
    never(company().object(&job), APP, json!([rule(&["update", "patch"], "batch", &["jobs"])]));
}

#[test]
fn a_pod_gives_the_token_that_it_holds() {
    let with = || company().object(&pod("app", "p", "strong", "Running"));
    for (verb, resource, step) in [
        ("create", "pods/exec", Step::Exec),
        ("patch", "pods/ephemeralcontainers", Step::AddContainer),
        ("update", "pods/ephemeralcontainers", Step::AddContainer),
        ("patch", "pods", Step::ChangePod),
        ("create", "pods/attach", Step::Attach),
    ] {
        let right = || rule(&[verb], "", &[resource]);
        leads(with(), APP, json!([right()]), &[step]);
        leads(with(), APP, json!([named(right(), &["p"])]), &[step]);
        leads(with(), None, json!([named(right(), &["p"])]), &[step]);
        never(with(), APP, json!([named(right(), &["q"])]));
        never(with(), Some("quiet"), json!([right()]));
        never(company().object(&pod("app", "p", "weak", "Running")), APP, json!([right()]));
        never(company().object(&pod("app", "p", "strong", "Succeeded")), APP, json!([right()]));
    }
    never(with(), APP, json!([rule(&["create"], "", &["pods/*"])]));
    never(with(), APP, json!([rule(&["create"], "", &["pods/log", "pods/portforward"])]));
    let exec = || json!([rule(&["create"], "", &["pods/exec"])]);
    // What is in the pod counts, not what its account says of pods to come.
    let mut without = pod("app", "p", "strong", "Running");
    without["spec"]["containers"][0]["volumeMounts"] = json!([]);
    never(company().object(&without), APP, exec());
    let account = |automount: bool| {
        json!({"apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": "app", "name": "strong"},
            "automountServiceAccountToken": automount})
    };
    never(company().object(&account(true)).object(&without), APP, exec());
    leads(with().object(&account(false)), APP, exec(), &[Step::Exec]);
    let mut elsewhere = pod("app", "p", "strong", "Running");
    elsewhere["spec"]["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["audience"] =
        json!("vault");
    never(company().object(&elsewhere), APP, exec());
    // The token of another account, in a Secret that the pod sees.
    let secret = super::secrets::token_secret("app", "t", "strong");
    let of_weak = |volumes: Value, container: Value| {
        let mut pod = pod("app", "p", "weak", "Running");
        pod["spec"]["volumes"] = volumes;
        pod["spec"]["containers"] = json!([container]);
        company().object(&secret).object(&pod)
    };
    let volume = json!([{"name": "v", "secret": {"secretName": "t"}}]);
    let mounts = json!({"name": "c", "volumeMounts": [{"name": "v", "mountPath": "/t"}]});
    leads(of_weak(volume.clone(), mounts.clone()), APP, exec(), &[Step::Exec]);
    never(of_weak(volume, json!({"name": "c"})), APP, exec());
    never(of_weak(json!([{"name": "v", "secret": {"secretName": "u"}}]), mounts), APP, exec());
    let by_env = json!({"name": "c", "envFrom": [{"secretRef": {"name": "t"}}]});
    leads(of_weak(json!([]), by_env), APP, exec(), &[Step::Exec]);
}

#[test]
fn a_get_is_exec_until_1_35() {
    let of = |version: Option<&str>| {
        let mut world = company().object(&pod("app", "p", "strong", "Running"));
        world.snapshot.cluster.server_version = version.map(Into::into);
        world
    };
    let get = || json!([rule(&["get"], "", &["pods/exec"])]);
    leads(of(Some("v1.34.9")), APP, get(), &[Step::Exec]);
    never(of(Some("v1.35.0")), APP, get());
    never(of(Some("v1.36.3")), APP, get());
    leads(of(None), APP, get(), &[Step::ExecByGet]);
    leads(of(Some("v1.36.3")), APP, json!([rule(&["create"], "", &["pods/exec"])]), &[Step::Exec]);
}

#[test]
fn the_kubelet_runs_commands_in_the_pods_of_its_node() {
    let with = || company().object(&pod("app", "p", "strong", "Running"));
    for verb in ["get", "create"] {
        let proxy = || rule(&[verb], "", &["nodes/proxy"]);
        leads(with(), None, json!([proxy()]), &[Step::Kubelet]);
        leads(with(), None, json!([named(proxy(), &["node-1"])]), &[Step::Kubelet]);
        never(with(), None, json!([named(proxy(), &["node-2"])]));
        never(with(), APP, json!([proxy()]));
        never(company(), None, json!([proxy()]));
    }
    never(with(), None, json!([rule(&["get"], "", &["nodes", "nodes/metrics", "nodes/*"])]));
    never(with(), None, json!([rule(&["update", "patch", "delete"], "", &["nodes/proxy"])]));
}

#[test]
fn impersonation_is_asked_for_where_the_identity_is() {
    let act = |resource| rule(&["impersonate"], "", &[resource]);
    let one = [Step::Impersonate];
    let boss = || company().bind(None, "boss", "ClusterRole/cluster-admin", "user:boss");
    leads(boss(), None, json!([act("users")]), &one);
    leads(boss(), None, json!([named(act("users"), &["boss"])]), &one);
    never(boss(), None, json!([named(act("users"), &["other"])]));
    never(boss(), APP, json!([act("users")]));
    leads(company(), APP, json!([act("serviceaccounts")]), &one);
    leads(company(), APP, json!([named(act("serviceaccounts"), &["strong"])]), &one);
    never(company(), APP, json!([named(act("serviceaccounts"), &["weak"])]));
    never(company(), None, json!([named(act("users"), &["system:serviceaccount:app:strong"])]));
    // A group goes with a user only.
    let ops = || company().bind(None, "ops", "ClusterRole/cluster-admin", "group:ops");
    let user = || named(act("users"), &["nobody"]);
    leads(ops(), None, json!([user(), named(act("groups"), &["ops"])]), &one);
    never(ops(), None, json!([named(act("groups"), &["ops"])]));
    never(ops(), None, json!([user(), named(act("groups"), &["other"])]));
    leads(company(), None, json!([user(), act("groups")]), &one);
    leads(company(), None, json!([user(), named(act("groups"), &["system:masters"])]), &one);
    never(company(), None, json!([act("groups")]));
}

#[test]
fn impersonation_is_not_passed_on() {
    let act = |name| named(rule(&["impersonate"], "", &["users"]), &[name]);
    let chain = || {
        company()
            .cluster_role("act-as-boss", &json!([act("boss")]))
            .bind(None, "middle", "ClusterRole/act-as-boss", "user:middle")
            .bind(None, "boss", "ClusterRole/cluster-admin", "user:boss")
    };
    leads(chain(), None, json!([act("boss")]), &[Step::Impersonate]);
    never(chain(), None, json!([act("middle")]));
}

#[test]
fn a_binding_is_written_with_bind_only() {
    let write = |resource| rule(&["create"], RBAC, &[resource]);
    let bind = || rule(&["bind"], RBAC, &["clusterroles"]);
    let one = [Step::Bind];
    leads(company(), None, json!([write("clusterrolebindings"), bind()]), &one);
    let admin = || named(bind(), &["cluster-admin"]);
    leads(company(), None, json!([write("clusterrolebindings"), admin()]), &one);
    never(company(), None, json!([write("clusterrolebindings")]));
    never(company(), None, json!([bind()]));
    never(company(), None, json!([write("clusterrolebindings"), named(bind(), &["view"])]));
    never(company(), None, json!([named(write("clusterrolebindings"), &["mine"]), bind()]));
    // Inside a namespace it gives what is there: here an account to act as.
    let inside = [Step::Bind, Step::Impersonate];
    leads(company(), APP, json!([write("rolebindings"), admin()]), &inside);
    let empty = || company().namespace("empty");
    never(empty(), Some("empty"), json!([write("rolebindings"), admin()]));
    // A binding that is there keeps its role.
    let update = |name| named(rule(&["update"], RBAC, &["clusterrolebindings"]), &[name]);
    leads(company(), None, json!([update("strong-app"), bind()]), &one);
    never(company(), None, json!([update("gone"), bind()]));
    never(company(), None, json!([update("strong-app"), named(bind(), &["view"])]));
}

#[test]
fn a_role_is_rewritten_with_escalate_only_and_by_its_holder() {
    let patch = || rule(&["patch"], RBAC, &["clusterroles"]);
    let escalate = || rule(&["escalate"], RBAC, &["clusterroles"]);
    let one = [Step::Escalate];
    leads(company(), None, json!([patch(), escalate()]), &one);
    leads(company(), None, json!([named(patch(), &["jane"]), named(escalate(), &["jane"])]), &one);
    never(company(), None, json!([patch()]));
    never(company(), None, json!([escalate()]));
    // Of a role that jane does not hold, she gains nothing.
    never(company(), None, json!([named(patch(), &["cluster-admin"]), escalate()]));
    never(company(), None, json!([patch(), named(escalate(), &["cluster-admin"])]));
    // A role that is missing, and bound to her, can be made.
    let bound = || company().bind(None, "promised", "ClusterRole/promised", "user:jane");
    let create = || rule(&["create"], RBAC, &["clusterroles"]);
    leads(bound(), None, json!([create(), escalate()]), &one);
    never(company(), None, json!([create(), escalate()]));
    // Under its name by server-side apply or PUT, which makes RBAC's objects.
    for verb in ["patch", "update"] {
        let write = |name| named(rule(&["create", verb], RBAC, &["clusterroles"]), &[name]);
        leads(bound(), None, json!([write("promised"), escalate()]), &one);
        never(bound(), None, json!([write("other"), escalate()]));
    }
    // One of her own making has to be bound.
    let all = json!([
        rule(&["create"], RBAC, &["clusterrolebindings"]),
        create(),
        escalate(),
        rule(&["bind"], RBAC, &["clusterroles"])
    ]);
    leads(World::new(), None, all, &[Step::BindOwnRole]);
    // One that she is not bound to is emptied, bound and changed.
    let kept = || company().role("app", "kept", &json!([rule(&["get"], "", &["pods"])]));
    let all = |verbs: &[&str], name| {
        json!([
            rule(&["create"], RBAC, &["rolebindings"]),
            named(rule(verbs, RBAC, &["roles"]), &[name])
        ])
    };
    let steps = [Step::BindAndEscalate, Step::Impersonate];
    leads(kept(), APP, all(&["patch", "escalate"], "kept"), &steps);
    leads(company(), APP, all(&["create", "patch", "escalate"], "new"), &steps);
    never(kept(), APP, all(&["create", "escalate"], "kept"));
    never(company(), APP, all(&["patch", "escalate"], "new"));
    // In a namespace: everything there.
    let roles = json!([rule(&["patch", "escalate"], RBAC, &["roles"])]);
    leads(company(), APP, roles.clone(), &[Step::Escalate, Step::Impersonate]);
    never(company().namespace("empty"), Some("empty"), roles);
}

#[test]
fn what_one_holds_can_be_bound_to_another() {
    // Weak may change the binding of a role that it holds: to it, and with a writer's role to jane,
    // who may bind any role and write no binding. What is bound there lets accounts be impersonated.
    let poser = rule(&["impersonate"], "", &["serviceaccounts"]);
    let writer = || json!([rule(&["patch"], RBAC, &["rolebindings"])]);
    let with = |rules: &Value| {
        company()
            .cluster_role("poser", &json!([poser.clone()]))
            .bind(APP, "posing", "ClusterRole/poser", "user:other")
            .role("app", "writer", rules)
            .bind(APP, "writing", "Role/writer", "sa:app/weak")
    };
    let mint = || named(rule(&["create"], "", &["serviceaccounts/token"]), &["weak"]);
    let bind = || rule(&["bind"], RBAC, &["clusterroles"]);
    let steps = [Step::MintToken, Step::HandOver, Step::Bind, Step::Impersonate];
    leads(with(&writer()), APP, json!([mint(), bind()]), &steps);
    never(with(&writer()), APP, json!([mint()]));
    never(with(&writer()), Some("quiet"), json!([mint(), bind()]));
    // Only under the name of a binding to a role that it does not hold.
    let only = json!([named(rule(&["patch"], RBAC, &["rolebindings"]), &["posing"])]);
    never(with(&only), APP, json!([mint()]));
}

#[test]
fn a_given_role_adds_to_what_one_request_needs() {
    // The role that can be bound brings the right to write bindings; binding is jane's own.
    let writer = || {
        company()
            .cluster_role("writer", &json!([rule(&["create"], RBAC, &["clusterrolebindings"])]))
    };
    let patch = |name| named(rule(&["patch"], RBAC, &["clusterrolebindings"]), &[name]);
    let bind = |names: &[&str]| named(rule(&["bind"], RBAC, &["clusterroles"]), names);
    let with = || writer().bind(None, "w", "ClusterRole/writer", "user:other");
    leads(
        with(),
        None,
        json!([patch("w"), bind(&["writer", "cluster-admin"])]),
        &[Step::Bind, Step::Bind],
    );
    never(with(), None, json!([patch("w"), bind(&["writer"])]));
}

#[test]
fn a_certificate_takes_a_request_an_approval_and_the_signer() {
    const CERTS: &str = "certificates.k8s.io";
    let boss = || {
        World::new().cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])])).bind(
            None,
            "boss",
            "ClusterRole/cluster-admin",
            "user:boss",
        )
    };
    let make = || rule(&["create"], CERTS, &["certificatesigningrequests"]);
    let approve = || rule(&["update"], CERTS, &["certificatesigningrequests/approval"]);
    let signer = |name| named(rule(&["approve"], CERTS, &["signers"]), &[name]);
    let client = "kubernetes.io/kube-apiserver-client";
    leads(boss(), None, json!([make(), approve(), signer(client)]), &[Step::Certificate]);
    leads(
        boss(),
        None,
        json!([make(), approve(), signer("kubernetes.io/*")]),
        &[Step::Certificate],
    );
    never(boss(), None, json!([make(), approve(), signer("kubernetes.io/kubelet-serving")]));
    never(boss(), None, json!([make(), approve()]));
    never(boss(), None, json!([make(), signer(client)]));
    never(boss(), None, json!([approve(), signer(client)]));
    // Nobody but system:masters is strong: the one group that the signer refuses.
    let masters = World::new()
        .cluster_role("cluster-admin", &json!([rule(&["*"], "*", &["*"])]))
        .bind(None, "masters", "ClusterRole/cluster-admin", "group:system:masters");
    never(masters, None, json!([make(), approve(), signer(client)]));
    // A certificate is for one user, whose request it is then, in all groups.
    let changes = || json!([rule(&["patch"], RBAC, &["clusterroles"])]);
    let escalates = || json!([rule(&["escalate"], RBAC, &["clusterroles"])]);
    let look = || json!([rule(&["get"], "", &["pods"])]);
    let two = |who: &str, other: &str| {
        World::new()
            .cluster_role("changes", &changes())
            .cluster_role("escalates", &escalates())
            .cluster_role("look", &look())
            .bind(None, "changes", "ClusterRole/changes", who)
            .bind(None, "escalates", "ClusterRole/escalates", other)
            .bind(None, "look", "ClusterRole/look", "user:jane")
    };
    let all = || json!([make(), approve(), signer(client)]);
    never(two("user:one", "user:two"), None, all());
    let steps = [Step::Certificate, Step::Escalate];
    leads(two("user:one", "user:one"), None, all(), &steps);
    leads(two("user:one", "group:two"), None, all(), &steps);
    leads(two("group:one", "group:two"), None, all(), &steps);
}

#[test]
fn a_pod_has_its_node_where_the_namespace_lets_it() {
    let world = |level: Option<&str>| {
        let labels =
            level.map_or(json!({}), |level| json!({"pod-security.kubernetes.io/enforce": level}));
        company()
            .object(&json!({"apiVersion": "v1", "kind": "Namespace",
                "metadata": {"name": "open", "labels": labels}}))
            .account("open", "weak")
            .object(&pod("app", "p", "strong", "Running"))
    };
    let run = || json!([rule(&["create"], "", &["pods"])]);
    leads(world(None), Some("open"), run(), &[Step::Host]);
    leads(world(Some("privileged")), Some("open"), run(), &[Step::Host]);
    never(world(Some("baseline")), Some("open"), run());
    never(world(Some("restricted")), Some("open"), run());
    let label = || rule(&["patch"], "", &["namespaces"]);
    let both = json!([rule(&["create"], "", &["pods"]), label()]);
    leads(world(Some("baseline")), Some("open"), both, &[Step::LabelAndHost]);
    never(world(Some("baseline")), Some("open"), json!([label()]));
    let reached = reached(&jane(world(None), Some("open"), &run()), "user:jane");
    assert!(reached.modelled);
}

#[test]
fn webhooks_aws_auth_and_rbac_manager_are_models() {
    let hook =
        rule(&["create"], "admissionregistration.k8s.io", &["mutatingwebhookconfigurations"]);
    leads(company(), None, json!([hook]), &[Step::Webhook]);
    never(
        company(),
        None,
        json!([rule(&["get"], "admissionregistration.k8s.io", &["mutatingwebhookconfigurations"])]),
    );
    let aws = || {
        company().namespace("kube-system").object(&json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"namespace": "kube-system", "name": "aws-auth"}, "data": {}}))
    };
    let patch = || rule(&["patch"], "", &["configmaps"]);
    leads(aws(), Some("kube-system"), json!([patch()]), &[Step::AwsAuth]);
    leads(aws(), None, json!([named(patch(), &["aws-auth"])]), &[Step::AwsAuth]);
    never(aws(), Some("kube-system"), json!([named(patch(), &["other"])]));
    never(aws(), APP, json!([patch()]));
    never(company().namespace("kube-system"), Some("kube-system"), json!([patch()]));
    let definition = || rule(&["update"], "rbacmanager.reactiveops.io", &["rbacdefinitions"]);
    let managed = company().object(&json!({"apiVersion": "rbacmanager.reactiveops.io/v1beta1",
        "kind": "RBACDefinition", "metadata": {"name": "team"}}));
    leads(managed.clone(), None, json!([definition()]), &[Step::Definition]);
    leads(managed.clone(), None, json!([named(definition(), &["team"])]), &[Step::Definition]);
    never(managed, None, json!([named(definition(), &["other"])]));
    never(company(), None, json!([definition()]));
}

#[test]
fn what_is_modelled_goes_behind_what_is_not() {
    let world = company().object(&pod("app", "p", "strong", "Running"));
    let rules = json!([rule(&["create"], "", &["pods/attach", "serviceaccounts/token"])]);
    let found = reached(&jane(world, APP, &rules), "user:jane");
    assert!(!found.modelled);
    assert_eq!(found.highest().map(|path| path.hops[0].step), Some(Step::MintToken));
}
