use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    connect,
    connection::{KUBERNETES, listing},
    infrastructure::{component, is_ours, list, name, pods},
    label_selector::selects,
};
use crate::{
    cluster::policy::{Decision, Direction, Labels, Peer, Place, Policy, PortRange, Rule, World},
    model::{Cluster, Fact, Facts, HostPort, Right, Trouble},
    probes::{Probe, Scope, Targets},
};

/// What the `NetworkPolicies` of the infrastructure say, evaluated without a single connection.
///
/// Policies add up: a pod that none of them is about accepts everything, and one sloppy rule defeats all others. Ports
/// are those of the pod, after the Service's address was translated. Whether anybody enforces them is not to be seen here.
/// Source: Kubernetes, "Network Policies".
pub(in crate::probes) struct Policies;

/// Parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::probes) struct With {
    /// Policies that are declared to be as broad as they are.
    #[serde(default)]
    declared: Vec<String>,
}

impl Probe for Policies {
    const NAME: &'static str = "kubernetes.policies";
    const ABOUT: &'static str = "evaluates the NetworkPolicies of the infrastructure";
    const FACTS: &'static [Fact] = &[
        Fact { name: "policies", about: "how many there are" },
        Fact { name: "default_deny_ingress", about: "the names of those that shut every pod for incoming connections" },
        Fact { name: "default_deny_egress", about: "the same for outgoing ones" },
        Fact { name: "pods", about: "by name: {component, ingress, egress}, the policies that isolate it" },
        Fact { name: "open_ingress", about: "pods that no policy isolates for incoming connections" },
        Fact { name: "open_egress", about: "pods that no policy isolates for outgoing ones" },
        Fact {
            name: "contract",
            about: "by service of the contract: {port, admitted, by, open_to_all, broad, other_selectors}, of the rules about its port",
        },
        Fact { name: "not_admitted", about: "services whose port no rule opens to a namespace with the allow label" },
        Fact {
            name: "broad",
            about: "{rule, why} for each rule that opens more than it names and is not told of in `contract`",
        },
        Fact {
            name: "other_selectors",
            about: "{rule, selector} for each rule that lets in by something else than the allow label and is not told of in `contract` or `broad`",
        },
        Fact { name: "label_rules", about: "how many rules let in by the allow label and nothing else" },
    ];
    const TARGET: Option<&'static str> = Some(KUBERNETES);
    type With = With;

    fn rights(_: &With, namespace: &str) -> Vec<Right> {
        vec![
            listing("networking.k8s.io/v1", "networkpolicies", Some(namespace)),
            listing("v1", "pods", Some(namespace)),
            listing("v1", "services", Some(namespace)),
        ]
    }

    async fn run(scope: Scope, with: With) -> Result<Facts, Trouble> {
        let connection = connect(&scope).await?;
        let namespace = Some(connection.cluster.namespace.as_str());
        let policies = connection.list(&scope, "networking.k8s.io/v1", "networkpolicies", namespace).await?;
        let policies: Vec<Value> = policies.into_iter().filter(|policy| !is_ours(policy)).collect();
        let services = connection.list(&scope, "v1", "services", namespace).await?;
        let pods = pods(&connection, &scope).await?;
        let contract = contract(&scope.targets, &connection.cluster.namespace);
        Ok(facts_of(&connection.cluster, &policies, &pods, &services, &contract, &with.declared))
    }
}

/// The services of the configuration that are in the infrastructure's namespace: Service and port.
fn contract(targets: &Targets, namespace: &str) -> BTreeMap<String, HostPort> {
    let inside = format!(".{namespace}.svc");
    let of_target = |(service, target): (&String, &std::sync::Arc<crate::model::Target>)| {
        target.address.host.contains(&inside).then(|| (service.clone(), target.address.clone()))
    };
    targets.iter().filter_map(of_target).collect()
}

