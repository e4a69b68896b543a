//! A log that grows: every version is what reading it then would show, however it was made.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::io::Write as _;

use proptest::prelude::*;

use super::any_order::{Seed, bounds, lines, seed};
use super::*;

/// What an activity says, whatever the numbers.
fn said(activity: &Activity) -> BTreeSet<String> {
    let rows = activity.uses().map(|row| {
        format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            (activity.identity(row.authenticated), activity.identity(row.effective)),
            row.impersonation.map(|how| activity.impersonation(how)),
            activity.actor(row.actor),
            activity.group_set(row.groups),
            activity.call(row.call),
            row.credit.map(|credit| activity.credit(credit)),
            (row.day, row.allowed, row.denied, row.undecided),
            (row.first, row.last, row.last_allowed)
        )
    });
    // Who is in no row any more keeps a number.
    let shown: BTreeSet<_> =
        activity.uses().flat_map(|row| [row.authenticated, row.effective]).collect();
    let people = activity.identities().filter(|(id, _)| shown.contains(id)).map(|(id, who)| {
        let cut = activity.truncated(id).filter(|cut| !cut.is_empty());
        format!("{who:?} {:?} {cut:?}", activity.groups_seen(id))
    });
    let rest = format!("{:?} {:?}", activity.detail(), activity.coverage());
    rows.chain(people).chain([rest]).collect()
}

fn check(seeds: &[Seed], parts: &[(u8, bool)], bounds: Bounds) -> Result<usize, TestCaseError> {
    let texts: Vec<String> = seeds.iter().flat_map(lines).map(|line| line.text()).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    let specs = [SourceSpec::Path(path.clone())];
    let mut file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
    let options = Options { bounds, ..options() };
    let mut following = Following::new(&specs, &options).unwrap();
    let mut last: Option<std::sync::Arc<Activity>> = None;
    let (mut at, mut grown) = (0, 0);
    for (count, repeat) in parts.iter().chain([&(u8::MAX, true)]) {
        let end = (at + usize::from(*count)).min(texts.len());
        let mut text = texts[at..end].concat();
        if *repeat {
            text.push_str(&texts[..end].concat());
        }
        at = end;
        file.write_all(text.as_bytes()).unwrap();
        following.step(options.now, &()).unwrap();
        let (next, touched) = following.update().unwrap();
        let (found, expected) = (said(&next), said(&read(&specs, &options, &()).unwrap()));
        let only: Vec<_> = found.difference(&expected).collect();
        let missing: Vec<_> = expected.difference(&found).collect();
        prop_assert!(only.is_empty() && missing.is_empty(), "{only:#?}\nbut {missing:#?}");
        if let (Some(last), Some(touched)) = (&last, touched) {
            grown += 1;
            let kept = last.identities().zip(next.identities()).all(|(one, other)| one == other);
            prop_assert!(kept, "a number is another's");
            for (id, who) in last.identities() {
                if !touched.contains(&id) {
                    prop_assert_eq!(
                        last.by_authenticated(id),
                        next.by_authenticated(id),
                        "{}",
                        who
                    );
                    prop_assert_eq!(last.groups_seen(id), next.groups_seen(id));
                    prop_assert_eq!(last.truncated(id), next.truncated(id));
                }
            }
        }
        last = Some(next);
    }
    Ok(grown)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_version_is_what_is_there(
        seeds in prop::collection::vec(seed(), 1..60),
        parts in prop::collection::vec((0..30u8, prop::bool::weighted(0.2)), 1..12),
        tight: bool,
        small: bool,
        rows in prop_oneof![3 => Just(100_000usize), 1 => 1..60usize],
    ) {
        check(&seeds, &parts, bounds(tight, rows, small))?;
    }

    #[test]
    fn what_is_kept_grows(
        seeds in prop::collection::vec(seed(), 10..60),
        parts in prop::collection::vec((1..20u8, Just(false)), 3..9),
    ) {
        let grown = check(&seeds, &parts, bounds(false, 100_000, false))?;
        // A version after the first is made of the one before.
        prop_assert_eq!(grown, parts.len());
    }
}

#[test]
fn of_several_clusters_the_one_that_is_wanted_is_followed() {
    let event =
        |id: &str, user: &str| Line::new(id, "get", "/api/v1/pods").user(user, &["devs"]).text();
    let firehose = |cluster: &str, text: &str| {
        let all = serde_json::json!({
            "messageType": "DATA_MESSAGE", "owner": "111122223333",
            "logGroup": format!("/aws/eks/{cluster}/cluster"),
            "logStream": "kube-apiserver-audit-0a1b",
            "logEvents": [{"id": "1", "timestamp": 1_777_885_811_123_u64, "message": text}],
        });
        format!("{all}\n")
    };
    let text = firehose("shop", &event("1", "ana")) + &firehose("till", &event("2", "bo"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.log");
    std::fs::write(&path, text).unwrap();
    let specs = [SourceSpec::Path(path)];
    let mut both = Following::new(&specs, &options()).unwrap();
    both.finish(options().now, &()).unwrap();
    assert!(matches!(both.update(), Err(Error::Clusters { .. })));
    let wanted = Options { cluster: Some("shop".into()), ..options() };
    let mut one = Following::new(&specs, &wanted).unwrap();
    one.finish(wanted.now, &()).unwrap();
    let (activity, _) = one.update().unwrap();
    let seen: Vec<String> = activity.identities().map(|(_, who)| who.to_string()).collect();
    assert_eq!(seen, ["user:ana"]);
    assert_eq!(said(&activity), said(&read(&specs, &wanted, &()).unwrap()));
}
