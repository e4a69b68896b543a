//! `FlowSchemas` and `PriorityLevelConfigurations`: which requests wait for whom. Matching follows
//! `k8s.io/apiserver/pkg/util/flowcontrol/rule.go`.

use serde::{Deserialize, Serialize};

use super::object::null_default;
use super::{Call, Identity, Name, SubjectKind, Target};

/// `flowcontrol.apiserver.k8s.io/v1 FlowSchemaSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlowSchemaSpec {
    /// The level at which what it matches is served.
    #[serde(deserialize_with = "null_default")]
    pub priority_level_configuration: LevelReference,
    /// The least of those that match counts; 0 where no API server filled it out.
    #[serde(deserialize_with = "null_default")]
    pub matching_precedence: i64,
    /// What tells the flows apart that wait beside each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distinguisher_method: Option<Distinguisher>,
    /// It matches what one of these matches.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<FlowRule>,
}

/// The name of a `PriorityLevelConfiguration`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct LevelReference {
    /// What it is called.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
}

/// `FlowDistinguisherMethod`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Distinguisher {
    /// `ByUser` or `ByNamespace`.
    #[serde(rename = "type", deserialize_with = "null_default")]
    pub type_: Name,
}

/// `PolicyRulesWithSubjects`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlowRule {
    /// Whose requests.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<FlowSubject>,
    /// Which, of resources.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub resource_rules: Vec<FlowResources>,
    /// Which, of paths.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub non_resource_rules: Vec<FlowPaths>,
}

/// One kind of subject with its name: the others are not there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlowSubject {
    /// `User`, `Group` or `ServiceAccount`.
    #[serde(deserialize_with = "null_default")]
    pub kind: Name,
    /// A user; `*` is everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<FlowName>,
    /// A group; `*` is everybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<FlowName>,
    /// An account; `*` is every one of the namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account: Option<FlowName>,
}

/// A name, for accounts with a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowName {
    /// Where an account is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// What it is called.
    #[serde(deserialize_with = "null_default")]
    pub name: Name,
}

/// `ResourcePolicyRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlowResources {
    /// Verbs, or `*`.
    #[serde(deserialize_with = "null_default")]
    pub verbs: Vec<Name>,
    /// API groups, or `*`.
    #[serde(deserialize_with = "null_default")]
    pub api_groups: Vec<Name>,
    /// Resources, with a slash and the subresource where there is one, or `*`.
    #[serde(deserialize_with = "null_default")]
    pub resources: Vec<Name>,
    /// Whether requests without a namespace are matched.
    #[serde(deserialize_with = "null_default")]
    pub cluster_scope: bool,
    /// Namespaces, or `*`.
    #[serde(deserialize_with = "null_default")]
    pub namespaces: Vec<Name>,
}

/// `NonResourcePolicyRule`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FlowPaths {
    /// Verbs, or `*`.
    #[serde(deserialize_with = "null_default")]
    pub verbs: Vec<Name>,
    /// Paths; each is also everything below it. Or `*`.
    #[serde(rename = "nonResourceURLs", deserialize_with = "null_default")]
    pub non_resource_urls: Vec<Name>,
}

/// `PriorityLevelConfigurationSpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PriorityLevelSpec {
    /// `Exempt` or `Limited`.
    #[serde(rename = "type", deserialize_with = "null_default")]
    pub type_: Name,
    /// Of one that is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limited: Option<Concurrency>,
    /// Of one that is exempt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exempt: Option<Concurrency>,
}

/// What of the API server's concurrency a level has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Concurrency {
    /// Its part of all levels' shares.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nominal_concurrency_shares: Option<u64>,
}

impl PriorityLevelSpec {
    /// Whether nothing there ever waits or is rejected.
    pub fn is_exempt(&self) -> bool {
        &*self.type_ == "Exempt"
    }

    /// Its part of all levels' shares (`pkg/apis/flowcontrol/v1/defaults.go`).
    pub fn shares(&self) -> u64 {
        if self.is_exempt() {
            return self.exempt.and_then(|of| of.nominal_concurrency_shares).unwrap_or(0);
        }
        self.limited.and_then(|of| of.nominal_concurrency_shares).unwrap_or(30)
    }
}

