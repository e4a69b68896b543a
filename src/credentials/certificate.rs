//! Client certificates that were asked for by `CertificateSigningRequest`. Public data; the objects
//! live for an hour after they are answered.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use x509_parser::x509::AttributeTypeAndValue;

use super::seen::Uses;
use super::standing::expired;
use super::{Credential, Expires, Inventory, Kind, Only, Standing};
use crate::book::Book;
use crate::model::{CLIENT_SIGNER, CertificateSigningRequest, Identity, Name, SubjectKind};

/// Signers whose certificates the API server takes for authentication; of
/// `kubernetes.io/legacy-unknown` nothing is promised (`certificates.k8s.io/v1`).
const SIGNERS: [&str; 2] = [CLIENT_SIGNER, "kubernetes.io/kube-apiserver-client-kubelet"];

/// The signer of what kubelets serve with, which no client presents.
const SERVING: &str = "kubernetes.io/kubelet-serving";

/// A request with the certificate that was given for it, or why that cannot be read.
pub(super) type Requested<'a> =
    (&'a Name, &'a CertificateSigningRequest, Result<Certificate, &'static str>);

/// The requests of everybody, or those that gave somebody a certificate.
pub(super) fn requested<'a>(
    book: &'a Book,
    only: Only<'a>,
) -> Box<dyn Iterator<Item = Requested<'a>> + 'a> {
    let all = &book.snapshot.objects.csrs;
    match only.0 {
        None => Box::new(all.iter().filter_map(|(name, csr)| read(name, csr))),
        // Each is taken apart once, when the Book is made.
        Some(identity) => {
            let own = book.sources(identity).map(|sources| &sources.requests);
            let own = own.into_iter().flatten().filter_map(|name| all.get_key_value(name));
            Box::new(own.filter_map(|(name, csr)| read(name, csr)))
        }
    }
}

/// Whom the API server takes whoever bears a request's certificate for, and the groups in it; None where
/// none was given, or it cannot be read.
pub fn bearer(csr: &CertificateSigningRequest) -> Option<(Identity, Vec<Name>)> {
    let (_, _, certificate) = read(&csr.meta.name, csr)?;
    let certificate = certificate.ok()?;
    Some((certificate.identity(), certificate.organizations))
}

/// Until when a request's certificate is good, UTC; None where none was given, or it cannot be read.
pub fn good_until(csr: &CertificateSigningRequest) -> Option<DateTime<Utc>> {
    let (_, _, certificate) = read(&csr.meta.name, csr)?;
    Some(certificate.ok()?.to)
}

/// The same with what the log calls the certificate.
pub(super) fn given(csr: &CertificateSigningRequest) -> Option<(Identity, Name)> {
    let (_, _, certificate) = read(&csr.meta.name, csr)?;
    let certificate = certificate.ok()?;
    Some((certificate.identity(), certificate.id()))
}

fn read<'a>(name: &'a Name, csr: &'a CertificateSigningRequest) -> Option<Requested<'a>> {
    if &*csr.signer == SERVING {
        return None;
    }
    let pem = STANDARD.decode(csr.certificate.as_ref()?.as_bytes()).map_err(|_| "not base64");
    Some((name, csr, pem.and_then(|pem| Certificate::read(&pem))))
}

pub(super) fn all<'a>(
    book: &Book,
    only: Only<'_>,
    requested: impl Iterator<Item = Requested<'a>>,
    uses: &mut Uses,
    found: &mut Inventory,
) {
    // One certificate may be in several requests.
    let mut given: BTreeMap<Name, Given<'_>> = BTreeMap::new();
    for (name, csr, read) in requested {
        match read {
            Ok(certificate) if certificate.is_nobodys() => {
                if only.0.is_none() {
                    let place = format!("CertificateSigningRequest {name}, status.certificate");
                    found.remarks.push((place.into(), NOBODYS.to_owned()));
                }
            }
            Ok(certificate) if !only.wants(&certificate.identity()) => {}
            Ok(certificate) => {
                let one = given.entry(certificate.id());
                one.or_insert_with(|| (certificate, Vec::new())).1.push((name, csr));
            }
            Err(reason) => {
                let place = format!("CertificateSigningRequest {name}, status.certificate");
                found.unreadable.push((place.into(), reason.to_owned()));
            }
        }
    }
    for (certificate, requests) in given.into_values() {
        found.credentials.push(certificate.credential(book, uses, &requests));
    }
}

