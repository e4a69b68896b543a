//! Somebody who acts although the policy says that they have left: a credential of theirs still works,
//! or somebody else has it; or who may act all the same, by tokens of others that they had made.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};

use super::{Subject, severity_of};
use crate::book::{Finding, Fix, Severity};
use crate::credentials::{refused_from, token_good_until};
use crate::model::{
    Activity, Detail, Identity, Issued, Minted, Name, SubjectKind, Use, counted, shell_word,
};

const RULE: (&str, &str) = ("acted-after-leaving", "left");

/// So many credentials are named.
const NAMED: usize = 2;

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let (book, entry) = (subject.book, subject.entry);
    // What a group did are its members' own doings.
    if entry.identity.kind == SubjectKind::Group || !book.log.is_whole() {
        return;
    }
    let Some(last_day) = book.policy.last_day(&entry.identity.to_string()) else { return };
    let Some(log) = book.activity.as_deref() else { return };
    tokens(subject, log, last_day, found);
    let Some(activity) = entry.activity.as_deref() else { return };
    let Some(seen) = activity.last_seen.filter(|seen| seen.date_naive() > last_day) else { return };
    let after = || activity.days.range(last_day..).filter(|(day, _)| **day > last_day);
    let (mut allowed, mut others) = (0, 0);
    for (_, day) in after() {
        allowed += day.allowed;
        others += day.denied + day.undecided;
    }
    let figures = if log.detail() == Detail::Days {
        let days = after().count();
        let days = counted(days, "day");
        format!("{allowed} allowed and {others} other requests on {days} after it, the last on")
    } else {
        "seen after it, the last time on".to_owned()
    };
    let used = activity.credentials.iter().filter(|one| one.last_seen.date_naive() > last_day);
    let used: Vec<&str> = used.map(|one| &*one.id).collect();
    let by = match used.len() {
        0 => String::new(),
        some => {
            let named = used.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = some.saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("; by {named}{more}")
        }
    };
    let evidence = format!(
        "its last day was {last_day}, by the policy; {figures} {}{by}",
        seen.format("%Y-%m-%d")
    );
    let severity = severity_of(entry.tier).max(Severity::Medium);
    found.push(subject.finding(RULE, severity, None, evidence));
}

/// What a token was used for after a day.
#[derive(Default)]
struct After {
    tokens: usize,
    requests: u64,
    last: Option<DateTime<Utc>>,
    /// Tokens of which it is not known whether they were used.
    not_known: usize,
    /// Tokens that were not seen used after it and are good, with until when, UTC.
    good: Vec<(Name, DateTime<Utc>)>,
}

/// When tokens that they had made begin to be refused, UTC.
pub(super) fn turns(subject: &Subject<'_>) -> Vec<DateTime<Utc>> {
    let (book, who) = (subject.book, &subject.entry.identity);
    let Some(log) = book.activity.as_deref() else { return Vec::new() };
    if book.policy.last_day(&who.to_string()).is_none() {
        return Vec::new();
    }
    made_by(log, who)
        .filter_map(|(issued, minted)| token_good_until(book, &issued.account, minted))
        .filter_map(refused_from)
        .collect()
}

/// Tokens that somebody had made, themselves or in whose name an account did.
fn made_by<'a>(
    log: &'a Activity,
    who: &'a Identity,
) -> impl Iterator<Item = (&'a Issued, &'a Minted)> {
    let all = log.issued().iter().map(|(issued, minted)| (&**issued, minted));
    all.filter(move |(issued, _)| issued.by == *who || issued.maker() == who)
}

