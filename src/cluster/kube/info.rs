//! Which cluster it is, and who looks.

use futures::future::join5;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::connection::{Ask, Connection};
use super::target::short_name;
use crate::cluster::{Error, UserInfo};
use crate::model::{ClusterInfo, Name};

/// One object's metadata and nothing else.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// Asks.
///
/// # Errors
/// Where the cluster cannot be reached or does not accept the credentials, or may not be told from
/// another for a passing reason.
pub(super) async fn ask(connection: &Connection, name: Option<&str>) -> Result<ClusterInfo, Error> {
    let (version, id, operator, impersonator, authorizers) = join5(
        version(connection),
        id(connection),
        who(connection, true),
        async { if connection.impersonates() { who(connection, false).await } else { Ok(None) } },
        authorizers(connection),
    )
    .await;
    Ok(ClusterInfo {
        id: id?,
        server_version: version?,
        operator: operator?,
        impersonator: impersonator?,
        authorizers: authorizers?,
        ..known(connection, name)
    })
}

/// What the kubeconfig alone says.
pub(super) fn known(connection: &Connection, name: Option<&str>) -> ClusterInfo {
    let target = &connection.target;
    ClusterInfo {
        name: name.unwrap_or_else(|| short_name(&target.context)).into(),
        context: target.context.as_str().into(),
        server: target.server.as_str().into(),
        ..ClusterInfo::default()
    }
}

/// What was answered; None where it is not for this user, or not served.
fn unless_refused(answer: Result<Value, Error>) -> Result<Option<Value>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(Error::Forbidden { .. } | Error::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn version(connection: &Connection) -> Result<Option<Name>, Error> {
    let answer = connection.json(&Ask::get("ask for the version", "/version")).await;
    if let Err(Error::NotFound { tried }) = answer {
        let server = &connection.target.server;
        let cause = format!(
            "{server}: no API server answers there: every one has /version; the path in the \
             server's URL may be wrong"
        );
        return Err(Error::Unreachable { tried, cause });
    }
    let version = unless_refused(answer)?;
    Ok(version.and_then(|version| version["gitVersion"].as_str().map(Name::from)))
}

/// The UID of the namespace kube-system is the same for everybody and for as long as the cluster
/// lives. Who may not see it tells clusters apart by their CA.
async fn id(connection: &Connection) -> Result<Name, Error> {
    let ask = Ask::get("identify the cluster", "/api/v1/namespaces/kube-system");
    let answer = connection.json(&ask.accepting(METADATA)).await;
    let uid = unless_refused(answer)?;
    if let Some(uid) = uid.as_ref().and_then(|answer| answer["metadata"]["uid"].as_str()) {
        return Ok(uid.into());
    }
    if connection.authority.is_empty() {
        return Ok(format!("server:{}", connection.target.server).into());
    }
    let mut hash = Sha256::new();
    for certificate in &connection.authority {
        hash.update(certificate);
    }
    Ok(format!("ca:{:x}", hash.finalize()).into())
}

/// The user's name, as the API server calls them.
async fn who(connection: &Connection, impersonating: bool) -> Result<Option<Name>, Error> {
    Ok(user(connection, impersonating).await?.map(|user| user.user))
}

/// The user, as the API server authenticated them.
///
/// # Errors
/// Where it does not answer, or does not let them impersonate.
pub(super) async fn user(
    connection: &Connection,
    impersonating: bool,
) -> Result<Option<UserInfo>, Error> {
    let Some(mut user) = one(connection, impersonating).await? else { return Ok(None) };
    if impersonating
        && connection.impersonates()
        && let Some(real) = one(connection, false).await?
    {
        // What is presented is the credential of whoever acts as another.
        user.behind = Some(real.user);
        user.credential = real.credential;
        user.pod = real.pod;
    }
    Ok(Some(user))
}

async fn one(connection: &Connection, impersonating: bool) -> Result<Option<UserInfo>, Error> {
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let path = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    let ask = Ask { impersonating, ..Ask::post("ask who this is", path, &review) };
    // Under impersonation a refusal is most likely one of impersonating, which concerns everything.
    let answer = match connection.json(&ask).await {
        Err(error @ Error::Forbidden { .. }) if impersonating && connection.impersonates() => {
            return Err(error);
        }
        answer => unless_refused(answer)?,
    };
    let info = answer.as_ref().map(|review| &review["status"]["userInfo"]);
    Ok(info.and_then(|info| {
        let groups = info["groups"].as_array().into_iter().flatten();
        let extra = |key: &str| {
            let key = format!("authentication.kubernetes.io/{key}");
            info["extra"][key][0].as_str().map(Name::from)
        };
        Some(UserInfo {
            user: info["username"].as_str()?.into(),
            groups: groups.filter_map(|group| group.as_str().map(Name::from)).collect(),
            behind: None,
            credential: extra("credential-id"),
            pod: extra("pod-name"),
        })
    }))
}

/// Signs of authorizers beside RBAC: a rules review is incomplete where one cannot tell its rules.
async fn authorizers(connection: &Connection) -> Result<Vec<Name>, Error> {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": "default"},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let ask = Ask::post("ask for the rules that concern this user", path, &review);
    let Some(answer) = unless_refused(connection.json(&ask).await)? else {
        return Ok(Vec::new());
    };
    let status = &answer["status"];
    if status["incomplete"].as_bool() != Some(true) {
        return Ok(Vec::new());
    }
    let why = status["evaluationError"].as_str().filter(|why| !why.is_empty());
    Ok(vec![why.unwrap_or("a rules review is incomplete").into()])
}
