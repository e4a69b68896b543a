//! What a Book says that requests needed, against what the API server asked its authorizer.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Utc;
use keybook::audit::{self, Input, Options};
use keybook::book::{Book, Inputs, LogState};
use keybook::model::{Call, Identity, Implied, Policy, Snapshot, SubjectKind};
use keybook::rbac::Authorizer;
use rand::SeedableRng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::ask::{Ask, target, upgrade};
use super::asks::Asks;
use super::drive::{Driver, holds};
use super::people::{self, Holder};
use super::posing::{Holds, POSES, Pose};
use super::{kubelet, start};
use crate::answers::{Asked, snapshot};
use crate::full;
use crate::reviews::folder;
use crate::support::cluster::Cluster;

/// A question with the answer yes: about whom, what.
pub type Question = (Identity, Call);

/// What the authorizer was asked since a number of questions, and allowed.
fn asked(cluster: &Cluster, since: usize, authorizer: &Authorizer) -> BTreeSet<Question> {
    let questions = cluster.authorizer_questions();
    questions
        .iter()
        .skip(since)
        .filter(|review| {
            let asked = Asked::of(&review["spec"]);
            authorizer.decide(&asked.attributes()).allowed()
        })
        .map(|review| question(&review["spec"]))
        .collect()
}

pub fn question(spec: &Value) -> Question {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let resource = &spec["resourceAttributes"];
    let (verb, target) = if resource.is_object() {
        let part = |name: &str| text(&resource[name]);
        let parts =
            [part("group"), part("resource"), part("subresource"), part("namespace"), part("name")];
        (text(&resource["verb"]), target(parts.each_ref().map(String::as_str)))
    } else {
        let path = &spec["nonResourceAttributes"];
        (text(&path["verb"]), keybook::model::Target::Path(text(&path["path"]).into()))
    };
    let call = Call { verb: verb.into(), target, implied: Implied::Nothing };
    (Identity::from_user_name(&text(&spec["user"])), call)
}

/// What a Book over nothing but one request's lines says it needed: surely, perhaps.
pub fn needed(snapshot: &Arc<Snapshot>, lines: Vec<u8>) -> [BTreeSet<Question>; 2] {
    let input = Input { name: "request".into(), bytes: Box::new(std::io::Cursor::new(lines)) };
    let activity = audit::read_inputs(vec![input], &Options::new(Utc::now()), &());
    let book = Book::build(Inputs {
        snapshot: snapshot.clone(),
        activity: Some(Arc::new(activity.expect("an activity"))),
        log: LogState::Ready,
        policy: Arc::new(Policy::default()),
        now: Utc::now(),
    });
    let mut found = [BTreeSet::new(), BTreeSet::new()];
    // What a group is said to have needed is what its members did.
    let people = book.entries().filter(|entry| entry.identity.kind != SubjectKind::Group);
    for entry in people {
        for needed in book.needed(entry.id) {
            let question = (entry.identity.clone(), (*needed.call).clone());
            found[usize::from(!needed.sure)].insert(question);
        }
    }
    found
}

/// Lines of the log with an id.
fn lines(cluster: &Cluster, id: &str) -> Vec<u8> {
    let log = super::log(cluster);
    let quoted = format!("\"auditID\":\"{id}\"");
    let has = |line: &&[u8]| String::from_utf8_lossy(line).contains(&quoted);
    log.split_inclusive(|byte| *byte == b'\n').filter(has).collect::<Vec<_>>().concat()
}

/// Everything that is asked: drawn requests, each kind of impersonation, and a websocket into a pod.
fn cases(holders: &[Holder], rights: &super::rights::Rights) -> Vec<(Holder, Ask, Option<Pose>)> {
    // What a mode of impersonation allowed is not asked again for ten seconds, so that everybody
    // who acts by one does it once.
    let (limited, others): (Vec<&Holder>, Vec<&Holder>) =
        holders.iter().partition(|holder| holder.who.user.starts_with("limited-"));
    let others: Vec<&Holder> = others
        .into_iter()
        .filter(|holder| !holder.who.is_master() && holder.who.user != "helpdesk")
        .collect();
    let mut asks = Asks::new(ChaCha8Rng::seed_from_u64(0x9e57), "q".to_owned());
    let mut cases = Vec::new();
    for at in 0..if full() { 1_500 } else { 200 } {
        let holder = *others.choose(&mut asks.rng).expect("somebody");
        let pose = match holds(&holder.who, rights) {
            Holds::Legacy => Some(POSES[at % POSES.len()].clone()),
            _ => None,
        };
        cases.push((holder.clone(), asks.draw_for(&holder.who, rights), pose));
    }
    // A review asks the authorizer what somebody wants to know, and that uses no right.
    cases.retain(|(_, ask, _)| !ask.uri.ends_with("reviews"));
    for holder in limited {
        let pose = POSES.choose(&mut asks.rng).expect("one").clone();
        cases.push((holder.clone(), asks.draw(), Some(pose)));
    }
    for holder in others {
        for pod in ["running", "web-0"] {
            let uri = format!("/api/v1/namespaces/act-a/pods/{pod}/exec?command=id&stdout=true");
            cases.push((holder.clone(), upgrade(exec(uri, pod)), None));
        }
    }
    cases
}

