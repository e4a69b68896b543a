//! Credentials that are old, good for long, or not used.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::{findings, rule, rules, world};
use crate::book::Severity;
use crate::book::world::{Row, World, day};
use crate::model::{
    Asked, AuditPolicy, AuditResources, AuditRule, BoundTo, Health, Identity, Issued, ListKind,
    ListState, Minted, Name,
};

/// A token Secret of sa:a/x, made on a day, with labels.
fn secret(name: &str, made: i64, labels: &Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
        "metadata": {"namespace": "a", "name": name, "creationTimestamp": day(made),
            "labels": labels, "annotations": {"kubernetes.io/service-account.name": "x"}}})
}

/// The label of a last use on a day.
fn label(at: i64) -> Value {
    json!({"kubernetes.io/legacy-token-last-used": day(at).format("%Y-%m-%d").to_string()})
}

fn tracked_since(day: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"since": day}, "metadata": {
        "namespace": "kube-system",
        "name": "kube-apiserver-legacy-service-account-token-tracking"}})
}

/// sa:a/x, which may create pods in a.
fn of_x() -> World {
    world().account("a", "x").bind(Some("a"), "x", "ClusterRole/edit", "sa:a/x")
}

/// x at work on a day, by a credential or by none that the log names.
fn work(on: i64, credential: Option<&str>) -> Row {
    let row = Row::new("sa:a/x", "create pods@a", on);
    match credential {
        Some(credential) => row.with(credential),
        None => row,
    }
}

fn said(world: &World, rule: &str) -> Vec<(Severity, String)> {
    let found = findings(world);
    let of = found.into_iter().filter(|finding| finding.rule == rule);
    of.map(|finding| (finding.severity, finding.evidence)).collect()
}

#[test]
fn a_token_without_an_end_is_worse_once_it_is_old() {
    // Now is day 364; x holds a namespace's writes, which is medium.
    let at = |made: i64| {
        let found = said(&of_x().object(&secret("t", made, &json!({}))), "lasting-token");
        found.into_iter().next().unwrap()
    };
    let young = "secret a/t, made by hand on 2026-01-02, holds a token that never expires, for \
                 namespace write";
    assert_eq!(at(1), (Severity::Low, young.to_owned()));
    let old = "secret a/t, made by hand on 2025-12-31, more than 365 days ago, holds a token that \
               never expires, for namespace write";
    assert_eq!(at(-1), (Severity::Medium, old.to_owned()));
    let mut other = of_x().object(&secret("t", 350, &json!({})));
    other.policy.credential_days = 10;
    assert_eq!(said(&other, "lasting-token")[0].0, Severity::Medium);
}

#[test]
fn a_token_that_the_log_does_not_have_is_unused_where_the_log_would_have_it() {
    let seen = |with: Option<&str>| {
        of_x().object(&secret("t", -9, &json!({}))).log(0, 100).row(work(99, with))
    };
    // Another credential of the same account, which is at work.
    let other = seen(Some("JTI=1"));
    let evidence = "secret a/t, made by hand on 2025-12-23, is in no request of the log, which begins \
                    on 2026-01-01, for namespace write";
    assert_eq!(said(&other, "unused-credential"), [(Severity::Low, evidence.to_owned())]);
    let found = findings(&other);
    let finding = found.iter().find(|one| one.rule == "unused-credential").unwrap();
    assert!(finding.rests_on_coverage);
    assert_eq!(finding.fix.kind(), "quarantine");
    // Of a request without an id nobody knows by what it was made.
    assert_eq!(said(&seen(None), "unused-credential"), []);
    assert_eq!(said(&seen(Some("legacy:a/x/t")), "unused-credential"), []);
    // An older API server names the account alone, which has this token only.
    assert_eq!(said(&seen(Some("legacy:a/x")), "unused-credential"), []);
    // It does not say which of two is in use: of neither it is said that it is not.
    let two = seen(Some("legacy:a/x")).object(&secret("u", -9, &json!({})));
    assert_eq!(said(&two, "unused-credential"), []);
    // Nor where the log had more credentials than are kept, whatever tracking says.
    let mut many = seen(Some("JTI=1")).object(&tracked_since("2025-01-01"));
    let cut = [("credentials".into(), 1)].into();
    many.activity.as_mut().unwrap().truncated = [(crate::model::SeenId(0), cut)].into();
    assert_eq!(said(&many, "unused-credential"), []);
    let told = said(&many, "lasting-token").remove(0).1;
    assert!(told.ends_with("the log names more credentials of it than are kept"), "{told}");
    // The label shows a use that the log does not have, of the idle time.
    let labelled = of_x().object(&secret("t", -9, &label(20))).log(0, 100);
    let labelled = labelled.row(work(99, Some("JTI=1")));
    assert_eq!(said(&labelled, "unused-credential"), []);
    // Too short a log, one without reads, one without a server's part: nothing is said.
    let short = of_x().object(&secret("t", -9, &json!({}))).log(50, 100);
    assert_eq!(said(&short.row(work(99, Some("JTI=1"))), "unused-credential"), []);
    let blind = seen(Some("JTI=1")).coverage(|coverage| coverage.reads_logged = false);
    assert_eq!(said(&blind, "unused-credential"), []);
    // Made within the idle time.
    let young = of_x().object(&secret("t", 50, &json!({}))).log(0, 100);
    assert_eq!(said(&young.row(work(99, Some("JTI=1"))), "unused-credential"), []);
}

