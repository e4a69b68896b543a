//! Fresh images of objects, and who makes a change.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use super::preflight::AT_ONCE;

use crate::book::Book;
use crate::change::plan::{Intent, Operator, Presents, Refusal, Target, holds_no_more, targets};
use crate::cluster::{self, Cluster, Extent, Source};
use crate::model::ListKind;

/// The type of a Secret that holds an account's token.
const TOKEN: &str = "kubernetes.io/service-account-token";

/// Why no Plan could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It is about nothing.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The cluster did not answer as it should.
    #[error(transparent)]
    Cluster(#[from] cluster::Error),
}

fn source(target: &Target) -> &'static Source {
    let list = match &*target.kind {
        "ClusterRoleBinding" => ListKind::ClusterRoleBindings,
        "RoleBinding" => ListKind::RoleBindings,
        "ClusterRole" => ListKind::ClusterRoles,
        "Role" => ListKind::Roles,
        "ServiceAccount" => ListKind::ServiceAccounts,
        "ConfigMap" => ListKind::ConfigMaps,
        "RBACDefinition" => ListKind::RbacDefinitions,
        _ => ListKind::TokenSecrets,
    };
    &Source::of(list)[0]
}

fn extent(target: &Target) -> Extent {
    target.namespace.clone().map_or(Extent::All, Extent::Namespace)
}

/// The API path of an object.
pub fn path_of(target: &Target) -> String {
    source(target).object_path(&extent(target), &target.name)
}

/// The API path of the collection that an object is in.
pub(super) fn collection_of(target: &Target) -> String {
    source(target).path(&extent(target))
}

/// The image of an object: all of it, of a Secret the metadata in the form in which the Secret can be
/// made again.
///
/// # Errors
/// As the cluster answers.
pub(super) async fn image(cluster: &dyn Cluster, target: &Target) -> Result<Value, cluster::Error> {
    if !target.is_secret() {
        return cluster.get(&path_of(target)).await;
    }
    let metadata = cluster.metadata(&path_of(target)).await?;
    Ok(secret_image(&metadata))
}

/// A Secret of which only the metadata is known. Those that hold an account's token say whose; of
/// others keybook makes only some that hold nothing.
pub(super) fn secret_image(metadata: &Value) -> Value {
    let token = &metadata["metadata"]["annotations"]["kubernetes.io/service-account.name"];
    let type_ = if token.is_null() { "Opaque" } else { TOKEN };
    cluster::without_copies(json!({
        "apiVersion": "v1", "kind": "Secret", "type": type_, "metadata": metadata["metadata"],
    }))
}

/// So many objects of one collection are asked for one by one at most: of more, all of it is listed.
const ONE_BY_ONE: usize = 50;

/// Images of many objects, as they were when this was made.
pub(super) struct Images<'a> {
    cluster: &'a dyn Cluster,
    /// By the path of the collection, then by name.
    listed: BTreeMap<String, BTreeMap<String, Value>>,
}

impl<'a> Images<'a> {
    /// Lists the collections that hold many of these objects. What could not be listed is asked for
    /// one by one: who may get an object need not be allowed to list.
    pub(super) async fn of<'t>(
        cluster: &'a dyn Cluster,
        targets: impl Iterator<Item = &'t Target>,
    ) -> Self {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for target in targets.filter(|target| !target.is_secret() && !target.is_credential()) {
            *counts.entry(collection_of(target)).or_default() += 1;
        }
        let mut listed = BTreeMap::new();
        for (path, _) in counts.into_iter().filter(|(_, count)| *count > ONE_BY_ONE) {
            if let Ok(list) = cluster.get(&path).await
                && let Some(items) = items(list)
            {
                listed.insert(path, items);
            }
        }
        Self { cluster, listed }
    }

    /// The same as [`image`].
    pub(super) async fn image(&self, target: &Target) -> Result<Value, cluster::Error> {
        if target.is_secret() {
            return image(self.cluster, target).await;
        }
        match self.listed.get(&collection_of(target)) {
            None => image(self.cluster, target).await,
            Some(items) => items.get(&*target.name).cloned().ok_or_else(|| {
                cluster::Error::NotFound { tried: format!("get {}", path_of(target)) }
            }),
        }
    }
}

/// The items of a list by name, each with the kind that a list says once for all; None where it is
/// none, or not all of it.
fn items(mut list: Value) -> Option<BTreeMap<String, Value>> {
    let kind = list["kind"].as_str()?.strip_suffix("List")?.to_owned();
    let version = list["apiVersion"].as_str()?.to_owned();
    if list["metadata"]["continue"].as_str().is_some_and(|next| !next.is_empty()) {
        return None;
    }
    let Value::Array(items) = list["items"].take() else { return None };
    let named = items.into_iter().map(|mut item| {
        let name = item["metadata"]["name"].as_str()?.to_owned();
        item["kind"] = Value::from(&*kind);
        item["apiVersion"] = Value::from(&*version);
        Some((name, item))
    });
    named.collect()
}

/// Fresh images of everything that these Intents are about.
///
/// # Errors
/// Where an Intent is about nothing, or the cluster does not answer.
pub async fn fresh(
    cluster: &dyn Cluster,
    book: &Book,
    intents: &[Intent],
) -> Result<BTreeMap<Target, Value>, Error> {
    let all = targets(book, intents)?;
    let images = Images::of(cluster, all.iter()).await;
    let images = &images;
    let asked = all.iter().map(|target| async move { (target, images.image(target).await) });
    let mut asked = stream::iter(asked).buffered(AT_ONCE);
    let mut fresh = BTreeMap::new();
    while let Some((target, answer)) = asked.next().await {
        match answer {
            Ok(image) => {
                // What is no account's token may be anything.
                if target.is_secret()
                    && image["type"] != TOKEN
                    && let Some(form) = cluster.secret_form(&path_of(target)).await?
                {
                    holds_no_more(book, target, (&form.type_, form.entries))?;
                }
                drop(fresh.insert(target.clone(), image));
            }
            Err(cluster::Error::NotFound { .. }) => {
                return Err(Refusal::Moved(target.clone()).into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(fresh)
}

/// Who makes a change, as the API server calls them.
///
/// # Errors
/// As the cluster answers.
pub async fn operator(cluster: &dyn Cluster) -> Result<Option<Operator>, cluster::Error> {
    let user = cluster.user().await?;
    Ok(user.map(|user| Operator {
        presents: Presents {
            behind: user.behind,
            issued: user.credential.is_some_and(|id| id.starts_with("JTI=")),
            of_pod: user.pod.is_some(),
        },
        user: user.user,
        groups: user.groups,
    }))
}
