use super::{arguments::CompletionsArguments, failure::Failure, output::say};
use crate::model::ExitCode;

#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
pub(super) fn main(arguments: &CompletionsArguments, command: &mut clap::Command) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, command, "soma-conformance", &mut script);
    say(&String::from_utf8_lossy(&script));
    Ok(ExitCode::Ready)
}
