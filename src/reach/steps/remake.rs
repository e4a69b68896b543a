//! An object that has the name that is needed is deleted, and made again with other content: a
//! binding to another role, whose `roleRef` never changes, a pod as another account, a Job, whose
//! template never changes, a role that is made with `escalate` only where it is new.
//!
//! A request to delete a collection carries no name, so that no rule with names lets it through; with
//! a field selector it deletes one object (`apiserver/pkg/endpoints/request/requestinfo.go`).
//!
//! Without either verb a change does it: what names nothing but owners that are not there, the garbage
//! collector deletes (`pkg/controller/garbagecollector/garbagecollector.go`, `attemptToDeleteItem`).
//! Of roles and bindings such a change is not held against what they give
//! (`pkg/registry/rbac/helpers.go`, `IsOnlyMutatingGCFields`). Only the admission plugin
//! `OwnerReferencesPermissionEnforcement`, which is off by default, asks for `delete` then.
//!
//! Of subresources `jobs/status` takes owners too, `pods/status` and `pods/ephemeralcontainers` none
//! (`PrepareForUpdate` in each kind's `strategy.go`). That adds nobody: a Job is made under a name by a
//! patch of it only, which takes them as well.

use crate::reach::ask::{On, Verb};
use crate::reach::moves::{Out, Part};
use crate::reach::rights::{Right, Rights};

/// What is deleted to be made again.
const REMADE: [On; 6] =
    [On::ClusterRoles, On::Roles, On::ClusterRoleBindings, On::RoleBindings, On::Pods, On::Jobs];

/// By which verbs, what is plain first.
const CLEARS: [(Verb, Verb); 4] = [
    (Verb::Delete, Verb::Delete),
    (Verb::DeleteCollection, Verb::DeleteCollection),
    (Verb::Patch, Verb::PatchAway),
    (Verb::Update, Verb::UpdateAway),
];

pub(in crate::reach) fn find(rights: &Rights, out: &mut Out) {
    for on in REMADE {
        for (asked, verb) in CLEARS {
            for right in rights.of(on, asked) {
                let at = if on.is_namespaced(asked) { right.at.inside() } else { right.at };
                let used = vec![Right { verb, ..right.clone() }];
                out.part(Part::Clear { on, at, names: right.names.clone(), used });
            }
        }
    }
}
