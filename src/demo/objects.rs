//! The cluster's objects, made from the tables.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

use super::company::{
    ACCOUNTS, APPLICATIONS, BINDINGS, Bind, CLUSTER_AGE, NAMESPACES, RELEASES, SYSTEM_NAMESPACES,
};
use super::identifiers::uid;
use super::random::hash;
use super::roles::{CLUSTER_ROLES, ROLES, Rule};
use super::{VERSION, workloads};
use crate::model::{
    Binding, BindingKind, BindingSubject, Identity, Meta, Name, Namespace, Object, PolicyRule,
    Role, RoleKind, RoleRef, ServiceAccount, SubjectKind,
};
use crate::rbac::bootstrap;

/// Everything.
pub(super) fn all(now: DateTime<Utc>) -> Vec<Object> {
    let make = Make { now: now.trunc_subsecs(0) };
    let mut objects = Vec::new();
    namespaces(&make, &mut objects);
    bootstrap(&make, &mut objects);
    roles(&make, &mut objects);
    objects.extend(BINDINGS.iter().map(|bind| make.binding(bind)));
    workloads::all(&make, &mut objects);
    for object in &mut objects {
        keep(object);
    }
    objects
}

/// Marks what a chart or a repository keeps, as Helm and Argo CD do.
fn keep(object: &mut Object) {
    let group = match object {
        Object::Role(_) | Object::Binding(_) => RBAC,
        Object::ServiceAccount(_) => "",
        _ => return,
    };
    let kind = object.kind().to_owned();
    let meta = object.meta_mut();
    let namespace = meta.namespace.clone().filter(|_| &*meta.name != "default");
    if let Some((_, place)) = RELEASES.iter().find(|(release, _)| **release == *meta.name) {
        let label = ("app.kubernetes.io/managed-by", "Helm");
        meta.labels.insert(label.0.into(), label.1.into());
        let release = [("name", &*meta.name.clone()), ("namespace", place)]
            .map(|(what, value)| (format!("meta.helm.sh/release-{what}").into(), value.into()));
        meta.annotations.extend(release);
    } else if let Some(application) = namespace.filter(|ns| APPLICATIONS.contains(&&**ns)) {
        let id = format!("{application}:{group}/{kind}:{application}/{}", meta.name);
        meta.annotations.insert("argocd.argoproj.io/tracking-id".into(), id.into());
    }
}

/// Makes objects as of one moment.
pub(super) struct Make {
    /// UTC, whole seconds as in an object's metadata.
    pub(super) now: DateTime<Utc>,
}

impl Make {
    /// Metadata of an object that was made `age` days ago, at a time of day of its own.
    pub(super) fn meta(&self, kind: &str, namespace: &str, name: &str, age: i64) -> Meta {
        let number = hash(&format!("{kind}/{namespace}/{name}"));
        let seconds = i64::try_from(number % 40_000).unwrap_or(0);
        let created = self.now - TimeDelta::days(age) - TimeDelta::seconds(seconds);
        Meta {
            name: name.into(),
            namespace: (!namespace.is_empty()).then(|| namespace.into()),
            uid: Some(uid(kind, namespace, name).into()),
            resource_version: Some((80_000_000 + number % 9_000_000).to_string().into()),
            creation_timestamp: Some(created),
            ..Meta::default()
        }
    }

    fn role(&self, namespace: &str, name: &str, age: i64, rules: &[Rule]) -> Object {
        let kind = if namespace.is_empty() { RoleKind::ClusterRole } else { RoleKind::Role };
        Object::Role(Role {
            kind,
            meta: self.meta(kind.as_str(), namespace, name, age),
            rules: rules.iter().map(rule).collect(),
            aggregation: None,
        })
    }

    fn binding(&self, bind: &Bind) -> Object {
        let kind = if bind.namespace.is_empty() {
            BindingKind::ClusterRoleBinding
        } else {
            BindingKind::RoleBinding
        };
        let (role_kind, role) = bind.role.split_once('/').unwrap_or(("ClusterRole", bind.role));
        Object::Binding(Binding {
            kind,
            meta: self.meta(kind.as_str(), bind.namespace, bind.name, bind.age),
            role_ref: RoleRef { api_group: RBAC.into(), kind: role_kind.into(), name: role.into() },
            subjects: bind.subjects.split(' ').filter_map(subject).collect(),
        })
    }
}

