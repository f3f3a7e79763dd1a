use super::{arguments::CompletionsArguments, failure::Failure};
use crate::model::ExitCode;

#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
pub(super) fn main(arguments: &CompletionsArguments, command: &mut clap::Command) -> Result<ExitCode, Failure> {
    clap_complete::generate(arguments.shell, command, "soma-conformance", &mut std::io::stdout());
    Ok(ExitCode::Ready)
}
