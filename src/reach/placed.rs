//! Pods that run, and what there is in them and on their nodes to be had.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;

use super::ask::On;
use super::gather::push;
use super::switched::Switched;
use super::world::{Mount, Placed, Running, World, of};
use crate::book::Book;
use crate::model::{Containers, Name, Pod, SecretSight};
use crate::workloads::{Enforced, enforced, has_node, standards, tokens_in, tokens_named};

/// A Secret as a pod refers to it: the pod's namespace, name and node, and whether it is held back.
type Named<'p> = (u32, &'p Name, &'p Name, bool, (Name, SecretSight));

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
        let mut mounts: Vec<Named<'_>> = Vec::new();
        for ((ns, name), pod) in &objects.pods {
            let Some(at) = self.number(ns) else { continue };
            push(&mut self.pod_names, at, name.clone());
            let Some(node) = pod.node.as_ref().filter(|_| runs(book, pod)) else { continue };
            if is_api_server(ns, pod) {
                keys.insert(node.clone());
            }
            let mirror = pod.is_mirror();
            // Of one on its way out the kubelet starts no container any more.
            let going = pod.meta.deletion_timestamp.is_some();
            placed.push((at, name.clone(), node, has_node(&pod.spec), mirror || going));
            let found = nodes.entry(node.clone()).or_default();
            // It refers to no objects of the API server, and takes no other containers.
            if mirror {
                continue;
            }
            let held = is_held(book, ns, pod);
            if !held && !going && !is_held_to_its_secrets(book, ns, pod) {
                push(&mut self.addable, at, name.clone());
            }
            let own = Self::account(book, ns, &pod.service_account);
            if !held
                && !going
                && self.is_open(at)
                && let Some(pod) = Switched::of(book, (ns, name), pod, own)
            {
                push(&mut self.switched, at, pod);
            }
            for running in self.running((at, name), pod, own, held) {
                let running = Running { image: running.image && !going, going, ..running };
                found.named.insert(running.account);
                if running.command {
                    found.seen.insert(running.account);
                }
                if running.own {
                    found.runs.insert(running.account);
                }
                push(&mut self.pods, at, running);
            }
            let sights = pod.spec.secret_sights();
            mounts.extend(sights.into_iter().map(|sight| (at, name, node, held, sight)));
            let (_, secrets) = tokens_named(&pod.spec);
            let token = |name: Name| Some((at, self.token_in(at, &name)?, name));
            let tokens = secrets.into_iter().filter_map(token);
            found.secrets.extend(tokens.map(|(at, account, name)| (at, name, account)));
        }
        self.nodes = nodes.keys().cloned().collect();
        // k3s has it in a process of the node, which pods run on as on others. Of one node it is that one.
        self.hides_keys = keys.is_empty() && has_k3s(book);
        let only = self.hides_keys && self.nodes.len() == 1;
        self.holds_keys = self.nodes.iter().map(|node| only || keys.contains(node)).collect();
        for (at, name, node, has_node, mirror) in placed {
            if let Some(node) = self.node(node) {
                push(&mut self.placed, at, Placed { name, node, has_node, mirror });
            }
        }
        for (at, _, _, _, (secret, sight)) in &mounts {
            let is_tokens = |lists: &[Vec<Name>]| of(lists, *at).binary_search(secret).is_ok();
            if !sight.optional && !is_tokens(&self.token_secrets) && !is_tokens(&self.fixed_secrets)
            {
                push(&mut self.other_secrets, *at, secret.clone());
            }
        }
        for names in &mut self.other_secrets {
            names.sort_unstable();
            names.dedup();
        }
        for (at, pod, node, held, (secret, sight)) in mounts {
            // What is there and of another type stays what it is.
            let may_be_written = sight.optional
                && of(&self.fixed_secrets, at).binary_search(&secret).is_err()
                || of(&self.token_secrets, at).binary_search(&secret).is_ok();
            if let Some(node) = self.node(node).filter(|_| may_be_written) {
                push(&mut self.mounts, at, Mount { pod: pod.clone(), node, secret, sight, held });
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
        // Nobody looks for them where there are none.
        if self.switched.iter().all(Vec::is_empty) {
            self.switched.clear();
        }
        for ((kind, ns, name), _) in &objects.others {
            if let (Some(at), Some(on)) = (self.number(ns), makes_pods(kind)) {
                push(&mut self.workloads, at, (on, name.clone()));
            }
        }
    }

    /// The accounts whose tokens there are in a pod, each once as its own and once by Secrets.
    fn running(
        &self,
        (at, name): (u32, &Name),
        pod: &Pod,
        own: Option<u32>,
        held: bool,
    ) -> Vec<Running> {
        let command = tokens_in(&pod.spec, Containers::Running);
        let image = tokens_in(&pod.spec, Containers::Changeable);
        let named = tokens_named(&pod.spec);
        let of_own = own.filter(|_| named.0).map(|account| Running {
            name: name.clone(),
            account,
            command: command.0,
            image: image.0,
            own: true,
            held,
            going: false,
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
                held,
                going: false,
            });
            have.command |= command.1.contains(secret);
            have.image |= image.1.contains(secret);
        }
        of_own.into_iter().chain(of_secrets.into_values()).collect()
    }
}

