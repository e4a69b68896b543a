//! Whatever happens, advancing is building from scratch, but for ids.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use proptest::prelude::*;

use super::growth::grow;
use super::random::{Log, Op, apply, growth, log, op};
use super::world::World;
use crate::book::{Book, Changes, GrantId, LogChange, LogState};
use crate::model::{Activity, Identity, SeenId};

/// Everything that a Book says, without ids.
fn said(book: &Book) -> BTreeMap<String, String> {
    let key = |id: &GrantId| book.grant(*id).map(|grant| grant.key.clone());
    let mut said = BTreeMap::new();
    for entry in book.entries() {
        let mut members: Vec<String> =
            entry.members.iter().map(|id| book.entry(*id).unwrap().identity.to_string()).collect();
        members.sort();
        let permissions: Vec<String> = book
            .permissions(entry.id)
            .into_iter()
            .map(|p| {
                format!(
                    "{:?} {:?} {:?} {:?} {} {:?} {:?}",
                    p.via.as_ref().map(key),
                    p.rule,
                    p.scope,
                    p.use_state,
                    p.allowed,
                    p.last_used,
                    p.aggregated_from
                )
            })
            .collect();
        let text = format!(
            "{:?} {:?} {:?} {} members {members:?} grants {:?} used {:?} of {} activity {:?} hints {:?} findings {:?} permissions {permissions:#?} uses {:?}",
            entry.existence,
            entry.tier,
            entry.groups,
            entry.groups_known,
            entry.grants.iter().map(key).collect::<Vec<_>>(),
            entry.used,
            entry.held,
            entry.activity,
            entry.hints,
            entry.findings,
            book.uses(entry.id),
        );
        assert!(said.insert(entry.identity.to_string(), text).is_none());
    }
    for grant in book.grants() {
        let text = format!(
            "{:?} {:?} {:?} {} {:?} {} {:?}",
            grant.role_ref,
            grant.scope,
            grant.role,
            grant.bootstrap,
            grant.last_credited,
            grant.credited,
            grant.shadowed_by.as_ref().map(key),
        );
        assert!(said.insert(format!("{:?}", grant.key), text).is_none());
    }
    said.insert("authorizers".into(), format!("{:?}", book.authorizers()));
    said.insert("counts".into(), format!("{:?}", book.counts()));
    said.insert("findings".into(), format!("{:?}", book.findings()));
    said
}

fn log_state(activity: Option<&Arc<Activity>>) -> LogState {
    if activity.is_some() { LogState::Ready } else { LogState::None }
}

/// Runs the operations, some at a time, and compares after each step.
fn check(steps: &[Vec<Op>]) {
    let mut world = World::new();
    let mut activity: Option<Arc<Activity>> = None;
    let mut book = Book::build(world.inputs());
    let mut now = book.now;
    let mut numbers: BTreeMap<Identity, u32> = BTreeMap::new();
    for step in steps {
        let mut change = LogChange::Same;
        for op in step {
            apply(&mut world, op);
            match op {
                Op::Grow(logs) if matches!(change, LogChange::Same) => {
                    if let (Some(parts), Some(before)) = (&mut world.activity, &activity) {
                        let delta = grow(parts, logs, &world.snapshot.objects);
                        let touched: Vec<SeenId> = delta.touched();
                        let after = Arc::new(before.advance(&delta));
                        activity = Some(after.clone());
                        change = LogChange::Grown { activity: after, touched };
                    }
                }
                Op::Replace(logs) => {
                    // An odd one begins knowing nothing of what it covers.
                    let knows = logs.len().is_multiple_of(2);
                    world = world.log(0, 100).coverage(|coverage| {
                        coverage.reads_logged = knows;
                        coverage.groups_logged = knows;
                        coverage.decisions_logged = knows;
                        coverage.unled = if knows { 0 } else { 9 };
                    });
                    let parts = world.activity.as_mut().unwrap();
                    grow(parts, logs, &world.snapshot.objects);
                    activity = Some(Arc::new(parts.clone().into()));
                    change = LogChange::Replaced(activity.clone());
                }
                Op::NoLog => {
                    world.activity = None;
                    activity = None;
                    change = LogChange::Replaced(None);
                }
                _ => {}
            }
        }
        let mut inputs = world.inputs();
        // Time goes on, and exemptions run out.
        now += TimeDelta::days(40);
        let changes = Changes {
            snapshot: inputs.snapshot.clone(),
            activity: change,
            log: log_state(activity.as_ref()),
            policy: inputs.policy.clone(),
            now,
        };
        inputs.now = now;
        let before = said(&book);
        let next = book.advance(changes);
        assert_eq!(before, said(&book), "the former Book stays as it was");
        inputs.activity = activity.clone();
        let scratch = said(&Book::build(inputs));
        let advanced = said(&next);
        for (who, text) in &scratch {
            assert_eq!(Some(text), advanced.get(who), "{who} after {step:?}");
        }
        assert_eq!(scratch.len(), advanced.len(), "after {step:?}");
        for entry in next.entries() {
            let id = *numbers.entry(entry.identity.clone()).or_insert(entry.id.0);
            assert_eq!(id, entry.id.0, "ids stay: {}", entry.identity);
        }
        book = next;
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if std::env::var_os("KEYBOOK_FULL").is_some() { 5000 } else { 150 },
        ..ProptestConfig::default()
    })]

    #[test]
    fn advancing_is_building_anew(
        start in proptest::collection::vec(op(), 0..30),
        steps in proptest::collection::vec(proptest::collection::vec(op(), 1..4), 1..10),
    ) {
        let mut all = vec![start];
        all.extend(steps);
        check(&all);
    }

    #[test]
    fn a_growing_log_is_followed(
        start in proptest::collection::vec(op(), 10..40),
        first in proptest::collection::vec(log(), 0..6),
        steps in proptest::collection::vec(growth(), 1..16),
    ) {
        let mut all = vec![start, vec![Op::Replace(first)]];
        all.extend(steps.into_iter().map(|step| vec![step]));
        check(&all);
    }
}

/// What one did in other groups no longer counts for a group that only a credential puts them in.
#[test]
fn a_membership_that_is_known_from_another_source_is_followed() {
    let log = Log {
        who: 73,
        as_who: None,
        groups: 6,
        call: 0,
        day: 0,
        denied: false,
        times: 0,
        credit: 0,
        implied: false,
    };
    check(&[
        vec![Op::Given(52, 139), Op::Replace(vec![log])],
        vec![Op::AwsAuth(vec![85])],
        vec![Op::AwsAuth(vec![84])],
    ]);
}

/// A group that an impersonator chose has no such member, but its grant was used.
#[test]
fn a_group_that_an_impersonator_chose_is_followed() {
    let log = Log {
        who: 0,
        as_who: Some(1),
        groups: 2,
        call: 0,
        day: 9,
        denied: false,
        times: 1,
        credit: 1,
        implied: false,
    };
    check(&[
        vec![Op::ClusterRole(0, vec![1]), Op::Binding(None, 0, 0, vec![8])],
        vec![Op::Replace(Vec::new())],
        vec![Op::Grow(vec![log])],
    ]);
}