/// Tokens that they had made for accounts, and that were used after their last day, or are good: they may
/// have taken them along. What a pod uses that they had a token made for is the pod's.
fn tokens(subject: &Subject<'_>, log: &Activity, last_day: NaiveDate, found: &mut Vec<Finding>) {
    let who = &subject.entry.identity;
    let mut after: BTreeMap<&Identity, After> = BTreeMap::new();
    for (issued, minted) in made_by(log, who) {
        let Some(seen) = log.seen(&issued.account) else { continue };
        let by = |row: &&Use, credential: Option<&Name>| {
            row.day > last_day && log.actor(row.actor).credential.as_ref() == credential
        };
        let rows = log.by_authenticated(seen);
        let (mut requests, mut last) = (0, None);
        for row in rows.iter().filter(|row| by(row, Some(&issued.credential))) {
            requests += row.requests();
            last = last.max(Some(row.last));
        }
        if last.is_some() {
            let sum = after.entry(&issued.account).or_default();
            sum.tokens += 1;
            sum.requests += requests;
            sum.last = sum.last.max(last);
            continue;
        }
        // Whoever uses many makes the log name more than are kept.
        let cut = log.truncated(seen).is_some_and(|cut| cut.contains_key("credentials"));
        if cut && rows.iter().any(|row| by(&row, None)) && lasts_after(minted, last_day) {
            after.entry(&issued.account).or_default().not_known += 1;
        }
        if let Some(until) = token_good_until(subject.book, &issued.account, minted) {
            let good = &mut after.entry(&issued.account).or_default().good;
            good.push((issued.credential.clone(), until));
        }
    }
    for (account, sum) in after {
        let (severity, evidence) = sum.words(account, last_day);
        // Whatever the account may do, somebody who is gone does it.
        let mut finding = subject.finding(RULE, severity, None, evidence);
        finding.fix = Fix::elsewhere(format!(
            "have those tokens end: keybook credentials {}{} says of each until when it is good and \
             what ends it; deleting the account ends all of its tokens",
            shell_word(account.to_string()),
            subject.book.policy.again.all()
        ));
        found.push(finding);
    }
}

/// Whether a token was good after a day, as far as the log says when it ends.
fn lasts_after(minted: &Minted, day: NaiveDate) -> bool {
    let end = minted.asked.as_ref().and_then(|asked| asked.end(minted.at.timestamp_micros()));
    let end = end.and_then(DateTime::<Utc>::from_timestamp_micros);
    end.is_none_or(|end| end.date_naive() > day)
}

impl After {
    fn words(&self, account: &Identity, last_day: NaiveDate) -> (Severity, String) {
        let Self { tokens, requests, last, not_known, .. } = self;
        let many = |count: usize| match count {
            1 => "a token".to_owned(),
            more => format!("{more} tokens"),
        };
        let unknown = match not_known {
            0 => String::new(),
            count => format!(
                "whether {} of {account} that it had made, and which may have been good then, had \
                 requests after it is not known, since the log names more credentials of {account} \
                 than are kept",
                many(*count)
            ),
        };
        let its = format!("its last day was {last_day}, by the policy; ");
        let good = self.good(account);
        if *tokens == 0 {
            let both = if unknown.is_empty() || good.is_empty() { "" } else { "; " };
            return (Severity::Medium, its + &unknown + both + &good);
        }
        let last =
            last.map_or_else(String::new, |at| format!(", the last on {}", at.format("%Y-%m-%d")));
        let had = counted(*requests, "request");
        let rest = [unknown, good].into_iter().filter(|text| !text.is_empty());
        let rest = rest.fold(String::new(), |all, text| all + "; " + &text);
        let used = many(*tokens);
        let evidence =
            format!("{its}{used} of {account} that it had made had {had} after it{last}{rest}");
        (Severity::High, evidence)
    }

    /// What is good of what they have in hand, besides what was used.
    fn good(&self, account: &Identity) -> String {
        let until = |at: &DateTime<Utc>| at.format("%Y-%m-%d %H:%M").to_string();
        match self.good.as_slice() {
            [] => String::new(),
            [(id, at)] => format!(
                "a token of {account} that it had made ({id}), not seen used after it, is good until {} \
                 UTC",
                until(at)
            ),
            all => {
                let last = all.iter().max_by_key(|(_, at)| *at);
                let last = last.map_or_else(String::new, |(id, at)| {
                    format!(", the last ({id}) until {} UTC", until(at))
                });
                format!(
                    "{} tokens of {account} that it had made, not seen used after it, are good{last}",
                    all.len()
                )
            }
        }
    }
}
