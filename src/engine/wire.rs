use serde::{Deserialize, Serialize};

use crate::model::{Plan, Target};

/// What the supervisor writes to the worker's standard input, as the first line. The pipe stays open: a second line, or
/// its end, asks the worker to stop.
#[derive(Debug, Serialize, Deserialize)]
pub struct WorkerInput {
    /// What to do.
    pub plan: Plan,
    /// Where to go, with the credentials in clear: this pipe is the only place they ever pass.
    pub targets: Vec<Target>,
}
