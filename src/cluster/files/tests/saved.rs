use std::fs;
use std::sync::Arc;

use chrono::{DateTime, TimeZone as _, Utc};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::cluster::files::{MANIFEST, is_snapshot, write};
use crate::model::{
    ApiResource, Binding, BindingKind, BindingSubject, BrokenInput, CertificateSigningRequest,
    ClusterInfo, ConfigMap, Discovery, ListState, Meta, Name, Namespace, Object, ObjectBody,
    OtherObject, Pod, PolicyRule, Role, RoleKind, RoleRef, Secret, ServiceAccount,
};

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![
        "[a-z]{1,6}",
        Just("yes".to_owned()),
        Just("0777".to_owned()),
        Just("日本\u{202e}\u{7}\"".to_owned()),
    ]
    .prop_map(Into::into)
}

fn time() -> impl Strategy<Value = DateTime<Utc>> {
    (1_500_000_000i64..1_900_000_000, prop_oneof![Just(0u32), 0u32..1_000_000_000])
        .prop_map(|(seconds, nanos)| Utc.timestamp_opt(seconds, nanos).single().expect("in range"))
}

fn meta(namespaced: bool) -> impl Strategy<Value = Meta> {
    (
        name(),
        name(),
        option::of(name()),
        option::of(time()),
        btree_map(name(), name(), 0..3),
        // Of what may hold something secret only such annotations are read back as are known.
        btree_map(name().prop_map(|name| format!("keybook/{name}").into()), name(), 0..3),
    )
        .prop_map(move |(name, ns, uid, created, labels, annotations)| Meta {
            name,
            namespace: namespaced.then_some(ns),
            resource_version: uid.clone(),
            uid,
            creation_timestamp: created,
            labels,
            annotations,
            ..Meta::default()
        })
}

fn rule() -> impl Strategy<Value = PolicyRule> {
    (vec(name(), 0..3), vec(name(), 0..3), vec(name(), 0..3), vec(name(), 0..2), vec(name(), 0..2))
        .prop_map(|(verbs, api_groups, resources, resource_names, non_resource_urls)| PolicyRule {
            verbs,
            api_groups,
            resources,
            resource_names,
            non_resource_urls,
        })
}

fn object() -> impl Strategy<Value = Object> {
    let role = |kind| {
        (meta(kind == RoleKind::Role), vec(rule(), 0..3)).prop_map(move |(meta, rules)| {
            Object::Role(Role { kind, meta, rules, aggregation: None })
        })
    };
    let binding = |kind| {
        (
            meta(kind == BindingKind::RoleBinding),
            name(),
            vec((name(), name(), option::of(name())), 0..3),
        )
            .prop_map(move |(meta, role, subjects)| {
                let subjects = subjects
                    .into_iter()
                    .map(|(kind, name, namespace)| BindingSubject {
                        kind,
                        name,
                        namespace,
                        ..BindingSubject::default()
                    })
                    .collect();
                let role_ref = RoleRef { name: role, ..RoleRef::default() };
                Object::Binding(Binding { kind, meta, role_ref, subjects })
            })
    };
    let secret = prop_oneof![
        Just("kubernetes.io/service-account-token"),
        Just("bootstrap.kubernetes.io/token"),
        Just("Opaque")
    ];
    prop_oneof![
        role(RoleKind::Role),
        role(RoleKind::ClusterRole),
        binding(BindingKind::RoleBinding),
        binding(BindingKind::ClusterRoleBinding),
        meta(false).prop_map(|meta| Object::Namespace(Namespace { meta })),
        (meta(true), vec(name(), 0..2), option::of(any::<bool>())).prop_map(
            |(meta, secrets, automount)| Object::ServiceAccount(ServiceAccount {
                meta,
                image_pull_secrets: secrets.clone(),
                secrets,
                automount,
            })
        ),
        (meta(true), secret).prop_map(|(meta, type_)| Object::Secret(Secret {
            meta,
            type_: type_.into(),
            immutable: false,
            bootstrap: None,
        })),
        (meta(true), name(), option::of(name()), option::of(time())).prop_map(
            |(meta, service_account, node, started)| Object::Pod(Pod {
                meta,
                service_account,
                node,
                phase: "Running".into(),
                started,
                ips: vec!["192.0.2.7".parse().expect("an address")],
                spec: Arc::default(),
            })
        ),
        (meta(false), name(), vec(name(), 0..2), option::of(name())).prop_map(
            |(meta, requester, requester_groups, certificate)| {
                Object::CertificateSigningRequest(CertificateSigningRequest {
                    meta,
                    requester,
                    conditions: requester_groups.clone(),
                    approved: None,
                    requester_groups,
                    signer: "kubernetes.io/kube-apiserver-client".into(),
                    expiration_seconds: Some(3600),
                    request: certificate.clone(),
                    certificate,
                })
            }
        ),
        (meta(true), btree_map(name(), name(), 0..3))
            .prop_map(|(meta, data)| Object::ConfigMap(ConfigMap { meta, data })),
        (
            meta(true),
            option::of(name()),
            prop_oneof![Just(("apps/v1", "Deployment")), Just(("batch/v1", "CronJob"))]
        )
            .prop_map(|(meta, service_account, (api_version, kind))| {
                Object::Other(OtherObject {
                    api_version: api_version.into(),
                    kind: kind.into(),
                    meta,
                    service_account,
                    body: ObjectBody::Workload(Arc::default()),
                })
            }),
    ]
}

