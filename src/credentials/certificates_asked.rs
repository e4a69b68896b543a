//! Certificates that somebody asked for by the log, and of which the request is gone: the cluster deletes
//! a `CertificateSigningRequest` an hour after it was signed
//! (`pkg/controller/certificates/cleaner/cleaner.go`), and the log says of none whom it names.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::in_hand::holders;
use crate::book::Book;
use crate::model::{Activity, Call, Identity, Name, SubjectKind, Target, counted};

/// So many requests are named.
const NAMED: usize = 3;

/// Certificates that somebody asked for, and that may authenticate anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificatesAsked {
    /// Who asked.
    pub by: Identity,
    /// How many times.
    pub count: u64,
    /// The last time, UTC.
    pub last: DateTime<Utc>,
    /// Names of the requests, as far as the log has them, in their order.
    pub names: BTreeSet<Name>,
    /// Who approved or denied one of these, by the log.
    pub decided_by: BTreeSet<Identity>,
}

impl CertificatesAsked {
    /// `2 certificates that user:ana asked for, the last on 2026-09-27 (a, b; approved or denied by
    /// user:mira), and of which the requests are gone: whom they name is not known`.
    pub fn what(&self) -> String {
        let mut beside: Vec<String> =
            self.names.iter().take(NAMED).map(ToString::to_string).collect();
        let more = self.names.len().saturating_sub(NAMED);
        beside.extend((more > 0).then(|| format!("and {more} more")));
        let mut beside = vec![beside.join(", ")];
        let by: Vec<String> = self.decided_by.iter().map(ToString::to_string).collect();
        beside.extend((!by.is_empty()).then(|| format!("approved or denied by {}", by.join(", "))));
        beside.retain(|part| !part.is_empty());
        let beside = match beside.is_empty() {
            true => String::new(),
            false => format!(" ({})", beside.join("; ")),
        };
        let (by, on) = (&self.by, self.last.format("%Y-%m-%d"));
        match self.count {
            1 => format!(
                "a certificate that {by} asked for on {on}{beside}, of which the request is gone: whom it \
                 names is not known"
            ),
            _ => format!(
                "{} that {by} asked for, the last on {on}{beside}, of which the requests are gone: whom \
                 they name is not known",
                counted(self.count, "certificate")
            ),
        }
    }
}

/// Those that somebody asked for, whoever decides about it, as far as the log shows.
pub fn certificates_asked(book: &Book, who: &Identity) -> Option<CertificatesAsked> {
    let is_node = who.kind == SubjectKind::User && who.name.starts_with("system:node:");
    let log = book.activity.as_deref().filter(|_| book.log.is_whole() && !is_node)?;
    let seen = log.seen(who)?;
    let csrs = &book.snapshot.objects.csrs;
    let is_there = |name: &Name| csrs.contains_key(name);
    let mut there: u64 = 0;
    let mut found: Option<CertificatesAsked> = None;
    for id in log.impersonators(seen).iter().copied().chain([seen]) {
        for row in log.by_authenticated(id).iter().filter(|row| row.allowed > 0) {
            let Some(name) = asks(log.call(row.call)) else { continue };
            if !holders(log, row).contains(who) {
                continue;
            }
            if name.is_some_and(is_there) {
                continue;
            }
            there += u64::from(name.is_none());
            let at = row.last_allowed.unwrap_or(row.last);
            let all = found.get_or_insert_with(|| CertificatesAsked {
                by: who.clone(),
                count: 0,
                last: at,
                names: BTreeSet::new(),
                decided_by: BTreeSet::new(),
            });
            all.count += row.allowed;
            all.last = all.last.max(at);
            all.names.extend(name.cloned());
        }
    }
    let mut found = found?;
    if there > 0 {
        // Of requests without a name, those that are there are among them.
        let own = csrs.values().filter(|csr| Identity::from_user_name(&csr.requester) == *who);
        found.count = found.count.saturating_sub(own.count() as u64);
    }
    found.decided_by = deciders(log, &found.names);
    (found.count > 0).then_some(found)
}

/// The name of the request, where a call asks for a certificate: None where the log has none.
fn asks(call: &Call) -> Option<Option<&Name>> {
    let name = of_requests(call, "")?;
    (&*call.verb == "create").then_some(name)
}

/// Who approved or denied one of these.
fn deciders(log: &Activity, names: &BTreeSet<Name>) -> BTreeSet<Identity> {
    let decides = |call: &Call| {
        matches!(&*call.verb, "update" | "patch")
            && of_requests(call, "approval").flatten().is_some_and(|name| names.contains(name))
    };
    let calls: BTreeMap<_, ()> =
        log.calls().filter(|(_, call)| decides(call)).map(|(id, _)| (id, ())).collect();
    if calls.is_empty() {
        return BTreeSet::new();
    }
    let rows = log.uses().filter(|row| row.allowed > 0 && calls.contains_key(&row.call));
    rows.map(|row| log.identity(row.effective).clone()).collect()
}

/// The name of the `CertificateSigningRequest` that a call is about, by a subresource.
fn of_requests<'c>(call: &'c Call, sub: &str) -> Option<Option<&'c Name>> {
    let Target::Resource { group, resource, subresource, name, .. } = &call.target else {
        return None;
    };
    let is_one = &**group == "certificates.k8s.io"
        && &**resource == "certificatesigningrequests"
        && **subresource == *sub;
    is_one.then_some(name.as_ref())
}