/// What is known of a request, from its call and who is asked for (impersonation comes before).
#[derive(Clone, Copy, Debug)]
pub struct FlowRequest<'a> {
    /// Whose rights.
    pub who: &'a Identity,
    /// In which groups.
    pub groups: &'a [Name],
    /// What.
    pub call: &'a Call,
}

impl FlowRequest<'_> {
    /// Whether it may go on for long, and is no watch: such requests are of no `FlowSchema`, nothing
    /// limits how many there are (`WithPriorityAndFairness`; which they are, the API server's
    /// `LongRunningFunc` says).
    pub fn is_unlimited(&self) -> bool {
        let Call { verb, target, .. } = self.call;
        match target {
            _ if &**verb == "watch" => false,
            Target::Resource { subresource, .. } => {
                &**verb == "proxy"
                    || matches!(&**subresource, "attach" | "exec" | "log" | "portforward" | "proxy")
            }
            Target::Path(path) => path.starts_with("/debug/pprof/"),
            Target::Paths | Target::Folded => false,
        }
    }
}

impl FlowSchemaSpec {
    /// Whether it matches; None where too little of the request is known.
    pub fn matches(&self, request: FlowRequest<'_>) -> Option<bool> {
        any(self.rules.iter().map(|rule| rule.matches(request)))
    }
}

/// Yes if one is, no if all are not, else not known.
fn any(all: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut found = Some(false);
    for one in all {
        match one {
            Some(true) => return one,
            Some(false) => {}
            None => found = None,
        }
    }
    found
}

impl FlowRule {
    fn matches(&self, request: FlowRequest<'_>) -> Option<bool> {
        if !self.subjects.iter().any(|subject| subject.matches(request.who, request.groups)) {
            return Some(false);
        }
        let call = request.call;
        let by_resources = |call| any(self.resource_rules.iter().map(|rule| rule.matches(call)));
        let by_paths = |call| any(self.non_resource_rules.iter().map(|rule| rule.matches(call)));
        match &call.target {
            Target::Resource { .. } => by_resources(call),
            Target::Path(_) | Target::Paths => by_paths(call),
            // It may be either.
            Target::Folded => match (by_resources(call), by_paths(call)) {
                (one, other) if one == other => one,
                _ => None,
            },
        }
    }
}

impl FlowSubject {
    fn matches(&self, who: &Identity, groups: &[Name]) -> bool {
        let of = |name: &Option<FlowName>, fits: &dyn Fn(&FlowName) -> bool| {
            name.as_ref().is_some_and(fits)
        };
        match &*self.kind {
            "User" => of(&self.user, &|user| {
                &*user.name == "*" || who.user_name().is_some_and(|name| name == user.name)
            }),
            "Group" => {
                of(&self.group, &|group| &*group.name == "*" || groups.contains(&group.name))
            }
            "ServiceAccount" => of(&self.service_account, &|account| {
                who.kind == SubjectKind::ServiceAccount
                    && account.namespace.as_deref().unwrap_or_default()
                        == who.namespace.as_deref().unwrap_or_default()
                    && (&*account.name == "*" || account.name == who.name)
            }),
            _ => false,
        }
    }
}

/// One of them, or the one word that stands for all.
fn among(text: &str, list: &[Name]) -> bool {
    matches!(list, [all] if &**all == "*") || list.iter().any(|one| &**one == text)
}

fn is_all(list: &[Name]) -> bool {
    among("*", list)
}

impl FlowResources {
    fn matches(&self, call: &Call) -> Option<bool> {
        let Target::Resource { group, resource, subresource, namespace, .. } = &call.target else {
            let all = [&self.verbs, &self.api_groups, &self.resources, &self.namespaces];
            return (self.cluster_scope && all.iter().all(|list| is_all(list))).then_some(true);
        };
        let joined = match &**subresource {
            "" => resource.to_string(),
            subresource => format!("{resource}/{subresource}"),
        };
        let placed = match namespace.as_deref().filter(|namespace| !namespace.is_empty()) {
            None => self.cluster_scope,
            Some(namespace) => among(namespace, &self.namespaces),
        };
        Some(
            placed
                && among(&call.verb, &self.verbs)
                && among(&joined, &self.resources)
                && among(group, &self.api_groups),
        )
    }
}

