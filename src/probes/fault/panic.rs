use super::{After, NEVER, secrets};
use crate::{
    model::{Fact, Facts, Trouble},
    probes::{Probe, Scope},
};

/// Panics, as a driver does that trusts its server too much, with the credentials in its text.
pub(in crate::probes) struct Panic;

impl Probe for Panic {
    const NAME: &'static str = "fault.panic";
    const ABOUT: &'static str = "panics with the service's secrets in its text";
    const FACTS: &'static [Fact] = NEVER;
    type With = After;

    async fn run(scope: Scope, with: After) -> Result<Facts, Trouble> {
        with.wait().await;
        panic!("login failed with {}", secrets(&scope)?.join(" and "));
    }
}
