use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
};

use futures::future::join_all;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::list,
};
use crate::{
    cluster::slices::{is_usable, of_service},
    model::{Fact, Facts, Right, Trouble},
    net::{NameKind, NameQuery, Transport},
    probes::{Probe, Scope},
};

/// Every replica of the cluster's name service, asked itself.
///
/// The readiness of `CoreDNS` says only that it once was ready, and the Service's address hides a replica that is silent:
/// then one question in so many takes seconds.
/// Sources: Kubernetes, "DNS for Services and Pods"; `CoreDNS`, plugin `ready`.
pub(in crate::probes) struct ClusterDns;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Where the name service is; `kube-system`, if not given.
    #[serde(default = "kube_system")]
    namespace: String,
    /// Its Service; `kube-dns`, if not given.
    #[serde(default = "kube_dns")]
    service: String,
    /// The name that is asked for.
    name: String,
}

fn kube_system() -> String {
    "kube-system".to_owned()
}

fn kube_dns() -> String {
    "kube-dns".to_owned()
}

impl Probe for ClusterDns {
    const NAME: &'static str = "kubernetes.cluster_dns";
    const ABOUT: &'static str = "asks every replica of the cluster's name service";
    const FACTS: &'static [Fact] = &[
        Fact { name: "ready", about: "how many endpoints of the Service are ready" },
        Fact { name: "nodes", about: "on how many nodes they are" },
        Fact { name: "replicas", about: "by address: {rcode, answers, tcp_rcode}; a silent one has {silent}" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, _: &str) -> Vec<Right> {
        vec![listing("discovery.k8s.io/v1", "endpointslices", Some(&with.namespace))]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let slices = connection.list(&scope, "discovery.k8s.io/v1", "endpointslices", Some(&with.namespace)).await?;
        let slices = of_service(&slices, &with.service);
        let ready: Vec<&Value> =
            slices.iter().flat_map(|slice| list(&slice["endpoints"])).filter(|one| is_usable(one, false)).collect();
        let nodes: BTreeSet<&str> = ready.iter().filter_map(|one| one["nodeName"].as_str()).collect();
        let addresses: BTreeSet<IpAddr> = ready
            .iter()
            .flat_map(|one| list(&one["addresses"]))
            .filter_map(|address| address.as_str()?.parse().ok())
            .collect();
        scope.dialler.as_a_pod()?;
        let port = port_of(&slices);
        let asked = addresses.iter().map(|address| asked(&scope, &with.name, SocketAddr::new(*address, port)));
        let rows = join_all(asked).await;
        let rows: Map<String, Value> =
            addresses.iter().zip(rows).map(|(address, row)| (address.to_string(), row)).collect();
        Ok(Facts::from_iter([
            ("ready".to_owned(), json!(ready.len())),
            ("nodes".to_owned(), json!(nodes.len())),
            ("replicas".to_owned(), Value::Object(rows)),
        ]))
    }
}

/// `CoreDNS` may listen on another port than the Service's.
fn port_of(slices: &[&Value]) -> u16 {
    let ports = slices.iter().flat_map(|slice| list(&slice["ports"]));
    let udp = ports.filter(|port| port["protocol"] == "UDP").find_map(|port| port["port"].as_u64());
    udp.and_then(|port| u16::try_from(port).ok()).unwrap_or(53)
}

/// A replica that is silent is a row, so that the others are seen as well.
async fn asked(scope: &Scope, name: &str, server: SocketAddr) -> Value {
    let query = NameQuery { name: name.to_owned(), kind: NameKind::A, server };
    let udp = query.ask(&scope.clock, Transport::Udp).await;
    let tcp = query.ask(&scope.clock, Transport::Tcp).await;
    match (udp, tcp) {
        (Ok(udp), Ok(tcp)) => json!({"rcode": udp.code, "answers": udp.addresses.len(), "tcp_rcode": tcp.code}),
        (Err(trouble), _) | (_, Err(trouble)) => json!({"rcode": null, "silent": trouble.message}),
    }
}
