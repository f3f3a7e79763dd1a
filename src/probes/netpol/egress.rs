use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    reach::{facts_of, row},
    vantages::vantages,
};
use crate::{
    cluster::vantage::{Source, Vantages, rights},
    model::{Fact, Facts, Right, Trouble},
    probes::{Probe, Scope, kubernetes::connect},
};

/// What a pod in the infrastructure's own namespace reaches: the cluster's name servers, which it must, and the world
/// outside, which it must not.
///
/// The pod belongs to no component, so it sees what the namespace's policies leave to everybody in it. That the world
/// outside does not answer is a denial only where a pod that nobody isolates does reach it: a cluster without a way out
/// tells nothing.
pub(in crate::probes) struct Egress;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Where the bytes go.
    to: To,
}

/// Where the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum To {
    /// The name servers, over UDP.
    DnsUdp,
    /// The name servers, over TCP.
    DnsTcp,
    /// The declared addresses outside of the cluster.
    Outside,
}

impl Probe for Egress {
    const NAME: &'static str = "netpol.egress";
    const ABOUT: &'static str = "connects from a pod in the infrastructure's namespace to name servers or outside";
    const FACTS: &'static [Fact] = &[
        Fact { name: "accepted", about: "whether any attempt to any of the addresses got an answer" },
        Fact { name: "all_connected", about: "whether the attempts to every address did" },
        Fact { name: "outcomes", about: "the classes of the attempts, each once" },
        Fact { name: "twin_connected", about: "whether a pod that nobody isolates got through in the same second" },
        Fact { name: "from", about: "the source, in a word" },
        Fact { name: "rows", about: "per address: {to, outcomes, twin}" },
        Fact { name: "addresses", about: "how many addresses were tried" },
    ];
    const WRITES: bool = true;
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        rights(namespace)
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let vantages = vantages(&scope).await?;
        let cluster = connect(&scope).await?.cluster;
        let source = Source::Infrastructure(cluster.namespace.clone());
        let addresses = addresses(&vantages, &cluster.outside, with.to);
        if addresses.is_empty() {
            let text = "there is no address to try: no Service of the cluster's DNS, or no `values.cluster.outside`";
            return Err(Trouble::unable("vantage", "vantage.no_address", text));
        }
        let denied = with.to == To::Outside;
        let look = addresses.iter().map(|to| row(&scope, &vantages, &source, to, denied));
        let rows = futures::future::try_join_all(look).await?;
        let mut facts = facts_of(&source, &rows);
        facts.insert("addresses".to_owned(), json!(addresses.len()));
        Ok(facts)
    }
}

fn addresses(vantages: &Vantages, outside: &[String], to: To) -> Vec<String> {
    let servers = &vantages.directory.name_servers;
    match to {
        To::DnsTcp => servers.clone(),
        To::DnsUdp => servers.iter().map(|server| format!("udp/{server}")).collect(),
        To::Outside => outside.to_vec(),
    }
}
