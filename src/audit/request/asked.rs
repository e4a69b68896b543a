//! What a request asked for, as the authorizer saw it.
//!
//! The log's `objectRef` is not that: its name, and for oddities its namespace, are filled in from
//! the body once the request is authorized (`k8s.io/apiserver/pkg/audit/request.go
//! LogRequestObject`). The URI is: this follows `pkg/endpoints/request/requestinfo.go`.

use std::borrow::Cow;

/// What the authorizer was asked, without verb and user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked<'a> {
    /// A resource; `""` stands for nothing, as there.
    Resource {
        group: &'a str,
        resource: &'a str,
        subresource: &'a str,
        namespace: &'a str,
        name: &'a str,
    },
    /// A path.
    Path(&'a str),
}

/// `objectRef`, as far as it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectRef {
    pub api_group: Option<String>,
    pub api_version: Option<String>,
    pub resource: Option<String>,
    pub subresource: Option<String>,
    pub namespace: Option<String>,
    pub name: Option<String>,
}

impl ObjectRef {
    /// What was asked, where the URI cannot tell: without the names that come from bodies.
    pub fn asked(&self, verb: &str) -> Asked<'_> {
        let subresource = self.subresource.as_deref().unwrap_or_default();
        let named = match verb {
            "create" => !subresource.is_empty(),
            "deletecollection" => false,
            _ => true,
        };
        Asked::Resource {
            group: self.group(),
            resource: self.resource.as_deref().unwrap_or_default(),
            subresource,
            namespace: self.namespace.as_deref().unwrap_or_default(),
            name: self.name.as_deref().filter(|_| named).unwrap_or_default(),
        }
    }

    /// v1alpha1 wrote group and version together.
    fn group(&self) -> &str {
        match (self.api_group.as_deref(), self.api_version.as_deref()) {
            (Some(group), _) => group,
            (None, Some(version)) => version.split_once('/').map_or("", |(group, _)| group),
            (None, None) => "",
        }
    }
}

/// Path and query of a request URI, still encoded.
pub fn split_uri(uri: &str) -> (&str, &str) {
    let at = memchr::memchr(b'?', uri.as_bytes());
    at.map_or((uri, ""), |at| (&uri[..at], &uri[at + 1..]))
}

/// A path as the server decodes it. What is no encoding stays as it is.
pub fn decode_path(path: &str) -> Cow<'_, str> {
    decode(path, false)
}

fn decode(text: &str, plus_is_space: bool) -> Cow<'_, str> {
    let second = if plus_is_space { b'+' } else { b'%' };
    if memchr::memchr2(b'%', second, text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut bytes = text.as_bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some((byte, rest)) = bytes.split_first() {
        bytes = rest;
        match (*byte, hex(rest)) {
            (b'%', Some(decoded)) => {
                out.push(decoded);
                bytes = &rest[2..];
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    match String::from_utf8(out) {
        Ok(text) => Cow::Owned(text),
        Err(bad) => Cow::Owned(String::from_utf8_lossy(bad.as_bytes()).into_owned()),
    }
}

fn hex(bytes: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// What a decoded path asks for.
pub fn asked(path: &str) -> Asked<'_> {
    resource(path).unwrap_or(Asked::Path(path))
}

fn resource(path: &str) -> Option<Asked<'_>> {
    let mut parts = Parts::of(path.trim_matches('/'));
    let mut group = "";
    match parts.next()? {
        "api" => {}
        "apis" => group = parts.next()?,
        _ => return None,
    }
    parts.next()?;
    let mut first = parts.next()?;
    let mut subresources = true;
    if matches!(first, "watch" | "proxy") {
        subresources = first == "watch";
        first = parts.next()?;
    }
    let mut namespace = "";
    if first == "namespaces"
        && let Some(inside) = parts.next()
    {
        namespace = inside;
        match parts.next() {
            after @ (Some("status" | "finalize") | None) => {
                let subresource = after.filter(|_| subresources).unwrap_or_default();
                let (resource, name) = (first, inside);
                return Some(Asked::Resource { group, resource, subresource, namespace, name });
            }
            Some(after) => first = after,
        }
    }
    let name = parts.next().unwrap_or_default();
    let subresource = parts.next().filter(|_| subresources).unwrap_or_default();
    Some(Asked::Resource { group, resource: first, subresource, namespace, name })
}

/// The parts of a path; an empty path has none.
struct Parts<'a> {
    path: &'a str,
    slashes: memchr::Memchr<'a>,
    /// Where the next part begins.
    at: Option<usize>,
}

impl<'a> Parts<'a> {
    fn of(path: &'a str) -> Self {
        let slashes = memchr::memchr_iter(b'/', path.as_bytes());
        Self { path, slashes, at: (!path.is_empty()).then_some(0) }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let from = self.at?;
        let slash = self.slashes.next();
        self.at = slash.map(|slash| slash + 1);
        Some(&self.path[from..slash.unwrap_or(self.path.len())])
    }
}

/// The first value of a key of a query, decoded.
pub fn query_value<'a>(query: &'a str, word: &str) -> Option<Cow<'a, str>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is = key == word || (key.contains(['%', '+']) && decode(key, true) == word);
        (is && !pair.contains(';')).then(|| decode(value, true))
    })
}

