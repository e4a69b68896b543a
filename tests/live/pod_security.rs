//! The Pod Security Standards against the API server's own admission: pods of every sort are put to
//! it without being made, and what it says of each is what keybook says.

use std::collections::BTreeSet;

use keybook::model::Object;
use keybook::workloads::Level;
use keybook::workloads::standards::{NEWEST, Subject, violations};
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use crate::activity::client::{Request, Server};
use crate::support::cluster::Cluster;
use crate::support::process::await_some;

/// Every reason that the admission knows.
const REASONS: [&str; 18] = [
    "forbidden AppArmor profile",
    "forbidden AppArmor profiles",
    "non-default capabilities",
    "host namespaces",
    "hostPath volumes",
    "hostPort",
    "probe or lifecycle host",
    "privileged",
    "procMount",
    "seLinuxOptions",
    "seccompProfile",
    "forbidden sysctls",
    "hostProcess",
    "allowPrivilegeEscalation != false",
    "unrestricted capabilities",
    "restricted volume types",
    "runAsNonRoot != true",
    "runAsUser=0",
];

struct Maker(ChaCha8Rng);

impl Maker {
    fn often(&mut self, percent: u32) -> bool {
        self.0.random_range(0..100) < percent
    }

    fn pick(&mut self, from: &[Value]) -> Value {
        from.choose(&mut self.0).cloned().unwrap_or_default()
    }

    /// What a container and a pod may both say.
    fn common(&mut self) -> Value {
        let mut context = json!({});
        for (field, percent, values) in [
            ("runAsNonRoot", 60, &[json!(true), json!(true), json!(false)][..]),
            ("runAsUser", 30, &[json!(0), json!(1000)]),
            (
                "seccompProfile",
                60,
                &[
                    json!({"type": "RuntimeDefault"}),
                    json!({"type": "Unconfined"}),
                    json!({"type": "Localhost", "localhostProfile": "p"}),
                ],
            ),
            (
                "appArmorProfile",
                20,
                &[json!({"type": "RuntimeDefault"}), json!({"type": "Unconfined"})],
            ),
            (
                "seLinuxOptions",
                20,
                &[
                    json!({"type": "container_t"}),
                    json!({"type": "spc_t"}),
                    json!({"type": "container_engine_t"}),
                    json!({"user": "u"}),
                    json!({"role": "r"}),
                    json!({"level": "s0"}),
                ],
            ),
        ] {
            if self.often(percent) {
                context[field] = self.pick(values);
            }
        }
        context
    }

    fn container(&mut self, name: &str) -> Value {
        let mut container = json!({"name": name, "image": "example.org/app"});
        if self.often(85) {
            let mut context = self.common();
            for (field, percent, values) in [
                ("allowPrivilegeEscalation", 70, &[json!(false), json!(false), json!(true)][..]),
                ("privileged", 10, &[json!(true), json!(false)]),
                (
                    "capabilities",
                    70,
                    &[
                        json!({"drop": ["ALL"]}),
                        json!({"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}),
                        json!({"drop": ["ALL"], "add": ["CHOWN"]}),
                        json!({"drop": ["KILL"]}),
                        json!({"add": ["NET_RAW", "KILL"]}),
                        json!({}),
                    ],
                ),
                ("procMount", 20, &[json!("Default"), json!("Unmasked")]),
            ] {
                if self.often(percent) {
                    context[field] = self.pick(values);
                }
            }
            container["securityContext"] = context;
        }
        if self.often(10) {
            container["ports"] = json!([{"containerPort": 80}]);
        }
        if self.often(10) {
            container["ports"] = json!([{"containerPort": 80, "hostPort": 8080}]);
        }
        container
    }

    fn pod(&mut self) -> Value {
        let mut spec = json!({"containers": [self.container("c")]});
        if self.often(70) {
            spec["securityContext"] = self.common();
        }
        if self.often(10) {
            let sysctls = [
                json!("kernel.msgmax"),
                json!("net.ipv4.tcp_rmem"),
                json!("net.ipv4.tcp_syncookies"),
            ];
            let name = self.pick(&sysctls);
            spec["securityContext"]["sysctls"] = json!([{"name": name, "value": "1"}]);
        }
        if self.often(25) {
            spec["initContainers"] = json!([self.container("i")]);
        }
        if self.often(20) {
            let mut second = self.container("d");
            let probe = [
                json!({"httpGet": {"port": 1, "host": "192.0.2.1"}}),
                json!({"tcpSocket": {"port": 1}}),
                json!({"tcpSocket": {"port": 1, "host": "h"}}),
            ];
            second["readinessProbe"] = self.pick(&probe);
            if self.often(30) {
                second["lifecycle"] = json!({"preStop": self.pick(&probe)});
            }
            spec["containers"].as_array_mut().expect("a list").push(second);
        }
        for (field, percent) in [("hostPID", 8), ("hostIPC", 8), ("hostNetwork", 8)] {
            if self.often(percent) {
                spec[field] = json!(true);
            }
        }
        // The API server fills these out before it judges.
        if spec["hostNetwork"] == json!(true) {
            for list in ["containers", "initContainers"] {
                for container in spec[list].as_array_mut().into_iter().flatten() {
                    if container["ports"].is_array() {
                        container["ports"] = json!([{"containerPort": 80, "hostPort": 80}]);
                    }
                }
            }
        }
        if self.often(20) {
            spec["hostUsers"] = self.pick(&[json!(false), json!(true)]);
        }
        if self.often(40) {
            let sources = [
                json!({"emptyDir": {}}),
                json!({"hostPath": {"path": "/x"}}),
                json!({"secret": {"secretName": "s"}}),
                json!({"configMap": {"name": "c"}}),
                json!({"nfs": {"server": "s", "path": "/"}}),
                json!({"projected": {"sources": [{"secret": {"name": "s"}}]}}),
                json!({"persistentVolumeClaim": {"claimName": "p"}}),
                json!({"downwardAPI": {"items": []}}),
            ];
            let mut volume = self.pick(&sources);
            volume["name"] = json!("v");
            spec["volumes"] = json!([volume]);
        }
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec})
    }
}

