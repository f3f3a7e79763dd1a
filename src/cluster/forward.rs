use std::{fmt, net::Ipv4Addr};

use futures::future::BoxFuture;
use kube::api::Portforwarder;
use serde_json::Value;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    runtime::Handle,
    sync::OnceCell,
};

use super::{
    Api, collection,
    slices::{is_usable, of_service, port_named},
};
use crate::{
    model::{Cluster, HostPort, Right, Trouble},
    net::{Clock, Tunnel},
};

/// The way into a cluster for somebody outside of it who may only ask its API server: every address of a Service (or of a
/// pod by its name below a Service) is reached by a port-forward to a pod behind it.
///
/// It enters through the pod's own loopback: neither the Service, its name, nor a policy is on the way, so nothing of these
/// is shown by it, and a server that listens on localhost alone looks alive. (kubernetes/kubernetes 72597.)
pub struct PortForward {
    cluster: Cluster,
    api: OnceCell<Api>,
    /// Where the streams live: the runtime of a probe ends with it.
    home: Handle,
}

impl PortForward {
    /// Nothing is sent yet. Streams live in the runtime this is called in.
    #[must_use]
    pub fn new(cluster: Cluster) -> Self {
        Self { cluster, api: OnceCell::new(), home: Handle::current() }
    }

    async fn connect(&self, clock: &Clock, address: &HostPort) -> Result<TcpStream, Trouble> {
        let place = Place::of(address)
            .ok_or_else(|| Trouble::unable("forward", "harness.tunnel", format!("{address} is no Service")))?;
        let api = self.api().await?;
        let (pod, port) = pod_behind(&api, clock, &place, address).await?;
        let forwarder = api.forward(clock, place.namespace, &pod, port).await?;
        clock.set_peer(format!(
            "pod {}/{pod}, port {port}, through the API server ({})",
            place.namespace, self.cluster.name
        ));
        let near = self.home.spawn(joined(forwarder, port)).await;
        let near = near.map_err(|error| Trouble::unable("forward", "harness.panic", error))?;
        near.and_then(TcpStream::from_std).map_err(|error| Trouble::unable("forward", "harness.tunnel", error))
    }

    async fn api(&self) -> Result<Api, Trouble> {
        let making = async {
            let cluster = self.cluster.clone();
            let made = self.home.spawn(async move { Api::new(&cluster).await }).await;
            made.map_err(|error| Trouble::unable("forward", "harness.panic", error))?
        };
        self.api.get_or_try_init(|| making).await.cloned()
    }
}

impl fmt::Debug for PortForward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PortForward").field("cluster", &self.cluster.name).finish_non_exhaustive()
    }
}

impl Tunnel for PortForward {
    fn leads_to(&self, address: &HostPort) -> bool {
        Place::of(address).is_some()
    }

    fn open<'a>(&'a self, clock: &'a Clock, address: &'a HostPort) -> BoxFuture<'a, Result<TcpStream, Trouble>> {
        Box::pin(self.connect(clock, address))
    }
}

/// What a name of a cluster's Service says: `[POD.]SERVICE.NAMESPACE.svc[.DOMAIN]`.
/// Source: Kubernetes, "DNS for Services and Pods".
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    pod: Option<&'a str>,
    service: &'a str,
    namespace: &'a str,
}

impl<'a> Place<'a> {
    fn of(address: &'a HostPort) -> Option<Self> {
        let labels: Vec<&str> = address.host.trim_end_matches('.').split('.').collect();
        let kind = labels.iter().position(|label| *label == "svc")?;
        match labels[..kind] {
            [service, namespace] => Some(Self { pod: None, service, namespace }),
            [pod, service, namespace] => Some(Self { pod: Some(pod), service, namespace }),
            _ => None,
        }
    }
}

/// A pod that takes connections for the address, and the port it takes them on.
async fn pod_behind(api: &Api, clock: &Clock, place: &Place<'_>, address: &HostPort) -> Result<(String, u16), Trouble> {
    let Place { service, namespace, .. } = place;
    let right = Right::within(namespace, "", "services", "get");
    let path = format!("{}/{service}", collection("v1", "services", Some(namespace)));
    let object = api.get(clock, &path, &right).await?;
    let none = |what: &str| Trouble::fault("forward", "tcp.refused", format!("{address}: {what}"));
    let object = object.ok_or_else(|| none("there is no such Service"))?;
    let right = Right::within(namespace, "discovery.k8s.io", "endpointslices", "list");
    let slices = api.list(clock, &collection("discovery.k8s.io/v1", "endpointslices", Some(namespace)), &right).await?;
    let slices = of_service(&slices, service);
    endpoint_of(&object["spec"], &slices, place.pod, address.port).map_err(none)
}

