use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};

use super::connection::{Leader, connect_to, members};
use super::trouble::trouble;
use crate::{
    model::{Fact, Facts, HostPort, Target, Trouble, TroubleKind},
    probes::{NoParameters, Probe, Scope},
};

/// How long one member may take for one read.
const BOUND: Duration = Duration::from_secs(2);

/// Reads a key from every member, linearizably, as `etcdctl endpoint health` does.
///
/// A linearizable read needs a quorum, so it cannot come from a member that lost its cluster. A refused right counts as
/// health: the read was agreed on before it was refused. With several members each is a fact; when none of them answers,
/// or there is only one, its trouble is the outcome.
pub(in crate::probes) struct EndpointHealth;

impl Probe for EndpointHealth {
    const NAME: &'static str = "etcd.endpoint_health";
    const ABOUT: &'static str = "reads a key from every member, linearizably";
    const FACTS: &'static [Fact] = &[
        Fact { name: "endpoints", about: "by member: `{address, healthy, took_ms, class, trouble}`" },
        Fact { name: "unhealthy", about: "the members that did not answer, each with its trouble" },
    ];
    type With = NoParameters;

    async fn run(scope: Scope, _: NoParameters) -> Result<Facts, Trouble> {
        let target = scope.target()?;
        let members = members(&target);
        let answers = join_all(members.iter().map(|member| read(&scope, &target, member))).await;
        let mut endpoints = Vec::new();
        let mut unhealthy = Vec::new();
        let mut last = None;
        for (member, answer) in members.iter().zip(answers) {
            match answer {
                Ok(took) => {
                    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                    endpoints.push(json!({"address": member.to_string(), "healthy": true, "took_ms": took_ms}));
                }
                Err(trouble) if trouble.kind == TroubleKind::Unable => return Err(trouble),
                Err(trouble) => {
                    endpoints.push(json!({
                        "address": member.to_string(), "healthy": false,
                        "class": trouble.class, "trouble": trouble.to_string(),
                    }));
                    unhealthy.push(json!(format!("{member}: {trouble}")));
                    last = Some(trouble);
                }
            }
        }
        let is_one_healthy = endpoints.iter().any(|endpoint| endpoint["healthy"] == json!(true));
        match last {
            Some(trouble) if !is_one_healthy => Err(trouble),
            _ => Ok(Facts::from_iter([
                ("endpoints".to_owned(), Value::Array(endpoints)),
                ("unhealthy".to_owned(), Value::Array(unhealthy)),
            ])),
        }
    }
}

async fn read(scope: &Scope, target: &Target, member: &HostPort) -> Result<Duration, Trouble> {
    let mut client = connect_to(scope, target, member, Leader::Required).await?;
    let start = Instant::now();
    let reading = async { client.get("health", None).await.map_err(|error| trouble("range", &error)) };
    // Inside the check's own time, so that one silent member leaves time to tell of the others.
    let bound = BOUND.min(scope.clock.left().mul_f32(0.8));
    match scope.clock.phase_within("range", bound, reading).await {
        Err(trouble) if trouble.class != "authz.denied" => Err(trouble),
        _ => Ok(start.elapsed()),
    }
}