/// A certificate with the requests that it is in, by name.
type Given<'a> = (Certificate, Vec<(&'a Name, &'a CertificateSigningRequest)>);

/// So many requests are named.
const NAMED: usize = 3;

/// Says which requests gave no certificate, and why: nothing of them is in the inventory.
pub(super) fn without(book: &Book, found: &mut Inventory) {
    let mut all: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
    for (name, csr) in &book.snapshot.objects.csrs {
        if csr.certificate.is_some() || &*csr.signer == SERVING {
            continue;
        }
        let is = |condition: &str| csr.conditions.iter().any(|one| &**one == condition);
        let why = match () {
            () if is("Denied") => "denied",
            () if is("Failed") => "failed",
            () if is("Approved") => "approved, and not signed so far",
            () => "neither approved nor denied so far",
        };
        all.entry(why).or_default().push(format!("{name} (asked for by {})", csr.requester));
    }
    for (why, requests) in all {
        let named = requests.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = match requests.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let text = format!("without a certificate, being {why}: {named}{more}");
        found.remarks.push(("CertificateSigningRequests".into(), text));
    }
}

/// A day, seconds.
const DAY: i64 = 24 * 60 * 60;

/// So many seconds, ten minutes, an issuer's clock and its dating back make a certificate longer.
const BACK: i64 = 600;

/// What is said of a certificate whose bearer the API server takes for nobody
/// (`apiserver/pkg/authentication/request/x509`, `CommonNameUserConversion`).
pub(super) const NOBODYS: &str = "a certificate without a common name: it authenticates nobody";

/// What is said of one that names an account, of which the API server asks only where a token says so
/// (`apiserver/pkg/authentication/request/x509`, `CommonNameUserConversion`).
pub(super) const OF_ACCOUNT: &str = "it names a service account and is taken whether or not the account \
     is there; in the groups that it names and system:authenticated, in none of service accounts";

