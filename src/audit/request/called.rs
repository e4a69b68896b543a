//! What a request called, by its line.

use std::borrow::Cow;
use std::hash::Hash;

use super::asked::{self, Asked, ObjectRef};
use super::clip::clip;
use super::names::Names;
use super::pieces::Misshapen;
use crate::model::{Call, Identity, Implied, Name, Target};

/// A call taken apart: the place, which is shared by many requests, and the name or path, which is
/// the client's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Called<'a> {
    pub place: Place<'a>,
    /// The object's name, or the path; empty where there is none.
    pub name: Cow<'a, str>,
}

impl Called<'_> {
    /// Whether another server than the one that was asked may have answered it: an API server passes
    /// on what is of groups that it does not serve itself.
    pub fn may_be_passed_on(&self) -> bool {
        let of_path = || {
            let rest = self.name.strip_prefix("/apis/").unwrap_or_default();
            rest.split('/').next().unwrap_or_default()
        };
        let group = self.place.resource.map_or_else(of_path, |[group, ..]| group);
        !is_own(group)
    }

    /// The account that a token was asked for.
    pub fn account_of_token(&self) -> Option<Identity> {
        let is_token = |[group, resource, subresource, _]: &[&str; 4]| {
            (*group, *resource, *subresource) == ("", "serviceaccounts", "token")
        };
        let [.., namespace] = self.place.resource.filter(is_token)?;
        let known = self.place.verb == "create" && !namespace.is_empty() && !self.name.is_empty();
        known.then(|| Identity::service_account(&*clip(namespace), &*self.name))
    }

    /// The name of the lease in kube-system that it was for: where control planes say who lives and
    /// who leads.
    pub fn lease(&self) -> Option<&str> {
        let leases = ["coordination.k8s.io", "leases", "", "kube-system"];
        (self.place.resource == Some(leases)).then_some(&*self.name)
    }
}

/// Whether an API server serves the group itself (`pkg/controlplane/instance.go`, and groups of
/// former versions). It never passes these on.
fn is_own(group: &str) -> bool {
    let Some((first, rest)) = group.split_once('.') else {
        return matches!(group, "" | "apps" | "autoscaling" | "batch" | "extensions" | "policy");
    };
    match rest {
        "k8s.io" => matches!(
            first,
            "admission"
                | "admissionregistration"
                | "apiextensions"
                | "apiregistration"
                | "auditregistration"
                | "authentication"
                | "authorization"
                | "certificates"
                | "coordination"
                | "discovery"
                | "events"
                | "imagepolicy"
                | "networking"
                | "node"
                | "resource"
                | "scheduling"
                | "settings"
                | "storage"
                | "storagemigration"
        ),
        "apiserver.k8s.io" => matches!(first, "flowcontrol" | "internal"),
        "authorization.k8s.io" => first == "rbac",
        _ => false,
    }
}

/// A call without the object's name or path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place<'a> {
    verb: &'a str,
    implied: Implied,
    resource: Option<[&'a str; 4]>,
}

impl Place<'_> {
    /// Whether it is of a resource, and not of what a get runs or reaches: logs that leave out reads
    /// have those all the same.
    pub fn is_plain(&self) -> bool {
        self.resource.is_some_and(|[_, _, subresource, _]| {
            !matches!(subresource, "exec" | "attach" | "portforward" | "proxy")
        })
    }

    /// As the model has it: with no name, or an empty path.
    pub fn call(&self, names: &mut Names) -> Call {
        let target = match self.resource {
            None => Target::Path(names.name("")),
            Some([group, resource, subresource, namespace]) => Target::Resource {
                group: names.name(group),
                resource: names.name(resource),
                subresource: names.name(subresource),
                namespace: (!namespace.is_empty()).then(|| names.name(namespace)),
                name: None,
                names_folded: false,
            },
        };
        Call { verb: names.name(self.verb), target, implied: self.implied }
    }
}

/// The place of a model's call, and its name or path.
pub fn split(call: &Call) -> (Call, Option<Name>) {
    let mut place = call.clone();
    let name = match &mut place.target {
        Target::Resource { name, .. } => name.take(),
        Target::Path(path) => Some(std::mem::replace(path, "".into())),
        Target::Paths | Target::Folded => None,
    };
    (place, name)
}