/// The name that a list or watch asks for by `fieldSelector=metadata.name=x`, as the server finds
/// it: none where the selector, or a number beside it, cannot be read.
pub fn selected_name(query: &str) -> Option<String> {
    let selector = query_value(query, "fieldSelector")?;
    for number in ["limit", "timeoutSeconds"] {
        if query_value(query, number).is_some_and(|value| value.parse::<i64>().is_err()) {
            return None;
        }
    }
    let mut found = None;
    for term in terms(&selector) {
        let (field, equal, value) = operator(&term)?;
        let value = unescape(value)?;
        if found.is_none() && equal && field == "metadata.name" {
            found = Some(value);
        }
    }
    let allowed = |name: &String| {
        !matches!(&**name, "" | "." | "..") && !name.contains('/') && !name.contains('%')
    };
    found.filter(allowed)
}

/// Whether a list or watch of Secrets selects none that hold tokens of accounts: those that Helm keeps its
/// releases in (`helm.sh/helm/pkg/storage/driver/secrets.go`: the label `owner=helm`), or those of
/// another type.
pub fn selects_no_token(query: &str) -> bool {
    const TOKENS: &str = "kubernetes.io/service-account-token";
    let of_helm = query_value(query, "labelSelector").is_some_and(|labels| {
        labels.split(',').any(|one| matches!(one.trim(), "owner=helm" | "owner==helm"))
    });
    let of_a_type = query_value(query, "fieldSelector").is_some_and(|fields| {
        terms(&fields).iter().any(|term| {
            operator(term).is_some_and(|(field, equal, value)| {
                field == "type" && equal == (value != TOKENS) && !value.contains('\\')
            })
        })
    });
    of_helm || of_a_type
}

/// `k8s.io/apimachinery/pkg/fields/selector.go splitTerms`: commas part, `\` takes the next
/// character as it is. The server sorts the terms.
fn terms(selector: &str) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut escaped = false;
    for next in selector.chars() {
        if next == ',' && !escaped {
            all.push(String::new());
            continue;
        }
        escaped = next == '\\' && !escaped;
        if let Some(term) = all.last_mut() {
            term.push(next);
        }
    }
    all.retain(|term| !term.is_empty());
    all.sort();
    all
}

/// `splitTerm`: field, whether `=` or `==` (and not `!=`), value.
fn operator(term: &str) -> Option<(&str, bool, &str)> {
    term.char_indices().find_map(|(at, _)| {
        let rest = &term[at..];
        let (equal, length) = match rest {
            _ if rest.starts_with("!=") => (false, 2),
            _ if rest.starts_with("==") => (true, 2),
            _ if rest.starts_with('=') => (true, 1),
            _ => return None,
        };
        Some((&term[..at], equal, &rest[length..]))
    })
}

