//! A world under construction.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Timelike as _, Utc};
use serde_json::{Value, json};

use crate::book::{Book, Entry, Inputs, LogState, Permission};
use crate::model::{
    ActivityParts, Actor, ActorId, ApiResource, AuditPolicy, Call, CallId, Coverage, CreditId,
    CreditedGrant, Discovery, GroupSetId, Health, Identity, Impersonation, ImpersonationId,
    Implied, ListKind, ListState, Name, Object, Policy, SeenId, Snapshot, Target, Use,
};

/// Midday of a day in 2026, UTC.
pub(crate) fn day(days: i64) -> DateTime<Utc> {
    let start = "2026-01-01T12:00:00Z".parse::<DateTime<Utc>>().unwrap();
    start + TimeDelta::days(days)
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) snapshot: Snapshot,
    pub(crate) activity: Option<ActivityParts>,
    pub(crate) policy: Policy,
}

impl World {
    /// Every list whole, nothing in them, 1.36; its audit policy logs everything.
    pub(crate) fn new() -> Self {
        let mut snapshot = Snapshot::default();
        for kind in ListKind::ALL {
            snapshot.lists.insert(kind, ListState::new(Health::Complete));
        }
        snapshot.cluster.server_version = Some("v1.36.3".into());
        snapshot.discovery = Arc::new(Discovery {
            resources: [
                ("", "pods", true),
                ("", "pods/exec", true),
                ("", "pods/log", true),
                ("", "configmaps", true),
                ("", "secrets", true),
                ("", "serviceaccounts", true),
                ("", "namespaces", false),
                ("", "nodes", false),
                ("apps", "deployments", true),
                ("apps", "deployments/scale", true),
                ("rbac.authorization.k8s.io", "roles", true),
                ("rbac.authorization.k8s.io", "rolebindings", true),
                ("rbac.authorization.k8s.io", "clusterroles", false),
            ]
            .into_iter()
            .map(|(group, name, namespaced)| ApiResource {
                group: group.into(),
                name: name.into(),
                singular: "".into(),
                short_names: Vec::new(),
                kind: "".into(),
                namespaced,
                verbs: Vec::new(),
            })
            .collect(),
            failed_groups: Vec::new(),
            builtin: false,
        });
        let audit = Some(Arc::new(AuditPolicy::of_everything()));
        Self { snapshot, activity: None, policy: Policy { audit, ..Policy::default() } }
    }

    pub(crate) fn object(mut self, value: &Value) -> Self {
        self.snapshot.objects.insert(read(value));
        self
    }

    pub(crate) fn namespace(self, name: &str) -> Self {
        self.object(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
    }

    pub(crate) fn account(self, ns: &str, name: &str) -> Self {
        self.object(&json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": {"namespace": ns, "name": name},
        }))
    }

    pub(crate) fn cluster_role(self, name: &str, rules: &Value) -> Self {
        self.object(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": name}, "rules": rules,
        }))
    }

    pub(crate) fn role(self, ns: &str, name: &str, rules: &Value) -> Self {
        self.object(&json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"namespace": ns, "name": name}, "rules": rules,
        }))
    }

    /// Made long ago. `role`: `ClusterRole/view` or `Role/x`; `subject` as [`Identity`] reads it.
    pub(crate) fn bind(self, ns: Option<&str>, name: &str, role: &str, subject: &str) -> Self {
        self.object(&binding(ns, name, role, &[subject]))
    }

    /// Starts a log over the days `from` to `to` of the year.
    pub(crate) fn log(mut self, from: i64, to: i64) -> Self {
        self.activity = Some(ActivityParts {
            coverage: Coverage {
                from: Some(day(from)),
                to: Some(day(to)),
                reads_logged: true,
                decisions_logged: true,
                groups_logged: true,
                ..Coverage::default()
            },
            ..ActivityParts::default()
        });
        self
    }

    pub(crate) fn coverage(mut self, change: impl FnOnce(&mut Coverage)) -> Self {
        change(&mut self.activity.as_mut().unwrap().coverage);
        self
    }

    pub(crate) fn row(mut self, row: Row) -> Self {
        row.put(self.activity.as_mut().unwrap());
        self
    }

    pub(crate) fn inputs(&self) -> Inputs {
        Inputs {
            snapshot: Arc::new(self.snapshot.clone()),
            activity: self.activity.clone().map(|parts| Arc::new(parts.into())),
            log: if self.activity.is_some() { LogState::Ready } else { LogState::None },
            policy: Arc::new(self.policy.clone()),
            now: day(364),
        }
    }

    pub(crate) fn book(&self) -> Book {
        Book::build(self.inputs())
    }
}

