//! Every authorization that an observed request needed: the one on its line, and the ones behind
//! it that leave no line.

use std::sync::Arc;

use crate::model::{Call, Identity, Impersonation, Implied, Name, PolicyRule, SubjectKind, Target};
use crate::rbac::Action;
use crate::rbac::matching::{group_matches, resource_matches, rule_allows, verb_matches};

/// How sure it is that an authorization was needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sure {
    /// It was not.
    #[default]
    No,
    /// The log leaves it open.
    Maybe,
    /// It was.
    Yes,
}

/// What the server that wrote the log checks behind a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Minor version; None where it is not known.
    pub(crate) minor: Option<u32>,
}

impl Server {
    /// From `v1.36.3`.
    pub(crate) fn of(version: Option<&str>) -> Self {
        let minor = version
            .map(|text| text.trim_start_matches('v'))
            .and_then(|text| text.strip_prefix("1."))
            .map(|rest| rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default())
            .and_then(|digits| digits.parse().ok());
        Self { minor }
    }

    /// Whether a `get` that runs something in a pod is checked as `create` too, None where it is
    /// not: from 1.35 (`AuthorizePodWebsocketUpgradeCreatePermission`), websocket or not.
    fn checks_gets(self, target: &Target) -> Option<Sure> {
        match target {
            Target::Resource { group, resource, subresource, .. }
                if group.is_empty()
                    && &**resource == "pods"
                    && matches!(&**subresource, "exec" | "attach" | "portforward") => {}
            _ => return None,
        }
        match self.minor {
            Some(minor) if minor >= 35 => Some(Sure::Yes),
            Some(_) => None,
            None => Some(Sure::Maybe),
        }
    }
}

/// The target as the authorizer's attributes; None where it was folded away.
pub(crate) fn action(target: &Target) -> Option<Action<'_>> {
    match target {
        Target::Resource { group, resource, subresource, namespace, name, .. } => {
            Some(Action::Resource {
                group,
                resource,
                subresource,
                namespace: namespace.as_deref().unwrap_or_default(),
                name: name.as_deref().unwrap_or_default(),
            })
        }
        Target::Path(path) => Some(Action::Path(path)),
        Target::Paths | Target::Folded => None,
    }
}

fn names_folded(target: &Target) -> bool {
    matches!(target, Target::Resource { names_folded: true, .. })
}

/// The verbs that the call was authorised for, with how sure that is.
pub(crate) fn verbs(call: &Call, server: Server) -> impl Iterator<Item = (&str, Sure)> {
    let behind = match call.implied {
        Implied::Nothing | Implied::NoToken => None,
        Implied::CreateBehindWrite => Some(("create", Sure::Yes)),
        Implied::PerhapsCreate => Some(("create", Sure::Maybe)),
        Implied::UpgradedGet => server.checks_gets(&call.target).map(|sure| ("create", sure)),
        Implied::AttemptedGet => server.checks_gets(&call.target).map(|_| ("create", Sure::Maybe)),
    };
    std::iter::once((&*call.verb, Sure::Yes)).chain(behind)
}

/// How sure it is that the call needed what the rule allows; the rule's scope is the caller's.
pub(crate) fn covers(rule: &PolicyRule, call: &Call, server: Server) -> Sure {
    let Some(action) = action(&call.target) else {
        return covers_folded(rule, call);
    };
    let mut sure = Sure::No;
    for (verb, how) in verbs(call, server) {
        if !verb_matches(rule, verb) {
            continue;
        }
        if rule_allows(rule, verb, &action) {
            sure = sure.max(how);
        } else if names_folded(&call.target)
            && !rule.resource_names.is_empty()
            && let Action::Resource { group, resource, subresource, .. } = action
            && group_matches(rule, group)
            && resource_matches(rule, resource, subresource)
        {
            // The row stands for names that were too many to keep: one of them may be it.
            sure = sure.max(Sure::Maybe);
        }
    }
    sure
}

/// The row stands for calls that were too many to keep: one of them may be it.
fn covers_folded(rule: &PolicyRule, call: &Call) -> Sure {
    let may = match call.target {
        Target::Paths => !rule.non_resource_urls.is_empty() && verb_matches(rule, &call.verb),
        _ => true,
    };
    if may { Sure::Maybe } else { Sure::No }
}

/// One check behind an impersonated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Needed {
    /// What was asked of the authorizer.
    pub(crate) call: Arc<Call>,
    /// Whether it surely was.
    pub(crate) sure: Sure,
}

const AUTHENTICATION: &str = "authentication.k8s.io";

/// From so many values on, one check of the literal name `*` may stand for all of them
/// (`manyAuthorizationChecksInLoop`, constrained impersonation only).
const MANY: usize = 4;

