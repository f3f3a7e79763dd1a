use std::time::Duration;

use super::{arguments::SweepArguments, cluster_access::ClusterOf, environment, failure::Failure, output::say};
use crate::{
    cluster::vantage,
    model::{ExitCode, printable},
};

/// How long the API server may take for all of it.
const BUDGET: Duration = Duration::from_secs(30);

/// Removes the scratch namespaces that killed runs left in the cluster.
pub(super) fn main(arguments: &SweepArguments) -> Result<ExitCode, Failure> {
    let mut environment = environment::read(&arguments.environment)?;
    let faults = std::mem::take(&mut environment.diagnostics);
    if !faults.is_empty() {
        return Err(Failure::Faults(faults));
    }
    let cluster = ClusterOf::new(&environment.configuration);
    let older_than = Duration::from_millis(arguments.older_than.millis());
    let swept = cluster
        .with_api(BUDGET, async |api, _, clock| vantage::sweep(api, clock, older_than).await)
        .map_err(|text| Failure::new(ExitCode::Incomplete, anyhow::anyhow!(text), "see `soma-conformance rbac`"))?;
    for name in &swept {
        say(&format!("removed namespace {}\n", printable(name)));
    }
    say(&format!("{} scratch namespaces removed\n", swept.len()));
    Ok(ExitCode::Ready)
}
