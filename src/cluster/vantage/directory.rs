use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::{
    cluster::{Api, collection},
    model::{Right, Trouble},
    net::Clock,
};

/// Ports of the services that no application has business with, declared or not. Where nobody listens, a packet that
/// gets through is refused by the pod itself, which tells as much.
/// Source: the products' own defaults (Kafka controller, etcd peers, Vault cluster, Patroni's REST API).
const NOT_FOR_APPLICATIONS: [(&str, u16, &str); 4] =
    [("kafka", 9093, "controller"), ("etcd", 2380, "peers"), ("vault", 8201, "cluster"), ("postgres", 8008, "Patroni")];

/// The addresses of the infrastructure when the probe pods were started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Directory {
    /// Every Service with an address, by name.
    pub services: BTreeMap<String, ServiceAddresses>,
    /// Every `ip:port` that a container of the namespace declares, and ports known to be none of an application's, with `pod/container-port` in words.
    pub declared: BTreeMap<String, String>,
    /// Those of them that are known to be none of an application's.
    pub guarded: BTreeSet<String>,
    /// The cluster's name servers, `ip:port`.
    pub name_servers: Vec<String>,
}

/// Where a Service leads.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceAddresses {
    /// Its own addresses, `ip:port`; none for a headless one.
    pub cluster: Vec<String>,
    /// Those of its ready endpoints, `ip:port`.
    pub endpoints: Vec<String>,
    /// The same by the Service's own port that leads there: a Service may have ports beside the contract's.
    pub behind: BTreeMap<u64, Vec<String>>,
}

impl ServiceAddresses {
    /// The ready endpoints behind one of its ports.
    #[must_use]
    pub fn behind(&self, port: u16) -> Vec<String> {
        self.behind.get(&u64::from(port)).cloned().unwrap_or_default()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &String> {
        self.cluster.iter().chain(&self.endpoints)
    }
}

impl Directory {
    /// Asks the API server.
    ///
    /// # Errors
    /// Unable, when it does not tell.
    pub(super) async fn read(api: &Api, clock: &Clock, namespace: &str) -> Result<Self, Trouble> {
        let list = async |version: &str, resource: &str, group: &str| {
            let right = Right::within(namespace, group, resource, "list");
            api.list(clock, &collection(version, resource, Some(namespace)), &right).await
        };
        let services = list("v1", "services", "").await?;
        let slices = list("discovery.k8s.io/v1", "endpointslices", "discovery.k8s.io").await?;
        let pods = list("v1", "pods", "").await?;
        let right = Right::within("kube-system", "", "services", "list");
        let path = format!("{}?labelSelector=k8s-app%3Dkube-dns", collection("v1", "services", Some("kube-system")));
        let name_servers = api.list(clock, &path, &right).await?;
        let mut directory = Self::of(&services, &slices, &pods);
        let addresses = name_servers.iter().map(|service| text(&service["spec"]["clusterIP"]));
        directory.name_servers = addresses.filter(|ip| !ip.is_empty()).map(|ip| joined(&ip, 53)).collect();
        Ok(directory)
    }

    /// The ports of [`NOT_FOR_APPLICATIONS`] at the service's endpoints.
    fn add_known(&mut self) {
        for (service, port, what) in NOT_FOR_APPLICATIONS {
            let endpoints = self.services.get(service).map(|found| found.endpoints.clone()).unwrap_or_default();
            for ip in endpoints.iter().filter_map(|endpoint| endpoint.rsplit_once(':')).map(|(ip, _)| ip) {
                let address = format!("{ip}:{port}");
                self.guarded.insert(address.clone());
                self.declared.entry(address).or_insert_with(|| format!("{service}, port {port} ({what})"));
            }
        }
    }

