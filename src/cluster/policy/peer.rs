use std::net::IpAddr;

use serde_json::Value;

use super::{Block, Labels, NamedPort, Selector, labels_of};

/// One end of a connection: a pod, or an address outside of the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    /// The pod's name; empty for an address outside.
    pub name: String,
    /// The pod's namespace; empty for an address outside.
    pub namespace: String,
    /// The pod's labels.
    pub labels: Labels,
    /// The address.
    pub address: Option<IpAddr>,
    /// Whether the pod uses its node's network, to which policies do not apply.
    pub host_network: bool,
    /// The ports that its containers declare.
    pub ports: Vec<NamedPort>,
}

impl Place {
    /// A pod of the API.
    #[must_use]
    pub fn of_pod(pod: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        // A container of the start-up kind that goes on running serves as well.
        let containers =
            ["containers", "initContainers"].map(|kind| pod["spec"][kind].as_array().into_iter().flatten());
        let ports = containers.into_iter().flatten().flat_map(|one| one["ports"].as_array().into_iter().flatten());
        let ports = ports.filter_map(|port| {
            Some(NamedPort {
                name: text(&port["name"]),
                number: u16::try_from(port["containerPort"].as_u64()?).ok()?,
                protocol: port["protocol"].as_str().unwrap_or("TCP").to_owned(),
            })
        });
        Self {
            name: text(&pod["metadata"]["name"]),
            namespace: text(&pod["metadata"]["namespace"]),
            labels: labels_of(pod),
            address: pod["status"]["podIP"].as_str().and_then(|address| address.parse().ok()),
            host_network: pod["spec"]["hostNetwork"] == true,
            ports: ports.collect(),
        }
    }

    /// An address outside of the cluster.
    #[must_use]
    pub fn outside(address: IpAddr) -> Self {
        Self { address: Some(address), ..Self::default() }
    }

    /// Whether it is a pod.
    #[must_use]
    pub fn is_pod(&self) -> bool {
        !self.name.is_empty()
    }
}

/// Who may come, or where one may go. Source: Kubernetes API, `NetworkPolicyPeer`.
///
/// `namespaceSelector` and `podSelector` in one entry hold together; as two entries of the list, either is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Peer {
    /// Pods by their labels, in namespaces by theirs; without the latter, in the policy's own.
    Pods {
        /// Which pods; all, where nothing is said.
        pods: Option<Selector>,
        /// In which namespaces.
        namespaces: Option<Selector>,
    },
    /// Addresses.
    Addresses(Block),
    /// What cannot be read, which lets nobody in.
    Unknown,
}

impl Peer {
    /// Reads one.
    #[must_use]
    pub fn of(value: &Value) -> Self {
        let selector = |name: &str| value[name].is_object().then(|| Selector::of(&value[name]));
        match (selector("podSelector"), selector("namespaceSelector")) {
            (None, None) => Block::of(&value["ipBlock"]).map_or(Self::Unknown, Self::Addresses),
            (pods, namespaces) => Self::Pods { pods, namespaces },
        }
    }

    /// Whether this place is meant by a policy of the namespace `home`.
    #[must_use]
    pub fn takes(&self, place: &Place, labels_of_namespace: &Labels, home: &str) -> bool {
        match self {
            // The address of a pod on its node's network is the node's: no selector takes it.
            Self::Pods { pods, namespaces } => {
                let in_namespace = match namespaces {
                    Some(selector) => selector.takes(labels_of_namespace),
                    None => place.namespace == home,
                };
                place.is_pod()
                    && !place.host_network
                    && in_namespace
                    && pods.as_ref().is_none_or(|selector| selector.takes(&place.labels))
            }
            Self::Addresses(block) => place.address.is_some_and(|address| block.holds(address)),
            Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn two_selectors_in_one_entry_hold_together() {
        let pod = |namespace: &str, app: &str| Place {
            name: "p".to_owned(),
            namespace: namespace.to_owned(),
            labels: labels(&[("app", app)]),
            address: "10.0.0.1".parse().ok(),
            ..Place::default()
        };
        let open = labels(&[("open", "true")]);
        let closed = Labels::new();
        let namespaces = json!({"matchLabels": {"open": "true"}});
        let pods = json!({"matchLabels": {"app": "web"}});
        for (peer, of_open_web, of_open_db, of_closed_web, of_home_web) in [
            (json!({"namespaceSelector": namespaces, "podSelector": pods}), true, false, false, false),
            (json!({"namespaceSelector": namespaces}), true, true, false, false),
            (json!({"namespaceSelector": {}}), true, true, true, true),
            (json!({"podSelector": pods}), false, false, false, true),
            (json!({"podSelector": {}}), false, false, false, true),
            (json!({"ipBlock": {"cidr": "10.0.0.0/8"}}), true, true, true, true),
            (json!({"ipBlock": {"cidr": "nonsense"}}), false, false, false, false),
            (json!({}), false, false, false, false),
        ] {
            let read = Peer::of(&peer);
            let found = [
                read.takes(&pod("a", "web"), &open, "home"),
                read.takes(&pod("a", "db"), &open, "home"),
                read.takes(&pod("b", "web"), &closed, "home"),
                read.takes(&pod("home", "web"), &closed, "home"),
            ];
            assert_eq!(found, [of_open_web, of_open_db, of_closed_web, of_home_web], "{peer}");
        }
    }

    #[test]
    fn a_pod_on_its_nodes_network_is_no_pod_to_a_selector() {
        let pod = json!({"metadata": {"name": "p", "namespace": "home"}, "spec": {"hostNetwork": true}, "status": {"podIP": "10.0.0.9"}});
        let place = Place::of_pod(&pod);
        assert!(!Peer::of(&json!({"podSelector": {}})).takes(&place, &Labels::new(), "home"));
        assert!(Peer::of(&json!({"ipBlock": {"cidr": "10.0.0.9/32"}})).takes(&place, &Labels::new(), "home"));
    }
}
