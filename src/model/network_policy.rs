//! `NetworkPolicies`, cut to what they select and whether they let everything through.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::object::null_default;
use super::{LabelSelector, Name};

/// `networking.k8s.io/v1 NetworkPolicySpec`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct NetworkPolicySpec {
    /// Pods of its namespace that it is about; the empty selector is about all.
    #[serde(deserialize_with = "null_default")]
    pub pod_selector: LabelSelector,
    /// `Ingress`, `Egress`; empty only where no API server filled it out.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub policy_types: Vec<Name>,
    /// Rules for what comes in.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub ingress: Vec<Value>,
    /// Rules for what goes out.
    #[serde(deserialize_with = "null_default", skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Value>,
}

/// A direction of traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the pod.
    Ingress,
    /// From the pod.
    Egress,
}

impl NetworkPolicySpec {
    /// Whether it isolates what it selects in this direction. Without `policyTypes` it is about what
    /// comes in, and about what goes out where it has rules for that
    /// (`pkg/apis/networking/v1/defaults.go`).
    pub fn isolates(&self, direction: Direction) -> bool {
        let name = match direction {
            Direction::Ingress => "Ingress",
            Direction::Egress => "Egress",
        };
        if self.policy_types.is_empty() {
            return direction == Direction::Ingress || !self.egress.is_empty();
        }
        self.policy_types.iter().any(|type_| &**type_ == name)
    }

    /// Whether one of its rules lets everything through: a rule without peers and without ports.
    pub fn lets_all_through(&self, direction: Direction) -> bool {
        let (rules, peers) = match direction {
            Direction::Ingress => (&self.ingress, "from"),
            Direction::Egress => (&self.egress, "to"),
        };
        let none = |rule: &Value, field: &str| match rule.get(field) {
            None | Some(Value::Null) => true,
            Some(Value::Array(all)) => all.is_empty(),
            Some(_) => false,
        };
        rules.iter().any(|rule| none(rule, peers) && none(rule, "ports"))
    }

    /// The blocks of addresses to or from which its rules let everything through, on every port:
    /// `10.0.0.0/8`. Blocks from which something is taken out are not among them.
    pub fn open_blocks(&self, direction: Direction) -> impl Iterator<Item = &str> {
        let (rules, peers) = match direction {
            Direction::Ingress => (&self.ingress, "from"),
            Direction::Egress => (&self.egress, "to"),
        };
        let empty = |value: Option<&Value>| match value {
            None | Some(Value::Null) => true,
            Some(Value::Array(all)) => all.is_empty(),
            Some(_) => false,
        };
        let open = rules.iter().filter(move |rule| empty(rule.get("ports")));
        let peers = open.filter_map(move |rule| rule.get(peers)?.as_array()).flatten();
        let blocks = peers.filter_map(|peer| peer.get("ipBlock"));
        let whole = blocks.filter(move |block| empty(block.get("except")));
        whole.filter_map(|block| block.get("cidr")?.as_str())
    }
}
