//! Verbs that set the API server's own guards aside: to give away rights that one does not hold
//! (`bind`, `escalate`: `pkg/registry/rbac/escalation_check.go`), or to act as another
//! (`impersonate`: `apiserver/pkg/endpoints/filters/impersonation`).

use super::{Subject, binding, broad, role};
use crate::book::{Book, Finding, Grant, Severity, Tier};
use crate::model::{PolicyRule, Scope};
use crate::rbac::matching::{Action, rule_allows};
use crate::rbac::query::Naming;

const RULE: (&str, &str) = ("escalation-verbs", "escalation");

const RBAC: &str = "rbac.authorization.k8s.io";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// Verb, group, resource, and whether it is of any use inside one namespace.
const GUARDED: &[(&str, &str, &str, bool)] = &[
    ("bind", RBAC, "clusterroles", true),
    ("bind", RBAC, "roles", true),
    ("escalate", RBAC, "clusterroles", false),
    ("escalate", RBAC, "roles", true),
    ("impersonate", "", "users", false),
    ("impersonate", "", "groups", false),
    // Inside a namespace the API server's own roles allow it: reach says what it leads to there.
    ("impersonate", "", "serviceaccounts", false),
    ("impersonate", AUTHENTICATION, "uids", false),
    // Constrained impersonation (KEP-5284); what may be done so takes `impersonate-on` rules besides.
    ("impersonate:user-info", AUTHENTICATION, "users", false),
    ("impersonate:user-info", AUTHENTICATION, "groups", false),
    ("impersonate:user-info", AUTHENTICATION, "uids", false),
    ("impersonate:serviceaccount", AUTHENTICATION, "serviceaccounts", true),
    ("impersonate:arbitrary-node", AUTHENTICATION, "nodes", false),
    // Of the node on which one's pod runs: whatever pods there are is its.
    ("impersonate:associated-node", AUTHENTICATION, "nodes", false),
];

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    let constrained = knows_constrained(subject.book);
    for grant in subject.own() {
        let Some(granted) = &grant.role else { continue };
        if subject.book.tier_of(grant) == Tier::ClusterAdmin {
            continue;
        }
        let rights = guarded(grant, &granted.rules, constrained);
        if rights.is_empty() {
            continue;
        }
        let (severity, place) = match &grant.scope {
            Scope::Cluster => (Severity::High, String::new()),
            Scope::Namespace(namespace) => (Severity::Medium, format!(" in {namespace}")),
        };
        let evidence = format!(
            "{} grants {}, which allows {}{place}: past the check that nobody gives away or takes \
             on more than they hold",
            binding(grant),
            role(grant),
            rights.join(", ")
        );
        found.push(subject.finding(RULE, severity, Some(grant), evidence));
    }
}

/// Whether the API server asks for the verbs of constrained impersonation, as it does by default since
/// 1.36; true where its version is not known.
fn knows_constrained(book: &Book) -> bool {
    book.snapshot.cluster.minor().is_none_or(|minor| minor >= 36)
}

/// `bind roles`, each that one rule or another allows.
fn guarded(grant: &Grant, rules: &[PolicyRule], constrained: bool) -> Vec<String> {
    let inside = grant.scope != Scope::Cluster;
    // Every verb on everything is said already.
    let rules = || rules.iter().filter(|rule| !broad::is_everything(rule));
    let allows = |rule: &PolicyRule, verb: &str, group: &str, resource: &str| {
        // A rule that names objects gives it on these, and where requests of the verb may carry no name,
        // on those by the empty one.
        let all = rule.resource_names.is_empty().then_some("");
        let nameless = Naming::of(verb, "") != Naming::Always;
        let named = rule.resource_names.iter().map(|name| &**name);
        let named = named.filter(|name| nameless || !name.is_empty());
        let mut actions = named.chain(all).map(|name| Action::Resource {
            group,
            resource,
            subresource: "",
            namespace: "",
            name,
        });
        actions.any(|action| rule_allows(rule, verb, &action))
    };
    GUARDED
        .iter()
        .filter(|(.., useful)| *useful || !inside)
        .filter(|(verb, ..)| constrained || !verb.starts_with("impersonate:"))
        .filter(|(verb, group, resource, _)| {
            rules().any(|rule| allows(rule, verb, group, resource))
        })
        .map(|(verb, _, resource, _)| format!("{verb} {resource}"))
        .collect()
}
