//! Which proxy, if any, stands between here and the API server: kubeconfig's `proxy-url` always,
//! else what the environment says, read as Go's `httpproxy` reads it, which is what kubectl does.

use std::net::IpAddr;

use http::Uri;

use super::Variables;

const FORM: &str = "write http://, https:// or socks5://HOST:PORT";

/// The proxy for a server; None for a direct connection.
///
/// # Errors
/// Where a proxy is named and its URL cannot be understood: the URL without its password.
pub(super) fn proxy(
    explicit: Option<&str>,
    server: &Uri,
    variables: &Variables,
) -> Result<Option<Uri>, String> {
    if let Some(explicit) = explicit {
        // kubectl wants the scheme here and only here.
        if !explicit.contains("://") {
            let shown = without_password(explicit);
            return Err(format!("the proxy-url {shown:?} has no scheme: {FORM}"));
        }
        return url(explicit).map(Some);
    }
    let variable =
        |upper: &str| variables.text(upper).or_else(|| variables.text(&upper.to_lowercase()));
    let https = server.scheme_str() == Some("https");
    let Some(named) = variable(if https { "HTTPS_PROXY" } else { "HTTP_PROXY" }) else {
        return Ok(None);
    };
    let host = server.host().unwrap_or_default().trim_matches(['[', ']']).to_lowercase();
    let port = server.port_u16().unwrap_or(if https { 443 } else { 80 });
    let exempt = variable("NO_PROXY").unwrap_or_default();
    if is_local(&host) || is_exempt(exempt, &host, port) {
        return Ok(None);
    }
    url(named).map(Some)
}

/// A proxy's URL; one without a scheme is `http`.
fn url(text: &str) -> Result<Uri, String> {
    let text = text.trim();
    let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    // The connector resolves names at the proxy, which is what the h asks for.
    let full = full.replacen("socks5h://", "socks5://", 1);
    let broken = || {
        let shown = without_password(&full);
        format!("the proxy {shown:?} cannot be used: {FORM}")
    };
    let uri: Uri = full.parse().map_err(|_| broken())?;
    let known = matches!(uri.scheme_str(), Some("http" | "https" | "socks5"));
    if known && uri.host().is_some() { Ok(uri) } else { Err(broken()) }
}

fn without_password(url: &str) -> &str {
    url.rsplit_once('@').map_or(url, |(_, rest)| rest)
}

/// This machine is never reached through a proxy.
fn is_local(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether `NO_PROXY` exempts a host.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let ip = host.parse::<IpAddr>().ok();
    list.split(',').any(|entry| {
        let entry = entry.trim().to_lowercase();
        if entry == "*" {
            return true;
        }
        if let Some((net, bits)) = entry.split_once('/') {
            return ip.is_some_and(|ip| in_net(ip, net, bits));
        }
        let (name, only_port) = split_port(&entry);
        if name.is_empty() || only_port.is_some_and(|only| only != port.to_string()) {
            return false;
        }
        if let Ok(exempt) = name.parse::<IpAddr>() {
            return ip == Some(exempt);
        }
        // `example.org` covers what is below it, too; `.example.org` and `*.example.org` only that.
        let below = name.strip_prefix('*').unwrap_or(name);
        match below.strip_prefix('.') {
            Some(_) => host.ends_with(below),
            None => host == below || host.ends_with(&format!(".{below}")),
        }
    })
}

/// `host:port`, `[ipv6]:port`, or a bare host or address.
fn split_port(entry: &str) -> (&str, Option<&str>) {
    if let Some(rest) = entry.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => (entry, None),
        };
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        _ => (entry, None),
    }
}

