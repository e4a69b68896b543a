//! What an API server's audit policy lets into the log, by rules alone.
//!
//! As `k8s.io/apiserver/pkg/audit/policy/checker.go` has it: the first rule that matches a request
//! decides, and what none matches is not logged. The user is whoever authenticated: auditing comes
//! before impersonation.

use serde::Deserialize;

use super::{Name, Target};

/// An audit policy, as far as it decides what is logged at all. Other fields are passed over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditPolicy {
    /// What it says that it is: `Policy`, where it says so.
    pub kind: Option<Name>,
    /// Stages that no rule logs.
    pub omit_stages: Option<Vec<Name>>,
    /// In order.
    pub rules: Option<Vec<AuditRule>>,
}

/// One rule of it; an empty list asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditRule {
    /// `None`, `Metadata`, `Request` or `RequestResponse`.
    pub level: Name,
    /// Names of users, as they authenticate.
    pub users: Option<Vec<Name>>,
    /// Groups, of which one is enough.
    pub user_groups: Option<Vec<Name>>,
    /// Verbs.
    pub verbs: Option<Vec<Name>>,
    /// Resources.
    pub resources: Option<Vec<AuditResources>>,
    /// Namespaces; `""` is what has none.
    pub namespaces: Option<Vec<Name>>,
    /// Paths; a star at the end stands for all that follows.
    #[serde(rename = "nonResourceURLs")]
    pub non_resource_urls: Option<Vec<Name>>,
    /// Stages that are not logged.
    pub omit_stages: Option<Vec<Name>>,
}

/// Resources of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AuditResources {
    /// The group; `""` is the core group, `*` any.
    pub group: Name,
    /// `pods`, `pods/log`, `pods/*`, `*/scale`, `*`; none is all.
    pub resources: Option<Vec<Name>>,
    /// Names; none is all.
    pub resource_names: Option<Vec<Name>>,
}

/// Whether something is in the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// All of it.
    #[default]
    Yes,
    /// Some of it is not.
    Partly,
    /// It is not, or may not be.
    No,
}

/// Whether a rule is about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// About all of their requests.
    Yes,
    /// Not known, or about some of them.
    Maybe,
    /// About none.
    No,
}

/// What audit policies and clouds leave out for being so much: where nobody's requests for it are in
/// the log, that says nothing of anybody.
pub(crate) const OFTEN_LEFT_OUT: [(&str, &str); 10] = [
    ("", "endpoints"),
    ("", "events"),
    ("", "nodes/status"),
    ("", "pods/status"),
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "localsubjectaccessreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
    ("coordination.k8s.io", "leases"),
    ("discovery.k8s.io", "endpointslices"),
    ("events.k8s.io", "events"),
];

/// Whether a kind, as rules write it, is one that audit policies and clouds leave out for being so much.
pub fn is_often_left_out(group: &str, kind: &str) -> bool {
    OFTEN_LEFT_OUT.iter().any(|(of, have)| *have == kind && (group == "*" || *of == group))
}

/// The levels of `audit.k8s.io/v1`.
const LEVELS: [&str; 4] = ["None", "Metadata", "Request", "RequestResponse"];

fn list(list: Option<&Vec<Name>>) -> &[Name] {
    list.map_or(&[], Vec::as_slice)
}

impl AuditPolicy {
    /// One that logs everything.
    pub fn of_everything() -> Self {
        let rule = AuditRule { level: "Metadata".into(), ..AuditRule::default() };
        Self { rules: Some(vec![rule]), ..Self::default() }
    }

    /// What is wrong with it; None where the API server would take it.
    pub fn fault(&self) -> Option<String> {
        if let Some(kind) = self.kind.as_ref().filter(|kind| &***kind != "Policy") {
            return Some(format!("it is a {kind}, and no Policy of audit.k8s.io"));
        }
        let rules = self.rules.as_deref().unwrap_or_default();
        if rules.is_empty() {
            return Some("it has no rules".to_owned());
        }
        let bad = rules.iter().position(|rule| !LEVELS.contains(&&*rule.level));
        bad.map(|at| format!("rule {}: the level is none of {}", at + 1, LEVELS.join(", ")))
    }

    /// Whether requests of somebody are logged. `about` says whether a rule's users and groups are
    /// them; `target` is what they ask for, any name where it has none, any namespace where it has
    /// none and `namespaced` is set.
    pub fn logs(
        &self,
        about: &dyn Fn(&AuditRule) -> About,
        verb: &str,
        target: &Target,
        namespaced: bool,
    ) -> Shown {
        let mut partly = false;
        for rule in self.rules.as_deref().unwrap_or_default() {
            let verbs = list(rule.verbs.as_ref());
            if !verbs.is_empty() && !verbs.iter().any(|have| &**have == verb) {
                continue;
            }
            let (who, what) = (about(rule), rule.fits(target, namespaced));
            if who == About::No || what == About::No {
                continue;
            }
            match (self.is_logged(rule), who, what) {
                (true, About::Yes, About::Yes) if partly => return Shown::Partly,
                (true, About::Yes, About::Yes) => return Shown::Yes,
                // Of some it stays open whether this is the rule that decides.
                (true, ..) => {}
                (false, About::Yes, About::Yes) => return Shown::No,
                (false, ..) => partly = true,
            }
        }
        Shown::No
    }

