//! What a token tells of itself. The token is dropped; nothing of its signature is kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::{Claims, HeldKind, Name, Tied};

/// What a token is, as far as its form tells; None for one that tells nothing.
pub(super) fn look(token: &str) -> Option<HeldKind> {
    if let Some(claims) = claims(token) {
        return Some(HeldKind::Claims(Box::new(claims)));
    }
    // The object of such a token is named by its hash
    // (`openshift/oauth-apiserver`, `pkg/tokenvalidation`).
    if let Some(secret) = token.strip_prefix("sha256~") {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(secret));
        return Some(HeldKind::OAuth(format!("sha256~{hash}").into()));
    }
    bootstrap_id(token).map(|id| HeldKind::Bootstrap(id.into()))
}

/// `^([a-z0-9]{6})\.([a-z0-9]{16})$`: the first part is public
/// (`staging/src/k8s.io/cluster-bootstrap/token/api`).
fn bootstrap_id(token: &str) -> Option<&str> {
    let (id, secret) = token.split_once('.')?;
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    (id.len() == 6 && secret.len() == 16 && plain(id) && plain(secret)).then_some(id)
}

/// The claims of a JSON web token (RFC 7519); None for anything else.
fn claims(token: &str) -> Option<Claims> {
    let mut parts = token.split('.');
    let (header, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let json = |part: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    json(header)?.get("alg")?;
    let all = json(payload)?;
    let text = |of: &Value, name: &str| of.get(name).and_then(Value::as_str).map(Name::from);
    let bound = &all["kubernetes.io"];
    let namespace = text(bound, "namespace");
    let tied = |kind: &str, field: &str| {
        let name = text(&bound[field], "name")?;
        let namespace = namespace.clone().filter(|_| kind != "Node");
        Some(Tied { kind: kind.into(), namespace, name, uid: text(&bound[field], "uid") })
    };
    let old = |what: &str| text(&all, &format!("kubernetes.io/serviceaccount/{what}"));
    let groups = all["groups"].as_array();
    let people = ["email", "preferred_username", "upn", "name"];
    let print = format!("{:x}", Sha256::digest(payload));
    Some(Claims {
        print: print.get(..12)?.into(),
        issuer: text(&all, "iss").unwrap_or_default(),
        subject: text(&all, "sub").unwrap_or_default(),
        id: text(&all, "jti"),
        issued: time(&all["iat"]),
        expires: time(&all["exp"]),
        not_before: time(&all["nbf"]),
        no_number: ["exp", "nbf", "iat"]
            .into_iter()
            .find(|claim| !all[*claim].is_null() && !all[*claim].is_number()),
        names: people.iter().filter_map(|name| text(&all, name)).collect(),
        groups: groups.into_iter().flatten().filter_map(Value::as_str).map(Name::from).collect(),
        account_uid: text(&bound["serviceaccount"], "uid").or_else(|| old("service-account.uid")),
        secret: old("namespace").zip(old("secret.name")),
        // A pod's names its node too, and does not end with it.
        bound_to: tied("Pod", "pod")
            .or_else(|| tied("Secret", "secret"))
            .or_else(|| tied("Node", "node")),
    })
}

/// The first second of year 1 and the last of year 9999, seconds since 1970.
const TOLD: [i64; 2] = [-62_135_596_800, 253_402_300_799];

/// `NumericDate`: seconds since 1970, which may have parts. What lies before or behind all years that
/// are told is the first or the last of them.
fn time(of: &Value) -> Option<DateTime<Utc>> {
    #[allow(clippy::cast_possible_truncation)] // Parts of a second do not matter here.
    let seconds = of.as_i64().or_else(|| of.as_f64().map(|seconds| seconds as i64))?;
    DateTime::from_timestamp(seconds.clamp(TOLD[0], TOLD[1]), 0)
}
