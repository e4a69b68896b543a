use std::fs;
use std::io::Write as _;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::BindingKind;

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn role(ns: &str, name: &str) -> Value {
    json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": name, "namespace": ns},
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]})
}

fn list(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}})
}

fn gzip(text: &str) -> Vec<u8> {
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zip.write_all(text.as_bytes()).expect("in memory");
    zip.finish().expect("in memory")
}

#[test]
fn every_form_of_the_same_objects_reads_the_same() {
    let (one, two) = (role("a", "one"), role("b", "two"));
    let whole = list(&[one.clone(), two.clone()]);
    let typed = json!({"apiVersion": RBAC, "kind": "RoleList", "items": [
        {"metadata": one["metadata"], "rules": one["rules"]},
        {"metadata": two["metadata"], "rules": two["rules"]}]});
    let yaml = |value: &Value| yaml_serde::to_string(value).expect("plain data");
    let forms: Vec<Vec<u8>> = vec![
        whole.to_string().into_bytes(),
        format!("\u{feff}{whole:#}").into_bytes(),
        format!("{one:#}\n{two:#}\n").into_bytes(),
        format!("{one}{two}").into_bytes(),
        format!("{one}\n{two}\n").into_bytes(),
        json!([one, two]).to_string().into_bytes(),
        typed.to_string().into_bytes(),
        list(&[list(std::slice::from_ref(&one)), two.clone()]).to_string().into_bytes(),
        yaml(&whole).into_bytes(),
        yaml(&typed).into_bytes(),
        yaml(&list(&[list(std::slice::from_ref(&one)), two.clone()])).into_bytes(),
        format!("# saved\n---\n{}---\n# nothing here\n---\n{}...\n", yaml(&one), yaml(&two))
            .into_bytes(),
        format!("{}---\r\n{}", yaml(&one).replace('\n', "\r\n"), yaml(&two)).into_bytes(),
        gzip(&whole.to_string()),
        [gzip(&format!("{one}\n")), gzip(&two.to_string())].concat(),
        whole.to_string().encode_utf16().fold(vec![0xff, 0xfe], |mut bytes, unit| {
            bytes.extend(unit.to_le_bytes());
            bytes
        }),
    ];
    let expected = read_text(&forms[0]);
    assert_eq!(names(&expected), ["one", "two"]);
    assert_eq!(health(&expected, ListKind::Roles), Health::Unverifiable);
    assert_eq!(health(&expected, ListKind::RoleBindings), Health::NotGiven);
    for form in &forms[1..] {
        let text = String::from_utf8_lossy(form);
        assert_eq!(read_text(form), expected, "{text}");
    }
}

#[test]
fn an_empty_typed_list_is_given_and_an_empty_list_is_not() {
    let typed = json!({"apiVersion": RBAC, "kind": "RoleBindingList", "items": null});
    let snapshot = read_text(typed.to_string());
    assert_eq!(health(&snapshot, ListKind::RoleBindings), Health::Unverifiable);
    assert_eq!(health(&snapshot, ListKind::Roles), Health::NotGiven);
    let yaml = format!("apiVersion: {RBAC}\nitems: []\nkind: RoleBindingList\n");
    assert_eq!(read_text(yaml), snapshot);
    let untyped = read_text(list(&[]).to_string());
    assert_eq!(health(&untyped, ListKind::RoleBindings), Health::NotGiven);
    assert!(untyped.broken.is_empty());
}

#[test]
fn lists_within_lists_are_followed_or_said_not_to_be() {
    let nested = |levels: usize| {
        let begin = r#"{"apiVersion": "v1", "kind": "List", "items": ["#;
        format!("{}{}{}", begin.repeat(levels), role("a", "one"), "]}".repeat(levels))
    };
    let flat = read_text(list(&[role("a", "one")]).to_string());
    for (levels, followed) in [(2, true), (5, true), (6, false), (2000, false)] {
        let text = nested(levels);
        let json = read_text(&text);
        assert_eq!(json == flat, followed, "{levels}");
        assert_eq!(health(&json, ListKind::Roles) == Health::Unverifiable, followed);
        assert_eq!(json.broken.is_empty(), followed, "{levels}: {:?}", broken(&json));
        // YAML reads JSON too, by way of another reader.
        let yaml = read_text(format!("---\n{text}"));
        assert_eq!(yaml == flat, followed, "{levels}: {:?}", broken(&yaml));
        assert_eq!(yaml.broken.is_empty(), followed, "{levels}");
    }
}