pub(crate) fn read(value: &Value) -> Object {
    let text = |key: &str| value[key].as_str().unwrap().to_owned();
    Object::read(&text("apiVersion"), &text("kind"), value.clone()).unwrap().unwrap()
}

pub(crate) fn binding(ns: Option<&str>, name: &str, role: &str, subjects: &[&str]) -> Value {
    let (role_kind, role) = role.split_once('/').unwrap();
    let subjects: Vec<Value> = subjects
        .iter()
        .map(|text| {
            let identity: Identity = text.parse().unwrap();
            json!({
                "kind": identity.kind.as_str(), "name": identity.name,
                "namespace": identity.namespace,
            })
        })
        .collect();
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": if ns.is_some() { "RoleBinding" } else { "ClusterRoleBinding" },
        "metadata": {"namespace": ns, "name": name, "creationTimestamp": day(-365)},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": role_kind, "name": role,
        },
        "subjects": subjects,
    })
}

/// One row of a log.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) who: Identity,
    pub(crate) as_who: Option<(Identity, Impersonation)>,
    pub(crate) groups: Vec<Name>,
    pub(crate) call: Call,
    pub(crate) credit: Option<CreditedGrant>,
    pub(crate) day: i64,
    minutes: i64,
    pub(crate) allowed: u64,
    pub(crate) denied: u64,
    undecided: u64,
    pub(crate) agent: Option<Name>,
    credential: Option<Name>,
    address: Name,
}

/// `get pods@ns/name`, `create pods/exec@ns/web`, `list nodes`, `get apps:deployments@ns`, `get /api`.
pub(crate) fn call(text: &str) -> Call {
    let (verb, what) = text.split_once(' ').unwrap();
    let target = if what.starts_with('/') {
        Target::Path(what.into())
    } else {
        let (what, place) = what.split_once('@').unwrap_or((what, ""));
        let (group, what) = what.split_once(':').unwrap_or(("", what));
        let (resource, subresource) = what.split_once('/').unwrap_or((what, ""));
        let (ns, name) = place.split_once('/').unwrap_or((place, ""));
        let some = |text: &str| (!text.is_empty()).then(|| Name::from(text));
        Target::Resource {
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: some(ns),
            name: some(name),
            names_folded: false,
        }
    };
    Call { verb: verb.into(), target, implied: Implied::Nothing }
}

impl Row {
    /// One allowed request on a day, with the groups that the server itself adds.
    pub(crate) fn new(who: &str, what: &str, day: i64) -> Self {
        let who: Identity = who.parse().unwrap();
        let mut groups = who.implicit_groups();
        groups.sort();
        Self {
            who,
            as_who: None,
            groups,
            call: call(what),
            credit: None,
            day,
            minutes: 0,
            allowed: 1,
            denied: 0,
            undecided: 0,
            agent: Some("kubectl/v1.36.3".into()),
            credential: None,
            address: "198.51.100.7".into(),
        }
    }

    /// Presented with this credential.
    pub(crate) fn with(mut self, credential: &str) -> Self {
        self.credential = Some(credential.into());
        self
    }

    /// From this address.
    pub(crate) fn from(mut self, address: &str) -> Self {
        self.address = address.into();
        self
    }