    fn of(services: &[Value], slices: &[Value], pods: &[Value]) -> Self {
        let mut directory = Self::default();
        let mut names = BTreeMap::new();
        for service in services {
            let name = text(&service["metadata"]["name"]);
            let ip = text(&service["spec"]["clusterIP"]);
            let ports = tcp_ports(&service["spec"]["ports"], "port");
            names.insert(name.clone(), ports.clone().map(|(port, called)| (called, port)).collect::<BTreeMap<_, _>>());
            let cluster = if ip.is_empty() || ip == "None" {
                Vec::new()
            } else {
                ports.map(|(port, _)| joined(&ip, port)).collect()
            };
            directory.services.insert(name, ServiceAddresses { cluster, ..ServiceAddresses::default() });
        }
        for slice in slices {
            let service = text(&slice["metadata"]["labels"]["kubernetes.io/service-name"]);
            let Some(addresses) = directory.services.get_mut(&service) else { continue };
            let ports: Vec<(u64, String)> = tcp_ports(&slice["ports"], "port").collect();
            let own = &names[&service];
            for endpoint in slice["endpoints"].as_array().into_iter().flatten().filter(|one| is_ready(one)) {
                for ip in endpoint["addresses"].as_array().into_iter().flatten().map(text) {
                    for (port, called) in &ports {
                        addresses.endpoints.push(joined(&ip, *port));
                        // A slice calls its ports as the Service does. Source: Kubernetes API, `EndpointPort`.
                        if let Some(port_of_service) = own.get(called) {
                            addresses.behind.entry(*port_of_service).or_default().push(joined(&ip, *port));
                        }
                    }
                }
            }
        }
        for pod in pods.iter().filter(|pod| !is_ours(pod)) {
            let (name, ip) = (text(&pod["metadata"]["name"]), text(&pod["status"]["podIP"]));
            for container in pod["spec"]["containers"].as_array().into_iter().flatten().filter(|_| !ip.is_empty()) {
                for (port, _) in tcp_ports(&container["ports"], "containerPort") {
                    directory.declared.insert(joined(&ip, port), format!("{name}, port {port}"));
                }
            }
        }
        directory.add_known();
        directory
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn joined(ip: &str, port: u64) -> String {
    if ip.contains(':') { format!("[{ip}]:{port}") } else { format!("{ip}:{port}") }
}

/// The ports over TCP, each with its name.
fn tcp_ports<'a>(ports: &'a Value, key: &'a str) -> impl Iterator<Item = (u64, String)> + Clone + 'a {
    let is_tcp = |port: &&Value| port["protocol"].as_str().is_none_or(|protocol| protocol == "TCP");
    let numbered = move |port: &Value| Some((port[key].as_u64()?, text(&port["name"])));
    ports.as_array().into_iter().flatten().filter(is_tcp).filter_map(numbered)
}

/// What is not said is true. Source: Kubernetes, `EndpointConditions`.
fn is_ready(endpoint: &Value) -> bool {
    endpoint["conditions"]["ready"].as_bool().unwrap_or(true)
}

fn is_ours(object: &Value) -> bool {
    object["metadata"]["labels"]["app.kubernetes.io/name"] == "soma-conformance"
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_leads_to_itself_and_to_its_ready_endpoints() {
        let services = [
            json!({"metadata": {"name": "redis"}, "spec": {"clusterIP": "10.96.0.5", "ports": [{"port": 6379}, {"port": 53, "protocol": "UDP"}]}}),
            json!({"metadata": {"name": "headless"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}}),
        ];
        let slices = [json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "redis"}}, "ports": [{"port": 6380, "protocol": "TCP"}],
            "endpoints": [
                {"addresses": ["10.244.0.7"], "conditions": {}},
                {"addresses": ["10.244.0.8"], "conditions": {"ready": false}},
            ],
        })];
        let pods = [
            json!({"metadata": {"name": "redis-0"}, "status": {"podIP": "10.244.0.7"}, "spec": {"containers": [{"ports": [{"containerPort": 6380}, {"containerPort": 16379}]}]}}),
            json!({"metadata": {"name": "x", "labels": {"app.kubernetes.io/name": "soma-conformance"}}, "status": {"podIP": "10.244.0.9"}, "spec": {"containers": [{"ports": [{"containerPort": 1}]}]}}),
        ];
        let directory = Directory::of(&services, &slices, &pods);
        let redis = ServiceAddresses {
            cluster: vec!["10.96.0.5:6379".to_owned()],
            endpoints: vec!["10.244.0.7:6380".to_owned()],
            behind: BTreeMap::from([(6379, vec!["10.244.0.7:6380".to_owned()])]),
        };
        assert_eq!(directory.services["redis"], redis);
        assert_eq!(directory.services["headless"], ServiceAddresses::default());
        assert_eq!(directory.declared.keys().collect::<Vec<_>>(), ["10.244.0.7:16379", "10.244.0.7:6380"]);
    }

    #[test]
    fn each_port_of_a_service_has_its_own_endpoints_and_known_ports_are_guarded_whoever_leads_there() {
        let services = [json!({"metadata": {"name": "etcd"}, "spec": {"clusterIP": "10.96.0.5", "ports": [
                {"name": "client", "port": 2379}, {"name": "peer", "port": 2380}]}})];
        let slices = [json!({
            "metadata": {"labels": {"kubernetes.io/service-name": "etcd"}},
            "ports": [{"name": "peer", "port": 2380}, {"name": "client", "port": 12_379}],
            "endpoints": [{"addresses": ["10.244.0.7"]}],
        })];
        let directory = Directory::of(&services, &slices, &[]);
        let etcd = &directory.services["etcd"];
        assert_eq!((etcd.behind(2379), etcd.endpoints.len()), (vec!["10.244.0.7:12379".to_owned()], 2));
        assert_eq!(etcd.behind(1), Vec::<String>::new());
        assert!(directory.guarded.contains("10.244.0.7:2380") && directory.declared.contains_key("10.244.0.7:2380"));
    }
}
