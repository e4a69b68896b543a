//! The `ConfigMap` `kube-system/aws-auth` of EKS maps IAM roles to any user and any group,
//! `system:masters` among them.

use crate::reach::ask::{On, has};
use crate::reach::moves::{Out, To};
use crate::reach::rights::{Rights, changes, makes};
use crate::reach::step::{About, Seen, Shown, Step};
use crate::reach::world::{Where, World};

pub(crate) const ABOUT: About = About {
    id: "aws-auth",
    does: "maps an IAM role of its own to",
    seen: Seen { how: Shown::Yes, what: "create, update or patch of the ConfigMap" },
    modelled: Some(
        "needs an IAM role of one's own, and an authentication mode that reads aws-auth",
    ),
};

pub(in crate::reach) fn find(rights: &Rights, world: &World, out: &mut Out) {
    let Some(system) = world.number("kube-system").filter(|_| world.aws) else { return };
    // A change takes one that is there; one that was not read may be.
    let writes = makes(rights, On::ConfigMaps).into_iter();
    for write in writes.chain(changes(rights, On::ConfigMaps).filter(|_| world.aws_auth)) {
        let here = write.at.meet(Where::In(system)).is_some();
        if here && has(&write.names, "aws-auth") {
            out.edge(To::Everything, Step::AwsAuth, &write.used);
        }
    }
}
