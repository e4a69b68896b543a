//! Why an identity that the log does not show may be in use all the same.

use super::Subject;
use crate::book::{Book, HintSource};
use crate::credentials::{Kind, mounted_by};
use crate::model::{Absence, Containers, Identity, ListKind, Name, ObjectBody, OtherObject};

/// Annotations of accounts whose tokens are presented elsewhere than to the API server.
const CLOUD: [&str; 3] = [
    "eks.amazonaws.com/role-arn",
    "iam.gke.io/gcp-service-account",
    "azure.workload.identity/client-id",
];

/// What has pods made, the likeliest to do so again first.
const CONTROLLERS: [&str; 7] = [
    "CronJob",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicationController",
    "ReplicaSet",
    "Job",
];

/// Why, as it goes on in the evidence; None where nothing speaks for it.
pub(super) fn doubt(subject: &Subject<'_>) -> Option<String> {
    let (book, entry) = (subject.book, subject.entry);
    if let Some(pod) = entry.hints.iter().find(|hint| hint.source == HintSource::RunningPod) {
        return Some(format!(
            "; {} runs as it now and may use its token outside the API, so it need not be unused",
            pod.object
        ));
    }
    let mut tokens = subject.credentials.iter().filter(|one| one.kind == Kind::TokenSecret);
    let mounted = tokens.find_map(|one| Some((&one.id, mounted_by(book, one)?)));
    if let Some((secret, by)) = mounted {
        return Some(format!(
            "; its token in {secret} is in the containers of {by}, which may use it outside the \
             API, so it need not be unused"
        ));
    }
    let namespace = entry.identity.namespace.as_ref()?;
    if let Some(words) = scheduled(book, namespace, &entry.identity) {
        return Some(words);
    }
    let lists = [
        (ListKind::Pods, "a pod runs as it now", "pod"),
        (ListKind::Workloads, "a workload is to run as it", "workload"),
    ];
    for (list, what, kind) in lists {
        let why = match book.snapshot.absence(list, namespace) {
            Absence::Told => continue,
            Absence::NotRead => format!("{kind}s were not read"),
            Absence::NotInFiles => format!("the files have no {kind} of its namespace"),
        };
        return Some(format!("; whether {what} is not known, since {why}"));
    }
    let key = (namespace.clone(), entry.identity.name.clone());
    let account = book.snapshot.objects.service_accounts.get(&key)?;
    let annotation = CLOUD.into_iter().find(|key| account.meta.annotations.contains_key(*key));
    if let Some(annotation) = annotation {
        return Some(format!(
            "; annotation {annotation} lets its token be used outside the API, so it need not be \
             unused"
        ));
    }
    (!account.image_pull_secrets.is_empty())
        .then(|| "; its imagePullSecrets may be in use all the same".to_owned())
}

/// A workload whose pods will run as it, or with a token of it: one that is suspended, or due once a
/// quarter, leaves no pod in between.
fn scheduled(book: &Book, namespace: &Name, identity: &Identity) -> Option<String> {
    let objects = &book.snapshot.objects;
    let first = (namespace.clone(), Name::from(""));
    let secrets = objects.secrets.range(first..).take_while(|((ns, _), _)| ns == namespace);
    let tokens: Vec<&Name> = secrets
        .filter(|(_, secret)| Book::account_of_token(namespace, secret).as_ref() == Some(identity))
        .map(|((_, name), _)| name)
        .collect();
    for kind in CONTROLLERS {
        let first = (Name::from(kind), namespace.clone(), Name::from(""));
        let all = objects.others.range(first..);
        let all = all.take_while(|((have, ns, _), _)| &**have == kind && ns == namespace);
        // What another workload controls is told by that one; what a Deployment left behind runs nothing.
        // What an operator's own kind controls nothing else tells.
        let own = |of: &OtherObject| {
            let mut owners = of.meta.owner_references.iter().filter(|owner| owner.controller);
            !owners.any(|owner| CONTROLLERS.contains(&&*owner.kind))
        };
        for ((_, _, name), of) in all.filter(|(_, of)| own(of)) {
            let ObjectBody::Workload(template) = &of.body else { continue };
            let runs_as = of.service_account.as_deref().unwrap_or("default");
            let object = format!("{} {namespace}/{name}", kind.to_ascii_lowercase());
            if runs_as == &*identity.name {
                return Some(format!(
                    "; {object} runs as it whenever it makes a pod, however seldom that is, so it \
                     need not be unused"
                ));
            }
            let seen = template.spec.tokens_seen(Containers::All);
            if let Some(secret) = tokens.iter().find(|name| seen.contains(**name)) {
                return Some(format!(
                    "; {object} has its token, of secret {namespace}/{secret}, in the containers of \
                     its pods, however seldom it makes any, so it need not be unused"
                ));
            }
        }
    }
    None
}
