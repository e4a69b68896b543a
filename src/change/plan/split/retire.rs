//! How an account is retired once everybody has an identity of their own: in stages, each of which is
//! planned when its day has come, from the objects as they are then.

use chrono::TimeDelta;

use super::Parts;
use crate::change::plan::make::Work;
use crate::change::plan::{Intent, Later, NOT_A_DAY_SOONER};
use crate::model::{ListKind, Name, SubjectKind};

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Whose token it holds.
const ACCOUNT: &str = "kubernetes.io/service-account.name";

impl Work<'_> {
    /// Adds the stages, where they are wanted.
    pub(super) fn retire(&mut self, parts: &Parts) {
        let Some(days) = parts.how.retire_after else { return };
        let account = &parts.account;
        let at = |times: i64| self.input.now + TimeDelta::days(i64::from(days) * times);
        let identity = Intent::Identity { identity: account.clone() };
        let secrets = self.token_secrets(parts);
        let mut stages = Vec::new();
        if secrets.is_empty() {
            stages.push(Later {
                not_before: at(1),
                what: format!("{account} loses what it is granted"),
                intents: vec![identity],
            });
        } else {
            let quarantine = |(namespace, name): &(Name, Name)| Intent::Quarantine {
                namespace: namespace.clone(),
                name: name.clone(),
            };
            stages.push(Later {
                not_before: at(1),
                what: format!(
                    "the tokens in Secrets of {account} are refused, which can be taken back; who still \
                     tries them shows"
                ),
                intents: secrets.iter().map(quarantine).collect(),
            });
            let delete = secrets
                .into_iter()
                .map(|(namespace, name)| Intent::TokenSecret { namespace, name });
            stages.push(Later {
                not_before: at(2),
                what: format!(
                    "{account} loses what it is granted, and the Secrets with its tokens are deleted"
                ),
                intents: std::iter::once(identity).chain(delete).collect(),
            });
        }
        self.later.extend(stages);
        self.warnings.push(format!(
            "tell everybody who uses {account}: it is retired from {} on. {NOT_A_DAY_SOONER}",
            at(1).format("%Y-%m-%d")
        ));
    }

    /// Secrets that hold tokens of the account: namespace and name.
    fn token_secrets(&mut self, parts: &Parts) -> Vec<(Name, Name)> {
        let (account, snapshot) = (&parts.account, &self.input.book.snapshot);
        let (SubjectKind::ServiceAccount, Some(namespace)) = (account.kind, &account.namespace)
        else {
            return Vec::new();
        };
        if !snapshot.covers(&[ListKind::TokenSecrets], Some(namespace)) {
            self.warnings.push(format!(
                "Secrets could not be listed: those with tokens of {account} are not among what is \
                 retired later"
            ));
        }
        let secrets = snapshot.objects.secrets.iter().filter(|((place, _), secret)| {
            place == namespace
                && &*secret.type_ == TOKEN
                && secret.meta.annotations.get(ACCOUNT) == Some(&account.name)
        });
        secrets.map(|(key, _)| key.clone()).collect()
    }
}
