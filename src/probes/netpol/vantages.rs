use std::{sync::Arc, time::Duration};

use crate::{
    cluster::{
        Api,
        vantage::{Vantages, remove},
    },
    model::Trouble,
    probes::{Scope, kubernetes::connect},
};

/// When probe pods end by themselves, should nobody be left to remove them.
const ENDS_AFTER: Duration = Duration::from_secs(900);

/// The probe pods of this run, started by whoever asks first.
///
/// # Errors
/// Unable, when they cannot be started; whoever asks next tries again.
pub(super) async fn vantages(scope: &Scope) -> Result<Arc<Vantages>, Trouble> {
    let connection = connect(scope).await?;
    let (api, cluster, run) = (connection.api, connection.cluster, scope.run.clone());
    let own = (Arc::clone(&api), cluster.clone(), run.clone());
    // Asked for before anything is made, so that also half of it is removed.
    scope.sessions.at_end("vantages", move || {
        Box::pin(async move {
            let (api, cluster, run) = own;
            remove(&api, &cluster, &run).await;
        })
    });
    let start = async move { Vantages::start(Api::clone(&api), cluster, run, ENDS_AFTER).await };
    scope.clock.phase("vantage", scope.sessions.shared("vantages", start)).await.map_err(|trouble| {
        match trouble.class.as_str() {
            "proto.timeout" => {
                Trouble::unable("vantage", "vantage.not_started", "the probe pods did not start in time")
            }
            _ => trouble,
        }
    })
}
