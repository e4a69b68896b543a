//! kubectl reaching into a pod, by both protocols.

use keybook::model::{Identity, Target};
use serde_json::Value;

use super::World;
use super::case::{Need, Side};
use super::cases::NAMESPACE;
use crate::activity::ask::target;

/// Who runs kubectl: by websocket, by SPDY.
pub const TOKENS: [&str; 2] = ["by-websocket", "by-spdy"];

fn pod(subresource: &str) -> Target {
    target(["", "pods", subresource, NAMESPACE, "running"])
}

/// The rights of each, but for looking at the pod no more than the protocol takes.
fn needs(user: &str) -> Vec<Need> {
    let verbs: &[&str] = if user == "by-websocket" { &["get", "create"] } else { &["create"] };
    let need = |verb: &str, subresource: &str| Need {
        side: Side::Own,
        verb: verb.to_owned(),
        target: pod(subresource),
    };
    let mut all = vec![need("get", "")];
    for verb in verbs {
        all.extend([need(verb, "exec"), need(verb, "attach")]);
    }
    all
}

/// Roles and bindings.
pub fn objects() -> Vec<Value> {
    let of = |user: &&str| {
        let holder = Identity::user(*user);
        let numbered = needs(user).into_iter().enumerate();
        let all = numbered.flat_map(|(at, need)| need.objects(&format!("{user}-{at}"), &holder));
        all.collect::<Vec<_>>()
    };
    TOKENS.iter().flat_map(of).collect()
}

/// Runs and attaches, and gets through.
pub fn reach(world: &World) {
    for user in TOKENS {
        let kubeconfig = world.cluster.token(&format!("token-{user}"));
        let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
        let websockets = if user == "by-websocket" { "true" } else { "false" };
        let environment = [("KUBECTL_REMOTE_COMMAND_WEBSOCKETS", websockets)];
        let pod = [&*kubeconfig, "--namespace", NAMESPACE, "running"];
        let ran = [&["exec"][..], &pod, &["--", "whoami", "--all"]].concat();
        let ran = world.cluster.kubectl_where(&ran, &environment);
        assert_eq!(ran, format!("exec in {NAMESPACE}/running main: whoami --all\n"), "{user}");
        let attached = world.cluster.kubectl_where(&[&["attach"][..], &pod].concat(), &environment);
        assert_eq!(attached, format!("attached to {NAMESPACE}/running main\n"), "{user}");
        let verb = if user == "by-websocket" { "get" } else { "create" };
        for subresource in ["exec", "attach"] {
            world.cluster.await_audit("kubectl's line", |event| {
                event["user"]["username"] == user
                    && event["objectRef"]["subresource"] == subresource
                    && event["verb"] == verb
                    && event["responseStatus"]["code"] == 101
            });
        }
    }
}
