//! What a Plan does not reach: what a person has to do elsewhere, and what works afterwards all the
//! same.

use std::collections::BTreeSet;

use crate::book::{Book, GroupSource};
use crate::credentials::{self, Bound, Credential, Expires, Kind, Standing};
use crate::model::{Identity, Name, SubjectKind};
use crate::rbac::{Authorizer, Held};

use super::{Intent, Manual, StillWorks, Target, account};

/// Grants that are named one by one, at most.
const NAMED: usize = 8;

/// What is left of one identity's access, gathered.
#[derive(Debug, Default)]
pub(super) struct Left {
    pub(super) manual: BTreeSet<Manual>,
    pub(super) still_works: BTreeSet<StillWorks>,
    /// What goes of the cloud's mappings: by the inventory's id all of one, or a group of it.
    pub(super) cut: BTreeSet<(Name, Option<Name>)>,
}

impl Left {
    fn works(&mut self, what: impl Into<String>, until: impl Into<String>) {
        self.still_works.insert(StillWorks { what: what.into(), until: until.into() });
    }

    /// What an identity has by groups, by its credentials, and by what is under way.
    pub(super) fn of(
        &mut self,
        book: &Book,
        identity: &Identity,
        after: &Authorizer,
        deleted: &BTreeSet<Target>,
    ) {
        match identity.kind {
            SubjectKind::Group => self.of_group(book, identity),
            _ => self.of_member(book, identity, after),
        }
        self.credentials(book, identity, deleted);
        if identity.is_node() {
            self.works(
                format!("what the Node authorizer allows {identity} ahead of RBAC, where it is on, as usual: to \
                         read the Secrets, ConfigMaps and volumes of the pods on its node, to have tokens made \
                         for their accounts, and to write its own Node and its pods' status"),
                "until its certificate has run out, which cannot be revoked, or the CA that signed it is no \
                 longer trusted. With the Node and its pods deleted there is nothing left for it to read, \
                 until it joins and gets pods again",
            );
        }
        if identity.kind != SubjectKind::Group {
            self.open(identity);
        }
    }

    /// What began before.
    pub(super) fn open(&mut self, identity: &Identity) {
        self.works(
            format!("what {identity} has open: watches, and exec, attach and port-forward"),
            "watches end within an hour; the others when they are idle for four hours, or their pod is \
             deleted (defaults of Kubernetes): access is asked for when they begin",
        );
    }

    /// What authenticates as somebody all the same.
    pub(super) fn credentials(
        &mut self,
        book: &Book,
        identity: &Identity,
        deleted: &BTreeSet<Target>,
    ) {
        for credential in credentials::of(book, identity) {
            self.credential(book, &credential, deleted);
        }
    }

    fn of_group(&mut self, book: &Book, group: &Identity) {
        if &*group.name == Identity::SYSTEM_MASTERS {
            self.works(
                "everything, for whoever is in system:masters: the API server allows it ahead of RBAC",
                "until the certificates that carry the group run out, or the CA that signed them is \
                 no longer trusted",
            );
        }
        let members = book.find(group).map_or(0, |entry| entry.members.len());
        self.works(
            format!(
                "what the members of {group} are granted otherwise ({members} are known from the log, \
                 from credentials and from what was given)"
            ),
            "until that is revoked too",
        );
    }

    fn of_member(&mut self, book: &Book, identity: &Identity, after: &Authorizer) {
        self.groups(book, identity, after);
    }

    /// What somebody has by groups: no write to the cluster takes anybody out of one.
    pub(super) fn groups(&mut self, book: &Book, identity: &Identity, after: &Authorizer) {
        let entry = book.find(identity);
        let groups = entry.map(|entry| entry.groups.clone()).unwrap_or_default();
        for group in &groups {
            let grants = words(after, &Identity::group(group.name.clone()));
            let masters = &*group.name == Identity::SYSTEM_MASTERS;
            if grants.is_empty() && !masters || self.goes_with_mapping(book, identity, &group.name)
            {
                continue;
            }
            let gives =
                if masters { "everything, ahead of RBAC".to_owned() } else { grants.clone() };
            if group.source == GroupSource::Implicit {
                self.works(
                    format!(
                        "what the API server gives {identity} by the group {}: {gives}",
                        group.name
                    ),
                    "as long as any of its credentials works; the group cannot be left",
                );
                continue;
            }
            self.manual.insert(Manual {
                what: format!("take {identity} out of the group {}", group.name),
                why: format!(
                    "the group is not the cluster's: {}. It gives {gives}",
                    put_in(group.source)
                ),
                patch: None,
            });
            self.works(
                format!("what {identity} has by the group {}: {gives}", group.name),
                "until it is taken out of the group and its token or certificate with the group in it \
                 has run out",
            );
        }
        if !entry.is_some_and(|entry| entry.groups_known) && identity.kind == SubjectKind::User {
            self.manual.insert(Manual {
                what: format!("ask the identity provider in which groups {identity} is"),
                why:
                    "its groups are not known: no log shows them and nobody gave them (--groups). \
                      What any group is granted, it may have"
                        .to_owned(),
                patch: None,
            });
        }
    }

