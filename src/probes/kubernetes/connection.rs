use std::sync::Arc;

use serde_json::Value;

use crate::{
    cluster::{Api, collection},
    model::{Cluster, Right, Trouble},
    probes::Scope,
};

pub(in crate::probes) use crate::model::KUBERNETES;

/// The API of the configured cluster, for one probe run.
pub(in crate::probes) struct Connection {
    /// The API; its connection is shared by the whole run.
    pub(in crate::probes) api: Arc<Api>,
    /// The cluster.
    pub(in crate::probes) cluster: Cluster,
}

/// The API of the configured cluster.
///
/// # Errors
/// Unable, when the configuration has no cluster or its access makes no client.
pub(in crate::probes) async fn connect(scope: &Scope) -> Result<Connection, Trouble> {
    let none = || Trouble::unable("plan", "harness.no_target", "the configuration has no cluster");
    let target = scope.targets.get(KUBERNETES).ok_or_else(none)?;
    let cluster = target.cluster.as_deref().cloned().ok_or_else(none)?;
    let own = cluster.clone();
    let api = scope.sessions.shared(KUBERNETES, async move { Api::new(&own).await }).await?;
    scope.clock.set_peer(format!("Kubernetes API ({})", cluster.name));
    Ok(Connection { api, cluster })
}

impl Connection {
    /// The infrastructure's namespace, or the one a stanza names.
    pub(in crate::probes) fn namespace<'a>(&'a self, named: Option<&'a str>) -> &'a str {
        named.unwrap_or(&self.cluster.namespace)
    }

    /// Every object of a kind in a namespace.
    ///
    /// # Errors
    /// Unable, when the API server does not show all of them.
    pub(in crate::probes) async fn list(
        &self,
        scope: &Scope,
        api: &str,
        resource: &str,
        namespace: Option<&str>,
    ) -> Result<Vec<Value>, Trouble> {
        let right = listing(api, resource, namespace);
        self.api.list(&scope.clock, &collection(api, resource, namespace), &right).await
    }
}

/// The right to list a kind of objects.
pub(in crate::probes) fn listing(api: &str, resource: &str, namespace: Option<&str>) -> Right {
    right_on(api, resource, namespace, "list")
}

/// A right on a kind of objects of an API version.
pub(in crate::probes) fn right_on(api: &str, resource: &str, namespace: Option<&str>, verb: &str) -> Right {
    let group = api.split_once('/').map_or("", |(group, _)| group);
    match namespace {
        Some(namespace) => Right::within(namespace, group, resource, verb),
        None => Right::everywhere(group, resource, verb),
    }
}

/// The API version of the core group, which a stanza need not name.
pub(in crate::probes) fn core() -> String {
    "v1".to_owned()
}

/// Where a stanza looks: in the infrastructure's namespace, in another, or with `*` in the whole cluster.
pub(in crate::probes) fn place<'a>(named: Option<&'a str>, infrastructure: &'a str) -> Option<&'a str> {
    match named {
        Some("*") => None,
        Some(namespace) => Some(namespace),
        None => Some(infrastructure),
    }
}