    /// The rules by which nothing of somebody is logged, whatever it is for.
    pub fn left_out_whole(&self) -> impl Iterator<Item = &AuditRule> {
        self.rules.iter().flatten().filter(|rule| {
            !self.is_logged(rule)
                && list(rule.namespaces.as_ref()).is_empty()
                && list(rule.non_resource_urls.as_ref()).is_empty()
                && rule.resources.as_deref().unwrap_or_default().is_empty()
        })
    }

    /// Whether what the rule decides comes into the log: in some stage in which the request is over,
    /// or answered.
    fn is_logged(&self, rule: &AuditRule) -> bool {
        let omitted = |stage: &str| {
            let all = [&self.omit_stages, &rule.omit_stages];
            all.into_iter().any(|one| list(one.as_ref()).iter().any(|have| &**have == stage))
        };
        &*rule.level != "None" && !omitted("ResponseComplete")
    }
}

impl AuditRule {
    /// Whether it is about a request for this.
    fn fits(&self, target: &Target, has_places: bool) -> About {
        let namespaces = list(self.namespaces.as_ref());
        let resources = self.resources.as_deref().unwrap_or_default();
        let paths = list(self.non_resource_urls.as_ref());
        let about_resources = !namespaces.is_empty() || !resources.is_empty();
        match target {
            Target::Resource { group, resource, subresource, namespace, name, .. } => {
                if !about_resources {
                    return if paths.is_empty() { About::Yes } else { About::No };
                }
                let placed = match namespace {
                    _ if namespaces.is_empty() => About::Yes,
                    None if has_places => About::Maybe,
                    place => {
                        let place = place.as_deref().unwrap_or_default();
                        let is_named = namespaces.iter().any(|have| &**have == place);
                        if is_named { About::Yes } else { About::No }
                    }
                };
                let kind =
                    AuditResources::fit(resources, (group, resource, subresource), name.as_ref());
                match (placed, kind) {
                    (About::No, _) | (_, About::No) => About::No,
                    (About::Yes, About::Yes) => About::Yes,
                    _ => About::Maybe,
                }
            }
            Target::Path(path) => {
                let one = |have: &Name| {
                    **have == *path.as_ref()
                        || have.ends_with('*') && path.starts_with(have.trim_end_matches('*'))
                };
                match (about_resources, paths.is_empty() || paths.iter().any(one)) {
                    (false, true) => About::Yes,
                    _ => About::No,
                }
            }
            _ => About::Maybe,
        }
    }
}