fn exec(uri: String, pod: &str) -> Ask {
    Ask {
        method: "GET",
        uri,
        headers: Vec::new(),
        body: String::new(),
        streams: false,
        verb: "get",
        target: target(["", "pods", "exec", "act-a", pod]),
        needs: vec!["exec-act-a".to_owned(), "exec-get-act-a".to_owned()],
        behind: None,
    }
}

#[test]
fn requests_needed_exactly_what_the_authorizer_was_asked() {
    let Some((cluster, server, rights)) = start(true) else { return };
    kubelet::make(&cluster, "act-a");
    let mut holders = people::holders(&cluster, &server);
    holders.extend(people::limited_holders(&server));
    let folder = folder("questions");
    cluster.save_rbac(&folder);
    let mut snapshot = snapshot(&folder);
    let version = cluster.ready()["version"].as_str().expect("a version").to_owned();
    snapshot.cluster.server_version = Some(version.as_str().into());
    let snapshot = Arc::new(snapshot);
    let authorizer = Authorizer::new(&snapshot.objects);
    let mut driver = Driver::new(&server, &holders, &rights, 99);
    let (mut sure, mut open, mut open_asked, mut behind, mut upgraded) = (0, 0, 0, 0, 0);
    let cases = cases(&holders, &rights);
    let count = cases.len();
    for (at, (holder, mut ask, pose)) in cases.into_iter().enumerate() {
        let id = format!("question-{at}");
        ask.headers.push(("Audit-ID".to_owned(), id.clone()));
        let pose = pose.filter(|_| ask.method != "HEAD");
        let before = cluster.authorizer_questions().len();
        let about = format!("{} {} {pose:?}", holder.who.user, ask.uri);
        let status = driver.ask(&holder, &ask, pose.as_ref());
        let asked: BTreeSet<Question> = asked(&cluster, before, &authorizer);
        let lines = lines(&cluster, &id);
        let log = String::from_utf8_lossy(&lines).into_owned();
        let [surely, perhaps] = needed(&snapshot, lines);
        // A control plane never rests; only those of the request are of interest. Nor does the log
        // show what was allowed of an impersonation that was refused in the end.
        let noted = driver.notes.all.last().expect("a note");
        let people = [&noted.row.authenticated, &noted.row.effective];
        let refused = noted.row.call.verb.starts_with("impersonate");
        let asked: BTreeSet<Question> = asked
            .into_iter()
            .filter(|(who, call)| {
                people.contains(&who) && !(refused && call.verb.starts_with("impersonate"))
            })
            .collect();
        let missing: Vec<_> = surely.difference(&asked).collect();
        let unexplained: Vec<_> =
            asked.iter().filter(|q| !surely.contains(q) && !perhaps.contains(q)).collect();
        assert!(
            missing.is_empty() && unexplained.is_empty(),
            "{status} {about}\nnot asked: {missing:#?}\nnot known: {unexplained:#?}\n{log}"
        );
        sure += surely.len();
        open += perhaps.difference(&surely).count();
        open_asked += perhaps.iter().filter(|q| !surely.contains(q) && asked.contains(q)).count();
        behind += usize::from(surely.len() > 1);
        upgraded += usize::from(status == 101);
    }
    println!(
        "questions: {count} requests, {sure} authorizations surely needed, all asked; {open} left \
         open, of which {open_asked} asked; {behind} requests needed more than one; {upgraded} \
         websockets"
    );
    assert!(behind > 20 && upgraded > 2);
    std::fs::remove_dir_all(folder).expect("remove the folder");
}
