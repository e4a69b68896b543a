//! Who comes in by way of a cloud provider, as saved answers of its tools tell it.

use std::collections::BTreeSet;

use super::seen::Uses;
use super::standing::Standing;
use super::template::is_template;
use super::{Credential, Expires, Inventory, Kind, LastUse, Only, template};
use crate::book::Book;
use crate::model::{AccessEntry, Identity, Name, RoleMember, SubjectKind, shell_word};

pub(super) fn all(book: &Book, only: Only<'_>, uses: &Uses, found: &mut Inventory) {
    let outside = &book.policy.outside;
    let own = cluster_name(&book.snapshot.cluster.context);
    let (here, others): (Vec<&AccessEntry>, Vec<&AccessEntry>) =
        outside.access_entries.iter().partition(|entry| is_of(book, entry));
    let named = |entries: &[&AccessEntry]| {
        entries.iter().filter_map(|entry| entry.cluster.clone()).collect::<BTreeSet<Name>>()
    };
    if let Some(own) = own.filter(|_| !others.is_empty() && only.0.is_none()) {
        let clusters: Vec<Name> = named(&others).into_iter().collect();
        let text = format!(
            "{} access entries left out, of the cluster {}: by its context this one is {own}",
            others.len(),
            clusters.join(", ")
        );
        found.remarks.push(("--iam".into(), text));
    }
    let several = own.is_none() && named(&here).len() > 1;
    for entry in here {
        let mut credential = access_entry(entry, uses);
        if several && let Some(cluster) = &entry.cluster {
            credential.standing = Standing::NotKnown(
                "access entries of several clusters were given, and nothing tells which this is",
            );
            credential.notes.push(format!("of the cluster {cluster}"));
        } else {
            counts_instead(entry, found);
        }
        if only.wants(&credential.identity) {
            found.credentials.push(credential);
        }
    }
    let members = outside.role_members.iter().map(|member| role_member(member, uses));
    found.credentials.extend(members.filter(|credential| only.wants(&credential.identity)));
}

/// Whether an access entry is of this cluster, as far as both say which they are.
pub(super) fn is_of(book: &Book, entry: &AccessEntry) -> bool {
    match (cluster_name(&book.snapshot.cluster.context), &entry.cluster) {
        (Some(own), Some(of)) => *own == **of,
        _ => true,
    }
}

/// The cluster that a context is of, where it is called as `aws eks update-kubeconfig` does it, by
/// the cluster's ARN, or as eksctl does, `USER@CLUSTER.REGION.eksctl.io`.
fn cluster_name(context: &str) -> Option<&str> {
    let arn = context.strip_prefix("arn:").and_then(|arn| arn.split_once(":cluster/"));
    let eksctl = || {
        let of = context.strip_suffix(".eksctl.io")?.rsplit('@').next()?;
        of.split('.').next()
    };
    arn.map(|(_, own)| own).or_else(eksctl)
}

/// An ARN of IAM without the path in it, which `aws-auth` has to leave out.
fn without_path(arn: &str) -> String {
    match arn.split_once('/') {
        Some((kind, rest)) if arn.contains(":iam:") => {
            format!("{kind}/{}", rest.rsplit('/').next().unwrap_or_default())
        }
        _ => arn.to_owned(),
    }
}

/// For the same principal an access entry counts, and `aws-auth` does not
/// (EKS User Guide, "Grant IAM users access to Kubernetes with EKS access entries").
fn counts_instead(entry: &AccessEntry, found: &mut Inventory) {
    let principal = without_path(&entry.principal);
    for credential in &mut found.credentials {
        let arn = ["aws-auth mapRoles ", "aws-auth mapUsers "]
            .iter()
            .find_map(|field| credential.id.strip_prefix(field));
        if credential.kind == Kind::CloudMapping
            && arn.is_some_and(|arn| without_path(arn) == principal)
        {
            credential.standing =
                Standing::refused("the access entry of the same principal counts instead");
            credential.notes.push("it counts again once the access entry is deleted".to_owned());
        }
    }
}

