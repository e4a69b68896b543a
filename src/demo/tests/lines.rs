//! The log against what it promises, read from its lines without the code that wrote them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::clock;
use crate::demo::*;
use crate::model::{Identity, SubjectKind};
use crate::rbac::{Action, Attributes, Authorizer, Credit, Decision};

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn time(value: &Value) -> DateTime<Utc> {
    text(value).parse().unwrap()
}

/// The lines, parsed.
fn events() -> &'static [Value] {
    static EVENTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let log = log(clock());
        let lines = std::str::from_utf8(&log).unwrap().lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    });
    &EVENTS
}

/// One line a request, the last one, in the order in which they came in.
fn requests() -> &'static [Value] {
    static REQUESTS: LazyLock<Vec<Value>> = LazyLock::new(|| {
        let last: BTreeMap<&str, &Value> =
            events().iter().map(|event| (text(&event["auditID"]), event)).collect();
        let mut all: Vec<Value> = last.into_values().cloned().collect();
        all.sort_by_cached_key(|event| time(&event["requestReceivedTimestamp"]));
        all
    });
    &REQUESTS
}

fn of_user(user: &str) -> Vec<Value> {
    requests().iter().filter(|event| text(&event["user"]["username"]) == user).cloned().collect()
}

fn decision(event: &Value) -> &str {
    text(&event["annotations"]["authorization.k8s.io/decision"])
}

fn distinct(events: &[Value], what: impl Fn(&Value) -> String) -> BTreeSet<String> {
    events.iter().map(what).collect()
}

#[test]
fn the_same_moment_gives_the_same_demo() {
    assert_eq!(log(clock()), log(clock()));
    assert_eq!(objects(clock()), objects(clock()));
    assert_ne!(log(clock()), log(clock() + TimeDelta::days(1)));
}

#[test]
fn ninety_days_end_now_with_two_gaps() {
    let times: Vec<DateTime<Utc>> =
        requests().iter().map(|event| time(&event["requestReceivedTimestamp"])).collect();
    assert_eq!(times.first(), Some(&(clock() - TimeDelta::days(90))));
    assert_eq!(times.last(), Some(&clock()));
    let gaps: Vec<TimeDelta> = times
        .windows(2)
        .map(|pair| pair[1] - pair[0])
        .filter(|gap| *gap > crate::model::Coverage::GAP)
        .collect();
    assert_eq!(gaps.len(), 2, "{gaps:?}");
    assert!(gaps[0] > TimeDelta::minutes(45) && gaps[0] < TimeDelta::minutes(70), "{gaps:?}");
    assert!(gaps[1] > TimeDelta::hours(6) && gaps[1] < TimeDelta::hours(7), "{gaps:?}");
}

#[test]
fn lines_stand_in_the_order_of_their_writing() {
    let written: Vec<DateTime<Utc>> =
        events().iter().map(|event| time(&event["stageTimestamp"])).collect();
    assert!(written.is_sorted());
    for event in events() {
        assert!(time(&event["requestReceivedTimestamp"]) < time(&event["stageTimestamp"]));
    }
}

/// The bindings as they stood at a time, without those made later.
fn authorizer_at(held: &Objects, at: DateTime<Utc>) -> Authorizer {
    let mut then = held.clone();
    for (key, binding) in &held.bindings {
        if binding.meta.creation_timestamp.is_some_and(|made| made > at) {
            then.bindings.remove(key);
        }
    }
    Authorizer::new(&then)
}

