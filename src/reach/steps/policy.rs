//! Mutating admission policies (`MutatingAdmissionPolicy`, on since 1.36) rewrite what others write,
//! as webhooks do, but within the API server: of bindings that an administrator writes too, after
//! what they may write was decided. One is in force once something binds it.

use crate::reach::ask::On;
use crate::reach::moves::{Out, Part, RoleSet, To};
use crate::reach::rights::{Rights, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Where, World};

const SEEN: Seen = Seen {
    how: Shown::Partly,
    what: "the policy and its binding; what it rewrites only where the log has what was stored",
};

pub(crate) const MAKE: About = About {
    id: "admission-policy",
    does: "rewrites by an admission policy what others write, a binding among it, and so has",
    seen: SEEN,
    modelled: Some("needs somebody's write to rewrite, such as a binding of an administrator"),
};

pub(crate) const CHANGE: About = About {
    id: "change-admission-policy",
    does: "changes an admission policy or its binding to rewrite what others write, and so has",
    seen: SEEN,
    modelled: Some(
        "needs an admission policy, or a binding of one, that is there under such a name, which is \
         not looked up, and somebody's write to rewrite",
    ),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    if !world.policies {
        return;
    }
    for made in makes(rights, On::MutatingPolicies) {
        out.part(Part::Policy { used: made.used });
    }
    for bound in makes(rights, On::MutatingPolicyBindings) {
        out.part(Part::PolicyBinding { there: false, used: bound.used });
    }
    for bound in changes(rights, On::MutatingPolicyBindings) {
        out.part(Part::PolicyBinding { there: true, used: bound.used });
    }
    let to = To::Given(RoleSet::Own, Where::Cluster);
    for change in changes(rights, On::MutatingPolicies) {
        out.edge(to.clone(), Step::ChangePolicy, &change.used);
    }
}
