//! Small worlds in few words, and questions about them.

use std::sync::Arc;

use chrono::DateTime;
use keybook::book::{Book, Inputs, LogState, Permission};
use keybook::model::{
    ApiResource, Discovery, GroupMap, Health, Identity, ListKind, ListState, Name, Object, Policy,
    Snapshot,
};
use keybook::rbac::Authorizer;
use keybook::rbac::query::{
    Asker, Can, Question, Resolver, Roster, WhoCan, builtin_discovery, can, who_can,
};
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io";

/// A rule: verbs and resources separated by commas, the group, and names if any.
pub fn rule(verbs: &str, group: &str, resources: &str, names: &[&str]) -> Value {
    let list = |text: &str| text.split(',').map(Value::from).collect::<Vec<_>>();
    let mut rule =
        json!({"verbs": list(verbs), "apiGroups": [group], "resources": list(resources)});
    if !names.is_empty() {
        rule["resourceNames"] = json!(names);
    }
    rule
}

fn object(kind: &str, namespace: &str, name: &str, rest: Value) -> Value {
    let mut object = rest;
    object["apiVersion"] = json!(format!("{RBAC}/v1"));
    object["kind"] = json!(kind);
    object["metadata"] = json!({"name": name});
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    object
}

/// A `ClusterRole`.
pub fn cr(name: &str, rules: &[Value]) -> Value {
    object("ClusterRole", "", name, json!({"rules": rules}))
}

/// A Role.
pub fn role(namespace: &str, name: &str, rules: &[Value]) -> Value {
    object("Role", namespace, name, json!({"rules": rules}))
}

fn binding(namespace: &str, name: &str, role: (&str, &str), subjects: &[Value]) -> Value {
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    let role = json!({"apiGroup": RBAC, "kind": role.0, "name": role.1});
    object(kind, namespace, name, json!({"roleRef": role, "subjects": subjects}))
}

/// A `ClusterRoleBinding`.
pub fn crb(name: &str, role: &str, subjects: &[Value]) -> Value {
    binding("", name, ("ClusterRole", role), subjects)
}

/// A `RoleBinding` to a `ClusterRole`.
pub fn rb(namespace: &str, name: &str, role: &str, subjects: &[Value]) -> Value {
    binding(namespace, name, ("ClusterRole", role), subjects)
}

/// A `RoleBinding` to a Role.
pub fn rb_role(namespace: &str, name: &str, role: &str, subjects: &[Value]) -> Value {
    binding(namespace, name, ("Role", role), subjects)
}

pub fn user(name: &str) -> Value {
    json!({"kind": "User", "apiGroup": RBAC, "name": name})
}

pub fn group(name: &str) -> Value {
    json!({"kind": "Group", "apiGroup": RBAC, "name": name})
}

/// A service account, with its namespace left out where it is `""`.
pub fn sa(namespace: &str, name: &str) -> Value {
    if namespace.is_empty() {
        json!({"kind": "ServiceAccount", "name": name})
    } else {
        json!({"kind": "ServiceAccount", "name": name, "namespace": namespace})
    }
}

/// A `ServiceAccount` object.
pub fn account(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace}})
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// Reads an object.
pub fn read(object: &Value) -> Object {
    let text = |field: &str| object[field].as_str().expect("text");
    Object::read(text("apiVersion"), text("kind"), object).expect("readable").expect("known")
}

/// A cluster of which everything is known, with what it can be asked.
pub struct World {
    pub snapshot: Snapshot,
    pub groups: GroupMap,
}

/// A cluster of these objects that serves what a fresh one does.
pub fn world(objects: &[Value]) -> World {
    let mut snapshot = Snapshot::default();
    for object in objects {
        snapshot.objects.insert(read(object));
    }
    for list in ListKind::ALL {
        snapshot.lists.insert(list, ListState::new(Health::Complete));
    }
    let mut discovery = Discovery::clone(&builtin_discovery());
    discovery.builtin = false;
    snapshot.discovery = Arc::new(discovery);
    World { snapshot, groups: GroupMap::new() }
}

