//! A walk: the requests of a path's steps, each sent by those who the step says send it, and taken
//! back afterwards.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::rights::first_of;
use super::site::{Credential, Question, Site, TREASURE, WALKERS, content_type, parsed, request};
use super::steps;
use super::streams::{By, To};
use crate::activity::client::Request;
use crate::support::process::await_some;

/// The number of the request that was refused.
pub type Refused = usize;

const CONSTRAINED: &str = "constrained-impersonate";

/// What is to be put back.
enum Undo {
    /// Nothing was there.
    Delete(String),
    /// This was.
    Put(String, Value),
    /// This was there, in this collection.
    Make(String, Value),
    /// Pods of a namespace, but for those that were there.
    Pods(String, Vec<String>),
    /// Those of controllers, whose account has its token mounted nowhere.
    Unmounted(String),
}

/// One walk along the steps of a path.
pub struct Walk<'s> {
    pub site: &'s Site,
    /// Of what it makes: no other walk makes anything of that name.
    pub name: String,
    hops: Vec<Value>,
    /// By what was gained, in keybook's words.
    gained: BTreeMap<String, Credential>,
    /// Those who can be bound: by their words.
    subjects: BTreeMap<String, Value>,
    undo: Vec<Undo>,
    /// What the walk made the authorizer allow.
    allowed: Vec<Question>,
    asked: usize,
    /// The request that is to be refused; none, where all are to be answered.
    refused: Option<usize>,
    /// The user and the groups that a certificate is made for.
    certified: (String, Vec<String>),
    /// Whether those who came to everything give it to all who were taken over.
    pub shares: bool,
}

impl<'s> Walk<'s> {
    /// Of an account of [`WALKERS`], along these steps.
    pub fn new(
        site: &'s Site,
        name: &str,
        hops: &[Value],
        walker: Credential,
        refused: Option<usize>,
    ) -> Self {
        let subject = super::rights::account(WALKERS, name);
        Self { refused, ..Self::of(site, name, hops, walker, subject) }
    }

    /// Of somebody whom bindings name so; no request is refused.
    pub fn of(
        site: &'s Site,
        name: &str,
        hops: &[Value],
        walker: Credential,
        subject: Value,
    ) -> Self {
        let first = words(&hops[0]["from"][0]);
        Self {
            site,
            name: format!("walk-{name}"),
            hops: hops.to_vec(),
            gained: BTreeMap::from([(first.clone(), walker)]),
            subjects: BTreeMap::from([(first, subject)]),
            undo: Vec::new(),
            allowed: Vec::new(),
            asked: 0,
            refused: None,
            certified: (super::certificates::BOSS.to_owned(), Vec::new()),
            shares: false,
        }
    }

    /// Has certificates made for this user in these groups.
    pub fn certified_as(&mut self, whom: (String, Vec<String>)) {
        self.certified = whom;
    }

    /// Whom a certificate is made for.
    pub fn certified(&self) -> &(String, Vec<String>) {
        &self.certified
    }

    /// How many requests were sent.
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// Makes all steps: what the last one gained.
    pub fn steps(&mut self) -> Result<Credential, Refused> {
        let mut last = None;
        for hop in self.hops.clone() {
            let gained = steps::take(self, &hop)?;
            let words = words(&hop["gain"]);
            if let Some(identity) = hop["gain"]["identity"].as_object() {
                let mut subject = Value::Object(identity.clone());
                if subject["kind"] != "ServiceAccount" {
                    subject["apiGroup"] = json!("rbac.authorization.k8s.io");
                    subject.as_object_mut().expect("an object").remove("namespace");
                }
                self.subjects.insert(words.clone(), subject);
            }
            self.gained.insert(words, gained.clone());
            last = Some(gained);
        }
        Ok(last.expect("a step"))
    }

    /// Who makes a step: the one of that place among those who make it.
    pub fn from(&self, hop: &Value, at: usize) -> Credential {
        self.gained[&words(&hop["from"][at])].clone()
    }

    /// Who of those who make a step holds a permission of it: whom the grant names, else the first.
    pub fn holder(&self, hop: &Value, needed: &Value) -> Credential {
        let subject = &needed["via"]["subject"];
        let from = hop["from"].as_array().expect("who");
        let at = from.iter().position(|one| one["identity"] == *subject && !subject.is_null());
        // Who has certificates made for any name can be whom the grant names.
        let anyone = || from.iter().position(|one| one["kind"] == "anyone");
        self.from(hop, at.or_else(anyone).unwrap_or_default())
    }

    /// What the steps after one take by a role that a step gave.
    pub fn wanted_of(&self, hop: &Value) -> Vec<Value> {
        let after = self.hops.iter().skip_while(|one| *one != hop).skip(1);
        let needed = after.flat_map(|one| one["needed"].as_array().cloned().unwrap_or_default());
        needed.filter(|one| one["via"].is_null()).collect()
    }

