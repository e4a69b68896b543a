//! One identity whole.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;

use super::actors::BehindPart;
use super::identity::{IdentityRow, Names};
use super::in_hand::{AskedPart, InHandPart};
use super::owner::{self, OwnerRow};
use super::sections;
use super::{BlastRadius, Cell, Column, CredentialRow, FindingRow, Metadata, Report, Tabular};
use crate::book::{Book, DayCount, Entry, Grant, Permission, RoleState, Seen, UseSummary};
use crate::model::{BindingKind, Name, SubjectKind, Target};
use crate::{credentials, owners};

/// Where something holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ScopePart {
    /// The namespace; None: the whole cluster.
    pub namespace: Option<Name>,
}

/// By way of which grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Via {
    /// Kind of the binding.
    pub binding_kind: BindingKind,
    /// Its name.
    pub binding: Name,
    /// Its namespace.
    pub binding_namespace: Option<Name>,
    /// Kind of the role, as the binding has it.
    pub role_kind: Name,
    /// Name of the role.
    pub role: Name,
    /// Whom the binding names: the identity, or a group of it.
    pub subject: Names,
    /// For a rule of an aggregated role: the roles that it comes from.
    pub aggregated_from: Option<Vec<Name>>,
}

impl Via {
    /// A grant, without aggregation.
    pub(super) fn of(grant: &Grant) -> Self {
        Self {
            binding_kind: grant.key.binding_kind,
            binding: grant.key.binding.clone(),
            binding_namespace: grant.key.namespace.clone(),
            role_kind: grant.role_ref.kind.clone(),
            role: grant.role_ref.name.clone(),
            subject: Names::from(&grant.key.subject),
            aggregated_from: None,
        }
    }

    /// The binding in words.
    pub(super) fn binding_text(&self) -> String {
        super::finding::binding_text(
            self.binding_kind,
            self.binding_namespace.as_deref(),
            &self.binding,
        )
    }

    /// The role in words: `ClusterRole edit`.
    pub(super) fn role_text(&self) -> String {
        format!("{} {}", self.role_kind, self.role)
    }
}

/// Whether the log shows a permission in use.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UsePart {
    /// `used`, `unused`, `not observable`, `not covered` or `no log`.
    pub state: &'static str,
    /// Allowed requests that it covers.
    pub allowed: u64,
    /// The last of them, UTC.
    pub last_used: Option<DateTime<Utc>>,
}

/// A rule as held.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PermissionRow {
    /// Verbs.
    pub verbs: Vec<Name>,
    /// API groups.
    pub api_groups: Vec<Name>,
    /// Resources.
    pub resources: Vec<Name>,
    /// Names; none: every one.
    pub resource_names: Vec<Name>,
    /// Paths.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Vec<Name>,
    /// Where.
    pub scope: ScopePart,
    /// By way of which grant; None for `system:masters`, ahead of RBAC.
    pub via: Option<Via>,
    /// Whether it was used.
    #[serde(rename = "use")]
    pub used: UsePart,
}

impl PermissionRow {
    fn new(book: &Book, of: &Permission) -> Self {
        let aggregated = Some(of.aggregated_from.clone()).filter(|from| !from.is_empty());
        Self {
            verbs: of.rule.verbs.clone(),
            api_groups: of.rule.api_groups.clone(),
            resources: of.rule.resources.clone(),
            resource_names: of.rule.resource_names.clone(),
            non_resource_urls: of.rule.non_resource_urls.clone(),
            scope: ScopePart { namespace: of.scope.namespace().cloned() },
            via: of
                .via
                .and_then(|id| book.grant(id))
                .map(|grant| Via { aggregated_from: aggregated, ..Via::of(grant) }),
            used: UsePart {
                state: of.use_state.as_str(),
                allowed: of.allowed,
                last_used: of.last_used,
            },
        }
    }
}

/// A call as the log shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UseRow {
    /// The verb that the authorizer saw.
    pub verb: Name,
    /// API group; None for a path.
    pub api_group: Option<Name>,
    /// Resource.
    pub resource: Option<Name>,
    /// Subresource.
    pub subresource: Option<Name>,
    /// Namespace.
    pub namespace: Option<Name>,
    /// Name of the object.
    pub name: Option<Name>,
    /// What was too much to keep, so that this row stands for all the others: `names`, `paths`
    /// or `calls`.
    pub folded: Option<&'static str>,
    /// The path.
    #[serde(rename = "nonResourceURL")]
    pub non_resource_url: Option<Name>,
    /// Allowed requests.
    pub allowed: u64,
    /// Denied requests.
    pub denied: u64,
    /// Requests without a known decision.
    pub undecided: u64,
    /// First, UTC.
    pub first_seen: DateTime<Utc>,
    /// Last, UTC.
    pub last_seen: DateTime<Utc>,
}

