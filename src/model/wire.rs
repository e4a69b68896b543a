//! Objects from and to the JSON form in which the API server and kubectl print them.

mod other;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bootstrap_token::WireBootstrapToken;
use super::object::{empty_none, null_default};
use super::{
    AggregationRule, Binding, BindingKind, BindingSubject, CertificateSigningRequest, ConfigMap,
    Meta, Name, Namespace, Object, Pod, PodSpec, PolicyRule, Role, RoleKind, RoleRef, Secret,
    ServiceAccount,
};

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireRole {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    rules: Vec<PolicyRule>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    aggregation_rule: Option<AggregationRule>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireBinding {
    metadata: Meta,
    role_ref: RoleRef,
    #[serde(default, deserialize_with = "null_default")]
    subjects: Vec<BindingSubject>,
}

#[derive(Deserialize, Serialize, Default)]
struct LocalReference {
    #[serde(default, deserialize_with = "null_default")]
    name: Name,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireServiceAccount {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<LocalReference>,
    #[serde(default, deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    image_pull_secrets: Vec<LocalReference>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    automount_service_account_token: Option<bool>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WirePod {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    spec: PodSpec,
    #[serde(default, deserialize_with = "null_default")]
    status: WirePodStatus,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WirePodStatus {
    #[serde(deserialize_with = "null_default")]
    phase: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<DateTime<Utc>>,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    ephemeral_container_statuses: Vec<WireContainerStatus>,
    #[serde(
        rename = "podIPs",
        deserialize_with = "null_default",
        skip_serializing_if = "Vec::is_empty"
    )]
    pod_ips: Vec<WirePodIp>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct WireContainerStatus {
    #[serde(deserialize_with = "null_default")]
    name: Name,
    #[serde(deserialize_with = "null_default")]
    state: WireContainerState,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct WireContainerState {
    #[serde(skip_serializing_if = "Option::is_none")]
    terminated: Option<WireEnd>,
}

/// Only that it has ended is kept.
#[derive(Deserialize, Serialize, Default)]
struct WireEnd {}

impl WirePodStatus {
    /// What is kept of a pod's status.
    fn of(pod: &Pod) -> Self {
        let ended = pod.spec.ephemeral_containers.iter().filter(|one| one.ended);
        let statuses = ended.map(|one| WireContainerStatus {
            name: one.name.clone(),
            state: WireContainerState { terminated: Some(WireEnd {}) },
        });
        Self {
            phase: pod.phase.clone(),
            start_time: pod.started,
            ephemeral_container_statuses: statuses.collect(),
            pod_ips: pod.ips.iter().map(|ip| WirePodIp { ip: ip.to_string().into() }).collect(),
        }
    }

    fn has_ended(&self, name: &Name) -> bool {
        let mut all = self.ephemeral_container_statuses.iter();
        all.any(|one| one.name == *name && one.state.terminated.is_some())
    }
}

#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct WirePodIp {
    #[serde(deserialize_with = "null_default")]
    ip: Name,
}

#[derive(Deserialize, Serialize)]
struct WireCsr {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    spec: WireCsrSpec,
    #[serde(default, deserialize_with = "null_default")]
    status: WireCsrStatus,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireCsrSpec {
    #[serde(deserialize_with = "null_default")]
    username: Name,
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Name>,
    #[serde(deserialize_with = "null_default")]
    signer_name: Name,
    #[serde(skip_serializing_if = "Option::is_none")]
    expiration_seconds: Option<i64>,
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    request: Option<Name>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(default)]
struct WireCsrStatus {
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    conditions: Vec<WireCondition>,
    #[serde(deserialize_with = "empty_none", skip_serializing_if = "Option::is_none")]
    certificate: Option<Name>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WireCondition {
    #[serde(rename = "type")]
    type_: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_update_time: Option<DateTime<Utc>>,
}

#[derive(Deserialize, Serialize)]
struct WireConfigMap {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    data: BTreeMap<Name, Name>,
}

/// A Secret is read through this type only: whatever else the text holds is skipped by the
/// parser and never becomes a value.
#[derive(Deserialize)]
struct WireSecret {
    metadata: Meta,
    #[serde(rename = "type", default, deserialize_with = "null_default")]
    type_: Name,
    #[serde(default, deserialize_with = "null_default")]
    immutable: bool,
}

fn names(references: Vec<LocalReference>) -> Vec<Name> {
    references.into_iter().map(|reference| reference.name).collect()
}

fn references(names: &[Name]) -> Vec<LocalReference> {
    names.iter().map(|name| LocalReference { name: name.clone() }).collect()
}

/// What a text of some `apiVersion` and `kind` is to a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Role(RoleKind),
    Binding(BindingKind),
    Namespace,
    ServiceAccount,
    Secret,
    Pod,
    Csr,
    ConfigMap,
    Other,
}

/// Group and kind decide, never the version: `v1beta1` RBAC in old exports reads the same.
fn known(api_version: &str, kind: &str) -> Option<Known> {
    let group = api_version.split_once('/').map_or("", |(group, _)| group);
    Some(match (group, kind) {
        ("rbac.authorization.k8s.io", "ClusterRole") => Known::Role(RoleKind::ClusterRole),
        ("rbac.authorization.k8s.io", "Role") => Known::Role(RoleKind::Role),
        ("rbac.authorization.k8s.io", "ClusterRoleBinding") => {
            Known::Binding(BindingKind::ClusterRoleBinding)
        }
        ("rbac.authorization.k8s.io", "RoleBinding") => Known::Binding(BindingKind::RoleBinding),
        ("", "Namespace") => Known::Namespace,
        ("", "ServiceAccount") => Known::ServiceAccount,
        ("", "Secret") => Known::Secret,
        ("", "Pod") => Known::Pod,
        ("", "ConfigMap") => Known::ConfigMap,
        ("certificates.k8s.io", "CertificateSigningRequest") => Known::Csr,
        ("apps", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        | ("batch", "Job" | "CronJob")
        | ("", "ReplicationController")
        | ("networking.k8s.io", "NetworkPolicy")
        | ("flowcontrol.apiserver.k8s.io", "FlowSchema" | "PriorityLevelConfiguration")
        | (
            "admissionregistration.k8s.io",
            "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration",
        )
        | ("apiextensions.k8s.io", "CustomResourceDefinition")
        | ("oauth.openshift.io", "OAuthAccessToken")
        | ("rbacmanager.reactiveops.io", "RBACDefinition") => Known::Other,
        _ => return None,
    })
}

impl Object {
    /// Whether a snapshot has a place for objects of this `apiVersion` and `kind`.
    pub fn is_known(api_version: &str, kind: &str) -> bool {
        known(api_version, kind).is_some()
    }

    /// Reads one object of a known kind; `None` for a kind that a snapshot has no place for.
    ///
    /// # Errors
    /// What the parser says where the text has not the form of that kind.
    pub fn read<'de, D: serde::Deserializer<'de>>(
        api_version: &str,
        kind: &str,
        source: D,
    ) -> Result<Option<Self>, D::Error> {
        let Some(known) = known(api_version, kind) else {
            return Ok(None);
        };
        let object = match known {
            Known::Role(kind) => {
                let wire = WireRole::deserialize(source)?;
                Self::Role(Role {
                    kind,
                    meta: wire.metadata,
                    rules: wire.rules,
                    aggregation: wire.aggregation_rule,
                })
            }
            Known::Binding(kind) => {
                let wire = WireBinding::deserialize(source)?;
                Self::Binding(Binding {
                    kind,
                    meta: wire.metadata,
                    role_ref: wire.role_ref,
                    subjects: wire.subjects,
                })
            }
            Known::Namespace => {
                #[derive(Deserialize)]
                struct Wire {
                    metadata: Meta,
                }
                Self::Namespace(Namespace { meta: Wire::deserialize(source)?.metadata })
            }
            Known::ServiceAccount => {
                let wire = WireServiceAccount::deserialize(source)?;
                Self::ServiceAccount(ServiceAccount {
                    meta: wire.metadata,
                    secrets: names(wire.secrets),
                    image_pull_secrets: names(wire.image_pull_secrets),
                    automount: wire.automount_service_account_token,
                })
            }
            Known::Secret => {
                let wire = WireSecret::deserialize(source)?;
                Self::Secret(Secret {
                    meta: wire.metadata,
                    type_: wire.type_,
                    immutable: wire.immutable,
                    bootstrap: None,
                })
            }
            Known::Pod => {
                let mut wire = WirePod::deserialize(source)?;
                for one in &mut wire.spec.ephemeral_containers {
                    one.ended = wire.status.has_ended(&one.name);
                }
                Self::Pod(Pod {
                    meta: wire.metadata,
                    service_account: std::mem::take(&mut wire.spec.service_account_name),
                    node: wire.spec.node_name.take(),
                    phase: wire.status.phase,
                    started: wire.status.start_time,
                    ips: wire.status.pod_ips.iter().filter_map(|of| of.ip.parse().ok()).collect(),
                    spec: wire.spec.into(),
                })
            }
            Known::Csr => {
                let wire = WireCsr::deserialize(source)?;
                let conditions = wire.status.conditions;
                let approved = conditions.iter().find(|condition| &*condition.type_ == "Approved");
                Self::CertificateSigningRequest(CertificateSigningRequest {
                    meta: wire.metadata,
                    requester: wire.spec.username,
                    requester_groups: wire.spec.groups,
                    signer: wire.spec.signer_name,
                    expiration_seconds: wire.spec.expiration_seconds,
                    approved: approved.and_then(|condition| condition.last_update_time),
                    conditions: conditions.into_iter().map(|c| c.type_).collect(),
                    certificate: wire.status.certificate,
                    request: wire.spec.request,
                })
            }
            Known::ConfigMap => {
                let wire = WireConfigMap::deserialize(source)?;
                Self::ConfigMap(ConfigMap { meta: wire.metadata, data: wire.data })
            }
            Known::Other => Self::Other(other::read(api_version, kind, source)?),
        };
        Ok(Some(object.without_copies()))
    }

    /// Reads a Secret that holds a bootstrap token, with what of its data is no secret.
    ///
    /// # Errors
    /// What the parser says where the text has not the form of a Secret.
    pub fn read_bootstrap_token<'de, D: serde::Deserializer<'de>>(
        source: D,
    ) -> Result<Self, D::Error> {
        Ok(Self::Secret(WireBootstrapToken::deserialize(source)?.into()).without_copies())
    }

    /// The object's metadata.
    pub fn meta(&self) -> &Meta {
        match self {
            Self::Role(object) => &object.meta,
            Self::Binding(object) => &object.meta,
            Self::Namespace(object) => &object.meta,
            Self::ServiceAccount(object) => &object.meta,
            Self::Secret(object) => &object.meta,
            Self::Pod(object) => &object.meta,
            Self::CertificateSigningRequest(object) => &object.meta,
            Self::ConfigMap(object) => &object.meta,
            Self::Other(object) => &object.meta,
        }
    }

    /// The object's metadata, to change it.
    pub fn meta_mut(&mut self) -> &mut Meta {
        match self {
            Self::Role(object) => &mut object.meta,
            Self::Binding(object) => &mut object.meta,
            Self::Namespace(object) => &mut object.meta,
            Self::ServiceAccount(object) => &mut object.meta,
            Self::Secret(object) => &mut object.meta,
            Self::Pod(object) => &mut object.meta,
            Self::CertificateSigningRequest(object) => &mut object.meta,
            Self::ConfigMap(object) => &mut object.meta,
            Self::Other(object) => &mut object.meta,
        }
    }

    /// The object as kubectl would print the fields that keybook keeps, `apiVersion` and
    /// `kind` included. A Secret comes out as metadata and type.
    pub fn to_json(&self) -> Value {
        let (api_version, kind, mut body) = match self {
            Self::Role(role) => (
                "rbac.authorization.k8s.io/v1",
                role.kind.as_str(),
                json!(WireRole {
                    metadata: role.meta.clone(),
                    rules: role.rules.clone(),
                    aggregation_rule: role.aggregation.clone(),
                }),
            ),
            Self::Binding(binding) => (
                "rbac.authorization.k8s.io/v1",
                binding.kind.as_str(),
                json!(WireBinding {
                    metadata: binding.meta.clone(),
                    role_ref: binding.role_ref.clone(),
                    subjects: binding.subjects.clone(),
                }),
            ),
            Self::Namespace(ns) => ("v1", "Namespace", json!({ "metadata": ns.meta })),
            Self::ServiceAccount(account) => (
                "v1",
                "ServiceAccount",
                json!(WireServiceAccount {
                    metadata: account.meta.clone(),
                    secrets: references(&account.secrets),
                    image_pull_secrets: references(&account.image_pull_secrets),
                    automount_service_account_token: account.automount,
                }),
            ),
            Self::Secret(secret) => {
                let mut body = json!({ "metadata": secret.meta, "type": secret.type_ });
                if secret.immutable {
                    body["immutable"] = json!(true);
                }
                ("v1", "Secret", body)
            }
            Self::Pod(pod) => (
                "v1",
                "Pod",
                json!(WirePod {
                    metadata: pod.meta.clone(),
                    spec: PodSpec {
                        service_account_name: pod.service_account.clone(),
                        node_name: pod.node.clone(),
                        ..(*pod.spec).clone()
                    },
                    status: WirePodStatus::of(pod),
                }),
            ),
            Self::CertificateSigningRequest(csr) => (
                "certificates.k8s.io/v1",
                "CertificateSigningRequest",
                json!(WireCsr {
                    metadata: csr.meta.clone(),
                    spec: WireCsrSpec {
                        username: csr.requester.clone(),
                        groups: csr.requester_groups.clone(),
                        signer_name: csr.signer.clone(),
                        expiration_seconds: csr.expiration_seconds,
                        request: csr.request.clone(),
                    },
                    status: WireCsrStatus {
                        conditions: csr
                            .conditions
                            .iter()
                            .map(|type_| WireCondition {
                                type_: type_.clone(),
                                last_update_time: csr.approved.filter(|_| &**type_ == "Approved"),
                            })
                            .collect(),
                        certificate: csr.certificate.clone(),
                    },
                }),
            ),
            Self::ConfigMap(map) => (
                "v1",
                "ConfigMap",
                json!(WireConfigMap { metadata: map.meta.clone(), data: map.data.clone() }),
            ),
            Self::Other(other) => (&*other.api_version, &*other.kind, other::body(other)),
        };
        body["apiVersion"] = json!(api_version);
        body["kind"] = json!(kind);
        body
    }
}

#[cfg(test)]
mod tests;
