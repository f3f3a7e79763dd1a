use std::time::Duration;

use super::{arguments::SweepArguments, cluster_access::ClusterOf, environment, failure::Failure, output::say};
use crate::{
    cluster::vantage,
    model::{ExitCode, printable},
};

/// How long the API server may take for all of it.
const BUDGET: Duration = Duration::from_secs(30);

/// Removes what killed runs left in the cluster: scratch namespaces, and probe pods among the infrastructure's.
pub(super) fn main(arguments: &SweepArguments) -> Result<ExitCode, Failure> {
    let mut environment = environment::read(&arguments.environment)?;
    let faults = std::mem::take(&mut environment.diagnostics);
    if !faults.is_empty() {
        return Err(Failure::Faults(faults));
    }
    let cluster = ClusterOf::new(&environment.configuration);
    let older_than = Duration::from_millis(arguments.older_than.millis());
    let swept = cluster
        .with_api(BUDGET, async |api, cluster, clock| vantage::sweep(api, clock, cluster, older_than).await)
        .map_err(|text| Failure::new(ExitCode::Incomplete, anyhow::anyhow!(text), "see `soma-conformance rbac`"))?;
    for name in &swept {
        say(&format!("removed {}\n", printable(name)));
    }
    say(&format!("{} scratch objects removed\n", swept.len()));
    Ok(ExitCode::Ready)
}