/// `place` with a name or path; where that was too rarely seen to keep, `folded`.
pub fn join(place: &Call, name: Option<&Name>, folded: bool) -> Call {
    let mut call = place.clone();
    match &mut call.target {
        Target::Resource { name: slot, names_folded, .. } => {
            *slot = name.cloned();
            *names_folded = folded;
        }
        Target::Path(_) if folded => call.target = Target::Paths,
        Target::Path(path) => *path = name.cloned().unwrap_or_else(|| "".into()),
        Target::Paths | Target::Folded => {}
    }
    call
}

/// What a line says of the request itself.
#[derive(Clone, Copy, Debug)]
pub struct Requested<'a> {
    /// As the line has it: the authorizer's.
    pub verb: &'a str,
    /// The URI's path, decoded.
    pub path: &'a str,
    /// The URI's query, still encoded.
    pub query: &'a str,
    /// `objectRef`'s JSON.
    pub object: Option<&'a str>,
    /// The answer's code; 0 for none.
    pub code: u16,
    /// Whether the authorizer allowed it.
    pub allowed: bool,
    /// Whether the line names a token that was made.
    pub issued: bool,
}

impl<'a> Requested<'a> {
    /// What was called, as the authorizer saw it. `object` is where what had to be read of
    /// `objectRef` is kept.
    pub fn called(&self, object: &'a mut ObjectRef) -> Result<Called<'a>, Misshapen> {
        let asked = match (asked::asked(self.path), self.object) {
            (Asked::Path(_), Some(json)) if json != "null" => {
                *object = read(json)?;
                object.asked(self.verb)
            }
            (from_uri, _) => from_uri,
        };
        Ok(match asked {
            Asked::Path(path) => Called {
                place: Place { verb: self.verb, implied: Implied::Nothing, resource: None },
                name: clip(path),
            },
            Asked::Resource { group, resource, subresource, namespace, name } => Called {
                place: Place {
                    verb: self.verb,
                    implied: self.implied([group, resource, subresource]),
                    resource: Some([group, resource, subresource, namespace]),
                },
                name: match self.verb {
                    "list" | "watch" if name.is_empty() => self.selected()?,
                    _ => clip(name),
                },
            },
        })
    }

    /// The name that the query selects; objectRef has it too where the server could read it.
    fn selected(&self) -> Result<Cow<'a, str>, Misshapen> {
        let none = Ok(Cow::Borrowed(""));
        let Some(selected) = asked::selected_name(self.query) else { return none };
        let known = match self.object {
            Some(json) => read::<Option<ObjectRef>>(json)?,
            None => None,
        };
        if known.is_some_and(|object| object.name.as_deref() != Some(&selected)) {
            return none;
        }
        Ok(Cow::Owned(clip(&selected).into_owned()))
    }

    fn implied(&self, [group, resource, subresource]: [&str; 3]) -> Implied {
        match (self.verb, self.code) {
            _ if !self.allowed => Implied::Nothing,
            ("patch" | "update", 201) if subresource.is_empty() => Implied::CreateBehindWrite,
            ("patch" | "update", 0) if subresource.is_empty() => Implied::PerhapsCreate,
            // Where the token was made before the answer failed (504), the line names it.
            ("create", 400..)
                if [group, resource, subresource] == ["", "serviceaccounts", "token"]
                    && !self.issued =>
            {
                Implied::NoToken
            }
            ("list" | "watch", _)
                if [group, resource, subresource] == ["", "secrets", ""]
                    && asked::selects_no_token(self.query) =>
            {
                Implied::NoToken
            }
            ("get", code)
                if (group, resource) == ("", "pods")
                    && matches!(subresource, "exec" | "attach" | "portforward") =>
            {
                match code {
                    101 => Implied::UpgradedGet,
                    // Refused by that check.
                    403 => Implied::Nothing,
                    _ => Implied::AttemptedGet,
                }
            }
            _ => Implied::Nothing,
        }
    }
}

fn read<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, Misshapen> {
    serde_json::from_str(json).map_err(|_| Misshapen)
}
