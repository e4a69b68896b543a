//! What was asked, from `methodName` and `resourceName`.

use std::borrow::Cow;

/// What an entry asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A path; the verb is empty where the entry does not say it.
    Path { verb: &'a str, path: String },
    /// A resource; what is not there is empty.
    Resource {
        verb: &'a str,
        group: Cow<'a, str>,
        version: &'a str,
        resource: &'a str,
        subresource: &'a str,
        namespace: &'a str,
        name: &'a str,
    },
}

impl Asked<'_> {
    /// Whether it makes the object where there is none.
    pub fn may_create(&self) -> bool {
        matches!(self, Self::Resource { verb: "patch" | "update", subresource: "", .. })
    }
}

/// Verbs of resource requests.
const VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];
/// Verbs of paths, beside `get`, `patch` and `delete`.
const METHODS: [&str; 5] = ["post", "put", "head", "options", "connect"];

/// `io.k8s.core.v1.pods.exec.create` with `core/v1/namespaces/shop/pods/p/exec/p`.
pub fn asked<'a>(method: &'a str, resource: &'a str) -> Asked<'a> {
    let (before, last) = method.rsplit_once('.').unwrap_or(("", method));
    let known = VERBS.contains(&last) || METHODS.contains(&last);
    let verb = if known { last } else { "" };
    let method_parts = if known { before } else { method };
    let called = Called::of(method_parts);
    let parts: Vec<&str> = resource.trim_matches('/').split('/').collect();
    let versioned = parts.len() >= 3 && is_version(parts[1]);
    match called {
        // A method without a version names no resource, whatever the path looks like.
        None if method.starts_with("io.k8s.") => {
            let path = if resource.is_empty() && !known { last } else { resource };
            Asked::Path { verb, path: rooted(path) }
        }
        _ if versioned => from_resource(verb, &parts),
        Some(called) if resource.is_empty() => called.into_asked(verb),
        _ => Asked::Path { verb, path: rooted(resource) },
    }
}

fn rooted(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}

/// `v1`, `v2beta1`.
fn is_version(part: &str) -> bool {
    let Some(rest) = part.strip_prefix('v') else { return false };
    let word = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let stage = word.trim_end_matches(|c: char| c.is_ascii_digit());
    rest.len() > word.len() && matches!(stage, "" | "alpha" | "beta")
}

/// `g/v/res[/name[/sub…]]`, `g/v/namespaces/NS/res[/name[/sub…]]`, `core/v1/namespaces/NS[/sub]`.
fn from_resource<'a>(verb: &'a str, parts: &[&'a str]) -> Asked<'a> {
    let at = |index: usize| parts.get(index).copied().unwrap_or_default();
    let group = if at(0) == "core" { "" } else { at(0) };
    let inside = at(2) == "namespaces" && parts.len() > 4;
    let own = group.is_empty() && matches!(at(4), "status" | "finalize");
    let (namespace, from) = match (inside && !own, at(2) == "namespaces" && group.is_empty()) {
        (true, _) => (at(3), 4),
        // Of the requests for a namespace itself those that name it in their URL are in it.
        (false, true) if !matches!(verb, "create" | "list" | "watch" | "deletecollection") => {
            (at(3), 2)
        }
        _ => ("", 2),
    };
    Asked::Resource {
        verb,
        group: group.into(),
        version: at(1),
        resource: at(from),
        subresource: at(from + 2),
        namespace,
        name: at(from + 1),
    }
}

/// What a method says without its verb.
struct Called<'a> {
    group: Cow<'a, str>,
    version: &'a str,
    resource: &'a str,
    subresource: &'a str,
}

/// Groups of Kubernetes whose names have no dot.
const BARE: [&str; 6] = ["apps", "autoscaling", "batch", "extensions", "policy", "componentconfig"];

impl<'a> Called<'a> {
    /// `io.k8s.authorization.rbac.v1.clusterroles`: the group backwards, `io.k8s` first.
    fn of(method: &'a str) -> Option<Self> {
        let parts: Vec<&str> = method.split('.').collect();
        let at = parts.iter().position(|part| is_version(part))?;
        let own = parts.starts_with(&["io", "k8s"]);
        let group = match parts.get(if own { 2 } else { 0 }..at)? {
            [] | ["core"] => Cow::Borrowed(""),
            [one] if own && BARE.contains(one) => Cow::Borrowed(*one),
            words => {
                let mut words: Vec<&str> = words.iter().rev().copied().collect();
                if own {
                    words.extend(["k8s", "io"]);
                }
                words.join(".").into()
            }
        };
        Some(Self {
            group,
            version: parts[at],
            resource: parts.get(at + 1).copied()?,
            subresource: parts.get(at + 2).copied().unwrap_or_default(),
        })
    }

