//! What names an account that a Plan deletes as its owner, of kinds that are in no snapshot: the garbage
//! collector deletes that with it, for good.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::plan::{Action, Plan, Step};
use crate::cluster::{Cluster, Error};
use crate::model::Name;

/// What is looked at: where a kind is below its API's path, and what it is called. What else an owner may
/// have nothing tells but a look at every kind that is served.
const KINDS: [(&str, &str, &str); 10] = [
    ("/api/v1", "configmaps", "ConfigMap"),
    ("/api/v1", "secrets", "Secret"),
    ("/api/v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    ("/api/v1", "services", "Service"),
    ("/apis/apps/v1", "deployments", "Deployment"),
    ("/apis/apps/v1", "statefulsets", "StatefulSet"),
    ("/apis/batch/v1", "jobs", "Job"),
    ("/apis/batch/v1", "cronjobs", "CronJob"),
    ("/apis/rbac.authorization.k8s.io/v1", "roles", "Role"),
    ("/apis/rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
];

/// So many objects are named of each account.
const NAMED: usize = 5;

/// Says of each account that a Plan deletes what goes with it; `sent`: steps that are left out. What could
/// not be listed is said.
pub async fn owned(cluster: &dyn Cluster, plan: &Plan, sent: &[u32]) -> Vec<String> {
    let deletes = |step: &&Step| {
        step.action == Action::Delete && step.target.is_account() && !sent.contains(&step.id)
    };
    let mut accounts: BTreeMap<&Name, Vec<&Step>> = BTreeMap::new();
    for step in plan.steps.iter().filter(deletes) {
        if let Some(namespace) = &step.target.namespace {
            accounts.entry(namespace).or_default().push(step);
        }
    }
    let mut said = Vec::new();
    for (namespace, steps) in accounts {
        let mut of_owner: BTreeMap<Name, Vec<String>> = BTreeMap::new();
        let mut unknown: BTreeSet<&str> = BTreeSet::new();
        for (api, resource, kind) in KINDS {
            match cluster.sole_owners(&format!("{api}/namespaces/{namespace}/{resource}")).await {
                Ok(all) => {
                    for (name, owner) in all {
                        let named = format!("{kind} {namespace}/{name}");
                        of_owner.entry(owner).or_default().push(named);
                    }
                }
                Err(Error::NotFound { .. }) => {}
                Err(_) => drop(unknown.insert(resource)),
            }
        }
        for step in steps {
            let goes = step.precondition.uid.as_ref().and_then(|uid| of_owner.get(uid));
            said.extend(goes.map(|names| {
                let more = names.len().saturating_sub(NAMED);
                let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
                format!(
                    "{} is the owner of {}{rest}: the garbage collector deletes what it owns with it, and \
                     nothing brings that back",
                    step.target,
                    names[..names.len().min(NAMED)].join(", ")
                )
            }));
        }
        if !unknown.is_empty() {
            let kinds: Vec<&str> = unknown.into_iter().collect();
            said.push(format!(
                "whether accounts of namespace {namespace} that go own {} there, which would go with them, is \
                 not known: they could not be listed",
                kinds.join(", ")
            ));
        }
    }
    said
}