#[test]
fn every_line_says_what_the_authorizer_says() {
    let mut held = Objects::default();
    for object in objects(clock()) {
        held.insert(object);
    }
    let made = clock() - TimeDelta::days(20);
    let (early, late) = (authorizer_at(&held, made), Authorizer::new(&held));
    let key = (crate::model::BindingKind::ClusterRoleBinding, "".into(), "tmp-debug-logs".into());
    let turn = held.bindings[&key].meta.creation_timestamp.unwrap();
    let (mut counts, mut unknown) = (BTreeMap::new(), 0);
    for event in events() {
        let at = time(&event["requestReceivedTimestamp"]);
        let authorizer = if at < turn { &early } else { &late };
        if event["responseStatus"]["code"] == 401 {
            assert_eq!((&event["user"], &event["annotations"]), (&json!({}), &Value::Null));
            assert_eq!(event["stage"], "ResponseStarted");
            unknown += 1;
            continue;
        }
        let asker = match &event["impersonatedUser"] {
            Value::Null => &event["user"],
            acting => acting,
        };
        let groups: Vec<&str> = asker["groups"].as_array().unwrap().iter().map(text).collect();
        let object = &event["objectRef"];
        let path = text(&event["requestURI"]).split('?').next().unwrap();
        let sub = text(&object["subresource"]);
        let plain_create = text(&event["verb"]) == "create" && sub.is_empty();
        let action = if object.is_null() {
            Action::Path(path)
        } else {
            Action::Resource {
                group: text(&object["apiGroup"]),
                resource: text(&object["resource"]),
                subresource: sub,
                namespace: text(&object["namespace"]),
                name: if plain_create { "" } else { text(&object["name"]) },
            }
        };
        let user = text(&asker["username"]);
        let attributes = Attributes { user, groups: &groups, verb: text(&event["verb"]), action };
        let said = decision(event);
        *counts.entry(said.to_owned()).or_insert(0) += 1;
        let reason = text(&event["annotations"]["authorization.k8s.io/reason"]);
        match authorizer.decide(&attributes) {
            Decision::Masters => assert_eq!((said, reason), ("allow", ""), "{event}"),
            Decision::Allowed { grant, .. } => {
                let held = authorizer.held(grant).unwrap();
                assert_eq!(said, "allow", "{event}");
                let credit = Credit::parse(reason).unwrap();
                assert_eq!(
                    (&credit.name, credit.kind),
                    (&held.binding.meta.name, held.binding.kind)
                );
                assert_eq!(credit.subject, held.identity, "{event}");
            }
            Decision::Denied if said.is_empty() => {
                // Refused before the authorizer was asked.
                assert_eq!(event["responseStatus"]["code"], 403);
                assert!(text(&event["responseStatus"]["message"]).contains("cannot impersonate"));
            }
            Decision::Denied => {
                assert_eq!(said, "forbid", "{event}");
                assert_eq!(event["responseStatus"]["code"], 403);
            }
        }
    }
    assert!(counts["allow"] > 15_000 && counts["allow"] < 45_000, "{counts:?}");
    assert!(counts["forbid"] > 40, "{counts:?}");
    assert_eq!((counts[""], unknown), (3, 12), "{counts:?}");
}

#[test]
fn a_leaver_is_gone_for_months_and_still_namespace_admin() {
    let seen = of_user("henrik@corp.example");
    let last = seen.last().map(|event| time(&event["requestReceivedTimestamp"])).unwrap();
    assert!(clock() - last > TimeDelta::days(80), "{last}");
    let admin = objects(clock()).into_iter().any(|object| match object {
        Object::Binding(binding) => {
            &*binding.role_ref.name == "admin"
                && binding.subjects.iter().any(|it| &*it.name == "henrik@corp.example")
        }
        _ => false,
    });
    assert!(admin);
}

#[test]
fn the_shared_account_is_at_several_places_at_once() {
    let seen = of_user("ops-shared");
    let place = |event: &Value| format!("{} {}", event["sourceIPs"], text(&event["userAgent"]));
    assert_eq!(distinct(&seen, place).len(), 4);
    let credential = |event: &Value| event["user"]["extra"].to_string();
    assert_eq!(distinct(&seen, credential).len(), 2);
    let close = seen.windows(2).any(|pair| {
        place(&pair[0]) != place(&pair[1])
            && time(&pair[1]["requestReceivedTimestamp"])
                - time(&pair[0]["requestReceivedTimestamp"])
                < TimeDelta::seconds(30)
    });
    assert!(close);
}

#[test]
fn the_pipeline_uses_three_of_its_rules() {
    let seen = of_user("system:serviceaccount:ci:deployer");
    assert!(seen.len() > 800, "{}", seen.len());
    let what = |event: &Value| text(&event["objectRef"]["apiGroup"]).to_owned();
    assert_eq!(distinct(&seen, what), ["", "apps", "batch"].map(str::to_owned).into());
    assert!(seen.iter().all(|event| decision(event) == "allow"));
    let (_, _, rules) = roles::CLUSTER_ROLES.iter().find(|role| role.0 == "ci-deployer").unwrap();
    assert!(rules.len() > 30);
}

