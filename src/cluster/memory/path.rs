//! API paths, taken apart.

use crate::cluster::Source;
use crate::model::ListKind;

/// Kinds that no list of a snapshot reads, by group, version and resource.
const OTHERS: [(&str, &str, &str, &str, bool); 5] = [
    ("", "v1", "replicationcontrollers", "ReplicationController", true),
    ("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", true),
    (
        "admissionregistration.k8s.io",
        "v1",
        "validatingwebhookconfigurations",
        "ValidatingWebhookConfiguration",
        false,
    ),
    (
        "admissionregistration.k8s.io",
        "v1",
        "mutatingwebhookconfigurations",
        "MutatingWebhookConfiguration",
        false,
    ),
    ("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", false),
];

/// What an API path names: an object, or a collection where there is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) resource: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
}

impl Target {
    /// Takes a path apart; None where no such thing is served.
    pub(super) fn of(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, resource, name) = match rest {
            ["namespaces", namespace, resource] => (Some(*namespace), *resource, None),
            ["namespaces", namespace, resource, name] => (Some(*namespace), *resource, Some(*name)),
            [resource] => (None, *resource, None),
            [resource, name] => (None, *resource, Some(*name)),
            _ => return None,
        };
        let (group, version, resource, kind, namespaced) = served()
            .find(|served| served.0 == group && served.1 == version && served.2 == resource)?;
        // An object in a namespace has one in its path, others have none.
        if namespaced != namespace.is_some() && (namespace.is_some() || name.is_some()) {
            return None;
        }
        Some(Self {
            group,
            version,
            resource,
            kind,
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
        })
    }

    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `roles.rbac.authorization.k8s.io "NAME"`, as the API server names what it refuses.
    pub(super) fn named(&self, name: &str) -> String {
        format!("{} {name:?}", qualified(self.group, self.resource))
    }
}

/// `roles.rbac.authorization.k8s.io`.
pub(super) fn qualified(group: &str, resource: &str) -> String {
    if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") }
}

type Served = (&'static str, &'static str, &'static str, &'static str, bool);

/// Everything that can be read and written by path.
pub(super) fn served() -> impl Iterator<Item = Served> {
    ListKind::ALL
        .into_iter()
        .flat_map(Source::of)
        .map(|it| (it.group, it.version, it.resource, it.kind, it.namespaced))
        .chain(OTHERS)
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn paths_name_objects_and_collections() {
        let target = Target::of("/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/b");
        let target = target.expect("a binding");
        assert_eq!(
            (target.kind, target.namespace.as_deref(), target.name.as_deref()),
            ("RoleBinding", Some("a"), Some("b"))
        );
        let all = Target::of("/api/v1/namespaces").expect("a collection");
        assert_eq!((all.kind, all.name), ("Namespace", None));
        let one = Target::of("/api/v1/namespaces/a").expect("a namespace");
        assert_eq!((one.kind, one.name.as_deref(), one.namespace), ("Namespace", Some("a"), None));
        for path in ["/", "/api/v1", "/api/v2/pods", "/api/v1/pods/a", "/version"] {
            assert_eq!(Target::of(path), None, "{path}");
        }
    }
}
