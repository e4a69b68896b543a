//! Kubeconfig files: what their users hold. Looked at, never used.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{token, unreadable};
use crate::model::{Held, HeldContext, HeldKind, Name, Outside};
use crate::yaml::{For, Node};

/// Reads a file that a kubeconfig names, by the path as it stands there. The error says why not.
pub type Load<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Reads a kubeconfig file: every user with what it holds and the contexts that name it. What is
/// broken is named with its place, and the rest is read; kubectl would take none of such a file, but
/// whoever has it has what is in it.
pub fn read(file: &str, bytes: &[u8], load: Load<'_>, into: &mut Outside) {
    let Some(whole) = super::text(bytes) else { return unreadable(into, file, "not text") };
    // Not the parser's own words: they may quote the text.
    let all = match Node::read(&whole, For::Finder) {
        Ok((all @ (Node::Map(_) | Node::Null), _)) => all,
        Ok(_) => return unreadable(into, file, NO_KUBECONFIG),
        Err(error) => {
            let place = match error.line {
                Some(line) => format!("{file}, line {line}"),
                None => file.to_owned(),
            };
            return unreadable(into, place, NO_KUBECONFIG);
        }
    };
    let mut servers: BTreeMap<Name, Option<Name>> = BTreeMap::new();
    for (place, one) in elements(file, &all, "clusters", into) {
        let server = of(one, "cluster", &place, into)
            .and_then(|(place, cluster)| text(cluster, "server", &place, into));
        servers.insert(name(one, &place, into), server);
    }
    let mut contexts: BTreeMap<Name, Vec<HeldContext>> = BTreeMap::new();
    for (place, one) in elements(file, &all, "contexts", into) {
        let called = name(one, &place, into);
        let Some((place, context)) = of(one, "context", &place, into) else { continue };
        let user = text(context, "user", &place, into);
        let cluster = text(context, "cluster", &place, into);
        let server = cluster.and_then(|cluster| servers.get(&cluster).cloned()).flatten();
        let context = HeldContext { name: called, server };
        contexts.entry(user.unwrap_or_default()).or_default().push(context);
    }
    let mut users = BTreeSet::new();
    for (place, one) in elements(file, &all, "users", into) {
        let user = name(one, &place, into);
        let called = format!("{file}, user {user}");
        let place = if user.is_empty() { place } else { called };
        if let Some((_, content)) = of(one, "user", &place, into) {
            for what in holds(content, &place, load, into) {
                into.held.push(Held {
                    file: file.into(),
                    user: user.clone(),
                    contexts: contexts.get(&user).cloned().unwrap_or_default(),
                    what,
                });
            }
        }
        users.insert(user);
    }
    if users.is_empty() {
        into.remarks.push((file.into(), "it names no user: it holds no credential".to_owned()));
    }
    for (user, contexts) in contexts.iter().filter(|(user, _)| !user.is_empty()) {
        if !users.contains(user) {
            for context in contexts {
                let place = format!("{file}, context {}", context.name);
                unreadable(into, place, "its user is not in the file");
            }
        }
    }
}

const NO_KUBECONFIG: &str = "no kubeconfig in YAML or JSON";

/// The elements of a list with their places; none where there is none.
fn elements<'a>(
    file: &str,
    all: &'a Node,
    field: &str,
    into: &mut Outside,
) -> Vec<(String, &'a Node)> {
    let place = |at: usize| format!("{file}, {field}[{at}]");
    match all.get(field) {
        None => Vec::new(),
        Some(Node::List(list)) => {
            let all = list.iter().enumerate().filter(|(at, one)| {
                let is_map = matches!(one, Node::Map(_));
                if !is_map {
                    unreadable(into, place(*at), "no map");
                }
                is_map
            });
            all.map(|(at, one)| (place(at), one)).collect()
        }
        Some(_) => {
            unreadable(into, format!("{file}, {field}"), "no list");
            Vec::new()
        }
    }
}

