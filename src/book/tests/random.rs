//! Random worlds and what may happen to them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{World, binding, day, read};
use crate::findings::RULES;
use crate::model::{Exemption, Health, Identity, ListKind, ListState, Name, Policy};

const USERS: [&str; 4] = ["user:ana", "user:bob", "user:cem", "user:system:anonymous"];
const ACCOUNTS: [&str; 4] = ["sa:a/x", "sa:a/y", "sa:b/x", "sa:b/default"];
const GROUPS: [&str; 5] =
    ["devs", "ops", "system:masters", "system:authenticated", "system:serviceaccounts:a"];
pub(super) const CALLS: [&str; 8] = [
    "get pods@a/p",
    "list pods@a",
    "delete pods@b/p",
    "create pods@a",
    "get secrets@a/s",
    "get nodes",
    "get /healthz",
    "create pods/exec@a/p",
];

#[derive(Clone, Debug)]
pub(super) enum Op {
    ClusterRole(u8, Vec<u8>),
    Role(u8, u8, Vec<u8>),
    Binding(Option<u8>, u8, u8, Vec<u8>),
    Namespace(u8),
    Account(u8, bool),
    CronJob(u8, u8),
    Token(u8, u8),
    Pod(u8, bool),
    Csr(u8, u8),
    AwsAuth(Vec<u8>),
    Login(u8, u8),
    Delete(u8, u8),
    List(u8, bool),
    Version(u8),
    Given(u8, u8),
    Idle(u8),
    Grow(Vec<Log>),
    Replace(Vec<Log>),
    NoLog,
}

#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) who: u8,
    pub(super) as_who: Option<u8>,
    pub(super) groups: u8,
    pub(super) call: u8,
    pub(super) day: u8,
    pub(super) denied: bool,
    pub(super) times: u8,
    pub(super) credit: u8,
    pub(super) implied: bool,
}

pub(super) fn subject(at: u8) -> String {
    let groups = GROUPS.map(|name| format!("group:{name}"));
    let all: Vec<String> =
        USERS.iter().chain(&ACCOUNTS).map(|text| (*text).to_owned()).chain(groups).collect();
    all[at as usize % all.len()].clone()
}

fn namespace(at: u8) -> &'static str {
    ["a", "b"][at as usize % 2]
}

fn rules(which: &[u8]) -> Value {
    let rule = |at: &u8| match at % 9 {
        0 => json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}),
        1 => json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}),
        2 => json!({"verbs": ["delete"], "apiGroups": [""], "resources": ["pods", "nodes"]}),
        3 => {
            json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["s"]})
        }
        4 => json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"]}),
        5 => json!({"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec", "pods"]}),
        6 => {
            json!({"verbs": ["bind"], "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"]})
        }
        7 => json!({"verbs": ["impersonate"], "apiGroups": [""], "resources": ["users", "groups"]}),
        _ => json!({"verbs": ["get"], "apiGroups": [""], "resources": ["*"]}),
    };
    Value::Array(which.iter().map(rule).collect())
}

fn role_object(ns: Option<&str>, at: u8, which: &[u8]) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": if ns.is_some() { "Role" } else { "ClusterRole" },
        "metadata": {"namespace": ns, "name": format!("r{}", at % 3)}, "rules": rules(which),
    })
}

fn split(account: &str) -> (&str, &str) {
    account.strip_prefix("sa:").unwrap().split_once('/').unwrap()
}

fn aws_auth(which: &[u8]) -> Value {
    let entry = |at: &u8| {
        let user = ["ana", "bob", "dan", "{{SessionName}}"][*at as usize % 4];
        let group = GROUPS[*at as usize / 4 % GROUPS.len()];
        format!(
            "- {{rolearn: 'arn:aws:iam::1:role/r{at}', username: '{user}', groups: ['{group}']}}\n"
        )
    };
    let entries: String = which.iter().map(entry).collect();
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "data": {"mapRoles": entries},
        "metadata": {"namespace": "kube-system", "name": "aws-auth"},
    })
}

/// A token of OpenShift's that ends after so many days.
fn login(user: u8, days: u8) -> Value {
    json!({
        "apiVersion": "oauth.openshift.io/v1", "kind": "OAuthAccessToken",
        "metadata": {"name": format!("sha256~{}", user % 2), "creationTimestamp": day(100)},
        "userName": (["ana", "eva"][user as usize % 2]), "clientName": "c",
        "expiresIn": i64::from(days) * 86_400,
    })
}

