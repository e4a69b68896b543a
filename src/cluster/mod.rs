//! The cluster as a trait: what keybook reads from an API server, and how.
//!
//! Implementations: `kube` (a live API server) and `memory` (a model of one, for the demo and for
//! tests); `files` reads saved objects into a snapshot without one. `loader` makes snapshots of
//! either and follows them; retrying, resuming and re-listing are its business and nobody else's.

mod certificate;
mod error;
pub mod kube;
pub mod loader;
pub mod memory;
mod source;
mod token;

pub mod files;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde_json::Value;

pub use certificate::{CertificateAsk, IssuedCertificate};
pub use error::Error;
pub use source::{Extent, Source};
pub use token::{Address, IssuedToken, TokenAsk};

use crate::model::{ClusterInfo, Discovery, Name, Object, is_kept_of_secrets};

/// One page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The objects.
    pub objects: Vec<Object>,
    /// Items of the page that did not have the form of their kind: `namespace/name` as far as it
    /// could be read, and what the parser said.
    pub unreadable: Vec<(Name, Name)>,
    /// The list's `resourceVersion`, where a watch starts. All pages of a list have the same.
    pub version: Name,
    /// Opaque; hand it back for the next page. None on the last.
    pub next: Option<String>,
}

/// What a watch says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// New, or new among what the source selects.
    Added(Object),
    /// Differs from what was known.
    Modified(Object),
    /// Gone, or gone from what the source selects.
    Deleted(Object),
    /// Nothing changed up to this `resourceVersion`.
    Bookmark(Name),
    /// Something changed that could not be read: its `namespace/name` and what the parser said.
    Unreadable(Name, Name),
}

/// What a watch gives until it ends.
pub type Events = BoxStream<'static, Result<Event, Error>>;

/// Some of what an API server serves below `/logs/`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServedLog {
    /// The bytes; of a server that gives no parts the whole.
    pub bytes: Vec<u8>,
    /// Where they begin.
    pub from: u64,
    /// How long the whole is.
    pub total: u64,
    /// `Last-Modified`, empty where it is not said.
    pub changed: String,
    /// Whether it is HTML, as pages of folders are.
    pub is_page: bool,
}

/// What a write would be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DryRun {
    /// The server checks and answers, and stores nothing.
    Yes,
    /// For real.
    No,
}

/// What an object must still be for a write to happen. An empty value asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preconditions {
    /// The very object, not one recreated under its name.
    pub uid: Option<Name>,
    /// Unchanged since it was read.
    pub resource_version: Option<Name>,
}

/// Who asks, as the API server authenticated them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// User name.
    pub user: Name,
    /// Groups, the implicit ones among them.
    pub groups: Vec<Name>,
    /// Whose credential it really is, where somebody else is acted as.
    pub behind: Option<Name>,
    /// How the credential is known again (`JTI=…`, `X509SHA256=…`); None where the API server says
    /// nothing of it, as of a token that it keeps in a Secret.
    pub credential: Option<Name>,
    /// The pod that the credential ends with.
    pub pod: Option<Name>,
}

/// What is known of a Secret beside its metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretForm {
    /// Its type, which never changes (`pkg/apis/core/validation`, `ValidateSecretUpdate`).
    pub type_: Name,
    /// How many entries its data has; None where that is not known.
    pub entries: Option<u64>,
}

/// A cluster that keybook reads. Time limits are the implementation's own: no call waits for ever.
/// Nothing is tried twice: [`loader`] does that.
#[async_trait]
pub trait Cluster: Send + Sync + fmt::Debug {
    /// What is known of it before it is asked: what it is called here, and where it is. A cluster
    /// that never answers still has a name.
    fn known(&self) -> ClusterInfo;

    /// Which cluster, and who looks.
    ///
    /// # Errors
    /// Where it cannot be reached or does not accept the credentials.
    async fn info(&self) -> Result<ClusterInfo, Error>;

    /// What the server serves. Groups that fail are named in it.
    ///
    /// # Errors
    /// Where nothing could be learnt.
    async fn discovery(&self) -> Result<Discovery, Error>;

    /// One page of at most `limit` objects (0: all at once).
    ///
    /// # Errors
    /// [`Error::Forbidden`] where the operator may not list it, [`Error::NotFound`] where it is not
    /// served, [`Error::Gone`] where `next` is too old, others as they come.
    async fn list(
        &self,
        source: &Source,
        extent: &Extent,
        limit: u32,
        next: Option<&str>,
    ) -> Result<Page, Error>;

    /// Follows a source from `version` on, over one connection. The stream ends when the server
    /// ends it or nothing was heard for a while; either is no error, and another watch from the
    /// last version seen continues it. An error is its last item.
    ///
    /// # Errors
    /// As for a list; [`Error::Gone`], here or in the stream, where `version` is too old.
    async fn watch(&self, source: &Source, extent: &Extent, version: &str)
    -> Result<Events, Error>;

    /// The raw object at an API path, unknown fields kept. Refuses Secrets.
    ///
    /// # Errors
    /// As the server answers.
    async fn get(&self, path: &str) -> Result<Value, Error>;

    /// The metadata of the object at an API path and nothing else of it: the way to know one Secret.
    /// Without the annotation in which kubectl repeats what was applied, which may hold its data.
    ///
    /// # Errors
    /// As the server answers; [`Error::Failed`] where the whole object came, which is dropped unread.
    async fn metadata(&self, path: &str) -> Result<Value, Error>;

    /// The objects of a collection, by its API path, that have one owner alone (`ownerReferences`): their
    /// names, and the UID of the owner. By their metadata and nothing else of them.
    ///
    /// # Errors
    /// As for a list.
    async fn sole_owners(&self, collection: &str) -> Result<Vec<(Name, Name)>, Error>;

