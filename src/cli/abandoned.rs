use std::time::Duration;

use crate::{
    cluster::{Api, vantage},
    model::{Cluster, Plan, RunId, Target},
    net,
};

/// What a killed worker can no longer remove itself.
pub(super) struct Abandoned {
    run: RunId,
    cluster: Box<Cluster>,
}

impl Abandoned {
    /// What this run may leave in a cluster; nothing, when no check of it starts probe pods.
    pub(super) fn of(plan: &Plan, targets: &[Target]) -> Option<Self> {
        let starts_pods = plan.checks.iter().any(|check| check.skip.is_none() && check.probe.starts_with("netpol."));
        let cluster = targets.iter().find_map(|target| target.cluster.clone());
        cluster.filter(|_| starts_pods).map(|cluster| Self { run: plan.run.clone(), cluster })
    }

    /// Removes it, within some seconds. What stays is swept by a later run, and its pods end by themselves.
    pub(super) fn remove(self) {
        net::install_provider();
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let removal = async {
            if let Ok(api) = Api::new(&self.cluster).await {
                vantage::remove(&api, &self.cluster, &self.run).await;
            }
        };
        let _ = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(6), removal).await });
        runtime.shutdown_background();
    }
}
