use std::collections::BTreeMap;

use serde_json::Value;

use super::{Labels, Place, Policy, Rule, labels_of};

/// Which way bytes go, seen from the pod that a policy is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Into the pod.
    Ingress,
    /// Out of the pod.
    Egress,
}

impl Direction {
    /// The word of the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ingress => "Ingress",
            Self::Egress => "Egress",
        }
    }
}

/// All policies and the labels of all namespaces that they are evaluated against.
#[derive(Debug, Clone, Default)]
pub struct World {
    policies: Vec<Policy>,
    namespaces: BTreeMap<String, Labels>,
}

/// What the policies say of a connection, at one of its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may come about.
    pub allowed: bool,
    /// Whether any policy is about that end in that direction; without one, everything may.
    pub isolated: bool,
    /// `namespace/policy` of those that let it, or of those that isolate and do not.
    pub by: Vec<String>,
}

impl World {
    /// The world of these objects of the API.
    #[must_use]
    pub fn of(policies: &[Value], namespaces: &[Value]) -> Self {
        let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        Self {
            policies: policies.iter().map(Policy::of).collect(),
            namespaces: namespaces.iter().map(|namespace| (name(namespace), labels_of(namespace))).collect(),
        }
    }

    /// Every policy.
    #[must_use]
    pub fn policies(&self) -> &[Policy] {
        &self.policies
    }

    /// The same world in which a namespace carries other labels, or is new.
    #[must_use]
    pub fn with_namespace(mut self, name: &str, labels: Labels) -> Self {
        self.namespaces.insert(name.to_owned(), labels);
        self
    }

