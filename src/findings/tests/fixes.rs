//! What would mend a finding: that and no more. Every finding of the other tests comes by here.

use super::{day, findings, world};
use crate::book::world::Row;
use crate::book::{Finding, Fix, Mend};
use crate::findings::RULES;

/// What a rule may ever have as its fix, worked out from what it says.
pub(super) fn is_no_more_than_what_is_found(finding: &Finding) {
    let Finding { rule, identity, grant, evidence, fix, .. } = finding;
    assert!(RULES.contains(rule), "{rule}");
    assert!(!fix.how.is_empty() && !fix.how.ends_with('.'), "{finding:?}");
    let held = match &fix.write {
        // What is a group's is not taken from all of it for one member.
        Some(Mend::Revoke(key)) => {
            // A way takes several grants: the one that ends it need not be the first.
            (*rule == "reach" || grant.as_ref() == Some(key)) && key.subject == *identity
        }
        Some(Mend::RevokeEach(keys)) => {
            *rule == "reach" && keys.len() > 1 && keys.iter().all(|key| key.subject == *identity)
        }
        Some(Mend::Quarantine { namespace, name }) => {
            ["lasting-token", "unused-credential"].contains(rule)
                && evidence.starts_with(&format!("secret {namespace}/{name}"))
        }
        Some(Mend::RevokeAll(whom)) => {
            ["idle", "acted-after-leaving", "not-by-token"].contains(rule) && whom == identity
        }
        Some(Mend::Narrow(whom)) => *rule == "unused-permissions" && whom == identity,
        Some(Mend::Split { identity: whom, .. }) => {
            ["shared-account", "people-on-machine", "machines-on-person"].contains(rule)
                && whom == identity
        }
        None => *rule == "reach" || grant.as_ref().is_none_or(|key| key.subject != *identity),
    };
    assert!(held, "{finding:?}");
}

fn fix(world: &crate::book::world::World, identity: &str, rule: &str) -> Fix {
    let found = findings(world);
    let one = found.iter().find(|one| one.rule == rule && one.identity.to_string() == identity);
    one.unwrap_or_else(|| panic!("{identity} {rule}: {found:?}")).fix.clone()
}

#[test]
fn what_is_held_by_a_group_is_not_taken_from_all_of_it() {
    let world = world()
        .bind(None, "ops", "ClusterRole/all", "group:ops")
        .log(0, 10)
        .row(Row::new("user:ana", "get pods", 1).groups(&["ops", "system:authenticated"]));
    let ops = fix(&world, "group:ops", "cluster-admin");
    assert!(matches!(ops.write, Some(Mend::Revoke(key)) if &*key.binding == "ops"));
    let ana = fix(&world, "user:ana", "cluster-admin");
    assert_eq!((ana.kind(), ana.write), ("elsewhere", None));
    assert!(ana.how.starts_with("take it out of group ops"), "{}", ana.how);
}

#[test]
fn who_is_idle_loses_what_names_it_and_leaves_its_groups_elsewhere() {
    let world = world()
        .bind(Some("a"), "own", "ClusterRole/edit", "user:ana")
        .bind(Some("a"), "theirs", "ClusterRole/edit", "group:devs")
        .log(0, 100)
        .row(Row::new("user:ana", "get pods", 1).groups(&["devs", "system:authenticated"]))
        .row(Row::new("user:bob", "get pods", 1).groups(&["devs", "system:authenticated"]));
    assert!(day(1) < day(100));
    let ana = fix(&world, "user:ana", "idle");
    assert_eq!(ana.kind(), "revokeIdentity");
    assert_eq!(
        ana.how,
        "take away all that is bound to it, and take it out of group devs where the group's members \
         are kept"
    );
    let bob = fix(&world, "user:bob", "idle");
    assert_eq!(
        (bob.kind(), &*bob.how),
        ("elsewhere", "take it out of group devs where the group's members are kept")
    );
}
