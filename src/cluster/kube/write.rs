//! Writes: each sent once, whatever comes of it.

use std::time::Duration;

use async_trait::async_trait;
use http::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::connection::{Ask, Connection};
use super::{ConnectOptions, METADATA, pki};
use crate::cluster::certificate::{REQUESTS, SIGNED_WITHIN, approved};
use crate::cluster::{
    Address, CertificateAsk, DryRun, Error, IssuedCertificate, IssuedToken, Preconditions,
    TokenAsk, Writer, is_of_secrets,
};
use crate::model::CLIENT_SIGNER;

/// A live cluster, to be changed.
#[derive(Debug)]
pub(super) struct KubeWriter {
    connection: Connection,
}

impl KubeWriter {
    pub(super) fn new(options: &ConnectOptions) -> Result<Self, Error> {
        Ok(Self { connection: Connection::new(options)? })
    }
}

/// Who wrote, in `managedFields`.
fn query(dry: DryRun) -> &'static str {
    match dry {
        DryRun::Yes => "fieldManager=keybook&dryRun=All",
        DryRun::No => "fieldManager=keybook",
    }
}

/// What comes back of a Secret is its metadata.
fn as_metadata_of_secrets(ask: Ask, path: &str) -> Ask {
    if is_of_secrets(path) { ask.accepting(METADATA) } else { ask }
}

#[async_trait]
impl Writer for KubeWriter {
    async fn create(&self, collection: &str, object: &Value, dry: DryRun) -> Result<Value, Error> {
        let path = format!("{collection}?{}", query(dry));
        let ask = Ask::post(format!("create in {collection}"), path, object);
        self.connection.json(&as_metadata_of_secrets(ask, collection)).await
    }

    async fn replace(&self, path: &str, object: &Value, dry: DryRun) -> Result<Value, Error> {
        let full = format!("{path}?{}", query(dry));
        let ask = Ask::post(format!("replace {path}"), full, object);
        let ask = as_metadata_of_secrets(ask, path);
        self.connection.json(&Ask { method: Method::PUT, ..ask }).await
    }

    async fn patch(&self, path: &str, merge: &Value, dry: DryRun) -> Result<Value, Error> {
        let full = format!("{path}?{}", query(dry));
        let ask = Ask::post(format!("patch {path}"), full, merge);
        let ask = as_metadata_of_secrets(ask, path);
        let content_type = "application/merge-patch+json";
        self.connection.json(&Ask { method: Method::PATCH, content_type, ..ask }).await
    }

    async fn delete(&self, path: &str, only: &Preconditions, dry: DryRun) -> Result<(), Error> {
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions"});
        if let Some(uid) = &only.uid {
            options["preconditions"]["uid"] = json!(uid);
        }
        if let Some(version) = &only.resource_version {
            options["preconditions"]["resourceVersion"] = json!(version);
        }
        if dry == DryRun::Yes {
            options["dryRun"] = json!(["All"]);
        }
        let ask = Ask::post(format!("delete {path}"), path, &options);
        self.connection.bytes(&Ask { method: Method::DELETE, ..ask }).await.map(drop)
    }

    async fn request_token(&self, ask: &TokenAsk) -> Result<IssuedToken, Error> {
        let tried = format!("ask for a token of {}/{}", ask.namespace, ask.account);
        let answer = self.connection.bytes(&Ask::post(&tried, ask.path(), &ask.request())).await?;
        IssuedToken::read(&tried, &answer)
    }

    async fn request_certificate(&self, ask: &CertificateAsk) -> Result<IssuedCertificate, Error> {
        let tried = format!("have a certificate of {:?} signed", ask.user);
        let collection = format!("{REQUESTS}?{}", query(DryRun::No));
        let made = self.connection.json(&Ask::post(&tried, collection, &ask.object())).await?;
        let failed = |cause: String| Error::Failed { tried: tried.clone(), cause, status: None };
        let name = made["metadata"]["name"].as_str().map(ToOwned::to_owned);
        let name = name.ok_or_else(|| failed("the answer names no request".to_owned()))?;
        let path = format!("{REQUESTS}/{name}");
        let approval = format!("{path}/approval?{}", query(DryRun::No));
        let approve = Ask::post(format!("approve {path}"), approval, &approved(made));
        let mut request = self.connection.json(&Ask { method: Method::PUT, ..approve }).await?;
        let deadline = Instant::now() + SIGNED_WITHIN;
        let mut pause = Duration::from_millis(50);
        loop {
            if let Some(issued) = IssuedCertificate::read(&tried, &request, &ask.user)? {
                return Ok(issued);
            }
            if Instant::now() + pause > deadline {
                let seconds = SIGNED_WITHIN.as_secs();
                return Err(failed(format!(
                    "the request {name} was approved, and in {seconds} seconds nothing signed it: no \
                     signer may run for {CLIENT_SIGNER}"
                )));
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            request = self.connection.json(&Ask::get(format!("read {path}"), &path)).await?;
        }
    }

    fn address(&self) -> Result<Address, Error> {
        let target = &self.connection.target;
        Ok(Address {
            server: target.server.clone(),
            authority: pki::authority(&target.cluster)?,
            tls_server_name: target.cluster.tls_server_name.clone(),
            insecure: target.cluster.insecure_skip_tls_verify,
            proxy: target.cluster.proxy_url.clone(),
        })
    }
}