fn facts_of(
    cluster: &Cluster,
    policies: &[Value],
    pods: &[Value],
    services: &[Value],
    contract: &BTreeMap<String, HostPort>,
    declared: &[String],
) -> Facts {
    let world = World::of(policies, &[]);
    let deny = |direction| -> Vec<&str> {
        let all = world.policies().iter().filter(|policy| policy.is_default_deny(direction));
        all.map(|policy| policy.name.as_str()).collect()
    };
    let rows: Map<String, Value> = pods.iter().map(|pod| (name(pod), pod_row(&world, pod))).collect();
    let open = |direction: &str| -> Vec<&String> {
        let all = rows.iter().filter(|(_, row)| list(&row[direction]).is_empty());
        all.map(|(name, _)| name).collect()
    };
    let ways = contract_rows(&Written { world: &world, cluster, declared }, pods, services, contract);
    let not_admitted: Vec<&String> =
        ways.iter().filter(|(_, row)| row["admitted"] != true).map(|(service, _)| service).collect();
    let told = |key: &str| -> Vec<&Value> { ways.values().flat_map(|row| list(&row[key])).collect() };
    let beside = |rows: Vec<Value>, key: &str| -> Vec<Value> {
        let told = told(key);
        rows.into_iter().filter(|row| !told.contains(&row)).collect()
    };
    let (mut broad, mut others, mut by_label) = (Vec::new(), Vec::new(), 0);
    for policy in world.policies().iter().filter(|policy| !declared.contains(&policy.name)) {
        for direction in [Direction::Ingress, Direction::Egress] {
            for (at, rule) in policy.rules(direction).unwrap_or_default().iter().enumerate() {
                broad.extend(broad_rows(policy, direction, at, rule));
                if direction == Direction::Ingress {
                    others.extend(stranger_rows(policy, at, rule, cluster));
                    by_label += rule.peers.iter().filter(|peer| is_label(peer, cluster)).count();
                }
            }
        }
    }
    Facts::from_iter([
        ("policies".to_owned(), json!(policies.len())),
        ("default_deny_ingress".to_owned(), json!(deny(Direction::Ingress))),
        ("default_deny_egress".to_owned(), json!(deny(Direction::Egress))),
        ("open_ingress".to_owned(), json!(open("ingress"))),
        ("open_egress".to_owned(), json!(open("egress"))),
        ("not_admitted".to_owned(), json!(not_admitted)),
        ("contract".to_owned(), Value::Object(ways.clone())),
        ("broad".to_owned(), Value::Array(beside(broad, "broad"))),
        ("other_selectors".to_owned(), Value::Array(beside(others, "other_selectors"))),
        ("label_rules".to_owned(), json!(by_label)),
        ("pods".to_owned(), Value::Object(rows.clone())),
    ])
}

fn pod_row(world: &World, pod: &Value) -> Value {
    let place = Place::of_pod(pod);
    let by = |direction| -> Vec<String> {
        world.isolating(&place, direction).map(|(policy, _)| policy.name.clone()).collect()
    };
    json!({"component": component(pod), "ingress": by(Direction::Ingress), "egress": by(Direction::Egress)})
}

/// What is written, and what of it is declared to be meant so.
struct Written<'a> {
    world: &'a World,
    cluster: &'a Cluster,
    declared: &'a [String],
}

impl Written<'_> {
    /// Whether a policy, as `namespace/policy`, is declared to be as broad as it is.
    fn is_declared(&self, policy: &str) -> bool {
        self.declared.iter().any(|name| policy.rsplit('/').next() == Some(name))
    }
}

