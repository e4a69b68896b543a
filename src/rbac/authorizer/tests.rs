use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::Object;

fn put(objects: &mut Objects, object: &Value) {
    let kind = object["kind"].as_str().expect("a kind");
    let read = Object::read("rbac.authorization.k8s.io/v1", kind, object);
    objects.insert(read.expect("readable").expect("known"));
}

fn objects(all: &[Value]) -> Objects {
    let mut objects = Objects::default();
    for object in all {
        put(&mut objects, object);
    }
    objects
}

fn role(kind: &str, namespace: &str, name: &str, verb: &str) -> Value {
    json!({"kind": kind, "metadata": {"name": name, "namespace": namespace},
        "rules": [{"verbs": [verb], "apiGroups": [""], "resources": ["pods"]},
                  {"verbs": [verb], "nonResourceURLs": ["/x"]}]})
}

fn binding(namespace: &str, name: &str, role: (&str, &str), subjects: &Value) -> Value {
    let kind = if namespace.is_empty() { "ClusterRoleBinding" } else { "RoleBinding" };
    json!({"kind": kind, "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"kind": role.0, "name": role.1}, "subjects": subjects})
}

fn pods(namespace: &str) -> Action<'_> {
    Action::Resource { group: "", resource: "pods", subresource: "", namespace, name: "" }
}

fn allows(authorizer: &Authorizer, user: &str, groups: &[&str], action: Action<'_>) -> bool {
    authorizer.decide(&Attributes { user, groups, verb: "get", action }).allowed()
}

#[test]
fn where_a_binding_holds() {
    let user = json!([{"kind": "User", "name": "u"}]);
    let authorizer = Authorizer::new(&objects(&[
        role("ClusterRole", "", "cr", "get"),
        role("Role", "a", "r", "get"),
        role("Role", "b", "r", "get"),
        binding("", "1", ("ClusterRole", "cr"), &json!([{"kind": "User", "name": "everywhere"}])),
        binding("a", "2", ("ClusterRole", "cr"), &user),
        binding("b", "3", ("Role", "r"), &json!([{"kind": "User", "name": "local"}])),
        binding("c", "4", ("Role", "r"), &user),
        binding("", "5", ("Role", "r"), &json!([{"kind": "User", "name": "wrong"}])),
        binding("", "6", ("clusterrole", "cr"), &json!([{"kind": "User", "name": "wrong"}])),
    ]));
    for (user, place, expected) in [
        ("everywhere", pods(""), true),
        ("everywhere", pods("a"), true),
        ("everywhere", Action::Path("/x"), true),
        ("u", pods("a"), true),
        ("u", pods(""), false),
        ("u", pods("b"), false),
        // The role of another namespace is another role.
        ("u", pods("c"), false),
        // A RoleBinding conveys no paths.
        ("u", Action::Path("/x"), false),
        ("local", pods("b"), true),
        ("local", pods("a"), false),
        ("wrong", pods("a"), false),
        ("wrong", Action::Path("/x"), false),
    ] {
        assert_eq!(allows(&authorizer, user, &[], place), expected, "{user} {place:?}");
    }
}

#[test]
fn whom_a_subject_names() {
    let subjects = json!([
        {"kind": "User", "name": "dev"},
        {"kind": "Group", "name": "ops"},
        {"kind": "ServiceAccount", "name": "here"},
        {"kind": "ServiceAccount", "name": "there", "namespace": "b"},
        {"kind": "User", "name": "system:serviceaccount:c:spelt"},
        {"kind": "user", "name": "small"},
        {"kind": "Robot", "name": "robot"},
    ]);
    let cr = ("ClusterRole", "cr");
    let authorizer = Authorizer::new(&objects(&[
        role("ClusterRole", "", "cr", "get"),
        binding("a", "in-a", cr, &subjects),
        binding("", "wide", cr, &json!([{"kind": "ServiceAccount", "name": "nowhere"}])),
    ]));
    for (user, groups, expected) in [
        ("dev", &[][..], true),
        ("Dev", &[], false),
        ("x", &["dev"], false),
        ("ops", &[], false),
        ("x", &["other", "ops"], true),
        ("", &["ops"], true),
        ("system:serviceaccount:a:here", &[], true),
        ("system:serviceaccount:b:here", &[], false),
        ("system:serviceaccount:b:there", &[], true),
        ("system:serviceaccount:a:there", &[], false),
        ("here", &[], false),
        ("system:serviceaccount:c:spelt", &[], true),
        ("small", &[], false),
        ("robot", &[], false),
        ("x", &["system:masters"], true),
        ("system:masters", &[], false),
    ] {
        assert_eq!(allows(&authorizer, user, groups, pods("a")), expected, "{user} {groups:?}");
    }
    for namespace in ["", "a", "default"] {
        let user = format!("system:serviceaccount:{namespace}:nowhere");
        assert!(!allows(&authorizer, &user, &[], pods("a")), "{user}");
    }
}

#[test]
fn a_repeated_subject_is_one_grant_and_none_is_none() {
    let user = json!({"kind": "User", "name": "u"});
    let all = objects(&[
        role("ClusterRole", "", "cr", "get"),
        binding(
            "",
            "twice",
            ("ClusterRole", "cr"),
            &json!([user, {"kind": "Group", "name": "u"}, user]),
        ),
        binding("", "none", ("ClusterRole", "cr"), &json!(null)),
        binding("", "gone", ("ClusterRole", "gone"), &json!([user])),
    ]);
    let authorizer = Authorizer::new(&all);
    let key = |name: &str| (BindingKind::ClusterRoleBinding, Name::from(""), Name::from(name));
    assert_eq!(authorizer.of_binding(&key("twice")).len(), 2);
    assert_eq!(authorizer.of_binding(&key("none")).len(), 0);
    let direct = authorizer.direct(&Identity::user("u"));
    assert_eq!(direct.len(), 2, "the dangling grant is a grant");
    let attributes = Attributes { user: "u", groups: &["u"], verb: "get", action: pods("") };
    assert_eq!(authorizer.allowing(&attributes).len(), 2);
    let mut dangling = Vec::new();
    let denied = Attributes { verb: "list", groups: &[], ..attributes };
    assert_eq!(authorizer.decide_noting(&denied, |slot| dangling.push(slot)), Decision::Denied);
    assert_eq!(dangling.len(), 1);
    assert!(authorizer.denial(&dangling).contains("\"gone\" not found"));
}

/// One step in a cluster's life.
#[derive(Clone, Debug)]
enum Step {
    Role { namespaced: bool, at: usize, verb: Option<usize> },
    Bind { at: usize, namespaced: bool, to: usize, subjects: Vec<usize>, gone: bool },
}

const NAMESPACES: [&str; 2] = ["a", "b"];
const VERBS: [&str; 2] = ["get", "list"];

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (any::<bool>(), 0..4usize, proptest::option::of(0..2usize))
            .prop_map(|(namespaced, at, verb)| Step::Role { namespaced, at, verb }),
        (
            0..4usize,
            any::<bool>(),
            0..6usize,
            proptest::collection::vec(0..6usize, 0..4),
            proptest::bool::weighted(0.25)
        )
            .prop_map(|(at, namespaced, to, subjects, gone)| Step::Bind {
                at,
                namespaced,
                to,
                subjects,
                gone
            }),
    ]
}

