use super::{After, NEVER};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Blocks its thread for ever, as a synchronous library does in a system call without a time-out.
pub(in crate::probes) struct Block;

impl Probe for Block {
    const NAME: &'static str = "fault.block";
    const ABOUT: &'static str = "blocks its thread for ever";
    const FACTS: &'static [Fact] = NEVER;
    const NEEDS_TARGET: bool = false;
    type With = After;

    async fn run(_: Scope, with: After) -> Result<Facts, Trouble> {
        with.wait().await;
        loop {
            std::thread::park();
        }
    }
}
