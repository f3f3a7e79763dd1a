use super::{
    arguments::{SchemaArguments, SchemaOf},
    failure::Failure,
    output::say,
};
use crate::{catalogue, model::ExitCode, probes, reports};

#[expect(clippy::unnecessary_wraps, reason = "every command has the same shape")]
pub(super) fn main(arguments: &SchemaArguments) -> Result<ExitCode, Failure> {
    let schema = match arguments.of {
        SchemaOf::Checks => format!("{:#}\n", catalogue::checks_schema(&probes::descriptors())),
        SchemaOf::Config => format!("{:#}\n", catalogue::configuration_schema()),
        SchemaOf::Results => reports::results_schema(),
    };
    say(&schema);
    Ok(ExitCode::Ready)
}
