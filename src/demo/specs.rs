//! What the company's pods may do on their nodes, which Secrets are in them, what isolates them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::objects::Make;
use crate::model::{
    Capabilities, Container, LabelSelector, Name, NetworkPolicySpec, Object, ObjectBody,
    OtherObject, PodSpec, PodTemplate, Projection, SecretFiles, SecurityContext, TemplateMeta,
    TokenFile, Typed, Volume, VolumeMount, VolumeSource,
};

/// Namespaces of whose pods nobody is let in from outside, nor out.
const ISOLATED: &[&str] = &["payments", "checkout"];

pub(super) fn labels(account: &str) -> BTreeMap<Name, Name> {
    BTreeMap::from([("app".into(), account.into())])
}

/// What a workload of the account makes pods of.
pub(super) fn template(namespace: &str, account: &str) -> PodTemplate {
    PodTemplate {
        metadata: TemplateMeta { labels: labels(account), ..TemplateMeta::default() },
        spec: spec(namespace, account),
    }
}

/// The same with what the API server adds: the account's token.
pub(super) fn of_pod(namespace: &str, account: &str) -> PodSpec {
    let mut spec = spec(namespace, account);
    if spec.automount_service_account_token == Some(false) {
        return spec;
    }
    let token = Projection::Token(TokenFile { audience: None, path: "token".into() });
    let source = Some(VolumeSource::Projected(vec![token, Projection::Other, Projection::Other]));
    spec.volumes.push(Volume { name: "kube-api-access".into(), source });
    for container in &mut spec.containers {
        container.volume_mounts.push(VolumeMount {
            name: "kube-api-access".into(),
            mount_path: "/var/run/secrets/kubernetes.io/serviceaccount".into(),
            ..VolumeMount::default()
        });
    }
    spec
}

fn spec(namespace: &str, account: &str) -> PodSpec {
    let mut spec = PodSpec::default();
    let mut context = SecurityContext::default();
    match (namespace, account) {
        // Builds images, with the node's own container runtime.
        ("ci", "runner") => {
            context.privileged = Some(true);
            let path = Some(VolumeSource::HostPath("/var/run/containerd".into()));
            spec.volumes.push(Volume { name: "runtime".into(), source: path });
        }
        ("ingress", _) => {
            let add = vec!["NET_ADMIN".into()];
            context.capabilities = Some(Capabilities { add, drop: Vec::new() });
            spec.host_network = account.starts_with("ingress");
        }
        ("payments" | "checkout", _) => {
            context = SecurityContext {
                allow_privilege_escalation: Some(false),
                run_as_non_root: Some(true),
                capabilities: Some(Capabilities { add: Vec::new(), drop: vec!["ALL".into()] }),
                seccomp_profile: Some(Typed { type_: "RuntimeDefault".into() }),
                ..SecurityContext::default()
            };
            let name = format!("{account}-db");
            let source = Some(VolumeSource::Secret(SecretFiles::whole(name)));
            spec.volumes.push(Volume { name: "db".into(), source });
        }
        _ => {}
    }
    let mounts = spec.volumes.iter().map(|volume| VolumeMount {
        name: volume.name.clone(),
        mount_path: format!("/mnt/{}", volume.name).into(),
        ..VolumeMount::default()
    });
    spec.containers = vec![Container {
        name: "app".into(),
        volume_mounts: mounts.collect(),
        security_context: (context != SecurityContext::default()).then(|| context.into()),
        ..Container::default()
    }];
    spec
}

/// Nobody in or out of the pods of some namespaces, unless a rule says so; there is none.
pub(super) fn network_policies(make: &Make) -> impl Iterator<Item = Object> + use<'_> {
    ISOLATED.iter().map(|namespace| {
        let spec = NetworkPolicySpec {
            pod_selector: LabelSelector::default(),
            policy_types: vec!["Ingress".into(), "Egress".into()],
            ..NetworkPolicySpec::default()
        };
        Object::Other(OtherObject {
            api_version: "networking.k8s.io/v1".into(),
            kind: "NetworkPolicy".into(),
            meta: make.meta("NetworkPolicy", namespace, "default-deny", 300),
            service_account: None,
            body: ObjectBody::NetworkPolicy(Arc::new(spec)),
        })
    })
}
