//! A live API server, by way of the kube crate: the only place that knows it.
//!
//! kube brings TLS, proxies, connections and OIDC tokens. Everything where keybook's promises are
//! at stake is done here: kubeconfig files as kubectl reads them, proxies as Go chooses them, exec
//! plugins without a terminal and with a limit, deadlines for all, no retries, Secrets by metadata
//! only, and errors that say what to do.

mod answer;
mod connection;
mod credentials;
mod decode;
mod discovery;
mod exec;
mod info;
mod kubeconfig;
mod logs;
mod options;
mod pki;
mod proxy;
mod target;
mod trouble;
mod watch;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

pub use options::{ConnectOptions, Variables};
pub use target::{ContextInfo, contexts, namespace};

use self::connection::{Ask, Connection, JSON};
use self::decode::Listed;
use super::{
    Cluster, Error, Events, Extent, Page, SecretForm, ServedLog, Source, UserInfo, Writer,
    is_of_secrets, without_copies,
};
use crate::model::{ClusterInfo, Discovery, ListKind, Name};

/// Objects of a page, where only their owners matter.
const OWNED_PAGE: &str = "500";

/// A page of metadata and nothing else.
const METADATA_LIST: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";

/// Events of metadata and nothing else.
const METADATA: &str = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1";

/// An object as kubectl prints it: a row, and nothing else.
const TABLE: &str = "application/json;as=Table;g=meta.k8s.io;v=v1";

/// Pages longer than this are read on a thread of their own, so that nothing else waits for it.
const LONG: usize = 64 << 10;

/// Prepares to read a cluster. Nothing is sent, and no exec plugin run, before the first call.
/// Must be called within a tokio runtime.
///
/// # Errors
/// [`Error::Config`] where kubeconfig and flags do not say where to connect and as whom.
pub async fn connect(options: &ConnectOptions) -> Result<Arc<dyn Cluster>, Error> {
    let options = options.clone();
    let (name, read_bootstrap) = (options.name.clone(), options.read_bootstrap);
    let connection = prepared(move || Connection::new(&options)).await?;
    Ok(Arc::new(KubeCluster { connection, name, read_bootstrap }))
}

/// Prepares to change a cluster: the only way to it.
///
/// # Errors
/// As for [`connect`].
pub async fn connect_writer(options: &ConnectOptions) -> Result<Arc<dyn Writer>, Error> {
    let options = options.clone();
    Ok(Arc::new(prepared(move || write::KubeWriter::new(&options)).await?))
}

/// Reads files away from what else is going on.
async fn prepared<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::Config { tried: "prepare a connection".to_owned(), cause: error.to_string() })
    })
}

/// A live cluster.
#[derive(Debug)]
struct KubeCluster {
    connection: Connection,
    name: Option<String>,
    read_bootstrap: bool,
}

impl KubeCluster {
    /// A source as it is asked for here: bootstrap tokens whole, where somebody wants to know until
    /// when they are good.
    fn asked(&self, source: &Source) -> Source {
        let whole = self.read_bootstrap && source.list == ListKind::BootstrapTokens;
        Source { metadata_only: source.metadata_only && !whole, ..*source }
    }
}

/// What was asked for as metadata came whole, and was dropped.
fn not_metadata(tried: &str) -> Error {
    Error::Failed {
        tried: tried.to_owned(),
        cause:
            "the server sent whole Secrets where only metadata was asked for; they were dropped \
                unread, and will not be asked for again"
                .to_owned(),
        status: Some(200),
    }
}

/// The one Secret of a table; None where it is not printed as it always was.
fn form_of(table: &Value) -> Option<SecretForm> {
    let columns = table["columnDefinitions"].as_array()?;
    let cell = |name: &str| {
        let at = columns.iter().position(|column| column["name"] == name)?;
        table["rows"][0]["cells"].get(at)
    };
    Some(SecretForm {
        type_: cell("Type")?.as_str()?.into(),
        entries: cell("Data").and_then(Value::as_u64),
    })
}

/// A query, encoded.
fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[async_trait]
impl Cluster for KubeCluster {
    fn known(&self) -> ClusterInfo {
        info::known(&self.connection, self.name.as_deref())
    }

    async fn info(&self) -> Result<ClusterInfo, Error> {
        info::ask(&self.connection, self.name.as_deref()).await
    }

    async fn discovery(&self) -> Result<Discovery, Error> {
        discovery::discover(&self.connection).await
    }

    async fn list(
        &self,
        source: &Source,
        extent: &Extent,
        limit: u32,
        next: Option<&str>,
    ) -> Result<Page, Error> {
        let source = &self.asked(source);
        let tried = format!("list {}", source.describe(extent));
        let selector = source.field_selector();
        let limit = limit.to_string();
        let mut pairs = vec![("limit", limit.as_str())];
        if let Some(selector) = &selector {
            pairs.push(("fieldSelector", selector));
        }
        if let Some(next) = next {
            pairs.push(("continue", next));
        }
        let path = format!("{}?{}", source.path(extent), query(&pairs));
        let accept = if source.metadata_only { METADATA_LIST } else { JSON };
        let ask = Ask::get(&tried, path).accepting(accept);
        let bytes = self.connection.bytes(&ask).await?;
        let source = *source;
        let (bytes, listed) = if bytes.len() < LONG {
            let listed = decode::page(&bytes, &source);
            (bytes, listed)
        } else {
            let work = move || {
                let listed = decode::page(&bytes, &source);
                (bytes, listed)
            };
            tokio::task::spawn_blocking(work).await.map_err(|error| Error::Failed {
                tried: tried.clone(),
                cause: error.to_string(),
                status: None,
            })?
        };
        match listed {
            Ok(Listed::Page(page)) => Ok(page),
            Ok(Listed::NotMetadata) => Err(not_metadata(&tried)),
            Err(error) => {
                let server = &self.connection.target.server;
                Err(answer::unreadable(&tried, server, &bytes, &error))
            }
        }
    }