impl UseRow {
    /// What it was on: `deployments.apps/scale`, `pods/exec`, `/metrics`.
    pub(super) fn on(&self) -> String {
        if let Some(path) = &self.non_resource_url {
            return path.to_string();
        }
        if let Some(folded @ ("paths" | "calls")) = self.folded {
            return format!("(other {folded})");
        }
        let mut text = self.resource.as_deref().unwrap_or_default().to_owned();
        if let Some(group) = self.api_group.as_deref().filter(|group| !group.is_empty()) {
            text.push('.');
            text.push_str(group);
        }
        if let Some(subresource) = &self.subresource {
            text.push('/');
            text.push_str(subresource);
        }
        text
    }
}

impl From<&UseSummary> for UseRow {
    fn from(of: &UseSummary) -> Self {
        let mut row = Self {
            verb: of.call.verb.clone(),
            api_group: None,
            resource: None,
            subresource: None,
            namespace: None,
            name: None,
            folded: None,
            non_resource_url: None,
            allowed: of.allowed,
            denied: of.denied,
            undecided: of.undecided,
            first_seen: of.first_seen,
            last_seen: of.last_seen,
        };
        match &of.call.target {
            Target::Path(path) => row.non_resource_url = Some(path.clone()),
            Target::Resource { group, resource, subresource, namespace, name, names_folded } => {
                row.api_group = Some(group.clone());
                row.resource = Some(resource.clone());
                row.subresource = Some(subresource.clone()).filter(|sub| !sub.is_empty());
                row.namespace.clone_from(namespace);
                row.name.clone_from(name);
                row.folded = names_folded.then_some("names");
            }
            Target::Paths => row.folded = Some("paths"),
            Target::Folded => row.folded = Some("calls"),
        }
        row
    }
}

/// A grant as held.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GrantRow {
    /// The grant.
    #[serde(flatten)]
    pub via: Via,
    /// Where it holds.
    pub scope: ScopePart,
    /// Whether the role exists: without it the grant gives nothing today. None where its list is not
    /// whole, so that the grant may give anything.
    pub role_exists: Option<bool>,
    /// When the binding was made, UTC.
    pub created: Option<DateTime<Utc>>,
    /// Requests that the server credited to it by name.
    pub credited: u64,
    /// The last of them, UTC.
    pub last_credited: Option<DateTime<Utc>>,
    /// Whether it may be in use without that: the log credits nothing for what is asked about beside a
    /// request (acting as others, bind, escalate, approve).
    pub may_leave_no_credit: bool,
    /// Another binding of the same subject that allows all that this one does.
    pub shadowed_by: Option<Name>,
    /// Who keeps the binding and the role, and would undo a change: of each the soonest first.
    pub kept_by: Vec<OwnerRow>,
}

impl GrantRow {
    fn new(book: &Book, grant: &Grant) -> Self {
        let shadow = grant.shadowed_by.and_then(|id| book.grant(id));
        Self {
            via: Via::of(grant),
            scope: ScopePart { namespace: grant.scope.namespace().cloned() },
            role_exists: match book.role_state(grant) {
                RoleState::Exists => Some(true),
                RoleState::Missing => Some(false),
                RoleState::NotKnown => None,
            },
            created: grant.created,
            credited: grant.credited,
            last_credited: grant.last_credited,
            may_leave_no_credit: book.may_leave_no_credit(grant),
            shadowed_by: shadow.map(|shadow| Via::of(shadow).binding_text().into()),
            kept_by: owner::of_grant(&owners_of(book, grant)),
        }
    }
}

/// An address or a user agent with its times.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SeenRow {
    /// The address or agent.
    pub value: Name,
    /// First request, UTC.
    pub first_seen: DateTime<Utc>,
    /// Last request, UTC.
    pub last_seen: DateTime<Utc>,
    /// Requests.
    pub requests: u64,
}

impl From<&Seen> for SeenRow {
    fn from(of: &Seen) -> Self {
        Self {
            value: of.value.clone(),
            first_seen: of.first_seen,
            last_seen: of.last_seen,
            requests: of.requests,
        }
    }
}

