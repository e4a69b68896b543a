//! Which Pod Security level a namespace's pods are held to
//! (`pod-security-admission/admission/admission.go`, `ValidatePod` and `PolicyToEvaluate`).

use super::standards::{Level, NEWEST};
use crate::book::Book;
use crate::model::Identity;

/// The label that says a namespace's level.
const ENFORCE: &str = "pod-security.kubernetes.io/enforce";
/// Of which version of the standards it is; without it, the server's own.
const ENFORCE_VERSION: &str = "pod-security.kubernetes.io/enforce-version";

/// What says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnforcedBy {
    /// The namespace's label.
    Label,
    /// The API server's own configuration, for namespaces that say none, as the policy tells it.
    Default,
    /// The same, which exempts the namespace.
    Exempt,
    /// Nothing: it says none, and nobody told of the API server's configuration.
    Nothing,
}

impl EnforcedBy {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Default => "default",
            Self::Exempt => "exempt",
            Self::Nothing => "nothing",
        }
    }
}

/// The level of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enforced {
    /// How strict.
    pub level: Level,
    /// Minor version of whose standards it is.
    pub minor: u32,
    /// What says it.
    pub by: EnforcedBy,
}

/// The level to which a namespace's pods are held; None where the namespace was not read.
pub fn enforced(book: &Book, namespace: &str) -> Option<Enforced> {
    let labels = &book.snapshot.objects.namespaces.get(namespace)?.meta.labels;
    let told = &book.policy.pod_security;
    let newest = book.snapshot.cluster.minor().unwrap_or(NEWEST);
    let by_label = labels.get(ENFORCE).map(|level| match &**level {
        "privileged" => Level::Privileged,
        "baseline" => Level::Baseline,
        // What is no level counts as the strictest.
        _ => Level::Restricted,
    });
    let pinned = labels.get(ENFORCE_VERSION).and_then(|version| version.strip_prefix("v1."));
    let pinned = pinned.and_then(|minor| minor.parse::<u32>().ok());
    let minor = pinned.unwrap_or(newest).min(newest);
    let (level, by) = match (by_label, told.default) {
        _ if told.exempts(namespace) => (Level::Privileged, EnforcedBy::Exempt),
        (Some(level), _) => (level, EnforcedBy::Label),
        (None, Some(level)) => (level, EnforcedBy::Default),
        (None, None) => (Level::Privileged, EnforcedBy::Nothing),
    };
    Some(Enforced { level, minor, by })
}

/// What pods of an account's namespace are held to, in words.
pub fn held_to(book: &Book, account: &Identity) -> String {
    let namespace = account.namespace.as_deref().unwrap_or_default();
    words(namespace, enforced(book, namespace))
}

fn words(namespace: &str, of: Option<Enforced>) -> String {
    let Some(of) = of else {
        return format!("{namespace} was not read, so that its Pod Security level is not known");
    };
    let level = of.level.as_str();
    match of.by {
        EnforcedBy::Label => format!("{namespace} lets no pod be more than {level}, by its label"),
        EnforcedBy::Default => format!(
            "{namespace} lets no pod be more than {level}, by what the setting pod_security says of \
             namespaces without a label"
        ),
        EnforcedBy::Exempt => {
            format!("{namespace} lets pods be anything: the setting pod_security exempts it")
        }
        EnforcedBy::Nothing => format!(
            "{namespace} lets pods be anything, unless the API server's own configuration has a level for \
             namespaces without a label: it has no label, and the setting pod_security says none"
        ),
    }
}