/// A custom resource.
pub fn custom(group: &str, plural: &str) -> ApiResource {
    ApiResource {
        group: group.into(),
        name: plural.into(),
        singular: plural.trim_end_matches('s').into(),
        short_names: Vec::new(),
        kind: plural.trim_end_matches('s').into(),
        namespaced: true,
        verbs: ["create", "delete", "get", "list"].map(Name::from).into(),
    }
}

impl World {
    /// Serves more resources.
    pub fn serving(mut self, resources: impl IntoIterator<Item = ApiResource>) -> Self {
        let mut discovery = Discovery::clone(&self.snapshot.discovery);
        discovery.resources.extend(resources);
        self.snapshot.discovery = Arc::new(discovery);
        self
    }

    /// Knows all groups of a user.
    pub fn in_groups(mut self, user: &str, groups: &[&str]) -> Self {
        self.groups.insert(user.into(), groups.iter().map(|group| Name::from(*group)).collect());
        self
    }

    fn question(&self, verb: &str, resource: &str, ns: &str, name: &str) -> Question {
        let resolver = Resolver::new(self.snapshot.discovery.clone());
        let given = |text: &str| (!text.is_empty()).then(|| Name::from(text));
        Question {
            verb: verb.into(),
            target: resolver.resolve(verb, resource).expect("resolves"),
            namespace: given(ns),
            name: given(name),
        }
    }

    fn asker(&self, who: &str) -> Asker {
        let identity: Identity = who.parse().expect("an identity");
        let groups = identity.user_name().and_then(|user| self.groups.get(&user));
        Asker::new(identity, groups.into_iter().flatten().cloned(), groups.is_some())
    }

    /// `can WHO VERB RESOURCE [NAME] -n NS`.
    pub fn can(&self, who: &str, verb: &str, resource: &str, ns: &str, name: &str) -> Can {
        let question = self.question(verb, resource, ns, name);
        let authorizer = Authorizer::new(&self.snapshot.objects);
        can(&authorizer, &self.snapshot, &self.asker(who), &question)
    }

    /// Whether it can.
    pub fn allowed(&self, who: &str, verb: &str, resource: &str, ns: &str) -> bool {
        self.can(who, verb, resource, ns, "").allowed()
    }

    /// The scopes where it can: namespaces, or `*` for everywhere.
    pub fn scopes(&self, who: &str, verb: &str, resource: &str) -> Vec<String> {
        let extents = self.can(who, verb, resource, "", "").extents();
        let text = |ns: Option<&Name>| ns.map_or_else(|| "*".to_owned(), ToString::to_string);
        extents.iter().map(|extent| text(extent.scope.namespace())).collect()
    }

    /// `who-can VERB RESOURCE -n NS`.
    pub fn who_can(&self, verb: &str, resource: &str, ns: &str) -> WhoCan {
        let question = self.question(verb, resource, ns, "");
        let roster = Roster::of(&self.snapshot, &self.groups);
        who_can(&Authorizer::new(&self.snapshot.objects), &self.snapshot, &roster, &question)
    }

    /// The names of those who can, the group that always can left out.
    pub fn holders(&self, verb: &str, resource: &str, ns: &str) -> Vec<String> {
        let found = self.who_can(verb, resource, ns);
        let names = found.holders.iter().map(|holder| holder.asker.identity.to_string());
        names.filter(|name| name != "group:system:masters").collect()
    }

    /// The Book of it, without a log.
    pub fn book(&self) -> Book {
        Book::build(Inputs {
            snapshot: Arc::new(self.snapshot.clone()),
            activity: None,
            log: LogState::None,
            policy: Arc::new(Policy { groups: self.groups.clone(), ..Policy::default() }),
            now: DateTime::from_timestamp(1_780_000_000, 0).expect("a time"),
        })
    }

    /// What somebody is shown to hold.
    pub fn permissions(&self, who: &str) -> Vec<Permission> {
        let book = self.book();
        let identity = who.parse().expect("an identity");
        let entry = book.find(&identity).unwrap_or_else(|| panic!("{who} is not listed"));
        book.permissions(entry.id)
    }
}
