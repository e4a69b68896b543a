//! Certificates and keys that a kubeconfig holds or names.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use super::kubeconfig::{ClusterEntry, Hidden, UserEntry};
use crate::cluster::Error;

/// Data as PEM: from the kubeconfig itself, else from the file that it names. Data wins, as with
/// kubectl, and what is empty is not there.
fn pem(what: &str, data: Option<&str>, file: Option<&String>) -> Result<Option<Vec<u8>>, Error> {
    let broken = |cause: String| Error::Config { tried: format!("read the {what}"), cause };
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let compact: String = data.split_whitespace().collect();
        let decoded = STANDARD.decode(compact);
        return decoded
            .map(Some)
            .map_err(|_| broken(format!("{what}-data of the kubeconfig is not base64")));
    }
    let Some(file) = file.filter(|file| !file.is_empty()) else {
        return Ok(None);
    };
    std::fs::read(file).map(Some).map_err(|error| broken(format!("{file}: {error}")))
}

/// The CA that signs the server's certificate, PEM.
///
/// # Errors
/// Where it is named and cannot be read.
pub(super) fn authority(cluster: &ClusterEntry) -> Result<Option<Vec<u8>>, Error> {
    let data = cluster.certificate_authority_data.as_deref();
    let pem = pem("certificate-authority", data, cluster.certificate_authority.as_ref())?;
    if pem.is_some() && cluster.insecure_skip_tls_verify {
        return Err(Error::Config {
            tried: "read the certificate-authority".to_owned(),
            cause:
                "the cluster says insecure-skip-tls-verify too, and only one can be meant: take \
                    one of them out (kubectl refuses both as well)"
                    .to_owned(),
        });
    }
    Ok(pem)
}

/// The certificates in a PEM text, DER.
///
/// # Errors
/// Where there is none.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let broken =
        |cause: String| Error::Config { tried: "read the certificate-authority".to_owned(), cause };
    let blocks = ::pem::parse_many(text).map_err(|error| broken(error.to_string()))?;
    let certificates: Vec<Vec<u8>> = blocks
        .into_iter()
        .filter(|block| block.tag() == "CERTIFICATE")
        .map(::pem::Pem::into_contents)
        .collect();
    if certificates.is_empty() {
        return Err(broken("there is no certificate in it".to_owned()));
    }
    Ok(certificates)
}

/// A user's certificate and key, PEM.
///
/// # Errors
/// Where one is there without the other, or cannot be read.
pub(super) fn identity(user: &UserEntry) -> Result<Option<(String, Hidden)>, Error> {
    let certificate = pem(
        "client-certificate",
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_ref(),
    )?;
    let key_data = user.client_key_data.as_ref().map(Hidden::reveal);
    let key = pem("client-key", key_data, user.client_key.as_ref())?;
    let broken = |cause: &str| Error::Config {
        tried: "read the client certificate".to_owned(),
        cause: cause.to_owned(),
    };
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            let text = |bytes| {
                String::from_utf8(bytes).map_err(|_| broken("certificate or key is not PEM"))
            };
            Ok(Some((text(certificate)?, Hidden::new(text(key)?))))
        }
        (Some(_), None) => Err(broken("the user has a client-certificate and no client-key")),
        (None, Some(_)) => Err(broken("the user has a client-key and no client-certificate")),
    }
}

/// From when until when the first certificate of a PEM text is good, UTC.
pub(super) fn validity(text: &str) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
    let blocks = ::pem::parse_many(text).ok()?;
    let block = blocks.into_iter().find(|block| block.tag() == "CERTIFICATE")?;
    let (_, certificate) = x509_parser::parse_x509_certificate(block.contents()).ok()?;
    let validity = certificate.validity();
    Some((
        DateTime::from_timestamp(validity.not_before.timestamp(), 0)?,
        DateTime::from_timestamp(validity.not_after.timestamp(), 0)?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_and_no_check_against_it_are_not_both_meant() {
        let with = |data: &str, file: &str, insecure| {
            authority(&ClusterEntry {
                certificate_authority_data: Some(data.to_owned()),
                certificate_authority: Some(file.to_owned()),
                insecure_skip_tls_verify: insecure,
                ..ClusterEntry::default()
            })
        };
        assert_eq!(with(&STANDARD.encode("pem"), "", false).ok(), Some(Some(b"pem".to_vec())));
        assert_eq!(with("", "", true).ok(), Some(None));
        let both = with(&STANDARD.encode("pem"), "", true);
        assert!(
            matches!(both, Err(Error::Config { cause, .. }) if cause.contains("insecure-skip"))
        );
    }
}
