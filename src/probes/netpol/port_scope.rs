use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use super::{
    simulation::{end, guest, world},
    vantages::vantages,
};
use crate::{
    cluster::{
        policy::{Direction, World},
        vantage::{Directory, Outcome, Sample, Source, Vantages, rights},
    },
    model::{Fact, Facts, HostPort, Right, Trouble},
    probes::{NoParameters, Probe, Scope, kubernetes::connect},
};

/// How long the attempts may take to settle.
const WITHIN: Duration = Duration::from_secs(10);

/// Whether a permitted namespace reaches only the contract's ports of the pods, and none of the others that their
/// containers declare or that are known to be nobody's business: controllers, peers, metrics.
///
/// A port counts as the contract's only where a declared address leads to it: that some Service names it, as headless
/// ones do for peers, makes it no application's. What a Service of its own beside the contract offers is left out.
/// Where the enforcer drops packets, a refusal came from the pod itself: the packet got through. Where it rejects them,
/// a refusal is the enforcer's or that of a port on which nobody listens, and what the policies say decides which: a port
/// that they open is open, whether or not somebody listens there today.
pub(in crate::probes) struct PortScope;

impl Probe for PortScope {
    const NAME: &'static str = "netpol.port_scope";
    const ABOUT: &'static str =
        "connects from a permitted namespace to every declared port of the pods that is no contract port";
    const FACTS: &'static [Fact] = &[
        Fact { name: "ports", about: "the ports that were tried: {to, port, outcomes}" },
        Fact { name: "tried", about: "how many they are" },
        Fact { name: "open", about: "those that a packet got through to" },
        Fact {
            name: "refused",
            about: "those that refused where the enforcer refuses too: by it, or because nobody listens",
        },
        Fact { name: "refusal", about: "how this enforcer refuses: timed_out, refused or unreachable" },
    ];
    const WRITES: bool = true;
    const TARGET: Option<&'static str> = Some("kubernetes");
    type With = NoParameters;

    fn rights(_: &NoParameters, namespace: &str) -> Vec<Right> {
        let mut rights = rights(namespace);
        rights.push(Right::within(namespace, "networking.k8s.io", "networkpolicies", "list"));
        rights
    }

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let vantages = vantages(&scope).await?;
        let contract: Vec<&HostPort> = scope.targets.values().map(|target| &target.address).collect();
        let others = others(&vantages.directory, &contract);
        let mode = refusal_mode(&scope, &vantages, &contract).await?;
        let written = Written::read(&scope).await?;
        let (mut ports, mut open, mut refused) = (Vec::new(), Vec::new(), Vec::new());
        let since = vantages.from_now(&Source::Labelled);
        for (to, what) in others {
            let waiting = vantages.becomes(&Source::Labelled, to, false, since, WITHIN);
            scope.clock.phase("reach", waiting).await?;
            let attempts = vantages.attempts(&Source::Labelled, to, since);
            match seen(&attempts, mode) {
                Seen::Open => open.push(what.clone()),
                Seen::Refused if written.opens(to) => open.push(what.clone()),
                Seen::Refused => refused.push(what.clone()),
                Seen::Shut => {}
            }
            let mut outcomes: Vec<&str> = attempts.iter().map(|attempt| attempt.outcome.word()).collect();
            outcomes.sort_unstable();
            outcomes.dedup();
            ports.push(json!({"to": to, "port": what, "outcomes": outcomes}));
        }
        Ok(Facts::from_iter([
            ("tried".to_owned(), json!(ports.len())),
            ("ports".to_owned(), Value::Array(ports)),
            ("open".to_owned(), json!(open)),
            ("refused".to_owned(), json!(refused)),
            ("refusal".to_owned(), json!(mode.word())),
        ]))
    }
}

/// What the policies say of the ports of pods.
struct Written {
    world: World,
    pods: Vec<Value>,
}

impl Written {
    async fn read(scope: &Scope) -> Result<Self, Trouble> {
        let connection = connect(scope).await?;
        let namespace = Some(connection.cluster.namespace.as_str());
        let policies = connection.list(scope, "networking.k8s.io/v1", "networkpolicies", namespace).await?;
        let pods = connection.list(scope, "v1", "pods", namespace).await?;
        Ok(Self { world: world(&connection.cluster, &policies), pods })
    }