#[test]
fn what_the_audit_policy_leaves_out_of_the_log_may_be_by_any_token() {
    let all = |names: &[&str]| Some(names.iter().map(|one| Name::from(*one)).collect::<Vec<_>>());
    let with = |first: AuditRule| {
        let mut world = of_x().object(&secret("t", -9, &json!({}))).log(0, 100);
        let mut policy = AuditPolicy::of_everything();
        policy.rules.as_mut().unwrap().insert(0, AuditRule { level: "None".into(), ..first });
        world.policy.audit = Some(Arc::new(policy));
        let world = world.row(work(99, Some("JTI=1")));
        let token = said(&world, "lasting-token").remove(0).1;
        let mut found = said(&world, "unused-credential");
        (found.pop().map(|(severity, evidence)| (severity, evidence.contains("leaves out"))), token)
    };
    let none = AuditRule::default;
    let said_unused = "it is in no request of the log";
    let (found, token) = with(AuditRule { users: all(&["user-y"]), ..none() });
    assert_eq!(found, Some((Severity::Low, false)));
    assert!(token.ends_with(said_unused), "{token}");
    // Its name, a group of it, and its reads only: by any of these the other token may be in use.
    for first in [
        AuditRule { users: all(&["system:serviceaccount:a:x"]), ..none() },
        AuditRule { user_groups: all(&["system:serviceaccounts:a"]), ..none() },
        AuditRule {
            user_groups: all(&["system:serviceaccounts"]),
            verbs: all(&["get", "list", "watch"]),
            ..none()
        },
    ] {
        let (found, token) = with(first.clone());
        assert_eq!(found, None, "{first:?}");
        assert!(token.ends_with("the audit policy leaves requests of it out"), "{token}");
    }
    // A kind of those that it may use.
    let pods =
        || Some(vec![AuditResources { resources: all(&["pods"]), ..AuditResources::default() }]);
    let (found, _) = with(AuditRule { resources: pods(), ..none() });
    assert_eq!(found, Some((Severity::Info, true)));
}

#[test]
fn a_token_that_was_used_long_before_the_log_ends_is_unused() {
    let world = of_x()
        .object(&secret("t", -9, &json!({})))
        .log(0, 200)
        .row(work(5, Some("legacy:a/x/t")))
        .row(work(199, Some("JTI=1")));
    let evidence = "secret a/t, made by hand on 2025-12-23, was last used on 2026-01-06, more than 90 \
                    days before the log ends, for namespace write";
    assert_eq!(said(&world, "unused-credential"), [(Severity::Low, evidence.to_owned())]);
}

