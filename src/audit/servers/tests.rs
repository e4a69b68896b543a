//! Which API servers a log is of, and what is lost.

use chrono::{DateTime, Utc};

use super::*;

const MINUTE: i64 = 60_000_000;
const START: i64 = 1_777_852_800_000_000;

fn lease(servers: &mut Servers, verb: &str, name: &str, user: &str, minute: i64) {
    servers.lease(name, verb, user, START + minute * MINUTE);
}

#[test]
fn api_servers_are_those_that_renew_their_own_lease() {
    let mut servers = Servers::default();
    lease(&mut servers, "update", "apiserver-aa", "system:apiserver", 0);
    lease(&mut servers, "update", "apiserver-aa", "system:apiserver", 7);
    lease(&mut servers, "update", "apiserver-bb", "system:apiserver", 3);
    lease(&mut servers, "get", "apiserver-cc", "system:apiserver", 3);
    lease(&mut servers, "update", "apiserver-dd", "eve", 3);
    let mut coverage = Coverage::default();
    servers.cover(&mut coverage);
    let server = |name: &str, from, to, events| Server {
        name: name.into(),
        from: utc(START + from * MINUTE),
        to: utc(START + to * MINUTE),
        events,
        lacks: Vec::new(),
    };
    assert_eq!(
        coverage.api_servers,
        [server("apiserver-aa", 0, 7, 2), server("apiserver-bb", 3, 3, 1)]
    );
    assert_eq!(coverage.servers(), 2);
}

/// On which days, of the first, the log of each lacks what others' have: first day and last.
fn lacking(renewed: &[(&str, &[(i64, i64)])]) -> Vec<(String, Vec<(i64, i64)>)> {
    let mut servers = Servers::default();
    let mut rest = Servers::default();
    for (name, spans) in renewed {
        let name = format!("apiserver-{name}");
        let days = spans.iter().flat_map(|(from, to)| *from..=*to);
        for (index, hour) in days.flat_map(|day| day * 24..(day + 1) * 24).enumerate() {
            let part = if index % 2 == 0 { &mut servers } else { &mut rest };
            lease(part, "update", &name, "system:apiserver", hour * 60);
        }
    }
    servers.add(rest);
    let mut coverage = Coverage::default();
    servers.cover(&mut coverage);
    let day = |at: DateTime<Utc>| (at.timestamp_micros() - START).div_euclid(DAY * HOUR);
    let all = coverage.api_servers.into_iter().filter(|one| !one.lacks.is_empty());
    let days = |gaps: &[Gap]| gaps.iter().map(|gap| (day(gap.from), day(gap.to) - 1)).collect();
    all.map(|one| (one.name.replace("apiserver-", ""), days(&one.lacks))).collect()
}

#[test]
fn a_server_of_which_the_log_lacks_days_is_told_with_them() {
    let none: [(String, Vec<(i64, i64)>); 0] = [];
    let one = |name: &str, days: &[(i64, i64)]| vec![(name.to_owned(), days.to_vec())];
    // Both, but for the days at the ends, which are not whole.
    assert_eq!(lacking(&[("a", &[(0, 100)]), ("b", &[(1, 99)])]), none);
    // By size the one is rotated sooner; of another there is a hole; a third ends.
    assert_eq!(lacking(&[("a", &[(0, 100)]), ("b", &[(80, 100)])]), one("b", &[(0, 79)]));
    assert_eq!(lacking(&[("a", &[(0, 100)]), ("b", &[(0, 9), (20, 100)])]), one("b", &[(10, 19)]));
    assert_eq!(lacking(&[("a", &[(0, 100)]), ("b", &[(0, 60)])]), one("b", &[(61, 100)]));
    // Where none has anything, the whole log has a gap.
    assert_eq!(lacking(&[("a", &[(0, 9), (20, 99)]), ("b", &[(0, 9), (20, 99)])]), none);
    assert_eq!(lacking(&[("a", &[(0, 9), (20, 99)])]), none);
    // New machines, one after the other, in the place of the old ones.
    assert_eq!(
        lacking(&[("a", &[(0, 50)]), ("b", &[(0, 52)]), ("c", &[(49, 99)]), ("d", &[(52, 99)])]),
        none
    );
    // What takes nobody's place may have been there.
    assert_eq!(
        lacking(&[("a", &[(0, 50)]), ("c", &[(49, 99)]), ("d", &[(60, 99)]), ("e", &[(0, 99)])]),
        one("d", &[(0, 59)])
    );
}

