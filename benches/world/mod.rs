//! Big clusters out of a few numbers: the same world every time, for benches and for loading into
//! a real API server.

#![allow(dead_code)] // Each bench takes what it needs.
#![allow(clippy::expect_used)] // A bench has nobody to hand an error to.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use keybook::model::{
    Binding, BindingKind, BindingSubject, ClusterInfo, Health, ListKind, ListState, Meta, Name,
    Namespace, Object, PolicyRule, Role, RoleKind, RoleRef, ServiceAccount, Snapshot,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

/// What a world is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Namespaces; each has four accounts, three roles and eight bindings.
    pub namespaces: usize,
    /// Cluster roles.
    pub cluster_roles: usize,
    /// Cluster role bindings.
    pub cluster_bindings: usize,
    /// Distinct users among the subjects.
    pub users: usize,
    /// Subjects of a binding, at least one and at most.
    pub subjects: usize,
}

/// 16,700 objects: 1,000 namespaces, 4,000 accounts, 3,300 roles, 8,400 bindings.
pub const LARGE: Size = Size {
    namespaces: 1_000,
    cluster_roles: 300,
    cluster_bindings: 400,
    users: 5_000,
    subjects: 3,
};

/// The same objects with 100,000 identities in them.
pub const CROWD: Size = Size { users: 96_000, subjects: 34, ..LARGE };

/// Small enough to be built in a test.
pub const SMALL: Size =
    Size { namespaces: 20, cluster_roles: 30, cluster_bindings: 20, users: 100, subjects: 3 };

/// The moment at which every world is looked at.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_778_000_000, 0).expect("a time")
}

const RBAC: &str = "rbac.authorization.k8s.io";

/// All objects, in no particular order.
pub fn objects(size: &Size) -> Vec<Object> {
    let mut make = Make { size: *size, random: ChaCha8Rng::seed_from_u64(4), next_user: 0 };
    let mut all = Vec::new();
    for number in 0..size.cluster_roles {
        all.push(make.role(None, &format!("role-{number:03}")));
    }
    for number in 0..size.namespaces {
        make.namespace(number, &mut all);
    }
    for number in 0..size.cluster_bindings {
        let role = format!("ClusterRole/role-{:03}", make.below(size.cluster_roles));
        all.push(make.binding(None, &format!("cluster-{number:03}"), &role));
    }
    all
}

/// All objects as a snapshot of which every list is complete.
pub fn snapshot(size: &Size) -> Snapshot {
    let cluster = ClusterInfo {
        id: "00000000-0000-4000-8000-000000000000".into(),
        name: "big".into(),
        server_version: Some("v1.36.3".into()),
        ..ClusterInfo::default()
    };
    let mut snapshot = Snapshot { cluster, taken_at: Some(now()), ..Snapshot::default() };
    for list in ListKind::ALL {
        snapshot.lists.insert(list, ListState::new(Health::Complete));
    }
    for object in objects(size) {
        snapshot.objects.insert(object);
    }
    snapshot.discovery = Arc::default();
    snapshot
}

/// Writes all objects into a folder the way `kubectl get -o json` prints them, a List a kind.
pub fn write_lists(size: &Size, folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let mut kinds: std::collections::BTreeMap<String, Vec<Value>> =
        std::collections::BTreeMap::new();
    for object in objects(size) {
        let json = object.to_json();
        let kind = json["kind"].as_str().unwrap_or_default().to_lowercase();
        kinds.entry(kind).or_default().push(json);
    }
    for (kind, items) in kinds {
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        fs::write(folder.join(format!("{kind}s.json")), serde_json::to_vec_pretty(&list)?)?;
    }
    Ok(())
}