#[test]
fn without_a_log_the_servers_tracking_tells_of_tokens_in_secrets() {
    let of = |labels: &Value, since: Option<&str>| {
        let world = of_x().object(&secret("t", -9, labels));
        let world = since.into_iter().fold(world, |world, day| world.object(&tracked_since(day)));
        said(&world, "unused-credential")
    };
    // Nothing at all is known.
    assert_eq!(of(&json!({}), None), []);
    let since = "secret a/t, made by hand on 2025-12-23, was not used since 2026-06-01, by the API \
                 server's own tracking, for 90 days and more, for namespace write";
    assert_eq!(of(&json!({}), Some("2026-06-01")), [(Severity::Low, since.to_owned())]);
    assert_eq!(of(&json!({}), Some("2026-12-01")), []);
    let used = "secret a/t, made by hand on 2025-12-23, was last used on 2026-01-21, by its label, more \
                than 90 days ago, for namespace write";
    assert_eq!(of(&label(20), None), [(Severity::Low, used.to_owned())]);
    assert_eq!(of(&label(300), None), []);
    // What is invalidated is taken by nobody.
    let mut ended = label(20);
    ended["kubernetes.io/legacy-token-invalid-since"] = json!("2026-02-01");
    assert_eq!(of(&ended, None), []);
}

/// A token of sa:a/x that ana had made on day 1, until then.
fn minted(until: DateTime<Utc>) -> (Arc<Issued>, Minted) {
    let account = Identity::service_account("a", "x");
    let issued =
        Issued { account, credential: "JTI=1".into(), by: Identity::user("ana"), as_who: None };
    let asked =
        Asked { bound: BoundTo::Nothing, seconds: None, until: Some(until), audiences: vec![] };
    (issued.into(), Minted { asked: Some(asked), ..Minted::new(day(1)) })
}

#[test]
fn a_token_that_somebody_had_made_for_years_is_told() {
    let made = |days: i64| {
        let mut world = of_x().log(0, 10).row(work(9, Some("JTI=1")));
        world.activity.as_mut().unwrap().issued = vec![minted(day(1) + TimeDelta::days(days))];
        world
    };
    let evidence = "issued token JTI=1, made by request of user:ana on 2026-01-02, is good until \
                    2036-01-01, 3651 days from then on, for namespace write; used once, last on \
                    2026-01-10 12:00 UTC, from 198.51.100.7, by \"kubectl/v1.36.3\", by the log";
    let long = made(3651);
    assert_eq!(said(&long, "long-credential"), [(Severity::Low, evidence.to_owned())]);
    let found = findings(&long);
    let finding = found.iter().find(|one| one.rule == "long-credential").unwrap();
    assert_eq!(finding.fix.kind(), "elsewhere");
    assert!(
        finding.fix.how.contains("Deleting the account and making it again ends it at once"),
        "{finding:?}"
    );
    assert_eq!(said(&made(365), "long-credential"), []);
    assert_eq!(said(&made(366), "long-credential").len(), 1);
    // It ran out: day 364 is now.
    let mut short = made(300);
    short.policy.credential_days = 10;
    assert_eq!(said(&short, "long-credential"), []);
    // And one that nobody uses.
    let mut idle = of_x().log(0, 200).row(work(199, Some("JTI=2")));
    idle.activity.as_mut().unwrap().issued = vec![minted(day(400))];
    let evidence = "issued token JTI=1, made by request of user:ana on 2026-01-02, is in no request of \
                    the log, which begins on 2026-01-01, for namespace write";
    assert_eq!(said(&idle, "unused-credential"), [(Severity::Low, evidence.to_owned())]);
}

#[test]
fn a_certificate_that_is_good_for_years_is_told() {
    let request = |years: i32| {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(rcgen::DnType::CommonName, "ana");
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after = rcgen::date_time_ymd(2026 + years, 1, 1);
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ClientAuth];
        let made = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let pem = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, made.pem());
        let csr = json!({"apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest",
            "metadata": {"name": "csr-1", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"username": "root", "signerName": "kubernetes.io/kube-apiserver-client"},
            "status": {"certificate": pem, "conditions": [
                {"type": "Approved", "lastUpdateTime": "2026-01-01T00:00:00Z"}]}});
        world().bind(None, "all", "ClusterRole/all", "user:ana").object(&csr)
    };
    let long = said(&request(10), "long-credential");
    let [(severity, evidence)] = &long[..] else { panic!("{long:?}") };
    assert_eq!(*severity, Severity::Medium);
    // Ten years with two leap days, 2028 and 2032.
    let end = ", made on 2026-01-01, is good until 2036-01-01, 3652 days from then on, for \
               cluster-admin";
    assert!(evidence.starts_with("client certificate X509SHA256="), "{evidence}");
    assert!(evidence.ends_with(end), "{evidence}");
    // What Kubernetes' own signers give by default.
    assert_eq!(said(&request(1), "long-credential"), []);
}

