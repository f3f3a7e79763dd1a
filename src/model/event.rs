use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{CheckId, Difference, Judgement, Observation, Plan, Redactor, Trouble, Verdict};

/// One line of the journal. The journal is the only source of every report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// Consecutive from 0; a gap means lost lines.
    pub seq: u64,
    /// When the supervisor wrote it (UTC).
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: What,
}

/// What can happen in a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// First line: everything that will be reported.
    RunPlanned {
        /// The plan.
        plan: Box<Plan>,
        /// Which program, where.
        provenance: Provenance,
    },
    /// The worker process is up.
    WorkerStarted {
        /// Its process id.
        pid: u32,
    },
    /// A check begins.
    CheckStarted {
        /// Which.
        id: CheckId,
    },
    /// A check has its verdict. Only the first one counts.
    CheckFinished {
        /// Which.
        id: CheckId,
        /// The verdict and what it rests on.
        result: Box<CheckResult>,
    },
    /// Something a person should know that is no verdict: a failed clean-up, a line of a crashed worker.
    Note {
        /// How much it matters.
        level: Level,
        /// The note; printable, redacted.
        text: String,
    },
    /// A signal asked the run to stop.
    Interrupted {
        /// Its number.
        signal: i32,
    },
    /// The worker process is gone.
    WorkerEnded {
        /// How, in words: `exit 0`, `killed by signal 9` …
        how: String,
        /// Whether it had said that it was finished.
        complete: bool,
    },
    /// The run was compared with an earlier one of its history.
    Compared {
        /// What is different.
        difference: Box<Difference>,
    },
    /// Last line of a run that came to its end.
    RunFinished,
}

/// How much a note matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Worth knowing.
    Info,
    /// Needs a person: something was left behind, or is not as it should be.
    Warning,
}

/// Which program made the run, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provenance {
    /// Version of this program.
    pub version: String,
    /// Name of the host or pod it ran on.
    pub host: String,
    /// From where the bytes started.
    pub vantage: String,
    /// The command that repeats the run, without secrets.
    pub command: String,
    /// Configuration files read.
    pub configuration: Vec<String>,
}

/// What is known of one check when it is finished.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CheckResult {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in one sentence: what was observed, why it was skipped, what blocks it. Empty for a pass.
    pub reason: String,
    /// The whole judgement, when there was something to judge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judgement: Option<Judgement>,
    /// What the probe saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<Observation>,
    /// What kept the probe from seeing it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Trouble>,
    /// For a blocked check: the check at the root of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub root: Option<CheckId>,
    /// How often the probe ran.
    pub attempts: u32,
    /// Microseconds from the start of the worker to the start of the check.
    pub start_us: u64,
    /// Microseconds the check took, all attempts and pauses included.
    pub took_us: u64,
    /// Whether a waiver turned a failure into a declared skip.
    #[serde(default)]
    pub waived: bool,
}

impl CheckResult {
    /// A result without a probe run.
    #[must_use]
    pub fn without_run(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self {
            verdict,
            reason: reason.into(),
            judgement: None,
            observation: None,
            trouble: None,
            root: None,
            attempts: 0,
            start_us: 0,
            took_us: 0,
            waived: false,
        }
    }

    /// Removes known secrets from everything that came from outside.
    pub fn redact(&mut self, redactor: &Redactor) {
        self.reason = redactor.text(&self.reason);
        if let Some(judgement) = &mut self.judgement {
            judgement.observed = redactor.text(&judgement.observed);
            for mismatch in &mut judgement.mismatches {
                mismatch.path = redactor.text(&mismatch.path);
                mismatch.observed = redactor.text(&mismatch.observed);
            }
        }
        if let Some(observation) = &mut self.observation {
            let mut facts = Value::Object(std::mem::take(&mut observation.facts));
            redactor.value(&mut facts);
            if let Value::Object(facts) = facts {
                observation.facts = facts;
            }
            observation.peer = observation.peer.as_ref().map(|peer| redactor.text(peer));
        }
        if let Some(trouble) = &mut self.trouble {
            trouble.message = redactor.text(&trouble.message);
        }
    }
}

/// A journal that cannot be folded.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// There is no line at all.
    #[error("the journal is empty: no run was planned")]
    Empty,
    /// The first line is not the plan.
    #[error("the journal does not begin with a plan: {0}")]
    NoPlan(String),
    /// A line in the middle is not an event.
    #[error("line {line} of the journal is not an event: {message}")]
    Line {
        /// From 1.
        line: usize,
        /// What the parser said.
        message: String,
    },
}

/// Reads a journal. A torn last line, as a power cut leaves it, is not an error: that event did not happen.
///
/// # Errors
/// When there is no plan, or a line before the last is not an event.
pub fn read_journal(text: &str) -> Result<Vec<Event>, JournalError> {
    let lines: Vec<&str> = text.lines().collect();
    let mut events = Vec::with_capacity(lines.len());
    for (index, line) in lines.iter().enumerate() {
        match serde_json::from_str::<Event>(line) {
            Ok(event) => events.push(event),
            Err(error) if index == 0 => return Err(JournalError::NoPlan(error.to_string())),
            Err(_) if index + 1 == lines.len() => break,
            Err(error) => return Err(JournalError::Line { line: index + 1, message: error.to_string() }),
        }
    }
    match events.first().map(|event| &event.what) {
        None => Err(JournalError::Empty),
        Some(What::RunPlanned { .. }) => Ok(events),
        Some(_) => Err(JournalError::NoPlan("it begins with another event".to_owned())),
    }
}
