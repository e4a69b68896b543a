//! Signs of life that the cluster itself shows. Weaker than a log, and never mixed up with one.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use foldhash::HashMap;

use super::{Hint, HintSource};
use crate::model::{CertificateSigningRequest, Identity, Name, Objects, Pod, Secret, SubjectKind};

/// Of each source, so many of the newest are kept.
const KEPT: usize = 4;

const LAST_USED: &str = "kubernetes.io/legacy-token-last-used";
const INVALID_SINCE: &str = "kubernetes.io/legacy-token-invalid-since";
const OF_ACCOUNT: &str = "kubernetes.io/service-account.name";

/// What the cluster shows of everybody, newest first.
pub(crate) fn all(objects: &Objects, now: DateTime<Utc>) -> HashMap<Identity, Vec<Hint>> {
    let secrets = objects.secrets.iter().filter_map(|((ns, name), secret)| {
        Some((account_of_token(ns, secret)?, token(ns, name, secret, now)?))
    });
    let pods = objects
        .pods
        .iter()
        .filter(|(_, of)| !of.is_mirror())
        .filter_map(|((ns, name), of)| Some((account_of_pod(ns, of), pod(ns, name, of)?)));
    let requests =
        objects.csrs.iter().filter_map(|(name, csr)| Some((requester(csr), request(name, csr)?)));
    let mut found: HashMap<Identity, Vec<Hint>> = HashMap::default();
    for (identity, hint) in secrets.chain(pods).chain(requests) {
        found.entry(identity).or_default().push(hint);
    }
    for hints in found.values_mut() {
        keep_newest(hints);
    }
    found
}

/// What the cluster shows of one identity, newest first.
pub(crate) fn of(identity: &Identity, objects: &Objects, now: DateTime<Utc>) -> Vec<Hint> {
    let mut hints: Vec<Hint> = objects
        .csrs
        .iter()
        .filter(|(_, csr)| requester(csr) == *identity)
        .filter_map(|(name, csr)| request(name, csr))
        .collect();
    if let (SubjectKind::ServiceAccount, Some(ns)) = (identity.kind, &identity.namespace) {
        let from = (ns.clone(), Name::from(""));
        hints.extend(
            objects
                .secrets
                .range(from.clone()..)
                .take_while(|((have, _), _)| have == ns)
                .filter(|(_, secret)| account_of_token(ns, secret).as_ref() == Some(identity))
                .filter_map(|((ns, name), secret)| token(ns, name, secret, now)),
        );
        hints.extend(
            objects
                .pods
                .range(from..)
                .take_while(|((have, _), _)| have == ns)
                .filter(|(_, pod)| !pod.is_mirror() && account_of_pod(ns, pod) == *identity)
                .filter_map(|((ns, name), of)| pod(ns, name, of)),
        );
    }
    keep_newest(&mut hints);
    hints
}

fn keep_newest(hints: &mut Vec<Hint>) {
    hints.sort_by(|a, b| {
        b.at.cmp(&a.at).then_with(|| a.source.cmp(&b.source)).then_with(|| a.object.cmp(&b.object))
    });
    let mut kept: HashMap<HintSource, usize> = HashMap::default();
    hints.retain(|hint| {
        let count = kept.entry(hint.source).or_default();
        *count += 1;
        *count <= KEPT
    });
}

/// Whose token a Secret holds.
pub(crate) fn account_of_token(ns: &Name, secret: &Secret) -> Option<Identity> {
    let name = secret.meta.annotations.get(OF_ACCOUNT)?;
    Some(Identity::service_account(ns.clone(), name.clone()))
}

/// The account that a pod runs as; admission fills in `default` where none is named.
pub(crate) fn account_of_pod(ns: &Name, pod: &Pod) -> Identity {
    let name =
        if pod.service_account.is_empty() { "default".into() } else { pod.service_account.clone() };
    Identity::service_account(ns.clone(), name)
}

/// Who asked for a certificate.
pub(crate) fn requester(csr: &CertificateSigningRequest) -> Identity {
    Identity::from_user_name(&csr.requester)
}

fn token(ns: &Name, name: &Name, secret: &Secret, now: DateTime<Utc>) -> Option<Hint> {
    let label =
        |key| secret.meta.labels.get(key).map(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d"));
    let day = label(LAST_USED)?.ok()?;
    // The API server writes today's: one to come is somebody's else, who may patch the Secret.
    if now.date_naive().succ_opt().is_none_or(|latest| day > latest) {
        return None;
    }
    // The label moves with refused attempts as well (`pkg/serviceaccount/legacy.go`): after the day on
    // which the token was invalidated nothing but those is left, and that is no sign of life.
    if label(INVALID_SINCE).is_some_and(|since| since.is_ok_and(|since| day > since)) {
        return None;
    }
    Some(Hint {
        source: HintSource::LegacyTokenLastUsed,
        at: day.and_time(NaiveTime::MIN).and_utc(),
        object: format!("secret {ns}/{name}").into(),
    })
}

fn pod(ns: &Name, name: &Name, pod: &Pod) -> Option<Hint> {
    if &*pod.phase != "Running" {
        return None;
    }
    Some(Hint {
        source: HintSource::RunningPod,
        at: started(pod)?,
        object: format!("pod {ns}/{name}").into(),
    })
}

fn started(pod: &Pod) -> Option<DateTime<Utc>> {
    pod.started.or(pod.meta.creation_timestamp)
}

fn request(name: &Name, csr: &CertificateSigningRequest) -> Option<Hint> {
    Some(Hint {
        source: HintSource::CertificateRequest,
        at: csr.meta.creation_timestamp?,
        object: format!("csr {name}").into(),
    })
}