#[test]
fn whoever_holds_nothing_has_no_credential_that_matters() {
    let world =
        World::new().namespace("a").account("a", "x").object(&secret("t", -900, &label(-500)));
    assert_eq!(rules(&world), []);
    let read = world.cluster_role("view", &rule(&["get"], "", "pods"));
    let read = read.bind(Some("a"), "x", "ClusterRole/view", "sa:a/x");
    let all = [("sa:a/x".to_owned(), "lasting-token"), ("sa:a/x".to_owned(), "unused-credential")];
    assert_eq!(rules(&read), all);
}

#[test]
fn the_last_use_of_a_lasting_token_is_the_logs_where_that_is_later() {
    let of = |labels: &Value, used: Option<(i64, &str)>| {
        let mut world =
            of_x().object(&tracked_since("2025-01-01")).object(&secret("t", -9, labels));
        world = world.log(0, 100);
        if let Some((on, by)) = used {
            world = world.row(work(on, Some(by)));
        }
        said(&world, "lasting-token").remove(0).1
    };
    let by_log = format!(
        "; used once, last on {} UTC, from 198.51.100.7, by \"kubectl/v1.36.3\", by the log",
        day(99).format("%Y-%m-%d 12:00")
    );
    let ends = |said: String, end: &str| assert!(said.ends_with(end), "{said:?} {end:?}");
    ends(of(&json!({}), Some((99, "legacy:a/x/t"))), &by_log);
    ends(of(&label(50), Some((99, "legacy:a/x/t"))), &by_log);
    // Older servers do not say of which Secret; there is but one.
    ends(of(&json!({}), Some((99, "legacy:a/x"))), &by_log);
    let labelled = format!("; last used on {}, by the Secret's label", day(99).format("%Y-%m-%d"));
    ends(of(&label(99), Some((50, "legacy:a/x/t"))), &labelled);
    ends(of(&json!({}), Some((99, "JTI=1"))), "by the API server's own tracking");
    // Of two it is not known which.
    let world = of_x().object(&secret("t", -9, &json!({}))).object(&secret("u", -9, &json!({})));
    let world = world.log(0, 100).row(work(99, Some("legacy:a/x")));
    for (_, said) in said(&world, "lasting-token") {
        ends(
            said,
            "; when it was last used is not known: the log shows one of the account's Secrets in use, \
             and not which",
        );
    }
}

#[test]
fn an_idle_account_is_in_doubt_where_pods_were_not_read() {
    let idle = |world: World| said(&world.log(0, 100), "idle").remove(0);
    let (severity, evidence) = idle(of_x());
    assert_eq!(severity, Severity::Medium, "{evidence}");
    let (severity, evidence) = idle(super::without(of_x(), crate::model::ListKind::Pods));
    assert_eq!(severity, Severity::Info, "{evidence}");
    assert!(evidence.contains("since pods were not read"), "{evidence}");
}

/// What runs in a namespace as somebody else, once it has a pod or a workload.
fn beside(kind: &str, namespace: &str) -> Value {
    let spec = json!({"serviceAccountName": "other", "containers": [{"name": "c", "image": "i"}]});
    match kind {
        "Pod" => json!({"apiVersion": "v1", "kind": kind, "spec": spec,
            "metadata": {"namespace": namespace, "name": "p"}}),
        _ => json!({"apiVersion": "apps/v1", "kind": kind,
            "metadata": {"namespace": namespace, "name": "d"}, "spec": {"template": {"spec": spec}}}),
    }
}

/// The lists that say who runs as whom, as they are.
fn running(mut world: World, state: &ListState) -> World {
    for list in [ListKind::Pods, ListKind::Workloads] {
        world.snapshot.lists.insert(list, state.clone());
    }
    world
}

