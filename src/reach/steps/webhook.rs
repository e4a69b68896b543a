//! A mutating webhook sees and rewrites what others write: a pod that a controller makes can be made
//! to run as any account of its namespace, and a binding that an administrator writes to name one
//! more. Whether there is one of a name that could be changed is not looked up. One that is not there an
//! apply makes, by `patch` and `create` under its name, and no PUT (`AllowCreateOnUpdate` in
//! `pkg/registry/admissionregistration/mutatingwebhookconfiguration/strategy.go`).

use crate::reach::ask::On;
use crate::reach::moves::{Out, RoleSet, To};
use crate::reach::rights::{Rights, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::Where;

const SEEN: Seen = Seen {
    how: Shown::Partly,
    what: "the webhook being made or changed; what it rewrites only where its log annotations are \
           read",
};

pub(crate) const ABOUT: About = About {
    id: "webhook",
    does: "rewrites by a webhook what others write, a binding among it, and so has",
    seen: SEEN,
    modelled: Some("needs a server that the API server can call, and somebody's write to rewrite"),
};

pub(crate) const CHANGE: About = About {
    id: "change-webhook",
    does: "changes a webhook to rewrite what others write, and so has",
    seen: SEEN,
    modelled: Some(
        "needs a mutating webhook that is there under such a name, which is not looked up, a server \
         that the API server can call, and somebody's write to rewrite",
    ),
};

pub(in crate::reach) fn find(rights: &Rights, out: &mut Out) {
    let to = To::Given(RoleSet::Own, Where::Cluster);
    for made in makes(rights, On::MutatingWebhooks) {
        out.edge(to.clone(), Step::Webhook, &made.used);
    }
    for change in changes(rights, On::MutatingWebhooks) {
        out.edge(to.clone(), Step::ChangeWebhook, &change.used);
    }
}
