//! What can be made under a name that a rule gives: of each kind that a step makes, by the requests
//! that carry a name. The server says what makes an object, keybook whether that leads anywhere.

use serde_json::{Value, json};

use super::case::reach;
use super::pods::workload;
use super::rights::{account, bound, first_of, grant, role, service_account};
use super::site::{Credential, DEFINITIONS, Site, WALKERS, content_type, namespace, request};

const RBAC: &str = "rbac.authorization.k8s.io";
const CERTIFICATES: &str = "certificates.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";
/// The name of the rules.
const MINE: &str = "mine";
/// The namespace of all that has one.
const WORLD: &str = "names";

/// A kind of objects.
struct Kind {
    group: &'static str,
    resource: &'static str,
    /// What is made.
    object: Value,
    /// What leads on once it is made, beside the making.
    beside: Vec<Value>,
    /// Whether a PUT makes one.
    by_put: bool,
    /// Whether keybook does not look up which there are: what could be changed counts as there.
    unlisted: bool,
}

impl Kind {
    fn namespace(&self) -> Option<&str> {
        self.object["metadata"]["namespace"].as_str()
    }

    fn collection(&self) -> String {
        let version = self.object["apiVersion"].as_str().expect("a version");
        let root = if version == "v1" { "/api" } else { "/apis" };
        let place = self.namespace().map_or(String::new(), |ns| format!("/namespaces/{ns}"));
        format!("{root}/{version}{place}/{}", self.resource)
    }
}

fn rule(verbs: &[&str], group: &str, resource: &str, name: Option<&str>) -> Value {
    let mut rule = json!({"verbs": verbs, "apiGroups": [group], "resources": [resource]});
    if let Some(name) = name {
        rule["resourceNames"] = json!([name]);
    }
    rule
}

/// All kinds by which one becomes another.
fn kinds() -> Vec<Kind> {
    let kind = |group, resource, object, beside| {
        let (by_put, unlisted) = (false, false);
        Kind { group, resource, object, beside, by_put, unlisted }
    };
    let mut kinds: Vec<Kind> = [
        ("", "pods"),
        ("apps", "deployments"),
        ("apps", "statefulsets"),
        ("apps", "daemonsets"),
        ("apps", "replicasets"),
        ("", "replicationcontrollers"),
        ("batch", "jobs"),
        ("batch", "cronjobs"),
    ]
    .into_iter()
    .map(|(group, resource)| {
        kind(group, resource, workload(resource, WORLD, MINE, "strong", true), Vec::new())
    })
    .collect();
    let secret = json!({"apiVersion": "v1", "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": MINE, "namespace": WORLD,
            "annotations": {"kubernetes.io/service-account.name": "strong"}}});
    kinds.push(kind("", "secrets", secret, vec![rule(&["get"], "", "secrets", Some(MINE))]));
    let asked = super::certificates::request_for("somebody@walk.example", MINE);
    let approve = rule(&["update"], CERTIFICATES, "certificatesigningrequests/approval", None);
    let sign = rule(&["approve"], CERTIFICATES, "signers", Some("kubernetes.io/*"));
    kinds.push(kind(CERTIFICATES, "certificatesigningrequests", asked, vec![approve, sign]));
    let hook = json!({"apiVersion": format!("{ADMISSION}/v1"),
        "kind": "MutatingWebhookConfiguration", "metadata": {"name": MINE}, "webhooks": []});
    let hook = kind(ADMISSION, "mutatingwebhookconfigurations", hook, Vec::new());
    kinds.push(Kind { unlisted: true, ..hook });
    let definition = json!({"apiVersion": format!("{DEFINITIONS}/v1beta1"),
        "kind": "RBACDefinition", "metadata": {"name": MINE}, "rbacBindings": []});
    kinds.push(kind(DEFINITIONS, "rbacdefinitions", definition, Vec::new()));
    let mut rbac = |resource, object, beside| {
        kinds.push(Kind { by_put: true, ..kind(RBAC, resource, object, beside) });
    };
    let everything = super::rights::everything();
    let escalate = |on| vec![rule(&["escalate"], RBAC, on, None)];
    rbac("roles", role(MINE, Some(WORLD), &everything), escalate("roles"));
    rbac("clusterroles", role(MINE, None, &everything), escalate("clusterroles"));
    let admin = ("ClusterRole", "cluster-admin");
    let somebody = account(WORLD, "default");
    let bind = || vec![rule(&["bind"], RBAC, "clusterroles", Some("cluster-admin"))];
    rbac("rolebindings", bound(MINE, Some(WORLD), admin, &somebody), bind());
    rbac("clusterrolebindings", bound(MINE, None, admin, &somebody), bind());
    kinds
}

