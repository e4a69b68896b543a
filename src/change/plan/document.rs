//! A Plan as data: `keybook/v1`, JSON or YAML, to be read in a pull request and applied elsewhere.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Check, Followed, Intent, LeftAlone, Parted, Rest, Risk, Target};
use crate::model::Name;

/// `apiVersion` of a Plan.
pub const API_VERSION: &str = "keybook/v1";

/// `kind` of a Plan.
pub const KIND: &str = "Plan";

/// Intents made exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Plan {
    /// [`API_VERSION`].
    pub api_version: Name,
    /// [`KIND`].
    pub kind: Name,
    /// Of what, by whom, on what it rests.
    pub metadata: Header,
    /// What was wanted.
    pub intents: Vec<Intent>,
    /// The writes, in the order in which they are made. One an object.
    pub steps: Vec<Step>,
    /// What is asked of the API server afterwards.
    pub verification: Verification,
    /// What has to be done elsewhere, by a person.
    pub manual: Vec<Manual>,
    /// What works afterwards all the same.
    pub still_works: Vec<StillWorks>,
    /// What else has to be known before it is applied.
    pub warnings: Vec<String>,
    /// What it rests on beside the objects that it writes: looked at again before it is applied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rests_on: Vec<Rest>,
    /// What is split, in sum.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parted: Vec<Parted>,
    /// What is to be done later: planned when its day has come, from the objects as they are then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Later>,
    /// Set where it leaves nobody, or who applies it, without a way back in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_out: Option<Risk>,
    /// The run of the journal that it undoes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<u64>,
    /// Set where undoing gives back what later runs, which stand, took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gives_back: Option<Risk>,
    /// What of the run that it undoes stays as it is, since somebody changed it, or it goes with what
    /// somebody changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaves: Vec<LeftAlone>,
}

/// Of what, by whom, on what it rests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Header {
    /// When it was made, UTC.
    pub made_at: DateTime<Utc>,
    /// Who made it, as the API server calls them; None where it did not say.
    pub made_by: Option<Name>,
    /// The cluster that it is for.
    pub cluster: ClusterRef,
    /// What the log covered; None where there was none.
    pub coverage: Option<CoverageRef>,
    /// Lists of roles and bindings that were not whole: something may have been overlooked there.
    pub incomplete: Vec<String>,
    /// Signs of authorizers beside RBAC, of which keybook knows nothing.
    pub other_authorizers: Vec<Name>,
    /// `sha256:` and the sum of everything else in it. A Plan that was edited is refused: change what
    /// is wanted, and make another.
    pub digest: String,
}

/// A cluster, so that it is found again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ClusterRef {
    /// UID of the kube-system namespace, else `ca:` and the CA's SHA-256, else `server:` and its URL.
    pub id: Name,
    /// Short name.
    pub name: Name,
    /// The server's URL.
    pub server: Name,
    /// Its version.
    pub server_version: Option<Name>,
}

/// What the log covered when a Plan was made. Times are UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CoverageRef {
    /// The first request.
    pub from: Option<DateTime<Utc>>,
    /// The last.
    pub to: Option<DateTime<Utc>>,
    /// Gaps in between.
    pub gaps: u64,
}

/// What a step does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Makes it.
    Create,
    /// Puts the image after in the place of the image before.
    Replace,
    /// Takes it away.
    Delete,
}

impl Action {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Delete => "delete",
        }
    }
}

/// What an object must still be for a step to be made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Precondition {
    /// The very object; None where there must be none.
    pub uid: Option<Name>,
    /// Unchanged since the image before was taken.
    pub resource_version: Option<Name>,
}

/// Whether a step can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reversibility {
    /// To the same but for what the server sets.
    Reversible,
    /// But for what `loses` names.
    WithLoss,
    /// Not at all.
    Irreversible,
}

impl Reversibility {
    /// The words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reversible => "reversible",
            Self::WithLoss => "reversible with loss",
            Self::Irreversible => "irreversible",
        }
    }
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// Counts from 1 within its Plan.
    pub id: u32,
    /// What is done.
    pub action: Action,
    /// To what.
    pub target: Target,
    /// What it must be for that.
    pub precondition: Precondition,
    /// The object as it was, unknown fields kept, without `managedFields`; of a Secret its metadata.
    pub before: Option<Value>,
    /// The object as it will be; None where it will not be.
    pub after: Option<Value>,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Whether it can be taken back.
    pub reversibility: Reversibility,
    /// What taking it back does not bring back.
    pub loses: Vec<String>,
    /// What whoever applies it has to be allowed.
    pub rights: Vec<Right>,
    /// What takes it back, and what that takes.
    pub inverse: Inverse,
    /// Who keeps the object, and would undo the step.
    pub owners: Vec<OwnerWarning>,
}

/// Why a step is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Reason {
    /// What it does for what is wanted.
    pub why: String,
    /// What shows that.
    pub evidence: Vec<String>,
}

/// Something that has to be allowed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Right {
    /// The verb.
    pub verb: Name,
    /// The API group.
    pub group: Name,
    /// The plural resource.
    pub resource: Name,
    /// The namespace; empty for none.
    pub namespace: Name,
    /// The object; empty for any.
    pub name: Name,
    /// Whether holding every right of the role does as well (the API server's escalation check).
    pub or_held: bool,
}