    /// Those who make a step and are somebody, not a role that was given: as what, and as bindings
    /// name them.
    pub fn all(&self, hop: &Value) -> Vec<(Credential, Value)> {
        let from = hop["from"].as_array().expect("who").iter().map(words);
        let somebody =
            |who: String| Some((self.gained.get(&who)?.clone(), self.subjects.get(&who)?.clone()));
        from.filter_map(somebody).collect()
    }

    /// Those of what its steps gain.
    pub fn namespaces(&self) -> BTreeSet<String> {
        let of = |hop: &Value| {
            let gain = &hop["gain"];
            let all = [&gain["identity"]["namespace"], &gain["at"]["namespace"]];
            all.map(|namespace| namespace.as_str().map(str::to_owned))
        };
        self.hops.iter().flat_map(of).flatten().collect()
    }

    /// Who walks.
    pub fn own(&self) -> Credential {
        self.gained[&words(&self.hops[0]["from"][0])].clone()
    }

    /// The same, as bindings name it.
    pub fn own_subject(&self) -> Value {
        self.subjects[&words(&self.hops[0]["from"][0])].clone()
    }

    /// Everybody who was taken over, as bindings name them.
    pub fn everybody(&self) -> Vec<Value> {
        self.subjects.values().cloned().collect()
    }