impl FlowPaths {
    fn matches(&self, call: &Call) -> Option<bool> {
        let every_path = self.non_resource_urls.iter().any(|url| &**url == "*");
        match &call.target {
            Target::Path(path) => {
                let fits = self.non_resource_urls.iter().any(|url| is_below(url, path));
                Some(among(&call.verb, &self.verbs) && fits)
            }
            Target::Paths if !among(&call.verb, &self.verbs) => Some(false),
            Target::Paths => every_path.then_some(true),
            Target::Folded | Target::Resource { .. } => {
                (every_path && is_all(&self.verbs)).then_some(true)
            }
        }
    }
}

fn is_below(url: &str, path: &str) -> bool {
    if url == "*" || url == path {
        return true;
    }
    let prefix = url.strip_suffix('*').unwrap_or(url);
    let below = path.strip_prefix(prefix);
    below.is_some_and(|rest| prefix.ends_with('/') || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::Implied;

    fn spec(rule: &Value) -> FlowSchemaSpec {
        serde_json::from_value(json!({"matchingPrecedence": 5, "rules": [rule],
            "priorityLevelConfiguration": {"name": "x"}}))
        .unwrap()
    }

    fn resource(verb: &str, what: [&str; 4]) -> Call {
        let [group, resource, subresource, namespace] = what.map(Name::from);
        let namespace = Some(namespace).filter(|namespace| !namespace.is_empty());
        let (name, names_folded) = (None, false);
        let target =
            Target::Resource { group, resource, subresource, namespace, name, names_folded };
        Call { verb: verb.into(), target, implied: Implied::Nothing }
    }

    fn path(verb: &str, path: &str) -> Call {
        Call { verb: verb.into(), target: Target::Path(path.into()), implied: Implied::Nothing }
    }

    fn matches(rule: &Value, who: &str, call: &Call) -> Option<bool> {
        let who: Identity = who.parse().unwrap();
        let groups = [Name::from("devs")];
        spec(rule).matches(FlowRequest { who: &who, groups: &groups, call })
    }

    #[test]
    fn subjects_are_matched_by_kind_and_name() {
        let all = json!([{"verbs": ["*"], "nonResourceURLs": ["*"]}]);
        let of = |subject: Value, who: &str| {
            let rule = json!({"subjects": [subject], "nonResourceRules": all});
            matches(&rule, who, &path("get", "/version")).unwrap()
        };
        let user = |name: &str| json!({"kind": "User", "user": {"name": name}});
        let group = |name: &str| json!({"kind": "Group", "group": {"name": name}});
        let account = |ns: &str, name: &str| {
            json!({"kind": "ServiceAccount",
                "serviceAccount": {"namespace": ns, "name": name}})
        };
        for (subject, who, expected) in [
            (user("ana"), "user:ana", true),
            (user("ana"), "user:bob", false),
            (user("*"), "sa:a/x", true),
            (user("system:serviceaccount:a:x"), "sa:a/x", true),
            (group("devs"), "user:ana", true),
            (group("ops"), "user:ana", false),
            (group("*"), "user:ana", true),
            (account("a", "x"), "sa:a/x", true),
            (account("a", "*"), "sa:a/y", true),
            (account("b", "*"), "sa:a/x", false),
            (account("*", "*"), "sa:a/x", false),
            (account("a", "x"), "user:x", false),
            (json!({"kind": "User", "group": {"name": "devs"}}), "user:ana", false),
        ] {
            assert_eq!(of(subject.clone(), who), expected, "{subject} {who}");
        }
    }

    #[test]
    fn resources_are_matched_with_their_subresource_and_place() {
        let subjects = json!([{"kind": "Group", "group": {"name": "devs"}}]);
        let of = |rule: Value, verb: &str, what: [&str; 4]| {
            let rule = json!({"subjects": subjects, "resourceRules": [rule]});
            matches(&rule, "user:ana", &resource(verb, what)).unwrap()
        };
        let rule = |resources: &[&str], cluster: bool, namespaces: &[&str]| {
            json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": resources,
                "clusterScope": cluster, "namespaces": namespaces})
        };
        let pods = || rule(&["pods", "pods/log"], false, &["a"]);
        assert!(of(pods(), "get", ["", "pods", "", "a"]));
        assert!(of(pods(), "get", ["", "pods", "log", "a"]));
        assert!(!of(pods(), "get", ["", "pods", "exec", "a"]));
        assert!(!of(pods(), "create", ["", "pods", "", "a"]));
        assert!(!of(pods(), "get", ["apps", "pods", "", "a"]));
        assert!(!of(pods(), "get", ["", "pods", "", "b"]));
        // Everywhere is no namespace.
        assert!(!of(rule(&["*"], false, &["*"]), "list", ["", "pods", "", ""]));
        assert!(of(rule(&["*"], true, &[]), "list", ["", "nodes", "status", ""]));
        assert!(of(rule(&["*"], false, &["*"]), "list", ["", "pods", "x", "b"]));
        // A star among others is a name.
        assert!(!of(rule(&["pods", "*"], true, &[]), "list", ["", "nodes", "", ""]));
    }

    #[test]
    fn paths_are_matched_with_what_is_below_them() {
        let of = |urls: &[&str], verb: &str, asked: &str| {
            let rule = json!({"subjects": [{"kind": "User", "user": {"name": "*"}}],
                "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": urls}]});
            matches(&rule, "user:ana", &path(verb, asked)).unwrap()
        };
        assert!(of(&["/healthz"], "get", "/healthz"));
        assert!(of(&["/healthz"], "get", "/healthz/ping"));
        assert!(!of(&["/healthz"], "get", "/healthzz"));
        assert!(of(&["/apis/*"], "get", "/apis/apps/v1"));
        assert!(!of(&["/apis/*"], "get", "/apis"));
        assert!(of(&["*"], "get", "/anything"));
        assert!(!of(&["*"], "post", "/anything"));
    }

    #[test]
    fn what_was_folded_away_matches_only_what_matches_everything() {
        let everything = json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"],
            "clusterScope": true, "namespaces": ["*"]});
        let paths = json!({"verbs": ["*"], "nonResourceURLs": ["*"]});
        let of = |subject: &str, resources: &[&Value], paths: &[&Value], target: Target| {
            let rule = json!({"subjects": [{"kind": "User", "user": {"name": subject}}],
                "resourceRules": resources, "nonResourceRules": paths});
            let call = Call { verb: "get".into(), target, implied: Implied::Nothing };
            matches(&rule, "user:ana", &call)
        };
        assert_eq!(of("*", &[&everything], &[&paths], Target::Folded), Some(true));
        assert_eq!(of("*", &[&everything], &[], Target::Folded), None);
        assert_eq!(of("bob", &[&everything], &[], Target::Folded), Some(false));
        assert_eq!(of("*", &[], &[], Target::Folded), Some(false));
        assert_eq!(of("*", &[], &[&paths], Target::Paths), Some(true));
        let health = json!({"verbs": ["get"], "nonResourceURLs": ["/healthz"]});
        assert_eq!(of("*", &[], &[&health], Target::Paths), None);
        assert_eq!(of("*", &[&everything], &[], Target::Paths), Some(false));
    }

    #[test]
    fn a_level_has_its_shares() {
        let of = |level: Value| {
            let level: PriorityLevelSpec = serde_json::from_value(level).unwrap();
            (level.is_exempt(), level.shares())
        };
        let limited = |shares: Value| json!({"type": "Limited", "limited": shares});
        assert_eq!(of(limited(json!({"nominalConcurrencyShares": 20}))), (false, 20));
        assert_eq!(of(limited(json!({"nominalConcurrencyShares": 0}))), (false, 0));
        assert_eq!(of(limited(json!({}))), (false, 30));
        assert_eq!(of(json!({"type": "Exempt"})), (true, 0));
    }
}