/// Whoever holds these verbs on the name, what leads on besides, and both roles of that name, which
/// nobody made.
fn somebody(site: &Site, who: &str, kind: &Kind, rules: &[Value]) -> Credential {
    let subject = account(WALKERS, who);
    let namespace = kind.namespace();
    let all = [rules, &kind.beside].concat();
    let mut objects = vec![service_account(WALKERS, who)];
    objects.extend(grant(who, namespace, &json!(all), &subject));
    let promised = format!("{who}-promised");
    let unmade = if namespace.is_some() { "Role" } else { "ClusterRole" };
    objects.push(bound(&promised, namespace, (unmade, MINE), &subject));
    site.load(&objects);
    for rule in &all {
        site.await_answer(&first_of(rule, &subject, namespace.unwrap_or_default()), true);
    }
    site.account(WALKERS, who)
}

/// The server's answer to a request that makes nothing for good.
fn status(site: &Site, who: &Credential, kind: &Kind, method: &'static str) -> u16 {
    let uri = match method {
        "POST" => kind.collection(),
        _ => format!("{}/{MINE}", kind.collection()),
    };
    let apply = if method == "PATCH" { "&fieldManager=walk" } else { "" };
    let mut sent = request(method, &format!("{uri}?dryRun=All{apply}"), Some(&kind.object));
    if method == "PATCH" {
        content_type(&mut sent, "application/apply-patch+yaml");
    }
    site.send(who, &sent).status
}

#[test]
fn what_is_made_under_a_name_is_made_by_apply_and_some_of_it_by_put() {
    let Some(site) = Site::shared() else { return };
    let _pods = site.without_pods();
    let strong = account(WORLD, "strong");
    site.load(&[
        namespace(WORLD),
        service_account(WORLD, "strong"),
        bound("names-strong", None, ("ClusterRole", "cluster-admin"), &strong),
    ]);
    for kind in &kinds() {
        let on = |verbs: &[&str], name| vec![rule(verbs, kind.group, kind.resource, Some(name))];
        let both = [on(&["create"], MINE), on(&["patch"], "other")].concat();
        let other = [on(&["create"], "other"), on(&["patch", "update"], MINE)].concat();
        let put = if kind.by_put { 201 } else { 404 };
        // By which verbs, with what answer to POST, PUT and apply, and whether it leads anywhere.
        for (at, (rules, answers, leads)) in [
            (on(&["create", "patch"], MINE), [403, 403, 201], true),
            (on(&["create", "update"], MINE), [403, put, 403], kind.by_put),
            (on(&["create"], MINE), [403, 403, 403], false),
            // What is not there yet is asked about with the name.
            (other, [403, if kind.by_put { 403 } else { 404 }, 403], false),
            (both, [403, 403, 403], false),
        ]
        .into_iter()
        .enumerate()
        {
            let who = format!("names-{}-{at}", kind.resource);
            let credential = somebody(site, &who, kind, &rules);
            let came = ["POST", "PUT", "PATCH"].map(|by| status(site, &credential, kind, by));
            assert_eq!(came, answers, "{who}: POST, PUT, apply");
            let row = reach(site, &who);
            let changes =
                kind.unlisted && rules.iter().any(|rule| rule["verbs"] != json!(["create"]));
            let paths = row["paths"].as_array().expect("paths");
            let rises = paths.iter().any(|path| path["adds"].is_null());
            assert_eq!(rises, leads || changes, "{who}: {row:#}");
        }
    }
}