fn access_entry(entry: &AccessEntry, uses: &Uses) -> Credential {
    let mut notes = Vec::new();
    let template = entry.username.as_ref().is_some_and(|name| is_template(name));
    let by_default = template::of_role(&entry.principal);
    let last_use = match (&entry.username, &by_default) {
        (Some(name), _) if template => template::last_use(uses, name, &mut notes),
        (Some(name), _) => uses.by_user(&Identity::from_user_name(name)),
        // Unless the entry was told another name, which is not known.
        (None, Some(template)) => match template::last_use(uses, template, &mut notes) {
            by_log @ LastUse::Log { .. } => by_log,
            _ => LastUse::NotKnown("describe-access-entry was not given: the user is not known"),
        },
        (None, None) => {
            LastUse::NotKnown("describe-access-entry was not given: the user is not known")
        }
    };
    if entry.username.is_none() {
        notes.push("whom the API server takes it for was not given".to_owned());
    }
    if template {
        notes.push(
            "the user name is a template: everybody who can assume the role gets one of their own"
                .to_owned(),
        );
    }
    match entry.policies.as_deref() {
        None => notes.push("its access policies were not given".to_owned()),
        Some([]) => {}
        Some(policies) => {
            for policy in policies {
                let name = policy.arn.rsplit('/').next().unwrap_or_default();
                let place = match &policy.namespaces {
                    None => "in the whole cluster".to_owned(),
                    Some(namespaces) => format!("in the namespaces {}", namespaces.join(", ")),
                };
                notes.push(format!("{name} {place}: beside RBAC, so that no binding shows it"));
            }
        }
    }
    if let Some(type_) = entry.type_.as_deref().filter(|type_| *type_ != "STANDARD") {
        notes.push(format!("an entry of type {type_}, for nodes"));
    }
    let cluster = entry.cluster.as_deref().unwrap_or("CLUSTER");
    Credential {
        identity: Identity::from_user_name(entry.username.as_ref().unwrap_or(&entry.principal)),
        kind: Kind::CloudMapping,
        id: format!("EKS access entry {}", entry.principal).into(),
        made: None,
        issued: entry.created,
        expires: Expires::Never,
        bound: None,
        standing: Standing::Good,
        last_use,
        groups: entry.groups.clone(),
        owners: Vec::new(),
        revoke: format!(
            "run aws eks delete-access-entry --cluster-name {} --principal-arn {}, and take away in \
             IAM what lets anybody be the principal; a token made before works for up to 15 minutes",
            shell_word(cluster.to_owned()),
            shell_word(entry.principal.to_string())
        )
        .into(),
        notes,
    }
}

/// What a role of GKE gives in a cluster, by its description (Google Cloud, "IAM roles and
/// permissions index").
fn gives(role: &str) -> &'static str {
    match role {
        "roles/container.admin" => "everything in every cluster",
        "roles/container.developer" | "roles/container.editor" => {
            "reads and writes objects in every cluster"
        }
        "roles/container.viewer" => "reads objects in every cluster",
        "roles/container.clusterAdmin" => "manages the clusters themselves",
        "roles/container.clusterViewer" => "sees that the clusters are there",
        "roles/owner" | "roles/admin" => "everything, in every cluster too",
        "roles/editor" | "roles/writer" => "reads and writes, in every cluster too",
        "roles/viewer" | "roles/reader" => "reads, in every cluster too",
        _ if role.starts_with("roles/gkehub.") => {
            "may manage a fleet, or ask its clusters through the Connect gateway"
        }
        _ if by_way(role).is_some() => by_way(role).unwrap_or_default(),
        _ if role.starts_with("roles/") => "what it gives in clusters is not told here",
        _ => "a custom role, whose permissions are not in the policy",
    }
}

