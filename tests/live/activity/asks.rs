//! What is asked, drawn from everything that the drivers know to ask.

use keybook::model::Target;
use rand::RngExt;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::ask::{Ask, target, upgrade};
use super::people::Who;
use super::rights::Rights;

/// Draws requests, with names of its own.
pub struct Asks {
    pub rng: ChaCha8Rng,
    prefix: String,
    made: usize,
}

const LEASES: &str = "coordination.k8s.io";

impl Asks {
    pub fn new(rng: ChaCha8Rng, prefix: String) -> Self {
        Self { rng, prefix, made: 0 }
    }

    fn fresh(&mut self) -> String {
        self.made += 1;
        format!("{}-{}", self.prefix, self.made)
    }

    /// A name of this thread's own that was used before, or may have been.
    fn known(&mut self) -> String {
        let at = self.rng.random_range(1..=self.made.max(1));
        format!("{}-{at}", self.prefix)
    }

    fn name(&mut self) -> String {
        match self.rng.random_range(0..4) {
            0 => "settings".to_owned(),
            1 => "gone".to_owned(),
            _ => self.known(),
        }
    }

    /// A request of somebody's. Few hold much: who may not do the first thing tries others.
    pub fn draw_for(&mut self, who: &Who, rights: &Rights) -> Ask {
        let mut ask = self.draw();
        for _ in 0..2 {
            if !rights.allow(who, &ask.needs) {
                ask = self.draw();
            }
        }
        ask
    }

    /// Any request.
    pub fn draw(&mut self) -> Ask {
        let ns = *["act-a", "act-b"].choose(&mut self.rng).expect("one");
        match self.rng.random_range(0..12) {
            0 | 1 => self.read(ns),
            2 => self.select(ns),
            3 => self.watch(ns),
            4 | 5 => self.write(ns),
            6 | 7 => self.upsert(ns),
            8 => self.subresource(ns),
            9 => self.exec(ns),
            10 => self.path(),
            _ => self.elsewhere(),
        }
    }

    fn read(&mut self, ns: &str) -> Ask {
        let (name, core) = (self.name(), format!("/api/v1/namespaces/{ns}"));
        let maps = target(["", "configmaps", "", ns, &name]);
        let by_name: &[&str] = if name == "settings" { &["read", "settings"] } else { &["read"] };
        let pods = target(["", "pods", "", ns, ""]);
        match self.rng.random_range(0..9) {
            0 => {
                Ask::new("GET", format!("{core}/configmaps/{name}"), "get", maps).needs(by_name, ns)
            }
            1 => Ask::new(
                "GET",
                format!("{core}/pods/web-0"),
                "get",
                target(["", "pods", "", ns, "web-0"]),
            )
            .needs(&["read"], ns)
            .or(&["look-around"]),
            2 => Ask::new("GET", format!("{core}/pods?limit=5&watch=0"), "list", pods)
                .needs(&["read"], ns)
                .or(&["look-around"]),
            3 => Ask::new("GET", format!("{core}/pods/?labelSelector=app%3Dweb"), "list", pods)
                .needs(&["read"], ns)
                .or(&["look-around"]),
            4 => Ask::new(
                "GET",
                format!("{core}/pods/web-1/log?container=main"),
                "get",
                target(["", "pods", "log", ns, "web-1"]),
            )
            .needs(&["read"], ns),
            5 => Ask::new(
                "GET",
                format!("{core}/configmaps/{name}%2Fx"),
                "get",
                target(["", "configmaps", "x", ns, &name]),
            ),
            6 => Ask::new(
                "HEAD",
                format!("{core}/configmaps/settings"),
                "get",
                target(["", "configmaps", "", ns, "settings"]),
            )
            .needs(&["read", "settings"], ns),
            7 => Ask::new(
                "GET",
                format!("{core}/secrets"),
                "list",
                target(["", "secrets", "", ns, ""]),
            ),
            _ => Ask::new(
                "GET",
                format!("/apis/apps/v1/namespaces/{ns}/deployments"),
                "list",
                target(["apps", "deployments", "", ns, ""]),
            )
            .needs(&["read"], ns),
        }
    }

    /// Lists of one object by its name, and such as only look it.
    fn select(&mut self, ns: &str) -> Ask {
        let at = format!("/api/v1/namespaces/{ns}/configmaps?");
        let one = target(["", "configmaps", "", ns, "settings"]);
        let all = target(["", "configmaps", "", ns, ""]);
        let by_name: &[&str] = &["read", "settings"];
        let ask = |query: &str, target| Ask::new("GET", format!("{at}{query}"), "list", target);
        match self.rng.random_range(0..6) {
            0 => ask("fieldSelector=metadata.name%3Dsettings", one).needs(by_name, ns),
            1 => ask("limit=3&fieldSelector=metadata.name==settings", one).needs(by_name, ns),
            2 => ask("fieldSelector=metadata.name%21%3Dsettings", all).needs(&["read"], ns),
            3 => ask("limit=many&fieldSelector=metadata.name%3Dsettings", all).needs(&["read"], ns),
            4 => ask("fieldSelector=metadata.namespace%3Dx%2Cmetadata.name%3Dsettings", one)
                .needs(by_name, ns),
            _ => Ask::new(
                "GET",
                "/api/v1/pods?fieldSelector=metadata.name%3Dweb-0".to_owned(),
                "list",
                target(["", "pods", "", "", "web-0"]),
            )
            .or(&["look-around"]),
        }
    }

