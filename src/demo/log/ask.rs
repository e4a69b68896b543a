//! What is asked of the API server, written the way kubectl writes it.

use crate::model::Name;
use crate::rbac::Action;

/// A request. Written `VERB RESOURCE[.GROUP][/SUBRESOURCE] NAMESPACE[/NAME] [CODE]`, the namespace
/// `-` for cluster-scoped and all-namespaces requests, or `VERB /PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ask {
    /// As the authorizer sees it.
    pub(super) verb: &'static str,
    /// `""` is core.
    pub(super) group: &'static str,
    /// Plural; empty for a path.
    pub(super) resource: &'static str,
    /// `""` for none.
    pub(super) subresource: &'static str,
    /// `""` for none.
    pub(super) namespace: &'static str,
    /// `""` for none.
    pub(super) name: &'static str,
    /// For a request of a path; else empty.
    pub(super) path: &'static str,
    /// What the server answers where the authorizer allows it.
    pub(super) code: u16,
}

impl Ask {
    /// Reads one.
    pub(super) fn new(text: &'static str) -> Self {
        let mut words = text.split(' ');
        let verb = words.next().unwrap_or_default();
        let what = words.next().unwrap_or_default();
        let place = words.next().unwrap_or_default();
        let code = words.next().and_then(|word| word.parse().ok());
        let (path, what) = if what.starts_with('/') { (what, "") } else { ("", what) };
        let (full, subresource) = what.split_once('/').unwrap_or((what, ""));
        let (resource, group) = full.split_once('.').unwrap_or((full, ""));
        let (namespace, name) = place.split_once('/').unwrap_or((place, ""));
        Self {
            verb,
            group,
            resource,
            subresource,
            namespace: if namespace == "-" { "" } else { namespace },
            name,
            path,
            code: code.unwrap_or(if verb == "create" { 201 } else { 200 }),
        }
    }

    /// What the authorizer sees: a plain create has its name in the body, which it never reads.
    pub(super) fn action(&self) -> Action<'static> {
        if self.resource.is_empty() {
            return Action::Path(self.path);
        }
        Action::Resource {
            group: self.group,
            resource: self.resource,
            subresource: self.subresource,
            namespace: self.namespace,
            name: if self.names_in_body() { "" } else { self.name },
        }
    }

    /// Whether the name is in the body of the request and not in its URL.
    pub(super) fn names_in_body(&self) -> bool {
        self.verb == "create" && self.subresource.is_empty()
    }

    /// Whether the request stays open, and is logged when it starts and when it ends.
    pub(super) fn stays_open(&self) -> bool {
        self.verb == "watch" || self.code == 101
    }

    /// The version under which the group's resources are asked for.
    pub(super) fn version(&self) -> &'static str {
        match self.group {
            "argoproj.io" => "v1alpha1",
            "metrics.k8s.io" => "v1beta1",
            "autoscaling" => "v2",
            _ => "v1",
        }
    }

    /// The request's URI, its query included.
    pub(super) fn uri(&self) -> String {
        if self.resource.is_empty() {
            return self.path.to_owned();
        }
        let version = self.version();
        let mut uri = match self.group {
            "" => format!("/api/{version}"),
            group => format!("/apis/{group}/{version}"),
        };
        // A namespace's own requests carry it as their namespace, but not in the path.
        if !self.namespace.is_empty() && self.resource != "namespaces" {
            uri.push_str("/namespaces/");
            uri.push_str(self.namespace);
        }
        let in_url = if self.names_in_body() { "" } else { self.name };
        for part in [self.resource, in_url, self.subresource] {
            if !part.is_empty() {
                uri.push('/');
                uri.push_str(part);
            }
        }
        uri.push_str(match (self.verb, self.subresource) {
            ("list", _) => "?limit=500",
            ("watch", _) => "?allowWatchBookmarks=true&timeoutSeconds=540&watch=true",
            ("patch", _) => "?fieldManager=kubectl-client-side-apply",
            ("get", "exec") => "?command=sh&container=app&stdin=true&stdout=true&tty=true",
            ("get", "log") => "?container=app&tailLines=200",
            _ => "",
        });
        uri
    }

    /// The words of a refusal (`responders.ForbiddenErrorReason` of the API server), for `user`.
    pub(super) fn refusal(&self, user: &str) -> String {
        if self.resource.is_empty() {
            return format!("forbidden: User {user:?} cannot {} path {:?}", self.verb, self.path);
        }
        let Self { verb, group, .. } = self;
        let resource = match self.subresource {
            "" => self.resource.to_owned(),
            sub => format!("{}/{sub}", self.resource),
        };
        let qualified = match *group {
            "" => self.resource.to_owned(),
            group => format!("{}.{group}", self.resource),
        };
        let name = if self.name.is_empty() || self.names_in_body() {
            String::new()
        } else {
            format!(" {:?}", self.name)
        };
        let scope = match self.namespace {
            "" => "at the cluster scope".to_owned(),
            ns => format!("in the namespace {ns:?}"),
        };
        format!(
            "{qualified}{name} is forbidden: User {user:?} cannot {verb} resource {resource:?} \
             in API group {group:?} {scope}"
        )
    }
}

/// Somebody in whose name a request is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct As {
    /// `Impersonate-User`.
    pub(super) user: Name,
    /// `Impersonate-Group`, and what the API server adds.
    pub(super) groups: Vec<Name>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ask_reads_as_kubectl_writes_it() {
        let ask = Ask::new("patch deployments.apps/scale shop/storefront");
        assert_eq!(
            ask.action(),
            Action::Resource {
                group: "apps",
                resource: "deployments",
                subresource: "scale",
                namespace: "shop",
                name: "storefront",
            }
        );
        assert_eq!(
            ask.uri(),
            "/apis/apps/v1/namespaces/shop/deployments/storefront/scale\
             ?fieldManager=kubectl-client-side-apply"
        );
        let create = Ask::new("create pods ci/job-1");
        assert!(matches!(create.action(), Action::Resource { name: "", .. }));
        assert_eq!((create.uri().as_str(), create.code), ("/api/v1/namespaces/ci/pods", 201));
        assert_eq!(Ask::new("list nodes -").uri(), "/api/v1/nodes?limit=500");
        assert_eq!(Ask::new("get namespaces shop/shop").uri(), "/api/v1/namespaces/shop");
        assert_eq!(Ask::new("get /livez").action(), Action::Path("/livez"));
    }
}
