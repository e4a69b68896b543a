//! Whether the log would show what somebody holds in use: by the audit policy, where the
//! configuration names one, else by what the log proves to be logged.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::permissions::{HeldRule, Row};
use super::recorded::{Class, atoms, whole};
use super::{Book, Entry, groups};
use crate::model::{
    About, AuditPolicy, AuditRule, Identity, Name, PolicyRule, Scope, Shown, SubjectKind, Target,
    is_often_left_out,
};

impl Book {
    /// Whether reads are in the log from `since` (or its first day) to its last day, but for kinds
    /// that it may leave out by themselves.
    pub(crate) fn reads_cover(&self, since: DateTime<Utc>) -> bool {
        self.coverage().is_some_and(|coverage| coverage.reads_cover(since)) && self.logs_reads()
    }

    /// Whether reads are logged as such, and not only those of few kinds.
    pub fn logs_reads(&self) -> bool {
        match &self.policy.audit {
            Some(policy) => {
                let kind = target("*", "*", None);
                let about = |rule: &AuditRule| of_anybody(rule);
                ["get", "list"]
                    .iter()
                    .all(|verb| policy.logs(&about, verb, &kind, true) != Shown::No)
            }
            None => self.recorded.is_general(Class::Reads),
        }
    }

    /// Whether the audit policy leaves all requests of somebody out of the log, or all that read, or all
    /// that write, but for what it says of single kinds. False where the configuration names none.
    pub(crate) fn leaves_out(&self, identity: &Identity) -> bool {
        self.find(identity).is_some_and(|entry| self.leaves_out_entry(entry))
    }