/// For each service of the contract: whether a pod in a labelled namespace is let in at the pods' own port, whether
/// everybody is, and the rules about that port that let in more than the label does.
fn contract_rows(
    written: &Written<'_>,
    pods: &[Value],
    services: &[Value],
    contract: &BTreeMap<String, HostPort>,
) -> Map<String, Value> {
    let guest = |namespace: &str| Place { name: "app".to_owned(), namespace: namespace.to_owned(), ..Place::default() };
    let (key, value) = written.cluster.allow_label.clone();
    let world = written.world.clone().with_namespace("labelled", Labels::from([(key, value)]));
    let row = |(service, address): (&String, &HostPort)| {
        let own = address.host.split('.').next().unwrap_or_default();
        let ends =
            services.iter().find(|one| name(one) == own).map(|one| ends(one, address.port, pods)).unwrap_or_default();
        let decide = |from: &str| -> Vec<_> {
            ends.iter().map(|(to, port)| world.decide(Direction::Ingress, &guest(from), to, *port, "TCP")).collect()
        };
        let (labelled, unlabelled) = (decide("labelled"), decide("unlabelled"));
        let mut by: Vec<&String> = labelled.iter().filter(|one| one.allowed).flat_map(|one| &one.by).collect();
        by.sort_unstable();
        by.dedup();
        // Whoever no policy is about is open to everybody, and nobody declared that.
        let is_hole = |one: &&Decision| one.allowed && one.by.iter().all(|policy| !written.is_declared(policy));
        let (broad, others) = wide_rules(written, &ends);
        let row = json!({
            "port": ends.first().map(|(_, port)| *port),
            // Nothing at all is admitted nowhere.
            "admitted": !labelled.is_empty() && labelled.iter().all(|one| one.allowed),
            "by": by,
            "open_to_all": unlabelled.iter().any(|one| is_hole(&one)),
            "broad": broad,
            "other_selectors": others,
        });
        (service.clone(), row)
    };
    contract.iter().map(row).collect()
}

/// The rules about the ports of these pods that open more than they name, and those that let in by something else than
/// the allow label.
fn wide_rules(written: &Written<'_>, ends: &[(Place, u16)]) -> (Vec<Value>, Vec<Value>) {
    let (mut broad, mut others) = (Vec::new(), Vec::new());
    for policy in written.world.policies().iter().filter(|policy| !written.declared.contains(&policy.name)) {
        for (at, rule) in policy.rules(Direction::Ingress).unwrap_or_default().iter().enumerate() {
            let is_about =
                ends.iter().any(|(place, port)| policy.selects(place) && rule.takes_port(place, *port, "TCP"));
            if is_about {
                broad.extend(broad_rows(policy, Direction::Ingress, at, rule));
                others.extend(stranger_rows(policy, at, rule, written.cluster));
            }
        }
    }
    (broad, others)
}

/// The pods behind a port of a Service, each with its own port.
fn ends(service: &Value, port: u16, pods: &[Value]) -> Vec<(Place, u16)> {
    let spec = &service["spec"];
    let Some(own) = list(&spec["ports"]).iter().find(|one| one["port"] == port) else { return Vec::new() };
    let selector = json!({"matchLabels": spec["selector"]});
    let taken = pods.iter().filter(|pod| selects(&selector, &pod["metadata"]["labels"]));
    let with_port = taken.filter_map(|pod| {
        let place = Place::of_pod(pod);
        let number = match &own["targetPort"] {
            Value::Null => Some(port),
            Value::String(name) => place.ports.iter().find(|port| port.name == *name).map(|port| port.number),
            number => number.as_u64().and_then(|number| u16::try_from(number).ok()),
        };
        number.map(|number| (place, number))
    });
    with_port.collect()
}

/// What a rule opens more than it names.
fn broad_rows(policy: &Policy, direction: Direction, at: usize, rule: &Rule) -> Vec<Value> {
    let path = format!("{} {}[{at}]", policy.name, direction.word().to_lowercase());
    whys(rule).into_iter().map(|why| json!({"rule": path, "why": why})).collect()
}

fn whys(rule: &Rule) -> Vec<&'static str> {
    let mut whys = Vec::new();
    if rule.peers.is_empty() {
        whys.push("it names no peer, which is everybody");
    }
    if rule.ports.is_empty() {
        whys.push("it names no port, which is every port");
    } else if rule.ports.iter().any(|port| *port.range() == PortRange::All) {
        whys.push("it names a protocol without a port, which is every port");
    }
    whys.extend(rule.peers.iter().filter_map(everybody));
    whys
}