#[test]
fn names_that_look_like_other_values_stay_names() {
    for name in ["yes", "0777", "1e3", "null", "true", "0x1F", "~", "2024-01-01", "012", ".5"] {
        let binding = json!({"apiVersion": RBAC, "kind": "ClusterRoleBinding",
            "metadata": {"name": "b", "labels": {"app": name}},
            "roleRef": {"kind": "ClusterRole", "name": name},
            "subjects": [{"kind": "User", "name": name}]});
        // Quoted, as kubectl prints them.
        let text = format!(
            "apiVersion: {RBAC}\nkind: ClusterRoleBinding\nmetadata:\n  labels:\n    app: \"{name}\"\n  \
             name: b\nroleRef:\n  kind: ClusterRole\n  name: \"{name}\"\nsubjects:\n- kind: User\n  \
             name: \"{name}\"\n"
        );
        let snapshot = read_text(&text);
        assert_eq!(snapshot, read_text(binding.to_string()), "{text}");
        let key = (BindingKind::ClusterRoleBinding, "".into(), "b".into());
        assert_eq!(&*snapshot.objects.bindings[&key].subjects[0].name, name);
    }
}

#[test]
fn a_broken_item_is_named_and_the_rest_is_read() {
    let text = format!(
        "{{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [\n{},\n{},\n{}\n]}}",
        role("a", "one"),
        json!({"apiVersion": RBAC, "kind": "RoleBinding", "metadata": {"name": "x", "namespace": "a"}}),
        role("a", "three"),
    );
    let snapshot = read_text(&text);
    assert_eq!(names(&snapshot), ["one", "three"]);
    assert_eq!(broken(&snapshot), ["stdin: item 2, line 3: RoleBinding: without roleRef"]);
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Unverifiable);
    assert_eq!(health(&snapshot, ListKind::RoleBindings), Health::Failed);

    let yaml = yaml_serde::to_string(&serde_json::from_str::<Value>(&text).expect("valid"));
    let snapshot = read_text(yaml.expect("plain data"));
    assert_eq!(names(&snapshot), ["one", "three"]);
    assert_eq!(broken(&snapshot), ["stdin: item 2: RoleBinding: without roleRef"]);
    assert_eq!(health(&snapshot, ListKind::RoleBindings), Health::Failed);
}

#[test]
fn what_stands_before_and_after_a_break_is_read() {
    let (one, two, three) = (role("a", "one"), role("a", "two"), role("a", "three"));
    // A list that breaks off, and another after it.
    let cut = format!("{:#}", list(&[one.clone(), two.clone()]));
    let cut = &cut[..cut.find("\"two\"").expect("is in it")];
    let snapshot = read_text(format!("{cut}\n{three:#}\n"));
    assert_eq!(names(&snapshot), ["one", "three"]);
    assert_eq!(snapshot.broken.len(), 1);
    assert!(broken(&snapshot)[0].contains("after item 1"), "{:?}", broken(&snapshot));
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Failed);

    // A broken line of line-separated JSON.
    let snapshot = read_text(format!("{one}\n{{\"kind\": oops}}\n{three}\n"));
    assert_eq!(names(&snapshot), ["one", "three"]);
    assert_eq!(
        broken(&snapshot),
        ["stdin: document 2, line 2: expected value; the rest is not read"]
    );
    let snapshot = read_text(format!("{one}\n{{\"kind\": \"x\"\n{three}\n"));
    assert_eq!(names(&snapshot), ["one", "three"]);

    // A broken YAML document between two good ones.
    let yaml = |value: &Value| yaml_serde::to_string(value).expect("plain data");
    let snapshot = read_text(format!("{}---\nkind: [a\n---\n{}", yaml(&one), yaml(&three)));
    assert_eq!(names(&snapshot), ["one", "three"]);
    assert!(
        broken(&snapshot)[0].starts_with("stdin: document 2, line 1"),
        "{:?}",
        broken(&snapshot)
    );
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Failed);
}

#[test]
fn a_gzip_stream_that_breaks_off_gives_what_it_holds() {
    let items: Vec<Value> = (0..2000).map(|at| role("a", &format!("role-{at}"))).collect();
    let zipped = gzip(&list(&items).to_string());
    let snapshot = read_text(&zipped[..zipped.len() / 2]);
    assert!(snapshot.objects.roles.len() > 100, "{}", snapshot.objects.roles.len());
    assert!(broken(&snapshot)[0].contains("the gzip stream breaks off"));
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Failed);
}

