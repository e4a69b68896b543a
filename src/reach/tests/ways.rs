//! Ways of those whom nothing names, of nodes, of admission, and into pods: worlds in which they lead
//! to cluster-admin, and twins that differ in one thing only and in which nothing does.

use super::secrets::token_secret;
use super::twins::{APP, leads, never, pod};
use super::*;

const AUTH: &str = "authentication.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

fn of_version(mut world: World, version: &str) -> World {
    world.snapshot.cluster.server_version = Some(version.into());
    world
}

#[test]
fn a_container_that_is_added_sees_any_secret() {
    let add = |name: &str| named(rule(&["patch"], "", &["pods/ephemeralcontainers"]), &[name]);
    let weak = || company().object(&pod("app", "p", "weak", "Running"));
    let with = || weak().object(&token_secret("app", "t", "strong"));
    let by = [Step::AddedSecret];
    leads(with(), APP, json!([add("p")]), &by);
    leads(with(), APP, json!([rule(&["update"], "", &["pods/ephemeralcontainers"])]), &by);
    leads(with(), None, json!([add("p")]), &by);
    never(with(), APP, json!([add("q")]));
    never(weak(), APP, json!([add("p")]));
    never(company().object(&token_secret("app", "t", "strong")), APP, json!([add("p")]));
    never(weak().object(&token_secret("quiet", "t", "strong")), None, json!([add("p")]));
    // In a pod, only what its own containers have.
    never(with(), APP, json!([rule(&["create"], "", &["pods/exec"])]));
    never(with(), APP, json!([rule(&["patch"], "", &["pods"])]));
    // A volume that nothing mounts is mounted then.
    let mut bare = pod("app", "p", "strong", "Running");
    bare["spec"]["containers"][0]["volumeMounts"] = json!([]);
    leads(company().object(&bare), APP, json!([add("p")]), &[Step::AddContainer]);
    let mut none = bare.clone();
    none["spec"]["volumes"] = json!([]);
    never(company().object(&none), APP, json!([add("p")]));
}

#[test]
fn an_account_that_is_made_holds_what_its_group_does() {
    let world = |group: &str| {
        company().namespace("gcv").account("gcv", "there").bind(
            None,
            "all",
            "ClusterRole/cluster-admin",
            group,
        )
    };
    let gcv = || world("group:system:serviceaccounts:gcv");
    let create = || rule(&["create"], "", &["serviceaccounts"]);
    let mint = |name: &str| named(rule(&["create"], "", &["serviceaccounts/token"]), &[name]);
    let space = Some("gcv");
    let by = [Step::MintToken];
    leads(gcv(), space, json!([create(), mint("x")]), &by);
    leads(world("group:system:serviceaccounts"), space, json!([create(), mint("x")]), &by);
    leads(gcv(), space, json!([mint("there")]), &by);
    never(gcv(), space, json!([mint("x")]));
    never(gcv(), space, json!([create()]));
    never(world("group:system:serviceaccounts:other"), space, json!([create(), mint("x")]));
    never(gcv().namespace("other"), Some("other"), json!([create(), mint("x")]));
    let apply = |name: &str| named(rule(&["create", "patch"], "", &["serviceaccounts"]), &[name]);
    leads(gcv(), space, json!([apply("x"), mint("x")]), &by);
    never(gcv(), space, json!([apply("y"), mint("x")]));
    let jane = jane(gcv(), space, &json!([create(), mint("x")]));
    let reached = reached(&jane, "user:jane");
    let hop = &reached.highest().unwrap().hops[0];
    assert_eq!(
        hop.words(),
        "makes sa:gcv/x, which is not there, and has a token made for sa:gcv/x"
    );
    assert_eq!(
        hop.seen().what,
        "create of sa:gcv/x; create serviceaccounts/token, and by the credential id what the token \
         then does"
    );
}

