//! How an account is retired once everybody has an identity of their own: in stages, each of which is
//! planned when its day has come, from the objects as they are then. What is meant is the account and
//! whatever Secrets hold a token of it by then, so that one which is made in between is not missed.

use chrono::{DateTime, TimeDelta, Utc};

use super::Parts;
use crate::change::plan::account;
use crate::change::plan::in_hand;
use crate::change::plan::left::{Left, still_authenticates};
use crate::change::plan::make::Work;
use crate::change::plan::{Ending, Intent, Later, Manual, NOT_A_DAY_SOONER, StillWorks};
use crate::credentials::{self, Credential, Kind};
use crate::model::Identity;

/// How the ids of entries of EKS' `aws-auth` begin.
const MAPPED: &str = "aws-auth ";

impl Work<'_> {
    /// Adds the stages, where they are wanted.
    pub(super) fn retire(&mut self, parts: &Parts) {
        let Some(days) = parts.how.retire_after else { return };
        let account = &parts.account;
        let at = |times: i64| self.input.now + TimeDelta::days(i64::from(days) * times);
        let (first, last) = (at(1), at(2));
        self.operator_is_retired(account, (first, last));
        let identity = Intent::Identity { identity: account.clone() };
        let ends = |how| Intent::Account { identity: account.clone(), how };
        let all = credentials::of(self.input.book, account);
        let mut taken: Vec<Credential> =
            all.into_iter().filter(|one| one.standing.is_taken()).collect();
        let book = self.input.book;
        let works = |all: &[Credential]| -> Vec<StillWorks> {
            all.iter().map(|one| still_authenticates(book, one)).collect()
        };
        let in_hand = in_hand::all(self.input.book, account);
        if self.is_there(account) {
            taken.retain(|one| !matches!(one.kind, Kind::TokenSecret | Kind::LegacyToken));
            let mut still_works = works(&taken);
            still_works.extend(in_hand.iter().cloned());
            still_works.push(StillWorks {
                what: format!("tokens of {account} that are made on request, and what they may do"),
                until: format!("until the account is deleted, from {} on", last.format("%Y-%m-%d")),
            });
            self.later.push(Later {
                not_before: first,
                what: format!(
                    "every token of {account} in a Secret is refused, which can be taken back; who still \
                     tries one shows in keybook due"
                ),
                intents: vec![ends(Ending::Quarantine)],
                still_works,
            });
            taken.retain(|one| !account::ends_with_account(one.kind));
            self.later.push(Later {
                not_before: last,
                what: format!(
                    "{account} loses what it is granted and is deleted, with the Secrets that hold its \
                     tokens: every token of it is refused"
                ),
                intents: vec![identity, ends(Ending::Delete)],
                still_works: works(&taken).into_iter().chain(in_hand).collect(),
            });
        } else {
            // Its groups are nobody's to take away here, and are all that its credentials need.
            let mut by_groups = Left::default();
            // The stage takes it out, as any revoking of the user does.
            let (mapped, others): (Vec<Credential>, Vec<Credential>) =
                taken.into_iter().partition(|one| one.id.starts_with(MAPPED));
            taken = others;
            by_groups.cut.extend(mapped.iter().map(|one| (one.id.clone(), None)));
            by_groups.groups(self.input.book, account, self.input.book.authorizer());
            let mut still_works = works(&taken);
            still_works.extend(mapped.iter().map(|one| StillWorks {
                what: format!(
                    "the {} {}, where the stage's plan says that it cannot cut it",
                    one.kind.as_str(),
                    one.id
                ),
                until: "until it is taken out by hand: else the stage does that".to_owned(),
            }));
            still_works.extend(by_groups.still_works);
            still_works.extend(in_hand);
            self.left.manual.extend(by_groups.manual);
            self.later.push(Later {
                not_before: first,
                what: format!(
                    "{account} loses what it is granted, which can be taken back; who still tries shows \
                     in keybook due"
                ),
                intents: vec![identity],
                still_works,
            });
        }
        for credential in &taken {
            let StillWorks { what, until } = still_authenticates(book, credential);
            self.left.manual.insert(Manual {
                what: format!("see that {} ends", credential.id),
                why: format!("no write to the cluster ends it with the account: {what}, {until}"),
                patch: None,
            });
        }
        self.left.manual.insert(Manual {
            what: format!(
                "tell everybody who uses {account}, before {}: it is retired from then on",
                first.format("%Y-%m-%d")
            ),
            why: NOT_A_DAY_SOONER.to_owned(),
            patch: None,
        });
    }

    /// Says so where who makes the Plan comes in as the account itself: its stages take their own way in,
    /// and are refused to whoever comes by it.
    fn operator_is_retired(&mut self, account: &Identity, stages: (DateTime<Utc>, DateTime<Utc>)) {
        let Some(operator) = self.input.operator else { return };
        let own = account.user_name();
        let of_own = operator.presents.behind.iter().chain([&operator.user]);
        let Some(who) = of_own.into_iter().find(|who| own.as_ref() == Some(who)) else { return };
        let (first, last) = (stages.0.format("%Y-%m-%d"), stages.1.format("%Y-%m-%d"));
        let then = if self.is_there(account) {
            format!("a token in a Secret is refused from {first} on, every one from {last} on")
        } else {
            format!("it opens nothing from {first} on but by its groups")
        };
        self.warnings.push(format!(
            "{who}, who makes this plan, is the account that it retires: {then}, and the stages are \
             refused to whoever comes by it. Have another way in by then"
        ));
    }

    /// Whether there is an object that can be deleted.
    fn is_there(&self, identity: &Identity) -> bool {
        let Ok((namespace, name)) = account::place(identity) else { return false };
        !self.input.book.snapshot.lacks_account(namespace, name)
    }
}
