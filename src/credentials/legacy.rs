//! Tokens of Secrets as the log names them: by account, and by Secret where the API server notes it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{Credential, Expires, Kind, Only, Standing, standing, token_secret};
use crate::book::Book;
use crate::model::{Name, Use};

/// What the log's ids of such tokens begin with.
pub(super) const PREFIX: &str = "legacy:";

/// Why it is not known when a Secret's token was last used.
pub(super) const WHICH: &str = "the log shows one of the account's Secrets in use, and not which";

/// What the log calls the token of a Secret.
pub(super) fn named(namespace: &str, account: &str, secret: &str) -> String {
    format!("{PREFIX}{namespace}/{account}/{secret}")
}

/// What the log calls the token of any Secret of an account, where it does not say of which.
pub(super) fn unnamed(namespace: &str, account: &str) -> String {
    format!("{PREFIX}{namespace}/{account}")
}

/// The time since which there have been the token Secrets that are there now, by the log's ids. What
/// was used before is the token of another one that had the name.
pub(super) struct Secrets {
    made: BTreeMap<Name, DateTime<Utc>>,
}

impl Secrets {
    pub(super) fn new(book: &Book, only: Only<'_>) -> Self {
        let mut made: BTreeMap<Name, DateTime<Utc>> = BTreeMap::new();
        let within = only.namespaces();
        for ((namespace, name), secret) in within.iter().flat_map(|at| super::secrets(book, at)) {
            let account = secret.meta.annotations.get(token_secret::ACCOUNT);
            let (Some(account), Some(at)) = (account, secret.meta.creation_timestamp) else {
                continue;
            };
            if &*secret.type_ == token_secret::TYPE {
                made.insert(named(namespace, account, name).into(), at);
                let oldest = made.entry(unnamed(namespace, account).into()).or_insert(at);
                *oldest = (*oldest).min(at);
            }
        }
        Self { made }
    }

    /// What of a row is of before the Secret was made, and what of after. Of a row that is of both
    /// only its first and its last request have their time: the first is of before, the others are
    /// told as of after.
    pub(super) fn part(&self, credential: &Name, row: &Use) -> (Option<Use>, Option<Use>) {
        let made = credential.starts_with(PREFIX).then(|| self.made.get(credential)).flatten();
        match made {
            Some(made) if row.last < *made => (Some(*row), None),
            Some(made) if row.first < *made => {
                let (before, after) = one_of(row);
                let before = Use { last: row.first, ..before };
                (Some(before), Some(Use { first: (*made).max(row.first), ..after }))
            }
            _ => (None, Some(*row)),
        }
    }
}

/// One request of a row, and the others.
fn one_of(row: &Use) -> (Use, Use) {
    let (mut one, mut others) = (Use { allowed: 0, denied: 0, undecided: 0, ..*row }, *row);
    let counts = [
        (&mut one.allowed, &mut others.allowed),
        (&mut one.denied, &mut others.denied),
        (&mut one.undecided, &mut others.undecided),
    ];
    if let Some((one, others)) = counts.into_iter().find(|(_, others)| **others > 0) {
        (*one, *others) = (1, *others - 1);
    }
    (one, others)
}

/// A token that no Secret which is there has claimed.
pub(super) fn of_a_secret(book: &Book, credential: &mut Credential) {
    credential.kind = Kind::LegacyToken;
    credential.expires = Expires::Never;
    let id = credential.id.clone();
    let mut parts = id.strip_prefix(PREFIX).unwrap_or_default().splitn(3, '/');
    let [namespace, account, secret] = [(); 3].map(|()| parts.next());
    credential.standing = Standing::NotKnown("token Secrets were not read whole");
    let (Some(namespace), Some(account)) = (namespace, account) else { return };
    // A name that was too long to keep is none to look for.
    let absent = |gone: &str| {
        if id.contains('…') {
            Standing::NotKnown("the name of its Secret was too long to keep")
        } else {
            standing::no_token_secret(book, namespace, gone)
        }
    };
    let Some(secret) = secret else {
        let left = Secrets::new(book, Only(Some(&credential.identity))).made.contains_key(&id);
        if left {
            credential.standing =
                Standing::NotKnown("the log does not say of which Secret of the account it is");
            credential.notes.push("the log does not say of which Secret of the account".to_owned());
        } else {
            credential.standing = absent("no token Secret of the account is left");
        }
        credential.revoke = format!("delete the token Secrets of {namespace}/{account}").into();
        return;
    };
    credential.id = format!("secret {namespace}/{secret}").into();
    credential.revoke = "delete its Secret".into();
    credential.standing = absent("its Secret is gone");
    if !credential.standing.is_taken() {
        credential.notes.push(
            "where tokens are signed with RSA, a Secret of the same name for the same account \
             would hold the same token again"
                .to_owned(),
        );
    }
}