/// By which way a role comes to what others give in clusters, or what it gives there though nothing in
/// its name says so; None for one of which no such way is known here ("Roles that grant privilege
/// escalation", "Service account permissions" of Google Cloud's IAM). Which roles have the permissions
/// that count is as `iann0036/iam-dataset` has it (`gcp/roles`, 2026-08-22).
pub(super) fn by_way(role: &str) -> Option<&'static str> {
    Some(match role.strip_prefix("roles/")? {
        // `container.clusterRoleBindings.create`, `container.clusters.impersonate`.
        "composer.serviceAgent"
        | "composer.worker"
        | "anthosservicemesh.serviceAgent"
        | "clouddeploymentmanager.serviceAgent"
        | "containerthreatdetection.serviceAgent"
        | "dataproc.serviceAgent"
        | "gameservices.serviceAgent"
        | "iam.infrastructureAdmin"
        | "krmapihosting.serviceAgent"
        | "meshcontrolplane.serviceAgent"
        | "telcoautomation.serviceAgent" => "may bind any role in every cluster",
        // `container.secrets.get`, and of the first two `container.pods.exec`.
        "gkebackup.serviceAgent" | "iam.mlEngineer" | "multiclusteringress.serviceAgent" => {
            "reads Secrets in every cluster"
        }
        "iam.securityAdmin"
        | "resourcemanager.folderAdmin"
        | "resourcemanager.folderIamAdmin"
        | "resourcemanager.organizationAdmin"
        | "resourcemanager.projectIamAdmin" => {
            "may give itself any role, and so everything in every cluster"
        }
        // `iam.serviceAccounts.setIamPolicy`, `getAccessToken`, `signJwt`, keys; by the first of these
        // one gives oneself the others.
        "assuredoss.admin"
        | "earthengine.appsPublisher"
        | "iam.admin"
        | "iam.devOps"
        | "iam.editor"
        | "securitycenter.admin"
        | "iam.serviceAccountAdmin"
        | "iam.serviceAccountTokenCreator"
        | "iam.serviceAccountKeyAdmin"
        | "iam.workloadIdentityUser" => "may act as service accounts, and so with what these may",
        // `iam.serviceAccounts.actAs`, or what runs as an account of the project's.
        "iam.serviceAccountUser"
        | "backupdr.computeEngineOperator"
        | "cloudbuild.admin"
        | "cloudbuild.builds.builder"
        | "cloudbuild.builds.editor"
        | "cloudbuild.editor"
        | "dataflow.admin"
        | "dataflow.developer"
        | "dataproc.hubAgent"
        | "deploymentmanager.admin"
        | "deploymentmanager.editor"
        | "iam.dataScientist"
        | "iam.databasesAdmin"
        | "run.sourceDeveloper" => {
            "may run what it likes as service accounts, and so with what these may"
        }
        "iam.roleAdmin" | "iam.organizationRoleAdmin" => {
            "may change custom roles, and so what whoever has one may do, itself among them"
        }
        // `compute.instances.osLogin`, `setMetadata`.
        "cloudmigration.inframanager"
        | "iam.networkAdmin"
        | "iam.siteReliabilityEngineer"
        | "metastore.migrationAdmin"
        | "notebooks.legacyAdmin"
        | "compute.admin"
        | "compute.editor"
        | "compute.instanceAdmin"
        | "compute.instanceAdmin.v1"
        | "compute.osAdminLogin"
        | "compute.osLogin" => {
            "may come onto machines, the nodes of clusters among them, and so to what runs there"
        }
        _ => return None,
    })
}

/// Why a member is none that IAM has ("IAM principal identifiers"); None for what is one.
pub(super) fn is_no_member(member: &str) -> Option<&'static str> {
    const KINDS: [&str; 9] = [
        "domain",
        "group",
        "principal",
        "principalSet",
        "projectEditor",
        "projectOwner",
        "projectViewer",
        "serviceAccount",
        "user",
    ];
    if matches!(member, "allUsers" | "allAuthenticatedUsers") {
        return None;
    }
    let living = member.strip_prefix("deleted:").unwrap_or(member);
    match living.split_once(':') {
        Some((kind, _)) if !KINDS.contains(&kind) => Some("no kind of member that is known"),
        None => Some("no kind of member that is known"),
        Some((_, name)) if name.split('?').next().unwrap_or_default().trim().is_empty() => {
            Some("a member without a name")
        }
        Some(_) => None,
    }
}

