//! Whoever may do everything, and through what.

use super::everybody::is_everybody_of_google;
use super::{Subject, binding, role};
use crate::book::{Finding, GroupSource, Severity, Tier};
use crate::model::{Identity, SubjectKind};

const RULE: (&str, &str) = ("cluster-admin", "cluster-admin");

/// The binding that kubeadm makes for the certificate of its admin.conf, and the group that is in it.
const KUBEADM: &str = "kubeadm:cluster-admins";

/// The API server's own client: its requests to itself come as this user.
const SERVER: &str = "system:apiserver";

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let entry = subject.entry;
    if entry.tier != Tier::ClusterAdmin
        || (entry.identity.kind == SubjectKind::User && &*entry.identity.name == SERVER)
    {
        return;
    }
    let masters = entry.groups.iter().find(|group| &*group.name == Identity::SYSTEM_MASTERS);
    if let Some(masters) = masters {
        let left = subject.book.uncarried(entry, &masters.name);
        let evidence = format!(
            "is in group {}{}, which the API server allows everything ahead of RBAC: no binding \
             takes that away{}",
            masters.name,
            by(masters.source),
            left.map(|left| left.words(&masters.name)).unwrap_or_default()
        );
        let severity = if left.is_some() { Severity::Medium } else { Severity::High };
        found.push(subject.finding(RULE, severity, None, evidence));
    }
    // What the cloud gives everybody is said of everybody, once.
    let said = is_everybody_of_google(&entry.identity);
    for beside in subject.book.beside(&entry.identity).filter(|_| !said) {
        if beside.sure && beside.tier == Tier::ClusterAdmin {
            let mut finding = subject.finding(RULE, Severity::High, None, beside.what.clone());
            finding.fix = super::fix::beside();
            found.push(finding);
        }
    }
    for grant in subject.grants() {
        let group = &grant.key.subject;
        let by_group = *group != entry.identity;
        // What everybody has is said of everybody, once.
        if grant.bootstrap
            || (by_group && subject.book.is_implicit(&group.name))
            || subject.book.tier_of(grant) != Tier::ClusterAdmin
        {
            continue;
        }
        let through =
            if by_group { format!(" by way of group {}", group.name) } else { String::new() };
        // `cmd/kubeadm/app/phases/kubeconfig/kubeconfig.go`, `EnsureAdminClusterRoleBinding`.
        let kubeadms = &*grant.key.binding == KUBEADM && &*group.name == KUBEADM;
        let whose = if kubeadms { "; kubeadm makes it for its admin.conf" } else { "" };
        let evidence = format!(
            "{} grants {}, which allows everything on everything{through}{whose}",
            binding(grant),
            role(grant)
        );
        found.push(subject.finding(RULE, Severity::High, Some(grant), evidence));
    }
}

/// By what a membership is known, where no request showed it.
fn by(source: GroupSource) -> &'static str {
    match source {
        GroupSource::Implicit | GroupSource::Log => "",
        GroupSource::Certificate => " by a client certificate",
        GroupSource::CloudMapping => " by a mapping of the cloud's",
        GroupSource::BootstrapToken => " by a bootstrap token",
        GroupSource::Given => " as it was given",
    }
}
