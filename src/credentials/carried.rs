//! Whom credentials authenticate and in which groups, whether or not a binding, an account or the log
//! names them too; and what the cloud gives them beside RBAC.
//!
//! A name in a template is nobody's: who comes by it is only known once the log shows them.

use chrono::{DateTime, Utc};
use foldhash::HashMap;

use super::certificate::Certificate;
use super::seen::Uses;
use super::{
    Credential, Expires, Inventory, Kind, Only, aws_auth, bootstrap, certificate, cloud, held,
    oauth,
};
use crate::book::{Book, GroupSource, Tier};
use crate::model::{AccessEntry, AccessPolicy, Identity, Name, RoleMember};

/// What one credential says of whom it authenticates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Carried {
    /// Whom.
    pub(crate) identity: Identity,
    /// The groups that it puts them in.
    pub(crate) groups: Vec<Name>,
    /// What sort of credential says so.
    pub(crate) source: GroupSource,
    /// When it was made, UTC, where that is known.
    pub(crate) issued: Option<DateTime<Utc>>,
    /// When what says so was last written, UTC: it need not have said it before.
    pub(crate) changed: Option<DateTime<Utc>>,
    /// When it ends by itself, UTC, where it does.
    pub(crate) ends: Option<DateTime<Utc>>,
    /// What it gives that no binding shows.
    pub(crate) beside: Option<Beside>,
}

/// Where credentials of an identity are found that objects and files do not name by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sources {
    /// `CertificateSigningRequest`s that gave it a certificate, whether or not that is still good.
    pub(super) requests: Vec<Name>,
    /// Whether there are access tokens of OpenShift's for it.
    pub(super) oauth: bool,
    /// Whether a kubeconfig that was inspected has something of its.
    pub(super) held: bool,
}

/// Access that is given beside RBAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Beside {
    /// How strong that is.
    pub(crate) tier: Tier,
    /// Whether it is so for sure; not where it holds under a condition, or is not told here.
    pub(crate) sure: bool,
    /// Who gives what, in words.
    pub(crate) what: String,
}

/// What all credentials say that are known without the log and that may be taken. Those of whom
/// nothing but the settings of the API server tells the name (tokens of identity providers) are not
/// among them.
pub(crate) fn carried(book: &Book) -> (Vec<Carried>, HashMap<Identity, Sources>) {
    let mut found = Inventory::default();
    let mut sources: HashMap<Identity, Sources> = HashMap::default();
    let (only, mut uses) = (Only(None), Uses::none());
    let requests = certificate::requested(book, only).inspect(|(name, _, read)| {
        let whose = read.as_ref().ok().filter(|of| !of.is_nobodys()).map(Certificate::identity);
        if let Some(identity) = whose {
            sources.entry(identity).or_default().requests.push((*name).clone());
        }
    });
    certificate::all(book, only, requests, &mut uses, &mut found);
    let requested = found.credentials.len();
    bootstrap::all(book, only, &mut uses, &mut found);
    aws_auth::all(book, only, &uses, &mut found);
    oauth::all(book, only, &mut found);
    // What an access entry counts instead of is refused from here on.
    cloud::all(book, only, &uses, &mut found);
    let objects = found.credentials.len();
    held::all(book, only, &mut uses, &mut found);
    for (at, credential) in found.credentials.iter().enumerate() {
        let (held, oauth) = (at >= objects, credential.kind == Kind::OAuthToken);
        if held || oauth {
            let source = sources.entry(credential.identity.clone()).or_default();
            (source.held, source.oauth) = (source.held | held, source.oauth | oauth);
        }
    }
    let mut all = Vec::new();
    let mapped = aws_auth::written(book);
    for (at, credential) in found.credentials.iter().enumerate() {
        if credential.standing.is_taken() {
            let by_request = at < requested;
            let carried = of_credential(credential, by_request);
            all.extend(carried.map(|one| match one.source {
                GroupSource::CloudMapping => Carried { changed: mapped, ..one },
                _ => one,
            }));
        }
    }
    let outside = &book.policy.outside;
    let entries = outside.access_entries.iter().filter(|entry| cloud::is_of(book, entry));
    all.extend(entries.filter_map(of_entry));
    all.extend(outside.role_members.iter().filter_map(of_member));
    (all, sources)
}

fn of_credential(of: &Credential, by_request: bool) -> Option<Carried> {
    let source = match of.kind {
        // Who else signs certificates signs them for other servers.
        Kind::Certificate if by_request && of.standing != super::Standing::Good => return None,
        Kind::Certificate => GroupSource::Certificate,
        Kind::BootstrapToken => GroupSource::BootstrapToken,
        Kind::CloudMapping if of.id.starts_with("aws-auth ") => GroupSource::CloudMapping,
        Kind::OAuthToken | Kind::TokenSecret | Kind::IssuedToken | Kind::PodToken => {
            GroupSource::Implicit
        }
        _ => return None,
    };
    let mut carried = Carried {
        identity: of.identity.clone(),
        groups: of.groups.clone(),
        source,
        issued: of.issued,
        changed: None,
        ends: match of.expires {
            Expires::At(at) => Some(at),
            _ => None,
        },
        beside: None,
    };
    // All of a cloud account, each by their ARN.
    if of.id.starts_with("aws-auth mapAccounts ") {
        return None;
    }
    if is_template(&of.identity.name) || of.identity.name.is_empty() {
        carried.stands_for_many(&of.id)?;
    }
    Some(carried)
}