/// Whether a user is only how a member of IAM is listed that stands for more than one: nobody comes by
/// that name.
pub(crate) fn stands_for_many(identity: &Identity) -> bool {
    const MANY: [&str; 5] =
        ["*@", "principalSet:", "projectEditor:", "projectOwner:", "projectViewer:"];
    identity.kind == SubjectKind::User
        && (matches!(&*identity.name, "allUsers" | "allAuthenticatedUsers")
            || MANY.iter().any(|begin| identity.name.starts_with(begin)))
}

/// Whom a member stands for, and what has to be said of that where it is more than one user
/// (Google Cloud, "IAM principal identifiers").
pub(super) fn member_identity(member: &str) -> (Identity, Option<String>) {
    let (kind, rest) = member.split_once(':').unwrap_or(("", member));
    let everybody = |whose: String| (Identity::user(member), Some(format!("everybody {whose}")));
    match kind {
        "user" | "serviceAccount" => (Identity::from_user_name(rest), None),
        // One subject of an identity pool; clusters know it by the whole of it.
        "principal" => (Identity::user(member), None),
        "group" => (Identity::group(rest), None),
        "principalSet" if rest.contains("/group/") => (Identity::group(member), None),
        "principalSet" => everybody("of that set of an identity pool".to_owned()),
        "domain" => {
            (Identity::user(format!("*@{rest}")), Some(format!("everybody of the domain {rest}")))
        }
        "projectOwner" => everybody(format!("who has the role owner of the project {rest}")),
        "projectEditor" => everybody(format!("who has the role editor of the project {rest}")),
        "projectViewer" => everybody(format!("who has the role viewer of the project {rest}")),
        // As it was called before; behind the question mark is its id.
        "deleted" => member_identity(rest.split_once('?').map_or(rest, |(name, _)| name)),
        _ => match member {
            "allAuthenticatedUsers" => everybody("with a Google account".to_owned()),
            "allUsers" => everybody("with a Google account or without".to_owned()),
            _ => everybody("that it stands for: what kind of member it is is not known".to_owned()),
        },
    }
}

fn role_member(of: &RoleMember, uses: &Uses) -> Credential {
    let (identity, more) = member_identity(&of.member);
    let mut notes = vec![
        format!("{}: beside RBAC, so that no binding shows it or limits it", gives(&of.role)),
        "in every cluster of what the policy is on".to_owned(),
    ];
    let single = more.is_none() && identity.kind != SubjectKind::Group;
    notes.extend(more);
    let last_use = if single {
        uses.by_user(&identity)
    } else {
        LastUse::NotKnown("it stands for more than one user")
    };
    let expires = match &of.condition {
        None => Expires::Never,
        Some(condition) => {
            notes.push(format!("only under the condition {condition}"));
            Expires::NotKnown("it holds under a condition")
        }
    };
    let gone = of.member.starts_with("deleted:");
    // One with a condition is only found with that, or by this.
    let all = if of.condition.is_some() { " --all" } else { "" };
    Credential {
        identity,
        kind: Kind::CloudRole,
        id: Name::from(format!("{} of {}", of.role, of.member)),
        made: None,
        issued: None,
        expires,
        bound: None,
        standing: match of.condition {
            _ if gone => Standing::refused("the account is deleted"),
            Some(_) => Standing::NotKnown("it holds under a condition, which is not judged here"),
            None => Standing::Good,
        },
        last_use,
        groups: Vec::new(),
        owners: Vec::new(),
        revoke: format!(
            "run gcloud projects remove-iam-policy-binding PROJECT --member={} --role={}{all}; for a \
             folder or an organization, gcloud resource-manager folders or gcloud organizations with \
             its id",
            shell_word(of.member.to_string()),
            shell_word(of.role.to_string())
        )
        .into(),
        notes,
    }
}
