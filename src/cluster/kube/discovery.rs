//! What the API server serves: by aggregated discovery in two requests, by the older one, group by
//! group, where a server or something in between does not know it.

use std::collections::BTreeMap;

use futures::StreamExt;
use futures::stream::iter;
use serde::Deserialize;
use serde_json::Value;

use super::connection::{Ask, Connection};
use crate::cluster::Error;
use crate::model::{ApiResource, Discovery, Name};

/// Aggregated, newest first; a server that knows none of it answers in plain JSON.
const ACCEPT: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                      application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,\
                      application/json";

/// Group versions that are asked for at a time.
const AT_ONCE: usize = 8;

/// `apidiscovery.k8s.io APIGroupDiscoveryList`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Groups {
    items: Vec<Group>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Group {
    metadata: GroupMeta,
    versions: Vec<OfVersion>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct GroupMeta {
    name: Option<Name>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OfVersion {
    version: Name,
    resources: Option<Vec<Served>>,
    freshness: Name,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Served {
    #[serde(rename = "resource")]
    name: Name,
    response_kind: Option<ResponseKind>,
    scope: Name,
    #[serde(rename = "singularResource")]
    singular: Name,
    verbs: Vec<Name>,
    short_names: Vec<Name>,
    subresources: Vec<Part>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Part {
    #[serde(rename = "subresource")]
    name: Name,
    response_kind: Option<ResponseKind>,
    verbs: Vec<Name>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ResponseKind {
    kind: Name,
}

/// `meta/v1 APIResourceList`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct OldList {
    resources: Vec<OldResource>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OldResource {
    name: Name,
    singular_name: Name,
    namespaced: bool,
    kind: Name,
    verbs: Vec<Name>,
    short_names: Vec<Name>,
}

/// Collects resources with all versions of a group folded into one; the first version to name
/// something is the preferred one.
#[derive(Debug, Default)]
struct Found {
    resources: BTreeMap<(Name, Name), ApiResource>,
    failed: BTreeMap<Name, Name>,
}

impl Found {
    fn add(&mut self, resource: ApiResource) {
        let key = (resource.group.clone(), resource.name.clone());
        match self.resources.get_mut(&key) {
            None => drop(self.resources.insert(key, resource)),
            Some(known) => {
                for verb in resource.verbs {
                    if !known.verbs.contains(&verb) {
                        known.verbs.push(verb);
                    }
                }
            }
        }
    }

    fn add_groups(&mut self, groups: Groups) {
        for group in groups.items {
            let name = group.metadata.name.unwrap_or_else(|| "".into());
            for version in group.versions {
                if &*version.freshness == "Stale" {
                    let reason = format!("{} is stale: its server did not answer", version.version);
                    self.failed.insert(name.clone(), reason.into());
                }
                for resource in version.resources.unwrap_or_default() {
                    self.add_resource(&name, resource);
                }
            }
        }
    }

    fn add_resource(&mut self, group: &Name, resource: Served) {
        let namespaced = &*resource.scope == "Namespaced";
        let kind = |kind: Option<ResponseKind>| kind.map(|kind| kind.kind).unwrap_or_default();
        for subresource in resource.subresources {
            self.add(ApiResource {
                group: group.clone(),
                name: format!("{}/{}", resource.name, subresource.name).into(),
                singular: "".into(),
                short_names: Vec::new(),
                kind: kind(subresource.response_kind),
                namespaced,
                verbs: subresource.verbs,
            });
        }
        // A resource that only its subresources make is not one by itself.
        if resource.verbs.is_empty() {
            return;
        }
        self.add(ApiResource {
            group: group.clone(),
            name: resource.name,
            singular: resource.singular,
            short_names: resource.short_names,
            kind: kind(resource.response_kind),
            namespaced,
            verbs: resource.verbs,
        });
    }

    fn add_old(&mut self, group: &Name, list: OldList) {
        for resource in list.resources {
            self.add(ApiResource {
                group: group.clone(),
                name: resource.name,
                singular: resource.singular_name,
                short_names: resource.short_names,
                kind: resource.kind,
                namespaced: resource.namespaced,
                verbs: resource.verbs,
            });
        }
    }

    fn finish(self) -> Discovery {
        let resources = self.resources.into_values().map(|mut resource| {
            resource.verbs.sort();
            resource
        });
        Discovery {
            resources: resources.collect(),
            failed_groups: self.failed.into_iter().collect(),
            builtin: false,
        }
    }
}

/// Asks for everything.
pub(super) async fn discover(connection: &Connection) -> Result<Discovery, Error> {
    let ask = |path: &'static str| async move {
        let ask = Ask::get(format!("discover {path}"), path).accepting(ACCEPT);
        connection.json(&ask).await
    };
    let (core, groups) = futures::future::join(ask("/api"), ask("/apis")).await;
    let (core, groups) = (core?, groups?);
    let mut found = Found::default();
    let mut old: Vec<(Name, String)> = Vec::new();
    for (answer, is_core) in [(core, true), (groups, false)] {
        // No API server is without its core group and others: what says so is none, or hides them.
        let listed = ["items", "versions", "groups"];
        if listed.iter().all(|list| answer[list].as_array().is_none_or(Vec::is_empty)) {
            return Err(Error::Failed {
                tried: format!("discover /api{}", if is_core { "" } else { "s" }),
                cause: "the answer names no group, as no API server's does".to_owned(),
                status: Some(200),
            });
        }
        match answer["kind"].as_str() {
            Some("APIGroupDiscoveryList") => {
                let read = serde_json::from_value(answer).map_err(|error| Error::Failed {
                    tried: "discover what is served".to_owned(),
                    cause: super::decode::error_words(&error).to_string(),
                    status: Some(200),
                })?;
                found.add_groups(read);
            }
            Some("APIVersions") if is_core => old.extend(core_versions(&answer)),
            Some("APIGroupList") => old.extend(group_versions(&answer)),
            kind => {
                return Err(Error::Failed {
                    tried: "discover what is served".to_owned(),
                    cause: format!("the answer is a {}", kind.unwrap_or("text of no kind")),
                    status: Some(200),
                });
            }
        }
    }
    let mut lists = iter(old)
        .map(|(group, path)| async move {
            let ask = Ask::get(format!("discover {path}"), path);
            (group, connection.json(&ask).await)
        })
        // In order, so that the preferred version comes first.
        .buffered(AT_ONCE);
    while let Some((group, list)) = lists.next().await {
        let read = list.and_then(|list| {
            serde_json::from_value::<OldList>(list).map_err(|error| Error::Failed {
                tried: "discover what is served".to_owned(),
                cause: super::decode::error_words(&error).to_string(),
                status: Some(200),
            })
        });
        match read {
            Ok(list) => found.add_old(&group, list),
            Err(error) => drop(found.failed.insert(group, error.to_string().into())),
        }
    }
    let discovery = found.finish();
    if discovery.resources.is_empty() {
        let cause = match discovery.failed_groups.first() {
            Some((group, reason)) => format!("no group could be read; {group:?}: {reason}"),
            None => "the answer lists no resource, as no API server's does".to_owned(),
        };
        let tried = "discover what is served".to_owned();
        return Err(Error::Failed { tried, cause, status: Some(200) });
    }
    Ok(discovery)
}

fn texts(values: &Value) -> impl Iterator<Item = &str> {
    values.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn core_versions(answer: &Value) -> Vec<(Name, String)> {
    texts(&answer["versions"]).map(|version| ("".into(), format!("/api/{version}"))).collect()
}

/// Group versions with the preferred one of each group first.
fn group_versions(answer: &Value) -> Vec<(Name, String)> {
    let mut all = Vec::new();
    for group in answer["groups"].as_array().into_iter().flatten() {
        let name: Name = group["name"].as_str().unwrap_or_default().into();
        let versions = group["versions"].as_array().into_iter().flatten();
        let mut versions: Vec<&str> =
            versions.filter_map(|version| version["groupVersion"].as_str()).collect();
        let preferred = group["preferredVersion"]["groupVersion"].as_str();
        versions.sort_by_key(|version| Some(*version) != preferred);
        all.extend(versions.into_iter().map(|version| (name.clone(), format!("/apis/{version}"))));
    }
    all
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn versions_are_folded_and_the_preferred_one_comes_first() {
        let groups = json!({"items": [{"metadata": {"name": "batch"}, "versions": [
            {"version": "v1", "freshness": "Current", "resources": [
                {"resource": "cronjobs", "responseKind": {"kind": "CronJob"}, "scope": "Namespaced",
                 "singularResource": "cronjob", "shortNames": ["cj"], "verbs": ["list", "get"],
                 "subresources": [{"subresource": "status", "verbs": ["patch", "get"]}]}]},
            {"version": "v1beta1", "freshness": "Stale", "resources": [
                {"resource": "cronjobs", "scope": "Namespaced", "verbs": ["watch", "get"]},
                {"resource": "only", "scope": "Cluster", "verbs": [],
                 "subresources": [{"subresource": "eviction", "verbs": ["create"]}]}]},
        ]}]});
        let mut found = Found::default();
        found.add_groups(serde_json::from_value(groups).expect("groups"));
        let discovery = found.finish();
        let names: Vec<&str> = discovery.resources.iter().map(|resource| &*resource.name).collect();
        assert_eq!(names, ["cronjobs", "cronjobs/status", "only/eviction"]);
        let cronjobs = &discovery.resources[0];
        assert_eq!((&*cronjobs.kind, cronjobs.namespaced), ("CronJob", true));
        let verbs: Vec<&str> = cronjobs.verbs.iter().map(|verb| &**verb).collect();
        assert_eq!(verbs, ["get", "list", "watch"]);
        assert_eq!(discovery.failed_groups.len(), 1);
        assert!(discovery.failed_groups[0].1.contains("v1beta1"));
    }

    #[test]
    fn older_servers_name_groups_and_the_preferred_version() {
        let answer = json!({"kind": "APIGroupList", "groups": [{"name": "apps",
            "versions": [{"groupVersion": "apps/v1beta1"}, {"groupVersion": "apps/v1"}],
            "preferredVersion": {"groupVersion": "apps/v1"}}]});
        let paths: Vec<String> =
            group_versions(&answer).into_iter().map(|(_, path)| path).collect();
        assert_eq!(paths, ["/apis/apps/v1", "/apis/apps/v1beta1"]);
        let core = core_versions(&json!({"kind": "APIVersions", "versions": ["v1"]}));
        assert_eq!(core, [("".into(), "/api/v1".to_owned())]);
    }
}