#[test]
fn other_kinds_are_counted_and_secrets_keep_no_data() {
    let secret = |type_: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": type_,
            "metadata": {"name": "s", "namespace": "n"}, "data": {"token": "c2VjcmV0"}})
    };
    let snapshot = read_text(
        list(&[
            secret("Opaque"),
            secret("kubernetes.io/service-account-token"),
            json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}}),
            json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "v"}}),
        ])
        .to_string(),
    );
    assert_eq!(snapshot.passed["example.org/v1/Widget"], 2);
    assert_eq!(snapshot.passed["v1/Secret"], 1);
    assert_eq!(snapshot.objects.secrets.len(), 1);
    assert_eq!(health(&snapshot, ListKind::TokenSecrets), Health::Unverifiable);
    assert_eq!(health(&snapshot, ListKind::BootstrapTokens), Health::Unverifiable);
    assert!(!format!("{snapshot:?}").contains("c2VjcmV0"));
}

#[test]
fn tables_refusals_pages_and_other_texts_are_named() {
    let said = |text: &str| broken(&read_text(text)).join("\n");
    assert!(
        said(r#"{"kind":"Table","apiVersion":"meta.k8s.io/v1","rows":[]}"#).contains("-o json")
    );
    assert!(said(r#"{"kind":"Status","apiVersion":"v1","code":403}"#).contains("an answer 403"));
    assert!(
        said("NAME   AGE\nadmin  3d\n").contains("-o yaml"),
        "{}",
        said("NAME   AGE\nadmin  3d\n")
    );
    assert!(said("{\"a\": 1}").contains("an object without kind"));
    assert!(said("\0\0\0\0").contains("not text"));
    let page = json!({"apiVersion": RBAC, "kind": "RoleList", "items": [role("a", "one")],
        "metadata": {"continue": "abc", "remainingItemCount": 12}});
    let snapshot = read_text(page.to_string());
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Failed);
    assert_eq!(names(&snapshot), ["one"]);
    let no_namespace = json!({"apiVersion": RBAC, "kind": "Role", "metadata": {"name": "x"}});
    assert!(said(&no_namespace.to_string()).contains("Role without metadata.namespace"));
}

#[test]
fn objects_of_no_namespace_need_none() {
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"}});
    let flow = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1", "kind": "FlowSchema",
        "metadata": {"name": "exempt", "namespace": "stray"}});
    let snapshot = read_text(list(&[crd, flow]).to_string());
    assert_eq!(names(&snapshot), ["widgets.example.org", "exempt"]);
    assert!(snapshot.broken.is_empty(), "{:?}", broken(&snapshot));
}

#[test]
fn of_an_object_given_twice_the_newest_is_kept() {
    let at = |version: Option<&str>, verb: &str| {
        json!({"apiVersion": RBAC, "kind": "Role", "rules": [{"verbs": [verb]}],
            "metadata": {"name": "x", "namespace": "n", "resourceVersion": version}})
    };
    for order in [["9", "10"], ["10", "9"]] {
        let verbs = |version: &str| if version == "10" { "new" } else { "old" };
        let items = order.map(|version| at(Some(version), verbs(version)));
        let snapshot = read_text(list(&items).to_string());
        let role = snapshot.objects.roles.values().next().expect("one");
        assert_eq!(&*role.rules[0].verbs[0], "new");
        assert_eq!((snapshot.repeated, snapshot.broken.len()), (1, 0));
    }
    let snapshot = read_text(list(&[at(None, "a"), at(None, "a")]).to_string());
    assert_eq!((snapshot.repeated, snapshot.broken.len()), (1, 0));
    let snapshot = read_text(list(&[at(None, "a"), at(None, "b")]).to_string());
    assert!(broken(&snapshot)[0].contains("given twice"), "{:?}", broken(&snapshot));
    assert_eq!(health(&snapshot, ListKind::Roles), Health::Failed);
}

#[test]
fn a_directory_is_read_whole_and_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let put = |name: &str, value: &Value| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("has one")).expect("made");
        fs::write(path, value.to_string()).expect("written");
    };
    put("b/two.json", &role("a", "two"));
    put("a.yaml", &role("a", "one"));
    put(".hidden/x.json", &role("a", "hidden"));
    put("notes.txt", &role("a", "text"));
    fs::write(dir.path().join("c.json.gz"), gzip(&role("a", "zipped").to_string()))
        .expect("written");
    #[cfg(unix)]
    std::os::unix::fs::symlink(dir.path(), dir.path().join("b/loop")).expect("linked");
    let snapshot = read_path(dir.path()).expect("readable");
    assert_eq!(names(&snapshot), ["one", "two", "zipped"]);
    assert_eq!(snapshot.repeated, 0);
    assert!(snapshot.broken.is_empty());
}