#[test]
fn whoever_leaves_its_credential_out_is_anonymous() {
    let world = |subject: &str| company().bind(None, "any", "ClusterRole/cluster-admin", subject);
    let nothing = || json!([rule(&["get"], "", &["pods"])]);
    let by = [Step::Anonymous];
    for subject in ["user:system:anonymous", "group:system:unauthenticated"] {
        leads(world(subject), APP, nothing(), &by);
        let reached = reached(&jane(world(subject), APP, &nothing()), "user:jane");
        assert!(reached.modelled);
        let path = reached.highest().unwrap();
        let hop = &path.hops[0];
        assert_eq!(hop.gain.to_string(), "user:system:anonymous");
        assert!(hop.cut(path, &[]).contains("--anonymous-auth=false"));
        let book = world(subject).book();
        let only = book.grants().find(|grant| &*grant.key.binding == "any").unwrap().id;
        assert_eq!(path.strong_only_by, [only]);
    }
    never(world("user:system:anonymou"), APP, nothing());
    // Nobody is more by what kubeadm lets everybody read.
    let read = json!([named(rule(&["get"], "", &["configmaps"]), &["cluster-info"])]);
    let kubeadm = company().namespace("kube-public").role("kube-public", "info", &read).bind(
        Some("kube-public"),
        "info",
        "Role/info",
        "user:system:anonymous",
    );
    let found = gains(&jane(kubeadm, APP, &nothing()));
    assert_eq!(found, Vec::<String>::new());
}

/// The company with a pod of the strong account on node-1, and one of the weak account there that
/// names a token Secret.
fn nodes() -> World {
    let mut names = pod("quiet", "names", "weak", "Running");
    names["spec"]["volumes"] = json!([{"name": "t", "secret": {"secretName": "t"}}]);
    names["spec"]["containers"] =
        json!([{"name": "c", "volumeMounts": [{"name": "t", "mountPath": "/t"}]}]);
    of_version(company(), "v1.36.3").object(&token_secret("quiet", "t", "strong")).object(&names)
}

#[test]
fn who_passes_for_a_node_within_rules_reads_what_its_pods_name() {
    let be = |names: &[&str]| named(rule(&["impersonate:arbitrary-node"], AUTH, &["nodes"]), names);
    let on =
        |verb: &str| rule(&[&*format!("impersonate-on:arbitrary-node:{verb}")], "", &["secrets"]);
    let by = [Step::ImpersonateNode];
    for verb in ["get", "list", "watch"] {
        leads(nodes(), None, json!([be(&["node-1"]), on(verb)]), &by);
        leads(nodes(), None, json!([be(&["node-1"]), named(on(verb), &["t"])]), &by);
        never(nodes(), None, json!([be(&["node-1"]), named(on(verb), &["u"])]));
        never(nodes(), None, json!([be(&["node-2"]), on(verb)]));
    }
    never(nodes(), None, json!([be(&["node-1"]), on("delete")]));
    never(nodes(), None, json!([on("get")]));
    never(of_version(nodes(), "v1.35.1"), None, json!([be(&["node-1"]), on("get")]));
    let other = nodes().object(&pod("quiet", "names", "weak", "Running"));
    never(other, None, json!([be(&["node-1"]), on("get")]));
}

#[test]
fn a_pod_passes_for_its_own_node_only() {
    let rules = |on: &str, resource: &str| {
        let on = format!("impersonate-on:associated-node:{on}");
        json!([
            rule(&["impersonate:associated-node"], AUTH, &["nodes"]),
            rule(&[&on], "", &[resource])
        ])
    };
    let agent = |node: &str, rules: &Value| {
        let mut own = pod("app", "agent", "weak", "Running");
        own["spec"]["nodeName"] = json!(node);
        let world = nodes().object(&pod("app", "busy", "strong", "Running")).object(&own);
        world.cluster_role("agent", rules).bind(None, "agent", "ClusterRole/agent", "sa:app/weak")
    };
    let of = |world: &World| {
        let reached = reached(world, "sa:app/weak");
        let step = reached.highest().map(|path| path.hops[0].step);
        (reached.tier == Tier::ClusterAdmin).then_some(step).flatten()
    };
    let by = Some(Step::ImpersonateOwnNode);
    assert_eq!(of(&agent("node-1", &rules("create", "serviceaccounts/token"))), by);
    assert_eq!(of(&agent("node-1", &rules("get", "secrets"))), by);
    assert_eq!(of(&agent("node-2", &rules("create", "serviceaccounts/token"))), None);
    assert_eq!(of(&agent("node-2", &rules("get", "secrets"))), None);
    assert_eq!(of(&agent("node-1", &rules("get", "configmaps"))), None);
    // The check is of the name `*`.
    let mut one = rules("get", "secrets");
    one[0]["resourceNames"] = json!(["node-1"]);
    assert_eq!(of(&agent("node-1", &one)), None);
    one[0]["resourceNames"] = json!(["*"]);
    assert_eq!(of(&agent("node-1", &one)), by);
    // Somebody without a pod has no node.
    let jane = jane(nodes(), None, &rules("get", "secrets"));
    assert_eq!(steps(&jane), None);
}

