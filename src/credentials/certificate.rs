//! Client certificates that were asked for by `CertificateSigningRequest`. Public data; the objects
//! live for an hour after they are answered.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::seen::Uses;
use super::{Credential, Expires, Inventory, Kind, Only, Standing, expired};
use crate::book::Book;
use crate::model::{CertificateSigningRequest, Identity, Name};

/// Signers of what the API server takes for authentication, and the first of Kubernetes, which
/// told nothing of what for (`certificates.k8s.io/v1`).
const SIGNERS: [&str; 3] = [
    "kubernetes.io/kube-apiserver-client",
    "kubernetes.io/kube-apiserver-client-kubelet",
    "kubernetes.io/legacy-unknown",
];

pub(super) fn all(book: &Book, only: Only<'_>, uses: &mut Uses, found: &mut Inventory) {
    for (name, csr) in &book.snapshot.objects.csrs {
        if &*csr.signer == "kubernetes.io/kubelet-serving" {
            continue;
        }
        let Some(text) = &csr.certificate else { continue };
        let pem = STANDARD.decode(text.as_bytes()).map_err(|_| "not base64");
        match pem.and_then(|pem| Certificate::read(&pem)) {
            Ok(certificate) if !only.wants(&Identity::from_user_name(&certificate.common_name)) => {
            }
            Ok(certificate) => {
                let credential = certificate.credential(book, uses, name, csr);
                found.credentials.push(credential);
            }
            Err(reason) => {
                let place = format!("CertificateSigningRequest {name}, status.certificate");
                found.unreadable.push((place.into(), reason.to_owned()));
            }
        }
    }
}

/// What every certificate has in common.
pub(super) fn cannot_be_revoked(credential: &mut Credential) {
    credential.revoke = "a certificate cannot be revoked: take the grants of its user and groups \
                         away until it runs out, or change the API server's client CA"
        .into();
    if credential.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS) {
        credential.revoke =
            "a certificate cannot be revoked, and no binding limits system:masters: \
                             change the API server's client CA"
                .into();
    }
}

/// What of a certificate matters here.
pub(super) struct Certificate {
    fingerprint: String,
    common_name: Name,
    organizations: Vec<Name>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
}

impl Certificate {
    /// From PEM; the first certificate counts.
    pub(super) fn read(pem: &[u8]) -> Result<Self, &'static str> {
        let blocks = pem::parse_many(pem).map_err(|_| "not PEM")?;
        let first = blocks.iter().find(|block| block.tag() == "CERTIFICATE");
        let der = first.ok_or("no certificate in it")?.contents();
        let (_, parsed) = x509_parser::parse_x509_certificate(der).map_err(|_| "not X.509")?;
        let time = |seconds: i64| DateTime::from_timestamp(seconds, 0).ok_or("a time out of range");
        // Of several common names Go keeps the last (`crypto/x509/pkix`).
        let common_name = parsed.subject().iter_common_name().last();
        let names = parsed.subject().iter_organization();
        let organizations =
            names.map(|name| name.as_str().map(Name::from).map_err(|_| "a name that is no text"));
        Ok(Self {
            fingerprint: format!("X509SHA256={:x}", Sha256::digest(der)),
            common_name: common_name
                .and_then(|name| name.as_str().ok())
                .map(Name::from)
                .ok_or("no common name")?,
            organizations: organizations.collect::<Result<_, _>>()?,
            from: time(parsed.validity().not_before.timestamp())?,
            to: time(parsed.validity().not_after.timestamp())?,
        })
    }

    /// One that was found in a file: nothing tells who issued it, nor whether the API server trusts
    /// them.
    pub(super) fn of_file(self, book: &Book, uses: &mut Uses) -> Credential {
        let mut credential = self.told(book, uses, Vec::new());
        if credential.standing == Standing::Good {
            credential.standing = Standing::NotKnown;
            credential
                .notes
                .push("whether the API server trusts its issuer is not known".to_owned());
        }
        credential
    }

    fn credential(
        self,
        book: &Book,
        uses: &mut Uses,
        csr: &Name,
        request: &CertificateSigningRequest,
    ) -> Credential {
        let mut notes = vec![format!("csr {csr}, asked for by {}", request.requester)];
        if !SIGNERS.contains(&&*request.signer) {
            notes.push(format!(
                "whether the API server trusts the signer {} is not known",
                request.signer
            ));
        }
        self.told(book, uses, notes)
    }

    fn told(self, book: &Book, uses: &mut Uses, notes: Vec<String>) -> Credential {
        let identity = Identity::from_user_name(&self.common_name);
        let mut credential = Credential {
            kind: Kind::Certificate,
            made: None,
            issued: Some(self.from),
            expires: Expires::At(self.to),
            bound: None,
            standing: expired(book, self.to),
            last_use: uses.take(&identity, &self.fingerprint),
            id: self.fingerprint.into(),
            groups: self.organizations,
            revoke: "".into(),
            notes,
            identity,
        };
        cannot_be_revoked(&mut credential);
        if credential.standing != Standing::Good {
            credential.revoke = "nothing: it ran out".into();
        }
        credential
    }
}