#[test]
fn the_partner_is_only_ever_refused() {
    let seen = of_user("yann@partner.example");
    assert_eq!(seen.len(), 20);
    assert!(seen.iter().all(|event| decision(event) == "forbid"));
}

#[test]
fn support_acts_as_others() {
    let seen = of_user("tess@corp.example");
    let acting: Vec<Value> =
        seen.iter().filter(|event| !event["impersonatedUser"].is_null()).cloned().collect();
    assert!(acting.len() > 30, "{}", acting.len());
    let whom = |event: &Value| text(&event["impersonatedUser"]["username"]).to_owned();
    let whom = distinct(&acting, whom);
    assert_eq!(whom, ["pia@corp.example", "nils@corp.example"].map(str::to_owned).into());
    assert_eq!(seen.iter().filter(|event| decision(event).is_empty()).count(), 3);
}

#[test]
fn the_emergency_certificate_was_used_once() {
    let seen = of_user("break-glass");
    assert_eq!(seen.len(), 6);
    let days: BTreeSet<String> =
        distinct(&seen, |event| text(&event["requestReceivedTimestamp"])[..10].to_owned());
    assert_eq!(days.len(), 1);
}

#[test]
fn the_quarters_close_ran_on_one_night() {
    let seen = of_user("system:serviceaccount:data:quarter-close");
    let first = time(&seen[0]["requestReceivedTimestamp"]);
    let last = time(&seen.last().unwrap()["requestReceivedTimestamp"]);
    assert!(last - first < TimeDelta::hours(3));
    assert!(clock() - last > TimeDelta::days(60));
}

#[test]
fn the_old_token_was_last_used_long_ago() {
    let last: Vec<String> = objects(clock())
        .iter()
        .filter(|object| &*object.meta().name == "batch-import-token-x7k2p")
        .map(|object| object.meta().labels["kubernetes.io/legacy-token-last-used"].to_string())
        .collect();
    assert_eq!(last, ["2024-06-14"]);
    assert!(of_user("system:serviceaccount:legacy:batch-import").is_empty());
    let other = of_user("system:serviceaccount:data:warehouse-sync");
    let annotation = "authentication.k8s.io/legacy-token";
    assert!(!other.is_empty() && other.iter().all(|it| it["annotations"][annotation].is_string()));
    let secret = "authentication.k8s.io/legacy-token-autogenerated-secret";
    let name = other[0]["annotations"][secret].as_str().unwrap();
    assert!(objects(clock()).iter().any(|object| &*object.meta().name == name));
}

#[test]
fn people_rest_at_weekends() {
    use chrono::Datelike;
    let free =
        |event: &Value| time(&event["requestReceivedTimestamp"]).weekday().number_from_monday() > 5;
    for person in company::PEOPLE {
        let seen = of_user(&format!("{}@corp.example", person.handle));
        assert!(!seen.is_empty() && !seen.iter().any(free), "{}", person.handle);
    }
}

/// Everybody who holds a grant of the company's, is seen or is a service account.
#[test]
fn some_hundred_and_twenty_identities_live_in_twelve_namespaces() {
    let mut found: BTreeSet<Identity> = BTreeSet::new();
    let mut namespaces = 0;
    for object in objects(clock()) {
        match object {
            Object::Binding(binding) => found.extend(
                binding
                    .subjects
                    .iter()
                    .filter_map(|subject| subject.identity(binding.meta.namespace.as_ref())),
            ),
            Object::ServiceAccount(account) => {
                let ns = account.meta.namespace.unwrap();
                found.insert(Identity::service_account(ns, account.meta.name));
            }
            Object::Namespace(ns) => {
                let name = ns.meta.name;
                namespaces += usize::from(!name.starts_with("kube-") && &*name != "default");
            }
            _ => {}
        }
    }
    found.extend(
        requests().iter().map(|it| Identity::from_user_name(text(&it["user"]["username"]))),
    );
    assert_eq!(namespaces, 12);
    let groups = found.iter().filter(|it| it.kind == SubjectKind::Group).count();
    assert!((115..145).contains(&found.len()), "{} of them {groups} groups", found.len());
}

#[test]
fn the_control_plane_is_never_refused() {
    for event in events() {
        let user = text(&event["user"]["username"]);
        if user.starts_with("system:kube-") || user.starts_with("system:serviceaccount:kube-") {
            assert_eq!(decision(event), "allow", "{event}");
        }
    }
}
