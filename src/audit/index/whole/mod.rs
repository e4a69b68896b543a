//! An activity as bytes that are quickly read back: what a store's days come to, so that they need
//! not be summed up again as long as nothing is added to them.
//!
//! Every text is there once, rows refer to tables by number as they do in the model, and times are
//! differences. The whole is compressed, with a checksum.

mod reading;
#[cfg(test)]
mod tests;
mod writing;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};

use super::bytes::{self, Bytes};
use super::days::{DETAILS, read_rate, write_rate};
use crate::audit::Options;
use crate::audit::hashing;
use crate::model::{
    Activity, ActivityParts, ActivityTables, BindingKind, Implied, Issued, Name, RoleKind, SeenId,
    SubjectKind, Use,
};
use reading::Reader;
use writing::Writer;

/// Changes whenever the bytes do, or what the same days come to.
const FORM: u32 = 8;

impl Options {
    /// Which form of which sum: bytes noted under another one are of no use.
    pub fn form_of_whole(&self) -> String {
        let bounds = format!("{:?} {}", self.bounds.limits, self.bounds.rows);
        format!("{} {FORM} {:016x}", env!("CARGO_PKG_VERSION"), hashing::order(&bounds))
    }
}

const IMPLIED: [Implied; 6] = [
    Implied::Nothing,
    Implied::CreateBehindWrite,
    Implied::UpgradedGet,
    Implied::AttemptedGet,
    Implied::PerhapsCreate,
    Implied::NoToken,
];
const BINDINGS: [BindingKind; 2] = [BindingKind::RoleBinding, BindingKind::ClusterRoleBinding];
const ROLES: [RoleKind; 2] = [RoleKind::Role, RoleKind::ClusterRole];
const SUBJECTS: [SubjectKind; 3] =
    [SubjectKind::User, SubjectKind::Group, SubjectKind::ServiceAccount];

/// The whole of it; None where something in it has no place in these bytes.
pub fn write_whole(activity: &Activity) -> Option<Vec<u8>> {
    let parts = activity.to_parts();
    let mut body = Writer::default();
    body.tables(&parts.tables)?;
    body.number(parts.groups_seen.len());
    for (id, groups) in &parts.groups_seen {
        body.id(id.0);
        body.number(groups.len());
        for (group, at) in groups {
            body.name(group);
            bytes::signed(&mut body.out, micros(*at)?);
        }
    }
    body.number(parts.issued.len());
    for (issued, minted) in &parts.issued {
        body.identity(&issued.account)?;
        body.name(&issued.credential);
        body.identity(&issued.by)?;
        body.number(usize::from(issued.as_who.is_some()));
        if let Some(who) = &issued.as_who {
            body.identity(who)?;
        }
        body.minted(minted)?;
    }
    body.number(parts.truncated.len());
    for (id, counts) in &parts.truncated {
        body.id(id.0);
        body.number(counts.len());
        for (kind, count) in counts {
            body.name(kind);
            bytes::number(&mut body.out, *count);
        }
    }
    body.number(parts.rates.len());
    for (id, rate) in &parts.rates {
        body.id(id.0);
        write_rate(rate, &mut body.out);
    }
    body.out.push(place(&DETAILS, &parts.detail)?);
    bytes::text(&mut body.out, &serde_json::to_string(&parts.coverage).ok()?);
    body.number(parts.uses.len());
    let mut before = 0;
    for row in &parts.uses {
        body.row(row, before)?;
        before = row.authenticated.0;
    }
    let mut out = Vec::new();
    bytes::number(&mut out, body.texts.len() as u64);
    for text in &body.texts {
        bytes::text(&mut out, text);
    }
    out.append(&mut body.out);
    let mut packer = zstd::bulk::Compressor::new(1).ok()?;
    packer.include_checksum(true).ok()?;
    packer.compress(&out).ok()
}

/// What [`write_whole`] wrote. None where the bytes are not that.
pub fn read_whole(packed: &[u8]) -> Option<Activity> {
    let all = zstd::stream::decode_all(packed).ok()?;
    let mut from = Reader { from: Bytes(&all), texts: Vec::new() };
    for _ in 0..from.from.length()? {
        let text = Name::from(from.from.text()?);
        from.texts.push(text);
    }
    let tables = from.tables()?;
    let mut seen = Vec::new();
    for _ in 0..from.from.length()? {
        let id = SeenId(from.id()?);
        for _ in 0..from.from.length()? {
            seen.push((id, from.name()?, time(from.from.signed()?)?));
        }
    }
    let mut issued = Vec::new();
    for _ in 0..from.from.length()? {
        let (account, credential) = (from.identity()?, from.name()?);
        let by = from.identity()?;
        let as_who = match from.from.length()? {
            0 => None,
            _ => Some(from.identity()?),
        };
        let one = Issued { account, credential, by, as_who };
        issued.push((Arc::new(one), from.minted()?));
    }
    let mut truncated = BTreeMap::new();
    for _ in 0..from.from.length()? {
        let id = SeenId(from.id()?);
        let mut counts = BTreeMap::new();
        for _ in 0..from.from.length()? {
            counts.insert(from.name()?, from.from.number()?);
        }
        truncated.insert(id, counts);
    }
    let mut rates = BTreeMap::new();
    for _ in 0..from.from.length()? {
        rates.insert(SeenId(from.id()?), read_rate(&mut from.from)?);
    }
    let detail = *DETAILS.get(usize::from(from.from.byte()?))?;
    let coverage = serde_json::from_str(from.from.text()?).ok()?;
    let count = from.from.length()?;
    let mut uses = Vec::with_capacity(count);
    let mut day = (0, NaiveDate::default());
    for _ in 0..count {
        let before = uses.last().map_or(0, |row: &Use| row.authenticated.0);
        let row = from.row(before, &mut day)?;
        is_in(&row, &tables).then_some(())?;
        uses.push(row);
    }
    let whole = from.from.0.is_empty();
    let parts = ActivityParts {
        tables,
        uses,
        issued,
        truncated,
        rates,
        detail,
        coverage,
        ..ActivityParts::default()
    };
    whole.then(|| Activity::with_groups(parts, seen))
}

/// Whether everything that a row refers to is there.
fn is_in(row: &Use, tables: &ActivityTables) -> bool {
    let people = tables.identities.len();
    row.authenticated.index() < people
        && row.effective.index() < people
        && row.impersonation.is_none_or(|id| id.index() < tables.impersonations.len())
        && row.actor.index() < tables.actors.len()
        && row.groups.index() < tables.group_sets.len()
        && row.call.index() < tables.calls.len()
        && row.credit.is_none_or(|id| id.index() < tables.credits.len())
}

/// The place of one of a few values.
fn place<T: PartialEq>(all: &[T], one: &T) -> Option<u8> {
    u8::try_from(all.iter().position(|known| known == one)?).ok()
}

/// Nothing where it is not whole microseconds.
fn micros(at: DateTime<Utc>) -> Option<i64> {
    let micros = at.timestamp_micros();
    (time(micros)? == at).then_some(micros)
}

fn time(micros: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros)
}

const DAY: i64 = 86_400_000_000;
