//! Ways that are not followed, and that hang on a right: they are told of whoever holds it.

use super::{BY_VERSION, EXEMPT, KEYS, LEVELS, NOT_FOLLOWED, not_followed};
use crate::book::{Book, Entry};
use crate::model::{PolicyRule, Scope};
use crate::rbac::matching::{Action, rule_allows};

/// A way with the rights of which any one opens it.
struct Way {
    says: &'static str,
    verbs: &'static [&'static str],
    on: &'static [(&'static str, &'static str, &'static str)],
    /// The one object of the resource that is meant, with its namespace.
    object: Option<(&'static str, &'static str)>,
}

const CHANGES: &[&str] = &["update", "patch"];
const ALL: [Way; 5] = [
    Way {
        says: "what pods do that read their scripts or settings from ConfigMaps, once these are \
               changed",
        verbs: CHANGES,
        on: &[("", "configmaps", "")],
        object: None,
    },
    Way {
        says: "what answers in pods and behind Services, by pods/portforward, pods/proxy or \
               services/proxy, and does what it is asked with what its account holds",
        verbs: &["get", "create", "update", "patch", "delete"],
        on: &[("", "pods", "portforward"), ("", "pods", "proxy"), ("", "services", "proxy")],
        object: None,
    },
    Way {
        says: "whom aggregated API servers believe, by the ConfigMap \
               kube-system/extension-apiserver-authentication",
        verbs: CHANGES,
        on: &[("", "configmaps", "")],
        object: Some(("kube-system", "extension-apiserver-authentication")),
    },
    Way {
        says: "tokens that an account's automountServiceAccountToken keeps out of pods of Jobs, CronJobs \
               and operators' own kinds, and out of those that are evicted, once somebody who changes \
               the account switches it",
        verbs: CHANGES,
        on: &[("", "serviceaccounts", "")],
        object: None,
    },
    Way {
        says: "to what StatefulSets and DaemonSets are rolled back, by ControllerRevisions",
        verbs: &["create", "update", "patch", "delete", "deletecollection"],
        on: &[("apps", "controllerrevisions", "")],
        object: None,
    },
];

/// All of them.
pub(super) fn all() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|way| way.says)
}

/// Ways that are not followed, to be said of one identity: those that hang on a right only where it
/// holds it.
pub fn not_followed_by(book: &Book, entry: &Entry) -> Vec<&'static str> {
    let grants = || entry.grants.iter().filter_map(|id| book.grant(*id));
    let open = |way: &&Way| {
        grants().any(|grant| {
            let mut rules = grant.role.iter().flat_map(|role| &role.rules);
            rules.any(|rule| way.is_open(rule, &grant.scope))
        })
    };
    let opened: Vec<&str> = ALL.iter().filter(open).map(|way| way.says).collect();
    let general = |what: &&str| {
        [BY_VERSION, EXEMPT, KEYS, LEVELS].contains(what) || NOT_FOLLOWED.contains(what)
    };
    not_followed(book).into_iter().filter(|what| general(what) || opened.contains(what)).collect()
}

impl Way {
    fn is_open(&self, rule: &PolicyRule, scope: &Scope) -> bool {
        let there = match (self.object, scope) {
            (Some((wanted, _)), Scope::Namespace(ns)) => &**ns == wanted,
            _ => true,
        };
        let names: Vec<&str> = match self.object {
            Some((_, name)) => vec![name],
            None => rule.resource_names.iter().map(|name| &**name).chain([""]).collect(),
        };
        there
            && self.on.iter().any(|(group, resource, subresource)| {
                let action = |name| Action::Resource {
                    group,
                    resource,
                    subresource,
                    namespace: scope.namespace().map_or("", |ns| &**ns),
                    name,
                };
                let mut all =
                    names.iter().flat_map(|name| self.verbs.iter().map(move |v| (name, v)));
                all.any(|(name, verb)| rule_allows(rule, verb, &action(name)))
            })
    }
}