    /// The policies that isolate a pod in one direction.
    pub fn isolating<'a>(
        &'a self,
        pod: &'a Place,
        direction: Direction,
    ) -> impl Iterator<Item = (&'a Policy, &'a [Rule])> {
        let selecting = self.policies.iter().filter(move |policy| policy.selects(pod));
        selecting.filter_map(move |policy| Some((policy, policy.rules(direction)?)))
    }

    /// Whether the policies let `from` connect to a port of `to`: egress at the one end and ingress at the other.
    ///
    /// A pod always reaches itself. Where an end is no pod, or uses its node's network, policies say nothing of it.
    #[must_use]
    pub fn allows(&self, from: &Place, to: &Place, port: u16, protocol: &str) -> bool {
        self.decide(Direction::Egress, from, to, port, protocol).allowed
            && self.decide(Direction::Ingress, from, to, port, protocol).allowed
    }

    /// What the policies of one end say. They add up: one rule of one policy is enough.
    #[must_use]
    pub fn decide(&self, direction: Direction, from: &Place, to: &Place, port: u16, protocol: &str) -> Decision {
        let (own, peer) = if direction == Direction::Ingress { (to, from) } else { (from, to) };
        let isolating: Vec<_> = self.isolating(own, direction).collect();
        let is_itself = from.is_pod() && from.name == to.name && from.namespace == to.namespace;
        if isolating.is_empty() || is_itself {
            return Decision { allowed: true, isolated: !isolating.is_empty(), by: Vec::new() };
        }
        let none = Labels::new();
        let labels = self.namespaces.get(&peer.namespace).unwrap_or(&none);
        let lets = |policy: &Policy, rules: &[Rule]| {
            rules
                .iter()
                .any(|rule| rule.takes_peer(peer, labels, &policy.namespace) && rule.takes_port(to, port, protocol))
        };
        let named = |policy: &Policy| format!("{}/{}", policy.namespace, policy.name);
        let letting: Vec<String> =
            isolating.iter().filter(|(policy, rules)| lets(policy, rules)).map(|(policy, _)| named(policy)).collect();
        let allowed = !letting.is_empty();
        let by = if allowed { letting } else { isolating.iter().map(|(policy, _)| named(policy)).collect() };
        Decision { allowed, isolated: true, by }
    }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "literals are written where they are used")]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(namespace: &str, name: &str, app: &str) -> Place {
        Place::of_pod(&json!({
            "metadata": {"name": name, "namespace": namespace, "labels": {"app": app}},
            "spec": {"containers": [{"ports": [{"name": "client", "containerPort": 6379}]}]},
            "status": {"podIP": "10.244.0.7"},
        }))
    }

    fn world(policies: Value) -> World {
        let namespace = |name: &str, labels: Value| json!({"metadata": {"name": name, "labels": labels}});
        let namespaces = [
            namespace("infra", json!({})),
            namespace("labelled", json!({"open": "true"})),
            namespace("unlabelled", json!({})),
        ];
        let with_home = |spec: &Value| json!({"metadata": {"name": spec["name"], "namespace": "infra"}, "spec": spec});
        let policies: Vec<Value> = policies.as_array().into_iter().flatten().map(with_home).collect();
        World::of(&policies, &namespaces)
    }

    #[test]
    fn policies_add_up() {
        let deny = json!({"name": "deny", "podSelector": {}, "policyTypes": ["Ingress"]});
        let allow = json!({"name": "allow", "podSelector": {"matchLabels": {"app": "redis"}}, "ingress": [
            {"from": [{"namespaceSelector": {"matchLabels": {"open": "true"}}}], "ports": [{"port": "client"}]}]});
        let sloppy = json!({"name": "sloppy", "podSelector": {}, "ingress": [{}]});
        let egress = json!({"name": "out", "podSelector": {}, "policyTypes": ["Egress"]});
        for (policies, labelled, unlabelled, other_port, inside) in [
            (json!([]), true, true, true, true),
            (json!([deny]), false, false, false, false),
            (json!([deny, allow]), true, false, false, false),
            (json!([allow]), true, false, false, false),
            (json!([deny, allow, sloppy]), true, true, true, true),
            (json!([deny, sloppy, egress]), true, true, true, false),
        ] {
            let world = world(policies.clone());
            let (redis, opa) = (pod("infra", "redis-0", "redis"), pod("infra", "opa-0", "opa"));
            let from = |namespace: &str| pod(namespace, "app", "web");
            let found = [
                world.allows(&from("labelled"), &redis, 6379, "TCP"),
                world.allows(&from("unlabelled"), &redis, 6379, "TCP"),
                world.allows(&from("labelled"), &redis, 6380, "TCP"),
                world.allows(&opa, &redis, 6379, "TCP"),
            ];
            assert_eq!(found, [labelled, unlabelled, other_port, inside], "{policies}");
        }
    }

    #[test]
    fn a_pod_reaches_itself_and_the_decision_names_its_policies() {
        let world = world(json!([{"name": "deny", "podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]));
        let redis = pod("infra", "redis-0", "redis");
        assert!(world.allows(&redis, &redis, 6379, "TCP"));
        let from = pod("unlabelled", "app", "web");
        let decision = world.decide(Direction::Ingress, &from, &redis, 6379, "TCP");
        assert_eq!(decision, Decision { allowed: false, isolated: true, by: vec!["infra/deny".to_owned()] });
        let outside = Place::outside("1.1.1.1".parse().expect("an address"));
        assert!(!world.allows(&redis, &outside, 443, "TCP"));
        assert!(world.allows(&from, &outside, 443, "TCP"));
    }

    #[test]
    fn a_label_that_a_namespace_gets_opens_what_it_is_for() {
        let policies = json!([{"name": "allow", "podSelector": {}, "ingress": [
            {"from": [{"namespaceSelector": {"matchLabels": {"open": "true"}}}]}]}]);
        let world = world(policies);
        let (from, to) = (pod("unlabelled", "app", "web"), pod("infra", "redis-0", "redis"));
        assert!(!world.allows(&from, &to, 6379, "TCP"));
        let labels = Labels::from([("open".to_owned(), "true".to_owned())]);
        assert!(world.with_namespace("unlabelled", labels).allows(&from, &to, 6379, "TCP"));
    }
}