/// Why a peer is everybody, if it is.
fn everybody(peer: &Peer) -> Option<&'static str> {
    match peer {
        Peer::Pods { namespaces: Some(namespaces), .. } if namespaces.is_empty() => {
            Some("its namespaceSelector is empty, which is every namespace")
        }
        Peer::Addresses(block) if block.is_nearly_everything() => Some("its ipBlock is every address"),
        _ => None,
    }
}

/// Whether a peer is the namespaces with the allow label and nothing else.
fn is_label(peer: &Peer, cluster: &Cluster) -> bool {
    let (key, value) = &cluster.allow_label;
    matches!(peer, Peer::Pods { namespaces: Some(namespaces), pods: None } if namespaces.demands(key, value))
}

/// The peers of an ingress rule that are let in by something else than the allow label. Who is everybody is told among
/// the broad ones, so that one rule is not red twice.
fn stranger_rows(policy: &Policy, at: usize, rule: &Rule, cluster: &Cluster) -> Vec<Value> {
    let strangers = rule.peers.iter().filter(|peer| !is_label(peer, cluster) && everybody(peer).is_none());
    let selectors = strangers.filter_map(|peer| match peer {
        // Within the namespace the infrastructure is among itself.
        Peer::Pods { namespaces: None, .. } => None,
        Peer::Pods { namespaces: Some(namespaces), pods } => {
            let pods = pods.as_ref().map(|pods| format!(" and pods {}", pods.words())).unwrap_or_default();
            Some(format!("namespaces {}{pods}", namespaces.words()))
        }
        Peer::Addresses(_) => Some("an ipBlock".to_owned()),
        Peer::Unknown => Some("a peer that cannot be read".to_owned()),
    });
    selectors.map(|selector| json!({"rule": format!("{} ingress[{at}]", policy.name), "selector": selector})).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> Cluster {
        let cluster = json!({
            "access": "in_cluster", "name": "test", "namespace": "infra", "image": null,
            "allow_label": ["open", "true"], "application": null, "outside": [],
        });
        serde_json::from_value(cluster).expect("a cluster")
    }

    fn facts(specs: &[Value], label: &str) -> Facts {
        let policy = |spec: &Value| json!({"metadata": {"name": spec["name"], "namespace": "infra"}, "spec": spec});
        let policies: Vec<Value> = specs.iter().map(policy).collect();
        let pod = json!({
            "metadata": {"name": "redis-0", "namespace": "infra", "labels": {"app": label}},
            "spec": {"containers": [{"ports": [{"name": "client", "containerPort": 6380}]}]},
        });
        let service = json!({"metadata": {"name": "redis"}, "spec": {"selector": {"app": label}, "ports": [{"port": 6379, "targetPort": "client"}]}});
        let contract = BTreeMap::from([("redis".to_owned(), "redis.infra.svc:6379".parse().expect("an address"))]);
        facts_of(&cluster(), &policies, &[pod], &[service], &contract, &["declared".to_owned()])
    }

    fn allow(port: &Value, selector: &Value) -> Value {
        json!({"name": "allow", "podSelector": {"matchLabels": {"app": "redis"}}, "ingress": [
            {"from": [{"namespaceSelector": selector}], "ports": [{"port": port}]}]})
    }

    #[test]
    fn a_rule_opens_the_pods_port_and_not_the_services() {
        let (deny, label) = (
            json!({"name": "deny", "podSelector": {}, "policyTypes": ["Ingress"]}),
            json!({"matchLabels": {"open": "true"}}),
        );
        for (port, pod_label, not_admitted) in [
            (json!(6380), "redis", json!([])),
            (json!("client"), "redis", json!([])),
            (json!(6379), "redis", json!(["redis"])),
            // The pods were renamed, and the policy no longer is about them.
            (json!(6380), "cache", json!(["redis"])),
        ] {
            let facts = facts(&[deny.clone(), allow(&port, &label)], pod_label);
            assert_eq!(facts["not_admitted"], not_admitted, "{port} {pod_label}");
            assert_eq!((&facts["open_ingress"], &facts["open_egress"]), (&json!([]), &json!(["redis-0"])));
        }
    }

    #[test]
    fn a_rule_that_opens_more_than_it_names_is_named() {
        let rule = |ingress: Value| json!({"name": "p", "podSelector": {}, "ingress": [ingress]});
        let from = |peer: Value| rule(json!({"from": [peer], "ports": [{"port": 1}]}));
        for (policy, count) in [
            (rule(json!({})), 2),
            (rule(json!({"ports": [{"port": 1}]})), 1),
            (rule(json!({"from": [{"podSelector": {}}]})), 1),
            (rule(json!({"from": [{"podSelector": {}}], "ports": [{"protocol": "TCP"}]})), 1),
            (from(json!({"namespaceSelector": {}})), 1),
            (from(json!({"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}})), 1),
            (from(json!({"podSelector": {}})), 0),
            (from(json!({"namespaceSelector": {"matchLabels": {"open": "true"}}})), 0),
            (json!({"name": "declared", "podSelector": {}, "ingress": [{}]}), 0),
        ] {
            let facts = facts(std::slice::from_ref(&policy), "redis");
            let (own, rest) = (&facts["contract"]["redis"]["broad"], &facts["broad"]);
            assert_eq!(list(own).len() + list(rest).len(), count, "{policy} {own} {rest}");
        }
    }

    #[test]
    fn only_the_exact_label_of_the_namespace_is_a_label_rule() {
        let label = json!({"matchLabels": {"open": "true"}});
        for (selector, by_label, others) in [
            (label, 1, 0),
            (json!({"matchLabels": {"kubernetes.io/metadata.name": "app"}}), 0, 1),
            (json!({"matchExpressions": [{"key": "open", "operator": "Exists"}]}), 0, 1),
        ] {
            let facts = facts(&[allow(&json!(6380), &selector)], "redis");
            let told = list(&facts["contract"]["redis"]["other_selectors"]).len();
            assert_eq!((&facts["label_rules"], told), (&json!(by_label), others));
            assert_eq!(facts["other_selectors"], json!([]), "what a service's row tells is not told again");
        }
    }

    #[test]
    fn who_else_reaches_a_service_is_told_in_its_row_and_the_rest_beside_it() {
        let deny = json!({"name": "deny", "podSelector": {}, "policyTypes": ["Ingress"]});
        let (label, all) = (json!({"matchLabels": {"open": "true"}}), json!({}));
        let by_name = json!({"matchLabels": {"kubernetes.io/metadata.name": "app"}});
        let declared = |policy: Value| {
            let mut policy = policy;
            policy["name"] = json!("declared");
            policy
        };
        for (policy, open, broad, others, rest) in [
            (allow(&json!(6380), &label), false, 0, 0, 0),
            (allow(&json!(6380), &all), true, 1, 0, 0),
            (allow(&json!(6380), &by_name), false, 0, 1, 0),
            // Of another port of the same pod.
            (allow(&json!(9121), &all), false, 0, 0, 1),
            (declared(allow(&json!(6380), &all)), false, 0, 0, 0),
        ] {
            let facts = facts(&[deny.clone(), policy.clone()], "redis");
            let row = &facts["contract"]["redis"];
            let told = (&row["open_to_all"], list(&row["broad"]).len(), list(&row["other_selectors"]).len());
            assert_eq!(told, (&json!(open), broad, others), "{policy}");
            assert_eq!(list(&facts["broad"]).len(), rest, "{policy}");
        }
        assert_eq!(facts(&[], "redis")["contract"]["redis"]["open_to_all"], json!(true), "no policy is about the pod");
    }
}
