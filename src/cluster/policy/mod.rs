//! `NetworkPolicies` as pure data: what the objects of the API say, evaluated without asking anybody.
//!
//! It is the reference that a cluster's behaviour is compared with, and it finds holes that no connection was tried
//! through. Kinds of other vendors (Cilium, Calico, `AdminNetworkPolicy`) are outside of it.
//! Source: Kubernetes API, `NetworkPolicySpec`; "Network Policies".

mod block;
mod object;
mod peer;
mod port;
mod selector;
mod world;

pub use block::Block;
pub use object::{Policy, Rule};
pub use peer::{Peer, Place};
pub use port::{NamedPort, PortRange, PortRule};
pub use selector::Selector;
pub use world::{Decision, Direction, World};

/// The labels of an object.
pub type Labels = std::collections::BTreeMap<String, String>;

/// The labels of an object of the API.
#[must_use]
pub fn labels_of(object: &serde_json::Value) -> Labels {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
