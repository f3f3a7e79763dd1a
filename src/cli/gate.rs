use super::{arguments::GateArguments, failure::Failure, run};
use crate::model::{ExitCode, Severity};

/// The gate before an application is let in: every required check, and what this application needs.
pub(super) fn main(arguments: &GateArguments) -> Result<ExitCode, Failure> {
    let mut run = arguments.run.clone();
    // Advice does not decide over an onboarding.
    run.selection.severity = run.selection.severity.or(Some(Severity::Required));
    run::execute(&run, Some(&arguments.app_namespace))
}