/// One identity whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityDetail {
    /// What the list says of it.
    #[serde(flatten)]
    pub row: IdentityRow,
    /// What would be wrong with it, but for the policy's exemptions; worst first.
    pub exempt: Vec<FindingRow>,
    /// Credentials of others that it has in hand, or may have, the strongest first; told where there are
    /// any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub in_hand: Vec<InHandPart>,
    /// Certificates that it asked for, and of which it is not known whom they name; told where there are
    /// any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub certificates_asked: Vec<AskedPart>,
    /// For an account: who keeps the object, and would undo a change.
    pub kept_by: Vec<OwnerRow>,
    /// For an account: what runs as it, and what a hole in that is worth.
    pub blast_radius: Option<BlastRadius>,
    /// For a group: who is known to be in it.
    pub members: Vec<Names>,
    /// The grants that hold for it, its own first.
    pub held_by: Vec<GrantRow>,
    /// The rules that these give, one by one.
    pub permissions: Vec<PermissionRow>,
    /// What its rights were used for.
    pub uses: Vec<UseRow>,
    /// Its addresses, newest first.
    pub addresses: Vec<SeenRow>,
    /// Its user agents, newest first.
    pub agents: Vec<SeenRow>,
    /// Who is seen behind it; None where the log does not tell, and for groups.
    pub behind: Option<BehindPart>,
    /// Its own requests by day, UTC.
    pub days: BTreeMap<NaiveDate, DayCount>,
}

impl IdentityDetail {
    /// All that a Book knows of an entry.
    pub fn new(book: &Book, entry: &Entry) -> Self {
        let activity = entry.activity.as_deref();
        let members = entry.members.iter().filter_map(|id| book.entry(*id));
        let hand = credentials::hand(book, &entry.identity);
        Self {
            row: IdentityRow::new(book, entry).with_credentials(
                credentials::of(book, &entry.identity)
                    .iter()
                    .map(|credential| CredentialRow::new(book, credential))
                    .collect(),
            ),
            exempt: entry.exempt.iter().map(|one| FindingRow::exempt(book, one)).collect(),
            in_hand: InHandPart::all(book, &hand),
            certificates_asked: AskedPart::all(&hand),
            kept_by: owner::rows("account", &account_owners(book, entry)),
            blast_radius: BlastRadius::of(book, entry),
            members: members.map(|member| Names::from(&member.identity)).collect(),
            held_by: entry
                .grants
                .iter()
                .filter_map(|id| book.grant(*id))
                .map(|grant| GrantRow::new(book, grant))
                .collect(),
            permissions: book
                .permissions(entry.id)
                .iter()
                .map(|permission| PermissionRow::new(book, permission))
                .collect(),
            uses: book.uses(entry.id).iter().map(UseRow::from).collect(),
            addresses: activity.map_or(Vec::new(), |activity| seen(&activity.addresses)),
            agents: activity.map_or(Vec::new(), |activity| seen(&activity.agents)),
            behind: BehindPart::of(book, entry),
            days: activity.map_or(BTreeMap::new(), |activity| activity.days.clone()),
        }
    }
}

fn owners_of(book: &Book, grant: &Grant) -> owners::OfGrant {
    let key = &grant.key;
    let binding = (key.binding_kind, key.namespace.as_ref(), &key.binding);
    owners::of_grant(&book.snapshot, binding, grant.role.as_deref())
}

fn account_owners(book: &Book, entry: &Entry) -> Vec<owners::Owner> {
    let (SubjectKind::ServiceAccount, Some(ns)) = (entry.identity.kind, &entry.identity.namespace)
    else {
        return Vec::new();
    };
    let key = (ns.clone(), entry.identity.name.clone());
    let account = book.snapshot.objects.service_accounts.get(&key);
    account.map(|account| owners::of_account(&book.snapshot, account)).unwrap_or_default()
}

fn seen(of: &[Seen]) -> Vec<SeenRow> {
    of.iter().map(SeenRow::from).collect()
}

impl Tabular for IdentityDetail {
    const KIND: &'static str = "Identity";

    fn columns() -> Vec<Column> {
        IdentityRow::columns()
    }

    fn lines(&self, about: &Metadata) -> Vec<Vec<Cell>> {
        self.row.lines(about)
    }

    fn name(&self) -> String {
        self.row.name()
    }

    fn text(report: &Report<Self>, wide: bool, headers: bool) -> Option<String> {
        let mut text = String::new();
        for item in &report.items {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&sections::identity(item, &report.metadata, wide, headers));
        }
        Some(text)
    }
}