    fn watch(&mut self, ns: &str) -> Ask {
        let core = format!("/api/v1/namespaces/{ns}");
        let ask = |uri: String, target| Ask::new("GET", uri, "watch", target).streams();
        let pods = target(["", "pods", "", ns, ""]);
        let one = target(["", "configmaps", "", ns, "settings"]);
        match self.rng.random_range(0..5) {
            0 => ask(format!("{core}/pods?watch=true"), pods)
                .needs(&["read"], ns)
                .or(&["look-around"]),
            1 => ask(format!("/api/v1/watch/namespaces/{ns}/pods"), pods)
                .needs(&["read"], ns)
                .or(&["look-around"]),
            2 => ask(
                format!("{core}/configmaps?watch=1&fieldSelector=metadata.name%3Dsettings"),
                one,
            )
            .needs(&["read", "settings"], ns),
            3 => ask(format!("/api/v1/watch/namespaces/{ns}/configmaps/settings"), one)
                .needs(&["read", "settings"], ns),
            _ => ask(
                "/api/v1/nodes?watch=true&timeoutSeconds=600".to_owned(),
                target(["", "nodes", "", "", ""]),
            )
            .or(&["look-around"]),
        }
    }

    fn write(&mut self, ns: &str) -> Ask {
        let maps = format!("/api/v1/namespaces/{ns}/configmaps");
        let map = |metadata| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
        let all = target(["", "configmaps", "", ns, ""]);
        let ask =
            |method, uri, verb, target| Ask::new(method, uri, verb, target).needs(&["edit"], ns);
        match self.rng.random_range(0..7) {
            0 => ask("POST", maps, "create", all).json(&map(json!({"name": self.fresh()}))),
            1 => ask("POST", maps, "create", all).json(&map(json!({"name": self.known()}))),
            2 => ask("POST", maps, "create", all).json(&map(json!({"generateName": "drawn-"}))),
            3 => ask("POST", maps, "create", all).json(&json!({"kind": "Nonsense"})),
            4 => {
                let name = self.known();
                ask(
                    "DELETE",
                    format!("{maps}/{name}"),
                    "delete",
                    target(["", "configmaps", "", ns, &name]),
                )
            }
            5 => ask("DELETE", format!("{maps}?labelSelector=no%3Dsuch"), "deletecollection", all),
            _ => {
                let name = self.known();
                ask(
                    "PUT",
                    format!("{maps}/{name}"),
                    "update",
                    target(["", "configmaps", "", ns, &name]),
                )
                .json(&map(json!({"name": name, "resourceVersion": "1"})))
            }
        }
    }

    /// Patches and updates, of which some create what they are about.
    fn upsert(&mut self, ns: &str) -> Ask {
        let name = if self.rng.random_bool(0.7) { self.fresh() } else { self.known() };
        let maps = format!("/api/v1/namespaces/{ns}/configmaps/{name}");
        let map = target(["", "configmaps", "", ns, &name]);
        let leases = format!("/apis/{LEASES}/v1/namespaces/{ns}/leases/{name}");
        let lease = target([LEASES, "leases", "", ns, &name]);
        let body = |version: &str, kind: &str| json!({"apiVersion": version, "kind": kind, "metadata": {"name": name}});
        match self.rng.random_range(0..5) {
            0 | 1 => Ask::new("PATCH", format!("{maps}?fieldManager=t&force=true"), "patch", map)
                .body("application/apply-patch+yaml", body("v1", "ConfigMap").to_string())
                .needs(&["edit", "patch"], ns)
                .creates(),
            2 => Ask::new("PATCH", maps, "patch", map)
                .body("application/merge-patch+json", json!({"data": {"a": "b"}}).to_string())
                .needs(&["edit", "patch"], ns)
                .creates(),
            _ => Ask::new("PUT", leases, "update", lease)
                .json(&body(&format!("{LEASES}/v1"), "Lease"))
                .needs(&["edit", "put"], ns)
                .creates(),
        }
    }

