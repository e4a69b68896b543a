//! A feed over a cluster in memory and logs that a test lets out by the line.

use std::io::Read;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

mod selectors;

use super::{Clock, Feed, Log, Objects, PACE, Sources};
use crate::audit::Input;
use crate::book::world::{World, binding, day, read};
use crate::book::{Book, Inputs, LogState};
use crate::cluster::loader::LoadOptions;
use crate::cluster::memory::MemoryCluster;
use crate::model::{ClusterInfo, Health, ListKind, Object, Policy, Snapshot};

fn clock() -> Clock {
    Arc::new(|| day(100))
}

fn start(objects: Objects, log: Log) -> Feed {
    Feed::start(Sources { objects, log }, Arc::new(Policy::default()), clock())
}

fn world() -> World {
    World::new()
        .namespace("a")
        .account("a", "x")
        .cluster_role(
            "view",
            &json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}]),
        )
        .bind(None, "v", "ClusterRole/view", "user:ana")
}

fn cluster() -> MemoryCluster {
    let objects = world().snapshot.objects;
    let all = (objects.roles.values().map(|one| Object::Role((**one).clone())))
        .chain(objects.bindings.values().map(|one| Object::Binding((**one).clone())))
        .chain(objects.namespaces.values().map(|one| Object::Namespace((**one).clone())))
        .chain(
            objects.service_accounts.values().map(|one| Object::ServiceAccount((**one).clone())),
        );
    MemoryCluster::new(ClusterInfo { name: "x".into(), ..ClusterInfo::default() }, all)
}

fn live(cluster: &MemoryCluster) -> Objects {
    Objects::Live { cluster: Arc::new(cluster.clone()), options: LoadOptions::default() }
}

/// The first Book that is as wanted.
async fn until(
    books: &mut watch::Receiver<Arc<Book>>,
    wanted: impl Fn(&Book) -> bool,
) -> Arc<Book> {
    let found = timeout(Duration::from_hours(1), books.wait_for(|book| wanted(book))).await;
    found.expect("it never came").expect("the feed ended").clone()
}

fn is_loaded(book: &Book) -> bool {
    ListKind::ALL.iter().all(|kind| book.snapshot.list(*kind).health != Health::Loading)
}

fn grant_to(name: &str, who: &str) -> Object {
    read(&binding(None, name, "ClusterRole/view", &[who]))
}

fn has(book: &Book, who: &str) -> bool {
    book.find(&who.parse().unwrap()).is_some()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_followed_and_every_book_is_the_whole_truth() {
    let cluster = cluster();
    let feed = start(live(&cluster), Log::None);
    let mut books = feed.subscribe();
    assert_eq!(books.borrow().counts().identities, 0, "there at once, and empty");
    assert_eq!(books.borrow().snapshot.list(ListKind::Roles).health, Health::Loading);
    let first = until(&mut books, is_loaded).await;
    assert!(has(&first, "user:ana") && has(&first, "sa:a/x"));
    let id = first.find(&"user:ana".parse().unwrap()).unwrap().id;
    cluster.put(grant_to("more", "user:bob"));
    cluster.remove(&grant_to("v", "user:ana"));
    let next = until(&mut books, |book| has(book, "user:bob") && !has(book, "user:ana")).await;
    assert!(next.generation > first.generation);
    cluster.put(grant_to("v", "user:ana"));
    let back = until(&mut books, |book| has(book, "user:ana")).await;
    assert_eq!(back.find(&"user:ana".parse().unwrap()).unwrap().id, id, "ids are kept");
    let scratch = Book::build(Inputs {
        snapshot: back.snapshot.clone(),
        activity: None,
        log: LogState::None,
        policy: back.policy.clone(),
        now: back.now,
    });
    assert_eq!(back.counts(), scratch.counts());
    assert_eq!(back.now, day(100));
}

#[tokio::test(start_paused = true)]
async fn first_rows_come_at_once_and_then_four_books_a_second_at_most() {
    let cluster = cluster();
    let feed = start(live(&cluster), Log::None);
    let mut books = feed.subscribe();
    let begun = Instant::now();
    until(&mut books, |book| book.counts().identities > 0).await;
    assert!(begun.elapsed() < PACE, "{:?}", begun.elapsed());
    until(&mut books, is_loaded).await;
    let mut last = Instant::now();
    let mut seen = 0;
    for at in 0..200 {
        cluster.put(grant_to(&format!("b{at}"), &format!("user:u{at}")));
        tokio::time::sleep(Duration::from_millis(10)).await;
        if books.has_changed().unwrap() {
            books.mark_unchanged();
            books.borrow_and_update();
            seen += 1;
            last = Instant::now();
        }
    }
    assert!((4..=10).contains(&seen), "{seen} Books in two seconds");
    let all = until(&mut books, |book| has(book, "user:u199")).await;
    assert_eq!(all.counts().identities, 202);
    assert!(last.elapsed() <= 2 * PACE + Duration::from_millis(100), "{:?}", last.elapsed());
}

/// Lines as a test lets them out.
struct Tap(mpsc::Receiver<Vec<u8>>, Vec<u8>, Arc<AtomicBool>);

impl Read for Tap {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.1.is_empty() {
            match self.0.recv() {
                Ok(more) => self.1 = more,
                Err(_) => return Ok(0),
            }
        }
        let count = self.1.len().min(into.len());
        into[..count].copy_from_slice(&self.1[..count]);
        self.1.drain(..count);
        Ok(count)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.2.store(true, Ordering::SeqCst);
    }
}