    /// Without the name and the namespace, which the method has not.
    fn into_asked(self, verb: &'a str) -> Asked<'a> {
        let Self { group, version, resource, subresource } = self;
        Asked::Resource { verb, group, version, resource, subresource, namespace: "", name: "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(method: &str, resource: &str) -> [String; 7] {
        match asked(method, resource) {
            Asked::Resource { verb, group, version, resource, subresource, namespace, name } => {
                [verb, &group, version, resource, subresource, namespace, name].map(str::to_owned)
            }
            Asked::Path { verb, path } => panic!("{verb} {path}"),
        }
    }

    #[test]
    fn resources_are_taken_from_the_resource_name() {
        for (method, resource, expected) in [
            ("io.k8s.core.v1.pods.list", "core/v1/pods", ["list", "", "v1", "pods", "", "", ""]),
            (
                "io.k8s.core.v1.pods.list",
                "core/v1/namespaces/shop/pods",
                ["list", "", "v1", "pods", "", "shop", ""],
            ),
            (
                "io.k8s.core.v1.pods.exec.create",
                "core/v1/namespaces/shop/pods/p/exec/p",
                ["create", "", "v1", "pods", "exec", "shop", "p"],
            ),
            (
                "io.k8s.core.v1.nodes.proxy.get",
                "core/v1/nodes/n1/proxy/metrics/cadvisor",
                ["get", "", "v1", "nodes", "proxy", "", "n1"],
            ),
            (
                "io.k8s.core.v1.namespaces.get",
                "core/v1/namespaces/shop",
                ["get", "", "v1", "namespaces", "", "shop", "shop"],
            ),
            (
                "io.k8s.core.v1.namespaces.create",
                "core/v1/namespaces/shop",
                ["create", "", "v1", "namespaces", "", "", "shop"],
            ),
            (
                "io.k8s.core.v1.namespaces.finalize.update",
                "core/v1/namespaces/shop/finalize",
                ["update", "", "v1", "namespaces", "finalize", "shop", "shop"],
            ),
            (
                "io.k8s.core.v1.namespaces.list",
                "core/v1/namespaces",
                ["list", "", "v1", "namespaces", "", "", ""],
            ),
            (
                "io.k8s.authorization.rbac.v1.clusterroles.create",
                "rbac.authorization.k8s.io/v1/clusterroles/x",
                ["create", "rbac.authorization.k8s.io", "v1", "clusterroles", "", "", "x"],
            ),
            (
                "io.k8s.rbac.v1.roles.update",
                "rbac.authorization.k8s.io/v1/namespaces/a/roles/r",
                ["update", "rbac.authorization.k8s.io", "v1", "roles", "", "a", "r"],
            ),
            (
                "io.k8s.apps.v1.deployments.scale.patch",
                "apps/v1/namespaces/shop/deployments/web/scale",
                ["patch", "apps", "v1", "deployments", "scale", "shop", "web"],
            ),
            (
                "com.example.widgets.v1beta2.things.list",
                "widgets.example.com/v1beta2/things",
                ["list", "widgets.example.com", "v1beta2", "things", "", "", ""],
            ),
        ] {
            assert_eq!(parts(method, resource), expected.map(str::to_owned), "{method}");
        }
    }

    #[test]
    fn without_a_resource_name_the_method_tells_what_it_can() {
        for (method, group, resource, subresource) in [
            ("io.k8s.core.v1.pods.exec.create", "", "pods", "exec"),
            ("io.k8s.apps.v1.deployments.list", "apps", "deployments", ""),
            ("io.k8s.coordination.v1.leases.get", "coordination.k8s.io", "leases", ""),
            (
                "io.k8s.authorization.rbac.v1.clusterroles.create",
                "rbac.authorization.k8s.io",
                "clusterroles",
                "",
            ),
            (
                "io.k8s.networking.gateway.v1.gateways.list",
                "gateway.networking.k8s.io",
                "gateways",
                "",
            ),
            ("com.example.widgets.v1.things.list", "widgets.example.com", "things", ""),
        ] {
            let found = parts(method, "");
            let found = [&*found[1], &*found[3], &*found[4]];
            assert_eq!(found, [group, resource, subresource], "{method}");
        }
    }

    #[test]
    fn paths_are_told_by_the_method() {
        for (method, resource, verb, path) in [
            ("io.k8s.get", "readyz", "get", "/readyz"),
            ("io.k8s.get", "openapi/v3/api/v1", "get", "/openapi/v3/api/v1"),
            ("io.k8s.get", "/apis/apps/v1", "get", "/apis/apps/v1"),
            ("io.k8s.post", "HNAP1", "post", "/HNAP1"),
            ("io.k8s.readyz", "", "", "/readyz"),
            ("io.k8s.get", "", "get", "/"),
            ("", "healthz", "", "/healthz"),
        ] {
            let expected = Asked::Path { verb, path: path.to_owned() };
            assert_eq!(asked(method, resource), expected, "{method}");
        }
    }
}
