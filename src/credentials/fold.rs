//! Which credentials of the log are told as one: a provider's tokens, one after another, and those of
//! the pods of one workload.

use chrono::{DateTime, Utc};

use crate::book::Book;
use crate::model::{Identity, ListKind, Meta, Name, Snapshot, SubjectKind};

/// What a credential that only the log shows is told with.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fold {
    /// With nothing.
    Alone(Name),
    /// With the user's others of a provider.
    Provider,
    /// With those of the other pods of a workload: `deployment shop/cart`.
    Workload(Name),
    /// With those of the account's other pods that are gone.
    Gone,
}

impl Fold {
    /// Of a credential that was last used then, UTC.
    pub(super) fn of(book: &Book, identity: &Identity, id: &Name, last: DateTime<Utc>) -> Self {
        if identity.kind == SubjectKind::User && id.starts_with("JTI=") {
            return Self::Provider;
        }
        let pod = id.strip_prefix("pod:").and_then(|pod| pod.split_once('/'));
        let Some((namespace, name)) = pod else { return Self::Alone(id.clone()) };
        let snapshot = &book.snapshot;
        let namespace: Name = namespace.into();
        let pod = snapshot.objects.pods.get(&(namespace.clone(), name.into()));
        match pod {
            // Another pod of the same name, as StatefulSets make them, was made since.
            Some(pod) if pod.meta.creation_timestamp.is_some_and(|made| made > last) => Self::Gone,
            Some(pod) => controller(snapshot, &namespace, &pod.meta)
                .map_or_else(|| Self::Alone(id.clone()), Self::Workload),
            None if snapshot.tells_of(ListKind::Pods, &namespace) => Self::Gone,
            None => Self::Alone(id.clone()),
        }
    }

    /// What several of them are called, the last of them being `last`.
    pub(super) fn several(&self, tokens: usize, last: &Name) -> Option<Name> {
        let pod = last.strip_prefix("pod:").unwrap_or(last);
        match self {
            _ if tokens < 2 => None,
            Self::Alone(_) => None,
            Self::Provider => Some(format!("{tokens} tokens seen, the last {last}").into()),
            Self::Workload(of) => Some(format!("{tokens} pods of {of}, the last {pod}").into()),
            Self::Gone => Some(format!("{tokens} pods that are gone, the last {pod}").into()),
        }
    }

    /// What would revoke several of them.
    pub(super) fn revoke_all(&self, revoke: &mut Name) {
        match self {
            Self::Workload(_) => *revoke = "delete its pods".into(),
            Self::Gone => *revoke = "nothing: they have ended with their pods".into(),
            Self::Alone(_) | Self::Provider => {}
        }
    }
}

/// What controls a pod in the end, as far as that is known.
fn controller(snapshot: &Snapshot, namespace: &Name, pod: &Meta) -> Option<Name> {
    let owner = pod.owner_references.iter().find(|owner| owner.controller)?;
    let key = (owner.kind.clone(), namespace.clone(), owner.name.clone());
    let above = snapshot.objects.others.get(&key).and_then(|object| {
        object.meta.owner_references.iter().find(|owner| owner.controller).cloned()
    });
    let top = above.as_ref().unwrap_or(owner);
    Some(format!("{} {namespace}/{}", top.kind.to_lowercase(), top.name).into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Kind, LastUse, Standing, inventory};
    use crate::book::world::{Row, World, day};

    #[test]
    fn tokens_of_the_pods_of_a_workload_are_one() {
        let owner = |kind: &str, name: &str| {
            json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u",
                "controller": true}])
        };
        let pod = |name: &str| {
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": name,
                "ownerReferences": owner("ReplicaSet", "web-1")}})
        };
        let set = json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata":
            {"namespace": "a", "name": "web-1", "ownerReferences": owner("Deployment", "web")}});
        let alone =
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "x"}});
        let row = |pod: &str, day: i64| {
            Row::new("sa:a/x", "get pods@a/p", day).with(&format!("pod:a/{pod}"))
        };
        let world = World::new().account("a", "x").object(&pod("web-1-a")).object(&pod("web-1-b"));
        let world = world.object(&set).object(&alone).log(0, 10);
        let world = world.row(row("web-1-a", 4)).row(row("web-1-b", 3)).row(row("x", 2));
        let world = world.row(row("old-1", 1)).row(row("old-2", 2)).row(row("old-3", 0));
        let found = inventory(&world.book()).credentials;
        assert!(found.iter().all(|one| one.kind == Kind::PodToken), "{found:#?}");
        let of =
            |id: &str| found.iter().find(|one| &*one.id == id).unwrap_or_else(|| panic!("{id}"));
        let web = of("2 pods of deployment a/web, the last a/web-1-a");
        assert_eq!(web.standing, Standing::Good);
        assert_eq!(&*web.revoke, "delete its pods");
        assert!(matches!(web.last_use, LastUse::Log { at, first, requests: 2, .. }
            if at == day(4) && first == day(3)));
        assert_eq!(of("pod a/x").standing, Standing::Good);
        let gone = of("3 pods that are gone, the last a/old-2");
        assert!(matches!(gone.standing, Standing::Refused(_)));
        assert_eq!(found.len(), 3);
    }
}
