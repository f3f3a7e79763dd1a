use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Report, Row, Severity, Verdict};

/// The answer to the one question: is it really ready?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RunVerdict {
    /// Every required check that applies passed.
    Ready,
    /// No required check was seen to fail, but at least one could not be decided.
    Incomplete,
    /// At least one required check was measured and failed.
    NotReady,
}

impl RunVerdict {
    /// The words used in every report.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Ready => "READY",
            Self::Incomplete => "INCOMPLETE",
            Self::NotReady => "NOT READY",
        }
    }

    /// The verdict of a set of rows: the worst of what each of them says.
    ///
    /// Nothing that passed is nothing that was shown: rows without a single pass are [`RunVerdict::Incomplete`].
    #[must_use]
    pub fn of(rows: &[Row], strict: bool) -> Self {
        let worst = rows.iter().map(|row| Self::of_row(row, rows, strict)).max().unwrap_or(Self::Incomplete);
        let shown = rows.iter().any(|row| row.result.verdict == Verdict::Pass);
        if shown { worst } else { worst.max(Self::Incomplete) }
    }

    fn of_row(row: &Row, rows: &[Row], strict: bool) -> Self {
        if row.check.severity == Severity::Advisory && !strict {
            return Self::Ready;
        }
        match row.result.verdict {
            Verdict::Pass | Verdict::Skip => Self::Ready,
            // A required check is never a warning; should a journal say so, it is not a pass.
            Verdict::Warn | Verdict::Fail => Self::NotReady,
            Verdict::Error | Verdict::NotRun => Self::Incomplete,
            Verdict::Blocked => {
                let root = row.result.root.as_ref().and_then(|id| rows.iter().find(|other| other.check.id == *id));
                match root.map(|root| root.result.verdict) {
                    Some(Verdict::Fail | Verdict::Warn) => Self::NotReady,
                    _ => Self::Incomplete,
                }
            }
        }
    }
}

impl fmt::Display for RunVerdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.words())
    }
}

/// The public list of exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// 0: ready.
    Ready,
    /// 1: a required check failed (or, with `--strict`, an advisory one).
    NotReady,
    /// 2: no failure seen, but something could not be decided.
    Incomplete,
    /// 3: wrong usage, configuration or data files; nothing was sent.
    Usage,
    /// 4: the selection matches no check.
    NothingSelected,
    /// 5: a report could not be written.
    ReportNotWritten,
    /// 128 + signal: interrupted; the reports are complete all the same.
    Interrupted(i32),
}

impl ExitCode {
    /// The exit code of a folded run.
    #[must_use]
    pub fn of(report: &Report) -> Self {
        if let Some(signal) = report.interrupted {
            return Self::Interrupted(signal);
        }
        match report.verdict {
            RunVerdict::Ready => Self::Ready,
            RunVerdict::Incomplete => Self::Incomplete,
            RunVerdict::NotReady => Self::NotReady,
        }
    }

    /// The number given to the operating system.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Ready => 0,
            Self::NotReady => 1,
            Self::Incomplete => 2,
            Self::Usage => 3,
            Self::NothingSelected => 4,
            Self::ReportNotWritten => 5,
            Self::Interrupted(signal) => u8::try_from(signal).map_or(255, |signal| 128_u8.saturating_add(signal)),
        }
    }
}
