//! What has to be known of the address that kubeconfigs are handed out with: it is that of whoever
//! applies, and may be good for nobody else.

use std::net::IpAddr;

use crate::cluster::Address;
use crate::model::printable;

/// What to look at before a kubeconfig with this address is handed to somebody.
pub fn handed(address: &Address) -> Vec<String> {
    let mut notes = Vec::new();
    if address.insecure {
        notes.push(
            "the kubeconfigs that are made do not check the server's certificate, as yours does not \
             (insecure-skip-tls-verify): whoever is in between reads their tokens. Plan and apply with \
             a kubeconfig that has the cluster's CA"
                .to_owned(),
        );
    }
    let server = printable(&address.server);
    if is_loopback(&address.server) {
        notes.push(format!(
            "the kubeconfigs that are made have your address of the API server, {server}, which is your \
             own machine (a tunnel?): elsewhere it leads nowhere, or to another cluster. Change it in \
             them before they are handed over"
        ));
    }
    if let Some(proxy) = &address.proxy {
        notes.push(format!(
            "the kubeconfigs that are made go by your proxy, {}: take it out where they are used \
             without it",
            printable(proxy)
        ));
    }
    notes
}

/// Whether a URL is of the own machine, whatever machine that is.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, _)) => host,
        None => authority.split_once(':').map_or(authority, |(host, _)| host),
    };
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback() || ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(server: &str) -> Address {
        let server = server.to_owned();
        Address { server, authority: None, tls_server_name: None, insecure: false, proxy: None }
    }

    #[test]
    fn an_address_that_is_good_for_nobody_else_is_told() {
        for server in [
            "https://127.0.0.1:6443",
            "https://127.8.9.1",
            "https://localhost:8443/k8s/clusters/c-1",
            "https://LocalHost.",
            "https://kind.localhost:6443",
            "https://[::1]:6443",
            "https://0.0.0.0:6443",
        ] {
            let notes = handed(&address(server));
            assert_eq!(notes.len(), 1, "{server}");
            assert!(notes[0].contains("which is your own machine"), "{notes:?}");
        }
        for server in
            ["https://10.0.0.1:6443", "https://api.corp.example", "https://[2001:db8::1]:6443", ""]
        {
            assert_eq!(handed(&address(server)), Vec::<String>::new(), "{server}");
        }
        let open = Address { insecure: true, ..address("https://api.corp.example") };
        assert!(handed(&open)[0].contains("insecure-skip-tls-verify"));
        let proxy = Some("http://proxy.corp.example:3128".to_owned());
        let by = Address { proxy, ..address("https://api.corp.example") };
        assert!(handed(&by)[0].contains("your proxy"));
    }
}
