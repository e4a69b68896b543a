//! Runs whose process ends at any point.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::cluster::{self, Address, CertificateAsk, IssuedCertificate, IssuedToken, TokenAsk};

/// A way to write that never comes back from its nth real write: the process ended.
#[derive(Debug)]
struct Deadly {
    inner: MemoryCluster,
    /// Real writes that come back.
    lives: AtomicUsize,
    /// Whether the last one is made all the same.
    made: bool,
}

impl Deadly {
    async fn pass(
        &self,
        dry: DryRun,
        write: impl Future<Output = Result<Value, cluster::Error>>,
    ) -> Result<Value, cluster::Error> {
        if dry == DryRun::Yes {
            return write.await;
        }
        if self.lives.load(Ordering::SeqCst) > 0 {
            self.lives.fetch_sub(1, Ordering::SeqCst);
            return write.await;
        }
        if self.made {
            write.await?;
        }
        Err(cluster::Error::Config {
            tried: "end".to_owned(),
            cause: "the process ended".to_owned(),
        })
    }
}

#[async_trait]
impl Writer for Deadly {
    async fn create(&self, at: &str, object: &Value, dry: DryRun) -> Result<Value, cluster::Error> {
        self.pass(dry, self.inner.create(at, object, dry)).await
    }

    async fn replace(
        &self,
        at: &str,
        object: &Value,
        dry: DryRun,
    ) -> Result<Value, cluster::Error> {
        self.pass(dry, self.inner.replace(at, object, dry)).await
    }

    async fn patch(&self, at: &str, merge: &Value, dry: DryRun) -> Result<Value, cluster::Error> {
        self.pass(dry, self.inner.patch(at, merge, dry)).await
    }

    async fn delete(
        &self,
        at: &str,
        only: &Preconditions,
        dry: DryRun,
    ) -> Result<(), cluster::Error> {
        let write = async { self.inner.delete(at, only, dry).await.map(|()| Value::Null) };
        self.pass(dry, write).await.map(drop)
    }

    async fn request_token(&self, ask: &TokenAsk) -> Result<IssuedToken, cluster::Error> {
        let mut issued = None;
        let write = async {
            issued = Some(self.inner.request_token(ask).await?);
            Ok(Value::Null)
        };
        self.pass(DryRun::No, write).await?;
        Ok(issued.expect("it was made"))
    }

    async fn request_certificate(
        &self,
        ask: &CertificateAsk,
    ) -> Result<IssuedCertificate, cluster::Error> {
        let mut issued = None;
        let write = async {
            issued = Some(self.inner.request_certificate(ask).await?);
            Ok(Value::Null)
        };
        self.pass(DryRun::No, write).await?;
        Ok(issued.expect("it was made"))
    }

    fn address(&self) -> Result<Address, cluster::Error> {
        self.inner.address()
    }
}

/// Applies until a write does not come back.
async fn stopped(
    desk: &Desk,
    cluster: &MemoryCluster,
    plan: &Plan,
    (lives, made): (usize, bool),
) -> Ended {
    let writer = Deadly { inner: cluster.clone(), lives: AtomicUsize::new(lives), made };
    desk.at_work(cluster, &writer, async |runner| runner.apply(plan).await.expect("a journal").1)
        .await
}

/// The same, and forgets what was said after that: the journal is that of a process that ended there,
/// before or after what is written meanwhile (that the step before was made, and the next is near)
/// came to the disk.
async fn cut_off(
    desk: &Desk,
    cluster: &MemoryCluster,
    plan: &Plan,
    end: (usize, bool),
    meanwhile: bool,
) {
    let Ended::Stopped { .. } = stopped(desk, cluster, plan, end).await else { return };
    let text = std::fs::read_to_string(&desk.path).expect("the journal");
    let mut entries: Vec<&str> = text.split_inclusive('\n').collect();
    while entries.last().is_some_and(|entry| entry.contains(r#""event":"stopped""#)) {
        entries.pop();
    }
    if !meanwhile {
        let step = plan.steps[end.0].id;
        let sent = format!(r#""event":"writing","run":1,"step":{step}}}"#);
        let at =
            entries.iter().position(|entry| entry.contains(&sent)).expect("it was written down");
        entries.truncate(at + 1);
    }
    std::fs::write(&desk.path, entries.concat()).expect("cut");
}

#[test]
fn a_run_that_is_cut_off_at_any_point_is_finished_and_undone_as_if_it_was_not() {
    let ways = |end: usize| {
        let both = [false, true];
        both.into_iter().flat_map(move |made| both.map(|meanwhile| ((end, made), meanwhile)))
    };
    block_on(async {
        for (end, meanwhile) in (0..3).flat_map(ways) {
            for finish in [true, false] {
                let cluster = cluster().await;
                let before = state(&cluster).await;
                let plan = plan(&cluster, &["user:ann"]).await;
                let desk = Desk::new();
                cut_off(&desk, &cluster, &plan, end, meanwhile).await;
                let history = desk.history();
                let open = history.open().expect("a run that was cut off");
                // Of the step before the journal has that it was made; of the first, which is an edit
                // before another, perhaps that it may have been.
                let known = if !meanwhile && end.0 == 1 { 0 } else { end.0 };
                assert_eq!((open.id, open.made().len()), (1, known), "{end:?} {meanwhile}");
                // Nothing else is begun before.
                let again = apply(&desk, &cluster, &plan).await;
                assert!(matches!(again, Err(RunError::Refused(_))));
                if finish {
                    let ended = desk
                        .at_work(&cluster, &cluster, async |runner| runner.finish(1).await)
                        .await;
                    assert_eq!(ended.expect("finished"), Ended::Done(Vec::new()));
                    let [every, both, lone, _] = paths();
                    let after = state(&cluster).await;
                    for path in [&every, &both] {
                        let subjects = &after[path].as_ref().expect("there")["subjects"];
                        assert_eq!(*subjects, json!([user("bob")]));
                    }
                    assert_eq!(after[&lone], None);
                }
                assert_eq!(undo(&desk, &cluster, 1).await, Ended::Done(Vec::new()));
                assert_eq!(state(&cluster).await, before, "{end:?} {meanwhile} {finish}");
                assert!(desk.history().open().is_none());
            }
        }
    });
}

#[test]
fn a_step_that_was_announced_and_never_sent_is_known_to_be_untouched() {
    block_on(async {
        let cluster = cluster().await;
        let plan = plan(&cluster, &["user:ann"]).await;
        let desk = Desk::new();
        let ended = stopped(&desk, &cluster, &plan, (0, false)).await;
        assert!(matches!(ended, Ended::Stopped { step: Some(1), .. }), "{ended:?}");
        let text = std::fs::read_to_string(&desk.path).expect("the journal");
        assert!(text.contains(r#""event":"writing","run":1,"step":2"#), "it was announced");
        let history = desk.history();
        let states: Vec<&StepState> = history.runs[&1].steps.values().collect();
        assert_eq!(states, [&StepState::Untouched; 3]);
        assert!(matches!(history.runs[&1].standing, Standing::Stopped(_)));
    });
}
