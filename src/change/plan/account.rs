//! What ends every token of an account, whichever there are by then: the Secrets that hold one are
//! quarantined together, the account is deleted, or it is made anew.
//!
//! A token carries its account's UID, and is refused once there is no account of that UID
//! (`pkg/serviceaccount/claims.go`), so that a token which is bound to nothing ends too.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::edit::{precondition, rights, without_server_fields};
use super::make::Work;
use super::owner::{self, Verdict};
use super::wanted::{Refusal, Wanted, names};
use super::{
    Action, Intent, Inverse, Manual, Patch, Precondition, Reason, Reversibility, Step, StillWorks,
    Target,
};
use crate::book::Book;
use crate::credentials::{self, Kind};
use crate::model::{Absence, Identity, ListKind, Name, SubjectKind, counted, shell_word};
use crate::owners;

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Whose token it holds.
pub(super) const ACCOUNT: &str = "kubernetes.io/service-account.name";

/// The account that the cluster makes in every namespace, again whenever it is not there
/// (`pkg/controller/serviceaccount/serviceaccounts_controller.go`).
const DEFAULT: &str = "default";

/// What is lost of it.
const BARE: &str = "what else it reads: the cluster makes it again by itself, at once, with nothing but \
                    its name";

/// Pods, tokens and grants that are named one by one, at most.
const NAMED: usize = 5;

/// How the tokens of an account end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ending {
    /// Those in Secrets are refused, which can be taken back.
    Quarantine,
    /// The Secrets are deleted, and the account.
    Delete,
    /// The account is deleted and made again as it is: it keeps what it is granted, and none of its
    /// tokens.
    Renew,
}

impl Ending {
    /// The word before the account.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Quarantine => "quarantine",
            Self::Delete => "account",
            Self::Renew => "renew",
        }
    }
}

/// The account that words name; None for anything else.
pub(super) fn named(text: &str) -> Option<Identity> {
    text.parse().ok().filter(|identity| place(identity).is_ok())
}

/// Namespace and name of an account.
///
/// # Errors
/// Where the identity is something else.
pub(super) fn place(identity: &Identity) -> Result<(&Name, &Name), Refusal> {
    match (identity.kind, &identity.namespace) {
        (SubjectKind::ServiceAccount, Some(namespace)) => Ok((namespace, &identity.name)),
        _ => Err(Refusal::Naming(format!(
            "{identity} is no ServiceAccount: only those are deleted or made anew (sa:NAMESPACE/NAME)"
        ))),
    }
}

pub(super) fn target(namespace: &Name, name: &Name) -> Target {
    let (kind, namespace) = ("ServiceAccount".into(), Some(namespace.clone()));
    Target { kind, namespace, name: name.clone() }
}

/// The Secrets that hold a token of an account, by name, as far as lists show them.
pub(super) fn secrets<'a>(
    book: &'a Book,
    namespace: &'a Name,
    account: &'a Name,
) -> impl Iterator<Item = Target> + 'a {
    let all = book.snapshot.objects.secrets.iter();
    let own = all.filter(move |((place, _), secret)| {
        place == namespace
            && &*secret.type_ == TOKEN
            && secret.meta.annotations.get(ACCOUNT) == Some(account)
    });
    own.map(|((namespace, name), _)| Target {
        kind: "Secret".into(),
        namespace: Some(namespace.clone()),
        name: name.clone(),
    })
}

/// Whether a credential ends with its account.
pub(super) fn ends_with_account(kind: Kind) -> bool {
    matches!(kind, Kind::TokenSecret | Kind::LegacyToken | Kind::IssuedToken | Kind::PodToken)
}

/// The first of them, and how many more there are.
fn first(all: Vec<String>) -> String {
    let more = all.len().saturating_sub(NAMED);
    let named: Vec<String> = all.into_iter().take(NAMED).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}

