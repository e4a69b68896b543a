//! Lists, watches, discovery, and what is refused.

use std::collections::BTreeSet;

use futures::StreamExt;
use keybook::cluster::{Event, Events};
use keybook::model::Object;

use super::*;

fn names(objects: &[Object]) -> Vec<String> {
    objects.iter().map(|object| object.meta().name.to_string()).collect()
}

pub(super) async fn pages(subject: &Subject) {
    for number in 0..7 {
        let object = binding(&format!("page-{number}"), "view", &[]);
        made(&subject.writer, &bindings("other"), &object).await;
    }
    let source = source(ListKind::RoleBindings);
    let extent = inside("other");
    let whole = subject.cluster.list(source, &extent, 0, None).await.expect("list");
    assert_eq!(whole.next, None);
    assert_eq!(names(&whole.objects), (0..7).map(|n| format!("page-{n}")).collect::<Vec<_>>());
    let mut read = Vec::new();
    let mut versions = BTreeSet::new();
    let mut next = None;
    loop {
        let page = subject.cluster.list(source, &extent, 3, next.as_deref()).await.expect("a page");
        assert!(page.objects.len() <= 3);
        read.extend(page.objects);
        versions.insert(page.version);
        // What comes later is not in a list that has begun.
        if read.len() == 3 {
            made(&subject.writer, &bindings("other"), &binding("page-3-late", "view", &[])).await;
        }
        next = page.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(read, whole.objects);
    assert_eq!(versions.len(), 1, "{versions:?}");
    let everywhere = subject.cluster.list(source, &Extent::All, 0, None).await.expect("list");
    let namespaces: BTreeSet<&str> =
        everywhere.objects.iter().filter_map(|object| object.meta().namespace.as_deref()).collect();
    assert!(namespaces.is_superset(&BTreeSet::from(["contract", "other"])));
}

/// The next event, bookmarks passed over.
pub(super) async fn next(events: &mut Events) -> Event {
    loop {
        let event = tokio::time::timeout(Duration::from_mins(1), events.next()).await;
        match event.expect("an event in time").expect("the watch goes on").expect("an event") {
            Event::Bookmark(_) => {}
            event => return event,
        }
    }
}

pub(super) async fn watches(subject: &Subject) {
    let source = source(ListKind::RoleBindings);
    let list = subject.cluster.list(source, &inside("contract"), 0, None).await.expect("list");
    let watch = |extent: Extent| {
        let (cluster, version) = (subject.cluster.clone(), list.version.clone());
        async move { cluster.watch(source, &extent, &version).await.expect("watch") }
    };
    let (at, elsewhere) = (bindings("contract"), bindings("other"));
    // What happened before it was opened is told, too.
    let first = made(&subject.writer, &at, &binding("watched", "view", &["a@x.example"])).await;
    let mut inside = watch(inside("contract")).await;
    let mut all = watch(Extent::All).await;
    made(&subject.writer, &elsewhere, &binding("watched", "view", &[])).await;
    let mut changed = first.clone();
    changed["subjects"][0]["name"] = json!("b@x.example");
    let path = format!("{at}/watched");
    subject.writer.replace(&path, &changed, DryRun::No).await.expect("replace");
    subject.writer.delete(&path, &Preconditions::default(), DryRun::No).await.expect("delete");

    let who = |object: &Object| match object {
        Object::Binding(binding) => binding.subjects.first().map(|who| who.name.to_string()),
        other => panic!("{other:?}"),
    };
    let a = Some("a@x.example".to_owned());
    let b = Some("b@x.example".to_owned());
    assert!(matches!(next(&mut inside).await, Event::Added(object) if who(&object) == a));
    assert!(matches!(next(&mut inside).await, Event::Modified(object) if who(&object) == b));
    let Event::Deleted(deleted) = next(&mut inside).await else { panic!("not a deletion") };
    assert_eq!(who(&deleted), b);
    // The version of a deletion is that of the deletion, so that a watch from there goes on.
    let version = deleted.meta().resource_version.clone().expect("a version");
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(match next(&mut all).await {
            Event::Added(object) => {
                format!("+{}", object.meta().namespace.as_deref().unwrap_or(""))
            }
            Event::Modified(_) => "~".to_owned(),
            Event::Deleted(_) => "-".to_owned(),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(seen, ["+contract", "+other", "~", "-"]);
    made(&subject.writer, &at, &binding("after", "view", &[])).await;
    let extent = Extent::Namespace("contract".into());
    let mut resumed = subject.cluster.watch(source, &extent, &version).await.expect("watch");
    assert!(matches!(next(&mut resumed).await,
        Event::Added(object) if &*object.meta().name == "after"));
}

pub(super) async fn secrets(subject: &Subject) {
    let secret = |name: &str, type_: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": type_,
            "stringData": {"password": "hunter2"}})
    };
    let at = "/api/v1/namespaces/contract/secrets";
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}});
    let robot =
        made(&subject.writer, "/api/v1/namespaces/contract/serviceaccounts", &account).await;
    let ordinary = made(&subject.writer, at, &secret("ordinary", "Opaque")).await;
    let mut token = secret("robot-token", "kubernetes.io/service-account-token");
    token["metadata"]["annotations"] = json!({"kubernetes.io/service-account.name": "robot"});
    token.as_object_mut().expect("an object").remove("stringData");
    made(&subject.writer, at, &token).await;
    let (tokens, here) = (source(ListKind::TokenSecrets), inside("contract"));
    let page = subject.cluster.list(tokens, &here, 0, None).await.expect("list");
    assert_eq!(names(&page.objects), ["robot-token"]);
    assert!(matches!(&page.objects[0],
        Object::Secret(secret) if &*secret.type_ == "kubernetes.io/service-account-token"));
    assert!(!format!("{page:?}").contains("hunter2"));
    let path = format!("{at}/ordinary");
    assert_eq!(kind(&subject.cluster.get(&path).await), "another");
    let only = subject.cluster.metadata(&format!("{at}/robot-token")).await.expect("metadata");
    assert_eq!(text(&only, "/metadata/name"), "robot-token");
    assert!(!text(&only, "/metadata/uid").is_empty(), "{only}");
    assert!(only.get("data").is_none() && only["kind"] == "PartialObjectMetadata", "{only}");
    let missing = subject.cluster.metadata(&format!("{at}/no-such")).await;
    assert_eq!(kind(&missing), "not found");
    let mut applied = secret("applied", "Opaque");
    applied["metadata"]["annotations"] = json!({"example.org/why": "hunter2",
        "kubernetes.io/service-account.name": "robot",
        "kapp.k14s.io/original": "{\"stringData\":\"hunter2\"}",
        "kubectl.kubernetes.io/last-applied-configuration": "{\"stringData\":\"hunter2\"}"});
    let stored = made(&subject.writer, at, &applied).await;
    assert!(stored.get("data").is_none() && stored.get("stringData").is_none(), "{stored}");
    let kept = subject.cluster.metadata(&format!("{at}/applied")).await.expect("metadata");
    let read = json!({"kubernetes.io/service-account.name": "robot"});
    assert_eq!(kept["metadata"]["annotations"], read);
    // Whose owner is one object alone goes with it.
    let owner = |kind: &str, of: &Value| {
        json!({"apiVersion": "v1", "kind": kind, "name": of["metadata"]["name"],
            "uid": of["metadata"]["uid"]})
    };
    let (robot, ordinary) = (owner("ServiceAccount", &robot), owner("Secret", &ordinary));
    for (name, owners) in [("owned", json!([robot])), ("shared", json!([robot, ordinary]))] {
        let mut child = secret(name, "Opaque");
        child["metadata"]["ownerReferences"] = owners;
        made(&subject.writer, at, &child).await;
    }
    let alone = subject.cluster.sole_owners(at).await.expect("owners");
    assert_eq!(alone, [("owned".into(), text(&robot, "/uid").into())]);
    assert_eq!(kind(&subject.ada.sole_owners(at).await), "forbidden");
    let none = "/api/v1/namespaces/contract/no-such-things";
    assert_eq!(kind(&subject.cluster.sole_owners(none).await), "not found");
    subject.writer.delete(&path, &Preconditions::default(), DryRun::No).await.expect("delete");
}