    /// Whether a cloud's mapping that goes is what puts somebody in a group, and nothing else does.
    fn goes_with_mapping(&self, book: &Book, identity: &Identity, group: &Name) -> bool {
        if self.cut.is_empty() {
            return false;
        }
        let all = credentials::of(book, identity);
        let mut giving = all.iter().filter(|one| one.groups.contains(group)).peekable();
        let goes = |one: &Credential| {
            self.cut.contains(&(one.id.clone(), None))
                || self.cut.contains(&(one.id.clone(), Some(group.clone())))
        };
        giving.peek().is_some() && giving.all(goes)
    }

    fn credential(&mut self, book: &Book, credential: &Credential, deleted: &BTreeSet<Target>) {
        if !self.ends(credential, deleted) {
            self.still_works.insert(still_authenticates(book, credential));
        }
    }

    /// Whether it does not work afterwards: it goes, or does not work now.
    pub(super) fn ends(&self, credential: &Credential, deleted: &BTreeSet<Target>) -> bool {
        if self.cut.contains(&(credential.id.clone(), None))
            || matches!(credential.standing, Standing::Refused(_) | Standing::Expired)
        {
            return true;
        }
        if credential.kind == Kind::TokenSecret
            && deleted
                .iter()
                .any(|target| target.is_secret() && *credential.id == *secret_id(target))
        {
            return true;
        }
        // What is bound to a Secret ends with it.
        if let Some(Bound::Object { kind, namespace, name: Some(name), .. }) = &credential.bound {
            let tied = |target: &Target| {
                *target.kind == **kind && target.namespace == *namespace && target.name == *name
            };
            if credential.bound.as_ref().is_some_and(|bound| bound.is_a("Secret"))
                && deleted.iter().any(tied)
            {
                return true;
            }
        }
        let account = account::place(&credential.identity);
        let account = account.map(|(namespace, name)| account::target(namespace, name));
        account::ends_with_account(credential.kind)
            && account.is_ok_and(|account| deleted.contains(&account))
    }
}

/// The command that ends it, where one does.
fn command(book: &Book, credential: &Credential) -> String {
    let (intent, again) = (Intent::to_end(credential).ok(), book.policy.again.all());
    intent.map_or_else(String::new, |intent| format!(" ({}{again})", intent.command()))
}

/// That a credential authenticates, until when, and what would end it.
pub(super) fn still_authenticates(book: &Book, credential: &Credential) -> StillWorks {
    let until = match &credential.expires {
        Expires::At(at) => format!("until {} UTC", at.format("%Y-%m-%d %H:%M")),
        Expires::Never => "for ever".to_owned(),
        Expires::NotKnown(why) => format!("not known: {why}"),
    };
    StillWorks {
        what: format!(
            "the {} {} still authenticates as {}",
            credential.kind.as_str(),
            credential.id,
            credential.identity
        ),
        until: format!(
            "{until}; what would revoke it: {}{}",
            credential.revoke,
            command(book, credential)
        ),
    }
}

/// As the credentials call it.
pub(super) fn secret_id(target: &Target) -> String {
    format!("secret {}/{}", target.namespace.as_deref().unwrap_or_default(), target.name)
}

/// A grant: `RoleBinding pay/ops (ClusterRole edit)`.
pub(super) fn grant(held: &Held) -> String {
    let binding = &held.binding;
    let namespace = binding.meta.namespace.as_ref();
    let slash = namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
    let role = &binding.role_ref;
    format!("{} {slash}{} ({} {})", binding.kind, binding.meta.name, role.kind, role.name)
}

/// The grants of a subject that give something, in words; empty where there are none.
fn words(authorizer: &Authorizer, subject: &Identity) -> String {
    let slots = authorizer.direct(subject);
    let mut all: Vec<String> = slots
        .into_iter()
        .filter_map(|slot| authorizer.held(slot))
        .filter(|held| !held.rules().is_empty())
        .map(|held| grant(held))
        .collect();
    all.sort();
    all.dedup();
    let more = all.len().saturating_sub(NAMED);
    let named: Vec<Name> = all.into_iter().take(NAMED).map(Name::from).collect();
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", named.join(", "))
}

/// Who puts somebody in a group.
fn put_in(source: GroupSource) -> &'static str {
    match source {
        GroupSource::CloudMapping => {
            "a mapping of the cloud's (aws-auth, an access entry) puts people in it"
        }
        GroupSource::BootstrapToken => "the Secret of the bootstrap token puts its bearer in it",
        GroupSource::Certificate => "the certificate puts its bearer in it",
        GroupSource::Implicit | GroupSource::Log | GroupSource::Given => {
            "its identity provider, or the certificate, puts people in it"
        }
    }
}
