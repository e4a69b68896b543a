//! Pods and controllers of an account, one row for what belongs together.

use std::collections::{BTreeMap, BTreeSet};

use super::addresses::Families;
use super::standards::{Level, NEWEST, Subject, level, violations};
use super::token::{TokenMount, admitted, brought};
use super::{Containers, Isolation, Root, Violation, Workload, host, isolation, volumes};
use crate::book::Book;
use crate::model::{
    Identity, ListKind, Meta, Name, ObjectBody, PodSpec, ServiceAccount, Snapshot, SubjectKind,
    counted,
};

/// The controllers and pods that use an account, by kind and name; nothing for users and groups.
///
/// What a Deployment or a `CronJob` makes is told as one with its pods: of several the weakest counts.
pub fn of(book: &Book, identity: &Identity) -> Vec<Workload> {
    let (SubjectKind::ServiceAccount, Some(namespace)) = (identity.kind, &identity.namespace)
    else {
        return Vec::new();
    };
    let gather = Gather::new(book, namespace, &identity.name);
    gather.rows()
}

/// How many pods of an account's namespace are shown of files on nodes, and have no account: they name
/// none, as one does that runs as `default`. Told with that account alone.
pub fn mirrors(book: &Book, identity: &Identity) -> usize {
    let (SubjectKind::ServiceAccount, Some(namespace), "default") =
        (identity.kind, &identity.namespace, &*identity.name)
    else {
        return 0;
    };
    let pods = book.snapshot.objects.pods.range((namespace.clone(), Name::from(""))..);
    let own = pods.take_while(|((ns, _), _)| ns == namespace);
    own.filter(|(_, pod)| pod.is_mirror() && !pod.has_ended()).count()
}

/// How many those are, in words.
pub fn mirror_words(pods: usize) -> String {
    let (run, files) = if pods == 1 { ("runs", "a file") } else { ("run", "files") };
    format!(
        "{} of this namespace {run} by {files} on its node, as no account and without a token",
        counted(pods, "mirror pod")
    )
}

struct Gather<'a> {
    snapshot: &'a Snapshot,
    namespace: &'a Name,
    account_name: &'a Name,
    account: Option<&'a ServiceAccount>,
    accounts_whole: bool,
    /// Names of Secrets that hold a token of the account.
    token_secrets: Vec<&'a Name>,
    /// Secrets that hold tokens of its namespace's other accounts: of which.
    others_tokens: BTreeMap<&'a Name, &'a Name>,
    minor: u32,
    families: Families,
}