/// What the impersonator needed, charged to whoever authenticated
/// (`apiserver/pkg/endpoints/filters/impersonation`).
pub(crate) fn impersonating(how: &Impersonation, effective: &Identity, call: &Call) -> Vec<Needed> {
    let constraint = how.constraint.as_deref().filter(|text| !text.is_empty());
    let mut checks = Checks {
        verb: constraint.unwrap_or("impersonate").into(),
        group: if constraint.is_some() { AUTHENTICATION } else { "" },
        found: Vec::new(),
    };
    checks.user(effective, constraint);
    if let Some(uid) = &how.uid {
        checks.push(AUTHENTICATION, "uids", "", None, uid, Sure::Yes);
    }
    let asked = requested_groups(how, effective);
    let many = constraint.is_some() && asked.len() >= MANY;
    for (group, sure) in asked {
        let sure = if many { Sure::Maybe } else { sure };
        checks.push(checks.group, "groups", "", None, &group, sure);
    }
    if many {
        checks.push(checks.group, "groups", "", None, "*", Sure::Maybe);
    }
    let many = constraint.is_some() && how.extra.len() >= MANY;
    let sure = if many { Sure::Maybe } else { Sure::Yes };
    for (key, value) in &how.extra {
        checks.push(AUTHENTICATION, "userextras", key, None, value, sure);
    }
    if many {
        checks.push(AUTHENTICATION, "userextras", "*", None, "*", Sure::Maybe);
    }
    if let Some(mode) = constraint.and_then(|text| text.strip_prefix("impersonate:")) {
        // The request itself, under a verb of its own.
        let verb = format!("impersonate-on:{mode}:{}", call.verb).into();
        let call = Call { verb, target: call.target.clone(), implied: Implied::Nothing };
        checks.found.push(Needed { call: Arc::new(call), sure: Sure::Yes });
    }
    checks.found
}

struct Checks {
    verb: Name,
    group: &'static str,
    found: Vec<Needed>,
}

impl Checks {
    fn push(
        &mut self,
        group: &str,
        resource: &str,
        subresource: &str,
        namespace: Option<Name>,
        name: &str,
        sure: Sure,
    ) {
        let target = Target::Resource {
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace,
            name: Some(name.into()),
            names_folded: false,
        };
        let call = Call { verb: self.verb.clone(), target, implied: Implied::Nothing };
        self.found.push(Needed { call: Arc::new(call), sure });
    }

    fn user(&mut self, effective: &Identity, constraint: Option<&str>) {
        let group = self.group;
        match (effective.kind, &effective.namespace) {
            (SubjectKind::ServiceAccount, Some(ns)) => {
                let ns = Some(ns.clone());
                self.push(group, "serviceaccounts", "", ns, &effective.name, Sure::Yes);
            }
            _ => match (constraint, effective.name.strip_prefix("system:node:")) {
                // Its cache ignores which node, so the check is of the literal name `*`.
                (Some("impersonate:associated-node"), Some(_)) => {
                    self.push(group, "nodes", "", None, "*", Sure::Yes);
                }
                (Some("impersonate:arbitrary-node"), Some(node)) => {
                    self.push(group, "nodes", "", None, node, Sure::Yes);
                }
                _ => self.push(group, "users", "", None, &effective.name, Sure::Yes),
            },
        }
    }
}

/// The groups that the impersonator asked for. Those that the server adds by itself are not told
/// from the same ones asked for: they may have been.
fn requested_groups(how: &Impersonation, effective: &Identity) -> Vec<(Name, Sure)> {
    // Constrained modes for accounts and nodes take no groups at all.
    let none_taken = how
        .constraint
        .as_deref()
        .is_some_and(|text| text.ends_with("-node") || text == "impersonate:serviceaccount");
    if none_taken {
        return Vec::new();
    }
    let mut added = effective.implicit_groups();
    if !how.groups.iter().all(|group| added.contains(group)) {
        // An account's own are only added where none are asked for.
        added.retain(is_added_last);
    }
    let asked = how.groups.iter().filter(|group| !added.contains(group) && !is_added_last(group));
    let asked: Vec<_> = asked.map(|group| (group.clone(), Sure::Yes)).collect();
    let named = how.groups.iter().filter(|group| is_added_last(group) && !added.contains(group));
    let perhaps: Vec<_> =
        added.iter().chain(named).map(|group| (group.clone(), Sure::Maybe)).collect();
    asked.into_iter().chain(perhaps).collect()
}

/// Whether the server adds the group to whatever was asked for.
fn is_added_last(group: &Name) -> bool {
    matches!(&**group, Identity::AUTHENTICATED | Identity::UNAUTHENTICATED)
}
