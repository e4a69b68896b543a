//! A mutating webhook sees and rewrites what others write: a pod that a controller makes can be made
//! to run as any account of its namespace. Whether there is one of a name is not looked up.

use crate::reach::ask::On;
use crate::reach::moves::{Hub, Out, To};
use crate::reach::rights::{Rights, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::Where;

pub(crate) const ABOUT: About = About {
    id: "webhook",
    does: "rewrites what others write, and so runs code as",
    seen: Seen {
        how: Shown::Partly,
        what: "the webhook being made; what it rewrites only where its log annotations are read",
    },
    modelled: Some("needs a server that the API server can call, and somebody's write to rewrite"),
};

pub(in crate::reach) fn find(rights: &Rights, out: &mut Out) {
    let writes = makes(rights, On::MutatingWebhooks);
    for write in writes.into_iter().chain(changes(rights, On::MutatingWebhooks)) {
        out.edge(To::Hub(Hub::Accounts(Where::Each)), Step::Webhook, &write.used);
    }
}