/// Writes all objects one a line, as they are created: without what a server gives.
pub fn write_lines(size: &Size, out: &mut dyn Write) -> std::io::Result<()> {
    for object in objects(size) {
        let mut json = object.to_json();
        if let Some(meta) = json["metadata"].as_object_mut() {
            for given in ["uid", "resourceVersion", "creationTimestamp"] {
                meta.remove(given);
            }
        }
        serde_json::to_writer(&mut *out, &json)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

struct Make {
    size: Size,
    random: ChaCha8Rng,
    /// Users are handed out one after another, so that all of them appear.
    next_user: usize,
}

impl Make {
    fn below(&mut self, bound: usize) -> usize {
        self.random.random_range(0..bound.max(1))
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }

    fn meta(&mut self, namespace: Option<&str>, name: &str) -> Meta {
        let (high, low): (u64, u64) = (self.random.random(), self.random.random());
        let uid = format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0xfff,
            low & 0xffff_ffff_ffff
        );
        Meta {
            name: name.into(),
            namespace: namespace.map(Name::from),
            uid: Some(uid.into()),
            resource_version: Some((high % 90_000_000).to_string().into()),
            creation_timestamp: Some(now() - TimeDelta::minutes((low % 1_000_000).cast_signed())),
            labels: [("app.kubernetes.io/part-of".into(), name.into())].into(),
            ..Meta::default()
        }
    }

    fn namespace(&mut self, number: usize, all: &mut Vec<Object>) {
        let ns = format!("team-{number:04}");
        all.push(Object::Namespace(Namespace { meta: self.meta(None, &ns) }));
        for account in ["api", "worker", "cron", "deploy"] {
            let meta = self.meta(Some(&ns), account);
            all.push(Object::ServiceAccount(ServiceAccount { meta, ..ServiceAccount::default() }));
        }
        for role in ["reader", "writer", "operator"] {
            all.push(self.role(Some(&ns), role));
        }
        for binding in 0..8 {
            let role = match self.below(10) {
                // A role that was deleted.
                0 => "Role/gone".to_owned(),
                1..=3 => format!("ClusterRole/role-{:03}", self.below(self.size.cluster_roles)),
                _ => format!("Role/{}", self.pick(&["reader", "writer", "operator"])),
            };
            all.push(self.binding(Some(&ns), &format!("binding-{binding}"), &role));
        }
    }

    fn role(&mut self, namespace: Option<&str>, name: &str) -> Object {
        let kind = if namespace.is_some() { RoleKind::Role } else { RoleKind::ClusterRole };
        let rules = (0..=self.below(5)).map(|_| self.rule()).collect();
        Object::Role(Role { kind, meta: self.meta(namespace, name), rules, aggregation: None })
    }

    fn rule(&mut self) -> PolicyRule {
        let resources: [(&str, &[&str]); 6] = [
            ("", &["pods", "services", "configmaps", "secrets", "events", "pods/log", "pods/exec"]),
            ("apps", &["deployments", "statefulsets", "daemonsets", "deployments/scale"]),
            ("batch", &["jobs", "cronjobs"]),
            ("networking.k8s.io", &["ingresses", "networkpolicies"]),
            (RBAC, &["roles", "rolebindings"]),
            ("*", &["*"]),
        ];
        // The last one, everything, is rare.
        let last = if self.below(100) == 0 { 6 } else { 5 };
        let (group, names) = resources[self.below(last)];
        let verbs: &[&str] = match self.below(4) {
            0 => &["get", "list", "watch"],
            1 => &["get", "list", "watch", "create", "update", "patch", "delete"],
            2 => &["get"],
            _ => &["*"],
        };
        let resource_names = if self.below(12) == 0 { vec!["settings".into()] } else { Vec::new() };
        let count = 1 + self.below(names.len());
        PolicyRule {
            verbs: verbs.iter().copied().map(Name::from).collect(),
            api_groups: vec![group.into()],
            resources: names.iter().take(count).copied().map(Name::from).collect(),
            resource_names,
            non_resource_urls: Vec::new(),
        }
    }

    fn binding(&mut self, namespace: Option<&str>, name: &str, role: &str) -> Object {
        let kind = match namespace {
            Some(_) => BindingKind::RoleBinding,
            None => BindingKind::ClusterRoleBinding,
        };
        let (role_kind, role) = role.split_once('/').expect("kind and name");
        let count = 1 + self.below(self.size.subjects);
        Object::Binding(Binding {
            kind,
            meta: self.meta(namespace, name),
            role_ref: RoleRef { api_group: RBAC.into(), kind: role_kind.into(), name: role.into() },
            subjects: (0..count).map(|_| self.subject(namespace)).collect(),
        })
    }

    fn subject(&mut self, namespace: Option<&str>) -> BindingSubject {
        let of = |kind: &str, name: String| BindingSubject {
            kind: kind.into(),
            api_group: RBAC.into(),
            name: name.into(),
            namespace: None,
        };
        match self.below(10) {
            0 => of("Group", format!("group-{:03}", self.below(400))),
            1 | 2 => {
                let account = self.pick(&["api", "worker", "cron", "deploy"]);
                let other = format!("team-{:04}", self.below(self.size.namespaces));
                BindingSubject {
                    kind: "ServiceAccount".into(),
                    api_group: "".into(),
                    name: account.into(),
                    namespace: Some(namespace.map_or(other, str::to_owned).into()),
                }
            }
            _ => {
                self.next_user = (self.next_user + 1) % self.size.users;
                of("User", format!("user-{:05}@corp.example", self.next_user))
            }
        }
    }
}
