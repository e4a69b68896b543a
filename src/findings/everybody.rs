//! Grants to everybody: whoever signs in, whoever does not, every service account, those of a namespace.

use super::{Subject, binding, conveys, rights, role, severity_of};
use crate::book::{Finding, Fix, Grant, Mend, Severity, Tier};
use crate::model::{BindingKind, Identity, PolicyRule, SubjectKind, counted};

const RULE: (&str, &str) = ("everybody", "everybody");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let identity = &subject.entry.identity;
    let (whom, unauthenticated) = match (identity.kind, &*identity.name) {
        (SubjectKind::Group, Identity::AUTHENTICATED) => ("everybody who authenticates", false),
        (SubjectKind::Group, Identity::UNAUTHENTICATED)
        | (SubjectKind::User, Identity::ANONYMOUS) => ("anybody without credentials", true),
        (SubjectKind::Group, Identity::ALL_SERVICE_ACCOUNTS) => ("every service account", false),
        _ if is_everybody_of_google(identity) => {
            for beside in subject.book.beside(identity).filter(|one| one.tier > Tier::DiscoveryOnly)
            {
                let evidence = format!("{} ({})", beside.what, beside.tier.as_str());
                let severity = severity_of_all(beside.tier, true);
                let mut finding = subject.finding(RULE, severity, None, evidence);
                finding.fix = super::fix::beside();
                found.push(finding);
            }
            return;
        }
        _ => return of_namespace(subject, found),
    };
    for grant in subject.own().filter(|grant| grant.role.is_some()) {
        let tier = subject.book.tier_of(grant);
        let kubeadms = is_cluster_info(grant);
        let severity = match severity_of_all(tier, unauthenticated) {
            _ if kubeadms => Severity::Info,
            // What has a name was meant, and nothing that comes later is read by it.
            severity if tier <= Tier::Read && reads_named(grant) => severity.min(Severity::Low),
            severity => severity,
        };
        let mut evidence = format!(
            "{} grants {} ({}) to {whom}{}",
            binding(grant),
            role(grant),
            tier.as_str(),
            given(grant)
        );
        if kubeadms {
            evidence.push_str(
                "; kubeadm makes it: `kubeadm join` with token discovery reads where the cluster is",
            );
        }
        let mut finding = subject.finding(RULE, severity, Some(grant), evidence);
        if kubeadms {
            finding.fix = Fix::write(
                Mend::Revoke(grant.key.clone()),
                "leave it, or take it away where no node joins by a token any more: `kubeadm join` \
                 with token discovery fails without it",
            );
        }
        found.push(finding);
    }
}

/// So many rules are told.
const TOLD: usize = 3;

/// The rules of a grant that give anything where it holds.
fn rules(grant: &Grant) -> impl Iterator<Item = &PolicyRule> {
    let rules = grant.role.iter().flat_map(|role| &role.rules);
    rules.filter(|rule| conveys(grant, rule))
}

/// What exactly is granted, behind whom it is granted to.
fn given(grant: &Grant) -> String {
    let told: Vec<String> =
        rules(grant).take(TOLD).map(|rule| rights(rule, &grant.scope)).collect();
    let more = match rules(grant).count().saturating_sub(told.len()) {
        0 => String::new(),
        more => format!("; and by {}", counted(more, "other rule")),
    };
    if told.is_empty() { String::new() } else { format!(": {}{more}", told.join("; ")) }
}

/// Whether all that it gives is to read objects by their names.
fn reads_named(grant: &Grant) -> bool {
    rules(grant).all(|rule| {
        !rule.resource_names.is_empty()
            && rule.verbs.iter().all(|verb| matches!(&**verb, "get" | "list" | "watch"))
    })
}

/// Whether it is what kubeadm makes so that nodes find the cluster, by its content
/// (`cmd/kubeadm/app/phases/bootstraptoken/clusterinfo/clusterinfo.go`, `CreateClusterInfoRBACRules`).
fn is_cluster_info(grant: &Grant) -> bool {
    const NAME: &str = "kubeadm:bootstrap-signer-clusterinfo";
    fn only(list: &[crate::model::Name], one: &str) -> bool {
        matches!(list, [have] if **have == *one)
    }
    let rules: Vec<&PolicyRule> = grant.role.iter().flat_map(|role| &role.rules).collect();
    grant.key.binding_kind == BindingKind::RoleBinding
        && grant.key.namespace.as_deref() == Some("kube-public")
        && &*grant.key.binding == NAME
        && grant.key.subject == Identity::user(Identity::ANONYMOUS)
        && matches!(&*rules, [rule] if only(&rule.verbs, "get")
            && only(&rule.api_groups, "")
            && only(&rule.resources, "configmaps")
            && only(&rule.resource_names, "cluster-info"))
}

/// Whether it is everybody as Google Cloud's IAM writes it: with an account there, or without one too.
pub(super) fn is_everybody_of_google(identity: &Identity) -> bool {
    identity.kind == SubjectKind::User
        && matches!(&*identity.name, "allUsers" | "allAuthenticatedUsers")
}

fn severity_of_all(tier: Tier, unauthenticated: bool) -> Severity {
    match (tier, unauthenticated) {
        (Tier::None | Tier::DiscoveryOnly, _) => Severity::Info,
        (Tier::Read, false) => Severity::Medium,
        (Tier::Read, true) | (Tier::NamespaceWrite | Tier::NamespaceAdmin, false) => Severity::High,
        _ => Severity::Critical,
    }
}

/// Whether it is everybody, or nobody in particular, of whom this rule says whatever is granted.
pub(super) fn is_everybody(identity: &Identity) -> bool {
    match identity.kind {
        SubjectKind::Group => matches!(
            &*identity.name,
            Identity::AUTHENTICATED | Identity::UNAUTHENTICATED | Identity::ALL_SERVICE_ACCOUNTS
        ),
        SubjectKind::User => &*identity.name == Identity::ANONYMOUS,
        SubjectKind::ServiceAccount => false,
    }
}

/// All accounts of one namespace, those that are made later too: every pod there has the rights. That
/// they read something where they are is usual.
fn of_namespace(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let Some(namespace) = subject.entry.identity.accounts_of() else { return };
    for grant in subject.own().filter(|grant| grant.role.is_some()) {
        let tier = subject.book.tier_of(grant);
        let at_home = grant.scope.namespace().is_some_and(|ns| **ns == *namespace);
        if tier <= Tier::DiscoveryOnly || (tier == Tier::Read && at_home) {
            continue;
        }
        let evidence = format!(
            "{} grants {} ({}) to every service account of namespace {namespace}{}",
            binding(grant),
            role(grant),
            tier.as_str(),
            given(grant)
        );
        found.push(subject.finding(RULE, severity_of(tier), Some(grant), evidence));
    }
}
