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
    for verb in ["get", "list", "watch", "patch", "delete"] {
        leads(with(), APP, json!([read(verb)]), &[Step::ReadToken]);
        leads(with(), APP, json!([named(read(verb), &["t"])]), &[Step::ReadToken]);
    }
    // A collection is deleted without a name, and what was sent is no answer.
    let collection = || read("deletecollection");
    leads(with(), APP, json!([collection()]), &[Step::ReadToken]);
    leads(with(), APP, json!([named(collection(), &["t", ""])]), &[Step::ReadToken]);
    never(with(), APP, json!([named(collection(), &["t"])]));
    never(with(), APP, json!([read("update")]));
    for verb in ["get", "patch", "delete"] {
        never(with(), APP, json!([named(read(verb), &["other"])]));
        never(with(), APP, json!([named(read(verb), &[""])]));
    }
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
    let change = [Step::ChangeTokenSecret];
    for verb in ["patch", "update"] {
        leads(there(), APP, json!([changes(verb), get("t")]), &change);
        leads(there(), APP, json!([named(changes(verb), &["t"]), get("t")]), &change);
        never(there(), APP, json!([named(changes(verb), &["other"]), get("t")]));
        never(company(), APP, json!([changes(verb), get("t")]));
    }
    // A patch is answered with the Secret, a PUT with what was sent.
    leads(there(), APP, json!([changes("patch")]), &change);
    leads(there(), APP, json!([named(changes("patch"), &["t"])]), &change);
    leads(there(), APP, json!([changes("update"), changes("delete")]), &change);
    never(there(), APP, json!([named(changes("patch"), &["other"])]));
    never(there(), APP, json!([changes("update"), get("other")]));
    never(there(), APP, json!([changes("update")]));
    // What a quarantine said is taken back.
    let mut quarantined = token_secret("app", "t", "strong");
    quarantined["metadata"]["labels"] =
        json!({"kubernetes.io/legacy-token-invalid-since": "2026-05-01"});
    never(company().object(&quarantined), APP, json!([get("t")]));
    leads(company().object(&quarantined), APP, json!([changes("update"), get("t")]), &change);
    leads(company().object(&quarantined), APP, json!([changes("patch")]), &change);
    // One that is on its way out is not filled again.
    let mut going = token_secret("app", "t", "weak");
    going["metadata"]["deletionTimestamp"] = json!("2026-05-01T10:00:00Z");
    never(company().object(&going), APP, json!([changes("patch"), get("t")]));
}

#[test]
fn a_token_secret_is_made_and_read_under_one_name() {
    let make = || rule(&["create"], "", &["secrets"]);
    let reads = |verb| rule(&[verb], "", &["secrets"]);
    let get = || reads("get");
    let both = [Step::MakeTokenSecret];
    for verb in ["get", "list", "watch", "patch", "delete"] {
        leads(company(), APP, json!([make(), reads(verb)]), &both);
        leads(company(), APP, json!([make(), named(reads(verb), &["mine"])]), &both);
        never(company(), APP, json!([reads(verb)]));
    }
    leads(company(), APP, json!([make(), reads("deletecollection")]), &both);
    never(company(), APP, json!([make(), named(reads("deletecollection"), &["mine"])]));
    never(company(), APP, json!([make(), reads("update")]));
    never(company(), APP, json!([make()]));
    // A plain create carries no name; server-side apply does, as a patch of it, and is answered with
    // what there is.
    never(company(), APP, json!([named(make(), &["mine"]), get()]));
    let apply = |name| named(rule(&["create", "patch"], "", &["secrets"]), &[name]);
    leads(company(), APP, json!([apply("mine")]), &both);
    never(company(), APP, json!([named(make(), &["mine"]), named(reads("patch"), &["other"])]));
    let put = named(rule(&["create", "update"], "", &["secrets"]), &["mine"]);
    never(company(), APP, json!([put, named(get(), &["mine"])]));
    // Made in one namespace and read in another.
    let split = jane(company(), APP, &json!([make()]));
    let split = split.role("quiet", "reader", &json!([get()]));
    let split = split.bind(Some("quiet"), "jane", "Role/reader", "user:jane");
    assert_eq!(steps(&split), None);
}

