//! What has to be said beside an answer.

use std::fmt;

use super::asker::Asker;
use super::special::{is_known_verb, is_request_verb};
use super::target::{Naming, Question, Scoping, Served, Target};
use crate::model::Name;

/// A remark beside an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The server does not serve it, so that nobody can do it.
    NotServed {
        /// What was asked about.
        what: String,
        /// What it serves of the same resource.
        instead: Vec<Name>,
    },
    /// It is not known whether the server serves it; the rules were read as they stand.
    ServedNotKnown {
        /// What was asked about.
        what: String,
        /// Why it is not known.
        reason: Name,
    },
    /// Nor is it known which API group it is of.
    Unresolved {
        /// What was asked about.
        what: String,
        /// Why it is not known.
        reason: Name,
    },
    /// Discovery does not list it; who asks the authorizer about it.
    Virtual {
        /// What was asked about.
        what: String,
        /// Who asks.
        asked_by: &'static str,
    },
    /// Its requests carry no namespace, so that the one given plays no part.
    NoNamespace {
        /// What was asked about.
        what: String,
    },
    /// Requests for one Namespace object are authorised inside it.
    OwnNamespace,
    /// Requests of this verb never carry a name, so that the one given plays no part.
    NoName {
        /// The verb.
        verb: Name,
    },
    /// Nothing in Kubernetes asks about this verb.
    UnknownVerb {
        /// The verb.
        verb: Name,
    },
    /// The server does not offer the verb on this resource, whoever asks.
    VerbNotOffered {
        /// The verb.
        verb: Name,
        /// What was asked about.
        what: String,
        /// What it offers.
        offered: Vec<Name>,
    },
    /// The word names other resources too; these are the ones not taken.
    Also(Vec<Name>),
    /// The user's groups are not known: grants to groups are not counted.
    GroupsUnknown,
    /// Another authorizer decides for nodes, by what no list shows.
    Node,
    /// The same, where others were asked about.
    Nodes,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotServed { what, instead } if instead.is_empty() => {
                write!(f, "the server does not serve {what}: nobody can do this")
            }
            Self::NotServed { what, instead } => write!(
                f,
                "the server does not serve {what}: nobody can do this (it serves {})",
                instead.join(", ")
            ),
            Self::ServedNotKnown { what, reason } => {
                write!(f, "whether the server serves {what} is not known: {reason}")
            }
            Self::Unresolved { what, reason } => write!(
                f,
                "which API group {what} is of is not known, and core is taken ({reason}): write \
                 RESOURCE.GROUP"
            ),
            Self::Virtual { what, asked_by } => {
                write!(f, "discovery does not list {what}; the authorizer is {asked_by}")
            }
            Self::NoNamespace { what } => {
                write!(f, "requests for {what} carry no namespace: the one given plays no part")
            }
            Self::OwnNamespace => f.write_str(
                "requests for one Namespace are authorised inside it: a RoleBinding there counts",
            ),
            Self::NoName { verb } => {
                write!(f, "{verb} requests carry no name: the one given plays no part")
            }
            Self::UnknownVerb { verb } => {
                write!(f, "no request has the verb {verb:?}: rules are read as they stand")
            }
            Self::VerbNotOffered { verb, what, offered } => {
                write!(f, "the server does not offer {verb} on {what} (it offers {})", {
                    offered.join(", ")
                })
            }
            Self::Also(others) => write!(f, "the same word also names {}", others.join(", ")),
            Self::GroupsUnknown => {
                f.write_str("groups unknown: what is granted to groups of this user is not counted")
            }
            Self::Node => f.write_str(
                "by RBAC: what a node needs for itself and its pods (their Secrets, ConfigMaps, volumes and \
                 tokens) the Node authorizer allows it besides, where it is on, as usual",
            ),
            Self::Nodes => f.write_str(
                "by RBAC: each node (system:node:… in system:nodes) may besides as far as its pods need it, \
                 by the Node authorizer, where it is on, as usual",
            ),
        }
    }
}

/// What is to be said of a question.
pub(super) fn of_question(question: &Question) -> Vec<Note> {
    let mut notes = Vec::new();
    let Question { verb, target, namespace, name } = question;
    let what = target.to_string();
    let no_namespace = Note::NoNamespace { what: what.clone() };
    match target {
        Target::Path(_) => {
            if namespace.is_some() {
                notes.push(no_namespace);
            }
        }
        Target::Resource(target) => {
            match &target.served {
                Served::Yes | Served::Pattern => {}
                Served::No(instead) => {
                    notes.push(Note::NotServed { what, instead: instead.clone() });
                    return notes;
                }
                Served::NotKnown(reason) => {
                    notes.push(Note::ServedNotKnown { what: what.clone(), reason: reason.clone() });
                }
                Served::Unresolved(reason) => {
                    notes.push(Note::Unresolved { what: what.clone(), reason: reason.clone() });
                }
                Served::Virtual(asked_by) => {
                    notes.push(Note::Virtual { what: what.clone(), asked_by });
                }
            }
            if target.is_one_namespace(verb) {
                notes.push(Note::OwnNamespace);
            } else if target.scoping == Scoping::Cluster && namespace.is_some() {
                notes.push(no_namespace);
            }
            if name.is_some() && Naming::of(verb, &target.subresource) == Naming::Never {
                notes.push(Note::NoName { verb: verb.clone() });
            }
            if is_request_verb(verb) && !target.verbs.is_empty() && !target.verbs.contains(verb) {
                let offered = target.verbs.clone();
                notes.push(Note::VerbNotOffered { verb: verb.clone(), what, offered });
            } else if !is_known_verb(verb) {
                notes.push(Note::UnknownVerb { verb: verb.clone() });
            }
            if !target.also.is_empty() {
                notes.push(Note::Also(target.also.clone()));
            }
        }
    }
    notes
}

/// What is to be said of a question and who it is asked for.
pub(super) fn of(question: &Question, asker: &Asker) -> Vec<Note> {
    let mut notes = of_question(question);
    // What nobody can do, no group can.
    let nobody = notes.iter().any(|note| matches!(note, Note::NotServed { .. }));
    if !asker.groups_known && !nobody {
        notes.push(Note::GroupsUnknown);
    }
    if asker.identity.is_node() && !nobody {
        notes.push(Note::Node);
    }
    notes
}

/// Of core, what the Node authorizer lets nodes do by what their pods refer to, whatever the verb, and
/// other groups' with it (`plugin/pkg/auth/authorizer/node/node_authorizer.go`).
const OF_NODES: [(&str, &str); 13] = [
    ("", "secrets"),
    ("", "configmaps"),
    ("", "persistentvolumeclaims"),
    ("", "persistentvolumes"),
    ("", "serviceaccounts"),
    ("", "pods"),
    ("", "nodes"),
    ("coordination.k8s.io", "leases"),
    ("storage.k8s.io", "csinodes"),
    ("storage.k8s.io", "volumeattachments"),
    ("resource.k8s.io", "resourceclaims"),
    ("resource.k8s.io", "resourceslices"),
    ("certificates.k8s.io", "podcertificaterequests"),
];

/// The same of everybody.
pub(super) fn of_all(question: &Question) -> Vec<Note> {
    let mut notes = of_question(question);
    let nobody = notes.iter().any(|note| matches!(note, Note::NotServed { .. }));
    if let Target::Resource(target) = &question.target
        && OF_NODES.contains(&(&*target.group, &*target.resource))
        && !nobody
    {
        notes.push(Note::Nodes);
    }
    notes
}
