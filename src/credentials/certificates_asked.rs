//! Certificates that somebody asked for by the log, and of which the request is gone: the cluster deletes
//! a `CertificateSigningRequest` an hour after it was signed
//! (`pkg/controller/certificates/cleaner/cleaner.go`), and the log says of none whom it names.

use chrono::{DateTime, Utc};

use super::in_hand::holders;
use crate::book::Book;
use crate::model::{Call, Identity, SubjectKind, Target, counted};

/// Certificates that somebody asked for, and that may authenticate anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatesAsked {
    /// Who asked.
    pub by: Identity,
    /// How many times.
    pub count: u64,
    /// The last time, UTC.
    pub last: DateTime<Utc>,
}

impl CertificatesAsked {
    /// `2 certificates that user:ana asked for, the last on 2026-09-27, and of which the requests are
    /// gone: whether they were signed, and whom they name, is not known`.
    pub fn what(&self) -> String {
        let (by, on) = (&self.by, self.last.format("%Y-%m-%d"));
        match self.count {
            1 => format!(
                "a certificate that {by} asked for on {on}, of which the request is gone: whether it was \
                 signed, and whom it names, is not known"
            ),
            _ => format!(
                "{} that {by} asked for, the last on {on}, of which the requests are gone: whether they \
                 were signed, and whom they name, is not known",
                counted(self.count, "certificate")
            ),
        }
    }

    /// Until when they are good, and what ends them.
    pub fn until(&self) -> &'static str {
        "as long as its signer gave, which is not known: a year by default, and at most as long as the CA; \
         nothing revokes a certificate but taking what its name and groups hold"
    }
}

/// Those that somebody asked for, but for as many as there are still requests of theirs. Of what is made
/// no name is kept.
pub fn certificates_asked(book: &Book, who: &Identity) -> Option<CertificatesAsked> {
    let is_node = who.kind == SubjectKind::User && who.name.starts_with("system:node:");
    let log = book.activity.as_deref().filter(|_| book.log.is_whole() && !is_node)?;
    let seen = log.seen(who)?;
    let mut found: Option<(u64, DateTime<Utc>)> = None;
    for id in log.impersonators(seen).iter().copied().chain([seen]) {
        for row in log.by_authenticated(id).iter().filter(|row| row.allowed > 0) {
            if !asks(log.call(row.call)) || !holders(log, row).contains(who) {
                continue;
            }
            let at = row.last_allowed.unwrap_or(row.last);
            let (count, last) = found.get_or_insert((0, at));
            *count += row.allowed;
            *last = at.max(*last);
        }
    }
    let (asked, last) = found?;
    let csrs = book.snapshot.objects.csrs.values();
    let there = csrs.filter(|csr| Identity::from_user_name(&csr.requester) == *who).count() as u64;
    let count = asked.saturating_sub(there);
    (count > 0).then(|| CertificatesAsked { by: who.clone(), count, last })
}

/// Whether a call asks for a certificate.
fn asks(call: &Call) -> bool {
    let Target::Resource { group, resource, subresource, .. } = &call.target else {
        return false;
    };
    &*call.verb == "create"
        && &**group == "certificates.k8s.io"
        && &**resource == "certificatesigningrequests"
        && subresource.is_empty()
}