#[test]
fn a_token_secret_is_made_and_seen_in_a_container_that_is_added() {
    let with = || company().object(&super::twins::pod("app", "p", "weak", "Running"));
    let make = || rule(&["create"], "", &["secrets"]);
    let add = |verb| rule(&[verb], "", &["pods/ephemeralcontainers"]);
    let both = [Step::MakeTokenSecret];
    for verb in ["patch", "update"] {
        leads(with(), APP, json!([make(), add(verb)]), &both);
        leads(with(), None, json!([make(), add(verb)]), &both);
        leads(with(), APP, json!([make(), named(add(verb), &["p"])]), &both);
        never(with(), APP, json!([make(), named(add(verb), &["q"])]));
        never(with(), APP, json!([add(verb)]));
        never(company(), APP, json!([make(), add(verb)]));
        never(company(), None, json!([make(), add(verb)]));
    }
    never(with(), APP, json!([make(), add("get")]));
    never(with(), APP, json!([make(), rule(&["patch"], "", &["pods/status"])]));
    never(with(), Some("quiet"), json!([make(), add("patch")]));
    let apply = named(rule(&["create"], "", &["secrets"]), &["mine"]);
    never(with(), APP, json!([apply, add("patch")]));
    // The same of one that is there, made another's.
    let there = || with().object(&token_secret("app", "t", "weak"));
    let update = || rule(&["update"], "", &["secrets"]);
    leads(there(), APP, json!([update(), add("patch")]), &[Step::ChangeTokenSecret]);
    never(with(), APP, json!([update(), add("patch")]));
    // Made by one and seen by another of those taken over.
    let minter = named(rule(&["create"], "", &["serviceaccounts/token"]), &["weak"]);
    let by_two = |ns: &str| {
        let world = with().role(ns, "makes", &json!([make()]));
        world.bind(Some(ns), "makes", "Role/makes", "sa:app/weak")
    };
    let rules = json!([minter, add("patch")]);
    leads(by_two("app"), APP, rules.clone(), &[Step::MintToken, Step::MakeTokenSecret]);
    never(by_two("quiet"), APP, rules);
}

#[test]
fn what_is_immutable_stays_anothers() {
    let there = |immutable: bool| {
        let mut secret = token_secret("app", "t", "weak");
        secret["immutable"] = json!(immutable);
        company().object(&secret)
    };
    let rules =
        |verb: &str, names: &[&str]| json!([named(rule(&[verb, "get"], "", &["secrets"]), names)]);
    for verb in ["patch", "update"] {
        leads(there(false), APP, rules(verb, &["t"]), &[Step::ChangeTokenSecret]);
        never(there(true), APP, rules(verb, &["t"]));
        never(there(true), APP, rules(verb, &[]));
    }
    // Nor is another made under its name.
    let make = |names: &[&str]| json!([named(rule(&["create", "patch"], "", &["secrets"]), names)]);
    never(there(true), APP, make(&["t"]));
    leads(there(true), APP, make(&["t", "u"]), &[Step::MakeTokenSecret]);
    leads(there(true), None, make(&["t"]), &[Step::MakeTokenSecret]);
    // It is read as any other.
    let mut strong = token_secret("app", "t", "strong");
    strong["immutable"] = json!(true);
    let get = json!([rule(&["get"], "", &["secrets"])]);
    leads(company().object(&strong), APP, get, &[Step::ReadToken]);
}

/// Operators make a Secret for themselves as they start, and read that one: its name is taken.
#[test]
fn a_name_that_running_pods_need_is_taken_by_a_secret_of_another_type() {
    let needs = |ns: &str, more: &Value| {
        let mut pod = super::twins::pod(ns, "p", "weak", "Running");
        pod["spec"]["containers"][0]["env"] = json!([{"name": "P",
            "valueFrom": {"secretKeyRef": {"name": "own", "key": "auth"}}}]);
        pod["spec"]["containers"][0]["env"][0]["valueFrom"]["secretKeyRef"]
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        pod
    };
    let there = || company().object(&needs("app", &json!({})));
    let make = || rule(&["create"], "", &["secrets"]);
    let reads = |verbs: &[&str], names: &[&str]| named(rule(verbs, "", &["secrets"]), names);
    let both = [Step::MakeTokenSecret];
    for verb in ["get", "list", "watch"] {
        never(there(), APP, json!([make(), reads(&[verb], &["own"])]));
        leads(company(), APP, json!([make(), reads(&[verb], &["own"])]), &both);
        leads(there(), APP, json!([make(), reads(&[verb], &["other"])]), &both);
        leads(there(), APP, json!([make(), reads(&[verb], &["other", "own"])]), &both);
        leads(there(), APP, json!([make(), rule(&[verb], "", &["secrets"])]), &both);
        // Who has it go makes one of a token in its place.
        leads(there(), APP, json!([make(), reads(&[verb, "update"], &["own"])]), &both);
        never(there(), APP, json!([make(), reads(&[verb], &["own"]), reads(&["update"], &["x"])]));
    }
    for verb in ["patch", "delete"] {
        leads(there(), APP, json!([make(), reads(&[verb], &["own"])]), &both);
    }
    never(there(), APP, json!([reads(&["create", "get"], &["own"])]));
    leads(there(), APP, json!([reads(&["create", "patch"], &["own"])]), &both);
    // Taken in one namespace, free in another.
    let wide = json!([make(), reads(&["get"], &["own"])]);
    leads(there(), None, wide.clone(), &both);
    let all = there().object(&needs("quiet", &json!({})));
    never(all, None, wide);
    // A pod runs without what is optional, and one that does not run says nothing.
    let get = || json!([make(), reads(&["get"], &["own"])]);
    leads(company().object(&needs("app", &json!({"optional": true}))), APP, get(), &both);
    let mut waits = needs("app", &json!({}));
    waits["status"]["phase"] = json!("Pending");
    leads(company().object(&waits), APP, get(), &both);
    // One of a token is read as it is.
    let token = there().object(&token_secret("app", "own", "strong"));
    leads(token, APP, get(), &[Step::ReadToken]);
}
