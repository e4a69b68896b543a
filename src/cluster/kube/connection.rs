//! One connection: who it is for, what it carries, and how long it may take. Nothing is tried
//! twice here, but for credentials that a plugin or a file can renew.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use kube::client::Body;
use kube::config::{AuthInfo, AuthProviderConfig};
use kube::{Client, Config};
use tokio::sync::Mutex;

use super::answer::Unread;
use super::credentials::{self, Credentials};
use super::exec::Plugin;
use super::kubeconfig::{Hidden, UserEntry};
use super::target::Target;
use super::{ConnectOptions, answer, pki, proxy, trouble};
use crate::cluster::Error;

/// JSON, as ever.
pub(super) const JSON: &str = "application/json";

/// Credentials are fetched anew this long before they run out.
const MARGIN: chrono::TimeDelta = chrono::TimeDelta::seconds(30);

/// A plugin that failed is not run again for this long, so that a dozen requests at once do not
/// each wait for it.
const PLUGIN_REST: Duration = Duration::from_secs(10);

/// No answer is read that is longer, in bytes. A page of 500 objects is some megabytes; one of
/// which more are as large as an object can be is asked for again in shorter pages.
const LONGEST: usize = 64 << 20;

/// One request, before it is dressed.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// What is tried, for people.
    pub(super) tried: String,
    pub(super) method: Method,
    /// Path and query.
    pub(super) path: String,
    pub(super) accept: &'static str,
    pub(super) body: Vec<u8>,
    /// What the body is.
    pub(super) content_type: &'static str,
    /// Sent as the impersonated user, where there is one.
    pub(super) impersonating: bool,
    /// Whether compressed answers are welcome.
    pub(super) compressed: bool,
    /// Which part of a file is asked for, as a header says it.
    pub(super) range: Option<String>,
}

impl Ask {
    pub(super) fn get(tried: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            tried: tried.into(),
            method: Method::GET,
            path: path.into(),
            accept: JSON,
            body: Vec::new(),
            content_type: JSON,
            impersonating: true,
            compressed: true,
            range: None,
        }
    }

    pub(super) fn post(
        tried: impl Into<String>,
        path: impl Into<String>,
        body: &serde_json::Value,
    ) -> Self {
        let body = body.to_string().into_bytes();
        Self { method: Method::POST, body, ..Self::get(tried, path) }
    }

    pub(super) fn accepting(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }
}

/// What requests are sent with, now.
#[derive(Clone)]
struct Live {
    client: Client,
    authorization: Option<HeaderValue>,
}

/// The same, with how long it is good.
#[derive(Default)]
struct Kept {
    live: Option<Live>,
    expires: Option<DateTime<Utc>>,
    /// When a plugin failed last, and how.
    failed: Option<(Instant, Error)>,
    /// When a plugin was last run because what it had given was not accepted.
    renewed: Option<Instant>,
}

/// A connection to one API server as one user.
pub(super) struct Connection {
    pub(super) target: Target,
    /// The CA's certificates, DER; empty where the system's are trusted.
    pub(super) authority: Vec<Vec<u8>>,
    base: Config,
    credentials: Credentials,
    impersonation: Vec<(HeaderName, HeaderValue)>,
    kept: Mutex<Kept>,
    deadline: Duration,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("server", &self.target.server)
            .field("user", &self.target.user_name)
            .finish_non_exhaustive()
    }
}

impl Connection {
    /// Prepares a connection; nothing is sent and no plugin run.
    ///
    /// # Errors
    /// [`Error::Config`] where kubeconfig or flags do not say where to connect and as whom.
    pub(super) fn new(options: &ConnectOptions) -> Result<Self, Error> {
        let target = Target::find(options)?;
        let credentials = Credentials::of(&target, options)?;
        let authority = match pki::authority(&target.cluster)? {
            Some(text) => pki::certificates(&text)?,
            None => Vec::new(),
        };
        let base = base(&target, options, &authority)?;
        let impersonation = impersonation(&target.user)?;
        let connection = Self {
            authority,
            base,
            credentials,
            impersonation,
            kept: Mutex::new(Kept::default()),
            deadline: options.deadline(),
            target,
        };
        if !matches!(connection.credentials, Credentials::Plugin(_)) {
            let client = connection.build(pki::identity(&connection.target.user)?)?;
            let live = Some(Live { client, authorization: None });
            return Ok(Self { kept: Mutex::new(Kept { live, ..Kept::default() }), ..connection });
        }
        Ok(connection)
    }

    /// The real user's name behind an impersonated one is asked for by the same connection.
    pub(super) fn impersonates(&self) -> bool {
        !self.impersonation.is_empty()
    }

