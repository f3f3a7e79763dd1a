use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::HumanDuration;
use crate::model::{Profile, Severity};

/// One check as it is written in a data file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Stanza {
    /// `service/name`. With `each`, it holds the placeholder or gets the element as third segment.
    pub id: String,
    /// What must be true, in one line.
    pub title: String,
    /// Why it matters to an application.
    pub why: String,
    /// The profiles it applies to.
    pub profiles: Vec<Profile>,
    /// Whether it decides readiness.
    #[serde(default = "required")]
    pub severity: Severity,
    /// Checks that must pass before this one may run; a family means all of its rows.
    #[serde(default)]
    pub needs: Vec<String>,
    /// The positive controls of a check that asks for a refusal.
    #[serde(default)]
    pub control: Vec<String>,
    /// The probe that looks.
    pub probe: String,
    /// The service whose address and credentials are used; the first segment of the id if not given.
    #[serde(default)]
    pub target: Option<String>,
    /// The probe's parameters.
    #[serde(default)]
    pub with: Value,
    /// What the facts must be: paths of facts with their conditions.
    pub expect: Map<String, Value>,
    /// How long one attempt may take; 15s if not given.
    #[serde(default)]
    pub deadline: Option<HumanDuration>,
    /// A bounded wait, for conditions that converge.
    #[serde(default)]
    pub eventually: Option<EventuallyEntry>,
    /// Conditions on the configuration; when one does not hold the check is skipped, with the reason.
    #[serde(default)]
    pub when: Map<String, Value>,
    /// One check for each element of the named list.
    #[serde(default)]
    pub each: BTreeMap<String, Value>,
    /// One check for each vector.
    #[serde(default)]
    pub vectors: Option<VectorsEntry>,
    /// Whether it looks at the run itself and so comes after every other check.
    #[serde(default)]
    pub last: bool,
    /// Whether it measures time, and so runs alone.
    #[serde(default)]
    pub quiet: bool,
    /// Why it most likely fails when the facts are wrong.
    #[serde(default)]
    pub likely_cause: String,
    /// What to do when it fails.
    pub remedy: String,
    /// Labels for selection.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The sentences of the requirements it covers, as `file:line`.
    #[serde(default)]
    pub covers: Vec<String>,
    /// Sabotages of a real server that were seen to turn it red.
    #[serde(default)]
    pub proven_by: Vec<String>,
}

/// A bounded wait.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct EventuallyEntry {
    /// How long the condition may take to come true.
    pub within: HumanDuration,
    /// The pause between two attempts; 250ms if not given.
    #[serde(default)]
    pub every: Option<HumanDuration>,
}

/// Which vectors a stanza expands to.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct VectorsEntry {
    /// The folder under `vectors/`.
    pub folder: String,
    /// Members a vector must have to be taken.
    #[serde(default, rename = "where")]
    pub matching: Map<String, Value>,
}

/// Every key of a stanza and of the maps in it, for suggestions.
pub(super) const KEYS: &[&str] = &[
    "id",
    "title",
    "why",
    "profiles",
    "severity",
    "needs",
    "control",
    "probe",
    "target",
    "with",
    "expect",
    "deadline",
    "eventually",
    "within",
    "every",
    "when",
    "each",
    "vectors",
    "folder",
    "where",
    "last",
    "quiet",
    "likely_cause",
    "remedy",
    "tags",
    "covers",
    "proven_by",
];

fn required() -> Severity {
    Severity::Required
}