impl AuditResources {
    /// Whether some of these are about a kind. Of what a star stands for they are about a part where they
    /// name a kind of it; what nearly all policies leave out does not count there.
    fn fit(all: &[Self], (group, resource, sub): (&str, &str, &str), name: Option<&Name>) -> About {
        let mut found = if all.is_empty() { About::Yes } else { About::No };
        for one in all {
            let whole = matches!(&*one.group, "*") || *one.group == *group;
            if !whole && group != "*" {
                continue;
            }
            let kinds = list(one.resources.as_ref());
            if kinds.is_empty() && whole {
                return About::Yes;
            }
            let fits = |have: &Name| match have.split_once('/') {
                _ if &**have == "*" => true,
                None => sub.is_empty() && &**have == resource,
                Some(("*", of)) => !sub.is_empty() && of == sub,
                Some((of, "*")) => of == resource,
                Some((of, below)) => of == resource && below == sub,
            };
            if whole && kinds.iter().any(fits) {
                let names = list(one.resource_names.as_ref());
                match name {
                    _ if names.is_empty() => return About::Yes,
                    Some(name) if names.contains(name) => return About::Yes,
                    Some(_) => {}
                    None => found = About::Maybe,
                }
                continue;
            }
            let is_part = |have: &Name| {
                let of_star = resource == "*"
                    && have.split_once('/').map_or("", |(_, below)| below) == sub
                    && !is_often_left_out(&one.group, have);
                of_star || fits(have)
            };
            // All that these groups have is left out often.
            let often =
                matches!(&*one.group, "coordination.k8s.io" | "discovery.k8s.io" | "events.k8s.io");
            if kinds.is_empty() && !often || kinds.iter().any(is_part) {
                found = About::Maybe;
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> AuditPolicy {
        yaml_serde::from_str(text).unwrap()
    }

    fn target(kind: &str, namespace: Option<&str>) -> Target {
        let (group, resource) = kind.split_once(':').unwrap_or(("", kind));
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        Target::Resource {
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: namespace.map(Name::from),
            name: None,
            names_folded: false,
        }
    }

    fn logs(policy: &AuditPolicy, user: &str, verb: &str, kind: &str) -> Shown {
        let about = |rule: &AuditRule| {
            let users = list(rule.users.as_ref());
            let named = users.is_empty() || users.iter().any(|have| &**have == user);
            let groups = list(rule.user_groups.as_ref()).is_empty();
            if named && groups { About::Yes } else { About::No }
        };
        policy.logs(&about, verb, &target(kind, None), true)
    }

    /// The form of the policy that Kubernetes' own scripts install
    /// (`cluster/gce/gci/configure-helper.sh`), shortened.
    const USUAL: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, users: ['system:kube-proxy'], verbs: [watch], resources: [{group: '', resources: [endpoints, services]}]}
- {level: None, userGroups: ['system:nodes'], verbs: [get], resources: [{group: '', resources: [nodes]}]}
- {level: None, nonResourceURLs: ['/healthz*', /version]}
- {level: None, resources: [{group: '', resources: [events]}]}
- {level: None, namespaces: [noise], verbs: [delete]}
- {level: Metadata, resources: [{group: '', resources: [secrets, configmaps]}]}
- {level: Request, verbs: [get, list, watch]}
- {level: RequestResponse}
";

    #[test]
    fn the_first_rule_that_matches_decides() {
        let policy = policy(USUAL);
        assert_eq!(policy.fault(), None);
        assert_eq!(logs(&policy, "ana", "get", "pods"), Shown::Yes);
        assert_eq!(logs(&policy, "ana", "watch", "endpoints"), Shown::Yes);
        assert_eq!(logs(&policy, "system:kube-proxy", "watch", "endpoints"), Shown::No);
        assert_eq!(logs(&policy, "ana", "create", "events"), Shown::No);
        // Of another group.
        assert_eq!(logs(&policy, "ana", "list", "events.k8s.io:events"), Shown::Yes);
        // In one namespace it would not be seen.
        assert_eq!(logs(&policy, "ana", "delete", "pods"), Shown::Partly);
        let about = |_: &AuditRule| About::Yes;
        for (path, logged) in [
            ("/healthz/etcd", Shown::No),
            ("/version", Shown::No),
            ("/version/x", Shown::Yes),
            ("/metrics", Shown::Yes),
        ] {
            assert_eq!(policy.logs(&about, "get", &Target::Path(path.into()), false), logged);
        }
    }

    #[test]
    fn of_what_a_star_stands_for_a_part_may_be_left_out() {
        let policy = policy(
            "{rules: [{level: None, verbs: [list], resources: [{group: apps}, {group: '', resources: [pods]}]}, \
             {level: None, verbs: [get], resources: [{group: '', resources: [events]}, \
             {group: events.k8s.io}]}, {level: Metadata}]}",
        );
        for (verb, kind, logged) in [
            ("list", "*:*", Shown::Partly),
            ("list", "*", Shown::Partly),
            ("list", "apps:*", Shown::No),
            ("list", "batch:*", Shown::Yes),
            ("list", "*:pods", Shown::Partly),
            ("list", "*:pods/log", Shown::Partly),
            ("list", "*/log", Shown::Yes),
            // Nearly all policies leave events out.
            ("get", "*:*", Shown::Yes),
            ("get", "*", Shown::Yes),
            ("get", "events", Shown::No),
        ] {
            assert_eq!(logs(&policy, "ana", verb, kind), logged, "{verb} {kind}");
        }
    }

    #[test]
    fn what_no_rule_matches_is_not_logged() {
        let policy = policy(
            "{rules: [{level: Metadata, verbs: [create, update]}, \
             {level: Metadata, resources: [{group: '', resources: [secrets, 'pods/*']}]}]}",
        );
        for (verb, kind, logged) in [
            ("create", "pods", Shown::Yes),
            ("get", "secrets", Shown::Yes),
            ("get", "pods", Shown::Yes),
            ("get", "pods/log", Shown::Yes),
            ("get", "secrets/x", Shown::No),
            ("get", "services", Shown::No),
            ("delete", "services", Shown::No),
        ] {
            assert_eq!(logs(&policy, "ana", verb, kind), logged, "{verb} {kind}");
        }
    }

    #[test]
    fn a_request_of_which_no_end_is_logged_is_not_logged() {
        let policy = policy("{omitStages: [ResponseComplete], rules: [{level: Metadata}]}");
        assert_eq!(logs(&policy, "ana", "get", "pods"), Shown::No);
        assert_eq!(AuditPolicy::default().fault().as_deref(), Some("it has no rules"));
        let other = self::policy("{kind: ConfigMap, rules: [{level: Metadata}]}");
        assert!(other.fault().unwrap().starts_with("it is a ConfigMap"));
        let odd = self::policy("{rules: [{level: metadata}]}");
        assert!(odd.fault().unwrap().starts_with("rule 1: the level is none of None"));
    }
}
