//! A client of the test's own: every header, credential and source address is exactly what the test
//! says, and nothing is sent that it did not ask for. One connection a request.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use socket2::{Domain, Socket, Type};

use crate::support::process::PATIENCE;

/// A connection that is still open, such as a watch's.
pub type Open = StreamOwned<ClientConnection, Socket>;

/// One request.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub method: &'static str,
    /// Path and query, encoded.
    pub uri: String,
    /// Beside `Host`, `Connection` and `Content-Length`.
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// The last part of the client's address, `127.0.1.x`.
    pub from: u8,
    /// Whether to go on only until the answer has begun: a watch or an upgrade.
    pub streams: bool,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// The UID of the `FlowSchema` that the API server found for it.
    pub flow: Option<String>,
    /// Of a request that streams: dropping it ends the request.
    pub open: Option<Open>,
}

/// Where the API server is, and how it is trusted.
#[derive(Clone)]
pub struct Server {
    address: SocketAddr,
    roots: RootCertStore,
}

/// The certificate in a file, as sent.
pub fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}

impl Server {
    pub fn new(url: &str, ca: &Path) -> Self {
        let address = url.trim_start_matches("https://").parse().expect("an address");
        let mut roots = RootCertStore::empty();
        roots.add(certificate(ca)).expect("the cluster's CA");
        Self { address, roots }
    }

    /// TLS with or without a client certificate (certificate, key).
    pub fn tls(&self, cert: Option<(&Path, &Path)>) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("protocol versions")
            .with_root_certificates(self.roots.clone());
        Arc::new(match cert {
            Some((cert, key)) => builder
                .with_client_auth_cert(
                    vec![certificate(cert)],
                    PrivateKeyDer::from_pem_file(key).expect("a key"),
                )
                .expect("a client certificate"),
            None => builder.with_no_client_auth(),
        })
    }

    /// Sends a request and reads the answer.
    pub fn send(&self, tls: &Arc<ClientConfig>, request: &Request) -> io::Result<Answer> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        let from = IpAddr::from(Ipv4Addr::new(127, 0, 1, request.from));
        socket.bind(&SocketAddr::new(from, 0).into())?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_tcp_nodelay(true)?;
        socket.connect(&self.address.into())?;
        let name = ServerName::IpAddress(self.address.ip().into());
        let connection = ClientConnection::new(tls.clone(), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, socket);
        stream.write_all(self.head(request).as_bytes())?;
        stream.write_all(request.body.as_bytes())?;
        stream.flush()?;
        read(stream, request.streams)
    }

    fn head(&self, request: &Request) -> String {
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.uri);
        let mut line = |name: &str, value: &str| {
            head.extend([name, ": ", value, "\r\n"]);
        };
        line("Host", &self.address.to_string());
        if !request.headers.iter().any(|(name, _)| name == "Connection") {
            line("Connection", "close");
        }
        if !request.body.is_empty() {
            line("Content-Length", &request.body.len().to_string());
        }
        for (name, value) in &request.headers {
            line(name, value);
        }
        head + "\r\n"
    }
}

fn read(mut stream: Open, streams: bool) -> io::Result<Answer> {
    let mut bytes = Vec::new();
    let mut part = [0; 8192];
    let mut head: Option<Head> = None;
    loop {
        if let Some(head) = &head
            && ((streams && matches!(head.status, 101 | 200))
                || head.length.is_some_and(|length| bytes.len() >= head.end + length))
        {
            break;
        }
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&part[..read]),
            // Some servers end the connection without saying so first.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        head = head.or_else(|| Head::find(&bytes));
    }
    let head = head.ok_or(io::ErrorKind::UnexpectedEof)?;
    let body = &bytes[head.end..];
    let body = if head.chunked && !streams { joined(body) } else { body.to_vec() };
    let body = String::from_utf8_lossy(&body).into_owned();
    let open = streams.then_some(stream);
    Ok(Answer { status: head.status, body, flow: head.flow, open })
}

/// A body that came in chunks, as one.
fn joined(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(line) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = std::str::from_utf8(&rest[..line]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok()).expect("a size");
        let (from, to) = (line + 2, line + 2 + size);
        if size == 0 || to + 2 > rest.len() {
            break;
        }
        body.extend_from_slice(&rest[from..to]);
        rest = &rest[to + 2..];
    }
    body
}

struct Head {
    status: u16,
    chunked: bool,
    flow: Option<String>,
    /// Of the body, where it is told.
    length: Option<usize>,
    /// Where it ends.
    end: usize,
}

impl Head {
    fn find(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = text.split("\r\ncontent-length: ").nth(1);
        let length = length.and_then(|rest| rest.split("\r\n").next()?.parse().ok());
        let flow = text.split("\r\nx-kubernetes-pf-flowschema-uid: ").nth(1);
        let flow = flow.and_then(|rest| rest.split("\r\n").next().map(str::to_owned));
        let status = text.get(9..12).and_then(|code| code.parse().ok());
        let chunked = text.contains("\r\ntransfer-encoding: chunked\r\n");
        Some(Self { status: status.expect("a status"), chunked, flow, length, end })
    }
}