    /// Whether they let a permitted namespace in there. Of an address that no pod has any more nothing is said.
    fn opens(&self, address: &str) -> bool {
        end(&self.pods, address).is_some_and(|(place, port)| {
            self.world.decide(Direction::Ingress, &guest(&Source::Labelled), &place, port, "TCP").allowed
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    /// A packet got through.
    Open,
    /// Refused, as this enforcer refuses too.
    Refused,
    Shut,
}

fn seen(attempts: &[Sample], mode: Outcome) -> Seen {
    let has = |outcome| attempts.iter().any(|attempt| attempt.outcome == outcome);
    if has(Outcome::Connected) || (has(Outcome::Refused) && mode != Outcome::Refused) {
        Seen::Open
    } else if has(Outcome::Refused) {
        Seen::Refused
    } else {
        Seen::Shut
    }
}

/// The endpoints behind the declared addresses.
fn contract_ends(directory: &Directory, contract: &[&HostPort]) -> BTreeSet<String> {
    let ends = contract.iter().filter_map(|address| {
        let service = directory.services.get(address.host.split('.').next()?)?;
        Some(service.behind(address.port))
    });
    ends.flatten().collect()
}

/// The ports that are no application's, with their words.
fn others<'a>(directory: &'a Directory, contract: &[&HostPort]) -> Vec<(&'a String, &'a String)> {
    let own = contract_ends(directory, contract);
    let is_of_contract = |name: &str| contract.iter().any(|address| address.host.split('.').next() == Some(name));
    let beside = directory.services.iter().filter(|(name, one)| !one.cluster.is_empty() && !is_of_contract(name));
    let offered: BTreeSet<&String> = beside.flat_map(|(_, service)| &service.endpoints).collect();
    let is_tried = |to: &String| !own.contains(to) && (directory.guarded.contains(to) || !offered.contains(to));
    directory.declared.iter().filter(|(to, _)| is_tried(to)).collect()
}

/// How an unlabelled source fares at a contract port: that is how this enforcer refuses. The rows that this check needs
/// have seen that the permitted source gets through there, so it is nobody else's refusal.
async fn refusal_mode(scope: &Scope, vantages: &Vantages, contract: &[&HostPort]) -> Result<Outcome, Trouble> {
    let undecided = || Trouble::unable("reach", "netpol.no_twin", "no refusal was seen to compare with");
    let to = contract_ends(&vantages.directory, contract).pop_first().ok_or_else(undecided)?;
    let since = vantages.from_now(&Source::Unlabelled);
    let waiting = vantages.becomes(&Source::Unlabelled, &to, false, since, WITHIN);
    let settled = scope.clock.phase("reach", waiting).await?.ok_or_else(undecided)?;
    Ok(super::canary::class_of(&settled))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cluster::vantage::ServiceAddresses;

    #[test]
    fn a_refusal_that_is_not_the_enforcers_is_an_open_door() {
        use Outcome::{Connected, Refused, TimedOut, Unreachable};
        for (outcome, mode, expected) in [
            (Connected, Refused, Seen::Open),
            (Connected, TimedOut, Seen::Open),
            (Refused, TimedOut, Seen::Open),
            (Refused, Unreachable, Seen::Open),
            (Refused, Refused, Seen::Refused),
            (TimedOut, Refused, Seen::Shut),
            (Unreachable, Unreachable, Seen::Shut),
        ] {
            let attempt = Sample { seq: 0, to: String::new(), at_ms: 0, outcome, took_us: 0 };
            assert_eq!(seen(&[attempt], mode), expected, "{outcome:?} {mode:?}");
        }
    }

    #[test]
    fn a_port_is_the_contracts_only_where_a_declared_address_leads() {
        let service = |cluster: &[&str], ports: &[(u64, &str)]| ServiceAddresses {
            cluster: cluster.iter().map(|&address| address.to_owned()).collect(),
            endpoints: ports.iter().map(|(_, end)| (*end).to_owned()).collect(),
            behind: ports.iter().map(|(port, end)| (*port, vec![(*end).to_owned()])).collect(),
        };
        let declared = ["10.0.0.1:2379", "10.0.0.1:2380", "10.0.0.1:2381", "10.0.0.2:8081", "10.0.0.3:9093"];
        let directory = Directory {
            services: BTreeMap::from([
                ("etcd".to_owned(), service(&["10.9.0.1:2379"], &[(2379, declared[0]), (2381, declared[2])])),
                ("etcd-headless".to_owned(), service(&[], &[(2379, declared[0]), (2380, declared[1])])),
                ("registry".to_owned(), service(&["10.9.0.2:8081"], &[(8081, declared[3])])),
                ("controller".to_owned(), service(&["10.9.0.3:9093"], &[(9093, declared[4])])),
            ]),
            declared: declared.iter().map(|&to| (to.to_owned(), to.to_owned())).collect(),
            guarded: BTreeSet::from([declared[1].to_owned(), declared[4].to_owned()]),
            name_servers: Vec::new(),
        };
        let contract: HostPort = "etcd.infra.svc:2379".parse().expect("an address");
        let tried: Vec<&String> = others(&directory, &[&contract]).into_iter().map(|(to, _)| to).collect();
        assert_eq!(tried, [declared[1], declared[2], declared[4]]);
    }
}
