use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
    time::Duration,
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CheckId, Expectation, Right, RunId, Sharding, Waiver};

/// Whether a check decides readiness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Its failure means NOT READY.
    Required,
    /// Its failure is a warning.
    Advisory,
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            Self::Required => "required",
            Self::Advisory => "advisory",
        })
    }
}

/// The kind of environment: which checks apply, and with which values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// A workstation: single servers on loopback.
    Local,
    /// A development cluster (Kind): single servers behind the contract's Services.
    Dev,
    /// A hardened, replicated environment before production.
    Staging,
    /// Production.
    Prod,
}

impl Profile {
    /// All profiles, from the simplest to the strictest.
    pub const ALL: [Self; 4] = [Self::Local, Self::Dev, Self::Staging, Self::Prod];

    /// The word used in files and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::ALL.map(Self::word).join(", ");
        Self::ALL
            .into_iter()
            .find(|profile| profile.word() == text)
            .ok_or_else(|| format!("`{text}` is not a profile; known are {}", known()))
    }
}

/// A place in a data file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SourcePlace {
    /// The file, as the user knows it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

impl fmt::Display for SourcePlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A bounded wait for something that converges: an election, a first scrape, a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Eventually {
    /// How long the condition may take to come true, in milliseconds.
    pub within_ms: u64,
    /// The pause between two attempts, in milliseconds.
    pub every_ms: u64,
}

/// One check of a plan: a stanza with every value resolved.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own that a stanza or a probe has")]
pub struct PlannedCheck {
    /// Its stable name.
    pub id: CheckId,
    /// What must be true, in one line.
    pub title: String,
    /// Why it matters to an application.
    pub why: String,
    /// Whether it decides readiness.
    pub severity: Severity,
    /// Checks of the plan that must pass before this one may run.
    pub needs: Vec<CheckId>,
    /// The positive controls of a negative check; they stand in `needs` too. Empty for every other check.
    pub control: Vec<CheckId>,
    /// The probe that looks.
    pub probe: String,
    /// The probe's parameters.
    pub with: Value,
    /// What the facts must be.
    pub expect: Expectation,
    /// What the probe needs to be allowed by the Kubernetes API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rights: Vec<Right>,
    /// The service whose address and credentials the probe uses, if any.
    pub target: Option<String>,
    /// The hard deadline of one attempt, in milliseconds.
    pub deadline_ms: u64,
    /// The bounded wait, where the condition converges.
    pub eventually: Option<Eventually>,
    /// Whether it looks at the run itself, and so waits for every other check to be finished, whatever its verdict.
    pub last: bool,
    /// Whether it measures time, and so runs alone: our own load would be measured with it.
    #[serde(default)]
    pub quiet: bool,
    /// Whether it writes to the server (always removed again).
    pub writes: bool,
    /// Whether readiness may hang on it, by itself or by what needs it, so that `--wait` waits for it.
    #[serde(default = "yes")]
    pub waits: bool,
    /// What to do when it fails.
    pub remedy: String,
    /// Why it most likely fails when the facts are wrong; may be empty.
    pub likely_cause: String,
    /// Labels for selection.
    pub tags: Vec<String>,
    /// The sentences of the requirements it covers, as `file:line`.
    pub covers: Vec<String>,
    /// Where it is written.
    pub source: SourcePlace,
    /// Where its vector is written, for one row of a vector.
    pub vector: Option<SourcePlace>,
    /// Sabotages of a real server that were seen to turn it red; empty means unproven.
    pub proven_by: Vec<String>,
    /// Why it will not run, when that is declared.
    pub skip: Option<String>,
    /// The declared exception that covers it, expired or not.
    pub waiver: Option<Waiver>,
}

fn yes() -> bool {
    true
}

impl PlannedCheck {
    /// Whether it asks for a refusal.
    #[must_use]
    pub fn is_negative(&self) -> bool {
        !self.control.is_empty()
    }

    /// The hard deadline of one attempt.
    #[must_use]
    pub fn deadline(&self) -> Duration {
        Duration::from_millis(self.deadline_ms)
    }

    /// A check for tests of code that only looks at some of its fields.
    #[doc(hidden)]
    #[must_use]
    pub fn sample(id: &str) -> Self {
        Self {
            id: id.parse().expect("a valid id"),
            title: format!("{id} holds"),
            why: "applications rely on it".to_owned(),
            severity: Severity::Required,
            needs: Vec::new(),
            control: Vec::new(),
            probe: "net.tcp".to_owned(),
            with: Value::Null,
            expect: Expectation::parse(&serde_json::json!({"connected": true})).expect("a valid expectation"),
            rights: Vec::new(),
            target: None,
            deadline_ms: 5_000,
            eventually: None,
            last: false,
            quiet: false,
            writes: false,
            waits: true,
            remedy: "start it".to_owned(),
            likely_cause: String::new(),
            tags: Vec::new(),
            covers: Vec::new(),
            source: SourcePlace { file: "checks/sample.yaml".to_owned(), line: 1, column: 3 },
            vector: None,
            proven_by: Vec::new(),
            skip: None,
            waiver: None,
        }
    }
}

