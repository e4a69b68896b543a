//! Objects of which little is kept: workloads, `NetworkPolicies`, access tokens of OpenShift.

use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::null_default;
use crate::model::{
    DefinedBinding, FlowSchemaSpec, ListKind, Meta, Name, NetworkPolicySpec, OAuthToken,
    ObjectBody, OtherObject, PodSpec, PodTemplate, PriorityLevelSpec,
};

#[derive(Deserialize)]
struct Plain {
    metadata: Meta,
}

#[derive(Deserialize)]
struct Workload {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    spec: WorkloadSpec,
    #[serde(default, deserialize_with = "null_default")]
    status: WorkloadStatus,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WorkloadStatus {
    #[serde(deserialize_with = "null_default")]
    conditions: Vec<Condition>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Condition {
    #[serde(rename = "type", deserialize_with = "null_default")]
    type_: Name,
    #[serde(deserialize_with = "null_default")]
    status: Name,
}

impl WorkloadStatus {
    /// Whether it is of a Job that makes no pod any more
    /// (`pkg/controller/job/job_controller.go`, `IsJobFinished`).
    fn has_ended(&self) -> bool {
        let ends = |one: &Condition| matches!(&*one.type_, "Complete" | "Failed");
        self.conditions.iter().any(|one| ends(one) && &*one.status == "True")
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WorkloadSpec {
    template: Option<PodTemplate>,
    job_template: Option<Box<JobTemplate>>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct JobTemplate {
    spec: WorkloadSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RbacDefinition {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    rbac_bindings: Vec<DefinedBinding>,
}

#[derive(Deserialize)]
struct NetworkPolicy {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    spec: NetworkPolicySpec,
}

#[derive(Deserialize)]
struct FlowSchema {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    spec: FlowSchemaSpec,
}

#[derive(Deserialize)]
struct PriorityLevel {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    spec: PriorityLevelSpec,
}

/// What else it holds, other tokens among it, is skipped by the parser.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessToken {
    metadata: Meta,
    #[serde(default, deserialize_with = "null_default")]
    user_name: Name,
    #[serde(default, deserialize_with = "null_default")]
    client_name: Name,
    #[serde(default, deserialize_with = "null_default")]
    expires_in: i64,
    #[serde(default, deserialize_with = "null_default")]
    inactivity_timeout_seconds: i32,
    #[serde(default, deserialize_with = "null_default")]
    scopes: Vec<Name>,
}

pub(super) fn read<'de, D: Deserializer<'de>>(
    api_version: &str,
    kind: &str,
    source: D,
) -> Result<OtherObject, D::Error> {
    let mut service_account = None;
    let (meta, body) = match (ListKind::of_other(kind), kind) {
        (Some(ListKind::Workloads), _) => {
            let Workload { metadata, spec, status } = Workload::deserialize(source)?;
            let template =
                spec.template.or_else(|| spec.job_template.and_then(|job| job.spec.template));
            // What makes no pod any more is nobody's workload.
            let template = template.filter(|_| kind != "Job" || !status.has_ended());
            let body = template.map_or(ObjectBody::None, |mut template| {
                let account = std::mem::take(&mut template.spec.service_account_name);
                service_account = Some(account).filter(|name| !name.is_empty());
                template.spec.node_name = None;
                ObjectBody::Workload(template.into())
            });
            (metadata, body)
        }
        (Some(ListKind::NetworkPolicies), _) => {
            let NetworkPolicy { metadata, spec } = NetworkPolicy::deserialize(source)?;
            (metadata, ObjectBody::NetworkPolicy(spec.into()))
        }
        (Some(ListKind::FlowSchemas), _) => {
            let FlowSchema { metadata, spec } = FlowSchema::deserialize(source)?;
            (metadata, ObjectBody::FlowSchema(spec.into()))
        }
        (Some(ListKind::PriorityLevels), _) => {
            let PriorityLevel { metadata, spec } = PriorityLevel::deserialize(source)?;
            (metadata, ObjectBody::PriorityLevel(spec.into()))
        }
        (Some(ListKind::RbacDefinitions), _) => {
            let RbacDefinition { metadata, rbac_bindings } = RbacDefinition::deserialize(source)?;
            (metadata, ObjectBody::RbacDefinition(rbac_bindings.into()))
        }
        (Some(ListKind::OAuthTokens), _) => {
            let wire = AccessToken::deserialize(source)?;
            let mut metadata = wire.metadata;
            metadata.name = without_token(&metadata.name);
            // Nothing but the name is needed of it, and nothing else may repeat it.
            metadata.annotations.clear();
            let token = OAuthToken {
                user_name: wire.user_name,
                client_name: wire.client_name,
                expires_in: wire.expires_in,
                inactivity_timeout_seconds: wire.inactivity_timeout_seconds,
                scopes: wire.scopes,
            };
            (metadata, ObjectBody::OAuthToken(token))
        }
        _ => (Plain::deserialize(source)?.metadata, ObjectBody::None),
    };
    Ok(OtherObject {
        api_version: api_version.into(),
        kind: kind.into(),
        meta,
        service_account,
        body,
    })
}

/// The name of an access token's object. Since OpenShift 4.6 it is a hash, `sha256~…`; before, it was
/// the token itself, of which nothing but a hash leaves this function.
fn without_token(name: &Name) -> Name {
    if name.starts_with("sha256~") || name.starts_with("hashed-") {
        return name.clone();
    }
    format!("hashed-{:x}", Sha256::digest(name.as_bytes())).into()
}

/// The body of an object without `apiVersion` and `kind`.
pub(super) fn body(other: &OtherObject) -> Value {
    let mut body = json!({ "metadata": other.meta });
    match &other.body {
        ObjectBody::None => {}
        ObjectBody::Workload(template) => {
            let spec = PodSpec {
                service_account_name: other.service_account.clone().unwrap_or_default(),
                ..template.spec.clone()
            };
            let template =
                json!({ "template": PodTemplate { metadata: template.metadata.clone(), spec } });
            body["spec"] = if &*other.kind == "CronJob" {
                json!({ "jobTemplate": { "spec": template } })
            } else {
                template
            };
        }
        ObjectBody::NetworkPolicy(spec) => body["spec"] = json!(spec),
        ObjectBody::FlowSchema(spec) => body["spec"] = json!(spec),
        ObjectBody::PriorityLevel(spec) => body["spec"] = json!(spec),
        ObjectBody::RbacDefinition(bindings) => body["rbacBindings"] = json!(**bindings),
        ObjectBody::OAuthToken(token) => {
            if let (Value::Object(body), Value::Object(fields)) = (&mut body, json!(token)) {
                body.extend(fields);
            }
        }
    }
    body
}
