//! Token Secrets that are read, made and changed.

use super::twins::{APP, leads, never};
use super::*;

pub(super) fn token_secret(ns: &str, name: &str, account: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"namespace": ns, "name": name,
            "annotations": {"kubernetes.io/service-account.name": account}}})
}

#[test]
pub(super) fn token_secrets_are_read_where_the_server_takes_the_token() {
    let with = || company().object(&token_secret("app", "t", "strong"));
    let read = |verb| rule(&[verb], "", &["secrets"]);
    for verb in ["get", "list", "watch"] {
        leads(with(), APP, json!([read(verb)]), &[Step::ReadToken]);
        leads(with(), APP, json!([named(read(verb), &["t"])]), &[Step::ReadToken]);
    }
    never(with(), APP, json!([named(read("get"), &["other"])]));
    never(with(), Some("quiet"), json!([read("get")]));
    never(company(), APP, json!([read("get")]));
    let mut invalid = token_secret("app", "t", "strong");
    invalid["metadata"]["labels"] =
        json!({"kubernetes.io/legacy-token-invalid-since": "2026-01-01"});
    never(company().object(&invalid), APP, json!([read("get")]));
    let mut old = token_secret("app", "t", "strong");
    old["metadata"]["annotations"]["kubernetes.io/service-account.uid"] = json!("earlier");
    let mut account = json!({"apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": {"namespace": "app", "name": "strong", "uid": "now"}});
    never(company().object(&account).object(&old), APP, json!([read("get")]));
    account["metadata"]["uid"] = json!("earlier");
    leads(company().object(&account).object(&old), APP, json!([read("get")]), &[Step::ReadToken]);
}

#[test]
fn a_token_secret_that_is_there_is_made_anothers() {
    let there = || company().object(&token_secret("app", "t", "weak"));
    let changes = |verb| rule(&[verb], "", &["secrets"]);
    let get = |name| named(rule(&["get"], "", &["secrets"]), &[name]);
    let both = [Step::ChangeTokenSecret];
    for verb in ["patch", "update"] {
        leads(there(), APP, json!([changes(verb), get("t")]), &both);
        leads(there(), APP, json!([named(changes(verb), &["t"]), get("t")]), &both);
        never(there(), APP, json!([named(changes(verb), &["other"]), get("t")]));
        never(there(), APP, json!([changes(verb), get("other")]));
        never(company(), APP, json!([changes(verb), get("t")]));
    }
    // What a quarantine said is taken back.
    let mut quarantined = token_secret("app", "t", "strong");
    quarantined["metadata"]["labels"] =
        json!({"kubernetes.io/legacy-token-invalid-since": "2026-05-01"});
    never(company().object(&quarantined), APP, json!([get("t")]));
    leads(company().object(&quarantined), APP, json!([changes("patch"), get("t")]), &both);
    // One that is on its way out is not filled again.
    let mut going = token_secret("app", "t", "weak");
    going["metadata"]["deletionTimestamp"] = json!("2026-05-01T10:00:00Z");
    never(company().object(&going), APP, json!([changes("patch"), get("t")]));
}

#[test]
fn a_token_secret_is_made_and_read_under_one_name() {
    let make = || rule(&["create"], "", &["secrets"]);
    let get = || rule(&["get"], "", &["secrets"]);
    let both = [Step::MakeTokenSecret];
    leads(company(), APP, json!([make(), get()]), &both);
    leads(company(), APP, json!([make(), named(get(), &["mine"])]), &both);
    never(company(), APP, json!([make()]));
    never(company(), APP, json!([get()]));
    // A plain create carries no name; server-side apply does, as a patch of it.
    never(company(), APP, json!([named(make(), &["mine"]), get()]));
    let apply = |name| named(rule(&["create", "patch"], "", &["secrets"]), &[name]);
    leads(company(), APP, json!([apply("mine"), named(get(), &["mine"])]), &both);
    never(company(), APP, json!([apply("mine"), named(get(), &["other"])]));
    let put = named(rule(&["create", "update"], "", &["secrets"]), &["mine"]);
    never(company(), APP, json!([put, named(get(), &["mine"])]));
    // Made in one namespace and read in another.
    let split = jane(company(), APP, &json!([make()]));
    let split = split.role("quiet", "reader", &json!([get()]));
    let split = split.bind(Some("quiet"), "jane", "Role/reader", "user:jane");
    assert_eq!(steps(&split), None);
}
