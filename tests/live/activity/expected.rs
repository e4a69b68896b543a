//! What the notes come to, and what keybook makes of the log, in the same shape.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use keybook::book::Book;
use keybook::model::{Activity, Call, Identity, Implied, Name, Target, Use};

use super::drive::{Noted, Notes, Row, Verdict};

/// Requests of one key as the clients noted them.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    /// Allowed, denied, undecided.
    pub counts: [u64; 3],
    /// First and last time, each between two.
    first: Option<Window>,
    last: Option<Window>,
    last_allowed: Option<Window>,
}

/// A moment that a client saw only the ends of.
type Window = (DateTime<Utc>, DateTime<Utc>);

/// The same as keybook has it.
#[derive(Clone, Debug)]
pub struct Found {
    pub counts: [u64; 3],
    pub first: DateTime<Utc>,
    pub last: DateTime<Utc>,
    pub last_allowed: Option<DateTime<Utc>>,
}

/// Whether a time lies where it has to.
pub fn in_window(window: Option<Window>, time: Option<DateTime<Utc>>) -> bool {
    match (window, time) {
        (Some((after, before)), Some(time)) => after <= time && time <= before,
        (None, None) => true,
        _ => false,
    }
}

impl Sum {
    pub fn add(&mut self, noted: &Noted) {
        self.counts[noted.verdict as usize] += 1;
        let (after, before) = (noted.after, noted.before);
        let latest = |have: Option<Window>| {
            have.map_or((after, before), |(a, b)| (a.max(after), b.max(before)))
        };
        let first = self.first.map_or((after, before), |(a, b)| (a.min(after), b.min(before)));
        self.first = Some(first);
        self.last = Some(latest(self.last));
        if noted.verdict == Verdict::Allowed {
            self.last_allowed = Some(latest(self.last_allowed));
        }
    }

    pub fn is(&self, found: &Found) -> bool {
        self.counts == found.counts
            && in_window(self.first, Some(found.first))
            && in_window(self.last, Some(found.last))
            && in_window(self.last_allowed, found.last_allowed)
    }

