use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is known about one check at the end of a run.
///
/// The order is the order of harm: a summary over several verdicts is their maximum, and nothing that is not
/// [`Verdict::Pass`] or declared ever sorts as if it were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The condition was observed on the wire in this run.
    Pass,
    /// Not applicable, by declaration in profile, configuration or waiver; the reason is recorded.
    Skip,
    /// An advisory check failed.
    Warn,
    /// Interrupted or out of time before the check could run.
    NotRun,
    /// Something the check needs did not pass; the root is recorded.
    Blocked,
    /// We could not tell: missing permission, our own fault, a crashed worker, a wrong reason for a refusal.
    Error,
    /// The system was measured and is not as required.
    Fail,
}

impl Verdict {
    /// All verdicts, in the order of harm.
    pub const ALL: [Self; 7] =
        [Self::Pass, Self::Skip, Self::Warn, Self::NotRun, Self::Blocked, Self::Error, Self::Fail];

    /// Whether dependants of the check may run: it passed, or it was declared not to apply.
    #[must_use]
    pub fn satisfies(self) -> bool {
        matches!(self, Self::Pass | Self::Skip)
    }

    /// The word used in every report.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skip => "skip",
            Self::Warn => "warn",
            Self::NotRun => "not run",
            Self::Blocked => "blocked",
            Self::Error => "error",
            Self::Fail => "fail",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_pass_or_a_declared_skip_satisfies_a_dependant() {
        let satisfying: Vec<_> = Verdict::ALL.into_iter().filter(|verdict| verdict.satisfies()).collect();
        assert_eq!(satisfying, [Verdict::Pass, Verdict::Skip]);
    }

    #[test]
    fn the_listed_order_is_the_order_of_harm() {
        assert!(Verdict::ALL.windows(2).all(|pair| pair[0] < pair[1]));
    }
}
