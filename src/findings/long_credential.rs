//! Certificates and tokens that are good for long: nobody can take a certificate back, and few
//! tokens.

use chrono::{DateTime, TimeDelta, Utc};

use super::lasting_token::{is_of_a_secret, made_aside, made_for};
use super::{Subject, one_less, severity_of};
use crate::book::{Finding, Fix};
use crate::credentials::{Credential, Expires, Standing, is_for_another};

const RULE: (&str, &str) = ("long-credential", "long-lived");

/// So much longer the API server takes a token than it is good.
const LEEWAY: TimeDelta = TimeDelta::minutes(1);

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let days = subject.book.policy.credential_days;
    let own = |one: &&Credential| !is_of_a_secret(one) && !is_for_another(one);
    for one in subject.credentials.iter().filter(own) {
        let until = match one.expires {
            Expires::At(at) if is_long(subject, one, at) => match one.issued {
                Some(made) => format!(
                    "is good until {}, {} days from then on",
                    at.format("%Y-%m-%d"),
                    (at - made).num_days()
                ),
                None => {
                    format!("is good until {}, more than {days} days more", at.format("%Y-%m-%d"))
                }
            },
            Expires::Never => "never ends".to_owned(),
            _ => continue,
        };
        let why = match &one.standing {
            Standing::NotKnown(why) => format!("; whether it is taken is not known: {why}"),
            _ => String::new(),
        };
        let made = made_aside(one);
        let tier = subject.entry.tier;
        let whom = if subject.holds_something() {
            format!(", for {}", tier.as_str())
        } else {
            ", for who holds nothing today: what is bound to it or to its groups it has until then"
                .to_owned()
        };
        let name = super::fix::named(one);
        let used = one.last_use.words().map_or_else(String::new, |words| format!("; {words}"));
        let evidence = format!("{name}{made} {until}{whom}{used}{why}");
        let severity = one_less(severity_of(tier));
        let mut finding = subject.finding(RULE, severity, None, evidence);
        finding.fix = Fix::elsewhere(format!(
            "{}replace it by one that ends sooner, then {}",
            super::fix::is_missed(subject, one),
            super::fix::end_of(subject, one)
        ));
        found.push(finding);
    }
}

/// Whether from its making on, or from now on where that is not known, it is good for longer than the
/// policy has it.
fn is_long(subject: &Subject<'_>, one: &Credential, at: DateTime<Utc>) -> bool {
    let days = i64::from(subject.book.policy.credential_days);
    (at - one.issued.unwrap_or(subject.book.now)).num_days() > days
}

/// When what is said of its credentials changes by the time alone, UTC.
pub(super) fn turns(subject: &Subject<'_>) -> impl Iterator<Item = DateTime<Utc>> {
    let days = i64::from(subject.book.policy.credential_days);
    subject.credentials.iter().flat_map(move |one| {
        let ends = match one.expires {
            Expires::At(at) => Some(at),
            _ => None,
        };
        let long = ends.filter(|_| one.issued.is_none());
        let long = long.and_then(|at| at.checked_sub_signed(TimeDelta::days(days + 1)));
        let past = ends.and_then(|at| at.checked_add_signed(LEEWAY));
        [made_for(subject, one), ends, past, long].into_iter().flatten()
    })
}
