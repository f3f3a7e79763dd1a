use super::{After, NEVER};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Ends the whole worker, and says that all is well: what a library does that calls `exit(0)`.
pub(in crate::probes) struct Exit;

impl Probe for Exit {
    const NAME: &'static str = "fault.exit";
    const ABOUT: &'static str = "ends the worker process with exit code 0";
    const FACTS: &'static [Fact] = NEVER;
    const NEEDS_TARGET: bool = false;
    type With = After;

    async fn run(_: Scope, with: After) -> Result<Facts, Trouble> {
        with.wait().await;
        std::process::exit(0)
    }
}
