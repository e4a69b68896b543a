//! What is had by way of pods, and of Secrets that somebody makes.

use super::*;
use crate::model::{Pod, VolumeSource};

const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// All namespaces are restricted, and of a pod here nothing breaks that but a port of its node.
fn breaks_its_level(pod: &Pod) -> bool {
    pod.spec.containers.iter().any(|container| !container.ports.is_empty())
}

/// The Secrets that its one container mounts; it runs without them.
fn mounted(pod: &Pod) -> impl Iterator<Item = &Name> {
    pod.spec.volumes.iter().filter_map(|volume| match &volume.source {
        Some(VolumeSource::Secret(of)) => Some(&of.name),
        _ => None,
    })
}

impl Simulation {
    /// A container that is added to a pod names any Secret.
    pub(super) fn sees_in_pod(&self, who: &Context, ns: &str) -> bool {
        let add = ("", "pods", "ephemeralcontainers");
        let mut pods = self.objects.pods.iter().filter(|((place, _), _)| &**place == ns);
        pods.any(|((_, name), pod)| !breaks_its_level(pod) && self.can_change(who, add, ns, name))
    }

    /// Whether something is there that is not made a second time. Of workloads there are
    /// Deployments only.
    fn runs(&self, resource: &str, ns: &Name, name: &Name) -> bool {
        match resource {
            "pods" => self.objects.pods.contains_key(&(ns.clone(), name.clone())),
            "deployments" => {
                let mut all = self.objects.others.keys();
                all.any(|(_, place, have)| place == ns && have == name)
            }
            _ => false,
        }
    }

    pub(super) fn pods(&mut self, who: &Context) {
        const MAKERS: [(&str, &str, &str); 8] = [
            ("", "pods", ""),
            ("apps", "deployments", ""),
            ("apps", "statefulsets", ""),
            ("apps", "daemonsets", ""),
            ("apps", "replicasets", ""),
            ("", "replicationcontrollers", ""),
            ("batch", "jobs", ""),
            ("batch", "cronjobs", ""),
        ];
        for ns in self.namespaces.clone() {
            let names = self.names();
            let makes = |on: (&str, &str, &str)| {
                let free = |name: &&Name| {
                    !self.runs(on.1, &ns, name) || self.deletes_workload(who, on, &ns, name)
                };
                names.iter().filter(free).any(|name| self.can_make(who, on, &ns, name))
            };
            if MAKERS.into_iter().any(makes) {
                self.all_accounts(&ns);
            }
        }
        for ((kind, ns, name), _) in self.objects.others.clone() {
            assert_eq!(&*kind, "Deployment");
            let web = ("apps", "deployments", "");
            if !self.closed.contains(&ns) && self.can_change(who, web, &ns, &name) {
                self.all_accounts(&ns);
            }
        }
        for ((ns, name), pod) in self.objects.pods.clone() {
            let add = ("", "pods", "ephemeralcontainers");
            let adds = !breaks_its_level(&pod) && self.can_change(who, add, &ns, &name);
            let enters = self.enters(who, &ns, &name, &pod);
            if enters || adds {
                self.become_by(&ns, &pod.service_account, Some((ns.clone(), name.clone())));
            }
            for secret in mounted(&pod).filter(|_| enters) {
                let there = self.objects.secrets.get(&(ns.clone(), secret.clone())).cloned();
                let account = there.and_then(|of| of.meta.annotations.get(ACCOUNT).cloned());
                if let Some(account) = &account {
                    self.become_account(&ns, account);
                }
            }
        }
    }

    /// Whether somebody gets at what a pod's container sees.
    fn enters(&self, who: &Context, ns: &Name, name: &Name, pod: &Pod) -> bool {
        let exec = ("", "pods", "exec");
        let creates = self.may(who, "create", exec, ns, name);
        // By a websocket; since 1.35 `create` is asked for behind it, of the one in whose name it is.
        let gets = self.may(who, "get", exec, ns, name)
            && (self.minor < 35 || self.holds(who, "create", exec, ns, name));
        let node = pod.node.as_deref().unwrap_or_default();
        let kubelet = ("", "nodes", "proxy");
        // A pod that breaks the level stays as it is.
        let changes = !breaks_its_level(pod) && self.can_change(who, ("", "pods", ""), ns, name);
        creates
            || gets
            || changes
            || self.may(who, "get", kubelet, "", node)
            || self.may(who, "create", kubelet, "", node)
    }

    /// A Secret that somebody makes or changes is seen in the pods that refer to it.
    fn sees_mounted(&self, who: &Context, ns: &Name, secret: &Name) -> bool {
        let mut pods = self.objects.pods.iter().filter(|((place, _), _)| place == ns);
        pods.any(|((_, name), pod)| {
            mounted(pod).any(|have| have == secret) && self.enters(who, ns, name, pod)
        })
    }

    pub(super) fn make_and_read_secrets(&mut self) {
        let on = ("", "secrets", "");
        for ns in self.namespaces.clone() {
            let mut names = self.names();
            names.extend(self.objects.secrets.keys().map(|(_, name)| name.clone()));
            let works = names.iter().any(|name| {
                let makes = self.contexts.iter().any(|who| self.can_make(who, on, &ns, name));
                // One that is there can be made another account's.
                let there = self.objects.secrets.get(&(ns.clone(), name.clone()));
                let is_token =
                    there.is_some_and(|of| &*of.type_ == "kubernetes.io/service-account-token");
                let changes =
                    is_token && self.contexts.iter().any(|who| self.can_change(who, on, &ns, name));
                let reads = self.contexts.iter().any(|who| self.can_read_secret(who, &ns, name));
                let sees = || self.contexts.iter().any(|who| self.sees_mounted(who, &ns, name));
                ((makes || changes) && reads) || (((makes && there.is_none()) || changes) && sees())
            });
            if works {
                self.all_accounts(&ns);
            }
        }
    }
}
