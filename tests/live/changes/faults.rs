//! A way to an API server on which writes get lost, are answered by something else, or are held until
//! whoever sent them is dead.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crate::support::cluster::Cluster;
use crate::support::process::PATIENCE;

/// What becomes of one write. Reads, reviews and trials pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It passes.
    Pass,
    /// It is held and never made.
    HoldBefore,
    /// It is made, and its answer held.
    HoldAfter,
    /// It is held until [`Faulty::release`], and passes then.
    Gate,
    /// It is never made, and the connection breaks.
    ResetBefore,
    /// It is made, and the connection breaks before the answer.
    ResetAfter,
    /// It is never made; this is answered, with so many seconds to wait.
    Answer(u16, Option<u64>),
}

struct Shared {
    acts: Mutex<VecDeque<Act>>,
    writes: Mutex<Vec<String>>,
    held: Mutex<Sender<()>>,
    gate: Mutex<Receiver<()>>,
    to: SocketAddr,
}

/// Such a way, as the cluster's administrator, for as long as it lives.
pub struct Faulty {
    shared: Arc<Shared>,
    held: Receiver<()>,
    gate: Sender<()>,
    address: SocketAddr,
    proxy: Child,
}

impl Faulty {
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
        let (send, held) = mpsc::channel();
        let (gate, open) = mpsc::channel();
        let shared = Arc::new(Shared {
            acts: Mutex::default(),
            writes: Mutex::default(),
            held: Mutex::new(send),
            gate: Mutex::new(open),
            to,
        });
        let serving = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let serving = serving.clone();
                thread::spawn(move || serving.serve(&client));
            }
        });
        Self { shared, held, gate, address, proxy }
    }

    pub fn kubeconfig(&self) -> String {
        serde_json::json!({
            "clusters": [{"name": "faulty", "cluster": {"server": format!("http://{}", self.address)}}],
            "contexts": [{"name": "faulty", "context": {"cluster": "faulty"}}],
            "current-context": "faulty",
        })
        .to_string()
    }

    /// What becomes of the next writes; those after them pass.
    pub fn next(&self, acts: &[Act]) {
        *lock(&self.shared.acts) = acts.iter().copied().collect();
        lock(&self.shared.writes).clear();
    }

    /// The writes since [`Self::next`].
    pub fn writes(&self) -> Vec<String> {
        lock(&self.shared.writes).clone()
    }

    /// Waits until a write is held.
    pub fn await_held(&self) {
        self.held.recv_timeout(PATIENCE).expect("a write is held");
    }
}

impl Faulty {
    /// Lets a write at the gate pass.
    pub fn release(&self) {
        self.gate.send(()).expect("somebody waits");
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A request, with what it asks for its connection to be closed after the answer.
fn take_request(client: &TcpStream) -> Option<(String, Vec<u8>, Vec<u8>)> {
    let mut reader = BufReader::new(client);
    let mut first = String::new();
    let mut head = Vec::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if first.is_empty() {
            line.trim_end().clone_into(&mut first);
        }
        if line == "\r\n" {
            head.extend_from_slice(b"Connection: close\r\n\r\n");
            break;
        }
        if !lower.starts_with("connection:") {
            head.extend_from_slice(line.as_bytes());
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first, head, body))
}

/// Whether something would be stored.
fn is_write(first: &str, body: &[u8]) -> bool {
    let writes =
        ["POST ", "PUT ", "PATCH ", "DELETE "].iter().any(|method| first.starts_with(method));
    let asks =
        first.contains("/authorization.k8s.io/") || first.contains("/authentication.k8s.io/");
    writes
        && !asks
        && !first.contains("dryRun=All")
        && !String::from_utf8_lossy(body).contains("\"dryRun\"")
}

impl Shared {
    fn serve(&self, client: &TcpStream) {
        let Some((first, head, body)) = take_request(client) else { return };
        let mut act = Act::Pass;
        if is_write(&first, &body) {
            let line = first.split(['?', ' ']).take(2).collect::<Vec<_>>().join(" ");
            lock(&self.writes).push(line);
            act = lock(&self.acts).pop_front().unwrap_or(Act::Pass);
        }
        let mut client = client;
        match act {
            Act::Pass => {
                let _ = client.write_all(&self.forward(&head, &body));
            }
            Act::Gate => {
                let _ = lock(&self.held).send(());
                let open = lock(&self.gate).recv_timeout(PATIENCE);
                open.expect("the gate is opened");
                let _ = client.write_all(&self.forward(&head, &body));
            }
            Act::HoldBefore => self.hold(client),
            Act::HoldAfter => {
                self.forward(&head, &body);
                self.hold(client);
            }
            Act::ResetBefore => {}
            Act::ResetAfter => drop(self.forward(&head, &body)),
            Act::Answer(status, after) => {
                let after =
                    after.map_or_else(String::new, |after| format!("Retry-After: {after}\r\n"));
                let body = format!(
                    "{{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"status\":\"Failure\",\
                     \"message\":\"made up\",\"code\":{status}}}"
                );
                let _ = write!(
                    client,
                    "HTTP/1.1 {status} Made Up\r\nContent-Type: application/json\r\n{after}\
                     Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        }
        let _ = client.shutdown(Shutdown::Both);
    }

    /// The whole answer.
    fn forward(&self, head: &[u8], body: &[u8]) -> Vec<u8> {
        let mut server = TcpStream::connect(self.to).expect("kubectl proxy listens");
        server.write_all(&[head, body].concat()).expect("kubectl proxy reads");
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).expect("kubectl proxy answers");
        answer
    }

    /// Says so, and waits until whoever asked is gone.
    fn hold(&self, mut client: &TcpStream) {
        let _ = lock(&self.held).send(());
        let _ = client.read(&mut [0]);
    }
}
