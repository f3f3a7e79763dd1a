use std::io::IsTerminal as _;

use super::output::complain;
use crate::{
    catalogue::{Diagnostics, PlanError},
    model::{ExitCode, printable},
};

/// Why a command ends before it has an answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Faults in data files, shown where they stand.
    Faults(Diagnostics),
    /// Anything else, with the exit code it means and what to do.
    Told { code: ExitCode, error: anyhow::Error, hint: String },
}

impl Failure {
    pub(super) fn new(code: ExitCode, error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self::Told { code, error: error.into(), hint: hint.into() }
    }

    pub(super) fn usage(message: impl std::fmt::Display, hint: impl Into<String>) -> Self {
        Self::new(ExitCode::Usage, anyhow::anyhow!("{message}"), hint)
    }

    /// Prints it to standard error; returns the exit code.
    pub(super) fn tell(self) -> ExitCode {
        match self {
            Self::Faults(diagnostics) => {
                let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
                complain(&diagnostics.render(colour));
                ExitCode::Usage
            }
            Self::Told { code, error, hint } => {
                let chain: Vec<String> = error.chain().map(|cause| printable(&cause.to_string())).collect();
                complain(&format!("error: {}\n", chain.join(": ")));
                if !hint.is_empty() {
                    complain(&format!("\nhint: {}\n", printable(&hint)));
                }
                code
            }
        }
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        match error {
            PlanError::Faults(diagnostics) => Self::Faults(diagnostics),
            PlanError::Unmatched { ref near, .. } => {
                let hint = near.as_ref().map_or_else(
                    || "`soma-conformance list` shows every check".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                Self::new(ExitCode::NothingSelected, error, hint)
            }
            PlanError::NothingSelected { .. } => Self::new(
                ExitCode::NothingSelected,
                error,
                "`soma-conformance list` shows every check; loosen --skip, --severity or --tag",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Profile;

    fn code(error: PlanError) -> ExitCode {
        Failure::from(error).tell()
    }

    #[test]
    fn every_failure_has_its_own_exit_code() {
        assert_eq!(code(PlanError::Faults(Diagnostics::default())), ExitCode::Usage);
        let unmatched =
            |near: Option<&str>| PlanError::Unmatched { pattern: "rediss".into(), near: near.map(Into::into) };
        assert_eq!(code(unmatched(Some("redis"))), ExitCode::NothingSelected);
        assert_eq!(code(unmatched(None)), ExitCode::NothingSelected);
        assert_eq!(code(PlanError::NothingSelected { profile: Profile::Local }), ExitCode::NothingSelected);
        assert_eq!(Failure::usage("wrong", "hint").tell(), ExitCode::Usage);
        let unwritten = Failure::new(ExitCode::ReportNotWritten, anyhow::anyhow!("the disk is full"), "");
        assert_eq!(unwritten.tell(), ExitCode::ReportNotWritten);
    }

    #[test]
    fn a_failure_says_what_is_near() {
        let near = PlanError::Unmatched { pattern: "rediss".to_owned(), near: Some("redis".to_owned()) };
        let Failure::Told { error, hint, .. } = Failure::from(near) else { panic!("told") };
        assert_eq!((error.to_string().as_str(), hint.as_str()), ("no check matches `rediss`", "did you mean `redis`?"));
    }
}
