//! Rules that cover more than anybody can oversee: every resource, those that come later included;
//! or the Secrets of all namespaces, other accounts' tokens among them.
//!
//! Every resource of an API group of somebody's own, as operators have it, is not among these.

use super::everybody::is_everybody;
use super::{Subject, binding, conveys, rights, role};
use crate::book::{Finding, Grant, Severity, Tier};
use crate::model::{Name, PolicyRule, Scope};
use crate::rbac::answers::{ANSWERED, READS};
use crate::rbac::matching::{Action, name_matches, rule_allows};
use crate::rbac::query::Naming;

const EVERYTHING: (&str, &str) = ("wildcard", "wildcard");
const SECRETS: (&str, &str) = ("all-secrets", "all secrets");

pub(super) fn find(subject: &Subject<'_>, found: &mut Vec<Finding>) {
    // Of everybody, whatever is granted is said already.
    if is_everybody(&subject.entry.identity) {
        return;
    }
    for grant in subject.own() {
        let Some(granted) = &grant.role else { continue };
        if subject.book.tier_of(grant) == Tier::ClusterAdmin {
            continue;
        }
        let gives = |rule: &&PolicyRule| conveys(grant, rule);
        if let Some(rule) = granted.rules.iter().filter(gives).find(|rule| is_wild(rule)) {
            found.push(wild(subject, grant, rule));
        } else if grant.scope == Scope::Cluster
            && let verbs = reads_all_secrets(&granted.rules)
            && !verbs.is_empty()
        {
            let answered = verbs.iter().any(|verb| ANSWERED.contains(verb));
            let answered = if answered { ", and be answered with them" } else { "" };
            let evidence = format!(
                "{} grants {}, which allows to {} the Secrets of every namespace{answered}: the \
                 tokens of other accounts are among them",
                binding(grant),
                role(grant),
                verbs.join(", ")
            );
            found.push(subject.finding(SECRETS, Severity::High, Some(grant), evidence));
        }
    }
}

fn has_star(list: &[Name]) -> bool {
    list.iter().any(|one| &**one == "*")
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// Every resource of a group that others depend on: the core one, RBAC's, or all.
fn is_wild(rule: &PolicyRule) -> bool {
    const OTHERS: [&str; 3] = ["", "*", RBAC];
    has_star(&rule.resources)
        && rule.api_groups.iter().any(|group| OTHERS.contains(&&**group))
        // What may be done in another's name is nothing without a rule that says in whose.
        && !rule.verbs.iter().all(|verb| verb.starts_with("impersonate-on:"))
        && (rule.resource_names.is_empty() || is_nameless(rule))
}

/// Whether it allows requests that carry no name, by the empty one among its names: creates and lists
/// of everything.
fn is_nameless(rule: &PolicyRule) -> bool {
    let nameless = |verb: &Name| &**verb == "*" || Naming::of(verb, "") != Naming::Always;
    name_matches(rule, "") && rule.verbs.iter().any(nameless)
}

/// Every verb on every resource of such a group.
pub(super) fn is_everything(rule: &PolicyRule) -> bool {
    is_wild(rule) && has_star(&rule.verbs)
}

fn wild(subject: &Subject<'_>, grant: &Grant, rule: &PolicyRule) -> Finding {
    let severity = match (&grant.scope, has_star(&rule.verbs)) {
        // Who may do what is in roles and bindings, and nothing else is.
        (Scope::Cluster, false) if only_reads_rbac(rule) => Severity::Low,
        (Scope::Cluster, _) => Severity::High,
        (Scope::Namespace(_), true) => Severity::Medium,
        (Scope::Namespace(_), false) => Severity::Low,
    };
    let evidence = format!(
        "{} grants {}, which allows {}: resources that come later too",
        binding(grant),
        role(grant),
        rights(rule, &grant.scope)
    );
    subject.finding(EVERYTHING, severity, Some(grant), evidence)
}

/// Whether it reads, and RBAC's objects at that or of groups of somebody's own.
fn only_reads_rbac(rule: &PolicyRule) -> bool {
    let reads = |verb: &Name| matches!(&**verb, "get" | "list" | "watch");
    rule.verbs.iter().all(reads)
        && !rule.api_groups.iter().any(|group| matches!(&**group, "" | "*"))
}

/// The reading verbs that some rule allows on Secrets whatever their names; where there is none, those
/// that are answered with the Secret.
fn reads_all_secrets(rules: &[PolicyRule]) -> Vec<&'static str> {
    // Requests for all of them carry no name, and those of some verbs always do: the empty one among the
    // names of a rule is that of the former.
    let allows = |rule: &PolicyRule, verb: &str| {
        let secrets = Action::Resource {
            group: "",
            resource: "secrets",
            subresource: "",
            namespace: "",
            name: "",
        };
        rule_allows(rule, verb, &secrets)
            && (Naming::of(verb, "") != Naming::Always || rule.resource_names.is_empty())
    };
    let of = |verbs: [&'static str; 3]| -> Vec<&'static str> {
        let is_allowed = |verb: &&str| rules.iter().any(|rule| allows(rule, verb));
        verbs.into_iter().filter(is_allowed).collect()
    };
    let reads = of(READS);
    if reads.is_empty() { of(ANSWERED) } else { reads }
}