fn is_template(name: &str) -> bool {
    name.contains("{{")
}

impl Carried {
    /// Of a name that is a template only what needs no name is told: that somebody is allowed
    /// everything ahead of RBAC.
    fn stands_for_many(&mut self, id: &str) -> Option<()> {
        let masters = Identity::SYSTEM_MASTERS;
        if !self.groups.iter().any(|group| &**group == masters) {
            return None;
        }
        self.identity = Identity::group(masters);
        self.groups.clear();
        self.beside = Some(Beside {
            tier: Tier::ClusterAdmin,
            sure: true,
            what: format!(
                "{id} puts everybody who comes by it in group {masters}, each under a name of their \
                 own: the API server allows it everything ahead of RBAC, and no binding takes that \
                 away"
            ),
        });
        Some(())
    }
}

fn of_entry(entry: &AccessEntry) -> Option<Carried> {
    let id = format!("EKS access entry {}", entry.principal);
    let policies = entry.policies.as_deref().unwrap_or_default();
    let name = entry.username.as_ref().filter(|name| !is_template(name) && !name.is_empty());
    let mut carried = Carried {
        // A policy is the principal's, whatever the API server calls whoever comes by it.
        identity: Identity::from_user_name(name.unwrap_or(&entry.principal)),
        groups: entry.groups.clone(),
        source: GroupSource::CloudMapping,
        issued: entry.created,
        changed: entry.changed,
        ends: None,
        beside: strongest(policies.iter().filter_map(|policy| by_policy(&id, policy))),
    };
    if name.is_none() && carried.beside.is_none() {
        carried.stands_for_many(&id)?;
    }
    if name.is_none() {
        carried.groups.clear();
    }
    Some(carried)
}

fn strongest(all: impl Iterator<Item = Beside>) -> Option<Beside> {
    all.max_by_key(|beside| (beside.sure, beside.tier))
}

/// What an access policy of EKS gives, by its permissions (EKS User Guide, "Review access policy
/// permissions"), weighed as a role with them would be.
fn by_policy(id: &str, policy: &AccessPolicy) -> Option<Beside> {
    let name = policy.arn.rsplit('/').next().unwrap_or_default();
    let inside = policy.namespaces.is_some();
    let tier = match name {
        "AmazonEKSClusterAdminPolicy" if inside => Tier::NamespaceAdmin,
        "AmazonEKSClusterAdminPolicy" => Tier::ClusterAdmin,
        "AmazonEKSAdminPolicy" | "AmazonEKSEditPolicy" if inside => Tier::ReadsSecrets,
        "AmazonEKSAdminPolicy" | "AmazonEKSEditPolicy" => Tier::ClusterWrite,
        "AmazonEKSAdminViewPolicy" | "AmazonEKSSecretReaderPolicy" => Tier::ReadsSecrets,
        "AmazonEKSViewPolicy" => Tier::Read,
        _ => return None,
    };
    let place = match &policy.namespaces {
        None => "in the whole cluster".to_owned(),
        Some(namespaces) => format!("in the namespaces {}", namespaces.join(", ")),
    };
    let what = format!("{id} gives {name} {place}, beside RBAC: no binding shows it");
    Some(Beside { tier, sure: true, what })
}

fn of_member(of: &RoleMember) -> Option<Carried> {
    if of.member.starts_with("deleted:") {
        return None;
    }
    let tier = match &*of.role {
        "roles/container.admin" | "roles/owner" | "roles/admin" => Tier::ClusterAdmin,
        "roles/container.developer" | "roles/editor" | "roles/writer" => Tier::ClusterWrite,
        "roles/container.viewer" | "roles/viewer" | "roles/reader" => Tier::Read,
        _ => return None,
    };
    let under = of.condition.as_ref().map(|condition| format!(", under the condition {condition}"));
    Some(Carried {
        identity: cloud::member_identity(&of.member).0,
        groups: Vec::new(),
        source: GroupSource::Implicit,
        issued: None,
        changed: None,
        ends: None,
        beside: Some(Beside {
            tier,
            sure: of.condition.is_none(),
            what: format!(
                "Google Cloud's IAM gives {} {}{}, beside RBAC: no binding shows it",
                of.member,
                of.role,
                under.unwrap_or_default()
            ),
        }),
    })
}

/// How strong whoever holds a credential is, as far as is known: what its user holds, and what the
/// groups hold that it carries, where its user's name is a template too.
pub fn strength(book: &Book, credential: &Credential) -> Tier {
    let user = credential.id.strip_prefix("EKS access entry ").map(Identity::from_user_name);
    let users = [Some(&credential.identity), user.as_ref()].into_iter().flatten();
    let known = users.filter_map(|who| book.find(who)).map(|entry| entry.tier);
    known
        .chain(credential.groups.iter().map(|group| book.tier_of_group(group)))
        .max()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
