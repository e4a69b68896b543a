//! Requests that came to nothing, and that a rule for them would make much of. The authorizer is asked
//! before anything is looked up: whoever holds everything is allowed what is not there.

use crate::model::{Call, Name, Snapshot, Target, counted};

/// So many are named.
const NAMED: usize = 3;

/// Whether a request asked for something by a name that reads as a wildcard in a rule
/// (`pkg/apis/rbac/helpers.go`, `VerbMatches` and its like): `GET /apis/*/v1/*`. The API server serves
/// nothing of such a name, so that it was answered 404; a rule that allows it allows everything.
pub(super) fn is_wild(call: &Call) -> bool {
    let star = |text: &Name| &**text == "*";
    let target = match &call.target {
        // `*/scale` is that of every resource; `pods/*` is nothing but itself.
        Target::Resource { group, resource, .. } => star(group) || star(resource),
        Target::Path(path) => path.ends_with('*'),
        Target::Paths | Target::Folded => false,
    };
    target || star(&call.verb)
}

/// The namespace that a request named, where it is not there: what lists are whole says so.
pub(super) fn missing<'c>(call: &'c Call, snapshot: &Snapshot) -> Option<&'c Name> {
    let Target::Resource { namespace: Some(namespace), resource, group, .. } = &call.target else {
        return None;
    };
    // Who makes a namespace asks for it by its name, before it is there.
    let is_itself = &**resource == "namespaces" && group.is_empty();
    let known = snapshot.has_all_namespaces() && !is_itself;
    (known && !snapshot.objects.namespaces.contains_key(namespace)).then_some(namespace)
}

/// That requests whose names are wildcards were left out, in words.
pub(super) fn wild_words(who: &str, requests: u64) -> String {
    format!(
        "{who}: {} for what is called * or by a path that ends with it stay out: nothing is called so, \
         they were answered 404, and a rule for them would allow everything",
        counted(requests, "request")
    )
}

/// Some names, and how many more.
pub(super) fn some<'n>(names: impl IntoIterator<Item = &'n Name>) -> String {
    let mut names: Vec<&str> = names.into_iter().map(|name| &**name).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names[..names.len().min(NAMED)].join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Implied;

    fn call(verb: &str, target: Target) -> Call {
        Call { verb: verb.into(), target, implied: Implied::Nothing }
    }

    fn on(group: &str, resource: &str, subresource: &str) -> Target {
        Target::Resource {
            group: group.into(),
            resource: resource.into(),
            subresource: subresource.into(),
            namespace: None,
            name: Some("*".into()),
            names_folded: false,
        }
    }

    #[test]
    fn what_a_rule_would_read_as_all_is_told() {
        assert!(is_wild(&call("get", on("*", "pods", ""))));
        assert!(is_wild(&call("get", on("", "*", ""))));
        assert!(is_wild(&call("get", on("apps", "*", "scale"))));
        assert!(is_wild(&call("get", Target::Path("/*".into()))));
        assert!(is_wild(&call("get", Target::Path("/logs/*".into()))));
        assert!(is_wild(&call("*", Target::Path("/logs".into()))));
        // A name may be a star in a rule and means itself; so does such a subresource.
        assert!(!is_wild(&call("get", on("", "pods", ""))));
        assert!(!is_wild(&call("get", on("", "pods", "*"))));
        assert!(!is_wild(&call("get", Target::Path("/*/x".into()))));
    }
}
