//! Answers: their status, their words, and what is none of an API server's.

use std::time::Duration;

use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;
use serde::Deserialize;

use crate::cluster::Error;

/// How much of an answer that is no API server's is shown, in characters.
const SHOWN: usize = 120;

/// How much of a refusal is read, in bytes.
const REFUSAL: usize = 1 << 20;

/// `meta/v1 Status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    pub(super) message: String,
    pub(super) reason: String,
    pub(super) code: u16,
    pub(super) details: Option<Details>,
}

/// `Status.details`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Details {
    pub(super) retry_after_seconds: u64,
}

/// Why an answer was not read to its end.
#[derive(Debug)]
pub(super) enum Unread {
    /// It breaks off.
    Broken(kube::Error),
    /// It is longer than so many bytes.
    TooLong(usize),
}

/// The whole body of an answer, if it is no longer than `most` bytes.
///
/// # Errors
/// Where it breaks off or is longer.
pub(super) async fn whole(response: Response<Body>, most: usize) -> Result<Vec<u8>, Unread> {
    let mut body = response.into_body();
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Unread::Broken)?.into_data() {
            if bytes.len() + data.len() > most {
                return Err(Unread::TooLong(most));
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

/// What an answer that is not a good one means. `hint` says more about a 401.
pub(super) async fn refused(
    response: Response<Body>,
    tried: &str,
    hint: impl FnOnce() -> String,
) -> Error {
    let (parts, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    while bytes.len() < REFUSAL
        && let Some(Ok(frame)) = body.frame().await
    {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    let header = |name: HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let seconds = header(RETRY_AFTER).and_then(|text| text.parse().ok());
    let code = parts.status.as_u16();
    let status: Option<Status> =
        serde_json::from_slice(&bytes).ok().filter(|status: &Status| !status.message.is_empty());
    let said = match &status {
        Some(status) => status.message.clone(),
        None if parts.status.is_redirection() => format!(
            "{} to {}: a login page or a proxy in between, not an API server",
            parts.status,
            header(LOCATION).unwrap_or("nowhere")
        ),
        None => format!("{}{}", parts.status, excerpt(&bytes, header(CONTENT_TYPE))),
    };
    let after = status
        .as_ref()
        .and_then(|status| status.details.as_ref())
        .map(|details| details.retry_after_seconds)
        .filter(|seconds| *seconds > 0)
        .or(seconds);
    let words = Words {
        said,
        after: after.map(Duration::from_secs),
        // Only an API server says that something is not there; others say so of every path.
        of_server: status.is_some() || is_plain_not_found(&bytes),
    };
    of_status(code, words, tried, hint)
}

/// The API server answers paths that it does not serve in plain text.
fn is_plain_not_found(bytes: &[u8]) -> bool {
    bytes.trim_ascii() == b"404 page not found"
}

struct Words {
    said: String,
    after: Option<Duration>,
    of_server: bool,
}

fn of_status(code: u16, words: Words, tried: &str, hint: impl FnOnce() -> String) -> Error {
    let tried = tried.to_owned();
    let Words { said: cause, after: retry_after, of_server } = words;
    match code {
        401 => Error::Unauthenticated { tried, cause: format!("{cause} (401): {}", hint()) },
        403 => Error::Forbidden { tried, cause },
        404 if of_server => Error::NotFound { tried },
        409 => Error::Conflict { tried, cause },
        410 => Error::Gone { tried, cause },
        400 | 422 => Error::Invalid { tried, cause },
        429 | 500..=599 => {
            Error::Busy { tried, cause: busy(&cause, code), status: code, retry_after }
        }
        _ => Error::Failed { tried, cause, status: Some(code) },
    }
}

fn busy(cause: &str, code: u16) -> String {
    if cause.starts_with(&code.to_string()) {
        cause.to_owned()
    } else {
        format!("{cause} ({code})")
    }
}

/// What a watch or an answer says by a Status instead of what was asked for.
pub(super) fn of_status_object(status: Status, tried: &str) -> Error {
    let after = status.details.map(|details| details.retry_after_seconds).filter(|it| *it > 0);
    let said = if status.message.is_empty() { status.reason } else { status.message };
    let words = Words { said, after: after.map(Duration::from_secs), of_server: true };
    let code = StatusCode::from_u16(status.code).map_or(500, |code| code.as_u16());
    of_status(code, words, tried, String::new)
}

/// An answer of status 200 that is not the JSON that was asked for.
pub(super) fn unreadable(
    tried: &str,
    server: &str,
    bytes: &[u8],
    error: &serde_json::Error,
) -> Error {
    let cause = if bytes.is_empty() {
        format!("{server}: the answer is empty")
    } else if error.is_eof() {
        format!("{server}: the answer breaks off after {} bytes", bytes.len())
    } else if matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
        // What the parser says may quote what it read; its place is enough.
        format!(
            "{server}: the answer is not what an API server says (line {}, column {})",
            error.line(),
            error.column()
        )
    } else {
        format!(
            "{server}: the answer is no JSON{}; is it an API server, or a login page in between?",
            excerpt(bytes, None)
        )
    };
    Error::Failed { tried: tried.to_owned(), cause, status: Some(200) }
}

/// The beginning of an answer, on one line and without what a terminal would obey.
fn excerpt(bytes: &[u8], type_: Option<&str>) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * SHOWN)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown: String = words.join(" ").chars().filter(|it| !it.is_control()).take(SHOWN).collect();
    let type_ = type_.map(|type_| format!(" ({type_})")).unwrap_or_default();
    if shown.is_empty() { type_ } else { format!("{type_}: {shown:?}") }
}
