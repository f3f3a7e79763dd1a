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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CheckResult, Event, Plan, PlannedCheck, Provenance, What};

    /// A check by its id and severity, what became of it, and the root where it is blocked.
    type Told<'a> = (&'a str, Severity, Verdict, Option<&'a str>);

    fn row((id, severity, verdict, root): Told<'_>) -> Row {
        let mut check = PlannedCheck::sample(id);
        check.severity = severity;
        let mut result = CheckResult::without_run(verdict, "told");
        result.root = root.map(|root| root.parse().expect("id"));
        Row { check, result }
    }

    #[test]
    fn a_run_is_ready_only_when_something_passed_and_nothing_required_is_missing() {
        use RunVerdict::{Incomplete, NotReady, Ready};
        use Severity::{Advisory, Required};
        use Verdict::{Blocked, Error, Fail, NotRun, Pass, Skip, Warn};
        let pass: Told = ("a/pass", Required, Pass, None);
        // What stands beside a check that passed; the verdict without and with `--strict`.
        let cases: [(&[Told], RunVerdict, RunVerdict); 16] = [
            (&[], Ready, Ready),
            (&[("a/b", Required, Skip, None)], Ready, Ready),
            (&[("a/b", Required, Warn, None)], NotReady, NotReady),
            (&[("a/b", Required, Fail, None)], NotReady, NotReady),
            (&[("a/b", Required, Error, None)], Incomplete, Incomplete),
            (&[("a/b", Required, NotRun, None)], Incomplete, Incomplete),
            (&[("a/b", Advisory, Warn, None)], Ready, NotReady),
            (&[("a/b", Advisory, Error, None)], Ready, Incomplete),
            (&[("a/b", Advisory, Skip, None)], Ready, Ready),
            (&[("a/b", Required, Error, None), ("a/c", Required, Fail, None)], NotReady, NotReady),
            (&[("a/b", Required, Fail, None), ("a/c", Required, Blocked, Some("a/b"))], NotReady, NotReady),
            // What is required and cannot be asked because an advisory check failed was not seen to be well.
            (&[("a/b", Advisory, Warn, None), ("a/c", Required, Blocked, Some("a/b"))], NotReady, NotReady),
            (&[("a/b", Advisory, Fail, None), ("a/c", Required, Blocked, Some("a/b"))], NotReady, NotReady),
            (&[("a/b", Advisory, Error, None), ("a/c", Required, Blocked, Some("a/b"))], Incomplete, Incomplete),
            (&[("a/c", Required, Blocked, Some("z/elsewhere"))], Incomplete, Incomplete),
            (&[("a/c", Required, Blocked, None)], Incomplete, Incomplete),
        ];
        for (beside, plain, strict) in cases {
            let rows: Vec<Row> = std::iter::once(&pass).chain(beside).copied().map(row).collect();
            assert_eq!(RunVerdict::of(&rows, false), plain, "{beside:?}");
            assert_eq!(RunVerdict::of(&rows, true), strict, "strict: {beside:?}");
        }
        // Where nothing passed, nothing was shown.
        let without_pass: [&[Told]; 4] = [
            &[],
            &[("a/b", Required, Skip, None)],
            &[("a/b", Advisory, Warn, None)],
            &[("a/b", Advisory, Error, None), ("a/c", Required, Skip, None)],
        ];
        for rows in without_pass {
            let rows: Vec<Row> = rows.iter().copied().map(row).collect();
            assert_eq!(RunVerdict::of(&rows, false), Incomplete, "{rows:?}");
        }
        assert_eq!(RunVerdict::of(&[row(("a/b", Advisory, Pass, None))], false), Ready);
        assert_eq!(RunVerdict::of(&[row(("a/b", Required, Fail, None))], false), NotReady);
    }

    #[test]
    fn the_words_and_the_numbers_are_the_public_ones() {
        let words = [RunVerdict::Ready, RunVerdict::Incomplete, RunVerdict::NotReady].map(RunVerdict::words);
        assert_eq!(words, ["READY", "INCOMPLETE", "NOT READY"]);
        assert_eq!(format!("{:>6}", RunVerdict::Ready), " READY");
        for (code, number) in [
            (ExitCode::Ready, 0),
            (ExitCode::NotReady, 1),
            (ExitCode::Incomplete, 2),
            (ExitCode::Usage, 3),
            (ExitCode::NothingSelected, 4),
            (ExitCode::ReportNotWritten, 5),
            (ExitCode::Interrupted(2), 130),
            (ExitCode::Interrupted(15), 143),
            (ExitCode::Interrupted(200), 255),
            (ExitCode::Interrupted(-1), 255),
        ] {
            assert_eq!(code.number(), number, "{code:?}");
        }
    }

    #[test]
    fn the_exit_code_of_a_run_follows_its_verdict_unless_it_was_interrupted() {
        let of = |verdict: Verdict, signal: Option<i32>| {
            let plan = Plan::sample(vec![PlannedCheck::sample("a/b")]);
            let provenance = Provenance {
                version: String::new(),
                host: String::new(),
                vantage: String::new(),
                command: String::new(),
                configuration: Vec::new(),
            };
            let result = Box::new(CheckResult::without_run(verdict, ""));
            let whats = [
                Some(What::RunPlanned { plan: Box::new(plan), provenance }),
                Some(What::CheckFinished { id: "a/b".parse().expect("id"), result }),
                signal.map(|signal| What::Interrupted { signal }),
                Some(What::RunFinished),
            ];
            let events =
                whats.into_iter().flatten().map(|what| Event { seq: 0, at: jiff::Timestamp::UNIX_EPOCH, what });
            ExitCode::of(&Report::fold(&events.collect::<Vec<_>>()).expect("a plan"))
        };
        assert_eq!(of(Verdict::Pass, None), ExitCode::Ready);
        assert_eq!(of(Verdict::Fail, None), ExitCode::NotReady);
        assert_eq!(of(Verdict::Error, None), ExitCode::Incomplete);
        assert_eq!(of(Verdict::Pass, Some(15)), ExitCode::Interrupted(15));
        assert_eq!(of(Verdict::Fail, Some(2)), ExitCode::Interrupted(2));
    }
}