/// A map in an element, with its place.
fn of<'a>(
    one: &'a Node,
    field: &str,
    place: &str,
    into: &mut Outside,
) -> Option<(String, &'a Node)> {
    let place = format!("{place}, {field}");
    let map = one.get(field)?;
    if !matches!(map, Node::Map(_)) {
        unreadable(into, place, "no map");
        return None;
    }
    Some((place, map))
}

/// What an element is called; without a name, by nothing, as kubectl takes it.
fn name(one: &Node, place: &str, into: &mut Outside) -> Name {
    text(one, "name", place, into).unwrap_or_default()
}

/// A text that is not empty.
fn text(map: &Node, field: &str, place: &str, into: &mut Outside) -> Option<Name> {
    let value = map.get(field)?;
    let text = value.text();
    if text.is_none() {
        unreadable(into, format!("{place}, {field}"), "no text");
    }
    text.filter(|text| !text.is_empty()).map(Name::from)
}

/// What a user holds. A token is looked at and dropped.
fn holds(user: &Node, place: &str, load: Load<'_>, into: &mut Outside) -> Vec<HeldKind> {
    let mut found = Vec::new();
    let mut field = |name: &str| text(user, name, place, into);
    let data = field("client-certificate-data");
    let path = field("client-certificate");
    let given = field("token");
    let file = field("tokenFile");
    let username = field("username");
    let mut broken = Vec::new();
    let certificate = match (data, path) {
        (Some(data), _) => {
            let pem = STANDARD.decode(data.trim()).ok().and_then(|pem| String::from_utf8(pem).ok());
            Some(pem.ok_or_else(|| ("client-certificate-data", "not PEM in base64".to_owned())))
        }
        (None, Some(path)) => Some(
            load(&path)
                .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not PEM".to_owned()))
                .map_err(|why| ("client-certificate", why)),
        ),
        (None, None) => None,
    };
    match certificate {
        Some(Ok(pem)) => found.push(HeldKind::Certificate(pem.into())),
        Some(Err(why)) => broken.push(why),
        None => {}
    }
    let provider = of(user, "auth-provider", place, into);
    let config = provider
        .as_ref()
        .and_then(|(place, provider)| of(provider, "config", place, into))
        .and_then(|(place, config)| text(config, "id-token", &place, into));
    let tokens = [
        ("token", given.map(|token| Ok(token.to_string()))),
        (
            "tokenFile",
            file.map(|path| {
                load(&path).and_then(|b| String::from_utf8(b).map_err(|_| "no text".to_owned()))
            }),
        ),
        ("id-token", config.map(|token| Ok(token.to_string()))),
    ];
    let mut remarks = Vec::new();
    for (field, token) in tokens {
        match token {
            None => {}
            Some(Ok(token)) => match token::look(token.trim()) {
                Some(what) => found.push(what),
                None => remarks.push(format!(
                    "a {field} that says nothing of itself: whose it is, and until when, is not \
                     known"
                )),
            },
            Some(Err(why)) => broken.push((field, why)),
        }
    }
    if let Some((place, exec)) = of(user, "exec", place, into) {
        let command = text(exec, "command", &place, into).unwrap_or_default();
        let program = command.rsplit(['/', '\\']).next().unwrap_or_default();
        remarks.push(format!(
            "logs in by the program {program}: the file holds no credential of it, and what the \
             program keeps is not seen"
        ));
    }
    if let Some((place, provider)) = provider {
        let name = text(provider, "name", &place, into).unwrap_or_default();
        remarks.push(format!(
            "logs in by the auth provider {name}; what it can renew is not told by the file"
        ));
    }
    if let Some(name) = username {
        remarks.push(format!(
            "a password of {name}: Kubernetes takes none since 1.19, a proxy before it may"
        ));
    }
    into.remarks.extend(remarks.into_iter().map(|text| (place.into(), text)));
    for (field, why) in broken {
        unreadable(into, format!("{place}, {field}"), why);
    }
    found
}