fn cron_job(at: u8, token: u8) -> Value {
    let (ns, name) = split(ACCOUNTS[at as usize % 4]);
    let from = json!([{"secretRef": {"name": format!("t{}", token % 2)}}]);
    let spec = json!({"serviceAccountName": name, "containers": [{"name": "c", "envFrom": from}]});
    json!({
        "apiVersion": "batch/v1", "kind": "CronJob",
        "metadata": {"namespace": ns, "name": format!("j{}", at % 3)},
        "spec": {
            "schedule": "0 0 1 */3 *",
            "jobTemplate": {"spec": {"template": {"spec": spec}}},
        },
    })
}

fn pod(at: u8, running: bool) -> Value {
    let (ns, name) = split(ACCOUNTS[at as usize % 4]);
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": ns, "name": "p"},
        "spec": {"serviceAccountName": name},
        "status": {
            "phase": if running { "Running" } else { "Pending" },
            "startTime": day(i64::from(at)),
        },
    })
}

pub(super) fn apply(world: &mut World, op: &Op) {
    let put = |world: &mut World, value: &Value| {
        world.snapshot.objects.insert(read(value));
    };
    match op {
        Op::ClusterRole(at, which) => put(world, &role_object(None, *at, which)),
        Op::Role(ns, at, which) => put(world, &role_object(Some(namespace(*ns)), *at, which)),
        Op::Binding(ns, name, role, subjects) => {
            let kind = if ns.is_some() && role % 2 == 0 { "Role" } else { "ClusterRole" };
            let subjects: Vec<String> = subjects.iter().map(|at| subject(*at)).collect();
            let subjects: Vec<&str> = subjects.iter().map(String::as_str).collect();
            let role = format!("{kind}/r{}", role % 4);
            let mut made = binding(ns.map(namespace), &format!("b{}", name % 4), &role, &subjects);
            made["metadata"]["creationTimestamp"] = match name % 4 {
                0 => Value::Null,
                _ => json!(day(i64::from(*name) % 150)),
            };
            put(world, &made);
        }
        Op::Namespace(ns) => put(
            world,
            &json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace(*ns)}}),
        ),
        Op::Account(at, cloud) => {
            let (ns, name) = split(ACCOUNTS[*at as usize % 4]);
            let annotations =
                if *cloud { json!({"eks.amazonaws.com/role-arn": "x"}) } else { json!({}) };
            put(
                world,
                &json!({
                    "apiVersion": "v1", "kind": "ServiceAccount",
                    "metadata": {
                        "namespace": ns, "name": name, "annotations": annotations,
                        "creationTimestamp": (at % 3 > 0).then(|| day(i64::from(*at) % 150)),
                    },
                }),
            );
        }
        Op::CronJob(at, token) => put(world, &cron_job(*at, *token)),
        Op::Token(at, when) => {
            let (ns, name) = split(ACCOUNTS[*at as usize % 4]);
            put(
                world,
                &json!({
                    "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
                    "metadata": {
                        "namespace": ns, "name": format!("t{}", at % 2), "creationTimestamp": day(i64::from(*when) - 300),
                        "annotations": {"kubernetes.io/service-account.name": name},
                        "labels": {"kubernetes.io/legacy-token-last-used": day(i64::from(*when)).format("%Y-%m-%d").to_string()},
                    },
                }),
            );
        }
        Op::Pod(at, running) => put(world, &pod(*at, *running)),
        Op::Csr(at, who) => {
            let who: Identity = subject(*who % 8).parse().unwrap();
            put(
                world,
                &json!({
                    "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
                    "metadata": {"name": format!("c{}", at % 3), "creationTimestamp": day(i64::from(*at))},
                    "spec": {"username": who.user_name(), "signerName": "s"},
                }),
            );
        }
        Op::AwsAuth(which) => put(world, &aws_auth(which)),
        Op::Login(user, days) => put(world, &login(*user, *days)),
        Op::Delete(kind, at) => delete(world, *kind, *at),
        Op::List(kind, whole) => {
            let kind = ListKind::ALL[*kind as usize % ListKind::ALL.len()];
            let health = if *whole { Health::Complete } else { Health::Forbidden };
            world.snapshot.lists.insert(kind, ListState::new(health));
        }
        Op::Version(minor) => {
            world.snapshot.cluster.server_version = match minor % 4 {
                3 => None,
                minor => Some(format!("v1.{}.0", 34 + minor).into()),
            };
        }
        Op::Given(user, group) => {
            let groups =
                world.policy.groups.entry(USERS[*user as usize % 3][5..].into()).or_default();
            let name: Name = GROUPS[*group as usize % 3].into();
            if !groups.contains(&name) {
                groups.push(name);
            }
        }
        Op::Idle(days) => {
            let policy = &mut world.policy;
            policy.idle_days = u32::from(*days % 120);
            thresholds(policy, u32::from(*days));
            policy.credential_days = u32::from(*days) * 3 % 500;
            policy.exemptions = vec![Exemption {
                rule: RULES[*days as usize % RULES.len()].into(),
                identity: ["*", "user:*", "sa:a/*"][*days as usize % 3].into(),
                owner: "x".into(),
                reason: "x".into(),
                expires: day(i64::from(*days) + 250).date_naive(),
            }];
        }
        Op::Grow(_) | Op::Replace(_) | Op::NoLog => {}
    }
}

