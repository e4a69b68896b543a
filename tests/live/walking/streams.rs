//! Connections into pods, as clients make them: a websocket is a GET, SPDY comes by POST.

use std::io::{Read, Write};

use flate2::{Compress, Compression, FlushCompress};

use super::site::{Credential, Site};
use crate::activity::client::{Open, Request};

/// What the API server says where it does not pass a request on to where a node is.
pub const NOT_PASSED_ON: &str = "address not allowed";

/// How a connection is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Websocket,
    Spdy,
}

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    ApiServer,
    Kubelet,
}

/// What is said over it before anything is sent: a line. None where it is refused.
pub fn connect(site: &Site, who: &Credential, to: To, by: By, uri: &str) -> Option<String> {
    let (method, headers): (_, &[(&str, &str)]) = match by {
        By::Websocket => (
            "GET",
            &[
                ("Connection", "Upgrade"),
                ("Upgrade", "websocket"),
                ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", "a2V5Ym9vaydzIHdhbGtlcg=="),
                ("Sec-WebSocket-Protocol", "v4.channel.k8s.io"),
            ],
        ),
        By::Spdy => (
            "POST",
            &[
                ("Connection", "Upgrade"),
                ("Upgrade", "SPDY/3.1"),
                ("X-Stream-Protocol-Version", "v4.channel.k8s.io"),
                ("Content-Length", "0"),
            ],
        ),
    };
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let request = Request {
        method,
        uri: uri.to_owned(),
        headers: headers.collect(),
        streams: true,
        ..Request::default()
    };
    let answer = match to {
        To::ApiServer => site.send(who, &request),
        To::Kubelet => site.send_to_kubelet(who, &request),
    };
    // It lets the request through, but passes none on to a node on loopback, as this one is
    // (`pkg/proxy/util/utils.go`).
    if answer.status == 400 && answer.body.contains(NOT_PASSED_ON) {
        return Some(NOT_PASSED_ON.to_owned());
    }
    if answer.status != 101 {
        assert_eq!(answer.status, 403, "{method} {uri}: {}", answer.body);
        return None;
    }
    let mut open = answer.open.expect("it streams");
    if by == By::Spdy {
        let mut headers = Headers(Compress::new(Compression::fast(), true));
        for (id, kind) in [(1, "error"), (3, "stdout")] {
            open.write_all(&headers.stream(id, kind)).expect("open a stream");
        }
        open.flush().expect("open streams");
    }
    Some(line(answer.body, &mut open))
}

/// What comes up to the first line's end, of both sorts of frames: none is compressed or masked.
fn line(begun: String, open: &mut Open) -> String {
    let mut said = begun.into_bytes();
    let mut part = [0; 4096];
    while !said.contains(&b'\n') {
        let read = open.read(&mut part).expect("something is said");
        assert!(read > 0, "closed after {:?}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&part[..read]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// The compression that all headers of a connection share.
struct Headers(Compress);

impl Headers {
    /// A frame that opens a stream (`SYN_STREAM` of SPDY/3.1).
    fn stream(&mut self, id: u32, kind: &str) -> Vec<u8> {
        let mut plain = 1u32.to_be_bytes().to_vec();
        for text in ["streamtype", kind] {
            plain.extend(u32::try_from(text.len()).expect("short").to_be_bytes());
            plain.extend(text.as_bytes());
        }
        let mut packed = Vec::with_capacity(1024);
        self.0.compress_vec(&plain, &mut packed, FlushCompress::Sync).expect("compress");
        let length = u32::try_from(packed.len() + 10).expect("short");
        let mut frame = vec![0x80, 3, 0, 1];
        frame.extend(length.to_be_bytes());
        frame.extend(id.to_be_bytes());
        frame.extend([0; 6]);
        frame.extend(packed);
        frame
    }
}