/// How the checks of a plan were chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// Positional patterns; empty means everything of the profile.
    pub only: Vec<String>,
    /// Patterns of `--skip`.
    pub without: Vec<String>,
    /// `--severity`, if given.
    pub severity: Option<Severity>,
    /// `--tag`, if given.
    pub tags: Vec<String>,
    /// How many checks of the profile were left out by the above.
    pub left_out: usize,
}

impl Selection {
    /// Whether the plan is only a part of what the profile asks for.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.left_out > 0
    }
}

/// The exact list of checks of a run, fixed before the first byte is sent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// The run's id: in every report, and in the name of everything the run writes to a server.
    pub run: RunId,
    /// The kind of environment.
    pub profile: Profile,
    /// The checks, needs before dependants.
    pub checks: Vec<PlannedCheck>,
    /// How they were chosen.
    pub selection: Selection,
    /// Checks of the catalogue that do not apply to the profile, with the profiles they do apply to.
    pub not_applicable: BTreeMap<CheckId, Vec<Profile>>,
    /// Whether writing checks are skipped.
    pub read_only: bool,
    /// Whether advisory checks decide readiness too.
    pub strict: bool,
    /// SHA-256 of the resolved configuration without its secrets, 16 hexadecimal digits of it.
    pub configuration_digest: String,
    /// SHA-256 of the catalogue's files, 16 hexadecimal digits of it.
    pub catalogue_digest: String,
    /// Milliseconds the whole run may take.
    pub deadline_ms: u64,
    /// Checks that may run at once.
    pub jobs: usize,
    /// Milliseconds to wait for readiness before judging (`--wait`).
    pub wait_ms: u64,
    /// Declared exceptions that match no check of the catalogue.
    pub unmatched_waivers: Vec<Waiver>,
    /// What it is of a run that several machines share; nothing for a run of one machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sharding: Option<Box<Sharding>>,
}

impl Plan {
    /// Every right of the Kubernetes API that its checks need, each once, in order.
    #[must_use]
    pub fn rights(&self) -> Vec<Right> {
        let rights: BTreeSet<&Right> = self.checks.iter().flat_map(|check| &check.rights).collect();
        rights.into_iter().cloned().collect()
    }

    /// A plan for tests of code that only looks at some of its fields.
    #[doc(hidden)]
    #[must_use]
    pub fn sample(checks: Vec<PlannedCheck>) -> Self {
        Self {
            run: RunId::new(),
            profile: Profile::Local,
            checks,
            selection: Selection::default(),
            not_applicable: BTreeMap::new(),
            read_only: false,
            strict: false,
            configuration_digest: "5f3a9c0d1e2b4867".to_owned(),
            catalogue_digest: "c0ffee0123456789".to_owned(),
            deadline_ms: 120_000,
            jobs: 16,
            wait_ms: 0,
            unmatched_waivers: Vec::new(),
            sharding: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_read_by_its_word() {
        for profile in Profile::ALL {
            assert_eq!(profile.word().parse(), Ok(profile));
        }
        let told = "locl".parse::<Profile>().expect_err("no profile");
        assert_eq!(told, "`locl` is not a profile; known are local, dev, staging, prod");
    }

    #[test]
    fn a_check_of_an_older_journal_is_waited_for() {
        let check = PlannedCheck::sample("redis/ping");
        assert_eq!(check.deadline(), Duration::from_secs(5));
        let mut older = serde_json::to_value(&check).expect("JSON");
        older.as_object_mut().expect("a map").remove("waits");
        assert!(serde_json::from_value::<PlannedCheck>(older).expect("a check").waits);
        assert_eq!(check.source.to_string(), "checks/sample.yaml:1:3");
    }

    #[test]
    fn a_plan_is_partial_when_something_was_left_out() {
        let of = |left_out| Selection { left_out, ..Selection::default() }.is_partial();
        assert_eq!([of(0), of(1), of(7)], [false, true, true]);
    }

    #[test]
    fn the_rights_of_a_plan_are_those_of_its_checks_each_once() {
        let right = |resource: &str| Right::within("soma-infra", "", resource, "get");
        let mut checks = ["a/1", "a/2", "a/3"].map(PlannedCheck::sample);
        checks[0].rights = vec![right("services"), right("pods")];
        checks[2].rights = vec![right("pods")];
        assert_eq!(Plan::sample(checks.to_vec()).rights(), [right("pods"), right("services")]);
        assert_eq!(Plan::sample(Vec::new()).rights(), []);
    }
}