fn in_net(ip: IpAddr, net: &str, bits: &str) -> bool {
    let (Ok(net), Ok(bits)) = (net.parse::<IpAddr>(), bits.parse::<u32>()) else {
        return false;
    };
    match (ip, net) {
        (IpAddr::V4(ip), IpAddr::V4(net)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        (IpAddr::V6(ip), IpAddr::V6(net)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(explicit: Option<&str>, server: &str, variables: &[(&str, &str)]) -> Option<String> {
        let variables = variables
            .iter()
            .fold(Variables::default(), |variables, (name, value)| variables.with(name, value));
        let server: Uri = server.parse().expect("a URL");
        proxy(explicit, &server, &variables).expect("a choice").map(|uri| uri.to_string())
    }

    const PROXY: (&str, &str) = ("HTTPS_PROXY", "http://proxy.corp.example:3128");

    #[test]
    fn the_scheme_of_the_server_chooses_the_variable() {
        let both = [PROXY, ("http_proxy", "plain.corp.example:80")];
        let through = |server| choose(None, server, &both);
        assert_eq!(
            through("https://api.corp.example").as_deref(),
            Some("http://proxy.corp.example:3128/")
        );
        assert_eq!(
            through("http://api.corp.example").as_deref(),
            Some("http://plain.corp.example:80/")
        );
        assert_eq!(choose(None, "https://api.corp.example", &[]), None);
        assert_eq!(choose(None, "https://api.corp.example", &[("HTTPS_PROXY", "")]), None);
    }

    #[test]
    fn no_proxy_is_about_the_server_and_not_about_the_proxy() {
        let exempted = |list, server| choose(None, server, &[PROXY, ("NO_PROXY", list)]).is_none();
        for (list, server) in [
            ("*", "https://api.corp.example"),
            ("corp.example", "https://api.corp.example"),
            (" a.example , corp.example,", "https://api.corp.example"),
            ("API.corp.example", "https://api.corp.example"),
            (".corp.example", "https://api.corp.example"),
            ("*.corp.example", "https://api.corp.example"),
            ("api.corp.example:6443", "https://api.corp.example:6443"),
            ("api.corp.example:443", "https://api.corp.example"),
            ("10.0.0.0/8", "https://10.1.2.3:6443"),
            ("10.1.2.3", "https://10.1.2.3:6443"),
            ("fd00::/8", "https://[fd12::1]:6443"),
            ("[fd12::1]:6443", "https://[fd12::1]:6443"),
            ("0.0.0.0/0", "https://192.0.2.1"),
        ] {
            assert!(exempted(list, server), "{list} {server}");
        }
        for (list, server) in [
            ("", "https://api.corp.example"),
            (",", "https://api.corp.example"),
            // The proxy's own name exempts nobody else.
            ("proxy.corp.example", "https://api.corp.example"),
            ("other.example", "https://api.corp.example"),
            ("orp.example", "https://api.corp.example"),
            (".corp.example", "https://corp.example"),
            ("api.corp.example:443", "https://api.corp.example:6443"),
            ("10.0.0.0/8", "https://11.1.2.3:6443"),
            ("10.0.0.0/8", "https://api.corp.example"),
            ("10.0.0.0/99", "https://10.1.2.3"),
        ] {
            assert!(!exempted(list, server), "{list} {server}");
        }
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy_unless_the_kubeconfig_says_so() {
        for server in ["https://localhost:6443", "https://127.0.0.1:6443", "https://[::1]:6443"] {
            assert_eq!(choose(None, server, &[PROXY]), None, "{server}");
        }
        let explicit = choose(
            Some("socks5h://127.0.0.1:1080"),
            "https://127.0.0.1:6443",
            &[PROXY, ("NO_PROXY", "*")],
        );
        assert_eq!(explicit.as_deref(), Some("socks5://127.0.0.1:1080/"));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
        let server: Uri = "https://api.corp.example".parse().expect("a URL");
        let error =
            proxy(Some("ftp://joe:hunter2@proxy.example:21"), &server, &Variables::default());
        let error = error.expect_err("no such scheme");
        assert!(error.contains("proxy.example:21") && !error.contains("hunter2"), "{error}");
        // Without a scheme, kubectl takes a kubeconfig's proxy for a mistake, the environment's not.
        let error = proxy(Some("joe:hunter2@proxy.example:3128"), &server, &Variables::default());
        let error = error.expect_err("no scheme");
        assert!(error.contains("proxy.example:3128") && !error.contains("hunter2"), "{error}");
    }
}