fn line(at: i64) -> Vec<u8> {
    let event = json!({
        "kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata",
        "auditID": format!("id-{at}"), "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/a/pods/p", "verb": "get",
        "user": {"username": "ana", "groups": ["system:authenticated"]},
        "sourceIPs": ["198.51.100.7"], "userAgent": "kubectl",
        "objectRef": {"resource": "pods", "namespace": "a", "name": "p", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": day(at), "stageTimestamp": day(at),
        "annotations": {"authorization.k8s.io/decision": "allow"},
    });
    format!("{event}\n").into_bytes()
}

/// A log whose lines the test sends, and whether its reader is gone.
fn tap() -> (Log, mpsc::Sender<Vec<u8>>, Arc<AtomicBool>) {
    let (send, receive) = mpsc::channel();
    let receive = Arc::new(Mutex::new(Some(receive)));
    let gone = Arc::new(AtomicBool::new(false));
    let flag = gone.clone();
    let open = move || {
        let receive = receive.lock().unwrap().take().unwrap();
        vec![Input { name: "tap".into(), bytes: Box::new(Tap(receive, Vec::new(), flag.clone())) }]
    };
    (Log::Opened(Arc::new(open)), send, gone)
}

#[tokio::test]
async fn the_log_is_read_beside_the_objects_and_its_progress_is_seen() {
    let (log, lines, _) = tap();
    let feed = start(Objects::of(world().snapshot), log);
    let mut books = feed.subscribe();
    assert_eq!(books.borrow().log, LogState::Reading { bytes: 0, of: None });
    let rows = until(&mut books, |book| has(book, "user:ana")).await;
    assert!(matches!(rows.log, LogState::Reading { .. }), "rows do not wait for the log");
    let ana = "user:ana".parse().unwrap();
    assert_eq!(rows.find(&ana).unwrap().used, None);
    for at in [1, 2] {
        lines.send(line(at)).unwrap();
    }
    until(&mut books, |book| matches!(book.log, LogState::Reading { bytes, .. } if bytes > 0))
        .await;
    drop(lines);
    let read = until(&mut books, |book| book.log == LogState::Ready).await;
    let activity = read.find(&ana).unwrap().activity.clone().unwrap();
    assert_eq!((activity.requests, activity.last_seen), (2, Some(day(2))));
    assert_eq!(read.find(&ana).unwrap().used, Some((1, 1)));
}

#[tokio::test]
async fn dropping_a_feed_stops_its_reading() {
    let (log, lines, gone) = tap();
    let feed = start(Objects::of(world().snapshot), log);
    let mut books = feed.subscribe();
    until(&mut books, |book| has(book, "user:ana")).await;
    drop(feed);
    assert!(books.changed().await.is_err(), "no more Books");
    // The reader notices with the next line.
    while !gone.load(Ordering::SeqCst) {
        let _ = lines.send(line(1));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_read_ends_nothing_but_the_log() {
    let missing = "/nowhere/audit.log".parse().unwrap();
    let feed = start(Objects::of(world().snapshot), Log::Files(vec![missing]));
    let mut books = feed.subscribe();
    let book =
        until(&mut books, |book| matches!(book.log, LogState::Failed(_)) && has(book, "user:ana"))
            .await;
    let LogState::Failed(reason) = &book.log else { panic!("{:?}", book.log) };
    assert!(reason.contains("/nowhere/audit.log"), "{reason}");
}

#[tokio::test]
async fn a_log_that_cannot_be_read_again_leaves_what_was_known() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    append(&path, &line(1));
    let spec = path.to_str().unwrap().parse().unwrap();
    let feed = start(Objects::of(world().snapshot), Log::Files(vec![spec]));
    let mut books = feed.subscribe();
    let ana = "user:ana".parse().unwrap();
    until(&mut books, |book| book.log == LogState::Ready && has(book, "user:ana")).await;
    std::fs::remove_file(&path).unwrap();
    feed.reload();
    let failed = until(&mut books, |book| matches!(book.log, LogState::Failed(_))).await;
    let activity = failed.find(&ana).unwrap().activity.clone().unwrap();
    assert_eq!((activity.requests, activity.last_seen), (1, Some(day(1))));
    assert!(!failed.log.is_whole(), "nothing is found missing by it");
    append(&path, &line(2));
    feed.reload();
    let read = until(&mut books, |book| book.log == LogState::Ready).await;
    assert_eq!(read.find(&ana).unwrap().activity.clone().unwrap().last_seen, Some(day(2)));
}

#[tokio::test]
async fn saved_objects_that_cannot_be_read_are_said_and_read_again() {
    let reads = Arc::new(AtomicU64::new(0));
    let count = reads.clone();
    let objects = Objects::Saved(Arc::new(move || -> Result<Snapshot, String> {
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Err("cannot read x.json: no such file".to_owned()),
            1 => Ok(world().snapshot),
            _ => Err("cannot read x.json: gone again".to_owned()),
        }
    }));
    let feed = start(objects, Log::None);
    let mut books = feed.subscribe();
    let state = |book: &Book| book.snapshot.list(ListKind::Roles);
    let failed = until(&mut books, |book| state(book).health == Health::Failed).await;
    assert_eq!(state(&failed).reason.as_deref(), Some("cannot read x.json: no such file"));
    feed.reload();
    let read = until(&mut books, |book| has(book, "user:ana")).await;
    assert_eq!(state(&read).health, Health::Complete);
    feed.reload();
    let old = until(&mut books, |book| state(book).health == Health::Outdated).await;
    assert!(has(&old, "user:ana"), "what was known stays");
    assert_eq!(state(&old).reason.as_deref(), Some("cannot read x.json: gone again"));
}

#[tokio::test(start_paused = true)]
async fn a_reload_reads_a_cluster_afresh_and_a_stopped_one_is_outdated() {
    let cluster = cluster();
    let feed = start(live(&cluster), Log::None);
    let mut books = feed.subscribe();
    until(&mut books, is_loaded).await;
    cluster.stop();
    let health = |book: &Book| book.snapshot.list(ListKind::ClusterRoleBindings).health;
    let old = until(&mut books, |book| health(book) == Health::Outdated).await;
    assert!(has(&old, "user:ana"));
    cluster.start();
    cluster.put(grant_to("more", "user:bob"));
    feed.reload();
    let new = until(&mut books, |book| has(book, "user:bob") && is_loaded(book)).await;
    assert_eq!(health(&new), Health::Complete);
}

fn append(path: &std::path::Path, bytes: &[u8]) {
    use std::io::Write as _;
    let open = std::fs::OpenOptions::new().create(true).append(true).open(path);
    open.unwrap().write_all(bytes).unwrap();
}

#[tokio::test]
async fn activity_moves_as_the_log_grows_rotates_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    append(&path, &line(1));
    let spec = path.to_str().unwrap().parse().unwrap();
    let feed = start(
        Objects::of(world().snapshot),
        Log::Followed(super::Followed { specs: vec![spec], cluster: None, kept: None }),
    );
    let mut books = feed.subscribe();
    let ana = "user:ana".parse().unwrap();
    let requests = |book: &Book| {
        let entry = book.find(&ana)?;
        Some(entry.activity.as_ref()?.requests)
    };
    // The log and the objects are read beside each other.
    let both = |book: &Book| requests(book) == Some(1) && is_loaded(book);
    let mut first = until(&mut books, both).await;
    assert_eq!(first.log, LogState::Following(None));
    assert_eq!(first.find(&ana).unwrap().used, Some((1, 1)));
    // Lines as they come, the last one torn.
    let (whole, torn) = (line(2), line(3));
    append(&path, &[&*whole, &torn[..40]].concat());
    first = until(&mut books, |book| requests(book) == Some(2)).await;
    append(&path, &torn[40..]);
    let next = until(&mut books, |book| requests(book) == Some(3)).await;
    assert!(next.generation > first.generation);
    let last = next.find(&ana).unwrap().activity.clone().unwrap().last_seen;
    assert_eq!(last, Some(day(3)));
    // Renamed, and gone for a while.
    append(&path, &line(4));
    std::fs::rename(&path, folder.path().join("audit.1")).unwrap();
    let gone = until(&mut books, |book| requests(book) == Some(4)
        && matches!(&book.log, LogState::Following(Some(note)) if note.contains("is gone since")))
    .await;
    let LogState::Following(Some(note)) = &gone.log else { panic!("{:?}", gone.log) };
    assert!(note.contains("audit.log"), "{note}");
    append(&path, &line(5));
    until(&mut books, |book| {
        requests(book) == Some(5)
            && matches!(&book.log, LogState::Following(Some(note)) if note.contains("is back"))
    })
    .await;
    // Truncated.
    std::fs::write(&path, line(6)).unwrap();
    let all = until(&mut books, |book| requests(book) == Some(6)).await;
    let scratch = Book::build(Inputs {
        snapshot: all.snapshot.clone(),
        activity: all.activity.clone(),
        log: all.log.clone(),
        policy: all.policy.clone(),
        now: all.now,
    });
    assert_eq!(all.counts(), scratch.counts());
    assert_eq!(format!("{:?}", all.findings()), format!("{:?}", scratch.findings()));
}
