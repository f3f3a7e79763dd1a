use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::{
    catalogue::{Configuration, SecretEntry, ServiceDeclaration},
    cluster::{Api, collection, find_access},
    model::{Cluster, HostPort, KUBERNETES, Right, Target, Trouble},
    net::{self, Clock},
};

/// How long the API server may take to show a Secret.
const BUDGET: Duration = Duration::from_secs(10);
/// Names the image of the pod that we run in; the chart sets it.
const OWN_IMAGE: &str = "SOMA_CONFORMANCE_IMAGE";

/// The cluster of a configuration.
pub(super) struct ClusterOf<'a> {
    configuration: &'a Configuration,
}

impl<'a> ClusterOf<'a> {
    pub(super) fn new(configuration: &'a Configuration) -> Self {
        Self { configuration }
    }

    /// The cluster as a target; else what is wrong, and what to do.
    pub(super) fn target(&self, declared: &ServiceDeclaration) -> Result<Target, (String, String)> {
        let cluster = self.cluster(declared)?;
        Ok(Target {
            service: KUBERNETES.to_owned(),
            address: HostPort { host: "kubernetes.default.svc".to_owned(), port: 443 },
            members: Vec::new(),
            replicas: Vec::new(),
            tls: None,
            user: None,
            password: None,
            token: None,
            database: None,
            sasl: None,
            issuer: None,
            cluster: Some(Box::new(cluster)),
        })
    }

    fn cluster(&self, declared: &ServiceDeclaration) -> Result<Cluster, (String, String)> {
        let declared = &declared.cluster;
        let hint = "name one with `services: {kubernetes: {kubeconfig: PATH}}`, or say that there is no cluster with \
                    `services: {kubernetes: {enabled: false}}`";
        let (access, name) = find_access(declared.kubeconfig.as_deref(), declared.context.as_deref())
            .map_err(|error| (told(&error), hint.to_owned()))?;
        let image = declared.image.clone().or_else(|| std::env::var(OWN_IMAGE).ok().filter(|image| !image.is_empty()));
        let allow_label = self.configuration.allow_label();
        let (application, outside) = (self.configuration.application.clone(), self.configuration.outside());
        Ok(Cluster {
            access,
            name,
            namespace: self.configuration.namespace().to_owned(),
            image,
            allow_label,
            outside,
            via: declared.via.unwrap_or_default(),
            application,
        })
    }

    /// Asks the API server something, within a budget; what keeps it from answering is told in words.
    pub(super) fn with_api<T>(
        &self,
        budget: Duration,
        ask: impl AsyncFnOnce(&Api, &Cluster, &Clock) -> Result<T, Trouble>,
    ) -> Result<T, String> {
        let declared = self.configuration.services.get(KUBERNETES).filter(|declared| declared.enabled);
        let declared = declared.ok_or("it needs `services: {kubernetes: {enabled: true}}`")?;
        let cluster = self.cluster(declared).map_err(|(what, _)| what)?;
        net::install_provider();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime could be made: {error}"))?;
        let outcome = runtime.block_on(async {
            let api = Api::new(&cluster).await?;
            ask(&api, &cluster, &Clock::new(budget)).await
        });
        runtime.shutdown_background();
        outcome.map_err(|trouble| trouble.to_string())
    }

    /// The value of a key of a Secret, or why there is none, in words without any value.
    pub(super) fn read_secret(&self, entry: &SecretEntry) -> Result<String, String> {
        let object = self.with_api(BUDGET, async |api, cluster, clock| {
            let namespace = entry.namespace.as_deref().unwrap_or(&cluster.namespace);
            let right = Right::within(namespace, "", "secrets", "get").only(&entry.name);
            let path = format!("{}/{}", collection("v1", "secrets", Some(namespace)), entry.name);
            api.get(clock, &path, &right).await
        })?;
        let namespace = entry.namespace.as_deref().unwrap_or(self.configuration.namespace());
        let which = format!("Secret `{namespace}/{}`", entry.name);
        let object = object.ok_or_else(|| format!("there is no {which}"))?;
        let value = object["data"][&entry.key].as_str().ok_or_else(|| format!("{which} has no key `{}`", entry.key))?;
        let bytes = STANDARD.decode(value).map_err(|_| format!("key `{}` of {which} is not base64", entry.key))?;
        String::from_utf8(bytes).map_err(|_| format!("key `{}` of {which} is not text", entry.key))
    }
}

/// An error with its sources, in one line.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
