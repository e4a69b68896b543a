//! Kubeconfig files: what their users hold. Looked at, never used.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::{token, unreadable};
use crate::model::{Held, HeldKind, Name, Outside};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    #[serde(default)]
    clusters: Option<Vec<NamedCluster>>,
    #[serde(default)]
    contexts: Option<Vec<NamedContext>>,
    #[serde(default)]
    users: Option<Vec<NamedUser>>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: Name,
    cluster: Option<Cluster>,
}

#[derive(Deserialize, Default)]
struct Cluster {
    server: Option<Name>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: Name,
    context: Option<Context>,
}

#[derive(Deserialize, Default)]
struct Context {
    cluster: Option<Name>,
    user: Option<Name>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: Name,
    user: Option<User>,
}

/// Keys and passwords have no field here: the parser skips them. A token is looked at and dropped.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", default)]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    exec: Option<Exec>,
    auth_provider: Option<AuthProvider>,
    username: Option<Name>,
}

#[derive(Deserialize)]
struct Exec {
    command: Option<String>,
}

#[derive(Deserialize)]
struct AuthProvider {
    name: Option<Name>,
    config: Option<BTreeMap<String, Option<String>>>,
}

/// Reads a file that a kubeconfig names, by the path as it stands there. The error says why not.
pub type Load<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Reads a kubeconfig file: every context with what its user holds, and users of no context. What
/// is broken is named with its place, and the rest is read.
pub fn read(file: &str, text: &[u8], load: Load<'_>, into: &mut Outside) {
    // Not the parser's own words: they may quote the text.
    let all: File = match yaml_serde::from_slice(text) {
        Ok(all) => all,
        Err(error) => {
            let place = match error.location() {
                Some(at) => format!("{file}, line {}", at.line()),
                None => file.to_owned(),
            };
            return unreadable(into, place, "no kubeconfig in YAML or JSON");
        }
    };
    let servers: BTreeMap<Name, Option<Name>> = all
        .clusters
        .unwrap_or_default()
        .into_iter()
        .map(|one| (one.name, one.cluster.unwrap_or_default().server))
        .collect();
    let contexts: Vec<(Name, Context)> = all
        .contexts
        .unwrap_or_default()
        .into_iter()
        .map(|one| (one.name, one.context.unwrap_or_default()))
        .collect();
    let users = all.users.unwrap_or_default();
    if users.is_empty() {
        into.remarks.push((file.into(), "it names no user: it holds no credential".to_owned()));
    }
    for (name, context) in &contexts {
        let known = context.user.as_ref().is_some_and(|of| users.iter().any(|u| u.name == *of));
        if !known && context.user.as_deref().is_some_and(|user| !user.is_empty()) {
            unreadable(into, format!("{file}, context {name}"), "its user is not in the file");
        }
    }
    for NamedUser { name, user } in users {
        let of_user = contexts.iter().filter(|(_, context)| context.user.as_ref() == Some(&name));
        let mut places: Vec<(Option<Name>, Option<Name>)> = of_user
            .map(|(context, of)| {
                let server = of.cluster.as_ref().and_then(|cluster| servers.get(cluster));
                (Some(context.clone()), server.cloned().flatten())
            })
            .collect();
        if places.is_empty() {
            places.push((None, None));
        }
        let place = format!("{file}, user {name}");
        for what in user.unwrap_or_default().holds(&place, load, into) {
            into.held.extend(places.iter().map(|(context, server)| Held {
                file: file.into(),
                context: context.clone(),
                server: server.clone(),
                user: name.clone(),
                what: what.clone(),
            }));
        }
    }
}

impl User {
    fn holds(self, place: &str, load: Load<'_>, into: &mut Outside) -> Vec<HeldKind> {
        let mut found = Vec::new();
        let mut remark = |text: String| into.remarks.push((place.into(), text));
        let mut broken = Vec::new();
        let certificate = match (self.client_certificate_data, self.client_certificate) {
            (Some(data), _) if !data.is_empty() => {
                let pem =
                    STANDARD.decode(data.trim()).ok().and_then(|pem| String::from_utf8(pem).ok());
                pem.ok_or_else(|| ("client-certificate-data", "not PEM in base64".to_owned()))
            }
            (_, Some(path)) if !path.is_empty() => load(&path)
                .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "not PEM".to_owned()))
                .map_err(|why| ("client-certificate", why)),
            _ => Err(("", String::new())),
        };
        match certificate {
            Ok(pem) => found.push(HeldKind::Certificate(pem.into())),
            Err((field, why)) if !field.is_empty() => broken.push((field, why)),
            Err(_) => {}
        }
        let tokens = [
            self.token.filter(|token| !token.is_empty()).map(Ok),
            self.token_file.filter(|path| !path.is_empty()).map(|path| {
                load(&path).and_then(|b| String::from_utf8(b).map_err(|_| "no text".to_owned()))
            }),
            self.auth_provider.as_ref().and_then(|provider| {
                let config = provider.config.as_ref()?;
                config.get("id-token").cloned().flatten().map(Ok)
            }),
        ];
        for (token, field) in tokens.into_iter().zip(["token", "tokenFile", "id-token"]) {
            match token {
                None => {}
                Some(Ok(token)) => match token::look(token.trim()) {
                    Some(what) => found.push(what),
                    None => remark(format!(
                        "a {field} that says nothing of itself: whose it is, and until when, is \
                         not known"
                    )),
                },
                Some(Err(why)) => broken.push((field, why)),
            }
        }
        if let Some(exec) = self.exec {
            let command = exec.command.unwrap_or_default();
            let program = command.rsplit(['/', '\\']).next().unwrap_or_default();
            remark(format!(
                "logs in by the program {program}: the file holds no credential of it, and what \
                 the program keeps is not seen"
            ));
        }
        if let Some(provider) = self.auth_provider {
            let name = provider.name.unwrap_or_default();
            remark(format!(
                "logs in by the auth provider {name}; what it can renew is not told by the file"
            ));
        }
        if let Some(name) = self.username.filter(|name| !name.is_empty()) {
            remark(format!(
                "a password of {name}: Kubernetes takes none since 1.19, a proxy before it may"
            ));
        }
        for (field, why) in broken {
            unreadable(into, format!("{place}, {field}"), why);
        }
        found
    }
}
