//! What went wrong on the way to an API server, in words that say what to do.

use crate::cluster::Error;

/// An error with its causes, each said once.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        // Wrappers repeat what they wrap, or say that there was something to say.
        if !text.starts_with("client error (") && !parts.iter().any(|part| part.contains(&text)) {
            parts.retain(|part| !text.contains(part.as_str()));
            parts.push(text);
        }
        next = error.source();
    }
    parts.join(": ")
}

/// Signs in an error's text, and what they mean. The first that fits is said.
const SIGNS: [(&str, &str); 15] = [
    (
        "tunnel error: failed to create underlying connection",
        "the proxy that leads there cannot be \
      reached; see proxy-url in the kubeconfig, and HTTPS_PROXY",
    ),
    (
        "UnknownIssuer",
        "the server's certificate is not signed by the CA that the kubeconfig names \
      (certificate-authority); another CA, another cluster, or something in between",
    ),
    (
        "invalid peer certificate: certificate expired",
        "the server's certificate has expired; it is \
      for the cluster's administrators to renew",
    ),
    (
        "invalid peer certificate: certificate not valid yet",
        "the server's certificate is not good \
      yet; compare this machine's clock",
    ),
    (
        "not valid for name",
        "the server's certificate is for other names; the server's URL or \
      tls-server-name is wrong",
    ),
    (
        "NotValidForName",
        "the server's certificate is for other names; the server's URL or \
      tls-server-name is wrong",
    ),
    ("invalid peer certificate", "the server's certificate cannot be trusted"),
    (
        "received fatal alert",
        "the server refused the TLS connection; the client certificate may not \
      suit it",
    ),
    (
        "InvalidContentType",
        "what answers there does not speak TLS; the URL may have to begin with \
      http, or the port is wrong",
    ),
    (
        "received corrupt message",
        "what answers there does not speak TLS; the URL may have to begin \
      with http, or the port is wrong",
    ),
    ("dns error", "the server's name cannot be resolved"),
    ("failed to lookup address", "the server's name cannot be resolved"),
    ("Connection refused", "nothing listens there; is the API server running?"),
    ("tunnel error", "the proxy would not connect to it"),
    ("deadline has elapsed", "it could not be connected to in time"),
];

/// What an error of sending or reading means.
pub(super) fn of(tried: &str, server: &str, error: &kube::Error) -> Error {
    let tried = tried.to_owned();
    let text = match error {
        kube::Error::Service(inner) => words(&**inner),
        kube::Error::HyperError(inner) => words(inner),
        error => words(error),
    };
    if let kube::Error::Service(inner) = error
        && let Some(auth) = inner.downcast_ref::<kube::client::AuthError>()
    {
        return Error::Unauthenticated { tried, cause: words(auth) };
    }
    let debug = format!("{error:?}");
    let sign = SIGNS.iter().find(|(sign, _)| text.contains(sign) || debug.contains(sign));
    let cause = match sign {
        Some((_, meaning)) => format!("{server}: {meaning} ({text})"),
        None => format!("{server}: {text}"),
    };
    Error::Unreachable { tried, cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer: inner went wrong")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("inner went wrong")]
    struct Inner(#[source] std::io::Error);

    #[test]
    fn causes_are_said_once() {
        let error = Outer(Inner(std::io::Error::other("Connection refused (os error 111)")));
        assert_eq!(words(&error), "outer: inner went wrong: Connection refused (os error 111)");
    }

    #[test]
    fn known_signs_get_their_meaning() {
        let error = kube::Error::Service("tcp connect error: Connection refused".into());
        let said = of("list pods", "https://api.example.org", &error).to_string();
        assert!(said.starts_with("list pods: https://api.example.org: nothing listens"), "{said}");
    }
}