fn subject(at: usize) -> Value {
    match at {
        0 => json!({"kind": "User", "name": "u"}),
        1 => json!({"kind": "User", "name": "system:serviceaccount:a:s"}),
        2 => json!({"kind": "Group", "name": "g"}),
        3 => json!({"kind": "ServiceAccount", "name": "s"}),
        4 => json!({"kind": "ServiceAccount", "name": "s", "namespace": "b"}),
        _ => json!({"kind": "Group", "name": "u"}),
    }
}

/// Takes a step in the objects and in an authorizer that follows.
fn take(step: &Step, objects: &mut Objects, authorizer: &mut Authorizer) {
    match step {
        Step::Role { namespaced, at, verb } => {
            let (kind, ns) =
                if *namespaced { ("Role", NAMESPACES[at % 2]) } else { ("ClusterRole", "") };
            let name = format!("r{}", at / 2);
            let value = role(kind, ns, &name, VERBS[verb.unwrap_or_default()]);
            let kind = if *namespaced { RoleKind::Role } else { RoleKind::ClusterRole };
            let key: RoleKey = (kind, ns.into(), name.as_str().into());
            match verb {
                Some(_) => put(objects, &value),
                None => drop(objects.roles.remove(&key)),
            }
            authorizer.rerole(&key, objects);
        }
        Step::Bind { at, namespaced, to, subjects, gone } => {
            let ns = if *namespaced { NAMESPACES[at % 2] } else { "" };
            let kind = if *namespaced {
                BindingKind::RoleBinding
            } else {
                BindingKind::ClusterRoleBinding
            };
            let (role_kind, name) =
                if *to < 2 && *namespaced { ("Role", to % 2) } else { ("ClusterRole", to % 2) };
            let subjects: Vec<Value> = subjects.iter().map(|at| subject(*at)).collect();
            let value =
                binding(ns, &format!("b{at}"), (role_kind, &format!("r{name}")), &json!(subjects));
            let key: BindingKey = (kind, ns.into(), format!("b{at}").as_str().into());
            if *gone {
                objects.bindings.remove(&key);
            } else {
                put(objects, &value);
            }
            authorizer.rebind(&key, objects);
        }
    }
}

