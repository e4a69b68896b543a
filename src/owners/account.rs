//! Accounts that the controller manager makes again: `default` everywhere, and its controllers' own.

use super::{Keeper, Kept, Owner, STAYS, Soon, Undone};
use crate::model::{Name, Snapshot, SubjectKind};
use crate::rbac::bootstrap;

const SYSTEM: &str = "kube-system";

/// What the bindings of the controllers' own roles begin with.
const OF_CONTROLLER: &str = "system:controller:";

/// Controllers whose account no policy that is built in binds, by what they ask for a client as
/// (`cmd/kube-controller-manager/app`, 1.34 to 1.37).
const NOT_BOUND: [&str; 3] = [
    "podgroup-protection-controller",
    "resourcepoolstatusrequest-controller",
    "storage-version-garbage-collector",
];

/// Accounts that a cloud's own manager asks for, which is another program (`cloud-provider/app`).
const OF_CLOUD: [&str; 3] = ["cloud-provider", "route-controller", "service-controller"];

/// The account `default` of every namespace (`pkg/controller/serviceaccount`).
pub(super) fn default_account(kept: Kept<'_>) -> Option<Owner> {
    (&*kept.meta.name == "default").then(|| {
        let when = "at once, with another UID: tokens of the old one do not come back";
        owner("name".into(), true, Undone::new(Soon::AtOnce, when))
    })
}

/// The account of one of the controller manager's controllers. With the flag
/// `--use-service-account-credentials` each has one in kube-system, which is made where it is missing
/// whenever the controller needs a token: when a request was refused for the old one, or that runs out
/// (`getOrCreateServiceAccount` in `controller-manager/pkg/clientbuilder`).
pub(super) fn of_controller(snapshot: &Snapshot, kept: Kept<'_>) -> Option<Owner> {
    const FLAG: &str = "--use-service-account-credentials";
    let name = &kept.meta.name;
    if kept.namespace() != SYSTEM || !is_controller(name) {
        return None;
    }
    let flag = own_credentials(snapshot);
    let of_cloud = OF_CLOUD.contains(&&**name);
    let (evidence, certain) = match flag {
        Some((pod, true)) if !of_cloud => (format!("name, and {FLAG} of pod {pod}"), true),
        // It makes none. A cloud's manager has a flag of its own.
        Some((_, false)) if !of_cloud => return None,
        _ => (format!("name; whether {FLAG} is set is not known"), false),
    };
    let when = "when its controller next makes a request, for most within seconds, with another UID: \
                tokens of the old one do not come back";
    Some(owner(evidence, certain, Undone::new(Soon::Minutes, when)))
}

fn owner(evidence: String, certain: bool, deletion: Undone) -> Owner {
    Owner {
        keeper: Keeper::ControllerManager,
        name: "".into(),
        evidence: evidence.into(),
        certain,
        edit: STAYS,
        deletion,
        label: STAYS,
        detail: None,
    }
}

fn is_controller(account: &str) -> bool {
    let is_bound = || {
        let bindings = bootstrap::policies().flat_map(|policy| policy.objects.bindings.values());
        let own = bindings.filter(|binding| binding.meta.name.starts_with(OF_CONTROLLER));
        let mut subjects = own.flat_map(|binding| {
            let namespace = binding.meta.namespace.as_ref();
            binding.subjects.iter().filter_map(move |subject| subject.identity(namespace))
        });
        subjects.any(|of| {
            of.kind == SubjectKind::ServiceAccount
                && of.namespace.as_deref() == Some(SYSTEM)
                && &*of.name == account
        })
    };
    NOT_BOUND.contains(&account) || OF_CLOUD.contains(&account) || is_bound()
}

/// What a pod that runs in kube-system sets the flag to, and which; on where several differ. None
/// where no pod says so: a managed control plane has none in the cluster, and who starts it by hand
/// may have written the flag elsewhere.
fn own_credentials(snapshot: &Snapshot) -> Option<(&Name, bool)> {
    let first = (Name::from(SYSTEM), Name::from(""));
    let pods = snapshot.objects.pods.range(first..).take_while(|((ns, _), _)| &**ns == SYSTEM);
    let says = pods.filter(|(_, pod)| !pod.has_ended()).filter_map(|((_, name), pod)| {
        let mut containers = pod.spec.containers.iter();
        let container = containers.find(|one| &*one.name == "kube-controller-manager")?;
        Some((name, container.own_credentials()?))
    });
    says.max_by_key(|(_, on)| *on)
}
