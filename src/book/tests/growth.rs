//! A log as further lines make it grow.

use super::random::{CALLS, Log, subject};
use super::world::Row;
use crate::model::{
    ActivityDelta, ActivityParts, ActivityTables, Coverage, CreditedGrant, Implied, Objects,
    RoleKind, Use,
};

fn row(log: &Log, objects: &Objects) -> Row {
    let who = |at: u8| subject(at % 8);
    let mut row =
        Row::new(&who(log.who), CALLS[log.call as usize % CALLS.len()], i64::from(log.day % 200));
    row = match log.groups % 4 {
        0 => row.groups(&[]),
        1 => row,
        2 => row.groups(&["devs", "system:authenticated"]),
        _ => row.groups(&["ops", "system:masters", "system:authenticated"]),
    };
    if let Some(other) = log.as_who.filter(|other| who(*other) != who(log.who)) {
        row = row.acting_as(&who(other), None);
        // An impersonator chooses groups.
        if log.groups.is_multiple_of(2) {
            row = row.groups(&["devs", "system:authenticated"]);
        }
    }
    if log.credit.is_multiple_of(2)
        && let Some(credit) = credit(log.credit / 2, objects)
    {
        row = row.credit(credit);
    }
    if log.credit == 9 {
        row = row.credit(CreditedGrant::Other("access granted by IAM permissions.".into()));
    }
    if log.implied {
        row = row.implied(Implied::UpgradedGet);
    }
    if log.times % 16 == 7 {
        return row.undecided();
    }
    if log.denied { row.denied() } else { row.times(u64::from(log.times % 3) + 1) }
}

/// What the server would name for one of the bindings.
fn credit(at: u8, objects: &Objects) -> Option<CreditedGrant> {
    let binding = objects.bindings.values().nth(at as usize % objects.bindings.len().max(1))?;
    let namespace = binding.meta.namespace.clone();
    Some(CreditedGrant::Rbac {
        binding_kind: binding.kind,
        binding: binding.meta.name.clone(),
        role_kind: match &*binding.role_ref.kind {
            "Role" => RoleKind::Role,
            _ => RoleKind::ClusterRole,
        },
        // Now and then it was another role's, before the binding was made anew.
        role: if at.is_multiple_of(16) { "old".into() } else { binding.role_ref.name.clone() },
        subject: binding.subjects.first()?.identity(namespace.as_ref())?,
        namespace,
    })
}

/// What a line tells of what the log covers.
fn cover(coverage: &mut Coverage, log: &Log, row: &Use) {
    coverage.to = coverage.to.max(Some(row.last));
    coverage.reads_logged |= log.call < 2;
    coverage.groups_logged |= !log.groups.is_multiple_of(4);
    coverage.decisions_logged |= log.times > 100;
    if log.day.is_multiple_of(50) {
        coverage.gaps_left_out += 1;
    }
    if log.credit == 7 {
        coverage.identities_left_out += 1;
    }
}

/// What tells a row from all others.
fn row_key(row: &Use) -> impl PartialEq + use<> {
    let who = (row.authenticated, row.effective, row.impersonation, row.actor);
    (who, row.groups, row.call, row.credit, row.day)
}

/// Adds rows to a log that is there, as further lines would: the delta, and the sum.
pub(super) fn grow(parts: &mut ActivityParts, logs: &[Log], objects: &Objects) -> ActivityDelta {
    let lengths = |tables: &ActivityTables| {
        (
            tables.identities.len(),
            tables.actors.len(),
            tables.calls.len(),
            tables.credits.len(),
            tables.group_sets.len(),
            tables.impersonations.len(),
        )
    };
    let before = lengths(&parts.tables);
    let seen_before = parts.groups_seen.clone();
    let mut delta = ActivityDelta::default();
    for log in logs {
        let mut new = row(log, objects).put(parts);
        parts.uses.pop();
        let added = new;
        let same = |have: &Use| row_key(have) == row_key(&added);
        if let Some(at) = parts.uses.iter().position(same) {
            let old = parts.uses.remove(at);
            new.allowed += old.allowed;
            new.denied += old.denied;
            new.undecided += old.undecided;
            new.first = new.first.min(old.first);
            new.last = new.last.max(old.last);
            new.last_allowed = new.last_allowed.max(old.last_allowed);
            new.hours |= old.hours;
        }
        parts.uses.push(new);
        delta.uses.retain(|have| !same(have));
        delta.uses.push(new);
        cover(&mut parts.coverage, log, &new);
    }
    delta.tables = ActivityTables {
        identities: parts.tables.identities[before.0..].to_vec(),
        actors: parts.tables.actors[before.1..].to_vec(),
        calls: parts.tables.calls[before.2..].to_vec(),
        credits: parts.tables.credits[before.3..].to_vec(),
        group_sets: parts.tables.group_sets[before.4..].to_vec(),
        impersonations: parts.tables.impersonations[before.5..].to_vec(),
    };
    for (id, groups) in &parts.groups_seen {
        for (name, at) in groups {
            if seen_before.get(id).and_then(|before| before.get(name)) != Some(at) {
                delta.groups_seen.push((*id, name.clone(), *at));
            }
        }
    }
    delta.coverage = parts.coverage.clone();
    delta
}