fn state() -> impl Strategy<Value = ListState> {
    let health = prop_oneof![
        Just(Health::Complete),
        Just(Health::Partial),
        Just(Health::Forbidden),
        Just(Health::Failed),
        Just(Health::Outdated),
        Just(Health::NotGiven),
        Just(Health::Unverifiable),
        Just(Health::Loading),
    ];
    (health, option::of(name()), vec(name(), 0..3), 0u64..9).prop_map(
        |(health, reason, namespaces, count)| ListState { health, reason, namespaces, count },
    )
}

fn snapshot() -> impl Strategy<Value = Snapshot> {
    (
        (name(), name(), option::of(name()), vec(name(), 0..2)),
        option::of(time()),
        btree_map(prop::sample::select(ListKind::ALL.to_vec()), state(), 0..14),
        vec(object(), 0..40),
        btree_map(name(), 1u64..9, 0..3),
        vec((name(), name()), 0..3),
        vec((name(), name(), any::<bool>()), 0..3),
    )
        .prop_map(|(cluster, taken_at, lists, objects, passed, broken, resources)| {
            let (id, name, server_version, authorizers) = cluster;
            let mut snapshot = Snapshot {
                cluster: ClusterInfo {
                    id,
                    name,
                    server_version,
                    authorizers,
                    ..ClusterInfo::default()
                },
                taken_at,
                lists,
                passed,
                broken: broken
                    .into_iter()
                    .map(|(place, reason)| BrokenInput { place, reason })
                    .collect(),
                discovery: Discovery {
                    resources: resources
                        .into_iter()
                        .map(|(group, name, namespaced)| ApiResource {
                            group,
                            singular: name.clone(),
                            kind: name.clone(),
                            name,
                            short_names: Vec::new(),
                            namespaced,
                            verbs: vec!["get".into()],
                        })
                        .collect(),
                    ..Discovery::default()
                }
                .into(),
                ..Snapshot::default()
            };
            for object in objects {
                snapshot.objects.insert(object);
            }
            snapshot
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a snapshot holds, incompleteness included, is read back equal.
    #[test]
    fn a_snapshot_is_read_back_as_it_was(snapshot in snapshot()) {
        let parent = tempfile::tempdir().expect("a folder");
        let dir = parent.path().join("saved");
        let written = write(&snapshot, &dir).expect("written");
        prop_assert_eq!(written.objects, snapshot.objects.all().count() as u64);
        prop_assert_eq!(read_path(&dir).expect("readable"), snapshot);
        // Nothing is left beside it.
        prop_assert_eq!(fs::read_dir(parent.path()).expect("readable").count(), 1);
    }
}

fn sample() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for list in ListKind::ALL {
        snapshot.lists.insert(list, ListState::new(Health::Complete));
    }
    snapshot.objects.insert(Object::Namespace(Namespace {
        meta: Meta { name: "pay".into(), ..Meta::default() },
    }));
    snapshot
}

#[test]
fn only_a_snapshot_is_replaced() {
    let parent = tempfile::tempdir().expect("a folder");
    let dir = parent.path().join("saved");
    write(&sample(), &dir).expect("written");
    write(&Snapshot::default(), &dir).expect("replaced");
    assert_eq!(read_path(&dir).expect("readable"), Snapshot::default());
    assert!(!dir.join("namespaces.json").exists());

    fs::write(dir.join("notes.txt"), "mine").expect("written");
    assert!(matches!(write(&sample(), &dir), Err(Error::Occupied { .. })));
    assert_eq!(fs::read_to_string(dir.join("notes.txt")).expect("still there"), "mine");

    let other = parent.path().join("other");
    fs::create_dir(&other).expect("made");
    write(&sample(), &other).expect("an empty folder will do");
    fs::write(parent.path().join("file"), "x").expect("written");
    assert!(matches!(write(&sample(), &parent.path().join("file")), Err(Error::Occupied { .. })));
    assert!(matches!(write(&sample(), parent.path()), Err(Error::Occupied { .. })));
}

#[cfg(unix)]
#[test]
fn files_are_for_the_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let parent = tempfile::tempdir().expect("a folder");
    let dir = parent.path().join("saved");
    write(&sample(), &dir).expect("written");
    for entry in fs::read_dir(&dir).expect("readable") {
        let mode = entry.expect("readable").metadata().expect("readable").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(fs::metadata(&dir).expect("readable").permissions().mode() & 0o777, 0o700);
}

#[test]
fn damage_is_named_and_its_list_is_not_whole() {
    let parent = tempfile::tempdir().expect("a folder");
    let dir = parent.path().join("saved");
    for damage in [Some("{"), Some(r#"{"items":[]}"#), None] {
        write(&sample(), &dir).expect("written");
        let file = dir.join("namespaces.json");
        match damage {
            Some(text) => fs::write(&file, text).expect("written"),
            None => fs::remove_file(&file).expect("removed"),
        }
        let snapshot = read_path(&dir).expect("readable");
        assert_eq!(health(&snapshot, ListKind::Namespaces), Health::Failed);
        assert_eq!(health(&snapshot, ListKind::Roles), Health::Complete);
        assert_eq!(snapshot.broken.len(), 1);
    }
    fs::write(dir.join(MANIFEST), "{").expect("written");
    assert!(is_snapshot(&dir));
    assert!(matches!(read_path(&dir), Err(Error::BadSnapshot { .. })));
}

#[test]
fn a_snapshot_is_read_alone() {
    let parent = tempfile::tempdir().expect("a folder");
    let dir = parent.path().join("saved");
    write(&sample(), &dir).expect("written");
    let sources = [Source::Path(dir), Source::Stdin];
    let read = read_with(&sources, &mut "{}".as_bytes());
    assert!(matches!(read, Err(Error::SnapshotNotAlone(_))));
}