#[test]
fn an_admission_policy_rewrites_what_others_write() {
    let on = |verb: &str, resource: &str| rule(&[verb], ADMISSION, &[resource]);
    let policy = |verb| on(verb, "mutatingadmissionpolicies");
    let bind = |verb| on(verb, "mutatingadmissionpolicybindings");
    let new = || of_version(company(), "v1.36.0");
    leads(new(), None, json!([policy("create"), bind("create")]), &[Step::Policy]);
    leads(new(), None, json!([policy("create"), bind("patch")]), &[Step::ChangePolicy]);
    leads(new(), None, json!([policy("patch")]), &[Step::ChangePolicy]);
    let named_policy =
        |verbs: &[&str]| named(rule(verbs, ADMISSION, &["mutatingadmissionpolicies"]), &["mine"]);
    let apply = json!([named_policy(&["create", "patch"]), bind("create")]);
    leads(new(), None, apply, &[Step::ChangePolicy]);
    never(new(), None, json!([named_policy(&["create"]), bind("create")]));
    never(new(), None, json!([policy("create")]));
    never(new(), None, json!([bind("create")]));
    never(new(), None, json!([bind("patch")]));
    never(new(), APP, json!([policy("create"), bind("create")]));
    let validating = on("create", "validatingadmissionpolicies");
    never(new(), None, json!([validating, bind("create")]));
    let both = || json!([policy("create"), bind("create")]);
    never(of_version(company(), "v1.35.2"), None, both());
    let mut unknown = company();
    unknown.snapshot.cluster.server_version = None;
    never(unknown, None, both());
    // Where it is served, it is whatever the version.
    let served = |name: &str| {
        let mut world = of_version(company(), "v1.35.2");
        let one = json!({"group": ADMISSION, "version": "v1beta1", "name": name, "namespaced": false,
            "kind": "X", "verbs": []});
        world.snapshot.discovery = crate::model::Discovery {
            resources: vec![serde_json::from_value(one).unwrap()],
            ..Default::default()
        }
        .into();
        world
    };
    leads(served("mutatingadmissionpolicies"), None, both(), &[Step::Policy]);
    never(served("validatingadmissionpolicies"), None, both());
    // One makes the policy, another what puts it into force.
    let two = new().cluster_role("binds", &json!([bind("create")])).bind(
        None,
        "binds",
        "ClusterRole/binds",
        "sa:app/weak",
    );
    let mint = named(rule(&["create"], "", &["serviceaccounts/token"]), &["weak"]);
    leads(two, None, json!([policy("create"), mint]), &[Step::MintToken, Step::Policy]);
}

#[test]
fn a_webhook_that_is_changed_has_to_be_there() {
    let on = |verbs: &[&str]| {
        named(rule(verbs, ADMISSION, &["mutatingwebhookconfigurations"]), &["mine"])
    };
    leads(company(), None, json!([on(&["create", "patch"])]), &[Step::Webhook]);
    leads(company(), None, json!([on(&["patch"])]), &[Step::ChangeWebhook]);
    assert!(Step::ChangeWebhook.modelled().unwrap().contains("not looked up"));
    never(company(), None, json!([on(&["create"])]));
}