    /// Of whom it does.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &Identity> {
        let entries = self.policy.audit.iter().flat_map(|_| self.entries());
        entries.filter(|entry| self.leaves_out_entry(entry)).map(|entry| &entry.identity)
    }

    /// Whether it leaves all of them out. Of a group's members it may leave out some.
    pub(crate) fn is_not_logged(&self, entry: &Entry) -> bool {
        !self.usual(entry).is_empty() && self.usual(entry).iter().all(|shown| *shown == Shown::No)
    }

    /// Whether it may leave all of them out, or all of some verbs: a rule is about others who may be in the
    /// group, or act in its name, or about a group in which it may be.
    pub(crate) fn may_leave_out(&self, entry: &Entry) -> bool {
        self.policy.audit.as_ref().is_some_and(|policy| {
            policy.left_out_whole().any(|rule| self.about(entry, rule) == About::Maybe)
        })
    }

    /// The same as [`Self::leaves_out`].
    pub(crate) fn leaves_out_entry(&self, entry: &Entry) -> bool {
        self.usual(entry).contains(&Shown::No)
    }

    /// Whether what somebody does to kinds that no rule of the policy names is logged; nothing where the
    /// configuration names no policy.
    fn usual(&self, entry: &Entry) -> Vec<Shown> {
        let Some(policy) = &self.policy.audit else { return Vec::new() };
        let kind = target("*", "*", None);
        let about = |rule: &AuditRule| self.about(entry, rule);
        ["get", "list", "create", "update", "patch", "delete"]
            .iter()
            .map(|verb| policy.logs(&about, verb, &kind, true))
            .collect()
    }

    /// Whether requests for a kind, as rules write it, may be left out of the log, whoever's.
    pub(crate) fn may_hide(&self, verb: &str, group: &Name, resource: &Name) -> bool {
        let rule = PolicyRule {
            verbs: vec![verb.into()],
            api_groups: vec![group.clone()],
            resources: vec![resource.clone()],
            ..PolicyRule::default()
        };
        match &self.policy.audit {
            Some(policy) => {
                self.by_policy(policy, &of_anybody, &rule, &Scope::Cluster) != Shown::Yes
            }
            None => self.recorded.shows(&rule, &self.served) != Shown::Yes,
        }
    }

    /// Whether the log would show all that a row allows.
    pub(super) fn shows(&self, entry: &Entry, row: Row<'_>) -> Shown {
        match &self.policy.audit {
            Some(policy) => {
                let about = |rule: &AuditRule| self.about(entry, rule);
                self.by_policy(policy, &about, row.rule, row.scope())
            }
            None => row.facts.shown,
        }
    }

    /// Whether the audit policy leaves out some of what a row allows, but for kinds that nearly all leave
    /// out: that it was not used, the log does not say then. False where the configuration names none.
    pub(super) fn leaves_out_part(&self, entry: &Entry, row: Row<'_>) -> bool {
        let Some(policy) = &self.policy.audit else { return false };
        let about = |rule: &AuditRule| self.about(entry, rule);
        atoms(row.rule, &self.served)
            .filter(|(_, group, kind)| !is_often_left_out(group, kind))
            .any(|atom| self.atom(policy, &about, row.rule, atom, row.scope()) != Shown::Yes)
    }

    /// Whether a rule is for nothing but what nearly all policies leave out, and nobody is there for.
    pub(crate) fn is_beside(&self, rule: &PolicyRule) -> bool {
        !rule.non_resource_urls.is_empty()
            || atoms(rule, &self.served).all(|(_, group, kind)| is_often_left_out(group, kind))
    }

    /// What of an entry's rules the log may not show: `reads of pods`. Sorted.
    pub(crate) fn hidden<'r>(
        &self,
        entry: &Entry,
        rules: impl Iterator<Item = &'r HeldRule<'r>>,
    ) -> BTreeSet<String> {
        let words = |class: Class, kind: &Name| match class {
            Class::Reads => format!("reads of {kind}"),
            Class::Writes => format!("writes of {kind}"),
        };
        let mut found = BTreeSet::new();
        for held in rules.filter(|held| held.shown != Shown::Yes) {
            let Some(policy) = &self.policy.audit else {
                let all = self.recorded.hidden(held.rule, &self.served);
                found.extend(all.map(|(class, kind)| words(class, kind)));
                continue;
            };
            let scope = held.grant.map_or(&Scope::Cluster, |grant| &grant.scope);
            let about = |rule: &AuditRule| self.about(entry, rule);
            for (class, group, kind) in atoms(held.rule, &self.served) {
                if self.atom(policy, &about, held.rule, (class, group, kind), scope) != Shown::Yes {
                    found.insert(words(class, kind));
                }
            }
        }
        found
    }

    fn by_policy(
        &self,
        policy: &AuditPolicy,
        about: &dyn Fn(&AuditRule) -> About,
        rule: &PolicyRule,
        scope: &Scope,
    ) -> Shown {
        let paths = rule
            .non_resource_urls
            .iter()
            .map(|path| Some(policy.logs(about, "get", &Target::Path(path.clone()), false)));
        let kinds =
            atoms(rule, &self.served).map(|atom| Some(self.atom(policy, about, rule, atom, scope)));
        whole(paths.chain(kinds))
    }

    /// Whether the policy logs requests of a class for a kind; of verbs of which only some are
    /// logged, partly.
    fn atom(
        &self,
        policy: &AuditPolicy,
        about: &dyn Fn(&AuditRule) -> About,
        rule: &PolicyRule,
        (class, group, kind): (Class, &Name, &Name),
        scope: &Scope,
    ) -> Shown {
        let namespaced = !self.served.is_cluster_scoped(group, kind);
        let place = match scope {
            Scope::Namespace(namespace) => Some(namespace.clone()),
            Scope::Cluster => None,
        };
        let groups = match &**group {
            "*" => self.served.groups_with(kind),
            _ => vec![group.clone()],
        };
        let held = |verb: &&&str| {
            rule.verbs.iter().any(|have| matches!(&**have, "*") || **have == ***verb)
        };
        let mut found: Option<Shown> = None;
        for verb in class.verbs().iter().filter(held) {
            for group in &groups {
                let shown =
                    policy.logs(about, verb, &target(group, kind, place.clone()), namespaced);
                found = Some(match found {
                    Some(have) if have != shown => Shown::Partly,
                    _ => shown,
                });
            }
        }
        found.unwrap_or_default()
    }

    /// Whether an audit rule is about requests of an entry; for a group, of its members. One that is about
    /// whoever may act in its name is about some of them.
    fn about(&self, entry: &Entry, rule: &AuditRule) -> About {
        let is_it = |one: &AuditRule| std::ptr::eq(one, rule);
        match self.about_own(entry, rule) {
            About::No => {
                let rules = self.policy.audit.as_deref().and_then(|policy| policy.rules.as_deref());
                let at = rules.unwrap_or_default().iter().position(is_it);
                let posed = at.is_some_and(|at| self.posing.may(at, &entry.identity));
                if posed { About::Maybe } else { About::No }
            }
            own => own,
        }
    }

    /// The same of those that it makes itself.
    fn about_own(&self, entry: &Entry, rule: &AuditRule) -> About {
        let users = rule.users.as_deref().unwrap_or_default();
        let in_groups = rule.user_groups.as_deref().unwrap_or_default();
        let both = |one: About, other: About| match (one, other) {
            (About::No, _) | (_, About::No) => About::No,
            (About::Yes, About::Yes) => About::Yes,
            _ => About::Maybe,
        };
        if entry.identity.kind == SubjectKind::Group {
            // Whom the control plane's own names are of is in no group that people are put in.
            let some = |all: &[Name]| all.iter().any(|name| !name.starts_with("system:"));
            let named = || users.iter().map(|user| Identity::from_user_name(user));
            let by_name = match () {
                () if users.is_empty() => About::Yes,
                () if some(users) || named().any(|who| self.acts_in(entry, &who)) => About::Maybe,
                () => About::No,
            };
            let own = in_groups.contains(&entry.identity.name)
                || in_groups.iter().any(|group| &**group == "system:authenticated");
            let by_group = match () {
                () if in_groups.is_empty() || own => About::Yes,
                () if some(in_groups) => About::Maybe,
                () => About::No,
            };
            return both(by_name, by_group);
        }
        let name = entry.identity.user_name();
        let is_named = users.is_empty() || users.iter().any(|user| name.as_ref() == Some(user));
        let by_name = if is_named { About::Yes } else { About::No };
        let holds = entry.groups.iter().any(|group| in_groups.contains(&group.name));
        let open = || !entry.groups_known && in_groups.iter().any(|one| !groups::is_implicit(one));
        let by_group = match () {
            () if in_groups.is_empty() || holds => About::Yes,
            () if open() => About::Maybe,
            () => About::No,
        };
        both(by_name, by_group)
    }
}

/// Whether an audit rule is about everybody: what names some is about others.
fn of_anybody(rule: &AuditRule) -> About {
    let users = rule.users.as_deref().unwrap_or_default();
    let in_groups = rule.user_groups.as_deref().unwrap_or_default();
    let all = in_groups.is_empty() || in_groups.iter().any(|one| &**one == "system:authenticated");
    if users.is_empty() && all { About::Yes } else { About::No }
}

fn target(group: &str, kind: &str, namespace: Option<Name>) -> Target {
    let (resource, subresource) = kind.split_once('/').unwrap_or((kind, ""));
    Target::Resource {
        group: group.into(),
        resource: resource.into(),
        subresource: subresource.into(),
        namespace,
        name: None,
        names_folded: false,
    }
}