pub(super) async fn refusals(subject: &Subject) {
    let refused = |list, extent| {
        let ada = subject.ada.clone();
        async move {
            let listed = ada.list(source(list), &extent, 0, None).await;
            let watched = ada.watch(source(list), &extent, "0").await.map(drop);
            match (listed, watched) {
                (Err(Error::Forbidden { cause, .. }), Err(Error::Forbidden { .. })) => cause,
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(
        refused(ListKind::Roles, Extent::All).await,
        "roles.rbac.authorization.k8s.io is forbidden: User \"ada@corp.example\" cannot list \
         resource \"roles\" in API group \"rbac.authorization.k8s.io\" at the cluster scope"
    );
    assert_eq!(
        refused(ListKind::Pods, inside("contract")).await,
        "pods is forbidden: User \"ada@corp.example\" cannot list resource \"pods\" in API group \
         \"\" in the namespace \"contract\""
    );
    assert_eq!(
        refused(ListKind::ConfigMaps, Extent::All).await,
        "configmaps \"aws-auth\" is forbidden: User \"ada@corp.example\" cannot list resource \
         \"configmaps\" in API group \"\" in the namespace \"kube-system\""
    );
    let path = format!("{}/replacement", bindings("contract"));
    assert_eq!(kind(&subject.ada.get(&path).await), "forbidden");
    let object = binding("refused", "view", &[]);
    let at = bindings("contract");
    assert_eq!(kind(&subject.ada_writer.create(&at, &object, DryRun::No).await), "forbidden");
    let deleted = subject.ada_writer.delete(&path, &Preconditions::default(), DryRun::No).await;
    assert_eq!(kind(&deleted), "forbidden");
}

pub(super) async fn served(subject: &Subject) {
    let discovery = subject.cluster.discovery().await.expect("discovery");
    assert!(discovery.failed_groups.is_empty() && !discovery.builtin);
    assert!(discovery.resources.is_sorted_by_key(|it| (it.group.clone(), it.name.clone())));
    let find = |group: &str, name: &str| {
        let mut resources = discovery.resources.iter();
        resources.find(|it| &*it.group == group && &*it.name == name).expect("it is served")
    };
    let bindings = find("rbac.authorization.k8s.io", "rolebindings");
    assert!(bindings.namespaced && &*bindings.kind == "RoleBinding");
    assert!(!find("", "namespaces").namespaced);
    let pods = find("", "pods");
    assert_eq!(pods.short_names, ["po".into()]);
    assert!(pods.verbs.iter().any(|verb| &**verb == "deletecollection"));
    assert!(find("", "pods/exec").verbs.iter().any(|verb| &**verb == "create"));
}

pub(super) async fn forgetting(subject: &Subject) {
    let source = source(ListKind::RoleBindings);
    let extent = inside("other");
    let page = subject.cluster.list(source, &extent, 2, None).await.expect("a page");
    let next = page.next.expect("another page");
    for number in 0..3 {
        let object = binding(&format!("late-{number}"), "view", &[]);
        made(&subject.writer, &bindings("other"), &object).await;
    }
    (subject.forget_the_past)();
    let stale = subject.cluster.list(source, &extent, 2, Some(&next)).await;
    assert_eq!(kind(&stale), "gone", "{stale:?}");
    let watched = match subject.cluster.watch(source, &extent, &page.version).await {
        Err(error) => Err(error),
        Ok(mut events) => match events.next().await {
            Some(Err(error)) => Err(error),
            other => panic!("{other:?}"),
        },
    };
    assert_eq!(kind::<()>(&watched), "gone", "{watched:?}");
    let fresh = subject.cluster.list(source, &extent, 0, None).await.expect("a list");
    drop(subject.cluster.watch(source, &extent, &fresh.version).await.expect("a watch"));
}
