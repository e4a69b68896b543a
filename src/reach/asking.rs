//! Whether any request asks for a right, as rules grant it: one of a single verb, resource and name.

use std::borrow::Cow;

use super::ask::is_made_by_put;
use crate::model::{Name, PolicyRule, Scope};
use crate::rbac::effective::Inert;
use crate::rbac::query::Naming;

const STAR: &str = "*";

fn first(list: &[Name]) -> &str {
    list.first().map_or("", |one| one)
}

/// Whether a request could ask for it at all. Verbs and resources are compared as text, but for those
/// that are a star alone; so are names, of which some requests carry none and others always one
/// (`apiserver/pkg/endpoints/request/requestinfo.go`).
pub(super) fn is_asked(right: &PolicyRule) -> bool {
    let verb = first(&right.verbs);
    if verb != STAR && verb.contains(STAR) {
        return false;
    }
    if !right.non_resource_urls.is_empty() {
        return true;
    }
    if Inert::of(right, &Scope::Cluster).is_some() {
        return false;
    }
    let Some(name) = right.resource_names.first() else { return true };
    let resource = first(&right.resources);
    let subresource = resource.split_once('/').map_or("", |(_, sub)| sub);
    match (verb, Naming::of(verb, subresource)) {
        (STAR, _) => !name.is_empty() || subresource.is_empty(),
        (_, Naming::Always) => !name.is_empty(),
        (_, Naming::Never) => name.is_empty(),
        // Behind an apply or a PUT there is none in another's name.
        (verb, Naming::Apply) => name.is_empty() || verb == "create" || resource == STAR,
        (_, Naming::Selector | Naming::Escalate) => true,
    }
}

/// What a request is that makes an object under a name: the patch of server-side apply, or a PUT, each
/// under that name. None where the right is not one to make objects so.
pub(super) fn behind_create(right: &PolicyRule) -> impl Iterator<Item = PolicyRule> {
    let named = right.resource_names.first().is_some_and(|name| !name.is_empty());
    let resource = first(&right.resources);
    // A star is every subresource too, and requests for those carry a name.
    let is_create = first(&right.verbs) == "create" && resource != STAR && !resource.contains('/');
    let puts = is_made_by_put(first(&right.api_groups), resource);
    let verbs: &[&str] = match (named && is_create, puts) {
        (false, _) => &[],
        (true, false) => &["patch"],
        (true, true) => &["patch", "update"],
    };
    verbs.iter().map(|verb| PolicyRule { verbs: vec![(*verb).into()], ..right.clone() })
}

/// Whether it is about namespaces, which are authorised inside themselves.
pub(super) fn is_of_namespaces(right: &PolicyRule) -> bool {
    let resource = first(&right.resources);
    first(&right.api_groups).is_empty()
        && right.non_resource_urls.is_empty()
        && resource.split('/').next() == Some("namespaces")
}

/// What is left of it in one namespace: of namespaces there is only that one. None: nothing.
pub(super) fn narrowed<'r>(
    right: &'r PolicyRule,
    place: Option<&Name>,
) -> Option<Cow<'r, PolicyRule>> {
    let Some(place) = place.filter(|_| is_of_namespaces(right)) else {
        return Some(Cow::Borrowed(right));
    };
    if right.resource_names.is_empty() {
        return Some(Cow::Owned(PolicyRule {
            resource_names: vec![place.clone()],
            ..right.clone()
        }));
    }
    right.resource_names.contains(place).then_some(Cow::Borrowed(right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(verb: &str, group: &str, resource: &str, names: &[&str]) -> PolicyRule {
        PolicyRule {
            verbs: vec![verb.into()],
            api_groups: vec![group.into()],
            resources: vec![resource.into()],
            resource_names: names.iter().map(|name| Name::from(*name)).collect(),
            ..PolicyRule::default()
        }
    }

    #[test]
    fn requests_carry_the_names_that_they_carry() {
        for (verb, resource, names, expected) in [
            ("get", "configmaps", &[][..], true),
            ("get", "configmaps", &["a"], true),
            ("get", "configmaps", &[""], false),
            ("delete", "configmaps", &[""], false),
            ("list", "configmaps", &[""], true),
            ("list", "configmaps", &["a"], true),
            ("create", "configmaps", &[""], true),
            ("create", "configmaps", &["a"], true),
            ("create", "pods/exec", &[""], false),
            ("create", "pods/exec", &["a"], true),
            ("deletecollection", "configmaps", &[""], true),
            ("deletecollection", "configmaps", &["a"], false),
            ("bind", "roles", &[""], false),
            ("escalate", "roles", &[""], true),
            ("*", "configmaps", &[""], true),
            ("*", "pods/exec", &[""], false),
            ("impersonate-on:user-info:create", "pods", &[""], true),
            ("impersonate-on:user-info:create", "pods", &["a"], false),
            ("impersonate-on:user-info:*", "pods", &[], false),
            ("get*", "pods", &[], false),
            ("get", "pods/*", &[], false),
        ] {
            assert_eq!(is_asked(&right(verb, "", resource, names)), expected, "{verb} {resource}");
        }
    }

    #[test]
    fn objects_are_made_under_a_name_by_another_request() {
        let verbs = |right: &PolicyRule| -> Vec<String> {
            behind_create(right).map(|write| write.verbs[0].to_string()).collect()
        };
        assert_eq!(verbs(&right("create", "", "configmaps", &["a"])), ["patch"]);
        let rbac = "rbac.authorization.k8s.io";
        assert_eq!(verbs(&right("create", rbac, "roles", &["a"])), ["patch", "update"]);
        for other in [
            right("create", "", "configmaps", &[]),
            right("create", "", "configmaps", &[""]),
            right("create", "", "pods/exec", &["a"]),
            right("create", "", "*", &["a"]),
            right("get", "", "configmaps", &["a"]),
        ] {
            assert!(verbs(&other).is_empty(), "{other:?}");
        }
    }

    #[test]
    fn a_namespace_is_asked_about_inside_itself() {
        let pay = Name::from("pay");
        let left = |right: &PolicyRule| narrowed(right, Some(&pay)).map(Cow::into_owned);
        let one = right("get", "", "namespaces", &["pay"]);
        assert_eq!(left(&one), Some(one.clone()));
        assert_eq!(left(&right("get", "", "namespaces", &[])), Some(one));
        assert_eq!(left(&right("get", "", "namespaces", &["other"])), None);
        let pods = right("get", "", "pods", &["other"]);
        assert_eq!(left(&pods), Some(pods));
        let anywhere = right("get", "", "namespaces", &["other"]);
        assert_eq!(narrowed(&anywhere, None).map(Cow::into_owned), Some(anywhere));
    }
}
