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

    /// Its rules for one direction, each with the peers and the ports that it names.
    pub fn rules(&self, direction: Direction) -> impl Iterator<Item = NetworkRule<'_>> {
        let (rules, peers) = match direction {
            Direction::Ingress => (&self.ingress, "from"),
            Direction::Egress => (&self.egress, "to"),
        };
        rules.iter().map(move |rule| NetworkRule {
            peers: Named::of(rule.get(peers)),
            ports: Named::of(rule.get("ports")),
        })
    }
}

/// A rule of a policy.
#[derive(Clone, Copy, Debug)]
pub struct NetworkRule<'p> {
    /// Whom it lets through.
    pub peers: Named<'p>,
    /// Where.
    pub ports: Named<'p>,
}

/// What a rule names: none is all there are.
#[derive(Clone, Copy, Debug)]
pub enum Named<'p> {
    /// All there are.
    All,
    /// These.
    These(&'p [Value]),
}

impl<'p> Named<'p> {
    fn of(value: Option<&'p Value>) -> Self {
        match value {
            None | Some(Value::Null) => Self::All,
            Some(Value::Array(all)) if all.is_empty() => Self::All,
            Some(Value::Array(all)) => Self::These(all),
            Some(_) => Self::These(&[]),
        }
    }

    /// The blocks of addresses, `10.0.0.0/8`, each with those that are taken out of it. One of which
    /// that cannot be read is not among them.
    pub fn blocks(self) -> impl Iterator<Item = (&'p str, Vec<&'p str>)> {
        let blocks = self.these().iter().filter_map(|peer| peer.get("ipBlock"));
        blocks.filter_map(|block| {
            let out = match block.get("except") {
                None | Some(Value::Null) => Vec::new(),
                Some(except) => {
                    except.as_array()?.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?
                }
            };
            Some((block.get("cidr")?.as_str()?, out))
        })
    }

    /// The ports by number, each with its protocol, from one to another.
    pub fn numbers(self) -> impl Iterator<Item = (&'p str, u64, u64)> {
        self.these().iter().filter_map(|port| {
            let protocol = port.get("protocol").and_then(Value::as_str).unwrap_or("TCP");
            let number = |field: &str| port.get(field).filter(|value| !value.is_null());
            let Some(first) = number("port") else { return Some((protocol, 0, u64::MAX)) };
            let first = first.as_u64()?;
            let last = number("endPort").and_then(Value::as_u64).unwrap_or(first);
            Some((protocol, first, last))
        })
    }

    fn these(self) -> &'p [Value] {
        match self {
            Self::All => &[],
            Self::These(all) => all,
        }
    }
}