#[test]
fn the_name_that_is_used_is_said() {
    let act = |resource, names: &[&str]| named(rule(&["impersonate"], "", &[resource]), names);
    let said = |rules: &Value| {
        let found = reached(&jane(company(), None, rules), "user:jane");
        found.highest().map(|path| path.hops[0].words())
    };
    let masters = || act("groups", &["system:masters"]);
    assert_eq!(
        said(&json!([act("users", &["ops", "eve"]), masters()])).as_deref(),
        Some("impersonates group:system:masters, as user:eve")
    );
    let any = rule(&["impersonate"], "", &["users"]);
    assert_eq!(
        said(&json!([any, masters()])).as_deref(),
        Some("impersonates group:system:masters, as a user of any name")
    );
    let account = act("serviceaccounts", &["weak"]);
    assert_eq!(
        said(&json!([account, masters()])).as_deref(),
        Some("impersonates group:system:masters, as sa:app/weak")
    );
    // The name of an account is not asked for as a user's.
    assert_eq!(said(&json!([act("users", &["system:serviceaccount:app:x"]), masters()])), None);
}

/// The first field of that name that lists what it may be.
fn find<'v>(of: &'v Value, key: &str) -> Option<&'v Value> {
    match of {
        Value::Object(all) => all
            .get(key)
            .filter(|found| found.get("enum").is_some())
            .or_else(|| all.values().find_map(|one| find(one, key))),
        Value::Array(all) => all.iter().find_map(|one| find(one, key)),
        _ => None,
    }
}

#[test]
fn the_schema_knows_every_step() {
    let schema: Value =
        serde_json::from_str(include_str!("../../../docs/schemas/reach.json")).unwrap();
    let mut have: Vec<&str> = find(&schema, "step").unwrap()["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step.as_str().unwrap())
        .collect();
    have.sort_unstable();
    let mut all: Vec<&str> = Step::ALL.iter().map(|step| step.as_str()).collect();
    all.sort_unstable();
    assert_eq!(have, all);
}

#[test]
fn what_is_not_followed_is_told_of_who_holds_the_right() {
    let said = |rules: &Value| {
        let book = jane(company(), APP, rules).book();
        let entry = book.find(&Identity::user("jane")).unwrap();
        let general = not_followed(&book).len();
        let own = not_followed_by(&book, entry);
        let all: Vec<&str> = beside::all().filter(|what| own.contains(what)).collect();
        assert_eq!(own.len() - all.len(), general - beside::all().count());
        all
    };
    let one = |verb: &str, group, resource| json!([rule(&[verb], group, &[resource])]);
    let all: Vec<&str> = beside::all().collect();
    assert_eq!(said(&one("patch", "", "configmaps")), [all[0]]);
    assert_eq!(said(&one("get", "", "configmaps")), Vec::<&str>::new());
    for resource in ["pods/portforward", "pods/proxy", "services/proxy"] {
        assert_eq!(said(&one("create", "", resource)), [all[1]]);
    }
    assert_eq!(said(&one("create", "", "pods/exec")), Vec::<&str>::new());
    assert_eq!(said(&one("patch", "", "serviceaccounts")), [all[3]]);
    assert_eq!(said(&one("get", "", "serviceaccounts")), Vec::<&str>::new());
    assert_eq!(said(&one("delete", "apps", "controllerrevisions")), [all[4]]);
    let extension =
        named(rule(&["patch"], "", &["configmaps"]), &["extension-apiserver-authentication"]);
    assert_eq!(said(&json!([extension])), [all[0]]);
    let book = jane(company().namespace("kube-system"), Some("kube-system"), &json!([extension]));
    let book = book.book();
    let entry = book.find(&Identity::user("jane")).unwrap();
    assert!(not_followed_by(&book, entry).contains(&all[2]));
}

/// A plain create carries no name, and a PUT makes none of these: an apply does.
#[test]
fn a_webhook_of_a_name_is_made_by_an_apply() {
    const ADMISSION: &str = "admissionregistration.k8s.io";
    let on = |verbs: &[&str]| {
        json!([named(rule(verbs, ADMISSION, &["mutatingwebhookconfigurations"]), &["mine"])])
    };
    leads(company(), None, on(&["create", "patch"]), &[Step::Webhook]);
    leads(company(), None, on(&["create", "update"]), &[Step::ChangeWebhook]);
    leads(company(), None, on(&["patch"]), &[Step::ChangeWebhook]);
    never(company(), None, on(&["create"]));
    never(company(), None, on(&["create", "get", "delete"]));
    // As with every other name.
    let two = |verb: &str, names: &[&str]| {
        named(rule(&[verb], ADMISSION, &["mutatingwebhookconfigurations"]), names)
    };
    let apart = json!([two("create", &["mine"]), two("patch", &["other"])]);
    leads(company(), None, apart, &[Step::ChangeWebhook]);
}

#[test]
fn a_get_of_pods_exec_is_enough_where_the_server_is_old_and_a_model_where_that_is_not_known() {
    let of = |version: Option<&str>| {
        let mut world = company().object(&pod("app", "runs", "strong", "Running"));
        world.snapshot.cluster.server_version = version.map(Into::into);
        let world = jane(world, APP, &json!([rule(&["get"], "", &["pods/exec"])]));
        let reached = reached(&world, "user:jane");
        let steps: Vec<Step> = reached
            .highest()
            .map(|path| path.hops.iter().map(|hop| hop.step).collect())
            .unwrap_or_default();
        (reached.tier == Tier::ClusterAdmin, reached.modelled, steps)
    };
    assert_eq!(of(Some("v1.34.2")), (true, false, vec![Step::Exec]));
    assert_eq!(of(Some("v1.36.0")), (false, false, Vec::new()));
    assert_eq!(of(None), (true, true, vec![Step::ExecByGet]));
}

/// A `CronJob` in a namespace whose pods' spec is this, but for a container.
fn cron_job(ns: &str, spec: &Value) -> Value {
    let mut spec = spec.clone();
    spec["containers"] = json!([{"name": "c", "image": "registry.example/c:1"}]);
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"namespace": ns, "name": "nightly"},
        "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": spec}}}},
    })
}

