//! Identities and questions, from words to what they mean in a cluster.

use super::args::Global;
use super::exit::Failure;
use super::sources::Session;
use crate::book::Book;
use crate::model::{Identity, ListKind, Name, SubjectKind, printable, read_back};
use crate::query;
use crate::rbac::query::{Asker, Question, Resolver};

/// The lists that say who there is and what they hold.
pub const WHO_HOLDS_WHAT: &[ListKind] = &[
    ListKind::ClusterRoles,
    ListKind::Roles,
    ListKind::ClusterRoleBindings,
    ListKind::RoleBindings,
    ListKind::ServiceAccounts,
];

/// What an identity's row is made of.
pub const ROWS: &[ListKind] = &[
    ListKind::ClusterRoles,
    ListKind::Roles,
    ListKind::ClusterRoleBindings,
    ListKind::RoleBindings,
    ListKind::Namespaces,
    ListKind::ServiceAccounts,
    ListKind::TokenSecrets,
    ListKind::BootstrapTokens,
    ListKind::CertificateSigningRequests,
    ListKind::ConfigMaps,
    ListKind::OAuthTokens,
    ListKind::Pods,
    ListKind::Discovery,
];

/// What a plan is made of: the same, and what rbac-manager keeps.
pub const PLANS: &[ListKind] = &and::<{ ROWS.len() + 1 }>(ROWS, ListKind::RbacDefinitions);

/// What is read to follow what an identity can become: the same, and workloads.
pub const REACH: &[ListKind] = &and::<{ PLANS.len() + 1 }>(PLANS, ListKind::Workloads);

/// What one identity whole is made of: the same, and what isolates its pods.
pub const WHOLE: &[ListKind] = &and::<{ REACH.len() + 1 }>(REACH, ListKind::NetworkPolicies);

/// These lists and one more.
const fn and<const N: usize>(lists: &[ListKind], more: ListKind) -> [ListKind; N] {
    let mut all = [more; N];
    let mut at = 0;
    while at < lists.len() {
        all[at] = lists[at];
        at += 1;
    }
    all
}

/// What a question is answered from.
pub const QUESTIONS: &[ListKind] = &[
    ListKind::ClusterRoles,
    ListKind::Roles,
    ListKind::ClusterRoleBindings,
    ListKind::RoleBindings,
    ListKind::Namespaces,
    ListKind::ServiceAccounts,
    ListKind::CertificateSigningRequests,
    ListKind::ConfigMaps,
    ListKind::OAuthTokens,
    ListKind::Discovery,
];

/// Of these, what says which users there are and in which groups, beside bindings and the log.
pub const WHO_IS_IN_WHAT: &[ListKind] =
    &[ListKind::CertificateSigningRequests, ListKind::ConfigMaps, ListKind::OAuthTokens];

/// The words of a question.
#[derive(Clone, Debug)]
pub struct Words {
    /// The verb.
    pub verb: String,
    /// The resource or path.
    pub resource: String,
    /// The object.
    pub name: Option<String>,
}

/// Who is meant. Where the words name nobody, the identities of that name are suggested.
pub fn parse(text: &str, session: &Session) -> Result<Identity, Failure> {
    read_back(text).parse().map_err(|error: crate::model::IdentityParseError| {
        let mut alike: Vec<String> = session
            .books
            .iter()
            .flat_map(|book| book.entries())
            .map(|entry| &entry.identity)
            .filter(|identity| is_alike(identity, text))
            .map(|identity| printable(&identity.to_string()).into_owned())
            .collect();
        alike.sort();
        alike.dedup();
        alike.truncate(3);
        let hint = if alike.is_empty() {
            String::new()
        } else {
            format!("\ndid you mean {}?", alike.join(" or "))
        };
        Failure::usage(format!("{error}{hint}"))
    })
}

/// Whether somebody may have written `text` for this identity.
fn is_alike(identity: &Identity, text: &str) -> bool {
    let name = identity.name.to_lowercase();
    let text = text.to_lowercase();
    let account =
        text.split_once(['/', ':']).filter(|_| identity.kind == SubjectKind::ServiceAccount);
    name == text
        || name.split('@').next() == Some(text.as_str())
        || account.is_some_and(|(ns, account)| {
            identity.namespace.as_ref().is_some_and(|have| **have == *ns) && name == account
        })
}

/// The one namespace that is asked about; None: every scope.
pub fn namespace(global: &Global) -> Result<Option<Name>, Failure> {
    match global.cluster.namespace.as_slice() {
        _ if global.cluster.all_namespaces => Ok(None),
        [] => Ok(None),
        [one] if one.is_empty() => Ok(None),
        [one] => Ok(Some((**one).into())),
        _ => Err(Failure::usage(
            "a question is about one namespace: name one -n, or none for all of them \
             (with -A, several say where to look if namespaces may not be listed)",
        )),
    }
}

/// What is asked, in the words of one cluster.
pub fn question(book: &Book, global: &Global, words: &Words) -> Result<Question, Failure> {
    let snapshot = &book.snapshot;
    let resolver = Resolver::of(snapshot);
    let target = resolver
        .resolve(&words.verb, &words.resource)
        .map_err(|error| Failure::usage(error.to_string()))?;
    if words.verb.is_empty() {
        return Err(Failure::usage("no verb given: write get, list, create, …"));
    }
    Ok(Question {
        verb: (*words.verb).into(),
        target,
        namespace: namespace(global)?,
        name: words.name.as_deref().filter(|name| !name.is_empty()).map(Into::into),
    })
}

/// Somebody as a Book knows them; what is known of a stranger is what the API server and the policy
/// give everybody of that name.
pub fn asker(book: &Book, identity: &Identity) -> Asker {
    if let Some(entry) = book.find(identity) {
        return query::asker(entry);
    }
    let given = identity.user_name().and_then(|user| book.policy.groups.get(&user));
    Asker::new(identity.clone(), given.into_iter().flatten().cloned(), given.is_some())
}