#[test]
fn files_without_a_pod_or_a_workload_of_a_namespace_do_not_say_what_runs_there() {
    let unused =
        of_x().object(&secret("t", -9, &json!({}))).log(0, 100).row(work(99, Some("JTI=1")));
    let doubts = |of: &[(&str, &str)], state: &ListState| {
        let doubt = |world: World, rule: &str| {
            let world = of.iter().fold(world, |world, (kind, ns)| world.object(&beside(kind, ns)));
            let (severity, evidence) = said(&running(world, state), rule).remove(0);
            let why = evidence.split_once("is not known, since ").map(|(_, why)| why.to_owned());
            (severity, why.unwrap_or_default())
        };
        [doubt(of_x().log(0, 100), "idle"), doubt(unused.clone(), "unused-credential")]
    };
    let info = |why: &str| (Severity::Info, why.to_owned());
    let (idle, token) = ((Severity::Medium, String::new()), (Severity::Low, String::new()));
    let files = ListState::new(Health::Unverifiable);
    let no_pod = || info("the files have no pod of its namespace");
    assert_eq!(doubts(&[], &files), [no_pod(), no_pod()]);
    assert_eq!(doubts(&[("Pod", "b"), ("Deployment", "a")], &files), [no_pod(), no_pod()]);
    assert_eq!(
        doubts(&[("Pod", "a"), ("Deployment", "b")], &files),
        [info("the files have no workload of its namespace"), token.clone()]
    );
    let both = [("Pod", "a"), ("Deployment", "a")];
    assert_eq!(doubts(&both, &files), [idle.clone(), token.clone()]);
    // A cluster that was asked has none.
    assert_eq!(doubts(&[], &ListState::new(Health::Complete)), [idle.clone(), token.clone()]);
    // Who may list in some namespaces only.
    let mut some = ListState::because(Health::Partial, "403");
    some.namespaces = vec!["b".into()];
    let unread = || info("pods were not read");
    for state in [&some, &ListState::because(Health::Forbidden, "403")] {
        assert_eq!(doubts(&both, state), [unread(), unread()]);
    }
    some.namespaces = vec!["a".into()];
    assert_eq!(doubts(&[], &some), [idle, token]);
}

#[test]
fn a_name_in_a_command_is_one_word_of_a_shell() {
    let user = "user:a$(id);'b";
    let mint =
        json!([{"verbs": ["create"], "apiGroups": [""], "resources": ["serviceaccounts/token"]}]);
    let book = world()
        .namespace("a")
        .account("a", "strong")
        .bind(None, "strong", "ClusterRole/all", "sa:a/strong")
        .cluster_role("mint", &mint)
        .bind(None, "x", "ClusterRole/mint", user)
        .book();
    let reach = crate::reach::Reach::new(&book);
    let found = crate::findings::reach::all(&reach, &reach.all());
    let how = found.into_iter().find(|one| one.identity.to_string() == user).unwrap().fix.how;
    assert!(how.contains(r"keybook reach 'user:a$(id);'\''b' says"), "{how}");
    let word = |text: &str| crate::model::shell_word(text.to_owned());
    assert_eq!(word("sa:ci/bot"), "sa:ci/bot");
    assert_eq!(word(user), r"'user:a$(id);'\''b'");
    assert_eq!(word(""), "''");
}

#[test]
fn a_label_with_a_day_to_come_is_nobodys_use() {
    let used = |labels: &Value| {
        let world = of_x().object(&secret("t", -9, labels)).log(0, 100);
        world.row(work(99, Some("JTI=1")))
    };
    let of = |labels: &Value| said(&used(labels), "unused-credential").len();
    // Now is day 364.
    assert_eq!((of(&json!({})), of(&label(99)), of(&label(3650))), (1, 0, 1));
    // Nor does it show that an account is there which nobody saw.
    let idle =
        |labels: &Value| said(&of_x().object(&secret("t", -9, labels)).log(0, 100), "idle").len();
    assert_eq!((idle(&json!({})), idle(&label(99)), idle(&label(3650))), (1, 0, 1));
    let inventory = crate::credentials::inventory(&used(&label(3650)).book()).credentials;
    let token = inventory.iter().find(|one| &*one.id == "secret a/t").unwrap();
    assert_eq!(token.last_use, crate::credentials::LastUse::NotInLog(100));
    assert!(token.notes[0].contains("is to come"), "{:?}", token.notes);
}

