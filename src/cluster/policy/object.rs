use serde_json::Value;

use super::{Direction, Labels, Peer, Place, PortRule, Selector};

/// A `NetworkPolicy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// Its namespace, whose pods it is about.
    pub namespace: String,
    /// Which pods of its namespace it is about.
    pub pods: Selector,
    /// What may come in; nothing where it is not about ingress.
    pub ingress: Option<Vec<Rule>>,
    /// What may go out; nothing where it is not about egress.
    pub egress: Option<Vec<Rule>>,
}

/// One rule: some peers, some ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The peers; none means everybody.
    pub peers: Vec<Peer>,
    /// The ports; none means all of them.
    pub ports: Vec<PortRule>,
}

impl Policy {
    /// Reads one. `policyTypes` that are not given are ingress, and egress only where there are rules for it.
    #[must_use]
    pub fn of(object: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let spec = &object["spec"];
        let named = |kind: &str| match spec["policyTypes"].as_array() {
            Some(types) => types.iter().any(|one| one == kind),
            None => kind == "Ingress" || spec["egress"].as_array().is_some_and(|rules| !rules.is_empty()),
        };
        let rules = |kind: &str, peers: &str| -> Vec<Rule> {
            let rules = spec[kind].as_array().into_iter().flatten();
            rules.map(|rule| Rule::of(rule, peers)).collect()
        };
        Self {
            name: text(&object["metadata"]["name"]),
            namespace: text(&object["metadata"]["namespace"]),
            pods: Selector::of(&spec["podSelector"]),
            ingress: named("Ingress").then(|| rules("ingress", "from")),
            egress: named("Egress").then(|| rules("egress", "to")),
        }
    }

    /// Its rules for one direction; nothing where it does not isolate in it.
    #[must_use]
    pub fn rules(&self, direction: Direction) -> Option<&[Rule]> {
        match direction {
            Direction::Ingress => self.ingress.as_deref(),
            Direction::Egress => self.egress.as_deref(),
        }
    }

    /// Whether it is about this pod.
    #[must_use]
    pub fn selects(&self, pod: &Place) -> bool {
        pod.namespace == self.namespace && !pod.host_network && self.pods.takes(&pod.labels)
    }

    /// Whether it shuts every pod of its namespace in one direction, and opens nothing.
    #[must_use]
    pub fn is_default_deny(&self, direction: Direction) -> bool {
        self.pods.is_empty() && self.rules(direction).is_some_and(<[Rule]>::is_empty)
    }
}

impl Rule {
    fn of(rule: &Value, peers: &str) -> Self {
        Self {
            peers: rule[peers].as_array().into_iter().flatten().map(Peer::of).collect(),
            ports: rule["ports"].as_array().into_iter().flatten().map(PortRule::of).collect(),
        }
    }

    /// Whether `peer` is meant, where `labels` are those of its namespace and `home` is the policy's.
    #[must_use]
    pub fn takes_peer(&self, peer: &Place, labels: &Labels, home: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|one| one.takes(peer, labels, home))
    }

    /// Whether a port of the place that is connected to is meant.
    #[must_use]
    pub fn takes_port(&self, to: &Place, port: u16, protocol: &str) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|one| one.takes(to, port, protocol))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_policy_isolates_follows_from_its_types_and_rules() {
        for (spec, ingress, egress) in [
            (json!({}), true, false),
            (json!({"egress": []}), true, false),
            (json!({"egress": [{}]}), true, true),
            (json!({"policyTypes": ["Egress"]}), false, true),
            (json!({"policyTypes": ["Ingress", "Egress"]}), true, true),
            (json!({"policyTypes": ["Egress"], "ingress": [{}]}), false, true),
        ] {
            let policy = Policy::of(&json!({"metadata": {"name": "p"}, "spec": spec}));
            assert_eq!((policy.ingress.is_some(), policy.egress.is_some()), (ingress, egress), "{spec}");
        }
    }

    #[test]
    fn default_deny_is_for_every_pod_and_opens_nothing() {
        for (spec, expected) in [
            (json!({"podSelector": {}, "policyTypes": ["Ingress"]}), true),
            (json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": []}), true),
            (json!({"podSelector": {}}), true),
            (json!({"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}]}), false),
            (json!({"podSelector": {"matchLabels": {"a": "b"}}, "policyTypes": ["Ingress"]}), false),
            (json!({"podSelector": {}, "policyTypes": ["Egress"]}), false),
        ] {
            let policy = Policy::of(&json!({"metadata": {"name": "p"}, "spec": spec}));
            assert_eq!(policy.is_default_deny(Direction::Ingress), expected, "{spec}");
        }
    }
}