    async fn watch(
        &self,
        source: &Source,
        extent: &Extent,
        version: &str,
    ) -> Result<Events, Error> {
        let source = &self.asked(source);
        let tried = format!("watch {}", source.describe(extent));
        let selector = source.field_selector();
        let life = watch::LIFE.as_secs().to_string();
        let mut pairs = vec![
            ("watch", "1"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", life.as_str()),
            ("resourceVersion", version),
        ];
        if let Some(selector) = &selector {
            pairs.push(("fieldSelector", selector));
        }
        let path = format!("{}?{}", source.path(extent), query(&pairs));
        let accept = if source.metadata_only { METADATA } else { JSON };
        // Newer servers compress each event by itself, which not every decoder follows.
        let ask = Ask { compressed: false, ..Ask::get(&tried, path).accepting(accept) };
        let response = self.connection.open(&ask).await?;
        Ok(watch::events(response, source, tried, self.connection.target.server.clone()))
    }

    async fn get(&self, path: &str) -> Result<Value, Error> {
        let tried = format!("get {path}");
        if is_of_secrets(path.split(['?', '#']).next().unwrap_or(path)) {
            let cause = "Secrets are never read whole".to_owned();
            return Err(Error::Failed { tried, cause, status: None });
        }
        self.connection.json(&Ask::get(tried, path)).await
    }

    async fn metadata(&self, path: &str) -> Result<Value, Error> {
        let tried = format!("get the metadata of {path}");
        let ask = Ask::get(&tried, path).accepting(METADATA);
        let object = self.connection.json(&ask).await?;
        if object["kind"].as_str() != Some("PartialObjectMetadata") {
            return Err(not_metadata(&tried));
        }
        Ok(without_copies(object))
    }

    async fn sole_owners(&self, collection: &str) -> Result<Vec<(Name, Name)>, Error> {
        let tried = format!("list the metadata of {collection}");
        let (mut found, mut next) = (Vec::new(), None::<String>);
        loop {
            let pairs = [("limit", OWNED_PAGE), ("continue", next.as_deref().unwrap_or_default())];
            let pairs = &pairs[..if next.is_some() { 2 } else { 1 }];
            let path = format!("{collection}?{}", query(pairs));
            let ask = Ask::get(&tried, path).accepting(METADATA_LIST);
            let page = self.connection.json(&ask).await?;
            if page["kind"].as_str() != Some("PartialObjectMetadataList") {
                return Err(not_metadata(&tried));
            }
            for item in page["items"].as_array().into_iter().flatten() {
                let metadata = &item["metadata"];
                if let Some([owner]) = metadata["ownerReferences"].as_array().map(Vec::as_slice)
                    && let (Some(name), Some(uid)) =
                        (metadata["name"].as_str(), owner["uid"].as_str())
                {
                    found.push((name.into(), uid.into()));
                }
            }
            match page["metadata"]["continue"].as_str().filter(|token| !token.is_empty()) {
                Some(token) => next = Some(token.to_owned()),
                None => return Ok(found),
            }
        }
    }

    async fn secret_form(&self, path: &str) -> Result<Option<SecretForm>, Error> {
        let tried = format!("get what type {path} is of");
        // Without the object that a row is of.
        let ask = Ask::get(&tried, format!("{path}?includeObject=None")).accepting(TABLE);
        let table = self.connection.json(&ask).await?;
        if table["kind"].as_str() != Some("Table") {
            return Err(not_metadata(&tried));
        }
        Ok(form_of(&table))
    }

    async fn user(&self) -> Result<Option<UserInfo>, Error> {
        info::user(&self.connection, true).await
    }

    async fn served_log(&self, path: &str, from: u64, most: u64) -> Result<ServedLog, Error> {
        logs::get(&self.connection, path, from, most).await
    }

    async fn review(&self, review: &Value) -> Result<Value, Error> {
        let tried = "review access".to_owned();
        let resource = match review["kind"].as_str() {
            Some("SubjectAccessReview") => "subjectaccessreviews",
            Some("SelfSubjectAccessReview") => "selfsubjectaccessreviews",
            _ => {
                let cause = "not an access review".to_owned();
                return Err(Error::Invalid { tried, cause });
            }
        };
        let mut review = review.clone();
        review["apiVersion"] = json!("authorization.k8s.io/v1");
        let path = format!("/apis/authorization.k8s.io/v1/{resource}");
        self.connection.json(&Ask::post(tried, path, &review)).await
    }
}