    /// A client that presents a certificate, or none.
    fn build(&self, identity: Option<(String, Hidden)>) -> Result<Client, Error> {
        let mut config = self.base.clone();
        if let Some((certificate, key)) = identity {
            config.auth_info.client_certificate_data = Some(STANDARD.encode(certificate));
            config.auth_info.client_key_data = Some(STANDARD.encode(key.reveal()).into());
        }
        Client::try_from(config).map_err(|error| Error::Config {
            tried: format!("prepare a connection to {}", self.target.server),
            cause: trouble::words(&error),
        })
    }

    /// What to send with, fetched or renewed by a plugin where need be.
    async fn live(&self) -> Result<Live, Error> {
        let Credentials::Plugin(plugin) = &self.credentials else {
            let kept = self.kept.lock().await;
            let live = kept.live.clone();
            drop(kept);
            let mut live = live.ok_or_else(|| Error::Config {
                tried: format!("connect to {}", self.target.server),
                cause: "the connection was never prepared".to_owned(),
            })?;
            live.authorization = self.credentials.header().await?;
            return Ok(live);
        };
        let mut kept = self.kept.lock().await;
        let good = kept.expires.is_none_or(|ends| Utc::now() + MARGIN < ends);
        if let Some(live) = kept.live.clone().filter(|_| good) {
            return Ok(live);
        }
        if let Some((when, error)) = &kept.failed
            && when.elapsed() < PLUGIN_REST
        {
            return Err(error.clone());
        }
        match self.fetch(plugin).await {
            Ok((live, expires)) => {
                kept.live = Some(live.clone());
                kept.expires = expires;
                kept.failed = None;
                Ok(live)
            }
            Err(error) => {
                kept.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    async fn fetch(&self, plugin: &Plugin) -> Result<(Live, Option<DateTime<Utc>>), Error> {
        let fetched = plugin.fetch().await?;
        let identity = match fetched.certificate {
            Some(pair) => Some(pair),
            None => pki::identity(&self.target.user)?,
        };
        let authorization = match &fetched.token {
            Some(token) => Some(credentials::bearer(token, "token of the exec plugin")?),
            None => None,
        };
        Ok((Live { client: self.build(identity)?, authorization }, fetched.expires))
    }

    /// Gives up credentials that were not accepted; returns whether others may be had.
    async fn renew(&self) -> bool {
        if !self.credentials.forget() {
            return false;
        }
        if !matches!(self.credentials, Credentials::Plugin(_)) {
            return true;
        }
        let mut kept = self.kept.lock().await;
        if kept.renewed.is_some_and(|when| when.elapsed() < PLUGIN_REST) {
            // Another request has just renewed them: try those, once.
            return true;
        }
        kept.renewed = Some(Instant::now());
        kept.live = None;
        true
    }

    /// Sends a request; gives what came back once its head is there. Any status is an answer.
    async fn send_once(&self, ask: &Ask) -> Result<Response<Body>, Error> {
        let live = self.live().await?;
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(&ask.path)
            .header(ACCEPT, ask.accept)
            .header(USER_AGENT, concat!("keybook/", env!("CARGO_PKG_VERSION")));
        if !ask.body.is_empty() {
            request = request.header(CONTENT_TYPE, ask.content_type);
        }
        if !ask.compressed {
            request = request.header(http::header::ACCEPT_ENCODING, "identity");
        }
        if let Some(range) = &ask.range {
            request = request.header(http::header::RANGE, range);
        }
        if let Some(authorization) = live.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if ask.impersonating {
            for (name, value) in &self.impersonation {
                request = request.header(name, value);
            }
        }
        let request = request.body(Body::from(ask.body.clone())).map_err(|error| {
            Error::Failed { tried: ask.tried.clone(), cause: error.to_string(), status: None }
        })?;
        let sent = live.client.send(request).await;
        sent.map_err(|error| trouble::of(&ask.tried, &self.target.server, &error))
    }

    /// Sends a request within the deadline; gives the head of a good answer.
    ///
    /// # Errors
    /// Where there is no answer, or it is not a good one.
    pub(super) async fn open(&self, ask: &Ask) -> Result<Response<Body>, Error> {
        let mut response = self.within(ask, self.send_once(ask)).await?;
        if response.status() == StatusCode::UNAUTHORIZED && self.renew().await {
            response = self.within(ask, self.send_once(ask)).await?;
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let read = answer::refused(response, &ask.tried, || credentials::hint(&self.target));
        Err(self.within(ask, async { Ok(read.await) }).await?)
    }

    /// Sends a request; gives the whole of a good answer, within the deadline.
    ///
    /// # Errors
    /// Where there is no answer, or it is not a good one, or it breaks off.
    pub(super) async fn bytes(&self, ask: &Ask) -> Result<Vec<u8>, Error> {
        let began = Instant::now();
        let response = Box::pin(self.open(ask)).await?;
        let left = self.deadline.saturating_sub(began.elapsed()).max(Duration::from_secs(1));
        let body = tokio::time::timeout(left, answer::whole(response, LONGEST)).await;
        body.map_err(|_| self.too_slow(ask))?.map_err(|unread| {
            let (tried, server) = (&ask.tried, &self.target.server);
            match unread {
                Unread::Broken(error) => trouble::of(tried, server, &error),
                Unread::TooLong(most) => Error::TooLong {
                    tried: tried.clone(),
                    cause: format!("{server}: the answer is longer than {} MiB", most >> 20),
                },
            }
        })
    }

    /// The same, read as JSON.
    ///
    /// # Errors
    /// The same, and where it is no JSON.
    pub(super) async fn json(&self, ask: &Ask) -> Result<serde_json::Value, Error> {
        let bytes = self.bytes(ask).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| answer::unreadable(&ask.tried, &self.target.server, &bytes, &error))
    }

    /// Plugins have a limit of their own, which is not the request's.
    pub(super) async fn within<T>(
        &self,
        ask: &Ask,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        if matches!(self.credentials, Credentials::Plugin(_)) {
            self.live().await?;
        }
        let done = tokio::time::timeout(self.deadline, work).await;
        done.unwrap_or_else(|_| Err(self.too_slow(ask)))
    }

    fn too_slow(&self, ask: &Ask) -> Error {
        Error::Unreachable {
            tried: ask.tried.clone(),
            cause: format!(
                "no answer from {} within {:?}; it is slow or something in between swallows what \
                 is sent (--request-timeout gives it more time)",
                self.target.server, self.deadline
            ),
        }
    }
}

/// Everything about the connection but the user's certificate.
fn base(target: &Target, options: &ConnectOptions, authority: &[Vec<u8>]) -> Result<Config, Error> {
    let wrong = |cause: String| Error::Config {
        tried: format!("use the server {:?}", target.server),
        cause,
    };
    // kubectl takes a server without a scheme for http.
    let full = if target.server.contains("://") {
        target.server.clone()
    } else {
        format!("http://{}", target.server)
    };
    let url: http::Uri = full.parse().map_err(|error| wrong(format!("no URL: {error}")))?;
    if url.host().is_none() || !matches!(url.scheme_str(), Some("http" | "https")) {
        return Err(wrong("no URL: write https://HOST:PORT".to_owned()));
    }
    let explicit = target.cluster.proxy_url.as_deref();
    let proxy = proxy::proxy(explicit, &url, &options.variables).map_err(wrong)?;
    let plain = url.scheme_str() == Some("http");
    let mut config = Config::new(url);
    config.proxy_url = proxy;
    config.connect_timeout = Some(options.deadline());
    config.read_timeout = None;
    config.default_retry = false;
    config.disable_compression = target.cluster.disable_compression;
    config.tls_server_name.clone_from(&target.cluster.tls_server_name);
    config.accept_invalid_certs = target.cluster.insecure_skip_tls_verify;
    if !authority.is_empty() {
        config.root_cert = Some(authority.to_vec());
    } else if plain || config.accept_invalid_certs {
        // The system's certificates are not needed, and may not be there.
        config.root_cert = Some(Vec::new());
    }
    config.root_cert_file.clone_from(&target.changing_ca);
    if let Some(provider) = &target.user.auth_provider {
        config.auth_info = AuthInfo {
            auth_provider: Some(AuthProviderConfig {
                name: provider.name.clone(),
                config: provider.config.clone().into_iter().collect(),
                ..AuthProviderConfig::default()
            }),
            ..AuthInfo::default()
        };
    }
    Ok(config)
}

/// `Impersonate-*`. Names need not be ASCII.
fn impersonation(user: &UserEntry) -> Result<Vec<(HeaderName, HeaderValue)>, Error> {
    let wrong = |what: &str| Error::Config {
        tried: format!("impersonate {what:?}"),
        cause: "it holds characters that no header can".to_owned(),
    };
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes()).map_err(|_| wrong(text));
    let mut headers = Vec::new();
    let Some(name) = &user.as_user else {
        return Ok(headers);
    };
    headers.push((HeaderName::from_static("impersonate-user"), value(name)?));
    if let Some(uid) = &user.as_uid {
        headers.push((HeaderName::from_static("impersonate-uid"), value(uid)?));
    }
    for group in &user.as_groups {
        headers.push((HeaderName::from_static("impersonate-group"), value(group)?));
    }
    for (key, values) in &user.as_user_extra {
        let name = format!("impersonate-extra-{}", escaped(key));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong(key))?;
        for text in values {
            headers.push((name.clone(), value(text)?));
        }
    }
    Ok(headers)
}

/// A key of extra data as part of a header's name: what no header can hold, `%` included, is
/// percent-encoded.
fn escaped(key: &str) -> String {
    key.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte) {
            text.push(byte.to_ascii_lowercase().into());
        } else {
            text.push('%');
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(digit.into(), 16));
            }
        }
        text
    })
}