/// What keybook says that a pod fails, in the words of the admission of a level.
fn said(pod: &Value, level: Level) -> BTreeSet<String> {
    let Ok(Some(Object::Pod(pod))) = Object::read("v1", "Pod", pod) else { panic!("{pod}") };
    let subject = Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
    let found = violations(subject, NEWEST);
    let restricted = level == Level::Restricted;
    let of_level = found.iter().filter(|one| restricted || one.level == Level::Baseline);
    // Restricted has stricter checks in place of these two, which it does not name as well.
    let replaced = ["non-default capabilities", "hostPath volumes"];
    of_level
        .map(|one| one.reason.to_string())
        .filter(|reason| !(restricted && replaced.contains(&reason.as_str())))
        .collect()
}

#[test]
fn every_pod_is_judged_as_the_api_servers_admission_judges_it() {
    let Some(cluster) = Cluster::shared() else { return };
    let admin = cluster.client_cert("pod-security", &["system:masters"]);
    let server = Server::new(&cluster.server(), &cluster.ca_file());
    let tls = server.tls(Some((&admin.cert, &admin.key)));
    let levels = [
        ("pss-baseline", "baseline", Level::Baseline),
        ("pss-restricted", "restricted", Level::Restricted),
    ];
    for (ns, name, _) in levels {
        let labels = json!({"pod-security.kubernetes.io/enforce": name});
        let object = json!({"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": ns, "labels": labels}});
        cluster.load(&object.to_string());
        await_some("the namespace's default account", || {
            let output = cluster.kubectl(&["get", "serviceaccount", "default", "-n", ns]);
            output.status.success().then_some(())
        });
    }
    let count = if crate::full() { 5_000 } else { 400 };
    let mut maker = Maker(ChaCha8Rng::seed_from_u64(13));
    let (mut refused, mut allowed, mut invalid) = (0, 0, 0);
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for _ in 0..count {
        let pod = maker.pod();
        for (ns, name, level) in levels {
            let request = Request {
                method: "POST",
                uri: format!("/api/v1/namespaces/{ns}/pods?dryRun=All"),
                headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
                body: pod.to_string(),
                from: 9,
                streams: false,
            };
            let answer = server.send(&tls, &request).expect("an answer");
            let reasons: BTreeSet<String> = match answer.status {
                201 => BTreeSet::new(),
                403 => {
                    let status: Value = serde_json::from_str(&answer.body).expect("a Status");
                    let message = status["message"].as_str().expect("a message");
                    let violated = format!("violates PodSecurity \"{name}:latest\": ");
                    let (_, rest) = message.split_once(&violated).expect("of this admission");
                    let named = REASONS.iter().filter(|one| rest.contains(&format!("{one} (")));
                    named.map(|one| (*one).to_owned()).collect()
                }
                // Not a pod at all by the rules of the API, which come first.
                422 => {
                    invalid += 1;
                    continue;
                }
                other => panic!("{other}: {}", answer.body),
            };
            assert_eq!(said(&pod, level), reasons, "{name}\n{pod:#}\n{}", answer.body);
            if reasons.is_empty() {
                allowed += 1;
            } else {
                refused += 1;
            }
            seen.extend(reasons);
        }
    }
    println!(
        "pod security: {refused} refused and {allowed} allowed by the API server, all as keybook \
         says; {invalid} were no pods; reasons {seen:?}"
    );
    assert!(allowed > 20 && refused > 200, "{allowed} {refused}");
    // No host process comes out of the maker's pods.
    assert!(seen.len() >= 16, "{seen:?}");
}
