//! One kind of step: a small world in which somebody can make it and others nearly can. keybook has
//! to list the path of the one and none for the others; then it is walked, undone and cut.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::rights::{Right, account, asker, bound, first_of, role, service_account};
use super::site::{Credential, Question, Site, TREASURE, VAULT, WALKERS, namespace, request};
use super::walk::{Walk, goal};
use crate::inventory::keybook;
use crate::support::process::await_some;

const RBAC: &str = "rbac.authorization.k8s.io/v1";
/// How strong one becomes by every path.
const ADMIN: &str = "cluster-admin";
/// How long a grant of impersonation that was taken away is waited for.
const REMEMBERED: Duration = Duration::from_secs(15);

/// Somebody who nearly can.
struct Near {
    what: &'static str,
    rights: Vec<Right>,
    /// Which request of the walk is refused to it.
    refused: usize,
    /// Whether it becomes more than it is all the same, less than an administrator.
    rises: bool,
}

/// A world and what is expected of it.
pub struct Case {
    /// Of its namespace, and of the account that walks.
    pub name: &'static str,
    objects: Vec<Value>,
    /// Pods that run.
    running: Vec<String>,
    /// What makes pods that run, by its resource and name.
    made: Vec<(&'static str, &'static str)>,
    /// Each with the first request of the walk that is refused without it.
    rights: Vec<(Right, usize)>,
    /// Grants of others on which the path stands too, each with the request that is refused.
    others: BTreeMap<String, usize>,
    steps: Vec<&'static str>,
    near: Vec<Near>,
    /// A role of the world that all who walk hold, the near ones too.
    held: Option<(&'static str, Option<&'static str>)>,
}

