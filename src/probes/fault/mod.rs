//! Probes that misbehave on purpose, for the tests of this project: only the feature `faults` compiles them.
//!
//! A driver that panics, spins or exits the process cannot be brought to do so by a real server at will.

mod block;
mod exit;
mod leak;
mod panic;
mod print;
mod spin;

use std::sync::OnceLock;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{RegisteredProbe, Scope, registry};
use crate::model::{Fact, Secret, Trouble};

static WITH_FAULTS: OnceLock<Vec<RegisteredProbe>> = OnceLock::new();

/// Adds the probes that misbehave to the registry of this process, before it does anything else.
pub fn enable_faults() {
    let faults = [
        RegisteredProbe::of::<block::Block>(),
        RegisteredProbe::of::<exit::Exit>(),
        RegisteredProbe::of::<leak::Leak>(),
        RegisteredProbe::of::<panic::Panic>(),
        RegisteredProbe::of::<print::Print>(),
        RegisteredProbe::of::<spin::Spin>(),
    ];
    WITH_FAULTS.get_or_init(|| registry::own().iter().copied().chain(faults).collect());
}

/// The registry with them, if they were asked for.
pub(super) fn with_faults() -> Option<&'static [RegisteredProbe]> {
    WITH_FAULTS.get().map(Vec::as_slice)
}

/// What a probe returns that never comes to its end.
const NEVER: &[Fact] = &[Fact { name: "came_back", about: "never there: the probe does not return" }];

/// Parameters: when to begin.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct After {
    /// How long to behave well first, waiting as a probe waits for a server.
    #[serde(default)]
    after_ms: u64,
}

impl After {
    async fn wait(&self) {
        if self.after_ms > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(self.after_ms)).await;
        }
    }
}

/// Every secret of the service that is looked at.
fn secrets(scope: &Scope) -> Result<Vec<String>, Trouble> {
    Ok(scope.target()?.secrets().map(Secret::expose).map(str::to_owned).collect())
}