/// Small ones, which the few rows of these worlds reach.
fn thresholds(policy: &mut Policy, days: u32) {
    (policy.denied_requests, policy.denied_days) = (days % 5, days % 3);
    (policy.machine_requests, policy.machine_days) = (days % 4, days % 3);
    policy.machine_hours = days % 24;
}

fn delete(world: &mut World, kind: u8, at: u8) {
    fn one<K: Ord + Clone, V: Clone>(map: &mut crate::model::SharedMap<K, V>, at: u8) {
        if !map.is_empty() {
            let key = map.keys().nth(at as usize % map.len()).unwrap().clone();
            map.remove(&key);
        }
    }
    let objects = &mut world.snapshot.objects;
    match kind % 9 {
        0 => one(&mut objects.roles, at),
        1 => one(&mut objects.bindings, at),
        2 => one(&mut objects.namespaces, at),
        3 => one(&mut objects.service_accounts, at),
        4 => one(&mut objects.secrets, at),
        5 => one(&mut objects.pods, at),
        6 => one(&mut objects.config_maps, at),
        7 => one(&mut objects.others, at),
        _ => one(&mut objects.csrs, at),
    }
}

pub(super) fn log() -> impl Strategy<Value = Log> {
    (
        any::<u8>(),
        proptest::option::weighted(0.2, any::<u8>()),
        any::<u8>(),
        any::<u8>(),
        any::<u8>(),
        any::<bool>(),
        any::<u8>(),
        any::<u8>(),
        any::<bool>(),
    )
        .prop_map(|(who, as_who, groups, call, day, denied, times, credit, implied)| Log {
            who,
            as_who,
            groups,
            call,
            day,
            denied: denied && times.is_multiple_of(2),
            times,
            credit,
            implied: implied && call.is_multiple_of(8),
        })
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let some = || proptest::collection::vec(any::<u8>(), 0..4);
    prop_oneof![
        3 => (any::<u8>(), some()).prop_map(|(at, which)| Op::ClusterRole(at, which)),
        2 => (any::<u8>(), any::<u8>(), some()).prop_map(|(ns, at, which)| Op::Role(ns, at, which)),
        8 => (proptest::option::of(any::<u8>()), any::<u8>(), any::<u8>(), some())
            .prop_map(|(ns, name, role, subjects)| Op::Binding(ns, name, role, subjects)),
        1 => any::<u8>().prop_map(Op::Namespace),
        2 => (any::<u8>(), any::<bool>()).prop_map(|(at, cloud)| Op::Account(at, cloud)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(at, token)| Op::CronJob(at, token)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(at, when)| Op::Token(at, when)),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(at, running)| Op::Pod(at, running)),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(at, who)| Op::Csr(at, who)),
        2 => some().prop_map(Op::AwsAuth),
        2 => (any::<u8>(), any::<u8>()).prop_map(|(user, days)| Op::Login(user, days)),
        5 => (any::<u8>(), any::<u8>()).prop_map(|(kind, at)| Op::Delete(kind, at)),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(kind, whole)| Op::List(kind, whole)),
        1 => any::<u8>().prop_map(Op::Version),
        1 => (any::<u8>(), any::<u8>()).prop_map(|(user, group)| Op::Given(user, group)),
        1 => any::<u8>().prop_map(Op::Idle),
        6 => proptest::collection::vec(log(), 1..4).prop_map(Op::Grow),
        1 => proptest::collection::vec(log(), 0..12).prop_map(Op::Replace),
        1 => Just(Op::NoLog),
    ]
}

/// What a log that is followed brings, a binding now and then among it.
pub(super) fn growth() -> impl Strategy<Value = Op> {
    let some = || proptest::collection::vec(any::<u8>(), 0..4);
    prop_oneof![
        6 => proptest::collection::vec(log(), 1..4).prop_map(Op::Grow),
        1 => (proptest::option::of(any::<u8>()), any::<u8>(), any::<u8>(), some())
            .prop_map(|(ns, name, role, subjects)| Op::Binding(ns, name, role, subjects)),
    ]
}