impl Case {
    /// A world in which `sa:NAME/strong` is cluster-admin, by the binding `NAME-strong`.
    pub fn to_strong(name: &'static str, steps: &[&'static str]) -> Self {
        let mut case = Self::to_role(name, steps);
        let strong = account(name, "strong");
        case.objects.push(service_account(name, "strong"));
        let binding = format!("{name}-strong");
        case.objects.push(bound(&binding, None, ("ClusterRole", "cluster-admin"), &strong));
        case.others.insert(binding, usize::MAX);
        case
    }

    /// A world without.
    pub fn to_role(name: &'static str, steps: &[&'static str]) -> Self {
        Self {
            name,
            objects: vec![namespace(name)],
            running: Vec::new(),
            made: Vec::new(),
            rights: Vec::new(),
            others: BTreeMap::new(),
            steps: steps.to_vec(),
            near: Vec::new(),
            held: None,
        }
    }

    pub fn object(mut self, object: Value) -> Self {
        self.objects.push(object);
        self
    }

    /// A role that all who walk hold, in the world's namespace or cluster-wide.
    pub fn all_hold(self, name: &'static str, namespace: Option<&'static str>) -> Self {
        self.all_bound(name, namespace).object(role(name, namespace, &look()))
    }

    /// The same of a role that nobody made.
    pub fn all_bound(mut self, name: &'static str, namespace: Option<&'static str>) -> Self {
        self.held = Some((name, namespace));
        self
    }

    /// A pod that runs, as the account.
    pub fn pod(mut self, name: &str, account: &str) -> Self {
        self.objects.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": self.name},
            "spec": super::pods::pod_spec(account)}));
        self.running.push(name.to_owned());
        self
    }

    /// The same of another spec.
    pub fn pod_of(mut self, name: &str, spec: &Value) -> Self {
        self.objects.push(json!({"apiVersion": "v1", "kind": "Pod", "spec": spec,
            "metadata": {"name": name, "namespace": self.name}}));
        self.running.push(name.to_owned());
        self
    }

    /// What makes a pod that runs as the strong account, whose token is mounted nowhere.
    pub fn unmounted(mut self, resource: &'static str, name: &'static str) -> Self {
        for object in self.objects.iter_mut().filter(|one| one["kind"] == "ServiceAccount") {
            object["automountServiceAccountToken"] = json!(false);
        }
        self.objects.push(super::pods::workload(resource, self.name, name, "strong", false));
        self.made.push((resource, name));
        self
    }

    /// A right of the one who walks, and which request is refused without it.
    pub fn right(mut self, right: Right, refused: usize) -> Self {
        self.rights.push((right, refused));
        self
    }

    /// A grant of somebody else on which the path stands, by the name of its binding.
    pub fn stands_on(mut self, binding: impl Into<String>, refused: usize) -> Self {
        self.others.insert(binding.into(), refused);
        self
    }

    /// Somebody with these rights in the place of those, who is refused at this request.
    pub fn near(mut self, what: &'static str, refused: usize, rights: &[Right]) -> Self {
        self.near.push(Near { what, rights: rights.to_vec(), refused, rises: false });
        self
    }

    /// The last of those becomes more than it is, but not an administrator.
    pub fn that_rises(mut self) -> Self {
        self.near.last_mut().expect("somebody").rises = true;
        self
    }

    fn near_name(&self, at: usize) -> String {
        format!("{}-near-{at}", self.name)
    }

    /// Makes the world and waits until it is as it should be.
    fn make(&self, site: &Site) {
        let mut objects = self.objects.clone();
        let mut questions: Vec<Question> = Vec::new();
        let mut who = |name: &str, rights: &[Right]| {
            objects.push(service_account(WALKERS, name));
            if let Some((held, namespace)) = self.held {
                let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
                let binding = format!("{name}-held");
                objects.push(bound(&binding, namespace, (kind, held), &account(WALKERS, name)));
            }
            let subject = account(WALKERS, name);
            for (at, right) in rights.iter().enumerate() {
                objects.extend(right.objects(&format!("{name}-{at}"), self.name, &subject));
                questions.push(right.question(&subject, self.name));
            }
        };
        let own: Vec<Right> = self.rights.iter().map(|(right, _)| right.clone()).collect();
        who(self.name, &own);
        for (at, near) in self.near.iter().enumerate() {
            who(&self.near_name(at), &near.rights);
        }
        // A Secret for the token of an account that is not there is taken away at once.
        let (secrets, objects): (Vec<Value>, Vec<Value>) =
            objects.into_iter().partition(|object| object["kind"] == "Secret");
        site.load(&objects);
        site.load(&secrets);
        for pod in &self.running {
            site.run(self.name, pod);
        }
        if !self.made.is_empty() {
            super::automount::runs_without(site, self.name);
        }
        for question in &questions {
            site.await_answer(question, true);
        }
        self.await_objects(site);
    }

    /// Waits for what controllers make of the objects, and for what they grant.
    fn await_objects(&self, site: &Site) {
        let of_kind =
            |kind: &'static str| self.objects.iter().filter(move |object| object["kind"] == kind);
        let name = |object: &Value| object["metadata"]["name"].as_str().expect("a name").to_owned();
        for secret in of_kind("Secret") {
            let uri = format!("/api/v1/namespaces/{}/secrets/{}", self.name, name(secret));
            await_some("the token", || {
                site.get(&uri).filter(|secret| secret["data"]["token"].is_string())
            });
        }
        for binding in of_kind("ClusterRoleBinding") {
            if binding["roleRef"]["name"] == "cluster-admin" {
                site.await_answer(&treasure_of(&binding["subjects"][0], VAULT), true);
            }
        }
    }

    /// Does all of it. What is asserted is said above.
    pub fn run(&self, site: &Site) {
        self.make(site);
        let walker = site.account(WALKERS, self.name);
        let before = site.send(&walker, &goal(VAULT));
        assert_eq!(before.status, 403, "{}: {}", self.name, before.body);

        let row = self.listed(site);
        let hops = row["paths"].as_array().and_then(|paths| paths.first()).expect("a path");
        let hops = hops["hops"].as_array().expect("steps").clone();
        let mut walk = Walk::new(site, self.name, &hops, walker.clone(), None);
        let gained = walk.steps().unwrap_or_else(|at| panic!("{}: refused at {at}", self.name));
        let after = walk.ask(&gained, &goal(VAULT)).expect("the goal");
        assert_eq!(after["data"]["of"], VAULT, "{}", self.name);
        let asked = walk.asked();
        self.undo(site, walk);

        self.cuts(site, &row, &hops, &walker, asked - 1);
        for (at, near) in self.near.iter().enumerate() {
            let what = format!("{}: {}", self.name, near.what);
            let name = self.near_name(at);
            let row = reach(site, &name);
            // A path may be there for what somebody else may do who is no stronger.
            let paths = row["paths"].as_array().expect("paths");
            let rises = paths.iter().any(|path| path["adds"].is_null());
            assert_eq!(rises, near.rises, "{what}: {row:#}");
            assert_eq!(row["reaches"] != row["tier"], near.rises, "{what}");
            assert_ne!(row["reaches"], ADMIN, "{what}: {row:#}");
            let walker = site.account(WALKERS, &name);
            let mut walk = Walk::new(site, &name, &hops, walker, Some(near.refused));
            let came = walk.steps().and_then(|gained| walk.ask(&gained, &goal(VAULT)));
            assert_eq!(came.err(), Some(near.refused), "{what}");
            self.undo(site, walk);
        }
        for pod in &self.running {
            site.delete(&format!("/api/v1/namespaces/{}/pods/{pod}", self.name));
        }
        for (resource, name) in &self.made {
            super::automount::end(site, self.name, resource, name);
        }
    }

    /// What keybook names as cuts is what the path stands on; each is made and undone.
    fn cuts(&self, site: &Site, row: &Value, hops: &[Value], walker: &Credential, goal: usize) {
        let cuts = row["cuts"].as_array().expect("cuts");
        let named: BTreeSet<&str> =
            cuts.iter().filter_map(|cut| cut["grant"]["binding"].as_str()).collect();
        let mut wanted: BTreeMap<String, usize> = self.others.clone();
        let own = self.rights.iter().enumerate();
        wanted.extend(own.map(|(at, (_, refused))| (format!("{}-{at}", self.name), *refused)));
        // Who is not bound to the role that is changed gains nothing by that.
        wanted.extend(self.held.map(|_| (format!("{}-held", self.name), usize::MAX)));
        assert_eq!(named, wanted.keys().map(String::as_str).collect(), "{}: {row:#}", self.name);
        for cut in cuts {
            assert_eq!(cut["cuts"], true, "{}: {cut}", self.name);
            let refused = wanted[cut["grant"]["binding"].as_str().expect("a binding")];
            let left = self.cut(site, &cut["grant"], hops, walker, refused.min(goal));
            assert_eq!(left, cut["leaves"], "{}: {cut}", self.name);
        }
    }

    /// What keybook says of the one who walks, once that was compared with what is expected.
    fn listed(&self, site: &Site) -> Value {
        let row = reach(site, self.name);
        assert_eq!(row["reaches"], ADMIN, "{}: {row:#}", self.name);
        assert_eq!(row["modelled"], false, "{}: {row:#}", self.name);
        let path = row["paths"].as_array().and_then(|paths| paths.first()).expect("a path");
        let hops = path["hops"].as_array().expect("steps");
        let steps: Vec<&str> = hops.iter().filter_map(|hop| hop["step"].as_str()).collect();
        assert_eq!(steps, self.steps, "{}: {row:#}", self.name);
        // Each step names the grants that give what it takes, and each of those as its cut.
        for hop in hops {
            let of = |field: &str| hop[field].as_array().expect("what it takes").clone();
            let all = [of("needed"), of("held")].concat();
            let given: BTreeSet<&str> =
                all.iter().filter_map(|one| one["via"]["binding"].as_str()).collect();
            let cut = hop["cut"].as_str().expect("a cut");
            for binding in &given {
                assert!(cut.contains(binding), "{}: {hop:#}", self.name);
            }
            assert_eq!(given.is_empty(), cut == "cut the step before", "{}: {hop:#}", self.name);
        }
        row
    }

    /// Cuts a grant, sees that the path is gone, and puts the grant back: how strong one could become
    /// without.
    fn cut(
        &self,
        site: &Site,
        grant: &Value,
        hops: &[Value],
        walker: &Credential,
        at: usize,
    ) -> Value {
        let what = format!("{} without {}", self.name, grant["binding"]);
        let name = grant["binding"].as_str().expect("a name");
        let uri = match grant["bindingNamespace"].as_str() {
            Some(ns) => {
                format!("/apis/{RBAC}/namespaces/{ns}/rolebindings/{name}")
            }
            None => format!("/apis/{RBAC}/clusterrolebindings/{name}"),
        };
        let binding = site.get(&uri).expect("the binding");
        let subject = &grant["subject"];
        let is_it = |one: &&Value| {
            one["name"] == subject["name"]
                && one["kind"] == subject["kind"]
                && one["namespace"] == subject["namespace"]
        };
        let subjects = binding["subjects"].as_array().expect("subjects");
        let rest: Vec<&Value> = subjects.iter().filter(|one| !is_it(one)).collect();
        assert_eq!(rest.len() + 1, subjects.len(), "{what}: {binding:#}");
        let mut without = binding.clone();
        without["subjects"] = json!(rest);
        // A role that is to be made is there for a moment, so that one sees who is bound to it.
        let promised = Self::promised(&binding).filter(|uri| site.get(uri).is_none());
        if let Some(uri) = &promised {
            let name = binding["roleRef"]["name"].as_str().expect("a role");
            site.put(uri, &role(name, binding["metadata"]["namespace"].as_str(), &look()));
        }
        let question = Self::question_of(site, &binding, subject);
        site.await_answer(&question, true);
        site.put(&uri, &without);
        site.await_answer(&question, false);
        if let Some(uri) = &promised {
            site.delete(uri);
        }

        let row = reach(site, self.name);
        let paths = row["paths"].as_array().expect("paths");
        assert!(paths.iter().all(|path| path["tier"] != ADMIN), "{what}: {row:#}");
        // Whom it let be impersonated for a request the API server remembers for ten seconds
        // (`endpoints/filters/impersonation/cache.go`).
        let remembered = self.steps.contains(&"constrained-impersonate");
        let until = Instant::now() + REMEMBERED;
        loop {
            let mut walk = Walk::new(site, self.name, hops, walker.clone(), Some(at));
            let came = walk.steps().and_then(|gained| walk.ask(&gained, &goal(VAULT))).err();
            self.undo(site, walk);
            if came == Some(at) || !remembered || Instant::now() > until {
                assert_eq!(came, Some(at), "{what}");
                break;
            }
            thread::sleep(Duration::from_millis(250));
        }

        site.put(&uri, &binding);
        if promised.is_none() {
            site.await_answer(&question, true);
        }
        row["reaches"].clone()
    }

    /// Where the Role of a binding is.
    fn promised(binding: &Value) -> Option<String> {
        let name = binding["roleRef"]["name"].as_str()?;
        let namespace = binding["metadata"]["namespace"].as_str()?;
        let is_role = binding["roleRef"]["kind"] == "Role";
        is_role.then(|| format!("/apis/{RBAC}/namespaces/{namespace}/roles/{name}"))
    }

    /// What a binding lets its subject do and nothing else does.
    fn question_of(site: &Site, binding: &Value, subject: &Value) -> Question {
        let role = &binding["roleRef"];
        if role["name"] == "cluster-admin" {
            return treasure_of(subject, VAULT);
        }
        let name = role["name"].as_str().expect("a role");
        let namespace = binding["metadata"]["namespace"].as_str();
        let uri = match (role["kind"].as_str(), namespace) {
            (Some("Role"), Some(ns)) => format!("/apis/{RBAC}/namespaces/{ns}/roles/{name}"),
            _ => format!("/apis/{RBAC}/clusterroles/{name}"),
        };
        let role = site.get(&uri).expect("the role");
        first_of(&role["rules"][0], subject, namespace.unwrap_or_default())
    }

    /// Takes back what a walk changed, until it is as before.
    fn undo(&self, site: &Site, walk: Walk<'_>) {
        walk.undo();
        let walker = site.account(WALKERS, self.name);
        await_some("the walk to be undone", || {
            let answer = site.send(&walker, &goal(VAULT));
            (answer.status == 403).then_some(())
        });
    }
}

/// What a role allows that leads nowhere.
fn look() -> Value {
    json!([{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}])
}

fn treasure_of(subject: &Value, vault: &str) -> Question {
    let (user, groups) = asker(subject);
    Question {
        user,
        groups,
        verb: "get".to_owned(),
        group: String::new(),
        resource: "configmaps".to_owned(),
        namespace: vault.to_owned(),
        name: TREASURE.to_owned(),
    }
}

/// What keybook says of the reach of one who walks.
pub fn reach(site: &Site, name: &str) -> Value {
    reach_of(site, &format!("sa:{WALKERS}/{name}"))
}

/// The same of anybody.
pub fn reach_of(site: &Site, who: &str) -> Value {
    let said = keybook(&site.cluster.kubeconfig(), &["reach", who]);
    assert_eq!(said["metadata"]["complete"], true, "{said:#}");
    said["items"][0].clone()
}

/// Whether the object is there still.
pub fn is_there(site: &Site, uri: &str) -> bool {
    site.send(&site.admin, &request("GET", uri, None)).status == 200
}
