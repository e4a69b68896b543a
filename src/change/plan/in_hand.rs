//! What those from whom something is taken have in hand that authenticates others: no cut of a grant ends
//! any of it.

use std::collections::BTreeSet;

use super::left::Left;
use super::make::Work;
use super::wanted::AllWanted;
use super::{Action, Ending, Intent, Plan, StillWorks, Target, account, split_off};
use crate::book::Book;
use crate::credentials::{self, CertificatesAsked, Credential, How, InHand, Kind};
use crate::model::{Identity, counted};

/// By which requests somebody comes by tokens of others: the verb, the kind, and in words.
const HANDS: [(&str, &str, &str); 2] = [
    ("get", "secrets", "reads of Secrets"),
    ("create", "serviceaccounts/token", "requests for tokens of accounts"),
];

/// What would end a credential before its time, with the command where one does.
pub fn what_ends(credential: &Credential) -> String {
    let whose = &credential.identity;
    let is_token = matches!(credential.kind, Kind::IssuedToken | Kind::Further);
    let intent = Intent::to_end(credential).ok().or_else(|| {
        // Whatever it is bound to.
        let renew = Intent::Account { identity: whose.clone(), how: Ending::Renew };
        (is_token && account::place(whose).is_ok()).then_some(renew)
    });
    let command = intent.map_or_else(String::new, |intent| format!(" ({})", intent.command()));
    format!("{}{command}", credential.revoke)
}

/// That it works on.
fn works(one: &InHand) -> StillWorks {
    StillWorks {
        what: format!("{}: it authenticates as {}", one.what(), one.credential.identity),
        until: format!("{}; what would revoke it: {}", one.until(), what_ends(&one.credential)),
    }
}

/// That certificates that they asked for may work on, whoever they name.
fn may_work(asked: &CertificatesAsked) -> StillWorks {
    StillWorks { what: asked.what(), until: asked.until().to_owned() }
}

/// What somebody has in hand, whatever is taken from them.
pub(super) fn all(book: &Book, who: &Identity) -> Vec<StillWorks> {
    let hand = credentials::hand(book, who);
    hand.known.iter().map(works).chain(hand.asked.iter().map(may_work)).collect()
}

/// Of the accounts that a Plan deletes which takes a run back: how they were used last, and what works on in
/// their hands, by a log.
pub fn taken_with(book: &Book, undo: &Plan) -> Vec<String> {
    let gone = undo.steps.iter().filter(|step| step.action == Action::Delete);
    let accounts = gone.filter(|step| step.target.is_account()).filter_map(|step| {
        let namespace = step.target.namespace.clone()?;
        Some(Identity::service_account(namespace, step.target.name.clone()))
    });
    let mut said = Vec::new();
    for who in accounts {
        let activity = book.find(&who).and_then(|entry| entry.activity.as_deref());
        said.extend(activity.and_then(|activity| {
            Some(format!(
                "{who}, which goes, is in use: {} of the log, the last on {} UTC",
                counted(activity.requests, "request"),
                activity.last_seen?.format("%Y-%m-%d %H:%M")
            ))
        }));
        said.extend(all(book, &who).into_iter().map(|one| format!("{}; {}", one.what, one.until)));
    }
    said
}

impl Left {
    /// What somebody has in hand and no deletion of the plan ends.
    fn in_hand(&mut self, book: &Book, who: &Identity, deleted: &BTreeSet<Target>) {
        let hand = credentials::hand(book, who);
        for one in hand.known {
            // Of several Secrets that were listed the plan may end the one that is told.
            let is_several = one.how == How::Listed && one.count > 1;
            let account = account::place(&one.credential.identity);
            let goes = one.credential.kind == Kind::Further
                && account.is_ok_and(|(ns, name)| deleted.contains(&account::target(ns, name)));
            if is_several || !goes && !self.ends(&one.credential, deleted) {
                self.still_works.insert(works(&one));
            }
        }
        self.still_works.extend(hand.asked.iter().map(may_work));
    }
}

impl Work<'_> {
    /// Tells what works on in the hands of everybody from whom something is taken.
    pub(super) fn in_hand(&mut self, all: &AllWanted) {
        let named = self.input.intents.iter().filter_map(|intent| match intent {
            Intent::Identity { identity }
            | Intent::Account { identity, .. }
            | Intent::Narrow { identity, .. } => Some(identity),
            _ => None,
        });
        let gone =
            all.values().flat_map(|wanted| &wanted.gone).chain(&self.mapped).chain(&self.ended);
        let whose: BTreeSet<Identity> = named.chain(gone).cloned().collect();
        self.hands_unknown(&whose);
        for who in whose {
            self.left.in_hand(self.input.book, &who, &self.deleted);
            let ends = |target: &Target| self.deleted.contains(target);
            self.left.still_works.extend(split_off::of(self.input.book, &who, &ends));
        }
    }

    /// Says what of it the log would not show.
    fn hands_unknown(&mut self, whose: &BTreeSet<Identity>) {
        let book = self.input.book;
        if whose.is_empty() || book.coverage().is_none_or(|log| log.from.is_none()) {
            return;
        }
        let hidden: Vec<&str> = HANDS
            .into_iter()
            .filter(|(verb, kind, _)| book.may_hide(verb, &"".into(), &(*kind).into()))
            .map(|(_, _, what)| what)
            .collect();
        if !hidden.is_empty() {
            self.warnings.push(format!(
                "the log does not show {}: whether they have credentials of others in hand is not known",
                hidden.join(", nor ")
            ));
        }
    }
}
