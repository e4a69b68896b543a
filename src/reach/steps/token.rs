//! `create serviceaccounts/token`: a token for an account that exists
//! (`pkg/registry/core/serviceaccount/storage/token.go`). The name of the account is in the
//! request, so that a rule's names hold.

use std::sync::Arc;

use crate::reach::ask::{On, Verb};
use crate::reach::moves::{Hub, Out, Part, To, Way};
use crate::reach::rights::Rights;
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::World;

pub(crate) const ABOUT: About = About {
    id: "mint-token",
    does: "has a token made for",
    seen: Seen {
        how: Shown::Yes,
        what: "create serviceaccounts/token, and by the credential id what the token then does",
    },
    modelled: None,
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for right in rights.of(On::Token, Verb::Create) {
        let used = std::slice::from_ref(right);
        if world.own_nodes {
            let (at, names) = (right.at.inside(), right.names.clone());
            out.part(Part::Mint { at, names, used: used.to_vec() });
        }
        match &right.names {
            None => out.edge(To::Hub(Hub::Accounts(right.at.inside())), Step::MintToken, used),
            Some(names) => {
                for account in world.named_accounts(right.at, names) {
                    out.edge(To::Identity(account), Step::MintToken, used);
                }
                let at = right.at.inside();
                if world.misses(at, &right.names) {
                    let way = Way::new(Step::MintToken, used);
                    out.part(Part::Become { at, names: right.names.clone(), way: Arc::new(way) });
                }
            }
        }
    }
}
