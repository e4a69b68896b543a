//! Tables and rows from bytes; None wherever they are not what was written.

use std::sync::Arc;

use chrono::{NaiveDate, TimeDelta};

use super::{BINDINGS, DAY, IMPLIED, ROLES, SUBJECTS, time};
use crate::audit::index::bytes::{Bytes, Damaged};
use crate::model::{
    ActivityTables, Actor, ActorId, Asked, BoundTo, Call, CallId, CreditId, CreditedGrant,
    GroupSetId, Identity, Impersonation, ImpersonationId, Minted, Name, SeenId, Target, Use,
};

/// What is left to read, and the texts by number.
pub struct Reader<'a> {
    pub from: Bytes<'a>,
    pub texts: Vec<Name>,
}

impl Reader<'_> {
    pub fn id(&mut self) -> Option<u32> {
        u32::try_from(self.from.number()?).ok()
    }

    /// Nothing, or an id.
    pub fn some(&mut self) -> Result<Option<u32>, Damaged> {
        Ok(self.id().ok_or(Damaged)?.checked_sub(1))
    }

    pub fn name(&mut self) -> Option<Name> {
        let number = usize::try_from(self.from.number()?).ok()?;
        self.texts.get(number).cloned()
    }

    /// Nothing, or a name.
    pub fn some_name(&mut self) -> Result<Option<Name>, Damaged> {
        let Some(number) = self.some()? else { return Ok(None) };
        self.texts.get(number as usize).cloned().map(Some).ok_or(Damaged)
    }

    pub fn names<T: FromIterator<Name>>(&mut self) -> Option<T> {
        (0..self.from.length()?).map(|_| self.name()).collect()
    }

    pub fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        of.get(usize::from(self.from.byte()?)).copied()
    }

    /// As many as are said, one after the other.
    pub fn list<T>(&mut self, one: fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..self.from.length()?).map(|_| one(self)).collect()
    }

    pub fn tables(&mut self) -> Option<ActivityTables> {
        Some(ActivityTables {
            identities: self.list(Self::identity)?,
            actors: self.list(|from| {
                let (credential, agent) = (from.some_name().ok()?, from.some_name().ok()?);
                Some(Actor { credential, agent, address: from.some_name().ok()? })
            })?,
            calls: self.list(|from| from.call().map(Arc::new))?,
            credits: self.list(|from| from.credit().map(Arc::new))?,
            group_sets: self.list(Self::names::<Arc<[Name]>>)?,
            impersonations: self.list(|from| {
                Some(Arc::new(Impersonation {
                    groups: from.names()?,
                    uid: from.some_name().ok()?,
                    extra: from.list(|from| Some((from.name()?, from.name()?)))?,
                    constraint: from.some_name().ok()?,
                }))
            })?,
        })
    }

    pub fn minted(&mut self) -> Option<Minted> {
        let mut minted = Minted::new(time(self.from.signed()?)?);
        if self.one(&[false, true])? {
            let (bound, seconds) = (self.bound()?, self.from.number()?.checked_sub(1));
            let until =
                if self.one(&[false, true])? { Some(time(self.from.signed()?)?) } else { None };
            let audiences = self.list(Self::name)?;
            minted.asked = Some(Asked { bound, seconds, until, audiences });
        }
        if self.one(&[false, true])? {
            minted.used_by = Some(self.bound()?);
        }
        Some(minted)
    }

    fn bound(&mut self) -> Option<BoundTo> {
        if !self.one(&[false, true])? {
            return Some(BoundTo::Nothing);
        }
        let (kind, name) = (self.name()?, self.some_name().ok()?);
        Some(BoundTo::Object { kind, name, uid: self.some_name().ok()? })
    }

    pub fn identity(&mut self) -> Option<Identity> {
        let kind = self.one(&SUBJECTS)?;
        Some(Identity { kind, namespace: self.some_name().ok()?, name: self.name()? })
    }

    pub fn call(&mut self) -> Option<Call> {
        let verb = self.name()?;
        let implied = self.one(&IMPLIED)?;
        let target = match self.from.byte()? {
            0 => Target::Folded,
            1 => Target::Paths,
            2 => Target::Path(self.name()?),
            kind @ (3 | 4) => Target::Resource {
                group: self.name()?,
                resource: self.name()?,
                subresource: self.name()?,
                namespace: self.some_name().ok()?,
                name: self.some_name().ok()?,
                names_folded: kind == 4,
            },
            _ => return None,
        };
        Some(Call { verb, target, implied })
    }

    pub fn credit(&mut self) -> Option<CreditedGrant> {
        match self.from.byte()? {
            0 => Some(CreditedGrant::Other(self.name()?)),
            1 => Some(CreditedGrant::Rbac {
                binding_kind: self.one(&BINDINGS)?,
                namespace: self.some_name().ok()?,
                binding: self.name()?,
                role_kind: self.one(&ROLES)?,
                role: self.name()?,
                subject: self.identity()?,
            }),
            _ => None,
        }
    }

    /// `day` is the one of the row before, by number.
    pub fn row(&mut self, before: u32, day: &mut (i64, NaiveDate)) -> Option<Use> {
        let authenticated = SeenId(before.checked_add(self.id()?)?);
        let effective = self.some().ok()?.map_or(authenticated, SeenId);
        let impersonation = self.some().ok()?.map(ImpersonationId);
        let (actor, groups, call) = (self.id()?, self.id()?, self.id()?);
        let credit = self.some().ok()?.map(CreditId);
        let number = self.from.signed()?;
        if number != day.0 {
            let date = NaiveDate::default().checked_add_signed(TimeDelta::try_days(number)?)?;
            *day = (number, date);
        }
        let from = &mut self.from;
        let (allowed, denied, undecided) = (from.number()?, from.number()?, from.number()?);
        let first = number.checked_mul(DAY)?.checked_add(from.signed()?)?;
        let last = first.checked_add(from.signed()?)?;
        let last_allowed = match from.byte()? {
            0 => None,
            1 => Some(time(last)?),
            2 => Some(time(last.checked_sub(from.signed()?)?)?),
            _ => return None,
        };
        let hours = u32::try_from(from.number()?).ok()?;
        Some(Use {
            authenticated,
            effective,
            impersonation,
            actor: ActorId(actor),
            groups: GroupSetId(groups),
            call: CallId(call),
            credit,
            day: day.1,
            allowed,
            denied,
            undecided,
            first: time(first)?,
            last: time(last)?,
            last_allowed,
            hours,
        })
    }
}
