//! What is done in somebody's name as far as one's own rules let it.

use super::twins::{APP, leads, never};
use super::*;

#[test]
fn constrained_impersonation_reaches_what_its_rules_let_through() {
    const AUTH: &str = "authentication.k8s.io";
    let boss = || company().bind(None, "boss", "ClusterRole/cluster-admin", "user:boss");
    let who = || named(rule(&["impersonate:user-info"], AUTH, &["users"]), &["boss"]);
    let on = |verb: &str, resource| {
        rule(&[&*format!("impersonate-on:user-info:{verb}")], "", &[resource])
    };
    let by = [Step::ConstrainedImpersonate, Step::MintToken];
    leads(boss(), None, json!([who(), on("create", "serviceaccounts/token")]), &by);
    never(boss(), None, json!([who(), on("get", "serviceaccounts/token")]));
    never(boss(), None, json!([who(), on("list", "pods")]));
    // What is left of the boss is as strong as that.
    let be = named(rule(&["impersonate:serviceaccount"], AUTH, &["serviceaccounts"]), &["strong"]);
    let tiers = |verb: &str| {
        let rules = json!([be, rule(&[verb], "", &["secrets"])]);
        let found = reached(&jane(company(), APP, &rules), "user:jane");
        (found.own, found.tier)
    };
    let read = (Tier::NamespaceWrite, Tier::ReadsSecrets);
    assert_eq!(tiers("impersonate-on:serviceaccount:get"), read);
    let none = (Tier::NamespaceWrite, Tier::NamespaceWrite);
    assert_eq!(tiers("impersonate-on:user-info:get"), none);
    assert_eq!(tiers("impersonate-on:serviceaccount:update"), none);
    // A delete is answered with the Secret.
    assert_eq!(tiers("impersonate-on:serviceaccount:delete"), read);
    never(boss(), None, json!([on("create", "serviceaccounts/token")]));
    // A star is every verb only where it is all of one.
    let star = |verb: &str| rule(&[verb], "", &["serviceaccounts/token"]);
    never(boss(), None, json!([who(), star("impersonate-on:user-info:*")]));
    assert_eq!(tiers("impersonate-on:serviceaccount:*"), none);
    // What an apply makes is asked about as the patch that it is.
    let maker = || {
        let mine = named(rule(&["create", "patch"], "", &["pods"]), &["mine"]);
        company().role("app", "maker", &json!([mine])).bind(APP, "maker", "Role/maker", "user:boss")
    };
    let run = [Step::ConstrainedImpersonate, Step::RunPod];
    leads(maker(), None, json!([who(), on("patch", "pods")]), &run);
    never(maker(), None, json!([who(), on("create", "pods")]));
    let mut old = boss();
    old.snapshot.cluster.server_version = Some("v1.34.4".into());
    never(old, None, json!([who(), on("create", "serviceaccounts/token")]));
}
