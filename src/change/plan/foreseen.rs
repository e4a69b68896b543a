//! What a Plan would be by what the Book has of the objects: shown while it is still being chosen.
//! The Plan itself is made of images that are read anew.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::held::{self, Held};
use super::make::{Worked, worked};
use super::narrow::{self, role_words};
use super::split::Parts;
use super::wanted::{AllWanted, Refusal, objects_of, revoked, wanted};
use super::{Input, Intent, Plan, Target};
use crate::book::Book;
use crate::model::{BindingKind, Identity, Name, Object, Objects, RoleKind};
use crate::rbac::RoleKey;

/// What would come of wishes.
#[derive(Clone, Debug)]
pub struct Foreseen {
    /// The Plan, of these wishes and of those beside them.
    pub plan: Plan,
    /// The wishes that there is a Plan of.
    pub of: Vec<Intent>,
    /// The others, and why there is none of them.
    pub left_out: Vec<(Intent, Refusal)>,
    /// Why the wishes beside are not in the Plan, where they are not.
    pub apart: Option<Refusal>,
    /// Of whom, or of which role, it is about: how much is held before and after.
    pub figures: Vec<Figure>,
    /// Of what is split, who gets an identity.
    pub parts: Vec<Part>,
    /// Of what is split, requests that belong to none of them.
    pub unattributed: u64,
    /// And who made them, a line each.
    pub unattributed_who: Vec<String>,
}

/// How much somebody holds, or a role gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Figure {
    /// Whom or which, in words.
    pub of: String,
    /// Now.
    pub before: Held,
    /// Once the Plan is made.
    pub after: Held,
}

/// One who gets an identity of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What they are called.
    pub name: Name,
    /// Whom they become.
    pub to: Identity,
    /// Whether they are no person.
    pub machine: bool,
    /// Pods of a workload, in which namespace.
    pub workload: Option<(Name, Name)>,
    /// A line for each rule that they get.
    pub gets: Vec<String>,
    /// What they did and do not get, since nothing gives it to the account any more.
    pub lost: Vec<String>,
    /// Groups of the account that they are not in.
    pub not_in: Vec<Name>,
}

/// What would come of `wishes`, with those that are staged `beside` them.
///
/// # Errors
/// Where there is no Plan of any of them.
pub fn foresee(book: &Book, wishes: &[Intent], beside: &[Intent]) -> Result<Foreseen, Refusal> {
    let all: Vec<Intent> = wishes.iter().chain(beside).cloned().collect();
    let together = match made(book, &all) {
        Ok(made) => return Ok(sum(book, wishes.to_vec(), made)),
        Err(refusal) => refusal,
    };
    let (mut bear, mut left_out) = (Vec::new(), Vec::new());
    part(book, wishes, &mut bear, &mut left_out);
    if bear.is_empty() {
        let first = left_out.into_iter().next().map(|(_, why)| why);
        return Err(first.unwrap_or(together));
    }
    let all: Vec<Intent> = bear.iter().chain(beside).cloned().collect();
    let (apart, made) = match made(book, &all) {
        Ok(made) => (None, made),
        Err(why) => (Some(why), made(book, &bear)?),
    };
    Ok(Foreseen { left_out, apart, ..sum(book, bear, made) })
}

/// Tells those apart of which there is a Plan, by halves: most often it is one of many that has none.
fn part(
    book: &Book,
    wishes: &[Intent],
    bear: &mut Vec<Intent>,
    left_out: &mut Vec<(Intent, Refusal)>,
) {
    match (made(book, wishes), wishes) {
        (Ok(_), _) => bear.extend_from_slice(wishes),
        (Err(why), [one]) => left_out.push((one.clone(), why)),
        (Err(_), _) => {
            let (first, second) = wishes.split_at(wishes.len() / 2);
            part(book, first, bear, left_out);
            part(book, second, bear, left_out);
        }
    }
}

fn made(book: &Book, intents: &[Intent]) -> Result<Worked, Refusal> {
    let all: AllWanted = wanted(book, intents)?;
    let cuts = narrow::cuts(book, intents, &revoked(&all))?;
    let fresh: BTreeMap<Target, Value> = objects_of(&all, &cuts)
        .into_iter()
        .map(|target| image(book, &target).map(|image| (target.clone(), image)).ok_or(target))
        .collect::<Result<_, _>>()
        .map_err(Refusal::Moved)?;
    let input = Input {
        book,
        intents,
        fresh: &fresh,
        operator: None,
        despite_owners: false,
        now: book.now,
    };
    worked(&input, all, &cuts)
}

/// An object as the Book has it.
fn image(book: &Book, target: &Target) -> Option<Value> {
    let objects = &book.snapshot.objects;
    let namespace = target.namespace.clone().unwrap_or_else(|| "".into());
    let name = target.name.clone();
    let object = if target.is_secret() {
        Object::Secret((**objects.secrets.get(&(namespace, name))?).clone())
    } else if target.is_account() {
        Object::ServiceAccount((**objects.service_accounts.get(&(namespace, name))?).clone())
    } else if target.is_binding() {
        let kind = if &*target.kind == "RoleBinding" {
            BindingKind::RoleBinding
        } else {
            BindingKind::ClusterRoleBinding
        };
        Object::Binding((**objects.bindings.get(&(kind, namespace, name))?).clone())
    } else {
        let kind = if &*target.kind == "Role" { RoleKind::Role } else { RoleKind::ClusterRole };
        Object::Role((**objects.roles.get(&(kind, namespace, name))?).clone())
    };
    Some(object.to_json())
}

fn sum(book: &Book, of: Vec<Intent>, made: Worked) -> Foreseen {
    let discovery = &book.snapshot.discovery;
    let who: BTreeSet<Identity> = of
        .iter()
        .filter_map(Intent::identity)
        .cloned()
        .chain(made.parts.iter().flat_map(|parts| &parts.all).map(|part| part.to.clone()))
        .collect();
    let before = held::of_identities(&made.before, discovery, &who);
    let after = held::of_identities(&made.after, discovery, &who);
    let mut figures: Vec<Figure> = before
        .into_iter()
        .map(|(identity, before)| Figure {
            of: identity.to_string(),
            before,
            after: after.get(&identity).copied().unwrap_or_default(),
        })
        .collect();
    figures.extend(of.iter().filter_map(|intent| {
        let Intent::NarrowRole { role_kind, namespace, name, .. } = intent else { return None };
        let key: RoleKey =
            (*role_kind, namespace.clone().unwrap_or_else(|| "".into()), name.clone());
        let grants = book.grants().filter(|grant| narrow::refers_grant(grant, &key)).count();
        let of = |objects: &Objects| {
            let role = objects.roles.get(&key);
            role.map_or_else(Held::default, |role| held::of_role(role, grants, discovery))
        };
        Some(Figure { of: role_words(&key), before: of(&made.before), after: of(&made.after) })
    }));
    let wished: Vec<&Parts> =
        made.parts.iter().filter(|parts| of.contains(&parts.intent)).collect();
    let left = wished.iter().map(|parts| &parts.left);
    Foreseen {
        figures,
        parts: wished.iter().flat_map(|parts| parts.foreseen(book)).collect(),
        unattributed: left.clone().map(|left| left.0).sum(),
        unattributed_who: left.flat_map(|left| left.2.clone()).collect(),
        plan: made.plan,
        of,
        left_out: Vec::new(),
        apart: None,
    }
}
