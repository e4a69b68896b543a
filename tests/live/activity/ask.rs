//! A request with what its sender knows about it: what the authorizer will see, by which rights it
//! is allowed, and what else it needs where it succeeds.

use keybook::model::{Call, Implied, Name, Target};

/// A right that a request may need besides the one that it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// Creating what was to be changed, where it was not there.
    Create,
    /// Creating what was to be got: running something in a pod by GET.
    Exec,
}

/// A request without who makes it.
#[derive(Clone, Debug)]
pub struct Ask {
    pub method: &'static str,
    pub uri: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
    pub streams: bool,
    /// As the authorizer sees it.
    pub verb: &'static str,
    pub target: Target,
    /// Any of these allows it.
    pub needs: Vec<String>,
    /// What the request may need besides.
    pub behind: Option<Behind>,
}

impl Ask {
    /// The call that the log has to show.
    pub fn call(&self, allowed: bool, status: u16) -> Call {
        let implied = match (self.behind, status) {
            (Some(Behind::Create), 201) if allowed => Implied::CreateBehindWrite,
            (Some(Behind::Exec), 101) if allowed => Implied::UpgradedGet,
            (Some(Behind::Exec), status) if allowed && status != 403 => Implied::AttemptedGet,
            (None, 400..) if allowed && self.uri.ends_with("/token") => Implied::NoToken,
            _ => Implied::Nothing,
        };
        Call { verb: self.verb.into(), target: self.target.clone(), implied }
    }

    pub fn new(method: &'static str, uri: String, verb: &'static str, target: Target) -> Self {
        Self {
            method,
            uri,
            headers: Vec::new(),
            body: String::new(),
            streams: false,
            verb,
            target,
            needs: Vec::new(),
            behind: None,
        }
    }

    /// Any of these rights in this namespace.
    pub fn needs(mut self, what: &[&str], namespace: &str) -> Self {
        self.needs = what.iter().map(|what| format!("{what}-{namespace}")).collect();
        self
    }

    /// Any of these rights, which hold everywhere.
    pub fn or(mut self, what: &[&str]) -> Self {
        self.needs.extend(what.iter().map(|what| (*what).to_owned()));
        self
    }

    pub fn body(mut self, kind: &str, body: String) -> Self {
        self.headers.push(("Content-Type".to_owned(), kind.to_owned()));
        self.body = body;
        self
    }

    pub fn json(self, body: &serde_json::Value) -> Self {
        self.body("application/json", body.to_string())
    }

    pub fn streams(mut self) -> Self {
        self.streams = true;
        self
    }

    pub fn creates(mut self) -> Self {
        self.behind = Some(Behind::Create);
        self
    }
}

/// Group, resource, subresource, namespace, name; `""` is none.
pub fn target([group, resource, subresource, namespace, name]: [&str; 5]) -> Target {
    let some = |text: &str| (!text.is_empty()).then(|| Name::from(text));
    Target::Resource {
        group: group.into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace: some(namespace),
        name: some(name),
        names_folded: false,
    }
}

/// The same as a websocket.
pub fn upgrade(mut ask: Ask) -> Ask {
    for (name, value) in [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", "v4.channel.k8s.io"),
    ] {
        ask.headers.push((name.to_owned(), value.to_owned()));
    }
    ask.behind = Some(Behind::Exec);
    ask.streams()
}
