use std::time::Duration;

use serde_json::{Value, json};

use super::vantages::vantages;
use crate::{
    cluster::{
        policy::{Direction, Labels, Place, World},
        vantage::{Outcome, Sample, Source, Vantages, rights},
    },
    model::{Cluster, Fact, Facts, Right, Trouble},
    probes::{NoParameters, Probe, Scope, kubernetes::connect},
};

/// How long the attempts may take to come in.
const WITHIN: Duration = Duration::from_secs(10);

/// Whether what was observed is what the policy objects say, cell by cell: source by address of a pod.
///
/// A difference is either an enforcer that does something else than the policies say, or a policy of another kind
/// (Cilium, Calico, `AdminNetworkPolicy`) that the objects looked at do not tell of.
pub(in crate::probes) struct Simulation;

impl Probe for Simulation {
    const NAME: &'static str = "netpol.simulation";
    const ABOUT: &'static str =
        "evaluates the policies for each source and pod address, and compares with what was seen";
    const FACTS: &'static [Fact] = &[
        Fact { name: "cells", about: "how many pairs of source and address were compared" },
        Fact { name: "differences", about: "those that differ: {from, to, simulated, observed}" },
        Fact { name: "mixed", about: "those whose attempts did not agree with each other" },
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
        let connection = connect(&scope).await?;
        let namespace = connection.cluster.namespace.clone();
        let policies = connection.list(&scope, "networking.k8s.io/v1", "networkpolicies", Some(&namespace)).await?;
        let pods = connection.list(&scope, "v1", "pods", Some(&namespace)).await?;
        let world = world(&connection.cluster, &policies);
        let (mut cells, mut differences, mut mixed) = (0, Vec::new(), Vec::new());
        for source in [Source::Labelled, Source::Unlabelled] {
            let since = vantages.from_now(&source);
            for endpoint in vantages.directory.services.values().flat_map(|service| &service.endpoints) {
                let Some((to, port)) = end(&pods, endpoint) else { continue };
                // Ingress alone: nothing isolates a scratch namespace's own way out.
                let guest = guest(&source);
                let simulated = world.decide(Direction::Ingress, &guest, &to, port, "TCP").allowed;
                let observed = observed(&scope, &vantages, &source, endpoint, simulated, since).await?;
                cells += 1;
                let row = json!({
                    "from": source.word(), "to": format!("{} ({endpoint})", to.name),
                    "simulated": if simulated { "allowed" } else { "denied" }, "observed": observed.word(),
                });
                match observed {
                    Seen::Mixed => mixed.push(row),
                    seen if (seen == Seen::Allowed) != simulated => differences.push(row),
                    _ => {}
                }
            }
        }
        Ok(Facts::from_iter([
            ("cells".to_owned(), json!(cells)),
            ("differences".to_owned(), Value::Array(differences)),
            ("mixed".to_owned(), Value::Array(mixed)),
        ]))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Allowed,
    Denied,
    Mixed,
}

impl Seen {
    fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Mixed => "mixed",
        }
    }
}

/// The policies, and the sources' namespaces by their words.
pub(super) fn world(cluster: &Cluster, policies: &[Value]) -> World {
    let (key, value) = cluster.allow_label.clone();
    World::of(policies, &[])
        .with_namespace(Source::Labelled.word(), Labels::from([(key, value)]))
        .with_namespace(Source::Unlabelled.word(), Labels::new())
}

pub(super) fn guest(source: &Source) -> Place {
    Place { name: source.word().to_owned(), namespace: source.word().to_owned(), ..Place::default() }
}

/// The pod that has this address.
pub(super) fn end(pods: &[Value], endpoint: &str) -> Option<(Place, u16)> {
    let address: std::net::SocketAddr = endpoint.parse().ok()?;
    let place = pods.iter().map(Place::of_pod).find(|place| place.address == Some(address.ip()))?;
    Some((place, address.port()))
}

async fn observed(
    scope: &Scope,
    vantages: &Vantages,
    source: &Source,
    to: &str,
    expected: bool,
    since: i64,
) -> Result<Seen, Trouble> {
    let waiting = vantages.becomes(source, to, expected, since, WITHIN);
    scope.clock.phase("reach", waiting).await?;
    Ok(seen(&vantages.attempts(source, to, since)))
}

fn seen(attempts: &[Sample]) -> Seen {
    // The first of them may fall into the time in which an engine learns of the pod.
    let recent = &attempts[attempts.len().saturating_sub(3)..];
    let connected = recent.iter().filter(|attempt| attempt.outcome == Outcome::Connected).count();
    match connected {
        0 if !recent.is_empty() => Seen::Denied,
        count if count == recent.len() && count > 0 => Seen::Allowed,
        _ => Seen::Mixed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_that_disagree_are_neither() {
        use Outcome::{Connected, TimedOut};
        let of = |outcomes: &[Outcome]| {
            let sample =
                |outcome: &Outcome| Sample { seq: 0, to: String::new(), at_ms: 0, outcome: *outcome, took_us: 0 };
            seen(&outcomes.iter().map(sample).collect::<Vec<_>>())
        };
        assert_eq!(of(&[TimedOut, Connected, Connected, Connected]), Seen::Allowed);
        assert_eq!(of(&[TimedOut, TimedOut, TimedOut]), Seen::Denied);
        assert_eq!(of(&[TimedOut, Connected, TimedOut]), Seen::Mixed);
        assert_eq!(of(&[]), Seen::Mixed);
    }
}
