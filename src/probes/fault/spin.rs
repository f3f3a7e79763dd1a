use super::{After, NEVER};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Computes for ever without giving its thread back, as a parser does that does not advance.
pub(in crate::probes) struct Spin;

impl Probe for Spin {
    const NAME: &'static str = "fault.spin";
    const ABOUT: &'static str = "computes for ever";
    const FACTS: &'static [Fact] = NEVER;
    const NEEDS_TARGET: bool = false;
    type With = After;

    async fn run(_: Scope, with: After) -> Result<Facts, Trouble> {
        with.wait().await;
        loop {
            std::hint::spin_loop();
        }
    }
}