#[test]
fn of_what_was_kept_without_days_none_is_missing() {
    let mut old = Servers::default();
    for day in [0, 50] {
        lease(&mut old, "update", "apiserver-a", "system:apiserver", day * 24 * 60);
    }
    lease(&mut old, "update", "apiserver-b", "system:apiserver", 0);
    let mut kept = serde_json::to_value(&old).unwrap();
    kept.as_object_mut().unwrap().remove("hours");
    let mut servers: Servers = serde_json::from_value(kept).unwrap();
    for day in 1..=100 {
        for hour in 0..24 {
            let minute = |day: i64| (day * 24 + hour) * 60;
            lease(&mut servers, "update", "apiserver-b", "system:apiserver", minute(day));
            lease(&mut servers, "update", "apiserver-a", "system:apiserver", minute(day.max(51)));
        }
    }
    let mut coverage = Coverage::default();
    servers.cover(&mut coverage);
    assert!(coverage.api_servers.iter().all(|one| one.lacks.is_empty()), "{coverage:?}");
}

/// Of what hours of ten days the log of one of two lacks what the other's has: first hour and last.
fn lost(own: impl Fn(i64) -> bool, deleted: &[i64]) -> Vec<(i64, i64)> {
    let mut servers = Servers::default();
    for hour in 0..240 {
        lease(&mut servers, "update", "apiserver-a", "system:apiserver", hour * 60);
        if own(hour) {
            lease(&mut servers, "update", "apiserver-b", "system:apiserver", hour * 60 + 7);
        }
    }
    for hour in deleted {
        lease(&mut servers, "delete", "apiserver-b", "system:apiserver", hour * 60 + 9);
        // Whoever else deletes one says nothing.
        lease(&mut servers, "delete", "apiserver-b", "eve", (hour + 48) * 60);
    }
    let mut coverage = Coverage::default();
    servers.cover(&mut coverage);
    let hour = |at: DateTime<Utc>| (at.timestamp_micros() - START).div_euclid(HOUR);
    let lacks = &coverage.api_servers[1].lacks;
    lacks.iter().map(|gap| (hour(gap.from), hour(gap.to) - 1)).collect()
}

#[test]
fn hours_that_are_lost_are_told_and_one_that_was_down_lost_none() {
    let none: [(i64, i64); 0] = [];
    let hole = |from: i64, to: i64| move |hour: i64| !(from..=to).contains(&hour);
    assert_eq!(lost(|_| true, &[]), none);
    // A file of a day, rotated at another midnight, and two days less some hours.
    assert_eq!(lost(hole(70, 93), &[]), [(70, 93)]);
    assert_eq!(lost(hole(74, 118), &[]), [(74, 118)]);
    // The second half of each day.
    let halves: Vec<_> = (0..9).map(|day| (day * 24 + 12, day * 24 + 23)).collect();
    assert_eq!(lost(|hour| hour % 24 < 12, &[]), halves);
    // While it was made anew, and down for a day: then the others delete its lease.
    assert_eq!(lost(hole(70, 73), &[]), none);
    assert_eq!(lost(hole(70, 93), &[72]), none);
    assert_eq!(lost(hole(70, 93), &[20]), [(70, 93)]);
}