/// What every certificate has in common.
pub(super) fn cannot_be_revoked(credential: &mut Credential) {
    credential.revoke =
        "take away the grants of its user and groups until it runs out, or change the \
                         API server's client CA: a certificate cannot be revoked"
            .into();
    if credential.groups.iter().any(|group| &**group == Identity::SYSTEM_MASTERS) {
        credential.revoke =
            "change the API server's client CA: a certificate cannot be revoked, and no binding limits \
             system:masters"
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
    /// Whether its bearer may be a client, by its extended key usage.
    of_client: bool,
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
        // Without the extension any use is allowed (RFC 5280, 4.2.1.12).
        let usage = parsed.extended_key_usage().map_err(|_| "not X.509")?;
        let of_client = usage.is_none_or(|usage| usage.value.client_auth || usage.value.any);
        Ok(Self {
            of_client,
            fingerprint: format!("X509SHA256={:x}", Sha256::digest(der)),
            common_name: common_name
                .map_or(Ok(""), AttributeTypeAndValue::as_str)
                .map(Name::from)
                .map_err(|_| "a name that is no text")?,
            organizations: organizations.collect::<Result<_, _>>()?,
            from: time(parsed.validity().not_before.timestamp())?,
            to: time(parsed.validity().not_after.timestamp())?,
        })
    }

    /// Whom the API server takes its bearer for.
    pub(super) fn identity(&self) -> Identity {
        Identity::from_user_name(&self.common_name)
    }

    /// What the log calls it.
    pub(super) fn id(&self) -> Name {
        self.fingerprint.as_str().into()
    }

    /// Whether the API server takes whoever bears it for nobody.
    pub(super) fn is_nobodys(&self) -> bool {
        self.common_name.is_empty()
    }

    /// One that was found in a file: nothing tells who issued it, nor whether the API server trusts
    /// them.
    pub(super) fn of_file(self, book: &Book, uses: &mut Uses) -> Credential {
        let note = format!("good from {} UTC on", self.from.format("%Y-%m-%d %H:%M:%S"));
        let made = self.begins();
        // What the log shows was taken.
        let trusted = if uses.find(&self.identity(), &self.fingerprint).is_some() {
            Standing::Good
        } else {
            Standing::NotKnown("whether the API server trusts its issuer is not seen")
        };
        self.told(book, uses, (trusted, made, vec![note]))
    }

    /// When it was made, as far as it tells, UTC: issuers date back, most by minutes, kubeadm to the
    /// beginning of its CA (`kubeadm/app/util/pkiutil`). What is good for whole days begins with its
    /// making; of what was dated back to some other time the length is no such number.
    fn begins(&self) -> Option<DateTime<Utc>> {
        let seconds = (self.to - self.from).num_seconds();
        (seconds > 0 && seconds % DAY <= BACK).then_some(self.from)
    }

    fn credential(
        self,
        book: &Book,
        uses: &mut Uses,
        requests: &[(&Name, &CertificateSigningRequest)],
    ) -> Credential {
        let by = |(csr, request): &(&Name, &CertificateSigningRequest)| {
            format!("csr {csr}, asked for by {}", request.requester)
        };
        let mut notes: Vec<String> = requests.iter().map(by).collect();
        let is_trusted = |signer: &str| SIGNERS.contains(&signer);
        let trusted = if requests.iter().any(|(_, request)| is_trusted(&request.signer)) {
            Standing::Good
        } else {
            let signers: BTreeSet<&str> = requests.iter().map(|(_, of)| &*of.signer).collect();
            let signed = signers.iter().map(|signer| format!("signed by the signer {signer}"));
            notes.extend(signed);
            Standing::NotKnown("whether the API server trusts its signer's CA is not seen")
        };
        let seen = uses.find(&self.identity(), &self.fingerprint).is_some();
        let trusted = if seen { Standing::Good } else { trusted };
        // The signers of Kubernetes date back by five minutes
        // (`pkg/controller/certificates/authority`).
        let made = |(_, request): &(&Name, &CertificateSigningRequest)| {
            request.approved.max(request.meta.creation_timestamp).max(Some(self.from))
        };
        let made = requests.iter().filter_map(made).min();
        self.told(book, uses, (trusted, made, notes))
    }

    fn standing(&self, book: &Book, trusted: Standing) -> Standing {
        if expired(book, self.to) == Standing::Expired {
            return Standing::Expired;
        }
        if !self.of_client {
            return Standing::refused("it is not for authenticating clients");
        }
        if self.from > book.now {
            return Standing::Refused(format!(
                "it is not good before {} UTC",
                self.from.format("%Y-%m-%d %H:%M:%S")
            ));
        }
        trusted
    }

    fn told(
        self,
        book: &Book,
        uses: &mut Uses,
        (trusted, issued, mut notes): (Standing, Option<DateTime<Utc>>, Vec<String>),
    ) -> Credential {
        let identity = self.identity();
        let standing = self.standing(book, trusted);
        if identity.kind == SubjectKind::ServiceAccount {
            notes.push(OF_ACCOUNT.to_owned());
        }
        let mut credential = Credential {
            kind: Kind::Certificate,
            made: None,
            issued,
            expires: Expires::At(self.to),
            bound: None,
            standing,
            last_use: uses.take(&identity, &self.fingerprint),
            id: self.fingerprint.into(),
            groups: self.organizations,
            owners: Vec::new(),
            revoke: "".into(),
            notes,
            identity,
        };
        cannot_be_revoked(&mut credential);
        if credential.standing == Standing::Expired {
            credential.revoke = "nothing: it has run out".into();
        }
        credential
    }
}
