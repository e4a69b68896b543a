//! The authorizer's verb of an HTTP request.

use std::borrow::Cow;

use super::asked::{Asked, asked, decode_path, query_value, split_uri};

/// The verb of a request for `uri`, which may be one already
/// (`k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`).
pub fn verb_of<'a>(method: &'a str, uri: &str) -> Cow<'a, str> {
    if method.is_empty() || method.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Cow::Borrowed(method);
    }
    let (path, query) = split_uri(uri);
    let path = decode_path(path);
    let Asked::Resource { name, .. } = asked(&path) else {
        return method.to_ascii_lowercase().into();
    };
    let watched = path.trim_start_matches('/').split('/').any(|part| part == "watch")
        || query_value(query, "watch").is_some_and(|value| is_true(&value));
    Cow::Borrowed(match method {
        "POST" => "create",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" if name.is_empty() => "deletecollection",
        "DELETE" => "delete",
        "GET" | "HEAD" if name.is_empty() && watched => "watch",
        "GET" | "HEAD" if name.is_empty() => "list",
        "GET" | "HEAD" => "get",
        _ => "",
    })
}

/// As the server's own conversion has it: everything but these is true.
fn is_true(value: &str) -> bool {
    !matches!(value.to_ascii_lowercase().as_str(), "false" | "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_are_the_authorizers() {
        for (method, uri, verb) in [
            ("GET", "/api/v1/namespaces/a/pods/p", "get"),
            ("HEAD", "/api/v1/namespaces/a/pods/p", "get"),
            ("GET", "/api/v1/namespaces/a/pods", "list"),
            ("GET", "/api/v1/pods?limit=5&watch=1", "watch"),
            ("GET", "/api/v1/pods?watch", "watch"),
            ("GET", "/api/v1/pods?watch=false", "list"),
            ("GET", "/api/v1/watch/pods", "watch"),
            ("POST", "/api/v1/namespaces/a/pods", "create"),
            ("PUT", "/api/v1/nodes/n", "update"),
            ("PATCH", "/api/v1/nodes/n/status", "patch"),
            ("DELETE", "/api/v1/nodes/n", "delete"),
            ("DELETE", "/api/v1/nodes", "deletecollection"),
            ("GET", "/healthz?verbose", "get"),
            ("POST", "/metrics", "post"),
            ("PROPFIND", "/api/v1/pods", ""),
            ("list", "/api/v1/pods", "list"),
            ("", "/api/v1/pods", ""),
        ] {
            assert_eq!(verb_of(method, uri), verb, "{method} {uri}");
        }
    }
}