#[test]
fn one_that_came_and_went_lost_nothing_before_and_after() {
    // One of a hundred days, and one that is there on the sixtieth.
    let lacks = |started: bool, deleted: bool| {
        let mut servers = Servers::default();
        for hour in 0..2400 {
            lease(&mut servers, "update", "apiserver-a", "system:apiserver", hour * 60);
            if (1440..1464).contains(&hour) {
                lease(&mut servers, "update", "apiserver-b", "system:apiserver", hour * 60 + 7);
            }
        }
        // As an API server of 1.36 does: it deletes what it left, looks for its lease and makes it.
        if started {
            for verb in ["delete", "get", "create"] {
                lease(&mut servers, verb, "apiserver-b", "system:apiserver", 1440 * 60 + 5);
            }
        }
        if deleted {
            lease(&mut servers, "get", "apiserver-b", "system:apiserver", 1465 * 60);
            lease(&mut servers, "delete", "apiserver-b", "system:apiserver", 1465 * 60);
        }
        let mut coverage = Coverage::default();
        servers.cover(&mut coverage);
        coverage.api_servers[1].lacks.len()
    };
    assert_eq!(lacks(true, true), 0);
    assert_eq!(lacks(false, true), 1);
    assert_eq!(lacks(true, false), 1);
    assert_eq!(lacks(false, false), 2);
}

#[test]
fn a_server_is_missing_where_the_leader_is() {
    let kcm = "system:kube-controller-manager";
    let mut whole = Servers::default();
    let mut half = Servers::default();
    for minute in 0..2000 {
        // One candidate at each of two servers; the leader moves from one to the other.
        lease(&mut half, "get", "kube-controller-manager", kcm, minute);
        lease(&mut whole, "get", "kube-controller-manager", kcm, minute);
        if minute >= 1000 {
            lease(&mut half, "update", "kube-controller-manager", kcm, minute);
        }
        lease(&mut whole, "update", "kube-controller-manager", kcm, minute);
    }
    let mut coverage = Coverage::default();
    half.cover(&mut coverage);
    assert_eq!((coverage.led, coverage.unled), (100, 100));
    assert!(coverage.lacks_server());
    whole.cover(&mut coverage);
    assert_eq!((coverage.led, coverage.unled), (200, 0));
    assert!(!coverage.lacks_server() && !Coverage::default().lacks_server());
}

#[test]
fn an_account_that_is_two_at_once_is_of_two_clusters() {
    let seen = |spans: &[(&str, i64, i64)]| {
        let mut servers = Servers::default();
        for (uid, first, last) in spans {
            for minute in [first, last] {
                servers.account("coredns", uid, START + minute * MINUTE);
            }
        }
        servers.told_apart()
    };
    let two = Some(("coredns".into(), vec!["a".into(), "b".into()]));
    assert_eq!(seen(&[("a", 0, 60), ("b", 30, 90), ("c", 91, 200)]), two);
    // Made anew, with what was still under way.
    assert_eq!(seen(&[("a", 0, 60), ("b", 50, 90)]), None);
    assert_eq!(seen(&[("a", 0, 60), ("b", 100, 190)]), None);
    assert_eq!(known("system:serviceaccount:kube-system:coredns"), Some("coredns"));
    assert_eq!(known("system:serviceaccount:shop:coredns"), None);
}

#[test]
fn of_too_many_names_the_same_are_kept_in_any_order() {
    let names: Vec<String> = (0..1000).map(|number| format!("pod-{number:04}")).collect();
    let (mut one, mut other, mut third) =
        (Servers::default(), Servers::default(), Servers::default());
    for (index, name) in names.iter().enumerate() {
        one.envelope(Some(name), Some("c"), START);
        let part = if index % 3 == 0 { &mut other } else { &mut third };
        part.envelope(Some(&names[999 - index]), None, START);
    }
    third.add(other);
    assert_eq!(one.streams.servers(), third.streams.servers());
    assert_eq!(one.streams.servers().len(), Named::MOST);
    assert_eq!(one.clusters.0["c"].events, 1000);
}
