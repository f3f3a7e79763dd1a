//! The shape of `results.json`. Its schema is `reports/schema/results.schema.json`.
//!
//! It is versioned by `schema_version`: members may be added under the same version, never renamed or removed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{
    Counts, Inventory, Level, MergedShard, Mismatch, Phase, Profile, Provenance, RunVerdict, Selection, Severity,
    SourcePlace, Trouble, Verdict, Waiver,
};

/// The version of the shape.
pub const SCHEMA_VERSION: u32 = 1;

/// The results of one run of soma-conformance.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "soma-conformance results")]
pub struct Results {
    /// The version of this shape: 1.
    #[schemars(extend("const" = 1))]
    pub schema_version: u32,
    /// The answer.
    pub verdict: RunVerdict,
    /// Whether only a part of the profile's checks was selected.
    pub partial: bool,
    /// Whether the run came to its own end.
    pub complete: bool,
    /// The signal that interrupted the run.
    pub interrupted: Option<i32>,
    /// Which run it was.
    pub run: Run,
    /// How many checks ended how.
    pub counts: Counts,
    /// Checks that are red themselves, the deciding ones first.
    pub causes: Vec<Cause>,
    /// One element for each service.
    pub services: Vec<Service>,
    /// Every planned check exactly once, in the order of the plan.
    pub checks: Vec<Check>,
    /// Pods, Services and endpoints of the infrastructure's namespace, or why they could not be read; absent where no
    /// check of the run looked at a cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inventory: Option<Inventory>,
    /// What became of each declared exception.
    pub waivers: Vec<DeclaredWaiver>,
    /// Checks of the catalogue that do not apply to the profile, with the profiles they do apply to.
    pub not_applicable: BTreeMap<String, Vec<Profile>>,
    /// Notes of the run.
    pub notes: Vec<Note>,
}

/// Which run it was.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The kind of environment.
    pub profile: Profile,
    /// When the plan was fixed (UTC).
    #[schemars(extend("format" = "date-time"))]
    pub started: String,
    /// When the last event was written (UTC).
    #[schemars(extend("format" = "date-time"))]
    pub ended: String,
    /// Milliseconds from the one to the other.
    pub took_ms: u64,
    /// Which program, where.
    pub provenance: Provenance,
    /// How the checks were chosen.
    pub selection: Selection,
    /// Whether checks that write were skipped.
    pub read_only: bool,
    /// Whether advisory checks decide too.
    pub strict: bool,
    /// Digest of the resolved configuration without its secrets.
    pub configuration_digest: String,
    /// Digest of the catalogue's files.
    pub catalogue_digest: String,
    /// Milliseconds the run was allowed to take.
    pub deadline_ms: u64,
    /// Checks that were allowed to run at once.
    pub jobs: usize,
    /// Which part it was of a run that several machines share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardOf>,
    /// The parts it was joined from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<MergedShard>,
}

/// One machine's part of a run.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShardOf {
    /// Which part, from 1.
    pub number: usize,
    /// How many parts there are.
    pub of: usize,
    /// The name that all parts of the run share.
    pub group: String,
    /// How many checks belong to this part; the others of `checks` were run along because these need them.
    pub checks: usize,
}

/// A red check and what it blocks.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cause {
    /// The red check.
    pub id: String,
    /// Whether it keeps the run from ready.
    pub decides: bool,
    /// The checks that could not run because of it.
    pub blocks: Vec<String>,
}

/// One service.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// Its own verdict.
    pub verdict: RunVerdict,
    /// Its counts.
    pub counts: Counts,
    /// Microseconds from the start of its first to the end of its last check.
    pub span_us: u64,
}

/// One check.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Its stable name.
    pub id: String,
    /// What must be true.
    pub title: String,
    /// Why it matters.
    pub why: String,
    /// What became of it.
    pub verdict: Verdict,
    /// Whether it decides readiness.
    pub severity: Severity,
    /// One sentence: what was observed, or why nothing was. Empty for a pass.
    pub observed: String,
    /// What was expected, in words.
    pub expected: String,
    /// What was expected, as written in the catalogue.
    pub expect: Value,
    /// Every fact that was not as expected.
    pub mismatches: Vec<Mismatch>,
    /// Why it is likely so.
    pub likely_cause: String,
    /// What to do about it.
    pub remedy: String,
    /// What kept the probe from its facts.
    pub trouble: Option<Trouble>,
    /// The facts of the last attempt.
    pub facts: Option<Value>,
    /// The steps of the last attempt.
    pub phases: Vec<Phase>,
    /// The address that was connected to.
    pub peer: Option<String>,
    /// For a blocked check: the check at the root of it.
    pub root: Option<String>,
    /// Whether a waiver excused its failure.
    pub waived: bool,
    /// How often the probe ran.
    pub attempts: u32,
    /// Microseconds from the start of the worker to its own start.
    pub start_us: u64,
    /// Microseconds it took, all attempts included.
    pub took_us: u64,
    /// The probe that looked.
    pub probe: String,
    /// What the probe was asked with.
    pub with: Value,
    /// The service it was sent to.
    pub target: Option<String>,
    /// Checks it needs.
    pub needs: Vec<String>,
    /// Labels.
    pub tags: Vec<String>,
    /// Sentences of the requirements it covers, as `file:line`.
    pub covers: Vec<String>,
    /// Where it is written.
    pub source: SourcePlace,
    /// Where its vector is written.
    pub vector: Option<SourcePlace>,
    /// Sabotages of a real server that were seen to turn it red.
    pub proven_by: Vec<String>,
    /// The shard it belongs to, in the run of a shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<usize>,
}

/// What became of a declared exception.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclaredWaiver {
    /// The exception.
    pub waiver: Waiver,
    /// Its state in this run.
    pub state: State,
    /// The checks it covers.
    pub checks: Vec<String>,
}

/// The state of a declared exception.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It excused at least one failure.
    Used,
    /// Everything it covers is fine without it.
    Unneeded,
    /// It covers no check of the plan.
    Unmatched,
    /// It no longer holds.
    Expired,
}

/// Something a person should know that is no verdict.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// How much it matters.
    pub level: Level,
    /// The note.
    pub text: String,
}
