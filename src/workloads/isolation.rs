//! What `NetworkPolicies` let through to a pod and from it.

use std::collections::BTreeMap;

use super::addresses::Families;
use super::openings;
use crate::model::{Direction, ListKind, Name, NetworkPolicySpec, ObjectBody, Snapshot};
use crate::rbac::labels::selects;

/// What isolates a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Isolation {
    /// What comes in.
    pub ingress: State,
    /// What goes out.
    pub egress: State,
    /// The policies that select it, sorted.
    pub policies: Vec<Name>,
}

/// How one direction stands. Weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It has the node's network, which policies do not isolate.
    HostNetwork,
    /// No policy selects it: everything goes through.
    Open,
    /// A policy selects it, and a rule lets everything through.
    AllAllowed,
    /// The list of policies is not whole, or one of them could not be understood; or they let all
    /// addresses of one version of IP through, and no pod says whether there is the other.
    NotKnown,
    /// A policy selects it: only what rules let through goes through, where the cluster's network
    /// enforces policies.
    Isolated,
}

impl State {
    /// The words on screens and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HostNetwork => "host network",
            Self::Open => "open",
            Self::AllAllowed => "all allowed",
            Self::NotKnown => "not known",
            Self::Isolated => "isolated",
        }
    }
}

/// What isolates a pod with such labels.
pub(super) fn of(
    (snapshot, families): (&Snapshot, Families),
    namespace: &Name,
    labels: &BTreeMap<Name, Name>,
    host_network: bool,
) -> Isolation {
    let mut of_pod: Vec<(&Name, &NetworkPolicySpec)> = Vec::new();
    let mut understood = true;
    let first = (Name::from("NetworkPolicy"), namespace.clone(), Name::from(""));
    let of_namespace = snapshot
        .objects
        .others
        .range(first..)
        .take_while(|((kind, ns, _), _)| &**kind == "NetworkPolicy" && ns == namespace);
    for ((_, _, name), object) in of_namespace {
        let ObjectBody::NetworkPolicy(spec) = &object.body else { continue };
        match selects(&spec.pod_selector, labels) {
            Some(true) => of_pod.push((name, spec)),
            Some(false) => {}
            None => understood = false,
        }
    }
    let whole = snapshot.covers(&[ListKind::NetworkPolicies], Some(namespace)) && understood;
    let state = |direction: Direction| {
        if host_network {
            return State::HostNetwork;
        }
        let mut isolating = of_pod.iter().filter(|(_, spec)| spec.isolates(direction)).peekable();
        if isolating.peek().is_none() {
            return if whole { State::Open } else { State::NotKnown };
        }
        let rules: Vec<_> = isolating.flat_map(|(_, spec)| spec.rules(direction)).collect();
        match openings::are_all(&rules, families) {
            Some(true) => State::AllAllowed,
            Some(false) if whole => State::Isolated,
            // Another policy may let through more: what they let through adds up. Or it is not known
            // of which versions of IP there are addresses.
            _ => State::NotKnown,
        }
    };
    Isolation {
        ingress: state(Direction::Ingress),
        egress: state(Direction::Egress),
        policies: of_pod.iter().map(|(name, _)| (*name).clone()).collect(),
    }
}

impl Isolation {
    /// Of two sorts of pods of one workload the weaker.
    pub(super) fn or_weaker(self, other: Self) -> Self {
        let mut policies = self.policies;
        policies.extend(other.policies);
        policies.sort();
        policies.dedup();
        Self {
            ingress: self.ingress.min(other.ingress),
            egress: self.egress.min(other.egress),
            policies,
        }
    }
}