    /// Sends a request that is to be answered, or refused, as it is this one's turn.
    pub fn ask(&mut self, who: &Credential, request: &Request) -> Result<Value, Refused> {
        let body = self.answer(who, request)?;
        Ok(serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    fn answer(&mut self, who: &Credential, request: &Request) -> Result<String, Refused> {
        let at = self.turn();
        let what = format!("{}, {at}: {} {}", self.name, request.method, request.uri);
        let refused = self.refused == Some(at);
        // What was gained just now holds a moment later. Where an impersonation was constrained, the
        // API server remembers for ten seconds that it was allowed.
        let remembers = refused && self.hops.iter().any(|hop| hop["step"] == CONSTRAINED);
        let answer = await_some(&what, || {
            let answer = self.site.send(who, request);
            let again = match answer.status {
                403 => !refused,
                _ => remembers,
            };
            (!again).then_some(answer)
        });
        if answer.status == 403 {
            return Err(at);
        }
        let code = answer.status;
        assert!((200..300).contains(&code), "{what}: {code} {}", answer.body);
        Ok(answer.body)
    }

    /// Counts a request: its number.
    fn turn(&mut self) -> usize {
        self.asked += 1;
        self.asked - 1
    }

    /// The same over a connection into a pod: what is said there at once.
    pub fn connect(
        &mut self,
        who: &Credential,
        to: To,
        by: By,
        uri: &str,
    ) -> Result<String, Refused> {
        let at = self.turn();
        let refused = self.refused == Some(at);
        await_some(&format!("{}, {at}: {uri}", self.name), || {
            let said = super::streams::connect(self.site, who, to, by, uri);
            (said.is_some() || refused).then_some(said)
        })
        .ok_or(at)
    }

    /// Makes an object in a collection.
    pub fn create(
        &mut self,
        who: &Credential,
        collection: &str,
        object: &Value,
    ) -> Result<Value, Refused> {
        let made = self.ask(who, &request("POST", collection, Some(object)))?;
        let name = made["metadata"]["name"].as_str().expect("a name");
        self.undo.push(Undo::Delete(format!("{collection}/{name}")));
        Ok(made)
    }

    /// Changes an object, or makes it by a request that carries its name.
    pub fn change(&mut self, who: &Credential, uri: &str, how: How<'_>) -> Result<Value, Refused> {
        let before = self.site.get(uri);
        let sent = match how {
            How::Put(object) => request("PUT", uri, Some(object)),
            How::Apply(object) => {
                let uri = format!("{uri}?fieldManager=walk&force=true");
                let mut request = request("PATCH", &uri, Some(object));
                content_type(&mut request, "application/apply-patch+yaml");
                request
            }
            How::Merge(change) => {
                let mut request = request("PATCH", uri, Some(change));
                content_type(&mut request, "application/merge-patch+json");
                request
            }
        };
        let made = self.ask(who, &sent)?;
        self.undo.push(match before {
            Some(before) => Undo::Put(uri.to_owned(), before),
            None => Undo::Delete(uri.to_owned()),
        });
        Ok(made)
    }

    /// Deletes what the step says that it deletes, by the one who may: by its name, by the one of the
    /// collection that has the name, or by an owner that is not there.
    pub fn delete(&mut self, hop: &Value, collection: &str) -> Result<(), Refused> {
        let deletes = &hop["deletes"];
        let Some(name) = deletes["name"].as_str() else { return Ok(()) };
        let is_it = |verb: &str, on: &str| deletes["verb"] == verb && deletes["resource"] == on;
        let right = super::steps::needed(hop, is_it).expect("deleting");
        assert!(super::steps::lets(right, name), "{right}");
        let uri = format!("{collection}/{name}");
        let before = self.site.get(&uri);
        let options = "gracePeriodSeconds=0&propagationPolicy=Background";
        let sent = match right["verb"].as_str() {
            Some("delete") => request("DELETE", &format!("{uri}?{options}"), None),
            Some("deletecollection") => {
                let one = format!("{collection}?fieldSelector=metadata.name%3D{name}&{options}");
                request("DELETE", &one, None)
            }
            Some("patch") => {
                let change = json!({"metadata": {"ownerReferences": nobody()}});
                let mut sent = request("PATCH", &uri, Some(&change));
                content_type(&mut sent, "application/merge-patch+json");
                sent
            }
            _ => {
                let mut put = before.clone().expect("what is deleted");
                // Nothing else changes, so that nobody asks for what a role or binding gives.
                put["metadata"]["ownerReferences"] = nobody();
                request("PUT", &uri, Some(&put))
            }
        };
        let who = self.holder(hop, right);
        self.ask(&who, &sent)?;
        await_some("it to be gone", || (!super::case::is_there(self.site, &uri)).then_some(()));
        self.undo.extend(before.map(|mut before| {
            before["metadata"].as_object_mut().expect("metadata").remove("ownerReferences");
            Undo::Make(collection.to_owned(), before)
        }));
        Ok(())
    }

    /// To be called before pods are made that are to be taken away afterwards.
    pub fn pods_follow(&mut self, namespace: &str) -> Vec<String> {
        let there = self.pods(namespace);
        self.undo.push(Undo::Pods(namespace.to_owned(), there.clone()));
        there
    }

    /// To be called before an account is changed to have its token mounted into the pods of controllers.
    pub fn pods_are_made_anew(&mut self, namespace: &str) -> Vec<String> {
        self.undo.push(Undo::Unmounted(namespace.to_owned()));
        self.pods(namespace)
    }

    fn pods(&self, namespace: &str) -> Vec<String> {
        let pods = self.site.list(&format!("/api/v1/namespaces/{namespace}/pods"));
        let name = |pod: &Value| pod["metadata"]["name"].as_str().map(str::to_owned);
        pods.iter().filter_map(name).collect()
    }

    /// What a role would give to somebody who has nothing of it yet.
    pub fn lacks(&self, subject: &Value, rules: &Value, namespace: &str) -> Option<Question> {
        let question = first_of(&rules[0], subject, namespace);
        (!self.site.allows(&question)).then_some(question)
    }

    /// Waits until the authorizer knows what the walk gave.
    pub fn gives(&mut self, question: Option<Question>) {
        if let Some(question) = question {
            self.site.await_answer(&question, true);
            self.allowed.push(question);
        }
    }

    /// Takes everything back, the last first.
    pub fn undo(mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Delete(uri) => {
                    self.site.delete(&uri);
                    await_some("it to be gone", || {
                        (!super::case::is_there(self.site, &uri)).then_some(())
                    });
                }
                Undo::Put(uri, object) => self.site.put(&uri, &object),
                Undo::Make(collection, object) => self.site.make(&collection, &object),
                Undo::Unmounted(namespace) => super::automount::runs_without(self.site, &namespace),
                Undo::Pods(namespace, there) => await_some("the pods to be gone", || {
                    let mut pods = self.pods(&namespace);
                    pods.retain(|pod| !there.contains(pod));
                    for pod in &pods {
                        self.site.delete(&format!("/api/v1/namespaces/{namespace}/pods/{pod}"));
                    }
                    pods.is_empty().then_some(())
                }),
            }
        }
        for question in &self.allowed {
            self.site.await_answer(question, false);
        }
    }
}

/// Owners that are not there.
fn nobody() -> Value {
    json!([{"apiVersion": "v1", "kind": "Namespace", "name": "walk-nobody",
        "uid": "00000000-0000-4000-8000-000000000000"}])
}

/// How an object is changed.
#[derive(Clone, Copy)]
pub enum How<'v> {
    Put(&'v Value),
    Apply(&'v Value),
    Merge(&'v Value),
}

/// What tells apart what was gained: somebody may be impersonated who is there with a credential too.
fn words(gain: &Value) -> String {
    let text = |field: &str| gain[field].as_str().expect("text");
    format!("{} {}", text("kind"), text("words"))
}

/// What only those as strong as that can read.
pub fn goal(vault: &str) -> Request {
    request("GET", &format!("/api/v1/namespaces/{vault}/configmaps/{TREASURE}"), None)
}

/// The answer of a watch that ended by itself: the objects of its events.
pub fn watched(body: &str) -> Vec<Value> {
    let lines = body.lines().filter(|line| !line.is_empty());
    lines.map(|line| parsed(line)["object"].clone()).collect()
}