    fn requests(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// The notes by row.
pub fn rows(notes: &Notes) -> BTreeMap<Row, Sum> {
    let mut all: BTreeMap<Row, Sum> = BTreeMap::new();
    for noted in &notes.all {
        all.entry(noted.row.clone()).or_default().add(noted);
    }
    all
}

/// A stored row, without its day and credit.
pub fn row(activity: &Activity, row: &Use) -> Row {
    let actor = activity.actor(row.actor);
    Row {
        authenticated: activity.identity(row.authenticated).clone(),
        effective: activity.identity(row.effective).clone(),
        impersonation: row.impersonation.map(|id| (**activity.impersonation(id)).clone()),
        credential: actor.credential.clone(),
        agent: actor.agent.clone(),
        address: actor.address.clone().unwrap_or_else(|| "".into()),
        groups: activity.group_set(row.groups).to_vec(),
        call: (**activity.call(row.call)).clone(),
    }
}

/// The log's rows from the addresses that the drivers have to themselves.
pub fn driven_rows(activity: &Activity) -> BTreeMap<Row, Found> {
    let mut all: BTreeMap<Row, Found> = BTreeMap::new();
    for stored in activity.uses() {
        let key = row(activity, stored);
        if !key.address.starts_with("127.0.1.") {
            continue;
        }
        let found = all.entry(key).or_insert(Found {
            counts: [0; 3],
            first: stored.first,
            last: stored.last,
            last_allowed: None,
        });
        for (have, more) in
            found.counts.iter_mut().zip([stored.allowed, stored.denied, stored.undecided])
        {
            *have += more;
        }
        found.first = found.first.min(stored.first);
        found.last = found.last.max(stored.last);
        found.last_allowed = found.last_allowed.max(stored.last_allowed);
    }
    all
}

/// What an identity has to come to.
#[derive(Debug, Default)]
struct Person {
    own: Sum,
    addresses: BTreeMap<Name, Sum>,
    agents: BTreeMap<Name, Sum>,
    credentials: BTreeMap<Name, Sum>,
    impersonated_as: BTreeMap<Identity, Sum>,
    impersonated_by: BTreeMap<Identity, Sum>,
    writes: Sum,
    groups: BTreeSet<String>,
    /// Of its rights, whoever used them: by verb and target.
    uses: BTreeMap<(Name, Target), Sum>,
}

fn people(notes: &Notes) -> BTreeMap<Identity, Person> {
    let mut all: BTreeMap<Identity, Person> = BTreeMap::new();
    for noted in &notes.all {
        let row = &noted.row;
        let person = all.entry(row.authenticated.clone()).or_default();
        person.own.add(noted);
        person.addresses.entry(row.address.clone()).or_default().add(noted);
        if let Some(agent) = &row.agent {
            person.agents.entry(agent.clone()).or_default().add(noted);
        }
        if let Some(credential) = &row.credential {
            person.credentials.entry(credential.clone()).or_default().add(noted);
        }
        if changes(&row.call) {
            person.writes.add(noted);
        }
        person.groups.extend(noted.own_groups.iter().cloned());
        let other = row.effective != row.authenticated;
        if other {
            person.impersonated_as.entry(row.effective.clone()).or_default().add(noted);
        }
        let effective = all.entry(row.effective.clone()).or_default();
        if other {
            let by = effective.impersonated_by.entry(row.authenticated.clone());
            by.or_default().add(noted);
        }
        let key = (row.call.verb.clone(), row.call.target.clone());
        effective.uses.entry(key).or_default().add(noted);
    }
    all
}

/// Whether a call can change anything: a list of its own of what the drivers ask.
fn changes(call: &Call) -> bool {
    let verb = &*call.verb;
    let asks = [
        "selfsubjectreviews",
        "tokenreviews",
        "subjectaccessreviews",
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
    ];
    if let Target::Resource { resource, .. } = &call.target
        && asks.contains(&&**resource)
    {
        return false;
    }
    if call.implied == Implied::UpgradedGet {
        return true;
    }
    ["create", "update", "patch", "delete", "deletecollection", "post"].contains(&verb)
        || verb.starts_with("impersonate")
}

fn kind(credential: &str) -> &'static str {
    match credential.split_once(['=', ':']) {
        Some(("X509SHA256", _)) => "client certificate",
        Some(("legacy", _)) => "legacy token",
        _ => "token",
    }
}

/// Holds the Book's sums of every driving or impersonated identity against the notes. How many
/// drove.
pub fn compare_sums(notes: &Notes, book: &Book) -> usize {
    let people = people(notes);
    for (identity, person) in &people {
        let entry = book.find(identity).unwrap_or_else(|| panic!("no entry for {identity:?}"));
        let activity = entry.activity.as_deref();
        let activity = activity.unwrap_or_else(|| panic!("no activity of {identity:?}"));
        let about = || format!("{identity:?}\n{person:#?}\n{activity:#?}");
        let counts = [activity.allowed, activity.denied, activity.undecided];
        assert_eq!(counts, person.own.counts, "{}", about());
        assert_eq!(activity.requests, person.own.requests(), "{}", about());
        assert!(in_window(person.own.first, activity.first_seen), "{}", about());
        assert!(in_window(person.own.last, activity.last_seen), "{}", about());
        assert!(in_window(person.own.last_allowed, activity.last_allowed), "{}", about());
        assert!(in_window(person.writes.last_allowed, activity.last_write), "{}", about());
        for (expected, found) in
            [(&person.addresses, &activity.addresses), (&person.agents, &activity.agents)]
        {
            assert_eq!(expected.len(), found.len(), "{}", about());
            for seen in found {
                let sum = &expected[&seen.value];
                assert_eq!(seen.requests, sum.requests(), "{}", about());
                assert!(in_window(sum.first, Some(seen.first_seen)), "{}", about());
                assert!(in_window(sum.last, Some(seen.last_seen)), "{}", about());
            }
        }
        assert_eq!(activity.credentials.len(), person.credentials.len(), "{}", about());
        for seen in &activity.credentials {
            let sum = &person.credentials[&seen.id];
            assert_eq!(seen.requests, sum.requests(), "{}", about());
            assert_eq!(seen.kind, kind(&seen.id));
            assert!(in_window(sum.first, Some(seen.first_seen)), "{}", about());
            assert!(in_window(sum.last, Some(seen.last_seen)), "{}", about());
        }
        compare_impersonation(person, activity, &about);
        let uses: BTreeMap<(Name, Target), [u64; 3]> = book
            .uses(entry.id)
            .into_iter()
            .map(|used| {
                let key = (used.call.verb.clone(), used.call.target.clone());
                let sum = &person.uses[&key];
                assert!(in_window(sum.first, Some(used.first_seen)), "{}", about());
                assert!(in_window(sum.last, Some(used.last_seen)), "{}", about());
                (key, [used.allowed, used.denied, used.undecided])
            })
            .collect();
        let expected: BTreeMap<(Name, Target), [u64; 3]> =
            person.uses.iter().map(|(key, sum)| (key.clone(), sum.counts)).collect();
        assert_eq!(uses, expected, "{identity:?}");
        let seen = book.activity.as_deref().and_then(|all| Some((all, all.seen(identity)?)));
        let (all, seen) = seen.expect("a log");
        let groups: BTreeSet<String> =
            all.groups_seen(seen).iter().map(|(group, _)| group.to_string()).collect();
        assert_eq!(groups, person.groups, "{identity:?}");
    }
    people.values().filter(|person| person.own.requests() > 0).count()
}

fn compare_impersonation(
    person: &Person,
    activity: &keybook::book::IdentityActivity,
    about: &impl Fn() -> String,
) {
    let expected: BTreeMap<Identity, u64> =
        person.impersonated_as.iter().map(|(who, sum)| (who.clone(), sum.requests())).collect();
    assert_eq!(activity.impersonated_as, expected, "{}", about());
    assert_eq!(activity.impersonated_by.len(), person.impersonated_by.len(), "{}", about());
    for (who, by) in &activity.impersonated_by {
        let sum = &person.impersonated_by[who];
        assert_eq!(by.requests, sum.requests(), "{}", about());
        assert!(in_window(sum.last, by.last_seen), "{}", about());
    }
}
