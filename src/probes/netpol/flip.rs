use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::vantages::vantages;
use crate::{
    cluster::vantage::{Settled, Source, rights},
    model::{Fact, Facts, HostPort, Right, Trouble},
    probes::{Probe, Scope, kubernetes::connect},
};

/// How long a change of a label may take to be seen.
const WITHIN: Duration = Duration::from_secs(30);

/// Whether a label put on a namespace opens the way, and a label taken off closes it, while its pods run.
///
/// With new sockets throughout: a connection that is open outlives the change.
pub(in crate::probes) struct Flip;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The service's declared address, `NAME.NAMESPACE.svc…:PORT`.
    to: String,
}

impl Probe for Flip {
    const NAME: &'static str = "netpol.flip";
    const ABOUT: &'static str =
        "puts the label on a scratch namespace and takes it off, and watches the way open and close";
    const FACTS: &'static [Fact] = &[
        Fact { name: "closed_first", about: "whether the way was closed without the label" },
        Fact { name: "opened", about: "whether it opened with the label" },
        Fact { name: "closed_last", about: "whether it closed without it again" },
        Fact { name: "opened_after_s", about: "seconds from the label to the first of three connections" },
        Fact { name: "closed_after_s", about: "seconds from its removal to the first of three refusals" },
    ];
    const WRITES: bool = true;
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        rights(namespace)
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let vantages = vantages(&scope).await?;
        let label = connect(&scope).await?.cluster.allow_label;
        let address: HostPort =
            with.to.parse().map_err(|error| Trouble::unable("plan", "harness.parameters", error))?;
        let service = vantages.directory.services.get(address.host.split('.').next().unwrap_or_default());
        let to = service.and_then(|service| service.cluster.first()).ok_or_else(|| {
            Trouble::unable("vantage", "vantage.no_address", format!("`{}` has no address of its own", with.to))
        })?;
        let clock = &scope.clock;
        let state = async |phase: &str, connected: bool| {
            let since = vantages.from_now(&Source::Flipped);
            clock.phase(phase, vantages.becomes(&Source::Flipped, to, connected, since, WITHIN)).await
        };
        let seconds = |settled: &Option<Settled>| json!(settled.as_ref().map(|one| one.after_ms as f64 / 1_000.0));
        let first = state("closed_first", false).await?;
        vantages.flip(clock, &label, true).await?;
        let opened = state("opened", true).await?;
        vantages.flip(clock, &label, false).await?;
        let last = state("closed_last", false).await?;
        Ok(Facts::from_iter([
            ("closed_first".to_owned(), json!(first.is_some())),
            ("opened".to_owned(), json!(opened.is_some())),
            ("closed_last".to_owned(), json!(last.is_some())),
            ("opened_after_s".to_owned(), seconds(&opened)),
            ("closed_after_s".to_owned(), seconds(&last)),
        ]))
    }
}
