use std::sync::Arc;

use crate::{
    cluster::PortForward,
    model::{Target, Via},
    net::Tunnel,
};

/// The way to the servers of a cluster, where they are not reached by their own addresses. Its streams live in the runtime
/// this is called in.
#[must_use]
pub fn tunnel_to(targets: &[Target]) -> Option<Arc<dyn Tunnel>> {
    let cluster = targets.iter().find_map(|target| target.cluster.as_deref())?;
    match cluster.via {
        Via::Direct => None,
        Via::PortForward => Some(Arc::new(PortForward::new(cluster.clone()))),
    }
}
