//! A relay between keybook and an API server: it writes down what is asked and what is answered,
//! and breaks on demand. It understands plain HTTP/1.1, so that in front of it `kubectl proxy`
//! does TLS and shows the administrator's certificate.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::support::cluster::Cluster;

/// What is answered in the API server's place.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// What the path and query of such a request hold; after `=`, what they are.
    pub of: String,
    /// `403 Forbidden`.
    pub status: &'static str,
    /// JSON.
    pub body: &'static str,
}

/// One request, as it passed.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Path and query.
    pub path: String,
    /// By lower-case name.
    pub headers: BTreeMap<String, String>,
}

#[derive(Default)]
struct Shared {
    broken: AtomicBool,
    older: AtomicBool,
    refused: Mutex<Vec<Refusal>>,
    requests: Mutex<Vec<Request>>,
    answers: Mutex<Vec<u8>>,
    open: Mutex<Vec<TcpStream>>,
}

/// A relay in front of a cluster, for as long as it lives.
pub struct Relay {
    shared: Arc<Shared>,
    address: SocketAddr,
    proxy: Child,
}

impl Relay {
    /// Starts one, as the cluster's administrator.
    pub fn start(cluster: &Cluster) -> Self {
        let program = std::env::var_os("KEYBOOK_CLUSTER_BIN").expect("the cluster was started");
        let mut proxy = Command::new(program)
            .args(["kubectl", "proxy", "--port=0", "--kubeconfig"])
            .arg(cluster.kubeconfig())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start kubectl proxy");
        let mut said = String::new();
        let stdout = proxy.stdout.take().expect("stdout is a pipe");
        BufReader::new(stdout).read_line(&mut said).expect("kubectl proxy says where it is");
        let to = said.trim().rsplit(' ').next().expect("an address");
        let to: SocketAddr = to.parse().unwrap_or_else(|_| panic!("{said}"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let relaying = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if !relaying.broken.load(Ordering::SeqCst) {
                    relaying.clone().relay(client, to);
                }
            }
        });
        Self { shared, address, proxy }
    }

    /// A kubeconfig that leads to it.
    pub fn kubeconfig(&self) -> String {
        serde_json::json!({
            "clusters": [{"name": "relay", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "relay", "context": {"cluster": "relay"}}],
            "current-context": "relay",
        })
        .to_string()
    }

    /// Breaks every connection and takes no other until [`Self::mend`].
    pub fn cut(&self) {
        self.shared.broken.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Takes connections again.
    pub fn mend(&self) {
        self.shared.broken.store(false, Ordering::SeqCst);
    }

    /// Takes from requests what only newer servers understand of discovery.
    pub fn hide_aggregated_discovery(&self) {
        self.shared.older.store(true, Ordering::SeqCst);
    }

    /// Answers these from now on in the API server's place, and no others.
    pub fn refuse(&self, refused: Vec<Refusal>) {
        *lock(&self.shared.refused) = refused;
    }

    /// The requests so far.
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.requests).clone()
    }

    /// Everything that was answered so far, of all connections, heads included.
    pub fn answers(&self) -> Vec<u8> {
        lock(&self.shared.answers).clone()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.cut();
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Refusal {
    fn is_for(&self, path: &str) -> bool {
        self.of.strip_prefix('=').map_or_else(|| path.contains(&*self.of), |whole| whole == path)
    }

    fn answer(&self) -> String {
        let Self { status, body, .. } = self;
        let length = body.len();
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
    }
}

impl Shared {
    /// What a request is answered with in the API server's place.
    fn refusal(&self, path: &str) -> Option<Refusal> {
        lock(&self.refused).iter().find(|refusal| refusal.is_for(path)).cloned()
    }

    fn relay(self: Arc<Self>, client: TcpStream, to: SocketAddr) {
        let Ok(server) = TcpStream::connect(to) else { return };
        let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle");
        lock(&self.open).extend([copy(&client), copy(&server)]);
        let (asking, answering) = (self.clone(), self);
        let (from_client, mut to_server) = (copy(&client), copy(&server));
        // A client sends no request before the last one is answered.
        let mut back = copy(&client);
        thread::spawn(move || {
            let mut reader = BufReader::new(from_client);
            while let Some((path, bytes)) = asking.take_request(&mut reader) {
                let passed = match asking.refusal(&path) {
                    Some(refusal) => back.write_all(refusal.answer().as_bytes()),
                    None => to_server.write_all(&bytes),
                };
                if passed.is_err() {
                    break;
                }
            }
            let _ = to_server.shutdown(Shutdown::Write);
        });
        let (mut from_server, mut to_client) = (server, client);
        thread::spawn(move || {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(length @ 1..) = from_server.read(&mut buffer) {
                lock(&answering.answers).extend_from_slice(&buffer[..length]);
                if to_client.write_all(&buffer[..length]).is_err() {
                    break;
                }
            }
            let _ = to_client.shutdown(Shutdown::Both);
            let _ = from_server.shutdown(Shutdown::Both);
        });
    }

    /// Path and bytes of the next request, written down; None where there is none.
    fn take_request(&self, reader: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
        let mut bytes = Vec::new();
        let mut lines = Vec::new();
        loop {
            let begin = bytes.len();
            if reader.read_until(b'\n', &mut bytes).ok()? == 0 {
                return None;
            }
            let line = String::from_utf8_lossy(&bytes[begin..]).trim_end().to_owned();
            if line.is_empty() {
                break;
            }
            if self.older.load(Ordering::SeqCst) && line.contains("apidiscovery.k8s.io") {
                bytes.truncate(begin);
                bytes.extend_from_slice(b"accept: application/json\r\n");
            }
            lines.push(line);
        }
        let mut first = lines.first()?.split(' ');
        let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
        let headers: BTreeMap<String, String> = lines[1..]
            .iter()
            .filter_map(|line| line.split_once(": "))
            .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
            .collect();
        let length = headers.get("content-length").and_then(|text| text.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).ok()?;
        bytes.extend(body);
        lock(&self.requests).push(Request { method, path: path.clone(), headers });
        Some((path, bytes))
    }
}
