//! What a leaver has in hand of others stays good when what they are granted is cut: `reach` and `show`
//! say so.

use serde_json::{Value, json};

use super::Home;
use super::world::{account, binding, cluster_role, event, list, role, user};
use crate::support::schemas::fits;

/// lena may have tokens made for team-b/operator, which is cluster-admin, and had one made for a year;
/// where she is cut, the binding is gone.
fn home(is_cut: bool) -> (Home, String, String) {
    let home = Home::new();
    let everything = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    let mint = json!([{"apiGroups": [""], "resources": ["serviceaccounts/token"],
        "verbs": ["create"]}]);
    let object = |kind: &str, ns: Option<&str>, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": ns}});
    let mut objects = vec![
        object("Namespace", None, "team-b"),
        object("ServiceAccount", Some("team-b"), "operator"),
        cluster_role("cluster-admin", &everything),
        role("team-b", "lead", &mint),
        binding(
            None,
            "operator",
            ("ClusterRole", "cluster-admin"),
            &json!([account(Some("team-b"), "operator")]),
        ),
    ];
    if !is_cut {
        objects.push(binding(
            Some("team-b"),
            "lead",
            ("Role", "lead"),
            &json!([user("lena@corp.example")]),
        ));
    }
    let at = "2026-03-20T12:00:00.000000Z";
    let who = ("lena@corp.example", &["system:authenticated"][..]);
    let mut line = event(1, at, who, ("create", "team-b", "serviceaccounts"), true);
    line["objectRef"]["name"] = json!("operator");
    line["objectRef"]["subresource"] = json!("token");
    line["requestURI"] = json!("/api/v1/namespaces/team-b/serviceaccounts/operator/token");
    line["level"] = json!("RequestResponse");
    line["responseObject"] = json!({"kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1", "spec": {"expirationSeconds": 31_536_000},
        "status": {"expirationTimestamp": "2027-03-20T12:00:00Z"}});
    line["annotations"]["authentication.kubernetes.io/issued-credential-id"] = json!("JTI=1111");
    let path = home.put("objects.json", list(&objects));
    let log = home.put("audit.log", format!("{line}\n"));
    (home, path, log)
}

const WHO: &str = "user:lena@corp.example";

const TOKEN: &str = "a token of sa:team-b/operator that user:lena@corp.example had made (JTI=1111): \
                     good until 2027-03-20 12:00 UTC; it is cluster-admin; what ends it: ";

#[test]
fn a_cut_is_not_claimed_whole_of_whoever_has_a_token_of_another_in_hand() {
    for is_cut in [false, true] {
        let (home, objects, log) = home(is_cut);
        let out = home.run(&["reach", WHO, "--from", &objects, "--audit", &log]).out;
        assert!(out.contains(&format!("  {TOKEN}")), "{out}");
        assert!(out.contains("In hand: no cut of a grant ends it\n"), "{out}");
        let below = "  what it has in hand stays good: no cut of a grant ends it\n";
        assert_eq!(out.contains(below), !is_cut, "{out}");
        let by_grants = "cannot become more than it is by what it is granted";
        assert_eq!(out.contains(by_grants), is_cut, "{out}");
        let json = home.run(&["reach", WHO, "--from", &objects, "--audit", &log, "-o", "json"]);
        let json: Value = json.json();
        fits("reach.json", &json);
        let one = &json["items"][0]["inHand"][0];
        let told = ["how", "count", "tier", "reaches"].map(|field| one[field].clone());
        assert_eq!(told, [json!("made"), json!(1), json!("cluster-admin"), json!("cluster-admin")]);
        assert_eq!(one["credential"]["id"], "JTI=1111");
        assert_eq!(one["by"]["name"], "lena@corp.example");
        // Without a log nothing tells.
        let none = home.run(&["reach", WHO, "--from", &objects]).out;
        assert!(!none.contains("In hand"), "{none}");
        let all = home.run(&["reach", "--from", &objects, "--audit", &log]).err;
        let said = "1 identity has credentials of somebody stronger in hand";
        assert!(all.contains(said) && all.contains("(user:lena@corp.example)"), "{all}");
    }
}

#[test]
fn show_names_what_somebody_has_in_hand_of_others() {
    let (home, objects, log) = home(true);
    let out = home.run(&["show", WHO, "--from", &objects, "--audit", &log, "-o", "wide"]).out;
    assert!(out.contains("In hand, of others (1)\n"), "{out}");
    let what = "a token of sa:team-b/operator that user:lena@corp.example had made (JTI=1111)";
    assert!(out.contains(what) && out.contains("good until 2027-03-20 12:00 UTC"), "{out}");
    let json = home.run(&["show", WHO, "--from", &objects, "--audit", &log, "-o", "json"]).json();
    fits("identity.json", &json);
    assert_eq!(json["items"][0]["inHand"][0]["credential"]["id"], "JTI=1111");
}

#[test]
fn certificates_whose_requests_are_gone_may_be_in_hand() {
    let (home, objects, log) = home(true);
    let at = "2026-03-21T12:00:00.000000Z";
    let who = ("lena@corp.example", &["system:authenticated"][..]);
    let mut line = event(2, at, who, ("create", "", "certificatesigningrequests"), true);
    line["objectRef"] = json!({"resource": "certificatesigningrequests",
        "apiGroup": "certificates.k8s.io", "apiVersion": "v1"});
    line["requestURI"] = json!("/apis/certificates.k8s.io/v1/certificatesigningrequests");
    let before = std::fs::read_to_string(&log).expect("the log");
    let log = home.put("more.log", format!("{before}{line}\n"));
    let what = "a certificate that user:lena@corp.example asked for on 2026-03-21, of which the request \
                is gone: whether it was signed, and whom it names, is not known";
    let out = home.run(&["reach", WHO, "--from", &objects, "--audit", &log]).out;
    assert!(out.contains(&format!("  {what}; it is good as long as its signer gave")), "{out}");
    let json = home.run(&["reach", WHO, "--from", &objects, "--audit", &log, "-o", "json"]).json();
    fits("reach.json", &json);
    let asked = |json: &Value| {
        let all = &json["items"][0]["certificatesAsked"];
        ["count", "last"].map(|field| all[0][field].clone())
    };
    let wanted = [json!(1), json!("2026-03-21T12:00:00Z")];
    assert_eq!(asked(&json), wanted);
    let out = home.run(&["show", WHO, "--from", &objects, "--audit", &log, "-o", "wide"]).out;
    assert!(out.contains("In hand, of others (2)\n") && out.contains(what), "{out}");
    let json = home.run(&["show", WHO, "--from", &objects, "--audit", &log, "-o", "json"]).json();
    fits("identity.json", &json);
    assert_eq!(asked(&json), wanted);
}