const RBAC: &str = "rbac.authorization.k8s.io";

fn subject(text: &str) -> Option<BindingSubject> {
    let identity: Identity = text.parse().ok()?;
    let account = identity.kind == SubjectKind::ServiceAccount;
    Some(BindingSubject {
        kind: identity.kind.as_str().into(),
        api_group: if account { "" } else { RBAC }.into(),
        name: identity.name,
        namespace: identity.namespace,
    })
}

fn words(text: &str) -> Vec<Name> {
    if text.is_empty() { Vec::new() } else { text.split(',').map(Name::from).collect() }
}

/// A rule whose resources start with a slash is one over paths.
fn rule(&Rule(verbs, groups, resources, names): &Rule) -> PolicyRule {
    if resources.starts_with('/') {
        return PolicyRule {
            verbs: words(verbs),
            non_resource_urls: words(resources),
            ..PolicyRule::default()
        };
    }
    PolicyRule {
        verbs: words(verbs),
        api_groups: groups.split(',').map(Name::from).collect(),
        resources: words(resources),
        resource_names: words(names),
        non_resource_urls: Vec::new(),
    }
}

fn namespaces(make: &Make, objects: &mut Vec<Object>) {
    let system = SYSTEM_NAMESPACES.iter().map(|&name| (name, CLUSTER_AGE));
    for (name, age) in NAMESPACES.iter().copied().chain(system) {
        let mut meta = make.meta("Namespace", "", name, age);
        meta.labels = BTreeMap::from([("kubernetes.io/metadata.name".into(), name.into())]);
        objects.push(Object::Namespace(Namespace { meta }));
        objects.push(account(make, name, "default", age));
    }
    for &(namespace, name, age, _) in ACCOUNTS {
        objects.push(account(make, namespace, name, age));
    }
}

fn account(make: &Make, namespace: &str, name: &str, age: i64) -> Object {
    Object::ServiceAccount(ServiceAccount {
        meta: make.meta("ServiceAccount", namespace, name, age),
        secrets: workloads::token_secrets(namespace, name),
        image_pull_secrets: Vec::new(),
        automount: None,
    })
}

fn roles(make: &Make, objects: &mut Vec<Object>) {
    for (name, age, rules) in CLUSTER_ROLES {
        objects.push(make.role("", name, *age, rules));
    }
    for (namespace, name, age, rules) in ROLES {
        objects.push(make.role(namespace, name, *age, rules));
    }
}

/// What the API server installs by itself, and the accounts that its controllers run as.
fn bootstrap(make: &Make, objects: &mut Vec<Object>) {
    let Some(own) = bootstrap::policy(VERSION) else {
        return;
    };
    let dress = |meta: &Meta, kind: &str| {
        let namespace = meta.namespace.as_deref().unwrap_or_default();
        let dressed = make.meta(kind, namespace, &meta.name, CLUSTER_AGE);
        Meta { labels: meta.labels.clone(), annotations: meta.annotations.clone(), ..dressed }
    };
    for role in own.policy.objects.roles.values() {
        let meta = dress(&role.meta, role.kind.as_str());
        objects.push(Object::Role(Role { meta, ..Role::clone(role) }));
    }
    let mut accounts = BTreeSet::new();
    for binding in own.policy.objects.bindings.values() {
        let meta = dress(&binding.meta, binding.kind.as_str());
        accounts.extend(binding.subjects.iter().filter_map(|it| it.identity(None)));
        objects.push(Object::Binding(Binding { meta, ..Binding::clone(binding) }));
    }
    accounts.retain(|it| it.kind == SubjectKind::ServiceAccount && !is_absent(&it.name));
    for Identity { namespace, name, .. } in accounts {
        objects.push(account(make, namespace.as_deref().unwrap_or_default(), &name, CLUSTER_AGE));
    }
}

/// Accounts that the policy knows and this cluster has no use for: the cloud's controllers run
/// elsewhere, and the control plane's own parts sign in with certificates.
fn is_absent(account: &str) -> bool {
    let elsewhere = ["cloud-provider", "route-controller", "service-controller"];
    elsewhere.contains(&account) || account.starts_with("kube-controller-manager")
}
