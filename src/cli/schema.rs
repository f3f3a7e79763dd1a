use std::io::Write as _;

use super::{
    arguments::{SchemaArguments, SchemaOf},
    failure::Failure,
};
use crate::{catalogue, model::ExitCode, probes, reports};

#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
pub(super) fn main(arguments: &SchemaArguments) -> Result<ExitCode, Failure> {
    let schema = match arguments.of {
        SchemaOf::Checks => format!("{:#}\n", catalogue::checks_schema(&probes::descriptors())),
        SchemaOf::Config => format!("{:#}\n", catalogue::configuration_schema()),
        SchemaOf::Results => reports::results_schema(),
    };
    // A reader that has seen enough closes the pipe; that is no failure of ours.
    let _ = std::io::stdout().write_all(schema.as_bytes());
    Ok(ExitCode::Ready)
}
