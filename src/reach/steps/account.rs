//! Accounts that bindings name and that are not there: whoever makes one may take it over as any
//! other, by a token, a pod or a Secret. Nothing is asked but the right to make accounts; a PUT makes
//! none (`pkg/registry/core/serviceaccount/strategy.go`).

use crate::reach::ask::On;
use crate::reach::moves::{Out, Part};
use crate::reach::rights::{Rights, makes};
use crate::reach::world::World;

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    for made in makes(rights, On::Accounts) {
        let at = made.at.inside();
        if world.misses(at, &made.names) {
            out.part(Part::MakeAccount { at, names: made.names, used: made.used });
        }
    }
}