impl World {
    /// The account whose token a Secret holds that the API server takes.
    pub(super) fn token_in(&self, ns: u32, secret: &Name) -> Option<u32> {
        let tokens = of(&self.tokens, ns);
        let at = tokens.binary_search_by(|(name, _)| name.cmp(secret)).ok()?;
        tokens.get(at).map(|(_, account)| *account)
    }
}

/// Whether a pod is one of kube-apiserver: by kubeadm's label, by kOps' and earlier Talos', or by the name
/// of its container, as OpenShift has it in a namespace of its own.
pub(super) fn is_api_server(ns: &str, pod: &Pod) -> bool {
    const NAME: &str = "kube-apiserver";
    let label = |key: &str| pod.meta.labels.get(key).is_some_and(|is| &**is == NAME);
    let is_named = || pod.spec.containers.iter().any(|one| &*one.name == NAME);
    matches!(ns, "kube-system" | "openshift-kube-apiserver")
        && (label("component") || label("k8s-app") || is_named())
}

/// Whether the cluster is one of k3s, which writes that into its version: `v1.36.3+k3s1`.
pub(super) fn has_k3s(book: &Book) -> bool {
    let version = book.snapshot.cluster.server_version.as_deref();
    version.is_some_and(|version| version.contains("+k3s"))
}

/// Whether a pod breaks the Pod Security level of its namespace. It was made before the level, or what
/// made it is exempt from it: as soon as its image changes or a container is added to it, it is held
/// against the level as one that is made, all of it
/// (`pod-security-admission/admission/admission.go`, `isSignificantPodUpdate`). What is exempt the API
/// server's configuration says, which no list shows.
fn is_held(book: &Book, ns: &Name, pod: &Pod) -> bool {
    let of = enforced(book, ns).filter(|of| of.level > standards::Level::Privileged);
    let Some(Enforced { level, minor, .. }) = of else { return false };
    let subject = standards::Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
    let broken = standards::violations(subject, minor);
    standards::level(&broken) < level
}

/// So long after the end of its grace a pod's token is taken still
/// (`pkg/serviceaccount/claims.go`, `invalidIfDeletedBefore`, with the leeway of `go-jose`).
const LEEWAY: TimeDelta = TimeDelta::seconds(60);

/// Whether a container of it runs. One on its way out does until its grace is over, which its
/// `deletionTimestamp` says: commands are run in it and its token is taken as before.
fn runs(book: &Book, pod: &Pod) -> bool {
    let now = book.snapshot.taken_at.unwrap_or(book.now);
    let is_over = |at| at + LEEWAY < now;
    &*pod.phase == "Running" && !pod.meta.deletion_timestamp.is_some_and(is_over)
}

/// Said of an account whose pods refer to no Secrets but those under its `secrets`
/// (`plugin/pkg/admission/serviceaccount/admission.go`, `limitEphemeralContainerSecretReferences`).
const HELD_TO_SECRETS: &str = "kubernetes.io/enforce-mountable-secrets";

/// Whether a container that is added to a pod may name none of the tokens that there are in Secrets.
fn is_held_to_its_secrets(book: &Book, ns: &Name, pod: &Pod) -> bool {
    let objects = &book.snapshot.objects;
    let name =
        if pod.service_account.is_empty() { "default".into() } else { pod.service_account.clone() };
    let Some(account) = objects.service_accounts.get(&(ns.clone(), name.clone())) else {
        return false;
    };
    // As Go's `strconv.ParseBool` has it.
    let held = account
        .meta
        .annotations
        .get(HELD_TO_SECRETS)
        .is_some_and(|value| matches!(&**value, "1" | "t" | "T" | "TRUE" | "true" | "True"));
    // A token of another one may be among those that it lists.
    let others = account.secrets.iter().any(|secret| {
        let of = objects.secrets.get(&(ns.clone(), secret.clone()));
        let of = of.and_then(|of| of.meta.annotations.get("kubernetes.io/service-account.name"));
        of.is_some_and(|of| *of != name)
    });
    held && !others
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
