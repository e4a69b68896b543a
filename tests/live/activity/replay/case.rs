//! A request with every right that it takes, worked out by hand.

use keybook::model::{Call, Identity, Implied, Name, Target};
use serde_json::{Value, json};

use crate::activity::ask::Ask;

/// Whose right it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one who authenticates.
    Own,
    /// The one who is impersonated.
    Other,
}

/// One right that a request takes.
#[derive(Clone, Debug)]
pub struct Need {
    pub side: Side,
    pub verb: String,
    pub target: Target,
}

/// Whom to act as, by which headers.
#[derive(Clone, Debug, Default)]
pub struct Other {
    pub user: String,
    pub headers: Vec<(String, String)>,
}

/// A request, what has to be there before it, and all that it takes.
#[derive(Clone, Debug)]
pub struct Case {
    pub ask: Ask,
    pub other: Option<Other>,
    pub before: Vec<Value>,
    pub needs: Vec<Need>,
    /// With all that it takes.
    pub status: u16,
}

impl Case {
    /// It takes what it asks for.
    pub fn new(ask: Ask, status: u16) -> Self {
        let need = Need { side: Side::Own, verb: ask.verb.to_owned(), target: ask.target.clone() };
        Self { ask, other: None, before: Vec::new(), needs: vec![need], status }
    }

    /// And the same under another verb.
    pub fn and(mut self, verb: &str) -> Self {
        let first = &self.needs[0];
        let need = Need { side: first.side, verb: verb.to_owned(), target: first.target.clone() };
        self.needs.push(need);
        self
    }

    /// Something has to be there before.
    pub fn with(mut self, object: Value) -> Self {
        self.before.push(object);
        self
    }

    /// What it asks for is taken of another; acting as that one takes something too.
    pub fn acting_as(mut self, user: &str, takes: Vec<(&str, Target)>) -> Self {
        for need in &mut self.needs {
            need.side = Side::Other;
        }
        let own = |(verb, target): (&str, Target)| Need {
            side: Side::Own,
            verb: verb.to_owned(),
            target,
        };
        self.needs.extend(takes.into_iter().map(own));
        let headers = vec![("Impersonate-User".to_owned(), user.to_owned())];
        self.other = Some(Other { user: user.to_owned(), headers });
        self
    }

    /// A further header of acting as another.
    pub fn saying(mut self, name: &str, value: &str) -> Self {
        let other = self.other.as_mut().expect("somebody to act as");
        other.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Whose rights these are, of the one that is `own`.
    pub fn holder(&self, side: Side, own: &str) -> Identity {
        match (side, &self.other) {
            (Side::Other, Some(other)) => Identity::from_user_name(&other.user),
            _ => Identity::from_user_name(own),
        }
    }
}

impl Need {
    /// The question to the authorizer.
    pub fn call(&self) -> Call {
        Call {
            verb: Name::from(&*self.verb),
            target: self.target.clone(),
            implied: Implied::Nothing,
        }
    }

    /// The role and the binding that allow just this to somebody.
    pub fn objects(&self, name: &str, holder: &Identity) -> [Value; 2] {
        const RBAC: &str = "rbac.authorization.k8s.io";
        let (mut rule, mut metadata) = (json!({"verbs": [self.verb]}), json!({"name": name}));
        let mut kind = "ClusterRole";
        match &self.target {
            Target::Resource { group, resource, subresource, namespace, name, .. } => {
                let sub = if subresource.is_empty() { "" } else { "/" };
                rule["apiGroups"] = json!([&**group]);
                rule["resources"] = json!([format!("{resource}{sub}{subresource}")]);
                if let Some(name) = name {
                    rule["resourceNames"] = json!([&**name]);
                }
                if let Some(namespace) = namespace {
                    metadata["namespace"] = json!(&**namespace);
                    kind = "Role";
                }
            }
            Target::Path(path) => rule["nonResourceURLs"] = json!([&**path]),
            Target::Paths | Target::Folded => panic!("{self:?} is no right"),
        }
        let subject = match &holder.namespace {
            Some(namespace) => json!({"kind": "ServiceAccount", "namespace": &**namespace,
                "name": &*holder.name}),
            None => json!({"kind": "User", "apiGroup": RBAC, "name": &*holder.name}),
        };
        let version = format!("{RBAC}/v1");
        [
            json!({"apiVersion": version, "kind": kind, "metadata": metadata, "rules": [rule]}),
            json!({"apiVersion": version, "kind": format!("{kind}Binding"), "metadata": metadata,
                "roleRef": {"apiGroup": RBAC, "kind": kind, "name": name},
                "subjects": [subject]}),
        ]
    }

    /// The same as a review.
    pub fn review(&self, holder: &Identity) -> Value {
        let mut spec = json!({"user": &*holder.user_name().expect("one who authenticates")});
        match &self.target {
            Target::Resource { group, resource, subresource, namespace, name, .. } => {
                spec["resourceAttributes"] = json!({"verb": self.verb, "group": &**group,
                    "resource": &**resource, "subresource": &**subresource,
                    "namespace": namespace.as_deref().unwrap_or_default(),
                    "name": name.as_deref().unwrap_or_default()});
            }
            Target::Path(path) => {
                spec["nonResourceAttributes"] = json!({"verb": self.verb, "path": &**path});
            }
            Target::Paths | Target::Folded => panic!("{self:?} is no right"),
        }
        json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": spec})
    }
}