/// The first usable endpoint, or the one of the pod that is named.
fn endpoint_of(spec: &Value, slices: &[&Value], pod: Option<&str>, port: u16) -> Result<(String, u16), &'static str> {
    let ports = spec["ports"].as_array().map_or(&[][..], Vec::as_slice);
    let own = ports.iter().find(|own| own["port"] == port && own["protocol"] != "UDP");
    let own = own.ok_or("the Service has no such port")?;
    let name = own["name"].as_str().unwrap_or_default();
    let published = spec["publishNotReadyAddresses"] == true;
    let mut pods = Vec::new();
    for slice in slices {
        let Some(port) = port_named(slice, name).and_then(|port| u16::try_from(port).ok()) else { continue };
        let endpoints = slice["endpoints"].as_array().map_or(&[][..], Vec::as_slice);
        for endpoint in endpoints.iter().filter(|one| is_usable(one, published)) {
            let is_pod = endpoint["targetRef"]["kind"] == "Pod";
            if let Some(name) = endpoint["targetRef"]["name"].as_str().filter(|_| is_pod) {
                pods.push((name.to_owned(), port));
            }
        }
    }
    pods.sort();
    pods.into_iter().find(|(name, _)| pod.is_none_or(|pod| pod == name)).ok_or("no pod behind it takes connections")
}

/// The near end of the forwarded stream, as a socket: drivers want one. It is a connection over loopback to a listener that
/// lives for this one only, and takes it only from ourselves.
async fn joined(mut forwarder: Portforwarder, port: u16) -> std::io::Result<std::net::TcpStream> {
    let gone = || std::io::Error::other("the forwarded stream is gone");
    let mut far = forwarder.take_stream(port).ok_or_else(gone)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let near = TcpStream::connect(listener.local_addr()?).await?;
    let mut taken = loop {
        let (taken, from) = listener.accept().await?;
        if from == near.local_addr()? {
            break taken;
        }
    };
    drop(listener);
    tokio::spawn(async move {
        // Either end closing is the stream's ordinary end; what the far end meant by it shows in what the driver reads.
        let _ = copy_bidirectional(&mut taken, &mut far).await;
        forwarder.abort();
    });
    near.set_nodelay(true)?;
    near.into_std()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_of_services_and_of_pods_below_them_are_taken_apart() {
        let place = |pod, service, namespace| Some(Place { pod, service, namespace });
        for (address, expected) in [
            ("redis.soma-infra.svc.cluster.local:6379", place(None, "redis", "soma-infra")),
            ("redis.soma-infra.svc:6379", place(None, "redis", "soma-infra")),
            ("kafka-0.kafka.soma-infra.svc.cluster.local:9092", place(Some("kafka-0"), "kafka", "soma-infra")),
            ("redis.example.org:6379", None),
            ("127.0.0.1:6379", None),
            ("svc:1", None),
            ("a.svc:1", None),
            ("a.b.c.d.svc:1", None),
        ] {
            let address: HostPort = address.parse().expect("an address");
            assert_eq!(Place::of(&address), expected, "{address}");
        }
    }

    #[test]
    fn the_pod_is_one_that_takes_connections_at_the_port_behind_the_services() {
        let spec = json!({"ports": [{"name": "client", "port": 6379, "targetPort": 7000}, {"name": "x", "port": 53, "protocol": "UDP"}]});
        let endpoint =
            |pod: &str, ready: bool| json!({"conditions": {"ready": ready}, "targetRef": {"kind": "Pod", "name": pod}});
        let slice = json!({"ports": [{"name": "client", "port": 7000}],
            "endpoints": [endpoint("redis-2", true), endpoint("redis-0", false), endpoint("redis-1", true), {"addresses": ["10.0.0.9"]}]});
        let ask = |pod, port| endpoint_of(&spec, &[&slice], pod, port);
        assert_eq!(ask(None, 6379), Ok(("redis-1".to_owned(), 7000)));
        assert_eq!(ask(Some("redis-2"), 6379), Ok(("redis-2".to_owned(), 7000)));
        assert_eq!(ask(Some("redis-0"), 6379), Err("no pod behind it takes connections"));
        assert_eq!(ask(None, 53), Err("the Service has no such port"));
        assert_eq!(ask(None, 6380), Err("the Service has no such port"));
        assert_eq!(endpoint_of(&spec, &[], None, 6379), Err("no pod behind it takes connections"));
    }
}