/// A token that was used before the Secret was made which has the name now, or which is the
/// account's oldest.
pub(super) fn of_an_earlier_secret(credential: &mut Credential) {
    credential.kind = Kind::LegacyToken;
    credential.expires = Expires::Never;
    let id = credential.id.clone();
    let mut parts = id.strip_prefix(PREFIX).unwrap_or_default().splitn(3, '/');
    let [namespace, account, secret] = [(); 3].map(|()| parts.next().unwrap_or_default());
    if secret.is_empty() {
        credential.id = format!("an earlier token Secret of {namespace}/{account}").into();
        credential.notes.push(
            "used before the Secrets were made that the account has now; the log does not name it"
                .to_owned(),
        );
    } else {
        credential.id = format!("secret {namespace}/{secret}, an earlier one").into();
        credential.notes.push("used before the Secret was made that has this name now".to_owned());
    }
    credential.notes.push(
        "refused, unless tokens are signed with RSA: then a Secret of the same name for the same \
         account holds the same token again"
            .to_owned(),
    );
    credential.standing =
        Standing::NotKnown("it is taken only where the Secret of its name holds the same again");
    credential.revoke = "delete the Secret that has its name now, if there is one".into();
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{LastUse, inventory};
    use super::*;
    use crate::book::world::{Row, World, day};
    use crate::model::{Health, ListKind, ListState};

    fn secret(name: &str, made: i64) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"namespace": "a", "name": name, "creationTimestamp": day(made),
                "annotations": {"kubernetes.io/service-account.name": "x",
                    "kubernetes.io/service-account.uid": "u"}}})
    }

    fn world(secrets: &[(&str, i64)]) -> World {
        let world = World::new().account("a", "x").log(0, 10);
        secrets.iter().fold(world, |world, (name, made)| world.object(&secret(name, *made)))
    }

    fn used(credential: &str, on: i64) -> Row {
        Row::new("sa:a/x", "get pods@a/p", on).with(credential).times(3)
    }

    /// What it is called, state; the hours of its first and last use, and requests.
    type Told = (String, &'static str, Option<(i64, i64, u64)>);

    /// All that are told, sorted.
    fn told(world: &World) -> Vec<Told> {
        let found = inventory(&world.book()).credentials;
        let mut all: Vec<_> = found
            .iter()
            .map(|one| {
                let use_ = match one.last_use {
                    LastUse::Log { at, first, requests, .. } => {
                        let hours = |at: DateTime<Utc>| (at - day(0)).num_hours();
                        Some((hours(first), hours(at), requests))
                    }
                    _ => None,
                };
                (one.id.to_string(), one.standing.as_str(), use_)
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn a_secret_that_was_used_and_is_gone_is_a_credential_and_the_next_one_another() {
        let world = world(&[("new", 6)]).row(used("legacy:a/x/old", 5));
        assert_eq!(
            told(&world),
            [
                ("secret a/new".into(), "live", None),
                ("secret a/old".into(), "refused", Some((120, 120, 3))),
            ]
        );
        let mut blind = world;
        let forbidden = ListState::because(Health::Forbidden, "403");
        blind.snapshot.lists.insert(ListKind::TokenSecrets, forbidden);
        assert_eq!(told(&blind)[1].1, "not known");
    }

    #[test]
    fn of_several_secrets_each_has_its_own_use() {
        let world = world(&[("t", -9), ("u", -9)])
            .row(used("legacy:a/x/t", 2))
            .row(used("legacy:a/x/t", 4))
            .row(used("legacy:a/x/u", 1));
        assert_eq!(
            told(&world),
            [
                ("secret a/t".into(), "live", Some((48, 96, 6))),
                ("secret a/u".into(), "live", Some((24, 24, 3))),
            ]
        );
        let notes = inventory(&world.book()).credentials.into_iter().flat_map(|one| one.notes);
        assert_eq!(notes.collect::<Vec<_>>(), Vec::<String>::new());
    }

    #[test]
    fn what_was_used_before_a_secret_was_made_is_of_another_of_its_name() {
        for (id, earlier) in [
            ("legacy:a/x/t", "secret a/t, an earlier one"),
            ("legacy:a/x", "an earlier token Secret of a/x"),
        ] {
            let world = world(&[("t", 3)]).row(used(id, 2)).row(used(id, 4));
            assert_eq!(told(&world), {
                let mut both: [Told; 2] = [
                    (earlier.into(), "not known", Some((48, 48, 3))),
                    ("secret a/t".into(), "live", Some((96, 96, 3))),
                ];
                both.sort();
                both
            });
        }
    }

    #[test]
    fn of_a_day_on_which_a_secret_was_made_again_no_request_is_lost() {
        // Three requests from midday to two o'clock, and the Secret is of one o'clock.
        let mut made = secret("t", 3);
        made["metadata"]["creationTimestamp"] = json!(day(3) + chrono::TimeDelta::hours(1));
        let mut world = World::new().account("a", "x").log(0, 10).object(&made);
        world = world.row(used("legacy:a/x/t", 3));
        world.activity.as_mut().unwrap().uses[0].last = day(3) + chrono::TimeDelta::hours(2);
        assert_eq!(
            told(&world),
            [
                ("secret a/t".into(), "live", Some((73, 74, 2))),
                ("secret a/t, an earlier one".into(), "not known", Some((72, 72, 1))),
            ]
        );
    }

    #[test]
    fn a_secret_of_another_account_claims_nothing() {
        let world = world(&[("t", -9)])
            .account("a", "y")
            .row(Row::new("sa:a/y", "get pods@a/p", 5).with("legacy:a/y/t"));
        let found = inventory(&world.book()).credentials;
        assert_eq!(found.len(), 2, "{found:#?}");
        let other = found.iter().find(|one| &*one.identity.name == "y").unwrap();
        assert_eq!((other.kind, other.standing.as_str()), (Kind::LegacyToken, "refused"));
    }
}
