//! Tokens of accounts, and where they are presented.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::Error;
use crate::model::Name;

/// A token that is asked for: it authenticates as an account for as long as a Secret is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenAsk {
    /// The account's namespace, and the Secret's.
    pub namespace: Name,
    /// The account.
    pub account: Name,
    /// Its UID. API servers from 1.34 on refuse another account of that name.
    pub account_uid: Option<Name>,
    /// The Secret whose deletion ends the token.
    pub secret: Name,
    /// Its UID: a Secret made anew under its name does not keep the token alive.
    pub secret_uid: Name,
    /// How long it is wanted for, seconds. The server may grant another time.
    pub seconds: u64,
}

impl TokenAsk {
    /// The API path at which it is asked for.
    pub fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/serviceaccounts/{}/token", self.namespace, self.account)
    }

    /// The `TokenRequest`.
    pub fn request(&self) -> Value {
        let mut request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "metadata": {"name": self.account, "namespace": self.namespace},
            "spec": {
                "expirationSeconds": self.seconds,
                "boundObjectRef": {
                    "apiVersion": "v1", "kind": "Secret",
                    "name": self.secret, "uid": self.secret_uid,
                },
            },
        });
        if let Some(uid) = &self.account_uid {
            request["metadata"]["uid"] = json!(uid);
        }
        request
    }
}

/// A token as the API server made it. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedToken {
    token: String,
    /// Until when it is good, UTC, as the server granted it.
    pub expires: DateTime<Utc>,
    /// `JTI=…`, by which audit logs call it; None where it does not say (servers before 1.29).
    pub credential: Option<Name>,
}

impl IssuedToken {
    /// Of a token and its time.
    pub fn new(token: String, expires: DateTime<Utc>) -> Self {
        let credential = token_id(&token);
        Self { token, expires, credential }
    }

    /// Reads the answer to a `TokenRequest`.
    ///
    /// # Errors
    /// [`Error::Failed`] where it holds no token. Nothing of the answer is repeated in it.
    pub fn read(tried: &str, answer: &[u8]) -> Result<Self, Error> {
        let failed = || Error::Failed {
            tried: tried.to_owned(),
            cause: "the answer is not one to a TokenRequest".to_owned(),
            status: Some(200),
        };
        let value: Value = serde_json::from_slice(answer).map_err(|_| failed())?;
        let status = &value["status"];
        let token = status["token"].as_str().filter(|token| !token.is_empty());
        let expires = status["expirationTimestamp"].as_str().and_then(|at| at.parse().ok());
        match (token, expires) {
            (Some(token), Some(expires)) => Ok(Self::new(token.to_owned(), expires)),
            _ => Err(failed()),
        }
    }

    /// The token itself, to be written where its holder finds it.
    pub fn reveal(&self) -> &str {
        &self.token
    }
}

impl fmt::Debug for IssuedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// The id in a JWT's claims.
fn token_id(token: &str) -> Option<Name> {
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    claims["jti"].as_str().map(|id| format!("JTI={id}").into())
}

/// Where an API server is and how it is trusted, for somebody else's kubeconfig.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The URL.
    pub server: String,
    /// The CA's certificates, PEM; None where the system's are trusted.
    pub authority: Option<Vec<u8>>,
    /// The name in the server's certificate, where it is not the URL's.
    pub tls_server_name: Option<String>,
    /// Whether the server's certificate is not looked at.
    pub insecure: bool,
    /// The proxy.
    pub proxy: Option<String>,
}

impl Address {
    /// As `clusters[].cluster` of a kubeconfig.
    pub fn entry(&self) -> Value {
        let mut entry = json!({ "server": self.server });
        if let Some(pem) = &self.authority {
            entry["certificate-authority-data"] = json!(STANDARD.encode(pem));
        }
        if let Some(name) = &self.tls_server_name {
            entry["tls-server-name"] = json!(name);
        }
        if self.insecure {
            entry["insecure-skip-tls-verify"] = json!(true);
        }
        if let Some(proxy) = &self.proxy {
            entry["proxy-url"] = json!(proxy);
        }
        entry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_and_never_shown() {
        let claims = URL_SAFE_NO_PAD.encode(r#"{"jti":"5a1f","sub":"x"}"#);
        let token = format!("eyJh.{claims}.sig");
        let answer = json!({"status": {"token": token,
            "expirationTimestamp": "2026-05-01T10:00:00Z"}});
        let issued = IssuedToken::read("ask", answer.to_string().as_bytes()).expect("a token");
        assert_eq!(issued.reveal(), token);
        assert_eq!(issued.credential.as_deref(), Some("JTI=5a1f"));
        let shown = format!("{issued:?}");
        assert!(!shown.contains("eyJh") && !shown.contains("sig"), "{shown}");
        for broken in [&b"eyJhbGciOi"[..], b"{}", br#"{"status":{"token":"eyJh.x.sig"}}"#] {
            let error = IssuedToken::read("ask", broken).expect_err("no token").to_string();
            assert!(!error.contains("eyJh"), "{error}");
        }
    }
}