#[test]
fn the_next_pod_of_a_cron_job_is_waited_for() {
    let with = |spec: Value| company().object(&cron_job("app", &spec));
    let strong = || with(json!({"serviceAccountName": "strong"}));
    let by = [Step::NextPod];
    let exec = || rule(&["create"], "", &["pods/exec"]);
    leads(strong(), APP, json!([exec()]), &by);
    leads(strong(), None, json!([exec()]), &by);
    leads(strong(), APP, json!([rule(&["patch"], "", &["pods/ephemeralcontainers"])]), &by);
    // What its pods will be called nobody knows.
    never(strong(), APP, json!([named(exec(), &["nightly"])]));
    never(strong(), APP, json!([rule(&["get"], "", &["pods/exec"])]));
    never(
        company().object(&cron_job("quiet", &json!({"serviceAccountName": "strong"}))),
        APP,
        json!([exec()]),
    );
    never(with(json!({})), APP, json!([exec()]));
    let bare = json!({"serviceAccountName": "strong", "automountServiceAccountToken": false});
    never(with(bare.clone()), APP, json!([exec()]));
    let mut mounts = bare;
    mounts["volumes"] = json!([{"name": "v", "secret": {"secretName": "t"}}]);
    let secret = || token_secret("app", "t", "strong");
    never(with(mounts.clone()).object(&secret()), APP, json!([exec()]));
    let mut job = cron_job("app", &mounts);
    job["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "v", "mountPath": "/t"}]);
    leads(company().object(&job).object(&secret()), APP, json!([exec()]), &by);
    // One that runs already is no model.
    let runs = strong().object(&pod("app", "p", "strong", "Running"));
    leads(runs, APP, json!([exec()]), &[Step::Exec]);
}
