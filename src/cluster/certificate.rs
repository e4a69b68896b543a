//! Client certificates by a `CertificateSigningRequest`: the key is made here and never sent.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Error;
use crate::model::{CLIENT_SIGNER, Name};

/// Where requests for signing are.
pub const REQUESTS: &str = "/apis/certificates.k8s.io/v1/certificatesigningrequests";

/// How long an approved request may wait for its certificate.
pub const SIGNED_WITHIN: Duration = Duration::from_mins(1);

/// The least that the API server takes for `expirationSeconds`.
pub const SHORTEST: u64 = 600;

/// A certificate that is asked for. Whoever it names is who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateAsk {
    /// What the request's name begins with; the server adds to it, so that a lost one is in nobody's
    /// way.
    pub prefix: Name,
    /// The user: the certificate's common name. No group is asked for.
    pub user: Name,
    /// The PKCS #10 request, PEM.
    pub request: String,
    /// How long it is wanted for, seconds. The signer may grant less.
    pub seconds: u64,
}

impl CertificateAsk {
    /// The `CertificateSigningRequest`.
    pub fn object(&self) -> Value {
        use base64::Engine as _;
        let request = base64::engine::general_purpose::STANDARD.encode(&self.request);
        json!({
            "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"generateName": &*self.prefix},
            "spec": {
                "request": request, "signerName": CLIENT_SIGNER, "usages": ["client auth"],
                "expirationSeconds": self.seconds.max(SHORTEST),
            },
        })
    }
}

/// Approves a request as the API server stored it.
pub(super) fn approved(mut request: Value) -> Value {
    request["status"]["conditions"] = json!([{
        "type": "Approved", "status": "True", "reason": "KeybookSplit",
        "message": "approved by whoever applied a plan of keybook",
    }]);
    request
}

/// A certificate as a signer made it. It is no secret; its key is, and is with whoever asked.
#[derive(Clone, PartialEq, Eq)]
pub struct IssuedCertificate {
    /// PEM.
    pub pem: String,
    /// Until when it is good, UTC.
    pub expires: DateTime<Utc>,
    /// `X509SHA256=…`, by which audit logs call it.
    pub credential: Name,
}

impl IssuedCertificate {
    /// Reads what a signer made for a user.
    ///
    /// # Errors
    /// In words, where it is no certificate, or one of somebody else.
    pub fn of(pem: &[u8], user: &str) -> Result<Self, String> {
        let unreadable =
            |error: &dyn fmt::Display| format!("the certificate is unreadable: {error}");
        let text = std::str::from_utf8(pem).map_err(|error| unreadable(&error))?;
        let block = pem::parse(pem).map_err(|error| unreadable(&error))?;
        let (_, certificate) = x509_parser::parse_x509_certificate(block.contents())
            .map_err(|error| unreadable(&error))?;
        let mut names = certificate.subject().iter_common_name();
        let name = names.next().and_then(|name| name.as_str().ok());
        if name != Some(user) || names.next().is_some() {
            return Err(format!("the certificate names {name:?}, and not {user:?}"));
        }
        let expires = DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)
            .ok_or_else(|| "the certificate ends at no time".to_owned())?;
        let mut sum = Sha256::new();
        sum.update(block.contents());
        let credential = format!("X509SHA256={:x}", sum.finalize()).into();
        Ok(Self { pem: text.to_owned(), expires, credential })
    }

    /// The certificate in a request, once it is signed; None while it is not.
    ///
    /// # Errors
    /// [`Error::Failed`] where it was denied, failed, or is not what was asked for.
    pub(super) fn read(tried: &str, request: &Value, user: &str) -> Result<Option<Self>, Error> {
        use base64::Engine as _;
        let failed = |cause: String| Error::Failed { tried: tried.to_owned(), cause, status: None };
        let status = &request["status"];
        let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
        let conditions = status["conditions"].as_array().into_iter().flatten();
        for condition in conditions {
            let (kind, message) = (text(condition, "type"), text(condition, "message"));
            if matches!(&*kind, "Denied" | "Failed") {
                return Err(failed(format!("the request was {}: {message}", kind.to_lowercase())));
            }
        }
        let Some(encoded) = status["certificate"].as_str().filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let pem = base64::engine::general_purpose::STANDARD
            .decode(encoded)
            .map_err(|error| failed(format!("the certificate is unreadable: {error}")))?;
        Self::of(&pem, user).map(Some).map_err(failed)
    }
}

impl fmt::Debug for IssuedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedCertificate")
            .field("expires", &self.expires)
            .field("credential", &self.credential)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;

    use super::*;

    fn signed(user: &str) -> String {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
        params.distinguished_name.push(rcgen::DnType::CommonName, user);
        params.not_after = rcgen::date_time_ymd(2027, 3, 1);
        params.self_signed(&key).expect("a certificate").pem()
    }

    #[test]
    fn a_request_is_read_once_it_is_signed() {
        let encode = |pem: &str| base64::engine::general_purpose::STANDARD.encode(pem);
        let mut request = json!({"status": {"conditions": [{"type": "Approved"}]}});
        let read = |request: &Value| IssuedCertificate::read("ask", request, "ana@corp.example");
        assert_eq!(read(&request).expect("not yet"), None);
        let pem = signed("ana@corp.example");
        request["status"]["certificate"] = json!(encode(&pem));
        let issued = read(&request).expect("read").expect("signed");
        assert_eq!(issued.expires.to_rfc3339(), "2027-03-01T00:00:00+00:00");
        assert!(issued.credential.starts_with("X509SHA256=") && issued.credential.len() == 75);
        assert_eq!(issued.pem, pem);
        // Somebody else's, and what is none.
        request["status"]["certificate"] = json!(encode(&signed("boss@corp.example")));
        assert!(read(&request).is_err());
        request["status"]["certificate"] = json!(encode("no certificate"));
        assert!(read(&request).is_err());
        for kind in ["Denied", "Failed"] {
            let denied = json!({"status": {"conditions": [{"type": kind, "message": "no"}]}});
            assert!(read(&denied).is_err(), "{kind}");
        }
    }

    #[test]
    fn no_group_is_asked_for_and_no_shorter_time_than_the_server_takes() {
        let ask = CertificateAsk {
            prefix: "keybook-".into(),
            user: "ana".into(),
            request: "PEM".to_owned(),
            seconds: 60,
        };
        let object = ask.object();
        assert_eq!(object["spec"]["expirationSeconds"], 600);
        assert_eq!(object["spec"]["usages"], json!(["client auth"]));
        assert_eq!(object["metadata"], json!({"generateName": "keybook-"}));
        let approved = approved(object);
        assert_eq!(approved["status"]["conditions"][0]["type"], "Approved");
    }
}
