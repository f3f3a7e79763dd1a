use std::{collections::BTreeSet, net::IpAddr};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    connect,
    connection::{Connection, KUBERNETES, right_on},
    infrastructure::list,
};
use crate::{
    cluster::{
        collection,
        slices::{is_usable, of_service},
    },
    model::{Fact, Facts, HostPort, Right, Trouble},
    net::{NameKind, NameQuery, Transport},
    probes::{Probe, Scope, net::first_server},
};

/// A name of the contract, asked of the name server that applications ask, beside the Service behind it.
///
/// The name is asked with its last dot: a search list may end at a wildcard and so give an answer that is none. Both
/// families are asked for over UDP, and IPv4 over TCP. Of a headless Service the addresses are those of its endpoints.
/// Source: Kubernetes, "DNS for Services and Pods".
pub(in crate::probes) struct ServiceName;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// The declared address, `NAME.NAMESPACE.svc.…:PORT`.
    #[schemars(with = "String")]
    address: HostPort,
}

impl With {
    fn place(&self) -> (&str, Option<&str>) {
        place_of(&self.address)
    }
}

/// The Service and the namespace that an address of the cluster names.
pub(super) fn place_of(address: &HostPort) -> (&str, Option<&str>) {
    let mut parts = address.host.split('.');
    (parts.next().unwrap_or_default(), parts.next().filter(|part| !part.is_empty()))
}

impl Probe for ServiceName {
    const NAME: &'static str = "kubernetes.service_name";
    const ABOUT: &'static str = "resolves a name of the contract and compares it with the Service behind it";
    const FACTS: &'static [Fact] = &[
        Fact { name: "rcode", about: "what the name server answered over UDP" },
        Fact { name: "tcp_rcode", about: "what it answered over TCP" },
        Fact { name: "answers", about: "the addresses it gave" },
        Fact { name: "missing", about: "addresses of the Service that it did not give" },
        Fact { name: "surplus", about: "addresses it gave that are not the Service's" },
        Fact { name: "exists", about: "whether there is such a Service" },
        Fact {
            name: "external_name",
            about: "the name outside of the cluster that the Service stands for, if it does",
        },
        Fact { name: "server", about: "the name server" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(with: &With, namespace: &str) -> Vec<Right> {
        let (service, named) = with.place();
        let namespace = Some(named.unwrap_or(namespace));
        vec![
            right_on("v1", "services", namespace, "get").only(service),
            right_on("discovery.k8s.io/v1", "endpointslices", namespace, "list"),
        ]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let (service, namespace) = with.place();
        let namespace = connection.namespace(namespace);
        let right = right_on("v1", "services", Some(namespace), "get").only(service);
        let path = format!("{}/{service}", collection("v1", "services", Some(namespace)));
        let object = connection.api.get(&scope.clock, &path, &right).await?;
        let expected = expected(&connection, &scope, service, namespace, object.as_ref()).await?;
        scope.dialler.as_a_pod()?;
        let server = first_server()?;
        let query = |kind| NameQuery { name: with.address.host.clone(), kind, server };
        let udp = query(NameKind::A).ask(&scope.clock, Transport::Udp).await?;
        let tcp = query(NameKind::A).ask(&scope.clock, Transport::Tcp).await?;
        let six = query(NameKind::Aaaa).ask(&scope.clock, Transport::Udp).await?;
        let answers: BTreeSet<IpAddr> = udp.addresses.iter().chain(&six.addresses).copied().collect();
        let external = object.as_ref().map(|object| object["spec"]["externalName"].clone()).filter(Value::is_string);
        // What a name outside leads to is nobody's here to say.
        let (missing, surplus): (Vec<_>, Vec<_>) = match external {
            Some(_) => (Vec::new(), Vec::new()),
            None => (expected.difference(&answers).collect(), answers.difference(&expected).collect()),
        };
        Ok(Facts::from_iter([
            ("rcode".to_owned(), json!(udp.code)),
            ("tcp_rcode".to_owned(), json!(tcp.code)),
            ("answers".to_owned(), json!(answers)),
            ("missing".to_owned(), json!(missing)),
            ("surplus".to_owned(), json!(surplus)),
            ("exists".to_owned(), json!(object.is_some())),
            ("external_name".to_owned(), external.into()),
            ("server".to_owned(), json!(server)),
        ]))
    }
}

/// The addresses that the name must lead to.
async fn expected(
    connection: &Connection,
    scope: &Scope,
    service: &str,
    namespace: &str,
    object: Option<&Value>,
) -> Result<BTreeSet<IpAddr>, Trouble> {
    let Some(object) = object else { return Ok(BTreeSet::new()) };
    let parsed = |value: &Value| value.as_str().and_then(|text| text.parse::<IpAddr>().ok());
    let spec = &object["spec"];
    if spec["clusterIP"] != "None" {
        return Ok(list(&spec["clusterIPs"]).iter().filter_map(parsed).collect());
    }
    let slices = connection.list(scope, "discovery.k8s.io/v1", "endpointslices", Some(namespace)).await?;
    let slices = of_service(&slices, service);
    let publishes_unready = spec["publishNotReadyAddresses"] == true;
    let endpoints = slices.iter().flat_map(|slice| list(&slice["endpoints"]));
    let usable = endpoints.filter(|one| publishes_unready || is_usable(one, false));
    Ok(usable.flat_map(|one| list(&one["addresses"])).filter_map(parsed).collect())
}