    /// Of which type the Secret at an API path is, and how many entries it has, as the server prints it in
    /// a table (`pkg/printers/internalversion/printers.go`, `printSecret`): what its metadata does not
    /// say, and nothing of what is in it. None where the server prints no such table.
    ///
    /// # Errors
    /// As the server answers; [`Error::Failed`] where the whole object came, which is dropped unread.
    async fn secret_form(&self, path: &str) -> Result<Option<SecretForm>, Error>;

    /// Who asks, as the API server calls them (under `--as`, whom they ask as); None where it does
    /// not say.
    ///
    /// # Errors
    /// As the server answers.
    async fn user(&self) -> Result<Option<UserInfo>, Error>;

    /// What the server serves below `/logs/`: the page of a folder (a path that is empty or ends in
    /// `/`), or at most `most` bytes of a file from `from` on.
    ///
    /// # Errors
    /// [`Error::NotFound`] where it is not there or logs are not served at all, others as the server
    /// answers.
    async fn served_log(&self, path: &str, from: u64, most: u64) -> Result<ServedLog, Error> {
        let _ = (from, most);
        Err(Error::NotFound { tried: format!("get /logs/{path}") })
    }

    /// Asks the API server whether somebody may do something (`SubjectAccessReview`); the answer
    /// has `.status` filled in.
    ///
    /// # Errors
    /// As the server answers.
    async fn review(&self, review: &Value) -> Result<Value, Error>;
}

/// The only way to write. Nothing is ever tried twice.
#[async_trait]
pub trait Writer: Send + Sync + fmt::Debug {
    /// Creates an object in a collection (`/apis/…/rolebindings`); gives what the server stored, of
    /// a Secret its metadata.
    ///
    /// # Errors
    /// [`Error::Conflict`] where the name is taken, [`Error::Forbidden`] where the operator may not,
    /// or would give rights that they do not hold, [`Error::Invalid`] where the server refuses it.
    async fn create(&self, collection: &str, object: &Value, dry: DryRun) -> Result<Value, Error>;

    /// Replaces the object at a path. Its `metadata.uid` and `metadata.resourceVersion`, where it
    /// has them, are preconditions. Gives what the server stored.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a precondition does not hold; others as for a creation.
    async fn replace(&self, path: &str, object: &Value, dry: DryRun) -> Result<Value, Error>;

    /// Merges into the object at a path (a JSON merge patch). `metadata.uid` and
    /// `metadata.resourceVersion` in it, where it has them, are preconditions. Gives what the server
    /// stored, of a Secret its metadata.
    ///
    /// # Errors
    /// [`Error::Conflict`] where it is of another version, [`Error::Invalid`] where it has another UID;
    /// others as for a creation.
    async fn patch(&self, path: &str, merge: &Value, dry: DryRun) -> Result<Value, Error>;

    /// Deletes the object at a path.
    ///
    /// # Errors
    /// [`Error::Conflict`] where a precondition does not hold, [`Error::NotFound`] where it is gone.
    async fn delete(&self, path: &str, only: &Preconditions, dry: DryRun) -> Result<(), Error>;

    /// Has a token of an account made. There is no trial of it: the API server makes one whatever
    /// `dryRun` says.
    ///
    /// # Errors
    /// [`Error::Conflict`] where account or Secret are others than those meant, others as for a
    /// creation.
    async fn request_token(&self, ask: &TokenAsk) -> Result<IssuedToken, Error>;

    /// Has a client certificate made: asks for it, approves that, and waits for the signer. There is
    /// no trial of it.
    ///
    /// # Errors
    /// [`Error::Failed`] where it was denied, or nothing signed it in time; others as for a creation.
    async fn request_certificate(&self, ask: &CertificateAsk) -> Result<IssuedCertificate, Error>;

    /// Where it writes to, as a kubeconfig for somebody else says it.
    ///
    /// # Errors
    /// [`Error::Config`] where the CA's file cannot be read.
    fn address(&self) -> Result<Address, Error>;
}

/// A Secret, or the metadata of one, without the annotations that are not read, which may repeat its
/// data.
pub(crate) fn without_copies(mut metadata: Value) -> Value {
    if let Some(Value::Object(annotations)) = metadata.pointer_mut("/metadata/annotations") {
        annotations.retain(|key, _| is_kept_of_secrets(key));
    }
    metadata
}

/// How long a single request may take where the person did not say.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether an API path (without its query) is one of Secrets, which are never read whole.
pub(crate) fn is_of_secrets(path: &str) -> bool {
    let rest = path.trim_start_matches('/');
    let Some(rest) = rest.strip_prefix("api/") else {
        return false;
    };
    // VERSION/secrets… or VERSION/namespaces/NAMESPACE/secrets…
    let mut parts = rest.split('/').filter(|part| !part.is_empty()).skip(1);
    match parts.next() {
        Some("namespaces") => parts.nth(1) == Some("secrets"),
        first => first == Some("secrets"),
    }
}

#[cfg(test)]
mod tests {
    use super::is_of_secrets;

    #[test]
    fn secrets_are_told_from_what_only_sounds_like_them() {
        for path in [
            "/api/v1/secrets",
            "/api/v1/namespaces/a/secrets",
            "/api/v1/namespaces/a/secrets/b",
            "api/v1//namespaces//a//secrets/b",
        ] {
            assert!(is_of_secrets(path), "{path}");
        }
        for path in [
            "/api/v1/namespaces/secrets",
            "/api/v1/namespaces/secrets/pods/secrets",
            "/api/v1/namespaces/a/configmaps/secrets",
            "/apis/example.org/v1/secrets",
            "/api",
        ] {
            assert!(!is_of_secrets(path), "{path}");
        }
    }
}