/// `UnescapeValue`: `\\`, `\,` and `\=`; anything else after `\`, or a bare `,` or `=`, is an error.
fn unescape(value: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = value.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => out.push(chars.next().filter(|c| matches!(c, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            _ => out.push(next),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_that_no_token_of_an_account_fits() {
        for query in [
            "labelSelector=owner%3Dhelm%2Cstatus+in+%28deployed%29",
            "limit=500&labelSelector=name%3Dcart%2Cowner%3D%3Dhelm",
            "fieldSelector=type%3Dkubernetes.io%2Ftls",
            "fieldSelector=metadata.namespace%3Dx%2Ctype!%3Dkubernetes.io%2Fservice-account-token",
        ] {
            assert!(selects_no_token(query), "{query}");
        }
        for query in [
            "",
            "limit=500",
            "labelSelector=owner%21%3Dhelm",
            "labelSelector=app%3Dcart",
            "fieldSelector=type%3Dkubernetes.io%2Fservice-account-token",
            "fieldSelector=type!%3Dkubernetes.io%2Ftls",
            "fieldSelector=metadata.namespace%3Dx",
        ] {
            assert!(!selects_no_token(query), "{query}");
        }
    }

    fn res(parts: [&str; 5]) -> Asked<'_> {
        let [group, resource, subresource, namespace, name] = parts;
        Asked::Resource { group, resource, subresource, namespace, name }
    }

    #[test]
    fn paths_are_taken_apart_as_the_server_does() {
        // Each worked out by following NewRequestInfo by hand.
        let cases: [(&str, [&str; 5]); 19] = [
            ("/api/v1/pods", ["", "pods", "", "", ""]),
            ("/api/v1/namespaces", ["", "namespaces", "", "", ""]),
            ("/api/v1/namespaces/shop", ["", "namespaces", "", "shop", "shop"]),
            ("/api/v1/namespaces/shop/status", ["", "namespaces", "status", "shop", "shop"]),
            ("/api/v1/namespaces/shop/finalize", ["", "namespaces", "finalize", "shop", "shop"]),
            ("/api/v1/namespaces/shop/pods", ["", "pods", "", "shop", ""]),
            ("/api/v1/namespaces/shop/pods/p", ["", "pods", "", "shop", "p"]),
            ("/api/v1/namespaces/shop/pods/p/log", ["", "pods", "log", "shop", "p"]),
            (
                "/api/v1/namespaces/shop/services/s/proxy/a/b",
                ["", "services", "proxy", "shop", "s"],
            ),
            ("/api/v1/nodes/n/proxy/metrics", ["", "nodes", "proxy", "", "n"]),
            ("/apis/apps/v1/deployments", ["apps", "deployments", "", "", ""]),
            (
                "/apis/apps/v1/namespaces/a/deployments/d/scale",
                ["apps", "deployments", "scale", "a", "d"],
            ),
            ("/api/v1/watch/namespaces/a/pods/p", ["", "pods", "", "a", "p"]),
            ("/api/v1/watch/pods", ["", "pods", "", "", ""]),
            ("/api/v1/proxy/nodes/n/stats", ["", "nodes", "", "", "n"]),
            ("/api/v1/pods/", ["", "pods", "", "", ""]),
            ("/apis/g/v1/namespaces/a/things/t", ["g", "things", "", "a", "t"]),
            ("/apis/g/v1/namespaces", ["g", "namespaces", "", "", ""]),
            ("/api/v1/nodes/a:10250", ["", "nodes", "", "", "a:10250"]),
        ];
        for (path, parts) in cases {
            assert_eq!(asked(path), res(parts), "{path}");
        }
        for path in [
            "/",
            "/api",
            "/api/v1",
            "/apis",
            "/apis/apps",
            "/apis/apps/v1",
            "/healthz",
            "/metrics/x/y/z",
        ] {
            assert_eq!(asked(path), Asked::Path(path), "{path}");
        }
    }

    #[test]
    fn a_path_is_decoded_and_its_query_dropped() {
        let (path, query) = split_uri("/healthz%20x?verbose=1?2");
        assert_eq!((&*decode_path(path), query), ("/healthz x", "verbose=1?2"));
        assert_eq!(&*decode_path("/a%2"), "/a%2");
        assert_eq!(&*decode_path("/a+b%zz"), "/a+b%zz");
        assert_eq!(&*decode_path("/%ff"), "/\u{fffd}");
        assert_eq!(split_uri("/version"), ("/version", ""));
    }

    #[test]
    fn a_name_is_selected_only_as_the_server_selects_it() {
        let cases = [
            ("fieldSelector=metadata.name%3Dx", Some("x")),
            ("fieldSelector=metadata.name=x&limit=500", Some("x")),
            ("watch=true&fieldSelector=metadata.name%3D%3Dx%2Cspec.nodeName%3Dn", Some("x")),
            ("fieldSelector=spec.nodeName%3Dn%2Cmetadata.name%3Dx", Some("x")),
            ("field%53elector=metadata.name%3Da%2Bb", Some("a+b")),
            ("fieldSelector=metadata.name%3Da%5C%2Cb", Some("a,b")),
            ("fieldSelector=metadata.name%21%3Dx", None),
            ("fieldSelector=metadata.namespace%3Dx", None),
            ("fieldSelector=metadata.name", None),
            ("fieldSelector=metadata.name%3D", None),
            ("fieldSelector=metadata.name%3Da%2Fb", None),
            ("fieldSelector=metadata.name%3D..", None),
            ("fieldSelector=metadata.name%3Dx%2Cbroken", None),
            ("fieldSelector=metadata.name%3Dx%2Ca%3Db%3Dc", None),
            ("fieldSelector=metadata.name%3Dy%2Cmetadata.name%3Dx", Some("x")),
            ("fieldSelector=metadata.name%3Dx&limit=many", None),
            ("fieldSelector=&fieldSelector=metadata.name%3Dx", None),
            ("labelSelector=metadata.name%3Dx", None),
            ("", None),
        ];
        for (query, name) in cases {
            assert_eq!(selected_name(query).as_deref(), name, "{query}");
        }
    }

    #[test]
    fn without_a_uri_names_from_bodies_are_left_out() {
        let object = ObjectRef {
            resource: Some("pods".into()),
            namespace: Some("shop".into()),
            name: Some("p".into()),
            ..ObjectRef::default()
        };
        assert_eq!(object.asked("create"), res(["", "pods", "", "shop", ""]));
        assert_eq!(object.asked("deletecollection"), res(["", "pods", "", "shop", ""]));
        assert_eq!(object.asked("get"), res(["", "pods", "", "shop", "p"]));
        let exec = ObjectRef { subresource: Some("exec".into()), ..object };
        assert_eq!(exec.asked("create"), res(["", "pods", "exec", "shop", "p"]));
        let old = ObjectRef {
            resource: Some("deployments".into()),
            api_version: Some("apps/v1beta1".into()),
            ..ObjectRef::default()
        };
        assert_eq!(old.asked("list"), res(["apps", "deployments", "", "", ""]));
    }
}