#[test]
fn what_is_not_there_at_all_is_an_error() {
    let dir = tempfile::tempdir().expect("a folder");
    assert!(matches!(read_path(&dir.path().join("gone")), Err(Error::Missing(_))));
    assert!(matches!(read_path(dir.path()), Err(Error::EmptyDirectory { others: 0, .. })));
    let empty = dir.path().join("empty.json");
    fs::write(&empty, "\n").expect("written");
    assert!(matches!(read_path(&empty), Err(Error::Empty(_))));
}

#[test]
fn aliases_cannot_grow_without_bound() {
    let laughs: String = (1..12).fold("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, at| {
        let before = vec![format!("*a{}", at - 1); 10].join(",");
        format!("{text}a{at}: &a{at} [{before}]\n")
    });
    let long = "y".repeat(50_000);
    let many = vec!["*l"; 5_000].join(",");
    for text in [laughs, format!("l: &l {long}\nm: [{many}]\n"), "a: &a [*a]\n".to_owned()] {
        let snapshot = read_text(format!("kind: X\napiVersion: v1\n{text}"));
        assert_eq!(snapshot.broken.len(), 1, "{:?}", broken(&snapshot));
    }
    let used = read_text("kind: Namespace\napiVersion: v1\nx: &n\n  name: n\nmetadata: *n\n");
    assert_eq!(names(&used), ["n"]);
}

proptest! {
    /// Whatever is done to a Secret's text, nothing of its data is said or kept.
    #[test]
    fn no_error_quotes_a_secret(cut in 0usize..600, put in "[\\[\\]{}\",:x0-9'\n-]{0,3}", yaml: bool) {
        let secret = json!({"apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
            "metadata": {"name": "s", "namespace": "kube-system", "labels": {"a": "b"}},
            "data": {"hunter2": "hunter2", "k": "hunter2, expected a map"},
            "stringData": {"hunter2": "missing field `hunter2`"}});
        let whole = list(&[secret]);
        let mut text = if yaml {
            yaml_serde::to_string(&whole).expect("plain data")
        } else {
            format!("{whole:#}")
        };
        let cut = (0..=cut.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.insert_str(cut, &put);
        let snapshot = read_with(&[Source::Stdin], &mut text.as_bytes());
        prop_assert!(!format!("{snapshot:?}").contains("hunter2"), "{snapshot:?}");
    }

    /// No text makes it panic.
    #[test]
    fn any_text_is_survived(text in "[ \n\\[\\]{}\":,a-z&*!|>#%'-]{0,200}") {
        let _ = read_with(&[Source::Stdin], &mut text.as_bytes());
        let _ = read_with(&[Source::Stdin], &mut format!("{{{text}").as_bytes());
    }
}

#[test]
fn merges_and_tags_bring_the_subjects_that_kubectl_makes_of_them() {
    let text = "\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ops}
roleRef: &admin {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects:
- &ana {kind: User, name: ana, apiGroup: rbac.authorization.k8s.io}
- <<: *ana
  name: eve
- {kind: User, name: !!binary bWFs, apiGroup: rbac.authorization.k8s.io}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: more}
roleRef: {<<: [{name: view}], kind: ClusterRole, apiGroup: rbac.authorization.k8s.io}
subjects: [{kind: User, name: bo}]
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: &m {name: a}}
- {apiVersion: v1, kind: Namespace, metadata: {<<: *m, name: b}}
";
    let read = read_text(text.as_bytes());
    assert_eq!(read.broken, []);
    let all: Vec<(String, Vec<String>)> = read
        .objects
        .bindings
        .values()
        .map(|binding| {
            let names = binding.subjects.iter().map(|subject| subject.name.to_string());
            (binding.role_ref.name.to_string(), names.collect())
        })
        .collect();
    let expected = [
        ("view".to_owned(), vec!["bo".to_owned()]),
        ("cluster-admin".to_owned(), vec!["ana".to_owned(), "eve".to_owned(), "mal".to_owned()]),
    ];
    assert_eq!(all, expected);
    assert_eq!(read.objects.namespaces.len(), 2);
    // What kubectl refuses hides nothing without a word.
    let broken = read_text(text.replace("<<: *ana", "<<: ana").as_bytes());
    let said: Vec<String> =
        broken.broken.iter().map(|one| format!("{}: {}", one.place, one.reason)).collect();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].contains("document 1, line 7") && said[0].contains("kubectl"), "{said:?}");
    assert_eq!(broken.objects.bindings.len(), 1);
}
