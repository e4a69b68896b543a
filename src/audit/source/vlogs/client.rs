//! Asking VictoriaLogs over HTTP. Every answer is whole before it is used, and no larger than
//! [`MOST`].

use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::Runtime;

use super::target::Target;

/// How many bytes an answer may have.
pub const MOST: usize = 48 << 20;
/// How long an answer may take, connecting included.
const DEADLINE: Duration = Duration::from_mins(1);
/// How long after a failure it is tried again; asking changes nothing there.
const PAUSES: [Duration; 4] = [
    Duration::from_millis(200),
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(6),
];

type Body = Full<hyper::body::Bytes>;

/// A connection to one VictoriaLogs.
pub struct Client {
    runtime: Runtime,
    http: Http<HttpsConnector<HttpConnector>, Body>,
    address: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The answer is too large, or takes too long: less may be asked.
    TooMuch(String),
    /// Nobody answers, or not to the end.
    Gone(String),
    /// It says no.
    Refused(String),
}

impl Client {
    pub fn new(target: &Target) -> Result<Self, String> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(Duration::from_secs(10)));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(target)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Ok(Self {
            runtime: runtime.map_err(|cause| format!("starting the runtime: {cause}"))?,
            http: Http::builder(TokioExecutor::new()).build(https),
            address: format!("{}/select/logsql/query", target.base),
            headers: headers(target)?,
        })
    }

    /// The answer to a LogsQL query over events whose `_time` is within `[from, to)`, seconds since
    /// 1970: JSON, one object a line. None is from the beginning, or to the end.
    pub fn ask(&self, query: &str, span: Option<(i64, i64)>) -> Result<Vec<u8>, Trouble> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("query", query);
        // What a cluster knows in part is not to be taken for the whole.
        form.append_pair("allow_partial_response", "false");
        if let Some((from, to)) = span {
            let nanos = |seconds: i64| format!("{seconds}000000000");
            form.append_pair("start", &nanos(from)).append_pair("end", &nanos(to));
        }
        let body = form.finish();
        let mut last = Trouble::Gone(String::new());
        for pause in [Duration::ZERO].iter().chain(&PAUSES) {
            last = match self.runtime.block_on(async {
                tokio::time::sleep(*pause).await;
                tokio::time::timeout(DEADLINE, self.once(body.clone())).await
            }) {
                Err(_) => {
                    return Err(Trouble::TooMuch(format!("no answer within {DEADLINE:?}")));
                }
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(trouble @ Trouble::Gone(_))) => trouble,
                Ok(Err(trouble)) => return Err(trouble),
            };
        }
        Err(last)
    }

    async fn once(&self, body: String) -> Result<Vec<u8>, Trouble> {
        let mut request =
            Request::post(&self.address).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Body::from(body));
        let request = request.map_err(|error| Trouble::Refused(error.to_string()))?;
        let answer =
            self.http.request(request).await.map_err(|error| Trouble::Gone(whole(&error)))?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MOST).collect().await;
        let body = match body {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(Trouble::TooMuch("the answer is too large".to_owned()));
            }
            Err(error) => return Err(Trouble::Gone(whole(&*error))),
        };
        if status == StatusCode::OK {
            return Ok(body.to_vec());
        }
        Err(refusal(status, &String::from_utf8_lossy(&body)))
    }
}

/// An error with what is behind it.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

/// What the engine's words mean.
fn refusal(status: StatusCode, text: &str) -> Trouble {
    let end = text.floor_char_boundary(text.len().min(400));
    let said = format!("{status}: {}", text[..end].trim());
    let too_much = ["of memory", "maxQueryDuration", "maxQueryTimeRange", "maxQueueDuration"];
    if too_much.iter().any(|word| text.contains(word)) {
        return Trouble::TooMuch(said);
    }
    match status {
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Trouble::Gone(said)
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::Refused(format!(
            "{said}; give USER:PASSWORD@ or TOKEN@ before the host, or the header's value in {}",
            super::target::AUTHORIZATION
        )),
        _ => Trouble::Refused(said),
    }
}

fn headers(target: &Target) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let mut all = Vec::new();
    if let Some(value) = &target.authorization {
        let mut value = HeaderValue::from_str(value)
            .map_err(|_| "what is given for authorization is no header".to_owned())?;
        value.set_sensitive(true);
        all.push((AUTHORIZATION, value));
    }
    for (name, value) in ["accountid", "projectid"].into_iter().zip(&target.tenant) {
        if let Some(value) = value
            && let Ok(value) = HeaderValue::from_str(value)
        {
            all.push((HeaderName::from_static(name), value));
        }
    }
    Ok(all)
}

/// The provider is named: two may be built in, and neither is then the default.
fn tls(target: &Target) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match &target.ca {
        Some(path) => {
            let failed = |why: String| format!("the CA file {}: {why}", path.display());
            let text = std::fs::read(path).map_err(|error| failed(error.to_string()))?;
            let all = pem::parse_many(&text).map_err(|error| failed(error.to_string()))?;
            for one in all.into_iter().filter(|one| one.tag() == "CERTIFICATE") {
                let one = CertificateDer::from(one.into_contents());
                roots.add(one).map_err(|error| failed(error.to_string()))?;
            }
            if roots.is_empty() {
                return Err(failed("it holds no certificate".to_owned()));
            }
        }
        None if target.base.starts_with("https://") => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        None => {}
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(|error| error.to_string())?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
