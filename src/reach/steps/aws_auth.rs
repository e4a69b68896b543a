//! The `ConfigMap` `kube-system/aws-auth` of EKS maps IAM roles to any user and any group,
//! `system:masters` among them.

use crate::reach::ask::{On, has};
use crate::reach::moves::{Out, To};
use crate::reach::rights::{Rights, changes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Where, World};

pub(crate) const ABOUT: About = About {
    id: "aws-auth",
    does: "maps an IAM role of its own to",
    seen: Seen { how: Shown::Yes, what: "update or patch of the ConfigMap" },
    modelled: Some(
        "needs an IAM role of one's own, and an authentication mode that reads aws-auth",
    ),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    let Some(system) = world.number("kube-system").filter(|_| world.aws) else { return };
    for change in changes(rights, On::ConfigMaps) {
        let here = change.at.meet(Where::In(system)).is_some();
        if here && has(&change.names, "aws-auth") {
            out.edge(To::Everything, Step::AwsAuth, &change.used);
        }
    }
}
