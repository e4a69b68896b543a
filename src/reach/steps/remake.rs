//! An object that has the name that is needed is deleted, and made again with other content: a
//! binding to another role, whose `roleRef` never changes, a pod as another account, a Job, whose
//! template never changes, a role that is made with `escalate` only where it is new.
//!
//! A request to delete a collection carries no name, so that no rule with names lets it through; with
//! a field selector it deletes one object (`apiserver/pkg/endpoints/request/requestinfo.go`).

use crate::reach::ask::{On, Verb};
use crate::reach::moves::{Out, Part};
use crate::reach::rights::Rights;

/// What is deleted to be made again.
const REMADE: [On; 6] =
    [On::ClusterRoles, On::Roles, On::ClusterRoleBindings, On::RoleBindings, On::Pods, On::Jobs];

pub(in crate::reach) fn find(rights: &Rights, out: &mut Out) {
    for on in REMADE {
        let verbs = [Verb::Delete, Verb::DeleteCollection].into_iter();
        for right in verbs.flat_map(|verb| rights.of(on, verb)) {
            let at = if on.is_namespaced(right.verb) { right.at.inside() } else { right.at };
            let (names, used) = (right.names.clone(), vec![right.clone()]);
            out.part(Part::Clear { on, at, names, used });
        }
    }
}