impl<'a> Gather<'a> {
    fn new(book: &'a Book, namespace: &'a Name, account_name: &'a Name) -> Self {
        let snapshot = &*book.snapshot;
        let key = (namespace.clone(), account_name.clone());
        let first = (namespace.clone(), Name::from(""));
        let secrets =
            snapshot.objects.secrets.range(first..).take_while(|((ns, _), _)| ns == namespace);
        let tokens: BTreeMap<&Name, &Name> = secrets
            .filter(|(_, secret)| &*secret.type_ == "kubernetes.io/service-account-token")
            .filter_map(|((_, name), secret)| {
                Some((name, secret.meta.annotations.get("kubernetes.io/service-account.name")?))
            })
            .collect();
        let (own, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            tokens.into_iter().partition(|(_, of)| *of == account_name);
        Self {
            snapshot,
            namespace,
            account_name,
            account: snapshot.objects.service_accounts.get(&key).map(|account| &**account),
            accounts_whole: snapshot.tells_of(ListKind::ServiceAccounts, namespace),
            token_secrets: own.into_keys().collect(),
            others_tokens: others,
            minor: minor(snapshot),
            families: Families::of(snapshot),
        }
    }

    fn uses(&self, account: Option<&Name>) -> bool {
        match account.filter(|name| !name.is_empty()) {
            Some(name) => name == self.account_name,
            None => &**self.account_name == "default",
        }
    }

    /// Of what runs as another account: which, where a token of this one is in it.
    fn has_token(&self, runs_as: Option<&Name>, spec: &PodSpec) -> Option<Name> {
        let seen = spec.tokens_seen(Containers::All);
        let has = self.token_secrets.iter().any(|name| seen.contains(*name));
        let named = runs_as.filter(|name| !name.is_empty()).cloned();
        has.then(|| named.unwrap_or_else(|| "default".into()))
    }

    fn rows(&self) -> Vec<Workload> {
        let mut rows: BTreeMap<(Name, Name), Workload> = BTreeMap::new();
        let others = &self.snapshot.objects.others;
        for ((kind, ns, name), object) in others {
            let ObjectBody::Workload(template) = &object.body else { continue };
            if ns != self.namespace {
                continue;
            }
            let runs_as = object.service_account.as_ref();
            let own = self.uses(runs_as);
            let other = if own { None } else { self.has_token(runs_as, &template.spec) };
            if !own && other.is_none() {
                continue;
            }
            // What a Deployment left behind of former versions runs nothing, and what a CronJob makes it
            // says itself: where those are listed, their own templates count.
            let top = self.top_of_template(kind, name, &object.meta);
            if top != (kind.clone(), name.clone()) && self.is_listed(&top) {
                continue;
            }
            let brought = brought(&template.spec, &self.token_secrets);
            let token = if own {
                admitted(&template.spec, self.account, self.accounts_whole).max(brought)
            } else {
                TokenMount::Yes
            };
            let meta = &template.metadata;
            let subject = Subject { annotations: &meta.annotations, spec: &template.spec };
            let found = self.one(&top, subject, &meta.labels, token, 0);
            let found = Workload { runs_as: other, ..found };
            add(&mut rows, top, found);
        }
        let first = (self.namespace.clone(), Name::from(""));
        let pods = self.snapshot.objects.pods.range(first..);
        for ((_, name), pod) in pods.take_while(|((ns, _), _)| ns == self.namespace) {
            if pod.has_ended() || pod.is_mirror() {
                continue;
            }
            let own = self.uses(Some(&pod.service_account));
            let other =
                if own { None } else { self.has_token(Some(&pod.service_account), &pod.spec) };
            if !own && other.is_none() {
                continue;
            }
            let top = self.top(&"Pod".into(), name, &pod.meta);
            let subject = Subject { annotations: &pod.meta.annotations, spec: &pod.spec };
            let token = brought(&pod.spec, &self.token_secrets);
            let found = self.one(&top, subject, &pod.meta.labels, token, 1);
            let found = Workload { runs_as: other, ..found };
            add(&mut rows, top, found);
        }
        rows.into_values().collect()
    }

    /// Under whom the pods of a workload are told. What controls it may be of a kind that is no
    /// workload, and makes nothing by itself then: an operator's.
    fn top_of_template(&self, kind: &Name, name: &Name, meta: &Meta) -> (Name, Name) {
        match &**kind {
            // Its pods are those of what it makes, which it controls.
            "Deployment" | "CronJob" => (kind.clone(), name.clone()),
            _ => self.top(kind, name, meta),
        }
    }

    /// Whether a workload was listed, with a template of its own.
    fn is_listed(&self, (kind, name): &(Name, Name)) -> bool {
        let key = (kind.clone(), self.namespace.clone(), name.clone());
        let object = self.snapshot.objects.others.get(&key);
        object.is_some_and(|object| matches!(object.body, ObjectBody::Workload(_)))
    }

    /// Who controls it in the end, as far as that is known.
    fn top(&self, kind: &Name, name: &Name, meta: &Meta) -> (Name, Name) {
        let Some(owner) = meta.owner_references.iter().find(|owner| owner.controller) else {
            return (kind.clone(), name.clone());
        };
        let key = (owner.kind.clone(), self.namespace.clone(), owner.name.clone());
        match self.snapshot.objects.others.get(&key) {
            // No deeper than a pod of a Job of a CronJob.
            Some(object) if object.meta.uid.as_ref().is_none_or(|uid| *uid == owner.uid) => {
                let above = object.meta.owner_references.iter().find(|owner| owner.controller);
                above.map_or_else(
                    || (owner.kind.clone(), owner.name.clone()),
                    |above| (above.kind.clone(), above.name.clone()),
                )
            }
            _ => (owner.kind.clone(), owner.name.clone()),
        }
    }

    fn one(
        &self,
        (kind, name): &(Name, Name),
        subject: Subject<'_>,
        labels: &BTreeMap<Name, Name>,
        token: TokenMount,
        pods: u64,
    ) -> Workload {
        let spec = subject.spec;
        let violations = violations(subject, self.minor);
        let seen = spec.secrets_seen();
        let tokens = spec.tokens_seen(Containers::All);
        let others = self.others_tokens.iter().filter(|(name, _)| tokens.contains(**name));
        let tokens_of: BTreeSet<Name> = others.map(|(_, of)| (*of).clone()).collect();
        let contexts = || {
            spec.all_containers().filter_map(|of| Some((&of.name, of.security_context.as_deref()?)))
        };
        let privileged = contexts().filter(|(_, of)| of.privileged == Some(true));
        let added = contexts().filter_map(|(_, of)| of.capabilities.as_ref());
        let capabilities: BTreeSet<Name> = added.flat_map(|of| of.add.iter().cloned()).collect();
        let shared = [
            (host::is_host_process(spec), "process"),
            (spec.host_network, "network"),
            (spec.host_pid, "PID"),
            (spec.host_ipc, "IPC"),
        ];
        Workload {
            kind: kind.clone(),
            namespace: self.namespace.clone(),
            name: name.clone(),
            pods,
            token,
            level: known_level(&violations, spec),
            violations,
            root: root(spec),
            privileged: privileged.map(|(name, _)| name.clone()).collect(),
            host_namespaces: shared.iter().filter(|(is, _)| *is).map(|(_, name)| *name).collect(),
            host_paths: host_paths(spec),
            unread_volumes: volumes::unread(spec, &**kind == "StatefulSet" && pods == 0),
            capabilities: capabilities.into_iter().collect(),
            isolation: isolation::of(
                (self.snapshot, self.families),
                self.namespace,
                labels,
                spec.host_network,
            ),
            secrets: seen.into_iter().collect(),
            tokens_of: tokens_of.into_iter().collect(),
            runs_as: None,
        }
    }
}

/// The server's minor version of 1, as far as its rules are known here.
fn minor(snapshot: &Snapshot) -> u32 {
    let version = snapshot.cluster.server_version.as_deref().unwrap_or_default();
    let minor = version.trim_start_matches('v').split('.').nth(1);
    let digits = minor.map(|text| text.trim_end_matches(|c: char| !c.is_ascii_digit()));
    digits.and_then(|text| text.parse().ok()).map_or(NEWEST, |minor: u32| minor.clamp(25, NEWEST))
}

/// The user of a container is its own word, then the pod's, then the image's.
fn root(spec: &PodSpec) -> Root {
    let pod = spec.security_context.as_deref();
    let of_containers = spec.all_containers().map(|container| {
        let own = container.security_context.as_deref();
        let user = own.and_then(|of| of.run_as_user).or_else(|| pod.and_then(|of| of.run_as_user));
        let not_root =
            own.and_then(|of| of.run_as_non_root).or_else(|| pod.and_then(|of| of.run_as_non_root));
        match (user, not_root) {
            (Some(0), _) => Root::Yes,
            // The kubelet does not start it as root.
            (Some(_), _) | (None, Some(true)) => Root::No,
            (None, _) => Root::ByImage,
        }
    });
    of_containers.max().unwrap_or(Root::ByImage)
}

/// A pod has a container: where none is known, the spec was not kept.
fn known_level(found: &[Violation], spec: &PodSpec) -> Option<Level> {
    (!spec.containers.is_empty()).then(|| level(found))
}

fn host_paths(spec: &PodSpec) -> Vec<Name> {
    let paths = spec.volumes.iter().filter_map(|volume| match &volume.source {
        Some(crate::model::VolumeSource::HostPath(path)) => Some(path.clone()),
        _ => None,
    });
    let paths: BTreeSet<Name> = paths.collect();
    paths.into_iter().collect()
}

/// Of a template and its pods, and of several sorts of pods, the weakest counts: admission, or a
/// change that is being rolled out, may make them different.
fn add(rows: &mut BTreeMap<(Name, Name), Workload>, key: (Name, Name), one: Workload) {
    let Some(known) = rows.remove(&key) else {
        rows.insert(key, one);
        return;
    };
    let mut violations = known.violations;
    for violation in one.violations {
        if !violations.contains(&violation) {
            violations.push(violation);
        }
    }
    violations.sort_by_key(|violation| violation.level);
    let all = |mut one: Vec<Name>, other: Vec<Name>| {
        one.extend(other);
        one.sort();
        one.dedup();
        one
    };
    let mut host_namespaces = known.host_namespaces;
    host_namespaces.extend(one.host_namespaces);
    host_namespaces.sort_unstable();
    host_namespaces.dedup();
    let folded = Workload {
        pods: known.pods + one.pods,
        token: known.token.max(one.token),
        level: match (known.level, one.level) {
            (Some(_), Some(_)) => Some(level(&violations)),
            (Some(Level::Privileged), _) | (_, Some(Level::Privileged)) => Some(Level::Privileged),
            _ => None,
        },
        violations,
        root: known.root.max(one.root),
        privileged: all(known.privileged, one.privileged),
        host_namespaces,
        host_paths: all(known.host_paths, one.host_paths),
        unread_volumes: all(known.unread_volumes, one.unread_volumes),
        capabilities: all(known.capabilities, one.capabilities),
        isolation: Isolation::or_weaker(known.isolation, one.isolation),
        secrets: all(known.secrets, one.secrets),
        tokens_of: all(known.tokens_of, one.tokens_of),
        runs_as: known.runs_as.or(one.runs_as),
        kind: known.kind,
        namespace: known.namespace,
        name: known.name,
    };
    rows.insert(key, folded);
}
