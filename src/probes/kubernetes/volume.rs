use serde_json::json;

use super::{connect, connection::KUBERNETES};
use crate::{
    cluster::vantage::ClaimedVolume,
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope, no_parameters::NoParameters},
};

/// Claims a volume of the default class in a scratch namespace, with a pod that writes to it and reads back.
///
/// Most classes wait for the first pod that uses a claim, so neither the class nor a claim alone tells anything. The
/// namespace is deleted in every case, and with it the volume.
/// Source: Kubernetes, "Storage Classes" (`WaitForFirstConsumer`).
pub(in crate::probes) struct Volume;

impl Probe for Volume {
    const NAME: &'static str = "kubernetes.volume";
    const ABOUT: &'static str = "claims a volume, writes to it from a pod and reads back";
    const FACTS: &'static [Fact] = &[
        Fact { name: "bound", about: "whether the claim got a volume" },
        Fact { name: "read_back", about: "whether the pod read what it had written" },
        Fact { name: "class", about: "the class that the claim was given" },
        Fact { name: "volume", about: "the volume" },
        Fact { name: "took_ms", about: "milliseconds until the pod had ended" },
        Fact { name: "waits_for", about: "where the pod did not end well, what it and its claim wait for" },
    ];
    const WRITES: bool = true;
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = NoParameters;

    fn rights(_: &NoParameters, _: &str) -> Vec<Right> {
        ClaimedVolume::rights()
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let bound = ClaimedVolume::try_out(&connection.api, &scope.clock, &connection.cluster, &scope.run).await?;
        Ok(Facts::from_iter([
            ("bound".to_owned(), json!(bound.volume.is_some())),
            ("read_back".to_owned(), json!(bound.read_back)),
            ("class".to_owned(), json!(bound.class)),
            ("volume".to_owned(), json!(bound.volume)),
            ("took_ms".to_owned(), json!(bound.took_ms)),
            ("waits_for".to_owned(), json!(bound.waits_for)),
        ]))
    }
}