    /// So many minutes after midday.
    pub(crate) fn minutes(mut self, minutes: i64) -> Self {
        self.minutes = minutes;
        self
    }

    pub(crate) fn agent(mut self, agent: &str) -> Self {
        self.agent = Some(agent.into());
        self
    }

    pub(crate) fn denied(mut self) -> Self {
        (self.allowed, self.denied) = (0, 1);
        self
    }

    /// Whether it was allowed is not known.
    pub(crate) fn undecided(mut self) -> Self {
        (self.allowed, self.undecided) = (0, 1);
        self
    }

    pub(crate) fn times(mut self, allowed: u64) -> Self {
        self.allowed = allowed;
        self
    }

    pub(crate) fn groups(mut self, groups: &[&str]) -> Self {
        self.groups = groups.iter().map(|group| Name::from(*group)).collect();
        self.groups.sort();
        self
    }

    pub(crate) fn implied(mut self, implied: Implied) -> Self {
        self.call.implied = implied;
        self
    }

    pub(crate) fn acting_as(mut self, who: &str, constraint: Option<&str>) -> Self {
        let who: Identity = who.parse().unwrap();
        self.groups = who.implicit_groups();
        self.groups.sort();
        let how = Impersonation {
            // Those that the server adds are not told from the same ones asked for.
            groups: Vec::new(),
            uid: None,
            extra: Vec::new(),
            constraint: constraint.map(Name::from),
        };
        self.as_who = Some((who, how));
        self
    }

    pub(crate) fn credit(mut self, credit: CreditedGrant) -> Self {
        self.credit = Some(credit);
        self
    }

    /// Adds the row to a log, and returns it with its ids.
    pub(crate) fn put(self, activity: &mut ActivityParts) -> Use {
        let at = day(self.day) + TimeDelta::minutes(self.minutes);
        let tables = &mut activity.tables;
        let authenticated = SeenId(intern(&mut tables.identities, &self.who));
        let effective = match &self.as_who {
            Some((who, _)) => SeenId(intern(&mut tables.identities, who)),
            None => authenticated,
        };
        let impersonation = self.as_who.as_ref().map(|(_, how)| {
            ImpersonationId(intern(&mut tables.impersonations, &Arc::new(how.clone())))
        });
        let actor = Actor {
            credential: self.credential.clone(),
            agent: self.agent.clone(),
            address: Some(self.address.clone()),
        };
        let row = Use {
            authenticated,
            effective,
            impersonation,
            actor: ActorId(intern(&mut tables.actors, &actor)),
            groups: GroupSetId(intern(&mut tables.group_sets, &self.groups.clone().into())),
            call: CallId(intern(&mut tables.calls, &Arc::new(self.call.clone()))),
            credit: self
                .credit
                .clone()
                .map(|credit| CreditId(intern(&mut tables.credits, &Arc::new(credit)))),
            day: at.date_naive(),
            allowed: self.allowed,
            denied: self.denied,
            undecided: self.undecided,
            first: at,
            last: at,
            last_allowed: (self.allowed > 0).then_some(at),
            hours: 1 << at.hour(),
        };
        if self.as_who.is_none() && !self.groups.is_empty() {
            let seen = activity.groups_seen.entry(authenticated).or_default();
            for group in &self.groups {
                let last = seen.entry(group.clone()).or_insert(at);
                *last = at.max(*last);
            }
        }
        activity.uses.push(row);
        row
    }
}

fn intern<T: PartialEq + Clone>(table: &mut Vec<T>, value: &T) -> u32 {
    let at = table.iter().position(|have| have == value).unwrap_or_else(|| {
        table.push(value.clone());
        table.len() - 1
    });
    u32::try_from(at).unwrap()
}

impl Book {
    pub(crate) fn who(&self, text: &str) -> &Arc<Entry> {
        self.find(&text.parse().unwrap()).unwrap_or_else(|| panic!("no {text}"))
    }

    pub(crate) fn held_by(&self, text: &str) -> Vec<Permission> {
        self.permissions(self.who(text).id)
    }
}