    fn subresource(&mut self, ns: &str) -> Ask {
        let core = format!("/api/v1/namespaces/{ns}");
        let scale = format!("/apis/apps/v1/namespaces/{ns}/deployments/web/scale");
        let of_scale = target(["apps", "deployments", "scale", ns, "web"]);
        let account = *["batch", "idle", "gone"].choose(&mut self.rng).expect("one");
        let token: &[&str] = if account == "batch" { &["tokens"] } else { &[] };
        match self.rng.random_range(0..5) {
            0 => Ask::new("GET", scale, "get", of_scale).needs(&["read"], ns),
            1 => Ask::new("PATCH", scale, "patch", of_scale)
                .body("application/merge-patch+json", json!({"spec": {"replicas": 0}}).to_string())
                .needs(&["edit"], ns),
            2 => Ask::new(
                "POST",
                format!("{core}/pods/gone/eviction"),
                "create",
                target(["", "pods", "eviction", ns, "gone"]),
            )
            .json(&json!({"apiVersion": "policy/v1", "kind": "Eviction",
                    "metadata": {"name": "gone"}}))
            .needs(&["edit"], ns),
            _ => Ask::new(
                "POST",
                format!("{core}/serviceaccounts/{account}/token"),
                "create",
                target(["", "serviceaccounts", "token", ns, account]),
            )
            .json(&json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
                    "spec": {"expirationSeconds": 600}}))
            .needs(token, ns),
        }
    }

    /// Without a kubelet none of these gets anywhere; the log has them all the same.
    fn exec(&mut self, ns: &str) -> Ask {
        let pod = *["web-0", "gone"].choose(&mut self.rng).expect("one");
        let uri = format!("/api/v1/namespaces/{ns}/pods/{pod}/exec?command=id&stdout=true");
        let exec = target(["", "pods", "exec", ns, pod]);
        if self.rng.random_bool(0.5) {
            return Ask::new("POST", uri, "create", exec).needs(&["exec"], ns);
        }
        upgrade(Ask::new("GET", uri, "get", exec).needs(&["exec", "exec-get"], ns))
    }

    fn path(&mut self) -> Ask {
        const PUBLIC: &str = "system:public-info-viewer";
        const KNOWN: &str = "system:discovery";
        let cases: [(&str, &str, &str, &[&str]); 18] = [
            ("GET", "/healthz?verbose", "/healthz", &[PUBLIC, KNOWN]),
            ("GET", "/livez?exclude=etcd&verbose=1", "/livez", &[PUBLIC, KNOWN]),
            ("GET", "/readyz", "/readyz", &[PUBLIC, KNOWN]),
            ("GET", "/version?timeout=32s", "/version", &[PUBLIC, KNOWN]),
            ("GET", "/version/", "/version/", &[PUBLIC, KNOWN]),
            ("HEAD", "/version", "/version", &[]),
            ("POST", "/version", "/version", &[]),
            ("GET", "/healthz/ping", "/healthz/ping", &["paths"]),
            ("HEAD", "/healthz/ping", "/healthz/ping", &["paths"]),
            ("GET", "/healthz%2Fping", "/healthz/ping", &["paths"]),
            ("GET", "/metrics", "/metrics", &["paths"]),
            ("GET", "/metrics/", "/metrics/", &[]),
            ("GET", "/api", "/api", &[KNOWN]),
            ("GET", "/apis?x=y?z", "/apis", &[KNOWN]),
            ("GET", "/apis/apps/v1", "/apis/apps/v1", &[KNOWN]),
            ("GET", "/openapi/v3", "/openapi/v3", &[KNOWN]),
            (
                "GET",
                "/openid/v1/jwks",
                "/openid/v1/jwks",
                &["system:service-account-issuer-discovery"],
            ),
            ("GET", "/%D0%BD%D0%B5%D1%82", "/нет", &[]),
        ];
        let (method, uri, path, needs) = *cases.choose(&mut self.rng).expect("one");
        let verb = match method {
            "GET" => "get",
            "HEAD" => "head",
            _ => "post",
        };
        Ask::new(method, uri.to_owned(), verb, Target::Path(path.into())).or(needs)
    }

    fn elsewhere(&mut self) -> Ask {
        let get = |uri: &str, verb, parts| Ask::new("GET", uri.to_owned(), verb, target(parts));
        let look = &["look-around"];
        let gone = ["example.org", "things", "", "act-a", "x"];
        let review = json!({"apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": {"verb": "get",
            "resource": "pods", "namespace": "act-a"}}});
        match self.rng.random_range(0..9) {
            0 => get("/api/v1/nodes", "list", ["", "nodes", "", "", ""]).or(look),
            1 => get("/api/v1/nodes/gone", "get", ["", "nodes", "", "", "gone"]).or(look),
            2 => get("/api/v1/namespaces", "list", ["", "namespaces", "", "", ""]).or(look),
            3 => get("/api/v1/namespaces/act-a", "get", ["", "namespaces", "", "act-a", "act-a"])
                .or(look),
            4 => get(
                "/api/v1/namespaces/act-b/status",
                "get",
                ["", "namespaces", "status", "act-b", "act-b"],
            )
            .or(look),
            5 => get("/apis/example.org/v1/namespaces/act-a/things/x", "get", gone),
            6 => Ask::new(
                "OPTIONS",
                "/api/v1/namespaces/act-a/pods".to_owned(),
                "",
                target(["", "pods", "", "act-a", ""]),
            ),
            _ => Ask::new(
                "POST",
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".to_owned(),
                "create",
                target(["authorization.k8s.io", "selfsubjectaccessreviews", "", "", ""]),
            )
            .json(&review)
            .or(&["system:basic-user"]),
        }
    }
}