#[test]
fn a_pod_of_the_account_says_nothing_of_a_token_that_it_does_not_have() {
    let pod = |volumes: Value, mounts: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "p",
            "creationTimestamp": day(50)}, "status": {"phase": "Running"},
            "spec": {"serviceAccountName": "x", "volumes": volumes,
                "containers": [{"name": "c", "volumeMounts": mounts}]}})
    };
    let of = |pod: &Value| {
        let world = of_x().object(&secret("t", -9, &json!({}))).object(pod).log(0, 100);
        said(&world.row(work(99, Some("pod:a/p"))), "unused-credential").remove(0)
    };
    let (severity, evidence) = of(&pod(json!([]), json!([])));
    assert_eq!(severity, Severity::Low, "{evidence}");
    let volume = json!([{"name": "v", "secret": {"secretName": "t"}}]);
    let (severity, evidence) = of(&pod(volume, json!([{"name": "v", "mountPath": "/v"}])));
    assert_eq!(severity, Severity::Info);
    assert!(evidence.contains("it is in the containers of pod a/p"), "{evidence}");
}

#[test]
fn what_ends_a_credential_and_more_says_so() {
    let mut world = of_x().log(0, 200).row(work(199, Some("JTI=2")));
    world.activity.as_mut().unwrap().issued = vec![minted(day(400))];
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "p",
        "creationTimestamp": day(50)}, "status": {"phase": "Running"},
        "spec": {"serviceAccountName": "x", "containers": []}});
    let found = findings(&world.object(&pod));
    let one = found.iter().find(|one| one.rule == "unused-credential").unwrap();
    assert_eq!(
        one.fix.how,
        "destroy it where it is kept, and wait until it ends on 2027-02-05. Deleting the account and \
         making it again ends it at once, and all other tokens of the account with it: issued token JTI=2 \
         is in use (used once, last on 2026-07-19 12:00 UTC, from 198.51.100.7, by \"kubectl/v1.36.3\", by \
         the log), and pod a/p runs as it and has to be restarted then"
    );
}

#[test]
fn a_token_whose_secret_was_not_read_lasts_too() {
    // The log shows it, and nobody may list Secrets.
    let world = of_x().log(0, 100).row(work(99, Some("legacy:a/x/gone")));
    let world = super::without(world, crate::model::ListKind::TokenSecrets);
    let (severity, evidence) = said(&world, "lasting-token").remove(0);
    assert_eq!(severity, Severity::Low);
    assert!(
        evidence.starts_with(
            "secret a/gone holds a token that never expires, for namespace write; used"
        ) && evidence.ends_with("not known: token Secrets were not read whole"),
        "{evidence}"
    );
    let found = findings(&world);
    let one = found.iter().find(|one| one.rule == "lasting-token").unwrap();
    assert_eq!(one.fix.kind(), "elsewhere");
}

#[test]
fn a_token_for_another_audience_is_neither_long_nor_unused() {
    let of = |audience: Option<&str>| {
        let mut world = of_x().log(0, 364).row(work(363, Some("JTI=2")));
        let (issued, mut minted) = minted(day(4000));
        minted.asked.as_mut().unwrap().audiences = audience.into_iter().map(Into::into).collect();
        world.activity.as_mut().unwrap().issued = vec![(issued, minted)];
        ["long-credential", "unused-credential"].map(|rule| said(&world, rule).len())
    };
    assert_eq!((of(None), of(Some("vault"))), ([1, 1], [0, 0]));
}

#[test]
fn a_token_whose_end_the_log_does_not_tell_is_not_said_to_be_unused() {
    for many in [1, 64, 65, 200] {
        let mut world = of_x().log(0, 364).row(work(363, Some("JTI=used")));
        let account = Identity::service_account("a", "x");
        let issued = (0..many).map(|token| {
            let (account, by) = (account.clone(), Identity::user("ana"));
            let credential = format!("JTI={token}").into();
            (Arc::new(Issued { account, credential, by, as_who: None }), Minted::new(day(1)))
        });
        world.activity.as_mut().unwrap().issued = issued.collect();
        assert_eq!(said(&world, "unused-credential"), [], "{many}");
    }
}
