//! Pods that run, and what there is in them and on their nodes to be had.

use std::collections::{BTreeMap, BTreeSet};

use super::ask::On;
use super::gather::push;
use super::world::{Placed, Running, World, of};
use crate::book::Book;
use crate::model::{Name, Pod};
use crate::workloads::{Containers, has_node, tokens_in, tokens_named};

/// On a pod that the kubelet shows of one that a file on its node says
/// (`pkg/kubelet/types/constants.go`).
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What there is of one node.
#[derive(Debug, Default)]
struct Found {
    named: BTreeSet<u32>,
    runs: BTreeSet<u32>,
    seen: BTreeSet<u32>,
    secrets: BTreeSet<(u32, Name, u32)>,
}

impl World {
    pub(super) fn add_pods(&mut self, book: &Book) {
        let objects = &book.snapshot.objects;
        let mut nodes: BTreeMap<Name, Found> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        let mut placed: Vec<(u32, Name, &Name, bool, bool)> = Vec::new();
        for ((ns, name), pod) in &objects.pods {
            let Some(at) = self.number(ns) else { continue };
            push(&mut self.pod_names, at, name.clone());
            let Some(node) = pod.node.as_ref().filter(|_| runs(pod)) else { continue };
            let labels = &pod.meta.labels;
            if &**ns == "kube-system"
                && labels.get("component").is_some_and(|is| &**is == "kube-apiserver")
            {
                keys.insert(node.clone());
            }
            let mirror = pod.meta.annotations.contains_key(MIRROR);
            placed.push((at, name.clone(), node, has_node(&pod.spec), mirror));
            let found = nodes.entry(node.clone()).or_default();
            // It refers to no objects of the API server, and takes no other containers.
            if mirror {
                continue;
            }
            push(&mut self.addable, at, name.clone());
            let own = Self::account(book, ns, &pod.service_account);
            for running in self.running(at, name, pod, own) {
                found.named.insert(running.account);
                if running.command {
                    found.seen.insert(running.account);
                }
                if running.own {
                    found.runs.insert(running.account);
                }
                push(&mut self.pods, at, running);
            }
            let (_, secrets) = tokens_named(&pod.spec);
            let token = |name: Name| Some((at, self.token_in(at, &name)?, name));
            let tokens = secrets.into_iter().filter_map(token);
            found.secrets.extend(tokens.map(|(at, account, name)| (at, name, account)));
        }
        self.nodes = nodes.keys().cloned().collect();
        self.holds_keys = self.nodes.iter().map(|node| keys.contains(node)).collect();
        for (at, name, node, has_node, mirror) in placed {
            if let Some(node) = self.node(node) {
                push(&mut self.placed, at, Placed { name, node, has_node, mirror });
            }
        }
        for (at, found) in (0u32..).zip(nodes.into_values()) {
            for account in &found.runs {
                self.nodes_of.entry(*account).or_default().push(at);
            }
            self.on_node.push(found.named.into_iter().collect());
            self.runs_on_node.push(found.runs.into_iter().collect());
            self.seen_on_node.push(found.seen.into_iter().collect());
            self.secrets_on_node.push(found.secrets.into_iter().collect());
        }
        for ((kind, ns, name), _) in &objects.others {
            if let (Some(at), Some(on)) = (self.number(ns), makes_pods(kind)) {
                push(&mut self.workloads, at, (on, name.clone()));
            }
        }
    }

    /// The accounts whose tokens there are in a pod, each once as its own and once by Secrets.
    fn running(&self, at: u32, name: &Name, pod: &Pod, own: Option<u32>) -> Vec<Running> {
        let command = tokens_in(&pod.spec, Containers::Running);
        let image = tokens_in(&pod.spec, Containers::Changeable);
        let named = tokens_named(&pod.spec);
        let of_own = own.filter(|_| named.0).map(|account| Running {
            name: name.clone(),
            account,
            command: command.0,
            image: image.0,
            own: true,
        });
        let mut of_secrets: BTreeMap<u32, Running> = BTreeMap::new();
        for secret in &named.1 {
            let Some(account) = self.token_in(at, secret) else { continue };
            let have = of_secrets.entry(account).or_insert_with(|| Running {
                name: name.clone(),
                account,
                command: false,
                image: false,
                own: false,
            });
            have.command |= command.1.contains(secret);
            have.image |= image.1.contains(secret);
        }
        of_own.into_iter().chain(of_secrets.into_values()).collect()
    }
}

impl World {
    /// The account whose token a Secret holds that the API server takes.
    fn token_in(&self, ns: u32, secret: &Name) -> Option<u32> {
        let tokens = of(&self.tokens, ns);
        let at = tokens.binary_search_by(|(name, _)| name.cmp(secret)).ok()?;
        tokens.get(at).map(|(_, account)| *account)
    }
}

fn runs(pod: &Pod) -> bool {
    &*pod.phase == "Running" && pod.meta.deletion_timestamp.is_none()
}

fn makes_pods(kind: &str) -> Option<On> {
    match kind {
        "Deployment" => Some(On::Deployments),
        "StatefulSet" => Some(On::StatefulSets),
        "DaemonSet" => Some(On::DaemonSets),
        "ReplicaSet" => Some(On::ReplicaSets),
        "ReplicationController" => Some(On::ReplicationControllers),
        "CronJob" => Some(On::CronJobs),
        "Job" => Some(On::Jobs),
        _ => None,
    }
}