/// `delete rolebindings.rbac.authorization.k8s.io "ops" in namespace pay`.
impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.group.is_empty() { "" } else { "." };
        write!(f, "{} {}{dot}{}", self.verb, self.resource, self.group)?;
        if !self.name.is_empty() {
            write!(f, " {:?}", self.name)?;
        }
        if !self.namespace.is_empty() {
            write!(f, " in namespace {}", self.namespace)?;
        }
        Ok(())
    }
}

/// What takes a step back: the image before, put back or made again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Inverse {
    /// What is done.
    pub action: Action,
    /// What whoever undoes it has to be allowed.
    pub rights: Vec<Right>,
}

/// Who keeps an object, and would undo a step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OwnerWarning {
    /// Who: `Helm pay/payroll`.
    pub owner: String,
    /// What on the object says so.
    pub evidence: Name,
    /// When the step is undone.
    pub undone: String,
}

/// What is asked of the API server afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Verification {
    /// What must be refused.
    pub denied: Vec<Check>,
    /// What must be allowed as before.
    pub allowed: Vec<Check>,
    /// What must be allowed, and is not yet: what an undone plan refused, what a split gives.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub again: Vec<Check>,
    /// What must be refused as before: what those who are split apart did not do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still_denied: Vec<Check>,
    /// Bindings that must no longer name somebody, once who makes them has followed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unnamed: Vec<Followed>,
    /// Bindings that must name somebody again, of an undone plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<Followed>,
}

impl Verification {
    /// How many answers it asks for.
    pub fn len(&self) -> usize {
        let checks = [&self.denied, &self.allowed, &self.again, &self.still_denied];
        let asked: usize = checks.into_iter().map(Vec::len).sum();
        asked + self.unnamed.len() + self.named.len()
    }

    /// Whether it asks for none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Something that a person has to do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manual {
    /// What.
    pub what: String,
    /// Why keybook does not.
    pub why: String,
    /// For the owner of an object: how it would have to read there (a JSON merge patch); null where
    /// it has to go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<Patch>,
}

/// What the owner of an object has to change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Patch {
    /// The object.
    pub target: Target,
    /// A JSON merge patch, as text; `null` where the object has to go.
    pub merge: String,
}

/// Something that works afterwards all the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StillWorks {
    /// What.
    pub what: String,
    /// Until when, or what would end it.
    pub until: String,
}

/// What is said of everything that is to be done later.
pub const NOT_A_DAY_SOONER: &str =
    "keybook due lists what is to be done when; nothing is done by itself";

/// A stage that is to be done later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Later {
    /// From when on, UTC.
    pub not_before: DateTime<Utc>,
    /// What comes of it.
    pub what: String,
    /// What is wanted then.
    pub intents: Vec<Intent>,
    /// What works after it all the same, as far as it was known when the plan was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub still_works: Vec<StillWorks>,
}

/// Why a text is no Plan that may be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is something else.
    #[error("it is no Plan of keybook: {0}")]
    Form(String),
    /// A later keybook made it.
    #[error("it is {0}; this keybook reads {API_VERSION} {KIND}")]
    Version(String),
    /// It is not what keybook wrote.
    #[error(
        "it was changed after it was made (its sum is not {said}, as it says): a Plan is applied as \
         it was made; change what is wanted, and make another with keybook revoke, narrow or split"
    )]
    Edited {
        /// The sum that it says.
        said: String,
    },
    /// No keybook makes such a step.
    #[error("{0}: keybook makes no such step; make the plan with keybook revoke, narrow or split")]
    Unsound(String),
}

impl Plan {
    /// Reads a Plan that nobody changed.
    ///
    /// # Errors
    /// Where it is none, or was edited.
    pub fn read(value: Value) -> Result<Self, ReadError> {
        match (value["apiVersion"].as_str(), value["kind"].as_str()) {
            (Some(API_VERSION), Some(KIND)) => {}
            (Some(version), Some(kind)) => {
                return Err(ReadError::Version(format!("{version} {kind}")));
            }
            _ => return Err(ReadError::Form(format!("no apiVersion {API_VERSION}, kind {KIND}"))),
        }
        let plan: Self =
            serde_json::from_value(value).map_err(|error| ReadError::Form(error.to_string()))?;
        if plan.digest() != plan.metadata.digest {
            return Err(ReadError::Edited { said: plan.metadata.digest });
        }
        super::sound::check(&plan).map_err(ReadError::Unsound)?;
        Ok(plan)
    }

    /// How long it lay before it was applied; nothing where that is less than a day.
    pub fn waited(&self, applied: DateTime<Utc>) -> TimeDelta {
        let waited = applied - self.metadata.made_at;
        if waited >= TimeDelta::days(1) { waited } else { TimeDelta::zero() }
    }

    /// As JSON.
    pub fn value(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The sum of everything in it but the sum itself.
    pub fn digest(&self) -> String {
        let mut value = self.value();
        value["metadata"]["digest"] = Value::from("");
        format!("sha256:{:x}", Sha256::digest(value.to_string().as_bytes()))
    }

    /// The same, with what else has to be known before it is applied.
    #[must_use]
    pub fn with_warnings(mut self, more: Vec<String>) -> Self {
        self.warnings.extend(more);
        self.sealed()
    }

    /// The same, with what it gives back.
    #[must_use]
    pub fn giving_back(mut self, given: Option<Risk>) -> Self {
        self.gives_back = given;
        self.sealed()
    }

    /// With its sum.
    pub(in crate::change) fn sealed(mut self) -> Self {
        self.metadata.digest = self.digest();
        self
    }
}
