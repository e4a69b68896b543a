//! What is kept of everything that clients choose, as bytes.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bytes::{self, Bytes};
use super::days::{pack, unpack};
use crate::audit::kept::{Kept, Lasting, Limits};
use crate::audit::newest::Newest;
use crate::audit::who::Groups;
use crate::model::{
    Asked, BoundTo, Call, CreditedGrant, Identity, Impersonation, Issued, Name, SubjectKind,
};

/// A value as bytes.
trait Value: Ord + Clone {
    fn write(&self, out: &mut Vec<u8>);
    fn read(from: &mut Bytes<'_>) -> Option<Self>;
}

impl Value for Name {
    fn write(&self, out: &mut Vec<u8>) {
        bytes::text(out, self);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        from.text().map(Self::from)
    }
}

impl Value for Groups {
    fn write(&self, out: &mut Vec<u8>) {
        bytes::number(out, self.len() as u64);
        for name in self.iter() {
            name.write(out);
        }
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        (0..from.length()?).map(|_| Name::read(from)).collect()
    }
}

impl Value for Identity {
    fn write(&self, out: &mut Vec<u8>) {
        match (self.kind, &self.namespace) {
            (SubjectKind::User, _) => out.push(0),
            (SubjectKind::Group, _) => out.push(1),
            (SubjectKind::ServiceAccount, namespace) => {
                out.push(2);
                bytes::text(out, namespace.as_deref().unwrap_or_default());
            }
        }
        self.name.write(out);
    }

    fn read(from: &mut Bytes<'_>) -> Option<Self> {
        let (kind, namespace) = match from.byte()? {
            0 => (SubjectKind::User, None),
            1 => (SubjectKind::Group, None),
            2 => (SubjectKind::ServiceAccount, Some(Name::read(from)?)),
            _ => return None,
        };
        Some(Self { kind, namespace, name: Name::read(from)? })
    }
}

/// Values of which there are few.
fn write_json(value: &impl Serialize, out: &mut Vec<u8>) {
    bytes::text(out, &serde_json::to_string(value).unwrap_or_default());
}

fn read_json<T: DeserializeOwned>(from: &mut Bytes<'_>) -> Option<T> {
    serde_json::from_str(from.text()?).ok()
}

macro_rules! as_json {
    ($($kind:ty),*) => {$(
        impl Value for Arc<$kind> {
            fn write(&self, out: &mut Vec<u8>) {
                write_json(&**self, out);
            }

            fn read(from: &mut Bytes<'_>) -> Option<Self> {
                read_json::<$kind>(from).map(Self::new)
            }
        }
    )*};
}

as_json!(Asked, BoundTo, Call, CreditedGrant, Impersonation, Issued, Lasting);

fn write<T: Value>(newest: &Newest<T>, out: &mut Vec<u8>) {
    match newest.floor() {
        None => out.push(0),
        Some((last, payload)) => {
            out.push(1);
            bytes::signed(out, last);
            payload.write(out);
        }
    }
    let all = newest.entries();
    bytes::number(out, all.size_hint().0 as u64);
    for (id, group, last, payload) in all {
        bytes::whole(out, id);
        bytes::whole(out, group);
        bytes::signed(out, last);
        payload.write(out);
    }
}

fn read<T: Value>(from: &mut Bytes<'_>, into: &mut Newest<T>) -> Option<()> {
    if from.byte()? == 1 {
        into.raise(from.signed()?, T::read(from)?);
    }
    for _ in 0..from.length()? {
        let (id, group, last) = (from.whole()?, from.whole()?, from.signed()?);
        into.restore(id, group, last, T::read(from)?);
    }
    Some(())
}

/// All of it, compressed.
pub fn write_kept(kept: &Kept) -> Vec<u8> {
    let mut out = Vec::new();
    write(&kept.identities, &mut out);
    write(&kept.groups_seen, &mut out);
    write(&kept.group_sets, &mut out);
    write(&kept.impersonations, &mut out);
    write(&kept.credentials, &mut out);
    write(&kept.agents, &mut out);
    write(&kept.addresses, &mut out);
    write(&kept.places, &mut out);
    write(&kept.names, &mut out);
    write(&kept.credits, &mut out);
    write(&kept.issued, &mut out);
    write(&kept.asked, &mut out);
    write(&kept.bound, &mut out);
    write(&kept.lasting, &mut out);
    write(&kept.by_nodes, &mut out);
    pack(&out)
}

/// What [`write_kept`] wrote. None where the bytes are not that.
pub fn read_kept(packed: &[u8], limits: &Limits) -> Option<Kept> {
    let bytes = unpack(packed)?;
    let (mut kept, mut from) = (Kept::new(limits), Bytes(&bytes));
    read(&mut from, &mut kept.identities)?;
    read(&mut from, &mut kept.groups_seen)?;
    read(&mut from, &mut kept.group_sets)?;
    read(&mut from, &mut kept.impersonations)?;
    read(&mut from, &mut kept.credentials)?;
    read(&mut from, &mut kept.agents)?;
    read(&mut from, &mut kept.addresses)?;
    read(&mut from, &mut kept.places)?;
    read(&mut from, &mut kept.names)?;
    read(&mut from, &mut kept.credits)?;
    // What was kept before tokens were, or what is known of them, is still good, and ends here.
    if !from.0.is_empty() {
        read(&mut from, &mut kept.issued)?;
    }
    if !from.0.is_empty() {
        read(&mut from, &mut kept.asked)?;
        read(&mut from, &mut kept.bound)?;
    }
    if !from.0.is_empty() {
        read(&mut from, &mut kept.lasting)?;
        read(&mut from, &mut kept.by_nodes)?;
    }
    kept.trim();
    Some(kept)
}
