//! The API server's `/logs/`: `/var/log` of its own machine or container, by Go's `http.ServeFile`
//! (`pkg/routes/logs.go`). It is deprecated and off unless the server runs with
//! `--enable-logs-handler`.

use http::header::{CONTENT_RANGE, CONTENT_TYPE, LAST_MODIFIED};
use http::{HeaderName, Response, StatusCode};
use http_body_util::BodyExt;
use kube::client::Body;

use super::connection::{Ask, Connection};
use super::trouble;
use crate::cluster::{Error, ServedLog};

/// How much is taken of a server, or of something in between, that gives files as a whole only.
const WHOLE: usize = 256 << 20;

/// At most `most` bytes of what is at `path`, from `from` on.
pub(super) async fn get(
    connection: &Connection,
    path: &str,
    from: u64,
    most: u64,
) -> Result<ServedLog, Error> {
    let tried = format!("get /logs/{path}");
    let mut ask = Ask::get(&tried, format!("/logs/{}", encoded(path)));
    // Ranges are of what is stored, which is not compressed on its way.
    ask.compressed = false;
    ask.accept = "*/*";
    if !path.is_empty() && !path.ends_with('/') {
        let last = from.saturating_add(most.max(1) - 1);
        ask.range = Some(format!("bytes={from}-{last}"));
    }
    let response = match connection.open(&ask).await {
        // There is nothing behind its end.
        Err(Error::Failed { status: Some(416), .. }) => {
            return Ok(ServedLog { from, total: from, ..ServedLog::default() });
        }
        other => other?,
    };
    let is_page = header(&response, CONTENT_TYPE).starts_with("text/html");
    let changed = header(&response, LAST_MODIFIED);
    let is_part = response.status() == StatusCode::PARTIAL_CONTENT;
    let range = is_part.then(|| header(&response, CONTENT_RANGE));
    let limit = if range.is_some() { usize::try_from(most).unwrap_or(usize::MAX) } else { WHOLE };
    let bytes = connection.within(&ask, body(connection, response, &tried, limit)).await?;
    let (from, total) = match range {
        None => (0, bytes.len() as u64),
        Some(range) => placed(&range).ok_or_else(|| Error::Failed {
            tried: tried.clone(),
            cause: format!("the server answered with a part that is none: {range:?}"),
            status: Some(206),
        })?,
    };
    Ok(ServedLog { bytes, from, total, changed, is_page })
}

fn header(response: &Response<Body>, name: HeaderName) -> String {
    let value = response.headers().get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

async fn body(
    connection: &Connection,
    response: Response<Body>,
    tried: &str,
    limit: usize,
) -> Result<Vec<u8>, Error> {
    let (mut body, mut bytes) = (response.into_body(), Vec::new());
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| trouble::of(tried, &connection.target.server, &error))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(Error::Failed {
                tried: tried.to_owned(),
                cause: format!(
                    "more than {limit} bytes came where fewer were asked for: the server, or a \
                     proxy before it, gives files as a whole only; read the file itself"
                ),
                status: None,
            });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Where a part begins, and how long the whole is: `bytes 5-9/100`.
fn placed(range: &str) -> Option<(u64, u64)> {
    let (part, total) = range.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = part.split_once('-')?;
    Some((from.parse().ok()?, total.parse().ok()?))
}

/// A path of folders and files as part of a URL.
fn encoded(path: &str) -> String {
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(byte.into());
        } else {
            text.push('%');
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(digit.into(), 16).map(|d| d.to_ascii_uppercase()));
            }
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_say_where_they_are() {
        assert_eq!(placed("bytes 5-9/100"), Some((5, 100)));
        for wrong in ["", "bytes */100", "bytes 5-9/*", "5-9/100", "bytes 5"] {
            assert_eq!(placed(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn paths_are_encoded_and_stay_paths() {
        assert_eq!(encoded("a b/audit-1.log?x#y%"), "a%20b/audit-1.log%3Fx%23y%25");
        assert_eq!(encoded("ж"), "%D0%B6");
    }
}