/// The walk of `rule.go`, spelt out over the objects: names of bindings that allow.
fn naive(
    objects: &Objects,
    user: &str,
    groups: &[&str],
    verb: &str,
    namespace: &str,
) -> Vec<String> {
    let mut found = Vec::new();
    for binding in objects.bindings.values() {
        let own = binding.meta.namespace.as_deref().unwrap_or_default();
        if binding.kind == BindingKind::RoleBinding && (namespace.is_empty() || own != namespace) {
            continue;
        }
        let applies = binding.subjects.iter().any(|subject| match &*subject.kind {
            "User" => &*subject.name == user,
            "Group" => groups.contains(&&*subject.name),
            _ => {
                let ns = subject.namespace.as_deref().unwrap_or(own);
                !ns.is_empty() && user == format!("system:serviceaccount:{ns}:{}", subject.name)
            }
        });
        let kind =
            if &*binding.role_ref.kind == "Role" { RoleKind::Role } else { RoleKind::ClusterRole };
        let role = objects.role(kind, own, &binding.role_ref.name);
        if applies
            && role.is_some_and(|role| {
                role.rules.iter().any(|rule| rule_allows(rule, verb, &pods(namespace)))
            })
        {
            found.push(format!("{}/{}/{}", binding.kind, own, binding.meta.name));
        }
    }
    found
}

fn indexed(authorizer: &Authorizer, attributes: &Attributes<'_>) -> Vec<String> {
    let mut found: Vec<String> = authorizer
        .allowing(attributes)
        .into_iter()
        .map(|(slot, _)| {
            let held = authorizer.held(slot).expect("a grant");
            let meta = &held.binding.meta;
            format!(
                "{}/{}/{}",
                held.binding.kind,
                meta.namespace.as_deref().unwrap_or_default(),
                meta.name
            )
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

proptest! {
    /// After any history an authorizer that followed it answers as one that is made anew, and both
    /// as the walk over the bare objects.
    #[test]
    fn following_equals_building_anew(steps in proptest::collection::vec(step(), 0..40)) {
        let mut objects = Objects::default();
        let mut followed = Authorizer::default();
        for step in &steps {
            take(step, &mut objects, &mut followed);
        }
        let anew = Authorizer::new(&objects);
        for user in ["u", "g", "system:serviceaccount:a:s", "system:serviceaccount:b:s"] {
            for groups in [&[][..], &["g"], &["u", "g"]] {
                for verb in VERBS {
                    for namespace in ["", "a", "b", "c"] {
                        let attributes = Attributes { user, groups, verb, action: pods(namespace) };
                        let mut expected = naive(&objects, user, groups, verb, namespace);
                        expected.sort();
                        prop_assert_eq!(&indexed(&followed, &attributes), &expected);
                        prop_assert_eq!(&indexed(&anew, &attributes), &expected);
                        prop_assert_eq!(followed.decide(&attributes).allowed(), !expected.is_empty());
                    }
                }
            }
        }
        prop_assert_eq!(followed.all().count(), anew.all().count());
    }
}