impl Work<'_> {
    /// Says of which account no Secret holds a token that could be quarantined.
    pub(super) fn without_secrets(&mut self) {
        for intent in self.input.intents {
            let Intent::Account { identity, how: Ending::Quarantine } = intent else { continue };
            let Some(namespace) = &identity.namespace else { continue };
            if secrets(self.input.book, namespace, &identity.name).next().is_none() {
                self.warnings.push(format!(
                    "no Secret holds a token of {identity}: there is none to be refused. Tokens that \
                     were made on request work until they end, or until the account is deleted \
                     (account:{namespace}/{})",
                    identity.name
                ));
            }
        }
    }

    /// The step, or the two steps, for one account.
    ///
    /// # Errors
    /// Where one wish deletes it and another makes it anew.
    pub(super) fn account_ends(
        &mut self,
        target: &Target,
        image: &Value,
        wanted: &Wanted,
    ) -> Result<(), Refusal> {
        let renews = |intent: &Intent| matches!(intent, Intent::Account { how: Ending::Renew, .. });
        let renew = wanted.by.iter().all(renews);
        if !renew && wanted.by.iter().any(renews) {
            return Err(Refusal::Twice(target.to_string()));
        }
        let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
        let identity = Identity::service_account(namespace.clone(), target.name.clone());
        let verdict = self.keepers(target, (&namespace, renew));
        let works = format!("{identity}, with its tokens");
        let Some(owners) = self.left_or_made(verdict, works) else { return Ok(()) };
        self.deleted.insert(target.clone());
        self.pods_lose(&identity, renew);
        self.tokens_lost(&identity, renew);
        if !renew {
            self.grants_wait(&identity);
        }
        self.left.still_works.insert(StillWorks {
            what: format!("tokens of {identity} that were made before, for up to ten seconds"),
            until: "until the API servers no longer remember that they took them".to_owned(),
        });
        let evidence: Vec<String> = wanted.by.iter().map(Intent::words).collect();
        let why = if renew {
            "ends every token of it, those too that are bound to nothing: each carries its UID"
        } else {
            "every token of it is refused, those too that are bound to nothing: each carries its UID"
        };
        let loses = vec![
            "its UID, and with it every token that was made for it: an account of that name that is \
             made again has another, and new tokens"
                .to_owned(),
        ];
        let deletion = Step {
            id: 0,
            action: Action::Delete,
            target: target.clone(),
            // Controllers write to it, and take out the Secrets that are deleted before it.
            precondition: Precondition { resource_version: None, ..precondition(image) },
            before: Some(image.clone()),
            after: None,
            reasons: vec![Reason { why: why.to_owned(), evidence: evidence.clone() }],
            reversibility: Reversibility::WithLoss,
            loses: loses.clone(),
            rights: rights(Action::Delete, target, None),
            inverse: Inverse {
                action: Action::Create,
                rights: rights(Action::Create, target, None),
            },
            owners,
        };
        if renew && &*target.name == DEFAULT {
            self.comes_back_bare(target, image);
            self.steps.push(Step {
                reversibility: Reversibility::Irreversible,
                loses: [deletion.loses.clone(), vec![BARE.to_owned()]].concat(),
                inverse: Inverse { action: Action::Create, rights: Vec::new() },
                ..deletion
            });
            return Ok(());
        }
        if renew {
            let why = "makes it again as it was, with another UID: what it is granted it keeps";
            self.steps.push(Step {
                action: Action::Create,
                precondition: Precondition::default(),
                before: None,
                after: Some(without_server_fields(image.clone())),
                reasons: vec![Reason { why: why.to_owned(), evidence }],
                rights: rights(Action::Create, target, None),
                inverse: Inverse {
                    action: Action::Delete,
                    rights: rights(Action::Delete, target, None),
                },
                owners: Vec::new(),
                ..deletion.clone()
            });
        }
        self.steps.push(deletion);
        Ok(())
    }

    /// What the account that the cluster makes by itself has not.
    fn comes_back_bare(&mut self, target: &Target, image: &Value) {
        self.warnings.push(format!(
            "{target}: the cluster makes it again by itself, at once, so that keybook does not"
        ));
        let mut more = serde_json::Map::new();
        for field in ["imagePullSecrets", "automountServiceAccountToken"] {
            if let Some(value) = image.get(field).filter(|value| !value.is_null()) {
                more.insert(field.to_owned(), value.clone());
            }
        }
        for field in ["labels", "annotations"] {
            if let Some(value) = image["metadata"].get(field).filter(|value| !value.is_null()) {
                more.entry("metadata").or_insert_with(|| serde_json::json!({}))[field] =
                    value.clone();
            }
        }
        if more.is_empty() {
            return;
        }
        self.left.manual.insert(Manual {
            what: format!("put back on {target}, once it is there again, what it had"),
            why:
                "the cluster makes it without: labels, annotations, which may give it rights in a \
                  cloud, and the Secrets by which its pods pull images"
                    .to_owned(),
            patch: Some(Patch { target: target.clone(), merge: Value::Object(more).to_string() }),
        });
    }

    /// Who would bring an account back. One that is made again leaves nothing to bring back.
    fn keepers(&self, target: &Target, (namespace, renew): (&Name, bool)) -> Verdict {
        let snapshot = &self.input.book.snapshot;
        let key = (namespace.clone(), target.name.clone());
        let found = snapshot.objects.service_accounts.get(&key).filter(|_| !renew);
        let owners = found.map(|account| owners::of_account(snapshot, account)).unwrap_or_default();
        let insist = self.input.despite_owners;
        match owner::of_kept(&owners, target, Action::Delete, insist) {
            // Whoever makes it again makes another: its tokens stay refused.
            Verdict::Step(all) => Verdict::Step(
                all.into_iter()
                    .map(|mut one| {
                        // Who makes accounts by themselves says it already.
                        if !one.undone.contains("another UID") {
                            one.undone.push_str(", with another UID and without its tokens");
                        }
                        one
                    })
                    .collect(),
            ),
            leave @ Verdict::Leave(_) => leave,
        }
    }

    /// Warns of the pods that run as it.
    pub(super) fn pods_lose(&mut self, identity: &Identity, renew: bool) {
        let (Some(namespace), book) = (&identity.namespace, self.input.book) else { return };
        let unread = match book.snapshot.absence(ListKind::Pods, namespace) {
            Absence::Told => None,
            Absence::NotRead => Some("pods could not be listed"),
            Absence::NotInFiles => Some("the files have no pod of its namespace"),
        };
        if let Some(unread) = unread {
            self.warnings.push(format!(
                "{unread}: which of them run as {identity}, and lose its tokens, is not known"
            ));
        }
        let pods = book.snapshot.objects.pods.range((namespace.clone(), Name::from(""))..);
        let own: Vec<String> = pods
            .take_while(|((place, _), _)| place == namespace)
            .filter(|(_, pod)| pod.service_account == identity.name && !pod.has_ended())
            .map(|((_, name), _)| name.to_string())
            .collect();
        if own.is_empty() {
            return;
        }
        let (many, pods) = (own.len(), first(own));
        let run = if many == 1 { "runs" } else { "run" };
        let many = counted(many, "pod");
        self.warnings.push(if renew {
            // `pkg/kubelet/token/token_manager.go`: at four fifths of its time.
            format!(
                "{many} in namespace {namespace} {run} as {identity} ({pods}): the API server \
                 refuses what they have until their kubelet has asked for another token, which it does \
                 within the hour, or until they are made anew (kubectl rollout restart); what reads \
                 its token only once needs that"
            )
        } else {
            format!(
                "{many} in namespace {namespace} {run} as {identity} ({pods}): the API server \
                 refuses them from then on, and no pod is made that names it. Have them run as another \
                 account first"
            )
        });
    }

    /// Warns of tokens that are in use, beside those in Secrets that are deleted by a step of their own.
    fn tokens_lost(&mut self, identity: &Identity, renew: bool) {
        let book = self.input.book;
        let used: Vec<String> = credentials::of(book, identity)
            .iter()
            .filter(|one| ends_with_account(one.kind) && one.standing.is_taken())
            .filter(|one| renew || one.kind != Kind::TokenSecret)
            .filter_map(|one| Some(format!("{} {}", one.id, credentials::missed(book, one)?)))
            .collect();
        if !used.is_empty() {
            self.warnings.push(format!(
                "what uses these tokens of {identity} stops working within ten seconds: {}",
                first(used)
            ));
        }
        let Some(namespace) = identity.namespace.as_ref().filter(|_| renew) else { return };
        let secrets: Vec<String> = secrets(book, namespace, &identity.name)
            .map(|secret| secret.name.to_string())
            .collect();
        if !secrets.is_empty() {
            // `pkg/controller/serviceaccount/tokens_controller.go`.
            self.warnings.push(format!(
                "the cluster deletes the Secrets that hold a token of {identity} as it is now ({}): who \
                 uses one needs another",
                first(secrets)
            ));
        }
    }

    /// Warns of bindings that name it and stay.
    fn grants_wait(&mut self, identity: &Identity) {
        let all = self.after.bindings.values().filter(|binding| names(binding, identity));
        let all: Vec<String> = all
            .map(|binding| {
                let namespace = binding.meta.namespace.as_ref();
                let slash = namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
                format!("{} {slash}{}", binding.kind, binding.meta.name)
            })
            .collect();
        if !all.is_empty() {
            self.warnings.push(format!(
                "bindings still name {identity}: whoever makes an account of that name has what they \
                 give ({}). keybook revoke {}{} takes it out of them",
                first(all),
                shell_word(identity.to_string()),
                self.input.book.policy.again.all()
            ));
        }
    }
}
