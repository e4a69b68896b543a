//! Rights, and the roles and bindings that give them.

use serde_json::{Value, json};

use super::site::{ELSEWHERE, Question};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// Where a right is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In the namespace of the world.
    Here,
    Elsewhere,
    Cluster,
}

/// One verb on one resource, in a role and a binding of its own.
#[derive(Clone)]
pub struct Right {
    verb: &'static str,
    group: &'static str,
    resource: &'static str,
    names: Vec<String>,
    place: Place,
}

impl Right {
    /// In the namespace of the world, on every name.
    pub fn new(verb: &'static str, group: &'static str, resource: &'static str) -> Self {
        Self { verb, group, resource, names: Vec::new(), place: Place::Here }
    }

    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self
    }

    pub fn elsewhere(mut self) -> Self {
        self.place = Place::Elsewhere;
        self
    }

    pub fn everywhere(mut self) -> Self {
        self.place = Place::Cluster;
        self
    }

    /// What to ask of the authorizer, to know whether somebody holds it.
    pub fn question(&self, subject: &Value, world: &str) -> Question {
        let namespace = match self.place {
            Place::Here => world,
            Place::Elsewhere => ELSEWHERE,
            Place::Cluster => "",
        };
        let (user, groups) = asker(subject);
        Question {
            user,
            groups,
            verb: self.verb.to_owned(),
            group: self.group.to_owned(),
            resource: self.resource.to_owned(),
            namespace: namespace.to_owned(),
            name: self.names.first().cloned().unwrap_or_default(),
        }
    }

    /// The role and the binding: no Role, which would be one more that can be bound there.
    pub fn objects(&self, name: &str, world: &str, subject: &Value) -> [Value; 2] {
        let mut rule = json!({"verbs": [self.verb], "apiGroups": [self.group],
            "resources": [self.resource]});
        if !self.names.is_empty() {
            rule["resourceNames"] = json!(self.names);
        }
        [
            role(name, None, &json!([rule])),
            bound(name, self.namespace(world), ("ClusterRole", name), subject),
        ]
    }

    /// Of its binding.
    pub fn namespace<'w>(&self, world: &'w str) -> Option<&'w str> {
        match self.place {
            Place::Here => Some(world),
            Place::Elsewhere => Some(ELSEWHERE),
            Place::Cluster => None,
        }
    }
}

/// A role with these rules, and a binding of the same name.
pub fn grant(name: &str, namespace: Option<&str>, rules: &Value, subject: &Value) -> [Value; 2] {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    let role = role(name, namespace, rules);
    [role, bound(name, namespace, (kind, name), subject)]
}

pub fn role(name: &str, namespace: Option<&str>, rules: &Value) -> Value {
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    json!({"apiVersion": RBAC, "kind": kind, "rules": rules,
        "metadata": {"name": name, "namespace": namespace}})
}

pub fn bound(name: &str, namespace: Option<&str>, role: (&str, &str), subject: &Value) -> Value {
    let kind = if namespace.is_some() { "RoleBinding" } else { "ClusterRoleBinding" };
    json!({"apiVersion": RBAC, "kind": kind, "subjects": [subject],
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1}})
}

pub fn account(namespace: &str, name: &str) -> Value {
    json!({"kind": "ServiceAccount", "namespace": namespace, "name": name})
}

/// Everything, as the rules of a role.
pub fn everything() -> Value {
    json!([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}])
}

/// What the first of a rule's words allow.
pub fn first_of(rule: &Value, subject: &Value, namespace: &str) -> Question {
    let first = |field: &str, any: &str| {
        let word = rule[field][0].as_str().unwrap_or_default();
        if word == "*" { any.to_owned() } else { word.to_owned() }
    };
    let (user, groups) = asker(subject);
    Question {
        user,
        groups,
        verb: first("verbs", "get"),
        group: first("apiGroups", ""),
        resource: first("resources", "configmaps"),
        namespace: namespace.to_owned(),
        name: first("resourceNames", ""),
    }
}

/// With which user and groups to ask for what a subject of a binding may do.
pub fn asker(subject: &Value) -> (String, Vec<String>) {
    let name = subject["name"].as_str().expect("a name");
    match (subject["kind"].as_str(), subject["namespace"].as_str()) {
        (Some("Group"), _) => ("somebody@walk.example".to_owned(), vec![name.to_owned()]),
        (_, Some(namespace)) => (format!("system:serviceaccount:{namespace}:{name}"), Vec::new()),
        _ => (name.to_owned(), Vec::new()),
    }
}

pub fn service_account(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace}})
}
